/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The block allocator. A request has a goal, where the file's block before
 * is, and a length; what is given is one run. Tried are, in this order: the
 * goal itself; a run of the whole length from the goal's group on, in a
 * bounded number of groups; the longest run there was in them; any block.
 *
 * A group's bitmap buffer serialises its allocations; groups go in parallel.
 *
 * Delayed allocation: em_reserved blocks of em_free_blocks are promised to
 * data in the page cache. Some more stay back for the metadata that mapping
 * them may need (em_slack()).
 */
#include "ext2fs.h"

#define GROUPS_TRIED	16

static uint64_t
em_slack(const struct ext2fs_mount *em)
{
	return MIN(em->em_blocks / 50, (uint64_t)4096);
}

static bool
may_use_reserve(const struct ext2fs_mount *em, const struct cred *cr)
{
	return cred_is_root(cr) || cr->cr_fsuid == em->em_resuid ||
	    (em->em_resgid != 0 && (cr->cr_fsgid == em->em_resgid ||
	    cred_in_group(cr, em->em_resgid)));
}

/* What is kept from the caller. */
static uint64_t
kept(struct ext2fs_mount *em, const struct cred *cr)
{
	return em_slack(em) + (may_use_reserve(em, cr) ? 0 : em->em_rblocks);
}

uint64_t
ext2fs_bavail(struct ext2fs_mount *em, const struct cred *cr)
{
	uint64_t have = atomic_load(&em->em_free_blocks);
	uint64_t used = atomic_load(&em->em_reserved) + kept(em, cr);

	return have > used ? have - used : 0;
}

int
ext2fs_reserve(struct ext2fs_mount *em, uint64_t n)
{
	uint64_t now, k;

	if (n == 0)
		return 0;
	k = kept(em, curcred());
	now = atomic_fetch_add(&em->em_reserved, n) + n;
	if (now + k > atomic_load(&em->em_free_blocks)) {
		atomic_fetch_sub(&em->em_reserved, n);
		return ENOSPC;
	}
	return 0;
}

void
ext2fs_unreserve(struct ext2fs_mount *em, uint64_t n)
{
	atomic_fetch_sub(&em->em_reserved, n);
}

void
ext2fs_blocks_add(struct ext2fs_inode *ip, int64_t nblocks)
{
	atomic_fetch_add(&ip->i_blocks, (uint64_t)nblocks *
	    (ITOM(ip)->em_bsize >> 9));
}

/** A run of free bits that was found. */
struct found {
	uint32_t f_bit, f_len;
};

/* The first run of want free bits in lo..hi, or else the longest. */
static void
find_run(const uint8_t *map, uint32_t lo, uint32_t hi, uint32_t want,
    struct found *best)
{
	uint32_t bit, end;

	for (bit = lo; best->f_len < want; bit = end) {
		bit = ext2fs_bitmap_next(map, bit, hi, false);
		if (bit >= hi)
			return;
		end = ext2fs_bitmap_next(map, bit,
		    (uint32_t)MIN((uint64_t)bit + want, hi), true);
		if (end - bit > best->f_len)
			*best = (struct found){ bit, end - bit };
	}
}

static void
set_bits(uint8_t *map, uint32_t bit, uint32_t n)
{
	for (; n > 0 && bit % 8 != 0; bit++, n--)
		map[bit / 8] |= (uint8_t)(1 << bit % 8);
	memset(map + bit / 8, 0xff, n / 8);
	bit += n & ~7u;
	for (n &= 7; n > 0; bit++, n--)
		map[bit / 8] |= (uint8_t)(1 << bit % 8);
}

/* What the group's counters say: 0: do not look. */
static uint32_t
group_free(struct ext2fs_group *g, uint32_t *hintp)
{
	uint32_t n;

	mutex_enter(&g->g_lock);
	n = (g->g_state & EG_BAD) != 0 ? 0 : g->g_free_blocks;
	*hintp = g->g_bhint;
	mutex_exit(&g->g_lock);
	return n;
}

/* The bits found in the bitmap held are taken. */
static int
take(struct ext2fs_tx *tx, uint32_t gn, struct buf *bp, const struct found *f,
    uint32_t first_free)
{
	struct ext2fs_mount *em = tx->tx_mount;
	struct ext2fs_group *g = &em->em_groups[gn];
	uint64_t blk = ext2fs_group_start(em, gn) + f->f_bit;

	if (ext2fs_block_bad(em, blk, f->f_len)) {
		mutex_enter(&g->g_lock);
		g->g_state |= EG_BAD;
		mutex_exit(&g->g_lock);
		brelse(bp);
		return ext2fs_corrupt(em, "group %u: the bitmap has block %llu "
		    "as free", gn, (unsigned long long)blk);
	}
	set_bits(bp->b_data, f->f_bit, f->f_len);
	mutex_enter(&g->g_lock);
	g->g_free_blocks -= MIN(g->g_free_blocks, f->f_len);
	g->g_bhint = first_free == f->f_bit ? f->f_bit + f->f_len : first_free;
	mutex_exit(&g->g_lock);
	atomic_fetch_sub(&em->em_free_blocks, f->f_len);
	ext2fs_bitmap_dirty(tx, gn, false, bp);
	return 0;
}

/*
 * Take a run of at least least blocks, at most len, in a group: best at bit
 * goal, else the first one behind it that is long enough, else the longest.
 * ENOSPC: there is none; *longest is how long one is.
 */
static int
group_alloc(struct ext2fs_tx *tx, uint32_t gn, uint32_t goal, uint32_t len,
    uint32_t least, struct found *f, uint32_t *longest)
{
	struct ext2fs_mount *em = tx->tx_mount;
	struct ext2fs_group *g = &em->em_groups[gn];
	struct buf *bp;
	uint32_t hint, first;
	int error;

	*longest = 0;
	if (group_free(g, &hint) < least)
		return ENOSPC;
	error = ext2fs_bitmap_get(tx, gn, false, &bp);
	if (error != 0)
		return error;
	first = ext2fs_bitmap_next(bp->b_data, MIN(hint, g->g_nblocks),
	    g->g_nblocks, false);
	*f = (struct found){ 0, 0 };
	if (goal >= first && goal < g->g_nblocks) {
		f->f_bit = goal;
		f->f_len = ext2fs_bitmap_next(bp->b_data, goal,
		    (uint32_t)MIN((uint64_t)goal + len, g->g_nblocks), true) -
		    goal;
		/* Next to the file's last block even a short run is good. */
		if (f->f_len > 0 && f->f_len >= MIN(least, 8u))
			return take(tx, gn, bp, f, first);
		find_run(bp->b_data, goal, g->g_nblocks, len, f);
	}
	if (f->f_len < least)
		find_run(bp->b_data, first, g->g_nblocks, len, f);
	if (f->f_len < MAX(least, 1u)) {
		*longest = f->f_len;
		brelse(bp);
		return ENOSPC;
	}
	return take(tx, gn, bp, f, first);
}

/* Groups that an inode's blocks may come from. */
static uint32_t
groups_usable(const struct ext2fs_mount *em, const struct ext2fs_inode *ip)
{
	uint64_t n;

	if (i_has_extents(ip))
		return em->em_ngroups;
	n = ((1ull << 32) - em->em_first_block) / em->em_bpg;
	return (uint32_t)MIN(n, em->em_ngroups);
}

int
ext2fs_balloc(struct ext2fs_tx *tx, struct ext2fs_inode *ip, uint64_t goal,
    uint64_t len, unsigned how, uint64_t *pblkp, uint64_t *lenp)
{
	struct ext2fs_mount *em = tx->tx_mount;
	uint32_t usable = groups_usable(em, ip), gn, start, bit, i, want;
	uint32_t longest, best = 0, bestg = 0;
	struct found f;
	int error;

	if ((how & BA_RESERVED) == 0 && atomic_load(&em->em_free_blocks) <=
	    atomic_load(&em->em_reserved))
		return ENOSPC;
	if (goal <= em->em_first_block || goal >= em->em_blocks ||
	    (goal - em->em_first_block) / em->em_bpg >= usable)
		goal = em->em_first_block;
	start = (uint32_t)((goal - em->em_first_block) / em->em_bpg);
	bit = (uint32_t)((goal - em->em_first_block) % em->em_bpg);
	want = (uint32_t)MIN(len, em->em_bpg);
	for (i = 0; i < MIN(usable, (uint32_t)GROUPS_TRIED); i++) {
		gn = (start + i) % usable;
		error = group_alloc(tx, gn, i == 0 ? bit : UINT32_MAX, want,
		    want, &f, &longest);
		if (error == 0)
			goto found;
		if (error != ENOSPC)
			return error;
		if (longest > best) {
			best = longest;
			bestg = gn;
		}
	}
	if (best > 0 && group_alloc(tx, gn = bestg, UINT32_MAX, want, 1, &f,
	    &longest) == 0)
		goto found;
	for (i = 0; i < usable; i++) {
		gn = (start + i) % usable;
		error = group_alloc(tx, gn, UINT32_MAX, want, 1, &f, &longest);
		if (error == 0)
			goto found;
		if (error != ENOSPC)
			return error;
	}
	return ENOSPC;
found:
	*pblkp = ext2fs_group_start(em, gn) + f.f_bit;
	*lenp = f.f_len;
	return 0;
}

/* Clear bits of the bitmap held; how many were set. */
static uint32_t
clear_bits(uint8_t *map, uint32_t bit, uint32_t n)
{
	uint32_t cleared = 0;

	for (; n > 0; bit++, n--) {
		if (bit % 8 == 0 && n >= 8 && map[bit / 8] == 0xff) {
			map[bit / 8] = 0;
			cleared += 8;
			bit += 7;
			n -= 7;
			continue;
		}
		cleared += map[bit / 8] >> bit % 8 & 1;
		map[bit / 8] &= (uint8_t)~(1 << bit % 8);
	}
	return cleared;
}

static void
group_bfree(struct ext2fs_tx *tx, const struct ext2fs_inode *ip, uint32_t gn,
    uint32_t bit, uint32_t n)
{
	struct ext2fs_mount *em = tx->tx_mount;
	struct ext2fs_group *g = &em->em_groups[gn];
	struct buf *bp;
	uint32_t cleared;

	if (ext2fs_bitmap_get(tx, gn, false, &bp) != 0)
		return;
	cleared = clear_bits(bp->b_data, bit, n);
	mutex_enter(&g->g_lock);
	cleared = MIN(cleared, g->g_nblocks - g->g_free_blocks);
	g->g_free_blocks += cleared;
	g->g_bhint = MIN(g->g_bhint, bit);
	mutex_exit(&g->g_lock);
	atomic_fetch_add(&em->em_free_blocks, cleared);
	ext2fs_bitmap_dirty(tx, gn, false, bp);
	if (cleared != n)
		(void)ext2fs_corrupt(em, "inode %u: its block was free "
		    "(one of %u from %llu on)", I_INO(ip), n,
		    (unsigned long long)ext2fs_group_start(em, gn) + bit);
}

void
ext2fs_bfree(struct ext2fs_tx *tx, struct ext2fs_inode *ip, uint64_t blk,
    uint64_t len, bool meta)
{
	struct ext2fs_mount *em = tx->tx_mount;
	uint32_t bit;
	uint64_t n;

	/* The maps were checked when they were read. */
	if (atomic_load(&em->em_damaged) || ext2fs_block_bad(em, blk, len))
		return;
	if (meta)
		ext2fs_bforget(tx, blk, len);
	for (; len > 0; blk += n, len -= n) {
		bit = (uint32_t)((blk - em->em_first_block) % em->em_bpg);
		n = MIN(len, em->em_bpg - bit);
		group_bfree(tx, ip, (uint32_t)((blk - em->em_first_block) /
		    em->em_bpg), bit, (uint32_t)n);
	}
}

int
ext2fs_balloc_meta(struct ext2fs_tx *tx, struct ext2fs_inode *ip,
    uint64_t goal, uint64_t *pblkp)
{
	uint64_t len;
	int error;

	error = ext2fs_balloc(tx, ip, goal, 1, BA_RESERVED, pblkp, &len);
	if (error == 0) {
		ext2fs_blocks_add(ip, 1);
		ext2fs_inode_dirty(ip);
	}
	return error;
}

void
ext2fs_bfree_meta(struct ext2fs_tx *tx, struct ext2fs_inode *ip, uint64_t blk)
{
	ext2fs_bfree(tx, ip, blk, 1, true);
	ext2fs_blocks_add(ip, -1);
	ext2fs_inode_dirty(ip);
}
