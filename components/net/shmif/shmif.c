/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shmif: Ethernet between processes, over a file that all of them map.
 *
 * This file is the interface; the bus is in the others: shmif_join.c who is on
 * it, shmif_tx.c and shmif_rx.c the rings, shmif_bell.c waking.
 */
#include <kern/string.h>
#include <kern/time.h>
#include <rump/net/shmif.h>

#include "shmif.h"

int shmif_init(void);

#define SHMIF_MAXMTU	65535

static struct shmif_bus *
bus_of(struct ifnet *ifp)
{
	struct shmif_softc *sc = ifp->if_softc;

	return atomic_load_explicit(&sc->sc_bus, memory_order_acquire);
}

/* What the interface takes now. */
static void
announce(struct ifnet *ifp, bool up, const uint8_t *hw)
{
	struct shmif_softc *sc = ifp->if_softc;
	struct shmif_bus *b = bus_of(ifp);
	uint32_t flags = sc->sc_announce;

	if (b == NULL)
		return;
	if (up)
		flags |= SHMIF_UP;
	if (if_is(ifp, IFF_PROMISC))
		flags |= SHMIF_PROMISC;
	shmif_announce(b, flags, hw);
}

static int
shmif_up(struct ifnet *ifp)
{
	announce(ifp, true, ifp->if_hwaddr);
	return 0;
}

static void
shmif_down(struct ifnet *ifp)
{
	announce(ifp, false, ifp->if_hwaddr);
}

static void
shmif_setfilter(struct ifnet *ifp)
{
	announce(ifp, if_is(ifp, IFF_UP), ifp->if_hwaddr);
}

static int
shmif_sethwaddr(struct ifnet *ifp, const uint8_t *addr)
{
	announce(ifp, if_is(ifp, IFF_UP), addr);
	return 0;
}

static int
shmif_transmit(struct ifnet *ifp, struct mbuf *m, unsigned *sent)
{
	struct shmif_bus *b = bus_of(ifp);

	if (b == NULL) {
		*sent = 0;
		m_freelist(m);
		return ENETDOWN;
	}
	return shmif_bus_transmit(b, m, sent);
}

/* ---- Who waits drives ------------------------------------------------------------ */

static unsigned
shmif_poll(struct ifnet *ifp, unsigned budget)
{
	struct shmif_bus *b = bus_of(ifp);

	return b != NULL ? shmif_bus_poll(b, budget) : 0;
}

static int
shmif_park(struct ifnet *ifp, _Atomic uint32_t *word, uint32_t expected,
    nstime_t deadline)
{
	return shmif_bell_park(bus_of(ifp), word, expected, deadline);
}

static bool
shmif_drive(struct ifnet *ifp, bool on)
{
	struct shmif_bus *b = bus_of(ifp);

	return b != NULL && shmif_bell_drive(b, on);
}

/* ---- Coming and going -------------------------------------------------------------- */

/* An address that two processes drew (RUMP_SEED) is one too few. */
static void
unique_hwaddr(struct ifnet *ifp, struct shmif_bus *b)
{
	uint8_t hw[ETH_ALEN];
	unsigned i;

	memcpy(hw, ifp->if_hwaddr, sizeof(hw));
	for (i = 0; i < SHMIF_MEMBERS && shmif_taken(b, hw); i++)
		hw[ETH_ALEN - 1]++;
	if (memcmp(hw, ifp->if_hwaddr, sizeof(hw)) != 0)
		(void)if_sethwaddr(ifp, hw);
}

/* Once: a bus is left with the interface. */
static int
shmif_setlink(struct ifnet *ifp, const char *link)
{
	struct shmif_softc *sc = ifp->if_softc;
	struct shmif_bus *b;
	int error;

	if (bus_of(ifp) != NULL)
		return EBUSY;
	if (link == NULL || link[0] == '\0')
		return EINVAL;
	error = shmif_join(ifp, link, sc->sc_announce, &b);
	if (error != 0)
		return error;
	atomic_store_explicit(&sc->sc_bus, b, memory_order_release);
	unique_hwaddr(ifp, b);
	if (if_is(ifp, IFF_UP))
		announce(ifp, true, ifp->if_hwaddr);
	return 0;
}

static int
shmif_destroy(struct ifnet *ifp)
{
	struct shmif_softc *sc = ifp->if_softc;
	struct shmif_bus *b;

	if (atomic_exchange_explicit(&sc->sc_gone, true,
	    memory_order_relaxed))
		return 0;
	if_detach(ifp);
	b = bus_of(ifp);
	if (b != NULL)
		shmif_leave(b);
	if_rele(ifp);
	return 0;
}

static void
shmif_fini(struct ifnet *ifp)
{
	struct shmif_softc *sc = ifp->if_softc;
	struct shmif_bus *b = bus_of(ifp);

	if (b != NULL)
		shmif_bus_rele(b);
	kmem_free(sc, sizeof(*sc));
}

static const struct ifops shmif_ops = {
	.ifo_kind = "shmif",
	.ifo_transmit = shmif_transmit,
	.ifo_up = shmif_up,
	.ifo_down = shmif_down,
	.ifo_sethwaddr = shmif_sethwaddr,
	.ifo_setfilter = shmif_setfilter,
	.ifo_poll = shmif_poll,
	.ifo_park = shmif_park,
	.ifo_drive = shmif_drive,
	.ifo_setlink = shmif_setlink,
	.ifo_destroy = shmif_destroy,
	.ifo_fini = shmif_fini,
};

/* An attached interface; the driver's reference is the caller's to use. */
static int
shmif_create(struct vnet *vn, const char *name, uint32_t announced,
    struct ifnet **ifpp)
{
	struct shmif_softc *sc;
	struct ifnet *ifp;
	int error;

	sc = kmem_zalloc(sizeof(*sc), 0);
	if (sc == NULL)
		return ENOMEM;
	ifp = if_alloc(&shmif_ops, &ether_ltype, sc);
	if (ifp == NULL) {
		kmem_free(sc, sizeof(*sc));
		return ENOMEM;
	}
	sc->sc_ifp = ifp;
	sc->sc_announce = announced;
	ifp->if_caps = IFCAP_CSUM | IFCAP_TSO | IFCAP_USO | IFCAP_SG |
	    IFCAP_RXCSUM;
	ifp->if_gsomax = SHMIF_FRAME_MAX;
	ifp->if_minmtu = ETH_MIN_MTU;
	ifp->if_maxmtu = SHMIF_MAXMTU;
	ether_randaddr(ifp->if_hwaddr);
	error = if_attach(vn, ifp, name);
	if (error != 0) {
		if_rele(ifp);
		return error;
	}
	*ifpp = ifp;
	return 0;
}

static int
shmif_clone(struct vnet *vn, const char *name)
{
	struct ifnet *ifp;

	return shmif_create(vn, name, SHMIF_LARGE | SHMIF_CSUM, &ifp);
}

static struct if_cloner shmif_cloner = {
	.ifc_kind = "shmif",
	.ifc_create = shmif_clone,
};

/* ---- For applications ----------------------------------------------------------------- */

int
rump_pub_shmif_create_with(const char *path, unsigned flags, int *ifnum)
{
	uint32_t announced = 0;
	struct ifnet *ifp;
	uint64_t number;
	int error = 0;

	if (ifnum == NULL)
		return EFAULT;
	if ((flags & ~(RUMP_SHMIF_NOLARGE | RUMP_SHMIF_NOCSUM)) != 0)
		return EINVAL;
	if ((flags & RUMP_SHMIF_NOCSUM) == 0)
		announced |= SHMIF_CSUM;
	if ((flags & (RUMP_SHMIF_NOLARGE | RUMP_SHMIF_NOCSUM)) == 0)
		announced |= SHMIF_LARGE;
	error = shmif_create(curvnet(), "shmif%d", announced, &ifp);
	if (error != 0)
		return error;
	error = strtou64(ifp->if_name + strlen("shmif"), 10, &number);
	if (error == 0 && path != NULL) {
		ifnet_lock(ifp->if_vnet);
		error = shmif_setlink(ifp, path);
		ifnet_unlock(ifp->if_vnet);
	}
	if (error != 0) {
		(void)shmif_destroy(ifp);
		return error;
	}
	*ifnum = (int)number;
	return 0;
}

int
rump_pub_shmif_create(const char *path, int *ifnum)
{
	return rump_pub_shmif_create_with(path, 0, ifnum);
}

int
shmif_init(void)
{
	return if_cloner_register(&shmif_cloner);
}
