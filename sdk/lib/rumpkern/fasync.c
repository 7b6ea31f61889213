/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Signals for readiness: O_ASYNC, F_SETOWN, F_SETSIG of fcntl(2).
 *
 * Any file that can be polled has them: a pollent hangs on its poll head while
 * O_ASYNC is set. It is notified where no signal can be posted, so it goes on
 * a list that a soft interrupt works off; events that come before that are
 * one.
 *
 * Lock order: set_lock -> the file's locks -> poll head -> async_lock.
 */
#include <kern/file.h>
#include <kern/kmem.h>
#include <kern/time.h>

#include "fasync.h"
#include "proc_private.h"
#include "signal.h"

/* Who gets the signal, and which. */
struct owner {
	int ow_type;			/* F_OWNER_* */
	pid_t ow_id;			/* 0: nobody */
	uid_t ow_uid, ow_euid;		/* of who chose it */
	int ow_sig;			/* 0: SIGIO, without siginfo */
	int ow_fd;
	int ow_events;			/* POLL*: that happened */
};

/*
 * a  async_lock   s  set_lock
 */
struct fasync {
	struct pollent fa_pent;		/* [s] */
	struct list fa_link;		/* [a] linked: on pending */
	struct owner fa_owner;		/* [a] */
};

static struct lock_class set_lc = LOCK_CLASS("fasync", 0);
static struct lock_class async_lc = LOCK_CLASS("fasync events", 0);
static struct kmutex set_lock;
static struct kspin async_lock;
static struct list pending = LIST_INITIALIZER(pending);	/* [async_lock] */
static struct softint *async_softint;	/* [set_lock] */

/* ---- Posting ---------------------------------------------------------- */

/* As Linux' SIGIO_PERM: who chose the owner might kill it. */
static bool
may_signal(const struct owner *ow, struct proc *p)
{
	struct cred *cr = proc_cred_hold(p);
	bool may = ow->ow_euid == 0 || ow->ow_euid == cr->cr_suid ||
	    ow->ow_euid == cr->cr_uid || ow->ow_uid == cr->cr_suid ||
	    ow->ow_uid == cr->cr_uid;

	cred_rele(cr);
	return may;
}

static void
post(const struct owner *ow, struct proc *p, int lid)
{
	static const struct { int po_events, po_code, po_band; } table[] = {
		{ POLLIN | POLLRDNORM, POLL_IN, POLLIN | POLLRDNORM },
		{ POLLOUT | POLLWRNORM, POLL_OUT,
		    POLLOUT | POLLWRNORM | POLLWRBAND },
		{ 0, 0, 0 },
		{ POLLERR, POLL_ERR, POLLERR },
		{ POLLPRI | POLLRDBAND, POLL_PRI, POLLPRI | POLLRDBAND },
		{ POLLHUP | POLLRDHUP, POLL_HUP, POLLHUP | POLLERR },
	};
	siginfo_t info;
	bool told = false;

	if (!may_signal(ow, p))
		return;
	if (ow->ow_sig == 0) {
		(void)signal_post(p, lid, SIGIO, NULL);
		return;
	}
	/* That it can be read or written says all; else, what is wrong. */
	for (size_t i = 0; i < nitems(table); i++) {
		if (table[i].po_events == 0 && told)
			return;
		if ((ow->ow_events & table[i].po_events) == 0)
			continue;
		told = true;
		info = (siginfo_t){ .si_signo = ow->ow_sig };
		info.si_code = table[i].po_code;
		info.si_band = table[i].po_band;
		info.si_fd = ow->ow_fd;
		(void)signal_post(p, lid, ow->ow_sig, &info);
	}
}

static void
post_to_owner(const struct owner *ow)
{
	struct proc *p;
	struct lwp *l;
	pid_t pos = 0;

	switch (ow->ow_type) {
	case F_OWNER_PID:
		if (proc_find(ow->ow_id, &p) != 0)
			return;
		post(ow, p, 0);
		proc_rele(p);
		return;
	case F_OWNER_PGRP:
		while ((p = proc_of_group(&pos, ow->ow_id)) != NULL) {
			post(ow, p, 0);
			proc_rele(p);
		}
		return;
	case F_OWNER_TID:
		mutex_enter(&proc_list_lock);
		l = lwp_find_locked(ow->ow_id);
		p = l != NULL ? proc_hold(l->l_proc) : NULL;
		mutex_exit(&proc_list_lock);
		if (p == NULL)
			return;
		post(ow, p, ow->ow_id);
		proc_rele(p);
		return;
	}
}

static void
post_pending(void *arg __maybe_unused)
{
	struct fasync *fa;
	struct owner ow;

	for (;;) {
		spin_lock(&async_lock);
		if (list_empty(&pending))
			break;
		fa = list_first(&pending, struct fasync, fa_link);
		list_remove(&fa->fa_link);
		ow = fa->fa_owner;
		fa->fa_owner.ow_events = 0;
		spin_unlock(&async_lock);
		post_to_owner(&ow);
	}
	spin_unlock(&async_lock);
}

/* Called by poll_notify(), with the poll head locked. */
static void
happened(struct pollent *pe, int events)
{
	struct fasync *fa = container_of(pe, struct fasync, fa_pent);
	bool fresh;

	spin_lock(&async_lock);
	fresh = events != 0 && fa->fa_owner.ow_id != 0;
	if (fresh) {
		fa->fa_owner.ow_events |= events;
		fresh = !list_linked(&fa->fa_link);
		if (fresh)
			list_insert_tail(&pending, &fa->fa_link);
	}
	spin_unlock(&async_lock);
	if (fresh)
		softint_schedule(async_softint);
}

/* ---- Setting ---------------------------------------------------------- */

/* The file's, made if it has none. set_lock held. */
static int
fasync_get(struct file *fp, struct fasync **fap)
{
	struct fasync *fa = atomic_load(&fp->f_async);
	int error;

	if (async_softint == NULL) {
		error = softint_establish(SOFTINT_CLOCK, post_pending, NULL,
		    &async_softint);
		if (error != 0)
			return error;
	}
	if (fa == NULL) {
		fa = kmem_zalloc(sizeof(*fa), 0);
		if (fa == NULL)
			return ENOMEM;
		fa->fa_pent.pe_fn = happened;
		list_node_init(&fa->fa_link);
		atomic_store(&fp->f_async, fa);
	}
	*fap = fa;
	return 0;
}

static bool
can_signal(const struct file *fp)
{
	switch (fp->f_ops->fo_type) {
	case FT_EPOLL:
	case FT_EVENTFD:
	case FT_TIMERFD:
	case FT_SIGNALFD:
		return false;
	default:
		return fp->f_ops->fo_poll != NULL;
	}
}

static int
enable(struct file *fp, int fd)
{
	struct fasync *fa;
	int error;

	error = fasync_get(fp, &fa);
	if (error != 0)
		return error;
	spin_lock(&async_lock);
	fa->fa_owner.ow_fd = fd;
	spin_unlock(&async_lock);
	(void)fp->f_ops->fo_poll(fp, POLLIN | POLLOUT | POLLPRI | POLLERR |
	    POLLHUP, &fa->fa_pent);
	/* What never changes hangs it nowhere. */
	if (fa->fa_pent.pe_head == NULL)
		return ENOTTY;
	atomic_fetch_or(&fp->f_flags, FASYNC);
	return 0;
}

int
fasync_set(struct file *fp, int fd, bool on)
{
	struct fasync *fa;
	int error = 0;

	if (on == ((atomic_load(&fp->f_flags) & FASYNC) != 0))
		return 0;
	if (!can_signal(fp))
		return ENOTTY;
	mutex_enter(&set_lock);
	if (on) {
		error = enable(fp, fd);
	} else {
		atomic_fetch_and(&fp->f_flags, ~FASYNC);
		fa = atomic_load(&fp->f_async);
		if (fa != NULL)
			poll_unhang(&fa->fa_pent);
	}
	mutex_exit(&set_lock);
	return error;
}

void
fasync_file_gone(struct file *fp)
{
	struct fasync *fa = atomic_load(&fp->f_async);

	poll_unhang(&fa->fa_pent);
	spin_lock(&async_lock);
	if (list_linked(&fa->fa_link))
		list_remove(&fa->fa_link);
	spin_unlock(&async_lock);
	kmem_free(fa, sizeof(*fa));
}

/* ---- Who and which ---------------------------------------------------- */

static bool
exists(int type, pid_t id)
{
	struct proc *p = NULL;
	pid_t pos = 0;
	bool found;

	switch (type) {
	case F_OWNER_PGRP:
		p = proc_of_group(&pos, id);
		break;
	case F_OWNER_PID:
		if (proc_find(id, &p) != 0)
			p = NULL;
		break;
	case F_OWNER_TID:
		mutex_enter(&proc_list_lock);
		found = lwp_find_locked(id) != NULL;
		mutex_exit(&proc_list_lock);
		return found;
	}
	if (p != NULL)
		proc_rele(p);
	return p != NULL;
}

/* id 0: nobody. */
static int
owner_set(struct file *fp, int type, pid_t id)
{
	const struct cred *cr = curcred();
	struct fasync *fa;
	int error;

	if (id != 0 && !exists(type, id))
		return ESRCH;
	mutex_enter(&set_lock);
	error = fasync_get(fp, &fa);
	if (error == 0) {
		spin_lock(&async_lock);
		fa->fa_owner.ow_type = type;
		fa->fa_owner.ow_id = id;
		fa->fa_owner.ow_uid = cr->cr_uid;
		fa->fa_owner.ow_euid = cr->cr_euid;
		spin_unlock(&async_lock);
	}
	mutex_exit(&set_lock);
	return error;
}

static int
sig_set(struct file *fp, int sig)
{
	struct fasync *fa;
	int error;

	if (sig < 0 || sig > SIGNALS)
		return EINVAL;
	mutex_enter(&set_lock);
	error = fasync_get(fp, &fa);
	if (error == 0) {
		spin_lock(&async_lock);
		fa->fa_owner.ow_sig = sig;
		spin_unlock(&async_lock);
	}
	mutex_exit(&set_lock);
	return error;
}

static struct owner
owner_get(struct file *fp)
{
	struct fasync *fa = atomic_load(&fp->f_async);
	struct owner ow = { .ow_type = F_OWNER_TID };

	if (fa != NULL) {
		spin_lock(&async_lock);
		ow = fa->fa_owner;
		spin_unlock(&async_lock);
	}
	/* One that is no longer is nobody. */
	if (ow.ow_id != 0 && !exists(ow.ow_type, ow.ow_id))
		ow.ow_id = 0;
	return ow;
}

static int
owner_set_ex(struct file *fp, const void *uex)
{
	struct f_owner_ex ex;
	int error;

	error = copyin(uex, &ex, sizeof(ex));
	if (error != 0)
		return error;
	if (ex.type != F_OWNER_TID && ex.type != F_OWNER_PID &&
	    ex.type != F_OWNER_PGRP)
		return EINVAL;
	return owner_set(fp, ex.type, ex.pid);
}

int
fasync_fcntl(struct file *fp, int cmd, void *arg, long *rv)
{
	int id = (int)(intptr_t)arg;
	struct owner ow = owner_get(fp);
	struct f_owner_ex ex;
	uid_t uids[2];

	switch (cmd) {
	case F_SETOWN:
		if (id == INT32_MIN)
			return EINVAL;
		return owner_set(fp, id < 0 ? F_OWNER_PGRP : F_OWNER_PID,
		    id < 0 ? -id : id);
	case F_GETOWN:
		*rv = ow.ow_type == F_OWNER_PGRP ? -ow.ow_id : ow.ow_id;
		return 0;
	case F_SETOWN_EX:
		return owner_set_ex(fp, arg);
	case F_GETOWN_EX:
		ex = (struct f_owner_ex){ ow.ow_type, ow.ow_id };
		return copyout(&ex, arg, sizeof(ex));
	case F_GETOWNER_UIDS:
		uids[0] = ow.ow_uid;
		uids[1] = ow.ow_euid;
		return copyout(uids, arg, sizeof(uids));
	case F_SETSIG:
		return sig_set(fp, id);
	case F_GETSIG:
		*rv = ow.ow_sig;
		return 0;
	}
	return EINVAL;
}

int
fasync_init(void)
{
	mutex_init(&set_lock, &set_lc);
	spin_init(&async_lock, &async_lc);
	return 0;
}
