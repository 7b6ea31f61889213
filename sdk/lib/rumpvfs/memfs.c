/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * memfs: mounts and limits.
 *
 * What all files of a mount share are counters; each is changed by itself,
 * atomically, and never exceeds its limit, not even for a moment.
 */
#include <kern/kmem.h>
#include <kern/string.h>

#include "memfs_node.h"

static bool
take(_Atomic uint64_t *used, _Atomic uint64_t *max, uint64_t n)
{
	uint64_t v, limit;

	limit = atomic_load_explicit(max, memory_order_relaxed);
	v = atomic_load_explicit(used, memory_order_relaxed);
	do {
		if (v > limit || n > limit - v)
			return false;
	} while (!atomic_compare_exchange_weak_explicit(used, &v, v + n,
	    memory_order_relaxed, memory_order_relaxed));
	return true;
}

bool
memfs_charge(struct memfs *mf, uint64_t bytes)
{

	return take(&mf->mf_bytes, &mf->mf_maxbytes, bytes);
}

void
memfs_uncharge(struct memfs *mf, uint64_t bytes)
{

	atomic_fetch_sub_explicit(&mf->mf_bytes, bytes, memory_order_relaxed);
}

bool
memfs_charge_node(struct memfs *mf)
{

	return take(&mf->mf_nodes, &mf->mf_maxnodes, 1);
}

void
memfs_uncharge_node(struct memfs *mf)
{

	atomic_fetch_sub_explicit(&mf->mf_nodes, 1, memory_order_relaxed);
}

ino_t
memfs_next_ino(struct memfs *mf)
{

	return atomic_fetch_add_explicit(&mf->mf_lastino, 1,
	    memory_order_relaxed) + 1;
}

int
memfs_mount(struct mount *mp, const struct memfs_config *mc)
{
	struct vattr va = {
		.va_type = VDIR,
		.va_mode = mc->mc_mode & 07777,
		.va_uid = mc->mc_uid,
		.va_gid = mc->mc_gid,
	};
	struct memfs *mf;
	struct vnode *vp;
	int error;

	mf = kmem_zalloc(sizeof(*mf), 0);
	if (mf == NULL)
		return ENOMEM;
	atomic_init(&mf->mf_maxbytes, mc->mc_bytes);
	atomic_init(&mf->mf_maxnodes, mc->mc_nodes);
	mp->mnt_data = mf;
	mp->mnt_stat.f_type = mc->mc_magic;
	mp->mnt_stat.f_bsize = PAGE_SIZE;
	mp->mnt_stat.f_frsize = PAGE_SIZE;
	mp->mnt_stat.f_namelen = 255;
	error = memfs_node_create(mp, &va, NULL, 0, &vp);
	if (error != 0)
		goto fail_free;
	KASSERT(vp->v_ino == MEMFS_ROOT_INO);
	memfs_node(vp)->mn_nlink = 2;
	memfs_node(vp)->mn_dir.md_parent = MEMFS_ROOT_INO;
	vnode_rele(vp);
	return 0;

fail_free:
	mp->mnt_data = NULL;
	kmem_free(mf, sizeof(*mf));
	return error;
}

int
memfs_unmount(struct mount *mp, bool force __maybe_unused)
{
	struct memfs *mf = mp->mnt_data;

	KASSERT(atomic_load(&mf->mf_nodes) == 0);
	KASSERT(atomic_load(&mf->mf_bytes) == 0);
	mp->mnt_data = NULL;
	kmem_free(mf, sizeof(*mf));
	return 0;
}

/* A charge that races with it is under one of the two limits. */
int
memfs_set_limits(struct mount *mp, uint64_t bytes, uint64_t nodes)
{
	struct memfs *mf = mp->mnt_data;

	if (bytes < atomic_load(&mf->mf_bytes) ||
	    nodes < atomic_load(&mf->mf_nodes))
		return EINVAL;
	atomic_store(&mf->mf_maxbytes, bytes);
	atomic_store(&mf->mf_maxnodes, nodes);
	return 0;
}

int
memfs_root(struct mount *mp, struct vnode **vpp)
{

	return vcache_get(mp, MEMFS_ROOT_INO, vpp);
}

int
memfs_statfs(struct mount *mp, struct statfs *sf)
{
	struct memfs *mf = mp->mnt_data;
	uint64_t used, max;

	used = howmany(atomic_load(&mf->mf_bytes), PAGE_SIZE);
	max = atomic_load(&mf->mf_maxbytes);
	if (max != MEMFS_UNLIMITED) {
		max /= PAGE_SIZE;
		sf->f_blocks = max;
		sf->f_bfree = sf->f_bavail = max - MIN(used, max);
	}
	used = atomic_load(&mf->mf_nodes);
	max = atomic_load(&mf->mf_maxnodes);
	if (max != MEMFS_UNLIMITED) {
		sf->f_files = max;
		sf->f_ffree = max - MIN(used, max);
	}
	return 0;
}

int
memfs_sync(struct mount *mp __maybe_unused, bool wait __maybe_unused)
{

	return 0;
}

/* Every node has a vnode that is cached: what is not cached is not there. */
int
memfs_loadvnode(struct mount *mp __maybe_unused,
    struct vnode *vp __maybe_unused)
{

	return ENOENT;
}

/* Numbers are not used again. */
int
memfs_handle(struct mount *mp __maybe_unused, ino_t ino __maybe_unused)
{

	return 0;
}
