/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Host files: opening, with its lock, and examining.
 */
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <unistd.h>

#include "posix.h"

static enum rumpuser_ftype
ftype(mode_t mode)
{

	switch (mode & S_IFMT) {
	case S_IFREG:
		return RUMPUSER_FT_REG;
	case S_IFDIR:
		return RUMPUSER_FT_DIR;
	case S_IFBLK:
		return RUMPUSER_FT_BLK;
	case S_IFCHR:
		return RUMPUSER_FT_CHR;
	case S_IFLNK:
		return RUMPUSER_FT_LNK;
	default:
		return RUMPUSER_FT_OTHER;
	}
}

static void
fill_info(const struct stat *st, struct rumpuser_fileinfo *fi)
{

	memset(fi, 0, sizeof(*fi));
	fi->fi_size = st->st_size;
	fi->fi_ino = st->st_ino;
	fi->fi_dev = st->st_dev;
	fi->fi_mtime = st->st_mtim.tv_sec * NSEC_PER_SEC + st->st_mtim.tv_nsec;
	fi->fi_type = ftype(st->st_mode);
	fi->fi_mode = st->st_mode & 07777;
	fi->fi_blksize = st->st_blksize;
}

/* What stat(2) does not tell of a block device. */
static int
fill_blkdev(int fd, struct rumpuser_fileinfo *fi)
{
	uint64_t size;
	int sector;

	if (ioctl(fd, BLKGETSIZE64, &size) != 0 ||
	    ioctl(fd, BLKSSZGET, &sector) != 0)
		return errno;
	fi->fi_size = size;
	fi->fi_blksize = sector;
	return 0;
}

int
rumpuser_fstat(int fd, struct rumpuser_fileinfo *fi)
{
	struct rumpuser_fileinfo info;
	struct stat st;
	int error;

	if (fstat(fd, &st) != 0)
		return errno;
	fill_info(&st, &info);
	if (info.fi_type == RUMPUSER_FT_BLK &&
	    (error = fill_blkdev(fd, &info)) != 0)
		return error;
	*fi = info;
	return 0;
}

int
rumpuser_stat(const char *path, struct rumpuser_fileinfo *fi)
{
	struct stat st;
	int fd, error;

	if (stat(path, &st) != 0)
		return errno;
	if (!S_ISBLK(st.st_mode)) {
		fill_info(&st, fi);
		return 0;
	}
	if ((fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)) == -1)
		return errno;
	error = rumpuser_fstat(fd, fi);
	close(fd);
	return error;
}

/*
 * Both kinds of lock that belong to an open file, not to a process, and so
 * hold against others in our own as well: flock(2), which works on files open
 * for reading, and, for writers, the one that other programs for disk images
 * use.  Not every host file system has the second.
 */
static int
lock_file(int fd, int flags)
{
	struct flock fl = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	while (flock(fd, LOCK_EX | LOCK_NB) != 0)
		if (errno != EINTR)
			return errno == EWOULDBLOCK ? EBUSY : errno;
	if ((flags & RUMPUSER_OPEN_WRITE) != 0 &&
	    fcntl(fd, F_OFD_SETLK, &fl) != 0 &&
	    (errno == EAGAIN || errno == EACCES))
		return EBUSY;
	return 0;
}

/* Only what has blocks; and clear O_NONBLOCK, under which io_uring gives up. */
static int
check_bio(int fd)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return errno;
	if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
		return ENOTBLK;
	if (fcntl(fd, F_SETFL, 0) != 0)
		return errno;
	return 0;
}

static int
host_flags(const char *path, int flags)
{
	struct stat st;
	int how = O_CLOEXEC | O_NOCTTY;

	switch (flags & (RUMPUSER_OPEN_READ | RUMPUSER_OPEN_WRITE)) {
	case RUMPUSER_OPEN_READ:
		how |= O_RDONLY;
		break;
	case RUMPUSER_OPEN_WRITE:
		how |= O_WRONLY;
		break;
	default:
		how |= O_RDWR;
		break;
	}
	if (flags & RUMPUSER_OPEN_CREATE)
		how |= O_CREAT;
	if (flags & RUMPUSER_OPEN_EXCL)
		how |= O_EXCL;
	if (flags & RUMPUSER_OPEN_NOFOLLOW)
		how |= O_NOFOLLOW;
	if (flags & RUMPUSER_OPEN_BIO)
		how |= O_NONBLOCK;	/* a fifo must not keep us */

	/* A block device that the host has mounted is busy, and stays ours. */
	if ((flags & RUMPUSER_OPEN_LOCK) && (flags & RUMPUSER_OPEN_WRITE) &&
	    stat(path, &st) == 0 && S_ISBLK(st.st_mode))
		how = (how & ~O_CREAT) | O_EXCL;
	return how;
}

int
rumpuser_open(const char *path, int flags, int *fdp)
{
	int fd, error;

	if ((flags & (RUMPUSER_OPEN_READ | RUMPUSER_OPEN_WRITE)) == 0)
		return EINVAL;
	if ((error = ruser_fault(RUMPUSER_FAULT_OPEN)) != 0)
		return error;
	while ((fd = open(path, host_flags(path, flags), 0644)) == -1)
		if (errno != EINTR)
			return errno;
	if ((flags & RUMPUSER_OPEN_BIO) && (error = check_bio(fd)) != 0)
		goto fail_close;
	if ((flags & RUMPUSER_OPEN_LOCK) &&
	    (error = lock_file(fd, flags)) != 0)
		goto fail_close;
	*fdp = fd;
	return 0;

fail_close:
	close(fd);
	return error;
}

int
rumpuser_close(int fd)
{

	/* Linux has let go of the number even when it says EINTR. */
	return close(fd) == 0 || errno == EINTR ? 0 : errno;
}

int
rumpuser_ftruncate(int fd, uint64_t size)
{

	if (size > INT64_MAX)
		return EFBIG;
	while (ftruncate(fd, size) != 0)
		if (errno != EINTR)
			return errno;
	return 0;
}

int
rumpuser_fdatasync(int fd)
{
	int error;

	if ((error = ruser_fault(RUMPUSER_FAULT_SYNC)) != 0)
		return error;
	while (fdatasync(fd) != 0)
		if (errno != EINTR)
			return errno;
	return 0;
}
