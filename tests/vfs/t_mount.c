/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mount(2) and umount2(2): the tree of mounts, what keeps one busy, flags.
 *
 * Link: rumpvfs
 */
#define _GNU_SOURCE
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rump/rump.h>
#include <rump/rump_syscalls.h>

#include "test.h"

#define FS	"rumpfs"

#define fails(call, error) do {						\
	assert_int_equal((call), -1);					\
	assert_int_equal(errno, (error));				\
} while (0)
#define works(call)	assert_int_equal((call), 0)

static int
setup(void **state)
{

	(void)state;
	return rump_init() != 0 || rump_sys_mkdir("/m", 0755) != 0 ||
	    rump_sys_mkdir("/m2", 0755) != 0 ? -1 : 0;
}

static int
touch(const char *path)
{
	int fd = rump_sys_open(path, O_CREAT | O_WRONLY, 0644);

	return fd < 0 ? -1 : rump_sys_close(fd);
}

static void
mount_covers_and_uncovers(void **state)
{
	struct stat under, over, st;

	(void)state;
	works(touch("/m/under"));
	works(rump_sys_stat("/m", &under));
	works(rump_sys_mount(FS, "/m", 0, NULL, 0));
	works(rump_sys_stat("/m", &over));
	assert_true(under.st_dev != over.st_dev);
	fails(rump_sys_stat("/m/under", &st), ENOENT);
	works(touch("/m/over"));
	works(rump_sys_mkdir("/m/d", 0755));
	works(rump_sys_stat("/m/d/../../m/over", &st));
	works(rump_sys_stat("/m/..", &st));
	assert_int_equal(st.st_dev, under.st_dev);
	works(rump_sys_unmount("/m", 0));
	works(rump_sys_stat("/m/under", &st));
	fails(rump_sys_stat("/m/over", &st), ENOENT);
	works(rump_sys_unlink("/m/under"));
}

static void
mounts_stack(void **state)
{
	struct stat st;

	(void)state;
	works(rump_sys_mount(FS, "/m", 0, NULL, 0));
	works(touch("/m/first"));
	works(rump_sys_mount(FS, "/m", 0, NULL, 0));
	fails(rump_sys_stat("/m/first", &st), ENOENT);
	works(rump_sys_mkdir("/m/d", 0755));
	works(rump_sys_mount(FS, "/m/d", 0, NULL, 0));
	fails(rump_sys_unmount("/m", 0), EBUSY);
	works(rump_sys_unmount("/m/d", 0));
	works(rump_sys_unmount("/m", 0));
	works(rump_sys_stat("/m/first", &st));
	works(rump_sys_unmount("/m", 0));
	fails(rump_sys_unmount("/m", 0), EINVAL);
}

static void
arguments_are_checked(void **state)
{

	(void)state;
	works(touch("/file"));
	fails(rump_sys_mount("nosuchfs", "/m", 0, NULL, 0), ENODEV);
	fails(rump_sys_mount(FS, "/none", 0, NULL, 0), ENOENT);
	fails(rump_sys_mount(FS, "/file", 0, NULL, 0), ENOTDIR);
	fails(rump_sys_mount(NULL, "/m", 0, NULL, 0), EFAULT);
	fails(rump_sys_mount(FS, NULL, 0, NULL, 0), EFAULT);
	fails(rump_sys_mount(FS, "/m", MS_BIND, NULL, 0), EINVAL);
	fails(rump_sys_mount(FS, "/m", MS_REMOUNT, NULL, 0), EINVAL);
	fails(rump_sys_unmount("/none", 0), ENOENT);
	fails(rump_sys_unmount("/m", 0), EINVAL);
	fails(rump_sys_unmount("/file", 0), EINVAL);
	fails(rump_sys_unmount("/", 0), EBUSY);
	fails(rump_sys_unmount("/m", 0x80), EINVAL);
	fails(rump_sys_unmount(NULL, 0), EFAULT);
	works(rump_sys_unlink("/file"));
}

static void
use_keeps_a_mount(void **state)
{
	int fd;

	(void)state;
	works(rump_sys_mount(FS, "/m", 0, NULL, 0));
	works(rump_sys_mkdir("/m/d", 0755));
	fd = rump_sys_open("/m/f", O_CREAT | O_RDWR, 0644);
	fails(rump_sys_unmount("/m", 0), EBUSY);
	works(rump_sys_unlink("/m/f"));
	fails(rump_sys_unmount("/m", 0), EBUSY);
	works(rump_sys_close(fd));
	works(rump_sys_chdir("/m/d"));
	fails(rump_sys_unmount("/m", 0), EBUSY);
	works(rump_sys_chdir("/m"));
	fails(rump_sys_unmount("/m", 0), EBUSY);
	works(rump_sys_chdir("/"));
	works(rump_sys_unmount("/m", 0));
}

static void
covered_directory_is_busy(void **state)
{

	(void)state;
	works(rump_sys_mkdir("/m/p", 0755));
	works(rump_sys_mount(FS, "/m/p", 0, NULL, 0));
	fails(rump_sys_rmdir("/m/p"), EBUSY);
	fails(rump_sys_rename("/m/p", "/m/q"), EBUSY);
	works(rump_sys_mkdir("/m/q", 0755));
	fails(rump_sys_rename("/m/q", "/m/p"), EBUSY);
	fails(rump_sys_rename("/m/q", "/m/p/q"), EXDEV);
	works(touch("/m/f"));
	fails(rump_sys_link("/m/f", "/m/p/f"), EXDEV);
	works(rump_sys_unmount("/m/p", 0));
	works(rump_sys_rmdir("/m/p"));
	works(rump_sys_rmdir("/m/q"));
	works(rump_sys_unlink("/m/f"));
}

static void
forced_unmount_leaves_dead_files(void **state)
{
	struct stat st;
	char c = 'x';
	int fd, dfd;

	(void)state;
	works(rump_sys_mount(FS, "/m", 0, NULL, 0));
	works(rump_sys_mkdir("/m/d", 0755));
	fd = rump_sys_open("/m/f", O_CREAT | O_RDWR, 0644);
	dfd = rump_sys_open("/m/d", O_RDONLY | O_DIRECTORY);
	works(rump_sys_chdir("/m/d"));
	assert_int_equal(rump_sys_write(fd, &c, 1), 1);
	works(rump_sys_unmount("/m", MNT_FORCE));
	fails(rump_sys_fstat(fd, &st), EIO);
	fails(rump_sys_pread(fd, &c, 1, 0), EIO);
	fails(rump_sys_pwrite(fd, &c, 1, 0), EIO);
	fails(rump_sys_ftruncate(fd, 0), EIO);
	fails(rump_sys_fsync(fd), EIO);
	assert_int_equal(rump_sys_openat(dfd, "x", O_CREAT | O_RDWR, 0644), -1);
	fails(rump_sys_stat("x", &st), EIO);
	works(rump_sys_chdir("/"));
	works(rump_sys_close(fd));
	works(rump_sys_close(dfd));
	works(rump_sys_mount(FS, "/m", 0, NULL, 0));
	works(rump_sys_unmount("/m", 0));
}

static void
detached_mount_ends_with_its_last_user(void **state)
{
	struct stat st;
	char c = 'x';
	int fd;

	(void)state;
	works(rump_sys_mount(FS, "/m", 0, NULL, 0));
	fd = rump_sys_open("/m/f", O_CREAT | O_RDWR, 0644);
	works(rump_sys_unmount("/m", MNT_DETACH));
	fails(rump_sys_stat("/m/f", &st), ENOENT);
	assert_int_equal(rump_sys_write(fd, &c, 1), 1);
	works(rump_sys_fstat(fd, &st));
	assert_int_equal(st.st_size, 1);
	works(rump_sys_close(fd));
	fails(rump_sys_unmount("/m", 0), EINVAL);
}

static unsigned long
vnodes(void)
{
	char value[32];

	ok_errno(rump_pub_sysctl_get("vfs.vnodes.count", value,
	    sizeof(value)));
	return strtoul(value, NULL, 10);
}

static void
detached_mount_takes_those_below_along(void **state)
{
	unsigned long before = vnodes();
	struct stat st;
	int fd, top;

	(void)state;
	works(rump_sys_mount(FS, "/m", 0, NULL, 0));
	works(rump_sys_mkdir("/m/a", 0755));
	works(rump_sys_mkdir("/m/c", 0755));
	works(rump_sys_mount(FS, "/m/a", 0, NULL, 0));
	works(rump_sys_mount(FS, "/m/c", 0, NULL, 0));
	works(rump_sys_mkdir("/m/a/b", 0755));
	works(rump_sys_mount(FS, "/m/a/b", 0, NULL, 0));
	top = rump_sys_open("/m", O_RDONLY | O_DIRECTORY);
	fd = rump_sys_open("/m/a/b/f", O_CREAT | O_RDWR, 0644);
	assert_true(top >= 0 && fd >= 0);
	fails(rump_sys_unmount("/m", 0), EBUSY);
	works(rump_sys_unmount("/m", MNT_DETACH));
	fails(rump_sys_stat("/m/a", &st), ENOENT);
	/* Each is on its own. */
	works(rump_sys_fstatat(top, "a", &st, 0));
	fails(rump_sys_fstatat(top, "a/b", &st, 0), ENOENT);
	assert_int_equal(rump_sys_write(fd, "x", 1), 1);
	works(rump_sys_fstat(fd, &st));
	assert_int_equal(st.st_size, 1);
	works(rump_sys_close(top));
	works(rump_sys_fstat(fd, &st));
	works(rump_sys_close(fd));
	assert_true(vnodes() <= before);
	works(rump_sys_mount(FS, "/m", 0, NULL, 0));
	works(rump_sys_unmount("/m", 0));
}

static void
read_only_mount(void **state)
{
	struct timespec ts[2] = { { 1, 0 }, { 1, 0 } };
	struct statfs sf;
	struct stat st;
	int fd;

	(void)state;
	works(rump_sys_mount(FS, "/m", 0, NULL, 0));
	works(touch("/m/f"));
	works(rump_sys_mkdir("/m/d", 0755));
	works(rump_sys_mknod("/m/null", S_IFCHR | 0666, 0x103));
	fd = rump_sys_open("/m/f", O_WRONLY);
	if (rump_sys_mount(FS, "/m", MS_REMOUNT | MS_RDONLY, NULL, 0) != 0 &&
	    errno == EOPNOTSUPP) {
		works(rump_sys_close(fd));
		works(rump_sys_unmount("/m", 0));
		skip();
	}
	fails(rump_sys_mount(FS, "/m", MS_REMOUNT | MS_RDONLY, NULL, 0),
	    EBUSY);
	works(rump_sys_close(fd));
	works(rump_sys_mount(FS, "/m", MS_REMOUNT | MS_RDONLY, NULL, 0));
	works(rump_sys_statfs("/m", &sf));
	assert_true((sf.f_flags & ST_RDONLY) != 0);
	fails(rump_sys_open("/m/f", O_WRONLY), EROFS);
	fails(rump_sys_open("/m/f", O_RDONLY | O_TRUNC), EROFS);
	fails(rump_sys_open("/m/new", O_CREAT | O_RDWR, 0644), EROFS);
	fails(rump_sys_open("/m/new", O_CREAT, 0644), EROFS);
	fails(rump_sys_open("/m", O_TMPFILE | O_RDWR, 0644), EROFS);
	works(rump_sys_close(rump_sys_open("/m/f", O_CREAT, 0644)));
	fails(rump_sys_open("/m/f", O_CREAT | O_EXCL, 0644), EEXIST);
	works(rump_sys_close(rump_sys_open("/m/null", O_RDWR)));
	fails(rump_sys_mkdir("/m/x", 0755), EROFS);
	fails(rump_sys_mkdir("/m/d", 0755), EEXIST);
	fails(rump_sys_rmdir("/m/d"), EROFS);
	fails(rump_sys_unlink("/m/none"), EROFS);
	fails(rump_sys_rename("/m/f", "/m/g"), EROFS);
	fails(rump_sys_symlink("a", "/m/l"), EROFS);
	fails(rump_sys_link("/m/f", "/m/l"), EROFS);
	fails(rump_sys_mknod("/m/p", S_IFIFO | 0644, 0), EROFS);
	fails(rump_sys_chmod("/m/f", 0600), EROFS);
	fails(rump_sys_chown("/m/f", 1, 1), EROFS);
	fails(rump_sys_utimensat(AT_FDCWD, "/m/f", ts, 0), EROFS);
	fails(rump_sys_truncate("/m/f", 0), EROFS);
	fails(rump_sys_setxattr("/m/f", "user.a", "b", 1, 0), EROFS);
	fails(rump_sys_access("/m/f", W_OK), EROFS);
	works(rump_sys_access("/m/f", R_OK));
	works(rump_sys_stat("/m/f", &st));
	works(rump_sys_mount(FS, "/m", MS_REMOUNT, NULL, 0));
	works(touch("/m/new"));
	works(rump_sys_unmount("/m", 0));
}

static void
nodev_and_statfs(void **state)
{
	struct statfs sf, sf2;
	int fd;

	(void)state;
	works(rump_sys_mount(FS, "/m", MS_NODEV | MS_NOSUID | MS_NOEXEC,
	    NULL, 0));
	works(rump_sys_mknod("/m/null", S_IFCHR | 0666, 0x103));
	fails(rump_sys_open("/m/null", O_RDWR), EACCES);
	works(rump_sys_close(rump_sys_open("/m/null", O_PATH)));
	works(rump_sys_statfs("/m", &sf));
	assert_true((sf.f_flags & (ST_NODEV | ST_NOSUID | ST_NOEXEC)) ==
	    (ST_NODEV | ST_NOSUID | ST_NOEXEC));
	fd = rump_sys_open("/m", O_RDONLY);
	works(rump_sys_fstatfs(fd, &sf2));
	assert_int_equal(sf.f_type, sf2.f_type);
	works(rump_sys_syncfs(fd));
	works(rump_sys_close(fd));
	fails(rump_sys_statfs("/m", NULL), EFAULT);
	fails(rump_sys_fstatfs(99, &sf), EBADF);
	fails(rump_sys_syncfs(99), EBADF);
	works(rump_sys_sync());
	works(rump_sys_chmod("/m/null", 0777));
	works(touch("/m/x"));
	works(rump_sys_chmod("/m/x", 0755));
	fails(rump_sys_access("/m/x", X_OK), EACCES);
	works(rump_sys_unmount("/m", 0));
}

static _Atomic int stop;

static void *
walker(void *arg)
{
	struct stat st;
	int fd;

	(void)arg;
	ok_errno(rump_pub_lwproc_newlwp(1));
	while (!stop) {
		rump_sys_stat("/m/d/e/f", &st);
		fd = rump_sys_open("/m/d/e/f", O_RDONLY);
		if (fd >= 0)
			rump_sys_close(fd);
		rump_sys_stat("/m/d/../../m2", &st);
		fd = rump_sys_open("/m/new", O_CREAT | O_RDWR, 0644);
		if (fd >= 0) {
			rump_sys_close(fd);
			rump_sys_unlink("/m/new");
		}
	}
	rump_pub_lwproc_releaselwp();
	return NULL;
}

/* Walkers run into the mount while it comes and goes. */
static void
mounting_under_walkers(void **state)
{
	pthread_t t[3];
	int done = 0;

	(void)state;
	for (int i = 0; i < 3; i++)
		pthread_create(&t[i], NULL, walker, NULL);
	for (int i = 0; i < 300; i++) {
		works(rump_sys_mount(FS, "/m", 0, NULL, 0));
		works(rump_sys_mkdir("/m/d", 0755));
		works(rump_sys_mkdir("/m/d/e", 0755));
		works(touch("/m/d/e/f"));
		while (rump_sys_unmount("/m", i % 4 == 0 ? MNT_FORCE : 0) != 0)
			assert_int_equal(errno, EBUSY);
		done++;
	}
	stop = 1;
	for (int i = 0; i < 3; i++)
		pthread_join(t[i], NULL);
	rump_sys_unlink("/m/new");
	assert_int_equal(done, 300);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mount_covers_and_uncovers),
		cmocka_unit_test(mounts_stack),
		cmocka_unit_test(arguments_are_checked),
		cmocka_unit_test(use_keeps_a_mount),
		cmocka_unit_test(covered_directory_is_busy),
		cmocka_unit_test(forced_unmount_leaves_dead_files),
		cmocka_unit_test(detached_mount_ends_with_its_last_user),
		cmocka_unit_test(detached_mount_takes_those_below_along),
		cmocka_unit_test(read_only_mount),
		cmocka_unit_test(nodev_and_statfs),
		cmocka_unit_test(mounting_under_walkers),
	};

	return cmocka_run_group_tests_name("mount", tests, setup, NULL);
}
