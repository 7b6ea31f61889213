/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The VFS on tmpfs, beside the host's tmpfs.
 *
 * Link: rump-tmpfs
 */
#include <sys/stat.h>
#include <sys/vfs.h>

#include <err.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rump/fs/tmpfs.h>
#include <rump/rump.h>
#include <rump/rump_syscalls.h>

#include "bench.h"

#define RUNS	5
#define RUNS_BIG 3
#define FILE_SIZE (64L << 20)
#define SMALL_SIZE (4L << 20)
#define BIG	(1L << 30)
#define CHUNK	(1L << 20)
#define RUNS_READ 9
#define READS	100000
#define OPS	100000
#define MANY	50000
#define NAMES	10000

/* The same calls, ours and the host's. */
struct world {
	const char *dir;
	int (*open)(const char *, int, ...);
	int (*close)(int);
	int (*unlink)(const char *);
	int (*mkdir)(const char *, mode_t);
	int (*rmdir)(const char *);
	int (*stat)(const char *, struct stat *);
	ssize_t (*pread)(int, void *, size_t, off_t);
	ssize_t (*pwrite)(int, const void *, size_t, off_t);
};

static char chunk[CHUNK];

static void
path_of(char *buf, size_t len, const struct world *w, const char *name)
{
	snprintf(buf, len, "%s/%s", w->dir, name);
}

static int
open_or_die(const struct world *w, const char *name, int flags)
{
	char path[256];
	int fd;

	path_of(path, sizeof(path), w, name);
	fd = w->open(path, flags, 0644);
	if (fd == -1)
		err(1, "%s", path);
	return fd;
}

static void
fill(const struct world *w, int fd, long size)
{
	for (long off = 0; off < size; off += CHUNK) {
		if (w->pwrite(fd, chunk, CHUNK, off) != CHUNK)
			err(1, "%s: write", w->dir);
	}
}

/* Reads of the first span bytes of the file. */
struct span {
	const struct world *w;
	long len;
};

static double
random_pread(void *arg)
{
	static _Alignas(4096) char buf[4096];
	const struct span *s = arg;
	const struct world *w = s->w;
	uint64_t seed = BENCH_SEED;
	double start;
	int fd;

	fd = open_or_die(w, "data", O_RDWR | O_CREAT);
	fill(w, fd, s->len);
	start = bench_now();
	for (int i = 0; i < READS; i++) {
		off_t off = (off_t)(bench_random(&seed) %
		    (uint64_t)(s->len / 4096)) * 4096;

		if (w->pread(fd, buf, sizeof(buf), off) != sizeof(buf))
			err(1, "%s: pread", w->dir);
	}
	start = READS / (bench_now() - start);
	w->close(fd);
	return start;
}

static double
create_unlink(void *arg)
{
	const struct world *w = arg;
	char path[256];
	double start;

	path_of(path, sizeof(path), w, "file");
	start = bench_now();
	for (int i = 0; i < OPS; i++) {
		w->close(open_or_die(w, "file", O_WRONLY | O_CREAT | O_EXCL));
		if (w->unlink(path) == -1)
			err(1, "%s", path);
	}
	return OPS / (bench_now() - start);
}

static double
stat_path(void *arg)
{
	const struct world *w = arg;
	char path[256];
	struct stat st;
	double start;

	path_of(path, sizeof(path), w, "data");
	start = bench_now();
	for (int i = 0; i < OPS; i++) {
		if (w->stat(path, &st) == -1)
			err(1, "%s", path);
	}
	return OPS / (bench_now() - start);
}

static double
open_close(void *arg)
{
	const struct world *w = arg;
	double start = bench_now();

	for (int i = 0; i < OPS; i++)
		w->close(open_or_die(w, "data", O_RDONLY));
	return OPS / (bench_now() - start);
}

/* Creates in one directory that fills up; removed again, not counted. */
static double
creates(void *arg)
{
	const struct world *w = arg;
	char path[256], name[32];
	double start, took;

	path_of(path, sizeof(path), w, "many");
	if (w->mkdir(path, 0755) == -1)
		err(1, "%s", path);
	start = bench_now();
	for (int i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "many/f%d", i);
		w->close(open_or_die(w, name, O_WRONLY | O_CREAT | O_EXCL));
	}
	took = bench_now() - start;
	for (int i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "many/f%d", i);
		path_of(path, sizeof(path), w, name);
		w->unlink(path);
	}
	path_of(path, sizeof(path), w, "many");
	if (w->rmdir(path) == -1)
		err(1, "%s", path);
	return MANY / took;
}

/*
 * The bound is what the copy takes without a file system around it: where the
 * file is bigger than the processor's caches, the memory.
 */
static void
random_preads(const char *metric, const char *bound, const struct world *ours,
    const struct world *host, long len)
{
	struct span o = { ours, len }, h = { host, len };
	struct bench_subject s[] = {
		{ .fn = random_pread, .arg = &o },
		{ .fn = random_pread, .arg = &h },
		{ .fn = bench_copies, .arg = &len },
	};

	bench_turns(RUNS_READ, s, 3);
	bench_row("vfs", metric, "1/s", MORE_IS_BETTER, s[0].median,
	    s[1].median, "host tmpfs", 3);
	bench_row("vfs", bound, "1/s", MORE_IS_BETTER, s[2].median,
	    s[1].median, "host tmpfs", 0);
}

struct big {
	const struct world *w;
	bool read;
};

/* The first write of a file, or the read after it. */
static double
sequential(void *arg)
{
	const struct big *b = arg;
	const struct world *w = b->w;
	char path[256];
	double start, took;
	int fd;

	path_of(path, sizeof(path), w, "big");
	fd = open_or_die(w, "big", O_RDWR | O_CREAT | O_TRUNC);
	start = bench_now();
	fill(w, fd, BIG);
	if (b->read) {
		start = bench_now();
		for (long off = 0; off < BIG; off += CHUNK) {
			if (w->pread(fd, chunk, CHUNK, off) != CHUNK)
				err(1, "%s", path);
		}
	}
	took = bench_now() - start;
	w->close(fd);
	w->unlink(path);
	return (double)BIG / (1 << 20) / took;
}

/* Memory of n new names in the directory: of files, or of one file's. */
static double
names(const struct world *ours, int n, bool files)
{
	char first[256], path[256], name[32];
	uint64_t before = bench_sysctl("kern.mem.used");

	path_of(first, sizeof(first), ours, "data");
	for (int i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "%c%d", files ? 'f' : 'l', i);
		path_of(path, sizeof(path), ours, name);
		if (files)
			ours->close(open_or_die(ours, name,
			    O_WRONLY | O_CREAT | O_EXCL));
		else if (rump_sys_link(first, path) == -1)
			err(1, "%s", path);
	}
	return (double)(bench_sysctl("kern.mem.used") - before) / n;
}

static void
overheads(const struct world *ours)
{
	double page, link, file;
	uint64_t before;
	int fd;

	fd = open_or_die(ours, "pages", O_RDWR | O_CREAT);
	before = bench_sysctl("kern.mem.used");
	fill(ours, fd, FILE_SIZE);
	page = (double)(bench_sysctl("kern.mem.used") - before - FILE_SIZE) /
	    (FILE_SIZE / 4096);
	ours->close(fd);
	bench_row("vfs", "memory of a cached page beside its data", "bytes",
	    LESS_IS_BETTER, page, 64, "limit", 1);

	link = names(ours, NAMES, false);
	file = names(ours, NAMES, true);
	bench_row("vfs", "memory of a vnode and its inode", "bytes",
	    LESS_IS_BETTER, file - link, 512, "limit", 1);
	bench_row("vfs", "memory of a name, cached", "bytes", LESS_IS_BETTER,
	    link, 512, "limit of a vnode", 0);
}

static void
compare(const char *metric, const char *unit, int runs, double (*fn)(void *),
    void *ours, void *host, double goal)
{
	struct bench_subject s[] = {
		{ .fn = fn, .arg = ours }, { .fn = fn, .arg = host },
	};

	bench_turns(runs, s, 2);
	bench_row("vfs", metric, unit, MORE_IS_BETTER, s[0].median,
	    s[1].median, "host tmpfs", goal);
}

/*
 * Not in turns: one side would take the memory that the other has warmed up
 * and given back, and leave it what the machine never touched.
 */
static void
compare_apart(const char *metric, const struct world *ours,
    const struct world *host, bool read)
{
	struct big o = { ours, read }, h = { host, read };

	bench_row("vfs", metric, "MiB/s", MORE_IS_BETTER,
	    bench_median(RUNS_BIG, sequential, &o),
	    bench_median(RUNS_BIG, sequential, &h), "host tmpfs", 1);
}

int
main(void)
{
	struct world ours = { "/tmpfs", rump_sys_open, rump_sys_close,
		rump_sys_unlink, rump_sys_mkdir, rump_sys_rmdir, rump_sys_stat,
		rump_sys_pread, rump_sys_pwrite };
	struct world host = { NULL, open, close, unlink, mkdir, rmdir, stat,
		pread, pwrite };
	struct tmpfs_args args = { .size = 4ull << 30 };
	struct statfs sf;

	memset(chunk, 0x5a, sizeof(chunk));
	host.dir = bench_dir();
	if (statfs(host.dir, &sf) == -1 || sf.f_type != TMPFS_MAGIC)
		errx(1, "%s is not on a tmpfs", host.dir);
	bench_boot();
	if (rump_sys_mkdir(ours.dir, 0755) == -1 ||
	    rump_sys_mount("tmpfs", ours.dir, 0, &args, sizeof(args)) == -1)
		err(1, "mount");

	random_preads("pread 4 KiB at random, cached",
	    "  its bound: memcpy, no file", &ours, &host, FILE_SIZE);
	random_preads("pread 4 KiB at random, of 4 MiB",
	    "  its bound: memcpy, no file, of 4 MiB", &ours, &host,
	    SMALL_SIZE);
	compare("create, close, unlink", "1/s", RUNS, create_unlink, &ours,
	    &host, 3);
	compare("stat", "1/s", RUNS, stat_path, &ours, &host, 0);
	compare("open, close", "1/s", RUNS, open_close, &ours, &host, 0);
	compare("create 50,000 files in a directory", "1/s", RUNS, creates,
	    &ours, &host, 0);
	compare_apart("first write of 1 GiB", &ours, &host, false);
	compare_apart("read of 1 GiB", &ours, &host, true);
	overheads(&ours);
	bench_cleanup();
	return 0;
}
