/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table of a transport's control blocks: one hash table, of connections
 * under their four numbers and of blocks that wait for anybody under their own
 * address (or none) and port. Look-ups take no lock.
 *
 * A chain may change under a reader. A block that is taken out keeps its link,
 * so that the reader goes on; one that is put in again, or moves to a bigger table,
 * could lead a reader into another chain: t_seq is odd meanwhile, and a reader who
 * found no connection and sees it changed looks again with the lock.
 */
#include <kern/assert.h>
#include <kern/kmem.h>

#include "in_pcb_impl.h"

#define HASH_MIN	16u
#define HASH_MAX	(1u << 22)

static struct lock_class table_lc = LOCK_CLASS("inpcbtable", 0);

static struct inphash *
hash_alloc(uint32_t n)
{
	struct inphash *ih;

	ih = kmem_zalloc(sizeof(*ih) + n * sizeof(ih->ih_bucket[0]),
	    KM_NORECLAIM);
	if (ih != NULL)
		ih->ih_mask = n - 1;
	return ih;
}

static void
hash_free(struct epoch_entry *ee)
{
	struct inphash *ih = container_of(ee, struct inphash, ih_epoch);

	kmem_free(ih, sizeof(*ih) +
	    ((size_t)ih->ih_mask + 1) * sizeof(ih->ih_bucket[0]));
}

int
inpcbtable_create(struct vnet *vn, uint8_t proto, struct inpcbtable **tp)
{
	struct inpcbtable *t;
	struct inphash *ih;

	t = kmem_zalloc(sizeof(*t), 0);
	ih = hash_alloc(HASH_MIN);
	if (t == NULL || ih == NULL)
		goto fail;
	t->t_ports = kmem_zalloc(HASH_MIN * sizeof(t->t_ports[0]), 0);
	if (t->t_ports == NULL)
		goto fail;
	t->t_portmask = HASH_MIN - 1;
	atomic_init(&t->t_hash, ih);
	t->t_proto = proto;
	t->t_vnet = vn;
	(void)random_bytes(t->t_key, sizeof(t->t_key));
	(void)random_bytes(t->t_ephemeral, sizeof(t->t_ephemeral));
	spin_init(&t->t_lock, &table_lc);
	*tp = t;
	return 0;

fail:
	if (ih != NULL)
		hash_free(&ih->ih_epoch);
	kmem_free(t, sizeof(*t));
	return ENOMEM;
}

void
inpcbtable_destroy(struct inpcbtable *t)
{
	if (t == NULL)
		return;
	KASSERT(t->t_count == 0 && t->t_nports == 0);
	KASSERT(atomic_load_explicit(&t->t_all, memory_order_relaxed) == NULL);
	hash_free(&atomic_load_explicit(&t->t_hash,
	    memory_order_relaxed)->ih_epoch);
	kmem_free(t->t_ports, ((size_t)t->t_portmask + 1) *
	    sizeof(t->t_ports[0]));
	spin_fini(&t->t_lock);
	kmem_free(t, sizeof(*t));
}

/* ---- Writers: t_lock ------------------------------------------------------ */

static void
moving_begin(struct inpcbtable *t)
{
	if (t->t_moving++ == 0)
		atomic_fetch_add_explicit(&t->t_seq, 1, memory_order_acq_rel);
}

static void
moving_end(struct inpcbtable *t)
{
	if (--t->t_moving == 0)
		atomic_fetch_add_explicit(&t->t_seq, 1, memory_order_release);
}

static void
chain_push(_Atomic(struct inpcb *) *head, struct inpcb *inp)
{
	atomic_store_explicit(&inp->inp_hnext,
	    atomic_load_explicit(head, memory_order_relaxed),
	    memory_order_release);
	atomic_store_explicit(head, inp, memory_order_release);
}

static void
hash_resize(struct inpcbtable *t, uint32_t n)
{
	struct inphash *old, *new = hash_alloc(n);
	struct inpcb *inp, *next;
	uint32_t i;

	if (new == NULL)
		return;		/* longer chains, then */
	old = atomic_load_explicit(&t->t_hash, memory_order_relaxed);
	moving_begin(t);
	for (i = 0; i <= old->ih_mask; i++) {
		inp = atomic_load_explicit(&old->ih_bucket[i],
		    memory_order_relaxed);
		for (; inp != NULL; inp = next) {
			next = atomic_load_explicit(&inp->inp_hnext,
			    memory_order_relaxed);
			chain_push(&new->ih_bucket[inp->inp_hash &
			    new->ih_mask], inp);
		}
	}
	atomic_store_explicit(&t->t_hash, new, memory_order_release);
	moving_end(t);
	epoch_defer(&old->ih_epoch, hash_free);
}

static void
chain_insert(struct inpcb *inp)
{
	struct inpcbtable *t = inp->inp_table;
	struct inphash *ih = atomic_load_explicit(&t->t_hash,
	    memory_order_relaxed);

	if (__unlikely(t->t_count > ih->ih_mask && ih->ih_mask < HASH_MAX)) {
		hash_resize(t, (ih->ih_mask + 1) * 2);
		ih = atomic_load_explicit(&t->t_hash, memory_order_relaxed);
	}
	inp->inp_hash = inp_hash(t, &inp->inp_laddr, inp->inp_lport,
	    &inp->inp_faddr, inp->inp_fport);
	chain_push(&ih->ih_bucket[inp->inp_hash & ih->ih_mask], inp);
	t->t_count++;
}

void
inp_link(struct inpcb *inp)
{
	struct inpcbtable *t = inp->inp_table;

	KASSERT(spin_owned(&t->t_lock));
	if ((inp->inp_flags & INP_LINKEDONCE) != 0) {
		moving_begin(t);
		chain_insert(inp);
		moving_end(t);
		return;
	}
	inp->inp_flags |= INP_LINKEDONCE;
	chain_insert(inp);
}

void
inp_unlink(struct inpcb *inp)
{
	struct inpcbtable *t = inp->inp_table;
	struct inphash *ih = atomic_load_explicit(&t->t_hash,
	    memory_order_relaxed);
	_Atomic(struct inpcb *) *pp = &ih->ih_bucket[inp->inp_hash &
	    ih->ih_mask];
	struct inpcb *i;

	KASSERT(spin_owned(&t->t_lock));
	while ((i = atomic_load_explicit(pp, memory_order_relaxed)) != inp) {
		KASSERT(i != NULL);
		pp = &i->inp_hnext;
	}
	atomic_store_explicit(pp, atomic_load_explicit(&inp->inp_hnext,
	    memory_order_relaxed), memory_order_release);
	t->t_count--;
	if (__unlikely(ih->ih_mask >= HASH_MIN * 4 &&
	    t->t_count < ih->ih_mask / 16))
		hash_resize(t, (ih->ih_mask + 1) / 4);
}

void
inp_relink(struct inpcb *inp, const union inaddr *laddr, uint16_t lport,
    const union inaddr *faddr, uint16_t fport, bool link)
{
	struct inpcbtable *t = inp->inp_table;
	bool linked = (inp->inp_flags & (INP_BOUND | INP_CONNECTED)) != 0;

	KASSERT(spin_owned(&t->t_lock));
	if (linked) {
		moving_begin(t);
		inp_unlink(inp);
	}
	inp_addr_write(&inp->inp_laddr, laddr);
	inp_addr_write(&inp->inp_faddr, faddr);
	__atomic_store_n(&inp->inp_lport, lport, __ATOMIC_RELAXED);
	__atomic_store_n(&inp->inp_fport, fport, __ATOMIC_RELAXED);
	inp->inp_flags &= ~(uint32_t)(INP_BOUND | INP_CONNECTED);
	if (link) {
		inp->inp_flags |= inaddr_any(faddr) ? INP_BOUND :
		    INP_CONNECTED;
		inp_link(inp);
	}
	if (linked)
		moving_end(t);
}

/* ---- Readers: in an epoch ------------------------------------------------- */

static struct inpcb *
chain_of(struct inpcbtable *t, uint32_t h)
{
	struct inphash *ih = atomic_load_explicit(&t->t_hash,
	    memory_order_acquire);

	return atomic_load_explicit(&ih->ih_bucket[h & ih->ih_mask],
	    memory_order_acquire);
}

static inline struct inpcb *
chain_next(struct inpcb *inp)
{
	return atomic_load_explicit(&inp->inp_hnext, memory_order_acquire);
}

static inline bool
matches(const struct inpcb *inp, int family, const union inaddr *l,
    uint16_t lport, const union inaddr *f, uint16_t fport)
{
	union inaddr la, fa;

	if (inp_port_read(&inp->inp_lport) != lport ||
	    inp_port_read(&inp->inp_fport) != fport ||
	    inp->inp_family != family)
		return false;
	la = inp_addr_read(&inp->inp_laddr);
	fa = inp_addr_read(&inp->inp_faddr);
	return inaddr_eq(&la, l) && inaddr_eq(&fa, f);
}

static struct inpcb *
find_conn(struct inpcbtable *t, int family, const union inaddr *l,
    uint16_t lport, const union inaddr *f, uint16_t fport)
{
	struct inpcb *inp = chain_of(t, inp_hash(t, l, lport, f, fport));

	while (inp != NULL && !matches(inp, family, l, lport, f, fport))
		inp = chain_next(inp);
	return inp;
}

struct inpcb *
inp_find_locked(struct inpcbtable *t, int family, const union inaddr *l,
    uint16_t lport, const union inaddr *f, uint16_t fport)
{
	KASSERT(spin_owned(&t->t_lock));
	return find_conn(t, family, l, lport, f, fport);
}

static bool
on_interface(const struct inpcb *inp, const struct ifnet *ifp, bool *exact)
{
	uint32_t want = __atomic_load_n(&inp->inp_socket->so_bindif,
	    __ATOMIC_RELAXED);

	*exact = want != 0;
	return want == 0 || ifp == NULL || want == ifp->if_index;
}

static inline bool
in_group(const struct inpcb *inp)
{
	return (__atomic_load_n(&inp->inp_socket->so_options,
	    __ATOMIC_RELAXED) & SOO_REUSEPORT) != 0;
}

static const union inaddr any;

/*
 * Who waits for anybody on an address: one bound to the interface before
 * others; of a SO_REUSEPORT group, the one that the flow's hash says.
 */
static struct inpcb *
find_bound(struct inpcbtable *t, const struct inpkt *pk, const union inaddr *l,
    uint16_t dport, uint16_t sport)
{
	struct inpcb *inp, *first, *best = NULL;
	bool exact, best_exact = false;
	uint32_t n = 0, pick;

	first = chain_of(t, inp_hash(t, l, dport, &any, 0));
	for (inp = first; inp != NULL; inp = chain_next(inp)) {
		if (!matches(inp, pk->ip_family, l, dport, &any, 0) ||
		    !on_interface(inp, pk->ip_ifp, &exact) ||
		    (best_exact && !exact))
			continue;
		if (best == NULL || (exact && !best_exact)) {
			best = inp;
			best_exact = exact;
			n = 0;
		}
		n++;
	}
	if (n < 2 || !in_group(best))
		return best;
	pick = (uint32_t)((uint64_t)inp_hash(t, &pk->ip_dst, dport,
	    &pk->ip_src, sport) * n >> 32);
	for (inp = first; inp != NULL; inp = chain_next(inp)) {
		if (!matches(inp, pk->ip_family, l, dport, &any, 0) ||
		    !on_interface(inp, pk->ip_ifp, &exact) ||
		    exact != best_exact || !in_group(inp))
			continue;
		if (pick-- == 0)
			return inp;
	}
	return best;
}

static struct inpcb *
find_any(struct inpcbtable *t, const struct inpkt *pk, uint16_t sport,
    uint16_t dport)
{
	struct inpcb *inp;

	inp = find_bound(t, pk, &pk->ip_dst, dport, sport);
	if (inp == NULL)
		inp = find_bound(t, pk, &any, dport, sport);
	return inp;
}

/* Did blocks move since seq was read? All loads before it are acquires. */
static inline bool
moved(struct inpcbtable *t, uint32_t seq)
{
	return (seq & 1) != 0 || atomic_load_explicit(&t->t_seq,
	    memory_order_relaxed) != seq;
}

struct inpcb *
in_pcblookup(struct inpcbtable *t, const struct inpkt *pk, uint16_t sport,
    uint16_t dport)
{
	uint32_t seq = atomic_load_explicit(&t->t_seq, memory_order_acquire);
	struct inpcb *inp;

	inp = find_conn(t, pk->ip_family, &pk->ip_dst, dport, &pk->ip_src,
	    sport);
	if (__likely(inp != NULL))
		return inp;
	inp = find_any(t, pk, sport, dport);
	if (__likely(!moved(t, seq)))
		return inp;
	spin_lock(&t->t_lock);
	inp = find_conn(t, pk->ip_family, &pk->ip_dst, dport, &pk->ip_src,
	    sport);
	if (inp == NULL)
		inp = find_any(t, pk, sport, dport);
	spin_unlock(&t->t_lock);
	return inp;
}

struct inpcb *
in_pcblookup_conn(struct inpcbtable *t, int family, const union inaddr *laddr,
    uint16_t lport, const union inaddr *faddr, uint16_t fport)
{
	uint32_t seq = atomic_load_explicit(&t->t_seq, memory_order_acquire);
	struct inpcb *inp;

	inp = find_conn(t, family, laddr, lport, faddr, fport);
	if (inp != NULL || !moved(t, seq))
		return inp;
	spin_lock(&t->t_lock);
	inp = find_conn(t, family, laddr, lport, faddr, fport);
	spin_unlock(&t->t_lock);
	return inp;
}

/* All of one chain under a key. */
static void
foreach_key(struct inpcbtable *t, const struct inpkt *pk,
    const union inaddr *l, uint16_t lport, const union inaddr *f,
    uint16_t fport, void (*fn)(struct inpcb *inp, void *arg), void *arg)
{
	struct inpcb *inp = chain_of(t, inp_hash(t, l, lport, f, fport));
	bool exact;

	for (; inp != NULL; inp = chain_next(inp)) {
		if (matches(inp, pk->ip_family, l, lport, f, fport) &&
		    on_interface(inp, pk->ip_ifp, &exact))
			fn(inp, arg);
	}
}

void
in_pcbforeach_match(struct inpcbtable *t, const struct inpkt *pk,
    uint16_t sport, uint16_t dport, void (*fn)(struct inpcb *inp, void *arg),
    void *arg)
{
	foreach_key(t, pk, &pk->ip_dst, dport, &pk->ip_src, sport, fn, arg);
	foreach_key(t, pk, &pk->ip_dst, dport, &any, 0, fn, arg);
	foreach_key(t, pk, &any, dport, &any, 0, fn, arg);
}

int
in_pcbwalk(struct inpcbtable *t, int (*fn)(struct inpcb *inp, void *arg),
    void *arg)
{
	struct inpcb *inp;
	int rv = 0;

	inp = atomic_load_explicit(&t->t_all, memory_order_acquire);
	for (; inp != NULL && rv == 0; inp = atomic_load_explicit(
	    &inp->inp_anext, memory_order_acquire))
		rv = fn(inp, arg);
	return rv;
}
