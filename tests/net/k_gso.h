/* SPDX-License-Identifier: BSD-2-Clause */
/* What t_gso asks its kernel half; each returns 0, or the failing line. */
#ifndef K_GSO_H
#define K_GSO_H

#include <stdint.h>

/** Split n bytes by size; each frame against one that is made by hand. */
int rumptest_gso_tcp(unsigned n, unsigned size, unsigned options, int flags);
int rumptest_gso_udp(unsigned n, unsigned size);
/** Through an interface without offloads: what the driver gets. */
int rumptest_gso_transmit(void);
int rumptest_gso_malformed(void);
/** Split, join, compare; segments come in as frames. */
int rumptest_gro_rejoin(unsigned n, unsigned size, int tcp);
/** What must not be joined: one field differs. */
int rumptest_gro_differences(void);
/** Many flows, mixed at random: nothing lost, each in its order. */
int rumptest_gro_mixed(uint64_t seed, unsigned packets);

#endif
