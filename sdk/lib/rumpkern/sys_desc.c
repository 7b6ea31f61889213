/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * System calls on descriptors as such.
 *
 * close(2), close_range(2), dup(2), fcntl(2), ioctl(2), fstat(2).
 */
#include <kern/file.h>
#include <kern/string.h>
#include <kern/syscall.h>

#include <asm/ioctls.h>
#include <linux/close_range.h>
#include <linux/resource.h>

#include "fasync.h"
#include "filedesc.h"
#include "sysproto.h"

/* What F_SETFL may change, beside FASYNC. */
#define SETFL_MASK (O_APPEND | O_NONBLOCK | O_NDELAY | O_DIRECT | O_NOATIME)
/* What F_GETFL does not show: it concerned the open only. */
#define OPEN_ONLY (O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_CLOEXEC)

int
sys_close(int fd, long *rv __maybe_unused)
{
	return fd_close(fd);
}

int
sys_close_range(unsigned int first, unsigned int last, int flags,
    long *rv __maybe_unused)
{
	int error;

	if ((flags & ~(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC)) != 0 ||
	    first > last)
		return EINVAL;
	if ((flags & CLOSE_RANGE_UNSHARE) != 0) {
		error = fd_unshare();
		if (error != 0)
			return error;
	}
	return fd_close_range(first, last,
	    (flags & CLOSE_RANGE_CLOEXEC) != 0);
}

static int
fd_dup(int fd, int min, int flags, long *rv)
{
	struct file *fp;
	int error, newfd;

	error = fd_hold(fd, &fp);
	if (error != 0)
		return error;
	error = fd_install(fp, min, flags, &newfd);
	if (error != 0)
		(void)file_rele(fp);
	else
		*rv = newfd;
	return error;
}

int
sys_dup(int fd, long *rv)
{
	return fd_dup(fd, 0, 0, rv);
}

int
sys_dup2(int fd, int newfd, long *rv)
{
	struct file *fp;
	int error;

	if (fd == newfd) {
		error = fd_get(fd, &fp);
		if (error == 0)
			fd_put(fp);
	} else {
		error = fd_dup_to(fd, newfd, 0);
	}
	if (error == 0)
		*rv = newfd;
	return error;
}

int
sys_dup3(int fd, int newfd, int flags, long *rv)
{
	int error;

	if ((flags & ~O_CLOEXEC) != 0 || fd == newfd)
		return EINVAL;
	error = fd_dup_to(fd, newfd, flags);
	if (error == 0)
		*rv = newfd;
	return error;
}

/* ---- fcntl ------------------------------------------------------------ */

static int
fcntl_dup(int fd, int min, int flags, long *rv)
{
	struct file *fp;
	int error;

	error = fd_get(fd, &fp);
	if (error != 0)
		return error;
	fd_put(fp);
	if (min < 0 || (uint64_t)min >= atomic_load_explicit(
	    &curproc->p_rlimit[RLIMIT_NOFILE][0], memory_order_relaxed))
		return EINVAL;
	return fd_dup(fd, min, flags, rv);
}

static int
file_setfl(struct file *fp, int flags)
{
	int old, error = 0;

	old = atomic_load(&fp->f_flags);
	if (fp->f_ops->fo_setfl != NULL)
		error = fp->f_ops->fo_setfl(fp, flags);
	else if ((flags & ~old & O_DIRECT) != 0)
		error = EINVAL;
	if (error != 0)
		return error;
	while (!atomic_compare_exchange_weak(&fp->f_flags, &old,
	    (old & ~SETFL_MASK) | (flags & SETFL_MASK)))
		;
	return 0;
}

static int
fcntl_file(struct file *fp, int fd, int cmd, void *arg, long *rv)
{
	int flags = atomic_load_explicit(&fp->f_flags, memory_order_relaxed);
	int error;

	if (cmd == F_GETFL) {
		*rv = flags & ~OPEN_ONLY;
		return 0;
	}
	if ((flags & O_PATH) != 0)
		return EBADF;
	switch (cmd) {
	case F_SETFL:
		/* Where there is nothing to tell, O_ASYNC has no effect. */
		error = fasync_set(fp, fd, ((intptr_t)arg & FASYNC) != 0);
		return error != 0 && error != ENOTTY ? error :
		    file_setfl(fp, (int)(intptr_t)arg);
	case F_SETOWN:
	case F_GETOWN:
	case F_SETOWN_EX:
	case F_GETOWN_EX:
	case F_GETOWNER_UIDS:
	case F_SETSIG:
	case F_GETSIG:
		return fasync_fcntl(fp, cmd, arg, rv);
	}
	if (fp->f_ops->fo_fcntl != NULL)
		return fp->f_ops->fo_fcntl(fp, cmd, arg, rv);
	return cmd == F_SETPIPE_SZ || cmd == F_GETPIPE_SZ ? EBADF : EINVAL;
}

int
sys_fcntl(int fd, int cmd, void *arg, long *rv)
{
	struct file *fp;
	bool cloexec;
	int error;

	switch (cmd) {
	case F_DUPFD:
		return fcntl_dup(fd, (int)(intptr_t)arg, 0, rv);
	case F_DUPFD_CLOEXEC:
		return fcntl_dup(fd, (int)(intptr_t)arg, O_CLOEXEC, rv);
	case F_GETFD:
		error = fd_getcloexec(fd, &cloexec);
		if (error == 0)
			*rv = cloexec ? FD_CLOEXEC : 0;
		return error;
	case F_SETFD:
		return fd_setcloexec(fd, ((intptr_t)arg & FD_CLOEXEC) != 0);
	}
	error = fd_get(fd, &fp);
	if (error != 0)
		return error;
	error = fcntl_file(fp, fd, cmd, arg, rv);
	fd_put(fp);
	return error;
}

/* ---- ioctl, fstat ----------------------------------------------------- */

static int
ioctl_file(struct file *fp, int fd, unsigned long cmd, void *arg)
{
	int on, flags, error;

	flags = atomic_load_explicit(&fp->f_flags, memory_order_relaxed);
	if ((flags & O_PATH) != 0)
		return EBADF;
	if (cmd == FIONBIO || cmd == FIOASYNC) {
		error = copyin(arg, &on, sizeof(on));
		if (error != 0)
			return error;
		if (cmd == FIOASYNC)
			return fasync_set(fp, fd, on != 0);
		return file_setfl(fp, on != 0 ? flags | O_NONBLOCK :
		    flags & ~O_NONBLOCK);
	}
	if (fp->f_ops->fo_ioctl == NULL)
		return ENOTTY;
	return fp->f_ops->fo_ioctl(fp, cmd, arg);
}

int
sys_ioctl(int fd, unsigned long cmd, void *arg, long *rv __maybe_unused)
{
	struct file *fp;
	int error;

	/* The command is 32 bits wide, whatever libc's prototype extends. */
	cmd = (uint32_t)cmd;
	error = fd_get(fd, &fp);
	if (error != 0)
		return error;
	if (cmd == FIOCLEX || cmd == FIONCLEX)
		error = fd_setcloexec(fd, cmd == FIOCLEX);
	else
		error = ioctl_file(fp, fd, cmd, arg);
	fd_put(fp);
	return error;
}

int
sys_fstat(int fd, struct stat *ust, long *rv __maybe_unused)
{
	struct stat st;
	struct file *fp;
	int error;

	error = fd_get(fd, &fp);
	if (error != 0)
		return error;
	memset(&st, 0, sizeof(st));
	error = fp->f_ops->fo_stat != NULL ? fp->f_ops->fo_stat(fp, &st) :
	    EBADF;
	fd_put(fp);
	return error == 0 ? copyout(&st, ust, sizeof(st)) : error;
}
