/* SPDX-License-Identifier: BSD-2-Clause */
/** @file memfs.h
 * A file system kept in kernel memory, as an engine: what tmpfs, the root
 * file system and other synthetic ones are made of. A user of it has a struct
 * vfsops of its own, whose vfs_mount calls memfs_mount(); the other members
 * may be the engine's functions as they are.
 *
 * A file's data is in the page cache of its vnode, which is why a node has a
 * vnode for all of its life (VV_KEEP) and the engine refers to nodes by inode
 * number only. Inode numbers are never used again.
 */
#ifndef KERN_MEMFS_H
#define KERN_MEMFS_H

#include <kern/mount.h>

#define MEMFS_UNLIMITED	UINT64_MAX

/** What a mount is made with. */
struct memfs_config {
	uint64_t mc_bytes;	/**< of data and attributes; or MEMFS_UNLIMITED */
	uint64_t mc_nodes;	/**< files, the root too; or MEMFS_UNLIMITED */
	uid_t mc_uid;		/**< the root's */
	gid_t mc_gid;
	mode_t mc_mode;		/**< the root's, 07777 bits */
	long mc_magic;		/**< f_type */
};

/*
 * I  immutable   a  atomic
 */
struct memfs {
	_Atomic uint64_t mf_bytes;	/* [a] used: whole pages, attributes */
	_Atomic uint64_t mf_nodes;	/* [a] used */
	_Atomic uint64_t mf_maxbytes;	/* [a] */
	_Atomic uint64_t mf_maxnodes;	/* [a] */
	_Atomic uint64_t mf_lastino;	/* [a] */
};

/** Once, before the first mount. */
int memfs_init(void);
/** Make the file system and its root. @return ENOMEM, ENOSPC */
int memfs_mount(struct mount *mp, const struct memfs_config *mc);
/** All vnodes have been reclaimed: frees mnt_data. */
int memfs_unmount(struct mount *mp, bool force);
/**
 * Change the limits; what is in use already stays.
 * @return EINVAL: a limit would be below what is in use
 */
int memfs_set_limits(struct mount *mp, uint64_t bytes, uint64_t nodes);

int memfs_root(struct mount *mp, struct vnode **vpp);
int memfs_statfs(struct mount *mp, struct statfs *sf);
int memfs_sync(struct mount *mp, bool wait);
int memfs_loadvnode(struct mount *mp, struct vnode *vp);
int memfs_handle(struct mount *mp, ino_t ino);

/**
 * Enter a node whose operations are not the engine's in one of its
 * directories. op gets data as v_data; what is not NULL there is the owner's
 * business, vop_inactive and vop_reclaim too. Limits do not count it, and
 * unlink, rename and link refuse it with EPERM. dvp X.
 *
 * @return EEXIST, ENOMEM
 */
int memfs_add_foreign(struct vnode *dvp, const struct componentname *cnp,
    const struct vattr *va, const struct vnodeops *op, void *data,
    struct vnode **vpp);
/** Take a foreign node's name away. dvp X, vp any. @return ENOENT */
int memfs_remove_foreign(struct vnode *dvp, const struct componentname *cnp,
    struct vnode *vp);

#endif
