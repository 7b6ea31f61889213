/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * netinet's own: what its files share and nobody else sees.
 */
#ifndef NETINET_H
#define NETINET_H

#include <kern/inpcb.h>
#include <kern/random.h>

/* ---- The IPv4 header (RFC 791 3.1): offsets of its fields ---------------- */

#define IP_VHL		0
#define IP_TOSOFF	1
#define IP_LEN		2
#define IP_ID		4
#define IP_OFF		6
#define IP_TTLOFF	8
#define IP_P		9
#define IP_SUM		10
#define IP_SRC		12
#define IP_DST		16
#define IP_HDRLEN	20u		/* without options */
#define IP_MAXOPT	40u
#define IP_HDRMAX	(IP_HDRLEN + IP_MAXOPT)
#define IP_MAXLEN	65535u
#define IP_MINMTU	68u		/* every link carries it */

/* Of the field at IP_OFF */
#define IPF_DF		0x4000
#define IPF_MF		0x2000
#define IPF_OFFSET	0x1fff		/* in units of 8 bytes */
#define IPF_RESERVED	0x8000

#define IP_ECNMASK	0x03
#define IP_CE		0x03

static inline uint32_t
ip_hlen(const uint8_t *ip)
{
	return (ip[IP_VHL] & 0xfu) * 4u;
}

/* Addresses as they travel: network byte order. */
static inline uint32_t
ip_addr(const uint8_t *p)
{
	uint32_t a;

	memcpy(&a, p, sizeof(a));
	return a;
}

static inline void
ip_addr_put(uint8_t *p, uint32_t a)
{
	memcpy(p, &a, sizeof(a));
}

static inline bool
in_multicast(uint32_t a)
{
	return (be32toh(a) & 0xf0000000u) == 0xe0000000u;
}

static inline bool
in_loopback(uint32_t a)
{
	return be32toh(a) >> 24 == 127;
}

/* Class E, but for the limited broadcast: RFC 1112 4. */
static inline bool
in_reserved(uint32_t a)
{
	return (be32toh(a) & 0xf0000000u) == 0xf0000000u && a != 0xffffffffu;
}

#define INADDR_NONE4	0xffffffffu	/* limited broadcast */

/* ---- Tunables and counters of a vnet ------------------------------------- */

/* name, default, least, most, description */
#define IP_TUNABLES(X)							\
X(ip_forward, 0, 0, 1, "packets for others are forwarded")		\
X(ip_default_ttl, 64, 1, 255, "time to live of packets sent")		\
X(ip_local_port_first, 32768, 1, 65535, "first port chosen for sockets") \
X(ip_local_port_last, 60999, 1, 65535, "last port chosen for sockets")	\
X(ip_unprivileged_port_start, 1024, 0, 65535,				\
    "first port that everybody may bind")				\
X(ip_nonlocal_bind, 0, 0, 1, "sockets may bind addresses of others")	\
X(ip_no_pmtu_disc, 0, 0, 1, "sockets begin with IP_PMTUDISC_DONT")	\
X(ip_accept_source_route, 0, 0, 1, "source routes are followed")	\
X(ip_accept_local, 0, 0, 1, "own addresses may come from a network")	\
X(ip_send_redirects, 1, 0, 1, "a router tells of better routes")	\
X(ipfrag_time, 30, 1, 300, "seconds that fragments wait for the rest")	\
X(ipfrag_high_thresh, 4 << 20, 0, 1 << 30, "bytes that fragments may take") \
X(ipfrag_max_per_source, 64, 1, 65536,					\
    "incomplete packets from one source")				\
X(min_pmtu, 552, 68, 65535, "least MTU that is learned of a path")	\
X(mtu_expires, 600, 1, 1 << 20, "seconds that a path's MTU is believed") \
X(pmtu_max, 4096, 1, 1 << 20, "paths whose MTU is remembered")		\
X(icmp_echo_ignore_all, 0, 0, 1, "echo requests are ignored")		\
X(icmp_echo_ignore_broadcasts, 1, 0, 1,					\
    "echo and timestamp requests to groups are ignored")		\
X(icmp_ratelimit, 1000, 0, 1 << 20,					\
    "milliseconds between errors sent to one host, in the long run")	\
X(icmp_msgs_per_sec, 1000, 0, 1 << 20, "errors sent in a second")	\
X(icmp_msgs_burst, 50, 1, 1 << 20, "errors sent at once")		\
X(igmp_max_memberships, 20, 0, 1 << 16, "groups of a socket")		\
X(igmp_max_msf, 10, 0, 1 << 12, "sources of a group of a socket")

/* name, description; after RFC 1213's, RFC 4293's and RFC 2013's */
#define IP_COUNTERS(X)							\
X(ip_in_receives, "packets that came in")				\
X(ip_in_hdr_errors, "dropped: damaged header")				\
X(ip_in_addr_errors, "dropped: impossible address")			\
X(ip_in_truncated, "dropped: shorter than they say")			\
X(ip_in_unknown_protos, "dropped: no such transport")			\
X(ip_in_discards, "dropped: no memory")					\
X(ip_in_delivers, "given to a transport")				\
X(ip_in_no_routes, "dropped: neither for us nor forwarded")		\
X(ip_forw_datagrams, "forwarded")					\
X(ip_out_requests, "packets that transports sent")			\
X(ip_out_discards, "not sent: no memory")				\
X(ip_out_no_routes, "not sent: no route")				\
X(ip_reasm_reqds, "fragments that came in")				\
X(ip_reasm_oks, "packets put together")					\
X(ip_reasm_fails, "packets given up")					\
X(ip_reasm_timeout, "of those, for time")				\
X(ip_reasm_overlaps, "of those, for overlapping fragments")		\
X(ip_frag_oks, "packets that were fragmented")				\
X(ip_frag_fails, "packets that could not be")				\
X(ip_frag_creates, "fragments made")					\
X(icmp_in_msgs, "ICMP messages that came in")				\
X(icmp_in_errors, "dropped: damaged")					\
X(icmp_in_csum_errors, "dropped: wrong checksum")			\
X(icmp_in_echos, "echo requests that came in")				\
X(icmp_in_redirects, "redirects that came in")				\
X(icmp_out_msgs, "ICMP messages sent")					\
X(icmp_out_errors, "of those, errors")					\
X(icmp_out_limited, "errors not sent: too many")			\
X(igmp_in_msgs, "IGMP messages that came in")				\
X(igmp_out_msgs, "IGMP messages sent")					\
X(udp_in_datagrams, "datagrams delivered")				\
X(udp_no_ports, "datagrams for a port that nobody has")			\
X(udp_in_errors, "datagrams dropped")					\
X(udp_in_csum_errors, "of those, for their checksum")			\
X(udp_rcvbuf_errors, "of those, for a full socket")			\
X(udp_out_datagrams, "datagrams sent")					\
X(raw_in_datagrams, "packets given to raw sockets")

#define X(name, ...) IPC_##name,
enum ip_tunable { IP_TUNABLES(X) IPC_COUNT };
#undef X
#define X(name, ...) IPS_##name,
enum ip_counter { IP_COUNTERS(X) IPS_COUNT };
#undef X

#define IP_STRIPES	4		/* threads that count without sharing */
#define IP_IDS		64		/* counters of identifications */

struct ip_stripe {
	_Atomic uint64_t st_n[IPS_COUNT];
} __cacheline_aligned;

/*
 * IPv4 of a vnet.
 *
 * I  immutable   a  atomic   n  ifnet_lock, read under an epoch
 */
struct vnet_inet {
	struct vnet *vi_vnet;			/* [I] */
	_Atomic(struct in_addrs *) vi_addrs;	/* [n] own addresses */
	_Atomic uint32_t vi_rawsocks;		/* [a] raw sockets open */
	struct siphash_key vi_key;		/* [I] */
	struct inpcbtable *vi_udp, *vi_raw, *vi_ping;	/* [I] */
	struct ip_reass *vi_reass;		/* [I] */
	struct ip_pmtu *vi_pmtu;		/* [I] */
	struct icmp_limits *vi_limits;		/* [I] */
	struct ip_groups *vi_groups;		/* [I] multicast */
	_Atomic uint32_t vi_ids[IP_IDS];	/* [a] */
	_Atomic uint64_t vi_conf[IPC_COUNT];	/* [a] */
	struct netqueue vi_loopq;		/* copies of sent groups */
	struct ip_stripe vi_stats[IP_STRIPES];	/* [a] */
};

static inline struct vnet_inet *
vnet_inet(const struct vnet *vn)
{
	return vn->vn_data[VNET_INET];
}

static inline void
ip_count_n(struct vnet_inet *vi, enum ip_counter c, uint64_t n)
{
	atomic_fetch_add_explicit(&vi->vi_stats[thread_self()->td_index %
	    IP_STRIPES].st_n[c], n, memory_order_relaxed);
}

static inline void
ip_count(struct vnet_inet *vi, enum ip_counter c)
{
	ip_count_n(vi, c, 1);
}

static inline uint64_t
ip_conf(const struct vnet_inet *vi, enum ip_tunable c)
{
	return atomic_load_explicit(&((struct vnet_inet *)(uintptr_t)vi)->
	    vi_conf[c], memory_order_relaxed);
}

void in_sysctl_defaults(struct vnet_inet *vi);
int in_sysctl_init(void);

/* ---- Transports and addresses -------------------------------------------- */

/* NULL: none is registered. */
const struct inproto *inproto_find(uint8_t proto);

extern struct domain inet_domain;

/* In an epoch. Which kind of address it is, by what is configured. */
enum in_kind { INK_UNICAST, INK_ANY, INK_LOCAL, INK_BCAST, INK_MCAST };
enum in_kind in_kind(struct vnet *vn, uint32_t addr);
int in_addrs_init(struct vnet_inet *vi);
void in_addrs_fini(struct vnet_inet *vi);
void in_addrs_event(struct ifnet *ifp, int event, struct ifaddr *ifa);
/* Is it configured on an interface? In an epoch. */
bool in_addrs_has(const struct vnet_inet *vi, uint32_t addr);
/* The interface that has it, or NULL. */
struct ifnet *in_addrs_ifp(const struct vnet_inet *vi, uint32_t addr);

/* ---- IP ------------------------------------------------------------------- */

void ip_input(struct ifnet *ifp, struct mbuf *batch);
/* A packet that is for this host: m at its IP header, checked. Taken over. */
void ip_deliver(struct vnet_inet *vi, struct mbuf *m, uint32_t hlen);
/* Not for us. Taken over. */
void ip_forward(struct vnet_inet *vi, struct mbuf *m);
/* Set IP_SUM of a header. */
void ip_cksum_set(uint8_t *ip, uint32_t hlen);
bool ip_cksum_ok(const uint8_t *ip, uint32_t hlen);
/* An identification for a packet that may be fragmented (RFC 6864). */
uint16_t ip_newid(struct vnet_inet *vi, uint32_t src, uint32_t dst,
    uint8_t proto);
/*
 * A packet with its IP header to its next hop, in fragments where it is
 * too big and may be. Taken over; in an epoch. @return EMSGSIZE ...
 */
int ip_transmit(struct vnet_inet *vi, struct mbuf *m,
    const struct nexthop *nh, uint32_t mtu, bool mayfrag);
/* Fragments of m, linked by m_nextpkt; m is taken over. @return ENOMEM */
int ip_fragment(struct vnet_inet *vi, struct mbuf *m, uint32_t mtu,
    struct mbuf **out);
/* A packet with its own IP header (IP_HDRINCL); checked, completed. */
int ip_output_hdrincl(struct mbuf *m, const struct inout *io);
/* As in_output() for IPv4. */
int ip_output(struct mbuf *m, const struct inout *io);
/* A copy of a sent packet for this host's members, through the queue. */
void ip_loopback(struct vnet_inet *vi, struct mbuf *m, struct ifnet *ifp);
void ip_loopback_input(struct netqueue *nq, struct mbuf *batch);

/* ---- Options (RFC 791 3.1) ------------------------------------------------ */

struct ip_optstate {
	uint8_t os_srr;			/* offset of a source route, or 0 */
	uint8_t os_rr, os_ts, os_ra;	/* record route, time stamp, alert */
};
/* Check their form. @return where it is wrong (offset in the header), or 0 */
unsigned ip_options_check(const uint8_t *opts, unsigned len,
    struct ip_optstate *os);
/* What a receiver or forwarder notes in them; true: the header changed. */
bool ip_options_record(uint8_t *ip, uint32_t addr,
    const struct ip_optstate *os);
/* Those that every fragment carries; out: IP_MAXOPT bytes. @return length */
unsigned ip_options_copied(const uint8_t *opts, unsigned len, uint8_t *out);
/* What an answer to a packet carries. @return length, padded */
unsigned ip_options_echo(const uint8_t *opts, unsigned len, uint8_t *out);

/* ---- Reassembly (RFC 791 3.2, RFC 815) ----------------------------------- */

int ip_reass_init(struct vnet_inet *vi);
void ip_reass_shutdown(struct vnet_inet *vi);
void ip_reass_fini(struct vnet_inet *vi);
/* A fragment, taken over. The whole packet, or NULL. */
struct mbuf *ip_reass(struct vnet_inet *vi, struct mbuf *m, uint32_t hlen);
/* Bytes that fragments take now. */
uint64_t ip_reass_bytes(struct vnet_inet *vi);

/* ---- Path MTU (RFC 1191) -------------------------------------------------- */

int ip_pmtu_init(struct vnet_inet *vi);
void ip_pmtu_fini(struct vnet_inet *vi);
/* What was learned, or UINT32_MAX. In an epoch. */
uint32_t ip_pmtu(struct vnet_inet *vi, uint32_t dst);
void ip_pmtu_learn(struct vnet_inet *vi, uint32_t dst, uint32_t mtu);

/* ---- ICMP ----------------------------------------------------------------- */

int icmp_vnet_init(struct vnet_inet *vi);
void icmp_vnet_fini(struct vnet_inet *vi);
/*
 * An error about a received packet m at its IP header; not taken over. Rules of
 * RFC 1122 3.2.2 and the limits decide whether it is sent. In a section, an epoch.
 */
void icmp_error(const struct mbuf *m, uint8_t type, uint8_t code,
    uint32_t info);

/* No neighbour takes a packet of ours, or for somebody: m at its IP header. */
void ip_unreach(struct ifnet *ifp, struct mbuf *m);

/* ---- IGMP ----------------------------------------------------------------- */

int igmp_vnet_init(struct vnet_inet *vi);
void igmp_shutdown(struct vnet_inet *vi);
void igmp_vnet_fini(struct vnet_inet *vi);
/* A socket has joined, or left, a group of an interface. No lock is held. */
void igmp_joined(struct ifnet *ifp, uint32_t group);
void igmp_left(struct ifnet *ifp, uint32_t group);

/* ---- Control blocks ------------------------------------------------------- */

#define INP_LINKEDONCE	0x00100000	/* readers may stand on it: in_pcb_hash.c */
#define INP_NOTSRC	0x00200000	/* bound to a group or a broadcast */
#define INP_DGRAM	0x00400000	/* found from bind on */
#define INP_RECVMTU	0x00800000
#define INP_PORTBOUND	0x01000000	/* counted in ipp_nbound */

/* A received packet's place in ph_from, behind the source: for IP_PKTINFO. */
#define FROM_DST	16
#define FROM_IFINDEX	20

struct inpmembership;
struct inpmore {
	uint8_t im_opts[IP_MAXOPT];
	uint32_t im_mcastaddr;		/* IP_MULTICAST_IF by address */
	struct inpmembership *im_groups;
	uint32_t im_ngroups;
};
/* Made on first use; so_lock held. NULL: no memory */
struct inpmore *in_pcbmore(struct inpcb *inp);
/* Everything that hangs on it: sleeps not; so_lock held. */
void in_mcast_leave_all(struct inpcb *inp);
int in_mcast_init(void);
/* ENOPROTOOPT: none of theirs. so_lock is left and taken again. */
int in_mcast_setopt(struct socket *so, const struct sockopt *sopt);
int in_mcast_getopt(struct socket *so, struct sockopt *sopt);
/* Does the socket take packets of a group from a source? so_lock held. */
bool in_mcast_wants(struct inpcb *inp, const struct inpkt *pk);

static inline struct inpcb *
sotoinpcb(const struct socket *so)
{
	return so->so_pcb;
}

/* A source and an arrival for recvmsg(): m_ph.ph_from. port: network order */
void in_notesource(struct mbuf *m, const struct inpkt *pk, uint16_t port);
/* Onto the error queue: m, what was sent (taken over, or NULL). so_lock held. */
void in_queue_error(struct socket *so, const struct inerror *ie,
    struct mbuf *m, uint16_t dport);
/* What a send to a group is subject to. */
void in_mcastout(struct inpcb *inp, struct inout *io);
/* May it be bound to? *notsrc: it is no source. @return EADDRNOTAVAIL */
int in_pcbaddr_check(const struct inpcb *inp, uint32_t addr, bool *notsrc);
/* Addresses of a block that is in no hash table. so_lock held. */
void in_pcbsetaddrs(struct inpcb *inp, const union inaddr *laddr,
    const union inaddr *faddr);
/* Read without a lock. */
union inaddr in_pcbladdr(const struct inpcb *inp);
union inaddr in_pcbfaddr(const struct inpcb *inp);
int in_control(struct socket *so, unsigned long cmd, void *arg);
/* Send-side control messages change io. @return EINVAL */
int in_sendcmsg(struct inpcb *inp, const struct mbuf *control,
    struct inout *io, uint16_t *gso_size);

/* Copies for raw sockets; m at its IP header, not taken over. @return any? */
bool raw_input(struct vnet_inet *vi, struct mbuf *m, const struct inpkt *pk);

/* ---- Transports' parts ---------------------------------------------------- */

extern const struct protosw udp_protosw, raw_protosw, ping_protosw,
    tcp_protosw;
extern const struct inproto udp_inproto, icmp_inproto, igmp_inproto;
int udp_init(void);
int icmp_init(void);
int raw_init(void);
int tcp_init(void);

#endif
