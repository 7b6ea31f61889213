/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The buffer cache: dirty buffers and their way to the device.
 *
 * A flush notes which blocks are dirty, sorts them, and writes neighbours with
 * one request; buffers are held only from joining a run to its end. Who waits
 * for a buffer does so with no run in hand.
 *
 * A thread, the flusher, writes a cache whose oldest dirty buffer is some
 * seconds old, and all while it is asked to hurry. It is started by the first
 * buffer that becomes dirty, and stays; bc_busy keeps a cache it is at.
 */
#include "bcache_impl.h"

#include <kern/sort.h>
#include <kern/thread.h>

#define FLUSH_AGE	(5 * NS_PER_SEC)

static struct kcondvar busy_cv;			/* [bcache_all_lock] bc_busy */
static struct kcondvar flusher_cv;		/* [bcache_all_lock] */
static struct kcondvar progress_cv;		/* [bcache_all_lock] */
static bool flusher_urgent;			/* [bcache_all_lock] */
static _Atomic bool flusher_runs;

/* ---- Writing ------------------------------------------------------------ */

static bool
blkno_less(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y;
}

static void
run_write(struct bcache *bc, struct run *r)
{
	struct buf *bp;
	unsigned i;
	int error;

	if (r->r_n == 0)
		return;
	error = blkdev_writev(bc->bc_dev, r->r_iov, (int)r->r_n,
	    r->r_buf[0]->b_blkno * bc->bc_blksize);
	for (i = 0; i < r->r_n; i++) {
		bp = r->r_buf[i];
		bp->b_error = error;
		if (error == 0)
			bp->b_flags &= ~B_DIRTY;
		buf_relist(bp);
		brelse(bp);
	}
	if (error != 0 && r->r_error == 0)
		r->r_error = error;
	r->r_n = 0;
}

/* Hold a block's buffer if it is to be written. */
static struct buf *
hold_dirty(struct bcache *bc, uint64_t blkno, bool wait)
{
	struct buf *bp = bcache_hold(bc, blkno, wait);

	if (bp != NULL && ((bp->b_flags & B_DIRTY) == 0 || bp->b_pins != 0)) {
		brelse(bp);
		bp = NULL;
	}
	return bp;
}

/* Write the blocks of a sorted list that are still dirty. */
static void
write_blocks(struct bcache *bc, const uint64_t *blknos, size_t n, bool wait,
    struct run *r)
{
	struct buf *bp;
	size_t i;

	for (i = 0; i < n; i++) {
		if (r->r_n == RUN_MAX || (r->r_n > 0 && blknos[i] !=
		    r->r_buf[r->r_n - 1]->b_blkno + 1))
			run_write(bc, r);
		bp = hold_dirty(bc, blknos[i], false);
		if (bp == NULL && wait) {
			/* Wait with nothing in hand. */
			run_write(bc, r);
			bp = hold_dirty(bc, blknos[i], true);
		}
		if (bp == NULL)
			continue;
		r->r_iov[r->r_n].iov_base = bp->b_data;
		r->r_iov[r->r_n].iov_len = bp->b_size;
		r->r_buf[r->r_n++] = bp;
	}
	run_write(bc, r);
}

/* The blocks that are dirty now, at most max. Returns how many. */
static size_t
list_dirty(struct bcache *bc, uint64_t *blknos, size_t max)
{
	struct list *l;
	size_t n = 0;

	spin_lock(&bc->bc_lock);
	LIST_FOREACH(l, &bc->bc_dirty) {
		if (n == max)
			break;
		blknos[n++] = container_of(l, struct buf, b_lru)->b_blkno;
	}
	spin_unlock(&bc->bc_lock);
	return n;
}

static uint32_t
count_dirty(struct bcache *bc)
{
	uint32_t n;

	spin_lock(&bc->bc_lock);
	n = bc->bc_ndirty;
	spin_unlock(&bc->bc_lock);
	return n;
}

/* Write what is dirty now. Returns the first error. */
static int
flush(struct bcache *bc, bool wait)
{
	uint64_t few[64], *blknos = few;
	size_t max = count_dirty(bc), n, total = 0;
	size_t size = max * sizeof(*blknos);
	struct run *r = &bc->bc_run;
	int error;

	if (max == 0)
		return 0;
	mutex_enter(&bc->bc_flushlock);
	r->r_n = 0;
	r->r_error = 0;
	if (max > nitems(few))
		blknos = kmem_alloc(size, KM_NORECLAIM);
	if (blknos != NULL) {
		n = list_dirty(bc, blknos, MAX(max, nitems(few)));
		sort(blknos, n, sizeof(*blknos), blkno_less);
		write_blocks(bc, blknos, n, wait, r);
	} else
		/* No memory for the whole list: piece by piece. */
		while (total < max && r->r_error == 0 &&
		    (n = list_dirty(bc, few, nitems(few))) > 0) {
			sort(few, n, sizeof(few[0]), blkno_less);
			write_blocks(bc, few, n, true, r);
			total += n;
		}
	if (blknos != few && blknos != NULL)
		kmem_free(blknos, size);
	error = r->r_error;
	mutex_exit(&bc->bc_flushlock);
	mutex_enter(&bcache_all_lock);
	cv_broadcast(&progress_cv);
	mutex_exit(&bcache_all_lock);
	return error;
}

/* ---- The flusher -------------------------------------------------------- */

/* When is the next cache due; NULL: nothing is dirty. bcache_all_lock held. */
static struct bcache *
next_due(nstime_t *duep)
{
	struct bcache *bc, *first = NULL;
	nstime_t due;
	struct list *n;

	*duep = NSTIME_FOREVER;
	LIST_FOREACH(n, &bcache_all) {
		bc = container_of(n, struct bcache, bc_link);
		spin_lock(&bc->bc_lock);
		due = bc->bc_ndirty == 0 ? NSTIME_FOREVER :
		    bc->bc_dirtytime + FLUSH_AGE;
		spin_unlock(&bc->bc_lock);
		if (due < *duep) {
			*duep = due;
			first = bc;
		}
	}
	return first;
}

static void
flusher(void *arg __maybe_unused)
{
	struct bcache *bc;
	nstime_t now, due;
	int error;

	mutex_enter(&bcache_all_lock);
	for (;;) {
		now = mono_now();
		bc = next_due(&due);
		if (bc == NULL)
			flusher_urgent = false;
		if (bc == NULL || (due > now && !flusher_urgent)) {
			(void)cv_timedwait(&flusher_cv, &bcache_all_lock, due);
			continue;
		}
		/* What stays dirty, or becomes so meanwhile, is due later. */
		spin_lock(&bc->bc_lock);
		bc->bc_dirtytime = now;
		spin_unlock(&bc->bc_lock);
		if (due > now)
			flusher_urgent = false;
		bc->bc_busy++;
		mutex_exit(&bcache_all_lock);
		error = flush(bc, false);
		if (error != 0)
			atomic_store(&bc->bc_error, error);
		mutex_enter(&bcache_all_lock);
		bc->bc_busy--;
		cv_broadcast(&busy_cv);
	}
}

void
bcache_flusher_wanted(bool urgent)
{
	if (!atomic_load_explicit(&flusher_runs, memory_order_relaxed) &&
	    !atomic_exchange(&flusher_runs, true) &&
	    kthread_create(flusher, NULL, "bufflush", NULL) != 0)
		atomic_store(&flusher_runs, false);
	mutex_enter(&bcache_all_lock);
	flusher_urgent |= urgent;
	cv_signal(&flusher_cv);
	mutex_exit(&bcache_all_lock);
}

void
bcache_flusher_hurry_locked(void)
{
	flusher_urgent = true;
	cv_signal(&flusher_cv);
}

void
bcache_flusher_wait(void)
{
	mutex_enter(&bcache_all_lock);
	bcache_flusher_hurry_locked();
	(void)cv_timedwait(&progress_cv, &bcache_all_lock,
	    mono_deadline(20 * NS_PER_MS));
	mutex_exit(&bcache_all_lock);
}

void
bcache_delist(struct bcache *bc)
{
	mutex_enter(&bcache_all_lock);
	list_remove(&bc->bc_link);
	while (bc->bc_busy != 0)
		cv_wait(&busy_cv, &bcache_all_lock);
	mutex_exit(&bcache_all_lock);
}

int
bflush(struct blkdev *bd, bool wait)
{
	struct bcache *bc = bd->bd_bcache;
	int error, old;

	if (bc == NULL)
		return 0;
	if (!wait) {
		if (count_dirty(bc) != 0) {
			mutex_enter(&bcache_all_lock);
			bcache_flusher_hurry_locked();
			mutex_exit(&bcache_all_lock);
		}
		return 0;
	}
	error = flush(bc, true);
	old = atomic_exchange(&bc->bc_error, 0);
	return error != 0 ? error : old;
}

void
bcache_flush_init(void)
{
	cv_init(&busy_cv);
	cv_init(&flusher_cv);
	cv_init(&progress_cv);
}
