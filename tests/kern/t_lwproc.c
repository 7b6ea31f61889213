/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rump_pub_lwproc_*: processes and lwps, who is current where, and how they
 * end; process groups and sessions.
 *
 * Link: rump
 */
#define _GNU_SOURCE
#include "judge.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

static void
a_thread_starts_in_process_1(void **state)
{
	(void)state;
	assert_int_equal(rump_sys_getpid(), 1);
	assert_int_equal(rump_sys_getppid(), 0);
	assert_null(rump_pub_lwproc_curlwp());
	/* Nothing to release there. */
	rump_pub_lwproc_releaselwp();
	assert_int_equal(rump_sys_getpid(), 1);
}

static void
rfork_makes_a_child_and_switches(void **state)
{
	pid_t pid, tid = rump_sys_gettid();
	struct lwp *l;

	(void)state;
	ok_errno(rump_pub_lwproc_rfork(RUMP_RFFDG));
	pid = rump_sys_getpid();
	l = rump_pub_lwproc_curlwp();
	assert_true(pid > 1);
	assert_int_equal(rump_sys_gettid(), pid);
	assert_int_equal(rump_sys_getppid(), 1);
	assert_non_null(l);
	ok_errno(rump_pub_lwproc_switch(NULL));
	assert_int_equal(rump_sys_getpid(), 1);
	assert_int_equal(rump_sys_gettid(), tid);
	assert_int_equal(rump_sys_kill(pid, 0), 0);
	ok_errno(rump_pub_lwproc_switch(l));
	assert_int_equal(rump_sys_getpid(), pid);
	rump_pub_lwproc_releaselwp();
	assert_int_equal(rump_sys_getpid(), 1);
	assert_int_equal(rump_sys_kill(pid, 0), -1);
	assert_int_equal(errno, ESRCH);
}

static void
wrong_arguments_are_refused(void **state)
{
	(void)state;
	assert_int_equal(rump_pub_lwproc_rfork(RUMP_RFFDG | RUMP_RFCFDG),
	    EINVAL);
	assert_int_equal(rump_pub_lwproc_rfork(0x40), EINVAL);
	assert_int_equal(rump_pub_lwproc_newlwp(99999), ESRCH);
	assert_int_equal(rump_pub_lwproc_newlwp(0), ESRCH);
	assert_int_equal(rump_pub_lwproc_newlwp(-1), ESRCH);
}

static void
a_process_lives_until_its_last_lwp(void **state)
{
	struct lwp *a, *b;
	pid_t pid;

	(void)state;
	ok_errno(rump_pub_lwproc_rfork(RUMP_RFCFDG));
	pid = rump_sys_getpid();
	a = rump_pub_lwproc_curlwp();
	ok_errno(rump_pub_lwproc_newlwp(pid));
	b = rump_pub_lwproc_curlwp();
	assert_ptr_not_equal(a, b);
	assert_int_equal(rump_sys_getpid(), pid);
	assert_int_not_equal(rump_sys_gettid(), pid);
	ok_errno(rump_pub_lwproc_switch(a));
	rump_pub_lwproc_releaselwp();
	assert_int_equal(rump_sys_kill(pid, 0), 0);
	ok_errno(rump_pub_lwproc_switch(b));
	assert_int_equal(rump_sys_getpid(), pid);
	rump_pub_lwproc_releaselwp();
	assert_int_equal(rump_pub_lwproc_newlwp(pid), ESRCH);
}

static void
orphans_become_children_of_process_1(void **state)
{
	struct lwp *parent, *child;

	(void)state;
	ok_errno(rump_pub_lwproc_rfork(RUMP_RFCFDG));
	parent = rump_pub_lwproc_curlwp();
	ok_errno(rump_pub_lwproc_rfork(RUMP_RFCFDG));
	child = rump_pub_lwproc_curlwp();
	assert_int_not_equal(rump_sys_getppid(), 1);
	ok_errno(rump_pub_lwproc_switch(parent));
	rump_pub_lwproc_releaselwp();
	ok_errno(rump_pub_lwproc_switch(child));
	assert_int_equal(rump_sys_getppid(), 1);
	rump_pub_lwproc_releaselwp();
}

static struct lwp *shared;

static void *
try_switch(void *arg)
{
	(void)arg;
	return (void *)(intptr_t)rump_pub_lwproc_switch(shared);
}

static void *
switch_and_release(void *arg)
{
	(void)arg;
	if (rump_pub_lwproc_switch(shared) != 0)
		return (void *)1;
	rump_pub_lwproc_releaselwp();
	return NULL;
}

static void
an_lwp_is_current_on_one_thread(void **state)
{
	pthread_t td;
	void *rv;

	(void)state;
	ok_errno(rump_pub_lwproc_rfork(RUMP_RFCFDG));
	shared = rump_pub_lwproc_curlwp();
	pthread_create(&td, NULL, try_switch, NULL);
	pthread_join(td, &rv);
	assert_int_equal((intptr_t)rv, EBUSY);
	ok_errno(rump_pub_lwproc_switch(shared));
	/* A thread that ends gives it free. */
	ok_errno(rump_pub_lwproc_switch(NULL));
	pthread_create(&td, NULL, try_switch, NULL);
	pthread_join(td, &rv);
	assert_int_equal((intptr_t)rv, 0);
	pthread_create(&td, NULL, switch_and_release, NULL);
	pthread_join(td, &rv);
	assert_null(rv);
}

static void *
fork_and_die(void *arg)
{
	int fds[2];

	(void)arg;
	for (int i = 0; i < 300; i++) {
		if (rump_pub_lwproc_rfork(i % 3 == 0 ? RUMP_RFFDG :
		    i % 3 == 1 ? RUMP_RFCFDG : 0) != 0)
			return (void *)1;
		if (rump_sys_pipe2(fds, 0) != 0)
			return (void *)2;
		if (i % 3 == 2 && (rump_sys_close(fds[0]) != 0 ||
		    rump_sys_close(fds[1]) != 0))
			return (void *)3;
		if (rump_pub_lwproc_newlwp(rump_sys_getpid()) != 0)
			return (void *)4;
		rump_pub_lwproc_releaselwp();
	}
	return NULL;
}

/* The first lwp of each process stays behind. */
static void
many_processes_at_once(void **state)
{
	pthread_t td[4];
	void *rv;

	(void)state;
	for (int i = 0; i < 4; i++)
		pthread_create(&td[i], NULL, fork_and_die, NULL);
	for (int i = 0; i < 4; i++) {
		pthread_join(td[i], &rv);
		assert_null(rv);
	}
}

static pid_t crowd;
static struct lwp *crowd_lwp;

static void *
join_and_leave(void *arg)
{
	int error;

	(void)arg;
	for (int i = 0; i < 2000; i++) {
		error = rump_pub_lwproc_newlwp(crowd);
		if (error != 0)
			return (void *)(intptr_t)error;
		if (rump_sys_getpid() != crowd)
			return (void *)1;
		rump_pub_lwproc_releaselwp();
	}
	return NULL;
}

static void
lwps_come_and_go_while_the_process_ends(void **state)
{
	pthread_t td[3];
	void *rv;

	(void)state;
	ok_errno(rump_pub_lwproc_rfork(RUMP_RFCFDG));
	crowd = rump_sys_getpid();
	crowd_lwp = rump_pub_lwproc_curlwp();
	for (int i = 0; i < 3; i++)
		pthread_create(&td[i], NULL, join_and_leave, NULL);
	usleep(2000);
	rump_pub_lwproc_releaselwp();
	for (int i = 0; i < 3; i++) {
		pthread_join(td[i], &rv);
		assert_true(rv == NULL || (intptr_t)rv == ESRCH);
	}
	assert_int_equal(rump_pub_lwproc_newlwp(crowd), ESRCH);
}

static void
groups_and_sessions(void)
{
	pid_t self = (pid_t)CALL(getpid);

	SAME(CALL(setpgid, 0, 0));
	SAME(CALL(getpgid, 0) == self);
	SAME(CALL(getpgrp) == self);
	SAME(CALL(setsid));
	SAME(errno);
	SAME(CALL(getpgid, self) == self);
	DO(getpgid, 99999999);
	DO(getsid, 99999999);
	DO(setpgid, 99999999, 0);
	DO(setpgid, 0, -1);
	DO(setpgid, 0, 99999999);
}

static void
new_session(void)
{
	pid_t self = (pid_t)CALL(getpid);

	SAME(CALL(setsid) == self);
	SAME(CALL(getsid, 0) == self);
	SAME(CALL(getpgid, 0) == self);
	DO(setsid);
	DO(setpgid, 0, 0);
}

JUDGED(groups_and_sessions, process_groups)
JUDGED(new_session, sessions)

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
		cmocka_unit_test(a_thread_starts_in_process_1),
		cmocka_unit_test(rfork_makes_a_child_and_switches),
		cmocka_unit_test(wrong_arguments_are_refused),
		cmocka_unit_test(a_process_lives_until_its_last_lwp),
		cmocka_unit_test(orphans_become_children_of_process_1),
		cmocka_unit_test(an_lwp_is_current_on_one_thread),
		cmocka_unit_test(many_processes_at_once),
		cmocka_unit_test(lwps_come_and_go_while_the_process_ends),
		cmocka_unit_test(process_groups),
		cmocka_unit_test(sessions),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
