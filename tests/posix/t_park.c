/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Parking, and the real clock.
 *
 * Link: rumpuser
 */
#define _GNU_SOURCE
#include <sys/resource.h>

#include <signal.h>

#include "posix_test.h"

static void
differing_word_does_not_sleep(void **state)
{
	uint32_t word = 1;

	(void)state;
	assert_int_equal(rumpuser_park(&word, 0, RUMPUSER_FOREVER), 0);
}

static void
deadline_is_absolute_and_monotonic(void **state)
{
	uint32_t word = 0;
	int64_t t = rumpuser_clock(RUMPUSER_CLOCK_MONO);

	(void)state;
	while (rumpuser_park(&word, 0, t + 20 * MS) == 0)
		continue;
	assert_true(rumpuser_clock(RUMPUSER_CLOCK_MONO) >= t + 20 * MS);
	assert_true(rumpuser_clock(RUMPUSER_CLOCK_MONO) < t + 5 * SEC);
}

static void
past_deadlines_time_out_at_once(void **state)
{
	static const int64_t past[] = { INT64_MIN, -1, 0, 1 };
	uint32_t word = 0;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(past) / sizeof(past[0]); i++)
		assert_int_equal(rumpuser_park(&word, 0, past[i]), ETIMEDOUT);
}

static void
nothing(int signo)
{

	(void)signo;
}

static void *
shoot(void *arg)
{
	int i;

	for (i = 0; i < 20; i++) {
		pthread_kill(*(pthread_t *)arg, SIGUSR1);
		nap(MS);
	}
	return NULL;
}

static void
signals_are_spurious_returns(void **state)
{
	struct sigaction sa = { .sa_handler = nothing };
	pthread_t me = pthread_self(), id;
	uint32_t word = 0;
	int64_t t = rumpuser_clock(RUMPUSER_CLOCK_MONO) + 30 * MS;
	int error;

	(void)state;
	sigaction(SIGUSR1, &sa, NULL);
	pthread_create(&id, NULL, shoot, &me);
	while ((error = rumpuser_park(&word, 0, t)) == 0)
		continue;
	assert_int_equal(error, ETIMEDOUT);
	pthread_join(id, NULL);
}

/* ---- A lock and a turnstile made of it -------------------------------- */

static _Atomic uint32_t lock_word;	/* 0 free, 1 held, 2 and waited for */
static uint64_t guarded;

static void
lock(void)
{
	uint32_t v = 0;

	if (atomic_compare_exchange_strong(&lock_word, &v, 1))
		return;
	while (atomic_exchange(&lock_word, 2) != 0)
		rumpuser_park((const uint32_t *)&lock_word, 2,
		    RUMPUSER_FOREVER);
}

static void
unlock(void)
{

	if (atomic_exchange(&lock_word, 0) == 2)
		rumpuser_unpark((const uint32_t *)&lock_word, 1);
}

static void
contend(void *arg)
{
	int i;

	(void)arg;
	for (i = 0; i < 20000; i++) {
		lock();
		guarded++;
		unlock();
	}
}

static void
no_wakeup_is_lost_under_contention(void **state)
{
	void *cookie[4];
	int i;

	(void)state;
	for (i = 0; i < 4; i++)
		assert_int_equal(rumpuser_thread_create(contend, NULL, "c",
		    RUMPUSER_THREAD_JOINABLE, &cookie[i]), 0);
	for (i = 0; i < 4; i++)
		assert_int_equal(rumpuser_thread_join(cookie[i]), 0);
	assert_int_equal(guarded, 80000);
}

static _Atomic uint32_t ping, pong;

static void
set(_Atomic uint32_t *word, uint32_t v)
{

	atomic_store(word, v);
	rumpuser_unpark((const uint32_t *)word, 1);
}

static void
await(_Atomic uint32_t *word, uint32_t v)
{
	uint32_t cur;

	while ((cur = atomic_load(word)) != v)
		rumpuser_park((const uint32_t *)word, cur, RUMPUSER_FOREVER);
}

static void
echo(void *arg)
{
	uint32_t i;

	(void)arg;
	for (i = 1; i <= 5000; i++) {
		await(&ping, i);
		set(&pong, i);
	}
}

static void
two_threads_take_turns(void **state)
{
	void *cookie;
	uint32_t i;

	(void)state;
	assert_int_equal(rumpuser_thread_create(echo, NULL, "e",
	    RUMPUSER_THREAD_JOINABLE, &cookie), 0);
	for (i = 1; i <= 5000; i++) {
		set(&ping, i);
		await(&pong, i);
	}
	assert_int_equal(rumpuser_thread_join(cookie), 0);
}

static uint32_t gate;
static _Atomic int through;

static void
pass_gate(void *arg)
{

	(void)arg;
	while (__atomic_load_n(&gate, __ATOMIC_SEQ_CST) == 0)
		rumpuser_park(&gate, 0, RUMPUSER_FOREVER);
	atomic_fetch_add(&through, 1);
}

static void
unpark_of_all_wakes_all(void **state)
{
	void *cookie[8];
	int i;

	(void)state;
	for (i = 0; i < 8; i++)
		assert_int_equal(rumpuser_thread_create(pass_gate, NULL, "g",
		    RUMPUSER_THREAD_JOINABLE, &cookie[i]), 0);
	nap(5 * MS);
	assert_int_equal(atomic_load(&through), 0);
	__atomic_store_n(&gate, 1, __ATOMIC_SEQ_CST);
	rumpuser_unpark(&gate, UINT32_MAX);
	for (i = 0; i < 8; i++)
		assert_int_equal(rumpuser_thread_join(cookie[i]), 0);
	assert_int_equal(atomic_load(&through), 8);
}

static void
clocks_are_the_hosts(void **state)
{
	struct timespec ts;
	int64_t host, ours, last = 0;
	int i;

	(void)state;
	clock_gettime(CLOCK_REALTIME, &ts);
	host = ts.tv_sec * SEC + ts.tv_nsec;
	ours = rumpuser_clock(RUMPUSER_CLOCK_REAL);
	assert_true(ours >= host && ours < host + 5 * SEC);
	for (i = 0; i < 1000; i++) {
		ours = rumpuser_clock(RUMPUSER_CLOCK_MONO);
		assert_true(ours >= last);
		last = ours;
	}
	assert_int_equal(rumpuser_clock_advance(1), EPERM);
}

static void
parked_threads_use_no_cpu(void **state)
{
	struct rusage a, b;
	void *cookie[4];
	int i;

	(void)state;
	__atomic_store_n(&gate, 0, __ATOMIC_SEQ_CST);
	for (i = 0; i < 4; i++)
		assert_int_equal(rumpuser_thread_create(pass_gate, NULL, "i",
		    RUMPUSER_THREAD_JOINABLE, &cookie[i]), 0);
	nap(20 * MS);
	getrusage(RUSAGE_SELF, &a);
	nap(200 * MS);
	getrusage(RUSAGE_SELF, &b);
	assert_true(b.ru_nvcsw - a.ru_nvcsw < 5);
	__atomic_store_n(&gate, 1, __ATOMIC_SEQ_CST);
	rumpuser_unpark(&gate, UINT32_MAX);
	for (i = 0; i < 4; i++)
		assert_int_equal(rumpuser_thread_join(cookie[i]), 0);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(differing_word_does_not_sleep),
		cmocka_unit_test(deadline_is_absolute_and_monotonic),
		cmocka_unit_test(past_deadlines_time_out_at_once),
		cmocka_unit_test(signals_are_spurious_returns),
		cmocka_unit_test(no_wakeup_is_lost_under_contention),
		cmocka_unit_test(two_threads_take_turns),
		cmocka_unit_test(unpark_of_all_wakes_all),
		cmocka_unit_test(clocks_are_the_hosts),
		cmocka_unit_test(parked_threads_use_no_cpu),
	};

	return cmocka_run_group_tests(tests, boot, NULL);
}
