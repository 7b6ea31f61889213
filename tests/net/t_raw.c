/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Raw sockets: raw(7).
 *
 * Link: rump-netinet
 */
#include "packet.h"

#include <linux/icmp.h>

static int
raw_socket(int proto)
{
	int s = rump_sys_socket(AF_INET, SOCK_RAW, proto);

	assert_true(s >= 0);
	return s;
}

static void
each_gets_its_protocols_packets(void **state)
{
	int a, b, c, r;
	struct pkt p, x;
	unsigned char in[100];
	struct sockaddr_in from, here = sin_of(0x0a000007, 0);
	socklen_t len = sizeof(from);

	(void)state;
	fresh_stack(1500);
	ok_errno(rumptest_if(1, 0x0a000107, 24, 1500));
	a = raw_socket(200);
	b = raw_socket(200);
	c = raw_socket(201);
	here = sin_of(0x0a000107, 0);
	assert_int_equal(rump_sys_bind(b, SA(here), sizeof(here)), 0);
	ip(&p, THEM, US, 200, "data", 4);
	inject(0, &p);
	r = rump_sys_recvfrom(a, in, sizeof(in), MSG_DONTWAIT, SA(from), &len);
	assert_int_equal(r, p.n);
	assert_memory_equal(in, p.b, p.n);
	assert_int_equal(from.sin_addr.s_addr, htonl(THEM));
	assert_int_equal(from.sin_port, 0);
	nothing_there(b);
	nothing_there(c);
	/* Who takes it keeps ICMP quiet; nobody takes 202. */
	silent(0);
	ip(&p, THEM, US, 202, "data", 4);
	inject(0, &p);
	assert_true(capture(0, &x));
	assert_int_equal(x.b[21], 2);
	/* Connected, it hears its peer. */
	from = sin_of(THEM, 0);
	assert_int_equal(rump_sys_connect(a, SA(from), sizeof(from)), 0);
	ip(&p, THEM + 1, US, 200, "data", 4);
	inject(0, &p);
	nothing_there(a);
	assert_true(capture(0, &x));
	assert_int_equal(x.b[21], 2);
	ip(&p, THEM, US, 200, "data", 4);
	inject(0, &p);
	assert_int_equal(take(a, in, sizeof(in)), p.n);
	/* Without a header of its own. */
	assert_int_equal(rump_sys_send(a, "out", 3, 0), 3);
	assert_true(capture(0, &x));
	assert_int_equal(x.b[9], 200);
	assert_int_equal(x.n, 23);
	assert_int_equal(get32(x.b + 12), US);
	assert_memory_equal(x.b + 20, "out", 3);
	rump_sys_close(a);
	rump_sys_close(b);
	rump_sys_close(c);
	drop_stack();
}

static void
a_header_may_be_the_callers(void **state)
{
	int s, d = raw_socket(IPPROTO_RAW), v = 1;
	struct sockaddr_in to = sin_of(THEM, 0);
	struct pkt p, x;

	(void)state;
	rump_sys_close(d);
	fresh_stack(1500);
	s = raw_socket(IPPROTO_RAW);
	ip(&p, 0, THEM, 77, "data", 4);
	put16(p.b + 2, 0);
	put16(p.b + 4, 0);
	put16(p.b + 10, 0xdead);
	assert_int_equal(rump_sys_sendto(s, p.b, p.n, 0, SA(to), sizeof(to)),
	    p.n);
	/* Length, sum, source and identification are filled in. */
	assert_true(capture(0, &x));
	assert_int_equal(get32(x.b + 12), US);
	assert_int_not_equal(get16(x.b + 4), 0);
	assert_int_equal(x.b[9], 77);
	/* Any source will do. */
	ip(&p, 0x01020304, THEM, 77, "data", 4);
	assert_int_equal(rump_sys_sendto(s, p.b, p.n, 0, SA(to), sizeof(to)),
	    p.n);
	assert_true(capture(0, &x));
	assert_int_equal(get32(x.b + 12), 0x01020304);
	/* Not: too short, lying about itself, too long for the link. */
	assert_int_equal(rump_sys_sendto(s, p.b, 19, 0, SA(to), sizeof(to)),
	    -1);
	assert_int_equal(errno, EINVAL);
	p.b[0] = 0x4f;
	assert_int_equal(rump_sys_sendto(s, p.b, p.n, 0, SA(to), sizeof(to)),
	    -1);
	assert_int_equal(errno, EINVAL);
	p.b[0] = 0x45;
	assert_int_equal(rump_sys_sendto(s, p.b, 1501, 0, SA(to), sizeof(to)),
	    -1);
	assert_int_equal(errno, EMSGSIZE);
	silent(0);
	rump_sys_close(s);
	/* It is an option of other raw sockets, of no others. */
	s = raw_socket(200);
	set_opt(s, IPPROTO_IP, IP_HDRINCL, 1);
	rump_sys_close(s);
	s = bound_to(US, 0);
	assert_int_equal(rump_sys_setsockopt(s, IPPROTO_IP, IP_HDRINCL, &v,
	    sizeof(v)), -1);
	assert_int_equal(errno, ENOPROTOOPT);
	rump_sys_close(s);
	drop_stack();
}

static void
icmp_types_can_be_filtered(void **state)
{
	struct icmp_filter f = { .data = ~(1u << 0) };
	unsigned char u[16], in[100];
	struct pkt p;
	int s, other;

	(void)state;
	fresh_stack(1500);
	s = raw_socket(IPPROTO_ICMP);
	other = raw_socket(200);
	assert_int_equal(rump_sys_setsockopt(other, SOL_RAW, ICMP_FILTER, &f,
	    sizeof(f)), -1);
	assert_int_equal(errno, EOPNOTSUPP);
	assert_int_equal(rump_sys_setsockopt(s, SOL_RAW, ICMP_FILTER, &f,
	    sizeof(f)), 0);
	ip(&p, THEM, US, IPPROTO_ICMP, u, icmp_data(u, 13, 0, 0, "x", 1));
	inject(0, &p);
	nothing_there(s);
	ip(&p, THEM, US, IPPROTO_ICMP, u, icmp_data(u, 0, 0, 0, "x", 1));
	inject(0, &p);
	assert_int_equal(take(s, in, sizeof(in)), p.n);
	rump_sys_close(s);
	rump_sys_close(other);
	drop_stack();
}

static void
wrong_protocols_are_refused(void **state)
{
	(void)state;
	assert_int_equal(rump_sys_socket(AF_INET, SOCK_RAW, 0), -1);
	assert_int_equal(errno, EPROTONOSUPPORT);
	assert_int_equal(rump_sys_socket(AF_INET, SOCK_RAW, 256), -1);
	assert_int_equal(errno, EINVAL);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_gets_its_protocols_packets),
		cmocka_unit_test(a_header_may_be_the_callers),
		cmocka_unit_test(icmp_types_can_be_filtered),
		cmocka_unit_test(wrong_protocols_are_refused),
	};

	setenv("RUMP_SEED", "4711", 1);
	if (rump_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
