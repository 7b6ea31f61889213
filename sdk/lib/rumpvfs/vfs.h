/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Private to the faction vfs: names, vnodes and open files inside.
 *
 * Lock order: mount_tree_lock -> mnt_rename -> v_lock (directory before its
 * entries) -> v_ilock (directory before its entries) -> stripes of the name
 * cache and of the vnode cache.
 */
#ifndef RUMPVFS_VFS_H
#define RUMPVFS_VFS_H

#include <kern/file.h>
#include <kern/kmem.h>
#include <kern/mount.h>
#include <kern/string.h>
#include <linux/fs.h>

#undef PATH_MAX
#undef NAME_MAX
#define PATH_MAX	4096
#define NAME_MAX	255
#define MAXSYMLINKS	40

/* ---- vnode cache (vcache*.c) ------------------------------------------ */

/* v_refs: a reclaimer owns the vnode; nobody else may take a reference. */
#define VREF_DEAD	0x80000000u

/* v_cflags */
#define VC_LOADING	0x01	/* vfs_loadvnode is at work */
#define VC_LRU		0x02	/* on its stripe's list */
#define VC_REF		0x04	/* used since the clock hand came by */
#define VC_HASHED	0x08
#define VC_RMDIR	0x10	/* a directory that was removed [v_lock] */
#define VC_MOUNTREF	0x20	/* outlives its mount: holds a reference */
#define VC_LINKABLE	0x40	/* O_TMPFILE without O_EXCL */
#define VC_MAKING	0x80	/* vcache_new() gave it to an operation that
				   still works on it, without v_lock */
#define VC_WATCHED	0x100	/* has a mark (notify.h): stays cached */
#define VC_MEMFD	0x200	/* memfd_create(2): v_special has its seals */

int vcache_init(void);
/** Under an epoch: take a reference unless it is being reclaimed. */
bool vnode_tryhold(struct vnode *vp);
/**
 * The directory was removed from dvp, which stays its "..". Both are locked X.
 */
void vnode_rmdir(struct vnode *dvp, struct vnode *vp);
/** Take a vnode away from its file system; v_lock X, referenced. */
void vnode_doom(struct vnode *vp);
/** Set while the cache is above its limit: call vcache_trim(), lockless. */
extern _Atomic bool vcache_excess;
void vcache_trim(unsigned n);
/** Is a vnode of the mount, other than its root, in use? */
bool vcache_mount_busy(struct mount *mp);
/** Reclaim the vnodes of a mount; those in use are doomed. */
void vcache_mount_purge(struct mount *mp);
/** Call fn with each vnode of the mount that can be had, referenced. */
void vcache_mount_walk(struct mount *mp,
    void (*fn)(struct vnode *vp, void *arg), void *arg);

static inline bool
vnode_doomed(struct vnode *vp)
{
	return (atomic_load_explicit(&vp->v_flags, memory_order_acquire) &
	    VV_DOOMED) != 0;
}

static inline unsigned
vnode_cflags(struct vnode *vp)
{
	return atomic_load_explicit(&vp->v_cflags, memory_order_relaxed);
}

/** May the directory still get entries? v_lock held. */
static inline bool
vnode_dir_alive(struct vnode *dvp)
{
	return !vnode_doomed(dvp) && (vnode_cflags(dvp) & VC_RMDIR) == 0;
}

/** The operation that made it is done: VC_MAKING goes. Its directory is X. */
static inline void
vnode_made(struct vnode *vp)
{
	atomic_fetch_and_explicit(&vp->v_cflags, (uint16_t)~VC_MAKING,
	    memory_order_release);
}

/* ---- name cache (namecache.c) ----------------------------------------- */

struct ncentry;

enum nc_result { NC_MISS, NC_NEGATIVE, NC_HIT };

/* name_hash() takes a name eight bytes at a time, the last padded with zeros. */
#define NAME_HASH_MUL	0x9e3779b97f4a7c15ULL

static inline uint64_t
name_hash_word(uint64_t h, uint64_t w)
{

	h = (h ^ w) * NAME_HASH_MUL;
	return h ^ (h >> 32);
}

int namecache_init(void);
/** Under an epoch. hit: *vpp is not referenced; check namecache_live(). */
enum nc_result namecache_find(struct vnode *dvp,
    const struct componentname *cnp, struct vnode **vpp,
    struct ncentry **ncp);
/** Does the entry still stand? After a reference to its vnode was taken. */
bool namecache_live(struct ncentry *nc);
/** dvp locked: *vpp is referenced. */
enum nc_result namecache_lookup(struct vnode *dvp,
    const struct componentname *cnp, struct vnode **vpp);
/** vp NULL: the name does not exist. dvp locked, vp referenced. */
void namecache_enter(struct vnode *dvp, struct vnode *vp,
    const struct componentname *cnp);
/** dvp X. */
void namecache_remove(struct vnode *dvp, const struct componentname *cnp);
/** All entries that name the vnode or are below it. */
void namecache_purge(struct vnode *vp);
/** Under an epoch: a directory's parent as far as known, not referenced. */
struct vnode *namecache_parent(struct vnode *vp);
/**
 * A cached name of a directory, for getcwd: the parent (referenced) and the
 * name, at most NAME_MAX + 1 bytes. @return ENOENT: not cached
 */
int namecache_name(struct vnode *vp, struct vnode **dvpp, char *name);
/**
 * The nth cached name of the vnode in a directory that is VC_WATCHED; not
 * terminated. *dvpp: for comparison only. False: there is none.
 */
bool namecache_watched(struct vnode *vp, unsigned nth, struct vnode **dvpp,
    char *name, size_t *lenp);

/* ---- paths (namei.c) -------------------------------------------------- */

#define NI_FOLLOW	0x001	/* a symbolic link at the end is followed */
#define NI_EMPTY	0x002	/* AT_EMPTY_PATH */
#define NI_DIRECTORY	0x004	/* the end must be a directory */
#define NI_PARENT	0x008	/* stop before the last component */
#define NI_BENEATH	0x010	/* RESOLVE_* */
#define NI_INROOT	0x020
#define NI_NOXDEV	0x040
#define NI_NOSYMLINKS	0x080
#define NI_CACHED	0x100
#define NI_KERNEL	0x200	/* the path is in kernel memory */
#define NI_CRED		0x400	/* ni_cn.cn_cred is set by the caller */
#define NI_PAD		8	/* zero bytes behind a path, for the scanner */

enum ni_last { NI_LAST_NORM, NI_LAST_DOT, NI_LAST_DOTDOT, NI_LAST_ROOT };

/*
 * A walk. Begun by namei(); namei_done() ends it, also after an error.
 */
struct nameidata {
	struct vnode *ni_vp;		/* found; referenced */
	struct vnode *ni_dvp;		/* NI_PARENT: directory; referenced */
	struct componentname ni_cn;	/* NI_PARENT: last component */
	enum ni_last ni_last;
	bool ni_slash;			/* slashes follow the last component */
	uint8_t ni_links;
	unsigned ni_flags;
	const char *ni_rest;		/* behind ni_cn */
	struct vnode *ni_root;		/* where ".." ends */
	bool ni_rootheld;
	struct file *ni_dirfp;		/* dirfd's file, or NULL */
	uint64_t ni_renames;		/* rename_seq at the start */
	char *ni_path;			/* allocated, or NULL: ni_small */
	size_t ni_pathsize;
	char ni_small[232];
};

/**
 * Resolve a path of the calling process. With NI_PARENT the result is ni_dvp
 * and ni_cn (unless ni_last says that there is no name), otherwise ni_vp.
 */
int namei(struct nameidata *ni, int dirfd, const char *upath, unsigned flags);
/** namei() in two steps, where several paths are copied in before. */
int namei_begin(struct nameidata *ni, const char *upath, unsigned flags);
int namei_resolve(struct nameidata *ni, int dirfd, const char *upath);
void namei_done(struct nameidata *ni);
/**
 * After NI_PARENT: what the last component names, under ni_dvp's lock (held by
 * the caller). No mount is crossed. @return ENOENT
 */
int namei_last(struct nameidata *ni, struct vnode **vpp);
/** As namei_last(), for any directory. */
int lookup_locked(struct vnode *dvp, const struct componentname *cnp,
    struct vnode **vpp);
/**
 * After NI_PARENT: the last component was the symbolic link vp (a reference,
 * which is taken over): go on with what it leads to.
 */
int namei_follow(struct nameidata *ni, struct vnode *vp);
/** The mounted root on top of vp; takes over and gives a reference. */
int vnode_cross(struct vnode *vp, struct vnode **vpp);
/** The parent of a directory across mounts; ENOENT at the top. */
int vnode_parent(struct vnode *vp, struct vnode **dvpp);
/** Moves of directories between directories, ever. */
extern _Atomic uint64_t rename_seq;

/* ---- permission (vfs_perm.c) ------------------------------------------ */

#define VEXEC	1
#define VWRITE	2
#define VREAD	4

/** EACCES, EROFS, EPERM (immutable). */
int vaccess(struct vnode *vp, const struct cred *cr, int want);
/** Mode bits alone; for directories on the way of a path. */
int vaccess_mode(struct vnode *vp, const struct cred *cr, int want);
/** May an entry be made in, or vp's entry be taken out of dvp? v_lock held. */
int vaccess_create(struct vnode *dvp, const struct cred *cr);
int vaccess_delete(struct vnode *dvp, struct vnode *vp, const struct cred *cr,
    bool isdir);
bool vaccess_owner(struct vnode *vp, const struct cred *cr);
/** Is the file's group one of cr's, or cr root's? */
bool vaccess_group(struct vnode *vp, const struct cred *cr);

/* ---- mounts (mount.c) ------------------------------------------------- */

int mount_init(void);
/** Wait until the unmount or mount that is going on has ended. */
void mount_tree_wait(void);
/** Mount the file system of a type as the root. */
int mount_root(const char *type);
/** The root file system's root, below whatever is mounted on it. */
struct vnode *vfs_rootvnode(void);
/** Call fn with each mount, which cannot be unmounted meanwhile. */
int mount_walk(int (*fn)(struct mount *mp, void *arg), void *arg);
int mount_sync(struct mount *mp, bool wait);
/** Give back a reference to a mount's memory. */
void mount_drop(struct mount *mp);
/** Finish detached mounts that are no longer in use. */
void mount_reap(void);

/* ---- per process (cwd.c) ---------------------------------------------- */

struct cwdinfo {
	_Atomic(struct vnode *) cwdi_cdir;	/* referenced; read under an epoch */
	_Atomic(struct vnode *) cwdi_rdir;
	_Atomic uint32_t cwdi_umask;
	struct kmutex cwdi_lock;	/* to change */
};

/** Everybody's directories are root. */
int cwd_init(struct vnode *root);
struct cwdinfo *cwd_get(void);
/**
 * The path of a directory (referenced, not locked) below root, or below the
 * top when root is NULL. It ends at the end of buf. @return ERANGE, ENOENT
 */
int vnode_path(struct vnode *vp, struct vnode *root, char *buf, size_t size,
    char **pathp);

/* ---- open files (vfs_file.c) ------------------------------------------ */

extern const struct fileops vnode_fileops, path_fileops;

/**
 * A file for a vnode of any type but devices and FIFOs; takes over its
 * reference on success.
 */
int vnode_file(struct vnode *vp, int flags, struct file **fpp);
/** The vnode of a file of one, or NULL; not O_PATH. */
struct vnode *file_vnode(struct file *fp);
/** fd_get() of a file with a vnode. @return EBADF (O_PATH too), other */
int fd_get_vnode(int fd, int other, struct file **fpp);

/* What files of vnodes have in common. */
int vn_stat(struct file *fp, struct stat *st);
int vn_close(struct file *fp);
void vn_closefd(struct file *fp, struct proc *p);
int vn_fcntl(struct file *fp, int cmd, void *arg, long *rv);

int vn_getattr(struct vnode *vp, struct vattr *va);
int vn_setattr_locked(struct vnode *vp, const struct vattr *va);
void vattr_to_stat(struct vnode *vp, const struct vattr *va, struct stat *st);
int vn_write_locked(struct vnode *vp, struct uio *uio, int ioflag,
    const struct cred *cr);
/** After a write with O_DIRECT: what it wrote leaves the cache. v_lock X. */
int vn_write_direct(struct vnode *vp, uint64_t start, uint64_t end);
/** Give up set-id bits before somebody else's write. v_lock X. */
int vn_drop_setid(struct vnode *vp, const struct cred *cr);
/**
 * RLIMIT_FSIZE for n bytes at off: clips *np, or ELIMIT, which
 * vn_limit_raise() makes SIGXFSZ and EFBIG of, without locks.
 */
int vn_limit_size(uint64_t off, size_t *np);
int vn_limit_raise(int error);
#define ELIMIT (-EFBIG)

/* ---- vfs_names.c, vfs_sock.c ------------------------------------------ */

/**
 * mknod(2) for the calling process; mode has a type that is no directory or
 * link. niflags: NI_KERNEL. vpp: receives a reference, or NULL.
 */
int vn_mknod(int dirfd, const char *path, unsigned niflags, mode_t mode,
    dev_t dev, struct vnode **vpp);
extern const struct sockname_ops vnode_sockname;

/* ---- seals (memfd.c) --------------------------------------------------- */

/** F_ADD_SEALS, F_GET_SEALS. */
int memfd_fcntl(struct vnode *vp, int flags, int cmd, uintptr_t arg, long *rv);
/** Is writing up to end, or changing the size to it, sealed? EPERM. v_lock X. */
int memfd_write_sealed(struct vnode *vp, uint64_t end);
int memfd_grow_sealed(struct vnode *vp, uint64_t end);
int memfd_resize_sealed(struct vnode *vp, uint64_t end);
int memfd_chmod_sealed(struct vnode *vp, mode_t mode);

static inline bool
vnode_memfd(struct vnode *vp)
{
	return __unlikely((vnode_cflags(vp) & VC_MEMFD) != 0);
}

/* ---- vfs_attr.c, vfs_open.c, vfs_ioctl.c ------------------------------ */

/**
 * Set the size; the caller has checked permission. touch: the times change
 * even if the size does not (ftruncate, O_TRUNC; not truncate).
 */
int vn_truncate(struct vnode *vp, uint64_t size, bool touch,
    const struct cred *cr);
/**
 * Open what was found: checks, truncation, the file. Takes over vp's reference
 * on success. created: nothing is checked.
 */
int vn_open(struct vnode *vp, int flags, const struct cred *cr, bool created,
    struct file **fpp);
int vn_ioctl(struct file *fp, unsigned long cmd, void *arg);

static inline bool
vnode_immutable(struct vnode *vp)
{
	return (atomic_load_explicit(&vp->v_flags, memory_order_relaxed) &
	    VV_IMMUTABLE) != 0;
}

static inline bool
vnode_append_only(struct vnode *vp)
{
	return (atomic_load_explicit(&vp->v_flags, memory_order_relaxed) &
	    VV_APPEND) != 0;
}

#endif
