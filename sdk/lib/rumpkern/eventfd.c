/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * eventfd(2): a counter that can be waited for. And what files that are no
 * files have in common.
 */
#include <kern/file.h>
#include <kern/kmem.h>
#include <kern/string.h>
#include <kern/syscall.h>

#include <linux/fs.h>

#include "poll_private.h"
#include "sysproto.h"

/* eventfd(2); not among the exported headers. */
#define EFD_SEMAPHORE	1
#define EFD_CLOEXEC	O_CLOEXEC
#define EFD_NONBLOCK	O_NONBLOCK

#define COUNT_MAX (UINT64_MAX - 1)

struct eventfd {
	struct kmutex ef_lock;
	struct kcondvar ef_cv;
	struct pollhead ef_head;
	uint64_t ef_count;		/* [ef_lock] */
	bool ef_semaphore;		/* immutable */
};

static struct lock_class eventfd_lc = LOCK_CLASS("eventfd", 0);

int
anon_stat(struct file *fp, struct stat *st)
{
	st->st_mode = S_IRUSR | S_IWUSR;
	st->st_nlink = 1;
	st->st_blksize = PAGE_SIZE;
	st->st_uid = fp->f_cred->cr_fsuid;
	st->st_gid = fp->f_cred->cr_fsgid;
	return 0;
}

static const struct fileops dead_fileops = {
	.fo_type = FT_OTHER,
};

int
anon_install(const struct fileops *ops, void *data, int flags, long *rv)
{
	struct file *fp;
	int error, fd;

	error = file_alloc(ops, data, O_RDWR | (flags & O_NONBLOCK), &fp);
	if (error != 0)
		return error;
	error = fd_reserve(0, flags, &fd);
	if (error != 0) {
		/* The object stays the caller's. */
		fp->f_ops = &dead_fileops;
		(void)file_rele(fp);
		return error;
	}
	fd_fill(fd, fp);
	*rv = fd;
	return 0;
}

static int
wait(struct file *fp, struct eventfd *ef, int flags)
{
	if ((atomic_load_explicit(&fp->f_flags, memory_order_relaxed) &
	    O_NONBLOCK) != 0 || (flags & RWF_NOWAIT) != 0)
		return EAGAIN;
	return cv_wait_sig(&ef->ef_cv, &ef->ef_lock);
}

static int
eventfd_read(struct file *fp, off_t *offp __maybe_unused, struct uio *uio,
    int flags)
{
	struct eventfd *ef = fp->f_data;
	uint64_t v;
	int error = 0;

	if (uio->uio_resid < sizeof(v))
		return EINVAL;
	mutex_enter(&ef->ef_lock);
	while (ef->ef_count == 0 && error == 0)
		error = wait(fp, ef, flags);
	if (error == 0) {
		v = ef->ef_semaphore ? 1 : ef->ef_count;
		ef->ef_count -= v;
	}
	mutex_exit(&ef->ef_lock);
	if (error != 0)
		return error;
	cv_broadcast(&ef->ef_cv);
	poll_notify(&ef->ef_head, POLLOUT | POLLWRNORM);
	return uiomove(&v, sizeof(v), uio);
}

static int
eventfd_write(struct file *fp, off_t *offp __maybe_unused, struct uio *uio,
    int flags)
{
	struct eventfd *ef = fp->f_data;
	uint64_t v;
	int error;

	if (uio->uio_resid < sizeof(v))
		return EINVAL;
	error = uiomove(&v, sizeof(v), uio);
	if (error != 0)
		return error;
	mutex_enter(&ef->ef_lock);
	if (v == UINT64_MAX)
		error = EINVAL;
	while (error == 0 && v > COUNT_MAX - ef->ef_count)
		error = wait(fp, ef, flags);
	if (error == 0)
		ef->ef_count += v;
	mutex_exit(&ef->ef_lock);
	if (error == 0) {
		cv_broadcast(&ef->ef_cv);
		poll_notify(&ef->ef_head, POLLIN | POLLRDNORM);
	}
	/* What was taken from the application then was not written. */
	if (error != 0)
		uio->uio_resid += sizeof(v);
	return error;
}

static int
eventfd_poll(struct file *fp, int events, struct pollent *pe)
{
	struct eventfd *ef = fp->f_data;
	int ready = 0;

	if (pe != NULL)
		poll_hang(&ef->ef_head, pe);
	mutex_enter(&ef->ef_lock);
	if (ef->ef_count > 0)
		ready |= events & (POLLIN | POLLRDNORM);
	if (ef->ef_count < COUNT_MAX)
		ready |= events & (POLLOUT | POLLWRNORM);
	mutex_exit(&ef->ef_lock);
	return ready;
}

static void
eventfd_free(struct eventfd *ef)
{
	pollhead_fini(&ef->ef_head);
	cv_fini(&ef->ef_cv);
	mutex_fini(&ef->ef_lock);
	kmem_free(ef, sizeof(*ef));
}

static int
eventfd_close(struct file *fp)
{
	eventfd_free(fp->f_data);
	return 0;
}

static const struct fileops eventfd_fileops = {
	.fo_type = FT_EVENTFD,
	.fo_read = eventfd_read,
	.fo_write = eventfd_write,
	.fo_poll = eventfd_poll,
	.fo_stat = anon_stat,
	.fo_close = eventfd_close,
};

int
sys_eventfd(unsigned int initval, int flags, long *rv)
{
	struct eventfd *ef;
	int error;

	if ((flags & ~(EFD_SEMAPHORE | EFD_CLOEXEC | EFD_NONBLOCK)) != 0)
		return EINVAL;
	ef = kmem_zalloc(sizeof(*ef), 0);
	if (ef == NULL)
		return ENOMEM;
	mutex_init(&ef->ef_lock, &eventfd_lc);
	cv_init(&ef->ef_cv);
	pollhead_init(&ef->ef_head);
	ef->ef_count = initval;
	ef->ef_semaphore = (flags & EFD_SEMAPHORE) != 0;
	error = anon_install(&eventfd_fileops, ef, flags, rv);
	if (error != 0)
		eventfd_free(ef);
	return error;
}
