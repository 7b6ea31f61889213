/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The faction net comes up.
 */
#include <kern/mbuf.h>
#include <kern/syscall.h>

#include "rumpnet.h"

int rumpnet_init(void);
extern struct syscall_group syscalls_net;

int
rumpnet_init(void)
{
	int error;

	error = mbuf_init();
	if (error == 0)
		error = netisr_init();
	if (error == 0)
		error = vnet_init();
	if (error == 0)
		error = socket_init();
	if (error == 0)
		error = sock_zc_init();
	if (error == 0)
		syscall_register(&syscalls_net);
	return error;
}
