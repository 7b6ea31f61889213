/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The allocator of a KMEM=host build: every object, page and block comes from
 * the platform's malloc on its own, so that tools that watch it (Valgrind,
 * AddressSanitizer) see each one. Replaces kmem.c, kmem_page.c, kmem_pool.c.
 */
#include <kern/kmem.h>
#include <kern/string.h>

#include <rump/rumpuser.h>

#include "mem_private.h"

#define POOL_SIZE_MAX	(PAGE_SIZE << PAGE_ORDER_MAX)

struct pool {
	const char *pp_name;
	size_t pp_size;
	size_t pp_align;
	_Atomic size_t pp_out;
};

static _Atomic size_t host_used;

void
kmem_arena_init(void)
{
}

size_t
kmem_used(void)
{
	return atomic_load_explicit(&host_used, memory_order_relaxed);
}

size_t
kmem_committed(void)
{
	return kmem_used();
}

void
kmem_trim(void)
{
}

static void *
host_alloc(size_t size, size_t align, int flags)
{
	unsigned attempt = 0;
	void *p;

	if (kmem_fault() || size > PTRDIFF_MAX)
		return NULL;
	for (;;) {
		if (kmem_charge(size) == 0) {
			if (rumpuser_malloc(size, align, &p) == 0)
				break;
			kmem_uncharge(size);
		}
		if (!kmem_reclaim_run(size, flags, attempt++))
			return NULL;
	}
	atomic_fetch_add_explicit(&host_used, size, memory_order_relaxed);
	if ((flags & KM_ZERO) != 0)
		memset(p, 0, size);
	return p;
}

static void
host_free(void *p, size_t size)
{
	rumpuser_free(p, size);
	atomic_fetch_sub_explicit(&host_used, size, memory_order_relaxed);
	kmem_uncharge(size);
}

static size_t
host_align(size_t size)
{
	return size < CACHE_LINE ? 16 : CACHE_LINE;
}

void *
kmem_alloc(size_t size, int flags)
{
	size = MAX(size, (size_t)1);
	return host_alloc(size, host_align(size), flags);
}

void
kmem_free(void *p, size_t size)
{
	if (p != NULL)
		host_free(p, MAX(size, (size_t)1));
}

void *
page_alloc(unsigned order, int flags)
{
	KASSERT(order <= PAGE_ORDER_MAX);
	return host_alloc(PAGE_SIZE << order, PAGE_SIZE << order, flags);
}

void
page_free(void *p, unsigned order)
{
	host_free(p, PAGE_SIZE << order);
}

struct pool *
pool_create(const char *name, size_t size, size_t align)
{
	struct pool *pp;

	if ((align & (align - 1)) != 0 || size > POOL_SIZE_MAX)
		return NULL;
	pp = kmem_zalloc(sizeof(*pp), 0);
	if (pp == NULL)
		return NULL;
	pp->pp_name = name;
	pp->pp_size = MAX(size, (size_t)1);
	pp->pp_align = align != 0 ? MAX(align, sizeof(void *)) :
	    host_align(size);
	return pp;
}

void
pool_destroy(struct pool *pp)
{
	if (atomic_load(&pp->pp_out) != 0)
		panic("pool %s destroyed with %zu objects out", pp->pp_name,
		    atomic_load(&pp->pp_out));
	kmem_free(pp, sizeof(*pp));
}

void *
pool_get(struct pool *pp, int flags)
{
	void *obj;

	obj = host_alloc(pp->pp_size, pp->pp_align, flags);
	if (obj != NULL)
		atomic_fetch_add_explicit(&pp->pp_out, 1,
		    memory_order_relaxed);
	return obj;
}

void
pool_put(struct pool *pp, void *obj)
{
	atomic_fetch_sub_explicit(&pp->pp_out, 1, memory_order_relaxed);
	host_free(obj, pp->pp_size);
}
