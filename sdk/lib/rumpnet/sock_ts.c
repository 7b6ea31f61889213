/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Time stamps: SO_TIMESTAMP, SO_TIMESTAMPNS, and the software part of
 * SO_TIMESTAMPING. so_lock is held.
 *
 * The old and the new layouts are one where long has 64 bits; only the names of
 * the messages differ.
 */
#include <kern/time.h>

#include <linux/errqueue.h>
#include <linux/net_tstamp.h>

#include "sock_impl.h"

static void
put_timeval(const struct socket *so, nstime_t t, struct cmsgbuf *cb)
{
	struct __kernel_sock_timeval tv = { .tv_sec = t / NS_PER_SEC,
		.tv_usec = t % NS_PER_SEC / NS_PER_US };

	cmsg_put(cb, SOL_SOCKET, (so->so_options & SOO_TSNEW) != 0 ?
	    SO_TIMESTAMP_NEW : SO_TIMESTAMP_OLD, &tv, sizeof(tv));
}

static void
put_timespec(const struct socket *so, nstime_t t, struct cmsgbuf *cb)
{
	struct timespec ts = ns_to_timespec(t);

	cmsg_put(cb, SOL_SOCKET, (so->so_options & SOO_TSNEW) != 0 ?
	    SO_TIMESTAMPNS_NEW : SO_TIMESTAMPNS_OLD, &ts, sizeof(ts));
}

static bool
wants_rx(const struct soextra *sx)
{
	uint32_t both = SOF_TIMESTAMPING_RX_SOFTWARE |
	    SOF_TIMESTAMPING_SOFTWARE;

	return sx != NULL && (sx->sx_tsflags & both) == both;
}

void
so_ts_cmsg(struct socket *so, const struct mbuf *m, struct cmsgbuf *cb)
{
	struct scm_timestamping tss = { .ts = { { 0, 0 } } };
	const struct soextra *sx = so->so_extra;
	nstime_t t;

	if ((so->so_options & (SOO_TIMESTAMP | SOO_TIMESTAMPNS)) == 0 &&
	    !wants_rx(sx))
		return;
	/* Nobody stamped it on its way: it is as new as it can be. */
	t = (m->m_flags & M_PKTHDR) != 0 &&
	    (m->m_ph.ph_flags & MP_TSTAMP) != 0 ? m->m_ph.ph_tstamp :
	    real_now();
	if ((so->so_options & SOO_TIMESTAMP) != 0)
		put_timeval(so, t, cb);
	else if ((so->so_options & SOO_TIMESTAMPNS) != 0)
		put_timespec(so, t, cb);
	if (wants_rx(sx)) {
		tss.ts[0] = ns_to_timespec(t);
		cmsg_put(cb, SOL_SOCKET, SO_TIMESTAMPING, &tss, sizeof(tss));
	}
}

/* Which of what was sent a stamp is of: a packet, or a stream's last byte. */
static uint32_t
next_key(const struct socket *so, struct soextra *sx, size_t n)
{
	uint32_t key;

	if ((so->so_proto->pr_flags & PR_ATOMIC) != 0)
		return sx->sx_tskey++;
	key = sx->sx_tskey + (uint32_t)n - 1;
	sx->sx_tskey += (uint32_t)n;
	return key;
}

void
so_ts_sent(struct socket *so, struct mbuf *copy, size_t n)
{
	struct scm_timestamping tss = { .ts = { { 0, 0 } } };
	struct sock_extended_err ee = {
		.ee_errno = ENOMSG,
		.ee_origin = SO_EE_ORIGIN_TIMESTAMPING,
		.ee_info = SCM_TSTAMP_SND,
	};
	struct soextra *sx = so->so_extra;

	if ((sx->sx_tsflags & SOF_TIMESTAMPING_OPT_ID) != 0)
		ee.ee_data = next_key(so, sx, n);
	if ((sx->sx_tsflags & SOF_TIMESTAMPING_SOFTWARE) == 0) {
		m_freem(copy);
		return;
	}
	if (copy == NULL)
		copy = m_gethdr(MT_DATA);
	if (copy == NULL)
		return;
	tss.ts[0] = ns_to_timespec(real_now());
	so_errq_put(so, copy, &ee, NULL, 0, &tss);
}
