/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Frames to other members: into the ring of each that shall have one.
 *
 * This side is the only sender of its rings. An entry is written first, and
 * seen by the receiver when the head is moved over it; so a sender that dies
 * leaves whole entries only. What does not fit is lost.
 *
 * A large frame's bytes go into a chunk, which the receiver may read for as
 * long as it wants (sc_held) without holding up the ring. A chunk is free
 * again when the tail has passed its entry, and the receiver does not
 * hold it; the lowest is taken first, because it is likely to be in the cache.
 */
#include <kern/byteorder.h>
#include <kern/string.h>
#include <kern/time.h>

#include "shmif.h"

/* Up to this size a second copy costs less than handing a chunk back. */
#define COPY_MAX	2048u

#define CHECK_NS	(100 * NS_PER_MS)

#define RING_MASK	(SHMIF_RINGSIZE - 1)
#define CHUNKS_ALL	(~UINT64_C(0) << SHMIF_CHUNK0)

static struct lock_class tx_lc = LOCK_CLASS("shmif tx", 0);

void
shmif_tx_fini(struct shmif_bus *b, struct shmif_tx *tx)
{
	(void)b;
	if (tx->tx_mem != NULL)
		rumpcomp_shmif_unmap(tx->tx_mem, SHMIF_REGION);
	mutex_fini(&tx->tx_lock);
	kmem_free(tx, sizeof(*tx));
}

/* Where the last sender of our slot ended. What it left in chunks is over when
 * the ring is empty up to there. */
static void
tx_inherit(struct shmif_tx *tx)
{
	unsigned i;

	tx->tx_head = rounddown2(atomic_load_explicit(&tx->tx_ctl->sc_head,
	    memory_order_relaxed), (uint64_t)SHMIF_ALIGN);
	tx->tx_busy = CHUNKS_ALL;
	for (i = 0; i < SHMIF_CHUNKS; i++)
		tx->tx_end[i] = tx->tx_head;
}

static struct shmif_tx *
tx_create(struct shmif_bus *b, unsigned to)
{
	uint64_t off = shmif_region(b->b_slot, to);
	struct shmif_tx *tx;
	void *mem;
	int error;

	tx = kmem_zalloc(sizeof(*tx), KM_NORECLAIM);
	if (tx == NULL)
		return NULL;
	mutex_init(&tx->tx_lock, &tx_lc);
	tx->tx_ctl = &b->b_head->sh_ctl[shmif_pair(b->b_slot, to)];
	error = rumpcomp_shmif_reserve(b->b_fd, off, SHMIF_RINGSIZE);
	if (error == 0)
		error = rumpcomp_shmif_map(b->b_fd, off, SHMIF_REGION, 1,
		    &mem);
	if (error == 0) {
		tx->tx_mem = mem;
		tx_inherit(tx);
		return tx;
	}
	shmif_tx_fini(b, tx);
	return NULL;
}

/* The direction to a member, made when it is first used. */
static struct shmif_tx *
tx_get(struct shmif_bus *b, unsigned to)
{
	struct shmif_tx *tx;

	tx = atomic_load_explicit(&b->b_tx[to], memory_order_acquire);
	if (__likely(tx != NULL))
		return tx;
	mutex_enter(&b->b_lock);
	tx = atomic_load_explicit(&b->b_tx[to], memory_order_relaxed);
	if (tx == NULL) {
		tx = tx_create(b, to);
		atomic_store_explicit(&b->b_tx[to], tx,
		    memory_order_release);
	}
	mutex_exit(&b->b_lock);
	return tx;
}

/* ---- An entry ---------------------------------------------------------------- */

static uint64_t
tx_tail(struct shmif_tx *tx)
{
	return atomic_load_explicit(&tx->tx_ctl->sc_tail,
	    memory_order_acquire);
}

/* A free chunk with storage behind it; 0: none. */
static unsigned
tx_chunk(struct shmif_bus *b, struct shmif_tx *tx, unsigned to)
{
	uint64_t tail = tx_tail(tx), held, busy, free;
	unsigned i;

	/* After the tail: what it has passed is held or done with. */
	held = atomic_load_explicit(&tx->tx_ctl->sc_held,
	    memory_order_acquire);
	for (busy = tx->tx_busy; busy != 0; busy &= busy - 1) {
		i = (unsigned)__builtin_ctzll(busy);
		if ((int64_t)(tail - tx->tx_end[i]) >= 0 &&
		    (held & SHMIF_BIT(i)) == 0)
			tx->tx_busy &= ~SHMIF_BIT(i);
	}
	free = CHUNKS_ALL & ~tx->tx_busy;
	if (free == 0)
		return 0;
	i = (unsigned)__builtin_ctzll(free);
	if ((tx->tx_reserved & SHMIF_BIT(i)) == 0) {
		if (rumpcomp_shmif_reserve(b->b_fd, shmif_region(b->b_slot,
		    to) + i * SHMIF_CHUNKSIZE, SHMIF_CHUNKSIZE) != 0)
			return 0;
		tx->tx_reserved |= SHMIF_BIT(i);
	}
	return i;
}

/*
 * Room for an entry of size bytes, in one piece: what is left up to the ring's
 * end is filled with nothing.
 */
static bool
tx_room(struct shmif_tx *tx, uint32_t size)
{
	uint32_t rest = SHMIF_RINGSIZE - (uint32_t)(tx->tx_head & RING_MASK);
	uint32_t want = rest < size ? rest + size : size;
	uint64_t used = tx->tx_head - tx_tail(tx);
	struct shmif_entry pad;

	/* A tail that is nonsense is not ours to mend; that it sees our head,
	 * where the ring is and the receiver will start afresh, is. */
	if (used > SHMIF_RINGSIZE || SHMIF_RINGSIZE - used < want) {
		atomic_store_explicit(&tx->tx_ctl->sc_head, tx->tx_head,
		    memory_order_release);
		return false;
	}
	if (rest < size) {
		memset(&pad, 0, sizeof(pad));
		pad.se_pos = tx->tx_head;
		pad.se_size = rest;
		pad.se_prev = tx->tx_prev;
		pad.se_flags = SHMIF_E_PAD;
		memcpy(tx->tx_mem + (tx->tx_head & RING_MASK), &pad,
		    sizeof(pad));
		tx->tx_prev = rest;
		tx->tx_head += rest;
	}
	return true;
}

/* A frame's, in all rings. */
struct stamp {
	nstime_t st_time;
	uint32_t st_seq;
	uint16_t st_part;
};

static void
entry_offload(struct shmif_entry *se, const struct mbuf *m)
{
	const struct mpkthdr *ph = &m->m_ph;
	uint16_t lead = (uint16_t)m_leading(m);

	se->se_hash = ph->ph_hash;
	if (ph->ph_hash != 0)
		se->se_flags |= SHMIF_E_HASH;
	if (ph->ph_l3 > lead)
		se->se_l3 = ph->ph_l3 - lead;
	if (ph->ph_l4 > lead)
		se->se_l4 = ph->ph_l4 - lead;
	if (ph->ph_csum == MCSUM_PARTIAL) {
		se->se_flags |= SHMIF_E_PARTIAL;
		se->se_csum_start = ph->ph_csum_start - lead;
		se->se_csum_off = ph->ph_csum_off;
	} else if (ph->ph_csum == MCSUM_VALID) {
		se->se_flags |= SHMIF_E_VALID;
	}
	if (ph->ph_gso != MGSO_NONE) {
		se->se_gso = ph->ph_gso;
		se->se_gso_size = ph->ph_gso_size;
		se->se_gso_segs = ph->ph_gso_segs;
	}
}
_Static_assert((int)SHMIF_GSO_TCP4 == (int)MGSO_TCP4 && (int)SHMIF_GSO_TCP6 ==
    (int)MGSO_TCP6 && (int)SHMIF_GSO_UDP == (int)MGSO_UDP, "kinds of GSO");

/* Write the chunk: first whose it is, for those that look on. */
static void
chunk_fill(struct shmif_tx *tx, unsigned i, uint64_t pos, const struct mbuf *m,
    uint32_t len)
{
	uint8_t *p = tx->tx_mem + i * SHMIF_CHUNKSIZE;

	atomic_store_explicit((_Atomic uint64_t *)(void *)p, pos,
	    memory_order_relaxed);
	membar_sync();
	m_copydata(m, SHMIF_INLINE, len - SHMIF_INLINE, p + SHMIF_CHUNKHEAD);
}

/* tx_lock is held. */
static int
tx_put(struct shmif_bus *b, struct shmif_tx *tx, unsigned to,
    const struct mbuf *m, const struct stamp *st)
{
	struct shmif_entry se = { .se_len = m->m_ph.ph_len };
	unsigned chunk = 0;
	uint32_t put;
	uint8_t *p;

	if (se.se_len > COPY_MAX)
		chunk = tx_chunk(b, tx, to);
	put = chunk != 0 ? SHMIF_INLINE : se.se_len;
	se.se_size = (uint32_t)roundup2(sizeof(se) + put,
	    (size_t)SHMIF_ALIGN);
	if (put > UINT16_MAX || !tx_room(tx, se.se_size))
		return ENOBUFS;
	se.se_inline = (uint16_t)put;
	se.se_pos = tx->tx_head;
	se.se_prev = tx->tx_prev;
	se.se_seq = st->st_seq;
	se.se_part = st->st_part;
	se.se_time = (uint64_t)st->st_time;
	entry_offload(&se, m);
	p = tx->tx_mem + (tx->tx_head & RING_MASK);
	if (chunk != 0) {
		se.se_flags |= SHMIF_E_CHUNK;
		se.se_chunk = (uint8_t)chunk;
		chunk_fill(tx, chunk, se.se_pos, m, se.se_len);
		tx->tx_busy |= SHMIF_BIT(chunk);
		tx->tx_end[chunk] = se.se_pos + se.se_size;
	}
	memcpy(p, &se, sizeof(se));
	m_copydata(m, 0, put, p + sizeof(se));
	tx->tx_prev = se.se_size;
	tx->tx_head += se.se_size;
	atomic_store_explicit(&tx->tx_ctl->sc_last, se.se_pos,
	    memory_order_relaxed);
	atomic_store_explicit(&tx->tx_ctl->sc_head, tx->tx_head,
	    memory_order_release);
	return 0;
}

static int
tx_send(struct shmif_bus *b, unsigned to, const struct mbuf *m,
    const struct stamp *st)
{
	struct shmif_tx *tx = tx_get(b, to);
	bool check = false;
	int error;

	if (tx == NULL)
		return ENOBUFS;
	mutex_enter(&tx->tx_lock);
	error = tx_put(b, tx, to, m, st);
	if (error == ENOBUFS && st->st_time - tx->tx_looked >= CHECK_NS) {
		tx->tx_looked = st->st_time;
		check = true;
	}
	mutex_exit(&tx->tx_lock);
	if (check)
		shmif_check(b, to);
	return error;
}

/* ---- To whom ------------------------------------------------------------------- */

static uint64_t
destinations(struct shmif_bus *b, const struct shmif_view *v,
    const struct mbuf *m)
{
	uint64_t hw, set;
	uint8_t dst[ETH_ALEN];
	int slot;

	m_copydata(m, 0, sizeof(dst), dst);
	if ((dst[0] & 1) != 0)
		return v->v_active;
	hw = shmif_hwaddr(dst);
	for (set = v->v_active; set != 0; set &= set - 1) {
		slot = __builtin_ctzll(set);
		if (v->v_hwaddr[slot] == hw)
			return SHMIF_BIT(slot) | v->v_promisc;
	}
	slot = shmif_learned(b, hw);
	if (slot >= 0 && (v->v_active & SHMIF_BIT(slot)) != 0)
		return SHMIF_BIT(slot) | v->v_promisc;
	return v->v_active;
}

/* What a member takes that has not announced more; NULL: no memory. */
static struct mbuf *
plain_frames(const struct mbuf *m, uint32_t flags)
{
	struct mbuf *list, *n, *next, *done = NULL, **tail = &done;

	list = m_dup((struct mbuf *)(uintptr_t)m, 0);
	if (list != NULL && m->m_ph.ph_gso != MGSO_NONE &&
	    (flags & SHMIF_LARGE) == 0)
		list = gso_segment(list);
	for (n = list; n != NULL; n = next) {
		next = n->m_nextpkt;
		n->m_nextpkt = NULL;
		if (n->m_ph.ph_csum == MCSUM_PARTIAL &&
		    ((flags & SHMIF_CSUM) == 0) &&
		    m_cksum_complete(&n) != 0)
			continue;
		*tail = n;
		tail = &n->m_nextpkt;
	}
	return done;
}

static bool
takes(uint32_t flags, const struct mbuf *m)
{
	return (m->m_ph.ph_gso == MGSO_NONE || (flags & (SHMIF_LARGE |
	    SHMIF_CSUM)) == (SHMIF_LARGE | SHMIF_CSUM)) &&
	    (m->m_ph.ph_csum != MCSUM_PARTIAL || (flags & SHMIF_CSUM) != 0);
}

static int
send_to(struct shmif_bus *b, unsigned to, uint32_t flags, const struct mbuf *m,
    struct stamp st)
{
	struct mbuf *list, *n;
	int error = 0;

	if (__likely(takes(flags, m)))
		return tx_send(b, to, m, &st);
	/* Large ones have no complete checksums. */
	if ((flags & SHMIF_CSUM) == 0)
		flags &= ~SHMIF_LARGE;
	list = plain_frames(m, flags);
	if (list == NULL)
		return ENOBUFS;
	for (n = list; n != NULL && error == 0; n = n->m_nextpkt) {
		st.st_part++;
		error = tx_send(b, to, n, &st);
	}
	m_freelist(list);
	return error;
}

/* A frame to all that shall have it. For one, its error is the sender's. */
static int
send_frame(struct shmif_bus *b, const struct shmif_view *v,
    const struct mbuf *m, struct stamp st)
{
	uint64_t to = destinations(b, v, m);
	bool one = (to & (to - 1)) == 0;
	int error = 0;
	unsigned slot;

	for (; to != 0; to &= to - 1) {
		slot = (unsigned)__builtin_ctzll(to);
		error = send_to(b, slot, v->v_flags[slot], m, st);
		atomic_fetch_or_explicit(&b->b_ring, SHMIF_BIT(slot),
		    memory_order_seq_cst);
	}
	return one ? error : 0;
}

int
shmif_bus_transmit(struct shmif_bus *b, struct mbuf *m, unsigned *sent)
{
	struct shmif_view *v = shmif_view(b);
	struct stamp st = { .st_time = mono_now() };
	struct mbuf *next;
	int error = 0, e;

	*sent = 0;
	for (; m != NULL; m = next) {
		next = m->m_nextpkt;
		st.st_seq = atomic_fetch_add_explicit(&b->b_seq, 1,
		    memory_order_relaxed);
		if (v == NULL)
			e = ENOBUFS;
		else if (m->m_ph.ph_len < SHMIF_FRAME_MIN ||
		    m->m_ph.ph_len > SHMIF_FRAME_MAX)
			e = EMSGSIZE;
		else
			e = send_frame(b, v, m, st);
		m_freem(m);
		if (e == 0)
			(*sent)++;
		else
			error = e;
	}
	/* The section may end after the interface. */
	atomic_fetch_add_explicit(&b->b_refs, 1, memory_order_relaxed);
	if (!netisr_defer(&b->b_work))
		shmif_bus_rele(b);
	return error;
}
