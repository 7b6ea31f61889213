/* SPDX-License-Identifier: BSD-2-Clause */
/** @file blkdev.h
 * Block devices: ranges of bytes that are read and written in the background,
 * and character devices.
 */
#ifndef KERN_BLKDEV_H
#define KERN_BLKDEV_H

#include <kern/file.h>

enum bio_op { BIO_READ, BIO_WRITE, BIO_SYNC, BIO_DISCARD, BIO_ZERO };

/**
 * A request. The caller owns it and what it points to; from submission until
 * bio_done is called they are the device's.
 */
struct bio {
	enum bio_op bio_op;
	uint64_t bio_off;		/* bytes, a multiple of bd_secsize */
	uint64_t bio_len;		/* bytes, the sum of the pieces */
	const struct iovec *bio_iov;	/* kernel memory; READ, WRITE */
	int bio_iovcnt;
	/** Called once; may run on any thread, must not sleep. */
	void (*bio_done)(struct bio *b);
	void *bio_arg;
	int bio_error;			/* set before bio_done */
	struct list bio_link;		/* submitter's before, driver's after */
	uint64_t bio_priv[16];		/* the driver's while submitted */
};

struct blkdev;

struct blkdevops {
	/** Queue n requests. Never fails: errors come through bio_done. */
	void (*bd_submit)(struct blkdev *bd, struct bio *const *bios, int n);
	/** Read synchronously on this thread; NULL: by bd_submit. */
	int (*bd_read)(struct blkdev *bd, const struct iovec *iov, int cnt,
	    uint64_t off);
	int (*bd_write)(struct blkdev *bd, const struct iovec *iov, int cnt,
	    uint64_t off);
	int (*bd_ioctl)(struct blkdev *bd, unsigned long cmd, void *arg);
	/**
	 * The first open, and the first one for writing while the device is
	 * open for reading. Sets bd_size and bd_secsize where they are not
	 * known before. EROFS, EBUSY (locked by another).
	 */
	int (*bd_open)(struct blkdev *bd, bool write);
	/** The last writer left, readers remain. May be NULL. */
	void (*bd_unwrite)(struct blkdev *bd);
	/** Last close. */
	void (*bd_close)(struct blkdev *bd);
};

/*
 * I  immutable   l  bd_lock
 */
struct blkdev {
	const struct blkdevops *bd_op;	/* [I] */
	void *bd_data;			/* [I] the driver's */
	dev_t bd_dev;			/* [I] */
	uint64_t bd_size;		/* [I] while open; bytes */
	uint32_t bd_secsize;		/* [I] while open; bytes, 512..4096 */
	char bd_name[64];		/* [I] */
	struct kmutex bd_lock;
	unsigned bd_opens, bd_wopens;	/* [l] */
	bool bd_exclusive;		/* [l] mounted for writing */
	bool bd_gone;			/* [l] */
	_Atomic uint32_t bd_refs;
	struct list bd_link;
	struct bcache *bd_bcache;	/* [l] made at the first open */
	_Atomic uint64_t bd_stat_reads, bd_stat_rbytes;
	_Atomic uint64_t bd_stat_writes, bd_stat_wbytes;
};

/** Make a device known under its number (0: one is chosen). */
int blkdev_attach(struct blkdev *bd);
/** Take it away; EBUSY while it is open. */
int blkdev_detach(struct blkdev *bd);
/** @return ENXIO, EBUSY (write: another has it for writing), EROFS */
int blkdev_open(dev_t dev, bool write, struct blkdev **bdp);
void blkdev_close(struct blkdev *bd, bool write);

/** Checks ranges (EIO), then the driver's bd_submit. */
void blkdev_submit(struct blkdev *bd, struct bio *const *bios, int n);
/** Synchronous helpers; off and len in bytes, multiples of bd_secsize. */
int blkdev_read(struct blkdev *bd, void *buf, size_t len, uint64_t off);
int blkdev_write(struct blkdev *bd, const void *buf, size_t len, uint64_t off);
int blkdev_readv(struct blkdev *bd, const struct iovec *iov, int cnt,
    uint64_t off);
int blkdev_writev(struct blkdev *bd, const struct iovec *iov, int cnt,
    uint64_t off);
/** Make all completed writes durable. */
int blkdev_sync(struct blkdev *bd);
/** The range's contents are not needed any more; it may read as anything. */
int blkdev_discard(struct blkdev *bd, uint64_t off, uint64_t len);
/** The range reads as zero afterwards. */
int blkdev_zero(struct blkdev *bd, uint64_t off, uint64_t len);

/* ---- Character devices ------------------------------------------------ */

/** NULL: ENXIO for open's parts, as in fileops for the rest. */
struct cdevops {
	int (*cd_open)(dev_t dev, int flags, void **privp);
	void (*cd_close)(dev_t dev, void *priv);
	int (*cd_read)(dev_t dev, void *priv, struct uio *uio, int flags);
	int (*cd_write)(dev_t dev, void *priv, struct uio *uio, int flags);
	int (*cd_ioctl)(dev_t dev, void *priv, unsigned long cmd, void *arg);
	int (*cd_poll)(dev_t dev, void *priv, int events, struct pollent *pe);
	/** The file has a position (lseek works); otherwise ESPIPE. */
	bool cd_seekable;
	/** ... but stays 0, whatever lseek() asks for and is transferred. */
	bool cd_stays;
};

/** All minors of [first, first + count) of a major number. @return EEXIST */
int cdev_attach(const char *name, uint32_t major, uint32_t first,
    uint32_t count, const struct cdevops *ops);
int cdev_detach(uint32_t major, uint32_t first);
const struct cdevops *cdev_find(dev_t dev);

#endif
