/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What t_netconfig asks its kernel half: interfaces of kind "test", and what
 * became of the configuration. Addresses in host order.
 */
#ifndef K_NETCONFIG_H
#define K_NETCONFIG_H

#include <stdint.h>

struct seen_route {
	unsigned flags;		/* NH_* */
	int oif;
	uint32_t gateway, source;
};
#define SEEN_GATEWAY	0x01
#define SEEN_LOCAL	0x02
#define SEEN_BCAST	0x04

int rumptest_netconfig_setup(void);
/** IFF_*, or -1: no such interface. */
int rumptest_flags(const char *name);
int rumptest_index(const char *name);
int rumptest_mtu(const char *name);
const char *rumptest_linkstr(const char *name);
int rumptest_route(uint32_t dst, struct seen_route *sr);

#endif
