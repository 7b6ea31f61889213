/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Extent trees: checking and looking up. Each node is checked when it is read,
 * and a child must be one level below its parent, so that a walk ends.
 */
#include "ext2fs_extent.h"

void
ext2fs_extent_init(uint8_t *root)
{
	memset(root, 0, EXT2_BLOCK_BYTES);
	le16enc(root + EH_MAGIC, EXT2_EXT_MAGIC);
	le16enc(root + EH_MAX, EXT2_EXT_ROOT_MAX);
}

/* ---- Checks ----------------------------------------------------------- */

static int
node_bad(struct ext2fs_mount *em, uint32_t ino, const char *what)
{
	return ext2fs_corrupt(em, "inode %u: extent tree: %s", ino, what);
}

static int
check_leaf(struct ext2fs_mount *em, uint32_t ino, const uint8_t *eh, int n)
{
	struct ext2fs_run r;
	uint64_t end = 0;
	int i;

	for (i = 0; i < n; i++) {
		ee_decode(ee_cat(eh, i), &r);
		if (r.r_len == 0 || r.r_lblk < end ||
		    r.r_lblk + r.r_len > EXT2FS_MAX_LBLK)
			return node_bad(em, ino, "extents out of order");
		if (ext2fs_block_bad(em, r.r_pblk, r.r_len))
			return node_bad(em, ino, "extent at an impossible "
			    "place");
		end = r.r_lblk + r.r_len;
	}
	return 0;
}

static int
check_index(struct ext2fs_mount *em, uint32_t ino, const uint8_t *eh, int n)
{
	uint64_t key, prev = 0;
	int i;

	if (n == 0)
		return node_bad(em, ino, "empty index");
	for (i = 0; i < n; i++) {
		key = le32dec(ee_cat(eh, i) + EI_BLOCK);
		if (i > 0 && key <= prev)
			return node_bad(em, ino, "index out of order");
		if (ext2fs_block_bad(em, ei_leaf(ee_cat(eh, i)), 1))
			return node_bad(em, ino, "index to an impossible "
			    "place");
		prev = key;
	}
	return 0;
}

int
ext2fs_extent_check_node(struct ext2fs_mount *em, uint32_t ino,
    const uint8_t *eh, uint32_t size)
{
	unsigned n = le16dec(eh + EH_ENTRIES), max = le16dec(eh + EH_MAX);

	if (le16dec(eh + EH_MAGIC) != EXT2_EXT_MAGIC)
		return node_bad(em, ino, "magic");
	if (max < EXT2_EXT_ROOT_MAX - 1 ||
	    max > (size - EH_SIZE) / EE_SIZE || n > max)
		return node_bad(em, ino, "number of entries");
	if (le16dec(eh + EH_DEPTH) > EXT2_EXT_MAX_DEPTH)
		return node_bad(em, ino, "depth");
	return le16dec(eh + EH_DEPTH) == 0 ?
	    check_leaf(em, ino, eh, (int)n) : check_index(em, ino, eh, (int)n);
}

/* Behind the last entry that would fit. */
static uint32_t
tail_offset(const uint8_t *eh)
{
	return EH_SIZE + EE_SIZE * (uint32_t)le16dec(eh + EH_MAX);
}

void
ext2fs_extent_csum_set(struct ext2fs_inode *ip, uint8_t *eh)
{
	uint32_t off = tail_offset(eh);

	if (ITOM(ip)->em_metacsum)
		le32enc(eh + off, ext2fs_crc32c(ip->i_seed, eh, off));
}

int
ext2fs_extent_check(struct ext2fs_mount *em, struct ext2fs_inode *ip,
    uint64_t blk, const uint8_t *eh)
{
	uint32_t size = em->em_bsize, off;

	(void)blk;
	if (em->em_metacsum) {
		size -= 4;
		off = tail_offset(eh);
		if (off > size || ext2fs_crc32c(ip->i_seed, eh, off) !=
		    le32dec(eh + off))
			return node_bad(em, I_INO(ip), "wrong checksum");
	}
	return ext2fs_extent_check_node(em, I_INO(ip), eh, size);
}

/* ---- Looking up ------------------------------------------------------- */

/* The last entry whose key is not above lblk; -1: none. */
static int
node_search(uint8_t *eh, uint64_t lblk)
{
	int lo = 0, hi = le16dec(eh + EH_ENTRIES), mid;

	while (lo < hi) {
		mid = (lo + hi) / 2;
		if (le32dec(ee_at(eh, mid)) <= lblk)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo - 1;
}

/* Take the way through one node: *childp is the next, 0 at a leaf. */
static void
node_step(uint8_t *eh, uint64_t lblk, struct ext2fs_extpath *path,
    unsigned level, uint64_t *childp)
{
	struct ext2fs_extlevel *l = &path->p_level[level];

	l->l_entries = le16dec(eh + EH_ENTRIES);
	l->l_max = le16dec(eh + EH_MAX);
	l->l_at = node_search(eh, lblk);
	if (l->l_at + 1 < l->l_entries)
		path->p_next = MIN(path->p_next,
		    (uint64_t)le32dec(ee_at(eh, l->l_at + 1)));
	*childp = 0;
	if (le16dec(eh + EH_DEPTH) != 0) {
		l->l_at = MAX(l->l_at, 0);
		if (l->l_at + 1 < l->l_entries)
			path->p_upper = le32dec(ee_at(eh, l->l_at + 1));
		l->l_key = le32dec(ee_at(eh, l->l_at) + EI_BLOCK);
		*childp = ei_leaf(ee_at(eh, l->l_at));
	} else if (l->l_at >= 0) {
		path->p_found = true;
		ee_decode(ee_at(eh, l->l_at), &path->p_run);
	}
}

/*
 * A child's keys are within what its parent says: so the runs of a walk over
 * the whole file are as many as the entries on the disk, even if an index
 * leads to one node many times.
 */
static bool
child_ok(const uint8_t *eh, const struct ext2fs_extpath *path,
    unsigned level, unsigned depth)
{
	int n = le16dec(eh + EH_ENTRIES);

	if (le16dec(eh + EH_DEPTH) != depth)
		return false;
	return n == 0 ||
	    (le32dec(ee_cat(eh, 0)) >= path->p_level[level - 1].l_key &&
	    le32dec(ee_cat(eh, n - 1)) < path->p_upper);
}

int
ext2fs_extent_walk(struct ext2fs_inode *ip, uint64_t lblk,
    struct ext2fs_extpath *path)
{
	struct ext2fs_mount *em = ITOM(ip);
	struct buf *bp;
	uint64_t child;
	unsigned depth = le16dec(ip->i_block + EH_DEPTH), level = 0;
	int error;

	path->p_depth = depth;
	path->p_found = false;
	path->p_next = path->p_upper = EXT2FS_MAX_LBLK;
	path->p_level[0].l_blk = 0;
	node_step(ip->i_block, lblk, path, 0, &child);
	while (level < depth) {
		error = ext2fs_bread(em, ip, child, EK_EXTENT,
		    ext2fs_extent_check, &bp);
		if (error != 0)
			return error;
		path->p_level[++level].l_blk = child;
		if (!child_ok(bp->b_data, path, level, depth - level)) {
			brelse(bp);
			return node_bad(em, I_INO(ip), "a node is not what "
			    "its parent says");
		}
		node_step(bp->b_data, lblk, path, level, &child);
		brelse(bp);
	}
	return 0;
}

int
ext2fs_extent_map(struct ext2fs_inode *ip, uint64_t lblk,
    struct ext2fs_run *r)
{
	struct ext2fs_extpath path;
	uint64_t skip;
	int error;

	error = ext2fs_extent_walk(ip, lblk, &path);
	if (error != 0)
		return error;
	if (path.p_found && lblk < path.p_run.r_lblk + path.p_run.r_len) {
		skip = lblk - path.p_run.r_lblk;
		r->r_lblk = lblk;
		r->r_len = path.p_run.r_len - skip;
		r->r_pblk = path.p_run.r_pblk + skip;
		r->r_unwritten = path.p_run.r_unwritten;
		return 0;
	}
	r->r_lblk = lblk;
	r->r_pblk = EXT2FS_NOBLOCK;
	r->r_len = path.p_next - lblk;
	r->r_unwritten = false;
	return 0;
}
