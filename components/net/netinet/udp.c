/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * UDP sockets: RFC 768, RFC 1122 4.1, udp(7).
 */
#include <kern/assert.h>
#include <kern/kmem.h>

#include "udp_impl.h"

#define UDP_SNDBUF	212992u		/* as Linux has them */
#define UDP_RCVBUF	212992u

static struct pool *udpcb_pool;

static void
udpcb_free(struct inpcb *inp)
{
	pool_put(udpcb_pool, container_of(inp, struct udpcb, u_inp));
}

static int
udp_attach(struct socket *so, int protocol __maybe_unused)
{
	struct vnet_inet *vi = vnet_inet(so->so_vnet);
	struct udpcb *up;
	int error;

	error = sbreserve(&so->so_snd, UDP_SNDBUF);
	if (error == 0)
		error = sbreserve(&so->so_rcv, UDP_RCVBUF);
	if (error != 0)
		return error;
	up = pool_get(udpcb_pool, KM_ZERO);
	if (up == NULL)
		return ENOMEM;
	return in_pcbinit(&up->u_inp, so, vi->vi_udp, AF_INET, IPPROTO_UDP,
	    udpcb_free);
}

static void
udp_detach(struct socket *so)
{
	udp_cork_free(sotoudpcb(so));
	in_pcbdetach(sotoinpcb(so));
}

static int
udp_bind(struct socket *so, const struct sockaddr *sa, socklen_t len)
{
	return in_pcbbind(sotoinpcb(so), sa, len);
}

static int
udp_connect(struct socket *so, const struct sockaddr *sa, socklen_t len)
{
	struct udpcb *up = sotoudpcb(so);
	int error;

	route_cache_fini(&up->u_inp.inp_route);
	up->u_cached = false;
	error = in_pcbconnect(&up->u_inp, sa, len);
	if (error == 0)
		soisconnected(so);
	return error;
}

static int
udp_disconnect(struct socket *so)
{
	struct udpcb *up = sotoudpcb(so);

	route_cache_fini(&up->u_inp.inp_route);
	up->u_cached = false;
	in_pcbdisconnect(&up->u_inp);
	so_setstate(so, 0, SS_ISCONNECTED);
	return 0;
}

static int
udp_shutdown(struct socket *so, int how)
{
	bool connected = so_is(so, SS_ISCONNECTED);

	/* Also where there is no connection, as Linux: it wakes readers. */
	if (how != SHUT_RD)
		socantsendmore(so);
	if (how != SHUT_WR)
		socantrcvmore(so);
	return connected ? 0 : ENOTCONN;
}

/* ---- Options --------------------------------------------------------------- */

static int
udp_setopt(struct socket *so, const struct sockopt *sopt)
{
	struct udpcb *up = sotoudpcb(so);
	int v, error;

	error = sopt_int(sopt, &v);
	if (error != 0)
		return error;
	switch (sopt->sopt_name) {
	case UDP_CORK:
		up->u_corked = v != 0;
		return v != 0 ? 0 : udp_push(so);
	case UDP_SEGMENT:
		if (v < 0 || v > 65535)
			return EINVAL;
		up->u_gso = (uint16_t)v;
		return 0;
	case UDP_GRO:
		up->u_gro = v != 0;
		return 0;
	default:
		return ENOPROTOOPT;
	}
}

static int
udp_getopt(struct socket *so, struct sockopt *sopt)
{
	const struct udpcb *up = sotoudpcb(so);

	switch (sopt->sopt_name) {
	case UDP_CORK:
		return sopt_put_int(sopt, up->u_corked);
	case UDP_SEGMENT:
		return sopt_put_int(sopt, up->u_gso);
	case UDP_GRO:
		return sopt_put_int(sopt, up->u_gro);
	default:
		return ENOPROTOOPT;
	}
}

static int
udp_ctloutput(struct socket *so, struct sockopt *sopt)
{
	if (sopt->sopt_level != SOL_UDP)
		return in_ctloutput(so, sopt);
	return sopt->sopt_dir == SOPT_SET ? udp_setopt(so, sopt) :
	    udp_getopt(so, sopt);
}

static void
udp_cmsg(struct socket *so, const struct mbuf *m, struct cmsgbuf *cb)
{
	int size = m->m_ph.ph_gso_size;

	in_cmsg(so, m, cb);
	if (m->m_ph.ph_gso == MGSO_UDP)
		cmsg_put(cb, SOL_UDP, UDP_GRO, &size, sizeof(size));
}

const struct protosw udp_protosw = {
	.pr_domain = &inet_domain,
	.pr_type = SOCK_DGRAM,
	.pr_protocol = IPPROTO_UDP,
	.pr_flags = PR_ATOMIC | PR_ADDR,
	.pr_attach = udp_attach,
	.pr_detach = udp_detach,
	.pr_abort = udp_detach,
	.pr_bind = udp_bind,
	.pr_connect = udp_connect,
	.pr_disconnect = udp_disconnect,
	.pr_shutdown = udp_shutdown,
	.pr_send = udp_send,
	.pr_sockaddr = in_pcbsockaddr,
	.pr_peeraddr = in_pcbpeeraddr,
	.pr_ctloutput = udp_ctloutput,
	.pr_ioctl = in_control,
	.pr_cmsg = udp_cmsg,
};

int
udp_init(void)
{
	udpcb_pool = pool_create("udpcb", sizeof(struct udpcb), CACHE_LINE);
	return udpcb_pool != NULL ? inproto_register(&udp_inproto) : ENOMEM;
}
