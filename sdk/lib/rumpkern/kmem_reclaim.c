/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The memory budget: what has been taken from the platform, the limit, the
 * hooks of caches that can shrink, and injected failures.
 *
 * Lock order: whatever the allocating caller holds -> reclaim_lock (only
 * tried, never waited for) -> what the hooks try.
 */
#include <kern/epoch.h>
#include <kern/kmem.h>
#include <kern/sync.h>
#include <kern/sysctl.h>

#include <rump/rump.h>
#include <rump/rumpuser.h>

#include "mem_private.h"

#define RECLAIM_ATTEMPTS	6
#define RECLAIM_YIELDS		64
#define RECLAIM_WANT_MIN	((size_t)64 << 10)
#define RECLAIM_WANT_MAX	((size_t)4 << 20)

static size_t mem_limit = SIZE_MAX;
static _Atomic size_t mem_mapped;

static struct lock_class reclaim_lc = LOCK_CLASS("kmem reclaim", 0);
static struct kmutex reclaim_lock;
static struct list reclaim_hooks = LIST_INITIALIZER(reclaim_hooks);
static _Atomic(void *) reclaim_owner;	/* identity of the thread inside */

static _Atomic uint64_t stat_reclaims;
static _Atomic uint64_t stat_failures;

_Atomic bool kmem_faulting;
static _Atomic uint64_t fault_nth;
static _Atomic uint64_t fault_seen;

void
kmem_init(size_t limit)
{
	mem_limit = limit;
	mutex_init(&reclaim_lock, &reclaim_lc);
	kmem_arena_init();
}

/* ---- The limit -------------------------------------------------------- */

int
kmem_charge(size_t len)
{
	size_t old;

	old = atomic_load_explicit(&mem_mapped, memory_order_relaxed);
	do {
		if (len > mem_limit || old > mem_limit - len)
			return ENOMEM;
	} while (!atomic_compare_exchange_weak_explicit(&mem_mapped, &old,
	    old + len, memory_order_relaxed, memory_order_relaxed));
	return 0;
}

void
kmem_uncharge(size_t len)
{
	atomic_fetch_sub_explicit(&mem_mapped, len, memory_order_relaxed);
}

size_t
kmem_room(void)
{
	size_t mapped;

	mapped = atomic_load_explicit(&mem_mapped, memory_order_relaxed);
	return mapped < mem_limit ? mem_limit - mapped : 0;
}

int
kmem_map(size_t len, size_t align, int flags, void **memp)
{
	int error;

	error = kmem_charge(len);
	if (error != 0)
		return error;
	error = rumpuser_mem_map(len, align, flags, memp);
	if (error != 0)
		kmem_uncharge(len);
	return error;
}

void
kmem_unmap(void *mem, size_t len)
{
	rumpuser_mem_unmap(mem, len);
	kmem_uncharge(len);
}

void
kmem_stats(size_t *mapped, size_t *used, size_t *limit)
{
	if (mapped != NULL)
		*mapped = atomic_load_explicit(&mem_mapped,
		    memory_order_relaxed);
	if (used != NULL)
		*used = kmem_used();
	if (limit != NULL)
		*limit = mem_limit;
}

int
kmem_pressure(void)
{
	size_t committed;

	if (mem_limit == SIZE_MAX)
		return 0;
	committed = kmem_committed();
	if (committed > mem_limit - mem_limit / 16)
		return 2;
	return committed > mem_limit - mem_limit / 8;
}

/* ---- Hooks ------------------------------------------------------------ */

void
kmem_reclaim_add(struct kmem_reclaim *kr)
{
	mutex_enter(&reclaim_lock);
	list_insert_tail(&reclaim_hooks, &kr->kr_link);
	mutex_exit(&reclaim_lock);
}

void
kmem_reclaim_remove(struct kmem_reclaim *kr)
{
	mutex_enter(&reclaim_lock);
	list_remove(&kr->kr_link);
	mutex_exit(&reclaim_lock);
}

/* Hooks allocate, and then must not come here again. */
static void *
reclaim_self(void)
{
	return &curthread_;
}

/* Enough that not every allocation at the limit comes here. */
static size_t
reclaim_batch(void)
{
	size_t batch = MIN(mem_limit / 64, RECLAIM_WANT_MAX);

	return MAX(batch, RECLAIM_WANT_MIN);
}

static size_t
reclaim_hooks_run(size_t want)
{
	struct list *n;
	size_t freed = 0;

	atomic_fetch_add_explicit(&stat_reclaims, 1, memory_order_relaxed);
	atomic_store_explicit(&reclaim_owner, reclaim_self(),
	    memory_order_relaxed);
	LIST_FOREACH(n, &reclaim_hooks) {
		if (freed >= want)
			break;
		freed += container_of(n, struct kmem_reclaim, kr_link)->kr_fn(
		    want - freed);
	}
	atomic_store_explicit(&reclaim_owner, NULL, memory_order_relaxed);
	return freed;
}

bool
kmem_reclaim_run(size_t want, int flags, unsigned attempt)
{
	size_t freed;
	int i;

	if (attempt == 0) {
		kmem_trim();
		return true;
	}
	if ((flags & KM_NORECLAIM) != 0 || attempt >= RECLAIM_ATTEMPTS ||
	    atomic_load_explicit(&reclaim_owner, memory_order_relaxed) ==
	    reclaim_self())
		goto fail;
	want = MAX(want, reclaim_batch());
	if (!mutex_tryenter(&reclaim_lock)) {
		/*
		 * The thread inside may try for locks that we hold: let it
		 * finish, but never wait for it.
		 */
		for (i = 0; i < RECLAIM_YIELDS && atomic_load_explicit(
		    &reclaim_owner, memory_order_relaxed) != NULL; i++)
			rumpuser_thread_yield();
		return true;
	}
	freed = reclaim_hooks_run(want);
	mutex_exit(&reclaim_lock);
	/* What was freed, now or before, may wait for readers to leave. */
	epoch_drain();
	kmem_trim();
	if (freed > 0 || attempt == 1)
		return true;
fail:
	atomic_fetch_add_explicit(&stat_failures, 1, memory_order_relaxed);
	return false;
}

/* ---- Fault injection -------------------------------------------------- */

bool
kmem_fault_hit(void)
{
	return atomic_fetch_add_explicit(&fault_seen, 1,
	    memory_order_relaxed) + 1 ==
	    atomic_load_explicit(&fault_nth, memory_order_relaxed);
}

void
kmem_fault_set(uint64_t nth)
{
	atomic_store(&kmem_faulting, false);
	atomic_store(&fault_nth, nth);
	atomic_store(&fault_seen, 0);
	atomic_store(&kmem_faulting, nth != 0);
}

uint64_t
kmem_fault_count(void)
{
	return atomic_load(&fault_seen);
}

void
rump_pub_kmem_fault(uint64_t nth)
{
	kmem_fault_set(nth);
}

uint64_t
rump_pub_kmem_fault_count(void)
{
	return kmem_fault_count();
}

/* ---- Statistics by name ----------------------------------------------- */

static uint64_t
stat_mapped(void)
{
	return atomic_load_explicit(&mem_mapped, memory_order_relaxed);
}

static uint64_t
stat_used(void)
{
	return kmem_used();
}

static uint64_t
stat_limit(void)
{
	return mem_limit;
}

static uint64_t
stat_pressure(void)
{
	return (uint64_t)kmem_pressure();
}

static struct sysctl mem_sysctls[] = {
	{ .sy_name = "kern.mem.mapped",
	  .sy_descr = "bytes taken from the platform",
	  .sy_type = SYSCTL_U64, .sy_get = stat_mapped },
	{ .sy_name = "kern.mem.used",
	  .sy_descr = "bytes in use",
	  .sy_type = SYSCTL_U64, .sy_get = stat_used },
	{ .sy_name = "kern.mem.limit",
	  .sy_descr = "bytes that may be taken from the platform",
	  .sy_type = SYSCTL_U64, .sy_get = stat_limit },
	{ .sy_name = "kern.mem.pressure",
	  .sy_descr = "0 plenty, 1 caches should not grow, 2 should shrink",
	  .sy_type = SYSCTL_U64, .sy_get = stat_pressure },
	{ .sy_name = "kern.mem.reclaims",
	  .sy_descr = "times the caches were asked to shrink",
	  .sy_type = SYSCTL_U64, .sy_u64 = &stat_reclaims },
	{ .sy_name = "kern.mem.failures",
	  .sy_descr = "allocations that failed",
	  .sy_type = SYSCTL_U64, .sy_u64 = &stat_failures },
};

void
kmem_sysctl_init(void)
{
	unsigned i;

	for (i = 0; i < nitems(mem_sysctls); i++)
		(void)sysctl_register(&mem_sysctls[i]);
}
