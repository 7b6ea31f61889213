/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lwps, and which of them a host thread acts as.
 *
 * A host thread without an lwp of its own gets one of process 1 when it first
 * needs it, and keeps it until the thread ends, also while it acts as others
 * (rump_pub_lwproc_*).
 */
#include <kern/kmem.h>
#include <kern/proc.h>
#include <kern/string.h>

#include <rump/rumpuser.h>

#include "proc_private.h"
#include "rumpkern.h"

#define HASH_SIZE 256
#define RESERVE 16

__thread struct lwp *curlwp;

static struct lock_class lwp_lc = LOCK_CLASS("lwp", 0);
static struct pool *lwp_pool;
static struct list lwp_hash[HASH_SIZE];		/* [proc_list_lock] l_hash */

/* For threads that enter when there is no memory. */
static struct lwp reserve[RESERVE];
static _Atomic bool reserve_used[RESERVE];

struct lwp *
lwp_find_locked(int lid)
{
	struct list *head = &lwp_hash[(uint32_t)lid % HASH_SIZE], *n;
	struct lwp *l;

	KASSERT(mutex_owned(&proc_list_lock));
	LIST_FOREACH(n, head) {
		l = container_of(n, struct lwp, l_hash);
		if (l->l_lid == lid)
			return l;
	}
	return NULL;
}

static int
lwp_attach(struct lwp *l, struct proc *p, const char *name, int lid)
{
	mutex_enter(&proc_list_lock);
	mutex_enter(&p->p_lock);
	if ((p->p_flags & P_EXITING) != 0) {
		mutex_exit(&p->p_lock);
		mutex_exit(&proc_list_lock);
		return ESRCH;
	}
	l->l_proc = p;
	l->l_name = name;
	l->l_lid = lid != 0 ? lid : id_alloc_locked();
	mutex_init(&l->l_lock, &lwp_lc);
	list_insert_tail(&p->p_lwps, &l->l_sibling);
	/* Before its first look at the descriptor table: filedesc.c. */
	atomic_fetch_add(&p->p_nlwps, 1);
	p->p_nstaying++;
	proc_hold(p);
	list_insert_tail(&lwp_hash[(uint32_t)l->l_lid % HASH_SIZE],
	    &l->l_hash);
	mutex_exit(&p->p_lock);
	mutex_exit(&proc_list_lock);
	return 0;
}

int
lwp_alloc(struct proc *p, const char *name, int lid, struct lwp **lp)
{
	struct lwp *l;
	int error;

	l = pool_get(lwp_pool, KM_ZERO);
	if (l == NULL)
		return ENOMEM;
	error = lwp_attach(l, p, name, lid);
	if (error != 0) {
		pool_put(lwp_pool, l);
		return error;
	}
	*lp = l;
	return 0;
}

/*
 * It is on its way out. @return the process has no other: it is for the caller
 * to end it
 */
static bool
lwp_leave(struct lwp *l)
{
	struct proc *p = l->l_proc;
	bool last;

	mutex_enter(&p->p_lock);
	last = --p->p_nstaying == 0 && p != &proc0 && p != &proc1;
	if (last)
		p->p_flags |= P_EXITING;
	mutex_exit(&p->p_lock);
	return last;
}

static void
lwp_free(struct lwp *l)
{
	struct proc *p = l->l_proc;

	mutex_enter(&proc_list_lock);
	mutex_enter(&p->p_lock);
	list_remove(&l->l_sibling);
	list_remove(&l->l_hash);
	atomic_fetch_sub(&p->p_nlwps, 1);
	mutex_exit(&p->p_lock);
	mutex_exit(&proc_list_lock);
	signal_lwp_gone(l);
	lwp_cred_drop(l);
	mutex_fini(&l->l_lock);
	if ((l->l_flags & LW_RESERVE) != 0)
		atomic_store(&reserve_used[l - reserve], false);
	else
		pool_put(lwp_pool, l);
	proc_rele(p);
}

void
lwp_release(struct lwp *l)
{
	struct proc *p = l->l_proc;
	bool last;

	KASSERT(l == curlwp);
	last = lwp_leave(l);
	if (last)
		proc_exit(p);
	curlwp = NULL;
	lwp_free(l);
	if (last)
		proc_rele(p);
}

/* ---- Kernel threads --------------------------------------------------- */

int
lwp_create(struct proc *p, const char *name, struct lwp **lp)
{
	return lwp_alloc(p, name, 0, lp);
}

void
lwp_destroy(struct lwp *l)
{
	(void)lwp_leave(l);
	lwp_free(l);
}

/* ---- The calling thread's --------------------------------------------- */

static struct lwp *
reserve_take(void)
{
	bool free;

	for (size_t i = 0; i < RESERVE; i++) {
		free = false;
		if (!atomic_compare_exchange_strong(&reserve_used[i], &free,
		    true))
			continue;
		memset(&reserve[i], 0, sizeof(reserve[i]));
		reserve[i].l_flags = LW_RESERVE;
		return &reserve[i];
	}
	return NULL;
}

struct lwp *
lwp_implicit(void)
{
	struct thread *td = thread_self();
	struct lwp *l = td->td_implicit;

	while (l == NULL) {
		if (lwp_alloc(&proc1, "implicit", 0, &l) == 0)
			break;
		l = reserve_take();
		if (l != NULL)
			(void)lwp_attach(l, &proc1, "implicit", 0);
		else
			rumpuser_thread_yield();
	}
	l->l_flags |= LW_IMPLICIT;
	l->l_thread = td;
	td->td_implicit = l;
	curlwp = l;
	return l;
}

void
lwp_switch(struct lwp *l)
{
	struct thread *td = thread_self();
	struct lwp *old = curlwp;

	if (old != NULL && old != td->td_implicit) {
		mutex_enter(&old->l_lock);
		old->l_thread = NULL;
		mutex_exit(&old->l_lock);
	}
	if (l != NULL)
		l->l_thread = td;
	curlwp = l != NULL ? l : td->td_implicit;
}

/* The host thread ends; an lwp that it acted as stays, for another thread. */
static void
lwp_thread_exit(struct thread *td)
{
	struct lwp *l = td->td_implicit;

	lwp_switch(NULL);
	if (l == NULL)
		return;
	td->td_implicit = NULL;
	curlwp = NULL;
	(void)lwp_leave(l);
	lwp_free(l);
}

int
lwp_init(void)
{
	static struct thread_exit_hook hook = { .th_fn = lwp_thread_exit };

	for (size_t i = 0; i < HASH_SIZE; i++)
		list_init(&lwp_hash[i]);
	lwp_pool = pool_create("lwp", sizeof(struct lwp), 0);
	if (lwp_pool == NULL)
		return ENOMEM;
	thread_exit_hook_add(&hook);
	return 0;
}
