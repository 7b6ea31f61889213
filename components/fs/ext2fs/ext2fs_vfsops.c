/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Mounting, unmounting, and what concerns a file system as a whole.
 */
#include "ext2fs.h"
#include <rump/fs/ext2fs.h>

#define EXT2_STATFS_MAGIC	0xef53

static struct lock_class mount_class = LOCK_CLASS("ext2fs mount", 0);
static struct lock_class orphan_class = LOCK_CLASS("ext2fs orphans", 0);

int ext2fs_init(void);

/* ---- Mounting --------------------------------------------------------- */

static int
read_image(struct ext2fs_mount *em, bool rdonly)
{
	int error;

	error = ext2fs_super_read(em, rdonly);
	if (error != 0)
		return error;
	error = bcache_set_blocksize(em->em_dev, em->em_bsize);
	if (error != 0)
		return error;
	ext2fs_groups_free(em);
	atomic_store(&em->em_free_blocks, 0);
	atomic_store(&em->em_free_inodes, 0);
	atomic_store(&em->em_dirs, 0);
	em->em_overhead = 0;
	return ext2fs_groups_read(em);
}

/* The journal holds changes that are not in place yet. */
static int
recover(struct ext2fs_mount *em, bool rdonly, uint32_t flags)
{
	int error;

	if (rdonly && (flags & EXT2FS_MNT_NOLOAD) != 0) {
		klog(LOG_WARNING, "ext2fs: %s: journal not replayed",
		    em->em_name);
		return 0;
	}
	error = rdonly ? ext2fs_overlay_open(em) : ext2fs_recover(em);
	if (error != 0)
		return error;
	error = read_image(em, rdonly);
	if (error != 0)
		return error;
	em->em_incompat &= ~(uint32_t)EXT2_INCOMPAT_RECOVER;
	le32enc(em->em_sb + SB_FEATURE_INCOMPAT,
	    le32dec(em->em_sb + SB_FEATURE_INCOMPAT) &
	    ~(uint32_t)EXT2_INCOMPAT_RECOVER);
	return 0;
}

static struct ext2fs_mount *
em_alloc(struct mount *mp, const char *name)
{
	struct ext2fs_mount *em;

	em = kmem_zalloc(sizeof(*em), 0);
	if (em == NULL)
		return NULL;
	em->em_mount = mp;
	mutex_init(&em->em_lock, &mount_class);
	mutex_init(&em->em_orphan_lock, &orphan_class);
	list_init(&em->em_orphans);
	list_init(&em->em_dirty);
	atomic_init(&em->em_gen, (uint32_t)real_now());
	strlcpy(em->em_name, name, sizeof(em->em_name));
	return em;
}

static void
em_free(struct ext2fs_mount *em)
{
	ext2fs_groups_free(em);
	mutex_fini(&em->em_orphan_lock);
	mutex_fini(&em->em_lock);
	kmem_free(em, sizeof(*em));
}

static void
set_stat(struct ext2fs_mount *em)
{
	struct statfs *sf = &em->em_mount->mnt_stat;

	sf->f_type = EXT2_STATFS_MAGIC;
	sf->f_bsize = sf->f_frsize = em->em_bsize;
	sf->f_namelen = 255;
	sf->f_fsid.val[0] = (int)(le32dec(em->em_sb + SB_UUID) ^
	    le32dec(em->em_sb + SB_UUID + 8));
	sf->f_fsid.val[1] = (int)(le32dec(em->em_sb + SB_UUID + 4) ^
	    le32dec(em->em_sb + SB_UUID + 12));
}

/* The device is open; its image comes into memory. */
static int
mount_dev(struct ext2fs_mount *em, bool rdonly, uint32_t flags)
{
	int error;

	error = read_image(em, rdonly);
	if (error == 0 && (em->em_incompat & EXT2_INCOMPAT_RECOVER) != 0)
		error = recover(em, rdonly, flags);
	if (error != 0 || rdonly)
		return error;
	error = ext2fs_jnl_start(em);
	if (error == 0)
		error = ext2fs_orphans_process(em);
	return error;
}

static int
ext2fs_mount(struct mount *mp, const char *type, void *data, size_t arglen)
{
	const struct ext2fs_args *args = data;
	struct ext2fs_mount *em;
	char path[256];
	bool rdonly = mount_rdonly(mp);
	int error;

	(void)type;
	if (args == NULL || arglen != sizeof(*args) ||
	    (args->flags & ~EXT2FS_MNT_NOLOAD) != 0)
		return EINVAL;
	error = copyinstr(args->fspec, path, sizeof(path), NULL);
	if (error != 0)
		return error;
	if ((em = em_alloc(mp, path)) == NULL)
		return ENOMEM;
	error = vfs_open_blkdev(path, !rdonly, &em->em_lower);
	if (error != 0)
		goto fail_free;
	em->em_dev = em->em_lower;
	em->em_devwrite = !rdonly;
	atomic_store(&em->em_readonly, rdonly);
	mp->mnt_data = em;
	error = mount_dev(em, rdonly, args->flags);
	if (error != 0)
		goto fail_close;
	set_stat(em);
	return 0;

fail_close:
	ext2fs_overlay_close(em);
	blkdev_close(em->em_lower, em->em_devwrite);
	mp->mnt_data = NULL;
fail_free:
	em_free(em);
	return error;
}

static int
ext2fs_unmount(struct mount *mp, bool force)
{
	struct ext2fs_mount *em = MPTOEM(mp);

	(void)force;
	if (em->em_devwrite && (!atomic_load(&em->em_readonly) ||
	    atomic_load(&em->em_damaged)))
		(void)ext2fs_jnl_stop(em);
	if (atomic_load(&em->em_reserved) != 0)
		klog(LOG_DEBUG, "ext2fs: %s: %llu blocks still reserved",
		    em->em_name,
		    (unsigned long long)atomic_load(&em->em_reserved));
	ext2fs_overlay_close(em);
	blkdev_close(em->em_lower, em->em_devwrite);
	mp->mnt_data = NULL;
	em_free(em);
	return 0;
}

static int
ext2fs_root(struct mount *mp, struct vnode **vpp)
{
	struct vnode *vp;
	int error;

	error = vcache_get(mp, EXT2_ROOT_INO, &vp);
	if (error == 0 && vp->v_type != VDIR) {
		vnode_rele(vp);
		error = ENOENT;
	}
	if (error == ENOENT)
		return ext2fs_corrupt(MPTOEM(mp), "no root directory");
	if (error == 0)
		*vpp = vp;
	return error;
}

/* ---- Remounting ------------------------------------------------------- */

static int
to_readonly(struct ext2fs_mount *em)
{
	int error;

	error = pagecache_flush_mount(em->em_mount, true);
	if (error != 0)
		return error;
	atomic_store(&em->em_readonly, true);
	/* Modifications are short. */
	while (atomic_load(&em->em_ntx) != 0)
		epoch_synchronize();
	error = ext2fs_jnl_stop(em);
	if (error != 0)
		atomic_store(&em->em_readonly, false);
	return error;
}

static int
to_writable(struct ext2fs_mount *em)
{
	struct blkdev *bd;
	int error;

	if (em->em_dev != em->em_lower ||
	    (em->em_incompat & EXT2_INCOMPAT_RECOVER) != 0) {
		klog(LOG_ERR, "ext2fs: %s: the journal was not replayed to "
		    "the device: mount anew", em->em_name);
		return EROFS;
	}
	if (atomic_load(&em->em_damaged))
		return EUCLEAN;
	if ((error = ext2fs_super_writable(em, "remount")) != 0)
		return error;
	if (!em->em_devwrite) {
		error = blkdev_open(em->em_lower->bd_dev, true, &bd);
		if (error != 0)
			return error;
		blkdev_close(em->em_lower, false);
		em->em_devwrite = true;
	}
	atomic_fetch_and(&em->em_mount->mnt_flags, ~(unsigned long)MS_RDONLY);
	atomic_store(&em->em_readonly, false);
	error = ext2fs_jnl_start(em);
	if (error == 0)
		error = ext2fs_orphans_process(em);
	if (error != 0) {
		atomic_store(&em->em_readonly, true);
		atomic_fetch_or(&em->em_mount->mnt_flags, MS_RDONLY);
	}
	return error;
}

static int
ext2fs_remount(struct mount *mp, unsigned long newflags, void *args,
    size_t arglen)
{
	struct ext2fs_mount *em = MPTOEM(mp);
	bool was = mount_rdonly(mp), will = (newflags & MS_RDONLY) != 0;

	(void)args;
	(void)arglen;
	if (was == will)
		return 0;
	return will ? to_readonly(em) : to_writable(em);
}

/* ---- The rest --------------------------------------------------------- */

/* What is not for files: as the kernel counts it, with the journal. */
static uint64_t
overhead(const struct ext2fs_mount *em)
{
	uint64_t sb = le32dec(em->em_sb + SB_OVERHEAD);

	sb <<= em->em_clbits;
	return sb != 0 && sb < em->em_blocks ? sb : em->em_overhead;
}

static int
ext2fs_statfs(struct mount *mp, struct statfs *sf)
{
	struct ext2fs_mount *em = MPTOEM(mp);
	uint64_t freeb, kept;

	freeb = atomic_load(&em->em_free_blocks);
	freeb -= MIN(freeb, atomic_load(&em->em_reserved));
	kept = em->em_rblocks + MIN(em->em_blocks / 50, (uint64_t)4096);
	sf->f_blocks = (__statfs_word)(em->em_blocks - overhead(em));
	sf->f_bfree = (__statfs_word)freeb;
	sf->f_bavail = (__statfs_word)(freeb > kept ? freeb - kept : 0);
	sf->f_files = em->em_inodes;
	sf->f_ffree = atomic_load(&em->em_free_inodes);
	return 0;
}

static int
ext2fs_sync(struct mount *mp, bool wait)
{
	struct ext2fs_mount *em = MPTOEM(mp);

	if (atomic_load(&em->em_readonly))
		return 0;
	return ext2fs_jnl_flush(em, wait);
}

static const char *const aliases[] = { "ext3", "ext2", "ext2fs", NULL };

static struct vfsops ext2fs_vfsops = {
	.vfs_name = "ext4",
	.vfs_aliases = aliases,
	.vfs_mount = ext2fs_mount,
	.vfs_remount = ext2fs_remount,
	.vfs_unmount = ext2fs_unmount,
	.vfs_root = ext2fs_root,
	.vfs_statfs = ext2fs_statfs,
	.vfs_sync = ext2fs_sync,
	.vfs_loadvnode = ext2fs_loadvnode,
	.vfs_handle = ext2fs_handle,
};

int
ext2fs_init(void)
{
	int error;

	(void)ext2fs_csum_init();
	ext2fs_inode_pool = pool_create("ext2fs inode",
	    sizeof(struct ext2fs_inode), 0);
	if (ext2fs_inode_pool == NULL)
		return ENOMEM;
	error = vfs_register(&ext2fs_vfsops);
	if (error != 0)
		pool_destroy(ext2fs_inode_pool);
	return error;
}
