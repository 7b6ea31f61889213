/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * UDP under mutated datagrams, and its sockets under options and control
 * messages of any kind.
 *
 * Link: rump-netinet
 */
#include "fuzz.h"

static void
mutated_datagrams_do_no_harm(void **state)
{
	static struct pkt p;
	static unsigned char data[200];
	unsigned rounds = fuzz_begin();
	int s, many;
	char c;

	(void)state;
	fresh_stack(1500);
	s = bound_to(US, 5000);
	many = bound_to(0, 5001);
	set_opt(s, IPPROTO_UDP, 104, 1);
	for (unsigned i = 0; i < rounds; i++) {
		udp(&p, THEM, rnd(8) == 0 ? 0x0a0000ff : US, rnd(65536),
		    5000 + rnd(3), data, rnd(sizeof(data)));
		mutate(&p, 20);
		if (rnd(4) == 0)
			put16(p.b + 24, rnd(300));
		if (p.n >= 20) {
			put16(p.b + 2, p.n);
			resum(&p);
		}
		throw_at(&p);
		if (i % 16 == 0) {
			drain();
			while (take(s, &c, 1) >= 0 || take(many, &c, 1) >= 0)
				continue;
		}
	}
	udp(&p, THEM, US, 1, 5000, "x", 1);
	inject(0, &p);
	assert_int_equal(take(s, &c, 1), 1);
	rump_sys_close(s);
	rump_sys_close(many);
	drop_stack();
}

static void
any_option_does_no_harm(void **state)
{
	static const int levels[] = { IPPROTO_IP, IPPROTO_IP, IPPROTO_UDP,
		SOL_RAW };
	unsigned rounds = fuzz_begin();
	unsigned char v[300], out[300];
	struct sockaddr_in to = sin_of(THEM, 9);
	struct iovec iov = { v, 10 };
	int s[3];

	(void)state;
	fresh_stack(1500);
	s[0] = bound_to(0, 5000);
	s[1] = rump_sys_socket(AF_INET, SOCK_RAW, 200);
	s[2] = rump_sys_socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP);
	for (unsigned i = 0; i < rounds; i++) {
		int fd = s[rnd(3)], level = levels[rnd(4)];
		int name = (int)rnd(rnd(8) == 0 ? 200 : 60);
		socklen_t len = rnd(2) != 0 ? 4 * rnd(5) : rnd(sizeof(v));
		struct msghdr mh = { .msg_name = &to,
			.msg_namelen = sizeof(to), .msg_iov = &iov,
			.msg_iovlen = 1, .msg_control = out };
		struct cmsghdr cm;

		for (unsigned k = 0; k < sizeof(v); k++)
			v[k] = (unsigned char)(rnd(4) == 0 ? rnd(256) :
			    rnd(3));
		if (rnd(4) == 0)
			put32(v, 0xef000001 + rnd(4));
		(void)rump_sys_setsockopt(fd, level, name, v, len);
		len = rnd(sizeof(out));
		(void)rump_sys_getsockopt(fd, level, name, out, &len);
		cm.cmsg_level = level;
		cm.cmsg_type = name;
		cm.cmsg_len = rnd(8) == 0 ? rnd(100) : CMSG_LEN(rnd(24));
		memcpy(out, &cm, sizeof(cm));
		memcpy(out + sizeof(cm), v, 64);
		mh.msg_controllen = rnd(8) == 0 ? rnd(200) : 64;
		(void)rump_sys_sendmsg(fd, &mh, MSG_DONTWAIT);
		if (i % 16 == 0) {
			drain();
			while (take(fd, v, 1) >= 0)
				continue;
		}
	}
	for (int i = 0; i < 3; i++)
		rump_sys_close(s[i]);
	drop_stack();
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(mutated_datagrams_do_no_harm),
		cmocka_unit_test(any_option_does_no_harm),
	};

	setenv("RUMP_SEED", "1", 1);
	setenv("RUMP_CLOCK", "virtual", 1);
	if (rump_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
