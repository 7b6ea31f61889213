/* SPDX-License-Identifier: BSD-2-Clause */
/* Kernel half of t_callout. */
#include <kern/kmem.h>

#include "k_callout.h"
#include "k_timed.h"

/* @return by how many ns the median of n callouts came late; < 0: early */
int64_t
rumptest_callout_late(int n)
{
	nstime_t late[64], t;
	uint64_t seed = 5;
	int i, j;

	timed_init();
	n = MIN(n, 64);
	for (i = 0; i < n; i++) {
		arm(&timed[i], mono_now() + 100 * NS_PER_US +
		    (nstime_t)(next_random(&seed) % 3000) * NS_PER_US);
		wait_fired(i + 1);
		late[i] = atomic_load(&timed[i].t_fired) - timed[i].t_deadline;
		if (late[i] < 0)
			return late[i];
		for (j = i; j > 0 && late[j] < late[j - 1]; j--) {
			t = late[j];
			late[j] = late[j - 1];
			late[j - 1] = t;
		}
	}
	return late[n / 2];
}

/* Runs for a while, and arms itself again. */
static struct callout again;
static _Atomic int again_in, again_count;

static void
again_fire(void *arg)
{
	int i;

	atomic_fetch_add(&again_in, 1);
	atomic_fetch_add(&again_count, 1);
	for (i = 0; i < 20; i++)
		rumpuser_thread_yield();
	callout_schedule(arg, mono_now() + 10 * NS_PER_US);
	atomic_fetch_sub(&again_in, 1);
}

int
rumptest_callout_halt(int rounds)
{
	int n, count;

	callout_init(&again, again_fire, &again);
	while (rounds-- > 0) {
		count = atomic_load(&again_count);
		callout_schedule(&again, mono_now());
		while (atomic_load(&again_count) == count)
			rumpuser_thread_yield();
		(void)callout_halt(&again);
		CHECK(atomic_load(&again_in) == 0);
		count = atomic_load(&again_count);
		for (n = 0; n < 50; n++)
			rumpuser_thread_yield();
		CHECK(atomic_load(&again_count) == count);
		CHECK(!callout_stop(&again));
	}
	return 0;
}

/* Memory that its own callout frees. */
static void
self_free(void *arg)
{
	kmem_free(arg, sizeof(struct callout));
	atomic_fetch_add(&nfired, 1);
}

int
rumptest_callout_self_free(int n)
{
	struct callout *co;
	int i;

	atomic_store(&nfired, 0);
	for (i = 0; i < n; i++) {
		CHECK((co = kmem_alloc(sizeof(*co), 0)) != NULL);
		callout_init(co, self_free, co);
		callout_schedule(co, mono_now() + i % 7 * 10000);
	}
	wait_fired(n);
	return 0;
}

/* Several threads arm, stop and halt callouts of their own. */
int
rumptest_callout_storm(int thread, int rounds)
{
	struct timed *t = &timed[thread * 100];
	uint64_t seed = (uint64_t)thread;
	int i, armed = 0, stopped = 0, fired = 0;

	for (i = 0; i < 100; i++) {
		callout_init(&t[i].t_co, fire, &t[i]);
		atomic_store(&t[i].t_count, 0);
	}
	while (rounds-- > 0) {
		i = (int)(next_random(&seed) % 100);
		if (callout_stop(&t[i].t_co))
			stopped++;
		callout_schedule(&t[i].t_co, mono_now() +
		    (nstime_t)(next_random(&seed) % 200) * NS_PER_US);
		armed++;
	}
	for (i = 0; i < 100; i++) {
		if (callout_halt(&t[i].t_co))
			stopped++;
		fired += atomic_load(&t[i].t_count);
	}
	CHECK(armed == stopped + fired);
	return 0;
}

/* ---- Conversions ------------------------------------------------------- */

int
rumptest_callout_conversions(void)
{
	struct timespec ts;
	nstime_t ns = 77;

	ts = ns_to_timespec(-1);
	CHECK(ts.tv_sec == -1 && ts.tv_nsec == 999999999);
	CHECK(timespec_to_ns(&ts, &ns) == EINVAL && ns == 77);
	ts = ns_to_timespec(1500000000);
	CHECK(ts.tv_sec == 1 && ts.tv_nsec == 500000000);
	CHECK(timespec_to_ns(&ts, &ns) == 0 && ns == 1500000000);
	ts.tv_nsec = 1000000000;
	CHECK(timespec_to_ns(&ts, &ns) == EINVAL);
	ts.tv_nsec = -1;
	CHECK(timespec_to_ns(&ts, &ns) == EINVAL);
	ts.tv_nsec = 0;
	ts.tv_sec = INT64_MAX;
	CHECK(timespec_to_ns(&ts, &ns) == 0 && ns == NSTIME_FOREVER);
	CHECK(mono_deadline(NSTIME_FOREVER) == NSTIME_FOREVER);
	return 0;
}
