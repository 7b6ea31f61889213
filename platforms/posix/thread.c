/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Threads.
 *
 * A joinable thread's handle lives until rumpuser_thread_join(), a detached
 * one's until its thread ends.  Under the virtual clock a new thread counts as
 * running from the moment its creator asks for it, and a thread that waits for
 * another's end is parked on the handle's t_ended.
 */
#include <sys/prctl.h>

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "posix.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define STACK_SIZE	((size_t)2 << 20)
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
    __has_feature(memory_sanitizer)
#define STACK_SIZE	((size_t)2 << 20)
#endif
#endif
#ifndef STACK_SIZE
#define STACK_SIZE	((size_t)256 << 10)
#endif

#define NAME_SIZE	16		/* the host's limit, with the zero */

struct thread {
	void (*t_fn)(void *);
	void *t_arg;
	pthread_t t_id;
	uint32_t t_ended;		/* virtual clock only */
	bool t_joinable;
	char t_name[NAME_SIZE];
};

static pthread_key_t attach_key;
static __thread enum { FOREIGN, ATTACHED, CREATED } whose;

static void
attached_exit(void *arg)
{

	(void)arg;
	ruser_up->up_thread_exit();
	whose = FOREIGN;
	if (ruser_virtual)
		ruser_vclock_rele(1);
}

int
ruser_thread_init(void)
{

	return pthread_key_create(&attach_key, attached_exit);
}

bool
ruser_thread_counted(void)
{

	return whose != FOREIGN;
}

/*
 * pthread_create() with all signals blocked, but those by which the host
 * tells a thread of its own fault: blocked, they would end the process without
 * the handler that a debugger or sanitizer has set up.
 */
static int
start(pthread_t *idp, bool detached, void *(*fn)(void *), void *arg)
{
	static const int own[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP,
	    SIGSYS, SIGABRT };
	sigset_t all, old;
	pthread_attr_t attr;
	size_t i;
	int error;

	if ((error = pthread_attr_init(&attr)) != 0)
		return error;
	if (detached)
		pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	sigfillset(&all);
	for (i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		sigdelset(&all, own[i]);

	pthread_sigmask(SIG_SETMASK, &all, &old);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	error = pthread_create(idp, &attr, fn, arg);
	if (error == EINVAL) {
		/* The program's thread-local storage does not leave room. */
		pthread_attr_setstacksize(&attr, (size_t)8 << 20);
		error = pthread_create(idp, &attr, fn, arg);
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	return error;
}

static void *
created_main(void *arg)
{
	struct thread *t = arg;
	bool joinable = t->t_joinable;

	whose = CREATED;
	pthread_setname_np(pthread_self(), t->t_name);
	/* Deadlines are kept; by default the host adds up to 50 us. */
	prctl(PR_SET_TIMERSLACK, 1);
	t->t_fn(t->t_arg);
	ruser_up->up_thread_exit();
	whose = FOREIGN;
	if (ruser_virtual) {
		__atomic_store_n(&t->t_ended, 1, __ATOMIC_SEQ_CST);
		ruser_vclock_unpark(&t->t_ended, 1);
		ruser_vclock_rele(1);
	}
	if (!joinable)
		free(t);
	return NULL;
}

int
rumpuser_thread_create(void (*fn)(void *), void *arg, const char *name,
    int flags, void **cookiep)
{
	struct thread *t;
	pthread_t id;
	int error;

	if ((error = ruser_fault(RUMPUSER_FAULT_THREAD)) != 0)
		return error;
	if ((t = calloc(1, sizeof(*t))) == NULL)
		return ENOMEM;
	t->t_fn = fn;
	t->t_arg = arg;
	t->t_joinable = (flags & RUMPUSER_THREAD_JOINABLE) != 0;
	strncpy(t->t_name, name != NULL ? name : "rump", NAME_SIZE - 1);

	if (ruser_virtual)
		ruser_vclock_hold(1);
	error = start(t->t_joinable ? &t->t_id : &id, !t->t_joinable,
	    created_main, t);
	if (error != 0) {
		if (ruser_virtual)
			ruser_vclock_rele(1);
		free(t);
		return error;
	}
	if (cookiep != NULL)
		*cookiep = flags & RUMPUSER_THREAD_JOINABLE ? t : NULL;
	return 0;
}

int
rumpuser_thread_join(void *cookie)
{
	struct thread *t = cookie;
	int error;

	if (ruser_virtual)
		while (__atomic_load_n(&t->t_ended, __ATOMIC_SEQ_CST) == 0)
			ruser_vclock_park(&t->t_ended, 0, RUMPUSER_FOREVER);
	if ((error = pthread_join(t->t_id, NULL)) != 0)
		return error;
	free(t);
	return 0;
}

void
rumpuser_thread_yield(void)
{

	sched_yield();
}

int
rumpuser_thread_attach(void)
{
	int error;

	if (whose != FOREIGN)
		return 0;
	if ((error = pthread_setspecific(attach_key, &attach_key)) != 0)
		return error;
	whose = ATTACHED;
	if (ruser_virtual)
		ruser_vclock_hold(1);
	return 0;
}

struct spawn {
	void (*s_fn)(void);
	char s_name[NAME_SIZE];
};

static void *
spawned_main(void *arg)
{
	struct spawn s = *(struct spawn *)arg;

	free(arg);
	pthread_setname_np(pthread_self(), s.s_name);
	s.s_fn();
	return NULL;
}

int
ruser_thread_spawn(void (*fn)(void), const char *name)
{
	struct spawn *s;
	pthread_t id;
	int error;

	if ((s = calloc(1, sizeof(*s))) == NULL)
		return ENOMEM;
	s->s_fn = fn;
	strncpy(s->s_name, name, NAME_SIZE - 1);
	if ((error = start(&id, true, spawned_main, s)) != 0)
		free(s);
	return error;
}
