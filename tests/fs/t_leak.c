/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a kernel does again and again does not cost it memory: mounting,
 * working, unmounting, and what fails on the way.
 *
 * Link: rump-tmpfs rump-ext2fs
 */
#define _GNU_SOURCE
#include <sys/mount.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rump/etfs.h>
#include <rump/fs/ext2fs.h>
#include <rump/fs/tmpfs.h>
#include <rump/rump.h>
#include <rump/rump_syscalls.h>

#include "fsload.h"
#include "test.h"

#define WARM	20
#define CYCLES	100
#define SLACK	(24 << 10)	/* caches may be fuller or emptier */

#define works(call)	assert_int_equal((call), 0)

static uint64_t
memory_used(void)
{
	char value[32];

	ok_errno(rump_pub_sysctl_get("kern.mem.used", value, sizeof(value)));
	return strtoull(value, NULL, 10);
}

static void
does_not_grow(void (*cycle)(void))
{
	uint64_t before, after;
	int i;

	for (i = 0; i < WARM; i++)
		cycle();
	before = memory_used();
	for (i = 0; i < CYCLES; i++)
		cycle();
	after = memory_used();
	if (after > before + SLACK)
		print_error("%llu bytes in use, then %llu\n",
		    (unsigned long long)before, (unsigned long long)after);
	assert_true(after <= before + SLACK);
}

/* Every kind of file, some of them there when the file system goes. */
static void
work(void)
{
	char name[32], data[3000] = "data";
	int fd, i;

	for (i = 0; i < 8; i++) {
		snprintf(name, sizeof(name), "/m/dir%d", i);
		works(rump_sys_mkdir(name, 0755));
		snprintf(name, sizeof(name), "/m/dir%d/file", i);
		fd = rump_sys_open(name, O_CREAT | O_RDWR, 0644);
		assert_true(fd >= 0);
		assert_int_equal(rump_sys_write(fd, data, sizeof(data)),
		    sizeof(data));
		assert_int_equal(rump_sys_pread(fd, data, 9, 1), 9);
		works(rump_sys_setxattr(name, "user.a", data, 64, 0));
		works(rump_sys_close(fd));
		if (i % 2 == 0)
			works(rump_sys_unlink(name));
	}
	works(rump_sys_symlink("dir1/file", "/m/symlink"));
	works(rump_sys_link("/m/dir1/file", "/m/link"));
	works(rump_sys_rename("/m/dir1", "/m/dir2/dir1"));
	works(rump_sys_mknod("/m/fifo", 0010644, 0));
	assert_int_equal(rump_sys_access("/m/none", 0), -1);
	assert_int_equal(rump_sys_rmdir("/m/dir3"), -1);
}

static void
cycle_tmpfs(void)
{
	struct tmpfs_args args = { .size = 1 << 20, .nr_inodes = 64 };

	works(rump_sys_mount("tmpfs", "/m", 0, &args, sizeof(args)));
	work();
	works(rump_sys_umount2("/m", 0));
}

static void
cycle_forced(void)
{
	int fd;

	works(rump_sys_mount("tmpfs", "/m", 0, NULL, 0));
	work();
	fd = rump_sys_open("/m/link", O_RDONLY, 0);
	assert_true(fd >= 0);
	works(rump_sys_umount2("/m", MNT_FORCE));
	works(rump_sys_close(fd));
}

static void
cycle_failures(void)
{
	struct tmpfs_args args = { .mode = 0100000 };
	struct ext2fs_args ext = { .fspec = "/dev/zero" };

	assert_int_equal(rump_sys_mount("tmpfs", "/m", 0, &args,
	    sizeof(args)), -1);
	assert_int_equal(rump_sys_mount("nofs", "/m", 0, NULL, 0), -1);
	assert_int_equal(rump_sys_mount("tmpfs", "/n", 0, NULL, 0), -1);
	assert_int_equal(rump_sys_mount("ext4", "/m", 0, &ext,
	    sizeof(ext)), -1);
	ext.fspec = "/dev/none";
	assert_int_equal(rump_sys_mount("ext4", "/m", 0, &ext,
	    sizeof(ext)), -1);
}

static void
cycle_ext4(void)
{
	struct ext2fs_args args = { .fspec = "/dev/leak" };

	ok_errno(rump_pub_etfs_register("/dev/leak", fsload_image,
	    RUMP_ETFS_BLK));
	works(rump_sys_mount("ext4", "/m", 0, &args, sizeof(args)));
	works(rump_sys_mkdir("/m/in", 0755));
	works(rump_sys_chroot("/"));
	works(rump_sys_rename("/m/in", "/m/out"));
	works(rump_sys_rmdir("/m/out"));
	work();
	works(rump_sys_unlink("/m/fifo"));
	works(rump_sys_unlink("/m/link"));
	works(rump_sys_unlink("/m/symlink"));
	works(rump_sys_unlink("/m/dir2/dir1/file"));
	works(rump_sys_rmdir("/m/dir2/dir1"));
	for (int i = 0; i < 8; i++) {
		char name[32];

		snprintf(name, sizeof(name), "/m/dir%d/file", i);
		(void)rump_sys_unlink(name);
		snprintf(name, sizeof(name), "/m/dir%d", i);
		if (i != 1)
			works(rump_sys_rmdir(name));
	}
	works(rump_sys_umount2("/m", 0));
	ok_errno(rump_pub_etfs_remove("/dev/leak"));
}

static void
cycle_ext4_readonly(void)
{
	struct ext2fs_args args = { .fspec = "/dev/leak" };

	ok_errno(rump_pub_etfs_register("/dev/leak", fsload_image,
	    RUMP_ETFS_BLK));
	works(rump_sys_mount("ext4", "/m", MS_RDONLY, &args, sizeof(args)));
	works(rump_sys_access("/m/lost+found", 0));
	assert_int_equal(rump_sys_mkdir("/m/d", 0755), -1);
	assert_int_equal(errno, EROFS);
	works(rump_sys_umount2("/m", 0));
	ok_errno(rump_pub_etfs_remove("/dev/leak"));
}

#define CASE(name, cycle)						\
static void								\
name(void **state)							\
{									\
									\
	(void)state;							\
	does_not_grow(cycle);						\
}

CASE(tmpfs_mounted_and_unmounted, cycle_tmpfs)
CASE(tmpfs_unmounted_by_force, cycle_forced)
CASE(mounts_that_fail, cycle_failures)
CASE(ext4_mounted_and_unmounted, cycle_ext4)
CASE(ext4_mounted_to_look_at, cycle_ext4_readonly)

int
main(void)
{
	static const struct CMUnitTest leak[] = {
		cmocka_unit_test(tmpfs_mounted_and_unmounted),
		cmocka_unit_test(tmpfs_unmounted_by_force),
		cmocka_unit_test(mounts_that_fail),
		cmocka_unit_test(ext4_mounted_and_unmounted),
		cmocka_unit_test(ext4_mounted_to_look_at),
	};
	int failed;

	rump_boot_sethowto(RUMP_AB_SILENT);
	if (rump_init() != 0 || rump_sys_mkdir("/m", 0755) != 0 ||
	    fsload_image_create("8M") != 0)
		return 1;
	failed = cmocka_run_group_tests(leak, NULL, NULL);
	fsload_image_remove();
	return failed;
}
