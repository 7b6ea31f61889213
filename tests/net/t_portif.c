/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * portif: the application is the other end of an interface.
 *
 * Link: rump-portif
 */
#define _GNU_SOURCE
#include "test.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rump/net/portif.h>
#include <rump/rump.h>

#include "ether.h"

static const uint8_t hwaddr[6] = { 2, 0, 0, 0, 0, 1 };
static const uint8_t peer[6] = { 2, 0, 0, 0, 0, 2 };

static int
boot(void **state)
{
	(void)state;
	setenv("RUMP_CLOCK", "virtual", 1);
	return rump_init() != 0 || rumptest_ether_listen() != 0;
}

static struct rump_portif *
create_up(unsigned flags, unsigned queue)
{
	const struct rump_portif_params pp = {
		.pp_flags = flags, .pp_queue = queue, .pp_hwaddr = hwaddr,
		.pp_mtu = 9000,
	};
	struct rump_portif *p;

	ok_errno(rump_pub_portif_create("p%d", &pp, &p));
	ok_errno(rumptest_ether_up(0, rump_pub_portif_name(p), true));
	return p;
}

/* A frame as k_ether.h makes them. */
static void
make(uint8_t *buf, uint32_t len, uint32_t fill)
{
	memcpy(buf, hwaddr, 6);
	memcpy(buf + 6, peer, 6);
	buf[12] = ETHER_TYPE_TEST >> 8;
	buf[13] = ETHER_TYPE_TEST & 0xff;
	for (uint32_t off = ETHER_HEAD; off < len; off += 4) {
		memcpy(buf + off, &fill, len - off < 4 ? len - off : 4);
		fill = fill * 1664525 + 1013904223;
	}
}

static void
stack_sends(struct rump_portif *p, uint32_t len, uint32_t fill)
{
	struct ether_frame f = { .ef_len = len, .ef_fill = fill };

	memcpy(f.ef_dst, peer, 6);
	ok_errno(rumptest_ether_send(0, rump_pub_portif_name(p), &f, 1));
}

static void
what_is_injected_has_been_processed(void **state)
{
	static const size_t lens[] = { 18, 60, 142, 1514, 9014, 65000 };
	struct rump_portif *p = create_up(0, 0);
	static uint8_t buf[65600];
	struct ether_frame got;

	(void)state;
	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		make(buf, (uint32_t)lens[i], 7);
		ok_errno(rump_pub_portif_inject(p, buf, lens[i]));
		assert_true(rumptest_ether_take(&got, 0));
		assert_int_equal(got.ef_len, lens[i]);
		assert_int_equal(got.ef_fill, 7);
		assert_false(got.ef_bad);
		assert_string_equal(got.ef_ifname, rump_pub_portif_name(p));
	}
	rump_pub_portif_destroy(p);
}

static void
what_is_sent_can_be_collected(void **state)
{
	struct rump_portif *p = create_up(0, 0);
	uint8_t buf[9100], want[9100];
	size_t len;

	(void)state;
	assert_int_equal(rump_pub_portif_collect(p, buf, sizeof(buf),
	    RUMP_PORTIF_NOWAIT, &len), EAGAIN);
	stack_sends(p, 1514, 3);
	stack_sends(p, 9014, 4);
	assert_int_equal(rump_pub_portif_pending(p), 2);
	ok_errno(rump_pub_portif_collect(p, buf, sizeof(buf), 0, &len));
	assert_int_equal(len, 1514);
	make(want, 1514, 3);
	assert_memory_equal(buf, peer, 6);
	assert_memory_equal(buf + 6, hwaddr, 6);
	assert_memory_equal(buf + 12, want + 12, 1514 - 12);
	/* What does not fit is cut; the length tells. */
	ok_errno(rump_pub_portif_collect(p, buf, 100, 0, &len));
	assert_int_equal(len, 9014);
	make(want, 9014, 4);
	assert_memory_equal(buf + 12, want + 12, 100 - 12);
	assert_memory_not_equal(buf + 100, want + 100, 400);
	assert_int_equal(rump_pub_portif_pending(p), 0);
	rump_pub_portif_destroy(p);
}

static void
batches_in_pieces(void **state)
{
	struct rump_portif *p = create_up(0, 0);
	uint8_t buf[3][200], in[3][200];
	struct iovec iov[3][3];
	struct rump_portif_frame f[3];
	struct ether_frame got;
	unsigned done;

	(void)state;
	memset(f, 0, sizeof(f));
	for (unsigned i = 0; i < 3; i++) {
		make(buf[i], 182, 100 + i);
		iov[i][0] = (struct iovec){ buf[i], 5 };
		iov[i][1] = (struct iovec){ buf[i] + 5, 0 };
		iov[i][2] = (struct iovec){ buf[i] + 5, 177 };
		f[i].pf_iov = iov[i];
		f[i].pf_iovcnt = 3;
	}
	ok_errno(rump_pub_portif_injectv(p, f, 3, &done));
	assert_int_equal(done, 3);
	for (unsigned i = 0; i < 3; i++) {
		assert_true(rumptest_ether_take(&got, 0));
		assert_int_equal(got.ef_fill, 100 + i);
		assert_false(got.ef_bad);
	}
	/* One that cannot be stops the batch. */
	f[1].pf_iovcnt = 1;
	assert_int_equal(rump_pub_portif_injectv(p, f, 3, &done), EMSGSIZE);
	assert_int_equal(done, 1);
	assert_true(rumptest_ether_take(&got, 0));
	assert_false(rumptest_ether_take(&got, 0));

	stack_sends(p, 182, 100);
	stack_sends(p, 182, 101);
	for (unsigned i = 0; i < 3; i++) {
		iov[i][0] = (struct iovec){ in[i], 7 };
		iov[i][1] = (struct iovec){ in[i] + 7, 193 };
		f[i].pf_iovcnt = 2;
	}
	ok_errno(rump_pub_portif_collectv(p, f, 3, 0, &done));
	assert_int_equal(done, 2);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(f[i].pf_len, 182);
		assert_memory_equal(in[i] + 14, buf[i] + 14, 168);
	}
	rump_pub_portif_destroy(p);
}

static void
offloads_need_their_flag(void **state)
{
	struct rump_portif *p = create_up(RUMP_PORTIF_GSO, 0);
	struct ether_frame out = { .ef_len = 4000, .ef_fill = 1,
	    .ef_partial = true, .ef_csum_start = 34, .ef_csum_off = 16,
	    .ef_gso_size = 1448, .ef_gso_segs = 3 }, got;
	static uint8_t buf[4000];
	const struct iovec iov = { buf, sizeof(buf) };
	struct rump_portif_frame f = { .pf_iov = &iov, .pf_iovcnt = 1 };
	unsigned done;

	(void)state;
	memcpy(out.ef_dst, peer, 6);
	ok_errno(rumptest_ether_send(0, rump_pub_portif_name(p), &out, 1));
	ok_errno(rump_pub_portif_collectv(p, &f, 1, 0, &done));
	assert_int_equal(f.pf_len, 4000);
	assert_int_equal(f.pf_meta.pm_flags, RUMP_PORTIF_NEEDS_CSUM);
	assert_int_equal(f.pf_meta.pm_gso_type, RUMP_PORTIF_GSO_TCPV4);
	assert_int_equal(f.pf_meta.pm_gso_size, 1448);
	assert_int_equal(f.pf_meta.pm_csum_start, 34);
	assert_int_equal(f.pf_meta.pm_csum_offset, 16);
	make(buf, 4000, 1);
	ok_errno(rump_pub_portif_injectv(p, &f, 1, &done));
	assert_true(rumptest_ether_take(&got, 0));
	assert_true(got.ef_partial);
	assert_int_equal(got.ef_csum_start, 34);
	assert_int_equal(got.ef_gso_size, 1448);
	/* Numbers that lead out of the frame. */
	f.pf_meta.pm_csum_start = 3999;
	assert_int_equal(rump_pub_portif_injectv(p, &f, 1, &done), EINVAL);
	f.pf_meta.pm_csum_start = 34;
	f.pf_meta.pm_csum_offset = 65535;
	assert_int_equal(rump_pub_portif_injectv(p, &f, 1, &done), EINVAL);
	f.pf_meta.pm_csum_offset = 16;
	f.pf_meta.pm_gso_size = 0;
	assert_int_equal(rump_pub_portif_injectv(p, &f, 1, &done), EINVAL);
	f.pf_meta.pm_gso_size = 1448;
	f.pf_meta.pm_gso_type = 77;
	assert_int_equal(rump_pub_portif_injectv(p, &f, 1, &done), EINVAL);
	assert_false(rumptest_ether_take(&got, 0));
	rump_pub_portif_destroy(p);
}

static void
a_full_queue_loses_the_newest(void **state)
{
	struct rump_portif *p = create_up(0, 4);
	struct ether_frame f = { .ef_len = 100 };
	uint8_t buf[200];
	uint32_t fill;
	size_t len;

	(void)state;
	memcpy(f.ef_dst, peer, 6);
	for (f.ef_fill = 0; f.ef_fill < 6; f.ef_fill++)
		assert_int_equal(rumptest_ether_send(0,
		    rump_pub_portif_name(p), &f, 1), f.ef_fill < 4 ? 0 :
		    ENOBUFS);
	for (uint32_t i = 0; i < 4; i++) {
		ok_errno(rump_pub_portif_collect(p, buf, sizeof(buf), 0,
		    &len));
		memcpy(&fill, buf + ETHER_HEAD, 4);
		assert_int_equal(fill, i);
	}
	assert_int_equal(rump_pub_portif_pending(p), 0);
	assert_int_equal(rumptest_ether_stat(0, rump_pub_portif_name(p),
	    ETHER_TXDROPS), 2);
	rump_pub_portif_destroy(p);
}

static unsigned returned;

static void
give_back(void *arg)
{
	(*(unsigned *)arg)++;
}

static void
nothing_is_copied_that_is_lent_or_taken(void **state)
{
	struct rump_portif *p = create_up(0, 0);
	struct rump_portif_packet *pkt;
	struct ether_frame got;
	static uint8_t buf[8000];
	struct iovec iov[8];
	size_t total = 0;
	int n;

	(void)state;
	make(buf, sizeof(buf), 9);
	rumptest_ether_keep(true);
	ok_errno(rump_pub_portif_lend(p, buf, sizeof(buf), give_back,
	    &returned));
	assert_true(rumptest_ether_take(&got, 0));
	assert_false(got.ef_bad);
	assert_ptr_equal(got.ef_bytes, buf + sizeof(buf) - 1);
	assert_int_equal(returned, 0);
	rumptest_ether_keep(false);
	assert_int_equal(returned, 1);
	/* It comes back from a call that fails, too. */
	assert_int_equal(rump_pub_portif_lend(p, buf, 3, give_back,
	    &returned), EMSGSIZE);
	assert_int_equal(returned, 2);

	assert_int_equal(rump_pub_portif_take(p, 0, &pkt), EAGAIN);
	stack_sends(p, 8000, 9);
	ok_errno(rump_pub_portif_take(p, 0, &pkt));
	n = rump_pub_portif_packet_iov(pkt, iov, 8);
	assert_in_range(n, 1, 8);
	for (int i = 0; i < n; i++)
		total += iov[i].iov_len;
	assert_int_equal(total, 8000);
	assert_memory_equal(iov[0].iov_base, peer, 6);
	rump_pub_portif_packet_release(pkt);
	rump_pub_portif_destroy(p);
}

static unsigned told;

/* Answers what the stack sends, from inside of its sending. */
static void
notify(struct rump_portif *p, void *arg)
{
	uint8_t buf[300];
	size_t len;

	told++;
	assert_ptr_equal(arg, &told);
	while (rump_pub_portif_collect(p, buf, sizeof(buf), 0, &len) == 0) {
		memcpy(buf, hwaddr, 6);
		memcpy(buf + 6, peer, 6);
		ok_errno(rump_pub_portif_inject(p, buf, len));
	}
}

static void
notification_may_collect_and_inject(void **state)
{
	const struct rump_portif_params pp = { .pp_notify = notify,
	    .pp_arg = &told };
	struct rump_portif *p;
	struct ether_frame got;

	(void)state;
	ok_errno(rump_pub_portif_create("echo", &pp, &p));
	assert_string_equal(rump_pub_portif_name(p), "echo");
	ok_errno(rumptest_ether_up(0, "echo", true));
	for (uint32_t i = 1; i <= 3; i++) {
		struct ether_frame f = { .ef_len = 70, .ef_fill = i };

		ok_errno(rumptest_ether_address(0, "echo", f.ef_dst));
		memcpy(f.ef_dst, peer, 6);
		ok_errno(rumptest_ether_send(0, "echo", &f, 1));
		assert_int_equal(told, i);
	}
	/* Its address is random: the answers were not for it. */
	assert_false(rumptest_ether_take(&got, 0));
	rump_pub_portif_destroy(p);
}

static void *
waits(void *arg)
{
	uint8_t buf[200];
	size_t len = 0;
	int error;

	error = rump_pub_portif_collect(arg, buf, sizeof(buf),
	    RUMP_PORTIF_FOREVER, &len);
	return (void *)(error != 0 ? (uintptr_t)error : 1000 + len);
}

static void *
waits_a_second(void *arg)
{
	uint8_t buf[200];
	size_t len;

	return (void *)(uintptr_t)rump_pub_portif_collect(arg, buf,
	    sizeof(buf), 1000000000, &len);
}

static void
collecting_waits_by_the_kernels_clock(void **state)
{
	struct rump_portif *p = create_up(0, 0);
	const struct timespec ms = { .tv_nsec = 1000000 };
	pthread_t t;
	void *rv;

	(void)state;
	assert_int_equal(pthread_create(&t, NULL, waits, p), 0);
	stack_sends(p, 99, 1);
	pthread_join(t, &rv);
	assert_int_equal((uintptr_t)rv, 1099);
	assert_int_equal(pthread_create(&t, NULL, waits_a_second, p), 0);
	/* Time stands still but for this. */
	while (pthread_tryjoin_np(t, &rv) != 0) {
		ok_errno(rump_pub_clock_advance(1100000000));
		nanosleep(&ms, NULL);
	}
	assert_int_equal((uintptr_t)rv, EAGAIN);
	rump_pub_portif_destroy(p);
}

static void
an_interface_that_was_taken_away_says_so(void **state)
{
	struct rump_portif *p = create_up(0, 0);
	uint8_t buf[200];
	pthread_t t;
	size_t len;
	void *rv;

	(void)state;
	make(buf, 200, 1);
	assert_int_equal(pthread_create(&t, NULL, waits, p), 0);
	ok_errno(rumptest_ether_up(0, rump_pub_portif_name(p), false));
	assert_int_equal(rump_pub_portif_inject(p, buf, 200), ENETDOWN);
	ok_errno(rumptest_ether_destroy(0, rump_pub_portif_name(p)));
	pthread_join(t, &rv);
	assert_int_equal((uintptr_t)rv, ENXIO);
	assert_int_equal(rump_pub_portif_inject(p, buf, 200), ENXIO);
	assert_int_equal(rump_pub_portif_collect(p, buf, 200, 0, &len),
	    ENXIO);
	rump_pub_portif_destroy(p);
}

static void
arguments_are_checked(void **state)
{
	struct rump_portif_params pp = { .pp_mode = 7 };
	struct rump_portif *p = NULL;
	static uint8_t buf[65601];

	(void)state;
	assert_int_equal(rump_pub_portif_create("x", &pp, &p), EINVAL);
	pp = (struct rump_portif_params){ .pp_flags = 0x100 };
	assert_int_equal(rump_pub_portif_create("x", &pp, &p), EINVAL);
	pp = (struct rump_portif_params){ .pp_mtu = 70000 };
	assert_int_equal(rump_pub_portif_create("x", &pp, &p), EINVAL);
	assert_int_equal(rump_pub_portif_create("lo", NULL, &p), EEXIST);
	assert_int_equal(rump_pub_portif_create("", NULL, &p), EINVAL);
	assert_int_equal(rump_pub_portif_create(NULL, NULL, &p), EFAULT);
	assert_null(p);
	p = create_up(0, 0);
	assert_int_equal(rump_pub_portif_inject(p, buf, 13), EMSGSIZE);
	assert_int_equal(rump_pub_portif_inject(p, buf, 65601), EMSGSIZE);
	rump_pub_portif_destroy(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_injected_has_been_processed),
		cmocka_unit_test(what_is_sent_can_be_collected),
		cmocka_unit_test(batches_in_pieces),
		cmocka_unit_test(offloads_need_their_flag),
		cmocka_unit_test(a_full_queue_loses_the_newest),
		cmocka_unit_test(nothing_is_copied_that_is_lent_or_taken),
		cmocka_unit_test(notification_may_collect_and_inject),
		cmocka_unit_test(collecting_waits_by_the_kernels_clock),
		cmocka_unit_test(an_interface_that_was_taken_away_says_so),
		cmocka_unit_test(arguments_are_checked),
	};

	return cmocka_run_group_tests(tests, boot, NULL);
}
