/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Impairment of interfaces, on a virtual clock.
 *
 * Link: rump-net
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rump/net/impair.h>
#include <rump/rump.h>

#include "k_impair.h"
#include "test.h"

#define MS INT64_C(1000000)

static int
setup(void **state)
{
	(void)state;
	setenv("RUMP_CLOCK", "virtual", 1);
	return rump_init();
}

static int numbers[4096];

/*
 * Those that come; the timer thread may need a moment. While it drives the
 * loopback's queue, even what is sent without a delay arrives in its hands.
 */
static int
wait_for(int want)
{
	int i, n = 0;

	for (i = 0; i < 2000 && n < want; i++) {
		n += rumptest_impair_got(numbers + n, 4096 - n);
		if (n < want)
			usleep(1000);
	}
	return n;
}

static void
set(const struct rump_impair *ri)
{
	assert_int_equal(rump_pub_impair_set("lo", RUMP_IMPAIR_OUT, ri), 0);
}

static struct rump_impair_stats
stats(void)
{
	struct rump_impair_stats rs;
	struct rump_impair ri;

	assert_int_equal(rump_pub_impair_get("lo", RUMP_IMPAIR_OUT, &ri, &rs),
	    0);
	return rs;
}

static void
arguments_are_checked(void **state)
{
	struct rump_impair ri = { .ri_loss = 1000001 };

	(void)state;
	assert_int_equal(rump_pub_impair_set("lo", 0, &ri), EINVAL);
	ri.ri_loss = 0;
	assert_int_equal(rump_pub_impair_set("lo", 2, &ri), EINVAL);
	assert_int_equal(rump_pub_impair_set("none", 0, &ri), ENXIO);
	assert_int_equal(rump_pub_impair_get("lo", 0, &ri, NULL), ENOENT);
	assert_int_equal(rump_pub_impair_clear("lo"), ENOENT);
}

static void
a_seed_decides_which_packets_are_lost(void **state)
{
	struct rump_impair ri = { .ri_seed = 42, .ri_loss = 300000 };
	static int first[1000];
	int n, m;

	(void)state;
	set(&ri);
	assert_int_equal(rumptest_impair_send(1000), 0);
	n = rumptest_impair_got(first, 1000);
	assert_true(n > 600 && n < 800);
	assert_int_equal(stats().rs_lost, 1000 - n);
	set(&ri);
	assert_int_equal(rumptest_impair_send(1000), 0);
	m = rumptest_impair_got(numbers, 1000);
	assert_int_equal(m, n);
	assert_memory_equal(first, numbers, (size_t)n * sizeof(int));
	ri.ri_seed = 43;
	set(&ri);
	assert_int_equal(rumptest_impair_send(1000), 0);
	m = rumptest_impair_got(numbers, 1000);
	assert_true(m != n || memcmp(first, numbers, (size_t)n *
	    sizeof(int)) != 0);
}

static void
the_bad_state_loses_in_bursts(void **state)
{
	struct rump_impair ri = { .ri_seed = 7, .ri_ge_bad = 10000,
	    .ri_ge_good = 100000, .ri_ge_loss_bad = RUMP_IMPAIR_ALWAYS };
	int n, i, bursts = 0;

	(void)state;
	set(&ri);
	assert_int_equal(rumptest_impair_send(4000), 0);
	n = rumptest_impair_got(numbers, 4096);
	for (i = 1; i < n; i++)
		bursts += numbers[i] != numbers[i - 1] + 1;
	/* One in eleven, ten in a row. */
	assert_true(4000 - n > 150 && 4000 - n < 800);
	assert_true((4000 - n) / bursts >= 5);
}

static void
delayed_packets_come_when_it_is_time(void **state)
{
	struct rump_impair ri = { .ri_seed = 1, .ri_delay = 100 * MS };
	int i;

	(void)state;
	set(&ri);
	assert_int_equal(rumptest_impair_send(10), 0);
	assert_int_equal(rump_pub_clock_advance(99 * MS), 0);
	usleep(20000);
	assert_int_equal(rumptest_impair_got(numbers, 10), 0);
	assert_int_equal(rump_pub_clock_advance(2 * MS), 0);
	assert_int_equal(wait_for(10), 10);
	for (i = 0; i < 10; i++)
		assert_int_equal(numbers[i], i);
}

static void
jitter_reorders_unless_it_may_not(void **state)
{
	struct rump_impair ri = { .ri_seed = 1, .ri_delay = 100 * MS,
	    .ri_jitter = 50 * MS, .ri_dist = RUMP_IMPAIR_NORMAL };
	int i, round, wrong;

	(void)state;
	for (round = 0; round < 2; round++) {
		ri.ri_flags = round == 0 ? 0 : RUMP_IMPAIR_INORDER;
		set(&ri);
		assert_int_equal(rumptest_impair_send(100), 0);
		assert_int_equal(rump_pub_clock_advance(1000 * MS), 0);
		assert_int_equal(wait_for(100), 100);
		for (i = 1, wrong = 0; i < 100; i++)
			wrong += numbers[i] < numbers[i - 1];
		if (round == 0)
			assert_true(wrong > 20);
		else
			assert_int_equal(wrong, 0);
	}
}

static void
the_rate_and_its_queue_are_kept(void **state)
{
	/* A packet in 10 ms, after two at once; ten may wait. */
	struct rump_impair ri = { .ri_seed = 1, .ri_limit = 10,
	    .ri_rate = IMPAIR_BYTES * 100, .ri_burst = 2 * IMPAIR_BYTES };

	(void)state;
	set(&ri);
	assert_int_equal(rumptest_impair_send(50), 0);
	assert_int_equal(stats().rs_overflowed, 38);
	assert_int_equal(wait_for(2), 2);
	assert_int_equal(rump_pub_clock_advance(55 * MS), 0);
	assert_int_equal(wait_for(5), 5);
	assert_int_equal(rump_pub_clock_advance(500 * MS), 0);
	assert_int_equal(wait_for(5), 5);
}

static void
packets_are_doubled_and_damaged(void **state)
{
	struct rump_impair ri = { .ri_seed = 1, .ri_dup = 200000,
	    .ri_corrupt = 100000 };
	struct rump_impair_stats rs;
	unsigned bad = 0;
	int n, i;

	(void)state;
	set(&ri);
	assert_int_equal(rumptest_impair_send(1000), 0);
	rs = stats();
	assert_true(rs.rs_duplicated > 140 && rs.rs_duplicated < 260);
	n = wait_for(1000 + (int)rs.rs_duplicated);
	assert_int_equal(n, 1000 + rs.rs_duplicated);
	for (i = 0; i < n; i++)
		bad += numbers[i] == -1 || numbers[i] >= 1000;
	/* A bit of the number may give another number. */
	assert_true(rs.rs_corrupted > 60 && rs.rs_corrupted < 150);
	assert_true(bad <= rs.rs_corrupted && bad + 10 > rs.rs_corrupted);
}

static void
clearing_throws_away_what_waits(void **state)
{
	struct rump_impair ri = { .ri_seed = 1, .ri_delay = 100 * MS };

	(void)state;
	set(&ri);
	assert_int_equal(rumptest_impair_send(10), 0);
	assert_int_equal(rump_pub_impair_clear("lo"), 0);
	assert_int_equal(rump_pub_clock_advance(1000 * MS), 0);
	assert_int_equal(rumptest_impair_send(3), 0);
	assert_int_equal(wait_for(3), 3);
	assert_int_equal(rumptest_impair_got(numbers, 10), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arguments_are_checked),
		cmocka_unit_test(a_seed_decides_which_packets_are_lost),
		cmocka_unit_test(the_bad_state_loses_in_bursts),
		cmocka_unit_test(delayed_packets_come_when_it_is_time),
		cmocka_unit_test(jitter_reorders_unless_it_may_not),
		cmocka_unit_test(the_rate_and_its_queue_are_kept),
		cmocka_unit_test(packets_are_doubled_and_damaged),
		cmocka_unit_test(clearing_throws_away_what_waits),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
