/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The console: standard error and standard input, so that a program's own
 * output stays clean.  RUMP_CONSOLE names a file to append to instead; it
 * outlives daemonizing.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "posix.h"

static pthread_once_t console_once = PTHREAD_ONCE_INIT;
static int console_fd = STDERR_FILENO;

static void
console_open(void)
{
	const char *path = getenv("RUMP_CONSOLE");
	int fd;

	if (path == NULL)
		return;
	fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY,
	    0644);
	if (fd != -1)
		console_fd = fd;
}

void
rumpuser_console_write(const char *s, size_t n)
{
	struct pollfd pfd;
	ssize_t w;

	pthread_once(&console_once, console_open);
	while (n > 0) {
		w = write(console_fd, s, n);
		if (w >= 0) {
			s += w;
			n -= w;
		} else if (errno == EAGAIN) {
			pfd = (struct pollfd){ console_fd, POLLOUT, 0 };
			poll(&pfd, 1, -1);
		} else if (errno != EINTR) {
			return;
		}
	}
}

int
rumpuser_console_read(char *s, size_t n, size_t *done)
{
	struct pollfd pfd;
	ssize_t r;

	while ((r = read(STDIN_FILENO, s, n)) == -1) {
		if (errno == EAGAIN) {
			pfd = (struct pollfd){ STDIN_FILENO, POLLIN, 0 };
			poll(&pfd, 1, -1);
		} else if (errno != EINTR) {
			return errno;
		}
	}
	*done = r;
	return 0;
}

void
ruser_warn(const char *fmt, ...)
{
	char line[512] = "rumpuser: ";
	va_list ap;
	size_t n = 10;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(line + n, sizeof(line) - n - 1, fmt, ap);
	va_end(ap);
	if (len < 0)
		return;
	n += (size_t)len < sizeof(line) - n - 1 ? (size_t)len :
	    sizeof(line) - n - 2;
	line[n++] = '\n';
	rumpuser_console_write(line, n);
}
