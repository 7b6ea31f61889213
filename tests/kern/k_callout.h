/* SPDX-License-Identifier: BSD-2-Clause */
/* What the kernel halves of t_callout and t_callout_virtual offer. */
#ifndef K_CALLOUT_H
#define K_CALLOUT_H

#include <stdint.h>

int rumptest_callout_exact(uint64_t seed);
int rumptest_callout_model(uint64_t seed, int rounds);
int rumptest_callout_forever(void);
int64_t rumptest_callout_late(int n);
int rumptest_callout_halt(int rounds);
int rumptest_callout_self_free(int n);
int rumptest_callout_storm(int thread, int rounds);
int rumptest_callout_conversions(void);

#endif
