/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The page cache: dirty pages become requests.
 *
 * v_lock is held shared while the file system is asked where pages go, so
 * that the size stands still. One request takes pages of several files where
 * they are neighbours on the device. A page that was claimed is clean and being
 * written (pl_wb); the request's end, in the device's completion or, where the
 * file system wants to know, in a work thread, takes that away.
 *
 * Without memory for a request, the flush's own small one is written where we
 * are.
 */
#include "pc_flush.h"

static struct workqueue *written_wq;

/* ---- The end of a request ----------------------------------------------- */

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
	pc_unlink_clean(pc);
	/* The last one to touch pc: who waits may free it. */
	pc_wakeup(pc);
	mutex_exit(&pc->pc_lock);
}

static void
wio_finish(struct pc_wio *w, int error)
{
	struct pagecache *pc;
	const struct seg *sg;
	uint32_t i, n;

	for (i = 0; i < w->wi_nseg; i++) {
		sg = &w->wi_seg[i];
		pc = sg->sg_pc;
		if (pc->pc_ops->pco_written != NULL)
			pc->pc_ops->pco_written(pc->pc_vnode,
			    sg->sg_index << PAGE_SHIFT,
			    (uint64_t)sg->sg_n << PAGE_SHIFT, error);
		seg_done(sg, error);
	}
	n = w->wi_npages;
	if (w->wi_size != 0)
		kmem_free(w, w->wi_size);
	pc_count_written(n);
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

/* ---- Requests ----------------------------------------------------------- */

void
pc_flush_begin(struct flush *fl)
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
		pc_unhold(pc);
	}
	fl->fl_nheld = kept;
	fl->fl_held[0] = fl->fl_current;
}

void
pc_flush_submit(struct flush *fl, bool last)
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

/* ---- Finding and claiming ----------------------------------------------- */

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
		atomic_fetch_add_explicit(&pc_wb_pages, i,
		    memory_order_relaxed);
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
			pc_flush_submit(fl, false);
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
	pc_flush_submit(fl, false);
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
		pc_flush_submit(fl, false);
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

int
pc_flush_pages(struct flush *fl, struct pagecache *pc, uint64_t index,
    uint64_t end)
{
	struct pc_extent pe;
	uint64_t n, k;
	int error;

	while ((n = find_dirty(pc, &index, end, fl->fl_wait)) != 0) {
		if (pc_inflight_full()) {
			pc_flush_submit(fl, false);
			pc_wait_inflight();
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
		pc_flush_begin(&fl);
		fl.fl_wait = wait;
		fl.fl_hint = atomic_load_explicit(&pc->pc_ndirty,
		    memory_order_relaxed);
		error = pc_flush_pages(&fl, pc, first, last);
		pc_flush_submit(&fl, true);
	}
	if (!wait)
		return error;
	wait_written(pc, first, last);
	old = atomic_load_explicit(&pc->pc_error, memory_order_relaxed);
	if (old != 0)
		old = atomic_exchange(&pc->pc_error, 0);
	return error != 0 ? error : old;
}

int
pc_write_init(void)
{
	return workqueue_create("written", 2, &written_wq);
}
