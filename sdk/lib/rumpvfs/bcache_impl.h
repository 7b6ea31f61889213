/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Inside of the buffer cache: what its parts share.
 *
 *	bcache.c	buffers are found, held, given back, forgotten
 *	bcache_ra.c	read-ahead
 *	bcache_flush.c	dirty buffers to the device, the flusher
 *	bcache_mem.c	memory: buffers come, and leave for others
 *
 * A buffer is found in a hash table under the lock of its stripe, and held by
 * one thread (BS_HELD in b_state), who alone looks at it. It is on one of
 * three lists: clean (oldest first; reclaim takes from there), dirty (the
 * flusher takes from there), or pinned. Only a holder moves it between lists,
 * takes it out of the cache, and frees it; who finds it on a list may try to
 * hold it under bc_lock.
 *
 * Lock order: bc_flushlock -> bcache_all_lock -> stripe -> bc_lock. But for the
 * first, none is held over I/O.
 */
#ifndef BCACHE_IMPL_H
#define BCACHE_IMPL_H

#include <kern/assert.h>
#include <kern/buf.h>
#include <kern/kmem.h>
#include <kern/string.h>
#include <kern/time.h>

#define STRIPES		32
#define RUN_MAX		256		/* buffers of a write */

/* b_state */
#define BS_HELD		0x1u
#define BS_WANTED	0x2u		/* somebody waits for it */
#define BS_REF		0x4u		/* used since reclaim came by */

/* b_flags beside B_*: the list it is on. */
#define B_LISTS		0x300u
#define B_ON_CLEAN	0x100u
#define B_ON_DIRTY	0x200u
#define B_ON_PINNED	0x300u

struct stripe {
	struct kmutex st_lock;
	struct kcondvar st_cv;
} __cacheline_aligned;

/* Buffers of neighbouring blocks, held. */
struct run {
	unsigned r_n;
	int r_error;				/* the first one */
	struct buf *r_buf[RUN_MAX];
	struct iovec r_iov[RUN_MAX];
};

/*
 * I  immutable   s  all stripes to write, one to read   c  bc_lock
 * a  bcache_all_lock   f  bc_flushlock
 */
struct bcache {
	struct blkdev *bc_dev;			/* [I] */
	uint32_t bc_blksize;			/* [s] */
	_Atomic uint32_t bc_mask;		/* [s]; others: an estimate */
	struct list *bc_hash;			/* [s] heads */
	_Atomic uint32_t bc_n;
	_Atomic int bc_error;			/* of background writes */
	struct kspin bc_lock;
	struct list bc_clean, bc_dirty, bc_pinned; /* [c] b_lru */
	uint32_t bc_ndirty;			/* [c] */
	nstime_t bc_dirtytime;			/* [c] since when not empty */
	struct list bc_link;			/* [a] */
	unsigned bc_busy;			/* [a] the flusher is at it */
	struct kmutex bc_flushlock;		/* one who writes */
	struct run bc_run;			/* [f] */
	struct stripe bc_stripe[STRIPES];
};

/* Every cache: bc_link. */
extern struct kmutex bcache_all_lock;
extern struct list bcache_all;			/* [bcache_all_lock] */

static inline uint64_t
bcache_hash(uint64_t blkno)
{
	return (blkno * 0x9e3779b97f4a7c15ull) >> 32;
}

static inline struct stripe *
stripe_of(struct bcache *bc, uint64_t blkno)
{
	return &bc->bc_stripe[bcache_hash(blkno) % STRIPES];
}

/* ---- Holding: bcache.c -------------------------------------------------- */

/** Bytes of dirty buffers, of all caches. */
extern _Atomic uint64_t bcache_dirty_bytes;

/**
 * The buffer of a block if it is cached, held; or NULL. wait: for somebody
 * else who holds it; otherwise NULL then.
 */
struct buf *bcache_hold(struct bcache *bc, uint64_t blkno, bool wait);
/** A buffer for a block that is not cached, held; NULL: it is, or no memory. */
struct buf *bcache_fresh(struct bcache *bc, uint64_t blkno);
/** Put a buffer on the list that its state asks for. Held. */
void buf_relist(struct buf *bp);
/** Take it off its list. Held. */
void buf_unlist(struct buf *bp);

/* ---- Writing: bcache_flush.c -------------------------------------------- */
/* Without _locked, these take bcache_all_lock. */

/** Something became dirty; urgent: do not wait for its age. */
void bcache_flusher_wanted(bool urgent);
/** If the flusher runs: write all that is dirty. bcache_all_lock held. */
void bcache_flusher_hurry_locked(void);
/** Have it hurry, and wait a little for what it wrote. */
void bcache_flusher_wait(void);
/** A cache leaves bcache_all; the flusher is not at it any more. */
void bcache_delist(struct bcache *bc);
void bcache_flush_init(void);

/* ---- Memory: bcache_mem.c ----------------------------------------------- */

/** A held buffer that is neither hashed nor listed. NULL: no memory. */
struct buf *buf_alloc(struct bcache *bc, uint64_t blkno, int flags);
/** The same; where memory is full of dirty ones, waits for some to go. */
struct buf *buf_alloc_hard(struct bcache *bc, uint64_t blkno);
/** Neither hashed nor listed. */
void buf_free(struct buf *bp);
int bcache_mem_init(void);

#endif
