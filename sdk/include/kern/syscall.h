/* SPDX-License-Identifier: BSD-2-Clause */
/** @file syscall.h
 * System calls, from the handlers' side.
 *
 * The table sdk/lib/rumpkern/syscalls.tab declares them. From it come, in a
 * component's generated folder, the prototypes ("sysproto.h"), and for each
 * group the stubs and the dispatch table (syscalls_GROUP.c): a component.mk
 * says
 *
 *	GENERATOR := ../rumpkern/makesyscalls.sh ../rumpkern/syscalls.tab
 *	GEN       := syscalls_vfs.c sysproto.h
 *
 * and its init function calls syscall_register(&syscalls_vfs).
 *
 * A handler is
 *
 *	int sys_openat(int dirfd, const char *path, int flags, mode_t mode,
 *	    long *rv);
 *
 * It takes the arguments as the application gave them: pointers are the
 * application's, reached by copyin(), copyout(), uio_user_init() (EFAULT for
 * NULL). It returns 0 or a positive errno. *rv is 0 on entry; a handler whose
 * call has a result stores it there, on success only. The calling lwp is
 * curlwp_get(). A local call is stub -> handler: whatever a handler wants done
 * on entry or exit, it does itself; only credentials are refreshed by the stub
 * (flag c of the table), so that curcred() stays valid for the whole call.
 */
#ifndef KERN_SYSCALL_H
#define KERN_SYSCALL_H

#include <kern/proc.h>

#include <asm/siginfo.h>
#include <asm/signal.h>
#include <asm/stat.h>
#include <asm/statfs.h>
#include <asm/unistd.h>
#include <linux/eventpoll.h>
#include <linux/fcntl.h>
#include <linux/openat2.h>
#include <linux/poll.h>
#include <linux/posix_types.h>
#include <linux/resource.h>
#include <linux/stat.h>
#include <linux/sysinfo.h>
#include <linux/time.h>
#include <linux/times.h>
#include <linux/utime.h>
#include <linux/utsname.h>

typedef __kernel_clockid_t clockid_t;
typedef __kernel_old_time_t time_t;
typedef __kernel_fd_set fd_set;
typedef uint32_t socklen_t;

struct file_handle;
struct mmsghdr;
struct msghdr;
struct sockaddr;
struct ustat;
struct utsname;

/** One call, by number. */
struct sysent {
	uint16_t se_number;
	uint16_t se_argc;
	const char *se_name;
	int (*se_enter)(const long *args, long *rv);
};

/** The calls of one library. */
struct syscall_group {
	const char *sg_name;
	const struct sysent *sg_entries;
	unsigned sg_count;
};

/** Make a group's calls reachable by number. */
void syscall_register(struct syscall_group *sg);
/** The call with a number, or NULL. */
const struct sysent *syscall_lookup(long number);
/**
 * Do a call for the current lwp, as the stub would. args: six.
 * @return ENOSYS for an unknown number, or what the call returns
 */
int syscall_dispatch(long number, const long *args, long *rv);

/** Sets the host thread's errno. @return -1 */
int syscall_error(int error);

void cred_refresh_slow(struct lwp *l);

/** On entry of a call: see the credentials that the process has now. */
static inline void
cred_refresh(void)
{
	struct lwp *l = curlwp_get();

	if (__unlikely(l->l_cred_seen != atomic_load_explicit(
	    &l->l_proc->p_cred, memory_order_relaxed)))
		cred_refresh_slow(l);
}

#endif
