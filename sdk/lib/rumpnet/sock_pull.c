/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sendfile(2) into a stream: the file is read into the mbufs that are sent.
 */
#include <kern/file.h>

#include "sock_impl.h"

/* At most n bytes of a file as an mbuf; none at its end: NULL. */
static int
read_mbuf(struct file *in, off_t *offp, size_t n, struct mbuf **mp)
{
	struct iovec iov;
	struct mbuf *m;
	struct uio uio;
	int error;

	*mp = NULL;
	m = m_getcl(n, 0);
	if (m == NULL)
		return ENOBUFS;
	uio_kern(&uio, &iov, UIO_READ, m->m_data, n, *offp);
	error = in->f_ops->fo_read(in, offp, &uio, 0);
	m->m_len = (uint32_t)(n - uio.uio_resid);
	if (m->m_len == 0) {
		m_free(m);
		return error;
	}
	*mp = m;
	return 0;
}

static int
pull_some(struct socket *so, struct file *in, off_t *offp, size_t len,
    bool more, size_t *np)
{
	off_t off = *offp;
	struct mbuf *m;
	size_t n;
	int error;

	error = so_stream_room(so, len, &n);
	if (error != 0)
		return error;
	error = read_mbuf(in, &off, MIN(n, (size_t)MCLJUMBO), &m);
	if (error != 0 || m == NULL)
		return error;
	n = m->m_len;
	error = sosend_mbuf(so, m, NULL, 0, n < len || more ? MSG_MORE : 0);
	if (error == 0) {
		*offp = off;
		*np = n;
	}
	return error;
}

int
soo_pull(struct file *fp, struct file *in, off_t *offp, size_t len, int flags,
    size_t *donep)
{
	struct socket *so = fp->f_data;
	int error = 0;
	size_t n;

	if ((so->so_proto->pr_flags & PR_ATOMIC) != 0 ||
	    so->so_proto->pr_sosend != NULL)
		return EOPNOTSUPP;
	for (*donep = 0; *donep < len && error == 0; *donep += n) {
		n = 0;
		error = pull_some(so, in, offp, len - *donep,
		    (flags & RWF_MORE) != 0, &n);
		if (n == 0)
			break;
	}
	return *donep > 0 ? 0 : error;
}
