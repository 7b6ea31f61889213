/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ARP on Ethernet (RFC 826), with the address conflict detection of RFC 5227.
 */
#include <linux/if_arp.h>

#include "neigh.h"

#define ARP_LEN		28	/* for Ethernet and IPv4 */
#define DEFEND_INTERVAL	(10 * NS_PER_SEC)	/* RFC 5227 1.1 */

/* A packet's fields, addresses as they lie. */
struct arp {
	uint16_t ar_op;
	uint8_t ar_sha[ETH_ALEN], ar_tha[ETH_ALEN];
	uint32_t ar_spa, ar_tpa;
};

/* ---- Out ---------------------------------------------------------------------- */

static void
arp_send(struct ifnet *ifp, const uint8_t *to, const struct arp *ar)
{
	uint64_t dst = 0;
	struct mbuf *m;
	uint8_t *p;

	m = m_gethdr(MT_DATA);
	if (m == NULL) {
		if_count(ifp, IFS_TXDROPS, 1);
		return;
	}
	m->m_data += MAX_LINKHDR;
	m->m_len = m->m_ph.ph_len = ARP_LEN;
	p = m->m_data;
	be16enc(p, ARPHRD_ETHER);
	be16enc(p + 2, ETH_P_IP);
	p[4] = ETH_ALEN;
	p[5] = 4;
	be16enc(p + 6, ar->ar_op);
	memcpy(p + 8, ar->ar_sha, ETH_ALEN);
	memcpy(p + 14, &ar->ar_spa, 4);
	memcpy(p + 18, ar->ar_tha, ETH_ALEN);
	memcpy(p + 24, &ar->ar_tpa, 4);
	m->m_ph.ph_l3 = m_offset(m, p);
	memcpy(&dst, to, ETH_ALEN);
	(void)ether_send(ifp, m, ETH_P_ARP, dst);
}

static void
own_hwaddr(struct ifnet *ifp, uint8_t addr[ETH_ALEN])
{
	uint64_t lladdr = atomic_load_explicit(&ifp->if_lladdr,
	    memory_order_relaxed);

	memcpy(addr, &lladdr, ETH_ALEN);
}

static void
arp_request(struct ifnet *ifp, uint32_t spa, uint32_t tpa,
    const uint8_t *unicast)
{
	struct arp ar = { .ar_op = ARPOP_REQUEST, .ar_spa = spa,
	    .ar_tpa = tpa };

	own_hwaddr(ifp, ar.ar_sha);
	arp_send(ifp, unicast != NULL ? unicast : ifp->if_hwbcast, &ar);
}

void
arp_solicit(struct ifnet *ifp, uint32_t target, const uint8_t *unicast)
{
	union inaddr dst = inaddr4(target), src = inaddr4(0);

	if (if_is(ifp, IFF_NOARP))
		return;
	(void)ifaddr_source(ifp, AF_INET, &dst, &src);
	arp_request(ifp, src.a4, target, unicast);
}

/* RFC 5227 2.3: the address is ours. */
void
arp_announce(struct ifnet *ifp, uint32_t addr)
{
	if (!if_is(ifp, IFF_NOARP))
		arp_request(ifp, addr, addr, NULL);
}

/* RFC 5227 2.1.1: is it anybody's? */
void
arp_probe(struct ifnet *ifp, uint32_t addr)
{
	if (!if_is(ifp, IFF_NOARP))
		arp_request(ifp, 0, addr, NULL);
}

/* ---- In ----------------------------------------------------------------------------- */

static bool
parse(const uint8_t *p, struct arp *ar)
{
	uint16_t hrd = be16dec(p);

	if ((hrd != ARPHRD_ETHER && hrd != ARPHRD_IEEE802) ||
	    be16dec(p + 2) != ETH_P_IP || p[4] != ETH_ALEN || p[5] != 4)
		return false;
	ar->ar_op = be16dec(p + 6);
	memcpy(ar->ar_sha, p + 8, ETH_ALEN);
	memcpy(&ar->ar_spa, p + 14, 4);
	memcpy(ar->ar_tha, p + 18, ETH_ALEN);
	memcpy(&ar->ar_tpa, p + 24, 4);
	return ar->ar_op == ARPOP_REQUEST || ar->ar_op == ARPOP_REPLY;
}

/* Nothing good comes of group and loopback addresses. */
static bool
plausible(const struct arp *ar)
{
	uint32_t spa = be32toh(ar->ar_spa), tpa = be32toh(ar->ar_tpa);

	return (ar->ar_sha[0] & 1) == 0 && spa >> 24 != 127 &&
	    tpa >> 24 != 127 && spa >> 28 < 0xe && tpa >> 28 < 0xe;
}

/* An address of this vnet? (arp_ignore 0: on whichever interface.) */
static bool
is_ours(struct ifnet *ifp, uint32_t addr)
{
	struct route_key rk = { .rk_family = AF_INET,
	    .rk_dst = inaddr4(addr) };
	struct nexthop *nh;

	return addr != 0 && route_lookup(ifp->if_vnet, &rk, &nh) == 0 &&
	    (nh->nh_flags & NH_LOCAL) != 0;
}

static bool
is_on(struct ifnet *ifp, uint32_t addr)
{
	struct ifaddr *ifa;

	IFADDR_FOREACH(ifa, ifp)
		if (ifa->ifa_family == AF_INET && ifa->ifa_addr.a4 == addr)
			return true;
	return false;
}

/* RFC 5227 2.4 (b): another host uses our address. */
static void
conflict(struct ifnet *ifp, const struct arp *ar)
{
	struct ifpriv *fp = ifp->if_priv;
	nstime_t now = mono_now(), last = atomic_load(&fp->fp_defended);

	if (last != 0 && now - last < DEFEND_INTERVAL)
		return;
	if (!atomic_compare_exchange_strong(&fp->fp_defended, &last,
	    MAX(now, 1)))
		return;
	klog(LOG_INFO, "%s: %02x:%02x:%02x:%02x:%02x:%02x uses our address",
	    ifp->if_name, ar->ar_sha[0], ar->ar_sha[1], ar->ar_sha[2],
	    ar->ar_sha[3], ar->ar_sha[4], ar->ar_sha[5]);
	arp_announce(ifp, ar->ar_spa);
}

static void
reply(struct ifnet *ifp, const struct arp *ar)
{
	struct arp re = { .ar_op = ARPOP_REPLY, .ar_spa = ar->ar_tpa,
	    .ar_tpa = ar->ar_spa };

	own_hwaddr(ifp, re.ar_sha);
	memcpy(re.ar_tha, ar->ar_sha, ETH_ALEN);
	arp_send(ifp, ar->ar_sha, &re);
}

/* What a packet says of its sender (RFC 826: the merge flag). */
static void
learn(struct ifnet *ifp, const struct arp *ar, bool tous, bool solicited)
{
	union inaddr a = inaddr4(ar->ar_spa);
	bool garp = ar->ar_spa == ar->ar_tpa;
	int flags = 0;
	struct neigh_info ni;

	if (tous && ar->ar_op == ARPOP_REQUEST)
		flags = NEIGH_CREATE;
	/* An answer stands for a moment: of two, the first one counts. */
	if (neigh_get(ifp, AF_INET, &a, &ni) != 0 || garp ||
	    mono_now() - ni.ni_updated >= NEIGH_LOCK_TIME)
		flags |= NEIGH_OVERRIDE;
	(void)neigh_update(ifp, AF_INET, &a, ar->ar_sha,
	    solicited ? NUD_REACHABLE : NUD_STALE, flags);
}

static void
process(struct ifnet *ifp, struct mbuf *m, const struct arp *ar)
{
	bool group = (m->m_ph.ph_flags & (MP_BCAST | MP_MCAST)) != 0, tous;
	uint8_t own[ETH_ALEN];

	own_hwaddr(ifp, own);
	if (memcmp(ar->ar_sha, own, ETH_ALEN) == 0)
		return;
	tous = is_ours(ifp, ar->ar_tpa);
	if (ar->ar_spa == 0) {
		/* A probe (RFC 5227 1.1): of an address that we hold. */
		if (tous && ar->ar_op == ARPOP_REQUEST)
			reply(ifp, ar);
		return;
	}
	if (is_on(ifp, ar->ar_spa)) {
		conflict(ifp, ar);
		return;
	}
	if (is_ours(ifp, ar->ar_spa))
		return;
	learn(ifp, ar, tous, ar->ar_op == ARPOP_REPLY && !group && tous);
	if (tous && ar->ar_op == ARPOP_REQUEST)
		reply(ifp, ar);
}

static void
arp_input(struct ifnet *ifp, struct mbuf *batch)
{
	struct mbuf *m, *next;
	struct arp ar;

	for (m = batch; m != NULL; m = next) {
		next = m->m_nextpkt;
		m->m_nextpkt = NULL;
		m = m_pullup(m, ARP_LEN);
		if (m == NULL) {
			if_count(ifp, IFS_RXERRORS, 1);
			continue;
		}
		if (!if_is(ifp, IFF_NOARP) && parse(m->m_data, &ar) &&
		    plausible(&ar))
			process(ifp, m, &ar);
		m_freem(m);
	}
}

/* A changed link address is told to those who know the old one. */
static void
arp_event(struct ifnet *ifp, int event, struct ifaddr *gone __maybe_unused)
{
	struct ifpriv *fp = ifp->if_priv;
	struct ifaddr *ifa;
	uint64_t lladdr = atomic_load(&ifp->if_lladdr);

	if (ifp->if_ltype->ilt_type != ARPHRD_ETHER ||
	    (event != IFE_CHANGE && event != IFE_ATTACH))
		return;
	if (event == IFE_CHANGE && lladdr != fp->fp_announced &&
	    if_is(ifp, IFF_UP)) {
		netisr_enter();
		epoch_enter();
		IFADDR_FOREACH(ifa, ifp)
			if (ifa->ifa_family == AF_INET)
				arp_announce(ifp, ifa->ifa_addr.a4);
		epoch_exit();
		netisr_exit();
	}
	fp->fp_announced = lladdr;
}

static struct netproto arp_proto = {
	.np_ethertype = ETH_P_ARP,
	.np_family = AF_UNSPEC,
	.np_input = arp_input,
	.np_event = arp_event,
};

void
arp_init(void)
{
	netproto_register(&arp_proto);
}
