/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rtnetlink: routes (RTM_*ROUTE).
 */
#include <kern/proc.h>

#include <linux/in_route.h>

#include "rtnl.h"

#define HOPS_MAX	256
#define VISITS		4096	/* routes that a dump passes before others may
				 * have the lock */

static const struct nlpolicy route_policy[RTA_MAX + 1] = {
	[RTA_DST] = { NLT_MIN, 4 },
	[RTA_SRC] = { NLT_MIN, 4 },
	[RTA_IIF] = { NLT_U32, 0 },
	[RTA_OIF] = { NLT_U32, 0 },
	[RTA_GATEWAY] = { NLT_MIN, 4 },
	[RTA_PRIORITY] = { NLT_U32, 0 },
	[RTA_PREFSRC] = { NLT_MIN, 4 },
	[RTA_METRICS] = { NLT_NESTED, 0 },
	[RTA_MULTIPATH] = { NLT_MIN, sizeof(struct rtnexthop) },
	[RTA_FLOW] = { NLT_U32, 0 },
	[RTA_TABLE] = { NLT_U32, 0 },
	[RTA_MARK] = { NLT_U32, 0 },
	[RTA_UID] = { NLT_U32, 0 },
	[RTA_IP_PROTO] = { NLT_U8, 0 },
	[RTA_SPORT] = { NLT_U16, 0 },
	[RTA_DPORT] = { NLT_U16, 0 },
	[RTA_NH_ID] = { NLT_U32, 0 },
};

/* The metrics that a next hop keeps. */
static const struct {
	uint8_t m_type;
	uint16_t m_at;
} metrics[] = {
	{ RTAX_MTU, offsetof(struct nexthop, nh_mtu) },
	{ RTAX_WINDOW, offsetof(struct nexthop, nh_window) },
	{ RTAX_ADVMSS, offsetof(struct nexthop, nh_advmss) },
	{ RTAX_HOPLIMIT, offsetof(struct nexthop, nh_hoplimit) },
	{ RTAX_INITCWND, offsetof(struct nexthop, nh_initcwnd) },
	{ RTAX_FEATURES, offsetof(struct nexthop, nh_features) },
	{ RTAX_RTO_MIN, offsetof(struct nexthop, nh_rtomin) },
	{ RTAX_INITRWND, offsetof(struct nexthop, nh_initrwnd) },
};
#define NMETRICS (sizeof(metrics) / sizeof(metrics[0]))

static inline uint32_t *
metric(const struct nexthop *nh, size_t i)
{
	return (uint32_t *)((uintptr_t)nh + metrics[i].m_at);
}

/* ---- How a route is shown --------------------------------------------------------------- */

static void
put_metrics(struct nlbuf *nb, const struct nexthop *nh)
{
	size_t nest = 0, i;
	bool any = false;

	for (i = 0; i < NMETRICS; i++) {
		if (*metric(nh, i) == 0)
			continue;
		if (!any)
			nest = nl_nest(nb, RTA_METRICS);
		any = true;
		nl_put_u32(nb, metrics[i].m_type, *metric(nh, i));
	}
	if (any)
		nl_nest_end(nb, nest);
}

static uint32_t
hop_flags(const struct nexthop *nh)
{
	uint32_t flags = 0;

	if ((nh->nh_flags & NH_ONLINK) != 0)
		flags |= RTNH_F_ONLINK;
	if ((nh->nh_flags & (NH_LOCAL | NH_BLACKHOLE | NH_UNREACH |
	    NH_PROHIBIT)) == 0 && !if_is(nh->nh_ifp, IFF_RUNNING))
		flags |= RTNH_F_LINKDOWN;
	return flags;
}

static void
put_gateway(struct nlbuf *nb, int family, const struct nexthop *nh)
{
	struct rtvia *via;

	if ((nh->nh_flags & NH_GATEWAY) == 0)
		return;
	if (nh->nh_family == family) {
		rtnl_addr_put(nb, RTA_GATEWAY, family, &nh->nh_gateway);
		return;
	}
	via = nl_reserve(nb, RTA_VIA, sizeof(*via) +
	    addr_size(nh->nh_family));
	if (via != NULL) {
		via->rtvia_family = nh->nh_family;
		memcpy(via->rtvia_addr, nh->nh_gateway.a8,
		    addr_size(nh->nh_family));
	}
}

static void
put_hops(struct nlbuf *nb, const struct route_entry *re)
{
	size_t nest = nl_nest(nb, RTA_MULTIPATH), at;
	const struct nexthop *nh;
	struct rtnexthop *rn;
	uint32_t i;

	for (i = 0; i < re->re_nhops; i++) {
		nh = &re->re_hops[i].rh_nh;
		at = nb->nb_len;
		rn = nl_raw(nb, sizeof(*rn));
		put_gateway(nb, re->re_family, nh);
		if (nb->nb_full)
			return;
		rn->rtnh_len = (uint16_t)(nb->nb_len - at);
		rn->rtnh_flags = (uint8_t)hop_flags(nh);
		rn->rtnh_hops = (uint8_t)(re->re_hops[i].rh_weight - 1);
		rn->rtnh_ifindex = (int)nh->nh_oif;
	}
	nl_nest_end(nb, nest);
}

static void
put_route(struct nlbuf *nb, struct rtmsg *rm, const struct route_entry *re)
{
	const struct nexthop *nh = re->re_nh;

	rm->rtm_family = re->re_family;
	rm->rtm_dst_len = re->re_plen;
	rm->rtm_tos = re->re_tos;
	rm->rtm_table = re->re_table < 256 ? (uint8_t)re->re_table :
	    RT_TABLE_COMPAT;
	rm->rtm_protocol = re->re_protocol;
	rm->rtm_scope = re->re_scope;
	rm->rtm_type = re->re_type;
	rm->rtm_flags = re->re_flags & ~(uint32_t)RTNH_COMPARE_MASK;
	if (re->re_nhops == 0)
		rm->rtm_flags |= hop_flags(nh);
	nl_put_u32(nb, RTA_TABLE, re->re_table);
	if (re->re_plen != 0)
		rtnl_addr_put(nb, RTA_DST, re->re_family, &re->re_dst);
	if (re->re_metric != 0)
		nl_put_u32(nb, RTA_PRIORITY, re->re_metric);
	put_metrics(nb, nh);
	if (!inaddr_any(&nh->nh_prefsrc))
		rtnl_addr_put(nb, RTA_PREFSRC, re->re_family,
		    &nh->nh_prefsrc);
	if (re->re_nhops > 0) {
		put_hops(nb, re);
		return;
	}
	put_gateway(nb, re->re_family, nh);
	if ((nh->nh_flags & (NH_BLACKHOLE | NH_UNREACH | NH_PROHIBIT)) == 0)
		nl_put_u32(nb, RTA_OIF, nh->nh_oif);
}

/* ---- Parsing ----------------------------------------------------------------------------- */

static int
parse_route(struct nlreq *rq, struct rtmsg *rm, struct nlattr_ref *tb)
{
	if (rq->rq_len < sizeof(*rm))
		return nl_fail(rq, EINVAL, "Invalid header for route request");
	memcpy(rm, rq->rq_data, sizeof(*rm));
	return nl_parse_request(rq, sizeof(*rm), tb, RTA_MAX, route_policy);
}

static uint32_t
table_of(const struct rtmsg *rm, const struct nlattr_ref *tb)
{
	return tb[RTA_TABLE].na_data != NULL ? nl_u32(&tb[RTA_TABLE]) :
	    rm->rtm_table;
}

static int
get_metrics(struct nlreq *rq, const struct nlattr_ref *na, struct nexthop *nh)
{
	static const struct nlpolicy policy[RTAX_MAX + 1];
	struct nlattr_ref tb[RTAX_MAX + 1];
	unsigned i;
	size_t k;
	int error;

	error = nl_parse_nested(rq, na, tb, RTAX_MAX, policy);
	for (i = 1; error == 0 && i <= RTAX_MAX; i++) {
		if (tb[i].na_data == NULL)
			continue;
		for (k = 0; k < NMETRICS && metrics[k].m_type != i; k++)
			continue;
		if (k == NMETRICS)
			error = nl_fail_attr(rq, EOPNOTSUPP, &tb[i],
			    "Metric is not supported");
		else if (tb[i].na_len != 4)
			error = nl_fail_attr(rq, EINVAL, &tb[i],
			    "Invalid metric");
		else
			*metric(nh, k) = nl_u32(&tb[i]);
	}
	return error;
}

/* A gateway, if one is given. */
static int
get_gateway(struct nlreq *rq, const struct nlattr_ref *na, int family,
    struct nexthop *nh)
{
	int error;

	if (na->na_data == NULL)
		return 0;
	error = rtnl_addr_get(rq, na, family, &nh->nh_gateway);
	if (error == 0 && !inaddr_any(&nh->nh_gateway))
		nh->nh_flags |= NH_GATEWAY;
	return error;
}

/* ifnet_lock held. */
static int
get_interface(struct nlreq *rq, uint32_t index, struct nexthop *nh)
{
	nh->nh_ifp = NULL;
	if (index == 0)
		return 0;
	nh->nh_ifp = if_byindex(rq->rq_vnet, index);
	return nh->nh_ifp != NULL ? 0 :
	    nl_fail(rq, ENODEV, "Device for nexthop does not exist");
}

/* RTA_MULTIPATH: hops has room for HOPS_MAX. like: what they share. */
static int
get_hops(struct nlreq *rq, const struct nlattr_ref *na, int family,
    const struct nexthop *like, struct route_hop *hops, uint32_t *np)
{
	struct nlattr_ref tb[RTA_MAX + 1];
	const uint8_t *p = na->na_data;
	size_t n = na->na_len, step;
	struct rtnexthop rn;
	struct nexthop *nh;
	int error;

	for (*np = 0; n >= sizeof(rn); ++*np) {
		memcpy(&rn, p, sizeof(rn));
		if (rn.rtnh_len < sizeof(rn) || rn.rtnh_len > n)
			break;
		if (*np == HOPS_MAX)
			return nl_fail_attr(rq, EINVAL, na,
			    "Too many next hops");
		nh = &hops[*np].rh_nh;
		*nh = *like;
		hops[*np].rh_weight = (uint32_t)rn.rtnh_hops + 1;
		if ((rn.rtnh_flags & RTNH_F_ONLINK) != 0)
			nh->nh_flags |= NH_ONLINK;
		error = nl_parse(rq, p + sizeof(rn), rn.rtnh_len - sizeof(rn),
		    tb, RTA_MAX, route_policy);
		if (error == 0)
			error = get_gateway(rq, &tb[RTA_GATEWAY], family, nh);
		if (error == 0 && (tb[RTA_ENCAP].na_data != NULL ||
		    tb[RTA_VIA].na_data != NULL))
			error = nl_fail_attr(rq, EOPNOTSUPP, na,
			    "Kind of next hop is not supported");
		if (error == 0)
			error = get_interface(rq, rn.rtnh_ifindex < 0 ?
			    UINT32_MAX : (uint32_t)rn.rtnh_ifindex, nh);
		if (error != 0)
			return error;
		step = MIN((size_t)RTNH_ALIGN(rn.rtnh_len), n);
		p += step;
		n -= step;
	}
	if (n > 0 || *np == 0)
		return nl_fail_attr(rq, EINVAL, na,
		    "Invalid nexthop configuration - extra data after nexthops");
	return 0;
}

/* A route to be added or deleted. */
struct change {
	struct rtmsg c_rm;
	struct nlattr_ref c_tb[RTA_MAX + 1];
	struct route_entry c_re;
	struct nexthop c_nh;
	struct route_hop *c_hops;	/* HOPS_MAX, or NULL */
};

static int
check_change(struct nlreq *rq, const struct change *c)
{
	static const uint16_t refused[] = { RTA_VIA, RTA_ENCAP,
	    RTA_ENCAP_TYPE, RTA_NH_ID };
	const struct rtmsg *rm = &c->c_rm;
	size_t i;

	if (!family_known(rm->rtm_family))
		return EOPNOTSUPP;
	if (rm->rtm_dst_len > 8 * addr_size(rm->rtm_family))
		return nl_fail(rq, EINVAL, "Invalid prefix length");
	if (rm->rtm_type > RTN_MAX)
		return nl_fail(rq, EINVAL, "Invalid route type");
	if (rm->rtm_src_len != 0)
		return nl_fail(rq, EINVAL,
		    "Routes by source are not supported");
	for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		if (c->c_tb[refused[i]].na_data != NULL)
			return nl_fail_attr(rq, EOPNOTSUPP,
			    &c->c_tb[refused[i]],
			    "Kind of next hop is not supported");
	return 0;
}

static int
fill_change(struct nlreq *rq, struct change *c)
{
	const struct nlattr_ref *tb = c->c_tb;
	struct route_entry *re = &c->c_re;
	const struct rtmsg *rm = &c->c_rm;
	int error = 0, family = rm->rtm_family;

	*re = (struct route_entry){ .re_family = rm->rtm_family,
	    .re_plen = rm->rtm_dst_len, .re_type = rm->rtm_type,
	    .re_protocol = rm->rtm_protocol, .re_scope = rm->rtm_scope,
	    .re_tos = rm->rtm_tos, .re_table = table_of(rm, tb) };
	c->c_nh.nh_family = rm->rtm_family;
	if ((rm->rtm_flags & RTNH_F_ONLINK) != 0)
		c->c_nh.nh_flags |= NH_ONLINK;
	if (tb[RTA_DST].na_data != NULL)
		error = rtnl_addr_get(rq, &tb[RTA_DST], family, &re->re_dst);
	if (error == 0 && tb[RTA_PREFSRC].na_data != NULL)
		error = rtnl_addr_get(rq, &tb[RTA_PREFSRC], family,
		    &c->c_nh.nh_prefsrc);
	if (tb[RTA_PRIORITY].na_data != NULL)
		re->re_metric = nl_u32(&tb[RTA_PRIORITY]);
	if (error == 0 && tb[RTA_METRICS].na_data != NULL)
		error = get_metrics(rq, &tb[RTA_METRICS], &c->c_nh);
	if (error == 0)
		error = get_gateway(rq, &tb[RTA_GATEWAY], family, &c->c_nh);
	if (error == 0 && tb[RTA_MULTIPATH].na_data != NULL) {
		if (c->c_nh.nh_flags & NH_GATEWAY || tb[RTA_OIF].na_data)
			return nl_fail(rq, EINVAL,
			    "Route has both one next hop and several");
		c->c_hops = kmem_zalloc(HOPS_MAX * sizeof(*c->c_hops), 0);
		if (c->c_hops == NULL)
			error = ENOMEM;
	}
	return error;
}

/* The interfaces. ifnet_lock held. */
static int
resolve(struct nlreq *rq, struct change *c)
{
	const struct nlattr_ref *tb = c->c_tb;
	int error;

	c->c_re.re_nh = &c->c_nh;
	if (c->c_hops != NULL) {
		error = get_hops(rq, &tb[RTA_MULTIPATH], c->c_rm.rtm_family,
		    &c->c_nh, c->c_hops, &c->c_re.re_nhops);
		c->c_re.re_hops = c->c_hops;
		return error;
	}
	return get_interface(rq, tb[RTA_OIF].na_data != NULL ?
	    nl_u32(&tb[RTA_OIF]) : 0, &c->c_nh);
}

static int
explain(struct nlreq *rq, int error)
{
	switch (error) {
	case ENETUNREACH:
		return nl_fail(rq, error, "Nexthop has invalid gateway");
	case ENETDOWN:
		return nl_fail(rq, error, "Device for nexthop is not up");
	case EINVAL:
		return nl_fail(rq, error, "Invalid route");
	}
	return error;
}

static int
change_route(struct nlreq *rq, bool add)
{
	struct change *c;
	int error;

	c = kmem_zalloc(sizeof(*c), 0);
	if (c == NULL)
		return ENOBUFS;
	error = parse_route(rq, &c->c_rm, c->c_tb);
	if (error == 0)
		error = check_change(rq, c);
	if (error == 0)
		error = fill_change(rq, c);
	if (error == 0) {
		ifnet_lock(rq->rq_vnet);
		error = resolve(rq, c);
		if (error == 0) {
			error = add ? route_add(rq->rq_vnet, &c->c_re,
			    rq->rq_hdr.nlmsg_flags) :
			    route_delete(rq->rq_vnet, &c->c_re);
			error = explain(rq, error);
		}
		ifnet_unlock(rq->rq_vnet);
	}
	kmem_free(c->c_hops, HOPS_MAX * sizeof(*c->c_hops));
	kmem_free(c, sizeof(*c));
	return error;
}

static int
route_new(struct nlreq *rq)
{
	return change_route(rq, true);
}

static int
route_del(struct nlreq *rq)
{
	return change_route(rq, false);
}

/* ---- Look-ups ----------------------------------------------------------------------------- */

struct lookup {
	struct route_key l_key;
	uint32_t l_flags;		/* RTM_F_* */
	struct nlbuf *l_nb;
	uint32_t l_table;
	struct rtmsg *l_rm;
};

static int
show_match(const struct route_entry *re, void *arg)
{
	struct lookup *l = arg;

	if (l->l_nb != NULL)
		put_route(l->l_nb, l->l_rm, re);
	l->l_table = re->re_table;
	return 0;
}

static uint8_t
type_of(const struct nexthop *nh, uint32_t *flags)
{
	if ((nh->nh_flags & NH_LOCAL) != 0) {
		*flags |= RTCF_LOCAL;
		return RTN_LOCAL;
	}
	if ((nh->nh_flags & NH_BCAST) != 0) {
		*flags |= RTCF_BROADCAST;
		return RTN_BROADCAST;
	}
	if ((nh->nh_flags & NH_MCAST) != 0) {
		*flags |= RTCF_MULTICAST;
		return RTN_MULTICAST;
	}
	return RTN_UNICAST;
}

/* The way that a packet would take. In an epoch. */
static void
put_result(struct nlbuf *nb, struct rtmsg *rm, const struct lookup *l,
    const struct nexthop *nh)
{
	const struct route_key *rk = &l->l_key;
	struct rta_cacheinfo ci = { .rta_clntref = 1 };
	uint32_t flags = RTM_F_CLONED;
	union inaddr src = nh->nh_prefsrc;
	int family = rk->rk_family;

	rm->rtm_family = (uint8_t)family;
	rm->rtm_dst_len = (uint8_t)(8 * addr_size(family));
	rm->rtm_tos = rk->rk_tos;
	rm->rtm_table = l->l_table < 256 ? (uint8_t)l->l_table :
	    RT_TABLE_COMPAT;
	rm->rtm_type = type_of(nh, &flags);
	if (if_is(nh->nh_ifp, IFF_LOOPBACK))
		flags |= RTCF_LOCAL;
	rm->rtm_flags = flags;
	nl_put_u32(nb, RTA_TABLE, l->l_table);
	rtnl_addr_put(nb, RTA_DST, family, &rk->rk_dst);
	if (!inaddr_any(&rk->rk_src)) {
		rm->rtm_src_len = rm->rtm_dst_len;
		rtnl_addr_put(nb, RTA_SRC, family, &rk->rk_src);
	}
	nl_put_u32(nb, RTA_OIF, nh->nh_ifp->if_index);
	if (inaddr_any(&src))
		(void)ifaddr_source(nh->nh_ifp, family, &rk->rk_dst, &src);
	if (inaddr_any(&rk->rk_src) && !inaddr_any(&src))
		rtnl_addr_put(nb, RTA_PREFSRC, family, &src);
	put_gateway(nb, family, nh);
	put_metrics(nb, nh);
	if (rk->rk_mark != 0)
		nl_put_u32(nb, RTA_MARK, rk->rk_mark);
	nl_put_u32(nb, RTA_UID, curcred()->cr_uid);
	nl_put(nb, RTA_CACHEINFO, &ci, sizeof(ci));
}

static int
fill_lookup(struct nlbuf *nb, struct nlreq *rq, void *arg)
{
	struct lookup *l = arg;
	struct nexthop *nh;
	int error;
	void *p;

	p = nl_begin(nb, RTM_NEWROUTE, 0, rq->rq_hdr.nlmsg_seq,
	    atomic_load(&rq->rq_nl->ns_portid), sizeof(struct rtmsg));
	if (p == NULL)
		return 0;
	l->l_rm = p;
	l->l_table = RT_TABLE_MAIN;
	if ((l->l_flags & RTM_F_FIB_MATCH) != 0) {
		l->l_nb = nb;
		error = route_match(rq->rq_vnet, &l->l_key, show_match, l);
		if (error == 0)
			(void)nl_end(nb);
		return error;
	}
	l->l_nb = NULL;
	if ((l->l_flags & RTM_F_LOOKUP_TABLE) != 0)
		(void)route_match(rq->rq_vnet, &l->l_key, show_match, l);
	epoch_enter();
	error = route_lookup(rq->rq_vnet, &l->l_key, &nh);
	if (error == 0) {
		put_result(nb, p, l, nh);
		(void)nl_end(nb);
	}
	epoch_exit();
	return error;
}

static int
get_key(struct nlreq *rq, const struct rtmsg *rm,
    const struct nlattr_ref *tb, struct route_key *rk)
{
	uint32_t i;
	int error = 0;

	rk->rk_family = rm->rtm_family;
	rk->rk_tos = rm->rtm_tos;
	if (tb[RTA_DST].na_data != NULL)
		error = rtnl_addr_get(rq, &tb[RTA_DST], rk->rk_family,
		    &rk->rk_dst);
	if (error == 0 && tb[RTA_SRC].na_data != NULL)
		error = rtnl_addr_get(rq, &tb[RTA_SRC], rk->rk_family,
		    &rk->rk_src);
	if (tb[RTA_OIF].na_data != NULL)
		rk->rk_oif = nl_u32(&tb[RTA_OIF]);
	if (tb[RTA_IIF].na_data != NULL)
		rk->rk_iif = nl_u32(&tb[RTA_IIF]);
	if (tb[RTA_MARK].na_data != NULL)
		rk->rk_mark = nl_u32(&tb[RTA_MARK]);
	epoch_enter();
	for (i = 0; error == 0 && i < 2; i++) {
		uint32_t index = i == 0 ? rk->rk_oif : rk->rk_iif;

		if (index != 0 && if_byindex(rq->rq_vnet, index) == NULL)
			error = ENODEV;
	}
	epoch_exit();
	return error;
}

static int
route_get(struct nlreq *rq)
{
	struct nlattr_ref tb[RTA_MAX + 1];
	struct lookup l = { .l_flags = 0 };
	struct rtmsg rm;
	int error;

	error = parse_route(rq, &rm, tb);
	if (error != 0)
		return error;
	if (!family_known(rm.rtm_family))
		return EOPNOTSUPP;
	if (rm.rtm_dst_len > 8 * addr_size(rm.rtm_family) ||
	    rm.rtm_src_len > 8 * addr_size(rm.rtm_family))
		return nl_fail(rq, EINVAL,
		    "Invalid values in header for route get request");
	l.l_flags = rm.rtm_flags;
	error = get_key(rq, &rm, tb, &l.l_key);
	return error != 0 ? error : nl_reply(rq, fill_lookup, &l);
}

/* ---- Dumps --------------------------------------------------------------------------------- */

struct filter {
	struct route_cursor f_cursor;
	uint32_t f_table, f_oif;	/* 0: any */
	uint8_t f_family, f_protocol, f_type;
	bool f_none;
};

struct dumper {
	struct nldump *d_nd;
	struct nlbuf *d_nb;
	const struct filter *d_filter;
	unsigned d_visits;
};

static int
route_setup(struct nldump *nd)
{
	struct filter *f = (struct filter *)nd->nd_state;
	struct nlattr_ref tb[RTA_MAX + 1];
	struct nlreq *rq = &nd->nd_req;
	struct rtmsg rm;
	int error;

	_Static_assert(sizeof(*f) <= sizeof(nd->nd_state), "a dump's state");
	f->f_family = rtnl_family(rq);
	if (f->f_family != AF_UNSPEC && !family_known(f->f_family))
		return EOPNOTSUPP;
	if (rq->rq_len < sizeof(rm) && !rq->rq_strict)
		return 0;
	error = parse_route(rq, &rm, tb);
	if (error != 0)
		return error;
	/* There is no cache of routes to show. */
	f->f_none = (rm.rtm_flags & RTM_F_CLONED) != 0;
	if (!rq->rq_strict)
		return 0;
	if (rm.rtm_dst_len != 0 || rm.rtm_src_len != 0 || rm.rtm_scope != 0)
		return nl_fail(rq, EINVAL,
		    "Invalid values in header for FIB dump request");
	f->f_table = table_of(&rm, tb);
	f->f_protocol = rm.rtm_protocol;
	f->f_type = rm.rtm_type;
	if (tb[RTA_OIF].na_data != NULL)
		f->f_oif = nl_u32(&tb[RTA_OIF]);
	if (f->f_table != 0 || f->f_oif != 0 || f->f_protocol != 0 ||
	    f->f_type != 0)
		nd->nd_flags |= NLM_F_DUMP_FILTERED;
	return 0;
}

static bool
selected(const struct filter *f, const struct route_entry *re)
{
	uint32_t i;

	if ((f->f_table != 0 && f->f_table != re->re_table) ||
	    (f->f_protocol != 0 && f->f_protocol != re->re_protocol) ||
	    (f->f_type != 0 && f->f_type != re->re_type))
		return false;
	if (f->f_oif == 0 || re->re_nh->nh_oif == f->f_oif)
		return true;
	for (i = 0; i < re->re_nhops; i++)
		if (re->re_hops[i].rh_nh.nh_oif == f->f_oif)
			return true;
	return false;
}

static int
dump_one(const struct route_entry *re, void *arg)
{
	struct dumper *d = arg;
	void *p;

	if (d->d_visits++ == VISITS)
		return EAGAIN;
	if (!selected(d->d_filter, re))
		return 0;
	p = nl_dump_begin(d->d_nd, d->d_nb, RTM_NEWROUTE,
	    sizeof(struct rtmsg));
	if (p != NULL)
		put_route(d->d_nb, p, re);
	return nl_end(d->d_nb) ? 0 : ENOBUFS;
}

static int
route_dump(struct nldump *nd, struct nlbuf *nb)
{
	struct filter *f = (struct filter *)nd->nd_state;
	struct dumper d = { nd, nb, f, 0 };
	int error;

	if (f->f_none)
		return 0;
	do {
		d.d_visits = 0;
		error = route_walk(nd->nd_req.rq_vnet, f->f_family,
		    &f->f_cursor, dump_one, &d);
	} while (error == EAGAIN);
	return error;
}

const struct rtnl_ops rtnl_route_ops = {
	.ro_new = route_new,
	.ro_del = route_del,
	.ro_get = route_get,
	.ro_dump = route_dump,
	.ro_setup = route_setup,
};

/* ---- Notifications -------------------------------------------------------------------------- */

struct event {
	const struct route_entry *e_re;
	uint16_t e_type;
};

static void
fill_event(struct nlbuf *nb, const void *arg)
{
	const struct event *e = arg;
	void *p;

	p = nl_begin(nb, e->e_type, 0, 0, 0, sizeof(struct rtmsg));
	if (p == NULL)
		return;
	put_route(nb, p, e->e_re);
	(void)nl_end(nb);
}

void
rtnl_route_event(struct vnet *vn, const struct route_entry *re, bool added)
{
	struct event e = { re, added ? RTM_NEWROUTE : RTM_DELROUTE };

	rtnl_notify(vn, re->re_family == AF_INET ? RTNLGRP_IPV4_ROUTE :
	    RTNLGRP_IPV6_ROUTE, fill_event, &e);
}
