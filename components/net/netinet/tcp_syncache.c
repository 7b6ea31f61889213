/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Listening: a SYN makes an entry of a bounded table, not a socket; the
 * acknowledgement of our answer makes the socket. Under a flood of SYNs the answers
 * are cookies, which need no entry.
 *
 * RFC 9293 3.10.7.2 and 3.10.7.4 (SYN-RECEIVED), RFC 4987 (floods and their
 * remedies), RFC 6528 (sequence numbers).
 *
 * A vnet's table has one lock, taken inside of a listening socket's so_lock. One
 * callout sends the answers again: entries with as many tries wait equally long
 * and are queued in order.
 */
#include <kern/kmem.h>
#include <kern/string.h>

#include "tcp_cc.h"

#define BUCKETS		1024u
#define TRIES_MAX	10u
#define COOKIE_PERIOD	(64 * NS_PER_SEC)	/* a cookie lives one or two */

/* he_flags */
#define HE_SCALE	0x01
#define HE_SACK		0x02
#define HE_TSTMP	0x04
#define HE_ECN		0x08

/* What a SYN told, and what we answered. */
struct halfopen {
	struct halfopen *he_next;	/* of its bucket */
	struct list he_link;		/* with those of as many tries */
	union inaddr he_laddr, he_faddr;
	uint16_t he_lport, he_fport;	/* network order */
	uint8_t he_family, he_flags, he_tries;
	uint8_t he_sndscale, he_rcvscale, he_tos, he_ttl;
	uint16_t he_mss, he_wnd, he_offer;
	tcp_seq he_iss, he_irs;
	uint32_t he_tsrecent, he_tsoff, he_peerwnd;
	uint32_t he_mark, he_oif;
	nstime_t he_sent, he_deadline;
	uint8_t *he_syn;		/* TCP_SAVE_SYN */
	uint32_t he_synlen;
};

/*
 * s  sc_lock   I  immutable   a  atomic
 */
struct tcp_syncache {
	struct kspin sc_lock;
	struct tcp_vnet *sc_tv;		/* [I] */
	struct siphash_key sc_key;	/* [I] of buckets and cookies */
	_Atomic uint32_t sc_count;	/* [a] written under s */
	bool sc_down;			/* [s] */
	nstime_t sc_armed;		/* [s] */
	struct list sc_queue[TRIES_MAX + 1];	/* [s] by tries */
	struct callout sc_callout;
	struct halfopen *sc_bucket[BUCKETS];	/* [s] */
};

static struct lock_class syncache_lc = LOCK_CLASS("tcp_syncache", 0);

static void syncache_timer(void *arg);

int
tcp_syncache_create(struct tcp_vnet *tv)
{
	struct tcp_syncache *sc;
	unsigned i;

	sc = kmem_zalloc(sizeof(*sc), 0);
	if (sc == NULL)
		return ENOMEM;
	spin_init(&sc->sc_lock, &syncache_lc);
	sc->sc_tv = tv;
	sc->sc_armed = NSTIME_FOREVER;
	(void)random_bytes(&sc->sc_key, sizeof(sc->sc_key));
	for (i = 0; i <= TRIES_MAX; i++)
		list_init(&sc->sc_queue[i]);
	callout_init(&sc->sc_callout, syncache_timer, sc);
	tv->tv_syncache = sc;
	return 0;
}

uint32_t
tcp_syncache_count(const struct tcp_vnet *tv)
{
	return atomic_load_explicit(&tv->tv_syncache->sc_count,
	    memory_order_relaxed);
}

/* ---- The table: sc_lock held -------------------------------------------------- */

static struct halfopen **
find(struct tcp_syncache *sc, const struct tcp_seg *sg)
{
	struct {
		union inaddr f;
		uint16_t lp, fp;
		uint32_t zero;
	} in = { sg->sg_pk->ip_src, sg->sg_dport, sg->sg_sport, 0 };
	struct halfopen **pp;

	pp = &sc->sc_bucket[siphash(&sc->sc_key, &in, sizeof(in)) % BUCKETS];
	for (; *pp != NULL; pp = &(*pp)->he_next) {
		if ((*pp)->he_fport == sg->sg_sport &&
		    (*pp)->he_lport == sg->sg_dport &&
		    (*pp)->he_family == sg->sg_pk->ip_family &&
		    inaddr_eq(&(*pp)->he_faddr, &sg->sg_pk->ip_src) &&
		    inaddr_eq(&(*pp)->he_laddr, &sg->sg_pk->ip_dst))
			break;
	}
	return pp;
}

static void
halfopen_free(struct halfopen *he)
{
	kmem_free(he->he_syn, he->he_synlen);
	kmem_free(he, sizeof(*he));
}

/* The caller's from now on. */
static struct halfopen *
unlink(struct tcp_syncache *sc, struct halfopen **pp)
{
	struct halfopen *he = *pp;

	*pp = he->he_next;
	list_remove(&he->he_link);
	atomic_fetch_sub_explicit(&sc->sc_count, 1, memory_order_relaxed);
	return he;
}

static void
enqueue(struct tcp_syncache *sc, struct halfopen *he, nstime_t now)
{
	he->he_sent = now;
	he->he_deadline = now + (TCP_RTO_INIT << he->he_tries);
	list_insert_tail(&sc->sc_queue[he->he_tries], &he->he_link);
	if (he->he_deadline < sc->sc_armed && !sc->sc_down) {
		sc->sc_armed = he->he_deadline;
		callout_schedule(&sc->sc_callout, he->he_deadline);
	}
}

/* ---- The answer ------------------------------------------------------------------ */

static void
answer(struct tcp_vnet *tv, const struct halfopen *he, nstime_t now)
{
	struct tcp_opts to = { .to_opts = TO_MSS, .to_mss = he->he_offer };
	struct tcp_reply rp = {
		.rp_vnet = tv->tv_vnet,
		.rp_src = he->he_laddr,
		.rp_dst = he->he_faddr,
		.rp_family = he->he_family,
		.rp_flags = TH_SYN | TH_ACK,
		.rp_tos = he->he_tos,
		.rp_ttl = he->he_ttl,
		.rp_sport = he->he_lport,
		.rp_dport = he->he_fport,
		.rp_wnd = he->he_wnd,
		.rp_seq = he->he_iss,
		.rp_ack = he->he_irs + 1,
		.rp_mark = he->he_mark,
		.rp_oif = he->he_oif,
		.rp_opts = &to,
	};

	if ((he->he_flags & HE_SCALE) != 0) {
		to.to_opts |= TO_SCALE;
		to.to_wscale = he->he_rcvscale;
	}
	if ((he->he_flags & HE_SACK) != 0)
		to.to_opts |= TO_SACKOK;
	if ((he->he_flags & HE_TSTMP) != 0) {
		to.to_opts |= TO_TSTMP;
		to.to_tsval = tcp_tsclock(now) + he->he_tsoff;
		to.to_tsecr = he->he_tsrecent;
	}
	if ((he->he_flags & HE_ECN) != 0)
		rp.rp_flags |= TH_ECE;
	(void)tcp_reply(&rp);
}

/* Send again what is due; under the lock, because entries go with it. */
static nstime_t
resend(struct tcp_syncache *sc, nstime_t now, struct list *dead)
{
	unsigned max = (unsigned)MIN(tcp_conf(sc->sc_tv->tv_vnet,
	    TCPC_synack_retries), (uint64_t)TRIES_MAX), i;
	nstime_t next = NSTIME_FOREVER;
	struct halfopen *he, **pp;
	struct tcp_seg key;
	struct inpkt pk;

	for (i = TRIES_MAX + 1; i-- > 0;) {
		while (!list_empty(&sc->sc_queue[i])) {
			he = list_first(&sc->sc_queue[i], struct halfopen,
			    he_link);
			if (he->he_deadline > now) {
				next = MIN(next, he->he_deadline);
				break;
			}
			if (i < max) {
				list_remove(&he->he_link);
				he->he_tries++;
				enqueue(sc, he, now);
				next = MIN(next, he->he_deadline);
				answer(sc->sc_tv, he, now);
				continue;
			}
			pk.ip_src = he->he_faddr;
			pk.ip_dst = he->he_laddr;
			pk.ip_family = he->he_family;
			key.sg_pk = &pk;
			key.sg_sport = he->he_fport;
			key.sg_dport = he->he_lport;
			pp = find(sc, &key);
			he = unlink(sc, pp);
			list_insert_tail(dead, &he->he_link);
		}
	}
	return next;
}

static void
free_list(struct list *dead)
{
	struct halfopen *he;

	while (!list_empty(dead)) {
		he = list_first(dead, struct halfopen, he_link);
		list_remove(&he->he_link);
		halfopen_free(he);
	}
}

static void
syncache_timer(void *arg)
{
	struct tcp_syncache *sc = arg;
	struct list dead;
	nstime_t next;

	list_init(&dead);
	netisr_enter();
	spin_lock(&sc->sc_lock);
	if (!sc->sc_down) {
		next = resend(sc, mono_now(), &dead);
		sc->sc_armed = next;
		if (next != NSTIME_FOREVER)
			callout_schedule(&sc->sc_callout, next);
	}
	spin_unlock(&sc->sc_lock);
	netisr_exit();
	free_list(&dead);
}

void
tcp_syncache_shutdown(struct tcp_vnet *tv)
{
	struct tcp_syncache *sc = tv->tv_syncache;
	struct halfopen *he;
	unsigned i;

	spin_lock(&sc->sc_lock);
	sc->sc_down = true;
	spin_unlock(&sc->sc_lock);
	(void)callout_halt(&sc->sc_callout);
	for (i = 0; i < BUCKETS; i++) {
		while (sc->sc_bucket[i] != NULL) {
			spin_lock(&sc->sc_lock);
			he = unlink(sc, &sc->sc_bucket[i]);
			spin_unlock(&sc->sc_lock);
			halfopen_free(he);
		}
	}
}

void
tcp_syncache_destroy(struct tcp_vnet *tv)
{
	struct tcp_syncache *sc = tv->tv_syncache;

	tcp_syncache_shutdown(tv);
	spin_fini(&sc->sc_lock);
	kmem_free(sc, sizeof(*sc));
}

/* ---- A SYN ------------------------------------------------------------------------- */

/* What the listening socket and the SYN agree on. */
static void
negotiate(struct tcpcb *tp, const struct tcp_seg *sg, struct halfopen *he)
{
	const struct inpkt *pk = sg->sg_pk;
	struct socket *so = tcp_so(tp);
	struct tcp_vnet *tv = tcp_vnet(so->so_vnet);
	struct vnet *vn = so->so_vnet;

	memset(he, 0, sizeof(*he));
	he->he_laddr = pk->ip_dst;
	he->he_faddr = pk->ip_src;
	he->he_family = pk->ip_family;
	he->he_lport = sg->sg_dport;
	he->he_fport = sg->sg_sport;
	he->he_tos = tp->t_inp.inp_tos;
	he->he_ttl = tp->t_inp.inp_ttl;
	he->he_mark = so->so_mark;
	he->he_oif = so->so_bindif;
	he->he_irs = sg->sg_seq;
	he->he_peerwnd = sg->sg_wnd;
	he->he_mss = (uint16_t)MAX((sg->sg_opts & TO_MSS) != 0 ?
	    (uint32_t)sg->sg_mss : TCP_MSS_DEFAULT, TCP_MINMSS);
	he->he_offer = tcp_mss_toward(tp, &pk->ip_dst, &pk->ip_src);
	he->he_wnd = (uint16_t)MIN(sbspace(&so->so_rcv), TCP_MAXWIN);
	if ((sg->sg_opts & TO_SCALE) != 0 &&
	    tcp_conf(vn, TCPC_window_scaling) != 0) {
		he->he_flags |= HE_SCALE;
		he->he_sndscale = sg->sg_wscale;
		he->he_rcvscale = tcp_scale_offer(so);
	}
	if ((sg->sg_opts & TO_SACKOK) != 0 && tcp_conf(vn, TCPC_sack) != 0)
		he->he_flags |= HE_SACK;
	if ((sg->sg_opts & TO_TSTMP) != 0 &&
	    tcp_conf(vn, TCPC_timestamps) != 0) {
		he->he_flags |= HE_TSTMP;
		he->he_tsrecent = sg->sg_tsval;
		he->he_tsoff = tcp_tsoffset(tv, &pk->ip_dst, &pk->ip_src);
	}
	if ((sg->sg_flags & (TH_ECE | TH_CWR)) == (TH_ECE | TH_CWR) &&
	    tcp_conf(vn, TCPC_ecn) != 0)
		he->he_flags |= HE_ECN;
	he->he_iss = tcp_isn(tv, &pk->ip_dst, sg->sg_dport, &pk->ip_src,
	    sg->sg_sport, sg->sg_now);
}

/* tcp(7) TCP_SAVE_SYN: the network's header and ours. */
static void
save_syn(const struct tcp_seg *sg, struct halfopen *he)
{
	const struct mbuf *m = sg->sg_m;
	const uint8_t *ip = m_at(m, m->m_ph.ph_l3);
	const uint8_t *end = m->m_data;

	/* They lie before the data, in the same storage. */
	if (ip >= end)
		return;
	he->he_syn = kmem_alloc((size_t)(end - ip), KM_NORECLAIM);
	if (he->he_syn == NULL)
		return;
	he->he_synlen = (uint32_t)(end - ip);
	memcpy(he->he_syn, ip, he->he_synlen);
}

/* Cookies: what of a SYN is kept in the 32 bits of the answer's sequence number:
 * 3 of the MSS, 5 of the time, 24 of a keyed hash over these and the SYN. Scale,
 * SACK and ECN go into the low 6 bits of our time stamp, which comes back. */
static const uint16_t cookie_mss[8] = { 536, 1300, 1400, 1440, 1460, 4312,
	8960, 65495 };

static uint32_t
cookie_hash(struct tcp_syncache *sc, const struct halfopen *he, uint32_t time,
    unsigned mss)
{
	struct {
		union inaddr l, f;
		uint16_t lp, fp;
		tcp_seq irs;
		uint32_t time, mss;
	} in = { he->he_laddr, he->he_faddr, he->he_lport, he->he_fport,
		he->he_irs, time, mss };

	return (uint32_t)siphash(&sc->sc_key, &in, sizeof(in));
}

static void
send_cookie(struct tcp_syncache *sc, struct halfopen *he, nstime_t now)
{
	uint32_t time = (uint32_t)(now / COOKIE_PERIOD), h, tsval, bits;
	unsigned i = nitems(cookie_mss) - 1;

	while (i > 0 && cookie_mss[i] > he->he_mss)
		i--;
	h = cookie_hash(sc, he, time, i);
	he->he_iss = h << 8 | (time & 31) << 3 | i;
	if ((he->he_flags & HE_TSTMP) == 0) {
		he->he_flags = 0;
	} else {
		bits = (he->he_flags & HE_SCALE) != 0 ? he->he_sndscale : 15;
		bits |= (he->he_flags & HE_SACK) != 0 ? 16 : 0;
		bits |= (he->he_flags & HE_ECN) != 0 ? 32 : 0;
		tsval = tcp_tsclock(now) + he->he_tsoff;
		/* Not ahead of the clock. */
		bits = (tsval & ~63u) | bits;
		if (seq_gt(bits, tsval))
			bits -= 64;
		he->he_tsoff += bits - tsval;
	}
	TCP_COUNT(sc->sc_tv->tv_vnet, syn_cookies);
	answer(sc->sc_tv, he, now);
}

/* Is it the acknowledgement of a cookie? Then he is what the SYN told. */
static bool
check_cookie(struct tcpcb *tp, const struct tcp_seg *sg, struct halfopen *he)
{
	struct tcp_syncache *sc = tcp_vnet(tcp_vn(tp))->tv_syncache;
	uint32_t now = (uint32_t)(sg->sg_now / COOKIE_PERIOD), h, age, bits;
	uint32_t iss = sg->sg_ack - 1;

	if (tcp_conf(tcp_vn(tp), TCPC_syncookies) == 0)
		return false;
	negotiate(tp, sg, he);
	he->he_irs = sg->sg_seq - 1;
	he->he_iss = iss;
	bits = iss & 255;
	age = (now - (bits >> 3)) & 31;
	h = cookie_hash(sc, he, now - age, bits & 7);
	if (age > 1 || h << 8 != (iss & ~255u)) {
		TCP_COUNT(tcp_vn(tp), syn_cookies_bad);
		return false;
	}
	he->he_mss = cookie_mss[bits & 7];
	he->he_flags &= HE_TSTMP;
	he->he_peerwnd = sg->sg_wnd;
	he->he_sent = 0;
	if ((he->he_flags & HE_TSTMP) != 0) {
		bits = sg->sg_tsecr;
		if ((bits & 15) != 15) {
			he->he_flags |= HE_SCALE;
			he->he_sndscale = bits & 15;
			he->he_rcvscale = tcp_scale_offer(tcp_so(tp));
		}
		he->he_flags |= (bits & 16) != 0 ? HE_SACK : 0;
		he->he_flags |= (bits & 32) != 0 ? HE_ECN : 0;
	}
	TCP_COUNT(tcp_vn(tp), syn_cookies_ok);
	return true;
}

/* RFC 5961 3.2, 4.2: for one who sent something else. sc_lock held. */
static void
challenge(struct tcp_syncache *sc, const struct halfopen *he, nstime_t now)
{
	struct tcp_opts to = { .to_opts = 0 };
	struct tcp_reply rp = {
		.rp_vnet = sc->sc_tv->tv_vnet,
		.rp_src = he->he_laddr,
		.rp_dst = he->he_faddr,
		.rp_family = he->he_family,
		.rp_flags = TH_ACK,
		.rp_tos = he->he_tos,
		.rp_ttl = he->he_ttl,
		.rp_sport = he->he_lport,
		.rp_dport = he->he_fport,
		/* Without SYN it is a scaled one. */
		.rp_wnd = (uint16_t)(he->he_wnd >> he->he_rcvscale),
		.rp_seq = he->he_iss + 1,
		.rp_ack = he->he_irs + 1,
		.rp_mark = he->he_mark,
		.rp_oif = he->he_oif,
		.rp_opts = &to,
	};

	if (!tcp_challenge_allowed(sc->sc_tv, now))
		return;
	if ((he->he_flags & HE_TSTMP) != 0) {
		to.to_opts = TO_TSTMP;
		to.to_tsval = tcp_tsclock(now) + he->he_tsoff;
		to.to_tsecr = he->he_tsrecent;
	}
	TCP_COUNT(rp.rp_vnet, challenges);
	(void)tcp_reply(&rp);
}

/* A SYN that we have an entry for. sc_lock held. */
static void
syn_again(struct tcp_syncache *sc, struct halfopen *he,
    const struct tcp_seg *sg)
{
	if (sg->sg_seq == he->he_irs) {
		if ((sg->sg_opts & TO_TSTMP) != 0)
			he->he_tsrecent = sg->sg_tsval;
		answer(sc->sc_tv, he, sg->sg_now);
	} else {
		challenge(sc, he, sg->sg_now);
	}
}

static void
listen_syn(struct tcpcb *tp, struct tcp_seg *sg)
{
	struct vnet *vn = tcp_vn(tp);
	struct tcp_syncache *sc = tcp_vnet(vn)->tv_syncache;
	uint64_t cookies = tcp_conf(vn, TCPC_syncookies);
	struct halfopen fresh, *he, **pp;
	bool room;

	spin_lock(&sc->sc_lock);
	pp = find(sc, sg);
	if (*pp != NULL) {
		syn_again(sc, *pp, sg);
		spin_unlock(&sc->sc_lock);
		return;
	}
	room = tcp_syncache_count(tcp_vnet(vn)) <
	    tcp_conf(vn, TCPC_max_syn_backlog);
	spin_unlock(&sc->sc_lock);
	if (soqfull(tcp_so(tp))) {
		TCP_COUNT(vn, syn_drops);
		return;
	}
	negotiate(tp, sg, &fresh);
	if (cookies == 2 || (!room && cookies != 0)) {
		send_cookie(sc, &fresh, sg->sg_now);
		return;
	}
	he = room ? kmem_alloc(sizeof(*he), KM_NORECLAIM) : NULL;
	if (he == NULL) {
		TCP_COUNT(vn, syn_drops);
		return;
	}
	*he = fresh;
	if ((tp->t_flags & TF_SAVESYN) != 0)
		save_syn(sg, he);
	spin_lock(&sc->sc_lock);
	pp = find(sc, sg);
	if (*pp != NULL || sc->sc_down) {
		spin_unlock(&sc->sc_lock);
		halfopen_free(he);
		return;
	}
	he->he_next = NULL;
	*pp = he;
	atomic_fetch_add_explicit(&sc->sc_count, 1, memory_order_relaxed);
	enqueue(sc, he, sg->sg_now);
	spin_unlock(&sc->sc_lock);
	answer(sc->sc_tv, &fresh, sg->sg_now);
}

/* ---- The connection ------------------------------------------------------------------ */

/* What a connection has of its listening socket. */
static void
inherit(struct tcpcb *tp, const struct tcpcb *head)
{
	struct socket *so = tcp_so(tp), *hso = tcp_so(head);

	tp->t_flags = (head->t_flags & (TF_NODELAY | TF_CORK | TF_INQ)) |
	    TF_PASSIVE;
	tp->t_keepidle = head->t_keepidle;
	tp->t_keepintvl = head->t_keepintvl;
	tp->t_keepcnt = head->t_keepcnt;
	tp->t_usermss = head->t_usermss;
	tp->t_linger2 = head->t_linger2;
	tp->t_utimeout = head->t_utimeout;
	tp->t_clamp = head->t_clamp;
	tp->t_notsent = head->t_notsent;
	tp->t_inp.inp_tos = head->t_inp.inp_tos;
	tp->t_inp.inp_ttl = head->t_inp.inp_ttl;
	tp->t_inp.inp_minttl = head->t_inp.inp_minttl;
	tp->t_inp.inp_mtudisc = head->t_inp.inp_mtudisc;
	(void)sbreserve(&so->so_rcv, hso->so_rcv.sb_hiwat);
	(void)sbreserve(&so->so_snd, hso->so_snd.sb_hiwat);
	(void)tcp_cc_set(tp, head->t_cc);
}

static void
set_up(struct tcpcb *tp, struct halfopen *he, nstime_t now)
{
	struct tcp_extra *te;

	tp->iss = tp->snd_una = tp->snd_up = he->he_iss;
	tp->snd_nxt = he->he_iss + 1;
	tp->irs = he->he_irs;
	tp->rcv_nxt = tp->t_lastack = he->he_irs + 1;
	tp->rcv_adv = tp->rcv_nxt + he->he_wnd;
	tp->snd_wnd = tp->snd_maxwnd = he->he_peerwnd;
	tp->snd_wl1 = he->he_irs;
	tp->snd_wl2 = he->he_iss;
	tp->t_peermss = he->he_mss;
	tp->t_sndscale = he->he_sndscale;
	tp->t_rcvscale = he->he_rcvscale;
	tp->t_tsoff = he->he_tsoff;
	if ((he->he_flags & HE_SCALE) != 0)
		tp->t_flags |= TF_SCALE;
	if ((he->he_flags & HE_SACK) != 0)
		tp->t_flags |= TF_SACK;
	if ((he->he_flags & HE_ECN) != 0)
		tp->t_flags |= TF_ECN;
	if ((he->he_flags & HE_TSTMP) != 0) {
		tp->t_flags |= TF_TSTMP;
		tp->ts_recent = he->he_tsrecent;
		tp->ts_recent_age = now;
	}
	tcp_mss_update(tp);
	/* RFC 6298 5.7 */
	if (he->he_tries == 0 && he->he_sent != 0)
		tcp_rtt_update(tp, now - he->he_sent, now);
	else
		tp->t_retrans = he->he_tries;
	if (he->he_syn != NULL && (te = tcp_extra(tp)) != NULL) {
		te->te_syn = he->he_syn;
		te->te_synlen = he->he_synlen;
		he->he_syn = NULL;
	}
	tp->t_state = TCPS_SYN_RECEIVED;
}

/* The listening socket is locked, and is left unlocked. */
static void
complete(struct tcpcb *head, struct halfopen *he, struct tcp_seg *sg)
{
	struct socket *hso = tcp_so(head), *so;
	struct vnet *vn = hso->so_vnet;
	struct tcpcb *tp;
	bool locked;

	so = sonewconn(hso);
	if (so == NULL) {
		TCP_COUNT(vn, syn_drops);
		tcp_exit(head);
		return;
	}
	locked = mutex_tryenter(&so->so_lock);
	KASSERT(locked);
	(void)locked;
	tp = sototcpcb(so);
	inherit(tp, head);
	if (in_pcbaccept(&tp->t_inp, &he->he_laddr, he->he_lport,
	    &he->he_faddr, he->he_fport) != 0)
		tp = NULL;
	tcp_exit(head);
	if (tp != NULL) {
		set_up(tp, he, sg->sg_now);
		TCP_COUNT(vn, accepts);
		tcp_segment(tp, sg);
	} else {
		tp = sototcpcb(so);
		tp->t_state = TCPS_SYN_RECEIVED;
		tcp_close(tp);
	}
	tcp_exit(tp);
	so_rele(so);
}

/* An acknowledgement, or whatever else, for a half-open connection. */
static void
listen_ack(struct tcpcb *tp, struct tcp_seg *sg)
{
	struct vnet *vn = tcp_vn(tp);
	struct tcp_syncache *sc = tcp_vnet(vn)->tv_syncache;
	struct halfopen *he, **pp, cookie;
	bool defer;

	spin_lock(&sc->sc_lock);
	pp = find(sc, sg);
	he = *pp;
	if (he == NULL) {
		spin_unlock(&sc->sc_lock);
		if (check_cookie(tp, sg, &cookie) && !soqfull(tcp_so(tp))) {
			complete(tp, &cookie, sg);
			return;
		}
		tcp_respond_rst(sg);
		tcp_exit(tp);
		return;
	}
	/* RFC 9293 3.10.7.4, first and fifth. */
	if (sg->sg_ack != he->he_iss + 1 ||
	    seq_lt(sg->sg_seq, he->he_irs + 1) ||
	    seq_gt(sg->sg_seq, he->he_irs + 1 + he->he_wnd)) {
		if (sg->sg_ack == he->he_iss + 1)
			syn_again(sc, he, sg);
		else
			tcp_respond_rst(sg);
		spin_unlock(&sc->sc_lock);
		tcp_exit(tp);
		return;
	}
	/* tcp(7) TCP_DEFER_ACCEPT: data must come, for a while. */
	defer = tp->t_deferaccept > he->he_tries && sg->sg_len == 0 &&
	    (sg->sg_flags & TH_FIN) == 0;
	if (defer || soqfull(tcp_so(tp))) {
		if (!defer)
			TCP_COUNT(vn, syn_drops);
		spin_unlock(&sc->sc_lock);
		tcp_exit(tp);
		return;
	}
	(void)unlink(sc, pp);
	spin_unlock(&sc->sc_lock);
	complete(tp, he, sg);
	halfopen_free(he);
}

/* RFC 5961 3.2, RFC 9293 3.10.7.4: back to LISTEN. */
static void
listen_rst(struct tcpcb *tp, const struct tcp_seg *sg)
{
	struct tcp_syncache *sc = tcp_vnet(tcp_vn(tp))->tv_syncache;
	struct halfopen *he = NULL, **pp;
	uint32_t off;

	spin_lock(&sc->sc_lock);
	pp = find(sc, sg);
	if (*pp != NULL) {
		off = sg->sg_seq - ((*pp)->he_irs + 1);
		if (off == 0)
			he = unlink(sc, pp);
		else if (off < (*pp)->he_wnd)
			challenge(sc, *pp, sg->sg_now);
	}
	spin_unlock(&sc->sc_lock);
	if (he != NULL)
		halfopen_free(he);
}

/* RFC 9293 3.10.7.2. */
void
tcp_listen_input(struct tcpcb *tp, struct tcp_seg *sg)
{
	if ((sg->sg_flags & TH_RST) != 0) {
		listen_rst(tp, sg);
	} else if ((sg->sg_flags & (TH_SYN | TH_ACK)) == TH_SYN) {
		listen_syn(tp, sg);
	} else if ((sg->sg_flags & TH_SYN) != 0) {
		tcp_respond_rst(sg);
	} else if ((sg->sg_flags & TH_ACK) != 0) {
		listen_ack(tp, sg);
		return;
	}
	tcp_exit(tp);
}
