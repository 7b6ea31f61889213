/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The host's own file systems: they judge the tests, not this project. Needs
 * root and the right to mount; skipped otherwise.
 */
#ifndef CONF_HOST_H
#define CONF_HOST_H

#include "conf.h"

#include <grp.h>
#include <sched.h>
#include <sys/syscall.h>

#define X(ret, name, params, args)					\
static ret								\
host_##name params							\
{									\
	return name args;						\
}
CONF_CALLS(X)
#undef X

/* The system calls themselves: libc's would change all threads. */
static int
host_become(uid_t uid, gid_t gid, const gid_t *groups, size_t n)
{

	if (syscall(SYS_setgroups, n, groups) != 0 ||
	    syscall(SYS_setresgid, gid, gid, 0) != 0)
		return -1;
	return (int)syscall(SYS_setresuid, uid, uid, 0);
}

static int
host_as_root(void)
{

	if (syscall(SYS_setresuid, 0, 0, 0) != 0 ||
	    syscall(SYS_setresgid, 0, 0, 0) != 0)
		return -1;
	return (int)syscall(SYS_setgroups, 0, NULL);
}

static const struct conf_sys host_sys = {
#define X(ret, name, params, args) .name = host_##name,
	CONF_CALLS(X)
#undef X
	.sync = sync,
	.become = host_become,
	.as_root = host_as_root,
};

static const char host_root[] = "/mnt/root", host_small[] = "/mnt/small";

static inline int
host_readonly(bool ro)
{

	return mount("none", host_root, NULL,
	    MS_REMOUNT | (ro ? MS_RDONLY : 0), NULL);
}

static inline void
host_small_done(void)
{

	if (umount(host_small) != 0)
		print_error("umount %s: %s\n", host_small, strerror(errno));
}

/*
 * A mount table of our own, with a tmpfs on /mnt to hold the mount points:
 * however the test ends, nothing stays.
 */
static bool
host_setup(void)
{

	sys = &host_sys;
	if (geteuid() != 0 || unshare(CLONE_NEWNS) != 0 ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("none", "/mnt", "tmpfs", 0, "mode=0755") != 0 ||
	    mkdir(host_root, 0755) != 0 || mkdir(host_small, 0755) != 0) {
		printf("1..0 # SKIP needs root and the right to mount\n");
		return false;
	}
	return true;
}

static void
host_done(void)
{

	(void)!chdir("/");
	umount(host_root);
}

static inline int
host_skip(const char *why)
{

	host_done();
	printf("1..0 # SKIP %s\n", why);
	return 0;
}

#endif
