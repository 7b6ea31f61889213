/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of the POSIX platform share.  Names that cross files start
 * with ruser_: the shared library does not show them, and in the static one
 * they meet no one else's.
 */
#ifndef POSIX_H
#define POSIX_H

#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <rump/rumpuser.h>
#include <rump/rumpuser_fault.h>

#define NSEC_PER_SEC	INT64_C(1000000000)
#define likely(x)	__builtin_expect(!!(x), 1)
#define unlikely(x)	__builtin_expect(!!(x), 0)

/* init.c */
extern const struct rumpuser_upcalls *ruser_up;

/* console.c: one line on the console, with the platform's name before it */
void ruser_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* param.c: a number from the environment; EINVAL, and a line about it, when
 * it is no number.  The result is untouched when the parameter is not set. */
int ruser_param_u64(const char *name, uint64_t *valp);

/* random.c */
int ruser_random_init(void);

/* fault.c */
extern _Atomic uint32_t ruser_fault_armed;	/* a bit for every kind */
int ruser_fault_init(void);
int ruser_fault_check(enum rumpuser_fault kind);

/* The error that this call shall fail with, or 0. */
static inline int
ruser_fault(enum rumpuser_fault kind)
{
	if (likely(atomic_load_explicit(&ruser_fault_armed,
	    memory_order_relaxed) == 0))
		return 0;
	return ruser_fault_check(kind);
}

/*
 * thread.c.  A thread of the platform's own (no upcall, not counted by the
 * virtual clock, detached).
 */
int ruser_thread_spawn(void (*fn)(void), const char *name);
bool ruser_thread_counted(void);
int ruser_thread_init(void);

/* park.c: futex(2); deadline on CLOCK_MONOTONIC.  0 or an errno. */
int ruser_futex_wait(const uint32_t *word, uint32_t expected, int64_t deadline);
void ruser_futex_wake(const uint32_t *word, uint32_t n);

/* clock.c */
int64_t ruser_mono(void);

/*
 * vclock.c: the virtual clock.  The functions may be called only if
 * ruser_virtual; that changes once, in rumpuser_init().
 *
 * hold and rele bracket whatever keeps the automatic clock from jumping: a
 * thread that runs, a block I/O under way.
 */
extern bool ruser_virtual;
int ruser_vclock_init(void);
int64_t ruser_vclock_read(void);
int64_t ruser_vclock_start(void);
int ruser_vclock_park(const uint32_t *, uint32_t, int64_t);
void ruser_vclock_unpark(const uint32_t *, uint32_t);
void ruser_vclock_advance(int64_t);
void ruser_vclock_hold(unsigned);
void ruser_vclock_rele(unsigned);

/*
 * rwv.c: positioned vectored I/O that knows how far it has come.  One call of
 * the host, at most; nothing left to do is 0 bytes.
 */
enum ruser_rw {
	RUSER_READ, RUSER_READ_NOWAIT, RUSER_WRITE, RUSER_WRITE_NOWAIT
};
ssize_t ruser_rwv(enum ruser_rw, int fd, const struct rumpuser_iovec *iov,
    int iovcnt, int64_t off, size_t done);
size_t ruser_iov_len(const struct rumpuser_iovec *iov, int iovcnt);
/* What is left after done bytes: whole pieces from the one returned on, or, if
 * it is not used up, the rest of one piece in *rest. */
int ruser_iov_rest(const struct rumpuser_iovec *iov, int iovcnt, size_t done,
    struct iovec *rest);

/*
 * bio.c, bio_*.c.  The platform's words in a request: how many bytes have been
 * transferred, what to transfer, and the error.
 */
#define rb_xfer(rb)	((rb)->rb_priv[0])
#define rb_total(rb)	((rb)->rb_priv[1])
#define rb_error(rb)	((rb)->rb_priv[2])

struct ruser_bioq {
	struct rumpuser_bio *bq_head;
	struct rumpuser_bio **bq_tail;
};
#define RUSER_BIOQ_INIT(q) { NULL, &(q).bq_head }

static inline void
ruser_bioq_put(struct ruser_bioq *q, struct rumpuser_bio *rb)
{
	rb->rb_next = NULL;
	*q->bq_tail = rb;
	q->bq_tail = &rb->rb_next;
}

static inline struct rumpuser_bio *
ruser_bioq_get(struct ruser_bioq *q)
{
	struct rumpuser_bio *rb = q->bq_head;

	if (rb != NULL && (q->bq_head = rb->rb_next) == NULL)
		q->bq_tail = &q->bq_head;
	return rb;
}

/* Hand a request back; rb_xfer and the error are set. */
void ruser_bio_done(struct rumpuser_bio *rb, int error);

/* The thread pool; it takes every kind of request. */
void ruser_pool_submit(struct ruser_bioq *q);

/* io_uring, for READ, WRITE and SYNC. */
int ruser_bio_check_param(void);
int ruser_uring_init(void);
void ruser_uring_submit(struct ruser_bioq *q);
int ruser_uring_wait(const uint32_t *, uint32_t, int64_t);
extern _Atomic uint32_t ruser_uring_waiters;
void ruser_uring_unpark(const uint32_t *);

/* bio_range.c: DISCARD and ZERO. */
int ruser_range_discard(int fd, uint64_t off, uint64_t len);
int ruser_range_zero(int fd, uint64_t off, uint64_t len);

/* sp_url.c: a URL's socket address. */
int ruser_sp_parse(const char *url, struct sockaddr_storage *ss,
    socklen_t *lenp);

#endif
