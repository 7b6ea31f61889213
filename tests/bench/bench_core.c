/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The core: the cost of a system call, of a boot, of waking somebody.
 *
 * Link: rump-tmpfs
 */
#include <sys/eventfd.h>
#include <sys/syscall.h>

#include <err.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include <rump/rump.h>
#include <rump/rump_syscalls.h>

#include "bench.h"

#define RUNS	9
#define CALLS	4000000
#define HOST_CALLS 400000
#define TRIPS	20000

/*
 * In the thread's CPU time: two threads that disturb each other show in it, a
 * machine with a single CPU to spare does not.
 */
static double
ours_getpid(void *arg)
{
	double start = bench_cpu();

	(void)arg;
	for (int i = 0; i < CALLS; i++)
		(void)rump_sys_getpid();
	return (bench_cpu() - start) / CALLS * 1e9;
}

static double
host_getppid(void *arg)
{
	double start = bench_cpu();

	(void)arg;
	for (int i = 0; i < HOST_CALLS; i++)
		(void)syscall(SYS_getppid);
	return (bench_cpu() - start) / HOST_CALLS * 1e9;
}

static void *
getpid_thread(void *arg)
{
	*(double *)arg = ours_getpid(NULL);
	return NULL;
}

/* The slower of two threads at once. */
static double
ours_getpid_two(void *arg)
{
	pthread_t t[2];
	double ns[2];

	(void)arg;
	for (int i = 0; i < 2; i++) {
		if (pthread_create(&t[i], NULL, getpid_thread, &ns[i]) != 0)
			errx(1, "pthread_create");
	}
	for (int i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	return ns[0] > ns[1] ? ns[0] : ns[1];
}

static double
boot_ms(void *arg)
{
	double start = bench_now();

	(void)arg;
	bench_boot();
	return (bench_now() - start) * 1e3;
}

static double
boot_rss(void *arg)
{
	size_t before = bench_rss();

	(void)arg;
	bench_boot();
	return (double)(bench_rss() - before) / 1024;
}

/* A byte there and back between two threads, over two pipes. */
struct trip {
	ssize_t (*read)(int, void *, size_t);
	ssize_t (*write)(int, const void *, size_t);
	int there[2], back[2];
};

static void *
echo(void *arg)
{
	struct trip *t = arg;
	char c;

	for (int i = 0; i < TRIPS; i++) {
		if (t->read(t->there[0], &c, 1) != 1 ||
		    t->write(t->back[1], &c, 1) != 1)
			errx(1, "pipe");
	}
	return NULL;
}

static double
round_trip(void *arg)
{
	struct trip *t = arg;
	pthread_t th;
	double start;
	char c = 0;

	if (pthread_create(&th, NULL, echo, t) != 0)
		errx(1, "pthread_create");
	start = bench_now();
	for (int i = 0; i < TRIPS; i++) {
		if (t->write(t->there[1], &c, 1) != 1 ||
		    t->read(t->back[0], &c, 1) != 1)
			errx(1, "pipe");
	}
	start = (bench_now() - start) / TRIPS * 1e6;
	pthread_join(th, NULL);
	return start;
}

/* A write to a descriptor and a read of it by the same thread. */
static double
write_read(void *arg)
{
	struct trip *t = arg;
	double start = bench_now();
	char c = 0;

	for (int i = 0; i < HOST_CALLS; i++) {
		if (t->write(t->there[1], &c, 1) != 1 ||
		    t->read(t->there[0], &c, 1) != 1)
			errx(1, "pipe");
	}
	return (bench_now() - start) / HOST_CALLS * 1e9;
}

static void
getpids(void)
{
	struct bench_subject s[] = {
		{ .fn = host_getppid }, { .fn = ours_getpid },
		{ .fn = ours_getpid_two },
	};

	bench_turns(RUNS, s, 3);
	bench_row("core", "getpid", "ns", LESS_IS_BETTER, s[1].median,
	    s[0].median, "host getppid", 20);
	bench_row("core", "getpid, each of two threads", "ns", LESS_IS_BETTER,
	    s[2].median, s[0].median, "host getppid", 20);
	bench_row("core", "getpid, each of two threads", "ns", LESS_IS_BETTER,
	    s[2].median, s[1].median, "one thread", 0);
}

static void
pipes(const char *metric, const char *unit, double (*fn)(void *),
    struct trip *ours, struct trip *host)
{
	struct bench_subject s[] = {
		{ .fn = fn, .arg = ours }, { .fn = fn, .arg = host },
	};

	bench_turns(RUNS, s, 2);
	bench_row("core", metric, unit, LESS_IS_BETTER, s[0].median,
	    s[1].median, "host", 0);
}

int
main(void)
{
	struct trip host = { .read = read, .write = write };
	struct trip ours = { .read = rump_sys_read, .write = rump_sys_write };

	bench_row("core", "rump_init, core + vfs + tmpfs", "ms",
	    LESS_IS_BETTER, bench_median_child(11, boot_ms, NULL), 1, "limit",
	    1);
	bench_row("core", "rump_init, resident memory added", "KiB",
	    LESS_IS_BETTER, bench_median_child(5, boot_rss, NULL), 3072,
	    "limit", 1);

	bench_boot();
	getpids();
	if (pipe(host.there) == -1 || pipe(host.back) == -1 ||
	    rump_sys_pipe2(ours.there, 0) == -1 ||
	    rump_sys_pipe2(ours.back, 0) == -1)
		err(1, "pipe");
	pipes("pipe, write and read 1 byte", "ns", write_read, &ours, &host);
	pipes("pipe, round trip between threads", "us", round_trip, &ours,
	    &host);
	return 0;
}
