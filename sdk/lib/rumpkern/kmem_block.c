/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Blocks of 2 MiB: buddies as bits, so that a free page is never touched, and
 * the tree that finds an address's block.
 */
#include <rump/rumpuser.h>

#include "kmem_impl.h"

/* Where the bits of an order start in b_free, and how many words they are. */
static const uint8_t order_word[PAGE_ORDER_MAX + 1] = {
	0, 8, 12, 14, 15, 16, 17, 18, 19, 20
};
static const uint8_t order_words[PAGE_ORDER_MAX + 1] = {
	8, 4, 2, 1, 1, 1, 1, 1, 1, 1
};

static inline uint64_t *
buddy_word(struct block *b, unsigned order, unsigned i)
{
	return &b->b_free[order_word[order] + i / 64];
}

static inline bool
buddy_test(struct block *b, unsigned order, unsigned i)
{
	return (*buddy_word(b, order, i) >> (i % 64) & 1) != 0;
}

static inline void
buddy_set(struct block *b, unsigned order, unsigned i)
{
	*buddy_word(b, order, i) |= 1ull << (i % 64);
	b->b_orders |= 1u << order;
}

static void
buddy_clear(struct block *b, unsigned order, unsigned i)
{
	const uint64_t *w = &b->b_free[order_word[order]];
	unsigned n;

	*buddy_word(b, order, i) &= ~(1ull << (i % 64));
	for (n = 0; n < order_words[order]; n++)
		if (w[n] != 0)
			return;
	b->b_orders &= ~(1u << order);
}

static unsigned
buddy_first(const struct block *b, unsigned order)
{
	const uint64_t *w = &b->b_free[order_word[order]];
	unsigned n = 0;

	while (w[n] == 0)
		n++;
	return n * 64 + (unsigned)__builtin_ctzll(w[n]);
}

void
block_init(struct block *b)
{
	list_node_init(&b->b_link);
	b->b_orders = 0;
	memset(b->b_free, 0, sizeof(b->b_free));
	memset(b->b_zero, 0, sizeof(b->b_zero));
	block_free(b, 0, b->b_pages);
	block_zero_set(b, 0, b->b_pages);
}

unsigned
block_alloc(struct block *b, unsigned order)
{
	unsigned o, i;

	o = order + (unsigned)__builtin_ctz(b->b_orders >> order);
	i = buddy_first(b, o);
	buddy_clear(b, o, i);
	while (o > order) {
		o--;
		i *= 2;
		buddy_set(b, o, i + 1);
	}
	return i << order;
}

static bool __maybe_unused
block_is_free(struct block *b, unsigned idx)
{
	unsigned o;

	for (o = 0; o <= PAGE_ORDER_MAX; o++)
		if (buddy_test(b, o, idx >> o))
			return true;
	return false;
}

static void
buddy_free(struct block *b, unsigned idx, unsigned order)
{
	unsigned i = idx >> order;

	while (order < PAGE_ORDER_MAX && buddy_test(b, order, i ^ 1)) {
		buddy_clear(b, order, i ^ 1);
		i /= 2;
		order++;
	}
	buddy_set(b, order, i);
}

void
block_free(struct block *b, unsigned idx, unsigned n)
{
	unsigned order;

	KASSERT(idx + n <= b->b_pages);
	while (n > 0) {
		KASSERT(!block_is_free(b, idx));
		order = 31 - (unsigned)__builtin_clz(n);
		if (idx != 0)
			order = MIN(order, (unsigned)__builtin_ctz(idx));
		buddy_free(b, idx, order);
		idx += 1u << order;
		n -= 1u << order;
	}
}

/* The bits of word i / 64 that lie in idx .. idx + n - 1, from bit i on. */
static inline uint64_t
range_mask(unsigned i, unsigned end)
{
	unsigned n = MIN(end - i, 64 - i % 64);

	return (n == 64 ? ~0ull : (1ull << n) - 1) << (i % 64);
}

bool
block_zero_take(struct block *b, unsigned idx, unsigned n)
{
	unsigned i, end = idx + n;
	bool zero = true;
	uint64_t mask;

	for (i = idx; i < end; i = (i | 63) + 1) {
		mask = range_mask(i, end);
		zero &= (b->b_zero[i / 64] & mask) == mask;
		b->b_zero[i / 64] &= ~mask;
	}
	return zero;
}

void
block_zero_set(struct block *b, unsigned idx, unsigned n)
{
	unsigned i, end = idx + n;

	for (i = idx; i < end; i = (i | 63) + 1)
		b->b_zero[i / 64] |= range_mask(i, end);
}

/* ---- Address to block -------------------------------------------------- */

/*
 * Three levels of 9 bits over the 27 bits that a user address of 48 bits has
 * above BLOCK_SHIFT. Nodes are added only; readers take no lock.
 */
#define TREE_BITS	9
#define TREE_FANOUT	(1u << TREE_BITS)

static _Atomic(void *) tree_root[TREE_FANOUT];

static inline unsigned
tree_index(uintptr_t a, unsigned level)
{
	return (a >> (BLOCK_SHIFT + level * TREE_BITS)) & (TREE_FANOUT - 1);
}

static inline void *
tree_load(_Atomic(void *) *node, uintptr_t a, unsigned level)
{
	return atomic_load_explicit(&node[tree_index(a, level)],
	    memory_order_acquire);
}

struct block *
block_lookup(const void *p)
{
	uintptr_t a = (uintptr_t)p;
	_Atomic(void *) *node;

	node = tree_load(tree_root, a, 2);
	if (node == NULL)
		return NULL;
	node = tree_load(node, a, 1);
	if (node == NULL)
		return NULL;
	return tree_load(node, a, 0);
}

static _Atomic(void *) *
tree_descend(_Atomic(void *) *node, uintptr_t a, unsigned level)
{
	void *next = tree_load(node, a, level);

	if (next == NULL) {
		next = meta_page();
		if (next != NULL)
			atomic_store_explicit(&node[tree_index(a, level)],
			    next, memory_order_release);
	}
	return next;
}

int
block_publish(struct block *b)
{
	uintptr_t a = (uintptr_t)b->b_base;
	_Atomic(void *) *node;

	if (a >> (BLOCK_SHIFT + 3 * TREE_BITS) != 0)
		return ENOMEM;
	node = tree_descend(tree_root, a, 2);
	if (node != NULL)
		node = tree_descend(node, a, 1);
	if (node == NULL)
		return ENOMEM;
	atomic_store_explicit(&node[tree_index(a, 0)], b,
	    memory_order_release);
	return 0;
}

void
block_withdraw(struct block *b)
{
	uintptr_t a = (uintptr_t)b->b_base;
	_Atomic(void *) *node;

	node = tree_load(tree_root, a, 2);
	node = tree_load(node, a, 1);
	atomic_store_explicit(&node[tree_index(a, 0)], NULL,
	    memory_order_relaxed);
}

/* ---- Metadata ---------------------------------------------------------- */

#define META_BATCH	((size_t)32 << 10)

static char *meta_next;		/* [grow_lock] */
static size_t meta_left;	/* [grow_lock] */

void *
meta_page(void)
{
	void *p;

	if (meta_left == 0) {
		if (kmem_map(META_BATCH, PAGE_SIZE, 0, &p) != 0)
			return NULL;
		meta_next = p;
		meta_left = META_BATCH;
	}
	p = meta_next;
	meta_next += PAGE_SIZE;
	meta_left -= PAGE_SIZE;
	return p;
}
