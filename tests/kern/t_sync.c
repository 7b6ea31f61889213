/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Locks, condition variables, epochs and kernel threads under contention; what
 * a DIAGNOSTIC build asserts, in child processes that must not survive it.
 *
 * Link: rump
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <rump/rump.h>

#include "test.h"

int rumptest_sync_init(void);
void rumptest_sync_mutex(int rounds);
long rumptest_sync_counter(void);
int rumptest_sync_rw(int rounds, bool writer);
int rumptest_sync_rw_change(void);
void rumptest_sync_put(int value);
int rumptest_sync_take(void);
int rumptest_sync_timeout(int64_t ns);
void rumptest_sync_reversed(void);
void rumptest_sync_twice(void);
void rumptest_sync_foreign(void);
int rumptest_sync_epoch_read(int rounds);
int rumptest_sync_epoch_write(int rounds);
uint64_t rumptest_sync_epoch_freed(void);
int rumptest_sync_threads(int n);
void rumpns_lock_debug_init(void) __attribute__((weak));

#define THREADS	4
#define ROUNDS	20000

static intptr_t
in_threads(void *(*fn)(void *))
{
	pthread_t t[THREADS];
	intptr_t sum = 0;
	void *r;

	for (intptr_t i = 0; i < THREADS; i++)
		ok_errno(pthread_create(&t[i], NULL, fn, (void *)i));
	for (int i = 0; i < THREADS; i++) {
		ok_errno(pthread_join(t[i], &r));
		sum += (intptr_t)r;
	}
	return sum;
}

static void *
mutex_thread(void *arg)
{
	rumptest_sync_mutex(ROUNDS);
	return (void *)((intptr_t)arg * 0);
}

static void
mutex_excludes(void **state)
{
	long before = rumptest_sync_counter();

	(void)state;
	in_threads(mutex_thread);
	assert_int_equal(rumptest_sync_counter() - before, THREADS * ROUNDS);
}

static void *
rw_thread(void *arg)
{
	return (void *)(intptr_t)rumptest_sync_rw(ROUNDS,
	    (intptr_t)arg % 2 == 0);
}

static void
rwlock_keeps_writers_apart(void **state)
{
	(void)state;
	assert_int_equal(in_threads(rw_thread), 0);
}

static void
rwlock_up_and_downgrades(void **state)
{
	(void)state;
	assert_int_equal(rumptest_sync_rw_change(), 0);
}

static void *
cv_thread(void *arg)
{
	intptr_t sum = 0;

	for (int i = 0; i < 1000; i++) {
		if ((intptr_t)arg % 2 == 0)
			rumptest_sync_put(i);
		else
			sum += rumptest_sync_take();
	}
	return (void *)sum;
}

static void
condvar_hands_over_every_value(void **state)
{
	(void)state;
	assert_int_equal(in_threads(cv_thread), THREADS / 2 * 999 * 500);
}

static void
condvar_times_out_not_early(void **state)
{
	(void)state;
	assert_int_equal(rumptest_sync_timeout(2000000), ETIMEDOUT);
	assert_int_equal(rumptest_sync_timeout(-1), ETIMEDOUT);
}

static void *
epoch_thread(void *arg)
{
	return (void *)(intptr_t)((intptr_t)arg % 2 == 0 ?
	    rumptest_sync_epoch_read(ROUNDS) :
	    rumptest_sync_epoch_write(ROUNDS));
}

static void
epochs_keep_what_readers_see(void **state)
{
	(void)state;
	assert_int_equal(in_threads(epoch_thread), 0);
	assert_int_equal(rumptest_sync_epoch_freed(), THREADS / 2 * ROUNDS);
}

static void
kernel_threads_come_and_go(void **state)
{
	long before = rumptest_sync_counter();

	(void)state;
	ok_errno(rumptest_sync_threads(50));
	assert_int_equal(rumptest_sync_counter() - before, 50 * 100);
}

/* fn must panic: the process ends by SIGABRT, after a line on the console. */
static void
must_panic(void (*fn)(void))
{
	int status;
	pid_t pid;

	if (rumpns_lock_debug_init == NULL)
		skip();
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		close(STDERR_FILENO);
		close(STDOUT_FILENO);
		alarm(20);
		if (rump_init() == 0 && rumptest_sync_init() == 0)
			fn();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
}

static void
reversed_lock_order_panics(void **state)
{
	(void)state;
	must_panic(rumptest_sync_reversed);
}

static void
mutex_taken_twice_panics(void **state)
{
	(void)state;
	must_panic(rumptest_sync_twice);
}

static void
mutex_left_by_another_panics(void **state)
{
	(void)state;
	must_panic(rumptest_sync_foreign);
}

static void
boots(void **state)
{
	(void)state;
	ok_errno(rump_init());
	ok_errno(rumptest_sync_init());
}

int
main(void)
{
	/* Those that fork come before this process' own boot. */
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(reversed_lock_order_panics),
		cmocka_unit_test(mutex_taken_twice_panics),
		cmocka_unit_test(mutex_left_by_another_panics),
		cmocka_unit_test(boots),
		cmocka_unit_test(mutex_excludes),
		cmocka_unit_test(rwlock_keeps_writers_apart),
		cmocka_unit_test(rwlock_up_and_downgrades),
		cmocka_unit_test(condvar_hands_over_every_value),
		cmocka_unit_test(condvar_times_out_not_early),
		cmocka_unit_test(epochs_keep_what_readers_see),
		cmocka_unit_test(kernel_threads_come_and_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
