/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ioctl(2) of interfaces, addresses, routes and neighbours: netdevice(7),
 * arp(7), with the C library's structures.
 *
 * Link: rump-net
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <net/route.h>
#include <sys/ioctl.h>
#include <string.h>
#include <unistd.h>

#include <rump/lwproc.h>
#include <rump/netconfig.h>
#include <rump/rump.h>
#include <rump/rump_syscalls.h>

#include "k_ifioctl.h"
#include "test.h"

#define is(call, error) assert_int_equal((call), (error))

static int
setup(void **state)
{
	(void)state;
	return rump_init() != 0 || rumptest_ifioctl_setup() != 0 ? -1 : 0;
}

static int
create(void **state)
{
	(void)state;
	return rump_pub_netconfig_ifcreate("test0");
}

static int
destroy(void **state)
{
	(void)state;
	return rump_pub_netconfig_ifdestroy("test0");
}

static struct ifreq
named(const char *name)
{
	struct ifreq ifr;

	memset(&ifr, 0, sizeof(ifr));
	strncpy(ifr.ifr_name, name, IFNAMSIZ - 1);
	return ifr;
}

static void
put_addr(struct sockaddr *sa, const char *addr)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };

	inet_pton(AF_INET, addr, &sin.sin_addr);
	memcpy(sa, &sin, sizeof(sin));
}

static const char *
addr_of(const struct sockaddr *sa)
{
	struct sockaddr_in sin;
	static char buf[32];

	memcpy(&sin, sa, sizeof(sin));
	return inet_ntop(AF_INET, &sin.sin_addr, buf, sizeof(buf));
}

static int
set_addr(unsigned long cmd, const char *name, const char *addr)
{
	struct ifreq ifr = named(name);

	put_addr(&ifr.ifr_addr, addr);
	return rumptest_ifioctl(cmd, &ifr);
}

static void
has_addr(unsigned long cmd, const char *name, const char *addr)
{
	struct ifreq ifr = named(name);

	is(rumptest_ifioctl(cmd, &ifr), 0);
	assert_int_equal(ifr.ifr_addr.sa_family, AF_INET);
	assert_string_equal(addr_of(&ifr.ifr_addr), addr);
}

static void
interface_has_index_and_name(void **state)
{
	struct ifreq ifr = named("lo");

	(void)state;
	is(rumptest_ifioctl(SIOCGIFINDEX, &ifr), 0);
	assert_int_equal(ifr.ifr_ifindex, 1);
	memset(ifr.ifr_name, 0, IFNAMSIZ);
	is(rumptest_ifioctl(SIOCGIFNAME, &ifr), 0);
	assert_string_equal(ifr.ifr_name, "lo");
	ifr.ifr_ifindex = 9999;
	is(rumptest_ifioctl(SIOCGIFNAME, &ifr), ENODEV);
	ifr = named("nosuch0");
	is(rumptest_ifioctl(SIOCGIFINDEX, &ifr), ENODEV);
	is(rumptest_ifioctl(SIOCGIFINDEX, NULL), EFAULT);
	is(rumptest_ifioctl(FIONREAD, &ifr), ENOTTY);
}

static void
flags_mtu_and_queue_are_set(void **state)
{
	struct ifreq ifr = named("test0");

	(void)state;
	is(rumptest_ifioctl(SIOCGIFFLAGS, &ifr), 0);
	assert_int_equal(ifr.ifr_flags, IFF_BROADCAST | IFF_MULTICAST);
	ifr.ifr_flags |= IFF_UP | IFF_LOOPBACK;
	is(rumptest_ifioctl(SIOCSIFFLAGS, &ifr), 0);
	is(rumptest_ifioctl(SIOCGIFFLAGS, &ifr), 0);
	assert_int_equal(ifr.ifr_flags,
	    IFF_UP | IFF_RUNNING | IFF_BROADCAST | IFF_MULTICAST);
	ifr.ifr_mtu = 1400;
	is(rumptest_ifioctl(SIOCSIFMTU, &ifr), 0);
	ifr.ifr_mtu = 0;
	is(rumptest_ifioctl(SIOCGIFMTU, &ifr), 0);
	assert_int_equal(ifr.ifr_mtu, 1400);
	ifr.ifr_mtu = -1;
	is(rumptest_ifioctl(SIOCSIFMTU, &ifr), EINVAL);
	ifr.ifr_qlen = 17;
	is(rumptest_ifioctl(SIOCSIFTXQLEN, &ifr), 0);
	ifr.ifr_qlen = 0;
	is(rumptest_ifioctl(SIOCGIFTXQLEN, &ifr), 0);
	assert_int_equal(ifr.ifr_qlen, 17);
}

static void
link_address_and_name_are_set(void **state)
{
	struct ifreq ifr = named("test0");

	(void)state;
	is(rumptest_ifioctl(SIOCGIFHWADDR, &ifr), 0);
	assert_int_equal(ifr.ifr_hwaddr.sa_family, ARPHRD_ETHER);
	assert_memory_equal(ifr.ifr_hwaddr.sa_data, "\2\0\0\0\0\1", 6);
	memcpy(ifr.ifr_hwaddr.sa_data, "\2\1\2\3\4\5", 6);
	is(rumptest_ifioctl(SIOCSIFHWADDR, &ifr), 0);
	memset(&ifr.ifr_hwaddr, 0, sizeof(ifr.ifr_hwaddr));
	is(rumptest_ifioctl(SIOCGIFHWADDR, &ifr), 0);
	assert_memory_equal(ifr.ifr_hwaddr.sa_data, "\2\1\2\3\4\5", 6);
	ifr.ifr_hwaddr.sa_data[0] = 1;		/* a group's */
	is(rumptest_ifioctl(SIOCSIFHWADDR, &ifr), EADDRNOTAVAIL);
	ifr.ifr_hwaddr.sa_family = ARPHRD_LOOPBACK;
	is(rumptest_ifioctl(SIOCSIFHWADDR, &ifr), EINVAL);
	strcpy(ifr.ifr_newname, "lo");
	is(rumptest_ifioctl(SIOCSIFNAME, &ifr), EEXIST);
	strcpy(ifr.ifr_newname, "a b");
	is(rumptest_ifioctl(SIOCSIFNAME, &ifr), EINVAL);
	strcpy(ifr.ifr_newname, "eth7");
	is(rumptest_ifioctl(SIOCSIFNAME, &ifr), 0);
	ifr = named("eth7");
	is(rumptest_ifioctl(SIOCGIFINDEX, &ifr), 0);
	strcpy(ifr.ifr_newname, "test0");
	is(rumptest_ifioctl(SIOCSIFNAME, &ifr), 0);
}

static void
addresses_are_set_one_by_one(void **state)
{
	(void)state;
	is(set_addr(SIOCGIFADDR, "test0", "0.0.0.0"), EADDRNOTAVAIL);
	is(set_addr(SIOCSIFNETMASK, "test0", "255.255.255.0"), EADDRNOTAVAIL);
	is(set_addr(SIOCSIFADDR, "test0", "10.1.2.3"), 0);
	has_addr(SIOCGIFADDR, "test0", "10.1.2.3");
	has_addr(SIOCGIFNETMASK, "test0", "255.0.0.0");
	has_addr(SIOCGIFBRDADDR, "test0", "10.255.255.255");
	is(set_addr(SIOCSIFNETMASK, "test0", "255.255.0.255"), EINVAL);
	is(set_addr(SIOCSIFNETMASK, "test0", "255.255.255.0"), 0);
	has_addr(SIOCGIFNETMASK, "test0", "255.255.255.0");
	has_addr(SIOCGIFBRDADDR, "test0", "10.1.2.255");
	is(set_addr(SIOCSIFBRDADDR, "test0", "10.1.2.0"), 0);
	has_addr(SIOCGIFBRDADDR, "test0", "10.1.2.0");
	is(set_addr(SIOCSIFADDR, "test0", "192.168.1.1"), 0);
	has_addr(SIOCGIFADDR, "test0", "192.168.1.1");
	has_addr(SIOCGIFNETMASK, "test0", "255.255.255.0");
	is(set_addr(SIOCSIFADDR, "test0", "224.0.0.1"), EINVAL);
	is(set_addr(SIOCSIFADDR, "test0", "0.0.0.0"), 0);
	is(set_addr(SIOCGIFADDR, "test0", "0.0.0.0"), EADDRNOTAVAIL);
}

static void
labels_name_more_addresses(void **state)
{
	struct ifreq list[8], ifr = named("test0:1");
	struct ifconf ifc = { .ifc_len = sizeof(list) };

	(void)state;
	ifc.ifc_req = list;
	is(set_addr(SIOCSIFADDR, "test0", "10.0.0.1"), 0);
	is(set_addr(SIOCSIFADDR, "test0:1", "11.0.0.1"), 0);
	has_addr(SIOCGIFADDR, "test0", "10.0.0.1");
	has_addr(SIOCGIFADDR, "test0:1", "11.0.0.1");
	is(rumptest_ifioctl(SIOCGIFCONF, &ifc), 0);
	assert_int_equal(ifc.ifc_len, 3 * sizeof(*list));
	assert_string_equal(list[0].ifr_name, "lo");
	assert_string_equal(addr_of(&list[0].ifr_addr), "127.0.0.1");
	assert_string_equal(list[2].ifr_name, "test0:1");
	assert_string_equal(addr_of(&list[2].ifr_addr), "11.0.0.1");
	ifc.ifc_len = sizeof(*list) + 1;
	is(rumptest_ifioctl(SIOCGIFCONF, &ifc), 0);
	assert_int_equal(ifc.ifc_len, sizeof(*list));
	ifc.ifc_req = NULL;
	is(rumptest_ifioctl(SIOCGIFCONF, &ifc), 0);
	assert_int_equal(ifc.ifc_len, 3 * sizeof(*list));
	ifc.ifc_len = -1;
	is(rumptest_ifioctl(SIOCGIFCONF, &ifc), EINVAL);
	ifr.ifr_flags = 0;
	is(rumptest_ifioctl(SIOCSIFFLAGS, &ifr), 0);
	is(rumptest_ifioctl(SIOCGIFADDR, &ifr), EADDRNOTAVAIL);
	is(set_addr(SIOCSIFADDR, "test0", "0.0.0.0"), 0);
}

static struct rtentry
route(const char *dst, const char *mask, const char *gw)
{
	struct rtentry rt;

	memset(&rt, 0, sizeof(rt));
	put_addr(&rt.rt_dst, dst);
	put_addr(&rt.rt_genmask, mask);
	if (gw != NULL) {
		put_addr(&rt.rt_gateway, gw);
		rt.rt_flags = RTF_GATEWAY;
	}
	rt.rt_flags |= RTF_UP;
	return rt;
}

static void
routes_come_and_go(void **state)
{
	char dev[] = "test0", none[] = "nosuch0";
	struct rtentry rt = route("0.0.0.0", "0.0.0.0", "10.0.0.2");

	(void)state;
	is(rumptest_ifioctl(SIOCADDRT, &rt), ENETUNREACH);
	is(rump_pub_netconfig_ipv4_ifaddr_cidr("test0", "10.0.0.1", 24), 0);
	is(rumptest_ifioctl(SIOCADDRT, &rt), 0);
	is(rumptest_ifioctl(SIOCADDRT, &rt), EEXIST);
	is(rumptest_ifioctl(SIOCDELRT, &rt), 0);
	is(rumptest_ifioctl(SIOCDELRT, &rt), ESRCH);
	rt = route("20.0.0.0", "255.0.0.0", NULL);
	is(rumptest_ifioctl(SIOCADDRT, &rt), ENODEV);
	rt.rt_dev = none;
	is(rumptest_ifioctl(SIOCADDRT, &rt), ENODEV);
	rt.rt_dev = dev;
	is(rumptest_ifioctl(SIOCADDRT, &rt), 0);
	is(rumptest_ifioctl(SIOCDELRT, &rt), 0);
	rt = route("20.0.0.1", "255.0.0.0", "10.0.0.2");
	is(rumptest_ifioctl(SIOCADDRT, &rt), EINVAL);
	rt = route("20.0.0.0", "255.0.255.0", "10.0.0.2");
	is(rumptest_ifioctl(SIOCADDRT, &rt), EINVAL);
	rt.rt_dst.sa_family = AF_INET6;
	is(rumptest_ifioctl(SIOCADDRT, &rt), EAFNOSUPPORT);
}

static void
neighbours_come_and_go(void **state)
{
	struct arpreq ar;

	(void)state;
	is(rump_pub_netconfig_ipv4_ifaddr_cidr("test0", "10.0.0.1", 24), 0);
	memset(&ar, 0, sizeof(ar));
	put_addr(&ar.arp_pa, "10.0.0.9");
	is(rumptest_ifioctl(SIOCGARP, &ar), ENXIO);
	ar.arp_flags = ATF_PERM | ATF_COM;
	ar.arp_ha.sa_family = ARPHRD_ETHER;
	memcpy(ar.arp_ha.sa_data, "\2\0\0\0\0\x99", 6);
	is(rumptest_ifioctl(SIOCSARP, &ar), 0);
	memset(&ar.arp_ha, 0, sizeof(ar.arp_ha));
	strcpy(ar.arp_dev, "test0");
	is(rumptest_ifioctl(SIOCGARP, &ar), 0);
	assert_int_equal(ar.arp_flags, ATF_PERM | ATF_COM);
	assert_memory_equal(ar.arp_ha.sa_data, "\2\0\0\0\0\x99", 6);
	is(rumptest_ifioctl(SIOCDARP, &ar), 0);
	is(rumptest_ifioctl(SIOCDARP, &ar), ENXIO);
	strcpy(ar.arp_dev, "lo");
	is(rumptest_ifioctl(SIOCSARP, &ar), EINVAL);
	ar.arp_dev[0] = '\0';
	put_addr(&ar.arp_pa, "99.0.0.9");
	is(rumptest_ifioctl(SIOCSARP, &ar), ENETUNREACH);
	ar.arp_pa.sa_family = AF_UNIX;
	is(rumptest_ifioctl(SIOCSARP, &ar), EAFNOSUPPORT);
}

static void
ethtool_tells_driver_and_link(void **state)
{
	struct ethtool_drvinfo info = { .cmd = ETHTOOL_GDRVINFO };
	struct ethtool_value value = { .cmd = ETHTOOL_GLINK, .data = 7 };
	struct ifreq ifr = named("test0");

	(void)state;
	ifr.ifr_data = (void *)&info;
	is(rumptest_ifioctl(SIOCETHTOOL, &ifr), 0);
	assert_string_equal(info.driver, "test");
	ifr.ifr_data = (void *)&value;
	is(rumptest_ifioctl(SIOCETHTOOL, &ifr), 0);
	assert_int_equal(value.data, 0);
	is(rump_pub_netconfig_ifup("test0"), 0);
	is(rumptest_ifioctl(SIOCETHTOOL, &ifr), 0);
	assert_int_equal(value.data, 1);
	value.cmd = ETHTOOL_NWAY_RST;
	is(rumptest_ifioctl(SIOCETHTOOL, &ifr), EOPNOTSUPP);
	ifr.ifr_data = NULL;
	is(rumptest_ifioctl(SIOCETHTOOL, &ifr), EFAULT);
}

static void
only_root_changes_anything(void **state)
{
	struct ifreq ifr = named("test0");
	struct rtentry rt = route("0.0.0.0", "0.0.0.0", "10.0.0.2");
	struct arpreq ar;

	(void)state;
	memset(&ar, 0, sizeof(ar));
	is(rump_pub_lwproc_rfork(RUMP_RFCFDG), 0);
	is(rump_sys_setuid(1000), 0);
	is(rumptest_ifioctl(SIOCGIFFLAGS, &ifr), 0);
	is(rumptest_ifioctl(SIOCSIFFLAGS, &ifr), EPERM);
	is(set_addr(SIOCSIFADDR, "test0", "10.0.0.1"), EPERM);
	is(rumptest_ifioctl(SIOCADDRT, &rt), EPERM);
	is(rumptest_ifioctl(SIOCSARP, &ar), EPERM);
	rump_pub_lwproc_releaselwp();
}

int
main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, create, destroy)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(interface_has_index_and_name),
		CASE(flags_mtu_and_queue_are_set),
		CASE(link_address_and_name_are_set),
		CASE(addresses_are_set_one_by_one),
		CASE(labels_name_more_addresses),
		CASE(routes_come_and_go),
		CASE(neighbours_come_and_go),
		CASE(ethtool_tells_driver_and_link),
		CASE(only_root_changes_anything),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
