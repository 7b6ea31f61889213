/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * System calls on the system as a whole.
 *
 * uname(2), sethostname(2), sysinfo(2), getrandom(2).
 */
#include <kern/kmem.h>
#include <kern/string.h>
#include <kern/syscall.h>
#include <kern/time.h>

#include <linux/random.h>
#include <rump/rump.h>
#include <rump/rumpuser.h>

#include "proc_private.h"
#include "sysproto.h"

#define STRINGIFY(x) #x
#define STRING(x) STRINGIFY(x)

/* The calls are those of Linux, and programs ask for it by name. */
static struct new_utsname uts = {
	.sysname = "Linux",
	.nodename = "rump",
	.release = "6.1.0-rump",
	.version = "rump " STRING(RUMP_VERSION),
#if defined(__x86_64__)
	.machine = "x86_64",
#elif defined(__aarch64__)
	.machine = "aarch64",
#endif
	.domainname = "(none)",
};
static struct lock_class uts_lc = LOCK_CLASS("host name", 0);
static struct kmutex uts_lock;

int
uname_init(void)
{
	char name[sizeof(uts.nodename)];

	mutex_init(&uts_lock, &uts_lc);
	if (rumpuser_getparam(RUMPUSER_PARAM_HOSTNAME, name, sizeof(name)) == 0)
		strlcpy(uts.nodename, name, sizeof(uts.nodename));
	return 0;
}

int
sys_uname(struct utsname *uname, long *rv __maybe_unused)
{
	struct new_utsname copy;

	mutex_enter(&uts_lock);
	copy = uts;
	mutex_exit(&uts_lock);
	return copyout(&copy, uname, sizeof(copy));
}

/* gethostname(2): a name that does not fit is cut off: ENAMETOOLONG. */
int
sys_gethostname(char *uname, size_t len, long *rv __maybe_unused)
{
	char name[sizeof(uts.nodename)];
	size_t n;
	int error;

	mutex_enter(&uts_lock);
	memcpy(name, uts.nodename, sizeof(name));
	mutex_exit(&uts_lock);
	n = strlen(name) + 1;
	error = copyout(name, uname, MIN(n, len));
	return error == 0 && n > len ? ENAMETOOLONG : error;
}

static int
name_set(char *field, const char *uname, size_t len)
{
	char name[sizeof(uts.nodename)];
	int error;

	if (!cred_is_root(curcred()))
		return EPERM;
	if (len > sizeof(name) - 1)
		return EINVAL;
	memset(name, 0, sizeof(name));
	error = copyin(uname, name, len);
	if (error != 0)
		return error;
	mutex_enter(&uts_lock);
	memcpy(field, name, sizeof(name));
	mutex_exit(&uts_lock);
	return 0;
}

int
sys_sethostname(const char *name, size_t len, long *rv __maybe_unused)
{
	return name_set(uts.nodename, name, len);
}

int
sys_setdomainname(const char *name, size_t len, long *rv __maybe_unused)
{
	return name_set(uts.domainname, name, len);
}

/* Memory is the kernel's own, where it is limited: what it may have. */
int
sys_sysinfo(struct sysinfo *uinfo, long *rv __maybe_unused)
{
	size_t mapped, used, limit;
	struct sysinfo info;
	struct list *n;

	memset(&info, 0, sizeof(info));
	kmem_stats(&mapped, &used, &limit);
	info.uptime = mono_now() / NS_PER_SEC;
	info.totalram = limit != SIZE_MAX ? limit : mapped;
	info.freeram = info.totalram > used ? info.totalram - used : 0;
	info.mem_unit = 1;
	mutex_enter(&proc_list_lock);
	LIST_FOREACH(n, &proc_list)
		info.procs++;
	mutex_exit(&proc_list_lock);
	return copyout(&info, uinfo, sizeof(info));
}

int
sys_getrandom(void *ubuf, size_t len, unsigned int flags, long *rv)
{
	unsigned char buf[256];
	size_t done = 0, n;
	int error;

	if ((flags & ~(unsigned)(GRND_NONBLOCK | GRND_RANDOM |
	    GRND_INSECURE)) != 0 ||
	    (flags & (GRND_RANDOM | GRND_INSECURE)) ==
	    (GRND_RANDOM | GRND_INSECURE))
		return EINVAL;
	len = MIN(len, (size_t)INT32_MAX);
	for (error = 0; done < len; done += n) {
		n = MIN(len - done, sizeof(buf));
		error = rumpuser_getrandom(buf, n);
		if (error == 0)
			error = copyout(buf, (char *)ubuf + done, n);
		if (error != 0)
			break;
	}
	memset(buf, 0, sizeof(buf));
	if (done == 0 && error != 0)
		return error;
	*rv = (long)done;
	return 0;
}
