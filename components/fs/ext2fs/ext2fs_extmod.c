/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Extent trees: changing. One primitive does all the work in leaves: replace
 * some entries by others. Room for it is made before, so that it cannot fail
 * half-way: by splitting full nodes from the top down, looking up the way anew
 * after each. i_map_lock is held exclusively throughout.
 */
#include "ext2fs_extent.h"

/** A node in memory: the root, or a buffer held. */
struct node {
	uint8_t *n_eh;
	struct buf *n_bp;		/* NULL: the root */
};

static int
node_get(struct ext2fs_tx *tx, struct ext2fs_inode *ip, uint64_t blk,
    struct node *n)
{
	int error;

	if (blk == 0) {
		n->n_bp = NULL;
		n->n_eh = ip->i_block;
		return 0;
	}
	error = ext2fs_bread(tx->tx_mount, ip, blk, EK_EXTENT,
	    ext2fs_extent_check, &n->n_bp);
	if (error != 0)
		return error;
	ext2fs_bwant(tx, n->n_bp);
	n->n_eh = n->n_bp->b_data;
	return 0;
}

static void
node_put(struct node *n)
{
	if (n->n_bp != NULL)
		brelse(n->n_bp);
}

static void
node_dirty(struct ext2fs_tx *tx, struct ext2fs_inode *ip, struct node *n)
{
	if (n->n_bp == NULL) {
		ext2fs_inode_dirty(ip);
		return;
	}
	ext2fs_extent_csum_set(ip, n->n_eh);
	ext2fs_bdirty(tx, n->n_bp);
}

static void
ee_encode(uint8_t *ee, const struct ext2fs_run *r)
{
	le32enc(ee + EE_BLOCK, (uint32_t)r->r_lblk);
	le16enc(ee + EE_LEN, (uint16_t)(r->r_len +
	    (r->r_unwritten ? EXT2_EXT_INIT_MAX : 0)));
	le16enc(ee + EE_START_HI, (uint16_t)(r->r_pblk >> 32));
	le32enc(ee + EE_START_LO, (uint32_t)r->r_pblk);
}

static void
ei_encode(uint8_t *ei, uint64_t lblk, uint64_t leaf)
{
	memset(ei, 0, EE_SIZE);
	le32enc(ei + EI_BLOCK, (uint32_t)lblk);
	le32enc(ei + EI_LEAF_LO, (uint32_t)leaf);
	le16enc(ei + EI_LEAF_HI, (uint16_t)(leaf >> 32));
}

/* Entries at..at+del go, n empty places take theirs. */
static void
node_shift(uint8_t *eh, int at, int del, int n)
{
	int entries = le16dec(eh + EH_ENTRIES);

	memmove(ee_at(eh, at + n), ee_at(eh, at + del),
	    (size_t)(entries - at - del) * EE_SIZE);
	le16enc(eh + EH_ENTRIES, (uint16_t)(entries - del + n));
}

/* The first key of the node at level changed: so do those that lead to it. */
static int
fix_keys(struct ext2fs_tx *tx, struct ext2fs_inode *ip,
    const struct ext2fs_extpath *path, unsigned level, uint64_t key)
{
	const struct ext2fs_extlevel *l;
	struct node n;
	int error;

	while (level-- > 0) {
		l = &path->p_level[level];
		if ((error = node_get(tx, ip, l->l_blk, &n)) != 0)
			return error;
		if (l->l_at >= le16dec(n.n_eh + EH_ENTRIES)) {
			node_put(&n);
			return ext2fs_corrupt(tx->tx_mount, "inode %u: extent "
			    "tree changed", I_INO(ip));
		}
		le32enc(ee_at(n.n_eh, l->l_at) + EI_BLOCK, (uint32_t)key);
		node_dirty(tx, ip, &n);
		if (l->l_at != 0)
			break;
	}
	return 0;
}

/* The node at level has no entries: free it, and its parents likewise. */
static int
prune(struct ext2fs_tx *tx, struct ext2fs_inode *ip,
    const struct ext2fs_extpath *path, unsigned level)
{
	const struct ext2fs_extlevel *l;
	struct node n;
	uint64_t key;
	int error, left;

	for (; level > 0; level--) {
		l = &path->p_level[level - 1];
		if ((error = node_get(tx, ip, l->l_blk, &n)) != 0)
			return error;
		if (l->l_at >= le16dec(n.n_eh + EH_ENTRIES)) {
			node_put(&n);
			return ext2fs_corrupt(tx->tx_mount, "inode %u: extent "
			    "tree changed", I_INO(ip));
		}
		node_shift(n.n_eh, l->l_at, 1, 0);
		left = le16dec(n.n_eh + EH_ENTRIES);
		key = left > 0 ? le32dec(ee_at(n.n_eh, 0)) : 0;
		if (left == 0 && n.n_bp != NULL)
			node_put(&n);	/* goes itself */
		else
			node_dirty(tx, ip, &n);
		ext2fs_bfree_meta(tx, ip, path->p_level[level].l_blk);
		if (left > 0)
			return l->l_at == 0 ?
			    fix_keys(tx, ip, path, level - 1, key) : 0;
	}
	ext2fs_extent_init(ip->i_block);
	ext2fs_inode_dirty(ip);
	return 0;
}

/* A tree of leaves that fit into the inode becomes flat. */
static int
try_flatten(struct ext2fs_tx *tx, struct ext2fs_inode *ip)
{
	uint8_t copy[EXT2_EXT_ROOT_MAX * EE_SIZE];
	uint64_t blks[EXT2_EXT_ROOT_MAX];
	struct node n;
	int i, in, error, nblks, entries = 0;

	nblks = le16dec(ip->i_block + EH_ENTRIES);
	if (le16dec(ip->i_block + EH_DEPTH) != 1 || nblks > EXT2_EXT_ROOT_MAX)
		return 0;
	for (i = 0; i < nblks; i++) {
		blks[i] = ei_leaf(ee_at(ip->i_block, i));
		if ((error = node_get(tx, ip, blks[i], &n)) != 0)
			return error;
		in = le16dec(n.n_eh + EH_ENTRIES);
		if (entries + in > EXT2_EXT_ROOT_MAX ||
		    le16dec(n.n_eh + EH_DEPTH) != 0) {
			node_put(&n);
			return 0;
		}
		memcpy(copy + entries * EE_SIZE, ee_at(n.n_eh, 0),
		    (size_t)in * EE_SIZE);
		node_put(&n);
		entries += in;
	}
	ext2fs_extent_init(ip->i_block);
	le16enc(ip->i_block + EH_ENTRIES, (uint16_t)entries);
	memcpy(ee_at(ip->i_block, 0), copy, (size_t)entries * EE_SIZE);
	ext2fs_inode_dirty(ip);
	for (i = 0; i < nblks; i++)
		ext2fs_bfree_meta(tx, ip, blks[i]);
	return 0;
}

/* Join entries i and i + 1 if they are one run. */
static bool
try_merge(uint8_t *eh, int i)
{
	struct ext2fs_run a, b;

	if (i < 0 || i + 1 >= le16dec(eh + EH_ENTRIES))
		return false;
	ee_decode(ee_at(eh, i), &a);
	ee_decode(ee_at(eh, i + 1), &b);
	if (a.r_unwritten != b.r_unwritten ||
	    a.r_lblk + a.r_len != b.r_lblk || a.r_pblk + a.r_len != b.r_pblk ||
	    a.r_len + b.r_len > (a.r_unwritten ? EXT2_EXT_UNINIT_MAX :
	    EXT2_EXT_INIT_MAX))
		return false;
	a.r_len += b.r_len;
	ee_encode(ee_at(eh, i), &a);
	node_shift(eh, i + 1, 1, 0);
	return true;
}

/*
 * In the leaf at the end of path: entries at..at+del are replaced by n runs;
 * there is room. Neighbours are joined.
 */
static int
leaf_replace(struct ext2fs_tx *tx, struct ext2fs_inode *ip,
    const struct ext2fs_extpath *path, int at, int del,
    const struct ext2fs_run *runs, int n)
{
	unsigned level = path->p_depth;
	struct node node;
	uint64_t oldkey, key;
	int i, entries, error;

	error = node_get(tx, ip, path->p_level[level].l_blk, &node);
	if (error != 0)
		return error;
	entries = le16dec(node.n_eh + EH_ENTRIES);
	if (at + del > entries ||
	    entries - del + n > le16dec(node.n_eh + EH_MAX)) {
		node_put(&node);
		return ext2fs_corrupt(tx->tx_mount, "inode %u: extent tree "
		    "changed", I_INO(ip));
	}
	oldkey = entries > 0 ? le32dec(ee_at(node.n_eh, 0)) : UINT64_MAX;
	node_shift(node.n_eh, at, del, n);
	for (i = 0; i < n; i++)
		ee_encode(ee_at(node.n_eh, at + i), &runs[i]);
	for (i = at + n - 1; i >= at - 1; i--)
		(void)try_merge(node.n_eh, i);
	entries = le16dec(node.n_eh + EH_ENTRIES);
	key = entries > 0 ? le32dec(ee_at(node.n_eh, 0)) : 0;
	node_dirty(tx, ip, &node);
	if (level == 0)
		return 0;
	if (entries == 0)
		return prune(tx, ip, path, level);
	if (key != oldkey)
		return fix_keys(tx, ip, path, level, key);
	return 0;
}

/* ---- Making room ------------------------------------------------------ */

static uint16_t
block_max(const struct ext2fs_mount *em)
{
	return (uint16_t)((em->em_bsize - EH_SIZE -
	    (em->em_metacsum ? 4 : 0)) / EE_SIZE);
}

static void
header_init(uint8_t *eh, uint16_t entries, uint16_t max, uint16_t depth)
{
	le16enc(eh + EH_MAGIC, EXT2_EXT_MAGIC);
	le16enc(eh + EH_ENTRIES, entries);
	le16enc(eh + EH_MAX, max);
	le16enc(eh + EH_DEPTH, depth);
	le32enc(eh + EH_GENERATION, 0);
}

/* Write a new node with n entries. */
static int
node_make(struct ext2fs_tx *tx, struct ext2fs_inode *ip, uint64_t blk,
    const uint8_t *entries, int n, uint16_t depth)
{
	struct buf *bp;
	uint8_t *eh;
	int error;

	error = ext2fs_bnew(tx, ip, blk, EK_EXTENT, &bp);
	if (error != 0)
		return error;
	eh = bp->b_data;
	header_init(eh, (uint16_t)n, block_max(tx->tx_mount), depth);
	memcpy(ee_at(eh, 0), entries, (size_t)n * EE_SIZE);
	ext2fs_extent_csum_set(ip, eh);
	ext2fs_bdirty(tx, bp);
	return 0;
}

static uint64_t
meta_goal(struct ext2fs_inode *ip)
{
	struct ext2fs_run r;

	if (le16dec(ip->i_block + EH_ENTRIES) == 0)
		return ext2fs_group_start(ITOM(ip),
		    (I_INO(ip) - 1) / ITOM(ip)->em_ipg);
	if (le16dec(ip->i_block + EH_DEPTH) != 0)
		return ei_leaf(ee_at(ip->i_block, 0)) + 1;
	ee_decode(ee_at(ip->i_block, 0), &r);
	return r.r_pblk + r.r_len;
}

/* The root's entries move to a block of their own below it. */
static int
grow(struct ext2fs_tx *tx, struct ext2fs_inode *ip)
{
	uint8_t *root = ip->i_block;
	uint16_t depth = le16dec(root + EH_DEPTH);
	uint64_t blk;
	uint32_t key;
	int error, n = le16dec(root + EH_ENTRIES);

	if (depth >= EXT2_EXT_MAX_DEPTH)
		return EFBIG;
	error = ext2fs_balloc_meta(tx, ip, meta_goal(ip), &blk);
	if (error != 0)
		return error;
	error = node_make(tx, ip, blk, ee_at(root, 0), n, depth);
	if (error != 0) {
		ext2fs_bfree_meta(tx, ip, blk);
		return error;
	}
	key = n > 0 ? le32dec(ee_at(root, 0)) : 0;
	memset(root, 0, EXT2_BLOCK_BYTES);
	header_init(root, 1, EXT2_EXT_ROOT_MAX, depth + 1);
	ei_encode(ee_at(root, 0), key, blk);
	ext2fs_inode_dirty(ip);
	return 0;
}

/*
 * The node at level is full, its parent is not: part of its entries go to a
 * new neighbour. Where lblk comes behind all, as in a file that grows, none
 * of a leaf's do, and the neighbour starts with lblk.
 */
static int
split(struct ext2fs_tx *tx, struct ext2fs_inode *ip,
    const struct ext2fs_extpath *path, unsigned level, uint64_t lblk,
    uint8_t *copy)
{
	const struct ext2fs_extlevel *l = &path->p_level[level];
	const struct ext2fs_extlevel *up = &path->p_level[level - 1];
	struct node n;
	uint64_t blk, key;
	int error, keep, entries = l->l_entries;
	bool leaf = level == path->p_depth;

	keep = entries / 2;
	if (l->l_at == entries - 1)
		keep = leaf && lblk >= path->p_run.r_lblk +
		    path->p_run.r_len ? entries : entries - 1;
	error = ext2fs_balloc_meta(tx, ip, l->l_blk + 1, &blk);
	if (error != 0)
		return error;
	if ((error = node_get(tx, ip, l->l_blk, &n)) != 0)
		goto fail_free;
	memcpy(copy, ee_at(n.n_eh, keep), (size_t)(entries - keep) * EE_SIZE);
	node_put(&n);
	key = keep < entries ? le32dec(copy) : lblk;
	error = node_make(tx, ip, blk, copy, entries - keep,
	    (uint16_t)(path->p_depth - level));
	if (error != 0)
		goto fail_free;

	if ((error = node_get(tx, ip, up->l_blk, &n)) != 0)
		goto fail_free;
	if (le16dec(n.n_eh + EH_ENTRIES) >= le16dec(n.n_eh + EH_MAX) ||
	    up->l_at >= le16dec(n.n_eh + EH_ENTRIES)) {
		node_put(&n);
		error = EUCLEAN;
		goto fail_free;
	}
	node_shift(n.n_eh, up->l_at + 1, 0, 1);
	ei_encode(ee_at(n.n_eh, up->l_at + 1), key, blk);
	node_dirty(tx, ip, &n);

	if (keep == entries)
		return 0;
	if ((error = node_get(tx, ip, l->l_blk, &n)) != 0)
		return error;
	le16enc(n.n_eh + EH_ENTRIES, (uint16_t)keep);
	node_dirty(tx, ip, &n);
	return 0;

fail_free:
	ext2fs_bfree_meta(tx, ip, blk);
	return error;
}

/* path leads to lblk, and its leaf has room for n more entries. */
static int
make_room(struct ext2fs_tx *tx, struct ext2fs_inode *ip, uint64_t lblk, int n,
    struct ext2fs_extpath *path)
{
	struct ext2fs_mount *em = tx->tx_mount;
	const struct ext2fs_extlevel *l;
	uint8_t *copy = NULL;
	unsigned level;
	int error, rounds;

	for (rounds = 0; rounds < 4 * EXT2_EXT_MAX_DEPTH; rounds++) {
		if ((error = ext2fs_extent_walk(ip, lblk, path)) != 0)
			break;
		l = &path->p_level[path->p_depth];
		if (l->l_entries + n <= l->l_max)
			break;
		if (copy == NULL &&
		    (copy = kmem_alloc(em->em_bsize, 0)) == NULL) {
			error = ENOMEM;
			break;
		}
		/* The lowest level that can take one more child. */
		for (level = path->p_depth; level-- > 0; )
			if (path->p_level[level].l_entries <
			    path->p_level[level].l_max)
				break;
		error = level == (unsigned)-1 ? grow(tx, ip) :
		    split(tx, ip, path, level + 1, lblk, copy);
		if (error != 0)
			break;
	}
	if (copy != NULL)
		kmem_free(copy, em->em_bsize);
	if (rounds == 4 * EXT2_EXT_MAX_DEPTH)
		return ext2fs_corrupt(em, "inode %u: extent tree cannot be "
		    "split", I_INO(ip));
	return error;
}

/* ---- What the file system asks for ------------------------------------ */

int
ext2fs_extent_insert(struct ext2fs_tx *tx, struct ext2fs_inode *ip,
    const struct ext2fs_run *r)
{
	struct ext2fs_extpath path;
	struct ext2fs_run grown;
	const struct ext2fs_run *left = &path.p_run;
	int error, at;

	error = ext2fs_extent_walk(ip, r->r_lblk, &path);
	if (error != 0)
		return error;
	at = path.p_level[path.p_depth].l_at;
	if ((path.p_found && left->r_lblk + left->r_len > r->r_lblk) ||
	    path.p_next < r->r_lblk + r->r_len)
		return ext2fs_corrupt(tx->tx_mount, "inode %u: extents "
		    "overlap", I_INO(ip));
	/* Most often a file grows at its end: no new entry is needed. */
	if (path.p_found && left->r_unwritten == r->r_unwritten &&
	    left->r_lblk + left->r_len == r->r_lblk &&
	    left->r_pblk + left->r_len == r->r_pblk &&
	    left->r_len + r->r_len <= (r->r_unwritten ?
	    EXT2_EXT_UNINIT_MAX : EXT2_EXT_INIT_MAX)) {
		grown = *left;
		grown.r_len += r->r_len;
		return leaf_replace(tx, ip, &path, at, 1, &grown, 1);
	}
	error = make_room(tx, ip, r->r_lblk, 1, &path);
	if (error != 0)
		return error;
	at = path.p_level[path.p_depth].l_at;
	return leaf_replace(tx, ip, &path, at + 1, 0, r, 1);
}

/* What is left of run x without lblk..end: at most two runs. */
static int
run_without(const struct ext2fs_run *x, uint64_t lblk, uint64_t end,
    struct ext2fs_run *out)
{
	uint64_t xend = x->r_lblk + x->r_len;
	int n = 0;

	if (x->r_lblk < lblk) {
		out[n] = *x;
		out[n++].r_len = lblk - x->r_lblk;
	}
	if (xend > end) {
		out[n] = *x;
		out[n].r_lblk = end;
		out[n].r_pblk += end - x->r_lblk;
		out[n++].r_len = xend - end;
	}
	return n;
}

int
ext2fs_extent_remove(struct ext2fs_tx *tx, struct ext2fs_inode *ip,
    uint64_t lblk, uint64_t end)
{
	struct ext2fs_extpath path;
	struct ext2fs_run x, out[2];
	uint64_t from, to;
	bool meta = ip->i_vnode->v_type != VREG;
	int error, n;

	while (lblk < end) {
		error = ext2fs_extent_walk(ip, end - 1, &path);
		if (error != 0)
			return error;
		if (!path.p_found) {
			/*
			 * Behind the leaf's key, before its first extent; or
			 * before everything.
			 */
			if (path.p_depth == 0 ||
			    path.p_level[path.p_depth - 1].l_key >= end)
				break;
			end = path.p_level[path.p_depth - 1].l_key;
			continue;
		}
		x = path.p_run;
		from = MAX(x.r_lblk, lblk);
		to = MIN(x.r_lblk + x.r_len, end);
		if (from >= to)
			break;
		n = run_without(&x, from, to, out);
		if (n == 2 && (error = make_room(tx, ip, x.r_lblk, 1,
		    &path)) != 0)
			return error;
		error = leaf_replace(tx, ip, &path,
		    path.p_level[path.p_depth].l_at, 1, out, n);
		if (error != 0)
			return error;
		ext2fs_bfree(tx, ip, x.r_pblk + (from - x.r_lblk), to - from,
		    meta);
		ext2fs_blocks_add(ip, -(int64_t)(to - from));
		end = from;
	}
	return try_flatten(tx, ip);
}

int
ext2fs_extent_convert(struct ext2fs_tx *tx, struct ext2fs_inode *ip,
    uint64_t lblk, uint64_t len, bool unwritten)
{
	struct ext2fs_extpath path;
	struct ext2fs_run x, out[3];
	uint64_t end = lblk + len, from, to;
	int error, n;

	ext2fs_map_uncache(ip);
	while (lblk < end) {
		error = ext2fs_extent_walk(ip, lblk, &path);
		if (error != 0)
			return error;
		x = path.p_run;
		if (!path.p_found || x.r_lblk + x.r_len <= lblk) {
			/* A hole. */
			lblk = MAX(path.p_next, lblk + 1);
			continue;
		}
		error = make_room(tx, ip, lblk, 2, &path);
		if (error != 0)
			return error;
		x = path.p_run;
		from = lblk;
		to = MIN(x.r_lblk + x.r_len, end);
		if (unwritten)
			to = MIN(to, from + EXT2_EXT_UNINIT_MAX);
		lblk = to;
		if (x.r_unwritten == unwritten)
			continue;
		n = 0;
		if (x.r_lblk < from) {
			out[n] = x;
			out[n++].r_len = from - x.r_lblk;
		}
		out[n] = x;
		out[n].r_lblk = from;
		out[n].r_pblk += from - x.r_lblk;
		out[n].r_len = to - from;
		out[n++].r_unwritten = unwritten;
		if (x.r_lblk + x.r_len > to) {
			out[n] = x;
			out[n].r_lblk = to;
			out[n].r_pblk += to - x.r_lblk;
			out[n++].r_len = x.r_lblk + x.r_len - to;
		}
		error = leaf_replace(tx, ip, &path,
		    path.p_level[path.p_depth].l_at, 1, out, n);
		if (error != 0)
			return error;
	}
	return 0;
}
