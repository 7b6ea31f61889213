/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Connections: their beginning and end, what a vnet has of TCP, sizes of
 * segments, and errors that ICMP tells.
 */
#include <kern/kmem.h>
#include <kern/sysctl.h>

#include "netinet.h"
#include "tcp_cc.h"

static struct pool *tcpcb_pool;

/* ---- Locking ------------------------------------------------------------------ */

struct tcpcb *
tcp_enter(struct inpcb *inp)
{
	struct socket *so = inp->inp_socket;

	mutex_enter(&so->so_lock);
	if (__likely(so->so_pcb == inp))
		return intotcpcb(inp);
	mutex_exit(&so->so_lock);
	return NULL;
}

void
tcp_exit(struct tcpcb *tp)
{
	struct socket *so = tcp_so(tp);
	bool rele = (tp->t_flags & TF_RELE) != 0;

	tp->t_flags &= ~TF_RELE;
	mutex_exit(&so->so_lock);
	if (__unlikely(rele))
		so_rele(so);
}

/* ---- Beginning ------------------------------------------------------------------ */

static void
tcpcb_free(struct inpcb *inp)
{
	pool_put(tcpcb_pool, intotcpcb(inp));
}

int
tcp_attach(struct socket *so, int protocol __maybe_unused)
{
	struct tcp_vnet *tv = tcp_vnet(so->so_vnet);
	struct vnet *vn = so->so_vnet;
	struct tcpcb *tp;
	int error;

	tp = pool_get(tcpcb_pool, KM_ZERO);
	if (tp == NULL)
		return ENOBUFS;
	error = in_pcbinit(&tp->t_inp, so, tv->tv_table, so->so_family,
	    IPPROTO_TCP, tcpcb_free);
	if (error != 0) {
		pool_put(tcpcb_pool, tp);
		return error;
	}
	tp->t_state = TCPS_CLOSED;
	list_init(&tp->t_sent);
	tcp_timer_init(tp);
	tp->t_rto = TCP_RTO_INIT;
	tp->t_ssthresh = UINT32_MAX / 2;
	tp->t_rcvmss = TCP_MSS_DEFAULT;
	tp->t_maxseg = TCP_MSS_DEFAULT;
	tp->t_rack_mult = 1;
	(void)tcp_cc_set(tp, tcp_cc_default());
	(void)sbreserve(&so->so_rcv,
	    (uint32_t)tcp_conf(vn, TCPC_rmem_default));
	(void)sbreserve(&so->so_snd,
	    (uint32_t)tcp_conf(vn, TCPC_wmem_default));
	atomic_fetch_add_explicit(&tv->tv_conns, 1, memory_order_relaxed);
	return 0;
}

void
tcp_established(struct tcpcb *tp, nstime_t now)
{
	struct socket *so = tcp_so(tp);

	TCP_COUNT(tcp_vn(tp), connects);
	/* RFC 5681 3.1: a lost SYN leaves a window of one segment. */
	if (tp->t_retrans == 0)
		tp->t_cwnd = tcp_initwnd(tp);
	/* RFC 6298 5.7: nor does it tell the round-trip time. */
	else if (tp->t_srtt == 0)
		tp->t_rto = TCP_RTO_LOSTSYN;
	tp->t_shift = 0;
	tp->t_rexmt = TR_NONE;
	tcp_timer_clear(tp, TT_REXMT);
	tp->t_recover = tp->t_rack_fack = tp->t_rack_dsack = tp->snd_una;
	tp->t_rtt_seq = tp->t_undo_una = tp->snd_una;
	tp->snd_sml = tp->snd_una;
	tp->t_quickacks = 16;
	tp->t_rcvtime = tp->t_acktime = now;
	tp->t_drs_time = tp->t_drs_rtt_time = now;
	tp->t_drs_rtt_seq = tp->rcv_nxt + tcp_rcvwnd(tp);
	tp->t_rcvrtt = tp->t_srtt;
	tp->t_drs_space = so->so_rcv.sb_hiwat / 2;
	tp->t_ca = TCP_CA_Open;
	tcp_keep_set(tp, now);
	soisconnected(so);
}

struct tcp_extra *
tcp_extra(struct tcpcb *tp)
{
	if (tp->t_extra == NULL)
		tp->t_extra = kmem_zalloc(sizeof(*tp->t_extra), KM_NORECLAIM);
	return tp->t_extra;
}

/* ---- End ------------------------------------------------------------------------ */

static void
extra_free(struct tcpcb *tp)
{
	struct tcp_extra *te = tp->t_extra;

	if (te == NULL)
		return;
	kmem_free(te->te_syn, te->te_synlen);
	kmem_free(te, sizeof(*te));
	tp->t_extra = NULL;
}

void
tcp_destroy(struct tcpcb *tp)
{
	struct tcp_vnet *tv = tcp_vnet(tcp_vn(tp));

	KASSERT(tp->t_state == TCPS_CLOSED);
	tcp_timer_stop(tp);
	tcp_cc_fini(tp);
	extra_free(tp);
	if ((tp->t_flags & TF_ORPHAN) != 0) {
		tp->t_flags |= TF_RELE;
		atomic_fetch_sub_explicit(&tv->tv_orphans, 1,
		    memory_order_relaxed);
	}
	atomic_fetch_sub_explicit(&tv->tv_conns, 1, memory_order_relaxed);
	in_pcbdetach(&tp->t_inp);
}

void
tcp_close(struct tcpcb *tp)
{
	struct socket *so = tcp_so(tp);

	if (tp->t_state == TCPS_CLOSED)
		return;
	if (tp->t_state == TCPS_TIME_WAIT)
		atomic_fetch_sub_explicit(&tcp_vnet(tcp_vn(tp))->tv_timewait,
		    1, memory_order_relaxed);
	tcp_timer_stop(tp);
	tcp_sent_flush(tp);
	tcp_reass_flush(tp);
	tp->t_hint.sh_mb = NULL;
	sbflush(&so->so_snd);
	tp->t_state = TCPS_CLOSED;
	/* Its listener may forget it: the socket outlives its block. */
	if (so_is(so, SS_INCOMPLETE)) {
		(void)so_hold(so);
		tp->t_flags |= TF_RELE;
	}
	soisdisconnected(so);
	if ((tp->t_flags & TF_ORPHAN) != 0 || so_is(so, SS_NOFDREF))
		tcp_destroy(tp);
	else
		in_pcbdisconnect(&tp->t_inp);
}

void
tcp_drop(struct tcpcb *tp, int error)
{
	struct socket *so = tcp_so(tp);

	if (error != 0) {
		TCP_COUNT(tcp_vn(tp), drops);
		soseterror(so, error);
	}
	tcp_close(tp);
}

void
tcp_orphan(struct tcpcb *tp, nstime_t now)
{
	struct tcp_vnet *tv = tcp_vnet(tcp_vn(tp));

	if (atomic_load_explicit(&tv->tv_orphans, memory_order_relaxed) >=
	    tcp_conf(tcp_vn(tp), TCPC_max_orphans)) {
		tcp_send_rst(tp);
		tcp_close(tp);
		return;
	}
	(void)so_hold(tcp_so(tp));
	tp->t_flags |= TF_ORPHAN;
	atomic_fetch_add_explicit(&tv->tv_orphans, 1, memory_order_relaxed);
	sbflush(&tcp_so(tp)->so_rcv);
	if (tp->t_state == TCPS_FIN_WAIT_2)
		tcp_finwait2(tp, now);
}

void
tcp_usrclosed(struct tcpcb *tp)
{
	switch (tp->t_state) {
	case TCPS_SYN_RECEIVED:
		/* RFC 9293 3.10.4: queued until the connection is there. */
		tp->t_flags |= TF_NEEDFIN;
		break;
	case TCPS_ESTABLISHED:
		tp->t_flags |= TF_NEEDFIN;
		tp->t_state = TCPS_FIN_WAIT_1;
		break;
	case TCPS_CLOSE_WAIT:
		tp->t_flags |= TF_NEEDFIN;
		tp->t_state = TCPS_LAST_ACK;
		break;
	case TCPS_SYN_SENT:
	case TCPS_LISTEN:
		tcp_close(tp);
		break;
	default:
		break;
	}
}

/* ---- Sizes ------------------------------------------------------------------------ */

static uint32_t
header_size(const struct tcpcb *tp)
{
	return (tp->t_inp.inp_family == AF_INET ? 20u : 40u) + TCP_HDRLEN +
	    tp->t_inp.inp_optlen;
}

static uint32_t
mss_of(const struct tcpcb *tp, const struct inout *io)
{
	uint32_t mtu = in_pathmtu(io);

	if (mtu == 0)
		return TCP_MSS_DEFAULT;
	mtu = MIN(mtu, 65535u);
	return mtu > header_size(tp) + TCP_MINMSS ? mtu - header_size(tp) :
	    TCP_MINMSS;
}

static uint32_t
path_mss(struct tcpcb *tp)
{
	struct inout io;

	in_pcbout(&tp->t_inp, &io);
	return mss_of(tp, &io);
}

void
tcp_mss_update(struct tcpcb *tp)
{
	uint32_t mss = path_mss(tp);

	if (tp->t_peermss != 0)
		mss = MIN(mss, (uint32_t)tp->t_peermss);
	if (tp->t_usermss != 0)
		mss = MIN(mss, (uint32_t)tp->t_usermss);
	if (tp->t_holemss != 0)
		mss = MIN(mss, (uint32_t)tp->t_holemss);
	tp->t_maxseg = MAX(mss, TCP_MINMSS);
}

/* What we can receive: the path towards the peer has no part in it (RFC 9293
 * 3.7.1). */
uint16_t
tcp_mss_offer(struct tcpcb *tp)
{
	struct inout io;
	uint32_t mss;

	in_pcbout(&tp->t_inp, &io);
	io.io_flags |= IO_PROBE;
	mss = mss_of(tp, &io);
	if (tp->t_usermss != 0)
		mss = MIN(mss, (uint32_t)tp->t_usermss);
	return (uint16_t)mss;
}

uint16_t
tcp_mss_toward(struct tcpcb *tp, const union inaddr *laddr,
    const union inaddr *faddr)
{
	struct inout io;
	uint32_t mss;

	in_pcbout(&tp->t_inp, &io);
	io.io_src = *laddr;
	io.io_dst = *faddr;
	io.io_rc = NULL;
	io.io_flags |= IO_PROBE;
	mss = mss_of(tp, &io);
	if (tp->t_usermss != 0)
		mss = MIN(mss, (uint32_t)tp->t_usermss);
	return (uint16_t)mss;
}

/* RFC 2923 2.1, in the manner of RFC 4821 7.7: perhaps routers say nothing. */
void
tcp_mss_blackhole(struct tcpcb *tp)
{
	if (tp->t_shift < 3 || tp->t_maxseg <= TCP_MSS_DEFAULT)
		return;
	tp->t_holemss = tp->t_maxseg > 1220 ? 1220 : TCP_MSS_DEFAULT;
	tcp_mss_update(tp);
}

uint8_t
tcp_scale_offer(const struct socket *so)
{
	uint64_t max = MAX(tcp_conf(so->so_vnet, TCPC_rmem_max),
	    (uint64_t)so->so_rcv.sb_hiwat);
	uint8_t scale = 0;

	if ((so->so_rcv.sb_flags & SB_LOCKED) != 0)
		max = so->so_rcv.sb_hiwat;
	if (tcp_conf(so->so_vnet, TCPC_window_scaling) == 0)
		return 0;
	while (scale < TCP_MAXSCALE && ((uint64_t)TCP_MAXWIN << scale) < max)
		scale++;
	return scale;
}

/* ---- ICMP -------------------------------------------------------------------------- */

/* RFC 1191 6.4: what was too large is sent again, smaller. */
static void
too_big(struct tcpcb *tp, const struct inerror *ie, nstime_t now)
{
	struct vnet_inet *vi = vnet_inet(tcp_vn(tp));
	uint32_t was = tcp_mss(tp);
	struct tcp_sent *ts;

	if (ie->ie_family == AF_INET &&
	    ie->ie_mtu < ip_pmtu(vi, ie->ie_dst.a4) &&
	    ie->ie_mtu < tp->t_maxseg + header_size(tp))
		ip_pmtu_learn(vi, ie->ie_dst.a4, ie->ie_mtu);
	tcp_mss_update(tp);
	if (tcp_mss(tp) >= was)
		return;
	TCP_SENT_FOREACH(ts, tp) {
		if (ts->ts_end - ts->ts_start > tcp_mss(tp))
			tcp_sent_lost(tp, ts);
	}
	(void)tcp_output(tp, now);
}

static void
icmp_error_to(struct tcpcb *tp, const struct inerror *ie)
{
	if (ie->ie_errno == EMSGSIZE) {
		too_big(tp, ie, mono_now());
		return;
	}
	if (ie->ie_errno == 0)
		return;
	/* RFC 5461 4.1: soft for what is established; connect() fails. */
	if (tcp_in(tp, TCPM(TCPS_SYN_SENT) | TCPM(TCPS_SYN_RECEIVED)))
		tcp_drop(tp, ie->ie_errno);
	else if ((tp->t_inp.inp_flags & INP_RECVERR) != 0)
		soseterror(tcp_so(tp), ie->ie_errno);
	else
		tcp_so(tp)->so_softerror = ie->ie_errno;
}

void
tcp_ctlinput(const struct inerror *ie, const uint8_t *hdr, size_t n,
    const struct mbuf *m __maybe_unused)
{
	uint16_t sport, dport;
	struct inpcb *inp;
	struct tcpcb *tp;
	tcp_seq seq;

	if (n < 8)
		return;
	memcpy(&sport, hdr, 2);
	memcpy(&dport, hdr + 2, 2);
	seq = be32dec(hdr + 4);
	inp = in_pcblookup_conn(tcp_vnet(ie->ie_vnet)->tv_table, ie->ie_family,
	    &ie->ie_src, sport, &ie->ie_dst, dport);
	tp = inp != NULL ? tcp_enter(inp) : NULL;
	if (tp == NULL)
		return;
	/* RFC 5927 4.1: it is about something that is out. */
	if (seq_ge(seq, tp->snd_una) && seq_lt(seq, tp->snd_nxt) &&
	    !tcp_in(tp, TCPM(TCPS_LISTEN) | TCPM(TCPS_CLOSED) |
	    TCPM(TCPS_TIME_WAIT)))
		icmp_error_to(tp, ie);
	tcp_exit(tp);
}

/* ---- A vnet's ----------------------------------------------------------------------- */

#define X(name, dflt, lo, hi, descr) { dflt, lo, hi },
static const struct {
	uint64_t dflt, lo, hi;
} bounds[] = { TCP_TUNABLES(X) };
#undef X

static int
tcp_vnet_init(struct vnet *vn, void **datap)
{
	struct tcp_vnet *tv;
	int error = ENOMEM, i;

	tv = kmem_zalloc(sizeof(*tv), 0);
	if (tv == NULL)
		return ENOMEM;
	tv->tv_vnet = vn;
	for (i = 0; i < TCPC_COUNT; i++)
		atomic_init(&tv->tv_conf[i], bounds[i].dflt);
	(void)random_bytes(&tv->tv_key, sizeof(tv->tv_key));
	error = inpcbtable_create(vn, IPPROTO_TCP, &tv->tv_table);
	if (error != 0)
		goto fail_free;
	error = tcp_tw_create(tv);
	if (error != 0)
		goto fail_table;
	error = tcp_syncache_create(tv);
	if (error != 0)
		goto fail_tw;
	*datap = tv;
	return 0;
fail_tw:
	tcp_tw_destroy(tv);
fail_table:
	inpcbtable_destroy(tv->tv_table);
fail_free:
	kmem_free(tv, sizeof(*tv));
	return error;
}

/* Who has no file any more has no user either. */
static int
shutdown_one(struct inpcb *inp, void *arg __maybe_unused)
{
	struct tcpcb *tp = tcp_enter(inp);

	if (tp == NULL)
		return 0;
	if ((tp->t_flags & TF_ORPHAN) != 0)
		tcp_close(tp);
	tcp_exit(tp);
	return 0;
}

static void
tcp_vnet_shutdown(struct vnet *vn __maybe_unused, void *data)
{
	struct tcp_vnet *tv = data;

	tcp_syncache_shutdown(tv);
	netisr_enter();
	epoch_enter();
	(void)in_pcbwalk(tv->tv_table, shutdown_one, NULL);
	epoch_exit();
	netisr_exit();
}

static void
tcp_vnet_fini(struct vnet *vn __maybe_unused, void *data)
{
	struct tcp_vnet *tv = data;

	tcp_syncache_destroy(tv);
	tcp_tw_destroy(tv);
	inpcbtable_destroy(tv->tv_table);
	kmem_free(tv, sizeof(*tv));
}

static const struct vnet_ops tcp_vnet_ops = {
	.vo_slot = VNET_TCP,
	.vo_init = tcp_vnet_init,
	.vo_shutdown = tcp_vnet_shutdown,
	.vo_fini = tcp_vnet_fini,
};

/* ---- Names ---------------------------------------------------------------------------- */

static uint64_t
conf_fetch(const struct sysctl *sy)
{
	return tcp_conf(curvnet(), (enum tcp_tunable)sy->sy_arg);
}

static int
conf_store(const struct sysctl *sy, uint64_t v)
{
	if (v < bounds[sy->sy_arg].lo || v > bounds[sy->sy_arg].hi)
		return EINVAL;
	atomic_store_explicit(&tcp_vnet(curvnet())->tv_conf[sy->sy_arg], v,
	    memory_order_relaxed);
	return 0;
}

static uint64_t
count_fetch(const struct sysctl *sy)
{
	return atomic_load_explicit(&tcp_vnet(curvnet())->tv_stat[sy->sy_arg],
	    memory_order_relaxed);
}

static uint64_t
gauge_fetch(const struct sysctl *sy)
{
	uint8_t *tv = (uint8_t *)tcp_vnet(curvnet());

	return atomic_load_explicit((_Atomic uint32_t *)(void *)
	    (tv + sy->sy_arg), memory_order_relaxed);
}

static uint64_t
halfopen_fetch(const struct sysctl *sy __maybe_unused)
{
	return tcp_syncache_count(tcp_vnet(curvnet()));
}

#define X(name, dflt, lo, hi, descr)					\
	{ .sy_name = "net.ipv4.tcp_" #name, .sy_descr = descr,		\
	  .sy_flags = SYSCTL_RW, .sy_fetch = conf_fetch,		\
	  .sy_store = conf_store, .sy_arg = TCPC_##name },
static struct sysctl conf_leaves[] = { TCP_TUNABLES(X) };
#undef X

#define X(name, descr)							\
	{ .sy_name = "net.ipv4.stats.tcp_" #name, .sy_descr = descr,	\
	  .sy_fetch = count_fetch, .sy_arg = TCPS_##name##_ },
#define GAUGE(name, member, descr)					\
	{ .sy_name = "net.ipv4.stats.tcp_" #name, .sy_descr = descr,	\
	  .sy_fetch = gauge_fetch,					\
	  .sy_arg = offsetof(struct tcp_vnet, member) },
static struct sysctl count_leaves[] = {
	TCP_COUNTERS(X)
	GAUGE(sockets, tv_conns, "sockets and connections now")
	GAUGE(orphans, tv_orphans, "connections without a file now")
	GAUGE(timewait, tv_timewait, "connections in TIME-WAIT now")
	{ .sy_name = "net.ipv4.stats.tcp_halfopen",
	  .sy_descr = "half-open connections now",
	  .sy_fetch = halfopen_fetch },
};
#undef X

static const struct inproto tcp_inproto = {
	.ipr_proto = IPPROTO_TCP,
	.ipr_input = tcp_input,
	.ipr_ctlinput = tcp_ctlinput,
};

int
tcp_init(void)
{
	int error;
	unsigned i;

	tcpcb_pool = pool_create("tcpcb", sizeof(struct tcpcb), 0);
	if (tcpcb_pool == NULL)
		return ENOMEM;
	error = tcp_sent_init();
	for (i = 0; i < nitems(conf_leaves) && error == 0; i++)
		error = sysctl_register(&conf_leaves[i]);
	for (i = 0; i < nitems(count_leaves) && error == 0; i++)
		error = sysctl_register(&count_leaves[i]);
	if (error == 0)
		error = vnet_register(&tcp_vnet_ops);
	return error != 0 ? error : inproto_register(&tcp_inproto);
}
