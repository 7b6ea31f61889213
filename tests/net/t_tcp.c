/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TCP's calls, options and errors over lo, judged by the host's; and what is
 * left when connections are gone.
 *
 * Link: rump-netinet
 */
#define _GNU_SOURCE
#include "judge.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/sockios.h>
#include <linux/tcp.h>

#define SA(p) ((struct sockaddr *)(p))

static char buf[100000];

/* A listening socket on a port that nobody has; *sin is its address. */
static int
listener(struct sockaddr_in *sin)
{
	socklen_t len = sizeof(*sin);
	int fd;

	*sin = (struct sockaddr_in){ .sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	fd = (int)CALL(socket, AF_INET, SOCK_STREAM, 0);
	CALL(bind, fd, SA(sin), sizeof(*sin));
	CALL(listen, fd, 5);
	CALL(getsockname, fd, SA(sin), &len);
	return fd;
}

struct pair {
	int l, c, s;
	struct sockaddr_in sin;
};

static struct pair
connected(void)
{
	struct pair p;

	p.l = listener(&p.sin);
	p.c = (int)CALL(socket, AF_INET, SOCK_STREAM, 0);
	DO(connect, p.c, SA(&p.sin), sizeof(p.sin));
	p.s = (int)CALL(accept, p.l, NULL, NULL);
	SAME(p.s >= 0);
	return p;
}

static long
option(int fd, int level, int name)
{
	socklen_t len = sizeof(int);
	int v = -77;

	if (CALL(getsockopt, fd, level, name, &v, &len) != 0)
		return -errno;
	return v;
}

static long
set(int fd, int level, int name, int v)
{
	return CALL(setsockopt, fd, level, name, &v, sizeof(v)) == 0 ? 0 :
	    -errno;
}

static int
state_of(int fd)
{
	struct tcp_info ti;
	socklen_t len = sizeof(ti);

	if (CALL(getsockopt, fd, IPPROTO_TCP, TCP_INFO, &ti, &len) != 0)
		return -errno;
	return ti.tcpi_state;
}

/* ---- Judged ------------------------------------------------------------------- */

static void
connecting(void)
{
	struct sockaddr_in sin, name, none;
	socklen_t len = sizeof(name);
	int l = listener(&sin), c, s, other = listener(&none);

	c = (int)DO(socket, AF_INET, SOCK_STREAM, 0);
	DO(getpeername, c, SA(&name), &len);
	DO(send, c, "x", 1, MSG_NOSIGNAL);
	DO(recv, c, buf, 1, 0);
	DO(shutdown, c, SHUT_WR);
	SAME(state_of(c));
	/* Nobody there, and then somebody. */
	CALL(close, other);
	DO(connect, c, SA(&none), sizeof(none));
	SAME(option(c, SOL_SOCKET, SO_ERROR));
	DO(connect, c, SA(&sin), sizeof(sin));
	DO(connect, c, SA(&sin), sizeof(sin));
	SAME(state_of(c));
	s = (int)DO(accept, l, SA(&name), &len);
	SAME(len);
	SAME(name.sin_family);
	DO(getpeername, c, SA(&name), &len);
	SAME(name.sin_port == sin.sin_port);
	SAME(name.sin_addr.s_addr);
	SAME(state_of(s));
	SAME(state_of(l));
	DO(accept, c, NULL, NULL);
	DO(listen, c, 1);
	DO(bind, c, SA(&sin), sizeof(sin));
	DO(fcntl, l, F_SETFL, O_NONBLOCK);
	DO(accept, l, NULL, NULL);
	DO(connect, l, SA(&sin), sizeof(sin));
	sin.sin_family = AF_UNSPEC;
	DO(connect, c, SA(&sin), sizeof(sin));
	SAME(state_of(c));
	DO(recv, s, buf, 1, 0);
	sin.sin_family = AF_INET;
	DO(connect, c, SA(&sin), sizeof(sin));
	SAME(state_of(c));
}

static void
addresses(void)
{
	struct sockaddr_in sin = { .sin_family = AF_INET }, at;
	int l = listener(&at), c;

	c = (int)CALL(socket, AF_INET, SOCK_STREAM, 0);
	DO(bind, c, SA(&at), sizeof(at));
	DO(bind, c, SA(&at), 3);
	sin.sin_addr.s_addr = htonl(0xe0000001);
	DO(connect, c, SA(&sin), sizeof(sin));
	sin.sin_addr.s_addr = htonl(0xc0000201);
	DO(bind, c, SA(&sin), sizeof(sin));
	sin.sin_family = 77;
	DO(bind, c, SA(&sin), sizeof(sin));
	DO(connect, c, SA(&sin), sizeof(sin));
	DO(connect, c, SA(&sin), 3);
	/* 0.0.0.0 is this host. */
	sin.sin_family = AF_INET;
	sin.sin_addr.s_addr = 0;
	sin.sin_port = at.sin_port;
	DO(connect, c, SA(&sin), sizeof(sin));
	DO(close, l);
	DO(socket, AF_INET, SOCK_STREAM, IPPROTO_UDP);
	SAME(CALL(socket, AF_INET, SOCK_STREAM, IPPROTO_TCP) >= 0);
}

static void
half_close(void)
{
	struct pair p = connected();
	struct pollfd pfd = { p.s, POLLIN | POLLOUT | POLLRDHUP, 0 };
	int v;

	DO(send, p.c, "hello", 5, 0);
	DO(shutdown, p.c, SHUT_WR);
	DO(send, p.c, "x", 1, MSG_NOSIGNAL);
	SAME(state_of(p.s));
	DO(poll, &pfd, 1, 1000);
	SAME(pfd.revents);
	CALL(ioctl, p.s, SIOCINQ, &v);
	SAME(v);
	DO(recv, p.s, buf, 10, MSG_PEEK);
	DO(recv, p.s, buf, 10, 0);
	SAME(memcmp(buf, "hello", 5));
	DO(recv, p.s, buf, 10, 0);
	DO(recv, p.s, buf, 10, 0);
	DO(send, p.s, "world!", 6, 0);
	DO(recv, p.c, buf, 10, MSG_WAITALL | MSG_DONTWAIT);
	DO(shutdown, p.s, SHUT_WR);
	SAME(state_of(p.s) == 7);
	DO(recv, p.c, buf, 10, 0);
	DO(shutdown, p.s, SHUT_WR);
	DO(shutdown, p.s, SHUT_RD);
}

static void
shut_for_reading(void)
{
	struct pair p = connected();

	DO(shutdown, p.c, SHUT_RD);
	DO(recv, p.c, buf, 10, 0);
	DO(send, p.s, "late", 4, 0);
	DO(recv, p.c, buf, 10, 0);
	DO(send, p.c, "out", 3, 0);
	DO(recv, p.s, buf, 10, 0);
	DO(shutdown, p.c, 3);
	DO(shutdown, p.l, SHUT_RD);
	DO(accept, p.l, NULL, NULL);
}

static void
resets(void)
{
	struct linger now = { 1, 0 };
	struct pair p = connected();
	struct pollfd pfd = { p.s, POLLIN | POLLOUT | POLLRDHUP, 0 };

	DO(setsockopt, p.c, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	DO(send, p.s, "unread", 6, 0);
	DO(close, p.c);
	DO(poll, &pfd, 1, 1000);
	SAME(pfd.revents);
	DO(recv, p.s, buf, 10, 0);
	DO(recv, p.s, buf, 10, 0);
	DO(send, p.s, "x", 1, MSG_NOSIGNAL);
	SAME(state_of(p.s));
	DO(close, p.s);
	DO(close, p.l);

	/* Data that nobody has read. */
	p = connected();
	DO(send, p.s, "unread", 6, 0);
	DO(close, p.c);
	DO(recv, p.s, buf, 10, 0);
	SAME(option(p.s, SOL_SOCKET, SO_ERROR));
	DO(close, p.s);
	DO(close, p.l);

	/* Data for a closed socket. */
	p = connected();
	DO(close, p.c);
	DO(recv, p.s, buf, 10, 0);
	SAME(state_of(p.s));
	DO(send, p.s, "x", 1, MSG_NOSIGNAL);
	DO(poll, &pfd, 1, 1000);
	DO(send, p.s, "x", 1, MSG_NOSIGNAL);
	DO(send, p.s, "x", 1, MSG_NOSIGNAL);
	DO(recv, p.s, buf, 10, 0);
}

static void
queues(void)
{
	struct sockaddr_in sin;
	int l = listener(&sin), c, s;

	/* Closed by the peer before it was accepted. */
	c = (int)CALL(socket, AF_INET, SOCK_STREAM, 0);
	DO(connect, c, SA(&sin), sizeof(sin));
	DO(send, c, "early", 5, 0);
	DO(close, c);
	s = (int)DO(accept, l, NULL, NULL);
	DO(recv, s, buf, 10, 0);
	DO(recv, s, buf, 10, 0);
	DO(close, s);
	/* The listening socket goes, with one that waits. */
	c = (int)CALL(socket, AF_INET, SOCK_STREAM, 0);
	DO(connect, c, SA(&sin), sizeof(sin));
	DO(close, l);
	DO(recv, c, buf, 10, 0);
}

static void
reuse(void)
{
	struct pair p = connected();
	int l;

	/* The server closes first: TIME-WAIT is at its port. */
	DO(close, p.s);
	DO(recv, p.c, buf, 1, 0);
	DO(close, p.c);
	DO(close, p.l);
	l = (int)CALL(socket, AF_INET, SOCK_STREAM, 0);
	DO(bind, l, SA(&p.sin), sizeof(p.sin));
	SAME(set(l, SOL_SOCKET, SO_REUSEADDR, 1));
	DO(bind, l, SA(&p.sin), sizeof(p.sin));
	DO(listen, l, 1);
	p.c = (int)CALL(socket, AF_INET, SOCK_STREAM, 0);
	DO(connect, p.c, SA(&p.sin), sizeof(p.sin));
}

static void
urgent(void)
{
	struct pair p = connected();
	struct pollfd pfd = { p.s, POLLPRI, 0 };
	int mark;

	DO(recv, p.s, buf, 1, MSG_OOB);
	DO(send, p.c, "abc", 3, 0);
	DO(send, p.c, "xyZ", 3, MSG_OOB);
	DO(send, p.c, "def", 3, 0);
	DO(poll, &pfd, 1, 1000);
	SAME(pfd.revents);
	CALL(ioctl, p.s, SIOCATMARK, &mark);
	SAME(mark);
	DO(recv, p.s, buf, 10, 0);
	SAME(memcmp(buf, "abcxy", 5));
	CALL(ioctl, p.s, SIOCATMARK, &mark);
	SAME(mark);
	DO(recv, p.s, buf, 10, MSG_OOB | MSG_PEEK);
	SAME(buf[0]);
	DO(recv, p.s, buf, 10, MSG_OOB);
	SAME(buf[0]);
	DO(recv, p.s, buf, 10, MSG_OOB);
	DO(poll, &pfd, 1, 0);
	DO(recv, p.s, buf, 10, 0);
	SAME(memcmp(buf, "def", 3));
	SAME(set(p.s, SOL_SOCKET, SO_OOBINLINE, 1));
	DO(send, p.c, "gH", 2, MSG_OOB);
	DO(recv, p.s, buf, 10, MSG_OOB);
	DO(recv, p.s, buf, 10, 0);
	DO(recv, p.s, buf, 10, 0);
	SAME(buf[0]);
}

static void
options(void)
{
	static const struct {
		int name, good, low, high;
	} o[] = {
		{ TCP_NODELAY, 1, -1, 7 },
		{ TCP_CORK, 1, -1, 7 },
		{ TCP_MAXSEG, 1000, 87, 32768 },
		{ TCP_KEEPIDLE, 100, 0, 32768 },
		{ TCP_KEEPINTVL, 10, 0, 32768 },
		{ TCP_KEEPCNT, 3, 0, 128 },
		{ TCP_SYNCNT, 3, 0, 128 },
		{ TCP_LINGER2, 30, -1, 121 },
		{ TCP_DEFER_ACCEPT, 9, -1, 1000 },
		{ TCP_WINDOW_CLAMP, 5000, 100, 100000 },
		{ TCP_USER_TIMEOUT, 5000, -1, 0 },
		{ TCP_FASTOPEN, 5, -1, 5 },
		{ TCP_SAVE_SYN, 1, -1, 3 },
		{ 99, 1, 1, 1 },
	};
	int fd = (int)CALL(socket, AF_INET, SOCK_STREAM, 0);
	unsigned i;

	for (i = 0; i < sizeof(o) / sizeof(o[0]); i++) {
		/* The host may have other defaults of these. */
		if (o[i].name != TCP_KEEPIDLE && o[i].name != TCP_FASTOPEN)
			SAME(option(fd, IPPROTO_TCP, o[i].name));
		SAME(set(fd, IPPROTO_TCP, o[i].name, o[i].good));
		SAME(option(fd, IPPROTO_TCP, o[i].name));
		SAME(set(fd, IPPROTO_TCP, o[i].name, o[i].low));
		SAME(option(fd, IPPROTO_TCP, o[i].name));
		SAME(set(fd, IPPROTO_TCP, o[i].name, o[i].high));
		SAME(option(fd, IPPROTO_TCP, o[i].name));
		DO(setsockopt, fd, IPPROTO_TCP, o[i].name, &i, 3);
	}
	DO(setsockopt, fd, IPPROTO_TCP, TCP_CONGESTION, "no such", 7);
	DO(setsockopt, fd, IPPROTO_TCP, TCP_CONGESTION, "reno", 4);
	memset(buf, 'x', 20);
	i = 20;
	DO(getsockopt, fd, IPPROTO_TCP, TCP_CONGESTION, buf, &i);
	SAME(i);
	SAME(strcmp(buf, "reno"));
	DO(setsockopt, fd, IPPROTO_TCP, TCP_CONGESTION, "", 0);
	SAME(option(fd, SOL_SOCKET, SO_TYPE));
	SAME(option(fd, SOL_SOCKET, SO_PROTOCOL));
	SAME(option(fd, SOL_SOCKET, SO_ACCEPTCONN));
}

static void
inherited(void)
{
	struct sockaddr_in sin;
	int l = listener(&sin), c, s;

	SAME(set(l, IPPROTO_TCP, TCP_NODELAY, 1));
	SAME(set(l, IPPROTO_TCP, TCP_KEEPIDLE, 77));
	SAME(set(l, IPPROTO_TCP, TCP_USER_TIMEOUT, 7777));
	SAME(set(l, SOL_SOCKET, SO_KEEPALIVE, 1));
	SAME(set(l, IPPROTO_IP, 1 /* IP_TOS */, 0x10));
	c = (int)CALL(socket, AF_INET, SOCK_STREAM, 0);
	DO(connect, c, SA(&sin), sizeof(sin));
	s = (int)CALL(accept, l, NULL, NULL);
	SAME(option(s, IPPROTO_TCP, TCP_NODELAY));
	SAME(option(s, IPPROTO_TCP, TCP_KEEPIDLE));
	SAME(option(s, IPPROTO_TCP, TCP_USER_TIMEOUT));
	SAME(option(s, SOL_SOCKET, SO_KEEPALIVE));
	SAME(option(s, IPPROTO_IP, 1));
	SAME(option(l, IPPROTO_TCP, TCP_MAXSEG));
}

static void
info(void)
{
	struct pair p = connected();
	struct tcp_info ti;
	socklen_t len = sizeof(ti);

	DO(send, p.c, buf, 1000, 0);
	DO(recv, p.s, buf, 1000, MSG_WAITALL);
	DO(send, p.s, buf, 10, 0);
	DO(recv, p.c, buf, 10, 0);
	DO(getsockopt, p.c, IPPROTO_TCP, TCP_INFO, &ti, &len);
	SAME(ti.tcpi_state);
	SAME(ti.tcpi_ca_state);
	SAME(ti.tcpi_options & 7);
	SAME(ti.tcpi_bytes_acked);
	SAME(ti.tcpi_bytes_received);
	SAME(ti.tcpi_bytes_sent);
	SAME(ti.tcpi_bytes_retrans);
	SAME(ti.tcpi_data_segs_out);
	SAME(ti.tcpi_data_segs_in);
	SAME(ti.tcpi_unacked);
	SAME(ti.tcpi_lost);
	SAME(ti.tcpi_pmtu - ti.tcpi_snd_mss);
	SAME(ti.tcpi_advmss == ti.tcpi_snd_mss);
	SAME(ti.tcpi_notsent_bytes);
	SAME(ti.tcpi_total_retrans);
	len = 10;
	DO(getsockopt, p.c, IPPROTO_TCP, TCP_INFO, &ti, &len);
	SAME(len);
}

static void
no_waiting(void)
{
	struct sockaddr_in sin;
	int l = listener(&sin), c, s, v, i;
	struct pollfd pfd;
	long n, total = 0;

	c = (int)DO(socket, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	DO(connect, c, SA(&sin), sizeof(sin));
	pfd = (struct pollfd){ c, POLLOUT, 0 };
	DO(poll, &pfd, 1, 1000);
	SAME(pfd.revents);
	SAME(option(c, SOL_SOCKET, SO_ERROR));
	s = (int)CALL(accept, l, NULL, NULL);
	DO(recv, c, buf, 1, 0);
	/* Until nothing goes any more, and then all of it back. */
	for (i = 0; i < 10000; i++) {
		n = CALL(send, c, buf, sizeof(buf), 0);
		if (n < 0)
			break;
		total += n;
	}
	SAME(errno);
	DO(poll, &pfd, 1, 0);
	CALL(ioctl, c, SIOCOUTQ, &v);
	SAME(v > 0);
	while (total > 0) {
		n = CALL(recv, s, buf, sizeof(buf), 0);
		if (n <= 0)
			break;
		total -= n;
	}
	SAME(total);
	DO(poll, &pfd, 1, 1000);
	SAME(pfd.revents);
}

JUDGED(connecting, connects_accepts_and_refuses)
JUDGED(addresses, refuses_what_is_no_address)
JUDGED(half_close, closes_one_direction)
JUDGED(shut_for_reading, shuts_for_reading)
JUDGED(resets, resets_where_data_is_lost)
JUDGED(queues, keeps_what_was_not_accepted)
JUDGED(reuse, reuses_a_port_in_time_wait)
JUDGED(urgent, marks_urgent_data)
JUDGED(options, has_the_options_of_tcp7)
JUDGED(inherited, gives_options_to_connections)
JUDGED(info, tells_about_itself)
JUDGED(no_waiting, never_waits_when_told_so)

static int
boot(void **state)
{
	(void)state;
	return rump_init();
}

/* ---- Not judged ----------------------------------------------------------------- */

static long
sysctl(const char *name)
{
	char v[32], full[64] = "net.ipv4.stats.tcp_";

	strcat(full, name);
	ok_errno(rump_pub_sysctl_get(full, v, sizeof(v)));
	return atol(v);
}

static void
saves_the_syn(void **state)
{
	struct sockaddr_in sin;
	socklen_t len = sizeof(buf);
	int l, c, s;

	(void)state;
	on_rump = true;
	l = listener(&sin);
	assert_int_equal(set(l, IPPROTO_TCP, TCP_SAVE_SYN, 1), 0);
	c = rump_sys_socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(rump_sys_connect(c, SA(&sin), sizeof(sin)), 0);
	s = rump_sys_accept(l, NULL, NULL);
	assert_int_equal(rump_sys_getsockopt(s, IPPROTO_TCP, TCP_SAVED_SYN,
	    buf, &len), 0);
	assert_in_range(len, 40, 120);
	assert_int_equal(buf[0] >> 4, 4);
	assert_memory_equal(&buf[(buf[0] & 15) * 4 + 2], &sin.sin_port, 2);
	assert_int_equal(buf[(buf[0] & 15) * 4 + 13], 2 /* SYN */);
	/* Once. */
	len = sizeof(buf);
	assert_int_equal(rump_sys_getsockopt(s, IPPROTO_TCP, TCP_SAVED_SYN,
	    buf, &len), 0);
	assert_int_equal(len, 0);
	rump_sys_close(s);
	rump_sys_close(c);
	rump_sys_close(l);
}

/* Opened and closed from both sides: nothing stays but TIME-WAIT. */
static void
many_leave_nothing(void **state)
{
	struct linger now = { 1, 0 };
	struct sockaddr_in sin;
	long before, i;
	int l, c, s;

	(void)state;
	on_rump = true;
	before = sysctl("sockets") - sysctl("timewait");
	l = listener(&sin);
	for (i = 0; i < 10000; i++) {
		c = rump_sys_socket(AF_INET, SOCK_STREAM, 0);
		assert_int_equal(rump_sys_connect(c, SA(&sin), sizeof(sin)),
		    0);
		s = rump_sys_accept(l, NULL, NULL);
		assert_int_equal(rump_sys_send(c, "x", 1, 0), 1);
		assert_int_equal(rump_sys_recv(s, buf, 1, 0), 1);
		if (i % 3 == 0)
			rump_sys_setsockopt(c, SOL_SOCKET, SO_LINGER, &now,
			    sizeof(now));
		rump_sys_close(i % 2 != 0 ? c : s);
		rump_sys_close(i % 2 != 0 ? s : c);
	}
	rump_sys_close(l);
	assert_int_equal(sysctl("sockets") - sysctl("timewait"), before);
	assert_int_equal(sysctl("orphans"), sysctl("timewait"));
	assert_int_equal(sysctl("halfopen"), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(connects_accepts_and_refuses),
		cmocka_unit_test(refuses_what_is_no_address),
		cmocka_unit_test(closes_one_direction),
		cmocka_unit_test(shuts_for_reading),
		cmocka_unit_test(resets_where_data_is_lost),
		cmocka_unit_test(keeps_what_was_not_accepted),
		cmocka_unit_test(reuses_a_port_in_time_wait),
		cmocka_unit_test(marks_urgent_data),
		cmocka_unit_test(has_the_options_of_tcp7),
		cmocka_unit_test(gives_options_to_connections),
		cmocka_unit_test(tells_about_itself),
		cmocka_unit_test(never_waits_when_told_so),
		cmocka_unit_test(saves_the_syn),
		cmocka_unit_test(many_leave_nothing),
	};

	return cmocka_run_group_tests(tests, boot, NULL);
}
