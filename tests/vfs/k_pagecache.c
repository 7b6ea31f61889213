/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Kernel half of t_pagecache: files of a simple file system over a device in
 * memory, worked on at random next to a model. Functions return 0, or the line
 * at which something was wrong.
 */
#include <kern/mount.h>
#include <kern/pagecache.h>
#include <kern/time.h>
#include <kern/uio.h>
#include <kern/vnode.h>

#include "k_fakedev.h"
#include "k_pagecache.h"

#define CHECK(e) do { if (!(e)) return __LINE__; } while (0)

#define FILE_MAX	(700u << 10)
#define NBLOCKS		(FILE_MAX / 512)
#define HOLE		UINT32_MAX
#define DEVSIZE		(16u << 20)

/* A file: blocks of f_bs bytes anywhere on the device, given at write-back. */
struct file_ {
	struct vnode f_vn;
	struct fakedev *f_fd;
	uint32_t f_bs;
	uint64_t f_size;
	struct kmutex f_lock;
	uint32_t f_block[NBLOCKS];
	_Atomic uint64_t f_written;
	unsigned char f_model[FILE_MAX];
};

static struct lock_class alloc_lc = LOCK_CLASS("test allocation", 0);
static struct lock_class vn_lc = LOCK_CLASS("test vnode", 0);
static struct lock_class map_lc = LOCK_CLASS("test map", 0);
static struct kmutex alloc_lock;
static uint32_t alloc_next;		/* block */
static unsigned char alloc_used[131072];
static _Atomic int alloc_fail;		/* ENOSPC for so many */
static struct mount fake_mount;
static struct file_ filemem[8];
static unsigned char bufmem[8][FILE_MAX];
static _Atomic unsigned bufnext;
static _Atomic long nomem;		/* reads and writes without memory */

static struct file_ *
file_of(struct vnode *vp)
{
	return container_of(vp, struct file_, f_vn);
}

static int
map(struct vnode *vp, uint64_t off, struct pc_extent *pe)
{
	struct file_ *f = file_of(vp);
	uint32_t b = (uint32_t)(off / f->f_bs), n = 1;
	uint32_t first;

	mutex_enter(&f->f_lock);
	first = off >= FILE_MAX ? HOLE : f->f_block[b];
	while (off < FILE_MAX && (b + n) * f->f_bs < FILE_MAX &&
	    f->f_block[b + n] == (first == HOLE ? HOLE : first + n))
		n++;
	mutex_exit(&f->f_lock);
	pe->pe_addr = first == HOLE ? PC_HOLE :
	    (uint64_t)first * f->f_bs + off % f->f_bs;
	pe->pe_len = off >= FILE_MAX ? PAGE_SIZE :
	    (uint64_t)n * f->f_bs - off % f->f_bs;
	return 0;
}

/* A block that is free, now and then not the next one. alloc_lock held. */
static uint32_t
block_alloc(const struct file_ *f)
{
	uint32_t n = (uint32_t)(f->f_fd->fd_size / f->f_bs), i, b;

	if (fakedev_count(&alloc_fail))
		return HOLE;
	for (i = 0; i < n; i++) {
		b = alloc_next++ % n;
		if (alloc_next % 13 != 0 && !alloc_used[b]) {
			alloc_used[b] = 1;
			/* What was there before. */
			memset(f->f_fd->fd_mem + (uint64_t)b * f->f_bs,
			    f->f_bs > PAGE_SIZE ? 0 : 0xee, f->f_bs);
			return b;
		}
	}
	return HOLE;
}

static int
map_write(struct vnode *vp, uint64_t off, uint64_t len, struct pc_extent *pe)
{
	struct file_ *f = file_of(vp);
	uint64_t end = MIN(off + len, roundup2(f->f_size, (uint64_t)f->f_bs));
	uint32_t b;
	int error = 0;

	if (off >= end) {
		pe->pe_addr = PC_HOLE;
		pe->pe_len = len;
		return 0;
	}
	mutex_enter(&f->f_lock);
	mutex_enter(&alloc_lock);
	for (b = (uint32_t)(off / f->f_bs); b * f->f_bs < end; b++) {
		if (f->f_block[b] != HOLE)
			continue;
		f->f_block[b] = block_alloc(f);
		if (f->f_block[b] == HOLE) {
			error = ENOSPC;
			break;
		}
	}
	mutex_exit(&alloc_lock);
	mutex_exit(&f->f_lock);
	if (error != 0)
		return error;
	error = map(vp, off, pe);
	pe->pe_len = MIN(pe->pe_len, end - off);
	return error;
}

static void
written(struct vnode *vp, uint64_t off __maybe_unused, uint64_t len,
    int error)
{
	if (error == 0)
		atomic_fetch_add(&file_of(vp)->f_written, len);
}

static struct blkdev *
dev(struct vnode *vp)
{
	return &file_of(vp)->f_fd->fd_bd;
}

static const struct pagecache_ops ops = {
	.pco_map = map,
	.pco_map_write = map_write,
	.pco_dev = dev,
};

static const struct pagecache_ops ops_written = {
	.pco_map = map,
	.pco_map_write = map_write,
	.pco_written = written,
	.pco_dev = dev,
};

static struct file_ *
file_make(struct fakedev *fd, uint32_t bs)
{
	struct file_ *f = NULL;
	unsigned i;

	for (i = 0; f == NULL && i < nitems(filemem); i++)
		if (filemem[i].f_fd == NULL)
			f = &filemem[i];
	if (f == NULL)
		return NULL;
	memset(f, 0, sizeof(*f));
	f->f_fd = fd;
	f->f_bs = bs;
	mutex_init(&f->f_lock, &map_lc);
	rw_init(&f->f_vn.v_lock, &vn_lc);
	f->f_vn.v_mount = &fake_mount;
	memset(f->f_block, 0xff, sizeof(f->f_block));
	pagecache_init(&f->f_vn.v_pages, &f->f_vn,
	    bs == 0 ? NULL : bs == 2048 ? &ops_written : &ops);
	return f;
}

static void
file_free(struct file_ *f)
{
	pagecache_fini(&f->f_vn.v_pages);
	rw_fini(&f->f_vn.v_lock);
	mutex_fini(&f->f_lock);
	f->f_fd = NULL;
}

/* The cache is forgotten; what is on the device stays. */
static void
file_forget(struct file_ *f)
{
	const struct pagecache_ops *o = f->f_vn.v_pages.pc_ops;

	pagecache_fini(&f->f_vn.v_pages);
	pagecache_init(&f->f_vn.v_pages, &f->f_vn, o);
}

/* ---- Random work ------------------------------------------------------ */

static uint64_t
rnd(uint64_t *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 7;
	*s ^= *s << 17;
	return *s;
}

/*
 * The file will grow: what its last block has behind the page of the end is
 * the file system's to clear.
 */
static void
clear_tail(struct file_ *f)
{
	uint64_t off = roundup2(f->f_size, (uint64_t)PAGE_SIZE);
	uint32_t b;

	if (f->f_bs <= PAGE_SIZE || off % f->f_bs == 0)
		return;
	b = f->f_block[off / f->f_bs];
	if (b != HOLE)
		memset(f->f_fd->fd_mem + (uint64_t)b * f->f_bs + off % f->f_bs,
		    0, f->f_bs - off % f->f_bs);
}

static int
op_write(struct file_ *f, uint64_t *s, unsigned char *buf)
{
	uint64_t off = rnd(s) % FILE_MAX, old = f->f_size;
	size_t n = rnd(s) % 4 == 0 ? rnd(s) % (256u << 10) :
	    rnd(s) % 9000, i;
	struct iovec iov;
	struct uio uio;
	int error;

	n = MIN(n, FILE_MAX - off);
	for (i = 0; i < n; i++)
		buf[i] = (unsigned char)(off + i + *s);
	vnode_lock(&f->f_vn, RW_WRITER);
	old = f->f_size;
	if (off + n > old)
		clear_tail(f);
	uio_kern(&uio, &iov, UIO_WRITE, buf, n, (off_t)off);
	error = pagecache_write(&f->f_vn.v_pages, &uio, old, 0);
	n -= uio.uio_resid;
	if (n > 0 && off + n > f->f_size)
		f->f_size = off + n;
	memcpy(f->f_model + off, buf, n);
	vnode_unlock(&f->f_vn);
	if (error == ENOMEM)
		atomic_fetch_add(&nomem, 1);
	CHECK(error == 0 || error == ENOMEM);
	return 0;
}

static int
compare(struct file_ *f, uint64_t off, size_t n, unsigned char *buf)
{
	struct iovec iov;
	struct uio uio;
	size_t want;
	int error;

	want = off >= f->f_size ? 0 : MIN(n, f->f_size - off);
	memset(buf, 0xa5, n);
	uio_kern(&uio, &iov, UIO_READ, buf, n, (off_t)off);
	error = pagecache_read(&f->f_vn.v_pages, &uio, f->f_size, 0);
	if (error == ENOMEM) {
		atomic_fetch_add(&nomem, 1);
		return 0;
	}
	CHECK(error == 0);
	CHECK(uio.uio_resid == n - want);
	if (memcmp(buf, f->f_model + off, want) != 0) {
		for (n = 0; buf[n] == f->f_model[off + n]; n++)
			continue;
		klog(LOG_ERR, "differs at %#llx (read %#llx+%#zx, size %#llx): "
		    "%02x, not %02x", (unsigned long long)(off + n),
		    (unsigned long long)off, want,
		    (unsigned long long)f->f_size, buf[n],
		    f->f_model[off + n]);
		return __LINE__;
	}
	return 0;
}

static int
op_read(struct file_ *f, uint64_t *s, unsigned char *buf)
{
	uint64_t off = rnd(s) % FILE_MAX;
	size_t n = rnd(s) % 3 == 0 ? rnd(s) % (300u << 10) : rnd(s) % 9000;
	int line;

	vnode_lock(&f->f_vn, RW_READER);
	line = compare(f, off, n, buf);
	vnode_unlock(&f->f_vn);
	return line;
}

/* From start to end, in small steps: read-ahead. */
static int
op_scan(struct file_ *f, uint64_t *s, unsigned char *buf)
{
	size_t step = 1 + rnd(s) % 20000;
	uint64_t off;
	int line = 0;

	for (off = 0; off < FILE_MAX && line == 0; off += step) {
		vnode_lock(&f->f_vn, RW_READER);
		line = compare(f, off, step, buf);
		vnode_unlock(&f->f_vn);
	}
	return line;
}

/* Pages of a part are asked for, or given up. */
static int
op_advise(struct file_ *f, uint64_t *s)
{
	uint64_t off = rnd(s) % FILE_MAX, n = rnd(s) % FILE_MAX;

	if (rnd(s) % 2 == 0) {
		vnode_lock(&f->f_vn, RW_READER);
		pagecache_willneed(&f->f_vn.v_pages, off, n, f->f_size);
	} else {
		vnode_lock(&f->f_vn, RW_WRITER);
		if (rnd(s) % 2 == 0)
			(void)pagecache_flush(&f->f_vn.v_pages, off, off + n,
			    false);
		pagecache_drop(&f->f_vn.v_pages, off, off + n);
	}
	vnode_unlock(&f->f_vn);
	return 0;
}

/* Blocks behind the end, or in a hole, are given up. */
static void
unmap(struct file_ *f, uint64_t from, uint64_t to)
{
	uint32_t b;

	if (f->f_bs == 0)
		return;
	mutex_enter(&f->f_lock);
	mutex_enter(&alloc_lock);
	for (b = (uint32_t)howmany(from, f->f_bs);
	    b < NBLOCKS && (b + 1) * f->f_bs <= to; b++) {
		if (f->f_block[b] != HOLE)
			alloc_used[f->f_block[b]] = 0;
		f->f_block[b] = HOLE;
	}
	mutex_exit(&alloc_lock);
	mutex_exit(&f->f_lock);
}

static int
op_truncate(struct file_ *f, uint64_t *s)
{
	uint64_t size = rnd(s) % (rnd(s) % 2 ? FILE_MAX : 20000), old;
	int error;

	vnode_lock(&f->f_vn, RW_WRITER);
	old = f->f_size;
	if (rnd(s) % 4 == 0)
		size = rounddown2(size, (uint64_t)PAGE_SIZE);
	if (size > old)
		clear_tail(f);
	error = pagecache_truncate(&f->f_vn.v_pages, old, size);
	if (error == 0) {
		if (size < old) {
			memset(f->f_model + size, 0, old - size);
			unmap(f, size, UINT32_MAX);
		}
		f->f_size = size;
	}
	vnode_unlock(&f->f_vn);
	CHECK(error == 0 || error == ENOMEM);
	return 0;
}

/* The pages that a hole takes out of blocks which stay. */
static void
clear_pages(struct file_ *f, uint64_t from, uint64_t to)
{
	uint64_t p;
	uint32_t b;

	if (f->f_bs <= PAGE_SIZE)
		return;
	for (p = roundup2(from, (uint64_t)PAGE_SIZE); p + PAGE_SIZE <= to;
	    p += PAGE_SIZE) {
		b = f->f_block[p / f->f_bs];
		if (b != HOLE)
			memset(f->f_fd->fd_mem + (uint64_t)b * f->f_bs +
			    p % f->f_bs, 0, PAGE_SIZE);
	}
}

static int
op_punch(struct file_ *f, uint64_t *s)
{
	uint64_t off, len;
	int error = 0;

	vnode_lock(&f->f_vn, RW_WRITER);
	if (f->f_size > 0) {
		off = rnd(s) % f->f_size;
		len = rnd(s) % (f->f_size - off + 1);
		error = pagecache_punch(&f->f_vn.v_pages, off, len);
		if (error == 0) {
			memset(f->f_model + off, 0, len);
			/* The block in use at the end is left alone. */
			if (len > 0)
				unmap(f, off, off + len);
			clear_pages(f, off, off + len);
		}
	}
	vnode_unlock(&f->f_vn);
	CHECK(error == 0 || error == ENOMEM);
	return 0;
}

static int
op_flush(struct file_ *f, uint64_t *s)
{
	uint64_t off = rnd(s) % FILE_MAX;
	bool wait = rnd(s) % 2;
	int error;

	if (rnd(s) % 8 == 0) {
		error = pagecache_flush_mount(&fake_mount, wait);
	} else {
		vnode_lock(&f->f_vn, rnd(s) % 2 ? RW_READER : RW_WRITER);
		error = rnd(s) % 2 ?
		    pagecache_flush(&f->f_vn.v_pages, 0, 0, wait) :
		    pagecache_flush(&f->f_vn.v_pages, off, off + 50000, wait);
		vnode_unlock(&f->f_vn);
	}
	CHECK(error == 0 || error == ENOMEM);
	return 0;
}

static int
op_forget(struct file_ *f)
{
	int error;

	vnode_lock(&f->f_vn, RW_WRITER);
	error = pagecache_flush(&f->f_vn.v_pages, 0, 0, true);
	if (error == 0 && f->f_vn.v_pages.pc_ops != NULL &&
	    atomic_load(&f->f_vn.v_pages.pc_ndirty) != 0)
		error = EDOM;
	if (error == 0)
		(void)pagecache_truncate(&f->f_vn.v_pages, f->f_size,
		    f->f_size);
	vnode_unlock(&f->f_vn);
	CHECK(error == 0 || error == ENOMEM);
	return 0;
}

static struct fakedev fake;
static struct file_ *files[8];
static unsigned nfiles;

int
rumptest_pagecache_setup(unsigned bs, unsigned n, int sync)
{
	unsigned i;
	int error;

	mutex_init(&alloc_lock, &alloc_lc);
	alloc_next = 0;
	memset(alloc_used, 0, sizeof(alloc_used));
	error = fakedev_init(&fake, DEVSIZE, sync != 0);
	if (error != 0)
		return error;
	for (i = 0; i < n; i++)
		if ((files[i] = file_make(&fake, bs)) == NULL)
			return ENOMEM;
	nfiles = n;
	return 0;
}

/* One thread's part; any number of them. */
int
rumptest_pagecache_random(uint64_t seed, unsigned rounds)
{
	uint64_t s = seed * 0x9e3779b97f4a7c15ull + 1;
	unsigned char *buf = bufmem[atomic_fetch_add(&bufnext, 1) % 8];
	struct file_ *f;
	int line = 0;

	while (rounds-- > 0 && line == 0) {
		f = files[rnd(&s) % nfiles];
		switch (rnd(&s) % 17) {
		case 0: case 1: case 2: case 3: case 4:
			line = op_write(f, &s, buf);
			break;
		case 5: case 6: case 7: case 8: case 9:
			line = op_read(f, &s, buf);
			break;
		case 10:
			line = op_scan(f, &s, buf);
			break;
		case 11:
			line = op_truncate(f, &s);
			break;
		case 12:
			line = op_punch(f, &s);
			break;
		case 13: case 14:
			line = op_flush(f, &s);
			break;
		case 15:
			line = op_advise(f, &s);
			break;
		default:
			line = op_forget(f);
			break;
		}
	}
	return line;
}

/* What was flushed is on the device, all of it, and the caches end. */
int
rumptest_pagecache_verify(void)
{
	unsigned char *buf = bufmem[0];
	unsigned i;
	int line;

	for (i = 0; i < nfiles; i++) {
		vnode_lock(&files[i]->f_vn, RW_WRITER);
		line = compare(files[i], 0, FILE_MAX, buf);
		if (line == 0 && files[i]->f_bs != 0) {
			CHECK(pagecache_flush(&files[i]->f_vn.v_pages, 0, 0,
			    true) == 0);
			file_forget(files[i]);
			line = compare(files[i], 0, FILE_MAX, buf);
		}
		vnode_unlock(&files[i]->f_vn);
		CHECK(line == 0);
		file_free(files[i]);
	}
	CHECK(fakedev_fini(&fake) == 0);
	return 0;
}

long
rumptest_pagecache_nomem(void)
{
	return atomic_load(&nomem);
}

/* ---- One thing at a time ---------------------------------------------- */

static int
rw(struct file_ *f, enum uio_rw how, uint64_t off, void *buf, size_t n,
    int ioflag)
{
	struct iovec iov;
	struct uio uio;
	int error;

	vnode_lock(&f->f_vn, how == UIO_READ ? RW_READER : RW_WRITER);
	uio_kern(&uio, &iov, how, buf, n, (off_t)off);
	if (how == UIO_READ)
		error = pagecache_read(&f->f_vn.v_pages, &uio, f->f_size,
		    ioflag);
	else {
		error = pagecache_write(&f->f_vn.v_pages, &uio, f->f_size,
		    ioflag);
		f->f_size = MAX(f->f_size, (uint64_t)uio.uio_offset);
	}
	vnode_unlock(&f->f_vn);
	return error;
}

static int
sync_file(struct file_ *f)
{
	int error;

	vnode_lock(&f->f_vn, RW_WRITER);
	error = pagecache_flush(&f->f_vn.v_pages, 0, 0, true);
	vnode_unlock(&f->f_vn);
	return error;
}

static void
forget(struct file_ *f)
{
	vnode_lock(&f->f_vn, RW_WRITER);
	file_forget(f);
	vnode_unlock(&f->f_vn);
}

int
rumptest_pagecache_errors(void)
{
	struct file_ *f = files[0];
	unsigned char buf[PAGE_SIZE];

	memset(buf, 7, sizeof(buf));
	/* A failed write is reported once, and the data stays readable. */
	CHECK(rw(f, UIO_WRITE, 0, buf, sizeof(buf), 0) == 0);
	atomic_store(&fake.fd_fail_writes, 1);
	CHECK(sync_file(f) == EIO);
	CHECK(sync_file(f) == 0);
	CHECK(rw(f, UIO_READ, 0, buf, sizeof(buf), 0) == 0 && buf[9] == 7);
	/* The same for one in the background. */
	CHECK(rw(f, UIO_WRITE, 0, buf, sizeof(buf), 0) == 0);
	atomic_store(&fake.fd_fail_writes, 1);
	CHECK(pagecache_flush_mount(&fake_mount, false) == 0);
	CHECK(sync_file(f) == EIO);
	CHECK(sync_file(f) == 0);
	/* No room at write-back. */
	CHECK(rw(f, UIO_WRITE, 100 * PAGE_SIZE, buf, sizeof(buf), 0) == 0);
	atomic_store(&alloc_fail, 1);
	CHECK(sync_file(f) == ENOSPC);
	CHECK(sync_file(f) == 0);
	/* A failed read, tried again, leaves nothing behind. */
	CHECK(rw(f, UIO_WRITE, 0, buf, sizeof(buf), 0) == 0);
	CHECK(sync_file(f) == 0);
	forget(f);
	CHECK(rw(f, UIO_READ, 0, buf, sizeof(buf), IO_NOWAIT) == EAGAIN);
	atomic_store(&fake.fd_fail_reads, 2);
	CHECK(rw(f, UIO_READ, 0, buf, sizeof(buf), 0) == EIO);
	CHECK(atomic_load(&f->f_vn.v_pages.pc_npages) == 0);
	memset(buf, 0, sizeof(buf));
	CHECK(rw(f, UIO_READ, 0, buf, sizeof(buf), 0) == 0 && buf[9] == 7);
	CHECK(rw(f, UIO_READ, 0, buf, sizeof(buf), IO_NOWAIT) == 0);
	f->f_size = 0;
	file_free(f);
	CHECK(fakedev_fini(&fake) == 0);
	return 0;
}

/* Nothing is written or read in vain. */
int
rumptest_pagecache_economy(void)
{
	static unsigned char buf[64 * PAGE_SIZE];
	struct blkdev *bd = &fake.fd_bd;
	struct file_ *f = files[0];
	uint64_t i, n;

	/* Whole pages are not read before they are overwritten. */
	CHECK(rw(f, UIO_WRITE, 0, buf, sizeof(buf), 0) == 0);
	CHECK(sync_file(f) == 0);
	forget(f);
	n = atomic_load(&bd->bd_stat_reads);
	CHECK(rw(f, UIO_WRITE, 0, buf, sizeof(buf), 0) == 0);
	CHECK(atomic_load(&bd->bd_stat_reads) == n);
	/* A clean file is not written. */
	CHECK(sync_file(f) == 0);
	n = atomic_load(&bd->bd_stat_writes);
	CHECK(sync_file(f) == 0);
	CHECK(pagecache_flush_mount(&fake_mount, true) == 0);
	CHECK(atomic_load(&bd->bd_stat_writes) == n);
	/* A run of neighbours is one request, two or three where it turns. */
	CHECK(rw(f, UIO_WRITE, 0, buf, 12 * PAGE_SIZE, 0) == 0);
	CHECK(sync_file(f) == 0);
	CHECK(atomic_load(&bd->bd_stat_writes) <= n + 3);
	/* Small sequential reads become few. */
	forget(f);
	n = atomic_load(&bd->bd_stat_reads);
	for (i = 0; i < sizeof(buf); i += 1000)
		CHECK(rw(f, UIO_READ, i, buf, 1000, 0) == 0);
	CHECK(atomic_load(&bd->bd_stat_reads) <= n + 14);
	/* What was asked for is read once; */
	forget(f);
	pagecache_willneed(&f->f_vn.v_pages, 0, sizeof(buf), f->f_size);
	CHECK(atomic_load(&f->f_vn.v_pages.pc_npages) == 64);
	n = atomic_load(&bd->bd_stat_reads);
	CHECK(rw(f, UIO_READ, 0, buf, sizeof(buf), 0) == 0);
	CHECK(atomic_load(&bd->bd_stat_reads) == n);
	/* what is not needed goes, but for what is dirty, or touched partly. */
	CHECK(rw(f, UIO_WRITE, 9 * PAGE_SIZE, buf, 1, 0) == 0);
	pagecache_drop(&f->f_vn.v_pages, 8 * PAGE_SIZE + 1, 12 * PAGE_SIZE - 1);
	CHECK(atomic_load(&f->f_vn.v_pages.pc_npages) == 63);
	CHECK(pagecache_seek(&f->f_vn.v_pages, 0, false) == 10 * PAGE_SIZE);
	CHECK(sync_file(f) == 0);
	pagecache_drop(&f->f_vn.v_pages, 0, f->f_size);
	CHECK(atomic_load(&f->f_vn.v_pages.pc_npages) == 0);
	CHECK(rw(f, UIO_READ, 0, buf, sizeof(buf), 0) == 0);
	/* A page of a sparse, big file. */
	f->f_size = 0;
	file_free(f);
	CHECK(fakedev_fini(&fake) == 0);
	return 0;
}

int
rumptest_pagecache_seek(void)
{
	struct pagecache *pc = &files[0]->f_vn.v_pages;
	uint64_t far = UINT64_C(1) << 45;
	char c = 1;

	CHECK(pagecache_seek(pc, 0, true) == UINT64_MAX);
	CHECK(pagecache_seek(pc, 5, false) == 5);
	CHECK(rw(files[0], UIO_WRITE, far + 5, &c, 1, 0) == 0);
	CHECK(rw(files[0], UIO_WRITE, 3 * PAGE_SIZE, &c, 1, 0) == 0);
	CHECK(atomic_load(&pc->pc_npages) == 2);
	CHECK(pagecache_seek(pc, 0, true) == 3 * PAGE_SIZE);
	CHECK(pagecache_seek(pc, 3 * PAGE_SIZE + 7, true) ==
	    3 * PAGE_SIZE + 7);
	CHECK(pagecache_seek(pc, 3 * PAGE_SIZE + 7, false) == 4 * PAGE_SIZE);
	CHECK(pagecache_seek(pc, 4 * PAGE_SIZE, true) == far);
	CHECK(pagecache_seek(pc, far + PAGE_SIZE, true) == UINT64_MAX);
	CHECK(rw(files[0], UIO_READ, far + 5, &c, 1, 0) == 0 && c == 1);
	CHECK(rw(files[0], UIO_READ, far - 9, &c, 1, 0) == 0 && c == 0);
	CHECK(pagecache_punch(pc, 0, UINT64_MAX) == 0);
	CHECK(atomic_load(&pc->pc_npages) == 0);
	CHECK(atomic_load(&pc->pc_root) == 0);
	file_free(files[0]);
	CHECK(fakedev_fini(&fake) == 0);
	return 0;
}

/* Written a page at a time, changed where leaves are full, and read. */
int
rumptest_pagecache_full_leaves(void)
{
	struct file_ *f = files[0], *other = files[1];
	struct pagecache *pc = &f->f_vn.v_pages;
	unsigned char *buf = bufmem[0];
	uint64_t off, size = 150 * PAGE_SIZE, hole = 70 * PAGE_SIZE;
	uint64_t cut = 100 * PAGE_SIZE + 5;

	for (off = 0; off < size; off += PAGE_SIZE) {
		memset(f->f_model + off, (int)(1 + off / PAGE_SIZE),
		    PAGE_SIZE);
		CHECK(rw(f, UIO_WRITE, off, f->f_model + off, PAGE_SIZE,
		    0) == 0);
		f->f_size = off + PAGE_SIZE;
	}
	CHECK(compare(f, 0, size, buf) == 0);
	for (off = 0; off < size; off += PAGE_SIZE) {
		pagecache_prefetch(pc, off);
		CHECK(compare(f, off + 1, PAGE_SIZE, buf) == 0);
	}
	/* Another page takes the place of one, and one that is a hole. */
	CHECK(pagecache_punch(pc, hole, 2 * PAGE_SIZE) == 0);
	memset(f->f_model + hole, 0, 2 * PAGE_SIZE);
	CHECK(compare(f, 0, size, buf) == 0);
	CHECK(rw(other, UIO_WRITE, 0, f->f_model, 4 * PAGE_SIZE, 0) == 0);
	memset(f->f_model + hole + PAGE_SIZE, 0xee, PAGE_SIZE);
	CHECK(rw(f, UIO_WRITE, hole + PAGE_SIZE, f->f_model + hole +
	    PAGE_SIZE, PAGE_SIZE, 0) == 0);
	CHECK(compare(f, 0, size, buf) == 0);
	memset(f->f_model + hole, 0xdd, PAGE_SIZE);
	CHECK(rw(f, UIO_WRITE, hole, f->f_model + hole, PAGE_SIZE, 0) == 0);
	CHECK(compare(f, 0, size, buf) == 0);
	/* The end moves into a full leaf, and away again. */
	CHECK(pagecache_truncate(pc, size, cut) == 0);
	CHECK(pagecache_truncate(pc, cut, size) == 0);
	memset(f->f_model + cut, 0, size - cut);
	CHECK(compare(f, 0, size, buf) == 0);
	CHECK(compare(f, cut - 3, 9000, buf) == 0);
	file_free(f);
	file_free(other);
	CHECK(fakedev_fini(&fake) == 0);
	return 0;
}

/* 4 KiB reads at random of n cached pages; returns ns for one. */
int64_t
rumptest_pagecache_read_ns(unsigned npages, unsigned rounds)
{
	struct pagecache pc;
	struct vnode *vp = &files[0]->f_vn;
	unsigned char *buf = kmem_alloc(1u << 20, 0);
	struct iovec iov;
	struct uio uio;
	uint64_t s = 88172645463325252ull;
	nstime_t t;
	unsigned i;

	pagecache_init(&pc, vp, NULL);
	for (i = 0; i < npages; i += 256) {
		uio_kern(&uio, &iov, UIO_WRITE, buf, 1u << 20,
		    (off_t)i << PAGE_SHIFT);
		pagecache_write(&pc, &uio, (uint64_t)i << PAGE_SHIFT, 0);
	}
	t = mono_now();
	for (i = 0; i < rounds; i++) {
		uio_kern(&uio, &iov, UIO_READ, buf, PAGE_SIZE,
		    (off_t)(rnd(&s) % npages) << PAGE_SHIFT);
		pagecache_read(&pc, &uio, (uint64_t)npages << PAGE_SHIFT, 0);
	}
	t = mono_now() - t;
	pagecache_fini(&pc);
	kmem_free(buf, 1u << 20);
	return t / rounds;
}

/* A first write of n pages in calls of 1 MiB; returns ns for a page. */
int64_t
rumptest_pagecache_write_ns(unsigned npages, int64_t *again)
{
	struct pagecache pc;
	struct vnode *vp = &files[0]->f_vn;
	unsigned char *buf = kmem_zalloc(1u << 20, 0);
	struct iovec iov;
	struct uio uio;
	nstime_t t[2];
	unsigned i, pass;

	for (pass = 0; pass < 2; pass++) {
		pagecache_init(&pc, vp, NULL);
		t[pass] = mono_now();
		for (i = 0; i < npages; i += 256) {
			uio_kern(&uio, &iov, UIO_WRITE, buf, 1u << 20,
			    (off_t)i << PAGE_SHIFT);
			pagecache_write(&pc, &uio, (uint64_t)i << PAGE_SHIFT,
			    0);
		}
		t[pass] = (mono_now() - t[pass]) / npages;
		pagecache_fini(&pc);
	}
	kmem_free(buf, 1u << 20);
	*again = t[1];
	return t[0];
}
