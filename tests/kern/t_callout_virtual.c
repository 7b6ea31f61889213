/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Callouts on a virtual clock, which stands still but for the test: each is
 * called at its deadline to the nanosecond.
 *
 * Link: rump
 */
#include <stdlib.h>

#include <rump/rump.h>

#include "k_callout.h"
#include "test.h"

static void
calls_at_exactly_the_deadline(void **state)
{
	uint64_t seed;

	(void)state;
	for (seed = 1; seed <= 3; seed++)
		assert_int_equal(rumptest_callout_exact(seed), 0);
}

static void
stop_and_schedule_follow_the_model(void **state)
{
	uint64_t seed;

	(void)state;
	for (seed = 1; seed <= 3; seed++)
		assert_int_equal(rumptest_callout_model(seed, 4000), 0);
}

static void
forever_never_comes(void **state)
{
	(void)state;
	assert_int_equal(rumptest_callout_forever(), 0);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(calls_at_exactly_the_deadline),
		cmocka_unit_test(stop_and_schedule_follow_the_model),
		cmocka_unit_test(forever_never_comes),
	};

	setenv("RUMP_CLOCK", "virtual", 1);
	if (rump_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
