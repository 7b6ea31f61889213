/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Forwarding: RFC 1812 5.2, 5.3. A packet that stands for many segments goes on
 * as one where they fit the next link.
 */
#include <kern/assert.h>
#include <linux/icmp.h>

#include "netinet.h"

/* RFC 1812 5.3.4, 5.3.7: what is never sent on. */
static bool
may_forward(const struct mbuf *m, uint32_t src, uint32_t dst)
{
	return (m->m_ph.ph_flags & (MP_BCAST | MP_MCAST | MP_LOOP)) == 0 &&
	    src != 0 && !in_loopback(src) && !in_multicast(dst) &&
	    dst != INADDR_NONE4 && !in_loopback(dst);
}

static void
forward_unreachable(const struct mbuf *m, int error)
{
	switch (error) {
	case EINVAL:		/* a black hole says nothing */
		return;
	case EHOSTUNREACH:
		icmp_error(m, ICMP_DEST_UNREACH, ICMP_HOST_UNREACH, 0);
		return;
	case EACCES:
		icmp_error(m, ICMP_DEST_UNREACH, ICMP_PKT_FILTERED, 0);
		return;
	default:
		icmp_error(m, ICMP_DEST_UNREACH, ICMP_NET_UNREACH, 0);
	}
}

static int
forward_route(struct vnet_inet *vi, const struct mbuf *m,
    struct nexthop **nhp)
{
	const uint8_t *ip = m->m_data;
	struct route_key rk = {
		.rk_family = AF_INET,
		.rk_dst = inaddr4(ip_addr(ip + IP_DST)),
		.rk_src = inaddr4(ip_addr(ip + IP_SRC)),
		.rk_iif = m->m_ph.ph_ifp->if_index,
		.rk_mark = m->m_ph.ph_mark,
		.rk_tos = ip[IP_TOSOFF],
	};
	uint64_t h = ((uint64_t)rk.rk_src.a4 << 32 | rk.rk_dst.a4) *
	    0x9e3779b97f4a7c15u;

	rk.rk_hash = (uint32_t)(h >> 32);
	return route_lookup(vi->vi_vnet, &rk, nhp);
}

/* RFC 1812 5.2.7.2: the sender could reach the next hop by itself. */
static void
forward_redirect(struct vnet_inet *vi, const struct mbuf *m,
    const struct nexthop *nh)
{
	struct route_key rk = {
		.rk_family = AF_INET,
		.rk_dst = inaddr4(ip_addr(m->m_data + IP_SRC)),
	};
	struct nexthop *back;
	uint32_t to = (nh->nh_flags & NH_GATEWAY) != 0 ? nh->nh_gateway.a4 :
	    ip_addr(m->m_data + IP_DST);

	if (ip_conf(vi, IPC_ip_send_redirects) == 0 ||
	    route_lookup(vi->vi_vnet, &rk, &back) != 0 ||
	    back->nh_ifp != nh->nh_ifp ||
	    (back->nh_flags & NH_GATEWAY) != 0)
		return;
	icmp_error(m, ICMP_REDIRECT, ICMP_REDIR_HOST, be32toh(to));
}

/* One hop less, and what options want noted; RFC 1624 for the checksum. */
static struct mbuf *
forward_header(struct mbuf *m, const struct nexthop *nh)
{
	uint32_t hlen = ip_hlen(m->m_data), sum;
	struct ip_optstate os;
	union inaddr addr;
	uint8_t *ip;

	m = m_makewritable(m, hlen);
	if (m == NULL)
		return NULL;
	ip = m->m_data;
	ip[IP_TTLOFF]--;
	if (__likely(hlen == IP_HDRLEN)) {
		sum = be16dec(ip + IP_SUM) + 0x100u;
		be16enc(ip + IP_SUM, (uint16_t)(sum + (sum >> 16)));
		return m;
	}
	if (ip_options_check(ip + IP_HDRLEN, hlen - IP_HDRLEN, &os) == 0 &&
	    ifaddr_source(nh->nh_ifp, AF_INET, &nh->nh_gateway, &addr) == 0)
		(void)ip_options_record(ip, addr.a4, &os);
	ip_cksum_set(ip, hlen);
	return m;
}

/* Does it fit, or may it be cut? */
static bool
forward_fits(const struct mbuf *m, uint32_t mtu)
{
	const uint8_t *ip = m->m_data;
	uint32_t len = m->m_ph.ph_len;

	if (m->m_ph.ph_gso != MGSO_NONE) {
		/* Headers of at most 60 bytes each; a segment never exceeds
		 * the packet. */
		len = ip_hlen(ip) + m->m_ph.ph_gso_size +
		    (m->m_ph.ph_gso == MGSO_UDP ? 8u :
		    (m_at(m, m->m_ph.ph_l3)[ip_hlen(ip) + 12] >> 4) * 4u);
		return MIN(len, m->m_ph.ph_len) <= mtu;
	}
	return len <= mtu || (be16dec(ip + IP_OFF) & IPF_DF) == 0;
}

void
ip_forward(struct vnet_inet *vi, struct mbuf *m)
{
	const uint8_t *ip = m->m_data;
	struct nexthop *nh;
	uint32_t mtu;
	int error;

	if (ip_conf(vi, IPC_ip_forward) == 0 || !may_forward(m,
	    ip_addr(ip + IP_SRC), ip_addr(ip + IP_DST))) {
		ip_count(vi, IPS_ip_in_no_routes);
		goto drop;
	}
	if (ip[IP_TTLOFF] <= 1) {
		icmp_error(m, ICMP_TIME_EXCEEDED, ICMP_EXC_TTL, 0);
		ip_count(vi, IPS_ip_in_hdr_errors);
		goto drop;
	}
	if (m->m_ph.ph_gso != MGSO_NONE) {
		m = m_pullup(m, MIN(m->m_ph.ph_len, ip_hlen(ip) + 20u));
		if (m == NULL)
			return;
	}
	m->m_ph.ph_l3 = m_offset(m, m->m_data);
	error = forward_route(vi, m, &nh);
	if (error != 0) {
		ip_count(vi, IPS_ip_in_no_routes);
		forward_unreachable(m, error);
		goto drop;
	}
	mtu = nexthop_mtu(nh);
	if (!forward_fits(m, mtu)) {
		ip_count(vi, IPS_ip_frag_fails);
		icmp_error(m, ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, mtu);
		goto drop;
	}
	if (nh->nh_ifp == m->m_ph.ph_ifp)
		forward_redirect(vi, m, nh);
	m = forward_header(m, nh);
	if (m == NULL) {
		ip_count(vi, IPS_ip_in_discards);
		return;
	}
	m->m_ph.ph_l3 = m_offset(m, m->m_data);
	m->m_ph.ph_flags |= MP_FORWARDED;
	if (m->m_ph.ph_csum == MCSUM_VALID)
		m->m_ph.ph_csum = MCSUM_NONE;
	ip_count(vi, IPS_ip_forw_datagrams);
	(void)ip_transmit(vi, m, nh, mtu, true);
	return;

drop:
	m_freem(m);
}
