/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rump kernel's calls, and a place to mount on.
 */
#ifndef CONF_RUMP_H
#define CONF_RUMP_H

#include "conf.h"

#include <grp.h>
#include <rump/lwproc.h>
#include <rump/rump.h>
#include <rump/rump_syscalls.h>

#define X(ret, name, params, args)					\
static ret								\
rump_##name params							\
{									\
	return rump_sys_##name args;					\
}
CONF_CALLS(X)
#undef X

static void
rump_sync(void)
{

	rump_sys_sync();
}

/* As a process of its own, which shares our descriptors. */
static int
rump_become(uid_t uid, gid_t gid, const gid_t *groups, size_t n)
{
	gid_t none;

	errno = rump_pub_lwproc_rfork(0);
	if (errno != 0)
		return -1;
	if (rump_sys_setgroups(n, groups != NULL ? groups : &none) != 0 ||
	    rump_sys_setresgid(gid, gid, gid) != 0)
		return -1;
	return rump_sys_setresuid(uid, uid, uid);
}

static int
rump_as_root(void)
{

	rump_pub_lwproc_releaselwp();
	return 0;
}

static const struct conf_sys rump_sys = {
#define X(ret, name, params, args) .name = rump_##name,
	CONF_CALLS(X)
#undef X
	.sync = rump_sync,
	.become = rump_become,
	.as_root = rump_as_root,
};

#define ROOT	"/conf"
#define SMALL	"/conf-small"

/* Boot, and make the places to mount on. */
static void
rump_setup(void)
{
	int error;

	sys = &rump_sys;
	error = rump_init();
	if (error != 0) {
		printf("Bail out! rump_init: %s\n", strerror(error));
		exit(1);
	}
	if (rump_sys_mkdir(ROOT, 0755) != 0 ||
	    rump_sys_mkdir(SMALL, 0755) != 0) {
		printf("Bail out! mkdir: %s\n", strerror(errno));
		exit(1);
	}
}

/* TAP's way of saying that nothing can be tested. */
static void __attribute__((unused, noreturn))
bail_out(const char *what)
{

	printf("Bail out! %s: %s\n", what, strerror(errno));
	exit(1);
}

#endif
