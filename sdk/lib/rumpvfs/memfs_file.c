/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Contents of memfs's regular files.
 *
 * The page cache is the storage: a page that is not there is a hole. What a
 * change may need at most is taken from the limit before, in whole pages; what
 * it did not need is given back after, by counting the cache's pages, which
 * nobody else can change under v_lock X. Only when the limit is near are the
 * holes counted beforehand.
 */
#include <kern/kmem.h>
#include <kern/string.h>
#include <kern/uio.h>
#include <linux/falloc.h>
#include <linux/fs.h>

#include "memfs_node.h"

static inline uint64_t
pages_of(struct vnode *vp)
{

	return atomic_load_explicit(&vp->v_pages.pc_npages,
	    memory_order_relaxed);
}

static inline uint64_t
page_first(uint64_t off)
{

	return rounddown2(off, PAGE_SIZE);
}

static inline uint64_t
page_end(uint64_t off)
{

	return roundup2(off, PAGE_SIZE);
}

/* Settle after a change: before pages were there, reserved bytes are ours. */
static void
settle(struct vnode *vp, uint64_t before, uint64_t reserved)
{
	uint64_t after = pages_of(vp);

	/* Modulo 2^64: the file may have shrunk. */
	memfs_node(vp)->mn_charged += (after - before) * PAGE_SIZE;
	if (reserved != (after - before) * PAGE_SIZE)
		memfs_uncharge(memfs_of(vp),
		    reserved - (after - before) * PAGE_SIZE);
}

/*
 * Reserve what the range's holes need, page by page from its start on.
 * Returns the end of what could be had; where all must be had, nothing else
 * is kept.
 */
static uint64_t
reserve_holes(struct vnode *vp, uint64_t off, uint64_t end, bool all,
    uint64_t *reservedp)
{
	struct memfs *mf = memfs_of(vp);
	uint64_t pos, hole, data, got = 0;

	for (pos = page_first(off); pos < end; pos = data) {
		hole = pagecache_seek(&vp->v_pages, pos, false);
		if (hole >= end)
			break;
		data = MIN(pagecache_seek(&vp->v_pages, hole, true),
		    page_end(end));
		if (memfs_charge(mf, data - hole)) {
			got += data - hole;
			continue;
		}
		if (all) {
			memfs_uncharge(mf, got);
			*reservedp = 0;
			return off;
		}
		for (; hole < data && memfs_charge(mf, PAGE_SIZE);
		    hole += PAGE_SIZE)
			got += PAGE_SIZE;
		end = hole;
		break;
	}
	*reservedp = got;
	return MAX(off, end);
}

/* Reserve for a change of off..end; returns the end of what may be changed. */
static uint64_t
reserve(struct vnode *vp, uint64_t off, uint64_t end, bool all,
    uint64_t *reservedp)
{
	uint64_t need, size = memfs_node(vp)->mn_size;

	/* A file without holes, changed in place. */
	if (end <= size && !memfs_node(vp)->mn_beyond &&
	    pages_of(vp) == howmany(size, PAGE_SIZE)) {
		*reservedp = 0;
		return end;
	}
	need = page_end(end) - page_first(off);
	if (memfs_charge(memfs_of(vp), need)) {
		*reservedp = need;
		return end;
	}
	return reserve_holes(vp, off, end, all, reservedp);
}

int
memfs_read(struct vnode *vp, struct uio *uio, int ioflag)
{
	struct memfs_node *mn = memfs_node(vp);
	int error = 0;

	/* The look at the time takes as long as the data's first line. */
	pagecache_prefetch(&vp->v_pages, (uint64_t)uio->uio_offset);
	if ((ioflag & IO_NOATIME) == 0)
		memfs_accessed(vp);
	if ((uint64_t)uio->uio_offset < mn->mn_size)
		error = pagecache_read(&vp->v_pages, uio, mn->mn_size, ioflag);
	return error;
}

int
memfs_write(struct vnode *vp, struct uio *uio, int ioflag)
{
	struct memfs_node *mn = memfs_node(vp);
	uint64_t off, end, stop, before, reserved;
	size_t cut;
	int error;

	if ((ioflag & IO_APPEND) != 0)
		uio->uio_offset = (off_t)mn->mn_size;
	if (uio->uio_resid == 0)
		return 0;
	off = (uint64_t)uio->uio_offset;
	if (off >= MEMFS_SIZE_MAX)
		return EFBIG;
	end = MIN(MEMFS_SIZE_MAX - off, uio->uio_resid) + off;
	before = pages_of(vp);
	stop = reserve(vp, off, end, false, &reserved);
	if (stop == off)
		return ENOSPC;

	cut = uio->uio_resid - (stop - off);
	uio->uio_resid -= cut;
	error = pagecache_write(&vp->v_pages, uio, mn->mn_size, ioflag);
	uio->uio_resid += cut;
	settle(vp, before, reserved);
	if ((uint64_t)uio->uio_offset > mn->mn_size)
		mn->mn_size = (uint64_t)uio->uio_offset;
	if ((uint64_t)uio->uio_offset > off)
		memfs_touch(mn, MT_MC);
	if (error == 0 && cut != 0)
		error = stop < end ? ENOSPC : EFBIG;
	return error;
}

int
memfs_truncate(struct vnode *vp, uint64_t size)
{
	struct memfs_node *mn = memfs_node(vp);
	uint64_t before = pages_of(vp);
	int error;

	if (size > MEMFS_SIZE_MAX)
		return EFBIG;
	error = pagecache_truncate(&vp->v_pages, mn->mn_size, size);
	settle(vp, before, 0);
	if (error == 0)
		mn->mn_size = size;
	return error;
}

/* ---- Space ------------------------------------------------------------- */

/* Write zeros, without changing the size. */
static int
write_zeros(struct vnode *vp, uint64_t off, uint64_t len)
{
	static const char zeros[16 * PAGE_SIZE];
	struct memfs_node *mn = memfs_node(vp);
	struct iovec iov;
	struct uio uio;
	uint64_t n;
	int error;

	for (; len > 0; off += n, len -= n) {
		n = MIN(len, sizeof(zeros));
		uio_kern(&uio, &iov, UIO_WRITE, (void *)(uintptr_t)zeros, n,
		    (off_t)off);
		error = pagecache_write(&vp->v_pages, &uio,
		    MAX(mn->mn_size, off), 0);
		if (error != 0)
			return error;
	}
	return 0;
}

/* Give every hole of the range pages of zeros. */
static int
fill_holes(struct vnode *vp, uint64_t off, uint64_t end)
{
	uint64_t hole, data;
	int error;

	end = page_end(end);
	for (data = page_first(off); data < end;) {
		hole = pagecache_seek(&vp->v_pages, data, false);
		if (hole >= end)
			break;
		data = MIN(pagecache_seek(&vp->v_pages, hole, true), end);
		error = write_zeros(vp, hole, data - hole);
		if (error != 0)
			return error;
	}
	return 0;
}

int
memfs_fallocate(struct vnode *vp, int mode, uint64_t off, uint64_t len)
{
	struct memfs_node *mn = memfs_node(vp);
	uint64_t before, reserved, end;
	int error;

	if ((mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE |
	    FALLOC_FL_ZERO_RANGE)) != 0)
		return EOPNOTSUPP;
	if (len == 0)
		return EINVAL;
	if (off > MEMFS_SIZE_MAX || len > MEMFS_SIZE_MAX - off)
		return EFBIG;
	end = off + len;
	before = pages_of(vp);
	if ((mode & FALLOC_FL_PUNCH_HOLE) != 0) {
		error = pagecache_punch(&vp->v_pages, off, len);
		settle(vp, before, 0);
		if (error == 0)
			memfs_touch(mn, MT_MC);
		return error;
	}

	if (reserve(vp, off, end, true, &reserved) != end)
		return ENOSPC;
	if (end > mn->mn_size)
		mn->mn_beyond = true;
	if ((mode & FALLOC_FL_ZERO_RANGE) != 0)
		error = write_zeros(vp, off, len);
	else
		error = fill_holes(vp, off, end);
	settle(vp, before, reserved);
	if (error != 0)
		return error;
	if ((mode & FALLOC_FL_KEEP_SIZE) == 0 && end > mn->mn_size)
		mn->mn_size = end;
	memfs_touch(mn, (mode & FALLOC_FL_ZERO_RANGE) != 0 ? MT_MC : MT_C);
	return 0;
}

int
memfs_seekhole(struct vnode *vp, int whence, uint64_t *offp)
{
	uint64_t size = memfs_node(vp)->mn_size, off;

	if (*offp >= size)
		return ENXIO;
	off = pagecache_seek(&vp->v_pages, *offp, whence == SEEK_DATA);
	if (whence == SEEK_DATA && off >= size)
		return ENXIO;
	*offp = MIN(off, size);
	return 0;
}
