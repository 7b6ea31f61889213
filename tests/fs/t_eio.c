/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A small workload on an ext4 image, once for each read, write and sync of the
 * host that it causes, which fails: either a call says so, or everything is
 * there afterwards and e2fsck is content. Nothing is lost in silence.
 *
 * Link: rump-tmpfs rump-ext2fs
 */
#include <errno.h>
#include <stdio.h>

#include <rump/rump.h>
#include <rump/rump_syscalls.h>
#include <rump/rumpuser_fault.h>

#include "fsload.h"
#include "test.h"

#define STEPS_MAX 5000		/* more requests than it makes */

static void
each_fails_once(enum rumpuser_fault kind)
{
	struct fsload fl = { .fl_type = "ext4", .fl_errno = EIO };
	uint64_t n, count;

	for (n = 1; n < STEPS_MAX; n++) {
		ok_errno(fsload_image_restore());
		rumpuser_fault_set(kind, n, EIO);
		fsload_run(&fl);
		count = rumpuser_fault_count(kind);
		rumpuser_fault_clear();
		if (rump_sys_umount2(FSLOAD_DIR, 0) == -1)
			assert_int_equal(errno, EINVAL);
		if (fl.fl_failed == 0) {
			assert_int_equal(fsload_mount("ext4"), 0);
			assert_true(fsload_left());
			assert_int_equal(rump_sys_umount2(FSLOAD_DIR, 0), 0);
			ok_errno(fsload_image_check());
		}
		if (count < n)
			break;
	}
	assert_int_equal(fl.fl_failed, 0);
	print_message("# %lu requests, each failed once\n", (unsigned long)n - 1);
	assert_true(n > 1);
	assert_true(n < STEPS_MAX);
}

static void
failing_reads_are_reported(void **state)
{
	(void)state;
	each_fails_once(RUMPUSER_FAULT_READ);
}

static void
failing_writes_are_reported(void **state)
{
	(void)state;
	each_fails_once(RUMPUSER_FAULT_WRITE);
}

static void
failing_syncs_are_reported(void **state)
{
	(void)state;
	each_fails_once(RUMPUSER_FAULT_SYNC);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(failing_reads_are_reported),
		cmocka_unit_test(failing_writes_are_reported),
		cmocka_unit_test(failing_syncs_are_reported),
	};

	return cmocka_run_group_tests(tests, fsload_setup,
	    fsload_teardown);
}
