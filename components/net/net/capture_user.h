/* SPDX-License-Identifier: BSD-2-Clause */
/* The host half of captures: where they are written. Returns 0 or an errno value. */
#ifndef CAPTURE_USER_H
#define CAPTURE_USER_H

#include <stddef.h>

/** Make, or cut, a file. */
int rumpcomp_net_capture_open(const char *path, int *fdp);
/** A descriptor of the application's, duplicated. */
int rumpcomp_net_capture_dup(int fd, int *fdp);
/** All of it; may block. */
int rumpcomp_net_capture_write(int fd, const void *buf, size_t n);
void rumpcomp_net_capture_close(int fd);

#endif
