/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Explicit congestion notification (RFC 3168 6.1).
 */
#include "tcp_var.h"

#define ECT0 2
#define CE 3

/* The IP header's bits; flags of the segment are completed. */
uint8_t
tcp_ecn_output(struct tcpcb *tp, uint8_t *thflags, bool fresh)
{
	if ((tp->t_flags & TF_ECE) != 0)
		*thflags |= TH_ECE;
	/* 6.1.5: what is sent again, or carries no data, is not marked. */
	if (!fresh)
		return 0;
	if ((tp->t_flags & TF_CWR) != 0) {
		tp->t_flags &= ~TF_CWR;
		*thflags |= TH_CWR;
	}
	return ECT0;
}

void
tcp_ecn_input(struct tcpcb *tp, const struct tcp_seg *sg)
{
	/* 6.1.3: until CWR, every acknowledgement tells. */
	if ((sg->sg_flags & TH_CWR) != 0)
		tp->t_flags &= ~TF_ECE;
	if ((sg->sg_pk->ip_tos & 3) == 0)
		return;
	tp->t_flags |= TF_ECNSEEN;
	if ((sg->sg_pk->ip_tos & 3) == CE ||
	    (sg->sg_m != NULL && (sg->sg_m->m_ph.ph_flags & MP_ECN_CE) != 0)) {
		if ((tp->t_flags & TF_ECE) == 0)
			tp->t_flags |= TF_ACKNOW;
		tp->t_flags |= TF_ECE;
	}
}
