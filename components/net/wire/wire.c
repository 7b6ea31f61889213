/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * wire: an Ethernet cable between two interfaces of this kernel.
 *
 * What an end transmits goes into the other end's queue, by reference, with
 * its offload state: the section that transmitted drives the queue when it
 * ends, and so does the receiving side's input.
 *
 * A wire lives while one of its interfaces does; both are taken away together.
 */
#include <kern/assert.h>
#include <kern/ifnet.h>
#include <kern/kmem.h>
#include <kern/string.h>
#include <rump/net/wire.h>

int wire_init(void);

#define WIRE_QLEN	8192		/* packets */
#define WIRE_GSOMAX	65600		/* any IP packet, with its link header */
#define WIRE_MAXMTU	65535

/*
 * I  immutable   a  atomic
 */
struct wire_end {
	struct netqueue we_nq;		/* what it receives */
	struct ifnet *we_ifp;		/* [I] */
	struct wire *we_wire;		/* [I] */
	_Atomic bool we_up;		/* [a] takes packets */
};

struct wire {
	struct wire_end w_end[2];
	_Atomic uint32_t w_refs;	/* [a] interfaces */
	bool w_cut;			/* [wire_lock] */
};

static struct lock_class wire_lc = LOCK_CLASS("wire", 0);
static struct kmutex wire_lock;		/* one is cut at a time */

static struct wire_end *
wire_peer(struct wire_end *we)
{
	return &we->we_wire->w_end[we == &we->we_wire->w_end[0]];
}

/* What the other side's stack knows of a packet is nothing of this side's. */
static void
wire_forget(struct mbuf *m)
{
	m->m_ph.ph_flags = 0;
	m->m_ph.ph_mark = 0;
	m->m_ph.ph_priority = 0;
	m->m_ph.ph_ifp = NULL;
}

static int
wire_transmit(struct ifnet *ifp, struct mbuf *m, unsigned *sent)
{
	struct wire_end *peer = wire_peer(ifp->if_softc);
	struct mbuf *next;
	int error = 0;

	*sent = 0;
	if (!atomic_load_explicit(&peer->we_up, memory_order_relaxed)) {
		/* No light at the other end: nobody notices. */
		for (next = m; next != NULL; next = next->m_nextpkt)
			(*sent)++;
		m_freelist(m);
		return 0;
	}
	for (; m != NULL && error == 0; m = next) {
		next = m->m_nextpkt;
		m->m_nextpkt = NULL;
		wire_forget(m);
		error = netqueue_put(&peer->we_nq, m);
		if (error == 0)
			(*sent)++;
	}
	m_freelist(m);
	return error;
}

static void
wire_input(struct netqueue *nq, struct mbuf *batch)
{
	struct wire_end *we = container_of(nq, struct wire_end, we_nq);

	if (atomic_load_explicit(&we->we_up, memory_order_relaxed))
		if_input(we->we_ifp, batch);
	else
		m_freelist(batch);
}

static int
wire_up(struct ifnet *ifp)
{
	struct wire_end *we = ifp->if_softc;

	atomic_store_explicit(&we->we_up, true, memory_order_relaxed);
	return 0;
}

static void
wire_down(struct ifnet *ifp)
{
	struct wire_end *we = ifp->if_softc;

	atomic_store_explicit(&we->we_up, false, memory_order_relaxed);
}

static void
wire_rele(struct wire *w)
{
	int i;

	if (atomic_fetch_sub_explicit(&w->w_refs, 1,
	    memory_order_acq_rel) != 1)
		return;
	for (i = 0; i < 2; i++)
		netqueue_fini(&w->w_end[i].we_nq);
	kmem_free(w, sizeof(*w));
}

static int
wire_destroy(struct ifnet *ifp)
{
	struct wire_end *we = ifp->if_softc;
	struct wire *w = we->we_wire;
	int i;

	mutex_enter(&wire_lock);
	if (!w->w_cut) {
		w->w_cut = true;
		for (i = 0; i < 2; i++)
			if_detach(w->w_end[i].we_ifp);
		for (i = 0; i < 2; i++)
			if_rele(w->w_end[i].we_ifp);
	}
	mutex_exit(&wire_lock);
	return 0;
}

static void
wire_fini(struct ifnet *ifp)
{
	struct wire_end *we = ifp->if_softc;

	wire_rele(we->we_wire);
}

static const struct ifops wire_ops = {
	.ifo_kind = "wire",
	.ifo_transmit = wire_transmit,
	.ifo_up = wire_up,
	.ifo_down = wire_down,
	.ifo_destroy = wire_destroy,
	.ifo_fini = wire_fini,
};

/* An interface of a wire, not attached; it holds the wire. */
static int
wire_end_create(struct wire *w, int i)
{
	struct wire_end *we = &w->w_end[i];
	struct ifnet *ifp;

	ifp = if_alloc(&wire_ops, &ether_ltype, we);
	if (ifp == NULL)
		return ENOMEM;
	we->we_ifp = ifp;
	we->we_wire = w;
	atomic_fetch_add_explicit(&w->w_refs, 1, memory_order_relaxed);
	ifp->if_caps = IFCAP_CSUM | IFCAP_TSO | IFCAP_USO | IFCAP_SG |
	    IFCAP_RXCSUM;
	ifp->if_gsomax = WIRE_GSOMAX;
	ifp->if_minmtu = ETH_MIN_MTU;
	ifp->if_maxmtu = WIRE_MAXMTU;
	ether_randaddr(ifp->if_hwaddr);
	return 0;
}

/* One reference: the caller's. */
static int
wire_alloc(struct wire **wp)
{
	struct wire *w;
	int error;

	w = kmem_zalloc(sizeof(*w), 0);
	if (w == NULL)
		return ENOMEM;
	atomic_init(&w->w_refs, 1);
	error = netqueue_init(&w->w_end[0].we_nq, WIRE_QLEN, wire_input);
	if (error != 0)
		goto fail_free;
	error = netqueue_init(&w->w_end[1].we_nq, WIRE_QLEN, wire_input);
	if (error != 0)
		goto fail_queue;
	*wp = w;
	return 0;
fail_queue:
	netqueue_fini(&w->w_end[0].we_nq);
fail_free:
	kmem_free(w, sizeof(*w));
	return error;
}

static int
wire_create(struct vnet *vn[2], const char *const name[2])
{
	struct wire *w;
	int error, made = 0;

	error = wire_alloc(&w);
	if (error != 0)
		return error;
	for (; made < 2; made++) {
		error = wire_end_create(w, made);
		if (error != 0)
			goto fail_ends;
	}
	/* Not to be cut before both are there. */
	mutex_enter(&wire_lock);
	error = if_attach(vn[0], w->w_end[0].we_ifp, name[0]);
	if (error == 0) {
		error = if_attach(vn[1], w->w_end[1].we_ifp, name[1]);
		if (error != 0)
			if_detach(w->w_end[0].we_ifp);
	}
	w->w_cut = error != 0;
	mutex_exit(&wire_lock);
	if (error == 0) {
		wire_rele(w);
		return 0;
	}
fail_ends:
	while (made-- > 0)
		if_rele(w->w_end[made].we_ifp);
	wire_rele(w);
	return error;
}

int
rump_pub_wire_create(uint64_t vnet_a, const char *name_a, uint64_t vnet_b,
    const char *name_b)
{
	const char *const names[2] = { name_a, name_b };
	struct vnet *vn[2];
	int error;

	if (name_a == NULL || name_b == NULL)
		return EFAULT;
	(void)curlwp_get();
	error = vnet_find(vnet_a, &vn[0]);
	if (error != 0)
		return error;
	error = vnet_find(vnet_b, &vn[1]);
	if (error == 0) {
		error = wire_create(vn, names);
		vnet_leave(vn[1]);
	}
	vnet_leave(vn[0]);
	return error;
}

int
rump_pub_wire_destroy(uint64_t vnet, const char *name)
{
	struct vnet *vn;
	struct ifnet *ifp;
	int error;

	if (name == NULL)
		return EFAULT;
	(void)curlwp_get();
	error = vnet_find(vnet, &vn);
	if (error != 0)
		return error;
	epoch_enter();
	ifp = if_byname(vn, name);
	if (ifp != NULL && ifp->if_ops == &wire_ops)
		if_hold(ifp);
	else
		error = ENODEV;
	epoch_exit();
	if (error == 0) {
		error = wire_destroy(ifp);
		if_rele(ifp);
	}
	vnet_leave(vn);
	return error;
}

/* ip link add wire0 type wire: its other end gets the next number. */
static int
wire_clone(struct vnet *vn, const char *name)
{
	struct vnet *both[2] = { vn, vn };
	const char *const names[2] = { name, "wire%d" };

	return wire_create(both, names);
}

static struct if_cloner wire_cloner = {
	.ifc_kind = "wire",
	.ifc_create = wire_clone,
};

int
wire_init(void)
{

	mutex_init(&wire_lock, &wire_lc);
	return if_cloner_register(&wire_cloner);
}
