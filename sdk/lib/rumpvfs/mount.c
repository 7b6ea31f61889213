/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The mount tree. mount_tree_lock orders mounts, unmounts and whoever visits
 * all mounts. A walker of a path crosses into a mount without it: unmounting
 * first sets mnt_going and waits for the epoch, so that each walker has either
 * taken its reference, which makes the mount busy, or waits in
 * mount_tree_wait().
 *
 * mnt_refs keeps the memory only: one for the tree, one for each vnode that
 * was in use when its mount was forced away.
 */
#include <kern/blkdev.h>
#include <kern/syscall.h>

#include "sysproto.h"
#include "vfs.h"

/* umount2(2); not in the exported headers. */
#define MNT_FORCE		1
#define MNT_DETACH		2
#define MNT_EXPIRE		4
#define UMOUNT_NOFOLLOW		8

/* Flags that a mount keeps. */
#define MNT_KEPT	(MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | \
	MS_SYNCHRONOUS | MS_DIRSYNC | MS_NOATIME | MS_NODIRATIME | \
	MS_RELATIME | MS_STRICTATIME | MS_NOSYMFOLLOW | MS_LAZYTIME | \
	MS_MANDLOCK)
#define MNT_UNKNOWN	(MS_BIND | MS_MOVE | MS_UNBINDABLE | MS_PRIVATE | \
	MS_SLAVE | MS_SHARED)

#define MNT_MAXARGS	65536

static struct lock_class tree_class = LOCK_CLASS("mount_tree", 0);
static struct lock_class rename_class = LOCK_CLASS("mnt_rename", 0);

static struct kmutex mount_tree_lock;
static struct list mounts = LIST_INITIALIZER(mounts);	/* [tree] */
static struct list fstypes = LIST_INITIALIZER(fstypes);	/* [tree] */
static struct list detached = LIST_INITIALIZER(detached); /* [tree] */
static _Atomic bool any_detached;
static struct vnode *rootvnode;
static int last_id;					/* [tree] */

int
mount_init(void)
{

	mutex_init(&mount_tree_lock, &tree_class);
	return 0;
}

void
mount_tree_wait(void)
{

	mutex_enter(&mount_tree_lock);
	mutex_exit(&mount_tree_lock);
}

int
vfs_register(struct vfsops *ops)
{

	mutex_enter(&mount_tree_lock);
	list_insert_tail(&fstypes, &ops->vfs_link);
	mutex_exit(&mount_tree_lock);
	return 0;
}

static const struct vfsops *
fstype_find(const char *name)
{
	const char *const *alias;
	const struct vfsops *ops, *found = NULL;
	struct list *n;

	mutex_enter(&mount_tree_lock);
	LIST_FOREACH(n, &fstypes) {
		ops = container_of(n, struct vfsops, vfs_link);
		if (strcmp(ops->vfs_name, name) == 0)
			found = ops;
		for (alias = ops->vfs_aliases; alias != NULL &&
		    *alias != NULL; alias++)
			if (strcmp(*alias, name) == 0)
				found = ops;
	}
	mutex_exit(&mount_tree_lock);
	return found;
}

void
mount_drop(struct mount *mp)
{

	if (atomic_fetch_sub_explicit(&mp->mnt_refs, 1,
	    memory_order_acq_rel) != 1)
		return;
	mutex_fini(&mp->mnt_rename);
	kmem_free(mp, sizeof(*mp));
}

/* ---- Mounting ---------------------------------------------------------- */

static struct mount *
mount_alloc(const struct vfsops *ops, const char *type, unsigned long flags)
{
	struct mount *mp;

	mp = kmem_zalloc(sizeof(*mp), 0);
	if (mp == NULL)
		return NULL;
	mp->mnt_op = ops;
	atomic_init(&mp->mnt_flags, flags & MNT_KEPT);
	atomic_init(&mp->mnt_refs, 1);
	mutex_init(&mp->mnt_rename, &rename_class);
	list_node_init(&mp->mnt_link);
	(void)strlcpy(mp->mnt_type, type, sizeof(mp->mnt_type));
	(void)strlcpy(mp->mnt_from, type, sizeof(mp->mnt_from));
	mutex_enter(&mount_tree_lock);
	mp->mnt_id = ++last_id;
	mutex_exit(&mount_tree_lock);
	mp->mnt_dev = makedev(0, (uint32_t)mp->mnt_id);
	return mp;
}

/* Let the file system in; mnt_root is there afterwards. */
static int
mount_start(struct mount *mp, void *args, size_t arglen)
{
	int error;

	error = mp->mnt_op->vfs_mount(mp, mp->mnt_type, args, arglen);
	if (error != 0)
		return error;
	error = mp->mnt_op->vfs_root(mp, &mp->mnt_root);
	if (error == 0 && mp->mnt_root->v_type != VDIR) {
		vnode_rele(mp->mnt_root);
		error = ENOTDIR;
	}
	if (error != 0) {
		vcache_mount_purge(mp);
		(void)mp->mnt_op->vfs_unmount(mp, true);
		return error;
	}
	atomic_fetch_or(&mp->mnt_root->v_flags, VV_ROOT);
	if (mp->mnt_stat.f_fsid.val[0] == 0 && mp->mnt_stat.f_fsid.val[1] == 0)
		mp->mnt_stat.f_fsid.val[0] = (int)mp->mnt_dev;
	return 0;
}

/* The other way: nothing refers to the mount's vnodes, or force. */
static void
mount_finish(struct mount *mp, bool force)
{
	int error;

	(void)mount_sync(mp, true);
	vnode_rele(mp->mnt_root);
	vcache_mount_purge(mp);
	error = mp->mnt_op->vfs_unmount(mp, force);
	if (error != 0)
		klog(LOG_ERR, "%s: unmount of %s: error %d", mp->mnt_on,
		    mp->mnt_from, error);
}

int
mount_root(const char *type)
{
	const struct vfsops *ops;
	struct mount *mp;
	int error;

	ops = fstype_find(type);
	if (ops == NULL)
		return ENODEV;
	mp = mount_alloc(ops, type, 0);
	if (mp == NULL)
		return ENOMEM;
	(void)strlcpy(mp->mnt_on, "/", sizeof(mp->mnt_on));
	error = mount_start(mp, NULL, 0);
	if (error != 0) {
		mount_drop(mp);
		return error;
	}
	mutex_enter(&mount_tree_lock);
	list_insert_tail(&mounts, &mp->mnt_link);
	mutex_exit(&mount_tree_lock);
	rootvnode = mp->mnt_root;
	return cwd_init(mp->mnt_root);
}

struct vnode *
vfs_rootvnode(void)
{
	return rootvnode;
}

/* Put a started mount into the tree; takes over vp's reference. */
static int
mount_attach(struct mount *mp, struct vnode *vp)
{
	int error = 0;

	mp->mnt_covered = vp;
	mp->mnt_parent = vp->v_mount;
	mutex_enter(&mount_tree_lock);
	vnode_lock(vp, RW_WRITER);
	if (!vnode_dir_alive(vp))
		error = ENOENT;
	else if (vp->v_mounted != NULL)
		error = EBUSY;
	else {
		list_insert_tail(&mounts, &mp->mnt_link);
		atomic_store_explicit(&vp->v_mounted, mp,
		    memory_order_release);
	}
	vnode_unlock(vp);
	mutex_exit(&mount_tree_lock);
	return error;
}

static int
mount_new(const char *type, struct vnode *vp, unsigned long flags, void *args,
    size_t arglen)
{
	const struct vfsops *ops;
	struct mount *mp;
	char *buf, *path;
	int error;

	ops = fstype_find(type);
	if (ops == NULL)
		return ENODEV;
	mp = mount_alloc(ops, type, flags);
	if (mp == NULL)
		return ENOMEM;
	buf = kmem_alloc(PATH_MAX, 0);
	if (buf == NULL) {
		mount_drop(mp);
		return ENOMEM;
	}
	if (vnode_path(vp, NULL, buf, PATH_MAX, &path) == 0)
		(void)strlcpy(mp->mnt_on, path, sizeof(mp->mnt_on));
	kmem_free(buf, PATH_MAX);
	error = mount_start(mp, args, arglen);
	if (error == 0) {
		error = mount_attach(mp, vnode_hold(vp));
		if (error == 0)
			return 0;
		mount_finish(mp, false);
		vnode_rele(vp);
	}
	mount_drop(mp);
	return error;
}

static void
count_writers(struct vnode *vp, void *arg)
{
	bool *busy = arg;

	if (vp->v_type == VREG && atomic_load(&vp->v_writers) != 0)
		*busy = true;
}

static int
mount_update(struct mount *mp, unsigned long flags, void *args, size_t arglen)
{
	unsigned long old = mp->mnt_flags, new;
	bool busy = false;
	int error;

	if (mp->mnt_op->vfs_remount == NULL)
		return EOPNOTSUPP;
	new = (old & ~MNT_KEPT) | (flags & MNT_KEPT);
	mutex_enter(&mount_tree_lock);
	if (atomic_load(&mp->mnt_going)) {
		mutex_exit(&mount_tree_lock);
		return EINVAL;
	}
	if ((new & ~old & MS_RDONLY) != 0) {
		/* Who opens for writing counts itself before it looks. */
		atomic_fetch_or(&mp->mnt_flags, MS_RDONLY);
		vcache_mount_walk(mp, count_writers, &busy);
		error = busy ? EBUSY : mount_sync(mp, true);
		if (error == 0) {
			atomic_store(&mp->mnt_flags, old);
			error = mp->mnt_op->vfs_remount(mp, new, args, arglen);
		}
	} else
		error = mp->mnt_op->vfs_remount(mp, new, args, arglen);
	atomic_store(&mp->mnt_flags, error == 0 ? new : old);
	mutex_exit(&mount_tree_lock);
	return error;
}

int
sys_mount(const char *utype, const char *path, int flags, void *uargs,
    size_t arglen, long *rv __maybe_unused)
{
	struct nameidata ni;
	char type[32];
	void *args = NULL;
	size_t done;
	int error;

	if (arglen > MNT_MAXARGS)
		return EINVAL;
	if (utype != NULL || (flags & MS_REMOUNT) == 0) {
		error = copyinstr(utype, type, sizeof(type), &done);
		if (error != 0)
			return error == ENAMETOOLONG ? ENODEV : error;
	}
	if (uargs != NULL && arglen > 0) {
		args = kmem_alloc(arglen, 0);
		if (args == NULL)
			return ENOMEM;
		error = copyin(uargs, args, arglen);
		if (error != 0) {
			kmem_free(args, arglen);
			return error;
		}
	} else
		arglen = 0;
	error = namei(&ni, AT_FDCWD, path, NI_FOLLOW |
	    ((flags & MS_REMOUNT) != 0 ? 0 : NI_DIRECTORY));
	if (error == 0 && !cred_is_root(ni.ni_cn.cn_cred))
		error = EPERM;
	if (error == 0 && ((unsigned)flags & MNT_UNKNOWN) != 0)
		error = EINVAL;
	if (error == 0 && (flags & MS_REMOUNT) != 0)
		error = (ni.ni_vp->v_flags & VV_ROOT) == 0 ? EINVAL :
		    mount_update(ni.ni_vp->v_mount, (unsigned)flags, args,
		    arglen);
	else if (error == 0)
		error = mount_new(type, ni.ni_vp, (unsigned)flags, args,
		    arglen);
	namei_done(&ni);
	kmem_free(args, arglen);
	return error;
}

/* ---- Unmounting -------------------------------------------------------- */

static bool
mount_has_children(struct mount *mp)
{
	struct list *n;

	LIST_FOREACH(n, &mounts)
		if (container_of(n, struct mount, mnt_link)->mnt_parent == mp)
			return true;
	LIST_FOREACH(n, &detached)
		if (container_of(n, struct mount, mnt_link)->mnt_parent == mp)
			return true;
	return false;
}

/*
 * Keep walkers out and see whether anybody is in. On success mnt_going stays
 * set.
 */
static int
mount_close(struct mount *mp, bool force)
{

	if (mount_has_children(mp))
		return EBUSY;
	atomic_store(&mp->mnt_going, true);
	epoch_synchronize();
	if (!force && vcache_mount_busy(mp)) {
		atomic_store(&mp->mnt_going, false);
		return EBUSY;
	}
	return 0;
}

/* Off the tree, and away. Holds the tree's lock. */
static void
mount_remove(struct mount *mp, bool force)
{
	struct vnode *covered = mp->mnt_covered;
	struct mount *expect = mp;

	/* Not if it was detached before. */
	(void)atomic_compare_exchange_strong(&covered->v_mounted, &expect,
	    NULL);
	list_remove(&mp->mnt_link);
	mount_finish(mp, force);
	epoch_synchronize();
	vnode_rele(covered);
	mount_drop(mp);
}

/* A reference into a mount that is detached may have been the last. */
void
mount_reap(void)
{
	struct list *n, *t;
	struct mount *mp;

	if (!atomic_load_explicit(&any_detached, memory_order_relaxed) ||
	    !mutex_tryenter(&mount_tree_lock))
		return;
	LIST_FOREACH_SAFE(n, &detached, t) {
		mp = container_of(n, struct mount, mnt_link);
		if (mount_close(mp, false) == 0)
			mount_remove(mp, false);
	}
	atomic_store(&any_detached, !list_empty(&detached));
	mutex_exit(&mount_tree_lock);
}

static struct mount *
mount_child(struct mount *mp)
{
	struct mount *child;
	struct list *n;

	LIST_FOREACH(n, &mounts) {
		child = container_of(n, struct mount, mnt_link);
		if (child->mnt_parent == mp)
			return child;
	}
	return NULL;
}

/*
 * Off the tree, with all that is mounted below, each on its own: they end when
 * nobody is in them.
 */
static void
mount_detach(struct mount *mp)
{
	struct mount *leaf, *child;

	do {
		for (leaf = mp; (child = mount_child(leaf)) != NULL;)
			leaf = child;
		(void)mount_sync(leaf, true);
		atomic_store(&leaf->mnt_covered->v_mounted, NULL);
		list_remove(&leaf->mnt_link);
		list_insert_tail(&detached, &leaf->mnt_link);
	} while (leaf != mp);
	atomic_store(&any_detached, true);
}

int
sys_umount2(const char *path, int flags, long *rv __maybe_unused)
{
	struct nameidata ni;
	struct mount *mp = NULL;
	int error;

	if ((flags & ~(MNT_FORCE | MNT_DETACH | MNT_EXPIRE |
	    UMOUNT_NOFOLLOW)) != 0)
		return EINVAL;
	error = namei(&ni, AT_FDCWD, path,
	    (flags & UMOUNT_NOFOLLOW) != 0 ? 0 : NI_FOLLOW);
	if (error == 0 && !cred_is_root(ni.ni_cn.cn_cred))
		error = EPERM;
	if (error == 0 && ((ni.ni_vp->v_flags & VV_ROOT) == 0 ||
	    (flags & MNT_EXPIRE) != 0))
		error = EINVAL;
	if (error == 0 && ni.ni_vp->v_mount->mnt_covered == NULL)
		error = EBUSY;
	if (error == 0) {
		mp = ni.ni_vp->v_mount;
		atomic_fetch_add(&mp->mnt_refs, 1);
	}
	namei_done(&ni);
	if (error != 0)
		return error;

	mutex_enter(&mount_tree_lock);
	if (atomic_load(&mp->mnt_going) ||
	    mp->mnt_covered->v_mounted != mp)
		error = EINVAL;
	else {
		error = mount_close(mp, (flags & MNT_FORCE) != 0);
		if (error == 0)
			mount_remove(mp, (flags & MNT_FORCE) != 0);
		else if ((flags & MNT_DETACH) != 0) {
			mount_detach(mp);
			error = 0;
		}
	}
	mutex_exit(&mount_tree_lock);
	mount_drop(mp);
	mount_reap();
	return error;
}

/* ---- All of them ------------------------------------------------------- */

int
mount_walk(int (*fn)(struct mount *, void *), void *arg)
{
	struct list *n;
	int error = 0;

	mutex_enter(&mount_tree_lock);
	LIST_FOREACH(n, &mounts) {
		error = fn(container_of(n, struct mount, mnt_link), arg);
		if (error != 0)
			break;
	}
	mutex_exit(&mount_tree_lock);
	return error;
}

int
mount_sync(struct mount *mp, bool wait)
{
	int error, error1 = 0;

	if (mount_rdonly(mp))
		return 0;
	error = pagecache_flush_mount(mp, wait);
	if (mp->mnt_op->vfs_sync != NULL)
		error1 = mp->mnt_op->vfs_sync(mp, wait);
	return error != 0 ? error : error1;
}

static int
sync_one(struct mount *mp, void *arg)
{
	const bool *wait = arg;

	(void)mount_sync(mp, *wait);
	return 0;
}

int
sys_sync(long *rv __maybe_unused)
{
	bool wait = false;

	/* Start all, then wait for each. */
	(void)mount_walk(sync_one, &wait);
	wait = true;
	(void)mount_walk(sync_one, &wait);
	return 0;
}

int
sys_syncfs(int fd, long *rv __maybe_unused)
{
	struct file *fp;
	struct vnode *vp;
	int error;

	error = fd_get(fd, &fp);
	if (error != 0)
		return error;
	vp = file_vnode(fp);
	if (vp != NULL)
		error = mount_sync(vp->v_mount, true);
	else if ((fp->f_flags & O_PATH) != 0)
		error = EBADF;
	fd_put(fp);
	return error;
}

/* ---- statfs ------------------------------------------------------------ */

static int
mount_statfs(struct mount *mp, struct statfs *usf)
{
	struct statfs sf = mp->mnt_stat;
	unsigned long f = mp->mnt_flags;
	int error = 0;

	if (mp->mnt_op->vfs_statfs != NULL)
		error = mp->mnt_op->vfs_statfs(mp, &sf);
	if (error != 0)
		return error;
	if (sf.f_frsize == 0)
		sf.f_frsize = sf.f_bsize;
	/* statfs(2): ST_VALID and the bits of statvfs. */
	sf.f_flags = 0x20 | ((f & MS_RDONLY) != 0 ? 1 : 0) |
	    ((f & MS_NOSUID) != 0 ? 2 : 0) | ((f & MS_NODEV) != 0 ? 4 : 0) |
	    ((f & MS_NOEXEC) != 0 ? 8 : 0) |
	    ((f & MS_SYNCHRONOUS) != 0 ? 16 : 0) |
	    ((f & MS_NOATIME) != 0 ? 0x400 : 0) |
	    ((f & MS_NODIRATIME) != 0 ? 0x800 : 0) |
	    ((f & (MS_NOATIME | MS_STRICTATIME)) == 0 ? 0x1000 : 0) |
	    ((f & MS_NOSYMFOLLOW) != 0 ? 0x2000 : 0);
	return copyout(&sf, usf, sizeof(sf));
}

int
sys_statfs(const char *path, struct statfs *usf, long *rv __maybe_unused)
{
	struct nameidata ni;
	int error;

	error = namei(&ni, AT_FDCWD, path, NI_FOLLOW);
	if (error == 0)
		error = mount_statfs(ni.ni_vp->v_mount, usf);
	namei_done(&ni);
	return error;
}

int
sys_fstatfs(int fd, struct statfs *usf, long *rv __maybe_unused)
{
	struct file *fp;
	struct vnode *vp;
	int error;

	error = fd_get(fd, &fp);
	if (error != 0)
		return error;
	vp = fp->f_vnode;
	error = vp == NULL ? ENOSYS : vnode_doomed(vp) ? EIO :
	    mount_statfs(vp->v_mount, usf);
	fd_put(fp);
	return error;
}

/* ---- Devices of mounts ------------------------------------------------- */

int
vfs_open_blkdev(const char *path, bool write, struct blkdev **bdp)
{
	struct nameidata ni;
	int error;

	error = namei(&ni, AT_FDCWD, path, NI_FOLLOW | NI_KERNEL);
	if (error == 0 && ni.ni_vp->v_type != VBLK)
		error = ENOTBLK;
	if (error == 0 && (ni.ni_vp->v_mount->mnt_flags & MS_NODEV) != 0)
		error = EACCES;
	if (error == 0)
		error = vaccess(ni.ni_vp, ni.ni_cn.cn_cred,
		    VREAD | (write ? VWRITE : 0));
	if (error == 0)
		error = blkdev_open(ni.ni_vp->v_rdev, write, bdp);
	namei_done(&ni);
	return error;
}
