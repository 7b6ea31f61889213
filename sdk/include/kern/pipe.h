/* SPDX-License-Identifier: BSD-2-Clause */
/** @file pipe.h
 * The pipe behind pipe(2), for others that are one (FIFOs).
 *
 * A pipe has a reading and a writing end, open or not. The functions of files
 * expect the pipe in f_data.
 */
#ifndef KERN_PIPE_H
#define KERN_PIPE_H

#include <kern/file.h>

struct pipe;

/** Both ends closed. NULL: no memory */
struct pipe *pipe_create(void);
/** Both ends are closed. */
void pipe_destroy(struct pipe *pi);
/**
 * Open or close an end, waking who waits for that. The caller counts those
 * that have it open. @return close: is the other end closed too?
 */
void pipe_open_end(struct pipe *pi, bool writing);
bool pipe_close_end(struct pipe *pi, bool writing);

int pipe_read(struct file *fp, off_t *offp, struct uio *uio, int flags);
int pipe_write(struct file *fp, off_t *offp, struct uio *uio, int flags);
int pipe_rpoll(struct file *fp, int events, struct pollent *pe);
int pipe_wpoll(struct file *fp, int events, struct pollent *pe);
int pipe_ioctl(struct file *fp, unsigned long cmd, void *arg);
int pipe_fcntl(struct file *fp, int cmd, void *arg, long *rv);

#endif
