/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interfaces come to a vnet, and leave it.
 */
#include "net.h"

/* A name for a format: its %d is the lowest number that is free. */
static int
if_choose_name(struct vnet *vn, const char *format, char name[IFNAMSIZ])
{
	const char *p = strchr(format, '%');
	unsigned i;
	int n;

	if (p == NULL) {
		if (!if_name_valid(format))
			return EINVAL;
		strlcpy(name, format, IFNAMSIZ);
		return if_byname(vn, name) == NULL ? 0 : EEXIST;
	}
	if (p[1] != 'd' || strchr(p + 2, '%') != NULL)
		return EINVAL;
	for (i = 0; i < 32768; i++) {
		n = snprintf(name, IFNAMSIZ, "%.*s%u%s", (int)(p - format),
		    format, i, p + 2);
		if (n >= IFNAMSIZ || !if_name_valid(name))
			return EINVAL;
		if (if_byname(vn, name) == NULL)
			return 0;
	}
	return ENFILE;
}

static void
if_link_last(struct net_vnet *nv, struct ifnet *ifp)
{
	_Atomic(struct ifnet *) *pp = &nv->nv_ifs;
	struct ifnet *p;

	while ((p = atomic_load(pp)) != NULL)
		pp = &p->if_next;
	atomic_store_explicit(pp, ifp, memory_order_release);
}

static void
if_unlink(struct net_vnet *nv, struct ifnet *ifp)
{
	_Atomic(struct ifnet *) *pp = &nv->nv_ifs;
	struct ifnet *p;

	while ((p = atomic_load(pp)) != ifp)
		pp = &p->if_next;
	atomic_store_explicit(pp, atomic_load(&ifp->if_next),
	    memory_order_release);
}

int
if_attach(struct vnet *vn, struct ifnet *ifp, const char *name)
{
	struct net_vnet *nv = net_vnet(vn);
	uint64_t lladdr;
	int error;

	ifnet_lock(vn);
	error = nv->nv_shutdown ? ENXIO : if_choose_name(vn, name,
	    ifp->if_name);
	if (error != 0)
		goto out;
	ifp->if_vnet = vn;
	ifp->if_index = ++nv->nv_lastindex;
	memcpy(&lladdr, ifp->if_hwaddr, sizeof(lladdr));
	atomic_store_explicit(&ifp->if_lladdr, lladdr, memory_order_relaxed);
	error = nexthop_attach(ifp);
	if (error != 0)
		goto out;
	vnet_hold(vn);
	if_hold(ifp);
	if_link_last(nv, ifp);
	if_event(ifp, IFE_ATTACH, NULL);
out:
	ifnet_unlock(vn);
	return error;
}

static void
if_taps_gone(struct ifnet *ifp)
{
	struct if_impair *im;
	struct if_tap *tap;

	while ((tap = atomic_load(&ifp->if_taplist)) != NULL) {
		if_tap_remove(ifp, tap);
		if (tap->tap_gone != NULL)
			tap->tap_gone(tap, ifp);
	}
	im = atomic_exchange(&ifp->if_impair, NULL);
	if (im != NULL && im->im_gone != NULL)
		im->im_gone(im, ifp);
}

void
if_detach(struct ifnet *ifp)
{
	struct vnet *vn = ifp->if_vnet;

	ifnet_lock(vn);
	if (if_dead(ifp)) {
		ifnet_unlock(vn);
		return;
	}
	(void)if_setflags(ifp, 0, IFF_UP);
	ifaddr_purge(ifp);
	route_purge(ifp, true);
	if_mcast_purge(ifp);
	if_taps_gone(ifp);
	if_event(ifp, IFE_DETACH, NULL);
	atomic_store(&ifp->if_dead, true);
	if_unlink(net_vnet(vn), ifp);
	nexthop_detach(ifp);
	route_changed(vn);
	ifnet_unlock(vn);
	epoch_synchronize();
	if_rele(ifp);
	vnet_rele(vn);
}
