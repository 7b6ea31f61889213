/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * AF_UNIX: sending. The data is copied in once, without a lock, and appended to
 * the receiver's queue.
 */
#include <asm/signal.h>

#include "local.h"

/* A long write to a stream goes in pieces, so that its reader can begin. */
#define PIECE 65536u

nstime_t
unp_deadline(const struct sockbuf *sb)
{
	return sb->sb_timeo == 0 ? NSTIME_FOREVER :
	    mono_deadline(sb->sb_timeo);
}

int
unp_wait(struct socket *so, struct sockbuf *sb, int flags, nstime_t deadline)
{
	int error;

	if (unp_nonblock(so, flags))
		return EAGAIN;
	error = deadline == NSTIME_FOREVER ?
	    cv_wait_sig(&sb->sb_cv, &so->so_lock) :
	    cv_timedwait_sig(&sb->sb_cv, &so->so_lock, deadline);
	return error == ETIMEDOUT ? EAGAIN : error;
}

static int
take_error(struct socket *so)
{
	return atomic_load_explicit(&so->so_error, memory_order_relaxed) == 0 ?
	    0 : atomic_exchange(&so->so_error, 0);
}

/* Wait until so may send n bytes more; so_lock is not held. */
static int
wait_room(struct socket *so, size_t n, int flags, nstime_t deadline)
{
	int error;

	mutex_enter(&so->so_lock);
	for (;;) {
		if (so_is(so, SS_CANTSENDMORE)) {
			error = EPIPE;
			break;
		}
		error = take_error(so);
		if (error != 0)
			break;
		/* A record that is allowed at all may always begin. */
		if (sb_cc(&so->so_snd) == 0 || sb_cc(&so->so_snd) + n <=
		    so->so_snd.sb_hiwat)
			break;
		error = unp_wait(so, &so->so_snd, flags, deadline);
		if (error != 0)
			break;
	}
	mutex_exit(&so->so_lock);
	return error;
}

/* Copy n bytes in, as a record without its header filled in. */
static int
record_make(struct uio *uio, size_t n, struct mbuf **mp)
{
	return m_uiomove_in(uio, n, UNMSG_ROOM, M_PKTHDR, mp);
}

static uint32_t
chain_cost(const struct mbuf *m)
{
	size_t cost = 0;

	for (; m != NULL; m = m->m_next)
		cost += m_cost(m);
	return (uint32_t)cost;
}

static void
record_fill(struct mbuf *m, struct socket *so, const struct ucred *cred,
    struct unrights *ur)
{
	struct unmsg *um = unp_msg(m);
	struct unname *un;

	un = atomic_load_explicit(&sotounpcb(so)->unp_name,
	    memory_order_acquire);
	*um = (struct unmsg){
		.um_cred = *cred,
		.um_cost = chain_cost(m),
		.um_sender = so_hold(so),
		.um_from = unp_is_dgram(so) ? unname_hold(un) : NULL,
		.um_rights = ur,
	};
	m->m_ph.ph_tstamp = 0;
	atomic_fetch_add_explicit(&so->so_snd.sb_cc, um->um_cost,
	    memory_order_relaxed);
	if (ur != NULL)
		unp_gc_enter(ur);
}

/* Append to the receiver's queue. m is taken over on success. */
static int
record_deliver(struct socket *to, struct mbuf *m)
{
	struct sockbuf *sb = &to->so_rcv;
	int error;

	mutex_enter(&to->so_lock);
	if (to->so_pcb == NULL || so_is(to, SS_CANTRCVMORE)) {
		error = to->so_pcb == NULL ? ECONNREFUSED : EPIPE;
		mutex_exit(&to->so_lock);
		return error;
	}
	if ((to->so_options & (SOO_TIMESTAMP | SOO_TIMESTAMPNS)) != 0) {
		m->m_ph.ph_tstamp = real_now();
		m->m_ph.ph_flags |= MP_TSTAMP;
	}
	if (sb->sb_mb == NULL)
		sb->sb_mb = m;
	else
		sb->sb_mbtail->m_nextpkt = m;
	sb->sb_mbtail = m;
	sb->sb_mbcnt += unp_msg(m)->um_cost;
	atomic_store_explicit(&sb->sb_cc, sb_cc(sb) + m->m_ph.ph_len,
	    memory_order_relaxed);
	sorwakeup(to);
	mutex_exit(&to->so_lock);
	return 0;
}

/* On success *urp was taken over; on failure nothing was. */
static int
send_record(struct socket *so, struct socket *to, struct uio *uio, size_t n,
    const struct ucred *cred, struct unrights **urp)
{
	struct uio before = *uio;
	struct mbuf *m;
	int error;

	error = record_make(uio, n, &m);
	if (error == 0) {
		record_fill(m, so, cred, *urp);
		error = record_deliver(to, m);
		if (error == 0) {
			*urp = NULL;
			return 0;
		}
		if (*urp != NULL)
			unp_gc_leave(*urp);
		unp_msg(m)->um_rights = NULL;
		unp_free_records(m);
	}
	*uio = before;
	return error;
}

/* Whom a datagram goes to; referenced. */
static int
dgram_target(struct socket *so, const struct sockaddr *sa, socklen_t salen,
    struct socket **top)
{
	struct socket *to;

	if (sa != NULL)
		return unname_find(so->so_vnet, sa, salen, SOCK_DGRAM, top);
	to = unp_peer(sotounpcb(so));
	if (to == NULL)
		return ENOTCONN;
	*top = to;
	return 0;
}

static int
send_dgram(struct socket *so, const struct sockaddr *sa, socklen_t salen,
    struct uio *uio, const struct ucred *cred, struct unrights **urp,
    int flags)
{
	nstime_t deadline = unp_deadline(&so->so_snd);
	size_t n = uio->uio_resid;
	struct socket *to;
	int error;

	error = dgram_target(so, sa, salen, &to);
	if (error != 0)
		return error;
	if (n + UNMSG_ROOM > so->so_snd.sb_hiwat)
		error = EMSGSIZE;
	else if (!unp_dgram_allowed(so, to))
		error = EPERM;
	if (error == 0)
		error = wait_room(so, n, flags, deadline);
	if (error == 0)
		error = send_record(so, to, uio, n, cred, urp);
	if (error == ECONNREFUSED && sa == NULL) {
		unp_disconnect_from(sotounpcb(so), to);
		mutex_enter(&so->so_lock);
		so_setstate(so, 0, SS_ISCONNECTED);
		mutex_exit(&so->so_lock);
	}
	so_rele(to);
	return error;
}

/* Streams and sequenced packets: unp_sndlock held. */
static int
send_connected(struct socket *so, struct uio *uio, const struct ucred *cred,
    struct unrights **urp, int flags)
{
	nstime_t deadline = unp_deadline(&so->so_snd);
	struct socket *to;
	size_t n, piece;
	int error = 0;

	to = unp_peer(sotounpcb(so));
	if (to == NULL)
		return (atomic_load(&sotounpcb(so)->unp_flags) &
		    UNP_EVERCONN) != 0 ? EPIPE : ENOTCONN;
	piece = so->so_type == SOCK_SEQPACKET ? SIZE_MAX :
	    MIN(PIECE, MAX(so->so_snd.sb_hiwat / 2, 1024u));
	do {
		n = MIN(uio->uio_resid, piece);
		error = wait_room(so, n, flags, deadline);
		if (error == 0)
			error = send_record(so, to, uio, n, cred, urp);
		if (error == ECONNREFUSED)
			error = EPIPE;
	} while (error == 0 && uio->uio_resid > 0);
	so_rele(to);
	return error;
}

int
unp_sosend(struct socket *so, const struct sockaddr *sa, socklen_t salen,
    struct uio *uio, struct mbuf *control, int flags)
{
	struct unrights *ur = NULL;
	struct ucred cred;
	int error;

	unp_mycred(&cred);
	if ((flags & MSG_OOB) != 0)
		error = EOPNOTSUPP;
	else
		error = unp_internalize(control, &ur, &cred);
	m_freem(control);
	if (error != 0)
		return error;
	if (unp_is_dgram(so)) {
		error = send_dgram(so, sa, salen, uio, &cred, &ur, flags);
	} else if (sa != NULL && salen != 0) {
		error = so_is(so, SS_ISCONNECTED) ? EISCONN : EOPNOTSUPP;
	} else if (so->so_type == SOCK_SEQPACKET && uio->uio_resid +
	    UNMSG_ROOM > so->so_snd.sb_hiwat) {
		error = EMSGSIZE;
	} else if (so->so_type == SOCK_STREAM && uio->uio_resid == 0) {
		/* Nothing is sent: nor are descriptors. */
		error = 0;
	} else {
		mutex_enter(&sotounpcb(so)->unp_sndlock);
		error = send_connected(so, uio, &cred, &ur, flags);
		mutex_exit(&sotounpcb(so)->unp_sndlock);
	}
	/* What no record has taken over. */
	unrights_free(ur);
	if (error == EPIPE && so->so_type == SOCK_STREAM &&
	    (flags & MSG_NOSIGNAL) == 0)
		signal_post_self(SIGPIPE);
	return error;
}
