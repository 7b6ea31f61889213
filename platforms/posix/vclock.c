/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The virtual clock (RUMP_CLOCK=virtual, virtual-auto).
 *
 * A parked thread is a struct sleeper on its own stack, linked from before it
 * sleeps until somebody wakes it: that one unlinks it, and, if the thread is
 * one of those that the automatic clock watches, counts it as running from
 * then on, long before it gets a CPU.  So `running' is never too small, and
 * when it is 0 nobody is left who could do anything before the next deadline.
 *
 * vc_mtx protects all of it; nothing else is locked under it.  It also makes
 * park and unpark safe against each other: the parking thread reads the word
 * under it, and the waking one takes it after it has changed the word.
 */
#include <sys/queue.h>

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "posix.h"

#define MONO_START	NSEC_PER_SEC	/* so that 0 has passed */
#define REAL_START	UINT64_C(1000000000)

struct sleeper {
	TAILQ_ENTRY(sleeper) s_link;
	const uint32_t *s_word;
	int64_t s_deadline;
	bool s_counted;
	uint32_t s_state;		/* a futex */
};
enum { ASLEEP, WOKEN, EXPIRED };

bool ruser_virtual;

static pthread_mutex_t vc_mtx = PTHREAD_MUTEX_INITIALIZER;
static TAILQ_HEAD(, sleeper) sleepers = TAILQ_HEAD_INITIALIZER(sleepers);
static bool automatic;
static unsigned long running;
static _Atomic int64_t now = MONO_START;
static int64_t real_start;

int
ruser_vclock_init(void)
{
	const char *s = getenv("RUMP_CLOCK");
	uint64_t start = REAL_START;
	int error;

	if (s == NULL || strcmp(s, "real") == 0)
		return 0;
	if (strcmp(s, "virtual-auto") == 0) {
		automatic = true;
	} else if (strcmp(s, "virtual") != 0) {
		ruser_warn("RUMP_CLOCK=%s: neither real, virtual nor "
		    "virtual-auto", s);
		return EINVAL;
	}
	if ((error = ruser_param_u64("RUMP_CLOCK_START", &start)) != 0)
		return error;
	if (start > INT64_MAX / NSEC_PER_SEC / 2) {
		ruser_warn("RUMP_CLOCK_START is out of range");
		return EINVAL;
	}
	real_start = start * NSEC_PER_SEC - MONO_START;
	ruser_virtual = true;
	return 0;
}

int64_t
ruser_vclock_read(void)
{

	return atomic_load(&now);
}

/* The real-time clock's lead on the monotonic one. */
int64_t
ruser_vclock_start(void)
{

	return real_start;
}

static void
wake_locked(struct sleeper *s, uint32_t state)
{
	uint32_t *futex = &s->s_state;

	TAILQ_REMOVE(&sleepers, s, s_link);
	if (s->s_counted)
		running++;
	/* From the store on, the sleeper's stack may be gone. */
	__atomic_store_n(futex, state, __ATOMIC_RELEASE);
	ruser_futex_wake(futex, 1);
}

static struct sleeper *
earliest_locked(void)
{
	struct sleeper *s, *first = NULL;

	TAILQ_FOREACH(s, &sleepers, s_link)
		if (s->s_deadline != RUMPUSER_FOREVER &&
		    (first == NULL || s->s_deadline < first->s_deadline))
			first = s;
	return first;
}

static void
set_locked(int64_t to)
{
	struct sleeper *s;

	atomic_store(&now, to);
	while ((s = earliest_locked()) != NULL && s->s_deadline <= to)
		wake_locked(s, EXPIRED);
}

/* All of them parked: go to the next deadline. */
static void
settle_locked(void)
{
	struct sleeper *s;

	while (automatic && running == 0 && (s = earliest_locked()) != NULL)
		set_locked(s->s_deadline);
}

void
ruser_vclock_hold(unsigned n)
{

	pthread_mutex_lock(&vc_mtx);
	running += n;
	pthread_mutex_unlock(&vc_mtx);
}

void
ruser_vclock_rele(unsigned n)
{

	pthread_mutex_lock(&vc_mtx);
	running -= n;
	settle_locked();
	pthread_mutex_unlock(&vc_mtx);
}

int
ruser_vclock_park(const uint32_t *word, uint32_t expected, int64_t deadline)
{
	struct sleeper s = {
		.s_word = word,
		.s_deadline = deadline,
		.s_counted = ruser_thread_counted(),
		.s_state = ASLEEP,
	};
	uint32_t state;

	pthread_mutex_lock(&vc_mtx);
	if (__atomic_load_n(word, __ATOMIC_ACQUIRE) != expected) {
		pthread_mutex_unlock(&vc_mtx);
		return 0;
	}
	if (deadline <= atomic_load(&now)) {
		pthread_mutex_unlock(&vc_mtx);
		return ETIMEDOUT;
	}
	TAILQ_INSERT_TAIL(&sleepers, &s, s_link);
	if (s.s_counted)
		running--;
	settle_locked();
	pthread_mutex_unlock(&vc_mtx);

	while ((state = __atomic_load_n(&s.s_state, __ATOMIC_ACQUIRE)) ==
	    ASLEEP)
		ruser_futex_wait(&s.s_state, ASLEEP, RUMPUSER_FOREVER);
	return state == EXPIRED ? ETIMEDOUT : 0;
}

void
ruser_vclock_unpark(const uint32_t *word, uint32_t n)
{
	struct sleeper *s, *next;

	pthread_mutex_lock(&vc_mtx);
	for (s = TAILQ_FIRST(&sleepers); s != NULL && n > 0; s = next) {
		next = TAILQ_NEXT(s, s_link);
		if (s->s_word == word) {
			wake_locked(s, WOKEN);
			n--;
		}
	}
	pthread_mutex_unlock(&vc_mtx);
}

void
ruser_vclock_advance(int64_t ns)
{
	int64_t t;

	pthread_mutex_lock(&vc_mtx);
	t = atomic_load(&now);
	set_locked(ns > INT64_MAX - 1 - t ? INT64_MAX - 1 : t + ns);
	pthread_mutex_unlock(&vc_mtx);
}
