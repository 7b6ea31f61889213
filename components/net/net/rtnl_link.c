/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rtnetlink: interfaces (RTM_*LINK).
 */
#include <linux/if_link.h>

#include "rtnl.h"

#define OPER_UNKNOWN	0	/* IF_OPER_* of RFC 2863, as linux/if.h has them */
#define OPER_DOWN	2
#define OPER_UP		6

#define TSO_MAX		524280	/* where a driver names no limit */

static const struct nlpolicy link_policy[IFLA_MAX + 1] = {
	[IFLA_IFNAME] = { NLT_STRING, IFNAMSIZ - 1 },
	[IFLA_ALT_IFNAME] = { NLT_STRING, 127 },
	[IFLA_ADDRESS] = { NLT_BINARY, 32 },
	[IFLA_BROADCAST] = { NLT_BINARY, 32 },
	[IFLA_MTU] = { NLT_U32, 0 },
	[IFLA_TXQLEN] = { NLT_U32, 0 },
	[IFLA_LINK] = { NLT_U32, 0 },
	[IFLA_MASTER] = { NLT_U32, 0 },
	[IFLA_GROUP] = { NLT_U32, 0 },
	[IFLA_CARRIER] = { NLT_U8, 0 },
	[IFLA_OPERSTATE] = { NLT_U8, 0 },
	[IFLA_LINKMODE] = { NLT_U8, 0 },
	[IFLA_EXT_MASK] = { NLT_U32, 0 },
	[IFLA_PROMISCUITY] = { NLT_U32, 0 },
	[IFLA_NUM_TX_QUEUES] = { NLT_U32, 0 },
	[IFLA_NUM_RX_QUEUES] = { NLT_U32, 0 },
	[IFLA_IFALIAS] = { NLT_BINARY, 255 },
	[IFLA_NET_NS_PID] = { NLT_U32, 0 },
	[IFLA_NET_NS_FD] = { NLT_U32, 0 },
	[IFLA_LINKINFO] = { NLT_NESTED, 0 },
	[IFLA_AF_SPEC] = { NLT_NESTED, 0 },
	[IFLA_PROP_LIST] = { NLT_NESTED, 0 },
	[IFLA_PROTO_DOWN] = { NLT_U8, 0 },
};
static const struct nlpolicy info_policy[IFLA_INFO_MAX + 1] = {
	[IFLA_INFO_KIND] = { NLT_STRING, IFNAMSIZ },
	[IFLA_INFO_DATA] = { NLT_NESTED, 0 },
};

/* What nobody can set here. */
static const uint16_t refused[] = {
	IFLA_IFALIAS, IFLA_BROADCAST, IFLA_CARRIER, IFLA_NET_NS_PID,
	IFLA_NET_NS_FD, IFLA_PROP_LIST, IFLA_LINKMODE, IFLA_OPERSTATE,
	IFLA_PROTO_DOWN, IFLA_XDP, IFLA_VFINFO_LIST, IFLA_AF_SPEC,
};

/* ---- How an interface is shown ------------------------------------------------------- */

static void
put_stats(struct nlbuf *nb, const struct ifnet *ifp)
{
	struct rtnl_link_stats64 s = {
		.rx_packets = if_stat(ifp, IFS_RXPACKETS),
		.tx_packets = if_stat(ifp, IFS_TXPACKETS),
		.rx_bytes = if_stat(ifp, IFS_RXBYTES),
		.tx_bytes = if_stat(ifp, IFS_TXBYTES),
		.rx_errors = if_stat(ifp, IFS_RXERRORS),
		.tx_errors = if_stat(ifp, IFS_TXERRORS),
		.rx_dropped = if_stat(ifp, IFS_RXDROPS),
		.tx_dropped = if_stat(ifp, IFS_TXDROPS),
		.multicast = if_stat(ifp, IFS_RXMCAST),
		.rx_nohandler = if_stat(ifp, IFS_RXNOPROTO),
	};
	struct rtnl_link_stats s32 = {
		.rx_packets = (uint32_t)s.rx_packets,
		.tx_packets = (uint32_t)s.tx_packets,
		.rx_bytes = (uint32_t)s.rx_bytes,
		.tx_bytes = (uint32_t)s.tx_bytes,
		.rx_errors = (uint32_t)s.rx_errors,
		.tx_errors = (uint32_t)s.tx_errors,
		.rx_dropped = (uint32_t)s.rx_dropped,
		.tx_dropped = (uint32_t)s.tx_dropped,
		.multicast = (uint32_t)s.multicast,
		.rx_nohandler = (uint32_t)s.rx_nohandler,
	};

	nl_put(nb, IFLA_STATS64, &s, sizeof(s));
	nl_put(nb, IFLA_STATS, &s32, sizeof(s32));
}

static uint8_t
operstate(const struct ifnet *ifp)
{
	if (!if_is(ifp, IFF_UP))
		return OPER_DOWN;
	if (if_is(ifp, IFF_LOOPBACK))
		return OPER_UNKNOWN;
	return if_is(ifp, IFF_RUNNING) ? OPER_UP : OPER_DOWN;
}

static void
put_limits(struct nlbuf *nb, const struct ifnet *ifp)
{
	bool lo = if_is(ifp, IFF_LOOPBACK);

	nl_put_u32(nb, IFLA_MTU, if_mtu(ifp));
	nl_put_u32(nb, IFLA_MIN_MTU, ifp->if_minmtu);
	nl_put_u32(nb, IFLA_MAX_MTU, lo ? 0 : ifp->if_maxmtu);
	nl_put_u32(nb, IFLA_GROUP, 0);
	nl_put_u32(nb, IFLA_PROMISCUITY, if_is(ifp, IFF_PROMISC));
	nl_put_u32(nb, IFLA_ALLMULTI, if_is(ifp, IFF_ALLMULTI));
	nl_put_u32(nb, IFLA_NUM_TX_QUEUES, 1);
	nl_put_u32(nb, IFLA_GSO_MAX_SEGS, 65535);
	nl_put_u32(nb, IFLA_GSO_MAX_SIZE, 65536);
	nl_put_u32(nb, IFLA_GRO_MAX_SIZE, 65536);
	nl_put_u32(nb, IFLA_TSO_MAX_SIZE, ifp->if_gsomax != 0 ?
	    ifp->if_gsomax : TSO_MAX);
	nl_put_u32(nb, IFLA_TSO_MAX_SEGS, 65535);
	nl_put_u32(nb, IFLA_NUM_RX_QUEUES, 1);
}

/* ifnet_lock held. */
static void
put_link(struct nlbuf *nb, struct ifnet *ifp, uint32_t ext_mask)
{
	static const struct rtnl_link_ifmap map;
	uint8_t n = MIN(ifp->if_ltype->ilt_addrlen,
	    (uint8_t)sizeof(ifp->if_hwaddr));
	bool up = if_is(ifp, IFF_UP);
	size_t nest;

	nl_put_str(nb, IFLA_IFNAME, ifp->if_name);
	nl_put_u32(nb, IFLA_TXQLEN, ifp->if_txqlen);
	nl_put_u8(nb, IFLA_OPERSTATE, operstate(ifp));
	nl_put_u8(nb, IFLA_LINKMODE, 0);
	put_limits(nb, ifp);
	nl_put_u8(nb, IFLA_CARRIER, ifp->if_priv->fp_carrier &&
	    (up || if_is(ifp, IFF_LOOPBACK)));
	nl_put_str(nb, IFLA_QDISC, up || if_is(ifp, IFF_LOOPBACK) ?
	    "noqueue" : "noop");
	nl_put_u8(nb, IFLA_PROTO_DOWN, 0);
	nl_put(nb, IFLA_MAP, &map, sizeof(map));
	if (n > 0) {
		nl_put(nb, IFLA_ADDRESS, ifp->if_hwaddr, n);
		nl_put(nb, IFLA_BROADCAST, ifp->if_hwbcast, n);
	}
	if ((ext_mask & RTEXT_FILTER_SKIP_STATS) == 0)
		put_stats(nb, ifp);
	if (ifp->if_ops->ifo_kind != NULL && !if_is(ifp, IFF_LOOPBACK)) {
		nest = nl_nest(nb, IFLA_LINKINFO);
		nl_put_str(nb, IFLA_INFO_KIND, ifp->if_ops->ifo_kind);
		nl_nest_end(nb, nest);
	}
}

static void
fill_ifinfo(struct ifinfomsg *im, const struct ifnet *ifp, uint32_t change)
{
	im->ifi_family = AF_UNSPEC;
	im->ifi_type = ifp->if_ltype->ilt_type;
	im->ifi_index = (int)ifp->if_index;
	im->ifi_flags = if_flags(ifp);
	im->ifi_change = change;
}

/* ---- RTM_GETLINK ------------------------------------------------------------------------ */

static int
parse_link(struct nlreq *rq, struct ifinfomsg *im, struct nlattr_ref *tb)
{
	if (rq->rq_len < sizeof(*im))
		return nl_fail(rq, EINVAL, "Invalid header for link request");
	memcpy(im, rq->rq_data, sizeof(*im));
	return nl_parse_request(rq, sizeof(*im), tb, IFLA_MAX, link_policy);
}

/* The name that a request gives, or "". */
static void
name_of(const struct nlattr_ref *tb, char name[IFNAMSIZ])
{
	name[0] = '\0';
	if (tb[IFLA_IFNAME].na_data != NULL)
		nl_str(&tb[IFLA_IFNAME], name, IFNAMSIZ);
	else if (tb[IFLA_ALT_IFNAME].na_data != NULL)
		nl_str(&tb[IFLA_ALT_IFNAME], name, IFNAMSIZ);
}

/* ifnet_lock held. NULL: there is none. */
static struct ifnet *
find_link(struct vnet *vn, const struct ifinfomsg *im,
    const struct nlattr_ref *tb)
{
	char name[IFNAMSIZ];

	if (im->ifi_index > 0)
		return if_byindex(vn, (uint32_t)im->ifi_index);
	name_of(tb, name);
	return name[0] != '\0' ? if_byname(vn, name) : NULL;
}

static bool
names_none(const struct ifinfomsg *im, const struct nlattr_ref *tb)
{
	return im->ifi_index == 0 && tb[IFLA_IFNAME].na_data == NULL &&
	    tb[IFLA_ALT_IFNAME].na_data == NULL;
}

struct get {
	struct ifinfomsg g_im;
	struct nlattr_ref *g_tb;
	uint32_t g_mask;
};

static int
fill_get(struct nlbuf *nb, struct nlreq *rq, void *arg)
{
	struct vnet *vn = rq->rq_vnet;
	struct get *g = arg;
	struct ifnet *ifp;
	void *p;

	ifnet_lock(vn);
	ifp = find_link(vn, &g->g_im, g->g_tb);
	if (ifp != NULL) {
		p = nl_begin(nb, RTM_NEWLINK, 0, rq->rq_hdr.nlmsg_seq,
		    atomic_load(&rq->rq_nl->ns_portid),
		    sizeof(struct ifinfomsg));
		if (p != NULL) {
			fill_ifinfo(p, ifp, 0);
			put_link(nb, ifp, g->g_mask);
			(void)nl_end(nb);
		}
	}
	ifnet_unlock(vn);
	return ifp != NULL ? 0 : ENODEV;
}

static int
link_get(struct nlreq *rq)
{
	struct nlattr_ref tb[IFLA_MAX + 1];
	struct get g = { .g_tb = tb };
	int error;

	error = parse_link(rq, &g.g_im, tb);
	if (error == 0 && (g.g_im.ifi_index < 0 || names_none(&g.g_im, tb)))
		error = EINVAL;
	if (error != 0)
		return error;
	if (tb[IFLA_EXT_MASK].na_data != NULL)
		g.g_mask = nl_u32(&tb[IFLA_EXT_MASK]);
	return nl_reply(rq, fill_get, &g);
}

/* nd_at: index, ext_mask; nd_state: the kind that is wanted */
static int
link_setup(struct nldump *nd)
{
	struct nlattr_ref tb[IFLA_MAX + 1], info[IFLA_INFO_MAX + 1];
	struct nlreq *rq = &nd->nd_req;
	struct ifinfomsg im;
	int error;

	/* Old programs send struct rtgenmsg alone. */
	if (rq->rq_len < sizeof(im) && !rq->rq_strict)
		return 0;
	error = parse_link(rq, &im, tb);
	if (error != 0)
		return error;
	if (rq->rq_strict && im.ifi_index != 0)
		return nl_fail(rq, EINVAL,
		    "Filter by device index not supported for link dumps");
	if (tb[IFLA_EXT_MASK].na_data != NULL)
		nd->nd_at[1] = nl_u32(&tb[IFLA_EXT_MASK]);
	if (tb[IFLA_LINKINFO].na_data != NULL) {
		error = nl_parse_nested(rq, &tb[IFLA_LINKINFO], info,
		    IFLA_INFO_MAX, info_policy);
		if (error != 0)
			return error;
		if (info[IFLA_INFO_KIND].na_data != NULL)
			nl_str(&info[IFLA_INFO_KIND], (char *)nd->nd_state,
			    sizeof(nd->nd_state));
	}
	/* Nothing here has a master. */
	if (tb[IFLA_MASTER].na_data != NULL && nl_u32(&tb[IFLA_MASTER]) != 0)
		nd->nd_at[0] = UINT32_MAX;
	if (tb[IFLA_LINKINFO].na_data != NULL ||
	    tb[IFLA_MASTER].na_data != NULL)
		nd->nd_flags |= NLM_F_DUMP_FILTERED;
	return 0;
}

static bool
wanted(const struct nldump *nd, const struct ifnet *ifp)
{
	const char *kind = (const char *)nd->nd_state;

	return kind[0] == '\0' || (ifp->if_ops->ifo_kind != NULL &&
	    !if_is(ifp, IFF_LOOPBACK) &&
	    strcmp(ifp->if_ops->ifo_kind, kind) == 0);
}

static int
link_dump(struct nldump *nd, struct nlbuf *nb)
{
	struct vnet *vn = nd->nd_req.rq_vnet;
	struct ifnet *ifp;
	int error = 0;
	void *p;

	ifnet_lock(vn);
	while ((ifp = if_next(vn, (uint32_t)nd->nd_at[0])) != NULL) {
		if (wanted(nd, ifp)) {
			p = nl_dump_begin(nd, nb, RTM_NEWLINK,
			    sizeof(struct ifinfomsg));
			if (p != NULL) {
				fill_ifinfo(p, ifp, 0);
				put_link(nb, ifp, (uint32_t)nd->nd_at[1]);
			}
			if (!nl_end(nb)) {
				error = ENOBUFS;
				break;
			}
		}
		nd->nd_at[0] = ifp->if_index;
	}
	ifnet_unlock(vn);
	return error;
}

/* ---- Changes ------------------------------------------------------------------------------ */

static int
set_flags(struct ifnet *ifp, const struct ifinfomsg *im)
{
	uint32_t mask = im->ifi_change != 0 ? im->ifi_change : ~0u;

	if (im->ifi_flags == 0 && im->ifi_change == 0)
		return 0;
	return if_setflags(ifp, im->ifi_flags & mask, ~im->ifi_flags & mask);
}

static int
set_address(struct nlreq *rq, struct ifnet *ifp, const struct nlattr_ref *na)
{
	if (na->na_len < ifp->if_ltype->ilt_addrlen)
		return nl_fail_attr(rq, EINVAL, na, "Invalid address length");
	return if_sethwaddr(ifp, na->na_data);
}

static int
check_refused(struct nlreq *rq, const struct nlattr_ref *tb)
{
	size_t i;

	for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		if (tb[refused[i]].na_data != NULL)
			return nl_fail_attr(rq, EOPNOTSUPP, &tb[refused[i]],
			    "Setting is not supported");
	if (tb[IFLA_MASTER].na_data != NULL && nl_u32(&tb[IFLA_MASTER]) != 0)
		return nl_fail_attr(rq, EOPNOTSUPP, &tb[IFLA_MASTER],
		    "Interfaces have no master");
	if (tb[IFLA_GROUP].na_data != NULL && nl_u32(&tb[IFLA_GROUP]) != 0)
		return nl_fail_attr(rq, EOPNOTSUPP, &tb[IFLA_GROUP],
		    "Interfaces have no group");
	return 0;
}

/* In Linux' order. ifnet_lock held. */
static int
set_link(struct nlreq *rq, struct ifnet *ifp, const struct ifinfomsg *im,
    const struct nlattr_ref *tb)
{
	char name[IFNAMSIZ];
	int error;

	error = check_refused(rq, tb);
	if (error == 0 && tb[IFLA_ADDRESS].na_data != NULL)
		error = set_address(rq, ifp, &tb[IFLA_ADDRESS]);
	if (error == 0 && tb[IFLA_MTU].na_data != NULL) {
		error = if_setmtu(ifp, nl_u32(&tb[IFLA_MTU]));
		if (error == EINVAL)
			error = nl_fail(rq, EINVAL,
			    nl_u32(&tb[IFLA_MTU]) < ifp->if_minmtu ?
			    "mtu less than device minimum" :
			    "mtu greater than device maximum");
	}
	if (error == 0 && im->ifi_index > 0 &&
	    tb[IFLA_IFNAME].na_data != NULL) {
		name_of(tb, name);
		if (name[0] != '\0')
			error = if_setname(ifp, name);
	}
	if (error == 0)
		error = set_flags(ifp, im);
	if (error == 0 && tb[IFLA_TXQLEN].na_data != NULL &&
	    ifp->if_txqlen != nl_u32(&tb[IFLA_TXQLEN])) {
		ifp->if_txqlen = nl_u32(&tb[IFLA_TXQLEN]);
		if_event(ifp, IFE_CHANGE, NULL);
	}
	return error;
}

static int
link_set(struct nlreq *rq)
{
	struct nlattr_ref tb[IFLA_MAX + 1];
	struct ifinfomsg im;
	struct ifnet *ifp;
	int error;

	error = parse_link(rq, &im, tb);
	if (error == 0 && (im.ifi_index < 0 || names_none(&im, tb)))
		error = EINVAL;
	if (error != 0)
		return error;
	ifnet_lock(rq->rq_vnet);
	ifp = find_link(rq->rq_vnet, &im, tb);
	error = ifp == NULL ? ENODEV : set_link(rq, ifp, &im, tb);
	ifnet_unlock(rq->rq_vnet);
	return error;
}

/* Drivers that come and go must not do so in a section. */
static int
create(struct nlreq *rq, const char *kind, const char *name,
    uint32_t *index)
{
	int error;

	netisr_exit();
	error = if_create(rq->rq_vnet, kind, name[0] != '\0' ? name : NULL,
	    index);
	netisr_enter();
	if (error == ENXIO)
		return nl_fail(rq, EOPNOTSUPP, "Unknown device type");
	return error;
}

static int
destroy(struct nlreq *rq, const char *name)
{
	int error;

	netisr_exit();
	error = if_destroy(rq->rq_vnet, name);
	netisr_enter();
	return error == ENXIO ? ENODEV : error;
}

static int
create_link(struct nlreq *rq, struct ifinfomsg *im,
    const struct nlattr_ref *tb, const char *kind)
{
	char name[IFNAMSIZ];
	struct ifnet *ifp;
	uint32_t index;
	int error;

	if (kind[0] == '\0')
		return nl_fail(rq, EOPNOTSUPP, "Unknown device type");
	if (im->ifi_index != 0)
		return nl_fail(rq, EOPNOTSUPP,
		    "The index cannot be chosen");
	error = check_refused(rq, tb);
	if (error != 0)
		return error;
	name_of(tb, name);
	error = create(rq, kind, name, &index);
	if (error != 0)
		return error;
	ifnet_lock(rq->rq_vnet);
	ifp = if_byindex(rq->rq_vnet, index);
	if (ifp != NULL) {
		error = set_link(rq, ifp, im, tb);
		strlcpy(name, ifp->if_name, sizeof(name));
	}
	ifnet_unlock(rq->rq_vnet);
	if (error != 0)
		(void)destroy(rq, name);
	return error;
}

static int
kind_of(struct nlreq *rq, const struct nlattr_ref *tb, char *kind, size_t n)
{
	struct nlattr_ref info[IFLA_INFO_MAX + 1];
	int error = 0;

	kind[0] = '\0';
	if (tb[IFLA_LINKINFO].na_data != NULL) {
		error = nl_parse_nested(rq, &tb[IFLA_LINKINFO], info,
		    IFLA_INFO_MAX, info_policy);
		if (error == 0 && info[IFLA_INFO_KIND].na_data != NULL)
			nl_str(&info[IFLA_INFO_KIND], kind, n);
	}
	return error;
}

static int
change_existing(struct nlreq *rq, struct ifnet *ifp,
    const struct ifinfomsg *im, const struct nlattr_ref *tb,
    const char *kind)
{
	uint16_t flags = rq->rq_hdr.nlmsg_flags;

	if ((flags & NLM_F_EXCL) != 0)
		return EEXIST;
	if ((flags & NLM_F_REPLACE) != 0)
		return EOPNOTSUPP;
	if (kind[0] != '\0' && (ifp->if_ops->ifo_kind == NULL ||
	    strcmp(kind, ifp->if_ops->ifo_kind) != 0))
		return EOPNOTSUPP;
	return set_link(rq, ifp, im, tb);
}

static int
link_new(struct nlreq *rq)
{
	struct nlattr_ref tb[IFLA_MAX + 1];
	char kind[IFNAMSIZ + 1];
	struct ifinfomsg im;
	struct ifnet *ifp;
	int error;

	error = parse_link(rq, &im, tb);
	if (error == 0 && im.ifi_index < 0)
		error = nl_fail(rq, EINVAL, "ifindex can't be negative");
	if (error == 0)
		error = kind_of(rq, tb, kind, sizeof(kind));
	if (error != 0)
		return error;
	ifnet_lock(rq->rq_vnet);
	ifp = find_link(rq->rq_vnet, &im, tb);
	if (ifp != NULL)
		error = change_existing(rq, ifp, &im, tb, kind);
	ifnet_unlock(rq->rq_vnet);
	if (ifp != NULL)
		return error;
	if ((rq->rq_hdr.nlmsg_flags & NLM_F_CREATE) == 0)
		return ENODEV;
	return create_link(rq, &im, tb, kind);
}

static int
link_del(struct nlreq *rq)
{
	struct nlattr_ref tb[IFLA_MAX + 1];
	char name[IFNAMSIZ];
	struct ifinfomsg im;
	struct ifnet *ifp;
	int error;

	error = parse_link(rq, &im, tb);
	if (error == 0 && (im.ifi_index < 0 || names_none(&im, tb)))
		error = EINVAL;
	if (error != 0)
		return error;
	ifnet_lock(rq->rq_vnet);
	ifp = find_link(rq->rq_vnet, &im, tb);
	if (ifp != NULL)
		strlcpy(name, ifp->if_name, sizeof(name));
	ifnet_unlock(rq->rq_vnet);
	return ifp == NULL ? ENODEV : destroy(rq, name);
}

const struct rtnl_ops rtnl_link_ops = {
	.ro_new = link_new,
	.ro_del = link_del,
	.ro_get = link_get,
	.ro_set = link_set,
	.ro_dump = link_dump,
	.ro_setup = link_setup,
};

/* ---- Notifications -------------------------------------------------------------------------- */

struct event {
	struct ifnet *e_ifp;
	uint16_t e_type;
	uint32_t e_change;
};

static void
fill_event(struct nlbuf *nb, const void *arg)
{
	const struct event *e = arg;
	void *p;

	p = nl_begin(nb, e->e_type, 0, 0, 0, sizeof(struct ifinfomsg));
	if (p == NULL)
		return;
	fill_ifinfo(p, e->e_ifp, e->e_change);
	put_link(nb, e->e_ifp, 0);
	(void)nl_end(nb);
}

void
rtnl_link_event(struct ifnet *ifp, int event)
{
	struct event e = { .e_ifp = ifp, .e_type = RTM_NEWLINK };

	switch (event) {
	case IFE_DETACH:
		e.e_type = RTM_DELLINK;
		/* FALLTHROUGH */
	case IFE_ATTACH:
		e.e_change = ~0u;
		break;
	case IFE_UP:
	case IFE_DOWN:
		e.e_change = IFF_UP;
		break;
	}
	rtnl_notify(ifp->if_vnet, RTNLGRP_LINK, fill_event, &e);
}
