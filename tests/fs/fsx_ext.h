/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Random operations on a kind of ext, unmounted and looked at by e2fsck after
 * every seed.
 */
#include "conf_rumpext.h"
#include "fsx.h"
#include "fsstress.h"

static uint64_t ext_seeds;
static unsigned long ext_ops;

/* Mounted anew: nothing is read from memory. */
static void
next_seed(void)
{

	ok(sys->chdir("/"));
	is(rumpext_check());
	ok(sys->chdir(ROOT));
	ok(sys->chdir("case"));
}

static void
a_file_is_what_was_done_to_it(void **state)
{
	uint64_t seed;

	(void)state;
	for (seed = 1; seed <= ext_seeds; seed++) {
		fsx_run(seed, ext_ops);
		next_seed();
	}
}

static void
trees_are_what_was_done_to_them(void **state)
{
	char dir[32];
	uint64_t seed;

	(void)state;
	for (seed = 1; seed <= ext_seeds; seed++) {
		snprintf(dir, sizeof(dir), "seed%d", (int)seed);
		ok(mkdir_(dir, 0755));
		ok(sys->chdir(dir));
		fsstress_run(seed, 4, ext_ops);
		next_seed();
	}
}

static int
fsx_ext_main(const char *kind, const char *options, uint64_t seeds,
    unsigned long ops)
{
	static const struct CMUnitTest cases[] = {
		C(a_file_is_what_was_done_to_it),
		C(trees_are_what_was_done_to_them),
		C(is_in_order_after_all_of_that),
	};
	struct conf_fs f = rumpext_setup(kind, "256M", options);
	int failed;

	fs = &f;
	ext_seeds = seeds;
	ext_ops = ops;
	failed = cmocka_run_group_tests_name(kind, cases, NULL, NULL);
	rumpext_done();
	return failed;
}
