/* SPDX-License-Identifier: BSD-2-Clause */
/** @file lwproc.h
 * Processes and lwps of the rump kernel, and which of them the calling host
 * thread acts as.
 *
 * A host thread that did none of this acts as an implicit lwp of process 1.
 * Calls that make a context switch to it; the lwp that was current before
 * stays, and is current on no thread until somebody switches to it. An lwp is
 * current on at most one thread.
 *
 * A process lives while it has an lwp. When its last one is released its
 * descriptors are closed.
 */
#ifndef RUMP_LWPROC_H
#define RUMP_LWPROC_H

#ifdef _KERNEL
#include <kern/types.h>
#else
#include <sys/types.h>
#endif

#ifdef __cplusplus
extern "C" {
#endif

struct lwp;

/** The child gets a copy of the descriptor table and of the directories. */
#define RUMP_RFFDG	0x1
/** The child gets an empty descriptor table. */
#define RUMP_RFCFDG	0x2

/**
 * Make a process, child of the current one, and switch to its only lwp. Its
 * credentials, limits, signal dispositions and session are copies. May block.
 *
 * @param flags  RUMP_RFFDG, RUMP_RFCFDG, or 0: the descriptor table is shared.
 * @return EINVAL, ENOMEM
 */
int rump_pub_lwproc_rfork(int flags);

/**
 * Make an lwp in an existing process and switch to it. May block.
 * @return ESRCH, ENOMEM
 */
int rump_pub_lwproc_newlwp(pid_t pid);

/**
 * Act as another lwp.
 *
 * @param l  from rump_pub_lwproc_curlwp(); NULL: the thread's implicit one.
 * @return EBUSY: it is current on another thread; 0
 */
int rump_pub_lwproc_switch(struct lwp *l);

/**
 * End the current lwp, with its process if it is the last one there; the
 * thread goes back to its implicit lwp. Without effect on an implicit lwp.
 * May block.
 */
void rump_pub_lwproc_releaselwp(void);

/** The lwp the calling thread acts as; NULL for its implicit one. */
struct lwp *rump_pub_lwproc_curlwp(void);

#ifdef __cplusplus
}
#endif

#endif
