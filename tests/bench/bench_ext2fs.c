/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ext4 images: ours beside the host's loop mount and fuse2fs, over the same
 * image file. The peers need root; without it their rows are left out.
 *
 * Link: rump-ext2fs
 */
#include <sys/stat.h>

#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rump/etfs.h>
#include <rump/fs/ext2fs.h>
#include <rump/rump.h>
#include <rump/rump_syscalls.h>

#include "bench.h"

#define RUNS	5
#define BIG	(1L << 30)
#define CHUNK	(1L << 20)
#define MANY	50000
#define RUNS_READ 9
#define READS	100000
#define SPAN	(64L << 20)

enum peer { OURS, LOOP, FUSE2FS };

static const char *const peer_names[] = { "ours", "host loop mount",
	"fuse2fs" };

/* One world's calls, on the mounted image. */
struct world {
	enum peer peer;
	char dir[300];
	char image[300];
	int (*open)(const char *, int, ...);
	int (*close)(int);
	int (*unlink)(const char *);
	int (*mkdir)(const char *, mode_t);
	int (*fsync)(int);
	ssize_t (*pread)(int, void *, size_t, off_t);
	ssize_t (*pwrite)(int, const void *, size_t, off_t);
};

static char chunk[CHUNK];

static void
mount_ours(const struct world *w)
{
	struct ext2fs_args args = { .fspec = "/dev/image" };
	int error;

	bench_boot();
	error = rump_pub_etfs_register("/dev/image", w->image, RUMP_ETFS_BLK);
	if (error != 0)
		errx(1, "%s: %s", w->image, strerror(error));
	if (rump_sys_mkdir(w->dir, 0755) == -1 ||
	    rump_sys_mount("ext4", w->dir, 0, &args, sizeof(args)) == -1)
		err(1, "mount");
}

static void
mount_image(const struct world *w)
{
	bool ok = true;

	if (w->peer == OURS)
		mount_ours(w);
	else if (w->peer == LOOP)
		ok = bench_sh("mount -o loop '%s' '%s'", w->image, w->dir);
	else
		ok = bench_sh("fuse2fs '%s' '%s' >/dev/null 2>&1", w->image,
		    w->dir);
	if (!ok)
		errx(1, "cannot mount %s", w->image);
}

static void
unmount_image(const struct world *w)
{
	if (w->peer == OURS) {
		if (rump_sys_umount2(w->dir, 0) == -1)
			err(1, "unmount");
		return;
	}
	for (int i = 0; i < 50; i++) {
		if (bench_sh("umount '%s' 2>/dev/null", w->dir))
			return;
		usleep(100000);
	}
	errx(1, "cannot unmount %s", w->dir);
}

static int
open_or_die(const struct world *w, const char *name, int flags)
{
	char path[400];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", w->dir, name);
	fd = w->open(path, flags, 0644);
	if (fd == -1)
		err(1, "%s: %s", peer_names[w->peer], path);
	return fd;
}

static double
read_cold(void *arg)
{
	const struct world *w = arg;
	double start, took;
	int fd;

	mount_image(w);
	fd = open_or_die(w, "big", O_RDONLY);
	start = bench_now();
	for (long off = 0; off < BIG; off += CHUNK) {
		if (w->pread(fd, chunk, CHUNK, off) != CHUNK)
			err(1, "%s: read", peer_names[w->peer]);
	}
	took = bench_now() - start;
	w->close(fd);
	unmount_image(w);
	return (double)BIG / (1 << 20) / took;
}

static double
read_random(void *arg)
{
	const struct world *w = arg;
	static _Alignas(4096) char buf[4096];
	uint64_t seed = BENCH_SEED;
	double took = 0;
	int fd;

	mount_image(w);
	fd = open_or_die(w, "big", O_RDONLY);
	for (long off = 0; off < SPAN; off += CHUNK) {
		if (w->pread(fd, chunk, CHUNK, off) != CHUNK)
			err(1, "%s: read", peer_names[w->peer]);
	}
	took = bench_now();
	for (int i = 0; i < READS; i++) {
		off_t off = (off_t)(bench_random(&seed) % (SPAN / 4096)) * 4096;

		if (w->pread(fd, buf, sizeof(buf), off) != sizeof(buf))
			err(1, "%s: read", peer_names[w->peer]);
	}
	took = bench_now() - took;
	w->close(fd);
	unmount_image(w);
	return READS / took;
}

static double
write_sequential(void *arg)
{
	const struct world *w = arg;
	char path[400];
	double start, took;
	int fd;

	mount_image(w);
	snprintf(path, sizeof(path), "%s/new", w->dir);
	fd = open_or_die(w, "new", O_RDWR | O_CREAT | O_TRUNC);
	start = bench_now();
	for (long off = 0; off < BIG / 2; off += CHUNK) {
		if (w->pwrite(fd, chunk, CHUNK, off) != CHUNK)
			err(1, "%s: write", peer_names[w->peer]);
	}
	if (w->fsync(fd) == -1)
		err(1, "%s: fsync", peer_names[w->peer]);
	took = bench_now() - start;
	w->close(fd);
	if (w->unlink(path) == -1)
		err(1, "%s: unlink", peer_names[w->peer]);
	unmount_image(w);
	return (double)BIG / 2 / (1 << 20) / took;
}

/* Small files, each with a line in it; their removal is not counted. */
static double
create_many(void *arg)
{
	static const char line[] = "a small file of one line, as most are\n";
	const struct world *w = arg;
	char path[400], name[64];
	double start, took;
	int fd, n = w->peer == FUSE2FS ? MANY / 10 : MANY;

	mount_image(w);
	snprintf(path, sizeof(path), "%s/many", w->dir);
	if (w->mkdir(path, 0755) == -1)
		err(1, "%s: mkdir", peer_names[w->peer]);
	start = bench_now();
	for (int i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "many/file-%d", i);
		fd = open_or_die(w, name, O_WRONLY | O_CREAT | O_EXCL);
		if (w->pwrite(fd, line, sizeof(line) - 1, 0) !=
		    sizeof(line) - 1)
			err(1, "%s: write", peer_names[w->peer]);
		w->close(fd);
	}
	took = bench_now() - start;
	unmount_image(w);
	bench_sh("cp --sparse=always '%s.clean' '%s'", w->image, w->image);
	return n / took;
}

/* From a booted kernel to the first byte of a file. */
static double
mount_first_read(void *arg)
{
	const struct world *w = arg;
	double start;
	char c;
	int fd;

	if (w->peer == OURS)
		bench_boot();
	start = bench_now();
	mount_image(w);
	fd = open_or_die(w, "big", O_RDONLY);
	if (w->pread(fd, &c, 1, 0) != 1)
		err(1, "%s: read", peer_names[w->peer]);
	start = (bench_now() - start) * 1e3;
	w->close(fd);
	unmount_image(w);
	return start;
}

static void
make_image(const char *image, bool big, const char *size)
{
	const char *dir = bench_dir();

	if (!bench_sh("mkdir -p '%s/tree'", dir) ||
	    (big && !bench_sh("head -c %ld /dev/urandom >'%s/tree/big'", BIG,
	    dir)) ||
	    !bench_sh("truncate -s %s '%s' && mkfs.ext4 -q -F -N 131072 "
	    "-E lazy_itable_init=0 -d '%s/tree' '%s' && "
	    "cp --sparse=always '%s' '%s.clean'", size, image, dir, image,
	    image, image) || !bench_sh("rm -rf '%s/tree'", dir))
		errx(1, "cannot make an image (mkfs.ext4?)");
}

static void
compare(const char *metric, const char *unit, enum bench_sense sense,
    double (*fn)(void *), struct world *w, int runs, double goal_loop,
    double goal_fuse)
{
	struct bench_subject s[] = {
		{ .fn = fn, .arg = &w[OURS] }, { .fn = fn, .arg = &w[LOOP] },
	};

	if (geteuid() != 0) {
		fprintf(stderr, "  %-44s %10.4g %-8s (peers need root)\n",
		    metric, bench_median_child(runs, fn, &w[OURS]), unit);
		return;
	}
	bench_turns_child(runs, s, 2);
	bench_row("ext2fs", metric, unit, sense, s[0].median, s[1].median,
	    peer_names[LOOP], goal_loop);
	bench_row("ext2fs", metric, unit, sense, s[0].median,
	    bench_median_child(1, fn, &w[FUSE2FS]), peer_names[FUSE2FS],
	    goal_fuse);
}

/*
 * Cached data of fuse2fs is in the host's page cache, as the loop mount's is:
 * the rows of a copy without a file system around it say how much faster than
 * either a read can be.
 */
static void
compare_random(struct world *w)
{
	long span = SPAN;
	struct bench_subject s[] = {
		{ .fn = read_random, .arg = &w[OURS] },
		{ .fn = read_random, .arg = &w[LOOP] },
		{ .fn = read_random, .arg = &w[FUSE2FS] },
		{ .fn = bench_copies, .arg = &span },
	};

	if (geteuid() != 0) {
		compare("pread 4 KiB at random, cached", "1/s",
		    MORE_IS_BETTER, read_random, w, RUNS_READ, 3, 5);
		return;
	}
	bench_turns_child(RUNS_READ, s, 4);
	for (enum peer p = LOOP; p <= FUSE2FS; p++) {
		bench_row("ext2fs", "pread 4 KiB at random, cached", "1/s",
		    MORE_IS_BETTER, s[OURS].median, s[p].median,
		    peer_names[p], p == LOOP ? 3 : 5);
		bench_row("ext2fs", "  its bound: memcpy, no file", "1/s",
		    MORE_IS_BETTER, s[3].median, s[p].median, peer_names[p],
		    0);
	}
}

int
main(void)
{
	struct world w[3] = {
		{ OURS, "/mnt", "", rump_sys_open, rump_sys_close,
		    rump_sys_unlink, rump_sys_mkdir, rump_sys_fsync,
		    rump_sys_pread, rump_sys_pwrite },
		{ LOOP, "", "", open, close, unlink, mkdir, fsync, pread,
		    pwrite },
		{ FUSE2FS, "", "", open, close, unlink, mkdir, fsync, pread,
		    pwrite },
	};
	double ms;

	memset(chunk, 0x5a, sizeof(chunk));
	for (int i = 0; i < 3; i++) {
		snprintf(w[i].image, sizeof(w[i].image), "%s/image",
		    bench_dir());
		if (i != OURS) {
			snprintf(w[i].dir, sizeof(w[i].dir), "%s/mnt",
			    bench_dir());
		}
	}
	if (!bench_sh("mkdir '%s'", w[LOOP].dir))
		return 1;
	make_image(w[OURS].image, true, "2G");
	compare("read of 1 GiB, cold", "MiB/s", MORE_IS_BETTER, read_cold, w,
	    RUNS, 1, 5);
	compare_random(w);
	compare("write of 512 MiB and fsync", "MiB/s", MORE_IS_BETTER,
	    write_sequential, w, 3, 0, 5);
	make_image(w[OURS].image, false, "1G");
	compare("create 50,000 small files", "1/s", MORE_IS_BETTER,
	    create_many, w, 3, 1, 5);
	if (!bench_sh("mkdir '%s/tree' && head -c 1000000 /dev/urandom >"
	    "'%s/tree/big'", bench_dir(), bench_dir()) ||
	    !bench_sh("mkfs.ext4 -q -F -d '%s/tree' '%s'", bench_dir(),
	    w[OURS].image))
		errx(1, "mkfs.ext4");
	ms = bench_median_child(RUNS, mount_first_read, &w[OURS]);
	bench_row("ext2fs", "mount of 1 GiB and first read", "ms",
	    LESS_IS_BETTER, ms, 5, "limit", 1);
	if (geteuid() == 0)
		bench_row("ext2fs", "mount of 1 GiB and first read", "ms",
		    LESS_IS_BETTER, ms, bench_median_child(RUNS,
		    mount_first_read, &w[LOOP]), peer_names[LOOP], 0);
	bench_cleanup();
	return 0;
}
