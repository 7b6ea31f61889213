/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Selective acknowledgements: RFC 2018, with RFC 2883's report of duplicates.
 */
#include "tcp_cc.h"

/* ---- What we tell --------------------------------------------------------- */

void
tcp_dsack_note(struct tcpcb *tp, tcp_seq start, tcp_seq end)
{
	if ((tp->t_flags & TF_SACK) == 0)
		return;
	tp->t_dsack_start = start;
	tp->t_dsack_end = end;
	tp->t_flags |= TF_DSACK;
}

/* RFC 2018 4: the block of the latest segment, then those told before it. */
void
tcp_sack_build(struct tcpcb *tp, struct tcp_opts *to, unsigned max)
{
	const struct tcp_reass *tr, *best;
	uint32_t below = UINT32_MAX;
	unsigned n = 0;

	if ((tp->t_flags & TF_DSACK) != 0) {
		to->to_sack[n][0] = tp->t_dsack_start;
		to->to_sack[n++][1] = tp->t_dsack_end;
	}
	for (; n < max; n++) {
		best = NULL;
		for (tr = tp->t_reass; tr != NULL; tr = tr->tr_next) {
			if (tr->tr_stamp < below && (best == NULL ||
			    tr->tr_stamp > best->tr_stamp))
				best = tr;
		}
		if (best == NULL)
			break;
		below = best->tr_stamp;
		to->to_sack[n][0] = best->tr_start;
		to->to_sack[n][1] = best->tr_end + best->tr_fin;
	}
	to->to_nsack = (uint8_t)n;
}

/* ---- What the peer tells --------------------------------------------------- */

/* RFC 8985 6.2 step 3: a hole was filled by what was never sent again. */
static void
note_reordering(struct tcpcb *tp, const struct tcp_sent *ts)
{
	if (seq_ge(ts->ts_end, tp->t_rack_fack)) {
		tp->t_rack_fack = ts->ts_end;
		return;
	}
	if ((ts->ts_flags & TS_RETX) != 0)
		return;
	tp->t_flags |= TF_REORD;
	tp->t_reord_seen++;
	tp->t_reordering = MAX(tp->t_reordering,
	    tp->t_rack_fack - ts->ts_start);
}

/* A neighbour that is selectively acknowledged too takes the record in. */
static struct tcp_sent *
join(struct tcpcb *tp, struct tcp_sent *ts)
{
	struct tcp_sent *prev;
	uint32_t len = ts->ts_end - ts->ts_start;

	if (ts->ts_link.l_prev == &tp->t_sent)
		return ts;
	prev = container_of(ts->ts_link.l_prev, struct tcp_sent, ts_link);
	if ((prev->ts_flags & TS_SACKED) == 0 ||
	    ((prev->ts_flags | ts->ts_flags) & (TS_SYN | TS_FIN)) != 0)
		return ts;
	prev->ts_end = ts->ts_end;
	tcp_sent_free(tp, ts);
	tp->t_sacked += len;
	return prev;
}

/* The record, as far as it lies in [start, end), at borders of segments. */
static struct tcp_sent *
carve(struct tcpcb *tp, struct tcp_sent *ts, tcp_seq start, tcp_seq end)
{
	uint32_t mss = tcp_mss(tp), off;

	if (seq_gt(start, ts->ts_start)) {
		off = howmany(start - ts->ts_start, mss) * mss;
		if (off >= ts->ts_end - ts->ts_start)
			return NULL;
		ts = tcp_sent_split(tp, ts, ts->ts_start + off);
		if (ts == NULL)
			return NULL;
	}
	if (seq_lt(end, ts->ts_end)) {
		off = end - ts->ts_start;
		off -= off % mss;
		if ((int32_t)off <= 0 || tcp_sent_split(tp, ts,
		    ts->ts_start + off) == NULL)
			return NULL;
	}
	return ts;
}

static void
mark_range(struct tcpcb *tp, tcp_seq start, tcp_seq end,
    struct tcp_sample *as)
{
	struct tcp_sent *ts, *part;
	struct list *n, *next;

	LIST_FOREACH_SAFE(n, &tp->t_sent, next) {
		ts = container_of(n, struct tcp_sent, ts_link);
		if (seq_ge(ts->ts_start, end))
			break;
		if (seq_le(ts->ts_end, start) ||
		    (ts->ts_flags & TS_SACKED) != 0)
			continue;
		part = carve(tp, ts, start, end);
		if (part == NULL)
			continue;
		next = part->ts_link.l_next;
		if ((part->ts_flags & TS_LOST) != 0) {
			part->ts_flags &= (uint8_t)~TS_LOST;
			tp->t_lost -= part->ts_end - part->ts_start;
		}
		note_reordering(tp, part);
		tcp_sample_add(tp, as, part, part->ts_end - part->ts_start);
		as->as_sacked += part->ts_end - part->ts_start;
		tp->t_sacked += part->ts_end - part->ts_start;
		part->ts_flags |= TS_SACKED;
		(void)join(tp, part);
	}
}

/* RFC 2883 4: below the acknowledgement, or inside of the second block. */
static bool
is_dsack(const struct tcp_seg *sg, tcp_seq start, tcp_seq end)
{
	if (seq_lt(start, sg->sg_ack))
		return true;
	return sg->sg_nsack > 1 && seq_ge(start, be32dec(sg->sg_sack + 8)) &&
	    seq_le(end, be32dec(sg->sg_sack + 12));
}

/* RFC 8985 6.2 step 4, and RFC 3708's evidence for an undo. */
static void
dsack_input(struct tcpcb *tp, struct tcp_sample *as, tcp_seq start,
    tcp_seq end)
{
	uint32_t len = end - start;

	if (seq_gt(end, tp->snd_nxt) || len > tp->snd_maxwnd)
		return;
	as->as_dsack = true;
	tp->t_dsack_dups++;
	tp->t_undo_retx -= MIN(len, tp->t_undo_retx);
	if (seq_ge(tp->snd_una, tp->t_rack_dsack)) {
		tp->t_rack_dsack = tp->snd_nxt;
		if (tp->t_rack_mult < UINT8_MAX)
			tp->t_rack_mult++;
		tp->t_rack_persist = 16;
	}
}

void
tcp_sack_input(struct tcpcb *tp, const struct tcp_seg *sg,
    struct tcp_sample *as)
{
	tcp_seq start, end;
	unsigned i;

	for (i = 0; i < sg->sg_nsack; i++) {
		start = be32dec(sg->sg_sack + 8 * i);
		end = be32dec(sg->sg_sack + 8 * i + 4);
		if (!seq_lt(start, end))
			continue;
		if (i == 0 && is_dsack(sg, start, end)) {
			dsack_input(tp, as, start, end);
			continue;
		}
		if (seq_lt(start, tp->snd_una) || seq_gt(end, tp->snd_nxt))
			continue;
		mark_range(tp, start, end, as);
	}
}
