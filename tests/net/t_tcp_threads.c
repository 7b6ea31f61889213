/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TCP in the hands of many threads: streams both ways at once, options and
 * states looked at meanwhile, listeners that close under their clients. What
 * it has to say, it says under ThreadSanitizer above all.
 *
 * Link: rump-netinet
 */
#include "test.h"

#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include <rump/rump.h>
#include <rump/rump_syscalls.h>

#define STREAMS	3
#define BYTES	(1u << 20)
#define PORT	4000

static struct sockaddr_in
local(uint16_t port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET,
	    .sin_port = htons(port), .sin_addr = { htonl(0x7f000001) } };
}

static int
boot(void **state)
{
	(void)state;
	return rump_init();
}

static int
listener(uint16_t port, int backlog, int type)
{
	struct sockaddr_in sin = local(port);
	int one = 1, s = rump_sys_socket(AF_INET, type, 0);

	assert_true(s >= 0);
	assert_int_equal(rump_sys_setsockopt(s, SOL_SOCKET, SO_REUSEADDR,
	    &one, sizeof(one)), 0);
	assert_int_equal(rump_sys_bind(s, (struct sockaddr *)&sin,
	    sizeof(sin)), 0);
	assert_int_equal(rump_sys_listen(s, backlog), 0);
	return s;
}

/* ---- Streams both ways ---------------------------------------------------- */

struct stream {
	int fds[2];
	_Atomic bool done;
	pthread_t t[5];
};

struct side {
	struct stream *st;
	int i;
};

static uint8_t
byte_at(size_t off)
{
	return (uint8_t)(off * 31 + (off >> 10));
}

static void *
writes(void *arg)
{
	struct side *sd = arg;
	int fd = sd->st->fds[sd->i];
	uint8_t buf[5000];
	size_t off = 0, n, i;
	ssize_t k;

	while (off < BYTES) {
		n = BYTES - off < sizeof(buf) ? BYTES - off : sizeof(buf);
		for (i = 0; i < n; i++)
			buf[i] = byte_at(off + i);
		k = rump_sys_sendto(fd, buf, n, MSG_NOSIGNAL, NULL, 0);
		if (k <= 0)
			return "write";
		off += (size_t)k;
	}
	return rump_sys_shutdown(fd, SHUT_WR) == 0 ? NULL : "shutdown";
}

static void *
reads(void *arg)
{
	struct side *sd = arg;
	uint8_t buf[7000];
	size_t off = 0;
	ssize_t k, i;

	while ((k = rump_sys_read(sd->st->fds[sd->i], buf, sizeof(buf))) > 0)
		for (i = 0; i < k; i++)
			if (buf[i] != byte_at(off++))
				return "data";
	return k == 0 && off == BYTES ? NULL : "read";
}

static void *
looks(void *arg)
{
	struct stream *st = arg;
	struct pollfd p = { .events = POLLIN | POLLOUT };
	struct sockaddr_in sin;
	struct tcp_info ti;
	socklen_t len;
	int i = 0, v;

	while (!atomic_load(&st->done)) {
		p.fd = st->fds[i++ & 1];
		len = sizeof(ti);
		if (rump_sys_getsockopt(p.fd, IPPROTO_TCP, TCP_INFO, &ti,
		    &len) != 0)
			return "TCP_INFO";
		len = sizeof(sin);
		if (rump_sys_getpeername(p.fd, (struct sockaddr *)&sin,
		    &len) != 0 && errno != ENOTCONN)
			return "peer";
		v = 20000 + i % 10 * 10000;
		(void)rump_sys_setsockopt(p.fd, SOL_SOCKET,
		    i & 2 ? SO_SNDBUF : SO_RCVBUF, &v, sizeof(v));
		v = i & 1;
		(void)rump_sys_setsockopt(p.fd, IPPROTO_TCP,
		    i & 2 ? TCP_NODELAY : TCP_QUICKACK, &v, sizeof(v));
		if (rump_sys_poll(&p, 1, 1) < 0)
			return "poll";
	}
	return NULL;
}

static void
streams_run_both_ways_in_threads(void **state)
{
	struct sockaddr_in sin = local(PORT);
	static struct stream st[STREAMS];
	static struct side sd[STREAMS][2];
	int l = listener(PORT, 10, SOCK_STREAM), i, j;
	void *r;

	(void)state;
	for (i = 0; i < STREAMS; i++) {
		st[i].fds[0] = rump_sys_socket(AF_INET, SOCK_STREAM, 0);
		assert_int_equal(rump_sys_connect(st[i].fds[0],
		    (struct sockaddr *)&sin, sizeof(sin)), 0);
		st[i].fds[1] = rump_sys_accept(l, NULL, NULL);
		assert_true(st[i].fds[1] >= 0);
	}
	for (i = 0; i < STREAMS; i++) {
		for (j = 0; j < 2; j++) {
			sd[i][j] = (struct side){ &st[i], j };
			pthread_create(&st[i].t[j], NULL, writes, &sd[i][j]);
			pthread_create(&st[i].t[2 + j], NULL, reads,
			    &sd[i][j]);
		}
		pthread_create(&st[i].t[4], NULL, looks, &st[i]);
	}
	for (i = 0; i < STREAMS; i++) {
		for (j = 0; j < 5; j++) {
			if (j == 4)
				atomic_store(&st[i].done, true);
			pthread_join(st[i].t[j], &r);
			assert_null(r);
		}
		rump_sys_close(st[i].fds[0]);
		rump_sys_close(st[i].fds[1]);
	}
	rump_sys_close(l);
}

/* ---- Connections that come and go ------------------------------------------ */

static void *
connects(void *arg)
{
	struct sockaddr_in sin = local(PORT + 1);
	struct linger hard = { 1, 0 };
	char c = 'x';
	int i, fd;

	(void)arg;
	for (i = 0; i < 200; i++) {
		fd = rump_sys_socket(AF_INET, SOCK_STREAM, 0);
		if (fd < 0)
			return "socket";
		if (i & 1)
			(void)rump_sys_setsockopt(fd, SOL_SOCKET, SO_LINGER,
			    &hard, sizeof(hard));
		if (rump_sys_connect(fd, (struct sockaddr *)&sin,
		    sizeof(sin)) == 0)
			(void)rump_sys_sendto(fd, &c, 1,
			    MSG_NOSIGNAL | MSG_DONTWAIT, NULL, 0);
		else if (errno != ECONNREFUSED && errno != ECONNRESET)
			return "connect";
		if (rump_sys_close(fd) != 0)
			return "close";
	}
	return NULL;
}

static void
listeners_close_under_their_clients(void **state)
{
	pthread_t t[3];
	int i, j, l, a;
	void *r;

	(void)state;
	for (i = 0; i < 3; i++)
		pthread_create(&t[i], NULL, connects, NULL);
	for (i = 0; i < 40; i++) {
		l = listener(PORT + 1, 100, SOCK_STREAM | SOCK_NONBLOCK);
		for (j = 0; j < 20; j++) {
			struct pollfd p = { .fd = l, .events = POLLIN };

			(void)rump_sys_poll(&p, 1, 1);
			a = rump_sys_accept(l, NULL, NULL);
			if (a >= 0)
				rump_sys_close(a);
		}
		rump_sys_close(l);
	}
	for (i = 0; i < 3; i++) {
		pthread_join(t[i], &r);
		assert_null(r);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(streams_run_both_ways_in_threads),
		cmocka_unit_test(listeners_close_under_their_clients),
	};

	return cmocka_run_group_tests(tests, boot, NULL);
}
