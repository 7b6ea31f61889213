/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "capture_user.h"

int
rumpcomp_net_capture_open(const char *path, int *fdp)
{
	int fd;

	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		return errno;
	*fdp = fd;
	return 0;
}

int
rumpcomp_net_capture_dup(int fd, int *fdp)
{
	fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return errno;
	*fdp = fd;
	return 0;
}

int
rumpcomp_net_capture_write(int fd, const void *buf, size_t n)
{
	struct pollfd pfd = { .fd = fd, .events = POLLOUT };
	const char *p = buf;
	ssize_t done;

	while (n > 0) {
		done = write(fd, p, n);
		if (done < 0) {
			if (errno == EAGAIN)
				(void)poll(&pfd, 1, -1);
			else if (errno != EINTR)
				return errno;
			continue;
		}
		p += done;
		n -= (size_t)done;
	}
	return 0;
}

void
rumpcomp_net_capture_close(int fd)
{
	(void)close(fd);
}
