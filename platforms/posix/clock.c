/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Clocks.  The host's are read without a system call (vDSO).
 */
#include <errno.h>

#include "posix.h"

static int64_t
host_clock(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return ts.tv_sec * NSEC_PER_SEC + ts.tv_nsec;
}

int64_t
ruser_mono(void)
{

	return host_clock(CLOCK_MONOTONIC);
}

int64_t
rumpuser_clock(enum rumpuser_clock which)
{

	static const clockid_t ids[] = {
		[RUMPUSER_CLOCK_MONO] = CLOCK_MONOTONIC,
		[RUMPUSER_CLOCK_REAL] = CLOCK_REALTIME,
		[RUMPUSER_CLOCK_REAL_COARSE] = CLOCK_REALTIME_COARSE,
	};

	if (unlikely(ruser_virtual))
		return ruser_vclock_read() +
		    (which != RUMPUSER_CLOCK_MONO ? ruser_vclock_start() : 0);
	return host_clock(ids[which]);
}

int
rumpuser_clock_advance(int64_t ns)
{

	if (!ruser_virtual)
		return EPERM;
	if (ns < 0)
		return EINVAL;
	ruser_vclock_advance(ns);
	return 0;
}
