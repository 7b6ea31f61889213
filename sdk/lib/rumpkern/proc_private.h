/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the core's files on processes, descriptors and signals share with each
 * other and with boot.
 */
#ifndef PROC_PRIVATE_H
#define PROC_PRIVATE_H

#include <kern/proc.h>

/* Boot calls them in this order. */
int proc_init(void);		/* process 0, process 1; before any lwp */
int file_init(void);		/* descriptors, files, pipes, epoll */
int signal_init(void);

#endif
