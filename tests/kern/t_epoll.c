/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * epoll, judged by the host's; and with many threads.
 *
 * Link: rump
 */
#define _GNU_SOURCE
#include "judge.h"

#include <fcntl.h>
#include <pthread.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

static struct epoll_event out[64];

static int
ctl(int ep, int op, int fd, uint32_t events)
{
	struct epoll_event ev = { events, { .u64 = 1000u + (unsigned)fd } };

	return (int)CALL(epoll_ctl, ep, op, fd, &ev);
}

#define CTL(ep, op, fd, events) SAME(ctl((ep), EPOLL_CTL_##op, (fd), (events)))
#define ERRNO() SAME(errno)

/* What is reported now, in order. */
static void
show(int ep, int max)
{
	int n = (int)DO(epoll_wait, ep, out, max, 0);

	for (int i = 0; i < n; i++) {
		SAME(out[i].events);
		SAME(out[i].data.u64);
	}
}

static void
bump(int fd)
{
	uint64_t one = 1;

	(void)CALL(write, fd, &one, sizeof(one));
}

static void
drain(int fd)
{
	uint64_t v;

	(void)CALL(read, fd, &v, sizeof(v));
}

static void
level_and_edge(void)
{
	SAME(CALL(epoll_create1, 0));
	SAME(CALL(eventfd, 0, EFD_NONBLOCK));
	SAME(CALL(eventfd, 0, EFD_NONBLOCK));
	CTL(3, ADD, 4, EPOLLIN);
	CTL(3, ADD, 5, EPOLLIN | EPOLLET);
	show(3, 64);
	bump(4);
	bump(5);
	show(3, 64);
	show(3, 64);
	bump(5);
	show(3, 64);
	drain(5);
	show(3, 64);
	bump(5);
	drain(5);
	show(3, 64);
	drain(4);
	show(3, 64);
	CTL(3, MOD, 5, EPOLLIN | EPOLLOUT | EPOLLET);
	show(3, 64);
	show(3, 64);
	bump(5);
	show(3, 64);
	CTL(3, MOD, 4, EPOLLOUT);
	show(3, 64);
	show(3, 64);
	CTL(3, MOD, 4, 0);
	show(3, 64);
	CTL(3, DEL, 4, 0);
	bump(4);
	show(3, 64);
	CTL(3, ADD, 4, EPOLLIN);
	show(3, 64);
}

static void
oneshot(void)
{
	int fds[2];

	SAME(CALL(epoll_create1, EPOLL_CLOEXEC));
	DO(fcntl, 3, F_GETFD);
	SAME(CALL(eventfd, 0, EFD_NONBLOCK));
	CTL(3, ADD, 4, EPOLLIN | EPOLLONESHOT);
	bump(4);
	show(3, 64);
	show(3, 64);
	bump(4);
	show(3, 64);
	CTL(3, MOD, 4, EPOLLIN | EPOLLONESHOT);
	show(3, 64);
	show(3, 64);
	/* Nothing is reported after the shot, not even an error. */
	DO(pipe2, fds, 0);
	CTL(3, ADD, 6, EPOLLOUT | EPOLLONESHOT);
	show(3, 64);
	DO(close, 5);
	show(3, 64);
	CTL(3, MOD, 6, 0);
	show(3, 64);
}

static void
hangups(void)
{
	int fds[2];

	SAME(CALL(epoll_create1, 0));
	DO(pipe2, fds, O_NONBLOCK);
	CTL(3, ADD, 4, EPOLLIN | EPOLLRDHUP);
	CTL(3, ADD, 5, EPOLLOUT | EPOLLET);
	show(3, 64);
	show(3, 64);
	DO(write, 5, "x", 1);
	show(3, 64);
	DO(close, 5);
	show(3, 64);
	DO(read, 4, out, 1);
	show(3, 64);
	CTL(3, MOD, 4, 0);
	show(3, 64);
}

/* A registration goes with the description, not with the descriptor. */
static void
closing(void)
{
	SAME(CALL(epoll_create1, 0));
	SAME(CALL(eventfd, 1, EFD_NONBLOCK));
	CTL(3, ADD, 4, EPOLLIN);
	SAME(CALL(dup, 4));
	CTL(3, ADD, 5, EPOLLIN);
	CTL(3, ADD, 5, EPOLLIN);
	ERRNO();
	show(3, 64);
	DO(close, 4);
	show(3, 64);
	SAME(CALL(eventfd, 0, EFD_NONBLOCK));
	CTL(3, ADD, 4, EPOLLIN);
	show(3, 64);
	CTL(3, DEL, 5, 0);
	show(3, 64);
	DO(close, 5);
	show(3, 64);
	DO(close, 4);
	show(3, 64);
}

static void
errors(void)
{
	int fds[2];

	DO(epoll_create, 0);
	DO(epoll_create, -1);
	SAME(CALL(epoll_create, 5));
	DO(epoll_create1, 1);
	DO(pipe2, fds, 0);
	CTL(3, ADD, 900, EPOLLIN); ERRNO();
	CTL(900, ADD, 4, EPOLLIN); ERRNO();
	CTL(4, ADD, 5, EPOLLIN); ERRNO();
	CTL(3, ADD, 3, EPOLLIN); ERRNO();
	CTL(3, MOD, 4, EPOLLIN); ERRNO();
	CTL(3, DEL, 4, EPOLLIN); ERRNO();
	DO(epoll_ctl, 3, EPOLL_CTL_ADD, 4, NULL);
	DO(epoll_ctl, 3, EPOLL_CTL_DEL, 4, NULL);
	SAME(ctl(3, 99, 4, 0)); ERRNO();
	CTL(3, ADD, 4, EPOLLIN | EPOLLEXCLUSIVE);
	CTL(3, MOD, 4, EPOLLIN); ERRNO();
	CTL(3, DEL, 4, 0);
	CTL(3, ADD, 4, EPOLLIN | EPOLLEXCLUSIVE | EPOLLONESHOT); ERRNO();
	CTL(3, ADD, 4, EPOLLIN | EPOLLEXCLUSIVE | EPOLLPRI); ERRNO();
	CTL(3, ADD, 4, EPOLLIN);
	CTL(3, MOD, 4, EPOLLIN | EPOLLEXCLUSIVE); ERRNO();
	DO(write, 5, "x", 1);
	DO(epoll_wait, 3, out, 0, 0);
	DO(epoll_wait, 3, out, -1, 0);
	DO(epoll_wait, 3, NULL, 1, 0);
	DO(epoll_wait, 4, out, 1, 0);
	DO(epoll_wait, 900, out, 1, 0);
	DO(epoll_wait, 3, out, 1, -1);
	DO(read, 3, out, 8);
	DO(write, 3, out, 8);
	DO(lseek, 3, 0, SEEK_SET);
}

/* Few at a time: nobody starves. */
static void
turns(void)
{
	SAME(CALL(epoll_create1, 0));
	for (int i = 4; i < 40; i++) {
		SAME(CALL(eventfd, 1, EFD_NONBLOCK));
		CTL(3, ADD, i, i % 3 == 0 ? EPOLLIN | EPOLLET : EPOLLIN);
	}
	for (int i = 0; i < 12; i++)
		show(3, 7);
	for (int i = 4; i < 40; i += 2)
		drain(i);
	for (int i = 0; i < 6; i++)
		show(3, 7);
}

static void
nesting(void)
{
	struct pollfd p;
	int top;

	/* 3..9: a chain, built from the inside. */
	for (int i = 3; i < 10; i++)
		SAME(CALL(epoll_create1, 0));
	for (int i = 3; i < 9; i++) {
		CTL(i + 1, ADD, i, EPOLLIN);
		ERRNO();
	}
	CTL(3, ADD, 5, EPOLLIN); ERRNO();
	CTL(3, ADD, 4, EPOLLIN); ERRNO();
	SAME(CALL(eventfd, 0, EFD_NONBLOCK));
	CTL(3, ADD, 10, EPOLLIN);
	bump(10);
	for (top = 3; top < 9; top++) {
		p = (struct pollfd){ top, POLLIN, 0 };
		DO(poll, &p, 1, 0);
		SAME(p.revents);
		show(top, 8);
	}
	drain(10);
	for (top = 3; top < 9; top++)
		show(top, 8);
	/* 11..17: from the outside. */
	for (int i = 11; i < 18; i++)
		SAME(CALL(epoll_create1, 0));
	for (int i = 17; i > 11; i--) {
		CTL(i, ADD, i - 1, EPOLLIN);
		ERRNO();
	}
	/* Edge on edge. */
	SAME(CALL(epoll_create1, 0));
	SAME(CALL(epoll_create1, 0));
	CTL(19, ADD, 18, EPOLLIN | EPOLLET);
	CTL(18, ADD, 10, EPOLLIN | EPOLLET);
	bump(10);
	show(19, 8);
	show(19, 8);
	show(18, 8);
	show(18, 8);
	bump(10);
	show(19, 8);
	show(18, 8);
}

static void
with_masks(void)
{
	struct epoll_event ev = { EPOLLIN, { .fd = 3 } }, got[2];
	struct timespec ts = { 0, 1000000 }, bad = { 0, 1000000000 };
	sigset_t set;
	int fds[2];

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	DO(pipe2, fds, 0);
	DO(epoll_create1, 0);
	DO(epoll_ctl, 5, EPOLL_CTL_ADD, 3, &ev);
	DO(epoll_pwait, 5, got, 2, 0, NULL);
	DO(epoll_pwait, 5, got, 2, 1, &set);
	DO(epoll_pwait2, 5, got, 2, &ts, NULL);
	DO(epoll_pwait2, 5, got, 2, &bad, NULL);
	DO(epoll_pwait2, 5, got, 0, &ts, NULL);
	DO(write, 4, "x", 1);
	DO(epoll_pwait, 5, got, 2, -1, &set);
	SAME(got[0].data.fd);
	DO(epoll_pwait2, 5, got, 2, NULL, &set);
	SAME(got[0].events);
	DO(epoll_pwait, 4, got, 2, 0, NULL);
	DO(epoll_pwait, 77, got, 2, 0, NULL);
	/* The mask is as it was. */
	DO(sigprocmask, SIG_BLOCK, NULL, &set);
	SAME(sigismember(&set, SIGUSR1));
}

JUDGED(with_masks, waits_with_masks_and_timespecs)
JUDGED(level_and_edge, level_and_edge_triggered)
JUDGED(oneshot, one_shot_until_rearmed)
JUDGED(hangups, hang_ups_are_always_reported)
JUDGED(closing, registrations_follow_the_description)
JUDGED(errors, wrong_calls_are_refused)
JUDGED(turns, ready_files_take_turns)
JUDGED(nesting, nested_without_loops_and_not_too_deep)

/* ---- Threads ---------------------------------------------------------- */

#define THREADS 3
#define EVENTS 20000
#define FILES 8

static int ep, efds[FILES];
static _Atomic int taken;
static _Atomic bool over;

/* Each event of a semaphore is taken by exactly one of the waiters. */
static void *
waiter(void *arg)
{
	struct epoll_event ev[4];
	uint64_t v;
	int n;

	(void)arg;
	while (!atomic_load(&over)) {
		n = rump_sys_epoll_wait(ep, ev, 4, 100);
		if (n < 0)
			return (void *)1;
		for (int i = 0; i < n; i++) {
			if (rump_sys_read(efds[ev[i].data.u64], &v, 8) == 8)
				atomic_fetch_add(&taken, 1);
		}
	}
	return NULL;
}

static void
run_waiters(uint32_t events)
{
	pthread_t td[THREADS];
	struct epoll_event ev;
	uint64_t one = 1;
	void *rv;

	atomic_store(&taken, 0);
	atomic_store(&over, false);
	ep = rump_sys_epoll_create1(0);
	for (unsigned i = 0; i < FILES; i++) {
		efds[i] = rump_sys_eventfd(0, EFD_SEMAPHORE | EFD_NONBLOCK);
		ev = (struct epoll_event){ events, { .u64 = i } };
		assert_int_equal(rump_sys_epoll_ctl(ep, EPOLL_CTL_ADD,
		    efds[i], &ev), 0);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_create(&td[i], NULL, waiter, NULL);
	for (int i = 0; i < EVENTS; i++)
		assert_int_equal(rump_sys_write(efds[i % FILES], &one, 8), 8);
	for (int i = 0; i < 1000 && atomic_load(&taken) < EVENTS; i++)
		usleep(10000);
	atomic_store(&over, true);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(td[i], &rv);
		assert_null(rv);
	}
	assert_int_equal(atomic_load(&taken), EVENTS);
	rump_sys_close_range(0, ~0U, 0);
}

static void
level_triggered_waiters_lose_no_event(void **state)
{
	(void)state;
	run_waiters(EPOLLIN);
}

static void
exclusive_waiters_lose_no_event(void **state)
{
	(void)state;
	run_waiters(EPOLLIN | EPOLLEXCLUSIVE);
}

/* Files come and go under an epoll that others wait on and change. */
static void *
churn(void *arg)
{
	unsigned seed = (unsigned)(uintptr_t)arg + 5;
	struct epoll_event ev, evs[8];
	uint64_t one = 1;
	int fd, op;

	for (int i = 0; i < 8000; i++) {
		seed = seed * 1103515245 + 12345;
		fd = 10 + (int)(seed >> 16) % 12;
		op = (int)(seed >> 24) % 8;
		ev = (struct epoll_event){ EPOLLIN | ((seed & 64) != 0 ?
		    (unsigned)EPOLLET : 0), { .u64 = (unsigned)fd } };
		switch (op) {
		case 0: {
			int new = rump_sys_eventfd(1, EFD_NONBLOCK);

			rump_sys_dup2(new, fd);
			rump_sys_close(new);
			break;
		}
		case 1:
			rump_sys_close(fd);
			break;
		case 2:
			rump_sys_epoll_ctl(ep, EPOLL_CTL_DEL, fd, &ev);
			break;
		case 3:
			rump_sys_epoll_ctl(ep, EPOLL_CTL_MOD, fd, &ev);
			break;
		case 4:
			rump_sys_write(fd, &one, 8);
			break;
		case 5:
			if (rump_sys_epoll_wait(ep, evs, 8, 0) < 0)
				return (void *)1;
			break;
		default:
			rump_sys_epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev);
		}
	}
	return NULL;
}

static void
files_come_and_go(void **state)
{
	pthread_t td[4];
	void *rv;

	(void)state;
	ep = rump_sys_epoll_create1(0);
	for (int i = 0; i < 4; i++)
		pthread_create(&td[i], NULL, churn, (void *)(uintptr_t)i);
	for (int i = 0; i < 4; i++) {
		pthread_join(td[i], &rv);
		assert_null(rv);
	}
	rump_sys_close_range(10, ~0U, 0);
	assert_int_equal(rump_sys_epoll_wait(ep, out, 64, 0), 0);
	rump_sys_close_range(0, ~0U, 0);
}

static void *
late_closer(void *arg)
{
	usleep(20000);
	return (void *)(intptr_t)rump_sys_close((int)(intptr_t)arg);
}

static void
a_waiter_is_woken_by_a_hang_up(void **state)
{
	struct epoll_event ev = { EPOLLIN, { .u64 = 1 } };
	pthread_t td;
	int fds[2];

	(void)state;
	ep = rump_sys_epoll_create1(0);
	assert_int_equal(rump_sys_pipe2(fds, 0), 0);
	assert_int_equal(rump_sys_epoll_ctl(ep, EPOLL_CTL_ADD, fds[0], &ev),
	    0);
	pthread_create(&td, NULL, late_closer, (void *)(intptr_t)fds[1]);
	assert_int_equal(rump_sys_epoll_wait(ep, out, 4, 20000), 1);
	assert_int_equal(out[0].events, EPOLLHUP);
	pthread_join(td, NULL);
	rump_sys_close_range(0, ~0U, 0);
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
		cmocka_unit_test(waits_with_masks_and_timespecs),
		cmocka_unit_test(level_and_edge_triggered),
		cmocka_unit_test(one_shot_until_rearmed),
		cmocka_unit_test(hang_ups_are_always_reported),
		cmocka_unit_test(registrations_follow_the_description),
		cmocka_unit_test(wrong_calls_are_refused),
		cmocka_unit_test(ready_files_take_turns),
		cmocka_unit_test(nested_without_loops_and_not_too_deep),
		cmocka_unit_test(level_triggered_waiters_lose_no_event),
		cmocka_unit_test(exclusive_waiters_lose_no_event),
		cmocka_unit_test(files_come_and_go),
		cmocka_unit_test(a_waiter_is_woken_by_a_hang_up),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
