/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Kernel memory at its limit (RUMP_MEMLIMIT): allocations fail, caches shrink,
 * and what was freed can be had again.
 *
 * Link: rump
 */
#include <pthread.h>
#include <stdlib.h>

#include <rump/rump.h>

#include "k_kmem_limit.h"
#include "test.h"

#define LIMIT	((size_t)24 << 20)
#define THREADS	4

static void
all_of_the_limit_can_be_used(void **state)
{
	static const size_t sizes[] = { 48, 1000, 4096, 30000, 3 << 20 };
	size_t i, got;

	(void)state;
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		assert_int_equal(rumptest_limit_fill(sizes[i], &got), 0);
		assert_in_range(got, LIMIT * 4 / 5, LIMIT);
	}
	assert_int_equal(rumptest_limit_pressure(), 0);
}

static void
deferred_frees_are_hurried(void **state)
{
	size_t got;

	(void)state;
	assert_int_equal(rumptest_limit_deferred(), 0);
	assert_int_equal(rumptest_limit_fill(1 << 16, &got), 0);
	assert_in_range(got, LIMIT * 4 / 5, LIMIT);
}

static void
caches_shrink_for_others(void **state)
{
	size_t calls, bytes, full, got;

	(void)state;
	rumptest_limit_cache_init();
	while (rumptest_limit_cache_add(5000) == 0)
		continue;
	/* They do not for who may not wait for them. */
	full = rumptest_limit_cache_bytes(&calls);
	assert_int_equal(calls, 0);
	assert_true(full > LIMIT / 2);
	assert_int_equal(rumptest_limit_pressure(), 2);
	assert_int_equal(rumptest_limit_fill(2000, &got), 0);
	bytes = rumptest_limit_cache_bytes(&calls);
	assert_int_equal(bytes, 0);
	assert_in_range(got, LIMIT * 4 / 5, LIMIT);
	/* In pieces that are worth the call. */
	assert_in_range(calls, 1, 1000);
	rumptest_limit_cache_fini();
}

static void *
random_thread(void *arg)
{
	size_t failed;
	int error;

	error = rumptest_limit_random((uintptr_t)arg, 20000, &failed);
	return (void *)(intptr_t)error;
}

static void
threads_fight_for_memory(void **state)
{
	pthread_t t[THREADS];
	size_t calls, got;
	intptr_t i;
	void *r;

	(void)state;
	rumptest_limit_cache_init();
	for (i = 0; i < THREADS; i++)
		ok_errno(pthread_create(&t[i], NULL, random_thread,
		    (void *)(i + 1)));
	for (i = 0; i < 3000; i++)
		(void)rumptest_limit_cache_add(10000);
	for (i = 0; i < THREADS; i++) {
		ok_errno(pthread_join(t[i], &r));
		assert_null(r);
	}
	(void)rumptest_limit_cache_bytes(&calls);
	rumptest_limit_cache_fini();
	assert_int_equal(rumptest_limit_fill(4096, &got), 0);
	assert_in_range(got, LIMIT * 4 / 5, LIMIT);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_of_the_limit_can_be_used),
		cmocka_unit_test(deferred_frees_are_hurried),
		cmocka_unit_test(caches_shrink_for_others),
		cmocka_unit_test(threads_fight_for_memory),
	};

	setenv("RUMP_MEMLIMIT", "24m", 1);
	if (rump_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
