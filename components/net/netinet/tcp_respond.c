/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Segments that no connection's output sends: resets (RFC 9293 3.5.2), answers
 * of half-open connections and of TIME-WAIT, challenge ACKs (RFC 5961).
 */
#include "tcp_var.h"

int
tcp_reply(const struct tcp_reply *rp)
{
	struct inout io = {
		.io_vnet = rp->rp_vnet,
		.io_src = rp->rp_src,
		.io_dst = rp->rp_dst,
		.io_family = rp->rp_family,
		.io_proto = IPPROTO_TCP,
		.io_tos = rp->rp_tos,
		.io_ttl = rp->rp_ttl,
		.io_flags = IO_DF,
		.io_mark = rp->rp_mark,
		.io_oif = rp->rp_oif,
	};
	size_t n = TCP_HDRLEN;
	struct mbuf *m;
	uint8_t *th;

	m = m_gethdr(MT_DATA);
	if (m == NULL)
		return ENOMEM;
	m->m_data += MLEN - TCP_HDRLEN - TCP_MAXOPT;
	th = m->m_data;
	if (rp->rp_opts != NULL)
		n += tcp_options_build(rp->rp_opts, th + TCP_HDRLEN);
	m->m_len = m->m_ph.ph_len = (uint32_t)n;
	memcpy(th, &rp->rp_sport, 2);
	memcpy(th + 2, &rp->rp_dport, 2);
	be32enc(th + 4, rp->rp_seq);
	be32enc(th + 8, rp->rp_ack);
	th[12] = (uint8_t)(n << 2);
	th[13] = rp->rp_flags;
	be16enc(th + 14, rp->rp_wnd);
	be16enc(th + 18, 0);
	m->m_ph.ph_csum = MCSUM_PARTIAL;
	m->m_ph.ph_l4 = m->m_ph.ph_csum_start = m_offset(m, th);
	m->m_ph.ph_csum_off = 16;
	tcp_cksum_store(th, in_pseudo(rp->rp_family, &rp->rp_src, &rp->rp_dst,
	    IPPROTO_TCP, (uint32_t)n));
	return in_output(m, &io);
}

static void
reply_to(const struct tcp_seg *sg, struct tcp_reply *rp)
{
	memset(rp, 0, sizeof(*rp));
	rp->rp_vnet = sg->sg_pk->ip_vnet;
	rp->rp_src = sg->sg_pk->ip_dst;
	rp->rp_dst = sg->sg_pk->ip_src;
	rp->rp_family = sg->sg_pk->ip_family;
	rp->rp_sport = sg->sg_dport;
	rp->rp_dport = sg->sg_sport;
}

void
tcp_respond_rst(const struct tcp_seg *sg)
{
	struct tcp_reply rp;

	/* Nothing answers a reset, nor what was sent to many. */
	if ((sg->sg_flags & TH_RST) != 0 ||
	    (sg->sg_pk->ip_flags & (IPK_BCAST | IPK_MCAST)) != 0)
		return;
	reply_to(sg, &rp);
	if ((sg->sg_flags & TH_ACK) != 0) {
		rp.rp_seq = sg->sg_ack;
		rp.rp_flags = TH_RST;
	} else {
		rp.rp_ack = sg->sg_seq + sg->sg_len +
		    ((sg->sg_flags & TH_SYN) != 0) +
		    ((sg->sg_flags & TH_FIN) != 0);
		rp.rp_flags = TH_RST | TH_ACK;
	}
	TCP_COUNT(rp.rp_vnet, out_rsts);
	(void)tcp_reply(&rp);
}

bool
tcp_challenge_allowed(struct tcp_vnet *tv, nstime_t now)
{
	nstime_t at = atomic_load_explicit(&tv->tv_challenge_at,
	    memory_order_relaxed);
	uint32_t left, limit = (uint32_t)tcp_conf(tv->tv_vnet,
	    TCPC_challenge_ack_limit);

	/* RFC 5961 7; varied, because a fixed limit tells of others' use. */
	if (now - at >= NS_PER_SEC &&
	    atomic_compare_exchange_strong(&tv->tv_challenge_at, &at, now))
		atomic_store_explicit(&tv->tv_challenges, (limit + 1) / 2 +
		    (uint32_t)siphash(&tv->tv_key, &now, sizeof(now)) % limit,
		    memory_order_relaxed);
	left = atomic_load_explicit(&tv->tv_challenges, memory_order_relaxed);
	while (left != 0) {
		if (atomic_compare_exchange_weak_explicit(&tv->tv_challenges,
		    &left, left - 1, memory_order_relaxed,
		    memory_order_relaxed))
			return true;
	}
	return false;
}

void
tcp_challenge(struct tcpcb *tp, nstime_t now)
{
	if (!tcp_challenge_allowed(tcp_vnet(tcp_vn(tp)), now))
		return;
	TCP_COUNT(tcp_vn(tp), challenges);
	tcp_send_ack(tp, now);
}

/* The connection is aborted: <SEQ=SND.NXT><CTL=RST> (RFC 9293 3.10.5). */
void
tcp_send_rst(struct tcpcb *tp)
{
	const struct inpcb *inp = &tp->t_inp;
	struct tcp_reply rp = {
		.rp_vnet = tcp_vn(tp),
		.rp_src = inp->inp_laddr,
		.rp_dst = inp->inp_faddr,
		.rp_family = inp->inp_family,
		.rp_flags = TH_RST | TH_ACK,
		.rp_tos = inp->inp_tos,
		.rp_ttl = inp->inp_ttl,
		.rp_sport = inp->inp_lport,
		.rp_dport = inp->inp_fport,
		.rp_seq = tp->snd_nxt,
		.rp_ack = tp->rcv_nxt,
		.rp_mark = tcp_so(tp)->so_mark,
		.rp_oif = tcp_so(tp)->so_bindif,
	};

	TCP_COUNT(rp.rp_vnet, out_rsts);
	(void)tcp_reply(&rp);
}
