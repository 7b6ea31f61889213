/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Longest-prefix match: a path-compressed multibit trie.
 *
 * A node consumes six bits of the key. Its prefixes, of zero to five further
 * bits, are a bitmap in heap order (a prefix of l bits of value b is bit
 * 2^l + b), so that one AND with a table finds those that match, and its highest
 * bit the longest; its children are a bitmap of the 64 values of all six. Values and
 * children are arrays of exactly as many, found by counting bits. A node
 * without a prefix and with one child does not exist: nodes carry the bits
 * that lead to them, and are compared as a whole (Eatherton, Varghese, Dittia
 * 2004: tree bitmap; Morrison 1968).
 *
 * Nodes do not change, but for values and for pointers to children: a writer
 * makes a new one and stores its address where the old one's was, one store.
 * Old ones are freed through an epoch.
 *
 * Keys get two zero bits in front ("virtual" lengths), so that nodes lie at
 * 16 bits: there a large table has an array of all 2^16 nodes, with the best of
 * the prefixes that are shorter, and a look-up starts behind it.
 */
#include <kern/assert.h>
#include <kern/epoch.h>
#include <kern/kmem.h>

#include "route_trie.h"

#define STRIDE		6
#define VIRTUAL		2
#define DEPTH_MAX	((128 + VIRTUAL) / STRIDE + 1)
#define JUMP_BITS	16
#define JUMP_DEPTH	(JUMP_BITS + VIRTUAL)
#define JUMP_GROW	4096	/* prefixes from which the array is worth it */
#define JUMP_SHRINK	1024

/*
 * Slots: values of prefixes (tn_nint), children (tn_next), entries (tn_nint).
 */
struct tnode {
	uint64_t tn_ext, tn_int;
	uint64_t tn_hi, tn_lo;		/* key; bits from tn_depth on are zero */
	uint8_t tn_depth;		/* virtual; a multiple of STRIDE */
	uint8_t tn_nint, tn_next;
	_Atomic(uintptr_t) tn_slot[];
};

struct tjump {
	struct epoch_entry tj_epoch;
	struct tjslot {
		_Atomic(struct tnode *) js_node;
		_Atomic(uintptr_t) js_fast;	/* of shorter prefixes */
	} tj_slot[1u << JUMP_BITS];
};

/* Prefixes of a node that match a chunk. */
#define M1(c)	(2ull | 1ull << (2 | (c) >> 5) | 1ull << (4 | (c) >> 4) |	\
    1ull << (8 | (c) >> 3) | 1ull << (16 | (c) >> 2) | 1ull << (32 | (c) >> 1))
#define M4(c)	M1(c), M1(c + 1), M1(c + 2), M1(c + 3)
#define M16(c)	M4(c), M4(c + 4), M4(c + 8), M4(c + 12)
static const uint64_t intmask[64] = { M16(0), M16(16), M16(32), M16(48) };

static inline unsigned
count_bits(uint64_t v)
{
	v -= (v >> 1) & 0x5555555555555555ull;
	v = (v & 0x3333333333333333ull) + ((v >> 2) & 0x3333333333333333ull);
	v = (v + (v >> 4)) & 0x0f0f0f0f0f0f0f0full;
	return (unsigned)((v * 0x0101010101010101ull) >> 56);
}

static inline unsigned
rank(uint64_t map, unsigned bit)
{
	return count_bits(map & ((1ull << bit) - 1));
}

static inline unsigned
highest(uint64_t v)
{
	return 63u - (unsigned)__builtin_clzll(v);
}

/* The six bits at a depth. */
static inline unsigned
chunk(struct rtkey k, unsigned depth)
{
	if (__likely(depth <= 60))
		return (k.rk_hi >> (60 - depth)) & 63;
	if (depth <= 124)
		return (k.rk_lo >> (124 - depth)) & 63;
	return (k.rk_lo << (depth - 124)) & 63;
}

struct rtkey
rtkey_mask(struct rtkey k, unsigned plen)
{
	if (plen == 0)
		k.rk_hi = 0;
	else if (plen < 64)
		k.rk_hi &= ~0ull << (64 - plen);
	if (plen <= 64)
		k.rk_lo = 0;
	else if (plen < 128)
		k.rk_lo &= ~0ull << (128 - plen);
	return k;
}

/* Does the key begin with what leads to the node? */
static inline bool
leads_to(const struct tnode *n, struct rtkey k)
{
	unsigned bits = n->tn_depth - VIRTUAL;
	uint64_t d = k.rk_hi ^ n->tn_hi;

	if (n->tn_depth == 0)
		return true;
	if (__likely(bits < 64))
		return d >> (64 - bits) == 0;
	if (d != 0 || bits == 64)
		return d == 0;
	return (k.rk_lo ^ n->tn_lo) >> (128 - bits) == 0;
}

/* Bits that a key shares with the node's, virtual, at most max. */
static unsigned
common(const struct tnode *n, struct rtkey k, unsigned max)
{
	uint64_t hi = k.rk_hi ^ n->tn_hi, lo = k.rk_lo ^ n->tn_lo;
	unsigned c = VIRTUAL + 128;

	if (hi != 0)
		c = VIRTUAL + (unsigned)__builtin_clzll(hi);
	else if (lo != 0)
		c = VIRTUAL + 64 + (unsigned)__builtin_clzll(lo);
	return MIN(c, max);
}

static inline _Atomic(uintptr_t) *
fast_slot(struct tnode *n, unsigned bit)
{
	return &n->tn_slot[rank(n->tn_int, bit)];
}

static inline _Atomic(uintptr_t) *
child_slot(struct tnode *n, unsigned c)
{
	return &n->tn_slot[n->tn_nint + rank(n->tn_ext, c)];
}

static inline _Atomic(uintptr_t) *
entry_slot(struct tnode *n, unsigned bit)
{
	return &n->tn_slot[n->tn_nint + n->tn_next + rank(n->tn_int, bit)];
}

static inline uintptr_t
load(_Atomic(uintptr_t) *slot)
{
	return atomic_load_explicit(slot, memory_order_acquire);
}

static inline void
store(_Atomic(uintptr_t) *slot, uintptr_t v)
{
	atomic_store_explicit(slot, v, memory_order_release);
}

static inline struct tnode *
child(struct tnode *n, unsigned c)
{
	return (struct tnode *)load(child_slot(n, c));
}

static inline struct tnode *
root(struct rtrie *t)
{
	return (struct tnode *)load(&t->rt_root);
}

/* ---- Look-ups: in an epoch ---------------------------------------------- */

uintptr_t
rtrie_match(struct rtrie *t, struct rtkey k)
{
	struct tjump *tj;
	struct tjslot *js;
	struct tnode *n, *best = NULL;
	uint64_t m, bestm = 0;
	uintptr_t fast = 0;
	unsigned c;

	tj = atomic_load_explicit(&t->rt_jump, memory_order_acquire);
	if (tj != NULL) {
		js = &tj->tj_slot[k.rk_hi >> (64 - JUMP_BITS)];
		n = atomic_load_explicit(&js->js_node, memory_order_acquire);
		fast = load(&js->js_fast);
	} else {
		n = root(t);
	}
	while (n != NULL && leads_to(n, k)) {
		c = chunk(k, n->tn_depth);
		m = n->tn_int & intmask[c];
		if (m != 0) {
			best = n;
			bestm = m;
		}
		if ((n->tn_ext >> c & 1) == 0)
			break;
		n = child(n, c);
	}
	return best != NULL ? load(fast_slot(best, highest(bestm))) : fast;
}

int
rtrie_match_entry(struct rtrie *t, struct rtkey k, int maxlen, void **entryp)
{
	int vmax = maxlen + VIRTUAL, l;
	struct tnode *n, *best = NULL;
	uint64_t m, bestm = 0;
	unsigned c;

	n = root(t);
	while (n != NULL && n->tn_depth <= vmax && leads_to(n, k)) {
		c = chunk(k, n->tn_depth);
		m = n->tn_int & intmask[c];
		l = vmax - n->tn_depth;
		if (l < STRIDE - 1)
			m &= (2ull << ((2u << l) - 1)) - 1;
		if (m != 0) {
			best = n;
			bestm = m;
		}
		if ((n->tn_ext >> c & 1) == 0)
			break;
		n = child(n, c);
	}
	if (best == NULL)
		return -1;
	c = highest(bestm);
	*entryp = (void *)load(entry_slot(best, c));
	return best->tn_depth - VIRTUAL + (int)highest(c);
}

/* ---- Nodes -------------------------------------------------------------- */

static inline size_t
tnode_size(unsigned nint, unsigned next)
{
	return sizeof(struct tnode) + (2 * nint + next) * sizeof(uintptr_t);
}

/* What an operation replaced: freed when all pointers are stored. */
struct tbatch {
	struct tnode *tb_old[4];
	unsigned tb_n;
};

struct garbage {
	struct epoch_entry g_epoch;
	struct tnode *g_node;
};

static void
tnode_free(struct tnode *n)
{
	kmem_free(n, tnode_size(n->tn_nint, n->tn_next));
}

static void
garbage_free(struct epoch_entry *ee)
{
	struct garbage *g = container_of(ee, struct garbage, g_epoch);

	tnode_free(g->g_node);
	kmem_free(g, sizeof(*g));
}

static void
tbatch_add(struct tbatch *tb, struct tnode *n)
{
	KASSERT(tb->tb_n < nitems(tb->tb_old));
	tb->tb_old[tb->tb_n++] = n;
}

static void
tbatch_free(struct tbatch *tb)
{
	struct garbage *g;

	while (tb->tb_n > 0) {
		tb->tb_n--;
		g = kmem_alloc(sizeof(*g), 0);
		if (g == NULL) {
			epoch_synchronize();
			tnode_free(tb->tb_old[tb->tb_n]);
			continue;
		}
		g->g_node = tb->tb_old[tb->tb_n];
		epoch_defer(&g->g_epoch, garbage_free);
	}
}

/* A node with the given bitmaps; what o has of them is copied. */
static struct tnode *
tnode_make(struct rtkey k, unsigned depth, uint64_t newint, uint64_t newext,
    struct tnode *o)
{
	unsigned nint = count_bits(newint), next = count_bits(newext), b;
	struct tnode *n;
	uint64_t m;

	n = kmem_zalloc(tnode_size(nint, next), 0);
	if (n == NULL)
		return NULL;
	if (depth > VIRTUAL)
		k = rtkey_mask(k, depth - VIRTUAL);
	else
		k.rk_hi = k.rk_lo = 0;
	n->tn_hi = k.rk_hi;
	n->tn_lo = k.rk_lo;
	n->tn_depth = (uint8_t)depth;
	n->tn_nint = (uint8_t)nint;
	n->tn_next = (uint8_t)next;
	n->tn_int = newint;
	n->tn_ext = newext;
	if (o == NULL)
		return n;
	for (m = newint & o->tn_int; m != 0; m &= m - 1) {
		b = (unsigned)__builtin_ctzll(m);
		store(fast_slot(n, b), load(fast_slot(o, b)));
		store(entry_slot(n, b), load(entry_slot(o, b)));
	}
	for (m = newext & o->tn_ext; m != 0; m &= m - 1) {
		b = (unsigned)__builtin_ctzll(m);
		store(child_slot(n, b), load(child_slot(o, b)));
	}
	return n;
}

static struct tnode *
tnode_edit(struct tnode *o, uint64_t newint, uint64_t newext)
{
	struct rtkey k = { o->tn_hi, o->tn_lo };

	return tnode_make(k, o->tn_depth, newint, newext, o);
}

/* Where a prefix lies. */
struct tplace {
	struct rtkey p_key;
	unsigned p_depth;	/* of its node */
	unsigned p_bit;		/* in tn_int */
};

static struct tplace
place(struct rtkey k, unsigned plen)
{
	unsigned v = plen + VIRTUAL, l = v % STRIDE;
	struct tplace p;

	p.p_key = rtkey_mask(k, plen);
	p.p_depth = v - l;
	p.p_bit = (1u << l) | chunk(p.p_key, p.p_depth) >> (STRIDE - l);
	return p;
}

static void
set_value(struct tnode *n, unsigned bit, struct rtvalue v)
{
	store(entry_slot(n, bit), (uintptr_t)v.rv_entry);
	store(fast_slot(n, bit), v.rv_fast);
}

static struct tnode *
make_leaf(const struct tplace *p, struct rtvalue v)
{
	struct tnode *n;

	n = tnode_make(p->p_key, p->p_depth, 1ull << p->p_bit, 0, NULL);
	if (n != NULL)
		set_value(n, p->p_bit, v);
	return n;
}

/* ---- The array of large tables ------------------------------------------ */

static void
jump_free(struct epoch_entry *ee)
{
	kmem_free(container_of(ee, struct tjump, tj_epoch),
	    sizeof(struct tjump));
}

/* The node behind 16 bits. */
static struct tnode *
jump_node(struct rtrie *t, struct rtkey k)
{
	struct tnode *n = root(t);
	unsigned c;

	while (n != NULL && n->tn_depth < JUMP_DEPTH) {
		c = chunk(k, n->tn_depth);
		if (!leads_to(n, k) || (n->tn_ext >> c & 1) == 0)
			return NULL;
		n = child(n, c);
	}
	if (n == NULL || (n->tn_hi ^ k.rk_hi) >> (64 - JUMP_BITS) != 0)
		return NULL;
	return n;
}

static uintptr_t
jump_fast(struct rtrie *t, struct rtkey k)
{
	struct tnode *n = root(t), *best = NULL;
	uint64_t m, bestm = 0;
	unsigned c;

	while (n != NULL && n->tn_depth < JUMP_DEPTH && leads_to(n, k)) {
		c = chunk(k, n->tn_depth);
		m = n->tn_int & intmask[c];
		if (m != 0) {
			best = n;
			bestm = m;
		}
		if ((n->tn_ext >> c & 1) == 0)
			break;
		n = child(n, c);
	}
	return best != NULL ? load(fast_slot(best, highest(bestm))) : 0;
}

/* Slots that a prefix concerns. */
static void
jump_update(struct rtrie *t, struct tjump *tj, struct rtkey k, unsigned plen)
{
	unsigned i = (unsigned)(k.rk_hi >> (64 - JUMP_BITS)), n;
	struct rtkey s = { 0, 0 };

	if (plen >= JUMP_BITS) {
		atomic_store_explicit(&tj->tj_slot[i].js_node, jump_node(t, k),
		    memory_order_release);
		return;
	}
	for (n = 1u << (JUMP_BITS - plen); n > 0; n--, i++) {
		s.rk_hi = (uint64_t)i << (64 - JUMP_BITS);
		store(&tj->tj_slot[i].js_fast, jump_fast(t, s));
	}
}

static void
jump_build(struct rtrie *t)
{
	struct rtkey k = { 0, 0 };
	struct tjump *tj;
	unsigned i;

	tj = kmem_zalloc(sizeof(*tj), 0);
	if (tj == NULL)
		return;		/* it is slower without */
	for (i = 0; i < 1u << JUMP_BITS; i++) {
		k.rk_hi = (uint64_t)i << (64 - JUMP_BITS);
		atomic_init(&tj->tj_slot[i].js_node, jump_node(t, k));
		atomic_init(&tj->tj_slot[i].js_fast, jump_fast(t, k));
	}
	atomic_store_explicit(&t->rt_jump, tj, memory_order_release);
}

static void
jump_changed(struct rtrie *t, struct rtkey k, unsigned plen)
{
	struct tjump *tj = atomic_load(&t->rt_jump);

	if (tj == NULL) {
		if (t->rt_wantjump && t->rt_count >= JUMP_GROW)
			jump_build(t);
	} else if (t->rt_count < JUMP_SHRINK) {
		atomic_store(&t->rt_jump, NULL);
		epoch_defer(&tj->tj_epoch, jump_free);
	} else {
		jump_update(t, tj, k, plen);
	}
}

/* ---- Changes: serialised by the caller ------------------------------------ */

/* Where the path of a prefix ends: the last node that leads to it. */
struct tpath {
	_Atomic(uintptr_t) *tp_slot[DEPTH_MAX + 1];	/* that hold the nodes */
	struct tnode *tp_node[DEPTH_MAX + 1];
	unsigned tp_n;
};

static void
find_path(struct rtrie *t, const struct tplace *p, struct tpath *tp)
{
	_Atomic(uintptr_t) *slot = &t->rt_root;
	struct tnode *n;
	unsigned c;

	tp->tp_n = 0;
	for (;;) {
		n = (struct tnode *)load(slot);
		tp->tp_slot[tp->tp_n] = slot;
		tp->tp_node[tp->tp_n] = n;
		if (n == NULL || n->tn_depth > p->p_depth ||
		    !leads_to(n, p->p_key))
			return;
		tp->tp_n++;
		c = chunk(p->p_key, n->tn_depth);
		if (n->tn_depth == p->p_depth || (n->tn_ext >> c & 1) == 0)
			return;
		slot = child_slot(n, c);
	}
}

/* The last node that leads to the place; *slot holds it. */
static struct tnode *
path_end(struct tpath *tp, _Atomic(uintptr_t) **slot)
{
	if (tp->tp_n == 0)
		return NULL;
	*slot = tp->tp_slot[tp->tp_n - 1];
	return tp->tp_node[tp->tp_n - 1];
}

/* A node stands where the prefix' path leaves it: put one above it. */
static struct tnode *
make_fork(struct tnode *n, const struct tplace *p, struct rtvalue v)
{
	unsigned shared = common(n, p->p_key, MIN((unsigned)n->tn_depth,
	    p->p_depth)), depth = shared - shared % STRIDE;
	struct rtkey nk = { n->tn_hi, n->tn_lo };
	unsigned cn = chunk(nk, depth), cp = chunk(p->p_key, depth);
	struct tnode *fork, *leaf = NULL;
	uint64_t ext = 1ull << cn, in = 0;

	if (depth == p->p_depth) {
		in = 1ull << p->p_bit;
	} else {
		ext |= 1ull << cp;
		leaf = make_leaf(p, v);
		if (leaf == NULL)
			return NULL;
	}
	fork = tnode_make(p->p_key, depth, in, ext, NULL);
	if (fork == NULL) {
		if (leaf != NULL)
			tnode_free(leaf);
		return NULL;
	}
	store(child_slot(fork, cn), (uintptr_t)n);
	if (leaf != NULL)
		store(child_slot(fork, cp), (uintptr_t)leaf);
	else
		set_value(fork, p->p_bit, v);
	return fork;
}

/* The path ends at n: it gets the prefix, or a child that has it. */
static int
grow_node(struct tnode *n, _Atomic(uintptr_t) *slot, const struct tplace *p,
    struct rtvalue v, struct tbatch *tb)
{
	struct tnode *new, *leaf;
	unsigned c;

	if (n->tn_depth == p->p_depth) {
		new = tnode_edit(n, n->tn_int | 1ull << p->p_bit, n->tn_ext);
		if (new == NULL)
			return ENOMEM;
		set_value(new, p->p_bit, v);
	} else {
		c = chunk(p->p_key, n->tn_depth);
		leaf = make_leaf(p, v);
		if (leaf == NULL)
			return ENOMEM;
		new = tnode_edit(n, n->tn_int, n->tn_ext | 1ull << c);
		if (new == NULL) {
			tnode_free(leaf);
			return ENOMEM;
		}
		store(child_slot(new, c), (uintptr_t)leaf);
	}
	store(slot, (uintptr_t)new);
	tbatch_add(tb, n);
	return 0;
}

static inline bool
has_prefix(const struct tnode *n, const struct tplace *p)
{
	return n != NULL && n->tn_depth == p->p_depth &&
	    (n->tn_int >> p->p_bit & 1) != 0;
}

int
rtrie_set(struct rtrie *t, struct rtkey k, unsigned plen, struct rtvalue v)
{
	struct tplace p = place(k, plen);
	struct tbatch tb = { .tb_n = 0 };
	_Atomic(uintptr_t) *slot = NULL;
	struct tnode *n, *new;
	struct tpath tp;
	int error;
	bool fresh;

	find_path(t, &p, &tp);
	n = path_end(&tp, &slot);
	if (has_prefix(n, &p)) {
		fresh = load(entry_slot(n, p.p_bit)) == 0;
		set_value(n, p.p_bit, v);
	} else if (n != NULL && (n->tn_depth == p.p_depth ||
	    (n->tn_ext >> chunk(p.p_key, n->tn_depth) & 1) == 0)) {
		error = grow_node(n, slot, &p, v, &tb);
		if (error != 0)
			return error;
		fresh = true;
	} else {
		n = tp.tp_node[tp.tp_n];
		new = n == NULL ? make_leaf(&p, v) : make_fork(n, &p, v);
		if (new == NULL)
			return ENOMEM;
		store(tp.tp_slot[tp.tp_n], (uintptr_t)new);
		fresh = true;
	}
	t->rt_count += fresh;
	jump_changed(t, p.p_key, plen);
	tbatch_free(&tb);
	return 0;
}

void *
rtrie_get(struct rtrie *t, struct rtkey k, unsigned plen)
{
	struct tplace p = place(k, plen);
	_Atomic(uintptr_t) *slot;
	struct tpath tp;
	struct tnode *n;

	find_path(t, &p, &tp);
	n = path_end(&tp, &slot);
	return has_prefix(n, &p) ? (void *)load(entry_slot(n, p.p_bit)) : NULL;
}

/* Store a node with these bitmaps in o's place, or what is left of it. */
static bool
shrink_node(struct tnode *o, _Atomic(uintptr_t) *slot, uint64_t in,
    uint64_t ext, struct tbatch *tb)
{
	struct tnode *new = NULL;

	if (in == 0 && count_bits(ext) == 1) {
		new = child(o, (unsigned)__builtin_ctzll(ext));
	} else if (in != 0 || ext != 0) {
		new = tnode_edit(o, in, ext);
		if (new == NULL)
			return false;
	}
	store(slot, (uintptr_t)new);
	tbatch_add(tb, o);
	return true;
}

void
rtrie_remove(struct rtrie *t, struct rtkey k, unsigned plen)
{
	struct rtvalue none = { 0, NULL };
	struct tplace p = place(k, plen);
	struct tbatch tb = { .tb_n = 0 };
	_Atomic(uintptr_t) *slot = NULL;
	struct tnode *n, *up;
	struct tpath tp;
	uint64_t in;
	bool done;

	find_path(t, &p, &tp);
	n = path_end(&tp, &slot);
	KASSERT(has_prefix(n, &p));
	in = n->tn_int & ~(1ull << p.p_bit);
	if (in == 0 && n->tn_ext == 0 && tp.tp_n > 1) {
		up = tp.tp_node[tp.tp_n - 2];
		done = shrink_node(up, tp.tp_slot[tp.tp_n - 2], up->tn_int,
		    up->tn_ext & ~(1ull << chunk(p.p_key, up->tn_depth)), &tb);
		if (done)
			tbatch_add(&tb, n);
	} else {
		done = shrink_node(n, slot, in, n->tn_ext, &tb);
	}
	/* No memory: it stays, without a value, until it is set again. */
	if (!done)
		set_value(n, p.p_bit, none);
	t->rt_count--;
	jump_changed(t, p.p_key, plen);
	tbatch_free(&tb);
}

void
rtrie_init(struct rtrie *t, bool wantjump)
{
	atomic_init(&t->rt_root, 0);
	atomic_init(&t->rt_jump, NULL);
	t->rt_wantjump = wantjump;
	t->rt_count = 0;
}

static void
free_all(struct tnode *n)
{
	uint64_t m;

	for (m = n->tn_ext; m != 0; m &= m - 1)
		free_all(child(n, (unsigned)__builtin_ctzll(m)));
	tnode_free(n);
}

void
rtrie_fini(struct rtrie *t)
{
	struct tnode *n = root(t);
	struct tjump *tj = atomic_load(&t->rt_jump);

	KASSERT(t->rt_count == 0);
	if (n != NULL)
		free_all(n);	/* values that were left without memory */
	if (tj != NULL)
		kmem_free(tj, sizeof(*tj));
}

/* ---- Walks --------------------------------------------------------------- */

struct twalk {
	struct rtkey tw_from;
	unsigned tw_vlen;
	bool tw_skip;		/* not yet past tw_from */
	int (*tw_fn)(void *entry, void *arg);
	void *tw_arg;
};

/* Prefixes of a node whose first address is chunk c's, shortest first. */
static int
walk_prefixes(struct tnode *n, unsigned c, unsigned minlen, struct twalk *tw)
{
	unsigned l, bit;
	void *entry;
	int rv;

	for (l = 0; l < STRIDE; l++) {
		if ((c & ((1u << (STRIDE - l)) - 1)) != 0)
			continue;
		bit = (1u << l) | c >> (STRIDE - l);
		if ((n->tn_int >> bit & 1) == 0 || n->tn_depth + l < minlen)
			continue;
		entry = (void *)load(entry_slot(n, bit));
		rv = entry != NULL ? tw->tw_fn(entry, tw->tw_arg) : 0;
		if (rv != 0)
			return rv;
	}
	return 0;
}

/* -1, 0, 1: all of the node's keys are before tw_from, it is inside, behind. */
static int
walk_compare(const struct tnode *n, const struct twalk *tw)
{
	struct rtkey k = tw->tw_from;

	if (n->tn_depth > VIRTUAL)
		k = rtkey_mask(k, n->tn_depth - VIRTUAL);
	else
		return 0;
	if (n->tn_hi != k.rk_hi)
		return n->tn_hi < k.rk_hi ? -1 : 1;
	return n->tn_lo == k.rk_lo ? 0 : n->tn_lo < k.rk_lo ? -1 : 1;
}

static int
walk_node(struct tnode *n, struct twalk *tw)
{
	unsigned c = 0, first = 0;
	bool exact = false;
	int rv = 0, cmp;

	if (tw->tw_skip) {
		cmp = walk_compare(n, tw);
		if (cmp < 0)
			return 0;
		if (cmp > 0)
			tw->tw_skip = false;
		else
			c = first = chunk(tw->tw_from, n->tn_depth);
	}
	for (; c < 64 && rv == 0; c++) {
		/* tw_from's own chunk: its prefixes here may be too short, and
		 * begin where tw_from does only if all its further bits are 0. */
		exact = tw->tw_skip && c == first;
		if (!exact) {
			tw->tw_skip = false;
			rv = walk_prefixes(n, c, 0, tw);
		} else {
			struct rtkey k = rtkey_mask(tw->tw_from,
			    MIN((unsigned)n->tn_depth + STRIDE - VIRTUAL,
			    128u));

			if (k.rk_hi == tw->tw_from.rk_hi &&
			    k.rk_lo == tw->tw_from.rk_lo)
				rv = walk_prefixes(n, c, tw->tw_vlen, tw);
		}
		if (rv == 0 && (n->tn_ext >> c & 1) != 0)
			rv = walk_node(child(n, c), tw);
	}
	tw->tw_skip = false;
	return rv;
}

int
rtrie_walk(struct rtrie *t, struct rtkey from, unsigned plen,
    int (*fn)(void *entry, void *arg), void *arg)
{
	struct twalk tw = { from, plen + VIRTUAL, true, fn, arg };
	struct tnode *n = root(t);

	return n != NULL ? walk_node(n, &tw) : 0;
}
