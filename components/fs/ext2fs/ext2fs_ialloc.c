/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The inode allocator. A file goes to its directory's group; a directory near
 * its parent where there is room for it and what it will hold; directories of
 * the root are spread.
 *
 * Behind g_itable_unused a group's inode table was never written: its blocks
 * are zeroed here when the first inode of them is used.
 */
#include "ext2fs.h"

/* Is the group, for a directory, no worse than the average? */
static bool
group_roomy(struct ext2fs_mount *em, uint32_t gn)
{
	struct ext2fs_group *g = &em->em_groups[gn];
	uint32_t avg_inodes, avg_dirs;
	uint64_t avg_blocks;
	bool good;

	avg_inodes = atomic_load(&em->em_free_inodes) / em->em_ngroups;
	avg_blocks = atomic_load(&em->em_free_blocks) / em->em_ngroups;
	avg_dirs = atomic_load(&em->em_dirs) / em->em_ngroups;
	mutex_enter(&g->g_lock);
	good = (g->g_state & EG_BAD) == 0 && g->g_free_inodes > 0 &&
	    g->g_free_inodes >= avg_inodes - avg_inodes / 4 &&
	    g->g_free_blocks >= avg_blocks - avg_blocks / 4 &&
	    g->g_dirs <= avg_dirs + em->em_ipg / 16 + 1;
	mutex_exit(&g->g_lock);
	return good;
}

/* Where to start looking. */
static uint32_t
start_group(struct ext2fs_mount *em, struct ext2fs_inode *dip, bool dir)
{
	uint32_t parent = (I_INO(dip) - 1) / em->em_ipg, start, i, gn;

	if (!dir)
		return parent;
	start = parent;
	if (I_INO(dip) == EXT2_ROOT_INO ||
	    (dip->i_flags & EXT2_TOPDIR_FL) != 0)
		start = atomic_fetch_add(&em->em_rover, 1) * em->em_flex %
		    em->em_ngroups;
	for (i = 0; i < MIN(em->em_ngroups, 64u); i++) {
		gn = (start + i) % em->em_ngroups;
		if (group_roomy(em, gn))
			return gn;
	}
	return parent;
}

/*
 * Inodes first..last (places in the group) come into use: the blocks of the
 * table that hold none that was used before are zeroed.
 */
static int
zero_table(struct ext2fs_tx *tx, const struct ext2fs_group *g, uint32_t first,
    uint32_t last)
{
	uint32_t per = tx->tx_mount->em_bsize / tx->tx_mount->em_isize, b;
	struct buf *bp;
	int error;

	for (b = howmany(first, per); b <= last / per; b++) {
		error = ext2fs_bnew(tx, NULL, g->g_itable + b, EK_SYSTEM, &bp);
		if (error != 0)
			return error;
		ext2fs_bdirty(tx, bp);
	}
	return 0;
}

static uint32_t
used_of(struct ext2fs_mount *em, struct ext2fs_group *g)
{
	uint32_t unused;

	mutex_enter(&g->g_lock);
	unused = g->g_itable_unused;
	mutex_exit(&g->g_lock);
	return em->em_ipg - unused;
}

static uint32_t
group_free(struct ext2fs_group *g, uint32_t *hintp)
{
	uint32_t n;

	mutex_enter(&g->g_lock);
	n = (g->g_state & EG_BAD) != 0 ? 0 : g->g_free_inodes;
	*hintp = g->g_ihint;
	mutex_exit(&g->g_lock);
	return n;
}

/* The bit is set in the bitmap held: give it back, and count. */
static void
count_taken(struct ext2fs_tx *tx, uint32_t gn, uint32_t bit, bool dir,
    struct buf *bp)
{
	struct ext2fs_mount *em = tx->tx_mount;
	struct ext2fs_group *g = &em->em_groups[gn];

	mutex_enter(&g->g_lock);
	g->g_free_inodes -= g->g_free_inodes > 0;
	g->g_dirs += dir;
	g->g_ihint = bit + 1;
	if (em->em_gdtcsum && bit >= em->em_ipg - g->g_itable_unused)
		g->g_itable_unused = em->em_ipg - bit - 1;
	mutex_exit(&g->g_lock);
	atomic_fetch_sub(&em->em_free_inodes, 1);
	atomic_fetch_add(&em->em_dirs, dir);
	ext2fs_bitmap_dirty(tx, gn, true, bp);
}

/* g_itlock is held: until the table is zeroed nobody takes the next one. */
static int
group_ialloc_locked(struct ext2fs_tx *tx, uint32_t gn, bool dir,
    uint32_t *inop)
{
	struct ext2fs_mount *em = tx->tx_mount;
	struct ext2fs_group *g = &em->em_groups[gn];
	struct buf *bp;
	uint32_t bit, hint, used;
	int error;

	if (group_free(g, &hint) == 0)
		return ENOSPC;
	if (gn == 0)
		hint = MAX(hint, em->em_first_ino - 1);
	error = ext2fs_bitmap_get(tx, gn, true, &bp);
	if (error != 0)
		return error;
	bit = ext2fs_bitmap_next(bp->b_data, hint, em->em_ipg, false);
	if (bit >= em->em_ipg) {
		brelse(bp);
		mutex_enter(&g->g_lock);
		g->g_state |= EG_BAD;
		mutex_exit(&g->g_lock);
		return ext2fs_corrupt(em, "group %u: free inodes are counted, "
		    "but the bitmap has none", gn);
	}
	used = used_of(em, g);
	((uint8_t *)bp->b_data)[bit / 8] |= (uint8_t)(1 << bit % 8);
	count_taken(tx, gn, bit, dir, bp);
	*inop = gn * em->em_ipg + bit + 1;
	if (!em->em_gdtcsum || bit < used)
		return 0;
	error = zero_table(tx, g, used, bit);
	if (error != 0)
		ext2fs_ifree(tx, em, *inop, dir);
	return error;
}

static int
group_ialloc(struct ext2fs_tx *tx, uint32_t gn, bool dir, uint32_t *inop)
{
	struct ext2fs_group *g = &tx->tx_mount->em_groups[gn];
	int error;

	mutex_enter(&g->g_itlock);
	error = group_ialloc_locked(tx, gn, dir, inop);
	mutex_exit(&g->g_itlock);
	return error;
}

int
ext2fs_ialloc(struct ext2fs_tx *tx, struct ext2fs_inode *dip, mode_t mode,
    uint32_t *inop)
{
	struct ext2fs_mount *em = tx->tx_mount;
	bool dir = vtype_of_mode(mode) == VDIR;
	uint32_t start = start_group(em, dip, dir), i;
	int error;

	for (i = 0; i < em->em_ngroups; i++) {
		error = group_ialloc(tx, (start + i) % em->em_ngroups, dir,
		    inop);
		if (error != ENOSPC)
			return error;
	}
	return ENOSPC;
}

bool
ext2fs_inode_in_use(struct ext2fs_mount *em, uint32_t ino)
{
	uint32_t gn = (ino - 1) / em->em_ipg, bit = (ino - 1) % em->em_ipg;
	struct ext2fs_group *g = &em->em_groups[gn];
	struct buf *bp;
	bool used;

	mutex_enter(&g->g_lock);
	used = (g->g_flags & EXT2_BG_INODE_UNINIT) == 0;
	mutex_exit(&g->g_lock);
	if (used && ext2fs_bread(em, NULL, g->g_ibitmap, EK_SYSTEM, NULL,
	    &bp) == 0) {
		used = (((uint8_t *)bp->b_data)[bit / 8] >> bit % 8 & 1) != 0;
		brelse(bp);
	}
	return used;
}

/* What a freed inode looks like to e2fsck: no links, and when it went. */
static void
erase(struct ext2fs_tx *tx, uint32_t ino)
{
	struct ext2fs_mount *em = tx->tx_mount;
	struct buf *bp;
	uint8_t *di;
	uint64_t blk;
	uint32_t off;

	if (ext2fs_inode_where(em, ino, &blk, &off) != 0 ||
	    ext2fs_bread(em, NULL, blk, EK_SYSTEM, NULL, &bp) != 0)
		return;
	ext2fs_bwant(tx, bp);
	di = (uint8_t *)bp->b_data + off;
	le16enc(di + DI_LINKS, 0);
	le32enc(di + DI_DTIME, (uint32_t)(real_now() / NS_PER_SEC));
	le32enc(di + DI_SIZE_LO, 0);
	le32enc(di + DI_SIZE_HI, 0);
	le32enc(di + DI_BLOCKS_LO, 0);
	le16enc(di + DI_BLOCKS_HI, 0);
	le32enc(di + DI_FILE_ACL_LO, 0);
	le16enc(di + DI_FILE_ACL_HI, 0);
	memset(di + DI_BLOCK, 0, EXT2_BLOCK_BYTES);
	if ((le32dec(di + DI_FLAGS) & EXT2_EXTENTS_FL) != 0)
		ext2fs_extent_init(di + DI_BLOCK);
	ext2fs_inode_csum_set(em, ino, di);
	ext2fs_bdirty(tx, bp);
}

void
ext2fs_ifree(struct ext2fs_tx *tx, struct ext2fs_mount *em, uint32_t ino,
    bool dir)
{
	uint32_t gn = (ino - 1) / em->em_ipg, bit = (ino - 1) % em->em_ipg;
	struct ext2fs_group *g = &em->em_groups[gn];
	struct buf *bp;
	uint8_t *map;
	bool was;

	if (atomic_load(&em->em_damaged))
		return;
	erase(tx, ino);
	if (ext2fs_bitmap_get(tx, gn, true, &bp) != 0)
		return;
	map = bp->b_data;
	was = (map[bit / 8] >> bit % 8 & 1) != 0;
	map[bit / 8] &= (uint8_t)~(1 << bit % 8);
	mutex_enter(&g->g_lock);
	if (was && g->g_free_inodes < em->em_ipg)
		g->g_free_inodes++;
	g->g_dirs -= dir && g->g_dirs > 0;
	g->g_ihint = MIN(g->g_ihint, bit);
	mutex_exit(&g->g_lock);
	atomic_fetch_add(&em->em_free_inodes, was);
	atomic_fetch_sub(&em->em_dirs, dir);
	ext2fs_bitmap_dirty(tx, gn, true, bp);
	if (!was)
		(void)ext2fs_corrupt(em, "inode %u was free", ino);
}
