/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The faction net comes up.
 */
#include <kern/mbuf.h>

#include "rumpnet.h"

int rumpnet_init(void);

int
rumpnet_init(void)
{
	int error;

	error = mbuf_init();
	if (error == 0)
		error = netisr_init();
	if (error == 0)
		error = vnet_init();
	return error;
}
