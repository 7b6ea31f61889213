/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Acknowledgements: the send buffer, the scoreboard, round-trip times, the
 * peer's window (RFC 9293 3.10.7.4, fifth; RFC 6298).
 */
#include "tcp_cc.h"

#define MINRTT_WINDOW (300 * NS_PER_SEC)

void
tcp_rtt_update(struct tcpcb *tp, nstime_t rtt, nstime_t now)
{
	nstime_t err;

	rtt = MAX(rtt, 1);
	if (rtt <= tp->t_minrtt || tp->t_minrtt == 0 ||
	    now - tp->t_minrtt_at > MINRTT_WINDOW) {
		tp->t_minrtt = rtt;
		tp->t_minrtt_at = now;
	}
	if (tp->t_srtt == 0) {
		/* RFC 6298 2.2 */
		tp->t_srtt = rtt;
		tp->t_rttvar = rtt / 2;
	} else {
		/* 2.3 */
		err = tp->t_srtt - rtt;
		tp->t_rttvar += ((err < 0 ? -err : err) - tp->t_rttvar) / 4;
		tp->t_srtt -= err / 8;
	}
	tp->t_rto = tp->t_srtt + MAX(TCP_G, 4 * tp->t_rttvar);
	tp->t_rto = MAX(tp->t_rto,
	    (nstime_t)tcp_conf(tcp_vn(tp), TCPC_rto_min) * NS_PER_MS);
	tp->t_rto = MIN(tp->t_rto, TCP_RTO_MAX);
}

void
tcp_window_update(struct tcpcb *tp, const struct tcp_seg *sg)
{
	uint32_t wnd = sg->sg_wnd;

	if ((sg->sg_flags & TH_SYN) == 0)
		wnd <<= tp->t_sndscale;
	/* RFC 9293 3.10.7.4: SND.WL1, SND.WL2 keep old segments out. */
	if (!seq_lt(tp->snd_wl1, sg->sg_seq) && !(tp->snd_wl1 == sg->sg_seq &&
	    seq_le(tp->snd_wl2, sg->sg_ack)))
		return;
	tp->snd_wl1 = sg->sg_seq;
	tp->snd_wl2 = sg->sg_ack;
	tp->snd_wnd = wnd;
	if (wnd > tp->snd_maxwnd)
		tp->snd_maxwnd = wnd;
	if (wnd != 0) {
		tp->t_persists = 0;
		if (tp->t_rexmt == TR_PERSIST) {
			tp->t_rexmt = TR_NONE;
			tcp_timer_clear(tp, TT_REXMT);
		}
	}
}

/* Records up to ack are delivered. */
static void
take_records(struct tcpcb *tp, tcp_seq ack, struct tcp_sample *as)
{
	struct tcp_sent *ts;
	uint32_t n;

	while ((ts = tcp_sent_first(tp)) != NULL && seq_lt(ts->ts_start, ack)) {
		n = seq_min(ts->ts_end, ack) - ts->ts_start;
		if ((ts->ts_flags & TS_SACKED) == 0) {
			tcp_sample_add(tp, as, ts, n);
			if (seq_lt(ts->ts_start, tp->t_rack_fack) &&
			    (ts->ts_flags & TS_RETX) == 0)
				tp->t_flags |= TF_REORD;
		}
		if (seq_le(ts->ts_end, ack)) {
			tcp_sent_free(tp, ts);
			continue;
		}
		if ((ts->ts_flags & TS_SACKED) != 0)
			tp->t_sacked -= n;
		if ((ts->ts_flags & TS_LOST) != 0)
			tp->t_lost -= n;
		ts->ts_start = ack;
	}
}

/* The send buffer's front has arrived. */
static void
drop_acked(struct tcpcb *tp, tcp_seq first, tcp_seq ack)
{
	struct socket *so = tcp_so(tp);
	uint32_t n;

	if (!seq_gt(ack, first))
		return;
	n = MIN(ack - first, sb_cc(&so->so_snd));
	if (n == 0)
		return;
	if (tp->t_hint.sh_mb != NULL && tp->t_hint.sh_off >= n)
		tp->t_hint.sh_off -= n;
	else
		tp->t_hint.sh_mb = NULL;
	tp->t_bytes_acked += n;
	sbdrop(&so->so_snd, n);
}

/* More room for the writer, while the network takes it. */
static void
grow_buffer(struct tcpcb *tp)
{
	struct sockbuf *sb = &tcp_so(tp)->so_snd;
	uint64_t max = tcp_conf(tcp_vn(tp), TCPC_wmem_max);

	if ((sb->sb_flags & SB_LOCKED) != 0 || sb->sb_hiwat >= max ||
	    tp->t_cwnd < sb->sb_hiwat / 2 || tp->snd_wnd < sb->sb_hiwat / 2)
		return;
	(void)sbreserve(sb, (uint32_t)MIN((uint64_t)sb->sb_hiwat * 2, max));
}

static void
acked(struct tcpcb *tp, const struct tcp_seg *sg, struct tcp_sample *as)
{
	tcp_seq first = tcp_sndseq(tp);

	as->as_acked = sg->sg_ack - tp->snd_una;
	take_records(tp, sg->sg_ack, as);
	tp->snd_una = sg->sg_ack;
	drop_acked(tp, first, sg->sg_ack);
	tp->t_shift = 0;
	tp->t_rearm = 2;
	tp->t_reno = 0;
	tp->t_start = as->as_now;
	if (seq_lt(tp->t_rack_fack, tp->snd_una))
		tp->t_rack_fack = tp->snd_una;
	if ((tp->t_flags & TF_URGSENT) != 0 && seq_le(tp->snd_up, tp->snd_una))
		tp->t_flags &= ~TF_URGSENT;
}

/* RFC 5681 2: what a duplicate acknowledgement is. */
static bool
is_dupack(const struct tcpcb *tp, const struct tcp_seg *sg)
{
	return sg->sg_ack == tp->snd_una && sg->sg_len == 0 &&
	    (sg->sg_flags & (TH_SYN | TH_FIN)) == 0 &&
	    tp->snd_una != tp->snd_nxt &&
	    sg->sg_wnd << tp->t_sndscale == tp->snd_wnd;
}

void
tcp_ack(struct tcpcb *tp, struct tcp_seg *sg)
{
	struct tcp_sample as;
	bool dup;

	dup = is_dupack(tp, sg);
	tcp_sample_init(tp, &as, sg);
	tp->t_acktime = sg->sg_now;
	tcp_window_update(tp, sg);
	if (seq_gt(sg->sg_ack, tp->snd_una))
		acked(tp, sg, &as);
	if ((sg->sg_opts & TO_SACK) != 0 && (tp->t_flags & TF_SACK) != 0)
		tcp_sack_input(tp, sg, &as);
	if (as.as_rtt_long >= 0)
		tcp_rtt_update(tp, as.as_rtt_long, sg->sg_now);
	if (as.as_acked != 0 || as.as_sacked != 0 || as.as_dsack ||
	    as.as_ece || dup)
		tcp_recovery_ack(tp, &as, sg, dup);
	if (as.as_sacked != 0)
		tp->t_rearm = 2;
	if (as.as_acked != 0) {
		grow_buffer(tp);
		sowwakeup(tcp_so(tp));
	}
}
