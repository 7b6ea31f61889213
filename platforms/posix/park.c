/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * park and unpark: futex(2) on private words.
 */
#include <sys/syscall.h>

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <unistd.h>

#include "posix.h"

int
ruser_futex_wait(const uint32_t *word, uint32_t expected, int64_t deadline)
{
	struct timespec ts, *tsp = NULL;

	if (deadline != RUMPUSER_FOREVER) {
		if (deadline < 0)
			deadline = 0;
		ts.tv_sec = deadline / NSEC_PER_SEC;
		ts.tv_nsec = deadline % NSEC_PER_SEC;
		tsp = &ts;
	}
	/* Unlike FUTEX_WAIT, this takes an absolute time. */
	if (syscall(SYS_futex, word, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG,
	    expected, tsp, NULL, FUTEX_BITSET_MATCH_ANY) == 0)
		return 0;
	return errno;
}

void
ruser_futex_wake(const uint32_t *word, uint32_t n)
{

	syscall(SYS_futex, word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG,
	    n < INT_MAX ? n : INT_MAX, NULL, NULL, 0);
}

int
rumpuser_park(const uint32_t *word, uint32_t expected, int64_t deadline)
{

	if (unlikely(ruser_virtual))
		return ruser_vclock_park(word, expected, deadline);
	/* Anything else (EAGAIN, EINTR) sends the caller to look again. */
	return ruser_futex_wait(word, expected, deadline) == ETIMEDOUT ?
	    ETIMEDOUT : 0;
}

void
rumpuser_unpark(const uint32_t *word, uint32_t n)
{

	if (unlikely(ruser_virtual)) {
		ruser_vclock_unpark(word, n);
		return;
	}
	ruser_futex_wake(word, n);

	/*
	 * A thread in rumpuser_bio_wait() may sleep elsewhere.  Either it
	 * sees the caller's change of the word, or we see it in the count.
	 */
	__sync_synchronize();
	if (unlikely(atomic_load_explicit(&ruser_uring_waiters,
	    memory_order_relaxed) != 0))
		ruser_uring_unpark(word);
}
