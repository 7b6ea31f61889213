/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Discarding and zeroing ranges of files and block devices (fallocate(2)).
 */
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <unistd.h>

#include "posix.h"

#define ZEROES_SIZE	((size_t)64 << 10)

static const char zeroes[ZEROES_SIZE];

static int
allocate(int fd, int mode, uint64_t off, uint64_t len)
{

	while (fallocate(fd, mode, off, len) != 0)
		if (errno != EINTR)
			return errno;
	return 0;
}

static bool
unsupported(int error)
{

	return error == EOPNOTSUPP || error == ENOSYS || error == ENOTTY ||
	    error == ENODEV || error == EINVAL;
}

static int
discard_blkdev(int fd, uint64_t off, uint64_t len)
{
	uint64_t range[2], end = off + len;
	int sector;

	/* Whole sectors only. */
	if (ioctl(fd, BLKSSZGET, &sector) != 0)
		return errno;
	off = (off + sector - 1) / sector * sector;
	end = end / sector * sector;
	if (off >= end)
		return 0;
	range[0] = off;
	range[1] = end - off;
	return ioctl(fd, BLKDISCARD, range) == 0 ? 0 : errno;
}

/* A hint: that the host has no such thing is no error. */
int
ruser_range_discard(int fd, uint64_t off, uint64_t len)
{
	struct stat st;
	int error;

	if (fstat(fd, &st) != 0)
		return errno;
	error = S_ISBLK(st.st_mode) ? discard_blkdev(fd, off, len) :
	    allocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, off, len);
	return unsupported(error) ? 0 : error;
}

static int
write_zeroes(int fd, uint64_t off, uint64_t len)
{
	ssize_t n;

	while (len > 0) {
		n = pwrite(fd, zeroes, len < ZEROES_SIZE ? len : ZEROES_SIZE,
		    off);
		if (n > 0) {
			off += n;
			len -= n;
		} else if (n == 0) {
			return EIO;
		} else if (errno != EINTR) {
			return errno;
		}
	}
	return 0;
}

/*
 * Keeping the blocks is better than a hole, because a later write then cannot
 * run out of space; a hole is better than writing.  As a write does, this
 * makes the file longer where the range goes past its end.
 */
int
ruser_range_zero(int fd, uint64_t off, uint64_t len)
{
	struct stat st;
	int error;

	if (fstat(fd, &st) != 0)
		return errno;
	error = allocate(fd, FALLOC_FL_ZERO_RANGE |
	    (S_ISBLK(st.st_mode) ? FALLOC_FL_KEEP_SIZE : 0), off, len);
	if (unsupported(error) && S_ISREG(st.st_mode) &&
	    off + len <= (uint64_t)st.st_size)
		error = allocate(fd, FALLOC_FL_PUNCH_HOLE |
		    FALLOC_FL_KEEP_SIZE, off, len);
	if (unsupported(error))
		error = write_zeroes(fd, off, len);
	return error;
}
