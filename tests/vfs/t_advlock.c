/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Advisory locks: fcntl(2), flock(2). Two rump processes, each with an lwp of
 * its own, which the test switches between.
 *
 * Link: rumpvfs
 */
#include "twin.h"

#include <pthread.h>

static struct lwp *one, *two;
static int fd1, fd2;

static int
lk(int fd, int cmd, short type, off_t start, off_t len)
{
	struct flock fl = { .l_type = type, .l_whence = SEEK_SET,
		.l_start = start, .l_len = len };

	return rump_sys_fcntl(fd, cmd, &fl) == 0 ? 0 : errno;
}

/* What the process would run into: type, start, length and pid. */
static struct flock
gl(int fd, int cmd, short type, off_t start, off_t len)
{
	struct flock fl = { .l_type = type, .l_whence = SEEK_SET,
		.l_start = start, .l_len = len };

	assert_int_equal(rump_sys_fcntl(fd, cmd, &fl), 0);
	return fl;
}

static void
as(struct lwp *l)
{

	rump_pub_lwproc_switch(l);
}

static int
setup(void **state)
{

	(void)state;
	if (rump_init() != 0 || rump_pub_lwproc_rfork(RUMP_RFCFDG) != 0)
		return -1;
	one = rump_pub_lwproc_curlwp();
	fd1 = rump_sys_open("/f", O_CREAT | O_RDWR, 0644);
	if (fd1 < 0 || rump_pub_lwproc_rfork(RUMP_RFCFDG) != 0)
		return -1;
	two = rump_pub_lwproc_curlwp();
	fd2 = rump_sys_open("/f", O_RDWR);
	as(one);
	return fd2 < 0 ? -1 : 0;
}

static void
clear(void)
{

	as(two);
	assert_int_equal(lk(fd2, F_SETLK, F_UNLCK, 0, 0), 0);
	as(one);
	assert_int_equal(lk(fd1, F_SETLK, F_UNLCK, 0, 0), 0);
}

static void
conflicts(void **state)
{
	struct flock fl;

	(void)state;
	assert_int_equal(lk(fd1, F_SETLK, F_WRLCK, 10, 10), 0);
	as(two);
	assert_int_equal(lk(fd2, F_SETLK, F_RDLCK, 0, 10), 0);
	assert_int_equal(lk(fd2, F_SETLK, F_RDLCK, 0, 11), EAGAIN);
	assert_int_equal(lk(fd2, F_SETLK, F_WRLCK, 19, 1), EAGAIN);
	assert_int_equal(lk(fd2, F_SETLK, F_WRLCK, 20, 0), 0);
	fl = gl(fd2, F_GETLK, F_RDLCK, 0, 0);
	assert_int_equal(fl.l_type, F_WRLCK);
	assert_int_equal(fl.l_start, 10);
	assert_int_equal(fl.l_len, 10);
	assert_true(fl.l_pid > 1);
	fl = gl(fd2, F_GETLK, F_RDLCK, 0, 5);
	assert_int_equal(fl.l_type, F_UNLCK);
	as(one);
	assert_int_equal(lk(fd1, F_SETLK, F_RDLCK, 0, 10), 0);
	assert_int_equal(lk(fd1, F_SETLK, F_WRLCK, 0, 10), EAGAIN);
	clear();
}

static void
split_and_merge(void **state)
{
	struct flock fl;

	(void)state;
	assert_int_equal(lk(fd1, F_SETLK, F_WRLCK, 0, 100), 0);
	assert_int_equal(lk(fd1, F_SETLK, F_UNLCK, 40, 20), 0);
	as(two);
	assert_int_equal(lk(fd2, F_SETLK, F_WRLCK, 40, 20), 0);
	fl = gl(fd2, F_GETLK, F_WRLCK, 0, 0);
	assert_int_equal(fl.l_start, 0);
	assert_int_equal(fl.l_len, 40);
	fl = gl(fd2, F_GETLK, F_WRLCK, 50, 0);
	assert_int_equal(fl.l_start, 60);
	assert_int_equal(fl.l_len, 40);
	assert_int_equal(lk(fd2, F_SETLK, F_UNLCK, 0, 0), 0);
	as(one);
	assert_int_equal(lk(fd1, F_SETLK, F_RDLCK, 50, 20), 0);
	assert_int_equal(lk(fd1, F_SETLK, F_WRLCK, 40, 30), 0);
	as(two);
	fl = gl(fd2, F_GETLK, F_WRLCK, 0, 0);
	assert_int_equal(fl.l_start, 0);
	assert_int_equal(fl.l_len, 100);
	as(one);
	clear();
}

static void
arguments(void **state)
{
	struct flock fl = { .l_type = F_RDLCK, .l_whence = 9 };
	int fd;

	(void)state;
	assert_int_equal(rump_sys_fcntl(fd1, F_SETLK, &fl), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(rump_sys_fcntl(fd1, F_SETLK, NULL), -1);
	assert_int_equal(errno, EFAULT);
	assert_int_equal(lk(fd1, F_SETLK, 77, 0, 0), EINVAL);
	assert_int_equal(lk(fd1, F_SETLK, F_RDLCK, -1, 0), EINVAL);
	assert_int_equal(lk(fd1, F_SETLK, F_RDLCK, 5, -6), EINVAL);
	assert_int_equal(lk(fd1, F_SETLK, F_RDLCK, 5, -5), 0);
	assert_int_equal(lk(fd1, F_GETLK, F_UNLCK, 0, 0), EINVAL);
	assert_int_equal(lk(99, F_SETLK, F_RDLCK, 0, 0), EBADF);
	fd = rump_sys_open("/f", O_RDONLY);
	assert_int_equal(lk(fd, F_SETLK, F_WRLCK, 0, 0), EBADF);
	assert_int_equal(lk(fd, F_SETLK, F_RDLCK, 0, 0), 0);
	rump_sys_close(fd);
	clear();
}

static void
closing_any_descriptor_unlocks(void **state)
{
	int fd;

	(void)state;
	assert_int_equal(lk(fd1, F_SETLK, F_WRLCK, 0, 0), 0);
	fd = rump_sys_open("/f", O_RDONLY);
	as(two);
	assert_int_equal(lk(fd2, F_SETLK, F_WRLCK, 0, 0), EAGAIN);
	as(one);
	rump_sys_close(fd);
	as(two);
	assert_int_equal(lk(fd2, F_SETLK, F_WRLCK, 0, 0), 0);
	clear();
}

static void
ofd_locks_belong_to_the_description(void **state)
{
	struct flock fl;
	int fd, dup;

	(void)state;
	fd = rump_sys_open("/f", O_RDWR);
	assert_int_equal(lk(fd, F_OFD_SETLK, F_WRLCK, 0, 10), 0);
	/* Not even the same process gets in through another one. */
	assert_int_equal(lk(fd1, F_OFD_SETLK, F_WRLCK, 0, 10), EAGAIN);
	assert_int_equal(lk(fd1, F_SETLK, F_WRLCK, 5, 1), EAGAIN);
	fl = gl(fd1, F_GETLK, F_WRLCK, 0, 0);
	assert_int_equal(fl.l_pid, -1);
	dup = rump_sys_dup(fd);
	rump_sys_close(fd);
	assert_int_equal(lk(fd1, F_SETLK, F_WRLCK, 5, 1), EAGAIN);
	rump_sys_close(dup);
	assert_int_equal(lk(fd1, F_SETLK, F_WRLCK, 5, 1), 0);
	clear();
}

static void
flock_belongs_to_the_description(void **state)
{
	int fd, dup;

	(void)state;
	fd = rump_sys_open("/f", O_RDONLY);
	assert_int_equal(rump_sys_flock(fd, LOCK_EX), 0);
	assert_int_equal(rump_sys_flock(fd1, LOCK_SH | LOCK_NB), -1);
	assert_int_equal(errno, EWOULDBLOCK);
	assert_int_equal(rump_sys_flock(fd, LOCK_SH), 0);
	assert_int_equal(rump_sys_flock(fd1, LOCK_SH | LOCK_NB), 0);
	assert_int_equal(rump_sys_flock(fd, LOCK_EX | LOCK_NB), -1);
	assert_int_equal(errno, EWOULDBLOCK);
	assert_int_equal(rump_sys_flock(fd1, LOCK_UN), 0);
	assert_int_equal(rump_sys_flock(fd, LOCK_EX | LOCK_NB), 0);
	dup = rump_sys_dup(fd);
	rump_sys_close(fd);
	assert_int_equal(rump_sys_flock(fd1, LOCK_SH | LOCK_NB), -1);
	rump_sys_close(dup);
	assert_int_equal(rump_sys_flock(fd1, LOCK_SH | LOCK_NB), 0);
	assert_int_equal(rump_sys_flock(fd1, LOCK_UN), 0);
	assert_int_equal(rump_sys_flock(fd1, 99), -1);
	assert_int_equal(errno, EINVAL);
	/* Record locks are another matter. */
	assert_int_equal(rump_sys_flock(fd1, LOCK_EX), 0);
	as(two);
	assert_int_equal(lk(fd2, F_SETLK, F_WRLCK, 0, 0), 0);
	clear();
	assert_int_equal(rump_sys_flock(fd1, LOCK_UN), 0);
}

static void *
wait_for_zero(void *arg)
{
	int *result = arg;

	as(two);
	*result = lk(fd2, F_SETLKW, F_WRLCK, 0, 1);
	as(NULL);
	return NULL;
}

static void
waiting(void **state)
{
	pthread_t t;
	int result = -1;

	(void)state;
	assert_int_equal(lk(fd1, F_SETLK, F_WRLCK, 0, 1), 0);
	pthread_create(&t, NULL, wait_for_zero, &result);
	usleep(20000);
	assert_int_equal(result, -1);
	assert_int_equal(lk(fd1, F_SETLK, F_UNLCK, 0, 0), 0);
	pthread_join(t, NULL);
	assert_int_equal(result, 0);
	clear();
}

static void
deadlock_is_seen(void **state)
{
	pthread_t t;
	int result = -1;

	(void)state;
	assert_int_equal(lk(fd1, F_SETLK, F_WRLCK, 0, 1), 0);
	as(two);
	assert_int_equal(lk(fd2, F_SETLK, F_WRLCK, 1, 1), 0);
	as(one);
	pthread_create(&t, NULL, wait_for_zero, &result);
	usleep(20000);
	assert_int_equal(lk(fd1, F_SETLKW, F_WRLCK, 1, 1), EDEADLK);
	assert_int_equal(lk(fd1, F_SETLK, F_UNLCK, 0, 0), 0);
	pthread_join(t, NULL);
	assert_int_equal(result, 0);
	clear();
}

static void
exit_unlocks(void **state)
{
	int fd;

	(void)state;
	ok_errno(rump_pub_lwproc_rfork(RUMP_RFCFDG));
	fd = rump_sys_open("/f", O_RDWR);
	assert_int_equal(lk(fd, F_SETLK, F_WRLCK, 0, 0), 0);
	rump_pub_lwproc_releaselwp();
	as(one);
	assert_int_equal(lk(fd1, F_SETLK, F_WRLCK, 0, 0), 0);
	clear();
}

struct late {
	pid_t pid;
	int fd, result;
};

static void *
wait_and_lose(void *arg)
{
	struct late *late = arg;

	ok_errno(rump_pub_lwproc_newlwp(late->pid));
	late->result = lk(late->fd, F_SETLKW, F_WRLCK, 0, 1);
	rump_pub_lwproc_releaselwp();
	return NULL;
}

static void
lock_that_comes_after_the_close(void **state)
{
	struct late late = { .result = -1 };
	pthread_t t;

	(void)state;
	assert_int_equal(lk(fd1, F_SETLK, F_WRLCK, 0, 1), 0);
	as(two);
	late.pid = rump_sys_getpid();
	late.fd = rump_sys_open("/f", O_RDWR);
	pthread_create(&t, NULL, wait_and_lose, &late);
	usleep(20000);
	rump_sys_close(late.fd);
	as(one);
	assert_int_equal(lk(fd1, F_SETLK, F_UNLCK, 0, 0), 0);
	pthread_join(t, NULL);
	assert_int_equal(late.result, 0);
	assert_int_equal(lk(fd1, F_SETLK, F_WRLCK, 0, 1), 0);
	clear();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(conflicts),
		cmocka_unit_test(split_and_merge),
		cmocka_unit_test(arguments),
		cmocka_unit_test(closing_any_descriptor_unlocks),
		cmocka_unit_test(ofd_locks_belong_to_the_description),
		cmocka_unit_test(flock_belongs_to_the_description),
		cmocka_unit_test(waiting),
		cmocka_unit_test(deadlock_is_seen),
		cmocka_unit_test(exit_unlocks),
		cmocka_unit_test(lock_that_comes_after_the_close),
	};

	return cmocka_run_group_tests_name("advlock", tests, setup, NULL);
}
