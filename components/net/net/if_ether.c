/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ethernet II frames (RFC 894): headers out, and in to the protocols. Of VLAN tags
 * only priority tags (VID 0) are ours.
 */
#include "net.h"

/* ---- Out ------------------------------------------------------------------ */

int
ether_send(struct ifnet *ifp, struct mbuf *m, uint16_t ethertype,
    uint64_t dst)
{
	uint64_t src = atomic_load_explicit(&ifp->if_lladdr,
	    memory_order_relaxed);
	uint8_t *h;

	m = m_prepend(m, ETH_HLEN);
	if (__unlikely(m == NULL)) {
		if_count(ifp, IFS_TXDROPS, 1);
		return ENOBUFS;
	}
	h = m->m_data;
	memcpy(h, &dst, ETH_ALEN);
	memcpy(h + ETH_ALEN, &src, ETH_ALEN);
	be16enc(h + 2 * ETH_ALEN, ethertype);
	m->m_ph.ph_l2 = m_offset(m, h);
	return if_transmit(ifp, m);
}

static int
send_group(struct ifnet *ifp, struct mbuf *m, uint16_t ethertype, int family,
    const union inaddr *dst)
{
	uint64_t to = 0;
	uint8_t addr[8] = { 0 };

	ether_mcast(family, dst, addr);
	memcpy(&to, addr, sizeof(to));
	return ether_send(ifp, m, ethertype, to);
}

static int
ether_output(struct ifnet *ifp, struct mbuf *m, uint16_t ethertype,
    const struct nexthop *nh, const union inaddr *dst)
{
	int family = ethertype == ETH_P_IPV6 ? AF_INET6 : AF_INET;
	uint64_t bcast;

	if (nh != NULL && (nh->nh_flags & NH_GATEWAY) != 0)
		return neigh_output(ifp, m, ethertype, nh->nh_family,
		    &nh->nh_gateway);
	if (family == AF_INET) {
		if (__unlikely(dst->a4 == 0xffffffff ||
		    (nh != NULL && (nh->nh_flags & NH_BCAST) != 0))) {
			memcpy(&bcast, ifp->if_hwbcast, sizeof(bcast));
			return ether_send(ifp, m, ethertype, bcast);
		}
		if (__unlikely(dst->a8[0] >> 4 == 0xe))
			return send_group(ifp, m, ethertype, family, dst);
	} else if (dst->a8[0] == 0xff) {
		return send_group(ifp, m, ethertype, family, dst);
	}
	return neigh_output(ifp, m, ethertype, family, dst);
}

/* ---- In ------------------------------------------------------------------- */

static void
drop(struct ifnet *ifp, struct mbuf *m, enum ifstat why)
{
	if_count(ifp, why, 1);
	m_freem(m);
}

/* Whom is it for? false: nobody here. */
static bool
classify(struct ifnet *ifp, struct mbuf *m, const uint8_t *own)
{
	const uint8_t *dst = m->m_data;

	if (__likely(memcmp(dst, own, ETH_ALEN) == 0))
		return true;
	if ((dst[0] & 1) == 0) {
		m->m_ph.ph_flags |= MP_OTHERHOST;
		return false;
	}
	if (memcmp(dst, ifp->if_hwbcast, ETH_ALEN) == 0) {
		m->m_ph.ph_flags |= MP_BCAST;
	} else {
		m->m_ph.ph_flags |= MP_MCAST;
		if_count(ifp, IFS_RXMCAST, 1);
	}
	return true;
}

/* Cut the header; *type is what follows. NULL: it was dropped. */
static struct mbuf *
strip(struct ifnet *ifp, struct mbuf *m, const uint8_t *own, uint16_t *type)
{
	unsigned hlen = ETH_HLEN;

	if (__unlikely(m->m_len < ETH_HLEN)) {
		m = m_pullup(m, ETH_HLEN);
		if (m == NULL) {
			if_count(ifp, IFS_RXERRORS, 1);
			return NULL;
		}
	}
	m->m_ph.ph_l2 = m_offset(m, m->m_data);
	if (!classify(ifp, m, own)) {
		m_freem(m);	/* another's: a tap has seen it */
		return NULL;
	}
	*type = be16dec(m->m_data + 2 * ETH_ALEN);
	if (__unlikely(*type == ETH_P_8021Q)) {
		m = m_pullup(m, ETH_HLEN + 4);
		if (m == NULL) {
			if_count(ifp, IFS_RXERRORS, 1);
			return NULL;
		}
		hlen += 4;
		m->m_ph.ph_vlan = be16dec(m->m_data + ETH_HLEN);
		*type = be16dec(m->m_data + ETH_HLEN + 2);
		if ((m->m_ph.ph_vlan & 0xfff) != 0) {
			drop(ifp, m, IFS_RXNOPROTO);
			return NULL;
		}
	}
	/* IEEE 802.3: a length; nothing here speaks LLC. */
	if (__unlikely(*type < ETH_P_802_3_MIN)) {
		drop(ifp, m, IFS_RXNOPROTO);
		return NULL;
	}
	m_adj(m, (ssize_t)hlen);
	m->m_ph.ph_l3 = m_offset(m, m->m_data);
	return m;
}

static void
ether_input(struct ifnet *ifp, struct mbuf *batch)
{
	uint64_t lladdr = atomic_load_explicit(&ifp->if_lladdr,
	    memory_order_relaxed);
	struct mbuf *m, *next, *run = NULL, **tail = &run;
	uint16_t type = 0, last = 0;
	uint8_t own[8];

	memcpy(own, &lladdr, sizeof(own));
	for (m = batch; m != NULL; m = next) {
		next = m->m_nextpkt;
		m->m_nextpkt = NULL;
		m = strip(ifp, m, own, &type);
		if (m == NULL)
			continue;
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

const struct ifltype ether_ltype = {
	.ilt_type = ARPHRD_ETHER,
	.ilt_addrlen = ETH_ALEN,
	.ilt_hdrlen = ETH_HLEN,
	.ilt_output = ether_output,
	.ilt_input = ether_input,
};
