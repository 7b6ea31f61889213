/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The buffer cache: memory.
 *
 * Buffers stay until memory is short or their bytes exceed a limit; then clean
 * ones that nobody used lately are freed, oldest first. Reclaim runs wherever
 * memory is asked for, so it tries for locks only.
 */
#include "bcache_impl.h"

#include <kern/sysctl.h>

static struct pool *buf_pool, *data_pool[3];	/* 512, 1024, 2048 */
static _Atomic uint64_t stat_bytes, max_bytes;

/* ---- Buffers come ------------------------------------------------------- */

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

struct buf *
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

void
buf_free(struct buf *bp)
{
	atomic_fetch_sub_explicit(&stat_bytes, bp->b_size,
	    memory_order_relaxed);
	data_free(bp->b_data, bp->b_size);
	pool_put(buf_pool, bp);
}

/* ---- Reclaim ------------------------------------------------------------ */

static bool
tryhold(struct buf *bp)
{
	uint32_t s;

	s = atomic_load_explicit(&bp->b_state, memory_order_relaxed);
	return (s & BS_HELD) == 0 &&
	    atomic_compare_exchange_strong_explicit(&bp->b_state, &s,
	    s | BS_HELD, memory_order_acquire, memory_order_relaxed);
}

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
		buf_unlist(bp);
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

	if (!mutex_tryenter(&bcache_all_lock))
		return 0;
	LIST_FOREACH(n, &bcache_all) {
		if (freed >= want)
			break;
		freed += shrink_one(container_of(n, struct bcache, bc_link),
		    want - freed);
	}
	if (freed < want && atomic_load(&bcache_dirty_bytes) != 0)
		bcache_flusher_hurry_locked();
	mutex_exit(&bcache_all_lock);
	return freed;
}

/* ---- Where memory is short ---------------------------------------------- */

struct buf *
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
	    atomic_load(&bcache_dirty_bytes) != 0; tries++) {
		bcache_flusher_wait();
		bp = buf_alloc(bc, blkno, 0);
	}
	return bp;
}

/* ---- Start -------------------------------------------------------------- */

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
	  .sy_type = SYSCTL_U64, .sy_u64 = &bcache_dirty_bytes },
	{ .sy_name = "vfs.bcache.max",
	  .sy_descr = "bytes that there should be at most",
	  .sy_type = SYSCTL_U64, .sy_flags = SYSCTL_RW,
	  .sy_u64 = &max_bytes },
};

int
bcache_mem_init(void)
{
	unsigned i;
	size_t limit;
	int error;

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
