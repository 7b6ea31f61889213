/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * UDP out: a datagram is one chain, its header put in front of the data in place;
 * to the peer of a connected socket, and to the one that was sent to before, it
 * goes by the route that is kept.
 */
#include <kern/assert.h>
#include <kern/kmem.h>

#include "udp_impl.h"

/* A datagram in the making (UDP_CORK, MSG_MORE): where it goes is known. */
struct udpcork {
	struct mbuf *uc_m;
	struct inout uc_io;
	uint16_t uc_dport, uc_gso;
	uint8_t uc_opts[IP_MAXOPT];
};

static int
udp_output(struct udpcb *up, struct mbuf *m, struct inout *io, uint16_t dport,
    uint16_t gso)
{
	struct socket *so = up->u_inp.inp_socket;
	uint32_t len = m->m_ph.ph_len + UDP_HDRLEN;
	uint16_t sum;
	uint8_t *uh;
	int error;

	if (gso != 0 && m->m_ph.ph_len > gso) {
		m->m_ph.ph_gso = MGSO_UDP;
		m->m_ph.ph_gso_size = gso;
		m->m_ph.ph_gso_segs = (uint16_t)howmany(m->m_ph.ph_len,
		    (uint32_t)gso);
		if (m->m_ph.ph_gso_segs > UDP_MAXSEGS ||
		    (so->so_options & SOO_NO_CHECK) != 0) {
			m_freem(m);
			return EINVAL;
		}
	}
	m = m_prepend(m, UDP_HDRLEN);
	if (__unlikely(m == NULL))
		return ENOBUFS;
	uh = m->m_data;
	memcpy(uh + UH_SPORT, &up->u_inp.inp_lport, 2);
	memcpy(uh + UH_DPORT, &dport, 2);
	be16enc(uh + UH_ULEN, (uint16_t)len);
	if (__likely((so->so_options & SOO_NO_CHECK) == 0)) {
		sum = in_cksum_fold(in_pseudo(AF_INET, &io->io_src,
		    &io->io_dst, IPPROTO_UDP, len));
		m->m_ph.ph_csum = MCSUM_PARTIAL;
		m->m_ph.ph_csum_start = m_offset(m, uh);
		m->m_ph.ph_csum_off = UH_SUM;
	} else {
		sum = 0;
		m->m_ph.ph_csum = MCSUM_NONE;
	}
	memcpy(uh + UH_SUM, &sum, 2);
	error = ip_output(m, io);
	if (__likely(error == 0))
		ip_count(vnet_inet(io->io_vnet), IPS_udp_out_datagrams);
	/* udp(7): a full queue of an interface is a loss as any other. */
	else if (error == ENOBUFS &&
	    (up->u_inp.inp_flags & INP_RECVERR) == 0)
		error = 0;
	return error;
}

/* ---- Where to --------------------------------------------------------------- */

static int
dst_given(const struct sockaddr *sa, socklen_t salen, struct inout *io,
    uint16_t *dport)
{
	const struct sockaddr_in *sin = (const struct sockaddr_in *)sa;

	if (salen < sizeof(*sin))
		return EINVAL;
	if (sin->sin_family != AF_INET && sin->sin_family != AF_UNSPEC)
		return EAFNOSUPPORT;
	if (sin->sin_port == 0)
		return EINVAL;
	io->io_dst = inaddr4(sin->sin_addr.s_addr);
	if (inaddr_any(&io->io_dst))
		io->io_dst = !inaddr_any(&io->io_src) ? io->io_src :
		    inaddr4(htobe32(INADDR_LOOPBACK));
	*dport = sin->sin_port;
	return 0;
}

/*
 * The block's route cache is for one destination: the peer's, or that of two
 * sends in a row. A server that answers many looks routes up, which counts
 * nothing.
 */
static void
cache_choose(struct udpcb *up, struct inout *io, bool given)
{
	uint32_t dst = io->io_dst.a4;

	if (!given && !up->u_cached)
		return;
	if (up->u_dst == dst && up->u_cached)
		return;
	if (up->u_dst == dst || !given) {
		route_cache_fini(&up->u_inp.inp_route);
		up->u_cached = given;
		return;
	}
	up->u_dst = dst;
	up->u_cached = false;
	io->io_rc = NULL;
}

/* All that a datagram needs to know. */
static int
facts(struct udpcb *up, int flags, const struct sockaddr *sa, socklen_t salen,
    const struct mbuf *control, struct inout *io, uint16_t *dport,
    uint16_t *gso)
{
	struct inpcb *inp = &up->u_inp;
	int error;

	in_pcbout(inp, io);
	*gso = up->u_gso;
	if (sa != NULL) {
		error = dst_given(sa, salen, io, dport);
		if (error != 0)
			return error;
	} else if (__unlikely((inp->inp_flags & INP_CONNECTED) == 0)) {
		return EDESTADDRREQ;
	} else {
		*dport = inp->inp_fport;
	}
	if (__unlikely(inp->inp_lport == 0)) {
		error = in_pcbautobind(inp);
		if (error != 0)
			return error;
	}
	cache_choose(up, io, sa != NULL);
	in_mcastout(inp, io);
	if (__unlikely((flags & MSG_DONTROUTE) != 0))
		io->io_flags |= IO_DONTROUTE;
	if (__likely(control == NULL))
		return 0;
	io->io_rc = NULL;
	return in_sendcmsg(inp, control, io, gso);
}

/* ---- Corked ----------------------------------------------------------------- */

void
udp_cork_free(struct udpcb *up)
{
	struct udpcork *uc = up->u_cork;

	if (uc == NULL)
		return;
	up->u_cork = NULL;
	m_freem(uc->uc_m);
	kmem_free(uc, sizeof(*uc));
}

int
udp_push(struct socket *so)
{
	struct udpcb *up = sotoudpcb(so);
	struct udpcork *uc = up->u_cork;
	struct mbuf *m;
	int error;

	if (uc == NULL)
		return 0;
	up->u_cork = NULL;
	m = uc->uc_m;
	netisr_enter();
	error = udp_output(up, m, &uc->uc_io, uc->uc_dport, uc->uc_gso);
	netisr_exit();
	kmem_free(uc, sizeof(*uc));
	return error;
}

/* The first piece decides where all go. m is taken over. */
static int
cork_begin(struct udpcb *up, struct mbuf *m, const struct inout *io,
    uint16_t dport, uint16_t gso)
{
	struct udpcork *uc = kmem_zalloc(sizeof(*uc), 0);

	if (uc == NULL) {
		m_freem(m);
		return ENOBUFS;
	}
	uc->uc_m = m;
	uc->uc_io = *io;
	uc->uc_io.io_rc = NULL;
	if (io->io_optlen != 0) {
		memcpy(uc->uc_opts, io->io_opts, io->io_optlen);
		uc->uc_io.io_opts = uc->uc_opts;
	}
	uc->uc_dport = dport;
	uc->uc_gso = gso;
	up->u_cork = uc;
	return 0;
}

static int
cork_append(struct socket *so, struct mbuf *m, bool more)
{
	struct udpcb *up = sotoudpcb(so);
	struct udpcork *uc = up->u_cork;

	if (uc->uc_m->m_ph.ph_len + m->m_ph.ph_len > UDP_MAXDATA) {
		m_freem(m);
		udp_cork_free(up);
		return EMSGSIZE;
	}
	uc->uc_m = m_cat(uc->uc_m, m);
	return more ? 0 : udp_push(so);
}

int
udp_send(struct socket *so, int flags, struct mbuf *m,
    const struct sockaddr *sa, socklen_t salen, struct mbuf *control)
{
	struct udpcb *up = sotoudpcb(so);
	bool more = (flags & MSG_MORE) != 0 || up->u_corked;
	uint16_t dport = 0, gso;
	struct inout io;
	int error;

	error = EOPNOTSUPP;
	if (__unlikely((flags & MSG_OOB) != 0))
		goto drop;
	if (__unlikely(up->u_cork != NULL)) {
		m_freem(control);
		return cork_append(so, m, more);
	}
	error = EMSGSIZE;
	if (__unlikely(m->m_ph.ph_len > UDP_MAXDATA))
		goto drop;
	error = facts(up, flags, sa, salen, control, &io, &dport, &gso);
	if (__unlikely(error != 0))
		goto drop;
	m_freem(control);
	if (__unlikely(more))
		return cork_begin(up, m, &io, dport, gso);
	return udp_output(up, m, &io, dport, gso);

drop:
	m_freem(m);
	m_freem(control);
	return error;
}
