/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Extended attributes of memfs: a list a node. The name spaces are user,
 * trusted and security (xattr(7)); who may use them is the VFS's to say, but
 * for trusted attributes being shown to root only.
 */
#include <kern/kmem.h>
#include <kern/string.h>
#include <kern/uio.h>
#include <linux/limits.h>
#include <linux/xattr.h>

#include "memfs_node.h"

struct memfs_xattr {
	struct memfs_xattr *mx_next;
	uint32_t mx_len;		/* of the value */
	uint32_t mx_namelen;		/* without the zero */
	char mx_data[];			/* name, zero, value */
};

static inline size_t
xattr_size(size_t namelen, size_t len)
{

	return offsetof(struct memfs_xattr, mx_data) + namelen + 1 + len;
}

static inline const char *
xattr_value(const struct memfs_xattr *mx)
{

	return mx->mx_data + mx->mx_namelen + 1;
}

static bool
has_prefix(const char *name, const char *prefix)
{
	size_t n = strlen(prefix);

	return strncmp(name, prefix, n) == 0;
}

static int
name_check(const char *name)
{
	static const char *const spaces[] = {
		XATTR_USER_PREFIX, XATTR_TRUSTED_PREFIX, XATTR_SECURITY_PREFIX
	};
	size_t i;

	for (i = 0; i < nitems(spaces); i++) {
		if (has_prefix(name, spaces[i]))
			return name[strlen(spaces[i])] == '\0' ? EINVAL : 0;
	}
	return EOPNOTSUPP;
}

/* The link that points to the attribute, or the last one, which is NULL. */
static struct memfs_xattr **
xattr_find(struct memfs_node *mn, const char *name)
{
	struct memfs_xattr **mxp;

	for (mxp = &mn->mn_xattrs; *mxp != NULL; mxp = &(*mxp)->mx_next) {
		if (strcmp((*mxp)->mx_data, name) == 0)
			break;
	}
	return mxp;
}

static void
xattr_free(struct memfs_xattr *mx)
{

	kmem_free(mx, xattr_size(mx->mx_namelen, mx->mx_len));
}

int
memfs_getxattr(struct vnode *vp, const char *name, struct uio *uio,
    size_t *sizep)
{
	struct memfs_xattr *mx;
	int error;

	error = name_check(name);
	if (error != 0)
		return error;
	mx = *xattr_find(memfs_node(vp), name);
	if (mx == NULL)
		return ENODATA;
	*sizep = mx->mx_len;
	if (uio == NULL)
		return 0;
	return uiomove((void *)(uintptr_t)xattr_value(mx),
	    MIN(mx->mx_len, uio->uio_resid), uio);
}

int
memfs_setxattr(struct vnode *vp, const char *name, const void *val,
    size_t len, int flags)
{
	struct memfs_node *mn = memfs_node(vp);
	struct memfs *mf = memfs_of(vp);
	struct memfs_xattr **mxp, *mx, *old;
	size_t namelen = strlen(name), oldsize, newsize;
	int error;

	error = name_check(name);
	if (error != 0)
		return error;
	if (namelen > XATTR_NAME_MAX)
		return ERANGE;
	if (len > XATTR_SIZE_MAX)
		return E2BIG;
	mxp = xattr_find(mn, name);
	old = *mxp;
	if (old == NULL && (val == NULL || (flags & XATTR_REPLACE) != 0))
		return ENODATA;
	if (old != NULL && val != NULL && (flags & XATTR_CREATE) != 0)
		return EEXIST;

	oldsize = old != NULL ? xattr_size(old->mx_namelen, old->mx_len) : 0;
	newsize = 0;
	mx = NULL;
	if (val != NULL) {
		newsize = xattr_size(namelen, len);
		if (!memfs_charge(mf, newsize))
			return ENOSPC;
		mx = kmem_alloc(newsize, 0);
		if (mx == NULL) {
			memfs_uncharge(mf, newsize);
			return ENOMEM;
		}
		mx->mx_next = old != NULL ? old->mx_next : NULL;
		mx->mx_len = (uint32_t)len;
		mx->mx_namelen = (uint32_t)namelen;
		memcpy(mx->mx_data, name, namelen + 1);
		memcpy(mx->mx_data + namelen + 1, val, len);
	}
	if (mx != NULL)
		*mxp = mx;
	else
		*mxp = old->mx_next;
	if (old != NULL) {
		xattr_free(old);
		memfs_uncharge(mf, oldsize);
	}
	mn->mn_charged += newsize - oldsize;
	memfs_touch(mn, MT_C);
	return 0;
}

int
memfs_listxattr(struct vnode *vp, struct uio *uio, size_t *sizep)
{
	struct memfs_xattr *mx;
	size_t size = 0;
	bool root = cred_is_root(curcred());
	int error;

	for (mx = memfs_node(vp)->mn_xattrs; mx != NULL; mx = mx->mx_next) {
		if (!root && has_prefix(mx->mx_data, XATTR_TRUSTED_PREFIX))
			continue;
		size += mx->mx_namelen + 1;
		if (uio == NULL)
			continue;
		error = uiomove(mx->mx_data,
		    MIN(mx->mx_namelen + 1, uio->uio_resid), uio);
		if (error != 0)
			return error;
	}
	*sizep = size;
	return 0;
}

void
memfs_xattr_fini(struct memfs_node *mn)
{
	struct memfs_xattr *mx;

	while ((mx = mn->mn_xattrs) != NULL) {
		mn->mn_xattrs = mx->mx_next;
		xattr_free(mx);
	}
}
