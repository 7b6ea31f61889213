/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ioctl(2) of regular files and directories: flags of chattr(1), the map of a
 * file's blocks; the rest is the file system's.
 */
#include <asm/ioctls.h>
#include <linux/fiemap.h>
#include <linux/fs.h>

#include "vfs.h"

/*
 * FS_*_FL and the STATX_ATTR_* that a file system knows. The values of
 * STATX_ATTR_* are those of FS_*_FL: statx(2).
 */
#define SETTABLE	(STATX_ATTR_COMPRESSED | STATX_ATTR_IMMUTABLE | \
	STATX_ATTR_APPEND | STATX_ATTR_NODUMP)

static int
get_flags(struct vnode *vp, void *arg)
{
	struct vattr va;
	int flags, error;

	error = vn_getattr(vp, &va);
	if (error != 0)
		return error;
	if ((va.va_attributes_mask & SETTABLE) == 0)
		return ENOTTY;
	flags = (int)(va.va_attributes & (SETTABLE | STATX_ATTR_ENCRYPTED));
	return copyout(&flags, arg, sizeof(flags));
}

static int
set_flags(struct vnode *vp, void *arg, const struct cred *cr)
{
	struct vattr va, old;
	uint32_t changed;
	int flags, error;

	error = copyin(arg, &flags, sizeof(flags));
	if (error != 0)
		return error;
	if (mount_rdonly(vp->v_mount))
		return EROFS;
	if (!vaccess_owner(vp, cr))
		return EPERM;
	vnode_lock(vp, RW_WRITER);
	error = vp->v_op->vop_getattr == NULL ? EIO :
	    vp->v_op->vop_getattr(vp, &old);
	if (error == 0 && (old.va_attributes_mask & SETTABLE) == 0)
		error = ENOTTY;
	if (error == 0 && ((uint32_t)flags & ~(old.va_attributes_mask &
	    SETTABLE)) != 0)
		error = EOPNOTSUPP;
	changed = (uint32_t)flags ^ (old.va_attributes & SETTABLE);
	if (error == 0 && (changed & (STATX_ATTR_IMMUTABLE |
	    STATX_ATTR_APPEND)) != 0 && !cred_is_root(cr))
		error = EPERM;
	if (error == 0) {
		va.va_mask = VA_ATTRS;
		va.va_attributes = (uint32_t)flags |
		    (old.va_attributes & ~(uint32_t)SETTABLE);
		error = vn_setattr_locked(vp, &va);
	}
	if (error == 0) {
		atomic_fetch_and(&vp->v_flags,
		    (uint8_t)~(VV_IMMUTABLE | VV_APPEND));
		atomic_fetch_or(&vp->v_flags, (uint8_t)
		    (((flags & STATX_ATTR_IMMUTABLE) != 0 ? VV_IMMUTABLE : 0) |
		    ((flags & STATX_ATTR_APPEND) != 0 ? VV_APPEND : 0)));
	}
	vnode_unlock(vp);
	return error;
}

/* ---- FIEMAP ------------------------------------------------------------ */

/*
 * Give one extent to the application; slot counts them all, those that do not
 * fit too.
 */
static int
fiemap_put(const struct fiemap *fm, struct fiemap *ufm, uint32_t slot,
    const struct fiemap_extent *fe)
{

	if (slot >= fm->fm_extent_count)
		return 0;
	return copyout(fe, &ufm->fm_extents[slot], sizeof(*fe));
}

static int
fiemap_walk(struct vnode *vp, struct fiemap *fm, struct fiemap *ufm,
    uint64_t size)
{
	struct fiemap_extent fe, last;
	uint64_t off, end, addr, run;
	uint32_t n = 0;
	bool have = false;
	int error = 0;

	end = fm->fm_length > UINT64_MAX - fm->fm_start ? UINT64_MAX :
	    fm->fm_start + fm->fm_length;
	end = MIN(end, size);
	for (off = fm->fm_start; error == 0 && off < end; off += run) {
		if (fm->fm_extent_count != 0 && n > fm->fm_extent_count)
			break;
		error = vp->v_op->vop_bmap(vp, off, &addr, &run);
		if (error != 0)
			return error;
		if (run == 0)
			return EUCLEAN;
		if (addr == UINT64_MAX)
			continue;
		memset(&fe, 0, sizeof(fe));
		fe.fe_logical = off;
		fe.fe_physical = addr;
		fe.fe_length = run;
		if (have && last.fe_logical + last.fe_length == off &&
		    last.fe_physical + last.fe_length == addr) {
			last.fe_length += run;
			continue;
		}
		if (have)
			error = fiemap_put(fm, ufm, n++, &last);
		last = fe;
		have = true;
	}
	if (error == 0 && have) {
		if (off >= size)
			last.fe_flags |= FIEMAP_EXTENT_LAST;
		error = fiemap_put(fm, ufm, n++, &last);
	}
	fm->fm_mapped_extents = fm->fm_extent_count == 0 ? n :
	    MIN(n, fm->fm_extent_count);
	return error;
}

static int
fiemap(struct vnode *vp, struct fiemap *ufm)
{
	struct fiemap fm;
	struct vattr va;
	int error;

	error = copyin(ufm, &fm, sizeof(fm));
	if (error != 0)
		return error;
	if (fm.fm_length == 0 || fm.fm_start > INT64_MAX)
		return EINVAL;
	if ((fm.fm_flags & ~(uint32_t)FIEMAP_FLAG_SYNC) != 0) {
		fm.fm_flags &= ~(uint32_t)FIEMAP_FLAG_SYNC;
		error = copyout(&fm, ufm, sizeof(fm));
		return error != 0 ? error : EBADR;
	}
	if ((fm.fm_flags & FIEMAP_FLAG_SYNC) != 0) {
		vnode_lock(vp, RW_WRITER);
		error = vnode_doomed(vp) ? EIO :
		    pagecache_flush(&vp->v_pages, 0, 0, true);
		vnode_unlock(vp);
		if (error != 0)
			return error;
	}
	vnode_lock(vp, RW_READER);
	error = vp->v_op->vop_bmap == NULL ? EOPNOTSUPP :
	    vp->v_op->vop_getattr(vp, &va);
	if (error == 0)
		error = fiemap_walk(vp, &fm, ufm, va.va_size);
	vnode_unlock(vp);
	return error != 0 ? error : copyout(&fm, ufm, sizeof(fm));
}

static int
fibmap(struct vnode *vp, int *arg)
{
	uint64_t addr, run;
	struct vattr va;
	int block, error;

	if (!cred_is_root(curcred()))
		return EPERM;
	error = copyin(arg, &block, sizeof(block));
	if (error != 0)
		return error;
	if (block < 0)
		return EINVAL;
	vnode_lock(vp, RW_READER);
	error = vp->v_op->vop_bmap == NULL ? EINVAL :
	    vp->v_op->vop_getattr(vp, &va);
	if (error == 0)
		error = vp->v_op->vop_bmap(vp,
		    (uint64_t)block * va.va_blksize, &addr, &run);
	vnode_unlock(vp);
	if (error != 0)
		return error;
	block = addr == UINT64_MAX ? 0 : (int)(addr / va.va_blksize);
	return copyout(&block, arg, sizeof(block));
}

static int
readable(struct file *fp, int *arg)
{
	struct vattr va;
	off_t off;
	int n, error;

	error = vn_getattr(fp->f_vnode, &va);
	if (error != 0)
		return error;
	mutex_enter(&fp->f_offlock);
	off = fp->f_offset;
	mutex_exit(&fp->f_offlock);
	n = (int)((off_t)va.va_size - off);
	return copyout(&n, arg, sizeof(n));
}

int
vn_ioctl(struct file *fp, unsigned long cmd, void *arg)
{
	struct vnode *vp = fp->f_vnode;
	int blksize = (int)vp->v_mount->mnt_stat.f_bsize;

	switch (cmd) {
	case FS_IOC_GETFLAGS:
		return get_flags(vp, arg);
	case FS_IOC_SETFLAGS:
		return set_flags(vp, arg, curcred());
	case FS_IOC_FIEMAP:
		return vp->v_type != VREG ? EOPNOTSUPP : fiemap(vp, arg);
	case FIGETBSZ:
		return copyout(&blksize, arg, sizeof(blksize));
	case FIBMAP:
		if (vp->v_type == VREG)
			return fibmap(vp, arg);
		break;
	case FIONREAD:
		if (vp->v_type == VREG)
			return readable(fp, arg);
		break;
	}
	return vp->v_op->vop_ioctl == NULL ? ENOTTY :
	    vp->v_op->vop_ioctl(vp, cmd, arg, fp->f_flags);
}
