/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Inodes: between the inode table and memory.
 */
#include "ext2fs.h"

struct pool *ext2fs_inode_pool;

static struct lock_class map_class = LOCK_CLASS("ext2fs map", LC_NESTS);
static struct lock_class ec_class = LOCK_CLASS("ext2fs extent", 0);

/* ---- The inode table -------------------------------------------------- */

int
ext2fs_inode_where(const struct ext2fs_mount *em, uint32_t ino,
    uint64_t *blkp, uint32_t *offp)
{
	uint32_t g, i;

	if (ino == 0 || ino > em->em_inodes)
		return EINVAL;
	g = (ino - 1) / em->em_ipg;
	i = (ino - 1) % em->em_ipg;
	*blkp = em->em_groups[g].g_itable +
	    ((uint64_t)i * em->em_isize >> em->em_bshift);
	*offp = i * em->em_isize & (em->em_bsize - 1);
	return 0;
}

static uint32_t
inode_seed(const struct ext2fs_mount *em, uint32_t ino, uint32_t gen)
{
	uint8_t le[8];

	le32enc(le, ino);
	le32enc(le + 4, gen);
	return ext2fs_crc32c(em->em_seed, le, sizeof(le));
}

/* Does the raw inode have the upper half of the checksum? */
static bool
csum_hi(const struct ext2fs_mount *em, const uint8_t *di)
{
	return em->em_isize > DI_SIZE128 &&
	    le16dec(di + DI_EXTRA_ISIZE) >= DI_CHECKSUM_HI + 2 - DI_SIZE128;
}

static uint32_t
inode_csum(const struct ext2fs_mount *em, uint32_t ino, const uint8_t *di)
{
	static const uint8_t zero[2];
	uint32_t crc;
	bool hi = csum_hi(em, di);

	crc = inode_seed(em, ino, le32dec(di + DI_GENERATION));
	crc = ext2fs_crc32c(crc, di, DI_CHECKSUM_LO);
	crc = ext2fs_crc32c(crc, zero, 2);
	crc = ext2fs_crc32c(crc, di + DI_CHECKSUM_LO + 2,
	    DI_SIZE128 - DI_CHECKSUM_LO - 2);
	if (em->em_isize == DI_SIZE128)
		return crc & 0xffff;
	crc = ext2fs_crc32c(crc, di + DI_SIZE128, 2);
	if (hi)
		crc = ext2fs_crc32c(crc, zero, 2);
	else
		crc = ext2fs_crc32c(crc, di + DI_CHECKSUM_HI, 2);
	crc = ext2fs_crc32c(crc, di + DI_CHECKSUM_HI + 2,
	    em->em_isize - DI_CHECKSUM_HI - 2);
	return hi ? crc : crc & 0xffff;
}

bool
ext2fs_inode_csum_ok(const struct ext2fs_mount *em, uint32_t ino,
    const uint8_t *di)
{
	uint32_t have = le16dec(di + DI_CHECKSUM_LO);

	if (!em->em_metacsum)
		return true;
	if (csum_hi(em, di))
		have |= (uint32_t)le16dec(di + DI_CHECKSUM_HI) << 16;
	return have == inode_csum(em, ino, di);
}

void
ext2fs_inode_csum_set(const struct ext2fs_mount *em, uint32_t ino, uint8_t *di)
{
	uint32_t crc;

	if (!em->em_metacsum)
		return;
	crc = inode_csum(em, ino, di);
	le16enc(di + DI_CHECKSUM_LO, (uint16_t)crc);
	if (csum_hi(em, di))
		le16enc(di + DI_CHECKSUM_HI, (uint16_t)(crc >> 16));
}

/* ---- Reading ---------------------------------------------------------- */

static int
inode_bad(struct ext2fs_mount *em, uint32_t ino, const char *what)
{
	return ext2fs_corrupt(em, "inode %u: %s", ino, what);
}

/* A raw inode's fields; what they point to is checked afterwards. */
static int
inode_decode(struct ext2fs_mount *em, struct ext2fs_inode *ip, uint32_t ino,
    const uint8_t *di)
{
	uint64_t blocks, size;
	uint32_t extra = 0;

	if (em->em_isize > DI_SIZE128) {
		extra = le16dec(di + DI_EXTRA_ISIZE);
		if (extra > em->em_isize - DI_SIZE128 || extra % 4 != 0)
			return inode_bad(em, ino, "extra size");
	}
	if (!ext2fs_inode_csum_ok(em, ino, di))
		return inode_bad(em, ino, "wrong checksum");
	ip->i_extra = (uint8_t)(extra / 4);
	ip->i_flags = le32dec(di + DI_FLAGS);
	ip->i_links = le16dec(di + DI_LINKS);
	ip->i_gen = le32dec(di + DI_GENERATION);
	ip->i_seed = em->em_metacsum ? inode_seed(em, ino, ip->i_gen) : 0;
	memcpy(ip->i_block, di + DI_BLOCK, EXT2_BLOCK_BYTES);
	size = le32dec(di + DI_SIZE_LO);
	if (vtype_of_mode(le16dec(di + DI_MODE)) == VREG)
		size |= (uint64_t)le32dec(di + DI_SIZE_HI) << 32;
	atomic_init(&ip->i_size, size);
	blocks = le32dec(di + DI_BLOCKS_LO);
	if ((em->em_ro_compat & EXT2_RO_HUGE_FILE) != 0)
		blocks |= (uint64_t)le16dec(di + DI_BLOCKS_HI) << 32;
	if ((ip->i_flags & EXT2_HUGE_FILE_FL) != 0)
		blocks <<= em->em_bshift - 9;
	atomic_init(&ip->i_blocks, blocks);
	ip->i_xablock = le32dec(di + DI_FILE_ACL_LO);
	if ((em->em_incompat & EXT2_INCOMPAT_64BIT) != 0)
		ip->i_xablock |= (uint64_t)le16dec(di + DI_FILE_ACL_HI) << 32;
	ext2fs_times_decode(ip, di);
	return 0;
}

/* Is what the inode says about its contents possible? */
static int
inode_check(struct ext2fs_mount *em, struct ext2fs_inode *ip, uint32_t ino,
    enum vtype type)
{
	uint64_t size = i_size_get(ip);

	if ((ip->i_flags & (EXT2_ENCRYPT_FL | EXT2_VERITY_FL |
	    EXT2_EA_INODE_FL | EXT2_INLINE_DATA_FL | EXT2_CASEFOLD_FL)) != 0)
		return inode_bad(em, ino, "flags of absent features");
	if (i_has_extents(ip) &&
	    (em->em_incompat & EXT2_INCOMPAT_EXTENTS) == 0)
		return inode_bad(em, ino, "extents without the feature");
	if (ip->i_xablock != 0 && ext2fs_block_bad(em, ip->i_xablock, 1))
		return inode_bad(em, ino, "block of attributes");
	switch (type) {
	case VREG:
		if (size > ext2fs_maxsize(ip))
			return inode_bad(em, ino, "size");
		break;
	case VDIR:
		if (size == 0 || (size & (em->em_bsize - 1)) != 0 ||
		    size >> em->em_bshift > UINT32_MAX / 2)
			return inode_bad(em, ino, "size of a directory");
		break;
	case VLNK:
		if (size == 0 || size >= em->em_bsize || size >= PAGE_SIZE)
			return inode_bad(em, ino, "size of a symbolic link");
		if (ext2fs_fast_symlink(ip))
			return 0;
		break;
	case VCHR: case VBLK: case VFIFO: case VSOCK:
		return 0;
	default:
		return inode_bad(em, ino, "unknown type");
	}
	if (i_has_extents(ip))
		return ext2fs_extent_check_node(em, ino, ip->i_block,
		    EXT2_BLOCK_BYTES);
	return 0;
}

static dev_t
decode_rdev(const struct ext2fs_inode *ip)
{
	uint32_t v = le32dec(ip->i_block);

	if (v != 0)	/* 8 bits each */
		return makedev(v >> 8 & 0xff, v & 0xff);
	v = le32dec(ip->i_block + 4);
	return makedev((v & 0xfff00) >> 8, (v & 0xff) | (v >> 12 & 0xfff00));
}

static void
encode_rdev(struct ext2fs_inode *ip, dev_t dev)
{
	uint32_t maj = dev_major(dev), min = dev_minor(dev);

	if (maj < 256 && min < 256)
		le32enc(ip->i_block, maj << 8 | min);
	else
		le32enc(ip->i_block + 4,
		    (min & 0xff) | maj << 8 | (min & ~0xffu) << 12);
}

static void
inode_init(struct ext2fs_inode *ip, struct vnode *vp)
{
	ip->i_vnode = vp;
	list_node_init(&ip->i_dirtylink);
	rw_init(&ip->i_map_lock, &map_class);
	spin_init(&ip->i_ec_lock, &ec_class);
}

/* ip becomes vp's inode. */
static void
inode_attach(struct ext2fs_inode *ip, struct vnode *vp, mode_t mode,
    uid_t uid, gid_t gid, dev_t rdev)
{
	enum vtype type = vtype_of_mode(mode);

	vnode_setup(vp, &ext2fs_vnodeops, type, ip);
	atomic_store_explicit(&vp->v_mode, mode & 07777, memory_order_relaxed);
	atomic_store_explicit(&vp->v_uid, uid, memory_order_relaxed);
	atomic_store_explicit(&vp->v_gid, gid, memory_order_relaxed);
	vp->v_rdev = rdev;
	if (type == VREG)
		pagecache_init(&vp->v_pages, vp, &ext2fs_pagecache_ops);
}

static int
load(struct ext2fs_mount *em, struct vnode *vp, struct ext2fs_inode *ip)
{
	uint32_t ino = (uint32_t)vp->v_ino, off, uid, gid;
	const uint8_t *di;
	struct buf *bp;
	uint64_t blk;
	mode_t mode;
	int error;

	if (vp->v_ino > em->em_inodes ||
	    (ino < em->em_first_ino && ino != EXT2_ROOT_INO) ||
	    ext2fs_inode_where(em, ino, &blk, &off) != 0)
		return ext2fs_corrupt(em, "inode %llu: number is out of range",
		    (unsigned long long)vp->v_ino);
	error = ext2fs_bread(em, NULL, blk, EK_SYSTEM, NULL, &bp);
	if (error != 0)
		return error;
	di = (const uint8_t *)bp->b_data + off;
	mode = le16dec(di + DI_MODE);
	uid = le16dec(di + DI_UID_LO) | (uint32_t)le16dec(di + DI_UID_HI) << 16;
	gid = le16dec(di + DI_GID_LO) | (uint32_t)le16dec(di + DI_GID_HI) << 16;
	error = inode_decode(em, ip, ino, di);
	brelse(bp);
	if (error == 0 && ip->i_links == 0 && (mode == 0 || !em->em_orphaned))
		return ENOENT;
	/* A number that is given out must not belong to a live vnode. */
	if (error == 0 && !ext2fs_inode_in_use(em, ino)) {
		(void)inode_bad(em, ino, "in use, but free in the bitmap");
		if (!mount_rdonly(vp->v_mount))
			return EUCLEAN;
	}
	if (error == 0)
		error = inode_check(em, ip, ino, vtype_of_mode(mode));
	if (error == 0)
		inode_attach(ip, vp, mode, uid, gid, decode_rdev(ip));
	return error;
}

int
ext2fs_loadvnode(struct mount *mp, struct vnode *vp)
{
	struct ext2fs_inode *ip;
	int error;

	ip = pool_get(ext2fs_inode_pool, KM_ZERO);
	if (ip == NULL)
		return ENOMEM;
	inode_init(ip, vp);
	error = load(MPTOEM(mp), vp, ip);
	if (error != 0) {
		spin_fini(&ip->i_ec_lock);
		rw_fini(&ip->i_map_lock);
		pool_put(ext2fs_inode_pool, ip);
	}
	return error;
}

int
ext2fs_handle(struct mount *mp, ino_t ino)
{
	struct ext2fs_mount *em = MPTOEM(mp);

	if (ino > em->em_inodes ||
	    (ino < em->em_first_ino && ino != EXT2_ROOT_INO) ||
	    !ext2fs_inode_in_use(em, (uint32_t)ino))
		return ESTALE;
	return 0;
}

int
ext2fs_inode_open(struct ext2fs_mount *em, uint32_t ino,
    struct ext2fs_inode **ipp)
{
	struct ext2fs_inode *ip;
	struct vnode *vp;
	struct buf *bp;
	uint64_t blk;
	uint32_t off;
	const uint8_t *di;
	enum vtype type = VNON;
	int error;

	if (ext2fs_inode_where(em, ino, &blk, &off) != 0)
		return ext2fs_corrupt(em, "inode %u: number is out of range",
		    ino);
	vp = kmem_zalloc(sizeof(*vp), 0);
	ip = pool_get(ext2fs_inode_pool, KM_ZERO);
	if (vp == NULL || ip == NULL) {
		if (vp != NULL)
			kmem_free(vp, sizeof(*vp));
		if (ip != NULL)
			pool_put(ext2fs_inode_pool, ip);
		return ENOMEM;
	}
	vp->v_mount = em->em_mount;
	vp->v_ino = ino;
	vp->v_type = VREG;
	inode_init(ip, vp);
	error = ext2fs_bread(em, NULL, blk, EK_SYSTEM, NULL, &bp);
	if (error == 0) {
		di = (const uint8_t *)bp->b_data + off;
		type = vtype_of_mode(le16dec(di + DI_MODE));
		error = inode_decode(em, ip, ino, di);
		brelse(bp);
	}
	if (error == 0)
		error = type != VREG ? inode_bad(em, ino, "no regular file") :
		    inode_check(em, ip, ino, VREG);
	if (error != 0) {
		ext2fs_inode_close(ip);
		return error;
	}
	*ipp = ip;
	return 0;
}

void
ext2fs_inode_close(struct ext2fs_inode *ip)
{
	struct vnode *vp = ip->i_vnode;

	spin_fini(&ip->i_ec_lock);
	rw_fini(&ip->i_map_lock);
	pool_put(ext2fs_inode_pool, ip);
	kmem_free(vp, sizeof(*vp));
}

/* ---- New inodes ------------------------------------------------------- */

int
ext2fs_newvnode(struct vnode *vp, void *arg)
{
	const struct vattr *va = arg;
	struct ext2fs_mount *em = MPTOEM(vp->v_mount);
	struct ext2fs_inode *ip;
	uint64_t now;

	ip = pool_get(ext2fs_inode_pool, KM_ZERO);
	if (ip == NULL)
		return ENOMEM;
	inode_init(ip, vp);
	ip->i_extra = (uint8_t)(em->em_want_extra / 4);
	ip->i_links = 1;
	atomic_init(&ip->i_state, IS_NEW);
	ip->i_gen = atomic_fetch_add(&em->em_gen, 0x9e3779b9u);
	ip->i_seed = em->em_metacsum ?
	    inode_seed(em, (uint32_t)vp->v_ino, ip->i_gen) : 0;
	now = ext2fs_time_now(ip);
	atomic_init(&ip->i_atime, now);
	atomic_init(&ip->i_mtime, now);
	atomic_init(&ip->i_ctime, now);
	ip->i_crtime = now;
	if (va->va_type == VCHR || va->va_type == VBLK) {
		encode_rdev(ip, va->va_rdev);
	} else if ((em->em_incompat & EXT2_INCOMPAT_EXTENTS) != 0 &&
	    (va->va_type == VREG || va->va_type == VDIR)) {
		ip->i_flags |= EXT2_EXTENTS_FL;
		ext2fs_extent_init(ip->i_block);
	}
	inode_attach(ip, vp, (va->va_mode & 07777) |
	    mode_of_vtype(va->va_type), va->va_uid, va->va_gid, va->va_rdev);
	return 0;
}

/* ---- Writing ---------------------------------------------------------- */

void
ext2fs_inode_dirty(struct ext2fs_inode *ip)
{
	struct ext2fs_mount *em;

	if ((atomic_load_explicit(&ip->i_state, memory_order_acquire) &
	    (IS_DIRTY | IS_DEAD)) != 0)
		return;
	em = ITOM(ip);
	mutex_enter(&em->em_lock);
	if ((atomic_fetch_or(&ip->i_state, IS_DIRTY) & IS_DIRTY) == 0)
		list_insert_tail(&em->em_dirty, &ip->i_dirtylink);
	mutex_exit(&em->em_lock);
}

static void
inode_clean(struct ext2fs_mount *em, struct ext2fs_inode *ip)
{
	mutex_enter(&em->em_lock);
	if ((atomic_fetch_and(&ip->i_state, (uint8_t)~IS_DIRTY) & IS_DIRTY) != 0)
		list_remove(&ip->i_dirtylink);
	mutex_exit(&em->em_lock);
}

static void
encode_blocks(const struct ext2fs_mount *em, struct ext2fs_inode *ip,
    uint8_t *di)
{
	uint64_t blocks = atomic_load_explicit(&ip->i_blocks,
	    memory_order_relaxed);
	uint32_t flags = ip->i_flags & ~EXT2_HUGE_FILE_FL;

	if (blocks >> 48 != 0) {
		flags |= EXT2_HUGE_FILE_FL;
		blocks >>= em->em_bshift - 9;
	}
	le32enc(di + DI_FLAGS, flags);
	le32enc(di + DI_BLOCKS_LO, (uint32_t)blocks);
	if ((em->em_ro_compat & EXT2_RO_HUGE_FILE) != 0)
		le16enc(di + DI_BLOCKS_HI, (uint16_t)(blocks >> 32));
}

/* i_map_lock held. What is not known here keeps its value on the disk. */
static void
inode_encode(const struct ext2fs_mount *em, struct ext2fs_inode *ip,
    uint8_t *di)
{
	struct vnode *vp = ip->i_vnode;
	uint32_t uid = atomic_load_explicit(&vp->v_uid, memory_order_relaxed);
	uint32_t gid = atomic_load_explicit(&vp->v_gid, memory_order_relaxed);
	uint64_t size = i_size_get(ip);

	le16enc(di + DI_MODE, (uint16_t)(mode_of_vtype(vp->v_type) |
	    atomic_load_explicit(&vp->v_mode, memory_order_relaxed)));
	le16enc(di + DI_UID_LO, (uint16_t)uid);
	le16enc(di + DI_UID_HI, (uint16_t)(uid >> 16));
	le16enc(di + DI_GID_LO, (uint16_t)gid);
	le16enc(di + DI_GID_HI, (uint16_t)(gid >> 16));
	le16enc(di + DI_LINKS, ip->i_links);
	le32enc(di + DI_SIZE_LO, (uint32_t)size);
	le32enc(di + DI_SIZE_HI, (uint32_t)(size >> 32));
	le32enc(di + DI_GENERATION, ip->i_gen);
	le32enc(di + DI_FILE_ACL_LO, (uint32_t)ip->i_xablock);
	if ((em->em_incompat & EXT2_INCOMPAT_64BIT) != 0)
		le16enc(di + DI_FILE_ACL_HI, (uint16_t)(ip->i_xablock >> 32));
	memcpy(di + DI_BLOCK, ip->i_block, EXT2_BLOCK_BYTES);
	if (em->em_isize > DI_SIZE128)
		le16enc(di + DI_EXTRA_ISIZE, ip->i_extra * 4);
	ext2fs_times_encode(ip, di);
	encode_blocks(em, ip, di);
	ext2fs_inode_csum_set(em, (uint32_t)vp->v_ino, di);
}

int
ext2fs_inode_flush(struct ext2fs_tx *tx, struct ext2fs_inode *ip)
{
	struct ext2fs_mount *em = tx->tx_mount;
	struct buf *bp;
	uint64_t blk;
	uint32_t off;
	int error;

	if ((atomic_load_explicit(&ip->i_state, memory_order_acquire) &
	    (IS_DIRTY | IS_DEAD)) != IS_DIRTY)
		return 0;
	error = ext2fs_inode_where(em, I_INO(ip), &blk, &off);
	KASSERT(error == 0);
	rw_enter(&ip->i_map_lock, RW_READER);
	error = ext2fs_bread(em, NULL, blk, EK_SYSTEM, NULL, &bp);
	if (error == 0) {
		/* What gets dirty from here on is put on the list again. */
		inode_clean(em, ip);
		ext2fs_bwant(tx, bp);
		if ((atomic_fetch_and(&ip->i_state, (uint8_t)~IS_NEW) &
		    IS_NEW) != 0)
			memset((uint8_t *)bp->b_data + off, 0, em->em_isize);
		inode_encode(em, ip, (uint8_t *)bp->b_data + off);
		ext2fs_bdirty(tx, bp);
	}
	rw_exit(&ip->i_map_lock);
	return error;
}

/* Numbers of some inodes that are dirty, from the head of the list. */
static unsigned
dirty_inodes(struct ext2fs_mount *em, ino_t *inos, unsigned max)
{
	struct list *n;
	unsigned i = 0;

	mutex_enter(&em->em_lock);
	for (; i < max && !list_empty(&em->em_dirty); i++) {
		n = em->em_dirty.l_next;
		inos[i] = container_of(n, struct ext2fs_inode,
		    i_dirtylink)->i_vnode->v_ino;
		/* If it stays dirty, the others come first. */
		list_remove(n);
		list_insert_tail(&em->em_dirty, n);
		if (i > 0 && inos[i] == inos[0])
			break;
	}
	mutex_exit(&em->em_lock);
	return i;
}

static size_t
count_dirty(struct ext2fs_mount *em)
{
	struct list *n;
	size_t count = 0;

	mutex_enter(&em->em_lock);
	LIST_FOREACH(n, &em->em_dirty)
		count++;
	mutex_exit(&em->em_lock);
	return count;
}

int
ext2fs_inodes_flush(struct ext2fs_mount *em)
{
	ino_t inos[32];
	struct ext2fs_tx tx;
	struct vnode *vp;
	size_t left = count_dirty(em);
	unsigned i, n;
	int error, first = 0;

	while (left > 0 && (n = dirty_inodes(em, inos,
	    (unsigned)MIN(left, nitems(inos)))) > 0) {
		left -= MIN(left, n);
		for (i = 0; i < n; i++) {
			error = vcache_get(em->em_mount, inos[i], &vp);
			if (error != 0)	/* it was freed meanwhile */
				continue;
			vnode_lock(vp, RW_READER);
			ext2fs_tx_begin_nofail(em, &tx);
			if (vp->v_data != NULL)
				error = ext2fs_inode_flush(&tx, VTOI(vp));
			ext2fs_tx_end(&tx);
			vnode_unlock(vp);
			vnode_rele(vp);
			if (first == 0)
				first = error;
		}
	}
	return first;
}

/* ---- The end of a vnode, and of a file -------------------------------- */

/* No links, nobody has it open: free everything. v_lock X. */
static void
inode_free(struct ext2fs_mount *em, struct ext2fs_inode *ip)
{
	struct vnode *vp = ip->i_vnode;
	struct ext2fs_tx tx;
	bool dir = vp->v_type == VDIR;
	uint64_t old = i_size_get(ip);

	if (ext2fs_tx_begin(em, &tx) != 0)
		return;
	if (vp->v_type == VREG) {
		pagecache_truncate(&vp->v_pages, old, 0);
		(void)ext2fs_setsize(&tx, ip, 0);
	} else if (dir || (vp->v_type == VLNK && !ext2fs_fast_symlink(ip))) {
		rw_enter(&ip->i_map_lock, RW_WRITER);
		(void)ext2fs_map_free(&tx, ip, 0, EXT2FS_MAX_LBLK);
		rw_exit(&ip->i_map_lock);
	}
	ext2fs_xattr_free(&tx, ip);
	ext2fs_orphan_remove(&tx, ip);
	/* Nothing of it is written any more but by ifree. */
	inode_clean(em, ip);
	atomic_fetch_or(&ip->i_state, IS_DEAD);
	ext2fs_ifree(&tx, em, I_INO(ip), dir);
	ext2fs_tx_end(&tx);
}

void
ext2fs_inactive(struct vnode *vp, bool *freep)
{
	struct ext2fs_inode *ip = VTOI(vp);
	struct ext2fs_mount *em = ITOM(ip);
	struct ext2fs_tx tx;

	if (ip->i_links == 0) {
		if ((atomic_load(&ip->i_state) & IS_DEAD) == 0)
			inode_free(em, ip);
		*freep = true;
		return;
	}
	if ((atomic_load_explicit(&ip->i_state, memory_order_relaxed) &
	    IS_DIRTY) != 0 && !atomic_load(&em->em_readonly)) {
		ext2fs_tx_begin_nofail(em, &tx);
		(void)ext2fs_inode_flush(&tx, ip);
		ext2fs_tx_end(&tx);
	}
}

void
ext2fs_reclaim(struct vnode *vp)
{
	struct ext2fs_inode *ip = VTOI(vp);
	struct ext2fs_mount *em = ITOM(ip);
	struct ext2fs_tx tx;

	if ((atomic_load(&ip->i_state) & IS_DIRTY) != 0 &&
	    !atomic_load(&em->em_readonly)) {
		ext2fs_tx_begin_nofail(em, &tx);
		if (ext2fs_inode_flush(&tx, ip) != 0)
			klog(LOG_ERR, "ext2fs: %s: inode %u could not be "
			    "written", em->em_name, I_INO(ip));
		ext2fs_tx_end(&tx);
	}
	inode_clean(em, ip);
	if (vp->v_type == VREG && ip->i_reserved != 0)
		ext2fs_unreserve(em, ip->i_reserved);
	if (ip->i_orphan != NULL) {
		mutex_enter(&em->em_orphan_lock);
		list_remove(&ip->i_orphan->o_link);
		mutex_exit(&em->em_orphan_lock);
		kmem_free(ip->i_orphan, sizeof(*ip->i_orphan));
	}
	spin_fini(&ip->i_ec_lock);
	rw_fini(&ip->i_map_lock);
	pool_put(ext2fs_inode_pool, ip);
}
