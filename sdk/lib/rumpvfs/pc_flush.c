/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The page cache: dirty pages and their way to the device.
 *
 * Files with dirty pages, or pages being written, are on one list. A thread,
 * the flusher, writes those that have been dirty for some seconds, and all
 * while there is too much of it. It holds v_lock shared while it asks the file
 * system where pages go, so that the size stands still; it only tries for it,
 * since its owner may be the one who waits for the flusher.
 *
 * One request takes pages of several files where they are neighbours on the
 * device. Until it is submitted the v_locks of its files stay held: who cuts
 * a file waits for the I/O of its pages, maybe inside of a transaction that
 * the next mapping has to wait for.
 */
#include "pc_impl.h"

#include <kern/sysctl.h>
#include <kern/thread.h>

#define FLUSH_AGE	(5 * NS_PER_SEC)
#define FLUSH_FILES	48		/* files of one request */
#define FLUSH_INFLIGHT	16384		/* pages, at most */
#define MIB_PAGES	256ul
#define WRITE_MIN	((size_t)1 << 20)

/* Pages of a file in a request. */
struct seg {
	struct pagecache *sg_pc;
	uint64_t sg_index;
	uint32_t sg_n;
};

/* A request; the arrays are in the same allocation. */
struct pc_wio {
	struct bio wi_bio;
	struct work wi_work;
	struct iovec *wi_iov;
	struct seg *wi_seg;
	uint32_t wi_niov, wi_maxiov;
	uint32_t wi_nseg, wi_maxseg;
	uint32_t wi_npages;
	size_t wi_size;
};

/* What one flush has in hand. */
struct flush {
	struct blkdev *fl_bd;
	struct pc_wio *fl_wio;		/* not yet submitted, or NULL */
	bool fl_wait;			/* the caller will wait for it */
	uint32_t fl_hint;		/* pages: size of requests */
	uint64_t fl_claimed;		/* pages that were taken */
	struct pagecache *fl_held[FLUSH_FILES];	/* by the flusher */
	unsigned fl_nheld;
	struct pagecache *fl_current;	/* one of them, still being looked at */
	/* Where there is no memory: a request of our own, not in background. */
	struct pc_wio fl_self;
	struct iovec fl_selfiov[16];
	struct seg fl_selfseg[1];
};

static struct lock_class dirty_lc = LOCK_CLASS("dirty files", 0);
static struct lock_class sync_lc = LOCK_CLASS("page cache sync", 0);

static struct kmutex dirty_lock;
static struct list dirty_files;		/* [dirty_lock] longest dirty first */
static struct kcondvar flusher_cv;	/* [dirty_lock] there is work */
static struct kcondvar progress_cv;	/* [dirty_lock] pages became clean */
static bool flusher_urgent;		/* [dirty_lock] do not wait for age */
static _Atomic bool flusher_runs;
static _Atomic bool flusher_sleeps;

static struct kmutex sync_lock;		/* one pagecache_flush_mount() */
static uint32_t sync_pass;		/* [dirty_lock] */

static _Atomic uint64_t dirty_pages, wb_pages;
static _Atomic uint64_t dirty_bg, dirty_max;
static _Atomic uint64_t stat_written;

static struct workqueue *written_wq;

/* ---- Which pages are dirty -------------------------------------------- */

static void
pc_count_dirty(struct pagecache *pc, uint32_t n, bool more)
{
	uint32_t old;

	old = atomic_load_explicit(&pc->pc_ndirty, memory_order_relaxed);
	atomic_store_explicit(&pc->pc_ndirty, more ? old + n : old - n,
	    memory_order_relaxed);
	if (more)
		atomic_fetch_add_explicit(&dirty_pages, n,
		    memory_order_relaxed);
	else
		atomic_fetch_sub_explicit(&dirty_pages, n,
		    memory_order_relaxed);
}

/* Nothing is dirty or being written any more: off the list. pc_lock held. */
static void
unlink_clean(struct pagecache *pc)
{
	if (atomic_load_explicit(&pc->pc_ndirty, memory_order_relaxed) != 0 ||
	    pc->pc_nwb != 0)
		return;
	if (!pc->pc_listed)
		return;
	pc->pc_listed = false;
	mutex_enter(&dirty_lock);
	list_remove(&pc->pc_dirtylink);
	mutex_exit(&dirty_lock);
}

void
pc_mark_dirty(struct pagecache *pc, struct pc_leaf *pl, uint64_t mask)
{
	mask &= ~pl->pl_dirty;
	if (mask == 0)
		return;
	pl->pl_dirty |= mask;
	pc_count_dirty(pc, (uint32_t)__builtin_popcountll(mask), true);
	if (pc->pc_listed)
		return;
	pc->pc_listed = true;
	mutex_enter(&dirty_lock);
	pc->pc_dirtytime = mono_now();
	if (list_empty(&dirty_files))
		cv_signal(&flusher_cv);
	list_insert_tail(&dirty_files, &pc->pc_dirtylink);
	mutex_exit(&dirty_lock);
}

void
pc_unmark_dirty(struct pagecache *pc, struct pc_leaf *pl, uint64_t mask)
{
	mask &= pl->pl_dirty;
	if (mask == 0)
		return;
	pl->pl_dirty &= ~mask;
	pc_count_dirty(pc, (uint32_t)__builtin_popcountll(mask), false);
	unlink_clean(pc);
}

/* ---- The end of a request --------------------------------------------- */

/* Pages [index, index + n) are no longer being written. */
static void
seg_done(const struct seg *sg, int error)
{
	struct pagecache *pc = sg->sg_pc;
	struct pc_leaf *pl = NULL;
	uint32_t i;

	mutex_enter(&pc->pc_lock);
	for (i = 0; i < sg->sg_n; i++) {
		if (pl == NULL || leaf_bit(sg->sg_index + i) == 0)
			pl = pc_leaf_find(pc, sg->sg_index + i);
		pl->pl_wb &= ~bits(leaf_bit(sg->sg_index + i), 1);
	}
	pc->pc_nwb -= sg->sg_n;
	if (error != 0)
		atomic_store(&pc->pc_error, error);
	unlink_clean(pc);
	/* The last one to touch pc: who waits may free it. */
	pc_wakeup(pc);
	mutex_exit(&pc->pc_lock);
}

static void
wio_finish(struct pc_wio *w, int error)
{
	struct pagecache *pc;
	const struct seg *sg;
	uint32_t i;

	for (i = 0; i < w->wi_nseg; i++) {
		sg = &w->wi_seg[i];
		pc = sg->sg_pc;
		if (pc->pc_ops->pco_written != NULL)
			pc->pc_ops->pco_written(pc->pc_vnode,
			    sg->sg_index << PAGE_SHIFT,
			    (uint64_t)sg->sg_n << PAGE_SHIFT, error);
		seg_done(sg, error);
	}
	atomic_fetch_sub_explicit(&wb_pages, w->wi_npages,
	    memory_order_relaxed);
	atomic_fetch_add_explicit(&stat_written, w->wi_npages,
	    memory_order_relaxed);
	if (w->wi_size != 0)
		kmem_free(w, w->wi_size);
	mutex_enter(&dirty_lock);
	cv_broadcast(&progress_cv);
	mutex_exit(&dirty_lock);
}

static void
wio_work(struct work *wk)
{
	struct pc_wio *w = container_of(wk, struct pc_wio, wi_work);

	wio_finish(w, w->wi_bio.bio_error);
}

static void
wio_done(struct bio *b)
{
	struct pc_wio *w = container_of(b, struct pc_wio, wi_bio);
	uint32_t i;

	for (i = 0; i < w->wi_nseg; i++)
		if (w->wi_seg[i].sg_pc->pc_ops->pco_written != NULL) {
			workqueue_enqueue(written_wq, &w->wi_work);
			return;
		}
	wio_finish(w, b->bio_error);
}

/* ---- Requests --------------------------------------------------------- */

static void
flush_init(struct flush *fl)
{
	fl->fl_wio = NULL;
	fl->fl_bd = NULL;
	fl->fl_nheld = 0;
	fl->fl_current = NULL;
	fl->fl_wait = false;
	fl->fl_claimed = 0;
	fl->fl_hint = PC_IO_MAX;
}

static void
wio_reset(struct pc_wio *w, uint64_t addr)
{
	w->wi_niov = w->wi_nseg = w->wi_npages = 0;
	w->wi_bio.bio_off = addr;
	w->wi_bio.bio_len = 0;
}

static struct pc_wio *
wio_alloc(struct flush *fl, uint64_t addr)
{
	uint32_t niov, nseg;
	struct pc_wio *w;
	size_t size;

	niov = MIN(fl->fl_hint, PC_IO_MAX);
	niov = MAX(niov, 16u);
	nseg = fl->fl_wait ? 1 : FLUSH_FILES;
	size = sizeof(*w) + niov * sizeof(struct iovec) +
	    nseg * sizeof(struct seg);
	w = kmem_alloc(size, KM_NORECLAIM);
	if (w != NULL) {
		w->wi_size = size;
		w->wi_iov = (struct iovec *)(w + 1);
		w->wi_seg = (struct seg *)(w->wi_iov + niov);
		w->wi_maxiov = niov;
		w->wi_maxseg = nseg;
	} else {
		w = &fl->fl_self;
		w->wi_size = 0;
		w->wi_iov = fl->fl_selfiov;
		w->wi_seg = fl->fl_selfseg;
		w->wi_maxiov = nitems(fl->fl_selfiov);
		w->wi_maxseg = nitems(fl->fl_selfseg);
	}
	work_init(&w->wi_work, wio_work);
	wio_reset(w, addr);
	return w;
}

/* Let go of the files whose pages are all on their way. */
static void
flush_release(struct flush *fl)
{
	unsigned i, kept = 0;
	struct pagecache *pc;

	for (i = 0; i < fl->fl_nheld; i++) {
		pc = fl->fl_held[i];
		if (pc == fl->fl_current) {
			kept = 1;
			continue;
		}
		vnode_unlock(pc->pc_vnode);
		mutex_enter(&dirty_lock);
		if (atomic_fetch_sub(&pc->pc_holds, 1) == 1)
			cv_broadcast(&progress_cv);
		mutex_exit(&dirty_lock);
	}
	fl->fl_nheld = kept;
	fl->fl_held[0] = fl->fl_current;
}

/* Send the request in hand. last: nothing follows it. */
static void
flush_submit(struct flush *fl, bool last)
{
	struct pc_wio *w = fl->fl_wio;
	struct bio *b;
	int error;

	fl->fl_wio = NULL;
	if (w != NULL && w->wi_nseg == 0) {
		if (w->wi_size != 0)
			kmem_free(w, w->wi_size);
	} else if (w != NULL && (w->wi_size == 0 || (fl->fl_wait && last))) {
		/* Here and now: no wake-up to wait for. */
		error = blkdev_writev(fl->fl_bd, w->wi_iov, (int)w->wi_niov,
		    w->wi_bio.bio_off);
		wio_finish(w, error);
	} else if (w != NULL) {
		b = &w->wi_bio;
		b->bio_op = BIO_WRITE;
		b->bio_iov = w->wi_iov;
		b->bio_iovcnt = (int)w->wi_niov;
		b->bio_done = wio_done;
		blkdev_submit(fl->fl_bd, &b, 1);
	}
	flush_release(fl);
}

/* Room for a page at addr in the request in hand? */
static bool
wio_takes(const struct flush *fl, const struct blkdev *bd, uint64_t addr)
{
	const struct pc_wio *w = fl->fl_wio;

	return w != NULL && fl->fl_bd == bd &&
	    addr == w->wi_bio.bio_off + w->wi_bio.bio_len &&
	    w->wi_niov < w->wi_maxiov && w->wi_nseg < w->wi_maxseg &&
	    w->wi_npages < PC_IO_MAX;
}

static void
wio_add(struct pc_wio *w, char *page)
{
	struct iovec *v = &w->wi_iov[w->wi_niov];

	w->wi_npages++;
	w->wi_bio.bio_len += PAGE_SIZE;
	if (w->wi_niov > 0 &&
	    (char *)v[-1].iov_base + v[-1].iov_len == page) {
		v[-1].iov_len += PAGE_SIZE;
		return;
	}
	v->iov_base = page;
	v->iov_len = PAGE_SIZE;
	w->wi_niov++;
}

/* ---- Finding and claiming --------------------------------------------- */

/*
 * The next run of dirty pages in [*indexp, end): where it starts, and its
 * length (0: there is none). wait: for pages that are dirty again while they
 * are being written; otherwise those are left out.
 */
static uint64_t
find_dirty(struct pagecache *pc, uint64_t *indexp, uint64_t end, bool wait)
{
	uint64_t index = *indexp, mask, n = 0;
	struct pc_leaf *pl;
	unsigned b;

	mutex_enter(&pc->pc_lock);
	while (index < end && (pl = pc_leaf_next(pc, index)) != NULL) {
		if (pl->pl_base > index) {
			if (n > 0)
				break;
			index = pl->pl_base;
			if (index >= end)
				break;
		}
		b = leaf_bit(index);
		mask = pl->pl_dirty & ~bits(0, b);
		if (n == 0 && wait && mask != 0 && (pl->pl_wb &
		    mask & -mask) != 0) {
			pc_wait(pc);
			continue;
		}
		mask &= ~pl->pl_wb;
		if (n == 0) {
			if (mask == 0) {
				index = pl->pl_base + PC_FANOUT;
				continue;
			}
			b = (unsigned)__builtin_ctzll(mask);
			index = *indexp = pl->pl_base + b;
			if (index >= end)
				break;
		}
		/* Ones from b on. */
		mask = ~(mask >> b);
		b = mask == 0 ? 64 : (unsigned)__builtin_ctzll(mask);
		b = MIN(b, PC_FANOUT - leaf_bit(index));
		n += b;
		index += b;
		if (b == 0 || leaf_bit(index) != 0 || n >= PC_IO_MAX)
			break;
	}
	mutex_exit(&pc->pc_lock);
	return n == 0 ? 0 : MIN(n, end - *indexp);
}

/*
 * Take dirty pages from index on, up to n: they become clean and being
 * written, and join the request in hand. Stops where that is full, or at a
 * page that somebody else took. Returns how many.
 */
static uint32_t
claim(struct flush *fl, struct pagecache *pc, uint64_t index, uint64_t n)
{
	struct pc_wio *w = fl->fl_wio;
	struct pc_leaf *pl = NULL;
	uint32_t i, room;
	uint64_t mask;

	room = (uint32_t)MIN(n, PC_IO_MAX - w->wi_npages);
	mutex_enter(&pc->pc_lock);
	for (i = 0; i < room && w->wi_niov < w->wi_maxiov; i++) {
		if (pl == NULL || leaf_bit(index + i) == 0)
			pl = pc_leaf_find(pc, index + i);
		mask = bits(leaf_bit(index + i), 1);
		if (pl == NULL || (pl->pl_dirty & ~pl->pl_wb & mask) == 0)
			break;
		pl->pl_wb |= mask;
		pc->pc_nwb++;
		pc_unmark_dirty(pc, pl, mask);
		wio_add(w, slot_page(atomic_load_explicit(
		    &pl->pl_slot[leaf_bit(index + i)],
		    memory_order_relaxed)));
	}
	mutex_exit(&pc->pc_lock);
	if (i > 0) {
		w->wi_seg[w->wi_nseg++] = (struct seg){ pc, index, i };
		atomic_fetch_add_explicit(&wb_pages, i, memory_order_relaxed);
		fl->fl_claimed += i;
	}
	return i;
}

/* Pages of a file that go to one place. Returns how many were taken. */
static uint64_t
flush_run(struct flush *fl, struct pagecache *pc, uint64_t index, uint64_t n,
    uint64_t addr)
{
	struct blkdev *bd = pc->pc_ops->pco_dev(pc->pc_vnode);
	uint64_t done = 0;
	uint32_t k;

	while (done < n) {
		if (!wio_takes(fl, bd, addr)) {
			flush_submit(fl, false);
			fl->fl_bd = bd;
			fl->fl_wio = wio_alloc(fl, addr);
		}
		k = claim(fl, pc, index + done, n - done);
		if (k == 0)
			break;
		done += k;
		addr += (uint64_t)k << PAGE_SHIFT;
	}
	return done;
}

/*
 * A page in pieces: blocks smaller than it, or the end of the file. Written
 * where we are. pe: its first piece.
 */
static int
flush_pieces(struct flush *fl, struct pagecache *pc, uint64_t index,
    struct pc_extent pe)
{
	struct blkdev *bd = pc->pc_ops->pco_dev(pc->pc_vnode);
	uint64_t off = index << PAGE_SHIFT;
	struct pc_extent piece[PAGE_SIZE / 512];
	unsigned n = 0, i;
	size_t po = 0;
	struct iovec *v;
	int error = 0;

	/* Nothing is in the air while the file system thinks. */
	flush_submit(fl, false);
	while (po < PAGE_SIZE && n < nitems(piece)) {
		if (po > 0)
			error = pc->pc_ops->pco_map_write(pc->pc_vnode,
			    off + po, PAGE_SIZE - po, &pe);
		if (error != 0)
			return error;
		if (pe.pe_len == 0)
			return EIO;
		piece[n].pe_addr = pe.pe_addr;
		piece[n].pe_len = MIN(pe.pe_len, PAGE_SIZE - po);
		po += piece[n++].pe_len;
	}
	fl->fl_bd = bd;
	fl->fl_wio = wio_alloc(fl, 0);
	if (claim(fl, pc, index, 1) == 0) {
		flush_submit(fl, false);
		return 0;
	}
	v = fl->fl_wio->wi_iov;
	for (i = 0, po = 0; i < n && error == 0; po += piece[i++].pe_len)
		if (piece[i].pe_addr != PC_HOLE)
			error = blkdev_write(bd, (char *)v->iov_base + po,
			    piece[i].pe_len, piece[i].pe_addr);
	wio_finish(fl->fl_wio, error);
	fl->fl_wio = NULL;
	return 0;
}

/* The file system has no place for pages: they are lost, and it is told. */
static void
give_up(struct pagecache *pc, uint64_t index, uint64_t n, int error)
{
	struct pc_leaf *pl;
	uint64_t i;

	mutex_enter(&pc->pc_lock);
	for (i = index; i < index + n; i++) {
		pl = pc_leaf_find(pc, i);
		if (pl != NULL)
			pc_unmark_dirty(pc, pl, bits(leaf_bit(i), 1));
	}
	if (error != 0)
		atomic_store(&pc->pc_error, error);
	mutex_exit(&pc->pc_lock);
}

/* Wait until not too much is in the air. */
static void
wait_inflight(void)
{
	mutex_enter(&dirty_lock);
	while (atomic_load(&wb_pages) > FLUSH_INFLIGHT)
		cv_wait(&progress_cv, &dirty_lock);
	mutex_exit(&dirty_lock);
}

/*
 * Write the dirty pages of [index, end). v_lock held. Leaves the last request
 * in hand. @return ENOMEM: they stay dirty; other errors are in pc_error.
 */
static int
flush_pages(struct flush *fl, struct pagecache *pc, uint64_t index,
    uint64_t end)
{
	struct pc_extent pe;
	uint64_t n, k;
	int error;

	while ((n = find_dirty(pc, &index, end, fl->fl_wait)) != 0) {
		if (atomic_load_explicit(&wb_pages, memory_order_relaxed) >
		    FLUSH_INFLIGHT) {
			flush_submit(fl, false);
			wait_inflight();
		}
		error = pc->pc_ops->pco_map_write(pc->pc_vnode,
		    index << PAGE_SHIFT, n << PAGE_SHIFT, &pe);
		k = MIN(pe.pe_len >> PAGE_SHIFT, n);
		if (error == 0 && k == 0) {
			error = flush_pieces(fl, pc, index, pe);
			k = 1;
		} else if (error == 0 && pe.pe_addr != PC_HOLE)
			k = MAX(1u, flush_run(fl, pc, index, k, pe.pe_addr));
		else if (error == 0)
			give_up(pc, index, k, 0);
		if (error == ENOMEM)
			return error;
		if (error != 0) {
			k = n;
			give_up(pc, index, k, error);
		}
		index += k;
	}
	return 0;
}

/* Wait for the pages of [index, end) that are being written. */
static void
wait_written(struct pagecache *pc, uint64_t index, uint64_t end)
{
	struct pc_leaf *pl;
	uint64_t mask;

	mutex_enter(&pc->pc_lock);
	while (pc->pc_nwb != 0 && index < end &&
	    (pl = pc_leaf_next(pc, index)) != NULL && pl->pl_base < end) {
		mask = pl->pl_wb;
		if (index > pl->pl_base)
			mask &= ~bits(0, leaf_bit(index));
		if (end - pl->pl_base < PC_FANOUT)
			mask &= bits(0, (unsigned)(end - pl->pl_base));
		if (mask != 0)
			pc_wait(pc);
		else
			index = pl->pl_base + PC_FANOUT;
	}
	mutex_exit(&pc->pc_lock);
}

int
pagecache_flush(struct pagecache *pc, uint64_t start, uint64_t end, bool wait)
{
	uint64_t first = start >> PAGE_SHIFT, last = PC_INDEX_MAX;
	struct flush fl;
	int error = 0, old;

	if (pc->pc_ops == NULL)
		return 0;
	if (end != 0 && end <= PC_INDEX_MAX << (PAGE_SHIFT - 1))
		last = howmany(end, PAGE_SIZE);
	if (atomic_load_explicit(&pc->pc_ndirty, memory_order_relaxed) != 0) {
		flush_init(&fl);
		fl.fl_wait = wait;
		fl.fl_hint = atomic_load_explicit(&pc->pc_ndirty,
		    memory_order_relaxed);
		error = flush_pages(&fl, pc, first, last);
		flush_submit(&fl, true);
	}
	if (!wait)
		return error;
	wait_written(pc, first, last);
	old = atomic_load_explicit(&pc->pc_error, memory_order_relaxed);
	if (old != 0)
		old = atomic_exchange(&pc->pc_error, 0);
	return error != 0 ? error : old;
}

/* ---- The flusher ------------------------------------------------------ */

/* Hold a file of the list, and its v_lock if nobody has it. dirty_lock held. */
static bool
flush_hold(struct flush *fl, struct pagecache *pc)
{
	unsigned i;

	for (i = 0; i < fl->fl_nheld; i++)
		if (fl->fl_held[i] == pc)
			return false;
	if (!rw_tryenter(&pc->pc_vnode->v_lock, RW_READER))
		return false;
	atomic_fetch_add(&pc->pc_holds, 1);
	fl->fl_held[fl->fl_nheld++] = fl->fl_current = pc;
	return true;
}

static void
to_tail(struct pagecache *pc)
{
	list_remove(&pc->pc_dirtylink);
	list_insert_tail(&dirty_files, &pc->pc_dirtylink);
}

static struct pagecache *
first_dirty(void)
{
	return list_first(&dirty_files, struct pagecache, pc_dirtylink);
}

/*
 * Write files from the head of the list on, while they are due. dirty_lock
 * held; given up meanwhile. Returns whether any page was taken.
 */
static bool
flush_due(nstime_t now, bool all)
{
	struct pagecache *pc;
	struct flush fl;
	unsigned seen;

	flush_init(&fl);
	for (seen = 0; seen < 4 * FLUSH_FILES && !list_empty(&dirty_files);
	    seen++) {
		pc = first_dirty();
		if (!all && pc->pc_dirtytime + FLUSH_AGE > now)
			break;
		to_tail(pc);
		pc->pc_dirtytime = now;
		if (atomic_load(&pc->pc_ndirty) == 0 || !flush_hold(&fl, pc))
			continue;
		mutex_exit(&dirty_lock);
		(void)flush_pages(&fl, pc, 0, PC_INDEX_MAX);
		fl.fl_current = NULL;
		if (fl.fl_nheld == FLUSH_FILES)
			flush_submit(&fl, false);
		mutex_enter(&dirty_lock);
	}
	mutex_exit(&dirty_lock);
	flush_submit(&fl, true);
	mutex_enter(&dirty_lock);
	return fl.fl_claimed > 0;
}

static bool
too_dirty(void)
{
	return atomic_load_explicit(&dirty_pages, memory_order_relaxed) >
	    atomic_load_explicit(&dirty_bg, memory_order_relaxed);
}

static void
flusher(void *arg __maybe_unused)
{
	nstime_t now, due;
	bool all;

	mutex_enter(&dirty_lock);
	for (;;) {
		due = NSTIME_FOREVER;
		now = mono_now();
		all = flusher_urgent || too_dirty();
		if (!list_empty(&dirty_files)) {
			due = first_dirty()->pc_dirtytime + FLUSH_AGE;
			if (all || due <= now) {
				flusher_urgent = false;
				if (flush_due(now, all))
					continue;
				/* In use, or in the air: a little later. */
				due = now + 10 * NS_PER_MS;
			}
		}
		atomic_store(&flusher_sleeps, true);
		(void)cv_timedwait(&flusher_cv, &dirty_lock, due);
		atomic_store(&flusher_sleeps, false);
	}
}

static void
flusher_start(void)
{
	if (atomic_load_explicit(&flusher_runs, memory_order_relaxed) ||
	    atomic_exchange(&flusher_runs, true))
		return;
	if (kthread_create(flusher, NULL, "flusher", NULL) != 0)
		atomic_store(&flusher_runs, false);
}

static void
flusher_kick(bool urgent)
{
	mutex_enter(&dirty_lock);
	flusher_urgent |= urgent;
	cv_signal(&flusher_cv);
	mutex_exit(&dirty_lock);
}

void
pc_balance(void)
{
	flusher_start();
	if (too_dirty() && atomic_load_explicit(&flusher_sleeps,
	    memory_order_relaxed))
		flusher_kick(false);
}

void
pc_flush_hurry(bool wait)
{
	nstime_t patience = 2 * NS_PER_MS;	/* for reads that end */

	if (atomic_load_explicit(&dirty_pages, memory_order_relaxed) != 0 ||
	    atomic_load_explicit(&wb_pages, memory_order_relaxed) != 0) {
		flusher_kick(true);
		patience = 20 * NS_PER_MS;
	}
	if (!wait)
		return;
	mutex_enter(&dirty_lock);
	(void)cv_timedwait(&progress_cv, &dirty_lock,
	    mono_deadline(patience));
	mutex_exit(&dirty_lock);
}

size_t
pagecache_throttle(void)
{
	uint64_t max;
	int tries;

	max = atomic_load_explicit(&dirty_max, memory_order_relaxed);
	for (tries = 0; tries < 50 && atomic_load_explicit(&dirty_pages,
	    memory_order_relaxed) > max; tries++) {
		flusher_kick(false);
		mutex_enter(&dirty_lock);
		(void)cv_timedwait(&progress_cv, &dirty_lock,
		    mono_deadline(100 * NS_PER_MS));
		mutex_exit(&dirty_lock);
	}
	return MAX(max / 4 * PAGE_SIZE, WRITE_MIN);
}

void
pc_flush_quiesce(struct pagecache *pc)
{
	if (atomic_load(&pc->pc_holds) == 0)
		return;
	mutex_enter(&dirty_lock);
	while (atomic_load(&pc->pc_holds) != 0)
		cv_wait(&progress_cv, &dirty_lock);
	mutex_exit(&dirty_lock);
}

/* ---- sync(2) ---------------------------------------------------------- */

/* A file of the mount that this pass has not seen; moved to the end. */
static struct pagecache *
sync_next(const struct mount *mp, uint32_t pass, bool *busyp,
    struct flush *fl)
{
	struct pagecache *pc;
	struct list *n;

	LIST_FOREACH(n, &dirty_files) {
		pc = container_of(n, struct pagecache, pc_dirtylink);
		if (pc->pc_vnode->v_mount != mp || pc->pc_pass == pass)
			continue;
		if (!flush_hold(fl, pc)) {
			*busyp = true;
			continue;
		}
		pc->pc_pass = pass;
		to_tail(pc);
		return pc;
	}
	return NULL;
}

/* One pass over the files of a mount. */
static int
sync_files(const struct mount *mp, bool wait)
{
	struct pagecache *pc;
	struct flush fl;
	uint32_t pass;
	bool busy = false;
	int error = 0, e;

	flush_init(&fl);
	mutex_enter(&dirty_lock);
	pass = ++sync_pass;
	for (;;) {
		pc = sync_next(mp, pass, &busy, &fl);
		if (pc == NULL && (!wait || !busy))
			break;
		if (pc == NULL) {
			busy = false;
			(void)cv_timedwait(&progress_cv, &dirty_lock,
			    mono_deadline(NS_PER_MS));
			continue;
		}
		mutex_exit(&dirty_lock);
		if (wait)
			e = pagecache_flush(pc, 0, 0, true);
		else
			e = flush_pages(&fl, pc, 0, PC_INDEX_MAX);
		fl.fl_current = NULL;
		if (error == 0)
			error = e;
		if (wait || fl.fl_nheld == FLUSH_FILES)
			flush_submit(&fl, false);
		mutex_enter(&dirty_lock);
	}
	mutex_exit(&dirty_lock);
	flush_submit(&fl, true);
	return error;
}

int
pagecache_flush_mount(struct mount *mp, bool wait)
{
	int error;

	mutex_enter(&sync_lock);
	error = sync_files(mp, false);
	if (wait)
		error = sync_files(mp, true);
	mutex_exit(&sync_lock);
	return error;
}

/* ---- Tunables --------------------------------------------------------- */

static struct sysctl flush_sysctls[] = {
	{ .sy_name = "vfs.pagecache.dirty",
	  .sy_descr = "pages that are newer than their device",
	  .sy_type = SYSCTL_U64, .sy_u64 = &dirty_pages },
	{ .sy_name = "vfs.pagecache.writing",
	  .sy_descr = "pages that are being written",
	  .sy_type = SYSCTL_U64, .sy_u64 = &wb_pages },
	{ .sy_name = "vfs.pagecache.written",
	  .sy_descr = "pages written so far",
	  .sy_type = SYSCTL_U64, .sy_u64 = &stat_written },
	{ .sy_name = "vfs.pagecache.dirty_background",
	  .sy_descr = "dirty pages from which on they are written at once",
	  .sy_type = SYSCTL_U64, .sy_flags = SYSCTL_RW,
	  .sy_u64 = &dirty_bg },
	{ .sy_name = "vfs.pagecache.dirty_max",
	  .sy_descr = "dirty pages from which on writers wait",
	  .sy_type = SYSCTL_U64, .sy_flags = SYSCTL_RW,
	  .sy_u64 = &dirty_max },
};

int
pc_flush_init(void)
{
	size_t limit;
	unsigned i;
	int error;

	mutex_init(&dirty_lock, &dirty_lc);
	mutex_init(&sync_lock, &sync_lc);
	list_init(&dirty_files);
	cv_init(&flusher_cv);
	cv_init(&progress_cv);
	kmem_stats(NULL, NULL, &limit);
	atomic_store(&dirty_bg, MIN(limit / PAGE_SIZE / 16,
	    64 * MIB_PAGES));
	atomic_store(&dirty_max, MIN(limit / PAGE_SIZE / 5,
	    512 * MIB_PAGES));
	for (i = 0; i < nitems(flush_sysctls); i++) {
		error = sysctl_register(&flush_sysctls[i]);
		if (error != 0)
			return error;
	}
	return workqueue_create("written", 2, &written_wq);
}
