/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Kernel half of t_kmem. Functions return 0 or the number of the check that
 * failed.
 */
#include <kern/kmem.h>
#include <kern/string.h>

#include "k_kmem.h"

/* The allocator's own, beside kern/kmem.h: what is not free at once. */
size_t kmem_committed(void);

#define CHECK(e) do { if (!(e)) return __LINE__; } while (0)

size_t
rumptest_kmem_used(void)
{
	size_t used;

	kmem_stats(NULL, &used, NULL);
	return used;
}

size_t
rumptest_kmem_mapped(void)
{
	size_t mapped;

	kmem_stats(&mapped, NULL, NULL);
	return mapped;
}

static uint64_t
next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return *state >> 33;
}

static bool
is_filled(const void *p, int c, size_t size)
{
	const unsigned char *b = p;
	size_t i;

	for (i = 0; i < size; i++)
		if (b[i] != (unsigned char)c)
			return false;
	return true;
}

static size_t
alignment(size_t size)
{
	return size < CACHE_LINE ? 16 : CACHE_LINE;
}

int
rumptest_kmem_sizes(void)
{
	static const size_t big[] = { 1 << 16, 100000, 1 << 20, (2 << 20) - 1,
	    2 << 20, (2 << 20) + 1, 5 << 20 };
	size_t size, i;
	char *p, *q;

	CHECK((p = kmem_alloc(0, 0)) != NULL);
	kmem_free(p, 0);
	kmem_free(NULL, 77);
	for (i = 1; i < 9000; i += i < 300 ? 1 : 97) {
		CHECK((p = kmem_alloc(i, 0)) != NULL);
		CHECK((uintptr_t)p % alignment(i) == 0);
		memset(p, 0xa5, i);
		CHECK((q = kmem_zalloc(i, 0)) != NULL);
		CHECK(is_filled(q, 0, i) && is_filled(p, 0xa5, i));
		kmem_free(p, i);
		memset(q, 0xff, i);
		kmem_free(q, i);
	}
	for (i = 0; i < 2 * nitems(big); i++) {
		size = big[i % nitems(big)];
		CHECK((p = kmem_zalloc(size, 0)) != NULL);
		CHECK((uintptr_t)p % CACHE_LINE == 0);
		CHECK(is_filled(p, 0, size));
		memset(p, 0x11, size);
		kmem_free(p, size);
	}
	CHECK(kmem_alloc(SIZE_MAX, 0) == NULL);
	CHECK(kmem_alloc(SIZE_MAX - 5000, 0) == NULL);
	return 0;
}

int
rumptest_kmem_realloc(void)
{
	char *p, *q, *s;
	size_t size = 1, bigger;

	CHECK((p = kmem_realloc(NULL, 0, 1, KM_ZERO)) != NULL);
	CHECK(p[0] == 0);
	p[0] = 3;
	while (size < 3000000) {
		bigger = size * 3 + 1;
		CHECK((q = kmem_realloc(p, size, bigger, KM_ZERO)) != NULL);
		CHECK(is_filled(q, 3, size));
		CHECK(is_filled(q + size, 0, bigger - size));
		memset(q, 3, bigger);
		p = q;
		size = bigger;
	}
	CHECK((q = kmem_realloc(p, size, 10, 0)) != NULL);
	CHECK(is_filled(q, 3, 10));
	kmem_free(q, 10);
	CHECK((s = kmem_strdup("a name", 0)) != NULL);
	CHECK(strcmp(s, "a name") == 0);
	kmem_strfree(s);
	kmem_strfree(NULL);
	return 0;
}

int
rumptest_kmem_pages(void)
{
	static void *v[64];
	unsigned order, i;
	size_t size;

	for (order = 0; order <= PAGE_ORDER_MAX; order++) {
		size = PAGE_SIZE << order;
		for (i = 0; i < 8; i++) {
			v[i] = page_alloc(order, (i & 1 ? KM_BULK : 0) |
			    (i & 2 ? KM_ZERO : 0));
			CHECK(v[i] != NULL);
			CHECK((uintptr_t)v[i] % size == 0);
			if (i & 2)
				CHECK(is_filled(v[i], 0, size));
			memset(v[i], (int)(i + 1), size);
		}
		for (i = 0; i < 8; i++)
			CHECK(is_filled(v[i], (int)(i + 1), size));
		for (i = 0; i < 8; i++)
			page_free(v[i], order);
	}
	/* Pages that were written to come back zeroed. */
	for (i = 0; i < 64; i++) {
		CHECK((v[i] = page_alloc(0, KM_BULK | KM_ZERO)) != NULL);
		CHECK(is_filled(v[i], 0, PAGE_SIZE));
		memset(v[i], 0xee, PAGE_SIZE);
	}
	for (i = 0; i < 64; i++)
		page_free(v[i], 0);
	for (i = 0; i < 64; i++) {
		CHECK((v[i] = page_alloc(0, KM_BULK | KM_ZERO)) != NULL);
		CHECK(is_filled(v[i], 0, PAGE_SIZE));
	}
	for (i = 0; i < 64; i++)
		page_free(v[i], 0);
	return 0;
}

/* Chain nbytes of bulk pages; every page is owned by nobody else. */
int
rumptest_kmem_bulk(size_t nbytes, size_t *peak)
{
	struct link { struct link *next; size_t i; } *head = NULL, *l;
	size_t i, n = nbytes / PAGE_SIZE;

	for (i = 0; i < n; i++) {
		CHECK((l = page_alloc(0, KM_BULK)) != NULL);
		l->next = head;
		l->i = i;
		head = l;
	}
	*peak = rumptest_kmem_mapped();
	while (head != NULL) {
		l = head;
		CHECK(l->i == --i);
		head = l->next;
		page_free(l, 0);
	}
	return 0;
}

#define SLOTS 512

/* Allocations of all kinds live side by side, and nobody else's. */
int
rumptest_kmem_random(uint64_t seed, int rounds)
{
	struct slot { unsigned char *p; size_t size; int kind; } *v, *s;
	size_t vsize = SLOTS * sizeof(*v), i;
	int flags, n;

	CHECK((v = kmem_zalloc(vsize, 0)) != NULL);
	for (n = 0; n < rounds; n++) {
		i = next_random(&seed) % SLOTS;
		s = &v[i];
		if (s->p != NULL) {
			CHECK(s->p[0] == (unsigned char)i);
			CHECK(s->p[s->size - 1] == (unsigned char)i);
			CHECK(s->p[s->size / 2] == (unsigned char)i);
			if (s->kind == 0)
				kmem_free(s->p, s->size);
			else
				page_free(s->p, (unsigned)s->kind - 1);
			s->p = NULL;
			continue;
		}
		s->kind = next_random(&seed) % 8 == 0 ?
		    1 + (int)(next_random(&seed) % 4) : 0;
		flags = (int)(next_random(&seed) % 8) & (KM_ZERO | KM_BULK);
		if (s->kind == 0) {
			s->size = 1 + next_random(&seed) %
			    (16u << next_random(&seed) % 11);
			s->p = kmem_alloc(s->size, flags & KM_ZERO);
		} else {
			s->size = PAGE_SIZE << (s->kind - 1);
			s->p = page_alloc((unsigned)s->kind - 1, flags);
		}
		CHECK(s->p != NULL);
		if ((flags & KM_ZERO) != 0)
			CHECK(is_filled(s->p, 0, s->size));
		memset(s->p, (int)i, s->size);
	}
	for (s = v; s < v + SLOTS; s++) {
		if (s->p == NULL)
			continue;
		if (s->kind == 0)
			kmem_free(s->p, s->size);
		else
			page_free(s->p, (unsigned)s->kind - 1);
	}
	kmem_free(v, vsize);
	return 0;
}

/* What a pool of n objects takes from the platform beside n * size. */
int
rumptest_kmem_packing(size_t size, size_t align, size_t n, size_t *bytes)
{
	struct link { struct link *next; } *head = NULL, *l;
	struct pool *pp;
	size_t before, i;

	CHECK((pp = pool_create("packing", size, align)) != NULL);
	before = kmem_committed();
	for (i = 0; i < n; i++) {
		CHECK((l = pool_get(pp, 0)) != NULL);
		CHECK((uintptr_t)l % (align != 0 ? align : alignment(size))
		    == 0);
		memset(l, 0x77, size);
		l->next = head;
		head = l;
	}
	*bytes = kmem_committed() - before;
	while (head != NULL) {
		l = head;
		head = l->next;
		pool_put(pp, l);
	}
	pool_destroy(pp);
	return 0;
}

/* More pools than there are per-thread caches. */
int
rumptest_kmem_many_pools(void)
{
	static struct pool *v[100];
	static void *obj[100];
	size_t i;

	for (i = 0; i < nitems(v); i++) {
		CHECK((v[i] = pool_create("one of many", 40 + i, 8)) != NULL);
		CHECK((obj[i] = pool_get(v[i], KM_ZERO)) != NULL);
		CHECK(is_filled(obj[i], 0, 40 + i));
		memset(obj[i], (int)i, 40 + i);
	}
	for (i = 0; i < nitems(v); i++) {
		CHECK(is_filled(obj[i], (int)i, 40 + i));
		pool_put(v[i], obj[i]);
		pool_destroy(v[i]);
	}
	CHECK(pool_create("too big", 3 << 20, 0) == NULL);
	CHECK(pool_create("no power of two", 64, 48) == NULL);
	return 0;
}

/* ---- Objects made by one thread and freed by another ------------------- */

static struct pool *hand_pool;

int
rumptest_kmem_hand_init(void)
{
	hand_pool = pool_create("hand", 120, 0);
	return hand_pool == NULL;
}

void *
rumptest_kmem_hand_make(uint64_t tag)
{
	uint64_t *p = pool_get(hand_pool, 0);
	int i;

	for (i = 0; p != NULL && i < 15; i++)
		p[i] = tag;
	return p;
}

int
rumptest_kmem_hand_free(void *obj, uint64_t tag)
{
	uint64_t *p = obj;
	int i;

	for (i = 0; i < 15; i++)
		CHECK(p[i] == tag);
	pool_put(hand_pool, p);
	return 0;
}

void
rumptest_kmem_hand_fini(void)
{
	pool_destroy(hand_pool);
}

/* ---- Failures ---------------------------------------------------------- */

/* A workload that undoes itself. @return ENOMEM when anything failed */
int
rumptest_kmem_workload(void)
{
	struct pool *pp;
	void *a, *b, *c, *d;
	int error = ENOMEM;

	pp = pool_create("workload", 200, 0);
	if (pp == NULL)
		return ENOMEM;
	a = kmem_alloc(100, 0);
	b = pool_get(pp, KM_ZERO);
	c = page_alloc(0, KM_BULK);
	d = kmem_alloc(3 << 20, 0);
	if (a != NULL && b != NULL && c != NULL && d != NULL)
		error = 0;
	kmem_free(a, 100);
	if (b != NULL)
		pool_put(pp, b);
	if (c != NULL)
		page_free(c, 0);
	kmem_free(d, 3 << 20);
	pool_destroy(pp);
	return error;
}

/* ---- What DIAGNOSTIC finds --------------------------------------------- */

void
rumptest_kmem_use_after_free(void)
{
	uint64_t *p = kmem_alloc(128, 0);

	kmem_free(p, 128);
	*(volatile uint64_t *)&p[2] = 1;
	(void)kmem_alloc(128, 0);
}

void
rumptest_kmem_free_twice(void)
{
	uint64_t *p = kmem_alloc(128, 0);

	kmem_free(p, 128);
	kmem_free(p, 128);
}

void
rumptest_kmem_free_wrong_size(void)
{
	kmem_free(kmem_alloc(128, 0), 1024);
}

void
rumptest_kmem_page_free_twice(void)
{
	void *p = page_alloc(3, 0);

	page_free(p, 3);
	page_free(p, 3);
}
