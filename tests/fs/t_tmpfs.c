/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is tmpfs's alone: the arguments of its mount, and its limits.
 *
 * Link: rump-tmpfs
 */
#include "conf_tmpfs.h"

#include <linux/magic.h>

static int
mount_tmpfs(const struct tmpfs_args *args, size_t len)
{

	return rump_sys_mount("tmpfs", SMALL, 0, (void *)(uintptr_t)args, len);
}

static int
remount_tmpfs(const struct tmpfs_args *args)
{

	return rump_sys_mount("tmpfs", SMALL, MS_REMOUNT,
	    (void *)(uintptr_t)args, sizeof(*args));
}

static struct statfs
small_statfs(void)
{
	struct statfs sf;

	ok(rump_sys_statfs(SMALL, &sf));
	return sf;
}

static int
unmount_after(void **state)
{
	(void)state;
	rump_sys_chdir("/");
	return rump_sys_umount2(SMALL, 0) == 0 || errno == EINVAL ? 0 : -1;
}

#define T(name) \
	{ #name, name, NULL, unmount_after, NULL }

static void
default_size_is_half_of_the_memory(void **state)
{
	(void)state;
	ok(mount_tmpfs(NULL, 0));
	eq(small_statfs().f_type, TMPFS_MAGIC);
	eq(small_statfs().f_bsize, 4096);
	eq(small_statfs().f_blocks, (96 << 20) / 2 / 4096);
	eq(small_statfs().f_files, 0);
	eq(st_of(SMALL).st_mode, S_IFDIR | 01777);
	eq(st_of(SMALL).st_uid, 0);
}

static void
arguments_are_checked(void **state)
{
	/* More than is valid is still the caller's memory. */
	struct tmpfs_args args[2] = { { .size = 1 << 20 } };

	(void)state;
	fails(mount_tmpfs(args, sizeof(args[0]) - 1), EINVAL);
	fails(mount_tmpfs(args, sizeof(args[0]) + 1), EINVAL);
	args->mode = 010000;
	fails(mount_tmpfs(args, sizeof(args[0])), EINVAL);
	args->mode = 0;
	args->reserved = 1;
	fails(mount_tmpfs(args, sizeof(args[0])), EINVAL);
}

static void
root_is_as_it_was_asked_for(void **state)
{
	struct tmpfs_args args = { .size = 5000, .nr_inodes = 7, .uid = 11,
	    .gid = 12, .mode = 02750 };
	struct stat st;

	(void)state;
	ok(mount_tmpfs(&args, sizeof(args)));
	st = st_of(SMALL);
	eq(st.st_mode, S_IFDIR | 02750);
	eq(st.st_uid, 11);
	eq(st.st_gid, 12);
	eq(st.st_nlink, 2);
	eq(small_statfs().f_blocks, 2);
	eq(small_statfs().f_files, 7);
	eq(small_statfs().f_ffree, 6);
}

static void
remount_changes_limits_not_below_use(void **state)
{
	static char buf[8 * 4096];
	struct tmpfs_args args = { .size = 16 * 4096, .nr_inodes = 10 };
	int fd;

	(void)state;
	ok(mount_tmpfs(&args, sizeof(args)));
	fd = ok(open_(SMALL "/f", O_RDWR | O_CREAT, 0644));
	eq(ok(rump_sys_write(fd, buf, sizeof(buf))), sizeof(buf));
	args = (struct tmpfs_args){ .size = 7 * 4096 };
	fails(remount_tmpfs(&args), EINVAL);
	args.size = 8 * 4096;
	ok(remount_tmpfs(&args));
	eq(small_statfs().f_blocks, 8);
	eq(small_statfs().f_bfree, 0);
	eq(small_statfs().f_files, 10);
	fails(rump_sys_write(fd, buf, 1), ENOSPC);
	args = (struct tmpfs_args){ .nr_inodes = 1 };
	fails(remount_tmpfs(&args), EINVAL);
	args.nr_inodes = 2;
	ok(remount_tmpfs(&args));
	fails(mkdir_(SMALL "/d", 0755), ENOSPC);
	args = (struct tmpfs_args){ .size = 9 * 4096, .nr_inodes = 3 };
	ok(remount_tmpfs(&args));
	eq(ok(rump_sys_write(fd, buf, sizeof(buf))), 4096);
	ok(mkdir_(SMALL "/d", 0755));
	ok(rump_sys_close(fd));
	ok(rump_sys_mount("tmpfs", SMALL, MS_REMOUNT | MS_RDONLY, NULL, 0));
	eq(small_statfs().f_blocks, 9);
	fails(rmdir_(SMALL "/d"), EROFS);
	args = (struct tmpfs_args){ .size = UINT64_MAX };
	ok(remount_tmpfs(&args));
	eq(small_statfs().f_blocks, 0);
	ok(rmdir_(SMALL "/d"));
}

static void
attributes_are_charged(void **state)
{
	static char value[60000];
	struct tmpfs_args args = { .size = 40 * 4096 };

	(void)state;
	ok(mount_tmpfs(&args, sizeof(args)));
	put(SMALL "/f", "");
	ok(sys->setxattr(SMALL "/f", "user.a", value, sizeof(value), 0));
	ok(sys->setxattr(SMALL "/f", "user.b", value, sizeof(value), 0));
	fails(sys->setxattr(SMALL "/f", "user.c", value, sizeof(value), 0),
	    ENOSPC);
	eq(small_statfs().f_bfree, 40 - 30);
	ok(sys->setxattr(SMALL "/f", "user.a", value, 10, 0));
	ok(sys->setxattr(SMALL "/f", "user.c", value, sizeof(value), 0));
	ok(sys->removexattr(SMALL "/f", "user.b"));
	eq(small_statfs().f_bfree, 40 - 15);
	ok(unlink_(SMALL "/f"));
	eq(small_statfs().f_bfree, 40);
}

static void
inode_numbers_are_not_used_again(void **state)
{
	ino_t last = 0, ino;
	int i;

	(void)state;
	ok(mount_tmpfs(NULL, 0));
	for (i = 0; i < 1000; i++) {
		put(SMALL "/f", "");
		ino = ino_of(SMALL "/f");
		is(ino > last);
		last = ino;
		ok(unlink_(SMALL "/f"));
	}
}

#define FILLERS	4

static void *
filler(void *arg)
{
	static const char page[4096];
	char name[32];
	intptr_t n = 0;
	int fd;

	snprintf(name, sizeof(name), SMALL "/f%d", (int)(intptr_t)arg);
	fd = open_(name, O_WRONLY | O_CREAT, 0644);
	if (fd == -1)
		return (void *)-1;
	while (sys->write(fd, page, sizeof(page)) == sizeof(page))
		n++;
	if (errno != ENOSPC || sys->close(fd) != 0)
		return (void *)-1;
	return (void *)n;
}

static void
last_page_is_given_once(void **state)
{
	struct tmpfs_args args = { .size = 1000 * 4096 };
	pthread_t t[FILLERS];
	intptr_t i, pages = 0;
	void *v;

	(void)state;
	ok(mount_tmpfs(&args, sizeof(args)));
	for (i = 0; i < FILLERS; i++)
		eq(pthread_create(&t[i], NULL, filler, (void *)i), 0);
	for (i = 0; i < FILLERS; i++) {
		pthread_join(t[i], &v);
		is((intptr_t)v >= 0);
		pages += (intptr_t)v;
	}
	eq(pages, 1000);
	eq(small_statfs().f_bfree, 0);
	eq(small_statfs().f_blocks, 1000);
}

static uint64_t
memory_used(void)
{
	char buf[32];

	eq(rump_pub_sysctl_get("kern.mem.used", buf, sizeof(buf)), 0);
	return strtoull(buf, NULL, 10);
}

static void
fill_and_unmount(void)
{
	static char buf[1 << 20];
	char name[32];
	int i, fd;

	ok(mount_tmpfs(NULL, 0));
	ok(rump_sys_chdir(SMALL));
	for (i = 0; i < 5000; i++) {
		snprintf(name, sizeof(name), "file-%d", i);
		put(name, "x");
	}
	ok(mkdir_("d", 0755));
	ok(symlink_("a-target-that-is-longer-than-what-is-kept-in-the-inode",
	    "d/l"));
	ok(sys->setxattr("d", "user.a", buf, 3000, 0));
	fd = ok(open_("big", O_WRONLY | O_CREAT, 0644));
	eq(ok(rump_sys_write(fd, buf, sizeof(buf))), sizeof(buf));
	ok(rump_sys_close(fd));
	ok(rump_sys_chdir("/"));
	ok(rump_sys_umount2(SMALL, 0));
}

static void
unmount_gives_all_memory_back(void **state)
{
	uint64_t before, after;
	int i;

	(void)state;
	fill_and_unmount();		/* pools and tables have grown */
	before = memory_used();
	for (i = 0; i < 3; i++)
		fill_and_unmount();
	after = memory_used();
	/* Some is in the caches of threads, never a mount's worth. */
	if (after > before + (1 << 20))
		conf_fail(__FILE__, __LINE__, "%llu bytes more are in use",
		    (unsigned long long)(after - before));
}

static void
unmount_refuses_while_in_use(void **state)
{
	int fd;

	(void)state;
	ok(mount_tmpfs(NULL, 0));
	fd = ok(open_(SMALL "/f", O_RDWR | O_CREAT, 0644));
	fails(rump_sys_umount2(SMALL, 0), EBUSY);
	ok(unlink_(SMALL "/f"));
	fails(rump_sys_umount2(SMALL, 0), EBUSY);
	eq(ok(rump_sys_write(fd, "x", 1)), 1);
	ok(rump_sys_close(fd));
	ok(rump_sys_umount2(SMALL, 0));
	is(!exists(SMALL "/f"));
}

int
main(void)
{
	static const struct CMUnitTest cases[] = {
		T(default_size_is_half_of_the_memory),
		T(arguments_are_checked),
		T(root_is_as_it_was_asked_for),
		T(remount_changes_limits_not_below_use),
		T(attributes_are_charged),
		T(inode_numbers_are_not_used_again),
		T(last_page_is_given_once),
		T(unmount_gives_all_memory_back),
		T(unmount_refuses_while_in_use),
	};

	if (setenv("RUMP_MEMLIMIT", "96m", 1) != 0)
		bail_out("setenv");
	rump_setup();
	fs = &tmpfs;
	return cmocka_run_group_tests_name("tmpfs", cases, NULL, NULL);
}
