/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The conformance list on the host's tmpfs: is the list right?
 */
#include "conf_host.h"
#include "conf_list.h"

static const char *
tmpfs_small(uint64_t bytes, uint64_t nodes)
{
	char opts[128];

	snprintf(opts, sizeof(opts), "size=%llu,nr_inodes=%llu",
	    (unsigned long long)bytes, (unsigned long long)nodes);
	return mount("none", host_small, "tmpfs", 0, opts) == 0 ?
	    host_small : NULL;
}

static const struct conf_fs host_tmpfs = {
	.cf_name = "host_tmpfs",
	.cf_caps = CF_TMPFILE | CF_XATTR | CF_EXCHANGE | CF_WHITEOUT |
	    CF_FALLOC | CF_PUNCH | CF_BTIME | CF_SEEKHOLE | CF_LIMITS |
	    CF_REMOUNT | CF_EXACT,
	.cf_root = host_root,
	.cf_other = "/",
	.cf_maxsize = INT64_MAX,
	.cf_mintime = INT64_MIN,
	.cf_maxtime = INT64_MAX,
	.cf_gran = 1,
	.cf_small = tmpfs_small,
	.cf_small_done = host_small_done,
	.cf_readonly = host_readonly,
};

int
main(void)
{
	int failed;

	if (!host_setup())
		return 0;
	if (mount("none", host_root, "tmpfs", 0, "") != 0)
		return host_skip("cannot mount tmpfs");
	failed = conf_run(&host_tmpfs);
	host_done();
	return failed;
}
