/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Kernel half of t_bcache: buffers of a device in memory, next to a model.
 * Functions return 0, or the line at which something was wrong.
 */
#include <kern/buf.h>
#include <kern/time.h>

#include "k_fakedev.h"
#include "k_bcache.h"

#define CHECK(e) do { if (!(e)) return __LINE__; } while (0)
#define DEVSIZE		(8u << 20)

static struct fakedev fake;
static struct blkdev *bd = &fake.fd_bd;
static uint32_t bs;

static uint64_t
rnd(uint64_t *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 7;
	*s ^= *s << 17;
	return *s;
}

int
rumptest_bcache_setup(unsigned blocksize, int sync)
{
	int error;

	bs = blocksize;
	error = fakedev_init(&fake, DEVSIZE, sync != 0);
	return error != 0 ? error : bcache_set_blocksize(bd, bs);
}

/*
 * A block holds a counter in its first and last word and its own number; all
 * threads count up what they get. Returns how often, or minus a line.
 */
long
rumptest_bcache_count(uint64_t seed, unsigned rounds, unsigned blocks)
{
	uint64_t s = seed * 0x9e3779b97f4a7c15ull + 1, b, want[16];
	struct buf *bp;
	uint64_t *p;
	long counted = 0;
	int error, i;

	while (rounds-- > 0) {
		b = rnd(&s) % blocks;
		switch (rnd(&s) % 16) {
		case 0:
			if (bflush(bd, rnd(&s) % 2) != 0)
				return -__LINE__;
			continue;
		case 1:
			for (i = 0; i < 16; i++)
				want[i] = b + (uint64_t)i * (1 + b % 2);
			breada(bd, want, 16);
			continue;
		default:
			break;
		}
		error = bread(bd, b, &bp);
		if (error == ENOMEM)
			continue;
		if (error != 0)
			return -__LINE__;
		p = bp->b_data;
		if (bp->b_blkno != b || bp->b_size != bs ||
		    p[0] != p[bs / 8 - 1] || (p[0] != 0 && p[1] != b)) {
			brelse(bp);
			return -__LINE__;
		}
		if (rnd(&s) % 4 == 0) {
			brelse(bp);
			continue;
		}
		p[0]++;
		p[1] = b;
		if (rnd(&s) % 64 == 0)
			rumptest_bcache_yield();
		p[bs / 8 - 1]++;
		counted++;
		if (rnd(&s) % 32 != 0)
			bdwrite(bp);
		else if (bwrite(bp) != 0)
			return -__LINE__;
	}
	return counted;
}

/* The sum of the counters on the device, once the cache was flushed. */
long
rumptest_bcache_sum(unsigned blocks)
{
	long sum = 0;
	unsigned i;

	if (bflush(bd, true) != 0)
		return -__LINE__;
	bcache_purge(bd);
	for (i = 0; i < blocks; i++)
		sum += (long)*(uint64_t *)(void *)(fake.fd_mem +
		    (size_t)i * bs);
	return sum;
}

int
rumptest_bcache_end(void)
{
	return fakedev_fini(&fake);
}

static int
set(uint64_t blkno, unsigned char c)
{
	struct buf *bp;

	CHECK(getblk(bd, blkno, &bp) == 0);
	memset(bp->b_data, c, bs);
	bdwrite(bp);
	return 0;
}

static int
get(uint64_t blkno)
{
	struct buf *bp;
	int c;

	if (bread(bd, blkno, &bp) != 0)
		return -1;
	c = *(unsigned char *)bp->b_data;
	brelse(bp);
	return c;
}

int
rumptest_bcache_writes(void)
{
	uint64_t n, i;
	struct buf *bp;

	/* Neighbours are written together, in order. */
	n = atomic_load(&bd->bd_stat_writes);
	for (i = 0; i < 100; i++)
		CHECK(set(i * 37 % 100, (unsigned char)i) == 0);
	CHECK(bflush(bd, true) == 0);
	CHECK(atomic_load(&bd->bd_stat_writes) == n + 1);
	CHECK(bflush(bd, true) == 0);
	CHECK(atomic_load(&bd->bd_stat_writes) == n + 1);
	/* A pinned buffer is not written, and is when it is no longer. */
	CHECK(bread(bd, 7, &bp) == 0);
	memset(bp->b_data, 0x77, bs);
	bpin(bp);
	bdwrite(bp);
	CHECK(bflush(bd, true) == 0);
	CHECK(fake.fd_mem[7 * bs] != 0x77);
	CHECK(get(7) == 0x77);
	CHECK(bread(bd, 7, &bp) == 0);
	bunpin(bp);
	brelse(bp);
	CHECK(bflush(bd, true) == 0);
	CHECK(fake.fd_mem[7 * bs] == 0x77);
	/* A freed block is never written. */
	CHECK(set(9, 0x99) == 0);
	CHECK(bread(bd, 9, &bp) == 0);
	binval(bp);
	CHECK(set(10, 0x99) == 0 && set(11, 0x99) == 0);
	binval_range(bd, 10, 2);
	CHECK(bflush(bd, true) == 0);
	for (i = 9; i < 12; i++)
		CHECK(fake.fd_mem[i * bs] != 0x99 && get(i) != 0x99);
	CHECK(set(9, 0x99) == 0);
	binval_range(bd, 0, UINT64_MAX);
	CHECK(get(9) != 0x99);
	/* Flags. */
	bcache_purge(bd);
	CHECK(bread(bd, 3, &bp) == 0);
	CHECK((bp->b_flags & (B_NEW | B_VALID | B_VERIFIED)) ==
	    (B_NEW | B_VALID));
	bp->b_flags |= B_VERIFIED;
	brelse(bp);
	CHECK(bread(bd, 3, &bp) == 0);
	CHECK((bp->b_flags & (B_NEW | B_VALID | B_VERIFIED)) ==
	    (B_VALID | B_VERIFIED));
	CHECK(((uintptr_t)bp->b_data & (MIN(bs, PAGE_SIZE) - 1)) == 0);
	brelse(bp);
	/* Ranges, and another size. */
	CHECK(bread(bd, DEVSIZE / bs, &bp) == EIO);
	CHECK(bread(bd, UINT64_MAX, &bp) == EIO);
	CHECK(bcache_set_blocksize(bd, 3000) == EINVAL);
	CHECK(bcache_set_blocksize(bd, 256) == EINVAL);
	CHECK(bcache_set_blocksize(bd, 131072) == EINVAL);
	CHECK(set(5, 0x55) == 0);
	CHECK(bcache_set_blocksize(bd, bs / 2) == 0);
	CHECK(get(10) == 0x55 && get(11) == 0x55 && get(12) != 0x55);
	CHECK(bcache_set_blocksize(bd, bs) == 0);
	return 0;
}

int
rumptest_bcache_errors(void)
{
	struct buf *bp;

	atomic_store(&fake.fd_fail_reads, 1);
	CHECK(bread(bd, 20, &bp) == EIO);
	CHECK(bread(bd, 20, &bp) == 0);
	/* A failed write is reported, stays dirty, and goes out later. */
	memset(bp->b_data, 0x20, bs);
	bdwrite(bp);
	atomic_store(&fake.fd_fail_writes, 1);
	CHECK(bflush(bd, true) == EIO);
	CHECK(get(20) == 0x20 && fake.fd_mem[20 * bs] != 0x20);
	CHECK(bflush(bd, true) == 0);
	CHECK(fake.fd_mem[20 * bs] == 0x20);
	CHECK(bread(bd, 20, &bp) == 0);
	atomic_store(&fake.fd_fail_writes, 1);
	CHECK(bwrite(bp) == EIO);
	CHECK(bflush(bd, true) == 0);
	return 0;
}

int64_t
rumptest_bcache_hit_ns(unsigned rounds)
{
	struct buf *bp;
	nstime_t t;
	unsigned i;

	t = mono_now();
	for (i = 0; i < rounds; i++) {
		if (bread(bd, i % 64, &bp) != 0)
			return -1;
		brelse(bp);
	}
	return (mono_now() - t) / rounds;
}

void
rumptest_bcache_yield(void)
{
	struct kmutex mtx;
	struct kcondvar cv;
	static struct lock_class lc = LOCK_CLASS("test yield", 0);

	mutex_init(&mtx, &lc);
	cv_init(&cv);
	mutex_enter(&mtx);
	(void)cv_timedwait(&cv, &mtx, mono_deadline(10 * NS_PER_US));
	mutex_exit(&mtx);
	cv_fini(&cv);
	mutex_fini(&mtx);
}

/* ---- Devices ---------------------------------------------------------- */

int
rumptest_blkdev_rules(void)
{
	struct blkdev *a, *b;
	struct blkdev twin = { .bd_op = bd->bd_op, .bd_dev = bd->bd_dev };
	char buf[1024];
	struct bio bio = { .bio_op = BIO_SYNC };

	(void)bio;
	/* The set-up has it open for writing. */
	CHECK(blkdev_attach(&twin) == EEXIST);
	CHECK(blkdev_open(makedev(99, 99), false, &a) == ENXIO);
	CHECK(blkdev_open(bd->bd_dev, true, &a) == EBUSY);
	CHECK(blkdev_open(bd->bd_dev, false, &a) == 0 && a == bd);
	CHECK(blkdev_open(bd->bd_dev, false, &b) == 0);
	CHECK(blkdev_detach(bd) == EBUSY);
	blkdev_close(b, false);
	blkdev_close(a, false);
	CHECK(blkdev_read(bd, buf, 100, 0) == EIO);
	CHECK(blkdev_read(bd, buf, 512, 100) == EIO);
	CHECK(blkdev_read(bd, buf, 1024, DEVSIZE - 512) == EIO);
	CHECK(blkdev_read(bd, buf, 512, UINT64_MAX - 511) == EIO);
	CHECK(blkdev_write(bd, buf, 512, DEVSIZE) == EIO);
	CHECK(blkdev_read(bd, buf, 512, DEVSIZE - 512) == 0);
	CHECK(blkdev_sync(bd) == 0);
	CHECK(atomic_load(&fake.fd_seen_syncs) == 1);
	CHECK(blkdev_discard(bd, 0, DEVSIZE) == 0);
	CHECK(blkdev_discard(bd, 512, DEVSIZE) == EIO);
	return 0;
}
