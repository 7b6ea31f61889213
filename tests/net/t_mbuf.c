/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Mbufs, checksums, queues of packets, network instances.
 *
 * Link: rumpnet
 */
#include <pthread.h>

#include <rump/rump.h>

#include "k_mbuf.h"
#include "test.h"

#define THREADS	4
#define PACKETS	20000

static void
chains_behave_as_arrays_and_never_write_what_is_shared(void **state)
{
	uint64_t seed;

	(void)state;
	for (seed = 1; seed <= 4; seed++)
		assert_int_equal(rumptest_mbuf_model(seed, 100), 0);
}

static void
headers_are_found_after_a_new_first_mbuf(void **state)
{
	(void)state;
	assert_int_equal(rumptest_mbuf_headers(), 0);
}

static void
sums_of_chains_are_those_of_their_words(void **state)
{
	(void)state;
	assert_int_equal(rumptest_mbuf_cksum(3, 500), 0);
}

static void
partial_sums_are_completed(void **state)
{
	(void)state;
	assert_int_equal(rumptest_mbuf_partial(), 0);
}

static void *
put(void *arg)
{
	return (void *)(intptr_t)rumptest_netqueue_order((int)(intptr_t)arg,
	    PACKETS);
}

static void
a_queue_keeps_order_and_has_one_driver(void **state)
{
	pthread_t t[THREADS];
	intptr_t i;
	void *r;

	(void)state;
	ok_errno(rumptest_netqueue_setup());
	for (i = 0; i < THREADS; i++)
		ok_errno(pthread_create(&t[i], NULL, put, (void *)i));
	for (i = 0; i < THREADS; i++) {
		ok_errno(pthread_join(t[i], &r));
		assert_null(r);
	}
	assert_int_equal(rumptest_netqueue_done(THREADS, PACKETS), 0);
}

static void
a_full_queue_drops_and_waits_for_the_end_of_the_section(void **state)
{
	(void)state;
	assert_int_equal(rumptest_netqueue_full(), 0);
}

static void
a_network_instance_ends_with_its_last_user_and_reference(void **state)
{
	(void)state;
	assert_int_equal(rumptest_vnet_life(), 0);
}

static int
boot(void **state)
{
	(void)state;
	return rump_init();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    chains_behave_as_arrays_and_never_write_what_is_shared),
		cmocka_unit_test(headers_are_found_after_a_new_first_mbuf),
		cmocka_unit_test(sums_of_chains_are_those_of_their_words),
		cmocka_unit_test(partial_sums_are_completed),
		cmocka_unit_test(a_queue_keeps_order_and_has_one_driver),
		cmocka_unit_test(
		    a_full_queue_drops_and_waits_for_the_end_of_the_section),
		cmocka_unit_test(
		    a_network_instance_ends_with_its_last_user_and_reference),
	};

	return cmocka_run_group_tests_name("mbuf", tests, boot, NULL);
}
