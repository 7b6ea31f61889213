/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The component's parts of each vnet: interfaces with their neighbours, then
 * routes, then lo, which goes up at once.
 */
#include "net.h"
#include "netlink.h"

int net_init(void);

static struct lock_class ifnet_lc = LOCK_CLASS("ifnet", 0);

static int
net_vnet_init(struct vnet *vn __maybe_unused, void **datap)
{
	struct net_vnet *nv;
	int error;

	nv = kmem_zalloc(sizeof(*nv), 0);
	if (nv == NULL)
		return ENOMEM;
	error = neightab_create(&nv->nv_neigh);
	if (error != 0) {
		kmem_free(nv, sizeof(*nv));
		return error;
	}
	mutex_init(&nv->nv_lock, &ifnet_lc);
	*datap = nv;
	return 0;
}

/* Interfaces go: those that users made, others that are left, lo. */
static void
net_vnet_shutdown(struct vnet *vn, void *data)
{
	struct net_vnet *nv = data;
	struct ifnet *ifp;
	uint32_t index = 0;

	mutex_enter(&nv->nv_lock);
	nv->nv_shutdown = true;
	while ((ifp = if_next(vn, index)) != NULL) {
		index = ifp->if_index;
		if (ifp == nv->nv_lo)
			continue;
		if_hold(ifp);
		mutex_exit(&nv->nv_lock);
		if (ifp->if_ops->ifo_destroy == NULL ||
		    ifp->if_ops->ifo_destroy(ifp) != 0)
			if_detach(ifp);
		if_rele(ifp);
		mutex_enter(&nv->nv_lock);
	}
	mutex_exit(&nv->nv_lock);
	if (nv->nv_lo != NULL)
		if_detach(nv->nv_lo);
}

static void
net_vnet_fini(struct vnet *vn __maybe_unused, void *data)
{
	struct net_vnet *nv = data;

	if (nv->nv_lo != NULL)
		if_rele(nv->nv_lo);
	neightab_destroy(nv->nv_neigh);
	mutex_fini(&nv->nv_lock);
	kmem_free(nv, sizeof(*nv));
}

static const struct vnet_ops net_vnet_ops = {
	.vo_slot = VNET_NET,
	.vo_init = net_vnet_init,
	.vo_shutdown = net_vnet_shutdown,
	.vo_fini = net_vnet_fini,
};

static void
route_vnet_fini(struct vnet *vn, void *data)
{
	/* Where the vnet never came up, nothing was shut down. */
	if (!net_vnet(vn)->nv_shutdown)
		net_vnet_shutdown(vn, net_vnet(vn));
	rtvnet_destroy(data);
}

static int
route_vnet_init(struct vnet *vn, void **datap)
{
	struct net_vnet *nv = net_vnet(vn);
	struct rtvnet *rv;
	int error;

	error = rtvnet_create(vn, &rv);
	if (error != 0)
		return error;
	*datap = rv;
	error = loop_create(vn, &nv->nv_lo);
	if (error != 0) {
		route_vnet_fini(vn, rv);
		return error;
	}
	ifnet_lock(vn);
	error = if_setflags(nv->nv_lo, IFF_UP, 0);
	ifnet_unlock(vn);
	return error;
}

static const struct vnet_ops route_vnet_ops = {
	.vo_slot = VNET_ROUTE,
	.vo_init = route_vnet_init,
	.vo_fini = route_vnet_fini,
};

int
net_init(void)
{
	int error;

	if_clone_init();
	capture_init();
	if_sock_init();
	error = if_init();
	if (error != 0)
		return error;
	arp_init();
	error = vnet_register(&net_vnet_ops);
	if (error == 0)
		error = vnet_register(&route_vnet_ops);
	if (error == 0)
		error = netlink_init();
	return error;
}
