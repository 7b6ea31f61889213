/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * IGMP for hosts: version 3 (RFC 3376) with reports of whole groups, and version 2
 * (RFC 2236) where a querier of that version was heard.
 *
 * A group of an interface is reported when the first socket joins it, again a
 * little later, and when a router asks; its end as well. One callout a vnet
 * serves all.
 */
#include <kern/assert.h>
#include <kern/kmem.h>
#include <kern/time.h>

#include "netinet.h"

#define IGMP_QUERY	0x11
#define IGMP_V2_REPORT	0x16
#define IGMP_V2_LEAVE	0x17
#define IGMP_V3_REPORT	0x22
#define IGMP_LEN	8u
#define IGMP_V3LEN	16u		/* a report of one record */

/* RFC 3376 4.2.12 */
#define MODE_IS_EXCLUDE		2
#define CHANGE_TO_INCLUDE	3
#define CHANGE_TO_EXCLUDE	4

#define ROBUSTNESS	2		/* 8.1 */
#define UNSOLICITED	NS_PER_SEC	/* 8.11 */
#define OLD_QUERIER	(260 * NS_PER_SEC)	/* 8.12 */

/* All [g] ig_lock. */
struct igroup {
	struct list ig_link;
	uint32_t ig_ifindex, ig_group;
	uint32_t ig_users;
	uint32_t ig_again;		/* unsolicited reports to come */
	nstime_t ig_due;		/* NSTIME_FOREVER: nothing is */
};

struct ip_groups {
	struct kspin ig_lock;
	struct vnet_inet *ig_vi;	/* immutable */
	struct list ig_groups;
	struct callout ig_callout;
	nstime_t ig_v2until;		/* a version 2 querier was there */
	bool ig_closed;
};

static struct lock_class igmp_lc = LOCK_CLASS("igmp", 0);

/* ---- Messages ---------------------------------------------------------------- */

/* Out of the interface, with router alert (RFC 2113), to one hop. */
static void
igmp_send(struct vnet_inet *vi, uint32_t ifindex, uint32_t dst,
    const uint8_t *msg, uint32_t n)
{
	static const uint8_t alert[4] = { 148, 4, 0, 0 };
	struct inout io = {
		.io_vnet = vi->vi_vnet,
		.io_dst = inaddr4(dst),
		.io_family = AF_INET,
		.io_proto = IPPROTO_IGMP,
		.io_tos = 0xc0,
		.io_ttl = 1,
		.io_oif = ifindex,
		.io_optlen = sizeof(alert),
		.io_opts = alert,
	};
	struct mbuf *m;
	uint16_t sum;

	m = m_devget(msg, n, MAX_LINKHDR + MAX_NETHDR);
	if (m == NULL)
		return;
	sum = (uint16_t)~in_cksum_fold(in_cksum_add(0, msg, n, false));
	memcpy(m->m_data + 2, &sum, 2);
	ip_count(vi, IPS_igmp_out_msgs);
	(void)ip_output(m, &io);
}

static void
report(struct ip_groups *ig, uint32_t ifindex, uint32_t group, int record)
{
	bool v2 = mono_now() < ig->ig_v2until;
	uint8_t msg[IGMP_V3LEN] = { 0 };

	if (v2) {
		msg[0] = record == CHANGE_TO_INCLUDE ? IGMP_V2_LEAVE :
		    IGMP_V2_REPORT;
		ip_addr_put(msg + 4, group);
		igmp_send(ig->ig_vi, ifindex, record == CHANGE_TO_INCLUDE ?
		    htobe32(INADDR_ALLRTRS_GROUP) : group, msg, IGMP_LEN);
		return;
	}
	msg[0] = IGMP_V3_REPORT;
	be16enc(msg + 6, 1);
	msg[8] = (uint8_t)record;
	ip_addr_put(msg + 12, group);
	igmp_send(ig->ig_vi, ifindex, htobe32(0xe0000016u), msg, IGMP_V3LEN);
}

/* ---- Groups ------------------------------------------------------------------ */

/* ig_lock held. */
static struct igroup *
group_find(struct ip_groups *ig, uint32_t ifindex, uint32_t group)
{
	struct list *n;
	struct igroup *g;

	LIST_FOREACH(n, &ig->ig_groups) {
		g = container_of(n, struct igroup, ig_link);
		if (g->ig_ifindex == ifindex && g->ig_group == group)
			return g;
	}
	return NULL;
}

static nstime_t
random_delay(nstime_t max)
{
	uint64_t r;

	(void)random_bytes(&r, sizeof(r));
	return (nstime_t)(r % (uint64_t)MAX(max, 1));
}

/* ig_lock held. */
static void
arm(struct ip_groups *ig)
{
	nstime_t first = NSTIME_FOREVER;
	struct list *n;

	LIST_FOREACH(n, &ig->ig_groups)
		first = MIN(first, container_of(n, struct igroup,
		    ig_link)->ig_due);
	if (first != NSTIME_FOREVER && !ig->ig_closed)
		callout_schedule(&ig->ig_callout, first);
}

/* RFC 3376 6: nobody reports the group of all hosts; lo has no routers. */
static bool
reported(const struct ifnet *ifp, uint32_t group)
{
	return group != htobe32(INADDR_ALLHOSTS_GROUP) &&
	    !if_is(ifp, IFF_LOOPBACK);
}

void
igmp_joined(struct ifnet *ifp, uint32_t group)
{
	struct ip_groups *ig = vnet_inet(ifp->if_vnet)->vi_groups;
	struct igroup *g;
	bool first = false;

	if (!reported(ifp, group))
		return;
	spin_lock(&ig->ig_lock);
	g = group_find(ig, ifp->if_index, group);
	if (g == NULL && !ig->ig_closed)
		g = kmem_zalloc(sizeof(*g), KM_NORECLAIM);
	if (g != NULL && g->ig_users++ == 0) {
		g->ig_ifindex = ifp->if_index;
		g->ig_group = group;
		g->ig_again = ROBUSTNESS - 1;
		g->ig_due = mono_deadline(random_delay(UNSOLICITED));
		list_insert_tail(&ig->ig_groups, &g->ig_link);
		first = true;
		arm(ig);
	}
	spin_unlock(&ig->ig_lock);
	if (first) {
		netisr_enter();
		report(ig, ifp->if_index, group, CHANGE_TO_EXCLUDE);
		netisr_exit();
	}
}

void
igmp_left(struct ifnet *ifp, uint32_t group)
{
	struct ip_groups *ig = vnet_inet(ifp->if_vnet)->vi_groups;
	struct igroup *g;
	bool last = false;

	spin_lock(&ig->ig_lock);
	g = group_find(ig, ifp->if_index, group);
	if (g != NULL && --g->ig_users == 0) {
		list_remove(&g->ig_link);
		kmem_free(g, sizeof(*g));
		last = true;
	}
	spin_unlock(&ig->ig_lock);
	if (last) {
		netisr_enter();
		report(ig, ifp->if_index, group, CHANGE_TO_INCLUDE);
		netisr_exit();
	}
}

/* ---- Time, and queries ------------------------------------------------------- */

/* One that is due; ig_lock held. */
static struct igroup *
due(struct ip_groups *ig, nstime_t now)
{
	struct list *n;
	struct igroup *g;

	LIST_FOREACH(n, &ig->ig_groups) {
		g = container_of(n, struct igroup, ig_link);
		if (g->ig_due <= now)
			return g;
	}
	return NULL;
}

static void
igmp_timer(void *arg)
{
	struct ip_groups *ig = arg;
	struct igroup *g;
	uint32_t ifindex, group;
	int record;

	netisr_enter();
	spin_lock(&ig->ig_lock);
	while ((g = due(ig, mono_now())) != NULL) {
		ifindex = g->ig_ifindex;
		group = g->ig_group;
		record = g->ig_again > 0 ? CHANGE_TO_EXCLUDE : MODE_IS_EXCLUDE;
		g->ig_due = NSTIME_FOREVER;
		if (g->ig_again > 0 && --g->ig_again > 0)
			g->ig_due = mono_deadline(random_delay(UNSOLICITED));
		spin_unlock(&ig->ig_lock);
		report(ig, ifindex, group, record);
		spin_lock(&ig->ig_lock);
	}
	arm(ig);
	spin_unlock(&ig->ig_lock);
	netisr_exit();
}

/* RFC 3376 4.1.1: tenths of a second, or a float. */
static nstime_t
max_response(const uint8_t *msg, bool v3)
{
	uint32_t code = msg[1];

	if (v3 && code >= 128)
		code = ((code & 15u) | 16u) << (((code >> 4) & 7u) + 3);
	return (nstime_t)MAX(code, 1u) * (NS_PER_SEC / 10);
}

static void
query(struct ip_groups *ig, const struct ifnet *ifp, const uint8_t *msg,
    uint32_t len)
{
	uint32_t group = ip_addr(msg + 4);
	nstime_t max = max_response(msg, len >= 12), at;
	struct list *n;
	struct igroup *g;

	spin_lock(&ig->ig_lock);
	/* 7.2.1: one of version 2, or 1, which has no time to respond. */
	if (len < 12) {
		ig->ig_v2until = mono_deadline(OLD_QUERIER);
		if (msg[1] == 0)
			max = 10 * NS_PER_SEC;
	}
	LIST_FOREACH(n, &ig->ig_groups) {
		g = container_of(n, struct igroup, ig_link);
		if (g->ig_ifindex != ifp->if_index ||
		    (group != 0 && group != g->ig_group))
			continue;
		at = mono_deadline(random_delay(max));
		g->ig_due = MIN(g->ig_due, at);
	}
	arm(ig);
	spin_unlock(&ig->ig_lock);
}

static void
igmp_input(struct mbuf *m, const struct inpkt *pk)
{
	struct vnet_inet *vi = vnet_inet(pk->ip_vnet);
	uint32_t len = m->m_ph.ph_len;

	ip_count(vi, IPS_igmp_in_msgs);
	if (len >= IGMP_LEN && (pk->ip_flags & IPK_LOCALSRC) == 0 &&
	    in_cksum_fold(in_cksum_chain(0, m, 0, len)) == 0xffff &&
	    m->m_data[0] == IGMP_QUERY)
		query(vi->vi_groups, pk->ip_ifp, m->m_data, len);
	m_freem(m);
}

const struct inproto igmp_inproto = {
	.ipr_proto = IPPROTO_IGMP,
	.ipr_input = igmp_input,
};

/* ---- Vnets -------------------------------------------------------------------- */

int
igmp_vnet_init(struct vnet_inet *vi)
{
	struct ip_groups *ig = kmem_zalloc(sizeof(*ig), 0);

	if (ig == NULL)
		return ENOMEM;
	spin_init(&ig->ig_lock, &igmp_lc);
	list_init(&ig->ig_groups);
	callout_init(&ig->ig_callout, igmp_timer, ig);
	ig->ig_vi = vi;
	vi->vi_groups = ig;
	return 0;
}

void
igmp_shutdown(struct vnet_inet *vi)
{
	struct ip_groups *ig = vi->vi_groups;

	spin_lock(&ig->ig_lock);
	ig->ig_closed = true;
	spin_unlock(&ig->ig_lock);
	callout_halt(&ig->ig_callout);
}

void
igmp_vnet_fini(struct vnet_inet *vi)
{
	struct ip_groups *ig = vi->vi_groups;
	struct igroup *g;

	if (ig == NULL)
		return;
	callout_halt(&ig->ig_callout);
	while (!list_empty(&ig->ig_groups)) {
		g = list_first(&ig->ig_groups, struct igroup, ig_link);
		list_remove(&g->ig_link);
		kmem_free(g, sizeof(*g));
	}
	spin_fini(&ig->ig_lock);
	kmem_free(ig, sizeof(*ig));
}
