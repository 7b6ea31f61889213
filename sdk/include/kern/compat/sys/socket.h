/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Some of the kernel's exported headers (linux/if.h) ask the C library for
 * struct sockaddr. In the kernel namespace they get it from here.
 */
#include <kern/sockaddr.h>
