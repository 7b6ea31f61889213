/* SPDX-License-Identifier: BSD-2-Clause */
/** @file kmem.h
 * Kernel memory: pages, general allocations, pools of equal objects.
 *
 * Every allocation may fail: NULL means ENOMEM, after reclaim was tried. The
 * platform's memory is bounded by RUMP_MEMLIMIT. None of the functions sleeps
 * for memory, but reclaim may wait for locks, unless KM_NORECLAIM: callers
 * that hold a lock which a reclaim hook takes pass it.
 */
#ifndef KERN_KMEM_H
#define KERN_KMEM_H

#include <kern/list.h>

#define KM_ZERO		0x1	/**< zeroed */
#define KM_NORECLAIM	0x2	/**< do not run reclaim hooks */
#define KM_BULK		0x4	/**< page_alloc: file data; from memory that the
				     host backs with huge pages */

/** Allocate size bytes, aligned to 16 (to a cache line from 64 up). */
void *kmem_alloc(size_t size, int flags);
#define kmem_zalloc(size, flags) kmem_alloc((size), (flags) | KM_ZERO)
/** Free; size as it was allocated. NULL is ignored. */
void kmem_free(void *p, size_t size);
/** Change the size, keeping the contents; NULL leaves the old one alone. */
void *kmem_realloc(void *p, size_t old, size_t size, int flags);
/** Duplicate a string; free with kmem_strfree(). */
char *kmem_strdup(const char *s, int flags);
void kmem_strfree(char *s);

/** 2^order pages, aligned to their size; order 0..PAGE_ORDER_MAX. */
void *page_alloc(unsigned order, int flags);
void page_free(void *p, unsigned order);
#define PAGE_ORDER_MAX 9

/* ---- Pools ------------------------------------------------------------ */

struct pool;

/**
 * A pool of objects of one size, with a cache per thread. Created at a
 * component's init.
 *
 * @param align  a power of two, or 0 for what kmem_alloc() gives.
 * @return NULL: no memory
 */
struct pool *pool_create(const char *name, size_t size, size_t align);
/** Destroy it; all objects have been put back. */
void pool_destroy(struct pool *pp);
void *pool_get(struct pool *pp, int flags);
void pool_put(struct pool *pp, void *obj);

/* ---- Memory pressure -------------------------------------------------- */

/**
 * A cache that can shrink. The hook frees about want bytes if it can and
 * returns what it freed; it must not wait for I/O with locks held that an
 * allocating caller may hold: it trylocks.
 */
struct kmem_reclaim {
	const char *kr_name;
	size_t (*kr_fn)(size_t want);
	struct list kr_link;
};
void kmem_reclaim_add(struct kmem_reclaim *kr);
void kmem_reclaim_remove(struct kmem_reclaim *kr);

/** Bytes taken from the platform, bytes in use, and the limit (or SIZE_MAX). */
void kmem_stats(size_t *mapped, size_t *used, size_t *limit);
/**
 * How short memory is: 0 plenty, 1 caches should not grow, 2 caches should
 * shrink. Cheap; for caches that decide how much to keep.
 */
int kmem_pressure(void);

#endif
