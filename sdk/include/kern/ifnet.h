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
struct ifmcast;
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
	 * most budget received packets up through if_input(). Only for who drives
	 * (ifo_drive). @return how many
	 */
	unsigned (*ifo_poll)(struct ifnet *ifp, unsigned budget);
	/**
	 * Become the one who polls (on): true, when you are. Stop being it:
	 * the driver's own thread takes what comes from then on. Where this is
	 * supported, ifo_poll and ifo_park are.
	 */
	bool (*ifo_drive)(struct ifnet *ifp, bool on);
	/**
	 * Who polls sleeps until packets may be there, *word != expected (the
	 * word is unparked when it changes), or the deadline. May return
	 * without cause. @return ETIMEDOUT
	 */
	int (*ifo_park)(struct ifnet *ifp, _Atomic uint32_t *word,
	    uint32_t expected, nstime_t deadline);
	/** The groups (if_mcast_ether()), or IFF_PROMISC, IFF_ALLMULTI
	 * changed. ifnet_lock. */
	void (*ifo_setfilter)(struct ifnet *ifp);
	/** What it is connected to (rump_pub_netconfig_ifsetlinkstr): a bus, a
	 * device. ifnet_lock is held. May sleep. */
	int (*ifo_setlink)(struct ifnet *ifp, const char *link);
	/** A user wants it gone: if_detach() it, and drop the driver's
	 * reference. NULL: it stays (EOPNOTSUPP). No lock is held. */
	int (*ifo_destroy)(struct ifnet *ifp);
	/** The last reference is gone, and every epoch that saw it: free
	 * if_softc. ifp is freed by the caller. On a kernel thread. */
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
	struct vnet *if_vnet;		/* [I] reference while it is attached */
	uint32_t if_index;		/* [I] from 1 */
	uint32_t if_caps;		/* [I] IFCAP_* */
	uint32_t if_gsomax;		/* [I] bytes of payload, with IFCAP_TSO */
	_Atomic uint32_t if_flags;	/* [a] IFF_* */
	_Atomic uint32_t if_mtu;	/* [a] of the network layer */
	uint32_t if_minmtu, if_maxmtu;	/* [I] */
	char if_name[IFNAMSIZ];		/* [n] */
	uint8_t if_hwaddr[8];		/* [n] */
	uint8_t if_hwbcast[8];		/* [I] */
	_Atomic uint64_t if_lladdr;	/* [a] if_hwaddr, as its bytes lie */
	_Atomic uint32_t if_taps;	/* [a] captures, AF_PACKET: how many */
	_Atomic(struct if_tap *) if_taplist;	/* [n] */
	_Atomic(struct if_impair *) if_impair;	/* [a] NULL: none */
	_Atomic(struct ifaddr *) if_addrs;	/* [n] IFADDR_FOREACH */
	_Atomic(struct ifmcast *) if_mcast;	/* [n] */
	_Atomic(struct ifnet *) if_next;	/* [n] by index */
	_Atomic uint32_t if_refs;	/* [a] */
	_Atomic bool if_dead;		/* [a] detached */
	uint32_t if_busypoll;		/* [n] microseconds to spin before a
					 * waiter parks */
	uint32_t if_txqlen;		/* [n] */
	void *if_inet, *if_inet6;	/* [n] the families' own */
	struct ifpriv *if_priv;		/* [I] the component net's */
	void (*if_free)(struct ifnet *ifp);	/* [I] if_rele()'s */
	struct list if_link;		/* when nobody has it any more */
	char if_linkstr[64];		/* [n] ifo_setlink's */
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

static inline struct ifnet *
if_hold(struct ifnet *ifp)
{
	atomic_fetch_add_explicit(&ifp->if_refs, 1, memory_order_relaxed);
	return ifp;
}

/** Any context: what the last one does is left to a kernel thread. */
static inline void
if_rele(struct ifnet *ifp)
{
	if (atomic_fetch_sub_explicit(&ifp->if_refs, 1,
	    memory_order_acq_rel) == 1)
		ifp->if_free(ifp);
}

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

/** Frames (m_nextpkt) to the driver, through taps, impairment and software
 * offloads; taken over. In a section and an epoch. */
int if_transmit(struct ifnet *ifp, struct mbuf *m);
/** The last half of if_transmit(), of if_input(): behind taps, impairment. */
int if_transmit_direct(struct ifnet *ifp, struct mbuf *m);
void if_input_direct(struct ifnet *ifp, struct mbuf *batch);

/** By index or name; in an epoch, or with ifnet_lock. NULL: none. */
struct ifnet *if_byindex(struct vnet *vn, uint32_t index);
struct ifnet *if_byname(struct vnet *vn, const char *name);
/** The one with the next higher index (0: the first); likewise. */
struct ifnet *if_next(struct vnet *vn, uint32_t index);
/** The vnet's loopback. */
struct ifnet *if_loopback(struct vnet *vn);
/** A counter's sum. */
uint64_t if_stat(const struct ifnet *ifp, enum ifstat s);

/**
 * Segment a packet with ph_gso, at its link header or at its network header
 * (ph_l3, ph_l4 are set): full headers, lengths, sequence numbers and identifiers;
 * checksums MCSUM_PARTIAL as in m. Taken over; m_nextpkt links the segments.
 * NULL: no memory, or it was malformed.
 */
struct mbuf *gso_segment(struct mbuf *m);

/** A network protocol: its packets, and news. Static storage. */
struct netproto {
	uint16_t np_ethertype;		/* host order */
	int np_family;
	/** A batch of m_nextpkt, m_data at the network header; taken over. In a
	 * section and an epoch. */
	void (*np_input)(struct ifnet *ifp, struct mbuf *batch);
	/** IFE_*; ifa for addresses. ifnet_lock is held. NULL: no interest. */
	void (*np_event)(struct ifnet *ifp, int event, struct ifaddr *ifa);
	/** A packet (at its network header; taken over) that the link could not
	 * deliver: no neighbour. NULL: it is dropped. In a section, an epoch. */
	void (*np_unreach)(struct ifnet *ifp, struct mbuf *m);
	enum vnet_slot np_slot;		/* no events before it has data */
	_Atomic(struct netproto *) np_next;
};
enum { IFE_ATTACH, IFE_DETACH, IFE_UP, IFE_DOWN, IFE_MTU, IFE_ADDR_NEW,
	IFE_ADDR_DEL, IFE_CHANGE /* name, flags, link address, carrier */ };
/** From now on it gets packets and events; those of what is there already,
 * netproto_replay() tells. */
void netproto_register(struct netproto *np);
/** IFE_ATTACH, IFE_ADDR_NEW, IFE_UP of what a vnet has: from vo_init, when its
 * data is set. */
void netproto_replay(struct netproto *np, struct vnet *vn);
/** Packets of one type (m_nextpkt) to their protocol; for link layers. */
void netproto_input(struct ifnet *ifp, uint16_t ethertype, struct mbuf *batch);

/* ---- Settings; ifnet_lock is held ----------------------------------------- */

/** IFF_UP, IFF_PROMISC, IFF_ALLMULTI and the other flags a user may set.
 * @return what the driver's ifo_up said */
int if_setflags(struct ifnet *ifp, uint32_t set, uint32_t clear);
/** @return EINVAL: outside of if_minmtu .. if_maxmtu */
int if_setmtu(struct ifnet *ifp, uint32_t mtu);
/** @return EEXIST, EINVAL, EBUSY: it is up */
int if_setname(struct ifnet *ifp, const char *name);
/** @return EOPNOTSUPP, EADDRNOTAVAIL */
int if_sethwaddr(struct ifnet *ifp, const uint8_t *addr);

/* ---- Kinds of interfaces that users create ---------------------------------- */

/** Static storage; a driver registers it at its init. */
struct if_cloner {
	const char *ifc_kind;		/* and its interfaces' names: shmif0 */
	/** Make one and if_attach() it under that name: one reference, the
	 * driver's. No lock is held. */
	int (*ifc_create)(struct vnet *vn, const char *name);
	struct if_cloner *ifc_next;
};
/** @return EEXIST */
int if_cloner_register(struct if_cloner *ifc);
/** kind NULL: the name without its number. name without a number, or NULL: the next
 * free. @return ENXIO: no such kind; EEXIST, EINVAL, ENOMEM; *indexp: it */
int if_create(struct vnet *vn, const char *kind, const char *name,
    uint32_t *indexp);
/** @return ENXIO, EOPNOTSUPP */
int if_destroy(struct vnet *vn, const char *name);

/* ---- Taps and impairment ---------------------------------------------------- */

enum { IFTAP_IN, IFTAP_OUT };

/** Sees each packet of an interface: capture, AF_PACKET. The owner's storage. */
struct if_tap {
	/** m: a frame from its link header on, as the stack has it: offloads
	 * are not done. Not taken over, not changed. In an epoch. */
	void (*tap_fn)(struct if_tap *tap, struct ifnet *ifp,
	    const struct mbuf *m, int dir);
	/** The interface is going (ifnet_lock held): NULL, or forget it. The
	 * tap was taken off. */
	void (*tap_gone)(struct if_tap *tap, struct ifnet *ifp);
	_Atomic(struct if_tap *) tap_next;
};
/** ifnet_lock is held. */
void if_tap_add(struct ifnet *ifp, struct if_tap *tap);
/** Likewise; the tap may be in use until the epoch ends. */
void if_tap_remove(struct ifnet *ifp, struct if_tap *tap);

/** Stands between the stack and the driver. Set under ifnet_lock; freed through an
 * epoch. NULL functions: that direction is not touched. */
struct if_impair {
	/** Packets (m_nextpkt, taken over); what comes out now is returned, what
	 * comes later goes through if_transmit_direct(), if_input_direct(). */
	struct mbuf *(*im_out)(struct if_impair *im, struct ifnet *ifp,
	    struct mbuf *m);
	struct mbuf *(*im_in)(struct if_impair *im, struct ifnet *ifp,
	    struct mbuf *m);
	/** The interface is going; ifnet_lock held. */
	void (*im_gone)(struct if_impair *im, struct ifnet *ifp);
};

/* ---- Addresses ----------------------------------------------------------- */

/*
 * All immutable but lifetimes and ifa_flags [ifnet_lock]; freed through an epoch.
 */
struct ifaddr {
	_Atomic(struct ifaddr *) ifa_next;
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

/** Visit an interface's addresses: in an epoch, or with ifnet_lock. */
#define IFADDR_FOREACH(ifa, ifp)					\
	for ((ifa) = atomic_load_explicit(&(ifp)->if_addrs,		\
	    memory_order_acquire); (ifa) != NULL; (ifa) =		\
	    atomic_load_explicit(&(ifa)->ifa_next, memory_order_acquire))

/** Add a copy, with its local, broadcast and prefix routes. ifnet_lock is held.
 * @return EEXIST, EINVAL, ENOMEM */
int ifaddr_add(struct ifnet *ifp, const struct ifaddr *ifa);
/** Likewise. plen 0xff: any. @return EADDRNOTAVAIL */
int ifaddr_del(struct ifnet *ifp, int family, const union inaddr *addr,
    uint8_t plen);
/** A source address for dst out of ifp. In an epoch. @return EADDRNOTAVAIL */
int ifaddr_source(struct ifnet *ifp, int family, const union inaddr *dst,
    union inaddr *src);

/** if_lock of the vnet, for who walks lists that it protects. */
void ifnet_lock(struct vnet *vn);
void ifnet_unlock(struct vnet *vn);

/* ---- Multicast ----------------------------------------------------------- */

/** Receive a group (counted). ifnet_lock is not held. May sleep.
 * @return ENOMEM, EADDRNOTAVAIL (leave) */
int if_mcast_join(struct ifnet *ifp, int family, const union inaddr *group);
int if_mcast_leave(struct ifnet *ifp, int family, const union inaddr *group);
/** In an epoch. */
bool if_mcast_member(struct ifnet *ifp, int family, const union inaddr *group);
/** Is a group received that has this Ethernet address? Likewise. */
bool if_mcast_ether(struct ifnet *ifp, const uint8_t *addr);

/* ---- ioctl ----------------------------------------------------------------- */

/**
 * SIOC* of interfaces, addresses, routes, ARP: for pr_ioctl of the transports. arg is
 * the process's. No lock is held. @return ENOTTY: not one of them
 */
int if_ioctl(struct vnet *vn, unsigned long cmd, void *arg);

#endif
