/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading and writing through descriptors.
 *
 * read(2), readv(2), pread(2), preadv2(2), lseek(2).
 */
#include <kern/file.h>
#include <kern/syscall.h>

#include <linux/fs.h>

#include "sysproto.h"

#define RWF_KNOWN (RWF_HIPRI | RWF_DSYNC | RWF_SYNC | RWF_NOWAIT | RWF_APPEND)

static int
transfer(struct file *fp, struct uio *uio, off_t *offp, int flags)
{
	return uio->uio_rw == UIO_READ ?
	    fp->f_ops->fo_read(fp, offp, uio, flags) :
	    fp->f_ops->fo_write(fp, offp, uio, flags);
}

/* No transfer may reach beyond the largest offset, whatever it would do. */
static inline bool
offset_overflows(const struct uio *uio)
{
	return __unlikely(uio->uio_resid >
	    (uint64_t)INT64_MAX - (uint64_t)uio->uio_offset);
}

/* At the file's offset, which other threads with the file wait for. */
static int
transfer_seq(struct file *fp, struct uio *uio, int flags)
{
	off_t zero = 0;
	int error;

	if (fp->f_ops->fo_seek == NULL)
		return transfer(fp, uio, &zero, flags);
	mutex_enter(&fp->f_offlock);
	uio->uio_offset = fp->f_offset;
	error = offset_overflows(uio) ? EINVAL :
	    transfer(fp, uio, &fp->f_offset, flags);
	mutex_exit(&fp->f_offlock);
	return error;
}

/*
 * offp NULL: at the file's offset. What was transferred counts, whatever came
 * after it.
 */
static inline int
file_transfer(struct file *fp, struct uio *uio, const off_t *offp, int flags,
    long *rv)
{
	size_t resid = uio->uio_resid;
	off_t off;
	int error;

	if (offp == NULL) {
		error = transfer_seq(fp, uio, flags);
	} else {
		uio->uio_offset = off = *offp;
		error = offset_overflows(uio) ? EINVAL :
		    transfer(fp, uio, &off, flags);
	}
	resid -= uio->uio_resid;
	if (error != 0 && resid == 0)
		return error;
	*rv = (long)resid;
	return 0;
}

/* The file for a transfer, and whether it can do it. */
static inline int
rw_get(int fd, enum uio_rw rw, const off_t *offp, struct file **fpp)
{
	struct file *fp;
	int error;

	if (offp != NULL && *offp < 0)
		return EINVAL;
	error = rw == UIO_READ ? fd_get_read(fd, &fp) :
	    fd_get_write(fd, &fp);
	if (error != 0)
		return error;
	if (__unlikely(rw == UIO_READ ? fp->f_ops->fo_read == NULL :
	    fp->f_ops->fo_write == NULL))
		error = EINVAL;
	else if (__unlikely(offp != NULL && fp->f_ops->fo_seek == NULL))
		error = ESPIPE;
	if (error != 0) {
		fd_put(fp);
		return error;
	}
	*fpp = fp;
	return 0;
}

static inline int
rw_one(int fd, enum uio_rw rw, void *buf, size_t n, const off_t *offp,
    long *rv)
{
	struct uio_user uu;
	struct file *fp;
	int error;

	error = rw_get(fd, rw, offp, &fp);
	if (error != 0)
		return error;
	error = uio_user_init1(&uu, rw, buf, n, 0);
	if (error == 0)
		error = file_transfer(fp, &uu.uu_uio, offp, 0, rv);
	fd_put(fp);
	return error;
}

static int
rw_many(int fd, enum uio_rw rw, const struct iovec *iov, int iovcnt,
    const off_t *offp, int flags, long *rv)
{
	struct uio_user uu;
	struct file *fp;
	int error;

	error = rw_get(fd, rw, offp, &fp);
	if (error != 0)
		return error;
	error = uio_user_init(&uu, rw, iov, iovcnt, 0);
	if (error == 0) {
		error = file_transfer(fp, &uu.uu_uio, offp, flags, rv);
		uio_user_fini(&uu);
	}
	fd_put(fp);
	return error;
}

int
sys_read(int fd, void *buf, size_t count, long *rv)
{
	return rw_one(fd, UIO_READ, buf, count, NULL, rv);
}

int
sys_write(int fd, const void *buf, size_t count, long *rv)
{
	return rw_one(fd, UIO_WRITE, (void *)buf, count, NULL, rv);
}

int
sys_pread(int fd, void *buf, size_t count, off_t offset, long *rv)
{
	return rw_one(fd, UIO_READ, buf, count, &offset, rv);
}

int
sys_pwrite(int fd, const void *buf, size_t count, off_t offset, long *rv)
{
	return rw_one(fd, UIO_WRITE, (void *)buf, count, &offset, rv);
}

int
sys_readv(int fd, const struct iovec *iov, int iovcnt, long *rv)
{
	return rw_many(fd, UIO_READ, iov, iovcnt, NULL, 0, rv);
}

int
sys_writev(int fd, const struct iovec *iov, int iovcnt, long *rv)
{
	return rw_many(fd, UIO_WRITE, iov, iovcnt, NULL, 0, rv);
}

int
sys_preadv(int fd, const struct iovec *iov, int iovcnt, off_t offset,
    long *rv)
{
	return rw_many(fd, UIO_READ, iov, iovcnt, &offset, 0, rv);
}

int
sys_pwritev(int fd, const struct iovec *iov, int iovcnt, off_t offset,
    long *rv)
{
	return rw_many(fd, UIO_WRITE, iov, iovcnt, &offset, 0, rv);
}

int
sys_preadv2(int fd, const struct iovec *iov, int iovcnt, off_t offset,
    int flags, long *rv)
{
	if ((flags & ~RWF_KNOWN) != 0 || (flags & RWF_APPEND) != 0)
		return EOPNOTSUPP;
	return rw_many(fd, UIO_READ, iov, iovcnt, offset == -1 ? NULL :
	    &offset, flags, rv);
}

int
sys_pwritev2(int fd, const struct iovec *iov, int iovcnt, off_t offset,
    int flags, long *rv)
{
	if ((flags & ~RWF_KNOWN) != 0)
		return EOPNOTSUPP;
	return rw_many(fd, UIO_WRITE, iov, iovcnt, offset == -1 ? NULL :
	    &offset, flags, rv);
}

/* Linux lets lseek() succeed on what has no position, but for streams. */
static int
seek_nowhere(const struct file *fp)
{
	switch (fp->f_ops->fo_type) {
	case FT_EPOLL:
	case FT_EVENTFD:
	case FT_TIMERFD:
	case FT_SIGNALFD:
		return 0;
	default:
		return ESPIPE;
	}
}

int
sys_lseek(int fd, off_t offset, int whence, long *rv)
{
	struct file *fp;
	off_t new;
	int error;

	error = fd_get(fd, &fp);
	if (error != 0)
		return error;
	if ((atomic_load_explicit(&fp->f_flags, memory_order_relaxed) &
	    O_PATH) != 0) {
		error = EBADF;
	} else if (whence < SEEK_SET || whence > SEEK_MAX) {
		error = EINVAL;
	} else if (fp->f_ops->fo_seek == NULL) {
		error = seek_nowhere(fp);
	} else {
		mutex_enter(&fp->f_offlock);
		error = fp->f_ops->fo_seek(fp, offset, whence, &new);
		if (error == 0)
			*rv = fp->f_offset = new;
		mutex_exit(&fp->f_offlock);
	}
	fd_put(fp);
	return error;
}
