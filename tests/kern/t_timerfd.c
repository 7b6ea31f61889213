/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * timerfd: errors and states judged by the host's; expirations on the kernel's
 * virtual clock, which moves when it is told to.
 *
 * Link: rump
 */
#define _GNU_SOURCE
#include "judge.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define MS 1000000LL

static void
calls(void)
{
	struct itimerspec it = { { 0, 0 }, { 1000, 0 } }, old;
	struct itimerspec bad = { { 0, 0 }, { 0, 1000000000 } };
	struct pollfd p = { 3, POLLIN, 0 };
	uint64_t v;

	DO(timerfd_create, CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	DO(timerfd_create, CLOCK_REALTIME, 0);
	DO(timerfd_create, CLOCK_BOOTTIME, 0);
	DO(timerfd_create, 77, 0);
	DO(timerfd_create, CLOCK_PROCESS_CPUTIME_ID, 0);
	DO(timerfd_create, CLOCK_MONOTONIC, 1);
	DO(timerfd_gettime, 3, &old);
	SAME(old.it_value.tv_sec);
	SAME(old.it_value.tv_nsec);
	DO(timerfd_settime, 3, 0, &it, &old);
	SAME(old.it_value.tv_sec);
	DO(timerfd_gettime, 3, &old);
	SAME(old.it_value.tv_sec >= 999);
	DO(timerfd_settime, 3, 0, &bad, NULL);
	DO(timerfd_settime, 3, 0x10, &it, NULL);
	DO(timerfd_settime, 3, 0, NULL, NULL);
	DO(timerfd_settime, 0, 0, &it, NULL);
	DO(timerfd_settime, 900, 0, &it, NULL);
	DO(timerfd_gettime, 3, NULL);
	DO(timerfd_gettime, 0, &old);
	DO(read, 3, &v, 8);
	DO(read, 3, &v, 7);
	DO(write, 3, &v, 8);
	DO(poll, &p, 1, 0);
	/* A time that has passed. */
	it = (struct itimerspec){ { 0, 0 }, { 0, 1 } };
	DO(timerfd_settime, 3, TFD_TIMER_ABSTIME, &it, NULL);
	DO(poll, &p, 1, 1000);
	DO(read, 3, &v, 8);
	SAME(v);
	DO(read, 3, &v, 8);
	DO(timerfd_gettime, 3, &old);
	SAME(old.it_value.tv_sec + old.it_value.tv_nsec);
	it = (struct itimerspec){ { 5, 6 }, { 0, 0 } };
	DO(timerfd_settime, 3, 0, &it, NULL);
	DO(timerfd_gettime, 3, &old);
	SAME(old.it_interval.tv_sec);
	SAME(old.it_interval.tv_nsec);
	SAME(old.it_value.tv_sec);
}

JUDGED(calls, calls_and_their_errors)

static struct itimerspec
spec(int64_t value, int64_t interval)
{
	return (struct itimerspec){ { interval / 1000, interval % 1000 * MS },
	    { value / 1000, value % 1000 * MS } };
}

static int64_t
expirations(int fd)
{
	uint64_t v;

	if (rump_sys_read(fd, &v, sizeof(v)) != 8)
		return -errno;
	return (int64_t)v;
}

static void
expires_when_time_comes(void **state)
{
	struct itimerspec it = spec(10, 0);
	int fd;

	(void)state;
	fd = rump_sys_timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
	assert_int_equal(rump_sys_timerfd_settime(fd, 0, &it, NULL), 0);
	ok_errno(rump_pub_clock_advance(9 * MS));
	assert_int_equal(expirations(fd), -EAGAIN);
	rump_sys_timerfd_gettime(fd, &it);
	assert_int_equal(it.it_value.tv_nsec, 1 * MS);
	ok_errno(rump_pub_clock_advance(1 * MS));
	assert_int_equal(expirations(fd), 1);
	ok_errno(rump_pub_clock_advance(1000 * MS));
	assert_int_equal(expirations(fd), -EAGAIN);
	rump_sys_close(fd);
}

static void
counts_intervals(void **state)
{
	struct itimerspec it = spec(10, 3);
	struct pollfd p;
	int fd;

	(void)state;
	fd = rump_sys_timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
	assert_int_equal(rump_sys_timerfd_settime(fd, 0, &it, NULL), 0);
	ok_errno(rump_pub_clock_advance(10 * MS));
	assert_int_equal(expirations(fd), 1);
	ok_errno(rump_pub_clock_advance(2 * MS));
	assert_int_equal(expirations(fd), -EAGAIN);
	ok_errno(rump_pub_clock_advance(8 * MS));
	assert_int_equal(expirations(fd), 3);
	p = (struct pollfd){ fd, POLLIN, 0 };
	assert_int_equal(rump_sys_poll(&p, 1, 0), 0);
	ok_errno(rump_pub_clock_advance(3 * MS));
	assert_int_equal(rump_sys_poll(&p, 1, 0), 1);
	assert_int_equal(rump_sys_close(fd), 0);
}

static void
follows_the_time_of_day(void **state)
{
	struct itimerspec it = { 0 };
	struct timespec now;
	int fd, cancel;

	(void)state;
	rump_sys_clock_gettime(CLOCK_REALTIME, &now);
	it.it_value = now;
	it.it_value.tv_sec += 3600;
	fd = rump_sys_timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK);
	cancel = rump_sys_timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK);
	assert_int_equal(rump_sys_timerfd_settime(fd, TFD_TIMER_ABSTIME, &it,
	    NULL), 0);
	assert_int_equal(rump_sys_timerfd_settime(cancel, TFD_TIMER_ABSTIME |
	    TFD_TIMER_CANCEL_ON_SET, &it, NULL), 0);
	now.tv_sec += 3599;
	assert_int_equal(rump_sys_clock_settime(CLOCK_REALTIME, &now), 0);
	assert_int_equal(expirations(fd), -EAGAIN);
	assert_int_equal(expirations(cancel), -ECANCELED);
	assert_int_equal(expirations(cancel), -EAGAIN);
	ok_errno(rump_pub_clock_advance(1000 * MS));
	assert_int_equal(expirations(fd), 1);
	rump_sys_close(fd);
	rump_sys_close(cancel);
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
		cmocka_unit_test(expires_when_time_comes),
		cmocka_unit_test(counts_intervals),
		cmocka_unit_test(follows_the_time_of_day),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
