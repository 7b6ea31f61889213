/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Kernel half of t_if.
 */
#include <rump/rumpuser.h>

#include "k_if.h"
#include "k_testif.h"

static int
lookup4(struct vnet *vn, uint32_t dst, struct nexthop **nhp)
{
	struct route_key rk = { .rk_family = AF_INET,
	    .rk_dst = inaddr4(htobe32(dst)) };

	return route_lookup(vn, &rk, nhp);
}

int
rumptest_lo_is_up(void)
{
	struct vnet *vn = curvnet();
	struct ifnet *lo = if_byname(vn, "lo");
	struct nexthop *nh;

	CHECK(lo != NULL && lo == if_loopback(vn) && lo->if_index == 1);
	CHECK(lo == if_byindex(vn, 1));
	CHECK(if_is(lo, IFF_UP | IFF_RUNNING | IFF_LOOPBACK));
	epoch_enter();
	CHECK(lookup4(vn, 0x7f000001, &nh) == 0);
	CHECK(nh->nh_ifp == lo && (nh->nh_flags & NH_LOCAL) != 0);
	CHECK(nh->nh_prefsrc.a4 == htobe32(0x7f000001));
	CHECK(lookup4(vn, 0x7f010203, &nh) == 0);
	CHECK((nh->nh_flags & NH_LOCAL) != 0);
	CHECK(lookup4(vn, 0x7fffffff, &nh) == 0);
	CHECK(lookup4(vn, 0x80000000, &nh) == ENETUNREACH);
	epoch_exit();
	return 0;
}

static _Atomic unsigned got_packets, got_bytes;

static void
got(struct ifnet *ifp, struct mbuf *batch)
{
	struct mbuf *m;

	for (m = batch; m != NULL; m = m->m_nextpkt) {
		if (m->m_ph.ph_ifp != ifp)
			panic("received on another interface");
		got_packets++;
		got_bytes += m->m_ph.ph_len;
	}
	m_freelist(batch);
}

static struct netproto test_proto = {
	.np_ethertype = ETH_P_IPV6,
	.np_family = AF_INET6,
	.np_input = got,
};

int
rumptest_lo_carries(void)
{
	struct ifnet *lo = if_loopback(curvnet());
	static const uint8_t packet[60] = { 0x60 };
	union inaddr dst = { .a8[15] = 1 };
	struct mbuf *m;
	int i;

	netproto_register(&test_proto);
	netisr_enter();
	epoch_enter();
	for (i = 0; i < 3; i++) {
		m = m_devget(packet, sizeof(packet), MAX_LINKHDR);
		CHECK(m != NULL);
		CHECK(if_output(lo, m, ETH_P_IPV6, NULL, &dst) == 0);
	}
	epoch_exit();
	CHECK(got_packets == 0);
	netisr_exit();
	CHECK(got_packets == 3 && got_bytes == 180);
	CHECK(if_stat(lo, IFS_TXPACKETS) == 3);
	CHECK(if_stat(lo, IFS_RXBYTES) == 180);
	return 0;
}

int
rumptest_vnets(int n)
{
	struct vnet **vn = kmem_zalloc((size_t)n * sizeof(*vn), 0);
	int i;

	CHECK(vn != NULL);
	for (i = 0; i < n; i++) {
		CHECK(vnet_create(&vn[i]) == 0);
		CHECK(if_loopback(vn[i]) != NULL);
		CHECK(if_is(if_loopback(vn[i]), IFF_UP));
	}
	for (i = 0; i < n; i++)
		vnet_leave(vn[i]);
	kmem_free(vn, (size_t)n * sizeof(*vn));
	return 0;
}

static int
configure(struct testif *t, uint32_t addr)
{
	struct ifaddr ifa = { .ifa_family = AF_INET, .ifa_plen = 24,
	    .ifa_addr = inaddr4(htobe32(addr)) };
	int error;

	ifnet_lock(t->t_ifp->if_vnet);
	error = if_setflags(t->t_ifp, IFF_UP, 0);
	if (error == 0)
		error = ifaddr_add(t->t_ifp, &ifa);
	ifnet_unlock(t->t_ifp->if_vnet);
	return error;
}

static void
wait_freed(int n)
{
	while (atomic_load(&testif_freed) < n)
		rumpuser_thread_yield();
}

/* What is held outlives the interface, and lets it go in the end. */
int
rumptest_detach(void)
{
	struct route_key rk = { .rk_family = AF_INET,
	    .rk_dst = inaddr4(htobe32(0x0a000005)) };
	int before = atomic_load(&testif_freed);
	struct route_cache rc = { NULL, 0 };
	struct vnet *vn = curvnet();
	union inaddr group = inaddr4(htobe32(0xe0000005));
	struct nexthop *nh;
	struct testif *t;
	struct ifnet *ifp;

	CHECK(testif_create(vn, "gone%d", 0, 7, &t) == 0);
	ifp = t->t_ifp;
	CHECK(if_byname(vn, "gone0") == ifp);
	CHECK(configure(t, 0x0a000001) == 0);
	CHECK(if_mcast_join(ifp, AF_INET, &group) == 0);
	epoch_enter();
	CHECK(if_mcast_member(ifp, AF_INET, &group));
	CHECK(if_mcast_ether(ifp,
	    (const uint8_t *)"\x01\x00\x5e\x00\x00\x05"));
	CHECK(route_cached(vn, &rc, &rk, &nh) == 0 && nh->nh_ifp == ifp);
	epoch_exit();
	CHECK(testif_destroy(ifp) == 0);
	CHECK(if_byname(vn, "gone0") == NULL);
	CHECK(lookup4(vn, 0x0a000001, &nh) == ENETUNREACH);
	CHECK(atomic_load(&testif_freed) == before);	/* rc has it */
	netisr_enter();
	epoch_enter();
	CHECK(if_transmit(ifp, m_gethdr(MT_DATA)) == ENETDOWN);
	epoch_exit();
	netisr_exit();
	route_cache_fini(&rc);
	wait_freed(before + 1);
	return 0;
}

/* ---- Racers ------------------------------------------------------------------ */

static _Atomic bool stop_racing;
static _Atomic int raced;

static void
race_user(void *arg)
{
	uint8_t frame[60] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 9, 8, 6, 0, 1,
	    8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 9, 10, 0, 0, 9, 0, 0, 0, 0, 0, 0,
	    10, 0, 0, 1 };
	struct route_cache rc = { NULL, 0 };
	struct vnet *vn = vnet0;
	struct route_key rk = { .rk_family = AF_INET };
	struct nexthop *nh;
	struct ifnet *ifp;
	struct mbuf *m;
	uint32_t i = (uint32_t)(uintptr_t)arg;

	while (!atomic_load(&stop_racing)) {
		rk.rk_dst = inaddr4(htobe32(0x0a000000 + ++i % 250));
		netisr_enter();
		epoch_enter();
		m = m_devget(frame, 40, MAX_LINKHDR);
		if (m != NULL && route_cached(vn, &rc, &rk, &nh) == 0)
			(void)if_output(nh->nh_ifp, m, ETH_P_IP, nh,
			    &rk.rk_dst);
		else
			m_freem(m);
		ifp = if_byname(vn, "race0");
		if (ifp != NULL && i % 4 == 0 &&
		    (m = m_devget(frame, sizeof(frame), 0)) != NULL)
			if_input(ifp, m);
		for (ifp = if_next(vn, 0); ifp != NULL;
		    ifp = if_next(vn, ifp->if_index))
			if (ifp->if_index == 0)
				raced = __LINE__;
		epoch_exit();
		netisr_exit();
	}
	route_cache_fini(&rc);
}

int
rumptest_if_racers(int threads, int rounds)
{
	int before = atomic_load(&testif_freed), i;
	struct kthread *kt[8];
	struct testif *t;

	CHECK(threads <= 8);
	for (i = 0; i < threads; i++)
		CHECK(kthread_create(race_user, (void *)(uintptr_t)(i * 100),
		    "racer", &kt[i]) == 0);
	for (i = 0; i < rounds; i++) {
		CHECK(testif_create(vnet0, "race0", 0, 1, &t) == 0);
		CHECK(configure(t, 0x0a000001) == 0);
		rumpuser_thread_yield();
		CHECK(testif_destroy(t->t_ifp) == 0);
	}
	atomic_store(&stop_racing, true);
	for (i = 0; i < threads; i++)
		kthread_join(kt[i]);
	CHECK(raced == 0);
	wait_freed(before + rounds);
	return 0;
}
