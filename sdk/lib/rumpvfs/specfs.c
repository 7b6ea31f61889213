/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Device nodes of any file system.
 *
 * A character device's file goes to the driver (cdevops). Block devices are
 * cached: each has one vnode of a mount of our own, keyed by its number,
 * whose page cache all nodes of that number share; it holds pages only while
 * the device is open, so that a file system on the device, with caches of its
 * own, and readers of the device before and after it agree.
 *
 * Lock order: bd_lock -> the device vnode's v_lock.
 */
#include <kern/blkdev.h>
#include <linux/fs.h>
#include <linux/major.h>

#include "specfs.h"
#include "vfs.h"

/* ---- Character devices ------------------------------------------------- */

struct cdevfile {
	const struct cdevops *cf_ops;
	void *cf_priv;
};

static int
cdev_read(struct file *fp, off_t *offp, struct uio *uio,
    int flags __maybe_unused)
{
	struct cdevfile *cf = fp->f_data;
	struct vnode *vp = fp->f_vnode;
	int error;

	if (cf->cf_ops->cd_read == NULL)
		return EINVAL;
	uio->uio_offset = *offp;
	error = cf->cf_ops->cd_read(vp->v_rdev, cf->cf_priv, uio, fp->f_flags);
	if (!cf->cf_ops->cd_stays)
		*offp = uio->uio_offset;
	return error;
}

static int
cdev_write(struct file *fp, off_t *offp, struct uio *uio,
    int flags __maybe_unused)
{
	struct cdevfile *cf = fp->f_data;
	struct vnode *vp = fp->f_vnode;
	int error;

	if (cf->cf_ops->cd_write == NULL)
		return EINVAL;
	uio->uio_offset = *offp;
	error = cf->cf_ops->cd_write(vp->v_rdev, cf->cf_priv, uio, fp->f_flags);
	if (!cf->cf_ops->cd_stays)
		*offp = uio->uio_offset;
	return error;
}

static int
cdev_seek(struct file *fp, off_t off, int whence, off_t *newp)
{
	struct cdevfile *cf = fp->f_data;

	if (cf->cf_ops->cd_stays) {
		*newp = 0;
		return 0;
	}
	switch (whence) {
	case SEEK_CUR:
		if (__builtin_add_overflow(off, fp->f_offset, &off))
			return EOVERFLOW;
		/* FALLTHROUGH */
	case SEEK_SET:
	case SEEK_END:
		if (off < 0)
			return EINVAL;
		*newp = off;
		return 0;
	default:
		return EINVAL;
	}
}

static int
cdev_ioctl(struct file *fp, unsigned long cmd, void *arg)
{
	struct cdevfile *cf = fp->f_data;
	struct vnode *vp = fp->f_vnode;

	return cf->cf_ops->cd_ioctl == NULL ? ENOTTY :
	    cf->cf_ops->cd_ioctl(vp->v_rdev, cf->cf_priv, cmd, arg);
}

static int
cdev_poll(struct file *fp, int events, struct pollent *pe)
{
	struct cdevfile *cf = fp->f_data;
	struct vnode *vp = fp->f_vnode;

	return cf->cf_ops->cd_poll == NULL ?
	    events & (POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM) :
	    cf->cf_ops->cd_poll(vp->v_rdev, cf->cf_priv, events, pe);
}

static int
cdev_close(struct file *fp)
{
	struct cdevfile *cf = fp->f_data;
	struct vnode *vp = fp->f_vnode;

	if (cf->cf_ops->cd_close != NULL)
		cf->cf_ops->cd_close(vp->v_rdev, cf->cf_priv);
	kmem_free(cf, sizeof(*cf));
	return vn_close(fp);
}

static const struct fileops cdev_fileops = {
	.fo_type = FT_VNODE,
	.fo_read = cdev_read,
	.fo_write = cdev_write,
	.fo_ioctl = cdev_ioctl,
	.fo_poll = cdev_poll,
	.fo_fcntl = vn_fcntl,
	.fo_stat = vn_stat,
	.fo_closefd = vn_closefd,
	.fo_close = cdev_close,
};

static const struct fileops cdev_seek_fileops = {
	.fo_type = FT_VNODE,
	.fo_read = cdev_read,
	.fo_write = cdev_write,
	.fo_seek = cdev_seek,
	.fo_ioctl = cdev_ioctl,
	.fo_poll = cdev_poll,
	.fo_fcntl = vn_fcntl,
	.fo_stat = vn_stat,
	.fo_closefd = vn_closefd,
	.fo_close = cdev_close,
};

static int
cdev_open(struct vnode *vp, int flags, struct file **fpp)
{
	const struct cdevops *ops = cdev_find(vp->v_rdev);
	struct cdevfile *cf;
	int error;

	if (ops == NULL)
		return ENXIO;
	cf = kmem_zalloc(sizeof(*cf), 0);
	if (cf == NULL)
		return ENOMEM;
	cf->cf_ops = ops;
	if (ops->cd_open != NULL) {
		error = ops->cd_open(vp->v_rdev, flags, &cf->cf_priv);
		if (error != 0)
			goto fail_free;
	}
	error = file_alloc(ops->cd_seekable ? &cdev_seek_fileops :
	    &cdev_fileops, cf, flags, fpp);
	if (error != 0)
		goto fail_close;
	(*fpp)->f_vnode = vp;
	return 0;
fail_close:
	if (ops->cd_close != NULL)
		ops->cd_close(vp->v_rdev, cf->cf_priv);
fail_free:
	kmem_free(cf, sizeof(*cf));
	return error;
}

/* ---- Block devices ----------------------------------------------------- */

/* v_data of a device's own vnode. */
struct bdev {
	struct kmutex b_lock;
	unsigned b_opens;		/* [b_lock] */
	struct blkdev *b_dev;		/* [b_lock] while open */
};

static struct lock_class bdev_class = LOCK_CLASS("bdev", 0);
static struct lock_class bdev_mnt_class = LOCK_CLASS("bdev_mount", 0);
static struct mount bdev_mount;

static int
bdev_map(struct vnode *vp, uint64_t off, struct pc_extent *pe)
{
	struct bdev *b = vp->v_data;

	pe->pe_addr = off;
	pe->pe_len = off < b->b_dev->bd_size ? b->b_dev->bd_size - off :
	    PAGE_SIZE;
	if (off >= b->b_dev->bd_size)
		pe->pe_addr = PC_HOLE;
	return 0;
}

static int
bdev_map_write(struct vnode *vp, uint64_t off, uint64_t len __maybe_unused,
    struct pc_extent *pe)
{
	return bdev_map(vp, off, pe);
}

static struct blkdev *
bdev_dev(struct vnode *vp)
{
	struct bdev *b = vp->v_data;

	return b->b_dev;
}

static const struct pagecache_ops bdev_pcops = {
	.pco_map = bdev_map,
	.pco_map_write = bdev_map_write,
	.pco_dev = bdev_dev,
};

static void
bdev_reclaim(struct vnode *vp)
{
	struct bdev *b = vp->v_data;

	mutex_fini(&b->b_lock);
	kmem_free(b, sizeof(*b));
}

static const struct vnodeops bdev_vnodeops = {
	.vop_reclaim = bdev_reclaim,
};

static int
bdev_loadvnode(struct mount *mp __maybe_unused, struct vnode *vp)
{
	struct bdev *b;

	b = kmem_zalloc(sizeof(*b), 0);
	if (b == NULL)
		return ENOMEM;
	mutex_init(&b->b_lock, &bdev_class);
	vnode_setup(vp, &bdev_vnodeops, VBLK, b);
	vp->v_rdev = vp->v_ino;
	pagecache_init(&vp->v_pages, vp, &bdev_pcops);
	return 0;
}

static const struct vfsops bdev_vfsops = {
	.vfs_name = "bdev",
	.vfs_loadvnode = bdev_loadvnode,
};

static int
blk_read(struct file *fp, off_t *offp, struct uio *uio, int flags)
{
	struct vnode *bvp = fp->f_data;
	struct bdev *b = bvp->v_data;
	int error;

	uio->uio_offset = *offp;
	vnode_lock(bvp, RW_READER);
	error = pagecache_read(&bvp->v_pages, uio, b->b_dev->bd_size,
	    ((flags & RWF_NOWAIT) != 0 ? IO_NOWAIT : 0) |
	    ((fp->f_flags & O_DIRECT) != 0 ? IO_DIRECT : 0));
	vnode_unlock(bvp);
	*offp = uio->uio_offset;
	return error;
}

static int
blk_write(struct file *fp, off_t *offp, struct uio *uio, int flags)
{
	struct vnode *bvp = fp->f_data;
	struct bdev *b = bvp->v_data;
	uint64_t size = b->b_dev->bd_size, off = (uint64_t)*offp;
	size_t cut = 0;
	bool sync;
	int error;

	if (uio->uio_resid == 0)
		return 0;
	if (off >= size)
		return ENOSPC;
	if (uio->uio_resid > size - off) {
		cut = uio->uio_resid - (size_t)(size - off);
		uio->uio_resid -= cut;
	}
	sync = (fp->f_flags & O_DSYNC) != 0 ||
	    (flags & (RWF_DSYNC | RWF_SYNC)) != 0;
	pagecache_throttle();
	uio->uio_offset = *offp;
	vnode_lock(bvp, RW_WRITER);
	error = pagecache_write(&bvp->v_pages, uio, size, 0);
	if (error == 0 && (fp->f_flags & O_DIRECT) != 0)
		error = vn_write_direct(bvp, off, (uint64_t)uio->uio_offset);
	else if (error == 0 && sync)
		error = pagecache_flush(&bvp->v_pages, off,
		    (uint64_t)uio->uio_offset, true);
	vnode_unlock(bvp);
	if (error == 0 && sync)
		error = blkdev_sync(b->b_dev);
	uio->uio_resid += cut;
	*offp = uio->uio_offset;
	return error;
}

struct vnode *
spec_vnode(struct file *fp)
{
	return fp->f_data;
}

uint64_t
spec_size(struct file *fp)
{
	struct vnode *bvp = fp->f_data;
	struct bdev *b = bvp->v_data;

	return b->b_dev->bd_size;
}

static int
blk_seek(struct file *fp, off_t off, int whence, off_t *newp)
{
	off_t base;

	switch (whence) {
	case SEEK_SET:
		base = 0;
		break;
	case SEEK_CUR:
		base = fp->f_offset;
		break;
	case SEEK_END:
		base = (off_t)spec_size(fp);
		break;
	default:
		return EINVAL;
	}
	if (__builtin_add_overflow(base, off, &base))
		return EOVERFLOW;
	if (base < 0)
		return EINVAL;
	*newp = base;
	return 0;
}

int
spec_fsync(struct file *fp)
{
	struct vnode *bvp = fp->f_data;
	struct bdev *b = bvp->v_data;
	int error;

	vnode_lock(bvp, RW_WRITER);
	error = pagecache_flush(&bvp->v_pages, 0, 0, true);
	vnode_unlock(bvp);
	return error != 0 ? error : blkdev_sync(b->b_dev);
}

/* BLKDISCARD and BLKZEROOUT: a part of the device is given up, or zeroed. */
static int
blk_clear(struct file *fp, void *arg,
    int (*clear)(struct blkdev *, uint64_t, uint64_t))
{
	struct vnode *bvp = fp->f_data;
	struct bdev *b = bvp->v_data;
	uint64_t r[2];
	int error;

	if ((fp->f_flags & O_ACCMODE) == O_RDONLY)
		return EBADF;
	error = copyin(arg, r, sizeof(r));
	if (error != 0)
		return error;
	if ((r[0] | r[1]) % b->b_dev->bd_secsize != 0 || r[1] == 0 ||
	    r[0] > b->b_dev->bd_size || r[1] > b->b_dev->bd_size - r[0])
		return EINVAL;
	vnode_lock(bvp, RW_WRITER);
	error = pagecache_punch(&bvp->v_pages, r[0], r[1]);
	if (error == 0)
		error = clear(b->b_dev, r[0], r[1]);
	vnode_unlock(bvp);
	return error;
}

static int
blk_ioctl(struct file *fp, unsigned long cmd, void *arg)
{
	struct vnode *bvp = fp->f_data;
	struct blkdev *bd = ((struct bdev *)bvp->v_data)->b_dev;
	uint64_t size = bd->bd_size;
	unsigned long sectors = size / 512;
	int v;

	switch (cmd) {
	case BLKGETSIZE64:
		return copyout(&size, arg, sizeof(size));
	case BLKGETSIZE:
		return copyout(&sectors, arg, sizeof(sectors));
	case BLKSSZGET:
	case BLKPBSZGET:
	case BLKIOMIN:
		v = (int)bd->bd_secsize;
		return copyout(&v, arg, sizeof(v));
	case BLKBSZGET:
		v = (int)PAGE_SIZE;
		return copyout(&v, arg, sizeof(v));
	case BLKROGET:
		v = (fp->f_flags & O_ACCMODE) == O_RDONLY;
		return copyout(&v, arg, sizeof(v));
	case BLKFLSBUF:
		return cred_is_root(curcred()) ? spec_fsync(fp) : EACCES;
	case BLKDISCARD:
		return blk_clear(fp, arg, blkdev_discard);
	case BLKZEROOUT:
		return blk_clear(fp, arg, blkdev_zero);
	default:
		return bd->bd_op->bd_ioctl == NULL ? ENOTTY :
		    bd->bd_op->bd_ioctl(bd, cmd, arg);
	}
}

/*
 * The writer writes what is dirty while it may: once it has gone, nobody can.
 * The last one out drops what is cached.
 */
static void
bdev_close(struct vnode *bvp, bool write)
{
	struct bdev *b = bvp->v_data;
	struct blkdev *bd;
	int error = 0;

	mutex_enter(&b->b_lock);
	bd = b->b_dev;
	vnode_lock(bvp, RW_WRITER);
	if (write)
		error = pagecache_flush(&bvp->v_pages, 0, 0, true);
	if (error != 0)
		klog(LOG_ERR, "%s: data lost at close: error %d", bd->bd_name,
		    error);
	if (--b->b_opens == 0 || error != 0)
		(void)pagecache_truncate(&bvp->v_pages, bd->bd_size, 0);
	vnode_unlock(bvp);
	if (b->b_opens == 0)
		b->b_dev = NULL;
	blkdev_close(bd, write);
	mutex_exit(&b->b_lock);
	vnode_rele(bvp);
}

static int
blk_close(struct file *fp)
{

	bdev_close(fp->f_data, (fp->f_flags & O_ACCMODE) != O_RDONLY);
	return vn_close(fp);
}

static int
blk_setfl(struct file *fp __maybe_unused, int flags __maybe_unused)
{

	return 0;
}

static const struct fileops blk_fileops = {
	.fo_type = FT_VNODE,
	.fo_read = blk_read,
	.fo_write = blk_write,
	.fo_seek = blk_seek,
	.fo_ioctl = blk_ioctl,
	.fo_setfl = blk_setfl,
	.fo_fcntl = vn_fcntl,
	.fo_stat = vn_stat,
	.fo_closefd = vn_closefd,
	.fo_close = blk_close,
};

static int
blk_open(struct vnode *vp, int flags, struct file **fpp)
{
	bool write = (flags & O_ACCMODE) != O_RDONLY;
	struct vnode *bvp;
	struct blkdev *bd;
	struct bdev *b;
	int error;

	error = vcache_get(&bdev_mount, vp->v_rdev, &bvp);
	if (error != 0)
		return error;
	b = bvp->v_data;
	mutex_enter(&b->b_lock);
	error = blkdev_open(vp->v_rdev, write, &bd);
	if (error == 0) {
		b->b_opens++;
		b->b_dev = bd;
	}
	mutex_exit(&b->b_lock);
	if (error != 0) {
		vnode_rele(bvp);
		return error;
	}
	error = file_alloc(&blk_fileops, bvp, flags, fpp);
	if (error != 0) {
		bdev_close(bvp, write);
		return error;
	}
	(*fpp)->f_vnode = vp;
	return 0;
}

int
spec_open(struct vnode *vp, int flags, struct file **fpp)
{
	return vp->v_type == VCHR ? cdev_open(vp, flags, fpp) :
	    blk_open(vp, flags, fpp);
}

int
spec_init(void)
{

	bdev_mount.mnt_op = &bdev_vfsops;
	atomic_init(&bdev_mount.mnt_refs, 1);
	mutex_init(&bdev_mount.mnt_rename, &bdev_mnt_class);
	list_node_init(&bdev_mount.mnt_link);
	return 0;
}
