/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The conformance list on tmpfs.
 *
 * Link: rump-tmpfs
 */
#include "conf_tmpfs.h"
#include "conf_list.h"

int
main(void)
{
	int failed;

	rump_setup();
	if (!tmpfs_mount(ROOT, 512 << 20, TMPFS_NODES))
		bail_out("mount tmpfs");
	failed = conf_run(&tmpfs);
	if (rump_sys_chdir("/") != 0 || rump_sys_umount2(ROOT, 0) != 0)
		bail_out("unmount");
	return failed;
}
