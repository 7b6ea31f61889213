/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Kernel half of t_vcache.
 */
#include <kern/kmem.h>
#include <kern/mount.h>
#include <kern/string.h>

#include "k_vcache.h"

#ifndef DIAGNOSTIC
_Static_assert(sizeof(struct vnode) <= 320, "a vnode has become big");
#endif

#define ROOT_INO	1
#define MAX_INO		65536

struct inode {
	unsigned links;
};

static _Atomic unsigned long loads, reclaims, frees, doubles;
static _Atomic long load_ns;
static _Atomic unsigned load_fails;
static _Atomic bool in_core[MAX_INO];
static _Atomic bool unlinked[MAX_INO];

static int
test_lookup(struct vnode *dvp, const struct componentname *cnp,
    struct vnode **vpp)
{
	ino_t ino = 0;
	unsigned i;

	if (dvp->v_ino != ROOT_INO || cnp->cn_name[0] != 'n')
		return ENOENT;
	for (i = 1; i < cnp->cn_len; i++)
		ino = ino * 10 + (ino_t)(cnp->cn_name[i] - '0');
	ino += ROOT_INO + 1;
	if (ino >= MAX_INO || unlinked[ino])
		return ENOENT;
	return vcache_get(dvp->v_mount, ino, vpp);
}

static int
test_getattr(struct vnode *vp, struct vattr *va)
{
	struct inode *ip = vp->v_data;

	memset(va, 0, sizeof(*va));
	va->va_type = vp->v_type;
	va->va_mode = vp->v_mode;
	va->va_nlink = ip->links;
	va->va_ino = vp->v_ino;
	return 0;
}

static int
test_unlink(struct vnode *dvp __maybe_unused, struct vnode *vp,
    const struct componentname *cnp __maybe_unused)
{
	struct inode *ip = vp->v_data;

	ip->links = 0;
	unlinked[vp->v_ino] = true;
	return 0;
}

static void
test_inactive(struct vnode *vp, bool *freep)
{
	struct inode *ip = vp->v_data;

	if (ip->links == 0) {
		frees++;
		*freep = true;
	}
}

static void
test_reclaim(struct vnode *vp)
{

	in_core[vp->v_ino] = false;
	reclaims++;
	kmem_free(vp->v_data, sizeof(struct inode));
}

static const struct vnodeops test_vnodeops = {
	.vop_lookup = test_lookup,
	.vop_unlink = test_unlink,
	.vop_getattr = test_getattr,
	.vop_inactive = test_inactive,
	.vop_reclaim = test_reclaim,
};

static int
test_loadvnode(struct mount *mp __maybe_unused, struct vnode *vp)
{
	struct inode *ip;
	nstime_t end = mono_now() + load_ns;
	unsigned long n = ++loads;

	if (atomic_exchange(&in_core[vp->v_ino], true))
		doubles++;
	while (load_ns != 0 && mono_now() < end)
		;
	ip = kmem_alloc(sizeof(*ip), 0);
	if (ip == NULL || (load_fails != 0 && n % load_fails == 0)) {
		kmem_free(ip, sizeof(*ip));
		in_core[vp->v_ino] = false;
		return EIO;
	}
	ip->links = 1;
	vnode_setup(vp, &test_vnodeops, vp->v_ino == ROOT_INO ? VDIR : VREG,
	    ip);
	vp->v_mode = 0755;
	return 0;
}

static int
test_mount(struct mount *mp __maybe_unused, const char *type __maybe_unused,
    void *args __maybe_unused, size_t arglen __maybe_unused)
{
	return 0;
}

static int
test_unmount(struct mount *mp __maybe_unused, bool force __maybe_unused)
{
	return 0;
}

static int
test_root(struct mount *mp, struct vnode **vpp)
{
	return vcache_get(mp, ROOT_INO, vpp);
}

static struct vfsops test_vfsops = {
	.vfs_name = "testfs",
	.vfs_mount = test_mount,
	.vfs_unmount = test_unmount,
	.vfs_root = test_root,
	.vfs_loadvnode = test_loadvnode,
};

int
rumptest_vcache_register(void)
{
	return vfs_register(&test_vfsops);
}

void
rumptest_vcache_counts(struct vcache_counts *c)
{

	c->loads = loads;
	c->reclaims = reclaims;
	c->frees = frees;
	c->doubles = doubles;
}

void
rumptest_vcache_loads(long ns, unsigned n)
{

	load_ns = ns;
	load_fails = n;
}
