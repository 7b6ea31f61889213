/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every change of metadata goes through here: begin a modification, want a
 * buffer, change it, give it back as dirty, end. Today a dirty buffer is
 * written in place, by the buffer cache, when it likes; a journal would pin
 * it until its transaction has been committed, and ask for credits in begin.
 * Nobody else calls bdwrite() or bwrite() for metadata, but for the super
 * block, whose writer is ext2fs_super_write().
 *
 * What keeps an image repairable without a journal:
 *  - s_state loses its VALID bit on the device before the first change, and
 *    gets it back when everything else has been written: e2fsck looks at an
 *    image that was not unmounted;
 *  - an inode is written before the name that refers to it, a name is removed
 *    before the inode is freed, and blocks are taken out of a map before
 *    their bits are cleared;
 *  - an inode without a name is on the orphan list;
 *  - the data of a file is written before the inode that maps it, unless
 *    memory is short.
 */
#include "ext2fs.h"

int
ext2fs_tx_begin(struct ext2fs_mount *em, struct ext2fs_tx *tx)
{
	ext2fs_tx_begin_nofail(em, tx);
	if (__unlikely(atomic_load(&em->em_readonly))) {
		ext2fs_tx_end(tx);
		return EROFS;
	}
	return 0;
}

void
ext2fs_tx_begin_nofail(struct ext2fs_mount *em, struct ext2fs_tx *tx)
{
	tx->tx_mount = em;
	atomic_fetch_add(&em->em_ntx, 1);
}

void
ext2fs_tx_end(struct ext2fs_tx *tx)
{
	atomic_fetch_sub(&tx->tx_mount->em_ntx, 1);
}

/* What a buffer was checked as: the inode's number and the kind. */
static void *
buf_tag(const struct ext2fs_inode *ip, enum ext2fs_kind kind)
{
	uintptr_t ino = ip != NULL ? I_INO(ip) : 0;

	return (void *)(ino << 8 | (uintptr_t)kind);
}

/*
 * The same block may be claimed by two files of a damaged image: what was
 * checked as one thing is checked again before it is used as another.
 */
int
ext2fs_bread(struct ext2fs_mount *em, struct ext2fs_inode *ip, uint64_t blk,
    enum ext2fs_kind kind, ext2fs_check_t check, struct buf **bpp)
{
	void *tag = buf_tag(ip, kind);
	struct buf *bp;
	int error;

	error = bread(em->em_dev, blk, &bp);
	if (__unlikely(error != 0)) {
		klog(LOG_ERR, "ext2fs: %s: block %llu: read error %d",
		    em->em_name, (unsigned long long)blk, error);
		return error;
	}
	if ((bp->b_flags & B_VERIFIED) == 0 || bp->b_fsprivate != tag) {
		bp->b_flags &= ~(uint32_t)B_VERIFIED;
		if (check != NULL &&
		    (error = check(em, ip, blk, bp->b_data)) != 0) {
			brelse(bp);
			return error;
		}
		bp->b_fsprivate = tag;
		bp->b_flags |= B_VERIFIED;
	}
	*bpp = bp;
	return 0;
}

int
ext2fs_bnew(struct ext2fs_tx *tx, struct ext2fs_inode *ip, uint64_t blk,
    enum ext2fs_kind kind, struct buf **bpp)
{
	struct buf *bp;
	int error;

	error = getblk(tx->tx_mount->em_dev, blk, &bp);
	if (error != 0)
		return error;
	memset(bp->b_data, 0, bp->b_size);
	bp->b_flags |= B_VALID | B_VERIFIED;
	bp->b_fsprivate = buf_tag(ip, kind);
	*bpp = bp;
	return 0;
}

void
ext2fs_bwant(struct ext2fs_tx *tx, struct buf *bp)
{
	(void)tx;
	(void)bp;
}

void
ext2fs_bdirty(struct ext2fs_tx *tx, struct buf *bp)
{
	(void)tx;
	bdwrite(bp);
}

void
ext2fs_bforget(struct ext2fs_tx *tx, uint64_t blk, uint64_t n)
{
	binval_range(tx->tx_mount->em_dev, blk, n);
}

int
ext2fs_jnl_flush(struct ext2fs_mount *em, bool wait)
{
	int error, first;
	bool dirty;

	first = ext2fs_inodes_flush(em);
	error = ext2fs_groups_flush(em);
	if (first == 0)
		first = error;
	mutex_enter(&em->em_lock);
	dirty = em->em_sb_dirty;
	mutex_exit(&em->em_lock);
	if (dirty) {
		error = ext2fs_super_write(em, false);
		if (first == 0)
			first = error;
	}
	error = bflush(em->em_dev, wait);
	if (first == 0)
		first = error;
	if (wait) {
		error = blkdev_sync(em->em_dev);
		if (first == 0)
			first = error;
	}
	return first;
}

int
ext2fs_jnl_start(struct ext2fs_mount *em)
{
	uint16_t state, count;

	mutex_enter(&em->em_lock);
	state = le16dec(em->em_sb + SB_STATE);
	count = le16dec(em->em_sb + SB_MNT_COUNT);
	em->em_was_valid = (state & EXT2_STATE_VALID) != 0;
	le16enc(em->em_sb + SB_STATE, state & (uint16_t)~EXT2_STATE_VALID);
	if (count != UINT16_MAX)
		le16enc(em->em_sb + SB_MNT_COUNT, (uint16_t)(count + 1));
	le32enc(em->em_sb + SB_MTIME, (uint32_t)(real_now() / NS_PER_SEC));
	memset(em->em_sb + SB_LAST_MOUNTED, 0, 64);
	strlcpy((char *)em->em_sb + SB_LAST_MOUNTED, em->em_mount->mnt_on, 64);
	mutex_exit(&em->em_lock);
	if (!em->em_was_valid || (state & EXT2_STATE_ERROR) != 0)
		klog(LOG_WARNING, "ext2fs: %s: was not unmounted cleanly: run "
		    "e2fsck", em->em_name);
	return ext2fs_super_write(em, true);
}

int
ext2fs_jnl_stop(struct ext2fs_mount *em)
{
	uint16_t state;
	int error;

	error = ext2fs_jnl_flush(em, true);
	if (error != 0) {
		klog(LOG_ERR, "ext2fs: %s: not everything could be written "
		    "(error %d): not marked as clean", em->em_name, error);
		return error;
	}
	mutex_enter(&em->em_lock);
	state = le16dec(em->em_sb + SB_STATE);
	if (em->em_was_valid && (state & EXT2_STATE_ERROR) == 0)
		le16enc(em->em_sb + SB_STATE, state | EXT2_STATE_VALID);
	mutex_exit(&em->em_lock);
	return ext2fs_super_write(em, true);
}
