/* SPDX-License-Identifier: BSD-2-Clause */
/** @file ifnet.h
 * Network interfaces.
 *
 * A driver makes a struct ifnet, fills what its ops need, and attaches it to a
 * vnet; there it has an index and a name. It lives while it has references;
 * packets and tables point to it under an epoch.
 *
 * The way out: a protocol calls if_output() with a packet that starts at its network
 * header; the link layer (Ethernet: neighbour, header) hands a frame to
 * if_transmit(), which taps (capture, AF_PACKET), impairs, segments what the driver
 * cannot, and calls ifo_transmit. The way in: the driver's packets go through if_input(),
 * tapped and joined (GRO), to the family that registered the Ethernet type.
 *
 * Locks: ifnet_lock (per vnet; list, addresses, settings; sleeps) is the network's outermost.
 */
#ifndef KERN_IFNET_H
#define KERN_IFNET_H

#include <kern/inaddr.h>
#include <kern/netisr.h>
#include <kern/vnet.h>
#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/if_ether.h>

struct ifnet;
struct ifaddr;
struct neigh;
struct nexthop;

/* if_caps: what the driver can do with a frame in ifo_transmit */
#define IFCAP_CSUM	0x01	/* takes MCSUM_PARTIAL */
#define IFCAP_TSO	0x02	/* takes ph_gso TCP, up to if_gsomax bytes */
#define IFCAP_USO	0x04	/* takes ph_gso UDP */
#define IFCAP_SG	0x08	/* takes chains; else one contiguous mbuf */
#define IFCAP_RXCSUM	0x10	/* its packets come with ph_csum set right */

/*
 * A driver. NULL: not supported, or nothing to do.
 */
struct ifops {
	const char *ifo_kind;		/* rtnetlink's IFLA_INFO_KIND */
	/**
	 * Send frames, linked by m_nextpkt, taken over. Locks may be held, a
	 * section is open; does not sleep, does not call into the network: what
	 * comes back goes through a netqueue, wake-ups through netisr_defer().
	 * Counts nothing. @return ENOBUFS, ENETDOWN ...: *sent packets went
	 */
	int (*ifo_transmit)(struct ifnet *ifp, struct mbuf *m, unsigned *sent);
	/** IFF_UP is about to be set, was cleared. ifnet_lock. May sleep. */
	int (*ifo_up)(struct ifnet *ifp);
	void (*ifo_down)(struct ifnet *ifp);
	int (*ifo_setmtu)(struct ifnet *ifp, uint32_t mtu);
	int (*ifo_sethwaddr)(struct ifnet *ifp, const uint8_t *addr);
	int (*ifo_ioctl)(struct ifnet *ifp, unsigned long cmd, void *arg);
	/**
	 * For drivers whose packets come from outside of this kernel: take at
	 * most budget received packets up through if_input(). One caller at a
	 * time (if_drive()). @return how many
	 */
	unsigned (*ifo_poll)(struct ifnet *ifp, unsigned budget);
	/**
	 * Park the calling driver until packets may be there, ifo_kick() was
	 * called since *seq was read from ifo_seq(), or the deadline.
	 * @return 0, ETIMEDOUT
	 */
	int (*ifo_park)(struct ifnet *ifp, uint32_t seq, nstime_t deadline);
	uint32_t (*ifo_seq)(struct ifnet *ifp);
	void (*ifo_kick)(struct ifnet *ifp);
	/** A waiter drives from now on; it does not any more. The driver's own thread
	 * stays away between, and is told only when packets come later. */
	void (*ifo_drive)(struct ifnet *ifp, bool on);
	/** The last reference is gone: free if_softc and what holds ifp. */
	void (*ifo_fini)(struct ifnet *ifp);
};

/** The link layer: one of each type. */
struct ifltype {
	uint16_t ilt_type;		/* ARPHRD_* */
	uint8_t ilt_addrlen, ilt_hdrlen;
	/** A packet at its network header, to a next hop; taken over. */
	int (*ilt_output)(struct ifnet *ifp, struct mbuf *m, uint16_t ethertype,
	    const struct nexthop *nh, const union inaddr *dst);
	/** A received batch (m_nextpkt), m_data at the link header. */
	void (*ilt_input)(struct ifnet *ifp, struct mbuf *batch);
};

enum ifstat { IFS_RXPACKETS, IFS_RXBYTES, IFS_RXERRORS, IFS_RXDROPS,
	IFS_RXMCAST, IFS_RXNOPROTO, IFS_TXPACKETS, IFS_TXBYTES, IFS_TXERRORS,
	IFS_TXDROPS, IFS_COUNT };
#define IFSTRIPES 4			/* threads that count without sharing */

struct ifstats {
	_Atomic uint64_t is_n[IFS_COUNT];
} __cacheline_aligned;

/*
 * I  immutable after attach   n  ifnet_lock, read under an epoch   a  atomic
 */
struct ifnet {
	const struct ifops *if_ops;	/* [I] */
	const struct ifltype *if_ltype;	/* [I] */
	void *if_softc;			/* [I] the driver's */
	struct vnet *if_vnet;		/* [I] reference */
	uint32_t if_index;		/* [I] from 1 */
	uint32_t if_caps;		/* [I] IFCAP_* */
	uint32_t if_gsomax;		/* [I] bytes of payload, with IFCAP_TSO */
	_Atomic uint32_t if_flags;	/* [a] IFF_* */
	_Atomic uint32_t if_mtu;	/* [a] of the network layer */
	uint32_t if_minmtu, if_maxmtu;	/* [I] */
	char if_name[IFNAMSIZ];		/* [n] */
	uint8_t if_hwaddr[8];		/* [n] */
	uint8_t if_hwbcast[8];		/* [I] */
	_Atomic uint32_t if_taps;	/* [a] captures, AF_PACKET: how many */
	void *if_taplist;		/* [n] */
	_Atomic(void *) if_impair;	/* [a] NULL: none */
	struct list if_addrs;		/* [n] struct ifaddr */
	struct list if_mcast;		/* [n] */
	struct list if_link;		/* [n] */
	_Atomic uint32_t if_refs;	/* [a] */
	_Atomic bool if_dead;		/* [a] detached */
	_Atomic bool if_driven;		/* [a] somebody is in ifo_poll */
	uint32_t if_busypoll;		/* [n] microseconds to spin before a
					 * waiter parks */
	uint32_t if_txqlen;		/* [n] */
	void *if_inet, *if_inet6;	/* [n] the families' own */
	struct epoch_entry if_epoch;
	struct ifstats if_stats[IFSTRIPES];
};

static inline void
if_count(struct ifnet *ifp, enum ifstat s, uint64_t n)
{
	atomic_fetch_add_explicit(&ifp->if_stats[thread_self()->td_index %
	    IFSTRIPES].is_n[s], n, memory_order_relaxed);
}

static inline bool
if_is(const struct ifnet *ifp, uint32_t flags)
{
	return (atomic_load_explicit(&((struct ifnet *)(uintptr_t)ifp)->if_flags,
	    memory_order_relaxed) & flags) == flags;
}

/* ---- For drivers -------------------------------------------------------- */

/** Zeroed, one reference. NULL: no memory. */
struct ifnet *if_alloc(const struct ifops *ops, const struct ifltype *lt,
    void *softc);
/**
 * Give it an index and a name (a format with %d, or a whole name), announce
 * it. @return EEXIST, EINVAL, ENOMEM
 */
int if_attach(struct vnet *vn, struct ifnet *ifp, const char *name);
/** Take it down and out; the caller's reference remains. Sleeps. */
void if_detach(struct ifnet *ifp);
struct ifnet *if_hold(struct ifnet *ifp);
void if_rele(struct ifnet *ifp);
extern const struct ifltype ether_ltype, loop_ltype, rawip_ltype;
/** Fill a random, locally administered Ethernet address. */
void ether_randaddr(uint8_t addr[6]);
/**
 * Received frames, linked by m_nextpkt; taken over. In a section, inside an
 * epoch, no lock held.
 */
void if_input(struct ifnet *ifp, struct mbuf *batch);
/** The carrier came or went (IFF_RUNNING, IFF_LOWER_UP). Sleeps. */
void if_link_state(struct ifnet *ifp, bool up);

/* ---- For protocols ------------------------------------------------------- */

/** Send a packet: m at its network header, taken over; in an epoch. */
static inline int
if_output(struct ifnet *ifp, struct mbuf *m, uint16_t ethertype,
    const struct nexthop *nh, const union inaddr *dst)
{
	return ifp->if_ltype->ilt_output(ifp, m, ethertype, nh, dst);
}

/** Frames to the driver, through taps, impairment and software offloads. */
int if_transmit(struct ifnet *ifp, struct mbuf *m);

/** By index or name; in an epoch, or if_hold() it before leaving. */
struct ifnet *if_byindex(struct vnet *vn, uint32_t index);
struct ifnet *if_byname(struct vnet *vn, const char *name);

/** A network protocol: its packets, and news. Static storage. */
struct netproto {
	uint16_t np_ethertype;		/* host order */
	int np_family;
	/** A batch of m_nextpkt, m_data at the network header; taken over. In a
	 * section and an epoch. */
	void (*np_input)(struct ifnet *ifp, struct mbuf *batch);
	/** IFE_*; ifa for addresses. ifnet_lock is held. */
	void (*np_event)(struct ifnet *ifp, int event, struct ifaddr *ifa);
	struct netproto *np_next;
};
enum { IFE_ATTACH, IFE_DETACH, IFE_UP, IFE_DOWN, IFE_MTU, IFE_ADDR_NEW,
	IFE_ADDR_DEL };
void netproto_register(struct netproto *np);

/* ---- Addresses ----------------------------------------------------------- */

/*
 * All immutable but lifetimes and ifa_flags [ifnet_lock]; freed through an epoch.
 */
struct ifaddr {
	struct list ifa_link;
	struct ifnet *ifa_ifp;
	int ifa_family;
	union inaddr ifa_addr, ifa_peer, ifa_bcast;
	uint8_t ifa_plen, ifa_scope;
	uint32_t ifa_flags;		/* IFA_F_* */
	uint32_t ifa_metric;		/* of its prefix route */
	char ifa_label[IFNAMSIZ];
	uint32_t ifa_valid, ifa_preferred;	/* seconds; ~0: for ever */
	nstime_t ifa_created, ifa_updated;
	struct epoch_entry ifa_epoch;
};

/** Add a copy, with its local, broadcast and prefix routes. @return EEXIST ... */
int ifaddr_add(struct ifnet *ifp, const struct ifaddr *ifa);
/** @return EADDRNOTAVAIL */
int ifaddr_del(struct ifnet *ifp, int family, const union inaddr *addr,
    uint8_t plen);
/** A source address for dst out of ifp. In an epoch. @return EADDRNOTAVAIL */
int ifaddr_source(struct ifnet *ifp, int family, const union inaddr *dst,
    union inaddr *src);

/** if_lock of the vnet, for who walks lists that it protects. */
void ifnet_lock(struct vnet *vn);
void ifnet_unlock(struct vnet *vn);

/* ---- Multicast ----------------------------------------------------------- */

/** Receive a group (counted). May sleep. */
int if_mcast_join(struct ifnet *ifp, int family, const union inaddr *group);
int if_mcast_leave(struct ifnet *ifp, int family, const union inaddr *group);
/** In an epoch. */
bool if_mcast_member(struct ifnet *ifp, int family, const union inaddr *group);

#endif
