/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Open files of vnodes: regular files and directories; and what all files with
 * a vnode share.
 */
#include <linux/resource.h>
#include <asm/signal.h>

#include "advlock.h"
#include "notify.h"
#include "specfs.h"
#include "vfs.h"

/* ---- Attributes -------------------------------------------------------- */

int
vn_getattr(struct vnode *vp, struct vattr *va)
{
	int error;

	va->va_mask = 0;
	va->va_attributes = va->va_attributes_mask = 0;
	va->va_rdev = 0;
	vnode_lock(vp, RW_READER);
	error = vp->v_op->vop_getattr == NULL ? EIO :
	    vp->v_op->vop_getattr(vp, va);
	vnode_unlock(vp);
	return error;
}

/* v_lock X. */
int
vn_setattr_locked(struct vnode *vp, const struct vattr *va)
{

	if (vp->v_op->vop_setattr == NULL)
		return vnode_doomed(vp) ? EIO : EPERM;
	return vp->v_op->vop_setattr(vp, va);
}

void
vattr_to_stat(struct vnode *vp, const struct vattr *va, struct stat *st)
{

	memset(st, 0, sizeof(*st));
	st->st_dev = vp->v_mount->mnt_dev;
	st->st_ino = va->va_ino;
	st->st_nlink = va->va_nlink;
	st->st_mode = mode_of_vtype(vp->v_type) | (va->va_mode & 07777);
	st->st_uid = va->va_uid;
	st->st_gid = va->va_gid;
	st->st_rdev = vp->v_type == VCHR || vp->v_type == VBLK ?
	    vp->v_rdev : 0;
	st->st_size = (off_t)va->va_size;
	st->st_blksize = va->va_blksize;
	st->st_blocks = (off_t)va->va_blocks;
	st->st_atime = (unsigned long)va->va_atime.tv_sec;
	st->st_atime_nsec = (unsigned long)va->va_atime.tv_nsec;
	st->st_mtime = (unsigned long)va->va_mtime.tv_sec;
	st->st_mtime_nsec = (unsigned long)va->va_mtime.tv_nsec;
	st->st_ctime = (unsigned long)va->va_ctime.tv_sec;
	st->st_ctime_nsec = (unsigned long)va->va_ctime.tv_nsec;
}

int
vn_stat(struct file *fp, struct stat *st)
{
	struct vattr va;
	int error;

	error = vn_getattr(fp->f_vnode, &va);
	if (error == 0)
		vattr_to_stat(fp->f_vnode, &va, st);
	return error;
}

/* ---- Limits and set-id bits -------------------------------------------- */

int
vn_limit_size(uint64_t off, size_t *np)
{
	uint64_t max;

	max = atomic_load_explicit(&curproc->p_rlimit[RLIMIT_FSIZE][0],
	    memory_order_relaxed);
	if (__likely(max == UINT64_MAX))
		return 0;
	if (*np > 0 && off >= max)
		return ELIMIT;
	if (*np > max - off)
		*np = (size_t)(max - off);
	return 0;
}

int
vn_limit_raise(int error)
{

	if (__likely(error != ELIMIT))
		return error;
	signal_post_self(SIGXFSZ);
	return EFBIG;
}

int
vn_drop_setid(struct vnode *vp, const struct cred *cr)
{
	mode_t mode = atomic_load_explicit(&vp->v_mode, memory_order_relaxed);
	mode_t drop = 0;
	struct vattr va;

	if (__likely((mode & (S_ISUID | S_ISGID)) == 0) || cred_is_root(cr) ||
	    vp->v_type != VREG)
		return 0;
	drop = mode & (S_ISUID | S_ISGID);
	if ((mode & S_IXGRP) == 0 && vaccess_group(vp, cr))
		drop &= ~(mode_t)S_ISGID;
	if (drop == 0)
		return 0;
	va.va_mask = VA_MODE;
	va.va_mode = mode & ~drop;
	return vn_setattr_locked(vp, &va);
}

/* ---- Reading and writing ----------------------------------------------- */

static int
vn_read(struct file *fp, off_t *offp, struct uio *uio, int flags)
{
	struct vnode *vp = fp->f_vnode;
	int fflags = atomic_load_explicit(&fp->f_flags, memory_order_relaxed);
	size_t want = uio->uio_resid;
	int ioflag = 0, error;

	if (__unlikely((flags & ~(RWF_HIPRI | RWF_NOWAIT | RWF_DSYNC |
	    RWF_SYNC | RWF_APPEND)) != 0))
		return EOPNOTSUPP;
	if ((flags & RWF_NOWAIT) != 0)
		ioflag |= IO_NOWAIT;
	if (__unlikely((fflags & (O_DIRECT | O_NOATIME)) != 0))
		ioflag |= ((fflags & O_DIRECT) != 0 ? IO_DIRECT : 0) |
		    ((fflags & O_NOATIME) != 0 ? IO_NOATIME : 0);
	if (__unlikely(vp->v_type == VDIR))
		return EISDIR;
	uio->uio_offset = *offp;
	vnode_lock(vp, RW_READER);
	error = vp->v_op->vop_read == NULL ? EINVAL :
	    vp->v_op->vop_read(vp, uio, ioflag);
	vnode_unlock(vp);
	*offp = uio->uio_offset;
	if (notify_wanted() && uio->uio_resid != want)
		notify_file(vp, IN_ACCESS);
	return error;
}

/* v_lock X; the checks and clipping that every write gets. */
int
vn_write_locked(struct vnode *vp, struct uio *uio, int ioflag,
    const struct cred *cr)
{
	struct vattr va;
	uint64_t off;
	size_t n = uio->uio_resid, cut;
	int error;

	if (vp->v_op->vop_write == NULL)
		return vnode_doomed(vp) ? EIO : EINVAL;
	off = (uint64_t)uio->uio_offset;
	if (__unlikely(atomic_load_explicit(
	    &curproc->p_rlimit[RLIMIT_FSIZE][0], memory_order_relaxed) !=
	    UINT64_MAX)) {
		if ((ioflag & IO_APPEND) != 0) {
			error = vp->v_op->vop_getattr(vp, &va);
			if (error != 0)
				return error;
			off = va.va_size;
		}
		error = vn_limit_size(off, &n);
		if (error != 0)
			return error;
	}
	if ((ioflag & IO_APPEND) == 0) {
		if (off >= INT64_MAX && n > 0)
			return EFBIG;
		if (n > INT64_MAX - off)
			n = (size_t)(INT64_MAX - off);
	}
	error = vn_drop_setid(vp, cr);
	if (error == 0 && vnode_memfd(vp))
		error = memfd_write_sealed(vp, (ioflag & IO_APPEND) != 0 ?
		    UINT64_MAX : off + n);
	if (error != 0)
		return error;
	cut = uio->uio_resid - n;
	uio->uio_resid = n;
	error = vp->v_op->vop_write(vp, uio, ioflag);
	uio->uio_resid += cut;
	return error;
}

/*
 * O_DIRECT: what was written goes to the device at once, and does not stay
 * cached. Any offset and length will do. v_lock X.
 */
int
vn_write_direct(struct vnode *vp, uint64_t start, uint64_t end)
{
	int error = 0;

	if (vp->v_pages.pc_ops != NULL && start < end) {
		error = pagecache_flush(&vp->v_pages, start, end, true);
		pagecache_drop(&vp->v_pages,
		    rounddown2(start, (uint64_t)PAGE_SIZE),
		    roundup2(end, (uint64_t)PAGE_SIZE));
	}
	return error;
}

/*
 * A write that makes pages dirty: in parts where it is so big that they might
 * be all of memory, because write-behind needs the lock.
 */
static int
vn_write_cached(struct vnode *vp, struct uio *uio, int ioflag,
    const struct cred *cr)
{
	size_t max, rest, n;
	bool whole;
	int error;

	do {
		max = pagecache_throttle();
		rest = uio->uio_resid > max ? uio->uio_resid - max : 0;
		uio->uio_resid -= rest;
		n = uio->uio_resid;
		vnode_lock(vp, RW_WRITER);
		error = vn_write_locked(vp, uio, ioflag, cr);
		n -= uio->uio_resid;
		if (__unlikely((ioflag & IO_DIRECT) != 0) && error == 0)
			error = vn_write_direct(vp,
			    (uint64_t)uio->uio_offset - n,
			    (uint64_t)uio->uio_offset);
		vnode_unlock(vp);
		whole = uio->uio_resid == 0;
		uio->uio_resid += rest;
	} while (error == 0 && rest > 0 && whole);
	return error;
}

static int
vn_write(struct file *fp, off_t *offp, struct uio *uio, int flags)
{
	struct vnode *vp = fp->f_vnode;
	int fflags = atomic_load_explicit(&fp->f_flags, memory_order_relaxed);
	size_t want = uio->uio_resid;
	int ioflag = 0, error;

	if (__unlikely((flags & ~(RWF_HIPRI | RWF_NOWAIT | RWF_DSYNC |
	    RWF_SYNC | RWF_APPEND)) != 0))
		return EOPNOTSUPP;
	if (__unlikely(flags != 0))
		ioflag = ((flags & RWF_NOWAIT) != 0 ? IO_NOWAIT : 0) |
		    ((flags & RWF_DSYNC) != 0 ? IO_DSYNC : 0) |
		    ((flags & RWF_SYNC) != 0 ? IO_SYNC : 0) |
		    ((flags & RWF_APPEND) != 0 ? IO_APPEND : 0);
	if (__unlikely((fflags & (O_APPEND | O_SYNC | O_DIRECT)) != 0)) {
		if ((fflags & O_APPEND) != 0)
			ioflag |= IO_APPEND;
		if ((fflags & O_DIRECT) != 0)
			ioflag |= IO_DIRECT;
		if ((fflags & O_SYNC) == O_SYNC)
			ioflag |= IO_SYNC;
		else if ((fflags & O_DSYNC) != 0)
			ioflag |= IO_DSYNC;
	}
	if (__unlikely((atomic_load_explicit(&vp->v_mount->mnt_flags,
	    memory_order_relaxed) & MS_SYNCHRONOUS) != 0))
		ioflag |= IO_SYNC;
	if (uio->uio_resid == 0)
		return 0;
	uio->uio_offset = *offp;
	if (vp->v_pages.pc_ops != NULL)
		error = vn_write_cached(vp, uio, ioflag, fp->f_cred);
	else {
		vnode_lock(vp, RW_WRITER);
		error = vn_write_locked(vp, uio, ioflag, fp->f_cred);
		vnode_unlock(vp);
	}
	*offp = uio->uio_offset;
	if (notify_wanted() && uio->uio_resid != want)
		notify_file(vp, IN_MODIFY);
	return vn_limit_raise(error);
}

/* ---- Position ---------------------------------------------------------- */

/* lseek(2): a sparse file's data and holes. */
static int
seek_hole(struct vnode *vp, off_t off, int whence, uint64_t size, off_t *newp)
{
	uint64_t o = (uint64_t)off;
	int error = 0;

	if (off < 0 || o >= size)
		return ENXIO;
	if (vp->v_op->vop_seekhole != NULL)
		error = vp->v_op->vop_seekhole(vp, whence, &o);
	else if (whence == SEEK_HOLE)
		o = size;
	if (error == 0)
		*newp = (off_t)o;
	return error;
}

static int
vn_seek(struct file *fp, off_t off, int whence, off_t *newp)
{
	struct vnode *vp = fp->f_vnode;
	struct vattr va;
	off_t base = 0;
	int error;

	switch (whence) {
	case SEEK_SET:
		break;
	case SEEK_CUR:
		base = fp->f_offset;
		break;
	case SEEK_END:
		error = vn_getattr(vp, &va);
		if (error != 0)
			return error;
		base = (off_t)va.va_size;
		break;
	case SEEK_DATA:
	case SEEK_HOLE:
		vnode_lock(vp, RW_READER);
		error = vp->v_op->vop_getattr == NULL ? EIO :
		    vp->v_op->vop_getattr(vp, &va);
		if (error == 0)
			error = seek_hole(vp, off, whence, va.va_size, newp);
		vnode_unlock(vp);
		return error;
	default:
		return EINVAL;
	}
	if (__builtin_add_overflow(base, off, &base))
		return EOVERFLOW;
	if (base < 0)
		return EINVAL;
	*newp = base;
	return 0;
}

/* ---- Open and close ---------------------------------------------------- */

struct vnode *
file_vnode(struct file *fp)
{

	if ((atomic_load_explicit(&fp->f_flags, memory_order_relaxed) &
	    O_PATH) != 0)
		return NULL;
	return fp->f_vnode;
}

int
fd_get_vnode(int fd, int other, struct file **fpp)
{
	int error;

	error = fd_get(fd, fpp);
	if (error == 0 && __unlikely(file_vnode(*fpp) == NULL)) {
		error = ((*fpp)->f_flags & O_PATH) != 0 ? EBADF : other;
		fd_put(*fpp);
	}
	return error;
}

int
vn_close(struct file *fp)
{
	struct vnode *vp = fp->f_vnode;

	if (atomic_load_explicit(&fp->f_flock, memory_order_relaxed) != NULL)
		advlock_close(fp);
	if (((unsigned)fp->f_flags & O_ACCMODE) != O_RDONLY)
		atomic_fetch_sub_explicit(&vp->v_writers, 1,
		    memory_order_release);
	notify_file(vp, ((unsigned)fp->f_flags & O_ACCMODE) != O_RDONLY ?
	    IN_CLOSE_WRITE : IN_CLOSE_NOWRITE);
	vnode_rele(vp);
	return 0;
}

static int
path_close(struct file *fp)
{

	vnode_rele(fp->f_vnode);
	return 0;
}

void
vn_closefd(struct file *fp, struct proc *p)
{
	struct vnode *vp = fp->f_vnode;

	if (atomic_load_explicit(&vp->v_locks, memory_order_relaxed) != NULL)
		advlock_closefd(vp, p);
}

static int
vn_setfl(struct file *fp, int flags)
{
	struct vnode *vp = fp->f_vnode;

	if ((flags & O_DIRECT) != 0 && vp->v_type != VREG)
		return EINVAL;
	if ((flags & O_NOATIME) != 0 && (fp->f_flags & O_NOATIME) == 0 &&
	    !vaccess_owner(vp, curcred()))
		return EPERM;
	/* What was opened to append only stays so. */
	if ((flags & O_APPEND) == 0 && (fp->f_flags & O_APPEND) != 0 &&
	    vnode_append_only(vp))
		return EPERM;
	return 0;
}

int
vn_fcntl(struct file *fp, int cmd, void *arg, long *rv)
{

	if (cmd == F_ADD_SEALS || cmd == F_GET_SEALS)
		return memfd_fcntl(fp->f_vnode, fp->f_flags, cmd,
		    (uintptr_t)arg, rv);
	return advlock_fcntl(fp, cmd, arg);
}

int
vnode_file(struct vnode *vp, int flags, struct file **fpp)
{
	const struct fileops *ops;
	struct file *fp;
	int error;

	if ((flags & O_PATH) != 0)
		ops = &path_fileops;
	else
		ops = &vnode_fileops;
	error = file_alloc(ops, vp, flags, &fp);
	if (error != 0)
		return error;
	fp->f_vnode = vp;
	*fpp = fp;
	return 0;
}

const struct fileops vnode_fileops = {
	.fo_type = FT_VNODE,
	.fo_read = vn_read,
	.fo_write = vn_write,
	.fo_seek = vn_seek,
	.fo_ioctl = vn_ioctl,
	.fo_setfl = vn_setfl,
	.fo_fcntl = vn_fcntl,
	.fo_stat = vn_stat,
	.fo_closefd = vn_closefd,
	.fo_close = vn_close,
};

const struct fileops path_fileops = {
	.fo_type = FT_VNODE,
	.fo_stat = vn_stat,
	.fo_close = path_close,
};
