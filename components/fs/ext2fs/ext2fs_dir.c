/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Directories as lists of blocks; those with an index go on to the htree.
 * v_lock of the directory is held, exclusively for changes.
 *
 * Reading a directory: one that is or may become indexed is read in the order
 * of its names' hashes, so that a block that splits meanwhile shows nothing
 * twice. A position is 0 for ".", 1 for "..", then for a name its hash (31
 * bits) and its crc (32 bits); or simply the offset where there is no index.
 */
#include <kern/sort.h>

#include "ext2fs.h"

static uint64_t
dir_blocks(const struct ext2fs_inode *dip)
{
	return i_size_get(dip) >> ITOM(dip)->em_bshift;
}

static int
dir_map(struct ext2fs_inode *dip, uint64_t lblk, uint64_t *pblkp)
{
	struct ext2fs_run r;
	int error;

	error = ext2fs_map(dip, lblk, &r);
	if (error != 0)
		return error;
	if (r.r_pblk == EXT2FS_NOBLOCK || r.r_unwritten)
		return ext2fs_corrupt(ITOM(dip), "directory %u: block %llu is "
		    "missing", I_INO(dip), (unsigned long long)lblk);
	*pblkp = r.r_pblk;
	return 0;
}

int
ext2fs_dir_bread(struct ext2fs_inode *dip, uint64_t lblk, uint64_t *pblkp,
    struct buf **bpp)
{
	uint64_t pblk = 0;
	int error;

	error = dir_map(dip, lblk, &pblk);
	if (error != 0)
		return error;
	if (pblkp != NULL)
		*pblkp = pblk;
	return ext2fs_bread(ITOM(dip), dip, pblk, EK_DIR,
	    ext2fs_dirblock_check, bpp);
}

/* Start reading blocks that come soon. */
static void
dir_ahead(struct ext2fs_inode *dip, uint64_t lblk)
{
	struct ext2fs_run r;
	uint64_t blks[16], n = dir_blocks(dip);
	int i;

	if (lblk % nitems(blks) != 0 || lblk + 1 >= n)
		return;
	for (i = 0; i < (int)nitems(blks) && lblk + (uint64_t)i < n; i++) {
		if (ext2fs_map(dip, lblk + (uint64_t)i, &r) != 0 ||
		    r.r_pblk == EXT2FS_NOBLOCK)
			break;
		blks[i] = r.r_pblk;
	}
	if (i > 1)
		breada(ITOM(dip)->em_dev, blks, i);
}

int
ext2fs_dir_grow(struct ext2fs_tx *tx, struct ext2fs_inode *dip,
    uint64_t *lblkp, uint64_t *pblkp)
{
	struct ext2fs_mount *em = tx->tx_mount;
	uint64_t lblk = dir_blocks(dip), pblk;
	struct buf *bp;
	int error;

	if (lblk >= UINT32_MAX / 2)
		return ENOSPC;
	error = ext2fs_map_block(tx, dip, lblk, &pblk);
	if (error != 0)
		return error;
	error = ext2fs_bnew(tx, dip, pblk, EK_DIR, &bp);
	if (error != 0)
		return error;
	ext2fs_dirblock_init(em, bp->b_data);
	ext2fs_dirblock_csum_set(dip, bp->b_data);
	ext2fs_bdirty(tx, bp);
	atomic_store_explicit(&dip->i_size, (lblk + 1) << em->em_bshift,
	    memory_order_relaxed);
	ext2fs_inode_dirty(dip);
	*lblkp = lblk;
	if (pblkp != NULL)
		*pblkp = pblk;
	return 0;
}

/* ---- Finding ---------------------------------------------------------- */

static int
find_in_block(struct ext2fs_inode *dip, uint64_t lblk, const char *name,
    size_t len, struct ext2fs_slot *slot)
{
	struct buf *bp;
	int error;

	error = ext2fs_dir_bread(dip, lblk, &slot->s_pblk, &bp);
	if (error != 0)
		return error;
	error = ENOENT;
	if (ext2fs_dirblock_find(ITOM(dip), bp->b_data, name, len,
	    &slot->s_off)) {
		slot->s_lblk = lblk;
		slot->s_ino = le32dec((uint8_t *)bp->b_data + slot->s_off);
		error = 0;
	}
	brelse(bp);
	return error;
}

static bool
is_dot(const char *name, size_t len)
{
	return name[0] == '.' && (len == 1 || (len == 2 && name[1] == '.'));
}

int
ext2fs_dir_lookup(struct ext2fs_inode *dip, const char *name, size_t len,
    struct ext2fs_slot *slot)
{
	uint64_t lblk, n = dir_blocks(dip);
	int error;

	if (is_dot(name, len))
		return find_in_block(dip, 0, name, len, slot);
	if ((dip->i_flags & EXT2_INDEX_FL) != 0 &&
	    (ITOM(dip)->em_compat & EXT2_COMPAT_DIR_INDEX) != 0)
		return ext2fs_htree_lookup(dip, name, len, slot);
	for (lblk = 0; lblk < n; lblk++) {
		dir_ahead(dip, lblk);
		error = find_in_block(dip, lblk, name, len, slot);
		if (error != ENOENT)
			return error;
	}
	return ENOENT;
}

/* ---- Changing --------------------------------------------------------- */

/* Try to put an entry into block lblk: ENOSPC if it has no room. */
static int
add_to_block(struct ext2fs_tx *tx, struct ext2fs_inode *dip, uint64_t lblk,
    const char *name, size_t len, uint32_t ino, uint8_t type)
{
	struct buf *bp;
	int error;

	error = ext2fs_dir_bread(dip, lblk, NULL, &bp);
	if (error != 0)
		return error;
	ext2fs_bwant(tx, bp);
	if (!ext2fs_dirblock_insert(tx->tx_mount, bp->b_data, name, len, ino,
	    type)) {
		brelse(bp);
		return ENOSPC;
	}
	ext2fs_dirblock_csum_set(dip, bp->b_data);
	ext2fs_bdirty(tx, bp);
	return 0;
}

/* Blocks before i_hint had no room when they were last looked at. */
static int
linear_add(struct ext2fs_tx *tx, struct ext2fs_inode *dip, const char *name,
    size_t len, uint32_t ino, uint8_t type)
{
	uint64_t lblk, n = dir_blocks(dip);
	int error;

	for (lblk = dip->i_hint; lblk < n; lblk++) {
		error = add_to_block(tx, dip, lblk, name, len, ino, type);
		if (error != ENOSPC) {
			dip->i_hint = (uint32_t)lblk;
			return error;
		}
	}
	if (n == 1 && (tx->tx_mount->em_compat & EXT2_COMPAT_DIR_INDEX) != 0) {
		error = ext2fs_htree_make(tx, dip);
		if (error != 0)
			return error;
		return ext2fs_htree_add(tx, dip, name, len, ino, type);
	}
	error = ext2fs_dir_grow(tx, dip, &lblk, NULL);
	if (error != 0)
		return error;
	dip->i_hint = (uint32_t)lblk;
	return add_to_block(tx, dip, lblk, name, len, ino, type);
}

int
ext2fs_dir_add(struct ext2fs_tx *tx, struct ext2fs_inode *dip,
    const char *name, size_t len, uint32_t ino, mode_t mode)
{
	struct ext2fs_mount *em = tx->tx_mount;
	uint8_t type = ext2fs_ft_of_mode(mode);
	uint64_t size = i_size_get(dip);
	int error, error2;

	if ((dip->i_flags & EXT2_INDEX_FL) != 0 &&
	    (em->em_compat & EXT2_COMPAT_DIR_INDEX) != 0) {
		error = ext2fs_htree_add(tx, dip, name, len, ino, type);
	} else {
		/* Without the feature an index is not kept up. */
		dip->i_flags &= ~EXT2_INDEX_FL;
		error = linear_add(tx, dip, name, len, ino, type);
	}
	if (error == 0)
		ext2fs_touch(dip);
	if (i_size_get(dip) != size) {
		error2 = ext2fs_inode_flush(tx, dip);
		if (error == 0)
			error = error2;
	}
	return error;
}

int
ext2fs_dir_remove(struct ext2fs_tx *tx, struct ext2fs_inode *dip,
    const char *name, size_t len, uint32_t ino)
{
	struct ext2fs_slot slot;
	struct buf *bp;
	int error;

	error = ext2fs_dir_lookup(dip, name, len, &slot);
	if (error != 0)
		return error;
	if (slot.s_ino != ino)
		return ENOENT;
	error = ext2fs_bread(tx->tx_mount, dip, slot.s_pblk, EK_DIR,
	    ext2fs_dirblock_check, &bp);
	if (error != 0)
		return error;
	ext2fs_bwant(tx, bp);
	ext2fs_dirblock_remove(tx->tx_mount, bp->b_data, slot.s_off);
	ext2fs_dirblock_csum_set(dip, bp->b_data);
	ext2fs_bdirty(tx, bp);
	dip->i_hint = (uint32_t)MIN(dip->i_hint, slot.s_lblk);
	ext2fs_touch(dip);
	return 0;
}

/* The block may be the root of an index ("..": another checksum). */
static void
any_csum_set(struct ext2fs_inode *dip, uint64_t lblk, uint8_t *data)
{
	if (lblk == 0 && (dip->i_flags & EXT2_INDEX_FL) != 0)
		ext2fs_dx_csum_set(dip, data, DX_ROOT_ENTRIES);
	else
		ext2fs_dirblock_csum_set(dip, data);
}

int
ext2fs_dir_replace(struct ext2fs_tx *tx, struct ext2fs_inode *dip,
    const char *name, size_t len, uint32_t ino, mode_t mode)
{
	struct ext2fs_slot slot;
	struct buf *bp;
	uint8_t *de;
	int error;

	error = ext2fs_dir_lookup(dip, name, len, &slot);
	if (error != 0)
		return error;
	error = ext2fs_bread(tx->tx_mount, dip, slot.s_pblk, EK_DIR,
	    ext2fs_dirblock_check, &bp);
	if (error != 0)
		return error;
	ext2fs_bwant(tx, bp);
	de = (uint8_t *)bp->b_data + slot.s_off;
	le32enc(de + DE_INODE, ino);
	if ((tx->tx_mount->em_incompat & EXT2_INCOMPAT_FILETYPE) != 0)
		de[DE_FILE_TYPE] = ext2fs_ft_of_mode(mode);
	any_csum_set(dip, slot.s_lblk, bp->b_data);
	ext2fs_bdirty(tx, bp);
	ext2fs_touch(dip);
	return 0;
}

int
ext2fs_dir_empty(struct ext2fs_inode *dip, bool *emptyp)
{
	struct ext2fs_mount *em = ITOM(dip);
	uint64_t lblk, n = dir_blocks(dip);
	uint32_t off;
	const uint8_t *de;
	struct buf *bp;
	int error;

	*emptyp = true;
	for (lblk = 0; lblk < n && *emptyp; lblk++) {
		dir_ahead(dip, lblk);
		error = ext2fs_dir_bread(dip, lblk, NULL, &bp);
		if (error != 0)
			return error;
		for (off = 0; off < ext2fs_dirblock_room(em);
		    off += ext2fs_dirblock_reclen(em, de)) {
			de = (uint8_t *)bp->b_data + off;
			if (le32dec(de + DE_INODE) != 0 &&
			    !is_dot((const char *)de + DE_NAME,
			    de[DE_NAME_LEN])) {
				*emptyp = false;
				break;
			}
		}
		brelse(bp);
	}
	return 0;
}

/* ---- Reading by offset ------------------------------------------------ */

static int
give(const struct ext2fs_mount *em, const uint8_t *de, uint64_t cookie,
    vop_filldir_t fn, void *arg)
{
	uint8_t ft = 0;

	if ((em->em_incompat & EXT2_INCOMPAT_FILETYPE) != 0)
		ft = de[DE_FILE_TYPE];
	return fn(arg, (const char *)de + DE_NAME, de[DE_NAME_LEN],
	    le32dec(de + DE_INODE), ext2fs_dtype_of_ft(ft), (off_t)cookie);
}

static int
dir_copy(struct ext2fs_inode *dip, uint64_t lblk, uint8_t *copy)
{
	struct buf *bp;
	int error;

	error = ext2fs_dir_bread(dip, lblk, NULL, &bp);
	if (error != 0)
		return error;
	memcpy(copy, bp->b_data, ITOM(dip)->em_bsize);
	brelse(bp);
	return 0;
}

/* The callback may sleep: it sees a copy. */
static int
readdir_linear(struct ext2fs_inode *dip, off_t *offp, vop_filldir_t fn,
    void *arg)
{
	struct ext2fs_mount *em = ITOM(dip);
	uint64_t pos = (uint64_t)*offp, base;
	uint32_t off, len, room = ext2fs_dirblock_room(em);
	const uint8_t *de;
	uint8_t *copy;
	int error = 0;

	if ((copy = kmem_alloc(em->em_bsize, 0)) == NULL)
		return ENOMEM;
	while (pos < i_size_get(dip)) {
		base = rounddown2(pos, (uint64_t)em->em_bsize);
		dir_ahead(dip, base >> em->em_bshift);
		error = dir_copy(dip, base >> em->em_bshift, copy);
		if (error != 0)
			break;
		for (off = 0; off < room; off += len) {
			de = copy + off;
			len = ext2fs_dirblock_reclen(em, de);
			if (base + off < pos || le32dec(de + DE_INODE) == 0)
				continue;
			if (give(em, de, base + off + len, fn, arg) != 0)
				goto out;
			pos = base + off + len;
			*offp = (off_t)pos;
		}
		pos = base + em->em_bsize;
		*offp = (off_t)pos;
	}
out:
	kmem_free(copy, em->em_bsize);
	return error;
}

/* ---- Reading by hash -------------------------------------------------- */

/** An entry of the leaves gathered. */
struct item {
	uint64_t it_pos;
	const uint8_t *it_de;
};

struct gather {
	uint8_t *ga_data;		/* copies of leaves */
	size_t ga_size;			/* bytes of them */
	struct item *ga_items;
	size_t ga_n, ga_alloc;
};

/* More leaves than this share one hash only on a damaged disk. */
#define GATHER_MAX	(1u << 20)

static int
gather_block(struct ext2fs_inode *dip, uint64_t lblk, struct gather *ga)
{
	size_t bsize = ITOM(dip)->em_bsize;
	uint8_t *p;
	int error;

	if (ga->ga_size + bsize > GATHER_MAX)
		return ext2fs_corrupt(ITOM(dip), "directory %u: endless "
		    "collisions", I_INO(dip));
	p = kmem_realloc(ga->ga_data, ga->ga_size, ga->ga_size + bsize, 0);
	if (p == NULL)
		return ENOMEM;
	ga->ga_data = p;
	error = dir_copy(dip, lblk, p + ga->ga_size);
	if (error != 0)
		memset(p + ga->ga_size, 0, bsize);
	ga->ga_size += bsize;
	return error;
}

static uint64_t
pos_of(uint32_t hash, const uint8_t *de)
{
	uint64_t pos = (uint64_t)(hash >> 1) << 32 |
	    ext2fs_crc32c(~0u, de + DE_NAME, de[DE_NAME_LEN]);

	return MAX(pos, (uint64_t)2);
}

static bool
item_less(const void *a, const void *b)
{
	const struct item *x = a, *y = b;

	return x->it_pos < y->it_pos;
}

/* The names of the leaves gathered that come at pos or later, in order. */
static int
gather_items(struct ext2fs_inode *dip, const struct ext2fs_hash *h,
    uint64_t pos, struct gather *ga)
{
	struct ext2fs_mount *em = ITOM(dip);
	uint32_t room = ext2fs_dirblock_room(em), off, hash;
	size_t max = ga->ga_size / DE_LEN(1), base;
	const uint8_t *de;
	uint64_t p;

	ga->ga_items = kmem_alloc(max * sizeof(*ga->ga_items), 0);
	if (ga->ga_items == NULL)
		return ENOMEM;
	ga->ga_alloc = max;
	for (base = 0; base < ga->ga_size; base += em->em_bsize) {
		for (off = 0; off < room;
		    off += ext2fs_dirblock_reclen(em, de)) {
			de = ga->ga_data + base + off;
			if (le32dec(de + DE_INODE) == 0 ||
			    is_dot((const char *)de + DE_NAME,
			    de[DE_NAME_LEN]) ||
			    !ext2fs_hash(h, (const char *)de + DE_NAME,
			    de[DE_NAME_LEN], &hash))
				continue;
			p = pos_of(hash, de);
			if (p >= pos)
				ga->ga_items[ga->ga_n++] =
				    (struct item){ p, de };
		}
	}
	sort(ga->ga_items, ga->ga_n, sizeof(ga->ga_items[0]), item_less);
	return 0;
}

static void
gather_fini(struct gather *ga)
{
	if (ga->ga_items != NULL)
		kmem_free(ga->ga_items, ga->ga_alloc * sizeof(*ga->ga_items));
	if (ga->ga_data != NULL)
		kmem_free(ga->ga_data, ga->ga_size);
	memset(ga, 0, sizeof(*ga));
}

/*
 * Gather the leaf that holds pos, with those that its last hash goes on in.
 * *nextp: the position that comes after them all; 0: it was the end.
 */
static int
gather_leaf(struct ext2fs_inode *dip, bool indexed, uint32_t levels,
    uint64_t pos, struct gather *ga, uint64_t *nextp)
{
	struct ext2fs_dxpath path;
	uint32_t hash;
	int error;

	*nextp = 0;
	if (!indexed)
		return gather_block(dip, 0, ga);
	hash = (uint32_t)(pos >> 32) << 1;
	error = ext2fs_htree_walk(dip, levels, hash, &path);
	if (error != 0)
		return error;
	for (;;) {
		error = gather_block(dip, path.p_leaf, ga);
		if (error != 0)
			return error;
		if (!path.p_more)
			return 0;
		if ((path.p_next & 1) == 0)
			break;
		error = ext2fs_htree_next(dip, &path);
		if (error != 0)
			return error;
	}
	*nextp = (uint64_t)(path.p_next >> 1) << 32;
	/* Keys that do not go up would be read for ever. */
	if (*nextp <= pos)
		return ext2fs_corrupt(ITOM(dip), "directory %u: index out of "
		    "order", I_INO(dip));
	return 0;
}

static int
readdir_dots(struct ext2fs_inode *dip, uint64_t *posp, off_t *offp,
    vop_filldir_t fn, void *arg, bool *stoppedp)
{
	static const char *const name[2] = { ".", ".." };
	struct ext2fs_slot slot;
	int error;

	*stoppedp = false;
	for (; *posp < 2; *offp = (off_t)++*posp) {
		error = find_in_block(dip, 0, name[*posp], *posp + 1, &slot);
		if (error == ENOENT)
			continue;
		if (error != 0)
			return error;
		if (fn(arg, name[*posp], *posp + 1, slot.s_ino,
		    ext2fs_dtype_of_ft(EXT2_FT_DIR), (off_t)*posp + 1) != 0) {
			*stoppedp = true;
			return 0;
		}
	}
	return 0;
}

static int
readdir_hashed(struct ext2fs_inode *dip, bool indexed,
    const struct ext2fs_hash *h, uint32_t levels, off_t *offp,
    vop_filldir_t fn, void *arg)
{
	struct ext2fs_mount *em = ITOM(dip);
	struct gather ga = { .ga_n = 0 };
	uint64_t pos = (uint64_t)*offp, next;
	bool stopped;
	size_t i;
	int error;

	error = readdir_dots(dip, &pos, offp, fn, arg, &stopped);
	if (error != 0 || stopped)
		return error;
	while (pos < INT64_MAX) {
		error = gather_leaf(dip, indexed, levels, pos, &ga, &next);
		if (error == 0)
			error = gather_items(dip, h, pos, &ga);
		for (i = 0; error == 0 && i < ga.ga_n; i++) {
			pos = ga.ga_items[i].it_pos + 1;
			if (give(em, ga.ga_items[i].it_de, pos, fn, arg) != 0)
				goto out;
			*offp = (off_t)pos;
		}
		if (error != 0)
			break;
		pos = next != 0 ? next : INT64_MAX;
		*offp = (off_t)pos;
		gather_fini(&ga);
	}
out:
	gather_fini(&ga);
	return error;
}

int
ext2fs_readdir(struct vnode *dvp, off_t *offp, vop_filldir_t fn, void *arg)
{
	struct ext2fs_inode *dip = VTOI(dvp);
	struct ext2fs_mount *em = ITOM(dip);
	struct ext2fs_hash h;
	uint32_t levels = 0, unused;
	bool indexed;
	int error;

	if (*offp < 0)
		return EINVAL;
	indexed = (dip->i_flags & EXT2_INDEX_FL) != 0;
	if ((em->em_compat & EXT2_COMPAT_DIR_INDEX) == 0 ||
	    (!indexed && dir_blocks(dip) != 1))
		return readdir_linear(dip, offp, fn, arg);
	h.h_version = em->em_hash_version +
	    (em->em_hash_unsigned ? DX_HASH_LEGACY_U : 0);
	h.h_seed = em->em_hash_seed;
	if (indexed && (error = ext2fs_htree_open(dip, &h, &levels)) != 0)
		return error;
	if (!ext2fs_hash(&h, "x", 1, &unused))
		return readdir_linear(dip, offp, fn, arg);
	return readdir_hashed(dip, indexed, &h, levels, offp, fn, arg);
}
