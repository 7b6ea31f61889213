/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * open(2), openat2(2).
 */
#include <kern/syscall.h>

#include "notify.h"
#include "specfs.h"
#include "sysproto.h"
#include "vfs.h"

/* O_TMPFILE is two bits; the one that is its own. */
#define TMPFILE		(O_TMPFILE & ~O_DIRECTORY)

#define PATH_FLAGS	(O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
#define OPEN_FLAGS	(O_ACCMODE | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | \
	O_APPEND | O_NONBLOCK | O_SYNC | O_DSYNC | FASYNC | O_DIRECT | \
	O_LARGEFILE | O_NOATIME | TMPFILE | PATH_FLAGS)
/* Those that do not outlive the call. */
#define OPEN_ONCE	(O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_CLOEXEC | \
	TMPFILE)

static int
access_wanted(int flags)
{
	static const uint8_t want[] = {
		[O_RDONLY] = VREAD, [O_WRONLY] = VWRITE,
		[O_RDWR] = VREAD | VWRITE, [O_ACCMODE] = VREAD | VWRITE,
	};

	return want[flags & O_ACCMODE] | ((flags & O_TRUNC) != 0 ? VWRITE : 0);
}

/* What open(2) demands of a file that is there. */
static int
open_check(struct vnode *vp, int *flagsp, const struct cred *cr)
{
	int want = access_wanted(*flagsp), error;

	switch (vp->v_type) {
	case VLNK:
		return ELOOP;
	case VDIR:
		if ((want & VWRITE) != 0 || (*flagsp & O_CREAT) != 0)
			return EISDIR;
		break;
	case VCHR:
	case VBLK:
		if ((vp->v_mount->mnt_flags & MS_NODEV) != 0)
			return EACCES;
		/* FALLTHROUGH */
	case VFIFO:
	case VSOCK:
		*flagsp &= ~O_TRUNC;
		break;
	}
	error = vaccess(vp, cr, want);
	if (error != 0)
		return error;
	if (vnode_append_only(vp) && (((*flagsp & O_ACCMODE) != O_RDONLY &&
	    (*flagsp & O_APPEND) == 0) || (*flagsp & O_TRUNC) != 0))
		return EPERM;
	if ((*flagsp & O_NOATIME) != 0 && !vaccess_owner(vp, cr))
		return EPERM;
	return vp->v_type == VSOCK ? ENXIO : 0;
}

int
vn_open(struct vnode *vp, int flags, const struct cred *cr, bool created,
    struct file **fpp)
{
	bool write = (flags & O_ACCMODE) != O_RDONLY;
	int kept, error;

	if ((flags & O_PATH) != 0)
		return vnode_file(vp, flags & ~O_CLOEXEC, fpp);
	if (!created) {
		error = open_check(vp, &flags, cr);
		if (error != 0)
			return error;
	}
	/* There is no cache to go past; a FIFO gets packets by F_SETFL only. */
	if ((flags & O_DIRECT) != 0 && vp->v_type != VREG &&
	    vp->v_type != VBLK)
		return EINVAL;
	if (write) {
		/* Counted first: a remount read-only looks at the count. */
		atomic_fetch_add(&vp->v_writers, 1);
		if (mount_rdonly(vp->v_mount) && vp->v_type == VREG) {
			error = EROFS;
			goto fail;
		}
	}
	if (!created && (flags & O_TRUNC) != 0) {
		error = vn_truncate(vp, 0, true, cr);
		if (error != 0)
			goto fail;
	}
	kept = flags & ~OPEN_ONCE;
	switch (vp->v_type) {
	case VCHR:
	case VBLK:
		error = spec_open(vp, kept, fpp);
		break;
	case VFIFO:
		error = fifo_open(vp, kept, fpp);
		break;
	default:
		error = vnode_file(vp, kept, fpp);
		break;
	}
	if (error == 0) {
		notify_file(vp, IN_OPEN);
		return 0;
	}
fail:
	if (write)
		atomic_fetch_sub(&vp->v_writers, 1);
	return error;
}

/* ---- Creating ---------------------------------------------------------- */

static int
create_locked(struct nameidata *ni, mode_t mode, struct vnode **vpp)
{
	struct vnode *dvp = ni->ni_dvp;
	struct vattr va;
	int error;

	error = vaccess_create(dvp, ni->ni_cn.cn_cred);
	if (error != 0)
		return error;
	if (dvp->v_op->vop_create == NULL)
		return EACCES;
	va.va_mask = 0;
	va.va_type = VREG;
	va.va_rdev = 0;
	va.va_mode = mode & 07777 & ~atomic_load_explicit(
	    &cwd_get()->cwdi_umask, memory_order_relaxed);
	vattr_inherit(dvp, &va, ni->ni_cn.cn_cred);
	error = dvp->v_op->vop_create(dvp, &ni->ni_cn, &va, vpp);
	if (error == 0) {
		namecache_enter(dvp, *vpp, &ni->ni_cn);
		vnode_made(*vpp);
		notify_name(dvp, &ni->ni_cn, IN_CREATE);
	}
	return error;
}

/*
 * The last component with O_CREAT: found or made, in *vpp; or a symbolic link
 * to be followed (*linkp).
 */
static int
open_last(struct nameidata *ni, int flags, mode_t mode, struct vnode **vpp,
    bool *createdp)
{
	struct vnode *dvp = ni->ni_dvp;
	int error = 0;

	if (namecache_lookup(dvp, &ni->ni_cn, vpp) != NC_HIT) {
		vnode_lock(dvp, RW_WRITER);
		error = namei_last(ni, vpp);
		if (error == ENOENT) {
			error = create_locked(ni, mode, vpp);
			*createdp = error == 0;
		}
		vnode_unlock(dvp);
	}
	if (error == 0 && !*createdp && (flags & O_EXCL) != 0) {
		vnode_rele(*vpp);
		error = EEXIST;
	}
	return error;
}

static int
open_create(struct nameidata *ni, int dirfd, const char *path, int flags,
    mode_t mode, unsigned niflags, bool *createdp)
{
	struct vnode *vp;
	int error;

	error = namei(ni, dirfd, path, niflags | NI_PARENT);
	while (error == 0) {
		if (ni->ni_last != NI_LAST_NORM)
			return (flags & O_EXCL) != 0 ? EEXIST : EISDIR;
		if (ni->ni_slash)
			return EISDIR;
		error = open_last(ni, flags, mode, &vp, createdp);
		if (error != 0)
			break;
		if (vp->v_type != VLNK) {
			ni->ni_vp = vp;
			break;
		}
		if ((flags & O_NOFOLLOW) != 0) {
			vnode_rele(vp);
			return ELOOP;
		}
		error = namei_follow(ni, vp);
	}
	return error;
}

static int
open_tmpfile(struct nameidata *ni, int flags, mode_t mode)
{
	struct vnode *dvp = ni->ni_vp, *vp;
	struct vattr va;
	int error;

	error = vaccess(dvp, ni->ni_cn.cn_cred, VWRITE | VEXEC);
	if (error != 0)
		return error;
	va.va_mask = 0;
	va.va_type = VREG;
	va.va_rdev = 0;
	va.va_mode = mode & 07777 & ~cwd_get()->cwdi_umask;
	vattr_inherit(dvp, &va, ni->ni_cn.cn_cred);
	vnode_lock(dvp, RW_WRITER);
	if (!vnode_dir_alive(dvp))
		error = ENOENT;
	else if (dvp->v_op->vop_tmpfile == NULL)
		error = EOPNOTSUPP;
	else
		error = dvp->v_op->vop_tmpfile(dvp, &va, &vp);
	vnode_unlock(dvp);
	if (error != 0)
		return error;
	vnode_made(vp);
	if ((flags & O_EXCL) == 0)
		atomic_fetch_or(&vp->v_cflags, VC_LINKABLE);
	vnode_rele(dvp);
	ni->ni_vp = vp;
	return 0;
}

/* ---- System calls ------------------------------------------------------ */

static int
do_open(int dirfd, const char *path, int flags, mode_t mode, unsigned niflags,
    long *rv)
{
	struct nameidata ni;
	struct file *fp;
	bool created = false;
	int fd, error;

	error = fd_reserve(0, flags & O_CLOEXEC, &fd);
	if (error != 0)
		return error;
	if ((flags & O_DIRECTORY) != 0)
		niflags |= NI_DIRECTORY;
	if ((flags & O_NOFOLLOW) == 0)
		niflags |= NI_FOLLOW;
	if ((flags & O_CREAT) != 0)
		error = open_create(&ni, dirfd, path, flags, mode, niflags,
		    &created);
	else
		error = namei(&ni, dirfd, path, niflags);
	if (error == 0 && (flags & TMPFILE) != 0) {
		error = open_tmpfile(&ni, flags, mode);
		created = error == 0;
	}
	if (error == 0)
		error = vn_open(ni.ni_vp, flags, ni.ni_cn.cn_cred, created,
		    &fp);
	if (error == 0)
		ni.ni_vp = NULL;
	namei_done(&ni);
	if (error != 0) {
		fd_cancel(fd);
		return error;
	}
	fd_fill(fd, fp);
	*rv = fd;
	return 0;
}

/* Combinations of flags that make no sense. */
static int
open_flags(int flags)
{

	if ((flags & TMPFILE) != 0) {
		if ((flags & O_TMPFILE) != O_TMPFILE ||
		    (flags & O_CREAT) != 0 ||
		    (access_wanted(flags & O_ACCMODE) & VWRITE) == 0)
			return EINVAL;
	} else if ((flags & (O_CREAT | O_DIRECTORY)) ==
	    (O_CREAT | O_DIRECTORY))
		return EINVAL;
	return 0;
}

int
sys_openat(int dirfd, const char *path, int flags, mode_t mode, long *rv)
{
	int error;

	if ((flags & O_PATH) != 0)
		flags &= PATH_FLAGS;
	else
		flags = (flags & OPEN_FLAGS) | O_LARGEFILE;
	error = open_flags(flags);
	if (error != 0)
		return error;
	return do_open(dirfd, path, flags, mode, 0, rv);
}

int
sys_openat2(int dirfd, const char *path, const struct open_how *uhow,
    size_t size, long *rv)
{
	struct open_how how;
	unsigned niflags = 0;
	uint64_t more;
	size_t off;
	int flags, error;

	if (size < sizeof(how))
		return EINVAL;
	if (size > PAGE_SIZE)
		return E2BIG;
	error = copyin(uhow, &how, sizeof(how));
	for (off = sizeof(how); error == 0 && off < size; off += sizeof(more)) {
		more = 0;
		error = copyin((const char *)uhow + off, &more,
		    MIN(sizeof(more), size - off));
		if (error == 0 && more != 0)
			error = E2BIG;
	}
	if (error != 0)
		return error;
	if ((how.flags & ~(uint64_t)OPEN_FLAGS) != 0 ||
	    (how.resolve & ~(uint64_t)(RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS |
	    RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH | RESOLVE_IN_ROOT |
	    RESOLVE_CACHED)) != 0 ||
	    (how.resolve & (RESOLVE_BENEATH | RESOLVE_IN_ROOT)) ==
	    (RESOLVE_BENEATH | RESOLVE_IN_ROOT))
		return EINVAL;
	flags = (int)how.flags;
	if ((flags & (O_CREAT | TMPFILE)) != 0) {
		if ((how.mode & ~07777ULL) != 0)
			return EINVAL;
	} else if (how.mode != 0)
		return EINVAL;
	if ((flags & O_PATH) != 0 && (flags & ~PATH_FLAGS) != 0)
		return EINVAL;
	error = open_flags(flags);
	if (error != 0)
		return error;
	if ((how.resolve & RESOLVE_CACHED) != 0) {
		if ((flags & (O_TRUNC | O_CREAT | TMPFILE)) != 0)
			return EAGAIN;
		niflags |= NI_CACHED;
	}
	if ((how.resolve & RESOLVE_NO_XDEV) != 0)
		niflags |= NI_NOXDEV;
	if ((how.resolve & RESOLVE_NO_SYMLINKS) != 0)
		niflags |= NI_NOSYMLINKS;
	if ((how.resolve & RESOLVE_BENEATH) != 0)
		niflags |= NI_BENEATH;
	if ((how.resolve & RESOLVE_IN_ROOT) != 0)
		niflags |= NI_INROOT;
	return do_open(dirfd, path, flags, (mode_t)how.mode, niflags, rv);
}
