/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a connection sends, and when (RFC 9293 3.8.6.2, 3.8.6.3, 3.10.2).
 *
 * A packet carries up to 64 KiB of the send buffer, by reference, and is cut into
 * segments below (ph_gso). Data goes out while the peer's window and the
 * congestion window have room; a segment that is not full waits as RFC 9293
 * 3.7.4 has it (Nagle; here only a small segment that is unacknowledged holds
 * back the next), while corked, and while what would be sent is a small part of
 * the window (3.8.6.2.1). snd_nxt never goes back: what is sent again is
 * tcp_recovery.c's.
 */
#include "tcp_cc.h"

/* Room in front of our header: Ethernet's and IPv6's, aligned. */
#define LEADING 56

uint32_t
tcp_gsomax(const struct tcpcb *tp)
{
	uint32_t most = 65535 - 40 - TCP_HDRLEN - 12 - tp->t_inp.inp_optlen;
	uint32_t mss = tcp_mss(tp);

	if (tp->t_inp.inp_family == AF_INET)
		most += 20;
	/* Pacing: a millisecond's worth, two segments at least. */
	if (tp->t_pacing != 0 && tp->t_pacing / 1000 < most)
		most = MAX((uint32_t)(tp->t_pacing / 1000), 2 * mss);
	return most > mss ? most - most % mss : mss;
}

/* ---- One segment ---------------------------------------------------------- */

static size_t
build_options(struct tcpcb *tp, uint8_t *p, nstime_t now)
{
	struct tcp_opts to;
	unsigned max;

	if (__likely(tp->t_reass == NULL && (tp->t_flags & (TF_DSACK |
	    TF_TSTMP)) == TF_TSTMP)) {
		be32enc(p, 0x0101080au);
		be32enc(p + 4, tcp_tsclock(now) + tp->t_tsoff);
		be32enc(p + 8, tp->ts_recent);
		return 12;
	}
	to.to_opts = 0;
	to.to_nsack = 0;
	max = TCP_MAXSACK;
	if ((tp->t_flags & TF_TSTMP) != 0) {
		to.to_opts = TO_TSTMP;
		to.to_tsval = tcp_tsclock(now) + tp->t_tsoff;
		to.to_tsecr = tp->ts_recent;
		max = 3;
	}
	if ((tp->t_flags & TF_SACK) != 0)
		tcp_sack_build(tp, &to, max);
	return tcp_options_build(&to, p);
}

/* The window field; what is told once is never taken back. */
static uint16_t
tell_window(struct tcpcb *tp)
{
	uint32_t unit = 1u << tp->t_rcvscale;
	uint32_t wnd = MIN((tcp_window(tp) + unit - 1) >> tp->t_rcvscale,
	    TCP_MAXWIN);

	tp->rcv_adv = seq_max(tp->rcv_adv, tp->rcv_nxt + wnd * unit);
	tp->t_lastack = tp->rcv_nxt;
	return (uint16_t)wnd;
}

/* Our header and n bytes of options; len bytes of data from off on. */
static struct mbuf *
make_packet(struct tcpcb *tp, size_t hlen, uint32_t off, uint32_t len)
{
	struct sockbuf *sb = &tcp_so(tp)->so_snd;
	struct mbuf *m;

	m = m_gethdr(MT_DATA);
	if (m == NULL)
		return NULL;
	if (hlen + len <= MLEN - LEADING) {
		m->m_data += (MLEN - hlen - len) & ~(size_t)3;
		m->m_len = (uint32_t)(hlen + len);
		if (len != 0)
			m_copydata(sb->sb_mb, off, len, m->m_data + hlen);
	} else {
		m->m_data += MLEN - hlen;
		m->m_len = (uint32_t)hlen;
		m->m_next = sbcopy(sb, off, len, 0, &tp->t_hint);
		if (m->m_next == NULL) {
			m_freem(m);
			return NULL;
		}
	}
	m->m_ph.ph_len = (uint32_t)hlen + len;
	return m;
}

static void
set_header(struct tcpcb *tp, uint8_t *th, tcp_seq seq, uint32_t hlen,
    uint8_t flags)
{
	const struct inpcb *inp = &tp->t_inp;

	memcpy(th, &inp->inp_lport, 2);
	memcpy(th + 2, &inp->inp_fport, 2);
	be32enc(th + 4, seq);
	be32enc(th + 8, tp->rcv_nxt);
	th[12] = (uint8_t)(hlen << 2);
	be16enc(th + 14, tell_window(tp));
	be16enc(th + 18, 0);
	/* RFC 6093 2: the pointer is that of the byte that follows. */
	if ((tp->t_flags & TF_URGSENT) != 0 && seq_gt(tp->snd_up, seq)) {
		flags |= TH_URG;
		be16enc(th + 18, (uint16_t)MIN(tp->snd_up - seq, 65535u));
	}
	th[13] = flags;
}

/* Hand a packet with a complete header to IP. */
static int
transmit(struct tcpcb *tp, struct mbuf *m, uint32_t hlen, uint32_t len,
    uint8_t ecn)
{
	uint32_t mss = tp->t_maxseg - (hlen - TCP_HDRLEN);
	struct mpkthdr *ph = &m->m_ph;
	struct inout io;

	in_pcbout(&tp->t_inp, &io);
	io.io_tos = (uint8_t)((io.io_tos & ~3) | ecn);
	ph->ph_csum = MCSUM_PARTIAL;
	ph->ph_l4 = ph->ph_csum_start = m_offset(m, m->m_data);
	ph->ph_csum_off = 16;
	tp->t_segs_out++;
	if (len > mss) {
		ph->ph_gso = tp->t_inp.inp_family == AF_INET ? MGSO_TCP4 :
		    MGSO_TCP6;
		ph->ph_gso_size = (uint16_t)mss;
		ph->ph_gso_segs = (uint16_t)howmany(len, mss);
		tp->t_segs_out += ph->ph_gso_segs - 1u;
	}
	tcp_cksum_store(m->m_data, in_pseudo(io.io_family, &io.io_src,
	    &io.io_dst, IPPROTO_TCP, ph->ph_len));
	return in_output(m, &io);
}

int
tcp_emit(struct tcpcb *tp, tcp_seq seq, uint32_t len, unsigned how,
    nstime_t now)
{
	uint8_t opts[TCP_MAXOPT], flags = (uint8_t)how, ecn = 0;
	struct mbuf *m;
	uint32_t hlen;
	int error;

	hlen = TCP_HDRLEN + (uint32_t)build_options(tp, opts, now);
	m = make_packet(tp, hlen, seq - tcp_sndseq(tp), len);
	if (m == NULL)
		return ENOMEM;
	if ((tp->t_flags & TF_ECN) != 0)
		ecn = tcp_ecn_output(tp, &flags, len != 0 &&
		    (how & TCP_AGAIN) == 0);
	set_header(tp, m->m_data, seq, hlen, flags | TH_ACK);
	memcpy(m->m_data + TCP_HDRLEN, opts, hlen - TCP_HDRLEN);
	tp->t_flags &= ~(TF_ACKNOW | TF_DELACK | TF_DSACK);
	tcp_timer_clear(tp, TT_DELACK);
	if (tp->t_quickacks != 0)
		tp->t_quickacks--;
	if (len != 0) {
		tp->t_bytes_sent += len;
		tp->t_dsegs_out += howmany(len, tcp_mss(tp));
		/* An answer soon after data: the peers take turns. */
		if (now - tp->t_rcvtime < TCP_DELACK)
			tp->t_quickacks = 0;
		tp->t_sndtime = now;
	}
	error = transmit(tp, m, hlen, len, ecn);
	if (error == EMSGSIZE)
		tcp_mss_update(tp);
	else if (error != 0 && error != ENOBUFS)
		tcp_so(tp)->so_softerror = error;
	return error;
}

/* ---- How much of what is new ------------------------------------------------ */

/* What a look at the send buffer and the windows found. */
struct plan {
	uint32_t pl_off;	/* sent already */
	uint32_t pl_avail;	/* waits in the buffer */
	uint32_t pl_len;	/* may go now */
	bool pl_fin;		/* a FIN follows the data */
};

/* A part of the data at the buffer's end, less than a segment: may it go? */
static bool
may_send_tail(const struct tcpcb *tp, const struct plan *pl)
{
	if (pl->pl_fin || (tp->t_flags & TF_FORCE) != 0)
		return true;
	if ((tp->t_flags & (TF_CORK | TF_MORE)) != 0)
		return false;
	if ((tp->t_flags & TF_NODELAY) != 0 || tp->snd_una == tp->snd_nxt)
		return true;
	return seq_le(tp->snd_sml, tp->snd_una);
}

/* Whole segments, where more than their number is at hand. */
static void
plan_segments(const struct tcpcb *tp, struct plan *pl, uint32_t pipe)
{
	uint32_t mss = tcp_mss(tp), wnd = MIN(tp->t_cwnd, tp->snd_wnd);
	uint32_t most, tail;

	if (pl->pl_len < pl->pl_avail) {
		/*
		 * Limited by a window. RFC 9293 3.8.6.2.1: full segments, or
		 * half of the largest window; and where an acknowledgement is
		 * to come, no small packet while a large one is possible;
		 * but acknowledgements of losses must be answered one by
		 * one (RFC 3042, RFC 6937).
		 */
		most = MIN(tcp_gsomax(tp), wnd / 3);
		if (pl->pl_len >= mss)
			pl->pl_len -= pl->pl_len % mss;
		else if (pl->pl_len < tp->snd_maxwnd / 2 &&
		    (tp->t_flags & TF_FORCE) == 0)
			pl->pl_len = 0;
		if (pipe != 0 && pl->pl_len < most &&
		    tp->t_ca == TCP_CA_Open && (tp->t_flags & TF_FORCE) == 0)
			pl->pl_len = 0;
	}
	most = tcp_gsomax(tp);
	if (pl->pl_len > most) {
		pl->pl_len = most;
		return;
	}
	tail = pl->pl_len % mss;
	if (pl->pl_len == pl->pl_avail && tail != 0 && !may_send_tail(tp, pl))
		pl->pl_len -= tail;
}

static bool
plan(struct tcpcb *tp, struct plan *pl, nstime_t now)
{
	uint32_t cc = sb_cc(&tcp_so(tp)->so_snd);
	tcp_seq edge = tp->snd_una + tp->snd_wnd;
	uint32_t pipe, room;

	pl->pl_off = tp->snd_nxt - tcp_sndseq(tp);
	pl->pl_avail = cc - pl->pl_off;
	pl->pl_fin = (tp->t_flags & TF_NEEDFIN) != 0;
	if (pl->pl_avail == 0) {
		pl->pl_len = 0;
		return pl->pl_fin;
	}
	pl->pl_len = pl->pl_avail;
	room = seq_gt(edge, tp->snd_nxt) ? edge - tp->snd_nxt : 0;
	if (room < pl->pl_len) {
		tcp_chrono(tp, TC_RWND, now);
		pl->pl_len = room;
	}
	pipe = tcp_pipe(tp);
	room = tp->t_cwnd > pipe ? tp->t_cwnd - pipe : 0;
	if (room < pl->pl_len) {
		tp->t_flags |= TF_CWNDLIM;
		pl->pl_len = room;
	}
	if (pl->pl_len != 0)
		plan_segments(tp, pl, pipe);
	return pl->pl_len != 0;
}

/* Pacing: may a packet leave now? If not, a timer is set. */
static bool
paced(struct tcpcb *tp, uint32_t len, nstime_t now)
{
	if (tp->t_pacing == 0)
		return true;
	if (tp->t_pace_next > now) {
		tcp_timer_set(tp, TT_PACE, tp->t_pace_next);
		return false;
	}
	/* What was not used is lost, but for a millisecond. */
	tp->t_pace_next = MAX(tp->t_pace_next, now - NS_PER_MS) +
	    (nstime_t)((uint64_t)len * NS_PER_SEC / tp->t_pacing);
	return true;
}

static bool
send_new(struct tcpcb *tp, nstime_t now)
{
	struct tcp_sent *ts;
	struct plan pl;
	uint8_t flags = 0;
	bool fin;

	if (!plan(tp, &pl, now) || !paced(tp, pl.pl_len, now))
		return false;
	fin = pl.pl_fin && pl.pl_len == pl.pl_avail;
	if (pl.pl_len == pl.pl_avail)
		flags = TH_PSH;
	if (fin)
		flags |= TH_FIN;
	if (tp->snd_una == tp->snd_nxt)
		tp->t_start = now;
	if (pl.pl_len + pl.pl_off == sb_cc(&tcp_so(tp)->so_snd) &&
	    pl.pl_len % tcp_mss(tp) != 0)
		tp->snd_sml = tp->snd_nxt + pl.pl_len;
	ts = tcp_sent_add(tp, pl.pl_len + fin, fin ? TS_FIN : 0, now);
	if (ts == NULL)
		return false;
	tp->t_prr_out += pl.pl_len;
	if (fin)
		tp->t_flags |= TF_FINSENT;
	/* What was dropped here is as good as lost: the record remains. */
	if (tcp_emit(tp, ts->ts_start, pl.pl_len, flags, now) == ENOBUFS) {
		tcp_enter_cwr(tp, now);
		return false;
	}
	return !fin;
}

/* The application is what limits: rate samples are no measure of the path. */
static void
note_limits(struct tcpcb *tp, nstime_t now)
{
	uint32_t cc = sb_cc(&tcp_so(tp)->so_snd);
	uint32_t unsent = cc - MIN(cc, tp->snd_nxt - tcp_sndseq(tp));

	if (unsent < tcp_mss(tp) && tp->t_lost == 0 &&
	    tcp_pipe(tp) < tp->t_cwnd)
		tp->t_applim = MAX(tp->t_delivered + tcp_pipe(tp), 1u);
	if (tp->snd_una == tp->snd_nxt && unsent == 0)
		tcp_chrono(tp, TC_NONE, now);
	else if (tp->t_chrono == TC_NONE)
		tcp_chrono(tp, TC_BUSY, now);
	if (tp->t_pacing == 0 && (unsent == 0 || (tp->t_flags & (TF_CORK |
	    TF_MORE)) == 0))
		tcp_timer_clear(tp, TT_PACE);
	else if (unsent != 0 && tp->t_deadline[TT_PACE] == NSTIME_FOREVER &&
	    (tp->t_flags & (TF_CORK | TF_MORE)) != 0)
		tcp_timer_set(tp, TT_PACE, now + TCP_CORKED);
}

static void
after_idle(struct tcpcb *tp, nstime_t now)
{
	nstime_t idle = now - tp->t_sndtime;

	if (tp->t_sndtime == 0 || idle <= tp->t_rto)
		return;
	if (tp->t_cc->tc_idle != NULL)
		tp->t_cc->tc_idle(tp, idle, now);
	else
		tcp_restart_window(tp);
}

int
tcp_output(struct tcpcb *tp, nstime_t now)
{
	if (tcp_in(tp, TCPM_SENDING)) {
		if (tp->snd_una == tp->snd_nxt)
			after_idle(tp, now);
		if (tp->t_lost != 0)
			tcp_retransmit(tp, now);
		while ((tp->t_flags & TF_FINSENT) == 0 && send_new(tp, now))
			continue;
		note_limits(tp, now);
		tp->t_flags &= ~TF_FORCE;
		if (tp->t_rearm != 0 || tp->t_rexmt == TR_NONE)
			tcp_rexmt_set(tp, now);
		tp->t_rearm = 0;
	}
	if ((tp->t_flags & TF_ACKNOW) != 0)
		tcp_send_ack(tp, now);
	return 0;
}

void
tcp_send_ack(struct tcpcb *tp, nstime_t now)
{
	if (tcp_emit(tp, tp->snd_nxt, 0, 0, now) == ENOMEM) {
		tp->t_flags |= TF_DELACK;
		tcp_timer_set(tp, TT_DELACK, now + TCP_DELACK);
	}
}

/* RFC 9293 3.8.4, 3.8.6.1: an old sequence number, which must be answered. */
void
tcp_send_probe(struct tcpcb *tp, nstime_t now)
{
	(void)tcp_emit(tp, tp->snd_una - 1, 0, 0, now);
}

/* ---- SYN --------------------------------------------------------------------- */

static void
syn_options(struct tcpcb *tp, struct tcp_opts *to, nstime_t now)
{
	bool answer = tp->t_state == TCPS_SYN_RECEIVED;

	memset(to, 0, sizeof(*to));
	to->to_opts = TO_MSS;
	to->to_mss = tcp_mss_offer(tp);
	if (answer ? (tp->t_flags & TF_SCALE) != 0 : true) {
		to->to_opts |= TO_SCALE;
		to->to_wscale = tp->t_rcvscale;
	}
	if (!answer || (tp->t_flags & TF_SACK) != 0)
		to->to_opts |= TO_SACKOK;
	if (answer ? (tp->t_flags & TF_TSTMP) != 0 :
	    (tp->t_flags & TF_NOTSTMP) == 0) {
		to->to_opts |= TO_TSTMP;
		to->to_tsval = tcp_tsclock(now) + tp->t_tsoff;
		to->to_tsecr = tp->ts_recent;
	}
	if (!answer && tp->t_extra != NULL && (tp->t_extra->te_wantcookie ||
	    tp->t_extra->te_cookielen != 0)) {
		to->to_opts |= TO_FASTOPEN;
		to->to_tfo = tp->t_extra->te_cookie;
		to->to_tfolen = tp->t_extra->te_cookielen;
	}
}

/* SYN, or SYN and ACK where both sides opened; with the first record. */
void
tcp_send_syn(struct tcpcb *tp, nstime_t now)
{
	uint8_t flags = TH_SYN, opts[TCP_MAXOPT];
	struct tcp_opts to;
	struct mbuf *m;
	uint32_t hlen, wnd;

	syn_options(tp, &to, now);
	hlen = TCP_HDRLEN + (uint32_t)tcp_options_build(&to, opts);
	if (tp->t_state == TCPS_SYN_RECEIVED)
		flags |= TH_ACK;
	if (tp->snd_nxt == tp->iss) {
		if (tcp_sent_add(tp, 1, TS_SYN, now) == NULL)
			return;
		tp->t_start = now;
		/* RFC 3168 6.1.1; a repeated SYN does without. */
		if (flags == TH_SYN && tcp_conf(tcp_vn(tp), TCPC_ecn) == 1)
			flags |= TH_ECE | TH_CWR;
	}
	m = make_packet(tp, hlen, 0, 0);
	if (m == NULL)
		return;
	set_header(tp, m->m_data, tp->iss, hlen, flags);
	if (flags == TH_SYN || (flags & TH_ACK) == 0)
		be32enc(m->m_data + 8, 0);
	/* The window of a SYN is not scaled. */
	wnd = MIN(tcp_window(tp), TCP_MAXWIN);
	be16enc(m->m_data + 14, (uint16_t)wnd);
	tp->rcv_adv = tp->rcv_nxt + wnd;
	memcpy(m->m_data + TCP_HDRLEN, opts, hlen - TCP_HDRLEN);
	tp->t_flags &= ~TF_ACKNOW;
	(void)transmit(tp, m, hlen, 0, 0);
}
