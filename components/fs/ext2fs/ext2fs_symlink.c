/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Symbolic links: a target of up to 59 bytes is in the inode, where other
 * files have their map; a longer one in a block.
 */
#include "ext2fs.h"
#include <kern/uio.h>

bool
ext2fs_fast_symlink(const struct ext2fs_inode *ip)
{
	uint64_t own = ip->i_xablock != 0 ? ITOM(ip)->em_bsize >> 9 : 0;

	return i_size_get(ip) < EXT2_BLOCK_BYTES && !i_has_extents(ip) &&
	    atomic_load_explicit(&ip->i_blocks, memory_order_relaxed) == own;
}

static int
write_target(struct ext2fs_tx *tx, struct ext2fs_inode *ip,
    const char *target, size_t len)
{
	struct buf *bp;
	uint64_t pblk;
	int error;

	if ((tx->tx_mount->em_incompat & EXT2_INCOMPAT_EXTENTS) != 0) {
		ip->i_flags |= EXT2_EXTENTS_FL;
		ext2fs_extent_init(ip->i_block);
	}
	error = ext2fs_map_block(tx, ip, 0, &pblk);
	if (error != 0)
		return error;
	error = ext2fs_bnew(tx, ip, pblk, EK_SYMLINK, &bp);
	if (error != 0)
		return error;
	memcpy(bp->b_data, target, len);
	ext2fs_bdirty(tx, bp);
	return 0;
}

int
ext2fs_symlink(struct vnode *dvp, const struct componentname *cnp,
    const struct vattr *va, const char *target, size_t len, struct vnode **vpp)
{
	struct ext2fs_inode *dip = VTOI(dvp), *ip;
	struct vattr copy = *va;
	struct ext2fs_tx tx;
	struct vnode *vp = NULL;
	int error;

	if (len >= ITOM(dip)->em_bsize)
		return ENAMETOOLONG;
	if ((error = ext2fs_tx_begin(ITOM(dip), &tx)) != 0)
		return error;
	copy.va_type = VLNK;
	copy.va_mode = 0777;
	error = ext2fs_make(&tx, dvp, &copy, &vp);
	if (error != 0)
		goto out;
	ip = VTOI(vp);
	if (len < EXT2_BLOCK_BYTES)
		memcpy(ip->i_block, target, len);
	else
		error = write_target(&tx, ip, target, len);
	atomic_store(&ip->i_size, len);
	ext2fs_inode_dirty(ip);
	if (error == 0)
		error = ext2fs_inode_flush(&tx, ip);
	if (error == 0)
		error = ext2fs_dir_add(&tx, dip, cnp->cn_name, cnp->cn_len,
		    I_INO(ip), mode_of_vtype(VLNK));
	if (error != 0)
		ext2fs_unmake(vp);
	else
		*vpp = vp;
out:
	ext2fs_tx_end(&tx);
	return error;
}

int
ext2fs_readlink(struct vnode *vp, struct uio *uio)
{
	struct ext2fs_inode *ip = VTOI(vp);
	struct ext2fs_mount *em = ITOM(ip);
	size_t len = i_size_get(ip);
	struct ext2fs_run r;
	struct buf *bp;
	uint8_t *copy;
	int error;

	if (ext2fs_fast_symlink(ip))
		return uiomove(ip->i_block, MIN(len, uio->uio_resid), uio);
	if ((error = ext2fs_map(ip, 0, &r)) != 0)
		return error;
	if (r.r_pblk == EXT2FS_NOBLOCK || r.r_unwritten)
		return ext2fs_corrupt(em, "symbolic link %u: has no target",
		    I_INO(ip));
	if ((copy = kmem_alloc(len, 0)) == NULL)
		return ENOMEM;
	error = ext2fs_bread(em, ip, r.r_pblk, EK_SYMLINK, NULL, &bp);
	if (error == 0) {
		memcpy(copy, bp->b_data, len);
		brelse(bp);
		error = uiomove(copy, MIN(len, uio->uio_resid), uio);
	}
	kmem_free(copy, len);
	return error;
}
