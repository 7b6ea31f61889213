/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Congestion control modules: finding them, and what they share.
 */
#include "tcp_cc.h"

static const struct tcp_cc *const modules[] = {
	&tcp_cc_cubic, &tcp_cc_newreno, &tcp_cc_bbr,
};

const struct tcp_cc *
tcp_cc_find(const char *name)
{
	size_t i;

	for (i = 0; i < nitems(modules); i++) {
		if (strcmp(modules[i]->tc_name, name) == 0)
			return modules[i];
	}
	return NULL;
}

const struct tcp_cc *
tcp_cc_default(void)
{
	return modules[0];
}

int
tcp_cc_set(struct tcpcb *tp, const struct tcp_cc *cc)
{
	int error = 0;

	if (tp->t_cc == cc)
		return 0;
	tcp_cc_fini(tp);
	memset(tp->t_ccdata, 0, sizeof(tp->t_ccdata));
	tp->t_pacing = 0;
	if (cc->tc_init != NULL)
		error = cc->tc_init(tp);
	tp->t_cc = error == 0 ? cc : &tcp_cc_newreno;
	return error;
}

void
tcp_cc_fini(struct tcpcb *tp)
{
	if (tp->t_cc != NULL && tp->t_cc->tc_fini != NULL)
		tp->t_cc->tc_fini(tp);
	tp->t_cc = NULL;
}

/* RFC 6928 2: min(10 MSS, max(2 MSS, 14600)). */
uint32_t
tcp_initwnd(const struct tcpcb *tp)
{
	uint32_t mss = tcp_mss(tp);

	return MIN((uint32_t)tcp_conf(tcp_vn(tp), TCPC_initial_cwnd) *
	    mss, MAX(2 * mss, 14600u));
}

void
tcp_restart_window(struct tcpcb *tp)
{
	tp->t_cwnd = MIN(tp->t_cwnd, tcp_initwnd(tp));
}

uint32_t
tcp_slow_start(struct tcpcb *tp, uint32_t acked)
{
	uint32_t n;

	if (tp->t_cwnd >= tp->t_ssthresh)
		return acked;
	n = MIN(acked, tp->t_ssthresh - tp->t_cwnd);
	tp->t_cwnd += n;
	return acked - n;
}
