/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The error queue: what recvmsg(2) gives with MSG_ERRQUEUE.
 *
 * A record is what was sent (its ph_from: where to), with the messages about it
 * in an MT_CONTROL in front.
 */
#include <kern/time.h>

#include <linux/errqueue.h>
#include <linux/in.h>
#include <linux/in6.h>

#include "sock_impl.h"

#define ERRQ_MAX	1024		/* records */
#define OFFENDER_MAX	sizeof(struct sockaddr_in6)

/* The message that tells of an error, as the family names it. */
static void
put_err(struct socket *so, struct cmsgbuf *cb,
    const struct sock_extended_err *ee, const struct sockaddr *offender,
    socklen_t len)
{
	uint8_t data[sizeof(*ee) + OFFENDER_MAX];
	bool six = so->so_family == AF_INET6;
	size_t n = six ? sizeof(struct sockaddr_in6) :
	    sizeof(struct sockaddr_in);

	memset(data, 0, sizeof(data));
	memcpy(data, ee, sizeof(*ee));
	if (offender != NULL)
		memcpy(data + sizeof(*ee), offender, MIN((size_t)len, n));
	cmsg_put(cb, six ? SOL_IPV6 : SOL_IP, six ? IPV6_RECVERR : IP_RECVERR,
	    data, sizeof(*ee) + n);
}

static void
append(struct soextra *sx, struct mbuf *m)
{
	m->m_nextpkt = NULL;
	*sx->sx_errqtail = m;
	sx->sx_errqtail = &m->m_nextpkt;
	sx->sx_errcnt++;
}

void
so_errq_put(struct socket *so, struct mbuf *m,
    const struct sock_extended_err *ee, const struct sockaddr *offender,
    socklen_t len, const struct scm_timestamping *ts)
{
	struct soextra *sx = so_extra(so);
	struct mbuf *control;
	struct cmsgbuf cb;

	KASSERT(mutex_owned(&so->so_lock));
	control = m_getcl(CMSG_SPACE(sizeof(*ee) + OFFENDER_MAX) +
	    CMSG_SPACE(sizeof(*ts)), 0);
	if (sx == NULL || control == NULL || sx->sx_errcnt >= ERRQ_MAX) {
		m_freem(control);
		m_freem(m);
		return;
	}
	control->m_type = MT_CONTROL;
	cb = (struct cmsgbuf){ .cb_buf = control->m_data,
		.cb_size = m_size(control) };
	if (ts != NULL)
		cmsg_put(&cb, SOL_SOCKET, SO_TIMESTAMPING, ts, sizeof(*ts));
	put_err(so, &cb, ee, offender, len);
	control->m_len = (uint32_t)cb.cb_len;
	control->m_next = m;
	append(sx, control);
	so_notify(so, POLLERR | ((so->so_options & SOO_SELECTERR) != 0 ?
	    POLLPRI : 0));
}

void
soerrqueue(struct socket *so, struct mbuf *m,
    const struct sock_extended_err *ee, const struct sockaddr *offender,
    socklen_t len)
{
	so_errq_put(so, m, ee, offender, len, NULL);
}

/* Of the last record, which is about nothing but zero-copy sends. */
static bool
extend(struct soextra *sx, uint32_t id, uint8_t code)
{
	struct sock_extended_err ee;
	struct mbuf *m = sx->sx_errq;
	struct cmsghdr ch;
	const uint8_t *data;
	size_t off = 0, n;

	if (m == NULL)
		return false;
	while (m->m_nextpkt != NULL)
		m = m->m_nextpkt;
	if (!cmsg_next(m, &off, &ch, &data, &n) || n < sizeof(ee))
		return false;
	memcpy(&ee, data, sizeof(ee));
	if (ee.ee_origin != SO_EE_ORIGIN_ZEROCOPY || ee.ee_code != code ||
	    ee.ee_data + 1 != id)
		return false;
	ee.ee_data = id;
	memcpy(m->m_data + (data - m->m_data), &ee, sizeof(ee));
	return true;
}

void
so_errq_zerocopy(struct socket *so, uint32_t id, bool copied)
{
	struct sock_extended_err ee = {
		.ee_origin = SO_EE_ORIGIN_ZEROCOPY,
		.ee_code = copied ? SO_EE_CODE_ZEROCOPY_COPIED : 0,
		.ee_info = id,
		.ee_data = id,
	};
	struct soextra *sx = so_extra(so);
	struct mbuf *m;

	if (sx == NULL || extend(sx, id, ee.ee_code))
		return;
	m = m_gethdr(MT_DATA);
	if (m != NULL)
		so_errq_put(so, m, &ee, NULL, 0, NULL);
}

/* What the record's first mbuf holds goes to the caller as it is. */
static void
give_control(const struct mbuf *control, struct cmsgbuf *cb)
{
	struct cmsghdr ch;
	const uint8_t *data;
	size_t off = 0, n;

	while (cmsg_next(control, &off, &ch, &data, &n))
		cmsg_put(cb, ch.cmsg_level, ch.cmsg_type, data, n);
}

int
soreceive_errq(struct socket *so, struct sockaddr_storage *ss,
    socklen_t *lenp, struct uio *uio, struct cmsgbuf *cb, int *flagsp)
{
	struct soextra *sx;
	struct mbuf *m = NULL;
	size_t n;
	int error;

	mutex_enter(&so->so_lock);
	sx = so->so_extra;
	if (sx != NULL && (m = sx->sx_errq) != NULL) {
		sx->sx_errq = m->m_nextpkt;
		if (sx->sx_errq == NULL)
			sx->sx_errqtail = &sx->sx_errq;
		sx->sx_errcnt--;
	}
	mutex_exit(&so->so_lock);
	if (m == NULL) {
		error = so_takeerror(so);
		return error != 0 ? error : EAGAIN;
	}
	if (cb != NULL)
		give_control(m, cb);
	m = m_free(m);
	*flagsp = MSG_ERRQUEUE;
	if (ss != NULL && lenp != NULL && (m->m_flags & M_PKTHDR) != 0)
		so_record_address(m, ss, lenp);
	n = m_length(m);
	error = m_uiomove_out(m, 0, n, uio);
	if (n > uio->uio_resid && uio->uio_offset < (off_t)n) {
		*flagsp |= MSG_TRUNC;
		uio->uio_offset = (off_t)n;
	}
	m_freem(m);
	return error;
}
