/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ICMP and IGMP under mutated messages: queries, and errors that quote something
 * like what was sent.
 *
 * Link: rump-netinet
 */
#include "fuzz.h"

static void
one(struct pkt *p, const struct pkt *sent)
{
	static const unsigned char types[] = { 0, 3, 4, 5, 8, 11, 12, 13, 14,
		17, 3, 3, 3, 0x11, 0x22, 0x16 };
	static struct pkt quoted;
	unsigned char u[1000];
	unsigned n, proto = rnd(8) == 0 ? IPPROTO_IGMP : IPPROTO_ICMP;

	quoted = *sent;
	if (rnd(2) == 0)
		mutate(&quoted, 0);
	if (rnd(4) == 0)
		quoted.n = rnd(60);
	n = icmp_data(u, types[rnd(sizeof(types))], rnd(18), rnd(4) == 0 ?
	    rnd(2000) : rnd(1u << 31), quoted.b, quoted.n);
	if (rnd(8) == 0)
		n = rnd(n + 1);
	if (rnd(4) == 0) {
		u[rnd(8)] ^= (unsigned char)(1u << rnd(8));
		put16(u + 2, 0);
		put16(u + 2, cksum(u, n));
	}
	ip(p, THEM, rnd(8) == 0 ? 0xe0000001 : US, proto, u, n);
	if (rnd(16) == 0)
		mutate(p, 20);
}

static void
mutated_messages_do_no_harm(void **state)
{
	static struct pkt p, sent;
	static unsigned char big[500];
	struct sockaddr_in to = sin_of(THEM, 9);
	unsigned rounds = fuzz_begin();
	struct ip_mreqn mr = { .imr_ifindex = 2 };
	unsigned char u[16];
	char c;
	int s, raw, e;
	socklen_t len = sizeof(e);

	(void)state;
	fresh_stack(1500);
	s = bound_to(US, 5000);
	raw = rump_sys_socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
	assert_true(raw >= 0);
	set_opt(s, IPPROTO_IP, IP_RECVERR, 1);
	mr.imr_multiaddr.s_addr = htonl(0xef010203);
	assert_int_equal(rump_sys_setsockopt(s, IPPROTO_IP, IP_ADD_MEMBERSHIP,
	    &mr, sizeof(mr)), 0);
	drain();
	assert_int_equal(rump_sys_connect(s, SA(to), sizeof(to)), 0);
	assert_int_equal(rump_sys_send(s, big, sizeof(big), 0), sizeof(big));
	assert_true(capture(0, &sent));
	for (unsigned i = 0; i < rounds; i++) {
		one(&p, &sent);
		throw_at(&p);
		if (i % 16 == 0) {
			drain();
			while (rump_sys_recvfrom(s, &c, 1, MSG_DONTWAIT |
			    MSG_ERRQUEUE, NULL, NULL) >= 0)
				continue;
			while (take(raw, &c, 1) >= 0)
				continue;
			(void)rump_sys_getsockopt(s, SOL_SOCKET, SO_ERROR, &e,
			    &len);
		}
	}
	drain();
	ip(&p, THEM, US, IPPROTO_ICMP, u, icmp_data(u, 8, 0, 1, "x", 1));
	inject(0, &p);
	assert_true(capture(0, &p));
	rump_sys_close(s);
	rump_sys_close(raw);
	drop_stack();
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(mutated_messages_do_no_harm),
	};

	setenv("RUMP_SEED", "1", 1);
	setenv("RUMP_CLOCK", "virtual", 1);
	if (rump_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
