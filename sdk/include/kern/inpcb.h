/* SPDX-License-Identifier: BSD-2-Clause */
/** @file inpcb.h
 * What the transports of the Internet families share: received packets as IP hands
 * them up, packets as it takes them, and the control block of a socket with
 * addresses and ports.
 */
#ifndef KERN_INPCB_H
#define KERN_INPCB_H

#include <kern/route.h>
#include <kern/socket.h>

struct inpcb;

/** What IP knows of a received packet; on its caller's stack. */
struct inpkt {
	struct vnet *ip_vnet;
	struct ifnet *ip_ifp;
	union inaddr ip_src, ip_dst;
	uint8_t ip_family, ip_proto;
	uint8_t ip_tos, ip_ttl;
	uint16_t ip_flags;		/* IPK_* */
	uint16_t ip_optlen;		/* bytes of IPv4 options */
};
#define IPK_BCAST	0x1
#define IPK_MCAST	0x2
#define IPK_LOCALSRC	0x4		/* came from this host */

/** What an error message (ICMP) told about a packet that we had sent. */
struct inerror {
	struct vnet *ie_vnet;
	struct ifnet *ie_ifp;
	union inaddr ie_src, ie_dst;	/* of the packet that we sent */
	union inaddr ie_offender;
	uint8_t ie_family, ie_proto;
	uint8_t ie_type, ie_code;	/* of ICMP */
	int ie_errno;
	bool ie_hard;			/* as Linux classifies it */
	uint32_t ie_mtu;		/* for EMSGSIZE */
};

/** A transport. Static storage. */
struct inproto {
	uint8_t ipr_proto;
	/**
	 * m: one packet, m_data at the transport header, ph_l3 at the network
	 * header, ph_len bytes; taken over. In a section and an epoch.
	 * The network header and as much of the transport's as there is (TCP's
	 * with its options, 8 bytes of others) are in the first mbuf.
	 */
	void (*ipr_input)(struct mbuf *m, const struct inpkt *pk);
	/** hdr: the first n bytes of the transport header of what we sent (8 or
	 * more). m: the message, or NULL; not taken over. */
	void (*ipr_ctlinput)(const struct inerror *ie, const uint8_t *hdr,
	    size_t n, const struct mbuf *m);
};
/** @return EEXIST */
int inproto_register(const struct inproto *ipr);

/** A packet to be sent. */
struct inout {
	struct vnet *io_vnet;
	/* src any: IP chooses it, and adds it to the pseudo header's sum of
	 * an MCSUM_PARTIAL packet, which has been made without */
	union inaddr io_src, io_dst;
	uint8_t io_family, io_proto;
	uint8_t io_tos, io_ttl;		/* ttl 0: the default */
	uint8_t io_flags;		/* IO_* */
	uint8_t io_optlen;		/* a multiple of 4 */
	const uint8_t *io_opts;		/* IPv4 options, padded; or NULL */
	uint32_t io_oif, io_mark, io_priority;
	struct route_cache *io_rc;	/* or NULL; its owner's lock is held */
};
#define IO_DF		0x01		/* do not fragment: EMSGSIZE */
#define IO_DFWANT	0x20		/* DF, unless it must be fragmented here */
#define IO_BROADCAST	0x40		/* may be a broadcast; else EACCES */
#define IO_DONTROUTE	0x02		/* MSG_DONTROUTE */
#define IO_MCASTLOOP	0x04		/* a copy for members on this host */
#define IO_NOFRAGLOCAL	0x08		/* EMSGSIZE instead of fragments */
#define IO_PROBE	0x10		/* ignore the path's learned MTU */

/**
 * Send m: m_data at the transport header, ph_len bytes; taken over. Transport checksums are
 * MCSUM_PARTIAL over the pseudo header, or complete. With ph_gso it may be
 * larger than the MTU. Locks may be held; in a section.
 * @return EMSGSIZE, ENETUNREACH, EHOSTUNREACH, EACCES, EINVAL, ENOBUFS ...
 */
int in_output(struct mbuf *m, const struct inout *io);
/** MTU of the path, learned (RFC 1191) or the next hop's; 0: no route. */
uint32_t in_pathmtu(const struct inout *io);
/** The source address that in_output() would choose. */
int in_source(const struct inout *io, union inaddr *src);
/** Sum of the pseudo header, to be folded with the rest. */
uint64_t in_pseudo(int family, const union inaddr *src, const union inaddr *dst,
    uint8_t proto, uint32_t len);
/** Is it an address of this vnet (unicast, local)? In an epoch. */
bool in_islocal(struct vnet *vn, int family, const union inaddr *a);
/** Check a transport checksum of the whole of m; sets MCSUM_VALID. */
bool in_cksum_ok(struct mbuf *m, const struct inpkt *pk);

/* ---- Control blocks -------------------------------------------------------- */

/* inp_flags */
#define INP_HDRINCL	0x0001
#define INP_PKTINFO	0x0002		/* IP_PKTINFO */
#define INP_RECVTTL	0x0004
#define INP_RECVTOS	0x0008
#define INP_RECVERR	0x0010
#define INP_FREEBIND	0x0020
#define INP_TRANSPARENT	0x0040
#define INP_MCASTLOOP	0x0080
#define INP_MCASTALL	0x0100
#define INP_RECVOPTS	0x0200
#define INP_RETOPTS	0x0400
#define INP_BINDPORT	0x0800		/* port chosen by bind */
#define INP_BINDADDR	0x1000
#define INP_RECVORIGDST	0x4000
#define INP_V6ONLY	0x8000
#define INP_PORTLATE	0x20000		/* IP_BIND_ADDRESS_NO_PORT */
#define INP_CONNECTED	0x40000		/* in the table of connections */
#define INP_BOUND	0x80000		/* in the table of ports */

/*
 * The table's lock protects links and the members that hash; so_lock the rest.
 * Both are held to change addresses and ports, so either is enough to read them;
 * look-ups read those of a linked block without a lock, in an epoch, as atomics.
 * The first cache line is all that a look-up touches.
 *
 * I  immutable   o  so_lock   t  the table's
 */
struct inpcb {
	_Atomic(struct inpcb *) inp_hnext;	/* [t] connections and ports */
	struct socket *inp_socket;	/* [I] no reference: freed with it */
	union inaddr inp_laddr, inp_faddr;	/* [t] and [o] */
	uint16_t inp_lport, inp_fport;	/* [t] and [o]; network order */
	uint32_t inp_hash;		/* [t] of addresses and ports */
	uint32_t inp_flags;		/* [o] INP_* */
	uint8_t inp_family;		/* [I] */
	uint8_t inp_proto;		/* [I] */
	uint8_t inp_ttl, inp_tos;	/* [o] ttl 0: default */

	struct inpcbtable *inp_table;	/* [I] */
	void *inp_ppcb;			/* [o] tcpcb */
	struct route_cache inp_route;	/* [o] */
	struct inpmore *inp_more;	/* [o] options, groups; or NULL */
	uint32_t inp_mcastif;		/* [o] */
	uint8_t inp_mttl, inp_mtudisc;	/* [o] IP_MTU_DISCOVER */
	uint8_t inp_minttl;		/* [o] */
	uint8_t inp_optlen;		/* [o] bytes of IP_OPTIONS */
	struct inpport *inp_port;	/* [t] its port's entry */
	struct list inp_portlink;	/* [t] */
	_Atomic(struct inpcb *) inp_anext;	/* [t] all of the table */
	_Atomic(struct inpcb *) *inp_aprev;	/* [t] */
	void (*inp_free)(struct inpcb *inp);	/* [I] frees it, or what it is in */
	struct epoch_entry inp_epoch;
};
_Static_assert(sizeof(struct inpcb) <= 192, "inpcb's size");

struct inpcbtable;
/** A transport's table in a vnet; grows as needed. @return ENOMEM */
int inpcbtable_create(struct vnet *vn, uint8_t proto, struct inpcbtable **tp);
void inpcbtable_destroy(struct inpcbtable *t);

/**
 * Set up inp (zeroed, the transport's storage) for a socket: so_pcb. It is
 * freed by inp_free, through an epoch, after in_pcbdetach().
 */
int in_pcbinit(struct inpcb *inp, struct socket *so, struct inpcbtable *t,
    int family, uint8_t proto, void (*freefn)(struct inpcb *));
/** Out of all tables; so_pcb is reset; inp_free follows. so_lock held. */
void in_pcbdetach(struct inpcb *inp);
/** @return EADDRINUSE, EADDRNOTAVAIL, EACCES, EINVAL, EAFNOSUPPORT */
int in_pcbbind(struct inpcb *inp, const struct sockaddr *sa, socklen_t len);
/** Choose addresses and a port, go to the table of connections. @return
 * EADDRINUSE, EADDRNOTAVAIL, ENETUNREACH, EAFNOSUPPORT, EINVAL */
int in_pcbconnect(struct inpcb *inp, const struct sockaddr *sa, socklen_t len);
/** As in_pcbconnect() for an accepted connection: all four are known. */
int in_pcbaccept(struct inpcb *inp, const union inaddr *laddr, uint16_t lport,
    const union inaddr *faddr, uint16_t fport);
/** A port, where there is none yet. @return EAGAIN */
int in_pcbautobind(struct inpcb *inp);
void in_pcbdisconnect(struct inpcb *inp);
/** Listen: be found for any peer (SO_REUSEPORT groups share). */
int in_pcblisten(struct inpcb *inp);
/** Inside an epoch: a connection first, then who is bound or listens. */
struct inpcb *in_pcblookup(struct inpcbtable *t, const struct inpkt *pk,
    uint16_t sport, uint16_t dport);
/** The connection only. */
struct inpcb *in_pcblookup_conn(struct inpcbtable *t, int family,
    const union inaddr *laddr, uint16_t lport, const union inaddr *faddr,
    uint16_t fport);
/** Every block that wants a datagram (multicast, broadcast): fn is called in an
 * epoch, no lock held. */
void in_pcbforeach_match(struct inpcbtable *t, const struct inpkt *pk,
    uint16_t sport, uint16_t dport, void (*fn)(struct inpcb *inp, void *arg),
    void *arg);
/** All of a table, for sock_diag; in an epoch, no lock held; until fn returns
 * non-zero. */
int in_pcbwalk(struct inpcbtable *t, int (*fn)(struct inpcb *inp, void *arg),
    void *arg);
/** Fill io from the block: addresses, options, its route cache. */
void in_pcbout(struct inpcb *inp, struct inout *io);
/** sockaddr of an address; returns its length. */
socklen_t in_sockaddr(struct sockaddr_storage *ss, int family,
    const union inaddr *a, uint16_t port);
int in_pcbsockaddr(struct socket *so, struct sockaddr_storage *ss,
    socklen_t *lenp);
int in_pcbpeeraddr(struct socket *so, struct sockaddr_storage *ss,
    socklen_t *lenp);
/** SOL_IP (and SOL_IPV6): what every transport of the family has. */
int in_ctloutput(struct socket *so, struct sockopt *sopt);
/** Control messages that IP's options ask for. */
void in_cmsg(struct socket *so, const struct mbuf *m, struct cmsgbuf *cb);

#endif
