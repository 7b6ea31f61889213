/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * FIFOs: fifo(7), pipe(7).
 *
 * Link: rumpvfs
 */
#include "twin.h"

#include <poll.h>
#include <pthread.h>

static void
nonblocking_opens(void **state)
{
	struct pair r, w, rw;
	char buf[16];

	(void)state;
	twin_case("nonblock");
	TWIN(mkfifo, "p", 0644);
	TWIN(mkfifo, "p", 0644);
	TWIN_OPEN("p", O_WRONLY | O_NONBLOCK, 0);
	r = twin_open("p", O_RDONLY | O_NONBLOCK, 0);
	TWINFD(read, r, buf, 1);
	w = twin_open("p", O_WRONLY | O_NONBLOCK, 0);
	TWINFD(read, r, buf, 1);
	TWINFD(write, r, buf, 1);
	TWINFD(read, w, buf, 1);
	TWINFD(write, w, "hello", 5);
	TWINFD(read, r, buf, 3);
	TWINFD(lseek, r, 0, SEEK_SET);
	TWINFD(pread, r, buf, 1, 0);
	TWINFD(ftruncate, w, 0);
	TWINFD(fsync, w);
	twin_close(w);
	TWINFD(read, r, buf, 16);
	TWINFD(read, r, buf, 16);
	/* Who opens it for both is never alone. */
	rw = twin_open("p", O_RDWR | O_NONBLOCK, 0);
	TWINFD(read, r, buf, 16);
	TWINFD(write, rw, "abc", 3);
	TWINFD(read, rw, buf, 16);
	twin_close(r);
	TWINFD(write, rw, "abc", 3);
	twin_close(rw);
	/* What nobody read is gone with the last one. */
	r = twin_open("p", O_RDONLY | O_NONBLOCK, 0);
	TWINFD(read, r, buf, 16);
	twin_close(r);
	TWIN_STAT("p");
	r = twin_open("p", O_RDWR | O_TRUNC, 0);
	TWIN(unlink, "p");
	TWINFD(write, r, "abc", 3);
	TWINFD(read, r, buf, 16);
	twin_close(r);
}

static void *
open_for_reading(void *arg)
{
	int *fdp = arg;

	ok_errno(rump_pub_lwproc_newlwp(1));
	*fdp = rump_sys_open("/twin/block/p", O_RDONLY);
	rump_pub_lwproc_releaselwp();
	return NULL;
}

static void
opens_wait_for_each_other(void **state)
{
	pthread_t t;
	int fd = -2, w;
	char buf[4];

	(void)state;
	twin_case("block");
	assert_int_equal(rump_sys_mkfifo("p", 0644), 0);
	pthread_create(&t, NULL, open_for_reading, &fd);
	usleep(20000);
	assert_int_equal(fd, -2);
	w = rump_sys_open("p", O_WRONLY);
	assert_true(w >= 0);
	pthread_join(t, NULL);
	assert_true(fd >= 0);
	assert_int_equal(rump_sys_write(w, "xyz", 3), 3);
	assert_int_equal(rump_sys_read(fd, buf, 4), 3);
	rump_sys_close(w);
	assert_int_equal(rump_sys_read(fd, buf, 4), 0);
	rump_sys_close(fd);
}

static void
readiness(void **state)
{
	struct pollfd p = { .events = POLLIN | POLLOUT };
	int r, w;

	(void)state;
	twin_case("poll");
	assert_int_equal(rump_sys_mkfifo("p", 0644), 0);
	r = rump_sys_open("p", O_RDONLY | O_NONBLOCK);
	w = rump_sys_open("p", O_WRONLY | O_NONBLOCK);
	p.fd = r;
	assert_int_equal(rump_sys_poll(&p, 1, 0), 0);
	p.fd = w;
	assert_int_equal(rump_sys_poll(&p, 1, 0), 1);
	assert_int_equal(p.revents, POLLOUT);
	assert_int_equal(rump_sys_write(w, "x", 1), 1);
	p.fd = r;
	assert_int_equal(rump_sys_poll(&p, 1, 0), 1);
	assert_int_equal(p.revents, POLLIN);
	rump_sys_close(r);
	p.fd = w;
	assert_int_equal(rump_sys_poll(&p, 1, 0), 1);
	assert_true((p.revents & POLLERR) != 0);
	rump_sys_close(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nonblocking_opens),
		cmocka_unit_test(opens_wait_for_each_other),
		cmocka_unit_test(readiness),
	};

	return cmocka_run_group_tests_name("fifo", tests, twin_setup,
	    twin_teardown);
}
