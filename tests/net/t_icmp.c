/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ICMP with hand-made packets (RFC 792, RFC 1122 3.2.2), and ping sockets.
 *
 * Link: rump-netinet
 */
#include "packet.h"

#define PORT 5000

static void
echoes_are_answered(void **state)
{
	static unsigned char u[3000], data[2000];
	struct pkt p, a;
	unsigned n;

	(void)state;
	fresh_stack(1500);
	for (unsigned i = 0; i < sizeof(data); i++)
		data[i] = (unsigned char)i;
	n = icmp_data(u, 8, 0, 0x12345678, data, 100);
	ip(&p, THEM, US, IPPROTO_ICMP, u, n);
	p.b[1] = 0x20;
	resum(&p);
	inject(0, &p);
	assert_true(capture(0, &a));
	assert_int_equal(a.n, p.n);
	assert_int_equal(get32(a.b + 12), US);
	assert_int_equal(get32(a.b + 16), THEM);
	assert_int_equal(a.b[1], 0x20);
	assert_int_equal(a.b[20], 0);
	assert_int_equal(cksum(a.b + 20, a.n - 20), 0);
	assert_memory_equal(a.b + 24, u + 4, n - 4);
	/* Not: a wrong sum, too short, to everybody, or when told not to. */
	p.b[22] ^= 1;
	inject(0, &p);
	ip(&p, THEM, US, IPPROTO_ICMP, u, 7);
	inject(0, &p);
	ip(&p, THEM, 0x0a0000ff, IPPROTO_ICMP, u, n);
	inject(0, &p);
	ip(&p, THEM, 0xe0000001, IPPROTO_ICMP, u, n);
	inject(0, &p);
	ip(&p, THEM, US, IPPROTO_ICMP, u, n);
	tune("icmp_echo_ignore_all", "1");
	inject(0, &p);
	tune("icmp_echo_ignore_all", "0");
	silent(0);
	/* To everybody, when told to: from an address of ours. */
	tune("icmp_echo_ignore_broadcasts", "0");
	ip(&p, THEM, 0x0a0000ff, IPPROTO_ICMP, u, n);
	inject(0, &p);
	assert_true(capture(0, &a));
	assert_int_equal(get32(a.b + 12), US);
	assert_int_equal(counter("icmp_in_csum_errors"), 1);
	drop_stack();
}

static void
the_time_is_told(void **state)
{
	unsigned char u[20], more[12] = { 0, 0, 1, 0 };
	struct pkt p, a;
	unsigned n = icmp_data(u, 13, 0, 0x00010002, more, 12);

	(void)state;
	fresh_stack(1500);
	ip(&p, THEM, US, IPPROTO_ICMP, u, n);
	inject(0, &p);
	assert_true(capture(0, &a));
	assert_int_equal(a.b[20], 14);
	assert_int_equal(cksum(a.b + 20, a.n - 20), 0);
	assert_int_equal(get32(a.b + 28), 256);
	assert_true(get32(a.b + 32) < 86400000);
	assert_int_equal(get32(a.b + 32), get32(a.b + 36));
	ip(&p, THEM, US, IPPROTO_ICMP, u, 19);
	inject(0, &p);
	silent(0);
	drop_stack();
}

static void
errors_are_sent_about_what_deserves_them(void **state)
{
	static unsigned char big[1400];
	unsigned char u[64];
	struct pkt p, a;
	unsigned n;

	(void)state;
	fresh_stack(1500);
	udp(&p, THEM, US, 1, 9, big, sizeof(big));
	inject(0, &p);
	assert_true(capture(0, &a));
	assert_int_equal(a.b[9], IPPROTO_ICMP);
	assert_int_equal(a.b[20], 3);
	assert_int_equal(a.b[21], 3);
	assert_int_equal(a.n, 576);
	assert_int_equal(cksum(a.b + 20, a.n - 20), 0);
	assert_memory_equal(a.b + 28, p.b, a.n - 28);
	/* No such protocol. */
	ip(&p, THEM, US, 199, "x", 1);
	inject(0, &p);
	assert_true(capture(0, &a));
	assert_int_equal(a.b[21], 2);
	/* Nothing about groups, everybody, what is from them, errors. */
	udp(&p, THEM, 0x0a0000ff, 1, 9, "x", 1);
	inject(0, &p);
	udp(&p, THEM, 0xe0000001, 1, 9, "x", 1);
	inject(0, &p);
	udp(&p, 0x0a0000ff, US, 1, 9, "x", 1);
	inject(0, &p);
	n = icmp_data(u, 3, 9, 0, "some junk that is no header", 27);
	ip(&p, THEM, US, IPPROTO_ICMP, u, n);
	inject(0, &p);
	silent(0);
	drop_stack();
}

static void
errors_are_limited(void **state)
{
	struct pkt p;
	unsigned n = 0;

	(void)state;
	fresh_stack(1500);
	tune("icmp_ratelimit", "1000");
	for (int i = 0; i < 100; i++) {
		udp(&p, THEM, US, 1, 9, "x", 1);
		inject(0, &p);
		n += (unsigned)capture(0, &p);
	}
	assert_int_equal(n, 6);
	assert_int_equal(counter("icmp_out_limited"), 94);
	ok_errno(rump_pub_clock_advance(2 * 1000000000ll));
	for (int i = 0; i < 10; i++) {
		udp(&p, THEM, US, 1, 9, "x", 1);
		inject(0, &p);
		n += (unsigned)capture(0, &p);
	}
	assert_int_equal(n, 8);
	/* All together have a limit as well. */
	tune("icmp_ratelimit", "0");
	tune("icmp_msgs_per_sec", "10");
	tune("icmp_msgs_burst", "5");
	n = 0;
	for (unsigned i = 0; i < 100; i++) {
		udp(&p, 0x0a000100 + i, US, 1, 9, "x", 1);
		inject(0, &p);
	}
	while (capture(0, &p))
		n++;
	assert_true(n <= 5);
	drop_stack();
}

/* An error of a type about a datagram from us, quoting it. */
static void
error_about(struct pkt *e, unsigned type, unsigned code, unsigned rest,
    const struct pkt *sent)
{
	unsigned char u[600];
	unsigned n = icmp_data(u, type, code, rest, sent->b,
	    sent->n < 500 ? sent->n : 500);

	ip(e, 0x0a000009, US, IPPROTO_ICMP, u, n);
}

static void
errors_reach_the_socket_they_are_about(void **state)
{
	static const struct {
		unsigned type, code;
		int error;		/* 0: a connected socket hears nothing */
	} kinds[] = {
		{ 3, 0, 0 }, { 3, 1, 0 }, { 3, 2, ENOPROTOOPT },
		{ 3, 3, ECONNREFUSED }, { 3, 6, ENETUNREACH },
		{ 3, 7, EHOSTDOWN }, { 3, 9, ENETUNREACH },
		{ 3, 10, EHOSTUNREACH }, { 3, 13, EHOSTUNREACH },
		{ 3, 16, 0 }, { 11, 0, 0 }, { 12, 0, EPROTO }, { 4, 0, 0 },
		{ 5, 1, 0 }, { 42, 0, 0 },
	};
	struct sockaddr_in to = sin_of(THEM, 9);
	struct pkt sent, e;
	char c;
	int s;

	(void)state;
	fresh_stack(1500);
	s = bound_to(US, PORT);
	assert_int_equal(rump_sys_connect(s, SA(to), sizeof(to)), 0);
	assert_int_equal(rump_sys_send(s, "x", 1, 0), 1);
	assert_true(capture(0, &sent));
	for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		error_about(&e, kinds[i].type, kinds[i].code, 0, &sent);
		inject(0, &e);
		assert_int_equal(take(s, &c, 1), -1);
		assert_int_equal(errno, kinds[i].error != 0 ? kinds[i].error :
		    EAGAIN);
	}
	/* Forged: another's port, another's address, cut short. */
	for (int i = 0; i < 4; i++) {
		struct pkt forged = sent;

		if (i == 0)
			forged.b[21] ^= 1;
		else if (i == 1)
			put32(forged.b + 12, 0x0a000077);
		else if (i == 2)
			forged.n = 27;
		else
			put16(forged.b + 6, 100);
		error_about(&e, 3, 3, 0, &forged);
		inject(0, &e);
		nothing_there(s);
	}
	rump_sys_close(s);
	drop_stack();
}

static int
path_mtu(int s)
{
	socklen_t len = sizeof(int);
	int v;

	assert_int_equal(rump_sys_getsockopt(s, IPPROTO_IP, IP_MTU, &v, &len),
	    0);
	return v;
}

static void
path_mtus_stay_in_bounds(void **state)
{
	static unsigned char big[1400];
	struct sockaddr_in to = sin_of(THEM, 9);
	struct pkt sent, e;
	char c;
	int s;

	(void)state;
	fresh_stack(1500);
	s = bound_to(US, PORT);
	assert_int_equal(rump_sys_connect(s, SA(to), sizeof(to)), 0);
	assert_int_equal(rump_sys_send(s, big, sizeof(big), 0), sizeof(big));
	assert_true(capture(0, &sent));
	/* More than the packet had; then less than is believed. */
	error_about(&e, 3, 4, 1450, &sent);
	inject(0, &e);
	(void)take(s, &c, 1);
	assert_int_equal(path_mtu(s), 1500);
	error_about(&e, 3, 4, 1200, &sent);
	inject(0, &e);
	(void)take(s, &c, 1);
	assert_int_equal(path_mtu(s), 1200);
	error_about(&e, 3, 4, 1300, &sent);
	inject(0, &e);
	(void)take(s, &c, 1);
	assert_int_equal(path_mtu(s), 1200);
	/* A router that does not tell: the next plateau. */
	error_about(&e, 3, 4, 0, &sent);
	inject(0, &e);
	(void)take(s, &c, 1);
	assert_int_equal(path_mtu(s), 1006);
	error_about(&e, 3, 4, 1, &sent);
	inject(0, &e);
	(void)take(s, &c, 1);
	assert_int_equal(path_mtu(s), 552);
	rump_sys_close(s);
	drop_stack();
}

static void
ping_sockets_ask_and_hear(void **state)
{
	unsigned char u[64], in[64];
	struct sockaddr_in to = sin_of(THEM, 0), from;
	socklen_t len = sizeof(from);
	struct pkt p, a;
	unsigned n, id;
	int s, other;

	(void)state;
	fresh_stack(1500);
	s = rump_sys_socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP);
	other = rump_sys_socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP);
	assert_true(s >= 0 && other >= 0);
	n = icmp_data(u, 8, 0, 0xffff0007, "ping", 4);
	assert_int_equal(rump_sys_sendto(s, u, n, 0, SA(to), sizeof(to)), n);
	assert_true(capture(0, &p));
	assert_int_equal(cksum(p.b + 20, p.n - 20), 0);
	assert_int_equal(rump_sys_getsockname(s, SA(from), &len), 0);
	id = ntohs(from.sin_port);
	assert_true(id != 0);
	assert_int_equal(get16(p.b + 24), id);
	assert_int_equal(get16(p.b + 26), 7);
	/* The answer, and one that is not for it. */
	n = icmp_data(u, 0, 0, id << 16 | 7, "ping", 4);
	ip(&a, THEM, US, IPPROTO_ICMP, u, n);
	inject(0, &a);
	n = icmp_data(u, 0, 0, (id ^ 1) << 16 | 7, "ping", 4);
	ip(&a, THEM, US, IPPROTO_ICMP, u, n);
	inject(0, &a);
	assert_int_equal(take(s, in, sizeof(in)), 12);
	assert_memory_equal(in + 8, "ping", 4);
	nothing_there(s);
	nothing_there(other);
	/* What is no echo request is not sent. */
	n = icmp_data(u, 5, 0, 0, "ping", 4);
	assert_int_equal(rump_sys_sendto(s, u, n, 0, SA(to), sizeof(to)), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(rump_sys_sendto(s, u, 7, 0, SA(to), sizeof(to)), -1);
	assert_int_equal(errno, EINVAL);
	/* To itself. */
	to = sin_of(INADDR_LOOPBACK, 0);
	n = icmp_data(u, 8, 0, 8, "loop", 4);
	assert_int_equal(rump_sys_connect(s, SA(to), sizeof(to)), 0);
	assert_int_equal(rump_sys_send(s, u, n, 0), n);
	assert_int_equal(take(s, in, sizeof(in)), n);
	assert_memory_equal(in + 8, "loop", 4);
	assert_int_equal(in[0], 0);
	silent(0);
	rump_sys_close(s);
	rump_sys_close(other);
	drop_stack();
}

static void
groups_are_reported_to_routers(void **state)
{
	unsigned char q[12] = { 0x11, 10 };
	struct ip_mreqn mr = { .imr_ifindex = 2 };
	struct pkt p;
	int s;

	(void)state;
	fresh_stack(1500);
	s = bound_to(0, PORT);
	mr.imr_multiaddr.s_addr = htonl(0xef010203);
	assert_int_equal(rump_sys_setsockopt(s, IPPROTO_IP, IP_ADD_MEMBERSHIP,
	    &mr, sizeof(mr)), 0);
	/* RFC 3376: a change to "everybody but nobody", with router alert. */
	assert_true(capture(0, &p));
	assert_int_equal(p.b[0], 0x46);
	assert_int_equal(p.b[8], 1);
	assert_int_equal(p.b[9], 2);
	assert_int_equal(p.b[20], 148);
	assert_int_equal(get32(p.b + 16), 0xe0000016);
	assert_int_equal(p.b[24], 0x22);
	assert_int_equal(p.b[32], 4);
	assert_int_equal(get32(p.b + 36), 0xef010203);
	assert_int_equal(cksum(p.b + 24, p.n - 24), 0);
	/* Again within a second, then when asked. */
	ok_errno(rump_pub_clock_advance(1000000000ll));
	while (!capture(0, &p))
		continue;
	assert_int_equal(p.b[32], 4);
	put16(q + 2, cksum(q, sizeof(q)));
	ip(&p, THEM, 0xe0000001, 2, q, sizeof(q));
	inject(0, &p);
	silent(0);
	ok_errno(rump_pub_clock_advance(1000000000ll));
	while (!capture(0, &p))
		continue;
	assert_int_equal(p.b[32], 2);
	/* A querier of version 2 is answered in its language. */
	put16(q + 2, 0);
	put16(q + 2, cksum(q, 8));
	ip(&p, THEM, 0xe0000001, 2, q, 8);
	inject(0, &p);
	ok_errno(rump_pub_clock_advance(1000000000ll));
	while (!capture(0, &p))
		continue;
	assert_int_equal(p.b[24], 0x16);
	assert_int_equal(get32(p.b + 16), 0xef010203);
	assert_int_equal(rump_sys_setsockopt(s, IPPROTO_IP,
	    IP_DROP_MEMBERSHIP, &mr, sizeof(mr)), 0);
	assert_true(capture(0, &p));
	assert_int_equal(p.b[24], 0x17);
	assert_int_equal(get32(p.b + 16), 0xe0000002);
	silent(0);
	rump_sys_close(s);
	drop_stack();
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(echoes_are_answered),
		cmocka_unit_test(the_time_is_told),
		cmocka_unit_test(errors_are_sent_about_what_deserves_them),
		cmocka_unit_test(errors_are_limited),
		cmocka_unit_test(errors_reach_the_socket_they_are_about),
		cmocka_unit_test(path_mtus_stay_in_bounds),
		cmocka_unit_test(ping_sockets_ask_and_hear),
		cmocka_unit_test(groups_are_reported_to_routers),
	};

	setenv("RUMP_SEED", "4711", 1);
	setenv("RUMP_CLOCK", "virtual", 1);
	if (rump_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
