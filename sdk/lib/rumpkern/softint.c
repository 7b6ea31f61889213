/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Soft interrupts: a thread a level, started when the level's first one is
 * established, so that scheduling never fails.
 */
#include <kern/kmem.h>
#include <kern/time.h>

#include "mem_private.h"

/*
 * l  sl_lock   I  immutable   a  atomic
 */
struct softint {
	struct list si_link;		/* [l] sl_pending */
	enum softint_level si_level;	/* [I] */
	void (*si_fn)(void *);		/* [I] */
	void *si_arg;			/* [I] */
	_Atomic bool si_scheduled;	/* [a] */
};

static struct level {
	struct kmutex sl_lock;
	struct kcondvar sl_cv;		/* sl_pending, for the thread */
	struct kcondvar sl_ran;		/* sl_running changed */
	struct list sl_pending;		/* [l] */
	struct softint *sl_running;	/* [l] */
	bool sl_started;		/* [start_lock] */
} levels[SOFTINT_LEVELS];

static const char *const level_name[SOFTINT_LEVELS] = {
	[SOFTINT_CLOCK] = "softclock",
	[SOFTINT_BIO] = "softbio",
	[SOFTINT_NET] = "softnet",
};

static struct lock_class level_lc = LOCK_CLASS("softint", 0);
static struct lock_class start_lc = LOCK_CLASS("softint start", 0);
static struct kmutex start_lock;

void
softint_init(void)
{
	struct level *sl;

	mutex_init(&start_lock, &start_lc);
	for (sl = levels; sl < levels + SOFTINT_LEVELS; sl++) {
		mutex_init(&sl->sl_lock, &level_lc);
		cv_init(&sl->sl_cv);
		cv_init(&sl->sl_ran);
		list_init(&sl->sl_pending);
	}
}

static void
softint_run(struct level *sl)
{
	struct softint *si;

	si = list_first(&sl->sl_pending, struct softint, si_link);
	list_remove(&si->si_link);
	sl->sl_running = si;
	mutex_exit(&sl->sl_lock);
	/* What is scheduled from here on runs again. */
	atomic_store(&si->si_scheduled, false);
	si->si_fn(si->si_arg);
	mutex_enter(&sl->sl_lock);
	sl->sl_running = NULL;
	cv_broadcast(&sl->sl_ran);
}

static void
softint_thread(void *arg)
{
	struct level *sl = arg;

	mutex_enter(&sl->sl_lock);
	for (;;) {
		while (!list_empty(&sl->sl_pending))
			softint_run(sl);
		cv_wait(&sl->sl_cv, &sl->sl_lock);
	}
}

static int
level_start(struct level *sl)
{
	int error = 0;

	mutex_enter(&start_lock);
	if (!sl->sl_started) {
		error = kthread_create(softint_thread, sl,
		    level_name[sl - levels], NULL);
		sl->sl_started = error == 0;
	}
	mutex_exit(&start_lock);
	return error;
}

int
softint_establish(enum softint_level level, void (*fn)(void *), void *arg,
    struct softint **sip)
{
	struct softint *si;
	int error;

	error = level_start(&levels[level]);
	if (error != 0)
		return error;
	si = kmem_alloc(sizeof(*si), 0);
	if (si == NULL)
		return ENOMEM;
	list_node_init(&si->si_link);
	si->si_level = level;
	si->si_fn = fn;
	si->si_arg = arg;
	atomic_init(&si->si_scheduled, false);
	*sip = si;
	return 0;
}

void
softint_disestablish(struct softint *si)
{
	struct level *sl = &levels[si->si_level];

	mutex_enter(&sl->sl_lock);
	list_remove(&si->si_link);
	while (sl->sl_running == si) {
		cv_wait(&sl->sl_ran, &sl->sl_lock);
		list_remove(&si->si_link);
	}
	mutex_exit(&sl->sl_lock);
	kmem_free(si, sizeof(*si));
}

void
softint_schedule(struct softint *si)
{
	struct level *sl = &levels[si->si_level];

	if (atomic_exchange(&si->si_scheduled, true))
		return;
	mutex_enter(&sl->sl_lock);
	list_insert_tail(&sl->sl_pending, &si->si_link);
	cv_signal(&sl->sl_cv);
	mutex_exit(&sl->sl_lock);
}
