/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Kernel half of t_route.
 */
#include <kern/time.h>

#include "k_testif.h"

#include "k_route.h"
#include "k_trie.h"

/* ---- The trie ------------------------------------------------------------- */

static const struct prefix *
model_match(const struct prefix *ps, unsigned n, struct rtkey k, int maxlen)
{
	const struct prefix *best = NULL;
	unsigned i;

	for (i = 0; i < n; i++)
		if (ps[i].p_in && (int)ps[i].p_len <= maxlen &&
		    prefix_matches(&ps[i], k) &&
		    (best == NULL || ps[i].p_len > best->p_len))
			best = &ps[i];
	return best;
}

static int
check_match(struct rtrie *t, const struct prefix *ps, unsigned n,
    struct rtkey k, int maxlen)
{
	const struct prefix *want = model_match(ps, n, k, 128);
	uintptr_t got;
	void *entry;
	int len;

	epoch_enter();
	got = rtrie_match(t, k);
	len = rtrie_match_entry(t, k, maxlen, &entry);
	epoch_exit();
	CHECK(got == (uintptr_t)want);
	want = model_match(ps, n, k, maxlen);
	CHECK(len == (want != NULL ? (int)want->p_len : -1));
	CHECK(want == NULL || entry == want);
	return 0;
}

static void
make_prefixes(struct prefix *ps, unsigned n, uint64_t *s, int bits)
{
	unsigned i, j;

	for (i = 0; i < n; i++) {
		do {
			ps[i].p_len = (unsigned)(next_random(s) %
			    ((unsigned)bits + 1));
			ps[i].p_key = rtkey_mask(random_key(s, bits, 3),
			    ps[i].p_len);
			for (j = 0; j < i; j++)
				if (ps[j].p_len == ps[i].p_len &&
				    prefix_matches(&ps[j], ps[i].p_key))
					break;
		} while (j < i);
		ps[i].p_in = false;
	}
}

static int
flip(struct rtrie *t, struct prefix *p)
{
	struct rtvalue v = { (uintptr_t)p, p };

	if (p->p_in) {
		CHECK(rtrie_get(t, p->p_key, p->p_len) == p);
		rtrie_remove(t, p->p_key, p->p_len);
	} else {
		CHECK(rtrie_get(t, p->p_key, p->p_len) == NULL);
		CHECK(rtrie_set(t, p->p_key, p->p_len, v) == 0);
	}
	p->p_in = !p->p_in;
	return 0;
}

static int
clear(struct rtrie *t, struct prefix *ps, unsigned n)
{
	unsigned i;

	for (i = 0; i < n; i++)
		if (ps[i].p_in)
			CHECK(flip(t, &ps[i]) == 0);
	CHECK(t->rt_count == 0 && atomic_load(&t->rt_root) == 0);
	rtrie_fini(t);
	return 0;
}

int
rumptest_trie_model(uint64_t s, int bits, unsigned n, unsigned rounds)
{
	struct prefix *ps = kmem_zalloc(n * sizeof(*ps), 0), *p;
	struct rtrie t;
	struct rtkey k;
	unsigned i;
	int line;

	CHECK(ps != NULL);
	rtrie_init(&t, false);
	make_prefixes(ps, n, &s, bits);
	for (i = 0; i < rounds; i++) {
		line = flip(&t, &ps[next_random(&s) % n]);
		CHECK(line == 0);
		/* Near a prefix, and anywhere. */
		p = &ps[next_random(&s) % n];
		k = random_key(&s, bits, 3);
		if (next_random(&s) % 2 == 0) {
			k.rk_hi = p->p_key.rk_hi ^ (next_random(&s) >>
			    (next_random(&s) % 64));
			k.rk_lo = p->p_key.rk_lo;
		}
		k = rtkey_mask(k, (unsigned)bits);
		line = check_match(&t, ps, n, k,
		    (int)(next_random(&s) % ((unsigned)bits + 1)));
		if (line != 0)
			return line;
	}
	line = clear(&t, ps, n);
	kmem_free(ps, n * sizeof(*ps));
	return line;
}

struct walked {
	const struct prefix *w_last;
	unsigned w_n;
	bool w_ordered;
};

static int
walked(void *entry, void *arg)
{
	const struct prefix *p = entry;
	struct walked *w = arg;

	if (w->w_last != NULL && (p->p_key.rk_hi < w->w_last->p_key.rk_hi ||
	    (p->p_key.rk_hi == w->w_last->p_key.rk_hi &&
	    (p->p_key.rk_lo < w->w_last->p_key.rk_lo ||
	    (p->p_key.rk_lo == w->w_last->p_key.rk_lo &&
	    p->p_len <= w->w_last->p_len)))))
		w->w_ordered = false;
	w->w_last = p;
	w->w_n++;
	return 0;
}

static bool
not_before(const struct prefix *p, struct rtkey k, unsigned len)
{
	if (p->p_key.rk_hi != k.rk_hi)
		return p->p_key.rk_hi > k.rk_hi;
	if (p->p_key.rk_lo != k.rk_lo)
		return p->p_key.rk_lo > k.rk_lo;
	return p->p_len >= len;
}

int
rumptest_trie_walk(uint64_t s, int bits, unsigned n)
{
	struct prefix *ps = kmem_zalloc(n * sizeof(*ps), 0);
	struct rtkey from = { 0, 0 };
	unsigned i, j, want, len = 0;
	struct rtrie t;

	CHECK(ps != NULL);
	rtrie_init(&t, false);
	make_prefixes(ps, n, &s, bits);
	for (i = 0; i < n; i++)
		CHECK(flip(&t, &ps[i]) == 0);
	for (i = 0; i < 2 * n; i++) {
		struct walked w = { NULL, 0, true };

		for (want = 0, j = 0; j < n; j++)
			want += not_before(&ps[j], from, len);
		CHECK(rtrie_walk(&t, from, len, walked, &w) == 0);
		CHECK(w.w_ordered && w.w_n == want);
		if (i < n) {
			from = ps[i].p_key;
			len = ps[i].p_len + (i % 3 == 0);
		} else {
			from = random_key(&s, bits, 2);
			len = (unsigned)(next_random(&s) % 33);
		}
	}
	CHECK(clear(&t, ps, n) == 0);
	kmem_free(ps, n * sizeof(*ps));
	return 0;
}

/* Lengths as in a table of the Internet: most of them 24 bits. */
static unsigned
internet_length(uint64_t *s)
{
	unsigned r = (unsigned)(next_random(s) % 100);

	return r < 60 ? 24 : r < 70 ? 22 : r < 78 ? 23 : r < 86 ? 20 :
	    r < 90 ? 21 : r < 94 ? 19 : r < 97 ? 16 : r < 98 ? 18 :
	    r < 99 ? 32 : 8 + r % 8;
}

/* The model of many: one sorted list a length, searched by halves. */
struct bylen {
	uint32_t *bl_key;
	unsigned bl_n;
};

static bool
bylen_has(const struct bylen *bl, uint32_t key)
{
	unsigned lo = 0, hi = bl->bl_n, mid;

	while (lo < hi) {
		mid = (lo + hi) / 2;
		if (bl->bl_key[mid] < key)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < bl->bl_n && bl->bl_key[lo] == key;
}

static void
sort_keys(uint32_t *a, unsigned n)
{
	unsigned i, gap;
	uint32_t v;

	for (gap = n / 2; gap > 0; gap /= 2)
		for (i = gap; i < n; i++) {
			unsigned j = i;

			for (v = a[i]; j >= gap && a[j - gap] > v; j -= gap)
				a[j] = a[j - gap];
			a[j] = v;
		}
}

static uint32_t
mask4(unsigned len)
{
	return len == 0 ? 0 : ~0u << (32 - len);
}

#define BATCH	2000
#define BATCHES	64

/* The median of batches: other programs run beside us. Each look-up waits for
 * the one before. */
static unsigned
time_lookups(struct rtrie *t, const uint32_t *all, unsigned n, unsigned among)
{
	uint32_t ns[BATCHES];
	struct rtkey k = { 0, 0 };
	uintptr_t v = 0;
	unsigned i, b;
	nstime_t t0;

	for (b = 0; b < BATCHES; b++) {
		epoch_enter();
		t0 = mono_now();
		for (i = 0; i < BATCH; i++) {
			k.rk_hi = (uint64_t)all[((b * BATCH + i) *
			    2654435761u + (v == ~0ul)) % among % n] << 32;
			v = rtrie_match(t, k);
		}
		ns[b] = (uint32_t)((mono_now() - t0) / BATCH);
		epoch_exit();
	}
	sort_keys(ns, BATCHES);
	return ns[BATCHES / 2];
}

int
rumptest_trie_big(uint64_t s, unsigned n, unsigned *ns_hot,
    unsigned *ns_cold)
{
	struct bylen bl[33] = { { NULL, 0 } };
	uint32_t *all = kmem_alloc(n * sizeof(*all), 0), a;
	uint8_t *len = kmem_alloc(n, 0);
	unsigned i, l, looks = MIN(n, 200000u) & ~1u;
	struct rtkey k = { 0, 0 };
	struct rtvalue v;
	struct rtrie t;
	void *entry;

	CHECK(all != NULL && len != NULL);
	rtrie_init(&t, true);
	for (l = 0; l <= 32; l++) {
		bl[l].bl_key = kmem_alloc((n + 1) * sizeof(uint32_t), 0);
		CHECK(bl[l].bl_key != NULL);
	}
	for (i = 0; i < n; i++) {
		len[i] = (uint8_t)internet_length(&s);
		/* 1.0.0.0 to 223.255.255.255 */
		a = (uint32_t)(next_random(&s) % 0xdf000000u) + 0x01000000u;
		all[i] = a & mask4(len[i]);
		bl[len[i]].bl_key[bl[len[i]].bl_n++] = all[i];
		k.rk_hi = (uint64_t)all[i] << 32;
		v.rv_fast = len[i] + 1u;
		v.rv_entry = (void *)(uintptr_t)(len[i] + 1u);
		CHECK(rtrie_set(&t, k, len[i], v) == 0);
	}
	for (l = 0; l <= 32; l++)
		sort_keys(bl[l].bl_key, bl[l].bl_n);
	for (i = 0; i < looks; i++) {
		a = (uint32_t)next_random(&s);
		if (i % 2 == 0)
			a = all[a % n] | ((uint32_t)next_random(&s) & 0xff);
		for (l = 33; l > 0; l--)
			if (bylen_has(&bl[l - 1], a & mask4(l - 1)))
				break;
		k.rk_hi = (uint64_t)a << 32;
		epoch_enter();
		CHECK(rtrie_match(&t, k) == l);
		CHECK(rtrie_match_entry(&t, k, 32, &entry) == (int)l - 1);
		epoch_exit();
	}
	*ns_cold = time_lookups(&t, all, n, n);
	*ns_hot = time_lookups(&t, all, n, 8);
	/* Away again, all of them, with the array that a large table has. */
	for (i = 0; i < n; i++) {
		k.rk_hi = (uint64_t)all[i] << 32;
		if (rtrie_get(&t, k, len[i]) != NULL)
			rtrie_remove(&t, k, len[i]);
		if (i % (n / 8) != 0)
			continue;
		a = (uint32_t)next_random(&s);
		k.rk_hi = (uint64_t)a << 32;
		epoch_enter();
		CHECK((int)rtrie_match(&t, k) - 1 ==
		    rtrie_match_entry(&t, k, 32, &entry));
		epoch_exit();
	}
	CHECK(t.rt_count == 0);
	rtrie_fini(&t);
	for (l = 0; l <= 32; l++)
		kmem_free(bl[l].bl_key, (n + 1) * sizeof(uint32_t));
	kmem_free(all, n * sizeof(*all));
	kmem_free(len, n);
	return 0;
}

/* ---- Routes ------------------------------------------------------------------- */

static struct testif *t0, *t1;

static int
up(struct testif **tp, const char *name, uint8_t nn, uint32_t addr)
{
	struct vnet *vn = curvnet();
	struct ifaddr ifa = { .ifa_family = AF_INET, .ifa_plen = 24,
	    .ifa_addr = inaddr4(htobe32(addr)) };
	int error;

	if (*tp != NULL)
		return 0;
	error = testif_create(vn, name, 0, nn, tp);
	if (error != 0)
		return error;
	ifnet_lock(vn);
	error = if_setflags((*tp)->t_ifp, IFF_UP, 0);
	if (error == 0)
		error = ifaddr_add((*tp)->t_ifp, &ifa);
	ifnet_unlock(vn);
	return error;
}

/* 10.0.0.1/24 on t0, 10.0.1.1/24 on t1 */
#define SETUP() do {							\
	CHECK(up(&t0, "tst0", 1, 0x0a000001) == 0);			\
	CHECK(up(&t1, "tst1", 2, 0x0a000101) == 0);			\
} while (0)

static struct nexthop
via(uint32_t gw)
{
	return (struct nexthop){ .nh_flags = gw != 0 ? NH_GATEWAY : 0,
	    .nh_gateway = inaddr4(htobe32(gw)) };
}

static struct route_entry
entry(uint32_t dst, unsigned len, uint32_t metric, struct nexthop *nh)
{
	return (struct route_entry){ .re_family = AF_INET,
	    .re_plen = (uint8_t)len, .re_type = RTN_UNICAST,
	    .re_protocol = RTPROT_STATIC, .re_metric = metric,
	    .re_dst = inaddr4(htobe32(dst)), .re_nh = nh };
}

static int
add(uint32_t dst, unsigned len, uint32_t metric, uint32_t gw, int flags)
{
	struct nexthop nh = via(gw);
	struct route_entry re = entry(dst, len, metric, &nh);

	return route_add(curvnet(), &re, flags);
}

static int
del(uint32_t dst, unsigned len, uint32_t metric)
{
	struct route_entry re = entry(dst, len, metric, NULL);

	re.re_type = 0;
	return route_delete(curvnet(), &re);
}

/* The gateway that packets to dst take; 1: none, directly; or minus an error. */
static int64_t
gateway_to(uint32_t dst, const struct route_key *like)
{
	struct route_key rk = { .rk_family = AF_INET };
	struct nexthop *nh;
	int64_t rv;
	int error;

	if (like != NULL)
		rk = *like;
	rk.rk_family = AF_INET;
	rk.rk_dst = inaddr4(htobe32(dst));
	epoch_enter();
	error = route_lookup(curvnet(), &rk, &nh);
	rv = error != 0 ? -error : (nh->nh_flags & NH_GATEWAY) != 0 ?
	    (int64_t)be32toh(nh->nh_gateway.a4) : 1;
	epoch_exit();
	return rv;
}

#define CREATE (NLM_F_CREATE | NLM_F_EXCL)
#define GW(n) (0x0a000000u + (n))
#define NET 0x14000000u

int
rumptest_route_order(void)
{
	SETUP();
	CHECK(gateway_to(NET, NULL) == -ENETUNREACH);
	CHECK(add(0, 0, 0, GW(2), CREATE) == 0);
	CHECK(add(NET, 8, 20, GW(3), CREATE) == 0);
	CHECK(add(NET, 8, 10, GW(4), CREATE) == 0);
	CHECK(add(NET, 16, 30, GW(5), CREATE) == 0);
	CHECK(gateway_to(0x30000000, NULL) == GW(2));
	CHECK(gateway_to(NET + 0x10000, NULL) == GW(4));
	CHECK(gateway_to(NET + 1, NULL) == GW(5));
	CHECK(del(NET, 8, 10) == 0);
	CHECK(gateway_to(NET + 0x10000, NULL) == GW(3));
	CHECK(del(NET, 8, 0) == 0);
	CHECK(gateway_to(NET + 0x10000, NULL) == GW(2));
	CHECK(del(NET, 8, 0) == ESRCH);
	CHECK(del(NET, 16, 31) == ESRCH);
	CHECK(del(NET, 16, 0) == 0);
	CHECK(del(0, 0, 0) == 0);
	CHECK(gateway_to(NET, NULL) == -ENETUNREACH);
	return 0;
}

int
rumptest_route_flags(void)
{
	SETUP();
	CHECK(add(NET, 8, 0, GW(2), 0) == ENOENT);
	CHECK(add(NET, 8, 0, GW(2), CREATE) == 0);
	CHECK(add(NET, 8, 0, GW(2), CREATE) == EEXIST);
	CHECK(add(NET, 8, 0, GW(3), CREATE) == EEXIST);
	CHECK(add(NET, 8, 0, GW(2), NLM_F_CREATE | NLM_F_APPEND) == EEXIST);
	/* Appended: behind; without: before. */
	CHECK(add(NET, 8, 0, GW(3), NLM_F_CREATE | NLM_F_APPEND) == 0);
	CHECK(gateway_to(NET, NULL) == GW(2));
	CHECK(add(NET, 8, 0, GW(4), NLM_F_CREATE) == 0);
	CHECK(gateway_to(NET, NULL) == GW(4));
	/* The first one is replaced; by itself: nothing happens. */
	CHECK(add(NET, 8, 0, GW(5), NLM_F_REPLACE) == 0);
	CHECK(gateway_to(NET, NULL) == GW(5));
	CHECK(add(NET, 8, 0, GW(5), NLM_F_REPLACE) == 0);
	CHECK(add(NET, 8, 0, GW(2), NLM_F_REPLACE) == EEXIST);
	CHECK(add(NET, 8, 7, GW(2), NLM_F_REPLACE) == ENOENT);
	CHECK(del(NET, 8, 0) == 0 && gateway_to(NET, NULL) == GW(2));
	CHECK(del(NET, 8, 0) == 0 && gateway_to(NET, NULL) == GW(3));
	CHECK(del(NET, 8, 0) == 0 && del(NET, 8, 0) == ESRCH);
	return 0;
}

static int
add_type(uint32_t dst, unsigned len, uint8_t type)
{
	struct route_entry re = entry(dst, len, 0, NULL);

	re.re_type = type;
	return route_add(curvnet(), &re, CREATE);
}

int
rumptest_route_types(void)
{
	struct route_key onlink = { .rk_oif = 0 };

	SETUP();
	CHECK(add_type(NET, 8, RTN_BLACKHOLE) == 0);
	CHECK(add_type(NET, 16, RTN_UNREACHABLE) == 0);
	CHECK(add_type(NET, 24, RTN_PROHIBIT) == 0);
	CHECK(add_type(NET, 32, RTN_THROW) == 0);
	CHECK(gateway_to(NET, NULL) == -ENETUNREACH);
	CHECK(gateway_to(NET + 1, NULL) == -EACCES);
	CHECK(gateway_to(NET + 0x101, NULL) == -EHOSTUNREACH);
	CHECK(gateway_to(NET + 0x10101, NULL) == -EINVAL);
	CHECK(add_type(NET, 8, RTN_NAT) == EINVAL);
	CHECK(add_type(NET, 8, RTN_UNICAST) == ENODEV);
	CHECK(add(NET + 1, 8, 0, GW(2), CREATE) == EINVAL);
	CHECK(add(NET, 33, 0, GW(2), CREATE) == EINVAL);
	CHECK(del(NET, 8, 0) == 0 && del(NET, 16, 0) == 0);
	CHECK(del(NET, 24, 0) == 0 && del(NET, 32, 0) == 0);
	/* An interface that is given is enough. */
	onlink.rk_oif = t1->t_ifp->if_index;
	CHECK(gateway_to(NET, NULL) == -ENETUNREACH);
	CHECK(gateway_to(NET, &onlink) == 1);
	return 0;
}

int
rumptest_route_gateway(void)
{
	struct nexthop nh = via(0x1e000001);
	struct route_entry re = entry(NET, 8, 0, &nh);

	SETUP();
	CHECK(add(NET, 8, 0, 0x1e000001, CREATE) == ENETUNREACH);
	CHECK(add(NET, 8, 0, GW(1), CREATE) == EINVAL);	/* ourselves */
	/* Through a gateway one gets to no gateway. */
	CHECK(add(0x1e000000, 8, 0, GW(9), CREATE) == 0);
	CHECK(add(NET, 8, 0, 0x1e000001, CREATE) == ENETUNREACH);
	CHECK(del(0x1e000000, 8, 0) == 0);
	/* It is on the link if the user says so. */
	nh.nh_flags |= NH_ONLINK;
	CHECK(route_add(curvnet(), &re, CREATE) == ENODEV);
	nh.nh_ifp = t1->t_ifp;
	CHECK(route_add(curvnet(), &re, CREATE) == 0);
	CHECK(gateway_to(NET, NULL) == 0x1e000001);
	CHECK(del(NET, 8, 0) == 0);
	/* Not behind that interface. */
	nh = via(GW(2));
	nh.nh_ifp = t1->t_ifp;
	CHECK(route_add(curvnet(), &re, CREATE) == ENETUNREACH);
	return 0;
}

int
rumptest_route_multipath(void)
{
	struct route_hop hops[2] = { { .rh_weight = 1 }, { .rh_weight = 3 } };
	struct route_entry re = entry(NET, 8, 0, NULL);
	struct route_key rk = { .rk_hash = 0 };
	struct vnet *vn = curvnet();
	unsigned first = 0, i;
	int64_t gw;

	SETUP();
	hops[0].rh_nh = via(GW(2));
	hops[1].rh_nh = via(0x0a000102);
	re.re_hops = hops;
	re.re_nhops = 2;
	CHECK(route_add(vn, &re, CREATE) == 0);
	for (i = 0; i < 4096; i++) {
		rk.rk_hash = i << 20 | 0x12345;
		gw = gateway_to(NET, &rk);
		CHECK(gw == GW(2) || gw == 0x0a000102);
		CHECK(gw == gateway_to(NET + 77, &rk));
		first += gw == GW(2);
	}
	CHECK(first == 1024);
	rk.rk_oif = t0->t_ifp->if_index;
	CHECK(gateway_to(NET, &rk) == GW(2));
	/* An interface that goes down takes its hop with it. */
	ifnet_lock(vn);
	CHECK(if_setflags(t1->t_ifp, 0, IFF_UP) == 0);
	ifnet_unlock(vn);
	rk.rk_oif = 0;
	rk.rk_hash = ~0u;
	CHECK(gateway_to(NET, &rk) == GW(2));
	ifnet_lock(vn);
	CHECK(if_setflags(t1->t_ifp, IFF_UP, 0) == 0);
	ifnet_unlock(vn);
	CHECK(gateway_to(NET, &rk) == GW(2));
	CHECK(del(NET, 8, 0) == 0);
	hops[0].rh_weight = 0;
	CHECK(route_add(vn, &re, CREATE) == EINVAL);
	hops[0].rh_weight = 1;
	hops[1].rh_nh = via(0x1e000001);
	CHECK(route_add(vn, &re, CREATE) == ENETUNREACH);
	CHECK(gateway_to(NET, NULL) == -ENETUNREACH);
	return 0;
}

int
rumptest_route_tables(void)
{
	struct nexthop nh = via(GW(2)), near = via(0);
	struct route_entry re = entry(NET, 8, 0, &nh);
	struct route_key rk = { .rk_table = 100 };

	SETUP();
	re.re_table = 100;
	CHECK(gateway_to(NET, &rk) == -ENETUNREACH);
	CHECK(route_add(curvnet(), &re, CREATE) == 0);
	CHECK(gateway_to(NET, NULL) == -ENETUNREACH);
	CHECK(gateway_to(NET, &rk) == GW(2));
	rk.rk_table = 99;
	CHECK(gateway_to(NET, &rk) == -ENETUNREACH);
	CHECK(route_delete(curvnet(), &re) == 0);
	/* Local comes first, whatever main says. */
	re.re_table = RT_TABLE_MAIN;
	re.re_dst = inaddr4(htobe32(0x0a000001));
	re.re_plen = 32;
	CHECK(route_add(curvnet(), &re, CREATE) == 0);
	CHECK(gateway_to(0x0a000001, NULL) == 1);
	CHECK(route_delete(curvnet(), &re) == 0);
	/* TOS: only packets that have it. */
	near.nh_ifp = t0->t_ifp;
	re = entry(NET, 8, 0, &near);
	CHECK(route_add(curvnet(), &re, CREATE) == 0);
	re.re_nh = &nh;
	re.re_tos = 0x10;
	CHECK(route_add(curvnet(), &re, CREATE) == 0);
	rk = (struct route_key){ .rk_tos = 0x10 };
	CHECK(gateway_to(NET, NULL) == 1);
	CHECK(gateway_to(NET, &rk) == GW(2));
	CHECK(route_delete(curvnet(), &re) == 0 && del(NET, 8, 0) == 0);
	return 0;
}

int
rumptest_route_cache(void)
{
	struct route_key rk = { .rk_family = AF_INET,
	    .rk_dst = inaddr4(htobe32(NET)) };
	struct route_cache rc = { NULL, 0 };
	struct vnet *vn = curvnet();
	struct nexthop *nh, *held;

	SETUP();
	CHECK(add(NET, 8, 0, GW(2), CREATE) == 0);
	epoch_enter();
	CHECK(route_cached(vn, &rc, &rk, &nh) == 0 && rc.rc_nh == nh);
	held = nh;
	CHECK(route_cached(vn, &rc, &rk, &nh) == 0 && nh == held);
	epoch_exit();
	CHECK(add(NET, 16, 0, GW(3), CREATE) == 0);
	epoch_enter();
	CHECK(route_cached(vn, &rc, &rk, &nh) == 0 && nh != held);
	CHECK(nh->nh_gateway.a4 == htobe32(GW(3)));
	epoch_exit();
	CHECK(del(NET, 16, 0) == 0 && del(NET, 8, 0) == 0);
	/* It outlives its route while somebody has it. */
	CHECK(rc.rc_nh->nh_gateway.a4 == htobe32(GW(3)));
	epoch_enter();
	CHECK(route_cached(vn, &rc, &rk, &nh) == ENETUNREACH);
	epoch_exit();
	CHECK(rc.rc_nh == NULL);
	route_cache_fini(&rc);
	return 0;
}

struct seen {
	unsigned s_n, s_stop;
	uint32_t s_gw[8];
};

static int
see(const struct route_entry *re, void *arg)
{
	struct seen *s = arg;

	if (re->re_table != 77)
		return 0;
	if (s->s_n == s->s_stop)
		return 1;
	s->s_gw[s->s_n++] = be32toh(re->re_nh->nh_gateway.a4);
	return 0;
}

/* Interrupted at each route, the walk sees each one once. */
int
rumptest_route_cursor(void)
{
	static const uint32_t order[5] = { 5, 4, 2, 3, 6 };
	struct nexthop nh;
	struct route_entry re;
	unsigned i, stop;

	SETUP();
	for (i = 2; i < 7; i++) {
		nh = via(GW(i));
		re = entry(i < 5 ? NET : i == 5 ? 0 : NET + 0x10000,
		    i < 4 ? 16 : i == 4 ? 8 : i == 5 ? 0 : 16, i, &nh);
		re.re_table = 77;
		CHECK(route_add(curvnet(), &re, CREATE) == 0);
	}
	for (stop = 1; stop <= 5; stop++) {
		struct route_cursor rc = { .rc_started = false };
		struct seen s = { 0, stop, { 0 } };

		while (route_walk(curvnet(), stop % 2 != 0 ? 0 : AF_INET, &rc,
		    see, &s) != 0)
			s.s_stop += stop;
		CHECK(s.s_n == 5);
		for (i = 0; i < 5; i++)
			CHECK(s.s_gw[i] == GW(order[i]));
	}
	for (i = 2; i < 7; i++) {
		re = entry(i < 5 ? NET : i == 5 ? 0 : NET + 0x10000,
		    i < 4 ? 16 : i == 4 ? 8 : i == 5 ? 0 : 16, i, NULL);
		re.re_table = 77;
		CHECK(route_delete(curvnet(), &re) == 0);
	}
	return 0;
}

/* ---- Racers ----------------------------------------------------------------------- */

static _Atomic bool stop_racing;
static _Atomic int raced;

static void
race_reader(void *arg)
{
	struct route_cache rc = { NULL, 0 };
	uint64_t s = (uintptr_t)arg;
	struct route_key rk = { .rk_family = AF_INET };
	struct vnet *vn = vnet0;
	struct nexthop *nh;
	uint32_t dst, gw;

	while (!atomic_load(&stop_racing)) {
		dst = NET + (uint32_t)(next_random(&s) & 0xffffff);
		rk.rk_dst = inaddr4(htobe32(dst));
		epoch_enter();
		if (route_lookup(vn, &rk, &nh) != 0) {
			raced = __LINE__;	/* 20/8 is always there */
		} else {
			gw = be32toh(nh->nh_gateway.a4);
			if ((gw & 0xffffff00) != 0x0a000000)
				raced = __LINE__;
		}
		if (route_cached(vn, &rc, &rk, &nh) != 0)
			raced = __LINE__;
		epoch_exit();
	}
	route_cache_fini(&rc);
}

int
rumptest_route_racers(int readers, int rounds)
{
	struct kthread *kt[8];
	uint64_t s = 42;
	unsigned len;
	uint32_t dst;
	int i;

	SETUP();
	CHECK(readers <= 8);
	CHECK(add(NET, 8, 0, GW(2), CREATE) == 0);
	for (i = 0; i < readers; i++)
		CHECK(kthread_create(race_reader, (void *)(uintptr_t)(i + 1),
		    "racer", &kt[i]) == 0);
	for (i = 0; i < rounds; i++) {
		len = 9 + (unsigned)(next_random(&s) % 24);
		dst = NET | (uint32_t)(next_random(&s) & 0xffffff &
		    mask4(len));
		if (next_random(&s) % 2 == 0)
			(void)add(dst, len, 0, GW(2 + i % 200), NLM_F_CREATE);
		else if (del(dst, len, 0) != 0)
			(void)add(dst, len, 0, GW(2 + i % 200), NLM_F_CREATE);
	}
	atomic_store(&stop_racing, true);
	for (i = 0; i < readers; i++)
		kthread_join(kt[i]);
	atomic_store(&stop_racing, false);
	CHECK(raced == 0);
	/* Down and up: all of the routes are gone. */
	ifnet_lock(curvnet());
	CHECK(if_setflags(t0->t_ifp, 0, IFF_UP) == 0);
	CHECK(if_setflags(t0->t_ifp, IFF_UP, 0) == 0);
	ifnet_unlock(curvnet());
	CHECK(gateway_to(NET, NULL) == -ENETUNREACH);
	return 0;
}
