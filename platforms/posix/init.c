/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The hand-shake, and what the parameters choose once and for all.
 */
#include <errno.h>

#include "posix.h"

const struct rumpuser_upcalls *ruser_up;

int
rumpuser_init(const struct rumpuser_upcalls *up)
{
	int error;

	if (up->up_version != RUMPUSER_VERSION)
		return EPROTONOSUPPORT;
	if (ruser_up != NULL)
		return ruser_up == up ? 0 : EBUSY;

	if ((error = ruser_fault_init()) != 0 ||
	    (error = ruser_random_init()) != 0 ||
	    (error = ruser_vclock_init()) != 0 ||
	    (error = ruser_bio_check_param()) != 0 ||
	    (error = ruser_thread_init()) != 0)
		return error;
	ruser_up = up;
	return 0;
}
