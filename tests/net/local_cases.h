/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What AF_UNIX sockets do (unix(7)): one list, for the host's, which judge it
 * (t_local_host), and for ours (t_local). S(call) is the system call; DIR a
 * folder for names.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include "test.h"

#define ok(call)	assert_int_not_equal((call), -1)
#define fails(call, e) do {						\
	errno = 0;							\
	assert_int_equal((call), -1);					\
	assert_int_equal(errno, (e));					\
} while (0)

static socklen_t
un_name(struct sockaddr_un *sun, const char *name)
{
	memset(sun, 0, sizeof(*sun));
	sun->sun_family = AF_UNIX;
	if (name[0] == '@') {
		memcpy(sun->sun_path + 1, name + 1, strlen(name) - 1);
		return (socklen_t)(offsetof(struct sockaddr_un, sun_path) +
		    strlen(name));
	}
	snprintf(sun->sun_path, sizeof(sun->sun_path), "%s/%s", DIR, name);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) +
	    strlen(sun->sun_path) + 1);
}

static int
un_bound(int type, const char *name)
{
	struct sockaddr_un sun;
	socklen_t len = un_name(&sun, name);
	int fd = S(socket)(AF_UNIX, type, 0);

	ok(fd);
	ok(S(bind)(fd, (struct sockaddr *)&sun, len));
	return fd;
}

static int
un_connect(int fd, const char *name)
{
	struct sockaddr_un sun;
	socklen_t len = un_name(&sun, name);

	return S(connect)(fd, (struct sockaddr *)&sun, len);
}

static int
ready(int fd, int events)
{
	struct pollfd pfd = { .fd = fd, .events = (short)events };

	assert_true(S(poll)(&pfd, 1, 0) >= 0);
	return pfd.revents;
}

static void
pair_of(int type, int fds[2])
{
	ok(S(socketpair)(AF_UNIX, type, 0, fds));
}

static void
close_pair(int fds[2])
{
	ok(S(close)(fds[0]));
	ok(S(close)(fds[1]));
}

/* ---- Streams --------------------------------------------------------------- */

static void
stream_has_no_borders(void **state)
{
	char buf[16] = "";
	int fd[2];

	(void)state;
	pair_of(SOCK_STREAM, fd);
	assert_int_equal(S(write)(fd[0], "ab", 2), 2);
	assert_int_equal(S(write)(fd[0], "cde", 3), 3);
	assert_int_equal(S(recv)(fd[1], buf, 3, MSG_PEEK), 3);
	assert_memory_equal(buf, "abc", 3);
	assert_int_equal(S(read)(fd[1], buf, 1), 1);
	assert_int_equal(S(read)(fd[1], buf, sizeof(buf)), 4);
	assert_memory_equal(buf, "bcde", 4);
	fails(S(recv)(fd[1], buf, 1, MSG_DONTWAIT), EAGAIN);
	close_pair(fd);
}

static void
stream_ends_after_its_data(void **state)
{
	char buf[4];
	int fd[2];

	(void)state;
	pair_of(SOCK_STREAM, fd);
	assert_int_equal(S(write)(fd[0], "xy", 2), 2);
	ok(S(close)(fd[0]));
	assert_true((ready(fd[1], POLLIN | POLLRDHUP) & (POLLIN | POLLHUP |
	    POLLRDHUP)) == (POLLIN | POLLHUP | POLLRDHUP));
	assert_int_equal(S(read)(fd[1], buf, 4), 2);
	assert_int_equal(S(read)(fd[1], buf, 4), 0);
	fails(S(send)(fd[1], "z", 1, MSG_NOSIGNAL), EPIPE);
	ok(S(close)(fd[1]));
}

static void
unread_data_at_close_resets_the_peer(void **state)
{
	char buf[4];
	int fd[2];

	(void)state;
	pair_of(SOCK_STREAM, fd);
	assert_int_equal(S(write)(fd[0], "xy", 2), 2);
	ok(S(close)(fd[1]));
	fails(S(read)(fd[0], buf, 4), ECONNRESET);
	assert_int_equal(S(read)(fd[0], buf, 4), 0);
	ok(S(close)(fd[0]));
}

static void
shutdown_ends_one_direction(void **state)
{
	char buf[4];
	int fd[2];

	(void)state;
	pair_of(SOCK_STREAM, fd);
	ok(S(shutdown)(fd[0], SHUT_WR));
	fails(S(send)(fd[0], "z", 1, MSG_NOSIGNAL), EPIPE);
	assert_int_equal(S(read)(fd[1], buf, 4), 0);
	assert_int_equal(S(write)(fd[1], "q", 1), 1);
	assert_int_equal(S(read)(fd[0], buf, 4), 1);
	assert_int_equal(ready(fd[1], POLLRDHUP), POLLRDHUP);
	ok(S(shutdown)(fd[1], SHUT_WR));
	assert_int_equal(ready(fd[0], POLLHUP), POLLHUP);
	close_pair(fd);
}

static void
a_sender_that_nobody_reads_stops(void **state)
{
	static char big[65536];
	int fd[2];
	ssize_t n, total = 0, back = 0;

	(void)state;
	pair_of(SOCK_STREAM, fd);
	ok(S(fcntl)(fd[0], F_SETFL, O_NONBLOCK));
	ok(S(fcntl)(fd[1], F_SETFL, O_NONBLOCK));
	while ((n = S(write)(fd[0], big, sizeof(big))) > 0) {
		total += n;
		assert_true(total < 64 << 20);
	}
	assert_int_equal(errno, EAGAIN);
	assert_true(total >= 65536);
	assert_int_equal(ready(fd[0], POLLOUT), 0);
	while ((n = S(read)(fd[1], big, sizeof(big))) > 0)
		back += n;
	assert_int_equal(back, total);
	assert_int_equal(ready(fd[0], POLLOUT), POLLOUT);
	close_pair(fd);
}

#define MANY (16u << 20)

static void *
sender(void *arg)
{
	static unsigned char buf[30011];
	int fd = *(int *)arg;
	size_t done = 0, i;
	ssize_t n;

	while (done < MANY) {
		size_t len = 1 + (done * 7919) % sizeof(buf);

		if (len > MANY - done)
			len = MANY - done;
		for (i = 0; i < len; i++)
			buf[i] = (unsigned char)((done + i) * 31 >> 3);
		n = S(write)(fd, buf, len);
		if (n != (ssize_t)len)
			return (void *)1;
		done += (size_t)n;
	}
	return NULL;
}

static void
bytes_arrive_in_order_between_threads(void **state)
{
	static unsigned char buf[50021];
	size_t done = 0, i;
	pthread_t t;
	ssize_t n;
	void *r;
	int fd[2];

	(void)state;
	pair_of(SOCK_STREAM, fd);
	assert_int_equal(pthread_create(&t, NULL, sender, &fd[0]), 0);
	while (done < MANY) {
		n = S(read)(fd[1], buf, 1 + (done * 104729) % sizeof(buf));
		assert_true(n > 0);
		for (i = 0; i < (size_t)n; i++)
			if (buf[i] != (unsigned char)((done + i) * 31 >> 3))
				fail_msg("byte %zu", done + i);
		done += (size_t)n;
	}
	assert_int_equal(pthread_join(t, &r), 0);
	assert_null(r);
	close_pair(fd);
}

static void
waitall_waits_for_all(void **state)
{
	char buf[8];
	int fd[2];

	(void)state;
	pair_of(SOCK_STREAM, fd);
	assert_int_equal(S(write)(fd[0], "abcd", 4), 4);
	assert_int_equal(S(recv)(fd[1], buf, 8, MSG_WAITALL | MSG_DONTWAIT), 4);
	assert_int_equal(S(write)(fd[0], "abcd", 4), 4);
	ok(S(close)(fd[0]));
	assert_int_equal(S(recv)(fd[1], buf, 8, MSG_WAITALL), 4);
	ok(S(close)(fd[1]));
}

/* ---- Records --------------------------------------------------------------- */

static void
records_keep_their_borders(void **state)
{
	static const int types[] = { SOCK_DGRAM, SOCK_SEQPACKET };
	char buf[8];
	unsigned i;
	int fd[2];

	(void)state;
	for (i = 0; i < 2; i++) {
		pair_of(types[i], fd);
		assert_int_equal(S(write)(fd[0], "abc", 3), 3);
		assert_int_equal(S(send)(fd[0], "", 0, 0), 0);
		assert_int_equal(S(write)(fd[0], "defg", 4), 4);
		assert_int_equal(S(recv)(fd[1], buf, 2, MSG_PEEK), 2);
		assert_int_equal(S(recv)(fd[1], buf, 2, MSG_TRUNC), 3);
		assert_memory_equal(buf, "ab", 2);
		assert_int_equal(S(recv)(fd[1], buf, 8, 0), 0);
		assert_int_equal(S(read)(fd[1], buf, 8), 4);
		fails(S(recv)(fd[1], buf, 1, MSG_DONTWAIT), EAGAIN);
		close_pair(fd);
	}
}

static void
a_record_larger_than_the_buffer_is_refused(void **state)
{
	static char big[1 << 20];
	int fd[2], size = 20000;

	(void)state;
	pair_of(SOCK_SEQPACKET, fd);
	ok(S(setsockopt)(fd[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)));
	fails(S(write)(fd[0], big, sizeof(big)), EMSGSIZE);
	assert_int_equal(S(write)(fd[0], big, 10000), 10000);
	close_pair(fd);
}

static void
datagrams_tell_who_sent_them(void **state)
{
	int a = un_bound(SOCK_DGRAM, "@dg-a"), b = un_bound(SOCK_DGRAM, "@dg-b");
	int c = S(socket)(AF_UNIX, SOCK_DGRAM, 0);
	struct sockaddr_un sun, from;
	socklen_t len = un_name(&sun, "@dg-a"), fromlen = sizeof(from);
	char buf[4];

	(void)state;
	assert_int_equal(S(sendto)(b, "1", 1, 0, (struct sockaddr *)&sun, len),
	    1);
	assert_int_equal(S(recvfrom)(a, buf, 4, 0, (struct sockaddr *)&from,
	    &fromlen), 1);
	assert_int_equal(fromlen, 2 + 5);
	assert_memory_equal(from.sun_path, "\0dg-b", 5);
	/* One without a name. */
	assert_int_equal(S(sendto)(c, "2", 1, 0, (struct sockaddr *)&sun, len),
	    1);
	fromlen = sizeof(from);
	assert_int_equal(S(recvfrom)(a, buf, 4, 0, (struct sockaddr *)&from,
	    &fromlen), 1);
	assert_true(fromlen == 0 || fromlen == 2);
	ok(S(close)(a));
	ok(S(close)(b));
	ok(S(close)(c));
}

static void
a_connected_datagram_socket_has_one_peer(void **state)
{
	int a = un_bound(SOCK_DGRAM, "@cd-a"), b = un_bound(SOCK_DGRAM, "@cd-b");
	int c = S(socket)(AF_UNIX, SOCK_DGRAM, 0);
	struct sockaddr none = { .sa_family = AF_UNSPEC };

	(void)state;
	fails(S(send)(b, "x", 1, 0), ENOTCONN);
	ok(un_connect(a, "@cd-b"));
	ok(un_connect(b, "@cd-a"));
	assert_int_equal(S(send)(b, "x", 1, 0), 1);
	/* A foreigner may not send to one that is connected elsewhere. */
	fails(un_connect(c, "@cd-a"), EPERM);
	ok(S(close)(a));
	fails(S(send)(b, "x", 1, 0), ECONNREFUSED);
	fails(S(send)(b, "x", 1, 0), ENOTCONN);
	ok(S(connect)(b, &none, sizeof(none)));
	ok(S(close)(b));
	ok(S(close)(c));
}

/* ---- Names ----------------------------------------------------------------- */

static void
accepted_connections_know_both_names(void **state)
{
	int l = un_bound(SOCK_STREAM, "srv"), c, s;
	struct sockaddr_un sun, want;
	socklen_t len = sizeof(sun), wantlen = un_name(&want, "srv");
	char buf[4];

	(void)state;
	c = S(socket)(AF_UNIX, SOCK_STREAM, 0);
	fails(un_connect(c, "srv"), ECONNREFUSED);
	ok(S(listen)(l, 5));
	assert_int_equal(ready(l, POLLIN), 0);
	ok(un_connect(c, "srv"));
	fails(un_connect(c, "srv"), EISCONN);
	assert_int_equal(ready(l, POLLIN), POLLIN);
	/* Data may be sent before somebody accepts. */
	assert_int_equal(S(write)(c, "hi", 2), 2);
	s = S(accept)(l, (struct sockaddr *)&sun, &len);
	ok(s);
	assert_int_equal(len, 2);
	assert_int_equal(S(read)(s, buf, 4), 2);
	len = sizeof(sun);
	ok(S(getsockname)(s, (struct sockaddr *)&sun, &len));
	assert_int_equal(len, wantlen);
	assert_memory_equal(&sun, &want, len);
	len = sizeof(sun);
	ok(S(getpeername)(c, (struct sockaddr *)&sun, &len));
	assert_int_equal(len, wantlen);
	len = sizeof(sun);
	ok(S(getpeername)(s, (struct sockaddr *)&sun, &len));
	assert_int_equal(len, 2);
	ok(S(close)(s));
	ok(S(close)(c));
	ok(S(close)(l));
}

static void
a_name_of_a_file_outlives_its_socket(void **state)
{
	struct sockaddr_un sun, other;
	socklen_t len = un_name(&sun, "left");
	socklen_t otherlen = un_name(&other, "@another");
	struct stat st;
	int a, b;

	(void)state;
	a = un_bound(SOCK_STREAM, "left");
	b = S(socket)(AF_UNIX, SOCK_STREAM, 0);
	fails(S(bind)(a, (struct sockaddr *)&other, otherlen), EINVAL);
	fails(S(bind)(b, (struct sockaddr *)&sun, len), EADDRINUSE);
	ok(S(stat)(sun.sun_path, &st));
	assert_true(S_ISSOCK(st.st_mode));
	fails(S(open)(sun.sun_path, O_RDWR), ENXIO);
	ok(S(close)(a));
	fails(un_connect(b, "left"), ECONNREFUSED);
	ok(S(unlink)(sun.sun_path));
	fails(un_connect(b, "left"), ENOENT);
	ok(S(close)(b));
}

static void
types_must_match(void **state)
{
	int l = un_bound(SOCK_STREAM, "type"), l2 = un_bound(SOCK_STREAM, "@t");
	int d = S(socket)(AF_UNIX, SOCK_DGRAM, 0), d2;

	(void)state;
	ok(S(listen)(l, 1));
	fails(un_connect(d, "type"), EPROTOTYPE);
	/* Abstract names are another set for each type. */
	fails(un_connect(d, "@t"), ECONNREFUSED);
	d2 = un_bound(SOCK_DGRAM, "@t");
	ok(un_connect(d, "@t"));
	ok(S(close)(d));
	ok(S(close)(d2));
	ok(S(close)(l));
	ok(S(close)(l2));
	fails(S(socket)(AF_UNIX, SOCK_RDM, 0), ESOCKTNOSUPPORT);
	fails(S(socket)(AF_UNIX, SOCK_STREAM, 99), EPROTONOSUPPORT);
}

static void
an_empty_name_asks_for_one(void **state)
{
	union {
		struct sockaddr sa;
		struct sockaddr_un sun;
		struct sockaddr_storage ss;	/* more than sun has */
	} u = { .sun = { .sun_family = AF_UNIX } };
	socklen_t len = sizeof(u.sun);
	int fd = S(socket)(AF_UNIX, SOCK_STREAM, 0);

	(void)state;
	fails(S(listen)(fd, 1), EINVAL);
	ok(S(bind)(fd, &u.sa, 2));
	ok(S(getsockname)(fd, &u.sa, &len));
	assert_int_equal(len, 2 + 6);
	assert_int_equal(u.sun.sun_path[0], 0);
	fails(S(bind)(fd, &u.sa, 1), EINVAL);
	fails(S(bind)(fd, &u.sa, sizeof(u.sun) + 1), EINVAL);
	ok(S(close)(fd));
}

static void
a_full_queue_refuses_who_will_not_wait(void **state)
{
	int l = un_bound(SOCK_STREAM, "@full"), c[8], i, n = 0;

	(void)state;
	ok(S(listen)(l, 2));
	for (i = 0; i < 8; i++) {
		c[i] = S(socket)(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
		ok(c[i]);
		if (un_connect(c[i], "@full") == 0)
			n++;
		else
			assert_int_equal(errno, EAGAIN);
	}
	assert_int_equal(n, 3);
	ok(S(close)(l));
	for (i = 0; i < n; i++)
		assert_true((ready(c[i], POLLIN) & POLLHUP) != 0);
	for (i = 0; i < 8; i++)
		ok(S(close)(c[i]));
}

static void *
late_accept(void *arg)
{
	int l = *(int *)arg, i, fd;

	for (i = 0; i < 3; i++) {
		fd = S(accept)(l, NULL, NULL);
		if (fd < 0)
			return (void *)1;
		S(close)(fd);
	}
	return NULL;
}

static void
connecting_waits_for_room_in_the_queue(void **state)
{
	int l = un_bound(SOCK_STREAM, "@wait"), c[3], i;
	pthread_t t;
	void *r;

	(void)state;
	ok(S(listen)(l, 0));
	c[0] = S(socket)(AF_UNIX, SOCK_STREAM, 0);
	ok(un_connect(c[0], "@wait"));
	assert_int_equal(pthread_create(&t, NULL, late_accept, &l), 0);
	for (i = 1; i < 3; i++) {
		c[i] = S(socket)(AF_UNIX, SOCK_STREAM, 0);
		ok(un_connect(c[i], "@wait"));
	}
	assert_int_equal(pthread_join(t, &r), 0);
	assert_null(r);
	for (i = 0; i < 3; i++)
		ok(S(close)(c[i]));
	ok(S(close)(l));
}

/* ---- Descriptors and credentials --------------------------------------------- */

union control {
	struct cmsghdr align;
	char buf[CMSG_SPACE(4 * sizeof(int)) + CMSG_SPACE(sizeof(struct ucred))];
};

static ssize_t
send_fds(int s, const int *fds, int n)
{
	union control c;
	struct iovec iov = { "m", 1 };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1,
	    .msg_control = c.buf, .msg_controllen = CMSG_SPACE(n * sizeof(int)) };
	struct cmsghdr *cm = CMSG_FIRSTHDR(&mh);

	memset(&c, 0, sizeof(c));
	cm->cmsg_level = SOL_SOCKET;
	cm->cmsg_type = SCM_RIGHTS;
	cm->cmsg_len = CMSG_LEN(n * sizeof(int));
	memcpy(CMSG_DATA(cm), fds, n * sizeof(int));
	return S(sendmsg)(s, &mh, 0);
}

/* How many came; -2: MSG_CTRUNC. */
static int
recv_fds(int s, int *fds, size_t room, int flags)
{
	union control c;
	char byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1,
	    .msg_control = room > 0 ? c.buf : NULL,
	    .msg_controllen = room };
	struct cmsghdr *cm;
	int n;

	assert_int_equal(S(recvmsg)(s, &mh, flags), 1);
	assert_int_equal(byte, 'm');
	cm = CMSG_FIRSTHDR(&mh);
	if (cm == NULL)
		return (mh.msg_flags & MSG_CTRUNC) != 0 ? -2 : 0;
	assert_int_equal(cm->cmsg_type, SCM_RIGHTS);
	n = (int)((cm->cmsg_len - CMSG_LEN(0)) / sizeof(int));
	memcpy(fds, CMSG_DATA(cm), (size_t)n * sizeof(int));
	return n;
}

static void
descriptors_travel(void **state)
{
	int types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET };
	int fd[2], p[2], got[4];
	char buf[4];
	unsigned i;

	(void)state;
	for (i = 0; i < 3; i++) {
		pair_of(types[i], fd);
		ok(S(pipe)(p));
		assert_int_equal(send_fds(fd[0], p, 2), 1);
		ok(S(close)(p[0]));
		ok(S(close)(p[1]));
		assert_int_equal(recv_fds(fd[1], got, CMSG_SPACE(8),
		    MSG_CMSG_CLOEXEC), 2);
		assert_int_equal(S(fcntl)(got[0], F_GETFD), FD_CLOEXEC);
		assert_int_equal(S(write)(got[1], "go", 2), 2);
		assert_int_equal(S(read)(got[0], buf, 4), 2);
		ok(S(close)(got[0]));
		ok(S(close)(got[1]));
		close_pair(fd);
	}
}

static void
descriptors_without_room_are_closed(void **state)
{
	int fd[2], p[2], got[4];
	char buf[2];

	(void)state;
	pair_of(SOCK_STREAM, fd);
	ok(S(pipe)(p));
	assert_int_equal(send_fds(fd[0], &p[1], 1), 1);
	ok(S(close)(p[1]));
	assert_int_equal(recv_fds(fd[1], got, 0, 0), -2);
	/* The only writer is gone. */
	assert_int_equal(S(read)(p[0], buf, 1), 0);
	ok(S(close)(p[0]));
	/* And with the socket that nobody reads. */
	ok(S(pipe)(p));
	assert_int_equal(send_fds(fd[0], &p[1], 1), 1);
	ok(S(close)(p[1]));
	close_pair(fd);
	assert_int_equal(S(read)(p[0], buf, 1), 0);
	ok(S(close)(p[0]));
}

static void
a_stream_stops_behind_descriptors(void **state)
{
	int fd[2], p[2], got;
	char buf[8];
	union control c;
	struct iovec iov = { buf, 8 };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1,
	    .msg_control = c.buf, .msg_controllen = sizeof(c.buf) };

	(void)state;
	pair_of(SOCK_STREAM, fd);
	ok(S(pipe)(p));
	assert_int_equal(S(write)(fd[0], "ab", 2), 2);
	assert_int_equal(send_fds(fd[0], p, 1), 1);
	assert_int_equal(S(write)(fd[0], "cd", 2), 2);
	assert_int_equal(S(recvmsg)(fd[1], &mh, 0), 3);
	assert_non_null(CMSG_FIRSTHDR(&mh));
	assert_int_equal(S(read)(fd[1], buf, 8), 2);
	memcpy(&got, CMSG_DATA(CMSG_FIRSTHDR(&mh)), sizeof(got));
	ok(S(close)(got));
	close_pair(p);
	close_pair(fd);
}

static void
bad_control_messages_are_refused(void **state)
{
	int fd[2], bad = 9999;
	union control c;
	struct iovec iov = { "m", 1 };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1,
	    .msg_control = c.buf };
	struct cmsghdr *cm = (struct cmsghdr *)c.buf;

	(void)state;
	pair_of(SOCK_STREAM, fd);
	fails(send_fds(fd[0], &bad, 1), EBADF);
	memset(&c, 0, sizeof(c));
	cm->cmsg_level = SOL_SOCKET;
	cm->cmsg_type = 77;
	cm->cmsg_len = CMSG_LEN(4);
	mh.msg_controllen = CMSG_SPACE(4);
	fails(S(sendmsg)(fd[0], &mh, 0), EINVAL);
	cm->cmsg_type = SCM_RIGHTS;
	cm->cmsg_len = 1000;
	fails(S(sendmsg)(fd[0], &mh, 0), EINVAL);
	fails(S(recv)(fd[1], &bad, 1, MSG_DONTWAIT), EAGAIN);
	close_pair(fd);
}

static void
peers_know_each_others_credentials(void **state)
{
	int fd[2], one = 1;
	struct ucred uc;
	socklen_t len = sizeof(uc);
	union control c;
	char byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1,
	    .msg_control = c.buf, .msg_controllen = sizeof(c.buf) };
	struct cmsghdr *cm;

	(void)state;
	pair_of(SOCK_STREAM, fd);
	ok(S(getsockopt)(fd[0], SOL_SOCKET, SO_PEERCRED, &uc, &len));
	assert_int_equal(uc.pid, S(getpid)());
	assert_int_equal(uc.uid, S(geteuid)());
	ok(S(setsockopt)(fd[1], SOL_SOCKET, SO_PASSCRED, &one, sizeof(one)));
	assert_int_equal(S(write)(fd[0], "m", 1), 1);
	assert_int_equal(S(recvmsg)(fd[1], &mh, 0), 1);
	cm = CMSG_FIRSTHDR(&mh);
	assert_non_null(cm);
	assert_int_equal(cm->cmsg_type, SCM_CREDENTIALS);
	memcpy(&uc, CMSG_DATA(cm), sizeof(uc));
	assert_int_equal(uc.pid, S(getpid)());
	close_pair(fd);
}

/* Two sockets whose queues hold each other, closed everywhere else. */
static void
cycles_of_descriptors_are_collected(void **state)
{
	int i, fd[2], p[2], out[2];
	struct pollfd pfd;
	char byte;

	(void)state;
	ok(S(pipe)(p));
	for (i = 0; i < 20; i++) {
		pair_of(SOCK_STREAM, fd);
		out[0] = fd[0];
		out[1] = i == 10 ? p[1] : fd[1];
		assert_int_equal(send_fds(fd[0], out, 2), 1);
		out[0] = fd[1];
		assert_int_equal(send_fds(fd[1], out, 1), 1);
		close_pair(fd);
	}
	ok(S(close)(p[1]));
	/* The pipe's writing end was in one of them. */
	pfd = (struct pollfd){ .fd = p[0], .events = POLLIN };
	for (i = 0; i < 100 && S(poll)(&pfd, 1, 100) == 0; i++) {
		/* A close makes the collector look. */
		pair_of(SOCK_STREAM, fd);
		close_pair(fd);
	}
	assert_int_equal(pfd.revents & POLLHUP, POLLHUP);
	assert_int_equal(S(read)(p[0], &byte, 1), 0);
	ok(S(close)(p[0]));
}

static const struct CMUnitTest local_tests[] = {
	cmocka_unit_test(stream_has_no_borders),
	cmocka_unit_test(stream_ends_after_its_data),
	cmocka_unit_test(unread_data_at_close_resets_the_peer),
	cmocka_unit_test(shutdown_ends_one_direction),
	cmocka_unit_test(a_sender_that_nobody_reads_stops),
	cmocka_unit_test(bytes_arrive_in_order_between_threads),
	cmocka_unit_test(waitall_waits_for_all),
	cmocka_unit_test(records_keep_their_borders),
	cmocka_unit_test(a_record_larger_than_the_buffer_is_refused),
	cmocka_unit_test(datagrams_tell_who_sent_them),
	cmocka_unit_test(a_connected_datagram_socket_has_one_peer),
	cmocka_unit_test(accepted_connections_know_both_names),
	cmocka_unit_test(a_name_of_a_file_outlives_its_socket),
	cmocka_unit_test(types_must_match),
	cmocka_unit_test(an_empty_name_asks_for_one),
	cmocka_unit_test(a_full_queue_refuses_who_will_not_wait),
	cmocka_unit_test(connecting_waits_for_room_in_the_queue),
	cmocka_unit_test(descriptors_travel),
	cmocka_unit_test(descriptors_without_room_are_closed),
	cmocka_unit_test(a_stream_stops_behind_descriptors),
	cmocka_unit_test(bad_control_messages_are_refused),
	cmocka_unit_test(peers_know_each_others_credentials),
	cmocka_unit_test(cycles_of_descriptors_are_collected),
};
