/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The interval timer of a process: setitimer(2), getitimer(2), alarm(2).
 *
 * There is ITIMER_REAL; the kernel does not account CPU time for the others.
 * A process gets its timer with the first call that sets it, until its end.
 *
 * Lock order: it_lock is not held over posting the signal.
 */
#include <kern/kmem.h>
#include <kern/syscall.h>
#include <kern/time.h>

#include "proc_private.h"
#include "signal.h"
#include "sysproto.h"

struct itimer {
	struct kmutex it_lock;
	struct proc *it_proc;		/* [I] */
	struct callout it_callout;
	nstime_t it_next;		/* [it_lock] FOREVER: disarmed */
	nstime_t it_interval;		/* [it_lock] 0: once */
};

static struct lock_class itimer_lc = LOCK_CLASS("itimer", 0);

static void
expired(void *arg)
{
	struct itimer *it = arg;
	nstime_t now = mono_now();
	bool due;

	mutex_enter(&it->it_lock);
	due = it->it_next != NSTIME_FOREVER && now >= it->it_next;
	if (due && it->it_interval == 0) {
		it->it_next = NSTIME_FOREVER;
	} else if (due) {
		/* Those that were missed are one signal. */
		it->it_next += ((now - it->it_next) / it->it_interval + 1) *
		    it->it_interval;
		callout_schedule(&it->it_callout, it->it_next);
	}
	mutex_exit(&it->it_lock);
	if (due)
		(void)signal_post(it->it_proc, 0, SIGALRM, NULL);
}

/* The calling process' timer. */
static int
itimer_get(struct itimer **itp)
{
	struct proc *p = curproc;
	struct itimer *it = atomic_load(&p->p_itimer), *other = NULL;

	if (it == NULL) {
		it = kmem_zalloc(sizeof(*it), 0);
		if (it == NULL)
			return ENOMEM;
		mutex_init(&it->it_lock, &itimer_lc);
		it->it_proc = p;
		callout_init(&it->it_callout, expired, it);
		it->it_next = NSTIME_FOREVER;
		if (!atomic_compare_exchange_strong(&p->p_itimer, &other,
		    it)) {
			mutex_fini(&it->it_lock);
			kmem_free(it, sizeof(*it));
			it = other;
		}
	}
	*itp = it;
	return 0;
}

void
itimer_free(struct proc *p)
{
	struct itimer *it = atomic_load(&p->p_itimer);

	if (it == NULL)
		return;
	/* It may be about to arm itself again. */
	mutex_enter(&it->it_lock);
	it->it_next = NSTIME_FOREVER;
	mutex_exit(&it->it_lock);
	(void)callout_halt(&it->it_callout);
	mutex_fini(&it->it_lock);
	kmem_free(it, sizeof(*it));
	atomic_store(&p->p_itimer, NULL);
}

/* What is left, and the interval. it NULL: never set. */
static void
itimer_read(struct itimer *it, nstime_t *leftp, nstime_t *intervalp)
{
	*leftp = *intervalp = 0;
	if (it == NULL)
		return;
	if (it->it_next != NSTIME_FOREVER)
		*leftp = MAX(it->it_next - mono_now(), 1);
	*intervalp = it->it_interval;
}

static int
itimer_set(nstime_t value, nstime_t interval, nstime_t *leftp,
    nstime_t *intervalp)
{
	struct itimer *it;
	int error;

	error = itimer_get(&it);
	if (error != 0)
		return error;
	mutex_enter(&it->it_lock);
	itimer_read(it, leftp, intervalp);
	it->it_interval = interval;
	if (value == 0) {
		it->it_next = NSTIME_FOREVER;
		(void)callout_stop(&it->it_callout);
	} else {
		it->it_next = mono_deadline(value);
		callout_schedule(&it->it_callout, it->it_next);
	}
	mutex_exit(&it->it_lock);
	return 0;
}

/* ---- System calls ----------------------------------------------------- */

static int
timeval_to_ns(const struct timeval *tv, nstime_t *nsp)
{
	struct timespec ts = { .tv_sec = tv->tv_sec };

	if (tv->tv_usec < 0 || tv->tv_usec >= 1000000)
		return EINVAL;
	ts.tv_nsec = tv->tv_usec * NS_PER_US;
	return timespec_to_ns(&ts, nsp);
}

/* Rounded up: what is not over yet is not 0. */
static struct timeval
ns_to_timeval(nstime_t ns)
{
	struct timespec ts = ns_to_timespec(ns + NS_PER_US - 1);
	struct timeval tv = { ts.tv_sec, ts.tv_nsec / NS_PER_US };

	return tv;
}

static int
copyout_itimer(nstime_t left, nstime_t interval, struct itimerval *uval)
{
	struct itimerval val;

	val.it_value = ns_to_timeval(left);
	val.it_interval = ns_to_timeval(interval);
	return copyout(&val, uval, sizeof(val));
}

int
sys_setitimer(int which, const struct itimerval *unew,
    struct itimerval *uold, long *rv __maybe_unused)
{
	nstime_t value, interval, left, oldinterval;
	struct itimerval val;
	int error;

	error = copyin(unew, &val, sizeof(val));
	if (error != 0)
		return error;
	if (which != ITIMER_REAL ||
	    timeval_to_ns(&val.it_value, &value) != 0 ||
	    timeval_to_ns(&val.it_interval, &interval) != 0)
		return EINVAL;
	error = itimer_set(value, interval, &left, &oldinterval);
	if (error != 0 || uold == NULL)
		return error;
	return copyout_itimer(left, oldinterval, uold);
}

int
sys_getitimer(int which, struct itimerval *ucur, long *rv __maybe_unused)
{
	struct itimer *it = atomic_load(&curproc->p_itimer);
	nstime_t left, interval;

	if (which != ITIMER_REAL)
		return EINVAL;
	if (it != NULL)
		mutex_enter(&it->it_lock);
	itimer_read(it, &left, &interval);
	if (it != NULL)
		mutex_exit(&it->it_lock);
	return copyout_itimer(left, interval, ucur);
}

/* The seconds left are rounded, but not to none. */
int
sys_alarm(unsigned int seconds, long *rv)
{
	nstime_t left, interval;
	int error;

	error = itimer_set((nstime_t)seconds * NS_PER_SEC, 0, &left,
	    &interval);
	if (error != 0)
		return error;
	*rv = (left + NS_PER_SEC / 2) / NS_PER_SEC;
	if (*rv == 0 && left > 0)
		*rv = 1;
	return 0;
}
