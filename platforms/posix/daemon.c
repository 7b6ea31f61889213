/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Daemonizing.  The process that was started waits at a pipe for the word of
 * the one that goes on, and makes it its exit status; so its parent knows that
 * the kernel is up, or why it is not.
 */
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "posix.h"

static int report_fd = -1;

static _Noreturn void
wait_for_report(int fd)
{
	int error;
	ssize_t n;

	while ((n = read(fd, &error, sizeof(error))) == -1 && errno == EINTR)
		continue;
	if (n != sizeof(error)) {
		ruser_warn("the daemon died before it was ready");
		_exit(1);
	}
	if (error != 0) {
		ruser_warn("the daemon did not start: %s", strerror(error));
		_exit(1);
	}
	_exit(0);
}

int
rumpuser_daemonize_begin(void)
{
	int fds[2], error;
	pid_t pid;

	if (report_fd != -1)
		return EINVAL;
	if (pipe2(fds, O_CLOEXEC) != 0)
		return errno;
	if ((pid = fork()) == -1)
		goto fail;
	if (pid != 0) {
		close(fds[1]);
		wait_for_report(fds[0]);
	}

	/* No leader of a session gets a terminal by accident. */
	if (setsid() == -1 || (pid = fork()) == -1)
		goto fail;
	if (pid != 0)
		_exit(0);
	close(fds[0]);
	report_fd = fds[1];
	return 0;

fail:
	error = errno;
	close(fds[0]);
	close(fds[1]);
	return error;
}

int
rumpuser_daemonize_done(int error)
{
	int fd, fd2;

	if (report_fd == -1)
		return EINVAL;

	/* Whoever reads our output to its end must not wait for us. */
	if (error == 0) {
		if ((fd = open("/dev/null", O_RDWR | O_CLOEXEC)) == -1) {
			error = errno;
		} else {
			for (fd2 = 0; fd2 <= 2; fd2++)
				dup2(fd, fd2);
			if (fd > 2)
				close(fd);
		}
	}
	while (write(report_fd, &error, sizeof(error)) == -1 && errno == EINTR)
		continue;
	close(report_fd);
	report_fd = -1;
	return error;
}
