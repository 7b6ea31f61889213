/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The groups that an interface receives: by network address, counted; the
 * Ethernet addresses that they map to (RFC 1112 6.4, RFC 2464 7) for drivers that filter.
 */
#include "net.h"

/*
 * I  immutable   n  ifnet_lock
 */
struct ifmcast {
	_Atomic(struct ifmcast *) im_next;	/* [n] */
	union inaddr im_group;			/* [I] */
	int im_family;				/* [I] */
	uint8_t im_ether[ETH_ALEN];		/* [I] */
	uint32_t im_count;			/* [n] */
	struct epoch_entry im_epoch;
};

void
ether_mcast(int family, const union inaddr *group, uint8_t addr[6])
{
	if (family == AF_INET) {
		addr[0] = 0x01;
		addr[1] = 0x00;
		addr[2] = 0x5e;
		addr[3] = group->a8[1] & 0x7f;
		addr[4] = group->a8[2];
		addr[5] = group->a8[3];
	} else {
		addr[0] = addr[1] = 0x33;
		memcpy(addr + 2, group->a8 + 12, 4);
	}
}

static struct ifmcast *
next(_Atomic(struct ifmcast *) *pp)
{
	return atomic_load_explicit(pp, memory_order_acquire);
}

static struct ifmcast *
find(struct ifnet *ifp, int family, const union inaddr *group)
{
	struct ifmcast *im;

	for (im = next(&ifp->if_mcast); im != NULL; im = next(&im->im_next))
		if (im->im_family == family &&
		    inaddr_eq(&im->im_group, group))
			return im;
	return NULL;
}

bool
if_mcast_member(struct ifnet *ifp, int family, const union inaddr *group)
{
	return find(ifp, family, group) != NULL;
}

bool
if_mcast_ether(struct ifnet *ifp, const uint8_t *addr)
{
	struct ifmcast *im;

	for (im = next(&ifp->if_mcast); im != NULL; im = next(&im->im_next))
		if (memcmp(im->im_ether, addr, ETH_ALEN) == 0)
			return true;
	return false;
}

static void
filter_changed(struct ifnet *ifp)
{
	if (ifp->if_ops->ifo_setfilter != NULL)
		ifp->if_ops->ifo_setfilter(ifp);
}

static int
join(struct ifnet *ifp, int family, const union inaddr *group)
{
	struct ifmcast *im = find(ifp, family, group);

	if (if_dead(ifp))
		return ENODEV;
	if (im != NULL) {
		im->im_count++;
		return 0;
	}
	im = kmem_zalloc(sizeof(*im), 0);
	if (im == NULL)
		return ENOMEM;
	im->im_family = family;
	im->im_group = *group;
	im->im_count = 1;
	ether_mcast(family, group, im->im_ether);
	atomic_init(&im->im_next, next(&ifp->if_mcast));
	atomic_store_explicit(&ifp->if_mcast, im, memory_order_release);
	filter_changed(ifp);
	return 0;
}

static void
mcast_free(struct epoch_entry *ee)
{
	kmem_free(container_of(ee, struct ifmcast, im_epoch),
	    sizeof(struct ifmcast));
}

static void
unlink_group(struct ifnet *ifp, struct ifmcast *im)
{
	_Atomic(struct ifmcast *) *pp = &ifp->if_mcast;

	while (next(pp) != im)
		pp = &next(pp)->im_next;
	atomic_store_explicit(pp, next(&im->im_next), memory_order_release);
	epoch_defer(&im->im_epoch, mcast_free);
}

static int
leave(struct ifnet *ifp, int family, const union inaddr *group)
{
	struct ifmcast *im = find(ifp, family, group);

	if (im == NULL)
		return EADDRNOTAVAIL;
	if (--im->im_count == 0) {
		unlink_group(ifp, im);
		filter_changed(ifp);
	}
	return 0;
}

int
if_mcast_join(struct ifnet *ifp, int family, const union inaddr *group)
{
	int error;

	ifnet_lock(ifp->if_vnet);
	error = join(ifp, family, group);
	ifnet_unlock(ifp->if_vnet);
	return error;
}

int
if_mcast_leave(struct ifnet *ifp, int family, const union inaddr *group)
{
	int error;

	ifnet_lock(ifp->if_vnet);
	error = leave(ifp, family, group);
	ifnet_unlock(ifp->if_vnet);
	return error;
}

void
if_mcast_purge(struct ifnet *ifp)
{
	struct ifmcast *im;

	while ((im = next(&ifp->if_mcast)) != NULL)
		unlink_group(ifp, im);
}
