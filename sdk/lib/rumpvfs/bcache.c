/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The buffer cache: one for each open block device. How a block's buffer is
 * found, held by one thread, given back, and forgotten.
 *
 * A cache lives from its device's first open to its last close. Its hash table
 * grows with the buffers, under the locks of all stripes. Lock order and the
 * rules for buffers: bcache_impl.h.
 */
#include "bcache_impl.h"

#include "cache.h"

#define HASH_MIN	256
#define DIRTY_MANY	4096		/* buffers */
#define BLOCK_MAX	65536

static struct lock_class stripe_lc = LOCK_CLASS("buffer hash", LC_NESTS);
static struct lock_class lists_lc = LOCK_CLASS("buffer lists", 0);
static struct lock_class flush_lc = LOCK_CLASS("buffer flush", LC_NESTS);
static struct lock_class all_lc = LOCK_CLASS("buffer caches", 0);

struct kmutex bcache_all_lock;
struct list bcache_all;
_Atomic uint64_t bcache_dirty_bytes;

/* ---- The hash table ----------------------------------------------------- */

static inline struct list *
bucket_of(struct bcache *bc, uint64_t blkno)
{
	return &bc->bc_hash[bcache_hash(blkno) &
	    atomic_load_explicit(&bc->bc_mask, memory_order_relaxed)];
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

/* ---- Lists -------------------------------------------------------------- */

void
buf_relist(struct buf *bp)
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
		atomic_fetch_sub_explicit(&bcache_dirty_bytes, bp->b_size,
		    memory_order_relaxed);
	if (want == B_ON_DIRTY) {
		atomic_fetch_add_explicit(&bcache_dirty_bytes, bp->b_size,
		    memory_order_relaxed);
		if (first || many)
			bcache_flusher_wanted(many);
	}
}

void
buf_unlist(struct buf *bp)
{
	struct bcache *bc = bp->b_cache;

	spin_lock(&bc->bc_lock);
	list_remove(&bp->b_lru);
	if ((bp->b_flags & B_LISTS) == B_ON_DIRTY) {
		bc->bc_ndirty--;
		atomic_fetch_sub_explicit(&bcache_dirty_bytes, bp->b_size,
		    memory_order_relaxed);
	}
	bp->b_flags &= ~B_LISTS;
	spin_unlock(&bc->bc_lock);
}

/* ---- Holding ------------------------------------------------------------ */

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

struct buf *
bcache_hold(struct bcache *bc, uint64_t blkno, bool wait)
{
	struct stripe *st = stripe_of(bc, blkno);
	struct buf *bp;

	mutex_enter(&st->st_lock);
	bp = hold_cached(bc, st, blkno, wait);
	mutex_exit(&st->st_lock);
	return bp;
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

int
getblk(struct blkdev *bd, uint64_t blkno, struct buf **bpp)
{
	struct bcache *bc = bd->bd_bcache;
	struct stripe *st = stripe_of(bc, blkno);
	struct buf *bp, *fresh;
	uint32_t n;

	bp = bcache_hold(bc, blkno, true);
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
	buf_relist(fresh);
	if (n > 2 * bc->bc_mask)
		hash_grow(bc);
	*bpp = fresh;
	return 0;
}

struct buf *
bcache_fresh(struct bcache *bc, uint64_t blkno)
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
	buf_relist(bp);
	return bp;
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
	buf_unlist(bp);
	unhash(bp);
	buf_free(bp);
}

void
bdwrite(struct buf *bp)
{
	bp->b_flags |= B_DIRTY | B_VALID;
	buf_relist(bp);
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
	buf_relist(bp);
	brelse(bp);
	return error;
}

void
bpin(struct buf *bp)
{
	bp->b_pins++;
	buf_relist(bp);
}

void
bunpin(struct buf *bp)
{
	KASSERT(bp->b_pins > 0);
	bp->b_pins--;
	buf_relist(bp);
}

/* ---- Forgetting --------------------------------------------------------- */

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
	struct buf *bp;
	uint64_t i;

	if (n > bc->bc_mask) {
		drop(bc, blkno, n > UINT64_MAX - blkno ? UINT64_MAX :
		    blkno + n);
		return;
	}
	for (i = blkno; i < blkno + n; i++) {
		bp = bcache_hold(bc, i, true);
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

/* ---- Lifetime ----------------------------------------------------------- */

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
	mutex_enter(&bcache_all_lock);
	list_insert_tail(&bcache_all, &bc->bc_link);
	mutex_exit(&bcache_all_lock);
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
	bcache_delist(bc);
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

int
bcache_modinit(void)
{
	mutex_init(&bcache_all_lock, &all_lc);
	list_init(&bcache_all);
	bcache_flush_init();
	return bcache_mem_init();
}
