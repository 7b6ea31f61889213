/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Connections' four numbers: connect(2), what accept(2) will return, and
 * the end of both.
 */
#include <kern/assert.h>

#include "in_pcb_impl.h"

static const union inaddr any;

/*
 * A local port for a stream to a peer: RFC 6056 3.3.4 (double-hash). Ports that
 * only connections have may serve other connections as well.
 */
static int
port_for_peer(struct inpcb *inp, const union inaddr *laddr,
    const union inaddr *faddr, uint16_t fport)
{
	struct inpcbtable *t = inp->inp_table;
	struct {
		union inaddr l, f;
		uint64_t port;
	} key = { *laddr, *faddr, fport };
	uint64_t h = siphash(&vnet_inet(t->t_vnet)->vi_key, &key, sizeof(key));
	uint32_t *next = &t->t_ephemeral[h % EPHEMERAL_COUNTERS];
	uint32_t first, count, offset = (uint32_t)(h >> 32), i;
	struct inpport *pp;
	uint16_t port;

	inp_port_range(t, &first, &count);
	for (i = 0; i < count; i++) {
		port = htobe16(first + (offset + (*next)++) % count);
		pp = inpport_find(t, port);
		if (pp != NULL && (pp->ipp_nbound > 0 || inp_find_locked(t,
		    inp->inp_family, laddr, port, faddr, fport) != NULL))
			continue;
		return inpport_hold(inp, port, false);
	}
	return EADDRNOTAVAIL;
}

static int
connect_stream(struct inpcb *inp, const union inaddr *laddr,
    const union inaddr *faddr, uint16_t fport)
{
	struct inpcbtable *t = inp->inp_table;

	if (inp->inp_port == NULL)
		return port_for_peer(inp, laddr, faddr, fport);
	if (inp_find_locked(t, inp->inp_family, laddr,
	    inp->inp_port->ipp_port, faddr, fport) != NULL)
		return EADDRNOTAVAIL;
	return 0;
}

static int
connect_place(struct inpcb *inp, const union inaddr *laddr,
    const union inaddr *faddr, uint16_t fport)
{
	struct inpcbtable *t = inp->inp_table;
	int error = 0;

	spin_lock(&t->t_lock);
	if ((inp->inp_flags & INP_DGRAM) == 0)
		error = connect_stream(inp, laddr, faddr, fport);
	else if (inp->inp_port == NULL && inp_port_choose(inp, &any) != 0)
		error = EAGAIN;
	if (error == 0)
		inp_relink(inp, laddr, inp->inp_port->ipp_port, faddr, fport,
		    true);
	spin_unlock(&t->t_lock);
	return error;
}

/* Where to, and from where. In an epoch. */
static int
connect_addresses(struct inpcb *inp, union inaddr *laddr, union inaddr *faddr)
{
	struct socket *so = inp->inp_socket;
	enum in_kind kind;
	struct inout io;

	/* RFC 1122 3.2.1.3 forbids 0 as a destination; ip(7) takes it for this
	 * host. */
	if (inaddr_any(faddr))
		*faddr = inp_has_source(inp) ? inp->inp_laddr :
		    inaddr4(htobe32(INADDR_LOOPBACK));
	kind = in_kind(so->so_vnet, faddr->a4);
	if ((inp->inp_flags & INP_DGRAM) == 0 &&
	    (kind == INK_MCAST || kind == INK_BCAST))
		return ENETUNREACH;
	if (kind == INK_BCAST && (so->so_options & SOO_BROADCAST) == 0)
		return EACCES;
	in_pcbout(inp, &io);
	io.io_rc = NULL;
	io.io_dst = *faddr;
	if (kind == INK_MCAST && io.io_oif == 0)
		io.io_oif = inp->inp_mcastif;
	if (kind == INK_MCAST && inaddr_any(&io.io_src) &&
	    inp->inp_more != NULL)
		io.io_src.a4 = inp->inp_more->im_mcastaddr;
	return in_source(&io, laddr);
}

int
in_pcbconnect(struct inpcb *inp, const struct sockaddr *sa, socklen_t len)
{
	const struct sockaddr_in *sin = (const struct sockaddr_in *)sa;
	union inaddr laddr, faddr;
	int error;

	if (len < sizeof(*sin))
		return EINVAL;
	if (sin->sin_family != AF_INET)
		return EAFNOSUPPORT;
	faddr = inaddr4(sin->sin_addr.s_addr);
	epoch_enter();
	error = connect_addresses(inp, &laddr, &faddr);
	epoch_exit();
	if (error != 0)
		return error;
	/* What is bound to a group goes on to receive for it. */
	if ((inp->inp_flags & INP_NOTSRC) != 0)
		laddr = inp->inp_laddr;
	return connect_place(inp, &laddr, &faddr, sin->sin_port);
}

int
in_pcbautobind(struct inpcb *inp)
{
	struct inpcbtable *t = inp->inp_table;
	int error = 0;

	if (inp->inp_lport != 0)
		return 0;
	spin_lock(&t->t_lock);
	if (inp->inp_port == NULL)
		error = inp_port_choose(inp, &inp->inp_laddr);
	if (error == 0)
		inp_relink(inp, &inp->inp_laddr, inp->inp_port->ipp_port,
		    &any, 0, (inp->inp_flags & INP_DGRAM) != 0);
	spin_unlock(&t->t_lock);
	return error == 0 ? 0 : EAGAIN;
}

int
in_pcbaccept(struct inpcb *inp, const union inaddr *laddr, uint16_t lport,
    const union inaddr *faddr, uint16_t fport)
{
	struct inpcbtable *t = inp->inp_table;
	int error = 0;

	spin_lock(&t->t_lock);
	if (inp_find_locked(t, inp->inp_family, laddr, lport, faddr, fport) !=
	    NULL)
		error = EADDRINUSE;
	if (error == 0)
		error = inpport_hold(inp, lport, false);
	if (error == 0)
		inp_relink(inp, laddr, lport, faddr, fport, true);
	spin_unlock(&t->t_lock);
	return error;
}

void
in_pcbdisconnect(struct inpcb *inp)
{
	struct inpcbtable *t = inp->inp_table;
	bool keepport = (inp->inp_flags & INP_BINDPORT) != 0;
	union inaddr laddr = any;
	uint16_t lport = 0;

	if ((inp->inp_flags & INP_BINDADDR) != 0)
		laddr = inp->inp_laddr;
	spin_lock(&t->t_lock);
	if (keepport && inp->inp_port != NULL)
		lport = inp->inp_port->ipp_port;
	inp_relink(inp, &laddr, lport, &any, 0, lport != 0 &&
	    (inp->inp_flags & INP_DGRAM) != 0);
	if (lport == 0)
		inpport_rele(inp);
	spin_unlock(&t->t_lock);
}
