/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The buffer cache: one for each open block device.
 *
 * A buffer is found in a hash table under the lock of its stripe, and held by
 * one thread (BS_HELD in b_state), who alone looks at it. It is on one of
 * three lists: clean (oldest first; reclaim takes from there), dirty (the
 * flusher takes from there), or pinned. Only a holder moves it between lists,
 * takes it out of the cache, and frees it; who finds it on a list may try to
 * hold it under bc_lock.
 *
 * Lock order: bc_flushlock -> all_lock -> stripe -> bc_lock. But for the first,
 * none is held over I/O.
 */
#include <kern/assert.h>
#include <kern/buf.h>
#include <kern/kmem.h>
#include <kern/string.h>
#include <kern/sysctl.h>
#include <kern/thread.h>
#include <kern/time.h>

#include "cache.h"

#define STRIPES		32
#define HASH_MIN	256
#define RUN_MAX		256		/* buffers of a write */
#define RA_MAX		32		/* buffers of a read-ahead request */
#define DIRTY_MANY	4096		/* buffers */
#define FLUSH_AGE	(5 * NS_PER_SEC)
#define BLOCK_MAX	65536

/* b_state */
#define BS_HELD		0x1u
#define BS_WANTED	0x2u		/* somebody waits for it */
#define BS_REF		0x4u		/* used since reclaim came by */

/* b_flags beside B_*: the list it is on. */
#define B_LISTS		0x300u
#define B_ON_CLEAN	0x100u
#define B_ON_DIRTY	0x200u
#define B_ON_PINNED	0x300u

struct stripe {
	struct kmutex st_lock;
	struct kcondvar st_cv;
} __cacheline_aligned;

/* Buffers of neighbouring blocks, held. */
struct run {
	unsigned r_n;
	int r_error;				/* the first one */
	struct buf *r_buf[RUN_MAX];
	struct iovec r_iov[RUN_MAX];
};

/*
 * I  immutable   s  all stripes to write, one to read   c  bc_lock
 * a  all_lock   f  bc_flushlock
 */
struct bcache {
	struct blkdev *bc_dev;			/* [I] */
	uint32_t bc_blksize;			/* [s] */
	_Atomic uint32_t bc_mask;		/* [s]; others: an estimate */
	struct list *bc_hash;			/* [s] heads */
	_Atomic uint32_t bc_n;
	_Atomic int bc_error;			/* of background writes */
	struct kspin bc_lock;
	struct list bc_clean, bc_dirty, bc_pinned; /* [c] b_lru */
	uint32_t bc_ndirty;			/* [c] */
	nstime_t bc_dirtytime;			/* [c] since when not empty */
	struct list bc_link;			/* [a] */
	unsigned bc_busy;			/* [a] the flusher is at it */
	struct kmutex bc_flushlock;		/* one who writes */
	struct run bc_run;			/* [f] */
	struct stripe bc_stripe[STRIPES];
};

static struct lock_class stripe_lc = LOCK_CLASS("buffer hash", LC_NESTS);
static struct lock_class lists_lc = LOCK_CLASS("buffer lists", 0);
static struct lock_class flush_lc = LOCK_CLASS("buffer flush", LC_NESTS);
static struct lock_class all_lc = LOCK_CLASS("buffer caches", 0);

static struct kmutex all_lock;
static struct kcondvar all_cv;			/* [all_lock] bc_busy */
static struct kcondvar flusher_cv;		/* [all_lock] */
static struct kcondvar progress_cv;		/* [all_lock] */
static struct list all;				/* [all_lock] */
static bool flusher_urgent;			/* [all_lock] */
static _Atomic bool flusher_runs;

static struct pool *buf_pool, *data_pool[3];	/* 512, 1024, 2048 */
static _Atomic uint64_t stat_bytes, stat_dirty, max_bytes;

/* ---- Memory ----------------------------------------------------------- */

static void *
data_alloc(uint32_t size, int flags)
{
	if (size < PAGE_SIZE)
		return pool_get(data_pool[__builtin_ctz(size) - 9], flags);
	return page_alloc((unsigned)__builtin_ctz(size) - PAGE_SHIFT, flags);
}

static void
data_free(void *p, uint32_t size)
{
	if (size < PAGE_SIZE)
		pool_put(data_pool[__builtin_ctz(size) - 9], p);
	else
		page_free(p, (unsigned)__builtin_ctz(size) - PAGE_SHIFT);
}

static struct buf *
buf_alloc(struct bcache *bc, uint64_t blkno, int flags)
{
	struct buf *bp = pool_get(buf_pool, flags);

	if (bp == NULL)
		return NULL;
	bp->b_data = data_alloc(bc->bc_blksize, flags);
	if (bp->b_data == NULL) {
		pool_put(buf_pool, bp);
		return NULL;
	}
	bp->b_blkno = blkno;
	bp->b_size = bc->bc_blksize;
	bp->b_flags = B_NEW;
	bp->b_cache = bc;
	bp->b_fsprivate = NULL;
	list_node_init(&bp->b_hash);
	list_node_init(&bp->b_lru);
	atomic_init(&bp->b_state, BS_HELD);
	bp->b_pins = 0;
	bp->b_error = 0;
	bp->b_bio = NULL;
	atomic_fetch_add_explicit(&stat_bytes, bp->b_size,
	    memory_order_relaxed);
	return bp;
}

static void
buf_free(struct buf *bp)
{
	atomic_fetch_sub_explicit(&stat_bytes, bp->b_size,
	    memory_order_relaxed);
	data_free(bp->b_data, bp->b_size);
	pool_put(buf_pool, bp);
}

/* ---- The hash table --------------------------------------------------- */

static inline uint64_t
hash(uint64_t blkno)
{
	return (blkno * 0x9e3779b97f4a7c15ull) >> 32;
}

static inline struct stripe *
stripe_of(struct bcache *bc, uint64_t blkno)
{
	return &bc->bc_stripe[hash(blkno) % STRIPES];
}

static inline struct list *
bucket_of(struct bcache *bc, uint64_t blkno)
{
	return &bc->bc_hash[hash(blkno) & atomic_load_explicit(&bc->bc_mask,
	    memory_order_relaxed)];
}

/* The stripe is locked. */
static struct buf *
lookup(struct bcache *bc, uint64_t blkno)
{
	struct list *head = bucket_of(bc, blkno), *n;
	struct buf *bp;

	LIST_FOREACH(n, head) {
		bp = container_of(n, struct buf, b_hash);
		if (bp->b_blkno == blkno)
			return bp;
	}
	return NULL;
}

static void
stripes_lock(struct bcache *bc)
{
	unsigned i;

	for (i = 0; i < STRIPES; i++)
		mutex_enter(&bc->bc_stripe[i].st_lock);
}

static void
stripes_unlock(struct bcache *bc)
{
	unsigned i;

	for (i = 0; i < STRIPES; i++)
		mutex_exit(&bc->bc_stripe[i].st_lock);
}

static struct list *
hash_alloc(uint32_t n)
{
	struct list *h = kmem_alloc(n * sizeof(*h), 0);
	uint32_t i;

	for (i = 0; h != NULL && i < n; i++)
		list_init(&h[i]);
	return h;
}

/* Twice as many buckets; where there is no memory, chains get longer. */
static void
hash_grow(struct bcache *bc)
{
	uint32_t n = bc->bc_mask + 1, i;
	struct list *old, *new, *e;

	new = hash_alloc(2 * n);
	if (new == NULL)
		return;
	stripes_lock(bc);
	old = bc->bc_hash;
	if (bc->bc_mask + 1 == n) {
		bc->bc_hash = new;
		bc->bc_mask = 2 * n - 1;
		for (i = 0; i < n; i++)
			while (!list_empty(&old[i])) {
				e = old[i].l_next;
				list_remove(e);
				list_insert_head(bucket_of(bc, container_of(e,
				    struct buf, b_hash)->b_blkno), e);
			}
		new = old;
		n /= 2;
	}
	stripes_unlock(bc);
	kmem_free(new, 2 * n * sizeof(*new));
}

/* ---- Lists ------------------------------------------------------------ */

static void flusher_wanted(bool urgent);

/* Put a buffer on the list that its state asks for. Held. */
static void
relist(struct buf *bp)
{
	struct bcache *bc = bp->b_cache;
	uint32_t want, old = bp->b_flags & B_LISTS;
	bool first = false, many = false;

	want = (bp->b_flags & B_DIRTY) == 0 ? B_ON_CLEAN :
	    bp->b_pins != 0 ? B_ON_PINNED : B_ON_DIRTY;
	if (want == old)
		return;
	bp->b_flags = (bp->b_flags & ~B_LISTS) | want;
	spin_lock(&bc->bc_lock);
	list_remove(&bp->b_lru);
	if (old == B_ON_DIRTY)
		bc->bc_ndirty--;
	if (want == B_ON_DIRTY) {
		first = bc->bc_ndirty++ == 0;
		if (first)
			bc->bc_dirtytime = mono_now();
		/* Much of it: do not wait for its age. */
		many = bc->bc_ndirty % DIRTY_MANY == 0;
		list_insert_tail(&bc->bc_dirty, &bp->b_lru);
	} else
		list_insert_tail(want == B_ON_CLEAN ? &bc->bc_clean :
		    &bc->bc_pinned, &bp->b_lru);
	spin_unlock(&bc->bc_lock);
	if (old == B_ON_DIRTY)
		atomic_fetch_sub_explicit(&stat_dirty, bp->b_size,
		    memory_order_relaxed);
	if (want == B_ON_DIRTY) {
		atomic_fetch_add_explicit(&stat_dirty, bp->b_size,
		    memory_order_relaxed);
		if (first || many)
			flusher_wanted(many);
	}
}

static void
unlist(struct buf *bp)
{
	struct bcache *bc = bp->b_cache;

	spin_lock(&bc->bc_lock);
	list_remove(&bp->b_lru);
	if ((bp->b_flags & B_LISTS) == B_ON_DIRTY) {
		bc->bc_ndirty--;
		atomic_fetch_sub_explicit(&stat_dirty, bp->b_size,
		    memory_order_relaxed);
	}
	bp->b_flags &= ~B_LISTS;
	spin_unlock(&bc->bc_lock);
}

/* ---- Holding ---------------------------------------------------------- */

static bool
tryhold(struct buf *bp)
{
	uint32_t s;

	s = atomic_load_explicit(&bp->b_state, memory_order_relaxed);
	return (s & BS_HELD) == 0 &&
	    atomic_compare_exchange_strong_explicit(&bp->b_state, &s,
	    s | BS_HELD, memory_order_acquire, memory_order_relaxed);
}

static void
wake(struct stripe *st)
{
	mutex_enter(&st->st_lock);
	cv_broadcast(&st->st_cv);
	mutex_exit(&st->st_lock);
}

void
brelse(struct buf *bp)
{
	struct stripe *st = stripe_of(bp->b_cache, bp->b_blkno);
	uint32_t s;

	KASSERT((atomic_load(&bp->b_state) & BS_HELD) != 0);
	s = atomic_fetch_and_explicit(&bp->b_state, ~(BS_HELD | BS_WANTED),
	    memory_order_release);
	if (__unlikely((s & BS_WANTED) != 0))
		wake(st);
}

/*
 * The buffer of a block if it is cached, held; or NULL. The stripe is locked,
 * and given up while somebody else holds the buffer. wait false: NULL then.
 */
static struct buf *
hold_cached(struct bcache *bc, struct stripe *st, uint64_t blkno, bool wait)
{
	struct buf *bp;
	uint32_t s;

	while ((bp = lookup(bc, blkno)) != NULL) {
		s = atomic_load_explicit(&bp->b_state, memory_order_relaxed);
		if ((s & BS_HELD) == 0) {
			if (atomic_compare_exchange_strong_explicit(
			    &bp->b_state, &s, s | BS_HELD | BS_REF,
			    memory_order_acquire, memory_order_relaxed))
				return bp;
			continue;
		}
		if (!wait)
			return NULL;
		if (atomic_compare_exchange_strong_explicit(&bp->b_state, &s,
		    s | BS_WANTED, memory_order_relaxed,
		    memory_order_relaxed))
			cv_wait(&st->st_cv, &st->st_lock);
	}
	return NULL;
}

/* Out of the hash table; those who wait for it look again. Held. */
static void
unhash(struct buf *bp)
{
	struct bcache *bc = bp->b_cache;
	struct stripe *st = stripe_of(bc, bp->b_blkno);

	mutex_enter(&st->st_lock);
	list_remove(&bp->b_hash);
	cv_broadcast(&st->st_cv);
	mutex_exit(&st->st_lock);
	atomic_fetch_sub_explicit(&bc->bc_n, 1, memory_order_relaxed);
}

static size_t shrink(size_t want);

/* A new buffer; memory may be full of dirty ones. */
static struct buf *
buf_alloc_hard(struct bcache *bc, uint64_t blkno)
{
	struct buf *bp;
	int tries;

	if (atomic_load_explicit(&stat_bytes, memory_order_relaxed) >
	    atomic_load_explicit(&max_bytes, memory_order_relaxed) ||
	    kmem_pressure() > 1)
		(void)shrink(4 * bc->bc_blksize);
	bp = buf_alloc(bc, blkno, 0);
	for (tries = 0; bp == NULL && tries < 8 &&
	    atomic_load(&stat_dirty) != 0; tries++) {
		mutex_enter(&all_lock);
		flusher_urgent = true;
		cv_signal(&flusher_cv);
		(void)cv_timedwait(&progress_cv, &all_lock,
		    mono_deadline(20 * NS_PER_MS));
		mutex_exit(&all_lock);
		bp = buf_alloc(bc, blkno, 0);
	}
	return bp;
}

int
getblk(struct blkdev *bd, uint64_t blkno, struct buf **bpp)
{
	struct bcache *bc = bd->bd_bcache;
	struct stripe *st = stripe_of(bc, blkno);
	struct buf *bp, *fresh;
	uint32_t n;

	mutex_enter(&st->st_lock);
	bp = hold_cached(bc, st, blkno, true);
	mutex_exit(&st->st_lock);
	if (__likely(bp != NULL)) {
		bp->b_flags &= ~B_NEW;
		*bpp = bp;
		return 0;
	}
	if (blkno >= bd->bd_size / bc->bc_blksize)
		return EIO;
	fresh = buf_alloc_hard(bc, blkno);
	if (fresh == NULL)
		return ENOMEM;
	mutex_enter(&st->st_lock);
	bp = hold_cached(bc, st, blkno, true);
	if (bp == NULL)
		list_insert_head(bucket_of(bc, blkno), &fresh->b_hash);
	mutex_exit(&st->st_lock);
	if (bp != NULL) {
		buf_free(fresh);
		bp->b_flags &= ~B_NEW;
		*bpp = bp;
		return 0;
	}
	n = atomic_fetch_add_explicit(&bc->bc_n, 1, memory_order_relaxed);
	relist(fresh);
	if (n > 2 * bc->bc_mask)
		hash_grow(bc);
	*bpp = fresh;
	return 0;
}

int
bread(struct blkdev *bd, uint64_t blkno, struct buf **bpp)
{
	struct buf *bp;
	int error;

	error = getblk(bd, blkno, &bp);
	if (error != 0)
		return error;
	if (__unlikely((bp->b_flags & B_VALID) == 0)) {
		error = blkdev_read(bd, bp->b_data, bp->b_size,
		    blkno * bp->b_size);
		if (error != 0) {
			binval(bp);
			return error;
		}
		bp->b_flags = (bp->b_flags & ~B_VERIFIED) | B_VALID;
	}
	*bpp = bp;
	return 0;
}

void
binval(struct buf *bp)
{
	unlist(bp);
	unhash(bp);
	buf_free(bp);
}

void
bdwrite(struct buf *bp)
{
	bp->b_flags |= B_DIRTY | B_VALID;
	relist(bp);
	brelse(bp);
}

int
bwrite(struct buf *bp)
{
	int error;

	if (bp->b_pins != 0) {
		bdwrite(bp);
		return 0;
	}
	bp->b_flags |= B_VALID;
	error = blkdev_write(bp->b_cache->bc_dev, bp->b_data, bp->b_size,
	    bp->b_blkno * bp->b_size);
	if (error == 0)
		bp->b_flags &= ~B_DIRTY;
	else
		bp->b_flags |= B_DIRTY;
	relist(bp);
	brelse(bp);
	return error;
}

void
bpin(struct buf *bp)
{
	bp->b_pins++;
	relist(bp);
}

void
bunpin(struct buf *bp)
{
	KASSERT(bp->b_pins > 0);
	bp->b_pins--;
	relist(bp);
}

/* ---- Read-ahead ------------------------------------------------------- */

struct ra {
	struct bio ra_bio;
	int ra_n;
	struct buf *ra_buf[RA_MAX];
	struct iovec ra_iov[RA_MAX];
};

static void
ra_done(struct bio *b)
{
	struct ra *ra = container_of(b, struct ra, ra_bio);
	int i;

	/* What could not be read is read again by who wants it. */
	for (i = 0; i < ra->ra_n; i++) {
		if (b->bio_error == 0)
			ra->ra_buf[i]->b_flags |= B_VALID;
		brelse(ra->ra_buf[i]);
	}
	kmem_free(ra, sizeof(*ra));
}

/* A buffer for a block that is not cached; NULL: it is, or no memory. */
static struct buf *
ra_buf(struct bcache *bc, uint64_t blkno)
{
	struct stripe *st = stripe_of(bc, blkno);
	struct buf *bp = NULL;
	bool cached;

	mutex_enter(&st->st_lock);
	cached = lookup(bc, blkno) != NULL;
	mutex_exit(&st->st_lock);
	if (!cached)
		bp = buf_alloc(bc, blkno, KM_NORECLAIM);
	if (bp == NULL)
		return NULL;
	mutex_enter(&st->st_lock);
	cached = lookup(bc, blkno) != NULL;
	if (!cached)
		list_insert_head(bucket_of(bc, blkno), &bp->b_hash);
	mutex_exit(&st->st_lock);
	if (cached) {
		buf_free(bp);
		return NULL;
	}
	atomic_fetch_add_explicit(&bc->bc_n, 1, memory_order_relaxed);
	relist(bp);
	return bp;
}

static void
ra_submit(struct bcache *bc, struct ra *ra)
{
	struct bio *b = &ra->ra_bio;

	b->bio_op = BIO_READ;
	b->bio_off = ra->ra_buf[0]->b_blkno * bc->bc_blksize;
	b->bio_len = (uint64_t)ra->ra_n * bc->bc_blksize;
	b->bio_iov = ra->ra_iov;
	b->bio_iovcnt = ra->ra_n;
	b->bio_done = ra_done;
	blkdev_submit(bc->bc_dev, &b, 1);
}

void
breada(struct blkdev *bd, const uint64_t *blknos, int n)
{
	struct bcache *bc = bd->bd_bcache;
	struct ra *ra = NULL;
	struct buf *bp;
	int i;

	for (i = 0; i < n; i++) {
		if (blknos[i] >= bd->bd_size / bc->bc_blksize)
			continue;
		if (ra != NULL && ra->ra_n > 0 && (ra->ra_n == RA_MAX ||
		    blknos[i] != ra->ra_buf[ra->ra_n - 1]->b_blkno + 1)) {
			ra_submit(bc, ra);
			ra = NULL;
		}
		if (ra == NULL) {
			ra = kmem_alloc(sizeof(*ra), KM_NORECLAIM);
			if (ra == NULL)
				return;
			ra->ra_n = 0;
		}
		bp = ra_buf(bc, blknos[i]);
		if (bp == NULL)
			continue;
		ra->ra_buf[ra->ra_n] = bp;
		ra->ra_iov[ra->ra_n].iov_base = bp->b_data;
		ra->ra_iov[ra->ra_n++].iov_len = bp->b_size;
	}
	if (ra != NULL && ra->ra_n > 0)
		ra_submit(bc, ra);
	else if (ra != NULL)
		kmem_free(ra, sizeof(*ra));
}

/* ---- Writing dirty buffers -------------------------------------------- */

static void
sift(uint64_t *a, size_t i, size_t n)
{
	uint64_t v = a[i];
	size_t child;

	while ((child = 2 * i + 1) < n) {
		if (child + 1 < n && a[child + 1] > a[child])
			child++;
		if (a[child] <= v)
			break;
		a[i] = a[child];
		i = child;
	}
	a[i] = v;
}

static void
sort_blknos(uint64_t *a, size_t n)
{
	uint64_t v;
	size_t i;

	for (i = n / 2; i-- > 0;)
		sift(a, i, n);
	for (i = n; i-- > 1;) {
		v = a[0];
		a[0] = a[i];
		a[i] = v;
		sift(a, 0, i);
	}
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
		relist(bp);
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
	struct stripe *st = stripe_of(bc, blkno);
	struct buf *bp;

	mutex_enter(&st->st_lock);
	bp = hold_cached(bc, st, blkno, wait);
	mutex_exit(&st->st_lock);
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
		sort_blknos(blknos, n);
		write_blocks(bc, blknos, n, wait, r);
	} else
		/* No memory for the whole list: piece by piece. */
		while (total < max && r->r_error == 0 &&
		    (n = list_dirty(bc, few, nitems(few))) > 0) {
			sort_blknos(few, n);
			write_blocks(bc, few, n, true, r);
			total += n;
		}
	if (blknos != few && blknos != NULL)
		kmem_free(blknos, size);
	error = r->r_error;
	mutex_exit(&bc->bc_flushlock);
	mutex_enter(&all_lock);
	cv_broadcast(&progress_cv);
	mutex_exit(&all_lock);
	return error;
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
			mutex_enter(&all_lock);
			flusher_urgent = true;
			cv_signal(&flusher_cv);
			mutex_exit(&all_lock);
		}
		return 0;
	}
	error = flush(bc, true);
	old = atomic_exchange(&bc->bc_error, 0);
	return error != 0 ? error : old;
}

/* ---- The flusher ------------------------------------------------------ */

/* When is the next cache due; NULL: none has anything dirty. all_lock held. */
static struct bcache *
next_due(nstime_t *duep)
{
	struct bcache *bc, *first = NULL;
	nstime_t due;
	struct list *n;

	*duep = NSTIME_FOREVER;
	LIST_FOREACH(n, &all) {
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

	mutex_enter(&all_lock);
	for (;;) {
		now = mono_now();
		bc = next_due(&due);
		if (bc == NULL)
			flusher_urgent = false;
		if (bc == NULL || (due > now && !flusher_urgent)) {
			(void)cv_timedwait(&flusher_cv, &all_lock, due);
			continue;
		}
		/* What stays dirty, or becomes so meanwhile, is due later. */
		spin_lock(&bc->bc_lock);
		bc->bc_dirtytime = now;
		spin_unlock(&bc->bc_lock);
		if (due > now)
			flusher_urgent = false;
		bc->bc_busy++;
		mutex_exit(&all_lock);
		error = flush(bc, false);
		if (error != 0)
			atomic_store(&bc->bc_error, error);
		mutex_enter(&all_lock);
		bc->bc_busy--;
		cv_broadcast(&all_cv);
	}
}

static void
flusher_wanted(bool urgent)
{
	if (!atomic_load_explicit(&flusher_runs, memory_order_relaxed) &&
	    !atomic_exchange(&flusher_runs, true) &&
	    kthread_create(flusher, NULL, "bufflush", NULL) != 0)
		atomic_store(&flusher_runs, false);
	mutex_enter(&all_lock);
	flusher_urgent |= urgent;
	cv_signal(&flusher_cv);
	mutex_exit(&all_lock);
}

/* ---- Reclaim ---------------------------------------------------------- */

/* Free clean, unused buffers of one cache. Tries for locks only. */
static size_t
shrink_one(struct bcache *bc, size_t want)
{
	uint32_t left = 2 * atomic_load_explicit(&bc->bc_n,
	    memory_order_relaxed), s;
	struct stripe *st;
	struct buf *bp;
	size_t freed = 0;

	while (freed < want && left-- > 0 && spin_trylock(&bc->bc_lock)) {
		if (list_empty(&bc->bc_clean)) {
			spin_unlock(&bc->bc_lock);
			break;
		}
		bp = list_first(&bc->bc_clean, struct buf, b_lru);
		list_remove(&bp->b_lru);
		list_insert_tail(&bc->bc_clean, &bp->b_lru);
		s = atomic_fetch_and_explicit(&bp->b_state, ~BS_REF,
		    memory_order_relaxed);
		st = stripe_of(bc, bp->b_blkno);
		if ((s & BS_REF) != 0 || !tryhold(bp)) {
			spin_unlock(&bc->bc_lock);
			continue;
		}
		spin_unlock(&bc->bc_lock);
		if (bp->b_pins != 0 || !mutex_tryenter(&st->st_lock)) {
			brelse(bp);
			continue;
		}
		list_remove(&bp->b_hash);
		cv_broadcast(&st->st_cv);
		mutex_exit(&st->st_lock);
		atomic_fetch_sub_explicit(&bc->bc_n, 1, memory_order_relaxed);
		unlist(bp);
		freed += bp->b_size;
		buf_free(bp);
	}
	return freed;
}

static size_t
shrink(size_t want)
{
	struct list *n;
	size_t freed = 0;

	if (!mutex_tryenter(&all_lock))
		return 0;
	LIST_FOREACH(n, &all) {
		if (freed >= want)
			break;
		freed += shrink_one(container_of(n, struct bcache, bc_link),
		    want - freed);
	}
	if (freed < want && atomic_load(&stat_dirty) != 0) {
		flusher_urgent = true;
		cv_signal(&flusher_cv);
	}
	mutex_exit(&all_lock);
	return freed;
}

/* ---- Forgetting ------------------------------------------------------- */

/* Drop the buffers of blocks [lo, hi), dirty ones too; waits for holders. */
static void
drop(struct bcache *bc, uint64_t lo, uint64_t hi)
{
	struct stripe *st;
	struct list *head, *n;
	struct buf *bp;
	uint32_t i;
	uint64_t blkno;

	for (i = 0; i <= bc->bc_mask; i++) {
		st = &bc->bc_stripe[i % STRIPES];
again:
		mutex_enter(&st->st_lock);
		if (i > bc->bc_mask) {
			mutex_exit(&st->st_lock);
			break;
		}
		head = &bc->bc_hash[i];
		LIST_FOREACH(n, head) {
			bp = container_of(n, struct buf, b_hash);
			blkno = bp->b_blkno;
			if (blkno < lo || blkno >= hi)
				continue;
			bp = hold_cached(bc, st, blkno, true);
			mutex_exit(&st->st_lock);
			if (bp != NULL)
				binval(bp);
			goto again;
		}
		mutex_exit(&st->st_lock);
	}
}

void
binval_range(struct blkdev *bd, uint64_t blkno, uint64_t n)
{
	struct bcache *bc = bd->bd_bcache;
	struct stripe *st;
	struct buf *bp;
	uint64_t i;

	if (n > bc->bc_mask) {
		drop(bc, blkno, n > UINT64_MAX - blkno ? UINT64_MAX :
		    blkno + n);
		return;
	}
	for (i = blkno; i < blkno + n; i++) {
		st = stripe_of(bc, i);
		mutex_enter(&st->st_lock);
		bp = hold_cached(bc, st, i, true);
		mutex_exit(&st->st_lock);
		if (bp != NULL)
			binval(bp);
	}
}

void
bcache_purge(struct blkdev *bd)
{
	if (bd->bd_bcache != NULL)
		drop(bd->bd_bcache, 0, UINT64_MAX);
}

int
bcache_set_blocksize(struct blkdev *bd, uint32_t size)
{
	struct bcache *bc = bd->bd_bcache;
	int error;

	if (!ispow2(size) || size < bd->bd_secsize || size < 512 ||
	    size > BLOCK_MAX)
		return EINVAL;
	if (size == bc->bc_blksize)
		return 0;
	error = bflush(bd, true);
	if (error != 0)
		return error;
	bcache_purge(bd);
	stripes_lock(bc);
	bc->bc_blksize = size;
	stripes_unlock(bc);
	return 0;
}

/* ---- Lifetime --------------------------------------------------------- */

int
bcache_create(struct blkdev *bd)
{
	struct bcache *bc;
	unsigned i;

	bc = kmem_zalloc(sizeof(*bc), 0);
	if (bc == NULL)
		return ENOMEM;
	bc->bc_hash = hash_alloc(HASH_MIN);
	if (bc->bc_hash == NULL) {
		kmem_free(bc, sizeof(*bc));
		return ENOMEM;
	}
	bc->bc_mask = HASH_MIN - 1;
	bc->bc_dev = bd;
	bc->bc_blksize = MAX(bd->bd_secsize, (uint32_t)1024);
	spin_init(&bc->bc_lock, &lists_lc);
	mutex_init(&bc->bc_flushlock, &flush_lc);
	list_init(&bc->bc_clean);
	list_init(&bc->bc_dirty);
	list_init(&bc->bc_pinned);
	for (i = 0; i < STRIPES; i++) {
		mutex_init(&bc->bc_stripe[i].st_lock, &stripe_lc);
		cv_init(&bc->bc_stripe[i].st_cv);
	}
	mutex_enter(&all_lock);
	list_insert_tail(&all, &bc->bc_link);
	mutex_exit(&all_lock);
	bd->bd_bcache = bc;
	return 0;
}

void
bcache_destroy(struct blkdev *bd)
{
	struct bcache *bc = bd->bd_bcache;
	unsigned i;

	if (bc == NULL)
		return;
	mutex_enter(&all_lock);
	list_remove(&bc->bc_link);
	while (bc->bc_busy != 0)
		cv_wait(&all_cv, &all_lock);
	mutex_exit(&all_lock);
	bcache_purge(bd);
	bd->bd_bcache = NULL;
	for (i = 0; i < STRIPES; i++) {
		cv_fini(&bc->bc_stripe[i].st_cv);
		mutex_fini(&bc->bc_stripe[i].st_lock);
	}
	spin_fini(&bc->bc_lock);
	mutex_fini(&bc->bc_flushlock);
	kmem_free(bc->bc_hash, (bc->bc_mask + 1) * sizeof(*bc->bc_hash));
	kmem_free(bc, sizeof(*bc));
}

static struct kmem_reclaim reclaim = {
	.kr_name = "buffer cache",
	.kr_fn = shrink,
};

static struct sysctl sysctls[] = {
	{ .sy_name = "vfs.bcache.bytes",
	  .sy_descr = "metadata in memory",
	  .sy_type = SYSCTL_U64, .sy_u64 = &stat_bytes },
	{ .sy_name = "vfs.bcache.dirty",
	  .sy_descr = "bytes of it that are newer than their device",
	  .sy_type = SYSCTL_U64, .sy_u64 = &stat_dirty },
	{ .sy_name = "vfs.bcache.max",
	  .sy_descr = "bytes that there should be at most",
	  .sy_type = SYSCTL_U64, .sy_flags = SYSCTL_RW,
	  .sy_u64 = &max_bytes },
};

int
bcache_modinit(void)
{
	unsigned i;
	size_t limit;
	int error;

	mutex_init(&all_lock, &all_lc);
	cv_init(&all_cv);
	cv_init(&flusher_cv);
	cv_init(&progress_cv);
	list_init(&all);
	kmem_stats(NULL, NULL, &limit);
	atomic_store(&max_bytes, MIN(limit / 2, (size_t)512 << 20));
	buf_pool = pool_create("buf", sizeof(struct buf), 0);
	if (buf_pool == NULL)
		return ENOMEM;
	for (i = 0; i < nitems(data_pool); i++) {
		data_pool[i] = pool_create("bufdata", (size_t)512 << i,
		    (size_t)512 << i);
		if (data_pool[i] == NULL)
			return ENOMEM;
	}
	for (i = 0; i < nitems(sysctls); i++) {
		error = sysctl_register(&sysctls[i]);
		if (error != 0)
			return error;
	}
	kmem_reclaim_add(&reclaim);
	return 0;
}
