/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * etfs: character devices, streams from and to a host file or device. Each
 * open of the node is one of the host's file; removal does not disturb it.
 */
#include <kern/assert.h>
#include <kern/blkdev.h>
#include <kern/kmem.h>
#include <kern/string.h>
#include <rump/rumpuser.h>

#include "etfs.h"

#define MAJOR	240u		/* the first of those for local use */
#define CHUNK	((size_t)64 << 10)

struct etfs_chr {
	struct list ec_link;		/* [chr_lock] */
	uint32_t ec_minor;
	char *ec_path;
};

struct stream {
	int st_fd;
};

static struct lock_class chr_lc = LOCK_CLASS("etfs streams", 0);
static struct kmutex chr_lock;
static struct list chrs = LIST_INITIALIZER(chrs);	/* [chr_lock] */
static uint32_t next_minor;				/* [chr_lock] */

/* The host path of a device, to be freed. */
static int
path_of(dev_t dev, char **pathp)
{
	struct etfs_chr *ec;
	struct list *n;
	int error = ENXIO;

	mutex_enter(&chr_lock);
	LIST_FOREACH(n, &chrs) {
		ec = container_of(n, struct etfs_chr, ec_link);
		if (ec->ec_minor != dev_minor(dev))
			continue;
		*pathp = kmem_strdup(ec->ec_path, KM_NORECLAIM);
		error = *pathp == NULL ? ENOMEM : 0;
		break;
	}
	mutex_exit(&chr_lock);
	return error;
}

static int
chr_open(dev_t dev, int flags, void **privp)
{
	struct stream *st;
	char *path;
	int error, how;

	how = (flags & O_ACCMODE) == O_RDONLY ? RUMPUSER_OPEN_READ :
	    (flags & O_ACCMODE) == O_WRONLY ? RUMPUSER_OPEN_WRITE :
	    RUMPUSER_OPEN_READ | RUMPUSER_OPEN_WRITE;
	error = path_of(dev, &path);
	if (error != 0)
		return error;
	st = kmem_alloc(sizeof(*st), 0);
	error = st == NULL ? ENOMEM : rumpuser_open(path, how, &st->st_fd);
	kmem_strfree(path);
	if (error != 0) {
		kmem_free(st, sizeof(*st));
		return error;
	}
	*privp = st;
	return 0;
}

static void
chr_close(dev_t dev __maybe_unused, void *priv)
{
	struct stream *st = priv;

	(void)rumpuser_close(st->st_fd);
	kmem_free(st, sizeof(*st));
}

static int
chr_read(dev_t dev __maybe_unused, void *priv, struct uio *uio,
    int flags __maybe_unused)
{
	struct stream *st = priv;
	struct rumpuser_iovec v;
	size_t len = MIN(uio->uio_resid, CHUNK), n = 0;
	int error;

	if (len == 0)
		return 0;
	v.iov_len = len;
	v.iov_base = kmem_alloc(len, 0);
	if (v.iov_base == NULL)
		return ENOMEM;
	error = rumpuser_readv(st->st_fd, &v, 1, RUMPUSER_OFF_STREAM, &n);
	if (error == 0)
		error = uiomove(v.iov_base, n, uio);
	kmem_free(v.iov_base, len);
	return error;
}

static int
chr_write(dev_t dev __maybe_unused, void *priv, struct uio *uio,
    int flags __maybe_unused)
{
	struct stream *st = priv;
	struct rumpuser_iovec v;
	size_t len = MIN(uio->uio_resid, CHUNK), n, done;
	char *buf, *p;
	int error = 0;

	if (len == 0)
		return 0;
	buf = kmem_alloc(len, 0);
	if (buf == NULL)
		return ENOMEM;
	while (error == 0 && uio->uio_resid > 0) {
		n = MIN(uio->uio_resid, len);
		error = uiomove(buf, n, uio);
		for (p = buf; error == 0 && n > 0; p += done, n -= done) {
			v.iov_base = p;
			v.iov_len = n;
			done = 0;
			error = rumpuser_writev(st->st_fd, &v, 1,
			    RUMPUSER_OFF_STREAM, &done);
			if (error == 0 && done == 0)
				error = EIO;
		}
	}
	kmem_free(buf, len);
	return error;
}

static const struct cdevops etfs_chrops = {
	.cd_open = chr_open,
	.cd_close = chr_close,
	.cd_read = chr_read,
	.cd_write = chr_write,
};

int
etfs_chr_create(const char *hostpath, void **objp, dev_t *devp)
{
	struct etfs_chr *ec = kmem_zalloc(sizeof(*ec), 0);

	if (ec == NULL)
		return ENOMEM;
	ec->ec_path = kmem_strdup(hostpath, 0);
	if (ec->ec_path == NULL) {
		kmem_free(ec, sizeof(*ec));
		return ENOMEM;
	}
	mutex_enter(&chr_lock);
	ec->ec_minor = next_minor++;
	list_insert_tail(&chrs, &ec->ec_link);
	mutex_exit(&chr_lock);
	*objp = ec;
	*devp = makedev(MAJOR, ec->ec_minor);
	return 0;
}

void
etfs_chr_destroy(void *obj)
{
	struct etfs_chr *ec = obj;

	mutex_enter(&chr_lock);
	list_remove(&ec->ec_link);
	mutex_exit(&chr_lock);
	kmem_strfree(ec->ec_path);
	kmem_free(ec, sizeof(*ec));
}

int
etfs_chr_init(void)
{
	mutex_init(&chr_lock, &chr_lc);
	return cdev_attach("etfs", MAJOR, 0, UINT32_MAX / 2, &etfs_chrops);
}
