/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The caches and devices of the faction: how they come up.
 */
#ifndef RUMPVFS_CACHE_H
#define RUMPVFS_CACHE_H

/** Page cache, buffer cache, block and character devices. First of all. */
int cache_init(void);
/** Our own devices and their nodes (/dev/null, ...): once the root is mounted. */
int memdev_init(void);
/** Host files (etfs). */
int etfs_init(void);

/* cache_init()'s parts. */
int pagecache_modinit(void);
int blkdev_modinit(void);
int bcache_modinit(void);
int cdev_modinit(void);

struct blkdev;

/** A device's buffers, at its first open and last close. */
int bcache_create(struct blkdev *bd);
void bcache_destroy(struct blkdev *bd);

#endif
