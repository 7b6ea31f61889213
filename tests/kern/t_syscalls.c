/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * System calls as such: NULL where a pointer is needed, calls by number, what
 * the system says of itself.
 *
 * Link: rump
 */
#define _GNU_SOURCE
#include "judge.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "k_syscalls.h"

#define EFAULTS(name, ...) do {						\
	errno = 0;							\
	assert_int_equal(rump_sys_##name(__VA_ARGS__), -1);		\
	assert_int_equal(errno, EFAULT);				\
} while (0)

static void
null_is_a_fault(void **state)
{
	struct epoll_event ev = { EPOLLIN, { 0 } };
	uint64_t one = 1;
	int fds[2], efd, ep, tfd;
	uid_t id;

	(void)state;
	ok_errno(rump_pub_lwproc_rfork(RUMP_RFCFDG));
	assert_int_equal(rump_sys_pipe2(fds, 0), 0);
	assert_int_equal(rump_sys_write(fds[1], "12345678", 8), 8);
	efd = rump_sys_eventfd(1, 0);
	tfd = rump_sys_timerfd_create(CLOCK_MONOTONIC, 0);
	ep = rump_sys_epoll_create1(0);
	assert_int_equal(rump_sys_epoll_ctl(ep, EPOLL_CTL_ADD, efd, &ev), 0);
	EFAULTS(read, fds[0], NULL, 1);
	EFAULTS(write, fds[1], NULL, 1);
	EFAULTS(readv, fds[0], NULL, 1);
	EFAULTS(writev, fds[1], NULL, 1);
	EFAULTS(read, efd, NULL, 8);
	assert_int_equal(rump_sys_write(efd, &one, 8), 8);
	EFAULTS(write, efd, NULL, 8);
	EFAULTS(pipe2, NULL, 0);
	EFAULTS(pipe, NULL);
	EFAULTS(vmsplice, fds[1], NULL, 1, 0);
	EFAULTS(ioctl, fds[0], FIONBIO, NULL);
	EFAULTS(fstat, fds[0], NULL);
	EFAULTS(poll, NULL, 1, 0);
	EFAULTS(epoll_ctl, ep, EPOLL_CTL_ADD, fds[0], NULL);
	EFAULTS(epoll_wait, ep, NULL, 1, 0);
	EFAULTS(timerfd_settime, tfd, 0, NULL, NULL);
	EFAULTS(timerfd_gettime, tfd, NULL);
	EFAULTS(signalfd, -1, NULL, 0);
	EFAULTS(sigpending, NULL);
	EFAULTS(sigtimedwait, NULL, NULL, NULL);
	EFAULTS(sigsuspend, NULL);
	EFAULTS(getresuid, NULL, &id, &id);
	EFAULTS(getresuid, &id, NULL, &id);
	EFAULTS(getresuid, &id, &id, NULL);
	EFAULTS(getresgid, &id, NULL, &id);
	EFAULTS(setgroups, 1, NULL);
	EFAULTS(getrlimit, RLIMIT_NOFILE, NULL);
	EFAULTS(setrlimit, RLIMIT_NOFILE, NULL);
	EFAULTS(uname, NULL);
	EFAULTS(gethostname, NULL, 10);
	EFAULTS(sethostname, NULL, 5);
	EFAULTS(sysinfo, NULL);
	EFAULTS(clock_gettime, CLOCK_MONOTONIC, NULL);
	EFAULTS(clock_settime, CLOCK_REALTIME, NULL);
	EFAULTS(nanosleep, NULL, NULL);
	EFAULTS(clock_nanosleep, CLOCK_MONOTONIC, 0, NULL, NULL);
	EFAULTS(getrandom, NULL, 10, 0);
	/* A failed read took nothing. */
	assert_int_equal(rump_sys_read(fds[0], &one, 8), 8);
	rump_pub_lwproc_releaselwp();
}

/* The numbers are the host's, and so is where arguments go. */
static void
calls_by_number(void **state)
{
	struct iovec iov = { "xyz", 3 };
	struct epoll_event ev;
	sigset_t set;
	char buf[8];
	int fds[2], ep;

	(void)state;
	ok_errno(rump_pub_lwproc_rfork(RUMP_RFCFDG));
	assert_int_equal(rumptest_syscall(SYS_getpid, 0, 0, 0, 0, 0, 0),
	    rump_sys_getpid());
	assert_int_equal(rumptest_syscall(SYS_pipe2, (long)fds, O_NONBLOCK, 0,
	    0, 0, 0), 0);
	assert_int_equal(rumptest_syscall(SYS_pwritev2, fds[1], (long)&iov, 1,
	    -1, 0, 0), 3);
	assert_int_equal(rumptest_syscall(SYS_pwritev2, fds[1], (long)&iov, 1,
	    -1, 0, 0x1000), -EOPNOTSUPP);
	assert_int_equal(rumptest_syscall(SYS_read, fds[0], (long)buf, 8, 0, 0,
	    0), 3);
	assert_memory_equal(buf, "xyz", 3);
	assert_int_equal(rumptest_syscall(SYS_read, fds[0], (long)buf, 8, 0, 0,
	    0), -EAGAIN);
	assert_int_equal(rumptest_syscall(SYS_read, 77, (long)buf, 8, 0, 0, 0),
	    -EBADF);
	ep = (int)rumptest_syscall(SYS_epoll_create1, 0, 0, 0, 0, 0, 0);
	assert_true(ep >= 0);
	sigemptyset(&set);
	assert_int_equal(rumptest_syscall(SYS_epoll_pwait, ep, (long)&ev, 1, 0,
	    (long)&set, 8), 0);
	assert_int_equal(rumptest_syscall(SYS_epoll_pwait, ep, (long)&ev, 1, 0,
	    (long)&set, 16), -EINVAL);
	assert_int_equal(rumptest_syscall(SYS_rt_sigprocmask, SIG_BLOCK, 0,
	    (long)&set, 8, 0, 0), 0);
	assert_int_equal(rumptest_syscall(SYS_signalfd4, -1, (long)&set, 8,
	    O_CLOEXEC, 0, 0), ep + 1);
	assert_int_equal(rump_sys_fcntl(ep + 1, F_GETFD), FD_CLOEXEC);
	assert_int_equal(rumptest_syscall(SYS_clone, 0, 0, 0, 0, 0, 0),
	    -ENOSYS);
	assert_int_equal(rumptest_syscall(-1, 0, 0, 0, 0, 0, 0), -ENOSYS);
	assert_int_equal(rumptest_syscall(100000, 0, 0, 0, 0, 0, 0), -ENOSYS);
	rump_pub_lwproc_releaselwp();
}

static void
names(void **state)
{
	struct utsname u, host;
	char name[80];

	(void)state;
	assert_int_equal(rump_sys_uname(&u), 0);
	uname(&host);
	assert_string_equal(u.machine, host.machine);
	assert_int_equal(rump_sys_sethostname("a.b.example", 11), 0);
	assert_int_equal(rump_sys_setdomainname("", 0), 0);
	assert_int_equal(rump_sys_uname(&u), 0);
	assert_string_equal(u.nodename, "a.b.example");
	assert_string_equal(u.domainname, "");
	assert_int_equal(rump_sys_gethostname(name, sizeof(name)), 0);
	assert_string_equal(name, "a.b.example");
	assert_int_equal(rump_sys_gethostname(name, 5), -1);
	assert_int_equal(errno, ENAMETOOLONG);
	memset(name, 'x', sizeof(name));
	assert_int_equal(rump_sys_sethostname(name, 65), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(rump_sys_sethostname(name, 64), 0);
	assert_int_equal(rump_sys_uname(&u), 0);
	assert_int_equal(strlen(u.nodename), 64);
}

static void
randomness(void **state)
{
	unsigned char a[1000], b[1000];

	(void)state;
	assert_int_equal(rump_sys_getrandom(a, sizeof(a), 0), sizeof(a));
	assert_int_equal(rump_sys_getrandom(b, sizeof(b), GRND_NONBLOCK),
	    sizeof(b));
	assert_memory_not_equal(a, b, sizeof(a));
	assert_int_equal(rump_sys_getrandom(a, 1, 0x80), -1);
	assert_int_equal(errno, EINVAL);
}

static void
system_information(void **state)
{
	struct sysinfo before, after;

	(void)state;
	assert_int_equal(rump_sys_sysinfo(&before), 0);
	ok_errno(rump_pub_lwproc_rfork(RUMP_RFCFDG));
	assert_int_equal(rump_sys_sysinfo(&after), 0);
	assert_int_equal(after.procs, before.procs + 1);
	assert_true(after.totalram > 0);
	rump_pub_lwproc_releaselwp();
}

static void
exec_closes_what_is_marked(void **state)
{
	int fds[2];

	(void)state;
	ok_errno(rump_pub_lwproc_rfork(RUMP_RFCFDG));
	for (int i = 0; i < 200; i++)
		assert_int_equal(rump_sys_eventfd(0,
		    i % 3 == 0 ? EFD_CLOEXEC : 0), i);
	assert_int_equal(rump_sys_fcntl(1, F_SETFD, FD_CLOEXEC), 0);
	rumptest_exec();
	for (int i = 0; i < 200; i++)
		assert_int_equal(rump_sys_fcntl(i, F_GETFD),
		    i % 3 == 0 || i == 1 ? -1 : 0);
	assert_int_equal(rump_sys_pipe2(fds, 0), 0);
	assert_int_equal(fds[0], 0);
	assert_int_equal(fds[1], 1);
	rump_pub_lwproc_releaselwp();
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
		cmocka_unit_test(null_is_a_fault),
		cmocka_unit_test(calls_by_number),
		cmocka_unit_test(names),
		cmocka_unit_test(randomness),
		cmocka_unit_test(system_information),
		cmocka_unit_test(exec_closes_what_is_marked),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
