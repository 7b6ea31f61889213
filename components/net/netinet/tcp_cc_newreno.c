/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The standard's congestion control: slow start and congestion avoidance of RFC
 * 5681, with bytes counted (RFC 3465).
 */
#include "tcp_cc.h"

/* t_ccdata[0]: bytes acknowledged since the window last grew. */

#define CWND_MAX (1u << 30)

static void
newreno_ack(struct tcpcb *tp, const struct tcp_sample *as)
{
	uint32_t left;

	if (!as->as_limited || tp->t_cwnd >= CWND_MAX)
		return;
	left = tcp_slow_start(tp, as->as_acked);
	if (left == 0)
		return;
	/* RFC 5681 3.1: a segment for each window of acknowledged data. */
	tp->t_ccdata[0] += left;
	while (tp->t_ccdata[0] >= tp->t_cwnd) {
		tp->t_ccdata[0] -= tp->t_cwnd;
		tp->t_cwnd += tcp_mss(tp);
	}
}

/* RFC 5681 equation 4. */
static uint32_t
newreno_ssthresh(struct tcpcb *tp)
{
	tp->t_ccdata[0] = 0;
	return MAX((tp->snd_nxt - tp->snd_una) / 2, 2 * tcp_mss(tp));
}

const struct tcp_cc tcp_cc_newreno = {
	.tc_name = "reno",
	.tc_ack = newreno_ack,
	.tc_ssthresh = newreno_ssthresh,
};
