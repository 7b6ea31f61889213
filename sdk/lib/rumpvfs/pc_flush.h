/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Inside of the page cache's way to the device: what pc_write.c, which makes
 * and sends requests, and pc_flush.c, which knows what is dirty and when it is
 * due, share.
 *
 * A flush is on the stack of the thread that does it. It collects pages into
 * a request, which is submitted when it is full or when the next page is not
 * its neighbour on the device, and then belongs to its completion. Until then
 * the v_locks that the flusher took (fl_held) stay held: who cuts a file waits
 * for the I/O of its pages, maybe inside of a transaction that the next mapping
 * has to wait for.
 */
#ifndef PC_FLUSH_H
#define PC_FLUSH_H

#include "pc_impl.h"

#define FLUSH_FILES	48		/* files of one request */

/* Pages of a file in a request. */
struct seg {
	struct pagecache *sg_pc;
	uint64_t sg_index;
	uint32_t sg_n;
};

/* A request; the arrays are in the same allocation. */
struct pc_wio {
	struct bio wi_bio;
	struct work wi_work;
	struct iovec *wi_iov;
	struct seg *wi_seg;
	uint32_t wi_niov, wi_maxiov;
	uint32_t wi_nseg, wi_maxseg;
	uint32_t wi_npages;
	size_t wi_size;
};

/* What one flush has in hand. */
struct flush {
	struct blkdev *fl_bd;
	struct pc_wio *fl_wio;		/* not yet submitted, or NULL */
	bool fl_wait;			/* the caller will wait for it */
	uint32_t fl_hint;		/* pages: size of requests */
	uint64_t fl_claimed;		/* pages that were taken */
	struct pagecache *fl_held[FLUSH_FILES];	/* by the flusher */
	unsigned fl_nheld;
	struct pagecache *fl_current;	/* one of them, still being looked at */
	/* Where there is no memory: a request of our own, not in background. */
	struct pc_wio fl_self;
	struct iovec fl_selfiov[16];
	struct seg fl_selfseg[1];
};

/* ---- Requests: pc_write.c ----------------------------------------------- */

/** Nothing in hand yet; the caller may set fl_wait and fl_hint. */
void pc_flush_begin(struct flush *fl);
/**
 * Write the dirty pages of [index, end). v_lock held. Leaves the last request
 * in hand.
 * @return ENOMEM: they stay dirty; other errors are in pc_error
 */
int pc_flush_pages(struct flush *fl, struct pagecache *pc, uint64_t index,
    uint64_t end);
/** Send the request in hand. last: nothing follows it. */
void pc_flush_submit(struct flush *fl, bool last);
int pc_write_init(void);

/* ---- What is dirty: pc_flush.c ------------------------------------------ */

/** Pages that are being written, of all files. */
extern _Atomic uint64_t pc_wb_pages;

/** Off the list, if none of its pages is dirty or in I/O. pc_lock held. */
void pc_unlink_clean(struct pagecache *pc);
/** The flusher held pc, and has unlocked it: it may go away now. */
void pc_unhold(struct pagecache *pc);
/** n pages are written. */
void pc_count_written(uint32_t n);
/** Are more pages being written than is good? */
bool pc_inflight_full(void);
/** Wait until they are not. Nothing in hand. */
void pc_wait_inflight(void);

#endif
