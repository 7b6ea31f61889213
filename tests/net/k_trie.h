/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A trie next to a list of its prefixes, for the tests of routes.
 */
#ifndef K_TRIE_H
#define K_TRIE_H

#include <kern/epoch.h>
#include <kern/kmem.h>
#include <kern/string.h>
#include <kern/time.h>

#include "../../components/net/net/route_trie.h"

#ifndef CHECK
#define CHECK(e) do { if (!(e)) return __LINE__; } while (0)
#endif

struct prefix {
	struct rtkey p_key;
	unsigned p_len;
	bool p_in;
};

static inline uint64_t
next_random(uint64_t *s)
{
	uint64_t z = *s += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

static inline bool
prefix_matches(const struct prefix *p, struct rtkey k)
{
	k = rtkey_mask(k, p->p_len);
	return k.rk_hi == p->p_key.rk_hi && k.rk_lo == p->p_key.rk_lo;
}

/* Prefixes that share much: few different bytes. */
static inline struct rtkey
random_key(uint64_t *s, int bits, unsigned spread)
{
	uint64_t few = next_random(s) & next_random(s) & next_random(s);
	struct rtkey k = { next_random(s), 0 };

	if (next_random(s) % spread != 0)
		k.rk_hi = few;
	if (bits == 128)
		k.rk_lo = next_random(s) % 4 == 0 ? next_random(s) : few;
	return rtkey_mask(k, (unsigned)bits);
}

#endif
