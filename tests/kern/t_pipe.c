/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pipes, judged by the host's; and between threads.
 *
 * Link: rump
 */
#define _GNU_SOURCE
#include "judge.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static char buf[1 << 20];

static void
ignore_sigpipe(void)
{
	struct sigaction sa = { .sa_handler = SIG_IGN };

	(void)CALL(sigaction, SIGPIPE, &sa, NULL);
}

static void
order_and_ends(void)
{
	int fds[2], n = -5;

	ignore_sigpipe();
	DO(pipe2, fds, 0);
	DO(write, 4, "abc", 3);
	DO(write, 4, "defgh", 5);
	DO(ioctl, 3, FIONREAD, &n);
	SAME(n);
	DO(ioctl, 4, FIONREAD, &n);
	SAME(n);
	DO(ioctl, 4, FIONREAD, NULL);
	DO(read, 3, buf, 4);
	SAME(memcmp(buf, "abcd", 4));
	DO(read, 3, buf, 100);
	SAME(memcmp(buf, "efgh", 4));
	DO(write, 4, "xyz", 3);
	DO(close, 4);
	DO(read, 3, buf, 2);
	DO(read, 3, buf, 2);
	DO(read, 3, buf, 2);
	DO(close, 3);

	DO(pipe2, fds, 0);
	DO(dup, 4);
	DO(close, 3);
	DO(write, 4, "x", 1);
	DO(write, 5, "x", 1);
	DO(write, 5, "x", 0);
}

static void
full(void)
{
	int fds[2];

	DO(pipe2, fds, O_NONBLOCK);
	DO(fcntl, 3, F_GETPIPE_SZ);
	DO(read, 3, buf, 1);
	DO(write, 4, buf, sizeof(buf));
	DO(write, 4, buf, 1);
	DO(read, 3, buf, 4096);
	DO(write, 4, buf, 4096);
	DO(write, 4, buf, 1);
	DO(read, 3, buf, 8192);
	DO(write, 4, buf, 10000);
	DO(write, 4, buf, 10000);
	DO(read, 3, buf, sizeof(buf));
	DO(read, 3, buf, sizeof(buf));
	/*
	 * As much by little as at once; Linux counts pages, so what does not
	 * fill them is not compared.
	 */
	for (int i = 0; i < 66000; i += 128)
		(void)CALL(write, 4, buf, 128);
	DO(read, 3, buf, sizeof(buf));
	DO(write, 4, buf, 65536 - 4095);
	DO(write, 4, buf, PIPE_BUF);
}

static void
sizes(void)
{
	int fds[2];

	DO(pipe2, fds, O_NONBLOCK);
	DO(fcntl, 4, F_SETPIPE_SZ, 1);
	DO(fcntl, 3, F_GETPIPE_SZ);
	DO(write, 4, buf, 10000);
	DO(fcntl, 3, F_SETPIPE_SZ, 5000);
	DO(write, 4, buf, 10000);
	DO(fcntl, 3, F_SETPIPE_SZ, 4096);
	DO(read, 3, buf, 6000);
	DO(read, 3, buf, 6000);
	DO(fcntl, 3, F_SETPIPE_SZ, 4096);
	DO(fcntl, 3, F_SETPIPE_SZ, 0);
	DO(fcntl, 3, F_SETPIPE_SZ, 1 << 20);
	DO(write, 4, buf, sizeof(buf));
	DO(write, 4, buf, 1);
	DO(fcntl, 3, F_SETPIPE_SZ, -1);
	DO(fcntl, 0, F_GETFD);
}

static void
readiness(void)
{
	struct pollfd p[2];
	int fds[2];

#define ASK() do {						\
	p[0] = (struct pollfd){ 3, POLLIN | POLLRDNORM | POLLPRI, 0 };	\
	p[1] = (struct pollfd){ 4, POLLOUT | POLLWRNORM | POLLIN, 0 };	\
	DO(poll, p, 2, 0);					\
	SAME(p[0].revents);					\
	SAME(p[1].revents);					\
} while (0)
	DO(pipe2, fds, O_NONBLOCK);
	ASK();
	DO(write, 4, buf, 4096);
	ASK();
	DO(write, 4, buf, sizeof(buf));
	ASK();
	DO(read, 3, buf, 4096);
	ASK();
	DO(close, 4);
	ASK();
	DO(read, 3, buf, sizeof(buf));
	ASK();
	DO(close, 3);
	DO(pipe2, fds, O_NONBLOCK);
	DO(close, 3);
	ASK();
	DO(dup, 4);
	ASK();
}

JUDGED(order_and_ends, bytes_in_order_then_the_end)
JUDGED(full, capacity_and_atomic_writes)
JUDGED(sizes, size_can_be_set)
JUDGED(readiness, poll_tells_state)

/* ---- Threads ---------------------------------------------------------- */

#define WRITERS 3
#define MESSAGES 4000

static int ends[2];

struct message {
	int m_writer, m_serial, m_len;
	unsigned char m_fill[PIPE_BUF - 12];
};

static void *
message_writer(void *arg)
{
	struct message m;

	m.m_writer = (int)(intptr_t)arg;
	for (m.m_serial = 0; m.m_serial < MESSAGES; m.m_serial++) {
		m.m_len = 12 + (m.m_serial * 37 + m.m_writer) %
		    (PIPE_BUF - 12);
		memset(m.m_fill, m.m_writer + m.m_serial,
		    sizeof(m.m_fill));
		if (rump_sys_write(ends[1], &m, (size_t)m.m_len) != m.m_len)
			return (void *)1;
	}
	return NULL;
}

static bool
read_all(void *p, size_t n)
{
	ssize_t got;

	for (char *c = p; n > 0; n -= (size_t)got, c += got) {
		got = rump_sys_read(ends[0], c, n);
		if (got <= 0)
			return false;
	}
	return true;
}

static void
messages_are_not_torn(void **state)
{
	int next[WRITERS] = { 0 };
	pthread_t td[WRITERS];
	struct message m;
	void *rv;

	(void)state;
	assert_int_equal(rump_sys_pipe2(ends, 0), 0);
	for (intptr_t i = 0; i < WRITERS; i++)
		pthread_create(&td[i], NULL, message_writer, (void *)i);
	for (int i = 0; i < WRITERS * MESSAGES; i++) {
		assert_true(read_all(&m, 12));
		assert_in_range(m.m_writer, 0, WRITERS - 1);
		assert_int_equal(m.m_serial, next[m.m_writer]++);
		assert_in_range(m.m_len, 12, PIPE_BUF);
		assert_true(read_all(m.m_fill, (size_t)m.m_len - 12));
		for (int j = 0; j < m.m_len - 12; j++)
			assert_int_equal(m.m_fill[j],
			    (unsigned char)(m.m_writer + m.m_serial));
	}
	for (int i = 0; i < WRITERS; i++) {
		pthread_join(td[i], &rv);
		assert_null(rv);
	}
	rump_sys_close(ends[0]);
	rump_sys_close(ends[1]);
}

static void *
big_writer(void *arg)
{
	char *p = arg;

	return (void *)rump_sys_write(ends[1], p, sizeof(buf));
}

static void
a_write_larger_than_the_pipe_completes(void **state)
{
	char *src = malloc(sizeof(buf)), *dst = malloc(sizeof(buf));
	size_t done = 0;
	pthread_t td;
	ssize_t n;
	void *rv;

	(void)state;
	for (size_t i = 0; i < sizeof(buf); i++)
		src[i] = (char)(i * 31 + i / 255);
	assert_int_equal(rump_sys_pipe2(ends, 0), 0);
	pthread_create(&td, NULL, big_writer, src);
	for (size_t want = 1; done < sizeof(buf); done += (size_t)n) {
		want = want * 3 % 100000 + 1;
		n = rump_sys_read(ends[0], dst + done,
		    want < sizeof(buf) - done ? want : sizeof(buf) - done);
		assert_true(n > 0);
	}
	pthread_join(td, &rv);
	assert_int_equal((intptr_t)rv, sizeof(buf));
	assert_memory_equal(src, dst, sizeof(buf));
	free(src);
	free(dst);
	rump_sys_close(ends[0]);
	rump_sys_close(ends[1]);
}

static void *
blocked_writer(void *arg)
{
	(void)arg;
	errno = 0;
	if (rump_sys_write(ends[1], buf, sizeof(buf)) < 0)
		return (void *)(intptr_t)-errno;
	return (void *)1;
}

/* A partial write counts; the next one gets EPIPE. */
static void
a_writer_wakes_when_the_reader_goes(void **state)
{
	struct sigaction sa = { .sa_handler = SIG_IGN };
	pthread_t td;
	void *rv;

	(void)state;
	assert_int_equal(rump_sys_sigaction(SIGPIPE, &sa, NULL), 0);
	assert_int_equal(rump_sys_pipe2(ends, 0), 0);
	assert_int_equal(rump_sys_fcntl(ends[1], F_SETPIPE_SZ, 4096), 4096);
	pthread_create(&td, NULL, blocked_writer, NULL);
	usleep(30000);
	rump_sys_close(ends[0]);
	pthread_join(td, &rv);
	assert_int_equal((intptr_t)rv, 1);
	assert_int_equal(rump_sys_write(ends[1], buf, 1), -1);
	assert_int_equal(errno, EPIPE);
	rump_sys_close(ends[1]);
}

static void *
blocked_reader(void *arg)
{
	(void)arg;
	return (void *)rump_sys_read(ends[0], buf, 10);
}

static void
a_reader_wakes_when_the_writer_goes(void **state)
{
	pthread_t td[3];
	void *rv;

	(void)state;
	assert_int_equal(rump_sys_pipe2(ends, 0), 0);
	for (int i = 0; i < 3; i++)
		pthread_create(&td[i], NULL, blocked_reader, NULL);
	usleep(30000);
	rump_sys_close(ends[1]);
	for (int i = 0; i < 3; i++) {
		pthread_join(td[i], &rv);
		assert_int_equal((intptr_t)rv, 0);
	}
	rump_sys_close(ends[0]);
}

static void *
byte_writer(void *arg)
{
	(void)arg;
	for (int i = 0; i < 3; i++) {
		usleep(10000);
		if (rump_sys_write(ends[1], "x", 1) != 1)
			return (void *)1;
	}
	return NULL;
}

/* Every one of three readers gets one of three bytes. */
static void
each_byte_wakes_a_reader(void **state)
{
	pthread_t td[3], writer;
	void *rv;

	(void)state;
	assert_int_equal(rump_sys_pipe2(ends, 0), 0);
	for (int i = 0; i < 3; i++)
		pthread_create(&td[i], NULL, blocked_reader, NULL);
	pthread_create(&writer, NULL, byte_writer, NULL);
	for (int i = 0; i < 3; i++) {
		pthread_join(td[i], &rv);
		assert_int_equal((intptr_t)rv, 1);
	}
	pthread_join(writer, &rv);
	assert_null(rv);
	rump_sys_close(ends[0]);
	rump_sys_close(ends[1]);
}

static int
setup(void **state)
{
	(void)state;
	return rump_init();
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_in_order_then_the_end),
		cmocka_unit_test(capacity_and_atomic_writes),
		cmocka_unit_test(size_can_be_set),
		cmocka_unit_test(poll_tells_state),
		cmocka_unit_test(messages_are_not_torn),
		cmocka_unit_test(a_write_larger_than_the_pipe_completes),
		cmocka_unit_test(a_writer_wakes_when_the_reader_goes),
		cmocka_unit_test(a_reader_wakes_when_the_writer_goes),
		cmocka_unit_test(each_byte_wakes_a_reader),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
