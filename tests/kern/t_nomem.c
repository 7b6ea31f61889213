/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Processes, descriptors and files when memory runs out: each allocation of a
 * workload fails once. A call that fails says ENOMEM and leaves nothing.
 *
 * Link: rump
 */
#define _GNU_SOURCE
#include "judge.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "k_nomem.h"

#define STEPS 400

/* The first call that failed ends the workload. */
#define TRY(call) do {						\
	errno = 0;						\
	if ((call) < 0)						\
		return errno;					\
} while (0)

static char buf[20000];

static int
descriptors(void)
{
	struct pollfd p[50];
	struct iovec iov[20];
	struct timespec now = { 0, 1 };
	fd_set set;
	int fds[2];

	TRY(rump_sys_pipe2(fds, O_NONBLOCK));
	TRY(rump_sys_write(fds[1], buf, 1));
	TRY(rump_sys_write(fds[1], buf, sizeof(buf)));
	TRY(rump_sys_fcntl(fds[0], F_SETPIPE_SZ, 1 << 18));
	TRY(rump_sys_fcntl(fds[0], F_SETPIPE_SZ, 1 << 15));
	for (int i = 0; i < 20; i++)
		iov[i] = (struct iovec){ buf + i, 1 };
	TRY(rump_sys_readv(fds[0], iov, 20));
	for (int i = 0; i < 50; i++)
		p[i] = (struct pollfd){ fds[0], POLLPRI, 0 };
	TRY(rump_sys_ppoll(p, 50, &now, NULL));
	TRY(rump_sys_dup2(fds[0], 600));
	FD_ZERO(&set);
	FD_SET(600, &set);
	TRY(rump_sys_select(601, &set, NULL, NULL, NULL));
	return 0;
}

static int
events(void)
{
	struct itimerspec it = { { 0, 0 }, { 100, 0 } };
	struct epoll_event ev = { EPOLLIN, { .u64 = 3 } };
	sigset_t set;
	int ep, inner, fd;

	TRY(ep = rump_sys_epoll_create1(0));
	TRY(inner = rump_sys_epoll_create1(0));
	TRY(rump_sys_epoll_ctl(ep, EPOLL_CTL_ADD, inner, &ev));
	for (int i = 0; i < 40; i++) {
		TRY(fd = rump_sys_eventfd(1, 0));
		TRY(rump_sys_epoll_ctl(inner, EPOLL_CTL_ADD, fd, &ev));
	}
	TRY(rump_sys_epoll_wait(ep, &ev, 1, 0));
	TRY(fd = rump_sys_timerfd_create(CLOCK_REALTIME, 0));
	TRY(rump_sys_timerfd_settime(fd, 0, &it, NULL));
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	TRY(rump_sys_signalfd(-1, &set, 0));
	TRY(rump_sys_sigprocmask(SIG_BLOCK, &set, NULL));
	TRY(rump_sys_kill(rump_sys_getpid(), SIGUSR1));
	return 0;
}

static int
processes(void)
{
	gid_t list[30] = { 0 };
	int error;

	error = rump_pub_lwproc_rfork(RUMP_RFFDG);
	if (error != 0)
		return error;
	error = rump_pub_lwproc_newlwp(rump_sys_getpid());
	if (error == 0) {
		struct lwp *l = rump_pub_lwproc_curlwp();

		if (rump_sys_setgroups(30, list) != 0 ||
		    rump_sys_setresuid(5, 5, 0) != 0)
			error = errno;
		rump_pub_lwproc_switch(l);
		rump_pub_lwproc_releaselwp();
	}
	return error;
}

/* Run it with the nth allocation failing, for every n that it reaches. */
static void
starve(int (*workload)(void))
{
	size_t used = 0;
	uint64_t seen = UINT64_MAX, n;
	int error;

	ok_errno(rump_pub_lwproc_rfork(RUMP_RFCFDG));
	struct lwp *self = rump_pub_lwproc_curlwp();

	ok_errno(workload());
	for (n = 1; seen >= n - 1 && n < STEPS; n++) {
		rump_sys_close_range(0, ~0U, 0);
		ok_errno(rump_pub_lwproc_switch(self));
		/* The table of descriptors is as large as it gets. */
		rump_sys_sigaction(SIGUSR1, &(struct sigaction){
		    .sa_handler = SIG_IGN }, NULL);
		rump_sys_sigaction(SIGUSR1, &(struct sigaction){
		    .sa_handler = SIG_DFL }, NULL);
		if (used == 0)
			used = rumptest_nomem_used();
		rumptest_nomem_at(n);
		error = workload();
		seen = rumptest_nomem_seen();
		rumptest_nomem_at(0);
		assert_true(error == 0 || error == ENOMEM);
	}
	assert_in_range(n, 4, STEPS - 1);
	ok_errno(rump_pub_lwproc_switch(self));
	rump_sys_close_range(0, ~0U, 0);
	assert_true(rumptest_nomem_used() <= used + 4096);
	rump_pub_lwproc_releaselwp();
}

static void
descriptors_survive(void **state)
{
	(void)state;
	starve(descriptors);
}

static void
events_survive(void **state)
{
	(void)state;
	starve(events);
}

static int
setup(void **state)
{
	(void)state;
	rump_boot_setsigmodel(RUMP_SIGMODEL_RECORD);
	return rump_init();
}

/* These leave processes behind that nobody is: not counted. */
static void
processes_survive(void **state)
{
	uint64_t seen = UINT64_MAX, n;
	int error;

	(void)state;
	for (n = 1; seen >= n - 1 && n < STEPS; n++) {
		rumptest_nomem_at(n);
		error = processes();
		seen = rumptest_nomem_seen();
		rumptest_nomem_at(0);
		assert_true(error == 0 || error == ENOMEM);
		ok_errno(rump_pub_lwproc_switch(NULL));
	}
	assert_in_range(n, 4, STEPS - 1);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(descriptors_survive),
		cmocka_unit_test(events_survive),
		cmocka_unit_test(processes_survive),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
