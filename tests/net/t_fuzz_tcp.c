/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Hostile segments: connections in all states, then mutations of what would be
 * right. Nothing crashes, nothing stays behind, and service goes on. RUMP_FUZZ_SEED and
 * RUMP_FUZZ_ROUNDS repeat and prolong it.
 *
 * Link: rump-netinet rump-portif
 */
#include "test.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rump/rump_syscalls.h>

#include "segment.h"

static uint64_t seed = 1;

static uint32_t
rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 16);
}

static unsigned
below(unsigned n)
{
	return rnd() % n;
}

static unsigned
parameter(const char *name, unsigned otherwise)
{
	const char *s = getenv(name);

	return s != NULL ? (unsigned)strtoul(s, NULL, 0) : otherwise;
}

static int
boot(void **state)
{
	(void)state;
	seg_boot(1500);
	return 0;
}

static void
put32(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (24 - 8 * i));
}

/* A number at, or near, one that matters. */
static uint32_t
near(uint32_t v)
{
	static const int off[] = { 0, 0, 0, 0, 1, -1, 2, 100, -100, 1000,
	    -1000, 65535, -65535, 0x7fffffff, 131072 };

	return below(20) == 0 ? rnd() :
	    v + (uint32_t)off[below(sizeof(off) / sizeof(off[0]))];
}

/* Options, right and wrong, up to n bytes; all of n are written. */
static void
options(const struct peer *p, uint8_t *o, size_t n)
{
	static const uint8_t kinds[] = { 0, 1, 2, 3, 4, 5, 5, 5, 8, 8, 34,
	    254, 30, 255 };
	static const uint8_t lens[] = { 1, 1, 4, 3, 2, 10, 18, 34, 10, 10, 10,
	    6, 4, 2 };
	unsigned i;
	size_t len;

	while (n > 0) {
		i = below(sizeof(kinds));
		len = lens[i] <= n ? lens[i] : n;
		for (size_t k = 0; k < len; k++)
			o[k] = (uint8_t)rnd();
		o[0] = kinds[i];
		if (len > 1)
			o[1] = below(10) == 0 ? (uint8_t)rnd() : lens[i];
		if (kinds[i] == 5)
			for (size_t k = 2; k + 4 <= len; k += 4)
				put32(o + k, near(p->p_iss + 1));
		o += len;
		n -= len;
	}
}

static void
hostile_segment(struct peer *p)
{
	static uint8_t th[1600];
	static const uint8_t flags[] = { 0x10, 0x10, 0x10, 0x18, 0x11, 0x14,
	    0x04, 0x02, 0x12, 0x30, 0x50, 0x90, 0x01, 0x00, 0xff };
	size_t hlen = 20 + 4 * (below(2) == 0 ? 0 : below(11));
	size_t n = below(2) == 0 ? 0 : below(1400);
	uint32_t ack = p->p_last.sg_seq + p->p_last.sg_len;

	options(p, th + 20, hlen - 20);
	for (size_t i = 0; i < n; i++)
		th[hlen + i] = (uint8_t)i;
	th[0] = (uint8_t)(p->p_port >> 8);
	th[1] = (uint8_t)p->p_port;
	th[2] = (uint8_t)(p->p_sport >> 8);
	th[3] = (uint8_t)p->p_sport;
	put32(th + 4, near(below(2) == 0 ? p->p_peeriss + 1 :
	    p->p_last.sg_ack));
	put32(th + 8, near(below(2) == 0 ? p->p_iss + 1 : ack));
	th[12] = (uint8_t)(hlen << 2);
	if (below(40) == 0)
		th[12] = (uint8_t)rnd();
	th[13] = below(10) == 0 ? (uint8_t)rnd() :
	    flags[below(sizeof(flags))];
	th[14] = below(3) == 0 ? 0 : (uint8_t)rnd();
	th[15] = (uint8_t)rnd();
	th[18] = 0;
	th[19] = (uint8_t)rnd();
	n += hlen;
	if (below(30) == 0)
		n = below((unsigned)n + 1);
	seg_raw(p, th, n);
}

/* What the stack's user does meanwhile. */
static void
use(struct peer *p)
{
	uint8_t buf[3000];
	ssize_t n;

	if (p->p_fd < 0) {
		p->p_fd = rump_sys_accept4(p->p_listen, NULL, NULL,
		    SOCK_NONBLOCK);
		p->p_written = 0;
		return;
	}
	switch (below(8)) {
	case 0:
	case 1:
		for (size_t i = 0; i < sizeof(buf); i++)
			buf[i] = seg_pattern(p->p_written + (uint32_t)i);
		n = rump_sys_sendto(p->p_fd, buf, 1 + below(sizeof(buf)),
		    MSG_NOSIGNAL, NULL, 0);
		p->p_written += n > 0 ? (uint32_t)n : 0;
		break;
	case 2:
	case 3:
		(void)rump_sys_read(p->p_fd, buf, 1 + below(sizeof(buf)));
		break;
	case 4:
		if (below(10) == 0)
			(void)rump_sys_shutdown(p->p_fd, (int)below(3));
		break;
	case 5:
		if (below(20) == 0) {
			(void)rump_sys_close(p->p_fd);
			p->p_fd = -1;
		}
		break;
	default:
		break;
	}
}

static void
start(struct peer *p)
{
	static const char *const syns[] = { "< S 0 mss 1000",
	    "< SEW 0 mss 1000 sackok ts 100/0 ws 7", "< S 0 mss 500 sackok",
	    "< S 0 mss 1460 ts 5/0 ws 14" };
	unsigned i = below(4);

	if (below(4) == 0) {
		seg_socket(p);
		seg_connect(p);
		seg_pass(p, 0);
		return;
	}
	seg_listen(p);
	PLAY(p, syns[i]);
	seg_pass(p, 0);
	if (below(8) != 0)
		PLAY(p, (i & 1) != 0 ? "< . 1 ack 1 ts 101/0" :
		    "< . 1 ack 1");
	seg_pass(p, 0);
	use(p);
}

static void
round_of(unsigned segments)
{
	struct peer p;

	start(&p);
	for (unsigned i = 0; i < segments; i++) {
		hostile_segment(&p);
		use(&p);
		if (below(10) == 0)
			seg_pass(&p, (int64_t)rnd() % 400000000);
		else
			seg_pass(&p, 0);
	}
	seg_end(&p);
}

static void
hostile_segments_do_no_harm(void **state)
{
	unsigned rounds = parameter("RUMP_FUZZ_ROUNDS", 600);
	uint64_t sockets = seg_stat("tcp_sockets");
	struct peer p;

	(void)state;
	seed = parameter("RUMP_FUZZ_SEED", 1) * UINT64_C(0x9e3779b97f4a7c15);
	for (unsigned i = 0; i < rounds; i++)
		round_of(40);
	/* Whoever is left without a file gives up in time. */
	seg_listen(&p);
	seg_pass(&p, INT64_C(3000) * 1000000000);
	seg_end(&p);
	assert_int_equal(seg_stat("tcp_sockets"), sockets);
	assert_int_equal(seg_stat("tcp_orphans"), 0);
	assert_int_equal(seg_stat("tcp_timewait"), 0);
	assert_int_equal(seg_stat("tcp_halfopen"), 0);
	seg_established(&p, "mss 1000 sackok ts 100/0 ws 7", 8000);
	seg_write(&p, 10);
	PLAY(&p, "> P 1:10 ack 1", "< . 1:10 ack 11 ts 102/0");
	seg_read(&p, 10);
	seg_end(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hostile_segments_do_no_harm),
	};

	return cmocka_run_group_tests(tests, boot, NULL);
}
