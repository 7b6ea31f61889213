/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What sockets answer, judged by the host's kernel: options, errors, readiness
 * of UDP sockets on lo.
 *
 * Link: rump-netinet
 */
#define _GNU_SOURCE
#include "judge.h"

#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>

static char buf[70000];

static long
get(int fd, int name)
{
	socklen_t len = sizeof(int);
	int v = -7;

	if (CALL(getsockopt, fd, SOL_SOCKET, name, &v, &len) != 0)
		return -errno;
	return v + 1000000L * (long)len;
}

static long
set(int fd, int name, int v)
{
	return CALL(setsockopt, fd, SOL_SOCKET, name, &v, sizeof(v)) == 0 ?
	    0 : -errno;
}

/* Bound to 127.0.0.1; the port is in *sin. */
static long
bound(struct sockaddr_in *sin)
{
	socklen_t len = sizeof(*sin);
	long fd = CALL(socket, AF_INET, SOCK_DGRAM, 0);

	*sin = (struct sockaddr_in){ .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	(void)CALL(bind, (int)fd, (struct sockaddr *)sin, sizeof(*sin));
	(void)CALL(getsockname, (int)fd, (struct sockaddr *)sin, &len);
	return fd;
}

static int
ready(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT | POLLRDHUP |
		POLLPRI | POLLRDNORM | POLLWRNORM | POLLWRBAND };

	(void)CALL(poll, &p, 1, 0);
	return p.revents;
}

static void
defaults(void)
{
	static const int names[] = { SO_DEBUG, SO_REUSEADDR, SO_TYPE,
		SO_ERROR, SO_DONTROUTE, SO_BROADCAST, SO_KEEPALIVE,
		SO_OOBINLINE, SO_NO_CHECK, SO_PRIORITY, SO_REUSEPORT,
		SO_RCVLOWAT, SO_SNDLOWAT, SO_TIMESTAMP,
		SO_TIMESTAMPNS, SO_ACCEPTCONN, SO_MARK, SO_RXQ_OVFL,
		SO_PEEK_OFF, SO_PROTOCOL, SO_DOMAIN, SO_SELECT_ERR_QUEUE,
		SO_ZEROCOPY, SO_BUSY_POLL, SO_TIMESTAMPING };
	int fd = (int)DO(socket, AF_INET, SOCK_DGRAM, 0);

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		SAME(get(fd, names[i]));
	SAME(get(fd, 4999));
}

static void
numbers(void)
{
	static const int names[] = { SO_REUSEADDR, SO_BROADCAST, SO_TYPE,
		SO_ERROR, SO_ACCEPTCONN, SO_DOMAIN, SO_KEEPALIVE,
		SO_OOBINLINE, SO_PRIORITY, SO_RCVLOWAT, SO_SNDLOWAT,
		SO_TIMESTAMP, SO_TIMESTAMPNS, SO_MARK, SO_RXQ_OVFL,
		SO_PEEK_OFF, SO_NO_CHECK };
	static const int values[] = { 0, 1, 5, -1, 70000 };
	int fd = (int)DO(socket, AF_INET, SOCK_DGRAM, 0), v = 1;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		for (size_t j = 0; j < 5; j++) {
			SAME(set(fd, names[i], values[j]));
			SAME(get(fd, names[i]));
		}
	}
	DO(setsockopt, fd, SOL_SOCKET, SO_REUSEADDR, &v, 3);
	DO(setsockopt, fd, SOL_SOCKET, SO_REUSEADDR, NULL, 4);
	DO(setsockopt, fd, SOL_SOCKET, SO_REUSEADDR, &v, (socklen_t)-1);
	DO(setsockopt, 0, SOL_SOCKET, SO_REUSEADDR, &v, 4);
	DO(setsockopt, fd, 12345, 1, &v, 4);
}

static void
buffers(void)
{
	static const int values[] = { 1, 1000, 1153, 5000, 100000, 0, -1,
		1 << 30 };
	int fd = (int)DO(socket, AF_INET, SOCK_DGRAM, 0);

	for (size_t i = 0; i < 6; i++) {
		SAME(set(fd, SO_SNDBUF, values[i]));
		SAME(get(fd, SO_SNDBUF));
		SAME(set(fd, SO_RCVBUF, values[i]));
		SAME(get(fd, SO_RCVBUF));
	}
}

static void
others(void)
{
	int fd = (int)DO(socket, AF_INET, SOCK_DGRAM, 0);
	struct timeval tv = { 3, 250000 };
	struct linger l = { 1, 70000 };
	socklen_t len = sizeof(tv);
	char name[16] = "";

	DO(setsockopt, fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	memset(&tv, 0, sizeof(tv));
	DO(getsockopt, fd, SOL_SOCKET, SO_RCVTIMEO, &tv, &len);
	SAME(tv.tv_sec);
	SAME(len);
	tv.tv_usec = 1000000;
	DO(setsockopt, fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
	tv.tv_usec = -1;
	DO(setsockopt, fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
	DO(setsockopt, fd, SOL_SOCKET, SO_SNDTIMEO, &tv, 7);
	DO(setsockopt, fd, SOL_SOCKET, SO_LINGER, &l, 4);
	l.l_linger = 9;
	DO(setsockopt, fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l));
	memset(&l, 0, sizeof(l));
	len = sizeof(l);
	DO(getsockopt, fd, SOL_SOCKET, SO_LINGER, &l, &len);
	SAME(l.l_onoff);
	SAME(l.l_linger);
	DO(setsockopt, fd, SOL_SOCKET, SO_BINDTODEVICE, "none0", 6);
	DO(setsockopt, fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 2);
	len = sizeof(name);
	DO(getsockopt, fd, SOL_SOCKET, SO_BINDTODEVICE, name, &len);
	SAME(len);
	SAME(strcmp(name, "lo"));
	len = 3;
	DO(getsockopt, fd, SOL_SOCKET, SO_BINDTODEVICE, name, &len);
	DO(setsockopt, fd, SOL_SOCKET, SO_BINDTODEVICE, "", 0);
	len = sizeof(name);
	DO(getsockopt, fd, SOL_SOCKET, SO_BINDTODEVICE, name, &len);
	SAME(len);
}

static void
calls(void)
{
	struct sockaddr_in a, b;
	socklen_t len = sizeof(b);
	int s, t, n = 0;

	DO(socket, AF_INET, SOCK_DGRAM | 0x100, 0);
	DO(socket, AF_INET, 77, 0);
	DO(socket, 99, SOCK_DGRAM, 0);
	DO(socket, AF_INET, SOCK_DGRAM, IPPROTO_TCP);
	s = (int)bound(&a);
	t = (int)bound(&b);
	DO(listen, s, 1);
	DO(accept, s, NULL, NULL);
	DO(shutdown, s, 7);
	DO(shutdown, s, SHUT_RD);
	DO(getpeername, s, (struct sockaddr *)&b, &len);
	DO(send, s, buf, 1, 0);
	DO(sendto, s, buf, 1, 0, (struct sockaddr *)&b, 3);
	DO(sendto, s, buf, 1, 0, (struct sockaddr *)&b, 300);
	DO(connect, s, (struct sockaddr *)&b, 1);
	DO(connect, s, (struct sockaddr *)&b, sizeof(b));
	SAME(ready(s));
	SAME(ready(t));
	DO(send, s, buf, 100, 0);
	DO(send, s, buf, 0, 0);
	DO(send, s, buf, 65508, 0);
	SAME(ready(t));
	DO(ioctl, t, FIONREAD, &n);
	SAME(n);
	DO(recv, t, buf, 10, MSG_PEEK);
	DO(recv, t, buf, 10, MSG_PEEK | MSG_TRUNC);
	DO(recv, t, buf, 10, 0);
	DO(recv, t, buf, 10, 0);
	DO(recv, t, buf, 10, MSG_DONTWAIT);
	DO(recv, t, buf, 10, MSG_ERRQUEUE);
	DO(recv, t, buf, 10, MSG_OOB | MSG_DONTWAIT);
	DO(send, s, buf, 10, MSG_OOB);
	DO(shutdown, s, SHUT_WR);
	SAME(ready(s));
	DO(send, s, buf, 10, 0);
	DO(shutdown, s, SHUT_RD);
	SAME(ready(s));
	DO(recv, s, buf, 10, 0);
}

JUDGED(defaults, a_fresh_socket_has_the_defaults)
JUDGED(numbers, options_take_what_they_take)
JUDGED(buffers, buffers_are_doubled)
JUDGED(others, options_of_more_than_a_number)
JUDGED(calls, calls_fail_alike)

static int
boot(void **state)
{
	(void)state;
	return rump_init();
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_fresh_socket_has_the_defaults),
		cmocka_unit_test(options_take_what_they_take),
		cmocka_unit_test(buffers_are_doubled),
		cmocka_unit_test(options_of_more_than_a_number),
		cmocka_unit_test(calls_fail_alike),
	};

	return cmocka_run_group_tests(tests, boot, NULL);
}
