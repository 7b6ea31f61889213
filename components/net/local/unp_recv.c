/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * AF_UNIX: receiving. unp_rcvlock makes the caller the only one who takes from the
 * queue; so a record may be copied out without so_lock, while others append.
 */
#include <linux/time_types.h>

#include "local.h"

/* Its charge goes back; a sender that waits for room goes on at the half. */
static void
uncharge(struct socket *sender, uint32_t cost)
{
	uint32_t had, half;

	had = atomic_fetch_sub_explicit(&sender->so_snd.sb_cc, cost,
	    memory_order_acq_rel);
	half = __atomic_load_n(&sender->so_snd.sb_hiwat, __ATOMIC_RELAXED) / 2;
	if (had > half && had - cost <= half) {
		mutex_enter(&sender->so_lock);
		if (sender->so_pcb != NULL)
			sowwakeup(sender);
		mutex_exit(&sender->so_lock);
	}
}

void
unp_free_records(struct mbuf *m)
{
	struct mbuf *next;
	struct unmsg *um;

	for (; m != NULL; m = next) {
		next = m->m_nextpkt;
		um = unp_msg(m);
		uncharge(um->um_sender, um->um_cost);
		so_rele(um->um_sender);
		unname_rele(um->um_from);
		if (um->um_rights != NULL) {
			unp_gc_leave(um->um_rights);
			unrights_free(um->um_rights);
		}
		m_freem(m);
	}
}

/* Take the first record off; so_lock held. */
static struct mbuf *
record_remove(struct socket *so)
{
	struct sockbuf *sb = &so->so_rcv;
	struct mbuf *m = sb->sb_mb;

	sb->sb_mb = m->m_nextpkt;
	if (sb->sb_mb == NULL)
		sb->sb_mbtail = NULL;
	m->m_nextpkt = NULL;
	sb->sb_mbcnt -= unp_msg(m)->um_cost;
	atomic_store_explicit(&sb->sb_cc, sb_cc(sb) - m->m_ph.ph_len,
	    memory_order_relaxed);
	return m;
}

/* Wait for a record; so_lock held. @return 0 with sb_mb NULL: the end */
static int
wait_record(struct socket *so, int flags, nstime_t deadline)
{
	struct sockbuf *sb = &so->so_rcv;
	int error;

	for (;;) {
		if (sb->sb_mb != NULL)
			return 0;
		if (atomic_load_explicit(&so->so_error,
		    memory_order_relaxed) != 0) {
			error = atomic_exchange(&so->so_error, 0);
			if (error != 0)
				return error;
		}
		if (so_is(so, SS_CANTRCVMORE))
			return 0;
		if (!unp_is_dgram(so) && !so_is(so, SS_ISCONNECTED))
			return so->so_type == SOCK_STREAM ? EINVAL : ENOTCONN;
		error = unp_wait(so, sb, flags, deadline);
		if (error != 0)
			return error;
	}
}

/* ---- Control messages ---------------------------------------------------- */

static void
put_stamp(struct socket *so, nstime_t when, struct cmsgbuf *cb)
{
	struct __kernel_timespec ts = { when / NS_PER_SEC,
	    when % NS_PER_SEC };
	struct __kernel_sock_timeval tv = { ts.tv_sec, ts.tv_nsec / 1000 };
	bool newer = (so->so_options & SOO_TSNEW) != 0;

	/* On 64-bit machines the old and the new layouts are the same. */
	if ((so->so_options & SOO_TIMESTAMPNS) != 0)
		cmsg_put(cb, SOL_SOCKET, newer ? SO_TIMESTAMPNS_NEW :
		    SO_TIMESTAMPNS_OLD, &ts, sizeof(ts));
	else if ((so->so_options & SOO_TIMESTAMP) != 0)
		cmsg_put(cb, SOL_SOCKET, newer ? SO_TIMESTAMP_NEW :
		    SO_TIMESTAMP_OLD, &tv, sizeof(tv));
}

/* What goes with a record; no lock is held. The rights are given, or copied. */
static int
put_control(struct socket *so, struct mbuf *m, struct cmsgbuf *cb, int flags)
{
	struct unmsg *um = unp_msg(m);
	struct unrights *ur = um->um_rights;

	if ((m->m_ph.ph_flags & MP_TSTAMP) != 0)
		put_stamp(so, m->m_ph.ph_tstamp, cb);
	if ((so->so_options & SOO_PASSCRED) != 0)
		cmsg_put(cb, SOL_SOCKET, SCM_CREDENTIALS, &um->um_cred,
		    sizeof(um->um_cred));
	if (ur == NULL)
		return 0;
	if ((flags & MSG_PEEK) != 0) {
		ur = unrights_dup(ur);
		if (ur == NULL)
			return ENOMEM;
	} else {
		um->um_rights = NULL;
		unp_gc_leave(ur);
	}
	unp_externalize(ur, cb, flags);
	return 0;
}

/* ---- Records ------------------------------------------------------------- */

/* One whole record: SOCK_DGRAM, SOCK_SEQPACKET. unp_rcvlock held. */
static int
receive_record(struct socket *so, struct sockaddr_storage *ss,
    socklen_t *lenp, struct uio *uio, struct cmsgbuf *cb, int *flagsp)
{
	nstime_t deadline = unp_deadline(&so->so_rcv);
	size_t had = uio->uio_resid, len;
	int error, flags = *flagsp;
	struct mbuf *m;

	mutex_enter(&so->so_lock);
	error = wait_record(so, flags, deadline);
	m = error == 0 ? so->so_rcv.sb_mb : NULL;
	if (m != NULL && (flags & MSG_PEEK) == 0)
		record_remove(so);
	mutex_exit(&so->so_lock);
	*flagsp = 0;
	if (m == NULL)
		return error;
	len = m->m_ph.ph_len;
	error = m_uiomove_out(m, 0, len, uio);
	if (ss != NULL && unp_is_dgram(so))
		unname_copy(unp_msg(m)->um_from, ss, lenp);
	if (error == 0)
		error = put_control(so, m, cb, flags);
	if (len > had)
		*flagsp |= MSG_TRUNC;
	uio->uio_offset = (off_t)len;
	if ((flags & MSG_PEEK) == 0)
		unp_free_records(m);
	return error;
}

/* ---- Streams --------------------------------------------------------------- */

static bool
is_same_sender(const struct mbuf *a, const struct ucred *b)
{
	return memcmp(&unp_msg(a)->um_cred, b, sizeof(*b)) == 0;
}

/* n bytes of the first record were read; so_lock held. @return what to free */
static struct mbuf *
stream_consume(struct socket *so, struct mbuf *m, size_t n)
{
	struct sockbuf *sb = &so->so_rcv;

	if (n == m->m_ph.ph_len)
		return record_remove(so);
	/* The head mbuf, with the header in front, stays. */
	m_adj(m, (ssize_t)n);
	atomic_store_explicit(&sb->sb_cc, sb_cc(sb) - (uint32_t)n,
	    memory_order_relaxed);
	return NULL;
}

/*
 * How a read of a stream goes on.
 */
struct stream_read {
	struct mbuf *sr_next;		/* MSG_PEEK: the next record */
	size_t sr_skip;			/* MSG_PEEK: bytes before it (SO_PEEK_OFF) */
	struct ucred sr_cred;
	size_t sr_done;
	bool sr_stop;			/* nothing may be joined any more */
};

/* The record to read from; NULL: none. so_lock held. */
static struct mbuf *
stream_next(struct socket *so, struct stream_read *sr, int flags)
{
	struct mbuf *m;

	if ((flags & MSG_PEEK) == 0)
		return so->so_rcv.sb_mb;
	m = sr->sr_next != NULL ? sr->sr_next->m_nextpkt : so->so_rcv.sb_mb;
	while (m != NULL && sr->sr_skip >= m->m_ph.ph_len) {
		sr->sr_skip -= m->m_ph.ph_len;
		m = m->m_nextpkt;
	}
	return m;
}

/* May this record be read together with what was read before? */
static bool
stream_joins(struct socket *so, const struct stream_read *sr,
    const struct mbuf *m)
{
	if (sr->sr_done == 0)
		return true;
	if (sr->sr_stop)
		return false;
	return (so->so_options & SOO_PASSCRED) == 0 ||
	    is_same_sender(m, &sr->sr_cred);
}

/* From one record; no lock but unp_rcvlock. */
static int
stream_record(struct socket *so, struct stream_read *sr, struct mbuf *m,
    struct uio *uio, struct cmsgbuf *cb, int flags)
{
	size_t n, skip = 0;
	struct mbuf *used = NULL;
	int error;

	if ((flags & MSG_PEEK) != 0) {
		skip = sr->sr_skip;
		sr->sr_skip = 0;
		sr->sr_next = m;
	}
	n = MIN(uio->uio_resid, m->m_ph.ph_len - skip);
	error = m_uiomove_out(m, skip, n, uio);
	if (error != 0)
		return error;
	if (sr->sr_done == 0)
		sr->sr_cred = unp_msg(m)->um_cred;
	if (unp_msg(m)->um_rights != NULL || (sr->sr_done == 0 &&
	    (cb->cb_buf != NULL))) {
		sr->sr_stop = unp_msg(m)->um_rights != NULL;
		error = put_control(so, m, cb, flags);
	}
	sr->sr_done += n;
	if ((flags & MSG_PEEK) == 0) {
		mutex_enter(&so->so_lock);
		used = stream_consume(so, m, n);
		mutex_exit(&so->so_lock);
		unp_free_records(used);
	}
	return error;
}

static size_t
peek_offset(struct socket *so, int flags)
{
	if ((flags & MSG_PEEK) == 0 || so->so_extra == NULL ||
	    so->so_extra->sx_peekoff < 0)
		return 0;
	return (size_t)so->so_extra->sx_peekoff;
}

static void
move_peek_offset(struct socket *so, size_t n, int flags)
{
	struct soextra *sx = so->so_extra;

	if (sx == NULL || sx->sx_peekoff < 0)
		return;
	if ((flags & MSG_PEEK) != 0)
		sx->sx_peekoff += (int32_t)n;
	else
		sx->sx_peekoff = MAX(sx->sx_peekoff - (int32_t)n, 0);
}

static int
receive_stream(struct socket *so, struct uio *uio, struct cmsgbuf *cb,
    int *flagsp)
{
	nstime_t deadline = unp_deadline(&so->so_rcv);
	struct stream_read sr = { .sr_done = 0 };
	int error = 0, flags = *flagsp;
	size_t want;
	struct mbuf *m;

	*flagsp = 0;
	mutex_enter(&so->so_lock);
	sr.sr_skip = peek_offset(so, flags);
	want = (flags & MSG_WAITALL) != 0 ? uio->uio_resid :
	    MIN(uio->uio_resid, so->so_rcv.sb_lowat);
	while (error == 0 && uio->uio_resid > 0) {
		m = stream_next(so, &sr, flags);
		if (m != NULL) {
			if (!stream_joins(so, &sr, m))
				break;
			mutex_exit(&so->so_lock);
			error = stream_record(so, &sr, m, uio, cb, flags);
			mutex_enter(&so->so_lock);
			continue;
		}
		if (sr.sr_done >= want && sr.sr_done > 0)
			break;
		if (sr.sr_done > 0 && (so_is(so, SS_CANTRCVMORE) ||
		    atomic_load(&so->so_error) != 0 ||
		    (flags & MSG_PEEK) != 0))
			break;
		if ((flags & MSG_PEEK) != 0 && so->so_rcv.sb_mb != NULL) {
			/* SO_PEEK_OFF is behind all there is. */
			if (so_is(so, SS_CANTRCVMORE))
				break;
			error = unp_wait(so, &so->so_rcv, flags, deadline);
			continue;
		}
		error = wait_record(so, flags, deadline);
		if (error == 0 && so->so_rcv.sb_mb == NULL)
			break;
	}
	move_peek_offset(so, sr.sr_done, flags);
	mutex_exit(&so->so_lock);
	return sr.sr_done > 0 ? 0 : error;
}

int
unp_soreceive(struct socket *so, struct sockaddr_storage *ss, socklen_t *lenp,
    struct uio *uio, struct cmsgbuf *cb, int *flagsp)
{
	struct cmsgbuf none = { .cb_buf = NULL };
	struct socket *peer;
	int error;

	if ((*flagsp & MSG_OOB) != 0)
		return EOPNOTSUPP;
	if (cb == NULL)
		cb = &none;
	if (lenp != NULL)
		*lenp = 0;
	mutex_enter(&sotounpcb(so)->unp_rcvlock);
	if (so->so_type != SOCK_STREAM) {
		error = receive_record(so, ss, lenp, uio, cb, flagsp);
	} else {
		error = receive_stream(so, uio, cb, flagsp);
	}
	mutex_exit(&sotounpcb(so)->unp_rcvlock);
	if (ss == NULL || unp_is_dgram(so) || error != 0)
		return error;
	peer = unp_peer(sotounpcb(so));
	if (peer != NULL) {
		epoch_enter();
		if (peer->so_pcb != NULL)
			unname_copy(atomic_load(&sotounpcb(peer)->unp_name),
			    ss, lenp);
		epoch_exit();
		so_rele(peer);
	}
	return 0;
}
