/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * etfs: regular files and directories of the host. Reads and writes go through
 * to the host's file; nothing is cached.
 *
 * A node is a host path. That of a key lives as long as its vnode in the root
 * file system. Those below a directory are made when they are looked up and
 * are in the table nodes, by path, so that a path has one vnode; they go with
 * its last reference. A host file is opened at the first read, and at the
 * first write once more, with the lock that keeps other writers away.
 *
 * A name that is a symbolic link on the host is not there for us: lookup sees
 * the host directory's own entries, and opening does not follow either.
 *
 * Lock order: v_lock -> nodes_lock; v_lock -> hn_lock.
 */
#include <kern/assert.h>
#include <kern/kmem.h>
#include <kern/mount.h>
#include <kern/string.h>
#include <kern/uio.h>
#include <kern/vnode.h>
#include <linux/fs.h>
#include <rump/rumpuser.h>

#include "etfs.h"
#include "vfs.h"

#define CHUNK		((size_t)128 << 10)
#define INO_BASE	(UINT64_C(1) << 62)	/* away from memfs's */
#define NOFD		(-1)

/* I  immutable   h  hn_lock   n  nodes_lock */
struct hostnode {
	char *hn_path;			/* [I] */
	bool hn_subdirs;		/* [I] directories: show theirs */
	bool hn_key;			/* [I] belongs to a key */
	ino_t hn_ino;			/* [I] of its vnode; not of a key's */
	enum vtype hn_type;		/* [I] */
	struct list hn_link;		/* [n] */
	struct kmutex hn_lock;
	int hn_rfd, hn_wfd;		/* [h] */
};

static struct lock_class nodes_lc = LOCK_CLASS("etfs nodes", 0);
static struct lock_class node_lc = LOCK_CLASS("etfs node", 0);
static struct kmutex nodes_lock;
static struct list nodes = LIST_INITIALIZER(nodes);	/* [nodes_lock] */
static uint64_t next_ino = INO_BASE;			/* [nodes_lock] */

/* ---- Nodes ------------------------------------------------------------ */

/* path is taken over, also after an error. */
static struct hostnode *
node_alloc(char *path, enum vtype type, bool subdirs)
{
	struct hostnode *hn;

	if (path == NULL)
		return NULL;
	hn = kmem_zalloc(sizeof(*hn), 0);
	if (hn == NULL) {
		kmem_strfree(path);
		return NULL;
	}
	hn->hn_path = path;
	hn->hn_type = type;
	hn->hn_subdirs = subdirs;
	hn->hn_rfd = hn->hn_wfd = NOFD;
	list_node_init(&hn->hn_link);
	mutex_init(&hn->hn_lock, &node_lc);
	return hn;
}

static void
node_free(struct hostnode *hn)
{
	if (hn->hn_rfd != NOFD)
		(void)rumpuser_close(hn->hn_rfd);
	if (hn->hn_wfd != NOFD)
		(void)rumpuser_close(hn->hn_wfd);
	mutex_fini(&hn->hn_lock);
	kmem_strfree(hn->hn_path);
	kmem_free(hn, sizeof(*hn));
}

int
etfs_host_create(const char *hostpath, bool isdir, bool subdirs, void **objp)
{
	struct hostnode *hn;

	hn = node_alloc(kmem_strdup(hostpath, 0), isdir ? VDIR : VREG,
	    subdirs);
	if (hn == NULL)
		return ENOMEM;
	hn->hn_key = true;
	*objp = hn;
	return 0;
}

void
etfs_host_destroy(void *obj)
{
	node_free(obj);
}

/* The node's handle, opened now if need be. A key's own link is followed. */
static int
handle(struct hostnode *hn, bool writing, int *fdp)
{
	int *slot = writing ? &hn->hn_wfd : &hn->hn_rfd, error = 0;
	int how = writing ? RUMPUSER_OPEN_WRITE | RUMPUSER_OPEN_LOCK :
	    RUMPUSER_OPEN_READ;

	if (!hn->hn_key)
		how |= RUMPUSER_OPEN_NOFOLLOW;
	mutex_enter(&hn->hn_lock);
	if (*slot == NOFD)
		error = rumpuser_open(hn->hn_path, how, slot);
	*fdp = *slot;
	mutex_exit(&hn->hn_lock);
	return error;
}

/* ---- Attributes ------------------------------------------------------- */

static int
host_getattr(struct vnode *vp, struct vattr *va)
{
	struct hostnode *hn = vp->v_data;
	struct rumpuser_fileinfo fi;
	int error;

	error = rumpuser_stat(hn->hn_path, &fi);
	if (error != 0)
		return error;
	*va = (struct vattr){
		.va_type = vp->v_type,
		.va_mode = fi.fi_mode,
		.va_size = vp->v_type == VREG ? fi.fi_size : PAGE_SIZE,
		.va_blocks = vp->v_type == VREG ? howmany(fi.fi_size, 512) : 0,
		.va_blksize = PAGE_SIZE,
		.va_nlink = vp->v_type == VDIR ? 2 : 1,
		.va_ino = fi.fi_ino,
		.va_atime = ns_to_timespec(fi.fi_mtime),
		.va_mtime = ns_to_timespec(fi.fi_mtime),
		.va_ctime = ns_to_timespec(fi.fi_mtime),
	};
	return 0;
}

/* The size can be set, and the host sets its times; the rest cannot. */
static int
host_setattr(struct vnode *vp, const struct vattr *va)
{
	int error, fd;

	if ((va->va_mask & VA_SIZE) == 0 ||
	    (va->va_mask & ~(VA_SIZE | VA_MTIME | VA_CTIME)) != 0)
		return EPERM;
	if (vp->v_type != VREG)
		return EISDIR;
	error = handle(vp->v_data, true, &fd);
	return error != 0 ? error : rumpuser_ftruncate(fd, va->va_size);
}

/* ---- Files ------------------------------------------------------------ */

static int
host_read(struct vnode *vp, struct uio *uio, int ioflag __maybe_unused)
{
	struct rumpuser_iovec v;
	size_t len = MIN(uio->uio_resid, CHUNK), n;
	int error, fd;
	void *buf;

	error = handle(vp->v_data, false, &fd);
	if (error != 0 || len == 0)
		return error;
	buf = kmem_alloc(len, 0);
	if (buf == NULL)
		return ENOMEM;
	while (error == 0 && uio->uio_resid > 0) {
		v.iov_base = buf;
		v.iov_len = MIN(uio->uio_resid, len);
		error = rumpuser_readv(fd, &v, 1, uio->uio_offset, &n);
		if (error == 0)
			error = uiomove(buf, n, uio);
		if (error == 0 && n < v.iov_len)
			break;
	}
	kmem_free(buf, len);
	return error;
}

static int
host_write(struct vnode *vp, struct uio *uio, int ioflag)
{
	struct rumpuser_fileinfo fi;
	struct rumpuser_iovec v;
	size_t len = MIN(uio->uio_resid, CHUNK), n, done, left;
	int error, fd;
	void *buf;

	error = handle(vp->v_data, true, &fd);
	if (error == 0 && (ioflag & IO_APPEND) != 0) {
		error = rumpuser_fstat(fd, &fi);
		if (error == 0)
			uio->uio_offset = (off_t)fi.fi_size;
	}
	if (error != 0 || len == 0)
		return error;
	buf = kmem_alloc(len, 0);
	if (buf == NULL)
		return ENOMEM;
	while (error == 0 && uio->uio_resid > 0) {
		off_t off = uio->uio_offset;

		left = uio->uio_resid;
		error = uiomove(buf, MIN(left, len), uio);
		n = left - uio->uio_resid;
		v.iov_base = buf;
		v.iov_len = n;
		done = 0;
		if (error == 0)
			error = rumpuser_writev(fd, &v, 1, off, &done);
		if (error == 0 && done < n) {
			/* What the host did not take was not written. */
			uio->uio_resid += n - done;
			uio->uio_offset -= (off_t)(n - done);
			error = ENOSPC;
		}
	}
	kmem_free(buf, len);
	if (error == 0 && (ioflag & (IO_SYNC | IO_DSYNC)) != 0)
		error = rumpuser_fdatasync(fd);
	return error;
}

static int
host_fsync(struct vnode *vp, int flags __maybe_unused,
    uint64_t start __maybe_unused, uint64_t end __maybe_unused)
{
	struct hostnode *hn = vp->v_data;
	int fd;

	mutex_enter(&hn->hn_lock);
	fd = hn->hn_wfd;
	mutex_exit(&hn->hn_lock);
	return fd == NOFD ? 0 : rumpuser_fdatasync(fd);
}

/* ---- Directories ------------------------------------------------------ */

/* Does the directory show an entry of this type? As what? VNON: no. */
static enum vtype
shown(const struct hostnode *dn, enum rumpuser_ftype ft)
{
	if (ft == RUMPUSER_FT_REG)
		return VREG;
	return ft == RUMPUSER_FT_DIR && dn->hn_subdirs ? VDIR : VNON;
}

struct search {
	const struct componentname *se_cnp;
	const struct hostnode *se_dn;
	enum vtype se_type;
};

static int
search_entry(void *arg, const char *name, uint64_t ino __maybe_unused,
    enum rumpuser_ftype ft)
{
	struct search *se = arg;

	if (strlen(name) != se->se_cnp->cn_len ||
	    memcmp(name, se->se_cnp->cn_name, se->se_cnp->cn_len) != 0)
		return 0;
	se->se_type = shown(se->se_dn, ft);
	return EEXIST;
}

/* What a name is in the host directory. @return ENOENT */
static int
search(const struct hostnode *dn, const struct componentname *cnp,
    enum vtype *typep)
{
	struct search se = { .se_cnp = cnp, .se_dn = dn, .se_type = VNON };
	int error;

	error = rumpuser_readdir(dn->hn_path, search_entry, &se);
	if (error != 0 && error != EEXIST)
		return error;
	if (se.se_type == VNON)
		return ENOENT;
	*typep = se.se_type;
	return 0;
}

static char *
join(const struct hostnode *dn, const struct componentname *cnp)
{
	size_t dlen = strlen(dn->hn_path), size = dlen + cnp->cn_len + 2;
	char *p = kmem_alloc(size, 0);

	if (p == NULL)
		return NULL;
	memcpy(p, dn->hn_path, dlen);
	p[dlen] = '/';
	memcpy(p + dlen + 1, cnp->cn_name, cnp->cn_len);
	p[size - 1] = '\0';
	return p;
}

static struct hostnode *
node_find(const char *path)
{
	struct hostnode *hn;
	struct list *n;

	LIST_FOREACH(n, &nodes) {
		hn = container_of(n, struct hostnode, hn_link);
		if (strcmp(hn->hn_path, path) == 0)
			return hn;
	}
	return NULL;
}

static int
fill(struct vnode *vp, void *arg)
{
	struct hostnode *hn = arg;
	struct rumpuser_fileinfo fi;
	int error;

	error = rumpuser_stat(hn->hn_path, &fi);
	if (error != 0)
		return error;
	vnode_setup(vp, hn->hn_type == VDIR ? &etfs_dir_ops : &etfs_file_ops,
	    hn->hn_type, hn);
	atomic_store(&vp->v_mode, fi.fi_mode);
	if (hn->hn_type == VREG)
		pagecache_init(&vp->v_pages, vp, NULL);
	return 0;
}

/* The vnode of an entry that is there; path is taken over. */
static int
node_vnode(struct vnode *dvp, char *path, enum vtype type,
    struct vnode **vpp)
{
	struct hostnode *dn = dvp->v_data, *hn;
	ino_t ino;
	int error;

	for (;;) {
		mutex_enter(&nodes_lock);
		hn = node_find(path);
		if (hn == NULL)
			break;
		ino = hn->hn_ino;
		mutex_exit(&nodes_lock);
		error = vcache_get(dvp->v_mount, ino, vpp);
		if (error != ENOENT) {
			kmem_strfree(path);
			return error;
		}
		/* It was on its way out, and is gone now. */
	}
	hn = node_alloc(path, type, dn->hn_subdirs);
	error = ENOMEM;
	if (hn != NULL) {
		hn->hn_ino = next_ino++;
		error = vcache_new(dvp->v_mount, hn->hn_ino, fill, hn, vpp);
		if (error == 0)
			list_insert_tail(&nodes, &hn->hn_link);
		else
			node_free(hn);
	}
	mutex_exit(&nodes_lock);
	return error;
}

static bool
is_dotdot(const struct componentname *cnp)
{
	return cnp->cn_len == 2 && cnp->cn_name[0] == '.' &&
	    cnp->cn_name[1] == '.';
}

/*
 * The directory above; a host directory has none but by its names. The name
 * cache has it as long as anybody is below; otherwise the way up ends.
 */
static int
parent(struct vnode *dvp, struct vnode **vpp)
{
	struct vnode *vp;
	bool held;

	epoch_enter();
	vp = namecache_parent(dvp);
	held = vp != NULL && vnode_tryhold(vp);
	epoch_exit();
	if (held) {
		*vpp = vp;
		return 0;
	}
	return dvp->v_mount->mnt_op->vfs_root(dvp->v_mount, vpp);
}

static int
host_lookup(struct vnode *dvp, const struct componentname *cnp,
    struct vnode **vpp)
{
	struct hostnode *dn = dvp->v_data;
	enum vtype type;
	char *path;
	int error;

	if (is_dotdot(cnp))
		return parent(dvp, vpp);
	if (cnp->cn_len == 1 && cnp->cn_name[0] == '.') {
		*vpp = vnode_hold(dvp);
		return 0;
	}
	error = search(dn, cnp, &type);
	if (error != 0)
		return error;
	path = join(dn, cnp);
	if (path == NULL)
		return ENOMEM;
	return node_vnode(dvp, path, type, vpp);
}

/* Only files: there is no hypercall for the others. */
static int
host_create(struct vnode *dvp, const struct componentname *cnp,
    const struct vattr *va, struct vnode **vpp)
{
	char *path;
	int error, fd;

	if (va->va_type != VREG)
		return EPERM;
	path = join(dvp->v_data, cnp);
	if (path == NULL)
		return ENOMEM;
	error = rumpuser_open(path, RUMPUSER_OPEN_WRITE |
	    RUMPUSER_OPEN_CREATE | RUMPUSER_OPEN_EXCL, &fd);
	if (error != 0) {
		kmem_strfree(path);
		return error;
	}
	(void)rumpuser_close(fd);
	return node_vnode(dvp, path, VREG, vpp);
}

struct listing {
	const struct hostnode *li_dn;
	off_t li_pos;			/* of the entry that comes */
	off_t *li_offp;			/* consumed so far */
	vop_filldir_t li_fn;
	void *li_arg;
	int li_result;
};

static int
list_entry(void *arg, const char *name, uint64_t ino, enum rumpuser_ftype ft)
{
	struct listing *li = arg;
	enum vtype type = shown(li->li_dn, ft);
	off_t pos = li->li_pos;

	if (type == VNON)
		return 0;
	li->li_pos++;
	if (pos < *li->li_offp)
		return 0;
	li->li_result = li->li_fn(li->li_arg, name, strlen(name), ino,
	    type == VDIR ? 4 : 8, pos + 1);
	if (li->li_result != 0)
		return EEXIST;
	*li->li_offp = pos + 1;
	return 0;
}

/* Positions count entries; "." and ".." are the first. */
static int
host_readdir(struct vnode *dvp, off_t *offp, vop_filldir_t fn, void *arg)
{
	static const char dots[] = "..";
	struct listing li = { dvp->v_data, 2, offp, fn, arg, 0 };
	int error;

	for (; *offp < 2; ++*offp)
		if (fn(arg, dots, (size_t)*offp + 1, dvp->v_ino, 4,
		    *offp + 1) != 0)
			return 0;
	error = rumpuser_readdir(li.li_dn->hn_path, list_entry, &li);
	return error == EEXIST && li.li_result != 0 ? 0 : error;
}

/* ---- The end ---------------------------------------------------------- */

/* Not for keys: those are the root file system's to end. */
static void
host_inactive(struct vnode *vp __maybe_unused, bool *freep)
{
	*freep = true;
}

static void
host_reclaim(struct vnode *vp)
{
	struct hostnode *hn = vp->v_data;

	mutex_enter(&nodes_lock);
	list_remove(&hn->hn_link);
	mutex_exit(&nodes_lock);
	node_free(hn);
}

const struct vnodeops etfs_file_ops = {
	.vop_getattr = host_getattr,
	.vop_setattr = host_setattr,
	.vop_read = host_read,
	.vop_write = host_write,
	.vop_fsync = host_fsync,
	.vop_inactive = host_inactive,
	.vop_reclaim = host_reclaim,
};

const struct vnodeops etfs_dir_ops = {
	.vop_lookup = host_lookup,
	.vop_create = host_create,
	.vop_readdir = host_readdir,
	.vop_getattr = host_getattr,
	.vop_setattr = host_setattr,
	.vop_inactive = host_inactive,
	.vop_reclaim = host_reclaim,
};

int
etfs_host_init(void)
{
	mutex_init(&nodes_lock, &nodes_lc);
	return 0;
}
