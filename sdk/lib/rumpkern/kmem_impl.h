/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Inside of the allocator: what pages, pools and size classes share.
 *
 *	kmem_alloc()          kmem.c: size classes are pools
 *	pool_get()            kmem_pool.c: magazines over slabs over pages
 *	page_alloc()          kmem_page.c: magazines over zones of chunks
 *	block_alloc()         kmem_block.c: buddies within 2 MiB
 *	kmem_map()            kmem_reclaim.c: the platform, within the limit
 *
 * Locks are taken one at a time, but for pools_lock -> pp_lock, and
 * grow_lock -> z_lock. None is held over a reclaim hook.
 */
#ifndef RUMPKERN_KMEM_IMPL_H
#define RUMPKERN_KMEM_IMPL_H

#include <kern/kmem.h>
#include <kern/string.h>
#include <kern/sync.h>
#include <kern/thread.h>

#include "mem_private.h"

/* ---- Magazines: what one thread keeps of one kind of object ------------ */

#define MAG_MAX		62

/*
 * Made when a thread first uses the kind, and kept with its struct thread.
 * Only the owner changes it; kmem_used() reads the count.
 */
struct pool_magazine {
	_Atomic uint32_t pm_count;
	uint32_t pm_cap;
	uint64_t pm_pad;
	void *pm_obj[MAG_MAX];
};

/* Kinds: indices of td_pool. */
enum {
	SLOT_PAGE,		/* pages of the kernel's zone */
	SLOT_BULK,		/* pages of the bulk zone */
	SLOT_FIRST_POOL,
	SLOT_NONE = POOL_MAX - 1 /* stays NULL in each thread: no cache */
};

static inline struct pool_magazine *
magazine_of(const struct thread *td, unsigned slot)
{
	return __atomic_load_n(&td->td_pool[slot], __ATOMIC_ACQUIRE);
}

/* The calling thread's; NULL before it has one. */
static inline struct pool_magazine *
magazine_get(unsigned slot)
{
	struct thread *td = curthread_;

	/* Not thread_self(): attaching a thread allocates. */
	return __likely(td != NULL) ? td->td_pool[slot] : NULL;
}

static inline uint32_t
magazine_count(const struct pool_magazine *pm)
{
	return atomic_load_explicit(&pm->pm_count, memory_order_relaxed);
}

static inline void
magazine_set_count(struct pool_magazine *pm, uint32_t n)
{
	atomic_store_explicit(&pm->pm_count, n, memory_order_relaxed);
}

/** Objects in all threads' magazines of a kind. */
size_t magazine_total(unsigned slot);
/** As magazine_get(); makes it. NULL: no memory, or no cache wanted. */
struct pool_magazine *magazine_make(unsigned slot, uint32_t cap);

/* ---- Blocks: 2 MiB of address space, aligned to that ------------------- */

#define BLOCK_SHIFT	21
#define BLOCK_PAGES	(1u << (BLOCK_SHIFT - PAGE_SHIFT))
#define BLOCK_FULL	(-1)	/* its bucket when nothing is free */

struct zone;
struct chunk;

/* All under the zone's lock, but for what is constant while pages are out. */
struct block {
	struct list b_link;		/* zone's bucket */
	struct chunk *b_chunk;		/* [I] */
	struct zone *b_zone;		/* [I] */
	char *b_base;			/* [I] */
	uint16_t b_pages;		/* [I] at most BLOCK_PAGES */
	uint16_t b_orders;		/* bit o: something free of order o */
	uint64_t b_free[21];		/* bits of free buddies, by order */
	uint64_t b_zero[BLOCK_PAGES / 64]; /* free and known to be zero */
};

void block_init(struct block *b);
/** Take a buddy; one of this order or above is free. @return page index */
unsigned block_alloc(struct block *b, unsigned order);
/** Free n pages, not necessarily a buddy. */
void block_free(struct block *b, unsigned idx, unsigned n);
/** Pages leave: were they all zero? They are not known to be any more. */
bool block_zero_take(struct block *b, unsigned idx, unsigned n);
void block_zero_set(struct block *b, unsigned idx, unsigned n);

static inline int
block_bucket(const struct block *b)
{
	return b->b_orders == 0 ? BLOCK_FULL :
	    31 - __builtin_clz(b->b_orders);
}

/** The block that an address lies in, or NULL. Takes no lock. */
struct block *block_lookup(const void *p);
/** Make it known, or forget it. @return ENOMEM; grow_lock is held. */
int block_publish(struct block *b);
void block_withdraw(struct block *b);
/** A page of metadata, never given back; zeroed. */
void *meta_page(void);

/* ---- Pages without injected failures, and by count --------------------- */

void page_arena_init(void);
void *page_get(unsigned order, int flags);
void page_put(void *p, unsigned order);
/** npages, at most BLOCK_PAGES, aligned to the power of two above that. */
void *page_run_alloc(unsigned npages, int flags);
void page_run_free(void *p, unsigned npages);
/** As page_run_alloc(), without reclaim and not counted as used. */
void *slab_pages_alloc(unsigned npages);
void slab_pages_free(void *p, unsigned npages);
size_t page_used(void);
/** Put back what a magazine of pages holds. */
void page_magazine_flush(struct pool_magazine *pm);
void page_trim(void);

/* ---- Pools ------------------------------------------------------------ */

struct pool {
	uint32_t pp_slot;		/* [I] index of td_pool */
	uint32_t pp_size;		/* [I] bytes, rounded up to pp_align */
	uint32_t pp_pages;		/* [I] a slab's size; a power of two */
	uint32_t pp_perslab;		/* [I] objects of a slab */
	uint32_t pp_cap;		/* [I] objects of a magazine */
	const char *pp_name;		/* [I] */
	struct list pp_link;		/* [pools_lock] */
	struct kspin pp_lock __cacheline_aligned;
	struct list pp_partial;		/* [pp_lock] slabs with some free */
	struct list pp_empty;		/* [pp_lock] slabs with all free */
	uint32_t pp_nempty;		/* [pp_lock] */
	uint32_t pp_nslabs;		/* [pp_lock] */
	size_t pp_out;			/* [pp_lock] objects not in slabs */
};

void pools_init(void);
int pool_init(struct pool *pp, const char *name, size_t size, size_t align);
void *pool_get_slow(struct pool *pp, int flags);
void pool_put_slow(struct pool *pp, void *obj);
size_t pools_used(void);

#ifdef DIAGNOSTIC
#define KMEM_POISON	0xdfdfdfdfdfdfdfdfull	/* freed */
#define KMEM_FRESH	0xa5		/* allocated, and not written to */
/** Overwrite what is freed. */
void kmem_poison(void *p, size_t size);
/** Panic unless it is as kmem_poison() left it; looks at the beginning. */
void kmem_poison_check(const void *p, size_t size, const char *what);
/** That, and make it differ from what has been freed. */
void kmem_unpoison(void *p, size_t size, const char *what);
/** Panic where obj can't be an object of the pool that is in use. */
void pool_put_check(struct pool *pp, void *obj);
#else
#define kmem_poison(p, size)			((void)0)
#define kmem_poison_check(p, size, what)	((void)0)
#define kmem_unpoison(p, size, what)		((void)0)
#define pool_put_check(pp, obj)			((void)0)
#endif

static inline void *
pool_get_hot(struct pool *pp, int flags)
{
	struct pool_magazine *pm = magazine_get(pp->pp_slot);
	uint32_t n;
	void *obj;

	if (__unlikely(pm == NULL || (n = magazine_count(pm)) == 0))
		return pool_get_slow(pp, flags);
	obj = pm->pm_obj[--n];
	magazine_set_count(pm, n);
	kmem_unpoison(obj, pp->pp_size, pp->pp_name);
	return obj;
}

static inline void
pool_put_hot(struct pool *pp, void *obj)
{
	struct pool_magazine *pm = magazine_get(pp->pp_slot);
	uint32_t n;

	pool_put_check(pp, obj);
	kmem_poison(obj, pp->pp_size);
	if (__unlikely(pm == NULL || (n = magazine_count(pm)) == pm->pm_cap)) {
		pool_put_slow(pp, obj);
		return;
	}
	pm->pm_obj[n] = obj;
	magazine_set_count(pm, n + 1);
}

#endif
