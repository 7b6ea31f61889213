/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * O_ASYNC and its owner: fasync.c.
 */
#ifndef FASYNC_H
#define FASYNC_H

#include <kern/file.h>

/* Signal that it is ready, or no longer. @return ENOTTY: it never does */
int fasync_set(struct file *fp, int fd, bool on);
/* F_SETOWN, F_GETOWN, F_SETSIG, F_GETSIG, and their kin. */
int fasync_fcntl(struct file *fp, int cmd, void *arg, long *rv);
/* The last reference to a file with f_async is gone. */
void fasync_file_gone(struct file *fp);

#endif
