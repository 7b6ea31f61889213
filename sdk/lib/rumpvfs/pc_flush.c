/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The page cache: what is dirty, and when it is written.
 *
 * Files with dirty pages, or pages being written, are on one list. A thread,
 * the flusher, writes those that have been dirty for some seconds, and all
 * while there is too much of it; writers wait for it while there is far too
 * much. It holds v_lock shared; it only tries for it, since its owner may be
 * the one who waits for the flusher. Until their request is submitted the
 * files stay locked, and pc_holds keeps them.
 *
 * dirty_lock comes behind pc_lock, and is not held over I/O.
 */
#include "pc_flush.h"

#include <kern/sysctl.h>
#include <kern/thread.h>

#define FLUSH_AGE	(5 * NS_PER_SEC)
#define FLUSH_INFLIGHT	16384		/* pages, at most */
#define MIB_PAGES	256ul
#define WRITE_MIN	((size_t)1 << 20)

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

static _Atomic uint64_t dirty_pages;
_Atomic uint64_t pc_wb_pages;
static _Atomic uint64_t dirty_bg, dirty_max;
static _Atomic uint64_t stat_written;

/* ---- Which pages are dirty ---------------------------------------------- */

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

void
pc_unlink_clean(struct pagecache *pc)
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
	pc_unlink_clean(pc);
}

/* ---- Which are being written -------------------------------------------- */

void
pc_count_written(uint32_t n)
{
	atomic_fetch_sub_explicit(&pc_wb_pages, n, memory_order_relaxed);
	atomic_fetch_add_explicit(&stat_written, n, memory_order_relaxed);
	mutex_enter(&dirty_lock);
	cv_broadcast(&progress_cv);
	mutex_exit(&dirty_lock);
}

bool
pc_inflight_full(void)
{
	return atomic_load_explicit(&pc_wb_pages, memory_order_relaxed) >
	    FLUSH_INFLIGHT;
}

void
pc_wait_inflight(void)
{
	mutex_enter(&dirty_lock);
	while (pc_inflight_full())
		cv_wait(&progress_cv, &dirty_lock);
	mutex_exit(&dirty_lock);
}

void
pc_unhold(struct pagecache *pc)
{
	mutex_enter(&dirty_lock);
	if (atomic_fetch_sub(&pc->pc_holds, 1) == 1)
		cv_broadcast(&progress_cv);
	mutex_exit(&dirty_lock);
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

/* ---- The flusher -------------------------------------------------------- */

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

	pc_flush_begin(&fl);
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
		(void)pc_flush_pages(&fl, pc, 0, PC_INDEX_MAX);
		fl.fl_current = NULL;
		if (fl.fl_nheld == FLUSH_FILES)
			pc_flush_submit(&fl, false);
		mutex_enter(&dirty_lock);
	}
	mutex_exit(&dirty_lock);
	pc_flush_submit(&fl, true);
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
	    atomic_load_explicit(&pc_wb_pages, memory_order_relaxed) != 0) {
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

/* ---- sync(2) ------------------------------------------------------------ */

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

	pc_flush_begin(&fl);
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
			e = pc_flush_pages(&fl, pc, 0, PC_INDEX_MAX);
		fl.fl_current = NULL;
		if (error == 0)
			error = e;
		if (wait || fl.fl_nheld == FLUSH_FILES)
			pc_flush_submit(&fl, false);
		mutex_enter(&dirty_lock);
	}
	mutex_exit(&dirty_lock);
	pc_flush_submit(&fl, true);
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

/* ---- Tunables ----------------------------------------------------------- */

static struct sysctl flush_sysctls[] = {
	{ .sy_name = "vfs.pagecache.dirty",
	  .sy_descr = "pages that are newer than their device",
	  .sy_type = SYSCTL_U64, .sy_u64 = &dirty_pages },
	{ .sy_name = "vfs.pagecache.writing",
	  .sy_descr = "pages that are being written",
	  .sy_type = SYSCTL_U64, .sy_u64 = &pc_wb_pages },
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
	return pc_write_init();
}
