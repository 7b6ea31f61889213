/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rtnetlink: neighbours (RTM_*NEIGH).
 */
#include "neigh.h"
#include "rtnl.h"

static const struct nlpolicy neigh_policy[NDA_MAX + 1] = {
	[NDA_DST] = { NLT_MIN, 4 },
	[NDA_LLADDR] = { NLT_BINARY, 32 },
	[NDA_CACHEINFO] = { NLT_MIN, sizeof(struct nda_cacheinfo) },
	[NDA_PROBES] = { NLT_U32, 0 },
	[NDA_IFINDEX] = { NLT_U32, 0 },
	[NDA_MASTER] = { NLT_U32, 0 },
	[NDA_PROTOCOL] = { NLT_U8, 0 },
};

/* ---- How a neighbour is shown ----------------------------------------------------------- */

static void
put_neigh(struct nlbuf *nb, struct ndmsg *nm, const struct neigh_info *ni)
{
	nstime_t now = mono_now();
	struct nda_cacheinfo ci = {
		.ndm_confirmed = rtnl_ticks(now - ni->ni_confirmed),
		.ndm_used = rtnl_ticks(now - ni->ni_updated),
		.ndm_updated = rtnl_ticks(now - ni->ni_updated),
	};
	uint8_t n = MIN(ni->ni_ifp->if_ltype->ilt_addrlen,
	    (uint8_t)sizeof(ni->ni_lladdr));

	nm->ndm_family = (uint8_t)ni->ni_family;
	nm->ndm_ifindex = (int)ni->ni_ifp->if_index;
	nm->ndm_state = ni->ni_state;
	nm->ndm_type = RTN_UNICAST;
	rtnl_addr_put(nb, NDA_DST, ni->ni_family, &ni->ni_addr);
	if (n > 0 && (ni->ni_state & (NUD_INCOMPLETE | NUD_FAILED |
	    NUD_NONE)) == 0)
		nl_put(nb, NDA_LLADDR, ni->ni_lladdr, n);
	nl_put_u32(nb, NDA_PROBES, 0);
	nl_put(nb, NDA_CACHEINFO, &ci, sizeof(ci));
}

static int
parse_neigh(struct nlreq *rq, struct ndmsg *nm, struct nlattr_ref *tb)
{
	if (rq->rq_len < sizeof(*nm))
		return nl_fail(rq, EINVAL,
		    "Invalid header for neighbor request");
	memcpy(nm, rq->rq_data, sizeof(*nm));
	return nl_parse_request(rq, sizeof(*nm), tb, NDA_MAX, neigh_policy);
}

/* ---- RTM_GETNEIGH --------------------------------------------------------------------------- */

/* nd_at: number of the next, family, interface or 0 */
static int
neigh_setup(struct nldump *nd)
{
	struct nlattr_ref tb[NDA_MAX + 1];
	struct nlreq *rq = &nd->nd_req;
	struct ndmsg nm;
	int error;

	nd->nd_at[1] = rtnl_family(rq);
	if (rq->rq_len < sizeof(nm) && !rq->rq_strict)
		return 0;
	error = parse_neigh(rq, &nm, tb);
	if (error != 0)
		return error;
	if (rq->rq_strict && (nm.ndm_ifindex != 0 || nm.ndm_state != 0 ||
	    nm.ndm_type != 0))
		return nl_fail(rq, EINVAL,
		    "Invalid values in header for neighbor dump request");
	/* There are no proxies. */
	if ((nm.ndm_flags & NTF_PROXY) != 0)
		nd->nd_at[0] = UINT32_MAX;
	if (tb[NDA_IFINDEX].na_data != NULL)
		nd->nd_at[2] = nl_u32(&tb[NDA_IFINDEX]);
	if (tb[NDA_MASTER].na_data != NULL && nl_u32(&tb[NDA_MASTER]) != 0)
		nd->nd_at[0] = UINT32_MAX;
	if (nd->nd_at[2] != 0 || tb[NDA_MASTER].na_data != NULL)
		nd->nd_flags |= NLM_F_DUMP_FILTERED;
	return 0;
}

struct dumper {
	struct nldump *d_nd;
	struct nlbuf *d_nb;
};

static int
dump_one(const struct neigh_info *ni, void *arg)
{
	struct dumper *d = arg;
	struct nldump *nd = d->d_nd;
	void *p;

	if ((nd->nd_at[1] == AF_UNSPEC ||
	    nd->nd_at[1] == (uint64_t)ni->ni_family) &&
	    (nd->nd_at[2] == 0 || nd->nd_at[2] == ni->ni_ifp->if_index)) {
		p = nl_dump_begin(nd, d->d_nb, RTM_NEWNEIGH,
		    sizeof(struct ndmsg));
		if (p != NULL)
			put_neigh(d->d_nb, p, ni);
		if (!nl_end(d->d_nb))
			return ENOBUFS;
	}
	nd->nd_at[0]++;
	return 0;
}

static int
neigh_dump(struct nldump *nd, struct nlbuf *nb)
{
	struct dumper d = { nd, nb };

	if (nd->nd_at[0] == UINT32_MAX)
		return 0;
	return neigh_walk(nd->nd_req.rq_vnet, (unsigned)nd->nd_at[0],
	    dump_one, &d);
}

/* ---- One --------------------------------------------------------------------------------------- */

struct one {
	struct ndmsg o_nm;
	struct nlattr_ref o_tb[NDA_MAX + 1];
	union inaddr o_addr;
	struct neigh_info o_info;
};

static int
parse_one(struct nlreq *rq, struct one *o)
{
	int error;

	error = parse_neigh(rq, &o->o_nm, o->o_tb);
	if (error != 0)
		return error;
	if (!family_known(o->o_nm.ndm_family))
		return nl_fail(rq, EAFNOSUPPORT,
		    "Unsupported address family");
	if (o->o_tb[NDA_DST].na_data == NULL)
		return nl_fail(rq, EINVAL, "Network address not specified");
	error = rtnl_addr_get(rq, &o->o_tb[NDA_DST], o->o_nm.ndm_family,
	    &o->o_addr);
	if (error == 0 && (o->o_nm.ndm_flags & NTF_PROXY) != 0)
		error = nl_fail(rq, EOPNOTSUPP,
		    "Proxies are not supported");
	if (error == 0 && o->o_nm.ndm_ifindex <= 0)
		error = nl_fail(rq, EINVAL, "No device specified");
	return error;
}

/* ifnet_lock held. */
static int
find_if(struct nlreq *rq, const struct one *o, struct ifnet **ifpp)
{
	*ifpp = if_byindex(rq->rq_vnet, (uint32_t)o->o_nm.ndm_ifindex);
	return *ifpp != NULL ? 0 : nl_fail(rq, ENODEV, "Unknown device ifindex");
}

/* ifnet_lock held: the interface stays. */
static int
fill_one(struct nlbuf *nb, struct nlreq *rq, void *arg)
{
	struct one *o = arg;
	void *p;

	p = nl_begin(nb, RTM_NEWNEIGH, 0, rq->rq_hdr.nlmsg_seq,
	    atomic_load(&rq->rq_nl->ns_portid), sizeof(struct ndmsg));
	if (p != NULL) {
		put_neigh(nb, p, &o->o_info);
		(void)nl_end(nb);
	}
	return 0;
}

static int
neigh_one_get(struct nlreq *rq)
{
	struct ifnet *ifp;
	struct one o;
	int error;

	error = parse_one(rq, &o);
	if (error != 0)
		return error;
	ifnet_lock(rq->rq_vnet);
	error = find_if(rq, &o, &ifp);
	if (error == 0 && neigh_get(ifp, o.o_nm.ndm_family, &o.o_addr,
	    &o.o_info) != 0)
		error = nl_fail(rq, ENOENT, "Neighbour entry not found");
	if (error == 0)
		error = nl_reply(rq, fill_one, &o);
	ifnet_unlock(rq->rq_vnet);
	return error;
}

/* ifnet_lock held. */
static int
set_neigh(struct nlreq *rq, const struct one *o, struct ifnet *ifp)
{
	const struct nlattr_ref *ll = &o->o_tb[NDA_LLADDR];
	uint16_t flags = rq->rq_hdr.nlmsg_flags, state = o->o_nm.ndm_state;
	int family = o->o_nm.ndm_family, nf = NEIGH_ADMIN;
	uint8_t lladdr[8] = { 0 };
	struct neigh_info ni;

	if (ll->na_data != NULL && ll->na_len < ifp->if_ltype->ilt_addrlen)
		return nl_fail_attr(rq, EINVAL, ll,
		    "Invalid link address");
	if (ll->na_data != NULL)
		memcpy(lladdr, ll->na_data, MIN((size_t)ll->na_len,
		    sizeof(lladdr)));
	if (neigh_get(ifp, family, &o->o_addr, &ni) == 0) {
		if ((flags & NLM_F_EXCL) != 0)
			return EEXIST;
		if ((flags & NLM_F_REPLACE) == 0 && ll->na_data != NULL &&
		    memcmp(ni.ni_lladdr, lladdr,
		    ifp->if_ltype->ilt_addrlen) != 0)
			return EEXIST;
	} else if ((flags & NLM_F_CREATE) == 0) {
		return ENOENT;
	} else if (ll->na_data == NULL &&
	    (state & (NUD_NOARP | NUD_INCOMPLETE | NUD_FAILED)) == 0 &&
	    state != 0) {
		/* Valid without an address? */
		return nl_fail(rq, EINVAL,
		    "No link layer address given");
	}
	if (state == NUD_NONE)
		state = NUD_PERMANENT;
	if (state & (state - 1))
		return nl_fail(rq, EINVAL, "Invalid state");
	if (state == NUD_PERMANENT && ll->na_data == NULL &&
	    (flags & NLM_F_CREATE) != 0)
		return nl_fail(rq, EINVAL,
		    "No link layer address given");
	if ((flags & NLM_F_CREATE) != 0)
		nf |= NEIGH_CREATE;
	if (ll->na_data != NULL)
		nf |= NEIGH_OVERRIDE;
	return neigh_update(ifp, family, &o->o_addr,
	    ll->na_data != NULL ? lladdr : NULL, state, nf);
}

static int
neigh_new(struct nlreq *rq)
{
	struct ifnet *ifp;
	struct one o;
	int error;

	error = parse_one(rq, &o);
	if (error != 0)
		return error;
	ifnet_lock(rq->rq_vnet);
	error = find_if(rq, &o, &ifp);
	if (error == 0)
		error = set_neigh(rq, &o, ifp);
	ifnet_unlock(rq->rq_vnet);
	return error;
}

static int
neigh_del(struct nlreq *rq)
{
	struct ifnet *ifp;
	struct one o;
	int error;

	error = parse_one(rq, &o);
	if (error != 0)
		return error;
	ifnet_lock(rq->rq_vnet);
	error = find_if(rq, &o, &ifp);
	if (error == 0)
		error = neigh_delete(ifp, o.o_nm.ndm_family, &o.o_addr);
	ifnet_unlock(rq->rq_vnet);
	return error;
}

const struct rtnl_ops rtnl_neigh_ops = {
	.ro_new = neigh_new,
	.ro_del = neigh_del,
	.ro_get = neigh_one_get,
	.ro_dump = neigh_dump,
	.ro_setup = neigh_setup,
};

/* ---- Notifications ------------------------------------------------------------------------------- */

struct event {
	const struct neigh_info *e_ni;
	uint16_t e_type;
};

static void
fill_event(struct nlbuf *nb, const void *arg)
{
	const struct event *e = arg;
	void *p;

	p = nl_begin(nb, e->e_type, 0, 0, 0, sizeof(struct ndmsg));
	if (p == NULL)
		return;
	put_neigh(nb, p, e->e_ni);
	(void)nl_end(nb);
}

static void
neigh_news(struct vnet *vn, const struct neigh_info *ni, bool gone)
{
	struct event e = { ni, gone ? RTM_DELNEIGH : RTM_NEWNEIGH };

	rtnl_notify(vn, RTNLGRP_NEIGH, fill_event, &e);
}

static struct neigh_listener listener = {
	.nl_event = neigh_news,
};

void
rtnl_neigh_init(void)
{
	neigh_listen(&listener);
}
