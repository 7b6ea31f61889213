/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rumpfs: the root file system, in memory without limits, and the nodes that
 * others enter in it.
 *
 * Such a node's vnode has its owner's operations, in a copy that adds ours for
 * the end of its life; the copies stay for ever, because a vnode's operations
 * may be looked at without a lock. The node ends when it has been removed and
 * its vnode's last reference is gone. Lock order: v_lock -> extra_lock.
 */
#include <kern/kmem.h>
#include <kern/memfs.h>
#include <kern/string.h>
#include <linux/magic.h>

#include "rumpfs.h"
#include "vfs.h"

/*
 * I  immutable   l  extra_lock   v  v_lock of x_vp
 */
struct extra {
	struct list x_link;		/* [l] */
	struct vnode *x_vp;		/* [I] not referenced */
	void *x_data;			/* [I] the owner's */
	void (*x_destroy)(void *data);	/* [I] */
	bool x_removed;			/* [v] */
	struct timespec x_times[4];	/* [v] devices: a, m, c, btime */
};

struct extra_ops {
	struct list xo_link;		/* [l] */
	const struct vnodeops *xo_owner;
	struct vnodeops xo_ops;
};

static struct mount *root_mount;	/* the first rumpfs: of the root */
static struct lock_class extra_class = LOCK_CLASS("rumpfs_extra", 0);
static struct kmutex extra_lock;
static struct list extras = LIST_INITIALIZER(extras);
static struct list extra_opses = LIST_INITIALIZER(extra_opses);

/* ---- Nodes of others ---------------------------------------------------- */

static struct extra *
extra_of(struct vnode *vp)
{
	struct list *n;
	struct extra *x;

	KASSERT(mutex_owned(&extra_lock));
	LIST_FOREACH(n, &extras) {
		x = container_of(n, struct extra, x_link);
		if (x->x_vp == vp)
			return x;
	}
	return NULL;
}

static void
extra_inactive(struct vnode *vp, bool *freep)
{
	struct extra *x;

	mutex_enter(&extra_lock);
	x = extra_of(vp);
	*freep = x != NULL && x->x_removed;
	mutex_exit(&extra_lock);
}

static void
extra_reclaim(struct vnode *vp)
{
	struct extra *x;

	mutex_enter(&extra_lock);
	x = extra_of(vp);
	if (x != NULL)
		list_remove(&x->x_link);
	mutex_exit(&extra_lock);
	if (x == NULL)
		return;
	if (x->x_destroy != NULL)
		x->x_destroy(x->x_data);
	kmem_free(x, sizeof(*x));
}

static int
dev_getattr(struct vnode *vp, struct vattr *va)
{
	struct extra *x = vp->v_data;

	*va = (struct vattr){
		.va_mask = VA_BTIME,
		.va_type = vp->v_type,
		.va_mode = vp->v_mode,
		.va_uid = vp->v_uid,
		.va_gid = vp->v_gid,
		.va_rdev = vp->v_rdev,
		.va_blksize = PAGE_SIZE,
		.va_nlink = 1,
		.va_ino = vp->v_ino,
		.va_atime = x->x_times[0],
		.va_mtime = x->x_times[1],
		.va_ctime = x->x_times[2],
		.va_btime = x->x_times[3],
	};
	return 0;
}

static int
dev_setattr(struct vnode *vp, const struct vattr *va)
{
	struct extra *x = vp->v_data;

	if ((va->va_mask & VA_ATTRS) != 0)
		return EOPNOTSUPP;
	if ((va->va_mask & VA_MODE) != 0)
		vp->v_mode = va->va_mode & 07777;
	if ((va->va_mask & VA_UID) != 0)
		vp->v_uid = va->va_uid;
	if ((va->va_mask & VA_GID) != 0)
		vp->v_gid = va->va_gid;
	real_stamp(&x->x_times[2]);
	if ((va->va_mask & VA_ATIME) != 0)
		x->x_times[0] = va->va_atime;
	if ((va->va_mask & VA_MTIME) != 0)
		x->x_times[1] = va->va_mtime;
	return 0;
}

static const struct vnodeops dev_ops = {
	.vop_getattr = dev_getattr,
	.vop_setattr = dev_setattr,
};

/* The owner's operations with ours; NULL: no memory. */
static const struct vnodeops *
extra_ops_get(const struct vnodeops *owner)
{
	struct extra_ops *xo;
	struct list *n;

	mutex_enter(&extra_lock);
	LIST_FOREACH(n, &extra_opses) {
		xo = container_of(n, struct extra_ops, xo_link);
		if (xo->xo_owner == owner)
			goto out;
	}
	xo = kmem_alloc(sizeof(*xo), 0);
	if (xo == NULL)
		goto out;
	xo->xo_owner = owner;
	xo->xo_ops = *owner;
	xo->xo_ops.vop_inactive = extra_inactive;
	xo->xo_ops.vop_reclaim = extra_reclaim;
	list_insert_tail(&extra_opses, &xo->xo_link);
out:
	mutex_exit(&extra_lock);
	return xo != NULL ? &xo->xo_ops : NULL;
}

/* ---- Paths -------------------------------------------------------------- */

/* Take the next component off a path. @return ENOENT at its end */
static int
path_next(const char **pathp, struct componentname *cnp)
{
	const char *p = *pathp, *start;

	while (*p == '/')
		p++;
	for (start = p; *p != '\0' && *p != '/'; p++)
		continue;
	*pathp = p;
	if (p == start)
		return ENOENT;
	if (p - start > NAME_MAX)
		return ENAMETOOLONG;
	*cnp = (struct componentname){
		.cn_name = start,
		.cn_len = (uint16_t)(p - start),
		.cn_hash = name_hash(start, (size_t)(p - start)),
		.cn_cred = curcred(),
	};
	if (start[0] == '.' && (cnp->cn_len == 1 ||
	    (cnp->cn_len == 2 && start[1] == '.')))
		return EINVAL;
	return 0;
}

/* A directory's entry, made where it is missing. dvp X. */
static int
step(struct vnode *dvp, const struct componentname *cnp, bool make,
    struct vnode **vpp)
{
	struct vattr va = { .va_type = VDIR, .va_mode = 0755 };
	int error;

	error = lookup_locked(dvp, cnp, vpp);
	if (error == ENOENT && make) {
		error = dvp->v_op->vop_mkdir(dvp, cnp, &va, vpp);
		if (error == 0) {
			namecache_remove(dvp, cnp);
			vnode_made(*vpp);
		}
	}
	if (error != 0)
		return error;
	if ((*vpp)->v_type != VDIR || (*vpp)->v_op != dvp->v_op) {
		vnode_rele(*vpp);
		return ENOTDIR;
	}
	return 0;
}

/*
 * Walk to the directory of the last component, inside of the root file
 * system: it is returned referenced and locked X.
 */
static int
walk(const char *path, bool make, struct vnode **dvpp,
    struct componentname *cnp)
{
	struct componentname next;
	struct vnode *dvp, *vp;
	int error;

	if (path[0] != '/')
		return EINVAL;
	error = path_next(&path, cnp);
	if (error != 0)
		return error == ENOENT ? EINVAL : error;
	error = memfs_root(root_mount, &dvp);
	if (error != 0)
		return error;
	vnode_lock(dvp, RW_WRITER);
	while ((error = path_next(&path, &next)) == 0) {
		error = step(dvp, cnp, make, &vp);
		if (error != 0)
			break;
		vnode_lock(vp, RW_WRITER);
		vnode_unlock(dvp);
		vnode_rele(dvp);
		dvp = vp;
		*cnp = next;
	}
	if (error != ENOENT || *path != '\0')
		goto fail;
	*dvpp = dvp;
	return 0;

fail:
	vnode_unlock(dvp);
	vnode_rele(dvp);
	return error;
}

int
rumpfs_extra_add(const char *path, enum vtype type, dev_t rdev,
    const struct vnodeops *ops, void *data, void (*destroy)(void *data))
{
	struct vattr va = { .va_type = type, .va_rdev = rdev };
	struct componentname cn;
	struct vnode *dvp, *vp;
	struct extra *x;
	int error, i;

	va.va_mode = type == VDIR ? 0755 : type == VREG ? 0644 :
	    type == VCHR ? 0666 : 0600;
	x = kmem_zalloc(sizeof(*x), 0);
	if (x == NULL)
		return ENOMEM;
	x->x_data = data;
	x->x_destroy = destroy;
	for (i = 0; i < 4; i++)
		real_stamp(&x->x_times[i]);
	if (ops == NULL)
		data = x;
	ops = extra_ops_get(ops != NULL ? ops : &dev_ops);
	if (ops == NULL) {
		error = ENOMEM;
		goto fail_free;
	}
	error = walk(path, true, &dvp, &cn);
	if (error != 0)
		goto fail_free;
	error = memfs_add_foreign(dvp, &cn, &va, ops, data, &vp);
	if (error != 0)
		goto fail_unlock;
	x->x_vp = vp;
	mutex_enter(&extra_lock);
	list_insert_tail(&extras, &x->x_link);
	mutex_exit(&extra_lock);
	if (ops->vop_getattr(vp, &va) == 0) {
		vp->v_mode = va.va_mode & 07777;
		vp->v_uid = va.va_uid;
		vp->v_gid = va.va_gid;
	}
	namecache_remove(dvp, &cn);
	vnode_unlock(dvp);
	vnode_rele(vp);
	vnode_rele(dvp);
	return 0;

fail_unlock:
	vnode_unlock(dvp);
	vnode_rele(dvp);
fail_free:
	kmem_free(x, sizeof(*x));
	return error;
}

int
rumpfs_extra_remove(const char *path)
{
	struct componentname cn;
	struct vnode *dvp, *vp;
	struct extra *x;
	int error;

	error = walk(path, false, &dvp, &cn);
	if (error != 0)
		return error;
	error = lookup_locked(dvp, &cn, &vp);
	if (error != 0)
		goto out_unlock;
	mutex_enter(&extra_lock);
	x = extra_of(vp);
	mutex_exit(&extra_lock);
	error = x == NULL ? ENOENT : memfs_remove_foreign(dvp, &cn, vp);
	if (error == 0) {
		namecache_remove(dvp, &cn);
		namecache_purge(vp);
		/* Not between extra_inactive and the end of a reference. */
		vnode_lock(vp, RW_WRITER);
		x->x_removed = true;
		vnode_unlock(vp);
	}
	vnode_unlock(dvp);
	vnode_rele(vp);
	vnode_rele(dvp);
	return error;

out_unlock:
	vnode_unlock(dvp);
	vnode_rele(dvp);
	return error;
}

/* ---- Mounting ----------------------------------------------------------- */

static int
rumpfs_mount(struct mount *mp, const char *type __maybe_unused,
    void *args __maybe_unused, size_t arglen __maybe_unused)
{
	static const struct memfs_config config = {
		.mc_bytes = MEMFS_UNLIMITED,
		.mc_nodes = MEMFS_UNLIMITED,
		.mc_mode = 0755,
		.mc_magic = RAMFS_MAGIC,
	};
	int error;

	error = memfs_mount(mp, &config);
	if (error == 0 && root_mount == NULL)
		root_mount = mp;
	return error;
}

static int
rumpfs_remount(struct mount *mp __maybe_unused,
    unsigned long newflags __maybe_unused, void *args __maybe_unused,
    size_t arglen __maybe_unused)
{

	return 0;
}

static struct vfsops rumpfs_vfsops = {
	.vfs_name = "rumpfs",
	.vfs_mount = rumpfs_mount,
	.vfs_remount = rumpfs_remount,
	.vfs_unmount = memfs_unmount,
	.vfs_root = memfs_root,
	.vfs_statfs = memfs_statfs,
	.vfs_sync = memfs_sync,
	.vfs_loadvnode = memfs_loadvnode,
	.vfs_handle = memfs_handle,
};

int
rumpfs_init(void)
{
	int error;

	mutex_init(&extra_lock, &extra_class);
	error = memfs_init();
	if (error != 0)
		return error;
	return vfs_register(&rumpfs_vfsops);
}
