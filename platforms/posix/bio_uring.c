/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Block I/O through one io_uring.
 *
 * Submission: any thread, under sq_mtx; a batch is one system call.
 *
 * Completion: the ring has at most one owner, who alone takes completions
 * from it, and who may sleep in it.  An owner is a thread in
 * rumpuser_bio_wait(), or else the platform's own thread, the reaper:
 *
 * - A thread that waits becomes the owner if there is none.  When it leaves
 *   with requests still under way, it makes another waiting thread the owner.
 * - A thread that submits and usually waits at once (most do: a read that
 *   somebody needs) leaves the ring without an owner for this short time; one
 *   that does not makes the reaper the owner.
 * - So that nothing is stranded when such a guess was wrong, the reaper lurks:
 *   while anything is under way it looks every LURK_NS whether the ring has had
 *   no owner since, and then takes it.  When nothing was under way for a
 *   while, it sleeps until it is called: an idle process uses no CPU.
 *
 * A waiting thread that is not the owner sleeps on its struct waiter, not on
 * the caller's word, so that it can be made the owner; rumpuser_unpark() finds
 * it by the word.  An owner asleep in the ring is woken by an empty request.
 *
 * Lock order: own_mtx, then sq_mtx.  Callbacks run without any.
 */
#include <sys/queue.h>

#include <errno.h>
#include <liburing.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>

#include "posix.h"

#define SQ_ENTRIES	128
#define CQ_ENTRIES	2048
#define ONE_MAX		(UINT32_C(1) << 30)	/* bytes of a simple request */
#define READ_ELSEWHERE	((size_t)128 << 10) /* bytes */
#define LURK_NS		INT64_C(500000)
#define LURK_ROUNDS	20
#define REAP_MAX	64

/*
 * The host did not want to do it without sleeping.  Stored last when a request
 * goes into the ring, and loaded first when it comes out: that orders what we
 * did to it before what we do then in the language's terms, too, which know
 * nothing of the ring.
 */
#define rb_refused(rb)	((rb)->rb_priv[3])

struct waiter {
	TAILQ_ENTRY(waiter) w_link;
	const uint32_t *w_word;
	uint32_t w_wake;		/* a futex: look again */
	bool w_in_ring;
};

static struct io_uring ring;
static pthread_mutex_t sq_mtx = PTHREAD_MUTEX_INITIALIZER;
/* Started and not completed; the kicks are not counted. */
static _Atomic uint32_t under_way;
/* Requests that exceed what the completion queue holds; under sq_mtx. */
static struct ruser_bioq backlog = RUSER_BIOQ_INIT(backlog);
static uint32_t started;

/* All of this under own_mtx; the count is read without. */
static pthread_mutex_t own_mtx = PTHREAD_MUTEX_INITIALIZER;
static TAILQ_HEAD(, waiter) waiters = TAILQ_HEAD_INITIALIZER(waiters);
_Atomic uint32_t ruser_uring_waiters;
static struct waiter reaper, *owner;
static uint64_t owners;			/* how many there have been */
static bool reaper_wanted;
static enum { REAPER_NONE, REAPER_ASLEEP, REAPER_AWAKE } reaper_state;

/* Does this thread wait for what it submits? */
static __thread bool usually_waits, submitted;

static void reaper_main(void);

int
ruser_uring_init(void)
{
	struct io_uring_params p = {
		.flags = IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP,
		.cq_entries = CQ_ENTRIES,
	};
	int error;

	if ((error = -io_uring_queue_init_params(SQ_ENTRIES, &ring, &p)) != 0)
		return error;
	/* Came with IORING_OP_READ and IORING_OP_WRITE (Linux 5.6). */
	if ((p.features & IORING_FEAT_RW_CUR_POS) == 0) {
		io_uring_queue_exit(&ring);
		return ENOSYS;
	}
	io_uring_ring_dontfork(&ring);
	if ((error = ruser_thread_spawn(reaper_main, "rumpuring")) != 0) {
		io_uring_queue_exit(&ring);
		return error;
	}
	return 0;
}

/* ---- Submission ------------------------------------------------------- */

static void
flush_locked(void)
{

	while (io_uring_sq_ready(&ring) != 0 && io_uring_submit(&ring) < 0)
		sched_yield();		/* short of memory, or a signal */
}

static struct io_uring_sqe *
get_sqe_locked(void)
{
	struct io_uring_sqe *sqe;

	while ((sqe = io_uring_get_sqe(&ring)) == NULL)
		flush_locked();
	return sqe;
}

/* One submission queue entry for what is left of a request. */
static void
queue_locked(struct rumpuser_bio *rb)
{
	struct io_uring_sqe *sqe = get_sqe_locked();
	uint64_t off = rb->rb_off + rb_xfer(rb);
	bool read = rb->rb_op == RUMPUSER_BIO_READ;
	bool refused = rb_refused(rb);
	const struct iovec *v;
	struct iovec rest;
	int i, n;

	if (rb->rb_op == RUMPUSER_BIO_SYNC) {
		io_uring_prep_fsync(sqe, rb->rb_fd, IORING_FSYNC_DATASYNC);
		v = &rest;
		n = 0;
		goto out;
	}
	i = ruser_iov_rest(rb->rb_iov, rb->rb_iovcnt, rb_xfer(rb), &rest);
	v = &rest;
	n = 1;
	if (rest.iov_len == 0) {
		v = (const struct iovec *)&rb->rb_iov[i];
		n = rb->rb_iovcnt - i;
	}
	if (n == 1 && read)
		io_uring_prep_read(sqe, rb->rb_fd, v->iov_base,
		    v->iov_len < ONE_MAX ? v->iov_len : ONE_MAX, off);
	else if (n == 1)
		io_uring_prep_write(sqe, rb->rb_fd, v->iov_base,
		    v->iov_len < ONE_MAX ? v->iov_len : ONE_MAX, off);
	else if (read)
		io_uring_prep_readv(sqe, rb->rb_fd, v, n, off);
	else
		io_uring_prep_writev(sqe, rb->rb_fd, v, n, off);
out:
	/*
	 * Where the host has the data at hand, the ring copies it while we
	 * submit. That is right for a page, but read-ahead is asked for to
	 * have it done by another CPU.
	 */
	if (refused || (read && v->iov_len * (size_t)n >= READ_ELSEWHERE))
		sqe->flags |= IOSQE_ASYNC;
	io_uring_sqe_set_data(sqe, rb);
	__atomic_store_n(&rb_refused(rb), refused, __ATOMIC_RELEASE);
}

static void
start_locked(struct rumpuser_bio *rb)
{

	if (started < CQ_ENTRIES / 2) {
		started++;
		queue_locked(rb);
	} else {
		ruser_bioq_put(&backlog, rb);
	}
}

static void
kick_ring(void)
{
	struct io_uring_sqe *sqe;

	pthread_mutex_lock(&sq_mtx);
	sqe = get_sqe_locked();
	io_uring_prep_nop(sqe);
	io_uring_sqe_set_data(sqe, NULL);
	flush_locked();
	pthread_mutex_unlock(&sq_mtx);
}

static void
call_reaper_locked(bool wanted)
{

	reaper_wanted |= wanted;
	if (reaper_state == REAPER_ASLEEP || wanted) {
		reaper_state = REAPER_AWAKE;
		__atomic_store_n(&reaper.w_wake, 1, __ATOMIC_RELEASE);
		ruser_futex_wake(&reaper.w_wake, 1);
	}
}

void
ruser_uring_submit(struct ruser_bioq *q)
{
	struct rumpuser_bio *rb;
	uint32_t n = 0;

	for (rb = q->bq_head; rb != NULL; rb = rb->rb_next)
		n++;
	atomic_fetch_add(&under_way, n);
	pthread_mutex_lock(&sq_mtx);
	while ((rb = ruser_bioq_get(q)) != NULL) {
		rb_refused(rb) = false;
		start_locked(rb);
	}
	flush_locked();
	pthread_mutex_unlock(&sq_mtx);

	if (submitted)
		usually_waits = false;
	submitted = true;
	pthread_mutex_lock(&own_mtx);
	if (owner == NULL && atomic_load(&under_way) != 0)
		call_reaper_locked(!usually_waits || ruser_virtual);
	pthread_mutex_unlock(&own_mtx);
}

/* ---- Completion ------------------------------------------------------- */

enum outcome { DONE, AGAIN, BLOCKING };

/*
 * The result of one try, and what follows from it.
 *
 * A thread that ends takes what the host's kernel does for it along.  Where
 * that says ECANCELED or EINTR, we start it anew; where it says EFAULT, a
 * blocking call tells whether that is meant.
 */
static enum outcome
complete(struct rumpuser_bio *rb, int res)
{

	rb_error(rb) = 0;
	rb_refused(rb) = res == -EAGAIN;
	if (res == -EINTR || res == -EAGAIN || res == -ECANCELED)
		return AGAIN;
	if (res == -EFAULT)
		return BLOCKING;
	if (res < 0) {
		rb_error(rb) = -res;
		return DONE;
	}
	if (rb->rb_op == RUMPUSER_BIO_SYNC)
		return DONE;
	if (res == 0) {
		rb_error(rb) = rb->rb_op == RUMPUSER_BIO_WRITE ? EIO : 0;
		return DONE;
	}
	rb_xfer(rb) += res;
	return rb_xfer(rb) < rb_total(rb) ? AGAIN : DONE;
}

/* The owner takes what there is. */
static void
reap(void)
{
	struct ruser_bioq done = RUSER_BIOQ_INIT(done);
	struct ruser_bioq again = RUSER_BIOQ_INIT(again);
	struct ruser_bioq pool = RUSER_BIOQ_INIT(pool);
	struct io_uring_cqe *cqes[REAP_MAX];
	struct rumpuser_bio *rb;
	unsigned i, n, ndone = 0;

	n = io_uring_peek_batch_cqe(&ring, cqes, REAP_MAX);
	for (i = 0; i < n; i++) {
		if ((rb = io_uring_cqe_get_data(cqes[i])) == NULL)
			continue;
		(void)__atomic_load_n(&rb_refused(rb), __ATOMIC_ACQUIRE);
		switch (complete(rb, cqes[i]->res)) {
		case DONE:
			ruser_bioq_put(&done, rb);
			ndone++;
			break;
		case BLOCKING:
			ruser_bioq_put(&pool, rb);
			ndone++;
			break;
		case AGAIN:
			ruser_bioq_put(&again, rb);
			break;
		}
	}
	io_uring_cq_advance(&ring, n);

	if (ndone != 0 || again.bq_head != NULL) {
		pthread_mutex_lock(&sq_mtx);
		started -= ndone;
		while ((rb = ruser_bioq_get(&again)) != NULL)
			queue_locked(rb);
		while (started < CQ_ENTRIES / 2 &&
		    (rb = ruser_bioq_get(&backlog)) != NULL)
			start_locked(rb);
		flush_locked();
		pthread_mutex_unlock(&sq_mtx);
		atomic_fetch_sub(&under_way, ndone);
	}
	if (pool.bq_head != NULL)
		ruser_pool_submit(&pool);
	while ((rb = ruser_bioq_get(&done)) != NULL)
		ruser_bio_done(rb, rb_error(rb));
}

/*
 * Sleep until there is a completion.  By polling the ring, which is as fast as
 * waiting in it (io_uring_enter(2)), and is known to Valgrind as a call that
 * blocks, so that other threads run meanwhile.
 */
static void
sleep_in_ring(int64_t deadline)
{
	struct pollfd pfd = { ring.ring_fd, POLLIN, 0 };
	struct timespec ts, *tsp = NULL;
	int64_t ns;

	if (deadline != RUMPUSER_FOREVER) {
		ns = deadline - ruser_mono();
		if (ns <= 0)
			return;
		ts.tv_sec = ns / NSEC_PER_SEC;
		ts.tv_nsec = ns % NSEC_PER_SEC;
		tsp = &ts;
	}
	ppoll(&pfd, 1, tsp, NULL);
}

/* The owner leaves: to a thread that waits, or to the reaper's watch. */
static void
disown_locked(void)
{
	struct waiter *w;

	owner = NULL;
	if (atomic_load(&under_way) == 0)
		return;
	TAILQ_FOREACH(w, &waiters, w_link)
		if (w->w_wake == 0)
			break;
	if (w != NULL) {
		owner = w;
		owners++;
		__atomic_store_n(&w->w_wake, 1, __ATOMIC_RELEASE);
		ruser_futex_wake(&w->w_wake, 1);
	} else {
		call_reaper_locked(false);
	}
}

/* One turn of the owner; called with own_mtx held. */
static void
own_turn_locked(struct waiter *w, int64_t deadline)
{

	w->w_in_ring = true;
	pthread_mutex_unlock(&own_mtx);
	if (io_uring_cq_ready(&ring) == 0)
		sleep_in_ring(deadline);
	pthread_mutex_lock(&own_mtx);
	w->w_in_ring = false;
	pthread_mutex_unlock(&own_mtx);
	reap();
	pthread_mutex_lock(&own_mtx);
}

int
ruser_uring_wait(const uint32_t *word, uint32_t expected, int64_t deadline)
{
	struct waiter w = { .w_word = word };
	int error = 0;

	if (submitted) {
		usually_waits = true;
		submitted = false;
	}
	if (__atomic_load_n(word, __ATOMIC_ACQUIRE) != expected)
		return 0;

	pthread_mutex_lock(&own_mtx);
	TAILQ_INSERT_TAIL(&waiters, &w, w_link);
	atomic_fetch_add(&ruser_uring_waiters, 1);
	/* Now either rumpuser_unpark() sees us, or we see the new value. */
	__sync_synchronize();
	while (__atomic_load_n(word, __ATOMIC_SEQ_CST) == expected) {
		if (deadline != RUMPUSER_FOREVER && ruser_mono() >= deadline) {
			error = ETIMEDOUT;
			break;
		}
		if (owner == NULL && atomic_load(&under_way) != 0) {
			owner = &w;
			owners++;
		}
		w.w_wake = 0;
		if (owner == &w) {
			own_turn_locked(&w, deadline);
			continue;
		}
		pthread_mutex_unlock(&own_mtx);
		ruser_futex_wait(&w.w_wake, 0, deadline);
		pthread_mutex_lock(&own_mtx);
	}
	TAILQ_REMOVE(&waiters, &w, w_link);
	atomic_fetch_sub(&ruser_uring_waiters, 1);
	if (owner == &w)
		disown_locked();
	pthread_mutex_unlock(&own_mtx);
	return error;
}

void
ruser_uring_unpark(const uint32_t *word)
{
	struct waiter *w;
	bool kick = false;

	pthread_mutex_lock(&own_mtx);
	TAILQ_FOREACH(w, &waiters, w_link) {
		if (w->w_word != word || w->w_wake != 0)
			continue;
		__atomic_store_n(&w->w_wake, 1, __ATOMIC_RELEASE);
		if (w->w_in_ring)
			kick = true;
		else if (w != owner)
			ruser_futex_wake(&w->w_wake, 1);
	}
	if (kick)
		kick_ring();
	pthread_mutex_unlock(&own_mtx);
}

static void
reaper_sleep_locked(int64_t deadline)
{

	if (reaper.w_wake == 0) {
		pthread_mutex_unlock(&own_mtx);
		ruser_futex_wait(&reaper.w_wake, 0, deadline);
		pthread_mutex_lock(&own_mtx);
	}
	reaper.w_wake = 0;
}

static void
reaper_main(void)
{
	unsigned quiet = 0;
	uint64_t seen = 0;

	pthread_mutex_lock(&own_mtx);
	for (;;) {
		if (atomic_load(&under_way) != 0)
			quiet = 0;
		if (owner == NULL && reaper_wanted &&
		    atomic_load(&under_way) != 0) {
			owner = &reaper;
			owners++;
			own_turn_locked(&reaper, RUMPUSER_FOREVER);
			disown_locked();
			/* Nobody waits: more of the same is to be expected. */
			reaper_wanted = owner == NULL;
			continue;
		}
		reaper_wanted = false;
		if (owner != NULL || quiet++ == LURK_ROUNDS) {
			reaper_state = REAPER_ASLEEP;
			reaper_sleep_locked(RUMPUSER_FOREVER);
			reaper_state = REAPER_AWAKE;
			quiet = 0;
		} else {
			reaper_state = REAPER_AWAKE;
			seen = owners;
			reaper_sleep_locked(ruser_mono() + LURK_NS);
			if (owner == NULL && owners == seen)
				reaper_wanted = true;
		}
	}
}
