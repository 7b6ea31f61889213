/* SPDX-License-Identifier: BSD-2-Clause */
/* What the kernel half of t_bcache offers. */
#ifndef K_BCACHE_H
#define K_BCACHE_H

#include <stdint.h>

int rumptest_bcache_setup(unsigned blocksize, int sync);
int rumptest_bcache_end(void);
long rumptest_bcache_count(uint64_t seed, unsigned rounds, unsigned blocks);
long rumptest_bcache_sum(unsigned blocks);
int rumptest_bcache_writes(void);
int rumptest_bcache_errors(void);
int64_t rumptest_bcache_hit_ns(unsigned rounds);
void rumptest_bcache_yield(void);
int rumptest_blkdev_rules(void);

#endif
