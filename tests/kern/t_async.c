/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Signals for readiness (O_ASYNC), and the interval timer: judged by the
 * host's.
 *
 * Link: rump
 */
#define _GNU_SOURCE
#include "judge.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/time.h>
#include <unistd.h>

#define RT (SIGRTMIN + 3)

static sigset_t watched;

static void
block_signals(void)
{
	sigemptyset(&watched);
	sigaddset(&watched, SIGIO);
	sigaddset(&watched, SIGALRM);
	sigaddset(&watched, RT);
	DO(sigprocmask, SIG_BLOCK, &watched, NULL);
}

/* The signal that comes, or is there; 0: none comes. */
static int
next_signal(siginfo_t *info, int ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000L };

	memset(info, 0, sizeof(*info));
	return (int)CALL(sigtimedwait, &watched, info, &ts);
}

static void
owners(void)
{
	struct f_owner_ex ex = { -1, -1 };
	int fds[2], one = 1;
	uid_t uids[2] = { 7, 7 };
	pid_t me;

	DO(pipe2, fds, 0);
	DO(fcntl, 3, F_GETOWN, NULL);
	DO(fcntl, 3, F_GETSIG, NULL);
	DO(fcntl, 3, F_GETOWN_EX, &ex);
	SAME(ex.type);
	SAME(ex.pid);
	me = (pid_t)CALL(getpid);
	DO(fcntl, 3, F_SETOWN, (long)me);
	SAME(CALL(fcntl, 3, F_GETOWN, NULL) == me);
	SAME(CALL(fcntl, 4, F_GETOWN, NULL));
	DO(fcntl, 3, F_SETOWN, 4194000L);
	DO(fcntl, 3, F_SETOWN, -4194000L);
	DO(fcntl, 3, F_SETOWN, (long)INT32_MIN);
	SAME(CALL(fcntl, 3, F_GETOWN, NULL) == me);
	DO(setpgid, 0, 0);
	DO(fcntl, 3, F_SETOWN, -(long)me);
	SAME(CALL(fcntl, 3, F_GETOWN, NULL) == -me);
	ex = (struct f_owner_ex){ F_OWNER_TID, (pid_t)CALL(gettid) };
	DO(fcntl, 3, F_SETOWN_EX, &ex);
	SAME(CALL(fcntl, 3, F_GETOWN, NULL) == ex.pid);
	ex = (struct f_owner_ex){ 5, 0 };
	DO(fcntl, 3, F_SETOWN_EX, &ex);
	DO(fcntl, 3, F_SETOWN_EX, NULL);
	DO(fcntl, 3, F_GETOWN_EX, &ex);
	SAME(ex.type);
	DO(fcntl, 3, F_GETOWN_EX, NULL);
	DO(fcntl, 3, 17 /* F_GETOWNER_UIDS */, uids);
	SAME(uids[0]);
	SAME(uids[1]);
	DO(fcntl, 3, F_SETOWN, 0L);
	DO(fcntl, 3, F_GETOWN, NULL);
	DO(fcntl, 3, F_SETSIG, 65L);
	DO(fcntl, 3, F_SETSIG, -1L);
	DO(fcntl, 3, F_SETSIG, (long)RT);
	DO(fcntl, 3, F_GETSIG, NULL);
	DO(fcntl, 3, F_SETFL, (long)O_ASYNC);
	DO(fcntl, 3, F_GETFL, NULL);
	DO(fcntl, 3, F_SETFL, 0L);
	DO(fcntl, 3, F_GETFL, NULL);
	DO(ioctl, 3, FIOASYNC, &one);
	DO(fcntl, 3, F_GETFL, NULL);
	/* What has nothing to tell. */
	DO(eventfd, 0, 0);
	DO(fcntl, 5, F_SETFL, (long)O_ASYNC);
	DO(fcntl, 5, F_GETFL, NULL);
	DO(ioctl, 5, FIOASYNC, &one);
	DO(fcntl, 5, F_SETOWN, (long)me);
	SAME(CALL(fcntl, 5, F_GETOWN, NULL) == me);
}

static void
sigio(void)
{
	siginfo_t info;
	int fds[2];

	block_signals();
	DO(pipe2, fds, O_NONBLOCK);
	DO(fcntl, 3, F_SETOWN, CALL(getpid));
	DO(fcntl, 3, F_SETFL, (long)(O_ASYNC | O_NONBLOCK));
	SAME(next_signal(&info, 0));
	DO(write, 4, "x", 1);
	SAME(next_signal(&info, 5000));
	SAME(info.si_code);
	SAME(next_signal(&info, 0));
	DO(write, 4, "x", 1);
	SAME(next_signal(&info, 5000));
	/* Room, for a writer. */
	DO(fcntl, 4, F_SETOWN, CALL(getpid));
	DO(fcntl, 3, F_SETFL, (long)O_NONBLOCK);
	DO(write, 4, "x", 1);
	SAME(next_signal(&info, 50));
	DO(fcntl, 4, F_SETSIG, (long)RT);
	DO(fcntl, 4, F_SETFL, (long)(O_ASYNC | O_NONBLOCK));
	DO(close, 3);
	SAME(next_signal(&info, 5000));
	SAME(info.si_fd);
	DO(close, 4);
	SAME(next_signal(&info, 50));
}

static void
with_siginfo(void)
{
	siginfo_t info;
	int fds[2];

	block_signals();
	DO(pipe2, fds, 0);
	DO(dup2, 3, 9);
	DO(fcntl, 9, F_SETSIG, (long)RT);
	DO(fcntl, 9, F_SETFL, (long)O_ASYNC);
	DO(write, 4, "x", 1);
	/* Nobody is told before there is an owner. */
	SAME(next_signal(&info, 50));
	DO(fcntl, 9, F_SETOWN, CALL(getpid));
	DO(write, 4, "x", 1);
	SAME(next_signal(&info, 5000));
	SAME(info.si_fd);
	SAME(info.si_code);
	SAME(info.si_band);
	DO(close, 9);
	/* The open file has it, not the descriptor. */
	DO(write, 4, "x", 1);
	SAME(next_signal(&info, 5000));
	DO(close, 3);
	DO(close, 4);
}

static void
timer_calls(void)
{
	struct itimerval it = { { 100, 5 }, { 1000, 999999 } }, old;
	struct itimerval bad = { { 0, 0 }, { 0, 1000000 } };
	struct itimerval off = { { 0, 0 }, { 0, 0 } };

	(void)CALL(alarm, 0);
	DO(getitimer, ITIMER_REAL, &old);
	SAME(old.it_value.tv_sec);
	SAME(old.it_value.tv_usec);
	DO(setitimer, ITIMER_REAL, &it, NULL);
	DO(getitimer, ITIMER_REAL, &old);
	SAME(old.it_interval.tv_sec);
	SAME(old.it_interval.tv_usec);
	SAME(old.it_value.tv_sec >= 990);
	SAME(old.it_value.tv_sec <= 1000);
	DO(setitimer, ITIMER_REAL, &bad, NULL);
	bad.it_value.tv_usec = -1;
	DO(setitimer, ITIMER_REAL, &bad, NULL);
	bad = it;
	bad.it_interval.tv_usec = 1000000;
	DO(setitimer, ITIMER_REAL, &bad, NULL);
	DO(setitimer, 3, &it, NULL);
	DO(getitimer, 3, &old);
	DO(getitimer, ITIMER_REAL, NULL);
	SAME(CALL(alarm, 50) >= 990);
	SAME(CALL(alarm, 0) >= 40);
	DO(alarm, 0);
	DO(setitimer, ITIMER_REAL, &off, &old);
	SAME(old.it_value.tv_sec);
}

static void
timer_signals(void)
{
	struct itimerval it = { { 0, 2000 }, { 0, 3000 } }, old;
	struct itimerval off = { { 0, 0 }, { 0, 0 } };
	siginfo_t info;

	block_signals();
	DO(setitimer, ITIMER_REAL, &it, NULL);
	for (int i = 0; i < 5; i++)
		SAME(next_signal(&info, 5000));
	SAME(info.si_code);
	DO(setitimer, ITIMER_REAL, &off, &old);
	SAME(old.it_interval.tv_usec);
	(void)next_signal(&info, 0);
	SAME(next_signal(&info, 30));
	it.it_interval.tv_usec = 0;
	DO(setitimer, ITIMER_REAL, &it, NULL);
	SAME(next_signal(&info, 5000));
	SAME(next_signal(&info, 30));
	DO(alarm, 0);
}

JUDGED(owners, owners_and_signals_are_kept_as_on_the_host)
JUDGED(sigio, sigio_comes_as_on_the_host)
JUDGED(with_siginfo, chosen_signal_tells_as_on_the_host)
JUDGED(timer_calls, itimer_calls_as_on_the_host)
JUDGED(timer_signals, sigalrm_comes_as_on_the_host)

/* CPU time is not accounted: documented. */
static void
timers_of_cpu_time_are_refused(void **state)
{
	struct itimerval it = { { 0, 0 }, { 1, 0 } };

	(void)state;
	assert_int_equal(rump_sys_setitimer(ITIMER_VIRTUAL, &it, NULL), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(rump_sys_getitimer(ITIMER_PROF, &it), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(rump_sys_setitimer(ITIMER_REAL, NULL, NULL), -1);
	assert_int_equal(errno, EFAULT);
}

static void
timer_ends_with_its_process(void **state)
{
	struct itimerval it = { { 0, 100 }, { 0, 100 } };

	(void)state;
	for (int i = 0; i < 300; i++) {
		ok_errno(rump_pub_lwproc_rfork(RUMP_RFCFDG));
		assert_int_equal(rump_sys_setitimer(ITIMER_REAL, &it, NULL), 0);
		if (i % 3 == 0)
			assert_int_equal(rump_sys_sched_yield(), 0);
		rump_pub_lwproc_releaselwp();
	}
}

/* Another user's process is not told, however it was chosen. */
static void
owner_must_be_one_that_could_be_killed(void **state)
{
	struct timespec now = { 0, 50000000L };
	struct lwp *root, *other;
	siginfo_t info;
	pid_t victim;
	int fds[2];

	(void)state;
	sigemptyset(&watched);
	sigaddset(&watched, SIGIO);
	ok_errno(rump_pub_lwproc_rfork(RUMP_RFCFDG));
	root = rump_pub_lwproc_curlwp();
	victim = rump_sys_getpid();
	assert_int_equal(rump_sys_sigprocmask(SIG_BLOCK, &watched, NULL), 0);
	ok_errno(rump_pub_lwproc_rfork(RUMP_RFCFDG));
	other = rump_pub_lwproc_curlwp();
	assert_int_equal(rump_sys_setresuid(1000, 1000, 1000), 0);
	assert_int_equal(rump_sys_pipe2(fds, 0), 0);
	assert_int_equal(rump_sys_fcntl(fds[0], F_SETOWN, (long)victim), 0);
	assert_int_equal(rump_sys_fcntl(fds[0], F_SETFL, (long)O_ASYNC), 0);
	assert_int_equal(rump_sys_write(fds[1], "x", 1), 1);
	ok_errno(rump_pub_lwproc_switch(root));
	assert_int_equal(rump_sys_sigtimedwait(&watched, &info, &now), -1);
	assert_int_equal(errno, EAGAIN);
	rump_pub_lwproc_releaselwp();
	ok_errno(rump_pub_lwproc_switch(other));
	/* Its owner is gone, and tells nobody. */
	assert_int_equal(rump_sys_fcntl(fds[0], F_GETOWN, NULL), 0);
	assert_int_equal(rump_sys_write(fds[1], "x", 1), 1);
	rump_pub_lwproc_releaselwp();
}

static int
setup(void **state)
{
	(void)state;
	return rump_boot_setsigmodel(RUMP_SIGMODEL_RECORD) != 0 ||
	    rump_init() != 0;
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(owners_and_signals_are_kept_as_on_the_host),
		cmocka_unit_test(sigio_comes_as_on_the_host),
		cmocka_unit_test(chosen_signal_tells_as_on_the_host),
		cmocka_unit_test(itimer_calls_as_on_the_host),
		cmocka_unit_test(sigalrm_comes_as_on_the_host),
		cmocka_unit_test(timers_of_cpu_time_are_refused),
		cmocka_unit_test(timer_ends_with_its_process),
		cmocka_unit_test(owner_must_be_one_that_could_be_killed),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
