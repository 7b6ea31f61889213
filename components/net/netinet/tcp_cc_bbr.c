/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Control by a model of the path, in the manner of BBR (the design of Cardwell,
 * Cheng, Gunn, Yeganeh and Jacobson, ACM Queue 14(5), 2016): the bottleneck's rate
 * is the largest that was delivered in ten round trips, the path's delay
 * the least of ten seconds; data is paced at the rate, and about twice their product may be
 * in flight. Loss alone does not reduce the window, but much of it (2 % of a
 * round trip) ends the start and bounds what is in flight.
 */
#include "tcp_cc.h"

#define UNIT		256u		/* gains */
#define HIGH_GAIN	739u		/* 2 / ln 2: doubles in a round trip */
#define DRAIN_GAIN	88u		/* its inverse */
#define CWND_GAIN	(2 * UNIT)
#define MIN_SEGMENTS	4u
#define BW_ROUNDS	10u
#define RTT_WINDOW	(10 * NS_PER_SEC)
#define PROBE_RTT_TIME	(200 * NS_PER_MS)
#define FULL_ROUNDS	3u
#define CYCLE		8u

static const uint16_t cycle_gain[CYCLE] = {
	UNIT * 5 / 4, UNIT * 3 / 4, UNIT, UNIT, UNIT, UNIT, UNIT, UNIT
};

enum bbr_mode { BBR_STARTUP, BBR_DRAIN, BBR_PROBE_BW, BBR_PROBE_RTT };

/* The best samples of a window of rounds, best first, each later than the
 * one before it. */
struct bbr_max {
	struct {
		uint64_t v;
		uint32_t round;
	} m_best[3];
};

struct bbr {
	struct bbr_max bb_bw;		/* bytes/s */
	nstime_t bb_minrtt;		/* 0: not known */
	nstime_t bb_minrtt_at;
	nstime_t bb_probe_done;		/* of PROBE_RTT; 0: not yet drained */
	nstime_t bb_phase_at;
	uint64_t bb_round_end;		/* t_delivered that ends the round */
	uint64_t bb_full_bw;
	uint32_t bb_round;
	uint32_t bb_full_rounds;
	uint32_t bb_phase;
	uint32_t bb_prior_cwnd;
	uint32_t bb_lost;		/* bytes lost in this round */
	uint32_t bb_got;		/* bytes delivered in this round */
	uint32_t bb_bound;		/* of bytes in flight, after much loss; 0 */
	enum bbr_mode bb_mode;
	uint16_t bb_gain;
	bool bb_full;			/* the rate was reached */
	bool bb_round_start;
	bool bb_conserve;		/* the first round of a recovery */
};

static struct bbr *
bbr_of(struct tcpcb *tp)
{
	return (struct bbr *)(uintptr_t)tp->t_ccdata[0];
}

/* ---- The model --------------------------------------------------------------- */

static uint64_t
max_value(const struct bbr_max *m)
{
	return m->m_best[0].v;
}

static void
max_update(struct bbr_max *m, uint64_t v, uint32_t round)
{
	int i = 0;

	if (v >= m->m_best[0].v || round - m->m_best[2].round > BW_ROUNDS) {
		for (i = 0; i < 3; i++) {
			m->m_best[i].v = v;
			m->m_best[i].round = round;
		}
		return;
	}
	for (i = 1; i < 3; i++) {
		if (v < m->m_best[i].v)
			continue;
		for (; i < 3; i++) {
			m->m_best[i].v = v;
			m->m_best[i].round = round;
		}
	}
	/* The best has aged: the next ones move up. */
	while (round - m->m_best[0].round > BW_ROUNDS) {
		m->m_best[0] = m->m_best[1];
		m->m_best[1] = m->m_best[2];
		m->m_best[2].v = v;
		m->m_best[2].round = round;
	}
}

/* gain times the product of rate and delay, bytes */
static uint32_t
bdp(struct tcpcb *tp, const struct bbr *bb, uint32_t gain)
{
	uint64_t bw = max_value(&bb->bb_bw), rtt = (uint64_t)bb->bb_minrtt;
	uint64_t bytes;

	if (rtt == 0 || bw == 0)
		return tcp_initwnd(tp);
	/* In the unit in which it is exact, and fits. */
	bytes = rtt < NS_PER_MS ? bw * rtt / NS_PER_SEC :
	    bw * (rtt / NS_PER_US) / (NS_PER_SEC / NS_PER_US);
	bytes = bytes * gain / UNIT;
	/* Room for segments that wait to be sent together, or acknowledged. */
	bytes += 3 * (uint64_t)MIN(tcp_gsomax(tp), 65536u);
	return (uint32_t)MIN(bytes, (uint64_t)1 << 30);
}

static void
set_pacing(struct tcpcb *tp, const struct bbr *bb)
{
	uint64_t rate = max_value(&bb->bb_bw);
	nstime_t rtt;

	if (rate == 0) {
		/* Before any sample: the first window in a round trip. */
		rtt = tp->t_srtt != 0 ? tp->t_srtt : NS_PER_MS;
		rate = (uint64_t)tp->t_cwnd * NS_PER_SEC / (uint64_t)rtt;
	}
	rate = rate * bb->bb_gain / UNIT;
	/* A little less than the rate, so that no queue stays. */
	rate -= rate / 100;
	if (bb->bb_full || rate > tp->t_pacing)
		tp->t_pacing = MAX(rate, (uint64_t)tcp_mss(tp));
}

static void
update_round(struct tcpcb *tp, struct bbr *bb, const struct tcp_sample *as)
{
	bb->bb_lost += as->as_lost;
	bb->bb_got += as->as_delivered;
	bb->bb_round_start = false;
	if (as->as_interval > 0 && as->as_prior >= bb->bb_round_end) {
		bb->bb_round_end = tp->t_delivered;
		bb->bb_round++;
		bb->bb_round_start = true;
		bb->bb_conserve = false;
	}
}

static void
update_rate(struct tcpcb *tp, struct bbr *bb, const struct tcp_sample *as)
{
	uint64_t rate;

	if (as->as_interval <= 0 || as->as_bytes == 0)
		return;
	/* Shorter than the path is: acknowledgements that came in a clump. */
	if (tp->t_minrtt != 0 && as->as_interval < tp->t_minrtt)
		return;
	rate = as->as_bytes * NS_PER_SEC / (uint64_t)as->as_interval;
	if (!as->as_applim || rate >= max_value(&bb->bb_bw))
		max_update(&bb->bb_bw, rate, bb->bb_round);
}

/* ---- The states ---------------------------------------------------------------- */

/* 2 % of a round trip lost: more in flight than the path holds. */
static bool
is_lossy(const struct bbr *bb)
{
	return (uint64_t)bb->bb_lost * 50 > (uint64_t)bb->bb_lost + bb->bb_got;
}

static void
check_full(struct bbr *bb, const struct tcp_sample *as)
{
	uint64_t bw = max_value(&bb->bb_bw);

	if (bb->bb_full || !bb->bb_round_start || as->as_applim)
		return;
	/* A quarter more in three round trips, or the end of the start. */
	if (bw >= bb->bb_full_bw + bb->bb_full_bw / 4) {
		bb->bb_full_bw = bw;
		bb->bb_full_rounds = 0;
		return;
	}
	bb->bb_full = ++bb->bb_full_rounds >= FULL_ROUNDS;
}

static void
bound_losses(struct bbr *bb, const struct tcp_sample *as)
{
	if (!bb->bb_round_start)
		return;
	if (is_lossy(bb)) {
		if (bb->bb_mode == BBR_STARTUP)
			bb->bb_full = true;
		bb->bb_bound = (uint32_t)((uint64_t)MAX(as->as_inflight,
		    bb->bb_bound) * 17 / 20);
	} else if (bb->bb_bound != 0) {
		/* It may have been a passing crowd: a sixteenth more a round. */
		bb->bb_bound += bb->bb_bound / 16;
	}
	bb->bb_lost = bb->bb_got = 0;
}

static void
enter_probe_bw(struct bbr *bb, nstime_t now)
{
	bb->bb_mode = BBR_PROBE_BW;
	/* Not all connections of a host begin with the same phase. */
	bb->bb_phase = 2 + (uint32_t)((uint64_t)now / NS_PER_MS) % (CYCLE - 2);
	bb->bb_phase_at = now;
	bb->bb_gain = cycle_gain[bb->bb_phase];
}

static void
advance_phase(struct tcpcb *tp, struct bbr *bb, const struct tcp_sample *as)
{
	bool over = as->as_now - bb->bb_phase_at > bb->bb_minrtt;

	if (bb->bb_gain > UNIT)
		over = over && (as->as_lost != 0 || as->as_inflight >=
		    bdp(tp, bb, bb->bb_gain));
	else if (bb->bb_gain < UNIT)
		over = over || as->as_inflight <= bdp(tp, bb, UNIT);
	if (!over)
		return;
	bb->bb_phase = (bb->bb_phase + 1) % CYCLE;
	bb->bb_phase_at = as->as_now;
	bb->bb_gain = cycle_gain[bb->bb_phase];
}

static void
advance(struct tcpcb *tp, struct bbr *bb, const struct tcp_sample *as)
{
	if (bb->bb_mode == BBR_STARTUP && bb->bb_full) {
		bb->bb_mode = BBR_DRAIN;
		bb->bb_gain = DRAIN_GAIN;
	}
	if (bb->bb_mode == BBR_DRAIN && tcp_pipe(tp) <= bdp(tp, bb, UNIT))
		enter_probe_bw(bb, as->as_now);
	if (bb->bb_mode == BBR_PROBE_BW)
		advance_phase(tp, bb, as);
}

static void
leave_probe_rtt(struct tcpcb *tp, struct bbr *bb, nstime_t now)
{
	bb->bb_minrtt_at = now;
	tp->t_cwnd = MAX(tp->t_cwnd, bb->bb_prior_cwnd);
	if (bb->bb_full) {
		enter_probe_bw(bb, now);
	} else {
		bb->bb_mode = BBR_STARTUP;
		bb->bb_gain = HIGH_GAIN;
	}
}

/* The delay, and its probe: four segments in flight for 200 ms. */
static void
update_delay(struct tcpcb *tp, struct bbr *bb, const struct tcp_sample *as)
{
	bool expired = bb->bb_minrtt != 0 &&
	    as->as_now > bb->bb_minrtt_at + RTT_WINDOW;

	if (as->as_rtt >= 0 && (bb->bb_minrtt == 0 || expired ||
	    as->as_rtt <= bb->bb_minrtt)) {
		bb->bb_minrtt = MAX(as->as_rtt, (nstime_t)1);
		bb->bb_minrtt_at = as->as_now;
	}
	if (expired && bb->bb_mode != BBR_PROBE_RTT) {
		bb->bb_mode = BBR_PROBE_RTT;
		bb->bb_prior_cwnd = tp->t_cwnd;
		bb->bb_gain = UNIT;
		bb->bb_probe_done = 0;
	}
	if (bb->bb_mode != BBR_PROBE_RTT)
		return;
	if (bb->bb_probe_done == 0) {
		if (tcp_pipe(tp) <= MIN_SEGMENTS * tcp_mss(tp))
			bb->bb_probe_done = as->as_now + PROBE_RTT_TIME;
	} else if (as->as_now >= bb->bb_probe_done) {
		leave_probe_rtt(tp, bb, as->as_now);
	}
}

/* ---- The window ------------------------------------------------------------------ */

static void
set_cwnd(struct tcpcb *tp, struct bbr *bb, const struct tcp_sample *as)
{
	uint32_t target = bdp(tp, bb, bb->bb_mode == BBR_STARTUP ||
	    bb->bb_mode == BBR_DRAIN ? HIGH_GAIN : CWND_GAIN);
	uint32_t least = MIN_SEGMENTS * tcp_mss(tp);

	if (bb->bb_bound != 0 && bb->bb_full)
		target = MIN(target, bb->bb_bound);
	if (bb->bb_conserve)
		/* As much as left the path. */
		tp->t_cwnd = MAX(tp->t_cwnd, tcp_pipe(tp) + as->as_delivered);
	else if (bb->bb_full)
		tp->t_cwnd = MIN(tp->t_cwnd + as->as_delivered, target);
	else if (tp->t_cwnd < target || tp->t_delivered < tcp_initwnd(tp))
		tp->t_cwnd += as->as_delivered;
	tp->t_cwnd = MIN(tp->t_cwnd, 1u << 30);
	tp->t_cwnd = MAX(tp->t_cwnd, least);
	if (bb->bb_mode == BBR_PROBE_RTT)
		tp->t_cwnd = MIN(tp->t_cwnd, least);
}

static void
bbr_control(struct tcpcb *tp, const struct tcp_sample *as)
{
	struct bbr *bb = bbr_of(tp);

	update_round(tp, bb, as);
	update_rate(tp, bb, as);
	check_full(bb, as);
	bound_losses(bb, as);
	advance(tp, bb, as);
	update_delay(tp, bb, as);
	set_pacing(tp, bb);
	set_cwnd(tp, bb, as);
}

static void
bbr_state(struct tcpcb *tp, enum tcp_ca_state from, nstime_t now __maybe_unused)
{
	struct bbr *bb = bbr_of(tp);

	if (from < TCP_CA_Recovery && tp->t_ca >= TCP_CA_Recovery) {
		bb->bb_prior_cwnd = MAX(tp->t_prior_cwnd, tp->t_cwnd);
		if (tp->t_ca == TCP_CA_Recovery) {
			tp->t_cwnd = tcp_pipe(tp) + tcp_mss(tp);
			bb->bb_conserve = true;
			bb->bb_round_end = tp->t_delivered;
		}
	} else if (from >= TCP_CA_Recovery && tp->t_ca < TCP_CA_Recovery) {
		bb->bb_conserve = false;
		tp->t_cwnd = MAX(tp->t_cwnd, bb->bb_prior_cwnd);
	}
}

/* There is none: the model is the limit. */
static uint32_t
bbr_ssthresh(struct tcpcb *tp)
{
	return tp->t_ssthresh;
}

static void
bbr_undo(struct tcpcb *tp)
{
	struct bbr *bb = bbr_of(tp);

	tp->t_cwnd = MAX(tp->t_cwnd, tp->t_prior_cwnd);
	bb->bb_conserve = false;
	bb->bb_lost = 0;
	/* It may not have been full. */
	bb->bb_full_rounds = 0;
}

/* After a pause: at the model's rate, no faster. */
static void
bbr_idle(struct tcpcb *tp, nstime_t idle __maybe_unused,
    nstime_t now __maybe_unused)
{
	struct bbr *bb = bbr_of(tp);

	if (bb->bb_mode == BBR_PROBE_BW)
		tp->t_pacing = MAX(max_value(&bb->bb_bw),
		    (uint64_t)tcp_mss(tp));
}

/* struct tcp_bbr_info: rate, delay in us, gains with 8 bits of fraction. */
static size_t
bbr_info(struct tcpcb *tp, void *buf)
{
	struct bbr *bb = bbr_of(tp);
	uint32_t v[5] = {
		(uint32_t)max_value(&bb->bb_bw),
		(uint32_t)(max_value(&bb->bb_bw) >> 32),
		(uint32_t)(bb->bb_minrtt / NS_PER_US),
		bb->bb_gain,
		bb->bb_full ? CWND_GAIN : HIGH_GAIN,
	};

	memcpy(buf, v, sizeof(v));
	return sizeof(v);
}

static int
bbr_init(struct tcpcb *tp)
{
	struct bbr *bb = kmem_zalloc(sizeof(*bb), KM_NORECLAIM);

	if (bb == NULL)
		return ENOMEM;
	bb->bb_mode = BBR_STARTUP;
	bb->bb_gain = HIGH_GAIN;
	bb->bb_minrtt = tp->t_minrtt;
	bb->bb_minrtt_at = tp->t_minrtt_at;
	tp->t_ccdata[0] = (uintptr_t)bb;
	return 0;
}

static void
bbr_fini(struct tcpcb *tp)
{
	kmem_free(bbr_of(tp), sizeof(struct bbr));
	tp->t_ccdata[0] = 0;
}

const struct tcp_cc tcp_cc_bbr = {
	.tc_name = "bbr",
	.tc_init = bbr_init,
	.tc_fini = bbr_fini,
	.tc_control = bbr_control,
	.tc_ssthresh = bbr_ssthresh,
	.tc_state = bbr_state,
	.tc_undo = bbr_undo,
	.tc_idle = bbr_idle,
	.tc_info = bbr_info,
};
