/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What poll, select and epoll share.
 */
#ifndef POLL_PRIVATE_H
#define POLL_PRIVATE_H

#include <kern/file.h>
#include <kern/time.h>

/* What a file that cannot be polled is always ready for. */
#define POLL_ALWAYS (POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM)

/* Which of the events, or POLLERR, POLLHUP, POLLNVAL, are there? */
int file_poll(struct file *fp, int events, struct pollent *pe);

/* fstat() of files that are no files: mode 0600, everything else 0. */
int anon_stat(struct file *fp, struct stat *st);
/*
 * A new file with a descriptor, for an object that is the caller's again on
 * failure. flags: O_CLOEXEC, O_NONBLOCK.
 */
int anon_install(const struct fileops *ops, void *data, int flags, long *rv);

/* Timeouts as deadlines; INT64_MIN: do not wait. uts NULL: forever. */
int timeout_copyin(const struct timespec *uts, nstime_t *deadlinep);
nstime_t timeout_ms(int ms);

#endif
