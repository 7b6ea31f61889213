/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Between the files of the component net.
 *
 * Lock order: ifnet_lock -> rv_lock (routes) -> nt_lock (neighbours). None of the
 * last two is held over a call to a driver or to a protocol.
 */
#ifndef NET_H
#define NET_H

#include <kern/assert.h>
#include <kern/ifnet.h>
#include <kern/kmem.h>
#include <kern/route.h>
#include <kern/string.h>

struct neightab;
struct rtvnet;

/*
 * VNET_NET.
 *
 * n  nv_lock; read under an epoch   I  immutable
 */
struct net_vnet {
	struct kmutex nv_lock;			/* ifnet_lock */
	_Atomic(struct ifnet *) nv_ifs;		/* [n] if_next */
	uint32_t nv_lastindex;			/* [n] */
	bool nv_shutdown;			/* [n] nothing is attached */
	struct ifnet *nv_lo;			/* [I] */
	struct neightab *nv_neigh;		/* [I] */
};

static inline struct net_vnet *
net_vnet(const struct vnet *vn)
{
	return vn->vn_data[VNET_NET];
}

static inline bool
ifnet_locked(const struct vnet *vn)
{
	return mutex_owned(&net_vnet(vn)->nv_lock);
}

/* What an interface has that only this component looks at. */
struct ifpriv {
	struct nexthop *fp_nh[3];	/* on-link, NH_BCAST, NH_MCAST */
	bool fp_carrier;		/* [ifnet_lock] */
	uint64_t fp_announced;		/* [ifnet_lock] arp.c: if_lladdr */
	_Atomic nstime_t fp_defended;	/* [a] arp.c: an address, last */
};

static inline uint32_t
if_flags(const struct ifnet *ifp)
{
	return atomic_load_explicit(&((struct ifnet *)(uintptr_t)ifp)->if_flags,
	    memory_order_relaxed);
}

static inline uint32_t
if_mtu(const struct ifnet *ifp)
{
	return atomic_load_explicit(&((struct ifnet *)(uintptr_t)ifp)->if_mtu,
	    memory_order_relaxed);
}

static inline bool
if_dead(const struct ifnet *ifp)
{
	return atomic_load_explicit(&((struct ifnet *)(uintptr_t)ifp)->if_dead,
	    memory_order_relaxed);
}

/* if.c */
int if_init(void);
/* if_clone.c */
void if_clone_init(void);
/* if_sock.c */
void if_sock_init(void);
bool if_name_valid(const char *name);

/* if_proto.c */
void netproto_unreach(struct ifnet *ifp, uint16_t ethertype, struct mbuf *m);
/* ifnet_lock held */
void if_event(struct ifnet *ifp, int event, struct ifaddr *ifa);

/* if_addr.c: ifnet_lock held. Addresses' routes follow the interface. */
void ifaddr_up(struct ifnet *ifp);
void ifaddr_down(struct ifnet *ifp);
void ifaddr_purge(struct ifnet *ifp);

/* if_mcast.c */
void ether_mcast(int family, const union inaddr *group, uint8_t addr[6]);
/* ifnet_lock held */
void if_mcast_purge(struct ifnet *ifp);

/* if_ether.c: dst: the bytes of an address, as if_lladdr */
int ether_send(struct ifnet *ifp, struct mbuf *m, uint16_t ethertype,
    uint64_t dst);

/* if_gro.c: packets at their IP header; taken over */
struct mbuf *gro_join(struct mbuf *batch);

/* if_loop.c */
int loop_create(struct vnet *vn, struct ifnet **ifpp);

/* capture.c */
void capture_init(void);

/* arp.c */
void arp_init(void);
void arp_solicit(struct ifnet *ifp, uint32_t target, const uint8_t *unicast);
void arp_announce(struct ifnet *ifp, uint32_t addr);
void arp_probe(struct ifnet *ifp, uint32_t addr);

/* neigh.c */
int neightab_create(struct neightab **ntp);
void neightab_destroy(struct neightab *nt);
/* An interface went down, its link address changed, or it is gone. */
void neigh_flush(struct ifnet *ifp);

/* nexthop.c: ref-counted and shared by content; rv_lock held */
int nexthop_get(struct rtvnet *rv, const struct nexthop *like,
    struct nexthop **nhp);
int nexthop_attach(struct ifnet *ifp);
void nexthop_detach(struct ifnet *ifp);

/* route.c */
int rtvnet_create(struct vnet *vn, struct rtvnet **rvp);
void rtvnet_destroy(struct rtvnet *rv);
/* Remove the routes of an interface: all, or all but those of RTN_LOCAL. */
void route_purge(struct ifnet *ifp, bool local);
/* Remove those that send from an address. */
void route_purge_source(struct vnet *vn, const union inaddr *src);
void route_changed(struct vnet *vn);

#endif
