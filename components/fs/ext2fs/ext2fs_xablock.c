/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The block of extended attributes of an inode. Several inodes with the same
 * attributes may share one: it counts them.
 */
#include "ext2fs_xattr.h"

static uint32_t
block_csum(const struct ext2fs_mount *em, uint64_t blk, const uint8_t *data)
{
	static const uint8_t zero[4];
	uint8_t le[8];
	uint32_t crc;

	le64enc(le, blk);
	crc = ext2fs_crc32c(em->em_seed, le, sizeof(le));
	crc = ext2fs_crc32c(crc, data, XAB_CHECKSUM);
	crc = ext2fs_crc32c(crc, zero, 4);
	return ext2fs_crc32c(crc, data + XAB_CHECKSUM + 4,
	    em->em_bsize - XAB_CHECKSUM - 4);
}

static void
block_csum_set(const struct ext2fs_mount *em, uint64_t blk, uint8_t *data)
{
	if (em->em_metacsum)
		le32enc(data + XAB_CHECKSUM, block_csum(em, blk, data));
}

/* The hash of all entries, by which equal blocks are found. */
static uint32_t
block_hash(const uint8_t *data)
{
	const uint8_t *e;
	uint32_t hash = 0, h;

	for (e = data + XAB_SIZE; le32dec(e) != 0; e += xae_size(e)) {
		h = le32dec(e + XAE_HASH);
		if (h == 0)
			return 0;
		hash = (hash << 16) ^ (hash >> 16) ^ h;
	}
	return hash;
}

static int
block_check(struct ext2fs_mount *em, struct ext2fs_inode *ip, uint64_t blk,
    const uint8_t *data)
{
	struct ext2fs_xalist xa;
	uint8_t *p = (uint8_t *)(uintptr_t)data;

	(void)ip;
	xa = (struct ext2fs_xalist){ p + XAB_SIZE, p, p + em->em_bsize };
	if (le32dec(data + XAB_MAGIC) != XA_MAGIC ||
	    le32dec(data + XAB_BLOCKS) != 1 ||
	    le32dec(data + XAB_REFCOUNT) == 0)
		return ext2fs_corrupt(em, "block %llu: no attributes",
		    (unsigned long long)blk);
	if (em->em_metacsum &&
	    block_csum(em, blk, data) != le32dec(data + XAB_CHECKSUM))
		return ext2fs_corrupt(em, "block %llu: attributes: wrong "
		    "checksum", (unsigned long long)blk);
	if (!ext2fs_xalist_valid(&xa))
		return ext2fs_corrupt(em, "block %llu: attributes out of it",
		    (unsigned long long)blk);
	return 0;
}

static int
block_get(struct ext2fs_inode *ip, struct buf **bpp)
{
	/* It may be others' as well: its tag names no inode. */
	return ext2fs_bread(ITOM(ip), NULL, ip->i_xablock, EK_XATTR,
	    block_check, bpp);
}

int
ext2fs_xablock_read(struct ext2fs_inode *ip, uint8_t *copy)
{
	struct buf *bp;
	int error;

	if ((error = block_get(ip, &bp)) != 0)
		return error;
	memcpy(copy, bp->b_data, ITOM(ip)->em_bsize);
	brelse(bp);
	return 0;
}

/* One inode less uses the block. */
static int
block_drop(struct ext2fs_tx *tx, struct ext2fs_inode *ip)
{
	uint64_t blk = ip->i_xablock;
	uint32_t refs;
	struct buf *bp;
	int error;

	if ((error = block_get(ip, &bp)) != 0)
		return error;
	refs = le32dec((uint8_t *)bp->b_data + XAB_REFCOUNT);
	if (refs > 1) {
		ext2fs_bwant(tx, bp);
		le32enc((uint8_t *)bp->b_data + XAB_REFCOUNT, refs - 1);
		block_csum_set(tx->tx_mount, blk, bp->b_data);
		ext2fs_bdirty(tx, bp);
		ext2fs_blocks_add(ip, -1);
	} else {
		brelse(bp);
		ext2fs_bfree_meta(tx, ip, blk);
	}
	ip->i_xablock = 0;
	ext2fs_inode_dirty(ip);
	return 0;
}

/* A block of our own to write to: where we are alone, the old one. */
static int
block_own(struct ext2fs_tx *tx, struct ext2fs_inode *ip)
{
	struct ext2fs_mount *em = tx->tx_mount;
	uint64_t blk, goal;
	uint32_t refs;
	struct buf *bp;
	int error;

	goal = ext2fs_group_start(em, (I_INO(ip) - 1) / em->em_ipg);
	if (ip->i_xablock != 0) {
		if ((error = block_get(ip, &bp)) != 0)
			return error;
		refs = le32dec((uint8_t *)bp->b_data + XAB_REFCOUNT);
		brelse(bp);
		if (refs == 1)
			return 0;
		goal = ip->i_xablock;
	}
	if ((error = ext2fs_balloc_meta(tx, ip, goal, &blk)) != 0)
		return error;
	if (ip->i_xablock != 0 && (error = block_drop(tx, ip)) != 0) {
		ext2fs_bfree_meta(tx, ip, blk);
		return error;
	}
	ip->i_xablock = blk;
	return 0;
}

int
ext2fs_xablock_write(struct ext2fs_tx *tx, struct ext2fs_inode *ip,
    uint8_t *data)
{
	struct buf *bp;
	int error;

	if (data == NULL)
		return ip->i_xablock == 0 ? 0 : block_drop(tx, ip);
	if ((error = block_own(tx, ip)) != 0)
		return error;
	error = ext2fs_bnew(tx, NULL, ip->i_xablock, EK_XATTR, &bp);
	if (error != 0)
		return error;
	le32enc(data + XAB_MAGIC, XA_MAGIC);
	le32enc(data + XAB_REFCOUNT, 1);
	le32enc(data + XAB_BLOCKS, 1);
	le32enc(data + XAB_HASH, block_hash(data));
	block_csum_set(tx->tx_mount, ip->i_xablock, data);
	memcpy(bp->b_data, data, tx->tx_mount->em_bsize);
	ext2fs_bdirty(tx, bp);
	ext2fs_inode_dirty(ip);
	return 0;
}

void
ext2fs_xattr_free(struct ext2fs_tx *tx, struct ext2fs_inode *ip)
{
	if (ip->i_xablock != 0)
		(void)block_drop(tx, ip);
}
