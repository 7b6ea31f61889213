/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Data that came out of order: blocks without holes, in order of sequence. They
 * are also what SACK tells (RFC 2018).
 *
 * What is there stays: of a segment only the parts that are new are taken. The
 * queue is bounded by the window, by what its mbufs cost, and by its blocks.
 */
#include <kern/kmem.h>

#include "tcp_cc.h"

#define BLOCKS 1024u		/* of a connection */

static size_t
chain_cost(const struct mbuf *m)
{
	size_t n = 0;

	for (; m != NULL; m = m->m_next)
		n += m_cost(m);
	return n;
}

static void
block_free(struct tcpcb *tp, struct tcp_reass **pp)
{
	struct tcp_reass *tr = *pp;

	*pp = tr->tr_next;
	tp->t_reass_n--;
	if (tp->t_reass == NULL)
		tp->t_reass_cost = 0;
	kmem_free(tr, sizeof(*tr));
}

static void
block_append(struct tcp_reass *tr, struct mbuf *m, struct mbuf *last,
    tcp_seq end)
{
	tr->tr_last->m_next = m;
	tr->tr_last = last;
	tr->tr_end = end;
}

/* The block after *pp, if it begins where tr ends, becomes part of it. */
static void
block_join(struct tcpcb *tp, struct tcp_reass *tr)
{
	struct tcp_reass *next = tr->tr_next;

	if (next == NULL || next->tr_start != tr->tr_end)
		return;
	block_append(tr, next->tr_m, next->tr_last, next->tr_end);
	tr->tr_fin |= next->tr_fin;
	block_free(tp, &tr->tr_next);
}

/* A part [start, end) that fills a hole before *pp; prev may end there. */
static void
insert(struct tcpcb *tp, struct tcp_reass **pp, struct tcp_reass *prev,
    struct mbuf *m, tcp_seq start, tcp_seq end, bool fin)
{
	struct tcp_reass *tr = prev;
	size_t cost = chain_cost(m);

	if (prev != NULL && prev->tr_end == start) {
		block_append(prev, m, m_last(m), end);
	} else {
		tr = tp->t_reass_n < BLOCKS ? kmem_alloc(sizeof(*tr), 0) : NULL;
		if (tr == NULL) {
			TCP_COUNT(tcp_vn(tp), ofo_drops);
			m_freem(m);
			return;
		}
		tr->tr_next = *pp;
		tr->tr_start = start;
		tr->tr_end = end;
		tr->tr_m = m;
		tr->tr_last = m_last(m);
		tr->tr_fin = false;
		*pp = tr;
		tp->t_reass_n++;
	}
	tr->tr_stamp = ++tp->t_reass_stamp;
	tr->tr_fin |= fin;
	tp->t_reass_cost += (uint32_t)cost;
	block_join(tp, tr);
}

static bool
have_room(struct tcpcb *tp, const struct mbuf *m)
{
	const struct sockbuf *sb = &tcp_so(tp)->so_rcv;

	return tp->t_reass_cost + sb->sb_mbcnt + chain_cost(m) <=
	    4 * (size_t)sb->sb_mbmax;
}

/* The part that is new, from start on up to the next block. */
static struct mbuf *
take(struct tcpcb *tp, struct tcp_reass **pp, struct tcp_reass *prev,
    struct mbuf *m, tcp_seq start, tcp_seq *end, bool *fin)
{
	struct tcp_reass *next = *pp;
	struct mbuf *rest = NULL;
	tcp_seq stop = *end;

	if (next != NULL && seq_lt(next->tr_start, stop)) {
		stop = next->tr_start;
		rest = m_split(m, stop - start);
		if (rest == NULL) {
			m_freem(m);
			return NULL;
		}
	}
	insert(tp, pp, prev, m, start, stop, rest == NULL && *fin);
	*end = stop;
	return rest;
}

void
tcp_reass(struct tcpcb *tp, struct tcp_seg *sg)
{
	tcp_seq start = sg->sg_seq, end = start + sg->sg_len, stop;
	bool fin = (sg->sg_flags & TH_FIN) != 0;
	struct tcp_reass **pp = &tp->t_reass, *prev = NULL;
	struct mbuf *m = sg->sg_m;

	sg->sg_m = NULL;
	tp->t_ooopack++;
	if (sg->sg_len == 0 || !have_room(tp, m)) {
		/* A FIN alone will come again when the hole is filled. */
		if (sg->sg_len != 0)
			TCP_COUNT(tcp_vn(tp), ofo_drops);
		m_freem(m);
		return;
	}
	while (m != NULL && seq_lt(start, end)) {
		while (*pp != NULL && seq_le((*pp)->tr_start, start)) {
			prev = *pp;
			pp = &prev->tr_next;
		}
		if (prev != NULL && seq_lt(start, prev->tr_end)) {
			/* RFC 2883 4: what was there already. */
			stop = seq_min(prev->tr_end, end);
			tcp_dsack_note(tp, start, stop);
			m_adj(m, (ssize_t)(stop - start));
			prev->tr_stamp = ++tp->t_reass_stamp;
			start = stop;
			continue;
		}
		stop = end;
		m = take(tp, pp, prev, m, start, &stop, &fin);
		start = stop;
	}
	m_freem(m);
}

bool
tcp_reass_deliver(struct tcpcb *tp)
{
	struct sockbuf *sb = &tcp_so(tp)->so_rcv;
	struct tcp_reass *tr;
	uint32_t old;
	bool fin = false;

	while ((tr = tp->t_reass) != NULL && !fin &&
	    seq_le(tr->tr_start, tp->rcv_nxt)) {
		old = tp->rcv_nxt - tr->tr_start;
		if (seq_lt(tp->rcv_nxt, tr->tr_end)) {
			if (old != 0)
				m_adj(tr->tr_m, (ssize_t)old);
			tp->t_bytes_rcvd += tr->tr_end - tp->rcv_nxt;
			tp->rcv_nxt = tr->tr_end;
			tcp_append(sb, tr->tr_m);
		} else {
			m_freem(tr->tr_m);
		}
		fin = tr->tr_fin;
		block_free(tp, &tp->t_reass);
	}
	return fin;
}

void
tcp_reass_flush(struct tcpcb *tp)
{
	while (tp->t_reass != NULL) {
		m_freem(tp->t_reass->tr_m);
		block_free(tp, &tp->t_reass);
	}
}
