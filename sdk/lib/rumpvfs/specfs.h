/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What device nodes and FIFOs of any file system do once they are open.
 */
#ifndef RUMPVFS_SPECFS_H
#define RUMPVFS_SPECFS_H

#include <kern/file.h>
#include <kern/vnode.h>

int spec_init(void);
/** Open a VCHR or VBLK; takes over vp's reference on success. May block. */
int spec_open(struct vnode *vp, int flags, struct file **fpp);
/** fsync() of an open block device. */
int spec_fsync(struct file *fp);
/** The vnode that has the pages of an open block device. */
struct vnode *spec_vnode(struct file *fp);
/** Size of an open block device in bytes. */
uint64_t spec_size(struct file *fp);

/** Open a VFIFO; takes over vp's reference on success. May block. */
int fifo_open(struct vnode *vp, int flags, struct file **fpp);
/** The vnode goes: nobody has it open. */
void fifo_free(struct vnode *vp);

#endif
