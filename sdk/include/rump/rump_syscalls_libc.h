/* SPDX-License-Identifier: BSD-2-Clause */
/** @file rump_syscalls_libc.h
 * Calls whose arguments libc lays out in another way than the system call.
 * Included by <rump/rump_syscalls.h>.
 */
#ifndef RUMP_RUMP_SYSCALLS_LIBC_H
#define RUMP_RUMP_SYSCALLS_LIBC_H

#include <rump/rump_syscalls.h>

#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/** struct sigaction as the system call has it. */
struct rump_sigaction {
	void (*rsa_handler)(int);
	unsigned long rsa_flags;
	void (*rsa_restorer)(void);
	unsigned char rsa_mask[8];
};

static inline int
rump_sys_sigaction(int sig, const struct sigaction *act,
    struct sigaction *old)
{
	struct rump_sigaction ract, rold;
	int rv;

	if (act != NULL) {
		memset(&ract, 0, sizeof(ract));
		ract.rsa_handler = act->sa_handler;
		ract.rsa_flags = (unsigned long)(unsigned)act->sa_flags;
		memcpy(ract.rsa_mask, &act->sa_mask, sizeof(ract.rsa_mask));
	}
	rv = rump_sys_rt_sigaction(sig, act != NULL ? &ract : NULL,
	    old != NULL ? &rold : NULL, sizeof(ract.rsa_mask));
	if (rv == 0 && old != NULL) {
		memset(old, 0, sizeof(*old));
		old->sa_handler = rold.rsa_handler;
		old->sa_flags = (int)rold.rsa_flags;
		memcpy(&old->sa_mask, rold.rsa_mask, sizeof(rold.rsa_mask));
	}
	return rv;
}

static inline int
rump_sys_pselect(int nfds, fd_set *rfds, fd_set *wfds, fd_set *efds,
    const struct timespec *timeout, const sigset_t *mask)
{
	struct {
		const sigset_t *set;
		size_t size;
	} arg = { mask, 8 };

	return rump_sys_pselect6(nfds, rfds, wfds, efds, timeout, &arg);
}

#ifdef __cplusplus
}
#endif

#endif
