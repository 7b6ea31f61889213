/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * For LD_PRELOAD: a program's netlink sockets become those of a rump kernel inside
 * of its own process; everything else stays the host's. Each process has a kernel of
 * its own, so several requests go into one process: ip -batch.
 *
 * Link: rump-net
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <rump/rump.h>
#include <rump/rump_syscalls.h>

/* Descriptors from here on are the rump kernel's. */
#define BASE 100000

static int booted;

static void *
host(const char *name)
{
	void *p = dlsym(RTLD_NEXT, name);

	if (p == NULL)
		abort();
	return p;
}

#define HOST(f)		((__typeof__(&f))host(#f))
#define OURS(fd)	((fd) >= BASE)

int
socket(int family, int type, int protocol)
{
	int error, fd;

	if (family != AF_NETLINK)
		return HOST(socket)(family, type, protocol);
	if (!booted) {
		error = rump_init();
		if (error != 0) {
			fprintf(stderr, "rump_init: %d\n", error);
			exit(99);
		}
		booted = 1;
	}
	fd = rump_sys_socket(family, type, protocol);
	return fd < 0 ? fd : fd + BASE;
}

int
close(int fd)
{
	return OURS(fd) ? rump_sys_close(fd - BASE) : HOST(close)(fd);
}

int
bind(int fd, const struct sockaddr *sa, socklen_t n)
{
	return OURS(fd) ? rump_sys_bind(fd - BASE, sa, n) :
	    HOST(bind)(fd, sa, n);
}

int
connect(int fd, const struct sockaddr *sa, socklen_t n)
{
	return OURS(fd) ? rump_sys_connect(fd - BASE, sa, n) :
	    HOST(connect)(fd, sa, n);
}

int
getsockname(int fd, struct sockaddr *sa, socklen_t *n)
{
	return OURS(fd) ? rump_sys_getsockname(fd - BASE, sa, n) :
	    HOST(getsockname)(fd, sa, n);
}

int
setsockopt(int fd, int level, int name, const void *v, socklen_t n)
{
	return OURS(fd) ? rump_sys_setsockopt(fd - BASE, level, name, v, n) :
	    HOST(setsockopt)(fd, level, name, v, n);
}

int
getsockopt(int fd, int level, int name, void *v, socklen_t *n)
{
	return OURS(fd) ? rump_sys_getsockopt(fd - BASE, level, name, v, n) :
	    HOST(getsockopt)(fd, level, name, v, n);
}

ssize_t
send(int fd, const void *p, size_t n, int flags)
{
	return OURS(fd) ? rump_sys_sendto(fd - BASE, p, n, flags, NULL, 0) :
	    HOST(send)(fd, p, n, flags);
}

ssize_t
sendto(int fd, const void *p, size_t n, int flags, const struct sockaddr *sa,
    socklen_t salen)
{
	return OURS(fd) ? rump_sys_sendto(fd - BASE, p, n, flags, sa, salen) :
	    HOST(sendto)(fd, p, n, flags, sa, salen);
}

ssize_t
sendmsg(int fd, const struct msghdr *m, int flags)
{
	return OURS(fd) ? rump_sys_sendmsg(fd - BASE, m, flags) :
	    HOST(sendmsg)(fd, m, flags);
}

ssize_t
recv(int fd, void *p, size_t n, int flags)
{
	return OURS(fd) ? rump_sys_recvfrom(fd - BASE, p, n, flags, NULL,
	    NULL) : HOST(recv)(fd, p, n, flags);
}

ssize_t
recvmsg(int fd, struct msghdr *m, int flags)
{
	return OURS(fd) ? rump_sys_recvmsg(fd - BASE, m, flags) :
	    HOST(recvmsg)(fd, m, flags);
}
