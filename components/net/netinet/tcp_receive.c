/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The receiving side: data, the window that is told, delayed acknowledgements,
 * urgent data, and the size of the buffer.
 *
 * RFC 9293 3.8.6; RFC 6093 (urgent data); Fisk, Feng: "Dynamic right-sizing in
 * TCP" (2001) for the buffer.
 */
#include "tcp_cc.h"

/* ---- The window --------------------------------------------------------------- */

uint32_t
tcp_window(struct tcpcb *tp)
{
	const struct sockbuf *sb = &tcp_so(tp)->so_rcv;
	uint32_t space = sbspace(sb), told = tcp_rcvwnd(tp);

	if (tp->t_clamp != 0)
		space = MIN(space, tp->t_clamp);
	/* 3.8.6.2.2: a small window is none. */
	if (space < sb->sb_hiwat / 4 && space < tp->t_rcvmss)
		space = 0;
	space = MIN(space, TCP_MAXWIN << tp->t_rcvscale);
	return MAX(space, told);
}

/* A window's worth came in a round trip, or more: RFC 7323 could not measure
 * it better where clocks are coarse. */
static void
measure_rtt(struct tcpcb *tp, nstime_t now)
{
	nstime_t rtt = now - tp->t_drs_rtt_time;

	if (seq_lt(tp->rcv_nxt, tp->t_drs_rtt_seq))
		return;
	if (tp->t_drs_rtt_time != 0 && rtt > 0) {
		if (tp->t_rcvrtt == 0 || rtt < tp->t_rcvrtt)
			tp->t_rcvrtt = rtt;
		else
			tp->t_rcvrtt += (rtt - tp->t_rcvrtt) / 8;
	}
	tp->t_drs_rtt_time = now;
	tp->t_drs_rtt_seq = tp->rcv_nxt + MAX(tcp_rcvwnd(tp), 1u);
}

/* What the reader took in a round trip tells how large the buffer should be. */
static void
right_size(struct tcpcb *tp, size_t n)
{
	struct sockbuf *sb = &tcp_so(tp)->so_rcv;
	nstime_t now, elapsed;
	uint64_t want;

	tp->t_drs_copied += (uint32_t)n;
	if (__likely(tp->t_drs_copied < tp->t_drs_space) ||
	    (sb->sb_flags & SB_LOCKED) != 0)
		return;
	now = mono_now();
	elapsed = now - tp->t_drs_time;
	if (tp->t_drs_time != 0 && tp->t_rcvrtt != 0 && elapsed > 0) {
		want = (uint64_t)tp->t_drs_copied * (uint64_t)tp->t_rcvrtt /
		    (uint64_t)MAX(elapsed, tp->t_rcvrtt);
		want = 2 * want + 16 * tp->t_rcvmss;
		want = MIN(want, tcp_conf(tcp_vn(tp), TCPC_rmem_max));
		if (want > sb->sb_hiwat)
			(void)sbreserve(sb, (uint32_t)want);
	}
	tp->t_drs_space = sb->sb_hiwat / 2;
	tp->t_drs_copied = 0;
	tp->t_drs_time = now;
}

void
tcp_rcvd(struct tcpcb *tp, size_t n)
{
	struct sockbuf *sb = &tcp_so(tp)->so_rcv;
	uint32_t told, more;

	right_size(tp, n);
	if (!tcp_in(tp, TCPM_RECEIVING))
		return;
	told = tcp_rcvwnd(tp);
	more = tcp_window(tp) - told;
	/*
	 * 3.8.6.2.2: the window is worth telling; or the sender may wait for
	 * the acknowledgement of a whole segment, and the reader for him.
	 */
	if (2 * more >= sb->sb_hiwat || (more >= 2 * tp->t_rcvmss &&
	    (more >= sb->sb_hiwat / 4 || told <= sb->sb_hiwat / 8)) ||
	    ((tp->t_flags & TF_DELACK) != 0 && sb_cc(sb) == 0 &&
	    tp->rcv_nxt - tp->t_lastack >= tp->t_rcvmss))
		tcp_send_ack(tp, mono_now());
}

/* ---- Data ----------------------------------------------------------------------- */

void
tcp_ack_later(struct tcpcb *tp, const struct tcp_seg *sg, uint32_t seglen)
{
	if (seglen > tp->t_rcvmss)
		tp->t_rcvmss = MIN(seglen, 65535u);
	/* RFC 9293 3.8.6.3: at least every second full segment. */
	if (tp->t_quickacks != 0 ||
	    tp->rcv_nxt - tp->t_lastack >= 2 * tp->t_rcvmss) {
		tp->t_flags |= TF_ACKNOW;
	} else if ((tp->t_flags & TF_DELACK) == 0) {
		tp->t_flags |= TF_DELACK;
		tcp_timer_set(tp, TT_DELACK, sg->sg_now + TCP_DELACK);
	}
	tp->t_rcvtime = sg->sg_now;
}

static uint32_t
segment_size(const struct tcp_seg *sg)
{
	uint32_t size = sg->sg_m->m_ph.ph_gso_size;

	return size != 0 && size < sg->sg_len ? size : sg->sg_len;
}

/* The reader's memory is bounded; what is not taken will be sent again. */
static bool
have_room(struct tcpcb *tp)
{
	const struct sockbuf *sb = &tcp_so(tp)->so_rcv;

	if (__likely(sb->sb_mbcnt <= 2 * (uint64_t)sb->sb_mbmax))
		return true;
	TCP_COUNT(tcp_vn(tp), rcv_drops);
	return false;
}

/* Small pieces of large storage are packed when they cost too much. */
void
tcp_append(struct sockbuf *sb, struct mbuf *m)
{
	if (__unlikely(sb->sb_mbcnt > sb->sb_mbmax / 2))
		sbappendpacked(sb, m);
	else
		sbappendstream(sb, m);
}

bool
tcp_data(struct tcpcb *tp, struct tcp_seg *sg)
{
	bool fin = (sg->sg_flags & TH_FIN) != 0;
	struct socket *so = tcp_so(tp);
	uint32_t size;

	if (sg->sg_seq != tp->rcv_nxt) {
		tp->t_dsegs_in++;
		tcp_reass(tp, sg);
		tp->t_flags |= TF_ACKNOW;
		return false;
	}
	if (sg->sg_len == 0)
		return fin;
	if (!have_room(tp)) {
		tp->t_flags |= TF_ACKNOW;
		return false;
	}
	size = segment_size(sg);
	tp->t_dsegs_in += howmany(sg->sg_len, size);
	tp->t_bytes_rcvd += sg->sg_len;
	tp->rcv_nxt += sg->sg_len;
	tcp_append(&so->so_rcv, sg->sg_m);
	sg->sg_m = NULL;
	if (__unlikely(tp->t_reass != NULL)) {
		/* RFC 9293 3.8.6.3, RFC 5681 4.2: a hole is filled. */
		fin |= tcp_reass_deliver(tp);
		tp->t_flags |= TF_ACKNOW;
	}
	measure_rtt(tp, sg->sg_now);
	tcp_ack_later(tp, sg, size);
	sorwakeup(so);
	return fin;
}

/* ---- Urgent data ------------------------------------------------------------------ */

/* The byte before rcv_up is in this segment: keep it aside. */
static void
take_oob(struct tcpcb *tp, struct tcp_seg *sg, uint32_t off)
{
	struct mbuf *rest;

	m_copydata(sg->sg_m, off, 1, &tp->t_oob);
	tp->t_flags = (tp->t_flags | TF_HAVEOOB) & ~TF_HADOOB;
	if ((tcp_so(tp)->so_options & SOO_OOBINLINE) != 0)
		return;
	/* It leaves the stream, but not the sequence. */
	rest = off + 1 < sg->sg_len ? m_split(sg->sg_m, off + 1) : NULL;
	if (off + 1 < sg->sg_len && rest == NULL)
		return;
	m_adj(sg->sg_m, -1);
	if (rest != NULL)
		sg->sg_m = m_cat(sg->sg_m, rest);
}

static void
set_mark(struct socket *so, uint32_t off)
{
	so->so_oobmark = off;
	if (off == 0)
		so_setstate(so, SS_RCVATMARK, 0);
}

/*
 * RFC 9293 3.10.7.4 sixth. The pointer is that of the byte that follows the
 * urgent data (RFC 6093 2), of which sockets know the last byte.
 */
void
tcp_urgent(struct tcpcb *tp, struct tcp_seg *sg)
{
	struct socket *so = tcp_so(tp);
	tcp_seq up = sg->sg_seq + sg->sg_urp;

	if ((sg->sg_flags & TH_URG) != 0 && sg->sg_urp != 0 &&
	    seq_gt(up, tp->rcv_nxt) && ((tp->t_flags & TF_URGRCVD) == 0 ||
	    seq_gt(up, tp->rcv_up))) {
		tp->rcv_up = up;
		tp->t_flags = (tp->t_flags | TF_URGRCVD) &
		    ~(TF_HAVEOOB | TF_HADOOB);
		set_mark(so, sb_cc(&so->so_rcv) + (up - 1 - tp->rcv_nxt));
		sohasoob(so);
	}
	if ((tp->t_flags & (TF_URGRCVD | TF_HAVEOOB | TF_HADOOB)) !=
	    TF_URGRCVD || sg->sg_seq != tp->rcv_nxt ||
	    tp->rcv_up - 1 - sg->sg_seq >= sg->sg_len)
		return;
	take_oob(tp, sg, tp->rcv_up - 1 - sg->sg_seq);
}
