/* SPDX-License-Identifier: BSD-2-Clause */
/** @file uio.h
 * A transfer between the kernel and memory in pieces.
 */
#ifndef KERN_UIO_H
#define KERN_UIO_H

#include <kern/types.h>
#include <linux/uio.h>

struct proc;

enum uio_rw { UIO_READ, UIO_WRITE };	/* READ: the kernel gives */

struct uio {
	const struct iovec *uio_iov;	/**< the current piece */
	int uio_iovcnt;
	size_t uio_iovoff;		/**< bytes of the current piece done */
	size_t uio_resid;		/**< bytes to go */
	off_t uio_offset;		/**< in the file; moved by uiomove() */
	enum uio_rw uio_rw;
	struct proc *uio_proc;		/**< whose memory; NULL: the kernel's */
};

/**
 * Move n bytes (at most uio_resid) between kernel memory and the pieces.
 * @return EFAULT; what was moved before it counts.
 */
int uiomove(void *kaddr, size_t n, struct uio *uio);
/** Give n zero bytes to a UIO_READ. */
int uiomove_zero(size_t n, struct uio *uio);
/** Advance without copying. */
void uio_skip(struct uio *uio, size_t n);
/** A uio over one piece of kernel memory; iov is the caller's storage. */
void uio_kern(struct uio *uio, struct iovec *iov, enum uio_rw rw, void *buf,
    size_t n, off_t off);

/**
 * Copy in an array of iovecs and set up a uio over it.
 * Small arrays use the storage inside. Finish with uio_user_fini().
 *
 * @return EFAULT; EINVAL: cnt out of 0..UIO_MAXIOV, or the sum of the lengths
 *         does not fit ssize_t
 */
struct uio_user {
	struct uio uu_uio;
	struct iovec uu_small[8];
	struct iovec *uu_big;
	size_t uu_bigsize;
};
int uio_user_init(struct uio_user *uu, enum uio_rw rw, const struct iovec *iov,
    int cnt, off_t off);
/** The same over one buffer of the calling process. */
int uio_user_init1(struct uio_user *uu, enum uio_rw rw, void *buf, size_t n,
    off_t off);
void uio_user_fini(struct uio_user *uu);

#endif
