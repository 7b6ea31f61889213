/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Asynchronous block I/O: what io_uring and the thread pool have in common.
 *
 * A request goes through rumpuser_bio_submit() -> one of: done at once (bad,
 * empty, or a small read that the host has in its cache); io_uring; the pool
 * -> ruser_bio_done() -> rb_done.
 *
 * A read from the host's cache costs less than handing it to anybody, hence
 * the attempt at it on the spot, which does not sleep (RWF_NOWAIT).  It also
 * runs in parallel with others', where a ring is one at a time.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "posix.h"

#define INLINE_MAX	((size_t)64 << 10)	/* bytes */

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

/* Is that all of it, or the end of the file? */
static bool
read_cached(struct rumpuser_bio *rb)
{
	ssize_t n;

	while (rb_xfer(rb) < rb_total(rb)) {
		n = ruser_rwv(RUSER_READ_NOWAIT, rb->rb_fd, rb->rb_iov,
		    rb->rb_iovcnt, rb->rb_off, rb_xfer(rb));
		if (n == 0)
			break;
		if (n < 0)
			return false;
		rb_xfer(rb) += n;
	}
	return true;
}

static bool
done_at_once(struct rumpuser_bio *rb, int *errorp)
{

	if ((*errorp = prepare(rb)) != 0)
		return true;
	if (rb->rb_op == RUMPUSER_BIO_SYNC)
		return false;
	if (rb_total(rb) == 0)
		return true;
	return rb->rb_op == RUMPUSER_BIO_READ && rb_total(rb) <= INLINE_MAX &&
	    read_cached(rb);
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
