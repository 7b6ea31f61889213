/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rtnetlink between its files: rtnetlink(7). Each kind of object has a file with its
 * requests, its dump, and its notifications.
 */
#ifndef RTNL_H
#define RTNL_H

#include <linux/rtnetlink.h>

#include "netlink.h"

/* What is to be done for RTM_NEWx, DELx, GETx, SETx; NULL: EOPNOTSUPP. */
struct rtnl_ops {
	int (*ro_new)(struct nlreq *rq);
	int (*ro_del)(struct nlreq *rq);
	int (*ro_get)(struct nlreq *rq);
	int (*ro_set)(struct nlreq *rq);
	int (*ro_dump)(struct nldump *nd, struct nlbuf *nb);
	int (*ro_setup)(struct nldump *nd);
};

extern const struct rtnl_ops rtnl_link_ops, rtnl_addr_ops, rtnl_route_ops,
    rtnl_neigh_ops, rtnl_rule_ops;

/* The family of a request. */
static inline uint8_t
rtnl_family(const struct nlreq *rq)
{
	return rq->rq_data[0];
}

static inline bool
family_known(int family)
{
	return family == AF_INET || family == AF_INET6;
}

static inline size_t
addr_size(int family)
{
	return family == AF_INET ? 4 : 16;
}

/* An address of an attribute, of exactly a family's length. @return EINVAL */
int rtnl_addr_get(struct nlreq *rq, const struct nlattr_ref *na, int family,
    union inaddr *a);
void rtnl_addr_put(struct nlbuf *nb, uint16_t type, int family,
    const union inaddr *a);

/*
 * Tell the members of a group, if there are any. fn fills the buffer.
 */
void rtnl_notify(struct vnet *vn, unsigned group,
    void (*fn)(struct nlbuf *nb, const void *arg), const void *arg);

/* rtnl_neigh.c */
void rtnl_neigh_init(void);

/* News: ifnet_lock is held, but for neighbours (any). */
void rtnl_link_event(struct ifnet *ifp, int event);
void rtnl_addr_event(struct ifaddr *ifa, bool gone);
void rtnl_route_event(struct vnet *vn, const struct route_entry *re,
    bool added);

/* A duration in Linux' clock ticks for users. */
static inline uint32_t
rtnl_ticks(nstime_t ns)
{
	return ns < 0 ? 0 : (uint32_t)(ns / (NS_PER_SEC / 100));
}

#endif
