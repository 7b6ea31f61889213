/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * @file rump.h
 * The rump kernel in this process: boot, and what concerns all of it.
 *
 * A program links the components it wants, calls rump_init() once, and then
 * uses the system calls of <rump/rump_syscalls.h>. Functions returning int
 * return 0 or a positive errno value, unless said otherwise; system calls
 * alone return -1 and set errno.
 */
#ifndef RUMP_RUMP_H
#define RUMP_RUMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rump/lwproc.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Version of the API: major * 10000 + minor * 100 + patch. */
#define RUMP_VERSION 100

/**
 * Boot the kernel. Any thread may call it, more than once: one boots, the
 * others wait and get the same result. May block.
 *
 * What is missing, or must not be linked together, is named on the console.
 *
 * @return ENOENT a component needs another that is not linked; EEXIST two
 *         components exclude each other; EPROTONOSUPPORT the platform library
 *         is of another version; ENOMEM; what a component's init returned.
 */
int rump_init(void);

#define RUMP_AB_VERBOSE	0x1	/**< as RUMP_VERBOSE=1 */
#define RUMP_AB_DEBUG	0x2	/**< as RUMP_VERBOSE=2 */
#define RUMP_AB_SILENT	0x4	/**< not even errors; panics only */

/** How to boot: RUMP_AB_*; set before rump_init(). */
int rump_boot_gethowto(void);
void rump_boot_sethowto(int howto);

/** What a signal that is posted in the rump kernel does. */
enum rump_sigmodel {
	RUMP_SIGMODEL_PANIC,	/**< the rump kernel panics */
	RUMP_SIGMODEL_IGNORE,	/**< nothing */
	RUMP_SIGMODEL_HOST,	/**< it is raised on the host, always */
	RUMP_SIGMODEL_RAISE,	/**< it is raised on the host, unless the rump
				     process ignores it; while the rump process
				     blocks it, it is pending (the default) */
	RUMP_SIGMODEL_RECORD	/**< it is pending until it is taken by
				     rump_sys_sigtimedwait() or a signalfd;
				     unblocked, it ends one sleeping call with
				     EINTR */
};

/** Choose the model; before rump_init(). @return EINVAL */
int rump_boot_setsigmodel(enum rump_sigmodel model);

/**
 * Turn the process into a daemon. Call begin before rump_init(), and done
 * after it: the parent process waits for it, and exits with error as reason
 * (0: success). May block. @return EINVAL: wrong order; EAGAIN; ENOMEM
 */
int rump_daemonize_begin(void);
int rump_daemonize_done(int error);

/** RUMP_VERSION of the library that runs. */
int rump_pub_getversion(void);

/**
 * Load a shared library with components into the running kernel; they are
 * initialised at once. May block.
 *
 * @param path  as for dlopen(3).
 * @return ENOENT the host cannot load it (the reason is on the console).
 *         Whether a component is ready: rump_pub_component_ready().
 */
int rump_pub_component_load(const char *path);
/** Is a component of this name linked and initialised? */
bool rump_pub_component_ready(const char *name);

/**
 * Move a virtual clock (parameter RUMP_CLOCK) ahead by ns nanoseconds and wake
 * whoever waited for a time up to then.
 * @return EPERM the clock is the real one; EINVAL ns < 0
 */
int rump_pub_clock_advance(int64_t ns);

/**
 * Tunables and statistics, as text, by their dotted name ("kern.mem.used").
 * docs/parameters.md lists them.
 *
 * @param buf  receives the zero-terminated value.
 * @param len  bytes of buf.
 * @return ENOENT; ERANGE buf is too small; EPERM read-only; EINVAL
 */
int rump_pub_sysctl_get(const char *name, char *buf, size_t len);
int rump_pub_sysctl_set(const char *name, const char *value);
/**
 * Visit all tunables whose name starts with prefix, in order, until fn returns
 * non-zero, which is then returned. The strings are valid during the call. fn
 * must not call the functions of this section: the tree is locked.
 */
int rump_pub_sysctl_walk(const char *prefix, int (*fn)(void *arg,
    const char *name, const char *value, const char *descr), void *arg);

/**
 * For tests: make the nth allocation inside the kernel from now on fail (0:
 * none), and count them. <rump/rumpuser_fault.h> does so for hypercalls.
 */
void rump_pub_kmem_fault(uint64_t nth);
uint64_t rump_pub_kmem_fault_count(void);

#ifdef __cplusplus
}
#endif

#endif /* RUMP_RUMP_H */
