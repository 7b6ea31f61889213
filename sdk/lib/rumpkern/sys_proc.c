/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * System calls on processes, process groups and sessions, and resource limits.
 *
 * getpid(2), setpgid(2), setsid(2), getrlimit(2), sched_yield(2).
 */
#include <kern/string.h>
#include <kern/syscall.h>

#include <rump/rumpuser.h>

#include "proc_private.h"
#include "sysproto.h"

int
sys_getpid(long *rv)
{
	*rv = curproc->p_pid;
	return 0;
}

int
sys_getppid(long *rv)
{
	*rv = atomic_load_explicit(&curproc->p_ppid, memory_order_relaxed);
	return 0;
}

int
sys_gettid(long *rv)
{
	*rv = curlwp_get()->l_lid;
	return 0;
}

int
sys_sched_yield(long *rv __maybe_unused)
{
	rumpuser_thread_yield();
	return 0;
}

/* ---- Process groups and sessions -------------------------------------- */

/* pid 0: the caller itself. */
static int
proc_of(pid_t pid, struct proc **pp)
{
	if (pid < 0)
		return ESRCH;
	if (pid == 0) {
		*pp = proc_hold(curproc);
		return 0;
	}
	return proc_find(pid, pp);
}

int
sys_getpgid(pid_t pid, long *rv)
{
	struct proc *p;
	int error;

	error = proc_of(pid, &p);
	if (error != 0)
		return error;
	mutex_enter(&proc_list_lock);
	*rv = p->p_pgid;
	mutex_exit(&proc_list_lock);
	proc_rele(p);
	return 0;
}

int
sys_getsid(pid_t pid, long *rv)
{
	struct proc *p;
	int error;

	error = proc_of(pid, &p);
	if (error != 0)
		return error;
	mutex_enter(&proc_list_lock);
	*rv = p->p_sid;
	mutex_exit(&proc_list_lock);
	proc_rele(p);
	return 0;
}

static bool
group_in_session(pid_t pgid, pid_t sid)
{
	struct proc *p;
	struct list *n;

	LIST_FOREACH(n, &proc_list) {
		p = container_of(n, struct proc, p_link);
		if (p->p_pgid == pgid && p->p_sid == sid)
			return true;
	}
	return false;
}

static int
pgid_set_locked(struct proc *self, struct proc *p, pid_t pgid)
{
	if (p != self && atomic_load(&p->p_ppid) != self->p_pid)
		return ESRCH;
	if (p->p_sid == p->p_pid || p->p_sid != self->p_sid)
		return EPERM;
	if (pgid != p->p_pid && !group_in_session(pgid, self->p_sid))
		return EPERM;
	p->p_pgid = pgid;
	return 0;
}

int
sys_setpgid(pid_t pid, pid_t pgid, long *rv __maybe_unused)
{
	struct proc *p;
	int error;

	if (pgid < 0)
		return EINVAL;
	error = proc_of(pid, &p);
	if (error != 0)
		return error;
	mutex_enter(&proc_list_lock);
	error = pgid_set_locked(curproc, p, pgid != 0 ? pgid : p->p_pid);
	mutex_exit(&proc_list_lock);
	proc_rele(p);
	return error;
}

int
sys_setsid(long *rv)
{
	struct proc *self = curproc, *p;
	struct list *n;
	int error = 0;

	mutex_enter(&proc_list_lock);
	LIST_FOREACH(n, &proc_list) {
		p = container_of(n, struct proc, p_link);
		if (p->p_pgid == self->p_pid)
			error = EPERM;
	}
	if (error == 0) {
		self->p_pgid = self->p_sid = self->p_pid;
		*rv = self->p_pid;
	}
	mutex_exit(&proc_list_lock);
	return error;
}

/* ---- Resource limits -------------------------------------------------- */

/*
 * Kept are all of them; looked at are RLIMIT_NOFILE (descriptors) and
 * RLIMIT_FSIZE (files). A rump kernel has no address spaces, stacks or CPU
 * time of its own to limit.
 */
static int
rlimit_set(struct proc *p, int resource, const struct rlimit *rl)
{
	uint64_t max;
	int error = 0;

	if (rl->rlim_cur > rl->rlim_max)
		return EINVAL;
	if (resource == RLIMIT_NOFILE && rl->rlim_max > 1048576)
		return EPERM;
	mutex_enter(&p->p_lock);
	max = atomic_load(&p->p_rlimit[resource][1]);
	if (rl->rlim_max > max && !cred_is_root(curcred())) {
		error = EPERM;
	} else {
		atomic_store(&p->p_rlimit[resource][0], rl->rlim_cur);
		atomic_store(&p->p_rlimit[resource][1], rl->rlim_max);
	}
	mutex_exit(&p->p_lock);
	return error;
}

static void
rlimit_get(struct proc *p, int resource, struct rlimit *rl)
{
	rl->rlim_cur = atomic_load(&p->p_rlimit[resource][0]);
	rl->rlim_max = atomic_load(&p->p_rlimit[resource][1]);
}

/* May the caller see and change another process' limits? */
static int
rlimit_access(struct proc *p)
{
	const struct cred *self = curcred();
	struct cred *cr;
	bool same;

	if (p == curproc || cred_is_root(self))
		return 0;
	cr = proc_cred_hold(p);
	same = self->cr_uid == cr->cr_uid && self->cr_uid == cr->cr_euid &&
	    self->cr_uid == cr->cr_suid && self->cr_gid == cr->cr_gid &&
	    self->cr_gid == cr->cr_egid && self->cr_gid == cr->cr_sgid;
	cred_rele(cr);
	return same ? 0 : EPERM;
}

int
sys_prlimit(pid_t pid, int resource, const struct rlimit *unew,
    struct rlimit *uold, long *rv __maybe_unused)
{
	struct rlimit rl, old;
	struct proc *p;
	int error;

	if (resource < 0 || resource >= RLIM_NLIMITS)
		return EINVAL;
	if (unew != NULL) {
		error = copyin(unew, &rl, sizeof(rl));
		if (error != 0)
			return error;
	}
	error = proc_of(pid, &p);
	if (error != 0)
		return error;
	error = rlimit_access(p);
	if (error == 0) {
		rlimit_get(p, resource, &old);
		if (unew != NULL)
			error = rlimit_set(p, resource, &rl);
	}
	proc_rele(p);
	if (error == 0 && uold != NULL)
		error = copyout(&old, uold, sizeof(old));
	return error;
}

int
sys_getrlimit(int resource, struct rlimit *urlim, long *rv __maybe_unused)
{
	struct rlimit rl;

	if (resource < 0 || resource >= RLIM_NLIMITS)
		return EINVAL;
	rlimit_get(curproc, resource, &rl);
	return copyout(&rl, urlim, sizeof(rl));
}

int
sys_setrlimit(int resource, const struct rlimit *urlim,
    long *rv __maybe_unused)
{
	struct rlimit rl;
	int error;

	error = copyin(urlim, &rl, sizeof(rl));
	if (error != 0)
		return error;
	if (resource < 0 || resource >= RLIM_NLIMITS)
		return EINVAL;
	return rlimit_set(curproc, resource, &rl);
}
