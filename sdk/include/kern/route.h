/* SPDX-License-Identifier: BSD-2-Clause */
/** @file route.h
 * Routes, next hops, and neighbours.
 *
 * A look-up is a longest-prefix match that takes no lock: it runs inside an epoch and
 * returns a next hop, immutable and counted. vn's route generation changes
 * with every route, address and interface; a cached next hop of an older
 * generation is looked up again.
 */
#ifndef KERN_ROUTE_H
#define KERN_ROUTE_H

#include <kern/ifnet.h>
#include <linux/rtnetlink.h>

/* nh_flags */
#define NH_GATEWAY	0x01	/* nh_gateway is the next hop, else it is dst */
#define NH_LOCAL	0x02	/* an address of ours: nh_ifp is lo */
#define NH_BCAST	0x04
#define NH_MCAST	0x08
#define NH_BLACKHOLE	0x10	/* RTN_BLACKHOLE: drop silently, EINVAL */
#define NH_UNREACH	0x20	/* RTN_UNREACHABLE: EHOSTUNREACH */
#define NH_PROHIBIT	0x40	/* RTN_PROHIBIT: EACCES */
#define NH_ONLINK	0x80

/*
 * Immutable, but for counts.
 */
struct nexthop {
	_Atomic uint32_t nh_refs;
	uint8_t nh_family;		/* of nh_gateway */
	uint8_t nh_scope;
	uint16_t nh_flags;
	struct ifnet *nh_ifp;		/* reference */
	uint32_t nh_oif;		/* index of the route's interface: of
					 * NH_LOCAL, where the address is */
	union inaddr nh_gateway;
	union inaddr nh_prefsrc;	/* or any */
	uint32_t nh_mtu;		/* RTAX_MTU, 0: the interface's */
	uint32_t nh_hoplimit, nh_window, nh_initcwnd, nh_initrwnd, nh_rtomin,
	    nh_advmss, nh_features;	/* RTAX_*; 0: default */
	struct list nh_link;		/* the component net's */
	struct epoch_entry nh_epoch;
};

/** What a look-up may depend on. */
struct route_key {
	int rk_family;
	union inaddr rk_dst, rk_src;	/* src: any: not chosen yet */
	uint32_t rk_table;		/* 0: local and main */
	uint32_t rk_oif;		/* only through this interface, or 0; it is
					 * taken as on-link where no route is */
	uint32_t rk_iif;		/* forwarding: where from, or 0 */
	uint32_t rk_mark;
	uint8_t rk_tos;
	uint32_t rk_hash;		/* for multipath */
};

/**
 * Inside an epoch; the next hop is valid until its end.
 * @return ENETUNREACH, EHOSTUNREACH, EACCES, EINVAL
 */
int route_lookup(struct vnet *vn, const struct route_key *rk,
    struct nexthop **nhp);

/**
 * The route behind route_lookup()'s next hop: fn is called with it, the routes'
 * lock held. @return ENETUNREACH: none, ENOMEM, what fn returned
 */
struct route_entry;
int route_match(struct vnet *vn, const struct route_key *rk,
    int (*fn)(const struct route_entry *re, void *arg), void *arg);

/** The vnet's route generation. */
uint32_t route_generation(struct vnet *vn);

struct nexthop *nexthop_hold(struct nexthop *nh);
void nexthop_rele(struct nexthop *nh);
/** The interface's own: dst is on the link. flags: 0, NH_BCAST, NH_MCAST. In an
 * epoch. NULL: it is detached. */
struct nexthop *if_nexthop(struct ifnet *ifp, uint16_t flags);

/** A next hop kept between packets; zero at first; the owner's lock. */
struct route_cache {
	struct nexthop *rc_nh;		/* reference */
	uint32_t rc_gen;
};
/** As route_lookup(), through the cache. */
int route_cached(struct vnet *vn, struct route_cache *rc,
    const struct route_key *rk, struct nexthop **nhp);
void route_cache_fini(struct route_cache *rc);

static inline uint32_t
nexthop_mtu(const struct nexthop *nh)
{
	uint32_t mtu = atomic_load_explicit(&nh->nh_ifp->if_mtu,
	    memory_order_relaxed);

	return nh->nh_mtu != 0 ? MIN(nh->nh_mtu, mtu) : mtu;
}

/** A route as it is added, deleted, listed. */
struct route_entry {
	uint8_t re_family, re_plen, re_type;	/* type: RTN_* */
	uint8_t re_protocol, re_scope, re_tos;
	uint32_t re_table;			/* RT_TABLE_* */
	uint32_t re_metric;
	uint32_t re_flags;			/* RTNH_F_* */
	union inaddr re_dst;
	const struct nexthop *re_nh;		/* add: copied */
	const struct route_hop *re_hops;	/* multipath, or NULL */
	uint32_t re_nhops;
};
struct route_hop {
	struct nexthop rh_nh;
	uint32_t rh_weight;			/* from 1 */
};

/** flags: NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE, NLM_F_APPEND. May sleep.
 * @return EEXIST, ENOENT, ENETUNREACH (gateway), EINVAL, ENOMEM */
int route_add(struct vnet *vn, const struct route_entry *re, int flags);
/** Fields that are 0 match any. @return ESRCH */
int route_delete(struct vnet *vn, const struct route_entry *re);
/** Where a walk goes on; zeroed at first. */
struct route_cursor {
	bool rc_started;
	uint8_t rc_plen, rc_family;
	uint32_t rc_table, rc_skip;
	union inaddr rc_dst;
};
/**
 * Visit a family's routes (0: all), table by table in order of prefixes, until fn
 * returns non-zero: then the same cursor goes on with that route again. The
 * table may change between calls. fn must not sleep: the routes' lock is held.
 */
int route_walk(struct vnet *vn, int family, struct route_cursor *rc,
    int (*fn)(const struct route_entry *re, void *arg), void *arg);

/** Who wants to know of each change (rtnetlink). Static storage. */
struct route_listener {
	/** added: RTM_NEWROUTE, else RTM_DELROUTE. The routes' lock is held. */
	void (*rl_event)(struct vnet *vn, const struct route_entry *re,
	    bool added);
	_Atomic(struct route_listener *) rl_next;
};
void route_listen(struct route_listener *rl);

/* ---- Neighbours ----------------------------------------------------------- */

/**
 * Send m (at its network header; taken over) to addr on an Ethernet interface: at
 * once where the neighbour is known, after resolution otherwise (a bounded
 * queue). In an epoch.
 */
int neigh_output(struct ifnet *ifp, struct mbuf *m, uint16_t ethertype,
    int family, const union inaddr *addr);
/** A transport made progress: the neighbour is reachable (MSG_CONFIRM). */
void neigh_confirm(struct ifnet *ifp, int family, const union inaddr *addr);

#endif
