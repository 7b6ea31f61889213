/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Connections over lo from several threads: opened, used, closed in different
 * ways; nothing is left behind and none is stuck. RUMP_SOAK_CONNECTIONS
 * prolongs it.
 *
 * Link: rump-netinet
 */
#include "test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <rump/rump.h>
#include <rump/rump_syscalls.h>

#define CLIENTS 3
#define SERVERS 2

static int listener;
static _Atomic unsigned clients_ended, servers_ended;
static unsigned each = 700;		/* connections of a client */

static uint64_t
stat_of(const char *name)
{
	char full[80], buf[40];

	snprintf(full, sizeof(full), "net.ipv4.stats.%s", name);
	ok_errno(rump_pub_sysctl_get(full, buf, sizeof(buf)));
	return strtoull(buf, NULL, 0);
}

static struct sockaddr_in
address(void)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
	    .sin_port = htons(7000) };

	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return sin;
}

static int
listen_at(const struct sockaddr_in *sin)
{
	int s = rump_sys_socket(AF_INET, SOCK_STREAM, 0);

	assert_true(s >= 0);
	assert_int_equal(rump_sys_bind(s, (const struct sockaddr *)sin,
	    sizeof(*sin)), 0);
	assert_int_equal(rump_sys_listen(s, 128), 0);
	return s;
}

/* Its close is a reset. */
static void
set_reset(int s)
{
	const struct linger reset = { .l_onoff = 1 };

	assert_int_equal(rump_sys_setsockopt(s, SOL_SOCKET, SO_LINGER, &reset,
	    sizeof(reset)), 0);
}

/* Who is stuck fails, and does not hang. */
static void
set_timeout(int s)
{
	const struct timeval tv = { .tv_sec = 600 };

	assert_int_equal(rump_sys_setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &tv,
	    sizeof(tv)), 0);
	assert_int_equal(rump_sys_setsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &tv,
	    sizeof(tv)), 0);
}

/* ---- Servers ------------------------------------------------------------- */

/*
 * Answers one request: a length, then so many bytes come back.
 *
 * Returns NULL, or what failed. That the client has left does not.
 */
static const char *
serve(int s)
{
	static const uint8_t zero[4096];
	uint32_t n = 0;
	ssize_t k;

	set_timeout(s);
	k = rump_sys_recvfrom(s, &n, sizeof(n), MSG_WAITALL, NULL, NULL);
	if (k != sizeof(n))
		return k == 0 || (k < 0 && errno == ECONNRESET) ? NULL :
		    "receive";
	for (; n > 0; n -= (uint32_t)k) {
		k = rump_sys_sendto(s, zero, n < sizeof(zero) ? n :
		    sizeof(zero), MSG_NOSIGNAL, NULL, 0);
		if (k < 0)
			return errno == EPIPE || errno == ECONNRESET ? NULL :
			    "send";
	}
	return NULL;
}

/* A connection that is reset in the queue is no reason to stop. */
static const char *
serve_all(void)
{
	const char *what;
	int s;

	for (;;) {
		s = rump_sys_accept(listener, NULL, NULL);
		if (s < 0 && errno == ECONNABORTED)
			continue;
		if (s < 0)
			return errno == EINVAL ? NULL : "accept";
		what = serve(s);
		if (rump_sys_close(s) != 0 && what == NULL)
			what = "close";
		if (what != NULL)
			return what;
	}
}

static void *
server(void *arg)
{
	const char *what = serve_all();

	(void)arg;
	if (what != NULL)
		fprintf(stderr, "# server: %s: %s\n", what, strerror(errno));
	servers_ended++;
	return (void *)(uintptr_t)what;
}

/* ---- Clients ------------------------------------------------------------- */

static const char *
use(int s, unsigned i)
{
	struct sockaddr_in sin = address();
	uint32_t n = i % 3 == 0 ? 1 : i * 97 % 20000 + 1, got = 0;
	uint8_t buf[4096];
	ssize_t k;

	set_timeout(s);
	/* A reset leaves no TIME-WAIT: ports come back. */
	if (i % 2 == 0)
		set_reset(s);
	if (rump_sys_connect(s, (struct sockaddr *)&sin, sizeof(sin)) != 0)
		return "connect";
	if (i % 7 == 0)
		return NULL;
	if (rump_sys_sendto(s, &n, sizeof(n), MSG_NOSIGNAL, NULL, 0) !=
	    sizeof(n))
		return "send";
	if (i % 5 == 0)
		return NULL;
	while ((k = rump_sys_read(s, buf, sizeof(buf))) > 0)
		got += (uint32_t)k;
	if (k < 0)
		return "read";
	return got == n ? NULL : "length";
}

/* Returns NULL, or what failed. */
static const char *
once(unsigned i)
{
	const char *what;
	int s = rump_sys_socket(AF_INET, SOCK_STREAM, 0);

	if (s < 0)
		return "socket";
	what = use(s, i);
	if (what != NULL)
		fprintf(stderr, "# connection %u: %s: %s\n", i, what,
		    strerror(errno));
	if (rump_sys_close(s) != 0 && what == NULL)
		what = "close";
	return what;
}

static void *
client(void *arg)
{
	unsigned base = *(unsigned *)arg;
	const char *what = NULL;

	for (unsigned i = 0; i < each && what == NULL; i++)
		what = once(base + i);
	clients_ended++;
	return (void *)(uintptr_t)what;
}

/* ---- Tests --------------------------------------------------------------- */

/* Not in the host: the clock goes on only while all threads wait in here. */
static void
wait_for(_Atomic unsigned *ended, unsigned n)
{
	while (*ended < n)
		assert_int_equal(rump_sys_nanosleep(&(struct timespec){ 1, 0 },
		    NULL), 0);
}

static void
join(pthread_t *td, unsigned n)
{
	void *rv;

	for (unsigned i = 0; i < n; i++) {
		ok_errno(pthread_join(td[i], &rv));
		assert_null(rv);
	}
}

static void
assert_nothing_left(uint64_t sockets)
{
	/* TIME-WAIT is over in a minute of a clock that does not wait. */
	assert_int_equal(rump_sys_nanosleep(&(struct timespec){ 200, 0 },
	    NULL), 0);
	assert_int_equal(stat_of("tcp_timewait"), 0);
	assert_int_equal(stat_of("tcp_orphans"), 0);
	assert_int_equal(stat_of("tcp_halfopen"), 0);
	assert_int_equal(stat_of("tcp_sockets"), sockets);
}

/* accept(2): ECONNABORTED, once each; who comes after them is served. */
static void
accept_tells_of_connections_reset_in_the_queue(void **state)
{
	struct sockaddr_in sin = address();
	uint64_t sockets;
	int c, s;

	(void)state;
	listener = listen_at(&sin);
	sockets = stat_of("tcp_sockets");
	for (unsigned i = 0; i < 3; i++) {
		c = rump_sys_socket(AF_INET, SOCK_STREAM, 0);
		assert_true(c >= 0);
		if (i < 2)
			set_reset(c);
		assert_int_equal(rump_sys_connect(c, (struct sockaddr *)&sin,
		    sizeof(sin)), 0);
		assert_int_equal(rump_sys_close(c), 0);
	}
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(rump_sys_accept(listener, NULL, NULL), -1);
		assert_int_equal(errno, ECONNABORTED);
	}
	s = rump_sys_accept(listener, NULL, NULL);
	assert_true(s >= 0);
	assert_int_equal(rump_sys_read(s, &(char){ 0 }, 1), 0);
	assert_int_equal(rump_sys_close(s), 0);
	assert_nothing_left(sockets);
	assert_int_equal(rump_sys_close(listener), 0);
}

static void
connections_come_and_go_and_leave_nothing(void **state)
{
	struct sockaddr_in sin = address();
	pthread_t c[CLIENTS], s[SERVERS];
	unsigned base[CLIENTS];
	uint64_t sockets;

	(void)state;
	listener = listen_at(&sin);
	sockets = stat_of("tcp_sockets");
	for (unsigned i = 0; i < SERVERS; i++)
		ok_errno(pthread_create(&s[i], NULL, server, NULL));
	for (unsigned i = 0; i < CLIENTS; i++) {
		base[i] = i * 31;
		ok_errno(pthread_create(&c[i], NULL, client, &base[i]));
	}
	wait_for(&clients_ended, CLIENTS);
	join(c, CLIENTS);
	assert_int_equal(rump_sys_shutdown(listener, SHUT_RDWR), 0);
	wait_for(&servers_ended, SERVERS);
	join(s, SERVERS);
	assert_nothing_left(sockets);
	assert_int_equal(rump_sys_close(listener), 0);
}

static int
boot(void **state)
{
	const char *s = getenv("RUMP_SOAK_CONNECTIONS");

	(void)state;
	if (s != NULL)
		each = (unsigned)strtoul(s, NULL, 0) / CLIENTS;
	setenv("RUMP_CLOCK", "virtual-auto", 1);
	return rump_init();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    accept_tells_of_connections_reset_in_the_queue),
		cmocka_unit_test(connections_come_and_go_and_leave_nothing),
	};

	return cmocka_run_group_tests(tests, boot, NULL);
}
