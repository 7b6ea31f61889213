/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * eventfd, judged by the host's; and between threads.
 *
 * Link: rump
 */
#define _GNU_SOURCE
#include "judge.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

static uint64_t v;

static void
put(int fd, uint64_t n)
{
	v = n;
	DO(write, fd, &v, sizeof(v));
}

static void
take(int fd)
{
	v = 4711;
	DO(read, fd, &v, sizeof(v));
	SAME(v);
}

static void
ask(int fd)
{
	struct pollfd p = { fd, POLLIN | POLLOUT, 0 };

	DO(poll, &p, 1, 0);
	SAME(p.revents);
}

static void
counter(void)
{
	char big[16];

	DO(eventfd, 3, EFD_NONBLOCK | EFD_CLOEXEC);
	DO(fcntl, 3, F_GETFD);
	ask(3);
	take(3);
	ask(3);
	take(3);
	put(3, 0);
	take(3);
	put(3, 5);
	put(3, 6);
	take(3);
	put(3, UINT64_MAX);
	put(3, UINT64_MAX - 1);
	ask(3);
	put(3, 1);
	put(3, 0);
	take(3);
	put(3, UINT64_MAX - 2);
	ask(3);
	put(3, 1);
	ask(3);
	DO(read, 3, big, 7);
	DO(read, 3, big, 16);
	DO(write, 3, big, 7);
	DO(read, 3, NULL, 8);
	DO(write, 3, NULL, 8);
	put(3, 1);
	take(3);
	DO(pread, 3, big, 8, -1);
	DO(eventfd, 0, 0x10);
	DO(eventfd, ~0U, 0);
	take(4);
}

static void
semaphore(void)
{
	DO(eventfd, 2, EFD_NONBLOCK | EFD_SEMAPHORE);
	take(3);
	ask(3);
	take(3);
	take(3);
	ask(3);
	put(3, 3);
	take(3);
	take(3);
	take(3);
	take(3);
}

JUDGED(counter, counts)
JUDGED(semaphore, counts_down_as_a_semaphore)

static int efd;

static void *
late_reader(void *arg)
{
	uint64_t n;

	(void)arg;
	usleep(20000);
	return (void *)rump_sys_read(efd, &n, sizeof(n));
}

static void
a_full_counter_blocks_the_writer(void **state)
{
	uint64_t n = UINT64_MAX - 1;
	pthread_t td;

	(void)state;
	efd = rump_sys_eventfd(0, 0);
	assert_int_equal(rump_sys_write(efd, &n, 8), 8);
	pthread_create(&td, NULL, late_reader, NULL);
	n = 7;
	assert_int_equal(rump_sys_write(efd, &n, 8), 8);
	pthread_join(td, NULL);
	assert_int_equal(rump_sys_read(efd, &n, 8), 8);
	assert_int_equal(n, 7);
	rump_sys_close(efd);
}

static int
setup(void **state)
{
	(void)state;
	return rump_init();
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts),
		cmocka_unit_test(counts_down_as_a_semaphore),
		cmocka_unit_test(a_full_counter_blocks_the_writer),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
