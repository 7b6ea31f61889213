/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Nodes of memfs.
 *
 * A node is made together with its vnode and freed by vop_reclaim, which
 * comes when the last name and the last reference are gone, or at unmount.
 * Mode, owner, type and device number are the vnode's members.
 */
#ifndef MEMFS_NODE_H
#define MEMFS_NODE_H

#include <kern/memfs.h>

#include "memfs_dir.h"

enum { MT_ATIME, MT_MTIME, MT_CTIME, MT_BTIME, MT_COUNT };

#define MEMFS_INLINE	48		/* symlinks up to it need no memory */
#define MEMFS_ROOT_INO	1
#define MEMFS_LINK_MAX	0x7fffffffu
#define MEMFS_ATTRIBUTES \
	(STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND | STATX_ATTR_NODUMP)
#define MEMFS_SIZE_MAX	((uint64_t)INT64_MAX)

struct memfs_xattr;

/*
 * v  v_lock   t  v_lock; atime: v_ilock too (reading changes it), but for a
 * look whether it is due
 */
struct memfs_node {
	struct vnode *mn_vnode;
	uint64_t mn_size;		/* [v] bytes */
	uint64_t mn_charged;		/* [v] bytes of mf_bytes */
	uint32_t mn_nlink;		/* [v] */
	bool mn_linkable;		/* [v] O_TMPFILE: may get a first name */
	bool mn_beyond;			/* [v] may have pages beyond its size */
	uint32_t mn_attributes;		/* [v] STATX_ATTR_* */
	_Atomic uint32_t mn_nsec[MT_COUNT]; /* [t] */
	_Atomic int64_t mn_sec[MT_COUNT]; /* [t] */
	struct memfs_xattr *mn_xattrs;	/* [v] */
	union {
		struct memfs_dir mn_dir;	/* [v] VDIR */
		char *mn_target;		/* VLNK, long ones */
		char mn_inline[MEMFS_INLINE];	/* VLNK */
	};
};

extern const struct vnodeops memfs_vnodeops;

static inline struct memfs_node *
memfs_node(const struct vnode *vp)
{

	KASSERT(vp->v_op == &memfs_vnodeops);
	return vp->v_data;
}

static inline struct memfs *
memfs_of(const struct vnode *vp)
{

	return vp->v_mount->mnt_data;
}

static inline bool
memfs_is_native(const struct vnode *vp)
{

	return vp->v_op == &memfs_vnodeops;
}

/** Take from the limit of bytes; false: there is not that much. */
bool memfs_charge(struct memfs *mf, uint64_t bytes);
void memfs_uncharge(struct memfs *mf, uint64_t bytes);

bool memfs_charge_node(struct memfs *mf);
void memfs_uncharge_node(struct memfs *mf);
ino_t memfs_next_ino(struct memfs *mf);

/** Set times to now; which: bits 1 << MT_*. v_lock X. */
void memfs_touch(struct memfs_node *mn, unsigned which);
#define MT_MC	(1u << MT_MTIME | 1u << MT_CTIME)
#define MT_C	(1u << MT_CTIME)
/** It was read: set atime, if the mount wants that. v_lock S. */
void memfs_accessed(struct vnode *vp);

/* memfs_file.c */
int memfs_read(struct vnode *vp, struct uio *uio, int ioflag);
int memfs_write(struct vnode *vp, struct uio *uio, int ioflag);
int memfs_truncate(struct vnode *vp, uint64_t size);
int memfs_fallocate(struct vnode *vp, int mode, uint64_t off, uint64_t len);
int memfs_seekhole(struct vnode *vp, int whence, uint64_t *offp);

/* memfs_xattr.c */
int memfs_getxattr(struct vnode *vp, const char *name, struct uio *uio,
    size_t *sizep);
int memfs_setxattr(struct vnode *vp, const char *name, const void *val,
    size_t len, int flags);
int memfs_listxattr(struct vnode *vp, struct uio *uio, size_t *sizep);
void memfs_xattr_fini(struct memfs_node *mn);

/* memfs_vnops.c */
/**
 * A node without links, its vnode referenced and unlocked: until it has links,
 * the last vnode_rele() frees it. target: VLNK.
 */
int memfs_node_create(struct mount *mp, const struct vattr *va,
    const char *target, size_t len, struct vnode **vpp);

#endif
