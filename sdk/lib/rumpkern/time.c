/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The clocks. The monotonic one is the platform's; the time of day is the
 * platform's and an offset, which clock_settime() changes.
 */
#include <kern/time.h>

#include <rump/rumpuser.h>

#include "mem_private.h"

static _Atomic nstime_t real_offset;

nstime_t
mono_now(void)
{
	return rumpuser_clock(RUMPUSER_CLOCK_MONO);
}

nstime_t
real_now(void)
{
	return rumpuser_clock(RUMPUSER_CLOCK_REAL) +
	    atomic_load_explicit(&real_offset, memory_order_relaxed);
}

void
real_set(nstime_t ns)
{
	atomic_store_explicit(&real_offset,
	    ns - rumpuser_clock(RUMPUSER_CLOCK_REAL), memory_order_relaxed);
}

void
real_stamp(struct timespec *ts)
{
	*ts = ns_to_timespec(rumpuser_clock(RUMPUSER_CLOCK_REAL_COARSE) +
	    atomic_load_explicit(&real_offset, memory_order_relaxed));
}

int
timespec_to_ns(const struct timespec *ts, nstime_t *nsp)
{
	if (ts->tv_sec < 0 || ts->tv_nsec < 0 || ts->tv_nsec >= NS_PER_SEC)
		return EINVAL;
	if (ts->tv_sec >= NSTIME_FOREVER / NS_PER_SEC)
		*nsp = NSTIME_FOREVER;
	else
		*nsp = ts->tv_sec * NS_PER_SEC + ts->tv_nsec;
	return 0;
}

nstime_t
mono_deadline(nstime_t duration)
{
	nstime_t deadline;

	if (duration <= 0)
		return mono_now();
	if (__builtin_add_overflow(mono_now(), duration, &deadline))
		return NSTIME_FOREVER;
	return deadline;
}
