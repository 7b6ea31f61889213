/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Open file descriptions.
 */
#include <kern/file.h>
#include <kern/kmem.h>
#include <kern/proc.h>
#include <kern/string.h>

#include "fasync.h"
#include "proc_private.h"
#include "sysproto.h"

static struct lock_class offset_lc = LOCK_CLASS("file offset", LC_NESTS);
static struct pool *file_pool;

int
file_alloc(const struct fileops *ops, void *data, int flags,
    struct file **fpp)
{
	struct file *fp;

	fp = pool_get(file_pool, 0);
	if (fp == NULL)
		return ENOMEM;
	fp->f_ops = ops;
	fp->f_data = data;
	atomic_init(&fp->f_refs, 1);
	atomic_init(&fp->f_flags, flags & ~O_CLOEXEC);
	fp->f_offset = 0;
	mutex_init(&fp->f_offlock, &offset_lc);
	fp->f_cred = cred_hold(curcred());
	atomic_init(&fp->f_epoll, NULL);
	atomic_init(&fp->f_async, NULL);
	atomic_init(&fp->f_flock, NULL);
	fp->f_vnode = NULL;
	*fpp = fp;
	return 0;
}

struct file *
file_hold(struct file *fp)
{
	atomic_fetch_add_explicit(&fp->f_refs, 1, memory_order_relaxed);
	return fp;
}

int
file_rele(struct file *fp)
{
	int error = 0;

	if (atomic_fetch_sub_explicit(&fp->f_refs, 1, memory_order_acq_rel)
	    != 1)
		return 0;
	if (__unlikely(atomic_load_explicit(&fp->f_epoll,
	    memory_order_relaxed) != NULL))
		epoll_file_gone(fp);
	if (__unlikely(atomic_load_explicit(&fp->f_async,
	    memory_order_relaxed) != NULL))
		fasync_file_gone(fp);
	if (fp->f_ops->fo_close != NULL)
		error = fp->f_ops->fo_close(fp);
	cred_rele(fp->f_cred);
	mutex_fini(&fp->f_offlock);
	pool_put(file_pool, fp);
	return error;
}

int
file_init(void)
{
	int error;

	file_pool = pool_create("file", sizeof(struct file), 0);
	if (file_pool == NULL)
		return ENOMEM;
	error = epoll_init();
	if (error == 0)
		error = timerfd_init();
	if (error == 0)
		error = clock_init();
	if (error == 0)
		error = uname_init();
	if (error == 0)
		error = console_init();
	if (error == 0)
		error = fasync_init();
	syscall_register(&syscalls_kern);
	return error;
}
