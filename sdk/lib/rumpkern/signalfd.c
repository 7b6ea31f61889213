/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * signalfd(2): signals that are read from a file. They are those of who reads,
 * not of who made the file.
 */
#include <kern/file.h>
#include <kern/kmem.h>
#include <kern/string.h>
#include <kern/syscall.h>

#include <linux/fs.h>
#include <linux/signalfd.h>

#include "poll_private.h"
#include "proc_private.h"
#include "signal.h"
#include "sysproto.h"

struct signalfd {
	_Atomic uint64_t sf_mask;
	struct pollhead sf_head;
	struct list sf_link;		/* [list_lock] */
};

static struct lock_class list_lc = LOCK_CLASS("signalfds", 0);
static struct kmutex list_lock;
static struct list list = LIST_INITIALIZER(list);
_Atomic unsigned signalfds;

static const struct fileops signalfd_fileops;

void
signalfd_notify(uint64_t set)
{
	struct signalfd *sf;
	struct list *n;

	mutex_enter(&list_lock);
	LIST_FOREACH(n, &list) {
		sf = container_of(n, struct signalfd, sf_link);
		if ((atomic_load(&sf->sf_mask) & set) != 0)
			poll_notify(&sf->sf_head, POLLIN | POLLRDNORM);
	}
	mutex_exit(&list_lock);
}

static int
read_one(struct uio *uio, const siginfo_t *info)
{
	struct signalfd_siginfo ssi;

	memset(&ssi, 0, sizeof(ssi));
	ssi.ssi_signo = (uint32_t)info->si_signo;
	ssi.ssi_errno = info->si_errno;
	ssi.ssi_code = info->si_code;
	ssi.ssi_pid = (uint32_t)info->si_pid;
	ssi.ssi_uid = (uint32_t)info->si_uid;
	return uiomove(&ssi, sizeof(ssi), uio);
}

static int
wait(struct file *fp, uint64_t set, int flags)
{
	struct sigacts *sa = curproc->p_sigacts;
	int error = 0;

	if ((atomic_load_explicit(&fp->f_flags, memory_order_relaxed) &
	    O_NONBLOCK) != 0 || (flags & RWF_NOWAIT) != 0)
		return EAGAIN;
	mutex_enter(&sa->sa_lock);
	while ((signal_pending() & set) == 0 && error == 0)
		error = cv_wait_sig(&sa->sa_cv, &sa->sa_lock);
	mutex_exit(&sa->sa_lock);
	return error;
}

static int
signalfd_read(struct file *fp, off_t *offp __maybe_unused, struct uio *uio,
    int flags)
{
	struct signalfd *sf = fp->f_data;
	uint64_t set = atomic_load(&sf->sf_mask);
	bool any = false;
	siginfo_t info;
	int error = 0;

	if (uio->uio_resid < sizeof(struct signalfd_siginfo))
		return EINVAL;
	while (uio->uio_resid >= sizeof(struct signalfd_siginfo) &&
	    error == 0) {
		if (signal_take(set, &info) != 0) {
			error = read_one(uio, &info);
			any = true;
		} else if (any) {
			break;
		} else {
			error = wait(fp, set, flags);
		}
	}
	return error;
}

static int
signalfd_poll(struct file *fp, int events, struct pollent *pe)
{
	struct signalfd *sf = fp->f_data;

	if (pe != NULL)
		poll_hang(&sf->sf_head, pe);
	return (signal_pending() & atomic_load(&sf->sf_mask)) != 0 ?
	    events & (POLLIN | POLLRDNORM) : 0;
}

static void
signalfd_free(struct signalfd *sf)
{
	mutex_enter(&list_lock);
	list_remove(&sf->sf_link);
	mutex_exit(&list_lock);
	atomic_fetch_sub(&signalfds, 1);
	pollhead_fini(&sf->sf_head);
	kmem_free(sf, sizeof(*sf));
}

static int
signalfd_close(struct file *fp)
{
	signalfd_free(fp->f_data);
	return 0;
}

static const struct fileops signalfd_fileops = {
	.fo_type = FT_SIGNALFD,
	.fo_read = signalfd_read,
	.fo_poll = signalfd_poll,
	.fo_stat = anon_stat,
	.fo_close = signalfd_close,
};

static int
signalfd_create(uint64_t mask, int flags, long *rv)
{
	struct signalfd *sf;
	int error;

	sf = kmem_zalloc(sizeof(*sf), 0);
	if (sf == NULL)
		return ENOMEM;
	atomic_init(&sf->sf_mask, mask);
	pollhead_init(&sf->sf_head);
	atomic_fetch_add(&signalfds, 1);
	mutex_enter(&list_lock);
	list_insert_tail(&list, &sf->sf_link);
	mutex_exit(&list_lock);
	error = anon_install(&signalfd_fileops, sf, flags, rv);
	if (error != 0)
		signalfd_free(sf);
	return error;
}

int
sys_signalfd(int fd, const sigset_t *umask, int flags, long *rv)
{
	struct signalfd *sf;
	struct file *fp;
	uint64_t mask;
	int error;

	if ((flags & ~(SFD_CLOEXEC | SFD_NONBLOCK)) != 0)
		return EINVAL;
	error = copyin(umask, &mask, sizeof(mask));
	if (error != 0)
		return error;
	mask &= ~SIG_UNBLOCKABLE;
	if (fd == -1)
		return signalfd_create(mask, flags, rv);
	error = fd_get(fd, &fp);
	if (error != 0)
		return error;
	if (fp->f_ops == &signalfd_fileops) {
		sf = fp->f_data;
		atomic_store(&sf->sf_mask, mask);
		if ((signal_pending() & mask) != 0)
			poll_notify(&sf->sf_head, POLLIN | POLLRDNORM);
		*rv = fd;
	} else {
		error = EINVAL;
	}
	fd_put(fp);
	return error;
}

int
signalfd_init(void)
{
	mutex_init(&list_lock, &list_lc);
	return 0;
}
