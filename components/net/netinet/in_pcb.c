/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Control blocks of the Internet transports: their beginning, their end, and
 * what others want to know of them.
 *
 * A block lives until no epoch can see it after in_pcbdetach(); its socket as
 * long, because the socket's memory goes through an epoch too, later.
 */
#include <kern/assert.h>
#include <kern/kmem.h>

#include "in_pcb_impl.h"

int
in_pcbinit(struct inpcb *inp, struct socket *so, struct inpcbtable *t,
    int family, uint8_t proto, void (*freefn)(struct inpcb *))
{
	struct vnet_inet *vi = vnet_inet(so->so_vnet);
	struct inpcb *first;

	inp->inp_socket = so;
	inp->inp_table = t;
	inp->inp_family = (uint8_t)family;
	inp->inp_proto = proto;
	inp->inp_free = freefn;
	inp->inp_mttl = 1;
	inp->inp_flags = INP_MCASTLOOP | INP_MCASTALL;
	if (so->so_type != SOCK_STREAM)
		inp->inp_flags |= INP_DGRAM;
	inp->inp_mtudisc = ip_conf(vi, IPC_ip_no_pmtu_disc) != 0 ?
	    IP_PMTUDISC_DONT : IP_PMTUDISC_WANT;
	list_node_init(&inp->inp_portlink);
	so->so_pcb = inp;
	spin_lock(&t->t_lock);
	first = atomic_load_explicit(&t->t_all, memory_order_relaxed);
	atomic_init(&inp->inp_anext, first);
	inp->inp_aprev = &t->t_all;
	if (first != NULL)
		first->inp_aprev = &inp->inp_anext;
	atomic_store_explicit(&t->t_all, inp, memory_order_release);
	spin_unlock(&t->t_lock);
	return 0;
}

static void
pcb_free(struct epoch_entry *ee)
{
	struct inpcb *inp = container_of(ee, struct inpcb, inp_epoch);

	inp->inp_free(inp);
}

void
in_pcbdetach(struct inpcb *inp)
{
	struct inpcbtable *t = inp->inp_table;
	struct inpcb *next;

	KASSERT(mutex_owned(&inp->inp_socket->so_lock));
	if (inp->inp_more != NULL) {
		in_mcast_leave_all(inp);
		kmem_free(inp->inp_more, sizeof(*inp->inp_more));
		inp->inp_more = NULL;
	}
	route_cache_fini(&inp->inp_route);
	spin_lock(&t->t_lock);
	if ((inp->inp_flags & (INP_BOUND | INP_CONNECTED)) != 0)
		inp_unlink(inp);
	inpport_rele(inp);
	next = atomic_load_explicit(&inp->inp_anext, memory_order_relaxed);
	atomic_store_explicit(inp->inp_aprev, next, memory_order_release);
	if (next != NULL)
		next->inp_aprev = inp->inp_aprev;
	spin_unlock(&t->t_lock);
	inp->inp_socket->so_pcb = NULL;
	epoch_defer(&inp->inp_epoch, pcb_free);
}

struct inpmore *
in_pcbmore(struct inpcb *inp)
{
	if (inp->inp_more == NULL)
		inp->inp_more = kmem_zalloc(sizeof(*inp->inp_more), 0);
	return inp->inp_more;
}

/* Of IP_MTU_DISCOVER; a stream is cut to the path's MTU by its protocol. */
static uint8_t
pmtu_flags(const struct inpcb *inp)
{
	switch (inp->inp_mtudisc) {
	case IP_PMTUDISC_DONT:
		return 0;
	case IP_PMTUDISC_WANT:
		return (inp->inp_flags & INP_DGRAM) != 0 ? IO_DFWANT : IO_DF;
	case IP_PMTUDISC_DO:
		return IO_DF;
	case IP_PMTUDISC_PROBE:
		return IO_DF | IO_PROBE;
	case IP_PMTUDISC_INTERFACE:
		return IO_NOFRAGLOCAL | IO_PROBE;
	default:
		return IO_PROBE;
	}
}

void
in_pcbout(struct inpcb *inp, struct inout *io)
{
	struct socket *so = inp->inp_socket;

	io->io_vnet = so->so_vnet;
	io->io_src = inp->inp_laddr;
	if (__unlikely((inp->inp_flags & INP_NOTSRC) != 0))
		memset(&io->io_src, 0, sizeof(io->io_src));
	io->io_dst = inp->inp_faddr;
	io->io_family = inp->inp_family;
	io->io_proto = inp->inp_proto;
	io->io_tos = inp->inp_tos;
	io->io_ttl = inp->inp_ttl;
	io->io_flags = pmtu_flags(inp);
	if (__unlikely((so->so_options & (SOO_DONTROUTE | SOO_BROADCAST)) !=
	    0)) {
		if ((so->so_options & SOO_DONTROUTE) != 0)
			io->io_flags |= IO_DONTROUTE;
		if ((so->so_options & SOO_BROADCAST) != 0)
			io->io_flags |= IO_BROADCAST;
	}
	io->io_optlen = inp->inp_optlen;
	io->io_opts = inp->inp_optlen != 0 ? inp->inp_more->im_opts : NULL;
	io->io_oif = so->so_bindif;
	io->io_mark = so->so_mark;
	io->io_priority = so->so_priority;
	io->io_rc = &inp->inp_route;
}

void
in_pcbsetaddrs(struct inpcb *inp, const union inaddr *laddr,
    const union inaddr *faddr)
{
	inp_addr_write(&inp->inp_laddr, laddr);
	inp_addr_write(&inp->inp_faddr, faddr);
}

union inaddr
in_pcbladdr(const struct inpcb *inp)
{
	return inp_addr_read(&inp->inp_laddr);
}

union inaddr
in_pcbfaddr(const struct inpcb *inp)
{
	return inp_addr_read(&inp->inp_faddr);
}

/* ---- Names ---------------------------------------------------------------- */

socklen_t
in_sockaddr(struct sockaddr_storage *ss, int family, const union inaddr *a,
    uint16_t port)
{
	struct sockaddr_in *sin = (struct sockaddr_in *)ss;

	KASSERT(family == AF_INET);
	memset(sin, 0, sizeof(*sin));
	sin->sin_family = (sa_family_t)family;
	sin->sin_port = port;
	sin->sin_addr.s_addr = a->a4;
	return sizeof(*sin);
}

int
in_pcbsockaddr(struct socket *so, struct sockaddr_storage *ss,
    socklen_t *lenp)
{
	struct inpcb *inp = sotoinpcb(so);

	if (inp == NULL)
		return EINVAL;
	*lenp = in_sockaddr(ss, inp->inp_family, &inp->inp_laddr,
	    inp->inp_lport);
	return 0;
}

int
in_pcbpeeraddr(struct socket *so, struct sockaddr_storage *ss,
    socklen_t *lenp)
{
	struct inpcb *inp = sotoinpcb(so);

	if (inp == NULL || inaddr_any(&inp->inp_faddr))
		return ENOTCONN;
	*lenp = in_sockaddr(ss, inp->inp_family, &inp->inp_faddr,
	    inp->inp_fport);
	return 0;
}
