/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Threads.
 *
 * Link: rumpuser
 */
#define _GNU_SOURCE
#include <signal.h>

#include "posix_test.h"

static _Atomic uint32_t flag;

static void
set_flag(void)
{

	atomic_store(&flag, 1);
	rumpuser_unpark((const uint32_t *)&flag, 1);
}

static void
wait_flag(void)
{

	while (atomic_load(&flag) == 0)
		rumpuser_park((const uint32_t *)&flag, 0, RUMPUSER_FOREVER);
	atomic_store(&flag, 0);
}

struct seen {
	char s_name[32];
	sigset_t s_mask;
	void *s_arg;
	int s_exits;
};

static void
look_around(void *arg)
{
	struct seen *s = arg;

	s->s_arg = arg;
	pthread_getname_np(pthread_self(), s->s_name, sizeof(s->s_name));
	pthread_sigmask(SIG_SETMASK, NULL, &s->s_mask);
	s->s_exits = atomic_load(&nexits);
}

static void
created_thread_has_name_and_blocked_signals(void **state)
{
	static const int blocked[] = { SIGINT, SIGTERM, SIGHUP, SIGALRM,
	    SIGCHLD, SIGUSR1, SIGPIPE, SIGPROF };
	struct seen s;
	sigset_t mine;
	void *cookie;
	size_t i;

	(void)state;
	assert_int_equal(rumpuser_thread_create(look_around, &s,
	    "a_name_that_is_too_long", RUMPUSER_THREAD_JOINABLE, &cookie), 0);
	assert_int_equal(rumpuser_thread_join(cookie), 0);
	assert_ptr_equal(s.s_arg, &s);
	assert_string_equal(s.s_name, "a_name_that_is_");
	for (i = 0; i < sizeof(blocked) / sizeof(blocked[0]); i++)
		assert_int_equal(sigismember(&s.s_mask, blocked[i]), 1);
	assert_int_equal(sigismember(&s.s_mask, SIGSEGV), 0);
	pthread_sigmask(SIG_SETMASK, NULL, &mine);
	assert_int_equal(sigismember(&mine, SIGINT), 0);
}

static void
exit_upcall_comes_after_the_function(void **state)
{
	struct seen s;
	void *cookie;
	int before = atomic_load(&nexits);

	(void)state;
	assert_int_equal(rumpuser_thread_create(look_around, &s, "x",
	    RUMPUSER_THREAD_JOINABLE, &cookie), 0);
	assert_int_equal(rumpuser_thread_join(cookie), 0);
	assert_int_equal(s.s_exits, before);
	assert_int_equal(atomic_load(&nexits), before + 1);
}

static void
flag_setter(void *arg)
{

	(void)arg;
	set_flag();
}

static void
detached_thread_runs_and_ends(void **state)
{
	int before = atomic_load(&nexits), i;

	(void)state;
	for (i = 0; i < 200; i++) {
		assert_int_equal(rumpuser_thread_create(flag_setter, NULL, "d",
		    0, NULL), 0);
		wait_flag();
	}
	for (i = 0; i < 5000 && atomic_load(&nexits) != before + 200; i++)
		nap(MS);
	assert_int_equal(atomic_load(&nexits), before + 200);
}

static void *
attach_main(void *arg)
{

	if (arg != NULL) {
		rumpuser_thread_attach();
		rumpuser_thread_attach();
	}
	return NULL;
}

static void
attached_thread_gets_one_exit_upcall(void **state)
{
	pthread_t id;
	int before = atomic_load(&nexits);

	(void)state;
	pthread_create(&id, NULL, attach_main, NULL);
	pthread_join(id, NULL);
	assert_int_equal(atomic_load(&nexits), before);
	pthread_create(&id, NULL, attach_main, &before);
	pthread_join(id, NULL);
	assert_int_equal(atomic_load(&nexits), before + 1);
}

static void
big_frame(void *arg)
{
	volatile char frame[128 << 10];

	memset((char *)frame, 1, sizeof(frame));
	*(int *)arg = frame[5];
}

static void
stack_is_big_enough(void **state)
{
	void *cookie;
	int ok = 0;

	(void)state;
	assert_int_equal(rumpuser_thread_create(big_frame, &ok, "s",
	    RUMPUSER_THREAD_JOINABLE, &cookie), 0);
	assert_int_equal(rumpuser_thread_join(cookie), 0);
	assert_int_equal(ok, 1);
}

static void
creation_fails_on_demand(void **state)
{
	void *cookie = &flag;

	(void)state;
	rumpuser_fault_set(RUMPUSER_FAULT_THREAD, 1, 0);
	assert_int_equal(rumpuser_thread_create(flag_setter, NULL, "f",
	    RUMPUSER_THREAD_JOINABLE, &cookie), EAGAIN);
	assert_ptr_equal(cookie, &flag);
	rumpuser_fault_clear();
}

static void
other_versions_are_refused(void **state)
{
	struct rumpuser_upcalls other = upcalls;

	(void)state;
	other.up_version++;
	assert_int_equal(rumpuser_init(&other), EPROTONOSUPPORT);
	assert_int_equal(rumpuser_init(&upcalls), 0);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(created_thread_has_name_and_blocked_signals),
		cmocka_unit_test(exit_upcall_comes_after_the_function),
		cmocka_unit_test(detached_thread_runs_and_ends),
		cmocka_unit_test(attached_thread_gets_one_exit_upcall),
		cmocka_unit_test(stack_is_big_enough),
		cmocka_unit_test(creation_fails_on_demand),
		cmocka_unit_test(other_versions_are_refused),
	};

	return cmocka_run_group_tests(tests, boot, NULL);
}
