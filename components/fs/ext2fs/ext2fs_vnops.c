/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Operations on one vnode: looking names up, attributes; and the table of all.
 */
#include "ext2fs.h"
#include <linux/fs.h>

/*
 * A directory has one parent: the one that ".." names. So the tree of a
 * damaged image cannot lead back to where it came from, and who locks parents
 * before children never waits for himself.
 */
static int
check_parent(struct ext2fs_inode *dip, struct ext2fs_inode *ip)
{
	struct ext2fs_slot slot;
	int error;

	if (atomic_load_explicit(&ip->i_parent, memory_order_relaxed) ==
	    I_INO(dip))
		return 0;
	error = ext2fs_dir_lookup(ip, "..", 2, &slot);
	if (error == ENOENT || (error == 0 && slot.s_ino != I_INO(dip)))
		return ext2fs_corrupt(ITOM(dip), "directory %u: is in %u, but "
		    "its \"..\" is not", I_INO(ip), I_INO(dip));
	if (error == 0)
		atomic_store_explicit(&ip->i_parent, I_INO(dip),
		    memory_order_relaxed);
	return error;
}

static bool
is_dotdot(const struct componentname *cnp)
{
	return cnp->cn_len == 2 && cnp->cn_name[0] == '.' &&
	    cnp->cn_name[1] == '.';
}

static int
lookup(struct vnode *dvp, const struct componentname *cnp, struct vnode **vpp)
{
	struct ext2fs_inode *dip = VTOI(dvp);
	struct ext2fs_mount *em = ITOM(dip);
	struct ext2fs_slot slot;
	struct vnode *vp;
	int error;

	if (cnp->cn_len == 1 && cnp->cn_name[0] == '.') {
		*vpp = vnode_hold(dvp);
		return 0;
	}
	error = ext2fs_dir_lookup(dip, cnp->cn_name, cnp->cn_len, &slot);
	if (error != 0)
		return error;
	if (slot.s_ino == I_INO(dip) && !is_dotdot(cnp))
		return ext2fs_corrupt(em, "directory %u: contains itself",
		    I_INO(dip));
	error = vcache_get(dvp->v_mount, slot.s_ino, &vp);
	if (error == ENOENT)
		return ext2fs_corrupt(em, "directory %u: has a name for "
		    "inode %u, which is free", I_INO(dip), slot.s_ino);
	if (error != 0)
		return error;
	if (vp->v_type == VDIR && !is_dotdot(cnp))
		error = check_parent(dip, VTOI(vp));
	else if (vp->v_type != VDIR && is_dotdot(cnp))
		error = ext2fs_corrupt(em, "directory %u: \"..\" is none",
		    I_INO(dip));
	if (error != 0) {
		vnode_rele(vp);
		return error;
	}
	*vpp = vp;
	return 0;
}

/* ---- Attributes ------------------------------------------------------- */

static const struct {
	uint32_t disk, attr;
} flag_map[] = {
	{ EXT2_IMMUTABLE_FL, STATX_ATTR_IMMUTABLE },
	{ EXT2_APPEND_FL, STATX_ATTR_APPEND },
	{ EXT2_NODUMP_FL, STATX_ATTR_NODUMP },
};

static int
getattr(struct vnode *vp, struct vattr *va)
{
	struct ext2fs_inode *ip = VTOI(vp);
	struct ext2fs_mount *em = ITOM(ip);
	unsigned i;

	va->va_type = vp->v_type;
	va->va_mode = atomic_load_explicit(&vp->v_mode, memory_order_relaxed);
	va->va_uid = atomic_load_explicit(&vp->v_uid, memory_order_relaxed);
	va->va_gid = atomic_load_explicit(&vp->v_gid, memory_order_relaxed);
	va->va_rdev = vp->v_rdev;
	va->va_size = i_size_get(ip);
	va->va_blocks = atomic_load_explicit(&ip->i_blocks,
	    memory_order_relaxed);
	if (vp->v_type == VREG)
		va->va_blocks += (uint64_t)ip->i_reserved *
		    (em->em_bsize >> 9);
	va->va_blksize = MAX(em->em_bsize, (uint32_t)PAGE_SIZE);
	va->va_nlink = ip->i_links;
	va->va_ino = vp->v_ino;
	va->va_gen = ip->i_gen;
	va->va_attributes = va->va_attributes_mask = 0;
	for (i = 0; i < nitems(flag_map); i++) {
		va->va_attributes_mask |= flag_map[i].attr;
		if ((ip->i_flags & flag_map[i].disk) != 0)
			va->va_attributes |= flag_map[i].attr;
	}
	va->va_atime = ext2fs_time_unpack(atomic_load(&ip->i_atime));
	va->va_mtime = ext2fs_time_unpack(atomic_load(&ip->i_mtime));
	va->va_ctime = ext2fs_time_unpack(atomic_load(&ip->i_ctime));
	va->va_btime = ext2fs_time_unpack(ip->i_crtime);
	va->va_mask = VA_MODE | VA_UID | VA_GID | VA_SIZE | VA_ATIME |
	    VA_MTIME | VA_CTIME | VA_ATTRS;
	if (ip->i_crtime != 0)
		va->va_mask |= VA_BTIME;
	return 0;
}

static void
set_flags(struct ext2fs_inode *ip, uint32_t attrs)
{
	unsigned i;

	for (i = 0; i < nitems(flag_map); i++) {
		ip->i_flags &= ~flag_map[i].disk;
		if ((attrs & flag_map[i].attr) != 0)
			ip->i_flags |= flag_map[i].disk;
	}
}

static int
setattr(struct vnode *vp, const struct vattr *va)
{
	struct ext2fs_inode *ip = VTOI(vp);
	struct ext2fs_mount *em = ITOM(ip);
	struct ext2fs_tx tx;
	int error;

	if ((error = ext2fs_tx_begin(em, &tx)) != 0)
		return error;
	if ((va->va_mask & VA_SIZE) != 0) {
		error = vp->v_type == VREG ?
		    ext2fs_setsize(&tx, ip, va->va_size) : EINVAL;
		if (error != 0) {
			ext2fs_tx_end(&tx);
			return error;
		}
		ext2fs_touch(ip);
	}
	if ((va->va_mask & VA_MODE) != 0)
		atomic_store_explicit(&vp->v_mode, va->va_mode & 07777,
		    memory_order_relaxed);
	if ((va->va_mask & VA_UID) != 0)
		atomic_store_explicit(&vp->v_uid, va->va_uid,
		    memory_order_relaxed);
	if ((va->va_mask & VA_GID) != 0)
		atomic_store_explicit(&vp->v_gid, va->va_gid,
		    memory_order_relaxed);
	if ((va->va_mask & VA_ATTRS) != 0)
		set_flags(ip, va->va_attributes);
	atomic_store(&ip->i_ctime, ext2fs_time_now(ip));
	if ((va->va_mask & VA_ATIME) != 0)
		atomic_store(&ip->i_atime,
		    ext2fs_time_pack(ip, &va->va_atime));
	if ((va->va_mask & VA_MTIME) != 0)
		atomic_store(&ip->i_mtime,
		    ext2fs_time_pack(ip, &va->va_mtime));
	if ((va->va_mask & VA_CTIME) != 0)
		atomic_store(&ip->i_ctime,
		    ext2fs_time_pack(ip, &va->va_ctime));
	ext2fs_inode_dirty(ip);
	ext2fs_tx_end(&tx);
	return 0;
}

static int
readdir(struct vnode *dvp, off_t *offp, vop_filldir_t fn, void *arg)
{
	int error = ext2fs_readdir(dvp, offp, fn, arg);

	ext2fs_accessed(dvp);
	return error;
}

static int
readlink(struct vnode *vp, struct uio *uio)
{
	int error = ext2fs_readlink(vp, uio);

	ext2fs_accessed(vp);
	return error;
}

const struct vnodeops ext2fs_vnodeops = {
	.vop_lookup = lookup,
	.vop_create = ext2fs_create,
	.vop_mkdir = ext2fs_mkdir,
	.vop_symlink = ext2fs_symlink,
	.vop_tmpfile = ext2fs_tmpfile,
	.vop_link = ext2fs_link,
	.vop_unlink = ext2fs_unlink,
	.vop_rmdir = ext2fs_rmdir,
	.vop_rename = ext2fs_rename,
	.vop_readdir = readdir,
	.vop_readlink = readlink,
	.vop_getattr = getattr,
	.vop_setattr = setattr,
	.vop_read = ext2fs_read,
	.vop_write = ext2fs_write,
	.vop_fsync = ext2fs_fsync,
	.vop_fallocate = ext2fs_fallocate,
	.vop_seekhole = ext2fs_seekhole,
	.vop_bmap = ext2fs_bmap,
	.vop_getxattr = ext2fs_getxattr,
	.vop_setxattr = ext2fs_setxattr,
	.vop_listxattr = ext2fs_listxattr,
	.vop_inactive = ext2fs_inactive,
	.vop_reclaim = ext2fs_reclaim,
};
