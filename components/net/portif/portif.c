/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * portif: an interface that the application is the wire of.
 *
 * What the stack transmits waits in a bounded queue. What is injected runs up
 * the stack on the calling thread, in a section of its own, and so does what the
 * stack sends in answer.
 *
 * A struct rump_portif has two holders: the application, whose handle it is,
 * and the interface, which may be taken away before (ip link del).
 */
#include <kern/assert.h>
#include <kern/kmem.h>
#include <kern/proc.h>
#include <kern/string.h>
#include <kern/time.h>

#include "portif.h"

int portif_init(void);

#define PORTIF_QUEUE	1024
#define PORTIF_MTU	1500
#define PORTIF_MAXLEN	65600

/*
 * I  immutable   q  pi_lock   a  atomic
 */
struct rump_portif {
	struct kmutex pi_lock;
	struct kcondvar pi_cv;
	struct mbuf *pi_head, **pi_tail;	/* [q] m_nextpkt */
	unsigned pi_len;			/* [q] */
	unsigned pi_max;			/* [I] */
	bool pi_dead;				/* [q] the interface is gone */
	_Atomic bool pi_destroyed;		/* [a] */
	_Atomic uint32_t pi_refs;		/* [a] */
	struct ifnet *pi_ifp;			/* [I] */
	char pi_name[IFNAMSIZ];			/* [I] as it was made */
	uint32_t pi_hdrlen;			/* [I] of the link */
	void (*pi_notify)(struct rump_portif *p, void *arg);	/* [I] */
	void *pi_arg;				/* [I] */
	struct network pi_work;			/* calls it */
};

static struct lock_class portif_lc = LOCK_CLASS("portif", 0);

static void
portif_rele(struct rump_portif *pi)
{
	if (atomic_fetch_sub_explicit(&pi->pi_refs, 1,
	    memory_order_acq_rel) != 1)
		return;
	m_freelist(pi->pi_head);
	cv_fini(&pi->pi_cv);
	mutex_fini(&pi->pi_lock);
	kmem_free(pi, sizeof(*pi));
}

/* ---- What the stack sends -------------------------------------------------- */

static void
portif_told(struct network *nw)
{
	struct rump_portif *pi = container_of(nw, struct rump_portif, pi_work);

	cv_broadcast(&pi->pi_cv);
	if (pi->pi_notify != NULL)
		pi->pi_notify(pi, pi->pi_arg);
	portif_rele(pi);
}

static int
portif_transmit(struct ifnet *ifp, struct mbuf *m, unsigned *sent)
{
	struct rump_portif *pi = ifp->if_softc;
	struct mbuf *next;
	bool first;

	*sent = 0;
	mutex_enter(&pi->pi_lock);
	first = pi->pi_len == 0;
	for (; m != NULL && pi->pi_len < pi->pi_max && !pi->pi_dead;
	    m = next) {
		next = m->m_nextpkt;
		m->m_nextpkt = NULL;
		*pi->pi_tail = m;
		pi->pi_tail = &m->m_nextpkt;
		pi->pi_len++;
		(*sent)++;
	}
	mutex_exit(&pi->pi_lock);
	if (first && *sent > 0) {
		/* The section may end after the interface. */
		atomic_fetch_add_explicit(&pi->pi_refs, 1,
		    memory_order_relaxed);
		if (!netisr_defer(&pi->pi_work))
			portif_rele(pi);
	}
	if (__likely(m == NULL))
		return 0;
	m_freelist(m);
	return ENOBUFS;
}

/* Up to n packets, when there is one. */
static int
portif_dequeue(struct rump_portif *pi, unsigned n, int64_t timeout,
    struct mbuf **listp)
{
	nstime_t deadline = timeout < 0 ? NSTIME_FOREVER : timeout == 0 ? 0 :
	    mono_deadline(timeout);
	struct mbuf *m;
	int error = 0;

	mutex_enter(&pi->pi_lock);
	while (pi->pi_head == NULL && !pi->pi_dead && error == 0)
		error = timeout == 0 ? ETIMEDOUT : cv_timedwait_sig(
		    &pi->pi_cv, &pi->pi_lock, deadline);
	m = pi->pi_head;
	*listp = m;
	if (m != NULL) {
		pi->pi_len--;
		for (; --n > 0 && m->m_nextpkt != NULL; m = m->m_nextpkt)
			pi->pi_len--;
		pi->pi_head = m->m_nextpkt;
		m->m_nextpkt = NULL;
		if (pi->pi_head == NULL)
			pi->pi_tail = &pi->pi_head;
		error = 0;
	} else if (pi->pi_dead) {
		error = ENXIO;
	}
	mutex_exit(&pi->pi_lock);
	return error == ETIMEDOUT ? EAGAIN : error;
}

static void
portif_copy_out(const struct mbuf *m, const struct iovec *iov, int cnt)
{
	size_t off = 0, left = m->m_ph.ph_len, n;

	for (; cnt > 0 && left > 0; iov++, cnt--) {
		n = MIN(left, iov->iov_len);
		m_copydata(m, off, n, iov->iov_base);
		off += n;
		left -= n;
	}
}

int
rump_pub_portif_collectv(struct rump_portif *pi,
    struct rump_portif_frame *frames, unsigned n, int64_t timeout,
    unsigned *done)
{
	struct rump_portif_frame *f;
	struct mbuf *list, *m;
	int error;

	(void)curlwp_get();
	*done = 0;
	if (n == 0)
		return 0;
	error = portif_dequeue(pi, n, timeout, &list);
	if (error != 0)
		return error;
	for (m = list; m != NULL; m = m->m_nextpkt) {
		f = &frames[(*done)++];
		portif_copy_out(m, f->pf_iov, f->pf_iovcnt);
		f->pf_len = m->m_ph.ph_len;
		portif_meta_get(m, &f->pf_meta);
	}
	m_freelist(list);
	return 0;
}

int
rump_pub_portif_collect(struct rump_portif *pi, void *buf, size_t size,
    int64_t timeout, size_t *len)
{
	const struct iovec iov = { .iov_base = buf, .iov_len = size };
	struct rump_portif_frame f = { .pf_iov = &iov, .pf_iovcnt = 1 };
	unsigned done;
	int error;

	error = rump_pub_portif_collectv(pi, &f, 1, timeout, &done);
	if (error == 0)
		*len = f.pf_len;
	return error;
}

int
rump_pub_portif_take(struct rump_portif *pi, int64_t timeout,
    struct rump_portif_packet **pktp)
{
	struct mbuf *m;
	int error;

	(void)curlwp_get();
	error = portif_dequeue(pi, 1, timeout, &m);
	if (error == 0)
		*pktp = (void *)m;
	return error;
}

int
rump_pub_portif_packet_iov(const struct rump_portif_packet *pkt,
    struct iovec *iov, int max)
{
	const struct mbuf *m = (const void *)pkt;
	int n = 0;

	for (; m != NULL; m = m->m_next) {
		if (m->m_len == 0)
			continue;
		if (n < max) {
			iov[n].iov_base = m->m_data;
			iov[n].iov_len = m->m_len;
		}
		n++;
	}
	return n;
}

void
rump_pub_portif_packet_meta(const struct rump_portif_packet *pkt,
    struct rump_portif_meta *meta)
{
	portif_meta_get((const void *)pkt, meta);
}

void
rump_pub_portif_packet_release(struct rump_portif_packet *pkt)
{
	(void)curlwp_get();
	m_freem((void *)pkt);
}

unsigned
rump_pub_portif_pending(struct rump_portif *pi)
{
	unsigned n;

	(void)curlwp_get();
	mutex_enter(&pi->pi_lock);
	n = pi->pi_len;
	mutex_exit(&pi->pi_lock);
	return n;
}

/* ---- What the application sends ----------------------------------------------- */

static int
portif_check(struct rump_portif *pi, size_t len)
{
	int error = 0;

	mutex_enter(&pi->pi_lock);
	if (pi->pi_dead)
		error = ENXIO;
	mutex_exit(&pi->pi_lock);
	if (error != 0)
		return error;
	if (!if_is(pi->pi_ifp, IFF_UP))
		return ENETDOWN;
	return len < MAX(pi->pi_hdrlen, 1u) || len > PORTIF_MAXLEN ?
	    EMSGSIZE : 0;
}

static void
portif_input(struct rump_portif *pi, struct mbuf *batch)
{
	netisr_enter();
	epoch_enter();
	if_input(pi->pi_ifp, batch);
	epoch_exit();
	netisr_exit();
}

/* A packet with the frame's bytes, its headers in one piece. */
static int
portif_copy_in(struct rump_portif *pi, const struct rump_portif_frame *f,
    struct mbuf **mp)
{
	struct mbuf *m, *to;
	const uint8_t *from;
	size_t len = 0, n, left;
	int error, i;

	for (i = 0; i < f->pf_iovcnt && len <= PORTIF_MAXLEN; i++)
		len += f->pf_iov[i].iov_len;
	error = portif_check(pi, len);
	if (error != 0)
		return error;
	m = to = m_getm(len, M_PKTHDR);
	if (m == NULL)
		return ENOMEM;
	for (i = 0; i < f->pf_iovcnt; i++) {
		from = f->pf_iov[i].iov_base;
		left = f->pf_iov[i].iov_len;
		for (; left > 0; left -= n, from += n) {
			if (m_trailing(to) == 0)
				to = to->m_next;
			n = MIN(left, m_trailing(to));
			memcpy(to->m_data + to->m_len, from, n);
			to->m_len += (uint32_t)n;
		}
	}
	m->m_ph.ph_len = (uint32_t)len;
	error = portif_meta_set(m, &f->pf_meta);
	if (error != 0)
		m_freem(m);
	else
		*mp = m;
	return error;
}

int
rump_pub_portif_injectv(struct rump_portif *pi,
    const struct rump_portif_frame *frames, unsigned n, unsigned *done)
{
	struct mbuf *list = NULL, **tail = &list;
	unsigned i;
	int error = 0;

	(void)curlwp_get();
	for (i = 0; i < n; i++) {
		error = portif_copy_in(pi, &frames[i], tail);
		if (error != 0)
			break;
		tail = &(*tail)->m_nextpkt;
	}
	if (list != NULL)
		portif_input(pi, list);
	if (done != NULL)
		*done = i;
	return error;
}

int
rump_pub_portif_inject(struct rump_portif *pi, const void *frame, size_t len)
{
	const struct iovec iov = { .iov_base = (void *)(uintptr_t)frame,
	    .iov_len = len };
	struct rump_portif_frame f = { .pf_iov = &iov, .pf_iovcnt = 1 };

	memset(&f.pf_meta, 0, sizeof(f.pf_meta));
	return rump_pub_portif_injectv(pi, &f, 1, NULL);
}

/* Memory that was lent. */
struct loan {
	struct mext ln_mext;
	void (*ln_done)(void *arg);
	void *ln_arg;
};

static void
loan_free(struct mext *me)
{
	struct loan *ln = container_of(me, struct loan, ln_mext);

	ln->ln_done(ln->ln_arg);
	kmem_free(ln, sizeof(*ln));
}

/* Headers are copied, as of any packet: protocols write theirs. */
static struct mbuf *
loan_packet(struct loan *ln, const uint8_t *frame, size_t len)
{
	size_t head = MIN(len, (size_t)MLEN);
	struct mbuf *m, *rest;

	atomic_init(&ln->ln_mext.me_refs, 1);
	ln->ln_mext.me_buf = (uint8_t *)(uintptr_t)frame;
	ln->ln_mext.me_size = (uint32_t)len;
	ln->ln_mext.me_free = loan_free;
	m = m_devget(frame, head, 0);
	if (m == NULL) {
		mext_rele(&ln->ln_mext);
		return NULL;
	}
	rest = m_getext(&ln->ln_mext, head, len - head, M_RDONLY);
	if (rest == NULL) {
		m_freem(m);
		return NULL;
	}
	m->m_next = rest;
	m->m_ph.ph_len = (uint32_t)len;
	return m;
}

int
rump_pub_portif_lend(struct rump_portif *pi, const void *frame, size_t len,
    void (*done)(void *arg), void *arg)
{
	struct loan *ln;
	struct mbuf *m;
	int error;

	(void)curlwp_get();
	error = portif_check(pi, len);
	ln = error == 0 ? kmem_alloc(sizeof(*ln), 0) : NULL;
	if (ln == NULL) {
		done(arg);
		return error != 0 ? error : ENOMEM;
	}
	ln->ln_done = done;
	ln->ln_arg = arg;
	m = loan_packet(ln, frame, len);
	if (m == NULL)
		return ENOMEM;
	portif_input(pi, m);
	return 0;
}

/* ---- Coming and going ---------------------------------------------------------- */

static int
portif_gone(struct ifnet *ifp)
{
	struct rump_portif *pi = ifp->if_softc;

	if (atomic_exchange_explicit(&pi->pi_destroyed, true,
	    memory_order_relaxed))
		return 0;
	if_detach(ifp);
	mutex_enter(&pi->pi_lock);
	pi->pi_dead = true;
	mutex_exit(&pi->pi_lock);
	cv_broadcast(&pi->pi_cv);
	/* The handle still looks at it: its reference goes with that. */
	return 0;
}

static void
portif_fini(struct ifnet *ifp)
{
	portif_rele(ifp->if_softc);
}

static const struct ifops portif_ops = {
	.ifo_kind = "portif",
	.ifo_transmit = portif_transmit,
	.ifo_destroy = portif_gone,
	.ifo_fini = portif_fini,
};

static struct rump_portif *
portif_alloc(const struct rump_portif_params *pp)
{
	struct rump_portif *pi;

	pi = kmem_zalloc(sizeof(*pi), 0);
	if (pi == NULL)
		return NULL;
	mutex_init(&pi->pi_lock, &portif_lc);
	cv_init(&pi->pi_cv);
	pi->pi_tail = &pi->pi_head;
	pi->pi_max = pp->pp_queue != 0 ? pp->pp_queue : PORTIF_QUEUE;
	atomic_init(&pi->pi_refs, 1);
	pi->pi_notify = pp->pp_notify;
	pi->pi_arg = pp->pp_arg;
	pi->pi_work.nw_fn = portif_told;
	return pi;
}

static struct ifnet *
portif_ifalloc(struct rump_portif *pi, const struct rump_portif_params *pp)
{
	bool ether = pp->pp_mode == RUMP_PORTIF_ETHER;
	struct ifnet *ifp;

	ifp = if_alloc(&portif_ops, ether ? &ether_ltype : &rawip_ltype, pi);
	if (ifp == NULL)
		return NULL;
	atomic_fetch_add_explicit(&pi->pi_refs, 1, memory_order_relaxed);
	pi->pi_ifp = ifp;
	pi->pi_hdrlen = ether ? ETH_HLEN : 0;
	ifp->if_caps = IFCAP_SG;
	if ((pp->pp_flags & (RUMP_PORTIF_CSUM | RUMP_PORTIF_GSO)) != 0)
		ifp->if_caps |= IFCAP_CSUM | IFCAP_RXCSUM;
	if ((pp->pp_flags & RUMP_PORTIF_GSO) != 0)
		ifp->if_caps |= IFCAP_TSO | IFCAP_USO;
	ifp->if_gsomax = PORTIF_MAXLEN;
	ifp->if_minmtu = ETH_MIN_MTU;
	ifp->if_maxmtu = 65535;
	atomic_store_explicit(&ifp->if_mtu, pp->pp_mtu != 0 ? pp->pp_mtu :
	    PORTIF_MTU, memory_order_relaxed);
	if (ether && pp->pp_hwaddr != NULL)
		memcpy(ifp->if_hwaddr, pp->pp_hwaddr, ETH_ALEN);
	else if (ether)
		ether_randaddr(ifp->if_hwaddr);
	return ifp;
}

int
rump_pub_portif_create(const char *name,
    const struct rump_portif_params *params, struct rump_portif **pip)
{
	struct rump_portif_params pp;
	struct rump_portif *pi;
	struct ifnet *ifp;
	int error;

	if (name == NULL || pip == NULL)
		return EFAULT;
	memset(&pp, 0, sizeof(pp));
	if (params != NULL)
		pp = *params;
	if ((pp.pp_mode != RUMP_PORTIF_ETHER && pp.pp_mode != RUMP_PORTIF_IP) ||
	    (pp.pp_flags & ~(RUMP_PORTIF_CSUM | RUMP_PORTIF_GSO)) != 0 ||
	    (pp.pp_mtu != 0 && (pp.pp_mtu < ETH_MIN_MTU || pp.pp_mtu > 65535)))
		return EINVAL;
	(void)curlwp_get();
	pi = portif_alloc(&pp);
	if (pi == NULL)
		return ENOMEM;
	ifp = portif_ifalloc(pi, &pp);
	error = ifp == NULL ? ENOMEM : if_attach(curvnet(), ifp, name);
	if (error == 0) {
		strlcpy(pi->pi_name, ifp->if_name, sizeof(pi->pi_name));
		*pip = pi;
		return 0;
	}
	if (ifp != NULL)
		if_rele(ifp);
	portif_rele(pi);
	return error;
}

void
rump_pub_portif_destroy(struct rump_portif *pi)
{
	(void)curlwp_get();
	(void)portif_gone(pi->pi_ifp);
	if_rele(pi->pi_ifp);
	portif_rele(pi);
}

const char *
rump_pub_portif_name(struct rump_portif *pi)
{
	return pi->pi_name;
}

int
portif_init(void)
{
	return 0;
}
