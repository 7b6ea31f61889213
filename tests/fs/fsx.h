/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A file under random operations, beside a model of it in memory.
 *
 * Every byte that is read is compared, the size after every operation, and
 * the whole file now and then. On a difference the last operations are shown.
 * The same seed does the same.
 */
#ifndef FSX_H
#define FSX_H

#include "conf.h"

#define FSX_SIZE	(512 * 1024)	/* of the largest file */
#define FSX_IO		(96 * 1024)	/* of the largest transfer */
#define FSX_LOG		24

struct fsx {
	uint64_t x_rand;
	unsigned long x_op;
	int x_fd;
	char x_name[64];
	off_t x_size;
	unsigned char *x_model;		/* FSX_SIZE bytes; beyond x_size: 0 */
	unsigned char *x_buf;		/* FSX_IO bytes at least */
	struct {
		const char *what;
		long off, len;
	} x_log[FSX_LOG];
};

static uint32_t
fsx_random(struct fsx *x, uint32_t n)
{

	x->x_rand = x->x_rand * 6364136223846793005u + 1442695040888963407u;
	return n == 0 ? 0 : (uint32_t)(x->x_rand >> 33) % n;
}

static void
fsx_log(struct fsx *x, const char *what, off_t off, size_t len)
{
	unsigned i = x->x_op % FSX_LOG;

	x->x_log[i].what = what;
	x->x_log[i].off = (long)off;
	x->x_log[i].len = (long)len;
}

static void __attribute__((noreturn))
fsx_fail(struct fsx *x, int line, const char *what)
{
	unsigned long i, from = x->x_op < FSX_LOG ? 0 : x->x_op - FSX_LOG + 1;

	print_error("%s: operation %lu, line %d: %s (%s)\n", fs->cf_name,
	    x->x_op, line, what, strerror(errno));
	for (i = from; i <= x->x_op; i++)
		print_error("%8lu %-9s off %#lx len %#lx\n", i,
		    x->x_log[i % FSX_LOG].what, x->x_log[i % FSX_LOG].off,
		    x->x_log[i % FSX_LOG].len);
	_fail(__FILE__, line);
	abort();
}

#define fsx_must(e) do {						\
	if (!(e))							\
		fsx_fail(x, __LINE__, #e);				\
} while (0)

static void
fsx_compare(struct fsx *x, off_t off, const unsigned char *got, size_t n)
{
	char why[128];
	size_t i;

	if (memcmp(x->x_model + off, got, n) == 0)
		return;
	for (i = 0; got[i] == x->x_model[off + (off_t)i]; i++)
		continue;
	snprintf(why, sizeof(why), "at %#lx: %#x instead of %#x",
	    (long)off + (long)i, got[i], x->x_model[off + (off_t)i]);
	fsx_fail(x, __LINE__, why);
}

/* An offset, often at the edge of a page or of the file. */
static off_t
fsx_offset(struct fsx *x, off_t max)
{
	off_t off = fsx_random(x, (uint32_t)max + 1);

	switch (fsx_random(x, 6)) {
	case 0:
		off &= ~4095;
		break;
	case 1:
		off = (off & ~4095) + fsx_random(x, 3) - 1;
		break;
	case 2:
		off = x->x_size;
		break;
	}
	return off < 0 ? 0 : off > max ? max : off;
}

static size_t
fsx_length(struct fsx *x, off_t off, off_t end)
{
	static const uint32_t most[] = { 10, 600, 5000, 5000, 20000, FSX_IO };
	size_t n = 1 + fsx_random(x, most[fsx_random(x, 6)]);

	if (fsx_random(x, 5) == 0)
		n = (n + 4095) & ~(size_t)4095;
	if (n > FSX_IO)
		n = FSX_IO;
	return off >= end ? 0 : n > (size_t)(end - off) ? (size_t)(end - off) :
	    n;
}

static void
fsx_read(struct fsx *x)
{
	off_t off = fsx_offset(x, FSX_SIZE - 1);
	size_t n = fsx_length(x, off, FSX_SIZE), want = 0;
	struct iovec v[3];
	ssize_t got;

	fsx_log(x, "read", off, n);
	if (off < x->x_size)
		want = n < (size_t)(x->x_size - off) ? n :
		    (size_t)(x->x_size - off);
	memset(x->x_buf, 0xee, n);
	if (fsx_random(x, 3) == 0) {
		size_t a = fsx_random(x, (uint32_t)n + 1);

		v[0] = (struct iovec){ x->x_buf, a };
		v[1] = (struct iovec){ x->x_buf + a, (n - a) / 2 };
		v[2] = (struct iovec){ x->x_buf + a + (n - a) / 2,
		    n - a - (n - a) / 2 };
		fsx_must(sys->lseek(x->x_fd, off, SEEK_SET) == off);
		got = sys->readv(x->x_fd, v, 3);
	} else
		got = sys->pread(x->x_fd, x->x_buf, n, off);
	fsx_must(got == (ssize_t)want);
	fsx_compare(x, off, x->x_buf, want);
}

static void
fsx_write(struct fsx *x, bool append)
{
	off_t off = append ? x->x_size : fsx_offset(x, FSX_SIZE - 1);
	size_t i, n = fsx_length(x, off, FSX_SIZE);
	uint64_t r;

	fsx_log(x, append ? "append" : "write", off, n);
	if (n == 0)
		return;
	r = x->x_rand | 1;
	for (i = 0; i < n; i++, r = r * 0x9e3779b97f4a7c15u + 1)
		x->x_buf[i] = (unsigned char)(r >> 56);
	if (append) {
		int fd = sys->openat(AT_FDCWD, x->x_name,
		    O_WRONLY | O_APPEND, 0);

		fsx_must(fd != -1);
		fsx_must(sys->write(fd, x->x_buf, n) == (ssize_t)n);
		fsx_must(sys->close(fd) == 0);
	} else if (fsx_random(x, 3) == 0) {
		struct iovec v[2] = { { x->x_buf, n / 3 },
		    { x->x_buf + n / 3, n - n / 3 } };

		fsx_must(sys->lseek(x->x_fd, off, SEEK_SET) == off);
		fsx_must(sys->writev(x->x_fd, v, 2) == (ssize_t)n);
	} else
		fsx_must(sys->pwrite(x->x_fd, x->x_buf, n, off) == (ssize_t)n);
	memcpy(x->x_model + off, x->x_buf, n);
	if (off + (off_t)n > x->x_size)
		x->x_size = off + (off_t)n;
}

static void
fsx_truncate(struct fsx *x)
{
	off_t size = fsx_offset(x, FSX_SIZE);

	fsx_log(x, "truncate", size, 0);
	if (fsx_random(x, 2) == 0)
		fsx_must(sys->ftruncate(x->x_fd, size) == 0);
	else
		fsx_must(sys->truncate(x->x_name, size) == 0);
	if (size < x->x_size)
		memset(x->x_model + size, 0, (size_t)(x->x_size - size));
	x->x_size = size;
}

static void
fsx_fallocate(struct fsx *x, int mode, const char *what)
{
	off_t off = fsx_offset(x, FSX_SIZE - 1), end;
	size_t n = fsx_length(x, off, FSX_SIZE);

	fsx_log(x, what, off, n);
	fsx_must(sys->fallocate(x->x_fd, mode, off, (off_t)n) == 0);
	end = off + (off_t)n;
	if ((mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE)) != 0 &&
	    off < x->x_size)
		memset(x->x_model + off, 0, (size_t)((end < x->x_size ? end :
		    x->x_size) - off));
	if ((mode & FALLOC_FL_KEEP_SIZE) == 0 && end > x->x_size)
		x->x_size = end;
}

static void
fsx_copy(struct fsx *x)
{
	off_t from, to, i, o;
	size_t n;
	ssize_t got;

	if (x->x_size == 0)
		return;
	from = fsx_offset(x, x->x_size - 1);
	to = fsx_offset(x, FSX_SIZE - 1);
	n = fsx_length(x, from, x->x_size);
	if (n > (size_t)(FSX_SIZE - to))
		n = (size_t)(FSX_SIZE - to);
	if (n > (size_t)llabs(from - to))
		n = (size_t)llabs(from - to);
	fsx_log(x, "copy", from, n);
	if (n == 0)
		return;
	for (i = from, o = to; n > 0; n -= (size_t)got) {
		got = sys->copy_file_range(x->x_fd, &i, x->x_fd, &o, n, 0);
		fsx_must(got > 0 && got <= (ssize_t)n);
		memmove(x->x_model + to, x->x_model + from, (size_t)got);
		from += got;
		to += got;
		fsx_must(i == from && o == to);
		if (to > x->x_size)
			x->x_size = to;
	}
}

/* All data is where SEEK_DATA and SEEK_HOLE say it is. */
static void
fsx_seek(struct fsx *x)
{
	off_t at, data, hole;

	fsx_log(x, "seek", 0, 0);
	for (at = 0; at < x->x_size; at = hole) {
		data = sys->lseek(x->x_fd, at, SEEK_DATA);
		if (data == -1) {
			fsx_must(errno == ENXIO);
			data = hole = x->x_size;
		} else {
			hole = sys->lseek(x->x_fd, data, SEEK_HOLE);
			fsx_must(hole > data && hole <= x->x_size);
		}
		fsx_must(data >= at);
		for (; at < data; at++)
			fsx_must(x->x_model[at] == 0);
	}
}

static void
fsx_reopen(struct fsx *x)
{

	fsx_log(x, "reopen", 0, 0);
	if (fsx_random(x, 2) == 0)
		fsx_must(sys->fsync(x->x_fd) == 0);
	fsx_must(sys->close(x->x_fd) == 0);
	x->x_fd = sys->openat(AT_FDCWD, x->x_name, O_RDWR, 0);
	fsx_must(x->x_fd != -1);
}

static void
fsx_whole(struct fsx *x)
{
	off_t off;
	ssize_t n;

	fsx_log(x, "compare", 0, (size_t)x->x_size);
	for (off = 0; off < x->x_size; off += n) {
		n = sys->pread(x->x_fd, x->x_buf, FSX_IO, off);
		fsx_must(n > 0 && off + n <= x->x_size);
		fsx_compare(x, off, x->x_buf, (size_t)n);
	}
}

static void
fsx_step(struct fsx *x)
{
	struct stat st;

	switch (fsx_random(x, 100)) {
	case 0 ... 29:
		fsx_read(x);
		break;
	case 30 ... 57:
		fsx_write(x, false);
		break;
	case 58 ... 62:
		fsx_write(x, true);
		break;
	case 63 ... 72:
		fsx_truncate(x);
		break;
	case 73 ... 77:
		if ((fs->cf_caps & CF_FALLOC) != 0)
			fsx_fallocate(x, fsx_random(x, 2) == 0 ? 0 :
			    FALLOC_FL_KEEP_SIZE, "fallocate");
		break;
	case 78 ... 82:
		if ((fs->cf_caps & CF_PUNCH) != 0)
			fsx_fallocate(x, FALLOC_FL_PUNCH_HOLE |
			    FALLOC_FL_KEEP_SIZE, "punch");
		break;
	case 83 ... 86:
		if ((fs->cf_caps & CF_ZERORANGE) != 0)
			fsx_fallocate(x, FALLOC_FL_ZERO_RANGE |
			    (fsx_random(x, 2) == 0 ? FALLOC_FL_KEEP_SIZE : 0),
			    "zero");
		break;
	case 87 ... 90:
		fsx_copy(x);
		break;
	case 91 ... 92:
		fsx_seek(x);
		break;
	case 93 ... 96:
		fsx_reopen(x);
		break;
	default:
		fsx_whole(x);
		break;
	}
	fsx_must(sys->fstat(x->x_fd, &st) == 0);
	fsx_must(st.st_size == x->x_size);
}

/* In the current directory. */
static void
fsx_run(uint64_t seed, unsigned long ops)
{
	struct fsx xs = { .x_rand = seed }, *x = &xs;

	snprintf(x->x_name, sizeof(x->x_name), "fsx%llu",
	    (unsigned long long)seed);
	x->x_model = calloc(1, FSX_SIZE);
	x->x_buf = malloc(FSX_IO);
	is(x->x_model != NULL && x->x_buf != NULL);
	x->x_fd = ok(open_(x->x_name, O_RDWR | O_CREAT | O_EXCL, 0644));
	for (; x->x_op < ops; x->x_op++)
		fsx_step(x);
	fsx_reopen(x);
	fsx_whole(x);
	ok(sys->close(x->x_fd));
	free(x->x_model);
	free(x->x_buf);
}

#endif
