/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * k_inet.h's functions, for a kernel half to include.
 */
#include <kern/assert.h>
#include <kern/ifnet.h>
#include <kern/kmem.h>
#include <kern/route.h>

#include "k_inet.h"

#define TIFS 8

static struct tif {
	struct ifnet *t_ifp;
	struct tif *t_peer;
	struct netqueue t_queue;	/* towards the stack */
	struct kspin t_lock;
	struct mbuf *t_sent, **t_tail;	/* [t_lock] */
} *tifs[TIFS];				/* the last of each number */

static struct lock_class tif_lc = LOCK_CLASS("tif", 0);

static int
tif_transmit(struct ifnet *ifp, struct mbuf *m,
    unsigned *sent __maybe_unused)
{
	struct tif *t = ifp->if_softc;
	struct mbuf *p;

	if (t->t_peer != NULL) {
		for (p = m; p != NULL; p = p->m_nextpkt)
			p->m_ph.ph_flags = 0;
		return netqueue_put(&t->t_peer->t_queue, m);
	}
	spin_lock(&t->t_lock);
	*t->t_tail = m;
	while (*t->t_tail != NULL)
		t->t_tail = &(*t->t_tail)->m_nextpkt;
	spin_unlock(&t->t_lock);
	return 0;
}

static void
tif_input(struct netqueue *nq, struct mbuf *batch)
{
	if_input(container_of(nq, struct tif, t_queue)->t_ifp, batch);
}

static void
tif_fini(struct ifnet *ifp)
{
	struct tif *t = ifp->if_softc;

	netqueue_fini(&t->t_queue);
	m_freelist(t->t_sent);
	spin_fini(&t->t_lock);
	kmem_free(t, sizeof(*t));
}

static int
tif_destroy(struct ifnet *ifp)
{
	if_detach(ifp);
	if_rele(ifp);
	return 0;
}

static const struct ifops tif_ops = {
	.ifo_kind = "test",
	.ifo_transmit = tif_transmit,
	.ifo_destroy = tif_destroy,
	.ifo_fini = tif_fini,
};

int
rumptest_vnet_enter(void)
{
	struct vnet *vn, *old = curproc->p_vnet;
	int error;

	error = vnet_create(&vn);
	if (error == 0) {
		curproc->p_vnet = vn;
		vnet_leave(old);
	}
	return error;
}

static int
tif_address(struct ifnet *ifp, unsigned addr, unsigned plen)
{
	struct ifaddr ifa;

	memset(&ifa, 0, sizeof(ifa));
	ifa.ifa_ifp = ifp;
	ifa.ifa_family = AF_INET;
	ifa.ifa_addr = ifa.ifa_peer = inaddr4(htobe32(addr));
	if (plen < 31)
		ifa.ifa_bcast = inaddr4(htobe32(addr | ~0u >> plen));
	ifa.ifa_plen = (uint8_t)plen;
	ifa.ifa_scope = RT_SCOPE_UNIVERSE;
	ifa.ifa_valid = ifa.ifa_preferred = ~0u;
	strlcpy(ifa.ifa_label, ifp->if_name, sizeof(ifa.ifa_label));
	return ifaddr_add(ifp, &ifa);
}

int
rumptest_if(unsigned id, unsigned addr, unsigned plen, unsigned mtu)
{
	struct tif *t = kmem_zalloc(sizeof(*t), 0);
	struct vnet *vn = curvnet();
	char name[IFNAMSIZ];
	int error;

	if (t == NULL)
		return ENOMEM;
	tifs[id] = t;
	t->t_tail = &t->t_sent;
	spin_init(&t->t_lock, &tif_lc);
	error = netqueue_init(&t->t_queue, 4096, tif_input);
	if (error != 0)
		return error;
	t->t_ifp = if_alloc(&tif_ops, &rawip_ltype, t);
	if (t->t_ifp == NULL)
		return ENOMEM;
	t->t_ifp->if_caps = IFCAP_SG;
	t->t_ifp->if_minmtu = 68;
	t->t_ifp->if_maxmtu = 65535;
	atomic_store(&t->t_ifp->if_flags, IFF_BROADCAST | IFF_MULTICAST |
	    IFF_RUNNING | IFF_LOWER_UP);
	atomic_store(&t->t_ifp->if_mtu, mtu);
	snprintf(name, sizeof(name), "t%u", id);
	error = if_attach(vn, t->t_ifp, name);
	if (error != 0)
		return error;
	ifnet_lock(vn);
	error = if_setflags(t->t_ifp, IFF_UP, 0);
	if (error == 0 && addr != 0)
		error = tif_address(t->t_ifp, addr, plen);
	ifnet_unlock(vn);
	return error;
}

void
rumptest_wire(unsigned id, unsigned other)
{
	tifs[id]->t_peer = tifs[other];
	tifs[other]->t_peer = tifs[id];
	/* Whole packets, unsummed, as in-process links take them. */
	tifs[id]->t_ifp->if_caps |= IFCAP_CSUM | IFCAP_TSO | IFCAP_USO;
	tifs[other]->t_ifp->if_caps |= IFCAP_CSUM | IFCAP_TSO | IFCAP_USO;
}

int
rumptest_mtu(unsigned id, unsigned mtu)
{
	struct vnet *vn = tifs[id]->t_ifp->if_vnet;
	int error;

	ifnet_lock(vn);
	error = if_setmtu(tifs[id]->t_ifp, mtu);
	ifnet_unlock(vn);
	return error;
}

void
rumptest_inject(unsigned id, const void *buf, unsigned n, unsigned piece)
{
	const uint8_t *p = buf;
	struct mbuf *m, *more;
	unsigned len, total = n;

	len = piece == 0 ? n : MIN(piece, n);
	m = m_devget(p, len, MAX_LINKHDR);
	for (n -= len; n > 0; n -= len) {
		p += len;
		len = MIN(piece, n);
		more = m_devget(p, len, 0);
		more->m_flags &= (uint16_t)~M_PKTHDR;
		m_last(m)->m_next = more;
	}
	m->m_ph.ph_len = total;
	netisr_enter();
	epoch_enter();
	if_input(tifs[id]->t_ifp, m);
	epoch_exit();
	netisr_exit();
}

int
rumptest_capture(unsigned id, void *buf, unsigned size)
{
	struct tif *t = tifs[id];
	struct mbuf *m;
	int n;

	spin_lock(&t->t_lock);
	m = t->t_sent;
	if (m != NULL) {
		t->t_sent = m->m_nextpkt;
		if (t->t_sent == NULL)
			t->t_tail = &t->t_sent;
		m->m_nextpkt = NULL;
	}
	spin_unlock(&t->t_lock);
	if (m == NULL)
		return -1;
	n = (int)m->m_ph.ph_len;
	if (m_length(m) != m->m_ph.ph_len)
		panic("a packet of %d bytes has %zu", n, m_length(m));
	m_copydata(m, 0, MIN((unsigned)n, size), buf);
	m_freem(m);
	return n;
}

int
rumptest_route(unsigned dst, unsigned plen, unsigned gw, unsigned id)
{
	struct nexthop nh;
	struct route_entry re;

	memset(&nh, 0, sizeof(nh));
	memset(&re, 0, sizeof(re));
	nh.nh_ifp = tifs[id]->t_ifp;
	nh.nh_family = AF_INET;
	if (gw != 0) {
		nh.nh_flags = NH_GATEWAY;
		nh.nh_gateway = inaddr4(htobe32(gw));
	}
	re.re_family = AF_INET;
	re.re_plen = (uint8_t)plen;
	re.re_type = RTN_UNICAST;
	re.re_protocol = RTPROT_STATIC;
	re.re_scope = gw != 0 ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK;
	re.re_table = RT_TABLE_MAIN;
	re.re_dst = inaddr4(htobe32(dst));
	re.re_nh = &nh;
	return route_add(curvnet(), &re, NLM_F_CREATE);
}
