/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * System calls on signals.
 *
 * kill(2), tgkill(2), sigaction(2), sigprocmask(2), sigpending(2),
 * sigtimedwait(2), sigsuspend(2), pause(2); signal(7).
 */
#include <kern/string.h>
#include <kern/syscall.h>
#include <kern/time.h>

#include "proc_private.h"
#include "signal.h"
#include "sysproto.h"

int
signal_init(void)
{
	return signalfd_init();
}

/* ---- Sending ---------------------------------------------------------- */

static void
info_user(siginfo_t *info, int sig, int code)
{
	memset(info, 0, sizeof(*info));
	info->si_signo = sig;
	info->si_code = code;
	info->si_pid = curproc->p_pid;
	info->si_uid = curcred()->cr_uid;
}

/* kill(2): real or effective id of the one, real or saved id of the other. */
static int
kill_access(struct proc *p, int sig)
{
	const struct cred *self = curcred();
	struct cred *cr;
	bool may;

	if (p == curproc || cred_is_root(self))
		return 0;
	cr = proc_cred_hold(p);
	may = self->cr_uid == cr->cr_uid || self->cr_uid == cr->cr_suid ||
	    self->cr_euid == cr->cr_uid || self->cr_euid == cr->cr_suid ||
	    (sig == SIGCONT && p->p_sid == curproc->p_sid);
	cred_rele(cr);
	return may ? 0 : EPERM;
}

static int
kill_proc(struct proc *p, int sig)
{
	siginfo_t info;
	int error;

	error = kill_access(p, sig);
	if (error != 0 || sig == 0)
		return error;
	info_user(&info, sig, SI_USER);
	return signal_post(p, 0, sig, &info);
}

/* pgid 0: everybody but process 1 and the caller. */
static int
kill_group(pid_t pgid, int sig)
{
	bool sent = false, found = false;
	struct proc *p;
	pid_t pos = pgid == 0 ? 1 : 0;
	int error = 0;

	while ((p = proc_of_group(&pos, pgid)) != NULL) {
		if (pgid != 0 || p != curproc) {
			found = true;
			error = kill_proc(p, sig);
			if (error == 0)
				sent = true;
		}
		proc_rele(p);
	}
	if (sent)
		return 0;
	return found ? error : ESRCH;
}

static bool
valid(int sig)
{
	return sig >= 0 && sig <= SIGNALS;
}

int
sys_kill(pid_t pid, int sig, long *rv __maybe_unused)
{
	struct proc *p;
	pid_t pgid;
	int error;

	if (!valid(sig))
		return EINVAL;
	if (pid == INT32_MIN)
		return ESRCH;
	if (pid == -1)
		return kill_group(0, sig);
	if (pid <= 0) {
		mutex_enter(&proc_list_lock);
		pgid = pid < 0 ? -pid : curproc->p_pgid;
		mutex_exit(&proc_list_lock);
		return kill_group(pgid, sig);
	}
	error = proc_find(pid, &p);
	if (error != 0)
		return error;
	error = kill_proc(p, sig);
	proc_rele(p);
	return error;
}

static int
kill_lwp(int tgid, int tid, int sig)
{
	struct proc *p;
	siginfo_t info;
	struct lwp *l;
	int error = 0;

	mutex_enter(&proc_list_lock);
	l = lwp_find_locked(tid);
	if (l == NULL || (tgid > 0 && l->l_proc->p_pid != tgid)) {
		mutex_exit(&proc_list_lock);
		return ESRCH;
	}
	p = proc_hold(l->l_proc);
	mutex_exit(&proc_list_lock);
	error = kill_access(p, sig);
	if (error == 0 && sig != 0) {
		info_user(&info, sig, SI_TKILL);
		error = signal_post(p, tid, sig, &info);
	}
	proc_rele(p);
	return error;
}

int
sys_tkill(int tid, int sig, long *rv __maybe_unused)
{
	if (!valid(sig) || tid <= 0)
		return EINVAL;
	return kill_lwp(0, tid, sig);
}

int
sys_tgkill(int tgid, int tid, int sig, long *rv __maybe_unused)
{
	if (!valid(sig) || tid <= 0 || tgid <= 0)
		return EINVAL;
	return kill_lwp(tgid, tid, sig);
}

/* ---- Dispositions and masks ------------------------------------------- */

int
sys_rt_sigaction(int sig, const void *uact, void *uold, size_t setsize,
    long *rv __maybe_unused)
{
	struct sigacts *sa = curproc->p_sigacts;
	struct ksigaction act, old;
	int error;

	if (setsize != sizeof(uint64_t))
		return EINVAL;
	if (uact != NULL) {
		error = copyin(uact, &act, sizeof(act));
		if (error != 0)
			return error;
	}
	if (!valid(sig) || sig == 0 ||
	    (uact != NULL && (SIGBIT(sig) & SIG_UNBLOCKABLE) != 0))
		return EINVAL;
	mutex_enter(&sa->sa_lock);
	old = sa->sa_act[sig - 1];
	if (uact != NULL) {
		act.ksa_mask &= ~SIG_UNBLOCKABLE;
		sa->sa_act[sig - 1] = act;
	}
	mutex_exit(&sa->sa_lock);
	if (uact != NULL)
		signal_discard_ignored(sig);
	return uold != NULL ? copyout(&old, uold, sizeof(old)) : 0;
}

int
sys_sigprocmask(int how, const sigset_t *uset, sigset_t *uold,
    long *rv __maybe_unused)
{
	uint64_t old = atomic_load(&curlwp_get()->l_sigmask), set;
	int error;

	if (uset != NULL) {
		error = copyin(uset, &set, sizeof(set));
		if (error != 0)
			return error;
		switch (how) {
		case SIG_BLOCK:
			set |= old;
			break;
		case SIG_UNBLOCK:
			set = old & ~set;
			break;
		case SIG_SETMASK:
			break;
		default:
			return EINVAL;
		}
		signal_setmask(set);
		atomic_store(&curlwp_get()->l_interrupt, false);
	}
	return uold != NULL ? copyout(&old, uold, sizeof(old)) : 0;
}

/*
 * What is pending and, as on any kernel, blocked; where signals are recorded,
 * all of them, because nothing else takes them.
 */
int
sys_sigpending(sigset_t *uset, long *rv __maybe_unused)
{
	uint64_t set = signal_pending();

	return copyout(&set, uset, sizeof(set));
}

/* ---- Waiting ---------------------------------------------------------- */

int
sys_sigtimedwait(const sigset_t *uset, siginfo_t *uinfo,
    const struct timespec *uts, long *rv)
{
	struct lwp *l = curlwp_get();
	struct sigacts *sa = l->l_proc->p_sigacts;
	nstime_t deadline = NSTIME_FOREVER;
	struct timespec ts;
	siginfo_t info;
	uint64_t set;
	int error, sig;

	error = copyin(uset, &set, sizeof(set));
	if (error != 0)
		return error;
	if (uts != NULL) {
		error = copyin(uts, &ts, sizeof(ts));
		if (error == 0)
			error = timespec_to_ns(&ts, &deadline);
		if (error != 0)
			return error;
		deadline = mono_deadline(deadline);
	}
	set &= ~SIG_UNBLOCKABLE;
	while ((sig = signal_take(set, &info)) == 0) {
		if (error != 0)
			return error == ETIMEDOUT ? EAGAIN : error;
		mutex_enter(&sa->sa_lock);
		if ((signal_pending() & set) == 0)
			error = cv_timedwait_sig(&sa->sa_cv, &sa->sa_lock,
			    deadline);
		mutex_exit(&sa->sa_lock);
	}
	if (uinfo != NULL) {
		error = copyout(&info, uinfo, sizeof(info));
		if (error != 0)
			return error;
	}
	*rv = sig;
	return 0;
}

/* Sleep until a signal interrupts it. */
static int
wait_for_signal(void)
{
	struct sigacts *sa = curproc->p_sigacts;
	int error = 0;

	mutex_enter(&sa->sa_lock);
	while (error == 0)
		error = cv_wait_sig(&sa->sa_cv, &sa->sa_lock);
	mutex_exit(&sa->sa_lock);
	return error;
}

int
sys_pause(long *rv __maybe_unused)
{
	return wait_for_signal();
}

int
sys_sigsuspend(const sigset_t *umask, long *rv __maybe_unused)
{
	struct sigmask_swap sw;
	int error;

	if (umask == NULL)
		return EFAULT;
	error = sigmask_enter(&sw, umask);
	if (error != 0)
		return error;
	error = wait_for_signal();
	sigmask_leave(&sw);
	return error;
}
