/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Segments come in: the header, the connection, and the short way of those that
 * are what was expected (header prediction, Van Jacobson 1990).
 */
#include "tcp_cc.h"

void
tcp_seg_free(struct tcp_seg *sg)
{
	if (sg->sg_m != NULL)
		m_freem(sg->sg_m);
	sg->sg_m = NULL;
}

/* Read the header and cut it off. false: malformed; sg_m may be NULL. */
static bool
parse(struct tcp_seg *sg, struct mbuf *m, const struct inpkt *pk)
{
	const uint8_t *th;
	uint32_t hlen;

	sg->sg_pk = pk;
	sg->sg_m = m;
	if (m->m_ph.ph_len < TCP_HDRLEN)
		return false;
	if (__unlikely(m->m_len < TCP_HDRLEN)) {
		sg->sg_m = m = m_pullup(m, TCP_HDRLEN);
		if (m == NULL)
			return false;
	}
	hlen = (uint32_t)(m->m_data[12] >> 4) * 4;
	if (hlen < TCP_HDRLEN || hlen > m->m_ph.ph_len)
		return false;
	if (__unlikely(m->m_len < hlen)) {
		sg->sg_m = m = m_pullup(m, hlen);
		if (m == NULL)
			return false;
	}
	th = m->m_data;
	memcpy(&sg->sg_sport, th, 2);
	memcpy(&sg->sg_dport, th + 2, 2);
	sg->sg_seq = be32dec(th + 4);
	sg->sg_ack = be32dec(th + 8);
	sg->sg_hdrlen = (uint8_t)hlen;
	sg->sg_flags = th[13];
	sg->sg_wnd = be16dec(th + 14);
	sg->sg_urp = be16dec(th + 18);
	sg->sg_nsack = 0;
	sg->sg_len = m->m_ph.ph_len - hlen;
	return tcp_options_parse(sg, th + TCP_HDRLEN, hlen - TCP_HDRLEN);
}

/* The header is cut off; an mbuf that has nothing else stays the first. */
static void
strip(struct tcp_seg *sg)
{
	struct mbuf *m = sg->sg_m;

	m->m_data += sg->sg_hdrlen;
	m->m_len -= sg->sg_hdrlen;
	m->m_ph.ph_len -= sg->sg_hdrlen;
}

/*
 * In ESTABLISHED, the next data, or an acknowledgement of what is out, with no
 * sign of trouble. false: the long way.
 */
static bool
predicted(struct tcpcb *tp, struct tcp_seg *sg)
{
	if ((sg->sg_flags & ~TH_PSH) != TH_ACK || sg->sg_seq != tp->rcv_nxt ||
	    seq_lt(sg->sg_ack, tp->snd_una) ||
	    seq_gt(sg->sg_ack, tp->snd_nxt) || tp->t_reass != NULL ||
	    sg->sg_len > tcp_rcvwnd(tp) || (tp->t_flags & (TF_ECN |
	    TF_URGRCVD)) != 0)
		return false;
	if (sg->sg_len == 0 && sg->sg_ack == tp->snd_una)
		return false;
	if ((tp->t_flags & TF_TSTMP) != 0) {
		if (sg->sg_opts != TO_TSTMP ||
		    seq_lt(sg->sg_tsval, tp->ts_recent))
			return false;
		if (seq_le(sg->sg_seq, tp->t_lastack)) {
			tp->ts_recent = sg->sg_tsval;
			tp->ts_recent_age = sg->sg_now;
		}
	} else if (sg->sg_opts != 0) {
		return false;
	}
	if (sg->sg_ack != tp->snd_una)
		tcp_ack(tp, sg);
	else
		tcp_window_update(tp, sg);
	if (sg->sg_len != 0)
		(void)tcp_data(tp, sg);
	(void)tcp_output(tp, sg->sg_now);
	return true;
}

/* The socket is locked; it is left unlocked. True: look again. */
static bool
deliver(struct tcpcb *tp, struct tcp_seg *sg)
{
	bool again = false;

	tp->t_segs_in++;
	if (sg->sg_m->m_ph.ph_gso_segs > 1)
		tp->t_segs_in += sg->sg_m->m_ph.ph_gso_segs - 1u;
	tp->t_keepprobes = 0;
	if (__likely(tp->t_state == TCPS_ESTABLISHED) && predicted(tp, sg)) {
		tcp_exit(tp);
		return false;
	}
	switch (tp->t_state) {
	case TCPS_LISTEN:
		tcp_listen_input(tp, sg);
		return false;
	case TCPS_CLOSED:
		tcp_respond_rst(sg);
		break;
	case TCPS_SYN_SENT:
		tcp_segment_synsent(tp, sg);
		break;
	case TCPS_TIME_WAIT:
		again = tcp_tw_input(tp, sg);
		break;
	default:
		tcp_segment(tp, sg);
		break;
	}
	tcp_exit(tp);
	return again;
}

/* RFC 9293 3.10.7.1 where there is nobody. */
static void
dispatch(struct tcp_seg *sg)
{
	struct inpcbtable *t = tcp_vnet(sg->sg_pk->ip_vnet)->tv_table;
	struct inpcb *inp;
	struct tcpcb *tp;

	do {
		inp = in_pcblookup(t, sg->sg_pk, sg->sg_sport, sg->sg_dport);
		tp = inp != NULL ? tcp_enter(inp) : NULL;
		if (tp == NULL) {
			tcp_respond_rst(sg);
			return;
		}
		so_from(inp->inp_socket, sg->sg_pk->ip_ifp);
		/* RFC 5082 */
		if (sg->sg_pk->ip_ttl < inp->inp_minttl) {
			tcp_exit(tp);
			return;
		}
	} while (deliver(tp, sg));
}

void
tcp_input(struct mbuf *m, const struct inpkt *pk)
{
	struct tcp_seg sg;

	/* RFC 9293 3.9.2.3 MUST-57: never to or from many. */
	if (__unlikely((pk->ip_flags & (IPK_BCAST | IPK_MCAST)) != 0)) {
		m_freem(m);
		return;
	}
	if (__unlikely(!in_cksum_ok(m, pk))) {
		TCP_COUNT(pk->ip_vnet, in_csum_errors);
		m_freem(m);
		return;
	}
	if (__unlikely(!parse(&sg, m, pk))) {
		TCP_COUNT(pk->ip_vnet, in_errors);
		tcp_seg_free(&sg);
		return;
	}
	sg.sg_now = mono_now();
	strip(&sg);
	dispatch(&sg);
	tcp_seg_free(&sg);
}
