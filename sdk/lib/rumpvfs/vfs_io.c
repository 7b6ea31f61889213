/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Calls on open files beyond read and write: getdents64(2), fsync(2),
 * fallocate(2), copy_file_range(2), sendfile(2), posix_fadvise(2), flock(2).
 */
#include <kern/syscall.h>
#include <linux/fadvise.h>
#include <linux/falloc.h>

#include "advlock.h"
#include "notify.h"
#include "specfs.h"
#include "sysproto.h"
#include "vfs.h"

#define COPY_CHUNK	(128 * 1024UL)
/* The most that one call transfers: read(2). */
#define MAX_RW		0x7ffff000UL

/* ---- getdents64 -------------------------------------------------------- */

/* struct linux_dirent64 of getdents64(2). */
struct dirent64 {
	uint64_t d_ino;
	int64_t d_off;
	uint16_t d_reclen;
	uint8_t d_type;
	char d_name[];
};

struct getdents {
	char *gd_buf;
	size_t gd_size, gd_used;
	int gd_error;
};

static int
getdents_fill(void *arg, const char *name, size_t len, ino_t ino,
    uint8_t dtype, off_t cookie)
{
	struct getdents *gd = arg;
	struct dirent64 *d;
	size_t reclen;

	/* A damaged image must not give names that are paths. */
	if (len == 0 || len > NAME_MAX || memchr(name, '/', len) != NULL ||
	    memchr(name, '\0', len) != NULL) {
		gd->gd_error = EUCLEAN;
		return 1;
	}
	reclen = roundup2(offsetof(struct dirent64, d_name) + len + 1, 8);
	if (reclen > gd->gd_size - gd->gd_used) {
		if (gd->gd_used == 0)
			gd->gd_error = EINVAL;
		return 1;
	}
	d = (struct dirent64 *)(void *)(gd->gd_buf + gd->gd_used);
	d->d_ino = ino;
	d->d_off = cookie;
	d->d_reclen = (uint16_t)reclen;
	d->d_type = dtype;
	memcpy(d->d_name, name, len);
	memset(d->d_name + len, 0,
	    reclen - offsetof(struct dirent64, d_name) - len);
	gd->gd_used += reclen;
	return 0;
}

static int
getdents(struct file *fp, struct getdents *gd, off_t *offp)
{
	struct vnode *vp = fp->f_vnode;
	int error;

	vnode_lock(vp, RW_READER);
	if (!vnode_dir_alive(vp))
		error = vnode_doomed(vp) ? EIO : ENOENT;
	else if (vp->v_op->vop_readdir == NULL)
		error = ENOTDIR;
	else
		error = vp->v_op->vop_readdir(vp, offp, getdents_fill, gd);
	vnode_unlock(vp);
	if (error == 0)
		notify_file(vp, IN_ACCESS);
	if (gd->gd_used > 0)
		return 0;
	return error != 0 ? error : gd->gd_error;
}

int
sys_getdents64(int fd, void *ubuf, size_t count, long *rv)
{
	struct getdents gd = { .gd_size = MIN(count, 64 * 1024UL) };
	struct file *fp;
	off_t off;
	int error;

	error = fd_get_vnode(fd, ENOTDIR, &fp);
	if (error != 0)
		return error;
	if (((struct vnode *)fp->f_vnode)->v_type != VDIR) {
		fd_put(fp);
		return ENOTDIR;
	}
	if (gd.gd_size == 0) {
		fd_put(fp);
		return EINVAL;
	}
	gd.gd_buf = kmem_alloc(gd.gd_size, 0);
	if (gd.gd_buf == NULL) {
		fd_put(fp);
		return ENOMEM;
	}
	mutex_enter(&fp->f_offlock);
	off = fp->f_offset;
	error = getdents(fp, &gd, &off);
	if (error == 0 && gd.gd_used > 0)
		error = copyout(gd.gd_buf, ubuf, gd.gd_used);
	if (error == 0) {
		fp->f_offset = off;
		*rv = (long)gd.gd_used;
	}
	mutex_exit(&fp->f_offlock);
	kmem_free(gd.gd_buf, gd.gd_size);
	fd_put(fp);
	return error;
}

/* ---- Durability -------------------------------------------------------- */

static int
vn_fsync(struct file *fp, int flags, uint64_t start, uint64_t end)
{
	struct vnode *vp = fp->f_vnode;
	int error = 0;

	switch (vp->v_type) {
	case VBLK:
		return spec_fsync(fp);
	case VREG:
	case VDIR:
		break;
	default:
		return EINVAL;
	}
	vnode_lock(vp, RW_WRITER);
	if (vnode_doomed(vp))
		error = EIO;
	else if (vp->v_op->vop_fsync != NULL)
		error = vp->v_op->vop_fsync(vp, flags, start, end);
	vnode_unlock(vp);
	return error;
}

static int
do_fsync(int fd, int flags)
{
	struct file *fp;
	int error;

	error = fd_get_vnode(fd, EINVAL, &fp);
	if (error != 0)
		return error;
	error = vn_fsync(fp, flags, 0, 0);
	fd_put(fp);
	return error;
}

int
sys_fsync(int fd, long *rv __maybe_unused)
{
	return do_fsync(fd, 0);
}

int
sys_fdatasync(int fd, long *rv __maybe_unused)
{
	return do_fsync(fd, FSYNC_DATA);
}

/* The vnode that has a file's pages, if those come from a device. */
static struct vnode *
cached_vnode(struct file *fp)
{
	struct vnode *vp = fp->f_vnode;

	if (vp->v_type == VBLK)
		return spec_vnode(fp);
	return vp->v_type == VREG && vp->v_pages.pc_ops != NULL ? vp : NULL;
}

int
sys_sync_file_range(int fd, off_t offset, off_t length, unsigned int flags,
    long *rv __maybe_unused)
{
	struct file *fp;
	struct vnode *vp;
	off_t end;
	int error;

	error = fd_get_vnode(fd, ESPIPE, &fp);
	if (error != 0)
		return error;
	vp = fp->f_vnode;
	if ((flags & ~(unsigned)(SYNC_FILE_RANGE_WAIT_BEFORE |
	    SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER)) != 0 ||
	    offset < 0 || length < 0 ||
	    __builtin_add_overflow(offset, length, &end))
		error = EINVAL;
	else if (vp->v_type == VCHR || vp->v_type == VFIFO)
		error = ESPIPE;
	else if (flags != 0 && (vp = cached_vnode(fp)) != NULL) {
		vnode_lock(vp, RW_WRITER);
		if (!vnode_doomed(vp))
			error = pagecache_flush(&vp->v_pages, (uint64_t)offset,
			    length == 0 ? 0 : (uint64_t)end,
			    (flags & (SYNC_FILE_RANGE_WAIT_BEFORE |
			    SYNC_FILE_RANGE_WAIT_AFTER)) != 0);
		vnode_unlock(vp);
	}
	fd_put(fp);
	return error;
}

/* ---- Space ------------------------------------------------------------- */

/* fallocate(2): which bits of mode go together. */
static int
falloc_mode(int mode)
{

	switch (mode & ~FALLOC_FL_KEEP_SIZE) {
	case 0:
	case FALLOC_FL_ZERO_RANGE:
	case FALLOC_FL_UNSHARE_RANGE:
		return 0;
	case FALLOC_FL_PUNCH_HOLE:
		return (mode & FALLOC_FL_KEEP_SIZE) != 0 ? 0 : EOPNOTSUPP;
	case FALLOC_FL_COLLAPSE_RANGE:
	case FALLOC_FL_INSERT_RANGE:
		return (mode & FALLOC_FL_KEEP_SIZE) == 0 ? 0 : EINVAL;
	default:
		return EOPNOTSUPP;
	}
}

static int
do_fallocate(struct file *fp, int mode, off_t offset, off_t length)
{
	struct vnode *vp = fp->f_vnode;
	off_t end;
	size_t n;
	int error;

	error = falloc_mode(mode);
	if (error != 0)
		return error;
	if ((fp->f_flags & O_ACCMODE) == O_RDONLY)
		return EBADF;
	if (((mode & ~FALLOC_FL_KEEP_SIZE) != 0 && vnode_append_only(vp)) ||
	    vnode_immutable(vp))
		return EPERM;
	switch (vp->v_type) {
	case VREG:
		break;
	case VFIFO:
		return ESPIPE;
	case VDIR:
		return EISDIR;
	case VBLK:
		return EOPNOTSUPP;
	default:
		return ENODEV;
	}
	if (__builtin_add_overflow(offset, length, &end))
		return EFBIG;
	vnode_lock(vp, RW_WRITER);
	error = vp->v_op->vop_fallocate == NULL ? EOPNOTSUPP : 0;
	if (error == 0 && (mode & (FALLOC_FL_KEEP_SIZE |
	    FALLOC_FL_COLLAPSE_RANGE)) == 0) {
		n = (size_t)length;
		error = vn_limit_size((uint64_t)offset, &n);
		if (error == 0 && n < (size_t)length)
			error = ELIMIT;
	}
	if (error == 0 && vnode_memfd(vp))
		error = (mode & FALLOC_FL_PUNCH_HOLE) != 0 ?
		    memfd_write_sealed(vp, 0) : (mode & FALLOC_FL_KEEP_SIZE) == 0 ?
		    memfd_grow_sealed(vp, (uint64_t)end) : 0;
	if (error == 0)
		error = vn_drop_setid(vp, fp->f_cred);
	if (error == 0)
		error = vp->v_op->vop_fallocate(vp, mode, (uint64_t)offset,
		    (uint64_t)length);
	vnode_unlock(vp);
	if (error == 0)
		notify_file(vp, IN_MODIFY);
	return vn_limit_raise(error);
}

int
sys_fallocate(int fd, int mode, off_t offset, off_t length,
    long *rv __maybe_unused)
{
	struct file *fp;
	int error;

	error = fd_get_vnode(fd, ESPIPE, &fp);
	if (error != 0)
		return error;
	if (offset < 0 || length <= 0)
		error = EINVAL;
	else
		error = do_fallocate(fp, mode, offset, length);
	fd_put(fp);
	return error;
}

/* ---- Advice ------------------------------------------------------------ */

/* What will be read soon. len 0: to the end. Advice cannot fail. */
static void
willneed(struct file *fp, uint64_t off, uint64_t len)
{
	struct vnode *vp = cached_vnode(fp);
	struct vattr va = { .va_size = 0 };

	if (vp == NULL)
		return;
	vnode_lock(vp, RW_READER);
	if (vp->v_type == VBLK)
		va.va_size = spec_size(fp);
	else if (vnode_doomed(vp) || vp->v_op->vop_getattr == NULL ||
	    vp->v_op->vop_getattr(vp, &va) != 0)
		va.va_size = 0;
	pagecache_willneed(&vp->v_pages, off, len == 0 ? UINT64_MAX : len,
	    va.va_size);
	vnode_unlock(vp);
}

/* What will not be: dirty pages go to the device, clean ones go. */
static void
dontneed(struct file *fp, uint64_t off, uint64_t len)
{
	struct vnode *vp = cached_vnode(fp);
	uint64_t end;

	if (vp == NULL)
		return;
	if (len == 0 || __builtin_add_overflow(off, len, &end))
		end = INT64_MAX;
	vnode_lock(vp, RW_WRITER);
	if (!vnode_doomed(vp)) {
		(void)pagecache_flush(&vp->v_pages, off, end, false);
		pagecache_drop(&vp->v_pages, off, end);
	}
	vnode_unlock(vp);
}

int
sys_fadvise64(int fd, off_t offset, off_t length, int advice,
    long *rv __maybe_unused)
{
	struct file *fp;
	int error;

	error = fd_get_vnode(fd, ESPIPE, &fp);
	if (error != 0)
		return error;
	if (((struct vnode *)fp->f_vnode)->v_type == VFIFO)
		error = ESPIPE;
	else if (length < 0)
		error = EINVAL;
	else switch (advice) {
	case POSIX_FADV_NORMAL:
	case POSIX_FADV_RANDOM:
	case POSIX_FADV_SEQUENTIAL:
	case POSIX_FADV_NOREUSE:
		/* Read-ahead finds out by itself. */
		break;
	case POSIX_FADV_WILLNEED:
		willneed(fp, (uint64_t)offset, (uint64_t)length);
		break;
	case POSIX_FADV_DONTNEED:
		dontneed(fp, (uint64_t)offset, (uint64_t)length);
		break;
	default:
		error = EINVAL;
		break;
	}
	fd_put(fp);
	return error;
}

int
sys_readahead(int fd, off_t offset, size_t count, long *rv __maybe_unused)
{
	struct file *fp;
	struct vnode *vp;
	int error;

	error = fd_get_read(fd, &fp);
	if (error != 0)
		return error;
	vp = fp->f_vnode;
	if (vp == NULL || (vp->v_type != VREG && vp->v_type != VBLK))
		error = EINVAL;
	else if (count > 0)
		willneed(fp, (uint64_t)offset, count);
	fd_put(fp);
	return error;
}

/* ---- Copying between files --------------------------------------------- */

/*
 * Copy up to len bytes through a buffer of the kernel. *donep counts what
 * arrived, also on an error; a short write ends it.
 */
static int
copy_data(struct file *in, off_t *inoffp, struct file *out, off_t *outoffp,
    size_t len, size_t *donep)
{
	struct iovec iov;
	struct uio uio;
	size_t size = MIN(len, COPY_CHUNK), n, got;
	off_t inoff;
	char *buf;
	int error = 0;

	*donep = 0;
	if (len == 0)
		return 0;
	buf = kmem_alloc(size, 0);
	if (buf == NULL)
		return ENOMEM;
	while (*donep < len) {
		n = MIN(size, len - *donep);
		inoff = *inoffp;
		uio_kern(&uio, &iov, UIO_READ, buf, n, inoff);
		error = in->f_ops->fo_read(in, &inoff, &uio, 0);
		got = n - uio.uio_resid;
		if (got == 0)
			break;
		uio_kern(&uio, &iov, UIO_WRITE, buf, got, *outoffp);
		error = out->f_ops->fo_write(out, outoffp, &uio,
		    got < len - *donep && out->f_ops->fo_type == FT_SOCKET ?
		    RWF_MORE : 0);
		*donep += got - uio.uio_resid;
		*inoffp += (off_t)(got - uio.uio_resid);
		if (error != 0 || uio.uio_resid != 0)
			break;
	}
	kmem_free(buf, size);
	return *donep > 0 ? 0 : error;
}

/* The offset of one side: the application's, or the file's own (locked). */
static int
offset_begin(struct file *fp, const off_t *uoff, size_t len, off_t *offp)
{
	int error;

	if (uoff == NULL) {
		*offp = fp->f_offset;
		return 0;
	}
	error = copyin(uoff, offp, sizeof(*offp));
	if (error == 0 && *offp < 0)
		error = len >= (size_t)-*offp ? EOVERFLOW : EINVAL;
	return error;
}

static int
offset_end(struct file *fp, off_t *uoff, off_t off)
{

	if (uoff != NULL)
		return copyout(&off, uoff, sizeof(off));
	fp->f_offset = off;
	return 0;
}

static int
copy_range_check(struct file *in, off_t inoff, struct file *out, off_t outoff,
    size_t *lenp)
{
	struct vnode *ivp = file_vnode(in), *ovp = file_vnode(out);
	struct vattr va;
	off_t end;
	int error;

	if (ivp == NULL || ovp == NULL)
		return ((in->f_flags | out->f_flags) & O_PATH) != 0 ?
		    EBADF : EINVAL;
	if (ivp->v_type == VDIR || ovp->v_type == VDIR)
		return EISDIR;
	if (ivp->v_type != VREG || ovp->v_type != VREG)
		return EINVAL;
	if (!file_readable(in) || (out->f_flags & O_ACCMODE) == O_RDONLY ||
	    (out->f_flags & O_APPEND) != 0)
		return EBADF;
	if (vnode_immutable(ovp))
		return EPERM;
	if (__builtin_add_overflow(inoff, (off_t)*lenp, &end) ||
	    __builtin_add_overflow(outoff, (off_t)*lenp, &end))
		return EOVERFLOW;
	error = vn_getattr(ivp, &va);
	if (error != 0)
		return error;
	if ((uint64_t)inoff >= va.va_size)
		*lenp = 0;
	else
		*lenp = MIN(*lenp, (size_t)(va.va_size - (uint64_t)inoff));
	if (ivp == ovp && inoff < outoff + (off_t)*lenp &&
	    outoff < inoff + (off_t)*lenp)
		return EINVAL;
	return 0;
}

/* The own offsets that a call uses, in the order of their addresses. */
static void
offsets_lock(struct file *a, struct file *b)
{
	struct file *t;

	if (a == b)
		b = NULL;
	if (a != NULL && b != NULL && (uintptr_t)a > (uintptr_t)b) {
		t = a;
		a = b;
		b = t;
	}
	if (a != NULL)
		mutex_enter(&a->f_offlock);
	if (b != NULL)
		mutex_enter(&b->f_offlock);
}

static void
offsets_unlock(struct file *a, struct file *b)
{

	if (a != NULL)
		mutex_exit(&a->f_offlock);
	if (b != NULL && b != a)
		mutex_exit(&b->f_offlock);
}

int
sys_copy_file_range(int fdin, off_t *uoffin, int fdout, off_t *uoffout,
    size_t len, unsigned int flags, long *rv)
{
	struct file *in, *out, *ownin, *ownout;
	off_t inoff, outoff;
	size_t done = 0;
	int error;

	error = fd_get(fdin, &in);
	if (error != 0)
		return error;
	error = fd_get(fdout, &out);
	if (error != 0) {
		fd_put(in);
		return error;
	}
	ownin = uoffin == NULL ? in : NULL;
	ownout = uoffout == NULL ? out : NULL;
	offsets_lock(ownin, ownout);
	len = MIN(len, MAX_RW);
	error = flags != 0 ? EINVAL : offset_begin(in, uoffin, len, &inoff);
	if (error == 0)
		error = offset_begin(out, uoffout, len, &outoff);
	if (error == 0)
		error = copy_range_check(in, inoff, out, outoff, &len);
	if (error == 0)
		error = copy_data(in, &inoff, out, &outoff, len, &done);
	if (error == 0 && done > 0)
		error = offset_end(in, uoffin, inoff);
	if (error == 0 && done > 0)
		error = offset_end(out, uoffout, outoff);
	offsets_unlock(ownin, ownout);
	if (error == 0)
		*rv = (long)done;
	fd_put(out);
	fd_put(in);
	return error;
}

static int
do_sendfile(struct file *out, struct file *in, off_t *uoff, size_t count,
    long *rv)
{
	struct vnode *ivp = file_vnode(in);
	struct file *ownout = NULL;
	off_t inoff, outoff = 0;
	size_t done = 0;
	int error;

	if (ivp == NULL || (ivp->v_type != VREG && ivp->v_type != VBLK) ||
	    out->f_ops->fo_write == NULL || (out->f_flags & O_APPEND) != 0)
		return EINVAL;
	if (out->f_ops->fo_seek != NULL)
		ownout = out;
	if (in == out)
		return EINVAL;
	offsets_lock(uoff == NULL ? in : NULL, ownout);
	error = offset_begin(in, uoff, count, &inoff);
	if (error == 0) {
		if (ownout != NULL)
			outoff = out->f_offset;
		count = MIN(count, MAX_RW);
		error = out->f_ops->fo_pull == NULL ? EOPNOTSUPP :
		    out->f_ops->fo_pull(out, in, &inoff, count, 0, &done);
		if (error == EOPNOTSUPP)
			error = copy_data(in, &inoff, out, &outoff, count,
			    &done);
		if (ownout != NULL)
			out->f_offset = outoff;
	}
	if (error == 0)
		error = offset_end(in, uoff, inoff);
	offsets_unlock(uoff == NULL ? in : NULL, ownout);
	if (error == 0)
		*rv = (long)done;
	return error;
}

int
sys_sendfile(int fdout, int fdin, off_t *uoff, size_t count, long *rv)
{
	struct file *in, *out;
	int error;

	error = fd_get_read(fdin, &in);
	if (error != 0)
		return error;
	error = fd_get_write(fdout, &out);
	if (error == 0) {
		error = do_sendfile(out, in, uoff, count, rv);
		fd_put(out);
	}
	fd_put(in);
	return error;
}

/* ---- Locks ------------------------------------------------------------- */

int
sys_flock(int fd, int operation, long *rv __maybe_unused)
{
	struct file *fp;
	int error;

	error = fd_get_vnode(fd, EBADF, &fp);
	if (error != 0)
		return error;
	error = advlock_flock(fp, operation);
	fd_put(fp);
	return error;
}
