/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Raw sockets: raw(7). Each gets a copy of every packet of its protocol that this
 * host takes in, IP header and all, that comes from its peer to its address.
 */
#include <kern/assert.h>
#include <kern/kmem.h>
#include <linux/icmp.h>

#include "icmp_impl.h"

#define RAW_BUF 212992u

struct rawcb {
	struct inpcb r_inp;
	_Atomic uint32_t r_filter;	/* ICMP_FILTER: types not wanted */
};

static struct pool *rawcb_pool;

static inline struct rawcb *
sotorawcb(const struct socket *so)
{
	return container_of(sotoinpcb(so), struct rawcb, r_inp);
}

static void
rawcb_free(struct inpcb *inp)
{
	pool_put(rawcb_pool, container_of(inp, struct rawcb, r_inp));
}

static int
raw_attach(struct socket *so, int protocol)
{
	struct vnet_inet *vi = vnet_inet(so->so_vnet);
	struct rawcb *r;
	int error;

	if (protocol == 0)
		return EPROTONOSUPPORT;
	if (protocol > 255)
		return EINVAL;
	error = sbreserve(&so->so_snd, RAW_BUF);
	if (error == 0)
		error = sbreserve(&so->so_rcv, RAW_BUF);
	if (error != 0)
		return error;
	r = pool_get(rawcb_pool, KM_ZERO);
	if (r == NULL)
		return ENOMEM;
	(void)in_pcbinit(&r->r_inp, so, vi->vi_raw, AF_INET,
	    (uint8_t)protocol, rawcb_free);
	if (protocol == IPPROTO_RAW)
		r->r_inp.inp_flags |= INP_HDRINCL;
	atomic_fetch_add_explicit(&vi->vi_rawsocks, 1, memory_order_relaxed);
	return 0;
}

static void
raw_detach(struct socket *so)
{
	atomic_fetch_sub_explicit(&vnet_inet(so->so_vnet)->vi_rawsocks, 1,
	    memory_order_relaxed);
	in_pcbdetach(sotoinpcb(so));
}

static int
raw_bind(struct socket *so, const struct sockaddr *sa, socklen_t len)
{
	const struct sockaddr_in *sin = (const struct sockaddr_in *)sa;
	struct inpcb *inp = sotoinpcb(so);
	union inaddr addr;
	bool notsrc;
	int error;

	if (len < sizeof(*sin))
		return EINVAL;
	if (so_is(so, SS_ISCONNECTED))
		return EINVAL;
	addr = inaddr4(sin->sin_addr.s_addr);
	error = in_pcbaddr_check(inp, addr.a4, &notsrc);
	if (error != 0)
		return error;
	inp->inp_flags &= ~(uint32_t)(INP_NOTSRC | INP_BINDADDR);
	if (notsrc)
		inp->inp_flags |= INP_NOTSRC;
	if (addr.a4 != 0)
		inp->inp_flags |= INP_BINDADDR;
	in_pcbsetaddrs(inp, &addr, &inp->inp_faddr);
	return 0;
}

static int
raw_connect(struct socket *so, const struct sockaddr *sa, socklen_t len)
{
	const struct sockaddr_in *sin = (const struct sockaddr_in *)sa;
	struct inpcb *inp = sotoinpcb(so);
	union inaddr laddr, faddr;
	struct inout io;
	int error;

	if (len < sizeof(*sin))
		return EINVAL;
	if (sin->sin_family != AF_INET)
		return EAFNOSUPPORT;
	faddr = inaddr4(sin->sin_addr.s_addr != 0 ? sin->sin_addr.s_addr :
	    htobe32(INADDR_LOOPBACK));
	route_cache_fini(&inp->inp_route);
	in_pcbout(inp, &io);
	io.io_rc = NULL;
	io.io_dst = faddr;
	error = in_source(&io, &laddr);
	if (error != 0)
		return error;
	in_pcbsetaddrs(inp, inaddr_any(&inp->inp_laddr) ? &laddr :
	    &inp->inp_laddr, &faddr);
	soisconnected(so);
	return 0;
}

static int
raw_disconnect(struct socket *so)
{
	struct inpcb *inp = sotoinpcb(so);
	union inaddr any = inaddr4(0);

	route_cache_fini(&inp->inp_route);
	in_pcbsetaddrs(inp, (inp->inp_flags & INP_BINDADDR) != 0 ?
	    &inp->inp_laddr : &any, &any);
	so_setstate(so, 0, SS_ISCONNECTED);
	return 0;
}

static int
raw_shutdown(struct socket *so, int how)
{
	bool connected = so_is(so, SS_ISCONNECTED);

	/* Also where there is no connection, as Linux: it wakes readers. */
	if (how != SHUT_RD)
		socantsendmore(so);
	if (how != SHUT_WR)
		socantrcvmore(so);
	return connected ? 0 : ENOTCONN;
}

/* ---- Out -------------------------------------------------------------------- */

static int
raw_facts(struct socket *so, int flags, const struct sockaddr *sa,
    socklen_t salen, const struct mbuf *control, struct inout *io)
{
	const struct sockaddr_in *sin = (const struct sockaddr_in *)sa;
	struct inpcb *inp = sotoinpcb(so);
	uint16_t gso = 0;

	in_pcbout(inp, io);
	if (sa != NULL) {
		if (salen < sizeof(*sin))
			return EINVAL;
		if (sin->sin_family != AF_INET &&
		    sin->sin_family != AF_UNSPEC)
			return EAFNOSUPPORT;
		io->io_dst = inaddr4(sin->sin_addr.s_addr != 0 ?
		    sin->sin_addr.s_addr : htobe32(INADDR_LOOPBACK));
		io->io_rc = NULL;
	} else if (!so_is(so, SS_ISCONNECTED)) {
		return EDESTADDRREQ;
	}
	in_mcastout(inp, io);
	if ((flags & MSG_DONTROUTE) != 0)
		io->io_flags |= IO_DONTROUTE;
	if (control == NULL)
		return 0;
	io->io_rc = NULL;
	return in_sendcmsg(inp, control, io, &gso);
}

static int
raw_send(struct socket *so, int flags, struct mbuf *m,
    const struct sockaddr *sa, socklen_t salen, struct mbuf *control)
{
	struct inout io;
	int error;

	error = (flags & MSG_OOB) != 0 ? EOPNOTSUPP :
	    m->m_ph.ph_len > IP_MAXLEN ? EMSGSIZE :
	    raw_facts(so, flags, sa, salen, control, &io);
	m_freem(control);
	if (error != 0) {
		m_freem(m);
		return error;
	}
	return (sotoinpcb(so)->inp_flags & INP_HDRINCL) != 0 ?
	    ip_output_hdrincl(m, &io) : ip_output(m, &io);
}

/* ---- In --------------------------------------------------------------------- */

struct rawscan {
	struct mbuf *rs_m;
	const struct inpkt *rs_pk;
	bool rs_any;
};

/* Addresses of a packet to, and from, a block's. */
static bool
raw_matches(const struct inpcb *inp, uint8_t proto, const union inaddr *local,
    const union inaddr *peer)
{
	union inaddr l = in_pcbladdr(inp), f = in_pcbfaddr(inp);

	return inp->inp_proto == proto &&
	    (inaddr_any(&l) || inaddr_eq(&l, local)) &&
	    (inaddr_any(&f) || inaddr_eq(&f, peer));
}

static bool
raw_filtered(const struct inpcb *inp, const struct mbuf *m, uint32_t hlen)
{
	uint32_t filter;

	if (inp->inp_proto != IPPROTO_ICMP || m->m_len <= hlen ||
	    m->m_data[hlen] >= 32)
		return false;
	filter = atomic_load_explicit(&container_of(inp, struct rawcb,
	    r_inp)->r_filter, memory_order_relaxed);
	return (filter >> m->m_data[hlen] & 1) != 0;
}

/* so_lock held. */
static bool
raw_wants(struct inpcb *inp, const struct inpkt *pk)
{
	const struct socket *so = inp->inp_socket;

	return so->so_pcb == inp && !so_is(so, SS_CANTRCVMORE) &&
	    (so->so_bindif == 0 || so->so_bindif == pk->ip_ifp->if_index) &&
	    ((pk->ip_flags & IPK_MCAST) == 0 || in_mcast_wants(inp, pk));
}

static int
raw_deliver(struct inpcb *inp, void *arg)
{
	struct rawscan *rs = arg;
	const struct inpkt *pk = rs->rs_pk;
	struct socket *so = inp->inp_socket;
	struct mbuf *m;

	if (!raw_matches(inp, pk->ip_proto, &pk->ip_dst, &pk->ip_src) ||
	    (inp->inp_flags & INP_HDRINCL && inp->inp_proto == IPPROTO_RAW))
		return 0;
	rs->rs_any = true;
	if (raw_filtered(inp, rs->rs_m, IP_HDRLEN + pk->ip_optlen))
		return 0;
	mutex_enter(&so->so_lock);
	if (!raw_wants(inp, pk))
		goto out;
	m = m_copym(rs->rs_m, 0, SIZE_MAX, M_PKTHDR);
	if (m == NULL)
		goto out;
	m->m_ph.ph_gso = MGSO_NONE;
	in_notesource(m, pk, 0);
	if (sbappendrecord(&so->so_rcv, m, NULL)) {
		ip_count(vnet_inet(pk->ip_vnet), IPS_raw_in_datagrams);
		sorwakeup(so);
	} else {
		m_freem(m);
	}
out:
	mutex_exit(&so->so_lock);
	return 0;
}

bool
raw_input(struct vnet_inet *vi, struct mbuf *m, const struct inpkt *pk)
{
	struct rawscan rs = { .rs_m = m, .rs_pk = pk };

	(void)in_pcbwalk(vi->vi_raw, raw_deliver, &rs);
	return rs.rs_any;
}

/* ---- Errors ------------------------------------------------------------------ */

struct rawerror {
	const struct inerror *re_ie;
	const struct mbuf *re_m;
	uint32_t re_skip;		/* to what is quoted */
};

static void
raw_queue_error(struct socket *so, const struct rawerror *re)
{
	const struct inerror *ie = re->re_ie;
	struct mbuf *m = m_copym((struct mbuf *)(uintptr_t)re->re_m,
	    re->re_skip, SIZE_MAX, M_PKTHDR);

	if (m != NULL)
		in_queue_error(so, ie, m, 0);
}

static int
raw_error(struct inpcb *inp, void *arg)
{
	const struct rawerror *re = arg;
	const struct inerror *ie = re->re_ie;
	struct socket *so = inp->inp_socket;

	if (!raw_matches(inp, ie->ie_proto, &ie->ie_src, &ie->ie_dst))
		return 0;
	mutex_enter(&so->so_lock);
	if (so->so_pcb != inp)
		goto out;
	if ((inp->inp_flags & INP_RECVERR) != 0)
		raw_queue_error(so, re);
	else if (!so_is(so, SS_ISCONNECTED) || !(ie->ie_hard ||
	    (ie->ie_errno == EMSGSIZE && inp->inp_mtudisc !=
	    IP_PMTUDISC_DONT)))
		goto out;
	soseterror(so, ie->ie_errno);
out:
	mutex_exit(&so->so_lock);
	return 0;
}

void
raw_ctlinput(const struct inerror *ie, const uint8_t *ip __maybe_unused,
    uint32_t hlen, const struct mbuf *m)
{
	struct vnet_inet *vi = vnet_inet(ie->ie_vnet);
	struct rawerror re = { .re_ie = ie, .re_m = m,
		.re_skip = ICMP_HDRLEN + hlen };

	if (atomic_load_explicit(&vi->vi_rawsocks, memory_order_relaxed) != 0)
		(void)in_pcbwalk(vi->vi_raw, raw_error, &re);
}

/* ---- Options ----------------------------------------------------------------- */

static int
raw_ctloutput(struct socket *so, struct sockopt *sopt)
{
	struct rawcb *r = sotorawcb(so);
	struct icmp_filter f;
	int error;

	if (sopt->sopt_level != SOL_RAW)
		return in_ctloutput(so, sopt);
	if (sopt->sopt_name != ICMP_FILTER)
		return ENOPROTOOPT;
	if (r->r_inp.inp_proto != IPPROTO_ICMP)
		return EOPNOTSUPP;
	if (sopt->sopt_dir == SOPT_GET) {
		f.data = atomic_load_explicit(&r->r_filter,
		    memory_order_relaxed);
		return sopt_put(sopt, &f, sizeof(f));
	}
	error = sopt_get(sopt, &f, sizeof(f));
	if (error == 0)
		atomic_store_explicit(&r->r_filter, f.data,
		    memory_order_relaxed);
	return error;
}

const struct protosw raw_protosw = {
	.pr_domain = &inet_domain,
	.pr_type = SOCK_RAW,
	.pr_flags = PR_ATOMIC | PR_ADDR,
	.pr_attach = raw_attach,
	.pr_detach = raw_detach,
	.pr_abort = raw_detach,
	.pr_bind = raw_bind,
	.pr_connect = raw_connect,
	.pr_disconnect = raw_disconnect,
	.pr_shutdown = raw_shutdown,
	.pr_send = raw_send,
	.pr_sockaddr = in_pcbsockaddr,
	.pr_peeraddr = in_pcbpeeraddr,
	.pr_ctloutput = raw_ctloutput,
	.pr_ioctl = in_control,
	.pr_cmsg = in_cmsg,
};

int
raw_init(void)
{
	rawcb_pool = pool_create("rawcb", sizeof(struct rawcb), CACHE_LINE);
	return rawcb_pool != NULL ? 0 : ENOMEM;
}
