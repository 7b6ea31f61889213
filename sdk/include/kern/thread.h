/* SPDX-License-Identifier: BSD-2-Clause */
/** @file thread.h
 * What the kernel keeps for each host thread that has entered it, and kernel
 * threads.
 *
 * A struct thread is made at the first entry and goes back to a free list when
 * the host thread ends (up_thread_exit); its memory is never freed, so that
 * other threads may look at td_epoch at any time.
 */
#ifndef KERN_THREAD_H
#define KERN_THREAD_H

#include <kern/types.h>

struct epoch_entry;
struct lwp;
struct proc;
struct pool_magazine;

#define POOL_MAX 64		/* pools with a per-thread cache */
#define TD_FDSLOTS 2		/* files in use by the system call */

/*
 * o  only its own thread   a  atomic, read by others
 */
struct thread {
	_Atomic uint64_t td_epoch;	/* [a] 0: in no section */
	unsigned td_epoch_depth;	/* [o] */
	unsigned td_index;		/* [o] small number, unique while alive */
	struct lwp *td_implicit;	/* [o] lwp of process 1, or NULL */
	_Atomic uintptr_t td_fdslot[TD_FDSLOTS]; /* [a] filedesc.c's */
	_Atomic int64_t td_files;	/* [a] file.c's: opened less closed */
	uint64_t td_rand[2];		/* [o] fast randomness, not secret */
	struct pool_magazine *td_pool[POOL_MAX]; /* [o] kmem's */
	struct thread *td_next;		/* all threads; never unlinked */
	_Atomic bool td_live;		/* [a] */
	_Atomic(struct epoch_entry *) td_limbo;	/* [a] deferred frees */
	unsigned td_nlimbo;		/* [o] */
	bool td_draining;		/* [o] */
	int td_patience;		/* [o] sync.c's */
} __cacheline_aligned;

/** The calling host thread's; NULL before its first entry. */
extern __thread struct thread *curthread_;

struct thread *thread_attach(void);

static inline struct thread *
thread_self(void)
{
	struct thread *td = curthread_;

	return __likely(td != NULL) ? td : thread_attach();
}

/** All threads ever; follow td_next. */
extern _Atomic(struct thread *) thread_list;

/** Called when a thread ends, newest first: gives back per-thread caches. */
struct thread_exit_hook {
	void (*th_fn)(struct thread *td);
	struct thread_exit_hook *th_next;
};
void thread_exit_hook_add(struct thread_exit_hook *th);

/* ---- Kernel threads --------------------------------------------------- */

struct kthread;

/**
 * Start a kernel thread of process 0. It ends when fn returns.
 *
 * @param ktp   receives the handle that kthread_join() must be called with;
 *              NULL: nobody joins it.
 * @return EAGAIN, ENOMEM
 */
int kthread_create(void (*fn)(void *arg), void *arg, const char *name,
    struct kthread **ktp);
/** Wait for its end and free the handle. Sleeps. */
void kthread_join(struct kthread *kt);

#endif
