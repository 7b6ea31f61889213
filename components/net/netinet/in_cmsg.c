/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Control messages of SOL_IP, received and sent: ip(7), udp(7).
 */
#include <kern/assert.h>
#include <kern/time.h>
#include <linux/errqueue.h>
#include <linux/udp.h>

#include "netinet.h"

static void
put_pktinfo(struct socket *so, const struct mbuf *m, struct cmsgbuf *cb)
{
	struct vnet_inet *vi = vnet_inet(so->so_vnet);
	struct in_pktinfo pi;
	union inaddr dst, spec;
	struct ifnet *ifp;
	uint32_t index;

	memset(&pi, 0, sizeof(pi));
	dst = inaddr4(ip_addr(m->m_ph.ph_from + FROM_DST));
	memcpy(&index, m->m_ph.ph_from + FROM_IFINDEX, sizeof(index));
	pi.ipi_ifindex = (int)index;
	pi.ipi_addr.s_addr = pi.ipi_spec_dst.s_addr = dst.a4;
	epoch_enter();
	if (!in_addrs_has(vi, dst.a4) && !in_loopback(dst.a4)) {
		/* A group, or everybody: which address of ours would answer? */
		ifp = if_byindex(so->so_vnet, index);
		if (ifp != NULL && ifaddr_source(ifp, AF_INET, &dst, &spec) ==
		    0)
			pi.ipi_spec_dst.s_addr = spec.a4;
	}
	epoch_exit();
	cmsg_put(cb, SOL_IP, IP_PKTINFO, &pi, sizeof(pi));
}

static void
put_origdst(const struct mbuf *m, struct cmsgbuf *cb)
{
	const uint8_t *ip = m_at(m, m->m_ph.ph_l3);
	struct sockaddr_in sin = { .sin_family = AF_INET };

	sin.sin_addr.s_addr = ip_addr(m->m_ph.ph_from + FROM_DST);
	if (ip[IP_P] == IPPROTO_UDP)
		memcpy(&sin.sin_port, ip + ip_hlen(ip) + 2, 2);
	cmsg_put(cb, SOL_IP, IP_ORIGDSTADDR, &sin, sizeof(sin));
}

static void
put_options(const struct mbuf *m, struct cmsgbuf *cb, uint32_t flags)
{
	const uint8_t *ip = m_at(m, m->m_ph.ph_l3);
	uint32_t n = ip_hlen(ip) - IP_HDRLEN;
	uint8_t out[IP_MAXOPT];

	if (n == 0)
		return;
	if ((flags & INP_RECVOPTS) != 0)
		cmsg_put(cb, SOL_IP, IP_RECVOPTS, ip + IP_HDRLEN, n);
	if ((flags & INP_RETOPTS) != 0) {
		n = ip_options_echo(ip + IP_HDRLEN, n, out);
		cmsg_put(cb, SOL_IP, IP_RETOPTS, out, n);
	}
}

void
in_cmsg(struct socket *so, const struct mbuf *m, struct cmsgbuf *cb)
{
	const struct inpcb *inp = sotoinpcb(so);
	uint32_t flags;
	int ttl = m->m_ph.ph_ttl;

	if (inp == NULL)
		return;
	flags = inp->inp_flags;
	if (__likely((flags & (INP_PKTINFO | INP_RECVTTL | INP_RECVTOS |
	    INP_RECVOPTS | INP_RETOPTS | INP_RECVORIGDST)) == 0))
		return;
	if ((flags & INP_PKTINFO) != 0)
		put_pktinfo(so, m, cb);
	if ((flags & INP_RECVTTL) != 0)
		cmsg_put(cb, SOL_IP, IP_TTL, &ttl, sizeof(ttl));
	if ((flags & INP_RECVTOS) != 0)
		cmsg_put(cb, SOL_IP, IP_TOS, &m->m_ph.ph_tos, 1);
	if ((flags & (INP_RECVOPTS | INP_RETOPTS)) != 0)
		put_options(m, cb, flags);
	if ((flags & INP_RECVORIGDST) != 0)
		put_origdst(m, cb);
}

void
in_notesource(struct mbuf *m, const struct inpkt *pk, uint16_t port)
{
	struct sockaddr_in *sin = (struct sockaddr_in *)m->m_ph.ph_from;

	memset(sin, 0, sizeof(*sin));
	sin->sin_family = AF_INET;
	sin->sin_port = port;
	sin->sin_addr.s_addr = pk->ip_src.a4;
	memcpy(m->m_ph.ph_from + FROM_DST, &pk->ip_dst.a4, 4);
	memcpy(m->m_ph.ph_from + FROM_IFINDEX, &pk->ip_ifp->if_index, 4);
}

void
in_queue_error(struct socket *so, const struct inerror *ie, struct mbuf *m,
    uint16_t dport)
{
	struct sock_extended_err ee = {
		.ee_errno = (uint32_t)ie->ie_errno,
		.ee_origin = SO_EE_ORIGIN_ICMP,
		.ee_type = ie->ie_type,
		.ee_code = ie->ie_code,
		.ee_info = ie->ie_mtu,
	};
	struct sockaddr_storage ss;
	socklen_t len;

	if (m == NULL)
		return;
	(void)in_sockaddr(&ss, AF_INET, &ie->ie_dst, dport);
	memcpy(m->m_ph.ph_from, &ss, sizeof(struct sockaddr_in));
	len = in_sockaddr(&ss, AF_INET, &ie->ie_offender, 0);
	soerrqueue(so, m, &ee, (struct sockaddr *)&ss, len);
}

/* ---- Sent --------------------------------------------------------------------- */

static int
get_pktinfo(struct inpcb *inp, const uint8_t *data, size_t n,
    struct inout *io)
{
	struct in_pktinfo pi;
	union inaddr src;
	enum in_kind kind;

	if (n != sizeof(pi))
		return EINVAL;
	memcpy(&pi, data, sizeof(pi));
	if (pi.ipi_ifindex != 0)
		io->io_oif = (uint32_t)pi.ipi_ifindex;
	if (pi.ipi_spec_dst.s_addr == 0)
		return 0;
	src = inaddr4(pi.ipi_spec_dst.s_addr);
	epoch_enter();
	kind = in_kind(io->io_vnet, src.a4);
	epoch_exit();
	if (kind != INK_LOCAL && ((inp->inp_flags & (INP_FREEBIND |
	    INP_TRANSPARENT)) == 0 || kind != INK_UNICAST))
		return EINVAL;
	io->io_src = src;
	return 0;
}

static int
get_byte(const uint8_t *data, size_t n, int *vp)
{
	if (n == sizeof(*vp))
		memcpy(vp, data, sizeof(*vp));
	else if (n == 1)
		*vp = *data;
	else
		return EINVAL;
	return *vp < 0 || *vp > 255 ? EINVAL : 0;
}

static int
ip_message(struct inpcb *inp, int type, const uint8_t *data, size_t n,
    struct inout *io)
{
	int v, error;

	switch (type) {
	case IP_PKTINFO:
		return get_pktinfo(inp, data, n, io);
	case IP_TTL:
		error = get_byte(data, n, &v);
		if (error != 0 || n != sizeof(v) || v == 0)
			return EINVAL;
		io->io_ttl = (uint8_t)v;
		return 0;
	case IP_TOS:
		error = get_byte(data, n, &v);
		if (error == 0)
			io->io_tos = (uint8_t)v;
		return error;
	default:
		return EINVAL;
	}
}

int
in_sendcmsg(struct inpcb *inp, const struct mbuf *control, struct inout *io,
    uint16_t *gso_size)
{
	struct cmsghdr ch;
	const uint8_t *data;
	size_t off = 0, n;
	int error = 0;

	while (error == 0 && cmsg_next(control, &off, &ch, &data, &n)) {
		if (ch.cmsg_level == SOL_IP) {
			error = ip_message(inp, ch.cmsg_type, data, n, io);
		} else if (ch.cmsg_level == SOL_UDP &&
		    inp->inp_proto == IPPROTO_UDP) {
			if (ch.cmsg_type != UDP_SEGMENT || n != 2)
				error = EINVAL;
			else
				memcpy(gso_size, data, 2);
		}
	}
	return error;
}
