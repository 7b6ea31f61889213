/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interfaces: lo, network instances, attaching and detaching, settings.
 *
 * Link: rump-net
 */
#include <rump/rump.h>

#include "k_if.h"
#include "test.h"

static int
setup(void **state)
{
	(void)state;
	return rump_init();
}

static void
lo_is_up_with_its_address(void **state)
{
	(void)state;
	assert_int_equal(rumptest_lo_is_up(), 0);
}

static void
lo_carries_packets_at_the_sections_end(void **state)
{
	(void)state;
	assert_int_equal(rumptest_lo_carries(), 0);
}

static void
vnets_come_and_go(void **state)
{
	(void)state;
	assert_int_equal(rumptest_vnets(50), 0);
}

static void
detached_interface_lives_while_it_is_held(void **state)
{
	(void)state;
	assert_int_equal(rumptest_detach(), 0);
}

static void
interfaces_come_and_go_in_use(void **state)
{
	(void)state;
	assert_int_equal(rumptest_if_racers(3, 60), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lo_is_up_with_its_address),
		cmocka_unit_test(lo_carries_packets_at_the_sections_end),
		cmocka_unit_test(vnets_come_and_go),
		cmocka_unit_test(detached_interface_lives_while_it_is_held),
		cmocka_unit_test(interfaces_come_and_go_in_use),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
