/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Packets between the stack and drivers: taps, impairment, what the driver
 * cannot do by itself, counters.
 */
#include "net.h"

/* ---- Taps: ifnet_lock --------------------------------------------------- */

void
if_tap_add(struct ifnet *ifp, struct if_tap *tap)
{
	KASSERT(ifnet_locked(ifp->if_vnet));
	atomic_store_explicit(&tap->tap_next, atomic_load(&ifp->if_taplist),
	    memory_order_relaxed);
	atomic_store_explicit(&ifp->if_taplist, tap, memory_order_release);
	atomic_fetch_add_explicit(&ifp->if_taps, 1, memory_order_relaxed);
}

void
if_tap_remove(struct ifnet *ifp, struct if_tap *tap)
{
	_Atomic(struct if_tap *) *pp = &ifp->if_taplist;
	struct if_tap *p;

	KASSERT(ifnet_locked(ifp->if_vnet));
	while ((p = atomic_load(pp)) != tap) {
		KASSERT(p != NULL);
		pp = &p->tap_next;
	}
	atomic_store_explicit(pp, atomic_load(&tap->tap_next),
	    memory_order_release);
	atomic_fetch_sub_explicit(&ifp->if_taps, 1, memory_order_relaxed);
}

static void
tap_batch(struct ifnet *ifp, const struct mbuf *batch, int dir)
{
	const struct mbuf *m;
	struct if_tap *tap;

	for (m = batch; m != NULL; m = m->m_nextpkt)
		for (tap = atomic_load_explicit(&ifp->if_taplist,
		    memory_order_acquire); tap != NULL;
		    tap = atomic_load_explicit(&tap->tap_next,
		    memory_order_acquire))
			tap->tap_fn(tap, ifp, m, dir);
}

static inline bool
tapped(struct ifnet *ifp)
{
	return __unlikely(atomic_load_explicit(&ifp->if_taps,
	    memory_order_relaxed) != 0);
}

static inline struct if_impair *
impaired(struct ifnet *ifp)
{
	return atomic_load_explicit(&ifp->if_impair, memory_order_acquire);
}

/* ---- Out ---------------------------------------------------------------- */

static inline bool
must_segment(const struct ifnet *ifp, const struct mbuf *m)
{
	uint32_t cap;

	if (__likely(m->m_ph.ph_gso == MGSO_NONE))
		return false;
	cap = m->m_ph.ph_gso == MGSO_UDP ? IFCAP_USO : IFCAP_TSO;
	return (ifp->if_caps & cap) == 0 ||
	    (ifp->if_gsomax != 0 && m->m_ph.ph_len > ifp->if_gsomax);
}

static inline bool
as_it_is(const struct ifnet *ifp, const struct mbuf *m)
{
	return !must_segment(ifp, m) &&
	    (m->m_ph.ph_csum != MCSUM_PARTIAL ||
	    (ifp->if_caps & IFCAP_CSUM) != 0) &&
	    (m->m_next == NULL || (ifp->if_caps & IFCAP_SG) != 0);
}

/* One packet becomes what the driver takes; NULL: no memory. */
static struct mbuf *
finish_packet(struct ifnet *ifp, struct mbuf *m)
{
	if (m->m_ph.ph_csum == MCSUM_PARTIAL &&
	    (ifp->if_caps & IFCAP_CSUM) == 0 && m_cksum_complete(&m) != 0) {
		m_freem(m);
		return NULL;
	}
	if (m->m_next != NULL && (ifp->if_caps & IFCAP_SG) == 0)
		m = m_pullup(m, m->m_ph.ph_len);
	return m;
}

/* A list likewise; counts those that were lost. */
static struct mbuf *
finish(struct ifnet *ifp, struct mbuf *list, unsigned *lost)
{
	struct mbuf *m, *next, *segs, *out = NULL, **tail = &out;

	for (m = list; m != NULL; m = next) {
		next = m->m_nextpkt;
		m->m_nextpkt = NULL;
		if (must_segment(ifp, m)) {
			segs = gso_segment(m);
			if (segs == NULL) {
				++*lost;
				continue;
			}
			for (m = segs; m->m_nextpkt != NULL; m = m->m_nextpkt)
				continue;
			m->m_nextpkt = next;
			next = segs;
			continue;
		}
		m = finish_packet(ifp, m);
		if (m == NULL) {
			++*lost;
			continue;
		}
		*tail = m;
		tail = &m->m_nextpkt;
	}
	return out;
}

int
if_transmit_direct(struct ifnet *ifp, struct mbuf *m)
{
	unsigned n = 0, sent = 0, lost = 0;
	uint64_t bytes = 0;
	struct mbuf *p;
	int error;

	if (__unlikely(!if_is(ifp, IFF_UP | IFF_RUNNING) || if_dead(ifp))) {
		if_count(ifp, IFS_TXDROPS, 1);
		m_freelist(m);
		return ENETDOWN;
	}
	if (__unlikely(m->m_nextpkt != NULL || !as_it_is(ifp, m)))
		m = finish(ifp, m, &lost);
	for (p = m; p != NULL; p = p->m_nextpkt) {
		n++;
		bytes += p->m_ph.ph_len;
	}
	error = m == NULL ? ENOBUFS : ifp->if_ops->ifo_transmit(ifp, m, &sent);
	if (__likely(error == 0))
		sent = n;
	if (sent > 0) {
		if_count(ifp, IFS_TXPACKETS, sent);
		if_count(ifp, IFS_TXBYTES, sent == n ? bytes :
		    bytes / n * sent);
	}
	if (sent + lost != n || lost != 0)
		if_count(ifp, IFS_TXDROPS, n - sent + lost);
	return error;
}

int
if_transmit(struct ifnet *ifp, struct mbuf *m)
{
	struct if_impair *im;

	KASSERT(netisr_inside());
	if (tapped(ifp) && !if_is(ifp, IFF_LOOPBACK))
		tap_batch(ifp, m, IFTAP_OUT);
	im = impaired(ifp);
	if (__unlikely(im != NULL) && im->im_out != NULL) {
		m = im->im_out(im, ifp, m);
		if (m == NULL)
			return 0;
	}
	return if_transmit_direct(ifp, m);
}

/* ---- In ----------------------------------------------------------------- */

void
if_input_direct(struct ifnet *ifp, struct mbuf *batch)
{
	uint64_t n = 0, bytes = 0;
	struct mbuf *m;

	if (__unlikely(!if_is(ifp, IFF_UP) || if_dead(ifp))) {
		if_count(ifp, IFS_RXDROPS, 1);
		m_freelist(batch);
		return;
	}
	for (m = batch; m != NULL; m = m->m_nextpkt) {
		m->m_ph.ph_ifp = ifp;
		n++;
		bytes += m->m_ph.ph_len;
	}
	if_count(ifp, IFS_RXPACKETS, n);
	if_count(ifp, IFS_RXBYTES, bytes);
	if (tapped(ifp))
		tap_batch(ifp, batch, IFTAP_IN);
	ifp->if_ltype->ilt_input(ifp, batch);
}

void
if_input(struct ifnet *ifp, struct mbuf *batch)
{
	struct if_impair *im = impaired(ifp);

	KASSERT(netisr_inside());
	if (__unlikely(im != NULL) && im->im_in != NULL) {
		batch = im->im_in(im, ifp, batch);
		if (batch == NULL)
			return;
	}
	if_input_direct(ifp, batch);
}
