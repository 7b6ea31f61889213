/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names of AF_UNIX sockets: vnodes of type VSOCK.
 */
#include <kern/sockname.h>
#include <linux/stat.h>

#include "vfs.h"

static int
sockname_bind(const char *path, void **cookiep)
{
	struct vnode *vp;
	int error;

	error = vn_mknod(AT_FDCWD, path, NI_KERNEL, S_IFSOCK | 0777, 0, &vp);
	if (error == 0)
		*cookiep = vp;
	return error == EEXIST ? EADDRINUSE : error;
}

static int
sockname_lookup(const char *path, void **cookiep)
{
	struct nameidata ni;
	struct vnode *vp;
	int error;

	error = namei(&ni, AT_FDCWD, path, NI_FOLLOW | NI_KERNEL);
	if (error == 0) {
		vp = ni.ni_vp;
		if (vp->v_type != VSOCK)
			error = ECONNREFUSED;
		else
			error = vaccess(vp, curcred(), VWRITE);
		if (error == 0)
			*cookiep = vnode_hold(vp);
	}
	namei_done(&ni);
	return error;
}

static void
sockname_rele(void *cookie)
{
	vnode_rele(cookie);
}

const struct sockname_ops vnode_sockname = {
	.sn_bind = sockname_bind,
	.sn_lookup = sockname_lookup,
	.sn_rele = sockname_rele,
};
