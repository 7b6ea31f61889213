/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * CUBIC (RFC 9438), with HyStart++ (RFC 9406) to leave slow start.
 *
 * Windows are bytes, as everywhere; time is in milliseconds where it is raised
 * to the third power. C is 0.4, beta 0.7.
 */
#include "tcp_cc.h"

#define CWND_MAX	(1u << 30)
#define MS_MAX		60000	/* |t - K| beyond which the curve is flat */

/* RFC 9406 4.3 */
#define HS_MIN_THRESH	4000u	/* microseconds */
#define HS_MAX_THRESH	16000u
#define HS_DIVISOR	8u
#define HS_SAMPLES	8u
#define HS_GROWTH	4u
#define HS_ROUNDS	5u
#define HS_NONE		UINT32_MAX

/* Lies in t_ccdata. */
struct cubic {
	nstime_t cu_epoch;		/* when this epoch began; 0: it did not */
	nstime_t cu_epoch_undo;
	uint32_t cu_wmax, cu_wmax_undo;	/* W_max */
	uint32_t cu_k, cu_k_undo;	/* K, ms */
	uint32_t cu_prior;		/* cwnd_prior */
	uint32_t cu_west;		/* W_est */
	uint32_t cu_rest;		/* of increments that were no byte */
	uint32_t cu_rtt_last, cu_rtt_now;	/* least of a round, us */
	uint32_t cu_css_rtt;		/* cssBaselineMinRtt; HS_NONE: no CSS */
	uint8_t cu_samples;
	uint8_t cu_css_rounds;
	bool cu_hs;			/* the first slow start is not over */
};
_Static_assert(sizeof(struct cubic) <= sizeof(((struct tcpcb *)0)->t_ccdata),
    "cubic's state");

static struct cubic *
cubic_of(struct tcpcb *tp)
{
	return (struct cubic *)(void *)tp->t_ccdata;
}

static int
cubic_init(struct tcpcb *tp)
{
	struct cubic *cu = cubic_of(tp);

	cu->cu_rtt_last = cu->cu_rtt_now = cu->cu_css_rtt = HS_NONE;
	cu->cu_hs = true;
	return 0;
}

/* ---- Slow start: RFC 9406 4.2 --------------------------------------------- */

static void
hystart_round(struct tcpcb *tp, struct cubic *cu)
{
	cu->cu_rtt_last = cu->cu_rtt_now;
	cu->cu_rtt_now = HS_NONE;
	cu->cu_samples = 0;
	if (cu->cu_css_rtt != HS_NONE && ++cu->cu_css_rounds >= HS_ROUNDS) {
		tp->t_ssthresh = tp->t_cwnd;
		cu->cu_hs = false;
	}
}

static void
hystart_sample(struct cubic *cu, nstime_t rtt)
{
	uint32_t us = (uint32_t)MIN(rtt / NS_PER_US, (nstime_t)HS_NONE - 1);
	uint32_t thresh;

	cu->cu_rtt_now = MIN(cu->cu_rtt_now, us);
	if (cu->cu_samples < HS_SAMPLES)
		cu->cu_samples++;
	if (cu->cu_samples < HS_SAMPLES)
		return;
	if (cu->cu_css_rtt != HS_NONE) {
		/* It was noise: slow start goes on. */
		if (cu->cu_rtt_now < cu->cu_css_rtt)
			cu->cu_css_rtt = HS_NONE;
		return;
	}
	if (cu->cu_rtt_last == HS_NONE)
		return;
	thresh = MIN(cu->cu_rtt_last / HS_DIVISOR, HS_MAX_THRESH);
	thresh = MAX(thresh, HS_MIN_THRESH);
	if (cu->cu_rtt_now >= cu->cu_rtt_last + thresh) {
		cu->cu_css_rtt = cu->cu_rtt_now;
		cu->cu_css_rounds = 0;
	}
}

/* @return how much of acked is left for congestion avoidance */
static uint32_t
cubic_slow_start(struct tcpcb *tp, struct cubic *cu,
    const struct tcp_sample *as)
{
	if (cu->cu_hs) {
		if (as->as_round)
			hystart_round(tp, cu);
		if (as->as_rtt >= 0)
			hystart_sample(cu, as->as_rtt);
	}
	if (cu->cu_hs && cu->cu_css_rtt != HS_NONE) {
		(void)tcp_slow_start(tp, as->as_acked / HS_GROWTH);
		return 0;
	}
	return tcp_slow_start(tp, as->as_acked);
}

/* ---- The curve: RFC 9438 4.2 ---------------------------------------------- */

static uint32_t
cube_root(uint64_t v)
{
	uint64_t r = 0, bit, t;

	for (bit = 1u << 20; bit != 0; bit >>= 1) {
		t = r | bit;
		if (t * t * t <= v)
			r = t;
	}
	return (uint32_t)r;
}

/* 4.2: K = cubic root of (W_max - cwnd_epoch) / C, seconds and segments */
static void
epoch_begin(struct tcpcb *tp, struct cubic *cu, nstime_t now)
{
	uint32_t mss = tcp_mss(tp);

	cu->cu_epoch = now;
	cu->cu_west = tp->t_cwnd;
	cu->cu_rest = 0;
	if (tp->t_cwnd < cu->cu_wmax) {
		/* In ms: 10^9 times what is under the root. */
		cu->cu_k = cube_root((uint64_t)(cu->cu_wmax - tp->t_cwnd) *
		    2500000000u / mss);
	} else {
		cu->cu_k = 0;
		cu->cu_wmax = tp->t_cwnd;
	}
}

/* W_cubic at ms after the epoch's beginning, bytes. */
static uint32_t
curve(const struct tcpcb *tp, const struct cubic *cu, int64_t ms)
{
	int64_t d = ms - cu->cu_k;
	uint64_t off = (uint64_t)MIN(d < 0 ? -d : d, (int64_t)MS_MAX), delta;

	/* 0.4 segments a cubic second. */
	delta = off * off * off / 1000 * tcp_mss(tp) / 1000 * 4 / 10 / 1000;
	delta = MIN(delta, (uint64_t)CWND_MAX);
	if (d < 0)
		return cu->cu_wmax > delta ? cu->cu_wmax - (uint32_t)delta : 0;
	return (uint32_t)MIN((uint64_t)cu->cu_wmax + delta,
	    (uint64_t)CWND_MAX);
}

/* 4.3: what Reno would have. alpha is 9/17 until W_est reaches cwnd_prior. */
static void
reno_estimate(struct tcpcb *tp, struct cubic *cu, uint32_t acked)
{
	uint64_t more = (uint64_t)acked * tcp_mss(tp) / tp->t_cwnd;

	if (cu->cu_west < cu->cu_prior)
		more = more * 9 / 17;
	cu->cu_west = (uint32_t)MIN(cu->cu_west + more, (uint64_t)CWND_MAX);
}

static void
cubic_ack(struct tcpcb *tp, const struct tcp_sample *as)
{
	struct cubic *cu = cubic_of(tp);
	uint32_t acked = as->as_acked, target;
	uint64_t more;
	int64_t ms;

	if (!as->as_limited || tp->t_cwnd >= CWND_MAX)
		return;
	if (tp->t_cwnd < tp->t_ssthresh) {
		acked = cubic_slow_start(tp, cu, as);
		if (acked == 0)
			return;
	}
	if (cu->cu_epoch == 0)
		epoch_begin(tp, cu, as->as_now);
	ms = (as->as_now - cu->cu_epoch) / NS_PER_MS;
	reno_estimate(tp, cu, acked);
	if (curve(tp, cu, ms) < cu->cu_west) {
		tp->t_cwnd = MAX(tp->t_cwnd, cu->cu_west);
		return;
	}
	/* 4.2: where it will be in a round trip, at most half as much more. */
	target = curve(tp, cu, ms + tp->t_srtt / NS_PER_MS);
	target = MIN(target, tp->t_cwnd + tp->t_cwnd / 2);
	if (target <= tp->t_cwnd)
		return;
	more = (uint64_t)(target - tp->t_cwnd) * acked + cu->cu_rest;
	cu->cu_rest = (uint32_t)(more % tp->t_cwnd);
	tp->t_cwnd += (uint32_t)(more / tp->t_cwnd);
}

/* 4.6, and fast convergence: 4.7. */
static uint32_t
cubic_ssthresh(struct tcpcb *tp)
{
	struct cubic *cu = cubic_of(tp);
	uint32_t cwnd = tp->t_cwnd;

	cu->cu_epoch_undo = cu->cu_epoch;
	cu->cu_wmax_undo = cu->cu_wmax;
	cu->cu_k_undo = cu->cu_k;
	cu->cu_wmax = cwnd < cu->cu_wmax ? (uint32_t)((uint64_t)cwnd * 17 /
	    20) : cwnd;
	cu->cu_prior = cwnd;
	cu->cu_epoch = 0;
	cu->cu_hs = false;
	return MAX((uint32_t)((uint64_t)cwnd * 7 / 10), 2 * tcp_mss(tp));
}

/* 4.9.1 */
static void
cubic_undo(struct tcpcb *tp)
{
	struct cubic *cu = cubic_of(tp);

	tp->t_cwnd = MAX(tp->t_cwnd, tp->t_prior_cwnd);
	tp->t_ssthresh = MAX(tp->t_ssthresh, tp->t_prior_ssthresh);
	cu->cu_epoch = cu->cu_epoch_undo;
	cu->cu_wmax = cu->cu_wmax_undo;
	cu->cu_k = cu->cu_k_undo;
}

/* 4.8: after a time-out the curve begins anew when slow start is over. */
static void
cubic_state(struct tcpcb *tp, enum tcp_ca_state from __maybe_unused,
    nstime_t now __maybe_unused)
{
	if (tp->t_ca == TCP_CA_Loss)
		cubic_of(tp)->cu_epoch = 0;
}

/* 5.8: a pause is no time of the curve. The window restarts: RFC 5681 4.1. */
static void
cubic_idle(struct tcpcb *tp, nstime_t idle, nstime_t now __maybe_unused)
{
	struct cubic *cu = cubic_of(tp);

	if (cu->cu_epoch != 0)
		cu->cu_epoch += idle;
	tcp_restart_window(tp);
}

const struct tcp_cc tcp_cc_cubic = {
	.tc_name = "cubic",
	.tc_init = cubic_init,
	.tc_ack = cubic_ack,
	.tc_ssthresh = cubic_ssthresh,
	.tc_state = cubic_state,
	.tc_undo = cubic_undo,
	.tc_idle = cubic_idle,
};
