/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Contents of regular files: the page cache's questions, and the operations.
 *
 * Blocks are allocated when pages are written to the device, so that they come
 * in long runs. That there will be blocks is made sure before: a write reserves
 * one for each block of a clean page that has none. i_reserved may be more than
 * what dirty pages need (pages at the end of a file have fewer blocks later
 * found to be needed); what is too much is given back when no page is dirty.
 */
#include "ext2fs.h"
#include <kern/uio.h>
#include <linux/falloc.h>
#include <linux/fs.h>

uint64_t
ext2fs_maxsize(const struct ext2fs_inode *ip)
{
	const struct ext2fs_mount *em = ITOM(ip);

	return i_has_extents(ip) ? em->em_max_extents : em->em_max_indirect;
}

/* ---- The page cache's questions --------------------------------------- */

/* A run, as bytes from off on, which is in its first block. */
static void
run_to_extent(const struct ext2fs_mount *em, const struct ext2fs_run *r,
    uint64_t off, struct pc_extent *pe)
{
	uint64_t in = off & (em->em_bsize - 1);

	pe->pe_len = (r->r_len << em->em_bshift) - in;
	pe->pe_addr = r->r_pblk == EXT2FS_NOBLOCK || r->r_unwritten ?
	    PC_HOLE : (r->r_pblk << em->em_bshift) + in;
}

static int
data_map(struct vnode *vp, uint64_t off, struct pc_extent *pe)
{
	struct ext2fs_inode *ip = VTOI(vp);
	struct ext2fs_mount *em = ITOM(ip);
	struct ext2fs_run r;
	int error;

	error = ext2fs_map(ip, off >> em->em_bshift, &r);
	if (error == 0)
		run_to_extent(em, &r, off, pe);
	return error;
}

/* Blocks came into being that were reserved. i_map_lock X. */
static void
reserved_used(struct ext2fs_inode *ip, uint64_t n)
{
	n = MIN(n, (uint64_t)ip->i_reserved);
	ip->i_reserved -= (uint32_t)n;
	ext2fs_unreserve(ITOM(ip), n);
}

static int
map_write_locked(struct ext2fs_inode *ip, uint64_t lblk, uint64_t len,
    struct ext2fs_run *r)
{
	struct ext2fs_mount *em = ITOM(ip);
	struct ext2fs_tx tx;
	int error;

	error = ext2fs_map_locked(ip, lblk, r);
	if (error != 0)
		return error;
	r->r_len = MIN(r->r_len, len);
	if (r->r_pblk != EXT2FS_NOBLOCK && !r->r_unwritten)
		return 0;
	if ((error = ext2fs_tx_begin(em, &tx)) != 0)
		return error;
	if (r->r_pblk == EXT2FS_NOBLOCK) {
		error = ext2fs_map_alloc(&tx, ip, lblk, r->r_len, false,
		    BA_RESERVED, r);
		if (error == 0)
			reserved_used(ip, r->r_len);
	} else {
		error = ext2fs_extent_convert(&tx, ip, lblk, r->r_len, false);
		r->r_unwritten = false;
	}
	ext2fs_tx_end(&tx);
	if (error == ENOSPC)
		klog(LOG_ERR, "ext2fs: %s: inode %u: no space for data that "
		    "was written", em->em_name, I_INO(ip));
	return error;
}

static int
data_map_write(struct vnode *vp, uint64_t off, uint64_t len,
    struct pc_extent *pe)
{
	struct ext2fs_inode *ip = VTOI(vp);
	struct ext2fs_mount *em = ITOM(ip);
	uint64_t size = i_size_get(ip), lblk, end;
	struct ext2fs_run r;
	int error;

	if (off >= size) {
		pe->pe_addr = PC_HOLE;
		pe->pe_len = len;
		return 0;
	}
	lblk = off >> em->em_bshift;
	end = em_howmany(em, MIN(off + len, size));
	rw_enter(&ip->i_map_lock, RW_READER);
	error = ext2fs_map_locked(ip, lblk, &r);
	rw_exit(&ip->i_map_lock);
	if (error != 0)
		return error;
	if (r.r_pblk == EXT2FS_NOBLOCK || r.r_unwritten) {
		rw_enter(&ip->i_map_lock, RW_WRITER);
		error = map_write_locked(ip, lblk, end - lblk, &r);
		rw_exit(&ip->i_map_lock);
		if (error != 0)
			return error;
	}
	r.r_len = MIN(r.r_len, end - lblk);
	run_to_extent(em, &r, off, pe);
	return 0;
}

static struct blkdev *
data_dev(struct vnode *vp)
{
	return ITOM(VTOI(vp))->em_dev;
}

/* ---- Reservations ----------------------------------------------------- */

/* Nothing is dirty: nothing needs to be reserved. v_lock X. */
static void
reserved_settle(struct ext2fs_inode *ip)
{
	if (ip->i_reserved == 0 ||
	    atomic_load(&ip->i_vnode->v_pages.pc_ndirty) != 0)
		return;
	rw_enter(&ip->i_map_lock, RW_WRITER);
	reserved_used(ip, ip->i_reserved);
	rw_exit(&ip->i_map_lock);
}

/* Blocks of off..end, which is a hole, in pages that are not dirty. */
static uint64_t
clean_blocks(struct ext2fs_inode *ip, uint64_t off, uint64_t end)
{
	struct pagecache *pc = &ip->i_vnode->v_pages;
	uint32_t shift = ITOM(ip)->em_bshift;
	uint64_t n = 0, next;

	if (!pagecache_dirty(pc, off, end - off))
		return (end - off) >> shift;
	for (; off < end; off = next) {
		next = MIN(rounddown2(off, PAGE_SIZE) + PAGE_SIZE, end);
		if (!pagecache_dirty(pc, off, next - off))
			n += (next - off) >> shift;
	}
	return n;
}

/* How many blocks will have to be allocated for a write to off..end? */
static int
count_needed(struct ext2fs_inode *ip, uint64_t off, uint64_t end,
    uint64_t *needp)
{
	struct ext2fs_mount *em = ITOM(ip);
	uint64_t lblk, last, stop;
	struct ext2fs_run r;
	int error;

	*needp = 0;
	lblk = rounddown2(off, PAGE_SIZE) >> em->em_bshift;
	last = roundup2(end, PAGE_SIZE) >> em->em_bshift;
	for (; lblk < last; lblk = stop) {
		if ((error = ext2fs_map(ip, lblk, &r)) != 0)
			return error;
		stop = MIN(lblk + r.r_len, last);
		if (r.r_pblk == EXT2FS_NOBLOCK)
			*needp += clean_blocks(ip, lblk << em->em_bshift,
			    stop << em->em_bshift);
	}
	return 0;
}

/*
 * Reserve for a write to off..*endp; less if there is less space, but at least
 * what is in the first page.
 */
static int
reserve_write(struct ext2fs_inode *ip, uint64_t off, uint64_t *endp)
{
	struct ext2fs_mount *em = ITOM(ip);
	uint64_t need, end = *endp;
	bool flushed = false;
	int error;

	for (;;) {
		if ((error = count_needed(ip, off, end, &need)) != 0)
			return error;
		if (need == 0)
			break;
		error = ext2fs_reserve(em, need);
		if (error == 0) {
			rw_enter(&ip->i_map_lock, RW_WRITER);
			ip->i_reserved += (uint32_t)need;
			rw_exit(&ip->i_map_lock);
			break;
		}
		if (end - off > PAGE_SIZE) {
			end = off + rounddown2((end - off) / 2, PAGE_SIZE);
			end = MAX(rounddown2(end, PAGE_SIZE), off + 1);
			continue;
		}
		if (flushed)
			return error;
		/* What is reserved too much comes back. */
		flushed = true;
		(void)pagecache_flush(&ip->i_vnode->v_pages, 0, 0, true);
		reserved_settle(ip);
	}
	*endp = end;
	return 0;
}

/* ---- Reading and writing ---------------------------------------------- */

void
ext2fs_accessed(struct vnode *vp)
{
	struct ext2fs_inode *ip = VTOI(vp);
	struct vattr va = { .va_mask = 0 };

	if ((atomic_load_explicit(&vp->v_mount->mnt_flags,
	    memory_order_relaxed) & (MS_RDONLY | MS_NOATIME)) != 0 ||
	    (ip->i_flags & EXT2_NOATIME_FL) != 0)
		return;
	va.va_atime = ext2fs_time_unpack(atomic_load(&ip->i_atime));
	va.va_mtime = ext2fs_time_unpack(atomic_load(&ip->i_mtime));
	va.va_ctime = ext2fs_time_unpack(atomic_load(&ip->i_ctime));
	if (!vfs_want_atime(vp, &va))
		return;
	atomic_store(&ip->i_atime, ext2fs_time_now(ip));
	ext2fs_inode_dirty(ip);
}

int
ext2fs_read(struct vnode *vp, struct uio *uio, int ioflag)
{

	/* The look at the time takes as long as the data's first line. */
	pagecache_prefetch(&vp->v_pages, (uint64_t)uio->uio_offset);
	if ((ioflag & IO_NOATIME) == 0)
		ext2fs_accessed(vp);
	return pagecache_read(&vp->v_pages, uio, i_size_get(VTOI(vp)), ioflag);
}

/* So much at a time is reserved and written. */
#define WRITE_CHUNK	(4ul << 20)

static int
write_chunk(struct vnode *vp, struct uio *uio, int ioflag)
{
	struct ext2fs_inode *ip = VTOI(vp);
	uint64_t off = (uint64_t)uio->uio_offset, end, old = i_size_get(ip);
	size_t rest;
	int error;

	end = off + MIN(uio->uio_resid, WRITE_CHUNK);
	error = reserve_write(ip, off, &end);
	if (error != 0)
		return error;
	rest = uio->uio_resid - (end - off);
	uio->uio_resid = end - off;
	/* Write-behind may look at the new pages before we are back. */
	if (end > old)
		atomic_store_explicit(&ip->i_size, end, memory_order_relaxed);
	error = pagecache_write(&vp->v_pages, uio, old, ioflag);
	if (end > old)
		atomic_store_explicit(&ip->i_size,
		    MAX(old, (uint64_t)uio->uio_offset), memory_order_relaxed);
	if (uio->uio_resid > 0 && error == 0)
		error = EIO;
	uio->uio_resid += rest;
	return error;
}

int
ext2fs_write(struct vnode *vp, struct uio *uio, int ioflag)
{
	struct ext2fs_inode *ip = VTOI(vp);
	struct ext2fs_mount *em = ITOM(ip);
	uint64_t max = ext2fs_maxsize(ip), start;
	size_t cut = 0, resid = uio->uio_resid;
	int error = 0;

	if (atomic_load(&em->em_readonly))
		return EROFS;
	if ((ioflag & IO_APPEND) != 0)
		uio->uio_offset = (off_t)i_size_get(ip);
	if (resid == 0)
		return 0;
	start = (uint64_t)uio->uio_offset;
	if (start >= max)
		return EFBIG;
	if (resid > max - start) {
		cut = resid - (max - start);
		uio->uio_resid -= cut;
	}
	while (error == 0 && uio->uio_resid > 0)
		error = write_chunk(vp, uio, ioflag);
	uio->uio_resid += cut;
	if (uio->uio_resid != resid)
		ext2fs_touch(ip);
	if (uio->uio_resid != resid && (ioflag & (IO_SYNC | IO_DSYNC)) != 0) {
		int e = ext2fs_fsync(vp, 0, start, (uint64_t)uio->uio_offset);

		if (error == 0)
			error = e;
	}
	return error;
}

int
ext2fs_fsync(struct vnode *vp, int flags, uint64_t start, uint64_t end)
{
	struct ext2fs_inode *ip = VTOI(vp);
	struct ext2fs_mount *em = ITOM(ip);
	struct ext2fs_tx tx;
	int error = 0, e;

	(void)flags;
	if (vp->v_type == VREG) {
		error = pagecache_flush(&vp->v_pages, start, end, true);
		reserved_settle(ip);
	}
	if (mount_rdonly(vp->v_mount))
		return error;
	ext2fs_tx_begin_nofail(em, &tx);
	e = ext2fs_inode_flush(&tx, ip);
	ext2fs_tx_end(&tx);
	if (error == 0)
		error = e;
	e = bflush(em->em_dev, true);
	if (error == 0)
		error = e;
	e = blkdev_sync(em->em_dev);
	return error != 0 ? error : e;
}

int
ext2fs_setsize(struct ext2fs_tx *tx, struct ext2fs_inode *ip, uint64_t size)
{
	struct vnode *vp = ip->i_vnode;
	uint64_t old = i_size_get(ip);
	int error;

	if (size > ext2fs_maxsize(ip))
		return EFBIG;
	error = pagecache_truncate(&vp->v_pages, old, size);
	if (error != 0)
		return error;
	atomic_store_explicit(&ip->i_size, size, memory_order_relaxed);
	ext2fs_inode_dirty(ip);
	if (size > old)
		return 0;
	rw_enter(&ip->i_map_lock, RW_WRITER);
	error = ext2fs_map_free(tx, ip, em_howmany(tx->tx_mount, size),
	    EXT2FS_MAX_LBLK);
	rw_exit(&ip->i_map_lock);
	reserved_settle(ip);
	return error;
}

/* ---- fallocate -------------------------------------------------------- */

/* So many blocks are reserved at a time. */
#define PREALLOC_MAX	32767u

/* Holes of blocks lblk..end become unwritten extents. */
static int
prealloc(struct ext2fs_tx *tx, struct ext2fs_inode *ip, uint64_t lblk,
    uint64_t end)
{
	struct ext2fs_mount *em = tx->tx_mount;
	struct ext2fs_run r;
	uint64_t want;
	int error = 0;

	while (error == 0 && lblk < end) {
		rw_enter(&ip->i_map_lock, RW_WRITER);
		error = ext2fs_map_locked(ip, lblk, &r);
		r.r_len = error == 0 ? MIN(r.r_len, end - lblk) : 0;
		if (error == 0 && r.r_pblk == EXT2FS_NOBLOCK) {
			want = MIN(r.r_len, (uint64_t)PREALLOC_MAX);
			error = ext2fs_reserve(em, want);
			if (error == 0) {
				error = ext2fs_map_alloc(tx, ip, lblk, want,
				    true, BA_RESERVED, &r);
				ext2fs_unreserve(em, want);
			}
		}
		rw_exit(&ip->i_map_lock);
		lblk += r.r_len;
	}
	return error;
}

static int
punch(struct ext2fs_tx *tx, struct ext2fs_inode *ip, uint64_t off,
    uint64_t end)
{
	struct ext2fs_mount *em = tx->tx_mount;
	uint64_t size = i_size_get(ip), unit = MAX(PAGE_SIZE, em->em_bsize);
	int error;

	if (off >= size)
		return 0;
	/* Behind the end is nothing that must stay. */
	if (end >= size)
		end = roundup2(size, unit);
	error = pagecache_punch(&ip->i_vnode->v_pages, off, end - off);
	if (error != 0)
		return error;
	off = roundup2(off, unit);
	end = rounddown2(end, unit);
	if (off >= end)
		return 0;
	rw_enter(&ip->i_map_lock, RW_WRITER);
	error = ext2fs_map_free(tx, ip, off >> em->em_bshift,
	    end >> em->em_bshift);
	rw_exit(&ip->i_map_lock);
	reserved_settle(ip);
	return error;
}

/* Zeroes without I/O: what is whole becomes unwritten. */
static int
zero_range(struct ext2fs_tx *tx, struct ext2fs_inode *ip, uint64_t off,
    uint64_t end)
{
	struct ext2fs_mount *em = tx->tx_mount;
	uint64_t size = i_size_get(ip), lblk, last;
	int error = 0;

	if (off < size)
		error = pagecache_punch(&ip->i_vnode->v_pages, off,
		    MIN(end, size) - off);
	if (error != 0)
		return error;
	lblk = roundup2(off, PAGE_SIZE) >> em->em_bshift;
	last = rounddown2(end, PAGE_SIZE) >> em->em_bshift;
	if (lblk < last) {
		rw_enter(&ip->i_map_lock, RW_WRITER);
		error = ext2fs_extent_convert(tx, ip, lblk, last - lblk, true);
		rw_exit(&ip->i_map_lock);
	}
	if (error == 0)
		error = prealloc(tx, ip, off >> em->em_bshift,
		    em_howmany(em, end));
	return error;
}

static int
falloc_tx(struct ext2fs_tx *tx, struct ext2fs_inode *ip, int mode,
    uint64_t off, uint64_t end)
{
	struct ext2fs_mount *em = tx->tx_mount;
	uint64_t size = i_size_get(ip);
	int error;

	if ((mode & FALLOC_FL_PUNCH_HOLE) != 0)
		return punch(tx, ip, off, end);
	if (!i_has_extents(ip))
		return EOPNOTSUPP;
	if ((mode & FALLOC_FL_ZERO_RANGE) != 0)
		error = zero_range(tx, ip, off, end);
	else
		error = prealloc(tx, ip, off >> em->em_bshift,
		    em_howmany(em, end));
	if (error != 0 || (mode & FALLOC_FL_KEEP_SIZE) != 0 || end <= size)
		return error;
	return ext2fs_setsize(tx, ip, end);
}

int
ext2fs_fallocate(struct vnode *vp, int mode, uint64_t off, uint64_t len)
{
	struct ext2fs_inode *ip = VTOI(vp);
	struct ext2fs_mount *em = ITOM(ip);
	struct ext2fs_tx tx;
	int error;

	if ((mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE |
	    FALLOC_FL_ZERO_RANGE)) != 0)
		return EOPNOTSUPP;
	if (off > ext2fs_maxsize(ip) || len > ext2fs_maxsize(ip) - off) {
		if ((mode & FALLOC_FL_PUNCH_HOLE) == 0)
			return EFBIG;
		len = off < ext2fs_maxsize(ip) ? ext2fs_maxsize(ip) - off : 0;
	}
	if ((error = ext2fs_tx_begin(em, &tx)) != 0)
		return error;
	error = falloc_tx(&tx, ip, mode, off, off + len);
	if (error == 0 || error == ENOSPC)
		ext2fs_touch(ip);
	ext2fs_tx_end(&tx);
	return error;
}

/* ---- Where is what ---------------------------------------------------- */

/* The first dirty page of off..end; end: there is none. */
static uint64_t
first_dirty(struct pagecache *pc, uint64_t off, uint64_t end)
{
	uint64_t lo = off >> PAGE_SHIFT, hi = howmany(end, PAGE_SIZE), mid;

	if (!pagecache_dirty(pc, off, end - off))
		return end;
	while (hi - lo > 1) {
		mid = lo + (hi - lo) / 2;
		if (pagecache_dirty(pc, lo << PAGE_SHIFT,
		    (mid - lo) << PAGE_SHIFT))
			hi = mid;
		else
			lo = mid;
	}
	return MAX(off, lo << PAGE_SHIFT);
}

/* Pages that have no blocks yet are data, too. */
int
ext2fs_seekhole(struct vnode *vp, int whence, uint64_t *offp)
{
	struct ext2fs_inode *ip = VTOI(vp);
	struct ext2fs_mount *em = ITOM(ip);
	uint64_t size = i_size_get(ip), pos = *offp, end, dirty;
	struct ext2fs_run r;
	int error;

	if (pos >= size)
		return ENXIO;
	while (pos < size) {
		error = ext2fs_map(ip, pos >> em->em_bshift, &r);
		if (error != 0)
			return error;
		end = MIN((r.r_lblk + r.r_len) << em->em_bshift, size);
		dirty = pos;
		if (r.r_pblk == EXT2FS_NOBLOCK || r.r_unwritten)
			dirty = first_dirty(&vp->v_pages, pos, end);
		if (whence == SEEK_DATA) {
			pos = dirty;
			if (dirty < end)
				break;
		} else {
			if (dirty != pos)
				break;
			if (r.r_pblk == EXT2FS_NOBLOCK || r.r_unwritten)
				end = MIN(rounddown2(pos, PAGE_SIZE) +
				    PAGE_SIZE, end);
			pos = end;
		}
	}
	if (whence == SEEK_DATA && pos >= size)
		return ENXIO;
	*offp = MIN(pos, size);
	return 0;
}

int
ext2fs_bmap(struct vnode *vp, uint64_t off, uint64_t *addrp, uint64_t *runp)
{
	struct ext2fs_inode *ip = VTOI(vp);
	struct ext2fs_mount *em = ITOM(ip);
	struct ext2fs_run r;
	uint64_t in = off & (em->em_bsize - 1);
	int error;

	error = ext2fs_map(ip, off >> em->em_bshift, &r);
	if (error != 0)
		return error;
	*addrp = r.r_pblk == EXT2FS_NOBLOCK ? UINT64_MAX :
	    (r.r_pblk << em->em_bshift) + in;
	*runp = (r.r_len << em->em_bshift) - in;
	return 0;
}

const struct pagecache_ops ext2fs_pagecache_ops = {
	.pco_map = data_map,
	.pco_map_write = data_map_write,
	.pco_dev = data_dev,
};
