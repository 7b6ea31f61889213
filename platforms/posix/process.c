/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The host process as such: its end, its signals, its errno.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "posix.h"

void
rumpuser_exit(int status)
{

	if (status == RUMPUSER_PANIC)
		abort();
	exit(status);
}

void
rumpuser_seterrno(int error)
{

	errno = error;
}

int
rumpuser_raise(int signo)
{

	/* Not raise(3): signals are blocked in the kernel's own threads. */
	return kill(getpid(), signo) == 0 ? 0 : errno;
}
