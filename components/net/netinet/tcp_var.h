/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TCP (RFC 9293): what its files share.
 *
 * A connection is a struct tcpcb, which begins with its inpcb; the socket's
 * so_lock protects both. It is found through the table of connections, inside
 * an epoch, and freed through one: who found it takes so_lock and looks whether
 * so_pcb is still there (tcp_enter()).
 *
 * A connection whose file is closed keeps itself alive with a reference of its
 * socket (TF_ORPHAN); tcp_exit() gives it back after the lock.
 *
 * Lock order: so_lock of a connection -> so_lock of its listening socket ->
 * locks of tables (half-open, inpcb).
 */
#ifndef TCP_VAR_H
#define TCP_VAR_H

#include <kern/assert.h>
#include <kern/byteorder.h>
#include <kern/inpcb.h>
#include <kern/kmem.h>
#include <kern/random.h>
#include <kern/time.h>

#include <linux/tcp.h>

typedef uint32_t tcp_seq;

static inline bool
seq_lt(tcp_seq a, tcp_seq b)
{
	return (int32_t)(a - b) < 0;
}

static inline bool
seq_le(tcp_seq a, tcp_seq b)
{
	return (int32_t)(a - b) <= 0;
}

static inline bool
seq_gt(tcp_seq a, tcp_seq b)
{
	return (int32_t)(a - b) > 0;
}

static inline bool
seq_ge(tcp_seq a, tcp_seq b)
{
	return (int32_t)(a - b) >= 0;
}

static inline tcp_seq
seq_max(tcp_seq a, tcp_seq b)
{
	return seq_gt(a, b) ? a : b;
}

static inline tcp_seq
seq_min(tcp_seq a, tcp_seq b)
{
	return seq_lt(a, b) ? a : b;
}

/* RFC 9293 3.3.2; the numbers are what TCP_INFO and sock_diag show. */
enum tcp_state {
	TCPS_ESTABLISHED = 1,
	TCPS_SYN_SENT,
	TCPS_SYN_RECEIVED,
	TCPS_FIN_WAIT_1,
	TCPS_FIN_WAIT_2,
	TCPS_TIME_WAIT,
	TCPS_CLOSED,
	TCPS_CLOSE_WAIT,
	TCPS_LAST_ACK,
	TCPS_LISTEN,
	TCPS_CLOSING
};
#define TCPM(s) (1u << (s))	/* sets of states */
/* The peer may send data that somebody takes. */
#define TCPM_RECEIVING (TCPM(TCPS_ESTABLISHED) | TCPM(TCPS_FIN_WAIT_1) | \
	TCPM(TCPS_FIN_WAIT_2))
/* Data, or a FIN, may go out. */
#define TCPM_SENDING (TCPM(TCPS_ESTABLISHED) | TCPM(TCPS_CLOSE_WAIT) | \
	TCPM(TCPS_FIN_WAIT_1) | TCPM(TCPS_CLOSING) | TCPM(TCPS_LAST_ACK))
/* The user closed; a FIN was sent or waits. */
#define TCPM_CLOSED (TCPM(TCPS_FIN_WAIT_1) | TCPM(TCPS_FIN_WAIT_2) | \
	TCPM(TCPS_CLOSING) | TCPM(TCPS_LAST_ACK) | TCPM(TCPS_TIME_WAIT))

/* Header: RFC 9293 3.1, RFC 3168 6.1. */
#define TCP_HDRLEN	20
#define TCP_MAXOPT	40
#define TH_FIN		0x01
#define TH_SYN		0x02
#define TH_RST		0x04
#define TH_PSH		0x08
#define TH_ACK		0x10
#define TH_URG		0x20
#define TH_ECE		0x40
#define TH_CWR		0x80

#define TCP_MAXWIN	65535u
#define TCP_MAXSCALE	14		/* RFC 7323 2.3 */
#define TCP_MINMSS	48u
#define TCP_MAXSACK	4		/* blocks in an option */

/* Times, ns. */
#define TCP_RTO_INIT	NS_PER_SEC		/* RFC 6298 2.1 */
#define TCP_RTO_LOSTSYN	(3 * NS_PER_SEC) /* 5.7 */
#define TCP_RTO_MAX	(120 * NS_PER_SEC)
#define TCP_DELACK	(40 * NS_PER_MS)	/* RFC 9293 3.8.6.3: < 500 ms */
#define TCP_CORKED	(200 * NS_PER_MS)	/* tcp(7): TCP_CORK's ceiling */
#define TCP_G		NS_PER_MS		/* clock granularity */

/* The timers of a connection: one callout, the earliest deadline. */
enum tcp_timer {
	TT_REXMT,		/* t_rexmt says which */
	TT_DELACK,
	TT_KEEP,		/* keep-alive; connection, FIN-WAIT-2, 2 MSL */
	TT_PACE,		/* pacing; the end of a cork */
	TT_COUNT
};
enum tcp_rexmt { TR_NONE, TR_RTO, TR_TLP, TR_REO, TR_PERSIST };

/* t_flags */
#define TF_NODELAY	0x00000001u	/* TCP_NODELAY */
#define TF_CORK		0x00000002u	/* TCP_CORK */
#define TF_MORE		0x00000004u	/* the last send had MSG_MORE */
#define TF_ACKNOW	0x00000008u	/* an acknowledgement is due */
#define TF_DELACK	0x00000010u	/* ... or will be */
#define TF_NEEDFIN	0x00000020u	/* the user closed his side */
#define TF_FINSENT	0x00000040u
#define TF_TSTMP	0x00000080u	/* both sides: RFC 7323 */
#define TF_SACK		0x00000100u	/* both sides: RFC 2018 */
#define TF_SCALE	0x00000200u	/* both sides */
#define TF_ECN		0x00000400u	/* both sides: RFC 3168 */
#define TF_ECE		0x00000800u	/* tell of congestion until CWR */
#define TF_CWR		0x00001000u	/* tell that the window was reduced */
#define TF_ECNSEEN	0x00002000u	/* a segment had ECT or CE */
#define TF_ORPHAN	0x00004000u	/* holds its socket itself */
#define TF_RELE		0x00008000u	/* tcp_exit() gives that back */
#define TF_FORCE	0x00010000u	/* send whatever there is: once */
#define TF_CWNDLIM	0x00020000u	/* the window was what limited */
#define TF_NOQUICK	0x00040000u	/* interactive: delay acknowledgements */
#define TF_REORD	0x00080000u	/* reordering was seen */
#define TF_NOTSTMP	0x00100000u	/* do not offer */
#define TF_URGSENT	0x00200000u	/* snd_up is ahead of what is sent */
#define TF_URGRCVD	0x00400000u	/* rcv_up is valid */
#define TF_HAVEOOB	0x00800000u	/* t_oob is there, not read */
#define TF_HADOOB	0x01000000u	/* ... it was read */
#define TF_SAVESYN	0x02000000u	/* TCP_SAVE_SYN: 1 */
#define TF_SYNDATA	0x04000000u	/* data in the SYN was taken */
#define TF_TFOCONN	0x08000000u	/* TCP_FASTOPEN_CONNECT */
#define TF_INQ		0x10000000u	/* TCP_INQ */
#define TF_DSACK	0x40000000u	/* t_dsack is to be told */
#define TF_PASSIVE	0x80000000u	/* a listening socket made it */

/* What was sent and not cumulatively acknowledged: tcp_sent.c. */
struct tcp_sent {
	struct list ts_link;		/* in order of sequence */
	tcp_seq ts_start, ts_end;	/* SYN and FIN count */
	nstime_t ts_time;		/* last transmission */
	nstime_t ts_first;		/* t_first_tx then */
	nstime_t ts_deliv_time;		/* t_deliv_time then */
	uint64_t ts_delivered;		/* t_delivered then */
	uint32_t ts_order;		/* t_order then: which went first */
	uint32_t ts_lostcnt;		/* t_lost_total then */
	uint8_t ts_flags;		/* TS_* */
	uint8_t ts_nretx;
};
#define TS_SYN		0x01
#define TS_FIN		0x02
#define TS_SACKED	0x04
#define TS_LOST		0x08		/* not sent again yet */
#define TS_RETX		0x10		/* sent more than once */
#define TS_APPLIM	0x20		/* sent when the application was slow */

/* A block of received data out of order: tcp_reass.c. */
struct tcp_reass {
	struct tcp_reass *tr_next;
	tcp_seq tr_start, tr_end;
	struct mbuf *tr_m, *tr_last;
	uint32_t tr_stamp;		/* the latest is told first */
	bool tr_fin;
};

struct tcp_cc;
struct tcp_extra;
struct tcp_seg;

/* Why the sender did not send (TCP_INFO). */
enum tcp_chrono { TC_NONE, TC_BUSY, TC_RWND, TC_SNDBUF, TC_COUNT };

/*
 * All of it: so_lock. t_inp has a legend of its own.
 */
struct tcpcb {
	struct inpcb t_inp;

	/* What each segment looks at. */
	uint32_t t_flags;
	uint8_t t_state;
	uint8_t t_ca;			/* enum tcp_ca_state */
	uint8_t t_sndscale, t_rcvscale;
	tcp_seq snd_una, snd_nxt;	/* snd_nxt never goes back */
	uint32_t snd_wnd;		/* scaled */
	tcp_seq snd_wl1, snd_wl2;
	tcp_seq rcv_nxt;
	tcp_seq rcv_adv;		/* edge of the window that was told */
	tcp_seq t_lastack;		/* rcv_nxt that was told */
	uint32_t t_maxseg;		/* largest segment out, options included */
	uint32_t t_cwnd, t_ssthresh;	/* bytes */
	uint32_t t_sacked, t_lost;	/* bytes of TS_SACKED, TS_LOST */
	uint32_t t_reno;		/* bytes that duplicate ACKs stand for */
	uint32_t ts_recent;		/* RFC 7323 4.3 */
	uint32_t t_tsoff;		/* what our clock is ahead */
	uint8_t t_quickacks;		/* acknowledgements without delay */
	uint8_t t_rexmt;		/* enum tcp_rexmt */
	uint8_t t_shift;		/* time-outs in a row: back off */
	uint8_t t_dupacks;
	struct list t_sent;		/* struct tcp_sent */
	struct tcp_reass *t_reass;
	nstime_t t_deadline[TT_COUNT];	/* NSTIME_FOREVER: off */
	nstime_t t_armed;		/* when the callout runs */
	struct sbhint t_hint;
	const struct tcp_cc *t_cc;
	nstime_t t_rcvtime, t_sndtime;	/* last segment in; last data out */

	/* Round-trip time. */
	nstime_t t_srtt, t_rttvar, t_rto;
	nstime_t t_minrtt, t_minrtt_at;
	nstime_t ts_recent_age;

	/* Receiving. */
	uint32_t t_rcvmss;		/* the peer's segments: estimate */
	uint32_t t_clamp;		/* TCP_WINDOW_CLAMP, 0: none */
	tcp_seq rcv_up, irs;
	uint32_t t_reass_cost, t_reass_n, t_reass_stamp;
	tcp_seq t_dsack_start, t_dsack_end;
	nstime_t t_drs_time, t_rcvrtt, t_drs_rtt_time;
	uint32_t t_drs_space, t_drs_copied;
	tcp_seq t_drs_rtt_seq;
	uint8_t t_oob;

	/* Options. */
	uint8_t t_keepcnt, t_syncnt, t_deferaccept;
	uint8_t t_keepprobes;
	uint8_t t_persists;
	uint8_t t_notsent_set;
	uint16_t t_keepidle, t_keepintvl;	/* seconds; 0: default */
	uint16_t t_usermss;		/* TCP_MAXSEG */
	uint16_t t_peermss;		/* the MSS option */
	uint16_t t_holemss;		/* where larger ones vanished; 0 */
	int32_t t_linger2;		/* seconds; 0: default; < 0: none */
	uint32_t t_utimeout;		/* TCP_USER_TIMEOUT, ms */
	uint32_t t_notsent;		/* TCP_NOTSENT_LOWAT */
	uint16_t t_fastopen;		/* listening: queue length */

	/* Sending. */
	tcp_seq iss, snd_up;
	tcp_seq snd_sml;		/* end of the last small segment */
	uint32_t snd_maxwnd;
	uint32_t t_nsent;		/* records */

	/* Recovery: tcp_recovery.c. */
	tcp_seq t_recover;		/* snd_nxt when it began */
	tcp_seq t_undo_una;
	uint32_t t_undo_retx;		/* bytes sent again, not shown needless */
	uint32_t t_prior_cwnd, t_prior_ssthresh;
	uint32_t t_retx_tsval;		/* of the first retransmission */
	uint32_t t_prr_delivered, t_prr_out, t_prr_pipe;
	uint32_t t_order;		/* of transmissions */
	uint32_t t_rack_order;		/* of the last that arrived */
	tcp_seq t_rack_end;		/* ... and where it ended */
	tcp_seq t_rack_fack;
	nstime_t t_rack_time, t_rack_rtt;
	tcp_seq t_rack_dsack, t_tlp_end, t_rtt_seq;
	uint8_t t_rack_mult, t_rack_persist;
	uint8_t t_undo;			/* an undo is possible */
	uint8_t t_frto;			/* step of RFC 5682, 0: not */
	uint8_t t_tlp;			/* a probe is out: TLP_* */
	uint8_t t_chrono;		/* enum tcp_chrono */
	uint8_t t_limited;		/* segments of limited transmit */
	uint8_t t_rearm;		/* the timer: 1 sent, 2 acknowledged */

	/* Rate: draft-cheng-iccrg-delivery-rate-estimation. */
	uint64_t t_delivered;
	nstime_t t_deliv_time, t_first_tx;
	uint64_t t_applim;		/* t_delivered until which it was */
	uint64_t t_rate;		/* last sample, bytes/s */
	uint64_t t_pacing;		/* bytes/s; 0: none */
	nstime_t t_pace_next;

	uint64_t t_ccdata[8];		/* the module's */
	struct tcp_extra *t_extra;
	nstime_t t_start;		/* of the present wait for ACKs */
	nstime_t t_chrono_start;
	struct callout t_callout;

	/* TCP_INFO. */
	uint64_t t_bytes_acked, t_bytes_rcvd, t_bytes_sent, t_bytes_retx;
	uint64_t t_chrono_sum[TC_COUNT];	/* ns */
	uint32_t t_segs_out, t_segs_in, t_dsegs_out, t_dsegs_in;
	uint32_t t_retrans, t_dsack_dups, t_reord_seen, t_ooopack;
	uint32_t t_lost_total, t_delivered_ce;
	nstime_t t_acktime;
	uint32_t t_reordering;		/* bytes */
};
_Static_assert(sizeof(struct tcpcb) <= 1100, "tcpcb's size");

/* What few connections have. */
struct tcp_extra {
	uint8_t *te_syn;		/* TCP_SAVED_SYN: from the IP header */
	uint32_t te_synlen;
	uint8_t te_cookielen;		/* Fast Open, client: to be sent */
	uint8_t te_cookie[16];
	bool te_wantcookie;
	uint8_t te_tfofail;		/* enum tcp_fastopen_client_fail */
};

/* A segment that arrived, on the stack of its input. */
struct tcp_seg {
	struct mbuf *sg_m;		/* at its data, once trimmed */
	const struct inpkt *sg_pk;
	nstime_t sg_now;
	tcp_seq sg_seq, sg_ack;
	uint32_t sg_len;		/* of data */
	uint32_t sg_wnd;		/* as the header has it */
	uint32_t sg_tsval, sg_tsecr;
	uint16_t sg_sport, sg_dport;	/* network order */
	uint16_t sg_urp;
	uint16_t sg_mss;
	uint8_t sg_flags;		/* TH_* */
	uint8_t sg_opts;		/* TO_* */
	uint8_t sg_wscale;
	uint8_t sg_nsack;
	uint8_t sg_hdrlen;
	uint8_t sg_tfolen;
	const uint8_t *sg_sack;		/* sg_nsack pairs */
	const uint8_t *sg_tfo;
};
#define TO_MSS		0x01
#define TO_SCALE	0x02
#define TO_SACKOK	0x04
#define TO_TSTMP	0x08
#define TO_SACK		0x10
#define TO_FASTOPEN	0x20

/* What options a segment that we send has; tcp_options.c. */
struct tcp_opts {
	uint8_t to_opts;		/* TO_* */
	uint8_t to_wscale;
	uint8_t to_nsack;
	uint8_t to_tfolen;
	uint16_t to_mss;
	uint32_t to_tsval, to_tsecr;
	const uint8_t *to_tfo;
	tcp_seq to_sack[TCP_MAXSACK][2];
};

/* name, default, least, most, description: net.ipv4.tcp_NAME of a vnet. */
#define TCP_TUNABLES(X)							\
X(rmem_default, 131072, 4096, 1 << 30, "bytes of a receive buffer")	\
X(rmem_max, 6 << 20, 4096, 1 << 30, "to which auto-tuning extends it")	\
X(wmem_default, 262144, 4096, 1 << 30, "bytes of a send buffer")	\
X(wmem_max, 4 << 20, 4096, 1 << 30, "to which auto-tuning extends it")	\
X(ecn, 2, 0, 2, "ECN: 0 never, 1 asked for, 2 when the peer asks")	\
X(sack, 1, 0, 1, "selective acknowledgements are offered")		\
X(timestamps, 1, 0, 1, "time stamps are offered")			\
X(window_scaling, 1, 0, 1, "a window scale is offered")			\
X(keepalive_time, 7200, 1, 32767, "seconds until keep-alive probes")	\
X(keepalive_intvl, 75, 1, 32767, "seconds between them")		\
X(keepalive_probes, 9, 1, 127, "unanswered ones that end a connection")	\
X(fin_timeout, 60, 1, 3600, "seconds in FIN-WAIT-2 without a file")	\
X(max_orphans, 65536, 0, 1 << 24, "connections without a file")		\
X(max_tw_buckets, 65536, 0, 1 << 24, "connections in TIME-WAIT")	\
X(tw_timeout, 60, 1, 240, "seconds in TIME-WAIT: 2 MSL")		\
X(max_syn_backlog, 4096, 1, 1 << 20, "half-open connections")		\
X(syncookies, 1, 0, 2, "SYN cookies: 0 never, 1 when full, 2 always")	\
X(fastopen, 1, 0, 3, "Fast Open: 1 as a client, 2 as a server")		\
X(syn_retries, 6, 1, 127, "SYNs that are sent again")			\
X(synack_retries, 5, 1, 127, "answers to a SYN that are sent again")	\
X(retries2, 15, 1, 127, "time-outs that end a connection")		\
X(orphan_retries, 8, 1, 127, "... one without a file")			\
X(rto_min, 200, 1, 120000, "least retransmission time-out, ms")		\
X(initial_cwnd, 10, 1, 100, "segments of the first window (RFC 6928)")	\
X(challenge_ack_limit, 1000, 1, 1 << 20, "challenge ACKs in a second")

#define X(name, ...) TCPC_##name,
enum tcp_tunable { TCP_TUNABLES(X) TCPC_COUNT };
#undef X

/* name, description: net.ipv4.stats.tcp_NAME of a vnet. */
#define TCP_COUNTERS(X)							\
X(connects, "connections that were established")			\
X(accepts, "connections that listening sockets made")			\
X(drops, "connections that ended with an error")			\
X(timeouts, "of those, because nobody answered")			\
X(retransmits, "segments sent again")					\
X(rtos, "time-outs of retransmission")					\
X(probes, "tail loss probes (RFC 8985)")				\
X(undos, "reductions of a window that were undone")			\
X(in_csum_errors, "segments with a wrong checksum")			\
X(in_errors, "segments with a bad header")				\
X(out_rsts, "segments with RST that were sent")				\
X(challenges, "challenge acknowledgements sent (RFC 5961)")		\
X(paws, "segments that PAWS dropped (RFC 7323)")			\
X(ofo_drops, "segments out of order that found no room")		\
X(rcv_drops, "segments that a full buffer dropped")			\
X(syn_drops, "connections that a full queue turned away")		\
X(syn_cookies, "SYN cookies sent")					\
X(syn_cookies_ok, "connections made of a SYN cookie")			\
X(syn_cookies_bad, "acknowledgements that were no SYN cookie")		\
X(fastopens, "connections whose SYN's data was taken")

#define X(name, ...) TCPS_##name##_,
enum tcp_counter { TCP_COUNTERS(X) TCP_NCOUNTERS };
#undef X

struct tcp_syncache;
struct tcp_twtable;

/*
 * I  immutable   a  atomic
 */
struct tcp_vnet {
	struct vnet *tv_vnet;		/* [I] */
	struct inpcbtable *tv_table;	/* [I] */
	struct tcp_syncache *tv_syncache; /* [I] */
	struct tcp_twtable *tv_tw;	/* [I] */
	struct siphash_key tv_key;	/* [I] */
	_Atomic uint32_t tv_conns;	/* [a] struct tcpcb */
	_Atomic uint32_t tv_orphans;	/* [a] without a file */
	_Atomic uint32_t tv_challenges;	/* [a] left in this second */
	_Atomic nstime_t tv_challenge_at; /* [a] when that began */
	_Atomic uint32_t tv_timewait;	/* [a] connections in TIME-WAIT */
	_Atomic uint64_t tv_conf[TCPC_COUNT]; /* [a] */
	_Atomic uint64_t tv_stat[TCP_NCOUNTERS]; /* [a] */
};

static inline struct tcp_vnet *
tcp_vnet(const struct vnet *vn)
{
	return vn->vn_data[VNET_TCP];
}

#define TCP_COUNT(vn, name) \
	atomic_fetch_add_explicit(&tcp_vnet(vn)->tv_stat[TCPS_##name##_], 1, \
	    memory_order_relaxed)

static inline uint64_t
tcp_conf(const struct vnet *vn, enum tcp_tunable c)
{
	return atomic_load_explicit(&tcp_vnet(vn)->tv_conf[c],
	    memory_order_relaxed);
}

static inline struct tcpcb *
intotcpcb(struct inpcb *inp)
{
	return container_of(inp, struct tcpcb, t_inp);
}

static inline struct tcpcb *
sototcpcb(struct socket *so)
{
	return so->so_pcb != NULL ? intotcpcb(so->so_pcb) : NULL;
}

static inline struct socket *
tcp_so(const struct tcpcb *tp)
{
	return tp->t_inp.inp_socket;
}

static inline struct vnet *
tcp_vn(const struct tcpcb *tp)
{
	return tcp_so(tp)->so_vnet;
}

static inline bool
tcp_in(const struct tcpcb *tp, uint32_t states)
{
	return (TCPM(tp->t_state) & states) != 0;
}

/* The sequence number of the send buffer's first byte. */
static inline tcp_seq
tcp_sndseq(const struct tcpcb *tp)
{
	return tp->snd_una == tp->iss ? tp->iss + 1 : tp->snd_una;
}

/* Bytes in flight, as the scoreboard has it (RFC 6675's pipe). */
static inline uint32_t
tcp_pipe(const struct tcpcb *tp)
{
	uint32_t out = tp->snd_nxt - tp->snd_una;
	uint32_t less = tp->t_sacked + tp->t_lost + tp->t_reno;

	return out > less ? out - less : 0;
}

/* Payload of a full segment without SACK blocks. */
static inline uint32_t
tcp_mss(const struct tcpcb *tp)
{
	return tp->t_maxseg - ((tp->t_flags & TF_TSTMP) != 0 ? 12 : 0);
}

/* What the peer may send more, from rcv_nxt on. */
static inline uint32_t
tcp_rcvwnd(const struct tcpcb *tp)
{
	return seq_gt(tp->rcv_adv, tp->rcv_nxt) ? tp->rcv_adv - tp->rcv_nxt : 0;
}

static inline uint32_t
tcp_tsclock(nstime_t now)
{
	return (uint32_t)((uint64_t)now / NS_PER_MS);
}

/* tcp_subr.c: the life of a connection. */
int tcp_init(void);
int tcp_attach(struct socket *so, int protocol);
/** Lock the socket of a block found in an epoch; NULL: it is gone. */
struct tcpcb *tcp_enter(struct inpcb *inp);
/** Unlock; what waited for that is done. */
void tcp_exit(struct tcpcb *tp);
/** The end: out of the tables; the memory stays until the epoch's end. */
void tcp_close(struct tcpcb *tp);
/** tcp_close() with an error for the user; 0: none. */
void tcp_drop(struct tcpcb *tp, int error);
/** The connection is there: windows, buffers, timers. */
void tcp_established(struct tcpcb *tp, nstime_t now);
/** The user sends no more: a FIN follows the data. */
void tcp_usrclosed(struct tcpcb *tp);
/** The control block goes; tcp_close() was called. */
void tcp_destroy(struct tcpcb *tp);
/** The file is gone, but not the connection. */
void tcp_orphan(struct tcpcb *tp, nstime_t now);
struct tcp_extra *tcp_extra(struct tcpcb *tp);
void tcp_ctlinput(const struct inerror *ie, const uint8_t *hdr, size_t n,
    const struct mbuf *m);
/** The MTU that the path, options and TCP_MAXSEG leave for a segment. */
void tcp_mss_update(struct tcpcb *tp);
/** Time-outs may mean that large packets are lost without a word. */
void tcp_mss_blackhole(struct tcpcb *tp);
/** What we tell in the MSS option. */
uint16_t tcp_mss_offer(struct tcpcb *tp);
/** ... to one who may become a peer of a listening socket. */
uint16_t tcp_mss_toward(struct tcpcb *tp, const union inaddr *laddr,
    const union inaddr *faddr);
/** Shift for a window of the largest size that a buffer may have. */
uint8_t tcp_scale_offer(const struct socket *so);

/* tcp_usrreq.c */
extern const struct protosw tcp_protosw;

/* tcp_options.c */
/** @return false: malformed */
bool tcp_options_parse(struct tcp_seg *sg, const uint8_t *opt, size_t n);
/** At most TCP_MAXOPT bytes at p, padded; returns how many. */
size_t tcp_options_build(const struct tcp_opts *to, uint8_t *p);

/* tcp_input.c */
void tcp_input(struct mbuf *m, const struct inpkt *pk);
/** A listening socket's or no socket's segment has been seen to. */
void tcp_seg_free(struct tcp_seg *sg);

/* tcp_segment.c: RFC 9293 3.10.7.3 and 3.10.7.4; take sg_m over. */
void tcp_segment(struct tcpcb *tp, struct tcp_seg *sg);
void tcp_segment_synsent(struct tcpcb *tp, struct tcp_seg *sg);
/** Text, urgent pointer and FIN of an acceptable segment, then output. */
void tcp_segment_text(struct tcpcb *tp, struct tcp_seg *sg);
/** Options of a SYN that count for both directions. */
void tcp_syn_options(struct tcpcb *tp, const struct tcp_seg *sg);

/* tcp_ack.c */
/** An acknowledgement in the window. */
void tcp_ack(struct tcpcb *tp, struct tcp_seg *sg);
void tcp_window_update(struct tcpcb *tp, const struct tcp_seg *sg);
void tcp_rtt_update(struct tcpcb *tp, nstime_t rtt, nstime_t now);

/* tcp_receive.c */
/** Data at rcv_nxt, or beyond; takes sg_m over. True: a FIN is reached. */
bool tcp_data(struct tcpcb *tp, struct tcp_seg *sg);
void tcp_urgent(struct tcpcb *tp, struct tcp_seg *sg);
/** The window that we would tell. */
uint32_t tcp_window(struct tcpcb *tp);
/** The user took n bytes. */
void tcp_rcvd(struct tcpcb *tp, size_t n);
void tcp_ack_later(struct tcpcb *tp, const struct tcp_seg *sg, uint32_t len);

/** In order to the reader's buffer; m is taken over. */
void tcp_append(struct sockbuf *sb, struct mbuf *m);

/* tcp_reass.c */
/** Data beyond rcv_nxt; takes sg_m over. */
void tcp_reass(struct tcpcb *tp, struct tcp_seg *sg);
/** What follows rcv_nxt now goes to the buffer; true: a FIN was reached. */
bool tcp_reass_deliver(struct tcpcb *tp);
void tcp_reass_flush(struct tcpcb *tp);

/* tcp_output.c */
int tcp_output(struct tcpcb *tp, nstime_t now);
/** Send len bytes from seq on; how: TH_*, TCP_AGAIN. Counts nothing of the
 * scoreboard's. */
int tcp_emit(struct tcpcb *tp, tcp_seq seq, uint32_t len, unsigned how,
    nstime_t now);
#define TCP_AGAIN 0x100		/* it was sent before */
void tcp_send_syn(struct tcpcb *tp, nstime_t now);
/** An acknowledgement without data, at once. */
void tcp_send_ack(struct tcpcb *tp, nstime_t now);
/** Bytes from seq 1 before what is acknowledged: asks for an ACK. */
void tcp_send_probe(struct tcpcb *tp, nstime_t now);
/** Bytes of a segment at most: what one packet may carry. */
uint32_t tcp_gsomax(const struct tcpcb *tp);

/* tcp_respond.c: segments that no connection sends. */
struct tcp_reply {
	struct vnet *rp_vnet;
	union inaddr rp_src, rp_dst;
	uint8_t rp_family;
	uint8_t rp_flags;		/* TH_* */
	uint8_t rp_tos, rp_ttl;
	uint16_t rp_sport, rp_dport;	/* network order */
	uint16_t rp_wnd;
	tcp_seq rp_seq, rp_ack;
	uint32_t rp_mark, rp_oif;
	const struct tcp_opts *rp_opts;
};
int tcp_reply(const struct tcp_reply *rp);
/** The reset of RFC 9293 3.5.2, group 1 and 2, for a segment. */
void tcp_respond_rst(const struct tcp_seg *sg);
/** RFC 5961: an ACK that a hostile segment provoked; limited. */
void tcp_challenge(struct tcpcb *tp, nstime_t now);
/** ... one more in this second? */
bool tcp_challenge_allowed(struct tcp_vnet *tv, nstime_t now);
void tcp_send_rst(struct tcpcb *tp);

/* The pseudo header's sum into a header whose checksum is to be completed. */
static inline void
tcp_cksum_store(uint8_t *th, uint64_t pseudo)
{
	uint16_t sum = in_cksum_fold(pseudo);

	memcpy(th + 16, &sum, sizeof(sum));
}

/* tcp_sent.c: the scoreboard. */
int tcp_sent_init(void);
/** A record of what has been sent now; NULL: no memory. */
struct tcp_sent *tcp_sent_add(struct tcpcb *tp, uint32_t len, uint8_t flags,
    nstime_t now);
void tcp_sent_again(struct tcpcb *tp, struct tcp_sent *ts, nstime_t now);
/** Cut off what follows seq; the record keeps what is before. */
struct tcp_sent *tcp_sent_split(struct tcpcb *tp, struct tcp_sent *ts,
    tcp_seq seq);
void tcp_sent_free(struct tcpcb *tp, struct tcp_sent *ts);
void tcp_sent_flush(struct tcpcb *tp);
void tcp_sent_lost(struct tcpcb *tp, struct tcp_sent *ts);

static inline struct tcp_sent *
tcp_sent_first(struct tcpcb *tp)
{
	return list_empty(&tp->t_sent) ? NULL :
	    list_first(&tp->t_sent, struct tcp_sent, ts_link);
}

#define TCP_SENT_FOREACH(ts, tp)					\
	for ((ts) = list_first(&(tp)->t_sent, struct tcp_sent, ts_link); \
	    &(ts)->ts_link != &(tp)->t_sent;				\
	    (ts) = list_first(&(ts)->ts_link, struct tcp_sent, ts_link))

/* tcp_timer.c */
void tcp_timer_init(struct tcpcb *tp);
void tcp_timer_set(struct tcpcb *tp, enum tcp_timer which, nstime_t deadline);
void tcp_timer_stop(struct tcpcb *tp);
/** What the retransmission timer is to wait for now. */
void tcp_rexmt_set(struct tcpcb *tp, nstime_t now);
void tcp_keep_set(struct tcpcb *tp, nstime_t now);
/** FIN-WAIT-2 began, or its file was closed. */
void tcp_finwait2(struct tcpcb *tp, nstime_t now);
nstime_t tcp_keepidle_of(const struct tcpcb *tp);

static inline void
tcp_timer_clear(struct tcpcb *tp, enum tcp_timer which)
{
	tp->t_deadline[which] = NSTIME_FOREVER;
}

/* tcp_isn.c */
tcp_seq tcp_isn(const struct tcp_vnet *tv, const union inaddr *laddr,
    uint16_t lport, const union inaddr *faddr, uint16_t fport, nstime_t now);
uint32_t tcp_tsoffset(const struct tcp_vnet *tv, const union inaddr *laddr,
    const union inaddr *faddr);

/* tcp_ecn.c: RFC 3168. */
uint8_t tcp_ecn_output(struct tcpcb *tp, uint8_t *thflags, bool fresh);
void tcp_ecn_input(struct tcpcb *tp, const struct tcp_seg *sg);

/* tcp_sockopt.c, tcp_info.c */
int tcp_ctloutput(struct socket *so, struct sockopt *sopt);
void tcp_info(struct tcpcb *tp, struct tcp_info *ti);
void tcp_chrono(struct tcpcb *tp, enum tcp_chrono why, nstime_t now);

/* tcp_timewait.c */
int tcp_tw_create(struct tcp_vnet *tv);
void tcp_tw_destroy(struct tcp_vnet *tv);
void tcp_tw_start(struct tcpcb *tp, nstime_t now);
/** A segment for a connection in TIME-WAIT. True: it is gone, and the segment
 * (a SYN) may be for a listening socket. */
bool tcp_tw_input(struct tcpcb *tp, struct tcp_seg *sg);

/* tcp_syncache.c: connections that a listening socket does not have yet. */
int tcp_syncache_create(struct tcp_vnet *tv);
void tcp_syncache_shutdown(struct tcp_vnet *tv);
void tcp_syncache_destroy(struct tcp_vnet *tv);
/** A segment for a listening socket, which is locked and is left unlocked. */
void tcp_listen_input(struct tcpcb *tp, struct tcp_seg *sg);
uint32_t tcp_syncache_count(const struct tcp_vnet *tv);

#endif
