/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An Ethernet interface for kernel halves: what it is given to send is kept,
 * and frames are put in by hand. Kind "test".
 */
#ifndef K_TESTIF_H
#define K_TESTIF_H

#include <kern/ifnet.h>
#include <kern/kmem.h>
#include <kern/route.h>
#include <kern/string.h>

#define CHECK(e) do { if (!(e)) return __LINE__; } while (0)

struct testif {
	struct ifnet *t_ifp;
	struct kspin t_lock;
	struct mbuf *t_head, **t_tail;	/* sent, oldest first */
	_Atomic unsigned t_sent;	/* packets, ever */
	char t_link[64];
};

static struct lock_class testif_lc = LOCK_CLASS("testif", 0);
static _Atomic int testif_freed;

static inline int
testif_transmit(struct ifnet *ifp, struct mbuf *m, unsigned *sent)
{
	struct testif *t = ifp->if_softc;

	spin_lock(&t->t_lock);
	*t->t_tail = m;
	for (; m != NULL; m = m->m_nextpkt) {
		t->t_tail = &m->m_nextpkt;
		++*sent;
		t->t_sent++;
	}
	spin_unlock(&t->t_lock);
	return 0;
}

/* The oldest frame that was sent, or NULL. */
static inline struct mbuf *
testif_take(struct testif *t)
{
	struct mbuf *m;

	spin_lock(&t->t_lock);
	m = t->t_head;
	if (m != NULL) {
		t->t_head = m->m_nextpkt;
		if (t->t_head == NULL)
			t->t_tail = &t->t_head;
		m->m_nextpkt = NULL;
	}
	spin_unlock(&t->t_lock);
	return m;
}

/* The same, as bytes; returns how many, 0: there is none. */
static inline size_t
testif_get(struct testif *t, uint8_t *buf, size_t max)
{
	struct mbuf *m = testif_take(t);
	size_t n;

	if (m == NULL)
		return 0;
	n = MIN((size_t)m->m_ph.ph_len, max);
	m_copydata(m, 0, n, buf);
	m_freem(m);
	return n;
}

static inline void
testif_flush(struct testif *t)
{
	struct mbuf *m;

	while ((m = testif_take(t)) != NULL)
		m_freem(m);
}

static inline void
testif_put(struct testif *t, const void *frame, size_t n)
{
	struct mbuf *m = m_devget(frame, n, 0);

	if (m == NULL)
		return;
	netisr_enter();
	epoch_enter();
	if_input(t->t_ifp, m);
	epoch_exit();
	netisr_exit();
}

static inline int
testif_setlink(struct ifnet *ifp, const char *link)
{
	struct testif *t = ifp->if_softc;

	return strlcpy(t->t_link, link, sizeof(t->t_link)) >=
	    sizeof(t->t_link) ? ENAMETOOLONG : 0;
}

static inline int
testif_destroy(struct ifnet *ifp)
{
	if_detach(ifp);
	if_rele(ifp);
	return 0;
}

static inline void
testif_fini(struct ifnet *ifp)
{
	struct testif *t = ifp->if_softc;

	testif_flush(t);
	spin_fini(&t->t_lock);
	kmem_free(t, sizeof(*t));
	testif_freed++;
}

static const struct ifops testif_ops = {
	.ifo_kind = "test",
	.ifo_transmit = testif_transmit,
	.ifo_setlink = testif_setlink,
	.ifo_destroy = testif_destroy,
	.ifo_fini = testif_fini,
};

/* With address 02:00:00:00:00:nn, attached; its one reference is the driver's. */
static inline int
testif_create(struct vnet *vn, const char *name, uint32_t caps, uint8_t nn,
    struct testif **tp)
{
	struct testif *t = kmem_zalloc(sizeof(*t), 0);
	struct ifnet *ifp;
	int error;

	if (t == NULL)
		return ENOMEM;
	t->t_tail = &t->t_head;
	spin_init(&t->t_lock, &testif_lc);
	ifp = if_alloc(&testif_ops, &ether_ltype, t);
	if (ifp == NULL) {
		kmem_free(t, sizeof(*t));
		return ENOMEM;
	}
	t->t_ifp = ifp;
	ifp->if_caps = caps;
	ifp->if_maxmtu = 9000;
	ifp->if_hwaddr[0] = 2;
	ifp->if_hwaddr[5] = nn;
	error = if_attach(vn, ifp, name);
	if (error != 0)
		if_rele(ifp);
	else
		*tp = t;
	return error;
}

static inline int
testif_clone(struct vnet *vn, const char *name)
{
	struct testif *t;

	return testif_create(vn, name, 0, 1, &t);
}

static inline struct testif *
testif_of(const char *name)
{
	struct ifnet *ifp = if_byname(curvnet(), name);

	return ifp != NULL ? ifp->if_softc : NULL;
}

static inline int
testif_register(void)
{
	static struct if_cloner cloner = {
		.ifc_kind = "test",
		.ifc_create = testif_clone,
	};

	return if_cloner_register(&cloner);
}

#endif
