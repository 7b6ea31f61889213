/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Callouts that note when they are called; for the kernel halves of t_callout
 * and t_callout_virtual. Functions return 0 or the number of the check that
 * failed.
 */
#ifndef K_TIMED_H
#define K_TIMED_H

#include <kern/time.h>
#include <rump/rumpuser.h>

#define CHECK(e) do { if (!(e)) return __LINE__; } while (0)
#define N 2000

static struct timed {
	struct callout t_co;
	nstime_t t_deadline;
	_Atomic nstime_t t_fired;	/* 0: not yet */
	_Atomic int t_count;
} timed[N];
static _Atomic int nfired;

static inline void
fire(void *arg)
{
	struct timed *t = arg;

	atomic_store(&t->t_fired, mono_now());
	atomic_fetch_add(&t->t_count, 1);
	atomic_fetch_add(&nfired, 1);
}

static inline void
timed_init(void)
{
	int i;

	atomic_store(&nfired, 0);
	for (i = 0; i < N; i++) {
		callout_init(&timed[i].t_co, fire, &timed[i]);
		timed[i].t_deadline = 0;
		atomic_store(&timed[i].t_fired, 0);
		atomic_store(&timed[i].t_count, 0);
	}
}

static inline uint64_t
next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return *state >> 20;
}

static inline void
wait_fired(int n)
{
	while (atomic_load(&nfired) < n)
		rumpuser_thread_yield();
}

static inline void
arm(struct timed *t, nstime_t deadline)
{
	t->t_deadline = deadline;
	callout_schedule(&t->t_co, deadline);
}

#endif
