/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A file under random operations, on tmpfs.
 *
 * Link: rump-tmpfs
 */
#include "conf_tmpfs.h"
#include "fsx.h"

static void
a_file_is_what_was_done_to_it(void **state)
{
	uint64_t seed;

	(void)state;
	for (seed = 1; seed <= 4; seed++)
		fsx_run(seed, 10000);
}

int
main(void)
{
	static const struct CMUnitTest cases[] = {
		C(a_file_is_what_was_done_to_it),
		C(is_in_order_after_all_of_that),
	};
	int failed;

	rump_setup();
	fs = &tmpfs;
	if (!tmpfs_mount(ROOT, 64 << 20, TMPFS_NODES))
		bail_out("mount tmpfs");
	failed = cmocka_run_group_tests(cases, NULL, NULL);
	if (rump_sys_chdir("/") != 0 || rump_sys_umount2(ROOT, 0) != 0)
		bail_out("unmount");
	return failed;
}
