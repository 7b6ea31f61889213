/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Routes: the trie against a list of prefixes, and what routing tables say.
 *
 * Link: rump-net
 */
#include <rump/rump.h>

#include "k_route.h"
#include "test.h"

#define zero(call) assert_int_equal((call), 0)

static int
setup(void **state)
{
	(void)state;
	return rump_init();
}

static void
longest_prefix_of_32_bits_matches(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 6; seed++)
		zero(rumptest_trie_model(seed, 32, 10u << seed, 20000));
}

static void
longest_prefix_of_128_bits_matches(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 6; seed++)
		zero(rumptest_trie_model(seed, 128, 10u << seed, 20000));
}

static void
walk_is_in_order_from_anywhere(void **state)
{
	(void)state;
	zero(rumptest_trie_walk(7, 32, 500));
	zero(rumptest_trie_walk(8, 128, 500));
}

static void
large_table_matches(void **state)
{
	unsigned hot, cold;

	(void)state;
	zero(rumptest_trie_big(3, 20000, &hot, &cold));
	print_message("# %u ns, %u ns\n", hot, cold);
}

#define CASE(name, call)						\
static void								\
name(void **state)							\
{									\
	(void)state;							\
	zero(call);							\
}

CASE(length_decides_then_metric, rumptest_route_order())
CASE(flags_mean_what_rtnetlink_says, rumptest_route_flags())
CASE(types_have_their_errors, rumptest_route_types())
CASE(gateway_must_be_on_a_link, rumptest_route_gateway())
CASE(flows_are_divided_by_weight, rumptest_route_multipath())
CASE(tables_and_tos_select, rumptest_route_tables())
CASE(cached_hop_follows_changes, rumptest_route_cache())
CASE(interrupted_walk_sees_each_route_once, rumptest_route_cursor())
CASE(lookups_race_with_changes, rumptest_route_racers(3, 20000))

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(longest_prefix_of_32_bits_matches),
		cmocka_unit_test(longest_prefix_of_128_bits_matches),
		cmocka_unit_test(walk_is_in_order_from_anywhere),
		cmocka_unit_test(large_table_matches),
		cmocka_unit_test(length_decides_then_metric),
		cmocka_unit_test(flags_mean_what_rtnetlink_says),
		cmocka_unit_test(types_have_their_errors),
		cmocka_unit_test(gateway_must_be_on_a_link),
		cmocka_unit_test(flows_are_divided_by_weight),
		cmocka_unit_test(tables_and_tos_select),
		cmocka_unit_test(cached_hop_follows_changes),
		cmocka_unit_test(interrupted_walk_sees_each_route_once),
		cmocka_unit_test(lookups_race_with_changes),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
