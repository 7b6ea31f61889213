/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * poll, ppoll and select, judged by the host's; and their waiting.
 *
 * Link: rump
 */
#define _GNU_SOURCE
#include "judge.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <time.h>
#include <unistd.h>

static void
polls(void)
{
	struct timespec ts = { 0, 1000000 }, bad = { 0, 1000000000 };
	struct rlimit rl = { 10, 100 };
	struct pollfd p[12];
	int fds[2];

	DO(pipe2, fds, 0);
	p[0] = (struct pollfd){ 3, POLLIN, 77 };
	p[1] = (struct pollfd){ 4, POLLOUT, 77 };
	p[2] = (struct pollfd){ -1, POLLIN, 77 };
	p[3] = (struct pollfd){ 900, POLLIN, 77 };
	p[4] = (struct pollfd){ 3, 0, 77 };
	DO(poll, p, 5, 0);
	for (int i = 0; i < 5; i++)
		SAME(p[i].revents);
	DO(poll, p, 5, -1);
	DO(poll, p, 1, 0);
	DO(poll, p, 1, 1);
	SAME(p[0].revents);
	DO(poll, NULL, 0, 0);
	DO(poll, NULL, 0, 1);
	DO(poll, NULL, 1, 0);
	DO(ppoll, p, 1, &ts, NULL);
	DO(ppoll, p, 1, &bad, NULL);
	DO(ppoll, p, 2, NULL, NULL);
	DO(write, 4, "x", 1);
	DO(poll, p, 2, -1);
	SAME(p[0].revents);
	SAME(p[1].revents);
	for (int i = 0; i < 12; i++)
		p[i] = (struct pollfd){ i % 2 ? 3 : 4, POLLIN | POLLOUT, 0 };
	DO(setrlimit, RLIMIT_NOFILE, &rl);
	DO(poll, p, 12, 0);
	DO(poll, p, 10, 0);
	for (int i = 0; i < 10; i++)
		SAME(p[i].revents);
}

static void
selects(void)
{
	struct timeval tv = { 0, 0 }, negative = { -1, 0 };
	struct timespec ts = { 0, 0 };
	fd_set r, w, e;
	int fds[2];

	DO(pipe2, fds, 0);
	DO(dup2, 3, 700);
#define SETS() do {						\
	FD_ZERO(&r); FD_ZERO(&w); FD_ZERO(&e);			\
	FD_SET(3, &r); FD_SET(4, &w); FD_SET(3, &e); FD_SET(700, &r);	\
} while (0)
#define SHOW() do {						\
	SAME(FD_ISSET(3, &r)); SAME(FD_ISSET(4, &w));		\
	SAME(FD_ISSET(3, &e)); SAME(FD_ISSET(700, &r));		\
} while (0)
	SETS();
	DO(select, 5, &r, &w, &e, &tv);
	SHOW();
	SETS();
	DO(select, 701, &r, &w, &e, &tv);
	SHOW();
	DO(write, 4, "x", 1);
	SETS();
	DO(select, 5, &r, &w, &e, NULL);
	SHOW();
	SETS();
	DO(select, 701, &r, &w, &e, NULL);
	SHOW();
	SETS();
	DO(pselect, 701, &r, NULL, NULL, &ts, NULL);
	SHOW();
	SETS();
	DO(select, -1, &r, &w, &e, &tv);
	DO(select, 701, &r, &w, &e, &negative);
	FD_SET(701, &r);
	DO(select, 702, &r, &w, &e, &tv);
	tv = (struct timeval){ 0, 1000 };
	DO(select, 0, NULL, NULL, NULL, &tv);
	SAME(tv.tv_sec);
	SAME(tv.tv_usec);
	DO(close, 4);
	SETS();
	FD_CLR(4, &w);
	DO(select, 701, &r, &w, &e, NULL);
	SHOW();
}

JUDGED(polls, poll_reports_each_descriptor)
JUDGED(selects, select_reports_sets)

/* ---- Waiting ---------------------------------------------------------- */

static int efd;

static void *
writer(void *arg)
{
	uint64_t one = 1;

	usleep(20000 + (useconds_t)(uintptr_t)arg);
	return (void *)rump_sys_write(efd, &one, 8);
}

static int64_t
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

static void
poll_wakes_on_a_write(void **state)
{
	struct pollfd p[40];
	pthread_t td;

	(void)state;
	efd = rump_sys_eventfd(0, 0);
	for (int i = 0; i < 40; i++)
		p[i] = (struct pollfd){ i == 33 ? efd : -1, POLLIN, 0 };
	pthread_create(&td, NULL, writer, NULL);
	assert_int_equal(rump_sys_poll(p, 40, 20000), 1);
	assert_int_equal(p[33].revents, POLLIN);
	pthread_join(td, NULL);
	rump_sys_close(efd);
}

static void
poll_waits_no_less_than_asked(void **state)
{
	struct pollfd p;
	int64_t start;

	(void)state;
	efd = rump_sys_eventfd(0, 0);
	p = (struct pollfd){ efd, POLLIN, 0 };
	for (int ms = 1; ms < 40; ms *= 3) {
		start = now();
		assert_int_equal(rump_sys_poll(&p, 1, ms), 0);
		assert_true(now() - start >= ms * 1000000LL);
	}
	rump_sys_close(efd);
}

static void *
closer(void *arg)
{
	(void)arg;
	usleep(20000);
	return (void *)(intptr_t)rump_sys_close(efd);
}

/* The description lives on in the call that waits for it. */
static void
poll_survives_a_close(void **state)
{
	struct pollfd p;
	pthread_t td;

	(void)state;
	efd = rump_sys_eventfd(0, 0);
	p = (struct pollfd){ efd, POLLIN, 0 };
	pthread_create(&td, NULL, closer, NULL);
	assert_int_equal(rump_sys_poll(&p, 1, 60), 0);
	pthread_join(td, NULL);
	assert_int_equal(rump_sys_poll(&p, 1, 0), 1);
	assert_int_equal(p.revents, POLLNVAL);
}

static int tid;

static void *
killer(void *arg)
{
	(void)arg;
	usleep(30000);
	return (void *)(intptr_t)rump_sys_tgkill(1, tid, SIGUSR1);
}

static void
a_signal_ends_a_poll(void **state)
{
	struct pollfd p;
	pthread_t td;

	(void)state;
	efd = rump_sys_eventfd(0, 0);
	p = (struct pollfd){ efd, POLLIN, 0 };
	tid = rump_sys_gettid();
	pthread_create(&td, NULL, killer, NULL);
	assert_int_equal(rump_sys_poll(&p, 1, 20000), -1);
	assert_int_equal(errno, EINTR);
	pthread_join(td, NULL);
	/* Once. */
	assert_int_equal(rump_sys_poll(&p, 1, 1), 0);
	rump_sys_close(efd);
}

static void
a_mask_of_ppoll_lets_a_pending_signal_in(void **state)
{
	struct timespec ts = { 20, 0 };
	sigset_t set, none;

	(void)state;
	sigemptyset(&none);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	assert_int_equal(rump_sys_sigprocmask(SIG_BLOCK, &set, NULL), 0);
	assert_int_equal(rump_sys_kill(1, SIGUSR2), 0);
	ts.tv_sec = 0;
	ts.tv_nsec = 1000000;
	assert_int_equal(rump_sys_ppoll(NULL, 0, &ts, NULL), 0);
	ts.tv_sec = 20;
	assert_int_equal(rump_sys_ppoll(NULL, 0, &ts, &none), -1);
	assert_int_equal(errno, EINTR);
	assert_int_equal(rump_sys_sigprocmask(SIG_UNBLOCK, &set, NULL), 0);
}

static int
setup(void **state)
{
	(void)state;
	rump_boot_setsigmodel(RUMP_SIGMODEL_RECORD);
	return rump_init();
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(poll_reports_each_descriptor),
		cmocka_unit_test(select_reports_sets),
		cmocka_unit_test(poll_wakes_on_a_write),
		cmocka_unit_test(poll_waits_no_less_than_asked),
		cmocka_unit_test(poll_survives_a_close),
		cmocka_unit_test(a_signal_ends_a_poll),
		cmocka_unit_test(a_mask_of_ppoll_lets_a_pending_signal_in),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
