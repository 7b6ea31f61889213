/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Block I/O by a pool of threads that make blocking calls: for hosts that
 * refuse io_uring, and for the requests that it does not take.
 *
 * Threads are started when there is more in the queue than there are idle
 * ones, and stay; an idle one sleeps.
 */
#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#include "posix.h"

#define WORKERS_MAX	16

static pthread_mutex_t pool_mtx = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t pool_cond = PTHREAD_COND_INITIALIZER;
/* All under pool_mtx. */
static struct ruser_bioq queue = RUSER_BIOQ_INIT(queue);
static unsigned queued, workers, idle;

static int
transfer(enum ruser_rw rw, struct rumpuser_bio *rb)
{
	ssize_t n;

	while (rb_xfer(rb) < rb_total(rb)) {
		n = ruser_rwv(rw, rb->rb_fd, rb->rb_iov, rb->rb_iovcnt,
		    rb->rb_off, rb_xfer(rb));
		if (n > 0)
			rb_xfer(rb) += n;
		else if (n == 0)
			return rw == RUSER_WRITE ? EIO : 0;
		else if (errno != EINTR && errno != EAGAIN)
			return errno;
	}
	return 0;
}

static int
sync_data(int fd)
{

	while (fdatasync(fd) != 0)
		if (errno != EINTR)
			return errno;
	return 0;
}

static void
perform(struct rumpuser_bio *rb)
{
	int error = 0;

	switch (rb->rb_op) {
	case RUMPUSER_BIO_READ:
		error = transfer(RUSER_READ, rb);
		break;
	case RUMPUSER_BIO_WRITE:
		error = transfer(RUSER_WRITE, rb);
		break;
	case RUMPUSER_BIO_SYNC:
		error = sync_data(rb->rb_fd);
		break;
	case RUMPUSER_BIO_DISCARD:
		error = ruser_range_discard(rb->rb_fd, rb->rb_off, rb->rb_len);
		rb_xfer(rb) = error == 0 ? rb->rb_len : 0;
		break;
	case RUMPUSER_BIO_ZERO:
		error = ruser_range_zero(rb->rb_fd, rb->rb_off, rb->rb_len);
		rb_xfer(rb) = error == 0 ? rb->rb_len : 0;
		break;
	}
	ruser_bio_done(rb, error);
}

static void
worker(void)
{
	struct rumpuser_bio *rb;

	pthread_mutex_lock(&pool_mtx);
	for (;;) {
		while ((rb = ruser_bioq_get(&queue)) == NULL) {
			idle++;
			pthread_cond_wait(&pool_cond, &pool_mtx);
			idle--;
		}
		queued--;
		pthread_mutex_unlock(&pool_mtx);
		perform(rb);
		pthread_mutex_lock(&pool_mtx);
	}
}

void
ruser_pool_submit(struct ruser_bioq *q)
{
	struct rumpuser_bio *rb;

	pthread_mutex_lock(&pool_mtx);
	while ((rb = ruser_bioq_get(q)) != NULL) {
		ruser_bioq_put(&queue, rb);
		queued++;
		if (queued <= idle)
			pthread_cond_signal(&pool_cond);
		else if (workers < WORKERS_MAX &&
		    ruser_thread_spawn(worker, "rumpbio") == 0)
			workers++;
	}
	/* A host that gives us no thread at all makes the caller do it. */
	while (workers == 0 && (rb = ruser_bioq_get(&queue)) != NULL) {
		queued--;
		pthread_mutex_unlock(&pool_mtx);
		perform(rb);
		pthread_mutex_lock(&pool_mtx);
	}
	pthread_mutex_unlock(&pool_mtx);
}
