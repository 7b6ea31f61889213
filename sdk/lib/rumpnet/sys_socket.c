/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * System calls on sockets, but for those that take messages (sys_message.c).
 */
#include <kern/proc.h>
#include <kern/syscall.h>

#include "sock_impl.h"
#include "sysproto.h"

/* ---- Addresses and applications --------------------------------------------------- */

int
sockaddr_copyin(const struct sockaddr *uaddr, socklen_t len,
    struct sockaddr_storage *ss)
{
	if (len > sizeof(*ss))
		return EINVAL;
	return copyin(uaddr, ss, len);
}

int
sockaddr_copyout(const struct sockaddr_storage *ss, socklen_t len,
    struct sockaddr *uaddr, socklen_t *ulen)
{
	socklen_t room;
	int error;

	error = copyin(ulen, &room, sizeof(room));
	if (error == 0 && (int32_t)room < 0)
		error = EINVAL;
	if (error == 0)
		error = copyout(ss, uaddr, MIN(room, len));
	if (error == 0)
		error = copyout(&len, ulen, sizeof(len));
	return error;
}

/* ---- Making sockets ----------------------------------------------------------------- */

/* A descriptor for a socket, which is the caller's again on failure. */
static int
install(struct socket *so, int flags, int *fdp)
{
	struct file *fp;
	int error;

	error = fd_reserve(0, flags & O_CLOEXEC, fdp);
	if (error != 0)
		return error;
	error = sofile(so, flags & O_NONBLOCK, &fp);
	if (error != 0) {
		fd_cancel(*fdp);
		return error;
	}
	fd_fill(*fdp, fp);
	return 0;
}

static int
split_type(int *typep, int *flagsp)
{
	*flagsp = *typep & ~SOCK_TYPE_MASK;
	*typep &= SOCK_TYPE_MASK;
	return (*flagsp & ~(SOCK_CLOEXEC | SOCK_NONBLOCK)) != 0 ? EINVAL : 0;
}

int
sys_socket(int family, int type, int protocol, long *rv)
{
	struct socket *so;
	int error, flags, fd;

	error = split_type(&type, &flags);
	if (error == 0)
		error = socreate(curvnet(), family, type, protocol, &so);
	if (error != 0)
		return error;
	error = install(so, flags, &fd);
	if (error != 0)
		(void)soclose(so);
	else
		*rv = fd;
	return error;
}

static int
pair_files(struct socket **so, int flags, struct file **fps)
{
	int error;

	error = sofile(so[0], flags & O_NONBLOCK, &fps[0]);
	if (error != 0)
		goto fail_both;
	error = sofile(so[1], flags & O_NONBLOCK, &fps[1]);
	if (error == 0)
		return 0;
	(void)file_rele(fps[0]);
	(void)soclose(so[1]);
	return error;

fail_both:
	(void)soclose(so[0]);
	(void)soclose(so[1]);
	return error;
}

static int
pair_make(int family, int type, int protocol, int flags, struct file **fps)
{
	struct socket *so[2];
	int error;

	error = socreate(curvnet(), family, type, protocol, &so[0]);
	if (error != 0)
		return error;
	if (so[0]->so_proto->pr_connect2 == NULL) {
		(void)soclose(so[0]);
		return EOPNOTSUPP;
	}
	error = socreate(curvnet(), family, type, protocol, &so[1]);
	if (error != 0) {
		(void)soclose(so[0]);
		return error;
	}
	error = so[0]->so_proto->pr_connect2(so[0], so[1]);
	if (error != 0) {
		(void)soclose(so[0]);
		(void)soclose(so[1]);
		return error;
	}
	return pair_files(so, flags, fps);
}

int
sys_socketpair(int family, int type, int protocol, int *ufds,
    long *rv __maybe_unused)
{
	struct file *fps[2];
	int error, flags, fds[2];

	error = split_type(&type, &flags);
	if (error == 0)
		error = pair_make(family, type, protocol, flags, fps);
	if (error != 0)
		return error;
	error = fd_reserve(0, flags & O_CLOEXEC, &fds[0]);
	if (error != 0)
		goto fail_files;
	error = fd_reserve(0, flags & O_CLOEXEC, &fds[1]);
	if (error != 0)
		goto fail_first;
	error = copyout(fds, ufds, sizeof(fds));
	if (error != 0)
		goto fail_second;
	fd_fill(fds[0], fps[0]);
	fd_fill(fds[1], fps[1]);
	return 0;

fail_second:
	fd_cancel(fds[1]);
fail_first:
	fd_cancel(fds[0]);
fail_files:
	(void)file_rele(fps[1]);
	(void)file_rele(fps[0]);
	return error;
}

/* ---- Connections ---------------------------------------------------------------------- */

int
sys_bind(int fd, const struct sockaddr *addr, socklen_t len,
    long *rv __maybe_unused)
{
	struct sockaddr_storage ss;
	struct socket *so;
	struct file *fp;
	int error;

	error = fd_get_socket(fd, &fp, &so);
	if (error != 0)
		return error;
	error = sockaddr_copyin(addr, len, &ss);
	if (error == 0)
		error = sobind(so, (struct sockaddr *)&ss, len);
	fd_put(fp);
	return error;
}

int
sys_listen(int fd, int backlog, long *rv __maybe_unused)
{
	struct socket *so;
	struct file *fp;
	int error;

	error = fd_get_socket(fd, &fp, &so);
	if (error != 0)
		return error;
	error = solisten(so, backlog);
	fd_put(fp);
	return error;
}

/* The address of who connected, for accept(). */
static int
peer_copyout(struct socket *so, struct sockaddr *uaddr, socklen_t *ulen)
{
	struct sockaddr_storage ss;
	socklen_t len = 0;
	int error = EOPNOTSUPP;

	mutex_enter(&so->so_lock);
	if (so->so_proto->pr_accept != NULL)
		error = so->so_pcb == NULL ? ECONNABORTED :
		    so->so_proto->pr_accept(so, &ss, &len);
	mutex_exit(&so->so_lock);
	if (error != 0 || uaddr == NULL)
		return error;
	return sockaddr_copyout(&ss, len, uaddr, ulen);
}

int
sys_accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags,
    long *rv)
{
	struct socket *head, *so;
	struct file *fp, *nfp;
	int error, newfd;

	if ((flags & ~(SOCK_CLOEXEC | SOCK_NONBLOCK)) != 0)
		return EINVAL;
	error = fd_get_socket(fd, &fp, &head);
	if (error != 0)
		return error;
	error = fd_reserve(0, flags & O_CLOEXEC, &newfd);
	if (error != 0)
		goto done;
	error = soaccept(head, so_nonblock(head, 0), &so);
	if (error != 0)
		goto fail_fd;
	error = sofile(so, flags & O_NONBLOCK, &nfp);
	if (error != 0) {
		(void)soclose(so);
		goto fail_fd;
	}
	error = peer_copyout(so, addr, len);
	if (error != 0) {
		(void)file_rele(nfp);
		goto fail_fd;
	}
	fd_fill(newfd, nfp);
	*rv = newfd;
	fd_put(fp);
	return 0;

fail_fd:
	fd_cancel(newfd);
done:
	fd_put(fp);
	return error;
}

int
sys_connect(int fd, const struct sockaddr *addr, socklen_t len,
    long *rv __maybe_unused)
{
	struct sockaddr_storage ss;
	struct socket *so;
	struct file *fp;
	int error;

	error = fd_get_socket(fd, &fp, &so);
	if (error != 0)
		return error;
	error = sockaddr_copyin(addr, len, &ss);
	if (error == 0)
		error = soconnect(so, (struct sockaddr *)&ss, len,
		    so_nonblock(so, 0));
	fd_put(fp);
	return error;
}

int
sys_shutdown(int fd, int how, long *rv __maybe_unused)
{
	struct socket *so;
	struct file *fp;
	int error;

	error = fd_get_socket(fd, &fp, &so);
	if (error != 0)
		return error;
	error = soshutdown(so, how);
	fd_put(fp);
	return error;
}

static int
getname(int fd, struct sockaddr *uaddr, socklen_t *ulen, bool peer)
{
	struct sockaddr_storage ss;
	const struct protosw *pr;
	socklen_t len = 0;
	struct socket *so;
	struct file *fp;
	int error;

	error = fd_get_socket(fd, &fp, &so);
	if (error != 0)
		return error;
	pr = so->so_proto;
	mutex_enter(&so->so_lock);
	if ((peer ? pr->pr_peeraddr : pr->pr_sockaddr) == NULL)
		error = EOPNOTSUPP;
	else if (peer && (so->so_pcb == NULL || !so_is(so, SS_ISCONNECTED |
	    SS_ISDISCONNECTING)))
		error = ENOTCONN;
	else if (so->so_pcb == NULL)
		error = EINVAL;
	else
		error = peer ? pr->pr_peeraddr(so, &ss, &len) :
		    pr->pr_sockaddr(so, &ss, &len);
	mutex_exit(&so->so_lock);
	fd_put(fp);
	return error == 0 ? sockaddr_copyout(&ss, len, uaddr, ulen) : error;
}

int
sys_getsockname(int fd, struct sockaddr *addr, socklen_t *len,
    long *rv __maybe_unused)
{
	return getname(fd, addr, len, false);
}

int
sys_getpeername(int fd, struct sockaddr *addr, socklen_t *len,
    long *rv __maybe_unused)
{
	return getname(fd, addr, len, true);
}

/* ---- Data in one piece ------------------------------------------------------------------ */


int
sys_sendto(int fd, const void *buf, size_t n, int flags,
    const struct sockaddr *addr, socklen_t addrlen, long *rv)
{
	const struct sockaddr *sa = NULL;
	struct sockaddr_storage ss;
	struct uio_user uu;
	struct socket *so;
	struct file *fp;
	int error;

	error = fd_get_socket(fd, &fp, &so);
	if (__unlikely(error != 0))
		return error;
	error = uio_user_init1(&uu, UIO_WRITE, (void *)(uintptr_t)buf, n, 0);
	if (addr != NULL && error == 0) {
		error = sockaddr_copyin(addr, addrlen, &ss);
		sa = (const struct sockaddr *)&ss;
	}
	if (__likely(error == 0)) {
		n = uu.uu_uio.uio_resid;
		error = so_send(so, sa, addrlen, &uu.uu_uio, NULL, flags);
		*rv = (long)(n - uu.uu_uio.uio_resid);
	}
	fd_put(fp);
	return error;
}

int
sys_recvfrom(int fd, void *buf, size_t n, int flags, struct sockaddr *addr,
    socklen_t *addrlen, long *rv)
{
	struct sockaddr_storage ss;
	socklen_t len = 0;
	struct uio_user uu;
	struct socket *so;
	struct file *fp;
	int error, out = flags;

	error = fd_get_socket(fd, &fp, &so);
	if (__unlikely(error != 0))
		return error;
	error = uio_user_init1(&uu, UIO_READ, buf, n, 0);
	if (__likely(error == 0)) {
		n = uu.uu_uio.uio_resid;
		error = so_receive(so, addr != NULL ? &ss : NULL,
		    addr != NULL ? &len : NULL, &uu.uu_uio, NULL, &out);
	}
	if (__likely(error == 0)) {
		*rv = (flags & MSG_TRUNC) != 0 ? uu.uu_uio.uio_offset :
		    (long)(n - uu.uu_uio.uio_resid);
		if (addr != NULL)
			error = sockaddr_copyout(&ss, len, addr, addrlen);
	}
	fd_put(fp);
	return error;
}
