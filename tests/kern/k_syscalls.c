/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel's half of t_syscalls.c.
 */
#include <kern/file.h>
#include <kern/syscall.h>

#include "k_syscalls.h"

long
rumptest_syscall(long number, long a, long b, long c, long d, long e, long f)
{
	const long args[6] = { a, b, c, d, e, f };
	long rv;
	int error;

	error = syscall_dispatch(number, args, &rv);
	return error != 0 ? -error : rv;
}

void
rumptest_exec(void)
{
	struct proc *p = curproc;

	filedesc_exec(atomic_load(&p->p_fd), p);
}
