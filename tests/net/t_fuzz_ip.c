/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * IPv4 under mutated packets: headers, options, fragments; to us and to others.
 *
 * Link: rump-netinet
 */
#include "fuzz.h"

static void
one(struct pkt *p)
{
	static const unsigned char kinds[] = { 0, 1, 7, 68, 131, 137, 148, 99 };
	static unsigned char data[3000];
	unsigned char opts[40];
	unsigned optlen = rnd(3) == 0 ? rnd(11) * 4 : 0;

	for (unsigned i = 0; i < optlen; i++)
		opts[i] = (unsigned char)(i % 3 == 0 ? kinds[rnd(8)] :
		    rnd(3) == 0 ? rnd(256) : rnd(12));
	ip_opts(p, rnd(8) == 0 ? US : THEM + rnd(4), rnd(4) == 0 ?
	    0x0a000100 + rnd(256) : US, rnd(4) == 0 ? rnd(256) :
	    (unsigned)(rnd(2) != 0 ? IPPROTO_UDP : IPPROTO_ICMP), opts,
	    optlen, data, rnd(8) == 0 ? rnd(3000) : rnd(100));
	put16(p->b + 4, rnd(16));
	if (rnd(2) == 0)
		put16(p->b + 6, rnd(4) == 0 ? rnd(65536) :
		    rnd(20) | (rnd(2) != 0 ? IP_MF_ : 0));
	p->b[8] = (unsigned char)rnd(4);
	if (rnd(3) == 0)
		mutate(p, 0);
	if (p->n >= 20 && (p->b[0] & 15u) * 4 <= p->n && rnd(8) != 0) {
		if (rnd(2) == 0)
			put16(p->b + 2, p->n);
		resum(p);
	}
}

static void
mutated_packets_do_no_harm(void **state)
{
	static struct pkt p;
	unsigned rounds = fuzz_begin();
	char c;
	int s;

	(void)state;
	fresh_stack(576);
	ok_errno(rumptest_if(1, 0x0a000101, 24, 300));
	tune("ip_forward", "1");
	tune("icmp_echo_ignore_broadcasts", "0");
	tune("ipfrag_high_thresh", "256k");
	s = bound_to(US, 5000);
	for (unsigned i = 0; i < rounds; i++) {
		one(&p);
		throw_at(&p);
		if (i % 16 == 0) {
			drain();
			while (rumptest_capture(1, p.b, sizeof(p.b)) >= 0)
				continue;
		}
		if (i % 1024 == 0)
			assert_true(counter("ip_reasm_bytes") <= 256 << 10);
	}
	while (take(s, &c, 1) >= 0)
		continue;
	udp(&p, THEM, US, 1, 5000, "x", 1);
	inject(0, &p);
	assert_int_equal(take(s, &c, 1), 1);
	rump_sys_close(s);
	drop_stack();
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(mutated_packets_do_no_harm),
	};

	setenv("RUMP_SEED", "1", 1);
	setenv("RUMP_CLOCK", "virtual", 1);
	if (rump_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
