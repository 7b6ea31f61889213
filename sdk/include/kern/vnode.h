/* SPDX-License-Identifier: BSD-2-Clause */
/** @file vnode.h
 * vnodes: files of any file system, as the rest of the kernel sees them.
 *
 * Lifetime: a vnode is found or made by vcache_get() under the key (mount,
 * inode number) and lives while it is held (v_refs). When the last reference
 * goes, vop_inactive is called; a file without links is freed then, any other
 * stays cached until vop_reclaim is called for memory, for the limit on
 * vnodes, or at unmount.
 *
 * Locking: v_lock serialises the file system's operations. The VFS takes it;
 * each operation's comment says how (S shared, X exclusive). A file system
 * keeps its inode's state under it and needs locks of its own only for what
 * inodes share. Order: directory before its entries (parent before child;
 * the mount's rename lock is held where that is not known beforehand); two
 * vnodes with no such relation by address; v_lock -> pages -> file system's
 * allocation locks -> buffers.
 */
#ifndef KERN_VNODE_H
#define KERN_VNODE_H

#include <kern/epoch.h>
#include <kern/pagecache.h>
#include <kern/proc.h>
#include <kern/time.h>
#include <linux/stat.h>

struct componentname;
struct file;
struct mount;
struct pollent;
struct uio;
struct vnode;
struct vnodeops;

enum vtype { VNON, VREG, VDIR, VLNK, VCHR, VBLK, VFIFO, VSOCK };

/** S_IF* of a mode <-> vtype. */
enum vtype vtype_of_mode(mode_t mode);
mode_t mode_of_vtype(enum vtype type);

/*
 * I  immutable while referenced   v  v_lock (X to write)   i  v_ilock
 * a  atomic; written under v_lock X, read anywhere
 * c  vnode cache
 */
struct vnode {
	const struct vnodeops *v_op;	/* [I] */
	struct mount *v_mount;		/* [I] */
	void *v_data;			/* [I] the file system's inode */
	struct krwlock v_lock;
	_Atomic uint32_t v_refs;	/* [a] */
	uint8_t v_type;			/* [I] enum vtype */
	_Atomic uint8_t v_flags;	/* [a] VV_* */
	_Atomic uint16_t v_cflags;	/* [c] */
	/* What permission checks need, kept current by the file system. */
	_Atomic uint32_t v_mode;	/* [a] 07777 bits */
	_Atomic uint32_t v_uid;		/* [a] */
	_Atomic uint32_t v_gid;		/* [a] */
	ino_t v_ino;			/* [I] key in the vnode cache */
	dev_t v_rdev;			/* [I] VCHR, VBLK */
	struct pagecache v_pages;	/* VREG, VBLK, and directories that want it */
	_Atomic(struct mount *) v_mounted; /* [a] VDIR: covered by, or NULL */
	_Atomic(void *) v_special;	/* [i] fifo, socket, device: its state */
	_Atomic(void *) v_locks;	/* [i] advisory locks, or NULL */
	struct kspin v_ilock;
	_Atomic uint32_t v_writers;	/* [i] open for writing */
	struct list v_hash;		/* [c] */
	struct list v_lru;		/* [c] */
	struct list v_names;		/* [c] name cache: entries naming it */
	struct list v_children;		/* [c] name cache: entries below it */
	struct epoch_entry v_epoch;
};

#define VV_ROOT		0x01	/* root of its mount */
#define VV_DOOMED	0x02	/* reclaimed: v_op fails everything */
#define VV_NOCACHE	0x04	/* no name cache entries below it */
/*
 * The vnode is the file (a file system in memory): without references it stays
 * cached, whatever the limit and the pressure, until vop_inactive frees it or
 * the mount goes. Not counted against the limit. Set by fill.
 */
#define VV_KEEP		0x08
/*
 * chattr(1)'s i and a: the VFS refuses what they forbid. The file system sets
 * them in fill and loadvnode from what it has stored, the VFS after setattr of
 * VA_ATTRS.
 */
#define VV_IMMUTABLE	0x10
#define VV_APPEND	0x20

/** One name of a path; not terminated. */
struct componentname {
	const char *cn_name;
	uint16_t cn_len;		/* 1..255 */
	uint32_t cn_hash;		/* name_hash() of it */
	struct cred *cn_cred;
};

/** The hash that cn_hash carries: the same for equal names, while we run. */
uint32_t name_hash(const char *name, size_t len);

/** Attributes. For setattr and creation, va_mask says which are given. */
struct vattr {
	uint32_t va_mask;		/* VA_* */
	uint8_t va_type;		/* enum vtype */
	mode_t va_mode;			/* 07777 bits */
	uid_t va_uid;
	gid_t va_gid;
	dev_t va_rdev;
	uint64_t va_size;		/* bytes */
	uint64_t va_blocks;		/* 512-byte units */
	uint32_t va_blksize;
	uint32_t va_nlink;
	ino_t va_ino;
	uint32_t va_gen;
	uint32_t va_attributes;		/* STATX_ATTR_* that are set */
	uint32_t va_attributes_mask;	/* ... that are supported */
	struct timespec va_atime, va_mtime, va_ctime, va_btime;
};

#define VA_MODE		0x01
#define VA_UID		0x02
#define VA_GID		0x04
#define VA_SIZE		0x08
#define VA_ATIME	0x10
#define VA_MTIME	0x20
#define VA_CTIME	0x40
#define VA_BTIME	0x80		/* getattr: it is known */
#define VA_ATTRS	0x100		/* setattr: va_attributes (FS_IOC_SETFLAGS) */

/* ioflag of vop_read and vop_write. */
#define IO_APPEND	0x01		/* write: at the end; sets uio_offset */
#define IO_SYNC		0x02		/* data and metadata durable on return */
#define IO_DSYNC	0x04
#define IO_DIRECT	0x08
#define IO_NOWAIT	0x10		/* EAGAIN instead of waiting for I/O */
#define IO_NOATIME	0x20		/* read: leave atime alone (O_NOATIME) */

#define FSYNC_DATA	0x01		/* fdatasync */

/**
 * vop_readdir calls it for each entry; non-zero stops, and the entry is not
 * consumed. cookie is the position behind the entry.
 */
typedef int (*vop_filldir_t)(void *arg, const char *name, size_t len,
    ino_t ino, uint8_t dtype, off_t cookie);

struct rename_args {
	struct vnode *ra_fdvp, *ra_fvp;		/* X; source directory, file */
	struct vnode *ra_tdvp, *ra_tvp;		/* X; target; ra_tvp may be NULL */
	const struct componentname *ra_fcnp, *ra_tcnp;
	unsigned ra_flags;			/* RENAME_EXCHANGE | _WHITEOUT */
};

/**
 * A file system's operations. 0 or errno. A vnode given back is referenced
 * and not locked. NULL: EOPNOTSUPP, or what the comment says. The VFS has
 * checked: types, read-only mounts, permissions, sticky bit, names (length,
 * "." and ".." of all but lookup, slashes), that both sides are on one mount,
 * loops of directories, and for the creating ones that the name is not there
 * (the directory has been locked X since the lookup).
 *
 * The file system keeps the times: mtime and ctime of what it changes, atime
 * of what is read unless MNT_NOATIME/relatime say otherwise (vfs_want_atime()).
 */
struct vnodeops {
	/** dvp S or X. Also "..". ENOENT. */
	int (*vop_lookup)(struct vnode *dvp, const struct componentname *cnp,
	    struct vnode **vpp);
	/** dvp X. Regular file, FIFO, socket, device (va_type, va_rdev). */
	int (*vop_create)(struct vnode *dvp, const struct componentname *cnp,
	    const struct vattr *va, struct vnode **vpp);
	/** dvp X. */
	int (*vop_mkdir)(struct vnode *dvp, const struct componentname *cnp,
	    const struct vattr *va, struct vnode **vpp);
	/** dvp X. target: len bytes, 1..4095. ENAMETOOLONG */
	int (*vop_symlink)(struct vnode *dvp, const struct componentname *cnp,
	    const struct vattr *va, const char *target, size_t len,
	    struct vnode **vpp);
	/** dvp X. O_TMPFILE: a regular file without a name. */
	int (*vop_tmpfile)(struct vnode *dvp, const struct vattr *va,
	    struct vnode **vpp);
	/** dvp X, vp X (not a directory). EMLINK */
	int (*vop_link)(struct vnode *dvp, struct vnode *vp,
	    const struct componentname *cnp);
	/** dvp X, vp X (not a directory). */
	int (*vop_unlink)(struct vnode *dvp, struct vnode *vp,
	    const struct componentname *cnp);
	/** dvp X, vp X (a directory). ENOTEMPTY */
	int (*vop_rmdir)(struct vnode *dvp, struct vnode *vp,
	    const struct componentname *cnp);
	/** All X. ENOTEMPTY where ra_tvp is a directory with entries. */
	int (*vop_rename)(const struct rename_args *ra);
	/**
	 * dvp S. From position *offp (0: the start; else a cookie) on; *offp
	 * is moved behind the last entry consumed. Includes "." and "..".
	 * Entries made or removed meanwhile may be missed or seen; every other
	 * entry is seen exactly once.
	 */
	int (*vop_readdir)(struct vnode *dvp, off_t *offp, vop_filldir_t fn,
	    void *arg);
	/** vp S. Copies the target (no zero byte). */
	int (*vop_readlink)(struct vnode *vp, struct uio *uio);

	/** vp S. Fills everything it knows; VA_BTIME set if that is known. */
	int (*vop_getattr)(struct vnode *vp, struct vattr *va);
	/** vp X. Sets what va_mask says and nothing else but ctime. */
	int (*vop_setattr)(struct vnode *vp, const struct vattr *va);

	/** vp S; VREG. The end of the file ends it: uio_resid stays. */
	int (*vop_read)(struct vnode *vp, struct uio *uio, int ioflag);
	/** vp X; VREG. EFBIG, ENOSPC; what was written before it counts. */
	int (*vop_write)(struct vnode *vp, struct uio *uio, int ioflag);
	/** vp X. start..end bytes (end 0: to the end of the file). NULL: 0. */
	int (*vop_fsync)(struct vnode *vp, int flags, uint64_t start,
	    uint64_t end);
	/** vp X. mode: FALLOC_FL_*. */
	int (*vop_fallocate)(struct vnode *vp, int mode, uint64_t off,
	    uint64_t len);
	/** vp S. SEEK_DATA, SEEK_HOLE; ENXIO. NULL: the file is all data. */
	int (*vop_seekhole)(struct vnode *vp, int whence, uint64_t *offp);
	/**
	 * vp S. Where is the byte off on the device? runp: bytes from there
	 * that are contiguous (or a hole: *addrp UINT64_MAX). FIEMAP, FIBMAP.
	 */
	int (*vop_bmap)(struct vnode *vp, uint64_t off, uint64_t *addrp,
	    uint64_t *runp);
	/** vp not locked. NULL: ENOTTY. */
	int (*vop_ioctl)(struct vnode *vp, unsigned long cmd, void *arg,
	    int fflag);

	/**
	 * Extended attributes; name is whole ("user.x"). get, list: vp S; with
	 * uio NULL only *sizep is set. set: vp X, flags XATTR_CREATE/_REPLACE,
	 * val NULL removes. ENODATA, EEXIST, ERANGE is the VFS's.
	 */
	int (*vop_getxattr)(struct vnode *vp, const char *name,
	    struct uio *uio, size_t *sizep);
	int (*vop_setxattr)(struct vnode *vp, const char *name,
	    const void *val, size_t len, int flags);
	int (*vop_listxattr)(struct vnode *vp, struct uio *uio, size_t *sizep);

	/**
	 * vp X; the last reference is gone. *freep: true where the file has no
	 * links and was given back (the vnode is reclaimed at once). NULL: no.
	 */
	void (*vop_inactive)(struct vnode *vp, bool *freep);
	/** vp X, not referenced, out of the cache, no pages: free v_data. */
	void (*vop_reclaim)(struct vnode *vp);
};

/* ---- The vnode cache -------------------------------------------------- */

/**
 * The vnode of an inode. Where it is not cached, a new one is filled by
 * vfs_loadvnode. Sleeps. @return what vfs_loadvnode returned, ENOENT, ENOMEM
 */
int vcache_get(struct mount *mp, ino_t ino, struct vnode **vpp);
/**
 * A vnode for an inode that was just made (never cached before): fill is
 * called with it as vfs_loadvnode would be.
 */
int vcache_new(struct mount *mp, ino_t ino,
    int (*fill)(struct vnode *vp, void *arg), void *arg, struct vnode **vpp);
/** For fill and vfs_loadvnode: everything marked I and a above. */
void vnode_setup(struct vnode *vp, const struct vnodeops *op, enum vtype type,
    void *data);

struct vnode *vnode_hold(struct vnode *vp);
/** Drop a reference; the last one may sleep (vop_inactive). No lock held. */
void vnode_rele(struct vnode *vp);

static inline void
vnode_lock(struct vnode *vp, enum krw how)
{
	rw_enter(&vp->v_lock, how);
}

static inline void
vnode_unlock(struct vnode *vp)
{
	rw_exit(&vp->v_lock);
}

/**
 * A new file's owner and mode: sgid directories give their group, and
 * directories the bit; cred's fsuid/fsgid otherwise. Fills va_uid, va_gid,
 * va_mode. Done by the VFS before the creating operations.
 */
void vattr_inherit(const struct vnode *dvp, struct vattr *va,
    const struct cred *cr);
/** Should reading vp change its atime now? (noatime, relatime, read-only.) */
bool vfs_want_atime(struct vnode *vp, const struct vattr *va);

/** For device nodes and FIFOs of any file system: operations of an open. */
extern const struct vnodeops dead_vnodeops;

#endif
