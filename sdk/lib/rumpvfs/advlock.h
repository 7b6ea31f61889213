/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Advisory locks on files: fcntl(2)'s record locks, those of open file
 * descriptions, flock(2).
 */
#ifndef RUMPVFS_ADVLOCK_H
#define RUMPVFS_ADVLOCK_H

#include <kern/file.h>
#include <kern/vnode.h>

void advlock_init(void);
/** F_GETLK, F_SETLK, F_SETLKW, F_OFD_*. @return EINVAL for other commands */
int advlock_fcntl(struct file *fp, int cmd, void *uarg);
int advlock_flock(struct file *fp, int op);
/** A process closed a descriptor of the file: its record locks go. */
void advlock_closefd(struct vnode *vp, struct proc *p);
/** An open file description goes, and its locks with it. */
void advlock_close(struct file *fp);
/** The vnode is freed: nobody has it open. */
void advlock_free(struct vnode *vp);

#endif
