/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * IPv4 out: RFC 791, RFC 1122 3.3.1, RFC 1112 6.1, RFC 6864.
 */
#include <kern/assert.h>

#include "netinet.h"

/* What became of a look-up. */
struct outroute {
	struct nexthop *or_nh;
	uint32_t or_src;
	bool or_group, or_bcast;
};

uint16_t
ip_newid(struct vnet_inet *vi, uint32_t src, uint32_t dst, uint8_t proto)
{
	uint64_t h = ((uint64_t)src << 32 | dst) ^ vi->vi_key.sk[0] ^ proto;

	/* RFC 6864 4.3: unique for a source, destination and protocol; who sees
	 * one of them does not learn of others'. */
	h *= 0x9e3779b97f4a7c15u;
	h ^= h >> 32;
	return (uint16_t)(atomic_fetch_add_explicit(&vi->vi_ids[h % IP_IDS],
	    1, memory_order_relaxed) + (h >> 16));
}

/* ---- Which way ------------------------------------------------------------- */

/* A group, or everybody, on an interface: whatever its routes say. */
static int
route_direct(struct ifnet *ifp, struct outroute *or)
{
	if (ifp == NULL || !if_is(ifp, IFF_UP))
		return ENETUNREACH;
	or->or_nh = if_nexthop(ifp, or->or_group ? NH_MCAST : NH_BCAST);
	return or->or_nh != NULL ? 0 : ENETUNREACH;
}

static int
route_find(const struct inout *io, struct outroute *or)
{
	struct route_key rk;
	int error;

	rk.rk_family = AF_INET;
	rk.rk_dst = io->io_dst;
	rk.rk_src = io->io_src;
	rk.rk_table = 0;
	rk.rk_oif = io->io_oif;
	rk.rk_iif = 0;
	rk.rk_mark = io->io_mark;
	rk.rk_tos = io->io_tos;
	rk.rk_hash = 0;
	error = io->io_rc != NULL ?
	    route_cached(io->io_vnet, io->io_rc, &rk, &or->or_nh) :
	    route_lookup(io->io_vnet, &rk, &or->or_nh);
	if (__unlikely(error != 0))
		return error;
	if (__unlikely((io->io_flags & IO_DONTROUTE) != 0 &&
	    (or->or_nh->nh_flags & NH_GATEWAY) != 0))
		return ENETUNREACH;
	return 0;
}

static int
source_choose(const struct inout *io, struct outroute *or)
{
	const struct nexthop *nh = or->or_nh;
	union inaddr src;

	if ((nh->nh_flags & NH_LOCAL) != 0) {
		or->or_src = io->io_dst.a4;
		return 0;
	}
	if (!inaddr_any(&nh->nh_prefsrc)) {
		or->or_src = nh->nh_prefsrc.a4;
		return 0;
	}
	if (ifaddr_source(nh->nh_ifp, AF_INET, (nh->nh_flags & NH_GATEWAY) !=
	    0 ? &nh->nh_gateway : &io->io_dst, &src) == 0) {
		or->or_src = src.a4;
		return 0;
	}
	/* Who has no address yet asks everybody for one. */
	or->or_src = 0;
	return or->or_bcast || or->or_group ? 0 : EADDRNOTAVAIL;
}

/* In an epoch. */
static int
route_out(const struct inout *io, struct outroute *or)
{
	uint32_t dst = io->io_dst.a4;
	int error;

	or->or_group = in_multicast(dst);
	or->or_bcast = dst == INADDR_NONE4;
	if (__unlikely((or->or_group || or->or_bcast) && io->io_oif != 0)) {
		error = route_direct(if_byindex(io->io_vnet, io->io_oif), or);
	} else {
		error = route_find(io, or);
		if (__unlikely(or->or_group) && error == 0)
			error = route_direct(or->or_nh->nh_ifp, or);
	}
	if (__unlikely(error != 0))
		return error;
	or->or_bcast |= (or->or_nh->nh_flags & NH_BCAST) != 0;
	or->or_src = io->io_src.a4;
	return __likely(or->or_src != 0) ? 0 : source_choose(io, or);
}

/* The least of what is known of the way. */
static inline uint32_t
way_mtu(struct vnet_inet *vi, const struct inout *io, const struct nexthop *nh)
{
	uint32_t mtu = nexthop_mtu(nh);

	return (io->io_flags & IO_PROBE) != 0 ? mtu :
	    MIN(mtu, ip_pmtu(vi, io->io_dst.a4));
}

uint32_t
in_pathmtu(const struct inout *io)
{
	struct outroute or;
	uint32_t mtu = 0;

	epoch_enter();
	if (route_out(io, &or) == 0)
		mtu = way_mtu(vnet_inet(io->io_vnet), io, or.or_nh);
	epoch_exit();
	return mtu;
}

int
in_source(const struct inout *io, union inaddr *src)
{
	struct outroute or;
	int error;

	epoch_enter();
	error = route_out(io, &or);
	epoch_exit();
	if (error == 0)
		*src = inaddr4(or.or_src);
	return error;
}

/* ---- Sending --------------------------------------------------------------- */

/* The transport did not know the source that was to be chosen. */
static void
pseudo_add(struct mbuf *m, uint32_t src)
{
	uint8_t *field = m_at(m, m->m_ph.ph_csum_start) + m->m_ph.ph_csum_off;
	uint16_t sum;

	memcpy(&sum, field, sizeof(sum));
	sum = in_cksum_fold((uint64_t)sum + src);
	memcpy(field, &sum, sizeof(sum));
}

static struct mbuf *
header_put(struct vnet_inet *vi, struct mbuf *m, const struct inout *io,
    const struct outroute *or, bool frag)
{
	uint32_t hlen = IP_HDRLEN + io->io_optlen;
	bool df = (io->io_flags & (IO_DF | IO_DFWANT)) != 0 && !frag;
	uint32_t ttl = io->io_ttl;
	uint8_t *ip;

	if (__unlikely(inaddr_any(&io->io_src)) &&
	    m->m_ph.ph_csum == MCSUM_PARTIAL)
		pseudo_add(m, or->or_src);
	m = m_prepend(m, hlen);
	if (__unlikely(m == NULL))
		return NULL;
	if (ttl == 0)
		ttl = or->or_nh->nh_hoplimit != 0 ? or->or_nh->nh_hoplimit :
		    (uint32_t)ip_conf(vi, IPC_ip_default_ttl);
	ip = m->m_data;
	ip[IP_VHL] = (uint8_t)(0x40 | hlen >> 2);
	ip[IP_TOSOFF] = io->io_tos;
	be16enc(ip + IP_LEN, (uint16_t)m->m_ph.ph_len);
	/* RFC 6864 4.1: an atomic packet's identification means nothing. */
	be16enc(ip + IP_ID, df ? 0 : ip_newid(vi, or->or_src, io->io_dst.a4,
	    io->io_proto));
	be16enc(ip + IP_OFF, df ? IPF_DF : 0);
	ip[IP_TTLOFF] = (uint8_t)ttl;
	ip[IP_P] = io->io_proto;
	ip_addr_put(ip + IP_SRC, or->or_src);
	ip_addr_put(ip + IP_DST, io->io_dst.a4);
	if (__unlikely(io->io_optlen != 0))
		memcpy(ip + IP_HDRLEN, io->io_opts, io->io_optlen);
	ip_cksum_set(ip, hlen);
	m->m_ph.ph_l3 = m_offset(m, ip);
	m->m_ph.ph_l4 = (uint16_t)(m->m_ph.ph_l3 + hlen);
	m->m_ph.ph_mark = io->io_mark;
	m->m_ph.ph_priority = io->io_priority;
	return m;
}

void
ip_loopback(struct vnet_inet *vi, struct mbuf *m, struct ifnet *ifp)
{
	struct mbuf *copy = m_copym(m, 0, SIZE_MAX, M_PKTHDR);

	if (copy == NULL)
		return;
	copy->m_ph.ph_flags |= MP_LOOP;
	memcpy(copy->m_ph.ph_from + FROM_IFINDEX, &ifp->if_index,
	    sizeof(ifp->if_index));
	(void)netqueue_put(&vi->vi_loopq, copy);
}

int
ip_transmit(struct vnet_inet *vi, struct mbuf *m, const struct nexthop *nh,
    uint32_t mtu, bool mayfrag)
{
	union inaddr dst = inaddr4(ip_addr(m->m_data + IP_DST));
	struct mbuf *next;
	int error;

	if (__likely(m->m_ph.ph_len <= mtu || m->m_ph.ph_gso != MGSO_NONE))
		return if_output(nh->nh_ifp, m, ETH_P_IP, nh, &dst);
	if (!mayfrag) {
		ip_count(vi, IPS_ip_frag_fails);
		m_freem(m);
		return EMSGSIZE;
	}
	error = ip_fragment(vi, m, mtu, &m);
	if (error != 0) {
		ip_count(vi, IPS_ip_frag_fails);
		return error;
	}
	for (; m != NULL && error == 0; m = next) {
		next = m->m_nextpkt;
		m->m_nextpkt = NULL;
		error = if_output(nh->nh_ifp, m, ETH_P_IP, nh, &dst);
	}
	m_freelist(m);
	return error;
}

/* Members on this host have a copy of what goes to a group or to everybody. */
static bool
copy_for_us(const struct inout *io, const struct outroute *or)
{
	struct ifnet *ifp = or->or_nh->nh_ifp;

	if (__likely(!or->or_group && !or->or_bcast) ||
	    if_is(ifp, IFF_LOOPBACK))
		return false;
	return or->or_bcast || ((io->io_flags & IO_MCASTLOOP) != 0 &&
	    (io->io_dst.a4 == htobe32(INADDR_ALLHOSTS_GROUP) ||
	    if_mcast_member(ifp, AF_INET, &io->io_dst)));
}

/* Bytes of a packet on the wire: of a segment, where it stands for many. */
static inline uint32_t
wire_len(const struct mbuf *m, uint32_t hlen)
{
	uint32_t l4 = 8;

	if (__likely(m->m_ph.ph_gso == MGSO_NONE))
		return m->m_ph.ph_len + hlen;
	if (m->m_ph.ph_gso == MGSO_TCP4)
		l4 = (m->m_data[12] >> 4) * 4u;
	return MIN(m->m_ph.ph_len, l4 + m->m_ph.ph_gso_size) + hlen;
}

/* In an epoch. */
static int
output(struct vnet_inet *vi, struct mbuf *m, const struct inout *io)
{
	uint32_t hlen = IP_HDRLEN + io->io_optlen, mtu;
	struct outroute or;
	bool frag;
	int error;

	error = route_out(io, &or);
	if (__unlikely(error != 0)) {
		ip_count(vi, IPS_ip_out_no_routes);
		goto drop;
	}
	error = EACCES;
	if (__unlikely(or.or_bcast && (io->io_flags & IO_BROADCAST) == 0))
		goto drop;
	mtu = way_mtu(vi, io, or.or_nh);
	frag = wire_len(m, hlen) > mtu;
	error = EMSGSIZE;
	if (__unlikely(m->m_ph.ph_len + hlen > IP_MAXLEN || (frag &&
	    ((io->io_flags & (IO_DF | IO_NOFRAGLOCAL)) != 0 ||
	    m->m_ph.ph_gso != MGSO_NONE))))
		goto drop;
	m = header_put(vi, m, io, &or, frag);
	if (__unlikely(m == NULL)) {
		ip_count(vi, IPS_ip_out_discards);
		return ENOBUFS;
	}
	if (__unlikely(copy_for_us(io, &or)))
		ip_loopback(vi, m, or.or_nh->nh_ifp);
	return ip_transmit(vi, m, or.or_nh, mtu, frag);

drop:
	m_freem(m);
	return error;
}

int
ip_output(struct mbuf *m, const struct inout *io)
{
	struct vnet_inet *vi = vnet_inet(io->io_vnet);
	int error;

	KASSERT(netisr_inside());
	ip_count(vi, IPS_ip_out_requests);
	epoch_enter();
	error = output(vi, m, io);
	epoch_exit();
	return error;
}

/* ---- With the caller's own header (raw(7), IP_HDRINCL) --------------------- */

/* What the kernel fills in of it. NULL: refused or no memory; freed. */
static struct mbuf *
hdrincl_complete(struct vnet_inet *vi, struct mbuf *m, uint32_t src,
    int *error)
{
	struct ip_optstate os;
	uint32_t hlen;
	uint8_t *ip;

	*error = EINVAL;
	if (m->m_ph.ph_len < IP_HDRLEN || m->m_ph.ph_len > IP_MAXLEN)
		goto drop;
	m = m_makewritable(m, MIN(m->m_ph.ph_len, IP_HDRMAX));
	if (m == NULL) {
		*error = ENOBUFS;
		return NULL;
	}
	ip = m->m_data;
	hlen = ip_hlen(ip);
	if (hlen < IP_HDRLEN || hlen > m->m_ph.ph_len || ip[IP_VHL] >> 4 != 4 ||
	    ip_options_check(ip + IP_HDRLEN, hlen - IP_HDRLEN, &os) != 0)
		goto drop;
	if (ip_addr(ip + IP_SRC) == 0)
		ip_addr_put(ip + IP_SRC, src);
	be16enc(ip + IP_LEN, (uint16_t)m->m_ph.ph_len);
	if (be16dec(ip + IP_ID) == 0)
		be16enc(ip + IP_ID, ip_newid(vi, ip_addr(ip + IP_SRC),
		    ip_addr(ip + IP_DST), ip[IP_P]));
	ip_cksum_set(ip, hlen);
	m->m_ph.ph_l3 = m_offset(m, ip);
	m->m_ph.ph_l4 = (uint16_t)(m->m_ph.ph_l3 + hlen);
	*error = 0;
	return m;

drop:
	m_freem(m);
	return NULL;
}

int
ip_output_hdrincl(struct mbuf *m, const struct inout *io)
{
	struct vnet_inet *vi = vnet_inet(io->io_vnet);
	struct outroute or;
	int error;

	ip_count(vi, IPS_ip_out_requests);
	epoch_enter();
	error = route_out(io, &or);
	if (error == 0 && or.or_bcast && (io->io_flags & IO_BROADCAST) == 0)
		error = EACCES;
	if (error == 0 && m->m_ph.ph_len > nexthop_mtu(or.or_nh))
		error = EMSGSIZE;
	if (error != 0) {
		m_freem(m);
		goto out;
	}
	m = hdrincl_complete(vi, m, or.or_src, &error);
	if (m == NULL)
		goto out;
	if (copy_for_us(io, &or))
		ip_loopback(vi, m, or.or_nh->nh_ifp);
	error = ip_transmit(vi, m, or.or_nh, UINT32_MAX, false);
out:
	epoch_exit();
	return error;
}
