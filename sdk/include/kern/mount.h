/* SPDX-License-Identifier: BSD-2-Clause */
/** @file mount.h
 * File system types and mounts.
 */
#ifndef KERN_MOUNT_H
#define KERN_MOUNT_H

#include <kern/vnode.h>
#include <asm/statfs.h>
#include <linux/mount.h>

struct mount;

struct vfsops {
	const char *vfs_name;		/**< "ext4"; what mount's type names */
	/** More names of it, NULL-terminated; may be NULL. */
	const char *const *vfs_aliases;
	/**
	 * Mount. args: what the application gave, arglen bytes, in kernel
	 * memory, its pointers still the application's (copyinstr()). Sets
	 * mnt_data and mnt_stat's constant parts. type: the name it was
	 * mounted by. EINVAL for bad args.
	 */
	int (*vfs_mount)(struct mount *mp, const char *type, void *args,
	    size_t arglen);
	/**
	 * MS_REMOUNT: mnt_flags still the old, newflags wanted; args as for
	 * vfs_mount, NULL: none given. NULL: EOPNOTSUPP
	 */
	int (*vfs_remount)(struct mount *mp, unsigned long newflags,
	    void *args, size_t arglen);
	/**
	 * All vnodes are gone (or doomed: force). Leaves the file system clean;
	 * errors are reported and it goes all the same.
	 */
	int (*vfs_unmount)(struct mount *mp, bool force);
	/** The root, referenced. */
	int (*vfs_root)(struct mount *mp, struct vnode **vpp);
	int (*vfs_statfs)(struct mount *mp, struct statfs *sf);
	/** Write everything; wait: durable on return. Pages come first by VFS. */
	int (*vfs_sync)(struct mount *mp, bool wait);
	/** Fill the vnode of inode v_ino: vnode_setup(). ENOENT, EIO */
	int (*vfs_loadvnode)(struct mount *mp, struct vnode *vp);
	/**
	 * May vfs_loadvnode be asked for this inode, whose number comes from
	 * an application (open_by_handle_at(2))? ESTALE. NULL: files have no
	 * handles.
	 */
	int (*vfs_handle)(struct mount *mp, ino_t ino);
	struct list vfs_link;
};

/*
 * I  immutable   l  the mount tree's lock   a  atomic
 */
struct mount {
	const struct vfsops *mnt_op;	/* [I] */
	void *mnt_data;			/* [I] the file system's */
	_Atomic unsigned long mnt_flags; /* [a] MS_RDONLY, MS_NOATIME, ... */
	struct vnode *mnt_covered;	/* [I] held; NULL: the root */
	struct mount *mnt_parent;	/* [I] */
	struct vnode *mnt_root;		/* [I] held */
	dev_t mnt_dev;			/* [I] st_dev */
	int mnt_id;			/* [I] */
	struct statfs mnt_stat;		/* [I] f_type, f_bsize, f_namelen, f_fsid */
	struct kmutex mnt_rename;	/* renames between directories */
	_Atomic uint32_t mnt_refs;	/* [a] who needs its memory */
	_Atomic bool mnt_going;		/* [a] being unmounted */
	struct list mnt_link;		/* [l] */
	char mnt_from[256];		/* [I] what is mounted */
	char mnt_on[256];		/* [I] path, for /proc/mounts */
	char mnt_type[32];		/* [I] */
};

static inline bool
mount_rdonly(struct mount *mp)
{
	return (atomic_load_explicit(&mp->mnt_flags, memory_order_relaxed) &
	    MS_RDONLY) != 0;
}

int vfs_register(struct vfsops *ops);

/**
 * Find the block device a path of the rump name space names, for a mount.
 * @return ENOTBLK, ENOENT, ... ; blkdev_close() it.
 */
struct blkdev;
int vfs_open_blkdev(const char *path, bool write, struct blkdev **bdp);

#endif
