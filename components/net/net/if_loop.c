/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Links without a header, and the loopback interface, one in each vnet. What goes
 * out on lo is queued and comes in at the end of the sender's section, offloads not done.
 */
#include "net.h"

#define LOOP_QUEUE	4096	/* packets */
#define LOOP_MTU	65536

struct loop {
	struct netqueue l_queue;
	struct ifnet *l_ifp;
};

/* ---- Links whose frames are packets ----------------------------------------- */

static int
raw_output(struct ifnet *ifp, struct mbuf *m, uint16_t ethertype __maybe_unused,
    const struct nexthop *nh __maybe_unused,
    const union inaddr *dst __maybe_unused)
{
	return if_transmit(ifp, m);
}

/* The first four bits tell the family. */
static uint16_t
raw_type(const struct mbuf *m)
{
	if (m->m_len == 0)
		return 0;
	switch (m->m_data[0] >> 4) {
	case 4:
		return ETH_P_IP;
	case 6:
		return ETH_P_IPV6;
	default:
		return 0;
	}
}

static void
raw_input(struct ifnet *ifp, struct mbuf *batch)
{
	struct mbuf *m, *next, *run = NULL, **tail = &run;
	uint16_t type, last = 0;

	for (m = batch; m != NULL; m = next) {
		next = m->m_nextpkt;
		m->m_nextpkt = NULL;
		m->m_ph.ph_l2 = m->m_ph.ph_l3 = m_offset(m, m->m_data);
		type = raw_type(m);
		if (type == 0) {
			if_count(ifp, IFS_RXNOPROTO, 1);
			m_freem(m);
			continue;
		}
		if (type != last && run != NULL) {
			netproto_input(ifp, last, run);
			run = NULL;
			tail = &run;
		}
		last = type;
		*tail = m;
		tail = &m->m_nextpkt;
	}
	if (run != NULL)
		netproto_input(ifp, last, run);
}

const struct ifltype rawip_ltype = {
	.ilt_type = ARPHRD_NONE,
	.ilt_output = raw_output,
	.ilt_input = raw_input,
};

const struct ifltype loop_ltype = {
	.ilt_type = ARPHRD_LOOPBACK,
	.ilt_addrlen = ETH_ALEN,
	.ilt_output = raw_output,
	.ilt_input = raw_input,
};

/* ---- lo ------------------------------------------------------------------------ */

static int
loop_transmit(struct ifnet *ifp, struct mbuf *m, unsigned *sent __maybe_unused)
{
	struct loop *l = ifp->if_softc;
	struct mbuf *p;

	for (p = m; p != NULL; p = p->m_nextpkt)
		p->m_ph.ph_flags |= MP_LOOP;
	return netqueue_put(&l->l_queue, m);
}

static void
loop_receive(struct netqueue *nq, struct mbuf *batch)
{
	if_input(container_of(nq, struct loop, l_queue)->l_ifp, batch);
}

static void
loop_fini(struct ifnet *ifp)
{
	struct loop *l = ifp->if_softc;

	netqueue_fini(&l->l_queue);
	kmem_free(l, sizeof(*l));
}

static const struct ifops loop_ops = {
	.ifo_kind = "lo",
	.ifo_transmit = loop_transmit,
	.ifo_fini = loop_fini,
};

int
loop_create(struct vnet *vn, struct ifnet **ifpp)
{
	struct ifnet *ifp;
	struct loop *l;
	int error;

	l = kmem_zalloc(sizeof(*l), 0);
	if (l == NULL)
		return ENOMEM;
	error = netqueue_init(&l->l_queue, LOOP_QUEUE, loop_receive);
	if (error != 0)
		goto fail_free;
	ifp = if_alloc(&loop_ops, &loop_ltype, l);
	if (ifp == NULL) {
		netqueue_fini(&l->l_queue);
		error = ENOMEM;
		goto fail_free;
	}
	l->l_ifp = ifp;
	ifp->if_caps = IFCAP_CSUM | IFCAP_TSO | IFCAP_USO | IFCAP_SG |
	    IFCAP_RXCSUM;
	ifp->if_maxmtu = UINT32_MAX / 2;
	atomic_store(&ifp->if_mtu, LOOP_MTU);
	atomic_store(&ifp->if_flags, IFF_LOOPBACK);
	error = if_attach(vn, ifp, "lo");
	if (error != 0) {
		if_rele(ifp);
		return error;
	}
	*ifpp = ifp;
	return 0;

fail_free:
	kmem_free(l, sizeof(*l));
	return error;
}
