/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Inside of the page cache: the tree of a file's pages, and what its parts
 * share.
 *
 *	pagecache.c	the interface: read, write, truncate, punch
 *	pc_tree.c	the tree
 *	pc_read.c	pages from the device, read-ahead
 *	pc_write.c	pages to the device
 *	pc_flush.c	what is dirty, and when it is written
 *	pc_reclaim.c	pages that leave for memory
 *
 * A page has no descriptor: its address and a few bits are a slot of the tree,
 * and the rest of its state are bits of the leaf that the slot is in. A leaf
 * of 64 pages costs 10 bytes a page.
 *
 * Who may take a page away:
 *  - truncation (v_lock X): readers hold v_lock, so there are none. It waits
 *    for I/O;
 *  - reclaim: pages that are clean, not in I/O and not busy. Readers may be
 *    copying from it under an epoch, so its memory is freed behind that; a
 *    reader that may sleep pins the file instead.
 *
 * Lock order: v_lock -> pc_lock -> dirty_lock (pc_flush.c), lru_lock
 * (pc_reclaim.c).
 * pc_lock is never held over I/O, a sleeping copy, or reclaim: completions
 * take it.
 */
#ifndef PC_IMPL_H
#define PC_IMPL_H

#include <kern/assert.h>
#include <kern/blkdev.h>
#include <kern/kmem.h>
#include <kern/pagecache.h>
#include <kern/string.h>
#include <kern/time.h>
#include <kern/uio.h>
#include <kern/vnode.h>

#define PC_FANBITS	6
#define PC_FANOUT	(1u << PC_FANBITS)
#define PC_FULL		(~UINT64_C(0))	/* pl_present: all of them */
#define PC_INDEX_MAX	(UINT64_C(1) << 51)
#define PC_IO_MAX	512u		/* pages of one request */
#define PC_MEMORY_TRIES	8		/* before ENOMEM */

/* Bits of a slot beside the page's address. */
#define SLOT_LOAD	((uintptr_t)1)	/* being read: no contents yet */
#define SLOT_REF	((uintptr_t)2)	/* used since reclaim last looked */
#define SLOT_RA		((uintptr_t)4)	/* reading it triggers read-ahead */

typedef _Atomic uintptr_t pc_slot_t;

static inline char *
slot_page(uintptr_t s)
{
	return (char *)(s & ~(uintptr_t)PAGE_MASK);
}

/*
 * 64 consecutive pages; the only leaf of a small file may have fewer slots.
 * Bit i of the masks is slot i. All under pc_lock but for pl_lru, and for the
 * slots, which are read under an epoch. An anonymous file's change under v_lock
 * X only.
 */
struct pc_leaf {
	uint64_t pl_present;		/* slot is not 0 */
	uint64_t pl_load;		/* ... has SLOT_LOAD */
	uint64_t pl_dirty;
	uint64_t pl_wb;			/* being written to the device */
	uint64_t pl_busy;		/* being changed by write */
	uint64_t pl_base;		/* [I] index of slot 0 */
	union {
		struct {
			struct pagecache *pl_pc;	/* [I] */
			union {
				struct list pl_lru;	/* [lru_lock] */
				/* Anonymous: page i is at pl_run + i pages;
				   0: not so. */
				uintptr_t pl_run;
			};
		};
		struct epoch_entry pl_epoch;	/* once it has left the tree */
	};
	uint32_t pl_nslots;		/* [I] 4, 16 or 64 */
	pc_slot_t pl_slot[];
};

static inline unsigned
leaf_bit(uint64_t index)
{
	return (unsigned)(index % PC_FANOUT);
}

/* Bits from .. from + n - 1. */
static inline uint64_t
bits(unsigned from, unsigned n)
{
	return (n >= 64 ? ~UINT64_C(0) : (UINT64_C(1) << n) - 1) << from;
}

/* ---- The tree: pc_tree.c ---------------------------------------------- */

int pc_tree_init(void);
/**
 * The leaf that index belongs to, or NULL; under pc_lock or an epoch, or, of an
 * anonymous file, v_lock.
 */
struct pc_leaf *pc_leaf_find(struct pagecache *pc, uint64_t index);
/**
 * The same; made where it is not there. pc_lock held, which is given up for
 * a while where memory is short.
 * @return NULL: no memory
 */
struct pc_leaf *pc_leaf_make(struct pagecache *pc, uint64_t index);
/** The first leaf whose pages end behind index, or NULL. As pc_leaf_find. */
struct pc_leaf *pc_leaf_next(struct pagecache *pc, uint64_t index);
/**
 * The page, if its leaf is full and its pages lie one behind the other: so do
 * those behind it up to the leaf's end. NULL: look at the leaf. As
 * pc_leaf_find(); of a file with a device it may be gone, or not read in yet.
 */
char *pc_run_find(struct pagecache *pc, uint64_t index);
/** The leaf became full. pc_lock held. */
void pc_run_set(struct pagecache *pc, struct pc_leaf *pl);
/** Take an empty leaf out of the tree. pc_lock held. */
void pc_leaf_remove(struct pagecache *pc, struct pc_leaf *pl);

/** Enter a page; its slot is empty. pc_lock held. */
static inline void
pc_insert(struct pagecache *pc, struct pc_leaf *pl, unsigned i, uintptr_t slot)
{
	uintptr_t run = (uintptr_t)slot_page(slot) - i * PAGE_SIZE;

	KASSERT((pl->pl_present & bits(i, 1)) == 0);
	if (pc->pc_ops == NULL)
		pl->pl_run = pl->pl_present == 0 || pl->pl_run == run ?
		    run : 0;
	pl->pl_present |= bits(i, 1);
	if ((slot & SLOT_LOAD) != 0)
		pl->pl_load |= bits(i, 1);
	atomic_store_explicit(&pl->pl_slot[i], slot, memory_order_release);
	atomic_store_explicit(&pc->pc_npages, atomic_load_explicit(
	    &pc->pc_npages, memory_order_relaxed) + 1, memory_order_relaxed);
	if (pl->pl_present == PC_FULL)
		pc_run_set(pc, pl);
}

/** Take a page out; the caller frees it. pc_lock held. */
char *pc_remove(struct pagecache *pc, struct pc_leaf *pl, unsigned i);

/** The slot of a page, or NULL; as pc_leaf_find(). */
static inline pc_slot_t *
pc_slot(struct pagecache *pc, uint64_t index)
{
	struct pc_leaf *pl = pc_leaf_find(pc, index);

	return pl == NULL ? NULL : &pl->pl_slot[leaf_bit(index)];
}

/** A page of file data; contents undefined. NULL: no memory. */
char *pc_page_alloc(struct pagecache *pc, int flags);
void pc_page_free(struct pagecache *pc, void *page);

/* ---- Waiting ---------------------------------------------------------- */

/** Wait for a change of the state of some page of pc. pc_lock held. */
void pc_wait(struct pagecache *pc);
void pc_wakeup(struct pagecache *pc);

/* ---- Reading: pc_read.c ----------------------------------------------- */

#define PC_ASYNC	0x1	/* do not wait; give up where it is difficult */
#define PC_MARK		0x2	/* SLOT_RA on the first page */

/**
 * Bring pages [index, index + n) in; what is behind size (bytes) reads as
 * zero. Returns when the first page is, or was, there, unless PC_ASYNC. v_lock
 * held.
 */
int pc_readin(struct pagecache *pc, uint64_t index, uint64_t n, uint64_t size,
    int flags);
/** pagecache_read() with IO_DIRECT, of a file with a device. */
int pc_read_direct(struct pagecache *pc, struct uio *uio, uint64_t size);
/** pagecache_read() missed index and wants n pages. */
int pc_miss(struct pagecache *pc, uint64_t index, uint64_t n, uint64_t size);
/** A page with SLOT_RA was read. */
void pc_readahead(struct pagecache *pc, uint64_t index, uint64_t size);

/* ---- What is dirty: pc_flush.c ------------------------------------------ */

/** Bits of a leaf become dirty. pc_lock held. */
void pc_mark_dirty(struct pagecache *pc, struct pc_leaf *pl, uint64_t mask);
/** Dirty bits go without being written. pc_lock held. */
void pc_unmark_dirty(struct pagecache *pc, struct pc_leaf *pl, uint64_t mask);
/** After pc_mark_dirty, without pc_lock: have the flusher work if it should. */
void pc_balance(void);
/** Memory is short: have dirty pages written; wait for some I/O if asked to. */
void pc_flush_hurry(bool wait);
/** No flusher holds pc any more, and none will. No locks. */
void pc_flush_quiesce(struct pagecache *pc);
int pc_flush_init(void);

/* ---- Memory: pc_reclaim.c --------------------------------------------- */

void pc_lru_insert(struct pc_leaf *pl);
void pc_lru_remove(struct pc_leaf *pl);
/** In place of old. */
void pc_lru_replace(struct pc_leaf *old, struct pc_leaf *pl);
/** Free about want clean pages. Tries for locks only. @return pages freed */
size_t pc_shrink(size_t want);
/** Before bringing n pages in: stay within the limit. */
void pc_make_room(size_t n);
/** How many pages of files with a device there may be. */
uint64_t pc_pages_max(void);
/** So many pages may be brought in at a time: not all that fit. */
uint64_t pc_window_max(void);
/** Pages of files with a device. */
extern _Atomic uint64_t pc_file_pages;
void pc_reclaim_init(void);

#endif
