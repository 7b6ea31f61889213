/* SPDX-License-Identifier: BSD-2-Clause */
/** @file pagecache.h
 * The page cache: file data, kept by page index per file.
 *
 * A pagecache is a member of its vnode. A file system with a device gives
 * operations that move pages to and from it; without operations (tmpfs) the
 * cache is the storage: missing pages are holes and read as zero, and pages
 * never leave by themselves.
 *
 * The caller's v_lock (S for reading, X for all that changes) protects the
 * file's size and the set of dirty pages against truncation; the cache's own
 * locks protect the rest, and readers take none for a page that is there.
 */
#ifndef KERN_PAGECACHE_H
#define KERN_PAGECACHE_H

#include <kern/epoch.h>
#include <kern/sync.h>

struct blkdev;
struct iovec;
struct mount;
struct pagecache;
struct uio;
struct vnode;

/** Where a run of a file's bytes is. */
struct pc_extent {
	uint64_t pe_addr;	/* device offset, bytes; PC_HOLE */
	uint64_t pe_len;	/* bytes from the offset asked for */
};
#define PC_HOLE UINT64_MAX

struct pagecache_ops {
	/**
	 * Where are the bytes from off on? A hole reads as zero. At least one
	 * file system block in pe_len; may go beyond the end of the file. off
	 * is page aligned, or where the run before ended inside of a page.
	 * pe_addr and (but for the end of the file) pe_len are multiples of
	 * the device's sectors. vp S or X held by the reader, also for
	 * read-ahead.
	 */
	int (*pco_map)(struct vnode *vp, uint64_t off, struct pc_extent *pe);
	/**
	 * The bytes off..off+len are about to be written to the device:
	 * allocate what is not (delayed allocation), and say where. Where
	 * blocks are bigger than a page, the file system itself clears the
	 * rest of a new one, and of the last one when the file grows. A run
	 * shorter than len is asked again for the rest, where a page goes on
	 * also at the offset inside of it. What lies behind the end of the
	 * file (its last block may be written whole) is PC_HOLE: nothing is
	 * written. v_lock S or X (write-behind takes it S, for several files
	 * at a time).
	 */
	int (*pco_map_write)(struct vnode *vp, uint64_t off, uint64_t len,
	    struct pc_extent *pe);
	/**
	 * A run that pco_map_write gave (or a part of it) is on the device, or
	 * has failed. Called before waiters go on, on a thread that may sleep
	 * but must not take v_lock. May be NULL.
	 */
	void (*pco_written)(struct vnode *vp, uint64_t off, uint64_t len,
	    int error);
	struct blkdev *(*pco_dev)(struct vnode *vp);
};

/*
 * I  immutable   p  pc_lock   d  the list of dirty files   a  atomic
 */
struct pagecache {
	const struct pagecache_ops *pc_ops;	/* [I] NULL: anonymous */
	struct vnode *pc_vnode;			/* [I] */
	_Atomic uintptr_t pc_root;		/* [p]; read under an epoch */
	struct kmutex pc_lock;
	uint32_t pc_nload;			/* [p] pages being read in */
	uint32_t pc_nwb;			/* [p] pages being written */
	_Atomic uint64_t pc_npages;		/* [a] */
	_Atomic uint32_t pc_ndirty;		/* [a] */
	_Atomic int pc_error;			/* [a] of write-behind, until
						   fsync reports it */
	_Atomic uint64_t pc_ranext;		/* [a] read-ahead: next index */
	_Atomic uint32_t pc_rawindow;		/* [a] pages */
	uint16_t pc_pins;			/* [p] readers that may sleep */
	bool pc_listed;				/* [p] it is on that list */
	_Atomic uint32_t pc_holds;		/* [d] flushers at work */
	uint32_t pc_pass;			/* [d] last sync that saw it */
	int64_t pc_dirtytime;			/* [d] monotonic, first dirty */
	struct list pc_dirtylink;		/* [d] files with dirty pages */
};

void pagecache_init(struct pagecache *pc, struct vnode *vp,
    const struct pagecache_ops *ops);
/** Drop all pages, dirty ones too. */
void pagecache_fini(struct pagecache *pc);

/**
 * Have the processor fetch the bytes at off, if they are cached, for a read
 * that comes when something else is done. v_lock S or X.
 */
void pagecache_prefetch(struct pagecache *pc, uint64_t off);
/**
 * Copy from the file at uio_offset until size (the file's, bytes) or the end
 * of the uio. v_lock S or X.
 */
int pagecache_read(struct pagecache *pc, struct uio *uio, uint64_t size,
    int ioflag);
/**
 * Copy to the file at uio_offset; pages become dirty. oldsize is the file's
 * before: what lies between it and the offset reads as zero afterwards. The
 * caller has reserved space, and sets the new size to what uio_offset became
 * (also after an error). v_lock X.
 */
int pagecache_write(struct pagecache *pc, struct uio *uio, uint64_t oldsize,
    int ioflag);
/**
 * The file is cut or grown to size: pages beyond go (waits for their I/O), the
 * rest of the last page is zeroed. v_lock X.
 */
int pagecache_truncate(struct pagecache *pc, uint64_t oldsize, uint64_t size);
/**
 * The range reads as a hole: whole pages go, partial ones are zeroed and
 * become dirty. v_lock X.
 */
int pagecache_punch(struct pagecache *pc, uint64_t off, uint64_t len);
/**
 * Write dirty pages of the range (end 0: to the end). wait: returns when the
 * device has them, and reports (and forgets) earlier errors of write-behind.
 * v_lock S or X.
 */
int pagecache_flush(struct pagecache *pc, uint64_t start, uint64_t end,
    bool wait);
/**
 * Have pages of the range read in, as far as they are missing and memory is
 * plenty; returns without waiting for them. size: of the file. v_lock S or X.
 */
void pagecache_willneed(struct pagecache *pc, uint64_t off, uint64_t len,
    uint64_t size);
/**
 * Forget whole pages of the range [start, end) that are clean and at rest; on
 * an anonymous cache, none. v_lock X.
 */
void pagecache_drop(struct pagecache *pc, uint64_t start, uint64_t end);
/**
 * Next offset >= off that has (data) or has no (hole) page; UINT64_MAX: there
 * is none. v_lock S or X.
 */
uint64_t pagecache_seek(struct pagecache *pc, uint64_t off, bool data);
/** Is any page of the range dirty? (Delayed allocation, SEEK_HOLE.) */
bool pagecache_dirty(struct pagecache *pc, uint64_t off, uint64_t len);

/** Write-behind for everything: sync(2)'s first half. No v_lock held. */
int pagecache_flush_mount(struct mount *mp, bool wait);
/**
 * Before a write, with no lock held: waits a while where too much memory is
 * dirty. Returns how many bytes to write before the next call.
 */
size_t pagecache_throttle(void);

#endif
