/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Extent trees: what looking and changing share. A node is 12 bytes of header
 * and entries of 12 bytes; the root is in the inode, the others are blocks.
 */
#ifndef EXT2FS_EXTENT_H
#define EXT2FS_EXTENT_H

#include "ext2fs.h"

/** One level of the way from the root to a leaf. */
struct ext2fs_extlevel {
	uint64_t l_blk;			/* 0: the root */
	uint64_t l_key;			/* index: key of the entry taken */
	int l_at;			/* entry taken; leaf: -1 before all */
	uint16_t l_entries, l_max;
};

struct ext2fs_extpath {
	struct ext2fs_extlevel p_level[EXT2_EXT_MAX_DEPTH + 1];
	unsigned p_depth;		/* index of the leaf's level */
	bool p_found;			/* the leaf has an entry at l_at */
	struct ext2fs_run p_run;	/* ... which is this one */
	uint64_t p_next;		/* first block mapped behind it */
	uint64_t p_upper;		/* keys of the way's nodes are below */
};

/** Look for the last extent that starts at or before lblk. i_map_lock. */
int ext2fs_extent_walk(struct ext2fs_inode *ip, uint64_t lblk,
    struct ext2fs_extpath *path);

static inline uint8_t *
ee_at(uint8_t *eh, int i)
{
	return eh + EH_SIZE + (size_t)i * EE_SIZE;
}

static inline const uint8_t *
ee_cat(const uint8_t *eh, int i)
{
	return eh + EH_SIZE + (size_t)i * EE_SIZE;
}

static inline void
ee_decode(const uint8_t *ee, struct ext2fs_run *r)
{
	uint32_t len = le16dec(ee + EE_LEN);

	r->r_unwritten = len > EXT2_EXT_INIT_MAX;
	r->r_len = r->r_unwritten ? len - EXT2_EXT_INIT_MAX : len;
	r->r_lblk = le32dec(ee + EE_BLOCK);
	r->r_pblk = le32dec(ee + EE_START_LO) |
	    (uint64_t)le16dec(ee + EE_START_HI) << 32;
}

static inline uint64_t
ei_leaf(const uint8_t *ei)
{
	return le32dec(ei + EI_LEAF_LO) |
	    (uint64_t)le16dec(ei + EI_LEAF_HI) << 32;
}

#endif
