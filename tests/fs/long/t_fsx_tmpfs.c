/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A file and trees under random operations, on tmpfs, for long.
 *
 * Link: rump-tmpfs
 */
#include "../conf_tmpfs.h"
#include "../fsx.h"
#include "../fsstress.h"

static void
a_file_is_what_was_done_to_it(void **state)
{
	uint64_t seed;

	(void)state;
	for (seed = 1; seed <= 100; seed++)
		fsx_run(seed, 20000);
}

static void
trees_are_what_was_done_to_them(void **state)
{
	char dir[32];
	uint64_t seed;

	(void)state;
	for (seed = 1; seed <= 100; seed++) {
		snprintf(dir, sizeof(dir), "seed%d", (int)seed);
		ok(mkdir_(dir, 0755));
		ok(sys->chdir(dir));
		fsstress_run(seed, 4, 20000);
		ok(sys->chdir(".."));
	}
}

int
main(void)
{
	static const struct CMUnitTest cases[] = {
		C(a_file_is_what_was_done_to_it),
		C(trees_are_what_was_done_to_them),
		C(is_in_order_after_all_of_that),
	};
	int failed;

	rump_setup();
	fs = &tmpfs;
	if (!tmpfs_mount(ROOT, 512 << 20, TMPFS_NODES))
		bail_out("mount tmpfs");
	failed = cmocka_run_group_tests(cases, NULL, NULL);
	if (rump_sys_chdir("/") != 0 || rump_sys_umount2(ROOT, 0) != 0)
		bail_out("unmount");
	return failed;
}
