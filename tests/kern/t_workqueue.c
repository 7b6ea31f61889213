/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Work queues and soft interrupts: order, parallel work, drains, and a host
 * that has no threads to give.
 *
 * Link: rump
 */
#include <pthread.h>

#include <rump/rump.h>
#include <rump/rumpuser_fault.h>

#include "k_workqueue.h"
#include "test.h"

#define THREADS	4
#define ROUNDS	5000

static void
one_thread_keeps_the_order(void **state)
{
	(void)state;
	assert_int_equal(rumptest_workqueue_order(2000), 0);
}

static void
threads_are_started_as_needed(void **state)
{
	unsigned n;

	(void)state;
	for (n = 1; n <= 5; n++)
		assert_int_equal(rumptest_workqueue_parallel(n), 0);
}

static void
a_work_may_queue_itself(void **state)
{
	(void)state;
	assert_int_equal(rumptest_workqueue_again(500), 0);
}

static void
in_threads(void *(*fn)(void *))
{
	pthread_t t[THREADS];
	intptr_t i;
	void *r;

	for (i = 0; i < THREADS; i++)
		ok_errno(pthread_create(&t[i], NULL, fn, NULL));
	for (i = 0; i < THREADS; i++) {
		ok_errno(pthread_join(t[i], &r));
		assert_null(r);
	}
}

static void *
storm_thread(void *arg)
{
	(void)arg;
	return (void *)(intptr_t)rumptest_workqueue_storm(ROUNDS);
}

static void
works_of_many_threads_all_run(void **state)
{
	(void)state;
	ok_errno(rumptest_workqueue_storm_init());
	in_threads(storm_thread);
	assert_int_equal(rumptest_workqueue_storm_fini(), THREADS * ROUNDS);
}

static void
works_wait_for_a_host_without_threads(void **state)
{
	(void)state;
	rumptest_workqueue_timer();
	rumpuser_fault_set(RUMPUSER_FAULT_THREAD, 1, RUMPUSER_FAULT_STAYS);
	assert_int_equal(rumptest_workqueue_late_start(), 0);
	rumpuser_fault_clear();
	assert_int_equal(rumptest_workqueue_late_end(true), 0);
	/* Nor are they lost when the queue is destroyed. */
	rumpuser_fault_set(RUMPUSER_FAULT_THREAD, 1, RUMPUSER_FAULT_STAYS);
	assert_int_equal(rumptest_workqueue_late_start(), 0);
	assert_int_equal(rumptest_workqueue_late_end(false), 0);
	rumpuser_fault_clear();
}

static void *
softint_thread(void *arg)
{
	(void)arg;
	return (void *)(intptr_t)rumptest_workqueue_softint(ROUNDS);
}

static void
softints_run_once_for_many_schedules(void **state)
{
	(void)state;
	assert_int_equal(rumptest_workqueue_softint_init(), 0);
	in_threads(softint_thread);
	assert_int_equal(rumptest_workqueue_softint_fini(), 0);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_thread_keeps_the_order),
		cmocka_unit_test(threads_are_started_as_needed),
		cmocka_unit_test(a_work_may_queue_itself),
		cmocka_unit_test(works_of_many_threads_all_run),
		cmocka_unit_test(works_wait_for_a_host_without_threads),
		cmocka_unit_test(softints_run_once_for_many_schedules),
	};

	if (rump_init() != 0 || rumptest_workqueue_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
