/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The addresses of this host, for every packet to ask: a small hash table,
 * replaced as a whole when an interface's address comes or goes.
 */
#include <kern/assert.h>
#include <kern/kmem.h>

#include "netinet.h"

struct in_entry {
	uint32_t ie_addr;		/* 0: free */
	uint32_t ie_ifindex;
	struct ifnet *ie_ifp;		/* not referenced: leaves before it */
};

/* Immutable. */
struct in_addrs {
	uint32_t ia_mask, ia_count;
	struct epoch_entry ia_epoch;
	struct in_entry ia_entry[];
};

static inline uint32_t
slot(uint32_t addr)
{
	return (addr * 0x9e3779b1u) >> 8;
}

static struct in_addrs *
addrs_alloc(uint32_t count)
{
	struct in_addrs *ia;
	uint32_t n = 4;

	while (n < count * 2)
		n *= 2;
	ia = kmem_zalloc(sizeof(*ia) + n * sizeof(ia->ia_entry[0]), 0);
	if (ia != NULL)
		ia->ia_mask = n - 1;
	return ia;
}

static void
addrs_free(struct epoch_entry *ee)
{
	struct in_addrs *ia = container_of(ee, struct in_addrs, ia_epoch);

	kmem_free(ia, sizeof(*ia) +
	    ((size_t)ia->ia_mask + 1) * sizeof(ia->ia_entry[0]));
}

static void
addrs_insert(struct in_addrs *ia, const struct in_entry *ie)
{
	uint32_t i = slot(ie->ie_addr);

	while (ia->ia_entry[i & ia->ia_mask].ie_addr != 0)
		i++;
	ia->ia_entry[i & ia->ia_mask] = *ie;
	ia->ia_count++;
}

int
in_addrs_init(struct vnet_inet *vi)
{
	struct in_addrs *ia = addrs_alloc(0);

	if (ia == NULL)
		return ENOMEM;
	atomic_init(&vi->vi_addrs, ia);
	return 0;
}

void
in_addrs_fini(struct vnet_inet *vi)
{
	addrs_free(&atomic_load_explicit(&vi->vi_addrs,
	    memory_order_relaxed)->ia_epoch);
}

static const struct in_entry *
addrs_find(const struct vnet_inet *vi, uint32_t addr)
{
	const struct in_addrs *ia = atomic_load_explicit(
	    &((struct vnet_inet *)(uintptr_t)vi)->vi_addrs,
	    memory_order_acquire);
	const struct in_entry *ie;
	uint32_t i;

	for (i = slot(addr);; i++) {
		ie = &ia->ia_entry[i & ia->ia_mask];
		if (ie->ie_addr == addr)
			return ie;
		if (ie->ie_addr == 0)
			return NULL;
	}
}

bool
in_addrs_has(const struct vnet_inet *vi, uint32_t addr)
{
	return addr != 0 && addrs_find(vi, addr) != NULL;
}

struct ifnet *
in_addrs_ifp(const struct vnet_inet *vi, uint32_t addr)
{
	const struct in_entry *ie = addr != 0 ? addrs_find(vi, addr) : NULL;

	return ie != NULL ? ie->ie_ifp : NULL;
}

/* Without what is gone, and with one more. ifnet_lock held. */
static void
addrs_replace(struct vnet_inet *vi, const struct in_entry *gone,
    const struct in_entry *more)
{
	struct in_addrs *old, *new;
	const struct in_entry *ie;
	uint32_t i;

	old = atomic_load_explicit(&vi->vi_addrs, memory_order_relaxed);
	new = addrs_alloc(old->ia_count + 1);
	if (new == NULL) {
		/* It stays, or is not known: packets for it find the route. */
		klog(LOG_WARNING, "netinet: no memory for a list of addresses");
		return;
	}
	for (i = 0; i <= old->ia_mask; i++) {
		ie = &old->ia_entry[i];
		if (ie->ie_addr == 0 || (gone != NULL &&
		    ie->ie_ifp == gone->ie_ifp && (gone->ie_addr == 0 ||
		    ie->ie_addr == gone->ie_addr)))
			continue;
		addrs_insert(new, ie);
	}
	if (more != NULL)
		addrs_insert(new, more);
	atomic_store_explicit(&vi->vi_addrs, new, memory_order_release);
	epoch_defer(&old->ia_epoch, addrs_free);
}

void
in_addrs_event(struct ifnet *ifp, int event, struct ifaddr *ifa)
{
	struct vnet_inet *vi = vnet_inet(ifp->if_vnet);
	struct in_entry ie = {
		.ie_addr = ifa != NULL ? ifa->ifa_addr.a4 : 0,
		.ie_ifindex = ifp->if_index,
		.ie_ifp = ifp,
	};

	if (ifa != NULL && (ifa->ifa_family != AF_INET || ie.ie_addr == 0))
		return;
	switch (event) {
	case IFE_ADDR_NEW:
		addrs_replace(vi, NULL, &ie);
		break;
	case IFE_ADDR_DEL:
	case IFE_DETACH:
		addrs_replace(vi, &ie, NULL);
		break;
	default:
		break;
	}
}

enum in_kind
in_kind(struct vnet *vn, uint32_t addr)
{
	struct route_key rk = {
		.rk_family = AF_INET,
		.rk_dst = inaddr4(addr),
	};
	struct nexthop *nh;

	if (addr == 0)
		return INK_ANY;
	if (addr == INADDR_NONE4)
		return INK_BCAST;
	if (in_multicast(addr))
		return INK_MCAST;
	if (in_addrs_has(vnet_inet(vn), addr))
		return INK_LOCAL;
	if (route_lookup(vn, &rk, &nh) != 0)
		return INK_UNICAST;
	return (nh->nh_flags & NH_LOCAL) != 0 ? INK_LOCAL :
	    (nh->nh_flags & NH_BCAST) != 0 ? INK_BCAST : INK_UNICAST;
}

bool
in_islocal(struct vnet *vn, int family, const union inaddr *a)
{
	return family == AF_INET && in_kind(vn, a->a4) == INK_LOCAL;
}
