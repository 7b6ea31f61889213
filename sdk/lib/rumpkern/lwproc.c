/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rump_pub_lwproc_*: what <rump/lwproc.h> promises.
 *
 * Whether an lwp is current, l_thread, changes under its l_lock, so that one
 * of two threads that switch to it at once wins.
 */
#include <kern/proc.h>
#include <kern/string.h>

#include <rump/lwproc.h>

#include "proc_private.h"

int
rump_pub_lwproc_rfork(int flags)
{
	struct proc *p;
	struct lwp *l;
	int error;

	if (flags != 0 && flags != RUMP_RFFDG && flags != RUMP_RFCFDG)
		return EINVAL;
	error = proc_create(curproc, flags, &p);
	if (error != 0)
		return error;
	error = lwp_alloc(p, p->p_comm, p->p_pid, &l);
	if (error != 0) {
		mutex_enter(&p->p_lock);
		p->p_flags |= P_EXITING;
		mutex_exit(&p->p_lock);
		proc_exit(p);
		proc_rele(p);
		return error;
	}
	lwp_switch(l);
	return 0;
}

int
rump_pub_lwproc_newlwp(pid_t pid)
{
	struct proc *p;
	struct lwp *l;
	int error;

	/* Process 0 is for kernel threads. */
	if (pid == 0)
		return ESRCH;
	error = proc_find(pid, &p);
	if (error != 0)
		return error;
	error = lwp_alloc(p, p->p_comm, 0, &l);
	proc_rele(p);
	if (error == 0)
		lwp_switch(l);
	return error;
}

int
rump_pub_lwproc_switch(struct lwp *l)
{
	struct thread *td = thread_self();

	if (l != NULL) {
		mutex_enter(&l->l_lock);
		if (l->l_thread != NULL && l->l_thread != td) {
			mutex_exit(&l->l_lock);
			return EBUSY;
		}
		l->l_thread = td;
		mutex_exit(&l->l_lock);
	}
	if (l != curlwp)
		lwp_switch(l);
	return 0;
}

void
rump_pub_lwproc_releaselwp(void)
{
	struct lwp *l = curlwp;

	if (l == NULL || (l->l_flags & LW_IMPLICIT) != 0)
		return;
	lwp_release(l);
	curlwp = thread_self()->td_implicit;
}

struct lwp *
rump_pub_lwproc_curlwp(void)
{
	struct lwp *l = curlwp;

	return l == NULL || (l->l_flags & LW_IMPLICIT) != 0 ? NULL : l;
}
