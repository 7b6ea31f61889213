/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The proxy's transport.
 *
 * Link: rumpuser
 */
#define _GNU_SOURCE
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <netinet/in.h>

#include "posix_test.h"

static char url[300];
static const char *path;

static int
setup(void **state)
{

	path = temp_path("sock");
	snprintf(url, sizeof(url), "unix://%s", path);
	return boot(state);
}

static int
teardown(void **state)
{

	(void)state;
	temp_remove(path);
	return 0;
}

struct pair {
	int p_listen, p_client, p_server;
};

static void
pair_open(struct pair *p, const char *at)
{

	assert_int_equal(rumpuser_sp_listen(at, &p->p_listen), 0);
	assert_int_equal(rumpuser_sp_connect(at, &p->p_client), 0);
	assert_int_equal(rumpuser_sp_accept(p->p_listen, &p->p_server), 0);
}

static void
pair_close(struct pair *p)
{

	rumpuser_sp_close(p->p_client);
	rumpuser_sp_close(p->p_server);
	rumpuser_sp_close(p->p_listen);
}

struct transfer {
	int t_fd;
	size_t t_len;
	int t_error;
	bool t_good;
};

static void *
receiver(void *arg)
{
	struct transfer *t = arg;
	static unsigned char buf[7777];
	size_t n, i, pos = 0;

	t->t_good = true;
	while ((t->t_error = rumpuser_sp_recv(t->t_fd, buf, sizeof(buf), &n))
	    == 0 && n > 0)
		for (i = 0; i < n; i++, pos++)
			t->t_good &= buf[i] == (unsigned char)(pos * 31 >> 3);
	t->t_len = pos;
	return NULL;
}

static void
stream_carries_megabytes(const char *at)
{
	enum { LEN = 3 << 20, PIECES = 2000 };
	static unsigned char buf[LEN];
	static struct rumpuser_iovec iov[PIECES];
	struct transfer t = { 0 };
	struct pair p;
	pthread_t id;
	size_t i;

	pair_open(&p, at);
	for (i = 0; i < LEN; i++)
		buf[i] = i * 31 >> 3;
	for (i = 0; i < PIECES; i++)
		iov[i] = (struct rumpuser_iovec){ buf + i * 1000, 1000 };
	iov[PIECES - 1].iov_len = LEN - (PIECES - 1) * 1000;
	t.t_fd = p.p_server;
	pthread_create(&id, NULL, receiver, &t);
	assert_int_equal(rumpuser_sp_sendv(p.p_client, iov, PIECES), 0);
	rumpuser_sp_close(p.p_client);
	pthread_join(id, NULL);
	assert_int_equal(t.t_error, 0);
	assert_int_equal(t.t_len, LEN);
	assert_true(t.t_good);
	pair_close(&p);
}

static void
unix_stream_carries_megabytes(void **state)
{

	(void)state;
	stream_carries_megabytes(url);
}

/* A port that was free a moment ago. */
static int
free_port(void)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(sin);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&sin, len), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sin, &len), 0);
	close(fd);
	return ntohs(sin.sin_port);
}

static void
tcp_stream_carries_megabytes(void **state)
{
	char at[100];

	(void)state;
	snprintf(at, sizeof(at), "tcp://127.0.0.1:%d/", free_port());
	stream_carries_megabytes(at);
}

static void
bad_urls_are_refused(void **state)
{
	static const char *const bad[] = { "", "unix://", "unix:", "tcp://",
	    "tcp://127.0.0.1", "tcp://127.0.0.1:", "tcp://127.0.0.1:99999/",
	    "tcp://127.0.0.1:12x/", "tcp://localhost:80/", "tcp://[::1:80/",
	    "tcp://:80/", "tcp://[]:80/", "tcp://127.0.0.1:-1/", "http://x/" };
	char at[300];
	size_t i;
	int fd;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(rumpuser_sp_connect(bad[i], &fd), EINVAL);
		assert_int_equal(rumpuser_sp_listen(bad[i], &fd), EINVAL);
	}
	memset(at, 'x', sizeof(at));
	memcpy(at, "unix://", 7);
	at[sizeof(at) - 1] = '\0';
	assert_int_equal(rumpuser_sp_listen(at, &fd), ENAMETOOLONG);
}

static void
peer_that_is_gone_is_epipe(void **state)
{
	static char buf[100000];
	struct rumpuser_iovec iov = { buf, sizeof(buf) };
	struct pair p;
	int error, i;

	(void)state;
	pair_open(&p, url);
	rumpuser_sp_close(p.p_client);
	for (i = 0; i < 10; i++)
		if ((error = rumpuser_sp_sendv(p.p_server, &iov, 1)) != 0)
			break;
	assert_int_equal(error, EPIPE);
	pair_close(&p);
}

static void *
acceptor(void *arg)
{
	int fd;

	return (void *)(intptr_t)rumpuser_sp_accept(*(int *)arg, &fd);
}

static void
close_aborts_calls_in_progress(void **state)
{
	struct transfer t = { 0 };
	struct pair p;
	pthread_t a, r;
	void *error;
	char c;
	size_t n;

	(void)state;
	pair_open(&p, url);
	t.t_fd = p.p_server;
	pthread_create(&a, NULL, acceptor, &p.p_listen);
	pthread_create(&r, NULL, receiver, &t);
	nap(20 * MS);
	rumpuser_sp_close(p.p_listen);
	rumpuser_sp_close(p.p_server);
	pthread_join(a, &error);
	pthread_join(r, NULL);
	assert_int_equal((intptr_t)error, ECONNABORTED);
	assert_int_equal(t.t_error, ECONNABORTED);
	assert_int_equal(rumpuser_sp_recv(p.p_server, &c, 1, &n),
	    ECONNABORTED);
	rumpuser_sp_close(p.p_client);
	rumpuser_sp_close(p.p_client);
}

static void
closing_listener_removes_its_file(void **state)
{
	struct stat st;
	int fd;

	(void)state;
	assert_int_equal(rumpuser_sp_listen(url, &fd), 0);
	assert_int_equal(lstat(path, &st), 0);
	rumpuser_sp_close(fd);
	assert_int_equal(lstat(path, &st), -1);
	assert_int_equal(rumpuser_sp_connect(url, &fd), ENOENT);
}

static void
stale_socket_is_replaced_and_nothing_else(void **state)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd, other;

	(void)state;
	/* What a killed server leaves. */
	strcpy(sun.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	assert_int_equal(listen(fd, 1), 0);
	close(fd);
	assert_int_equal(rumpuser_sp_connect(url, &other), ECONNREFUSED);
	assert_int_equal(rumpuser_sp_listen(url, &fd), 0);
	/* One that lives. */
	assert_int_equal(rumpuser_sp_listen(url, &other), EADDRINUSE);
	rumpuser_sp_close(fd);
	/* No socket. */
	close(open(path, O_CREAT | O_WRONLY, 0600));
	assert_int_equal(rumpuser_sp_listen(url, &other), EADDRINUSE);
	assert_int_equal(access(path, F_OK), 0);
	unlink(path);
}

static void
listener_of_a_process_that_exits_is_removed(void **state)
{
	int status, fd;
	pid_t pid;

	(void)state;
	fflush(NULL);
	if ((pid = fork()) == 0) {
		if (rumpuser_sp_listen(url, &fd) != 0)
			_exit(1);
		if (fork() == 0)
			exit(0);	/* somebody else's: not removed */
		wait(&status);
		if (access(path, F_OK) != 0)
			_exit(2);
		rumpuser_exit(0);
	}
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
	assert_int_equal(access(path, F_OK), -1);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(unix_stream_carries_megabytes),
		cmocka_unit_test(tcp_stream_carries_megabytes),
		cmocka_unit_test(bad_urls_are_refused),
		cmocka_unit_test(peer_that_is_gone_is_epipe),
		cmocka_unit_test(close_aborts_calls_in_progress),
		cmocka_unit_test(closing_listener_removes_its_file),
		cmocka_unit_test(stale_socket_is_replaced_and_nothing_else),
		cmocka_unit_test(listener_of_a_process_that_exits_is_removed),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
