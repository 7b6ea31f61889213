/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * memfs: nodes, names and attributes.
 *
 * All state is under the v_lock of the vnode that it belongs to. A change of
 * a directory gets everything that may fail first: the entry with its room,
 * then the node; what follows cannot fail.
 */
#include <kern/kmem.h>
#include <kern/string.h>
#include <kern/uio.h>
#include <linux/fs.h>
#include <linux/limits.h>

#include "memfs_node.h"

#ifndef DIAGNOSTIC
_Static_assert(sizeof(struct memfs_node) + sizeof(struct vnode) <= 512,
    "an empty file costs at most 512 bytes");
#endif

static struct pool *node_pool;

int
memfs_init(void)
{

	node_pool = pool_create("memfs_node", sizeof(struct memfs_node), 0);
	return node_pool == NULL ? ENOMEM : 0;
}

/* ---- Times -------------------------------------------------------------- */

static inline void
time_set(struct memfs_node *mn, int which, const struct timespec *ts)
{

	atomic_store_explicit(&mn->mn_sec[which], ts->tv_sec,
	    memory_order_relaxed);
	atomic_store_explicit(&mn->mn_nsec[which], (uint32_t)ts->tv_nsec,
	    memory_order_relaxed);
}

static inline struct timespec
time_get(const struct memfs_node *mn, int which)
{

	return (struct timespec){
		.tv_sec = atomic_load_explicit(&mn->mn_sec[which],
		    memory_order_relaxed),
		.tv_nsec = atomic_load_explicit(&mn->mn_nsec[which],
		    memory_order_relaxed),
	};
}

void
memfs_touch(struct memfs_node *mn, unsigned which)
{
	struct timespec now;
	int i;

	KASSERT((which & 1u << MT_ATIME) == 0);
	real_stamp(&now);
	for (i = 0; i < MT_COUNT; i++) {
		if ((which & 1u << i) != 0)
			time_set(mn, i, &now);
	}
}

static void
times_get(struct memfs_node *mn, struct vattr *va)
{

	spin_lock(&mn->mn_vnode->v_ilock);
	va->va_atime = time_get(mn, MT_ATIME);
	spin_unlock(&mn->mn_vnode->v_ilock);
	va->va_mtime = time_get(mn, MT_MTIME);
	va->va_ctime = time_get(mn, MT_CTIME);
}

void
memfs_accessed(struct vnode *vp)
{
	struct memfs_node *mn = memfs_node(vp);
	struct timespec now;
	struct vattr va;

	va.va_mask = 0;
	/* Where another reader is setting it, either answer will do. */
	va.va_atime = time_get(mn, MT_ATIME);
	va.va_mtime = time_get(mn, MT_MTIME);
	va.va_ctime = time_get(mn, MT_CTIME);
	if (!vfs_want_atime(vp, &va))
		return;
	real_stamp(&now);
	spin_lock(&vp->v_ilock);
	time_set(mn, MT_ATIME, &now);
	spin_unlock(&vp->v_ilock);
}

/* ---- Nodes -------------------------------------------------------------- */

static void
node_free(struct memfs *mf, struct memfs_node *mn, enum vtype type)
{

	if (type == VDIR)
		memfs_dir_fini(&mn->mn_dir);
	else if (type == VLNK && mn->mn_size > MEMFS_INLINE)
		kmem_free(mn->mn_target, mn->mn_size);
	memfs_xattr_fini(mn);
	memfs_uncharge(mf, mn->mn_charged);
	memfs_uncharge_node(mf);
	pool_put(node_pool, mn);
}

struct fill_args {
	const struct vattr *fa_va;
	const struct vnodeops *fa_op;
	void *fa_data;
};

static int
node_fill(struct vnode *vp, void *arg)
{
	struct fill_args *fa = arg;
	const struct vattr *va = fa->fa_va;

	vnode_setup(vp, fa->fa_op, va->va_type, fa->fa_data);
	atomic_store_explicit(&vp->v_mode, va->va_mode, memory_order_relaxed);
	atomic_store_explicit(&vp->v_uid, va->va_uid, memory_order_relaxed);
	atomic_store_explicit(&vp->v_gid, va->va_gid, memory_order_relaxed);
	vp->v_rdev = va->va_rdev;
	atomic_fetch_or_explicit(&vp->v_flags, VV_KEEP, memory_order_relaxed);
	if (va->va_type == VREG)
		pagecache_init(&vp->v_pages, vp, NULL);
	if (fa->fa_op == &memfs_vnodeops)
		memfs_node(vp)->mn_vnode = vp;
	return 0;
}

static int
target_set(struct memfs_node *mn, const char *target, size_t len)
{
	char *p = mn->mn_inline;

	if (len >= PATH_MAX)
		return ENAMETOOLONG;
	if (len > MEMFS_INLINE) {
		p = mn->mn_target = kmem_alloc(len, 0);
		if (p == NULL)
			return ENOMEM;
	}
	memcpy(p, target, len);
	mn->mn_size = len;
	return 0;
}

int
memfs_node_create(struct mount *mp, const struct vattr *va,
    const char *target, size_t len, struct vnode **vpp)
{
	struct memfs *mf = mp->mnt_data;
	struct fill_args fa = { .fa_va = va, .fa_op = &memfs_vnodeops };
	struct memfs_node *mn;
	struct timespec now;
	int error, i;

	if (!memfs_charge_node(mf))
		return ENOSPC;
	mn = pool_get(node_pool, KM_ZERO);
	if (mn == NULL) {
		memfs_uncharge_node(mf);
		return ENOMEM;
	}
	real_stamp(&now);
	for (i = 0; i < MT_COUNT; i++)
		time_set(mn, i, &now);
	if (va->va_type == VDIR)
		memfs_dir_init(&mn->mn_dir, 0);
	if (va->va_type == VLNK) {
		error = target_set(mn, target, len);
		if (error != 0)
			goto fail_node;
	}
	fa.fa_data = mn;
	error = vcache_new(mp, memfs_next_ino(mf), node_fill, &fa, vpp);
	if (error != 0)
		goto fail_node;
	return 0;

fail_node:
	node_free(mf, mn, va->va_type);
	return error;
}

static void
memfs_inactive(struct vnode *vp, bool *freep)
{

	*freep = memfs_node(vp)->mn_nlink == 0;
}

static void
memfs_reclaim(struct vnode *vp)
{

	node_free(memfs_of(vp), memfs_node(vp), vp->v_type);
	vp->v_data = NULL;
}

/* ---- Names -------------------------------------------------------------- */

static int
memfs_lookup(struct vnode *dvp, const struct componentname *cnp,
    struct vnode **vpp)
{
	struct memfs_dir *dir = &memfs_node(dvp)->mn_dir;
	struct memfs_dirent *de;

	if (cnp->cn_len == 1 && cnp->cn_name[0] == '.') {
		*vpp = vnode_hold(dvp);
		return 0;
	}
	if (cnp->cn_len == 2 && memcmp(cnp->cn_name, "..", 2) == 0) {
		if (dir->md_parent == 0)
			return ENOENT;
		return vcache_get(dvp->v_mount, dir->md_parent, vpp);
	}
	de = memfs_dir_lookup(dir, cnp);
	if (de == NULL)
		return ENOENT;
	return vcache_get(dvp->v_mount, de->de_ino, vpp);
}

/* The entry must be the vnode's: the VFS looked it up under the same lock. */
static struct memfs_dirent *
entry_of(struct vnode *dvp, const struct componentname *cnp, struct vnode *vp)
{
	struct memfs_dirent *de;

	de = memfs_dir_lookup(&memfs_node(dvp)->mn_dir, cnp);
	return de != NULL && de->de_ino == vp->v_ino ? de : NULL;
}

static inline void
entry_set(struct memfs_dirent *de, const struct vnode *vp)
{

	de->de_ino = vp->v_ino;
	de->de_type = vp->v_type;
}

/* May the directory get an entry, for a directory or for something else? */
static int
entry_prepare(struct vnode *dvp, const struct componentname *cnp,
    enum vtype type, struct memfs_dirent **dep)
{
	struct memfs_node *dn = memfs_node(dvp);

	if (dn->mn_nlink == 0)
		return ENOENT;
	if (type == VDIR && dn->mn_nlink >= MEMFS_LINK_MAX)
		return EMLINK;
	return memfs_dir_prepare(&dn->mn_dir, cnp, dep);
}

static int
make(struct vnode *dvp, const struct componentname *cnp,
    const struct vattr *va, const char *target, size_t len,
    struct vnode **vpp)
{
	struct memfs_node *dn = memfs_node(dvp), *mn;
	struct memfs_dirent *de;
	int error;

	error = entry_prepare(dvp, cnp, va->va_type, &de);
	if (error != 0)
		return error;
	error = memfs_node_create(dvp->v_mount, va, target, len, vpp);
	if (error != 0) {
		memfs_dirent_free(de);
		return error;
	}
	mn = memfs_node(*vpp);
	mn->mn_nlink = 1;
	if (va->va_type == VDIR) {
		mn->mn_nlink = 2;
		mn->mn_dir.md_parent = dvp->v_ino;
		dn->mn_nlink++;
	}
	entry_set(de, *vpp);
	memfs_dir_insert(&dn->mn_dir, de);
	memfs_touch(dn, MT_MC);
	return 0;
}

static int
memfs_create(struct vnode *dvp, const struct componentname *cnp,
    const struct vattr *va, struct vnode **vpp)
{

	return make(dvp, cnp, va, NULL, 0, vpp);
}

static int
memfs_symlink(struct vnode *dvp, const struct componentname *cnp,
    const struct vattr *va, const char *target, size_t len,
    struct vnode **vpp)
{

	return make(dvp, cnp, va, target, len, vpp);
}

static int
memfs_tmpfile(struct vnode *dvp, const struct vattr *va, struct vnode **vpp)
{
	int error;

	if (memfs_node(dvp)->mn_nlink == 0)
		return ENOENT;
	error = memfs_node_create(dvp->v_mount, va, NULL, 0, vpp);
	if (error == 0)
		memfs_node(*vpp)->mn_linkable = true;
	return error;
}

static int
memfs_link(struct vnode *dvp, struct vnode *vp,
    const struct componentname *cnp)
{
	struct memfs_node *dn = memfs_node(dvp), *mn;
	struct memfs_dirent *de;
	int error;

	if (!memfs_is_native(vp))
		return EPERM;
	mn = memfs_node(vp);
	if (mn->mn_nlink == 0 && !mn->mn_linkable)
		return ENOENT;
	if (mn->mn_nlink >= MEMFS_LINK_MAX)
		return EMLINK;
	error = entry_prepare(dvp, cnp, vp->v_type, &de);
	if (error != 0)
		return error;
	mn->mn_nlink++;
	mn->mn_linkable = false;
	entry_set(de, vp);
	memfs_dir_insert(&dn->mn_dir, de);
	memfs_touch(mn, MT_C);
	memfs_touch(dn, MT_MC);
	return 0;
}

/* A name of the node is gone; it was in dn. */
static void
unlinked(struct memfs_node *dn, struct memfs_node *mn)
{

	if (mn->mn_vnode->v_type == VDIR) {
		mn->mn_nlink = 0;
		mn->mn_dir.md_parent = 0;
		dn->mn_nlink--;
	} else
		mn->mn_nlink--;
	memfs_touch(mn, MT_C);
}

static int
memfs_unlink(struct vnode *dvp, struct vnode *vp,
    const struct componentname *cnp)
{
	struct memfs_node *dn = memfs_node(dvp);
	struct memfs_dirent *de;

	if (!memfs_is_native(vp))
		return EPERM;
	de = entry_of(dvp, cnp, vp);
	if (de == NULL)
		return ENOENT;
	memfs_dir_remove(&dn->mn_dir, de);
	unlinked(dn, memfs_node(vp));
	memfs_touch(dn, MT_MC);
	return 0;
}

static int
memfs_rmdir(struct vnode *dvp, struct vnode *vp,
    const struct componentname *cnp)
{

	if (memfs_is_native(vp) && memfs_node(vp)->mn_dir.md_n != 0)
		return ENOTEMPTY;
	return memfs_unlink(dvp, vp, cnp);
}

/* A directory got a new parent. */
static void
reparent(struct vnode *vp, struct vnode *fdvp, struct vnode *tdvp)
{

	if (vp->v_type != VDIR || fdvp == tdvp)
		return;
	memfs_node(vp)->mn_dir.md_parent = tdvp->v_ino;
	memfs_node(fdvp)->mn_nlink--;
	memfs_node(tdvp)->mn_nlink++;
}

static void
renamed(const struct rename_args *ra)
{

	memfs_touch(memfs_node(ra->ra_fvp), MT_C);
	memfs_touch(memfs_node(ra->ra_fdvp), MT_MC);
	if (ra->ra_tdvp != ra->ra_fdvp)
		memfs_touch(memfs_node(ra->ra_tdvp), MT_MC);
}

static int
exchange(const struct rename_args *ra)
{
	struct memfs_dirent *fde, *tde;

	fde = entry_of(ra->ra_fdvp, ra->ra_fcnp, ra->ra_fvp);
	tde = entry_of(ra->ra_tdvp, ra->ra_tcnp, ra->ra_tvp);
	if (fde == NULL || tde == NULL)
		return ENOENT;
	entry_set(fde, ra->ra_tvp);
	entry_set(tde, ra->ra_fvp);
	reparent(ra->ra_fvp, ra->ra_fdvp, ra->ra_tdvp);
	reparent(ra->ra_tvp, ra->ra_tdvp, ra->ra_fdvp);
	memfs_touch(memfs_node(ra->ra_tvp), MT_C);
	renamed(ra);
	return 0;
}

/* What a union file system sees as "not here": a device 0, 0. */
static int
whiteout_create(struct vnode *dvp, struct vnode **vpp)
{
	struct vattr va = {
		.va_type = VCHR,
		.va_uid = atomic_load_explicit(&dvp->v_uid,
		    memory_order_relaxed),
		.va_gid = atomic_load_explicit(&dvp->v_gid,
		    memory_order_relaxed),
	};
	int error;

	error = memfs_node_create(dvp->v_mount, &va, NULL, 0, vpp);
	if (error == 0)
		memfs_node(*vpp)->mn_nlink = 1;
	return error;
}

/*
 * The new name: an entry of the target's, overwritten; in the same directory
 * one that takes over the old one's slot, so that a reader of the directory
 * sees the file once; or one more.
 */
static int
memfs_rename(const struct rename_args *ra)
{
	struct memfs_node *fdn = memfs_node(ra->ra_fdvp);
	struct memfs_node *tdn = memfs_node(ra->ra_tdvp);
	struct vnode *fvp = ra->ra_fvp, *tvp = ra->ra_tvp, *wvp = NULL;
	struct memfs_dirent *fde, *tde;
	int error;

	if (!memfs_is_native(fvp) || (tvp != NULL && !memfs_is_native(tvp)))
		return EPERM;
	if (fvp == tvp)
		return 0;
	if ((ra->ra_flags & RENAME_EXCHANGE) != 0)
		return tvp == NULL ? ENOENT : exchange(ra);
	fde = entry_of(ra->ra_fdvp, ra->ra_fcnp, fvp);
	if (fde == NULL)
		return ENOENT;
	if ((ra->ra_flags & RENAME_WHITEOUT) != 0) {
		error = whiteout_create(ra->ra_fdvp, &wvp);
		if (error != 0)
			return error;
	}

	if (tvp != NULL) {
		error = 0;
		tde = entry_of(ra->ra_tdvp, ra->ra_tcnp, tvp);
		if (tde == NULL)
			error = ENOENT;
		else if (tvp->v_type == VDIR &&
		    memfs_node(tvp)->mn_dir.md_n != 0)
			error = ENOTEMPTY;
	} else
		error = entry_prepare(ra->ra_tdvp, ra->ra_tcnp, fvp->v_type,
		    &tde);
	if (error != 0)
		goto fail_whiteout;

	entry_set(tde, fvp);
	if (tvp != NULL)
		unlinked(tdn, memfs_node(tvp));
	if (tvp == NULL && wvp == NULL && fdn == tdn)
		memfs_dir_replace(&fdn->mn_dir, fde, tde);
	else {
		if (tvp == NULL)
			memfs_dir_insert(&tdn->mn_dir, tde);
		if (wvp != NULL)
			entry_set(fde, wvp);
		else
			memfs_dir_remove(&fdn->mn_dir, fde);
	}
	reparent(fvp, ra->ra_fdvp, ra->ra_tdvp);
	renamed(ra);
	if (wvp != NULL)
		vnode_rele(wvp);
	return 0;

fail_whiteout:
	if (wvp != NULL) {
		memfs_node(wvp)->mn_nlink = 0;
		vnode_rele(wvp);
	}
	return error;
}

static int
memfs_readdir(struct vnode *dvp, off_t *offp, vop_filldir_t fn, void *arg)
{
	int error;

	error = memfs_dir_read(&memfs_node(dvp)->mn_dir, dvp->v_ino, offp, fn,
	    arg);
	memfs_accessed(dvp);
	return error;
}

static int
memfs_readlink(struct vnode *vp, struct uio *uio)
{
	struct memfs_node *mn = memfs_node(vp);
	char *p = mn->mn_size > MEMFS_INLINE ? mn->mn_target : mn->mn_inline;
	int error;

	error = uiomove(p, MIN(mn->mn_size, uio->uio_resid), uio);
	memfs_accessed(vp);
	return error;
}

/* ---- Attributes --------------------------------------------------------- */

static int
memfs_getattr(struct vnode *vp, struct vattr *va)
{
	struct memfs_node *mn = memfs_node(vp);

	va->va_mask = VA_BTIME;
	va->va_type = vp->v_type;
	va->va_mode = atomic_load_explicit(&vp->v_mode, memory_order_relaxed);
	va->va_uid = atomic_load_explicit(&vp->v_uid, memory_order_relaxed);
	va->va_gid = atomic_load_explicit(&vp->v_gid, memory_order_relaxed);
	va->va_rdev = vp->v_rdev;
	va->va_size = mn->mn_size;
	va->va_blocks = 0;
	if (vp->v_type == VREG)
		va->va_blocks = atomic_load_explicit(&vp->v_pages.pc_npages,
		    memory_order_relaxed) * (PAGE_SIZE / 512);
	else if (vp->v_type == VDIR)
		va->va_size = ((uint64_t)mn->mn_dir.md_n + 2) *
		    sizeof(struct memfs_dirent);
	va->va_blksize = PAGE_SIZE;
	va->va_nlink = mn->mn_nlink;
	va->va_ino = vp->v_ino;
	va->va_gen = 0;
	va->va_attributes = mn->mn_attributes;
	va->va_attributes_mask = MEMFS_ATTRIBUTES;
	times_get(mn, va);
	va->va_btime = time_get(mn, MT_BTIME);
	return 0;
}

/* The times that come with a new size are the file's, where none is given. */
static int
memfs_setattr(struct vnode *vp, const struct vattr *va)
{
	struct memfs_node *mn = memfs_node(vp);
	unsigned touch = MT_C;
	int error;

	if ((va->va_mask & VA_ATTRS) != 0) {
		if ((va->va_attributes & ~MEMFS_ATTRIBUTES) != 0)
			return EOPNOTSUPP;
		mn->mn_attributes = va->va_attributes;
	}
	if ((va->va_mask & VA_SIZE) != 0) {
		uint64_t old = mn->mn_size;

		error = memfs_truncate(vp, va->va_size);
		if (error != 0)
			return error;
		if (old == va->va_size && va->va_mask == VA_SIZE)
			return 0;
		touch = MT_MC;
	}
	if ((va->va_mask & VA_MODE) != 0)
		atomic_store_explicit(&vp->v_mode, va->va_mode & 07777,
		    memory_order_relaxed);
	if ((va->va_mask & VA_UID) != 0)
		atomic_store_explicit(&vp->v_uid, va->va_uid,
		    memory_order_relaxed);
	if ((va->va_mask & VA_GID) != 0)
		atomic_store_explicit(&vp->v_gid, va->va_gid,
		    memory_order_relaxed);
	memfs_touch(mn, touch);
	if ((va->va_mask & VA_ATIME) != 0)
		time_set(mn, MT_ATIME, &va->va_atime);
	if ((va->va_mask & VA_MTIME) != 0)
		time_set(mn, MT_MTIME, &va->va_mtime);
	if ((va->va_mask & VA_CTIME) != 0)
		time_set(mn, MT_CTIME, &va->va_ctime);
	if ((va->va_mask & VA_BTIME) != 0)
		time_set(mn, MT_BTIME, &va->va_btime);
	return 0;
}

/* ---- Foreign nodes ------------------------------------------------------ */

int
memfs_add_foreign(struct vnode *dvp, const struct componentname *cnp,
    const struct vattr *va, const struct vnodeops *op, void *data,
    struct vnode **vpp)
{
	struct memfs_node *dn = memfs_node(dvp);
	struct fill_args fa = { .fa_va = va, .fa_op = op, .fa_data = data };
	struct memfs_dirent *de;
	int error;

	if (memfs_dir_lookup(&dn->mn_dir, cnp) != NULL)
		return EEXIST;
	error = entry_prepare(dvp, cnp, va->va_type, &de);
	if (error != 0)
		return error;
	error = vcache_new(dvp->v_mount, memfs_next_ino(memfs_of(dvp)),
	    node_fill, &fa, vpp);
	if (error != 0) {
		memfs_dirent_free(de);
		return error;
	}
	if (va->va_type == VDIR)
		dn->mn_nlink++;
	entry_set(de, *vpp);
	memfs_dir_insert(&dn->mn_dir, de);
	memfs_touch(dn, MT_MC);
	return 0;
}

int
memfs_remove_foreign(struct vnode *dvp, const struct componentname *cnp,
    struct vnode *vp)
{
	struct memfs_node *dn = memfs_node(dvp);
	struct memfs_dirent *de;

	de = entry_of(dvp, cnp, vp);
	if (de == NULL || memfs_is_native(vp))
		return ENOENT;
	if (vp->v_type == VDIR)
		dn->mn_nlink--;
	memfs_dir_remove(&dn->mn_dir, de);
	memfs_touch(dn, MT_MC);
	return 0;
}

const struct vnodeops memfs_vnodeops = {
	.vop_lookup = memfs_lookup,
	.vop_create = memfs_create,
	.vop_mkdir = memfs_create,
	.vop_symlink = memfs_symlink,
	.vop_tmpfile = memfs_tmpfile,
	.vop_link = memfs_link,
	.vop_unlink = memfs_unlink,
	.vop_rmdir = memfs_rmdir,
	.vop_rename = memfs_rename,
	.vop_readdir = memfs_readdir,
	.vop_readlink = memfs_readlink,
	.vop_getattr = memfs_getattr,
	.vop_setattr = memfs_setattr,
	.vop_read = memfs_read,
	.vop_write = memfs_write,
	.vop_fallocate = memfs_fallocate,
	.vop_seekhole = memfs_seekhole,
	.vop_getxattr = memfs_getxattr,
	.vop_setxattr = memfs_setxattr,
	.vop_listxattr = memfs_listxattr,
	.vop_inactive = memfs_inactive,
	.vop_reclaim = memfs_reclaim,
};
