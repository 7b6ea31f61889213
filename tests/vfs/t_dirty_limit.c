/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * More data than memory: writes to an ext4 image in a kernel of 16 MiB, in
 * small calls and in one.
 *
 * Link: rump-ext2fs
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rump/etfs.h>
#include <rump/fs/ext2fs.h>
#include <rump/rump.h>
#include <rump/rump_syscalls.h>

#include "test.h"

#define TOTAL	((size_t)40 << 20)

static char image[] = "/tmp/t_dirty.XXXXXX";
static unsigned *data, *back;

static void
host(const char *format)
{
	char cmd[256];

	snprintf(cmd, sizeof(cmd), format, image);
	assert_int_equal(system(cmd), 0);
}

static void
write_and_compare(size_t step)
{
	struct ext2fs_args args = { .fspec = "/img" };
	size_t off;
	int fd;

	ok_errno(rump_pub_etfs_register("/img", image, RUMP_ETFS_BLK));
	assert_int_equal(rump_sys_mount("ext4", "/m", 0, &args, sizeof(args)),
	    0);
	fd = rump_sys_open("/m/file", O_RDWR | O_CREAT | O_TRUNC, 0644);
	assert_true(fd >= 0);
	for (off = 0; off < TOTAL; off += step)
		assert_int_equal(rump_sys_write(fd, (char *)data + off, step),
		    step);
	assert_int_equal(rump_sys_fsync(fd), 0);
	for (off = 0; off < TOTAL; off += 1 << 20) {
		assert_int_equal(rump_sys_pread64(fd, back, 1 << 20, off),
		    1 << 20);
		assert_memory_equal(back, (char *)data + off, 1 << 20);
	}
	assert_int_equal(rump_sys_close(fd), 0);
	assert_int_equal(rump_sys_umount2("/m", 0), 0);
	ok_errno(rump_pub_etfs_remove("/img"));
	host("e2fsck -fn %s >/dev/null 2>&1");
}

static void
small_calls_wait_for_write_behind(void **state)
{
	(void)state;
	write_and_compare(64 << 10);
}

static void
one_call_may_exceed_memory(void **state)
{
	(void)state;
	write_and_compare(TOTAL);
}

static int
setup(void **state)
{
	int fd = mkstemp(image);

	(void)state;
	if (fd == -1 || ftruncate(fd, 96 << 20) != 0 || close(fd) != 0)
		return -1;
	host("mkfs.ext4 -q -F %s");
	data = malloc(TOTAL);
	back = malloc(1 << 20);
	if (data == NULL || back == NULL)
		return -1;
	for (size_t i = 0; i < TOTAL / sizeof(*data); i++)
		data[i] = (unsigned)(i * 2654435761u);
	setenv("RUMP_MEMLIMIT", "16m", 1);
	return rump_init() != 0 || rump_sys_mkdir("/m", 0755) != 0 ? -1 : 0;
}

static int
teardown(void **state)
{
	(void)state;
	free(data);
	free(back);
	return unlink(image);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(small_calls_wait_for_write_behind),
		cmocka_unit_test(one_call_may_exceed_memory),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
