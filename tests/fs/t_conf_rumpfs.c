/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The conformance list on the root file system.
 *
 * Link: rumpvfs rump-tmpfs
 */
#include "conf_rump.h"
#include "conf_list.h"

static const struct conf_fs rumpfs = {
	.cf_name = "rumpfs",
	.cf_caps = CF_TMPFILE | CF_XATTR | CF_EXCHANGE | CF_WHITEOUT |
	    CF_FALLOC | CF_PUNCH | CF_ZERORANGE | CF_BTIME | CF_SEEKHOLE,
	.cf_root = ROOT,
	.cf_other = SMALL,
	.cf_maxsize = INT64_MAX,
	.cf_mintime = INT64_MIN,
	.cf_maxtime = INT64_MAX,
	.cf_gran = 1,
};

int
main(void)
{

	rump_setup();
	if (rump_sys_mount("tmpfs", SMALL, 0, NULL, 0) != 0)
		bail_out("mount tmpfs");
	return conf_run(&rumpfs);
}
