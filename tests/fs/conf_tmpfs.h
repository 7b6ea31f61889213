/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tmpfs of the rump kernel, for whichever list of cases.
 */
#ifndef CONF_TMPFS_H
#define CONF_TMPFS_H

#include "conf_rump.h"

#include <rump/fs/tmpfs.h>

#define TMPFS_NODES	200000

static bool
tmpfs_mount(const char *on, uint64_t bytes, uint64_t nodes)
{
	struct tmpfs_args args = { .size = bytes, .nr_inodes = nodes,
	    .mode = 0755 };

	return rump_sys_mount("tmpfs", on, 0, &args, sizeof(args)) == 0;
}

static const char *
tmpfs_small(uint64_t bytes, uint64_t nodes)
{

	return tmpfs_mount(SMALL, bytes, nodes) ? SMALL : NULL;
}

static void
tmpfs_small_done(void)
{

	if (rump_sys_umount2(SMALL, 0) != 0)
		print_error("unmount: %s\n", strerror(errno));
}

static int
tmpfs_readonly(bool ro)
{

	return rump_sys_mount("tmpfs", ROOT, MS_REMOUNT | (ro ? MS_RDONLY : 0),
	    NULL, 0);
}

/* Nothing is charged but the root and the directory of the case. */
static bool
tmpfs_check(void)
{
	struct statfs sf;

	if (rump_sys_statfs(ROOT, &sf) != 0)
		return false;
	if (sf.f_bfree != sf.f_blocks || sf.f_files - sf.f_ffree != 2)
		print_error("tmpfs: %llu pages and %llu files are in use\n",
		    (unsigned long long)(sf.f_blocks - sf.f_bfree),
		    (unsigned long long)(sf.f_files - sf.f_ffree));
	return sf.f_bfree == sf.f_blocks && sf.f_files - sf.f_ffree == 2;
}

static const struct conf_fs tmpfs = {
	.cf_name = "tmpfs",
	.cf_caps = CF_TMPFILE | CF_XATTR | CF_EXCHANGE | CF_WHITEOUT |
	    CF_FALLOC | CF_PUNCH | CF_ZERORANGE | CF_BTIME | CF_SEEKHOLE |
	    CF_LIMITS | CF_REMOUNT | CF_EXACT,
	.cf_root = ROOT,
	.cf_other = "/",
	.cf_maxsize = INT64_MAX,
	.cf_mintime = INT64_MIN,
	.cf_maxtime = INT64_MAX,
	.cf_gran = 1,
	.cf_small = tmpfs_small,
	.cf_small_done = tmpfs_small_done,
	.cf_readonly = tmpfs_readonly,
	.cf_check = tmpfs_check,
};

#endif
