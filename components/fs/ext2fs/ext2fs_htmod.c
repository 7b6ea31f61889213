/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Indexed directories: adding names. A full leaf is split by the hashes of its
 * names, for which its index block must have room; a full index block is
 * split, or the root gets a level more. After each such step the way is looked
 * up anew. v_lock X.
 */
#include <kern/sort.h>

#include "ext2fs.h"

/** A name of a leaf that is split. */
struct item {
	uint32_t it_hash;
	uint16_t it_off, it_len;
};

static bool
item_less(const void *a, const void *b)
{
	const struct item *x = a, *y = b;

	return x->it_hash < y->it_hash;
}

/* The names of a leaf, in the order of their hashes. */
static uint32_t
collect(struct ext2fs_mount *em, const struct ext2fs_hash *h,
    const uint8_t *data, struct item *items, uint32_t start)
{
	uint32_t room = ext2fs_dirblock_room(em), off, n = 0;
	const uint8_t *de;

	for (off = start; off < room; off += ext2fs_dirblock_reclen(em, de)) {
		de = data + off;
		if (le32dec(de + DE_INODE) == 0)
			continue;
		if (!ext2fs_hash(h, (const char *)de + DE_NAME,
		    de[DE_NAME_LEN], &items[n].it_hash))
			continue;
		items[n].it_off = (uint16_t)off;
		items[n].it_len = (uint16_t)DE_LEN((uint32_t)de[DE_NAME_LEN]);
		n++;
	}
	sort(items, n, sizeof(items[0]), item_less);
	return n;
}

/* Make a leaf of some names of data. */
static void
build(struct ext2fs_mount *em, const uint8_t *data, const struct item *items,
    uint32_t n, uint8_t *out)
{
	uint32_t at = 0, i;

	ext2fs_dirblock_init(em, out);
	for (i = 0; i < n; i++) {
		memcpy(out + at, data + items[i].it_off, items[i].it_len);
		ext2fs_dirblock_set_reclen(em, out + at, i + 1 < n ?
		    items[i].it_len : ext2fs_dirblock_room(em) - at);
		at += items[i].it_len;
	}
}

/* How many names stay: about half of the bytes. */
static uint32_t
split_at(const struct ext2fs_mount *em, const struct item *items, uint32_t n)
{
	uint32_t size = 0, i;

	for (i = n; i > 1; i--) {
		if (size + items[i - 1].it_len / 2 > em->em_bsize / 2)
			break;
		size += items[i - 1].it_len;
	}
	return i;
}

/* Overwrite a leaf. */
static int
leaf_write(struct ext2fs_tx *tx, struct ext2fs_inode *dip, uint64_t lblk,
    const uint8_t *data)
{
	struct buf *bp;
	int error;

	error = ext2fs_dir_bread(dip, lblk, NULL, &bp);
	if (error != 0)
		return error;
	ext2fs_bwant(tx, bp);
	memcpy(bp->b_data, data, tx->tx_mount->em_bsize);
	ext2fs_dirblock_csum_set(dip, bp->b_data);
	ext2fs_bdirty(tx, bp);
	return 0;
}

/* Put an entry behind entry at of an index block, which has room. */
static int
index_insert(struct ext2fs_tx *tx, struct ext2fs_inode *dip, uint64_t lblk,
    uint32_t at, uint32_t hash, uint64_t child)
{
	uint32_t entries, count;
	struct buf *bp;
	uint8_t *e;
	int error;

	error = ext2fs_htree_bread(dip, lblk, &bp, &entries);
	if (error != 0)
		return error;
	e = (uint8_t *)bp->b_data + entries;
	count = le16dec(e + 2);
	if (at >= count || count >= le16dec(e)) {
		brelse(bp);
		return ext2fs_corrupt(tx->tx_mount, "directory %u: index "
		    "changed", I_INO(dip));
	}
	ext2fs_bwant(tx, bp);
	memmove(e + (at + 2) * DX_ENTRY_SIZE, e + (at + 1) * DX_ENTRY_SIZE,
	    (count - at - 1) * DX_ENTRY_SIZE);
	le32enc(e + (at + 1) * DX_ENTRY_SIZE, hash);
	le32enc(e + (at + 1) * DX_ENTRY_SIZE + 4, (uint32_t)child);
	le16enc(e + 2, (uint16_t)(count + 1));
	ext2fs_dx_csum_set(dip, bp->b_data, entries);
	ext2fs_bdirty(tx, bp);
	return 0;
}

static int
leaf_copy(struct ext2fs_inode *dip, uint64_t lblk, uint8_t *copy)
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

/* The upper half of a leaf's hashes moves to a new leaf. */
static int
leaf_split(struct ext2fs_tx *tx, struct ext2fs_inode *dip,
    const struct ext2fs_hash *h, const struct ext2fs_dxpath *path)
{
	struct ext2fs_mount *em = tx->tx_mount;
	size_t size = em->em_bsize, isize;
	uint32_t n, keep, key;
	struct item *items;
	uint64_t lblk;
	uint8_t *copy, *out;
	int error;

	isize = size / DE_LEN(1) * sizeof(*items);
	copy = kmem_alloc(2 * size + isize, 0);
	if (copy == NULL)
		return ENOMEM;
	out = copy + size;
	items = (struct item *)(void *)(out + size);
	error = leaf_copy(dip, path->p_leaf, copy);
	if (error != 0)
		goto out;
	n = collect(em, h, copy, items, 0);
	if (n < 2) {
		error = ext2fs_corrupt(em, "directory %u: a leaf cannot be "
		    "split", I_INO(dip));
		goto out;
	}
	keep = split_at(em, items, n);
	if (keep == n)
		keep = n - 1;
	key = items[keep].it_hash;
	if (key == items[keep - 1].it_hash)
		key |= 1;
	error = ext2fs_dir_grow(tx, dip, &lblk, NULL);
	if (error != 0)
		goto out;
	build(em, copy, items + keep, n - keep, out);
	if ((error = leaf_write(tx, dip, lblk, out)) != 0)
		goto out;
	error = index_insert(tx, dip, path->p_lblk[path->p_levels],
	    path->p_at[path->p_levels], key, lblk);
	if (error != 0)
		goto out;
	build(em, copy, items, keep, out);
	error = leaf_write(tx, dip, path->p_leaf, out);
out:
	kmem_free(copy, 2 * size + isize);
	return error;
}

/* ---- Index blocks ----------------------------------------------------- */

/* Has the index block of a level room for one more? */
static int
index_room(struct ext2fs_inode *dip, const struct ext2fs_dxpath *path,
    uint32_t level, bool *roomp)
{
	uint32_t entries;
	const uint8_t *e;
	struct buf *bp;
	int error;

	error = ext2fs_htree_bread(dip, path->p_lblk[level], &bp, &entries);
	if (error != 0)
		return error;
	e = (const uint8_t *)bp->b_data + entries;
	*roomp = le16dec(e + 2) < le16dec(e);
	brelse(bp);
	return 0;
}

/* Write n entries as a new index block at the directory's end. */
static int
index_make(struct ext2fs_tx *tx, struct ext2fs_inode *dip, const uint8_t *from,
    uint32_t n, uint64_t *lblkp)
{
	struct ext2fs_mount *em = tx->tx_mount;
	struct buf *bp;
	uint64_t pblk;
	uint8_t *data, *e;
	int error;

	error = ext2fs_dir_grow(tx, dip, lblkp, &pblk);
	if (error != 0)
		return error;
	error = ext2fs_bnew(tx, dip, pblk, EK_DXNODE, &bp);
	if (error != 0)
		return error;
	data = bp->b_data;
	ext2fs_dirblock_set_reclen(em, data, em->em_bsize);
	e = data + DX_NODE_ENTRIES;
	memcpy(e, from, n * DX_ENTRY_SIZE);
	le16enc(e, (uint16_t)ext2fs_dx_limit(em, DX_NODE_ENTRIES));
	le16enc(e + 2, (uint16_t)n);
	ext2fs_dx_csum_set(dip, data, DX_NODE_ENTRIES);
	ext2fs_bdirty(tx, bp);
	return 0;
}

static int
index_copy(struct ext2fs_inode *dip, uint64_t lblk, uint8_t *copy,
    uint32_t *countp)
{
	uint32_t entries;
	const uint8_t *e;
	struct buf *bp;
	int error;

	error = ext2fs_htree_bread(dip, lblk, &bp, &entries);
	if (error != 0)
		return error;
	e = (const uint8_t *)bp->b_data + entries;
	*countp = le16dec(e + 2);
	memcpy(copy, e, *countp * DX_ENTRY_SIZE);
	brelse(bp);
	return 0;
}

/* The root's entries move to a node below it. */
static int
root_grow(struct ext2fs_tx *tx, struct ext2fs_inode *dip, uint8_t *copy)
{
	uint32_t count, entries;
	uint64_t lblk;
	struct buf *bp;
	uint8_t *data, *e;
	int error;

	if ((error = index_copy(dip, 0, copy, &count)) != 0)
		return error;
	if ((error = index_make(tx, dip, copy, count, &lblk)) != 0)
		return error;
	if ((error = ext2fs_htree_bread(dip, 0, &bp, &entries)) != 0)
		return error;
	ext2fs_bwant(tx, bp);
	data = bp->b_data;
	e = data + entries;
	le16enc(e + 2, 1);
	le32enc(e + 4, (uint32_t)lblk);
	data[DX_ROOT_INFO + DXI_LEVELS]++;
	ext2fs_dx_csum_set(dip, data, entries);
	ext2fs_bdirty(tx, bp);
	return 0;
}

/* Half of a node's entries move to a new node; its parent has room. */
static int
node_split(struct ext2fs_tx *tx, struct ext2fs_inode *dip,
    const struct ext2fs_dxpath *path, uint32_t level, uint8_t *copy)
{
	uint32_t count, keep, entries, key;
	uint64_t lblk;
	struct buf *bp;
	int error;

	error = index_copy(dip, path->p_lblk[level], copy, &count);
	if (error != 0)
		return error;
	keep = count / 2;
	key = le32dec(copy + keep * DX_ENTRY_SIZE);
	error = index_make(tx, dip, copy + keep * DX_ENTRY_SIZE, count - keep,
	    &lblk);
	if (error != 0)
		return error;
	error = index_insert(tx, dip, path->p_lblk[level - 1],
	    path->p_at[level - 1], key, lblk);
	if (error != 0)
		return error;
	error = ext2fs_htree_bread(dip, path->p_lblk[level], &bp, &entries);
	if (error != 0)
		return error;
	ext2fs_bwant(tx, bp);
	le16enc((uint8_t *)bp->b_data + entries + 2, (uint16_t)keep);
	ext2fs_dx_csum_set(dip, bp->b_data, entries);
	ext2fs_bdirty(tx, bp);
	return 0;
}

/*
 * One step towards a leaf with room: split it, or else the node above it, or
 * give the tree a level more. ENOSPC: the tree is as large as it gets.
 */
static int
make_room(struct ext2fs_tx *tx, struct ext2fs_inode *dip,
    const struct ext2fs_hash *h, const struct ext2fs_dxpath *path)
{
	uint32_t level = path->p_levels;
	uint8_t *copy;
	bool room;
	int error;

	if ((error = index_room(dip, path, level, &room)) != 0)
		return error;
	if (room)
		return leaf_split(tx, dip, h, path);
	if ((copy = kmem_alloc(tx->tx_mount->em_bsize, 0)) == NULL)
		return ENOMEM;
	while (level > 0 && !room) {
		level--;
		if ((error = index_room(dip, path, level, &room)) != 0)
			goto out;
	}
	if (room)
		error = node_split(tx, dip, path, level + 1, copy);
	else if (path->p_levels < DX_MAX_LEVELS)
		error = root_grow(tx, dip, copy);
	else
		error = ENOSPC;
out:
	kmem_free(copy, tx->tx_mount->em_bsize);
	return error;
}

/* More steps than this are never needed. */
#define STEPS_MAX	16

int
ext2fs_htree_add(struct ext2fs_tx *tx, struct ext2fs_inode *dip,
    const char *name, size_t len, uint32_t ino, uint8_t type)
{
	struct ext2fs_dxpath path;
	struct ext2fs_hash h;
	struct buf *bp;
	uint32_t levels, hash;
	bool done;
	int error, step;

	for (step = 0; step < STEPS_MAX; step++) {
		error = ext2fs_htree_open(dip, &h, &levels);
		if (error != 0)
			return error;
		if (!ext2fs_hash(&h, name, len, &hash))
			return EUCLEAN;
		error = ext2fs_htree_walk(dip, levels, hash, &path);
		if (error != 0)
			return error;
		error = ext2fs_dir_bread(dip, path.p_leaf, NULL, &bp);
		if (error != 0)
			return error;
		ext2fs_bwant(tx, bp);
		done = ext2fs_dirblock_insert(tx->tx_mount, bp->b_data, name,
		    len, ino, type);
		if (done) {
			ext2fs_dirblock_csum_set(dip, bp->b_data);
			ext2fs_bdirty(tx, bp);
			return 0;
		}
		brelse(bp);
		error = make_room(tx, dip, &h, &path);
		if (error != 0)
			return error;
	}
	return ext2fs_corrupt(tx->tx_mount, "directory %u: no room after "
	    "many splits", I_INO(dip));
}

/* ---- From one block to an index --------------------------------------- */

static void
root_init(struct ext2fs_inode *dip, uint8_t *data, uint64_t leaf)
{
	struct ext2fs_mount *em = ITOM(dip);
	uint8_t *dotdot = data + DE_LEN(1), *info = data + DX_ROOT_INFO;
	uint8_t *e = data + DX_ROOT_ENTRIES;

	ext2fs_dirblock_set_reclen(em, dotdot, em->em_bsize - DE_LEN(1));
	memset(info, 0, em->em_bsize - DX_ROOT_INFO);
	info[DXI_HASH_VERSION] = em->em_hash_version;
	info[DXI_INFO_LENGTH] = 8;
	le16enc(e, (uint16_t)ext2fs_dx_limit(em, DX_ROOT_ENTRIES));
	le16enc(e + 2, 1);
	le32enc(e + 4, (uint32_t)leaf);
	ext2fs_dx_csum_set(dip, data, DX_ROOT_ENTRIES);
}

/* "." and ".." come first, and are what they are. */
static bool
dots_ok(const struct ext2fs_mount *em, const uint8_t *data)
{
	const uint8_t *de = data + DE_LEN(1);

	return ext2fs_dirblock_reclen(em, data) == DE_LEN(1) &&
	    data[DE_NAME_LEN] == 1 && data[DE_NAME] == '.' &&
	    de[DE_NAME_LEN] == 2 && de[DE_NAME] == '.' &&
	    de[DE_NAME + 1] == '.' && le32dec(de + DE_INODE) != 0 &&
	    le32dec(data + DE_INODE) != 0;
}

int
ext2fs_htree_make(struct ext2fs_tx *tx, struct ext2fs_inode *dip)
{
	struct ext2fs_mount *em = tx->tx_mount;
	struct ext2fs_hash h = { em->em_hash_version, em->em_hash_seed };
	size_t size = em->em_bsize, isize;
	struct item *items;
	struct buf *bp;
	uint64_t lblk;
	uint8_t *copy, *out;
	uint32_t n, second;
	int error;

	isize = size / DE_LEN(1) * sizeof(*items);
	copy = kmem_alloc(2 * size + isize, 0);
	if (copy == NULL)
		return ENOMEM;
	out = copy + size;
	items = (struct item *)(void *)(out + size);
	error = leaf_copy(dip, 0, copy);
	if (error != 0)
		goto out;
	if (!dots_ok(em, copy)) {
		error = ext2fs_corrupt(em, "directory %u: does not start with "
		    "\".\" and \"..\"", I_INO(dip));
		goto out;
	}
	second = DE_LEN(1) + ext2fs_dirblock_reclen(em, copy + DE_LEN(1));
	n = collect(em, &h, copy, items, second);
	error = ext2fs_dir_grow(tx, dip, &lblk, NULL);
	if (error != 0)
		goto out;
	build(em, copy, items, n, out);
	if ((error = leaf_write(tx, dip, lblk, out)) != 0)
		goto out;
	error = ext2fs_dir_bread(dip, 0, NULL, &bp);
	if (error != 0)
		goto out;
	ext2fs_bwant(tx, bp);
	dip->i_flags |= EXT2_INDEX_FL;
	root_init(dip, bp->b_data, lblk);
	ext2fs_bdirty(tx, bp);
	ext2fs_inode_dirty(dip);
out:
	kmem_free(copy, 2 * size + isize);
	return error;
}
