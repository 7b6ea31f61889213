/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who may have which port and address: the same calls on sockets of this stack and of
 * the host's, which must say the same; and properties of chosen ports.
 *
 * Link: rump-netinet
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <rump/rump.h>
#include <rump/rump_syscalls.h>

#include "test.h"

#define SOCKS	4

/* A step: an operation on one of four sockets. */
enum op { END, TCP, UDP, BIND, CONNECT, LISTEN, REUSEADDR, REUSEPORT, NOPORT,
	FREEBIND, DISCONNECT, CLOSE, SEND, BCAST, NAME };
struct step {
	enum op op;
	int s;
	const char *addr;		/* or NULL: too short a length */
	int port;			/* relative to a free one; 0: 0 */
};

#define LO	"127.0.0.1"
#define LO2	"127.0.0.2"
#define ANY	"0.0.0.0"
#define BC	"255.255.255.255"
#define MC	"239.9.9.9"
#define ALIEN	"192.0.2.55"

static const struct step
sequences[][16] = {
	/* One port, two sockets. */
	{ { UDP, 0, 0, 0 }, { UDP, 1, 0, 0 }, { BIND, 0, LO, 1 },
	  { BIND, 1, LO, 1 }, { BIND, 1, LO2, 1 }, { NAME, 1, 0, 0 } },
	{ { UDP, 0, 0, 0 }, { UDP, 1, 0, 0 }, { BIND, 0, ANY, 1 },
	  { BIND, 1, LO, 1 }, { BIND, 1, LO, 2 }, { BIND, 1, LO, 3 } },
	{ { UDP, 0, 0, 0 }, { UDP, 1, 0, 0 }, { BIND, 0, LO, 1 },
	  { BIND, 1, ANY, 1 } },
	{ { TCP, 0, 0, 0 }, { TCP, 1, 0, 0 }, { BIND, 0, LO, 1 },
	  { BIND, 1, LO, 1 }, { BIND, 1, LO2, 1 } },
	{ { TCP, 0, 0, 0 }, { UDP, 1, 0, 0 }, { BIND, 0, LO, 1 },
	  { BIND, 1, LO, 1 } },
	/* SO_REUSEADDR. */
	{ { UDP, 0, 0, 0 }, { UDP, 1, 0, 0 }, { REUSEADDR, 0, 0, 0 },
	  { BIND, 0, LO, 1 }, { BIND, 1, LO, 1 }, { REUSEADDR, 1, 0, 0 },
	  { BIND, 1, LO, 1 } },
	{ { UDP, 0, 0, 0 }, { UDP, 1, 0, 0 }, { REUSEADDR, 1, 0, 0 },
	  { BIND, 0, LO, 1 }, { BIND, 1, LO, 1 }, { REUSEADDR, 0, 0, 0 },
	  { BIND, 1, LO, 1 } },
	{ { TCP, 0, 0, 0 }, { TCP, 1, 0, 0 }, { REUSEADDR, 0, 0, 0 },
	  { REUSEADDR, 1, 0, 0 }, { BIND, 0, LO, 1 }, { BIND, 1, LO, 1 },
	  { LISTEN, 0, 0, 0 }, { LISTEN, 1, 0, 0 } },
	{ { TCP, 0, 0, 0 }, { TCP, 1, 0, 0 }, { REUSEADDR, 0, 0, 0 },
	  { REUSEADDR, 1, 0, 0 }, { BIND, 0, ANY, 1 }, { LISTEN, 0, 0, 0 },
	  { BIND, 1, LO, 1 } },
	/* SO_REUSEPORT. */
	{ { TCP, 0, 0, 0 }, { TCP, 1, 0, 0 }, { REUSEPORT, 0, 0, 0 },
	  { BIND, 0, LO, 1 }, { BIND, 1, LO, 1 }, { REUSEPORT, 1, 0, 0 },
	  { BIND, 1, LO, 1 }, { LISTEN, 0, 0, 0 }, { LISTEN, 1, 0, 0 } },
	{ { UDP, 0, 0, 0 }, { UDP, 1, 0, 0 }, { REUSEPORT, 0, 0, 0 },
	  { REUSEPORT, 1, 0, 0 }, { BIND, 0, ANY, 1 }, { BIND, 1, LO, 1 },
	  { UDP, 2, 0, 0 }, { REUSEADDR, 2, 0, 0 }, { BIND, 2, LO, 1 } },
	/* Addresses. */
	{ { UDP, 0, 0, 0 }, { BIND, 0, ALIEN, 1 }, { FREEBIND, 0, 0, 0 },
	  { BIND, 0, ALIEN, 1 } },
	{ { TCP, 0, 0, 0 }, { BIND, 0, ALIEN, 1 }, { BIND, 0, NULL, 1 } },
	{ { UDP, 0, 0, 0 }, { BIND, 0, MC, 1 }, { BIND, 0, MC, 1 } },
	{ { UDP, 0, 0, 0 }, { BIND, 0, BC, 1 } },
	{ { UDP, 0, 0, 0 }, { BIND, 0, NULL, 1 } },
	/* Once is enough. */
	{ { UDP, 0, 0, 0 }, { BIND, 0, LO, 1 }, { BIND, 0, LO, 2 },
	  { BIND, 0, ALIEN, 2 } },
	{ { UDP, 0, 0, 0 }, { BIND, 0, LO, 0 }, { BIND, 0, LO, 1 } },
	{ { TCP, 0, 0, 0 }, { BIND, 0, LO, 1 }, { BIND, 0, LO, 2 } },
	/* IP_BIND_ADDRESS_NO_PORT. */
	{ { UDP, 0, 0, 0 }, { NOPORT, 0, 0, 0 }, { BIND, 0, LO2, 0 },
	  { NAME, 0, 0, 0 }, { CONNECT, 0, LO, 1 } },
	/* Connecting. */
	{ { UDP, 0, 0, 0 }, { CONNECT, 0, LO, 1 }, { CONNECT, 0, LO, 2 },
	  { DISCONNECT, 0, 0, 0 }, { NAME, 0, 0, 0 }, { SEND, 0, 0, 0 } },
	{ { UDP, 0, 0, 0 }, { BIND, 0, ANY, 1 }, { CONNECT, 0, LO, 2 },
	  { NAME, 0, 0, 0 }, { DISCONNECT, 0, 0, 0 }, { NAME, 0, 0, 0 } },
	{ { UDP, 0, 0, 0 }, { BIND, 0, LO2, 1 }, { CONNECT, 0, LO, 2 },
	  { DISCONNECT, 0, 0, 0 }, { NAME, 0, 0, 0 } },
	{ { UDP, 0, 0, 0 }, { CONNECT, 0, ANY, 1 }, { NAME, 0, 0, 0 } },
	{ { UDP, 0, 0, 0 }, { CONNECT, 0, NULL, 1 }, { CONNECT, 0, LO, 0 } },
	{ { UDP, 0, 0, 0 }, { CONNECT, 0, BC, 1 } },
	{ { UDP, 0, 0, 0 }, { UDP, 1, 0, 0 }, { BIND, 0, LO, 1 },
	  { CONNECT, 0, LO, 2 }, { BIND, 1, LO, 1 }, { BIND, 1, LO2, 1 } },
	{ { UDP, 0, 0, 0 }, { SEND, 0, 0, 0 }, { LISTEN, 0, 0, 0 } },
	{ { TCP, 0, 0, 0 }, { CONNECT, 0, BC, 1 } },
	{ { TCP, 0, 0, 0 }, { CONNECT, 0, MC, 1 } },
	{ { TCP, 0, 0, 0 }, { CONNECT, 0, LO, 9 }, { TCP, 1, 0, 0 },
	  { CONNECT, 1, NULL, 1 } },
	{ { TCP, 0, 0, 0 }, { TCP, 1, 0, 0 }, { BIND, 0, LO, 1 },
	  { LISTEN, 0, 0, 0 }, { CONNECT, 1, LO, 1 }, { BIND, 1, LO, 2 },
	  { CONNECT, 1, LO, 1 }, { NAME, 0, 0, 0 } },
	/* A port is free when its holder is gone. */
	{ { UDP, 0, 0, 0 }, { UDP, 1, 0, 0 }, { BIND, 0, LO, 1 },
	  { CLOSE, 0, 0, 0 }, { BIND, 1, LO, 1 } },
	{ { TCP, 0, 0, 0 }, { TCP, 1, 0, 0 }, { BIND, 0, LO, 1 },
	  { LISTEN, 0, 0, 0 }, { CLOSE, 0, 0, 0 }, { BIND, 1, LO, 1 } },
};

/* ---- Two kernels ------------------------------------------------------------- */

struct kernel {
	int (*socket)(int, int, int);
	int (*bind)(int, const struct sockaddr *, socklen_t);
	int (*connect)(int, const struct sockaddr *, socklen_t);
	int (*listen)(int, int);
	int (*setsockopt)(int, int, int, const void *, socklen_t);
	int (*getsockname)(int, struct sockaddr *, socklen_t *);
	ssize_t (*send)(int, const void *, size_t, int);
	int (*close)(int);
};

static ssize_t
rump_send(int s, const void *p, size_t n, int flags)
{
	return rump_sys_send(s, p, n, flags);
}

static const struct kernel host = {
	.socket = socket, .bind = bind, .connect = connect, .listen = listen,
	.setsockopt = setsockopt, .getsockname = getsockname, .send = send,
	.close = close,
};

static int base;

static socklen_t
address(const struct step *st, struct sockaddr_in *sin)
{
	memset(sin, 0, sizeof(*sin));
	sin->sin_family = AF_INET;
	inet_pton(AF_INET, st->addr != NULL ? st->addr : LO, &sin->sin_addr);
	sin->sin_port = htons((unsigned short)(st->port != 0 ? base +
	    st->port : 0));
	return st->addr != NULL ? sizeof(*sin) : 8;
}

/* Its address, and whether the port is none, one of ours, or chosen. */
static int
name_of(const struct kernel *k, int s)
{
	struct sockaddr_in sin;
	socklen_t len = sizeof(sin);
	int port, kind;

	if (k->getsockname(s, (struct sockaddr *)&sin, &len) != 0)
		return -1;
	port = ntohs(sin.sin_port);
	kind = port == 0 ? 0 : port > base && port < base + 10 ? port - base :
	    99;
	return (int)(ntohl(sin.sin_addr.s_addr) & 0xffff) * 1000 + kind;
}

static int
option(const struct kernel *k, int s, int level, int name)
{
	int v = 1;

	return k->setsockopt(s, level, name, &v, sizeof(v));
}

static int
perform(const struct kernel *k, const struct step *st, int *s)
{
	struct sockaddr_in sin;
	socklen_t len = address(st, &sin);
	struct sockaddr *sa = (struct sockaddr *)&sin;
	int fd = s[st->s];

	switch (st->op) {
	case TCP:
		s[st->s] = k->socket(AF_INET, SOCK_STREAM, 0);
		return s[st->s] < 0 ? -1 : 0;
	case UDP:
		s[st->s] = k->socket(AF_INET, SOCK_DGRAM, 0);
		return s[st->s] < 0 ? -1 : 0;
	case BIND:
		return k->bind(fd, sa, len);
	case CONNECT:
		return k->connect(fd, sa, len);
	case DISCONNECT:
		sin.sin_family = AF_UNSPEC;
		return k->connect(fd, sa, len == 8 ? sizeof(sin) : len);
	case LISTEN:
		return k->listen(fd, 5);
	case REUSEADDR:
		return option(k, fd, SOL_SOCKET, SO_REUSEADDR);
	case REUSEPORT:
		return option(k, fd, SOL_SOCKET, SO_REUSEPORT);
	case NOPORT:
		return option(k, fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT);
	case FREEBIND:
		return option(k, fd, IPPROTO_IP, IP_FREEBIND);
	case BCAST:
		return option(k, fd, SOL_SOCKET, SO_BROADCAST);
	case CLOSE:
		s[st->s] = -1;
		return k->close(fd);
	case SEND:
		return (int)k->send(fd, "x", 1, 0);
	default:
		return name_of(k, fd);
	}
}

static const struct kernel rump = {
	.socket = rump_sys_socket, .bind = rump_sys_bind,
	.connect = rump_sys_connect, .listen = rump_sys_listen,
	.setsockopt = rump_sys_setsockopt,
	.getsockname = rump_sys_getsockname, .send = rump_send,
	.close = rump_sys_close,
};

static void
finish(const struct kernel *k, const int *s)
{
	for (int i = 0; i < SOCKS; i++) {
		if (s[i] >= 0)
			k->close(s[i]);
	}
}

/* Ten ports that the host has free. */
static void
choose_base(void)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };

	for (base = 20000 + (int)(getpid() % 1000) * 10;; base += 10) {
		int i, s, ok = 1;

		for (i = 0; i < 20 && ok; i++) {
			s = socket(AF_INET, i % 2 != 0 ? SOCK_STREAM :
			    SOCK_DGRAM, 0);
			sin.sin_port = htons((unsigned short)(base + i / 2));
			ok = bind(s, (struct sockaddr *)&sin,
			    sizeof(sin)) == 0;
			close(s);
		}
		if (ok)
			return;
	}
}

static void
both_kernels_say_the_same(void **state)
{
	int bad = 0;

	(void)state;
	for (unsigned q = 0; q < sizeof(sequences) / sizeof(sequences[0]);
	    q++) {
		int hs[SOCKS] = { -1, -1, -1, -1 };
		int rs[SOCKS] = { -1, -1, -1, -1 };

		choose_base();
		for (const struct step *st = sequences[q]; st->op != END;
		    st++) {
			int h, r, he, re;

			errno = 0;
			h = perform(&host, st, hs);
			he = h < 0 ? errno : 0;
			errno = 0;
			r = perform(&rump, st, rs);
			re = r < 0 ? errno : 0;
			if (h == r && he == re)
				continue;
			print_message("sequence %u, step %d (op %d): the host "
			    "%d (%s), rump %d (%s)\n", q,
			    (int)(st - sequences[q]), (int)st->op, h,
			    strerror(he), r, strerror(re));
			bad++;
		}
		finish(&host, hs);
		finish(&rump, rs);
	}
	assert_int_equal(bad, 0);
}

static int
chosen_port(void)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	socklen_t len = sizeof(sin);
	int s = rump_sys_socket(AF_INET, SOCK_DGRAM, 0);

	assert_true(s >= 0);
	assert_int_equal(rump_sys_bind(s, (struct sockaddr *)&sin,
	    sizeof(sin)), 0);
	assert_int_equal(rump_sys_getsockname(s, (struct sockaddr *)&sin,
	    &len), 0);
	return ntohs(sin.sin_port);
}

static void
chosen_ports_are_in_range_and_run_out(void **state)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	int s, seen[10] = { 0 };

	(void)state;
	ok_errno(rump_pub_sysctl_set("net.ipv4.ip_local_port_first", "7000"));
	ok_errno(rump_pub_sysctl_set("net.ipv4.ip_local_port_last", "7009"));
	for (int i = 0; i < 10; i++) {
		int port = chosen_port();

		assert_true(port >= 7000 && port <= 7009);
		assert_int_equal(seen[port - 7000]++, 0);
	}
	s = rump_sys_socket(AF_INET, SOCK_DGRAM, 0);
	assert_int_equal(rump_sys_bind(s, (struct sockaddr *)&sin,
	    sizeof(sin)), -1);
	assert_int_equal(errno, EADDRINUSE);
}

static void
low_ports_are_roots(void **state)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
		.sin_port = htons(80) };
	int s = rump_sys_socket(AF_INET, SOCK_DGRAM, 0);

	(void)state;
	assert_int_equal(rump_sys_setresuid(-1, 1000, -1), 0);
	assert_int_equal(rump_sys_bind(s, (struct sockaddr *)&sin,
	    sizeof(sin)), -1);
	assert_int_equal(errno, EACCES);
	assert_int_equal(rump_sys_socket(AF_INET, SOCK_RAW, 1), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(rump_sys_setresuid(-1, 0, -1), 0);
	assert_int_equal(rump_sys_bind(s, (struct sockaddr *)&sin,
	    sizeof(sin)), 0);
	rump_sys_close(s);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_kernels_say_the_same),
		cmocka_unit_test(low_ports_are_roots),
		cmocka_unit_test(chosen_ports_are_in_range_and_run_out),
	};

	setenv("RUMP_SEED", "4711", 1);
	if (rump_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
