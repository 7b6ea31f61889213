/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Addresses of interfaces, and the routes that come with them, as Linux makes
 * them: to the address itself (local), to its broadcast address, and, while the
 * interface is up, to its prefix.
 */
#include <linux/if_addr.h>

#include "net.h"

static unsigned
width(int family)
{
	return family == AF_INET ? 32 : 128;
}

static bool
in_prefix(const union inaddr *a, const union inaddr *b, unsigned plen)
{
	unsigned i;

	for (i = 0; plen >= 8; i++, plen -= 8)
		if (a->a8[i] != b->a8[i])
			return false;
	return plen == 0 || ((a->a8[i] ^ b->a8[i]) >> (8 - plen)) == 0;
}

static union inaddr
prefix_of(const union inaddr *a, unsigned plen)
{
	union inaddr p = { .a64 = { 0, 0 } };
	unsigned i;

	for (i = 0; plen >= 8; i++, plen -= 8)
		p.a8[i] = a->a8[i];
	if (plen > 0)
		p.a8[i] = (uint8_t)(a->a8[i] & 0xff << (8 - plen));
	return p;
}

static const union inaddr *
far_end(const struct ifaddr *ifa)
{
	return inaddr_any(&ifa->ifa_peer) ? &ifa->ifa_addr : &ifa->ifa_peer;
}

static bool
same_subnet(const struct ifaddr *a, const struct ifaddr *b)
{
	return a->ifa_family == b->ifa_family && a->ifa_plen == b->ifa_plen &&
	    in_prefix(far_end(a), far_end(b), a->ifa_plen);
}

/* ---- Routes ------------------------------------------------------------------ */

/* What its routes send from: the first address of its subnet. */
static union inaddr
source_of(const struct ifaddr *ifa)
{
	struct ifaddr *p;

	if ((ifa->ifa_flags & IFA_F_SECONDARY) != 0)
		IFADDR_FOREACH(p, ifa->ifa_ifp)
			if ((p->ifa_flags & IFA_F_SECONDARY) == 0 &&
			    same_subnet(p, ifa))
				return p->ifa_addr;
	return ifa->ifa_addr;
}

static void
addr_route(const struct ifaddr *ifa, bool add, uint8_t type,
    const union inaddr *dst, unsigned plen, uint32_t metric)
{
	struct nexthop nh = { .nh_ifp = ifa->ifa_ifp,
	    .nh_prefsrc = source_of(ifa) };
	struct route_entry re = {
		.re_family = (uint8_t)ifa->ifa_family, .re_plen = (uint8_t)plen,
		.re_type = type, .re_protocol = RTPROT_KERNEL,
		.re_table = type == RTN_UNICAST ? RT_TABLE_MAIN :
		    RT_TABLE_LOCAL,
		.re_scope = type == RTN_LOCAL ? RT_SCOPE_HOST : RT_SCOPE_LINK,
		.re_metric = metric, .re_dst = *dst, .re_nh = &nh,
	};
	struct vnet *vn = ifa->ifa_ifp->if_vnet;

	/* What is there, or gone, already is as it should be. */
	if (add)
		(void)route_add(vn, &re, NLM_F_CREATE | NLM_F_APPEND);
	else
		(void)route_delete(vn, &re);
}

static bool
has_bcast(const struct ifaddr *ifa)
{
	return ifa->ifa_family == AF_INET && ifa->ifa_bcast.a4 != 0 &&
	    ifa->ifa_bcast.a4 != 0xffffffff;
}

/* The last address of its prefix, or 0. */
static uint32_t
subnet_bcast(const struct ifaddr *ifa)
{
	uint32_t mask;

	if (ifa->ifa_family != AF_INET || ifa->ifa_plen >= 31 ||
	    (ifa->ifa_flags & IFA_F_SECONDARY) != 0)
		return 0;
	mask = ifa->ifa_plen == 0 ? 0 : ~0u << (32 - ifa->ifa_plen);
	return far_end(ifa)->a4 | ~htobe32(mask);
}

static void
prefix_routes(const struct ifaddr *ifa, bool add)
{
	union inaddr p = prefix_of(far_end(ifa), ifa->ifa_plen), bcast;
	bool lo = if_is(ifa->ifa_ifp, IFF_LOOPBACK);

	if (has_bcast(ifa))
		addr_route(ifa, add, RTN_BROADCAST, &ifa->ifa_bcast, 32, 0);
	if ((ifa->ifa_flags & IFA_F_SECONDARY) != 0 || inaddr_any(&p) ||
	    (ifa->ifa_plen == width(ifa->ifa_family) &&
	    inaddr_eq(far_end(ifa), &ifa->ifa_addr)))
		return;
	if ((ifa->ifa_flags & IFA_F_NOPREFIXROUTE) == 0)
		addr_route(ifa, add, lo ? RTN_LOCAL : RTN_UNICAST, &p,
		    ifa->ifa_plen, ifa->ifa_metric);
	bcast = inaddr4(subnet_bcast(ifa));
	if (bcast.a4 != 0)
		addr_route(ifa, add, RTN_BROADCAST, &bcast, 32, 0);
}

/* Do two addresses have a route to the same broadcast address? */
static bool
share_bcast(const struct ifaddr *a, const struct ifaddr *b)
{
	uint32_t all[2][2] = {
	    { has_bcast(a) ? a->ifa_bcast.a4 : 0, subnet_bcast(a) },
	    { has_bcast(b) ? b->ifa_bcast.a4 : 0, subnet_bcast(b) } };
	int i, k;

	for (i = 0; i < 2; i++)
		for (k = 0; k < 2; k++)
			if (all[0][i] != 0 && all[0][i] == all[1][k])
				return true;
	return false;
}

static void
local_route(const struct ifaddr *ifa, bool add)
{
	if (!inaddr_any(&ifa->ifa_addr))
		addr_route(ifa, add, RTN_LOCAL, &ifa->ifa_addr,
		    width(ifa->ifa_family), 0);
}

/* ---- The list: ifnet_lock ------------------------------------------------------ */

static struct ifaddr *
next(_Atomic(struct ifaddr *) *pp)
{
	return atomic_load_explicit(pp, memory_order_acquire);
}

/* Does another entry of the interface have the same address? */
static bool
again_on(struct ifnet *ifp, const struct ifaddr *ifa)
{
	struct ifaddr *p;

	IFADDR_FOREACH(p, ifp)
		if (p != ifa && p->ifa_family == ifa->ifa_family &&
		    inaddr_eq(&p->ifa_addr, &ifa->ifa_addr))
			return true;
	return false;
}

static bool
anywhere(struct vnet *vn, const struct ifaddr *ifa)
{
	struct ifnet *ifp;

	for (ifp = if_next(vn, 0); ifp != NULL;
	    ifp = if_next(vn, ifp->if_index))
		if (again_on(ifp, ifa))
			return true;
	return false;
}

/* Is it new, valid, the first of its subnet? */
static int
check(struct ifnet *ifp, struct ifaddr *ifa)
{
	struct ifaddr *p;

	if ((ifa->ifa_family != AF_INET && ifa->ifa_family != AF_INET6) ||
	    ifa->ifa_plen > width(ifa->ifa_family))
		return EINVAL;
	ifa->ifa_flags &= ~(uint32_t)IFA_F_SECONDARY;
	IFADDR_FOREACH(p, ifp) {
		if (!same_subnet(p, ifa))
			continue;
		if (inaddr_eq(&p->ifa_addr, &ifa->ifa_addr))
			return EEXIST;
		if (ifa->ifa_family != AF_INET)
			continue;
		if (p->ifa_scope != ifa->ifa_scope)
			return EINVAL;
		ifa->ifa_flags |= IFA_F_SECONDARY;
	}
	return 0;
}

int
ifaddr_add(struct ifnet *ifp, const struct ifaddr *like)
{
	_Atomic(struct ifaddr *) *pp = &ifp->if_addrs;
	struct ifaddr *ifa;
	int error;

	KASSERT(ifnet_locked(ifp->if_vnet));
	if (if_dead(ifp))
		return ENODEV;
	ifa = kmem_alloc(sizeof(*ifa), 0);
	if (ifa == NULL)
		return ENOMEM;
	*ifa = *like;
	ifa->ifa_ifp = ifp;
	atomic_init(&ifa->ifa_next, NULL);
	error = check(ifp, ifa);
	if (error != 0) {
		kmem_free(ifa, sizeof(*ifa));
		return error;
	}
	if (ifa->ifa_label[0] == '\0')
		strlcpy(ifa->ifa_label, ifp->if_name, sizeof(ifa->ifa_label));
	ifa->ifa_created = ifa->ifa_updated = mono_now();
	/* As Linux: others go behind the first addresses of subnets. */
	while (next(pp) != NULL && ((ifa->ifa_flags & IFA_F_SECONDARY) != 0 ||
	    (next(pp)->ifa_flags & IFA_F_SECONDARY) == 0))
		pp = &next(pp)->ifa_next;
	atomic_init(&ifa->ifa_next, next(pp));
	atomic_store_explicit(pp, ifa, memory_order_release);
	local_route(ifa, true);
	if (if_is(ifp, IFF_UP))
		prefix_routes(ifa, true);
	route_changed(ifp->if_vnet);
	if_event(ifp, IFE_ADDR_NEW, ifa);
	return 0;
}

static void
ifaddr_free(struct epoch_entry *ee)
{
	kmem_free(container_of(ee, struct ifaddr, ifa_epoch),
	    sizeof(struct ifaddr));
}

/* Another address of the subnet that is not secondary, but this. */
static struct ifaddr *
secondary_of(struct ifnet *ifp, const struct ifaddr *ifa)
{
	struct ifaddr *p;

	IFADDR_FOREACH(p, ifp)
		if ((p->ifa_flags & IFA_F_SECONDARY) != 0 &&
		    same_subnet(p, ifa))
			return p;
	return NULL;
}

static void
ifaddr_remove(struct ifnet *ifp, struct ifaddr *ifa)
{
	_Atomic(struct ifaddr *) *pp = &ifp->if_addrs;
	struct ifaddr *p;
	bool again = false;

	while (next(pp) != ifa)
		pp = &next(pp)->ifa_next;
	atomic_store_explicit(pp, next(&ifa->ifa_next), memory_order_release);
	prefix_routes(ifa, false);
	if (!again_on(ifp, ifa))
		local_route(ifa, false);
	if (!anywhere(ifp->if_vnet, ifa))
		route_purge_source(ifp->if_vnet, &ifa->ifa_addr);
	/* Routes that another address has the same need of. */
	IFADDR_FOREACH(p, ifp)
		if (share_bcast(p, ifa))
			again = true;
	if (again && if_is(ifp, IFF_UP))
		IFADDR_FOREACH(p, ifp)
			prefix_routes(p, true);
	route_changed(ifp->if_vnet);
	if_event(ifp, IFE_ADDR_DEL, ifa);
	epoch_defer(&ifa->ifa_epoch, ifaddr_free);
}

int
ifaddr_del(struct ifnet *ifp, int family, const union inaddr *addr,
    uint8_t plen)
{
	struct ifaddr *ifa, *s;

	KASSERT(ifnet_locked(ifp->if_vnet));
	IFADDR_FOREACH(ifa, ifp)
		if (ifa->ifa_family == family &&
		    inaddr_eq(&ifa->ifa_addr, addr) &&
		    (plen == 0xff || plen == ifa->ifa_plen))
			break;
	if (ifa == NULL)
		return EADDRNOTAVAIL;
	/* With the first address of a subnet the others go. */
	if ((ifa->ifa_flags & IFA_F_SECONDARY) == 0)
		while ((s = secondary_of(ifp, ifa)) != NULL)
			ifaddr_remove(ifp, s);
	ifaddr_remove(ifp, ifa);
	return 0;
}

void
ifaddr_purge(struct ifnet *ifp)
{
	struct ifaddr *ifa;

	while ((ifa = next(&ifp->if_addrs)) != NULL)
		ifaddr_remove(ifp, ifa);
}

/* lo gets its address when it goes up without one. */
static void
loopback_addr(struct ifnet *ifp)
{
	struct ifaddr ifa = { .ifa_family = AF_INET, .ifa_plen = 8,
	    .ifa_scope = RT_SCOPE_HOST, .ifa_flags = IFA_F_PERMANENT,
	    .ifa_valid = UINT32_MAX, .ifa_preferred = UINT32_MAX,
	    .ifa_addr = inaddr4(htobe32(INADDR_LOOPBACK)) };

	(void)ifaddr_add(ifp, &ifa);
}

void
ifaddr_up(struct ifnet *ifp)
{
	struct ifaddr *ifa;

	IFADDR_FOREACH(ifa, ifp)
		prefix_routes(ifa, true);
	if (if_is(ifp, IFF_LOOPBACK) && next(&ifp->if_addrs) == NULL)
		loopback_addr(ifp);
	route_changed(ifp->if_vnet);
}

void
ifaddr_down(struct ifnet *ifp)
{
	route_purge(ifp, false);
}

/* ---- Source addresses: in an epoch ----------------------------------------------- */

static struct ifaddr *
best_of(struct ifnet *ifp, int family, const union inaddr *dst)
{
	struct ifaddr *ifa, *first = NULL;

	IFADDR_FOREACH(ifa, ifp) {
		if (ifa->ifa_family != family ||
		    (ifa->ifa_flags & IFA_F_SECONDARY) != 0)
			continue;
		if (in_prefix(dst, far_end(ifa), ifa->ifa_plen))
			return ifa;
		if (first == NULL)
			first = ifa;
	}
	return first;
}

int
ifaddr_source(struct ifnet *ifp, int family, const union inaddr *dst,
    union inaddr *src)
{
	struct ifaddr *ifa = best_of(ifp, family, dst);
	struct vnet *vn = ifp->if_vnet;

	/* An interface without an address sends from another's. */
	for (ifp = if_next(vn, 0); ifa == NULL && ifp != NULL;
	    ifp = if_next(vn, ifp->if_index)) {
		ifa = best_of(ifp, family, dst);
		if (ifa != NULL && ifa->ifa_scope >= RT_SCOPE_LINK)
			ifa = NULL;
	}
	if (ifa == NULL)
		return EADDRNOTAVAIL;
	*src = ifa->ifa_addr;
	return 0;
}
