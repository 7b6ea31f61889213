/* SPDX-License-Identifier: BSD-2-Clause */
/* What t_fuzz_ether asks its kernel half. */
#ifndef K_FUZZ_ETHER_H
#define K_FUZZ_ETHER_H

#include <stdint.h>

/** So many frames, random and mutated, in batches. 0, or the failing line. */
int rumptest_fuzz_ether(uint64_t seed, unsigned frames);

#endif
