/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pools of equal objects: a magazine a thread, over slabs of pages.
 *
 * A slab is 2^n pages, aligned to its size; its header is at its end, so that
 * an object's slab is found by its address and objects are aligned as the
 * slab is. Free objects are linked through their first word; those that were
 * never handed out are not touched.
 *
 * Lock order: pools_lock -> pp_lock.
 */
#include "kmem_impl.h"

#define SLAB_PAGES_MAX	8u		/* for objects that fit well */
#define MAG_BYTES	(16u << 10)	/* kept by a thread, of one kind */
#define MAG_MIN		4u
#define BATCH_MAX	(MAG_MAX / 2)

struct slab {
	struct list s_link;		/* pp_partial or pp_empty */
	struct pool *s_pool;
	void *s_free;			/* linked through their first words */
	uint32_t s_nfree;		/* with those never handed out */
	uint32_t s_fresh;		/* first that was never handed out */
};

static struct lock_class pool_lc = LOCK_CLASS("kmem pool", 0);
static struct lock_class pools_lc = LOCK_CLASS("kmem pools", 0);
static struct kmutex pools_lock;
static struct list pools = LIST_INITIALIZER(pools);	/* [pools_lock] */
static struct pool *pool_by_slot[POOL_MAX];		/* [pools_lock] */
static struct pool magazine_pool;	/* not in pools: nobody uses these */

/* ---- Slabs ------------------------------------------------------------- */

static inline size_t
slab_size(const struct pool *pp)
{
	return pp->pp_pages * PAGE_SIZE;
}

static inline struct slab *
slab_of(const struct pool *pp, const void *obj)
{
	uintptr_t base = rounddown2((uintptr_t)obj, slab_size(pp));

	return (struct slab *)(base + slab_size(pp) - sizeof(struct slab));
}

static inline char *
slab_base(const struct pool *pp, struct slab *s)
{
	return (char *)(s + 1) - slab_size(pp);
}

static struct slab *
slab_create(struct pool *pp)
{
	struct slab *s;
	char *base;

	base = slab_pages_alloc(pp->pp_pages);
	if (base == NULL)
		return NULL;
	kmem_poison(base, slab_size(pp));
	s = slab_of(pp, base);
	list_node_init(&s->s_link);
	s->s_pool = pp;
	s->s_free = NULL;
	s->s_nfree = pp->pp_perslab;
	s->s_fresh = 0;
	return s;
}

/* Free the slabs of a list of our own. */
static void
slabs_destroy(struct pool *pp, struct list *gone)
{
	struct list *n, *t;

	LIST_FOREACH_SAFE(n, gone, t)
		slab_pages_free(slab_base(pp,
		    container_of(n, struct slab, s_link)), pp->pp_pages);
}

/* Up to n objects of one slab. */
static uint32_t
slab_take(struct pool *pp, struct slab *s, void **v, uint32_t n)
{
	uint32_t got = 0;

	for (; got < n && s->s_free != NULL; got++) {
		v[got] = s->s_free;
		s->s_free = *(void **)v[got];
#ifdef DIAGNOSTIC
		kmem_poison(v[got], sizeof(void *));
#endif
	}
	for (; got < n && s->s_fresh < pp->pp_perslab; got++)
		v[got] = slab_base(pp, s) +
		    (size_t)s->s_fresh++ * pp->pp_size;
	s->s_nfree -= got;
	return got;
}

/* Under pp_lock: up to n objects from the slabs that are there. */
static uint32_t
pool_take_locked(struct pool *pp, void **v, uint32_t n)
{
	struct list *from;
	struct slab *s;
	uint32_t got = 0;

	while (got < n) {
		from = list_empty(&pp->pp_partial) ? &pp->pp_empty :
		    &pp->pp_partial;
		if (list_empty(from))
			break;
		s = list_first(from, struct slab, s_link);
		list_remove(&s->s_link);
		if (from == &pp->pp_empty)
			pp->pp_nempty--;
		got += slab_take(pp, s, v + got, n - got);
		if (s->s_nfree != 0)
			list_insert_head(&pp->pp_partial, &s->s_link);
	}
	pp->pp_out += got;
	return got;
}

/* Up to n objects; 0: no memory at once. */
static uint32_t
pool_take(struct pool *pp, void **v, uint32_t n)
{
	struct slab *s;
	uint32_t got;

	for (;;) {
		spin_lock(&pp->pp_lock);
		got = pool_take_locked(pp, v, n);
		spin_unlock(&pp->pp_lock);
		if (got != 0)
			return got;
		s = slab_create(pp);
		if (s == NULL)
			return 0;
		spin_lock(&pp->pp_lock);
		list_insert_head(&pp->pp_empty, &s->s_link);
		pp->pp_nempty++;
		pp->pp_nslabs++;
		spin_unlock(&pp->pp_lock);
	}
}

static void
slab_give(struct pool *pp, void *obj)
{
	struct slab *s = slab_of(pp, obj);

	KASSERT(s->s_pool == pp && s->s_nfree < pp->pp_perslab);
	*(void **)obj = s->s_free;
	s->s_free = obj;
	if (s->s_nfree++ == 0)
		list_insert_head(&pp->pp_partial, &s->s_link);
	if (s->s_nfree == pp->pp_perslab) {
		list_remove(&s->s_link);
		list_insert_head(&pp->pp_empty, &s->s_link);
		pp->pp_nempty++;
	}
}

/* Put n objects back into slabs; too many empty slabs are freed. */
static void
pool_give(struct pool *pp, void **v, uint32_t n)
{
	struct list gone, *last;
	uint32_t i;

	list_init(&gone);
	spin_lock(&pp->pp_lock);
	for (i = 0; i < n; i++)
		slab_give(pp, v[i]);
	pp->pp_out -= n;
	while (pp->pp_nempty > 1 + pp->pp_nslabs / 8) {
		last = pp->pp_empty.l_prev;
		list_remove(last);
		list_insert_tail(&gone, last);
		pp->pp_nempty--;
		pp->pp_nslabs--;
	}
	spin_unlock(&pp->pp_lock);
	slabs_destroy(pp, &gone);
}

/* ---- Magazines --------------------------------------------------------- */

struct pool_magazine *
magazine_make(unsigned slot, uint32_t cap)
{
	struct pool_magazine *pm;
	void *p;

	pm = magazine_get(slot);
	if (pm != NULL || curthread_ == NULL || slot == SLOT_NONE)
		return pm;
	if (pool_take(&magazine_pool, &p, 1) == 0)
		return NULL;
	pm = p;
	atomic_init(&pm->pm_count, 0);
	pm->pm_cap = cap;
	__atomic_store_n(&curthread_->td_pool[slot], pm, __ATOMIC_RELEASE);
	return pm;
}

size_t
magazine_total(unsigned slot)
{
	struct pool_magazine *pm;
	struct thread *td;
	size_t n = 0;

	td = atomic_load_explicit(&thread_list, memory_order_acquire);
	for (; td != NULL; td = td->td_next) {
		pm = magazine_of(td, slot);
		if (pm != NULL)
			n += magazine_count(pm);
	}
	return n;
}

static void
magazine_flush(struct pool *pp, struct pool_magazine *pm, uint32_t n)
{
	uint32_t count = magazine_count(pm);

	pool_give(pp, pm->pm_obj, n);
	memmove(pm->pm_obj, pm->pm_obj + n,
	    (count - n) * sizeof(pm->pm_obj[0]));
	magazine_set_count(pm, count - n);
}

static void
thread_flush(struct thread *td)
{
	struct pool_magazine *pm;
	unsigned i;

	for (i = 0; i < SLOT_NONE; i++) {
		pm = td->td_pool[i];
		if (pm == NULL || magazine_count(pm) == 0)
			continue;
		if (i < SLOT_FIRST_POOL)
			page_magazine_flush(pm);
		else
			magazine_flush(pool_by_slot[i], pm,
			    magazine_count(pm));
	}
}

static struct thread_exit_hook flush_hook = { .th_fn = thread_flush };

/* ---- Get and put ------------------------------------------------------- */

void *
pool_get_slow(struct pool *pp, int flags)
{
	struct pool_magazine *pm;
	void *v[BATCH_MAX], *obj;
	uint32_t n, i;
	unsigned attempt = 0;

	pm = magazine_make(pp->pp_slot, pp->pp_cap);
	n = pm == NULL ? 1 : MAX(pp->pp_cap / 2, 1u);
	while ((n = pool_take(pp, v, n)) == 0) {
		n = 1;
		if (!kmem_reclaim_run(pp->pp_size, flags, attempt++))
			return NULL;
	}
	obj = v[0];
	if (n > 1) {
		/* Reclaim may have filled it: its hooks free objects. */
		i = magazine_count(pm);
		for (; n > 1 && i < pm->pm_cap; i++)
			pm->pm_obj[i] = v[--n];
		magazine_set_count(pm, i);
		if (n > 1)
			pool_give(pp, v + 1, n - 1);
	}
	kmem_unpoison(obj, pp->pp_size, pp->pp_name);
	return obj;
}

void
pool_put_slow(struct pool *pp, void *obj)
{
	struct pool_magazine *pm;
	uint32_t n;

	pm = magazine_make(pp->pp_slot, pp->pp_cap);
	if (pm == NULL) {
		pool_give(pp, &obj, 1);
		return;
	}
	if (magazine_count(pm) == pm->pm_cap)
		magazine_flush(pp, pm, MAX(pm->pm_cap / 2, 1u));
	n = magazine_count(pm);
	pm->pm_obj[n] = obj;
	magazine_set_count(pm, n + 1);
}

void *
pool_get(struct pool *pp, int flags)
{
	void *obj;

	if (kmem_fault())
		return NULL;
	obj = pool_get_hot(pp, flags);
	if ((flags & KM_ZERO) != 0 && obj != NULL)
		memset(obj, 0, pp->pp_size);
	return obj;
}

void
pool_put(struct pool *pp, void *obj)
{
	pool_put_hot(pp, obj);
}

/* ---- Making and ending pools ------------------------------------------- */

/* The smallest slab that wastes no more than 1/32. */
static int
slab_choose(struct pool *pp)
{
	size_t bytes, n;

	for (pp->pp_pages = 1; pp->pp_pages <= BLOCK_PAGES;
	    pp->pp_pages *= 2) {
		bytes = slab_size(pp);
		n = (bytes - sizeof(struct slab)) / pp->pp_size;
		if (n == 0)
			continue;
		if (bytes - n * pp->pp_size <= bytes / 32 ||
		    pp->pp_pages >= SLAB_PAGES_MAX) {
			pp->pp_perslab = n;
			return 0;
		}
	}
	return EINVAL;
}

static int
pool_setup(struct pool *pp, const char *name, size_t size, size_t align)
{
	if (align == 0)
		align = size < CACHE_LINE ? 16 : CACHE_LINE;
	align = MAX(align, sizeof(void *));
	if (!ispow2(align) || size > BLOCK_PAGES * PAGE_SIZE)
		return EINVAL;
	pp->pp_size = roundup2(MAX(size, sizeof(void *)), align);
	pp->pp_cap = MIN(MAX(MAG_BYTES / pp->pp_size, MAG_MIN),
	    (uint32_t)MAG_MAX);
	pp->pp_name = name;
	pp->pp_slot = SLOT_NONE;
	pp->pp_nempty = pp->pp_nslabs = 0;
	pp->pp_out = 0;
	list_init(&pp->pp_partial);
	list_init(&pp->pp_empty);
	spin_init(&pp->pp_lock, &pool_lc);
	return slab_choose(pp);
}

int
pool_init(struct pool *pp, const char *name, size_t size, size_t align)
{
	unsigned i;
	int error;

	error = pool_setup(pp, name, size, align);
	if (error != 0)
		return error;
	mutex_enter(&pools_lock);
	for (i = SLOT_FIRST_POOL; i < SLOT_NONE; i++) {
		if (pool_by_slot[i] == NULL) {
			pool_by_slot[i] = pp;
			pp->pp_slot = i;
			break;
		}
	}
	list_insert_tail(&pools, &pp->pp_link);
	mutex_exit(&pools_lock);
	return 0;
}

struct pool *
pool_create(const char *name, size_t size, size_t align)
{
	struct pool *pp;

	pp = kmem_zalloc(sizeof(*pp), 0);
	if (pp == NULL)
		return NULL;
	if (pool_init(pp, name, size, align) != 0) {
		kmem_free(pp, sizeof(*pp));
		return NULL;
	}
	return pp;
}

/*
 * Nobody uses the pool any more, so that the magazines that other threads
 * have for it may be taken away.
 */
static void
pool_drain_threads(struct pool *pp)
{
	struct pool_magazine *pm;
	struct thread *td;
	void *p;

	if (pp->pp_slot == SLOT_NONE)
		return;
	td = atomic_load_explicit(&thread_list, memory_order_acquire);
	for (; td != NULL; td = td->td_next) {
		pm = magazine_of(td, pp->pp_slot);
		if (pm == NULL)
			continue;
		__atomic_store_n(&td->td_pool[pp->pp_slot], NULL,
		    __ATOMIC_RELEASE);
		pool_give(pp, pm->pm_obj, magazine_count(pm));
		p = pm;
		pool_give(&magazine_pool, &p, 1);
	}
}

void
pool_destroy(struct pool *pp)
{
	mutex_enter(&pools_lock);
	pool_drain_threads(pp);
	list_remove(&pp->pp_link);
	pool_by_slot[pp->pp_slot] = NULL;
	mutex_exit(&pools_lock);
	if (pp->pp_out != 0)
		panic("pool %s destroyed with %zu objects out", pp->pp_name,
		    pp->pp_out);
	slabs_destroy(pp, &pp->pp_empty);
	spin_fini(&pp->pp_lock);
	kmem_free(pp, sizeof(*pp));
}

void
pools_init(void)
{
	mutex_init(&pools_lock, &pools_lc);
	(void)pool_setup(&magazine_pool, "magazine",
	    sizeof(struct pool_magazine), 0);
	thread_exit_hook_add(&flush_hook);
}

/* ---- Accounts and trimming --------------------------------------------- */

size_t
pools_used(void)
{
	struct pool *pp;
	struct list *n;
	size_t bytes = 0, out, cached;

	mutex_enter(&pools_lock);
	LIST_FOREACH(n, &pools) {
		pp = container_of(n, struct pool, pp_link);
		spin_lock(&pp->pp_lock);
		out = pp->pp_out;
		spin_unlock(&pp->pp_lock);
		cached = pp->pp_slot != SLOT_NONE ?
		    magazine_total(pp->pp_slot) : 0;
		if (out > cached)
			bytes += (out - cached) * pp->pp_size;
	}
	mutex_exit(&pools_lock);
	return bytes;
}

static void
pool_trim(struct pool *pp)
{
	struct list gone;

	list_init(&gone);
	spin_lock(&pp->pp_lock);
	list_concat(&gone, &pp->pp_empty);
	pp->pp_nslabs -= pp->pp_nempty;
	pp->pp_nempty = 0;
	spin_unlock(&pp->pp_lock);
	slabs_destroy(pp, &gone);
}

void
kmem_trim(void)
{
	struct list *n;

	if (curthread_ != NULL)
		thread_flush(curthread_);
	mutex_enter(&pools_lock);
	LIST_FOREACH(n, &pools)
		pool_trim(container_of(n, struct pool, pp_link));
	mutex_exit(&pools_lock);
	page_trim();
}

/* ---- Poison ------------------------------------------------------------ */

#ifdef DIAGNOSTIC
void
kmem_poison(void *p, size_t size)
{
	memset(p, (int)(KMEM_POISON & 0xff), size);
}

void
kmem_poison_check(const void *p, size_t size, const char *what)
{
	const uint64_t *w = p;
	unsigned i, n = MIN(size, (size_t)CACHE_LINE) / sizeof(*w);

	for (i = 0; i < n; i++)
		if (w[i] != KMEM_POISON)
			panic("%s %p changed after it was freed: word %u is "
			    "%#llx", what, p, i, (unsigned long long)w[i]);
}

void
kmem_unpoison(void *p, size_t size, const char *what)
{
	kmem_poison_check(p, size, what);
	memset(p, KMEM_FRESH, size);
}

/* Is it in the thread's magazine or in its slab? */
static bool
pool_is_free(struct pool *pp, void *obj)
{
	struct pool_magazine *pm = magazine_get(pp->pp_slot);
	void *p;
	uint32_t i;

	for (i = 0; pm != NULL && i < magazine_count(pm); i++)
		if (pm->pm_obj[i] == obj)
			return true;
	spin_lock(&pp->pp_lock);
	for (p = slab_of(pp, obj)->s_free; p != NULL && p != obj;)
		p = *(void **)p;
	spin_unlock(&pp->pp_lock);
	return p != NULL;
}

void
pool_put_check(struct pool *pp, void *obj)
{
	const uint64_t *w = obj;
	struct slab *s = slab_of(pp, obj);
	unsigned i;

	if (s->s_pool != pp ||
	    (size_t)((char *)obj - slab_base(pp, s)) % pp->pp_size != 0)
		panic("%p is not an object of pool %s", obj, pp->pp_name);
	/* The first word may be a link. The owner may have written the rest. */
	for (i = 1; i < MIN(pp->pp_size / 8, 4u); i++)
		if (w[i] != KMEM_POISON)
			return;
	if (pool_is_free(pp, obj))
		panic("%p of pool %s freed twice", obj, pp->pp_name);
}
#endif
