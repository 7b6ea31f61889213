/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The host kernel as judge: a call is made on the host, in a directory of its
 * tmpfs, and in the rump kernel, in a directory of its own; result and errno
 * have to be the same. Paths are relative, files are pairs of descriptors.
 */
#ifndef TWIN_H
#define TWIN_H

#define _GNU_SOURCE
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rump/rump.h>
#include <rump/rump_syscalls.h>

#include "test.h"

struct pair {
	int h, r;
};

/* TWIN(mkdir, "a", 0755); or, with a value to compare, TWINV(). */
#define TWIN(fn, ...) do {						\
	long h_, r_;							\
	int he_, re_;							\
	h_ = fn(__VA_ARGS__);						\
	he_ = h_ < 0 ? errno : 0;					\
	r_ = rump_sys_##fn(__VA_ARGS__);				\
	re_ = r_ < 0 ? errno : 0;					\
	twin_same(__FILE__, __LINE__, #fn "(" #__VA_ARGS__ ")", he_, re_); \
} while (0)

/* The first argument is a pair of descriptors. */
#define TWINFD(fn, p, ...) do {						\
	long h_, r_;							\
	int he_, re_;							\
	h_ = fn((p).h, ##__VA_ARGS__);					\
	he_ = h_ < 0 ? errno : 0;					\
	r_ = rump_sys_##fn((p).r, ##__VA_ARGS__);			\
	re_ = r_ < 0 ? errno : 0;					\
	twin_same(__FILE__, __LINE__, #fn "(" #p ", " #__VA_ARGS__ ")",	\
	    he_, re_);							\
	if (he_ == 0 && re_ == 0)					\
		twin_value(__FILE__, __LINE__, #fn "(" #p ", "		\
		    #__VA_ARGS__ ")", h_, r_);				\
} while (0)

static inline void
twin_same(const char *file, int line, const char *what, int h, int r)
{

	if (h == r)
		return;
	print_error("%s: host %s, rump %s\n", what, strerror(h), strerror(r));
	_fail(file, line);
}

static inline void
twin_value(const char *file, int line, const char *what, long h, long r)
{

	if (h == r)
		return;
	print_error("%s: host %ld, rump %ld\n", what, h, r);
	_fail(file, line);
}

static inline struct pair
twin_open_at(const char *file, int line, const char *path, int flags,
    mode_t mode)
{
	struct pair p;
	int he, re;

	p.h = open(path, flags, mode);
	he = p.h < 0 ? errno : 0;
	p.r = rump_sys_open(path, flags, mode);
	re = p.r < 0 ? errno : 0;
	twin_same(file, line, path, he, re);
	return p;
}
#define twin_open(path, flags, mode) \
	twin_open_at(__FILE__, __LINE__, (path), (flags), (mode))

static inline void
twin_close(struct pair p)
{

	if (p.h >= 0)
		close(p.h);
	if (p.r >= 0)
		rump_sys_close(p.r);
}

/* Open and close: only whether, or why not. */
#define TWIN_OPEN(path, flags, mode) \
	twin_close(twin_open((path), (flags), (mode)))

/* The parts of two stats that must agree. */
static inline void
twin_stat_at(const char *file, int line, const char *path)
{
	struct stat h, r;
	int he, re;

	he = lstat(path, &h) != 0 ? errno : 0;
	re = rump_sys_lstat(path, &r) != 0 ? errno : 0;
	twin_same(file, line, path, he, re);
	if (he != 0)
		return;
	twin_value(file, line, path, h.st_mode, r.st_mode);
	twin_value(file, line, path, h.st_uid, r.st_uid);
	twin_value(file, line, path, h.st_gid, r.st_gid);
	if (!S_ISDIR(h.st_mode)) {
		twin_value(file, line, path, (long)h.st_nlink,
		    (long)r.st_nlink);
		twin_value(file, line, path, h.st_size, r.st_size);
	}
	twin_value(file, line, path, (long)h.st_rdev, (long)r.st_rdev);
}
#define TWIN_STAT(path) twin_stat_at(__FILE__, __LINE__, (path))

static char twin_dir[] = "/dev/shm/rumptwin.XXXXXX";

static inline void
twin_cleanup(void)
{
	char cmd[64];

	if (chdir("/") == 0) {
		snprintf(cmd, sizeof(cmd), "rm -rf %s", twin_dir);
		if (system(cmd) != 0)
			perror("rm");
	}
}

/* Group setup: boot, and a directory on both sides. */
static inline int
twin_setup(void **state)
{

	(void)state;
	umask(022);
	if (mkdtemp(twin_dir) == NULL || chdir(twin_dir) != 0 ||
	    chmod(".", 0755) != 0)
		return -1;
	if (rump_init() != 0 || rump_sys_mkdir("/twin", 0755) != 0 ||
	    rump_sys_chdir("/twin") != 0)
		return -1;
	rump_sys_umask(022);
	return 0;
}

static inline int
twin_teardown(void **state)
{

	(void)state;
	twin_cleanup();
	return 0;
}

/* A case of its own: both sides go to a new directory. */
static inline void
twin_case(const char *name)
{

	if (chdir(twin_dir) != 0 || rump_sys_chdir("/twin") != 0)
		fail();
	TWIN(mkdir, name, 0755);
	TWIN(chdir, name);
}

static inline void
twin_file(const char *name)
{
	struct pair p = twin_open(name, O_CREAT | O_WRONLY, 0644);

	twin_close(p);
}

#endif
