/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The list of AF_UNIX cases on the rump kernel.
 *
 * Link: rump-local rumpvfs
 */
#define _GNU_SOURCE
#define S(call)	rump_sys_##call
#define DIR	"/socks"
#include <rump/rump.h>
#include <rump/rump_syscalls.h>

#include "local_cases.h"

static int
boot(void **state)
{
	(void)state;
	if (rump_init() != 0)
		return -1;
	return rump_sys_mkdir(DIR, 0755);
}

int
main(void)
{
	return cmocka_run_group_tests_name("local", local_tests, boot, NULL);
}
