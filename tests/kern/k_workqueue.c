/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Kernel half of t_workqueue: work queues and soft interrupts. Functions
 * return 0 or the number of the check that failed.
 */
#include <kern/kmem.h>
#include <kern/sync.h>
#include <kern/time.h>
#include <rump/rumpuser.h>

#include "k_workqueue.h"

#define CHECK(e) do { if (!(e)) return __LINE__; } while (0)

static struct lock_class test_lc = LOCK_CLASS("test workqueue", 0);
static struct kmutex lock;
static struct kcondvar cv;
static int ran, order_bad, blocked, peak;	/* [lock] */
static bool gate_open;				/* [lock] */

int
rumptest_workqueue_init(void)
{
	mutex_init(&lock, &test_lc);
	cv_init(&cv);
	return 0;
}

static void
reset(void)
{
	mutex_enter(&lock);
	ran = order_bad = blocked = peak = 0;
	gate_open = false;
	mutex_exit(&lock);
}

struct numbered {
	struct work n_work;
	int n_number;
};

static void
run_numbered(struct work *wk)
{
	struct numbered *n = container_of(wk, struct numbered, n_work);

	mutex_enter(&lock);
	if (n->n_number != ran)
		order_bad++;
	ran++;
	mutex_exit(&lock);
	kmem_free(n, sizeof(*n));
}

/* One thread: in the order of queueing; the functions free their works. */
int
rumptest_workqueue_order(int count)
{
	struct workqueue *wq;
	struct numbered *n;
	int i;

	reset();
	CHECK(workqueue_create("order", 1, &wq) == 0);
	for (i = 0; i < count; i++) {
		CHECK((n = kmem_alloc(sizeof(*n), 0)) != NULL);
		n->n_number = i;
		work_init(&n->n_work, run_numbered);
		CHECK(workqueue_enqueue(wq, &n->n_work));
	}
	workqueue_drain(wq);
	mutex_enter(&lock);
	i = ran;
	mutex_exit(&lock);
	CHECK(i == count && order_bad == 0);
	workqueue_destroy(wq);
	return 0;
}

static void
run_gate(struct work *wk)
{
	(void)wk;
	mutex_enter(&lock);
	blocked++;
	peak = MAX(peak, blocked);
	cv_broadcast(&cv);
	while (!gate_open)
		cv_wait(&cv, &lock);
	blocked--;
	ran++;
	mutex_exit(&lock);
}

static void
wait_blocked(int n)
{
	mutex_enter(&lock);
	while (blocked < n)
		cv_wait(&cv, &lock);
	mutex_exit(&lock);
}

static void
open_gate(void)
{
	mutex_enter(&lock);
	gate_open = true;
	cv_broadcast(&cv);
	mutex_exit(&lock);
}

/* As many threads as were asked for work at once, and no more. */
int
rumptest_workqueue_parallel(unsigned nthreads)
{
	struct workqueue *wq;
	struct work wk[20];
	unsigned i;

	reset();
	CHECK(workqueue_create("parallel", nthreads, &wq) == 0);
	for (i = 0; i < 20; i++) {
		work_init(&wk[i], run_gate);
		CHECK(workqueue_enqueue(wq, &wk[i]));
	}
	wait_blocked((int)nthreads);
	/* Not yet taken: queueing it again does nothing. */
	CHECK(!workqueue_enqueue(wq, &wk[19]));
	open_gate();
	workqueue_destroy(wq);
	CHECK(ran == 20 && peak == (int)nthreads);
	return 0;
}

static struct workqueue *again_wq;
static int again_left;

static void
run_again(struct work *wk)
{
	mutex_enter(&lock);
	ran++;
	if (--again_left > 0)
		(void)workqueue_enqueue(again_wq, wk);
	else
		cv_broadcast(&cv);
	mutex_exit(&lock);
}

/* A work may queue itself from its own function. */
int
rumptest_workqueue_again(int count)
{
	struct work wk;

	reset();
	again_left = count;
	work_init(&wk, run_again);
	CHECK(workqueue_create("again", 2, &again_wq) == 0);
	CHECK(workqueue_enqueue(again_wq, &wk));
	mutex_enter(&lock);
	while (again_left > 0)
		cv_wait(&cv, &lock);
	mutex_exit(&lock);
	workqueue_destroy(again_wq);
	CHECK(ran == count);
	return 0;
}

/* ---- Many threads queue ------------------------------------------------ */

static struct workqueue *storm_wq;
static _Atomic int storm_ran;

static void
run_storm(struct work *wk)
{
	atomic_fetch_add(&storm_ran, 1);
	kmem_free(wk, sizeof(*wk));
}

int
rumptest_workqueue_storm_init(void)
{
	atomic_store(&storm_ran, 0);
	return workqueue_create("storm", 3, &storm_wq);
}

int
rumptest_workqueue_storm(int count)
{
	struct work *wk;
	int i;

	for (i = 0; i < count; i++) {
		CHECK((wk = kmem_alloc(sizeof(*wk), 0)) != NULL);
		work_init(wk, run_storm);
		CHECK(workqueue_enqueue(storm_wq, wk));
		if (i % 1000 == 0)
			workqueue_drain(storm_wq);
	}
	return 0;
}

int
rumptest_workqueue_storm_fini(void)
{
	workqueue_destroy(storm_wq);
	return atomic_load(&storm_ran);
}

/* ---- Without threads --------------------------------------------------- */

/*
 * The host refuses threads until the test allows them: works wait, and run
 * then. Fault injection is the caller's; the timer thread exists already.
 */
static struct workqueue *late_wq;
static struct work late_work;

int
rumptest_workqueue_late_start(void)
{
	reset();
	gate_open = true;
	work_init(&late_work, run_gate);
	CHECK(workqueue_create("late", 2, &late_wq) == 0);
	CHECK(workqueue_enqueue(late_wq, &late_work));
	mutex_enter(&lock);
	CHECK(ran == 0);
	mutex_exit(&lock);
	return 0;
}

int
rumptest_workqueue_late_end(bool drain)
{
	if (drain)
		workqueue_drain(late_wq);
	workqueue_destroy(late_wq);
	CHECK(ran == 1);
	return 0;
}

static void
nothing(void *arg)
{
	(void)arg;
}

/* Make sure that the timer thread exists. */
void
rumptest_workqueue_timer(void)
{
	struct callout co;

	callout_init(&co, nothing, NULL);
	callout_schedule(&co, mono_now());
	(void)callout_halt(&co);
}

/* ---- Soft interrupts --------------------------------------------------- */

static struct softint *si[SOFTINT_LEVELS];
static _Atomic int si_ran[SOFTINT_LEVELS], si_sent[SOFTINT_LEVELS];
static _Atomic int si_seen[SOFTINT_LEVELS];

static void
run_softint(void *arg)
{
	intptr_t level = (intptr_t)arg;

	/* What was sent before the schedule is seen. */
	atomic_store(&si_seen[level], atomic_load(&si_sent[level]));
	atomic_fetch_add(&si_ran[level], 1);
}

int
rumptest_workqueue_softint_init(void)
{
	intptr_t l;

	for (l = 0; l < SOFTINT_LEVELS; l++)
		CHECK(softint_establish((enum softint_level)l, run_softint,
		    (void *)l, &si[l]) == 0);
	return 0;
}

int
rumptest_workqueue_softint(int rounds)
{
	int i, l;

	for (i = 0; i < rounds; i++) {
		l = i % SOFTINT_LEVELS;
		atomic_fetch_add(&si_sent[l], 1);
		softint_schedule(si[l]);
	}
	for (l = 0; l < SOFTINT_LEVELS; l++)
		while (atomic_load(&si_seen[l]) != atomic_load(&si_sent[l]))
			rumpuser_thread_yield();
	return 0;
}

int
rumptest_workqueue_softint_fini(void)
{
	int l, count;

	for (l = 0; l < SOFTINT_LEVELS; l++) {
		softint_schedule(si[l]);
		softint_disestablish(si[l]);
		/* It does not run any more. */
		count = atomic_load(&si_ran[l]);
		rumpuser_thread_yield();
		CHECK(atomic_load(&si_ran[l]) == count);
		/* Once for many schedules. */
		CHECK(count <= atomic_load(&si_sent[l]) + 1 && count > 0);
	}
	return 0;
}
