/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sockets of AF_NETLINK: ports, groups, options, acknowledgements, dumps.
 *
 * Link: rump-net
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <rump/lwproc.h>
#include <rump/rump.h>

#include "nlreq.h"
#include "test.h"

static int
setup(void **state)
{
	(void)state;
	return rump_init();
}

static int
set_int(int fd, int name, int v)
{
	return rump_sys_setsockopt(fd, SOL_NETLINK, name, &v, sizeof(v));
}

static struct sockaddr_nl
own_address(int fd)
{
	struct sockaddr_nl snl;
	socklen_t len = sizeof(snl);

	memset(&snl, 0, sizeof(snl));
	assert_int_equal(rump_sys_getsockname(fd, (struct sockaddr *)&snl,
	    &len), 0);
	assert_int_equal(len, sizeof(snl));
	assert_int_equal(snl.nl_family, AF_NETLINK);
	return snl;
}

static int
bind_to(int fd, uint32_t pid, uint32_t groups)
{
	struct sockaddr_nl snl = { .nl_family = AF_NETLINK, .nl_pid = pid,
	    .nl_groups = groups };

	return rump_sys_bind(fd, (struct sockaddr *)&snl, sizeof(snl));
}

static void
ports_are_unique_of_a_protocol(void **state)
{
	int a = nl_open(SOCK_RAW, NETLINK_ROUTE), b = nl_open(SOCK_DGRAM,
	    NETLINK_ROUTE), c = nl_open(SOCK_RAW, NETLINK_USERSOCK);

	(void)state;
	assert_true(a >= 0 && b >= 0 && c >= 0);
	assert_int_equal(own_address(a).nl_pid, 0);
	assert_int_equal(bind_to(a, 1234, 1), 0);
	assert_int_equal(own_address(a).nl_pid, 1234);
	assert_int_equal(own_address(a).nl_groups, 1);
	assert_int_equal(bind_to(b, 1234, 0), -1);
	assert_int_equal(errno, EADDRINUSE);
	assert_int_equal(bind_to(c, 1234, 0), 0);
	assert_int_equal(bind_to(b, 0, 0), 0);
	assert_int_not_equal(own_address(b).nl_pid, 0);
	assert_int_equal(bind_to(a, 77, 0), -1);
	assert_int_equal(errno, EINVAL);
	rump_sys_close(a);
	rump_sys_close(c);
	a = nl_open(SOCK_RAW, NETLINK_ROUTE);
	assert_int_equal(bind_to(a, 0, 0), 0);
	assert_int_not_equal(own_address(a).nl_pid, own_address(b).nl_pid);
	rump_sys_close(a);
	rump_sys_close(b);
}

static void
unknown_protocols_and_types_are_refused(void **state)
{
	(void)state;
	assert_int_equal(nl_open(SOCK_RAW, 23), -1);
	assert_int_equal(errno, EPROTONOSUPPORT);
	assert_int_equal(nl_open(SOCK_STREAM, NETLINK_ROUTE), -1);
	assert_int_equal(errno, ESOCKTNOSUPPORT);
}

static void
options_are_kept(void **state)
{
	static const int flags[] = { NETLINK_PKTINFO, NETLINK_BROADCAST_ERROR,
	    NETLINK_NO_ENOBUFS, NETLINK_CAP_ACK, NETLINK_EXT_ACK,
	    NETLINK_GET_STRICT_CHK };
	int fd = nl_open(SOCK_RAW, NETLINK_ROUTE), v;
	uint32_t groups[2] = { 0, 0 };
	socklen_t len;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		len = sizeof(v);
		assert_int_equal(rump_sys_getsockopt(fd, SOL_NETLINK,
		    flags[i], &v, &len), 0);
		assert_int_equal(v, 0);
		assert_int_equal(set_int(fd, flags[i], 5), 0);
		assert_int_equal(rump_sys_getsockopt(fd, SOL_NETLINK,
		    flags[i], &v, &len), 0);
		assert_int_equal(v, 1);
	}
	assert_int_equal(set_int(fd, 99, 1), -1);
	assert_int_equal(errno, ENOPROTOOPT);
	assert_int_equal(set_int(fd, NETLINK_ADD_MEMBERSHIP, 0), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(set_int(fd, NETLINK_ADD_MEMBERSHIP, 1000), -1);
	assert_int_equal(set_int(fd, NETLINK_ADD_MEMBERSHIP,
	    RTNLGRP_IPV4_ROUTE), 0);
	assert_int_equal(set_int(fd, NETLINK_ADD_MEMBERSHIP,
	    RTNLGRP_NEXTHOP + 1), 0);
	len = sizeof(groups);
	assert_int_equal(rump_sys_getsockopt(fd, SOL_NETLINK,
	    NETLINK_LIST_MEMBERSHIPS, groups, &len), 0);
	assert_int_equal(len, 8);
	assert_int_equal(groups[0], 1u << (RTNLGRP_IPV4_ROUTE - 1));
	assert_int_equal(own_address(fd).nl_groups, groups[0]);
	rump_sys_close(fd);
}

/* Of an interface that is not there: ENODEV, and what comes with it. */
static size_t
ask_nonsense(int fd, uint8_t *buf, size_t n)
{
	struct ifinfomsg im = { .ifi_index = 1000 };
	struct nlreq r;
	ssize_t got;

	req_init(&r, RTM_GETLINK, 0, &im, sizeof(im));
	assert_int_equal(req_send(fd, &r), 0);
	got = rump_sys_recvfrom(fd, buf, n, MSG_DONTWAIT, NULL, NULL);
	assert_true(got > 0);
	return (size_t)got;
}

static void
errors_come_with_the_request_unless_capped(void **state)
{
	uint8_t buf[4096] __attribute__((aligned(8)));
	struct nlmsghdr *nh = (struct nlmsghdr *)buf;
	struct nlmsgerr *e = NLMSG_DATA(nh);
	int fd = nl_open(SOCK_RAW, NETLINK_ROUTE);

	(void)state;
	assert_int_equal(ask_nonsense(fd, buf, sizeof(buf)), 16 + 20 + 16);
	assert_int_equal(nh->nlmsg_type, NLMSG_ERROR);
	assert_int_equal(nh->nlmsg_flags, 0);
	assert_int_equal(nh->nlmsg_pid, own_address(fd).nl_pid);
	assert_int_equal(e->error, -ENODEV);
	assert_int_equal(e->msg.nlmsg_type, RTM_GETLINK);
	assert_int_equal(set_int(fd, NETLINK_CAP_ACK, 1), 0);
	assert_int_equal(ask_nonsense(fd, buf, sizeof(buf)), 16 + 20);
	assert_int_equal(nh->nlmsg_flags, NLM_F_CAPPED);
	rump_sys_close(fd);
}

static void
extended_errors_name_the_attribute(void **state)
{
	uint8_t buf[4096] __attribute__((aligned(8)));
	struct nlmsghdr *nh = (struct nlmsghdr *)buf;
	int fd = nl_open(SOCK_RAW, NETLINK_ROUTE);
	struct ifinfomsg im = { .ifi_index = 1 };
	const struct nlattr *na;
	uint32_t offs, mtu = 1 << 30;
	struct nlreq r;
	size_t fixed;

	(void)state;
	assert_int_equal(set_int(fd, NETLINK_EXT_ACK, 1), 0);
	req_init(&r, RTM_SETLINK, NLM_F_ACK, &im, sizeof(im));
	req_attr(&r, IFLA_TXQLEN, &mtu, 4);
	req_attr(&r, IFLA_MTU, &mtu, 2);	/* too short */
	assert_int_equal(req_send(fd, &r), 0);
	assert_true(rump_sys_recvfrom(fd, buf, sizeof(buf), MSG_DONTWAIT,
	    NULL, NULL) > 0);
	assert_int_equal(nh->nlmsg_flags, NLM_F_ACK_TLVS);
	fixed = sizeof(struct nlmsgerr) + r.nh.nlmsg_len - NLMSG_HDRLEN;
	na = find_attr(nh, fixed, NLMSGERR_ATTR_MSG);
	assert_non_null(na);
	assert_string_equal((const char *)(na + 1),
	    "Attribute failed policy validation");
	na = find_attr(nh, fixed, NLMSGERR_ATTR_OFFS);
	assert_non_null(na);
	memcpy(&offs, na + 1, 4);
	assert_int_equal(offs, 16 + 16 + 8);
	rump_sys_close(fd);
}

static void
only_root_changes_the_network(void **state)
{
	struct ifinfomsg im = { .ifi_index = 1, .ifi_change = IFF_UP };
	struct nlreq r;
	int fd;

	(void)state;
	assert_int_equal(rump_sys_seteuid(1000), 0);
	fd = nl_open(SOCK_RAW, NETLINK_ROUTE);
	req_init(&r, RTM_NEWLINK, 0, &im, sizeof(im));
	assert_int_equal(req_talk(fd, &r), EPERM);
	assert_int_equal(rump_sys_seteuid(0), 0);
	/* Who opened it counts as well. */
	assert_int_equal(req_talk(fd, &r), EPERM);
	rump_sys_close(fd);
}

static void
users_talk_to_each_other(void **state)
{
	int a = nl_open(SOCK_RAW, NETLINK_USERSOCK), b = nl_open(SOCK_RAW,
	    NETLINK_USERSOCK);
	struct sockaddr_nl to = { .nl_family = AF_NETLINK, .nl_pid = 501 },
	    from;
	socklen_t len = sizeof(from);
	char buf[8];

	(void)state;
	assert_int_equal(bind_to(a, 500, 0), 0);
	assert_int_equal(bind_to(b, 501, 4), 0);
	assert_int_equal(rump_sys_sendto(a, "one", 3, 0,
	    (struct sockaddr *)&to, sizeof(to)), 3);
	assert_int_equal(rump_sys_recvfrom(b, buf, sizeof(buf), MSG_DONTWAIT,
	    (struct sockaddr *)&from, &len), 3);
	assert_int_equal(from.nl_pid, 500);
	to.nl_pid = 502;
	assert_int_equal(rump_sys_sendto(a, "two", 3, 0,
	    (struct sockaddr *)&to, sizeof(to)), -1);
	assert_int_equal(errno, ECONNREFUSED);
	to.nl_pid = 501;
	to.nl_groups = 4;
	assert_int_equal(rump_sys_connect(a, (struct sockaddr *)&to,
	    sizeof(to)), 0);
	assert_int_equal(rump_sys_sendto(a, "four", 4, 0, NULL, 0), 4);
	assert_int_equal(rump_sys_recvfrom(b, buf, sizeof(buf), MSG_DONTWAIT,
	    (struct sockaddr *)&from, &len), 4);
	assert_int_equal(from.nl_groups, 4);
	assert_int_equal(rump_sys_recvfrom(b, buf, sizeof(buf), MSG_DONTWAIT,
	    (struct sockaddr *)&from, &len), 4);
	assert_int_equal(from.nl_groups, 4);
	rump_sys_close(a);
	rump_sys_close(b);
}

/* ---- Many ------------------------------------------------------------------------- */

static void
change_routes(int fd, int type, unsigned from, unsigned n)
{
	struct rtmsg rm = { .rtm_family = AF_INET, .rtm_dst_len = 32,
	    .rtm_table = RT_TABLE_MAIN, .rtm_protocol = RTPROT_STATIC,
	    .rtm_scope = RT_SCOPE_LINK, .rtm_type = RTN_UNICAST };
	uint32_t dst, oif = 1;
	struct nlreq r;
	unsigned i;

	for (i = from; i < from + n; i++) {
		dst = htonl(0x14000000 + i);
		req_init(&r, type, NLM_F_CREATE | NLM_F_EXCL, &rm,
		    sizeof(rm));
		req_attr(&r, RTA_DST, &dst, 4);
		req_attr(&r, RTA_OIF, &oif, 4);
		assert_int_equal(req_send(fd, &r), 0);
	}
}

#define MANY 20000

static void
dumps_come_in_pieces_of_the_readers_size(void **state)
{
	static uint8_t buf[65536] __attribute__((aligned(8)));
	struct rtmsg rm = { .rtm_family = AF_INET };
	int fd = nl_open(SOCK_RAW, NETLINK_ROUTE);
	unsigned routes = 0, pieces = 0;
	struct nlmsghdr *nh;
	struct nlreq r;
	bool done = false;
	ssize_t n;
	int left;

	(void)state;
	change_routes(fd, RTM_NEWROUTE, 0, MANY);
	req_init(&r, RTM_GETROUTE, NLM_F_DUMP, &rm, sizeof(rm));
	assert_int_equal(req_send(fd, &r), 0);
	assert_int_equal(req_talk(fd, &r), -1);	/* a piece, not an answer */
	while (!done) {
		n = rump_sys_recvfrom(fd, buf, sizeof(buf), MSG_DONTWAIT |
		    MSG_TRUNC, NULL, NULL);
		assert_true(n > 0 && n <= 32768);
		pieces++;
		left = (int)n;
		for (nh = (struct nlmsghdr *)buf; NLMSG_OK(nh, left);
		    nh = NLMSG_NEXT(nh, left)) {
			if (nh->nlmsg_type == NLMSG_ERROR)
				continue;	/* EBUSY, to the second one */
			assert_int_equal(nh->nlmsg_seq, 4711);
			assert_true(nh->nlmsg_flags & NLM_F_MULTI);
			if (nh->nlmsg_type == NLMSG_DONE)
				done = true;
			else
				routes++;
		}
	}
	assert_true(routes > MANY - 200 && routes < MANY + 10);
	assert_true(pieces > 20 && pieces < 100);
	change_routes(fd, RTM_DELROUTE, 0, MANY);
	rump_sys_close(fd);
}

static void
a_member_that_does_not_read_hears_of_its_loss(void **state)
{
	int fd = nl_open(SOCK_RAW, NETLINK_ROUTE),
	    quiet = nl_open(SOCK_RAW, NETLINK_ROUTE),
	    admin = nl_open(SOCK_RAW, NETLINK_ROUTE);
	unsigned got = 0, silent = 0;
	char buf[4096];

	(void)state;
	assert_int_equal(bind_to(fd, 0, RTMGRP_IPV4_ROUTE), 0);
	assert_int_equal(bind_to(quiet, 0, RTMGRP_IPV4_ROUTE), 0);
	assert_int_equal(set_int(quiet, NETLINK_NO_ENOBUFS, 1), 0);
	change_routes(admin, RTM_NEWROUTE, 0, 5000);
	assert_int_equal(rump_sys_recvfrom(fd, buf, sizeof(buf), MSG_DONTWAIT,
	    NULL, NULL), -1);
	assert_int_equal(errno, ENOBUFS);
	while (rump_sys_recvfrom(fd, buf, sizeof(buf), MSG_DONTWAIT, NULL,
	    NULL) > 0)
		got++;
	assert_int_equal(errno, EAGAIN);
	assert_true(got > 10 && got < 5000);
	while (rump_sys_recvfrom(quiet, buf, sizeof(buf), MSG_DONTWAIT, NULL,
	    NULL) > 0)
		silent++;
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(silent, got);
	/* From now on it hears again. */
	change_routes(admin, RTM_DELROUTE, 0, 1);
	assert_true(rump_sys_recvfrom(fd, buf, sizeof(buf), MSG_DONTWAIT,
	    NULL, NULL) > 0);
	change_routes(admin, RTM_DELROUTE, 1, 4999);
	rump_sys_close(fd);
	rump_sys_close(quiet);
	rump_sys_close(admin);
}

/* ---- News ------------------------------------------------------------------------- */

static int
next_type(int fd, struct nlmsghdr *nh, size_t n)
{
	return rump_sys_recvfrom(fd, nh, n, MSG_DONTWAIT, NULL, NULL) > 0 ?
	    nh->nlmsg_type : -1;
}

static void
changes_are_told_in_order_before_the_answer(void **state)
{
	uint8_t buf[8192] __attribute__((aligned(8)));
	struct nlmsghdr *nh = (struct nlmsghdr *)buf;
	int fd = nl_open(SOCK_RAW, NETLINK_ROUTE);
	struct ifaddrmsg am = { .ifa_family = AF_INET, .ifa_prefixlen = 24,
	    .ifa_index = 1 };
	struct ifinfomsg im = { .ifi_index = 1 };
	uint32_t addr = htonl(0x0a010203), mtu = 2000;
	const struct nlattr *na;
	struct nlreq r;

	(void)state;
	assert_int_equal(bind_to(fd, 0, RTMGRP_LINK | RTMGRP_IPV4_IFADDR), 0);
	req_init(&r, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, &am,
	    sizeof(am));
	req_attr(&r, IFA_LOCAL, &addr, 4);
	assert_int_equal(req_send(fd, &r), 0);
	req_init(&r, RTM_SETLINK, NLM_F_ACK, &im, sizeof(im));
	req_attr(&r, IFLA_MTU, &mtu, 4);
	assert_int_equal(req_send(fd, &r), 0);
	req_init(&r, RTM_DELADDR, NLM_F_ACK, &am, sizeof(am));
	req_attr(&r, IFA_LOCAL, &addr, 4);
	assert_int_equal(req_send(fd, &r), 0);
	assert_int_equal(next_type(fd, nh, sizeof(buf)), RTM_NEWADDR);
	na = find_attr(nh, sizeof(am), IFA_LOCAL);
	assert_non_null(na);
	assert_memory_equal(na + 1, &addr, 4);
	assert_int_equal(next_type(fd, nh, sizeof(buf)), NLMSG_ERROR);
	assert_int_equal(next_type(fd, nh, sizeof(buf)), RTM_NEWLINK);
	na = find_attr(nh, sizeof(im), IFLA_MTU);
	assert_non_null(na);
	assert_memory_equal(na + 1, &mtu, 4);
	assert_int_equal(next_type(fd, nh, sizeof(buf)), NLMSG_ERROR);
	assert_int_equal(next_type(fd, nh, sizeof(buf)), RTM_DELADDR);
	assert_int_equal(next_type(fd, nh, sizeof(buf)), NLMSG_ERROR);
	assert_int_equal(next_type(fd, nh, sizeof(buf)), -1);
	rump_sys_close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ports_are_unique_of_a_protocol),
		cmocka_unit_test(unknown_protocols_and_types_are_refused),
		cmocka_unit_test(options_are_kept),
		cmocka_unit_test(errors_come_with_the_request_unless_capped),
		cmocka_unit_test(extended_errors_name_the_attribute),
		cmocka_unit_test(only_root_changes_the_network),
		cmocka_unit_test(users_talk_to_each_other),
		cmocka_unit_test(dumps_come_in_pieces_of_the_readers_size),
		cmocka_unit_test(a_member_that_does_not_read_hears_of_its_loss),
		cmocka_unit_test(changes_are_told_in_order_before_the_answer),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
