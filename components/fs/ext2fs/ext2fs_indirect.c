/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Block maps: twelve blocks in the inode, then one, two and three levels of
 * blocks full of block numbers.
 */
#include "ext2fs.h"

/** Where a block's number is: at each level the place within. */
struct way {
	unsigned w_depth;		/* blocks of numbers on the way: 0..3 */
	uint32_t w_at[4];		/* [0]: in the inode */
	uint32_t w_left;		/* places from the last on, itself too */
};

static uint32_t
ptrs_shift(const struct ext2fs_mount *em)
{
	return em->em_bshift - 2;
}

static int
find_way(const struct ext2fs_mount *em, uint64_t lblk, struct way *w)
{
	uint32_t shift = ptrs_shift(em), ptrs = 1u << shift;
	unsigned i;

	if (lblk < EXT2_NDIR_BLOCKS) {
		w->w_depth = 0;
		w->w_at[0] = (uint32_t)lblk;
		w->w_left = EXT2_NDIR_BLOCKS - w->w_at[0];
		return 0;
	}
	lblk -= EXT2_NDIR_BLOCKS;
	for (w->w_depth = 1; w->w_depth <= 3; w->w_depth++) {
		if (lblk < 1ull << shift * w->w_depth)
			break;
		lblk -= 1ull << shift * w->w_depth;
	}
	if (w->w_depth > 3)
		return EFBIG;
	w->w_at[0] = EXT2_NDIR_BLOCKS + w->w_depth - 1;
	for (i = w->w_depth; i > 0; i--) {
		w->w_at[i] = lblk & (ptrs - 1);
		lblk >>= shift;
	}
	w->w_left = ptrs - w->w_at[w->w_depth];
	return 0;
}

static int
check_ptr(struct ext2fs_mount *em, struct ext2fs_inode *ip, uint32_t ptr)
{
	if (ptr != 0 && ext2fs_block_bad(em, ptr, 1))
		return ext2fs_corrupt(em, "inode %u: impossible block %u",
		    I_INO(ip), ptr);
	return 0;
}

static int
check_block(struct ext2fs_mount *em, struct ext2fs_inode *ip, uint64_t blk,
    const uint8_t *data)
{
	uint32_t i;
	int error;

	(void)blk;
	for (i = 0; i < em->em_bsize / 4; i++) {
		error = check_ptr(em, ip, le32dec(data + 4 * i));
		if (error != 0)
			return error;
	}
	return 0;
}

static int
bread_ptrs(struct ext2fs_inode *ip, uint64_t blk, struct buf **bpp)
{
	return ext2fs_bread(ITOM(ip), ip, blk, EK_INDIRECT, check_block, bpp);
}

/* The run that starts at the first of n numbers. */
static uint32_t
run_of(const uint8_t *p, uint32_t n)
{
	uint32_t first = le32dec(p), i;

	for (i = 1; i < n; i++)
		if (le32dec(p + 4 * i) != (first == 0 ? 0 : first + i))
			break;
	return i;
}

int
ext2fs_indirect_map(struct ext2fs_inode *ip, uint64_t lblk,
    struct ext2fs_run *r)
{
	struct ext2fs_mount *em = ITOM(ip);
	struct buf *bp;
	struct way w;
	uint64_t span;
	uint32_t ptr;
	unsigned i;
	int error;

	r->r_lblk = lblk;
	r->r_pblk = EXT2FS_NOBLOCK;
	r->r_unwritten = false;
	if (find_way(em, lblk, &w) != 0) {
		r->r_len = EXT2FS_MAX_LBLK - lblk;
		return 0;
	}
	ptr = le32dec(ip->i_block + 4 * w.w_at[0]);
	if ((error = check_ptr(em, ip, ptr)) != 0)
		return error;
	r->r_len = w.w_depth == 0 ?
	    run_of(ip->i_block + 4 * w.w_at[0], w.w_left) : 1;
	for (i = 1; i <= w.w_depth && ptr != 0; i++) {
		if ((error = bread_ptrs(ip, ptr, &bp)) != 0)
			return error;
		ptr = le32dec((uint8_t *)bp->b_data + 4 * w.w_at[i]);
		r->r_len = i < w.w_depth ? 1 :
		    run_of((uint8_t *)bp->b_data + 4 * w.w_at[i], w.w_left);
		brelse(bp);
	}
	if (ptr != 0) {
		r->r_pblk = ptr;
	} else if (--i < w.w_depth) {
		/* Nothing from here to the end of the missing subtree. */
		span = 1ull << ptrs_shift(em) * (w.w_depth - i);
		r->r_len = span;
		for (i++; i <= w.w_depth; i++) {
			span >>= ptrs_shift(em);
			r->r_len -= w.w_at[i] * span;
		}
	}
	/* Only the first direct pointer was checked so far. */
	if (w.w_depth == 0 && ptr != 0 &&
	    ext2fs_block_bad(em, r->r_pblk, r->r_len))
		r->r_len = 1;
	return 0;
}

/* ---- Adding ----------------------------------------------------------- */

/* Set the number at a place: in the inode (blk 0) or in a block. */
static int
set_ptr(struct ext2fs_tx *tx, struct ext2fs_inode *ip, uint32_t blk,
    uint32_t at, uint32_t first, uint32_t n, bool zero)
{
	struct buf *bp = NULL;
	uint8_t *p = ip->i_block;
	uint32_t i;
	int error;

	if (blk != 0) {
		if ((error = bread_ptrs(ip, blk, &bp)) != 0)
			return error;
		ext2fs_bwant(tx, bp);
		p = bp->b_data;
	}
	for (i = 0; i < n; i++)
		le32enc(p + 4 * (at + i), zero ? 0 : first + i);
	if (bp != NULL)
		ext2fs_bdirty(tx, bp);
	else
		ext2fs_inode_dirty(ip);
	return 0;
}

static int
new_ptrs(struct ext2fs_tx *tx, struct ext2fs_inode *ip, uint64_t goal,
    uint32_t *ptrp)
{
	struct buf *bp;
	uint64_t blk;
	int error;

	error = ext2fs_balloc_meta(tx, ip, goal, &blk);
	if (error != 0)
		return error;
	error = ext2fs_bnew(tx, ip, blk, EK_INDIRECT, &bp);
	if (error != 0) {
		ext2fs_bfree_meta(tx, ip, blk);
		return error;
	}
	ext2fs_bdirty(tx, bp);
	*ptrp = (uint32_t)blk;
	return 0;
}

static int
get_ptr(struct ext2fs_inode *ip, uint32_t blk, uint32_t at, uint32_t *ptrp)
{
	struct buf *bp;
	int error;

	if (blk == 0) {
		*ptrp = le32dec(ip->i_block + 4 * at);
		return check_ptr(ITOM(ip), ip, *ptrp);
	}
	if ((error = bread_ptrs(ip, blk, &bp)) != 0)
		return error;
	*ptrp = le32dec((uint8_t *)bp->b_data + 4 * at);
	brelse(bp);
	return 0;
}

int
ext2fs_indirect_insert(struct ext2fs_tx *tx, struct ext2fs_inode *ip,
    struct ext2fs_run *r)
{
	struct way w;
	uint32_t blk = 0, child;
	unsigned i;
	int error;

	if ((error = find_way(tx->tx_mount, r->r_lblk, &w)) != 0)
		return error;
	for (i = 0; i < w.w_depth; i++) {
		if ((error = get_ptr(ip, blk, w.w_at[i], &child)) != 0)
			return error;
		if (child == 0) {
			error = new_ptrs(tx, ip, r->r_pblk + r->r_len, &child);
			if (error != 0)
				return error;
			error = set_ptr(tx, ip, blk, w.w_at[i], child, 1,
			    false);
			if (error != 0)
				return error;
		}
		blk = child;
	}
	r->r_len = MIN(r->r_len, (uint64_t)w.w_left);
	return set_ptr(tx, ip, blk, w.w_at[w.w_depth], (uint32_t)r->r_pblk,
	    (uint32_t)r->r_len, false);
}

/* ---- Removing --------------------------------------------------------- */

/* Free the blocks that a row of numbers names, in runs. */
static void
free_ptrs(struct ext2fs_tx *tx, struct ext2fs_inode *ip, const uint8_t *p,
    uint32_t n)
{
	bool meta = ip->i_vnode->v_type != VREG;
	uint32_t i, run, ptr;

	for (i = 0; i < n; i += run) {
		run = run_of(p + 4 * i, n - i);
		ptr = le32dec(p + 4 * i);
		if (ptr == 0)
			continue;
		if (ext2fs_block_bad(tx->tx_mount, ptr, run))
			run = 1;
		if (check_ptr(tx->tx_mount, ip, ptr) != 0)
			continue;
		ext2fs_bfree(tx, ip, ptr, run, meta);
		ext2fs_blocks_add(ip, -(int64_t)run);
	}
}

static bool
all_zero(const uint8_t *p, uint32_t n)
{
	return n == 0 || (le32dec(p) == 0 && run_of(p, n) == n);
}

/*
 * In a block of numbers that covers depth levels: free blocks lo..hi, counted
 * from its first one. *emptyp: nothing is left in it.
 */
static int
remove_from(struct ext2fs_tx *tx, struct ext2fs_inode *ip, uint32_t blk,
    unsigned depth, uint64_t lo, uint64_t hi, bool *emptyp)
{
	struct ext2fs_mount *em = tx->tx_mount;
	uint32_t ptrs = em->em_bsize / 4, shift, i, first, last, ptr;
	uint64_t base, span;
	struct buf *bp;
	uint8_t *copy;
	bool empty;
	int error;

	if ((copy = kmem_alloc(em->em_bsize, 0)) == NULL)
		return ENOMEM;
	if ((error = bread_ptrs(ip, blk, &bp)) != 0)
		goto out;
	memcpy(copy, bp->b_data, em->em_bsize);
	brelse(bp);

	shift = ptrs_shift(em) * (depth - 1);
	span = 1ull << shift;
	first = (uint32_t)(lo >> shift);
	last = (uint32_t)((hi - 1) >> shift);
	if (depth == 1) {
		error = set_ptr(tx, ip, blk, first, 0, last - first + 1, true);
		if (error == 0) {
			free_ptrs(tx, ip, copy + 4 * first, last - first + 1);
			memset(copy + 4 * first, 0, 4 * (last - first + 1));
		}
	}
	for (i = first; depth > 1 && error == 0 && i <= last; i++) {
		ptr = le32dec(copy + 4 * i);
		if (ptr == 0)
			continue;
		base = i * span;
		error = remove_from(tx, ip, ptr, depth - 1,
		    MAX(lo, base) - base, MIN(hi, base + span) - base, &empty);
		if (error != 0 || !empty)
			continue;
		le32enc(copy + 4 * i, 0);
		error = set_ptr(tx, ip, blk, i, 0, 1, true);
		if (error == 0)
			ext2fs_bfree_meta(tx, ip, ptr);
		/* Shared blocks would be visited again and again. */
		if (atomic_load(&em->em_damaged))
			error = EUCLEAN;
	}
	*emptyp = all_zero(copy, ptrs);
out:
	kmem_free(copy, em->em_bsize);
	return error;
}

int
ext2fs_indirect_remove(struct ext2fs_tx *tx, struct ext2fs_inode *ip,
    uint64_t lblk, uint64_t end)
{
	struct ext2fs_mount *em = tx->tx_mount;
	uint8_t copy[4 * EXT2_NDIR_BLOCKS];
	uint64_t base = EXT2_NDIR_BLOCKS, span;
	uint32_t ptr, n;
	unsigned depth;
	bool empty;
	int error;

	if (lblk < MIN(end, (uint64_t)EXT2_NDIR_BLOCKS)) {
		n = (uint32_t)(MIN(end, (uint64_t)EXT2_NDIR_BLOCKS) - lblk);
		memcpy(copy, ip->i_block + 4 * lblk, 4 * n);
		memset(ip->i_block + 4 * lblk, 0, 4 * n);
		ext2fs_inode_dirty(ip);
		free_ptrs(tx, ip, copy, n);
	}
	for (depth = 1; depth <= 3; depth++, base += span) {
		span = 1ull << ptrs_shift(em) * depth;
		if (end <= base || lblk >= base + span)
			continue;
		ptr = le32dec(ip->i_block + 4 * (EXT2_NDIR_BLOCKS + depth - 1));
		if (ptr == 0)
			continue;
		if ((error = check_ptr(em, ip, ptr)) != 0)
			return error;
		error = remove_from(tx, ip, ptr, depth, MAX(lblk, base) - base,
		    MIN(end, base + span) - base, &empty);
		if (error != 0)
			return error;
		if (!empty)
			continue;
		error = set_ptr(tx, ip, 0, EXT2_NDIR_BLOCKS + depth - 1, 0, 1,
		    true);
		if (error != 0)
			return error;
		ext2fs_bfree_meta(tx, ip, ptr);
	}
	return 0;
}
