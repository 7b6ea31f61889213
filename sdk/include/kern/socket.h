/* SPDX-License-Identifier: BSD-2-Clause */
/** @file socket.h
 * Sockets: the layer between system calls and protocols.
 *
 * A struct socket lives while it has a reference (so_refs): its file holds
 * one, its protocol one while a connection outlives the file, each queue of
 * a listening socket one for each member. It is freed through an epoch: who
 * found it in a table under epoch_enter() takes so_lock and looks at SS_DEAD.
 *
 * so_lock protects the socket, both buffers and the protocol's control block
 * (so_pcb). It is held over output down to the interface, never over a copy
 * from or to a process: a sender copies before it locks, a receiver cuts what
 * it takes out of the buffer and copies it afterwards.
 *
 * Lock order: so_lock of a connection -> so_lock of the listening
 * socket it came from -> tables of protocols -> interfaces. Two sockets of
 * the same kind are never locked by the network's code: what one socket's output
 * means to another of this kernel travels as a packet (netisr, <kern/ifnet.h>).
 */
#ifndef KERN_SOCKET_H
#define KERN_SOCKET_H

#include <kern/file.h>
#include <kern/mbuf.h>
#include <kern/netisr.h>
#include <kern/poll.h>
#include <kern/sockaddr.h>
#include <kern/sync.h>
#include <kern/time.h>
#include <kern/vnet.h>

struct protosw;
struct domain;
struct sockopt;
struct cmsgbuf;
struct ifnet;

/*
 * A queue of data: a stream is one chain by m_next (sb_mb); datagrams are
 * chains of their own, linked by m_nextpkt.
 *
 * o  so_lock   a  atomic; written under so_lock
 */
struct sockbuf {
	struct mbuf *sb_mb;		/* [o] */
	struct mbuf *sb_mbtail;		/* [o] last mbuf (stream), last record */
	_Atomic uint32_t sb_cc;		/* [a] bytes */
	uint32_t sb_mbcnt;		/* [o] what they cost */
	uint32_t sb_hiwat;		/* [o] limit of sb_cc */
	uint32_t sb_mbmax;		/* [o] limit of sb_mbcnt */
	_Atomic uint32_t sb_lowat;	/* [a] SO_RCVLOWAT */
	uint32_t sb_flags;		/* [o] SB_* */
	nstime_t sb_timeo;		/* [o] 0: for ever */
	struct kcondvar sb_cv;
};

#define SB_LOCKED	0x01	/* size chosen by SO_*BUF: no auto-tuning */
#define SB_AUTOSIZE	0x02

/* so_state */
#define SS_ISCONNECTED		0x0001
#define SS_ISCONNECTING		0x0002
#define SS_ISDISCONNECTING	0x0004
#define SS_CANTSENDMORE		0x0008
#define SS_CANTRCVMORE		0x0010
#define SS_RCVATMARK		0x0020
#define SS_LISTENING		0x0040
#define SS_NOFDREF		0x0080	/* no file any more */
#define SS_DEAD			0x0100	/* freed when the epoch ends */
#define SS_ISDISCONNECTED	0x0200	/* was connected once */
#define SS_INCOMPLETE		0x0400	/* made by a listening socket, not ready */
#define SS_ASYNCCONN		0x0800	/* connect() has returned, not with 0 */

/* so_options: SO_* booleans */
#define SOO_DEBUG	0x0001
#define SOO_REUSEADDR	0x0002
#define SOO_REUSEPORT	0x0004
#define SOO_KEEPALIVE	0x0008
#define SOO_DONTROUTE	0x0010
#define SOO_BROADCAST	0x0020
#define SOO_OOBINLINE	0x0040
#define SOO_TIMESTAMP	0x0080	/* struct timeval */
#define SOO_TIMESTAMPNS	0x0100
#define SOO_PASSCRED	0x0200
#define SOO_PASSSEC	0x0400
#define SOO_LINGER	0x0800
#define SOO_NO_CHECK	0x1000
#define SOO_RXQ_OVFL	0x2000
#define SOO_ZEROCOPY	0x4000
#define SOO_TSNEW	0x8000	/* the _NEW layout of time stamps */
#define SOO_SELECTERR	0x10000	/* SO_SELECT_ERR_QUEUE */

/* What only a listening socket has. */
struct solisten {
	struct list sl_comp;		/* [o] so_qlink: ready for accept */
	struct list sl_incomp;		/* [o] so_qlink: made, not ready */
	unsigned sl_qlen;		/* [o] on sl_comp */
	unsigned sl_incqlen;		/* [o] on sl_incomp */
	unsigned sl_limit;		/* [o] backlog */
};

/* What few sockets use; allocated on first use. */
struct soextra {
	struct mbuf *sx_errq;		/* [o] MSG_ERRQUEUE: records */
	struct mbuf **sx_errqtail;
	uint32_t sx_errcnt;
	uint32_t sx_tsflags;		/* SO_TIMESTAMPING */
	uint32_t sx_tskey, sx_zckey;
	uint32_t sx_drops;		/* SO_RXQ_OVFL */
	int32_t sx_peekoff;		/* SO_PEEK_OFF, -1: off */
	uint64_t sx_pacing;		/* SO_MAX_PACING_RATE, bytes/s */
	void *sx_filter;		/* SO_ATTACH_FILTER */
	uint32_t sx_busypoll;		/* SO_BUSY_POLL, microseconds */
	int32_t sx_incoming_cpu;
	uint32_t sx_putback;		/* at the front of so_rcv, taken once */
};

/*
 * I  immutable   o  so_lock   a  atomic
 */
struct socket {
	struct kmutex so_lock;
	_Atomic uint32_t so_refs;	/* [a] */
	_Atomic uint32_t so_state;	/* [a] SS_*; written under so_lock */
	_Atomic int so_error;		/* [a] pending; taken by the next call */
	_Atomic int so_softerror;	/* [o] SO_ERROR of a recoverable kind */
	const struct protosw *so_proto;	/* [I] */
	struct vnet *so_vnet;		/* [I] reference */
	void *so_pcb;			/* [o] the protocol's */
	_Atomic(struct file *) so_file;	/* [a] no reference */
	uint32_t so_options;		/* [o] SOO_* */
	int16_t so_family, so_type, so_protocol; /* [I] */
	uint16_t so_linger;		/* [o] seconds */
	uint32_t so_mark, so_priority;	/* [o] */
	uint32_t so_bindif;		/* [o] SO_BINDTODEVICE: index, 0: any */
	uid_t so_uid;			/* [I] owner */
	_Atomic uint64_t so_cookie;	/* [a] SO_COOKIE, on first use */
	struct ifnet *so_pollif;	/* [o] where its packets come from, if that
					 * can be polled: reference */
	struct solisten *so_listen;	/* [o] listening sockets */
	struct socket *so_head;		/* [o] the listening socket: reference */
	struct list so_qlink;		/* [head's o] */
	struct soextra *so_extra;	/* [o] or NULL */
	uint32_t so_oobmark;		/* [o] bytes of so_rcv before the mark */
	_Atomic uint32_t so_wakes;	/* [a] POLL*, for so_wake */
	struct network so_wake;		/* wake-ups at the section's end */
	struct pollhead so_poll;
	struct sockbuf so_snd, so_rcv;
	struct cred *so_cred;		/* [I] SO_PEERCRED's side; reference */
	struct epoch_entry so_epoch;
};

/* pr_flags */
#define PR_ATOMIC	0x01	/* a send is a record, whole or not at all */
#define PR_ADDR		0x02	/* records have a source (ph_from or MT_ADDR) */
#define PR_CONNREQUIRED	0x04	/* data only when connected */
#define PR_WANTRCVD	0x08	/* tell when the user took data */
#define PR_LISTEN	0x10	/* has pr_listen */
#define PR_RIGHTS	0x20	/* passes descriptors */
#define PR_IMPLOPCL	0x40	/* sendto() may connect (TCP Fast Open) */

/*
 * A protocol, as sockets see it. Where not said otherwise: called with so_lock
 * held, which it keeps; does not sleep for anything but memory's locks; NULL means
 * EOPNOTSUPP. Addresses are in kernel memory, of the length given, not
 * yet looked at.
 */
struct protosw {
	struct domain *pr_domain;
	int16_t pr_type;
	int16_t pr_protocol;		/* 0 in the socket call also finds it */
	uint16_t pr_flags;
	/** A fresh socket gets its control block and buffer sizes. */
	int (*pr_attach)(struct socket *so, int protocol);
	/**
	 * The file is closed (SS_NOFDREF): give the control block up, or
	 * keep a reference of the socket (so_hold()) until it may go.
	 */
	void (*pr_detach)(struct socket *so);
	/**
	 * The connection ends at once, with what the protocol has for it, and
	 * the control block is given up, as by pr_detach. SS_NOFDREF is set.
	 */
	void (*pr_abort)(struct socket *so);
	int (*pr_bind)(struct socket *so, const struct sockaddr *sa,
	    socklen_t len);
	int (*pr_listen)(struct socket *so, int backlog);
	/** Start; the caller waits while SS_ISCONNECTING. */
	int (*pr_connect)(struct socket *so, const struct sockaddr *sa,
	    socklen_t len);
	/** socketpair(); neither is known to anybody. No lock is held. */
	int (*pr_connect2)(struct socket *so, struct socket *so2);
	/** A socket taken from the queue: its peer's address. */
	int (*pr_accept)(struct socket *so, struct sockaddr_storage *ss,
	    socklen_t *lenp);
	/** connect(AF_UNSPEC). */
	int (*pr_disconnect)(struct socket *so);
	/** SHUT_*. Buffers are marked by the protocol: socantsendmore() ... */
	int (*pr_shutdown)(struct socket *so, int how);
	/** Data left so_rcv: n bytes. PR_WANTRCVD. */
	void (*pr_rcvd)(struct socket *so, size_t n, int flags);
	/**
	 * Send. A stream protocol (not PR_ATOMIC) finds room for m in so_snd
	 * already checked; m may be NULL with flags MSG_FASTOPEN. Takes over
	 * m and control (MT_CONTROL, checked cmsgs; or NULL). sa: NULL, or
	 * where to. flags: MSG_*; MSG_MORE: more follows at once.
	 */
	int (*pr_send)(struct socket *so, int flags, struct mbuf *m,
	    const struct sockaddr *sa, socklen_t salen, struct mbuf *control);
	/** Urgent data: one byte. @return EINVAL: none */
	int (*pr_rcvoob)(struct socket *so, uint8_t *byte, int flags);
	int (*pr_sockaddr)(struct socket *so, struct sockaddr_storage *ss,
	    socklen_t *lenp);
	int (*pr_peeraddr)(struct socket *so, struct sockaddr_storage *ss,
	    socklen_t *lenp);
	/**
	 * Options. Those of SOL_SOCKET that the layer does not know, and, after
	 * they were set, those that it knows: ENOPROTOOPT is no error then.
	 */
	int (*pr_ctloutput)(struct socket *so, struct sockopt *sopt);
	/** No lock is held; arg is the process's. ENOTTY: not mine. */
	int (*pr_ioctl)(struct socket *so, unsigned long cmd, void *arg);
	/** Control messages of a received record, as options ask (recvmsg). */
	void (*pr_cmsg)(struct socket *so, const struct mbuf *m,
	    struct cmsgbuf *cb);
	/** MT_CONTROL received with data: descriptors become the caller's. No
	 * lock is held. */
	int (*pr_externalize)(struct socket *so, struct mbuf *control,
	    struct cmsgbuf *cb, int flags);
	/** MT_CONTROL is thrown away: descriptors are closed. Sleeps. */
	void (*pr_dispose)(struct mbuf *control);
	/** More readiness than the layer's own: POLLPRI. */
	int (*pr_poll)(struct socket *so, int events);
	/**
	 * A protocol with buffers of its own (AF_UNIX) replaces these; NULL:
	 * sosend(), soreceive(). No lock is held.
	 */
	int (*pr_sosend)(struct socket *so, const struct sockaddr *sa,
	    socklen_t salen, struct uio *uio, struct mbuf *control, int flags);
	int (*pr_soreceive)(struct socket *so, struct sockaddr_storage *ss,
	    socklen_t *lenp, struct uio *uio, struct cmsgbuf *cb, int *flagsp);
};

/** An address family. Static storage; a component registers it at its init. */
struct domain {
	int dom_family;
	const char *dom_name;
	const struct protosw *const *dom_protosw;	/* NULL-terminated */
	/** May it be used (privileged types)? NULL: yes. */
	int (*dom_check)(int type, int protocol);
	struct domain *dom_next;
};

/** @return EEXIST */
int domain_register(struct domain *dom);

/* ---- Sockets ----------------------------------------------------------- */

/** No file yet; one reference. @return EAFNOSUPPORT, EPROTONOSUPPORT,
 * ESOCKTNOSUPPORT, ENOMEM, what pr_attach returned */
int socreate(struct vnet *vn, int family, int type, int protocol,
    struct socket **sop);
/**
 * A connection for a listening socket (locked): inherits options and buffers,
 * SS_INCOMPLETE, on sl_incomp, so_head set, pr_attach called. The queue has a
 * reference; the other one is the caller's, so_rele() it in the end. Lock it before
 * it becomes known. NULL: queue full (no memory). Until soisconnected(), its
 * end is soisdisconnected(), which takes it off the queue.
 */
struct socket *sonewconn(struct socket *head);
/** May the listening socket take another connection? */
static inline bool
soqfull(const struct socket *head)
{
	return head->so_listen->sl_qlen > head->so_listen->sl_limit;
}
/** What close does, without a file. Sleeps (SO_LINGER). */
int soclose(struct socket *so);
/** A file for a socket: takes over the caller's reference on success. */
int sofile(struct socket *so, int flags, struct file **fpp);
/** The socket of a file of the calling process. fd_put() the file.
 * @return EBADF, ENOTSOCK */
int fd_get_socket(int fd, struct file **fpp, struct socket **sop);

static inline struct socket *
so_hold(struct socket *so)
{
	atomic_fetch_add_explicit(&so->so_refs, 1, memory_order_relaxed);
	return so;
}

/** With so_lock held only inside an epoch, which keeps the storage. */
void so_rele(struct socket *so);

static inline void
so_setstate(struct socket *so, uint32_t set, uint32_t clear)
{
	KASSERT(mutex_owned(&so->so_lock));
	atomic_store_explicit(&so->so_state, (atomic_load_explicit(
	    &so->so_state, memory_order_relaxed) & ~clear) | set,
	    memory_order_relaxed);
}

static inline bool
so_is(const struct socket *so, uint32_t states)
{
	return (atomic_load_explicit(&((struct socket *)(uintptr_t)so)->so_state,
	    memory_order_relaxed) & states) != 0;
}

/* What protocols tell, so_lock held. */
void soisconnecting(struct socket *so);
/** Also moves an SS_INCOMPLETE socket to its head's queue. */
void soisconnected(struct socket *so);
void soisdisconnecting(struct socket *so);
void soisdisconnected(struct socket *so);
void socantsendmore(struct socket *so);
void socantrcvmore(struct socket *so);
void soseterror(struct socket *so, int error);
/** Urgent data came: SIGURG, POLLPRI. */
void sohasoob(struct socket *so);
/** A packet for it came in there: who waits for more drives the interface. */
void so_from(struct socket *so, struct ifnet *ifp);
/** There is data to read; there is room to write. */
void sorwakeup(struct socket *so);
void sowwakeup(struct socket *so);

/*
 * The defaults behind pr_sosend, pr_soreceive; no lock held. flags: MSG_*. What
 * was transferred is what uio_resid lost; a record's length, also where it was
 * cut (MSG_TRUNC), is what uio_offset, 0 before, becomes.
 */
int sosend(struct socket *so, const struct sockaddr *sa, socklen_t salen,
    struct uio *uio, struct mbuf *control, int flags);
int soreceive(struct socket *so, struct sockaddr_storage *ss, socklen_t *lenp,
    struct uio *uio, struct cmsgbuf *cb, int *flagsp);
/** Mbufs in and out without a copy: m taken over; chains given away. */
int sosend_mbuf(struct socket *so, struct mbuf *m, const struct sockaddr *sa,
    socklen_t salen, int flags);
int soreceive_mbuf(struct socket *so, size_t max, int *flagsp,
    struct mbuf **mp);

/* ---- Buffers: so_lock held --------------------------------------------- */

static inline uint32_t
sb_cc(const struct sockbuf *sb)
{
	return atomic_load_explicit(&((struct sockbuf *)(uintptr_t)sb)->sb_cc,
	    memory_order_relaxed);
}

/** Room, bytes; never negative. */
static inline uint32_t
sbspace(const struct sockbuf *sb)
{
	uint32_t cc = sb_cc(sb);

	if (cc >= sb->sb_hiwat || sb->sb_mbcnt >= sb->sb_mbmax)
		return 0;
	return MIN(sb->sb_hiwat - cc, sb->sb_mbmax - sb->sb_mbcnt);
}

/** Set the limits. @return ENOBUFS: above the maximum */
int sbreserve(struct sockbuf *sb, uint32_t hiwat);
/** Append a chain to a stream; small mbufs are joined where the tail has room. */
void sbappendstream(struct sockbuf *sb, struct mbuf *m);
/** Append copies, close together: for small packets of large storage, when what
 * they cost nears the limit. m is taken over. */
void sbappendpacked(struct sockbuf *sb, struct mbuf *m);
/**
 * Append a record: a chain with M_PKTHDR; control goes in front of it: an
 * MT_ADDR (where ph_from cannot hold the source), then an MT_CONTROL, either or
 * NULL. false: no room; nothing was taken.
 */
bool sbappendrecord(struct sockbuf *sb, struct mbuf *m, struct mbuf *control);
/** A record did not fit, and was thrown away: counted (SO_RXQ_OVFL). */
void so_dropped(struct socket *so);
/** Cut n bytes from the front of a stream. */
void sbdrop(struct sockbuf *sb, uint32_t n);
/** As sbdrop(), without freeing: returns what to free without the lock. */
struct mbuf *sbcut(struct sockbuf *sb, uint32_t n);
/** Throw all away. */
void sbflush(struct sockbuf *sb);
/**
 * len bytes from off on, as m_copym() makes them. The hint is the caller's
 * storage, zeroed at first and whenever bytes left the front.
 */
struct sbhint {
	struct mbuf *sh_mb;
	uint32_t sh_off;		/* of sh_mb's first byte */
};
struct mbuf *sbcopy(struct sockbuf *sb, uint32_t off, uint32_t len,
    int flags, struct sbhint *hint);

/* ---- Options and control messages -------------------------------------- */

enum sopt_dir { SOPT_GET, SOPT_SET };

struct sockopt {
	enum sopt_dir sopt_dir;
	int sopt_level;
	int sopt_name;
	void *sopt_val;			/* kernel memory */
	size_t sopt_size;		/* set: given; get: room, then filled */
};

#define SOPT_MAX 65536			/* bytes of an option */

/** @return EINVAL: too short. */
int sopt_int(const struct sockopt *sopt, int *vp);
int sopt_get(const struct sockopt *sopt, void *v, size_t n);
/** Fill in; cuts to the caller's room as Linux does. */
int sopt_put(struct sockopt *sopt, const void *v, size_t n);
int sopt_put_int(struct sockopt *sopt, int v);

/** Where recvmsg's control messages are collected: kernel memory. */
struct cmsgbuf {
	uint8_t *cb_buf;		/* NULL: the caller wants none */
	size_t cb_size;
	size_t cb_len;
	bool cb_trunc;			/* MSG_CTRUNC */
};
void cmsg_put(struct cmsgbuf *cb, int level, int type, const void *data,
    size_t n);
/**
 * The next message of an MT_CONTROL mbuf (contiguous); *off starts at 0.
 * @return false: no more. All was checked at sendmsg.
 */
bool cmsg_next(const struct mbuf *control, size_t *off, struct cmsghdr *ch,
    const uint8_t **data, size_t *n);

/** What the layer asks of who has interfaces (SO_BINDTODEVICE). */
struct so_ifnames {
	uint32_t (*si_index)(struct vnet *vn, const char *name); /* 0: none */
	bool (*si_name)(struct vnet *vn, uint32_t index, char *name);
};
/** Set by that component's init; NULL before. */
extern const struct so_ifnames *so_ifnames;

/** The error queue (MSG_ERRQUEUE): takes m over. ee: struct sock_extended_err.
 * so_lock held. */
struct sock_extended_err;
void soerrqueue(struct socket *so, struct mbuf *m,
    const struct sock_extended_err *ee, const struct sockaddr *offender,
    socklen_t len);

#endif
