/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Making and removing names: mkdir(2), mknod(2), symlink(2), link(2),
 * unlink(2), rmdir(2).
 */
#include <kern/syscall.h>

#include "notify.h"
#include "sysproto.h"

static mode_t
umasked(mode_t mode)
{
	return mode & ~atomic_load_explicit(&cwd_get()->cwdi_umask,
	    memory_order_relaxed);
}

/*
 * Find the place for a new name; on success its directory is locked X. Who
 * may write there is checked by create_allowed().
 */
static int
create_resolve(struct nameidata *ni, int dirfd, const char *path, bool isdir)
{
	struct vnode *vp;
	int error;

	error = namei_resolve(ni, dirfd, path);
	if (error != 0)
		return error;
	if (ni->ni_last != NI_LAST_NORM)
		return EEXIST;
	vnode_lock(ni->ni_dvp, RW_WRITER);
	error = namei_last(ni, &vp);
	if (error == ENOENT && (isdir || !ni->ni_slash))
		return 0;
	vnode_unlock(ni->ni_dvp);
	if (error == 0) {
		vnode_rele(vp);
		error = EEXIST;
	}
	return error;
}

static int
create_begin(struct nameidata *ni, int dirfd, const char *path, bool isdir)
{
	int error;

	error = namei_begin(ni, path, NI_PARENT);
	return error != 0 ? error : create_resolve(ni, dirfd, path, isdir);
}

static int
create_allowed(struct nameidata *ni)
{
	return vaccess_create(ni->ni_dvp, ni->ni_cn.cn_cred);
}

static void
create_end(struct nameidata *ni, int error, struct vnode *vp)
{

	if (error == 0) {
		namecache_enter(ni->ni_dvp, vp, &ni->ni_cn);
		vnode_made(vp);
		notify_name(ni->ni_dvp, &ni->ni_cn,
		    IN_CREATE | notify_isdir(vp));
	}
	vnode_unlock(ni->ni_dvp);
	if (error == 0)
		vnode_rele(vp);
}

int
sys_mkdirat(int dirfd, const char *path, mode_t mode, long *rv __maybe_unused)
{
	struct nameidata ni;
	struct vnode *dvp, *vp = NULL;
	struct vattr va = { .va_type = VDIR };
	int error;

	error = create_begin(&ni, dirfd, path, true);
	if (error == 0) {
		dvp = ni.ni_dvp;
		error = create_allowed(&ni);
		if (error == 0 && dvp->v_op->vop_mkdir == NULL)
			error = EPERM;
		if (error == 0) {
			va.va_mode = umasked(mode & (S_IRWXU | S_IRWXG |
			    S_IRWXO | S_ISVTX));
			vattr_inherit(dvp, &va, ni.ni_cn.cn_cred);
			error = dvp->v_op->vop_mkdir(dvp, &ni.ni_cn, &va, &vp);
		}
		create_end(&ni, error, vp);
	}
	namei_done(&ni);
	return error;
}

int
vn_mknod(int dirfd, const char *path, unsigned niflags, mode_t mode, dev_t dev,
    struct vnode **vpp)
{
	struct nameidata ni;
	struct vnode *dvp, *vp = NULL;
	struct vattr va = { .va_type = vtype_of_mode(mode) };
	int error;

	error = namei_begin(&ni, path, NI_PARENT | niflags);
	if (error == 0)
		error = create_resolve(&ni, dirfd, path, false);
	if (error == 0) {
		dvp = ni.ni_dvp;
		error = create_allowed(&ni);
		if (error == 0 && (dvp->v_op->vop_create == NULL ||
		    ((va.va_type == VCHR || va.va_type == VBLK) &&
		    !cred_is_root(ni.ni_cn.cn_cred))))
			error = EPERM;
		if (error == 0) {
			va.va_mode = umasked(mode & 07777);
			if (va.va_type == VCHR || va.va_type == VBLK)
				va.va_rdev = dev & 0xffffffffu;
			vattr_inherit(dvp, &va, ni.ni_cn.cn_cred);
			error = dvp->v_op->vop_create(dvp, &ni.ni_cn, &va,
			    &vp);
		}
		if (error == 0 && vpp != NULL)
			*vpp = vnode_hold(vp);
		create_end(&ni, error, vp);
	}
	namei_done(&ni);
	return error;
}

int
sys_mknodat(int dirfd, const char *path, mode_t mode, dev_t dev,
    long *rv __maybe_unused)
{
	enum vtype type;

	if ((mode & S_IFMT) == 0)
		mode |= S_IFREG;
	type = vtype_of_mode(mode);
	if (type == VDIR)
		return EPERM;
	if (type == VNON || type == VLNK)
		return EINVAL;
	return vn_mknod(dirfd, path, 0, mode, dev, NULL);
}

int
sys_symlinkat(const char *utarget, int dirfd, const char *path,
    long *rv __maybe_unused)
{
	struct nameidata ni;
	struct vnode *dvp, *vp = NULL;
	struct vattr va = { .va_type = VLNK, .va_mode = 0777 };
	char *target;
	size_t len;
	int error;

	error = pathbuf_copyin(utarget, &target);
	if (error != 0)
		return error;
	len = strlen(target);
	if (len == 0) {
		pathbuf_free(target);
		return ENOENT;
	}
	error = create_begin(&ni, dirfd, path, false);
	if (error == 0) {
		dvp = ni.ni_dvp;
		error = create_allowed(&ni);
		if (error == 0 && dvp->v_op->vop_symlink == NULL)
			error = EPERM;
		if (error == 0) {
			vattr_inherit(dvp, &va, ni.ni_cn.cn_cred);
			error = dvp->v_op->vop_symlink(dvp, &ni.ni_cn, &va,
			    target, len, &vp);
		}
		create_end(&ni, error, vp);
	}
	namei_done(&ni);
	pathbuf_free(target);
	return error;
}

/* The directory is locked X, as is vp. */
static int
link_locked(struct nameidata *ni, struct vnode *vp)
{
	struct vnode *dvp = ni->ni_dvp;
	struct vattr va;
	int error;

	if (vnode_doomed(vp) || vp->v_op->vop_getattr == NULL)
		return EIO;
	error = vp->v_op->vop_getattr(vp, &va);
	if (error != 0)
		return error;
	if (va.va_nlink == 0 && (vnode_cflags(vp) & VC_LINKABLE) == 0)
		return ENOENT;
	return dvp->v_op->vop_link(dvp, vp, &ni->ni_cn);
}

int
sys_linkat(int fromfd, const char *from, int tofd, const char *to, int flags,
    long *rv __maybe_unused)
{
	struct nameidata old, ni;
	struct vnode *dvp, *vp;
	unsigned niflags = 0;
	int error;

	if ((flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH)) != 0)
		return EINVAL;
	if ((flags & AT_EMPTY_PATH) != 0) {
		/* It gives a name to what may not be reachable: link(2). */
		if (!cred_is_root(curcred()))
			return ENOENT;
		niflags |= NI_EMPTY;
	}
	if ((flags & AT_SYMLINK_FOLLOW) != 0)
		niflags |= NI_FOLLOW;
	error = namei_begin(&old, from, niflags);
	if (error != 0)
		goto out_old;
	error = namei_begin(&ni, to, NI_PARENT);
	if (error == 0)
		error = namei_resolve(&old, fromfd, from);
	if (error == 0)
		error = create_resolve(&ni, tofd, to, false);
	vp = old.ni_vp;
	if (error == 0) {
		dvp = ni.ni_dvp;
		if (dvp->v_mount != vp->v_mount)
			error = EXDEV;
		if (error == 0)
			error = create_allowed(&ni);
		if (error == 0 && (vp->v_type == VDIR ||
		    dvp->v_op->vop_link == NULL || vnode_immutable(vp) ||
		    vnode_append_only(vp)))
			error = EPERM;
		if (error == 0) {
			vnode_lock(vp, RW_WRITER);
			error = link_locked(&ni, vp);
			if (error == 0)
				notify_self(vp, IN_ATTRIB);
			vnode_unlock(vp);
		}
		create_end(&ni, error, error == 0 ? vnode_hold(vp) : NULL);
	}
	namei_done(&ni);
out_old:
	namei_done(&old);
	return error;
}

/* ---- Removing ---------------------------------------------------------- */

/* Both are locked X. */
static int
remove_locked(struct nameidata *ni, struct vnode *vp, bool isdir)
{
	struct vnode *dvp = ni->ni_dvp;
	int (*vop)(struct vnode *, struct vnode *,
	    const struct componentname *);
	int error;

	vop = isdir ? dvp->v_op->vop_rmdir : dvp->v_op->vop_unlink;
	if (vp->v_mounted != NULL)
		return EBUSY;
	if (vop == NULL)
		return EPERM;
	error = vop(dvp, vp, &ni->ni_cn);
	if (error != 0)
		return error;
	if (isdir)
		vnode_rmdir(dvp, vp);
	else
		namecache_remove(dvp, &ni->ni_cn);
	notify_removed(dvp, vp, &ni->ni_cn, isdir);
	return 0;
}

static int
remove_name(struct nameidata *ni, bool isdir)
{
	struct vnode *dvp = ni->ni_dvp, *vp;
	int error;

	vnode_lock(dvp, RW_WRITER);
	error = namei_last(ni, &vp);
	if (error != 0) {
		vnode_unlock(dvp);
		return error;
	}
	if (ni->ni_slash && !isdir)
		error = vp->v_type == VDIR ? EISDIR : ENOTDIR;
	else
		error = vaccess_delete(dvp, vp, ni->ni_cn.cn_cred, isdir);
	if (error == 0) {
		vnode_lock(vp, RW_WRITER);
		error = remove_locked(ni, vp, isdir);
		vnode_unlock(vp);
	}
	vnode_unlock(dvp);
	vnode_rele(vp);
	return error;
}

int
sys_unlinkat(int dirfd, const char *path, int flags, long *rv __maybe_unused)
{
	bool isdir = (flags & AT_REMOVEDIR) != 0;
	struct nameidata ni;
	int error;

	if ((flags & ~AT_REMOVEDIR) != 0)
		return EINVAL;
	error = namei(&ni, dirfd, path, NI_PARENT);
	if (error == 0) {
		switch (ni.ni_last) {
		case NI_LAST_NORM:
			error = mount_rdonly(ni.ni_dvp->v_mount) ? EROFS : 0;
			break;
		case NI_LAST_DOT:
			error = isdir ? EINVAL : EISDIR;
			break;
		case NI_LAST_DOTDOT:
			error = isdir ? ENOTEMPTY : EISDIR;
			break;
		case NI_LAST_ROOT:
			error = isdir ? EBUSY : EISDIR;
			break;
		}
	}
	if (error == 0)
		error = remove_name(&ni, isdir);
	namei_done(&ni);
	return error;
}
