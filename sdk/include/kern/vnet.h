/* SPDX-License-Identifier: BSD-2-Clause */
/** @file vnet.h
 * Network instances. Each process of the rump kernel belongs to one (p_vnet);
 * sockets and interfaces keep theirs for life. Components keep their state in
 * it, by slot: no file-scope variable of a component holds a stack's state.
 */
#ifndef KERN_VNET_H
#define KERN_VNET_H

#include <kern/epoch.h>
#include <kern/proc.h>
#include <kern/time.h>

/** A component's part of a vnet; fixed, so that access is one load. */
enum vnet_slot {
	VNET_NET,		/* interfaces, neighbours: net */
	VNET_ROUTE,		/* routing tables: net */
	VNET_NETLINK,		/* rtnetlink, sock_diag: net */
	VNET_INET,		/* netinet: IP, ICMP, fragments */
	VNET_INPCB,		/* netinet: connection tables */
	VNET_TCP,
	VNET_INET6,
	VNET_LOCAL,
	VNET_PACKET,
	VNET_OTHER0, VNET_OTHER1, VNET_OTHER2, VNET_OTHER3,
	VNET_SLOTS
};

/*
 * I  immutable   a  atomic   l  the list's lock
 */
struct vnet {
	void *vn_data[VNET_SLOTS];	/* [I] */
	uint64_t vn_id;			/* [I] 0: the first */
	_Atomic uint32_t vn_users;	/* [a] processes, handles: keep it up */
	_Atomic uint32_t vn_refs;	/* [a] everything that points here */
	_Atomic bool vn_kept;		/* [a] one user is the application */
	struct list vn_link;		/* [l] */
	struct work vn_work;
};

/**
 * A component's part. vo_init is called for each vnet, in the order of slots,
 * and for those that exist when it is registered; vo_shutdown, in reverse order,
 * when nobody uses the vnet any more: interfaces go down, timers stop, what holds
 * references gives them up. May sleep. vo_fini frees, when the last
 * reference is gone. Static storage.
 */
struct vnet_ops {
	enum vnet_slot vo_slot;
	int (*vo_init)(struct vnet *vn, void **datap);
	void (*vo_shutdown)(struct vnet *vn, void *data);
	void (*vo_fini)(struct vnet *vn, void *data);
};

/** @return what vo_init returned */
int vnet_register(const struct vnet_ops *vo);

extern struct vnet *vnet0;

/** @return ENOMEM, and what a vo_init returned. One user: the caller. */
int vnet_create(struct vnet **vnp);
/** Referenced for use (vnet_leave()). @return ENOENT */
int vnet_find(uint64_t id, struct vnet **vnp);
/** A user less; the last one shuts it down. Sleeps. */
void vnet_leave(struct vnet *vn);
struct vnet *vnet_hold(struct vnet *vn);
void vnet_rele(struct vnet *vn);
/** Visit all, with a use held, until fn returns non-zero. */
int vnet_walk(int (*fn)(struct vnet *vn, void *arg), void *arg);

/** The calling process's. Never NULL. */
static inline struct vnet *
curvnet(void)
{
	return curproc->p_vnet;
}

#endif
