/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Time stamps of inodes.
 */
#include "ext2fs.h"

/*
 * In memory: nanoseconds in the lower 30 bits, above them the seconds since
 * 1901-12-13 20:45:52 UTC, where the disk's 34 bits start.
 */
#define TIME_BIAS	0x80000000LL
#define TIME_SEC_MAX	(0x3ffffffffLL - TIME_BIAS)

static uint64_t
time_make(int64_t sec, uint32_t nsec)
{
	return (uint64_t)(sec + TIME_BIAS) << 30 | nsec;
}

static bool
has_field(const struct ext2fs_inode *ip, unsigned off)
{
	return DI_SIZE128 + ip->i_extra * 4u >= off + 4;
}

/* All three times have their extra word, or none is used. */
static bool
has_extra_times(const struct ext2fs_inode *ip)
{
	return has_field(ip, DI_ATIME_EXTRA);
}

uint64_t
ext2fs_time_pack(const struct ext2fs_inode *ip, const struct timespec *ts)
{
	int64_t sec = ts->tv_sec, max;

	max = has_extra_times(ip) ? TIME_SEC_MAX : INT32_MAX;
	if (sec < INT32_MIN)
		return time_make(INT32_MIN, 0);
	if (sec > max)
		return time_make(max, 0);
	return time_make(sec, has_extra_times(ip) ? (uint32_t)ts->tv_nsec : 0);
}

struct timespec
ext2fs_time_unpack(uint64_t t)
{
	struct timespec ts;

	ts.tv_sec = (int64_t)(t >> 30) - TIME_BIAS;
	ts.tv_nsec = (long)(t & 0x3fffffff);
	return ts;
}

uint64_t
ext2fs_time_now(const struct ext2fs_inode *ip)
{
	struct timespec ts;

	real_stamp(&ts);
	return ext2fs_time_pack(ip, &ts);
}

/* The lower two bits of the extra word extend the seconds. */
static uint64_t
time_decode(uint32_t lo, uint32_t extra)
{
	uint32_t nsec = extra >> 2;

	if (nsec >= NS_PER_SEC)
		nsec = 0;
	return time_make((int32_t)lo + ((int64_t)(extra & 3) << 32), nsec);
}

static uint32_t
time_extra(uint64_t t)
{
	int64_t sec = (int64_t)(t >> 30) - TIME_BIAS;

	return (uint32_t)((sec - (int32_t)sec) >> 32 & 3) |
	    (uint32_t)(t & 0x3fffffff) << 2;
}

static uint32_t
time_lo(uint64_t t)
{
	return (uint32_t)((int64_t)(t >> 30) - TIME_BIAS);
}

void
ext2fs_touch(struct ext2fs_inode *ip)
{
	uint64_t now = ext2fs_time_now(ip);

	atomic_store_explicit(&ip->i_mtime, now, memory_order_relaxed);
	atomic_store_explicit(&ip->i_ctime, now, memory_order_relaxed);
	ext2fs_inode_dirty(ip);
}

void
ext2fs_touch_ctime(struct ext2fs_inode *ip)
{
	atomic_store_explicit(&ip->i_ctime, ext2fs_time_now(ip),
	    memory_order_relaxed);
	ext2fs_inode_dirty(ip);
}

void
ext2fs_times_decode(struct ext2fs_inode *ip, const uint8_t *di)
{
	uint32_t ax = 0, mx = 0, cx = 0, bx = 0;

	if (has_extra_times(ip)) {
		ax = le32dec(di + DI_ATIME_EXTRA);
		mx = le32dec(di + DI_MTIME_EXTRA);
		cx = le32dec(di + DI_CTIME_EXTRA);
	}
	if (has_field(ip, DI_CRTIME_EXTRA))
		bx = le32dec(di + DI_CRTIME_EXTRA);
	atomic_init(&ip->i_atime, time_decode(le32dec(di + DI_ATIME), ax));
	atomic_init(&ip->i_mtime, time_decode(le32dec(di + DI_MTIME), mx));
	atomic_init(&ip->i_ctime, time_decode(le32dec(di + DI_CTIME), cx));
	if (has_field(ip, DI_CRTIME))
		ip->i_crtime = time_decode(le32dec(di + DI_CRTIME), bx);
}

void
ext2fs_times_encode(const struct ext2fs_inode *ip, uint8_t *di)
{
	uint64_t a = atomic_load_explicit(&ip->i_atime, memory_order_relaxed);
	uint64_t m = atomic_load_explicit(&ip->i_mtime, memory_order_relaxed);
	uint64_t c = atomic_load_explicit(&ip->i_ctime, memory_order_relaxed);

	le32enc(di + DI_ATIME, time_lo(a));
	le32enc(di + DI_MTIME, time_lo(m));
	le32enc(di + DI_CTIME, time_lo(c));
	if (has_extra_times(ip)) {
		le32enc(di + DI_ATIME_EXTRA, time_extra(a));
		le32enc(di + DI_MTIME_EXTRA, time_extra(m));
		le32enc(di + DI_CTIME_EXTRA, time_extra(c));
	}
	if (has_field(ip, DI_CRTIME))
		le32enc(di + DI_CRTIME, time_lo(ip->i_crtime));
	if (has_field(ip, DI_CRTIME_EXTRA))
		le32enc(di + DI_CRTIME_EXTRA, time_extra(ip->i_crtime));
}
