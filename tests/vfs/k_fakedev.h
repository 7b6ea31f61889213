/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * For the kernel halves here: a block device in memory that can be slow, can
 * fail, and counts what it is asked.
 */
#ifndef K_FAKEDEV_H
#define K_FAKEDEV_H

#include <kern/blkdev.h>
#include <kern/kmem.h>
#include <kern/string.h>
#include <kern/sync.h>
#include <kern/thread.h>

struct fakedev {
	struct blkdev fd_bd;
	unsigned char *fd_mem;
	size_t fd_size;
	_Atomic int fd_fail_reads, fd_fail_writes;	/* EIO for so many */
	_Atomic uint64_t fd_bad_lo, fd_bad_hi;	/* EIO in this range */
	_Atomic int fd_hold;			/* requests wait in the queue */
	_Atomic uint64_t fd_seen_writes, fd_seen_syncs;
	_Atomic bool fd_ends;
	bool fd_sync;				/* has bd_read and bd_write */
	struct kmutex fd_lock;
	struct kcondvar fd_cv;
	struct list fd_queue;			/* bio_link */
	struct kthread *fd_thread;
};

/* One at a time; not the kernel's memory, which may be limited. */
static unsigned char fakedev_mem[16u << 20];
static struct lock_class fakedev_lc = LOCK_CLASS("fake device", 0);

static inline bool
fakedev_count(_Atomic int *left)
{
	int v = atomic_load(left);

	while (v > 0)
		if (atomic_compare_exchange_weak(left, &v, v - 1))
			return true;
	return false;
}

static int
fakedev_rw(struct blkdev *bd, bool write, const struct iovec *iov, int cnt,
    uint64_t off)
{
	struct fakedev *fd = bd->bd_data;
	uint64_t lo = atomic_load(&fd->fd_bad_lo);
	uint64_t hi = atomic_load(&fd->fd_bad_hi), o = off;
	int i;

	if (fakedev_count(write ? &fd->fd_fail_writes : &fd->fd_fail_reads))
		return EIO;
	for (i = 0; i < cnt; o += iov[i++].iov_len)
		if (o < hi && o + iov[i].iov_len > lo)
			return EIO;
	for (i = 0; i < cnt; off += iov[i++].iov_len) {
		if (off + iov[i].iov_len > fd->fd_size)
			return EIO;
		if (write)
			memcpy(fd->fd_mem + off, iov[i].iov_base,
			    iov[i].iov_len);
		else
			memcpy(iov[i].iov_base, fd->fd_mem + off,
			    iov[i].iov_len);
	}
	if (write)
		atomic_fetch_add(&fd->fd_seen_writes, 1);
	return 0;
}

static int
fakedev_read(struct blkdev *bd, const struct iovec *iov, int cnt,
    uint64_t off)
{
	return fakedev_rw(bd, false, iov, cnt, off);
}

static int
fakedev_write(struct blkdev *bd, const struct iovec *iov, int cnt,
    uint64_t off)
{
	return fakedev_rw(bd, true, iov, cnt, off);
}

static void
fakedev_submit(struct blkdev *bd, struct bio *const *bios, int n)
{
	struct fakedev *fd = bd->bd_data;
	int i;

	mutex_enter(&fd->fd_lock);
	for (i = 0; i < n; i++)
		list_insert_tail(&fd->fd_queue, &bios[i]->bio_link);
	cv_signal(&fd->fd_cv);
	mutex_exit(&fd->fd_lock);
}

/* Requests complete on this thread, the newest and the oldest in turn. */
static void
fakedev_thread(void *arg)
{
	struct fakedev *fd = arg;
	struct bio *b;
	unsigned turn = 0;

	mutex_enter(&fd->fd_lock);
	while (!atomic_load(&fd->fd_ends) || !list_empty(&fd->fd_queue)) {
		if (list_empty(&fd->fd_queue) || atomic_load(&fd->fd_hold)) {
			(void)cv_timedwait(&fd->fd_cv, &fd->fd_lock,
			    mono_deadline(2 * NS_PER_MS));
			continue;
		}
		b = turn++ % 3 == 0 ?
		    list_last(&fd->fd_queue, struct bio, bio_link) :
		    list_first(&fd->fd_queue, struct bio, bio_link);
		list_remove(&b->bio_link);
		mutex_exit(&fd->fd_lock);
		switch (b->bio_op) {
		case BIO_READ:
		case BIO_WRITE:
			b->bio_error = fakedev_rw(&fd->fd_bd,
			    b->bio_op == BIO_WRITE, b->bio_iov,
			    b->bio_iovcnt, b->bio_off);
			break;
		case BIO_SYNC:
			atomic_fetch_add(&fd->fd_seen_syncs, 1);
			break;
		default:
			memset(fd->fd_mem + b->bio_off, 0, b->bio_len);
			break;
		}
		b->bio_done(b);
		mutex_enter(&fd->fd_lock);
	}
	mutex_exit(&fd->fd_lock);
}

static const struct blkdevops fakedev_ops = {
	.bd_submit = fakedev_submit,
};

static const struct blkdevops fakedev_sync_ops = {
	.bd_submit = fakedev_submit,
	.bd_read = fakedev_read,
	.bd_write = fakedev_write,
};

/* Made, attached, and open for writing. */
static int
fakedev_init(struct fakedev *fd, size_t size, bool sync)
{
	struct blkdev *bd;
	int error;

	memset(fd, 0, sizeof(*fd));
	if (size > sizeof(fakedev_mem))
		return EFBIG;
	fd->fd_mem = fakedev_mem;
	memset(fd->fd_mem, 0, size);
	fd->fd_size = size;
	mutex_init(&fd->fd_lock, &fakedev_lc);
	cv_init(&fd->fd_cv);
	list_init(&fd->fd_queue);
	fd->fd_bd.bd_op = sync ? &fakedev_sync_ops : &fakedev_ops;
	fd->fd_bd.bd_data = fd;
	fd->fd_bd.bd_size = size;
	fd->fd_bd.bd_secsize = 512;
	error = kthread_create(fakedev_thread, fd, "fakedev", &fd->fd_thread);
	if (error == 0)
		error = blkdev_attach(&fd->fd_bd);
	if (error == 0)
		error = blkdev_open(fd->fd_bd.bd_dev, true, &bd);
	return error;
}

static int
fakedev_fini(struct fakedev *fd)
{
	int error;

	blkdev_close(&fd->fd_bd, true);
	error = blkdev_detach(&fd->fd_bd);
	if (error != 0)
		return error;
	atomic_store(&fd->fd_ends, true);
	mutex_enter(&fd->fd_lock);
	cv_signal(&fd->fd_cv);
	mutex_exit(&fd->fd_lock);
	kthread_join(fd->fd_thread);
	return 0;
}

#endif
