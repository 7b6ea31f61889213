/* SPDX-License-Identifier: BSD-2-Clause */
/* What t_ifioctl asks its kernel half: the request as a socket would pass it. */
#ifndef K_IFIOCTL_H
#define K_IFIOCTL_H

int rumptest_ifioctl_setup(void);
int rumptest_ifioctl(unsigned long cmd, void *arg);

#endif
