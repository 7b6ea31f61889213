/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shmif's host half, on Linux files.
 *
 * Locks are those of open file descriptions: the host gives them up when the
 * process ends in whatever way, and two members in one process exclude each
 * other. A child that was forked and did not exec keeps them.
 */
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <time.h>
#include <unistd.h>

#include <rump/rumpuser.h>

#include "shmif_user.h"

/*
 * How long a wait lasts at most where the host cannot tell of everything that
 * may end it: whoever waits looks again.
 */
#define SLICE_NS	10000000

int
rumpcomp_shmif_open(const char *path, int *fdp)
{
	struct stat st;
	int fd, error;

	/* O_NONBLOCK: of a fifo or a device nothing is waited for. */
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
	    0600);
	if (fd == -1)
		return errno == EISDIR ? EINVAL : errno;
	error = fstat(fd, &st) == -1 ? errno : S_ISREG(st.st_mode) ? 0 :
	    EINVAL;
	if (error != 0) {
		close(fd);
		return error;
	}
	*fdp = fd;
	return 0;
}

void
rumpcomp_shmif_close(int fd)
{
	close(fd);
}

int
rumpcomp_shmif_size(int fd, uint64_t *sizep)
{
	struct stat st;

	if (fstat(fd, &st) == -1)
		return errno;
	*sizep = (uint64_t)st.st_size;
	return 0;
}

int
rumpcomp_shmif_read(int fd, void *buf, size_t len)
{
	ssize_t n = pread(fd, buf, len, 0);

	return n == -1 ? errno : (size_t)n == len ? 0 : EINVAL;
}

int
rumpcomp_shmif_write(int fd, const void *buf, size_t len)
{
	ssize_t n = pwrite(fd, buf, len, 0);

	return n == -1 ? errno : (size_t)n == len ? 0 : ENOSPC;
}

int
rumpcomp_shmif_grow(int fd, uint64_t size)
{
	uint64_t now;
	int error = rumpcomp_shmif_size(fd, &now);

	if (error != 0 || now >= size)
		return error;
	return ftruncate(fd, (off_t)size) == -1 ? errno : 0;
}

int
rumpcomp_shmif_reserve(int fd, uint64_t off, uint64_t len)
{
	int rv;

	do {
		rv = fallocate(fd, FALLOC_FL_KEEP_SIZE, (off_t)off,
		    (off_t)len);
	} while (rv == -1 && errno == EINTR);
	/* Where the host cannot, it is as with any other mapped file. */
	return rv == 0 || errno == EOPNOTSUPP || errno == ENOSYS ? 0 : errno;
}

int
rumpcomp_shmif_map(int fd, uint64_t off, size_t len, int writable, void **memp)
{
	void *p;

	p = mmap(NULL, len, PROT_READ | (writable ? PROT_WRITE : 0),
	    MAP_SHARED, fd, (off_t)off);
	if (p == MAP_FAILED)
		return errno;
	*memp = p;
	return 0;
}

void
rumpcomp_shmif_unmap(void *mem, size_t len)
{
	munmap(mem, len);
}

static struct flock
byte_at(short type, uint64_t off)
{
	return (struct flock){ .l_type = type, .l_whence = SEEK_SET,
	    .l_start = (off_t)off, .l_len = 1 };
}

int
rumpcomp_shmif_lock(int fd, uint64_t off, int wait_ms)
{
	const struct timespec ms = { .tv_nsec = 1000000 };
	struct flock fl;

	for (;;) {
		fl = byte_at(F_WRLCK, off);
		if (fcntl(fd, F_OFD_SETLK, &fl) == 0)
			return 0;
		if (errno != EAGAIN && errno != EACCES && errno != EINTR)
			return errno;
		if (wait_ms-- <= 0)
			return EAGAIN;
		nanosleep(&ms, NULL);
	}
}

void
rumpcomp_shmif_unlock(int fd, uint64_t off)
{
	struct flock fl = byte_at(F_UNLCK, off);

	(void)fcntl(fd, F_OFD_SETLK, &fl);
}

int
rumpcomp_shmif_locked(int fd, uint64_t off)
{
	struct flock fl = byte_at(F_WRLCK, off);

	/* When in doubt, yes: nobody is declared dead by mistake. */
	return fcntl(fd, F_OFD_GETLK, &fl) == -1 || fl.l_type != F_UNLCK;
}

/* A virtual clock's time is not the host's, nor are its parks futexes. */
static int
is_virtual(void)
{
	return rumpuser_clock_advance(0) != EPERM;
}

int
rumpcomp_shmif_wait(void *word, uint32_t expected, int64_t ns)
{
	int sliced = is_virtual() && (ns < 0 || ns > SLICE_NS);
	struct timespec ts;

	if (sliced)
		ns = SLICE_NS;
	if (ns >= 0)
		ts = (struct timespec){ .tv_sec = ns / 1000000000,
		    .tv_nsec = ns % 1000000000 };
	if (syscall(SYS_futex, word, FUTEX_WAIT, expected, ns < 0 ? NULL : &ts,
	    NULL, 0) == -1 && errno == ETIMEDOUT)
		return sliced ? 0 : ETIMEDOUT;
	return 0;
}

#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif

/* futex_waitv(2)'s argument; not in all headers yet. */
struct waitv {
	uint64_t val, uaddr;
	uint32_t flags, reserved;
};
#define WAITV_32	2
#define WAITV_PRIVATE	FUTEX_PRIVATE_FLAG

int
rumpcomp_shmif_wait2(void *word, uint32_t expected, void *own,
    uint32_t own_expected, int64_t ns)
{
	const struct waitv v[2] = {
		{ .val = expected, .uaddr = (uintptr_t)word,
		    .flags = WAITV_32 },
		{ .val = own_expected, .uaddr = (uintptr_t)own,
		    .flags = WAITV_32 | WAITV_PRIVATE },
	};
	int64_t end;
	struct timespec ts;

	if (is_virtual())
		return rumpcomp_shmif_wait(word, expected, ns);
	if (ns >= 0) {
		/* This call takes an absolute time. */
		clock_gettime(CLOCK_MONOTONIC, &ts);
		end = ts.tv_nsec + ns;
		ts.tv_sec += end / 1000000000;
		ts.tv_nsec = end % 1000000000;
	}
	if (syscall(SYS_futex_waitv, v, 2, 0, ns < 0 ? NULL : &ts,
	    CLOCK_MONOTONIC) >= 0)
		return 0;
	if (errno == ENOSYS)	/* Linux before 5.16 */
		return rumpcomp_shmif_wait(word, expected, ns < 0 ||
		    ns > SLICE_NS ? SLICE_NS : ns) == ETIMEDOUT && ns >= 0 &&
		    ns <= SLICE_NS ? ETIMEDOUT : 0;
	return errno == ETIMEDOUT ? ETIMEDOUT : 0;
}

void
rumpcomp_shmif_wake(void *word)
{
	syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0);
}

uint32_t
rumpcomp_shmif_pid(void)
{
	return (uint32_t)getpid();
}
