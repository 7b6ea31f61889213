/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Timers: one callout a connection, at or before its earliest deadline.
 *
 * Moving a deadline is a store. The callout is set only to run earlier than it
 * would; when it runs before something is due, it sets itself anew.
 *
 * RFC 6298 (retransmission), RFC 9293 3.8.4 (keep-alive), 3.8.6.1 (zero window),
 * RFC 5482 (user timeout, as tcp(7) has it), RFC 8985 (RACK, TLP).
 */
#include "tcp_cc.h"

static void tcp_timer(void *arg);

void
tcp_timer_init(struct tcpcb *tp)
{
	int i;

	for (i = 0; i < TT_COUNT; i++)
		tp->t_deadline[i] = NSTIME_FOREVER;
	tp->t_armed = NSTIME_FOREVER;
	callout_init(&tp->t_callout, tcp_timer, tp);
}

void
tcp_timer_set(struct tcpcb *tp, enum tcp_timer which, nstime_t deadline)
{
	tp->t_deadline[which] = deadline;
	if (__likely(deadline >= tp->t_armed))
		return;
	tp->t_armed = deadline;
	callout_schedule(&tp->t_callout, deadline);
}

void
tcp_timer_stop(struct tcpcb *tp)
{
	int i;

	for (i = 0; i < TT_COUNT; i++)
		tp->t_deadline[i] = NSTIME_FOREVER;
	tp->t_rexmt = TR_NONE;
	if (tp->t_armed != NSTIME_FOREVER)
		(void)callout_stop(&tp->t_callout);
	tp->t_armed = NSTIME_FOREVER;
}

/* ---- What is to happen when ---------------------------------------------------- */

static void
rexmt_arm(struct tcpcb *tp, enum tcp_rexmt kind, nstime_t deadline)
{
	tp->t_rexmt = (uint8_t)kind;
	tcp_timer_set(tp, TT_REXMT, deadline);
}

static nstime_t
backed_off(const struct tcpcb *tp, unsigned shift)
{
	nstime_t rto = tp->t_rto;

	while (shift-- > 0 && rto < TCP_RTO_MAX)
		rto *= 2;
	return MIN(rto, TCP_RTO_MAX);
}

/* tcp(7) TCP_USER_TIMEOUT: a time-out is not later than that. */
static nstime_t
user_limit(const struct tcpcb *tp, nstime_t deadline)
{
	nstime_t end;

	if (__likely(tp->t_utimeout == 0))
		return deadline;
	end = tp->t_start + (nstime_t)tp->t_utimeout * NS_PER_MS;
	return MIN(deadline, end);
}

static bool
user_timeout(const struct tcpcb *tp, nstime_t now)
{
	return tp->t_utimeout != 0 &&
	    now - tp->t_start >= (nstime_t)tp->t_utimeout * NS_PER_MS;
}

static void
persist_set(struct tcpcb *tp, nstime_t now)
{
	if (tp->t_rexmt == TR_PERSIST)
		return;
	if (tp->t_persists == 0)
		tp->t_start = now;
	rexmt_arm(tp, TR_PERSIST, user_limit(tp, now + backed_off(tp,
	    tp->t_persists)));
}

void
tcp_rexmt_set(struct tcpcb *tp, nstime_t now)
{
	nstime_t rto, other;

	if (tp->snd_una == tp->snd_nxt) {
		if (tcp_in(tp, TCPM_SENDING) && tp->snd_wnd <
		    sb_cc(&tcp_so(tp)->so_snd) &&
		    tp->t_deadline[TT_PACE] == NSTIME_FOREVER) {
			persist_set(tp, now);
		} else {
			tp->t_rexmt = TR_NONE;
			tcp_timer_clear(tp, TT_REXMT);
		}
		return;
	}
	/* RFC 6298 5.1, 5.3: from the first transmission or last news on. */
	if (tp->t_rearm == 1 && tp->t_rexmt != TR_NONE &&
	    tp->t_rexmt != TR_TLP)
		return;
	rto = user_limit(tp, now + backed_off(tp, tp->t_shift));
	if (__unlikely(tp->t_sacked != 0 || tp->t_ca != TCP_CA_Open)) {
		other = tcp_rack_next(tp);
		if (other < rto) {
			rexmt_arm(tp, TR_REO, MAX(other, now));
			return;
		}
	} else if ((other = tcp_tlp_next(tp, now)) != NSTIME_FOREVER) {
		/* RFC 8985 7.2: not after the time-out, but instead of it. */
		rexmt_arm(tp, TR_TLP, MIN(other, rto));
		return;
	}
	rexmt_arm(tp, TR_RTO, rto);
}

nstime_t
tcp_keepidle_of(const struct tcpcb *tp)
{
	return (tp->t_keepidle != 0 ? (nstime_t)tp->t_keepidle :
	    (nstime_t)tcp_conf(tcp_vn(tp), TCPC_keepalive_time)) * NS_PER_SEC;
}

static nstime_t
keepintvl_of(const struct tcpcb *tp)
{
	return (tp->t_keepintvl != 0 ? (nstime_t)tp->t_keepintvl :
	    (nstime_t)tcp_conf(tcp_vn(tp), TCPC_keepalive_intvl)) * NS_PER_SEC;
}

void
tcp_keep_set(struct tcpcb *tp, nstime_t now)
{
	if (tcp_in(tp, TCPM(TCPS_TIME_WAIT) | TCPM(TCPS_LISTEN) |
	    TCPM(TCPS_CLOSED)) || (tp->t_state == TCPS_FIN_WAIT_2 &&
	    (tp->t_flags & TF_ORPHAN) != 0))
		return;
	if ((tcp_so(tp)->so_options & SOO_KEEPALIVE) != 0)
		tcp_timer_set(tp, TT_KEEP, now + tcp_keepidle_of(tp));
	else
		tcp_timer_clear(tp, TT_KEEP);
}

void
tcp_finwait2(struct tcpcb *tp, nstime_t now)
{
	nstime_t limit = tp->t_linger2 > 0 ? tp->t_linger2 :
	    (nstime_t)tcp_conf(tcp_vn(tp), TCPC_fin_timeout);

	if ((tp->t_flags & TF_ORPHAN) == 0)
		return;
	if (tp->t_linger2 < 0) {
		tcp_send_rst(tp);
		tcp_close(tp);
	} else {
		tcp_timer_set(tp, TT_KEEP, now + limit * NS_PER_SEC);
	}
}

/* ---- What happens ----------------------------------------------------------------- */

static void
timed_out(struct tcpcb *tp)
{
	int error = tcp_so(tp)->so_softerror;

	TCP_COUNT(tcp_vn(tp), timeouts);
	tcp_drop(tp, error != 0 ? error : ETIMEDOUT);
}

static unsigned
rexmt_limit(const struct tcpcb *tp)
{
	struct vnet *vn = tcp_vn(tp);

	if (tp->t_state == TCPS_SYN_SENT)
		return tp->t_syncnt != 0 ? tp->t_syncnt :
		    (unsigned)tcp_conf(vn, TCPC_syn_retries);
	if (tp->t_state == TCPS_SYN_RECEIVED)
		return (unsigned)tcp_conf(vn, TCPC_synack_retries);
	if ((tp->t_flags & TF_ORPHAN) != 0)
		return (unsigned)tcp_conf(vn, TCPC_orphan_retries);
	return (unsigned)tcp_conf(vn, TCPC_retries2);
}

/* RFC 6298 5.4 to 5.7. */
static void
rto_expired(struct tcpcb *tp, nstime_t now)
{
	struct tcp_sent *ts = tcp_sent_first(tp);

	if (ts == NULL)
		return;
	if (tp->t_shift >= rexmt_limit(tp) || user_timeout(tp, now)) {
		timed_out(tp);
		return;
	}
	TCP_COUNT(tcp_vn(tp), rtos);
	tp->t_shift++;
	if (tcp_in(tp, TCPM(TCPS_SYN_SENT) | TCPM(TCPS_SYN_RECEIVED))) {
		/* 5.7, RFC 5681 3.1: the handshake lost one. */
		(void)tcp_retransmit_one(tp, ts, 1, now);
		tp->t_cwnd = tcp_mss(tp);
		tcp_rexmt_set(tp, now);
		return;
	}
	tcp_mss_blackhole(tp);
	tcp_enter_loss(tp, now);
	(void)tcp_retransmit_one(tp, ts, tcp_mss(tp), now);
	tcp_rexmt_set(tp, now);
}

/* RFC 9293 3.8.6.1. */
static void
persist_expired(struct tcpcb *tp, nstime_t now)
{
	tp->t_rexmt = TR_NONE;
	if (((tp->t_flags & TF_ORPHAN) != 0 &&
	    tp->t_persists >= rexmt_limit(tp)) || user_timeout(tp, now)) {
		timed_out(tp);
		return;
	}
	if (tp->t_persists < UINT8_MAX)
		tp->t_persists++;
	/* A window that is small, but there: what fits. */
	if (tp->snd_wnd != 0) {
		tp->t_flags |= TF_FORCE;
		(void)tcp_output(tp, now);
		if (tp->snd_una != tp->snd_nxt)
			return;
	} else {
		tcp_send_probe(tp, now);
	}
	tcp_rexmt_set(tp, now);
}

static void
rexmt_expired(struct tcpcb *tp, nstime_t now)
{
	enum tcp_rexmt kind = tp->t_rexmt;

	tp->t_rexmt = TR_NONE;
	switch (kind) {
	case TR_RTO:
		rto_expired(tp, now);
		break;
	case TR_TLP:
		tcp_tlp_timeout(tp, now);
		tcp_rexmt_set(tp, now);
		break;
	case TR_REO:
		tcp_rack_timeout(tp, now);
		(void)tcp_output(tp, now);
		break;
	case TR_PERSIST:
		persist_expired(tp, now);
		break;
	case TR_NONE:
		break;
	}
}

static void
keep_probe(struct tcpcb *tp, nstime_t now)
{
	unsigned limit = tp->t_keepcnt != 0 ? tp->t_keepcnt :
	    (unsigned)tcp_conf(tcp_vn(tp), TCPC_keepalive_probes);
	nstime_t heard = MAX(tp->t_rcvtime, tp->t_acktime);
	nstime_t due = heard + tcp_keepidle_of(tp);

	if ((tcp_so(tp)->so_options & SOO_KEEPALIVE) == 0)
		return;
	if (now < due && tp->t_keepprobes == 0) {
		tcp_timer_set(tp, TT_KEEP, due);
		return;
	}
	/* What is unacknowledged is a probe already. */
	if (tp->snd_una == tp->snd_nxt) {
		if (tp->t_keepprobes >= limit || (tp->t_utimeout != 0 &&
		    tp->t_keepprobes > 0 && now - heard >=
		    (nstime_t)tp->t_utimeout * NS_PER_MS)) {
			tcp_send_rst(tp);
			timed_out(tp);
			return;
		}
		tp->t_keepprobes++;
		tcp_send_probe(tp, now);
	}
	tcp_timer_set(tp, TT_KEEP, now + keepintvl_of(tp));
}

static void
keep_expired(struct tcpcb *tp, nstime_t now)
{
	switch (tp->t_state) {
	case TCPS_TIME_WAIT:
		tcp_close(tp);
		break;
	case TCPS_FIN_WAIT_2:
		if ((tp->t_flags & TF_ORPHAN) != 0) {
			tcp_close(tp);
			break;
		}
		/* FALLTHROUGH */
	default:
		keep_probe(tp, now);
		break;
	}
}

static void
expire(struct tcpcb *tp, enum tcp_timer which, nstime_t now)
{
	tcp_timer_clear(tp, which);
	switch (which) {
	case TT_REXMT:
		rexmt_expired(tp, now);
		break;
	case TT_DELACK:
		tcp_send_ack(tp, now);
		break;
	case TT_KEEP:
		keep_expired(tp, now);
		break;
	case TT_PACE:
		tp->t_flags |= tp->t_pacing == 0 ? TF_FORCE : 0;
		(void)tcp_output(tp, now);
		break;
	case TT_COUNT:
		break;
	}
}

static void
tcp_timer(void *arg)
{
	struct tcpcb *tp = arg;
	nstime_t now, next = NSTIME_FOREVER;
	int i;

	netisr_enter();
	if (tcp_enter(&tp->t_inp) == NULL) {
		netisr_exit();
		return;
	}
	now = mono_now();
	tp->t_armed = NSTIME_FOREVER;
	for (i = 0; i < TT_COUNT; i++) {
		if (tp->t_deadline[i] <= now)
			expire(tp, (enum tcp_timer)i, now);
	}
	for (i = 0; i < TT_COUNT; i++)
		next = MIN(next, tp->t_deadline[i]);
	if (next < tp->t_armed) {
		tp->t_armed = next;
		callout_schedule(&tp->t_callout, next);
	}
	tcp_exit(tp);
	netisr_exit();
}
