/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Frames from other members: out of the rings that they have filled.
 *
 * Nothing that is read here can be trusted, and it may change while it is
 * read. An entry is copied before it is looked at; the headers of a frame are
 * always copied; of a large frame the payload stays where it is, in a mapping
 * that only reads, until the packet is freed (or, when the member holds many,
 * is copied as well): the network passes payload on, and does not trust it.
 *
 * An entry that cannot be is the end of its ring's contents: the rest is
 * dropped, and the sender is met again where it is then.
 */
#include <kern/byteorder.h>
#include <kern/string.h>

#include "shmif.h"

#define RING_MASK	(SHMIF_RINGSIZE - 1)
#define HELD_MAX	(SHMIF_CHUNKS / 2)
#define TAIL_EVERY	(SHMIF_RINGSIZE / 8)

static void
chunk_free(struct mext *me)
{
	struct shmif_chunk *ck = container_of(me, struct shmif_chunk, ck_mext);
	struct shmif_rx *rx = ck->ck_rx;

	atomic_store_explicit(&me->me_refs, 0, memory_order_release);
	atomic_fetch_and_explicit(&rx->rx_ctl->sc_held,
	    ~SHMIF_BIT(ck - rx->rx_chunk), memory_order_release);
	shmif_bus_rele(rx->rx_bus);
}

void
shmif_rx_fini(struct shmif_rx *rx)
{
	rumpcomp_shmif_unmap(rx->rx_mem, SHMIF_REGION);
	kmem_free(rx, sizeof(*rx));
}

static struct shmif_rx *
rx_create(struct shmif_bus *b, unsigned from)
{
	uint64_t off = shmif_region(from, b->b_slot), size;
	struct shmif_rx *rx;
	struct mext *me;
	void *mem;
	unsigned i;

	/* The file was that long when we came, and is not made shorter. */
	if (rumpcomp_shmif_size(b->b_fd, &size) != 0 ||
	    size < off + SHMIF_REGION)
		return NULL;
	rx = kmem_zalloc(sizeof(*rx), 0);
	if (rx == NULL)
		return NULL;
	if (rumpcomp_shmif_map(b->b_fd, off, SHMIF_REGION, 0, &mem) != 0) {
		kmem_free(rx, sizeof(*rx));
		return NULL;
	}
	rx->rx_bus = b;
	rx->rx_mem = mem;
	rx->rx_ctl = &b->b_head->sh_ctl[shmif_pair(from, b->b_slot)];
	rx->rx_tail = atomic_load_explicit(&rx->rx_ctl->sc_tail,
	    memory_order_relaxed);
	for (i = SHMIF_CHUNK0; i < SHMIF_CHUNKS; i++) {
		me = &rx->rx_chunk[i].ck_mext;
		me->me_buf = rx->rx_mem + i * SHMIF_CHUNKSIZE +
		    SHMIF_CHUNKHEAD;
		me->me_size = SHMIF_CHUNKDATA;
		me->me_free = chunk_free;
		rx->rx_chunk[i].ck_rx = rx;
	}
	b->b_rx[from] = rx;
	return rx;
}

/* ---- An entry ---------------------------------------------------------------- */

/* Is this an entry, with avail bytes from it to the head? */
static bool
entry_ok(const struct shmif_entry *se, uint64_t pos, uint64_t avail)
{
	uint32_t rest = SHMIF_RINGSIZE - (uint32_t)(pos & RING_MASK);

	if (se->se_pos != pos || se->se_size % SHMIF_ALIGN != 0 ||
	    se->se_size < sizeof(*se) || se->se_size > avail ||
	    se->se_size > rest)
		return false;
	if ((se->se_flags & SHMIF_E_PAD) != 0)
		return true;
	if (se->se_len < SHMIF_FRAME_MIN || se->se_len > SHMIF_FRAME_MAX ||
	    se->se_inline > se->se_size - sizeof(*se))
		return false;
	if ((se->se_flags & SHMIF_E_CHUNK) == 0)
		return se->se_inline == se->se_len;
	return se->se_inline == SHMIF_INLINE && se->se_len > SHMIF_INLINE &&
	    se->se_chunk >= SHMIF_CHUNK0 && se->se_chunk < SHMIF_CHUNKS;
}

/* Can the frame be what it says of its checksum and its segments? */
static bool
offload_ok(const struct shmif_entry *se)
{
	uint32_t copied = MIN((uint32_t)SHMIF_INLINE, se->se_len);

	if ((se->se_flags & SHMIF_E_PARTIAL) != 0 &&
	    (se->se_csum_start < ETH_HLEN || se->se_csum_off > 64 ||
	    (uint32_t)se->se_csum_start + se->se_csum_off + 2 > copied))
		return false;
	if (se->se_l3 >= copied || se->se_l4 >= copied)
		return false;
	if (se->se_gso == SHMIF_GSO_NONE)
		return true;
	return se->se_gso <= SHMIF_GSO_UDP && se->se_gso_size != 0 &&
	    se->se_gso_segs != 0 &&
	    (se->se_flags & SHMIF_E_PARTIAL) != 0;
}

static void
offload_set(struct mbuf *m, const struct shmif_entry *se)
{
	struct mpkthdr *ph = &m->m_ph;
	uint16_t lead = (uint16_t)m_leading(m);

	if ((se->se_flags & SHMIF_E_HASH) != 0)
		ph->ph_hash = se->se_hash;
	if (se->se_l3 != 0)
		ph->ph_l3 = lead + se->se_l3;
	if (se->se_l4 != 0)
		ph->ph_l4 = lead + se->se_l4;
	if ((se->se_flags & SHMIF_E_PARTIAL) != 0) {
		ph->ph_csum = MCSUM_PARTIAL;
		ph->ph_csum_start = lead + se->se_csum_start;
		ph->ph_csum_off = se->se_csum_off;
	} else if ((se->se_flags & SHMIF_E_VALID) != 0) {
		ph->ph_csum = MCSUM_VALID;
	}
	ph->ph_gso = se->se_gso;
	ph->ph_gso_size = se->se_gso_size;
	ph->ph_gso_segs = se->se_gso_segs;
}

/* A packet with a copy of n bytes, its headers in one piece. */
static struct mbuf *
copy_in(const uint8_t *p, uint32_t n)
{
	struct mbuf *m;

	if (n > MLEN)
		return m_devget(p, n, 0);
	m = m_gethdr(MT_DATA);
	if (m != NULL) {
		memcpy(m->m_data, p, n);
		m->m_len = n;
	}
	return m;
}

/* What is in a chunk: held, or copied where many are. */
static struct mbuf *
chunk_in(struct shmif_rx *rx, unsigned i, uint32_t n)
{
	struct mext *me = &rx->rx_chunk[i].ck_mext;
	uint64_t held = atomic_load_explicit(&rx->rx_ctl->sc_held,
	    memory_order_relaxed);

	/* A sender that uses a chunk which it does not have back: what is
	 * shared may say what it wants. */
	if (atomic_load_explicit(&me->me_refs, memory_order_acquire) != 0)
		return NULL;
	if (__builtin_popcountll(held) >= HELD_MAX)
		return m_devget(me->me_buf, n, 0);
	atomic_fetch_or_explicit(&rx->rx_ctl->sc_held, SHMIF_BIT(i),
	    memory_order_release);
	atomic_fetch_add_explicit(&rx->rx_bus->b_refs, 1,
	    memory_order_relaxed);
	atomic_store_explicit(&me->me_refs, 1, memory_order_relaxed);
	return m_getext(me, 0, n, M_RDONLY);
}

static struct mbuf *
frame_in(struct shmif_rx *rx, const struct shmif_entry *se, const uint8_t *p)
{
	struct mbuf *m, *rest;

	if (!offload_ok(se))
		return NULL;
	m = copy_in(p, se->se_inline);
	if (m == NULL)
		return NULL;
	if ((se->se_flags & SHMIF_E_CHUNK) != 0) {
		rest = chunk_in(rx, se->se_chunk, se->se_len - se->se_inline);
		if (rest == NULL) {
			m_freem(m);
			return NULL;
		}
		rest->m_flags &= (uint16_t)~M_PKTHDR;
		m->m_next = rest;
	}
	m->m_ph.ph_len = se->se_len;
	offload_set(m, se);
	return m;
}

/* ---- Addresses seen ------------------------------------------------------------ */

/* 16 bits of slot above an address: one word, so that no lock is needed. */
static _Atomic uint64_t *
learn_place(struct shmif_bus *b, uint64_t hwaddr)
{
	uint64_t h = hwaddr * UINT64_C(0x9e3779b97f4a7c15);

	return &b->b_learn[(h >> 40) & (SHMIF_LEARN - 1)];
}

int
shmif_learned(struct shmif_bus *b, uint64_t hwaddr)
{
	uint64_t v = atomic_load_explicit(learn_place(b, hwaddr),
	    memory_order_relaxed);

	return v << 16 == hwaddr << 16 && v >> 48 != 0 ?
	    (int)(v >> 48) - 1 : -1;
}

/* A source address that is not its sender's own: somebody behind it. */
static void
learn(struct shmif_bus *b, unsigned from, const struct mbuf *m)
{
	const struct shmif_view *v = atomic_load_explicit(&b->b_view,
	    memory_order_acquire);
	uint64_t hw = shmif_hwaddr(m->m_data + ETH_ALEN);

	if ((v == NULL || v->v_hwaddr[from] != hw) &&
	    (m->m_data[ETH_ALEN] & 1) == 0)
		atomic_store_explicit(learn_place(b, hw), hw |
		    (uint64_t)(from + 1) << 48, memory_order_relaxed);
}

/* ---- A ring ---------------------------------------------------------------------- */

static void
rx_publish(struct shmif_rx *rx)
{
	atomic_store_explicit(&rx->rx_ctl->sc_tail, rx->rx_tail,
	    memory_order_release);
}

/* At most budget frames onto a list; true: that was all. */
static bool
rx_drain(struct shmif_bus *b, unsigned from, unsigned *budget,
    struct mbuf ***listp)
{
	struct shmif_rx *rx = b->b_rx[from];
	uint64_t head, published;
	struct shmif_entry se;
	const uint8_t *p;
	struct mbuf *m;

	if (rx == NULL && (rx = rx_create(b, from)) == NULL)
		return true;
	published = rx->rx_tail;
	head = atomic_load_explicit(&rx->rx_ctl->sc_head,
	    memory_order_acquire);
	while (rx->rx_tail != head && *budget > 0) {
		p = rx->rx_mem + (rx->rx_tail & RING_MASK);
		if (head - rx->rx_tail > SHMIF_RINGSIZE ||
		    rx->rx_tail % SHMIF_ALIGN != 0 ||
		    (memcpy(&se, p, sizeof(se)), !entry_ok(&se, rx->rx_tail,
		    head - rx->rx_tail))) {
			if_count(b->b_ifp, IFS_RXERRORS, 1);
			rx->rx_tail = rounddown2(head, (uint64_t)SHMIF_ALIGN);
			break;
		}
		if ((se.se_flags & SHMIF_E_PAD) == 0) {
			m = frame_in(rx, &se, p + sizeof(se));
			if (m != NULL) {
				learn(b, from, m);
				**listp = m;
				*listp = &m->m_nextpkt;
				(*budget)--;
			} else {
				if_count(b->b_ifp, IFS_RXDROPS, 1);
			}
		}
		rx->rx_tail += se.se_size;
		if (rx->rx_tail - published >= TAIL_EVERY) {
			rx_publish(rx);
			published = rx->rx_tail;
		}
		if (rx->rx_tail == head)
			head = atomic_load_explicit(&rx->rx_ctl->sc_head,
			    memory_order_acquire);
	}
	rx_publish(rx);
	return *budget > 0;
}

bool
shmif_bus_empty(struct shmif_bus *b)
{
	return atomic_load_explicit(&b->b_more, memory_order_relaxed) == 0 &&
	    atomic_load_explicit(&b->b_me->sm_pending,
	    memory_order_relaxed) == 0;
}

unsigned
shmif_bus_poll(struct shmif_bus *b, unsigned budget)
{
	struct mbuf *list = NULL, **tail = &list;
	unsigned left = budget, from;
	uint64_t more, set;

	if (shmif_bus_empty(b))
		return 0;
	/* A full fence: heads are read after it. */
	more = atomic_load_explicit(&b->b_more, memory_order_relaxed) |
	    atomic_exchange_explicit(&b->b_me->sm_pending, 0,
	    memory_order_seq_cst);
	more &= ~SHMIF_BIT(b->b_slot);
	netisr_enter();
	epoch_enter();
	while (more != 0 && left > 0) {
		/* Whose turn it is: the next above the last. */
		set = more & ~(SHMIF_BIT(b->b_turn) - 1);
		from = (unsigned)__builtin_ctzll(set != 0 ? set : more);
		if (rx_drain(b, from, &left, &tail))
			more &= ~SHMIF_BIT(from);
		b->b_turn = (from + 1) % SHMIF_MEMBERS;
	}
	atomic_store_explicit(&b->b_more, more, memory_order_relaxed);
	if (list != NULL)
		if_input(b->b_ifp, list);
	epoch_exit();
	netisr_exit();
	return budget - left;
}
