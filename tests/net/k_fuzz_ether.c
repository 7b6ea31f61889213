/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Kernel half of t_fuzz_ether. Each frame lies in memory of exactly its size, so
 * that a sanitizer sees a byte too much.
 */
#include "k_fuzz_ether.h"
#include "k_testif.h"
#include "k_trie.h"

#define FRAME_MAX	200

/* Good frames to begin with: ARP request and reply, TCP, UDP, a VLAN tag. */
static const uint8_t seeds[][74] = {
	{ 255, 255, 255, 255, 255, 255, 2, 0, 0, 0, 0, 9, 8, 6, 0, 1, 8, 0, 6,
	    4, 0, 1, 2, 0, 0, 0, 0, 9, 10, 0, 0, 9, 0, 0, 0, 0, 0, 0, 10, 0, 0,
	    1 },
	{ 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 9, 8, 6, 0, 1, 8, 0, 6, 4, 0, 2, 2,
	    0, 0, 0, 0, 9, 10, 0, 0, 9, 2, 0, 0, 0, 0, 1, 10, 0, 0, 1 },
	{ 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 9, 8, 0, 0x45, 0, 0, 60, 0, 1, 0x40,
	    0, 64, 6, 0, 0, 10, 0, 0, 9, 10, 0, 0, 1, 4, 1, 0, 80, 0, 0, 0, 1, 0,
	    0, 0, 1, 0x50, 0x10, 16, 0, 0, 0, 0, 0, 'd', 'a', 't', 'a' },
	{ 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 9, 8, 0, 0x45, 0, 0, 60, 0, 1, 0, 0,
	    64, 17, 0, 0, 10, 0, 0, 9, 10, 0, 0, 1, 4, 1, 0, 80, 0, 40, 0, 0 },
	{ 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 9, 0x81, 0, 0x20, 0, 8, 6, 0, 1, 8,
	    0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 9, 10, 0, 0, 9, 0, 0, 0, 0, 0, 0, 10,
	    0, 0, 1 },
};

struct exact {
	struct mext e_ext;
	size_t e_n;
};

static void
exact_free(struct mext *me)
{
	struct exact *e = container_of(me, struct exact, e_ext);

	kmem_free(me->me_buf, e->e_n);
	kmem_free(e, sizeof(*e));
}

static struct mbuf *
exact_mbuf(const uint8_t *p, size_t n, int flags)
{
	struct exact *e = kmem_zalloc(sizeof(*e), 0);
	uint8_t *buf = kmem_alloc(MAX(n, (size_t)1), 0);
	struct mbuf *m;

	if (e == NULL || buf == NULL)
		return NULL;
	memcpy(buf, p, n);
	e->e_n = MAX(n, (size_t)1);
	e->e_ext.me_buf = buf;
	e->e_ext.me_size = (uint32_t)e->e_n;
	e->e_ext.me_free = exact_free;
	atomic_init(&e->e_ext.me_refs, 1);
	m = m_getext(&e->e_ext, 0, n, flags);
	if (m != NULL && (flags & M_PKTHDR) != 0)
		m->m_ph.ph_len = (uint32_t)n;
	return m;
}

/* In one piece or two. */
static struct mbuf *
make_frame(uint64_t *s, const uint8_t *p, size_t n)
{
	size_t cut = next_random(s) % 3 == 0 ? next_random(s) % (n + 1) : n;
	struct mbuf *m = exact_mbuf(p, cut, M_PKTHDR), *rest;

	if (m == NULL || cut == n)
		return m;
	rest = exact_mbuf(p + cut, n - cut, 0);
	return rest != NULL ? m_cat(m, rest) : m;
}

static size_t
mutate(uint64_t *s, uint8_t *f)
{
	unsigned k = (unsigned)(next_random(s) % (nitems(seeds) + 1)), i;
	size_t n = 74, at;

	if (k == nitems(seeds)) {
		n = next_random(s) % FRAME_MAX;
		for (at = 0; at < n; at++)
			f[at] = (uint8_t)next_random(s);
		return n;
	}
	memcpy(f, seeds[k], n);
	for (i = (unsigned)(next_random(s) % 4); i > 0; i--) {
		at = next_random(s) % n;
		switch (next_random(s) % 4) {
		case 0:
			f[at] ^= (uint8_t)(1 << next_random(s) % 8);
			break;
		case 1:
			f[at] = (uint8_t)next_random(s);
			break;
		case 2:
			f[at] = next_random(s) % 2 != 0 ? 0xff : 0;
			break;
		default:
			n = MAX(at, (size_t)1);
			break;
		}
	}
	return n;
}

/* What comes up begins at a network header, and has the length that it says. */
static _Atomic int odd;
static _Atomic unsigned came;

static void
input(struct ifnet *ifp, struct mbuf *batch)
{
	struct mbuf *m;

	for (m = batch; m != NULL; m = m->m_nextpkt) {
		came++;
		if (m->m_ph.ph_len != m_length(m) || m->m_ph.ph_ifp != ifp ||
		    (m->m_ph.ph_flags & MP_OTHERHOST) != 0)
			odd = __LINE__;
	}
	m_freelist(batch);
}

static struct netproto ip = {
	.np_ethertype = ETH_P_IP,
	.np_family = AF_INET,
	.np_input = input,
};

int
rumptest_fuzz_ether(uint64_t s, unsigned frames)
{
	struct ifaddr ifa = { .ifa_family = AF_INET, .ifa_plen = 24,
	    .ifa_addr = inaddr4(htobe32(0x0a000001)) };
	struct mbuf *batch = NULL, **tail = &batch;
	uint8_t f[FRAME_MAX], sent[FRAME_MAX];
	struct testif *t;
	unsigned i;
	size_t n;

	netproto_register(&ip);
	CHECK(testif_create(curvnet(), "fuzz0", 0, 1, &t) == 0);
	ifnet_lock(curvnet());
	CHECK(if_setflags(t->t_ifp, IFF_UP, 0) == 0);
	CHECK(ifaddr_add(t->t_ifp, &ifa) == 0);
	ifnet_unlock(curvnet());
	for (i = 0; i < frames; i++) {
		n = mutate(&s, f);
		*tail = make_frame(&s, f, n);
		CHECK(*tail != NULL);
		tail = &(*tail)->m_nextpkt;
		if (next_random(&s) % 16 != 0 && i + 1 < frames)
			continue;
		netisr_enter();
		epoch_enter();
		if_input(t->t_ifp, batch);
		epoch_exit();
		netisr_exit();
		batch = NULL;
		tail = &batch;
		/* It says nothing but ARP. */
		while ((n = testif_get(t, sent, sizeof(sent))) != 0)
			CHECK(n == 42 && be16dec(sent + 12) == ETH_P_ARP);
	}
	CHECK(odd == 0 && came > 0);
	CHECK(testif_destroy(t->t_ifp) == 0);
	return 0;
}
