/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Wires: frames between two interfaces, of one network instance and of two.
 *
 * Link: rump-wire
 */
#include "test.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include <rump/net/wire.h>
#include <rump/rump.h>

#include "ether.h"

static uint64_t other;		/* a second network instance */

static int
boot(void **state)
{
	(void)state;
	if (rump_init() != 0 || rumptest_ether_listen() != 0 ||
	    rumptest_vnet_create(&other) != 0)
		return -1;
	return 0;
}

static void
connect_up(uint64_t a, const char *na, uint64_t b, const char *nb)
{
	ok_errno(rump_pub_wire_create(a, na, b, nb));
	ok_errno(rumptest_ether_up(a, na, true));
	ok_errno(rumptest_ether_up(b, nb, true));
}

static struct ether_frame
frame_to(uint64_t vnet, const char *name, uint32_t len)
{
	struct ether_frame f = { .ef_len = len, .ef_fill = 0x1000 + len };

	ok_errno(rumptest_ether_address(vnet, name, f.ef_dst));
	return f;
}

static void
frames_arrive_before_the_call_returns(void **state)
{
	static const uint32_t lens[] = { 18, 60, 1514, 9014, 65549 };
	struct ether_frame f, got;

	(void)state;
	connect_up(0, "wa", other, "wb");
	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		f = frame_to(other, "wb", lens[i]);
		ok_errno(rumptest_ether_send(0, "wa", &f, 1));
		assert_true(rumptest_ether_take(&got, 0));
		assert_int_equal(got.ef_len, lens[i]);
		assert_int_equal(got.ef_fill, f.ef_fill);
		assert_false(got.ef_bad);
		assert_string_equal(got.ef_ifname, "wb");
		f = frame_to(0, "wa", lens[i]);
		ok_errno(rumptest_ether_send(other, "wb", &f, 1));
		assert_true(rumptest_ether_take(&got, 0));
		assert_string_equal(got.ef_ifname, "wa");
		assert_false(rumptest_ether_take(&got, 0));
	}
	ok_errno(rump_pub_wire_destroy(other, "wb"));
}

static void
batches_keep_their_order(void **state)
{
	struct ether_frame f[200], got;

	(void)state;
	connect_up(0, "wa", 0, "wb");
	for (uint32_t i = 0; i < 200; i++) {
		f[i] = frame_to(0, "wb", 60);
		f[i].ef_fill = i;
	}
	ok_errno(rumptest_ether_send(0, "wa", f, 200));
	for (uint32_t i = 0; i < 200; i++) {
		assert_true(rumptest_ether_take(&got, 0));
		assert_int_equal(got.ef_fill, i);
	}
	assert_int_equal(rumptest_ether_stat(0, "wa", ETHER_TXPACKETS), 200);
	assert_int_equal(rumptest_ether_stat(0, "wb", ETHER_RXPACKETS),
	    200);
	ok_errno(rump_pub_wire_destroy(0, "wa"));
}

static void
offloads_pass_whole(void **state)
{
	struct ether_frame f, got;

	(void)state;
	connect_up(0, "wa", other, "wb");
	f = frame_to(other, "wb", 60000);
	f.ef_partial = true;
	f.ef_csum_start = 34;
	f.ef_csum_off = 16;
	f.ef_gso_size = 1448;
	f.ef_gso_segs = 42;
	ok_errno(rumptest_ether_send(0, "wa", &f, 1));
	assert_true(rumptest_ether_take(&got, 0));
	assert_int_equal(got.ef_len, 60000);
	assert_true(got.ef_partial);
	assert_int_equal(got.ef_csum_start, 34);
	assert_int_equal(got.ef_csum_off, 16);
	assert_int_equal(got.ef_gso_size, 1448);
	assert_int_equal(got.ef_gso_segs, 42);
	assert_false(got.ef_bad);
	ok_errno(rump_pub_wire_destroy(0, "wa"));
}

static void
an_end_that_is_down_receives_nothing(void **state)
{
	struct ether_frame f, got;

	(void)state;
	connect_up(0, "wa", other, "wb");
	f = frame_to(other, "wb", 100);
	ok_errno(rumptest_ether_up(other, "wb", false));
	ok_errno(rumptest_ether_send(0, "wa", &f, 1));
	assert_false(rumptest_ether_take(&got, 0));
	assert_int_equal(rumptest_ether_send(other, "wb", &f, 1), ENETDOWN);
	ok_errno(rumptest_ether_up(other, "wb", true));
	ok_errno(rumptest_ether_send(0, "wa", &f, 1));
	assert_true(rumptest_ether_take(&got, 0));
	ok_errno(rump_pub_wire_destroy(0, "wa"));
}

static void
both_ends_go_together(void **state)
{
	uint8_t addr[6];

	(void)state;
	connect_up(0, "wa", other, "wb");
	ok_errno(rump_pub_wire_destroy(other, "wb"));
	assert_int_equal(rumptest_ether_address(0, "wa", addr), ENODEV);
	assert_int_equal(rump_pub_wire_destroy(0, "wa"), ENODEV);
	connect_up(0, "wa", other, "wb");
	ok_errno(rumptest_ether_destroy(0, "wa"));
	assert_int_equal(rumptest_ether_address(other, "wb", addr), ENODEV);
}

static void
arguments_are_checked(void **state)
{
	uint8_t addr[6];

	(void)state;
	assert_int_equal(rump_pub_wire_create(0, "wa", 4711, "wb"), ENOENT);
	assert_int_equal(rump_pub_wire_create(4711, "wa", 0, "wb"), ENOENT);
	assert_int_equal(rump_pub_wire_create(0, NULL, 0, "wb"), EFAULT);
	assert_int_equal(rump_pub_wire_create(0, "wa", 0, "a/b"), EINVAL);
	assert_int_equal(rump_pub_wire_create(0, "wa", 0, "wa"), EEXIST);
	assert_int_equal(rump_pub_wire_create(0, "wa", 0, "lo"), EEXIST);
	/* Nothing was left. */
	assert_int_equal(rumptest_ether_address(0, "wa", addr), ENODEV);
	assert_int_equal(rump_pub_wire_destroy(0, "lo"), ENODEV);
	assert_int_equal(rump_pub_wire_destroy(4711, "wa"), ENOENT);
}

static void
an_instance_takes_its_wires_along(void **state)
{
	uint8_t addr[6];
	uint64_t vnet;

	(void)state;
	ok_errno(rumptest_vnet_create(&vnet));
	connect_up(0, "wa", vnet, "wb");
	ok_errno(rumptest_vnet_leave(vnet));
	assert_int_equal(rumptest_ether_address(0, "wa", addr), ENODEV);
}

/* Two that send to each other while the wire is cut. */
static void *
sender(void *arg)
{
	struct ether_frame f = { .ef_len = 500,
	    .ef_dst = { 255, 255, 255, 255, 255, 255 } };
	bool first = *(bool *)arg;

	for (int i = 0; i < 2000; i++) {
		f.ef_fill = (uint32_t)i;
		(void)rumptest_ether_send(first ? 0 : other,
		    first ? "wa" : "wb", &f, 1);
	}
	return NULL;
}

static void
wires_may_be_cut_under_traffic(void **state)
{
	bool first = true, second = false;
	struct ether_frame got;
	pthread_t t[2];

	(void)state;
	for (int round = 0; round < 5; round++) {
		connect_up(0, "wa", other, "wb");
		assert_int_equal(pthread_create(&t[0], NULL, sender, &first),
		    0);
		assert_int_equal(pthread_create(&t[1], NULL, sender, &second),
		    0);
		if (round > 0)
			assert_true(rumptest_ether_take(&got, 10000));
		ok_errno(rump_pub_wire_destroy(0, "wa"));
		pthread_join(t[0], NULL);
		pthread_join(t[1], NULL);
		while (rumptest_ether_take(&got, 0))
			assert_false(got.ef_bad);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_arrive_before_the_call_returns),
		cmocka_unit_test(batches_keep_their_order),
		cmocka_unit_test(offloads_pass_whole),
		cmocka_unit_test(an_end_that_is_down_receives_nothing),
		cmocka_unit_test(both_ends_go_together),
		cmocka_unit_test(arguments_are_checked),
		cmocka_unit_test(an_instance_takes_its_wires_along),
		cmocka_unit_test(wires_may_be_cut_under_traffic),
	};

	return cmocka_run_group_tests(tests, boot, NULL);
}
