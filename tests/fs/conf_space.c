/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Space: running out of it, reserving it, holes, copying ranges.
 */
#include "conf.h"

static struct statfs
space(const char *p)
{
	struct statfs sf;

	ok(sys->statfs(p, &sf));
	return sf;
}

/* Stand in a small file system until leave_small(). */
static void
enter_small(uint64_t bytes, uint64_t nodes)
{
	const char *p = fs->cf_small(bytes, nodes);

	is(p != NULL);
	conf_in_small = true;
	ok(sys->chdir(p));
}

static void
leave_small(void)
{

	ok(sys->chdir(fs->cf_root));
	fs->cf_small_done();
	conf_in_small = false;
}

static void
write_stops_short_when_full(void **state)
{
	static char buf[256 * 1024];
	struct statfs before, after;
	uint64_t size = 0;
	ssize_t n;
	bool partial = false;
	int fd, other;

	(void)state;
	needs(CF_LIMITS);
	enter_small(2 << 20, 0);
	ok(sys->close(ok(open_("f", O_WRONLY | O_CREAT, 0644))));
	sys->sync();
	before = space(".");
	fd = ok(open_("f", O_WRONLY, 0));
	memset(buf, 'x', sizeof(buf));
	while ((n = sys->write(fd, buf, sizeof(buf))) > 0) {
		is(!partial);
		size += (uint64_t)n;
		partial = (size_t)n < sizeof(buf);
	}
	eq(n, -1);
	eq(errno, ENOSPC);
	eq(st_fd(fd).st_size, size);
	if ((fs->cf_caps & CF_EXACT) != 0) {
		eq(size, (uint64_t)before.f_bfree * before.f_bsize);
		eq(space(".").f_bfree, 0);
		/* What has space already can be written. */
		eq(ok(sys->pwrite(fd, "y", 1, 0)), 1);
		eq(ok(sys->pwrite(fd, buf, 8192, 100)), 8192);
		fails(sys->pwrite(fd, "y", 1, (off_t)size), ENOSPC);
		other = ok(open_("g", O_WRONLY | O_CREAT, 0644));
		fails(sys->write(other, "x", 1), ENOSPC);
		ok(sys->close(other));
	}
	ok(sys->ftruncate(fd, 0));
	ok(sys->fsync(fd));
	after = space(".");
	eq(after.f_bfree, before.f_bfree);
	eq(ok(sys->write(fd, buf, sizeof(buf))), sizeof(buf));
	ok(sys->close(fd));
	ok(unlink_("f"));
	leave_small();
}

static void
space_of_unlinked_file_comes_back_at_close(void **state)
{
	static char buf[64 * 1024];
	struct statfs before, held;
	int fd, i;

	(void)state;
	needs(CF_LIMITS);
	enter_small(4 << 20, 0);
	put("keep", "k");
	sys->sync();
	before = space(".");
	fd = ok(open_("f", O_RDWR | O_CREAT, 0644));
	for (i = 0; i < 16; i++)
		eq(ok(sys->write(fd, buf, sizeof(buf))), sizeof(buf));
	ok(sys->fsync(fd));
	ok(unlink_("f"));
	held = space(".");
	is((before.f_bfree - held.f_bfree) * (unsigned long)before.f_bsize >=
	    1 << 20);
	ok(sys->close(fd));
	sys->sync();
	eq(space(".").f_bfree, before.f_bfree);
	eq(space(".").f_ffree, before.f_ffree);
	leave_small();
}

static void
files_run_out(void **state)
{
	char name[32];
	struct statfs sf;
	unsigned i, n;

	(void)state;
	needs(CF_LIMITS);
	enter_small(8 << 20, 64);
	sf = space(".");
	n = (unsigned)sf.f_ffree;
	is(n > 0 && n < 20000);
	for (i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "f%u", i);
		ok(sys->mknodat(AT_FDCWD, name, S_IFREG | 0644, 0));
	}
	eq(space(".").f_ffree, 0);
	fails(open_("more", O_WRONLY | O_CREAT, 0644), ENOSPC);
	fails(mkdir_("more", 0755), ENOSPC);
	fails(symlink_("t", "more"), ENOSPC);
	is(!exists("more"));
	ok(rename_("f1", "g1"));
	ok(unlink_("f0"));
	eq(space(".").f_ffree, 1);
	ok(mkdir_("more", 0755));
	ok(rmdir_("more"));
	eq(space(".").f_ffree, 1);
	leave_small();
}

static void
holes_take_no_space(void **state)
{
	struct statfs before;
	int fd;

	(void)state;
	needs(CF_EXACT);
	enter_small(1 << 20, 0);
	before = space(".");
	fd = ok(open_("f", O_RDWR | O_CREAT, 0644));
	ok(sys->ftruncate(fd, 1ll << 40));
	eq(space(".").f_bfree, before.f_bfree);
	eq(ok(sys->pwrite(fd, "x", 1, 1ll << 39)), 1);
	eq(before.f_bfree - space(".").f_bfree, 1);
	eq(st_fd(fd).st_blocks, 8);
	eq(ok(sys->pwrite(fd, "xy", 2, (1ll << 38) - 1)), 2);
	eq(before.f_bfree - space(".").f_bfree, 3);
	ok(sys->ftruncate(fd, (1ll << 38)));
	eq(before.f_bfree - space(".").f_bfree, 1);
	ok(sys->close(fd));
	ok(unlink_("f"));
	eq(space(".").f_bfree, before.f_bfree);
	leave_small();
}

static void
holes_are_filled_as_far_as_space_goes(void **state)
{
	static char buf[64 * 4096];
	struct statfs sf;
	uint64_t i, n;
	int fd;

	(void)state;
	needs(CF_EXACT);
	enter_small(40 * 4096, 0);
	sf = space(".");
	n = sf.f_bfree;
	is(n >= 20 && n <= 40);
	fd = ok(open_("f", O_RDWR | O_CREAT, 0644));
	for (i = 0; i < n / 2; i++)	/* every other page */
		eq(ok(sys->pwrite(fd, "x", 1, (off_t)(i * 8192))), 1);
	eq(space(".").f_bfree, n - n / 2);
	/* n / 2 pages of holes fit among n / 2 of data. */
	memset(buf, 'y', sizeof(buf));
	eq(ok(sys->pwrite(fd, buf, sizeof(buf), 0)), n * 4096);
	eq(space(".").f_bfree, 0);
	fails(sys->pwrite(fd, buf, 4096, (off_t)(n * 4096)), ENOSPC);
	ok(sys->close(fd));
	leave_small();
}

static void
limits_are_what_was_asked_for(void **state)
{
	(void)state;
	needs(CF_EXACT);
	enter_small(64 * 4096, 0);
	eq(space(".").f_blocks, 64);
	eq(space(".").f_bsize, 4096);
	leave_small();
}

/* ---- fallocate ---------------------------------------------------------- */

static void
fallocate_reserves_and_grows(void **state)
{
	char buf[100];
	int fd;

	(void)state;
	needs(CF_FALLOC);
	fd = ok(open_("f", O_RDWR | O_CREAT, 0644));
	ok(sys->fallocate(fd, 0, 0, 50000));
	eq(st_fd(fd).st_size, 50000);
	is(st_fd(fd).st_blocks * 512 >= 50000);
	eq(ok(sys->pread(fd, buf, 100, 40000)), 100);
	is(buf[0] == 0 && buf[99] == 0);
	eq(ok(sys->pwrite(fd, "data", 4, 1000)), 4);
	ok(sys->fallocate(fd, 0, 0, 10000));
	eq(st_fd(fd).st_size, 50000);
	eq(ok(sys->pread(fd, buf, 4, 1000)), 4);
	is(memcmp(buf, "data", 4) == 0);
	ok(sys->fallocate(fd, FALLOC_FL_KEEP_SIZE, 45000, 20000));
	eq(st_fd(fd).st_size, 50000);
	is(st_fd(fd).st_blocks * 512 >= 65000);
	ok(sys->ftruncate(fd, 60000));
	eq(ok(sys->pread(fd, buf, 100, 55000)), 100);
	is(buf[0] == 0 && buf[99] == 0);
	ok(sys->ftruncate(fd, 0));
	eq(st_fd(fd).st_blocks, 0);
	ok(sys->close(fd));
}

static void
fallocate_refuses_what_it_must(void **state)
{
	int fd, dfd;

	(void)state;
	needs(CF_FALLOC);
	fd = ok(open_("f", O_RDWR | O_CREAT, 0644));
	fails(sys->fallocate(fd, 0, 0, 0), EINVAL);
	fails(sys->fallocate(fd, 0, -1, 10), EINVAL);
	fails(sys->fallocate(fd, 0, 0, -1), EINVAL);
	fails(sys->fallocate(fd, 0, INT64_MAX, 10), EFBIG);
	fails(sys->fallocate(fd, 0x4000, 0, 10), EOPNOTSUPP);
	fails(sys->fallocate(fd, FALLOC_FL_PUNCH_HOLE, 0, 10), EOPNOTSUPP);
	ok(sys->close(fd));
	dfd = ok(open_(".", O_RDONLY | O_DIRECTORY, 0));
	fails(sys->fallocate(dfd, 0, 0, 10), EBADF);
	ok(sys->close(dfd));
	fails(sys->fallocate(-1, 0, 0, 10), EBADF);
}

static void
fallocated_space_cannot_run_out(void **state)
{
	static char buf[4096];
	uint64_t n, i;
	int fd, other;

	(void)state;
	needs(CF_EXACT);
	enter_small(64 * 4096, 0);
	fd = ok(open_("f", O_RDWR | O_CREAT, 0644));
	other = ok(open_("g", O_RDWR | O_CREAT, 0644));
	n = space(".").f_bfree;
	ok(sys->fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, (off_t)n * 2048));
	eq(space(".").f_bfree, n - n / 2);
	eq(st_fd(fd).st_size, 0);
	fails(sys->fallocate(other, 0, 0, (off_t)n * 4096), ENOSPC);
	eq(space(".").f_bfree, n - n / 2);
	eq(st_fd(other).st_size, 0);
	while (sys->write(other, buf, sizeof(buf)) == sizeof(buf))
		continue;
	eq(errno, ENOSPC);
	for (i = 0; i < n / 2; i++)
		eq(ok(sys->write(fd, buf, sizeof(buf))), sizeof(buf));
	fails(sys->write(fd, buf, sizeof(buf)), ENOSPC);
	ok(sys->close(other));
	ok(sys->close(fd));
	leave_small();
}

static void
punched_holes_read_as_zero(void **state)
{
	static char buf[40000];
	blkcnt_t blocks;
	size_t i;
	int fd;

	(void)state;
	needs(CF_PUNCH);
	fd = ok(open_("f", O_RDWR | O_CREAT, 0644));
	memset(buf, 'x', sizeof(buf));
	eq(ok(sys->write(fd, buf, sizeof(buf))), sizeof(buf));
	ok(sys->fsync(fd));
	blocks = st_fd(fd).st_blocks;
	ok(sys->fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
	    5000, 20000));
	eq(st_fd(fd).st_size, sizeof(buf));
	ok(sys->fsync(fd));
	is(blocks - st_fd(fd).st_blocks >= 4 * 8);
	eq(ok(sys->pread(fd, buf, sizeof(buf), 0)), sizeof(buf));
	for (i = 0; i < sizeof(buf); i++)
		eq(buf[i], i < 5000 || i >= 25000 ? 'x' : 0);
	ok(sys->fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
	    30000, 1 << 20));
	eq(st_fd(fd).st_size, sizeof(buf));
	eq(ok(sys->pread(fd, buf, sizeof(buf), 0)), sizeof(buf));
	is(buf[29999] == 'x' && buf[30000] == 0 && buf[39999] == 0);
	ok(sys->fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
	    0, 1 << 20));
	ok(sys->fsync(fd));
	eq(st_fd(fd).st_blocks, 0);
	eq(ok(sys->pwrite(fd, "y", 1, 10)), 1);
	eq(ok(sys->pread(fd, buf, 20, 0)), 20);
	is(buf[9] == 0 && buf[10] == 'y' && buf[11] == 0);
	ok(sys->close(fd));
}

static void
zeroed_ranges_read_as_zero(void **state)
{
	static char buf[40000];
	size_t i;
	int fd;

	(void)state;
	needs(CF_ZERORANGE);
	fd = ok(open_("f", O_RDWR | O_CREAT, 0644));
	memset(buf, 'x', sizeof(buf));
	eq(ok(sys->write(fd, buf, 30000)), 30000);
	ok(sys->fallocate(fd, FALLOC_FL_ZERO_RANGE, 5000, 10000));
	eq(ok(sys->pread(fd, buf, sizeof(buf), 0)), 30000);
	for (i = 0; i < 30000; i++)
		eq(buf[i], i < 5000 || i >= 15000 ? 'x' : 0);
	ok(sys->fallocate(fd, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE,
	    25000, 10000));
	eq(st_fd(fd).st_size, 30000);
	ok(sys->fallocate(fd, FALLOC_FL_ZERO_RANGE, 29000, 6000));
	eq(st_fd(fd).st_size, 35000);
	eq(ok(sys->pread(fd, buf, sizeof(buf), 0)), 35000);
	is(buf[24999] == 'x' && buf[25000] == 0 && buf[34999] == 0);
	is(st_fd(fd).st_blocks * 512 >= 35000);
	ok(sys->close(fd));
}

static void
data_and_holes_are_found(void **state)
{
	static char buf[65536];
	int fd;

	(void)state;
	fd = ok(open_("f", O_RDWR | O_CREAT, 0644));
	fails(sys->lseek(fd, 0, SEEK_DATA), ENXIO);
	fails(sys->lseek(fd, 0, SEEK_HOLE), ENXIO);
	memset(buf, 'x', sizeof(buf));
	eq(ok(sys->pwrite(fd, buf, 65536, 65536)), 65536);
	eq(ok(sys->pwrite(fd, buf, 65536, 3 * 65536)), 65536);
	ok(sys->ftruncate(fd, 5 * 65536));
	eq(ok(sys->lseek(fd, 65536, SEEK_DATA)), 65536);
	eq(ok(sys->lseek(fd, 65536 + 100, SEEK_DATA)), 65536 + 100);
	fails(sys->lseek(fd, 5 * 65536, SEEK_DATA), ENXIO);
	fails(sys->lseek(fd, 5 * 65536, SEEK_HOLE), ENXIO);
	if ((fs->cf_caps & CF_SEEKHOLE) != 0) {
		eq(ok(sys->lseek(fd, 0, SEEK_DATA)), 65536);
		eq(ok(sys->lseek(fd, 0, SEEK_HOLE)), 0);
		eq(ok(sys->lseek(fd, 65536, SEEK_HOLE)), 2 * 65536);
		eq(ok(sys->lseek(fd, 2 * 65536, SEEK_DATA)), 3 * 65536);
		eq(ok(sys->lseek(fd, 3 * 65536, SEEK_HOLE)), 4 * 65536);
		fails(sys->lseek(fd, 4 * 65536, SEEK_DATA), ENXIO);
		ok(sys->fsync(fd));
		eq(ok(sys->lseek(fd, 2 * 65536, SEEK_DATA)), 3 * 65536);
		eq(ok(sys->lseek(fd, 65536, SEEK_HOLE)), 2 * 65536);
	}
	ok(sys->ftruncate(fd, 2 * 65536));
	eq(ok(sys->lseek(fd, 65536 + 1, SEEK_HOLE)), 2 * 65536);
	ok(sys->close(fd));
}

static void
ranges_are_copied(void **state)
{
	static char buf[50000], out[60000];
	off_t in = 100, to = 5000;
	int a, b, i;

	(void)state;
	a = ok(open_("a", O_RDWR | O_CREAT, 0644));
	b = ok(open_("b", O_RDWR | O_CREAT, 0644));
	for (i = 0; i < 50000; i++)
		buf[i] = (char)(i % 127);
	eq(ok(sys->write(a, buf, sizeof(buf))), sizeof(buf));
	eq(ok(sys->copy_file_range(a, &in, b, &to, 20000, 0)), 20000);
	is(in == 20100 && to == 25000);
	eq(st_fd(b).st_size, 25000);
	eq(ok(sys->pread(b, out, sizeof(out), 0)), 25000);
	is(memcmp(out + 5000, buf + 100, 20000) == 0);
	is(out[0] == 0 && out[4999] == 0);
	eq(ok(sys->lseek(a, 49000, SEEK_SET)), 49000);
	eq(ok(sys->copy_file_range(a, NULL, b, NULL, 20000, 0)), 1000);
	eq(ok(sys->lseek(a, 0, SEEK_CUR)), 50000);
	eq(ok(sys->lseek(b, 0, SEEK_CUR)), 1000);
	eq(ok(sys->copy_file_range(a, NULL, b, NULL, 20000, 0)), 0);
	/* Inside of one file, not overlapping. */
	in = 0;
	to = 30000;
	eq(ok(sys->copy_file_range(a, &in, a, &to, 10000, 0)), 10000);
	eq(ok(sys->pread(a, out, 10000, 30000)), 10000);
	is(memcmp(out, buf, 10000) == 0);
	in = 0;
	to = 5000;
	fails(sys->copy_file_range(a, &in, a, &to, 10000, 0), EINVAL);
	fails(sys->copy_file_range(a, &in, b, &to, 10000, 1), EINVAL);
	ok(sys->close(b));
	b = ok(open_("b", O_RDONLY, 0));
	fails(sys->copy_file_range(a, &in, b, &to, 10, 0), EBADF);
	ok(sys->close(b));
	b = ok(open_("b", O_WRONLY | O_APPEND, 0));
	fails(sys->copy_file_range(a, &in, b, &to, 10, 0), EBADF);
	ok(sys->close(b));
	b = ok(open_(".", O_RDONLY, 0));
	fails(sys->copy_file_range(b, &in, a, &to, 10, 0), EISDIR);
	ok(sys->close(b));
	ok(sys->close(a));
}

#define CONF_SPACE							\
	C(write_stops_short_when_full),					\
	C(space_of_unlinked_file_comes_back_at_close),			\
	C(files_run_out),						\
	C(holes_take_no_space),						\
	C(holes_are_filled_as_far_as_space_goes),			\
	C(limits_are_what_was_asked_for),				\
	C(fallocate_reserves_and_grows),				\
	C(fallocate_refuses_what_it_must),				\
	C(fallocated_space_cannot_run_out),				\
	C(punched_holes_read_as_zero),					\
	C(zeroed_ranges_read_as_zero),					\
	C(data_and_holes_are_found),					\
	C(ranges_are_copied)
