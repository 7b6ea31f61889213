/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tmpfs: memfs with limits, as a mount of its own.
 */
#include <kern/kmem.h>
#include <kern/memfs.h>
#include <linux/magic.h>

#include <rump/fs/tmpfs.h>

int tmpfs_init(void);

static int
check(const struct tmpfs_args *args, size_t len)
{

	if (len != sizeof(*args) || args->mode > 07777 ||
	    args->reserved != 0)
		return EINVAL;
	return 0;
}

static uint64_t
whole_pages(uint64_t size)
{

	return size > MEMFS_UNLIMITED - PAGE_SIZE ? MEMFS_UNLIMITED :
	    roundup2(size, PAGE_SIZE);
}

static uint64_t
default_size(void)
{
	size_t mapped, used, limit;

	kmem_stats(&mapped, &used, &limit);
	return limit == SIZE_MAX ? MEMFS_UNLIMITED : whole_pages(limit / 2);
}

static int
tmpfs_mount(struct mount *mp, const char *type __maybe_unused, void *data,
    size_t len)
{
	static const struct tmpfs_args defaults;
	const struct tmpfs_args *args = data;
	struct memfs_config mc = { .mc_magic = TMPFS_MAGIC };
	int error;

	if (args == NULL || len == 0)
		args = &defaults;
	else if ((error = check(args, len)) != 0)
		return error;
	mc.mc_bytes = args->size != 0 ? whole_pages(args->size) :
	    default_size();
	mc.mc_nodes = args->nr_inodes != 0 ? args->nr_inodes : MEMFS_UNLIMITED;
	mc.mc_uid = args->uid;
	mc.mc_gid = args->gid;
	mc.mc_mode = args->mode != 0 ? args->mode : 01777;
	return memfs_mount(mp, &mc);
}

static int
tmpfs_remount(struct mount *mp, unsigned long flags __maybe_unused,
    void *data, size_t len)
{
	const struct tmpfs_args *args = data;
	struct memfs *mf = mp->mnt_data;
	int error;

	if (args == NULL || len == 0)
		return 0;
	error = check(args, len);
	if (error != 0)
		return error;
	return memfs_set_limits(mp,
	    args->size != 0 ? whole_pages(args->size) :
	    atomic_load(&mf->mf_maxbytes),
	    args->nr_inodes != 0 ? args->nr_inodes :
	    atomic_load(&mf->mf_maxnodes));
}

static struct vfsops tmpfs_vfsops = {
	.vfs_name = "tmpfs",
	.vfs_mount = tmpfs_mount,
	.vfs_remount = tmpfs_remount,
	.vfs_unmount = memfs_unmount,
	.vfs_root = memfs_root,
	.vfs_statfs = memfs_statfs,
	.vfs_sync = memfs_sync,
	.vfs_loadvnode = memfs_loadvnode,
	.vfs_handle = memfs_handle,
};

int
tmpfs_init(void)
{

	return vfs_register(&tmpfs_vfsops);
}
