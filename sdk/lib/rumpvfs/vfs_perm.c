/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who may do what: mode bits, the sticky bit, set-id rules, immutable files.
 * Effective user 0 overrides. path_resolution(7), capabilities(7), inode(7).
 */
#include "vfs.h"

static const mode_t vtype_mode[] = {
	[VREG] = S_IFREG, [VDIR] = S_IFDIR, [VLNK] = S_IFLNK, [VCHR] = S_IFCHR,
	[VBLK] = S_IFBLK, [VFIFO] = S_IFIFO, [VSOCK] = S_IFSOCK,
};

enum vtype
vtype_of_mode(mode_t mode)
{

	switch (mode & S_IFMT) {
	case S_IFREG:
		return VREG;
	case S_IFDIR:
		return VDIR;
	case S_IFLNK:
		return VLNK;
	case S_IFCHR:
		return VCHR;
	case S_IFBLK:
		return VBLK;
	case S_IFIFO:
		return VFIFO;
	case S_IFSOCK:
		return VSOCK;
	default:
		return VNON;
	}
}

mode_t
mode_of_vtype(enum vtype type)
{
	return vtype_mode[type];
}

static inline mode_t
vmode(struct vnode *vp)
{
	return atomic_load_explicit(&vp->v_mode, memory_order_relaxed);
}

int
vaccess_mode(struct vnode *vp, const struct cred *cr, int want)
{
	mode_t mode = vmode(vp), bits;
	gid_t gid;

	if (cr->cr_fsuid == atomic_load_explicit(&vp->v_uid,
	    memory_order_relaxed))
		bits = mode >> 6;
	else if (((mode ^ (mode >> 3)) & 7) == 0)
		bits = mode;		/* no need to know the group */
	else {
		gid = atomic_load_explicit(&vp->v_gid, memory_order_relaxed);
		bits = cr->cr_fsgid == gid || cred_in_group(cr, gid) ?
		    mode >> 3 : mode;
	}
	if ((bits & want & 7) == (mode_t)want)
		return 0;
	if (!cred_is_root(cr))
		return EACCES;
	if ((want & VEXEC) != 0 && vp->v_type != VDIR && (mode & 0111) == 0)
		return EACCES;
	return 0;
}

int
vaccess(struct vnode *vp, const struct cred *cr, int want)
{

	if ((want & VWRITE) != 0 && mount_rdonly(vp->v_mount) &&
	    (vp->v_type == VREG || vp->v_type == VDIR || vp->v_type == VLNK))
		return EROFS;
	if ((want & VWRITE) != 0 && vnode_immutable(vp))
		return EPERM;
	return vaccess_mode(vp, cr, want);
}

bool
vaccess_owner(struct vnode *vp, const struct cred *cr)
{
	return cr->cr_fsuid == atomic_load_explicit(&vp->v_uid,
	    memory_order_relaxed) || cred_is_root(cr);
}

bool
vaccess_group(struct vnode *vp, const struct cred *cr)
{
	gid_t gid = atomic_load_explicit(&vp->v_gid, memory_order_relaxed);

	return cr->cr_fsgid == gid || cred_is_root(cr) ||
	    cred_in_group(cr, gid);
}

int
vaccess_create(struct vnode *dvp, const struct cred *cr)
{

	if (!vnode_dir_alive(dvp))
		return ENOENT;
	return vaccess(dvp, cr, VWRITE | VEXEC);
}

int
vaccess_delete(struct vnode *dvp, struct vnode *vp, const struct cred *cr,
    bool isdir)
{
	int error;

	error = vaccess(dvp, cr, VWRITE | VEXEC);
	if (error != 0)
		return error;
	if (vnode_append_only(dvp) || vnode_append_only(vp) ||
	    vnode_immutable(vp))
		return EPERM;
	if ((vmode(dvp) & S_ISVTX) != 0 && !vaccess_owner(vp, cr) &&
	    cr->cr_fsuid != atomic_load_explicit(&dvp->v_uid,
	    memory_order_relaxed))
		return EPERM;
	if (isdir && vp->v_type != VDIR)
		return ENOTDIR;
	if (!isdir && vp->v_type == VDIR)
		return EISDIR;
	return 0;
}

void
vattr_inherit(const struct vnode *dvp, struct vattr *va, const struct cred *cr)
{
	struct vnode *d = (struct vnode *)(uintptr_t)dvp;

	va->va_uid = cr->cr_fsuid;
	va->va_gid = cr->cr_fsgid;
	if ((vmode(d) & S_ISGID) != 0) {
		va->va_gid = atomic_load_explicit(&d->v_gid,
		    memory_order_relaxed);
		if (va->va_type == VDIR)
			va->va_mode |= S_ISGID;
		else if ((va->va_mode & (S_ISGID | S_IXGRP)) ==
		    (S_ISGID | S_IXGRP) && !cred_is_root(cr) &&
		    va->va_gid != cr->cr_fsgid &&
		    !cred_in_group(cr, va->va_gid))
			va->va_mode &= ~(mode_t)S_ISGID;
	}
	va->va_mask |= VA_MODE | VA_UID | VA_GID;
}

bool
vfs_want_atime(struct vnode *vp, const struct vattr *va)
{
	unsigned long f = atomic_load_explicit(&vp->v_mount->mnt_flags,
	    memory_order_relaxed);
	struct timespec now;

	if ((f & (MS_RDONLY | MS_NOATIME)) != 0 ||
	    ((f & MS_NODIRATIME) != 0 && vp->v_type == VDIR))
		return false;
	if ((f & MS_STRICTATIME) != 0)
		return true;
	/* relatime: the first read after a change, and once a day. */
	if (va->va_atime.tv_sec < va->va_mtime.tv_sec ||
	    va->va_atime.tv_sec < va->va_ctime.tv_sec ||
	    (va->va_atime.tv_sec == va->va_mtime.tv_sec &&
	    va->va_atime.tv_nsec <= va->va_mtime.tv_nsec) ||
	    (va->va_atime.tv_sec == va->va_ctime.tv_sec &&
	    va->va_atime.tv_nsec <= va->va_ctime.tv_nsec))
		return true;
	real_stamp(&now);
	return now.tv_sec - va->va_atime.tv_sec >= 24 * 60 * 60;
}
