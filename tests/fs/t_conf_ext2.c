/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The conformance list on ext2.
 *
 * Link: rump-ext2fs
 */
#include "conf_rumpext.h"
#include "conf_list.h"

int
main(void)
{
	struct conf_fs f = rumpext_setup("ext2", "512M", "-N 150000");
	int failed = conf_run(&f);

	rumpext_done();
	return failed;
}
