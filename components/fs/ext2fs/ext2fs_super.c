/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The super block: what it says is checked here, once, so that no other file
 * has to doubt the geometry.
 */
#include "ext2fs.h"

struct feature {
	uint32_t f_bit;
	const char *f_name;
};

/* As mke2fs(8) and e2fsprogs' dumpe2fs name them. */
static const struct feature incompat_names[] = {
	{ 0x1, "compression" }, { 0x8, "journal_dev" }, { 0x100, "mmp" },
	{ 0x400, "ea_inode" }, { 0x1000, "dirdata" }, { 0x4000, "large_dir" },
	{ 0x8000, "inline_data" }, { 0x10000, "encrypt" },
	{ 0x20000, "casefold" },
};

static const struct feature ro_compat_names[] = {
	{ 0x80, "snapshot" }, { 0x100, "quota" }, { EXT2_RO_BIGALLOC, "bigalloc" },
	{ 0x800, "replica" }, { EXT2_RO_READONLY, "read-only" },
	{ 0x2000, "project" }, { 0x4000, "shared_blocks" },
	{ 0x8000, "verity" }, { EXT2_RO_ORPHAN_PRESENT, "orphan_present" },
};

#define INCOMPAT_SUPPORTED \
	(EXT2_INCOMPAT_FILETYPE | EXT2_INCOMPAT_RECOVER | \
	EXT2_INCOMPAT_META_BG | EXT2_INCOMPAT_EXTENTS | EXT2_INCOMPAT_64BIT | \
	EXT2_INCOMPAT_FLEX_BG | EXT2_INCOMPAT_CSUM_SEED)

#define RO_COMPAT_SUPPORTED \
	(EXT2_RO_SPARSE_SUPER | EXT2_RO_LARGE_FILE | EXT2_RO_BTREE_DIR | \
	EXT2_RO_HUGE_FILE | EXT2_RO_GDT_CSUM | EXT2_RO_DIR_NLINK | \
	EXT2_RO_EXTRA_ISIZE | EXT2_RO_METADATA_CSUM)

/* One line for each bit that is set. */
static void
name_features(const struct ext2fs_mount *em, const char *what, uint32_t bits,
    const struct feature *names, size_t n)
{
	uint32_t bit;
	size_t i;

	for (; bits != 0; bits &= bits - 1) {
		bit = bits & -bits;
		for (i = 0; i < n && names[i].f_bit != bit; i++)
			;
		if (i < n)
			klog(LOG_ERR, "ext2fs: %s: unsupported %s feature %s",
			    em->em_name, what, names[i].f_name);
		else
			klog(LOG_ERR, "ext2fs: %s: unsupported %s feature "
			    "0x%x", em->em_name, what, bit);
	}
}

int
ext2fs_super_writable(struct ext2fs_mount *em, const char *what)
{
	uint32_t bad = em->em_ro_compat & ~RO_COMPAT_SUPPORTED;

	if (bad != 0) {
		name_features(em, "read-only compatible", bad,
		    ro_compat_names, nitems(ro_compat_names));
		return EROFS;
	}
	if (em->em_bsize > PAGE_SIZE) {
		klog(LOG_ERR, "ext2fs: %s: blocks of %u bytes: cannot %s for "
		    "writing", em->em_name, em->em_bsize, what);
		return EROFS;
	}
	return 0;
}

static int
super_bad(const struct ext2fs_mount *em, const char *what, uint64_t v)
{
	klog(LOG_ERR, "ext2fs: %s: super block: %s (%llu)", em->em_name, what,
	    (unsigned long long)v);
	return EINVAL;
}

static uint64_t
sb_count(const struct ext2fs_mount *em, unsigned lo, unsigned hi)
{
	uint64_t v = le32dec(em->em_sb + lo);

	if ((em->em_incompat & EXT2_INCOMPAT_64BIT) != 0)
		v |= (uint64_t)le32dec(em->em_sb + hi) << 32;
	return v;
}

/* Features, block size: what is needed to trust the rest. */
static int
super_features(struct ext2fs_mount *em)
{
	const uint8_t *sb = em->em_sb;
	uint32_t log, bad;

	if (le16dec(sb + SB_MAGIC) != EXT2_MAGIC)
		return super_bad(em, "no ext2, ext3 or ext4 file system",
		    le16dec(sb + SB_MAGIC));
	if (le32dec(sb + SB_REV_LEVEL) > 1)
		return super_bad(em, "unknown revision",
		    le32dec(sb + SB_REV_LEVEL));
	if (le32dec(sb + SB_REV_LEVEL) == 1) {
		em->em_compat = le32dec(sb + SB_FEATURE_COMPAT);
		em->em_incompat = le32dec(sb + SB_FEATURE_INCOMPAT);
		em->em_ro_compat = le32dec(sb + SB_FEATURE_RO_COMPAT);
	}
	bad = em->em_incompat & ~INCOMPAT_SUPPORTED;
	if (bad != 0) {
		name_features(em, "incompatible", bad, incompat_names,
		    nitems(incompat_names));
		return EINVAL;
	}
	em->em_metacsum = (em->em_ro_compat & EXT2_RO_METADATA_CSUM) != 0;
	em->em_gdtcsum = em->em_metacsum ||
	    (em->em_ro_compat & EXT2_RO_GDT_CSUM) != 0;
	if (em->em_metacsum) {
		if (sb[SB_CHECKSUM_TYPE] != EXT2_CHKSUM_CRC32C)
			return super_bad(em, "unknown checksum type",
			    sb[SB_CHECKSUM_TYPE]);
		if (ext2fs_crc32c(~0u, sb, SB_CHECKSUM) !=
		    le32dec(sb + SB_CHECKSUM)) {
			klog(LOG_ERR, "ext2fs: %s: super block: wrong "
			    "checksum", em->em_name);
			return EUCLEAN;
		}
		em->em_seed = (em->em_incompat & EXT2_INCOMPAT_CSUM_SEED) ?
		    le32dec(sb + SB_CHECKSUM_SEED) :
		    ext2fs_crc32c(~0u, sb + SB_UUID, 16);
	}
	log = le32dec(sb + SB_LOG_BLOCK_SIZE);
	if (log > 6)
		return super_bad(em, "log of the block size", log);
	em->em_bshift = 10 + log;
	em->em_bsize = 1u << em->em_bshift;
	return 0;
}

/* Inodes. */
static int
super_inodes(struct ext2fs_mount *em)
{
	const uint8_t *sb = em->em_sb;
	uint32_t extra;

	em->em_isize = DI_SIZE128;
	em->em_first_ino = EXT2_GOOD_OLD_FIRST_INO;
	if (le32dec(sb + SB_REV_LEVEL) == 1) {
		em->em_isize = le16dec(sb + SB_INODE_SIZE);
		em->em_first_ino = le32dec(sb + SB_FIRST_INO);
	}
	if (em->em_isize < DI_SIZE128 || em->em_isize > em->em_bsize ||
	    !ispow2(em->em_isize))
		return super_bad(em, "inode size", em->em_isize);
	em->em_ipg = le32dec(sb + SB_INODES_PER_GROUP);
	em->em_inodes = le32dec(sb + SB_INODES_COUNT);
	if (em->em_ipg == 0 || em->em_ipg > 8 * em->em_bsize ||
	    em->em_ipg % (em->em_bsize / em->em_isize) != 0)
		return super_bad(em, "inodes per group", em->em_ipg);
	if (em->em_inodes != (uint64_t)em->em_ngroups * em->em_ipg)
		return super_bad(em, "number of inodes", em->em_inodes);
	if (em->em_first_ino < EXT2_GOOD_OLD_FIRST_INO ||
	    em->em_first_ino >= em->em_ipg)
		return super_bad(em, "first inode", em->em_first_ino);
	if (em->em_isize > DI_SIZE128) {
		extra = le16dec(sb + SB_WANT_EXTRA_ISIZE);
		if (extra < le16dec(sb + SB_MIN_EXTRA_ISIZE))
			extra = le16dec(sb + SB_MIN_EXTRA_ISIZE);
		if (extra < DI_CRTIME_EXTRA + 4 - DI_SIZE128)
			extra = 32;
		if (extra > em->em_isize - DI_SIZE128 || extra % 4 != 0)
			return super_bad(em, "extra inode size", extra);
		em->em_want_extra = extra;
	}
	return 0;
}

/* Blocks and groups. */
static int
super_groups(struct ext2fs_mount *em)
{
	const uint8_t *sb = em->em_sb;
	uint32_t cpg, clbits;
	uint64_t groups;

	em->em_blocks = sb_count(em, SB_BLOCKS_COUNT_LO, SB_BLOCKS_COUNT_HI);
	em->em_rblocks = sb_count(em, SB_R_BLOCKS_COUNT_LO,
	    SB_R_BLOCKS_COUNT_HI);
	em->em_first_block = le32dec(sb + SB_FIRST_DATA_BLOCK);
	if (em->em_first_block != (em->em_bsize == 1024 &&
	    (em->em_ro_compat & EXT2_RO_BIGALLOC) == 0))
		return super_bad(em, "first data block", em->em_first_block);
	if (em->em_blocks <= em->em_first_block + 1 ||
	    em->em_blocks > em->em_lower->bd_size >> em->em_bshift)
		return super_bad(em, "more blocks than the device has",
		    em->em_blocks);
	if (em->em_rblocks > em->em_blocks)
		return super_bad(em, "reserved blocks", em->em_rblocks);
	em->em_bpg = le32dec(sb + SB_BLOCKS_PER_GROUP);
	cpg = em->em_bpg;
	if ((em->em_ro_compat & EXT2_RO_BIGALLOC) != 0) {
		clbits = le32dec(sb + SB_LOG_CLUSTER_SIZE) -
		    le32dec(sb + SB_LOG_BLOCK_SIZE);
		if (clbits > 16)
			return super_bad(em, "cluster size", clbits);
		em->em_clbits = clbits;
		cpg = le32dec(sb + SB_CLUSTERS_PER_GROUP);
		if ((uint64_t)cpg << clbits != em->em_bpg)
			return super_bad(em, "clusters per group", cpg);
	}
	if (cpg < 8 || cpg > 8 * em->em_bsize || cpg % 8 != 0)
		return super_bad(em, "blocks per group", em->em_bpg);
	groups = howmany(em->em_blocks - em->em_first_block, em->em_bpg);
	if (groups > UINT32_MAX)
		return super_bad(em, "number of groups", groups);
	em->em_ngroups = (uint32_t)groups;
	em->em_dsize = GD_SIZE;
	if ((em->em_incompat & EXT2_INCOMPAT_64BIT) != 0)
		em->em_dsize = le16dec(sb + SB_DESC_SIZE);
	if (em->em_dsize < ((em->em_incompat & EXT2_INCOMPAT_64BIT) ?
	    GD_SIZE64 : GD_SIZE) || em->em_dsize > em->em_bsize ||
	    !ispow2(em->em_dsize))
		return super_bad(em, "descriptor size", em->em_dsize);
	em->em_flex = 1;
	if ((em->em_incompat & EXT2_INCOMPAT_FLEX_BG) != 0 &&
	    sb[SB_LOG_GROUPS_PER_FLEX] < 31)
		em->em_flex = 1u << sb[SB_LOG_GROUPS_PER_FLEX];
	return 0;
}

static void
super_limits(struct ext2fs_mount *em)
{
	uint64_t ptrs = em->em_bsize / 4, blocks, meta;

	em->em_max_extents = EXT2FS_MAX_LBLK << em->em_bshift;
	blocks = EXT2_NDIR_BLOCKS + ptrs + ptrs * ptrs + ptrs * ptrs * ptrs;
	em->em_max_indirect = MIN(blocks, EXT2FS_MAX_LBLK) << em->em_bshift;
	if ((em->em_ro_compat & EXT2_RO_HUGE_FILE) == 0) {
		/* i_blocks counts 512 bytes in 32 bits, the map's own too. */
		meta = 2 + ptrs + (1 + ptrs + ptrs * ptrs);
		blocks = (0xffffffffull >> (em->em_bshift - 9)) - meta;
		em->em_max_indirect = MIN(em->em_max_indirect,
		    blocks << em->em_bshift);
		em->em_max_extents = MIN(em->em_max_extents,
		    blocks << em->em_bshift);
	}
}

int
ext2fs_super_read(struct ext2fs_mount *em, bool rdonly)
{
	uint8_t *buf;
	uint32_t i;
	int error;

	buf = page_alloc(0, 0);
	if (buf == NULL)
		return ENOMEM;
	error = em->em_lower->bd_size < PAGE_SIZE ? EINVAL :
	    blkdev_read(em->em_dev, buf, PAGE_SIZE, 0);
	if (error == 0)
		memcpy(em->em_sb, buf + EXT2_SB_OFFSET, EXT2_SB_SIZE);
	page_free(buf, 0);
	if (error != 0)
		return error;

	em->em_compat = em->em_incompat = em->em_ro_compat = 0;
	if ((error = super_features(em)) != 0 ||
	    (error = super_groups(em)) != 0 ||
	    (error = super_inodes(em)) != 0)
		return error;
	if (!rdonly && (error = ext2fs_super_writable(em, "mount")) != 0)
		return error;
	super_limits(em);
	em->em_resuid = le16dec(em->em_sb + SB_DEF_RESUID);
	em->em_resgid = le16dec(em->em_sb + SB_DEF_RESGID);
	for (i = 0; i < 4; i++)
		em->em_hash_seed[i] = le32dec(em->em_sb + SB_HASH_SEED + 4 * i);
	em->em_hash_version = em->em_sb[SB_DEF_HASH_VERSION];
	if (em->em_hash_version > DX_HASH_TEA)
		em->em_hash_version = DX_HASH_HALF_MD4;
	em->em_hash_unsigned = (le32dec(em->em_sb + SB_FLAGS) &
	    EXT2_SBF_UNSIGNED_HASH) != 0;
	return 0;
}

static bool
power_of(uint32_t n, uint32_t base)
{
	while (n > 1 && n % base == 0)
		n /= base;
	return n == 1;
}

bool
ext2fs_group_has_super(const struct ext2fs_mount *em, uint32_t g)
{
	if (g == 0)
		return true;
	if ((em->em_compat & EXT2_COMPAT_SPARSE2) != 0)
		return g == le32dec(em->em_sb + SB_BACKUP_BGS) ||
		    g == le32dec(em->em_sb + SB_BACKUP_BGS + 4);
	if (g == 1 || (em->em_ro_compat & EXT2_RO_SPARSE_SUPER) == 0)
		return true;
	return (g & 1) != 0 &&
	    (power_of(g, 3) || power_of(g, 5) || power_of(g, 7));
}

int
ext2fs_super_write(struct ext2fs_mount *em, bool wait)
{
	struct buf *bp;
	uint8_t *sb = em->em_sb;
	uint64_t freeb;
	int error;

	/* At 1024: block 1 of small blocks, else inside of block 0. */
	error = bread(em->em_dev, EXT2_SB_OFFSET >> em->em_bshift, &bp);
	if (error != 0)
		return error;
	mutex_enter(&em->em_lock);
	freeb = atomic_load(&em->em_free_blocks);
	le32enc(sb + SB_FREE_BLOCKS_LO, (uint32_t)freeb);
	if ((em->em_incompat & EXT2_INCOMPAT_64BIT) != 0)
		le32enc(sb + SB_FREE_BLOCKS_HI, (uint32_t)(freeb >> 32));
	le32enc(sb + SB_FREE_INODES, atomic_load(&em->em_free_inodes));
	le32enc(sb + SB_WTIME, (uint32_t)(real_now() / NS_PER_SEC));
	if (em->em_metacsum)
		le32enc(sb + SB_CHECKSUM,
		    ext2fs_crc32c(~0u, sb, SB_CHECKSUM));
	memcpy((uint8_t *)bp->b_data + (EXT2_SB_OFFSET & (em->em_bsize - 1)),
	    sb, EXT2_SB_SIZE);
	em->em_sb_dirty = false;
	mutex_exit(&em->em_lock);
	if (!wait) {
		bdwrite(bp);
		return 0;
	}
	error = bwrite(bp);
	return error != 0 ? error : blkdev_sync(em->em_dev);
}

/* Damage repeats itself: after some lines the console has enough. */
#define REPORTS_MAX 32

int
ext2fs_corrupt(struct ext2fs_mount *em, const char *fmt, ...)
{
	char text[160];
	uint32_t now;
	va_list ap;

	if (atomic_fetch_add(&em->em_reports, 1) < REPORTS_MAX) {
		va_start(ap, fmt);
		vsnprintf(text, sizeof(text), fmt, ap);
		va_end(ap);
		klog(LOG_ERR, "ext2fs: %s: damaged: %s", em->em_name, text);
	}
	if (atomic_exchange(&em->em_damaged, true))
		return EUCLEAN;
	if (mount_rdonly(em->em_mount))
		return EUCLEAN;
	mutex_enter(&em->em_lock);
	now = (uint32_t)(real_now() / NS_PER_SEC);
	le16enc(em->em_sb + SB_STATE,
	    le16dec(em->em_sb + SB_STATE) | EXT2_STATE_ERROR);
	le32enc(em->em_sb + SB_ERROR_COUNT,
	    le32dec(em->em_sb + SB_ERROR_COUNT) + 1);
	if (le32dec(em->em_sb + SB_FIRST_ERROR_TIME) == 0)
		le32enc(em->em_sb + SB_FIRST_ERROR_TIME, now);
	le32enc(em->em_sb + SB_LAST_ERROR_TIME, now);
	em->em_sb_dirty = true;
	mutex_exit(&em->em_lock);
	atomic_store(&em->em_readonly, true);
	atomic_fetch_or(&em->em_mount->mnt_flags, MS_RDONLY);
	klog(LOG_ERR, "ext2fs: %s: read-only from now on", em->em_name);
	return EUCLEAN;
}
