/* SPDX-License-Identifier: BSD-2-Clause */
/* What the kernel half of t_kmem offers. */
#ifndef K_KMEM_H
#define K_KMEM_H

#include <stddef.h>
#include <stdint.h>

size_t rumptest_kmem_used(void);
size_t rumptest_kmem_mapped(void);
int rumptest_kmem_sizes(void);
int rumptest_kmem_realloc(void);
int rumptest_kmem_pages(void);
int rumptest_kmem_bulk(size_t nbytes, size_t *peak);
int rumptest_kmem_random(uint64_t seed, int rounds);
int rumptest_kmem_packing(size_t size, size_t align, size_t n, size_t *bytes);
int rumptest_kmem_many_pools(void);
int rumptest_kmem_hand_init(void);
void *rumptest_kmem_hand_make(uint64_t tag);
int rumptest_kmem_hand_free(void *obj, uint64_t tag);
void rumptest_kmem_hand_fini(void);
int rumptest_kmem_workload(void);
void rumptest_kmem_use_after_free(void);
void rumptest_kmem_free_twice(void);
void rumptest_kmem_free_wrong_size(void);
void rumptest_kmem_page_free_twice(void);

#endif
