/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Routing tables: add, delete, walk, as Linux' rtnetlink(7) has it. Tables
 * local, main and default are one trie, in which local wins: packets look
 * them up at once. Other tables are looked up by their number only.
 */
#include "route_impl.h"

static struct lock_class route_lc = LOCK_CLASS("routes", 0);
static struct lock_class nexthop_lc = LOCK_CLASS("nexthops", 0);
static _Atomic(struct route_listener *) listeners;

void
route_listen(struct route_listener *rl)
{
	struct route_listener *first = atomic_load(&listeners);

	do {
		atomic_store(&rl->rl_next, first);
	} while (!atomic_compare_exchange_weak(&listeners, &first, rl));
}

void
route_changed(struct vnet *vn)
{
	atomic_fetch_add_explicit(&rtvnet(vn)->rv_gen, 1,
	    memory_order_release);
}

static unsigned
maxlen(int family)
{
	return family == AF_INET ? 32 : 128;
}

static struct rtkey
entry_key(const struct rtentry *rt)
{
	return rtkey(rt->rt_family, &rt->rt_dst);
}

/* ---- As others see a route ------------------------------------------------ */

#define HOPS_SHOWN 256

/* hops: room for rt_group's, HOPS_SHOWN at most */
static void
describe(const struct rtentry *rt, struct route_entry *re,
    struct route_hop *hops)
{
	struct nhgroup *ng;
	uint32_t i;

	*re = (struct route_entry){
		.re_family = rt->rt_family, .re_plen = rt->rt_plen,
		.re_type = rt->rt_type, .re_protocol = rt->rt_protocol,
		.re_scope = rt->rt_scope, .re_tos = rt->rt_tos,
		.re_table = rt->rt_table, .re_metric = rt->rt_metric,
		.re_flags = rt->rt_flags, .re_dst = rt->rt_dst,
		.re_nh = rt->rt_nh,
	};
	ng = atomic_load(&((struct rtentry *)(uintptr_t)rt)->rt_group);
	if (ng == NULL)
		return;
	for (i = 0; i < ng->ng_n && i < HOPS_SHOWN; i++) {
		hops[i].rh_nh = *ng->ng_hop[i].nb_nh;
		hops[i].rh_weight = ng->ng_hop[i].nb_weight;
	}
	re->re_nh = ng->ng_hop[0].nb_nh;
	re->re_hops = hops;
	re->re_nhops = i;
}

/* Room for the description of any route; NULL: it has one hop, or no memory. */
static struct route_hop *
hops_alloc(const struct rtentry *rt)
{
	return rt->rt_nh == NULL ?
	    kmem_alloc(HOPS_SHOWN * sizeof(struct route_hop), 0) : NULL;
}

static void
hops_free(struct route_hop *hops)
{
	kmem_free(hops, HOPS_SHOWN * sizeof(*hops));
}

static void
announce(struct rtvnet *rv, const struct rtentry *rt, bool added)
{
	struct route_listener *rl = atomic_load(&listeners);
	struct route_hop *hops;
	struct route_entry re;

	atomic_fetch_add_explicit(&rv->rv_gen, 1, memory_order_release);
	if (rl == NULL)
		return;
	hops = hops_alloc(rt);
	if (rt->rt_nh == NULL && hops == NULL)
		return;
	describe(rt, &re, hops);
	for (; rl != NULL; rl = atomic_load(&rl->rl_next))
		rl->rl_event(rv->rv_vnet, &re, added);
	hops_free(hops);
}

/* ---- Next hops of a new route --------------------------------------------- */

/* Complete and check one: its interface, its gateway. */
static int
check_hop(struct rtvnet *rv, const struct route_entry *re, struct nexthop *nh)
{
	struct nexthop *via;
	struct ifnet *ifp = nh->nh_ifp;
	int error;

	nh->nh_flags &= NH_GATEWAY | NH_ONLINK;
	if (nh->nh_family == 0)
		nh->nh_family = re->re_family;
	if ((nh->nh_flags & NH_GATEWAY) != 0) {
		if (re->re_type != RTN_UNICAST ||
		    inaddr_any(&nh->nh_gateway))
			return EINVAL;
		if ((nh->nh_flags & NH_ONLINK) == 0) {
			error = route_gateway(rv, nh->nh_family,
			    &nh->nh_gateway, ifp != NULL ? ifp->if_index : 0,
			    &via);
			if (error != 0)
				return error;
			ifp = nh->nh_ifp = via->nh_ifp;
		}
	}
	if (ifp == NULL)
		return ENODEV;
	if (if_dead(ifp))
		return ENODEV;
	if (!if_is(ifp, IFF_UP) && re->re_type != RTN_LOCAL)
		return ENETDOWN;
	nh->nh_oif = ifp->if_index;
	nh->nh_scope = (nh->nh_flags & NH_GATEWAY) != 0 ? RT_SCOPE_LINK :
	    re->re_type == RTN_LOCAL ? RT_SCOPE_NOWHERE : RT_SCOPE_HOST;
	return 0;
}

static int
make_hop(struct rtvnet *rv, const struct route_entry *re,
    const struct nexthop *like, struct nexthop **nhp)
{
	static const struct nexthop nowhere;
	struct nexthop nh = like != NULL ? *like : nowhere;
	struct ifnet *lo = if_loopback(rv->rv_vnet);
	int error = 0;

	switch (re->re_type) {
	case RTN_BLACKHOLE:
	case RTN_UNREACHABLE:
	case RTN_PROHIBIT:
	case RTN_THROW:
		if ((nh.nh_flags & NH_GATEWAY) != 0)
			return EINVAL;
		nh.nh_ifp = lo;
		nh.nh_oif = lo->if_index;
		nh.nh_flags = re->re_type == RTN_UNREACHABLE ? NH_UNREACH :
		    re->re_type == RTN_PROHIBIT ? NH_PROHIBIT : NH_BLACKHOLE;
		break;
	case RTN_UNICAST:
	case RTN_LOCAL:
	case RTN_BROADCAST:
	case RTN_ANYCAST:
	case RTN_MULTICAST:
		error = check_hop(rv, re, &nh);
		if (error != 0)
			return error;
		if (re->re_type == RTN_LOCAL || re->re_type == RTN_ANYCAST) {
			nh.nh_flags |= NH_LOCAL;
			nh.nh_ifp = lo;
		} else if (re->re_type == RTN_BROADCAST) {
			nh.nh_flags |= NH_BCAST;
		} else if (re->re_type == RTN_MULTICAST) {
			nh.nh_flags |= NH_MCAST;
		}
		break;
	default:
		return EINVAL;
	}
	return nexthop_get(rv, &nh, nhp);
}

static size_t
group_size(uint32_t n)
{
	return sizeof(struct nhgroup) + n * sizeof(struct nhbound);
}

static void
group_free(struct epoch_entry *ee)
{
	struct nhgroup *ng = container_of(ee, struct nhgroup, ng_epoch);

	kmem_free(ng, group_size(ng->ng_n));
}

/* Give each hop its part of the hashes. */
static void
group_bounds(struct nhgroup *ng)
{
	uint64_t total = 0, sum = 0;
	uint32_t i;

	for (i = 0; i < ng->ng_n; i++)
		total += ng->ng_hop[i].nb_weight;
	for (i = 0; i < ng->ng_n; i++) {
		sum += ng->ng_hop[i].nb_weight;
		ng->ng_hop[i].nb_bound = (uint32_t)((sum << 32) / total - 1);
	}
}

static int
make_group(struct rtvnet *rv, const struct route_entry *re,
    struct nhgroup **ngp)
{
	struct nhgroup *ng;
	uint32_t i;
	int error = 0;

	if (re->re_nhops > HOPS_SHOWN || re->re_type != RTN_UNICAST)
		return EINVAL;
	ng = kmem_zalloc(group_size(re->re_nhops), 0);
	if (ng == NULL)
		return ENOMEM;
	ng->ng_n = re->re_nhops;
	for (i = 0; i < ng->ng_n && error == 0; i++) {
		ng->ng_hop[i].nb_weight = re->re_hops[i].rh_weight;
		error = re->re_hops[i].rh_weight == 0 ? EINVAL : make_hop(rv,
		    re, &re->re_hops[i].rh_nh, &ng->ng_hop[i].nb_nh);
	}
	if (error != 0) {
		for (i = 0; i < ng->ng_n; i++)
			if (ng->ng_hop[i].nb_nh != NULL)
				nexthop_rele(ng->ng_hop[i].nb_nh);
		kmem_free(ng, group_size(ng->ng_n));
		return error;
	}
	group_bounds(ng);
	*ngp = ng;
	return 0;
}

/* ---- Entries ---------------------------------------------------------------- */

static void
entry_free(struct epoch_entry *ee)
{
	kmem_free(container_of(ee, struct rtentry, rt_epoch),
	    sizeof(struct rtentry));
}

/* Nobody finds it any more, but readers in an epoch. */
static void
entry_release(struct rtentry *rt)
{
	struct nhgroup *ng = atomic_load(&rt->rt_group);
	uint32_t i;

	if (rt->rt_nh != NULL)
		nexthop_rele(rt->rt_nh);
	if (ng != NULL) {
		for (i = 0; i < ng->ng_n; i++)
			nexthop_rele(ng->ng_hop[i].nb_nh);
		epoch_defer(&ng->ng_epoch, group_free);
	}
	epoch_defer(&rt->rt_epoch, entry_free);
}

static int
entry_create(struct rtvnet *rv, const struct route_entry *re,
    struct rtentry **rtp)
{
	struct nhgroup *ng = NULL;
	struct rtentry *rt;
	int error;

	rt = kmem_zalloc(sizeof(*rt), 0);
	if (rt == NULL)
		return ENOMEM;
	rt->rt_table = re->re_table != 0 ? re->re_table : RT_TABLE_MAIN;
	rt->rt_metric = re->re_metric;
	rt->rt_flags = re->re_flags;
	rt->rt_family = re->re_family;
	rt->rt_plen = re->re_plen;
	rt->rt_type = re->re_type;
	rt->rt_tos = re->re_tos;
	rt->rt_protocol = re->re_protocol;
	rt->rt_scope = re->re_scope;
	rt->rt_dst = re->re_dst;
	if (re->re_nhops > 0)
		error = make_group(rv, re, &ng);
	else
		error = make_hop(rv, re, re->re_nh, &rt->rt_nh);
	if (error != 0) {
		kmem_free(rt, sizeof(*rt));
		return error;
	}
	atomic_init(&rt->rt_group, ng);
	*rtp = rt;
	return 0;
}

/* Of a prefix' list, for readers that have only a destination. */
static struct rtvalue
list_value(struct rtentry *head)
{
	struct rtvalue v = { 0, head };

	if (head->rt_tos == 0 && head->rt_nh != NULL &&
	    head->rt_type != RTN_THROW)
		v.rv_fast = (uintptr_t)head->rt_nh;
	return v;
}

static struct rtentry *
next_entry(struct rtentry *rt)
{
	return atomic_load_explicit(&rt->rt_next, memory_order_relaxed);
}

/* < 0: a is before b. */
static int
compare(const struct rtentry *a, const struct rtentry *b)
{
	if (a->rt_table != b->rt_table)
		return a->rt_table > b->rt_table ? -1 : 1;
	if (a->rt_tos != b->rt_tos)
		return a->rt_tos > b->rt_tos ? -1 : 1;
	if (a->rt_metric != b->rt_metric)
		return a->rt_metric < b->rt_metric ? -1 : 1;
	return 0;
}

/* The same way to the same place? */
static bool
same_way(struct rtentry *a, struct rtentry *b)
{
	struct nhgroup *ga = atomic_load(&a->rt_group),
	    *gb = atomic_load(&b->rt_group);
	uint32_t i;

	if (a->rt_type != b->rt_type || a->rt_scope != b->rt_scope ||
	    a->rt_protocol != b->rt_protocol || a->rt_nh != b->rt_nh ||
	    (ga == NULL) != (gb == NULL))
		return false;
	if (ga == NULL)
		return true;
	if (ga->ng_n != gb->ng_n)
		return false;
	for (i = 0; i < ga->ng_n; i++)
		if (ga->ng_hop[i].nb_nh != gb->ng_hop[i].nb_nh ||
		    ga->ng_hop[i].nb_weight != gb->ng_hop[i].nb_weight)
			return false;
	return true;
}

/* Put rt behind prev (NULL: in front) of the list that begins with head. */
static int
list_insert(struct rttable *tb, struct rtentry *head, struct rtentry *prev,
    struct rtentry *rt)
{
	if (prev != NULL) {
		atomic_store_explicit(&rt->rt_next, next_entry(prev),
		    memory_order_relaxed);
		atomic_store_explicit(&prev->rt_next, rt,
		    memory_order_release);
		return 0;
	}
	atomic_store_explicit(&rt->rt_next, head, memory_order_relaxed);
	return rtrie_set(&tb->tb_trie, entry_key(rt), rt->rt_plen,
	    list_value(rt));
}

/* Take rt out of its list; its own link stays for readers. */
static void
list_cut(struct rttable *tb, struct rtentry *rt)
{
	struct rtentry *p, *next = next_entry(rt);

	p = rtrie_get(&tb->tb_trie, entry_key(rt), rt->rt_plen);
	if (p != rt) {
		while (next_entry(p) != rt)
			p = next_entry(p);
		atomic_store_explicit(&p->rt_next, next, memory_order_release);
	} else if (next != NULL) {
		(void)rtrie_set(&tb->tb_trie, entry_key(rt), rt->rt_plen,
		    list_value(next));
	} else {
		rtrie_remove(&tb->tb_trie, entry_key(rt), rt->rt_plen);
	}
}

static void
entry_delete(struct rtvnet *rv, struct rttable *tb, struct rtentry *rt)
{
	list_cut(tb, rt);
	announce(rv, rt, false);
	entry_release(rt);
}

/* ---- Add ---------------------------------------------------------------------- */

/* The table, made if need be. */
static int
table_get(struct rtvnet *rv, int family, uint32_t id, struct rttable **tbp)
{
	struct rttable *tb = rttable_find(rv, family, id), *p, *next;

	if (tb == NULL) {
		tb = kmem_zalloc(sizeof(*tb), 0);
		if (tb == NULL)
			return ENOMEM;
		tb->tb_family = family;
		tb->tb_id = id;
		rtrie_init(&tb->tb_trie, family == AF_INET);
		p = family == AF_INET ? &rv->rv_inet : &rv->rv_inet6;
		while ((next = atomic_load(&p->tb_next)) != NULL &&
		    next->tb_id < id)
			p = next;
		atomic_init(&tb->tb_next, next);
		atomic_store_explicit(&p->tb_next, tb, memory_order_release);
	}
	*tbp = tb;
	return 0;
}

static int
check_entry(const struct route_entry *re)
{
	struct rtkey k, m;

	if (re->re_family != AF_INET && re->re_family != AF_INET6)
		return EAFNOSUPPORT;
	if (re->re_plen > maxlen(re->re_family))
		return EINVAL;
	k = rtkey(re->re_family, &re->re_dst);
	m = rtkey_mask(k, re->re_plen);
	return k.rk_hi == m.rk_hi && k.rk_lo == m.rk_lo ? 0 : EINVAL;
}

/* The new route among those of its prefix, by Linux' rules for NLM_F_*. */
static int
place_entry(struct rtvnet *rv, struct rttable *tb, struct rtentry *rt,
    int flags)
{
	struct rtentry *head, *prev = NULL, *first, *last, *p, *twin = NULL;
	int error;

	head = rtrie_get(&tb->tb_trie, entry_key(rt), rt->rt_plen);
	for (p = head; p != NULL && compare(p, rt) < 0; p = next_entry(p))
		prev = p;
	first = p != NULL && compare(p, rt) == 0 ? p : NULL;
	last = prev;
	for (; p != NULL && compare(p, rt) == 0; p = next_entry(p)) {
		last = p;
		if (same_way(p, rt))
			twin = p;
	}
	if (first == NULL) {
		if ((flags & NLM_F_CREATE) == 0)
			return ENOENT;
	} else if ((flags & NLM_F_EXCL) != 0) {
		return EEXIST;
	} else if (twin != NULL) {
		/* Replacing a route by itself: done already. */
		return (flags & NLM_F_REPLACE) != 0 && twin == first ? EALREADY :
		    EEXIST;
	}
	if ((flags & NLM_F_APPEND) != 0)
		prev = last;
	error = list_insert(tb, head, prev, rt);
	if (error != 0)
		return error;
	if (first != NULL && (flags & NLM_F_REPLACE) != 0)
		entry_delete(rv, tb, first);
	announce(rv, rt, true);
	return 0;
}

int
route_add(struct vnet *vn, const struct route_entry *re, int flags)
{
	struct rtvnet *rv = rtvnet(vn);
	struct rttable *tb;
	struct rtentry *rt;
	int error;

	error = check_entry(re);
	if (error != 0)
		return error;
	mutex_enter(&rv->rv_lock);
	error = table_get(rv, re->re_family, re->re_table, &tb);
	if (error == 0)
		error = entry_create(rv, re, &rt);
	if (error == 0) {
		error = place_entry(rv, tb, rt, flags);
		if (error != 0)
			entry_release(rt);
	}
	mutex_exit(&rv->rv_lock);
	return error == EALREADY ? 0 : error;
}

/* ---- Delete --------------------------------------------------------------------- */

static bool
hop_matches(const struct nexthop *nh, const struct nexthop *like)
{
	if (like->nh_ifp != NULL && nh->nh_oif != like->nh_ifp->if_index)
		return false;
	if ((like->nh_flags & NH_GATEWAY) != 0 &&
	    ((nh->nh_flags & NH_GATEWAY) == 0 ||
	    !inaddr_eq(&nh->nh_gateway, &like->nh_gateway)))
		return false;
	return inaddr_any(&like->nh_prefsrc) ||
	    inaddr_eq(&nh->nh_prefsrc, &like->nh_prefsrc);
}

static bool
entry_matches(const struct rtentry *rt, const struct route_entry *re)
{
	struct nhgroup *ng;
	uint32_t i;

	if ((re->re_table != 0 ? re->re_table : RT_TABLE_MAIN) != rt->rt_table ||
	    re->re_tos != rt->rt_tos ||
	    (re->re_type != 0 && re->re_type != rt->rt_type) ||
	    (re->re_protocol != 0 && re->re_protocol != rt->rt_protocol) ||
	    (re->re_scope != RT_SCOPE_NOWHERE && re->re_scope != 0 &&
	    re->re_scope != rt->rt_scope) ||
	    (re->re_metric != 0 && re->re_metric != rt->rt_metric))
		return false;
	ng = atomic_load(&((struct rtentry *)(uintptr_t)rt)->rt_group);
	if (re->re_nhops > 0) {
		if (ng == NULL || ng->ng_n != re->re_nhops)
			return false;
		for (i = 0; i < ng->ng_n; i++)
			if (!hop_matches(ng->ng_hop[i].nb_nh,
			    &re->re_hops[i].rh_nh))
				return false;
		return true;
	}
	if (re->re_nh == NULL)
		return true;
	return hop_matches(ng == NULL ? rt->rt_nh : ng->ng_hop[0].nb_nh,
	    re->re_nh);
}

int
route_delete(struct vnet *vn, const struct route_entry *re)
{
	struct rtvnet *rv = rtvnet(vn);
	struct rtentry *rt = NULL;
	struct rttable *tb;
	int error;

	error = check_entry(re);
	if (error != 0)
		return error;
	mutex_enter(&rv->rv_lock);
	tb = rttable_find(rv, re->re_family, re->re_table);
	if (tb != NULL)
		rt = rtrie_get(&tb->tb_trie, rtkey(re->re_family, &re->re_dst),
		    re->re_plen);
	while (rt != NULL && !entry_matches(rt, re))
		rt = next_entry(rt);
	if (rt != NULL)
		entry_delete(rv, tb, rt);
	mutex_exit(&rv->rv_lock);
	return rt != NULL ? 0 : ESRCH;
}

/* ---- Walk ------------------------------------------------------------------------ */

struct walk {
	struct rttable *w_tb;
	struct route_cursor *w_rc;
	int (*w_fn)(struct rttable *tb, struct rtentry *rt, void *arg);
	void *w_arg;
};

/* The routes of one prefix. */
static int
walk_prefix(void *entry, void *arg)
{
	struct rtentry *rt = entry;
	struct walk *w = arg;
	struct route_cursor *rc = w->w_rc;
	uint32_t n = 0;
	int rv;

	if (rc->rc_plen != rt->rt_plen || !inaddr_eq(&rc->rc_dst, &rt->rt_dst))
		rc->rc_skip = 0;
	rc->rc_plen = rt->rt_plen;
	rc->rc_dst = rt->rt_dst;
	for (; rt != NULL; rt = next_entry(rt), n++) {
		if (n < rc->rc_skip)
			continue;
		rv = w->w_fn(w->w_tb, rt, w->w_arg);
		if (rv != 0) {
			rc->rc_skip = n;
			return rv;
		}
	}
	rc->rc_skip = n;
	return 0;
}

static int
walk_table(struct rttable *tb, struct route_cursor *rc,
    int (*fn)(struct rttable *tb, struct rtentry *rt, void *arg), void *arg)
{
	struct walk w = { tb, rc, fn, arg };

	return rtrie_walk(&tb->tb_trie, rtkey(tb->tb_family, &rc->rc_dst),
	    rc->rc_plen, walk_prefix, &w);
}

/* All tables of a family, from the cursor on. rv_lock held. */
static int
walk_family(struct rtvnet *rv, struct rttable *tb, struct route_cursor *rc,
    int (*fn)(struct rttable *tb, struct rtentry *rt, void *arg), void *arg)
{
	int error = 0;

	KASSERT(mutex_owned(&rv->rv_lock));
	for (; tb != NULL && error == 0; tb = atomic_load(&tb->tb_next)) {
		if (rc->rc_started && rc->rc_family == tb->tb_family &&
		    tb->tb_id < rc->rc_table)
			continue;
		if (!rc->rc_started || rc->rc_family != tb->tb_family ||
		    rc->rc_table != tb->tb_id)
			*rc = (struct route_cursor){ .rc_started = true,
			    .rc_family = (uint8_t)tb->tb_family,
			    .rc_table = tb->tb_id };
		error = walk_table(tb, rc, fn, arg);
	}
	return error;
}

struct show {
	int (*s_fn)(const struct route_entry *re, void *arg);
	void *s_arg;
};

int
rtentry_show(struct rtentry *rt,
    int (*fn)(const struct route_entry *re, void *arg), void *arg)
{
	struct route_hop *hops = hops_alloc(rt);
	struct route_entry re;
	int error;

	if (rt->rt_nh == NULL && hops == NULL)
		return ENOMEM;
	describe(rt, &re, hops);
	error = fn(&re, arg);
	hops_free(hops);
	return error;
}

static int
show_entry(struct rttable *tb __maybe_unused, struct rtentry *rt, void *arg)
{
	struct show *s = arg;

	return rtentry_show(rt, s->s_fn, s->s_arg);
}

int
route_walk(struct vnet *vn, int family, struct route_cursor *rc,
    int (*fn)(const struct route_entry *re, void *arg), void *arg)
{
	struct rtvnet *rv = rtvnet(vn);
	struct show s = { fn, arg };
	int error = 0;

	mutex_enter(&rv->rv_lock);
	if (family != AF_INET6 && (!rc->rc_started ||
	    rc->rc_family == AF_INET))
		error = walk_family(rv, &rv->rv_inet, rc, show_entry, &s);
	if (error == 0 && family != AF_INET)
		error = walk_family(rv, &rv->rv_inet6, rc, show_entry, &s);
	mutex_exit(&rv->rv_lock);
	return error;
}

/* ---- Routes that lose what they need ------------------------------------------------ */

struct purge {
	struct ifnet *p_ifp;
	const union inaddr *p_src;	/* NULL: of p_ifp; else: with this source */
	bool p_local;			/* RTN_LOCAL too */
	struct rttable *p_tb;		/* found */
	struct rtentry *p_rt;
};

static bool
hop_hit(const struct nexthop *nh, const struct purge *p)
{
	if (p->p_src != NULL)
		return inaddr_eq(&nh->nh_prefsrc, p->p_src);
	return nh->nh_oif == p->p_ifp->if_index || nh->nh_ifp == p->p_ifp;
}

static int
purge_find(struct rttable *tb, struct rtentry *rt, void *arg)
{
	struct nhgroup *ng = atomic_load(&rt->rt_group);
	struct purge *p = arg;
	uint32_t i, n = ng != NULL ? ng->ng_n : 1;

	if (rt->rt_type == RTN_LOCAL && !p->p_local)
		return 0;
	for (i = 0; i < n; i++)
		if (hop_hit(ng != NULL ? ng->ng_hop[i].nb_nh : rt->rt_nh, p))
			break;
	if (i == n)
		return 0;
	p->p_tb = tb;
	p->p_rt = rt;
	return 1;
}

/* A multipath route goes on with the hops that are left; false: none, or no
 * memory. */
static bool
group_shrink(struct rtentry *rt, const struct purge *p)
{
	struct nhgroup *ng = atomic_load(&rt->rt_group), *new;
	uint32_t i, n = 0;

	if (ng == NULL)
		return false;
	for (i = 0; i < ng->ng_n; i++)
		n += !hop_hit(ng->ng_hop[i].nb_nh, p);
	new = n > 0 ? kmem_zalloc(group_size(n), 0) : NULL;
	if (new == NULL)
		return false;
	for (i = 0; i < ng->ng_n; i++) {
		if (hop_hit(ng->ng_hop[i].nb_nh, p))
			nexthop_rele(ng->ng_hop[i].nb_nh);
		else
			new->ng_hop[new->ng_n++] = ng->ng_hop[i];
	}
	group_bounds(new);
	atomic_store_explicit(&rt->rt_group, new, memory_order_release);
	epoch_defer(&ng->ng_epoch, group_free);
	return true;
}

static void
purge_table(struct rtvnet *rv, struct rttable *tb, struct purge *p)
{
	struct route_cursor rc = { .rc_started = false };

	while (walk_family(rv, tb, &rc, purge_find, p) != 0)
		if (!group_shrink(p->p_rt, p))
			entry_delete(rv, p->p_tb, p->p_rt);
}

static void
purge(struct vnet *vn, struct purge *p)
{
	struct rtvnet *rv = rtvnet(vn);

	mutex_enter(&rv->rv_lock);
	purge_table(rv, &rv->rv_inet, p);
	purge_table(rv, &rv->rv_inet6, p);
	atomic_fetch_add_explicit(&rv->rv_gen, 1, memory_order_release);
	mutex_exit(&rv->rv_lock);
}

void
route_purge(struct ifnet *ifp, bool local)
{
	struct purge p = { .p_ifp = ifp, .p_local = local };

	purge(ifp->if_vnet, &p);
}

void
route_purge_source(struct vnet *vn, const union inaddr *src)
{
	struct purge p = { .p_src = src };

	purge(vn, &p);
}

/* ---- VNET_ROUTE ------------------------------------------------------------------------ */

int
rtvnet_create(struct vnet *vn, struct rtvnet **rvp)
{
	struct rtvnet *rv;
	unsigned i;

	rv = kmem_zalloc(sizeof(*rv), 0);
	if (rv == NULL)
		return ENOMEM;
	rv->rv_vnet = vn;
	mutex_init(&rv->rv_lock, &route_lc);
	spin_init(&rv->rv_nhlock, &nexthop_lc);
	for (i = 0; i < NHBUCKETS; i++)
		list_init(&rv->rv_nexthops[i]);
	rv->rv_inet.tb_family = AF_INET;
	rv->rv_inet6.tb_family = AF_INET6;
	rtrie_init(&rv->rv_inet.tb_trie, true);
	rtrie_init(&rv->rv_inet6.tb_trie, false);
	*rvp = rv;
	return 0;
}

static void
tables_free(struct rttable *tb)
{
	struct rttable *next;

	for (tb = atomic_load(&tb->tb_next); tb != NULL; tb = next) {
		next = atomic_load(&tb->tb_next);
		rtrie_fini(&tb->tb_trie);
		kmem_free(tb, sizeof(*tb));
	}
}

void
rtvnet_destroy(struct rtvnet *rv)
{
	rtrie_fini(&rv->rv_inet.tb_trie);
	rtrie_fini(&rv->rv_inet6.tb_trie);
	tables_free(&rv->rv_inet);
	tables_free(&rv->rv_inet6);
	mutex_fini(&rv->rv_lock);
	spin_fini(&rv->rv_nhlock);
	kmem_free(rv, sizeof(*rv));
}
