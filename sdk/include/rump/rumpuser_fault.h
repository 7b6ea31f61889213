/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * @file rumpuser_fault.h
 * Make hypercalls fail, for tests: the n-th memory allocation, the n-th read,
 * and so on. The parameter RUMP_FAULT does the same from outside
 * (docs/parameters.md).
 *
 * A test that wants to see every failure of a workload runs it once with nth 0
 * to learn how many calls it makes, and then once for each of them:
 *
 *     rumpuser_fault_set(RUMPUSER_FAULT_ALLOC, 0, 0);
 *     work();
 *     n = rumpuser_fault_count(RUMPUSER_FAULT_ALLOC);
 *     for (i = 1; i <= n; i++) {
 *             rumpuser_fault_set(RUMPUSER_FAULT_ALLOC, i, ENOMEM);
 *             work();
 *     }
 *     rumpuser_fault_clear();
 */
#ifndef RUMP_RUMPUSER_FAULT_H
#define RUMP_RUMPUSER_FAULT_H

#include <stdint.h>

enum rumpuser_fault {
	RUMPUSER_FAULT_ALLOC,	/**< rumpuser_malloc(), rumpuser_mem_map() */
	RUMPUSER_FAULT_THREAD,	/**< rumpuser_thread_create() */
	RUMPUSER_FAULT_OPEN,	/**< rumpuser_open() */
	RUMPUSER_FAULT_READ,	/**< rumpuser_readv(), RUMPUSER_BIO_READ */
	RUMPUSER_FAULT_WRITE,	/**< rumpuser_writev(), RUMPUSER_BIO_WRITE,
				     _DISCARD and _ZERO */
	RUMPUSER_FAULT_SYNC	/**< rumpuser_fdatasync(), RUMPUSER_BIO_SYNC */
};
#define RUMPUSER_FAULT_NKINDS 6

/** In the argument error: not only the n-th call fails, but all later ones. */
#define RUMPUSER_FAULT_STAYS 0x10000

/**
 * Start to count the calls of a kind from 0, and fail the n-th.
 *
 * @param nth    from 1; 0 only counts.
 * @param error  what the call returns, perhaps with RUMPUSER_FAULT_STAYS; 0 is
 *               the kind's usual error (ENOMEM, EAGAIN, ENOENT, EIO, EIO, EIO).
 */
void rumpuser_fault_set(enum rumpuser_fault kind, uint64_t nth, int error);

/** Calls of a kind since rumpuser_fault_set(), those that failed included. */
uint64_t rumpuser_fault_count(enum rumpuser_fault kind);

/** No more faults and no more counting, of any kind. */
void rumpuser_fault_clear(void);

#endif /* RUMP_RUMPUSER_FAULT_H */
