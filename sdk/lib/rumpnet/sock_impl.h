/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Between the files of the socket layer.
 */
#ifndef SOCK_IMPL_H
#define SOCK_IMPL_H

#include <kern/assert.h>
#include <kern/kmem.h>
#include <kern/socket.h>
#include <kern/string.h>

#include <linux/net_tstamp.h>

/* net.core.* */
extern _Atomic uint64_t net_rmem_max, net_wmem_max, net_rmem_default,
    net_wmem_default, net_somaxconn, net_optmem_max;

int socket_sysctl_init(void);

extern const struct fileops socket_fileops;

/* domain.c */
void domain_init(void);
int proto_find(int family, int type, int protocol,
    const struct protosw **prp);

/* socket.c */
struct socket *so_alloc(struct vnet *vn, const struct protosw *pr,
    int protocol, struct cred *cr);
/* Take the pending error: 0, none. */
static inline int
so_takeerror(struct socket *so)
{
	if (__likely(atomic_load_explicit(&so->so_error,
	    memory_order_relaxed) == 0))
		return 0;
	return atomic_exchange_explicit(&so->so_error, 0,
	    memory_order_relaxed);
}
/* What few sockets have, made on first use; so_lock held. NULL: no memory. */
struct soextra *so_extra(struct socket *so);
void so_extra_free(struct socket *so);
/* A number of its own (SO_COOKIE, st_ino). */
uint64_t so_cookie(struct socket *so);

/* sock_conn.c: the calls, without descriptors. No lock is held. */
int sobind(struct socket *so, const struct sockaddr *sa, socklen_t len);
int solisten(struct socket *so, int backlog);
/* The next connection: a reference. nonblock: EAGAIN */
int soaccept(struct socket *head, bool nonblock, struct socket **sop);
int soconnect(struct socket *so, const struct sockaddr *sa, socklen_t len,
    bool nonblock);
int soshutdown(struct socket *so, int how);
/* A listening socket is closed: its queues go. */
void soqflush(struct socket *head);

/* sock_wait.c */
/* May this call wait? */
static inline bool
so_nonblock(struct socket *so, int flags)
{
	struct file *fp;

	if ((flags & MSG_DONTWAIT) != 0)
		return true;
	fp = atomic_load_explicit(&so->so_file, memory_order_relaxed);
	return fp != NULL && (atomic_load_explicit(&fp->f_flags,
	    memory_order_relaxed) & O_NONBLOCK) != 0;
}
/*
 * Sleep until something may have changed. so_lock held, no section is open.
 * *deadline: 0 before the first wait. @return EINTR, EAGAIN: timeout
 */
int sb_wait(struct socket *so, struct sockbuf *sb, nstime_t *deadline);
/*
 * Something (POLL* bits) changed; so_lock held. POLLIN wakes a reader, POLLOUT a
 * writer, SO_WAKEALL all of both.
 */
#define SO_WAKEALL	0x80000000u
void so_notify(struct socket *so, uint32_t events);
void so_wake_init(struct socket *so);

/* sockbuf.c */
void sb_init(struct sockbuf *sb, uint32_t hiwat);
/* Cut a record off the front: control and address in front of the data. */
struct mbuf *sbtakerecord(struct sockbuf *sb);
/*
 * Cut n bytes off the front, n being no more than there are; *np: how many it
 * were (fewer where there is no memory, perhaps none: NULL).
 */
struct mbuf *sbtake(struct sockbuf *sb, uint32_t n, uint32_t *np);
/* What could not be copied goes back. */
void sbputback(struct sockbuf *sb, struct mbuf *m);

/* Is there enough room that a writer goes on? As Linux: a third. */
static inline bool
sb_writable(const struct sockbuf *sb)
{
	return (uint64_t)sbspace(sb) * 2 >= sb_cc(sb) && sbspace(sb) > 0;
}

/* soreceive.c: where a record came from; m is its data or an MT_ADDR. */
void so_record_address(const struct mbuf *m, struct sockaddr_storage *ss,
    socklen_t *lenp);

/* sock_errq.c */
struct scm_timestamping;
/* As soerrqueue(), with a time stamp. */
void so_errq_put(struct socket *so, struct mbuf *m,
    const struct sock_extended_err *ee, const struct sockaddr *offender,
    socklen_t len, const struct scm_timestamping *ts);
/* A send with MSG_ZEROCOPY is done; copied: it did not save the copy. */
void so_errq_zerocopy(struct socket *so, uint32_t id, bool copied);
int soreceive_errq(struct socket *so, struct sockaddr_storage *ss,
    socklen_t *lenp, struct uio *uio, struct cmsgbuf *cb, int *flagsp);

/* sosend.c: wait until a stream has room for some of n bytes; *np: of how many. */
int so_stream_room(struct socket *so, size_t n, size_t *np);

/* sock_pull.c */
int soo_pull(struct file *fp, struct file *in, off_t *offp, size_t len,
    int flags, size_t *donep);

/* sock_zc.c: a send with MSG_ZEROCOPY; as sosend(). */
int sosend_zerocopy(struct socket *so, const struct sockaddr *sa,
    socklen_t salen, struct uio *uio, struct mbuf *control, int flags);

/* sock_ts.c; so_lock held. */
void so_ts_cmsg(struct socket *so, const struct mbuf *m, struct cmsgbuf *cb);
/* Are sends stamped? */
static inline bool
so_ts_wanted(const struct socket *so)
{
	return __unlikely(so->so_extra != NULL) &&
	    (so->so_extra->sx_tsflags & SOF_TIMESTAMPING_TX_SOFTWARE) != 0;
}
/* n bytes went to the interface; copy: they (taken over), or NULL. */
void so_ts_sent(struct socket *so, struct mbuf *copy, size_t n);

/* sockopt.c: so_lock held but for sosetopt(). */
int so_proto_option(struct socket *so, struct sockopt *sopt);
int sosetopt(struct socket *so, int level, int name, const void *val,
    size_t n);
/* sockopt_sol.c */
int so_option(struct socket *so, struct sockopt *sopt);

/* cmsg.c */
/* Are these an application's messages whole? @return EINVAL */
int cmsg_check(const struct mbuf *control);
/* Messages about a received record; so_lock held. */
void so_cmsg(struct socket *so, const struct mbuf *m, struct cmsgbuf *cb);
/* Hand over what came with a record; control is taken over. No lock is held. */
void so_externalize(struct socket *so, struct mbuf *control,
    struct cmsgbuf *cb, int flags);

/* sys_socket.c */
int sockaddr_copyin(const struct sockaddr *uaddr, socklen_t len,
    struct sockaddr_storage *ss);
int sockaddr_copyout(const struct sockaddr_storage *ss, socklen_t len,
    struct sockaddr *uaddr, socklen_t *ulen);

/* By the protocol's function, or ours. */
static inline int
so_send(struct socket *so, const struct sockaddr *sa, socklen_t salen,
    struct uio *uio, struct mbuf *control, int flags)
{
	return __unlikely(so->so_proto->pr_sosend != NULL) ?
	    so->so_proto->pr_sosend(so, sa, salen, uio, control, flags) :
	    sosend(so, sa, salen, uio, control, flags);
}

static inline int
so_receive(struct socket *so, struct sockaddr_storage *ss, socklen_t *lenp,
    struct uio *uio, struct cmsgbuf *cb, int *flagsp)
{
	return __unlikely(so->so_proto->pr_soreceive != NULL) ?
	    so->so_proto->pr_soreceive(so, ss, lenp, uio, cb, flagsp) :
	    soreceive(so, ss, lenp, uio, cb, flagsp);
}

/* sock_file.c */
int sopoll(struct socket *so, int events, struct pollent *pe);

#endif
