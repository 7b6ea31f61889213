/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Attributes: stat(2), statx(2), access(2), chmod(2), chown(2), utimensat(2),
 * truncate(2), readlink(2).
 */
#include <kern/syscall.h>
#include <linux/utime.h>

#include "notify.h"
#include "sysproto.h"

/* Those that are not in the exported headers. */
#ifndef UTIME_NOW
#define UTIME_NOW	0x3fffffff
#define UTIME_OMIT	0x3ffffffe
#endif

/*
 * Is it AT_EMPTY_PATH with an empty path on a descriptor? Then any kind of
 * file will do.
 */
static int
empty_path(int dirfd, const char *path, int flags, bool *emptyp)
{
	char c = 1;
	int error = 0;

	if ((flags & AT_EMPTY_PATH) != 0 && dirfd != AT_FDCWD)
		error = copyin(path, &c, 1);
	*emptyp = c == '\0';
	return error;
}

static int
find(struct nameidata *ni, int dirfd, const char *path, int flags)
{
	unsigned niflags = 0;

	if ((flags & AT_SYMLINK_NOFOLLOW) == 0)
		niflags |= NI_FOLLOW;
	if ((flags & AT_EMPTY_PATH) != 0)
		niflags |= NI_EMPTY;
	return namei(ni, dirfd, path, niflags);
}

/* ---- stat -------------------------------------------------------------- */

int
sys_fstatat(int dirfd, const char *path, struct stat *ust, int flags,
    long *rv __maybe_unused)
{
	struct nameidata ni;
	struct vattr va;
	struct stat st;
	struct file *fp;
	bool empty;
	int error;

	if (__unlikely((flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH |
	    AT_NO_AUTOMOUNT)) != 0))
		return EINVAL;
	error = empty_path(dirfd, path, flags, &empty);
	if (error != 0)
		return error;
	if (empty) {
		error = fd_get(dirfd, &fp);
		if (error != 0)
			return error;
		error = fp->f_ops->fo_stat == NULL ? EBADF :
		    fp->f_ops->fo_stat(fp, &st);
		fd_put(fp);
	} else {
		error = find(&ni, dirfd, path, flags);
		if (error == 0) {
			error = vn_getattr(ni.ni_vp, &va);
			if (error == 0)
				vattr_to_stat(ni.ni_vp, &va, &st);
		}
		namei_done(&ni);
	}
	return error != 0 ? error : copyout(&st, ust, sizeof(st));
}

static struct statx_timestamp
stamp(const struct timespec *ts)
{
	return (struct statx_timestamp){ .tv_sec = ts->tv_sec,
	    .tv_nsec = (uint32_t)ts->tv_nsec };
}

static void
vattr_to_statx(struct vnode *vp, const struct vattr *va, struct statx *sx)
{
	struct mount *mp = vp->v_mount;

	memset(sx, 0, sizeof(*sx));
	sx->stx_mask = STATX_BASIC_STATS | STATX_MNT_ID;
	sx->stx_blksize = va->va_blksize;
	sx->stx_attributes = va->va_attributes;
	sx->stx_attributes_mask = va->va_attributes_mask |
	    STATX_ATTR_MOUNT_ROOT;
	if ((vp->v_flags & VV_ROOT) != 0)
		sx->stx_attributes |= STATX_ATTR_MOUNT_ROOT;
	sx->stx_nlink = va->va_nlink;
	sx->stx_uid = va->va_uid;
	sx->stx_gid = va->va_gid;
	sx->stx_mode = (uint16_t)(mode_of_vtype(vp->v_type) |
	    (va->va_mode & 07777));
	sx->stx_ino = va->va_ino;
	sx->stx_size = va->va_size;
	sx->stx_blocks = va->va_blocks;
	sx->stx_atime = stamp(&va->va_atime);
	sx->stx_mtime = stamp(&va->va_mtime);
	sx->stx_ctime = stamp(&va->va_ctime);
	if ((va->va_mask & VA_BTIME) != 0) {
		sx->stx_mask |= STATX_BTIME;
		sx->stx_btime = stamp(&va->va_btime);
	}
	if (vp->v_type == VCHR || vp->v_type == VBLK) {
		sx->stx_rdev_major = dev_major(vp->v_rdev);
		sx->stx_rdev_minor = dev_minor(vp->v_rdev);
	}
	sx->stx_dev_major = dev_major(mp->mnt_dev);
	sx->stx_dev_minor = dev_minor(mp->mnt_dev);
	sx->stx_mnt_id = (uint64_t)mp->mnt_id;
}

/* What fstat() says of a file that is no vnode's. */
static void
stat_to_statx(const struct stat *st, struct statx *sx)
{
	struct timespec ts;

	memset(sx, 0, sizeof(*sx));
	sx->stx_mask = STATX_BASIC_STATS;
	sx->stx_blksize = (uint32_t)st->st_blksize;
	sx->stx_nlink = (uint32_t)st->st_nlink;
	sx->stx_uid = st->st_uid;
	sx->stx_gid = st->st_gid;
	sx->stx_mode = (uint16_t)st->st_mode;
	sx->stx_ino = st->st_ino;
	sx->stx_size = (uint64_t)st->st_size;
	sx->stx_blocks = (uint64_t)st->st_blocks;
	ts.tv_sec = (long)st->st_atime;
	ts.tv_nsec = (long)st->st_atime_nsec;
	sx->stx_atime = stamp(&ts);
	ts.tv_sec = (long)st->st_mtime;
	ts.tv_nsec = (long)st->st_mtime_nsec;
	sx->stx_mtime = stamp(&ts);
	ts.tv_sec = (long)st->st_ctime;
	ts.tv_nsec = (long)st->st_ctime_nsec;
	sx->stx_ctime = stamp(&ts);
	sx->stx_dev_major = dev_major(st->st_dev);
	sx->stx_dev_minor = dev_minor(st->st_dev);
}

static int
statx_fd(int fd, struct statx *sx)
{
	struct file *fp;
	struct vattr va;
	struct stat st;
	int error;

	error = fd_get(fd, &fp);
	if (error != 0)
		return error;
	if (fp->f_vnode != NULL) {
		error = vn_getattr(fp->f_vnode, &va);
		if (error == 0)
			vattr_to_statx(fp->f_vnode, &va, sx);
	} else {
		memset(&st, 0, sizeof(st));
		error = fp->f_ops->fo_stat == NULL ? EBADF :
		    fp->f_ops->fo_stat(fp, &st);
		if (error == 0)
			stat_to_statx(&st, sx);
	}
	fd_put(fp);
	return error;
}

int
sys_statx(int dirfd, const char *path, int flags, unsigned int mask,
    struct statx *usx, long *rv __maybe_unused)
{
	struct nameidata ni;
	struct vattr va;
	struct statx sx;
	bool empty;
	int error;

	if ((mask & STATX__RESERVED) != 0)
		return EINVAL;
	if ((flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_NO_AUTOMOUNT |
	    AT_STATX_SYNC_TYPE)) != 0 ||
	    (flags & AT_STATX_SYNC_TYPE) == AT_STATX_SYNC_TYPE)
		return EINVAL;
	error = empty_path(dirfd, path, flags, &empty);
	if (error != 0)
		return error;
	if (empty)
		error = statx_fd(dirfd, &sx);
	else {
		error = find(&ni, dirfd, path, flags);
		if (error == 0)
			error = vn_getattr(ni.ni_vp, &va);
		if (error == 0)
			vattr_to_statx(ni.ni_vp, &va, &sx);
		namei_done(&ni);
	}
	return error != 0 ? error : copyout(&sx, usx, sizeof(sx));
}

/* ---- access ------------------------------------------------------------ */

/* Credentials for access(2): the real ids decide. */
static struct cred *
real_cred(void)
{
	struct cred *cr = curcred();

	if (cr->cr_uid == cr->cr_fsuid && cr->cr_gid == cr->cr_fsgid &&
	    cr->cr_uid == cr->cr_euid)
		return cred_hold(cr);
	cr = cred_dup(cr);
	if (cr != NULL) {
		cr->cr_euid = cr->cr_fsuid = cr->cr_uid;
		cr->cr_fsgid = cr->cr_gid;
	}
	return cr;
}

int
sys_faccessat(int dirfd, const char *path, int mode, int flags,
    long *rv __maybe_unused)
{
	struct nameidata ni;
	struct vnode *vp;
	struct cred *cr;
	unsigned niflags = NI_CRED;
	int error;

	if ((mode & ~7) != 0 || (flags & ~(AT_EACCESS | AT_SYMLINK_NOFOLLOW |
	    AT_EMPTY_PATH)) != 0)
		return EINVAL;
	cr = (flags & AT_EACCESS) != 0 ? cred_hold(curcred()) : real_cred();
	if (cr == NULL)
		return ENOMEM;
	if ((flags & AT_SYMLINK_NOFOLLOW) == 0)
		niflags |= NI_FOLLOW;
	if ((flags & AT_EMPTY_PATH) != 0)
		niflags |= NI_EMPTY;
	ni.ni_cn.cn_cred = cr;
	error = namei(&ni, dirfd, path, niflags);
	if (error == 0) {
		vp = ni.ni_vp;
		/* The bits of access(2) are those of a mode. */
		if ((mode & VEXEC) != 0 && vp->v_type == VREG &&
		    (vp->v_mount->mnt_flags & MS_NOEXEC) != 0)
			error = EACCES;
		else
			error = vaccess(vp, cr, mode);
	}
	namei_done(&ni);
	cred_rele(cr);
	return error;
}

/* ---- Changing attributes ----------------------------------------------- */

static int
begin_change(struct vnode *vp, const struct cred *cr, bool owner)
{

	if (mount_rdonly(vp->v_mount))
		return EROFS;
	if (vnode_immutable(vp) || vnode_append_only(vp))
		return EPERM;
	return owner && !vaccess_owner(vp, cr) ? EPERM : 0;
}

static int
do_chmod(struct vnode *vp, mode_t mode, const struct cred *cr)
{
	struct vattr va;
	int error;

	if (mount_rdonly(vp->v_mount))
		return EROFS;
	if (vp->v_type == VLNK)
		return EOPNOTSUPP;
	error = begin_change(vp, cr, true);
	if (error != 0)
		return error;
	va.va_mask = VA_MODE;
	va.va_mode = mode & 07777;
	vnode_lock(vp, RW_WRITER);
	/* chmod(2): no set-group-id for a group that is not one's own. */
	if (!vaccess_group(vp, cr))
		va.va_mode &= ~(mode_t)S_ISGID;
	error = vnode_memfd(vp) ? memfd_chmod_sealed(vp, va.va_mode) : 0;
	if (error == 0)
		error = vn_setattr_locked(vp, &va);
	vnode_unlock(vp);
	if (error == 0)
		notify_file(vp, IN_ATTRIB);
	return error;
}

int
sys_fchmodat(int dirfd, const char *path, mode_t mode, int flags,
    long *rv __maybe_unused)
{
	struct nameidata ni;
	int error;

	if ((flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) != 0)
		return EINVAL;
	error = find(&ni, dirfd, path, flags);
	if (error == 0)
		error = do_chmod(ni.ni_vp, mode, ni.ni_cn.cn_cred);
	namei_done(&ni);
	return error;
}

int
sys_fchmod(int fd, mode_t mode, long *rv __maybe_unused)
{
	struct file *fp;
	int error;

	error = fd_get_vnode(fd, EINVAL, &fp);
	if (error != 0)
		return error;
	error = do_chmod(fp->f_vnode, mode, curcred());
	fd_put(fp);
	return error;
}

static int
do_chown(struct vnode *vp, uid_t uid, gid_t gid, const struct cred *cr)
{
	struct vattr va;
	mode_t mode;
	uid_t owner;
	int error;

	error = begin_change(vp, cr, false);
	if (error != 0)
		return error;
	va.va_mask = 0;
	va.va_uid = uid;
	va.va_gid = gid;
	vnode_lock(vp, RW_WRITER);
	owner = atomic_load_explicit(&vp->v_uid, memory_order_relaxed);
	if (uid != (uid_t)-1) {
		va.va_mask |= VA_UID;
		if (!cred_is_root(cr) && (cr->cr_fsuid != owner ||
		    uid != owner))
			error = EPERM;
	}
	if (gid != (gid_t)-1) {
		va.va_mask |= VA_GID;
		if (!cred_is_root(cr) && (cr->cr_fsuid != owner ||
		    (gid != vp->v_gid && gid != cr->cr_fsgid &&
		    !cred_in_group(cr, gid))))
			error = EPERM;
	}
	mode = atomic_load_explicit(&vp->v_mode, memory_order_relaxed);
	if (error == 0 && vp->v_type != VDIR &&
	    (mode & (S_ISUID | S_ISGID)) != 0) {
		/* chown(2): for root as well. */
		va.va_mask |= VA_MODE;
		va.va_mode = mode & ~(mode_t)S_ISUID;
		if ((mode & S_IXGRP) != 0 || !vaccess_group(vp, cr))
			va.va_mode &= ~(mode_t)S_ISGID;
	}
	if (error == 0)
		error = vn_setattr_locked(vp, &va);
	vnode_unlock(vp);
	if (error == 0 && va.va_mask != 0)
		notify_file(vp, IN_ATTRIB);
	return error;
}

int
sys_fchownat(int dirfd, const char *path, uid_t uid, gid_t gid, int flags,
    long *rv __maybe_unused)
{
	struct nameidata ni;
	int error;

	if ((flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) != 0)
		return EINVAL;
	error = find(&ni, dirfd, path, flags);
	if (error == 0)
		error = do_chown(ni.ni_vp, uid, gid, ni.ni_cn.cn_cred);
	namei_done(&ni);
	return error;
}

int
sys_fchown(int fd, uid_t uid, gid_t gid, long *rv __maybe_unused)
{
	struct file *fp;
	int error;

	error = fd_get_vnode(fd, EINVAL, &fp);
	if (error != 0)
		return error;
	error = do_chown(fp->f_vnode, uid, gid, curcred());
	fd_put(fp);
	return error;
}

/* ---- Times ------------------------------------------------------------- */

static bool
nsec_valid(long nsec)
{
	return nsec == UTIME_NOW || nsec == UTIME_OMIT ||
	    (nsec >= 0 && nsec < NS_PER_SEC);
}

/* ts: two; NULL: both now. */
static int
do_utimens(struct vnode *vp, const struct timespec *ts, const struct cred *cr)
{
	struct timespec now;
	struct vattr va;
	bool touch;
	int error;

	touch = ts == NULL ||
	    (ts[0].tv_nsec == UTIME_NOW && ts[1].tv_nsec == UTIME_NOW);
	if (ts != NULL && (!nsec_valid(ts[0].tv_nsec) ||
	    !nsec_valid(ts[1].tv_nsec)))
		return EINVAL;
	if (mount_rdonly(vp->v_mount))
		return EROFS;
	if (vnode_immutable(vp) || (vnode_append_only(vp) && !touch))
		return touch ? EACCES : EPERM;
	if (!vaccess_owner(vp, cr)) {
		/* utimensat(2): now is what a write would set as well. */
		error = touch ? vaccess(vp, cr, VWRITE) : EPERM;
		if (error != 0)
			return error;
	}
	real_stamp(&now);
	va.va_mask = 0;
	if (ts == NULL || ts[0].tv_nsec != UTIME_OMIT) {
		va.va_mask |= VA_ATIME;
		va.va_atime = ts == NULL || ts[0].tv_nsec == UTIME_NOW ?
		    now : ts[0];
	}
	if (ts == NULL || ts[1].tv_nsec != UTIME_OMIT) {
		va.va_mask |= VA_MTIME;
		va.va_mtime = ts == NULL || ts[1].tv_nsec == UTIME_NOW ?
		    now : ts[1];
	}
	vnode_lock(vp, RW_WRITER);
	error = vn_setattr_locked(vp, &va);
	vnode_unlock(vp);
	/* One of them alone is what reading or writing changes. */
	if (error == 0)
		notify_file(vp, va.va_mask == VA_ATIME ? IN_ACCESS :
		    va.va_mask == VA_MTIME ? IN_MODIFY : IN_ATTRIB);
	return error;
}

/* path NULL: the descriptor's file itself. */
static int
utimens_at(int dirfd, const char *path, const struct timespec *ts, int flags)
{
	struct nameidata ni;
	struct file *fp;
	int error;

	if (path == NULL && dirfd != AT_FDCWD) {
		if (flags != 0)
			return EINVAL;
		error = fd_get_vnode(dirfd, EINVAL, &fp);
		if (error != 0)
			return error;
		cred_refresh();
		error = do_utimens(fp->f_vnode, ts, curcred());
		fd_put(fp);
		return error;
	}
	if ((flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) != 0)
		return EINVAL;
	error = find(&ni, dirfd, path, flags);
	if (error == 0)
		error = do_utimens(ni.ni_vp, ts, ni.ni_cn.cn_cred);
	namei_done(&ni);
	return error;
}

int
sys_utimensat(int dirfd, const char *path, const struct timespec *uts,
    int flags, long *rv __maybe_unused)
{
	struct timespec ts[2];
	int error;

	if (uts != NULL) {
		error = copyin(uts, ts, sizeof(ts));
		if (error != 0)
			return error;
		/* Then not even the path is looked at. */
		if (ts[0].tv_nsec == UTIME_OMIT && ts[1].tv_nsec == UTIME_OMIT)
			return 0;
	}
	return utimens_at(dirfd, path, uts == NULL ? NULL : ts, flags);
}

static int
utimes_at(int dirfd, const char *path, const struct timeval *utv, int flags)
{
	struct timeval tv[2];
	struct timespec ts[2];
	unsigned i;
	int error;

	if (utv == NULL)
		return utimens_at(dirfd, path, NULL, flags);
	error = copyin(utv, tv, sizeof(tv));
	if (error != 0)
		return error;
	for (i = 0; i < 2; i++) {
		if (tv[i].tv_usec < 0 || tv[i].tv_usec >= 1000000)
			return EINVAL;
		ts[i].tv_sec = tv[i].tv_sec;
		ts[i].tv_nsec = tv[i].tv_usec * 1000;
	}
	return utimens_at(dirfd, path, ts, flags);
}

int
sys_futimesat(int dirfd, const char *path, const struct timeval *utv,
    long *rv __maybe_unused)
{
	return utimes_at(dirfd, path, utv, 0);
}

int
sys_lutimes(const char *path, const struct timeval *utv,
    long *rv __maybe_unused)
{

	if (path == NULL)
		return EFAULT;
	return utimes_at(AT_FDCWD, path, utv, AT_SYMLINK_NOFOLLOW);
}

int
sys_utime(const char *path, const struct utimbuf *ut, long *rv __maybe_unused)
{
	struct utimbuf t;
	struct timespec ts[2];
	int error;

	if (ut == NULL)
		return utimens_at(AT_FDCWD, path, NULL, 0);
	error = copyin(ut, &t, sizeof(t));
	if (error != 0)
		return error;
	ts[0].tv_sec = t.actime;
	ts[1].tv_sec = t.modtime;
	ts[0].tv_nsec = ts[1].tv_nsec = 0;
	return utimens_at(AT_FDCWD, path, ts, 0);
}

/* ---- Size -------------------------------------------------------------- */

int
vn_truncate(struct vnode *vp, uint64_t size, bool touch,
    const struct cred *cr)
{
	struct vattr va = { .va_mask = VA_SIZE, .va_size = size };
	struct vattr old;
	size_t n;
	int error;

	vnode_lock(vp, RW_WRITER);
	error = vp->v_op->vop_getattr == NULL ? EIO :
	    vp->v_op->vop_getattr(vp, &old);
	if (error == 0 && size > old.va_size) {
		n = (size_t)(size - old.va_size);
		error = vn_limit_size(old.va_size, &n);
		if (error == 0 && n < size - old.va_size)
			error = ELIMIT;
	}
	if (error == 0 && vnode_memfd(vp))
		error = memfd_resize_sealed(vp, size);
	if (error == 0)
		error = vn_drop_setid(vp, cr);
	if (touch) {
		va.va_mask |= VA_MTIME;
		real_stamp(&va.va_mtime);
	}
	if (error == 0)
		error = vn_setattr_locked(vp, &va);
	vnode_unlock(vp);
	if (error == 0)
		notify_file(vp, IN_MODIFY);
	return vn_limit_raise(error);
}

int
sys_truncate(const char *path, off_t length, long *rv __maybe_unused)
{
	struct nameidata ni;
	struct vnode *vp;
	int error;

	if (length < 0)
		return EINVAL;
	error = namei(&ni, AT_FDCWD, path, NI_FOLLOW);
	if (error == 0) {
		vp = ni.ni_vp;
		if (vp->v_type != VREG)
			error = vp->v_type == VDIR ? EISDIR : EINVAL;
		else
			error = vaccess(vp, ni.ni_cn.cn_cred, VWRITE);
		if (error == 0 && vnode_append_only(vp))
			error = EPERM;
		if (error == 0)
			error = vn_truncate(vp, (uint64_t)length, false,
			    ni.ni_cn.cn_cred);
	}
	namei_done(&ni);
	return error;
}

int
sys_ftruncate(int fd, off_t length, long *rv __maybe_unused)
{
	struct file *fp;
	struct vnode *vp;
	int error;

	if (length < 0)
		return EINVAL;
	error = fd_get_vnode(fd, EINVAL, &fp);
	if (error != 0)
		return error;
	vp = fp->f_vnode;
	if (vp->v_type != VREG || (fp->f_flags & O_ACCMODE) == O_RDONLY)
		error = EINVAL;
	else if (vnode_append_only(vp))
		error = EPERM;
	else
		error = vn_truncate(vp, (uint64_t)length, true, fp->f_cred);
	fd_put(fp);
	return error;
}

/* ---- Symbolic links ---------------------------------------------------- */

int
sys_readlinkat(int dirfd, const char *path, char *buf, size_t size, long *rv)
{
	struct nameidata ni;
	struct uio_user uu;
	struct vnode *vp;
	int error;

	if ((ssize_t)size <= 0)
		return EINVAL;
	error = namei(&ni, dirfd, path, NI_EMPTY);
	if (error != 0)
		goto out;
	vp = ni.ni_vp;
	if (vp->v_type != VLNK) {
		/* An empty path means the descriptor's link, if it is one. */
		error = *ni.ni_rest == '\0' && ni.ni_last == NI_LAST_ROOT &&
		    ni.ni_rest == ni.ni_small ? ENOENT : EINVAL;
		goto out;
	}
	error = uio_user_init1(&uu, UIO_READ, buf, size, 0);
	if (error != 0)
		goto out;
	vnode_lock(vp, RW_READER);
	error = vp->v_op->vop_readlink == NULL ? EIO :
	    vp->v_op->vop_readlink(vp, &uu.uu_uio);
	vnode_unlock(vp);
	if (error == 0)
		*rv = (long)(size - uu.uu_uio.uio_resid);
	uio_user_fini(&uu);
out:
	namei_done(&ni);
	return error;
}
