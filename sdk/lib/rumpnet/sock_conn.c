/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Connections: binding, listening and its queues, accepting, connecting.
 *
 * A connection that a listening socket made is on one of that one's queues,
 * with a reference of the queue's, and has so_head (a reference) as long as it
 * is; so_head is cleared by who takes it off the queue. Both so_locks are held to
 * move it, the connection's first; who only takes it off needs the
 * listening socket's, and gets the other one afterwards.
 */
#include "sock_impl.h"

int
sobind(struct socket *so, const struct sockaddr *sa, socklen_t len)
{
	const struct protosw *pr = so->so_proto;
	int error;

	if (pr->pr_bind == NULL)
		return EOPNOTSUPP;
	netisr_enter();
	mutex_enter(&so->so_lock);
	error = pr->pr_bind(so, sa, len);
	mutex_exit(&so->so_lock);
	netisr_exit();
	return error;
}

/* ---- Listening ---------------------------------------------------------------- */

static struct solisten *
listen_alloc(void)
{
	struct solisten *sl;

	sl = kmem_zalloc(sizeof(*sl), KM_NORECLAIM);
	if (sl != NULL) {
		list_init(&sl->sl_comp);
		list_init(&sl->sl_incomp);
	}
	return sl;
}

static int
listen_locked(struct socket *so, int backlog)
{
	int error;

	if (so_is(so, SS_ISCONNECTED | SS_ISCONNECTING | SS_ISDISCONNECTING))
		return EINVAL;
	if (so->so_listen == NULL) {
		so->so_listen = listen_alloc();
		if (so->so_listen == NULL)
			return ENOBUFS;
	}
	so->so_listen->sl_limit = (unsigned)backlog;
	error = so->so_proto->pr_listen(so, backlog);
	if (error == 0)
		so_setstate(so, SS_LISTENING, SS_CANTRCVMORE |
		    SS_CANTSENDMORE | SS_ISDISCONNECTED);
	return error;
}

int
solisten(struct socket *so, int backlog)
{
	uint64_t max = atomic_load_explicit(&net_somaxconn,
	    memory_order_relaxed);
	int error;

	if ((so->so_proto->pr_flags & PR_LISTEN) == 0)
		return EOPNOTSUPP;
	/* listen(2): a negative one is a large one. */
	if ((unsigned)backlog > max)
		backlog = (int)max;
	netisr_enter();
	mutex_enter(&so->so_lock);
	error = listen_locked(so, backlog);
	mutex_exit(&so->so_lock);
	netisr_exit();
	return error;
}

/* What a connection has of the socket that it came to. */
static void
inherit(struct socket *so, const struct socket *head)
{
	so->so_options = head->so_options;
	so->so_linger = head->so_linger;
	so->so_mark = head->so_mark;
	so->so_priority = head->so_priority;
	so->so_bindif = head->so_bindif;
	so->so_uid = head->so_uid;
	so->so_snd.sb_hiwat = head->so_snd.sb_hiwat;
	so->so_snd.sb_mbmax = head->so_snd.sb_mbmax;
	so->so_snd.sb_lowat = head->so_snd.sb_lowat;
	so->so_snd.sb_flags = head->so_snd.sb_flags;
	so->so_snd.sb_timeo = head->so_snd.sb_timeo;
	so->so_rcv.sb_hiwat = head->so_rcv.sb_hiwat;
	so->so_rcv.sb_mbmax = head->so_rcv.sb_mbmax;
	so->so_rcv.sb_lowat = head->so_rcv.sb_lowat;
	so->so_rcv.sb_flags = head->so_rcv.sb_flags;
	so->so_rcv.sb_timeo = head->so_rcv.sb_timeo;
}

struct socket *
sonewconn(struct socket *head)
{
	struct solisten *sl = head->so_listen;
	struct socket *so;
	int error;

	KASSERT(mutex_owned(&head->so_lock));
	/* As many again may be on their way. */
	if (!so_is(head, SS_LISTENING) || soqfull(head) ||
	    sl->sl_incqlen > sl->sl_limit)
		return NULL;
	so = so_alloc(head->so_vnet, head->so_proto, head->so_protocol,
	    head->so_cred);
	if (so == NULL)
		return NULL;
	/* Nobody knows of it yet: the order of the locks does not matter. */
	mutex_enter(&so->so_lock);
	inherit(so, head);
	error = so->so_proto->pr_attach(so, so->so_protocol);
	if (error == 0) {
		so_setstate(so, SS_INCOMPLETE, 0);
		so->so_head = so_hold(head);
		list_insert_tail(&sl->sl_incomp, &so->so_qlink);
		sl->sl_incqlen++;
		so_hold(so);
	}
	mutex_exit(&so->so_lock);
	if (error != 0) {
		so_rele(so);
		return NULL;
	}
	return so;
}

/* It is ready for accept(); unless its head is being closed, which has it. */
static void
complete(struct socket *so)
{
	struct socket *head = so->so_head;
	struct solisten *sl = head->so_listen;

	mutex_enter(&head->so_lock);
	if (list_linked(&so->so_qlink)) {
		list_remove(&so->so_qlink);
		sl->sl_incqlen--;
		list_insert_tail(&sl->sl_comp, &so->so_qlink);
		sl->sl_qlen++;
		so_setstate(so, 0, SS_INCOMPLETE);
		so_notify(head, POLLIN);
	}
	mutex_exit(&head->so_lock);
}

/* It has failed before it was ready. */
static void
forget(struct socket *so)
{
	struct socket *head = so->so_head;
	bool mine;

	mutex_enter(&head->so_lock);
	mine = list_linked(&so->so_qlink);
	if (mine) {
		list_remove(&so->so_qlink);
		head->so_listen->sl_incqlen--;
	}
	mutex_exit(&head->so_lock);
	if (!mine)
		return;
	so_setstate(so, SS_NOFDREF, SS_INCOMPLETE);
	so->so_head = NULL;
	so_rele(head);
	so_rele(so);
}

void
soisconnected(struct socket *so)
{
	so_setstate(so, SS_ISCONNECTED, SS_ISCONNECTING | SS_ISDISCONNECTING |
	    SS_ISDISCONNECTED);
	if (so_is(so, SS_INCOMPLETE))
		complete(so);
	else
		so_notify(so, SO_WAKEALL | POLLIN | POLLOUT);
}

void
soisdisconnected(struct socket *so)
{
	so_setstate(so, SS_ISDISCONNECTED | SS_CANTRCVMORE | SS_CANTSENDMORE,
	    SS_ISCONNECTED | SS_ISCONNECTING | SS_ISDISCONNECTING);
	so_notify(so, SO_WAKEALL | POLLHUP | POLLRDHUP | POLLIN | POLLOUT);
	if (so_is(so, SS_INCOMPLETE))
		forget(so);
}

/* Off the queue: no longer its head's. */
static void
orphan(struct socket *so)
{
	struct socket *head = so->so_head;

	so->so_head = NULL;
	so_rele(head);
}

static struct socket *
queue_take(struct list *queue)
{
	struct socket *so;

	if (list_empty(queue))
		return NULL;
	so = list_first(queue, struct socket, so_qlink);
	list_remove(&so->so_qlink);
	return so;
}

static void
abort_orphan(struct socket *so)
{
	netisr_enter();
	mutex_enter(&so->so_lock);
	orphan(so);
	so_setstate(so, SS_NOFDREF, SS_INCOMPLETE);
	if (so->so_pcb != NULL) {
		if (so->so_proto->pr_abort != NULL)
			so->so_proto->pr_abort(so);
		else
			so->so_proto->pr_detach(so);
	}
	mutex_exit(&so->so_lock);
	netisr_exit();
	so_rele(so);
}

void
soqflush(struct socket *head)
{
	struct solisten *sl = head->so_listen;
	struct socket *so;

	mutex_enter(&head->so_lock);
	so_setstate(head, 0, SS_LISTENING);
	for (;;) {
		so = queue_take(&sl->sl_comp);
		if (so != NULL) {
			sl->sl_qlen--;
		} else {
			so = queue_take(&sl->sl_incomp);
			if (so == NULL)
				break;
			sl->sl_incqlen--;
		}
		mutex_exit(&head->so_lock);
		abort_orphan(so);
		mutex_enter(&head->so_lock);
	}
	mutex_exit(&head->so_lock);
}

/* ---- Accepting ---------------------------------------------------------------- */

/* so_lock held. */
static int
accept_wait(struct socket *head, bool nonblock)
{
	struct solisten *sl = head->so_listen;
	nstime_t deadline = 0;
	int error;

	for (;;) {
		if (!so_is(head, SS_LISTENING))
			return EINVAL;
		if (sl->sl_qlen > 0)
			return 0;
		error = so_takeerror(head);
		if (error == 0)
			error = nonblock ? EAGAIN :
			    sb_wait(head, &head->so_rcv, &deadline);
		if (error != 0)
			return error;
	}
}

int
soaccept(struct socket *head, bool nonblock, struct socket **sop)
{
	struct socket *so = NULL;
	bool more = false;
	int error;

	if ((head->so_proto->pr_flags & PR_LISTEN) == 0)
		return EOPNOTSUPP;
	mutex_enter(&head->so_lock);
	error = accept_wait(head, nonblock);
	if (error == 0) {
		so = queue_take(&head->so_listen->sl_comp);
		more = --head->so_listen->sl_qlen > 0;
	}
	mutex_exit(&head->so_lock);
	/* The wake-up may have been for another. */
	if (more)
		cv_signal(&head->so_rcv.sb_cv);
	if (error != 0)
		return error;
	mutex_enter(&so->so_lock);
	orphan(so);
	mutex_exit(&so->so_lock);
	*sop = so;
	return 0;
}

/* ---- Connecting --------------------------------------------------------------- */

/* connect(AF_UNSPEC). */
static int
disconnect(struct socket *so)
{
	if (so->so_proto->pr_disconnect == NULL)
		return EOPNOTSUPP;
	so_setstate(so, 0, SS_ASYNCCONN);
	return so->so_proto->pr_disconnect(so);
}

/* Start, where that is to be done. so_lock and a section. @return EALREADY */
static int
connect_start(struct socket *so, const struct sockaddr *sa, socklen_t len)
{
	int error;

	if ((so->so_proto->pr_flags & PR_CONNREQUIRED) == 0)
		return so->so_proto->pr_connect(so, sa, len);
	if (so_is(so, SS_LISTENING | SS_ISDISCONNECTING))
		return EISCONN;
	if (so_is(so, SS_ISCONNECTED)) {
		/* Who was told to come back learns of it once. */
		if (!so_is(so, SS_ASYNCCONN))
			return EISCONN;
		so_setstate(so, 0, SS_ASYNCCONN);
		return 0;
	}
	if (so_is(so, SS_ISCONNECTING))
		return EALREADY;
	if (so_is(so, SS_ASYNCCONN)) {
		so_setstate(so, 0, SS_ASYNCCONN);
		error = so_takeerror(so);
		return error != 0 ? error : ECONNABORTED;
	}
	(void)so_takeerror(so);
	so_setstate(so, 0, SS_CANTRCVMORE | SS_CANTSENDMORE);
	return so->so_proto->pr_connect(so, sa, len);
}

static int
connect_wait(struct socket *so)
{
	nstime_t deadline = 0;
	int error = 0;

	while (so_is(so, SS_ISCONNECTING) && atomic_load(&so->so_error) == 0 &&
	    error == 0)
		error = sb_wait(so, &so->so_snd, &deadline);
	if (error != 0) {
		so_setstate(so, SS_ASYNCCONN, 0);
		return error == EAGAIN ? EINPROGRESS : error;
	}
	so_setstate(so, 0, SS_ASYNCCONN);
	error = so_takeerror(so);
	if (error == 0 && !so_is(so, SS_ISCONNECTED))
		error = ECONNABORTED;
	return error;
}

int
soconnect(struct socket *so, const struct sockaddr *sa, socklen_t len,
    bool nonblock)
{
	bool wait;
	int error;

	if (len < sizeof(sa->sa_family))
		return EINVAL;
	if (so->so_proto->pr_connect == NULL)
		return EOPNOTSUPP;
	netisr_enter();
	mutex_enter(&so->so_lock);
	error = sa->sa_family == AF_UNSPEC ? disconnect(so) :
	    connect_start(so, sa, len);
	wait = (error == 0 || error == EALREADY) &&
	    so_is(so, SS_ISCONNECTING);
	if (wait && nonblock) {
		so_setstate(so, SS_ASYNCCONN, 0);
		if (error == 0)
			error = EINPROGRESS;
	}
	mutex_exit(&so->so_lock);
	netisr_exit();
	if (!wait || nonblock)
		return error;
	/* In the section the connection may have been made. */
	mutex_enter(&so->so_lock);
	error = connect_wait(so);
	mutex_exit(&so->so_lock);
	return error;
}

int
soshutdown(struct socket *so, int how)
{
	int error;

	if (how < SHUT_RD || how > SHUT_RDWR)
		return EINVAL;
	if (so->so_proto->pr_shutdown == NULL)
		return EOPNOTSUPP;
	netisr_enter();
	mutex_enter(&so->so_lock);
	error = so->so_proto->pr_shutdown(so, how);
	mutex_exit(&so->so_lock);
	netisr_exit();
	return error;
}
