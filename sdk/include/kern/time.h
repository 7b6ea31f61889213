/* SPDX-License-Identifier: BSD-2-Clause */
/** @file time.h
 * Clocks, callouts, work queues and soft interrupts.
 */
#ifndef KERN_TIME_H
#define KERN_TIME_H

#include <kern/list.h>
#include <linux/time.h>

/** The monotonic clock. */
nstime_t mono_now(void);
/** The time of day, ns since 1970 UTC, with clock_settime()'s offset. */
nstime_t real_now(void);
/** As real_now(), at most some milliseconds old: for time stamps of files. */
void real_stamp(struct timespec *ts);

static inline struct timespec
ns_to_timespec(nstime_t ns)
{
	struct timespec ts;

	ts.tv_sec = ns / NS_PER_SEC;
	ts.tv_nsec = ns % NS_PER_SEC;
	if (ts.tv_nsec < 0) {
		ts.tv_sec--;
		ts.tv_nsec += NS_PER_SEC;
	}
	return ts;
}

/**
 * A relative timespec of an application, as ns. @return EINVAL for a
 * malformed one; durations beyond the clock's range become NSTIME_FOREVER.
 */
int timespec_to_ns(const struct timespec *ts, nstime_t *nsp);
/** now + duration, saturating. */
nstime_t mono_deadline(nstime_t duration);

/* ---- Callouts: a function at a time ----------------------------------- */

/*
 * Lives in the caller's storage. The function runs on the timer thread: it
 * must not sleep for long; real work goes to a work queue. It runs in an epoch
 * that began before callout_stop() could miss it: storage that is stopped, and
 * freed by epoch_defer(), is still there while it runs.
 */
struct callout {
	struct list co_link;		/* [wheel lock] */
	nstime_t co_deadline;		/* [wheel lock] */
	void (*co_fn)(void *arg);
	void *co_arg;
	_Atomic uint32_t co_state;
};

void callout_init(struct callout *co, void (*fn)(void *), void *arg);
/** (Re)arm for a point of the monotonic clock. */
void callout_schedule(struct callout *co, nstime_t deadline);
/** Disarm; true when it was armed. It may be running still. */
bool callout_stop(struct callout *co);
/** Disarm, and wait until it is not running. Not from the callout itself. */
bool callout_halt(struct callout *co);

/* ---- Work queues: functions on kernel threads ------------------------- */

struct work {
	struct list wk_link;
	void (*wk_fn)(struct work *wk);	/**< may sleep; may free the work */
	_Atomic bool wk_queued;
};

struct workqueue;

static inline void
work_init(struct work *wk, void (*fn)(struct work *))
{
	list_node_init(&wk->wk_link);
	wk->wk_fn = fn;
	atomic_init(&wk->wk_queued, false);
}

/** Threads are started at the first work, and as needed up to nthreads. */
int workqueue_create(const char *name, unsigned nthreads,
    struct workqueue **wqp);
/** Finish all work and end. */
void workqueue_destroy(struct workqueue *wq);
/** Queue; false when it is queued already. Never fails, does not sleep. */
bool workqueue_enqueue(struct workqueue *wq, struct work *wk);
/** Wait until all that was queued before has run. */
void workqueue_drain(struct workqueue *wq);

/* ---- Soft interrupts -------------------------------------------------- */

enum softint_level { SOFTINT_CLOCK, SOFTINT_BIO, SOFTINT_NET, SOFTINT_LEVELS };

struct softint;

/** A function run soon after softint_schedule(), once for many schedules. */
int softint_establish(enum softint_level level, void (*fn)(void *), void *arg,
    struct softint **sip);
void softint_disestablish(struct softint *si);
/** From any context, a callout or bio completion too. */
void softint_schedule(struct softint *si);

#endif
