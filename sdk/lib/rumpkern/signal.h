/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Signals, as signal.c, the system calls and signalfd share them.
 */
#ifndef SIGNAL_H
#define SIGNAL_H

#include <kern/proc.h>

#include <asm/siginfo.h>
#include <asm/signal.h>

#define SIGNALS 64
#define SIGBIT(sig) (1ULL << ((sig) - 1))
/* They can be neither blocked, nor caught, nor ignored. */
#define SIG_UNBLOCKABLE (SIGBIT(SIGKILL) | SIGBIT(SIGSTOP))

/* struct sigaction as the system call has it. */
struct ksigaction {
	uintptr_t ksa_handler;		/* or SIG_DFL, SIG_IGN */
	unsigned long ksa_flags;
	uintptr_t ksa_restorer;
	uint64_t ksa_mask;
};

/*
 * s  sa_lock   a  atomic, written under sa_lock
 */
struct sigacts {
	struct kmutex sa_lock;
	struct kcondvar sa_cv;		/* a signal became pending */
	_Atomic uint64_t sa_pending;	/* [a] for the process */
	_Atomic uint64_t sa_told;	/* [a] of those: calls were interrupted */
	struct list sa_queue;		/* [s] struct siginfo_node */
	unsigned sa_queued;		/* [s] */
	struct ksigaction sa_act[SIGNALS]; /* [s] */
};

/*
 * Post to a process (lid 0), or to one of its lwps: ESRCH. info NULL: it comes
 * from the kernel. No lock is held.
 */
int signal_post(struct proc *p, int lid, int sig, const siginfo_t *info);
/* The disposition of a signal of the calling process changed. */
void signal_discard_ignored(int sig);
/* Take the lowest of the signals in set that is pending; 0: none. */
int signal_take(uint64_t set, siginfo_t *info);
/* Those pending for the calling lwp. */
uint64_t signal_pending(void);
/* Set the calling lwp's mask; what was kept back is delivered. */
void signal_setmask(uint64_t mask);

/* For a call with a mask of its own; umask NULL: none. */
struct sigmask_swap {
	uint64_t sw_saved;
	bool sw_swapped;
};
int sigmask_enter(struct sigmask_swap *sw, const void *umask);
void sigmask_leave(struct sigmask_swap *sw);

/* signalfd.c: these became pending for somebody. */
extern _Atomic unsigned signalfds;
void signalfd_notify(uint64_t set);

#endif
