/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Kernel half of t_if.
 */
#include <kern/ifnet.h>
#include <kern/kmem.h>
#include <kern/route.h>
#include <kern/string.h>

#include "k_if.h"

#define CHECK(e) do { if (!(e)) return __LINE__; } while (0)

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
