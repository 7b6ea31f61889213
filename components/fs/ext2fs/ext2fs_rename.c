/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Renaming. The new name is there before the old one goes, and a directory
 * that changes its parent gets its ".." in between.
 */
#include "ext2fs.h"
#include <linux/fs.h>

/* vp's directory changes from one to another: "..", and links of both. */
static int
reparent(struct ext2fs_tx *tx, struct ext2fs_inode *ip,
    struct ext2fs_inode *to)
{
	int error;

	error = ext2fs_dir_replace(tx, ip, "..", 2, I_INO(to),
	    mode_of_vtype(VDIR));
	if (error == ENOENT)
		error = ext2fs_corrupt(tx->tx_mount, "directory %u: has no "
		    "\"..\"", I_INO(ip));
	if (error == 0)
		atomic_store(&ip->i_parent, I_INO(to));
	return error;
}

static int
exchange(struct ext2fs_tx *tx, const struct rename_args *ra)
{
	struct ext2fs_inode *fdip = VTOI(ra->ra_fdvp), *fip = VTOI(ra->ra_fvp);
	struct ext2fs_inode *tdip = VTOI(ra->ra_tdvp), *tip = VTOI(ra->ra_tvp);
	const struct componentname *f = ra->ra_fcnp, *t = ra->ra_tcnp;
	bool fdir = ra->ra_fvp->v_type == VDIR;
	bool tdir = ra->ra_tvp->v_type == VDIR;
	int error;

	if (fdip != tdip && fdir != tdir &&
	    ext2fs_dir_full(fdir ? tdip : fdip))
		return EMLINK;
	error = ext2fs_dir_replace(tx, fdip, f->cn_name, f->cn_len, I_INO(tip),
	    mode_of_vtype(ra->ra_tvp->v_type));
	if (error != 0)
		return error;
	error = ext2fs_dir_replace(tx, tdip, t->cn_name, t->cn_len, I_INO(fip),
	    mode_of_vtype(ra->ra_fvp->v_type));
	if (error != 0)
		return error;
	if (fdip != tdip && fdir && (error = reparent(tx, fip, tdip)) != 0)
		return error;
	if (fdip != tdip && tdir && (error = reparent(tx, tip, fdip)) != 0)
		return error;
	if (fdip != tdip && fdir != tdir) {
		ext2fs_dir_link(fdip, fdir ? -1 : 1);
		ext2fs_dir_link(tdip, fdir ? 1 : -1);
	}
	ext2fs_touch_ctime(fip);
	ext2fs_touch_ctime(tip);
	return 0;
}

/* The place of the source is taken by a character device 0, 0. */
static int
leave_whiteout(struct ext2fs_tx *tx, const struct rename_args *ra)
{
	struct vattr va = { .va_type = VCHR };
	struct vnode *vp;
	int error;

	va.va_uid = ra->ra_fcnp->cn_cred->cr_fsuid;
	va.va_gid = ra->ra_fcnp->cn_cred->cr_fsgid;
	error = ext2fs_make(tx, ra->ra_fdvp, &va, &vp);
	if (error != 0)
		return error;
	error = ext2fs_dir_replace(tx, VTOI(ra->ra_fdvp), ra->ra_fcnp->cn_name,
	    ra->ra_fcnp->cn_len, (uint32_t)vp->v_ino, mode_of_vtype(VCHR));
	if (error != 0)
		ext2fs_unmake(vp);
	else
		vnode_rele(vp);
	return error;
}

/* May the target be replaced? */
static int
check_target(const struct rename_args *ra)
{
	struct ext2fs_inode *tdip = VTOI(ra->ra_tdvp);
	bool empty;
	int error;

	if (ra->ra_tvp == NULL) {
		if (ra->ra_fvp->v_type == VDIR &&
		    ra->ra_fdvp != ra->ra_tdvp && ext2fs_dir_full(tdip))
			return EMLINK;
		return 0;
	}
	if (ra->ra_tvp->v_type != VDIR)
		return 0;
	error = ext2fs_dir_empty(VTOI(ra->ra_tvp), &empty);
	return error != 0 ? error : empty ? 0 : ENOTEMPTY;
}

/* Put the name at its new place. */
static int
enter_target(struct ext2fs_tx *tx, const struct rename_args *ra)
{
	const struct componentname *t = ra->ra_tcnp;
	uint32_t ino = (uint32_t)ra->ra_fvp->v_ino;
	mode_t mode = mode_of_vtype(ra->ra_fvp->v_type);

	if (ra->ra_tvp == NULL)
		return ext2fs_dir_add(tx, VTOI(ra->ra_tdvp), t->cn_name,
		    t->cn_len, ino, mode);
	return ext2fs_dir_replace(tx, VTOI(ra->ra_tdvp), t->cn_name,
	    t->cn_len, ino, mode);
}

static int
move(struct ext2fs_tx *tx, const struct rename_args *ra)
{
	struct ext2fs_inode *fdip = VTOI(ra->ra_fdvp), *fip = VTOI(ra->ra_fvp);
	struct ext2fs_inode *tdip = VTOI(ra->ra_tdvp);
	const struct componentname *f = ra->ra_fcnp;
	bool dir = ra->ra_fvp->v_type == VDIR;
	int error;

	if ((error = check_target(ra)) != 0 ||
	    (error = enter_target(tx, ra)) != 0)
		return error;
	if (dir && fdip != tdip && (error = reparent(tx, fip, tdip)) != 0)
		return error;
	if ((ra->ra_flags & RENAME_WHITEOUT) != 0)
		error = leave_whiteout(tx, ra);
	else
		error = ext2fs_dir_remove(tx, fdip, f->cn_name, f->cn_len,
		    I_INO(fip));
	if (error != 0)
		return error;
	if (dir) {
		ext2fs_dir_link(fdip, -1);
		ext2fs_dir_link(tdip, 1);
	}
	if (ra->ra_tvp != NULL) {
		if (ra->ra_tvp->v_type == VDIR)
			ext2fs_dir_link(tdip, -1);
		error = ext2fs_drop_link(tx, VTOI(ra->ra_tvp));
	}
	ext2fs_touch_ctime(fip);
	return error;
}

int
ext2fs_rename(const struct rename_args *ra)
{
	struct ext2fs_mount *em = ITOM(VTOI(ra->ra_fdvp));
	struct ext2fs_tx tx;
	int error, e;

	if (ra->ra_fvp == ra->ra_tvp)
		return 0;
	if ((error = ext2fs_tx_begin(em, &tx)) != 0)
		return error;
	error = (ra->ra_flags & RENAME_EXCHANGE) != 0 ? exchange(&tx, ra) :
	    move(&tx, ra);
	e = ext2fs_inode_flush(&tx, VTOI(ra->ra_fdvp));
	if (error == 0)
		error = e;
	e = ext2fs_inode_flush(&tx, VTOI(ra->ra_tdvp));
	if (error == 0)
		error = e;
	ext2fs_tx_end(&tx);
	return error;
}
