/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sockets as files.
 */
#include <kern/proc.h>
#include <kern/syscall.h>

#include <asm/ioctls.h>
#include <linux/fs.h>
#include <linux/sockios.h>

#include "sock_impl.h"

static int
msg_flags(int rwf)
{
	return ((rwf & RWF_NOWAIT) != 0 ? MSG_DONTWAIT : 0) |
	    ((rwf & RWF_MORE) != 0 ? MSG_MORE : 0);
}

static int
soo_read(struct file *fp, off_t *offp __maybe_unused, struct uio *uio,
    int flags)
{
	struct socket *so = fp->f_data;
	int mflags = msg_flags(flags);

	if (uio->uio_resid == 0)
		return 0;
	return so_receive(so, NULL, NULL, uio, NULL, &mflags);
}

static int
soo_write(struct file *fp, off_t *offp __maybe_unused, struct uio *uio,
    int flags)
{
	struct socket *so = fp->f_data;
	int mflags = msg_flags(flags);

	if (so->so_type == SOCK_SEQPACKET)
		mflags |= MSG_EOR;
	return so_send(so, NULL, 0, uio, NULL, mflags);
}

/* ---- Readiness ------------------------------------------------------------------ */

/* A connection that is not, and is not to become one. */
static bool
unconnected(const struct socket *so)
{
	return (so->so_proto->pr_flags & PR_CONNREQUIRED) != 0 &&
	    !so_is(so, SS_ISCONNECTED | SS_ISCONNECTING | SS_ISDISCONNECTING);
}

static bool
readable(const struct socket *so)
{
	const struct sockbuf *sb = &so->so_rcv;

	if ((so->so_proto->pr_flags & PR_ATOMIC) != 0)
		return sb->sb_mb != NULL;
	return sb_cc(sb) > 0 && sb_cc(sb) >= sb->sb_lowat;
}

/* As Linux' tcp_poll(2) behaviour is documented by what programs see. */
static int
ready_locked(struct socket *so)
{
	const struct soextra *sx = so->so_extra;
	int bits = 0;

	if (so_is(so, SS_LISTENING))
		return so->so_listen->sl_qlen > 0 ? POLLIN | POLLRDNORM : 0;
	if (atomic_load_explicit(&so->so_error, memory_order_relaxed) != 0 ||
	    (sx != NULL && sx->sx_errq != NULL))
		bits |= POLLERR;
	if (so_is(so, SS_CANTRCVMORE))
		bits |= POLLIN | POLLRDNORM | POLLRDHUP;
	if ((so_is(so, SS_CANTRCVMORE) && so_is(so, SS_CANTSENDMORE)) ||
	    unconnected(so))
		bits |= POLLHUP;
	if (so_is(so, SS_ISCONNECTING))
		return bits;
	if (readable(so))
		bits |= POLLIN | POLLRDNORM;
	if (so_is(so, SS_CANTSENDMORE) || sb_writable(&so->so_snd))
		bits |= POLLOUT | POLLWRNORM | (so->so_type != SOCK_STREAM ?
		    POLLWRBAND : 0);
	return bits;
}

int
sopoll(struct socket *so, int events, struct pollent *pe)
{
	int bits;

	if (pe != NULL)
		poll_hang(&so->so_poll, pe);
	mutex_enter(&so->so_lock);
	bits = ready_locked(so);
	if (so->so_proto->pr_poll != NULL)
		bits |= so->so_proto->pr_poll(so, events);
	mutex_exit(&so->so_lock);
	return bits & (events | POLLERR | POLLHUP);
}

static int
soo_poll(struct file *fp, int events, struct pollent *pe)
{
	return sopoll(fp->f_data, events, pe);
}

/* ---- The rest --------------------------------------------------------------------- */

/* socket(7), udp(7): what the next read has. so_lock held. */
static int
nread(struct socket *so)
{
	const struct mbuf *m = so->so_rcv.sb_mb;

	if ((so->so_proto->pr_flags & PR_ATOMIC) == 0)
		return (int)sb_cc(&so->so_rcv);
	while (m != NULL && m->m_type != MT_DATA)
		m = m->m_next;
	if (m == NULL)
		return 0;
	return (int)((m->m_flags & M_PKTHDR) != 0 ? m->m_ph.ph_len :
	    m_length(m));
}

static int
soo_ioctl(struct file *fp, unsigned long cmd, void *arg)
{
	struct socket *so = fp->f_data;
	int n, error = ENOTTY;

	if (so->so_proto->pr_ioctl != NULL) {
		error = so->so_proto->pr_ioctl(so, cmd, arg);
		if (error != ENOTTY)
			return error;
	}
	mutex_enter(&so->so_lock);
	switch (cmd) {
	case FIONREAD:
		error = so_is(so, SS_LISTENING) ? EINVAL : 0;
		n = nread(so);
		break;
	case SIOCOUTQ:
		error = so_is(so, SS_LISTENING) ? EINVAL : 0;
		n = (int)sb_cc(&so->so_snd);
		break;
	case SIOCATMARK:
		error = 0;
		n = so_is(so, SS_RCVATMARK);
		break;
	}
	mutex_exit(&so->so_lock);
	return error == 0 ? copyout(&n, arg, sizeof(n)) : error;
}

static int
soo_stat(struct file *fp, struct stat *st)
{
	struct socket *so = fp->f_data;

	st->st_mode = S_IFSOCK | 0777;
	st->st_nlink = 1;
	st->st_ino = so_cookie(so);
	st->st_blksize = PAGE_SIZE;
	st->st_uid = so->so_uid;
	st->st_gid = fp->f_cred->cr_fsgid;
	return 0;
}

static int
soo_close(struct file *fp)
{
	return soclose(fp->f_data);
}

const struct fileops socket_fileops = {
	.fo_type = FT_SOCKET,
	.fo_read = soo_read,
	.fo_write = soo_write,
	.fo_pull = soo_pull,
	.fo_ioctl = soo_ioctl,
	.fo_poll = soo_poll,
	.fo_stat = soo_stat,
	.fo_close = soo_close,
};

int
sofile(struct socket *so, int flags, struct file **fpp)
{
	int error;

	error = file_alloc(&socket_fileops, so, O_RDWR | flags, fpp);
	if (error == 0)
		atomic_store_explicit(&so->so_file, *fpp,
		    memory_order_relaxed);
	return error;
}

int
fd_get_socket(int fd, struct file **fpp, struct socket **sop)
{
	struct file *fp;
	int error;

	error = fd_get(fd, &fp);
	if (__unlikely(error != 0))
		return error;
	if (__unlikely(fp->f_ops != &socket_fileops)) {
		error = (atomic_load_explicit(&fp->f_flags,
		    memory_order_relaxed) & O_PATH) != 0 ? EBADF : ENOTSOCK;
		fd_put(fp);
		return error;
	}
	*fpp = fp;
	*sop = fp->f_data;
	return 0;
}
