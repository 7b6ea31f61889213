/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Signals: masks and dispositions judged by the host's; pending ones where the
 * kernel records them; each model in a process of its own.
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
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static sigset_t
set_of(int a, int b)
{
	sigset_t set;

	sigemptyset(&set);
	if (a != 0)
		sigaddset(&set, a);
	if (b != 0)
		sigaddset(&set, b);
	return set;
}

static uint64_t
bits(const sigset_t *set)
{
	uint64_t v;

	memcpy(&v, set, sizeof(v));
	return v;
}

static void
masks(void)
{
	sigset_t a = set_of(SIGUSR1, SIGKILL), b = set_of(SIGUSR2, SIGSTOP);
	sigset_t old = set_of(0, 0);

	DO(sigprocmask, SIG_SETMASK, NULL, &old);
	SAME(bits(&old));
	DO(sigprocmask, SIG_BLOCK, &a, &old);
	DO(sigprocmask, SIG_BLOCK, &b, &old);
	SAME(bits(&old));
	DO(sigprocmask, SIG_UNBLOCK, &a, &old);
	SAME(bits(&old));
	DO(sigprocmask, 99, &a, &old);
	DO(sigprocmask, 99, NULL, &old);
	SAME(bits(&old));
	DO(sigprocmask, SIG_SETMASK, &a, NULL);
	DO(sigprocmask, SIG_SETMASK, NULL, &old);
	SAME(bits(&old));
}

static void
dispositions(void)
{
	struct sigaction sa = { .sa_handler = SIG_IGN, .sa_flags = SA_RESTART },
	    old;

	DO(sigaction, SIGUSR1, &sa, &old);
	SAME((long)old.sa_handler);
	DO(sigaction, SIGUSR1, NULL, &old);
	SAME((long)old.sa_handler);
	SAME(old.sa_flags & SA_RESTART);
	DO(sigaction, SIGKILL, NULL, &old);
	DO(sigaction, SIGKILL, &sa, &old);
	DO(sigaction, SIGSTOP, &sa, &old);
	DO(sigaction, 0, NULL, &old);
	DO(sigaction, 65, NULL, &old);
	DO(sigaction, -1, NULL, &old);
	DO(sigaction, 64, &sa, NULL);
}

static void
blocked_ones(void)
{
	sigset_t set = set_of(SIGUSR1, SIGUSR2), pend = set_of(0, 0);
	struct timespec none = { 0, 0 }, bad = { 0, -1 };
	pid_t self = (pid_t)CALL(getpid);
	struct sigaction sa = { .sa_handler = SIG_IGN };
	siginfo_t info;

	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGRTMIN);
	DO(sigprocmask, SIG_BLOCK, &set, NULL);
	DO(sigpending, &pend);
	SAME(bits(&pend));
	SAME(CALL(kill, self, SIGUSR2));
	SAME(CALL(kill, self, SIGUSR1));
	SAME(CALL(kill, self, SIGUSR1));
	SAME(CALL(kill, self, SIGCHLD));
	SAME(CALL(kill, self, SIGRTMIN));
	SAME(CALL(kill, self, SIGRTMIN));
	DO(sigpending, &pend);
	SAME(bits(&pend));
	for (int i = 0; i < 8; i++) {
		SAME(CALL(sigtimedwait, &set, &info, &none));
		SAME(errno);
		if (i < 6) {
			SAME(info.si_signo);
			SAME(info.si_code);
			SAME(info.si_pid == self);
		}
	}
	DO(sigtimedwait, &set, &info, &bad);
	/* Ignoring a signal forgets it. */
	SAME(CALL(kill, self, SIGUSR1));
	DO(sigaction, SIGUSR1, &sa, NULL);
	DO(sigpending, &pend);
	SAME(bits(&pend));
	SAME(CALL(kill, self, SIGUSR1));
	DO(sigpending, &pend);
	SAME(bits(&pend));
}

static void
targets(void)
{
	pid_t self = (pid_t)CALL(getpid);

	SAME(CALL(kill, self, 0));
	SAME(CALL(kill, self, -1));
	SAME(errno);
	SAME(CALL(kill, self, 65));
	DO(kill, 99999999, 0);
	DO(kill, 99999999, SIGUSR1);
	DO(kill, -99999999, 0);
	DO(kill, INT32_MIN, 0);
	SAME(CALL(tgkill, self, self, 0));
	SAME(CALL(tgkill, self + 1, self, 0));
	SAME(errno);
	DO(tgkill, 0, 1, 0);
	DO(tgkill, 1, -1, 0);
}

static void
signal_files(void)
{
	sigset_t set = set_of(SIGUSR1, SIGUSR2), other = set_of(SIGALRM, 0);
	pid_t self = (pid_t)CALL(getpid);
	struct signalfd_siginfo ssi[3];
	struct pollfd p;

	DO(sigprocmask, SIG_BLOCK, &set, NULL);
	DO(signalfd, -1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	p = (struct pollfd){ 3, POLLIN, 0 };
	DO(poll, &p, 1, 0);
	DO(read, 3, ssi, sizeof(ssi));
	SAME(CALL(kill, self, SIGUSR2));
	SAME(CALL(kill, self, SIGUSR1));
	DO(poll, &p, 1, 0);
	SAME(p.revents);
	DO(read, 3, ssi, 100);
	DO(read, 3, ssi, sizeof(ssi));
	SAME(ssi[0].ssi_signo);
	SAME(ssi[1].ssi_signo);
	SAME(ssi[0].ssi_pid == (uint32_t)self);
	SAME(ssi[0].ssi_code);
	DO(poll, &p, 1, 0);
	DO(signalfd, 3, &other, 0);
	SAME(CALL(kill, self, SIGUSR1));
	DO(poll, &p, 1, 0);
	DO(signalfd, 3, &set, 0);
	DO(poll, &p, 1, 0);
	DO(signalfd, 0, &set, 0);
	DO(signalfd, 900, &set, 0);
	DO(signalfd, -1, &set, 1);
	DO(write, 3, ssi, sizeof(ssi));
}

JUDGED(masks, masks_of_signals)
JUDGED(dispositions, dispositions_are_kept)
JUDGED(blocked_ones, blocked_signals_stay_pending)
JUDGED(targets, whom_kill_reaches)
JUDGED(signal_files, signalfd_reads_pending_signals)

/* ---- Permission, groups ----------------------------------------------- */

static void
strangers_may_not_signal(void **state)
{
	struct lwp *parent;
	pid_t victim;

	(void)state;
	ok_errno(rump_pub_lwproc_rfork(RUMP_RFCFDG));
	parent = rump_pub_lwproc_curlwp();
	victim = rump_sys_getpid();
	assert_int_equal(rump_sys_setpgid(0, 0), 0);
	ok_errno(rump_pub_lwproc_rfork(RUMP_RFCFDG));
	assert_int_equal(rump_sys_setuid(1000), 0);
	assert_int_equal(rump_sys_kill(victim, SIGUSR1), -1);
	assert_int_equal(errno, EPERM);
	/* Same session. */
	assert_int_equal(rump_sys_kill(victim, SIGCONT), 0);
	/* Its own process is in the group as well. */
	assert_int_equal(rump_sys_kill(0, SIGUSR1), 0);
	rump_pub_lwproc_releaselwp();
	ok_errno(rump_pub_lwproc_switch(parent));
	rump_pub_lwproc_releaselwp();
}

/* ---- Interrupting ----------------------------------------------------- */

static int ends[2], tid;

static void *
late_kill(void *arg)
{
	(void)arg;
	usleep(20000);
	return (void *)(intptr_t)rump_sys_tgkill(1, tid, SIGUSR1);
}

static void
an_unblocked_signal_ends_a_sleep(void **state)
{
	struct timespec ts = { 20, 0 }, left;
	pthread_t td;
	sigset_t set = set_of(SIGUSR1, 0);
	siginfo_t info;
	char c;

	(void)state;
	tid = rump_sys_gettid();
	assert_int_equal(rump_sys_pipe2(ends, 0), 0);
	pthread_create(&td, NULL, late_kill, NULL);
	assert_int_equal(rump_sys_read(ends[0], &c, 1), -1);
	assert_int_equal(errno, EINTR);
	pthread_join(td, NULL);
	/* It is recorded, and can be taken. */
	assert_int_equal(rump_sys_sigtimedwait(&set, &info, &ts), SIGUSR1);
	assert_int_equal(info.si_pid, 1);

	pthread_create(&td, NULL, late_kill, NULL);
	assert_int_equal(rump_sys_nanosleep(&ts, &left), -1);
	assert_int_equal(errno, EINTR);
	assert_in_range(left.tv_sec, 18, 19);
	pthread_join(td, NULL);
	assert_int_equal(rump_sys_sigtimedwait(&set, NULL, &ts), SIGUSR1);

	pthread_create(&td, NULL, late_kill, NULL);
	assert_int_equal(rump_sys_pause(), -1);
	assert_int_equal(errno, EINTR);
	pthread_join(td, NULL);
	assert_int_equal(rump_sys_sigtimedwait(&set, NULL, &ts), SIGUSR1);

	/* Blocked, it interrupts only who waits for it. */
	rump_sys_sigprocmask(SIG_BLOCK, &set, NULL);
	pthread_create(&td, NULL, late_kill, NULL);
	assert_int_equal(rump_sys_sigtimedwait(&set, NULL, &ts), SIGUSR1);
	pthread_join(td, NULL);
	pthread_create(&td, NULL, late_kill, NULL);
	set = set_of(0, 0);
	assert_int_equal(rump_sys_sigsuspend(&set), -1);
	assert_int_equal(errno, EINTR);
	pthread_join(td, NULL);
	set = set_of(SIGUSR1, 0);
	assert_int_equal(rump_sys_sigtimedwait(&set, NULL, &ts), SIGUSR1);
	rump_sys_sigprocmask(SIG_UNBLOCK, &set, NULL);
	rump_sys_close(ends[0]);
	rump_sys_close(ends[1]);
}

static void
a_pipe_without_reader_signals(void **state)
{
	struct timespec none = { 0, 0 };
	sigset_t set = set_of(SIGPIPE, 0);

	(void)state;
	assert_int_equal(rump_sys_pipe2(ends, 0), 0);
	rump_sys_close(ends[0]);
	assert_int_equal(rump_sys_write(ends[1], "x", 1), -1);
	assert_int_equal(errno, EPIPE);
	assert_int_equal(rump_sys_sigtimedwait(&set, NULL, &none), SIGPIPE);
	assert_int_equal(rump_sys_sigtimedwait(&set, NULL, &none), -1);
	rump_sys_close(ends[1]);
}

/* ---- Models ----------------------------------------------------------- */

static volatile sig_atomic_t seen;

static void
handler(int sig)
{
	(void)sig;
	seen++;
}

/* In a child: boot with the model, write to a pipe without reader. */
static int
epipe_with(enum rump_sigmodel model, bool ignore, bool block)
{
	struct sigaction sa = { .sa_handler = handler };
	sigset_t set = set_of(SIGPIPE, 0);
	int status;
	pid_t pid;

	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		alarm(20);
		close(STDERR_FILENO);
		close(STDOUT_FILENO);
		sigaction(SIGPIPE, &sa, NULL);
		if (rump_boot_setsigmodel(model) != 0 || rump_init() != 0)
			_exit(99);
		sa.sa_handler = SIG_IGN;
		if (ignore)
			rump_sys_sigaction(SIGPIPE, &sa, NULL);
		if (block)
			rump_sys_sigprocmask(SIG_BLOCK, &set, NULL);
		rump_sys_pipe2(ends, 0);
		rump_sys_close(ends[0]);
		if (rump_sys_write(ends[1], "x", 1) != -1 || errno != EPIPE)
			_exit(98);
		if (block && seen == 0) {
			rump_sys_sigprocmask(SIG_UNBLOCK, &set, NULL);
			_exit(10 + seen);
		}
		_exit(seen);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void
models_do_what_they_say(void **state)
{
	(void)state;
	assert_int_equal(epipe_with(RUMP_SIGMODEL_RAISE, false, false), 1);
	assert_int_equal(epipe_with(RUMP_SIGMODEL_RAISE, true, false), 0);
	assert_int_equal(epipe_with(RUMP_SIGMODEL_RAISE, false, true), 11);
	assert_int_equal(epipe_with(RUMP_SIGMODEL_HOST, true, false), 1);
	assert_int_equal(epipe_with(RUMP_SIGMODEL_IGNORE, false, false), 0);
	assert_int_equal(epipe_with(RUMP_SIGMODEL_RECORD, false, false), 0);
	assert_int_equal(epipe_with(RUMP_SIGMODEL_PANIC, false, false),
	    -SIGABRT);
	assert_int_equal(rump_boot_setsigmodel((enum rump_sigmodel)17),
	    EINVAL);
}

static int
boot(void **state)
{
	(void)state;
	rump_boot_setsigmodel(RUMP_SIGMODEL_RECORD);
	return rump_init();
}

int
main(void)
{
	/* The first forks before this process' own boot. */
	static const struct CMUnitTest models[] = {
		cmocka_unit_test(models_do_what_they_say),
		cmocka_unit_test_setup(masks_of_signals, boot),
		cmocka_unit_test(dispositions_are_kept),
		cmocka_unit_test(blocked_signals_stay_pending),
		cmocka_unit_test(whom_kill_reaches),
		cmocka_unit_test(signalfd_reads_pending_signals),
		cmocka_unit_test(strangers_may_not_signal),
		cmocka_unit_test(an_unblocked_signal_ends_a_sleep),
		cmocka_unit_test(a_pipe_without_reader_signals),
	};

	return cmocka_run_group_tests(models, NULL, NULL);
}
