/* SPDX-License-Identifier: BSD-2-Clause */
/** @file types.h
 * What every kernel source file starts from: integer types, the UAPI's types
 * and error numbers, and a few words of our own.
 */
#ifndef KERN_TYPES_H
#define KERN_TYPES_H

#include <stdalign.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/types.h>
#include <linux/errno.h>

typedef __kernel_ssize_t ssize_t;
typedef int64_t off_t;
typedef uint64_t ino_t;
typedef uint64_t dev_t;		/* encoded as the UAPI's struct stat has it */
typedef uint32_t mode_t;
typedef uint32_t uid_t;
typedef uint32_t gid_t;
typedef int32_t pid_t;

/** Nanoseconds: a duration, or a point of the monotonic clock. */
typedef int64_t nstime_t;
#define NSTIME_FOREVER	INT64_MAX
#define NS_PER_SEC	1000000000LL
#define NS_PER_MS	1000000LL
#define NS_PER_US	1000LL

#define PAGE_SHIFT	12
#define PAGE_SIZE	(1UL << PAGE_SHIFT)
#define PAGE_MASK	(PAGE_SIZE - 1)
#define CACHE_LINE	64

#define __printflike(f, a) __attribute__((format(printf, f, a)))
#define __noreturn	__attribute__((noreturn))
#define __maybe_unused __attribute__((unused))
#define __must_check	__attribute__((warn_unused_result))
#define __cacheline_aligned __attribute__((aligned(CACHE_LINE)))
#define __likely(e)	__builtin_expect(!!(e), 1)
#define __unlikely(e)	__builtin_expect(!!(e), 0)

#define nitems(a)	(sizeof(a) / sizeof((a)[0]))
#define container_of(p, type, member) \
	((type *)(void *)((char *)(p) - offsetof(type, member)))
#define roundup2(x, m)	(((x) + ((m) - 1)) & ~((__typeof__(x))(m) - 1))
#define rounddown2(x, m) ((x) & ~((__typeof__(x))(m) - 1))
#define howmany(x, y)	(((x) + ((y) - 1)) / (y))
#define ispow2(x)	((x) != 0 && ((x) & ((x) - 1)) == 0)
#define MIN(a, b) __extension__ ({ \
	__typeof__(a) min_a_ = (a); __typeof__(b) min_b_ = (b); \
	min_a_ < min_b_ ? min_a_ : min_b_; })
#define MAX(a, b) __extension__ ({ \
	__typeof__(a) max_a_ = (a); __typeof__(b) max_b_ = (b); \
	max_a_ > max_b_ ? max_a_ : max_b_; })

/**
 * A full fence. What it orders needs no more than the order: data that one
 * thread hands to another goes through a release and an acquire, because
 * ThreadSanitizer does not see fences (and gcc warns of the standard's).
 */
static inline void
membar_sync(void)
{
	__sync_synchronize();
}

/** dev_t as the UAPI's struct stat encodes it (glibc's makedev()). */
static inline dev_t
makedev(uint32_t maj, uint32_t min)
{
	return ((uint64_t)(maj & 0xfffff000u) << 32) |
	    ((uint64_t)(maj & 0xfffu) << 8) |
	    ((uint64_t)(min & 0xffffff00u) << 12) | (min & 0xffu);
}

static inline uint32_t
dev_major(dev_t d)
{
	return (uint32_t)((d >> 32) & 0xfffff000u) |
	    (uint32_t)((d >> 8) & 0xfffu);
}

static inline uint32_t
dev_minor(dev_t d)
{
	return (uint32_t)((d >> 12) & 0xffffff00u) | (uint32_t)(d & 0xffu);
}

#endif
