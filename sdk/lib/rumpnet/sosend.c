/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sending.
 *
 * The data is copied into mbufs before so_lock is taken, in pieces of what a
 * stream may have in one mbuf: the protocol sends them by reference. A
 * stream's piece goes whole into a buffer that has any room, so that the
 * common call takes the lock once.
 */
#include <kern/proc.h>

#include <asm/signal.h>

#include "sock_impl.h"

/* Less than this is copied before anybody asked whether there is room. */
#define ASK_FIRST	4096u
/* What lower layers put in front of a datagram that is inside of an mbuf. */
#define SMALL_HEADROOM	64u

/* ---- Records ------------------------------------------------------------------ */

/* A record's mbufs, with room in front for headers. */
static int
record_copyin(struct uio *uio, struct mbuf **mp)
{
	size_t n = uio->uio_resid;
	struct mbuf *m;
	int error;

	if (n > MLEN - SMALL_HEADROOM)
		return m_uiomove_in(uio, n, MAX_LINKHDR + MAX_NETHDR,
		    M_PKTHDR, mp);
	m = m_gethdr(MT_DATA);
	if (m == NULL)
		return ENOBUFS;
	m->m_data += (MLEN - n) & ~(size_t)7;
	error = uiomove(m->m_data, n, uio);
	if (error != 0) {
		m_free(m);
		return error;
	}
	m->m_len = m->m_ph.ph_len = (uint32_t)n;
	*mp = m;
	return 0;
}

/* May anything be sent? so_lock held. */
static int
send_check(struct socket *so)
{
	int error;

	error = so_takeerror(so);
	if (__unlikely(error != 0))
		return error;
	if (__unlikely(so_is(so, SS_CANTSENDMORE)))
		return EPIPE;
	if ((so->so_proto->pr_flags & PR_CONNREQUIRED) == 0 ||
	    __likely(so_is(so, SS_ISCONNECTED)))
		return 0;
	return so->so_proto->pr_flags & PR_ATOMIC ? ENOTCONN : EPIPE;
}

/* SOF_TIMESTAMPING_TX_SOFTWARE: the stamp comes back with the packet. */
static struct mbuf *
stamp_copy(struct socket *so, struct mbuf *m)
{
	struct mbuf *copy;

	if ((so->so_extra->sx_tsflags & SOF_TIMESTAMPING_OPT_TSONLY) != 0)
		return NULL;
	copy = m_copym(m, 0, SIZE_MAX, M_PKTHDR);
	if (copy != NULL)
		memset(copy->m_ph.ph_from, 0, sizeof(copy->m_ph.ph_from));
	return copy;
}

static int
send_record(struct socket *so, struct mbuf *m, const struct sockaddr *sa,
    socklen_t salen, struct mbuf *control, int flags)
{
	size_t n = m->m_ph.ph_len;
	struct mbuf *copy = NULL;
	int error;

	netisr_enter();
	mutex_enter(&so->so_lock);
	m->m_ph.ph_mark = so->so_mark;
	m->m_ph.ph_priority = so->so_priority;
	error = n > so->so_snd.sb_hiwat ? EMSGSIZE : send_check(so);
	if (__likely(error == 0)) {
		if (so_ts_wanted(so))
			copy = stamp_copy(so, m);
		error = so->so_proto->pr_send(so, flags, m, sa, salen,
		    control);
		m = control = NULL;
		if (so_ts_wanted(so) && error == 0)
			so_ts_sent(so, copy, n);
		else
			m_freem(copy);
	}
	mutex_exit(&so->so_lock);
	netisr_exit();
	if (m != NULL)
		m_freem(m);
	if (control != NULL)
		m_freem(control);
	return error;
}

static int
sosend_record(struct socket *so, const struct sockaddr *sa, socklen_t salen,
    struct uio *uio, struct mbuf *control, int flags)
{
	size_t n = uio->uio_resid;
	struct mbuf *m;
	int error;

	/* Not worth copying: sb_hiwat is at most that. */
	error = n > INT32_MAX / 2 ? EMSGSIZE : record_copyin(uio, &m);
	if (error == 0)
		error = send_record(so, m, sa, salen, control, flags);
	else
		m_freem(control);
	if (error != 0)
		uio->uio_resid = n;
	return error;
}

/* send(2): a stream that is no more, if the caller does not object. */
static void
sigpipe(struct socket *so, int flags)
{
	if (so->so_type == SOCK_STREAM && (flags & MSG_NOSIGNAL) == 0)
		signal_post_self(SIGPIPE);
}

/* ---- Streams ------------------------------------------------------------------ */

/*
 * Until there is room, or never will be. so_lock held, no section.
 */
static int
stream_wait(struct socket *so, int flags, nstime_t *deadline)
{
	int error;

	for (;;) {
		error = so_takeerror(so);
		if (error != 0)
			return error;
		if (so_is(so, SS_CANTSENDMORE))
			return EPIPE;
		if (so_is(so, SS_ISCONNECTED)) {
			if (sb_writable(&so->so_snd))
				return 0;
		} else if (!so_is(so, SS_ISCONNECTING)) {
			return EPIPE;
		}
		error = so_nonblock(so, flags) ? EAGAIN :
		    sb_wait(so, &so->so_snd, deadline);
		if (error != 0)
			return error;
	}
}

/* How much of n bytes to copy next. @return as stream_wait() */
static int
stream_ask(struct socket *so, size_t n, int flags, nstime_t *deadline,
    size_t *np)
{
	uint32_t space;
	int error = 0;

	mutex_enter(&so->so_lock);
	if (sbspace(&so->so_snd) == 0 || !so_is(so, SS_ISCONNECTED))
		error = stream_wait(so, flags, deadline);
	space = sbspace(&so->so_snd);
	mutex_exit(&so->so_lock);
	*np = MIN(n, MAX((size_t)space, ASK_FIRST));
	return error;
}

int
so_stream_room(struct socket *so, size_t n, size_t *np)
{
	nstime_t deadline = 0;
	int error;

	error = stream_ask(so, n, 0, &deadline, np);
	if (error == EPIPE)
		sigpipe(so, 0);
	return error;
}

/*
 * Give a piece to the protocol. m may be NULL, with MSG_FASTOPEN. m is the
 * caller's on EAGAIN.
 */
static int
stream_push(struct socket *so, struct mbuf *m, const struct sockaddr *sa,
    socklen_t salen, int flags)
{
	bool fastopen = (flags & MSG_FASTOPEN) != 0 &&
	    (so->so_proto->pr_flags & PR_IMPLOPCL) != 0;
	size_t n = 0;
	int error;

	netisr_enter();
	mutex_enter(&so->so_lock);
	error = so_takeerror(so);
	if (__unlikely(error != 0)) {
		;
	} else if (__unlikely(so_is(so, SS_CANTSENDMORE))) {
		error = EPIPE;
	} else if (__likely(so_is(so, SS_ISCONNECTED)) || fastopen) {
		if (__unlikely(sbspace(&so->so_snd) == 0))
			error = EAGAIN;
	} else {
		error = so_is(so, SS_ISCONNECTING) ? EAGAIN : EPIPE;
	}
	if (__likely(error == 0)) {
		if (so_ts_wanted(so) && m != NULL)
			n = m_length(m);
		error = so->so_proto->pr_send(so, flags, m,
		    fastopen ? sa : NULL, fastopen ? salen : 0, NULL);
		m = NULL;
		if (n > 0 && error == 0)
			so_ts_sent(so, NULL, n);
		/* What the protocol says is not about room. */
		if (error == EAGAIN)
			error = ENOBUFS;
	}
	mutex_exit(&so->so_lock);
	netisr_exit();
	if (m != NULL && error != EAGAIN)
		m_freem(m);
	return error;
}

/* As stream_push(), and waits for room. m is taken over. */
static int
stream_push_wait(struct socket *so, struct mbuf *m, const struct sockaddr *sa,
    socklen_t salen, int flags, nstime_t *deadline)
{
	int error;

	for (;;) {
		error = stream_push(so, m, sa, salen, flags);
		if (__likely(error != EAGAIN))
			return error;
		mutex_enter(&so->so_lock);
		error = stream_wait(so, flags, deadline);
		mutex_exit(&so->so_lock);
		if (error != 0) {
			m_freem(m);
			return error;
		}
	}
}

static int
stream_copyin(struct uio *uio, size_t n, struct mbuf **mp)
{
	struct mbuf *m;
	int error;

	m = m_getcl(n, 0);
	if (__unlikely(m == NULL))
		return ENOBUFS;
	error = uiomove(m->m_data, n, uio);
	if (__unlikely(error != 0)) {
		m_free(m);
		return error;
	}
	m->m_len = (uint32_t)n;
	*mp = m;
	return 0;
}

static int
sosend_stream(struct socket *so, const struct sockaddr *sa, socklen_t salen,
    struct uio *uio, int flags)
{
	nstime_t deadline = 0;
	int error = 0, more;
	struct mbuf *m;
	size_t n;

	do {
		n = uio->uio_resid;
		if (n > ASK_FIRST && (flags & MSG_FASTOPEN) == 0) {
			error = stream_ask(so, n, flags, &deadline, &n);
			if (error != 0)
				break;
		}
		n = MIN(n, (size_t)MCLJUMBO);
		error = stream_copyin(uio, n, &m);
		if (error != 0)
			break;
		more = uio->uio_resid > 0 ? MSG_MORE : 0;
		error = stream_push_wait(so, m, sa, salen, flags | more,
		    &deadline);
		if (__unlikely(error != 0)) {
			uio->uio_resid += n;
			break;
		}
		flags &= ~MSG_FASTOPEN;
	} while (uio->uio_resid > 0);
	return error;
}

/* ---- Both --------------------------------------------------------------------- */

static int
send_oob(struct socket *so, struct uio *uio, int flags)
{
	struct mbuf *m;
	nstime_t deadline = 0;
	size_t n = uio->uio_resid;
	int error;

	if (n == 0 || n > MCLJUMBO)
		return n == 0 ? 0 : EMSGSIZE;
	error = stream_copyin(uio, n, &m);
	if (error == 0)
		error = stream_push_wait(so, m, NULL, 0, flags, &deadline);
	if (error != 0)
		uio->uio_resid = n;
	return error;
}

int
sosend(struct socket *so, const struct sockaddr *sa, socklen_t salen,
    struct uio *uio, struct mbuf *control, int flags)
{
	size_t n = uio->uio_resid;
	int error;

	if (so->so_proto->pr_send == NULL) {
		m_freem(control);
		return EOPNOTSUPP;
	}
	if (__unlikely((flags & MSG_ZEROCOPY) != 0))
		return sosend_zerocopy(so, sa, salen, uio, control, flags);
	if ((so->so_proto->pr_flags & PR_ATOMIC) != 0)
		return sosend_record(so, sa, salen, uio, control, flags);
	/* Nothing that a message could tell belongs to a stream's bytes. */
	m_freem(control);
	error = __unlikely((flags & MSG_OOB) != 0) ? send_oob(so, uio, flags) :
	    sosend_stream(so, sa, salen, uio, flags);
	if (__unlikely(error != 0) && uio->uio_resid != n)
		return 0;
	if (__unlikely(error == EPIPE))
		sigpipe(so, flags);
	return error;
}

int
sosend_mbuf(struct socket *so, struct mbuf *m, const struct sockaddr *sa,
    socklen_t salen, int flags)
{
	nstime_t deadline = 0;
	int error;

	if ((so->so_proto->pr_flags & PR_ATOMIC) != 0)
		return send_record(so, m, sa, salen, NULL, flags);
	error = stream_push_wait(so, m, sa, salen, flags, &deadline);
	if (error == EPIPE)
		sigpipe(so, flags);
	return error;
}
