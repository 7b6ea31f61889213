/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Host threads in the kernel, and kernel threads.
 *
 * Lifetime of a struct thread: kern/thread.h. The first few are static, so
 * that a thread can always enter.
 */
#include <kern/assert.h>
#include <kern/kmem.h>
#include <kern/proc.h>
#include <kern/string.h>
#include <kern/thread.h>
#include <rump/rumpuser.h>

#include "rumpkern.h"

#define THREADS_STATIC	16
#define THREADS_MAPPED	(64UL << 10)	/* bytes mapped for more of them */

__thread struct thread *curthread_;
_Atomic(struct thread *) thread_list;

static struct lock_class thread_lc = LOCK_CLASS("threads", 0);
static struct kspin thread_lock;
static struct thread thread_static[THREADS_STATIC];
static struct thread *thread_fresh = thread_static;	/* [thread_lock] */
static unsigned thread_nfresh = THREADS_STATIC;		/* [thread_lock] */
static unsigned thread_nindex;				/* [thread_lock] */
static struct thread_exit_hook *exit_hooks;		/* boot only */

static struct thread *
thread_reuse(void)
{
	struct thread *td;

	for (td = atomic_load(&thread_list); td != NULL; td = td->td_next) {
		if (!atomic_load(&td->td_live))
			return td;
	}
	return NULL;
}

static struct thread *
thread_fresh_take(void)
{
	struct thread *td;
	void *mem;

	if (thread_nfresh == 0) {
		if (rumpuser_mem_map(THREADS_MAPPED, PAGE_SIZE, 0, &mem) != 0)
			return NULL;
		thread_fresh = mem;
		thread_nfresh = THREADS_MAPPED / sizeof(struct thread);
	}
	td = thread_fresh++;
	thread_nfresh--;
	td->td_index = thread_nindex++;
	td->td_next = atomic_load(&thread_list);
	return td;
}

/* The calling host thread's first entry. Waits while there is no memory. */
struct thread *
thread_attach(void)
{
	struct thread *td;
	bool fresh = false;

	for (;;) {
		spin_lock(&thread_lock);
		td = thread_reuse();
		if (td == NULL) {
			td = thread_fresh_take();
			fresh = true;
		}
		if (td != NULL)
			break;
		spin_unlock(&thread_lock);
		rumpuser_thread_yield();
	}
	td->td_rand[0] = 0x9e3779b97f4a7c15u * (td->td_index + 1);
	td->td_rand[1] = 0xbf58476d1ce4e5b9u ^ td->td_rand[0];
	atomic_store(&td->td_live, true);
	if (fresh)
		atomic_store(&thread_list, td);
	spin_unlock(&thread_lock);
	curthread_ = td;
	rumpuser_thread_attach();
	return td;
}

void
thread_exit_hook_add(struct thread_exit_hook *th)
{
	th->th_next = exit_hooks;
	exit_hooks = th;
}

void
thread_exit(void)
{
	struct thread_exit_hook *th;
	struct thread *td = curthread_;

	if (td == NULL)
		return;
	for (th = exit_hooks; th != NULL; th = th->th_next)
		th->th_fn(td);
	epoch_thread_exit(td);
	curthread_ = NULL;
	atomic_store(&td->td_epoch, 0);
	atomic_store(&td->td_live, false);
}

void
thread_init(void)
{
	spin_init(&thread_lock, &thread_lc);
}

/* ---- Kernel threads --------------------------------------------------- */

struct kthread {
	void (*kt_fn)(void *);
	void *kt_arg;
	struct lwp *kt_lwp;
	void *kt_cookie;
	bool kt_joined;
};

static void
kthread_main(void *arg)
{
	struct kthread *kt = arg;
	struct lwp *l = kt->kt_lwp;
	bool joined = kt->kt_joined;

	(void)thread_self();
	curlwp = l;
	kt->kt_fn(kt->kt_arg);
	curlwp = NULL;
	lwp_destroy(l);
	/* Who joins it may free it from here on. */
	if (!joined)
		kmem_free(kt, sizeof(*kt));
}

int
kthread_create(void (*fn)(void *), void *arg, const char *name,
    struct kthread **ktp)
{
	struct kthread *kt;
	int error;

	kt = kmem_zalloc(sizeof(*kt), 0);
	if (kt == NULL)
		return ENOMEM;
	kt->kt_fn = fn;
	kt->kt_arg = arg;
	kt->kt_joined = ktp != NULL;
	error = lwp_create(&proc0, name, &kt->kt_lwp);
	if (error != 0)
		goto fail_free;
	if (ktp != NULL)
		*ktp = kt;
	error = rumpuser_thread_create(kthread_main, kt, name,
	    ktp != NULL ? RUMPUSER_THREAD_JOINABLE : 0,
	    ktp != NULL ? &kt->kt_cookie : NULL);
	if (error != 0)
		goto fail_lwp;
	return 0;

fail_lwp:
	if (ktp != NULL)
		*ktp = NULL;
	lwp_destroy(kt->kt_lwp);
fail_free:
	kmem_free(kt, sizeof(*kt));
	return error;
}

void
kthread_join(struct kthread *kt)
{
	rumpuser_thread_join(kt->kt_cookie);
	kmem_free(kt, sizeof(*kt));
}
