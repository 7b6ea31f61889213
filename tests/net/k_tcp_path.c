/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Kernel half of t_tcp_path: what stands between lo and the stack.
 */
#include <kern/ifnet.h>
#include <kern/mbuf.h>

#include "k_tcp_path.h"

static struct tcp_path *path;
static uint64_t state;
static struct mbuf *held;		/* comes after the next */

static bool
happens(unsigned rate)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (state >> 33) % 10000 < rate;
}

static struct mbuf *
damage(struct mbuf *m)
{
	size_t off;

	if (m_cksum_complete(&m) != 0)
		return m;
	m = m_makewritable(m, m->m_len);
	if (m == NULL)
		return NULL;
	happens(0);
	/* Not the IP header: a packet must find its way. */
	off = 20 + (state >> 33) % (m->m_ph.ph_len - 20);
	if (off < m->m_len) {
		m->m_data[off] ^= (uint8_t)(1u << (state >> 60 & 7));
	} else {
		m_freem(m);
		m = NULL;
	}
	return m;
}

/* What becomes of one packet: none, one, or more. */
static struct mbuf **
pass(struct mbuf *m, struct mbuf **tail)
{
	struct mbuf *copy;

	m->m_nextpkt = NULL;
	path->tp_seen++;
	if (happens(path->tp_loss)) {
		path->tp_lost++;
		m_freem(m);
		return tail;
	}
	if (happens(path->tp_damage)) {
		m = damage(m);
		path->tp_lost++;
		if (m == NULL)
			return tail;
	}
	if (held == NULL && happens(path->tp_reorder)) {
		held = m;
		return tail;
	}
	if (happens(path->tp_dup) && (copy = m_dup(m, 64)) != NULL) {
		copy->m_ph.ph_l2 = copy->m_ph.ph_l3 = m_offset(copy,
		    copy->m_data);
		if (copy->m_ph.ph_csum == MCSUM_PARTIAL)
			copy->m_ph.ph_csum = MCSUM_VALID;
		copy->m_nextpkt = NULL;
		*tail = copy;
		tail = &copy->m_nextpkt;
	}
	*tail = m;
	tail = &m->m_nextpkt;
	if (held != NULL && happens(3000)) {
		*tail = held;
		tail = &held->m_nextpkt;
		held = NULL;
	}
	return tail;
}

static struct mbuf *
in(struct if_impair *im __maybe_unused, struct ifnet *ifp __maybe_unused,
    struct mbuf *batch)
{
	struct mbuf *out = NULL, **tail = &out, *m, *next, *s, *after;

	for (m = batch; m != NULL; m = next) {
		next = m->m_nextpkt;
		m->m_nextpkt = NULL;
		s = m->m_ph.ph_gso != MGSO_NONE ? gso_segment(m) : m;
		for (; s != NULL; s = after) {
			after = s->m_nextpkt;
			tail = pass(s, tail);
		}
	}
	*tail = NULL;
	return out;
}

static struct if_impair impair = { .im_in = in };

int
rumptest_tcp_path_on(struct tcp_path *p)
{
	struct ifnet *lo = if_loopback(curvnet());
	int error;

	ifnet_lock(curvnet());
	error = if_setmtu(lo, p->tp_mtu);
	ifnet_unlock(curvnet());
	if (error != 0)
		return error;
	path = p;
	state = p->tp_seed;
	p->tp_seen = p->tp_lost = 0;
	atomic_store(&lo->if_impair, &impair);
	return 0;
}

void
rumptest_tcp_path_off(void)
{
	struct ifnet *lo = if_loopback(curvnet());

	atomic_store(&lo->if_impair, NULL);
	epoch_synchronize();
	m_freem(held);
	held = NULL;
	ifnet_lock(curvnet());
	(void)if_setmtu(lo, 65536);
	ifnet_unlock(curvnet());
}
