/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the memory, time and sysctl parts of the core share with each other,
 * and the calls that boot makes into them.
 */
#ifndef RUMPKERN_MEM_PRIVATE_H
#define RUMPKERN_MEM_PRIVATE_H

#include <kern/assert.h>
#include <kern/kmem.h>
#include <kern/sync.h>
#include <kern/thread.h>

/* ---- Boot, in this order ---------------------------------------------- */

/**
 * Make kmem, pages and pools usable; allocates nothing.
 *
 * @param limit  bytes that may be taken from the platform; SIZE_MAX for all
 *               that it gives.
 */
void kmem_init(size_t limit);
/** Make sysctl_register() usable; allocates nothing. */
void sysctl_init(void);
/** Register kern.mem.*; after sysctl_init(). */
void kmem_sysctl_init(void);
/** Callouts and soft interrupts; starts no thread. */
void timer_init(void);
/** Part of timer_init(). */
void softint_init(void);

/** Set the time of day. */
void real_set(nstime_t ns);

/* ---- The budget: kmem_reclaim.c --------------------------------------- */

/** As rumpuser_mem_map(), within the limit. */
int kmem_map(size_t len, size_t align, int flags, void **memp);
void kmem_unmap(void *mem, size_t len);
/** Take from, and give back to, the limit. @return ENOMEM */
int kmem_charge(size_t len);
void kmem_uncharge(size_t len);
/** Bytes that may still be mapped. */
size_t kmem_room(void);

/**
 * After a failed allocation: try to make room. The caller counts its attempts
 * from 0 and tries again while the result is true.
 */
bool kmem_reclaim_run(size_t want, int flags, unsigned attempt);

/* ---- The allocator: kmem_page.c and kmem_pool.c, or kmem_host.c ------- */

/** Set up the allocator's own state; part of kmem_init(). */
void kmem_arena_init(void);
/** Bytes that callers hold. Exact when nobody allocates meanwhile. */
size_t kmem_used(void);
/** Bytes that are not free at once: kmem_used() and what caches hold. */
size_t kmem_committed(void);
/** Give back to the platform whatever the allocator itself keeps unused. */
void kmem_trim(void);

/* ---- Fault injection -------------------------------------------------- */

extern _Atomic bool kmem_faulting;
bool kmem_fault_hit(void);

/** Count an allocation; true when it has to fail. */
static inline bool
kmem_fault(void)
{
	return __unlikely(atomic_load_explicit(&kmem_faulting,
	    memory_order_relaxed)) && kmem_fault_hit();
}

/** Fail the nth allocation from now on; 0 switches it off. */
void kmem_fault_set(uint64_t nth);
/** Allocations seen since kmem_fault_set(). */
uint64_t kmem_fault_count(void);

#endif
