/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel's half of t_nomem.c.
 */
#include <kern/kmem.h>

#include "k_nomem.h"

/* The allocator's own, beside kern/kmem.h. */
void kmem_fault_set(uint64_t nth);
uint64_t kmem_fault_count(void);

void
rumptest_nomem_at(uint64_t nth)
{
	kmem_fault_set(nth);
}

uint64_t
rumptest_nomem_seen(void)
{
	return kmem_fault_count();
}

size_t
rumptest_nomem_used(void)
{
	size_t used;

	kmem_stats(NULL, &used, NULL);
	return used;
}
