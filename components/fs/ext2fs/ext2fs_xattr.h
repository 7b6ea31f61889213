/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Extended attributes: a list of entries in memory, as it is in an inode or in
 * a block. Entries come from the front, four zero bytes end them, values are
 * packed at the back; a value's place counts from xa_base.
 */
#ifndef EXT2FS_XATTR_H
#define EXT2FS_XATTR_H

#include "ext2fs.h"

struct ext2fs_xalist {
	uint8_t *xa_first;		/* entries */
	uint8_t *xa_base;
	uint8_t *xa_end;
};

/** A name as the disk has it: a number for its first part. */
struct ext2fs_xaname {
	uint8_t xn_index;
	uint8_t xn_len;
	const char *xn_name;
};

/** Is everything inside of the list? What follows trusts that. */
bool ext2fs_xalist_valid(const struct ext2fs_xalist *xa);
/** The entry of a name, or NULL. */
uint8_t *ext2fs_xalist_find(const struct ext2fs_xalist *xa,
    const struct ext2fs_xaname *xn);
/**
 * Build dst from src (xa_first NULL: nothing) without the name, or with val
 * (not NULL) for it. ENOSPC: dst is too small.
 */
int ext2fs_xalist_build(const struct ext2fs_xalist *src,
    const struct ext2fs_xalist *dst, const struct ext2fs_xaname *xn,
    const void *val, size_t len);
static inline bool
ext2fs_xalist_empty(const struct ext2fs_xalist *xa)
{
	return le32dec(xa->xa_first) == 0;
}
static inline size_t
xae_size(const uint8_t *e)
{
	return XAE_SIZE + ((e[XAE_NAME_LEN] + 3u) & ~3u);
}

#endif
