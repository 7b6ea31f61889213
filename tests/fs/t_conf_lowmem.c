/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The conformance list on ext4 in a kernel with little memory: what is cached
 * goes before anything fails.
 *
 * Link: rump-ext2fs
 */
#include "conf_rumpext.h"
#include "conf_list.h"

int
main(void)
{
	struct conf_fs f;
	int failed;

	if (setenv("RUMP_MEMLIMIT", "24m", 1) != 0)
		bail_out("setenv");
	f = rumpext_setup("ext4", "512M", "-N 150000");
	failed = conf_run(&f);
	rumpext_done();
	return failed;
}
