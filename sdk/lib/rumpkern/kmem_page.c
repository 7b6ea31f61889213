/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pages. Two zones, so that file data and the kernel's own objects do not mix
 * and chunks become free as a whole; each is a list of chunks from the
 * platform, cut into blocks.
 *
 * The kernel's zone begins with small chunks of ordinary pages: a boot makes
 * little resident. The bulk zone is made of chunks for huge pages, and begins
 * when the kernel is in use: the first file data still comes from the
 * kernel's zone. A chunk that is free as a whole goes back to the platform,
 * unless too little free memory would be left beside it: half of what there
 * is, but at least KEEP_MIN (a connection's buffers fill and empty many times a
 * second) and at most KEEP_MAX.
 *
 * A page that has not been handed out since it was mapped is known to be
 * zero. Such a one carries bit 0 in a magazine.
 *
 * Lock order: grow_lock -> z_lock.
 */
#include <rump/rumpuser.h>

#include "kmem_impl.h"

#define CHUNK_SMALL	((size_t)1 << 20)
#define CHUNK_HUGE	((size_t)4 << 20)
#define CHUNK_MAX	((size_t)64 << 20)
#define SMALL_PAGES	((size_t)(8 << 20) / PAGE_SIZE)	/* then huge ones */
#define BULK_START	((size_t)(2 << 20) / PAGE_SIZE)
#define KEEP_MIN	((size_t)(16 << 20) / PAGE_SIZE)
#define KEEP_MAX	((size_t)(256 << 20) / PAGE_SIZE)
#define BLOCK_SIZE	((size_t)1 << BLOCK_SHIFT)
#define NBUCKETS	(PAGE_ORDER_MAX + 1)

#define CAP_PAGE	16
#define CAP_BULK	MAG_MAX
#define BATCH_PAGE	8		/* powers of two: neighbours */
#define BATCH_BULK	32

#define PAGE_ZERO	((uintptr_t)1)

/*
 * z  z_lock   g  grow_lock   a  atomic, changed under z_lock   I  immutable
 */
struct zone {
	struct kspin z_lock;
	struct list z_bucket[NBUCKETS];	/* [z] by largest free order */
	uint32_t z_buckets;		/* [z] bit b: z_bucket[b] not empty */
	_Atomic size_t z_total;		/* [a] pages */
	_Atomic size_t z_free;		/* [a] pages */
	size_t z_nchunks;		/* [z] */
	struct list z_chunks;		/* [z] */
	bool z_bulk;			/* [I] */
} __cacheline_aligned;

struct chunk {
	struct list c_link;		/* [z] z_chunks, or a list of removal */
	char *c_base;			/* [I] */
	size_t c_len;			/* [I] bytes */
	size_t c_free;			/* [z] pages */
	unsigned c_nblocks;		/* [I] */
	struct block *c_blocks[CHUNK_MAX / BLOCK_SIZE]; /* [I] */
};

union meta {
	union meta *m_next;
	struct block m_block;
	struct chunk m_chunk;
};

static struct lock_class zone_lc = LOCK_CLASS("kmem zone", 0);
static struct lock_class grow_lc = LOCK_CLASS("kmem grow", 0);
static struct zone zone_kern, zone_bulk = { .z_bulk = true };
static struct kmutex grow_lock;
static union meta *meta_free;		/* [grow_lock] */
static _Atomic size_t slab_pages;
static _Atomic bool bulk_started;	/* the bulk zone has had a chunk */

static void
zone_init(struct zone *z)
{
	unsigned i;

	spin_init(&z->z_lock, &zone_lc);
	for (i = 0; i < NBUCKETS; i++)
		list_init(&z->z_bucket[i]);
	list_init(&z->z_chunks);
}

void
page_arena_init(void)
{
	mutex_init(&grow_lock, &grow_lc);
	zone_init(&zone_kern);
	zone_init(&zone_bulk);
}

static inline size_t
counter(_Atomic size_t *c)
{
	return atomic_load_explicit(c, memory_order_relaxed);
}

/* The zone's lock is held: no other writer. */
static inline void
counter_add(_Atomic size_t *c, size_t n)
{
	atomic_store_explicit(c, counter(c) + n, memory_order_relaxed);
}

static inline size_t
zone_out(struct zone *z)
{
	size_t nfree = counter(&z->z_free), total = counter(&z->z_total);

	return total > nfree ? total - nfree : 0;
}

/* ---- Metadata of chunks ------------------------------------------------ */

static union meta *
meta_get(void)
{
	union meta *m, *page;
	unsigned i;

	if (meta_free == NULL) {
		page = meta_page();
		if (page == NULL)
			return NULL;
		for (i = 0; i < PAGE_SIZE / sizeof(*page); i++) {
			page[i].m_next = meta_free;
			meta_free = &page[i];
		}
	}
	m = meta_free;
	meta_free = m->m_next;
	memset(m, 0, sizeof(*m));
	return m;
}

static void
meta_put(void *p)
{
	union meta *m = p;

	m->m_next = meta_free;
	meta_free = m;
}

/* ---- Chunks ------------------------------------------------------------ */

/* It is in no zone's list; nobody has a page of it. */
static void
chunk_free(struct chunk *c)
{
	unsigned i;

	for (i = 0; i < c->c_nblocks; i++) {
		block_withdraw(c->c_blocks[i]);
		meta_put(c->c_blocks[i]);
	}
	kmem_unmap(c->c_base, c->c_len);
	meta_put(c);
}

static int
chunk_add_block(struct zone *z, struct chunk *c, size_t off)
{
	struct block *b;

	b = (struct block *)meta_get();
	if (b == NULL)
		return ENOMEM;
	b->b_chunk = c;
	b->b_zone = z;
	b->b_base = c->c_base + off;
	b->b_pages = MIN(c->c_len - off, BLOCK_SIZE) / PAGE_SIZE;
	block_init(b);
	if (block_publish(b) != 0) {
		meta_put(b);
		return ENOMEM;
	}
	c->c_blocks[c->c_nblocks++] = b;
	return 0;
}

static struct chunk *
chunk_alloc(struct zone *z, size_t len, int flags)
{
	struct chunk *c;
	void *base;
	size_t off;

	c = (struct chunk *)meta_get();
	if (c == NULL)
		return NULL;
	if (kmem_map(len, BLOCK_SIZE, flags, &base) != 0) {
		meta_put(c);
		return NULL;
	}
	c->c_base = base;
	c->c_len = len;
	c->c_free = len / PAGE_SIZE;
	for (off = 0; off < len; off += BLOCK_SIZE) {
		if (chunk_add_block(z, c, off) != 0) {
			chunk_free(c);
			return NULL;
		}
	}
	return c;
}

/* ---- Zones: under z_lock ----------------------------------------------- */

static void
zone_insert(struct zone *z, struct block *b)
{
	int bucket = block_bucket(b);

	if (bucket == BLOCK_FULL)
		return;
	list_insert_head(&z->z_bucket[bucket], &b->b_link);
	z->z_buckets |= 1u << bucket;
}

static void
zone_remove(struct zone *z, struct block *b, int bucket)
{
	if (bucket == BLOCK_FULL)
		return;
	list_remove(&b->b_link);
	if (list_empty(&z->z_bucket[bucket]))
		z->z_buckets &= ~(1u << bucket);
}

static void
zone_requeue(struct zone *z, struct block *b, int bucket)
{
	if (block_bucket(b) != bucket) {
		zone_remove(z, b, bucket);
		zone_insert(z, b);
	}
}

static void
zone_count(struct zone *z, struct block *b, size_t nfree)
{
	b->b_chunk->c_free += nfree;
	counter_add(&z->z_free, nfree);
}

/* The fullest block that has one of this order or above, or NULL. */
static struct block *
zone_pick(struct zone *z, unsigned order)
{
	uint32_t buckets = z->z_buckets >> order;

	if (buckets == 0)
		return NULL;
	return list_first(&z->z_bucket[order +
	    (unsigned)__builtin_ctz(buckets)], struct block, b_link);
}

/* npages of a buddy of this order; the rest stays free. 0: none. */
static uintptr_t
zone_take_run(struct zone *z, unsigned order, unsigned npages)
{
	struct block *b;
	unsigned idx;
	bool zero;
	int bucket;

	b = zone_pick(z, order);
	if (b == NULL)
		return 0;
	bucket = block_bucket(b);
	idx = block_alloc(b, order);
	if (npages < 1u << order)
		block_free(b, idx + npages, (1u << order) - npages);
	zero = block_zero_take(b, idx, npages);
	zone_requeue(z, b, bucket);
	zone_count(z, b, -(size_t)npages);
	return (uintptr_t)(b->b_base + idx * PAGE_SIZE) |
	    (zero ? PAGE_ZERO : 0);
}

/* Up to n single pages, adjacent ones where possible. */
static unsigned
zone_take_pages(struct zone *z, void **v, unsigned n)
{
	struct block *b;
	unsigned got = 0, idx, i, order;
	int bucket;

	while (got < n && (b = zone_pick(z, 0)) != NULL) {
		bucket = block_bucket(b);
		order = MIN(31 - (unsigned)__builtin_clz(n - got),
		    (unsigned)bucket);
		idx = block_alloc(b, order);
		for (i = 0; i < 1u << order; i++)
			v[got++] = b->b_base + (idx + i) * PAGE_SIZE +
			    (block_zero_take(b, idx + i, 1) ? PAGE_ZERO : 0);
		zone_requeue(z, b, bucket);
		zone_count(z, b, -((size_t)1 << order));
	}
	return got;
}

/* Take a chunk that is free as a whole out of the zone. */
static void
zone_detach(struct zone *z, struct chunk *c)
{
	unsigned i;

	for (i = 0; i < c->c_nblocks; i++)
		zone_remove(z, c->c_blocks[i], block_bucket(c->c_blocks[i]));
	list_remove(&c->c_link);
	z->z_nchunks--;
	counter_add(&z->z_total, -(c->c_len / PAGE_SIZE));
	counter_add(&z->z_free, -(c->c_len / PAGE_SIZE));
}

/* @return a chunk, detached, that shall go back to the platform; or NULL */
static struct chunk *
zone_give(struct zone *z, struct block *b, uintptr_t v, unsigned npages)
{
	struct chunk *c = b->b_chunk;
	size_t keep = MAX(counter(&z->z_total) / 2, KEEP_MIN);
	unsigned idx = (v & (BLOCK_SIZE - 1)) / PAGE_SIZE;
	int bucket = block_bucket(b);

	block_free(b, idx, npages);
	if ((v & PAGE_ZERO) != 0)
		block_zero_set(b, idx, npages);
	zone_requeue(z, b, bucket);
	zone_count(z, b, npages);
	if (c->c_free * PAGE_SIZE != c->c_len || z->z_nchunks == 1 ||
	    counter(&z->z_free) - c->c_free < MIN(keep, KEEP_MAX))
		return NULL;
	zone_detach(z, c);
	return c;
}

/* ---- Growing ----------------------------------------------------------- */

/* The size of the next chunk, for at least npages, within the limit; or 0. */
static size_t
grow_size(struct zone *z, unsigned npages, int *flagsp)
{
	size_t total = counter(&z->z_total), need, len, room;

	need = npages * PAGE_SIZE;
	if (!z->z_bulk && total < SMALL_PAGES) {
		*flagsp = 0;
		len = MAX(need, CHUNK_SMALL);
	} else {
		*flagsp = RUMPUSER_MEM_HUGE;
		len = CHUNK_HUGE;
		while (len < CHUNK_MAX && len < total * PAGE_SIZE / 4)
			len *= 2;
	}
	room = kmem_room();
	if (len > room) {
		*flagsp = 0;
		len = room >= BLOCK_SIZE ? rounddown2(room, BLOCK_SIZE) :
		    rounddown2(room, PAGE_SIZE);
	}
	return len >= need ? len : 0;
}

static struct chunk *
grow_chunk(struct zone *z, unsigned npages)
{
	struct chunk *c;
	size_t len;
	int flags;

	len = grow_size(z, npages, &flags);
	if (len == 0)
		return NULL;
	c = chunk_alloc(z, len, flags);
	/* What is smaller may still be had, when the platform is short. */
	while (c == NULL && len > BLOCK_SIZE) {
		len = roundup2(len / 2, BLOCK_SIZE);
		c = chunk_alloc(z, len, flags);
	}
	return c;
}

/* False: the platform or the limit says no. */
static bool
zone_grow(struct zone *z, unsigned order, unsigned npages)
{
	struct chunk *c;
	unsigned i;
	bool done;

	mutex_enter(&grow_lock);
	/* Another thread may have been first. */
	spin_lock(&z->z_lock);
	done = zone_pick(z, order) != NULL;
	spin_unlock(&z->z_lock);
	if (done) {
		mutex_exit(&grow_lock);
		return true;
	}
	c = grow_chunk(z, npages);
	if (c != NULL) {
		spin_lock(&z->z_lock);
		for (i = 0; i < c->c_nblocks; i++)
			zone_insert(z, c->c_blocks[i]);
		list_insert_tail(&z->z_chunks, &c->c_link);
		z->z_nchunks++;
		counter_add(&z->z_total, c->c_free);
		counter_add(&z->z_free, c->c_free);
		spin_unlock(&z->z_lock);
		if (z->z_bulk)
			atomic_store_explicit(&bulk_started, true,
			    memory_order_relaxed);
	}
	mutex_exit(&grow_lock);
	return c != NULL;
}

/* ---- Runs -------------------------------------------------------------- */

static inline bool
zone_bulk_started(void)
{
	return atomic_load_explicit(&bulk_started, memory_order_relaxed);
}

static struct zone *
zone_for(int flags)
{
	if ((flags & KM_BULK) != 0 &&
	    (zone_bulk_started() || zone_out(&zone_kern) >= BULK_START))
		return &zone_bulk;
	return &zone_kern;
}

static uintptr_t
zone_run(struct zone *z, unsigned order, unsigned npages, bool grow)
{
	uintptr_t v;

	do {
		spin_lock(&z->z_lock);
		v = zone_take_run(z, order, npages);
		spin_unlock(&z->z_lock);
	} while (v == 0 && grow && zone_grow(z, order, npages));
	return v;
}

static uintptr_t
run_try(unsigned npages, int flags)
{
	struct zone *z = zone_for(flags);
	unsigned order;
	uintptr_t v;

	order = npages == 1 ? 0 : 32 - (unsigned)__builtin_clz(npages - 1);
	v = zone_run(z, order, npages, true);
	if (v == 0)
		v = zone_run(z == &zone_kern ? &zone_bulk : &zone_kern,
		    order, npages, false);
	return v;
}

/* What leaves here: zeroed if wanted, and not poisoned where it is not. */
static void *
run_finish(uintptr_t v, size_t npages, int flags)
{
	void *p = (void *)(v & ~PAGE_ZERO);

	if ((v & PAGE_ZERO) == 0) {
		if (npages == 1)
			kmem_poison_check(p, PAGE_SIZE, "page");
		if ((flags & KM_ZERO) != 0)
			memset(p, 0, npages * PAGE_SIZE);
	}
	return p;
}

void *
page_run_alloc(unsigned npages, int flags)
{
	unsigned attempt = 0;
	uintptr_t v;

	while ((v = run_try(npages, flags)) == 0) {
		if (!kmem_reclaim_run(npages * PAGE_SIZE, flags, attempt++))
			return NULL;
	}
	return run_finish(v, npages, flags);
}

/* Free the chunks of a list of our own. */
static void
chunks_free(struct list *gone)
{
	struct list *n, *t;

	if (list_empty(gone))
		return;
	mutex_enter(&grow_lock);
	LIST_FOREACH_SAFE(n, gone, t)
		chunk_free(container_of(n, struct chunk, c_link));
	mutex_exit(&grow_lock);
}

/* Give back n runs of npages each, under as few locks as possible. */
static void
runs_release(void *const *v, unsigned n, unsigned npages)
{
	struct zone *z = NULL;
	struct block *b;
	struct chunk *c;
	struct list gone;
	unsigned i;

	list_init(&gone);
	for (i = 0; i < n; i++) {
		b = block_lookup(v[i]);
		KASSERT(b != NULL);
		if (b->b_zone != z) {
			if (z != NULL)
				spin_unlock(&z->z_lock);
			z = b->b_zone;
			spin_lock(&z->z_lock);
		}
		c = zone_give(z, b, (uintptr_t)v[i], npages);
		if (c != NULL)
			list_insert_tail(&gone, &c->c_link);
	}
	if (z != NULL)
		spin_unlock(&z->z_lock);
	chunks_free(&gone);
}

void
page_run_free(void *p, unsigned npages)
{
	kmem_poison(p, npages * PAGE_SIZE);
	runs_release(&p, 1, npages);
}

void *
slab_pages_alloc(unsigned npages)
{
	uintptr_t v = run_try(npages, 0);

	if (v == 0)
		return NULL;
	atomic_fetch_add_explicit(&slab_pages, npages, memory_order_relaxed);
	return run_finish(v, npages, 0);
}

void
slab_pages_free(void *p, unsigned npages)
{
	atomic_fetch_sub_explicit(&slab_pages, npages, memory_order_relaxed);
	page_run_free(p, npages);
}

/* ---- Single pages: magazines ------------------------------------------- */

static unsigned
pages_try(void **v, unsigned n, int flags)
{
	struct zone *z = zone_for(flags);
	unsigned got;

	do {
		spin_lock(&z->z_lock);
		got = zone_take_pages(z, v, n);
		spin_unlock(&z->z_lock);
	} while (got == 0 && zone_grow(z, 0, 1));
	if (got == 0) {
		/* Not a batch: it belongs to others. */
		v[0] = (void *)run_try(1, flags);
		got = v[0] != NULL;
	}
	return got;
}

static uintptr_t
page_refill(unsigned slot, int flags)
{
	struct pool_magazine *pm;
	void *v[BATCH_BULK];
	unsigned n, i, attempt = 0;

	pm = magazine_make(slot, slot == SLOT_BULK ? CAP_BULK : CAP_PAGE);
	n = pm == NULL ? 1 : slot == SLOT_BULK ? BATCH_BULK : BATCH_PAGE;
	while ((n = pages_try(v, n, flags)) == 0) {
		n = 1;
		if (!kmem_reclaim_run(PAGE_SIZE, flags, attempt++))
			return 0;
	}
	if (pm != NULL && n > 1) {
		/* Reclaim may have filled it: its hooks free pages. */
		i = magazine_count(pm);
		for (; n > 1 && i < pm->pm_cap; i++)
			pm->pm_obj[i] = v[--n];
		magazine_set_count(pm, i);
		runs_release(v + 1, n - 1, 1);
	}
	return (uintptr_t)v[0];
}

void *
page_get(unsigned order, int flags)
{
	struct pool_magazine *pm;
	unsigned slot;
	uintptr_t v;
	uint32_t n;

	if (order != 0)
		return page_run_alloc(1u << order, flags);
	slot = (flags & KM_BULK) != 0 && zone_bulk_started() ?
	    SLOT_BULK : SLOT_PAGE;
	pm = magazine_get(slot);
	if (__likely(pm != NULL && (n = magazine_count(pm)) != 0)) {
		v = (uintptr_t)pm->pm_obj[--n];
		magazine_set_count(pm, n);
	} else {
		v = page_refill(slot, flags);
		if (v == 0)
			return NULL;
	}
	return run_finish(v, 1, flags);
}

/* Put back the n that were put in first: the others are warm. */
static void
page_flush(struct pool_magazine *pm, uint32_t n)
{
	uint32_t count = magazine_count(pm);

	runs_release(pm->pm_obj, n, 1);
	memmove(pm->pm_obj, pm->pm_obj + n,
	    (count - n) * sizeof(pm->pm_obj[0]));
	magazine_set_count(pm, count - n);
}

void
page_magazine_flush(struct pool_magazine *pm)
{
	page_flush(pm, magazine_count(pm));
}

void
page_put(void *p, unsigned order)
{
	struct pool_magazine *pm;
	struct block *b;
	unsigned slot;

	if (order != 0) {
		page_run_free(p, 1u << order);
		return;
	}
	b = block_lookup(p);
	KASSERT(b != NULL && ((uintptr_t)p & PAGE_MASK) == 0);
	slot = b->b_zone->z_bulk ? SLOT_BULK : SLOT_PAGE;
	pm = magazine_get(slot);
	if (__unlikely(pm == NULL)) {
		pm = magazine_make(slot,
		    slot == SLOT_BULK ? CAP_BULK : CAP_PAGE);
		if (pm == NULL) {
			page_run_free(p, 1);
			return;
		}
	}
	kmem_poison(p, PAGE_SIZE);
	if (__unlikely(magazine_count(pm) == pm->pm_cap))
		page_flush(pm, pm->pm_cap / 2);
	pm->pm_obj[magazine_count(pm)] = p;
	magazine_set_count(pm, magazine_count(pm) + 1);
}

void *
page_alloc(unsigned order, int flags)
{
	KASSERT(order <= PAGE_ORDER_MAX);
	return kmem_fault() ? NULL : page_get(order, flags);
}

void
page_free(void *p, unsigned order)
{
	page_put(p, order);
}

/* ---- Accounts and trimming --------------------------------------------- */

size_t
kmem_committed(void)
{
	size_t mapped, room;

	kmem_stats(&mapped, NULL, NULL);
	room = (counter(&zone_kern.z_free) + counter(&zone_bulk.z_free)) *
	    PAGE_SIZE;
	return mapped > room ? mapped - room : 0;
}

size_t
page_used(void)
{
	size_t out, cached;

	out = zone_out(&zone_kern) + zone_out(&zone_bulk);
	cached = counter(&slab_pages) + magazine_total(SLOT_PAGE) +
	    magazine_total(SLOT_BULK);
	return out > cached ? (out - cached) * PAGE_SIZE : 0;
}

/* Detach all chunks that are free as a whole. */
static void
zone_detach_free(struct zone *z, struct list *gone)
{
	struct list *n, *t;
	struct chunk *c;

	spin_lock(&z->z_lock);
	LIST_FOREACH_SAFE(n, &z->z_chunks, t) {
		c = container_of(n, struct chunk, c_link);
		if (c->c_free * PAGE_SIZE != c->c_len)
			continue;
		zone_detach(z, c);
		list_insert_tail(gone, &c->c_link);
	}
	spin_unlock(&z->z_lock);
}

void
page_trim(void)
{
	struct list gone;

	list_init(&gone);
	zone_detach_free(&zone_kern, &gone);
	zone_detach_free(&zone_bulk, &gone);
	chunks_free(&gone);
}
