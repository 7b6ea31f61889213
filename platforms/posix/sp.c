/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The proxy's transport: stream sockets.
 *
 * A handle is the socket's file descriptor.  rumpuser_sp_close() must not let
 * the host give the number away while another thread is about to use it:
 * conns[] holds a count of the calls in progress for each, and the last one
 * out closes it.
 */
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "posix.h"

struct conn {
	int c_fd;
	unsigned c_users;		/* calls in progress */
	bool c_closed;
	char *c_path;			/* a unix socket's, to be removed */
	dev_t c_dev;
	ino_t c_ino;
	pid_t c_pid;			/* who made it */
};

static pthread_mutex_t conn_mtx = PTHREAD_MUTEX_INITIALIZER;
static struct conn **conns;		/* by c_fd; under conn_mtx, as all */
static int nconns;

static void
remove_path(const struct conn *c)
{
	struct stat st;

	if (c->c_path != NULL && c->c_pid == getpid() &&
	    lstat(c->c_path, &st) == 0 && st.st_dev == c->c_dev &&
	    st.st_ino == c->c_ino)
		unlink(c->c_path);
}

static void
remove_paths(void)
{
	int i;

	pthread_mutex_lock(&conn_mtx);
	for (i = 0; i < nconns; i++)
		if (conns[i] != NULL)
			remove_path(conns[i]);
	pthread_mutex_unlock(&conn_mtx);
}

static int
conn_add(int fd, const char *path)
{
	static bool registered;
	struct conn *c, **bigger;
	struct stat st;
	int n;

	if ((c = calloc(1, sizeof(*c))) == NULL)
		return ENOMEM;
	c->c_fd = fd;
	c->c_pid = getpid();
	if (path != NULL && lstat(path, &st) == 0) {
		c->c_path = strdup(path);
		c->c_dev = st.st_dev;
		c->c_ino = st.st_ino;
	}
	pthread_mutex_lock(&conn_mtx);
	if (c->c_path != NULL && !registered)
		registered = atexit(remove_paths) == 0;
	if (fd >= nconns) {
		n = fd + 64;
		bigger = realloc(conns, n * sizeof(*conns));
		if (bigger == NULL) {
			pthread_mutex_unlock(&conn_mtx);
			free(c->c_path);
			free(c);
			return ENOMEM;
		}
		memset(bigger + nconns, 0, (n - nconns) * sizeof(*conns));
		conns = bigger;
		nconns = n;
	}
	conns[fd] = c;
	pthread_mutex_unlock(&conn_mtx);
	return 0;
}

static void
conn_free_locked(struct conn *c)
{

	conns[c->c_fd] = NULL;
	close(c->c_fd);
	free(c->c_path);
	free(c);
}

static struct conn *
conn_get(int fd)
{
	struct conn *c = NULL;

	pthread_mutex_lock(&conn_mtx);
	if (fd >= 0 && fd < nconns && (c = conns[fd]) != NULL) {
		if (c->c_closed)
			c = NULL;
		else
			c->c_users++;
	}
	pthread_mutex_unlock(&conn_mtx);
	return c;
}

/* Ends a call; error is what it would return were the handle still open. */
static int
conn_put(struct conn *c, int error)
{

	pthread_mutex_lock(&conn_mtx);
	c->c_users--;
	if (c->c_closed) {
		error = ECONNABORTED;
		if (c->c_users == 0)
			conn_free_locked(c);
	}
	pthread_mutex_unlock(&conn_mtx);
	return error;
}

static int
new_socket(int family)
{

	return socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static void
no_delay(int fd)
{
	int one = 1;

	/* Fails, as it may, for a unix socket. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

/* Does nobody listen on this socket file? */
static bool
stale(const struct sockaddr_un *sun)
{
	struct stat st;
	bool refused;
	int fd;

	if (lstat(sun->sun_path, &st) != 0 || !S_ISSOCK(st.st_mode) ||
	    (fd = new_socket(AF_UNIX)) == -1)
		return false;
	/* Not to wait for a listener that is busy. */
	fcntl(fd, F_SETFL, O_NONBLOCK);
	refused = connect(fd, (const struct sockaddr *)sun, sizeof(*sun)) != 0
	    && errno == ECONNREFUSED;
	close(fd);
	return refused;
}

/* A lock on the folder, so that two that find the same stale file do not
 * remove each other's fresh one. */
static int
lock_folder(const char *path)
{
	const char *slash = strrchr(path, '/');
	char folder[sizeof(((struct sockaddr_un *)0)->sun_path)] = ".";
	int fd;

	if (slash == path)
		strcpy(folder, "/");
	else if (slash != NULL) {
		memcpy(folder, path, slash - path);
		folder[slash - path] = '\0';
	}
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd != -1)
		while (flock(fd, LOCK_EX) != 0 && errno == EINTR)
			continue;
	return fd;
}

static int
listen_unix(int fd, const struct sockaddr_un *sun)
{
	const struct sockaddr *sa = (const struct sockaddr *)sun;
	int folder, error = 0;

	folder = lock_folder(sun->sun_path);
	if (bind(fd, sa, sizeof(*sun)) != 0 && (errno != EADDRINUSE ||
	    !stale(sun) || unlink(sun->sun_path) != 0 ||
	    bind(fd, sa, sizeof(*sun)) != 0))
		error = errno == ECONNREFUSED ? EADDRINUSE : errno;
	else if (listen(fd, SOMAXCONN) != 0)
		error = errno;
	if (folder != -1)
		close(folder);
	return error;
}

static int
listen_inet(int fd, const struct sockaddr *sa, socklen_t len)
{
	int one = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, sa, len) != 0 || listen(fd, SOMAXCONN) != 0)
		return errno;
	return 0;
}

int
rumpuser_sp_listen(const char *url, int *fdp)
{
	struct sockaddr_storage ss;
	struct sockaddr_un *sun = (struct sockaddr_un *)&ss;
	bool local;
	socklen_t len;
	int fd, error;

	if ((error = ruser_sp_parse(url, &ss, &len)) != 0)
		return error;
	if ((fd = new_socket(ss.ss_family)) == -1)
		return errno;
	local = ss.ss_family == AF_UNIX;
	error = local ? listen_unix(fd, sun) :
	    listen_inet(fd, (struct sockaddr *)&ss, len);
	if (error == 0)
		error = conn_add(fd, local ? sun->sun_path : NULL);
	if (error != 0) {
		close(fd);
		return error;
	}
	*fdp = fd;
	return 0;
}

/* The peer that went away before we came to it is no failure of ours. */
static bool
transient(int error)
{

	switch (error) {
	case EINTR:
	case ECONNABORTED:
	case EPROTO:
	case ENETDOWN:
	case ENOPROTOOPT:
	case EHOSTDOWN:
	case ENONET:
	case EHOSTUNREACH:
	case ENETUNREACH:
		return true;
	default:
		return false;
	}
}

int
rumpuser_sp_accept(int fd, int *newfdp)
{
	struct conn *c = conn_get(fd);
	int new, error = 0;

	if (c == NULL)
		return ECONNABORTED;
	while ((new = accept4(fd, NULL, NULL, SOCK_CLOEXEC)) == -1)
		if (!transient(errno)) {
			error = errno;
			break;
		}
	error = conn_put(c, error);
	if (new == -1)
		return error;
	no_delay(new);
	if (error != 0 || (error = conn_add(new, NULL)) != 0) {
		close(new);
		return error;
	}
	*newfdp = new;
	return 0;
}

/* connect(2) that a signal has interrupted goes on by itself. */
static int
finish_connect(int fd)
{
	struct pollfd pfd = { fd, POLLOUT, 0 };
	socklen_t len = sizeof(int);
	int error;

	while (poll(&pfd, 1, -1) == -1)
		if (errno != EINTR)
			return errno;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
		return errno;
	return error;
}

int
rumpuser_sp_connect(const char *url, int *fdp)
{
	struct sockaddr_storage ss;
	socklen_t len;
	int fd, error;

	if ((error = ruser_sp_parse(url, &ss, &len)) != 0)
		return error;
	if ((fd = new_socket(ss.ss_family)) == -1)
		return errno;
	if (connect(fd, (struct sockaddr *)&ss, len) != 0)
		error = errno == EINTR ? finish_connect(fd) : errno;
	no_delay(fd);
	if (error == 0)
		error = conn_add(fd, NULL);
	if (error != 0) {
		close(fd);
		return error;
	}
	*fdp = fd;
	return 0;
}

int
rumpuser_sp_recv(int fd, void *buf, size_t len, size_t *done)
{
	struct conn *c = conn_get(fd);
	ssize_t n;
	int error;

	if (c == NULL)
		return ECONNABORTED;
	while ((n = recv(fd, buf, len, 0)) == -1 && errno == EINTR)
		continue;
	if ((error = conn_put(c, n == -1 ? errno : 0)) == 0)
		*done = n;
	return error;
}

static int
send_all(int fd, const struct rumpuser_iovec *iov, int iovcnt)
{
	size_t done = 0, total = ruser_iov_len(iov, iovcnt);
	struct msghdr msg;
	struct iovec rest;
	ssize_t n;
	int i;

	while (done < total) {
		memset(&msg, 0, sizeof(msg));
		i = ruser_iov_rest(iov, iovcnt, done, &rest);
		if (rest.iov_len != 0) {
			msg.msg_iov = &rest;
			msg.msg_iovlen = 1;
		} else {
			msg.msg_iov = (struct iovec *)(uintptr_t)&iov[i];
			msg.msg_iovlen = iovcnt - i < RUMPUSER_IOV_MAX ?
			    iovcnt - i : RUMPUSER_IOV_MAX;
		}
		n = sendmsg(fd, &msg, MSG_NOSIGNAL);
		if (n >= 0)
			done += n;
		else if (errno != EINTR)
			return errno;
	}
	return 0;
}

int
rumpuser_sp_sendv(int fd, const struct rumpuser_iovec *iov, int iovcnt)
{
	struct conn *c = conn_get(fd);

	if (c == NULL)
		return ECONNABORTED;
	return conn_put(c, send_all(fd, iov, iovcnt));
}

void
rumpuser_sp_close(int fd)
{
	struct conn *c;

	pthread_mutex_lock(&conn_mtx);
	if (fd >= 0 && fd < nconns && (c = conns[fd]) != NULL &&
	    !c->c_closed) {
		c->c_closed = true;
		remove_path(c);
		/* Wakes those who sleep in it. */
		shutdown(fd, SHUT_RDWR);
		if (c->c_users == 0)
			conn_free_locked(c);
	}
	pthread_mutex_unlock(&conn_mtx);
}
