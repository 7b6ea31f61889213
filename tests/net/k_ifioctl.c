/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Kernel half of t_ifioctl.
 */
#include "k_ifioctl.h"
#include "k_testif.h"

int
rumptest_ifioctl_setup(void)
{
	return testif_register();
}

int
rumptest_ifioctl(unsigned long cmd, void *arg)
{
	return if_ioctl(curvnet(), cmd, arg);
}
