/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Segmentation and joining of packets, against frames made byte by byte.
 *
 * Link: rump-net
 */
#include <rump/rump.h>

#include "k_gso.h"
#include "test.h"

#define zero(call) assert_int_equal((call), 0)
#define ACK 0x10
#define ALL 0x99	/* CWR ACK PSH FIN */

static void
tcp_segments_are_as_sent_one_by_one(void **state)
{
	(void)state;
	zero(rumptest_gso_tcp(0, 1448, 12, ACK));
	zero(rumptest_gso_tcp(1, 1448, 12, ALL));
	zero(rumptest_gso_tcp(1448, 1448, 12, ALL));
	zero(rumptest_gso_tcp(1449, 1448, 12, ALL));
	zero(rumptest_gso_tcp(65000, 1448, 12, ALL));
	zero(rumptest_gso_tcp(65000, 536, 40, ALL));
	zero(rumptest_gso_tcp(3001, 1, 0, ALL));
	zero(rumptest_gso_tcp(65000, 64999, 0, ACK));
}

static void
udp_segments_are_as_sent_one_by_one(void **state)
{
	(void)state;
	zero(rumptest_gso_udp(1, 1400));
	zero(rumptest_gso_udp(14000, 1400));
	zero(rumptest_gso_udp(14001, 1400));
	zero(rumptest_gso_udp(1000, 17));
}

static void
driver_without_offloads_gets_finished_frames(void **state)
{
	(void)state;
	zero(rumptest_gso_transmit());
}

static void
malformed_packet_is_dropped(void **state)
{
	(void)state;
	zero(rumptest_gso_malformed());
}

static void
joined_segments_split_into_the_same(void **state)
{
	(void)state;
	for (int tcp = 0; tcp < 2; tcp++) {
		zero(rumptest_gro_rejoin(2896, 1448, tcp));
		zero(rumptest_gro_rejoin(60000, 1448, tcp));
		zero(rumptest_gro_rejoin(59999, 1000, tcp));
		zero(rumptest_gro_rejoin(64, 1, tcp));
	}
}

static void
what_differs_is_not_joined(void **state)
{
	(void)state;
	zero(rumptest_gro_differences());
}

static void
mixed_flows_keep_their_bytes_and_order(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++)
		zero(rumptest_gro_mixed(seed, 3000));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tcp_segments_are_as_sent_one_by_one),
		cmocka_unit_test(udp_segments_are_as_sent_one_by_one),
		cmocka_unit_test(driver_without_offloads_gets_finished_frames),
		cmocka_unit_test(malformed_packet_is_dropped),
		cmocka_unit_test(joined_segments_split_into_the_same),
		cmocka_unit_test(what_differs_is_not_joined),
		cmocka_unit_test(mixed_flows_keep_their_bytes_and_order),
	};

	if (rump_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
