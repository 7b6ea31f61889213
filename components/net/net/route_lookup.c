/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Routes as packets look them up: inside an epoch, without a lock.
 *
 * The best route of a prefix that depends on nothing but the destination is the
 * trie's own value: one look-up gives the next hop. Where the interface is
 * chosen already, or the prefix has routes for some TOS, or several hops,
 * its list is gone through, and then those of the shorter prefixes.
 */
#include "route_impl.h"

struct rttable *
rttable_find(struct rtvnet *rv, int family, uint32_t id)
{
	struct rttable *tb;

	tb = family == AF_INET ? &rv->rv_inet : &rv->rv_inet6;
	if (table_is_shared(id))
		return tb;
	do {
		tb = atomic_load_explicit(&tb->tb_next, memory_order_acquire);
	} while (tb != NULL && tb->tb_id < id);
	return tb != NULL && tb->tb_id == id ? tb : NULL;
}

struct nexthop *
rtentry_hop(const struct rtentry *rt, uint32_t hash)
{
	struct nhgroup *ng;
	uint32_t i;

	if (rt->rt_nh != NULL)
		return rt->rt_nh;
	ng = atomic_load_explicit(&((struct rtentry *)(uintptr_t)rt)->rt_group,
	    memory_order_acquire);
	for (i = 0; i + 1 < ng->ng_n && hash > ng->ng_hop[i].nb_bound; i++)
		continue;
	return ng->ng_hop[i].nb_nh;
}

/* The route's hop that a key may use, or NULL. */
static struct nexthop *
usable_hop(const struct rtentry *rt, const struct route_key *rk)
{
	struct nexthop *nh = rtentry_hop(rt, rk->rk_hash);
	struct nhgroup *ng;
	uint32_t i;

	if (rk->rk_oif == 0 || nh->nh_oif == rk->rk_oif ||
	    (nh->nh_flags & (NH_BLACKHOLE | NH_UNREACH | NH_PROHIBIT)) != 0)
		return nh;
	if (rt->rt_nh != NULL)
		return NULL;
	ng = atomic_load_explicit(&((struct rtentry *)(uintptr_t)rt)->rt_group,
	    memory_order_acquire);
	for (i = 0; i < ng->ng_n; i++)
		if (ng->ng_hop[i].nb_nh->nh_oif == rk->rk_oif)
			return ng->ng_hop[i].nb_nh;
	return NULL;
}

static struct nexthop *
search_entry(struct rtrie *t, struct rtkey key, const struct route_key *rk,
    struct rtentry **rtp)
{
	struct nexthop *nh;
	struct rtentry *rt;
	int len = 128;
	void *entry;

	while (len >= 0 && (len = rtrie_match_entry(t, key, len, &entry)) >= 0) {
		for (rt = entry; rt != NULL; rt = atomic_load_explicit(
		    &rt->rt_next, memory_order_acquire)) {
			if (rt->rt_tos != 0 && rt->rt_tos != rk->rk_tos)
				continue;
			nh = usable_hop(rt, rk);
			if (nh == NULL)
				continue;
			*rtp = rt;
			return rt->rt_type == RTN_THROW ? NULL : nh;
		}
		len--;
	}
	return NULL;
}

static struct nexthop *
search(struct rtrie *t, struct rtkey key, const struct route_key *rk)
{
	struct rtentry *rt;

	return search_entry(t, key, rk, &rt);
}

static int
verdict(const struct nexthop *nh)
{
	if ((nh->nh_flags & NH_BLACKHOLE) != 0)
		return EINVAL;
	return (nh->nh_flags & NH_UNREACH) != 0 ? EHOSTUNREACH : EACCES;
}

/* No route: but the interface is given. */
static struct nexthop *
on_link(struct vnet *vn, const struct route_key *rk)
{
	uint16_t flags = 0;
	struct ifnet *ifp;

	ifp = rk->rk_oif != 0 ? if_byindex(vn, rk->rk_oif) : NULL;
	if (ifp == NULL || !if_is(ifp, IFF_UP))
		return NULL;
	if (rk->rk_family == AF_INET) {
		if (rk->rk_dst.a4 == 0xffffffff)
			flags = NH_BCAST;
		else if (rk->rk_dst.a8[0] >> 4 == 0xe)
			flags = NH_MCAST;
	} else if (rk->rk_dst.a8[0] == 0xff) {
		flags = NH_MCAST;
	}
	return if_nexthop(ifp, flags);
}

int
route_lookup(struct vnet *vn, const struct route_key *rk,
    struct nexthop **nhp)
{
	struct rtkey key = rtkey(rk->rk_family, &rk->rk_dst);
	struct nexthop *nh = NULL;
	struct rttable *tb;

	tb = rttable_find(rtvnet(vn), rk->rk_family, rk->rk_table);
	if (__likely(tb != NULL)) {
		nh = (struct nexthop *)rtrie_match(&tb->tb_trie, key);
		if (nh == NULL ||
		    (rk->rk_oif != 0 && nh->nh_oif != rk->rk_oif))
			nh = search(&tb->tb_trie, key, rk);
	}
	if (nh == NULL) {
		nh = on_link(vn, rk);
		if (nh == NULL)
			return ENETUNREACH;
	}
	if (__unlikely((nh->nh_flags & (NH_BLACKHOLE | NH_UNREACH |
	    NH_PROHIBIT)) != 0))
		return verdict(nh);
	*nhp = nh;
	return 0;
}

int
route_match(struct vnet *vn, const struct route_key *rk,
    int (*fn)(const struct route_entry *re, void *arg), void *arg)
{
	struct rtvnet *rv = rtvnet(vn);
	struct rttable *tb;
	struct rtentry *rt;
	int error = ENETUNREACH;

	mutex_enter(&rv->rv_lock);
	epoch_enter();
	tb = rttable_find(rv, rk->rk_family, rk->rk_table);
	if (tb != NULL && search_entry(&tb->tb_trie, rtkey(rk->rk_family,
	    &rk->rk_dst), rk, &rt) != NULL)
		error = rtentry_show(rt, fn, arg);
	epoch_exit();
	mutex_exit(&rv->rv_lock);
	return error;
}

uint32_t
route_generation(struct vnet *vn)
{
	return atomic_load_explicit(&rtvnet(vn)->rv_gen, memory_order_acquire);
}

int
route_cached(struct vnet *vn, struct route_cache *rc,
    const struct route_key *rk, struct nexthop **nhp)
{
	uint32_t gen = route_generation(vn);
	int error;

	if (__likely(rc->rc_nh != NULL && rc->rc_gen == gen)) {
		*nhp = rc->rc_nh;
		return 0;
	}
	route_cache_fini(rc);
	error = route_lookup(vn, rk, nhp);
	if (error == 0 && nexthop_tryhold(*nhp)) {
		rc->rc_nh = *nhp;
		rc->rc_gen = gen;
	}
	return error;
}

void
route_cache_fini(struct route_cache *rc)
{
	if (rc->rc_nh != NULL)
		nexthop_rele(rc->rc_nh);
	rc->rc_nh = NULL;
}

int
route_gateway(struct rtvnet *rv, int family, const union inaddr *gw,
    uint32_t oif, struct nexthop **nhp)
{
	struct route_key rk = { .rk_family = family, .rk_dst = *gw,
	    .rk_oif = oif };
	struct nexthop *nh;

	nh = search(&rttable_find(rv, family, 0)->tb_trie, rtkey(family, gw),
	    &rk);
	if (nh == NULL || (nh->nh_flags & (NH_BLACKHOLE | NH_UNREACH |
	    NH_PROHIBIT | NH_GATEWAY)) != 0)
		return ENETUNREACH;
	if ((nh->nh_flags & (NH_LOCAL | NH_BCAST | NH_MCAST)) != 0)
		return EINVAL;
	*nhp = nh;
	return 0;
}
