/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Loss: finding it, sending again, and the window meanwhile.
 *
 * t_ca is where the sender is: Open, Disorder (something was selectively
 * acknowledged), CWR (the window shrinks after an ECN mark), Recovery (after a
 * loss), Loss (after a time-out). Records marked TS_LOST are sent again as the
 * window has room.
 *
 * RFC 8985 (RACK-TLP), RFC 6675 and RFC 6582 (without SACK), RFC 6937 (PRR),
 * RFC 5682 (F-RTO), RFC 3522 and RFC 4015 (Eifel), RFC 3708 (undo by DSACK).
 */
#include "tcp_cc.h"

#define DUPTHRESH 3u
#define REO_MIN (100 * NS_PER_US)	/* as precise as timers are */
#define TLP_MIN (10 * NS_PER_MS)	/* what a thread may be late */

static void
set_ca(struct tcpcb *tp, enum tcp_ca_state ca, nstime_t now)
{
	enum tcp_ca_state from = tp->t_ca;

	if (from == ca)
		return;
	tp->t_ca = (uint8_t)ca;
	if (tp->t_cc->tc_state != NULL)
		tp->t_cc->tc_state(tp, from, now);
}

/* ---- Samples --------------------------------------------------------------- */

void
tcp_sample_init(struct tcpcb *tp, struct tcp_sample *as,
    const struct tcp_seg *sg)
{
	memset(as, 0, sizeof(*as));
	as->as_now = sg->sg_now;
	as->as_rtt = as->as_rtt_long = -1;
	as->as_inflight = tcp_pipe(tp);
	as->as_limited = (tp->t_flags & TF_CWNDLIM) != 0;
	as->as_ece = (sg->sg_flags & TH_ECE) != 0 &&
	    (tp->t_flags & TF_ECN) != 0;
}

/* RFC 8985 6.2 steps 1 and 2: the record sent last of those delivered. */
static void
rack_advance(struct tcpcb *tp, const struct tcp_sent *ts, nstime_t rtt)
{
	/* Perhaps the answer to an earlier transmission. */
	if ((ts->ts_flags & TS_RETX) != 0 && rtt < tp->t_minrtt)
		return;
	tp->t_rack_rtt = rtt;
	if (tp->t_rack_time == 0 || seq_gt(ts->ts_order, tp->t_rack_order) ||
	    (ts->ts_order == tp->t_rack_order &&
	    seq_gt(ts->ts_end, tp->t_rack_end))) {
		tp->t_rack_time = ts->ts_time;
		tp->t_rack_order = ts->ts_order;
		tp->t_rack_end = ts->ts_end;
	}
}

/* Was it sent before that one? Segments of one packet go in order of sequence. */
static bool
sent_before(const struct tcpcb *tp, const struct tcp_sent *ts)
{
	return seq_lt(ts->ts_order, tp->t_rack_order) ||
	    (ts->ts_order == tp->t_rack_order &&
	    seq_lt(ts->ts_end, tp->t_rack_end));
}

void
tcp_sample_add(struct tcpcb *tp, struct tcp_sample *as,
    const struct tcp_sent *ts, uint32_t bytes)
{
	nstime_t rtt = as->as_now - ts->ts_time;

	tp->t_delivered += bytes;
	tp->t_deliv_time = as->as_now;
	as->as_delivered += bytes;
	if ((ts->ts_flags & TS_RETX) == 0) {
		as->as_orig = true;
		as->as_rtt = rtt;
		if (as->as_rtt_long < rtt)
			as->as_rtt_long = rtt;
	}
	rack_advance(tp, ts, rtt);
	if (as->as_sent_time == 0 || ts->ts_delivered > as->as_prior) {
		as->as_prior = ts->ts_delivered;
		as->as_sent_time = ts->ts_time;
		as->as_first = ts->ts_first;
		as->as_deliv_time = ts->ts_deliv_time;
		as->as_lostcnt = ts->ts_lostcnt;
		as->as_sent_end = ts->ts_end;
		as->as_applim = (ts->ts_flags & TS_APPLIM) != 0;
		as->as_retx = (ts->ts_flags & TS_RETX) != 0;
		tp->t_first_tx = ts->ts_time;
	}
}

/* draft-cheng-iccrg-delivery-rate-estimation 3.3. */
static void
sample_rate(struct tcpcb *tp, struct tcp_sample *as)
{
	nstime_t snd, ack;

	if (tp->t_applim != 0 && tp->t_delivered > tp->t_applim)
		tp->t_applim = 0;
	if (as->as_sent_time == 0)
		return;
	snd = as->as_sent_time - as->as_first;
	ack = as->as_now - as->as_deliv_time;
	as->as_interval = MAX(snd, ack);
	as->as_bytes = tp->t_delivered - as->as_prior;
	as->as_lost_since = tp->t_lost_total - as->as_lostcnt;
	if (as->as_interval <= 0 || (tp->t_minrtt != 0 &&
	    as->as_interval < tp->t_minrtt)) {
		as->as_interval = 0;
		return;
	}
	tp->t_rate = as->as_bytes * (uint64_t)NS_PER_SEC /
	    (uint64_t)as->as_interval;
}

/* ---- Reductions and their undoing -------------------------------------------- */

static void
remember(struct tcpcb *tp)
{
	tp->t_prior_cwnd = tp->t_cwnd;
	tp->t_prior_ssthresh = tp->t_ssthresh;
	tp->t_undo = true;
	tp->t_undo_una = tp->snd_una;
	tp->t_undo_retx = 0;
	tp->t_retx_tsval = 0;
	tp->t_recover = tp->snd_nxt;
}

/* RFC 6937 3. */
static void
begin_prr(struct tcpcb *tp, uint32_t inflight)
{
	tp->t_prr_delivered = tp->t_prr_out = 0;
	tp->t_prr_pipe = MAX(inflight, tcp_mss(tp));
	tp->t_ssthresh = tp->t_cc->tc_ssthresh(tp);
	if ((tp->t_flags & TF_ECN) != 0)
		tp->t_flags |= TF_CWR;
}

void
tcp_enter_cwr(struct tcpcb *tp, nstime_t now)
{
	if (tp->t_ca >= TCP_CA_CWR)
		return;
	remember(tp);
	tp->t_undo = false;
	begin_prr(tp, tcp_pipe(tp));
	set_ca(tp, TCP_CA_CWR, now);
}

static void
enter_recovery(struct tcpcb *tp, const struct tcp_sample *as)
{
	if (tp->t_ca < TCP_CA_CWR) {
		remember(tp);
		begin_prr(tp, as->as_inflight);
	} else {
		tp->t_recover = tp->snd_nxt;
	}
	set_ca(tp, TCP_CA_Recovery, as->as_now);
}

static void
leave(struct tcpcb *tp, nstime_t now)
{
	if (tp->t_ca == TCP_CA_Recovery || tp->t_ca == TCP_CA_CWR) {
		if (tp->t_cc->tc_control == NULL)
			tp->t_cwnd = MIN(tp->t_cwnd, tp->t_ssthresh);
		if (tp->t_cwnd < tp->t_ssthresh &&
		    tp->t_cc->tc_control == NULL)
			tp->t_cwnd = MIN(tp->t_ssthresh,
			    MAX(tcp_pipe(tp), tcp_mss(tp)) + tcp_mss(tp));
	}
	/* RFC 8985 6.2 step 4: the wider window lasts some recoveries. */
	if (tp->t_rack_persist != 0 && --tp->t_rack_persist == 0)
		tp->t_rack_mult = 1;
	tp->t_frto = 0;
	tp->t_dupacks = 0;
	set_ca(tp, tp->t_sacked != 0 ? TCP_CA_Disorder : TCP_CA_Open, now);
}

static void
undo(struct tcpcb *tp, nstime_t now)
{
	struct tcp_sent *ts;

	TCP_COUNT(tcp_vn(tp), undos);
	TCP_SENT_FOREACH(ts, tp)
		ts->ts_flags &= (uint8_t)~TS_LOST;
	tp->t_lost = 0;
	if (tp->t_cc->tc_undo != NULL) {
		tp->t_cc->tc_undo(tp);
	} else {
		tp->t_cwnd = MAX(tp->t_cwnd, tp->t_prior_cwnd);
		tp->t_ssthresh = MAX(tp->t_ssthresh, tp->t_prior_ssthresh);
	}
	tp->t_flags &= ~TF_CWR;
	tp->t_undo = false;
	tp->t_frto = 0;
	tp->t_dupacks = 0;
	tp->t_shift = 0;
	set_ca(tp, tp->t_sacked != 0 ? TCP_CA_Disorder : TCP_CA_Open, now);
}

/* Was nothing lost after all? */
static bool
spurious(struct tcpcb *tp, const struct tcp_sample *as,
    const struct tcp_seg *sg)
{
	if (!tp->t_undo || tp->t_retrans == 0)
		return false;
	/* RFC 3708: every repeated byte was a duplicate. */
	if (as->as_dsack && tp->t_undo_retx == 0)
		return true;
	/* RFC 3522: the ACK is of what was sent before the repetition. */
	return as->as_acked != 0 && tp->t_retx_tsval != 0 &&
	    (sg->sg_opts & TO_TSTMP) != 0 && (tp->t_flags & TF_TSTMP) != 0 &&
	    sg->sg_tsecr != 0 && seq_lt(sg->sg_tsecr, tp->t_retx_tsval);
}

/* ---- RACK ---------------------------------------------------------------------- */

/* RFC 8985 6.2 step 4. */
static nstime_t
reo_wnd(const struct tcpcb *tp)
{
	nstime_t w;

	if ((tp->t_flags & TF_REORD) == 0 && (tp->t_ca >= TCP_CA_Recovery ||
	    tp->t_sacked >= DUPTHRESH * tcp_mss(tp)))
		return 0;
	w = tp->t_minrtt / 4 * MAX(tp->t_rack_mult, (uint8_t)1);
	return MAX(MIN(w, tp->t_srtt), REO_MIN);
}

/* Step 5: what was sent before what arrived, long enough ago. When the next will
 * be: NSTIME_FOREVER: none waits. */
static nstime_t
rack_detect(struct tcpcb *tp, nstime_t now)
{
	nstime_t limit = tp->t_rack_rtt + reo_wnd(tp);
	nstime_t next = NSTIME_FOREVER;
	struct tcp_sent *ts;

	if (tp->t_rack_time == 0)
		return next;
	TCP_SENT_FOREACH(ts, tp) {
		if ((ts->ts_flags & (TS_SACKED | TS_LOST)) != 0 ||
		    !sent_before(tp, ts))
			continue;
		if (ts->ts_time + limit <= now)
			tcp_sent_lost(tp, ts);
		else
			next = MIN(next, ts->ts_time + limit);
	}
	return next;
}

/* In Disorder and Recovery, to arm the timer; marks nothing anew. */
nstime_t
tcp_rack_next(struct tcpcb *tp)
{
	nstime_t limit = tp->t_rack_rtt + reo_wnd(tp);
	nstime_t next = NSTIME_FOREVER;
	struct tcp_sent *ts;

	if ((tp->t_flags & TF_SACK) == 0 ||
	    (tp->t_sacked == 0 && tp->t_ca == TCP_CA_Open))
		return next;
	TCP_SENT_FOREACH(ts, tp) {
		if ((ts->ts_flags & (TS_SACKED | TS_LOST)) == 0 &&
		    sent_before(tp, ts))
			next = MIN(next, ts->ts_time + limit);
	}
	return next;
}

/* ---- Without SACK: RFC 6582, RFC 5681 3.2 ---------------------------------- */

static void
lose_first(struct tcpcb *tp)
{
	struct tcp_sent *ts = tcp_sent_first(tp);
	uint32_t mss = tcp_mss(tp);

	if (ts == NULL || (ts->ts_flags & TS_LOST) != 0)
		return;
	if (ts->ts_end - ts->ts_start > mss &&
	    tcp_sent_split(tp, ts, ts->ts_start + mss) == NULL)
		return;
	tcp_sent_lost(tp, ts);
}

static void
count_dupacks(struct tcpcb *tp, const struct tcp_sample *as, bool dup)
{
	uint32_t out = tp->snd_nxt - tp->snd_una, mss = tcp_mss(tp);

	if (dup) {
		if (tp->t_dupacks < UINT8_MAX)
			tp->t_dupacks++;
		tp->t_reno = out > mss ? MIN(tp->t_dupacks * mss, out - mss) :
		    0;
		if (tp->t_dupacks == DUPTHRESH && tp->t_ca < TCP_CA_Recovery &&
		    seq_gt(tp->snd_nxt, tp->t_recover))
			lose_first(tp);
	} else if (as->as_acked != 0) {
		tp->t_dupacks = 0;
		/* RFC 6582 3.2 step 3: a partial acknowledgement. */
		if (tp->t_ca == TCP_CA_Recovery &&
		    seq_lt(tp->snd_una, tp->t_recover))
			lose_first(tp);
	}
}

/* ---- Time-out and F-RTO ------------------------------------------------------- */

void
tcp_enter_loss(struct tcpcb *tp, nstime_t now)
{
	nstime_t limit = tp->t_rack_rtt + reo_wnd(tp);
	struct tcp_sent *ts, *first = tcp_sent_first(tp);

	if (tp->t_ca != TCP_CA_Loss || seq_gt(tp->snd_una, tp->t_undo_una)) {
		tp->t_frto = tp->t_ca != TCP_CA_Loss;
		if (tp->t_ca < TCP_CA_CWR)
			remember(tp);
		tp->t_ssthresh = tp->t_cc->tc_ssthresh(tp);
	} else {
		tp->t_frto = 0;
	}
	/* RFC 8985 6.3; all of it where nothing tells what arrived. */
	TCP_SENT_FOREACH(ts, tp) {
		if (ts == first || (tp->t_flags & TF_SACK) == 0 ||
		    ts->ts_time + limit <= now)
			tcp_sent_lost(tp, ts);
	}
	tp->t_reno = 0;
	tp->t_dupacks = 0;
	tp->t_tlp = 0;
	tp->t_recover = tp->snd_nxt;
	tp->t_cwnd = tcp_pipe(tp) + tcp_mss(tp);
	tp->t_flags |= TF_CWNDLIM;
	if ((tp->t_flags & TF_ECN) != 0)
		tp->t_flags |= TF_CWR;
	set_ca(tp, TCP_CA_Loss, now);
}

/* RFC 5682 3.1: does the first window after a time-out show it was none? */
static bool
frto(struct tcpcb *tp, const struct tcp_sample *as)
{
	if (tp->t_frto == 0)
		return false;
	/* What was sent once, before the time-out, has arrived. */
	if (as->as_orig && (tp->t_frto == 2 || as->as_sacked != 0 ||
	    as->as_acked > tcp_mss(tp)))
		return true;
	/* Step 2b: new data, if there is some, and room for it. */
	if (as->as_acked == 0 || tp->t_frto == 2 ||
	    sb_cc(&tcp_so(tp)->so_snd) <= tp->snd_nxt - tcp_sndseq(tp) ||
	    tp->snd_wnd <= tp->snd_nxt - tp->snd_una)
		tp->t_frto = 0;
	else
		tp->t_frto = 2;
	return false;
}

/* ---- Tail loss probes: RFC 8985 7 ---------------------------------------------- */

nstime_t
tcp_tlp_next(struct tcpcb *tp, nstime_t now)
{
	nstime_t pto;

	if ((tp->t_flags & TF_SACK) == 0 || tp->t_ca != TCP_CA_Open ||
	    tp->t_sacked != 0 || tp->t_tlp != 0 ||
	    !tcp_in(tp, TCPM_SENDING))
		return NSTIME_FOREVER;
	pto = tp->t_srtt != 0 ? MAX(2 * tp->t_srtt, TLP_MIN) : NS_PER_SEC;
	if (tp->snd_nxt - tp->snd_una <= tcp_mss(tp))
		pto += 200 * NS_PER_MS;		/* its ACK may be delayed */
	return now + pto;
}

void
tcp_tlp_timeout(struct tcpcb *tp, nstime_t now)
{
	tcp_seq was = tp->snd_nxt;
	struct tcp_sent *ts, *part;
	uint32_t cwnd = tp->t_cwnd, mss = tcp_mss(tp);

	if (list_empty(&tp->t_sent))
		return;
	TCP_COUNT(tcp_vn(tp), probes);
	tp->t_tlp_end = tp->snd_nxt;
	/* 7.3: new data where there is some, else the last segment. */
	tp->t_cwnd = tcp_pipe(tp) + mss;
	tp->t_flags |= TF_FORCE;
	(void)tcp_output(tp, now);
	tp->t_cwnd = cwnd;
	tp->t_tlp = 1;
	if (tp->snd_nxt != was)
		return;
	ts = list_last(&tp->t_sent, struct tcp_sent, ts_link);
	if (ts->ts_end - ts->ts_start > mss) {
		part = tcp_sent_split(tp, ts, ts->ts_start +
		    (ts->ts_end - ts->ts_start - 1) / mss * mss);
		if (part != NULL)
			ts = part;
	}
	tp->t_tlp = 2;
	(void)tcp_retransmit_one(tp, ts, UINT32_MAX, now);
}

/* 7.4: a probe that filled a hole means a loss that nothing else told. */
static void
tlp_ack(struct tcpcb *tp, const struct tcp_sample *as,
    const struct tcp_seg *sg)
{
	if (tp->t_tlp == 0 || seq_lt(sg->sg_ack, tp->t_tlp_end))
		return;
	if (tp->t_tlp == 2 && !as->as_dsack && as->as_acked != 0 &&
	    !as->as_orig)
		tcp_enter_cwr(tp, as->as_now);
	tp->t_tlp = 0;
}

/* ---- Sending again ---------------------------------------------------------------- */

int
tcp_retransmit_one(struct tcpcb *tp, struct tcp_sent *ts, uint32_t len,
    nstime_t now)
{
	uint32_t n = ts->ts_end - ts->ts_start, max = tcp_gsomax(tp);
	unsigned how = TCP_AGAIN;

	len = MIN(len, max);
	if (n > len + ((ts->ts_flags & TS_FIN) != 0)) {
		if (tcp_sent_split(tp, ts, ts->ts_start + len) == NULL)
			return ENOMEM;
		n = len;
	}
	if (tp->t_retx_tsval == 0)
		tp->t_retx_tsval = tcp_tsclock(now) + tp->t_tsoff;
	tp->t_undo_retx += n;
	tp->t_retrans += howmany(n, tcp_mss(tp));
	tp->t_bytes_retx += n;
	tp->t_prr_out += n;
	TCP_COUNT(tcp_vn(tp), retransmits);
	tcp_sent_again(tp, ts, now);
	if ((ts->ts_flags & TS_SYN) != 0) {
		tcp_send_syn(tp, now);
		return 0;
	}
	if ((ts->ts_flags & TS_FIN) != 0) {
		how |= TH_FIN;
		n--;
	}
	if (ts->ts_start + n == tcp_sndseq(tp) + sb_cc(&tcp_so(tp)->so_snd))
		how |= TH_PSH;
	return tcp_emit(tp, ts->ts_start, n, how, now);
}

void
tcp_retransmit(struct tcpcb *tp, nstime_t now)
{
	struct list *n, *next;
	uint32_t pipe, room, mss = tcp_mss(tp);
	struct tcp_sent *ts;

	/* F-RTO waits for what new data brings. */
	if (tp->t_frto == 2)
		return;
	LIST_FOREACH_SAFE(n, &tp->t_sent, next) {
		ts = container_of(n, struct tcp_sent, ts_link);
		if (tp->t_lost == 0)
			break;
		if ((ts->ts_flags & TS_LOST) == 0)
			continue;
		pipe = tcp_pipe(tp);
		room = tp->t_cwnd > pipe ? tp->t_cwnd - pipe : 0;
		room -= room % mss;
		if (room == 0) {
			tp->t_flags |= TF_CWNDLIM;
			if (pipe != 0)
				break;
			room = mss;
		}
		if (tcp_retransmit_one(tp, ts, room, now) != 0)
			break;
		next = ts->ts_link.l_next;
	}
}

void
tcp_rack_timeout(struct tcpcb *tp, nstime_t now)
{
	struct tcp_sample as = { .as_now = now, .as_rtt = -1,
		.as_inflight = tcp_pipe(tp) };

	(void)rack_detect(tp, now);
	if (tp->t_lost != 0 && tp->t_ca < TCP_CA_Recovery)
		enter_recovery(tp, &as);
	if (tp->t_ca == TCP_CA_Recovery && tp->t_cc->tc_control == NULL)
		tp->t_cwnd = MAX(tcp_pipe(tp) + tcp_mss(tp),
		    MIN(tp->t_cwnd, tp->t_ssthresh));
}

/* ---- The acknowledgement ------------------------------------------------------------ */

/* RFC 6937 3, with its slow start reduction bound. */
static void
prr(struct tcpcb *tp, const struct tcp_sample *as)
{
	uint32_t pipe = tcp_pipe(tp), mss = tcp_mss(tp);
	int64_t cnt;

	tp->t_prr_delivered += as->as_delivered;
	if (pipe > tp->t_ssthresh) {
		cnt = (int64_t)(((uint64_t)tp->t_prr_delivered *
		    tp->t_ssthresh + tp->t_prr_pipe - 1) / tp->t_prr_pipe) -
		    tp->t_prr_out;
	} else {
		cnt = MAX((int64_t)tp->t_prr_delivered - tp->t_prr_out,
		    (int64_t)as->as_delivered);
		if (as->as_acked != 0 && as->as_lost == 0)
			cnt += mss;
		cnt = MIN(cnt, (int64_t)tp->t_ssthresh - pipe);
	}
	/* The first is sent at once, and RFC 6582 3.2's after a partial
	 * acknowledgement. */
	if (tp->t_ca == TCP_CA_Recovery && (tp->t_prr_out == 0 ||
	    ((tp->t_flags & TF_SACK) == 0 && as->as_lost != 0)))
		cnt = MAX(cnt, (int64_t)mss);
	tp->t_cwnd = pipe + (uint32_t)MAX(cnt, (int64_t)0);
}

static void
in_loss(struct tcpcb *tp, const struct tcp_sample *as)
{
	if (frto(tp, as)) {
		undo(tp, as->as_now);
		return;
	}
	if (seq_ge(tp->snd_una, tp->t_recover))
		leave(tp, as->as_now);
}

static void
detect(struct tcpcb *tp, struct tcp_sample *as, bool dup)
{
	uint32_t lost = tp->t_lost_total;

	if ((tp->t_flags & TF_SACK) == 0)
		count_dupacks(tp, as, dup);
	else if (tp->t_sacked != 0 || tp->t_ca != TCP_CA_Open)
		(void)rack_detect(tp, as->as_now);
	as->as_lost = tp->t_lost_total - lost;
	if (tp->t_lost != 0 && tp->t_ca < TCP_CA_Recovery)
		enter_recovery(tp, as);
	else if (tp->t_ca == TCP_CA_Open && (tp->t_sacked != 0 || dup))
		set_ca(tp, TCP_CA_Disorder, as->as_now);
	else if (tp->t_ca == TCP_CA_Disorder && tp->t_sacked == 0 && !dup)
		set_ca(tp, TCP_CA_Open, as->as_now);
}

static void
adjust_window(struct tcpcb *tp, const struct tcp_sample *as)
{
	if (tp->t_cc->tc_control != NULL)
		tp->t_cc->tc_control(tp, as);
	else if (tp->t_ca == TCP_CA_Recovery || tp->t_ca == TCP_CA_CWR)
		prr(tp, as);
	else if (as->as_acked != 0 && !as->as_ece)
		tp->t_cc->tc_ack(tp, as);
	tp->t_cwnd = MAX(tp->t_cwnd, tcp_mss(tp));
	tp->t_flags &= ~TF_CWNDLIM;
}

void
tcp_recovery_ack(struct tcpcb *tp, struct tcp_sample *as,
    const struct tcp_seg *sg, bool dup)
{
	sample_rate(tp, as);
	if (seq_ge(tp->snd_una, tp->t_rtt_seq)) {
		as->as_round = true;
		tp->t_rtt_seq = tp->snd_nxt;
	}
	tlp_ack(tp, as, sg);
	if (__likely(tp->t_ca == TCP_CA_Open && tp->t_sacked == 0 && !dup &&
	    !as->as_ece)) {
		adjust_window(tp, as);
		return;
	}
	if (tp->t_ca >= TCP_CA_Recovery && spurious(tp, as, sg))
		undo(tp, as->as_now);
	if (tp->t_ca == TCP_CA_Loss)
		in_loss(tp, as);
	else if (tp->t_ca >= TCP_CA_CWR && seq_ge(tp->snd_una, tp->t_recover))
		leave(tp, as->as_now);
	detect(tp, as, dup);
	if (as->as_ece)
		tcp_enter_cwr(tp, as->as_now);
	adjust_window(tp, as);
}
