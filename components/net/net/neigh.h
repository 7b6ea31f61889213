/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Neighbours: of a network address, the link address.
 */
#ifndef NEIGH_H
#define NEIGH_H

#include <linux/neighbour.h>

#include "net.h"

/* Linux' defaults (arp(7)). */
#define NEIGH_REACHABLE_TIME	(30 * NS_PER_SEC)	/* halved .. times 1.5 */
#define NEIGH_DELAY_TIME	(5 * NS_PER_SEC)	/* before a probe */
#define NEIGH_RETRANS_TIME	NS_PER_SEC
#define NEIGH_PROBES		3	/* unicast; and broadcast */
#define NEIGH_FAILED_TIME	(60 * NS_PER_SEC)	/* it is remembered */
#define NEIGH_LOCK_TIME		NS_PER_SEC	/* an answer is not overridden */
#define NEIGH_QUEUE_PACKETS	64		/* per neighbour */
#define NEIGH_QUEUE_BYTES	212992
#define NEIGH_TABLE_BYTES	(4 << 20)	/* queued in a vnet */
#define NEIGH_TABLE_MAX		1024		/* neighbours of a vnet */

/* What neigh_update() is told. */
#define NEIGH_CREATE	0x1	/* make one where there is none */
#define NEIGH_OVERRIDE	0x2	/* another link address replaces the known */
#define NEIGH_ADMIN	0x4	/* a user's: permanent ones change, too */

/* A neighbour as it is set and listed. */
struct neigh_info {
	struct ifnet *ni_ifp;
	int ni_family;
	union inaddr ni_addr;
	uint8_t ni_lladdr[8];
	uint16_t ni_state;		/* NUD_* */
	nstime_t ni_confirmed, ni_updated;
};

/**
 * The link address of a neighbour became known (lladdr NULL: as it is), or its
 * state. @return ENOENT (without NEIGH_CREATE), ENOBUFS: the table is full, ENOMEM
 */
int neigh_update(struct ifnet *ifp, int family, const union inaddr *addr,
    const uint8_t *lladdr, uint16_t state, int flags);
/** @return ENOENT */
int neigh_delete(struct ifnet *ifp, int family, const union inaddr *addr);
/** @return ENOENT */
int neigh_get(struct ifnet *ifp, int family, const union inaddr *addr,
    struct neigh_info *ni);
/** Visit the nth and later ones until fn returns non-zero; the table's lock is
 * held. */
int neigh_walk(struct vnet *vn, unsigned nth,
    int (*fn)(const struct neigh_info *ni, void *arg), void *arg);

/** Who wants to know of changes (rtnetlink). Static storage. No lock is held. */
struct neigh_listener {
	void (*nl_event)(struct vnet *vn, const struct neigh_info *ni,
	    bool gone);
	_Atomic(struct neigh_listener *) nl_next;
};
void neigh_listen(struct neigh_listener *nl);

#endif
