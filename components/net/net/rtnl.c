/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rtnetlink: which request is whose, and who may make it.
 */
#include "neigh.h"
#include "rtnl.h"

static const struct {
	uint16_t o_base;		/* RTM_NEWx */
	const struct rtnl_ops *o_ops;
} objects[] = {
	{ RTM_NEWLINK, &rtnl_link_ops },
	{ RTM_NEWADDR, &rtnl_addr_ops },
	{ RTM_NEWROUTE, &rtnl_route_ops },
	{ RTM_NEWNEIGH, &rtnl_neigh_ops },
	{ RTM_NEWRULE, &rtnl_rule_ops },
};

static const struct rtnl_ops *
ops_of(uint16_t type)
{
	size_t i;

	for (i = 0; i < sizeof(objects) / sizeof(objects[0]); i++)
		if (objects[i].o_base == (type & ~3u))
			return objects[i].o_ops;
	return NULL;
}

static int
rtnl_request(struct nlreq *rq)
{
	const struct rtnl_ops *ro = ops_of(rq->rq_hdr.nlmsg_type);
	int (*fn)(struct nlreq *rq) = NULL;
	unsigned kind = rq->rq_hdr.nlmsg_type & 3;
	int error;

	if (ro == NULL)
		return EOPNOTSUPP;
	/* As Linux: what has no family has no answer. */
	if (rq->rq_len < sizeof(struct rtgenmsg))
		return 0;
	if (kind != RTM_GETLINK % 4) {
		error = nl_privileged(rq);
		if (error != 0)
			return error;
	}
	switch (kind) {
	case RTM_NEWLINK % 4:
		fn = ro->ro_new;
		break;
	case RTM_DELLINK % 4:
		fn = ro->ro_del;
		break;
	case RTM_GETLINK % 4:
		if ((rq->rq_hdr.nlmsg_flags & NLM_F_DUMP) != 0)
			return nl_dump(rq, ro->ro_dump, ro->ro_setup);
		fn = ro->ro_get;
		break;
	case RTM_SETLINK % 4:
		fn = ro->ro_set;
		break;
	}
	return fn != NULL ? fn(rq) : EOPNOTSUPP;
}

const struct nlproto rtnl_proto = {
	.nlp_protocol = NETLINK_ROUTE,
	.nlp_groups = RTNLGRP_MAX,
	.nlp_request = rtnl_request,
};
_Static_assert(RTNLGRP_MAX <= NL_GROUPS, "groups of rtnetlink");

/* ---- Addresses ------------------------------------------------------------------------ */

int
rtnl_addr_get(struct nlreq *rq, const struct nlattr_ref *na, int family,
    union inaddr *a)
{
	if (na->na_len != addr_size(family))
		return nl_fail_attr(rq, EINVAL, na, "Invalid address length");
	*a = (union inaddr){ .a64 = { 0, 0 } };
	memcpy(a->a8, na->na_data, na->na_len);
	return 0;
}

void
rtnl_addr_put(struct nlbuf *nb, uint16_t type, int family,
    const union inaddr *a)
{
	nl_put(nb, type, a->a8, addr_size(family));
}

/* ---- Notifications -------------------------------------------------------------------- */

void
rtnl_notify(struct vnet *vn, unsigned group,
    void (*fn)(struct nlbuf *nb, const void *arg), const void *arg)
{
	struct nlbuf nb = { .nb_size = 4096 };

	if (!nl_heard(vn, group))
		return;
	for (;; nb.nb_size *= 8) {
		nb.nb_buf = kmem_alloc(nb.nb_size, KM_NORECLAIM);
		if (nb.nb_buf == NULL)
			break;
		fn(&nb, arg);
		if (!nb.nb_full || nb.nb_size > MCLJUMBO)
			break;
		kmem_free(nb.nb_buf, nb.nb_size);
	}
	if (nb.nb_buf != NULL && nb.nb_len > 0)
		nl_notify(vn, group, nb.nb_buf, nb.nb_len);
	else
		nl_notify_lost(vn, group);
	kmem_free(nb.nb_buf, nb.nb_size);
}

static void
if_news(struct ifnet *ifp, int event, struct ifaddr *ifa)
{
	switch (event) {
	case IFE_ADDR_NEW:
	case IFE_ADDR_DEL:
		rtnl_addr_event(ifa, event == IFE_ADDR_DEL);
		break;
	default:
		rtnl_link_event(ifp, event);
		break;
	}
}

static struct netproto listener = {
	.np_event = if_news,
	.np_slot = VNET_NETLINK,
};
static struct route_listener route_news = {
	.rl_event = rtnl_route_event,
};

void
rtnl_init(void)
{
	netproto_register(&listener);
	route_listen(&route_news);
	rtnl_neigh_init();
}
