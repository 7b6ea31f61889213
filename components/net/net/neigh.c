/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Neighbours: the table, and the states of Linux' neighbour discovery (arp(7),
 * RFC 4861 7.3.2), for any family.
 *
 *	INCOMPLETE	asked for; packets wait
 *	REACHABLE	confirmed not long ago
 *	STALE		was; the next packet goes there, and starts
 *	DELAY		a transport may still confirm it; then
 *	PROBE		it is asked itself
 *	FAILED		no answer: remembered a while
 *
 * A neighbour in use costs a packet one look-up without a lock: all states in
 * which the address is good say so in n_state, and only timers and input
 * change them. Everything is bounded: neighbours of a vnet, packets that wait for one
 * of them, bytes that wait in all. A full table gives up, in this order,
 * failed ones, those that nobody answered for if they are many, and stale ones.
 *
 * A neighbour is freed through an epoch; its timer runs in one. Its interface
 * outlives it: neigh_flush().
 */
#include <kern/netisr.h>
#include <kern/random.h>
#include <kern/time.h>

#include "neigh.h"

/* States in which n_lladdr is good. */
#define NUD_GOOD (NUD_PERMANENT | NUD_NOARP | NUD_REACHABLE | NUD_PROBE |	\
    NUD_STALE | NUD_DELAY)
/* ... and a packet needs no more. */
#define NUD_FAST (NUD_GOOD & ~NUD_STALE)
#define NUD_TIMED (NUD_INCOMPLETE | NUD_REACHABLE | NUD_DELAY | NUD_PROBE |	\
    NUD_FAILED)

/*
 * t  nt_lock   a  atomic   I  immutable
 */
struct neigh {
	_Atomic(struct neigh *) n_next;		/* [t] of its bucket */
	struct ifnet *n_ifp;			/* [I] */
	union inaddr n_addr;			/* [I] */
	int n_family;				/* [I] */
	_Atomic uint16_t n_state;		/* [a] NUD_* */
	uint8_t n_probes;			/* [t] sent */
	bool n_dead;				/* [t] out of the table */
	_Atomic uint64_t n_lladdr;		/* [a] */
	_Atomic nstime_t n_confirmed;		/* [a] */
	nstime_t n_updated;			/* [t] */
	struct mbuf *n_head, **n_tail;		/* [t] waiting */
	uint32_t n_packets, n_bytes;		/* [t] */
	struct callout n_timer;
	struct list n_link;			/* [t] nt_all */
	struct epoch_entry n_epoch;
};

struct neighhash {
	struct epoch_entry nh_epoch;
	uint32_t nh_size;			/* a power of two */
	_Atomic(struct neigh *) nh_bucket[];
};

struct neightab {
	struct kspin nt_lock;
	_Atomic(struct neighhash *) nt_hash;	/* [t] */
	uint64_t nt_seed[2];			/* [I] */
	struct list nt_all;			/* [t] oldest change first */
	uint32_t nt_count, nt_incomplete;	/* [t] */
	uint32_t nt_bytes;			/* [t] waiting */
};

static struct lock_class neigh_lc = LOCK_CLASS("neighbours", 0);
static _Atomic(struct neigh_listener *) listeners;

/* What remains to be done when the lock is left. */
struct after {
	struct mbuf *a_send;		/* packets to a_lladdr */
	struct mbuf *a_fail;		/* packets that cannot be sent */
	uint64_t a_lladdr;
	bool a_solicit;
	bool a_unicast;			/* to a_lladdr */
	bool a_tell;
	struct neigh_info a_info;
};

static inline struct neightab *
neightab(const struct ifnet *ifp)
{
	return net_vnet(ifp->if_vnet)->nv_neigh;
}

static inline uint16_t
state_of(struct neigh *n)
{
	return atomic_load_explicit(&n->n_state, memory_order_acquire);
}

static uint16_t
packet_type(const struct mbuf *m)
{
	return m->m_len > 0 && m->m_data[0] >> 4 == 6 ? ETH_P_IPV6 : ETH_P_IP;
}

void
neigh_listen(struct neigh_listener *nl)
{
	struct neigh_listener *first = atomic_load(&listeners);

	do {
		atomic_store(&nl->nl_next, first);
	} while (!atomic_compare_exchange_weak(&listeners, &first, nl));
}

static void
describe(struct neigh *n, struct neigh_info *ni)
{
	uint64_t lladdr = atomic_load(&n->n_lladdr);

	*ni = (struct neigh_info){ .ni_ifp = n->n_ifp,
	    .ni_family = n->n_family, .ni_addr = n->n_addr,
	    .ni_state = state_of(n), .ni_updated = n->n_updated,
	    .ni_confirmed = atomic_load(&n->n_confirmed) };
	memcpy(ni->ni_lladdr, &lladdr, sizeof(lladdr));
}

/* ---- The table --------------------------------------------------------------- */

static inline uint32_t
hash_of(const struct neightab *nt, const struct ifnet *ifp,
    const union inaddr *a)
{
	uint64_t h;

	h = (a->a64[0] ^ nt->nt_seed[0] ^ ifp->if_index) *
	    (nt->nt_seed[1] | 1);
	h ^= h >> 32;
	h = (h ^ a->a64[1]) * 0x9e3779b97f4a7c15ull;
	return (uint32_t)(h >> 32);
}

static inline struct neigh *
lookup(struct neightab *nt, const struct ifnet *ifp, int family,
    const union inaddr *a)
{
	struct neighhash *nh = atomic_load_explicit(&nt->nt_hash,
	    memory_order_acquire);
	struct neigh *n;

	n = atomic_load_explicit(&nh->nh_bucket[hash_of(nt, ifp, a) &
	    (nh->nh_size - 1)], memory_order_acquire);
	while (n != NULL && (n->n_ifp != ifp || n->n_family != family ||
	    !inaddr_eq(&n->n_addr, a)))
		n = atomic_load_explicit(&n->n_next, memory_order_acquire);
	return n;
}

static size_t
hash_bytes(uint32_t size)
{
	return sizeof(struct neighhash) + size * sizeof(_Atomic(void *));
}

static void
hash_free(struct epoch_entry *ee)
{
	struct neighhash *nh = container_of(ee, struct neighhash, nh_epoch);

	kmem_free(nh, hash_bytes(nh->nh_size));
}

static struct neighhash *
hash_create(uint32_t size)
{
	struct neighhash *nh = kmem_zalloc(hash_bytes(size), 0);

	if (nh != NULL)
		nh->nh_size = size;
	return nh;
}

static void
hash_insert(struct neightab *nt, struct neighhash *nh, struct neigh *n)
{
	_Atomic(struct neigh *) *bucket = &nh->nh_bucket[hash_of(nt, n->n_ifp,
	    &n->n_addr) & (nh->nh_size - 1)];

	atomic_store_explicit(&n->n_next, atomic_load_explicit(bucket,
	    memory_order_relaxed), memory_order_relaxed);
	atomic_store_explicit(bucket, n, memory_order_release);
}

/*
 * Twice as many buckets. A reader that follows a chain while it is taken apart
 * may miss a neighbour: it looks again with the lock.
 */
static void
hash_grow(struct neightab *nt)
{
	struct neighhash *old = atomic_load(&nt->nt_hash), *new;
	struct list *l;

	new = hash_create(old->nh_size * 2);
	if (new == NULL)
		return;
	LIST_FOREACH(l, &nt->nt_all)
		hash_insert(nt, new, container_of(l, struct neigh, n_link));
	atomic_store_explicit(&nt->nt_hash, new, memory_order_release);
	epoch_defer(&old->nh_epoch, hash_free);
}

static void
hash_remove(struct neightab *nt, struct neigh *n)
{
	struct neighhash *nh = atomic_load(&nt->nt_hash);
	_Atomic(struct neigh *) *pp = &nh->nh_bucket[hash_of(nt, n->n_ifp,
	    &n->n_addr) & (nh->nh_size - 1)];

	while (atomic_load(pp) != n)
		pp = &atomic_load(pp)->n_next;
	atomic_store_explicit(pp, atomic_load(&n->n_next),
	    memory_order_release);
}

static void
neigh_free(struct epoch_entry *ee)
{
	kmem_free(container_of(ee, struct neigh, n_epoch),
	    sizeof(struct neigh));
}

/* Packets that wait, taken away. */
static struct mbuf *
take_queue(struct neightab *nt, struct neigh *n)
{
	struct mbuf *m = n->n_head;

	nt->nt_bytes -= n->n_bytes;
	n->n_head = NULL;
	n->n_tail = &n->n_head;
	n->n_packets = n->n_bytes = 0;
	return m;
}

static void
set_state(struct neightab *nt, struct neigh *n, uint16_t state)
{
	uint16_t old = state_of(n);

	nt->nt_incomplete += (state == NUD_INCOMPLETE);
	nt->nt_incomplete -= (old == NUD_INCOMPLETE);
	if (state == old)
		return;
	n->n_updated = mono_now();
	atomic_store_explicit(&n->n_state, state, memory_order_release);
	list_remove(&n->n_link);
	list_insert_tail(&nt->nt_all, &n->n_link);
}

/* Out of the table; what waited is returned. */
static struct mbuf *
neigh_unlink(struct neightab *nt, struct neigh *n)
{
	struct mbuf *m = take_queue(nt, n);

	n->n_dead = true;
	set_state(nt, n, NUD_FAILED);
	hash_remove(nt, n);
	list_remove(&n->n_link);
	nt->nt_count--;
	(void)callout_stop(&n->n_timer);
	epoch_defer(&n->n_epoch, neigh_free);
	return m;
}

/* ---- A full table ---------------------------------------------------------------- */

static struct neigh *
oldest(struct neightab *nt, uint16_t states)
{
	struct list *l;
	struct neigh *n;

	LIST_FOREACH(l, &nt->nt_all) {
		n = container_of(l, struct neigh, n_link);
		if ((state_of(n) & states) != 0)
			return n;
	}
	return NULL;
}

static bool
make_room(struct neightab *nt, struct mbuf **lost)
{
	struct neigh *n;

	n = oldest(nt, NUD_FAILED | NUD_NONE);
	if (n == NULL && nt->nt_incomplete >= nt->nt_count / 2)
		n = oldest(nt, NUD_INCOMPLETE);
	if (n == NULL)
		n = oldest(nt, NUD_STALE);
	if (n == NULL)
		n = oldest(nt, NUD_INCOMPLETE);
	if (n == NULL)
		return false;
	*lost = neigh_unlink(nt, n);
	return true;
}

static void neigh_timer(void *arg);

/* nt_lock held. @return ENOBUFS, ENOMEM */
static int
neigh_create(struct neightab *nt, struct ifnet *ifp, int family,
    const union inaddr *addr, struct neigh **np, struct mbuf **lost)
{
	struct neigh *n;

	if (!if_is(ifp, IFF_UP) || if_dead(ifp))
		return ENETDOWN;
	if (nt->nt_count >= NEIGH_TABLE_MAX && !make_room(nt, lost))
		return ENOBUFS;
	n = kmem_zalloc(sizeof(*n), 0);
	if (n == NULL)
		return ENOMEM;
	n->n_ifp = ifp;
	n->n_family = family;
	n->n_addr = *addr;
	n->n_tail = &n->n_head;
	atomic_init(&n->n_state, NUD_NONE);
	callout_init(&n->n_timer, neigh_timer, n);
	n->n_updated = mono_now();
	if (++nt->nt_count > atomic_load(&nt->nt_hash)->nh_size)
		hash_grow(nt);
	list_insert_tail(&nt->nt_all, &n->n_link);
	hash_insert(nt, atomic_load(&nt->nt_hash), n);
	*np = n;
	return 0;
}

/* ---- After the lock ---------------------------------------------------------------- */

static void
tell(struct vnet *vn, const struct neigh_info *ni, bool gone)
{
	struct neigh_listener *nl;

	for (nl = atomic_load(&listeners); nl != NULL;
	    nl = atomic_load(&nl->nl_next))
		nl->nl_event(vn, ni, gone);
}

static void
fail_packets(struct ifnet *ifp, struct mbuf *m)
{
	struct mbuf *next;

	for (; m != NULL; m = next) {
		next = m->m_nextpkt;
		m->m_nextpkt = NULL;
		netproto_unreach(ifp, packet_type(m), m);
	}
}

static void
do_after(struct ifnet *ifp, const union inaddr *addr, struct after *a)
{
	struct mbuf *m, *next;

	for (m = a->a_send; m != NULL; m = next) {
		next = m->m_nextpkt;
		m->m_nextpkt = NULL;
		(void)ether_send(ifp, m, packet_type(m), a->a_lladdr);
	}
	fail_packets(ifp, a->a_fail);
	if (a->a_solicit && a->a_info.ni_family == AF_INET)
		arp_solicit(ifp, addr->a4, a->a_unicast ?
		    (const uint8_t *)&a->a_lladdr : NULL);
	if (a->a_tell)
		tell(ifp->if_vnet, &a->a_info, false);
}

/* ---- Timers --------------------------------------------------------------------------- */

static void
arm(struct neigh *n, nstime_t after)
{
	callout_schedule(&n->n_timer, mono_deadline(after));
}

/* RFC 4861 6.3.2: between half of it and half as much again. */
static nstime_t
reachable_time(void)
{
	uint32_t r = 0;

	(void)random_bytes(&r, sizeof(r));
	return NEIGH_REACHABLE_TIME / 2 +
	    (nstime_t)((uint64_t)NEIGH_REACHABLE_TIME * r >> 32);
}

static void
ask(struct neigh *n, struct after *a)
{
	n->n_probes++;
	a->a_solicit = true;
	a->a_unicast = state_of(n) == NUD_PROBE;
	arm(n, NEIGH_RETRANS_TIME);
}

/* What time does to a neighbour. nt_lock held. */
static void
expire(struct neightab *nt, struct neigh *n, struct after *a)
{
	nstime_t now = mono_now(), left;

	switch (state_of(n)) {
	case NUD_REACHABLE:
		left = atomic_load(&n->n_confirmed) + NEIGH_REACHABLE_TIME -
		    now;
		if (left > 0)
			arm(n, left);
		else
			set_state(nt, n, NUD_STALE);
		break;
	case NUD_DELAY:
		if (atomic_load(&n->n_confirmed) + NEIGH_DELAY_TIME > now) {
			set_state(nt, n, NUD_REACHABLE);
			arm(n, reachable_time());
			break;
		}
		set_state(nt, n, NUD_PROBE);
		n->n_probes = 0;
		ask(n, a);
		break;
	case NUD_PROBE:
		if (atomic_load(&n->n_confirmed) + NEIGH_DELAY_TIME > now) {
			set_state(nt, n, NUD_REACHABLE);
			arm(n, reachable_time());
			break;
		}
		/* FALLTHROUGH */
	case NUD_INCOMPLETE:
		if (n->n_probes < NEIGH_PROBES) {
			ask(n, a);
			break;
		}
		set_state(nt, n, NUD_FAILED);
		a->a_fail = take_queue(nt, n);
		a->a_tell = true;
		arm(n, NEIGH_FAILED_TIME);
		break;
	case NUD_FAILED:
		m_freelist(neigh_unlink(nt, n));
		break;
	default:
		break;
	}
	describe(n, &a->a_info);
	a->a_lladdr = atomic_load(&n->n_lladdr);
}

static void
neigh_timer(void *arg)
{
	struct after a = { .a_send = NULL };
	struct neigh *n = arg;
	struct neightab *nt = neightab(n->n_ifp);

	netisr_enter();
	spin_lock(&nt->nt_lock);
	if (!n->n_dead)
		expire(nt, n, &a);
	spin_unlock(&nt->nt_lock);
	do_after(n->n_ifp, &n->n_addr, &a);
	netisr_exit();
}

/* ---- Packets: in an epoch and a section --------------------------------------------------- */

/* Let m wait; the oldest ones give way. */
static void
enqueue(struct neightab *nt, struct neigh *n, struct mbuf *m)
{
	uint32_t len = m->m_ph.ph_len;
	struct mbuf *old;

	while (n->n_head != NULL && (n->n_packets >= NEIGH_QUEUE_PACKETS ||
	    n->n_bytes + len > NEIGH_QUEUE_BYTES ||
	    nt->nt_bytes + len > NEIGH_TABLE_BYTES)) {
		old = n->n_head;
		n->n_head = old->m_nextpkt;
		if (n->n_head == NULL)
			n->n_tail = &n->n_head;
		old->m_nextpkt = NULL;
		n->n_packets--;
		n->n_bytes -= old->m_ph.ph_len;
		nt->nt_bytes -= old->m_ph.ph_len;
		if_count(n->n_ifp, IFS_TXDROPS, 1);
		m_freem(old);
	}
	if (nt->nt_bytes + len > NEIGH_TABLE_BYTES) {
		if_count(n->n_ifp, IFS_TXDROPS, 1);
		m_freem(m);
		return;
	}
	m->m_nextpkt = NULL;
	*n->n_tail = m;
	n->n_tail = &m->m_nextpkt;
	n->n_packets++;
	n->n_bytes += len;
	nt->nt_bytes += len;
}

/* A packet for a neighbour whose state asks for more than sending. */
static void
use(struct neightab *nt, struct neigh *n, struct mbuf *m, struct after *a)
{
	uint16_t state = state_of(n);

	if (state == NUD_STALE) {
		set_state(nt, n, NUD_DELAY);
		arm(n, NEIGH_DELAY_TIME);
	}
	if ((state & NUD_GOOD) != 0) {
		m->m_nextpkt = NULL;
		a->a_send = m;
	} else {
		enqueue(nt, n, m);
		if (state != NUD_INCOMPLETE) {
			set_state(nt, n, NUD_INCOMPLETE);
			n->n_probes = 0;
			ask(n, a);
		}
	}
	describe(n, &a->a_info);
	a->a_lladdr = atomic_load(&n->n_lladdr);
}

static int
output_slow(struct ifnet *ifp, struct mbuf *m, int family,
    const union inaddr *addr)
{
	struct neightab *nt = neightab(ifp);
	struct after a = { .a_send = NULL };
	struct mbuf *lost = NULL;
	struct neigh *n;
	int error = 0;

	spin_lock(&nt->nt_lock);
	n = lookup(nt, ifp, family, addr);
	if (n == NULL)
		error = neigh_create(nt, ifp, family, addr, &n, &lost);
	if (error == 0)
		use(nt, n, m, &a);
	spin_unlock(&nt->nt_lock);
	m_freelist(lost);
	if (error != 0) {
		if_count(ifp, IFS_TXDROPS, 1);
		m_freem(m);
		return error;
	}
	do_after(ifp, addr, &a);
	return 0;
}

int
neigh_output(struct ifnet *ifp, struct mbuf *m, uint16_t ethertype,
    int family, const union inaddr *addr)
{
	struct neigh *n;

	n = lookup(neightab(ifp), ifp, family, addr);
	if (__likely(n != NULL && (state_of(n) & NUD_FAST) != 0))
		return ether_send(ifp, m, ethertype, atomic_load_explicit(
		    &n->n_lladdr, memory_order_relaxed));
	return output_slow(ifp, m, family, addr);
}

void
neigh_confirm(struct ifnet *ifp, int family, const union inaddr *addr)
{
	nstime_t now = mono_now();
	struct neigh *n;

	n = lookup(neightab(ifp), ifp, family, addr);
	/* A shared cache line is written once in a while only. */
	if (n != NULL && atomic_load_explicit(&n->n_confirmed,
	    memory_order_relaxed) + NS_PER_SEC / 10 < now)
		atomic_store_explicit(&n->n_confirmed, now,
		    memory_order_relaxed);
}

/* ---- News of a neighbour ------------------------------------------------------------------- */

/* A link address: is it taken as n's, in which state? */
static uint16_t
learn(struct neightab *nt, struct neigh *n, const uint8_t *lladdr,
    uint16_t state, int flags)
{
	uint64_t old = atomic_load(&n->n_lladdr), new = 0;
	bool known = (state_of(n) & NUD_GOOD) != 0;

	memcpy(&new, lladdr, ETH_ALEN);
	if (known && new != old && (flags & NEIGH_OVERRIDE) == 0)
		return state_of(n);	/* somebody else says so */
	/* What is confirmed stays so when a request merely names it again. */
	if (known && new == old && state == NUD_STALE &&
	    (flags & NEIGH_ADMIN) == 0)
		return state_of(n);
	if (new != old)
		atomic_store(&n->n_lladdr, new);
	if (new != old && state == state_of(n)) {
		n->n_updated = mono_now();
		list_remove(&n->n_link);
		list_insert_tail(&nt->nt_all, &n->n_link);
	}
	return state;
}

static void
update(struct neightab *nt, struct neigh *n, const uint8_t *lladdr,
    uint16_t state, int flags, struct after *a)
{
	uint16_t old = state_of(n);
	uint64_t before = atomic_load(&n->n_lladdr);

	if ((old & (NUD_PERMANENT | NUD_NOARP)) != 0 &&
	    (flags & NEIGH_ADMIN) == 0)
		return;
	if (lladdr != NULL)
		state = learn(nt, n, lladdr, state, flags);
	if (state == NUD_REACHABLE)
		atomic_store(&n->n_confirmed, mono_now());
	set_state(nt, n, state);
	if (state == NUD_REACHABLE)
		arm(n, reachable_time());
	else if (state == NUD_FAILED)
		arm(n, NEIGH_FAILED_TIME);
	else if ((state & NUD_TIMED) == 0)
		(void)callout_stop(&n->n_timer);
	if ((state & NUD_GOOD) != 0)
		a->a_send = take_queue(nt, n);
	else if (state == NUD_FAILED)
		a->a_fail = take_queue(nt, n);
	a->a_lladdr = atomic_load(&n->n_lladdr);
	a->a_tell = state != old || before != a->a_lladdr;
	describe(n, &a->a_info);
}

int
neigh_update(struct ifnet *ifp, int family, const union inaddr *addr,
    const uint8_t *lladdr, uint16_t state, int flags)
{
	struct neightab *nt = neightab(ifp);
	struct after a = { .a_send = NULL };
	struct mbuf *lost = NULL;
	struct neigh *n;
	int error = 0;

	spin_lock(&nt->nt_lock);
	n = lookup(nt, ifp, family, addr);
	if (n == NULL)
		error = (flags & NEIGH_CREATE) == 0 ? ENOENT :
		    neigh_create(nt, ifp, family, addr, &n, &lost);
	if (error == 0)
		update(nt, n, lladdr, state, flags, &a);
	spin_unlock(&nt->nt_lock);
	m_freelist(lost);
	if (error == 0)
		do_after(ifp, addr, &a);
	return error;
}

int
neigh_delete(struct ifnet *ifp, int family, const union inaddr *addr)
{
	struct neightab *nt = neightab(ifp);
	struct mbuf *m = NULL;
	struct neigh_info ni;
	struct neigh *n;

	spin_lock(&nt->nt_lock);
	n = lookup(nt, ifp, family, addr);
	if (n != NULL) {
		m = neigh_unlink(nt, n);
		describe(n, &ni);
	}
	spin_unlock(&nt->nt_lock);
	if (n == NULL)
		return ENOENT;
	m_freelist(m);
	tell(ifp->if_vnet, &ni, true);
	return 0;
}

int
neigh_get(struct ifnet *ifp, int family, const union inaddr *addr,
    struct neigh_info *ni)
{
	struct neightab *nt = neightab(ifp);
	struct neigh *n;

	spin_lock(&nt->nt_lock);
	n = lookup(nt, ifp, family, addr);
	if (n != NULL)
		describe(n, ni);
	spin_unlock(&nt->nt_lock);
	return n != NULL ? 0 : ENOENT;
}

int
neigh_walk(struct vnet *vn, unsigned nth,
    int (*fn)(const struct neigh_info *ni, void *arg), void *arg)
{
	struct neightab *nt = net_vnet(vn)->nv_neigh;
	struct neigh_info ni;
	struct list *l;
	int rv = 0;

	spin_lock(&nt->nt_lock);
	LIST_FOREACH(l, &nt->nt_all) {
		if (nth > 0) {
			nth--;
			continue;
		}
		describe(container_of(l, struct neigh, n_link), &ni);
		rv = fn(&ni, arg);
		if (rv != 0)
			break;
	}
	spin_unlock(&nt->nt_lock);
	return rv;
}

void
neigh_flush(struct ifnet *ifp)
{
	struct neightab *nt = neightab(ifp);
	struct mbuf *m, *last;
	struct list *l, *t;
	struct neigh *n;

	m = NULL;
	spin_lock(&nt->nt_lock);
	LIST_FOREACH_SAFE(l, &nt->nt_all, t) {
		n = container_of(l, struct neigh, n_link);
		if (n->n_ifp != ifp)
			continue;
		last = neigh_unlink(nt, n);
		if (last != NULL) {
			struct mbuf *p = last;

			while (p->m_nextpkt != NULL)
				p = p->m_nextpkt;
			p->m_nextpkt = m;
			m = last;
		}
	}
	spin_unlock(&nt->nt_lock);
	m_freelist(m);
}

int
neightab_create(struct neightab **ntp)
{
	struct neighhash *nh = hash_create(8);
	struct neightab *nt = kmem_zalloc(sizeof(*nt), 0);

	if (nt == NULL || nh == NULL) {
		kmem_free(nt, sizeof(*nt));
		kmem_free(nh, hash_bytes(8));
		return ENOMEM;
	}
	spin_init(&nt->nt_lock, &neigh_lc);
	list_init(&nt->nt_all);
	atomic_init(&nt->nt_hash, nh);
	(void)random_bytes(nt->nt_seed, sizeof(nt->nt_seed));
	*ntp = nt;
	return 0;
}

void
neightab_destroy(struct neightab *nt)
{
	KASSERT(nt->nt_count == 0);
	hash_free(&atomic_load(&nt->nt_hash)->nh_epoch);
	spin_fini(&nt->nt_lock);
	kmem_free(nt, sizeof(*nt));
}
