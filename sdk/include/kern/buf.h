/* SPDX-License-Identifier: BSD-2-Clause */
/** @file buf.h
 * The buffer cache: blocks of metadata of a block device.
 *
 * A buffer that was got belongs to the caller alone until it is given back:
 * bread -> look or change -> brelse / bdwrite / bwrite. Hold few, in the order
 * of the file system's own structures (inode table before bitmaps before group
 * descriptors before the super block).
 *
 * Journaling: a file system may pin a dirty buffer (bpin): it is not written
 * in place until it is unpinned, however short memory is.
 */
#ifndef KERN_BUF_H
#define KERN_BUF_H

#include <kern/blkdev.h>

struct bcache;

/*
 * b  the holder   c  the cache's lock   I  immutable
 */
struct buf {
	void *b_data;			/* [b] b_size bytes, page-aligned or
					   aligned to its size */
	uint64_t b_blkno;		/* [I] in units of b_size */
	uint32_t b_size;		/* [I] bytes */
	uint32_t b_flags;		/* [b] B_* */
	struct bcache *b_cache;		/* [I] */
	void *b_fsprivate;		/* [b] the file system's (journal) */
	struct list b_hash, b_lru;	/* [c] */
	_Atomic uint32_t b_state;
	uint32_t b_pins;		/* [b] */
	int b_error;			/* [b] */
	struct bio *b_bio;
};

#define B_VALID		0x01		/* contents are the block's */
#define B_DIRTY		0x02		/* newer than the device */
#define B_NEW		0x04		/* was not in the cache before this get */
#define B_VERIFIED	0x08		/* the file system checked the contents
					   (checksum, structure); cleared when it
					   is read again */

/**
 * Made by blkdev_open() for its device. Block size is the file system's choice,
 * set once, before the first bread of a mount; changing it drops clean buffers.
 */
int bcache_set_blocksize(struct blkdev *bd, uint32_t size);

/** Get a block's buffer with its contents. Sleeps. @return EIO, ENOMEM */
int bread(struct blkdev *bd, uint64_t blkno, struct buf **bpp);
/** Get it without reading: the caller fills all of it (B_VALID by brelse). */
int getblk(struct blkdev *bd, uint64_t blkno, struct buf **bpp);
/** Start reading blocks that will be wanted soon. Never waits. */
void breada(struct blkdev *bd, const uint64_t *blknos, int n);
/** Give it back. */
void brelse(struct buf *bp);
/** Give it back as changed: written some time, at the latest by bflush. */
void bdwrite(struct buf *bp);
/** Write now and wait; give it back. */
int bwrite(struct buf *bp);
/** Give it back and forget it: the block was freed. Never written. */
void binval(struct buf *bp);
/** Forget cached buffers of a range of blocks that was freed. */
void binval_range(struct blkdev *bd, uint64_t blkno, uint64_t n);
void bpin(struct buf *bp);
void bunpin(struct buf *bp);

/** Write all dirty, unpinned buffers. wait: until they are on the device;
 * reports (and forgets) errors of background writes. */
int bflush(struct blkdev *bd, bool wait);
/** Drop all buffers, dirty ones too. */
void bcache_purge(struct blkdev *bd);

#endif
