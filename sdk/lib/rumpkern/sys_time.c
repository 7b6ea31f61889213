/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * System calls on clocks.
 *
 * clock_gettime(2), clock_nanosleep(2), gettimeofday(2), time(2), times(2).
 */
#include <kern/string.h>
#include <kern/sync.h>
#include <kern/syscall.h>
#include <kern/time.h>

#include "mem_private.h"
#include "proc_private.h"
#include "sysproto.h"

#define USER_HZ 100			/* ticks of times(2) */

/* Who sleeps until a time of day looks again when that is set. */
static struct lock_class set_lc = LOCK_CLASS("time of day", 0);
static struct kmutex set_lock;
static struct kcondvar set_cv;

int
clock_init(void)
{
	mutex_init(&set_lock, &set_lc);
	cv_init(&set_cv);
	return 0;
}

/*
 * The kernel does not account CPU time, and has no suspended state that
 * CLOCK_BOOTTIME would count.
 */
static int
clock_read(clockid_t clock, nstime_t *nsp)
{
	switch (clock) {
	case CLOCK_REALTIME:
	case CLOCK_REALTIME_COARSE:
	case CLOCK_TAI:
		*nsp = real_now();
		return 0;
	case CLOCK_MONOTONIC:
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_MONOTONIC_COARSE:
	case CLOCK_BOOTTIME:
		*nsp = mono_now();
		return 0;
	}
	return EINVAL;
}

int
sys_clock_gettime(clockid_t clock, struct timespec *uts,
    long *rv __maybe_unused)
{
	struct timespec ts;
	nstime_t ns;
	int error;

	error = clock_read(clock, &ns);
	if (error != 0)
		return error;
	ts = ns_to_timespec(ns);
	return copyout(&ts, uts, sizeof(ts));
}

int
sys_clock_getres(clockid_t clock, struct timespec *uts,
    long *rv __maybe_unused)
{
	struct timespec ts = { .tv_nsec = 1 };
	nstime_t ns;
	int error;

	error = clock_read(clock, &ns);
	if (error != 0 || uts == NULL)
		return error;
	return copyout(&ts, uts, sizeof(ts));
}

static int
time_set(nstime_t ns)
{
	if (!cred_is_root(curcred()))
		return EPERM;
	real_set(ns);
	timerfd_clock_set();
	mutex_enter(&set_lock);
	cv_broadcast(&set_cv);
	mutex_exit(&set_lock);
	return 0;
}

int
sys_clock_settime(clockid_t clock, const struct timespec *uts,
    long *rv __maybe_unused)
{
	struct timespec ts;
	nstime_t ns;
	int error;

	if (clock != CLOCK_REALTIME)
		return EINVAL;
	error = copyin(uts, &ts, sizeof(ts));
	if (error == 0)
		error = timespec_to_ns(&ts, &ns);
	if (error == 0 && ns == NSTIME_FOREVER)
		error = EINVAL;
	return error == 0 ? time_set(ns) : error;
}

int
sys_gettimeofday(struct timeval *utv, struct timezone *utz,
    long *rv __maybe_unused)
{
	struct timezone tz = { 0, 0 };
	nstime_t now = real_now();
	struct timeval tv;
	int error = 0;

	if (utv != NULL) {
		tv.tv_sec = now / NS_PER_SEC;
		tv.tv_usec = now % NS_PER_SEC / NS_PER_US;
		error = copyout(&tv, utv, sizeof(tv));
	}
	if (error == 0 && utz != NULL)
		error = copyout(&tz, utz, sizeof(tz));
	return error;
}

/* A time zone is taken, and has no effect: the kernel has no use for one. */
int
sys_settimeofday(const struct timeval *utv, const struct timezone *utz,
    long *rv __maybe_unused)
{
	struct timezone tz;
	struct timeval tv;
	int error = 0;

	if (utz != NULL)
		error = copyin(utz, &tz, sizeof(tz));
	if (error != 0)
		return error;
	if (!cred_is_root(curcred()))
		return EPERM;
	if (utv == NULL)
		return 0;
	error = copyin(utv, &tv, sizeof(tv));
	if (error != 0)
		return error;
	if (tv.tv_usec < 0 || tv.tv_usec >= 1000000 || tv.tv_sec < 0 ||
	    tv.tv_sec >= NSTIME_FOREVER / NS_PER_SEC)
		return EINVAL;
	return time_set(tv.tv_sec * NS_PER_SEC + tv.tv_usec * NS_PER_US);
}

int
sys_time(time_t *ut, long *rv)
{
	time_t t = real_now() / NS_PER_SEC;

	*rv = t;
	return ut != NULL ? copyout(&t, ut, sizeof(t)) : 0;
}

int
sys_times(struct tms *utms, long *rv)
{
	struct tms tms = { 0 };		/* CPU time is not accounted */

	*rv = mono_now() / (NS_PER_SEC / USER_HZ);
	return utms != NULL ? copyout(&tms, utms, sizeof(tms)) : 0;
}

/* ---- Sleeping --------------------------------------------------------- */

/* Until a point of the monotonic clock. */
static int
sleep_mono(nstime_t deadline)
{
	struct kcondvar cv;
	int error = 0;

	cv_init(&cv);
	mutex_enter(&set_lock);
	while (error == 0)
		error = cv_timedwait_sig(&cv, &set_lock, deadline);
	mutex_exit(&set_lock);
	cv_fini(&cv);
	return error == ETIMEDOUT ? 0 : error;
}

/* Until a time of day, which may be set meanwhile. */
static int
sleep_real(nstime_t until)
{
	nstime_t left;
	int error = 0;

	mutex_enter(&set_lock);
	while ((left = until - real_now()) > 0 &&
	    (error == 0 || error == ETIMEDOUT))
		error = cv_timedwait_sig(&set_cv, &set_lock,
		    mono_deadline(left));
	mutex_exit(&set_lock);
	return left > 0 ? error : 0;
}

int
sys_clock_nanosleep(clockid_t clock, int flags, const struct timespec *ureq,
    struct timespec *urem, long *rv __maybe_unused)
{
	struct timespec ts;
	nstime_t ns, deadline;
	int error, error2;

	error = clock_read(clock, &ns);
	if (error != 0)
		return error;
	error = copyin(ureq, &ts, sizeof(ts));
	if (error == 0)
		error = timespec_to_ns(&ts, &ns);
	if (error != 0)
		return error;
	if ((flags & TIMER_ABSTIME) != 0)
		return clock == CLOCK_REALTIME || clock == CLOCK_TAI ?
		    sleep_real(ns) : sleep_mono(ns);
	if (ns == 0)
		return 0;
	deadline = mono_deadline(ns);
	error = sleep_mono(deadline);
	if (error == EINTR && urem != NULL) {
		ts = ns_to_timespec(MAX(deadline - mono_now(), 0));
		error2 = copyout(&ts, urem, sizeof(ts));
		if (error2 != 0)
			error = error2;
	}
	return error;
}
