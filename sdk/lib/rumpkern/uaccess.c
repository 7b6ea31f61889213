/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Application memory. A local process' pointers are ours; a remote one's are
 * reached by its p_vmops.
 */
#include <kern/kmem.h>
#include <kern/proc.h>
#include <kern/string.h>

#include <linux/limits.h>

#include "proc_private.h"

static struct pool *path_pool;

int
uaccess_init(void)
{
	path_pool = pool_create("path", PATH_MAX, 0);
	return path_pool != NULL ? 0 : ENOMEM;
}

int
copyin(const void *uaddr, void *kaddr, size_t n)
{
	struct proc *p = curproc;

	if (n == 0)
		return 0;
	if (uaddr == NULL)
		return EFAULT;
	if (__unlikely(p->p_vmops != NULL))
		return p->p_vmops->vm_copyin(p, uaddr, kaddr, n);
	memcpy(kaddr, uaddr, n);
	return 0;
}

int
copyout(const void *kaddr, void *uaddr, size_t n)
{
	struct proc *p = curproc;

	if (n == 0)
		return 0;
	if (uaddr == NULL)
		return EFAULT;
	if (__unlikely(p->p_vmops != NULL))
		return p->p_vmops->vm_copyout(p, kaddr, uaddr, n);
	memcpy(uaddr, kaddr, n);
	return 0;
}

int
copyinstr(const char *uaddr, char *kaddr, size_t max, size_t *done)
{
	struct proc *p = curproc;
	size_t n;

	if (uaddr == NULL)
		return EFAULT;
	if (__unlikely(p->p_vmops != NULL))
		return p->p_vmops->vm_copyinstr(p, uaddr, kaddr, max, done);
	n = strnlen(uaddr, max);
	if (n == max)
		return ENAMETOOLONG;
	memcpy(kaddr, uaddr, n + 1);
	if (done != NULL)
		*done = n + 1;
	return 0;
}

int
pathbuf_copyin(const char *uaddr, char **pathp)
{
	char *path;
	size_t done;
	int error;

	if (uaddr == NULL)
		return EFAULT;
	path = pool_get(path_pool, 0);
	if (path == NULL)
		return ENOMEM;
	error = copyinstr(uaddr, path, PATH_MAX, &done);
	if (error != 0) {
		pool_put(path_pool, path);
		return error;
	}
	*pathp = path;
	return 0;
}

void
pathbuf_free(char *path)
{
	if (path != NULL)
		pool_put(path_pool, path);
}
