/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Congestion control: what a module is told, and what it decides.
 *
 * A module sets t_cwnd and t_ssthresh (bytes) and may set t_pacing (bytes/s).
 * All functions run with so_lock held and allocate nothing but in tc_init. Its
 * state is in t_ccdata, zeroed before tc_init.
 */
#ifndef TCP_CC_H
#define TCP_CC_H

#include "tcp_var.h"

/* What an acknowledgement told. */
struct tcp_sample {
	nstime_t as_now;
	nstime_t as_rtt;		/* of never repeated data, or -1 */
	nstime_t as_rtt_long;		/* ... its oldest: with the ACK's delay */
	uint32_t as_acked;		/* bytes that snd_una moved */
	uint32_t as_sacked;		/* bytes newly reported by SACK */
	uint32_t as_delivered;		/* bytes newly known to have arrived */
	uint32_t as_lost;		/* bytes newly thought lost */
	uint32_t as_inflight;		/* before this acknowledgement */
	bool as_limited;		/* the window was in use: it may grow */
	bool as_applim;			/* rate: the application was slow */
	bool as_retx;			/* rate: of data sent again */
	bool as_ece;
	bool as_round;			/* a round trip began */

	/* The rate (t_rate has it too): as_bytes in as_interval; 0: none. */
	uint64_t as_prior;		/* t_delivered when it was sent */
	uint64_t as_bytes;
	nstime_t as_interval;
	uint32_t as_lost_since;		/* bytes lost since it was sent */

	/* For the scoreboard's own use: of the newest delivered record. */
	nstime_t as_sent_time;		/* 0: none */
	nstime_t as_first, as_deliv_time;
	uint32_t as_lostcnt;
	tcp_seq as_sent_end;
	bool as_orig;			/* never repeated data arrived */
	bool as_dsack;
};

struct tcp_cc {
	const char *tc_name;
	/** May allocate. @return ENOMEM */
	int (*tc_init)(struct tcpcb *tp);
	void (*tc_fini)(struct tcpcb *tp);
	/** An ACK of new data, not during recovery. */
	void (*tc_ack)(struct tcpcb *tp, const struct tcp_sample *as);
	/**
	 * Every ACK, in all states, after losses were marked. Not NULL: the
	 * module sets t_cwnd alone, and neither tc_ack nor PRR does.
	 */
	void (*tc_control)(struct tcpcb *tp, const struct tcp_sample *as);
	/** The slow start threshold after a loss or an ECN mark. */
	uint32_t (*tc_ssthresh)(struct tcpcb *tp);
	/** t_ca has changed; from is what it was. May be NULL. */
	void (*tc_state)(struct tcpcb *tp, enum tcp_ca_state from,
	    nstime_t now);
	/** The reduction was wrong: t_prior_cwnd, t_prior_ssthresh have what
	 * was. NULL: they are taken again. */
	void (*tc_undo)(struct tcpcb *tp);
	/** Sending again after a pause. NULL: RFC 9293's restart window. */
	void (*tc_idle)(struct tcpcb *tp, nstime_t idle, nstime_t now);
	/** TCP_CC_INFO: bytes written to buf (at most 64), or 0. */
	size_t (*tc_info)(struct tcpcb *tp, void *buf);
};

/* The first is the default. */
extern const struct tcp_cc tcp_cc_cubic, tcp_cc_newreno, tcp_cc_bbr;

/** NULL: none of that name. */
const struct tcp_cc *tcp_cc_find(const char *name);
/** Give a connection a module; the window stays. @return ENOENT, ENOMEM */
int tcp_cc_set(struct tcpcb *tp, const struct tcp_cc *cc);
void tcp_cc_fini(struct tcpcb *tp);
/** The default of new connections. */
const struct tcp_cc *tcp_cc_default(void);

/** RFC 6928: segments of the initial window, in bytes. */
uint32_t tcp_initwnd(const struct tcpcb *tp);
/** The window after a pause: RFC 5681 4.1. */
void tcp_restart_window(struct tcpcb *tp);
/** Slow start (RFC 5681, RFC 3465 with L = the ACK's bytes); what is left of
 * acked for congestion avoidance. */
uint32_t tcp_slow_start(struct tcpcb *tp, uint32_t acked);

/* tcp_recovery.c: from an ACK's sample to windows. */
void tcp_sample_init(struct tcpcb *tp, struct tcp_sample *as,
    const struct tcp_seg *sg);
/** So many bytes of a record are delivered; its rate and time count. */
void tcp_sample_add(struct tcpcb *tp, struct tcp_sample *as,
    const struct tcp_sent *ts, uint32_t bytes);
void tcp_recovery_ack(struct tcpcb *tp, struct tcp_sample *as,
    const struct tcp_seg *sg, bool dupack);
/** An ECN-Echo, or a packet that our own host dropped. */
void tcp_enter_cwr(struct tcpcb *tp, nstime_t now);
/** The retransmission timer went off. */
void tcp_enter_loss(struct tcpcb *tp, nstime_t now);
/** Send what is lost, as the window lets it. */
void tcp_retransmit(struct tcpcb *tp, nstime_t now);
/** Send this record again now, at most len bytes of it. */
int tcp_retransmit_one(struct tcpcb *tp, struct tcp_sent *ts, uint32_t len,
    nstime_t now);
/** RACK's timer went off; the probe's. */
void tcp_rack_timeout(struct tcpcb *tp, nstime_t now);
void tcp_tlp_timeout(struct tcpcb *tp, nstime_t now);
/** When RACK would think the next one lost; NSTIME_FOREVER: none. */
nstime_t tcp_rack_next(struct tcpcb *tp);
nstime_t tcp_tlp_next(struct tcpcb *tp, nstime_t now);

/* tcp_sack.c */
/** The blocks of an acknowledgement; t_sent and as are brought up to date. */
void tcp_sack_input(struct tcpcb *tp, const struct tcp_seg *sg,
    struct tcp_sample *as);
/** The blocks to tell, most recent first. */
void tcp_sack_build(struct tcpcb *tp, struct tcp_opts *to, unsigned max);
void tcp_dsack_note(struct tcpcb *tp, tcp_seq start, tcp_seq end);

#endif
