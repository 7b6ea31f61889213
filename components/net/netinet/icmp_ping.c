/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ping sockets, socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP): echo requests
 * for everybody (icmp(7)). The identifier takes the place of a port.
 */
#include <kern/assert.h>
#include <kern/kmem.h>
#include <linux/icmp.h>

#include "icmp_impl.h"

#define PING_BUF 212992u

static struct pool *ping_pool;

static void
pingcb_free(struct inpcb *inp)
{
	pool_put(ping_pool, inp);
}

static int
ping_attach(struct socket *so, int protocol __maybe_unused)
{
	struct inpcb *inp;
	int error;

	error = sbreserve(&so->so_snd, PING_BUF);
	if (error == 0)
		error = sbreserve(&so->so_rcv, PING_BUF);
	if (error != 0)
		return error;
	inp = pool_get(ping_pool, KM_ZERO);
	if (inp == NULL)
		return ENOMEM;
	return in_pcbinit(inp, so, vnet_inet(so->so_vnet)->vi_ping, AF_INET,
	    IPPROTO_ICMP, pingcb_free);
}

static void
ping_detach(struct socket *so)
{
	in_pcbdetach(sotoinpcb(so));
}

/* An identifier is no port: nobody's privilege. */
static int
ping_bind(struct socket *so, const struct sockaddr *sa, socklen_t len)
{
	return in_pcbbind(sotoinpcb(so), sa, len);
}

static int
ping_connect(struct socket *so, const struct sockaddr *sa, socklen_t len)
{
	struct sockaddr_in sin;
	int error;

	if (len < sizeof(sin))
		return EINVAL;
	memcpy(&sin, sa, sizeof(sin));
	sin.sin_port = 0;
	route_cache_fini(&sotoinpcb(so)->inp_route);
	error = in_pcbconnect(sotoinpcb(so), (struct sockaddr *)&sin,
	    sizeof(sin));
	if (error == 0)
		soisconnected(so);
	return error;
}

static int
ping_disconnect(struct socket *so)
{
	route_cache_fini(&sotoinpcb(so)->inp_route);
	in_pcbdisconnect(sotoinpcb(so));
	so_setstate(so, 0, SS_ISCONNECTED);
	return 0;
}

static int
ping_facts(struct socket *so, const struct sockaddr *sa, socklen_t salen,
    const struct mbuf *control, struct inout *io)
{
	const struct sockaddr_in *sin = (const struct sockaddr_in *)sa;
	struct inpcb *inp = sotoinpcb(so);
	uint16_t gso = 0;
	int error;

	error = in_pcbautobind(inp);
	if (error != 0)
		return error;
	in_pcbout(inp, io);
	if (sa != NULL) {
		if (salen < sizeof(*sin))
			return EINVAL;
		if (sin->sin_family != AF_INET)
			return EAFNOSUPPORT;
		io->io_dst = inaddr4(sin->sin_addr.s_addr != 0 ?
		    sin->sin_addr.s_addr : htobe32(INADDR_LOOPBACK));
		io->io_rc = NULL;
	} else if (!so_is(so, SS_ISCONNECTED)) {
		return EDESTADDRREQ;
	}
	in_mcastout(inp, io);
	if (control == NULL)
		return 0;
	io->io_rc = NULL;
	return in_sendcmsg(inp, control, io, &gso);
}

static int
ping_send(struct socket *so, int flags, struct mbuf *m,
    const struct sockaddr *sa, socklen_t salen, struct mbuf *control)
{
	struct inout io;
	int error = EMSGSIZE;

	if (m->m_ph.ph_len > IP_MAXLEN - IP_HDRMAX)
		goto drop;
	error = EOPNOTSUPP;
	if ((flags & MSG_OOB) != 0)
		goto drop;
	error = EINVAL;
	if (m->m_ph.ph_len < ICMP_HDRLEN)
		goto drop;
	error = ENOBUFS;
	m = m_makewritable(m, ICMP_HDRLEN);
	if (m == NULL)
		goto drop;
	error = EINVAL;
	if (m->m_data[ICMP_TYPE] != ICMP_ECHO || m->m_data[ICMP_CODE] != 0)
		goto drop;
	error = ping_facts(so, sa, salen, control, &io);
	if (error != 0)
		goto drop;
	m_freem(control);
	memcpy(m->m_data + ICMP_IDENT, &sotoinpcb(so)->inp_lport, 2);
	icmp_cksum_set(m);
	ip_count(vnet_inet(io.io_vnet), IPS_icmp_out_msgs);
	return ip_output(m, &io);

drop:
	m_freem(m);
	m_freem(control);
	return error;
}

/* m at its ICMP header, which is whole. */
void
ping_input(struct mbuf *m, const struct inpkt *pk)
{
	struct vnet_inet *vi = vnet_inet(pk->ip_vnet);
	struct inpcb *inp;
	struct socket *so;
	uint16_t ident;

	memcpy(&ident, m->m_data + ICMP_IDENT, 2);
	inp = ident != 0 ? in_pcblookup(vi->vi_ping, pk, 0, ident) : NULL;
	if (inp == NULL) {
		m_freem(m);
		return;
	}
	in_notesource(m, pk, 0);
	so = inp->inp_socket;
	mutex_enter(&so->so_lock);
	if (so->so_pcb == inp && !so_is(so, SS_CANTRCVMORE) &&
	    sbappendrecord(&so->so_rcv, m, NULL)) {
		sorwakeup(so);
		m = NULL;
	}
	mutex_exit(&so->so_lock);
	m_freem(m);
}

void
ping_ctlinput(const struct inerror *ie, const uint8_t *hdr, size_t n,
    const struct mbuf *m __maybe_unused)
{
	struct inpkt pk = {
		.ip_vnet = ie->ie_vnet,
		.ip_src = ie->ie_dst,
		.ip_dst = ie->ie_src,
		.ip_family = AF_INET,
	};
	struct inpcb *inp;
	struct socket *so;
	uint16_t ident;

	memcpy(&ident, hdr + ICMP_IDENT, 2);
	inp = ident != 0 ? in_pcblookup(vnet_inet(ie->ie_vnet)->vi_ping, &pk,
	    0, ident) : NULL;
	if (inp == NULL)
		return;
	so = inp->inp_socket;
	mutex_enter(&so->so_lock);
	if (so->so_pcb != inp)
		goto out;
	if ((inp->inp_flags & INP_RECVERR) != 0)
		in_queue_error(so, ie, m_devget(hdr, n, 0), 0);
	else if (!ie->ie_hard || !so_is(so, SS_ISCONNECTED))
		goto out;
	soseterror(so, ie->ie_errno);
out:
	mutex_exit(&so->so_lock);
}

const struct protosw ping_protosw = {
	.pr_domain = &inet_domain,
	.pr_type = SOCK_DGRAM,
	.pr_protocol = IPPROTO_ICMP,
	.pr_flags = PR_ATOMIC | PR_ADDR,
	.pr_attach = ping_attach,
	.pr_detach = ping_detach,
	.pr_abort = ping_detach,
	.pr_bind = ping_bind,
	.pr_connect = ping_connect,
	.pr_disconnect = ping_disconnect,
	.pr_send = ping_send,
	.pr_sockaddr = in_pcbsockaddr,
	.pr_peeraddr = in_pcbpeeraddr,
	.pr_ctloutput = in_ctloutput,
	.pr_ioctl = in_control,
	.pr_cmsg = in_cmsg,
};

int
icmp_init(void)
{
	int error;

	ping_pool = pool_create("pingcb", sizeof(struct inpcb), CACHE_LINE);
	if (ping_pool == NULL)
		return ENOMEM;
	error = inproto_register(&icmp_inproto);
	return error != 0 ? error : inproto_register(&igmp_inproto);
}
