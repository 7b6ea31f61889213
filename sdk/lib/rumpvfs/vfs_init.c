/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The faction vfs comes up: caches, the root file system, /dev.
 */
#include <kern/sockname.h>
#include <kern/syscall.h>

#include "advlock.h"
#include "cache.h"
#include "notify.h"
#include "rumpfs.h"
#include "specfs.h"
#include "sysproto.h"

int rumpvfs_init(void);
extern struct syscall_group syscalls_vfs;

/*
 * A vnode that has lost its file system: everything fails, most of it because
 * there is no operation.
 */
static int
dead_getattr(struct vnode *vp __maybe_unused, struct vattr *va __maybe_unused)
{
	return EIO;
}

static int
dead_read(struct vnode *vp __maybe_unused, struct uio *uio __maybe_unused,
    int ioflag __maybe_unused)
{
	return EIO;
}

const struct vnodeops dead_vnodeops = {
	.vop_getattr = dead_getattr,
	.vop_read = dead_read,
	.vop_write = dead_read,
};

int
rumpvfs_init(void)
{
	int error;

	advlock_init();
	(void)mount_init();
	error = cache_init();
	if (error == 0)
		error = vcache_init();
	if (error == 0)
		error = namecache_init();
	if (error == 0)
		error = spec_init();
	if (error == 0)
		error = rumpfs_init();
	if (error == 0)
		error = mount_root("rumpfs");
	if (error == 0)
		error = memdev_init();
	if (error == 0)
		error = etfs_init();
	if (error == 0) {
		inotify_init();
		syscall_register(&syscalls_vfs);
		sockname_provide(&vnode_sockname);
	}
	return error;
}
