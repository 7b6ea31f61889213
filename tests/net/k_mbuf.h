/* SPDX-License-Identifier: BSD-2-Clause */
/* What the kernel half of t_mbuf offers. */
#ifndef K_MBUF_H
#define K_MBUF_H

#include <stdint.h>

int rumptest_mbuf_model(uint64_t seed, int rounds);
int rumptest_mbuf_headers(void);
int rumptest_mbuf_cksum(uint64_t seed, int rounds);
int rumptest_mbuf_partial(void);
int rumptest_netqueue_order(int thread, int packets);
int rumptest_netqueue_setup(void);
int rumptest_netqueue_done(int threads, int packets);
int rumptest_netqueue_full(void);
int rumptest_vnet_life(void);

#endif
