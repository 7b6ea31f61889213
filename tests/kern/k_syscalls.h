/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef K_SYSCALLS_H
#define K_SYSCALLS_H

/* A call by number: its result, or minus the error. */
long rumptest_syscall(long number, long a, long b, long c, long d, long e,
    long f);
/* The calling process replaces its program: marked descriptors close. */
void rumptest_exec(void);

#endif
