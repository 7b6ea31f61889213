/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The buffer cache and the rules of block devices, over a device in memory.
 *
 * Link: rumpvfs
 */
#include <pthread.h>

#include <rump/rump.h>

#include "k_bcache.h"
#include "test.h"

#define THREADS	4
#define ROUNDS	4000

static unsigned blocks;

static void *
count(void *arg)
{
	return (void *)rumptest_bcache_count((uintptr_t)arg, ROUNDS, blocks);
}

static void
count_up(unsigned bs, unsigned n, int sync)
{
	pthread_t t[THREADS];
	long sum = 0;
	void *r;

	blocks = n;
	ok_errno(rumptest_bcache_setup(bs, sync));
	for (uintptr_t i = 0; i < THREADS; i++)
		ok_errno(pthread_create(&t[i], NULL, count,
		    (void *)(i + n)));
	for (int i = 0; i < THREADS; i++) {
		pthread_join(t[i], &r);
		assert_true((long)r > 0);
		sum += (long)r;
	}
	assert_int_equal(rumptest_bcache_sum(n), sum);
	ok_errno(rumptest_bcache_end());
}

static void
a_buffer_has_one_holder(void **state)
{
	(void)state;
	count_up(4096, 20, 1);
	count_up(1024, 1500, 1);
	count_up(512, 3, 0);
	count_up(65536, 100, 0);
}

static void
nothing_is_lost_under_a_limit(void **state)
{
	char def[32];

	(void)state;
	ok_errno(rump_pub_sysctl_get("vfs.bcache.max", def, sizeof(def)));
	ok_errno(rump_pub_sysctl_set("vfs.bcache.max", "100000"));
	count_up(4096, 600, 1);
	count_up(2048, 600, 0);
	ok_errno(rump_pub_sysctl_set("vfs.bcache.max", def));
}

static void
writes_are_few_and_in_their_time(void **state)
{
	(void)state;
	for (unsigned bs = 1024; bs <= 65536; bs *= 8)
		for (int sync = 0; sync < 2; sync++) {
			ok_errno(rumptest_bcache_setup(bs, sync));
			assert_int_equal(rumptest_bcache_writes(), 0);
			ok_errno(rumptest_bcache_end());
		}
}

static void
errors_are_reported(void **state)
{
	(void)state;
	ok_errno(rumptest_bcache_setup(4096, 1));
	assert_int_equal(rumptest_bcache_errors(), 0);
	ok_errno(rumptest_bcache_end());
}

static void
devices_have_rules(void **state)
{
	(void)state;
	ok_errno(rumptest_bcache_setup(4096, 0));
	assert_int_equal(rumptest_blkdev_rules(), 0);
	print_message("# a hit takes %lld ns\n",
	    (long long)rumptest_bcache_hit_ns(200000));
	ok_errno(rumptest_bcache_end());
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_buffer_has_one_holder),
		cmocka_unit_test(nothing_is_lost_under_a_limit),
		cmocka_unit_test(writes_are_few_and_in_their_time),
		cmocka_unit_test(errors_are_reported),
		cmocka_unit_test(devices_have_rules),
	};

	if (rump_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
