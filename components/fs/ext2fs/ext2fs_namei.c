/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Making and removing names. The directory is locked exclusively since the
 * name was looked up; what is removed is locked, too.
 */
#include "ext2fs.h"

bool
ext2fs_dir_full(const struct ext2fs_inode *dip)
{
	return dip->i_links >= EXT2_LINK_MAX &&
	    (ITOM(dip)->em_ro_compat & EXT2_RO_DIR_NLINK) == 0;
}

/* A count of 1: more than can be counted (DIR_NLINK). */
void
ext2fs_dir_link(struct ext2fs_inode *dip, int change)
{
	if (change > 0 && dip->i_links != 1) {
		dip->i_links++;
		if (dip->i_links > EXT2_LINK_MAX)
			dip->i_links = 1;
	} else if (change < 0 && dip->i_links > 2) {
		dip->i_links--;
	}
	ext2fs_inode_dirty(dip);
}

int
ext2fs_make(struct ext2fs_tx *tx, struct vnode *dvp, const struct vattr *va,
    struct vnode **vpp)
{
	struct ext2fs_inode *dip = VTOI(dvp), *ip;
	struct ext2fs_mount *em = tx->tx_mount;
	struct vattr copy = *va;
	struct vnode *vp;
	uint32_t ino, flags;
	int error;

	error = ext2fs_ialloc(tx, dip, mode_of_vtype(va->va_type), &ino);
	if (error != 0)
		return error;
	error = vcache_new(dvp->v_mount, ino, ext2fs_newvnode, &copy, &vp);
	if (error != 0) {
		ext2fs_ifree(tx, em, ino, va->va_type == VDIR);
		return error;
	}
	ip = VTOI(vp);
	flags = dip->i_flags & EXT2_INHERITED_FL;
	if (va->va_type == VREG)
		flags &= ~EXT2_DIRSYNC_FL;
	else if (va->va_type != VDIR)
		flags &= EXT2_NODUMP_FL | EXT2_NOATIME_FL;
	ip->i_flags |= flags;
	ext2fs_inode_dirty(ip);
	error = ext2fs_inode_flush(tx, ip);
	if (error != 0) {
		ext2fs_unmake(vp);
		return error;
	}
	*vpp = vp;
	return 0;
}

/* Nobody has seen it; the last reference frees what has no links. */
void
ext2fs_unmake(struct vnode *vp)
{
	vnode_lock(vp, RW_WRITER);
	VTOI(vp)->i_links = 0;
	ext2fs_inode_dirty(VTOI(vp));
	vnode_unlock(vp);
	vnode_rele(vp);
}

int
ext2fs_create(struct vnode *dvp, const struct componentname *cnp,
    const struct vattr *va, struct vnode **vpp)
{
	struct ext2fs_inode *dip = VTOI(dvp);
	struct ext2fs_tx tx;
	struct vnode *vp = NULL;
	int error;

	if ((error = ext2fs_tx_begin(ITOM(dip), &tx)) != 0)
		return error;
	error = ext2fs_make(&tx, dvp, va, &vp);
	if (error == 0) {
		error = ext2fs_dir_add(&tx, dip, cnp->cn_name, cnp->cn_len,
		    (uint32_t)vp->v_ino, mode_of_vtype(vp->v_type));
		if (error != 0)
			ext2fs_unmake(vp);
	}
	ext2fs_tx_end(&tx);
	if (error == 0)
		*vpp = vp;
	return error;
}

int
ext2fs_tmpfile(struct vnode *dvp, const struct vattr *va, struct vnode **vpp)
{
	struct ext2fs_tx tx;
	struct vnode *vp = NULL;
	int error;

	if ((error = ext2fs_tx_begin(MPTOEM(dvp->v_mount), &tx)) != 0)
		return error;
	error = ext2fs_make(&tx, dvp, va, &vp);
	if (error == 0) {
		VTOI(vp)->i_links = 0;
		ext2fs_inode_dirty(VTOI(vp));
		error = ext2fs_orphan_add(&tx, VTOI(vp));
		if (error != 0)
			ext2fs_unmake(vp);
	}
	ext2fs_tx_end(&tx);
	if (error == 0)
		*vpp = vp;
	return error;
}

/* The first block of a new directory. */
static int
dir_init(struct ext2fs_tx *tx, struct ext2fs_inode *dip, uint32_t parent)
{
	uint64_t lblk, pblk;
	struct buf *bp;
	int error;

	error = ext2fs_dir_grow(tx, dip, &lblk, &pblk);
	if (error != 0)
		return error;
	error = ext2fs_bread(tx->tx_mount, dip, pblk, EK_DIR, NULL, &bp);
	if (error != 0)
		return error;
	ext2fs_bwant(tx, bp);
	ext2fs_dirblock_init_dots(tx->tx_mount, bp->b_data, I_INO(dip),
	    parent);
	ext2fs_dirblock_csum_set(dip, bp->b_data);
	ext2fs_bdirty(tx, bp);
	dip->i_links = 2;
	atomic_store(&dip->i_parent, parent);
	ext2fs_inode_dirty(dip);
	return ext2fs_inode_flush(tx, dip);
}

int
ext2fs_mkdir(struct vnode *dvp, const struct componentname *cnp,
    const struct vattr *va, struct vnode **vpp)
{
	struct ext2fs_inode *dip = VTOI(dvp);
	struct vattr copy = *va;
	struct ext2fs_tx tx;
	struct vnode *vp = NULL;
	int error;

	if (ext2fs_dir_full(dip))
		return EMLINK;
	if ((error = ext2fs_tx_begin(ITOM(dip), &tx)) != 0)
		return error;
	copy.va_type = VDIR;
	error = ext2fs_make(&tx, dvp, &copy, &vp);
	if (error != 0)
		goto out;
	error = dir_init(&tx, VTOI(vp), I_INO(dip));
	if (error == 0)
		error = ext2fs_dir_add(&tx, dip, cnp->cn_name, cnp->cn_len,
		    (uint32_t)vp->v_ino, mode_of_vtype(VDIR));
	if (error != 0) {
		ext2fs_unmake(vp);
		goto out;
	}
	ext2fs_dir_link(dip, 1);
	error = ext2fs_inode_flush(&tx, dip);
	if (error != 0)
		vnode_rele(vp);
	else
		*vpp = vp;
out:
	ext2fs_tx_end(&tx);
	return error;
}

int
ext2fs_link(struct vnode *dvp, struct vnode *vp,
    const struct componentname *cnp)
{
	struct ext2fs_inode *dip = VTOI(dvp), *ip = VTOI(vp);
	struct ext2fs_tx tx;
	int error;

	if (ip->i_links >= EXT2_LINK_MAX)
		return EMLINK;
	if ((error = ext2fs_tx_begin(ITOM(dip), &tx)) != 0)
		return error;
	ip->i_links++;
	ext2fs_touch_ctime(ip);
	error = ext2fs_inode_flush(&tx, ip);
	if (error == 0)
		error = ext2fs_dir_add(&tx, dip, cnp->cn_name, cnp->cn_len,
		    I_INO(ip), mode_of_vtype(vp->v_type));
	if (error != 0) {
		ip->i_links--;
		ext2fs_inode_dirty(ip);
	} else {
		/* linkat(2) of a file that was made by O_TMPFILE. */
		ext2fs_orphan_remove(&tx, ip);
	}
	ext2fs_tx_end(&tx);
	return error;
}

int
ext2fs_drop_link(struct ext2fs_tx *tx, struct ext2fs_inode *ip)
{
	int error = 0;

	if (ip->i_links == 0)
		return ext2fs_corrupt(tx->tx_mount, "inode %u: has more names "
		    "than links", I_INO(ip));
	ip->i_links = ip->i_vnode->v_type == VDIR ? 0 : ip->i_links - 1;
	ext2fs_touch_ctime(ip);
	if (ip->i_links == 0)
		error = ext2fs_orphan_add(tx, ip);
	return error;
}

int
ext2fs_unlink(struct vnode *dvp, struct vnode *vp,
    const struct componentname *cnp)
{
	struct ext2fs_inode *dip = VTOI(dvp), *ip = VTOI(vp);
	struct ext2fs_tx tx;
	int error;

	if ((error = ext2fs_tx_begin(ITOM(dip), &tx)) != 0)
		return error;
	error = ext2fs_dir_remove(&tx, dip, cnp->cn_name, cnp->cn_len,
	    I_INO(ip));
	if (error == 0)
		error = ext2fs_drop_link(&tx, ip);
	ext2fs_tx_end(&tx);
	return error;
}

int
ext2fs_rmdir(struct vnode *dvp, struct vnode *vp,
    const struct componentname *cnp)
{
	struct ext2fs_inode *dip = VTOI(dvp), *ip = VTOI(vp);
	struct ext2fs_tx tx;
	bool empty;
	int error;

	if ((error = ext2fs_dir_empty(ip, &empty)) != 0)
		return error;
	if (!empty)
		return ENOTEMPTY;
	if ((error = ext2fs_tx_begin(ITOM(dip), &tx)) != 0)
		return error;
	error = ext2fs_dir_remove(&tx, dip, cnp->cn_name, cnp->cn_len,
	    I_INO(ip));
	if (error == 0)
		error = ext2fs_drop_link(&tx, ip);
	if (error == 0) {
		ext2fs_dir_link(dip, -1);
		error = ext2fs_inode_flush(&tx, dip);
	}
	ext2fs_tx_end(&tx);
	return error;
}
