/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * System calls that take messages: sendmsg(2), recvmsg(2), sendmmsg(2),
 * recvmmsg(2).
 */
#include <kern/proc.h>
#include <kern/syscall.h>
#include <kern/time.h>

#include "sock_impl.h"
#include "sysproto.h"

#define CMSG_SMALL	256
#define BATCH		32	/* messages of a section */

/* ---- Sending ------------------------------------------------------------------------------ */

static int
control_copyin(const struct msghdr *mh, struct mbuf **mp)
{
	struct mbuf *m;
	int error;

	*mp = NULL;
	if (mh->msg_control == NULL || mh->msg_controllen == 0)
		return 0;
	if (mh->msg_controllen > MIN(net_optmem_max, (uint64_t)MCLJUMBO))
		return ENOBUFS;
	m = m_getcl(mh->msg_controllen, 0);
	if (m == NULL)
		return ENOBUFS;
	m->m_type = MT_CONTROL;
	m->m_len = (uint32_t)mh->msg_controllen;
	error = copyin(mh->msg_control, m->m_data, m->m_len);
	if (error == 0)
		error = cmsg_check(m);
	if (error != 0) {
		m_freem(m);
		return error;
	}
	*mp = m;
	return 0;
}

static int
iov_init(struct uio_user *uu, enum uio_rw rw, const struct msghdr *mh)
{
	if (mh->msg_iovlen > UIO_MAXIOV)
		return EMSGSIZE;
	return uio_user_init(uu, rw, mh->msg_iov, (int)mh->msg_iovlen, 0);
}

static int
send_message(struct socket *so, const struct msghdr *mh, int flags, long *rv)
{
	const struct sockaddr *sa = NULL;
	struct sockaddr_storage ss;
	struct mbuf *control;
	struct uio_user uu;
	size_t n;
	int error;

	if (mh->msg_name != NULL && mh->msg_namelen > 0) {
		error = sockaddr_copyin(mh->msg_name, mh->msg_namelen, &ss);
		if (error != 0)
			return error;
		sa = (const struct sockaddr *)&ss;
	}
	error = iov_init(&uu, UIO_WRITE, mh);
	if (error != 0)
		return error;
	error = control_copyin(mh, &control);
	if (error == 0) {
		n = uu.uu_uio.uio_resid;
		error = so_send(so, sa, mh->msg_namelen, &uu.uu_uio, control,
		    flags);
		*rv = (long)(n - uu.uu_uio.uio_resid);
	}
	uio_user_fini(&uu);
	return error;
}

int
sys_sendmsg(int fd, const struct msghdr *umh, int flags, long *rv)
{
	struct socket *so;
	struct msghdr mh;
	struct file *fp;
	int error;

	error = fd_get_socket(fd, &fp, &so);
	if (error != 0)
		return error;
	error = copyin(umh, &mh, sizeof(mh));
	if (error == 0)
		error = send_message(so, &mh, flags, rv);
	fd_put(fp);
	return error;
}

int
sys_sendmmsg(int fd, struct mmsghdr *msgs, unsigned int count, int flags,
    long *rv)
{
	unsigned int i, len;
	bool batch;
	struct socket *so;
	struct msghdr mh;
	struct file *fp;
	long sent;
	int error;

	error = fd_get_socket(fd, &fp, &so);
	if (error != 0)
		return error;
	count = MIN(count, (unsigned)UIO_MAXIOV);
	/* Packets for this kernel are dealt with together, but for streams,
	 * which wait. */
	batch = so->so_proto->pr_sosend == NULL &&
	    (so->so_proto->pr_flags & PR_ATOMIC) != 0;
	for (i = 0; i < count; i++) {
		if (batch && i % BATCH == 0)
			netisr_enter();
		sent = 0;
		error = copyin(&msgs[i].msg_hdr, &mh, sizeof(mh));
		if (error == 0)
			error = send_message(so, &mh, flags, &sent);
		len = (unsigned int)sent;
		if (error == 0)
			error = copyout(&len, &msgs[i].msg_len, sizeof(len));
		if (batch && (error != 0 || i % BATCH == BATCH - 1 ||
		    i == count - 1))
			netisr_exit();
		if (error != 0)
			break;
	}
	fd_put(fp);
	if (i == 0)
		return error;
	*rv = (long)i;
	return 0;
}

/* ---- Receiving ----------------------------------------------------------------------------- */

static int
cmsgbuf_init(struct cmsgbuf *cb, const struct msghdr *mh, uint8_t *small)
{
	*cb = (struct cmsgbuf){ .cb_size = mh->msg_controllen };
	if (mh->msg_control == NULL)
		cb->cb_size = 0;
	/* More is not received, whatever room there is. */
	cb->cb_size = MIN(cb->cb_size, (size_t)MCLJUMBO);
	if (cb->cb_size == 0)
		return 0;
	cb->cb_buf = cb->cb_size <= CMSG_SMALL ? small :
	    kmem_alloc(cb->cb_size, 0);
	return cb->cb_buf != NULL ? 0 : ENOBUFS;
}

static void
cmsgbuf_fini(struct cmsgbuf *cb, const uint8_t *small)
{
	if (cb->cb_buf != small)
		kmem_free(cb->cb_buf, cb->cb_size);
}

/* What the call tells in the message's header. */
static int
header_copyout(struct msghdr *umh, const struct msghdr *mh,
    const struct sockaddr_storage *ss, socklen_t len,
    const struct cmsgbuf *cb, int flags)
{
	int error = 0;

	if (mh->msg_name != NULL) {
		error = copyout(ss, mh->msg_name, MIN(len, mh->msg_namelen));
		if (error == 0)
			error = copyout(&len, &umh->msg_namelen, sizeof(len));
	}
	if (error == 0 && cb->cb_len > 0)
		error = copyout(cb->cb_buf, mh->msg_control, cb->cb_len);
	if (error == 0)
		error = copyout(&cb->cb_len, &umh->msg_controllen,
		    sizeof(cb->cb_len));
	if (error == 0)
		error = copyout(&flags, &umh->msg_flags, sizeof(flags));
	return error;
}

static int
receive_message(struct socket *so, struct msghdr *umh, int flags, long *rv)
{
	uint8_t small[CMSG_SMALL] __attribute__((aligned(8)));
	struct sockaddr_storage ss;
	int error, out = flags;
	struct cmsgbuf cb;
	struct uio_user uu;
	struct msghdr mh;
	socklen_t len = 0;
	size_t n;

	error = copyin(umh, &mh, sizeof(mh));
	if (error == 0 && mh.msg_name != NULL && (int32_t)mh.msg_namelen < 0)
		error = EINVAL;
	if (error == 0)
		error = iov_init(&uu, UIO_READ, &mh);
	if (error != 0)
		return error;
	error = cmsgbuf_init(&cb, &mh, small);
	if (error != 0)
		goto fail_uio;
	n = uu.uu_uio.uio_resid;
	error = so_receive(so, mh.msg_name != NULL ? &ss : NULL,
	    mh.msg_name != NULL ? &len : NULL, &uu.uu_uio, &cb, &out);
	if (error == 0) {
		if (cb.cb_trunc)
			out |= MSG_CTRUNC;
		out |= flags & MSG_CMSG_CLOEXEC;
		*rv = (flags & MSG_TRUNC) != 0 ? uu.uu_uio.uio_offset :
		    (long)(n - uu.uu_uio.uio_resid);
		error = header_copyout(umh, &mh, &ss, len, &cb, out);
	}
	cmsgbuf_fini(&cb, small);
fail_uio:
	uio_user_fini(&uu);
	return error;
}

int
sys_recvmsg(int fd, struct msghdr *umh, int flags, long *rv)
{
	struct socket *so;
	struct file *fp;
	int error;

	error = fd_get_socket(fd, &fp, &so);
	if (error != 0)
		return error;
	error = receive_message(so, umh, flags, rv);
	fd_put(fp);
	return error;
}

/* recvmmsg(2): the time is looked at between messages. */
static int
deadline_copyin(const struct timespec *uts, nstime_t *deadline)
{
	struct timespec ts;
	nstime_t ns;
	int error;

	*deadline = NSTIME_FOREVER;
	if (uts == NULL)
		return 0;
	error = copyin(uts, &ts, sizeof(ts));
	if (error == 0)
		error = timespec_to_ns(&ts, &ns);
	if (error == 0)
		*deadline = mono_deadline(ns);
	return error;
}

static int
time_left_copyout(nstime_t deadline, struct timespec *uts)
{
	struct timespec ts;

	if (uts == NULL)
		return 0;
	ts = ns_to_timespec(MAX(deadline - mono_now(), (nstime_t)0));
	return copyout(&ts, uts, sizeof(ts));
}

static int
receive_messages(struct socket *so, struct mmsghdr *msgs, unsigned count,
    int flags, nstime_t deadline, unsigned *np)
{
	unsigned len;
	long got;
	int error;

	for (*np = 0; *np < count; msgs++) {
		got = 0;
		error = receive_message(so, &msgs->msg_hdr,
		    flags & ~MSG_WAITFORONE, &got);
		if (error != 0)
			return error;
		len = (unsigned)got;
		error = copyout(&len, &msgs->msg_len, sizeof(len));
		if (error != 0)
			return error;
		(*np)++;
		if ((flags & MSG_WAITFORONE) != 0)
			flags |= MSG_DONTWAIT;
		if (deadline != NSTIME_FOREVER && mono_now() >= deadline)
			break;
	}
	return 0;
}

int
sys_recvmmsg(int fd, struct mmsghdr *msgs, unsigned int count, int flags,
    struct timespec *timeout, long *rv)
{
	nstime_t deadline;
	struct socket *so;
	struct file *fp;
	unsigned n = 0;
	int error;

	error = fd_get_socket(fd, &fp, &so);
	if (error != 0)
		return error;
	error = deadline_copyin(timeout, &deadline);
	if (error == 0)
		error = receive_messages(so, msgs, MIN(count,
		    (unsigned)UIO_MAXIOV), flags, deadline, &n);
	if (n > 0) {
		/* Errors of later ones are the next call's. */
		if (error != 0 && error != EAGAIN && error != EINTR &&
		    error != EFAULT)
			atomic_store_explicit(&so->so_error, error,
			    memory_order_relaxed);
		error = 0;
	}
	fd_put(fp);
	if (error == 0)
		error = time_left_copyout(deadline, timeout);
	*rv = (long)n;
	return error;
}
