/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ext2tool's calls: of the rump kernel or of the host, below a root each; and
 * what both fill files with and compare them by.
 */
#ifndef TOOL_SIDE_H
#define TOOL_SIDE_H

#define _GNU_SOURCE
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <rump/rump.h>
#include <rump/etfs.h>
#include <rump/rump_syscalls.h>
#include <rump/fs/ext2fs.h>

#include <linux/falloc.h>

struct side {
	const char *root;
	int (*open)(const char *, int, ...);
	int (*close)(int);
	ssize_t (*pread)(int, void *, size_t, off_t);
	ssize_t (*pwrite)(int, const void *, size_t, off_t);
	int (*ftruncate)(int, off_t);
	int (*fallocate)(int, int, off_t, off_t);
	off_t (*lseek)(int, off_t, int);
	int (*fsync)(int);
	int (*mkdir)(const char *, mode_t);
	int (*rmdir)(const char *);
	int (*unlink)(const char *);
	int (*renameat2)(int, const char *, int, const char *, unsigned);
	int (*link)(const char *, const char *);
	int (*symlink)(const char *, const char *);
	ssize_t (*readlink)(const char *, char *, size_t);
	int (*lstat)(const char *, struct stat *);
	ssize_t (*getdents64)(int, void *, size_t);
	int (*chmod)(const char *, mode_t);
	int (*lchown)(const char *, uid_t, gid_t);
	int (*utimensat)(int, const char *, const struct timespec *, int);
	int (*mknod)(const char *, mode_t, dev_t);
	int (*lsetxattr)(const char *, const char *, const void *, size_t, int);
	ssize_t (*lgetxattr)(const char *, const char *, void *, size_t);
	ssize_t (*llistxattr)(const char *, char *, size_t);
	int (*lremovexattr)(const char *, const char *);
};

static ssize_t
host_getdents64(int fd, void *buf, size_t n)
{
	return syscall(SYS_getdents64, fd, buf, n);
}

static int
host_renameat2(int a, const char *f, int b, const char *t, unsigned flags)
{
	return (int)syscall(SYS_renameat2, a, f, b, t, flags);
}

static const struct side host_side = {
	"", open, close, pread, pwrite, ftruncate, fallocate, lseek, fsync,
	mkdir, rmdir, unlink, host_renameat2, link, symlink, readlink, lstat,
	host_getdents64, chmod, lchown, utimensat, mknod, lsetxattr, lgetxattr,
	llistxattr, lremovexattr,
};

static const struct side rump_side = {
	"", rump_sys_open, rump_sys_close, rump_sys_pread, rump_sys_pwrite,
	rump_sys_ftruncate, rump_sys_fallocate, rump_sys_lseek,
	rump_sys_fsync, rump_sys_mkdir, rump_sys_rmdir, rump_sys_unlink,
	rump_sys_renameat2, rump_sys_link, rump_sys_symlink,
	rump_sys_readlink, rump_sys_lstat, rump_sys_getdents64,
	rump_sys_chmod, rump_sys_lchown, rump_sys_utimensat, rump_sys_mknod,
	rump_sys_lsetxattr, rump_sys_lgetxattr, rump_sys_llistxattr,
	rump_sys_lremovexattr,
};

static struct side us;
static bool lenient;		/* errors are expected: a damaged image */
static int failures;

static const char *
at(const struct side *s, const char *path)
{
	static char buf[8][8192];
	static int n;

	n = (n + 1) % 8;
	snprintf(buf[n], sizeof(buf[n]), "%s%s%s", s->root,
	    path[0] == '/' ? "" : "/", path);
	return buf[n];
}

static int
fail(const char *what, const char *path)
{
	if (!lenient) {
		warn("%s %s", what, path);
		failures++;
	}
	return -1;
}

static uint64_t
hash_bytes(uint64_t h, const void *p, size_t n)
{
	const unsigned char *c = p;

	while (n-- > 0)
		h = (h ^ *c++) * 0x100000001b3ull;
	return h;
}

static void
pattern(unsigned char *buf, size_t n, uint64_t off, uint32_t seed)
{
	size_t i;
	uint64_t w;

	for (i = 0; i < n; i++) {
		w = (off + i) / 8 * 0x9e3779b97f4a7c15ull + seed;
		buf[i] = (unsigned char)(w >> (8 * ((off + i) % 8)));
	}
}

#endif
