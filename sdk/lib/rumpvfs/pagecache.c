/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The page cache: reading, writing and cutting a file's pages.
 */
#include <kern/proc.h>

#include "cache.h"
#include "pc_impl.h"

#define WAIT_QUEUES	32

static struct lock_class pc_lc = LOCK_CLASS("page cache", 0);
static struct kcondvar waitq[WAIT_QUEUES];

/* ---- Waiting ---------------------------------------------------------- */

static struct kcondvar *
waitq_of(const struct pagecache *pc)
{
	return &waitq[((uintptr_t)pc >> 6) * 0x9e3779b97f4a7c15ull >> 59];
}

void
pc_wait(struct pagecache *pc)
{
	cv_wait(waitq_of(pc), &pc->pc_lock);
}

void
pc_wakeup(struct pagecache *pc)
{
	cv_broadcast(waitq_of(pc));
}

/* ---- Pages ------------------------------------------------------------ */

char *
pc_page_alloc(struct pagecache *pc, int flags)
{
	char *p = page_alloc(0, flags | KM_BULK);

	if (p != NULL && pc->pc_ops != NULL)
		atomic_fetch_add_explicit(&pc_file_pages, 1,
		    memory_order_relaxed);
	return p;
}

void
pc_page_free(struct pagecache *pc, void *page)
{
	if (pc->pc_ops != NULL)
		atomic_fetch_sub_explicit(&pc_file_pages, 1,
		    memory_order_relaxed);
	page_free(page, 0);
}

/*
 * A page for a write: memory may be full of dirty pages, which the flusher can
 * make clean.
 */
static char *
write_page_alloc(struct pagecache *pc)
{
	char *p = pc_page_alloc(pc, 0);
	int tries;

	for (tries = 0; p == NULL && pc->pc_ops != NULL &&
	    tries < PC_MEMORY_TRIES; tries++) {
		pc_flush_hurry(true);
		p = pc_page_alloc(pc, 0);
	}
	return p;
}

/* ---- Reading ---------------------------------------------------------- */

void
pagecache_prefetch(struct pagecache *pc, uint64_t off)
{
	bool anonymous = pc->pc_ops == NULL;
	char *p;

	if (!anonymous)
		epoch_enter();
	p = pc_run_find(pc, off >> PAGE_SHIFT);
	if (p != NULL)
		__builtin_prefetch(p + (off & PAGE_MASK));
	if (!anonymous)
		epoch_exit();
}

/*
 * Copy what is there of an anonymous file, from which nothing leaves while
 * v_lock is held. Pages that lie one behind the other are one piece; where it
 * is, the node above the leaf says, or the leaf's header, which are in the
 * processor's cache more often than the slot. @return EFAULT; what was moved
 * shows in uio.
 */
static int
read_anonymous(struct pagecache *pc, struct uio *uio, uint64_t n)
{
	uint64_t off = (uint64_t)uio->uio_offset, index = off >> PAGE_SHIFT;
	unsigned b = leaf_bit(index), pages = 1;
	size_t po = off & PAGE_MASK;
	struct pc_leaf *pl;
	uint64_t absent;
	char *p;

	p = pc_run_find(pc, index);
	if (p != NULL)
		return uiomove(p + po, MIN((PC_FANOUT - b) * PAGE_SIZE - po,
		    n), uio);
	pl = pc_leaf_find(pc, index);
	absent = pl == NULL ? ~UINT64_C(0) : ~(pl->pl_present >> b);
	if ((absent & 1) != 0)
		return 0;
	if (pl->pl_run != 0) {
		pages = absent == 0 ? PC_FANOUT :
		    (unsigned)__builtin_ctzll(absent);
		p = (char *)pl->pl_run + b * PAGE_SIZE;
	} else
		p = slot_page(atomic_load_explicit(&pl->pl_slot[b],
		    memory_order_relaxed));
	return uiomove(p + po, MIN(pages * PAGE_SIZE - po, n), uio);
}

/*
 * Copy what is there, up to n bytes and the end of a leaf. *rap: a page with a
 * read-ahead mark was among it. @return EFAULT; what was moved shows in uio.
 */
static int
read_present(struct pagecache *pc, struct uio *uio, uint64_t n, uint64_t *rap)
{
	uint64_t off = (uint64_t)uio->uio_offset, index = off >> PAGE_SHIFT;
	size_t po = off & PAGE_MASK, len;
	struct pc_leaf *pl;
	unsigned b = leaf_bit(index);
	uintptr_t s, old;
	int error = 0;

	epoch_enter();
	pl = pc_leaf_find(pc, index);
	if (pl == NULL)
		goto out;
	/* The first slot is there; nothing else is looked at for one page. */
	do {
		s = atomic_load_explicit(&pl->pl_slot[b],
		    memory_order_acquire);
		if (s == 0 || (s & SLOT_LOAD) != 0)
			break;
		/* Where reclaim was faster, the epoch still keeps the page. */
		old = s;
		if ((s & SLOT_REF) == 0)
			atomic_compare_exchange_strong_explicit(
			    &pl->pl_slot[b], &old, s | SLOT_REF,
			    memory_order_relaxed, memory_order_relaxed);
		if ((s & SLOT_RA) != 0)
			*rap = pl->pl_base + b;
		len = MIN(PAGE_SIZE - po, n);
		error = uiomove(slot_page(s) + po, len, uio);
		if (error != 0)
			break;
		n -= len;
		po = 0;
	} while (n > 0 && ++b < pl->pl_nslots);
out:
	epoch_exit();
	return error;
}

/*
 * The same for an application whose memory takes a while to reach: one page at
 * a time, with the file's pages pinned instead of an epoch.
 */
static int
read_present_pinned(struct pagecache *pc, struct uio *uio, uint64_t n,
    uint64_t *rap)
{
	uint64_t off = (uint64_t)uio->uio_offset, index = off >> PAGE_SHIFT;
	size_t po = off & PAGE_MASK;
	struct pc_leaf *pl;
	uintptr_t s = 0;
	int error = 0;

	mutex_enter(&pc->pc_lock);
	pl = pc_leaf_find(pc, index);
	if (pl != NULL && leaf_bit(index) < pl->pl_nslots)
		s = atomic_fetch_or_explicit(&pl->pl_slot[leaf_bit(index)],
		    0, memory_order_relaxed);
	if (s == 0 || (s & SLOT_LOAD) != 0) {
		mutex_exit(&pc->pc_lock);
		return 0;
	}
	pc->pc_pins++;
	mutex_exit(&pc->pc_lock);
	if ((s & SLOT_RA) != 0)
		*rap = index;
	error = uiomove(slot_page(s) + po, MIN(PAGE_SIZE - po, n), uio);
	mutex_enter(&pc->pc_lock);
	pc->pc_pins--;
	mutex_exit(&pc->pc_lock);
	return error;
}

/* How many bytes from off on, at most n, are in no page? Anonymous files. */
static uint64_t
hole_len(struct pagecache *pc, uint64_t off, uint64_t n)
{
	uint64_t next = pagecache_seek(pc, off, true);

	return next == UINT64_MAX ? n : MIN(n, next - off);
}

/* Wait for a page that somebody is reading in. */
static void
wait_loaded(struct pagecache *pc, uint64_t index)
{
	struct pc_leaf *pl;

	mutex_enter(&pc->pc_lock);
	while ((pl = pc_leaf_find(pc, index)) != NULL &&
	    (pl->pl_load & bits(leaf_bit(index), 1)) != 0)
		pc_wait(pc);
	mutex_exit(&pc->pc_lock);
}

/* The page at off is not there, or not yet. */
static int
read_absent(struct pagecache *pc, struct uio *uio, uint64_t n, uint64_t size,
    int ioflag)
{
	uint64_t off = (uint64_t)uio->uio_offset, index = off >> PAGE_SHIFT;
	pc_slot_t *slot;
	uintptr_t s;

	if (pc->pc_ops == NULL)
		return uiomove_zero(hole_len(pc, off, n), uio);
	if ((ioflag & IO_NOWAIT) != 0)
		return EAGAIN;
	epoch_enter();
	slot = pc_slot(pc, index);
	s = slot == NULL ? 0 : atomic_load_explicit(slot, memory_order_relaxed);
	epoch_exit();
	if ((s & SLOT_LOAD) != 0) {
		if ((s & SLOT_RA) != 0)
			pc_readahead(pc, index, size);
		wait_loaded(pc, index);
		return 0;
	}
	if (s != 0)
		return 0;
	return pc_miss(pc, index,
	    ((off + n - 1) >> PAGE_SHIFT) - index + 1, size);
}

static inline bool
uio_may_sleep(const struct uio *uio)
{
	return uio->uio_proc != NULL && uio->uio_proc->p_vmops != NULL;
}

int
pagecache_read(struct pagecache *pc, struct uio *uio, uint64_t size,
    int ioflag)
{
	bool pinned = uio_may_sleep(uio);
	uint64_t n, ra;
	size_t before;
	int error = 0;

	if (__unlikely((ioflag & IO_DIRECT) != 0) && pc->pc_ops != NULL)
		return pc_read_direct(pc, uio, size);
	while (error == 0 && uio->uio_resid > 0 &&
	    (uint64_t)uio->uio_offset < size) {
		n = MIN(uio->uio_resid, size - (uint64_t)uio->uio_offset);
		before = uio->uio_resid;
		ra = UINT64_MAX;
		if (pc->pc_ops == NULL)
			error = read_anonymous(pc, uio, n);
		else
			error = pinned ?
			    read_present_pinned(pc, uio, n, &ra) :
			    read_present(pc, uio, n, &ra);
		if (__unlikely(ra != UINT64_MAX))
			pc_readahead(pc, ra, size);
		if (error == 0 && before == uio->uio_resid)
			error = read_absent(pc, uio, n, size, ioflag);
	}
	return error;
}

/* ---- Writing ---------------------------------------------------------- */

#define BATCH 64

/* Pages of one leaf that are being changed. */
struct batch {
	struct pc_leaf *ba_leaf;
	unsigned ba_bit;		/* of the first */
	unsigned ba_n;
	uint64_t ba_new;		/* masks in the leaf: not entered yet, */
	uint64_t ba_done;		/* changed */
	char *ba_page[BATCH];
};

/*
 * Claim n pages from index on (in one leaf) for a change. Pages that are there
 * become busy; the others are left to batch_fill(). @return ENOMEM
 */
static int
batch_begin(struct pagecache *pc, struct batch *ba, uint64_t index, unsigned n)
{
	struct pc_leaf *pl;
	uint64_t mask;
	unsigned i;

	ba->ba_bit = leaf_bit(index);
	ba->ba_n = n;
	ba->ba_done = 0;
	mutex_enter(&pc->pc_lock);
	for (;;) {
		/* The last page first: a small leaf grows at once. */
		pl = pc_leaf_make(pc, index + n - 1);
		if (pl == NULL) {
			mutex_exit(&pc->pc_lock);
			return ENOMEM;
		}
		mask = bits(ba->ba_bit, n);
		if ((pl->pl_load & mask) == 0)
			break;
		pc_wait(pc);
	}
	pl->pl_busy |= mask;
	ba->ba_leaf = pl;
	ba->ba_new = mask & ~pl->pl_present;
	for (i = 0; i < n; i++)
		ba->ba_page[i] = slot_page(atomic_load_explicit(
		    &pl->pl_slot[ba->ba_bit + i], memory_order_relaxed));
	mutex_exit(&pc->pc_lock);
	return 0;
}

/* Enter new pages, make what was changed dirty, and let go. */
static void
batch_end(struct pagecache *pc, struct batch *ba)
{
	uint64_t enter = ba->ba_new & ba->ba_done, m;
	struct pc_leaf *pl = ba->ba_leaf;
	unsigned b;

	mutex_enter(&pc->pc_lock);
	for (m = enter; m != 0; m &= m - 1) {
		b = (unsigned)__builtin_ctzll(m);
		pc_insert(pc, pl, b, (uintptr_t)ba->ba_page[b - ba->ba_bit] |
		    SLOT_REF);
	}
	pl->pl_busy &= ~bits(ba->ba_bit, ba->ba_n);
	if (pc->pc_ops != NULL)
		pc_mark_dirty(pc, pl, ba->ba_done);
	if (pl->pl_present == 0 && pl->pl_busy == 0)
		pc_leaf_remove(pc, pl);
	mutex_exit(&pc->pc_lock);
}

/*
 * Must a page that is partly written be read before? Not where it is there, or
 * holds nothing that stays.
 */
static bool
write_needs_read(struct pagecache *pc, const struct batch *ba, unsigned i,
    uint64_t index, uint64_t from, uint64_t to, uint64_t oldsize)
{
	uint64_t start = (index + i) << PAGE_SHIFT;

	if (pc->pc_ops == NULL || start >= oldsize ||
	    (ba->ba_new & bits(ba->ba_bit + i, 1)) == 0)
		return false;
	return from > start || to < MIN(start + PAGE_SIZE, oldsize);
}

/* Copy into the pages of a batch. */
static int
batch_copy(struct pagecache *pc, struct batch *ba, struct uio *uio)
{
	size_t po, len, left, moved;
	uint64_t mask;
	bool fresh;
	unsigned i;
	char *p;
	int error = 0;

	for (i = 0; i < ba->ba_n && error == 0; i++) {
		mask = bits(ba->ba_bit + i, 1);
		fresh = (ba->ba_new & mask) != 0;
		if (fresh && (ba->ba_page[i] = i == 0 ? write_page_alloc(pc) :
		    pc_page_alloc(pc, 0)) == NULL)
			return i == 0 ? ENOMEM : 0;
		p = ba->ba_page[i];
		po = (uint64_t)uio->uio_offset & PAGE_MASK;
		len = MIN(PAGE_SIZE - po, uio->uio_resid);
		left = uio->uio_resid;
		error = uiomove(p + po, len, uio);
		moved = left - uio->uio_resid;
		if (fresh && moved == 0) {
			pc_page_free(pc, p);
			break;
		}
		if (fresh) {
			memset(p, 0, po);
			memset(p + po + moved, 0, PAGE_SIZE - po - moved);
		}
		ba->ba_done |= mask;
	}
	return error;
}

/* One leaf's part of a write. */
static int
write_leaf(struct pagecache *pc, struct uio *uio, uint64_t oldsize)
{
	uint64_t from = (uint64_t)uio->uio_offset, to = from + uio->uio_resid;
	uint64_t index = from >> PAGE_SHIFT;
	struct batch ba;
	unsigned n, i;
	int error;

	n = (unsigned)MIN(((to - 1) >> PAGE_SHIFT) - index + 1,
	    PC_FANOUT - leaf_bit(index));
	for (;;) {
		error = batch_begin(pc, &ba, index, n);
		if (error != 0)
			return error;
		i = write_needs_read(pc, &ba, 0, index, from, to, oldsize) ?
		    0 : n - 1;
		if (!write_needs_read(pc, &ba, i, index, from, to, oldsize))
			break;
		batch_end(pc, &ba);
		error = pc_readin(pc, index + i, 1, oldsize, 0);
		if (error != 0)
			return error;
	}
	error = batch_copy(pc, &ba, uio);
	batch_end(pc, &ba);
	return error;
}

/*
 * Zero bytes of one page: of what is in the cache, or on the device. A hole
 * stays one. size: of the file. *dirtied: it was changed.
 */
static int
zero_part(struct pagecache *pc, uint64_t from, uint64_t to, uint64_t size)
{
	uint64_t index = from >> PAGE_SHIFT;
	struct pc_extent pe;
	struct batch ba;
	int error;

	for (;;) {
		error = batch_begin(pc, &ba, index, 1);
		if (error != 0)
			return error;
		if (ba.ba_new == 0)
			break;
		batch_end(pc, &ba);
		if (pc->pc_ops == NULL)
			return 0;
		error = pc->pc_ops->pco_map(pc->pc_vnode,
		    index << PAGE_SHIFT, &pe);
		if (error != 0)
			return error;
		if (pe.pe_addr == PC_HOLE && pe.pe_len >=
		    MIN(PAGE_SIZE, size - (index << PAGE_SHIFT)))
			return 0;
		error = pc_readin(pc, index, 1, size, 0);
		if (error != 0)
			return error;
	}
	memset(ba.ba_page[0] + (from & PAGE_MASK), 0, to - from);
	ba.ba_done = bits(ba.ba_bit, 1);
	batch_end(pc, &ba);
	return 0;
}

/*
 * The file grows beyond oldsize: what is behind it in its last page, on the
 * device too, must read as zero from now on.
 */
static int
zero_tail(struct pagecache *pc, uint64_t oldsize)
{
	if ((oldsize & PAGE_MASK) == 0)
		return 0;
	return zero_part(pc, oldsize, roundup2(oldsize, (uint64_t)PAGE_SIZE),
	    oldsize);
}

int
pagecache_write(struct pagecache *pc, struct uio *uio, uint64_t oldsize,
    int ioflag __maybe_unused)
{
	int error = 0;

	if (uio->uio_resid == 0)
		return 0;
	if ((uint64_t)uio->uio_offset > oldsize)
		error = zero_tail(pc, oldsize);
	while (error == 0 && uio->uio_resid > 0) {
		error = write_leaf(pc, uio, oldsize);
		if (pc->pc_ops != NULL)
			pc_balance();
	}
	return error;
}

/* ---- Cutting ---------------------------------------------------------- */

/* Take the pages of mask out of a leaf, which may go with the last of them. */
static void
leaf_cut(struct pagecache *pc, struct pc_leaf *pl, uint64_t mask)
{
	pc_unmark_dirty(pc, pl, pl->pl_dirty & mask);
	for (mask &= pl->pl_present; mask != 0; mask &= mask - 1)
		pc_page_free(pc, pc_remove(pc, pl,
		    (unsigned)__builtin_ctzll(mask)));
	if (pl->pl_present == 0 && pl->pl_busy == 0)
		pc_leaf_remove(pc, pl);
}

/* The bits of a leaf that the pages [start, end) have; some are in it. */
static uint64_t
leaf_mask(const struct pc_leaf *pl, uint64_t start, uint64_t end)
{
	uint64_t mask = ~UINT64_C(0);

	if (start > pl->pl_base)
		mask &= ~bits(0, leaf_bit(start));
	if (end - pl->pl_base < PC_FANOUT)
		mask &= bits(0, (unsigned)(end - pl->pl_base));
	return mask;
}

/*
 * Take out the pages [start, end); waits for their I/O. v_lock X: there are no
 * readers.
 */
static void
cut(struct pagecache *pc, uint64_t start, uint64_t end)
{
	uint64_t index = start, mask;
	struct pc_leaf *pl;

	if (start >= end || atomic_load_explicit(&pc->pc_root,
	    memory_order_relaxed) == 0)
		return;
	mutex_enter(&pc->pc_lock);
	while (index < end && (pl = pc_leaf_next(pc, index)) != NULL &&
	    pl->pl_base < end) {
		mask = leaf_mask(pl, start, end);
		if (((pl->pl_load | pl->pl_wb) & mask) != 0) {
			pc_wait(pc);
			continue;
		}
		index = pl->pl_base + PC_FANOUT;
		leaf_cut(pc, pl, mask);
	}
	mutex_exit(&pc->pc_lock);
}

int
pagecache_truncate(struct pagecache *pc, uint64_t oldsize, uint64_t size)
{
	int error;

	if (size > oldsize)
		error = zero_tail(pc, oldsize);
	else if (size < oldsize && (size & PAGE_MASK) != 0)
		error = zero_part(pc, size, roundup2(size,
		    (uint64_t)PAGE_SIZE), oldsize);
	else
		error = 0;
	if (error != 0)
		return error;
	cut(pc, howmany(size, PAGE_SIZE), UINT64_MAX);
	/* A sequential reader starts anew. */
	atomic_store_explicit(&pc->pc_ranext, 0, memory_order_relaxed);
	atomic_store_explicit(&pc->pc_rawindow, 0, memory_order_relaxed);
	return 0;
}

int
pagecache_punch(struct pagecache *pc, uint64_t off, uint64_t len)
{
	uint64_t end, first, last;
	int error = 0;

	if (len == 0)
		return 0;
	end = PC_INDEX_MAX << PAGE_SHIFT;
	if (off >= end)
		return 0;
	end = MIN(end, off > UINT64_MAX - len ? UINT64_MAX : off + len);
	first = (off >> PAGE_SHIFT) + ((off & PAGE_MASK) != 0);
	last = end >> PAGE_SHIFT;
	if ((off & PAGE_MASK) != 0)
		error = zero_part(pc, off, MIN(end, first << PAGE_SHIFT),
		    UINT64_MAX);
	if (error == 0 && (end & PAGE_MASK) != 0 && last >= first)
		error = zero_part(pc, last << PAGE_SHIFT, end, UINT64_MAX);
	if (error == 0)
		cut(pc, first, last);
	return error;
}

/* Clean pages are nobody's: with v_lock X, no reader copies from them. */
void
pagecache_drop(struct pagecache *pc, uint64_t start, uint64_t end)
{
	uint64_t index = howmany(start, PAGE_SIZE);
	struct pc_leaf *pl;

	if (pc->pc_ops == NULL)
		return;
	end >>= PAGE_SHIFT;
	mutex_enter(&pc->pc_lock);
	while (index < end && (pl = pc_leaf_next(pc, index)) != NULL &&
	    pl->pl_base < end) {
		leaf_cut(pc, pl, leaf_mask(pl, index, end) & ~(pl->pl_dirty |
		    pl->pl_wb | pl->pl_load | pl->pl_busy));
		index = pl->pl_base + PC_FANOUT;
	}
	mutex_exit(&pc->pc_lock);
}

/* ---- Looking ---------------------------------------------------------- */

uint64_t
pagecache_seek(struct pagecache *pc, uint64_t off, bool data)
{
	uint64_t index = off >> PAGE_SHIFT, mask;
	struct pc_leaf *pl = NULL;

	mutex_enter(&pc->pc_lock);
	for (; index < PC_INDEX_MAX; index = rounddown2(index,
	    (uint64_t)PC_FANOUT) + PC_FANOUT) {
		pl = data ? pc_leaf_next(pc, index) : pc_leaf_find(pc, index);
		if (pl == NULL)
			break;
		if (data && pl->pl_base > index)
			index = pl->pl_base;
		mask = (data ? pl->pl_present : ~pl->pl_present) &
		    ~bits(0, leaf_bit(index));
		if (mask != 0) {
			index = pl->pl_base + (unsigned)__builtin_ctzll(mask);
			break;
		}
		pl = NULL;
	}
	mutex_exit(&pc->pc_lock);
	if (index >= PC_INDEX_MAX || (data && pl == NULL))
		return UINT64_MAX;
	return MAX(off, index << PAGE_SHIFT);
}

bool
pagecache_dirty(struct pagecache *pc, uint64_t off, uint64_t len)
{
	uint64_t index = off >> PAGE_SHIFT, end, mask;
	struct pc_leaf *pl;
	bool dirty = false;

	if (len == 0 || atomic_load_explicit(&pc->pc_ndirty,
	    memory_order_relaxed) == 0)
		return false;
	end = off > UINT64_MAX - len ? PC_INDEX_MAX :
	    ((off + len - 1) >> PAGE_SHIFT) + 1;
	mutex_enter(&pc->pc_lock);
	while (!dirty && index < end &&
	    (pl = pc_leaf_next(pc, index)) != NULL && pl->pl_base < end) {
		mask = pl->pl_dirty;
		if (index > pl->pl_base)
			mask &= ~bits(0, leaf_bit(index));
		if (end - pl->pl_base < PC_FANOUT)
			mask &= bits(0, (unsigned)(end - pl->pl_base));
		dirty = mask != 0;
		index = pl->pl_base + PC_FANOUT;
	}
	mutex_exit(&pc->pc_lock);
	return dirty;
}

/* ---- Lifetime --------------------------------------------------------- */

void
pagecache_init(struct pagecache *pc, struct vnode *vp,
    const struct pagecache_ops *ops)
{
	memset(pc, 0, sizeof(*pc));
	pc->pc_ops = ops;
	pc->pc_vnode = vp;
	mutex_init(&pc->pc_lock, &pc_lc);
	list_node_init(&pc->pc_dirtylink);
}

void
pagecache_fini(struct pagecache *pc)
{
	if (atomic_load_explicit(&pc->pc_root, memory_order_relaxed) != 0 ||
	    pc->pc_ops != NULL) {
		cut(pc, 0, UINT64_MAX);
		pc_flush_quiesce(pc);
		mutex_enter(&pc->pc_lock);
		while (pc->pc_nload != 0 || pc->pc_nwb != 0)
			pc_wait(pc);
		mutex_exit(&pc->pc_lock);
	}
	KASSERT(atomic_load(&pc->pc_npages) == 0);
	mutex_fini(&pc->pc_lock);
}

int
pagecache_modinit(void)
{
	unsigned i;
	int error;

	for (i = 0; i < WAIT_QUEUES; i++)
		cv_init(&waitq[i]);
	error = pc_tree_init();
	if (error == 0)
		error = pc_flush_init();
	if (error == 0)
		pc_reclaim_init();
	return error;
}

int
cache_init(void)
{
	static int (*const parts[])(void) = {
		pagecache_modinit, bcache_modinit, blkdev_modinit,
		cdev_modinit,
	};
	unsigned i;
	int error = 0;

	for (i = 0; i < nitems(parts) && error == 0; i++)
		error = parts[i]();
	return error;
}
