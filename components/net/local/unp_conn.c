/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * AF_UNIX: life of a socket, and who is connected to whom.
 */
#include "local.h"

#define SNDBUF	212992u			/* as Linux' defaults */
#define RCVBUF	212992u

static struct lock_class send_lc = LOCK_CLASS("unp send", 0);
static struct lock_class receive_lc = LOCK_CLASS("unp receive", 0);

/* Changes of unp_conn; a leaf. */
static struct lock_class link_lc = LOCK_CLASS("unp link", 0);
static struct kspin unp_link_lock;

/*
 * Connecting sockets that found a full queue wait here for anybody to accept.
 */
static struct lock_class accept_lc = LOCK_CLASS("unp accept", 0);
static struct kmutex accept_lock;
static struct kcondvar accept_cv;
static uint64_t accept_count;			/* [accept_lock] */
static _Atomic unsigned accept_waiters;

int
unp_conn_init(void)
{
	spin_init(&unp_link_lock, &link_lc);
	mutex_init(&accept_lock, &accept_lc);
	cv_init(&accept_cv);
	return 0;
}

void
unp_mycred(struct ucred *uc)
{
	const struct cred *cr = curcred();

	uc->pid = curproc->p_pid;
	uc->uid = cr->cr_euid;
	uc->gid = cr->cr_egid;
}

/* ---- Links --------------------------------------------------------------- */

struct socket *
unp_peer(struct unpcb *unp)
{
	struct socket *so;

	epoch_enter();
	so = atomic_load_explicit(&unp->unp_conn, memory_order_acquire);
	if (so != NULL) {
		spin_lock(&unp_link_lock);
		so = atomic_load_explicit(&unp->unp_conn,
		    memory_order_relaxed);
		if (so != NULL)
			so_hold(so);
		spin_unlock(&unp_link_lock);
	}
	epoch_exit();
	return so;
}

/* Takes over the reference; @return the one to drop, without locks */
static struct socket *
link_set(struct unpcb *unp, struct socket *peer)
{
	struct socket *old;

	spin_lock(&unp_link_lock);
	old = atomic_exchange_explicit(&unp->unp_conn, peer,
	    memory_order_acq_rel);
	spin_unlock(&unp_link_lock);
	return old;
}

static void
link_pair(struct socket *a, struct socket *b)
{
	struct unpcb *ua = sotounpcb(a), *ub = sotounpcb(b);

	KASSERT(atomic_load(&ua->unp_conn) == NULL);
	KASSERT(atomic_load(&ub->unp_conn) == NULL);
	(void)link_set(ua, so_hold(b));
	(void)link_set(ub, so_hold(a));
	atomic_fetch_or(&ua->unp_flags, UNP_EVERCONN);
	atomic_fetch_or(&ub->unp_flags, UNP_EVERCONN);
}

void
unp_disconnect_from(struct unpcb *unp, struct socket *peer)
{
	bool was;

	spin_lock(&unp_link_lock);
	was = atomic_load_explicit(&unp->unp_conn, memory_order_relaxed) ==
	    peer;
	if (was)
		atomic_store_explicit(&unp->unp_conn, NULL,
		    memory_order_release);
	spin_unlock(&unp_link_lock);
	if (was)
		so_rele(peer);
}

/*
 * A connected datagram socket takes datagrams from its peer only
 * (connect(2), unix(7)).
 */
bool
unp_dgram_allowed(struct socket *so, struct socket *to)
{
	struct unpcb *unp;
	struct socket *only = NULL;

	epoch_enter();
	unp = to->so_pcb;
	if (unp != NULL)
		only = atomic_load_explicit(&unp->unp_conn,
		    memory_order_acquire);
	epoch_exit();
	return only == NULL || only == so;
}

/* ---- Full queues ---------------------------------------------------------- */

/* Wait, without so's lock, until a connection was accepted after count. */
static int
wait_accept(struct socket *so, uint64_t count, nstime_t deadline)
{
	int error = 0;

	mutex_exit(&so->so_lock);
	atomic_fetch_add(&accept_waiters, 1);
	mutex_enter(&accept_lock);
	while (accept_count == count && error == 0) {
		error = deadline == NSTIME_FOREVER ?
		    cv_wait_sig(&accept_cv, &accept_lock) :
		    cv_timedwait_sig(&accept_cv, &accept_lock, deadline);
	}
	mutex_exit(&accept_lock);
	atomic_fetch_sub(&accept_waiters, 1);
	mutex_enter(&so->so_lock);
	return error == ETIMEDOUT ? EAGAIN : error;
}

static uint64_t
accept_now(void)
{
	uint64_t count;

	mutex_enter(&accept_lock);
	count = accept_count;
	mutex_exit(&accept_lock);
	return count;
}

/* Somebody was accepted, or stops listening. */
static void
accept_wake(void)
{
	if (atomic_load(&accept_waiters) == 0)
		return;
	mutex_enter(&accept_lock);
	accept_count++;
	cv_broadcast(&accept_cv);
	mutex_exit(&accept_lock);
}

/* ---- Making and ending --------------------------------------------------- */

static int
unp_attach(struct socket *so, int protocol)
{
	struct unpcb *unp;
	int error;

	if (protocol != 0 && protocol != AF_UNIX)
		return EPROTONOSUPPORT;
	unp = kmem_zalloc(sizeof(*unp), KM_NORECLAIM);
	if (unp == NULL)
		return ENOMEM;
	error = sbreserve(&so->so_snd, SNDBUF);
	if (error == 0)
		error = sbreserve(&so->so_rcv, RCVBUF);
	if (error != 0) {
		kmem_free(unp, sizeof(*unp));
		return error;
	}
	unp->unp_socket = so;
	unp->unp_peercred = (struct ucred){ 0, (uid_t)-1, (gid_t)-1 };
	mutex_init(&unp->unp_sndlock, &send_lc);
	mutex_init(&unp->unp_rcvlock, &receive_lc);
	list_node_init(&unp->unp_gclink);
	list_node_init(&unp->unp_all);
	so->so_pcb = unp;
	return 0;
}

static void
unp_free(struct epoch_entry *ee)
{
	struct unpcb *unp = container_of(ee, struct unpcb, unp_epoch);

	mutex_fini(&unp->unp_sndlock);
	mutex_fini(&unp->unp_rcvlock);
	kmem_free(unp, sizeof(*unp));
}

/* The other side of a connection ends; no lock is held. */
static void
peer_gone(struct socket *peer, bool unread)
{
	mutex_enter(&peer->so_lock);
	if (!so_is(peer, SS_DEAD)) {
		if (unread)
			soseterror(peer, ECONNRESET);
		soisdisconnected(peer);
	}
	mutex_exit(&peer->so_lock);
}

/* Locked; left and taken again. The file is gone, nobody else comes in. */
static void
unp_detach(struct socket *so)
{
	struct unpcb *unp = sotounpcb(so);
	struct unname *un;
	struct mbuf *m;
	struct socket *peer;

	unname_unbind(unp);
	so_setstate(so, SS_CANTRCVMORE | SS_CANTSENDMORE, 0);
	m = so->so_rcv.sb_mb;
	so->so_rcv.sb_mb = so->so_rcv.sb_mbtail = NULL;
	atomic_store_explicit(&so->so_rcv.sb_cc, 0, memory_order_relaxed);
	so->so_rcv.sb_mbcnt = 0;
	mutex_exit(&so->so_lock);

	peer = link_set(unp, NULL);
	if (peer != NULL) {
		if (!unp_is_dgram(so))
			peer_gone(peer, m != NULL);
		so_rele(peer);
	}
	unp_free_records(m);
	un = atomic_exchange(&unp->unp_name, NULL);
	unname_rele(un);
	unp_gc_schedule();
	accept_wake();

	mutex_enter(&so->so_lock);
	so->so_pcb = NULL;
	epoch_defer(&unp->unp_epoch, unp_free);
}

static int
unp_bind(struct socket *so, const struct sockaddr *sa, socklen_t len)
{
	return unname_bind(so, sa, len);
}

static int
unp_listen(struct socket *so, int backlog __maybe_unused)
{
	struct unpcb *unp = sotounpcb(so);

	if (atomic_load(&unp->unp_name) == NULL)
		return EINVAL;
	if (atomic_load(&unp->unp_conn) != NULL)
		return EINVAL;
	unp_mycred(&unp->unp_cred);
	unp->unp_peercred = unp->unp_cred;
	return 0;
}

/* ---- Connecting ---------------------------------------------------------- */

/* A socket for the other end, in head's queue. so and head are locked. */
static int
connect_new(struct socket *so, struct socket *head)
{
	struct unpcb *unp = sotounpcb(so), *hunp = sotounpcb(head), *nunp;
	struct socket *new;

	new = sonewconn(head);
	if (new == NULL)
		return ENOMEM;
	mutex_enter(&new->so_lock);
	nunp = sotounpcb(new);
	atomic_store_explicit(&nunp->unp_name,
	    unname_hold(atomic_load(&hunp->unp_name)), memory_order_relaxed);
	unp_mycred(&unp->unp_cred);
	nunp->unp_cred = hunp->unp_cred;
	nunp->unp_peercred = unp->unp_cred;
	unp->unp_peercred = hunp->unp_cred;
	link_pair(so, new);
	soisconnected(so);
	mutex_exit(&head->so_lock);
	/* Into head's queue: takes its lock again. */
	soisconnected(new);
	mutex_exit(&new->so_lock);
	so_rele(new);
	return 0;
}

static int
connect_stream(struct socket *so, struct socket *head)
{
	nstime_t deadline = unp_deadline(&so->so_snd);
	uint64_t count;
	int error;

	for (;;) {
		if (so_is(so, SS_ISCONNECTED))
			return EISCONN;
		count = accept_now();
		mutex_enter(&head->so_lock);
		if (!so_is(head, SS_LISTENING) || so_is(head, SS_DEAD)) {
			mutex_exit(&head->so_lock);
			return ECONNREFUSED;
		}
		if (!soqfull(head))
			return connect_new(so, head);
		mutex_exit(&head->so_lock);
		if (unp_nonblock(so, 0))
			return EAGAIN;
		error = wait_accept(so, count, deadline);
		if (error != 0)
			return error;
	}
}

static int
connect_dgram(struct socket *so, struct socket *peer)
{
	struct unpcb *unp = sotounpcb(so);
	struct socket *old;

	if (!unp_dgram_allowed(so, peer))
		return EPERM;
	old = link_set(unp, so_hold(peer));
	atomic_fetch_or(&unp->unp_flags, UNP_EVERCONN);
	soisconnected(so);
	if (old != NULL) {
		mutex_exit(&so->so_lock);
		so_rele(old);
		mutex_enter(&so->so_lock);
	}
	return 0;
}

static int
unp_connect(struct socket *so, const struct sockaddr *sa, socklen_t len)
{
	struct socket *peer;
	int error;

	if ((so->so_options & SOO_PASSCRED) != 0) {
		error = unname_autobind(so);
		if (error != 0)
			return error;
	}
	mutex_exit(&so->so_lock);
	error = unname_find(so->so_vnet, sa, len, so->so_type, &peer);
	mutex_enter(&so->so_lock);
	if (error != 0)
		return error;
	error = unp_is_dgram(so) ? connect_dgram(so, peer) :
	    connect_stream(so, peer);
	mutex_exit(&so->so_lock);
	so_rele(peer);
	mutex_enter(&so->so_lock);
	return error;
}

static int
unp_connect2(struct socket *so, struct socket *so2)
{
	struct unpcb *unp = sotounpcb(so), *unp2 = sotounpcb(so2);

	unp_mycred(&unp->unp_cred);
	unp2->unp_cred = unp->unp_peercred = unp2->unp_peercred =
	    unp->unp_cred;
	link_pair(so, so2);
	mutex_enter(&so->so_lock);
	soisconnected(so);
	mutex_exit(&so->so_lock);
	mutex_enter(&so2->so_lock);
	soisconnected(so2);
	mutex_exit(&so2->so_lock);
	return 0;
}

/* connect(AF_UNSPEC): datagrams only. */
static int
unp_disconnect(struct socket *so)
{
	struct socket *old;

	if (!unp_is_dgram(so))
		return EINVAL;
	old = link_set(sotounpcb(so), NULL);
	so_setstate(so, 0, SS_ISCONNECTED);
	if (old != NULL) {
		mutex_exit(&so->so_lock);
		so_rele(old);
		mutex_enter(&so->so_lock);
	}
	return 0;
}

static int
unp_shutdown(struct socket *so, int how)
{
	struct socket *peer;

	if (how != SHUT_WR)
		socantrcvmore(so);
	if (how != SHUT_RD)
		socantsendmore(so);
	if (unp_is_dgram(so))
		return 0;
	peer = unp_peer(sotounpcb(so));
	if (peer == NULL)
		return 0;
	mutex_exit(&so->so_lock);
	mutex_enter(&peer->so_lock);
	if (how != SHUT_WR)
		socantsendmore(peer);
	if (how != SHUT_RD)
		socantrcvmore(peer);
	mutex_exit(&peer->so_lock);
	so_rele(peer);
	mutex_enter(&so->so_lock);
	return 0;
}

/* A connection that nobody accepted. */
static void
unp_abort(struct socket *so)
{
	unp_detach(so);
}

/* ---- Names --------------------------------------------------------------- */

static int
unp_sockaddr(struct socket *so, struct sockaddr_storage *ss, socklen_t *lenp)
{
	unname_copy(atomic_load_explicit(&sotounpcb(so)->unp_name,
	    memory_order_acquire), ss, lenp);
	return 0;
}

static int
unp_peeraddr(struct socket *so, struct sockaddr_storage *ss, socklen_t *lenp)
{
	struct socket *peer;

	epoch_enter();
	peer = atomic_load_explicit(&sotounpcb(so)->unp_conn,
	    memory_order_acquire);
	if (peer == NULL || !so_is(so, SS_ISCONNECTED)) {
		epoch_exit();
		return ENOTCONN;
	}
	/* Not locked: a name is set once, and lives as long as the pcb. */
	unname_copy(peer->so_pcb == NULL ? NULL : atomic_load_explicit(
	    &sotounpcb(peer)->unp_name, memory_order_acquire), ss, lenp);
	epoch_exit();
	return 0;
}

static int
unp_accept(struct socket *so, struct sockaddr_storage *ss, socklen_t *lenp)
{
	accept_wake();
	if (unp_peeraddr(so, ss, lenp) != 0)
		unname_copy(NULL, ss, lenp);
	return 0;
}

static int
unp_ctloutput(struct socket *so, struct sockopt *sopt)
{
	if (sopt->sopt_level != SOL_SOCKET)
		return EOPNOTSUPP;
	if (sopt->sopt_dir == SOPT_GET && sopt->sopt_name == SO_PEERCRED)
		return sopt_put(sopt, &sotounpcb(so)->unp_peercred,
		    sizeof(struct ucred));
	return ENOPROTOOPT;
}

#define UNP_COMMON							\
	.pr_domain = &unp_domain,					\
	.pr_attach = unp_attach,					\
	.pr_detach = unp_detach,					\
	.pr_abort = unp_abort,						\
	.pr_bind = unp_bind,						\
	.pr_connect = unp_connect,					\
	.pr_connect2 = unp_connect2,					\
	.pr_disconnect = unp_disconnect,				\
	.pr_shutdown = unp_shutdown,					\
	.pr_sockaddr = unp_sockaddr,					\
	.pr_peeraddr = unp_peeraddr,					\
	.pr_ctloutput = unp_ctloutput,					\
	.pr_sosend = unp_sosend,					\
	.pr_soreceive = unp_soreceive

const struct protosw unp_stream = {
	.pr_type = SOCK_STREAM,
	.pr_flags = PR_CONNREQUIRED | PR_LISTEN | PR_RIGHTS,
	.pr_listen = unp_listen,
	.pr_accept = unp_accept,
	UNP_COMMON,
};

const struct protosw unp_seqpacket = {
	.pr_type = SOCK_SEQPACKET,
	.pr_flags = PR_ATOMIC | PR_CONNREQUIRED | PR_LISTEN | PR_RIGHTS,
	.pr_listen = unp_listen,
	.pr_accept = unp_accept,
	UNP_COMMON,
};

const struct protosw unp_dgram = {
	.pr_type = SOCK_DGRAM,
	.pr_flags = PR_ATOMIC | PR_ADDR | PR_RIGHTS,
	UNP_COMMON,
};
