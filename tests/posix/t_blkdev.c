/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Host block devices: a loop device over a file.  Needs root.
 *
 * Link: rumpuser
 */
#define _GNU_SOURCE
#include <sys/ioctl.h>

#include <linux/loop.h>

#include "posix_test.h"

#define SIZE	(1 << 20)
#define RDWR	(RUMPUSER_OPEN_READ | RUMPUSER_OPEN_WRITE)

static const char *image;
static char device[64];
static int loop_fd;

/* Get a free loop device; another may be faster, so try again. */
static bool
loop_attach(int file)
{
	int control, n, try;

	if ((control = open("/dev/loop-control", O_RDWR)) == -1)
		return false;
	for (try = 0; try < 20; try++) {
		if ((n = ioctl(control, LOOP_CTL_GET_FREE)) < 0)
			break;
		snprintf(device, sizeof(device), "/dev/loop%d", n);
		if ((loop_fd = open(device, O_RDWR)) == -1)
			break;
		if (ioctl(loop_fd, LOOP_SET_FD, file) == 0) {
			close(control);
			return true;
		}
		close(loop_fd);
		if (errno != EBUSY)
			break;
	}
	close(control);
	return false;
}

static bool
setup(void)
{
	static char buf[SIZE];
	bool ok;
	int fd;

	image = temp_path("image");
	memset(buf, 0x77, sizeof(buf));
	fd = open(image, O_RDWR | O_CREAT, 0600);
	ok = fd != -1 && write(fd, buf, SIZE) == SIZE && loop_attach(fd);
	close(fd);
	return ok;
}

struct req {
	struct rumpuser_bio r_bio;
	_Atomic uint32_t r_word;
	int r_error;
};

static void
req_done(struct rumpuser_bio *rb, size_t done, int error)
{
	struct req *r = (struct req *)rb;

	(void)done;
	r->r_error = error;
	atomic_store(&r->r_word, 1);
	rumpuser_unpark((const uint32_t *)&r->r_word, 1);
}

static int
run(int fd, enum rumpuser_bio_op op, void *mem, size_t len, uint64_t off)
{
	struct rumpuser_iovec iov = { mem, len };
	struct req r = { .r_bio = { .rb_op = op, .rb_fd = fd, .rb_iov = &iov,
	    .rb_iovcnt = 1, .rb_off = off, .rb_len = len,
	    .rb_done = req_done } };
	struct rumpuser_bio *rb = &r.r_bio;

	rumpuser_bio_submit(&rb, 1);
	while (atomic_load(&r.r_word) == 0)
		rumpuser_bio_wait((const uint32_t *)&r.r_word, 0,
		    RUMPUSER_FOREVER);
	return r.r_error;
}

static void
stat_tells_capacity_and_sector_size(void **state)
{
	struct rumpuser_fileinfo fi;

	(void)state;
	assert_int_equal(rumpuser_stat(device, &fi), 0);
	assert_int_equal(fi.fi_type, RUMPUSER_FT_BLK);
	assert_int_equal(fi.fi_size, SIZE);
	assert_int_equal(fi.fi_blksize, 512);
}

static void
second_writer_is_refused(void **state)
{
	int a, b;

	(void)state;
	assert_int_equal(rumpuser_open(device, RDWR | RUMPUSER_OPEN_BIO |
	    RUMPUSER_OPEN_LOCK, &a), 0);
	assert_int_equal(rumpuser_open(device, RDWR | RUMPUSER_OPEN_BIO |
	    RUMPUSER_OPEN_LOCK, &b), EBUSY);
	assert_int_equal(rumpuser_open(device, RUMPUSER_OPEN_READ |
	    RUMPUSER_OPEN_BIO, &b), 0);
	rumpuser_close(b);
	rumpuser_close(a);
}

static void
requests_of_all_kinds_work(void **state)
{
	static char buf[65536];
	int fd;
	size_t i;

	(void)state;
	assert_int_equal(rumpuser_open(device, RDWR | RUMPUSER_OPEN_BIO, &fd),
	    0);
	memset(buf, 1, sizeof(buf));
	assert_int_equal(run(fd, RUMPUSER_BIO_WRITE, buf, sizeof(buf), 4096),
	    0);
	assert_int_equal(run(fd, RUMPUSER_BIO_WRITE, buf, 100, 3), 0);
	assert_int_equal(run(fd, RUMPUSER_BIO_SYNC, NULL, 0, 0), 0);
	assert_int_equal(run(fd, RUMPUSER_BIO_ZERO, NULL, 8192, 8192), 0);
	assert_int_equal(run(fd, RUMPUSER_BIO_ZERO, NULL, 1000, 20001), 0);
	assert_int_equal(run(fd, RUMPUSER_BIO_DISCARD, NULL, 9000, 30001), 0);
	assert_int_equal(run(fd, RUMPUSER_BIO_READ, buf, sizeof(buf), 4096),
	    0);
	for (i = 4096; i < 4096 + sizeof(buf); i++) {
		if ((i >= 8192 && i < 16384) || (i >= 20001 && i < 21001))
			assert_int_equal(buf[i - 4096], 0);
		else if (i < 30001 || i >= 39001)
			assert_int_equal(buf[i - 4096], 1);
	}
	assert_int_equal(run(fd, RUMPUSER_BIO_READ, buf, 104, 0), 0);
	assert_int_equal(buf[2], 0x77);
	assert_int_equal(buf[3], 1);
	assert_int_equal(buf[102], 1);
	assert_int_equal(buf[103], 0x77);
	assert_int_equal(run(fd, RUMPUSER_BIO_WRITE, buf, 4096, SIZE), ENOSPC);
	rumpuser_close(fd);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(stat_tells_capacity_and_sector_size),
		cmocka_unit_test(second_writer_is_refused),
		cmocka_unit_test(requests_of_all_kinds_work),
	};
	int failed;

	if (!setup()) {
		printf("1..0 # SKIP no loop device\n");
		temp_remove(image);
		return 0;
	}
	failed = cmocka_run_group_tests(tests, boot, NULL);
	ioctl(loop_fd, LOOP_CLR_FD);
	close(loop_fd);
	temp_remove(image);
	return failed;
}
