/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rump_pub_netconfig_*: what it makes, and what it refuses.
 *
 * Link: rump-net
 */
#include <errno.h>
#include <net/if.h>

#include <rump/netconfig.h>
#include <rump/rump.h>

#include "k_netconfig.h"
#include "test.h"

#define is(call, error) assert_int_equal((call), (error))

static int
setup(void **state)
{
	(void)state;
	return rump_init() != 0 || rumptest_netconfig_setup() != 0 ? -1 : 0;
}

static struct seen_route
route(uint32_t dst)
{
	struct seen_route sr = { 0, 0, 0, 0 };

	is(rumptest_route(dst, &sr), 0);
	return sr;
}

static void
interfaces_come_up_go_down_and_away(void **state)
{
	(void)state;
	is(rump_pub_netconfig_ifcreate("test0"), 0);
	assert_false(rumptest_flags("test0") & IFF_UP);
	is(rump_pub_netconfig_ifup("test0"), 0);
	assert_int_equal(rumptest_flags("test0") & (IFF_UP | IFF_RUNNING),
	    IFF_UP | IFF_RUNNING);
	is(rump_pub_netconfig_ifdown("test0"), 0);
	assert_false(rumptest_flags("test0") & (IFF_UP | IFF_RUNNING));
	is(rump_pub_netconfig_ifdestroy("test0"), 0);
	assert_int_equal(rumptest_flags("test0"), -1);
}

static void
a_kind_alone_gets_the_next_number(void **state)
{
	(void)state;
	is(rump_pub_netconfig_ifcreate("test1"), 0);
	is(rump_pub_netconfig_ifcreate("test"), 0);
	is(rump_pub_netconfig_ifcreate("test"), 0);
	assert_int_not_equal(rumptest_flags("test0"), -1);
	assert_int_not_equal(rumptest_flags("test2"), -1);
	is(rump_pub_netconfig_ifdestroy("test0"), 0);
	is(rump_pub_netconfig_ifdestroy("test1"), 0);
	is(rump_pub_netconfig_ifdestroy("test2"), 0);
}

static void
what_is_wrong_is_refused(void **state)
{
	(void)state;
	is(rump_pub_netconfig_ifcreate(NULL), EFAULT);
	is(rump_pub_netconfig_ifcreate(""), ENXIO);
	is(rump_pub_netconfig_ifcreate("nosuch0"), ENXIO);
	is(rump_pub_netconfig_ifcreate("test012345678901"), EINVAL);
	is(rump_pub_netconfig_ifdestroy("lo"), EOPNOTSUPP);
	is(rump_pub_netconfig_ifdestroy("test0"), ENXIO);
	is(rump_pub_netconfig_ifup("test0"), ENXIO);
	is(rump_pub_netconfig_ifdown("averyveryverylongname"), ENXIO);
	is(rump_pub_netconfig_ifsetlinkstr("lo", "x"), EOPNOTSUPP);
	is(rump_pub_netconfig_ifsetlinkstr("test0", "x"), ENXIO);
	is(rump_pub_netconfig_ifcreate("test0"), 0);
	is(rump_pub_netconfig_ifcreate("test0"), EEXIST);
	is(rump_pub_netconfig_ifmtu("test0", 10), EINVAL);
	is(rump_pub_netconfig_ifmtu("test0", 9001), EINVAL);
	is(rump_pub_netconfig_ipv4_ifaddr("test0", "1.2.3", "255.0.0.0"),
	    EINVAL);
	is(rump_pub_netconfig_ipv4_ifaddr("test0", "1.2.3.256", "255.0.0.0"),
	    EINVAL);
	is(rump_pub_netconfig_ipv4_ifaddr("test0", "1.2.3.4x", "255.0.0.0"),
	    EINVAL);
	is(rump_pub_netconfig_ipv4_ifaddr("test0", "1.2.3.4", "255.0.255.0"),
	    EINVAL);
	is(rump_pub_netconfig_ipv4_ifaddr("test0", "01.2.3.4", "255.0.0.0"),
	    EINVAL);
	is(rump_pub_netconfig_ipv4_ifaddr_cidr("test0", "1.2.3.4", 33), EINVAL);
	is(rump_pub_netconfig_ipv4_ifaddr_cidr("test0", "1.2.3.4", -1), EINVAL);
	is(rump_pub_netconfig_ipv4_ifaddr_delete("test0", "1.2.3.4"),
	    EADDRNOTAVAIL);
	is(rump_pub_netconfig_ipv4_gw("1.2.3.4"), ENETUNREACH);
	is(rump_pub_netconfig_ipv4_route_add("1.2.3.4/8", NULL, "lo"), EINVAL);
	is(rump_pub_netconfig_ipv4_route_add("1.0.0.0/8", NULL, NULL), EINVAL);
	is(rump_pub_netconfig_ipv4_route_add("1.0.0.0/8", NULL, "test0"),
	    ENETDOWN);
	is(rump_pub_netconfig_ipv4_route_delete("1.0.0.0/8"), ESRCH);
	is(rump_pub_netconfig_ifdestroy("test0"), 0);
}

static void
link_and_mtu_are_set(void **state)
{
	(void)state;
	is(rump_pub_netconfig_ifcreate("test0"), 0);
	is(rump_pub_netconfig_ifsetlinkstr("test0", "/tmp/bus"), 0);
	assert_string_equal(rumptest_linkstr("test0"), "/tmp/bus");
	is(rump_pub_netconfig_ifmtu("test0", 9000), 0);
	assert_int_equal(rumptest_mtu("test0"), 9000);
	is(rump_pub_netconfig_ifdestroy("test0"), 0);
}

static void
an_address_brings_its_routes(void **state)
{
	struct seen_route sr;

	(void)state;
	is(rump_pub_netconfig_ifcreate("test0"), 0);
	is(rump_pub_netconfig_ipv4_ifaddr("test0", "10.1.2.3",
	    "255.255.255.0"), 0);
	is(rump_pub_netconfig_ipv4_ifaddr("test0", "10.1.2.3",
	    "255.255.255.0"), EEXIST);
	assert_true(rumptest_flags("test0") & IFF_UP);
	sr = route(0x0a010203);
	assert_int_equal(sr.flags, SEEN_LOCAL);
	sr = route(0x0a0102ff);
	assert_int_equal(sr.flags, SEEN_BCAST);
	sr = route(0x0a010204);
	assert_int_equal(sr.flags, 0);
	assert_int_equal(sr.source, 0x0a010203);
	is(rumptest_route(0x0a010304, &sr), ENETUNREACH);

	is(rump_pub_netconfig_ipv4_gw("10.1.2.1"), 0);
	is(rump_pub_netconfig_ipv4_gw("10.1.2.1"), EEXIST);
	sr = route(0x08080808);
	assert_int_equal(sr.flags, SEEN_GATEWAY);
	assert_int_equal(sr.gateway, 0x0a010201);
	is(rump_pub_netconfig_ipv4_route_add("9.0.0.0/8", "10.1.2.9", NULL),
	    0);
	assert_int_equal(route(0x09010101).gateway, 0x0a010209);
	is(rump_pub_netconfig_ipv4_route_delete("9.0.0.0/8"), 0);
	assert_int_equal(route(0x09010101).gateway, 0x0a010201);

	/* Down: only the address itself stays; up again: its prefix returns. */
	is(rump_pub_netconfig_ifdown("test0"), 0);
	is(rumptest_route(0x08080808, &sr), ENETUNREACH);
	is(rumptest_route(0x0a010204, &sr), ENETUNREACH);
	assert_int_equal(route(0x0a010203).flags, SEEN_LOCAL);
	is(rump_pub_netconfig_ifup("test0"), 0);
	assert_int_equal(route(0x0a010204).flags, 0);

	is(rump_pub_netconfig_ipv4_ifaddr_delete("test0", "10.1.2.3"), 0);
	is(rumptest_route(0x0a010203, &sr), ENETUNREACH);
	is(rumptest_route(0x0a010204, &sr), ENETUNREACH);
	is(rumptest_route(0x0a0102ff, &sr), ENETUNREACH);
	is(rump_pub_netconfig_ifdestroy("test0"), 0);
}

static void
the_second_address_of_a_subnet_goes_with_the_first(void **state)
{
	struct seen_route sr;

	(void)state;
	is(rump_pub_netconfig_ifcreate("test0"), 0);
	is(rump_pub_netconfig_ipv4_ifaddr_cidr("test0", "10.1.2.3", 24), 0);
	is(rump_pub_netconfig_ipv4_ifaddr_cidr("test0", "10.1.2.4", 24), 0);
	assert_int_equal(route(0x0a010204).flags, SEEN_LOCAL);
	assert_int_equal(route(0x0a010205).source, 0x0a010203);
	is(rump_pub_netconfig_ipv4_ifaddr_delete("test0", "10.1.2.4"), 0);
	assert_int_equal(route(0x0a010204).flags, 0);
	assert_int_equal(route(0x0a0102ff).flags, SEEN_BCAST);
	is(rump_pub_netconfig_ipv4_ifaddr_cidr("test0", "10.1.2.4", 24), 0);
	is(rump_pub_netconfig_ipv4_ifaddr_delete("test0", "10.1.2.3"), 0);
	is(rumptest_route(0x0a010204, &sr), ENETUNREACH);
	is(rump_pub_netconfig_ifdestroy("test0"), 0);
}

static void
one_address_on_two_interfaces_stays_with_the_second(void **state)
{
	struct seen_route sr;

	(void)state;
	is(rump_pub_netconfig_ifcreate("test0"), 0);
	is(rump_pub_netconfig_ifcreate("test1"), 0);
	is(rump_pub_netconfig_ipv4_ifaddr_cidr("test0", "10.1.2.3", 24), 0);
	is(rump_pub_netconfig_ipv4_ifaddr_cidr("test1", "10.1.2.3", 32), 0);
	is(rump_pub_netconfig_ipv4_ifaddr_delete("test0", "10.1.2.3"), 0);
	assert_int_equal(route(0x0a010203).flags, SEEN_LOCAL);
	assert_int_equal(route(0x0a010203).oif, rumptest_index("test1"));
	is(rumptest_route(0x0a010204, &sr), ENETUNREACH);
	is(rump_pub_netconfig_ifdestroy("test0"), 0);
	assert_int_equal(route(0x0a010203).flags, SEEN_LOCAL);
	is(rump_pub_netconfig_ifdestroy("test1"), 0);
	is(rumptest_route(0x0a010203, &sr), ENETUNREACH);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(interfaces_come_up_go_down_and_away),
		cmocka_unit_test(a_kind_alone_gets_the_next_number),
		cmocka_unit_test(what_is_wrong_is_refused),
		cmocka_unit_test(link_and_mtu_are_set),
		cmocka_unit_test(an_address_brings_its_routes),
		cmocka_unit_test(
		    the_second_address_of_a_subnet_goes_with_the_first),
		cmocka_unit_test(
		    one_address_on_two_interfaces_stays_with_the_second),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
