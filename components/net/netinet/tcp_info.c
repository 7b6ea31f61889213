/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TCP_INFO: what a connection knows about itself (linux/tcp.h; RFC 4898's
 * names are in the comments there).
 */
#include <kern/string.h>

#include "tcp_cc.h"

/* What the sender waits for; the time of each is summed up. */
void
tcp_chrono(struct tcpcb *tp, enum tcp_chrono why, nstime_t now)
{
	if (tp->t_chrono == why)
		return;
	if (tp->t_chrono != TC_NONE)
		tp->t_chrono_sum[tp->t_chrono] += (uint64_t)(now -
		    tp->t_chrono_start);
	tp->t_chrono = (uint8_t)why;
	tp->t_chrono_start = now;
}

static void
chrono_sum(struct tcpcb *tp, nstime_t now)
{
	enum tcp_chrono why = tp->t_chrono;

	tcp_chrono(tp, TC_NONE, now);
	tcp_chrono(tp, why, now);
}

static uint32_t
usec(nstime_t ns)
{
	return (uint32_t)MIN(MAX(ns, 0) / NS_PER_US, (nstime_t)UINT32_MAX);
}

/* Milliseconds since; 0: never. */
static uint32_t
since(nstime_t now, nstime_t then)
{
	return then == 0 ? 0 : (uint32_t)((now - then) / NS_PER_MS);
}

static void
count_segments(struct tcpcb *tp, struct tcp_info *ti)
{
	uint32_t mss = tcp_mss(tp), n;
	struct tcp_sent *ts;

	TCP_SENT_FOREACH(ts, tp) {
		n = howmany(ts->ts_end - ts->ts_start, mss);
		ti->tcpi_unacked += n;
		if ((ts->ts_flags & TS_SACKED) != 0)
			ti->tcpi_sacked += n;
		if ((ts->ts_flags & TS_LOST) != 0)
			ti->tcpi_lost += n;
		else if ((ts->ts_flags & (TS_RETX | TS_SACKED)) == TS_RETX)
			ti->tcpi_retrans += n;
	}
}

static uint8_t
options(const struct tcpcb *tp)
{
	uint8_t o = 0;

	if ((tp->t_flags & TF_TSTMP) != 0)
		o |= TCPI_OPT_TIMESTAMPS;
	if ((tp->t_flags & TF_SACK) != 0)
		o |= TCPI_OPT_SACK;
	if ((tp->t_flags & TF_SCALE) != 0)
		o |= TCPI_OPT_WSCALE;
	if ((tp->t_flags & TF_ECN) != 0)
		o |= TCPI_OPT_ECN;
	if ((tp->t_flags & TF_ECNSEEN) != 0)
		o |= TCPI_OPT_ECN_SEEN;
	if ((tp->t_flags & TF_SYNDATA) != 0)
		o |= TCPI_OPT_SYN_DATA;
	return o;
}

static void
info_times(const struct tcpcb *tp, struct tcp_info *ti, nstime_t now)
{
	ti->tcpi_rto = usec(tp->t_rto);
	ti->tcpi_ato = usec(TCP_DELACK);
	ti->tcpi_last_data_sent = since(now, tp->t_sndtime);
	ti->tcpi_last_data_recv = since(now, tp->t_rcvtime);
	ti->tcpi_last_ack_recv = since(now, tp->t_acktime);
	ti->tcpi_rtt = usec(tp->t_srtt);
	ti->tcpi_rttvar = usec(tp->t_rttvar);
	ti->tcpi_rcv_rtt = usec(tp->t_rcvrtt);
	ti->tcpi_min_rtt = tp->t_minrtt != 0 ? usec(tp->t_minrtt) :
	    UINT32_MAX;
	ti->tcpi_busy_time = (tp->t_chrono_sum[TC_BUSY] +
	    tp->t_chrono_sum[TC_RWND] + tp->t_chrono_sum[TC_SNDBUF]) /
	    NS_PER_US;
	ti->tcpi_rwnd_limited = tp->t_chrono_sum[TC_RWND] / NS_PER_US;
	ti->tcpi_sndbuf_limited = tp->t_chrono_sum[TC_SNDBUF] / NS_PER_US;
}

static void
info_sizes(struct tcpcb *tp, struct tcp_info *ti)
{
	const struct socket *so = tcp_so(tp);
	uint32_t mss = tcp_mss(tp), cc = sb_cc(&so->so_snd);

	ti->tcpi_snd_mss = mss;
	ti->tcpi_rcv_mss = tp->t_rcvmss;
	ti->tcpi_pmtu = tp->t_maxseg + TCP_HDRLEN +
	    (tp->t_inp.inp_family == AF_INET ? 20 : 40);
	ti->tcpi_rcv_ssthresh = tcp_rcvwnd(tp);
	ti->tcpi_snd_ssthresh = tp->t_ssthresh >= UINT32_MAX / 2 ?
	    INT32_MAX : MAX(tp->t_ssthresh / mss, 1u);
	ti->tcpi_snd_cwnd = MAX(tp->t_cwnd / mss, 1u);
	ti->tcpi_advmss = tcp_mss_offer(tp) -
	    ((tp->t_flags & TF_TSTMP) != 0 ? 12 : 0);
	ti->tcpi_reordering = MAX(3u, howmany(tp->t_reordering, mss));
	ti->tcpi_rcv_space = so->so_rcv.sb_hiwat;
	if (!tcp_in(tp, TCPM(TCPS_CLOSED) | TCPM(TCPS_LISTEN)))
		ti->tcpi_notsent_bytes = cc - MIN(cc, tp->snd_nxt -
		    tcp_sndseq(tp));
	ti->tcpi_snd_wnd = tp->snd_wnd;
}

static void
info_counts(const struct tcpcb *tp, struct tcp_info *ti)
{
	uint32_t mss = tcp_mss(tp);

	ti->tcpi_total_retrans = tp->t_retrans;
	ti->tcpi_bytes_acked = tp->t_bytes_acked;
	ti->tcpi_bytes_received = tp->t_bytes_rcvd;
	ti->tcpi_segs_out = tp->t_segs_out;
	ti->tcpi_segs_in = tp->t_segs_in;
	ti->tcpi_data_segs_in = tp->t_dsegs_in;
	ti->tcpi_data_segs_out = tp->t_dsegs_out;
	ti->tcpi_delivery_rate = tp->t_rate;
	ti->tcpi_delivery_rate_app_limited = tp->t_applim != 0;
	ti->tcpi_delivered = (uint32_t)howmany(tp->t_delivered, mss);
	ti->tcpi_delivered_ce = tp->t_delivered_ce;
	ti->tcpi_bytes_sent = tp->t_bytes_sent;
	ti->tcpi_bytes_retrans = tp->t_bytes_retx;
	ti->tcpi_dsack_dups = tp->t_dsack_dups;
	ti->tcpi_reord_seen = tp->t_reord_seen;
	ti->tcpi_rcv_ooopack = tp->t_ooopack;
}

void
tcp_info(struct tcpcb *tp, struct tcp_info *ti)
{
	const struct socket *so = tcp_so(tp);
	nstime_t now = mono_now();
	uint64_t max = so->so_extra != NULL ? so->so_extra->sx_pacing :
	    UINT64_MAX;

	memset(ti, 0, sizeof(*ti));
	ti->tcpi_state = tp->t_state;
	if (tp->t_state == TCPS_LISTEN) {
		/* Linux: the queue, and its limit. */
		ti->tcpi_unacked = so->so_listen->sl_qlen;
		ti->tcpi_sacked = so->so_listen->sl_limit;
		return;
	}
	chrono_sum(tp, now);
	ti->tcpi_ca_state = tp->t_ca;
	ti->tcpi_retransmits = tp->t_shift;
	ti->tcpi_probes = tp->t_state == TCPS_ESTABLISHED &&
	    tp->t_persists != 0 ? tp->t_persists : tp->t_keepprobes;
	ti->tcpi_backoff = MAX(tp->t_shift, tp->t_persists);
	ti->tcpi_options = options(tp);
	ti->tcpi_snd_wscale = tp->t_sndscale & 15;
	ti->tcpi_rcv_wscale = tp->t_rcvscale & 15;
	ti->tcpi_pacing_rate = tp->t_pacing != 0 ? tp->t_pacing : UINT64_MAX;
	ti->tcpi_max_pacing_rate = max;
	count_segments(tp, ti);
	info_times(tp, ti, now);
	info_sizes(tp, ti);
	info_counts(tp, ti);
}
