/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Kernel half of t_socket: a protocol family for tests of the socket layer,
 * with a reliable stream, a datagram and a sequenced-packet protocol over a
 * wire that loses nothing. Packets carry what they mean in their header's
 * fields; a stream keeps what it sent until the receiver has taken it.
 *
 * Lock order: so_lock -> table_lock.
 */
#include <kern/kmem.h>
#include <kern/netisr.h>
#include <kern/proc.h>
#include <kern/socket.h>
#include <kern/string.h>

#include <kern/time.h>
#include <linux/errqueue.h>

#include "k_socket.h"

#define PCBS	256

struct pcb {
	struct socket *pc_so;		/* [table_lock] NULL: free */
	uint8_t pc_gen;			/* [table_lock] how often it was free */
	uint16_t pc_port;		/* [so_lock] 0: none */
	uint16_t pc_peer;		/* [so_lock] its id; datagrams: port */
	bool pc_fin;			/* [so_lock] sent */
};

enum what { DATA, SYN, SYNACK, RST, FIN, ACK, OOB };

static struct lock_class table_lc = LOCK_CLASS("test pcbs", 0);
static struct kmutex table_lock;
static struct pcb pcbs[PCBS];
static struct netqueue wire;
static _Atomic int opened;
static uint8_t oob_byte;
static bool have_oob;

/* Not that of who was there before. */
static unsigned
pcb_id(const struct pcb *pc)
{
	return (unsigned)(pc - pcbs) | (unsigned)pc->pc_gen << 8;
}

/* ---- The wire ----------------------------------------------------------------- */

static int
transmit(struct pcb *from, enum what what, unsigned to, uint32_t arg,
    struct mbuf *m)
{
	struct rumptest_sockaddr sa = { RUMPTEST_AF, from->pc_port };

	if (m == NULL)
		m = m_gethdr(MT_DATA);
	if (m == NULL)
		return ENOBUFS;
	m->m_ph.ph_l2 = (uint16_t)what;
	m->m_ph.ph_l3 = (uint16_t)to;
	m->m_ph.ph_l4 = (uint16_t)pcb_id(from);
	m->m_ph.ph_hash = arg;
	memcpy(m->m_ph.ph_from, &sa, sizeof(sa));
	return netqueue_put(&wire, m);
}

/* The socket behind an id, or a port, referenced. */
static struct socket *
lookup(unsigned id, unsigned port, bool listening)
{
	struct socket *so = NULL;
	unsigned i;

	mutex_enter(&table_lock);
	for (i = 0; i < PCBS && so == NULL; i++) {
		if (pcbs[i].pc_so == NULL || (port != 0 ?
		    pcbs[i].pc_port != port : pcb_id(&pcbs[i]) != id))
			continue;
		if (!listening || so_is(pcbs[i].pc_so, SS_LISTENING))
			so = so_hold(pcbs[i].pc_so);
	}
	mutex_exit(&table_lock);
	return so;
}

static void
input_syn(struct socket *head, unsigned from)
{
	struct socket *so;
	struct pcb *pc;

	so = so_is(head, SS_LISTENING) ? sonewconn(head) : NULL;
	if (so == NULL) {
		(void)transmit(head->so_pcb, RST, from, ECONNREFUSED, NULL);
		return;
	}
	mutex_enter(&so->so_lock);
	pc = so->so_pcb;
	pc->pc_peer = (uint16_t)from;
	pc->pc_port = ((struct pcb *)head->so_pcb)->pc_port;
	(void)transmit(pc, SYNACK, from, 0, NULL);
	mutex_exit(&so->so_lock);
	/* Completion locks the listening socket after the connection. */
	mutex_exit(&head->so_lock);
	mutex_enter(&so->so_lock);
	soisconnected(so);
	mutex_exit(&so->so_lock);
	so_rele(so);
	mutex_enter(&head->so_lock);
}

static void
input_stream(struct socket *so, struct mbuf *m, enum what what, unsigned from)
{
	struct pcb *pc = so->so_pcb;

	switch (what) {
	case SYN:
		input_syn(so, from);
		break;
	case SYNACK:
		pc->pc_peer = (uint16_t)from;
		soisconnected(so);
		break;
	case RST:
		soseterror(so, (int)m->m_ph.ph_hash);
		soisdisconnected(so);
		break;
	case FIN:
		socantrcvmore(so);
		break;
	case ACK:
		sbdrop(&so->so_snd, m->m_ph.ph_hash);
		sowwakeup(so);
		break;
	case OOB:
		oob_byte = (uint8_t)m->m_ph.ph_hash;
		have_oob = true;
		so->so_oobmark = sb_cc(&so->so_rcv);
		if (so->so_oobmark == 0)
			so_setstate(so, SS_RCVATMARK, 0);
		sohasoob(so);
		break;
	case DATA:
		sbappendstream(&so->so_rcv, m);
		sorwakeup(so);
		return;
	}
	m_freem(m);
}

static void
input_record(struct socket *so, struct mbuf *m)
{
	struct mbuf *addr = m_get(MT_ADDR);

	if (addr != NULL) {
		addr->m_len = sizeof(struct rumptest_sockaddr);
		memcpy(addr->m_data, m->m_ph.ph_from, addr->m_len);
	}
	if (addr != NULL && sbappendrecord(&so->so_rcv, m, addr)) {
		sorwakeup(so);
		return;
	}
	so_dropped(so);
	m_freem(addr);
	m_freem(m);
}

static void
input_nobody(struct mbuf *m, enum what what, unsigned from)
{
	if (what == SYN)
		(void)transmit(&pcbs[0], RST, from, ECONNREFUSED, NULL);
	m_freem(m);
}

static void
input_one(struct mbuf *m)
{
	enum what what = m->m_ph.ph_l2;
	unsigned to = m->m_ph.ph_l3, from = m->m_ph.ph_l4;
	bool dgram = (m->m_ph.ph_flags & MP_BCAST) != 0;
	struct socket *so = lookup(to, dgram || what == SYN ? to : 0,
	    what == SYN);

	if (so == NULL) {
		input_nobody(m, what, from);
		return;
	}
	mutex_enter(&so->so_lock);
	if (so->so_pcb == NULL) {
		input_nobody(m, what, from);
	} else if (dgram || (so->so_proto->pr_flags & PR_ATOMIC) != 0) {
		if (what != DATA)
			input_stream(so, m, what, from);
		else
			input_record(so, m);
	} else {
		input_stream(so, m, what, from);
	}
	mutex_exit(&so->so_lock);
	so_rele(so);
}

static void
input(struct netqueue *nq, struct mbuf *batch)
{
	struct mbuf *next;

	(void)nq;
	for (; batch != NULL; batch = next) {
		next = batch->m_nextpkt;
		batch->m_nextpkt = NULL;
		input_one(batch);
	}
}

/* ---- The protocol ---------------------------------------------------------------- */

static int
test_attach(struct socket *so, int protocol)
{
	unsigned i;

	(void)protocol;
	mutex_enter(&table_lock);
	for (i = 1; i < PCBS && pcbs[i].pc_so != NULL; i++)
		continue;
	if (i < PCBS) {
		pcbs[i] = (struct pcb){ .pc_so = so,
			.pc_gen = pcbs[i].pc_gen };
		so->so_pcb = &pcbs[i];
	}
	mutex_exit(&table_lock);
	if (i == PCBS)
		return ENOBUFS;
	atomic_fetch_add(&opened, 1);
	return 0;
}

static void
free_pcb(struct socket *so)
{
	struct pcb *pc = so->so_pcb;

	so->so_pcb = NULL;
	mutex_enter(&table_lock);
	pc->pc_so = NULL;
	pc->pc_gen++;
	pc->pc_port = 0;
	mutex_exit(&table_lock);
	atomic_fetch_sub(&opened, 1);
}

static void
test_detach(struct socket *so)
{
	struct pcb *pc = so->so_pcb;

	if (so_is(so, SS_ISCONNECTED) && so->so_type != SOCK_DGRAM &&
	    !pc->pc_fin)
		(void)transmit(pc, FIN, pc->pc_peer, 0, NULL);
	soisdisconnected(so);
	free_pcb(so);
}

static void
test_abort(struct socket *so)
{
	struct pcb *pc = so->so_pcb;

	(void)transmit(pc, RST, pc->pc_peer, ECONNRESET, NULL);
	free_pcb(so);
}

static int
port_of(const struct sockaddr *sa, socklen_t len, uint16_t *port)
{
	struct rumptest_sockaddr rs;

	if (len < sizeof(rs))
		return EINVAL;
	memcpy(&rs, sa, sizeof(rs));
	*port = rs.rs_port;
	return rs.rs_family == RUMPTEST_AF ? 0 : EAFNOSUPPORT;
}

static int
test_bind(struct socket *so, const struct sockaddr *sa, socklen_t len)
{
	struct pcb *pc = so->so_pcb;
	struct socket *other;
	uint16_t port;
	int error;

	error = port_of(sa, len, &port);
	if (error != 0)
		return error;
	other = lookup(0, port, false);
	if (other != NULL) {
		so_rele(other);
		return EADDRINUSE;
	}
	pc->pc_port = port;
	return 0;
}

static int
test_listen(struct socket *so, int backlog)
{
	struct pcb *pc = so->so_pcb;

	(void)backlog;
	return pc->pc_port == 0 ? EINVAL : 0;
}

static int
test_connect(struct socket *so, const struct sockaddr *sa, socklen_t len)
{
	struct pcb *pc = so->so_pcb;
	uint16_t port;
	int error;

	error = port_of(sa, len, &port);
	if (error != 0)
		return error;
	pc->pc_peer = port;
	if (so->so_type == SOCK_DGRAM) {
		soisconnected(so);
		return 0;
	}
	soisconnecting(so);
	/* A port that never answers. */
	return port == RUMPTEST_SILENT ? 0 :
	    transmit(pc, SYN, port, 0, NULL);
}

static int
test_connect2(struct socket *so, struct socket *so2)
{
	struct pcb *a = so->so_pcb, *b = so2->so_pcb;

	mutex_enter(&so->so_lock);
	a->pc_peer = (uint16_t)pcb_id(b);
	soisconnected(so);
	mutex_exit(&so->so_lock);
	mutex_enter(&so2->so_lock);
	b->pc_peer = (uint16_t)pcb_id(a);
	soisconnected(so2);
	mutex_exit(&so2->so_lock);
	return 0;
}

static int
test_disconnect(struct socket *so)
{
	struct pcb *pc = so->so_pcb;

	pc->pc_peer = 0;
	so_setstate(so, 0, SS_ISCONNECTED | SS_ISCONNECTING);
	return 0;
}

static int
test_shutdown(struct socket *so, int how)
{
	struct pcb *pc = so->so_pcb;

	if (!so_is(so, SS_ISCONNECTED))
		return ENOTCONN;
	if (how != SHUT_WR)
		socantrcvmore(so);
	if (how != SHUT_RD && !pc->pc_fin) {
		socantsendmore(so);
		pc->pc_fin = true;
		(void)transmit(pc, FIN, pc->pc_peer, 0, NULL);
	}
	return 0;
}

static void
test_rcvd(struct socket *so, size_t n, int flags)
{
	struct pcb *pc = so->so_pcb;

	(void)flags;
	if (pc != NULL && n > 0)
		(void)transmit(pc, ACK, pc->pc_peer, (uint32_t)n, NULL);
}

static int
send_stream(struct socket *so, int flags, struct mbuf *m)
{
	struct pcb *pc = so->so_pcb;
	struct mbuf *copy;
	uint32_t n = (uint32_t)m_length(m), at = sb_cc(&so->so_snd);

	if ((flags & MSG_OOB) != 0) {
		(void)transmit(pc, OOB, pc->pc_peer, m->m_data[m->m_len - 1],
		    NULL);
		m_freem(m);
		return 0;
	}
	sbappendstream(&so->so_snd, m);
	copy = sbcopy(&so->so_snd, at, n, 0, NULL);
	if (copy == NULL)
		return ENOBUFS;
	copy->m_flags |= M_PKTHDR;
	memset(&copy->m_ph, 0, sizeof(copy->m_ph));
	copy->m_ph.ph_len = n;
	return transmit(pc, DATA, pc->pc_peer, 0, copy);
}

static int
test_send(struct socket *so, int flags, struct mbuf *m,
    const struct sockaddr *sa, socklen_t salen, struct mbuf *control)
{
	struct pcb *pc = so->so_pcb;
	uint16_t port = pc->pc_peer;
	int error;

	m_freem(control);
	if ((so->so_proto->pr_flags & PR_ATOMIC) == 0)
		return send_stream(so, flags, m);
	if (so->so_type == SOCK_SEQPACKET)
		return transmit(pc, DATA, port, 0, m);
	error = sa == NULL ? port == 0 ? EDESTADDRREQ : 0 :
	    port_of(sa, salen, &port);
	if (error != 0) {
		m_freem(m);
		return error;
	}
	m->m_ph.ph_flags |= MP_BCAST;
	return transmit(pc, DATA, port, 0, m);
}

static int
test_rcvoob(struct socket *so, uint8_t *byte, int flags)
{
	(void)so;
	if (!have_oob)
		return EINVAL;
	*byte = oob_byte;
	have_oob = (flags & MSG_PEEK) != 0;
	return 0;
}

static void
address(struct sockaddr_storage *ss, socklen_t *lenp, unsigned port)
{
	struct rumptest_sockaddr rs = { RUMPTEST_AF, (uint16_t)port };

	memcpy(ss, &rs, sizeof(rs));
	*lenp = sizeof(rs);
}

static int
test_sockaddr(struct socket *so, struct sockaddr_storage *ss, socklen_t *lenp)
{
	address(ss, lenp, ((struct pcb *)so->so_pcb)->pc_port);
	return 0;
}

static int
test_peeraddr(struct socket *so, struct sockaddr_storage *ss, socklen_t *lenp)
{
	address(ss, lenp, ((struct pcb *)so->so_pcb)->pc_peer);
	return 0;
}

static int
test_poll(struct socket *so, int events)
{
	(void)so;
	return have_oob && so->so_type == SOCK_STREAM ? events & POLLPRI : 0;
}

static void
test_cmsg(struct socket *so, const struct mbuf *m, struct cmsgbuf *cb)
{
	uint32_t n = m->m_ph.ph_len;

	(void)so;
	cmsg_put(cb, RUMPTEST_AF, 1, &n, sizeof(n));
}

static int
test_ctloutput(struct socket *so, struct sockopt *sopt)
{
	static const struct sock_extended_err ee = {
		.ee_errno = EHOSTUNREACH,
		.ee_origin = SO_EE_ORIGIN_LOCAL,
		.ee_info = 7,
	};
	struct mbuf *m;

	if (sopt->sopt_level != RUMPTEST_AF)
		return ENOPROTOOPT;
	switch (sopt->sopt_name) {
	case RUMPTEST_SETERROR:
		soseterror(so, *(int *)sopt->sopt_val);
		return 0;
	case RUMPTEST_ERRQUEUE:
		m = m_devget("queued", 6, 0);
		if (m == NULL)
			return ENOBUFS;
		soerrqueue(so, m, &ee, NULL, 0);
		return 0;
	}
	return ENOPROTOOPT;
}

static struct domain test_domain;

#define COMMON								\
	.pr_domain = &test_domain,					\
	.pr_attach = test_attach,					\
	.pr_detach = test_detach,					\
	.pr_abort = test_abort,						\
	.pr_bind = test_bind,						\
	.pr_connect = test_connect,					\
	.pr_connect2 = test_connect2,					\
	.pr_disconnect = test_disconnect,				\
	.pr_shutdown = test_shutdown,					\
	.pr_send = test_send,						\
	.pr_sockaddr = test_sockaddr,					\
	.pr_peeraddr = test_peeraddr,					\
	.pr_accept = test_peeraddr,					\
	.pr_ctloutput = test_ctloutput,					\
	.pr_cmsg = test_cmsg,						\
	.pr_poll = test_poll

static const struct protosw stream = {
	COMMON,
	.pr_type = SOCK_STREAM,
	.pr_protocol = 1,
	.pr_flags = PR_CONNREQUIRED | PR_WANTRCVD | PR_LISTEN,
	.pr_listen = test_listen,
	.pr_rcvd = test_rcvd,
	.pr_rcvoob = test_rcvoob,
};

static const struct protosw dgram = {
	COMMON,
	.pr_type = SOCK_DGRAM,
	.pr_protocol = 2,
	.pr_flags = PR_ATOMIC | PR_ADDR,
};

static const struct protosw seqpacket = {
	COMMON,
	.pr_type = SOCK_SEQPACKET,
	.pr_protocol = 3,
	.pr_flags = PR_ATOMIC | PR_CONNREQUIRED | PR_LISTEN,
	.pr_listen = test_listen,
};

static const struct protosw *const protos[] = { &stream, &dgram, &seqpacket,
	NULL };

static struct domain test_domain = {
	.dom_family = RUMPTEST_AF,
	.dom_name = "test",
	.dom_protosw = protos,
};

int
rumptest_socket_init(void)
{
	int error;

	mutex_init(&table_lock, &table_lc);
	error = netqueue_init(&wire, 100000, input);
	return error != 0 ? error : domain_register(&test_domain);
}

int
rumptest_socket_opened(void)
{
	return atomic_load(&opened);
}

unsigned
rumptest_socket_size(void)
{
	return sizeof(struct socket);
}
