/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Benchmark support: see bench.h.
 */
#include <sys/mman.h>
#include <sys/statvfs.h>
#include <sys/wait.h>

#include <err.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <rump/rump.h>

#include "bench.h"

#define WARM	(1536ul << 20)
#define RUNS_MAX 64
#define SUBJECTS_MAX 4
#define HUGE	(2ul << 20)
#define COPIES	100000

double
bench_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

double
bench_cpu(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void
turns(int runs, struct bench_subject *s, int n,
    double (*call)(double (*)(void *), void *))
{
	double v[SUBJECTS_MAX][RUNS_MAX], figure;

	if (runs > RUNS_MAX || n > SUBJECTS_MAX)
		errx(1, "%d runs of %d subjects", runs, n);
	for (int i = -1; i < runs; i++) {
		for (int j = 0; j < n; j++) {
			figure = call(s[j].fn, s[j].arg);
			if (i >= 0)
				v[j][i] = figure;
		}
	}
	for (int j = 0; j < n; j++) {
		qsort(v[j], (size_t)runs, sizeof(v[j][0]), compare);
		s[j].median = v[j][runs / 2];
	}
}

static double
call_here(double (*fn)(void *), void *arg)
{
	return fn(arg);
}

/*
 * Let the free memory of a virtual machine be memory that it really has: the
 * first touch of what the machine below must still find costs several times
 * what a later one does, and would fall to whoever comes first.
 */
static void
warm(void)
{
	char *p;

	p = mmap(NULL, WARM, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return;
	madvise(p, WARM, MADV_HUGEPAGE);
	memset(p, 1, WARM);
	munmap(p, WARM);
}

static double
call_child(double (*fn)(void *), void *arg)
{
	double v = 0;
	int fds[2], status;
	pid_t pid;

	warm();
	fflush(NULL);
	if (pipe(fds) == -1 || (pid = fork()) == -1)
		err(1, "bench");
	if (pid == 0) {
		close(fds[0]);
		v = fn(arg);
		_exit(write(fds[1], &v, sizeof(v)) != sizeof(v));
	}
	close(fds[1]);
	if (read(fds[0], &v, sizeof(v)) != sizeof(v))
		v = -1;
	close(fds[0]);
	if (waitpid(pid, &status, 0) != pid || status != 0 || v < 0)
		errx(1, "a measurement failed (status %d)", status);
	return v;
}

void
bench_turns(int runs, struct bench_subject *s, int n)
{
	turns(runs, s, n, call_here);
}

void
bench_turns_child(int runs, struct bench_subject *s, int n)
{
	turns(runs, s, n, call_child);
}

double
bench_median(int runs, double (*fn)(void *), void *arg)
{
	struct bench_subject s = { fn, arg, 0 };

	bench_turns(runs, &s, 1);
	return s.median;
}

double
bench_median_child(int runs, double (*fn)(void *), void *arg)
{
	struct bench_subject s = { fn, arg, 0 };

	bench_turns_child(runs, &s, 1);
	return s.median;
}

double
bench_copies(void *arg)
{
	static _Alignas(4096) char buf[4096];
	size_t span = (size_t)*(long *)arg, len = span + HUGE;
	uint64_t seed = BENCH_SEED;
	char *map, *p;
	double took;

	map = mmap(NULL, len, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (map == MAP_FAILED)
		err(1, "mmap");
	p = map + (-(uintptr_t)map & (HUGE - 1));
	madvise(p, span, MADV_HUGEPAGE);
	memset(p, 1, span);
	took = bench_now();
	for (int i = 0; i < COPIES; i++) {
		memcpy(buf, p + bench_random(&seed) % (span / 4096) * 4096,
		    sizeof(buf));
		__asm__ volatile("" : : "r"(buf) : "memory");
	}
	took = bench_now() - took;
	munmap(map, len);
	return COPIES / took;
}

void
bench_row(const char *group, const char *metric, const char *unit,
    enum bench_sense sense, double ours, double peer, const char *peer_name,
    double goal)
{
	const char *path = getenv("BENCH_TSV");
	FILE *f = path != NULL ? fopen(path, "a") : stdout;
	double ratio;

	if (f == NULL)
		err(1, "%s", path);
	ratio = sense == MORE_IS_BETTER ? ours / peer : peer / ours;
	fprintf(f, "%s\t%s\t%s\t%.4g\t%.4g\t%s\t%.2f\t", group, metric, unit,
	    ours, peer, peer_name, ratio);
	if (goal > 0)
		fprintf(f, "%g\n", goal);
	else
		fprintf(f, "-\n");
	if (f != stdout)
		fclose(f);
	fprintf(stderr, "  %-44s %10.4g %-8s %s %.4g, ratio %.2f\n", metric,
	    ours, unit, peer_name, peer, ratio);
}

static char dir[256];

const char *
bench_dir(void)
{
	const char *tmp = getenv("TMPDIR");
	struct statvfs sv;

	if (dir[0] != '\0')
		return dir;
	if (tmp == NULL)
		tmp = statvfs("/dev/shm", &sv) == 0 && (uint64_t)sv.f_bavail *
		    sv.f_frsize >= 6ull << 30 ? "/dev/shm" : "/tmp";
	snprintf(dir, sizeof(dir), "%s/rump-bench.XXXXXX", tmp);
	if (mkdtemp(dir) == NULL)
		err(1, "%s", dir);
	return dir;
}

void
bench_cleanup(void)
{
	if (dir[0] != '\0')
		bench_sh("rm -rf '%s'", dir);
	dir[0] = '\0';
}

bool
bench_sh(const char *fmt, ...)
{
	char cmd[2048];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(cmd, sizeof(cmd), fmt, ap);
	va_end(ap);
	return system(cmd) == 0;
}

uint64_t
bench_sysctl(const char *name)
{
	char buf[64];

	if (rump_pub_sysctl_get(name, buf, sizeof(buf)) != 0)
		return 0;
	return strtoull(buf, NULL, 0);
}

void
bench_boot(void)
{
	int error = rump_init();

	if (error != 0)
		errx(1, "rump_init: %s", strerror(error));
}

size_t
bench_rss(void)
{
	unsigned long size, rss = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	if (f == NULL || fscanf(f, "%lu %lu", &size, &rss) != 2)
		errx(1, "/proc/self/statm");
	fclose(f);
	return rss * (size_t)sysconf(_SC_PAGESIZE);
}
