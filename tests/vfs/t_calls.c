/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * File system calls as such, judged by the host's: NULL where a pointer is
 * needed, and the calls that are older forms of others.
 *
 * Link: rumpvfs
 */
#define _GNU_SOURCE
#include "judge.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <utime.h>

/* libc says of most of these pointers that they are not NULL. */
#define PASSES_NULL __attribute__((no_sanitize("undefined")))

static char dir[] = "/tmp/t_calls.XXXXXX";

/* Both stand in a directory of their own, empty but for a file, open as 3. */
static void
start(void)
{
	(void)CALL(umask, 022);
	/* Elsewhere it would make its files where the tests were started. */
	if ((on_rump ? rump_sys_chdir("/work") : chdir(dir)) != 0)
		abort();
	(void)CALL(unlink, "f");
	(void)CALL(unlink, "g");
	(void)CALL(unlink, "l");
	DO(open, "f", O_RDWR | O_CREAT, 0644);
	DO(write, 3, "0123456789", 10);
}

PASSES_NULL static void
null_paths(void)
{
	struct statfs sf;
	struct stat st;
	char buf[64];

	start();
	DO(open, NULL, O_RDONLY);
	DO(openat, AT_FDCWD, NULL, O_RDONLY);
	DO(openat, AT_FDCWD, NULL, O_RDONLY | O_CREAT, 0644);
	DO(creat, NULL, 0644);
	DO(stat, NULL, &st);
	DO(lstat, NULL, &st);
	DO(fstatat, AT_FDCWD, NULL, &st, 0);
	DO(access, NULL, F_OK);
	DO(faccessat, AT_FDCWD, NULL, F_OK, 0);
	DO(rename, NULL, "f");
	DO(rename, "f", NULL);
	DO(renameat, AT_FDCWD, "f", AT_FDCWD, NULL);
	DO(renameat2, AT_FDCWD, NULL, AT_FDCWD, "f", 0);
	DO(link, NULL, "g");
	DO(link, "f", NULL);
	DO(linkat, AT_FDCWD, NULL, AT_FDCWD, "g", 0);
	DO(unlink, NULL);
	DO(unlinkat, AT_FDCWD, NULL, 0);
	DO(symlink, NULL, "g");
	DO(symlink, "f", NULL);
	DO(symlinkat, "f", AT_FDCWD, NULL);
	DO(readlink, NULL, buf, 10);
	DO(readlinkat, AT_FDCWD, NULL, buf, 10);
	DO(mkdir, NULL, 0755);
	DO(mkdirat, AT_FDCWD, NULL, 0755);
	DO(rmdir, NULL);
	DO(mknod, NULL, S_IFIFO | 0644, 0);
	DO(mknodat, AT_FDCWD, NULL, S_IFIFO | 0644, 0);
	DO(mkfifo, NULL, 0644);
	DO(chdir, NULL);
	DO(chroot, NULL);
	DO(chmod, NULL, 0644);
	DO(fchmodat, AT_FDCWD, NULL, 0644, 0);
	DO(chown, NULL, 0, 0);
	DO(lchown, NULL, 0, 0);
	DO(fchownat, AT_FDCWD, NULL, 0, 0, 0);
	DO(utimes, NULL, NULL);
	DO(lutimes, NULL, NULL);
	DO(utime, NULL, NULL);
	DO(truncate, NULL, 0);
	DO(statfs, NULL, &sf);
	DO(setxattr, NULL, "user.a", "b", 1, 0);
	DO(lsetxattr, NULL, "user.a", "b", 1, 0);
	DO(getxattr, NULL, "user.a", buf, 10);
	DO(lgetxattr, NULL, "user.a", buf, 10);
	DO(listxattr, NULL, buf, 10);
	DO(llistxattr, NULL, buf, 10);
	DO(removexattr, NULL, "user.a");
	DO(lremovexattr, NULL, "user.a");
}

PASSES_NULL static void
null_buffers(void)
{
	off_t off = 0;
	int fd;

	start();
	DO(lseek, 3, 0, SEEK_SET);
	DO(read, 3, NULL, 5);
	DO(read, 3, NULL, 0);
	DO(write, 3, NULL, 5);
	DO(pread, 3, NULL, 5, 0);
	DO(pwrite, 3, NULL, 5, 0);
	DO(readv, 3, NULL, 1);
	DO(writev, 3, NULL, 1);
	DO(preadv, 3, NULL, 1, 0);
	DO(pwritev, 3, NULL, 1, 0);
	DO(preadv2, 3, NULL, 1, 0, 0);
	DO(pwritev2, 3, NULL, 1, 0, 0);
	DO(stat, "f", NULL);
	DO(lstat, "f", NULL);
	DO(fstat, 3, NULL);
	DO(fstatat, AT_FDCWD, "f", NULL, 0);
	DO(statx, AT_FDCWD, "f", 0, STATX_ALL, NULL);
	DO(symlink, "f", "l");
	DO(readlink, "l", NULL, 10);
	DO(getxattr, "f", NULL, NULL, 0);
	DO(fgetxattr, 3, NULL, NULL, 0);
	DO(setxattr, "f", NULL, "b", 1, 0);
	DO(setxattr, "f", "user.a", NULL, 1, 0);
	DO(fsetxattr, 3, NULL, "b", 1, 0);
	DO(removexattr, "f", NULL);
	DO(fremovexattr, 3, NULL);
	DO(statfs, "f", NULL);
	DO(fstatfs, 3, NULL);
	DO(fcntl, 3, F_SETLK, NULL);
	DO(fcntl, 3, F_GETLK, NULL);
	DO(fcntl, 3, F_OFD_SETLK, NULL);
	fd = (int)DO(open, ".", O_RDONLY | O_DIRECTORY);
	DO(getdents64, fd, NULL, 1000);
	DO(pread, 3, &off, 1, 0);
	DO(lseek, 3, 0, SEEK_CUR);
}

static void
show_times(const char *path)
{
	struct stat st;

	DO(lstat, path, &st);
	SAME(st.st_atim.tv_sec);
	SAME(st.st_atim.tv_nsec);
	SAME(st.st_mtim.tv_sec);
	SAME(st.st_mtim.tv_nsec);
}

static void
older_forms(void)
{
	struct timeval tv[2] = { { 1000, 7 }, { 2000, 999999 } };
	struct timeval bad[2] = { { 0, 1000000 }, { 0, 0 } };
	struct utimbuf ut = { 333, 444 };
	struct stat st;
	char buf[64];

	start();
	DO(creat, "g", 0640);
	DO(fstat, 4, &st);
	SAME(st.st_mode);
	DO(read, 4, buf, 1);
	DO(write, 4, "x", 1);
	DO(close, 4);
	DO(creat, "g", 0600);
	DO(fstat, 4, &st);
	SAME(st.st_mode);
	SAME(st.st_size);
	DO(fchown, 4, 5, 6);
	DO(fstat, 4, &st);
	SAME(st.st_uid);
	SAME(st.st_gid);
	DO(fchown, 77, 5, 6);
	DO(symlink, "f", "l");

	DO(utimes, "l", tv);
	show_times("f");
	tv[0].tv_sec = 1;
	DO(lutimes, "l", tv);
	show_times("f");
	show_times("l");
	tv[1].tv_sec = 3;
	DO(futimes, 3, tv);
	show_times("f");
	tv[1].tv_sec = 4;
	DO(futimesat, AT_FDCWD, "f", tv);
	show_times("f");
	DO(utime, "f", &ut);
	show_times("f");
	DO(utimes, "f", bad);
	DO(lutimes, "f", bad);
	DO(futimesat, AT_FDCWD, "none", tv);
	DO(utime, "none", &ut);
	DO(utimes, "f", NULL);
	DO(utime, "f", NULL);
	DO(stat, "f", &st);
	SAME(st.st_mtim.tv_sec > 1000000);

	DO(renameat, AT_FDCWD, "g", AT_FDCWD, "f");
	DO(access, "g", F_OK);
	DO(renameat, AT_FDCWD, "g", AT_FDCWD, "f");
	DO(flistxattr, 3, NULL, 0);
	DO(sync_file_range, 3, 0, 0, 0);
	DO(sync_file_range, 3, -1, 0, 0);
	DO(sync_file_range, 3, 0, 0, 0x10);
	DO(sync_file_range, 77, 0, 0, 0);
}

/* These sanitizers have functions of their own before libc's, which look. */
#ifdef __has_feature
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED true
#endif
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED true
#endif
#ifndef SANITIZED
#define SANITIZED false
#endif

static void
null_is_a_fault_as_on_the_host(void **state)
{
	(void)state;
	if (SANITIZED)
		skip();
	judge(null_paths);
	judge(null_buffers);
}

JUDGED(older_forms, older_forms_do_as_on_the_host)

static int
setup(void **state)
{
	(void)state;
	return mkdtemp(dir) == NULL || rump_init() != 0 ||
	    rump_sys_mkdir("/work", 0777) != 0;
}

static int
teardown(void **state)
{
	static const char *const names[] = { "f", "g", "l" };
	char path[64];

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		(void)unlink(path);
	}
	return rmdir(dir);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(null_is_a_fault_as_on_the_host),
		cmocka_unit_test(older_forms_do_as_on_the_host),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
