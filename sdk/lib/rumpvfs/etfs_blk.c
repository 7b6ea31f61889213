/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * etfs: a block device over a host file or host block device, or a part of it.
 *
 * There are two handles of the host file, one to read, and one to write with
 * the lock that keeps other writers away; the second exists while somebody has
 * the device open for writing.
 */
#include <kern/assert.h>
#include <kern/blkdev.h>
#include <kern/kmem.h>
#include <kern/string.h>
#include <rump/etfs.h>
#include <rump/rumpuser.h>

#include "etfs.h"

#define SECTOR	512u
#define NOFD	(-1)

/* l  bd_lock of eb_bd; constant while the device is open (that way) */
struct etfs_blk {
	struct blkdev eb_bd;
	char *eb_path;			/* immutable */
	uint64_t eb_begin, eb_size;	/* immutable; bytes */
	int eb_rfd, eb_wfd;		/* [l] */
};

_Static_assert(sizeof(struct rumpuser_bio) <=
    sizeof(((struct bio *)0)->bio_priv), "bio_priv holds a rumpuser_bio");
_Static_assert(sizeof(struct rumpuser_iovec) == sizeof(struct iovec) &&
    offsetof(struct rumpuser_iovec, iov_len) == offsetof(struct iovec,
    iov_len), "the platform's iovec is the UAPI's");

static const struct rumpuser_iovec *
host_iov(const struct iovec *iov)
{
	return (const struct rumpuser_iovec *)iov;
}

/* ---- Requests --------------------------------------------------------- */

static void
done(struct rumpuser_bio *rb, size_t n, int error)
{
	struct bio *b = container_of((void *)rb, struct bio, bio_priv);

	if (error == 0 && (b->bio_op == BIO_READ || b->bio_op == BIO_WRITE) &&
	    n != b->bio_len)
		error = EIO;
	b->bio_error = error;
	b->bio_done(b);
}

static struct rumpuser_bio *
host_bio(struct etfs_blk *eb, struct bio *b)
{
	static const enum rumpuser_bio_op op[] = {
		[BIO_READ] = RUMPUSER_BIO_READ,
		[BIO_WRITE] = RUMPUSER_BIO_WRITE,
		[BIO_SYNC] = RUMPUSER_BIO_SYNC,
		[BIO_DISCARD] = RUMPUSER_BIO_DISCARD,
		[BIO_ZERO] = RUMPUSER_BIO_ZERO,
	};
	struct rumpuser_bio *rb = (struct rumpuser_bio *)b->bio_priv;

	rb->rb_op = op[b->bio_op];
	rb->rb_fd = b->bio_op == BIO_READ ? eb->eb_rfd : eb->eb_wfd;
	rb->rb_iov = host_iov(b->bio_iov);
	rb->rb_iovcnt = b->bio_iovcnt;
	rb->rb_off = eb->eb_begin + b->bio_off;
	rb->rb_len = b->bio_len;
	rb->rb_done = done;
	return rb;
}

static void
submit(struct blkdev *bd, struct bio *const *bios, int n)
{
	struct rumpuser_bio *rbs[32];
	struct etfs_blk *eb = bd->bd_data;
	struct bio *b;
	int i, k = 0;

	for (i = 0; i < n; i++) {
		b = bios[i];
		/* Read-only: nothing to sync, nothing may change. */
		if (b->bio_op != BIO_READ && eb->eb_wfd == NOFD) {
			b->bio_error = b->bio_op == BIO_SYNC ? 0 : EROFS;
			b->bio_done(b);
			continue;
		}
		rbs[k++] = host_bio(eb, b);
		if (k == (int)nitems(rbs)) {
			rumpuser_bio_submit(rbs, k);
			k = 0;
		}
	}
	if (k > 0)
		rumpuser_bio_submit(rbs, k);
}

static int
read(struct blkdev *bd, const struct iovec *iov, int cnt, uint64_t off)
{
	struct etfs_blk *eb = bd->bd_data;
	size_t n, len = 0;
	int error, i;

	for (i = 0; i < cnt; i++)
		len += iov[i].iov_len;
	error = rumpuser_readv(eb->eb_rfd, host_iov(iov), cnt,
	    (int64_t)(eb->eb_begin + off), &n);
	return error != 0 ? error : n != len ? EIO : 0;
}

static int
write(struct blkdev *bd, const struct iovec *iov, int cnt, uint64_t off)
{
	struct etfs_blk *eb = bd->bd_data;
	size_t n, len = 0;
	int error, i;

	if (eb->eb_wfd == NOFD)
		return EROFS;
	for (i = 0; i < cnt; i++)
		len += iov[i].iov_len;
	error = rumpuser_writev(eb->eb_wfd, host_iov(iov), cnt,
	    (int64_t)(eb->eb_begin + off), &n);
	return error != 0 ? error : n != len ? EIO : 0;
}

/* ---- Open ------------------------------------------------------------- */

static void
drop(int *fdp)
{
	if (*fdp != NOFD)
		(void)rumpuser_close(*fdp);
	*fdp = NOFD;
}

/* The size and the sectors of what is there now. */
static int
look(struct etfs_blk *eb)
{
	struct rumpuser_fileinfo fi;
	uint64_t size;
	int error;

	error = rumpuser_fstat(eb->eb_rfd, &fi);
	if (error != 0)
		return error;
	eb->eb_bd.bd_secsize = fi.fi_type == RUMPUSER_FT_BLK &&
	    ispow2(fi.fi_blksize) && fi.fi_blksize >= SECTOR &&
	    fi.fi_blksize <= PAGE_SIZE ? fi.fi_blksize : SECTOR;
	if (eb->eb_begin > fi.fi_size)
		return EIO;
	size = fi.fi_size - eb->eb_begin;
	if (eb->eb_size != RUMP_ETFS_SIZE_ENDOFF) {
		if (eb->eb_size > size)
			return EIO;
		size = eb->eb_size;
	}
	eb->eb_bd.bd_size = rounddown2(size, (uint64_t)eb->eb_bd.bd_secsize);
	return (eb->eb_begin & (eb->eb_bd.bd_secsize - 1)) != 0 ? EINVAL : 0;
}

static int
open(struct blkdev *bd, bool writing)
{
	struct etfs_blk *eb = bd->bd_data;
	bool first = eb->eb_rfd == NOFD;
	int error;

	if (first) {
		error = rumpuser_open(eb->eb_path,
		    RUMPUSER_OPEN_READ | RUMPUSER_OPEN_BIO, &eb->eb_rfd);
		if (error != 0)
			return error;
		error = look(eb);
		if (error != 0)
			goto fail;
	}
	if (!writing)
		return 0;
	error = rumpuser_open(eb->eb_path, RUMPUSER_OPEN_READ |
	    RUMPUSER_OPEN_WRITE | RUMPUSER_OPEN_BIO | RUMPUSER_OPEN_LOCK,
	    &eb->eb_wfd);
	if (error == 0)
		return 0;
fail:
	if (first)
		drop(&eb->eb_rfd);
	return error;
}

static void
unwrite(struct blkdev *bd)
{
	struct etfs_blk *eb = bd->bd_data;

	drop(&eb->eb_wfd);
}

static void
close(struct blkdev *bd)
{
	struct etfs_blk *eb = bd->bd_data;

	drop(&eb->eb_wfd);
	drop(&eb->eb_rfd);
}

static const struct blkdevops etfs_blkops = {
	.bd_submit = submit,
	.bd_read = read,
	.bd_write = write,
	.bd_open = open,
	.bd_unwrite = unwrite,
	.bd_close = close,
};

/* ---- Lifetime --------------------------------------------------------- */

int
etfs_blk_create(const char *key, const char *hostpath, uint64_t begin,
    uint64_t size, void **objp, dev_t *devp)
{
	struct etfs_blk *eb;
	int error = ENOMEM;

	eb = kmem_zalloc(sizeof(*eb), 0);
	if (eb == NULL)
		return ENOMEM;
	eb->eb_path = kmem_strdup(hostpath, 0);
	if (eb->eb_path == NULL)
		goto fail;
	eb->eb_begin = begin;
	eb->eb_size = size;
	eb->eb_rfd = eb->eb_wfd = NOFD;
	eb->eb_bd.bd_op = &etfs_blkops;
	eb->eb_bd.bd_data = eb;
	eb->eb_bd.bd_secsize = SECTOR;
	strlcpy(eb->eb_bd.bd_name, key, sizeof(eb->eb_bd.bd_name));
	error = blkdev_attach(&eb->eb_bd);
	if (error != 0)
		goto fail;
	*objp = eb;
	*devp = eb->eb_bd.bd_dev;
	return 0;

fail:
	kmem_strfree(eb->eb_path);
	kmem_free(eb, sizeof(*eb));
	return error;
}

int
etfs_blk_destroy(void *obj)
{
	struct etfs_blk *eb = obj;
	int error;

	error = blkdev_detach(&eb->eb_bd);
	if (error != 0)
		return error;
	kmem_strfree(eb->eb_path);
	kmem_free(eb, sizeof(*eb));
	return 0;
}
