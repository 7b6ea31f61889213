/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * AF_UNIX sockets (unix(7)).
 *
 * A message goes from the sender straight to the receiver's so_rcv, as a
 * record: an mbuf chain whose first mbuf has, in front of its data, a struct
 * unmsg. A stream is a queue of records whose borders its reader does not see,
 * but for the end of those with descriptors and, with SO_PASSCRED, for another
 * sender's credentials.
 *
 * What lies in a receiver's queue is charged to its sender's so_snd.sb_cc, by
 * what it costs in memory: so a sender that nobody reads stops, and poll(2)
 * tells when it may go on. It is atomic: receivers give it back.
 *
 * A peer is found through unp_conn, which is changed under unp_link_lock, read
 * under an epoch, and holds a reference of the peer's socket. The so_lock of two
 * sockets is never held together, but for a connecting socket's and then
 * the listening one's.
 *
 * Lock order: unp_sndlock, unp_rcvlock -> so_lock -> name tables ->
 * unp_link_lock.
 */
#ifndef LOCAL_H
#define LOCAL_H

#include <kern/assert.h>
#include <kern/file.h>
#include <kern/socket.h>
#include <kern/sockname.h>
#include <kern/string.h>
#include <linux/un.h>

struct unpcb;

#define SUN_PATH_OFF	offsetof(struct sockaddr_un, sun_path)

/*
 * A bound name. Accepted sockets share their listening socket's.
 *
 * I  immutable   a  atomic   t  its table's lock
 */
struct unname {
	_Atomic uint32_t un_refs;	/* [a] */
	socklen_t un_len;		/* [I] of un_addr, with the family */
	struct vnet *un_vnet;		/* [I] abstract names: whose */
	int un_type;			/* [I] ..., of which type */
	void *un_cookie;		/* [I] names of files: the vnode */
	uint32_t un_hash;		/* [I] */
	struct list un_link;		/* [t] */
	struct unpcb *un_owner;		/* [t] NULL: unbound */
	struct epoch_entry un_epoch;
	struct sockaddr_un un_addr;	/* [I] read under an epoch */
};

/* Descriptors on their way. */
struct unrights {
	struct list ur_link;		/* unp_gc.c's */
	unsigned ur_n;
	struct file *ur_files[];	/* references */
};

#define SCM_MAX_FD 253			/* as Linux has it */

/* In front of a record's data. */
struct unmsg {
	struct ucred um_cred;
	uint32_t um_cost;		/* charged to um_sender's so_snd */
	struct socket *um_sender;	/* reference */
	struct unname *um_from;		/* reference, or NULL: unnamed */
	struct unrights *um_rights;	/* or NULL */
};

/* unp_flags */
#define UNP_EVERCONN	0x1		/* was connected once */

/*
 * I  immutable   o  so_lock   k  unp_link_lock, read under an epoch
 * a  atomic   g  unp_gc_lock
 */
struct unpcb {
	struct socket *unp_socket;	/* [I] freed after us */
	_Atomic(struct socket *) unp_conn; /* [k] peer; reference */
	_Atomic(struct unname *) unp_name; /* [o] set once; reference */
	struct ucred unp_cred;		/* [o] ours, at connect or listen */
	struct ucred unp_peercred;	/* [o] SO_PEERCRED */
	_Atomic uint32_t unp_flags;	/* [a] */
	uint32_t unp_inflight;		/* [g] files of it that are in queues */
	uint32_t unp_gcrefs;		/* [g] */
	bool unp_candidate;		/* [g] */
	struct list unp_gclink;		/* [g] those in flight */
	struct list unp_all;		/* [all] */
	struct kmutex unp_sndlock;	/* a stream's pieces stay together */
	struct kmutex unp_rcvlock;	/* who holds it takes from so_rcv */
	struct epoch_entry unp_epoch;
};

static inline struct unpcb *
sotounpcb(const struct socket *so)
{
	return so->so_pcb;
}

/** May a call on it not wait? */
static inline bool
unp_nonblock(struct socket *so, int flags)
{
	struct file *fp = atomic_load_explicit(&so->so_file,
	    memory_order_relaxed);

	return (flags & MSG_DONTWAIT) != 0 || (fp != NULL &&
	    (atomic_load_explicit(&fp->f_flags, memory_order_relaxed) &
	    O_NONBLOCK) != 0);
}

extern const struct protosw unp_stream, unp_dgram, unp_seqpacket;
extern struct domain unp_domain;

static inline bool
unp_is_dgram(const struct socket *so)
{
	return so->so_type == SOCK_DGRAM;
}

/* ---- unp_name.c ------------------------------------------------------------ */

int unname_init(void);
/** Bind so (locked, which is left and taken again). */
int unname_bind(struct socket *so, const struct sockaddr *sa, socklen_t len);
/** Give so an abstract name, if it has none (SO_PASSCRED, autobind). */
int unname_autobind(struct socket *so);
/** The socket of a name, referenced. No lock is held. Sleeps.
 * @return ECONNREFUSED, ENOENT, EACCES, EPROTOTYPE, EINVAL ... */
int unname_find(struct vnet *vn, const struct sockaddr *sa, socklen_t len,
    int type, struct socket **sop);
/** so is going away: nobody finds it any more. */
void unname_unbind(struct unpcb *unp);
struct unname *unname_hold(struct unname *un);
void unname_rele(struct unname *un);
/** Fill in a name, or the unnamed address for NULL. */
void unname_copy(const struct unname *un, struct sockaddr_storage *ss,
    socklen_t *lenp);

/* ---- unp_conn.c ------------------------------------------------------------ */

int unp_conn_init(void);
/** The peer, referenced; NULL: none. */
struct socket *unp_peer(struct unpcb *unp);
/** Cut the connection of a datagram socket if it is to that peer. */
void unp_disconnect_from(struct unpcb *unp, struct socket *peer);
/** May so send to the datagram socket to? */
bool unp_dgram_allowed(struct socket *so, struct socket *to);
void unp_mycred(struct ucred *uc);

/* ---- unp_send.c, unp_recv.c ------------------------------------------------ */

int unp_sosend(struct socket *so, const struct sockaddr *sa, socklen_t salen,
    struct uio *uio, struct mbuf *control, int flags);
int unp_soreceive(struct socket *so, struct sockaddr_storage *ss,
    socklen_t *lenp, struct uio *uio, struct cmsgbuf *cb, int *flagsp);
/** Sleep for a buffer's condition; so_lock held. @return EAGAIN, EINTR */
int unp_wait(struct socket *so, struct sockbuf *sb, int flags,
    nstime_t deadline);
nstime_t unp_deadline(const struct sockbuf *sb);

/** The header of a record. */
static inline struct unmsg *
unp_msg(const struct mbuf *m)
{
	return (struct unmsg *)(void *)m_start(m);
}
#define UNMSG_ROOM roundup2(sizeof(struct unmsg), 16)

/** Take records from the front: the charge goes back. No lock is held. */
void unp_free_records(struct mbuf *m);

/* ---- unp_rights.c, unp_gc.c ------------------------------------------------- */

/** Take what control asks for. *urp: NULL, or the caller's; cred: filled where
 * there is SCM_CREDENTIALS. @return EBADF, EINVAL, EPERM, ENOMEM */
int unp_internalize(const struct mbuf *control, struct unrights **urp,
    struct ucred *cred);
/** Give the calling process descriptors; consumes ur unless peek. */
void unp_externalize(struct unrights *ur, struct cmsgbuf *cb, int flags);
/** Another set of references to the same files. NULL: no memory. */
struct unrights *unrights_dup(const struct unrights *ur);
/** Close what is in there. Sleeps. */
void unrights_free(struct unrights *ur);

int unp_gc_init(void);
/** Files enter, or leave, a queue. */
void unp_gc_enter(struct unrights *ur);
void unp_gc_leave(struct unrights *ur);
/** A socket was closed: look for cycles. */
void unp_gc_schedule(void);

#endif
