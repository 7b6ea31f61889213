/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Indexed directories: a tree of hashes over the blocks of a directory, its
 * root in block 0 behind "." and "..". Entries are pairs of a hash and a block
 * of the directory; the first one's hash is taken by limit and count, and is
 * the least of all. The lowest bit of a hash says that names of the same hash
 * are in the block before, too.
 */
#include "ext2fs.h"

static uint32_t
de_hash(const uint8_t *entries, uint32_t i)
{
	return i == 0 ? 0 : le32dec(entries + i * DX_ENTRY_SIZE);
}

static uint32_t
de_block(const uint8_t *entries, uint32_t i)
{
	return le32dec(entries + i * DX_ENTRY_SIZE + 4) & 0x0fffffff;
}

uint32_t
ext2fs_dx_limit(const struct ext2fs_mount *em, uint32_t entries)
{
	return (em->em_bsize - entries -
	    (em->em_metacsum ? DX_TAIL_SIZE : 0)) / DX_ENTRY_SIZE;
}

static uint32_t
dx_csum(const struct ext2fs_inode *dip, const uint8_t *data, uint32_t entries)
{
	static const uint8_t zero[4];
	uint32_t limit = le16dec(data + entries);
	uint32_t count = le16dec(data + entries + 2), crc;
	const uint8_t *tail = data + entries + limit * DX_ENTRY_SIZE;

	crc = ext2fs_crc32c(dip->i_seed, data,
	    entries + count * DX_ENTRY_SIZE);
	crc = ext2fs_crc32c(crc, tail, 4);
	return ext2fs_crc32c(crc, zero, 4);
}

void
ext2fs_dx_csum_set(struct ext2fs_inode *dip, uint8_t *data, uint32_t entries)
{
	struct ext2fs_mount *em = ITOM(dip);
	uint32_t limit = le16dec(data + entries);

	if (em->em_metacsum && limit == ext2fs_dx_limit(em, entries))
		le32enc(data + entries + limit * DX_ENTRY_SIZE + 4,
		    dx_csum(dip, data, entries));
}

static int
index_bad(struct ext2fs_mount *em, struct ext2fs_inode *dip, const char *what)
{
	return ext2fs_corrupt(em, "directory %u: index: %s", I_INO(dip), what);
}

/* Nodes start with a free entry over all of the block, the root with dots. */
static uint32_t
entries_of(const uint8_t *data)
{
	return le32dec(data + DE_INODE) == 0 ? DX_NODE_ENTRIES :
	    DX_ROOT_ENTRIES;
}

static int
index_check(struct ext2fs_mount *em, struct ext2fs_inode *dip, uint64_t blk,
    const uint8_t *data)
{
	uint32_t at = entries_of(data), limit, count, i;
	uint64_t blocks = i_size_get(dip) >> em->em_bshift;

	(void)blk;
	limit = le16dec(data + at);
	count = le16dec(data + at + 2);
	if (limit != ext2fs_dx_limit(em, at) || count == 0 || count > limit)
		return index_bad(em, dip, "number of entries");
	if (em->em_metacsum && dx_csum(dip, data, at) !=
	    le32dec(data + at + limit * DX_ENTRY_SIZE + 4))
		return index_bad(em, dip, "wrong checksum");
	for (i = 0; i < count; i++) {
		if (i > 0 && de_hash(data + at, i) < de_hash(data + at, i - 1))
			return index_bad(em, dip, "out of order");
		if (de_block(data + at, i) == 0 ||
		    de_block(data + at, i) >= blocks)
			return index_bad(em, dip, "impossible block");
	}
	return 0;
}

int
ext2fs_htree_bread(struct ext2fs_inode *dip, uint64_t lblk,
    struct buf **bpp, uint32_t *entriesp)
{
	struct ext2fs_mount *em = ITOM(dip);
	struct ext2fs_run r;
	int error;

	error = ext2fs_map(dip, lblk, &r);
	if (error != 0)
		return error;
	if (r.r_pblk == EXT2FS_NOBLOCK)
		return index_bad(em, dip, "missing block");
	error = ext2fs_bread(em, dip, r.r_pblk, EK_DXNODE, index_check, bpp);
	if (error != 0)
		return error;
	*entriesp = lblk == 0 ? DX_ROOT_ENTRIES : DX_NODE_ENTRIES;
	if (entries_of((*bpp)->b_data) != *entriesp) {
		brelse(*bpp);
		return index_bad(em, dip, "a root is not one");
	}
	return 0;
}

int
ext2fs_htree_open(struct ext2fs_inode *dip, struct ext2fs_hash *h,
    uint32_t *levelsp)
{
	struct ext2fs_mount *em = ITOM(dip);
	const uint8_t *info;
	struct buf *bp;
	uint32_t entries;
	int error;

	error = ext2fs_htree_bread(dip, 0, &bp, &entries);
	if (error != 0)
		return error;
	info = (const uint8_t *)bp->b_data + DX_ROOT_INFO;
	h->h_version = info[DXI_HASH_VERSION];
	if (h->h_version <= DX_HASH_TEA && em->em_hash_unsigned)
		h->h_version += DX_HASH_LEGACY_U;
	h->h_seed = em->em_hash_seed;
	*levelsp = info[DXI_LEVELS];
	if (le32dec(info) != 0 || info[DXI_INFO_LENGTH] != 8 ||
	    *levelsp > DX_MAX_LEVELS || h->h_version > DX_HASH_TEA_U)
		error = index_bad(em, dip, "root");
	brelse(bp);
	return error;
}

/* ---- Walking ---------------------------------------------------------- */

/* The last entry whose hash is not above the one looked for. */
static uint32_t
index_search(const uint8_t *entries, uint32_t count, uint32_t hash)
{
	uint32_t lo = 1, hi = count, mid;

	while (lo < hi) {
		mid = (lo + hi) / 2;
		if (de_hash(entries, mid) <= hash)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo - 1;
}

/* Go through one index block, at its entry for hash, or (first) its first. */
static int
index_step(struct ext2fs_inode *dip, struct ext2fs_dxpath *path,
    uint32_t level, uint32_t hash, bool first, uint64_t *childp)
{
	uint32_t entries, count, at;
	const uint8_t *e;
	struct buf *bp;
	int error;

	error = ext2fs_htree_bread(dip, path->p_lblk[level], &bp, &entries);
	if (error != 0)
		return error;
	e = (const uint8_t *)bp->b_data + entries;
	count = le16dec(e + 2);
	at = first ? 0 : index_search(e, count, hash);
	path->p_at[level] = at;
	*childp = de_block(e, at);
	if (at + 1 < count) {
		path->p_more = true;
		path->p_next = de_hash(e, at + 1);
	}
	brelse(bp);
	return 0;
}

int
ext2fs_htree_walk(struct ext2fs_inode *dip, uint32_t levels, uint32_t hash,
    struct ext2fs_dxpath *path)
{
	uint64_t child = 0;
	uint32_t level;
	int error;

	path->p_levels = levels;
	path->p_more = false;
	path->p_next = 0;
	for (level = 0; level <= levels; level++) {
		path->p_lblk[level] = child;
		error = index_step(dip, path, level, hash, false, &child);
		if (error != 0)
			return error;
	}
	path->p_leaf = child;
	return 0;
}

/* What entry at of an index block leads to; ENOENT: it has fewer. */
static int
index_entry(struct ext2fs_inode *dip, uint64_t lblk, uint32_t at,
    uint64_t *childp, uint32_t *hashp)
{
	uint32_t entries;
	const uint8_t *e;
	struct buf *bp;
	int error;

	error = ext2fs_htree_bread(dip, lblk, &bp, &entries);
	if (error != 0)
		return error;
	e = (const uint8_t *)bp->b_data + entries;
	if (at < le16dec(e + 2)) {
		*childp = de_block(e, at);
		*hashp = de_hash(e, at);
	} else {
		error = ENOENT;
	}
	brelse(bp);
	return error;
}

int
ext2fs_htree_next(struct ext2fs_inode *dip, struct ext2fs_dxpath *path)
{
	uint32_t level = path->p_levels, l, hash;
	uint64_t child;
	int error;

	/* The lowest level with an entry more, then down along the first. */
	for (;; level--) {
		error = index_entry(dip, path->p_lblk[level],
		    path->p_at[level] + 1, &child, &hash);
		if (error == 0)
			break;
		if (error != ENOENT || level == 0)
			return error;
	}
	path->p_at[level]++;
	for (l = level + 1; l <= path->p_levels; l++) {
		path->p_lblk[l] = child;
		error = index_step(dip, path, l, 0, true, &child);
		if (error != 0)
			return error;
	}
	path->p_leaf = child;
	/* And what comes behind that. */
	path->p_more = false;
	for (l = path->p_levels + 1; l-- > 0; ) {
		error = index_entry(dip, path->p_lblk[l], path->p_at[l] + 1,
		    &child, &hash);
		if (error == 0) {
			path->p_more = true;
			path->p_next = hash;
			break;
		}
		if (error != ENOENT)
			return error;
	}
	return 0;
}

int
ext2fs_htree_lookup(struct ext2fs_inode *dip, const char *name, size_t len,
    struct ext2fs_slot *slot)
{
	struct ext2fs_mount *em = ITOM(dip);
	struct ext2fs_dxpath path;
	struct ext2fs_hash h;
	struct buf *bp;
	uint32_t levels, hash;
	bool found;
	int error;

	error = ext2fs_htree_open(dip, &h, &levels);
	if (error != 0)
		return error;
	if (!ext2fs_hash(&h, name, len, &hash))
		return index_bad(em, dip, "unknown hash");
	error = ext2fs_htree_walk(dip, levels, hash, &path);
	while (error == 0) {
		error = ext2fs_dir_bread(dip, path.p_leaf, &slot->s_pblk, &bp);
		if (error != 0)
			break;
		found = ext2fs_dirblock_find(em, bp->b_data, name, len,
		    &slot->s_off);
		if (found) {
			slot->s_lblk = path.p_leaf;
			slot->s_ino = le32dec((uint8_t *)bp->b_data +
			    slot->s_off);
		}
		brelse(bp);
		if (found)
			return 0;
		/* Names of the same hash may go on in the next leaf. */
		if (!path.p_more || path.p_next != (hash | 1))
			return ENOENT;
		error = ext2fs_htree_next(dip, &path);
	}
	return error;
}
