/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Block devices: which there are, who has them open, and their I/O with its
 * ranges checked.
 *
 * A device is known from blkdev_attach() to blkdev_detach(), and is the driver's
 * memory; an open one, or one that is being opened (bd_refs), stays. Any number
 * of readers and one writer may have it open.
 *
 * Lock order: a device's bd_lock -> that of the device below it ->
 * registry_lock.
 */
#include <kern/assert.h>
#include <kern/buf.h>
#include <kern/string.h>

#include "cache.h"

#define MAJOR_DYNAMIC	259		/* block devices without a number */

static struct lock_class registry_lc = LOCK_CLASS("block devices", 0);
static struct lock_class blkdev_lc = LOCK_CLASS("block device", LC_NESTS);

static struct kmutex registry_lock;
static struct list registry;		/* [registry_lock] */
static uint32_t next_minor;		/* [registry_lock] */

/* ---- Which there are -------------------------------------------------- */

static struct blkdev *
find(dev_t dev)
{
	struct blkdev *bd;
	struct list *n;

	LIST_FOREACH(n, &registry) {
		bd = container_of(n, struct blkdev, bd_link);
		if (bd->bd_dev == dev)
			return bd;
	}
	return NULL;
}

int
blkdev_attach(struct blkdev *bd)
{
	int error = 0;

	mutex_init(&bd->bd_lock, &blkdev_lc);
	list_node_init(&bd->bd_link);
	bd->bd_opens = bd->bd_wopens = 0;
	bd->bd_exclusive = bd->bd_gone = false;
	bd->bd_bcache = NULL;
	atomic_init(&bd->bd_refs, 0);
	atomic_init(&bd->bd_stat_reads, 0);
	atomic_init(&bd->bd_stat_rbytes, 0);
	atomic_init(&bd->bd_stat_writes, 0);
	atomic_init(&bd->bd_stat_wbytes, 0);
	mutex_enter(&registry_lock);
	if (bd->bd_dev == 0)
		do {
			bd->bd_dev = makedev(MAJOR_DYNAMIC, next_minor++);
		} while (find(bd->bd_dev) != NULL);
	else if (find(bd->bd_dev) != NULL)
		error = EEXIST;
	if (error == 0)
		list_insert_tail(&registry, &bd->bd_link);
	mutex_exit(&registry_lock);
	return error;
}

int
blkdev_detach(struct blkdev *bd)
{
	int error = 0;

	mutex_enter(&registry_lock);
	if (atomic_load(&bd->bd_refs) != 0)
		error = EBUSY;
	else {
		bd->bd_gone = true;
		list_remove(&bd->bd_link);
	}
	mutex_exit(&registry_lock);
	if (error == 0)
		mutex_fini(&bd->bd_lock);
	return error;
}

static void
rele(struct blkdev *bd)
{
	mutex_enter(&registry_lock);
	atomic_fetch_sub(&bd->bd_refs, 1);
	mutex_exit(&registry_lock);
}

/* ---- Open and close --------------------------------------------------- */

/* bd_lock held. */
static int
open_locked(struct blkdev *bd, bool write)
{
	int error;

	if (write && bd->bd_wopens != 0)
		return EBUSY;
	if (bd->bd_op->bd_open != NULL && (bd->bd_opens == 0 || write)) {
		error = bd->bd_op->bd_open(bd, write);
		if (error != 0)
			return error;
	}
	if (bd->bd_bcache == NULL) {
		error = bcache_create(bd);
		if (error != 0)
			goto fail;
	}
	bd->bd_opens++;
	bd->bd_wopens += write;
	return 0;

fail:
	if (bd->bd_opens == 0) {
		if (bd->bd_op->bd_close != NULL)
			bd->bd_op->bd_close(bd);
	} else if (write && bd->bd_op->bd_unwrite != NULL)
		bd->bd_op->bd_unwrite(bd);
	return error;
}

int
blkdev_open(dev_t dev, bool write, struct blkdev **bdp)
{
	struct blkdev *bd;
	int error;

	mutex_enter(&registry_lock);
	bd = find(dev);
	if (bd != NULL)
		atomic_fetch_add(&bd->bd_refs, 1);
	mutex_exit(&registry_lock);
	if (bd == NULL)
		return ENXIO;
	mutex_enter(&bd->bd_lock);
	error = open_locked(bd, write);
	mutex_exit(&bd->bd_lock);
	if (error == 0)
		*bdp = bd;
	else
		rele(bd);
	return error;
}

void
blkdev_close(struct blkdev *bd, bool write)
{
	mutex_enter(&bd->bd_lock);
	KASSERT(bd->bd_opens > 0 && (!write || bd->bd_wopens > 0));
	/* What the writer left in the cache goes out while it may. */
	if (write)
		(void)bflush(bd, true);
	bd->bd_opens--;
	bd->bd_wopens -= write;
	if (bd->bd_opens == 0) {
		bcache_destroy(bd);
		if (bd->bd_op->bd_close != NULL)
			bd->bd_op->bd_close(bd);
	} else if (write && bd->bd_op->bd_unwrite != NULL)
		bd->bd_op->bd_unwrite(bd);
	mutex_exit(&bd->bd_lock);
	rele(bd);
}

/* ---- I/O -------------------------------------------------------------- */

static bool
in_range(const struct blkdev *bd, uint64_t off, uint64_t len)
{
	return len <= bd->bd_size && off <= bd->bd_size - len &&
	    ((off | len) & (bd->bd_secsize - 1)) == 0;
}

static void
account(struct blkdev *bd, enum bio_op op, uint64_t len)
{
	if (op == BIO_READ) {
		atomic_fetch_add_explicit(&bd->bd_stat_reads, 1,
		    memory_order_relaxed);
		atomic_fetch_add_explicit(&bd->bd_stat_rbytes, len,
		    memory_order_relaxed);
	} else if (op == BIO_WRITE) {
		atomic_fetch_add_explicit(&bd->bd_stat_writes, 1,
		    memory_order_relaxed);
		atomic_fetch_add_explicit(&bd->bd_stat_wbytes, len,
		    memory_order_relaxed);
	}
}

void
blkdev_submit(struct blkdev *bd, struct bio *const *bios, int n)
{
	int i, first;

	for (i = first = 0; i < n; i++) {
		bios[i]->bio_error = 0;
		if (bios[i]->bio_op == BIO_SYNC ||
		    in_range(bd, bios[i]->bio_off, bios[i]->bio_len)) {
			account(bd, bios[i]->bio_op, bios[i]->bio_len);
			continue;
		}
		/* Those before it go; a bio is not ours once it is done. */
		if (i > first)
			bd->bd_op->bd_submit(bd, bios + first, i - first);
		first = i + 1;
		bios[i]->bio_error = EIO;
		bios[i]->bio_done(bios[i]);
	}
	if (n > first)
		bd->bd_op->bd_submit(bd, bios + first, n - first);
}

struct waiter {
	_Atomic bool wa_done;
	struct kmutex wa_lock;
	struct kcondvar wa_cv;
};

static void
sync_done(struct bio *b)
{
	struct waiter *wa = b->bio_arg;

	mutex_enter(&wa->wa_lock);
	atomic_store(&wa->wa_done, true);
	cv_signal(&wa->wa_cv);
	mutex_exit(&wa->wa_lock);
}

/* One request, waited for. */
static int
bio_sync(struct blkdev *bd, struct bio *b)
{
	static struct lock_class lc = LOCK_CLASS("bio wait", 0);
	struct waiter wa;

	atomic_init(&wa.wa_done, false);
	mutex_init(&wa.wa_lock, &lc);
	cv_init(&wa.wa_cv);
	b->bio_done = sync_done;
	b->bio_arg = &wa;
	blkdev_submit(bd, &b, 1);
	mutex_enter(&wa.wa_lock);
	while (!atomic_load(&wa.wa_done))
		cv_wait(&wa.wa_cv, &wa.wa_lock);
	mutex_exit(&wa.wa_lock);
	cv_fini(&wa.wa_cv);
	mutex_fini(&wa.wa_lock);
	return b->bio_error;
}

static int
rwv(struct blkdev *bd, enum bio_op op, const struct iovec *iov, int cnt,
    uint64_t off)
{
	int (*direct)(struct blkdev *, const struct iovec *, int, uint64_t);
	struct bio b;
	uint64_t len = 0;
	int i;

	for (i = 0; i < cnt; i++)
		len += iov[i].iov_len;
	if (!in_range(bd, off, len))
		return EIO;
	if (len == 0)
		return 0;
	direct = op == BIO_READ ? bd->bd_op->bd_read : bd->bd_op->bd_write;
	if (direct != NULL) {
		account(bd, op, len);
		return direct(bd, iov, cnt, off);
	}
	b.bio_op = op;
	b.bio_off = off;
	b.bio_len = len;
	b.bio_iov = iov;
	b.bio_iovcnt = cnt;
	return bio_sync(bd, &b);
}

int
blkdev_readv(struct blkdev *bd, const struct iovec *iov, int cnt, uint64_t off)
{
	return rwv(bd, BIO_READ, iov, cnt, off);
}

int
blkdev_writev(struct blkdev *bd, const struct iovec *iov, int cnt,
    uint64_t off)
{
	return rwv(bd, BIO_WRITE, iov, cnt, off);
}

int
blkdev_read(struct blkdev *bd, void *buf, size_t len, uint64_t off)
{
	struct iovec iov = { .iov_base = buf, .iov_len = len };

	return rwv(bd, BIO_READ, &iov, 1, off);
}

int
blkdev_write(struct blkdev *bd, const void *buf, size_t len, uint64_t off)
{
	struct iovec iov = { .iov_base = (void *)(uintptr_t)buf,
	    .iov_len = len };

	return rwv(bd, BIO_WRITE, &iov, 1, off);
}

int
blkdev_sync(struct blkdev *bd)
{
	struct bio b = { .bio_op = BIO_SYNC };

	return bio_sync(bd, &b);
}

int
blkdev_discard(struct blkdev *bd, uint64_t off, uint64_t len)
{
	struct bio b = { .bio_op = BIO_DISCARD, .bio_off = off,
	    .bio_len = len };

	return bio_sync(bd, &b);
}

int
blkdev_zero(struct blkdev *bd, uint64_t off, uint64_t len)
{
	struct bio b = { .bio_op = BIO_ZERO, .bio_off = off, .bio_len = len };

	return bio_sync(bd, &b);
}

int
blkdev_modinit(void)
{
	mutex_init(&registry_lock, &registry_lc);
	list_init(&registry);
	return 0;
}
