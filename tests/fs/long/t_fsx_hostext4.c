/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The random testers on the host's ext4: are their models right?
 */
#include "../conf_host.h"
#include "../conf_ext.h"
#include "../fsx.h"
#include "../fsstress.h"

static void
a_file_is_what_was_done_to_it(void **state)
{
	uint64_t seed;

	(void)state;
	for (seed = 1; seed <= 20; seed++)
		fsx_run(seed, 20000);
}

static void
trees_are_what_was_done_to_them(void **state)
{
	char dir[32];
	uint64_t seed;

	(void)state;
	for (seed = 1; seed <= 20; seed++) {
		snprintf(dir, sizeof(dir), "seed%d", (int)seed);
		ok(mkdir_(dir, 0755));
		ok(sys->chdir(dir));
		fsstress_run(seed, 4, 10000);
		ok(sys->chdir(".."));
	}
}

int
main(void)
{
	static const struct CMUnitTest cases[] = {
		C(a_file_is_what_was_done_to_it),
		C(trees_are_what_was_done_to_them),
	};
	struct conf_fs f = ext_fs("ext4");
	int failed;

	fs = &f;
	f.cf_root = host_root;
	if (!host_setup())
		return 0;
	if (!ext_make("512M", "-N 150000") ||
	    run("mount -o loop %s %s", ext_image, host_root) != 0)
		return host_skip("cannot mount an image");
	failed = cmocka_run_group_tests_name("host_ext4", cases, NULL, NULL);
	host_done();
	return failed;
}
