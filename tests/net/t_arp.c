/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ARP (RFC 826, RFC 5227) and the states of neighbours, on a virtual clock.
 *
 * Link: rump-net
 */
#include <stdlib.h>

#include <rump/rump.h>

#include "k_arp.h"
#include "test.h"

#define CASE(name, call)						\
static void								\
name(void **state)							\
{									\
	(void)state;							\
	assert_int_equal(call(), 0);					\
}

CASE(answer_releases_the_packet, rumptest_arp_resolves)
CASE(three_questions_then_unreachable, rumptest_arp_gives_up)
CASE(few_packets_wait_the_last_ones, rumptest_arp_queue)
CASE(stale_neighbour_is_probed_and_given_up, rumptest_arp_unreachable)
CASE(transport_confirms_in_time, rumptest_arp_confirm)
CASE(only_questions_for_us_are_answered, rumptest_arp_answers)
CASE(only_who_asks_us_is_learned, rumptest_arp_learns)
CASE(another_address_overrides_after_a_moment, rumptest_arp_overrides)
CASE(own_address_is_defended_once_in_a_while, rumptest_arp_defends)
CASE(floods_leave_known_neighbours_alone, rumptest_arp_flood)
CASE(static_neighbour_stays, rumptest_arp_static)
CASE(changed_link_address_is_announced, rumptest_arp_hwaddr)
CASE(malformed_packets_do_nothing, rumptest_arp_malformed)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answer_releases_the_packet),
		cmocka_unit_test(three_questions_then_unreachable),
		cmocka_unit_test(few_packets_wait_the_last_ones),
		cmocka_unit_test(stale_neighbour_is_probed_and_given_up),
		cmocka_unit_test(transport_confirms_in_time),
		cmocka_unit_test(only_questions_for_us_are_answered),
		cmocka_unit_test(only_who_asks_us_is_learned),
		cmocka_unit_test(another_address_overrides_after_a_moment),
		cmocka_unit_test(own_address_is_defended_once_in_a_while),
		cmocka_unit_test(floods_leave_known_neighbours_alone),
		cmocka_unit_test(static_neighbour_stays),
		cmocka_unit_test(changed_link_address_is_announced),
		cmocka_unit_test(malformed_packets_do_nothing),
	};

	setenv("RUMP_CLOCK", "virtual", 1);
	if (rump_init() != 0 || rumptest_arp_setup() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
