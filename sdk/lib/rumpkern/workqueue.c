/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Work queues. Works are numbered in the order in which they are queued,
 * which is the order in which they are taken; a drain waits until all up to
 * the last number of its time have been taken, and none of them is running.
 *
 * Threads are started by whoever queues work and finds too few idle. Where
 * the platform has no thread at all, a callout tries again until it has one.
 */
#include <kern/kmem.h>
#include <kern/time.h>

#include "mem_private.h"

#define WQ_RETRY	(10 * NS_PER_MS)

struct worker {
	struct workqueue *wr_wq;	/* [I] */
	struct kthread *wr_kt;		/* [q] NULL: there is none */
	uint64_t wr_serial;		/* [q] the work that it runs, or 0 */
};

/*
 * q  wq_lock   I  immutable
 */
struct workqueue {
	const char *wq_name;		/* [I] */
	unsigned wq_max;		/* [I] threads */
	struct kmutex wq_lock;
	struct kcondvar wq_cv;		/* there is work, or wq_ending */
	struct kcondvar wq_done;	/* a work or wq_starting has ended */
	struct list wq_works;		/* [q] */
	uint64_t wq_queued;		/* [q] serial of the last one */
	uint64_t wq_taken;		/* [q] serial of the last one */
	unsigned wq_nthreads;		/* [q] */
	unsigned wq_idle;		/* [q] */
	unsigned wq_waiters;		/* [q] on wq_done */
	bool wq_starting;		/* [q] somebody makes a thread */
	bool wq_ending;			/* [q] */
	struct callout wq_retry;
	struct worker wq_worker[];	/* wq_max */
};

static struct lock_class wq_lc = LOCK_CLASS("workqueue", 0);

static void
wq_wait_done(struct workqueue *wq)
{
	wq->wq_waiters++;
	cv_wait(&wq->wq_done, &wq->wq_lock);
	wq->wq_waiters--;
}

static void
wq_wake_done(struct workqueue *wq)
{
	if (wq->wq_waiters != 0)
		cv_broadcast(&wq->wq_done);
}

/* ---- Threads ----------------------------------------------------------- */

/* Run the first work, as a worker or (NULL) as the queue's destroyer. */
static void
wq_run(struct workqueue *wq, struct worker *wr)
{
	struct work *wk;

	wk = list_first(&wq->wq_works, struct work, wk_link);
	list_remove(&wk->wk_link);
	wq->wq_taken++;
	if (wr != NULL)
		wr->wr_serial = wq->wq_taken;
	mutex_exit(&wq->wq_lock);
	/* From here on it may be queued again, and its function may free it. */
	atomic_store_explicit(&wk->wk_queued, false, memory_order_release);
	wk->wk_fn(wk);
	mutex_enter(&wq->wq_lock);
	if (wr != NULL)
		wr->wr_serial = 0;
	wq_wake_done(wq);
}

static void
worker_thread(void *arg)
{
	struct worker *wr = arg;
	struct workqueue *wq = wr->wr_wq;

	mutex_enter(&wq->wq_lock);
	for (;;) {
		if (!list_empty(&wq->wq_works)) {
			wq_run(wq, wr);
			continue;
		}
		if (wq->wq_ending)
			break;
		wq->wq_idle++;
		cv_wait(&wq->wq_cv, &wq->wq_lock);
		wq->wq_idle--;
	}
	mutex_exit(&wq->wq_lock);
}

/* Is another thread wanted? If so, the caller makes it. */
static bool
wq_want_thread(struct workqueue *wq)
{
	if (wq->wq_starting || wq->wq_ending ||
	    wq->wq_nthreads == wq->wq_max ||
	    wq->wq_queued - wq->wq_taken <= wq->wq_idle)
		return false;
	wq->wq_starting = true;
	return true;
}

/* After wq_want_thread(), without the lock. */
static void
wq_start_thread(struct workqueue *wq)
{
	struct worker *wr = &wq->wq_worker[wq->wq_nthreads];
	struct kthread *kt;
	bool retry = false;

	wr->wr_wq = wq;
	if (kthread_create(worker_thread, wr, wq->wq_name, &kt) != 0)
		kt = NULL;
	mutex_enter(&wq->wq_lock);
	wr->wr_kt = kt;
	if (kt != NULL)
		wq->wq_nthreads++;
	else
		retry = wq->wq_nthreads == 0 && !wq->wq_ending;
	if (retry) {
		mutex_exit(&wq->wq_lock);
		callout_schedule(&wq->wq_retry, mono_deadline(WQ_RETRY));
		mutex_enter(&wq->wq_lock);
	}
	wq->wq_starting = false;
	wq_wake_done(wq);
	mutex_exit(&wq->wq_lock);
}

static void
wq_retry(void *arg)
{
	struct workqueue *wq = arg;
	bool start;

	mutex_enter(&wq->wq_lock);
	start = wq_want_thread(wq);
	mutex_exit(&wq->wq_lock);
	if (start)
		wq_start_thread(wq);
}

/* ---- The interface ----------------------------------------------------- */

static size_t
wq_size(unsigned nthreads)
{
	return sizeof(struct workqueue) + nthreads * sizeof(struct worker);
}

int
workqueue_create(const char *name, unsigned nthreads, struct workqueue **wqp)
{
	struct workqueue *wq;

	KASSERT(nthreads > 0);
	wq = kmem_zalloc(wq_size(nthreads), 0);
	if (wq == NULL)
		return ENOMEM;
	wq->wq_name = name;
	wq->wq_max = nthreads;
	mutex_init(&wq->wq_lock, &wq_lc);
	cv_init(&wq->wq_cv);
	cv_init(&wq->wq_done);
	list_init(&wq->wq_works);
	callout_init(&wq->wq_retry, wq_retry, wq);
	*wqp = wq;
	return 0;
}

void
workqueue_destroy(struct workqueue *wq)
{
	unsigned i;

	mutex_enter(&wq->wq_lock);
	wq->wq_ending = true;
	while (wq->wq_starting)
		wq_wait_done(wq);
	cv_broadcast(&wq->wq_cv);
	if (wq->wq_nthreads == 0)
		while (!list_empty(&wq->wq_works))
			wq_run(wq, NULL);
	mutex_exit(&wq->wq_lock);
	(void)callout_halt(&wq->wq_retry);
	for (i = 0; i < wq->wq_nthreads; i++)
		kthread_join(wq->wq_worker[i].wr_kt);
	cv_fini(&wq->wq_done);
	cv_fini(&wq->wq_cv);
	mutex_fini(&wq->wq_lock);
	kmem_free(wq, wq_size(wq->wq_max));
}

bool
workqueue_enqueue(struct workqueue *wq, struct work *wk)
{
	bool start, wake;

	if (atomic_exchange_explicit(&wk->wk_queued, true,
	    memory_order_acq_rel))
		return false;
	mutex_enter(&wq->wq_lock);
	list_insert_tail(&wq->wq_works, &wk->wk_link);
	wq->wq_queued++;
	wake = wq->wq_idle != 0;
	start = wq_want_thread(wq);
	if (wake)
		cv_signal(&wq->wq_cv);
	mutex_exit(&wq->wq_lock);
	if (start)
		wq_start_thread(wq);
	return true;
}

static bool
wq_drained(struct workqueue *wq, uint64_t serial)
{
	const struct worker *wr;
	unsigned i;

	if (wq->wq_taken < serial)
		return false;
	/* One more than wq_nthreads may be at work already. */
	for (i = 0; i < wq->wq_max; i++) {
		wr = &wq->wq_worker[i];
		if (wr->wr_serial != 0 && wr->wr_serial <= serial)
			return false;
	}
	return true;
}

void
workqueue_drain(struct workqueue *wq)
{
	uint64_t serial;

	mutex_enter(&wq->wq_lock);
	serial = wq->wq_queued;
	while (!wq_drained(wq, serial))
		wq_wait_done(wq);
	mutex_exit(&wq->wq_lock);
}
