/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sending an application's memory by reference: MSG_ZEROCOPY, and what
 * <rump/net/zerocopy.h> promises.
 *
 * A send (struct zcsend) lives until the call has ended and the last mbuf over
 * each of its pieces is gone. That may happen anywhere, with any lock held, so
 * a soft interrupt tells of it.
 */
#include <kern/file.h>
#include <kern/proc.h>
#include <kern/syscall.h>

#include <rump/net/zerocopy.h>

#include "rumpnet.h"
#include "sock_impl.h"

struct zcsend {
	_Atomic uint32_t zs_refs;	/* the call's, and one a piece */
	uint32_t zs_id;			/* for the error queue */
	bool zs_silent;			/* nothing was sent: tell nobody */
	struct socket *zs_so;		/* reference */
	void (*zs_done)(void *arg);	/* NULL: the error queue */
	void *zs_arg;
	struct zcsend *zs_next;
};

struct piece {
	struct mext p_ext;
	struct zcsend *p_send;
};

static _Atomic(struct zcsend *) finished;
static struct softint *softint;

static void
tell(struct zcsend *zs)
{
	struct socket *so = zs->zs_so;

	if (!zs->zs_silent && zs->zs_done != NULL) {
		zs->zs_done(zs->zs_arg);
	} else if (!zs->zs_silent) {
		mutex_enter(&so->so_lock);
		if (!so_is(so, SS_NOFDREF))
			so_errq_zerocopy(so, zs->zs_id, false);
		mutex_exit(&so->so_lock);
	}
	so_rele(so);
	kmem_free(zs, sizeof(*zs));
}

/* In the order in which they ended. */
static void
tell_all(void *arg __maybe_unused)
{
	struct zcsend *zs, *next, *list = NULL;

	zs = atomic_exchange_explicit(&finished, NULL, memory_order_acquire);
	for (; zs != NULL; zs = next) {
		next = zs->zs_next;
		zs->zs_next = list;
		list = zs;
	}
	for (; list != NULL; list = next) {
		next = list->zs_next;
		tell(list);
	}
}

static void
send_rele(struct zcsend *zs)
{
	struct zcsend *head;

	if (atomic_fetch_sub_explicit(&zs->zs_refs, 1, memory_order_acq_rel)
	    != 1)
		return;
	head = atomic_load_explicit(&finished, memory_order_relaxed);
	do
		zs->zs_next = head;
	while (!atomic_compare_exchange_weak_explicit(&finished, &head, zs,
	    memory_order_release, memory_order_relaxed));
	softint_schedule(softint);
}

static void
piece_free(struct mext *me)
{
	struct piece *p = container_of(me, struct piece, p_ext);
	struct zcsend *zs = p->p_send;

	kmem_free(p, sizeof(*p));
	send_rele(zs);
}

/* An mbuf over n bytes of the application. NULL: no memory */
static struct mbuf *
piece_mbuf(struct zcsend *zs, void *base, size_t n)
{
	struct piece *p;

	p = kmem_alloc(sizeof(*p), 0);
	if (p == NULL)
		return NULL;
	atomic_init(&p->p_ext.me_refs, 1);
	p->p_ext.me_size = (uint32_t)n;
	p->p_ext.me_buf = base;
	p->p_ext.me_free = piece_free;
	p->p_ext.me_arg = NULL;
	p->p_send = zs;
	atomic_fetch_add_explicit(&zs->zs_refs, 1, memory_order_relaxed);
	return m_getext(&p->p_ext, 0, n, M_RDONLY);
}

/* The next n bytes of a transfer as a chain, which it moves over. */
static int
chain_make(struct zcsend *zs, struct uio *uio, size_t n, struct mbuf **mp)
{
	const struct iovec *iov;
	size_t len;
	int error;

	for (*mp = NULL; n > 0; n -= len) {
		iov = uio->uio_iov;
		len = MIN(n, iov->iov_len - uio->uio_iovoff);
		if (len == 0) {
			uio->uio_iov++;
			uio->uio_iovcnt--;
			uio->uio_iovoff = 0;
			continue;
		}
		error = iov->iov_base == NULL ? EFAULT : ENOBUFS;
		*mp = error == EFAULT ? NULL : piece_mbuf(zs,
		    (char *)iov->iov_base + uio->uio_iovoff, len);
		if (*mp == NULL)
			return error;
		mp = &(*mp)->m_next;
		uio_skip(uio, len);
	}
	return 0;
}

static int
send_record(struct zcsend *zs, const struct sockaddr *sa, socklen_t salen,
    struct uio *uio, int flags)
{
	size_t n = uio->uio_resid;
	struct mbuf *m;
	int error;

	if (n > INT32_MAX / 2)
		return EMSGSIZE;
	m = m_gethdr(MT_DATA);
	if (m == NULL)
		return ENOBUFS;
	m->m_data += MLEN;
	m->m_ph.ph_len = (uint32_t)n;
	error = chain_make(zs, uio, n, &m->m_next);
	if (error != 0)
		m_freem(m);
	else
		error = sosend_mbuf(zs->zs_so, m, sa, salen, flags);
	if (error != 0)
		uio->uio_resid = n;
	return error;
}

static int
send_stream(struct zcsend *zs, struct uio *uio, int flags)
{
	size_t first = uio->uio_resid, before;
	struct mbuf *m;
	int error = 0;

	while (uio->uio_resid > 0 && error == 0) {
		before = uio->uio_resid;
		error = chain_make(zs, uio, MIN(before, (size_t)MCLJUMBO), &m);
		if (error != 0)
			m_freem(m);
		else
			error = sosend_mbuf(zs->zs_so, m, NULL, 0, flags |
			    (uio->uio_resid > 0 ? MSG_MORE : 0));
		if (error != 0)
			uio->uio_resid = before;
	}
	return uio->uio_resid < first ? 0 : error;
}

static int
send_zc(struct socket *so, const struct sockaddr *sa, socklen_t salen,
    struct uio *uio, int flags, void (*done)(void *), void *arg,
    struct zcsend **zsp)
{
	size_t n = uio->uio_resid;
	struct zcsend *zs;
	int error;

	zs = kmem_alloc(sizeof(*zs), 0);
	if (zs == NULL)
		return ENOBUFS;
	atomic_init(&zs->zs_refs, 1);
	zs->zs_so = so_hold(so);
	zs->zs_done = done;
	zs->zs_arg = arg;
	error = (so->so_proto->pr_flags & PR_ATOMIC) != 0 ?
	    send_record(zs, sa, salen, uio, flags) :
	    send_stream(zs, uio, flags);
	zs->zs_silent = error != 0 || (n > 0 && uio->uio_resid == n);
	/* The caller's reference keeps it from being told before. */
	if (!zs->zs_silent && done == NULL) {
		mutex_enter(&so->so_lock);
		zs->zs_id = so->so_extra->sx_zckey++;
		mutex_exit(&so->so_lock);
	}
	*zsp = zs;
	return error;
}

/* ---- MSG_ZEROCOPY ---------------------------------------------------------------- */

/* A copy it is: said at once. */
static int
send_copied(struct socket *so, const struct sockaddr *sa, socklen_t salen,
    struct uio *uio, struct mbuf *control, int flags)
{
	int error;

	error = sosend(so, sa, salen, uio, control, flags & ~MSG_ZEROCOPY);
	if (error == 0) {
		mutex_enter(&so->so_lock);
		so_errq_zerocopy(so, so->so_extra->sx_zckey++, true);
		mutex_exit(&so->so_lock);
	}
	return error;
}

int
sosend_zerocopy(struct socket *so, const struct sockaddr *sa, socklen_t salen,
    struct uio *uio, struct mbuf *control, int flags)
{
	struct zcsend *zs = NULL;
	bool on, extra;
	int error;

	mutex_enter(&so->so_lock);
	on = (so->so_options & SOO_ZEROCOPY) != 0;
	extra = on && so_extra(so) != NULL;
	mutex_exit(&so->so_lock);
	if (!on)
		return sosend(so, sa, salen, uio, control,
		    flags & ~MSG_ZEROCOPY);
	if (!extra) {
		m_freem(control);
		return ENOBUFS;
	}
	if (control != NULL || uio->uio_proc == NULL ||
	    uio->uio_proc->p_vmops != NULL)
		return send_copied(so, sa, salen, uio, control, flags);
	error = send_zc(so, sa, salen, uio, flags & ~MSG_ZEROCOPY, NULL, NULL,
	    &zs);
	if (zs != NULL)
		send_rele(zs);
	return error;
}

int
sock_zc_init(void)
{
	return softint_establish(SOFTINT_NET, tell_all, NULL, &softint);
}

/* ---- The application's calls ------------------------------------------------------- */

int
rump_pub_sock_send_zc(int fd, const struct iovec *iov, int iovcnt, int flags,
    void (*done)(void *arg), void *arg, size_t *sentp)
{
	struct zcsend *zs = NULL;
	struct uio_user uu;
	struct socket *so;
	struct file *fp;
	size_t n;
	int error;

	cred_refresh();
	error = fd_get_socket(fd, &fp, &so);
	if (error != 0)
		return error;
	if (so->so_proto->pr_sosend != NULL || so->so_proto->pr_send == NULL ||
	    curproc->p_vmops != NULL)
		error = EOPNOTSUPP;
	else if (done == NULL)
		error = EINVAL;
	else
		error = uio_user_init(&uu, UIO_WRITE, iov, iovcnt, 0);
	if (error != 0)
		goto done;
	n = uu.uu_uio.uio_resid;
	error = send_zc(so, NULL, 0, &uu.uu_uio, flags & ~MSG_ZEROCOPY, done,
	    arg, &zs);
	if (error == 0)
		*sentp = n - uu.uu_uio.uio_resid;
	if (zs != NULL)
		send_rele(zs);
	uio_user_fini(&uu);
done:
	fd_put(fp);
	return error;
}

/* A received chain, and where its pieces are. */
struct received {
	struct rump_zcbuf r_buf;
	struct mbuf *r_mb;
	size_t r_size;			/* of all of this */
	struct iovec r_iov[];
};

static struct received *
received_make(struct mbuf *m)
{
	struct mbuf *p;
	struct received *r;
	size_t size, n = 0;

	for (p = m; p != NULL; p = p->m_next)
		n++;
	size = sizeof(*r) + n * sizeof(r->r_iov[0]);
	r = kmem_alloc(size, 0);
	if (r == NULL)
		return NULL;
	r->r_mb = m;
	r->r_size = size;
	r->r_buf = (struct rump_zcbuf){ .zb_iov = r->r_iov };
	for (p = m; p != NULL; p = p->m_next) {
		if (p->m_len == 0 || p->m_type != MT_DATA)
			continue;
		r->r_iov[r->r_buf.zb_iovcnt++] = (struct iovec){
			p->m_data, p->m_len };
		r->r_buf.zb_len += p->m_len;
	}
	return r;
}

int
rump_pub_sock_recv_zc(int fd, size_t max, int flags, struct rump_zcbuf **zbp)
{
	struct received *r = NULL;
	struct mbuf *m = NULL;
	struct socket *so;
	struct file *fp;
	int error;

	if (max == 0 || (flags & ~MSG_DONTWAIT) != 0)
		return EINVAL;
	error = fd_get_socket(fd, &fp, &so);
	if (error != 0)
		return error;
	error = so->so_proto->pr_soreceive != NULL ? EOPNOTSUPP :
	    soreceive_mbuf(so, max, &flags, &m);
	fd_put(fp);
	if (error == 0 && m != NULL) {
		r = received_make(m);
		if (r == NULL) {
			m_freem(m);
			error = ENOMEM;
		}
	}
	if (error == 0)
		*zbp = r != NULL ? &r->r_buf : NULL;
	return error;
}

void
rump_pub_sock_release(struct rump_zcbuf *zb)
{
	struct received *r;

	if (zb == NULL)
		return;
	r = container_of(zb, struct received, r_buf);
	m_freem(r->r_mb);
	kmem_free(r, r->r_size);
}
