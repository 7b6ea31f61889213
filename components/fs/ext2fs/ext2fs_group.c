/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Block groups: their descriptors, which stay in memory decoded, and the map
 * of the blocks that belong to the file system itself (zones), against which
 * every block number of a file is checked.
 */
#include "ext2fs.h"

static struct lock_class group_class = LOCK_CLASS("ext2fs group", 0);
static struct lock_class itable_class = LOCK_CLASS("ext2fs inode table", 0);

static uint32_t
descs_per_block(const struct ext2fs_mount *em)
{
	return em->em_bsize / em->em_dsize;
}

static uint32_t
desc_blocks(const struct ext2fs_mount *em)
{
	return howmany(em->em_ngroups, descs_per_block(em));
}

/* Descriptor blocks that follow the super block in its copies' groups. */
static uint32_t
old_desc_blocks(const struct ext2fs_mount *em)
{
	uint32_t n = desc_blocks(em);

	if ((em->em_incompat & EXT2_INCOMPAT_META_BG) != 0)
		n = MIN(n, le32dec(em->em_sb + SB_FIRST_META_BG));
	return n;
}

/* With bigalloc, small blocks count from 0, but the super block is in 1. */
static bool
boot_block(const struct ext2fs_mount *em)
{
	return em->em_first_block == 0 && em->em_bsize == 1024;
}

/* Where descriptor block i is. */
static uint64_t
desc_block(const struct ext2fs_mount *em, uint32_t i)
{
	uint32_t g;

	if (i < old_desc_blocks(em))
		return em->em_first_block + boot_block(em) + 1 + i;
	g = i * descs_per_block(em);
	return ext2fs_group_start(em, g) + ext2fs_group_has_super(em, g);
}

static uint16_t
desc_csum(const struct ext2fs_mount *em, uint32_t g, const uint8_t *gd)
{
	uint8_t le[4], zero[2] = { 0, 0 };
	uint32_t crc;
	uint16_t crc16;

	le32enc(le, g);
	if (em->em_metacsum) {
		crc = ext2fs_crc32c(em->em_seed, le, sizeof(le));
		crc = ext2fs_crc32c(crc, gd, GD_CHECKSUM);
		crc = ext2fs_crc32c(crc, zero, sizeof(zero));
		crc = ext2fs_crc32c(crc, gd + GD_SIZE, em->em_dsize - GD_SIZE);
		return (uint16_t)crc;
	}
	crc16 = ext2fs_crc16(0xffff, em->em_sb + SB_UUID, 16);
	crc16 = ext2fs_crc16(crc16, le, sizeof(le));
	crc16 = ext2fs_crc16(crc16, gd, GD_CHECKSUM);
	return ext2fs_crc16(crc16, gd + GD_SIZE, em->em_dsize - GD_SIZE);
}

/* A field whose upper 16 (or 32) bits are in the second half. */
static uint32_t
gd_16(const struct ext2fs_mount *em, const uint8_t *gd, unsigned lo,
    unsigned hi)
{
	uint32_t v = le16dec(gd + lo);

	if (em->em_dsize >= GD_SIZE64)
		v |= (uint32_t)le16dec(gd + hi) << 16;
	return v;
}

static uint64_t
gd_32(const struct ext2fs_mount *em, const uint8_t *gd, unsigned lo,
    unsigned hi)
{
	uint64_t v = le32dec(gd + lo);

	if (em->em_dsize >= GD_SIZE64)
		v |= (uint64_t)le32dec(gd + hi) << 32;
	return v;
}

static void
gd_16_set(const struct ext2fs_mount *em, uint8_t *gd, unsigned lo,
    unsigned hi, uint32_t v)
{
	le16enc(gd + lo, (uint16_t)v);
	if (em->em_dsize >= GD_SIZE64)
		le16enc(gd + hi, (uint16_t)(v >> 16));
}

static int
group_decode(struct ext2fs_mount *em, uint32_t i, const uint8_t *gd)
{
	struct ext2fs_group *g = &em->em_groups[i];
	uint64_t left;

	if (em->em_gdtcsum && desc_csum(em, i, gd) != le16dec(gd + GD_CHECKSUM))
		return ext2fs_corrupt(em, "group %u: wrong checksum", i);
	left = em->em_blocks - ext2fs_group_start(em, i);
	g->g_nblocks = (uint32_t)MIN(left, em->em_bpg);
	g->g_bbitmap = gd_32(em, gd, GD_BLOCK_BITMAP_LO, GD_BLOCK_BITMAP_HI);
	g->g_ibitmap = gd_32(em, gd, GD_INODE_BITMAP_LO, GD_INODE_BITMAP_HI);
	g->g_itable = gd_32(em, gd, GD_INODE_TABLE_LO, GD_INODE_TABLE_HI);
	g->g_free_blocks = gd_16(em, gd, GD_FREE_BLOCKS_LO, GD_FREE_BLOCKS_HI);
	g->g_free_inodes = gd_16(em, gd, GD_FREE_INODES_LO, GD_FREE_INODES_HI);
	g->g_dirs = gd_16(em, gd, GD_USED_DIRS_LO, GD_USED_DIRS_HI);
	g->g_bb_csum = gd_16(em, gd, GD_BB_CSUM_LO, GD_BB_CSUM_HI);
	g->g_ib_csum = gd_16(em, gd, GD_IB_CSUM_LO, GD_IB_CSUM_HI);
	if (em->em_gdtcsum) {
		g->g_flags = le16dec(gd + GD_FLAGS);
		g->g_itable_unused = gd_16(em, gd, GD_ITABLE_UNUSED_LO,
		    GD_ITABLE_UNUSED_HI);
	}
	if (g->g_free_blocks > g->g_nblocks >> em->em_clbits ||
	    g->g_free_inodes > em->em_ipg || g->g_dirs > em->em_ipg ||
	    g->g_itable_unused > em->em_ipg)
		return ext2fs_corrupt(em, "group %u: impossible counts", i);
	mutex_init(&g->g_lock, &group_class);
	mutex_init(&g->g_itlock, &itable_class);
	atomic_fetch_add(&em->em_free_blocks,
	    (uint64_t)g->g_free_blocks << em->em_clbits);
	atomic_fetch_add(&em->em_free_inodes, g->g_free_inodes);
	atomic_fetch_add(&em->em_dirs, g->g_dirs);
	return 0;
}

/* ---- Zones ------------------------------------------------------------ */

static int
zone_add(struct ext2fs_mount *em, uint32_t group, uint64_t start, uint64_t n)
{
	struct ext2fs_zone *z;
	uint32_t want;

	if (start < em->em_first_block || start >= em->em_blocks ||
	    n > em->em_blocks - start)
		return ext2fs_corrupt(em, "group %u: its block %llu is "
		    "outside of the file system", group,
		    (unsigned long long)start);
	z = em->em_nzones > 0 ? &em->em_zones[em->em_nzones - 1] : NULL;
	if (z != NULL && z->z_end == start) {
		z->z_end += n;
		return 0;
	}
	if (em->em_nzones == em->em_zonealloc) {
		want = em->em_zonealloc == 0 ? 64 : em->em_zonealloc * 2;
		z = kmem_realloc(em->em_zones,
		    em->em_zonealloc * sizeof(*z), want * sizeof(*z), 0);
		if (z == NULL)
			return ENOMEM;
		em->em_zones = z;
		em->em_zonealloc = want;
	}
	em->em_zones[em->em_nzones++] =
	    (struct ext2fs_zone){ start, start + n };
	return 0;
}

/* The super block's and the descriptors' blocks of a group. */
static int
zones_of_super(struct ext2fs_mount *em, uint32_t g)
{
	uint64_t start = ext2fs_group_start(em, g);
	uint32_t dpb = descs_per_block(em), idx = g / dpb, in = g % dpb;
	uint32_t reserved = 0;
	int error;

	if (ext2fs_group_has_super(em, g)) {
		if ((em->em_incompat & EXT2_INCOMPAT_META_BG) == 0)
			reserved = le16dec(em->em_sb + SB_RESERVED_GDT_BLOCKS);
		error = zone_add(em, g, start,
		    (g == 0 && boot_block(em)) + 1 +
		    (uint64_t)old_desc_blocks(em) + reserved);
		if (error != 0)
			return error;
		start++;
	}
	if (idx >= old_desc_blocks(em) &&
	    (in == 0 || in == 1 || in == dpb - 1))
		return zone_add(em, g, start, 1);
	return 0;
}

static void
zones_sift(struct ext2fs_zone *z, uint32_t root, uint32_t n)
{
	struct ext2fs_zone t;
	uint32_t child;

	while ((child = 2 * root + 1) < n) {
		if (child + 1 < n && z[child].z_start < z[child + 1].z_start)
			child++;
		if (z[root].z_start >= z[child].z_start)
			return;
		t = z[root];
		z[root] = z[child];
		z[child] = t;
		root = child;
	}
}

/* Heap sort: no worst case that an image could aim at. */
static void
zones_sort(struct ext2fs_zone *z, uint32_t n)
{
	struct ext2fs_zone t;
	uint32_t i;

	for (i = n / 2; i-- > 0; )
		zones_sift(z, i, n);
	for (i = n; i-- > 1; ) {
		t = z[0];
		z[0] = z[i];
		z[i] = t;
		zones_sift(z, 0, i);
	}
}

static int
zones_build(struct ext2fs_mount *em)
{
	uint32_t g, i, n, itable;
	int error;

	itable = em->em_ipg / (em->em_bsize / em->em_isize);
	for (g = 0; g < em->em_ngroups; g++)
		if ((error = zones_of_super(em, g)) != 0)
			return error;
	for (g = 0; g < em->em_ngroups; g++)
		if ((error = zone_add(em, g, em->em_groups[g].g_bbitmap,
		    1)) != 0)
			return error;
	for (g = 0; g < em->em_ngroups; g++)
		if ((error = zone_add(em, g, em->em_groups[g].g_ibitmap,
		    1)) != 0)
			return error;
	for (g = 0; g < em->em_ngroups; g++)
		if ((error = zone_add(em, g, em->em_groups[g].g_itable,
		    itable)) != 0)
			return error;
	zones_sort(em->em_zones, em->em_nzones);
	for (i = 1, n = 0; i < em->em_nzones; i++) {
		if (em->em_zones[i].z_start < em->em_zones[n].z_end)
			return ext2fs_corrupt(em, "block %llu belongs to two "
			    "parts of the file system",
			    (unsigned long long)em->em_zones[i].z_start);
		if (em->em_zones[i].z_start == em->em_zones[n].z_end)
			em->em_zones[n].z_end = em->em_zones[i].z_end;
		else
			em->em_zones[++n] = em->em_zones[i];
	}
	em->em_nzones = n + 1;
	for (i = 0; i < em->em_nzones; i++)
		em->em_overhead += em->em_zones[i].z_end -
		    em->em_zones[i].z_start;
	return 0;
}

/* The first zone that ends behind blk; em_nzones: none. */
static uint32_t
zone_find(const struct ext2fs_mount *em, uint64_t blk)
{
	uint32_t lo = 0, hi = em->em_nzones, mid;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (em->em_zones[mid].z_end <= blk)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

bool
ext2fs_block_bad(const struct ext2fs_mount *em, uint64_t blk, uint64_t n)
{
	uint32_t z;

	if (blk <= em->em_first_block || blk >= em->em_blocks ||
	    n > em->em_blocks - blk)
		return true;
	z = zone_find(em, blk);
	return z < em->em_nzones && em->em_zones[z].z_start < blk + n;
}

/* ---- Bitmaps ---------------------------------------------------------- */

/* Set the bits behind the last one that counts. */
static void
bitmap_pad(uint8_t *map, uint32_t nbits, uint32_t bsize)
{
	uint32_t i = nbits / 8;

	if (nbits % 8 != 0)
		map[i++] |= (uint8_t)(0xff << (nbits % 8));
	if (i < bsize)
		memset(map + i, 0xff, bsize - i);
}

/* What the bitmap of a group with BLOCK_UNINIT means. */
static void
bitmap_init(struct ext2fs_mount *em, uint32_t g, uint8_t *map)
{
	uint64_t start = ext2fs_group_start(em, g), b, end;
	uint32_t z;

	memset(map, 0, em->em_bsize);
	end = start + em->em_groups[g].g_nblocks;
	for (z = zone_find(em, start);
	    z < em->em_nzones && em->em_zones[z].z_start < end; z++)
		for (b = MAX(em->em_zones[z].z_start, start);
		    b < MIN(em->em_zones[z].z_end, end); b++)
			map[(b - start) / 8] |= (uint8_t)(1 << (b - start) % 8);
	bitmap_pad(map, em->em_groups[g].g_nblocks, em->em_bsize);
}

/* Bits are looked at 64 at a time; the bitmap is a whole block. */
uint32_t
ext2fs_bitmap_next(const uint8_t *map, uint32_t lo, uint32_t hi, bool val)
{
	uint64_t flip = val ? 0 : UINT64_MAX, w;
	uint32_t at = lo & ~63u;

	if (lo >= hi)
		return hi;
	w = (le64dec(map + at / 8) ^ flip) & UINT64_MAX << (lo & 63);
	while (w == 0) {
		at += 64;
		if (at >= hi)
			return hi;
		w = le64dec(map + at / 8) ^ flip;
	}
	return MIN(at + (uint32_t)__builtin_ctzll(w), hi);
}

/* The group has no bitmap yet: make it in the buffer held. */
static void
bitmap_fresh(struct ext2fs_mount *em, uint32_t gn, bool inodes,
    struct buf *bp)
{
	struct ext2fs_group *g = &em->em_groups[gn];

	if (inodes) {
		memset(bp->b_data, 0, em->em_bsize);
		bitmap_pad(bp->b_data, em->em_ipg, em->em_bsize);
	} else {
		bitmap_init(em, gn, bp->b_data);
	}
	mutex_enter(&g->g_lock);
	g->g_flags &= (uint16_t)~(inodes ? EXT2_BG_INODE_UNINIT :
	    EXT2_BG_BLOCK_UNINIT);
	if (inodes)
		g->g_itable_unused = em->em_ipg;
	g->g_state |= EG_DIRTY | (inodes ? EG_IB_STALE : EG_BB_STALE);
	mutex_exit(&g->g_lock);
}

static bool
bitmap_csum_ok(struct ext2fs_mount *em, struct ext2fs_group *g, bool inodes,
    const uint8_t *map)
{
	uint32_t crc, want;
	uint16_t state;

	mutex_enter(&g->g_lock);
	state = g->g_state;
	want = inodes ? g->g_ib_csum : g->g_bb_csum;
	mutex_exit(&g->g_lock);
	if (!em->em_metacsum ||
	    (state & (inodes ? EG_IB_STALE : EG_BB_STALE)) != 0)
		return true;
	crc = ext2fs_crc32c(em->em_seed, map,
	    (inodes ? em->em_ipg : em->em_bpg) / 8);
	return want == (em->em_dsize < GD_SIZE64 ? crc & 0xffff : crc);
}

int
ext2fs_bitmap_get(struct ext2fs_tx *tx, uint32_t gn, bool inodes,
    struct buf **bpp)
{
	struct ext2fs_mount *em = tx->tx_mount;
	struct ext2fs_group *g = &em->em_groups[gn];
	struct buf *bp;
	uint16_t flags;
	int error;

	error = bread(em->em_dev, inodes ? g->g_ibitmap : g->g_bbitmap, &bp);
	if (error != 0)
		return error;
	ext2fs_bwant(tx, bp);
	mutex_enter(&g->g_lock);
	flags = g->g_flags;
	mutex_exit(&g->g_lock);
	if ((flags & (inodes ? EXT2_BG_INODE_UNINIT :
	    EXT2_BG_BLOCK_UNINIT)) != 0) {
		bitmap_fresh(em, gn, inodes, bp);
	} else if ((bp->b_flags & B_VERIFIED) == 0 &&
	    !bitmap_csum_ok(em, g, inodes, bp->b_data)) {
		brelse(bp);
		mutex_enter(&g->g_lock);
		g->g_state |= EG_BAD;
		mutex_exit(&g->g_lock);
		return ext2fs_corrupt(em, "group %u: %s bitmap: wrong "
		    "checksum", gn, inodes ? "inode" : "block");
	}
	bp->b_flags |= B_VERIFIED;
	*bpp = bp;
	return 0;
}

void
ext2fs_bitmap_dirty(struct ext2fs_tx *tx, uint32_t gn, bool inodes,
    struct buf *bp)
{
	struct ext2fs_group *g = &tx->tx_mount->em_groups[gn];

	mutex_enter(&g->g_lock);
	g->g_state |= EG_DIRTY | (inodes ? EG_IB_STALE : EG_BB_STALE);
	mutex_exit(&g->g_lock);
	ext2fs_bdirty(tx, bp);
}

/* ---- Reading and writing ---------------------------------------------- */

int
ext2fs_groups_read(struct ext2fs_mount *em)
{
	uint32_t i, j, dpb = descs_per_block(em), nblk = desc_blocks(em);
	uint64_t blk, ahead[16];
	struct buf *bp;
	int error;

	/* Cheap next to the image: it is not smaller than its groups. */
	em->em_groups = kmem_zalloc((size_t)em->em_ngroups *
	    sizeof(*em->em_groups), 0);
	if (em->em_groups == NULL)
		return ENOMEM;
	for (i = 0; i < nblk; i++) {
		for (j = 0; i % nitems(ahead) == 0 && j < nitems(ahead) &&
		    i + j < nblk; j++)
			ahead[j] = MIN(desc_block(em, i + j),
			    em->em_blocks - 1);
		if (i % nitems(ahead) == 0 && j > 1)
			breada(em->em_dev, ahead, (int)j);
		blk = desc_block(em, i);
		if (blk >= em->em_blocks)
			return ext2fs_corrupt(em, "group descriptors behind "
			    "the end");
		if ((error = bread(em->em_dev, blk, &bp)) != 0)
			return error;
		for (j = 0; j < dpb && i * dpb + j < em->em_ngroups; j++) {
			error = group_decode(em, i * dpb + j,
			    (const uint8_t *)bp->b_data + j * em->em_dsize);
			if (error != 0) {
				brelse(bp);
				return error;
			}
		}
		brelse(bp);
	}
	return zones_build(em);
}

void
ext2fs_groups_free(struct ext2fs_mount *em)
{
	kmem_free(em->em_groups, (size_t)em->em_ngroups *
	    sizeof(*em->em_groups));
	kmem_free(em->em_zones, em->em_zonealloc * sizeof(*em->em_zones));
	em->em_groups = NULL;
	em->em_zones = NULL;
	em->em_nzones = em->em_zonealloc = 0;
}

/* Compute the checksum of a bitmap that changed. */
static int
bitmap_csum(struct ext2fs_mount *em, struct ext2fs_group *g, uint16_t stale)
{
	bool block = stale == EG_BB_STALE;
	struct buf *bp;
	uint32_t crc;
	int error;

	error = ext2fs_bread(em, NULL, block ? g->g_bbitmap : g->g_ibitmap,
	    EK_SYSTEM, NULL, &bp);
	if (error != 0)
		return error;
	crc = ext2fs_crc32c(em->em_seed, bp->b_data,
	    (block ? em->em_bpg : em->em_ipg) / 8);
	mutex_enter(&g->g_lock);
	if (block)
		g->g_bb_csum = crc;
	else
		g->g_ib_csum = crc;
	g->g_state &= (uint16_t)~stale;
	mutex_exit(&g->g_lock);
	brelse(bp);
	return 0;
}

static void
group_encode(struct ext2fs_mount *em, uint32_t i, uint8_t *gd)
{
	struct ext2fs_group *g = &em->em_groups[i];

	gd_16_set(em, gd, GD_FREE_BLOCKS_LO, GD_FREE_BLOCKS_HI,
	    g->g_free_blocks);
	gd_16_set(em, gd, GD_FREE_INODES_LO, GD_FREE_INODES_HI,
	    g->g_free_inodes);
	gd_16_set(em, gd, GD_USED_DIRS_LO, GD_USED_DIRS_HI, g->g_dirs);
	if (em->em_metacsum) {
		gd_16_set(em, gd, GD_BB_CSUM_LO, GD_BB_CSUM_HI, g->g_bb_csum);
		gd_16_set(em, gd, GD_IB_CSUM_LO, GD_IB_CSUM_HI, g->g_ib_csum);
	}
	if (em->em_gdtcsum) {
		le16enc(gd + GD_FLAGS, g->g_flags);
		gd_16_set(em, gd, GD_ITABLE_UNUSED_LO, GD_ITABLE_UNUSED_HI,
		    g->g_itable_unused);
		le16enc(gd + GD_CHECKSUM, desc_csum(em, i, gd));
	}
}

static uint16_t
group_state(struct ext2fs_group *g)
{
	uint16_t state;

	mutex_enter(&g->g_lock);
	state = g->g_state;
	mutex_exit(&g->g_lock);
	return state;
}

/* Write one block of descriptors, if one of them changed. */
static int
desc_block_flush(struct ext2fs_tx *tx, uint32_t blk)
{
	struct ext2fs_mount *em = tx->tx_mount;
	uint32_t dpb = descs_per_block(em), i, end;
	struct ext2fs_group *g;
	struct buf *bp;
	uint16_t state;
	bool dirty = false;
	int error;

	end = MIN((blk + 1) * dpb, em->em_ngroups);
	for (i = blk * dpb; i < end; i++) {
		g = &em->em_groups[i];
		state = group_state(g);
		dirty = dirty || (state & EG_DIRTY) != 0;
		if (!em->em_metacsum)
			continue;
		if ((state & EG_BB_STALE) != 0 &&
		    (error = bitmap_csum(em, g, EG_BB_STALE)) != 0)
			return error;
		if ((state & EG_IB_STALE) != 0 &&
		    (error = bitmap_csum(em, g, EG_IB_STALE)) != 0)
			return error;
	}
	if (!dirty)
		return 0;
	error = ext2fs_bread(em, NULL, desc_block(em, blk), EK_SYSTEM, NULL,
	    &bp);
	if (error != 0)
		return error;
	ext2fs_bwant(tx, bp);
	for (i = blk * dpb; i < end; i++) {
		g = &em->em_groups[i];
		mutex_enter(&g->g_lock);
		if ((g->g_state & EG_DIRTY) != 0) {
			group_encode(em, i, (uint8_t *)bp->b_data +
			    (i % dpb) * em->em_dsize);
			g->g_state &= (uint16_t)~EG_DIRTY;
		}
		mutex_exit(&g->g_lock);
	}
	ext2fs_bdirty(tx, bp);
	return 0;
}

int
ext2fs_groups_flush(struct ext2fs_mount *em)
{
	struct ext2fs_tx tx;
	uint32_t i;
	int error = 0, first = 0;

	ext2fs_tx_begin_nofail(em, &tx);
	for (i = 0; i < desc_blocks(em); i++) {
		error = desc_block_flush(&tx, i);
		if (first == 0)
			first = error;
	}
	ext2fs_tx_end(&tx);
	return first;
}
