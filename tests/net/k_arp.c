/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Kernel half of t_arp: frames by hand, on a clock that stands still.
 */
#include <kern/time.h>
#include <rump/rumpuser.h>

#include "k_arp.h"
#include "k_testif.h"

#include "../../components/net/net/neigh.h"

#define US	0x0a000001u	/* 10.0.0.1, 02:00:00:00:00:01 */
#define PEER	0x0a000002u

static struct testif *t0;
static _Atomic unsigned unreached;

static void
unreach(struct ifnet *ifp __maybe_unused, struct mbuf *m)
{
	unreached++;
	m_freem(m);
}

static void
input(struct ifnet *ifp __maybe_unused, struct mbuf *batch)
{
	m_freelist(batch);
}

static struct netproto ip = {
	.np_ethertype = ETH_P_IP,
	.np_family = AF_INET,
	.np_input = input,
	.np_unreach = unreach,
};

static int
set_flags(uint32_t set, uint32_t clear)
{
	int error;

	ifnet_lock(curvnet());
	error = if_setflags(t0->t_ifp, set, clear);
	ifnet_unlock(curvnet());
	return error;
}

int
rumptest_arp_setup(void)
{
	struct ifaddr ifa = { .ifa_family = AF_INET, .ifa_plen = 16,
	    .ifa_addr = inaddr4(htobe32(US)) };

	netproto_register(&ip);
	CHECK(testif_create(curvnet(), "arp0", 0, 1, &t0) == 0);
	CHECK(set_flags(IFF_UP, 0) == 0);
	ifnet_lock(curvnet());
	CHECK(ifaddr_add(t0->t_ifp, &ifa) == 0);
	ifnet_unlock(curvnet());
	return 0;
}

/* ---- Time -------------------------------------------------------------------- */

static _Atomic bool fired;

static void
fire(void *arg __maybe_unused)
{
	fired = true;
}

/* Let time pass, second by second; what is due has run at the end. */
static void
pass(nstime_t ns)
{
	static struct callout co;
	nstime_t step;

	do {
		step = MIN(ns, (nstime_t)NS_PER_SEC / 4);
		(void)rumpuser_clock_advance(step);
		ns -= step;
		fired = false;
		callout_init(&co, fire, NULL);
		callout_schedule(&co, mono_now());
		while (!fired)
			rumpuser_thread_yield();
		(void)callout_halt(&co);
	} while (ns > 0);
}

/* ---- Frames --------------------------------------------------------------------- */

static void
hw(uint8_t *p, uint8_t nn)
{
	memset(p, 0, 6);
	p[0] = 2;
	p[5] = nn;
}

/* An ARP packet of host nn; to 0: broadcast. */
static unsigned
arp(uint8_t *f, uint8_t to, int op, uint8_t nn, uint32_t spa, uint8_t tnn,
    uint32_t tpa)
{
	memset(f, 0, 60);
	if (to == 0)
		memset(f, 0xff, 6);
	else
		hw(f, to);
	hw(f + 6, nn);
	be16enc(f + 12, 0x0806);
	be16enc(f + 14, 1);
	be16enc(f + 16, 0x0800);
	f[18] = 6;
	f[19] = 4;
	be16enc(f + 20, (uint16_t)op);
	hw(f + 22, nn);
	be32enc(f + 28, spa);
	if (tnn != 0)
		hw(f + 32, tnn);
	be32enc(f + 38, tpa);
	return 42;
}

static void
hear(uint8_t to, int op, uint8_t nn, uint32_t spa, uint8_t tnn, uint32_t tpa)
{
	uint8_t f[60];

	(void)arp(f, to, op, nn, spa, tnn, tpa);
	testif_put(t0, f, 60);
}

/* Is this the next frame that was sent? */
static bool
said(uint8_t to, int op, uint8_t nn, uint32_t spa, uint8_t tnn, uint32_t tpa)
{
	uint8_t f[60], got[100];
	unsigned n = arp(f, to, op, nn, spa, tnn, tpa);

	return testif_get(t0, got, sizeof(got)) == n &&
	    memcmp(f, got, n) == 0;
}

static bool
silent(void)
{
	uint8_t got[100];

	return testif_get(t0, got, sizeof(got)) == 0;
}

static int
send(uint32_t dst, uint8_t mark)
{
	uint8_t packet[28] = { 0x45, [27] = mark };
	struct mbuf *m = m_devget(packet, sizeof(packet), MAX_LINKHDR);
	union inaddr a = inaddr4(htobe32(dst));
	int error;

	if (m == NULL)
		return ENOMEM;
	netisr_enter();
	epoch_enter();
	error = if_output(t0->t_ifp, m, ETH_P_IP, NULL, &a);
	epoch_exit();
	netisr_exit();
	return error;
}

/* The next frame sent is that packet, to host nn. */
static bool
delivered(uint8_t nn, uint8_t mark)
{
	uint8_t got[100], want[6];

	hw(want, nn);
	return testif_get(t0, got, sizeof(got)) == 14 + 28 &&
	    memcmp(got, want, 6) == 0 && be16dec(got + 12) == 0x0800 &&
	    got[41] == mark;
}

static int
state_of(uint32_t addr)
{
	union inaddr a = inaddr4(htobe32(addr));
	struct neigh_info ni;

	return neigh_get(t0->t_ifp, AF_INET, &a, &ni) == 0 ? ni.ni_state : -1;
}

static void
reset(void)
{
	(void)set_flags(0, IFF_UP);
	(void)set_flags(IFF_UP, 0);
	testif_flush(t0);
	unreached = 0;
}

/* ---- Cases ------------------------------------------------------------------------ */

#define REQUEST	1
#define REPLY	2

static int
resolve(uint32_t addr, uint8_t nn)
{
	CHECK(send(addr, 1) == 0);
	CHECK(said(0, REQUEST, 1, US, 0, addr) && silent());
	hear(1, REPLY, nn, addr, 1, US);
	CHECK(delivered(nn, 1) && silent());
	CHECK(state_of(addr) == NUD_REACHABLE);
	return 0;
}

int
rumptest_arp_resolves(void)
{
	int line;

	reset();
	line = resolve(PEER, 9);
	if (line != 0)
		return line;
	CHECK(send(PEER, 2) == 0 && delivered(9, 2) && silent());
	return 0;
}

/* RFC 1122 2.3.2: asked again, but not for ever; packets come back. */
int
rumptest_arp_gives_up(void)
{
	reset();
	CHECK(send(PEER, 1) == 0 && send(PEER, 2) == 0);
	CHECK(said(0, REQUEST, 1, US, 0, PEER) && silent());
	pass(NS_PER_SEC - 1);
	CHECK(silent());
	pass(1);
	CHECK(said(0, REQUEST, 1, US, 0, PEER) && silent());
	pass(NS_PER_SEC);
	CHECK(said(0, REQUEST, 1, US, 0, PEER) && silent());
	CHECK(unreached == 0 && state_of(PEER) == NUD_INCOMPLETE);
	pass(NS_PER_SEC);
	CHECK(silent() && unreached == 2 && state_of(PEER) == NUD_FAILED);
	/* The next packet asks again. */
	CHECK(send(PEER, 3) == 0 && said(0, REQUEST, 1, US, 0, PEER));
	hear(1, REPLY, 9, PEER, 1, US);
	CHECK(delivered(9, 3) && silent());
	/* One that failed is forgotten. */
	CHECK(send(PEER + 1, 1) == 0);
	pass(3 * NS_PER_SEC);
	CHECK(state_of(PEER + 1) == NUD_FAILED);
	pass(NEIGH_FAILED_TIME);
	CHECK(state_of(PEER + 1) == -1);
	return 0;
}

int
rumptest_arp_queue(void)
{
	unsigned i;

	reset();
	for (i = 0; i < 100; i++)
		CHECK(send(PEER, (uint8_t)i) == 0);
	CHECK(said(0, REQUEST, 1, US, 0, PEER) && silent());
	hear(1, REPLY, 9, PEER, 1, US);
	for (i = 100 - NEIGH_QUEUE_PACKETS; i < 100; i++)
		CHECK(delivered(9, (uint8_t)i));
	CHECK(silent());
	return 0;
}

int
rumptest_arp_unreachable(void)
{
	unsigned i;

	reset();
	CHECK(resolve(PEER, 9) == 0);
	pass(46 * NS_PER_SEC);
	CHECK(state_of(PEER) == NUD_STALE && silent());
	/* Used: sent at once; the neighbour has five seconds. */
	CHECK(send(PEER, 2) == 0 && delivered(9, 2) && silent());
	CHECK(state_of(PEER) == NUD_DELAY);
	pass(5 * NS_PER_SEC - 1);
	CHECK(silent());
	pass(1);
	for (i = 0; i < 3; i++) {
		CHECK(state_of(PEER) == NUD_PROBE);
		CHECK(said(9, REQUEST, 1, US, 0, PEER) && silent());
		CHECK(send(PEER, 3) == 0 && delivered(9, 3));
		pass(NS_PER_SEC);
	}
	CHECK(state_of(PEER) == NUD_FAILED && silent());
	CHECK(send(PEER, 4) == 0 && said(0, REQUEST, 1, US, 0, PEER));
	/* One that answers the probe is reachable again. */
	hear(1, REPLY, 9, PEER, 1, US);
	CHECK(delivered(9, 4));
	pass(46 * NS_PER_SEC);
	CHECK(send(PEER, 5) == 0 && delivered(9, 5));
	pass(5 * NS_PER_SEC);
	CHECK(said(9, REQUEST, 1, US, 0, PEER));
	hear(1, REPLY, 9, PEER, 1, US);
	CHECK(state_of(PEER) == NUD_REACHABLE && silent());
	return 0;
}

int
rumptest_arp_confirm(void)
{
	union inaddr a = inaddr4(htobe32(PEER));

	reset();
	CHECK(resolve(PEER, 9) == 0);
	pass(46 * NS_PER_SEC);
	CHECK(send(PEER, 2) == 0 && delivered(9, 2));
	pass(2 * NS_PER_SEC);
	epoch_enter();
	neigh_confirm(t0->t_ifp, AF_INET, &a);
	epoch_exit();
	pass(3 * NS_PER_SEC);
	CHECK(state_of(PEER) == NUD_REACHABLE && silent());
	return 0;
}

int
rumptest_arp_answers(void)
{
	reset();
	hear(0, REQUEST, 9, PEER, 0, US);
	CHECK(said(9, REPLY, 1, US, 9, PEER) && silent());
	hear(1, REQUEST, 9, PEER, 1, US);	/* a probe of reachability */
	CHECK(said(9, REPLY, 1, US, 9, PEER) && silent());
	hear(0, REQUEST, 9, 0, 0, US);		/* RFC 5227 1.1 */
	CHECK(said(9, REPLY, 1, US, 9, 0) && silent());
	hear(0, REQUEST, 9, PEER, 0, US + 100);
	CHECK(silent());
	hear(7, REQUEST, 9, PEER, 0, US);	/* another host's frame */
	CHECK(silent());
	hear(0, REQUEST, 1, PEER, 0, US);	/* our own */
	CHECK(silent());
	CHECK(set_flags(IFF_NOARP, 0) == 0);
	hear(0, REQUEST, 9, PEER, 0, US);
	CHECK(silent());
	CHECK(set_flags(0, IFF_NOARP) == 0);
	return 0;
}

/* RFC 826: who asks us is known; who talks with others is not remembered. */
int
rumptest_arp_learns(void)
{
	reset();
	hear(0, REQUEST, 9, PEER, 0, US);
	testif_flush(t0);
	CHECK(state_of(PEER) == NUD_STALE);
	CHECK(send(PEER, 1) == 0 && delivered(9, 1) && silent());
	hear(0, REQUEST, 8, PEER + 1, 0, PEER);
	CHECK(state_of(PEER + 1) == -1);
	hear(1, REPLY, 8, PEER + 1, 1, US);	/* nobody had asked */
	CHECK(state_of(PEER + 1) == -1);
	hear(0, REQUEST, 8, PEER + 1, 0, PEER + 1);	/* gratuitous */
	CHECK(state_of(PEER + 1) == -1);
	hear(0, REQUEST, 9, 0xe0000001, 0, US);
	hear(0, REQUEST, 9, 0x7f000005, 0, US);
	CHECK(state_of(0xe0000001) == -1 && state_of(0x7f000005) == -1);
	testif_flush(t0);
	return 0;
}

int
rumptest_arp_overrides(void)
{
	reset();
	CHECK(resolve(PEER, 9) == 0);
	/* Of two answers the first one counts, for a moment. */
	hear(1, REPLY, 8, PEER, 1, US);
	CHECK(send(PEER, 2) == 0 && delivered(9, 2));
	pass(NEIGH_LOCK_TIME);
	hear(1, REPLY, 8, PEER, 1, US);
	CHECK(send(PEER, 3) == 0 && delivered(8, 3));
	/* A host that moved tells everybody. */
	hear(0, REQUEST, 7, PEER, 0, PEER);
	CHECK(send(PEER, 4) == 0 && delivered(7, 4));
	CHECK(silent());
	return 0;
}

int
rumptest_arp_defends(void)
{
	reset();
	pass(10 * NS_PER_SEC);
	hear(0, REQUEST, 9, US, 0, US);
	CHECK(said(0, REQUEST, 1, US, 0, US) && silent());
	hear(0, REPLY, 9, US, 0, US);
	CHECK(silent() && state_of(US) == -1);
	pass(10 * NS_PER_SEC);
	hear(0, REPLY, 9, US, 0, US);
	CHECK(said(0, REQUEST, 1, US, 0, US) && silent());
	return 0;
}

struct count {
	unsigned c_all, c_reachable;
};

static int
count(const struct neigh_info *ni, void *arg)
{
	struct count *c = arg;

	c->c_all++;
	c->c_reachable += ni->ni_state == NUD_REACHABLE;
	return 0;
}

/* Thousands of addresses are asked for, and thousands of hosts ask. */
int
rumptest_arp_flood(void)
{
	struct count c = { 0, 0 };
	unsigned i;

	reset();
	for (i = 0; i < 10; i++)
		CHECK(resolve(PEER + i, (uint8_t)(20 + i)) == 0);
	for (i = 0; i < 5000; i++)
		CHECK(send(US + 1000 + i, 1) == 0);
	testif_flush(t0);
	(void)neigh_walk(curvnet(), 0, count, &c);
	CHECK(c.c_all == NEIGH_TABLE_MAX && c.c_reachable == 10);
	for (i = 0; i < 5000; i++)
		hear(0, REQUEST, 9, US + 10000 + i, 0, US);
	testif_flush(t0);
	c = (struct count){ 0, 0 };
	(void)neigh_walk(curvnet(), 0, count, &c);
	CHECK(c.c_all == NEIGH_TABLE_MAX && c.c_reachable == 10);
	for (i = 0; i < 10; i++)
		CHECK(send(PEER + i, 2) == 0 &&
		    delivered((uint8_t)(20 + i), 2));
	/* A new neighbour is found nevertheless. */
	CHECK(resolve(PEER + 20, 99) == 0);
	reset();
	c = (struct count){ 0, 0 };
	(void)neigh_walk(curvnet(), 0, count, &c);
	CHECK(c.c_all == 0);
	return 0;
}

int
rumptest_arp_static(void)
{
	union inaddr a = inaddr4(htobe32(PEER));
	uint8_t mac[8] = { 2, 0, 0, 0, 0, 50 };

	reset();
	netisr_enter();
	epoch_enter();
	CHECK(neigh_update(t0->t_ifp, AF_INET, &a, mac, NUD_PERMANENT,
	    NEIGH_ADMIN | NEIGH_CREATE | NEIGH_OVERRIDE) == 0);
	epoch_exit();
	netisr_exit();
	CHECK(send(PEER, 1) == 0 && delivered(50, 1) && silent());
	pass(100 * NS_PER_SEC);
	hear(0, REQUEST, 9, PEER, 0, PEER);
	hear(1, REPLY, 9, PEER, 1, US);
	CHECK(send(PEER, 2) == 0 && delivered(50, 2) && silent());
	CHECK(state_of(PEER) == NUD_PERMANENT);
	CHECK(neigh_delete(t0->t_ifp, AF_INET, &a) == 0);
	CHECK(neigh_delete(t0->t_ifp, AF_INET, &a) == ENOENT);
	return 0;
}

int
rumptest_arp_hwaddr(void)
{
	static const uint8_t new[8] = { 2, 0, 0, 0, 0, 33 },
	    old[8] = { 2, 0, 0, 0, 0, 1 };
	struct vnet *vn = curvnet();

	reset();
	CHECK(resolve(PEER, 9) == 0);
	ifnet_lock(vn);
	CHECK(if_sethwaddr(t0->t_ifp, new) == 0);
	ifnet_unlock(vn);
	CHECK(said(0, REQUEST, 33, US, 0, US) && silent());
	CHECK(state_of(PEER) == -1);
	ifnet_lock(vn);
	CHECK(if_sethwaddr(t0->t_ifp, old) == 0);
	ifnet_unlock(vn);
	CHECK(said(0, REQUEST, 1, US, 0, US) && silent());
	return 0;
}

/* One byte of a good request is wrong; or it is short. */
int
rumptest_arp_malformed(void)
{
	static const uint8_t at[] = { 14, 15, 16, 17, 18, 19, 20 };
	uint8_t f[60];
	unsigned i;

	reset();
	for (i = 0; i < sizeof(at); i++) {
		(void)arp(f, 0, REQUEST, 9, PEER, 0, US);
		f[at[i]] ^= 0x13;
		testif_put(t0, f, 60);
		CHECK(silent() && state_of(PEER) == -1);
	}
	for (i = 1; i < 42; i++) {
		(void)arp(f, 0, REQUEST, 9, PEER, 0, US);
		testif_put(t0, f, i);
		CHECK(silent() && state_of(PEER) == -1);
	}
	(void)arp(f, 0, 3, 9, PEER, 0, US);
	testif_put(t0, f, 60);
	CHECK(silent());
	(void)arp(f, 0, REQUEST, 9, PEER, 0, US);
	testif_put(t0, f, 42);
	CHECK(said(9, REPLY, 1, US, 9, PEER) && silent());
	return 0;
}
