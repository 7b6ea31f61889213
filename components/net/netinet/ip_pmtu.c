/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What was learned of paths' MTUs (RFC 1191): a bounded table by destination,
 * whose entries are forgotten after a while (6.3), read without a lock.
 *
 * An entry is replaced, never changed, so that a reader sees one or the other.
 */
#include <kern/assert.h>
#include <kern/kmem.h>
#include <kern/time.h>

#include "netinet.h"

#define BUCKETS		64u

struct pmtu {
	_Atomic(struct pmtu *) pm_next;
	uint32_t pm_dst, pm_mtu;	/* immutable, like pm_expires */
	nstime_t pm_expires;
	struct epoch_entry pm_epoch;
};

/*
 * p  ip_lock   a  atomic, written under ip_lock
 */
struct ip_pmtu {
	_Atomic uint32_t ip_count;		/* [a] */
	struct kspin ip_lock;
	uint32_t ip_hand;			/* [p] where to look for victims */
	_Atomic(struct pmtu *) ip_bucket[BUCKETS];	/* [a] */
};

static struct lock_class pmtu_lc = LOCK_CLASS("pmtu", 0);

int
ip_pmtu_init(struct vnet_inet *vi)
{
	vi->vi_pmtu = kmem_zalloc(sizeof(*vi->vi_pmtu), 0);
	if (vi->vi_pmtu == NULL)
		return ENOMEM;
	spin_init(&vi->vi_pmtu->ip_lock, &pmtu_lc);
	return 0;
}

static void
pmtu_free(struct epoch_entry *ee)
{
	kmem_free(container_of(ee, struct pmtu, pm_epoch),
	    sizeof(struct pmtu));
}

static inline struct pmtu *
next_of(_Atomic(struct pmtu *) *link)
{
	return atomic_load_explicit(link, memory_order_acquire);
}

/* ip_lock held. */
static void
pmtu_unlink(struct ip_pmtu *ip, _Atomic(struct pmtu *) *link)
{
	struct pmtu *pm = next_of(link);

	atomic_store_explicit(link, next_of(&pm->pm_next),
	    memory_order_release);
	atomic_fetch_sub_explicit(&ip->ip_count, 1, memory_order_relaxed);
	epoch_defer(&pm->pm_epoch, pmtu_free);
}

void
ip_pmtu_fini(struct vnet_inet *vi)
{
	struct ip_pmtu *ip = vi->vi_pmtu;
	unsigned i;

	if (ip == NULL)
		return;
	for (i = 0; i < BUCKETS; i++) {
		while (next_of(&ip->ip_bucket[i]) != NULL)
			pmtu_unlink(ip, &ip->ip_bucket[i]);
	}
	spin_fini(&ip->ip_lock);
	kmem_free(ip, sizeof(*ip));
}

static inline uint32_t
bucket(const struct vnet_inet *vi, uint32_t dst)
{
	return (uint32_t)((dst ^ vi->vi_key.sk[1]) * 0x9e3779b97f4a7c15u >>
	    58) % BUCKETS;
}

uint32_t
ip_pmtu(struct vnet_inet *vi, uint32_t dst)
{
	struct ip_pmtu *ip = vi->vi_pmtu;
	struct pmtu *pm;

	if (__likely(atomic_load_explicit(&ip->ip_count,
	    memory_order_relaxed) == 0))
		return UINT32_MAX;
	pm = next_of(&ip->ip_bucket[bucket(vi, dst)]);
	while (pm != NULL && pm->pm_dst != dst)
		pm = next_of(&pm->pm_next);
	return pm != NULL && mono_now() < pm->pm_expires ? pm->pm_mtu :
	    UINT32_MAX;
}

/* Room for one more: what has expired, else the oldest of a bucket. */
static void
pmtu_evict(struct ip_pmtu *ip)
{
	_Atomic(struct pmtu *) *link;
	unsigned i;

	for (i = 0; i < BUCKETS; i++) {
		link = &ip->ip_bucket[ip->ip_hand++ % BUCKETS];
		if (next_of(link) == NULL)
			continue;
		while (next_of(&next_of(link)->pm_next) != NULL)
			link = &next_of(link)->pm_next;
		pmtu_unlink(ip, link);
		return;
	}
}

void
ip_pmtu_learn(struct vnet_inet *vi, uint32_t dst, uint32_t mtu)
{
	struct ip_pmtu *ip = vi->vi_pmtu;
	_Atomic(struct pmtu *) *head = &ip->ip_bucket[bucket(vi, dst)], *link;
	struct pmtu *pm = kmem_zalloc(sizeof(*pm), KM_NORECLAIM);

	if (pm == NULL)
		return;
	pm->pm_dst = dst;
	pm->pm_mtu = MAX(mtu, (uint32_t)ip_conf(vi, IPC_min_pmtu));
	pm->pm_expires = mono_deadline((nstime_t)ip_conf(vi, IPC_mtu_expires) *
	    NS_PER_SEC);
	spin_lock(&ip->ip_lock);
	for (link = head; next_of(link) != NULL;
	    link = &next_of(link)->pm_next) {
		if (next_of(link)->pm_dst == dst) {
			pmtu_unlink(ip, link);
			break;
		}
	}
	while (atomic_load_explicit(&ip->ip_count, memory_order_relaxed) >=
	    ip_conf(vi, IPC_pmtu_max))
		pmtu_evict(ip);
	atomic_init(&pm->pm_next, next_of(head));
	atomic_store_explicit(head, pm, memory_order_release);
	atomic_fetch_add_explicit(&ip->ip_count, 1, memory_order_relaxed);
	spin_unlock(&ip->ip_lock);
}
