/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The list of AF_UNIX cases on the host: is the list right?
 *
 * Link: rump
 */
#define _GNU_SOURCE
static char dir[] = "/tmp/rump-local.XXXXXX";
#define S(call)	call
#define DIR	dir
#include "local_cases.h"

int
main(void)
{
	char cmd[64];
	int failed;

	if (mkdtemp(dir) == NULL)
		return 1;
	failed = cmocka_run_group_tests_name("host", local_tests, NULL, NULL);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	return system(cmd) != 0 || failed;
}
