/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Clocks and sleeping: errors judged by the host's; time on the kernel's
 * virtual clock.
 *
 * Link: rump
 */
#define _GNU_SOURCE
#include "judge.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/time.h>
#include <sys/times.h>
#include <time.h>
#include <unistd.h>

#define MS 1000000LL

static void
calls(void)
{
	struct timespec ts, bad = { 0, 1000000000 }, negative = { -1, 0 };
	struct timespec zero = { 0, 0 };

	DO(clock_gettime, CLOCK_REALTIME, &ts);
	DO(clock_gettime, CLOCK_MONOTONIC, &ts);
	DO(clock_gettime, CLOCK_BOOTTIME, &ts);
	DO(clock_gettime, CLOCK_MONOTONIC_RAW, &ts);
	DO(clock_gettime, CLOCK_REALTIME_COARSE, &ts);
	DO(clock_gettime, CLOCK_TAI, &ts);
	DO(clock_gettime, 99, &ts);
	DO(clock_getres, CLOCK_MONOTONIC, &ts);
	SAME(ts.tv_sec);
	SAME(ts.tv_nsec);
	DO(clock_getres, CLOCK_MONOTONIC, NULL);
	DO(clock_getres, 99, NULL);
	DO(clock_settime, CLOCK_MONOTONIC, &ts);
	DO(clock_settime, 99, &ts);
	DO(clock_settime, CLOCK_REALTIME, &bad);
	DO(clock_settime, CLOCK_REALTIME, &negative);
	DO(nanosleep, &zero, NULL);
	DO(nanosleep, &bad, NULL);
	DO(nanosleep, &negative, NULL);
	DO(setuid, 1000);
	DO(clock_settime, CLOCK_REALTIME, &zero);
}

JUDGED(calls, calls_and_their_errors)

static int64_t
read_clock(clockid_t clock)
{
	struct timespec ts;

	assert_int_equal(rump_sys_clock_gettime(clock, &ts), 0);
	return ts.tv_sec * 1000 * MS + ts.tv_nsec;
}

static void
clocks_move_together(void **state)
{
	int64_t mono = read_clock(CLOCK_MONOTONIC);
	int64_t real = read_clock(CLOCK_REALTIME);
	clock_t ticks = rump_sys_times(NULL);

	(void)state;
	ok_errno(rump_pub_clock_advance(70 * MS));
	assert_int_equal(read_clock(CLOCK_MONOTONIC) - mono, 70 * MS);
	assert_int_equal(read_clock(CLOCK_REALTIME) - real, 70 * MS);
	assert_int_equal(rump_sys_times(NULL) - ticks, 7);
}

static void
time_of_day_can_be_set(void **state)
{
	struct timespec ts = { 1000000000, 5 };
	struct timeval tv;
	time_t t;
	int64_t mono = read_clock(CLOCK_MONOTONIC);

	(void)state;
	assert_int_equal(rump_sys_clock_settime(CLOCK_REALTIME, &ts), 0);
	assert_int_equal(read_clock(CLOCK_REALTIME),
	    1000000000LL * 1000 * MS + 5);
	assert_int_equal(read_clock(CLOCK_MONOTONIC), mono);
	assert_int_equal(rump_sys_gettimeofday(&tv, NULL), 0);
	assert_int_equal(tv.tv_sec, 1000000000);
	assert_int_equal(rump_sys_time(&t), 1000000000);
	assert_int_equal(t, 1000000000);
	tv.tv_sec++;
	assert_int_equal(rump_sys_settimeofday(&tv, NULL), 0);
	assert_int_equal(rump_sys_time(NULL), 1000000001);
}

static _Atomic int awake;

static void *
sleeper(void *arg)
{
	struct timespec ts = { 0, 50 * MS };

	(void)arg;
	if (rump_sys_nanosleep(&ts, NULL) != 0)
		return (void *)1;
	atomic_fetch_add(&awake, 1);
	return NULL;
}

static void *
sleeper_until(void *arg)
{
	struct timespec ts = { 2000000000, 0 };

	(void)arg;
	if (rump_sys_clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &ts,
	    NULL) != 0)
		return (void *)1;
	atomic_fetch_add(&awake, 1);
	return NULL;
}

static void
sleeps_until_its_time(void **state)
{
	pthread_t td;
	void *rv;

	(void)state;
	atomic_store(&awake, 0);
	pthread_create(&td, NULL, sleeper, NULL);
	usleep(30000);
	ok_errno(rump_pub_clock_advance(49 * MS));
	usleep(30000);
	assert_int_equal(atomic_load(&awake), 0);
	ok_errno(rump_pub_clock_advance(1 * MS));
	pthread_join(td, &rv);
	assert_null(rv);
	assert_int_equal(atomic_load(&awake), 1);
}

static void
sleep_until_a_time_of_day_follows_it(void **state)
{
	struct timespec ts = { 1999999999, 0 };
	pthread_t td;
	void *rv;

	(void)state;
	atomic_store(&awake, 0);
	pthread_create(&td, NULL, sleeper_until, NULL);
	usleep(30000);
	assert_int_equal(rump_sys_clock_settime(CLOCK_REALTIME, &ts), 0);
	usleep(30000);
	assert_int_equal(atomic_load(&awake), 0);
	ts.tv_sec += 5;
	assert_int_equal(rump_sys_clock_settime(CLOCK_REALTIME, &ts), 0);
	pthread_join(td, &rv);
	assert_null(rv);
}

static int
setup(void **state)
{
	(void)state;
	setenv("RUMP_CLOCK", "virtual", 1);
	return rump_init();
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(calls_and_their_errors),
		cmocka_unit_test(clocks_move_together),
		cmocka_unit_test(time_of_day_can_be_set),
		cmocka_unit_test(sleeps_until_its_time),
		cmocka_unit_test(sleep_until_a_time_of_day_follows_it),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
