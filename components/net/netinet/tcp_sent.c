/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The scoreboard: a record for each packet that was sent and is not
 * cumulatively acknowledged, in order of sequence.
 *
 * A packet may be many segments (GSO): records are split where a SACK or the
 * window wants a part, at borders of segments only, and joined again when
 * neighbours were both selectively acknowledged. So their number is bounded by
 * the segments in flight.
 */
#include <kern/kmem.h>

#include "tcp_var.h"

static struct pool *sent_pool;

int
tcp_sent_init(void)
{
	sent_pool = pool_create("tcp_sent", sizeof(struct tcp_sent), 0);
	return sent_pool != NULL ? 0 : ENOMEM;
}

/* What a delivery of this transmission will be compared with. */
static void
stamp(struct tcpcb *tp, struct tcp_sent *ts, nstime_t now)
{
	if (tp->t_nsent == 1 || tcp_pipe(tp) == 0) {
		tp->t_first_tx = now;
		tp->t_deliv_time = now;
	}
	ts->ts_time = now;
	ts->ts_order = ++tp->t_order;
	ts->ts_first = tp->t_first_tx;
	ts->ts_deliv_time = tp->t_deliv_time;
	ts->ts_delivered = tp->t_delivered;
	ts->ts_lostcnt = tp->t_lost_total;
	tp->t_rearm = MAX(tp->t_rearm, (uint8_t)1);
	if (tp->t_applim != 0)
		ts->ts_flags |= TS_APPLIM;
	else
		ts->ts_flags &= (uint8_t)~TS_APPLIM;
}

struct tcp_sent *
tcp_sent_add(struct tcpcb *tp, uint32_t len, uint8_t flags, nstime_t now)
{
	struct tcp_sent *ts;

	ts = pool_get(sent_pool, 0);
	if (ts == NULL)
		return NULL;
	ts->ts_start = tp->snd_nxt;
	ts->ts_end = tp->snd_nxt + len;
	ts->ts_flags = flags;
	ts->ts_nretx = 0;
	tp->t_nsent++;
	stamp(tp, ts, now);
	list_insert_tail(&tp->t_sent, &ts->ts_link);
	tp->snd_nxt += len;
	return ts;
}

void
tcp_sent_again(struct tcpcb *tp, struct tcp_sent *ts, nstime_t now)
{
	if ((ts->ts_flags & TS_LOST) != 0) {
		ts->ts_flags &= (uint8_t)~TS_LOST;
		tp->t_lost -= ts->ts_end - ts->ts_start;
	}
	ts->ts_flags |= TS_RETX;
	if (ts->ts_nretx != UINT8_MAX)
		ts->ts_nretx++;
	stamp(tp, ts, now);
}

struct tcp_sent *
tcp_sent_split(struct tcpcb *tp, struct tcp_sent *ts, tcp_seq seq)
{
	struct tcp_sent *rest;

	KASSERT(seq_gt(seq, ts->ts_start) && seq_lt(seq, ts->ts_end));
	rest = pool_get(sent_pool, 0);
	if (rest == NULL)
		return NULL;
	*rest = *ts;
	rest->ts_start = seq;
	rest->ts_flags &= (uint8_t)~TS_SYN;
	ts->ts_end = seq;
	ts->ts_flags &= (uint8_t)~TS_FIN;
	list_insert_after(&ts->ts_link, &rest->ts_link);
	tp->t_nsent++;
	return rest;
}

void
tcp_sent_lost(struct tcpcb *tp, struct tcp_sent *ts)
{
	if ((ts->ts_flags & (TS_LOST | TS_SACKED)) != 0)
		return;
	ts->ts_flags |= TS_LOST;
	tp->t_lost += ts->ts_end - ts->ts_start;
	tp->t_lost_total += ts->ts_end - ts->ts_start;
}

void
tcp_sent_free(struct tcpcb *tp, struct tcp_sent *ts)
{
	uint32_t len = ts->ts_end - ts->ts_start;

	if ((ts->ts_flags & TS_SACKED) != 0)
		tp->t_sacked -= len;
	if ((ts->ts_flags & TS_LOST) != 0)
		tp->t_lost -= len;
	list_remove(&ts->ts_link);
	tp->t_nsent--;
	pool_put(sent_pool, ts);
}

void
tcp_sent_flush(struct tcpcb *tp)
{
	struct tcp_sent *ts;

	while ((ts = tcp_sent_first(tp)) != NULL)
		tcp_sent_free(tp, ts);
}
