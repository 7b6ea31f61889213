/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Extended attributes: xattr(7), setxattr(2), getxattr(2), listxattr(2),
 * removexattr(2).
 */
#include <kern/syscall.h>
#include <linux/limits.h>
#include <linux/xattr.h>

#include "notify.h"
#include "sysproto.h"

static bool
prefixed(const char *name, const char *prefix, size_t len)
{
	return strncmp(name, prefix, len) == 0;
}
#define PREFIXED(name, p)	prefixed((name), (p), sizeof(p) - 1)

static int
copy_name(const char *uname, char *name)
{
	size_t done;
	int error;

	error = copyinstr(uname, name, XATTR_NAME_MAX + 1, &done);
	if (error == ENAMETOOLONG || (error == 0 && done == 1))
		return ERANGE;
	return error;
}

/* A prefix alone is not a name. */
static bool
nameless(const char *name)
{
	return name[strlen(name) - 1] == '.' && strchr(name, '.') ==
	    strrchr(name, '.');
}

/* xattr(7): who may see or change which attributes. */
static int
permitted(struct vnode *vp, const char *name, bool write, const struct cred *cr)
{

	if (write) {
		if (mount_rdonly(vp->v_mount))
			return EROFS;
		if (vnode_immutable(vp) || vnode_append_only(vp))
			return EPERM;
	}
	if (PREFIXED(name, XATTR_SECURITY_PREFIX))
		return !write || cred_is_root(cr) ? 0 : EPERM;
	if (PREFIXED(name, XATTR_TRUSTED_PREFIX)) {
		if (cred_is_root(cr))
			return 0;
		return write ? EPERM : ENODATA;
	}
	if (!PREFIXED(name, XATTR_USER_PREFIX))
		return EOPNOTSUPP;
	if (vp->v_type != VREG && vp->v_type != VDIR)
		return write ? EPERM : ENODATA;
	if (write && vp->v_type == VDIR && (vp->v_mode & S_ISVTX) != 0 &&
	    !vaccess_owner(vp, cr))
		return EPERM;
	return vaccess(vp, cr, write ? VWRITE : VREAD);
}

static int
allowed(struct vnode *vp, const char *name, bool write, const struct cred *cr)
{
	int error;

	error = permitted(vp, name, write, cr);
	return error == 0 && nameless(name) ? EINVAL : error;
}

/* ---- The calls, on a vnode --------------------------------------------- */

static int
do_set(struct vnode *vp, const char *uname, const void *uvalue, size_t size,
    int flags, const struct cred *cr)
{
	char name[XATTR_NAME_MAX + 1];
	void *val = NULL;
	int error;

	if ((flags & ~(XATTR_CREATE | XATTR_REPLACE)) != 0)
		return EINVAL;
	error = copy_name(uname, name);
	if (error != 0)
		return error;
	if (size > XATTR_SIZE_MAX)
		return E2BIG;
	/* A value of no bytes is there; NULL would remove it. */
	val = kmem_alloc(size + 1, 0);
	if (val == NULL)
		return ENOMEM;
	error = size > 0 ? copyin(uvalue, val, size) : 0;
	if (error == 0)
		error = allowed(vp, name, true, cr);
	if (error == 0) {
		vnode_lock(vp, RW_WRITER);
		error = vp->v_op->vop_setxattr == NULL ? EOPNOTSUPP :
		    vp->v_op->vop_setxattr(vp, name, val, size, flags);
		vnode_unlock(vp);
		if (error == 0)
			notify_file(vp, IN_ATTRIB);
	}
	kmem_free(val, size + 1);
	return error;
}

static int
do_remove(struct vnode *vp, const char *uname, const struct cred *cr)
{
	char name[XATTR_NAME_MAX + 1];
	int error;

	error = copy_name(uname, name);
	if (error == 0)
		error = allowed(vp, name, true, cr);
	if (error != 0)
		return error;
	vnode_lock(vp, RW_WRITER);
	error = vp->v_op->vop_setxattr == NULL ? EOPNOTSUPP :
	    vp->v_op->vop_setxattr(vp, name, NULL, 0, XATTR_REPLACE);
	vnode_unlock(vp);
	if (error == 0)
		notify_file(vp, IN_ATTRIB);
	return error;
}

static int
do_get(struct vnode *vp, const char *uname, void *uvalue, size_t size,
    const struct cred *cr, long *rv)
{
	char name[XATTR_NAME_MAX + 1];
	struct uio_user uu;
	size_t len = 0;
	int error;

	error = copy_name(uname, name);
	if (error == 0)
		error = allowed(vp, name, false, cr);
	if (error != 0)
		return error;
	vnode_lock(vp, RW_READER);
	error = vp->v_op->vop_getxattr == NULL ? EOPNOTSUPP :
	    vp->v_op->vop_getxattr(vp, name, NULL, &len);
	if (error == 0 && size > 0) {
		if (len > size)
			error = ERANGE;
		else if (len > 0) {
			error = uio_user_init1(&uu, UIO_READ, uvalue, len, 0);
			if (error == 0) {
				error = vp->v_op->vop_getxattr(vp, name,
				    &uu.uu_uio, &len);
				uio_user_fini(&uu);
			}
		}
	}
	vnode_unlock(vp);
	if (error == 0)
		*rv = (long)len;
	return error;
}

/* Names of a list, without those the caller must not know; in place. */
static size_t
list_filter(char *list, size_t len, const struct cred *cr)
{
	size_t in, out = 0, n;

	if (cred_is_root(cr))
		return len;
	for (in = 0; in < len; in += n) {
		n = strnlen(list + in, len - in) + 1;
		if (n > len - in)
			n = len - in;
		if (PREFIXED(list + in, XATTR_TRUSTED_PREFIX))
			continue;
		memmove(list + out, list + in, n);
		out += n;
	}
	return out;
}

static int
do_list(struct vnode *vp, char *ulist, size_t size, const struct cred *cr,
    long *rv)
{
	struct iovec iov;
	struct uio uio;
	size_t len = 0, max = 0;
	char *list = NULL;
	int error;

	vnode_lock(vp, RW_READER);
	error = vp->v_op->vop_listxattr == NULL ? EOPNOTSUPP :
	    vp->v_op->vop_listxattr(vp, NULL, &len);
	if (error == 0 && len > 0) {
		max = len;
		list = kmem_alloc(max, 0);
		if (list == NULL)
			error = ENOMEM;
		else {
			uio_kern(&uio, &iov, UIO_READ, list, max, 0);
			error = vp->v_op->vop_listxattr(vp, &uio, &len);
			len = max - uio.uio_resid;
		}
	}
	vnode_unlock(vp);
	if (error == 0 && list != NULL)
		len = list_filter(list, len, cr);
	if (error == 0 && size > 0) {
		if (len > size)
			error = len > XATTR_LIST_MAX ? E2BIG : ERANGE;
		else if (len > 0)
			error = copyout(list, ulist, len);
	}
	if (error == 0)
		*rv = (long)len;
	kmem_free(list, max);
	return error;
}

/* ---- System calls ------------------------------------------------------ */

static int
set_path(const char *path, unsigned ni_flags, const char *name,
    const void *value, size_t size, int flags)
{
	struct nameidata ni;
	int error;

	error = namei(&ni, AT_FDCWD, path, ni_flags);
	if (error == 0)
		error = do_set(ni.ni_vp, name, value, size, flags,
		    ni.ni_cn.cn_cred);
	namei_done(&ni);
	return error;
}

int
sys_setxattr(const char *path, const char *name, const void *value,
    size_t size, int flags, long *rv __maybe_unused)
{
	return set_path(path, NI_FOLLOW, name, value, size, flags);
}

int
sys_lsetxattr(const char *path, const char *name, const void *value,
    size_t size, int flags, long *rv __maybe_unused)
{
	return set_path(path, 0, name, value, size, flags);
}

int
sys_fsetxattr(int fd, const char *name, const void *value, size_t size,
    int flags, long *rv __maybe_unused)
{
	struct file *fp;
	int error;

	error = fd_get_vnode(fd, EOPNOTSUPP, &fp);
	if (error == 0) {
		error = do_set(fp->f_vnode, name, value, size, flags,
		    curcred());
		fd_put(fp);
	}
	return error;
}

static int
get_path(const char *path, unsigned flags, const char *name, void *value,
    size_t size, long *rv)
{
	struct nameidata ni;
	int error;

	error = namei(&ni, AT_FDCWD, path, flags);
	if (error == 0)
		error = do_get(ni.ni_vp, name, value, size, ni.ni_cn.cn_cred,
		    rv);
	namei_done(&ni);
	return error;
}

int
sys_getxattr(const char *path, const char *name, void *value, size_t size,
    long *rv)
{
	return get_path(path, NI_FOLLOW, name, value, size, rv);
}

int
sys_lgetxattr(const char *path, const char *name, void *value, size_t size,
    long *rv)
{
	return get_path(path, 0, name, value, size, rv);
}

int
sys_fgetxattr(int fd, const char *name, void *value, size_t size, long *rv)
{
	struct file *fp;
	int error;

	error = fd_get_vnode(fd, EOPNOTSUPP, &fp);
	if (error == 0) {
		error = do_get(fp->f_vnode, name, value, size, curcred(), rv);
		fd_put(fp);
	}
	return error;
}

static int
list_path(const char *path, unsigned flags, char *list, size_t size, long *rv)
{
	struct nameidata ni;
	int error;

	error = namei(&ni, AT_FDCWD, path, flags);
	if (error == 0)
		error = do_list(ni.ni_vp, list, size, ni.ni_cn.cn_cred, rv);
	namei_done(&ni);
	return error;
}

int
sys_listxattr(const char *path, char *list, size_t size, long *rv)
{
	return list_path(path, NI_FOLLOW, list, size, rv);
}

int
sys_llistxattr(const char *path, char *list, size_t size, long *rv)
{
	return list_path(path, 0, list, size, rv);
}

int
sys_flistxattr(int fd, char *list, size_t size, long *rv)
{
	struct file *fp;
	int error;

	error = fd_get_vnode(fd, EOPNOTSUPP, &fp);
	if (error == 0) {
		error = do_list(fp->f_vnode, list, size, curcred(), rv);
		fd_put(fp);
	}
	return error;
}

static int
remove_path(const char *path, unsigned flags, const char *name)
{
	struct nameidata ni;
	int error;

	error = namei(&ni, AT_FDCWD, path, flags);
	if (error == 0)
		error = do_remove(ni.ni_vp, name, ni.ni_cn.cn_cred);
	namei_done(&ni);
	return error;
}

int
sys_removexattr(const char *path, const char *name, long *rv __maybe_unused)
{
	return remove_path(path, NI_FOLLOW, name);
}

int
sys_lremovexattr(const char *path, const char *name, long *rv __maybe_unused)
{
	return remove_path(path, 0, name);
}

int
sys_fremovexattr(int fd, const char *name, long *rv __maybe_unused)
{
	struct file *fp;
	int error;

	error = fd_get_vnode(fd, EOPNOTSUPP, &fp);
	if (error == 0) {
		error = do_remove(fp->f_vnode, name, curcred());
		fd_put(fp);
	}
	return error;
}
