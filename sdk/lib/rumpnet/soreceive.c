/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Receiving.
 *
 * What a call takes is cut out of the buffer with so_lock held, and copied to
 * the caller without it. A look (MSG_PEEK) copies references.
 */
#include <kern/inaddr.h>
#include <linux/in6.h>

#include "sock_impl.h"

/* Fewer bytes of a larger mbuf are copied with so_lock held. */
#define SMALL 128u

/* ---- Waiting ------------------------------------------------------------------- */

#define NOTHING (-1)		/* there is not, and will not be, more */

/*
 * Why is there nothing, and will there be? so_lock held. @return 0: the caller
 * should wait
 */
static int
why_empty(struct socket *so)
{
	int error;

	error = so_takeerror(so);
	if (error != 0)
		return error;
	if (so_is(so, SS_CANTRCVMORE))
		return NOTHING;
	if ((so->so_proto->pr_flags & PR_CONNREQUIRED) != 0 && !so_is(so,
	    SS_ISCONNECTED | SS_ISCONNECTING | SS_ISDISCONNECTING))
		return ENOTCONN;
	return 0;
}

/*
 * Wait for more than cc bytes of a stream, or a record. so_lock held, no
 * section.
 */
static int
wait_data(struct socket *so, uint32_t cc, int flags, nstime_t *deadline)
{
	int error;

	for (;;) {
		if (sb_cc(&so->so_rcv) > cc || (cc == 0 &&
		    so->so_rcv.sb_mb != NULL))
			return 0;
		error = why_empty(so);
		if (error == 0)
			error = so_nonblock(so, flags) ? EAGAIN :
			    sb_wait(so, &so->so_rcv, deadline);
		if (error != 0)
			return error;
	}
}

/* ---- Streams ------------------------------------------------------------------- */

/* What was cut out of the buffer: a chain, or few bytes. */
struct taken {
	struct mbuf *t_mb;
	uint32_t t_n;
	uint8_t t_small[SMALL];
};

/*
 * What the caller could not take is not lost; the protocol was told already
 * that it is gone, and is not told again.
 */
static void
give_back(struct socket *so, struct mbuf *m)
{
	struct soextra *sx;

	mutex_enter(&so->so_lock);
	sx = so_extra(so);
	if (sx != NULL && m != NULL) {
		sx->sx_putback += (uint32_t)m_length(m);
		sbputback(&so->so_rcv, m);
		m = NULL;
	}
	mutex_exit(&so->so_lock);
	m_freem(m);
}

static int
small_copyout(struct socket *so, struct taken *t, struct uio *uio)
{
	size_t before = uio->uio_resid, done;
	int error;

	error = uiomove(t->t_small, t->t_n, uio);
	if (__unlikely(error != 0)) {
		done = before - uio->uio_resid;
		give_back(so, m_devget(t->t_small + done, t->t_n - done, 0));
	}
	return error;
}

static int
taken_copyout(struct socket *so, struct taken *t, struct uio *uio, int flags)
{
	struct mbuf *m = t->t_mb;
	size_t before;
	int error = 0;

	if ((flags & MSG_TRUNC) != 0) {
		uio_skip(uio, t->t_n);
		m_freem(m);
		return 0;
	}
	if (m == NULL)
		return small_copyout(so, t, uio);
	while (m != NULL) {
		before = uio->uio_resid;
		error = uiomove(m->m_data, m->m_len, uio);
		if (__unlikely(error != 0)) {
			m_adj(m, (ssize_t)(before - uio->uio_resid));
			give_back(so, m);
			break;
		}
		m = m_free(m);
	}
	return error;
}

/* Reading ends at the mark of urgent data, and starts behind it. */
static uint32_t
until_mark(struct socket *so, uint32_t n)
{
	so_setstate(so, 0, SS_RCVATMARK);
	if (so->so_oobmark != 0)
		n = MIN(n, so->so_oobmark);
	return n;
}

static void
past_mark(struct socket *so, uint32_t n)
{
	if (so->so_oobmark == 0)
		return;
	so->so_oobmark -= n;
	if (so->so_oobmark == 0)
		so_setstate(so, SS_RCVATMARK, 0);
}

/* n bytes left the buffer. @return how many of them are news */
static uint32_t
extra_taken(struct soextra *sx, uint32_t n)
{
	uint32_t old = MIN(n, sx->sx_putback);

	if (sx->sx_peekoff > 0)
		sx->sx_peekoff -= (int32_t)MIN(n, (uint32_t)sx->sx_peekoff);
	sx->sx_putback -= old;
	return n - old;
}

static void
stream_taken(struct socket *so, uint32_t n, int flags)
{
	past_mark(so, n);
	if (__unlikely(so->so_extra != NULL))
		n = extra_taken(so->so_extra, n);
	if ((so->so_proto->pr_flags & PR_WANTRCVD) != 0)
		so->so_proto->pr_rcvd(so, n, flags);
}

/* so_lock held, and there are bytes. */
static int
stream_take(struct socket *so, size_t want, int flags, struct taken *t)
{
	struct sockbuf *sb = &so->so_rcv;
	uint32_t n = (uint32_t)MIN(want, (size_t)sb_cc(sb));
	struct mbuf *m = sb->sb_mb;

	if (__unlikely(so->so_oobmark != 0 || so_is(so, SS_RCVATMARK)))
		n = until_mark(so, n);
	if (n <= SMALL && n < m->m_len) {
		memcpy(t->t_small, m->m_data, n);
		t->t_mb = NULL;
		t->t_n = n;
		(void)sbcut(sb, n);
	} else {
		t->t_mb = sbtake(sb, n, &t->t_n);
		if (t->t_mb == NULL)
			return ENOBUFS;
	}
	stream_taken(so, t->t_n, flags);
	return 0;
}

static int
stream_read(struct socket *so, struct uio *uio, int flags, size_t target,
    nstime_t *deadline)
{
	struct taken t;
	int error;

	netisr_enter();
	mutex_enter(&so->so_lock);
	if (__unlikely(sb_cc(&so->so_rcv) == 0)) {
		error = why_empty(so);
		if (error == 0)
			error = EAGAIN;
	} else {
		error = stream_take(so, uio->uio_resid, flags, &t);
	}
	mutex_exit(&so->so_lock);
	netisr_exit();
	if (__likely(error == 0))
		return taken_copyout(so, &t, uio, flags);
	if (error != EAGAIN || target == 0 || so_nonblock(so, flags))
		return error;
	mutex_enter(&so->so_lock);
	error = wait_data(so, 0, flags, deadline);
	mutex_exit(&so->so_lock);
	return error;
}

/* Wait for as much as a look wants, as far as that can come. so_lock held. */
static int
peek_wait(struct socket *so, uint32_t off, size_t target, int flags)
{
	struct sockbuf *sb = &so->so_rcv;
	nstime_t deadline = 0;
	uint32_t cc;
	int error;

	target = MIN(target, (size_t)sb->sb_hiwat);
	for (;;) {
		cc = sb_cc(sb);
		if (cc >= off + target || (cc > off && so_nonblock(so, flags)))
			return 0;
		error = wait_data(so, MAX(cc, off), flags, &deadline);
		if (error != 0)
			return sb_cc(sb) > off ? 0 : error;
	}
}

static int
stream_peek(struct socket *so, struct uio *uio, int flags, size_t target)
{
	struct soextra *sx;
	struct mbuf *m = NULL;
	uint32_t off = 0, n = 0;
	int error;

	mutex_enter(&so->so_lock);
	sx = so->so_extra;
	if (sx != NULL && sx->sx_peekoff > 0)
		off = (uint32_t)sx->sx_peekoff;
	error = peek_wait(so, off, target, flags);
	if (error == 0) {
		n = (uint32_t)MIN(uio->uio_resid,
		    (size_t)(sb_cc(&so->so_rcv) - off));
		if (so->so_oobmark > off)
			n = MIN(n, so->so_oobmark - off);
		m = m_copym(so->so_rcv.sb_mb, off, n, 0);
		if (m == NULL)
			error = ENOBUFS;
		else if (sx != NULL && sx->sx_peekoff >= 0)
			sx->sx_peekoff += (int32_t)n;
	}
	mutex_exit(&so->so_lock);
	if (error != 0)
		return error == NOTHING ? 0 : error;
	if ((flags & MSG_TRUNC) != 0)
		uio_skip(uio, n);
	else
		error = m_uiomove_out(m, 0, n, uio);
	m_freem(m);
	return error;
}

/* How much a call waits for: recv(2), SO_RCVLOWAT. */
static size_t
stream_target(struct socket *so, size_t n, int flags)
{
	size_t target;

	target = (flags & MSG_WAITALL) != 0 ? n : MIN(n, (size_t)
	    atomic_load_explicit(&so->so_rcv.sb_lowat, memory_order_relaxed));
	return MAX(target, 1u);
}

static int
receive_stream(struct socket *so, struct uio *uio, int flags)
{
	size_t first = uio->uio_resid, target, done;
	nstime_t deadline = 0;
	bool more;
	int error;

	target = stream_target(so, first, flags);
	if (__unlikely((flags & MSG_PEEK) != 0))
		return stream_peek(so, uio, flags, target);
	do {
		error = stream_read(so, uio, flags, target, &deadline);
		done = first - uio->uio_resid;
	} while (error == 0 && done < target && uio->uio_resid > 0);
	if (error == NOTHING || (done > 0 && error != 0)) {
		/* It is told to the next call. */
		if (error > 0 && error != EAGAIN && error != EINTR &&
		    error != EFAULT && error != ENOBUFS)
			atomic_store_explicit(&so->so_error, error,
			    memory_order_relaxed);
		error = 0;
	}
	/* A wake-up that this call did not need is another's. */
	more = sb_cc(&so->so_rcv) > 0;
	if (more)
		cv_signal(&so->so_rcv.sb_cv);
	return error;
}

static int
receive_oob(struct socket *so, struct uio *uio, int *flagsp)
{
	uint8_t byte;
	int error;

	if (so->so_proto->pr_rcvoob == NULL)
		return EOPNOTSUPP;
	mutex_enter(&so->so_lock);
	error = (so->so_options & SOO_OOBINLINE) != 0 ? EINVAL :
	    so->so_proto->pr_rcvoob(so, &byte, *flagsp & MSG_PEEK);
	mutex_exit(&so->so_lock);
	if (error != 0)
		return error;
	*flagsp = MSG_OOB;
	if (uio->uio_resid == 0)
		*flagsp |= MSG_TRUNC;
	return uiomove(&byte, 1, uio);
}

/* ---- Records ------------------------------------------------------------------- */

/*
 * A copy of a record by reference: address, control and data. NULL: no memory
 */
static struct mbuf *
record_peek(struct mbuf *m)
{
	struct mbuf *top = NULL, **mp = &top;

	while (m != NULL) {
		*mp = m_copym(m, 0, m->m_type == MT_DATA ? SIZE_MAX :
		    m->m_len, m->m_flags & M_PKTHDR);
		if (*mp == NULL) {
			m_freem(top);
			return NULL;
		}
		(*mp)->m_type = m->m_type;
		if (m->m_type == MT_DATA)
			break;
		mp = &(*mp)->m_next;
		m = m->m_next;
	}
	return top;
}

static socklen_t
sa_length(int family)
{
	switch (family) {
	case AF_INET:
		return 16;
	case AF_INET6:
		return 28;
	case AF_NETLINK:
		return 12;
	}
	return 0;
}

void
so_record_address(const struct mbuf *m, struct sockaddr_storage *ss,
    socklen_t *lenp)
{
	sa_family_t family;

	if (m->m_type == MT_ADDR) {
		*lenp = MIN(m->m_len, (uint32_t)sizeof(*ss));
		memcpy(ss, m->m_data, *lenp);
		return;
	}
	memcpy(&family, m->m_ph.ph_from, sizeof(family));
	*lenp = sa_length(family);
	memcpy(ss, m->m_ph.ph_from, *lenp);
}

/* A record in its parts, all of them perhaps NULL but the data. */
struct record {
	struct mbuf *r_addr, *r_control, *r_data;
};

static void
record_split(struct mbuf *m, struct record *r)
{
	r->r_addr = r->r_control = NULL;
	if (m->m_type == MT_ADDR) {
		r->r_addr = m;
		m = m->m_next;
		r->r_addr->m_next = NULL;
	}
	if (m != NULL && m->m_type == MT_CONTROL) {
		r->r_control = m;
		m = m->m_next;
		r->r_control->m_next = NULL;
	}
	r->r_data = m;
}

/* Take a record, or look at one; so_lock held. */
static int
record_get(struct socket *so, int flags, struct mbuf **mp)
{
	struct mbuf *m = so->so_rcv.sb_mb;

	if (__likely((flags & MSG_PEEK) == 0)) {
		*mp = sbtakerecord(&so->so_rcv);
		if ((so->so_proto->pr_flags & PR_WANTRCVD) != 0)
			so->so_proto->pr_rcvd(so, m_length(m), flags);
		return 0;
	}
	*mp = record_peek(m);
	return *mp != NULL ? 0 : ENOBUFS;
}

static int
record_copyout(struct record *r, uint32_t off, struct uio *uio, int *flagsp)
{
	const struct mbuf *m = r->r_data;
	size_t len, n;
	int error = 0;

	len = m == NULL ? 0 : (m->m_flags & M_PKTHDR) != 0 ? m->m_ph.ph_len :
	    m_length(m);
	len -= MIN(len, (size_t)off);
	n = MIN(len, uio->uio_resid);
	if (__likely(off == 0 && m != NULL && m->m_len >= n))
		error = uiomove(m->m_data, n, uio);
	else if (n > 0)
		error = m_uiomove_out(m, off, n, uio);
	if (n < len) {
		*flagsp |= MSG_TRUNC;
		uio->uio_offset += (off_t)(len - n);
	}
	if (m != NULL && (m->m_flags & M_EOR) != 0)
		*flagsp |= MSG_EOR;
	return error;
}

/* SO_PEEK_OFF: where the look begins, and moves to. so_lock held. */
static uint32_t
record_peekoff(struct socket *so, int flags, size_t n)
{
	struct soextra *sx = so->so_extra;
	uint32_t off;

	if (sx == NULL || sx->sx_peekoff < 0)
		return 0;
	off = (uint32_t)sx->sx_peekoff;
	if ((flags & MSG_PEEK) != 0)
		sx->sx_peekoff += (int32_t)MIN(n, (size_t)INT32_MAX - off);
	else
		sx->sx_peekoff -= (int32_t)MIN(n, (size_t)off);
	return (flags & MSG_PEEK) != 0 ? off : 0;
}

static int
receive_record(struct socket *so, struct sockaddr_storage *ss,
    socklen_t *lenp, struct uio *uio, struct cmsgbuf *cb, int *flagsp)
{
	int flags = *flagsp, error = 0;
	nstime_t deadline = 0;
	uint32_t off = 0;
	struct mbuf *m = NULL;
	struct record r = { NULL, NULL, NULL };
	bool more;

	netisr_enter();
	mutex_enter(&so->so_lock);
	if (__unlikely(so->so_rcv.sb_mb == NULL)) {
		mutex_exit(&so->so_lock);
		netisr_exit();
		mutex_enter(&so->so_lock);
		error = wait_data(so, 0, flags, &deadline);
		if (error != 0) {
			mutex_exit(&so->so_lock);
			return error == NOTHING ? 0 : error;
		}
		netisr_enter();
	}
	error = record_get(so, flags, &m);
	if (__likely(error == 0)) {
		off = record_peekoff(so, flags, uio->uio_resid);
		record_split(m, &r);
		if (cb != NULL && r.r_data != NULL)
			so_cmsg(so, r.r_data, cb);
	}
	more = so->so_rcv.sb_mb != NULL;
	mutex_exit(&so->so_lock);
	netisr_exit();
	if (more)
		cv_signal(&so->so_rcv.sb_cv);
	if (__unlikely(error != 0))
		return error;
	*flagsp = 0;
	if (ss != NULL && (r.r_addr != NULL || r.r_data != NULL))
		so_record_address(r.r_addr != NULL ? r.r_addr : r.r_data,
		    ss, lenp);
	error = record_copyout(&r, off, uio, flagsp);
	m_freem(r.r_addr);
	if (__unlikely(r.r_control != NULL))
		so_externalize(so, r.r_control, cb, flags);
	m_freem(r.r_data);
	return error;
}

int
soreceive(struct socket *so, struct sockaddr_storage *ss, socklen_t *lenp,
    struct uio *uio, struct cmsgbuf *cb, int *flagsp)
{
	int flags = *flagsp;

	if (lenp != NULL)
		*lenp = 0;
	if (__unlikely((flags & MSG_ERRQUEUE) != 0))
		return soreceive_errq(so, ss, lenp, uio, cb, flagsp);
	/* As on Linux, it means nothing to datagrams. */
	if (__unlikely((flags & MSG_OOB) != 0) &&
	    (so->so_proto->pr_flags & PR_ATOMIC) == 0)
		return receive_oob(so, uio, flagsp);
	if ((so->so_proto->pr_flags & PR_ATOMIC) != 0)
		return receive_record(so, ss, lenp, uio, cb, flagsp);
	*flagsp = 0;
	return receive_stream(so, uio, flags);
}

/* What there is, or EAGAIN. */
static int
take_mbuf(struct socket *so, size_t max, int flags, struct mbuf **mp)
{
	uint32_t n;
	int error = 0;

	netisr_enter();
	mutex_enter(&so->so_lock);
	if (so->so_rcv.sb_mb == NULL) {
		error = why_empty(so);
		if (error == 0)
			error = EAGAIN;
	} else if ((so->so_proto->pr_flags & PR_ATOMIC) != 0) {
		error = record_get(so, flags, mp);
	} else {
		n = until_mark(so, (uint32_t)MIN(max,
		    (size_t)sb_cc(&so->so_rcv)));
		*mp = sbtake(&so->so_rcv, n, &n);
		if (*mp != NULL)
			stream_taken(so, n, flags);
		else
			error = ENOBUFS;
	}
	mutex_exit(&so->so_lock);
	netisr_exit();
	return error;
}

int
soreceive_mbuf(struct socket *so, size_t max, int *flagsp, struct mbuf **mp)
{
	int flags = *flagsp, error;
	nstime_t deadline = 0;

	*mp = NULL;
	while ((error = take_mbuf(so, max, flags, mp)) == EAGAIN &&
	    !so_nonblock(so, flags)) {
		mutex_enter(&so->so_lock);
		error = wait_data(so, 0, flags, &deadline);
		mutex_exit(&so->so_lock);
		if (error != 0)
			break;
	}
	return error == NOTHING ? 0 : error;
}
