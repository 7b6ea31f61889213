/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Requests of rtnetlink, damaged at random: none hurts the kernel, and afterwards it
 * still answers. FUZZ_SEED and FUZZ_ROUNDS choose others, and more.
 *
 * Link: rump-net
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#include <rump/rump.h>

#include "nlreq.h"
#include "test.h"

static uint64_t rng;

static uint32_t
rnd(uint32_t n)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return (uint32_t)(rng >> 20) % n;
}

static int
setup(void **state)
{
	(void)state;
	return rump_init();
}

/* A request as a program may send it. */
static void
sensible(struct nlreq *r)
{
	static const uint16_t bases[] = { RTM_NEWLINK, RTM_NEWADDR,
	    RTM_NEWROUTE, RTM_NEWNEIGH, RTM_NEWRULE };
	static const uint16_t flags[] = { 0, NLM_F_DUMP, NLM_F_CREATE,
	    NLM_F_CREATE | NLM_F_EXCL, NLM_F_CREATE | NLM_F_REPLACE };
	uint8_t fixed[16] = { AF_INET }, data[64];
	static const uint8_t sizes[] = { 16, 8, 12, 12, 12 };
	unsigned kind = rnd(5), i, n = rnd(6);

	if (kind == 0)
		fixed[0] = 0;
	for (i = 1; i < sizeof(fixed); i++)
		fixed[i] = rnd(3) == 0 ? (uint8_t)rnd(256) : 0;
	if (kind != 2)
		fixed[4] = 1;		/* lo */
	req_init(r, bases[kind] + (int)rnd(4), flags[rnd(5)], fixed,
	    sizes[kind]);
	for (i = 0; i < n; i++) {
		uint32_t len = rnd(2) ? 4 : rnd(sizeof(data)), k;

		for (k = 0; k < len; k++)
			data[k] = rnd(2) ? 0 : (uint8_t)rnd(256);
		if (rnd(4) == 0) {
			uint32_t one = 1;

			memcpy(data, &one, 4);
		}
		/* Perhaps a nest. */
		if (len >= 8 && rnd(3) == 0) {
			uint16_t na[2] = { (uint16_t)(rnd(2) ? len :
			    rnd(80)), (uint16_t)rnd(20) };

			memcpy(data, na, 4);
		}
		req_attr(r, (int)rnd(66), data, len);
	}
}

static void
damage(struct nlreq *r, size_t len)
{
	uint8_t *p = (uint8_t *)r;
	unsigned n = rnd(4);

	while (n-- > 0)
		p[rnd((uint32_t)len)] = (uint8_t)rnd(256);
	if (rnd(8) == 0)
		r->nh.nlmsg_len = rnd(200);
}

static void
drain(int fd)
{
	char buf[32768];
	int i;

	for (i = 0; i < 64; i++)
		if (rump_sys_recvfrom(fd, buf, sizeof(buf), MSG_DONTWAIT, NULL,
		    NULL) < 0 && errno == EAGAIN)
			return;
}

static void
damaged_requests_do_no_harm(void **state)
{
	const char *seed = getenv("FUZZ_SEED"), *s = getenv("FUZZ_ROUNDS");
	unsigned long rounds = s != NULL ? strtoul(s, NULL, 0) : 20000, i;
	struct ifinfomsg im = { .ifi_index = 1, .ifi_flags = IFF_UP,
	    .ifi_change = IFF_UP };
	struct nlreq r;
	int fd = -1, one = 1;
	size_t n;

	(void)state;
	rng = seed != NULL ? strtoull(seed, NULL, 0) : 88172645463325252u;
	for (i = 0; i < rounds; i++) {
		if (i % 64 == 0) {
			if (fd >= 0)
				rump_sys_close(fd);
			fd = nl_open(SOCK_RAW, NETLINK_ROUTE);
			assert_true(fd >= 0);
			(void)rump_sys_setsockopt(fd, SOL_NETLINK,
			    NETLINK_EXT_ACK, &one, sizeof(one));
			if (rnd(2))
				(void)rump_sys_setsockopt(fd, SOL_NETLINK,
				    NETLINK_GET_STRICT_CHK, &one,
				    sizeof(one));
		}
		sensible(&r);
		n = r.nh.nlmsg_len;
		if (rnd(4) != 0)
			damage(&r, n);
		(void)rump_sys_sendto(fd, &r, rnd(8) ? n : rnd((uint32_t)n) +
		    1, 0, NULL, 0);
		drain(fd);
	}
	rump_sys_close(fd);
	fd = nl_open(SOCK_RAW, NETLINK_ROUTE);
	req_init(&r, RTM_SETLINK, 0, &im, sizeof(im));
	assert_int_equal(req_talk(fd, &r), 0);
	rump_sys_close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(damaged_requests_do_no_harm),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
