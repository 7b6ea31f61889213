/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The conformance list on the host's ext4.
 */
#include "conf_hostext.h"

int
main(void)
{

	return host_ext_run("ext4");
}
