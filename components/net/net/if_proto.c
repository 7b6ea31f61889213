/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The network protocols: who gets packets and news of interfaces.
 */
#include "net.h"

static _Atomic(struct netproto *) protos;	/* in order of registration */

#define FOREACH_PROTO(np)						\
	for ((np) = atomic_load_explicit(&protos, memory_order_acquire); \
	    (np) != NULL; (np) = atomic_load_explicit(&(np)->np_next,	\
	    memory_order_acquire))

void
netproto_register(struct netproto *np)
{
	_Atomic(struct netproto *) *pp = &protos;
	struct netproto *end = NULL;

	atomic_store(&np->np_next, NULL);
	while (!atomic_compare_exchange_strong(pp, &end, np)) {
		pp = &end->np_next;
		end = NULL;
	}
}

static inline void
tell(struct netproto *np, struct ifnet *ifp, int event, struct ifaddr *ifa)
{
	if (np->np_event != NULL &&
	    ifp->if_vnet->vn_data[np->np_slot] != NULL)
		np->np_event(ifp, event, ifa);
}

void
if_event(struct ifnet *ifp, int event, struct ifaddr *ifa)
{
	struct netproto *np;

	KASSERT(ifnet_locked(ifp->if_vnet));
	FOREACH_PROTO(np)
		tell(np, ifp, event, ifa);
}

void
netproto_replay(struct netproto *np, struct vnet *vn)
{
	struct ifnet *ifp;
	struct ifaddr *ifa;

	ifnet_lock(vn);
	for (ifp = if_next(vn, 0); ifp != NULL;
	    ifp = if_next(vn, ifp->if_index)) {
		tell(np, ifp, IFE_ATTACH, NULL);
		IFADDR_FOREACH(ifa, ifp)
			tell(np, ifp, IFE_ADDR_NEW, ifa);
		if (if_is(ifp, IFF_UP))
			tell(np, ifp, IFE_UP, NULL);
	}
	ifnet_unlock(vn);
}

void
netproto_input(struct ifnet *ifp, uint16_t ethertype, struct mbuf *batch)
{
	struct netproto *np;
	struct mbuf *m;
	uint64_t n = 0;

	if (ethertype == ETH_P_IP && batch->m_nextpkt != NULL &&
	    (ifp->if_caps & IFCAP_RXCSUM) == 0)
		batch = gro_join(batch);
	FOREACH_PROTO(np) {
		if (np->np_ethertype == ethertype && ethertype != 0) {
			np->np_input(ifp, batch);
			return;
		}
	}
	for (m = batch; m != NULL; m = m->m_nextpkt)
		n++;
	if_count(ifp, IFS_RXNOPROTO, n);
	m_freelist(batch);
}

void
netproto_unreach(struct ifnet *ifp, uint16_t ethertype, struct mbuf *m)
{
	struct netproto *np;

	FOREACH_PROTO(np) {
		if (np->np_ethertype == ethertype && np->np_unreach != NULL) {
			np->np_unreach(ifp, m);
			return;
		}
	}
	m_freem(m);
}
