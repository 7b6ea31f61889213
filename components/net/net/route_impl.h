/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Routing tables, between the files that change and those that read them.
 */
#ifndef ROUTE_IMPL_H
#define ROUTE_IMPL_H

#include "net.h"
#include "route_trie.h"

#define NHBUCKETS 16

/* A table of one family: local, main and default share one (id 0). Never freed
 * before the vnet is. */
struct rttable {
	int tb_family;				/* [I] */
	uint32_t tb_id;				/* [I] */
	struct rtrie tb_trie;			/* [r] */
	_Atomic(struct rttable *) tb_next;	/* [r] by family, then id */
};

/*
 * VNET_ROUTE.
 *
 * r  rv_lock; read under an epoch   h  rv_nhlock   a  atomic   I  immutable
 */
struct rtvnet {
	struct vnet *rv_vnet;			/* [I] */
	struct kmutex rv_lock;
	struct rttable rv_inet, rv_inet6;	/* [r] the shared ones */
	_Atomic uint32_t rv_gen;		/* [a] */
	struct kspin rv_nhlock;
	struct list rv_nexthops[NHBUCKETS];	/* [h] nh_link */
};

static inline struct rtvnet *
rtvnet(const struct vnet *vn)
{
	return vn->vn_data[VNET_ROUTE];
}

/* Hops of a multipath route: hop i takes hashes below nb_bound of i. */
struct nhgroup {
	struct epoch_entry ng_epoch;
	uint32_t ng_n;
	struct nhbound {
		struct nexthop *nb_nh;		/* reference */
		uint32_t nb_weight;
		uint32_t nb_bound;		/* inclusive; of 32 bits */
	} ng_hop[];
};

/*
 * A route: on the list of its prefix, sorted by table (local first), TOS
 * (highest first), metric.
 */
struct rtentry {
	_Atomic(struct rtentry *) rt_next;	/* [r] */
	struct nexthop *rt_nh;			/* [I] reference; or */
	_Atomic(struct nhgroup *) rt_group;	/* [r] several */
	uint32_t rt_table, rt_metric;		/* [I] ... */
	uint32_t rt_flags;
	uint8_t rt_family, rt_plen, rt_type, rt_tos;
	uint8_t rt_protocol, rt_scope;
	union inaddr rt_dst;
	struct epoch_entry rt_epoch;
};

/* NULL: there is none. */
struct rttable *rttable_find(struct rtvnet *rv, int family, uint32_t id);

static inline bool
table_is_shared(uint32_t id)
{
	return id == RT_TABLE_UNSPEC || (id >= RT_TABLE_DEFAULT && id <= RT_TABLE_LOCAL);
}

/* One of a route's hops. */
struct nexthop *rtentry_hop(const struct rtentry *rt, uint32_t hash);

/* Tell fn of a route; rv_lock held. */
int rtentry_show(struct rtentry *rt,
    int (*fn)(const struct route_entry *re, void *arg), void *arg);

/* Does a gateway's address lead to an interface, directly? rv_lock held, in an
 * epoch. */
int route_gateway(struct rtvnet *rv, int family, const union inaddr *gw,
    uint32_t oif, struct nexthop **nhp);

/* Not if it is being freed. */
bool nexthop_tryhold(struct nexthop *nh);

#endif
