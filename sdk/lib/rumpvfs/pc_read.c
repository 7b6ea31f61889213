/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The page cache: pages that come from the device, when they are missed or
 * ahead of a sequential reader.
 *
 * A request is a run of pages that lies in one extent. Its pages are in the
 * tree with SLOT_LOAD while they are read, so that nobody reads them twice;
 * a page that could not be read leaves the tree again.
 *
 * Read-ahead keeps one window in the air: the first page of each window is
 * marked, and when a reader comes by, the next window, twice as long, is asked
 * for.
 */
#include "pc_impl.h"

#define RA_FIRST	16u		/* pages: the first window */

struct pc_rio {
	struct bio ri_bio;
	struct pagecache *ri_pc;
	uint64_t ri_index;
	uint32_t ri_n;			/* pages */
	uint32_t ri_cap;		/* of ri_iov */
	uint64_t ri_len;		/* bytes that the device gives */
	struct iovec ri_iov[];
};

/* What is in one piece on the device, from a page on. */
struct run {
	uint64_t r_index;
	uint64_t r_n;			/* whole pages; 0: less than one */
	uint64_t r_addr;
	uint64_t r_len;			/* bytes to read; the rest is zero */
};

static size_t
rio_size(uint32_t cap)
{
	return sizeof(struct pc_rio) + cap * sizeof(struct iovec);
}

static struct pc_rio *
rio_alloc(struct pagecache *pc, uint64_t index, uint32_t cap)
{
	struct pc_rio *ri = kmem_alloc(rio_size(cap), 0);

	if (ri == NULL)
		return NULL;
	ri->ri_pc = pc;
	ri->ri_index = index;
	ri->ri_n = 0;
	ri->ri_cap = cap;
	return ri;
}

static void
rio_free(struct pc_rio *ri)
{
	kmem_free(ri, rio_size(ri->ri_cap));
}

/* The pages are here, or never will be. */
static void
load_done(struct pagecache *pc, uint64_t index, uint32_t n, int error)
{
	struct pc_leaf *pl = NULL;
	uint64_t mask, i;
	unsigned b;

	mutex_enter(&pc->pc_lock);
	for (i = index; i < index + n; i++) {
		b = leaf_bit(i);
		mask = bits(b, 1);
		if (pl == NULL || b == 0)
			pl = pc_leaf_find(pc, i);
		KASSERT(pl != NULL && (pl->pl_load & mask) != 0);
		if (error != 0) {
			pc_page_free(pc, pc_remove(pc, pl, b));
			if (pl->pl_present == 0 && pl->pl_busy == 0) {
				pc_leaf_remove(pc, pl);
				pl = NULL;
			}
			continue;
		}
		pl->pl_load &= ~mask;
		atomic_store_explicit(&pl->pl_slot[b], atomic_load_explicit(
		    &pl->pl_slot[b], memory_order_relaxed) & ~SLOT_LOAD,
		    memory_order_release);
	}
	pc->pc_nload -= n;
	pc_wakeup(pc);
	mutex_exit(&pc->pc_lock);
}

static void
rio_done(struct bio *b)
{
	struct pc_rio *ri = container_of(b, struct pc_rio, ri_bio);

	load_done(ri->ri_pc, ri->ri_index, ri->ri_n, b->bio_error);
	rio_free(ri);
}

/* Memory of a request; neighbours are one piece. The tail reads as zero. */
static int
rio_iov(struct pc_rio *ri, char *const *pages)
{
	uint64_t left = ri->ri_len;
	struct iovec *v = NULL;
	int cnt = 0;
	size_t len;
	uint32_t i;

	for (i = 0; i < ri->ri_n; i++) {
		len = MIN(left, PAGE_SIZE);
		left -= len;
		if (len < PAGE_SIZE)
			memset(pages[i] + len, 0, PAGE_SIZE - len);
		if (len == 0)
			continue;
		if (v != NULL && (char *)v->iov_base + v->iov_len == pages[i]) {
			v->iov_len += len;
			continue;
		}
		v = &ri->ri_iov[cnt++];
		v->iov_base = pages[i];
		v->iov_len = len;
	}
	return cnt;
}

/*
 * Enter up to n pages from index on as being read, as long as none is there.
 * pages[] is what was allocated; what is not used is freed. Returns how many,
 * 0 also where the first page is there already.
 */
static uint32_t
load_begin(struct pagecache *pc, uint64_t index, char **pages, uint32_t n,
    uintptr_t slotbits)
{
	struct pc_leaf *pl = NULL;
	uint32_t i, used;

	mutex_enter(&pc->pc_lock);
	for (i = 0; i < n; i++) {
		/* The last page first: a small leaf grows at once. */
		if (pl == NULL || leaf_bit(index + i) == 0)
			pl = pc_leaf_make(pc, MIN(index + n - 1,
			    (index + i) | (PC_FANOUT - 1)));
		if (pl == NULL ||
		    (pl->pl_present & bits(leaf_bit(index + i), 1)) != 0)
			break;
		pc_insert(pc, pl, leaf_bit(index + i), (uintptr_t)pages[i] |
		    SLOT_LOAD | (i == 0 ? slotbits : 0));
		/* The leaf may go while pc_leaf_make() is without the lock. */
		pc->pc_nload++;
	}
	mutex_exit(&pc->pc_lock);
	for (used = i; i < n; i++)
		pc_page_free(pc, pages[i]);
	return used;
}

static uint32_t
pages_alloc(struct pagecache *pc, char **pages, uint32_t n, int flags)
{
	uint32_t i;

	pc_make_room(n);
	for (i = 0; i < n; i++) {
		pages[i] = pc_page_alloc(pc, i == 0 ? flags :
		    flags | KM_NORECLAIM);
		if (pages[i] == NULL)
			break;
	}
	return i;
}

/* A hole: pages of zeroes. r_n becomes what is dealt with. */
static int
load_hole(struct pagecache *pc, struct run *r)
{
	char *pages[16];
	uint32_t n;

	n = pages_alloc(pc, pages, (uint32_t)MIN(r->r_n, nitems(pages)), 0);
	if (n == 0)
		return ENOMEM;
	for (uint32_t i = 0; i < n; i++)
		memset(pages[i], 0, PAGE_SIZE);
	n = load_begin(pc, r->r_index, pages, n, SLOT_REF);
	if (n > 0)
		load_done(pc, r->r_index, n, 0);
	r->r_n = MAX(n, 1u);
	return 0;
}

/*
 * A page in pieces: blocks smaller than it, apart from each other. Read where
 * we are.
 */
static int
load_pieces(struct pagecache *pc, uint64_t index, uint64_t limit)
{
	struct vnode *vp = pc->pc_vnode;
	struct blkdev *bd = pc->pc_ops->pco_dev(vp);
	uint64_t off = index << PAGE_SHIFT, end = MIN(off + PAGE_SIZE, limit);
	struct pc_extent pe;
	char *page, *p;
	int error = 0;
	size_t len;

	page = pc_page_alloc(pc, 0);
	if (page == NULL)
		return ENOMEM;
	memset(page, 0, PAGE_SIZE);
	p = page;
	if (load_begin(pc, index, &page, 1, SLOT_REF) == 0)
		return 0;
	while (off < end) {
		error = pc->pc_ops->pco_map(vp, off, &pe);
		if (error != 0)
			break;
		len = MIN(pe.pe_len, end - off);
		if (len == 0) {
			error = EIO;
			break;
		}
		if (pe.pe_addr != PC_HOLE)
			error = blkdev_read(bd, p + (off & PAGE_MASK), len,
			    pe.pe_addr);
		if (error != 0)
			break;
		off += len;
	}
	load_done(pc, index, 1, error);
	return error;
}

/* Read what is missing at the start of a run; r_n becomes what is dealt with. */
static int
load_run(struct pagecache *pc, struct run *r, int flags)
{
	struct blkdev *bd = pc->pc_ops->pco_dev(pc->pc_vnode);
	char *small[16], **pages = small;
	uint32_t n = (uint32_t)MIN(r->r_n, PC_IO_MAX), cap = n;
	struct pc_rio *ri;
	struct bio *b;
	int error = 0;

	ri = rio_alloc(pc, r->r_index, n);
	if (ri == NULL)
		return ENOMEM;
	if (n > nitems(small)) {
		pages = kmem_alloc(n * sizeof(*pages), 0);
		if (pages == NULL) {
			pages = small;
			n = nitems(small);
		}
	}
	n = pages_alloc(pc, pages, n,
	    (flags & PC_ASYNC) != 0 ? KM_NORECLAIM : 0);
	if (n == 0)
		error = ENOMEM;
	else {
		n = load_begin(pc, r->r_index, pages, n,
		    (flags & PC_MARK) != 0 ? SLOT_RA :
		    (flags & PC_ASYNC) != 0 ? 0 : SLOT_REF);
		ri->ri_n = n;
		ri->ri_len = MIN(r->r_len, (uint64_t)n << PAGE_SHIFT);
	}
	r->r_n = MAX(n, 1u);
	if (n == 0) {
		if (pages != small)
			kmem_free(pages, cap * sizeof(*pages));
		rio_free(ri);
		return error;
	}
	b = &ri->ri_bio;
	b->bio_iov = ri->ri_iov;
	b->bio_iovcnt = rio_iov(ri, pages);
	b->bio_off = r->r_addr;
	b->bio_len = ri->ri_len;
	b->bio_op = BIO_READ;
	if (pages != small)
		kmem_free(pages, cap * sizeof(*pages));
	if ((flags & PC_ASYNC) != 0) {
		b->bio_done = rio_done;
		blkdev_submit(bd, &b, 1);
		return 0;
	}
	error = blkdev_readv(bd, ri->ri_iov, b->bio_iovcnt, r->r_addr);
	load_done(pc, r->r_index, n, error);
	rio_free(ri);
	return error;
}

/* Where is a page, and how many follow it in one piece? */
static int
run_map(struct pagecache *pc, struct run *r, uint64_t index, uint64_t n,
    uint64_t limit)
{
	uint64_t off = index << PAGE_SHIFT, left;
	struct pc_extent pe;
	int error;

	error = pc->pc_ops->pco_map(pc->pc_vnode, off, &pe);
	if (error != 0)
		return error;
	left = limit - off;
	r->r_index = index;
	r->r_addr = pe.pe_addr;
	if (pe.pe_len >= left) {
		r->r_len = left;
		r->r_n = howmany(left, PAGE_SIZE);
	} else {
		r->r_n = pe.pe_len >> PAGE_SHIFT;
		r->r_len = r->r_n << PAGE_SHIFT;
	}
	r->r_n = MIN(r->r_n, n);
	return 0;
}

static bool
present(struct pagecache *pc, uint64_t index)
{
	pc_slot_t *slot;
	bool there;

	epoch_enter();
	slot = pc_slot(pc, index);
	there = slot != NULL &&
	    atomic_load_explicit(slot, memory_order_relaxed) != 0;
	epoch_exit();
	return there;
}

/*
 * How many pages from index on, at most n, are not there. A page that is found
 * absent under v_lock is not changed while we hold that, so what the file
 * system says afterwards about its place stays true. That of a dirty page does
 * not: it is written (which allocates) and reclaimed meanwhile.
 */
static uint64_t
absent(struct pagecache *pc, uint64_t index, uint64_t n)
{
	uint64_t i = index, end = index + n, mask;
	struct pc_leaf *pl;

	mutex_enter(&pc->pc_lock);
	for (; i < end; i = rounddown2(i, (uint64_t)PC_FANOUT) + PC_FANOUT) {
		pl = pc_leaf_find(pc, i);
		mask = pl == NULL ? 0 :
		    pl->pl_present & ~bits(0, leaf_bit(i));
		if (mask != 0) {
			i = pl->pl_base + (unsigned)__builtin_ctzll(mask);
			break;
		}
	}
	mutex_exit(&pc->pc_lock);
	return MIN(i, end) - index;
}

int
pc_readin(struct pagecache *pc, uint64_t index, uint64_t n, uint64_t size,
    int flags)
{
	struct blkdev *bd = pc->pc_ops->pco_dev(pc->pc_vnode);
	uint64_t limit, end, first = index;
	struct run r;
	int error, tries = 0;

	limit = size > UINT64_MAX - bd->bd_secsize ? size :
	    roundup2(size, (uint64_t)bd->bd_secsize);
	end = MIN(index + n, (limit >> PAGE_SHIFT) +
	    ((limit & PAGE_MASK) != 0));
	while (index < end) {
		n = present(pc, index) ? 0 : absent(pc, index, end - index);
		if (n == 0) {
			index++;
			continue;
		}
		error = run_map(pc, &r, index, n, limit);
		if (error == 0 && r.r_n == 0) {
			if ((flags & PC_ASYNC) != 0)
				return 0;
			error = load_pieces(pc, index, limit);
			r.r_n = 1;
		} else if (error == 0 && r.r_addr == PC_HOLE)
			error = load_hole(pc, &r);
		else if (error == 0) {
			error = load_run(pc, &r, flags);
			flags &= ~PC_MARK;
		}
		if (error == ENOMEM && index == first &&
		    (flags & PC_ASYNC) == 0 && tries++ < PC_MEMORY_TRIES) {
			pc_flush_hurry(true);
			continue;
		}
		/* What follows the first page was not asked for. */
		if (error != 0)
			return index == first ? error : 0;
		index += r.r_n;
	}
	return 0;
}

static uint64_t
window_next(uint64_t w)
{
	w *= 2;
	return MIN(w < RA_FIRST ? RA_FIRST : w, pc_window_max());
}

/*
 * Read for somebody who waits. One bad page in a long request must not cost
 * him those before it: then they are read one by one.
 */
static int
readin_wanted(struct pagecache *pc, uint64_t index, uint64_t n, uint64_t size)
{
	int error = pc_readin(pc, index, n, size, 0);

	return error != 0 && n > 1 ? pc_readin(pc, index, 1, size, 0) : error;
}

int
pc_miss(struct pagecache *pc, uint64_t index, uint64_t n, uint64_t size)
{
	uint64_t next, w, sync;
	int error;

	n = MIN(n, pc_window_max());
	next = atomic_load_explicit(&pc->pc_ranext, memory_order_relaxed);
	w = atomic_load_explicit(&pc->pc_rawindow, memory_order_relaxed);
	if ((index != next && index != 0) || kmem_pressure() > 1) {
		/* At random. */
		atomic_store_explicit(&pc->pc_rawindow, 0,
		    memory_order_relaxed);
		atomic_store_explicit(&pc->pc_ranext, index + n,
		    memory_order_relaxed);
		return readin_wanted(pc, index, n, size);
	}
	w = window_next(w);
	w = MAX(w, n);
	sync = MAX(n, w / 4);
	error = readin_wanted(pc, index, sync, size);
	if (error != 0)
		return error;
	atomic_store_explicit(&pc->pc_rawindow, (uint32_t)w,
	    memory_order_relaxed);
	atomic_store_explicit(&pc->pc_ranext, index + sync + w,
	    memory_order_relaxed);
	(void)pc_readin(pc, index + sync, w, size, PC_ASYNC | PC_MARK);
	return 0;
}

void
pc_readahead(struct pagecache *pc, uint64_t index, uint64_t size)
{
	uint64_t next, w, expect;
	pc_slot_t *slot;
	uintptr_t s = 0;

	/* One of the readers that see the mark. */
	epoch_enter();
	slot = pc_slot(pc, index);
	if (slot != NULL)
		s = atomic_fetch_and_explicit(slot, ~SLOT_RA,
		    memory_order_relaxed);
	epoch_exit();
	if ((s & SLOT_RA) == 0 || kmem_pressure() > 0)
		return;
	next = expect = atomic_load_explicit(&pc->pc_ranext,
	    memory_order_relaxed);
	if (next <= index || next - index > 2 * PC_IO_MAX)
		return;
	w = atomic_load_explicit(&pc->pc_rawindow, memory_order_relaxed);
	w = window_next(w);
	if (!atomic_compare_exchange_strong_explicit(&pc->pc_ranext, &expect,
	    next + w, memory_order_relaxed, memory_order_relaxed))
		return;
	atomic_store_explicit(&pc->pc_rawindow, (uint32_t)w,
	    memory_order_relaxed);
	(void)pc_readin(pc, next, w, size, PC_ASYNC | PC_MARK);
}

void
pagecache_willneed(struct pagecache *pc, uint64_t off, uint64_t len,
    uint64_t size)
{
	uint64_t index = off >> PAGE_SHIFT, end;

	if (pc->pc_ops == NULL || off >= size || len == 0)
		return;
	end = howmany(len < size - off ? off + len : size, PAGE_SIZE);
	/* Half of what there may be is enough for one piece of advice. */
	end = MIN(end, index + pc_pages_max() / 2);
	while (index < end && kmem_pressure() == 0 &&
	    pc_readin(pc, index, MIN(end - index, PC_IO_MAX), size,
	    PC_ASYNC) == 0)
		index += PC_IO_MAX;
}
