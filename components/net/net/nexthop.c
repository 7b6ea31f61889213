/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Next hops: immutable, counted, and one for all routes that say the same.
 *
 * Routes and caches hold references. A reader in an epoch may find one whose
 * last reference is gone: nexthop_tryhold() tells.
 */
#include "route_impl.h"

struct nexthop *
nexthop_hold(struct nexthop *nh)
{
	atomic_fetch_add_explicit(&nh->nh_refs, 1, memory_order_relaxed);
	return nh;
}

bool
nexthop_tryhold(struct nexthop *nh)
{
	uint32_t n = atomic_load_explicit(&nh->nh_refs, memory_order_relaxed);

	while (n != 0)
		if (atomic_compare_exchange_weak_explicit(&nh->nh_refs, &n,
		    n + 1, memory_order_relaxed, memory_order_relaxed))
			return true;
	return false;
}

static void
nexthop_free(struct epoch_entry *ee)
{
	kmem_free(container_of(ee, struct nexthop, nh_epoch),
	    sizeof(struct nexthop));
}

void
nexthop_rele(struct nexthop *nh)
{
	struct rtvnet *rv;

	if (atomic_fetch_sub_explicit(&nh->nh_refs, 1,
	    memory_order_acq_rel) != 1)
		return;
	/* An interface's own is on no list: linked to itself. */
	rv = rtvnet(nh->nh_ifp->if_vnet);
	spin_lock(&rv->rv_nhlock);
	list_remove(&nh->nh_link);
	spin_unlock(&rv->rv_nhlock);
	/* The interface's memory outlives the epoch, too. */
	if_rele(nh->nh_ifp);
	epoch_defer(&nh->nh_epoch, nexthop_free);
}

static bool
same(const struct nexthop *a, const struct nexthop *b)
{
	return a->nh_ifp == b->nh_ifp && a->nh_oif == b->nh_oif &&
	    a->nh_family == b->nh_family && a->nh_scope == b->nh_scope &&
	    a->nh_flags == b->nh_flags &&
	    inaddr_eq(&a->nh_gateway, &b->nh_gateway) &&
	    inaddr_eq(&a->nh_prefsrc, &b->nh_prefsrc) &&
	    a->nh_mtu == b->nh_mtu && a->nh_hoplimit == b->nh_hoplimit &&
	    a->nh_window == b->nh_window &&
	    a->nh_initcwnd == b->nh_initcwnd &&
	    a->nh_initrwnd == b->nh_initrwnd &&
	    a->nh_rtomin == b->nh_rtomin && a->nh_advmss == b->nh_advmss &&
	    a->nh_features == b->nh_features;
}

static unsigned
bucket(const struct nexthop *nh)
{
	uint64_t h = nh->nh_gateway.a64[0] ^ nh->nh_gateway.a64[1] ^
	    nh->nh_prefsrc.a64[0] ^ nh->nh_oif;

	return (unsigned)((h * 0x9e3779b97f4a7c15ull) >> 60) % NHBUCKETS;
}

static struct nexthop *
nexthop_copy(const struct nexthop *like)
{
	struct nexthop *nh;

	nh = kmem_alloc(sizeof(*nh), 0);
	if (nh == NULL)
		return NULL;
	*nh = *like;
	atomic_init(&nh->nh_refs, 1);
	list_node_init(&nh->nh_link);
	if_hold(nh->nh_ifp);
	return nh;
}

int
nexthop_get(struct rtvnet *rv, const struct nexthop *like,
    struct nexthop **nhp)
{
	struct list *head = &rv->rv_nexthops[bucket(like)], *n;
	struct nexthop *nh;

	spin_lock(&rv->rv_nhlock);
	LIST_FOREACH(n, head) {
		nh = container_of(n, struct nexthop, nh_link);
		if (same(nh, like) && nexthop_tryhold(nh)) {
			spin_unlock(&rv->rv_nhlock);
			*nhp = nh;
			return 0;
		}
	}
	nh = nexthop_copy(like);
	if (nh != NULL)
		list_insert_head(head, &nh->nh_link);
	spin_unlock(&rv->rv_nhlock);
	*nhp = nh;
	return nh != NULL ? 0 : ENOMEM;
}

/* ---- An interface's own --------------------------------------------------- */

static const uint16_t own_flags[3] = { 0, NH_BCAST, NH_MCAST };

int
nexthop_attach(struct ifnet *ifp)
{
	struct nexthop like = { .nh_ifp = ifp, .nh_oif = ifp->if_index,
	    .nh_scope = RT_SCOPE_LINK };
	unsigned i;

	for (i = 0; i < 3; i++) {
		like.nh_flags = own_flags[i];
		ifp->if_priv->fp_nh[i] = nexthop_copy(&like);
		if (ifp->if_priv->fp_nh[i] == NULL) {
			nexthop_detach(ifp);
			return ENOMEM;
		}
	}
	return 0;
}

void
nexthop_detach(struct ifnet *ifp)
{
	unsigned i;

	for (i = 0; i < 3; i++)
		if (ifp->if_priv->fp_nh[i] != NULL)
			nexthop_rele(ifp->if_priv->fp_nh[i]);
}

struct nexthop *
if_nexthop(struct ifnet *ifp, uint16_t flags)
{
	if (if_dead(ifp))
		return NULL;
	return ifp->if_priv->fp_nh[flags == NH_BCAST ? 1 :
	    flags == NH_MCAST ? 2 : 0];
}
