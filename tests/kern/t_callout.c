/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Callouts on the real clock: races, and how late they are.
 *
 * Link: rump
 */
#include <pthread.h>

#include <rump/rump.h>

#include "k_callout.h"
#include "test.h"

#define THREADS	4

static void
calls_are_never_early_and_soon(void **state)
{
	int64_t late = rumptest_callout_late(50);

	(void)state;
	assert_true(late >= 0);
	/* The host's wake-up, and a loaded machine; not our resolution. */
	assert_true(late < 5000000);
}

static void
halt_waits_for_the_function(void **state)
{
	(void)state;
	assert_int_equal(rumptest_callout_halt(100), 0);
}

static void
a_function_may_free_its_callout(void **state)
{
	(void)state;
	assert_int_equal(rumptest_callout_self_free(2000), 0);
}

static void *
storm_thread(void *arg)
{
	return (void *)(intptr_t)rumptest_callout_storm((int)(intptr_t)arg,
	    20000);
}

static void
nothing_is_lost_among_threads(void **state)
{
	pthread_t t[THREADS];
	intptr_t i;
	void *r;

	(void)state;
	for (i = 0; i < THREADS; i++)
		ok_errno(pthread_create(&t[i], NULL, storm_thread, (void *)i));
	for (i = 0; i < THREADS; i++) {
		ok_errno(pthread_join(t[i], &r));
		assert_null(r);
	}
}

static void
conversions_saturate_and_refuse(void **state)
{
	(void)state;
	assert_int_equal(rumptest_callout_conversions(), 0);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(calls_are_never_early_and_soon),
		cmocka_unit_test(halt_waits_for_the_function),
		cmocka_unit_test(a_function_may_free_its_callout),
		cmocka_unit_test(nothing_is_lost_among_threads),
		cmocka_unit_test(conversions_saturate_and_refuse),
	};

	if (rump_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
