/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TIME-WAIT: what comes after the end (RFC 9293 3.6.1, 3.10.7.4; RFC 6191).
 */
#include "tcp_var.h"

int
tcp_tw_create(struct tcp_vnet *tv)
{
	atomic_init(&tv->tv_timewait, 0);
	return 0;
}

void
tcp_tw_destroy(struct tcp_vnet *tv __maybe_unused)
{
}

static nstime_t
duration(const struct tcpcb *tp)
{
	return (nstime_t)tcp_conf(tcp_vn(tp), TCPC_tw_timeout) * NS_PER_SEC;
}

void
tcp_tw_start(struct tcpcb *tp, nstime_t now)
{
	struct tcp_vnet *tv = tcp_vnet(tcp_vn(tp));

	if (atomic_load_explicit(&tv->tv_timewait, memory_order_relaxed) >=
	    tcp_conf(tcp_vn(tp), TCPC_max_tw_buckets)) {
		tcp_close(tp);
		return;
	}
	atomic_fetch_add_explicit(&tv->tv_timewait, 1, memory_order_relaxed);
	tcp_timer_stop(tp);
	tp->t_state = TCPS_TIME_WAIT;
	soisdisconnected(tcp_so(tp));
	tcp_timer_set(tp, TT_KEEP, now + duration(tp));
}

/* RFC 9293 3.10.7.4: a new incarnation, if it is surely new (RFC 6191). */
static bool
is_new(const struct tcpcb *tp, const struct tcp_seg *sg)
{
	if ((sg->sg_flags & (TH_SYN | TH_ACK | TH_RST)) != TH_SYN)
		return false;
	if ((sg->sg_opts & TO_TSTMP) != 0 && (tp->t_flags & TF_TSTMP) != 0 &&
	    sg->sg_tsval != tp->ts_recent)
		return seq_gt(sg->sg_tsval, tp->ts_recent);
	return seq_gt(sg->sg_seq, tp->rcv_nxt);
}

bool
tcp_tw_input(struct tcpcb *tp, struct tcp_seg *sg)
{
	if (is_new(tp, sg)) {
		tcp_close(tp);
		return true;
	}
	if ((sg->sg_flags & TH_RST) != 0) {
		if (sg->sg_seq == tp->rcv_nxt)
			tcp_close(tp);
		return false;
	}
	if ((sg->sg_flags & TH_FIN) != 0)
		tcp_timer_set(tp, TT_KEEP, sg->sg_now + duration(tp));
	/* The last acknowledgement was lost, or this one is old. */
	if (sg->sg_len != 0 || (sg->sg_flags & (TH_FIN | TH_SYN)) != 0 ||
	    sg->sg_seq != tp->rcv_nxt)
		tcp_challenge(tp, sg->sg_now);
	return false;
}
