/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A small workload, once for each of its allocations, which fails: no call
 * does anything but succeed or return ENOMEM, the file system can be
 * unmounted afterwards, is clean, and no memory is lost.
 *
 * Link: rump-tmpfs rump-ext2fs
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <rump/rump.h>
#include <rump/rump_syscalls.h>

#include "fsload.h"
#include "test.h"

#define STEPS_MAX	20000		/* more allocations than it has */
#define SLACK		(512 << 10)	/* caches may be fuller or emptier */

static uint64_t
memory_used(void)
{
	char value[32];

	ok_errno(rump_pub_sysctl_get("kern.mem.used", value, sizeof(value)));
	return strtoull(value, NULL, 10);
}

static void
every_allocation_fails_once(const char *type, void (*judge)(uint64_t step))
{
	struct fsload fl = { .fl_type = type, .fl_errno = ENOMEM };
	uint64_t n, count, used = 0;

	/* Once without, so that what is kept for good is there. */
	fsload_run(&fl);
	assert_int_equal(fl.fl_failed, 0);
	if (judge != NULL)
		judge(0);
	for (n = 1; n < STEPS_MAX; n++) {
		rump_pub_kmem_fault(n);
		fsload_run(&fl);
		count = rump_pub_kmem_fault_count();
		rump_pub_kmem_fault(0);
		/* If it is still mounted, that must have been the reason. */
		if (rump_sys_umount2(FSLOAD_DIR, 0) == -1)
			assert_int_equal(errno, EINVAL);
		if (judge != NULL)
			judge(n);
		if (count < n)
			break;
		if (n == 50)
			used = memory_used();
		if (n > 50)
			assert_true(memory_used() < used + SLACK);
	}
	print_message("# %lu allocations, each failed once\n", (unsigned long)n - 1);
	assert_true(n > 10);
	assert_true(n < STEPS_MAX);
}

static void
judge_ext4(uint64_t step)
{
	if (fsload_image_check() != 0) {
		print_error("allocation %lu: e2fsck finds errors\n",
		    (unsigned long)step);
		fail();
	}
	ok_errno(fsload_image_restore());
}

static void
tmpfs_survives_every_failing_allocation(void **state)
{
	(void)state;
	every_allocation_fails_once("tmpfs", NULL);
}

static void
ext4_survives_every_failing_allocation(void **state)
{
	(void)state;
	every_allocation_fails_once("ext4", judge_ext4);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(tmpfs_survives_every_failing_allocation),
		cmocka_unit_test(ext4_survives_every_failing_allocation),
	};

	return cmocka_run_group_tests(tests, fsload_setup,
	    fsload_teardown);
}
