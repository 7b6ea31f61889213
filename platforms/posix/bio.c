/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Asynchronous block I/O: what io_uring and the thread pool have in common.
 *
 * A request goes through rumpuser_bio_submit() -> one of: done at once (bad,
 * empty, or nothing but a copy from or to the host's cache); io_uring; the
 * pool -> ruser_bio_done() -> rb_done.
 *
 * Files are not opened for direct I/O, so most reads and writes are copies.  A
 * copy costs less than waking another thread to make it, hence the attempt on
 * the spot:
 * - a read of what is cached, and a write where the host offers it, must not
 *   sleep (RWF_NOWAIT);
 * - many host file systems do not offer that for writes.  There a write of
 *   whole pages is done anyway: it needs nothing from the disk, and sleeps only
 *   when the host holds back all writers because too much is dirty, which is
 *   what a full queue is.  Not in a callback, though, which must not sleep.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "posix.h"

#define INLINE_MAX	((size_t)1 << 20)	/* bytes */
#define HOST_PAGE	4096

static pthread_once_t backend_once = PTHREAD_ONCE_INIT;
static bool use_uring;
static int backend_error;

/*
 * Requests whose callbacks wait for the one that is running on this thread to
 * return, so that a callback that submits does not nest.
 */
static __thread struct ruser_bioq *finished;

static void
backend_choose(void)
{
	const char *s = getenv("RUMP_BIO");
	int error;

	if (s != NULL && strcmp(s, "threads") == 0)
		return;
	error = ruser_uring_init();
	use_uring = error == 0;
	if (s != NULL && strcmp(s, "uring") == 0 && error != 0) {
		ruser_warn("RUMP_BIO=uring, but the host refuses io_uring: %s",
		    strerror(error));
		backend_error = error;
	}
}

int
ruser_bio_check_param(void)
{
	const char *s = getenv("RUMP_BIO");

	if (s == NULL || strcmp(s, "threads") == 0 || strcmp(s, "uring") == 0)
		return 0;
	ruser_warn("RUMP_BIO=%s: neither uring nor threads", s);
	return EINVAL;
}

static void
call_back(struct rumpuser_bio *rb)
{

	rb->rb_done(rb, rb_xfer(rb), rb_error(rb));
	if (unlikely(ruser_virtual))
		ruser_vclock_rele(1);
}

void
ruser_bio_done(struct rumpuser_bio *rb, int error)
{
	struct ruser_bioq q = RUSER_BIOQ_INIT(q);

	rb_error(rb) = error;
	if (finished != NULL) {
		ruser_bioq_put(finished, rb);
		return;
	}
	finished = &q;
	do {
		call_back(rb);
	} while ((rb = ruser_bioq_get(&q)) != NULL);
	finished = NULL;
}

/* Check a request and find out how much there is to do. */
static int
prepare(struct rumpuser_bio *rb)
{

	rb_xfer(rb) = 0;
	rb_total(rb) = 0;
	switch (rb->rb_op) {
	case RUMPUSER_BIO_READ:
	case RUMPUSER_BIO_WRITE:
		if (rb->rb_iovcnt < 1 || rb->rb_iovcnt > RUMPUSER_IOV_MAX)
			return EINVAL;
		rb_total(rb) = ruser_iov_len(rb->rb_iov, rb->rb_iovcnt);
		break;
	case RUMPUSER_BIO_DISCARD:
	case RUMPUSER_BIO_ZERO:
		rb_total(rb) = rb->rb_len;
		break;
	case RUMPUSER_BIO_SYNC:
		return ruser_fault(RUMPUSER_FAULT_SYNC);
	default:
		return EINVAL;
	}
	if (rb->rb_off > INT64_MAX || rb_total(rb) > INT64_MAX - rb->rb_off)
		return EINVAL;
	return ruser_fault(rb->rb_op == RUMPUSER_BIO_READ ?
	    RUMPUSER_FAULT_READ : RUMPUSER_FAULT_WRITE);
}

static bool
whole_pages(const struct rumpuser_bio *rb)
{

	return ((rb->rb_off | rb_total(rb)) & (HOST_PAGE - 1)) == 0;
}

/* Did we come to the end, or to an error? */
static bool
copy(struct rumpuser_bio *rb, int *errorp)
{
	enum ruser_rw rw = RUSER_READ_NOWAIT;
	ssize_t n;

	if (rb->rb_op == RUMPUSER_BIO_WRITE)
		rw = whole_pages(rb) && finished == NULL ? RUSER_WRITE :
		    RUSER_WRITE_NOWAIT;
	while (rb_xfer(rb) < rb_total(rb)) {
		n = ruser_rwv(rw, rb->rb_fd, rb->rb_iov, rb->rb_iovcnt,
		    rb->rb_off, rb_xfer(rb));
		if (n > 0) {
			rb_xfer(rb) += n;
		} else if (n < 0) {
			if (rw != RUSER_WRITE || errno == EINTR ||
			    errno == EAGAIN)
				return false;
			*errorp = errno;
			return true;
		} else {
			*errorp = rb->rb_op == RUMPUSER_BIO_WRITE ? EIO : 0;
			return true;
		}
	}
	return true;
}

static bool
done_at_once(struct rumpuser_bio *rb, int *errorp)
{

	if ((*errorp = prepare(rb)) != 0)
		return true;
	switch (rb->rb_op) {
	case RUMPUSER_BIO_READ:
	case RUMPUSER_BIO_WRITE:
		return rb_total(rb) == 0 ||
		    (rb_total(rb) <= INLINE_MAX && copy(rb, errorp));
	case RUMPUSER_BIO_SYNC:
		return false;
	default:
		return rb_total(rb) == 0;
	}
}

void
rumpuser_bio_submit(struct rumpuser_bio *const *rbs, int n)
{
	struct ruser_bioq done = RUSER_BIOQ_INIT(done);
	struct ruser_bioq pool = RUSER_BIOQ_INIT(pool);
	struct ruser_bioq uring = RUSER_BIOQ_INIT(uring);
	struct rumpuser_bio *rb;
	int i, error;

	pthread_once(&backend_once, backend_choose);
	if (unlikely(ruser_virtual))
		ruser_vclock_hold(n);
	for (i = 0; i < n; i++) {
		rb = rbs[i];
		if (done_at_once(rb, &error) || (error = backend_error) != 0) {
			rb_error(rb) = error;
			ruser_bioq_put(&done, rb);
		} else if (use_uring && rb->rb_op != RUMPUSER_BIO_DISCARD &&
		    rb->rb_op != RUMPUSER_BIO_ZERO) {
			ruser_bioq_put(&uring, rb);
		} else {
			ruser_bioq_put(&pool, rb);
		}
	}
	if (uring.bq_head != NULL)
		ruser_uring_submit(&uring);
	if (pool.bq_head != NULL)
		ruser_pool_submit(&pool);
	while ((rb = ruser_bioq_get(&done)) != NULL)
		ruser_bio_done(rb, rb_error(rb));
}

int
rumpuser_bio_wait(const uint32_t *word, uint32_t expected, int64_t deadline)
{

	if (use_uring && !ruser_virtual)
		return ruser_uring_wait(word, expected, deadline);
	return rumpuser_park(word, expected, deadline);
}
