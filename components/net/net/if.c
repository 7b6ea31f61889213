/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interfaces: memory, look-ups, counters.
 *
 * An interface that lost its last reference is freed by a kernel thread, when no
 * epoch that saw it is open: if_rele() is called with any lock held.
 */
#include <kern/random.h>

#include "net.h"

static struct lock_class dead_lc = LOCK_CLASS("dead interfaces", 0);
static struct kspin dead_lock;
static struct list dead = LIST_INITIALIZER(dead);	/* [dead_lock] if_link */
static struct workqueue *if_wq;
static struct work reaper;

static void
if_reap(struct work *wk __maybe_unused)
{
	struct list todo, *n, *t;
	struct ifnet *ifp;

	list_init(&todo);
	spin_lock(&dead_lock);
	list_concat(&todo, &dead);
	spin_unlock(&dead_lock);
	epoch_synchronize();
	LIST_FOREACH_SAFE(n, &todo, t) {
		ifp = container_of(n, struct ifnet, if_link);
		if (ifp->if_ops->ifo_fini != NULL)
			ifp->if_ops->ifo_fini(ifp);
		kmem_free(ifp->if_priv, sizeof(*ifp->if_priv));
		kmem_free(ifp, sizeof(*ifp));
	}
}

static void
if_free(struct ifnet *ifp)
{
	spin_lock(&dead_lock);
	list_insert_tail(&dead, &ifp->if_link);
	spin_unlock(&dead_lock);
	(void)workqueue_enqueue(if_wq, &reaper);
}

int
if_init(void)
{
	spin_init(&dead_lock, &dead_lc);
	work_init(&reaper, if_reap);
	return workqueue_create("ifnet", 1, &if_wq);
}

struct ifnet *
if_alloc(const struct ifops *ops, const struct ifltype *lt, void *softc)
{
	struct ifnet *ifp;

	ifp = kmem_zalloc(sizeof(*ifp), 0);
	if (ifp == NULL)
		return NULL;
	ifp->if_priv = kmem_zalloc(sizeof(*ifp->if_priv), 0);
	if (ifp->if_priv == NULL) {
		kmem_free(ifp, sizeof(*ifp));
		return NULL;
	}
	ifp->if_priv->fp_carrier = true;
	ifp->if_ops = ops;
	ifp->if_ltype = lt;
	ifp->if_softc = softc;
	ifp->if_free = if_free;
	list_node_init(&ifp->if_link);
	atomic_init(&ifp->if_refs, 1);
	ifp->if_txqlen = 1000;
	if (lt->ilt_type == ARPHRD_ETHER) {
		memset(ifp->if_hwbcast, 0xff, ETH_ALEN);
		atomic_init(&ifp->if_flags, IFF_BROADCAST | IFF_MULTICAST);
		atomic_init(&ifp->if_mtu, ETH_DATA_LEN);
		ifp->if_minmtu = ETH_MIN_MTU;
		ifp->if_maxmtu = ETH_DATA_LEN;
	}
	return ifp;
}

void
ether_randaddr(uint8_t addr[6])
{
	(void)random_bytes(addr, ETH_ALEN);
	addr[0] = (addr[0] & 0xfe) | 0x02;
}

void
ifnet_lock(struct vnet *vn)
{
	mutex_enter(&net_vnet(vn)->nv_lock);
}

void
ifnet_unlock(struct vnet *vn)
{
	mutex_exit(&net_vnet(vn)->nv_lock);
}

/* ---- Look-ups -------------------------------------------------------------- */

static inline struct ifnet *
if_first(struct vnet *vn)
{
	return atomic_load_explicit(&net_vnet(vn)->nv_ifs,
	    memory_order_acquire);
}

static inline struct ifnet *
if_after(struct ifnet *ifp)
{
	return atomic_load_explicit(&ifp->if_next, memory_order_acquire);
}

struct ifnet *
if_next(struct vnet *vn, uint32_t index)
{
	struct ifnet *ifp;

	for (ifp = if_first(vn); ifp != NULL; ifp = if_after(ifp))
		if (ifp->if_index > index)
			return ifp;
	return NULL;
}

struct ifnet *
if_byindex(struct vnet *vn, uint32_t index)
{
	struct ifnet *ifp;

	if (index == 0)
		return NULL;
	ifp = if_next(vn, index - 1);
	return ifp != NULL && ifp->if_index == index ? ifp : NULL;
}

/* A rename may happen meanwhile: byte by byte. */
static bool
if_named(const struct ifnet *ifp, const char *name)
{
	unsigned i;

	for (i = 0; i < IFNAMSIZ; i++) {
		if (__atomic_load_n(&ifp->if_name[i], __ATOMIC_RELAXED) !=
		    name[i])
			return false;
		if (name[i] == '\0')
			return true;
	}
	return false;
}

struct ifnet *
if_byname(struct vnet *vn, const char *name)
{
	struct ifnet *ifp;

	for (ifp = if_first(vn); ifp != NULL; ifp = if_after(ifp))
		if (if_named(ifp, name))
			return ifp;
	return NULL;
}

struct ifnet *
if_loopback(struct vnet *vn)
{
	return net_vnet(vn)->nv_lo;
}

/* As Linux' names are: no path, no alias, no space. */
bool
if_name_valid(const char *name)
{
	size_t n = strnlen(name, IFNAMSIZ), i;

	if (n == 0 || n == IFNAMSIZ || strcmp(name, ".") == 0 ||
	    strcmp(name, "..") == 0)
		return false;
	for (i = 0; i < n; i++)
		if (name[i] == '/' || name[i] == ':' || name[i] == ' ' ||
		    (name[i] >= '\t' && name[i] <= '\r'))
			return false;
	return true;
}

uint64_t
if_stat(const struct ifnet *ifp, enum ifstat s)
{
	uint64_t n = 0;
	unsigned i;

	for (i = 0; i < IFSTRIPES; i++)
		n += atomic_load_explicit(&((struct ifnet *)(uintptr_t)ifp)->
		    if_stats[i].is_n[s], memory_order_relaxed);
	return n;
}
