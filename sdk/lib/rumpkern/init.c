/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Boot: rump_init(), and the few calls that an application makes before it.
 */
#include <kern/assert.h>
#include <kern/component.h>
#include <kern/kmem.h>
#include <kern/proc.h>
#include <kern/string.h>
#include <kern/sysctl.h>
#include <kern/time.h>
#include <rump/rump.h>
#include <rump/rumpuser.h>

#include "mem_private.h"
#include "proc_private.h"
#include "rumpkern.h"

/* About a microsecond of pause instructions. */
#define SPIN_MULTIPROCESSOR 40

static _Atomic uint32_t boot_state;
enum { BOOT_COLD, BOOT_RUNNING, BOOT_DONE };
static int boot_error;
static int boot_howto;

static const struct rumpuser_upcalls upcalls = {
	.up_version = RUMPUSER_VERSION,
	.up_thread_exit = thread_exit,
};

/* A parameter that is a number; *vp stays as it is where it is not set. */
static int
param_u64(const char *name, uint64_t *vp)
{
	char buf[32];
	int error;

	error = rumpuser_getparam(name, buf, sizeof(buf));
	if (error == ENOENT)
		return 0;
	if (error == 0)
		error = strtou64(buf, 0, vp);
	if (error == 0)
		return 0;
	klog(LOG_ERR, "parameter %s is not a number", name);
	return EINVAL;
}

static int
params_read(size_t *limitp)
{
	uint64_t verbose, ncpu = 1, limit = SIZE_MAX;
	int error;

	verbose = (boot_howto & RUMP_AB_DEBUG) != 0 ? 2 :
	    (boot_howto & RUMP_AB_VERBOSE) != 0;
	if ((error = param_u64("RUMP_VERBOSE", &verbose)) != 0 ||
	    (error = param_u64(RUMPUSER_PARAM_NCPU, &ncpu)) != 0 ||
	    (error = param_u64(RUMPUSER_PARAM_MEMSIZE, &limit)) != 0)
		return error;
	log_verbose = (int)MIN(verbose, 2u);
	if ((boot_howto & RUMP_AB_SILENT) != 0)
		log_verbose = LOG_ERR - LOG_WARNING - 1;
	sync_spin = ncpu > 1 ? SPIN_MULTIPROCESSOR : 0;
	*limitp = limit;
	return 0;
}

/* What can fail, in order. */
static int (*const boot_steps[])(void) = {
	proc_init,
	file_init,
	signal_init,
	component_init_all,
};

static int
boot(void)
{
	size_t limit;
	int error;

	error = rumpuser_init(&upcalls);
	if (error != 0)
		return error;
	error = params_read(&limit);
	if (error != 0)
		return error;
	thread_init();
	kmem_init(limit);
	sysctl_init();
	kmem_sysctl_init();
	timer_init();
	for (size_t i = 0; i < nitems(boot_steps); i++) {
		error = boot_steps[i]();
		if (error != 0)
			return error;
	}
	return 0;
}

int
rump_init(void)
{
	uint32_t state = BOOT_COLD;

	if (atomic_compare_exchange_strong(&boot_state, &state,
	    BOOT_RUNNING)) {
		boot_error = boot();
		atomic_store(&boot_state, BOOT_DONE);
		return boot_error;
	}
	while (atomic_load(&boot_state) != BOOT_DONE)
		rumpuser_thread_yield();
	return boot_error;
}

int
rump_boot_gethowto(void)
{
	return boot_howto;
}

void
rump_boot_sethowto(int howto)
{
	boot_howto = howto;
}

int
rump_daemonize_begin(void)
{
	return rumpuser_daemonize_begin();
}

int
rump_daemonize_done(int error)
{
	return rumpuser_daemonize_done(error);
}

int
rump_pub_getversion(void)
{
	return RUMP_VERSION;
}

int
rump_pub_component_load(const char *path)
{
	void *handle;

	if (path == NULL)
		return EFAULT;
	return rumpuser_dl_load(path, &handle);
}

bool
rump_pub_component_ready(const char *name)
{
	return component_ready(name);
}

int
rump_pub_clock_advance(int64_t ns)
{
	return rumpuser_clock_advance(ns);
}

int
rump_pub_sysctl_get(const char *name, char *buf, size_t len)
{
	return name == NULL || buf == NULL ? EFAULT :
	    sysctl_get(name, buf, len);
}

int
rump_pub_sysctl_set(const char *name, const char *value)
{
	return name == NULL || value == NULL ? EFAULT :
	    sysctl_set(name, value);
}

struct walk {
	int (*w_fn)(void *, const char *, const char *, const char *);
	void *w_arg;
};

static int
walk_one(void *arg, const struct sysctl *sy)
{
	struct walk *w = arg;
	char value[256];

	if (sysctl_value(sy, value, sizeof(value)) != 0)
		return 0;
	return w->w_fn(w->w_arg, sy->sy_name, value, sy->sy_descr);
}

int
rump_pub_sysctl_walk(const char *prefix, int (*fn)(void *, const char *,
    const char *, const char *), void *arg)
{
	struct walk w = { fn, arg };

	if (prefix == NULL || fn == NULL)
		return EFAULT;
	return sysctl_walk(prefix, walk_one, &w);
}
