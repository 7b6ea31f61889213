/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the benchmarks share: medians, measurements in fresh processes, rows.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Seconds of the monotonic clock. */
double bench_now(void);

/* Seconds of the CPU that the calling thread has had. */
double bench_cpu(void);

/* What is measured: a figure, and the median of those that count. */
struct bench_subject {
	double (*fn)(void *arg);
	void *arg;
	double median;
};

/*
 * Measure n subjects, in turns, so that what disturbs the machine disturbs
 * them all; the first turn does not count.
 */
void bench_turns(int runs, struct bench_subject *s, int n);

/*
 * As bench_turns(), but each call is made in a child process of its own (a
 * kernel is booted once a process), on memory that was touched just before.
 * Exits when a child fails.
 */
void bench_turns_child(int runs, struct bench_subject *s, int n);

/* The same for one subject. */
double bench_median(int runs, double (*fn)(void *arg), void *arg);
double bench_median_child(int runs, double (*fn)(void *arg), void *arg);

enum bench_sense { LESS_IS_BETTER, MORE_IS_BETTER };

/*
 * A row of the table: the ratio is above 1 where ours is better than the
 * peer's. goal: the ratio asked for, or 0.
 */
void bench_row(const char *group, const char *metric, const char *unit,
    enum bench_sense sense, double ours, double peer, const char *peer_name,
    double goal);

/*
 * What a read of cached data cannot beat: 4 KiB copied at random out of span
 * bytes of memory in huge pages, copies a second. arg: the span, a long.
 */
double bench_copies(void *arg);

/* A new folder in memory (or TMPDIR), removed by bench_cleanup(). */
const char *bench_dir(void);
void bench_cleanup(void);

/* Run a shell command; false when it fails. */
bool bench_sh(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* A number of the kernel's tree, 0 where there is none. */
uint64_t bench_sysctl(const char *name);

/* Boot, or exit saying why. */
void bench_boot(void);

/* This process' resident memory, bytes. */
size_t bench_rss(void);

#define BENCH_SEED	88172645463325252u

/* xorshift: the same sequence in every run. */
static inline uint64_t
bench_random(uint64_t *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 7;
	*s ^= *s << 17;
	return *s;
}

#endif
