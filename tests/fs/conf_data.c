/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Contents of files: reading, writing, holes, sizes, truncation.
 */
#include "conf.h"

static bool
is_zero(const void *p, size_t n)
{
	const unsigned char *b = p;

	while (n > 0 && *b == 0)
		n--, b++;
	return n == 0;
}

static void
what_is_written_is_read(void **state)
{
	static unsigned char out[70000], in[70000];
	size_t i, n;
	int fd;

	(void)state;
	for (i = 0; i < sizeof(out); i++)
		out[i] = (unsigned char)(i * 7 + i / 251);
	fd = ok(open_("f", O_RDWR | O_CREAT, 0644));
	for (i = 0; i < sizeof(out); i += n) {
		n = (i * 31 + 13) % 5000 + 1;
		if (n > sizeof(out) - i)
			n = sizeof(out) - i;
		eq(ok(sys->write(fd, out + i, n)), n);
	}
	eq(st_fd(fd).st_size, sizeof(out));
	ok(sys->lseek(fd, 0, SEEK_SET));
	for (i = 0; i < sizeof(in); i += n) {
		n = (i * 17 + 7) % 9000 + 1;
		if (n > sizeof(in) - i)
			n = sizeof(in) - i;
		eq(ok(sys->read(fd, in + i, n)), n);
	}
	eq(ok(sys->read(fd, in, 1)), 0);
	is(memcmp(in, out, sizeof(in)) == 0);
	ok(sys->close(fd));
}

static void
pieces_are_gathered_and_scattered(void **state)
{
	char a[3], b[5000], c[1] = { 'c' }, x[100], y[4904];
	struct iovec w[] = { { a, 3 }, { NULL, 0 }, { b, 5000 }, { c, 1 } };
	struct iovec r[] = { { x, 100 }, { y, 4904 } };
	int fd;

	(void)state;
	memset(a, 'a', sizeof(a));
	memset(b, 'b', sizeof(b));
	fd = ok(open_("f", O_RDWR | O_CREAT, 0644));
	eq(ok(sys->writev(fd, w, 4)), 5004);
	ok(sys->lseek(fd, 0, SEEK_SET));
	eq(ok(sys->readv(fd, r, 2)), 5004);
	is(x[2] == 'a' && x[3] == 'b' && y[4903] == 'c' && y[4902] == 'b');
	ok(sys->close(fd));
}

static void
holes_read_as_zero(void **state)
{
	static char buf[200000];
	int fd;

	(void)state;
	fd = ok(open_("f", O_RDWR | O_CREAT, 0644));
	eq(ok(sys->pwrite(fd, "x", 1, 150000)), 1);
	eq(st_fd(fd).st_size, 150001);
	eq(ok(sys->pread(fd, buf, sizeof(buf), 0)), 150001);
	is(is_zero(buf, 150000));
	eq(buf[150000], 'x');
	eq(ok(sys->pwrite(fd, "y", 1, 70000)), 1);
	eq(ok(sys->pread(fd, buf, sizeof(buf), 0)), 150001);
	is(is_zero(buf, 70000) && buf[70000] == 'y' &&
	    is_zero(buf + 70001, 79999) && buf[150000] == 'x');
	is((uint64_t)st_fd(fd).st_blocks * 512 < 150000);
	ok(sys->close(fd));
}

static void
huge_offsets_work(void **state)
{
	static const uint64_t offs[] = { 1ULL << 31, (1ULL << 32) - 1,
	    (1ULL << 32) + 4095, 1ULL << 33, 1ULL << 40, 1ULL << 43,
	    1ULL << 50, 1ULL << 62 };
	char c;
	size_t i;
	int fd;

	(void)state;
	fd = ok(open_("f", O_RDWR | O_CREAT, 0644));
	for (i = 0; i < sizeof(offs) / sizeof(offs[0]); i++) {
		off_t off = (off_t)offs[i];

		if (offs[i] + 1 > fs->cf_maxsize)
			break;
		eq(ok(sys->pwrite(fd, "xy", 1, off)), 1);
		eq(st_fd(fd).st_size, off + 1);
		eq(ok(sys->pread(fd, &c, 1, off)), 1);
		eq(c, 'x');
		eq(ok(sys->pread(fd, &c, 1, off - 1)), 1);
		eq(c, 0);
		eq(ok(sys->pread(fd, &c, 1, off + 1)), 0);
	}
	ok(sys->ftruncate(fd, 1));
	eq(ok(sys->pread(fd, &c, 1, 0)), 1);
	eq(c, 0);
	ok(sys->close(fd));
}

static void
beyond_the_largest_size_is_efbig(void **state)
{
	off_t max = (off_t)fs->cf_maxsize;
	int fd;

	(void)state;
	fd = ok(open_("f", O_RDWR | O_CREAT, 0644));
	if (max < INT64_MAX) {
		fails(sys->pwrite(fd, "x", 1, max), EFBIG);
		fails(sys->pwrite(fd, "x", 1, INT64_MAX - 1), EFBIG);
		fails(sys->ftruncate(fd, INT64_MAX), EFBIG);
		fails(sys->truncate("f", max + 4096), EFBIG);
	} else {
		fails(sys->pwrite(fd, "x", 1, max), EINVAL);
		ok(sys->ftruncate(fd, INT64_MAX));
	}
	ok(sys->ftruncate(fd, 0));
	eq(st_fd(fd).st_blocks, 0);
	ok(sys->close(fd));
}

static void
offsets_are_checked(void **state)
{
	int fd;

	(void)state;
	fd = ok(open_("f", O_RDWR | O_CREAT, 0644));
	fails(sys->pwrite(fd, "x", 1, -1), EINVAL);
	fails(sys->pread(fd, &fd, 1, -1), EINVAL);
	fails(sys->ftruncate(fd, -1), EINVAL);
	fails(sys->truncate("f", -1), EINVAL);
	fails(sys->lseek(fd, -1, SEEK_SET), EINVAL);
	fails(sys->lseek(fd, 0, 99), EINVAL);
	eq(ok(sys->lseek(fd, 10, SEEK_SET)), 10);
	fails(sys->lseek(fd, -11, SEEK_CUR), EINVAL);
	eq(ok(sys->lseek(fd, 5, SEEK_CUR)), 15);
	eq(ok(sys->lseek(fd, 5, SEEK_END)), 5);
	eq(ok(sys->read(fd, &fd, 0)), 0);
	ok(sys->close(fd));
}

static void
truncate_cuts_and_grows(void **state)
{
	static char buf[20000];
	int fd;

	(void)state;
	fd = ok(open_("f", O_RDWR | O_CREAT, 0644));
	memset(buf, 'x', sizeof(buf));
	eq(ok(sys->write(fd, buf, 10000)), 10000);
	ok(sys->ftruncate(fd, 5000));
	eq(st_fd(fd).st_size, 5000);
	eq(ok(sys->pread(fd, buf, sizeof(buf), 0)), 5000);
	ok(sys->truncate("f", 15000));
	eq(st_fd(fd).st_size, 15000);
	memset(buf, 'y', sizeof(buf));
	eq(ok(sys->pread(fd, buf, sizeof(buf), 0)), 15000);
	is(buf[4999] == 'x' && is_zero(buf + 5000, 10000));
	ok(sys->ftruncate(fd, 0));
	eq(st_fd(fd).st_blocks, 0);
	ok(sys->ftruncate(fd, 8192));
	eq(ok(sys->pread(fd, buf, sizeof(buf), 0)), 8192);
	is(is_zero(buf, 8192));
	ok(sys->close(fd));
}

static void
truncated_data_never_comes_back(void **state)
{
	static char buf[9000];
	static const off_t cuts[] = { 0, 1, 511, 512, 1023, 1025, 4095, 4096,
	    4097, 8191 };
	size_t i;
	int fd;

	(void)state;
	fd = ok(open_("f", O_RDWR | O_CREAT, 0644));
	for (i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
		memset(buf, 'x', sizeof(buf));
		eq(ok(sys->pwrite(fd, buf, sizeof(buf), 0)), 9000);
		ok(sys->ftruncate(fd, cuts[i]));
		if (i % 2 == 0)
			ok(sys->ftruncate(fd, 9000));
		else
			eq(ok(sys->pwrite(fd, "e", 1, 8999)), 1);
		eq(ok(sys->pread(fd, buf, sizeof(buf), 0)), 9000);
		is(cuts[i] == 0 || buf[cuts[i] - 1] == 'x');
		is(is_zero(buf + cuts[i], (size_t)(8999 - cuts[i])));
	}
	ok(sys->close(fd));
}

static void
truncate_refuses_what_it_must(void **state)
{
	int fd;

	(void)state;
	put("f", "text");
	ok(mkdir_("d", 0755));
	fails(sys->truncate("d", 0), EISDIR);
	fails(sys->truncate("missing", 0), ENOENT);
	fails(sys->truncate("f/x", 0), ENOTDIR);
	fd = ok(open_("f", O_RDONLY, 0));
	fails(sys->ftruncate(fd, 0), EINVAL);
	ok(sys->close(fd));
	fd = ok(open_("d", O_RDONLY, 0));
	fails(sys->ftruncate(fd, 0), EINVAL);
	ok(sys->close(fd));
	fails(sys->ftruncate(-1, 0), EBADF);
	is(has("f", "text"));
}

static void
append_goes_to_the_end(void **state)
{
	int fd;

	(void)state;
	put("f", "12");
	fd = ok(open_("f", O_RDWR | O_APPEND, 0));
	ok(sys->lseek(fd, 0, SEEK_SET));
	eq(ok(sys->write(fd, "3", 1)), 1);
	eq(ok(sys->lseek(fd, 0, SEEK_CUR)), 3);
	eq(ok(sys->pwrite(fd, "4", 1, 0)), 1);
	is(has("f", "1234"));
	ok(sys->ftruncate(fd, 1));
	eq(ok(sys->write(fd, "x", 1)), 1);
	is(has("f", "1x"));
	ok(sys->fcntl(fd, F_SETFL, (void *)0));
	eq(ok(sys->pwrite(fd, "0", 1, 0)), 1);
	is(has("f", "0x"));
	ok(sys->close(fd));
}

static void
direct_and_cached_data_agree(void **state)
{
	static _Alignas(4096) char buf[3 * 4096], is_[3 * 4096];
	int fd, direct;

	(void)state;
	fd = ok(open_("f", O_RDWR | O_CREAT, 0644));
	direct = ok(open_("f", O_RDWR | O_DIRECT, 0));
	memset(buf, 'a', sizeof(buf));
	eq(ok(sys->write(fd, buf, sizeof(buf))), sizeof(buf));
	eq(ok(sys->pread(direct, is_, sizeof(is_), 0)), sizeof(is_));
	is(memcmp(is_, buf, sizeof(buf)) == 0);
	memset(buf + 4096, 'b', 4096);
	eq(ok(sys->pwrite(direct, buf + 4096, 4096, 4096)), 4096);
	eq(ok(sys->pread(fd, is_, sizeof(is_), 0)), sizeof(is_));
	is(memcmp(is_, buf, sizeof(buf)) == 0);
	/* A hole, and the end. */
	ok(sys->ftruncate(fd, 5 * 4096));
	memset(buf, 0, 2 * 4096);
	eq(ok(sys->pread(direct, is_, sizeof(is_), 3 * 4096)), 2 * 4096);
	is(memcmp(is_, buf, 2 * 4096) == 0);
	eq(ok(sys->pread(direct, is_, 4096, 5 * 4096)), 0);
	/* Set and cleared by fcntl(). */
	ok(sys->fcntl(direct, F_SETFL, (void *)0));
	eq(ok(sys->pread(direct, is_, 100, 4090)), 100);
	is(is_[0] == 'a' && is_[99] == 'b');
	ok(sys->fcntl(fd, F_SETFL, (void *)O_DIRECT));
	eq(ok(sys->pread(fd, is_, 4096, 4096)), 4096);
	is(is_[0] == 'b' && is_[4095] == 'b');
	ok(sys->close(direct));
	ok(sys->close(fd));
}

static void
access_mode_of_a_descriptor_is_kept(void **state)
{
	char c;
	int fd;

	(void)state;
	put("f", "text");
	fd = ok(open_("f", O_RDONLY, 0));
	fails(sys->write(fd, "x", 1), EBADF);
	fails(sys->pwrite(fd, "x", 1, 0), EBADF);
	fails(sys->fallocate(fd, 0, 0, 1), EBADF);
	ok(sys->close(fd));
	fd = ok(open_("f", O_WRONLY, 0));
	fails(sys->read(fd, &c, 1), EBADF);
	fails(sys->pread(fd, &c, 1, 0), EBADF);
	ok(sys->close(fd));
	fails(sys->read(fd, &c, 1), EBADF);
	fails(sys->close(fd), EBADF);
	is(has("f", "text"));
}

static void
bad_buffers_are_efault(void **state)
{
	int fd;

	(void)state;
	fd = ok(open_("f", O_RDWR | O_CREAT, 0644));
	fails(sys->write(fd, NULL, 10), EFAULT);
	eq(ok(sys->write(fd, NULL, 0)), 0);
	eq(ok(sys->write(fd, "0123456789", 10)), 10);
	fails(sys->pread(fd, NULL, 10, 0), EFAULT);
	fails(open_(NULL, O_RDONLY, 0), EFAULT);
	fails(sys->fstat(fd, NULL), EFAULT);
	eq(st_fd(fd).st_size, 10);
	ok(sys->close(fd));
}

static void
positions_are_shared_by_dup(void **state)
{
	int fd, other;
	char c;

	(void)state;
	put("f", "123");
	fd = ok(open_("f", O_RDONLY, 0));
	other = ok(sys->dup(fd));
	eq(ok(sys->read(fd, &c, 1)), 1);
	eq(ok(sys->read(other, &c, 1)), 1);
	eq(c, '2');
	ok(sys->close(fd));
	eq(ok(sys->read(other, &c, 1)), 1);
	eq(c, '3');
	ok(sys->close(other));
}

static void
sync_calls_succeed(void **state)
{
	int fd, dfd;

	(void)state;
	put("f", "text");
	fd = ok(open_("f", O_RDWR, 0));
	eq(ok(sys->write(fd, "TEXT", 4)), 4);
	ok(sys->fsync(fd));
	ok(sys->fdatasync(fd));
	ok(sys->syncfs(fd));
	dfd = ok(open_(".", O_RDONLY | O_DIRECTORY, 0));
	ok(sys->fsync(dfd));
	ok(sys->close(dfd));
	ok(sys->close(fd));
	sys->sync();
	fails(sys->fsync(-1), EBADF);
	fd = ok(open_("f", O_RDWR | O_SYNC, 0));
	eq(ok(sys->write(fd, "sync", 4)), 4);
	ok(sys->close(fd));
	fd = ok(open_("f", O_RDWR | O_DSYNC | O_APPEND, 0));
	eq(ok(sys->write(fd, "ed", 2)), 2);
	ok(sys->close(fd));
	is(has("f", "synced"));
}

#define CONF_DATA							\
	C(what_is_written_is_read),					\
	C(pieces_are_gathered_and_scattered),				\
	C(holes_read_as_zero),						\
	C(huge_offsets_work),						\
	C(beyond_the_largest_size_is_efbig),				\
	C(offsets_are_checked),						\
	C(truncate_cuts_and_grows),					\
	C(truncated_data_never_comes_back),				\
	C(truncate_refuses_what_it_must),				\
	C(append_goes_to_the_end),					\
	C(direct_and_cached_data_agree),				\
	C(access_mode_of_a_descriptor_is_kept),				\
	C(bad_buffers_are_efault),					\
	C(positions_are_shared_by_dup),					\
	C(sync_calls_succeed)
