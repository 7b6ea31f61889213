/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Open file descriptions.
 *
 * How many there are is the sum of what each thread has opened and closed: no
 * counter is shared. Threads look at the sum at every 64th file that they
 * open, and at every one where the limit is near.
 */
#include <kern/file.h>
#include <kern/kmem.h>
#include <kern/proc.h>
#include <kern/string.h>
#include <kern/sysctl.h>

#include "fasync.h"
#include "proc_private.h"
#include "sysproto.h"

static struct lock_class offset_lc = LOCK_CLASS("file offset", LC_NESTS);
static struct pool *file_pool;

#define FILES_MAX	1048576
#define SUM_EVERY	64		/* a power of two */

static _Atomic uint64_t files_max = FILES_MAX;
static _Atomic bool files_near;		/* the limit is */

static uint64_t
files_count(void)
{
	struct thread *td;
	int64_t n = 0;

	for (td = atomic_load(&thread_list); td != NULL; td = td->td_next)
		n += atomic_load_explicit(&td->td_files, memory_order_relaxed);
	return n > 0 ? (uint64_t)n : 0;
}

static int
files_set_max(uint64_t max)
{
	atomic_store(&files_max, max);
	atomic_store(&files_near, true);
	return 0;
}

static struct sysctl file_sysctls[] = {
	{ .sy_name = "kern.files.count", .sy_descr = "open files",
	    .sy_get = files_count },
	{ .sy_name = "kern.files.max", .sy_flags = SYSCTL_RW,
	    .sy_descr = "open files from which on only root opens more",
	    .sy_u64 = &files_max, .sy_set = files_set_max },
};

/* One more: is that too many? Threads to come are reckoned with. */
static bool
files_exceeded(void)
{
	uint64_t max = atomic_load(&files_max), n = files_count(), slack = 0;
	struct thread *td;

	for (td = atomic_load(&thread_list); td != NULL; td = td->td_next)
		slack += SUM_EVERY;
	slack += SUM_EVERY * SUM_EVERY;
	atomic_store(&files_near, max < slack || n > max - slack);
	/* It is counted already. */
	return n > max && !cred_is_root(curcred());
}

/* Only its own thread writes it. */
static inline int64_t
files_add(int64_t d)
{
	_Atomic int64_t *n = &thread_self()->td_files;
	int64_t new = atomic_load_explicit(n, memory_order_relaxed) + d;

	atomic_store_explicit(n, new, memory_order_relaxed);
	return new;
}

int
file_alloc(const struct fileops *ops, void *data, int flags,
    struct file **fpp)
{
	struct file *fp;

	if (__unlikely((files_add(1) & (SUM_EVERY - 1)) == 0 ||
	    atomic_load_explicit(&files_near, memory_order_relaxed)) &&
	    files_exceeded()) {
		(void)files_add(-1);
		return ENFILE;
	}
	fp = pool_get(file_pool, 0);
	if (fp == NULL) {
		(void)files_add(-1);
		return ENOMEM;
	}
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
	(void)files_add(-1);
	pool_put(file_pool, fp);
	return error;
}

int
file_init(void)
{
	int error;

	file_pool = pool_create("file", sizeof(struct file), 16);
	if (file_pool == NULL)
		return ENOMEM;
	for (size_t i = 0; i < nitems(file_sysctls); i++)
		(void)sysctl_register(&file_sysctls[i]);
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
