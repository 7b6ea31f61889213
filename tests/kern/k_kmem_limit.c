/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Kernel half of t_kmem_limit. Functions return 0 or the number of the check
 * that failed.
 */
#include <kern/epoch.h>
#include <kern/kmem.h>
#include <kern/string.h>
#include <kern/sync.h>

#include "k_kmem_limit.h"

#define CHECK(e) do { if (!(e)) return __LINE__; } while (0)

struct link {
	struct link *next;
	size_t size;
};

static void
links_free(struct link *head)
{
	struct link *l;

	while ((l = head) != NULL) {
		head = l->next;
		kmem_free(l, l->size);
	}
}

/* Take all there is, in pieces of a size; then give it back. */
int
rumptest_limit_fill(size_t size, size_t *got)
{
	struct link *head = NULL, *l;
	size_t mapped, limit, before, after, n = 0;

	kmem_stats(NULL, &before, NULL);
	while ((l = kmem_alloc(size, 0)) != NULL) {
		l->next = head;
		l->size = size;
		head = l;
		n++;
	}
	*got = n * size;
	kmem_stats(&mapped, NULL, &limit);
	CHECK(mapped <= limit);
	CHECK(kmem_pressure() >= 1);
	/* What is freed can be had again. */
	CHECK(head != NULL);
	l = head;
	head = l->next;
	kmem_free(l, size);
	CHECK((l = kmem_alloc(size, 0)) != NULL);
	l->next = head;
	l->size = size;
	links_free(l);
	kmem_stats(NULL, &after, NULL);
	CHECK(after <= before);	/* the cache may have shrunk */
	return 0;
}

static void
deferred_free(struct epoch_entry *ee)
{
	kmem_free(ee, 1 << 20);
}

/* Most of the limit waits for readers that may hold it; there is none. */
int
rumptest_limit_deferred(void)
{
	struct epoch_entry *ee;
	int i;

	for (i = 0; i < 16; i++) {
		CHECK((ee = kmem_alloc(1 << 20, 0)) != NULL);
		epoch_defer(ee, deferred_free);
	}
	return 0;
}

/* ---- A cache that shrinks --------------------------------------------- */

static struct kmutex cache_lock;
static struct link *cache;
static size_t cache_bytes, cache_calls;

static size_t
cache_reclaim(size_t want)
{
	struct link *l;
	size_t freed = 0;

	if (!mutex_tryenter(&cache_lock))
		return 0;
	cache_calls++;
	while (freed < want && (l = cache) != NULL) {
		cache = l->next;
		freed += l->size;
		cache_bytes -= l->size;
		kmem_free(l, l->size);
	}
	/* A hook that allocates is not called by its own allocation. */
	kmem_free(kmem_alloc(100, 0), 100);
	mutex_exit(&cache_lock);
	return freed;
}

static struct kmem_reclaim cache_hook = {
	.kr_name = "test", .kr_fn = cache_reclaim,
};

void
rumptest_limit_cache_init(void)
{
	mutex_init(&cache_lock, NULL);
	kmem_reclaim_add(&cache_hook);
}

/* Add to the cache, within its own lock as a cache would. */
int
rumptest_limit_cache_add(size_t size)
{
	struct link *l = kmem_alloc(size, KM_NORECLAIM);

	if (l == NULL)
		return ENOMEM;
	l->size = size;
	mutex_enter(&cache_lock);
	l->next = cache;
	cache = l;
	cache_bytes += size;
	mutex_exit(&cache_lock);
	return 0;
}

size_t
rumptest_limit_cache_bytes(size_t *calls)
{
	size_t bytes;

	mutex_enter(&cache_lock);
	bytes = cache_bytes;
	*calls = cache_calls;
	mutex_exit(&cache_lock);
	return bytes;
}

void
rumptest_limit_cache_fini(void)
{
	kmem_reclaim_remove(&cache_hook);
	links_free(cache);
	cache = NULL;
	cache_bytes = 0;
}

int
rumptest_limit_pressure(void)
{
	return kmem_pressure();
}

/* Allocate and free at random; how often there was nothing. */
int
rumptest_limit_random(uint64_t seed, int rounds, size_t *failed)
{
	struct link *v[128] = { NULL };
	size_t i, size;

	*failed = 0;
	while (rounds-- > 0) {
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		i = seed >> 33 & (nitems(v) - 1);
		if (v[i] != NULL) {
			CHECK(((char *)v[i])[v[i]->size - 1] == (char)i);
			kmem_free(v[i], v[i]->size);
			v[i] = NULL;
			continue;
		}
		size = 32 + (seed >> 41) % 200000;
		v[i] = kmem_alloc(size, seed >> 60 & KM_NORECLAIM);
		if (v[i] == NULL) {
			(*failed)++;
			continue;
		}
		memset(v[i], (int)i, size);
		v[i]->size = size;
	}
	for (i = 0; i < nitems(v); i++)
		if (v[i] != NULL)
			kmem_free(v[i], v[i]->size);
	return 0;
}
