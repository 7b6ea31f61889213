/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * IPv4 in: RFC 791, what RFC 1122 3.2.1 demands of a host and RFC 1812 4.2, 5.3
 * of a router, RFC 1112 for groups.
 *
 * What is checked here holds for all that follows: the header is in the first
 * mbuf, its checksum is right, the packet is as long as it says, and the
 * addresses are possible.
 */
#include <kern/assert.h>
#include <linux/icmp.h>

#include "netinet.h"

static inline uint64_t
header_sum(const uint8_t *ip, uint32_t hlen)
{
	uint64_t sum = 0;
	uint32_t i, w;

	for (i = 0; i < hlen; i += 4) {
		memcpy(&w, ip + i, 4);
		sum += w;
	}
	return sum;
}

bool
ip_cksum_ok(const uint8_t *ip, uint32_t hlen)
{
	return in_cksum_fold(header_sum(ip, hlen)) == 0xffff;
}

void
ip_cksum_set(uint8_t *ip, uint32_t hlen)
{
	uint16_t sum = 0;

	memcpy(ip + IP_SUM, &sum, 2);
	sum = (uint16_t)~in_cksum_fold(header_sum(ip, hlen));
	memcpy(ip + IP_SUM, &sum, 2);
}

/* The header as RFC 1812 5.2.2 wants it checked. NULL: freed. */
static struct mbuf *
header_check(struct vnet_inet *vi, struct mbuf *m, uint32_t *hlenp)
{
	enum ip_counter why = IPS_ip_in_hdr_errors;
	uint32_t hlen, len;
	uint8_t *ip;

	if (__unlikely(m->m_ph.ph_len < IP_HDRLEN))
		goto drop;
	m = m_pullup(m, IP_HDRLEN);
	if (__unlikely(m == NULL))
		goto gone;
	ip = m->m_data;
	hlen = ip_hlen(ip);
	if (__unlikely(ip[IP_VHL] >> 4 != 4 || hlen < IP_HDRLEN ||
	    hlen > m->m_ph.ph_len))
		goto drop;
	if (__unlikely(m->m_len < hlen)) {
		m = m_pullup(m, hlen);
		if (m == NULL)
			goto gone;
		ip = m->m_data;
	}
	len = be16dec(ip + IP_LEN);
	if (__unlikely(len < hlen || !ip_cksum_ok(ip, hlen)))
		goto drop;
	if (__unlikely(len != m->m_ph.ph_len)) {
		if (len > m->m_ph.ph_len) {
			why = IPS_ip_in_truncated;
			goto drop;
		}
		m_adj(m, (ssize_t)len - (ssize_t)m->m_ph.ph_len);
	}
	*hlenp = hlen;
	return m;

drop:
	m_freem(m);
	ip_count(vi, why);
	return NULL;
gone:
	ip_count(vi, IPS_ip_in_discards);
	return NULL;
}

/*
 * Can a packet with these addresses come in here? RFC 1122 3.2.1.3, RFC 1812
 * 5.3.7: nobody sends from a group, from broadcast, or from loopback over a
 * network; nor from an address of ours.
 */
static bool
addresses_ok(struct vnet_inet *vi, const struct mbuf *m, uint32_t src,
    uint32_t dst)
{
	struct ifnet *ifp = m->m_ph.ph_ifp;

	if (in_multicast(src) || src == INADDR_NONE4 || in_reserved(src) ||
	    in_reserved(dst) || dst == 0)
		return false;
	if (if_is(ifp, IFF_LOOPBACK) || (m->m_ph.ph_flags & MP_LOOP) != 0)
		return true;
	if (in_loopback(src) || in_loopback(dst))
		return false;
	/* RFC 1122 3.2.1.3 (a): "this host", while it learns its address. */
	if (src == 0)
		return dst == INADDR_NONE4 || in_multicast(dst);
	return !in_addrs_has(vi, src) ||
	    ip_conf(vi, IPC_ip_accept_local) != 0;
}

/* What else does a router or a host see in it? */
static bool
options_in(struct mbuf **mp, uint32_t hlen, bool local)
{
	struct vnet_inet *vi = vnet_inet((*mp)->m_ph.ph_ifp->if_vnet);
	struct ip_optstate os;
	struct mbuf *m = *mp;
	uint32_t addr;
	unsigned bad;

	bad = ip_options_check(m->m_data + IP_HDRLEN, hlen - IP_HDRLEN, &os);
	if (bad != 0) {
		icmp_error(m, ICMP_PARAMETERPROB, 0, bad << 24);
		ip_count(vi, IPS_ip_in_hdr_errors);
		return false;
	}
	/* RFC 7126 4.3, 4.4: nobody follows source routes any more. */
	if (os.os_srr != 0) {
		icmp_error(m, ICMP_DEST_UNREACH, ICMP_SR_FAILED, 0);
		ip_count(vi, IPS_ip_in_addr_errors);
		return false;
	}
	if (!local || (os.os_rr | os.os_ts) == 0)
		return true;	/* ip_forward() notes what it must */
	m = *mp = m_makewritable(m, hlen);
	if (m == NULL)
		return false;
	addr = ip_addr(m->m_data + IP_DST);
	if (ip_options_record(m->m_data, addr, &os))
		ip_cksum_set(m->m_data, hlen);
	return true;
}

/* Is it for this host? Otherwise a router may forward it. */
static bool
is_ours(struct vnet_inet *vi, const struct mbuf *m, const uint8_t *ip)
{
	uint32_t dst = ip_addr(ip + IP_DST);
	struct ifnet *ifp = m->m_ph.ph_ifp;
	union inaddr group;
	struct route_key rk;
	struct nexthop *nh;

	if (__likely(in_addrs_has(vi, dst)) || dst == INADDR_NONE4)
		return true;
	if (in_multicast(dst)) {
		group = inaddr4(dst);
		/* RFC 1112 7.2: all hosts are in 224.0.0.1. */
		return dst == htobe32(INADDR_ALLHOSTS_GROUP) ||
		    if_mcast_member(ifp, AF_INET, &group);
	}
	memset(&rk, 0, sizeof(rk));
	rk.rk_family = AF_INET;
	rk.rk_dst.a4 = dst;
	rk.rk_src.a4 = ip_addr(ip + IP_SRC);
	rk.rk_iif = ifp->if_index;
	rk.rk_tos = ip[IP_TOSOFF];
	return route_lookup(vi->vi_vnet, &rk, &nh) == 0 &&
	    (nh->nh_flags & (NH_LOCAL | NH_BCAST)) != 0;
}

static void
input_one(struct ifnet *ifp, struct mbuf *m)
{
	struct vnet_inet *vi = vnet_inet(ifp->if_vnet);
	uint32_t hlen;
	bool ours;
	uint8_t *ip;

	ip_count(vi, IPS_ip_in_receives);
	m = header_check(vi, m, &hlen);
	if (m == NULL)
		return;
	ip = m->m_data;
	m->m_ph.ph_ifp = ifp;
	m->m_ph.ph_l3 = m_offset(m, ip);
	if (__unlikely(!addresses_ok(vi, m, ip_addr(ip + IP_SRC),
	    ip_addr(ip + IP_DST)))) {
		ip_count(vi, IPS_ip_in_addr_errors);
		goto drop;
	}
	ours = is_ours(vi, m, ip);
	if (__unlikely(hlen > IP_HDRLEN) && !options_in(&m, hlen, ours))
		goto drop;
	if (__unlikely(!ours)) {
		ip_forward(vi, m);
		return;
	}
	if (__unlikely((be16dec(m->m_data + IP_OFF) &
	    (IPF_MF | IPF_OFFSET)) != 0)) {
		m = ip_reass(vi, m, hlen);
		if (m == NULL)
			return;
	}
	ip_deliver(vi, m, ip_hlen(m->m_data));
	return;

drop:
	m_freem(m);
}

void
ip_input(struct ifnet *ifp, struct mbuf *batch)
{
	struct mbuf *m;

	while ((m = batch) != NULL) {
		batch = m->m_nextpkt;
		m->m_nextpkt = NULL;
		if (__unlikely((m->m_ph.ph_flags & MP_OTHERHOST) != 0))
			m_freem(m);
		else
			input_one(ifp, m);
	}
}

void
ip_loopback_input(struct netqueue *nq, struct mbuf *batch)
{
	struct vnet_inet *vi = container_of(nq, struct vnet_inet, vi_loopq);
	struct ifnet *ifp;
	uint32_t index;
	struct mbuf *m;

	while ((m = batch) != NULL) {
		batch = m->m_nextpkt;
		m->m_nextpkt = NULL;
		memcpy(&index, m->m_ph.ph_from + FROM_IFINDEX, sizeof(index));
		ifp = if_byindex(vi->vi_vnet, index);
		if (ifp != NULL)
			input_one(ifp, m);
		else
			m_freem(m);
	}
}

/* ---- To the transports ----------------------------------------------------- */

static void
packet_facts(struct inpkt *pk, struct vnet_inet *vi, const struct mbuf *m,
    const uint8_t *ip)
{
	pk->ip_vnet = vi->vi_vnet;
	pk->ip_ifp = m->m_ph.ph_ifp;
	pk->ip_src = inaddr4(ip_addr(ip + IP_SRC));
	pk->ip_dst = inaddr4(ip_addr(ip + IP_DST));
	pk->ip_family = AF_INET;
	pk->ip_proto = ip[IP_P];
	pk->ip_tos = ip[IP_TOSOFF];
	pk->ip_ttl = ip[IP_TTLOFF];
	pk->ip_optlen = (uint16_t)(ip_hlen(ip) - IP_HDRLEN);
	pk->ip_flags = 0;
	if ((m->m_ph.ph_flags & MP_LOOP) != 0 ||
	    if_is(pk->ip_ifp, IFF_LOOPBACK))
		pk->ip_flags |= IPK_LOCALSRC;
	if (__likely(in_addrs_has(vi, pk->ip_dst.a4)) ||
	    in_loopback(pk->ip_dst.a4))
		return;
	if (in_multicast(pk->ip_dst.a4))
		pk->ip_flags |= IPK_MCAST;
	else if (in_kind(vi->vi_vnet, pk->ip_dst.a4) == INK_BCAST)
		pk->ip_flags |= IPK_BCAST;
}

/*
 * The transport's header next to IP's, so that m_ph's offsets stay true when
 * the transport looks at it. A short one is the transport's to refuse.
 */
static struct mbuf *
headers_together(struct mbuf *m, uint32_t hlen)
{
	uint32_t want;

	if (__likely(m->m_len >= MIN(m->m_ph.ph_len, hlen + IP_HDRMAX)))
		return m;
	want = MIN(m->m_ph.ph_len, hlen +
	    (m->m_data[IP_P] == IPPROTO_TCP ? 20u : 8u));
	m = m_pullup(m, want);
	if (m != NULL && m->m_data[IP_P] == IPPROTO_TCP && want == hlen + 20)
		m = m_pullup(m, MIN(m->m_ph.ph_len, hlen +
		    MAX((m->m_data[hlen + 12] >> 4) * 4u, 20u)));
	return m;
}

void
ip_deliver(struct vnet_inet *vi, struct mbuf *m, uint32_t hlen)
{
	const struct inproto *ipr;
	struct inpkt pk;
	bool raw = false;
	uint8_t *ip;

	m = headers_together(m, hlen);
	if (__unlikely(m == NULL)) {
		ip_count(vi, IPS_ip_in_discards);
		return;
	}
	ip = m->m_data;
	packet_facts(&pk, vi, m, ip);
	m->m_ph.ph_l3 = m_offset(m, ip);
	m->m_ph.ph_l4 = (uint16_t)(m->m_ph.ph_l3 + hlen);
	m->m_ph.ph_tos = pk.ip_tos;
	m->m_ph.ph_ttl = pk.ip_ttl;
	if (__unlikely(atomic_load_explicit(&vi->vi_rawsocks,
	    memory_order_relaxed) != 0))
		raw = raw_input(vi, m, &pk);
	ipr = inproto_find(pk.ip_proto);
	if (__likely(ipr != NULL)) {
		m->m_data += hlen;
		m->m_len -= hlen;
		m->m_ph.ph_len -= hlen;
		ip_count(vi, IPS_ip_in_delivers);
		ipr->ipr_input(m, &pk);
		return;
	}
	if (!raw) {
		ip_count(vi, IPS_ip_in_unknown_protos);
		icmp_error(m, ICMP_DEST_UNREACH, ICMP_PROT_UNREACH, 0);
	} else {
		ip_count(vi, IPS_ip_in_delivers);
	}
	m_freem(m);
}
