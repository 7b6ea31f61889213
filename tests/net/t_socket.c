/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The socket layer, over a protocol family that the kernel half has.
 *
 * Link: rumpnet rumpvfs
 */
#define _GNU_SOURCE
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <linux/errqueue.h>
#include <linux/net_tstamp.h>
#include <linux/sockios.h>
#include <netinet/in.h>

#include <rump/lwproc.h>
#include <rump/net/vnet.h>
#include <rump/net/zerocopy.h>
#include <rump/rump.h>
#include <rump/rump_syscalls.h>

#include "k_socket.h"

static char buf[1 << 20], out[1 << 20];

#define fails(call, error) do {				\
	errno = 0;					\
	assert_int_equal((call), -1);			\
	assert_int_equal(errno, (error));		\
} while (0)

static int
boot(void **state)
{
	(void)state;
	rump_boot_setsigmodel(RUMP_SIGMODEL_RECORD);
	for (size_t i = 0; i < sizeof(out); i++)
		out[i] = (char)(i * 7 + i / 251);
	if (rump_init() != 0)
		return -1;
	return rumptest_socket_init();
}

/* Every case gives back all that it took. */
static int
nothing_left(void **state)
{
	(void)state;
	if (rumptest_socket_opened() == 0)
		return 0;
	fprintf(stderr, "# %d sockets left\n", rumptest_socket_opened());
	return -1;
}

static struct rumptest_sockaddr
port(unsigned p)
{
	struct rumptest_sockaddr sa = { RUMPTEST_AF, (uint16_t)p };

	return sa;
}

static int
open_socket(int type)
{
	int fd = rump_sys_socket(RUMPTEST_AF, type, 0);

	assert_true(fd >= 0);
	return fd;
}

static int
bind_to(int fd, unsigned p)
{
	struct rumptest_sockaddr sa = port(p);

	return rump_sys_bind(fd, (struct sockaddr *)&sa, sizeof(sa));
}

static int
connect_to(int fd, unsigned p)
{
	struct rumptest_sockaddr sa = port(p);

	return rump_sys_connect(fd, (struct sockaddr *)&sa, sizeof(sa));
}

static int
listener(int type, unsigned p, int backlog)
{
	int fd = open_socket(type);

	assert_int_equal(bind_to(fd, p), 0);
	assert_int_equal(rump_sys_listen(fd, backlog), 0);
	return fd;
}

static void
pair(int type, int *fds)
{
	assert_int_equal(rump_sys_socketpair(RUMPTEST_AF, type, 0, fds), 0);
}

static void
close_pair(const int *fds)
{
	rump_sys_close(fds[0]);
	rump_sys_close(fds[1]);
}

static int
ready(int fd, int events)
{
	struct pollfd p = { .fd = fd, .events = (short)events };

	assert_true(rump_sys_poll(&p, 1, 0) >= 0);
	return p.revents;
}

static int
get_int(int fd, int level, int name)
{
	socklen_t len = sizeof(int);
	int v = -1;

	assert_int_equal(rump_sys_getsockopt(fd, level, name, &v, &len), 0);
	assert_int_equal(len, sizeof(int));
	return v;
}

static int
set_int(int fd, int level, int name, int v)
{
	return rump_sys_setsockopt(fd, level, name, &v, sizeof(v));
}

#define ALL (POLLIN | POLLOUT | POLLPRI | POLLRDHUP | POLLRDNORM | POLLWRNORM)
#define IN (POLLIN | POLLRDNORM)
#define OUT (POLLOUT | POLLWRNORM)

/* ---- Making sockets ------------------------------------------------------------ */

static void
socket_refuses_what_is_not_there(void **state)
{
	int fds[2];

	(void)state;
	fails(rump_sys_socket(44, SOCK_STREAM, 0), EAFNOSUPPORT);
	fails(rump_sys_socket(RUMPTEST_AF, SOCK_RDM, 0), ESOCKTNOSUPPORT);
	fails(rump_sys_socket(RUMPTEST_AF, SOCK_STREAM, 9), EPROTONOSUPPORT);
	fails(rump_sys_socket(RUMPTEST_AF, SOCK_STREAM | 0x100, 0), EINVAL);
	fails(rump_sys_socketpair(RUMPTEST_AF, SOCK_STREAM, 0, NULL), EFAULT);
	fails(rump_sys_bind(1000, NULL, 0), EBADF);
	fails(rump_sys_listen(0, 0), ENOTSOCK);
	assert_int_equal(rump_sys_socketpair(RUMPTEST_AF, SOCK_STREAM |
	    SOCK_NONBLOCK | SOCK_CLOEXEC, 1, fds), 0);
	assert_int_equal(rump_sys_fcntl(fds[0], F_GETFL, 0), O_RDWR |
	    O_NONBLOCK);
	assert_int_equal(rump_sys_fcntl(fds[1], F_GETFD, 0), FD_CLOEXEC);
	fails(rump_sys_lseek(fds[0], 0, SEEK_SET), ESPIPE);
	close_pair(fds);
}

static void
a_socket_is_a_file(void **state)
{
	struct stat a, b;
	int fds[2], n;

	(void)state;
	pair(SOCK_STREAM, fds);
	assert_int_equal(rump_sys_fstat(fds[0], &a), 0);
	assert_int_equal(rump_sys_fstat(fds[1], &b), 0);
	assert_true(S_ISSOCK(a.st_mode));
	assert_int_equal(a.st_mode & 07777, 0777);
	assert_int_not_equal(a.st_ino, b.st_ino);
	assert_int_equal(rump_sys_write(fds[0], "abcdef", 6), 6);
	assert_int_equal(rump_sys_ioctl(fds[1], FIONREAD, &n), 0);
	assert_int_equal(n, 6);
	assert_int_equal(rump_sys_ioctl(fds[0], SIOCOUTQ, &n), 0);
	assert_int_equal(n, 6);
	assert_int_equal(rump_sys_read(fds[1], buf, 4), 4);
	assert_int_equal(rump_sys_ioctl(fds[0], SIOCOUTQ, &n), 0);
	assert_int_equal(n, 2);
	fails(rump_sys_ioctl(fds[0], 0x1234, &n), ENOTTY);
	assert_int_equal(rump_sys_read(fds[1], buf, 0), 0);
	assert_int_equal(rump_sys_read(fds[1], buf, 100), 2);
	assert_memory_equal(buf, "ef", 2);
	close_pair(fds);
}

/* ---- Streams ---------------------------------------------------------------------- */

static void
a_stream_keeps_bytes_in_order(void **state)
{
	size_t sent = 0, got = 0;
	struct iovec iov[3];
	int fds[2], i = 0;
	ssize_t n;

	(void)state;
	pair(SOCK_STREAM | SOCK_NONBLOCK, fds);
	while (got < sizeof(out)) {
		size_t want = (size_t)(i * 7919 % 9000) + 1;

		if (sent < sizeof(out)) {
			want = want < sizeof(out) - sent ? want :
			    sizeof(out) - sent;
			n = rump_sys_send(fds[0], out + sent, want, 0);
			if (n > 0)
				sent += (size_t)n;
			else
				assert_int_equal(errno, EAGAIN);
		}
		want = (size_t)(i * 104729 % 12000) + 1;
		iov[0] = (struct iovec){ buf + got, want / 3 };
		iov[1] = (struct iovec){ buf + got + want / 3, 0 };
		iov[2] = (struct iovec){ buf + got + want / 3,
			want - want / 3 };
		if (got + want > sizeof(buf))
			iov[2].iov_len = sizeof(buf) - got - want / 3;
		n = rump_sys_readv(fds[1], iov, 3);
		if (n > 0)
			got += (size_t)n;
		i++;
	}
	assert_memory_equal(buf, out, sizeof(out));
	fails(rump_sys_recv(fds[1], buf, 1, 0), EAGAIN);
	close_pair(fds);
}

static void
a_full_stream_takes_what_fits(void **state)
{
	ssize_t n, total = 0;
	int fds[2], size;

	(void)state;
	pair(SOCK_STREAM | SOCK_NONBLOCK, fds);
	assert_int_equal(set_int(fds[0], SOL_SOCKET, SO_SNDBUF, 20000), 0);
	size = get_int(fds[0], SOL_SOCKET, SO_SNDBUF);
	assert_int_equal(size, 40000);
	assert_int_equal(ready(fds[0], ALL), OUT);
	n = rump_sys_send(fds[0], out, sizeof(out), 0);
	assert_true(n >= 20000 && n < 40000);
	total = n;
	fails(rump_sys_send(fds[0], out, 1, 0), EAGAIN);
	assert_int_equal(ready(fds[0], ALL), 0);
	/* Room for a third makes it writable. */
	assert_int_equal(rump_sys_recv(fds[1], buf, 1000, 0), 1000);
	assert_int_equal(ready(fds[0], ALL), 0);
	assert_int_equal(rump_sys_recv(fds[1], buf, 9000, 0), 9000);
	assert_int_equal(ready(fds[0], ALL), OUT);
	assert_int_equal(rump_sys_recv(fds[1], buf, sizeof(buf), 0),
	    total - 10000);
	close_pair(fds);
}

static void
peek_leaves_the_bytes(void **state)
{
	struct iovec iov = { buf, 3 };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };
	int fds[2];

	(void)state;
	pair(SOCK_STREAM, fds);
	rump_sys_send(fds[0], "hello", 5, 0);
	rump_sys_send(fds[0], out, 3000, 0);
	assert_int_equal(rump_sys_recv(fds[1], buf, 3, MSG_PEEK), 3);
	assert_int_equal(rump_sys_recvmsg(fds[1], &mh, MSG_PEEK), 3);
	assert_int_equal(mh.msg_flags, 0);
	assert_memory_equal(buf, "hel", 3);
	assert_int_equal(rump_sys_recv(fds[1], buf, sizeof(buf), MSG_PEEK),
	    3005);
	assert_memory_equal(buf + 5, out, 3000);
	/* SO_PEEK_OFF moves with looks, and back with reads. */
	assert_int_equal(get_int(fds[1], SOL_SOCKET, SO_PEEK_OFF), -1);
	assert_int_equal(set_int(fds[1], SOL_SOCKET, SO_PEEK_OFF, 1), 0);
	assert_int_equal(rump_sys_recv(fds[1], buf, 2, MSG_PEEK), 2);
	assert_memory_equal(buf, "el", 2);
	assert_int_equal(rump_sys_recv(fds[1], buf, 2, MSG_PEEK), 2);
	assert_memory_equal(buf, "lo", 2);
	assert_int_equal(get_int(fds[1], SOL_SOCKET, SO_PEEK_OFF), 5);
	assert_int_equal(rump_sys_recv(fds[1], buf, 4, 0), 4);
	assert_int_equal(get_int(fds[1], SOL_SOCKET, SO_PEEK_OFF), 1);
	assert_int_equal(rump_sys_recv(fds[1], buf, 3000, MSG_PEEK), 3000);
	assert_memory_equal(buf, out, 3000);
	fails(rump_sys_recv(fds[1], buf, 1, MSG_PEEK | MSG_DONTWAIT), EAGAIN);
	/* MSG_TRUNC throws a stream's bytes away. */
	assert_int_equal(rump_sys_recv(fds[1], NULL, 101, MSG_TRUNC), 101);
	assert_int_equal(rump_sys_recv(fds[1], buf, 1, 0), 1);
	assert_int_equal(buf[0], out[100]);
	close_pair(fds);
}

static void
a_fault_loses_nothing(void **state)
{
	struct iovec iov[2] = { { buf, 3 }, { NULL, 100 } };
	int fds[2];

	(void)state;
	pair(SOCK_STREAM, fds);
	rump_sys_send(fds[0], out, 5000, 0);
	fails(rump_sys_recv(fds[1], NULL, 5000, 0), EFAULT);
	assert_int_equal(rump_sys_readv(fds[1], iov, 2), 3);
	assert_memory_equal(buf, out, 3);
	fails(rump_sys_send(fds[0], NULL, 5000, 0), EFAULT);
	assert_true(rump_sys_recv(fds[1], buf, 5000, 0) > 0);
	close_pair(fds);
}

struct later {
	int fd;
	size_t n;
	int flags;
	ssize_t rv;
	int error;
};

static void *
receive_later(void *arg)
{
	struct later *l = arg;

	l->rv = rump_sys_recv(l->fd, buf, l->n, l->flags);
	l->error = errno;
	return NULL;
}

static void
waitall_waits_for_all(void **state)
{
	struct later l = { .n = 10, .flags = MSG_WAITALL };
	int fds[2], n;
	pthread_t t;

	(void)state;
	pair(SOCK_STREAM, fds);
	l.fd = fds[1];
	assert_int_equal(pthread_create(&t, NULL, receive_later, &l), 0);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(rump_sys_send(fds[0], out + i * 2, 2, 0), 2);
		do
			assert_int_equal(rump_sys_ioctl(fds[0], SIOCOUTQ,
			    &n), 0);
		while (n > 0);
	}
	pthread_join(t, NULL);
	assert_int_equal(l.rv, 10);
	assert_memory_equal(buf, out, 10);
	/* The end of the stream ends it. */
	rump_sys_send(fds[0], out, 4, 0);
	assert_int_equal(rump_sys_shutdown(fds[0], SHUT_WR), 0);
	assert_int_equal(rump_sys_recv(fds[1], buf, 10, MSG_WAITALL), 4);
	assert_int_equal(rump_sys_recv(fds[1], buf, 10, MSG_WAITALL), 0);
	close_pair(fds);
}

static void
lowat_is_what_readiness_means(void **state)
{
	int fds[2];

	(void)state;
	pair(SOCK_STREAM, fds);
	assert_int_equal(set_int(fds[1], SOL_SOCKET, SO_RCVLOWAT, 4), 0);
	assert_int_equal(get_int(fds[1], SOL_SOCKET, SO_RCVLOWAT), 4);
	assert_int_equal(get_int(fds[1], SOL_SOCKET, SO_SNDLOWAT), 1);
	fails(set_int(fds[1], SOL_SOCKET, SO_SNDLOWAT, 4), ENOPROTOOPT);
	rump_sys_send(fds[0], "abc", 3, 0);
	assert_int_equal(ready(fds[1], ALL), OUT);
	rump_sys_send(fds[0], "d", 1, 0);
	assert_int_equal(ready(fds[1], ALL), OUT | IN);
	assert_int_equal(rump_sys_recv(fds[1], buf, 100, 0), 4);
	close_pair(fds);
}

static void
timeouts_end_calls(void **state)
{
	struct timeval tv = { 0, 20000 }, got;
	socklen_t len = sizeof(got);
	int fds[2], s;

	(void)state;
	pair(SOCK_STREAM, fds);
	assert_int_equal(rump_sys_setsockopt(fds[1], SOL_SOCKET, SO_RCVTIMEO,
	    &tv, sizeof(tv)), 0);
	assert_int_equal(rump_sys_getsockopt(fds[1], SOL_SOCKET, SO_RCVTIMEO,
	    &got, &len), 0);
	assert_int_equal(got.tv_usec, 20000);
	fails(rump_sys_recv(fds[1], buf, 1, 0), EAGAIN);
	assert_int_equal(rump_sys_setsockopt(fds[0], SOL_SOCKET, SO_SNDTIMEO,
	    &tv, sizeof(tv)), 0);
	assert_true(rump_sys_send(fds[0], out, sizeof(out), 0) > 0);
	fails(rump_sys_send(fds[0], out, 1000, 0), EAGAIN);
	tv.tv_usec = 1000000;
	fails(rump_sys_setsockopt(fds[0], SOL_SOCKET, SO_SNDTIMEO, &tv,
	    sizeof(tv)), EDOM);
	fails(rump_sys_setsockopt(fds[0], SOL_SOCKET, SO_SNDTIMEO, &tv, 8),
	    EINVAL);
	close_pair(fds);
	s = open_socket(SOCK_STREAM);
	tv.tv_usec = 20000;
	rump_sys_setsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
	fails(connect_to(s, RUMPTEST_SILENT), EINPROGRESS);
	rump_sys_close(s);
}

static int
pending(int sig)
{
	sigset_t set;
	siginfo_t info;
	struct timespec zero = { 0, 0 };

	sigemptyset(&set);
	sigaddset(&set, sig);
	return rump_sys_sigtimedwait(&set, &info, &zero) == sig;
}

static void *
interrupt(void *arg)
{
	(void)arg;
	for (;;) {
		pthread_testcancel();
		rump_sys_kill(1, SIGUSR1);
		sched_yield();
	}
	return NULL;
}

static void
a_signal_interrupts_a_wait(void **state)
{
	int fds[2];
	pthread_t t;

	(void)state;
	pair(SOCK_STREAM, fds);
	assert_int_equal(pthread_create(&t, NULL, interrupt, NULL), 0);
	fails(rump_sys_recv(fds[1], buf, 1, 0), EINTR);
	pthread_cancel(t);
	pthread_join(t, NULL);
	while (pending(SIGUSR1))
		continue;
	close_pair(fds);
}

static void *
drain(void *arg)
{
	int fd = *(int *)arg;
	size_t got = 0;
	ssize_t n;

	while ((n = rump_sys_recv(fd, buf + got, 70000, 0)) > 0)
		got += (size_t)n;
	return (void *)got;
}

static void
a_writer_waits_for_room(void **state)
{
	int fds[2];
	pthread_t t;
	void *got;

	(void)state;
	memset(buf, 0, sizeof(buf));
	pair(SOCK_STREAM, fds);
	assert_int_equal(pthread_create(&t, NULL, drain, &fds[1]), 0);
	assert_int_equal(rump_sys_send(fds[0], out, sizeof(out) - 70000, 0),
	    sizeof(out) - 70000);
	rump_sys_shutdown(fds[0], SHUT_WR);
	pthread_join(t, &got);
	assert_int_equal((size_t)got, sizeof(out) - 70000);
	assert_memory_equal(buf, out, (size_t)got);
	close_pair(fds);
}

/* ---- Ends of streams --------------------------------------------------------------- */

static void
shutdown_ends_directions(void **state)
{
	int fds[2];

	(void)state;
	pair(SOCK_STREAM, fds);
	fails(rump_sys_shutdown(fds[0], 3), EINVAL);
	rump_sys_send(fds[0], "last", 4, 0);
	assert_int_equal(rump_sys_shutdown(fds[0], SHUT_WR), 0);
	assert_int_equal(ready(fds[0], ALL), OUT);
	assert_int_equal(ready(fds[1], ALL), IN | OUT | POLLRDHUP);
	fails(rump_sys_send(fds[0], "x", 1, MSG_NOSIGNAL), EPIPE);
	assert_false(pending(SIGPIPE));
	fails(rump_sys_write(fds[0], "x", 1), EPIPE);
	assert_true(pending(SIGPIPE));
	assert_int_equal(rump_sys_read(fds[1], buf, 100), 4);
	assert_int_equal(rump_sys_read(fds[1], buf, 100), 0);
	assert_int_equal(rump_sys_send(fds[1], "back", 4, 0), 4);
	assert_int_equal(rump_sys_read(fds[0], buf, 100), 4);
	assert_int_equal(rump_sys_shutdown(fds[1], SHUT_RDWR), 0);
	assert_int_equal(ready(fds[0], ALL), IN | OUT | POLLRDHUP | POLLHUP);
	assert_int_equal(ready(fds[1], 0), POLLHUP);
	close_pair(fds);
}

static void
an_error_is_told_once(void **state)
{
	int fds[2];

	(void)state;
	pair(SOCK_STREAM, fds);
	set_int(fds[0], RUMPTEST_AF, RUMPTEST_SETERROR, ETIMEDOUT);
	assert_int_equal(ready(fds[0], ALL), OUT | POLLERR);
	fails(rump_sys_recv(fds[0], buf, 1, 0), ETIMEDOUT);
	assert_int_equal(ready(fds[0], ALL), OUT);
	set_int(fds[0], RUMPTEST_AF, RUMPTEST_SETERROR, ENETDOWN);
	fails(rump_sys_send(fds[0], buf, 1, 0), ENETDOWN);
	set_int(fds[0], RUMPTEST_AF, RUMPTEST_SETERROR, ENETDOWN);
	assert_int_equal(get_int(fds[0], SOL_SOCKET, SO_ERROR), ENETDOWN);
	assert_int_equal(get_int(fds[0], SOL_SOCKET, SO_ERROR), 0);
	/* What came before it is read first. */
	rump_sys_send(fds[0], "x", 1, 0);
	set_int(fds[1], RUMPTEST_AF, RUMPTEST_SETERROR, ECONNRESET);
	assert_int_equal(rump_sys_recv(fds[1], buf, 9, 0), 1);
	fails(rump_sys_recv(fds[1], buf, 9, 0), ECONNRESET);
	close_pair(fds);
}

/* ---- Connections --------------------------------------------------------------------- */

static void
connect_and_accept(void **state)
{
	struct rumptest_sockaddr sa;
	socklen_t len = sizeof(sa);
	int l, c, a;

	(void)state;
	l = listener(SOCK_STREAM, 10, 5);
	assert_int_equal(get_int(l, SOL_SOCKET, SO_ACCEPTCONN), 1);
	assert_int_equal(ready(l, ALL), 0);
	c = open_socket(SOCK_STREAM);
	assert_int_equal(ready(c, ALL), OUT | POLLHUP);
	fails(rump_sys_recv(c, buf, 1, 0), ENOTCONN);
	fails(rump_sys_send(c, buf, 1, MSG_NOSIGNAL), EPIPE);
	fails(rump_sys_getpeername(c, (struct sockaddr *)&sa, &len),
	    ENOTCONN);
	fails(rump_sys_shutdown(c, SHUT_RD), ENOTCONN);
	fails(rump_sys_accept(c, NULL, NULL), EINVAL);
	fails(rump_sys_connect(c, NULL, 4), EFAULT);
	fails(rump_sys_connect(c, (struct sockaddr *)&sa, 1), EINVAL);
	fails(rump_sys_connect(c, (struct sockaddr *)buf, 200), EINVAL);
	assert_int_equal(connect_to(c, 10), 0);
	fails(connect_to(c, 10), EISCONN);
	fails(connect_to(l, 10), EISCONN);
	fails(rump_sys_listen(c, 1), EINVAL);
	assert_int_equal(ready(l, ALL), IN);
	a = rump_sys_accept4(l, (struct sockaddr *)&sa, &len, SOCK_NONBLOCK);
	assert_true(a >= 0);
	assert_int_equal(len, sizeof(sa));
	assert_int_equal(sa.rs_family, RUMPTEST_AF);
	assert_int_equal(rump_sys_fcntl(a, F_GETFL, 0), O_RDWR | O_NONBLOCK);
	fails(rump_sys_accept4(l, NULL, NULL, 1), EINVAL);
	len = 1;
	assert_int_equal(rump_sys_getsockname(a, (struct sockaddr *)&sa,
	    &len), 0);
	assert_int_equal(len, sizeof(sa));
	len = (socklen_t)-1;
	fails(rump_sys_getsockname(a, (struct sockaddr *)&sa, &len), EINVAL);
	assert_int_equal(rump_sys_send(c, "hi", 2, 0), 2);
	assert_int_equal(rump_sys_recv(a, buf, 9, 0), 2);
	rump_sys_close(c);
	assert_int_equal(rump_sys_recv(a, buf, 9, 0), 0);
	rump_sys_close(a);
	rump_sys_close(l);
}

static void
connect_without_waiting(void **state)
{
	int l, c, a;

	(void)state;
	c = open_socket(SOCK_STREAM | SOCK_NONBLOCK);
	fails(connect_to(c, RUMPTEST_SILENT), EINPROGRESS);
	fails(connect_to(c, RUMPTEST_SILENT), EALREADY);
	assert_int_equal(ready(c, ALL), 0);
	fails(rump_sys_send(c, "x", 1, 0), EAGAIN);
	fails(rump_sys_recv(c, buf, 1, 0), EAGAIN);
	rump_sys_close(c);

	l = listener(SOCK_STREAM, 10, 5);
	c = open_socket(SOCK_STREAM | SOCK_NONBLOCK);
	fails(connect_to(c, 10), EINPROGRESS);
	assert_int_equal(ready(c, ALL), OUT);
	assert_int_equal(get_int(c, SOL_SOCKET, SO_ERROR), 0);
	assert_int_equal(connect_to(c, 10), 0);
	fails(connect_to(c, 10), EISCONN);
	a = rump_sys_accept(l, NULL, NULL);
	assert_true(a >= 0);
	rump_sys_close(a);
	rump_sys_close(c);
	rump_sys_close(l);

	/* Nobody listens. */
	c = open_socket(SOCK_STREAM | SOCK_NONBLOCK);
	fails(connect_to(c, 11), EINPROGRESS);
	assert_int_equal(ready(c, ALL), IN | OUT | POLLRDHUP | POLLHUP |
	    POLLERR);
	assert_int_equal(get_int(c, SOL_SOCKET, SO_ERROR), ECONNREFUSED);
	fails(connect_to(c, 11), ECONNABORTED);
	rump_sys_close(c);
	c = open_socket(SOCK_STREAM);
	fails(connect_to(c, 11), ECONNREFUSED);
	l = listener(SOCK_STREAM, 11, 5);
	assert_int_equal(connect_to(c, 11), 0);
	rump_sys_close(c);
	rump_sys_close(l);
}

static void
a_backlog_is_a_limit(void **state)
{
	int l, c[5], refused = 0;

	(void)state;
	l = listener(SOCK_STREAM, 10, 1);
	for (int i = 0; i < 5; i++) {
		c[i] = open_socket(SOCK_STREAM);
		if (connect_to(c[i], 10) != 0) {
			assert_int_equal(errno, ECONNREFUSED);
			refused++;
		}
	}
	/* As Linux: one more than the backlog. */
	assert_int_equal(refused, 3);
	/* What nobody accepted is reset. */
	rump_sys_close(l);
	fails(rump_sys_recv(c[0], buf, 1, 0), ECONNRESET);
	for (int i = 0; i < 5; i++)
		rump_sys_close(c[i]);
}

static void *
accept_later(void *arg)
{
	struct later *l = arg;

	l->rv = rump_sys_accept(l->fd, NULL, NULL);
	l->error = errno;
	return NULL;
}

static void
accept_waits(void **state)
{
	struct timeval tv = { 0, 20000 };
	struct later l[3];
	pthread_t t[3];
	int c[3];

	(void)state;
	l[0].fd = listener(SOCK_STREAM, 10, 5);
	for (int i = 0; i < 3; i++) {
		l[i].fd = l[0].fd;
		pthread_create(&t[i], NULL, accept_later, &l[i]);
	}
	for (int i = 0; i < 3; i++) {
		c[i] = open_socket(SOCK_STREAM);
		assert_int_equal(connect_to(c[i], 10), 0);
	}
	for (int i = 0; i < 3; i++) {
		pthread_join(t[i], NULL);
		assert_true(l[i].rv >= 0);
		rump_sys_close((int)l[i].rv);
		rump_sys_close(c[i]);
	}
	rump_sys_setsockopt(l[0].fd, SOL_SOCKET, SO_RCVTIMEO, &tv,
	    sizeof(tv));
	fails(rump_sys_accept(l[0].fd, NULL, NULL), EAGAIN);
	rump_sys_fcntl(l[0].fd, F_SETFL, (void *)O_NONBLOCK);
	fails(rump_sys_accept(l[0].fd, NULL, NULL), EAGAIN);
	rump_sys_close(l[0].fd);
}

static void
an_accepted_socket_inherits(void **state)
{
	struct linger lg = { 1, 7 };
	socklen_t len = sizeof(lg);
	int l, c, a;

	(void)state;
	l = listener(SOCK_STREAM, 10, 5);
	set_int(l, SOL_SOCKET, SO_KEEPALIVE, 1);
	set_int(l, SOL_SOCKET, SO_RCVBUF, 30000);
	set_int(l, SOL_SOCKET, SO_RCVLOWAT, 3);
	rump_sys_setsockopt(l, SOL_SOCKET, SO_LINGER, &lg, sizeof(lg));
	c = open_socket(SOCK_STREAM);
	assert_int_equal(connect_to(c, 10), 0);
	a = rump_sys_accept(l, NULL, NULL);
	assert_int_equal(get_int(a, SOL_SOCKET, SO_KEEPALIVE), 1);
	assert_int_equal(get_int(a, SOL_SOCKET, SO_RCVBUF), 60000);
	assert_int_equal(get_int(a, SOL_SOCKET, SO_RCVLOWAT), 3);
	assert_int_equal(get_int(a, SOL_SOCKET, SO_ACCEPTCONN), 0);
	lg = (struct linger){ 0, 0 };
	rump_sys_getsockopt(a, SOL_SOCKET, SO_LINGER, &lg, &len);
	assert_int_equal(lg.l_linger, 7);
	assert_int_equal(lg.l_onoff, 1);
	/* No time to linger: the connection is reset. */
	lg.l_linger = 0;
	rump_sys_setsockopt(a, SOL_SOCKET, SO_LINGER, &lg, sizeof(lg));
	rump_sys_close(a);
	fails(rump_sys_recv(c, buf, 1, 0), ECONNRESET);
	rump_sys_close(c);
	rump_sys_close(l);
}

/* ---- Records --------------------------------------------------------------------------- */

static void
datagrams_keep_their_bounds(void **state)
{
	struct rumptest_sockaddr sa = port(21), from;
	socklen_t len = sizeof(from);
	int a, b;

	(void)state;
	a = open_socket(SOCK_DGRAM);
	b = open_socket(SOCK_DGRAM);
	bind_to(a, 20);
	bind_to(b, 21);
	fails(bind_to(b, 20), EADDRINUSE);
	fails(rump_sys_send(a, "x", 1, 0), EDESTADDRREQ);
	fails(rump_sys_listen(a, 1), EOPNOTSUPP);
	fails(rump_sys_accept(a, NULL, NULL), EOPNOTSUPP);
	for (int i = 0; i < 5000; i = i * 3 + 1)
		assert_int_equal(rump_sys_sendto(a, out, (size_t)i, 0,
		    (struct sockaddr *)&sa, sizeof(sa)), i);
	assert_int_equal(ready(b, ALL), IN | OUT);
	for (int i = 0; i < 5000; i = i * 3 + 1) {
		memset(buf, 1, 5000);
		assert_int_equal(rump_sys_recvfrom(b, buf, 5000, 0,
		    (struct sockaddr *)&from, &len), i);
		assert_memory_equal(buf, out, (size_t)i);
		assert_int_equal(from.rs_port, 20);
		assert_int_equal(len, sizeof(from));
	}
	fails(rump_sys_recv(b, buf, 1, MSG_DONTWAIT), EAGAIN);
	/* Cut to the buffer; MSG_TRUNC tells how long it was. */
	assert_int_equal(connect_to(a, 21), 0);
	assert_int_equal(rump_sys_send(a, out, 100, 0), 100);
	assert_int_equal(rump_sys_recv(b, buf, 10, MSG_PEEK | MSG_TRUNC),
	    100);
	assert_int_equal(rump_sys_recv(b, buf, 10, MSG_PEEK), 10);
	assert_int_equal(rump_sys_recv(b, buf, 10, 0), 10);
	fails(rump_sys_send(a, out, sizeof(out), 0), EMSGSIZE);
	/* A write that fails says so. */
	set_int(a, RUMPTEST_AF, RUMPTEST_SETERROR, EHOSTDOWN);
	fails(rump_sys_write(a, out, 10), EHOSTDOWN);
	assert_int_equal(rump_sys_write(a, out, 10), 10);
	/* A connected one may connect again, and forget it. */
	assert_int_equal(connect_to(a, 20), 0);
	sa.rs_family = AF_UNSPEC;
	assert_int_equal(rump_sys_connect(a, (struct sockaddr *)&sa,
	    sizeof(sa)), 0);
	fails(rump_sys_send(a, "x", 1, 0), EDESTADDRREQ);
	rump_sys_close(a);
	rump_sys_close(b);
}

static void
a_full_socket_drops_datagrams(void **state)
{
	int a, b, got = 0, on = 1;
	char control[100];
	struct iovec iov = { buf, 1000 };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control) };
	struct cmsghdr *ch;
	uint32_t drops;

	(void)state;
	a = open_socket(SOCK_DGRAM);
	b = open_socket(SOCK_DGRAM);
	bind_to(b, 21);
	connect_to(a, 21);
	set_int(b, SOL_SOCKET, SO_RCVBUF, 10000);
	assert_int_equal(set_int(b, SOL_SOCKET, SO_RXQ_OVFL, on), 0);
	for (int i = 0; i < 50; i++)
		assert_int_equal(rump_sys_send(a, out, 1000, 0), 1000);
	assert_int_equal(rump_sys_recvmsg(b, &mh, 0), 1000);
	ch = CMSG_FIRSTHDR(&mh);
	assert_non_null(ch);
	assert_int_equal(ch->cmsg_level, SOL_SOCKET);
	assert_int_equal(ch->cmsg_type, SO_RXQ_OVFL);
	memcpy(&drops, CMSG_DATA(ch), sizeof(drops));
	got = 1;
	while (rump_sys_recv(b, buf, 1000, MSG_DONTWAIT) == 1000)
		got++;
	assert_true(got < 12);
	assert_int_equal(got + (int)drops, 50);
	rump_sys_close(a);
	rump_sys_close(b);
}

static void
messages_carry_headers(void **state)
{
	struct rumptest_sockaddr sa = port(21), from = { 0, 0 };
	char control[64];
	struct iovec iov[2] = { { out, 300 }, { out + 300, 700 } };
	struct msghdr mh = { .msg_name = &sa, .msg_namelen = sizeof(sa),
		.msg_iov = iov, .msg_iovlen = 2 };
	struct cmsghdr *ch = (struct cmsghdr *)control;
	uint32_t n;
	int a, b;

	(void)state;
	a = open_socket(SOCK_DGRAM);
	b = open_socket(SOCK_DGRAM);
	bind_to(a, 20);
	bind_to(b, 21);
	/* A control message that is longer than what holds it. */
	memset(control, 0, sizeof(control));
	ch->cmsg_len = 65;
	ch->cmsg_level = SOL_SOCKET;
	mh.msg_control = control;
	mh.msg_controllen = sizeof(control);
	fails(rump_sys_sendmsg(a, &mh, 0), EINVAL);
	ch->cmsg_len = 3;
	fails(rump_sys_sendmsg(a, &mh, 0), EINVAL);
	mh.msg_controllen = 1 << 20;
	fails(rump_sys_sendmsg(a, &mh, 0), ENOBUFS);
	mh.msg_controllen = 0;
	mh.msg_iovlen = 5000;
	fails(rump_sys_sendmsg(a, &mh, 0), EMSGSIZE);
	fails(rump_sys_sendmsg(a, NULL, 0), EFAULT);
	mh.msg_iovlen = 2;
	for (int i = 0; i < 4; i++)
		assert_int_equal(rump_sys_sendmsg(a, &mh, 0), 1000);

	iov[0] = (struct iovec){ buf, 400 };
	mh = (struct msghdr){ .msg_name = &from, .msg_namelen = 2,
		.msg_iov = iov, .msg_iovlen = 1, .msg_control = control,
		.msg_controllen = sizeof(control) };
	assert_int_equal(rump_sys_recvmsg(b, &mh, 0), 400);
	assert_int_equal(mh.msg_namelen, sizeof(from));
	assert_int_equal(from.rs_family, RUMPTEST_AF);
	assert_int_equal(from.rs_port, 0);
	assert_int_equal(mh.msg_flags, MSG_TRUNC);
	assert_int_equal(mh.msg_controllen, CMSG_SPACE(4));
	ch = CMSG_FIRSTHDR(&mh);
	assert_int_equal(ch->cmsg_level, RUMPTEST_AF);
	memcpy(&n, CMSG_DATA(ch), 4);
	assert_int_equal(n, 1000);
	/* No room for all of it, for none of it. */
	iov[0].iov_len = 2000;
	mh.msg_controllen = CMSG_LEN(2);
	assert_int_equal(rump_sys_recvmsg(b, &mh, 0), 1000);
	assert_int_equal(mh.msg_flags, MSG_CTRUNC);
	assert_int_equal(mh.msg_controllen, CMSG_LEN(2));
	mh.msg_controllen = 0;
	assert_int_equal(rump_sys_recvmsg(b, &mh, MSG_CMSG_CLOEXEC), 1000);
	assert_int_equal(mh.msg_flags, MSG_CTRUNC | MSG_CMSG_CLOEXEC);
	assert_memory_equal(buf, out, 1000);
	mh.msg_namelen = (socklen_t)-1;
	fails(rump_sys_recvmsg(b, &mh, 0), EINVAL);
	rump_sys_close(a);
	rump_sys_close(b);
}

static void
many_messages_at_once(void **state)
{
	struct timespec ts = { 5, 0 };
	struct mmsghdr mm[40];
	struct iovec iov[40];
	int fds[2];

	(void)state;
	pair(SOCK_SEQPACKET, fds);
	memset(mm, 0, sizeof(mm));
	for (int i = 0; i < 40; i++) {
		iov[i] = (struct iovec){ out + i, (size_t)i + 1 };
		mm[i].msg_hdr.msg_iov = &iov[i];
		mm[i].msg_hdr.msg_iovlen = 1;
	}
	assert_int_equal(rump_sys_sendmmsg(fds[0], mm, 40, 0), 40);
	assert_int_equal(mm[39].msg_len, 40);
	for (int i = 0; i < 40; i++)
		iov[i] = (struct iovec){ buf + 100 * i, 100 };
	assert_int_equal(rump_sys_recvmmsg(fds[1], mm, 10, 0, NULL), 10);
	assert_int_equal(rump_sys_recvmmsg(fds[1], mm + 10, 30, MSG_DONTWAIT,
	    &ts), 30);
	assert_true(ts.tv_sec <= 5);
	for (int i = 0; i < 40; i++) {
		assert_int_equal(mm[i].msg_len, i + 1);
		assert_memory_equal(buf + 100 * i, out + i, (size_t)i + 1);
	}
	rump_sys_send(fds[0], out, 1, 0);
	assert_int_equal(rump_sys_recvmmsg(fds[1], mm, 10, MSG_WAITFORONE,
	    NULL), 1);
	fails(rump_sys_recvmmsg(fds[1], mm, 10, MSG_DONTWAIT, NULL), EAGAIN);
	ts.tv_nsec = -1;
	fails(rump_sys_recvmmsg(fds[1], mm, 10, 0, &ts), EINVAL);
	/* Those before the one that fails count. */
	mm[2].msg_hdr.msg_iov = NULL;
	assert_int_equal(rump_sys_sendmmsg(fds[0], mm, 4, 0), 2);
	close_pair(fds);
}

/* ---- Urgent data ------------------------------------------------------------------------- */

static void
urgent_data_has_a_mark(void **state)
{
	int fds[2], mark;

	(void)state;
	pair(SOCK_STREAM, fds);
	fails(rump_sys_recv(fds[1], buf, 1, MSG_OOB), EINVAL);
	rump_sys_send(fds[0], "abc", 3, 0);
	assert_int_equal(rump_sys_send(fds[0], "X", 1, MSG_OOB), 1);
	rump_sys_send(fds[0], "def", 3, 0);
	assert_int_equal(ready(fds[1], ALL), IN | OUT | POLLPRI);
	assert_int_equal(rump_sys_ioctl(fds[1], SIOCATMARK, &mark), 0);
	assert_int_equal(mark, 0);
	/* A read stops there. */
	assert_int_equal(rump_sys_recv(fds[1], buf, 10, MSG_PEEK), 3);
	assert_int_equal(rump_sys_recv(fds[1], buf, 10, 0), 3);
	assert_int_equal(rump_sys_ioctl(fds[1], SIOCATMARK, &mark), 0);
	assert_int_equal(mark, 1);
	assert_int_equal(rump_sys_recv(fds[1], buf, 1, MSG_OOB | MSG_PEEK), 1);
	assert_int_equal(rump_sys_recv(fds[1], buf, 1, MSG_OOB), 1);
	assert_int_equal(buf[0], 'X');
	fails(rump_sys_recv(fds[1], buf, 1, MSG_OOB), EINVAL);
	assert_int_equal(rump_sys_recv(fds[1], buf, 10, 0), 3);
	assert_int_equal(rump_sys_ioctl(fds[1], SIOCATMARK, &mark), 0);
	assert_int_equal(mark, 0);
	close_pair(fds);
}

/* ---- The error queue, time stamps --------------------------------------------------------- */

static void
the_error_queue_gives_records(void **state)
{
	char control[200];
	struct iovec iov = { buf, 100 };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control) };
	struct sock_extended_err ee;
	struct cmsghdr *ch;
	int fds[2];

	(void)state;
	pair(SOCK_STREAM, fds);
	fails(rump_sys_recvmsg(fds[0], &mh, MSG_ERRQUEUE), EAGAIN);
	set_int(fds[0], RUMPTEST_AF, RUMPTEST_ERRQUEUE, 0);
	assert_int_equal(ready(fds[0], ALL), OUT | POLLERR);
	assert_int_equal(rump_sys_recvmsg(fds[0], &mh, MSG_ERRQUEUE), 6);
	assert_int_equal(mh.msg_flags, MSG_ERRQUEUE);
	assert_memory_equal(buf, "queued", 6);
	ch = CMSG_FIRSTHDR(&mh);
	assert_non_null(ch);
	assert_int_equal(ch->cmsg_level, SOL_IP);
	assert_int_equal(ch->cmsg_type, IP_RECVERR);
	memcpy(&ee, CMSG_DATA(ch), sizeof(ee));
	assert_int_equal(ee.ee_errno, EHOSTUNREACH);
	assert_int_equal(ee.ee_info, 7);
	assert_int_equal(ready(fds[0], ALL), OUT);
	for (int i = 0; i < 3000; i++)
		set_int(fds[0], RUMPTEST_AF, RUMPTEST_ERRQUEUE, 0);
	iov.iov_len = 2;
	mh.msg_controllen = 0;
	assert_int_equal(rump_sys_recvmsg(fds[0], &mh, MSG_ERRQUEUE), 2);
	assert_int_equal(mh.msg_flags, MSG_ERRQUEUE | MSG_TRUNC | MSG_CTRUNC);
	close_pair(fds);
}

static void
time_stamps_come_with_records(void **state)
{
	int fds[2], on = 1, v;
	char control[300];
	struct iovec iov = { buf, 100 };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control) };
	struct scm_timestamping tss;
	struct sock_extended_err ee;
	struct timeval tv;
	struct cmsghdr *ch;

	(void)state;
	pair(SOCK_SEQPACKET, fds);
	assert_int_equal(set_int(fds[1], SOL_SOCKET, SO_TIMESTAMP, on), 0);
	rump_sys_send(fds[0], "x", 1, 0);
	assert_int_equal(rump_sys_recvmsg(fds[1], &mh, 0), 1);
	ch = CMSG_FIRSTHDR(&mh);
	assert_int_equal(ch->cmsg_type, SO_TIMESTAMP);
	assert_int_equal(ch->cmsg_len, CMSG_LEN(sizeof(tv)));
	memcpy(&tv, CMSG_DATA(ch), sizeof(tv));
	assert_true(tv.tv_sec > 1000000);
	/* The other kind replaces it. */
	assert_int_equal(set_int(fds[1], SOL_SOCKET, SO_TIMESTAMPNS, on), 0);
	assert_int_equal(get_int(fds[1], SOL_SOCKET, SO_TIMESTAMP), 0);
	assert_int_equal(get_int(fds[1], SOL_SOCKET, SO_TIMESTAMPNS), 1);

	v = SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE |
	    SOF_TIMESTAMPING_OPT_ID;
	assert_int_equal(set_int(fds[0], SOL_SOCKET, SO_TIMESTAMPING, v), 0);
	fails(set_int(fds[0], SOL_SOCKET, SO_TIMESTAMPING, 1 << 30), EINVAL);
	rump_sys_send(fds[0], "first", 5, 0);
	rump_sys_send(fds[0], "second", 6, 0);
	for (uint32_t i = 0; i < 2; i++) {
		mh.msg_controllen = sizeof(control);
		assert_int_equal(rump_sys_recvmsg(fds[0], &mh, MSG_ERRQUEUE),
		    i == 0 ? 5 : 6);
		ch = CMSG_FIRSTHDR(&mh);
		assert_int_equal(ch->cmsg_type, SO_TIMESTAMPING);
		memcpy(&tss, CMSG_DATA(ch), sizeof(tss));
		assert_true(tss.ts[0].tv_sec > 1000000);
		ch = CMSG_NXTHDR(&mh, ch);
		assert_non_null(ch);
		memcpy(&ee, CMSG_DATA(ch), sizeof(ee));
		assert_int_equal(ee.ee_origin, SO_EE_ORIGIN_TIMESTAMPING);
		assert_int_equal(ee.ee_errno, ENOMSG);
		assert_int_equal(ee.ee_data, i);
	}
	close_pair(fds);
}

/* ---- Options --------------------------------------------------------------------------------- */

static void
options_have_linux_values(void **state)
{
	static const int flags[] = { SO_REUSEADDR, SO_REUSEPORT, SO_KEEPALIVE,
		SO_DONTROUTE, SO_BROADCAST, SO_OOBINLINE, SO_PASSCRED,
		SO_NO_CHECK, SO_RXQ_OVFL, SO_ZEROCOPY, SO_DEBUG,
		SO_SELECT_ERR_QUEUE };
	uint64_t cookie[2], rate;
	int fds[2], v, big[20];
	char name[16];
	socklen_t len;

	(void)state;
	pair(SOCK_STREAM, fds);
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		assert_int_equal(get_int(fds[0], SOL_SOCKET, flags[i]), 0);
		assert_int_equal(set_int(fds[0], SOL_SOCKET, flags[i], 1), 0);
		assert_int_equal(get_int(fds[0], SOL_SOCKET, flags[i]), 1);
		assert_int_equal(set_int(fds[0], SOL_SOCKET, flags[i], 0), 0);
		assert_int_equal(get_int(fds[0], SOL_SOCKET, flags[i]), 0);
		fails(rump_sys_setsockopt(fds[0], SOL_SOCKET, flags[i], &v,
		    3), EINVAL);
	}
	assert_int_equal(get_int(fds[0], SOL_SOCKET, SO_TYPE), SOCK_STREAM);
	assert_int_equal(get_int(fds[0], SOL_SOCKET, SO_DOMAIN), RUMPTEST_AF);
	assert_int_equal(get_int(fds[0], SOL_SOCKET, SO_PROTOCOL), 1);
	assert_int_equal(get_int(fds[0], SOL_SOCKET, SO_SNDBUF), 212992);
	assert_int_equal(get_int(fds[0], SOL_SOCKET, SO_RCVBUF), 212992);
	set_int(fds[0], SOL_SOCKET, SO_RCVBUF, 1);
	assert_int_equal(get_int(fds[0], SOL_SOCKET, SO_RCVBUF), 2304);
	set_int(fds[0], SOL_SOCKET, SO_SNDBUF, 1);
	assert_int_equal(get_int(fds[0], SOL_SOCKET, SO_SNDBUF), 4608);
	set_int(fds[0], SOL_SOCKET, SO_RCVBUF, 1 << 30);
	assert_int_equal(get_int(fds[0], SOL_SOCKET, SO_RCVBUF), 425984);
	set_int(fds[0], SOL_SOCKET, SO_RCVBUFFORCE, 1 << 20);
	assert_int_equal(get_int(fds[0], SOL_SOCKET, SO_RCVBUF), 1 << 21);
	fails(set_int(fds[0], SOL_SOCKET, SO_TYPE, 1), ENOPROTOOPT);
	fails(set_int(fds[0], SOL_SOCKET, 9999, 1), ENOPROTOOPT);
	assert_int_equal(set_int(fds[0], SOL_SOCKET, SO_PRIORITY, 6), 0);
	assert_int_equal(set_int(fds[0], SOL_SOCKET, SO_MARK, 77), 0);
	assert_int_equal(get_int(fds[0], SOL_SOCKET, SO_MARK), 77);
	fails(rump_sys_setsockopt(fds[0], SOL_SOCKET, SO_BINDTODEVICE, "eth9",
	    5), ENODEV);
	len = sizeof(name);
	assert_int_equal(rump_sys_getsockopt(fds[0], SOL_SOCKET,
	    SO_BINDTODEVICE, name, &len), 0);
	assert_int_equal(len, 0);
	for (int i = 0; i < 2; i++) {
		len = 8;
		assert_int_equal(rump_sys_getsockopt(fds[i], SOL_SOCKET,
		    SO_COOKIE, &cookie[i], &len), 0);
	}
	assert_true(cookie[0] != cookie[1]);
	len = 8;
	rate = 123456789012;
	assert_int_equal(rump_sys_setsockopt(fds[0], SOL_SOCKET,
	    SO_MAX_PACING_RATE, &rate, 8), 0);
	rate = 0;
	assert_int_equal(rump_sys_getsockopt(fds[0], SOL_SOCKET,
	    SO_MAX_PACING_RATE, &rate, &len), 0);
	assert_true(rate == 123456789012);
	/* Cut to what the caller has room for. */
	len = 2;
	v = -1;
	assert_int_equal(rump_sys_getsockopt(fds[0], SOL_SOCKET, SO_TYPE, &v,
	    &len), 0);
	assert_int_equal(len, 2);
	assert_int_equal(v & 0xffff, SOCK_STREAM);
	len = (socklen_t)-1;
	fails(rump_sys_getsockopt(fds[0], SOL_SOCKET, SO_TYPE, &v, &len),
	    EINVAL);
	len = sizeof(big);
	assert_int_equal(rump_sys_getsockopt(fds[0], SOL_SOCKET, SO_MEMINFO,
	    big, &len), 0);
	assert_int_equal(len, 36);
	close_pair(fds);
}

/* ---- Waiting for readiness --------------------------------------------------------------------- */

static void *
poll_later(void *arg)
{
	struct later *l = arg;
	struct pollfd p = { .fd = l->fd, .events = (short)l->flags };

	l->rv = rump_sys_poll(&p, 1, -1);
	l->error = p.revents;
	return NULL;
}

static void
changes_wake_who_polls(void **state)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET };
	struct later l = { .flags = POLLIN };
	int fds[2], ep;
	pthread_t t;

	(void)state;
	pair(SOCK_STREAM, fds);
	l.fd = fds[1];
	pthread_create(&t, NULL, poll_later, &l);
	rump_sys_send(fds[0], "x", 1, 0);
	pthread_join(t, NULL);
	assert_int_equal(l.error, POLLIN);
	ep = rump_sys_epoll_create1(0);
	assert_int_equal(rump_sys_epoll_ctl(ep, EPOLL_CTL_ADD, fds[1], &ev),
	    0);
	assert_int_equal(rump_sys_epoll_wait(ep, &ev, 1, 0), 1);
	assert_int_equal(rump_sys_epoll_wait(ep, &ev, 1, 0), 0);
	rump_sys_send(fds[0], "y", 1, 0);
	assert_int_equal(rump_sys_epoll_wait(ep, &ev, 1, 0), 1);
	rump_sys_close(fds[0]);
	assert_int_equal(rump_sys_epoll_wait(ep, &ev, 1, 0), 1);
	rump_sys_close(fds[1]);
	rump_sys_close(ep);
}

/* Many threads share a pair of sockets; every byte arrives. */
#define THREADS	4
#define BYTES	200000

static struct {
	int fds[2];
	_Atomic long sum_in, sum_out, got;
} storm;

static void *
storm_send(void *arg)
{
	unsigned seed = (unsigned)(uintptr_t)arg;
	char b[3000];
	long left = BYTES;

	while (left > 0) {
		size_t n = (size_t)rand_r(&seed) % sizeof(b) + 1;
		ssize_t rv;

		n = n < (size_t)left ? n : (size_t)left;
		for (size_t i = 0; i < n; i++)
			b[i] = (char)rand_r(&seed);
		rv = rump_sys_send(storm.fds[0], b, n, 0);
		if (rv <= 0)
			abort();
		for (ssize_t i = 0; i < rv; i++)
			atomic_fetch_add(&storm.sum_in, (unsigned char)b[i]);
		left -= rv;
	}
	return NULL;
}

static void *
storm_recv(void *arg)
{
	unsigned seed = (unsigned)(uintptr_t)arg;
	char b[5000];
	ssize_t n;

	while ((n = rump_sys_recv(storm.fds[1], b,
	    (size_t)rand_r(&seed) % sizeof(b) + 1, 0)) > 0) {
		atomic_fetch_add(&storm.got, n);
		for (ssize_t i = 0; i < n; i++)
			atomic_fetch_add(&storm.sum_out, (unsigned char)b[i]);
	}
	return NULL;
}

static void
threads_share_a_stream(void **state)
{
	pthread_t s[THREADS], r[THREADS];

	(void)state;
	pair(SOCK_STREAM, storm.fds);
	set_int(storm.fds[0], SOL_SOCKET, SO_SNDBUF, 10000);
	for (uintptr_t i = 0; i < THREADS; i++) {
		pthread_create(&s[i], NULL, storm_send, (void *)(i + 1));
		pthread_create(&r[i], NULL, storm_recv, (void *)(i + 9));
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(s[i], NULL);
	rump_sys_shutdown(storm.fds[0], SHUT_WR);
	for (int i = 0; i < THREADS; i++)
		pthread_join(r[i], NULL);
	assert_int_equal(storm.got, THREADS * BYTES);
	assert_int_equal(storm.sum_in, storm.sum_out);
	close_pair(storm.fds);
}

static void *
storm_connect(void *arg)
{
	char c;

	(void)arg;
	for (int i = 0; i < 300; i++) {
		int fd = open_socket(SOCK_STREAM);

		if (connect_to(fd, 30) == 0)
			(void)rump_sys_recv(fd, &c, 1, 0);
		rump_sys_close(fd);
	}
	return NULL;
}

static void
listening_ends_under_load(void **state)
{
	pthread_t t[3];
	int l, a;

	(void)state;
	for (int i = 0; i < 3; i++)
		pthread_create(&t[i], NULL, storm_connect, NULL);
	for (int i = 0; i < 40; i++) {
		l = listener(SOCK_STREAM | SOCK_NONBLOCK, 30, 2);
		for (int j = 0; j < 10; j++) {
			a = rump_sys_accept(l, NULL, NULL);
			if (a >= 0)
				rump_sys_close(a);
		}
		rump_sys_close(l);
	}
	for (int i = 0; i < 3; i++)
		pthread_join(t[i], NULL);
}

/* ---- Without a copy ------------------------------------------------------------------------------ */

/* The error queue's next word about sends: the range, and whether copied. */
static int
zerocopy_told(int fd, uint32_t *lo, uint32_t *hi)
{
	struct pollfd p = { .fd = fd };
	char control[200];
	struct msghdr mh = { .msg_control = control,
		.msg_controllen = sizeof(control) };
	struct sock_extended_err ee;

	assert_int_equal(rump_sys_poll(&p, 1, 10000), 1);
	assert_int_equal(p.revents & POLLERR, POLLERR);
	assert_int_equal(rump_sys_recvmsg(fd, &mh, MSG_ERRQUEUE), 0);
	memcpy(&ee, CMSG_DATA(CMSG_FIRSTHDR(&mh)), sizeof(ee));
	assert_int_equal(ee.ee_origin, SO_EE_ORIGIN_ZEROCOPY);
	assert_int_equal(ee.ee_errno, 0);
	*lo = ee.ee_info;
	*hi = ee.ee_data;
	return ee.ee_code;
}

static void
zerocopy_sends_tell_when_done(void **state)
{
	uint32_t lo, hi, next = 0;
	struct iovec iov[3] = { { out, 10000 }, { NULL, 0 },
		{ out + 10000, 90000 } };
	struct msghdr mh = { .msg_iov = iov, .msg_iovlen = 3 };
	int fds[2];
	size_t got = 0;
	ssize_t n;

	(void)state;
	pair(SOCK_STREAM | SOCK_NONBLOCK, fds);
	/* Without the option the flag means nothing. */
	assert_int_equal(rump_sys_send(fds[0], out, 10, MSG_ZEROCOPY), 10);
	assert_int_equal(rump_sys_recv(fds[1], buf, 100, 0), 10);
	assert_int_equal(ready(fds[0], 0), 0);
	set_int(fds[0], SOL_SOCKET, SO_ZEROCOPY, 1);
	fails(rump_sys_send(fds[0], NULL, 10, MSG_ZEROCOPY), EFAULT);
	assert_int_equal(rump_sys_sendmsg(fds[0], &mh, MSG_ZEROCOPY), 100000);
	assert_int_equal(rump_sys_send(fds[0], out, 1, MSG_ZEROCOPY), 1);
	while (got < 100001) {
		n = rump_sys_recv(fds[1], buf + got, 7777, 0);
		assert_true(n > 0);
		got += (size_t)n;
	}
	assert_memory_equal(buf, out, 100000);
	while (next < 2) {
		assert_int_equal(zerocopy_told(fds[0], &lo, &hi), 0);
		assert_int_equal(lo, next);
		next = hi + 1;
	}
	/* One that failed has no number. */
	while (rump_sys_send(fds[0], out, 50000, 0) > 0)
		continue;
	fails(rump_sys_send(fds[0], out, 1, MSG_ZEROCOPY), EAGAIN);
	while (rump_sys_recv(fds[1], buf, sizeof(buf), 0) > 0)
		continue;
	assert_int_equal(rump_sys_send(fds[0], out, 5, MSG_ZEROCOPY), 5);
	assert_int_equal(rump_sys_recv(fds[1], buf, 5, 0), 5);
	(void)zerocopy_told(fds[0], &lo, &hi);
	assert_int_equal(lo, 2);
	assert_int_equal(hi, 2);
	close_pair(fds);
}

static void
note(void *arg)
{
	atomic_fetch_add((_Atomic int *)arg, 1);
}

static void
memory_passes_by_reference(void **state)
{
	struct iovec iov[2] = { { out, 30000 }, { out + 30000, 30000 } };
	static _Atomic int done;
	struct rump_zcbuf *zb;
	size_t sent = 0, at = 0;
	int fds[2];

	(void)state;
	pair(SOCK_STREAM, fds);
	ok_errno(rump_pub_sock_send_zc(fds[0], iov, 2, 0, note, &done,
	    &sent));
	assert_int_equal(sent, 60000);
	while (at < 60000) {
		ok_errno(rump_pub_sock_recv_zc(fds[1], 50000, 0, &zb));
		assert_non_null(zb);
		for (int i = 0; i < zb->zb_iovcnt; i++) {
			/* Not a copy of it: it. */
			assert_ptr_equal(zb->zb_iov[i].iov_base, out + at);
			at += zb->zb_iov[i].iov_len;
		}
		assert_int_equal(done, 0);
		rump_pub_sock_release(zb);
	}
	while (done == 0)
		sched_yield();
	assert_int_equal(rump_pub_sock_recv_zc(fds[1], 100, MSG_DONTWAIT,
	    &zb), EAGAIN);
	assert_int_equal(rump_pub_sock_recv_zc(fds[1], 0, 0, &zb), EINVAL);
	assert_int_equal(rump_pub_sock_recv_zc(99, 1, 0, &zb), EBADF);
	rump_sys_shutdown(fds[0], SHUT_WR);
	ok_errno(rump_pub_sock_recv_zc(fds[1], 100, 0, &zb));
	assert_null(zb);
	assert_int_equal(rump_pub_sock_send_zc(fds[0], iov, 2, MSG_NOSIGNAL,
	    note, &done, &sent), EPIPE);
	close_pair(fds);
	assert_int_equal(done, 1);

	/* Datagrams, and what nobody reads. */
	pair(SOCK_SEQPACKET, fds);
	iov[0].iov_len = 100;
	ok_errno(rump_pub_sock_send_zc(fds[0], iov, 1, 0, note, &done,
	    &sent));
	ok_errno(rump_pub_sock_recv_zc(fds[1], 10, 0, &zb));
	assert_int_equal(zb->zb_len, 100);
	rump_pub_sock_release(zb);
	ok_errno(rump_pub_sock_send_zc(fds[0], iov, 1, 0, note, &done,
	    &sent));
	close_pair(fds);
	while (done < 3)
		sched_yield();
}

static void
files_are_sent(void **state)
{
	int fds[2], fd, p[2], n;
	off_t off = 1000;
	ssize_t sent;

	(void)state;
	pair(SOCK_STREAM | SOCK_NONBLOCK, fds);
	fd = rump_sys_open("/sent", O_RDWR | O_CREAT, 0644);
	assert_true(fd >= 0);
	assert_int_equal(rump_sys_write(fd, out, 150000), 150000);
	assert_int_equal(rump_sys_sendfile(fds[0], fd, &off, 5000), 5000);
	assert_int_equal(off, 6000);
	assert_int_equal(rump_sys_recv(fds[1], buf, 9000, 0), 5000);
	assert_memory_equal(buf, out + 1000, 5000);
	/* At the file's own position, which is at its end. */
	assert_int_equal(rump_sys_sendfile(fds[0], fd, NULL, 100), 0);
	assert_int_equal(rump_sys_lseek(fd, 0, SEEK_SET), 0);
	sent = rump_sys_sendfile(fds[0], fd, NULL, 1 << 20);
	assert_true(sent > 50000 && sent <= 150000);
	assert_int_equal(rump_sys_lseek(fd, 0, SEEK_CUR), sent);
	fails(rump_sys_sendfile(fds[0], fd, NULL, 10), EAGAIN);
	assert_int_equal(rump_sys_recv(fds[1], buf, sizeof(buf), 0), sent);
	assert_memory_equal(buf, out, (size_t)sent);
	/* Between a pipe and a socket. */
	assert_int_equal(rump_sys_pipe(p), 0);
	assert_int_equal(rump_sys_write(p[1], out, 3000), 3000);
	assert_int_equal(rump_sys_splice(p[0], NULL, fds[0], NULL, 9999, 0),
	    3000);
	assert_int_equal(rump_sys_splice(fds[1], NULL, p[1], NULL, 2000, 0),
	    2000);
	assert_int_equal(rump_sys_ioctl(fds[1], FIONREAD, &n), 0);
	assert_int_equal(n, 1000);
	assert_int_equal(rump_sys_read(p[0], buf, 5000), 2000);
	assert_memory_equal(buf, out, 2000);
	rump_sys_shutdown(fds[0], SHUT_WR);
	fails(rump_sys_sendfile(fds[0], fd, &off, 1), EPIPE);
	assert_true(pending(SIGPIPE));
	close_pair(fds);
	close_pair(p);
	/* Datagrams, by pieces. */
	pair(SOCK_SEQPACKET, fds);
	off = 0;
	assert_int_equal(rump_sys_sendfile(fds[0], fd, &off, 500), 500);
	assert_int_equal(rump_sys_recv(fds[1], buf, 900, 0), 500);
	close_pair(fds);
	rump_sys_close(fd);
	rump_sys_unlink("/sent");
}

/* ---- Instances ----------------------------------------------------------------------------------- */

static void
processes_are_in_instances(void **state)
{
	uint64_t id, other, cookie;
	socklen_t len = sizeof(cookie);
	struct lwp *first;
	int fd;

	(void)state;
	assert_int_equal(rump_pub_vnet_current(), 0);
	assert_int_equal(rump_pub_vnet_create(&id), 0);
	assert_int_equal(rump_pub_vnet_create(&other), 0);
	assert_true(id != 0 && other != id);
	assert_int_equal(rump_pub_vnet_destroy(0), ENOENT);
	assert_int_equal(rump_pub_vnet_enter(other + 1), ENOENT);
	assert_int_equal(rump_pub_lwproc_rfork(RUMP_RFFDG), 0);
	assert_int_equal(rump_pub_vnet_enter(id), 0);
	assert_int_equal(rump_pub_vnet_current(), id);
	first = rump_pub_lwproc_curlwp();
	fd = open_socket(SOCK_DGRAM);
	assert_int_equal(rump_pub_lwproc_rfork(RUMP_RFFDG), 0);
	assert_int_equal(rump_pub_vnet_current(), id);
	/* The socket keeps its own. */
	assert_int_equal(rump_pub_vnet_enter(other), 0);
	assert_int_equal(rump_sys_getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE,
	    &cookie, &len), 0);
	assert_int_equal(cookie, id + 1);
	assert_int_equal(rump_pub_vnet_destroy(other), 0);
	assert_int_equal(rump_pub_vnet_destroy(other), ENOENT);
	assert_int_equal(rump_pub_vnet_enter(0), 0);
	assert_int_equal(rump_pub_vnet_enter(other), ENOENT);
	rump_pub_lwproc_releaselwp();
	assert_int_equal(rump_pub_vnet_current(), 0);
	/* Who is in it keeps it up. */
	assert_int_equal(rump_pub_vnet_destroy(id), 0);
	assert_int_equal(rump_pub_lwproc_switch(first), 0);
	assert_int_equal(rump_pub_vnet_current(), id);
	assert_int_equal(rump_pub_vnet_enter(id), 0);
	rump_pub_lwproc_releaselwp();
	assert_int_equal(rump_pub_vnet_enter(id), ENOENT);
}

static void
a_socket_is_small(void **state)
{
	(void)state;
	print_message("# struct socket: %u bytes\n", rumptest_socket_size());
	assert_true(rumptest_socket_size() <= 450 ||
	    getenv("RUMP_DIAGNOSTIC") != NULL);
}

#define CASE(f) cmocka_unit_test_teardown(f, nothing_left)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		CASE(socket_refuses_what_is_not_there),
		CASE(a_socket_is_a_file),
		CASE(a_stream_keeps_bytes_in_order),
		CASE(a_full_stream_takes_what_fits),
		CASE(peek_leaves_the_bytes),
		CASE(a_fault_loses_nothing),
		CASE(waitall_waits_for_all),
		CASE(lowat_is_what_readiness_means),
		CASE(timeouts_end_calls),
		CASE(a_signal_interrupts_a_wait),
		CASE(a_writer_waits_for_room),
		CASE(shutdown_ends_directions),
		CASE(an_error_is_told_once),
		CASE(connect_and_accept),
		CASE(connect_without_waiting),
		CASE(a_backlog_is_a_limit),
		CASE(accept_waits),
		CASE(an_accepted_socket_inherits),
		CASE(datagrams_keep_their_bounds),
		CASE(a_full_socket_drops_datagrams),
		CASE(messages_carry_headers),
		CASE(many_messages_at_once),
		CASE(urgent_data_has_a_mark),
		CASE(the_error_queue_gives_records),
		CASE(time_stamps_come_with_records),
		CASE(options_have_linux_values),
		CASE(changes_wake_who_polls),
		CASE(threads_share_a_stream),
		CASE(listening_ends_under_load),
		CASE(zerocopy_sends_tell_when_done),
		CASE(memory_passes_by_reference),
		CASE(files_are_sent),
		CASE(processes_are_in_instances),
		CASE(a_socket_is_small),
	};

	return cmocka_run_group_tests(tests, boot, NULL);
}
