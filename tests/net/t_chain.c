/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * 1,000 network instances of one process in a chain of cables, each forwarding to
 * the next. An IPv4 packet lives for 255 hops (RFC 791), so a ping crosses a
 * quarter of the chain; a TCP stream goes from end to end by relays where
 * quarters meet.
 *
 * Link: rump-netinet rump-wire
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <rump/net/vnet.h>
#include <rump/net/wire.h>
#include <rump/netconfig.h>
#include <rump/rump.h>
#include <rump/rump_syscalls.h>

#include "test.h"

#define N	1000
#define QUARTER	250
#define PORT	7000
#define BYTES	(256u << 10)

static uint64_t vnet[N];

#define ok(call)	assert_int_not_equal((call), -1)

/* The addresses of cable i, between instances i and i + 1. */
static char *
left_of(unsigned i, char *s)
{
	sprintf(s, "10.%u.%u.%u", i >> 14 & 255, i >> 6 & 255,
	    (i << 2 & 255) + 1);
	return s;
}

static char *
right_of(unsigned i, char *s)
{
	sprintf(s, "10.%u.%u.%u", i >> 14 & 255, i >> 6 & 255,
	    (i << 2 & 255) + 2);
	return s;
}

static void
route(unsigned cable, const char *gateway)
{
	char dst[24];

	sprintf(dst, "10.%u.%u.%u/30", cable >> 14 & 255, cable >> 6 & 255,
	    cable << 2 & 255);
	ok_errno(rump_pub_netconfig_ipv4_route_add(dst, gateway, NULL));
}

/* Instance i of its quarter: routes to both of the quarter's ends. */
static void
routes_of(unsigned i)
{
	unsigned first = i / QUARTER * QUARTER, last = first + QUARTER - 1;
	char gw[24];

	if (i > first + 1)
		route(first, left_of(i - 1, gw));
	if (i + 1 < last)
		route(last - 1, right_of(i, gw));
}

static int
build(void **state)
{
	char a[24];
	unsigned i;

	(void)state;
	if (rump_init() != 0)
		return -1;
	for (i = 0; i < N; i++)
		ok_errno(rump_pub_vnet_create(&vnet[i]));
	for (i = 0; i + 1 < N; i++)
		ok_errno(rump_pub_wire_create(vnet[i], "right", vnet[i + 1],
		    "left"));
	for (i = 0; i < N; i++) {
		ok_errno(rump_pub_vnet_enter(vnet[i]));
		ok_errno(rump_pub_sysctl_set("net.ipv4.ip_forward", "1"));
		/* Answers to a ping must come all the way back. */
		ok_errno(rump_pub_sysctl_set("net.ipv4.ip_default_ttl",
		    "255"));
		if (i > 0)
			ok_errno(rump_pub_netconfig_ipv4_ifaddr_cidr("left",
			    right_of(i - 1, a), 30));
		if (i + 1 < N)
			ok_errno(rump_pub_netconfig_ipv4_ifaddr_cidr("right",
			    left_of(i, a), 30));
	}
	for (i = 0; i < N; i++) {
		ok_errno(rump_pub_vnet_enter(vnet[i]));
		routes_of(i);
	}
	return 0;
}

static struct sockaddr_in
address(const char *text, int port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };

	sin.sin_port = htons((uint16_t)port);
	assert_int_equal(inet_pton(AF_INET, text, &sin.sin_addr), 1);
	return sin;
}

/* The type of ICMP's answer to an echo request from where we are; -1: none */
static int
ping(const char *to, int ttl)
{
	struct sockaddr_in sin = address(to, 0);
	struct {
		struct icmphdr h;
		char data[40];
	} req = { .h = { .type = ICMP_ECHO } };
	struct pollfd pfd;
	unsigned char reply[512];
	int fd, tries;
	ssize_t n;

	fd = rump_sys_socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
	ok(fd);
	ok(rump_sys_setsockopt(fd, IPPROTO_IP, IP_TTL, &ttl, sizeof(ttl)));
	req.h.checksum = (uint16_t)~(ICMP_ECHO);
	ok(rump_sys_sendto(fd, &req, sizeof(req), 0, (struct sockaddr *)&sin,
	    sizeof(sin)));
	pfd = (struct pollfd){ .fd = fd, .events = POLLIN };
	for (tries = 0; tries < 10 && rump_sys_poll(&pfd, 1, 10000) == 1;
	    tries++) {
		n = rump_sys_recv(fd, reply, sizeof(reply), 0);
		assert_true(n >= 28);
		if (reply[20] == ICMP_ECHO)
			continue;	/* our own, to ourselves */
		ok(rump_sys_close(fd));
		return reply[20];
	}
	ok(rump_sys_close(fd));
	return -1;
}

static void
a_ping_crosses_a_quarter_of_the_chain_both_ways(void **state)
{
	char to[24];
	unsigned q;

	(void)state;
	for (q = 0; q < N; q += QUARTER) {
		ok_errno(rump_pub_vnet_enter(vnet[q]));
		assert_int_equal(ping(right_of(q + QUARTER - 2, to), 255),
		    ICMP_ECHOREPLY);
		ok_errno(rump_pub_vnet_enter(vnet[q + QUARTER - 1]));
		assert_int_equal(ping(left_of(q, to), 255), ICMP_ECHOREPLY);
	}
}

static void
a_packet_ends_where_its_time_to_live_does(void **state)
{
	char to[24];

	(void)state;
	ok_errno(rump_pub_vnet_enter(vnet[0]));
	/* 249 hops: the last one is not a forwarder. */
	assert_int_equal(ping(right_of(QUARTER - 2, to), 249),
	    ICMP_ECHOREPLY);
	assert_int_equal(ping(right_of(QUARTER - 2, to), 248),
	    ICMP_TIME_EXCEEDED);
}

/* ---- TCP -------------------------------------------------------------------- */

struct relay {
	pthread_t r_thread;
	int r_from, r_to;		/* sockets */
};

static void *
relay(void *arg)
{
	struct relay *r = arg;
	static __thread char buf[65536];
	ssize_t n;

	while ((n = rump_sys_read(r->r_from, buf, sizeof(buf))) > 0) {
		if (rump_sys_write(r->r_to, buf, (size_t)n) != n)
			return (void *)1;
	}
	rump_sys_shutdown(r->r_to, SHUT_WR);
	return n == 0 ? NULL : (void *)1;
}

/* A connection over a quarter, from instance q on: both of its ends. */
static void
connection(unsigned q, int *first, int *last)
{
	char to[24];
	struct sockaddr_in sin = address(right_of(q + QUARTER - 2, to), PORT);
	int l;

	ok_errno(rump_pub_vnet_enter(vnet[q + QUARTER - 1]));
	l = rump_sys_socket(AF_INET, SOCK_STREAM, 0);
	ok(l);
	ok(rump_sys_bind(l, (struct sockaddr *)&sin, sizeof(sin)));
	ok(rump_sys_listen(l, 1));
	ok_errno(rump_pub_vnet_enter(vnet[q]));
	*first = rump_sys_socket(AF_INET, SOCK_STREAM, 0);
	ok(rump_sys_connect(*first, (struct sockaddr *)&sin, sizeof(sin)));
	*last = rump_sys_accept(l, NULL, NULL);
	ok(*last);
	ok(rump_sys_close(l));
}

static void *
source(void *arg)
{
	static unsigned char data[BYTES];
	int fd = *(int *)arg;
	size_t i;

	for (i = 0; i < BYTES; i++)
		data[i] = (unsigned char)(i * 2654435761u >> 24);
	if (rump_sys_write(fd, data, BYTES) != BYTES)
		return (void *)1;
	return (void *)(intptr_t)rump_sys_shutdown(fd, SHUT_WR);
}

static void
tcp_goes_from_end_to_end(void **state)
{
	int first[N / QUARTER], last[N / QUARTER], q;
	struct relay r[N / QUARTER];
	static unsigned char got[65536];
	pthread_t t;
	size_t done = 0, i;
	ssize_t n;
	void *rv;

	(void)state;
	for (q = 0; q < N / QUARTER; q++)
		connection((unsigned)q * QUARTER, &first[q], &last[q]);
	for (q = 0; q + 1 < N / QUARTER; q++) {
		r[q].r_from = last[q];
		r[q].r_to = first[q + 1];
		ok_errno(pthread_create(&r[q].r_thread, NULL, relay, &r[q]));
	}
	ok_errno(pthread_create(&t, NULL, source, &first[0]));
	while ((n = rump_sys_read(last[N / QUARTER - 1], got, sizeof(got))) > 0) {
		for (i = 0; i < (size_t)n; i++)
			if (got[i] != (unsigned char)((done + i) *
			    2654435761u >> 24))
				fail_msg("byte %zu", done + i);
		done += (size_t)n;
	}
	assert_int_equal(n, 0);
	assert_int_equal(done, BYTES);
	ok_errno(pthread_join(t, &rv));
	assert_null(rv);
	for (q = 0; q + 1 < N / QUARTER; q++) {
		ok_errno(pthread_join(r[q].r_thread, &rv));
		assert_null(rv);
	}
	for (q = 0; q < N / QUARTER; q++) {
		ok(rump_sys_close(first[q]));
		ok(rump_sys_close(last[q]));
	}
}

static void
instances_end(void **state)
{
	unsigned i;

	(void)state;
	ok_errno(rump_pub_vnet_enter(0));
	for (i = 0; i < N; i++)
		ok_errno(rump_pub_vnet_destroy(vnet[i]));
	assert_int_equal(rump_pub_vnet_enter(vnet[0]), ENOENT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    a_ping_crosses_a_quarter_of_the_chain_both_ways),
		cmocka_unit_test(a_packet_ends_where_its_time_to_live_does),
		cmocka_unit_test(tcp_goes_from_end_to_end),
		cmocka_unit_test(instances_end),
	};

	return cmocka_run_group_tests_name("chain", tests, build, NULL);
}
