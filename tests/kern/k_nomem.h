/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef K_NOMEM_H
#define K_NOMEM_H

#include <stdint.h>
#include <stddef.h>

/* Fail the nth allocation from now on; 0: none. */
void rumptest_nomem_at(uint64_t nth);
/* Allocations since then. */
uint64_t rumptest_nomem_seen(void);
/* Bytes that callers of the allocator hold. */
size_t rumptest_nomem_used(void);

#endif
