/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Vectored I/O that is continued after a short transfer.  Instead of a copy of
 * the vector with its front cut off, what is left of a piece that was cut is
 * transferred alone, and the whole pieces after it next time.
 */
#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "posix.h"

_Static_assert(sizeof(struct rumpuser_iovec) == sizeof(struct iovec) &&
    offsetof(struct rumpuser_iovec, iov_len) == offsetof(struct iovec, iov_len),
    "the contract's iovec is the host's");

size_t
ruser_iov_len(const struct rumpuser_iovec *iov, int iovcnt)
{
	size_t len = 0;
	int i;

	for (i = 0; i < iovcnt; i++)
		len += iov[i].iov_len;
	return len;
}

int
ruser_iov_rest(const struct rumpuser_iovec *iov, int iovcnt, size_t done,
    struct iovec *rest)
{
	int i;

	for (i = 0; i < iovcnt && done >= iov[i].iov_len; i++)
		done -= iov[i].iov_len;
	rest->iov_len = 0;
	if (i < iovcnt && done > 0) {
		rest->iov_base = (char *)iov[i].iov_base + done;
		rest->iov_len = iov[i].iov_len - done;
	}
	return i;
}

ssize_t
ruser_rwv(enum ruser_rw rw, int fd, const struct rumpuser_iovec *iov,
    int iovcnt, int64_t off, size_t done)
{
	const struct iovec *v;
	struct iovec rest;
	int i, n;

	i = ruser_iov_rest(iov, iovcnt, done, &rest);
	v = &rest;
	n = 1;
	if (rest.iov_len == 0) {
		v = (const struct iovec *)&iov[i];
		n = iovcnt - i;
		if (n > RUMPUSER_IOV_MAX)
			n = RUMPUSER_IOV_MAX;
		if (n == 0)
			return 0;
	}
	if (off == RUMPUSER_OFF_STREAM)
		return rw == RUSER_WRITE ? writev(fd, v, n) : readv(fd, v, n);
	switch (rw) {
	case RUSER_READ:
		return preadv(fd, v, n, off + done);
	case RUSER_READ_NOWAIT:
		return preadv2(fd, v, n, off + done, RWF_NOWAIT);
	case RUSER_WRITE:
		return pwritev(fd, v, n, off + done);
	default:
		return pwritev2(fd, v, n, off + done, RWF_NOWAIT);
	}
}

static int
wait_ready(int fd, short events)
{
	struct pollfd pfd = { fd, events, 0 };

	return poll(&pfd, 1, -1) == -1 && errno != EINTR ? errno : 0;
}

static int
transfer(enum ruser_rw rw, int fd, const struct rumpuser_iovec *iov,
    int iovcnt, int64_t off, size_t *donep)
{
	size_t done = 0, total = ruser_iov_len(iov, iovcnt);
	ssize_t n;
	int error = 0;

	if (iovcnt < 0 || off < RUMPUSER_OFF_STREAM ||
	    (off >= 0 && total > (uint64_t)(INT64_MAX - off)))
		return EINVAL;
	while (done < total) {
		n = ruser_rwv(rw, fd, iov, iovcnt, off, done);
		if (n > 0) {
			done += n;
			if (off == RUMPUSER_OFF_STREAM)
				break;
		} else if (n == 0) {
			if (rw == RUSER_WRITE)
				error = EIO;
			break;
		} else if (errno == EAGAIN) {
			error = wait_ready(fd, rw == RUSER_WRITE ? POLLOUT :
			    POLLIN);
			if (error != 0)
				break;
		} else if (errno != EINTR) {
			error = errno;
			break;
		}
	}
	*donep = done;
	return error;
}

int
rumpuser_readv(int fd, const struct rumpuser_iovec *iov, int iovcnt,
    int64_t off, size_t *done)
{
	int error;

	if ((error = ruser_fault(RUMPUSER_FAULT_READ)) != 0) {
		*done = 0;
		return error;
	}
	return transfer(RUSER_READ, fd, iov, iovcnt, off, done);
}

int
rumpuser_writev(int fd, const struct rumpuser_iovec *iov, int iovcnt,
    int64_t off, size_t *done)
{
	int error;

	if ((error = ruser_fault(RUMPUSER_FAULT_WRITE)) != 0) {
		*done = 0;
		return error;
	}
	return transfer(RUSER_WRITE, fd, iov, iovcnt, off, done);
}
