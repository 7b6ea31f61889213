/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The tree of a file's pages: a radix tree of 6 bits a level over page
 * indices. Nodes are changed under pc_lock and found under an epoch.
 *
 * A pointer to the root carries in its low bits how many levels it has, so
 * that a lookup touches no node's header. A file of up to 16 pages has a
 * single leaf of 4 or 16 slots, replaced by a bigger one as it grows.
 */
#include "pc_impl.h"

/*
 * As a leaf, an inner node is freed behind an epoch. Slots are pointers to
 * nodes one level down.
 */
struct pc_node {
	pc_slot_t pn_slot[PC_FANOUT];
	/*
	 * Of slots that are leaves: where its pages are, if it is full and they
	 * lie one behind the other, or 0. A reader at random finds a leaf in
	 * no near cache; of these, 8 are in a line.
	 */
	pc_slot_t pn_run[PC_FANOUT];
	union {
		unsigned pn_count;		/* [pc_lock] slots in use */
		struct epoch_entry pn_epoch;
	};
};

/* Low bits of pc_root: levels, 1 to 9, or a leaf with fewer slots. */
#define ROOT_TAG	((uintptr_t)63)
#define ROOT_LEAF	1
#define ROOT_SMALL	16		/* 16 + log2(slots) */

static struct pool *node_pool, *leaf_pool;

static inline struct pc_leaf *
root_leaf(uintptr_t root)
{
	return (struct pc_leaf *)(root & ~ROOT_TAG);
}

static inline struct pc_node *
root_node(uintptr_t root)
{
	return (struct pc_node *)(root & ~ROOT_TAG);
}

/* The bits of an index above a tree of so many levels. */
static inline unsigned
level_shift(unsigned levels)
{
	return levels * PC_FANBITS;
}

static inline uintptr_t
root_load(struct pagecache *pc)
{
	return atomic_load_explicit(&pc->pc_root, memory_order_acquire);
}

static inline void
root_store(struct pagecache *pc, void *p, unsigned tag)
{
	atomic_store_explicit(&pc->pc_root, p == NULL ? 0 :
	    (uintptr_t)p | tag, memory_order_release);
}

/* ---- Lookup ----------------------------------------------------------- */

struct pc_leaf *
pc_leaf_find(struct pagecache *pc, uint64_t index)
{
	uintptr_t p = root_load(pc);
	unsigned levels = (unsigned)(p & ROOT_TAG);

	if (levels >= ROOT_SMALL)
		return index >> (levels - ROOT_SMALL) != 0 ? NULL :
		    root_leaf(p);
	if (p == 0 || index >> level_shift(levels) != 0)
		return NULL;
	p &= ~ROOT_TAG;
	while (--levels > 0 && p != 0)
		p = atomic_load_explicit(&((struct pc_node *)p)->pn_slot[
		    index >> level_shift(levels) & (PC_FANOUT - 1)],
		    memory_order_acquire);
	return (struct pc_leaf *)p;
}

/* The node above the leaf of index, or NULL. */
static inline struct pc_node *
leaf_parent(struct pagecache *pc, uint64_t index)
{
	uintptr_t p = root_load(pc);
	unsigned levels = (unsigned)(p & ROOT_TAG);

	if (levels <= ROOT_LEAF || levels >= ROOT_SMALL ||
	    index >> level_shift(levels) != 0)
		return NULL;
	p &= ~ROOT_TAG;
	while (--levels > ROOT_LEAF && p != 0)
		p = atomic_load_explicit(&((struct pc_node *)p)->pn_slot[
		    index >> level_shift(levels) & (PC_FANOUT - 1)],
		    memory_order_acquire);
	return (struct pc_node *)p;
}

char *
pc_run_find(struct pagecache *pc, uint64_t index)
{
	struct pc_node *pn = leaf_parent(pc, index);
	uintptr_t run;

	if (pn == NULL)
		return NULL;
	run = atomic_load_explicit(&pn->pn_run[index >> PC_FANBITS &
	    (PC_FANOUT - 1)], memory_order_relaxed);
	return run == 0 ? NULL :
	    (char *)run + leaf_bit(index) * PAGE_SIZE;
}

/* The first leaf at or behind index, below a node of so many levels. */
static struct pc_leaf *
next_below(uintptr_t p, unsigned levels, uint64_t index)
{
	struct pc_node *pn = (struct pc_node *)p;
	struct pc_leaf *pl;
	unsigned i, shift;
	uintptr_t child;

	if (levels == ROOT_LEAF)
		return (struct pc_leaf *)p;
	shift = level_shift(levels - 1);
	for (i = index >> shift & (PC_FANOUT - 1); i < PC_FANOUT; i++) {
		child = atomic_load_explicit(&pn->pn_slot[i],
		    memory_order_acquire);
		if (child != 0) {
			pl = next_below(child, levels - 1, index);
			if (pl != NULL)
				return pl;
		}
		index = 0;
	}
	return NULL;
}

struct pc_leaf *
pc_leaf_next(struct pagecache *pc, uint64_t index)
{
	uintptr_t root = root_load(pc);
	unsigned levels = (unsigned)(root & ROOT_TAG);

	if (levels >= ROOT_SMALL)
		return index >= PC_FANOUT ? NULL : root_leaf(root);
	if (root == 0 || index >> level_shift(levels) != 0)
		return NULL;
	return next_below(root & ~ROOT_TAG, levels, index);
}

/* ---- Runs -------------------------------------------------------------- */

static void
run_store(struct pagecache *pc, struct pc_leaf *pl, uintptr_t run)
{
	struct pc_node *pn = leaf_parent(pc, pl->pl_base);

	if (pn != NULL)
		atomic_store_explicit(&pn->pn_run[pl->pl_base >> PC_FANBITS &
		    (PC_FANOUT - 1)], run, memory_order_relaxed);
}

void
pc_run_set(struct pagecache *pc, struct pc_leaf *pl)
{
	uintptr_t s, run;
	unsigned i;

	s = atomic_load_explicit(&pl->pl_slot[0], memory_order_relaxed);
	run = (uintptr_t)slot_page(s);
	for (i = 1; i < PC_FANOUT; i++) {
		s = atomic_load_explicit(&pl->pl_slot[i],
		    memory_order_relaxed);
		if ((uintptr_t)slot_page(s) != run + i * PAGE_SIZE)
			return;
	}
	run_store(pc, pl, run);
}

/* ---- Making nodes ----------------------------------------------------- */

static size_t
leaf_size(unsigned nslots)
{
	return sizeof(struct pc_leaf) + nslots * sizeof(pc_slot_t);
}

static struct pc_leaf *
leaf_alloc(struct pagecache *pc, unsigned nslots, uint64_t base)
{
	struct pc_leaf *pl;

	pl = nslots == PC_FANOUT ?
	    pool_get(leaf_pool, KM_NORECLAIM | KM_ZERO) :
	    kmem_zalloc(leaf_size(nslots), KM_NORECLAIM);
	if (pl == NULL)
		return NULL;
	pl->pl_nslots = nslots;
	pl->pl_base = base;
	pl->pl_pc = pc;
	list_node_init(&pl->pl_lru);
	return pl;
}

static void
leaf_free(struct epoch_entry *ee)
{
	struct pc_leaf *pl = container_of(ee, struct pc_leaf, pl_epoch);

	if (pl->pl_nslots == PC_FANOUT)
		pool_put(leaf_pool, pl);
	else
		kmem_free(pl, leaf_size(pl->pl_nslots));
}

static void
node_free(struct epoch_entry *ee)
{
	pool_put(node_pool, container_of(ee, struct pc_node, pn_epoch));
}

/* The small leaf that is the whole tree gets room for index. */
static bool
leaf_grow(struct pagecache *pc, struct pc_leaf *old, uint64_t index)
{
	unsigned nslots = index < 16 ? 16 : PC_FANOUT, i;
	struct pc_leaf *pl = leaf_alloc(pc, nslots, 0);

	if (pl == NULL)
		return false;
	pl->pl_present = old->pl_present;
	pl->pl_load = old->pl_load;
	pl->pl_dirty = old->pl_dirty;
	pl->pl_wb = old->pl_wb;
	pl->pl_busy = old->pl_busy;
	for (i = 0; i < old->pl_nslots; i++)
		atomic_init(&pl->pl_slot[i], atomic_load_explicit(
		    &old->pl_slot[i], memory_order_relaxed));
	if (pc->pc_ops != NULL)
		pc_lru_replace(old, pl);
	else
		pl->pl_run = old->pl_run;
	root_store(pc, pl, nslots == PC_FANOUT ? ROOT_LEAF : ROOT_SMALL + 4);
	epoch_defer(&old->pl_epoch, leaf_free);
	return true;
}

/* One more level on top. */
static bool
root_grow(struct pagecache *pc, uintptr_t root)
{
	struct pc_node *pn = pool_get(node_pool, KM_NORECLAIM | KM_ZERO);

	if (pn == NULL)
		return false;
	atomic_init(&pn->pn_slot[0], root & ~ROOT_TAG);
	pn->pn_count = 1;
	root_store(pc, pn, (unsigned)(root & ROOT_TAG) + 1);
	if ((root & ROOT_TAG) == ROOT_LEAF &&
	    root_leaf(root)->pl_present == PC_FULL)
		pc_run_set(pc, root_leaf(root));
	return true;
}

/* A leaf, entered, and the nodes above it; NULL: no memory. */
static struct pc_leaf *
leaf_descend(struct pagecache *pc, uint64_t index)
{
	uintptr_t root = root_load(pc), child;
	unsigned levels = (unsigned)(root & ROOT_TAG);
	struct pc_node *pn = root_node(root);
	pc_slot_t *slot;

	for (;;) {
		levels--;
		slot = &pn->pn_slot[index >> level_shift(levels) &
		    (PC_FANOUT - 1)];
		child = atomic_load_explicit(slot, memory_order_relaxed);
		if (child == 0) {
			child = levels > ROOT_LEAF ? (uintptr_t)pool_get(
			    node_pool, KM_NORECLAIM | KM_ZERO) :
			    (uintptr_t)leaf_alloc(pc, PC_FANOUT,
			    rounddown2(index, (uint64_t)PC_FANOUT));
			if (child == 0)
				return NULL;
			if (levels == ROOT_LEAF && pc->pc_ops != NULL)
				pc_lru_insert((struct pc_leaf *)child);
			atomic_store_explicit(slot, child,
			    memory_order_release);
			pn->pn_count++;
		}
		if (levels == ROOT_LEAF)
			return (struct pc_leaf *)child;
		pn = (struct pc_node *)child;
	}
}

/* The root of an empty tree. */
static bool
root_make(struct pagecache *pc, uint64_t index)
{
	unsigned tag = ROOT_SMALL + 2, levels = ROOT_LEAF + 1;
	struct pc_leaf *pl;
	struct pc_node *pn;

	if (index >= PC_FANOUT) {
		pn = pool_get(node_pool, KM_NORECLAIM | KM_ZERO);
		if (pn == NULL)
			return false;
		while (index >> level_shift(levels) != 0)
			levels++;
		root_store(pc, pn, levels);
		return true;
	}
	if (index >= 4)
		tag = index < 16 ? ROOT_SMALL + 4 : ROOT_LEAF;
	pl = leaf_alloc(pc, tag == ROOT_LEAF ? PC_FANOUT :
	    1u << (tag - ROOT_SMALL), 0);
	if (pl == NULL)
		return false;
	root_store(pc, pl, tag);
	if (pc->pc_ops != NULL)
		pc_lru_insert(pl);
	return true;
}

static struct pc_leaf *
leaf_make(struct pagecache *pc, uint64_t index)
{
	uintptr_t root;
	unsigned tag;

	if (root_load(pc) == 0 && !root_make(pc, index))
		return NULL;
	root = root_load(pc);
	if ((root & ROOT_TAG) >= ROOT_SMALL &&
	    index >> ((root & ROOT_TAG) - ROOT_SMALL) != 0) {
		if (!leaf_grow(pc, root_leaf(root), index))
			return NULL;
		root = root_load(pc);
	}
	tag = (unsigned)(root & ROOT_TAG);
	if (tag >= ROOT_SMALL)
		return root_leaf(root);
	while (index >> level_shift(tag) != 0) {
		if (!root_grow(pc, root))
			return NULL;
		root = root_load(pc);
		tag = (unsigned)(root & ROOT_TAG);
	}
	return tag == ROOT_LEAF ? root_leaf(root) : leaf_descend(pc, index);
}

/*
 * Under the lock there is no reclaim. Where memory is short, an object that
 * was allocated outside of it stays in the pool for the next attempt.
 */
static bool
nodes_refill(void)
{
	void *leaf = pool_get(leaf_pool, 0), *node = pool_get(node_pool, 0);
	bool ok = leaf != NULL && node != NULL;

	if (leaf != NULL)
		pool_put(leaf_pool, leaf);
	if (node != NULL)
		pool_put(node_pool, node);
	return ok;
}

struct pc_leaf *
pc_leaf_make(struct pagecache *pc, uint64_t index)
{
	struct pc_leaf *pl;
	int tries;
	bool ok;

	KASSERT(mutex_owned(&pc->pc_lock));
	KASSERT(index < PC_INDEX_MAX);
	for (tries = 0; tries < 8; tries++) {
		pl = pc_leaf_find(pc, index);
		if (pl == NULL)
			pl = leaf_make(pc, index);
		if (pl != NULL)
			return pl;
		mutex_exit(&pc->pc_lock);
		ok = nodes_refill();
		mutex_enter(&pc->pc_lock);
		if (!ok)
			break;
	}
	return NULL;
}

/* ---- Removal ---------------------------------------------------------- */

/* Clears the way to a leaf, bottom up; true where the node became empty. */
static bool
clear_way(struct pc_node *pn, unsigned levels, uint64_t index)
{
	pc_slot_t *slot;
	struct pc_node *child;

	levels--;
	slot = &pn->pn_slot[index >> level_shift(levels) & (PC_FANOUT - 1)];
	if (levels > ROOT_LEAF) {
		child = (struct pc_node *)atomic_load_explicit(slot,
		    memory_order_relaxed);
		if (!clear_way(child, levels, index))
			return false;
		atomic_store_explicit(slot, 0, memory_order_release);
		epoch_defer(&child->pn_epoch, node_free);
	} else
		atomic_store_explicit(slot, 0, memory_order_release);
	return --pn->pn_count == 0;
}

void
pc_leaf_remove(struct pagecache *pc, struct pc_leaf *pl)
{
	uintptr_t root = root_load(pc);
	unsigned levels = (unsigned)(root & ROOT_TAG);
	struct pc_node *pn;

	KASSERT(pl->pl_present == 0 && pl->pl_busy == 0);
	if (root_leaf(root) == pl)
		root_store(pc, NULL, 0);
	else if (clear_way(root_node(root), levels, pl->pl_base)) {
		pn = root_node(root);
		root_store(pc, NULL, 0);
		epoch_defer(&pn->pn_epoch, node_free);
	}
	if (pc->pc_ops != NULL)
		pc_lru_remove(pl);
	epoch_defer(&pl->pl_epoch, leaf_free);
}

char *
pc_remove(struct pagecache *pc, struct pc_leaf *pl, unsigned i)
{
	uint64_t mask = bits(i, 1);
	uintptr_t s;

	KASSERT((pl->pl_present & mask) != 0);
	KASSERT((pl->pl_wb & mask) == 0);
	if ((pl->pl_dirty & mask) != 0)
		pc_unmark_dirty(pc, pl, mask);
	if (pl->pl_present == PC_FULL)
		run_store(pc, pl, 0);
	pl->pl_present &= ~mask;
	pl->pl_load &= ~mask;
	s = atomic_exchange_explicit(&pl->pl_slot[i], 0, memory_order_acq_rel);
	atomic_store_explicit(&pc->pc_npages, atomic_load_explicit(
	    &pc->pc_npages, memory_order_relaxed) - 1, memory_order_relaxed);
	return slot_page(s);
}

int
pc_tree_init(void)
{
	node_pool = pool_create("pc_node", sizeof(struct pc_node), CACHE_LINE);
	leaf_pool = pool_create("pc_leaf", leaf_size(PC_FANOUT), CACHE_LINE);
	return node_pool == NULL || leaf_pool == NULL ? ENOMEM : 0;
}
