/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * General allocations: size classes up to a page, each a pool; runs of pages
 * up to a block; above that the platform's own mappings.
 */
#include <rump/rumpuser.h>

#include "kmem_impl.h"

#define CLASS_GRAIN	16
#define CLASS_MAX	3072	/* above: a page */
#define RUN_MAX		(BLOCK_PAGES * PAGE_SIZE)

/* From 64 on multiples of a cache line. */
static const uint16_t class_size[] = {
	16, 32, 48, 64, 128, 192, 256, 384, 512, 640, 768, 1024, 1280, 1536,
	2048, CLASS_MAX
};
static const char *const class_name[] = {
	"kmem-16", "kmem-32", "kmem-48", "kmem-64", "kmem-128", "kmem-192",
	"kmem-256", "kmem-384", "kmem-512", "kmem-640", "kmem-768",
	"kmem-1024", "kmem-1280", "kmem-1536", "kmem-2048", "kmem-3072"
};
static struct pool class_pool[nitems(class_size)];
static uint8_t class_index[CLASS_MAX / CLASS_GRAIN + 1];
static _Atomic size_t mapped_used;	/* bytes of own mappings */

void
kmem_arena_init(void)
{
	unsigned i, g = 0;

	page_arena_init();
	pools_init();
	for (i = 0; i < nitems(class_size); i++) {
		(void)pool_init(&class_pool[i], class_name[i], class_size[i],
		    0);
		for (; g <= class_size[i] / CLASS_GRAIN; g++)
			class_index[g] = i;
	}
}

static inline struct pool *
class_of(size_t size)
{
	return &class_pool[class_index[howmany(size, CLASS_GRAIN)]];
}

static void *
mapping_alloc(size_t size, int flags)
{
	unsigned attempt = 0;
	void *p;

	if (size > PTRDIFF_MAX)
		return NULL;
	size = roundup2(size, PAGE_SIZE);
	while (kmem_map(size, RUN_MAX, RUMPUSER_MEM_HUGE, &p) != 0) {
		if (!kmem_reclaim_run(size, flags, attempt++))
			return NULL;
	}
	atomic_fetch_add_explicit(&mapped_used, size, memory_order_relaxed);
	return p;
}

static void *
large_alloc(size_t size, int flags)
{
	if (size <= PAGE_SIZE)
		return page_get(0, flags);
	if (size <= RUN_MAX)
		return page_run_alloc(howmany(size, PAGE_SIZE), flags);
	return mapping_alloc(size, flags);
}

static void
large_free(void *p, size_t size)
{
	if (size <= PAGE_SIZE) {
		page_put(p, 0);
	} else if (size <= RUN_MAX) {
		page_run_free(p, howmany(size, PAGE_SIZE));
	} else {
		size = roundup2(size, PAGE_SIZE);
		kmem_unmap(p, size);
		atomic_fetch_sub_explicit(&mapped_used, size,
		    memory_order_relaxed);
	}
}

void *
kmem_alloc(size_t size, int flags)
{
	void *p;

	if (kmem_fault())
		return NULL;
	if (__unlikely(size > CLASS_MAX))
		return large_alloc(size, flags & ~KM_BULK);
	p = pool_get_hot(class_of(size), flags);
	if ((flags & KM_ZERO) != 0 && p != NULL)
		memset(p, 0, size);
	return p;
}

void
kmem_free(void *p, size_t size)
{
	if (p == NULL)
		return;
	if (__unlikely(size > CLASS_MAX))
		large_free(p, size);
	else
		pool_put_hot(class_of(size), p);
}

size_t
kmem_used(void)
{
	return pools_used() + page_used() +
	    atomic_load_explicit(&mapped_used, memory_order_relaxed);
}
