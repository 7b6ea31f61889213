/* SPDX-License-Identifier: BSD-2-Clause */
/* What the kernel half of t_kmem_limit offers. */
#ifndef K_KMEM_LIMIT_H
#define K_KMEM_LIMIT_H

#include <stddef.h>
#include <stdint.h>

int rumptest_limit_fill(size_t size, size_t *got);
int rumptest_limit_deferred(void);
void rumptest_limit_cache_init(void);
int rumptest_limit_cache_add(size_t size);
size_t rumptest_limit_cache_bytes(size_t *calls);
void rumptest_limit_cache_fini(void);
int rumptest_limit_pressure(void);
int rumptest_limit_random(uint64_t seed, int rounds, size_t *failed);

#endif
