/* SPDX-License-Identifier: BSD-2-Clause */
/* What t_route asks its kernel half; each returns 0, or the failing line. */
#ifndef K_ROUTE_H
#define K_ROUTE_H

#include <stdint.h>

/** Random prefixes set and removed, against a list. */
int rumptest_trie_model(uint64_t seed, int bits, unsigned prefixes,
    unsigned rounds);
/** All prefixes in order, from every cursor. */
int rumptest_trie_walk(uint64_t seed, int bits, unsigned prefixes);
/** So many prefixes as in the Internet, against a list by length. */
int rumptest_trie_big(uint64_t seed, unsigned prefixes, unsigned *ns_hot,
    unsigned *ns_cold);
/** Routes added and removed while others look up. */
int rumptest_route_racers(int readers, int rounds);
int rumptest_route_order(void);
int rumptest_route_flags(void);
int rumptest_route_types(void);
int rumptest_route_gateway(void);
int rumptest_route_multipath(void);
int rumptest_route_tables(void);
int rumptest_route_cache(void);
int rumptest_route_cursor(void);

#endif
