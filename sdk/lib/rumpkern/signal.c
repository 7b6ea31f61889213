/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Signals: posting, and what a posted signal does, which is the signal model's
 * to say (<rump/rump.h>). A rump kernel runs no handlers: its processes have
 * no user mode to run them in.
 *
 * Pending signals live in the process (sa_pending) or the lwp (l_sigpending);
 * what is known about each is queued. A signal that is pending and not blocked
 * interrupts one sleeping call, once (sa_told, l_sigtold).
 *
 * Lock order: proc_list_lock -> p_lock -> sa_lock; l_lock after any of them.
 */
#include <kern/kmem.h>
#include <kern/proc.h>
#include <kern/string.h>

#include <rump/rump.h>
#include <rump/rumpuser.h>

#include "proc_private.h"
#include "signal.h"

#define QUEUE_MAX 1024			/* of real-time signals, a process */

struct siginfo_node {
	struct list sn_link;
	int sn_lid;			/* for this lwp; 0: the process */
	siginfo_t sn_info;
};

static struct lock_class sigacts_lc = LOCK_CLASS("signals", 0);
static enum rump_sigmodel model = RUMP_SIGMODEL_RAISE;

int
rump_boot_setsigmodel(enum rump_sigmodel m)
{
	if (m < RUMP_SIGMODEL_PANIC || m > RUMP_SIGMODEL_RECORD)
		return EINVAL;
	model = m;
	return 0;
}

/* ---- Dispositions ----------------------------------------------------- */

struct sigacts *
sigacts_alloc(const struct sigacts *parent)
{
	struct sigacts *sa;

	sa = kmem_zalloc(sizeof(*sa), 0);
	if (sa == NULL)
		return NULL;
	mutex_init(&sa->sa_lock, &sigacts_lc);
	cv_init(&sa->sa_cv);
	list_init(&sa->sa_queue);
	if (parent != NULL)
		memcpy(sa->sa_act, parent->sa_act, sizeof(sa->sa_act));
	return sa;
}

void
sigacts_free(struct sigacts *sa)
{
	struct siginfo_node *sn;

	if (sa == NULL)
		return;
	while (!list_empty(&sa->sa_queue)) {
		sn = list_first(&sa->sa_queue, struct siginfo_node, sn_link);
		list_remove(&sn->sn_link);
		kmem_free(sn, sizeof(*sn));
	}
	cv_fini(&sa->sa_cv);
	mutex_fini(&sa->sa_lock);
	kmem_free(sa, sizeof(*sa));
}

static bool
ignored(const struct sigacts *sa, int sig)
{
	switch (sa->sa_act[sig - 1].ksa_handler) {
	case (uintptr_t)SIG_IGN:
		return true;
	case (uintptr_t)SIG_DFL:
		return sig == SIGCHLD || sig == SIGURG || sig == SIGWINCH ||
		    sig == SIGCONT;
	}
	return false;
}

/* ---- Pending signals -------------------------------------------------- */

/*
 * Remember what is known about a signal. Of a standard signal that is pending
 * already there is only one; where there is no memory the signal stays, and
 * its origin is lost.
 */
static void
queue_info_locked(struct sigacts *sa, int lid, int sig, const siginfo_t *info,
    bool pending)
{
	struct siginfo_node *sn;

	if ((pending && sig < SIGRTMIN) || sa->sa_queued >= QUEUE_MAX)
		return;
	sn = kmem_zalloc(sizeof(*sn), KM_NORECLAIM);
	if (sn == NULL)
		return;
	sn->sn_lid = lid;
	if (info != NULL) {
		sn->sn_info = *info;
	} else {
		sn->sn_info.si_signo = sig;
		sn->sn_info.si_code = SI_KERNEL;
	}
	list_insert_tail(&sa->sa_queue, &sn->sn_link);
	sa->sa_queued++;
}

/* The oldest of a signal; *more: there are others. */
static void
dequeue_info_locked(struct sigacts *sa, int lid, int sig, siginfo_t *info,
    bool *more)
{
	struct siginfo_node *sn, *found = NULL;
	struct list *n;

	*more = false;
	memset(info, 0, sizeof(*info));
	info->si_signo = sig;
	info->si_code = SI_USER;
	LIST_FOREACH(n, &sa->sa_queue) {
		sn = container_of(n, struct siginfo_node, sn_link);
		if (sn->sn_lid != lid || sn->sn_info.si_signo != sig)
			continue;
		if (found != NULL) {
			*more = true;
			break;
		}
		found = sn;
	}
	if (found == NULL)
		return;
	*info = found->sn_info;
	list_remove(&found->sn_link);
	sa->sa_queued--;
	kmem_free(found, sizeof(*found));
}

uint64_t
signal_pending(void)
{
	struct lwp *l = curlwp_get();

	return atomic_load(&l->l_sigpending) |
	    atomic_load(&l->l_proc->p_sigacts->sa_pending);
}

/* The lwp of a process with that lid. */
static struct lwp *
lwp_of_locked(struct proc *p, int lid)
{
	struct lwp *l;
	struct list *n;

	LIST_FOREACH(n, &p->p_lwps) {
		l = container_of(n, struct lwp, l_sibling);
		if (l->l_lid == lid)
			return l;
	}
	return NULL;
}

/* Make it pending; lid 0: for the process. */
static int
record(struct proc *p, int lid, int sig, const siginfo_t *info)
{
	struct sigacts *sa = p->p_sigacts;
	uint64_t bit = SIGBIT(sig), old;
	struct lwp *l = NULL;

	mutex_enter(&p->p_lock);
	if (lid != 0 && (l = lwp_of_locked(p, lid)) == NULL) {
		mutex_exit(&p->p_lock);
		return ESRCH;
	}
	mutex_enter(&sa->sa_lock);
	if (l != NULL) {
		atomic_fetch_and(&l->l_sigtold, ~bit);
		old = atomic_fetch_or(&l->l_sigpending, bit);
	} else {
		atomic_fetch_and(&sa->sa_told, ~bit);
		old = atomic_fetch_or(&sa->sa_pending, bit);
	}
	queue_info_locked(sa, lid, sig, info, (old & bit) != 0);
	cv_broadcast(&sa->sa_cv);
	mutex_exit(&sa->sa_lock);
	mutex_exit(&p->p_lock);
	if (atomic_load(&signalfds) > 0)
		signalfd_notify(bit);
	return 0;
}

/* Forget what is queued for the lwp, of one signal, or of all (0). */
static void
forget_infos_locked(struct sigacts *sa, int lid, int sig)
{
	struct siginfo_node *sn;
	struct list *n, *next;

	LIST_FOREACH_SAFE(n, &sa->sa_queue, next) {
		sn = container_of(n, struct siginfo_node, sn_link);
		if (sn->sn_lid != lid ||
		    (sig != 0 && sn->sn_info.si_signo != sig))
			continue;
		list_remove(n);
		sa->sa_queued--;
		kmem_free(sn, sizeof(*sn));
	}
}

void
signal_lwp_gone(struct lwp *l)
{
	struct sigacts *sa = l->l_proc->p_sigacts;

	if (atomic_load(&l->l_sigpending) == 0)
		return;
	mutex_enter(&sa->sa_lock);
	forget_infos_locked(sa, l->l_lid, 0);
	mutex_exit(&sa->sa_lock);
}

void
signal_discard_ignored(int sig)
{
	struct proc *p = curproc;
	struct sigacts *sa = p->p_sigacts;
	struct lwp *l;
	struct list *n;

	if (!ignored(sa, sig))
		return;
	mutex_enter(&p->p_lock);
	mutex_enter(&sa->sa_lock);
	atomic_fetch_and(&sa->sa_pending, ~SIGBIT(sig));
	forget_infos_locked(sa, 0, sig);
	LIST_FOREACH(n, &p->p_lwps) {
		l = container_of(n, struct lwp, l_sibling);
		if ((atomic_fetch_and(&l->l_sigpending, ~SIGBIT(sig)) &
		    SIGBIT(sig)) != 0)
			forget_infos_locked(sa, l->l_lid, sig);
	}
	mutex_exit(&sa->sa_lock);
	mutex_exit(&p->p_lock);
}

int
signal_take(uint64_t set, siginfo_t *info)
{
	struct lwp *l = curlwp_get();
	struct sigacts *sa = l->l_proc->p_sigacts;
	uint64_t own, all;
	bool more;
	int sig;

	if ((signal_pending() & set) == 0)
		return 0;
	mutex_enter(&sa->sa_lock);
	own = atomic_load(&l->l_sigpending);
	all = (own | atomic_load(&sa->sa_pending)) & set;
	if (all == 0) {
		mutex_exit(&sa->sa_lock);
		return 0;
	}
	sig = __builtin_ctzll(all) + 1;
	if ((own & SIGBIT(sig)) != 0) {
		dequeue_info_locked(sa, l->l_lid, sig, info, &more);
		if (!more)
			atomic_fetch_and(&l->l_sigpending, ~SIGBIT(sig));
	} else {
		dequeue_info_locked(sa, 0, sig, info, &more);
		if (!more)
			atomic_fetch_and(&sa->sa_pending, ~SIGBIT(sig));
	}
	mutex_exit(&sa->sa_lock);
	return sig;
}

/* ---- Posting ---------------------------------------------------------- */

/* Interrupt what the lwp sleeps in, if it sleeps. */
static void
interrupt(struct lwp *l, bool delivered)
{
	bool asleep;

	mutex_enter(&l->l_lock);
	asleep = atomic_load(&l->l_sleepword) != NULL;
	if (asleep && delivered)
		atomic_store(&l->l_interrupt, true);
	mutex_exit(&l->l_lock);
	if (asleep)
		sleepq_interrupt(l);
}

/*
 * Visit the lwps that could take a signal (lid 0: all) and do not block it:
 * is there any? wake: interrupt them.
 */
static bool
open_lwps(struct proc *p, int lid, int sig, bool wake, bool delivered)
{
	bool found = false;
	struct lwp *l;
	struct list *n;

	mutex_enter(&p->p_lock);
	LIST_FOREACH(n, &p->p_lwps) {
		l = container_of(n, struct lwp, l_sibling);
		if ((lid != 0 && l->l_lid != lid) ||
		    (atomic_load(&l->l_sigmask) & SIGBIT(sig)) != 0)
			continue;
		found = true;
		if (wake)
			interrupt(l, delivered);
	}
	mutex_exit(&p->p_lock);
	return found;
}

/* Hand it to the host, for the process the lwp belongs to. */
static void
raise_signal(struct proc *p, int sig)
{
	if (p->p_vmops == NULL)
		(void)rumpuser_raise(sig);
	else if (p->p_vmops->vm_raise != NULL)
		p->p_vmops->vm_raise(p, sig);
}

int
signal_post(struct proc *p, int lid, int sig, const siginfo_t *info)
{
	bool open;
	int error;

	switch (model) {
	case RUMP_SIGMODEL_PANIC:
		panic("signal %d posted to process %d", sig, p->p_pid);
	case RUMP_SIGMODEL_IGNORE:
		return 0;
	case RUMP_SIGMODEL_HOST:
		(void)rumpuser_raise(sig);
		return 0;
	case RUMP_SIGMODEL_RAISE:
	case RUMP_SIGMODEL_RECORD:
		break;
	}
	open = open_lwps(p, lid, sig, false, false);
	if (open && ignored(p->p_sigacts, sig))
		return 0;
	if (open && model == RUMP_SIGMODEL_RAISE) {
		(void)open_lwps(p, lid, sig, true, true);
		raise_signal(p, sig);
		return 0;
	}
	error = record(p, lid, sig, info);
	if (error == 0)
		(void)open_lwps(p, lid, sig, true, false);
	return error;
}

void
signal_post_self(int sig)
{
	struct lwp *l = curlwp_get();

	(void)signal_post(l->l_proc, l->l_lid, sig, NULL);
}

/* ---- The calling lwp -------------------------------------------------- */

int
lwp_sigcheck(void)
{
	struct lwp *l = curlwp_get();
	struct sigacts *sa = l->l_proc->p_sigacts;
	uint64_t mask, new;

	if (atomic_load_explicit(&l->l_interrupt, memory_order_relaxed) &&
	    atomic_exchange(&l->l_interrupt, false))
		return EINTR;
	mask = atomic_load_explicit(&l->l_sigmask, memory_order_relaxed);
	new = atomic_load(&l->l_sigpending) & ~mask &
	    ~atomic_load(&l->l_sigtold);
	if (new != 0) {
		atomic_fetch_or(&l->l_sigtold, new);
		return EINTR;
	}
	new = atomic_load(&sa->sa_pending) & ~mask &
	    ~atomic_load(&sa->sa_told);
	/* One lwp of those that see it is interrupted. */
	if (new != 0 && (atomic_fetch_or(&sa->sa_told, new) & new) != new)
		return EINTR;
	return 0;
}

void
signal_setmask(uint64_t mask)
{
	struct lwp *l = curlwp_get();
	siginfo_t info;
	int sig;

	mask &= ~SIG_UNBLOCKABLE;
	atomic_store(&l->l_sigmask, mask);
	if (model != RUMP_SIGMODEL_RAISE)
		return;
	while ((sig = signal_take(~mask, &info)) != 0) {
		if (ignored(l->l_proc->p_sigacts, sig))
			continue;
		/* A call with a mask of its own ends: EINTR. */
		atomic_store(&l->l_interrupt, true);
		raise_signal(l->l_proc, sig);
	}
}

int
sigmask_enter(struct sigmask_swap *sw, const void *umask)
{
	uint64_t mask;
	int error;

	sw->sw_swapped = false;
	if (umask == NULL)
		return 0;
	error = copyin(umask, &mask, sizeof(mask));
	if (error != 0)
		return error;
	sw->sw_saved = atomic_load(&curlwp_get()->l_sigmask);
	sw->sw_swapped = true;
	signal_setmask(mask);
	return 0;
}

void
sigmask_leave(struct sigmask_swap *sw)
{
	if (!sw->sw_swapped)
		return;
	signal_setmask(sw->sw_saved);
	atomic_store(&curlwp_get()->l_interrupt, false);
}
