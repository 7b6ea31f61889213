/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A kernel with nothing to do does nothing: with file systems mounted and
 * after work on them, no CPU is used and no thread wakes up.
 *
 * Link: rump-tmpfs rump-ext2fs
 */
#include <sys/resource.h>
#include <sys/time.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <rump/etfs.h>
#include <rump/fs/ext2fs.h>
#include <rump/rump.h>
#include <rump/rump_syscalls.h>

#include "fsload.h"
#include "test.h"

#define WATCH_MS	300
#define CPU_MAX_US	2000
#define SWITCHES_MAX	8		/* the test's own sleep is one */
#define TRIES		10		/* what was started may have to end */

static void
usage(long *us, long *switches)
{
	struct rusage ru;
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	getrusage(RUSAGE_SELF, &ru);
	*us = ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
	*switches = ru.ru_nvcsw + ru.ru_nivcsw;
}

static void
is_idle(void)
{
	long us, us0, switches, switches0;
	int i;

	for (i = 0; i < TRIES; i++) {
		usage(&us0, &switches0);
		usleep(WATCH_MS * 1000);
		usage(&us, &switches);
		if (us - us0 < CPU_MAX_US &&
		    switches - switches0 <= SWITCHES_MAX)
			return;
	}
	print_error("in %d ms: %ld us of CPU, %ld switches\n", WATCH_MS,
	    us - us0, switches - switches0);
	fail();
}

static void
write_file(const char *path)
{
	static char data[300000];
	int fd = rump_sys_open(path, O_CREAT | O_RDWR, 0644);

	assert_true(fd >= 0);
	memset(data, 'x', sizeof(data));
	assert_int_equal(rump_sys_write(fd, data, sizeof(data)), sizeof(data));
	assert_int_equal(rump_sys_fsync(fd), 0);
	assert_int_equal(rump_sys_close(fd), 0);
}

static void
idle_after_boot(void **state)
{

	(void)state;
	assert_int_equal(rump_init(), 0);
	is_idle();
}

static void
idle_with_file_systems(void **state)
{
	struct ext2fs_args args = { .fspec = "/dev/idle" };

	(void)state;
	assert_int_equal(rump_sys_mkdir("/tmpfs", 0755), 0);
	assert_int_equal(rump_sys_mkdir("/ext4", 0755), 0);
	ok_errno(rump_pub_etfs_register("/dev/idle", fsload_image,
	    RUMP_ETFS_BLK));
	assert_int_equal(rump_sys_mount("tmpfs", "/tmpfs", 0, NULL, 0), 0);
	assert_int_equal(rump_sys_mount("ext4", "/ext4", 0, &args,
	    sizeof(args)), 0);
	is_idle();
}

static void
idle_after_work(void **state)
{

	(void)state;
	write_file("/file");
	write_file("/tmpfs/file");
	write_file("/ext4/file");
	rump_sys_sync();
	is_idle();
	assert_int_equal(rump_sys_umount2("/ext4", 0), 0);
	assert_int_equal(rump_sys_umount2("/tmpfs", 0), 0);
	is_idle();
}

int
main(void)
{
	static const struct CMUnitTest idle[] = {
		cmocka_unit_test(idle_after_boot),
		cmocka_unit_test(idle_with_file_systems),
		cmocka_unit_test(idle_after_work),
	};
	int failed;

	if (fsload_image_create("8M") != 0)
		return 1;
	failed = cmocka_run_group_tests(idle, NULL, NULL);
	fsload_image_remove();
	return failed;
}
