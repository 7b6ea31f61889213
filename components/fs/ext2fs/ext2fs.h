/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ext2fs: ext2, ext3 and ext4. What its files share.
 *
 * Lifetime: an ext2fs_inode is its vnode's v_data, from vfs_loadvnode (or
 * vcache_new) until vop_reclaim. The in-memory inode is the truth; when it is
 * dirty it is on em_dirty, and is written to the inode table by
 * ext2fs_inode_flush() at fsync, inactive, reclaim and sync.
 *
 * Lock order: v_lock -> pages -> i_map_lock -> a buffer -> g_lock -> em_lock.
 * A thread holds at most one buffer at a time, whatever it does: so no damaged
 * image, in which one block plays two parts, can make it wait for itself, and
 * memory may be reclaimed (which may read inode tables) in every other place.
 * While a buffer is held, no memory is allocated.
 *
 * All changes of metadata go through ext2fs_jnl.c.
 *
 * The format is that of the Linux kernel's documentation,
 * filesystems/ext4 (6.1).
 */
#ifndef EXT2FS_H
#define EXT2FS_H

#include <kern/assert.h>
#include <kern/buf.h>
#include <kern/byteorder.h>
#include <kern/kmem.h>
#include <kern/mount.h>
#include <kern/string.h>
#include <kern/vnode.h>

#include "ext2fs_disk.h"

#ifndef EUCLEAN
#error "the UAPI's errno has EUCLEAN"
#endif

#define EXT2FS_NOBLOCK	UINT64_MAX

/*
 * I  immutable while mounted   g  g_lock
 */
struct ext2fs_group {
	uint64_t g_bbitmap;		/* [I] blocks */
	uint64_t g_ibitmap;		/* [I] */
	uint64_t g_itable;		/* [I] */
	uint32_t g_nblocks;		/* [I] in this group */
	uint32_t g_free_blocks;		/* [g] */
	uint32_t g_free_inodes;		/* [g] */
	uint32_t g_dirs;		/* [g] */
	uint32_t g_itable_unused;	/* [g] */
	uint32_t g_bhint;		/* [g] no free block below this bit */
	uint32_t g_ihint;		/* [g] no free inode below this bit */
	uint32_t g_bb_csum;		/* [g] of the bitmaps; stale: below */
	uint32_t g_ib_csum;		/* [g] */
	uint16_t g_flags;		/* [g] EXT2_BG_* */
	uint16_t g_state;		/* [g] EG_* */
	struct kmutex g_lock;
	struct kmutex g_itlock;		/* before buffers: inodes are taken */
};

#define EG_DIRTY	0x1		/* newer than the descriptor */
#define EG_BB_STALE	0x2		/* g_bb_csum is to be computed */
#define EG_IB_STALE	0x4
#define EG_BAD		0x8		/* a bitmap is damaged: no allocation */

/** A range of blocks that are the file system's own. */
struct ext2fs_zone {
	uint64_t z_start, z_end;	/* end: the first behind it */
};

/** An inode that is on the list of orphans on the disk. */
struct ext2fs_tx;

struct ext2fs_orphan {
	struct list o_link;		/* [m] em_orphans, newest first */
	uint32_t o_ino;
};

/*
 * I  immutable while mounted   m  em_lock   a  atomic
 */
struct ext2fs_mount {
	struct mount *em_mount;		/* [I] */
	struct blkdev *em_dev;		/* [I] what is read and written */
	struct blkdev *em_lower;	/* [I] the device; != em_dev: overlay */
	bool em_devwrite;		/* [I] opened for writing */
	uint32_t em_compat;		/* [I] */
	uint32_t em_incompat;		/* [I] but RECOVER */
	uint32_t em_ro_compat;		/* [I] */
	uint32_t em_bsize;		/* [I] bytes of a block */
	uint32_t em_bshift;		/* [I] */
	uint32_t em_isize;		/* [I] bytes of an inode on the disk */
	uint32_t em_want_extra;		/* [I] extra_isize of new inodes */
	uint32_t em_dsize;		/* [I] bytes of a group descriptor */
	uint32_t em_bpg, em_ipg;	/* [I] blocks, inodes of a group */
	uint32_t em_clbits;		/* [I] log2 of blocks of a cluster */
	uint32_t em_ngroups;		/* [I] */
	uint32_t em_flex;		/* [I] groups of a flex group */
	uint32_t em_first_block;	/* [I] s_first_data_block */
	uint32_t em_first_ino;		/* [I] */
	uint32_t em_inodes;		/* [I] */
	uint64_t em_blocks;		/* [I] */
	uint64_t em_overhead;		/* [I] blocks */
	uint64_t em_rblocks;		/* [I] reserved for the super-user */
	uint32_t em_resuid, em_resgid;	/* [I] */
	uint32_t em_seed;		/* [I] of crc32c checksums */
	uint32_t em_hash_seed[4];	/* [I] */
	uint8_t em_hash_version;	/* [I] default; DX_HASH_* */
	bool em_hash_unsigned;		/* [I] */
	bool em_metacsum;		/* [I] crc32c of all metadata */
	bool em_gdtcsum;		/* [I] checksummed, uninit groups */
	bool em_orphaned;		/* [I] orphans are being processed */
	bool em_was_valid;		/* [m] s_state to restore at unmount */
	struct ext2fs_group *em_groups;	/* [I] em_ngroups */
	struct ext2fs_zone *em_zones;	/* [I] sorted, disjoint */
	uint32_t em_nzones, em_zonealloc; /* [I] */
	uint64_t em_max_extents;	/* [I] largest size, bytes */
	uint64_t em_max_indirect;	/* [I] */

	_Atomic uint64_t em_free_blocks; /* [a] sums over the groups */
	_Atomic uint32_t em_free_inodes; /* [a] */
	_Atomic uint32_t em_dirs;	/* [a] */
	_Atomic uint64_t em_reserved;	/* [a] delayed allocation: blocks */
	_Atomic uint32_t em_rover;	/* [a] spreads top directories */
	_Atomic uint32_t em_gen;	/* [a] generation of the next inode */
	_Atomic uint32_t em_ntx;	/* [a] modifications going on */
	_Atomic bool em_readonly;	/* [a] modifications are refused */
	_Atomic bool em_damaged;	/* [a] an error was found */
	_Atomic uint32_t em_reports;	/* [a] lines put on the console */

	struct kmutex em_lock;
	struct kmutex em_orphan_lock;	/* before buffers: the orphans' chain */
	struct list em_orphans;		/* [em_orphan_lock] */
	struct list em_dirty;		/* [m] inodes to be written */
	uint8_t em_sb[EXT2_SB_SIZE];	/* [m] the super block */
	bool em_sb_dirty;		/* [m] */
	char em_name[64];		/* [I] of the device, for messages */
};

/*
 * I  immutable   v  v_lock (X to write)   d  i_map_lock (X to write)
 * m  em_lock     e  i_ec_lock             a  atomic
 * Mode, uid and gid are the vnode's; the rest of what is on the disk is kept
 * there.
 */
struct ext2fs_inode {
	struct vnode *i_vnode;		/* [I] */
	struct list i_dirtylink;	/* [m] em_dirty */
	struct krwlock i_map_lock;
	struct kspin i_ec_lock;
	uint8_t i_block[EXT2_BLOCK_BYTES]; /* [d] root of the map */
	uint32_t i_flags;		/* [v] */
	uint32_t i_gen;			/* [I] */
	_Atomic uint64_t i_size;	/* [a] written with v_lock X */
	_Atomic uint64_t i_blocks;	/* [a] 512-byte units; with [d] */
	_Atomic uint64_t i_atime;	/* [a] ext2fs_time */
	_Atomic uint64_t i_mtime, i_ctime; /* [a] */
	uint64_t i_crtime;		/* [I] */
	uint64_t i_xablock;		/* [v] block of attributes, or 0 */
	struct ext2fs_orphan *i_orphan;	/* [v] it is on the list */
	uint64_t i_ec_pblk;		/* [e] extent looked up last */
	uint32_t i_ec_lblk, i_ec_len;	/* [e] len 0: none */
	union {
		uint32_t i_reserved;	/* [d] delayed allocation: blocks */
		uint32_t i_hint;	/* [v] directory: block that had room */
	};
	uint32_t i_seed;		/* [I] checksums of what belongs to it */
	_Atomic uint32_t i_parent;	/* [a] directory: what ".." was seen to
					   be, or 0 */
	uint16_t i_links;		/* [v] as on the disk */
	uint8_t i_extra;		/* [I] extra_isize, / 4 */
	_Atomic uint8_t i_state;	/* [a] IS_* */
};

#define IS_DIRTY	0x01		/* on em_dirty */
#define IS_DEAD		0x02		/* freed on the disk */
#define IS_NEW		0x04		/* its place holds an older inode */

#define VTOI(vp)	((struct ext2fs_inode *)(vp)->v_data)
#define ITOM(ip)	((struct ext2fs_mount *)(ip)->i_vnode->v_mount->mnt_data)
#define I_INO(ip)	((uint32_t)(ip)->i_vnode->v_ino)
#define MPTOEM(mp)	((struct ext2fs_mount *)(mp)->mnt_data)

static inline uint64_t
i_size_get(const struct ext2fs_inode *ip)
{
	return atomic_load_explicit(&ip->i_size, memory_order_relaxed);
}

static inline bool
i_has_extents(const struct ext2fs_inode *ip)
{
	return (ip->i_flags & EXT2_EXTENTS_FL) != 0;
}

/** Blocks that a number of bytes takes. */
static inline uint64_t
em_howmany(const struct ext2fs_mount *em, uint64_t bytes)
{
	return (bytes >> em->em_bshift) +
	    ((bytes & (em->em_bsize - 1)) != 0);
}

/* ---- ext2fs_super.c --------------------------------------------------- */

int ext2fs_super_read(struct ext2fs_mount *em, bool rdonly);
/** Write the super block. ENOMEM, EIO */
int ext2fs_super_write(struct ext2fs_mount *em, bool wait);
/** May this kernel write to it? EROFS, and the console says why. */
int ext2fs_super_writable(struct ext2fs_mount *em, const char *what);
/**
 * The image is damaged at a place: one line on the console, the error state
 * is recorded, and the mount goes read-only.
 * @return EUCLEAN
 */
int ext2fs_corrupt(struct ext2fs_mount *em, const char *fmt, ...)
    __printflike(2, 3);
/** Does the group have a copy of the super block and the descriptors? */
bool ext2fs_group_has_super(const struct ext2fs_mount *em, uint32_t g);

/* ---- ext2fs_group.c --------------------------------------------------- */

int ext2fs_groups_read(struct ext2fs_mount *em);
void ext2fs_groups_free(struct ext2fs_mount *em);
/** Write the descriptors that changed, with their bitmaps' checksums. */
int ext2fs_groups_flush(struct ext2fs_mount *em);
/** Is any of the blocks the file system's own, or outside of it? */
bool ext2fs_block_bad(const struct ext2fs_mount *em, uint64_t blk, uint64_t n);
/** First block of a group. */
static inline uint64_t
ext2fs_group_start(const struct ext2fs_mount *em, uint32_t g)
{
	return em->em_first_block + (uint64_t)g * em->em_bpg;
}
/**
 * A group's bitmap of blocks or of inodes, for a change; checked when it is
 * read, made where the group has none yet.
 */
int ext2fs_bitmap_get(struct ext2fs_tx *tx, uint32_t g, bool inodes,
    struct buf **bpp);
/** It was changed: give it back. g_lock is not held. */
void ext2fs_bitmap_dirty(struct ext2fs_tx *tx, uint32_t g, bool inodes,
    struct buf *bp);
/** The first bit from lo on that is val; hi: there is none. */
uint32_t ext2fs_bitmap_next(const uint8_t *map, uint32_t lo, uint32_t hi,
    bool val);

/* ---- ext2fs_csum.c ---------------------------------------------------- */

uint16_t ext2fs_crc16(uint16_t crc, const void *p, size_t n);
uint32_t ext2fs_crc32c(uint32_t crc, const void *p, size_t n);
/** IEEE 802.3's polynomial, most significant bit first (journal v1). */
uint32_t ext2fs_crc32be(uint32_t crc, const void *p, size_t n);
int ext2fs_csum_init(void);

/* ---- ext2fs_jnl.c ----------------------------------------------------- */

/** A modification: several blocks that change together. */
struct ext2fs_tx {
	struct ext2fs_mount *tx_mount;
};

/** What a block is, and whose: checked once while it stays in memory. */
enum ext2fs_kind {
	EK_RAW, EK_DIR, EK_DXNODE, EK_EXTENT, EK_INDIRECT, EK_XATTR,
	EK_SYMLINK, EK_SYSTEM
};
typedef int (*ext2fs_check_t)(struct ext2fs_mount *em, struct ext2fs_inode *ip,
    uint64_t blk, const uint8_t *data);

int ext2fs_tx_begin(struct ext2fs_mount *em, struct ext2fs_tx *tx);
/** As begin, but also while the file system goes read-only or is unmounted. */
void ext2fs_tx_begin_nofail(struct ext2fs_mount *em, struct ext2fs_tx *tx);
void ext2fs_tx_end(struct ext2fs_tx *tx);
/** Read a block of metadata; check (may be NULL) is asked once. */
int ext2fs_bread(struct ext2fs_mount *em, struct ext2fs_inode *ip,
    uint64_t blk, enum ext2fs_kind kind, ext2fs_check_t check,
    struct buf **bpp);
/** A block that was just allocated: zeroed, and said to be checked. */
int ext2fs_bnew(struct ext2fs_tx *tx, struct ext2fs_inode *ip, uint64_t blk,
    enum ext2fs_kind kind, struct buf **bpp);
/** The held buffer will be changed. */
void ext2fs_bwant(struct ext2fs_tx *tx, struct buf *bp);
/** It has been changed: give it back. */
void ext2fs_bdirty(struct ext2fs_tx *tx, struct buf *bp);
/** Blocks of metadata were freed. */
void ext2fs_bforget(struct ext2fs_tx *tx, uint64_t blk, uint64_t n);
/** Replay, checks, s_state: from here on the image may be written. */
int ext2fs_jnl_start(struct ext2fs_mount *em);
/** Leave the image clean. */
int ext2fs_jnl_stop(struct ext2fs_mount *em);
/** Write everything that is in memory to the device. */
int ext2fs_jnl_flush(struct ext2fs_mount *em, bool wait);

/* ---- ext2fs_replay.c, ext2fs_overlay.c -------------------------------- */

struct ext2fs_overlay;

/** A replayed block comes to sink. */
typedef int (*ext2fs_sink_t)(void *arg, uint64_t blk, const uint8_t *data);
/** Replay the journal into sink. *seqp: the number that comes next. */
int ext2fs_replay(struct ext2fs_mount *em, ext2fs_sink_t sink, void *arg,
    uint32_t *seqp);
/** Replay to the device and mark the journal empty. */
int ext2fs_recover(struct ext2fs_mount *em);
/** Replay in memory: em_dev becomes a device that shows the result. */
int ext2fs_overlay_open(struct ext2fs_mount *em);
void ext2fs_overlay_close(struct ext2fs_mount *em);

/* ---- ext2fs_inode.c --------------------------------------------------- */

extern struct pool *ext2fs_inode_pool;

/** Where is an inode? EINVAL for a number out of range. */
int ext2fs_inode_where(const struct ext2fs_mount *em, uint32_t ino,
    uint64_t *blkp, uint32_t *offp);
int ext2fs_loadvnode(struct mount *mp, struct vnode *vp);
int ext2fs_handle(struct mount *mp, ino_t ino);
void ext2fs_reclaim(struct vnode *vp);
void ext2fs_inactive(struct vnode *vp, bool *freep);
/** What vcache_new()'s fill does: an inode as ialloc made it. */
int ext2fs_newvnode(struct vnode *vp, void *arg);
/** Something of it changed. */
void ext2fs_inode_dirty(struct ext2fs_inode *ip);
/** Write it to the inode table, if it is dirty. */
int ext2fs_inode_flush(struct ext2fs_tx *tx, struct ext2fs_inode *ip);
/** Write all that are dirty. */
int ext2fs_inodes_flush(struct ext2fs_mount *em);
/**
 * An inode that has no vnode (the journal's): a vnode of its own, for the map
 * functions only.
 */
int ext2fs_inode_open(struct ext2fs_mount *em, uint32_t ino,
    struct ext2fs_inode **ipp);
void ext2fs_inode_close(struct ext2fs_inode *ip);
/** Verify or set the checksum of a raw inode. */
bool ext2fs_inode_csum_ok(const struct ext2fs_mount *em, uint32_t ino,
    const uint8_t *di);
void ext2fs_inode_csum_set(const struct ext2fs_mount *em, uint32_t ino,
    uint8_t *di);

/* ---- ext2fs_time.c ---------------------------------------------------- */

uint64_t ext2fs_time_now(const struct ext2fs_inode *ip);
uint64_t ext2fs_time_pack(const struct ext2fs_inode *ip,
    const struct timespec *ts);
struct timespec ext2fs_time_unpack(uint64_t t);
/** mtime and ctime are now; dirty. */
void ext2fs_touch(struct ext2fs_inode *ip);
void ext2fs_touch_ctime(struct ext2fs_inode *ip);
/** Between a raw inode and memory; i_extra is known. */
void ext2fs_times_decode(struct ext2fs_inode *ip, const uint8_t *di);
void ext2fs_times_encode(const struct ext2fs_inode *ip, uint8_t *di);

/* ---- Mapping: ext2fs_map.c, _extent.c, _extmod.c, _indirect.c --------- */

/** A run of a file's blocks. */
struct ext2fs_run {
	uint64_t r_lblk;		/* first block in the file */
	uint64_t r_len;			/* blocks, at least 1 */
	uint64_t r_pblk;		/* on the device; NOBLOCK: a hole */
	bool r_unwritten;		/* allocated, reads as zero */
};

/** Largest logical block number + 1. */
#define EXT2FS_MAX_LBLK 0xffffffffull

/** The run that holds lblk, from lblk on. Takes i_map_lock. */
int ext2fs_map(struct ext2fs_inode *ip, uint64_t lblk, struct ext2fs_run *r);
int ext2fs_map_locked(struct ext2fs_inode *ip, uint64_t lblk,
    struct ext2fs_run *r);
/**
 * Allocate blocks for the hole at lblk (len wanted, at most max_len), map
 * them. unwritten: they read as zero. *r: what was made. i_map_lock X.
 */
int ext2fs_map_alloc(struct ext2fs_tx *tx, struct ext2fs_inode *ip,
    uint64_t lblk, uint64_t len, bool unwritten, unsigned how,
    struct ext2fs_run *r);
/** Free the blocks from lblk up to end (not included). i_map_lock X. */
int ext2fs_map_free(struct ext2fs_tx *tx, struct ext2fs_inode *ip,
    uint64_t lblk, uint64_t end);
/** A block of a directory, symlink: allocated if it is a hole. */
int ext2fs_map_block(struct ext2fs_tx *tx, struct ext2fs_inode *ip,
    uint64_t lblk, uint64_t *pblkp);
/** Forget the extent looked up last. */
void ext2fs_map_uncache(struct ext2fs_inode *ip);

int ext2fs_extent_map(struct ext2fs_inode *ip, uint64_t lblk,
    struct ext2fs_run *r);
void ext2fs_extent_init(uint8_t *root);
int ext2fs_extent_check(struct ext2fs_mount *em, struct ext2fs_inode *ip,
    uint64_t blk, const uint8_t *data);
int ext2fs_extent_check_node(struct ext2fs_mount *em, uint32_t ino,
    const uint8_t *eh, uint32_t size);
int ext2fs_extent_insert(struct ext2fs_tx *tx, struct ext2fs_inode *ip,
    const struct ext2fs_run *r);
int ext2fs_extent_remove(struct ext2fs_tx *tx, struct ext2fs_inode *ip,
    uint64_t lblk, uint64_t end);
/** Part of unwritten extents becomes written, or the reverse. */
int ext2fs_extent_convert(struct ext2fs_tx *tx, struct ext2fs_inode *ip,
    uint64_t lblk, uint64_t len, bool unwritten);
void ext2fs_extent_csum_set(struct ext2fs_inode *ip, uint8_t *data);

int ext2fs_indirect_map(struct ext2fs_inode *ip, uint64_t lblk,
    struct ext2fs_run *r);
int ext2fs_indirect_insert(struct ext2fs_tx *tx, struct ext2fs_inode *ip,
    struct ext2fs_run *r);
int ext2fs_indirect_remove(struct ext2fs_tx *tx, struct ext2fs_inode *ip,
    uint64_t lblk, uint64_t end);

/* ---- ext2fs_balloc.c -------------------------------------------------- */

#define BA_RESERVED	0x1		/* paid for by delayed allocation */
#define BA_META		0x2		/* metadata: may use what is left */

/**
 * Allocate up to len blocks in one run, at goal if possible. i_blocks is not
 * changed. ENOSPC
 */
int ext2fs_balloc(struct ext2fs_tx *tx, struct ext2fs_inode *ip, uint64_t goal,
    uint64_t len, unsigned how, uint64_t *pblkp, uint64_t *lenp);
/** Give blocks back. meta: buffers of them are forgotten. */
void ext2fs_bfree(struct ext2fs_tx *tx, struct ext2fs_inode *ip, uint64_t blk,
    uint64_t len, bool meta);
/** Allocate and free one block of metadata; counts in i_blocks. */
int ext2fs_balloc_meta(struct ext2fs_tx *tx, struct ext2fs_inode *ip,
    uint64_t goal, uint64_t *pblkp);
void ext2fs_bfree_meta(struct ext2fs_tx *tx, struct ext2fs_inode *ip,
    uint64_t blk);
/** Put blocks by for delayed allocation. ENOSPC */
int ext2fs_reserve(struct ext2fs_mount *em, uint64_t n);
void ext2fs_unreserve(struct ext2fs_mount *em, uint64_t n);
/** Blocks that the caller may still take. */
uint64_t ext2fs_bavail(struct ext2fs_mount *em, const struct cred *cr);
/** Blocks counted in i_blocks. */
void ext2fs_blocks_add(struct ext2fs_inode *ip, int64_t nblocks);

/* ---- ext2fs_ialloc.c -------------------------------------------------- */

int ext2fs_ialloc(struct ext2fs_tx *tx, struct ext2fs_inode *dip, mode_t mode,
    uint32_t *inop);
/** Does the bitmap say that an inode is in use? */
bool ext2fs_inode_in_use(struct ext2fs_mount *em, uint32_t ino);
void ext2fs_ifree(struct ext2fs_tx *tx, struct ext2fs_mount *em, uint32_t ino,
    bool dir);

/* ---- ext2fs_data.c ---------------------------------------------------- */

extern const struct pagecache_ops ext2fs_pagecache_ops;

/** It was read: set its atime, if the mount wants that. v_lock S. */
void ext2fs_accessed(struct vnode *vp);
int ext2fs_read(struct vnode *vp, struct uio *uio, int ioflag);
int ext2fs_write(struct vnode *vp, struct uio *uio, int ioflag);
int ext2fs_fsync(struct vnode *vp, int flags, uint64_t start, uint64_t end);
int ext2fs_fallocate(struct vnode *vp, int mode, uint64_t off, uint64_t len);
int ext2fs_seekhole(struct vnode *vp, int whence, uint64_t *offp);
int ext2fs_bmap(struct vnode *vp, uint64_t off, uint64_t *addrp,
    uint64_t *runp);
/** Set the size of a regular file. v_lock X. */
int ext2fs_setsize(struct ext2fs_tx *tx, struct ext2fs_inode *ip,
    uint64_t size);
uint64_t ext2fs_maxsize(const struct ext2fs_inode *ip);

/* ---- Directories: ext2fs_dirblock.c, _dir.c --------------------------- */

/** An entry found in a block. */
struct ext2fs_slot {
	uint64_t s_lblk;		/* block of the directory */
	uint64_t s_pblk;
	uint32_t s_off;			/* of the entry in the block */
	uint32_t s_ino;
};

/** Bytes of a block that entries may fill. */
uint32_t ext2fs_dirblock_room(const struct ext2fs_mount *em);
uint32_t ext2fs_dirblock_reclen(const struct ext2fs_mount *em,
    const uint8_t *de);
void ext2fs_dirblock_set_reclen(const struct ext2fs_mount *em, uint8_t *de,
    uint32_t len);
int ext2fs_dirblock_check(struct ext2fs_mount *em, struct ext2fs_inode *ip,
    uint64_t blk, const uint8_t *data);
bool ext2fs_dirblock_find(const struct ext2fs_mount *em, const uint8_t *data,
    const char *name, size_t len, uint32_t *offp);
/** Put an entry in; false: no room. */
bool ext2fs_dirblock_insert(const struct ext2fs_mount *em, uint8_t *data,
    const char *name, size_t len, uint32_t ino, uint8_t type);
void ext2fs_dirblock_remove(const struct ext2fs_mount *em, uint8_t *data,
    uint32_t off);
/** One entry that fills the block, and the tail. */
void ext2fs_dirblock_init(const struct ext2fs_mount *em, uint8_t *data);
/** "." and "..", and the tail. */
void ext2fs_dirblock_init_dots(const struct ext2fs_mount *em, uint8_t *data,
    uint32_t self, uint32_t parent);
void ext2fs_dirblock_csum_set(struct ext2fs_inode *dip, uint8_t *data);
uint8_t ext2fs_ft_of_mode(mode_t mode);
uint8_t ext2fs_dtype_of_ft(uint8_t ft);

/** Read block lblk of a directory (EK_DIR) and check it. */
int ext2fs_dir_bread(struct ext2fs_inode *dip, uint64_t lblk,
    uint64_t *pblkp, struct buf **bpp);
/** Append a block; *lblkp is its number. */
int ext2fs_dir_grow(struct ext2fs_tx *tx, struct ext2fs_inode *dip,
    uint64_t *lblkp, uint64_t *pblkp);
int ext2fs_dir_lookup(struct ext2fs_inode *dip, const char *name, size_t len,
    struct ext2fs_slot *slot);
int ext2fs_dir_add(struct ext2fs_tx *tx, struct ext2fs_inode *dip,
    const char *name, size_t len, uint32_t ino, mode_t mode);
int ext2fs_dir_remove(struct ext2fs_tx *tx, struct ext2fs_inode *dip,
    const char *name, size_t len, uint32_t ino);
/** Let an entry name another inode. */
int ext2fs_dir_replace(struct ext2fs_tx *tx, struct ext2fs_inode *dip,
    const char *name, size_t len, uint32_t ino, mode_t mode);
int ext2fs_dir_empty(struct ext2fs_inode *dip, bool *emptyp);
int ext2fs_readdir(struct vnode *dvp, off_t *offp, vop_filldir_t fn,
    void *arg);

/* ---- Indexes of directories: ext2fs_hash.c, _htree.c, _htmod.c -------- */

/** How names are hashed in one directory. */
struct ext2fs_hash {
	uint8_t h_version;		/* DX_HASH_*, with the _U ones */
	const uint32_t *h_seed;
};

/** @return false: the version is not known */
bool ext2fs_hash(const struct ext2fs_hash *h, const char *name, size_t len,
    uint32_t *hashp);
/**
 * Is the directory indexed? Fills h and the number of levels below the root.
 * An index that cannot be used (damaged root) is an error.
 */
int ext2fs_htree_open(struct ext2fs_inode *dip, struct ext2fs_hash *h,
    uint32_t *levelsp);
int ext2fs_htree_lookup(struct ext2fs_inode *dip, const char *name,
    size_t len, struct ext2fs_slot *slot);
int ext2fs_htree_add(struct ext2fs_tx *tx, struct ext2fs_inode *dip,
    const char *name, size_t len, uint32_t ino, uint8_t type);
/** Turn a directory of one full block into an indexed one. */
int ext2fs_htree_make(struct ext2fs_tx *tx, struct ext2fs_inode *dip);

/** The way to a leaf: index blocks, each with the entry taken. */
struct ext2fs_dxpath {
	uint64_t p_lblk[DX_MAX_LEVELS + 1];
	uint32_t p_at[DX_MAX_LEVELS + 1];	/* which entry */
	uint32_t p_levels;			/* below the root */
	uint64_t p_leaf;			/* block of the directory */
	uint32_t p_next;			/* hash of the next leaf */
	bool p_more;				/* there is a next leaf */
};
int ext2fs_htree_walk(struct ext2fs_inode *dip, uint32_t levels,
    uint32_t hash, struct ext2fs_dxpath *path);
/** Go on to the next leaf; p_more says that there is one. */
int ext2fs_htree_next(struct ext2fs_inode *dip, struct ext2fs_dxpath *path);
/** Read an index block and check it; *entriesp: where its entries are. */
int ext2fs_htree_bread(struct ext2fs_inode *dip, uint64_t lblk,
    struct buf **bpp, uint32_t *entriesp);
void ext2fs_dx_csum_set(struct ext2fs_inode *dip, uint8_t *data,
    uint32_t entries);
uint32_t ext2fs_dx_limit(const struct ext2fs_mount *em, uint32_t entries);

/* ---- ext2fs_vnops.c, _namei.c, _rename.c, _symlink.c ------------------ */

extern const struct vnodeops ext2fs_vnodeops;

int ext2fs_create(struct vnode *dvp, const struct componentname *cnp,
    const struct vattr *va, struct vnode **vpp);
int ext2fs_mkdir(struct vnode *dvp, const struct componentname *cnp,
    const struct vattr *va, struct vnode **vpp);
int ext2fs_tmpfile(struct vnode *dvp, const struct vattr *va,
    struct vnode **vpp);
int ext2fs_link(struct vnode *dvp, struct vnode *vp,
    const struct componentname *cnp);
int ext2fs_unlink(struct vnode *dvp, struct vnode *vp,
    const struct componentname *cnp);
int ext2fs_rmdir(struct vnode *dvp, struct vnode *vp,
    const struct componentname *cnp);
int ext2fs_rename(const struct rename_args *ra);
int ext2fs_symlink(struct vnode *dvp, const struct componentname *cnp,
    const struct vattr *va, const char *target, size_t len,
    struct vnode **vpp);
int ext2fs_readlink(struct vnode *vp, struct uio *uio);
bool ext2fs_fast_symlink(const struct ext2fs_inode *ip);

/** Make an inode (one link, or none) without a name. Inside a tx. */
int ext2fs_make(struct ext2fs_tx *tx, struct vnode *dvp,
    const struct vattr *va, struct vnode **vpp);
/** Undo ext2fs_make(), after tx: the vnode goes, and its inode. */
void ext2fs_unmake(struct vnode *vp);
/** One link less; at none it becomes an orphan. */
int ext2fs_drop_link(struct ext2fs_tx *tx, struct ext2fs_inode *ip);
/** More or fewer subdirectories: ".." counts. */
void ext2fs_dir_link(struct ext2fs_inode *dip, int change);
bool ext2fs_dir_full(const struct ext2fs_inode *dip);

/* ---- ext2fs_xattr.c, _xablock.c, _acl.c ------------------------------- */

int ext2fs_getxattr(struct vnode *vp, const char *name, struct uio *uio,
    size_t *sizep);
int ext2fs_setxattr(struct vnode *vp, const char *name, const void *val,
    size_t len, int flags);
int ext2fs_listxattr(struct vnode *vp, struct uio *uio, size_t *sizep);
/** The inode goes: give its block of attributes back. */
void ext2fs_xattr_free(struct ext2fs_tx *tx, struct ext2fs_inode *ip);

int ext2fs_xablock_read(struct ext2fs_inode *ip, uint8_t *copy);
/** Write bsize bytes as ip's block of attributes; NULL: it has none now. */
int ext2fs_xablock_write(struct ext2fs_tx *tx, struct ext2fs_inode *ip,
    uint8_t *data);

/** POSIX ACLs: system call's form <-> the disk's. 0 or EINVAL; *outlenp. */
int ext2fs_acl_to_disk(const uint8_t *in, size_t len, uint8_t *out,
    size_t *outlenp);
int ext2fs_acl_from_disk(const uint8_t *in, size_t len, uint8_t *out,
    size_t *outlenp);

/* ---- ext2fs_orphan.c -------------------------------------------------- */

/** An inode without links and still open: on the disk's list. */
int ext2fs_orphan_add(struct ext2fs_tx *tx, struct ext2fs_inode *ip);
void ext2fs_orphan_remove(struct ext2fs_tx *tx, struct ext2fs_inode *ip);
/** At a writable mount: free what the last one left. */
int ext2fs_orphans_process(struct ext2fs_mount *em);

#endif
