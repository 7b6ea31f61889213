/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * IPv4 with hand-made packets: what is refused (RFC 791, RFC 1122 3.2.1),
 * fragments, options, forwarding, path MTUs.
 *
 * Link: rump-netinet
 */
#include "packet.h"

#include <netinet/udp.h>

#define PORT 5000

static void
a_packet_in_any_pieces_arrives(void **state)
{
	struct pkt p;
	char buf[200], out[100];
	int s;

	(void)state;
	fresh_stack(1500);
	s = bound_to(US, PORT);
	memset(out, 'x', sizeof(out));
	udp(&p, THEM, US, 1, PORT, out, sizeof(out));
	for (unsigned piece = 1; piece < 130; piece++) {
		rumptest_inject(0, p.b, p.n, piece);
		assert_int_equal(take(s, buf, sizeof(buf)), sizeof(out));
		assert_memory_equal(buf, out, sizeof(out));
	}
	/* What the link added at the end is cut off. */
	p.n += 18;
	inject(0, &p);
	assert_int_equal(take(s, buf, sizeof(buf)), sizeof(out));
	rump_sys_close(s);
	drop_stack();
}

static void
damaged_headers_are_refused(void **state)
{
	static const struct {
		unsigned at, value;
		int sum;		/* made right again */
	} bad[] = {
		{ 0, 0x55, 1 }, { 0, 0x44, 1 }, { 0, 0x40, 1 }, { 0, 0x4f, 0 },
		{ 10, 0x99, 0 }, { 2, 0xff, 1 }, { 3, 19, 1 }, { 3, 0, 1 },
		{ 8, 0x3f, 0 }, { 12, 0xe0, 1 }, { 12, 0x7f, 1 },
		{ 12, 0xf0, 1 }, { 16, 0x7f, 1 }, { 16, 0xf5, 1 },
	};
	struct pkt p;
	char c;
	int s;

	(void)state;
	fresh_stack(1500);
	s = bound_to(0, PORT);
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		udp(&p, THEM, US, 1, PORT, "x", 1);
		p.b[bad[i].at] = (unsigned char)bad[i].value;
		if (bad[i].sum)
			resum(&p);
		inject(0, &p);
		nothing_there(s);
		silent(0);
	}
	for (unsigned n = 0; n < 20; n++) {
		udp(&p, THEM, US, 1, PORT, "x", 1);
		rumptest_inject(0, p.b, n, 0);
	}
	/* From everybody, from nobody, from ourselves; to nobody. */
	udp(&p, 0xffffffff, US, 1, PORT, "x", 1);
	inject(0, &p);
	udp(&p, 0, US, 1, PORT, "x", 1);
	inject(0, &p);
	udp(&p, US, US, 1, PORT, "x", 1);
	inject(0, &p);
	udp(&p, THEM, 0, 1, PORT, "x", 1);
	inject(0, &p);
	nothing_there(s);
	silent(0);
	/* Who has no address yet may ask everybody. */
	udp(&p, 0, 0xffffffff, 1, PORT, "x", 1);
	inject(0, &p);
	assert_int_equal(take(s, &c, 1), 1);
	udp(&p, THEM, US, 1, PORT, "x", 1);
	inject(0, &p);
	assert_int_equal(take(s, &c, 1), 1);
	rump_sys_close(s);
	drop_stack();
}

/* ---- Fragments ---------------------------------------------------------------- */

/* Bytes off to off + n of a datagram of 8 + 1000 bytes. */
static void
fragment(struct pkt *f, const struct pkt *whole, unsigned off, unsigned n,
    int more)
{
	ip(f, get32(whole->b + 12), get32(whole->b + 16), whole->b[9],
	    whole->b + 20 + off, n);
	memcpy(f->b + 4, whole->b + 4, 2);
	put16(f->b + 6, off / 8 | (more ? IP_MF_ : 0));
	f->b[1] = whole->b[1];
	resum(f);
}

static unsigned char body[1000];

static void
arrived(int s)
{
	unsigned char buf[2000];

	assert_int_equal(take(s, buf, sizeof(buf)), sizeof(body));
	assert_memory_equal(buf, body, sizeof(body));
}

static void
fragments_in_every_order_make_the_whole(void **state)
{
	static const unsigned cut[5] = { 0, 248, 496, 800, 1008 };
	struct pkt p, f[4];
	int s;

	(void)state;
	fresh_stack(1500);
	s = bound_to(US, PORT);
	udp(&p, THEM, US, 1, PORT, body, sizeof(body));
	for (int i = 0; i < 4; i++)
		fragment(&f[i], &p, cut[i], cut[i + 1] - cut[i], i < 3);
	for (int o = 0; o < 256; o++) {
		int order[4] = { o & 3, o >> 2 & 3, o >> 4 & 3, o >> 6 & 3 };
		int seen = 0;

		for (int i = 0; i < 4; i++)
			seen |= 1 << order[i];
		if (seen != 15)
			continue;
		for (int i = 0; i < 4; i++) {
			nothing_there(s);
			rumptest_inject(0, f[order[i]].b, f[order[i]].n,
			    (unsigned)o % 70);
			/* Twice is as good as once. */
			if (i == 1)
				inject(0, &f[order[i]]);
		}
		arrived(s);
		assert_int_equal(counter("ip_reasm_bytes"), 0);
	}
	rump_sys_close(s);
	drop_stack();
}

static void
lying_fragments_are_dropped_with_the_rest(void **state)
{
	/* Two fragments each: of those, whatever comes after, nothing is made. */
	static const struct {
		unsigned off1, n1, more1, off2, n2, more2;
	} lies[] = {
		{ 0, 248, 1, 240, 768, 0 },	/* overlaps at the end */
		{ 248, 760, 0, 0, 256, 1 },	/* at the start */
		{ 0, 248, 1, 0, 240, 1 },	/* inside */
		{ 8, 240, 1, 0, 256, 1 },	/* around */
		{ 504, 504, 0, 504, 496, 0 },	/* another end */
		{ 504, 504, 0, 1008, 8, 1 },	/* beyond the end */
		{ 504, 504, 1, 400, 104, 0 },	/* an end before the last */
	};
	struct pkt p, f;
	int s;

	(void)state;
	fresh_stack(1500);
	s = bound_to(US, PORT);
	for (unsigned i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		udp(&p, THEM, US, 1, PORT, body, sizeof(body));
		memset(p.b + p.n, 0, 100);
		fragment(&f, &p, lies[i].off1, lies[i].n1, (int)lies[i].more1);
		inject(0, &f);
		assert_true(counter("ip_reasm_bytes") > 0);
		fragment(&f, &p, lies[i].off2, lies[i].n2, (int)lies[i].more2);
		inject(0, &f);
		assert_int_equal(counter("ip_reasm_bytes"), 0);
		assert_int_equal(counter("ip_reasm_overlaps"), i + 1);
	}
	/* Not whole units; too long a packet; nothing in it. */
	udp(&p, THEM, US, 1, PORT, body, sizeof(body));
	fragment(&f, &p, 0, 244, 1);
	inject(0, &f);
	fragment(&f, &p, 0, 248, 0);
	put16(f.b + 6, 0x1fff);
	resum(&f);
	inject(0, &f);
	fragment(&f, &p, 0, 0, 1);
	inject(0, &f);
	assert_int_equal(counter("ip_reasm_bytes"), 0);
	nothing_there(s);
	silent(0);
	rump_sys_close(s);
	drop_stack();
}

static void
fragments_wait_for_a_time(void **state)
{
	struct pkt p, f;
	int s;

	(void)state;
	fresh_stack(1500);
	s = bound_to(US, PORT);
	udp(&p, THEM, US, 1, PORT, body, sizeof(body));
	fragment(&f, &p, 0, 504, 1);
	inject(0, &f);
	/* Without the first nobody is told. */
	put16(p.b + 4, 99);
	fragment(&f, &p, 504, 504, 0);
	inject(0, &f);
	ok_errno(rump_pub_clock_advance(29 * 1000000000ll));
	silent(0);
	assert_true(counter("ip_reasm_bytes") > 0);
	ok_errno(rump_pub_clock_advance(2 * 1000000000ll));
	while (counter("ip_reasm_timeout") < 2)
		continue;
	while (!capture(0, &p))
		continue;
	assert_int_equal(p.b[9], IPPROTO_ICMP);
	assert_int_equal(p.b[20], 11);
	assert_int_equal(p.b[21], 1);
	silent(0);
	assert_int_equal(counter("ip_reasm_bytes"), 0);
	rump_sys_close(s);
	drop_stack();
}

static void
floods_of_fragments_are_bounded(void **state)
{
	struct pkt p, f;
	unsigned long most = 0, n;
	unsigned char zero[8] = { 0 };

	(void)state;
	fresh_stack(1500);
	/* One source has so many packets. */
	udp(&p, THEM, US, 1, PORT, body, sizeof(body));
	for (unsigned i = 0; i < 1000; i++) {
		put16(p.b + 4, i);
		fragment(&f, &p, 0, 504, 1);
		inject(0, &f);
	}
	n = counter("ip_reasm_bytes");
	assert_true(n > 0 && n <= 64 * 4096);
	/* All together have so many bytes. */
	tune("ipfrag_high_thresh", "100k");
	for (unsigned i = 0; i < 5000; i++) {
		udp(&p, 0x0b000000 + i * 7919, US, 1, PORT, body,
		    sizeof(body));
		fragment(&f, &p, 0, 504, 1);
		inject(0, &f);
		n = counter("ip_reasm_bytes");
		most = n > most ? n : most;
	}
	assert_true(most <= 100 << 10);
	/* A packet of crumbs. */
	tune("ipfrag_high_thresh", "16m");
	for (unsigned i = 0; i < 4000; i++) {
		ip(&f, 0x0c000001, US, 17, zero, 8);
		put16(f.b + 6, (i * 2) % 8000 | IP_MF_);
		resum(&f);
		inject(0, &f);
	}
	assert_true(counter("ip_reasm_bytes") < 4 << 20);
	drop_stack();
	/* Nothing of it stays behind with the stack (the leak checkers look). */
}

static void
congestion_marks_are_combined(void **state)
{
	/* The parts' code points, what the whole has; -1: it is dropped. */
	static const int ecn[][3] = {
		{ 0, 0, 0 }, { 1, 1, 1 }, { 2, 2, 2 }, { 3, 3, 3 },
		{ 2, 3, 3 }, { 3, 1, 3 }, { 1, 2, 2 }, { 0, 3, -1 },
		{ 3, 0, -1 }, { 0, 2, -1 },
	};
	char data[2000], control[64];
	struct iovec iov = { data, sizeof(data) };
	struct pkt p, f;
	int s;

	(void)state;
	fresh_stack(1500);
	s = bound_to(US, PORT);
	set_opt(s, IPPROTO_IP, IP_RECVTOS, 1);
	for (unsigned i = 0; i < sizeof(ecn) / sizeof(ecn[0]); i++) {
		struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1,
			.msg_control = control,
			.msg_controllen = sizeof(control) };

		udp(&p, THEM, US, 1, PORT, body, sizeof(body));
		p.b[1] = (unsigned char)ecn[i][0];
		fragment(&f, &p, 0, 504, 1);
		inject(0, &f);
		p.b[1] = (unsigned char)ecn[i][1];
		fragment(&f, &p, 504, 504, 0);
		inject(0, &f);
		if (ecn[i][2] < 0) {
			nothing_there(s);
			continue;
		}
		assert_int_equal(rump_sys_recvmsg(s, &mh, MSG_DONTWAIT),
		    sizeof(body));
		assert_int_equal(*CMSG_DATA(CMSG_FIRSTHDR(&mh)), ecn[i][2]);
	}
	rump_sys_close(s);
	drop_stack();
}

/* ---- Options -------------------------------------------------------------------- */

static void
malformed_options_are_answered(void **state)
{
	static const struct {
		unsigned char o[8];
		unsigned pointer;
	} bad[] = {
		{ { 7, 0, 4, 0 }, 21 }, { { 7, 1, 4, 0 }, 21 },
		{ { 7, 9, 4, 0 }, 21 }, { { 7, 7, 3, 0, 0, 0, 0, 0 }, 22 },
		{ { 7, 7, 5, 0, 0, 0, 0, 0 }, 22 }, { { 1, 1, 1, 7 }, 23 },
		{ { 68, 8, 4, 0 }, 22 }, { { 68, 8, 5, 2 }, 22 },
		{ { 7, 3, 4, 7, 3, 4, 0, 0 }, 25 }, { { 68, 3, 5, 0 }, 22 },
	};
	struct pkt p, a;
	char c;
	int s;

	(void)state;
	fresh_stack(1500);
	s = bound_to(US, PORT);
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		unsigned char u[16];
		unsigned n = udp_data(u, 1, PORT, "x", 1);
		unsigned len = i < 3 || i == 5 || i > 8 ? 4 : 8;

		ip_opts(&p, THEM, US, IPPROTO_UDP, bad[i].o, len, u, n);
		inject(0, &p);
		nothing_there(s);
		assert_true(capture(0, &a));
		assert_int_equal(a.b[20], 12);
		assert_int_equal(a.b[24], bad[i].pointer);
	}
	/* A source route is not followed; what nobody knows is no harm. */
	{
		unsigned char u[16], lsrr[8] = { 131, 7, 4, 10, 0, 0, 9, 0 };
		unsigned char odd[8] = { 99, 4, 1, 2, 1, 1, 0, 77 };
		unsigned n = udp_data(u, 1, PORT, "x", 1);

		ip_opts(&p, THEM, US, IPPROTO_UDP, lsrr, 8, u, n);
		inject(0, &p);
		nothing_there(s);
		assert_true(capture(0, &a));
		assert_int_equal(a.b[20], 3);
		assert_int_equal(a.b[21], 5);
		ip_opts(&p, THEM, US, IPPROTO_UDP, odd, 8, u, n);
		inject(0, &p);
		assert_int_equal(take(s, &c, 1), 1);
	}
	silent(0);
	rump_sys_close(s);
	drop_stack();
}

static void
routes_are_recorded_in_echoes(void **state)
{
	unsigned char u[16], rr[12] = { 7, 11, 4 }, ts[12] = { 68, 12, 5, 1 };
	unsigned n = icmp_data(u, 8, 0, 0x00010001, "ping", 4);
	struct pkt p, a;

	(void)state;
	fresh_stack(1500);
	ip_opts(&p, THEM, US, IPPROTO_ICMP, rr, sizeof(rr), u, n);
	inject(0, &p);
	assert_true(capture(0, &a));
	assert_int_equal(a.b[0], 0x48);
	assert_int_equal(a.b[20], 7);
	assert_int_equal(a.b[22], 8);
	assert_int_equal(get32(a.b + 23), US);
	assert_int_equal(a.b[32], 0);
	ip_opts(&p, THEM, US, IPPROTO_ICMP, ts, sizeof(ts), u, n);
	inject(0, &p);
	assert_true(capture(0, &a));
	assert_int_equal(a.b[20], 68);
	assert_int_equal(a.b[22], 13);
	assert_int_equal(get32(a.b + 24), US);
	drop_stack();
}

static void
a_sockets_options_go_with_its_packets(void **state)
{
	unsigned char rr[7] = { 7, 7, 4 }, back[40];
	struct sockaddr_in to = sin_of(THEM, 9);
	socklen_t len = sizeof(back);
	struct pkt p;
	int s;

	(void)state;
	fresh_stack(600);
	s = bound_to(US, PORT);
	assert_int_equal(rump_sys_setsockopt(s, IPPROTO_IP, IP_OPTIONS, rr,
	    sizeof(rr)), 0);
	assert_int_equal(rump_sys_getsockopt(s, IPPROTO_IP, IP_OPTIONS, back,
	    &len), 0);
	assert_int_equal(len, 8);
	assert_int_equal(rump_sys_sendto(s, body, sizeof(body), 0, SA(to),
	    sizeof(to)), sizeof(body));
	assert_true(capture(0, &p));
	assert_int_equal(p.b[0], 0x47);
	assert_memory_equal(p.b + 20, rr, 3);
	assert_true((get16(p.b + 6) & IP_MF_) != 0);
	/* It is of the first fragment only. */
	assert_true(capture(0, &p));
	assert_int_equal(p.b[0], 0x45);
	assert_int_equal(get16(p.b + 6) & 0x1fff, 568 / 8);
	silent(0);
	rump_sys_close(s);
	drop_stack();
}

/* ---- Routers -------------------------------------------------------------------- */

static struct lwp *stacks[3];

/* 10.0.0.1 - 10.0.0.2 | 10.0.1.2 - 10.0.1.3: interfaces 0-1, 2-3. */
static void
three_stacks(void)
{
	for (int i = 0; i < 3; i++) {
		ok_errno(rump_pub_lwproc_rfork(RUMP_RFCFDG));
		ok_errno(rumptest_vnet_enter());
		stacks[i] = rump_pub_lwproc_curlwp();
		tune("icmp_ratelimit", "0");
		if (i == 0) {
			ok_errno(rumptest_if(0, 0x0a000001, 24, 1500));
			ok_errno(rumptest_route(0, 0, 0x0a000002, 0));
		} else if (i == 1) {
			ok_errno(rumptest_if(1, 0x0a000002, 24, 1500));
			ok_errno(rumptest_if(2, 0x0a000102, 24, 1500));
		} else {
			ok_errno(rumptest_if(3, 0x0a000103, 24, 1500));
			ok_errno(rumptest_route(0, 0, 0x0a000102, 3));
		}
	}
	rumptest_wire(0, 1);
	rumptest_wire(2, 3);
}

static void
on(int i)
{
	ok_errno(rump_pub_lwproc_switch(stacks[i]));
}

static void
three_end(void)
{
	for (int i = 0; i < 3; i++) {
		on(i);
		rump_pub_lwproc_releaselwp();
	}
}

static void
a_router_forwards_when_told_to(void **state)
{
	struct sockaddr_in to = sin_of(0x0a000103, PORT);
	char buf[2000];
	int s, r, v = 1;

	(void)state;
	three_stacks();
	on(2);
	r = bound_to(0, PORT);
	set_opt(r, IPPROTO_IP, IP_RECVTTL, 1);
	on(0);
	s = bound_to(0, 0);
	set_opt(s, IPPROTO_IP, IP_RECVERR, 1);
	assert_int_equal(rump_sys_sendto(s, "x", 1, 0, SA(to), sizeof(to)), 1);
	on(2);
	nothing_there(r);
	on(1);
	tune("ip_forward", "1");
	on(0);
	assert_int_equal(rump_sys_sendto(s, "x", 1, 0, SA(to), sizeof(to)), 1);
	/* A packet that stands for many goes as one. */
	set_opt(s, IPPROTO_UDP, UDP_SEGMENT, 1000);
	assert_int_equal(rump_sys_sendto(s, buf, 2000, 0, SA(to), sizeof(to)),
	    2000);
	set_opt(s, IPPROTO_UDP, UDP_SEGMENT, 0);
	on(1);
	assert_int_equal(counter("ip_forw_datagrams"), 2);
	on(2);
	assert_int_equal(take(r, buf, sizeof(buf)), 1);
	assert_int_equal(take(r, buf, sizeof(buf)), 1000);
	assert_int_equal(take(r, buf, sizeof(buf)), 1000);
	/* One hop is not enough. */
	on(0);
	assert_int_equal(rump_sys_setsockopt(s, IPPROTO_IP, IP_TTL, &v,
	    sizeof(v)), 0);
	assert_int_equal(rump_sys_sendto(s, "x", 1, 0, SA(to), sizeof(to)), 1);
	assert_int_equal(take(s, buf, 1), -1);
	assert_int_equal(errno, EHOSTUNREACH);
	/* Nor is a network that nobody knows. */
	set_opt(s, IPPROTO_IP, IP_TTL, 64);
	to = sin_of(0xc0000201, PORT);
	assert_int_equal(rump_sys_sendto(s, "x", 1, 0, SA(to), sizeof(to)), 1);
	assert_int_equal(take(s, buf, 1), -1);
	assert_int_equal(errno, ENETUNREACH);
	three_end();
}

static void
a_narrow_path_is_learned(void **state)
{
	struct sockaddr_in to = sin_of(0x0a000103, PORT);
	char buf[2000] = { 0 };
	socklen_t len;
	int s, r, v;

	(void)state;
	three_stacks();
	on(1);
	tune("ip_forward", "1");
	ok_errno(rumptest_mtu(2, 1000));
	on(2);
	r = bound_to(0, PORT);
	on(0);
	s = bound_to(0, 0);
	assert_int_equal(rump_sys_connect(s, SA(to), sizeof(to)), 0);
	len = sizeof(v);
	assert_int_equal(rump_sys_getsockopt(s, IPPROTO_IP, IP_MTU, &v, &len),
	    0);
	assert_int_equal(v, 1500);
	/* The first is lost, and tells. */
	assert_int_equal(rump_sys_send(s, buf, 1400, 0), 1400);
	assert_int_equal(take(s, buf, 1), -1);
	assert_int_equal(errno, EMSGSIZE);
	len = sizeof(v);
	assert_int_equal(rump_sys_getsockopt(s, IPPROTO_IP, IP_MTU, &v, &len),
	    0);
	assert_int_equal(v, 1000);
	/* The second goes in pieces; the third may not. */
	assert_int_equal(rump_sys_send(s, buf, 1400, 0), 1400);
	on(2);
	assert_int_equal(take(r, buf, sizeof(buf)), 1400);
	on(0);
	set_opt(s, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO);
	assert_int_equal(rump_sys_send(s, buf, 1400, 0), -1);
	assert_int_equal(errno, EMSGSIZE);
	assert_int_equal(rump_sys_send(s, buf, 972, 0), 972);
	/* Who does not ask for DF has the router cut it. */
	set_opt(s, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_OMIT);
	assert_int_equal(rump_sys_send(s, buf, 1400, 0), 1400);
	on(1);
	assert_int_equal(counter("ip_frag_oks"), 1);
	on(2);
	assert_int_equal(take(r, buf, sizeof(buf)), 972);
	assert_int_equal(take(r, buf, sizeof(buf)), 1400);
	/* It is forgotten in time. */
	on(0);
	ok_errno(rump_pub_clock_advance(601 * 1000000000ll));
	len = sizeof(v);
	set_opt(s, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_WANT);
	assert_int_equal(rump_sys_getsockopt(s, IPPROTO_IP, IP_MTU, &v, &len),
	    0);
	assert_int_equal(v, 1500);
	three_end();
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_packet_in_any_pieces_arrives),
		cmocka_unit_test(damaged_headers_are_refused),
		cmocka_unit_test(fragments_in_every_order_make_the_whole),
		cmocka_unit_test(lying_fragments_are_dropped_with_the_rest),
		cmocka_unit_test(fragments_wait_for_a_time),
		cmocka_unit_test(floods_of_fragments_are_bounded),
		cmocka_unit_test(congestion_marks_are_combined),
		cmocka_unit_test(malformed_options_are_answered),
		cmocka_unit_test(routes_are_recorded_in_echoes),
		cmocka_unit_test(a_sockets_options_go_with_its_packets),
		cmocka_unit_test(a_router_forwards_when_told_to),
		cmocka_unit_test(a_narrow_path_is_learned),
	};

	setenv("RUMP_SEED", "4711", 1);
	setenv("RUMP_CLOCK", "virtual", 1);
	for (unsigned i = 0; i < sizeof(body); i++)
		body[i] = (unsigned char)(i * 31);
	if (rump_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
