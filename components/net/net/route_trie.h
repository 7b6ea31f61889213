/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Longest-prefix match of keys of up to 128 bits. Writers are serialised by the
 * caller; readers are in an epoch.
 */
#ifndef ROUTE_TRIE_H
#define ROUTE_TRIE_H

#include <kern/inaddr.h>

struct tnode;
struct tjump;

/* A prefix has two values: rv_fast, for readers, and rv_entry, the list behind it. */
struct rtvalue {
	uintptr_t rv_fast;
	void *rv_entry;
};

struct rtrie {
	_Atomic(uintptr_t) rt_root;	/* struct tnode */
	_Atomic(struct tjump *) rt_jump;	/* large tables: by 16 bits */
	bool rt_wantjump;
	uint32_t rt_count;			/* prefixes */
};

/* The bits of an address from the left, in host order; the rest is zero. */
struct rtkey {
	uint64_t rk_hi, rk_lo;
};

static inline struct rtkey
rtkey(int family, const union inaddr *a)
{
	struct rtkey k;

	if (family == AF_INET) {
		k.rk_hi = (uint64_t)be32toh(a->a4) << 32;
		k.rk_lo = 0;
	} else {
		k.rk_hi = be64dec(a->a8);
		k.rk_lo = be64dec(a->a8 + 8);
	}
	return k;
}

struct rtkey rtkey_mask(struct rtkey k, unsigned plen);

/* wantjump: keys differ in their first 16 bits */
void rtrie_init(struct rtrie *t, bool wantjump);
/* Empty; nobody reads it any more. */
void rtrie_fini(struct rtrie *t);
/* Insert, or replace the value of, a prefix (bits behind it are zero). ENOMEM */
int rtrie_set(struct rtrie *t, struct rtkey k, unsigned plen,
    struct rtvalue v);
/* The entry of exactly this prefix, or NULL. */
void *rtrie_get(struct rtrie *t, struct rtkey k, unsigned plen);
/* It is there. Cannot fail. */
void rtrie_remove(struct rtrie *t, struct rtkey k, unsigned plen);
/* rv_fast of the longest prefix that matches; 0: none, or ask below. */
uintptr_t rtrie_match(struct rtrie *t, struct rtkey k);
/*
 * Of the longest one of at most maxlen bits: its length, or -1. The entry may be
 * NULL (it is being removed): go on with shorter ones.
 */
int rtrie_match_entry(struct rtrie *t, struct rtkey k, int maxlen,
    void **entryp);
/*
 * Visit in order of key and length from a prefix on, until fn returns non-zero.
 */
int rtrie_walk(struct rtrie *t, struct rtkey from, unsigned plen,
    int (*fn)(void *entry, void *arg), void *arg);

#endif
