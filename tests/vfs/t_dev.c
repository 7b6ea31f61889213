/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The devices of every kernel: null, zero, full, random, urandom, console.
 *
 * Link: rumpvfs
 */
#define _GNU_SOURCE
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <rump/rump.h>
#include <rump/rump_syscalls.h>

#include "test.h"

static unsigned char buf[5000], zero[5000];

static int
dev_open(const char *path, unsigned major_, unsigned minor_)
{
	struct stat st;
	int fd;

	assert_int_equal(rump_sys_stat(path, &st), 0);
	assert_true(S_ISCHR(st.st_mode));
	assert_int_equal(st.st_mode & 0006, path[1] == 'd' ? 0006 : 0);
	assert_int_equal(major(st.st_rdev), major_);
	assert_int_equal(minor(st.st_rdev), minor_);
	fd = rump_sys_open(path, O_RDWR);
	assert_true(fd >= 0);
	return fd;
}

static void
null_takes_all_and_gives_nothing(void **state)
{
	int fd = dev_open("/dev/null", 1, 3);

	(void)state;
	assert_int_equal(rump_sys_write(fd, buf, sizeof(buf)), sizeof(buf));
	assert_int_equal(rump_sys_read(fd, buf, sizeof(buf)), 0);
	assert_int_equal(rump_sys_lseek(fd, 100, SEEK_SET), 0);
	assert_int_equal(rump_sys_lseek(fd, -100, SEEK_END), 0);
	assert_int_equal(rump_sys_lseek(fd, 0, SEEK_CUR), 0);
	assert_int_equal(rump_sys_pwrite(fd, buf, 5, 1000), 5);
	assert_int_equal(rump_sys_close(fd), 0);
}

static void
zero_gives_zeroes(void **state)
{
	int fd = dev_open("/dev/zero", 1, 5);

	(void)state;
	memset(buf, 1, sizeof(buf));
	assert_int_equal(rump_sys_read(fd, buf, sizeof(buf)), sizeof(buf));
	assert_memory_equal(buf, zero, sizeof(buf));
	assert_int_equal(rump_sys_write(fd, buf, 10), 10);
	assert_int_equal(rump_sys_lseek(fd, 0, SEEK_CUR), 0);
	assert_int_equal(rump_sys_close(fd), 0);
}

static void
full_has_no_room(void **state)
{
	int fd = dev_open("/dev/full", 1, 7);

	(void)state;
	assert_int_equal(rump_sys_write(fd, buf, 1), -1);
	assert_int_equal(errno, ENOSPC);
	assert_int_equal(rump_sys_read(fd, buf, 10), 10);
	assert_int_equal(rump_sys_close(fd), 0);
}

static void
random_bytes_differ(void **state)
{
	static const struct { const char *path; unsigned minor; } dev[] = {
		{ "/dev/random", 8 }, { "/dev/urandom", 9 },
	};
	unsigned char other[5000];

	(void)state;
	for (int i = 0; i < 2; i++) {
		int fd = dev_open(dev[i].path, 1, dev[i].minor);

		memset(buf, 0, sizeof(buf));
		assert_int_equal(rump_sys_read(fd, buf, sizeof(buf)),
		    sizeof(buf));
		assert_int_equal(rump_sys_read(fd, other, sizeof(other)),
		    sizeof(other));
		assert_memory_not_equal(buf, other, sizeof(buf));
		/* To the last byte. */
		assert_memory_not_equal(buf + sizeof(buf) - 32, zero, 32);
		assert_int_equal(rump_sys_write(fd, buf, 100), 100);
		assert_int_equal(rump_sys_close(fd), 0);
	}
}

static void
console_is_there(void **state)
{
	int fd = dev_open("/dev/console", 5, 1);

	(void)state;
	assert_int_equal(rump_sys_write(fd, "# console\n", 10), 10);
	assert_int_equal(rump_sys_lseek(fd, 0, SEEK_SET), -1);
	assert_int_equal(errno, ESPIPE);
	assert_int_equal(rump_sys_close(fd), 0);
}

static void
a_node_without_a_driver_cannot_be_opened(void **state)
{
	(void)state;
	assert_int_equal(rump_sys_mknod("/c", S_IFCHR | 0600,
	    makedev(77, 7)), 0);
	assert_int_equal(rump_sys_open("/c", O_RDONLY), -1);
	assert_int_equal(errno, ENXIO);
	assert_int_equal(rump_sys_mknod("/b", S_IFBLK | 0600,
	    makedev(77, 7)), 0);
	assert_int_equal(rump_sys_open("/b", O_RDONLY), -1);
	assert_int_equal(errno, ENXIO);
	/* Any node with its number is the device. */
	assert_int_equal(rump_sys_mknod("/n", S_IFCHR | 0600,
	    makedev(1, 5)), 0);
	zero_gives_zeroes(NULL);
	assert_int_equal(rump_sys_close(dev_open("/n", 1, 5)), 0);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(null_takes_all_and_gives_nothing),
		cmocka_unit_test(zero_gives_zeroes),
		cmocka_unit_test(full_has_no_room),
		cmocka_unit_test(random_bytes_differ),
		cmocka_unit_test(console_is_there),
		cmocka_unit_test(a_node_without_a_driver_cannot_be_opened),
	};

	if (rump_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
