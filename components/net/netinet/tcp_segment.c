/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A segment arrives: RFC 9293 3.10.7.3 (SYN-SENT) and 3.10.7.4 (other states),
 * with RFC 5961's defences and RFC 7323's PAWS.
 */
#include "tcp_cc.h"

#define PAWS_IDLE (24 * 24 * 3600 * NS_PER_SEC)	/* RFC 7323 5.5 */

/* ---- SYN-SENT -------------------------------------------------------------------- */

void
tcp_syn_options(struct tcpcb *tp, const struct tcp_seg *sg)
{
	struct vnet *vn = tcp_vn(tp);

	/* RFC 9293 3.7.1: without the option, 536. */
	tp->t_peermss = (uint16_t)MAX((sg->sg_opts & TO_MSS) != 0 ?
	    (uint32_t)sg->sg_mss : TCP_MSS_DEFAULT, TCP_MINMSS);
	if ((sg->sg_opts & TO_SCALE) != 0 &&
	    tcp_conf(vn, TCPC_window_scaling) != 0) {
		tp->t_flags |= TF_SCALE;
		tp->t_sndscale = sg->sg_wscale;
	} else {
		tp->t_flags &= ~TF_SCALE;
		tp->t_sndscale = tp->t_rcvscale = 0;
	}
	if ((sg->sg_opts & TO_SACKOK) != 0 && tcp_conf(vn, TCPC_sack) != 0)
		tp->t_flags |= TF_SACK;
	if ((sg->sg_opts & TO_TSTMP) != 0 &&
	    (tp->t_flags & TF_NOTSTMP) == 0) {
		tp->t_flags |= TF_TSTMP;
		tp->ts_recent = sg->sg_tsval;
		tp->ts_recent_age = sg->sg_now;
	}
	tcp_mss_update(tp);
}

/* Our SYN is acknowledged. */
static void
synsent_established(struct tcpcb *tp, struct tcp_seg *sg)
{
	tp->snd_wl1 = sg->sg_seq;
	tp->snd_wl2 = sg->sg_ack;
	tp->t_state = TCPS_ESTABLISHED;
	tcp_ack(tp, sg);
	/* RFC 3168 6.1.1: ECE without CWR agrees; it tells of no congestion. */
	if ((sg->sg_flags & (TH_ECE | TH_CWR)) == TH_ECE &&
	    tcp_conf(tcp_vn(tp), TCPC_ecn) == 1)
		tp->t_flags |= TF_ECN;
	tp->t_bytes_acked++;		/* Linux counts the SYN */
	tcp_established(tp, sg->sg_now);
	tp->t_flags |= TF_ACKNOW;
	if ((tp->t_flags & TF_NEEDFIN) != 0)
		tp->t_state = TCPS_FIN_WAIT_1;
}

void
tcp_segment_synsent(struct tcpcb *tp, struct tcp_seg *sg)
{
	bool ack = (sg->sg_flags & TH_ACK) != 0;
	uint32_t told = tcp_rcvwnd(tp);

	/* First, the ACK. */
	if (ack && (seq_le(sg->sg_ack, tp->iss) ||
	    seq_gt(sg->sg_ack, tp->snd_nxt))) {
		tcp_respond_rst(sg);
		return;
	}
	/* Second, RST; RFC 5961 3.2 has nothing to check but the ACK. */
	if ((sg->sg_flags & TH_RST) != 0) {
		if (ack)
			tcp_drop(tp, ECONNREFUSED);
		return;
	}
	if ((sg->sg_flags & TH_SYN) == 0)
		return;
	/* RFC 7323 3.2, 5.2: a time stamp that is not of our SYN. */
	if (ack && (sg->sg_opts & TO_TSTMP) != 0 &&
	    (tp->t_flags & TF_NOTSTMP) == 0 && seq_gt(sg->sg_tsecr,
	    tcp_tsclock(sg->sg_now) + tp->t_tsoff))
		return;
	/* Fourth, SYN. */
	tp->irs = sg->sg_seq;
	tp->rcv_nxt = tp->t_lastack = sg->sg_seq + 1;
	tp->rcv_adv = tp->rcv_nxt + told;
	tcp_syn_options(tp, sg);
	sg->sg_wnd = MIN(sg->sg_wnd, TCP_MAXWIN);
	tp->snd_wnd = tp->snd_maxwnd = sg->sg_wnd;
	if (ack) {
		synsent_established(tp, sg);
	} else {
		/* 3.5: both opened. */
		tp->t_state = TCPS_SYN_RECEIVED;
		tp->snd_wl1 = sg->sg_seq;
		tp->snd_wl2 = tp->iss;
		tcp_send_syn(tp, sg->sg_now);
		return;
	}
	sg->sg_flags &= (uint8_t)~TH_SYN;
	sg->sg_seq++;
	if (sg->sg_len != 0 || (sg->sg_flags & TH_FIN) != 0)
		tcp_segment_text(tp, sg);
	else
		(void)tcp_output(tp, sg->sg_now);
}

/* ---- Is it acceptable? --------------------------------------------------------------- */

/* RFC 7323 5.3 R1; true: the segment is dropped. */
static bool
paws(struct tcpcb *tp, const struct tcp_seg *sg)
{
	if ((tp->t_flags & TF_TSTMP) == 0 || (sg->sg_flags & TH_RST) != 0)
		return false;
	/* 3.2: all segments have the option, once it was agreed on. */
	if ((sg->sg_opts & TO_TSTMP) == 0)
		return (sg->sg_flags & TH_SYN) == 0;
	if (__likely(!seq_lt(sg->sg_tsval, tp->ts_recent)) ||
	    sg->sg_now - tp->ts_recent_age > PAWS_IDLE)
		return false;
	TCP_COUNT(tcp_vn(tp), paws);
	if (sg->sg_len != 0 && seq_lt(sg->sg_seq, tp->rcv_nxt))
		tcp_dsack_note(tp, sg->sg_seq, seq_min(tp->rcv_nxt,
		    sg->sg_seq + sg->sg_len));
	tcp_challenge(tp, sg->sg_now);
	return true;
}

/* 3.10.7.4 first; what was acknowledged already may come again without harm. */
static bool
acceptable(const struct tcpcb *tp, const struct tcp_seg *sg)
{
	tcp_seq end = sg->sg_seq + sg->sg_len +
	    ((sg->sg_flags & TH_FIN) != 0);
	tcp_seq edge = tp->rcv_nxt + tcp_rcvwnd(tp);

	return seq_ge(end, tp->t_lastack) && seq_le(sg->sg_seq, edge);
}

static void
unacceptable(struct tcpcb *tp, const struct tcp_seg *sg)
{
	if ((sg->sg_flags & TH_RST) != 0)
		return;
	if (sg->sg_len == 0) {
		/* Without data: two peers could answer each other for ever. */
		tcp_challenge(tp, sg->sg_now);
		return;
	}
	if (seq_lt(sg->sg_seq, tp->rcv_nxt))
		tcp_dsack_note(tp, sg->sg_seq, seq_min(tp->rcv_nxt,
		    sg->sg_seq + sg->sg_len));
	tcp_send_ack(tp, sg->sg_now);
}

/* RFC 5961 3.2. */
static void
reset(struct tcpcb *tp, const struct tcp_seg *sg)
{
	int error;

	if (sg->sg_seq != tp->rcv_nxt && sg->sg_seq != tp->t_lastack) {
		if (seq_gt(sg->sg_seq, tp->rcv_nxt) && seq_lt(sg->sg_seq,
		    tp->rcv_nxt + tcp_rcvwnd(tp)))
			tcp_challenge(tp, sg->sg_now);
		return;
	}
	switch (tp->t_state) {
	case TCPS_SYN_RECEIVED:
		error = ECONNREFUSED;
		break;
	case TCPS_CLOSE_WAIT:
		error = EPIPE;
		break;
	case TCPS_CLOSING:
	case TCPS_LAST_ACK:
	case TCPS_TIME_WAIT:
		error = 0;
		break;
	default:
		error = ECONNRESET;
		break;
	}
	tcp_drop(tp, error);
}

/* RFC 5961 4.2; but for the answer to our SYN where both opened. True: go on. */
static bool
syn(struct tcpcb *tp, struct tcp_seg *sg)
{
	if (tp->t_state == TCPS_SYN_RECEIVED && sg->sg_seq == tp->irs &&
	    (sg->sg_flags & (TH_ACK | TH_RST)) == TH_ACK) {
		sg->sg_flags &= (uint8_t)~TH_SYN;
		sg->sg_seq++;
		return true;
	}
	if ((sg->sg_flags & TH_RST) == 0)
		tcp_challenge(tp, sg->sg_now);
	return false;
}

/* ---- The acknowledgement ------------------------------------------------------------ */

static bool
fin_acked(const struct tcpcb *tp)
{
	return (tp->t_flags & TF_FINSENT) != 0 && tp->snd_una == tp->snd_nxt;
}

static bool
synrcvd_ack(struct tcpcb *tp, struct tcp_seg *sg)
{
	if (!seq_gt(sg->sg_ack, tp->snd_una) ||
	    seq_gt(sg->sg_ack, tp->snd_nxt)) {
		tcp_respond_rst(sg);
		return false;
	}
	tp->t_state = (tp->t_flags & TF_NEEDFIN) != 0 ? TCPS_FIN_WAIT_1 :
	    TCPS_ESTABLISHED;
	tp->snd_wnd = sg->sg_wnd << tp->t_sndscale;
	tp->snd_maxwnd = MAX(tp->snd_maxwnd, tp->snd_wnd);
	tp->snd_wl1 = sg->sg_seq;
	tp->snd_wl2 = sg->sg_ack;
	tcp_established(tp, sg->sg_now);
	return true;
}

/* Fifth; false: the segment, or the connection, is done with. */
static bool
ack(struct tcpcb *tp, struct tcp_seg *sg)
{
	if (tp->t_state == TCPS_SYN_RECEIVED && !synrcvd_ack(tp, sg))
		return false;
	if (seq_gt(sg->sg_ack, tp->snd_nxt)) {
		tcp_challenge(tp, sg->sg_now);
		return false;
	}
	/* RFC 5961 5.2: older than any window. */
	if (seq_lt(sg->sg_ack, tp->snd_una - MAX(tp->snd_maxwnd, TCP_MAXWIN))) {
		tcp_challenge(tp, sg->sg_now);
		return false;
	}
	if (seq_ge(sg->sg_ack, tp->snd_una))
		tcp_ack(tp, sg);
	if (!fin_acked(tp))
		return true;
	switch (tp->t_state) {
	case TCPS_FIN_WAIT_1:
		tp->t_state = TCPS_FIN_WAIT_2;
		tcp_finwait2(tp, sg->sg_now);
		break;
	case TCPS_CLOSING:
		tcp_tw_start(tp, sg->sg_now);
		return false;
	case TCPS_LAST_ACK:
		tcp_close(tp);
		return false;
	default:
		break;
	}
	return tp->t_state != TCPS_CLOSED;
}

/* ---- Text and FIN --------------------------------------------------------------------- */

/* Cut off what is outside of the window. */
static void
trim(struct tcpcb *tp, struct tcp_seg *sg)
{
	tcp_seq edge = tp->rcv_nxt + tcp_rcvwnd(tp);
	uint32_t n;

	if (seq_lt(sg->sg_seq, tp->rcv_nxt)) {
		n = MIN(tp->rcv_nxt - sg->sg_seq, sg->sg_len);
		if (n != 0) {
			tcp_dsack_note(tp, sg->sg_seq, sg->sg_seq + n);
			tp->t_flags |= TF_ACKNOW;
			m_adj(sg->sg_m, (ssize_t)n);
		}
		sg->sg_len -= n;
		sg->sg_seq += n;
		if (sg->sg_seq != tp->rcv_nxt) {
			sg->sg_flags &= (uint8_t)~TH_FIN;
			tp->t_flags |= TF_ACKNOW;
		}
	}
	if (seq_gt(sg->sg_seq + sg->sg_len, edge)) {
		n = MIN(sg->sg_seq + sg->sg_len - edge, sg->sg_len);
		m_adj(sg->sg_m, -(ssize_t)n);
		sg->sg_len -= n;
		sg->sg_flags &= (uint8_t)~(TH_FIN | TH_PSH);
		tp->t_flags |= TF_ACKNOW;
	}
}

/* Eighth. */
static void
fin(struct tcpcb *tp, nstime_t now)
{
	tp->rcv_nxt++;
	tp->t_flags |= TF_ACKNOW;
	tcp_reass_flush(tp);
	socantrcvmore(tcp_so(tp));
	switch (tp->t_state) {
	case TCPS_ESTABLISHED:
		tp->t_state = TCPS_CLOSE_WAIT;
		break;
	case TCPS_FIN_WAIT_1:
		tp->t_state = TCPS_CLOSING;
		break;
	case TCPS_FIN_WAIT_2:
		tcp_send_ack(tp, now);
		tcp_tw_start(tp, now);
		break;
	default:
		break;
	}
}

void
tcp_segment_text(struct tcpcb *tp, struct tcp_seg *sg)
{
	if (!tcp_in(tp, TCPM_RECEIVING)) {
		/* What comes after a FIN is the FIN, again. */
		tcp_send_ack(tp, sg->sg_now);
		(void)tcp_output(tp, sg->sg_now);
		return;
	}
	trim(tp, sg);
	/* RFC 9293 3.6.1: nobody will read it. */
	if (sg->sg_len != 0 && (tp->t_flags & TF_ORPHAN) != 0) {
		tcp_send_rst(tp);
		tcp_close(tp);
		return;
	}
	if ((sg->sg_flags & TH_URG) != 0 || (tp->t_flags & TF_URGRCVD) != 0)
		tcp_urgent(tp, sg);
	if (sg->sg_len != 0 || (sg->sg_flags & TH_FIN) != 0) {
		if (tcp_data(tp, sg))
			fin(tp, sg->sg_now);
	}
	if (tp->t_state != TCPS_CLOSED && tp->t_state != TCPS_TIME_WAIT)
		(void)tcp_output(tp, sg->sg_now);
}

void
tcp_segment(struct tcpcb *tp, struct tcp_seg *sg)
{
	if (paws(tp, sg))
		return;
	if (__unlikely((sg->sg_flags & TH_SYN) != 0) && !syn(tp, sg))
		return;
	if (!acceptable(tp, sg)) {
		unacceptable(tp, sg);
		return;
	}
	if (__unlikely((sg->sg_flags & TH_RST) != 0)) {
		reset(tp, sg);
		return;
	}
	if ((sg->sg_flags & TH_ACK) == 0)
		return;
	/* RFC 7323 4.3 (2); 5.5: an outdated TS.Recent gives way to any. */
	if ((sg->sg_opts & TO_TSTMP) != 0 && (tp->t_flags & TF_TSTMP) != 0 &&
	    seq_le(sg->sg_seq, tp->t_lastack) &&
	    (seq_ge(sg->sg_tsval, tp->ts_recent) ||
	    sg->sg_now - tp->ts_recent_age > PAWS_IDLE)) {
		tp->ts_recent = sg->sg_tsval;
		tp->ts_recent_age = sg->sg_now;
	}
	if ((tp->t_flags & TF_ECN) != 0)
		tcp_ecn_input(tp, sg);
	if (!ack(tp, sg))
		return;
	if (sg->sg_len != 0 || (sg->sg_flags & (TH_FIN | TH_URG)) != 0)
		tcp_segment_text(tp, sg);
	else
		(void)tcp_output(tp, sg->sg_now);
}
