/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Settings of interfaces: flags, MTU, name, address, carrier.
 */
#include "net.h"

/* What a user may change. */
#define IFF_USER (IFF_UP | IFF_DEBUG | IFF_NOTRAILERS | IFF_NOARP |	\
    IFF_PROMISC | IFF_ALLMULTI | IFF_MULTICAST | IFF_PORTSEL |		\
    IFF_AUTOMEDIA | IFF_DYNAMIC)
#define IFF_CARRIER (IFF_RUNNING | IFF_LOWER_UP)

static uint32_t
with_carrier(const struct ifnet *ifp, uint32_t flags)
{
	flags &= ~(uint32_t)IFF_CARRIER;
	if ((flags & IFF_UP) != 0 && ifp->if_priv->fp_carrier)
		flags |= IFF_CARRIER;
	return flags;
}

static void
store_flags(struct ifnet *ifp, uint32_t flags)
{
	atomic_store_explicit(&ifp->if_flags, with_carrier(ifp, flags),
	    memory_order_relaxed);
}

/* The interface no longer sends; then its routes and neighbours go. */
static void
if_down(struct ifnet *ifp, uint32_t flags)
{
	store_flags(ifp, flags);
	ifaddr_down(ifp);
	neigh_flush(ifp);
	if_event(ifp, IFE_DOWN, NULL);
	if (ifp->if_ops->ifo_down != NULL)
		ifp->if_ops->ifo_down(ifp);
}

static int
if_up(struct ifnet *ifp, uint32_t flags)
{
	int error = 0;

	if (ifp->if_ops->ifo_up != NULL)
		error = ifp->if_ops->ifo_up(ifp);
	if (error != 0)
		return error;
	store_flags(ifp, flags);
	ifaddr_up(ifp);
	if_event(ifp, IFE_UP, NULL);
	return 0;
}

int
if_setflags(struct ifnet *ifp, uint32_t set, uint32_t clear)
{
	uint32_t old = if_flags(ifp), new, changed;
	int error = 0;

	KASSERT(ifnet_locked(ifp->if_vnet));
	if (if_dead(ifp))
		return ENODEV;
	new = (old & ~(clear & IFF_USER)) | (set & IFF_USER);
	changed = old ^ new;
	if (changed == 0)
		return 0;
	if ((changed & new & IFF_UP) != 0)
		error = if_up(ifp, new);
	else if ((changed & IFF_UP) != 0)
		if_down(ifp, new);
	else
		store_flags(ifp, new);
	if (error != 0)
		return error;
	if ((changed & (IFF_PROMISC | IFF_ALLMULTI)) != 0 &&
	    ifp->if_ops->ifo_setfilter != NULL)
		ifp->if_ops->ifo_setfilter(ifp);
	if ((changed & ~(uint32_t)IFF_UP) != 0)
		if_event(ifp, IFE_CHANGE, NULL);
	return 0;
}

void
if_link_state(struct ifnet *ifp, bool up)
{
	ifnet_lock(ifp->if_vnet);
	if (ifp->if_priv->fp_carrier != up && !if_dead(ifp)) {
		ifp->if_priv->fp_carrier = up;
		store_flags(ifp, if_flags(ifp));
		if_event(ifp, IFE_CHANGE, NULL);
	}
	ifnet_unlock(ifp->if_vnet);
}

int
if_setmtu(struct ifnet *ifp, uint32_t mtu)
{
	int error = 0;

	KASSERT(ifnet_locked(ifp->if_vnet));
	if (mtu < ifp->if_minmtu ||
	    (ifp->if_maxmtu != 0 && mtu > ifp->if_maxmtu))
		return EINVAL;
	if (mtu == if_mtu(ifp))
		return 0;
	if (ifp->if_ops->ifo_setmtu != NULL)
		error = ifp->if_ops->ifo_setmtu(ifp, mtu);
	if (error != 0)
		return error;
	atomic_store_explicit(&ifp->if_mtu, mtu, memory_order_relaxed);
	route_changed(ifp->if_vnet);
	if_event(ifp, IFE_MTU, NULL);
	return 0;
}

int
if_setname(struct ifnet *ifp, const char *name)
{
	struct ifnet *other;
	unsigned i;

	KASSERT(ifnet_locked(ifp->if_vnet));
	if (!if_name_valid(name))
		return EINVAL;
	other = if_byname(ifp->if_vnet, name);
	if (other == ifp)
		return 0;
	if (other != NULL)
		return EEXIST;
	if (if_is(ifp, IFF_UP))
		return EBUSY;
	for (i = 0; i <= strlen(name); i++)
		__atomic_store_n(&ifp->if_name[i], name[i], __ATOMIC_RELAXED);
	if_event(ifp, IFE_CHANGE, NULL);
	return 0;
}

int
if_sethwaddr(struct ifnet *ifp, const uint8_t *addr)
{
	uint8_t n = ifp->if_ltype->ilt_addrlen;
	uint64_t lladdr;
	int error = 0;

	KASSERT(ifnet_locked(ifp->if_vnet));
	if (n == 0 || n > sizeof(ifp->if_hwaddr) ||
	    (if_flags(ifp) & IFF_LOOPBACK) != 0)
		return EOPNOTSUPP;
	if (ifp->if_ltype->ilt_type == ARPHRD_ETHER &&
	    ((addr[0] & 1) != 0 || memcmp(addr, "\0\0\0\0\0", ETH_ALEN) == 0))
		return EADDRNOTAVAIL;
	if (ifp->if_ops->ifo_sethwaddr != NULL)
		error = ifp->if_ops->ifo_sethwaddr(ifp, addr);
	if (error != 0)
		return error;
	memcpy(ifp->if_hwaddr, addr, n);
	memcpy(&lladdr, ifp->if_hwaddr, sizeof(lladdr));
	atomic_store_explicit(&ifp->if_lladdr, lladdr, memory_order_relaxed);
	neigh_flush(ifp);
	if_event(ifp, IFE_CHANGE, NULL);
	return 0;
}
