/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rtnetlink: addresses of interfaces (RTM_*ADDR).
 */
#include <linux/if_addr.h>

#include "rtnl.h"

static const struct nlpolicy addr_policy[IFA_MAX + 1] = {
	[IFA_ADDRESS] = { NLT_MIN, 4 },
	[IFA_LOCAL] = { NLT_MIN, 4 },
	[IFA_BROADCAST] = { NLT_MIN, 4 },
	[IFA_LABEL] = { NLT_STRING, IFNAMSIZ - 1 },
	[IFA_CACHEINFO] = { NLT_MIN, sizeof(struct ifa_cacheinfo) },
	[IFA_FLAGS] = { NLT_U32, 0 },
	[IFA_RT_PRIORITY] = { NLT_U32, 0 },
	[IFA_TARGET_NETNSID] = { NLT_U32, 0 },
};

/* ---- How an address is shown ------------------------------------------------------------ */

static uint32_t
lifetime_left(const struct ifaddr *ifa, uint32_t seconds)
{
	nstime_t age = (mono_now() - ifa->ifa_updated) / NS_PER_SEC;

	if (seconds == UINT32_MAX)
		return seconds;
	return age >= (nstime_t)seconds ? 0 : seconds - (uint32_t)age;
}

static void
put_addr(struct nlbuf *nb, const struct ifaddr *ifa)
{
	struct ifa_cacheinfo ci = {
		.ifa_prefered = lifetime_left(ifa, ifa->ifa_preferred),
		.ifa_valid = lifetime_left(ifa, ifa->ifa_valid),
		.cstamp = rtnl_ticks(ifa->ifa_created),
		.tstamp = rtnl_ticks(ifa->ifa_updated),
	};
	int family = ifa->ifa_family;
	bool peer = !inaddr_any(&ifa->ifa_peer);

	rtnl_addr_put(nb, IFA_ADDRESS, family,
	    peer ? &ifa->ifa_peer : &ifa->ifa_addr);
	if (family == AF_INET || peer)
		rtnl_addr_put(nb, IFA_LOCAL, family, &ifa->ifa_addr);
	if (family == AF_INET && ifa->ifa_bcast.a4 != 0)
		rtnl_addr_put(nb, IFA_BROADCAST, family, &ifa->ifa_bcast);
	if (family == AF_INET && ifa->ifa_label[0] != '\0')
		nl_put_str(nb, IFA_LABEL, ifa->ifa_label);
	nl_put_u32(nb, IFA_FLAGS, ifa->ifa_flags);
	if (ifa->ifa_metric != 0)
		nl_put_u32(nb, IFA_RT_PRIORITY, ifa->ifa_metric);
	nl_put(nb, IFA_CACHEINFO, &ci, sizeof(ci));
}

static void
fill_ifaddr(struct ifaddrmsg *am, const struct ifaddr *ifa)
{
	am->ifa_family = (uint8_t)ifa->ifa_family;
	am->ifa_prefixlen = ifa->ifa_plen;
	am->ifa_flags = (uint8_t)ifa->ifa_flags;
	am->ifa_scope = ifa->ifa_scope;
	am->ifa_index = ifa->ifa_ifp->if_index;
}

/* ---- RTM_GETADDR -------------------------------------------------------------------------- */

static int
parse_addr(struct nlreq *rq, struct ifaddrmsg *am, struct nlattr_ref *tb)
{
	if (rq->rq_len < sizeof(*am))
		return nl_fail(rq, EINVAL,
		    "Invalid header for address request");
	memcpy(am, rq->rq_data, sizeof(*am));
	return nl_parse_request(rq, sizeof(*am), tb, IFA_MAX, addr_policy);
}

/* nd_at: index and number of the next; family; interface or 0 */
static int
addr_setup(struct nldump *nd)
{
	struct nlattr_ref tb[IFA_MAX + 1];
	struct nlreq *rq = &nd->nd_req;
	struct ifaddrmsg am;
	int error;

	nd->nd_at[2] = rtnl_family(rq);
	if (!rq->rq_strict)
		return 0;
	error = parse_addr(rq, &am, tb);
	if (error != 0)
		return error;
	if (am.ifa_prefixlen != 0 || am.ifa_flags != 0 || am.ifa_scope != 0)
		return nl_fail(rq, EINVAL,
		    "Invalid values in header for address dump request");
	if (am.ifa_index != 0) {
		epoch_enter();
		if (if_byindex(rq->rq_vnet, am.ifa_index) == NULL)
			error = ENODEV;
		epoch_exit();
		nd->nd_at[3] = am.ifa_index;
		nd->nd_at[0] = am.ifa_index - 1;
		nd->nd_flags |= NLM_F_DUMP_FILTERED;
	}
	return error;
}

/* One interface's, from the nth on. ifnet_lock held. */
static int
dump_interface(struct nldump *nd, struct nlbuf *nb, struct ifnet *ifp)
{
	struct ifaddr *ifa;
	uint64_t i = 0;
	void *p;

	IFADDR_FOREACH(ifa, ifp) {
		if (i++ < nd->nd_at[1] || (nd->nd_at[2] != AF_UNSPEC &&
		    nd->nd_at[2] != (uint64_t)ifa->ifa_family))
			continue;
		p = nl_dump_begin(nd, nb, RTM_NEWADDR,
		    sizeof(struct ifaddrmsg));
		if (p != NULL) {
			fill_ifaddr(p, ifa);
			put_addr(nb, ifa);
		}
		if (!nl_end(nb)) {
			nd->nd_at[1] = i - 1;
			return ENOBUFS;
		}
	}
	nd->nd_at[1] = 0;
	return 0;
}

static int
addr_dump(struct nldump *nd, struct nlbuf *nb)
{
	struct vnet *vn = nd->nd_req.rq_vnet;
	struct ifnet *ifp;
	int error = 0;

	ifnet_lock(vn);
	while ((ifp = if_next(vn, (uint32_t)nd->nd_at[0])) != NULL) {
		if (nd->nd_at[3] != 0 && nd->nd_at[3] != ifp->if_index)
			break;
		error = dump_interface(nd, nb, ifp);
		if (error != 0)
			break;
		nd->nd_at[0] = ifp->if_index;
	}
	ifnet_unlock(vn);
	return error;
}

/* ---- Changes -------------------------------------------------------------------------------- */

static int
get_lifetimes(struct nlreq *rq, const struct nlattr_ref *na,
    struct ifaddr *ifa)
{
	struct ifa_cacheinfo ci;

	ifa->ifa_valid = ifa->ifa_preferred = UINT32_MAX;
	if (na->na_data != NULL) {
		memcpy(&ci, na->na_data, sizeof(ci));
		if (ci.ifa_valid == 0 || ci.ifa_prefered > ci.ifa_valid)
			return nl_fail_attr(rq, EINVAL, na,
			    "address lifetime invalid");
		ifa->ifa_valid = ci.ifa_valid;
		ifa->ifa_preferred = ci.ifa_prefered;
	}
	ifa->ifa_flags &= ~(uint32_t)(IFA_F_PERMANENT | IFA_F_DEPRECATED);
	if (ifa->ifa_valid == UINT32_MAX)
		ifa->ifa_flags |= IFA_F_PERMANENT;
	if (ifa->ifa_preferred == 0)
		ifa->ifa_flags |= IFA_F_DEPRECATED;
	return 0;
}

/* The address, its peer if that differs. */
static int
get_addresses(struct nlreq *rq, const struct nlattr_ref *tb,
    struct ifaddr *ifa)
{
	const struct nlattr_ref *local = &tb[IFA_LOCAL], *addr =
	    &tb[IFA_ADDRESS];
	union inaddr peer;
	int error;

	if (local->na_data == NULL && ifa->ifa_family == AF_INET)
		return nl_fail(rq, EINVAL, "ipv4: Local address is not supplied");
	if (local->na_data == NULL)
		local = addr;
	if (local->na_data == NULL)
		return nl_fail(rq, EINVAL, "Address is not supplied");
	error = rtnl_addr_get(rq, local, ifa->ifa_family, &ifa->ifa_addr);
	if (error != 0 || addr->na_data == NULL)
		return error;
	error = rtnl_addr_get(rq, addr, ifa->ifa_family, &peer);
	if (error == 0 && !inaddr_eq(&peer, &ifa->ifa_addr))
		ifa->ifa_peer = peer;
	return error;
}

static int
get_addr(struct nlreq *rq, const struct ifaddrmsg *am,
    const struct nlattr_ref *tb, struct ifaddr *ifa)
{
	int error;

	*ifa = (struct ifaddr){ .ifa_family = am->ifa_family,
	    .ifa_plen = am->ifa_prefixlen, .ifa_scope = am->ifa_scope,
	    .ifa_flags = am->ifa_flags };
	if (!family_known(am->ifa_family))
		return EOPNOTSUPP;
	if (am->ifa_prefixlen > 8 * addr_size(am->ifa_family))
		return nl_fail(rq, EINVAL, "ipv4: Invalid prefix length");
	error = get_addresses(rq, tb, ifa);
	if (error == 0 && tb[IFA_BROADCAST].na_data != NULL)
		error = rtnl_addr_get(rq, &tb[IFA_BROADCAST],
		    ifa->ifa_family, &ifa->ifa_bcast);
	if (error != 0)
		return error;
	if (tb[IFA_FLAGS].na_data != NULL)
		ifa->ifa_flags = nl_u32(&tb[IFA_FLAGS]);
	ifa->ifa_flags &= ~(uint32_t)IFA_F_SECONDARY;
	if (tb[IFA_RT_PRIORITY].na_data != NULL)
		ifa->ifa_metric = nl_u32(&tb[IFA_RT_PRIORITY]);
	if (tb[IFA_LABEL].na_data != NULL)
		nl_str(&tb[IFA_LABEL], ifa->ifa_label,
		    sizeof(ifa->ifa_label));
	return get_lifetimes(rq, &tb[IFA_CACHEINFO], ifa);
}

/* The one that is there already, with the same prefix. ifnet_lock held. */
static struct ifaddr *
find_addr(struct ifnet *ifp, const struct ifaddr *like)
{
	struct ifaddr *ifa;

	IFADDR_FOREACH(ifa, ifp)
		if (ifa->ifa_family == like->ifa_family &&
		    ifa->ifa_plen == like->ifa_plen &&
		    inaddr_eq(&ifa->ifa_addr, &like->ifa_addr) &&
		    inaddr_eq(&ifa->ifa_peer, &like->ifa_peer))
			return ifa;
	return NULL;
}

/* Only what may change: lifetimes, and with them two flags. */
static int
replace_addr(struct ifnet *ifp, struct ifaddr *ifa, const struct ifaddr *new)
{
	const uint32_t mask = IFA_F_PERMANENT | IFA_F_DEPRECATED;

	ifa->ifa_valid = new->ifa_valid;
	ifa->ifa_preferred = new->ifa_preferred;
	ifa->ifa_flags = (ifa->ifa_flags & ~mask) | (new->ifa_flags & mask);
	ifa->ifa_updated = mono_now();
	if_event(ifp, IFE_ADDR_NEW, ifa);
	return 0;
}

static int
add_addr(struct nlreq *rq, struct ifnet *ifp, const struct ifaddr *new)
{
	uint16_t flags = rq->rq_hdr.nlmsg_flags;
	struct ifaddr *ifa = find_addr(ifp, new);
	int error;

	if (ifa == NULL) {
		error = ifaddr_add(ifp, new);
		return error == EEXIST ? nl_fail(rq, EEXIST,
		    "ipv4: Address already assigned") : error;
	}
	if ((flags & NLM_F_EXCL) != 0 || (flags & NLM_F_REPLACE) == 0)
		return nl_fail(rq, EEXIST, "ipv4: Address already assigned");
	return replace_addr(ifp, ifa, new);
}

static int
addr_new(struct nlreq *rq)
{
	struct nlattr_ref tb[IFA_MAX + 1];
	struct ifaddrmsg am;
	struct ifnet *ifp;
	struct ifaddr ifa;
	int error;

	error = parse_addr(rq, &am, tb);
	if (error == 0)
		error = get_addr(rq, &am, tb, &ifa);
	if (error != 0)
		return error;
	ifnet_lock(rq->rq_vnet);
	ifp = if_byindex(rq->rq_vnet, am.ifa_index);
	error = ifp != NULL ? add_addr(rq, ifp, &ifa) :
	    nl_fail(rq, ENODEV, "ipv4: Device not found");
	ifnet_unlock(rq->rq_vnet);
	return error;
}

static bool
matches(const struct ifaddr *ifa, const struct ifaddrmsg *am,
    const struct nlattr_ref *tb, const struct ifaddr *want)
{
	if (ifa->ifa_family != want->ifa_family)
		return false;
	if (!inaddr_any(&want->ifa_addr) &&
	    !inaddr_eq(&ifa->ifa_addr, &want->ifa_addr))
		return false;
	if (tb[IFA_LABEL].na_data != NULL &&
	    strcmp(want->ifa_label, ifa->ifa_label) != 0)
		return false;
	if (tb[IFA_ADDRESS].na_data == NULL)
		return true;
	return ifa->ifa_plen == am->ifa_prefixlen &&
	    (inaddr_any(&want->ifa_peer) ? inaddr_any(&ifa->ifa_peer) :
	    inaddr_eq(&ifa->ifa_peer, &want->ifa_peer));
}

static int
addr_del(struct nlreq *rq)
{
	struct ifaddr want = { .ifa_family = 0 }, *ifa = NULL;
	struct nlattr_ref tb[IFA_MAX + 1];
	struct ifaddrmsg am;
	struct ifnet *ifp;
	int error;

	error = parse_addr(rq, &am, tb);
	if (error != 0)
		return error;
	if (!family_known(am.ifa_family))
		return EOPNOTSUPP;
	want.ifa_family = am.ifa_family;
	if (tb[IFA_LOCAL].na_data != NULL || tb[IFA_ADDRESS].na_data != NULL) {
		/* Without a local address, IFA_ADDRESS is it. */
		if (tb[IFA_LOCAL].na_data == NULL)
			tb[IFA_LOCAL] = tb[IFA_ADDRESS];
		error = get_addresses(rq, tb, &want);
		if (error != 0)
			return error;
	}
	if (tb[IFA_LABEL].na_data != NULL)
		nl_str(&tb[IFA_LABEL], want.ifa_label,
		    sizeof(want.ifa_label));
	ifnet_lock(rq->rq_vnet);
	ifp = if_byindex(rq->rq_vnet, am.ifa_index);
	if (ifp != NULL)
		IFADDR_FOREACH(ifa, ifp)
			if (matches(ifa, &am, tb, &want))
				break;
	if (ifp == NULL)
		error = nl_fail(rq, ENODEV, "ipv4: Device not found");
	else if (ifa == NULL)
		error = nl_fail(rq, EADDRNOTAVAIL, "ipv4: Address not found");
	else
		error = ifaddr_del(ifp, ifa->ifa_family, &ifa->ifa_addr,
		    ifa->ifa_plen);
	ifnet_unlock(rq->rq_vnet);
	return error;
}

const struct rtnl_ops rtnl_addr_ops = {
	.ro_new = addr_new,
	.ro_del = addr_del,
	.ro_dump = addr_dump,
	.ro_setup = addr_setup,
};

/* ---- Notifications --------------------------------------------------------------------------- */

struct event {
	const struct ifaddr *e_ifa;
	uint16_t e_type;
};

static void
fill_event(struct nlbuf *nb, const void *arg)
{
	const struct event *e = arg;
	void *p;

	p = nl_begin(nb, e->e_type, 0, 0, 0, sizeof(struct ifaddrmsg));
	if (p == NULL)
		return;
	fill_ifaddr(p, e->e_ifa);
	put_addr(nb, e->e_ifa);
	(void)nl_end(nb);
}

void
rtnl_addr_event(struct ifaddr *ifa, bool gone)
{
	struct event e = { ifa, gone ? RTM_DELADDR : RTM_NEWADDR };

	rtnl_notify(ifa->ifa_ifp->if_vnet, ifa->ifa_family == AF_INET ?
	    RTNLGRP_IPV4_IFADDR : RTNLGRP_IPV6_IFADDR, fill_event, &e);
}
