/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * splice(2), tee(2), vmsplice(2) and packets in pipes, judged by the host's;
 * and between threads.
 *
 * Link: rumpvfs
 */
#define _GNU_SOURCE
#include "judge.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/uio.h>
#include <unistd.h>

/* Linux counts pages. */
static _Alignas(4096) char buf[1 << 20], data[1 << 20];

static int first[2], second[2];

static void
ignore_sigpipe(void)
{
	struct sigaction sa = { .sa_handler = SIG_IGN };

	(void)CALL(sigaction, SIGPIPE, &sa, NULL);
}

/* Descriptor 3: a file of n bytes of data, at its start. */
static void
file_of(size_t n)
{
	int fd;

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (char)(i * 7 + i / 251);
	fd = (int)CALL(open, "/tmp", O_TMPFILE | O_RDWR, 0600);
	SAME(fd);
	DO(write, fd, data, n);
	DO(lseek, fd, 0, SEEK_SET);
}

static void
file_to_pipe(void)
{
	int fds[2];
	off_t off = 100, end = 3000, bad = -1;

	file_of(5000);
	DO(pipe2, fds, O_NONBLOCK);
	DO(splice, 3, NULL, 5, NULL, 1000, 0);
	DO(lseek, 3, 0, SEEK_CUR);
	DO(read, 4, buf, sizeof(buf));
	SAME(memcmp(buf, data, 1000));
	DO(splice, 3, &off, 5, NULL, 1000, SPLICE_F_MORE);
	SAME(off);
	DO(lseek, 3, 0, SEEK_CUR);
	DO(read, 4, buf, sizeof(buf));
	SAME(memcmp(buf, data + 100, 1000));
	DO(splice, 3, &end, 5, NULL, 1 << 16, 0);
	SAME(end);
	DO(splice, 3, &end, 5, NULL, 1 << 16, 0);
	DO(splice, 3, &bad, 5, NULL, 10, 0);
	DO(read, 4, buf, sizeof(buf));
	SAME(memcmp(buf, data + 3000, 2000));
	/* Zero-length and senseless calls. */
	DO(splice, 3, NULL, 5, NULL, 0, 0);
	DO(splice, 77, NULL, 78, NULL, 0, ~0U);
	DO(splice, 3, NULL, 5, NULL, 1, 0x10);
	DO(splice, 77, NULL, 5, NULL, 1, 0);
	DO(splice, 3, NULL, 77, NULL, 1, 0);
	DO(splice, 5, NULL, 5, NULL, 1, 0);
	DO(splice, 3, NULL, 4, NULL, 1, 0);
	DO(splice, 3, NULL, 3, NULL, 1, 0);
	DO(splice, 3, NULL, 5, &off, 1, 0);
	DO(splice, 4, &off, 3, NULL, 1, 0);
	DO(splice, 4, NULL, 5, NULL, 1, 0);
	DO(eventfd, 1, 0);
	DO(splice, 6, NULL, 5, NULL, 8, 0);
	DO(close, 4);
	ignore_sigpipe();
	DO(splice, 3, NULL, 5, NULL, 1, 0);
}

static void
pipe_to_file(void)
{
	int fds[2];
	off_t off = 2000;

	file_of(100);
	DO(pipe2, fds, 0);
	DO(write, 5, data + 500, 600);
	DO(splice, 4, NULL, 3, NULL, 250, 0);
	DO(splice, 4, NULL, 3, &off, 1 << 16, 0);
	SAME(off);
	DO(lseek, 3, 0, SEEK_CUR);
	DO(splice, 4, NULL, 3, NULL, 1, SPLICE_F_NONBLOCK);
	DO(pread, 3, buf, sizeof(buf), 0);
	SAME(memcmp(buf, data + 500, 250));
	SAME(memcmp(buf + 2000, data + 750, 350));
	DO(write, 5, data, 10);
	DO(fcntl, 3, F_SETFL, O_APPEND);
	DO(splice, 4, NULL, 3, NULL, 10, 0);
	DO(fcntl, 3, F_SETFL, 0);
	DO(close, 5);
	DO(splice, 4, NULL, 3, NULL, 100, 0);
	DO(splice, 4, NULL, 3, NULL, 100, 0);
}

static void
full_pipe(void)
{
	int fds[2];

	file_of(300000);
	DO(pipe2, fds, O_NONBLOCK);
	DO(splice, 3, NULL, 5, NULL, 300000, 0);
	DO(splice, 3, NULL, 5, NULL, 300000, 0);
	DO(lseek, 3, 0, SEEK_CUR);
	DO(read, 4, buf, sizeof(buf));
	SAME(memcmp(buf, data, 65536));
}

static void
between_pipes(void)
{
	int fds[2];

	DO(pipe2, fds, 0);
	DO(pipe2, fds, 0);
	DO(tee, 3, 6, 10, SPLICE_F_NONBLOCK);
	DO(splice, 3, NULL, 6, NULL, 10, SPLICE_F_NONBLOCK);
	DO(write, 4, "0123456789", 10);
	DO(tee, 3, 6, 4, 0);
	DO(read, 5, buf, 100);
	SAME(memcmp(buf, "0123", 4));
	DO(splice, 3, NULL, 6, NULL, 3, 0);
	DO(tee, 3, 6, 100, 0);
	DO(read, 5, buf, 100);
	SAME(memcmp(buf, "0123456789", 10));
	DO(read, 3, buf, 100);
	SAME(memcmp(buf, "3456789", 7));
	DO(tee, 3, 4, 10, 0);
	DO(splice, 3, NULL, 4, NULL, 10, 0);
	DO(tee, 4, 6, 10, 0);
	DO(tee, 3, 5, 10, 0);
	DO(tee, 3, 77, 10, 0);
	DO(tee, 3, 6, 10, 0x10);
	DO(tee, 77, 77, 0, 0);
	DO(close, 4);
	DO(tee, 3, 6, 10, 0);
	DO(splice, 3, NULL, 6, NULL, 10, 0);
	ignore_sigpipe();
	DO(close, 3);
	DO(pipe2, fds, 0);
	DO(write, 4, "x", 1);
	DO(close, 5);
	DO(tee, 3, 6, 10, 0);
	DO(splice, 3, NULL, 6, NULL, 10, 0);
	DO(read, 3, buf, 10);
}

static void
from_memory(void)
{
	struct iovec v[2] = { { buf, 100000 }, { buf, 5 } };
	int fds[2];

	memset(buf, 'm', sizeof(buf));
	DO(pipe2, fds, 0);
	DO(vmsplice, 4, v, 1, SPLICE_F_NONBLOCK);
	DO(vmsplice, 4, v, 1, SPLICE_F_NONBLOCK);
	DO(read, 3, buf, 65536);
	DO(vmsplice, 4, v + 1, 1, SPLICE_F_GIFT);
	v[0].iov_len = 3;
	DO(vmsplice, 3, v, 2, 0);
	DO(vmsplice, 3, v, 2, SPLICE_F_NONBLOCK);
	DO(vmsplice, 4, v, 0, 0);
	DO(vmsplice, 4, v, 2000, 0);
	DO(vmsplice, 4, v, 1, 0x100);
	DO(vmsplice, 77, v, 1, 0);
	DO(eventfd, 0, 0);
	DO(vmsplice, 5, v, 1, 0);
	DO(close, 3);
	ignore_sigpipe();
	DO(vmsplice, 4, v, 2, 0);
}

static void
packets(void)
{
	int fds[2], n;

	DO(pipe2, fds, O_DIRECT | O_NONBLOCK);
	DO(fcntl, 3, F_GETFL);
	DO(write, 4, "one", 3);
	DO(write, 4, "", 0);
	DO(write, 4, "three", 5);
	DO(write, 4, "seven..", 7);
	DO(read, 3, buf, 100);
	SAME(memcmp(buf, "one", 3));
	/* What does not fit is lost. */
	DO(read, 3, buf, 2);
	SAME(memcmp(buf, "th", 2));
	DO(read, 3, buf, 7);
	SAME(memcmp(buf, "seven..", 7));
	DO(read, 3, buf, 100);
	/* More than PIPE_BUF: several. */
	DO(write, 4, data, 10000);
	DO(read, 3, buf, sizeof(buf));
	DO(read, 3, buf, sizeof(buf));
	DO(read, 3, buf, sizeof(buf));
	DO(read, 3, buf, sizeof(buf));
	/* Each takes a page. */
	for (n = 0; n < 16; n++)
		DO(write, 4, "x", 1);
	DO(write, 4, "x", 1);
	DO(read, 3, buf, 10);
	DO(write, 4, "x", 1);
	while (CALL(read, 3, buf, 10) > 0)
		continue;
	/* Off and on. */
	DO(fcntl, 4, F_SETFL, O_NONBLOCK);
	DO(write, 4, "ab", 2);
	DO(write, 4, "cd", 2);
	DO(read, 3, buf, 1);
	DO(read, 3, buf, 10);
	DO(fcntl, 4, F_SETFL, O_DIRECT);
	DO(write, 4, "ab", 2);
	DO(write, 4, "cd", 2);
	DO(read, 3, buf, 1);
	DO(read, 3, buf, 10);
	DO(write, 4, "gone", 4);
	DO(close, 3);
	DO(close, 4);
}

JUDGED(file_to_pipe, file_to_pipe_as_on_the_host)
JUDGED(pipe_to_file, pipe_to_file_as_on_the_host)
JUDGED(full_pipe, splice_fills_a_pipe_as_on_the_host)
JUDGED(between_pipes, tee_and_splice_between_pipes_as_on_the_host)
JUDGED(from_memory, vmsplice_as_on_the_host)
JUDGED(packets, packets_as_on_the_host)

/* Linux may add a packet to plain bytes that nobody has read yet. */
static void
packets_and_plain_bytes_mix(void **state)
{
	int fds[2];

	(void)state;
	assert_int_equal(rump_sys_pipe2(fds, 0), 0);
	assert_int_equal(rump_sys_write(fds[1], "ab", 2), 2);
	assert_int_equal(rump_sys_fcntl(fds[1], F_SETFL, O_DIRECT), 0);
	assert_int_equal(rump_sys_write(fds[1], "cde", 3), 3);
	assert_int_equal(rump_sys_write(fds[1], "fgh", 3), 3);
	assert_int_equal(rump_sys_fcntl(fds[1], F_SETFL, 0), 0);
	assert_int_equal(rump_sys_write(fds[1], "ij", 2), 2);
	/* What is before a packet does not end a read, the packet does. */
	assert_int_equal(rump_sys_read(fds[0], buf, 1), 1);
	assert_int_equal(rump_sys_read(fds[0], buf, 10), 4);
	assert_memory_equal(buf, "bcde", 4);
	/* A splice moves bytes. */
	assert_int_equal(rump_sys_pipe2(first, 0), 0);
	assert_int_equal(rump_sys_splice(fds[0], NULL, first[1], NULL, 2, 0), 2);
	assert_int_equal(rump_sys_read(fds[0], buf, 10), 1);
	assert_memory_equal(buf, "h", 1);
	assert_int_equal(rump_sys_splice(fds[0], NULL, first[1], NULL, 9, 0), 2);
	assert_int_equal(rump_sys_read(first[0], buf, 10), 4);
	assert_memory_equal(buf, "fgij", 4);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(rump_sys_close(fds[i]), 0);
		assert_int_equal(rump_sys_close(first[i]), 0);
	}
}

/* ---- Between threads --------------------------------------------------- */

#define TOTAL (8 << 20)

static void *
produce(void *arg)
{
	size_t done = 0;
	ssize_t n;

	(void)arg;
	while (done < TOTAL) {
		n = rump_sys_write(first[1], data, done % 30000 + 1 <
		    TOTAL - done ? done % 30000 + 1 : TOTAL - done);
		if (n <= 0)
			return "write";
		done += (size_t)n;
	}
	return rump_sys_close(first[1]) != 0 ? "close" : NULL;
}

static void *
forward(void *arg)
{
	ssize_t n;

	(void)arg;
	while ((n = rump_sys_splice(first[0], NULL, second[1], NULL, 100000,
	    0)) > 0)
		continue;
	return n != 0 || rump_sys_close(second[1]) != 0 ? "splice" : NULL;
}

static void
threads_splice_every_byte_through(void **state)
{
	pthread_t p, f;
	ssize_t n;
	off_t total = 0;
	void *bad;
	int fd;

	(void)state;
	assert_int_equal(rump_sys_pipe2(first, 0), 0);
	assert_int_equal(rump_sys_pipe2(second, 0), 0);
	fd = rump_sys_open("/out", O_RDWR | O_CREAT, 0600);
	assert_true(fd >= 0);
	assert_int_equal(pthread_create(&p, NULL, produce, NULL), 0);
	assert_int_equal(pthread_create(&f, NULL, forward, NULL), 0);
	while ((n = rump_sys_splice(second[0], NULL, fd, NULL, 50000, 0)) > 0)
		total += n;
	assert_int_equal(n, 0);
	assert_int_equal(total, TOTAL);
	assert_int_equal(pthread_join(p, &bad), 0);
	assert_null(bad);
	assert_int_equal(pthread_join(f, &bad), 0);
	assert_null(bad);
	/* What the producer wrote, again. */
	total = 0;
	while (total < TOTAL) {
		size_t len = (size_t)total % 30000 + 1;

		if (len > (size_t)(TOTAL - total))
			len = (size_t)(TOTAL - total);
		assert_int_equal(rump_sys_pread(fd, buf, len, total), len);
		assert_memory_equal(buf, data, len);
		total += (off_t)len;
	}
	assert_int_equal(rump_sys_close(fd), 0);
	assert_int_equal(rump_sys_close(first[0]), 0);
	assert_int_equal(rump_sys_close(second[0]), 0);
}

static int turns;

static void *
drain(void *arg)
{
	ssize_t n;
	size_t all = 0;
	char c[4096];

	(void)arg;
	while ((n = rump_sys_read(first[0], c, sizeof(c))) > 0)
		all += (size_t)n;
	return n == 0 && all == (size_t)turns * 3000 ? NULL : "read";
}

static void *
fill(void *arg)
{
	(void)arg;
	for (int i = 0; i < turns; i++)
		if (rump_sys_write(first[1], data, 1000) != 1000)
			return "write";
	return NULL;
}

static void
room_that_is_promised_stays_free(void **state)
{
	pthread_t t[3];
	off_t off;
	size_t n;
	void *bad;
	int fd;

	(void)state;
	turns = 3000;
	assert_int_equal(rump_sys_pipe2(first, 0), 0);
	assert_int_equal(rump_sys_fcntl(first[1], F_SETPIPE_SZ, 4096), 4096);
	fd = rump_sys_open("/dev/zero", O_RDONLY);
	assert_true(fd >= 0);
	assert_int_equal(pthread_create(&t[0], NULL, drain, NULL), 0);
	assert_int_equal(pthread_create(&t[1], NULL, fill, NULL), 0);
	assert_int_equal(pthread_create(&t[2], NULL, fill, NULL), 0);
	for (n = 0; n < (size_t)turns * 1000;) {
		off = 0;
		ssize_t did = rump_sys_splice(fd, &off, first[1], NULL,
		    (size_t)turns * 1000 - n, 0);

		assert_true(did > 0);
		n += (size_t)did;
	}
	for (int i = 1; i < 3; i++) {
		assert_int_equal(pthread_join(t[i], &bad), 0);
		assert_null(bad);
	}
	assert_int_equal(rump_sys_close(first[1]), 0);
	assert_int_equal(pthread_join(t[0], &bad), 0);
	assert_null(bad);
	assert_int_equal(rump_sys_close(first[0]), 0);
	assert_int_equal(rump_sys_close(fd), 0);
}

static int
setup(void **state)
{
	(void)state;
	return rump_init() != 0 || rump_sys_mkdir("/tmp", 01777) != 0;
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(file_to_pipe_as_on_the_host),
		cmocka_unit_test(pipe_to_file_as_on_the_host),
		cmocka_unit_test(splice_fills_a_pipe_as_on_the_host),
		cmocka_unit_test(tee_and_splice_between_pipes_as_on_the_host),
		cmocka_unit_test(vmsplice_as_on_the_host),
		cmocka_unit_test(packets_as_on_the_host),
		cmocka_unit_test(packets_and_plain_bytes_mix),
		cmocka_unit_test(threads_splice_every_byte_through),
		cmocka_unit_test(room_that_is_promised_stays_free),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
