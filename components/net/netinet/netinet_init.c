/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * netinet comes up: the family AF_INET, its transports, its part of each
 * vnet.
 */
#include <kern/assert.h>
#include <kern/kmem.h>

#include "netinet.h"

int netinet_init(void);

static struct pool *vnet_inet_pool;

static const struct protosw *const inet_protosw[] = {
	&tcp_protosw,
	&udp_protosw,
	&raw_protosw,
	&ping_protosw,
	NULL,
};

/* Raw sockets see everybody's packets (raw(7)). */
static int
inet_check(int type, int protocol __maybe_unused)
{
	return type == SOCK_RAW && !cred_is_root(curcred()) ? EPERM : 0;
}

struct domain inet_domain = {
	.dom_family = AF_INET,
	.dom_name = "inet",
	.dom_protosw = inet_protosw,
	.dom_check = inet_check,
};

static struct netproto ip_netproto = {
	.np_ethertype = ETH_P_IP,
	.np_family = AF_INET,
	.np_input = ip_input,
	.np_event = in_addrs_event,
	.np_unreach = ip_unreach,
	.np_slot = VNET_INET,
};

/* ---- Vnets ----------------------------------------------------------------- */

static void
inet_fini(struct vnet *vn __maybe_unused, void *data)
{
	struct vnet_inet *vi = data;

	if (vi->vi_loopq.nq_input != NULL)
		netqueue_fini(&vi->vi_loopq);
	igmp_vnet_fini(vi);
	icmp_vnet_fini(vi);
	ip_pmtu_fini(vi);
	ip_reass_fini(vi);
	inpcbtable_destroy(vi->vi_ping);
	inpcbtable_destroy(vi->vi_raw);
	inpcbtable_destroy(vi->vi_udp);
	if (atomic_load_explicit(&vi->vi_addrs, memory_order_relaxed) != NULL)
		in_addrs_fini(vi);
	pool_put(vnet_inet_pool, vi);
}

#define LOOPQ_MAX 256

static int
inet_init(struct vnet *vn, void **datap)
{
	struct vnet_inet *vi = pool_get(vnet_inet_pool, KM_ZERO);
	int error;

	if (vi == NULL)
		return ENOMEM;
	vi->vi_vnet = vn;
	in_sysctl_defaults(vi);
	(void)random_bytes(&vi->vi_key, sizeof(vi->vi_key));
	(void)random_bytes(vi->vi_ids, sizeof(vi->vi_ids));
	error = in_addrs_init(vi);
	if (error == 0)
		error = inpcbtable_create(vn, IPPROTO_UDP, &vi->vi_udp);
	if (error == 0)
		error = inpcbtable_create(vn, IPPROTO_RAW, &vi->vi_raw);
	if (error == 0)
		error = inpcbtable_create(vn, IPPROTO_ICMP, &vi->vi_ping);
	if (error == 0)
		error = ip_reass_init(vi);
	if (error == 0)
		error = ip_pmtu_init(vi);
	if (error == 0)
		error = icmp_vnet_init(vi);
	if (error == 0)
		error = igmp_vnet_init(vi);
	if (error == 0)
		error = netqueue_init(&vi->vi_loopq, LOOPQ_MAX,
		    ip_loopback_input);
	if (error != 0) {
		inet_fini(vn, vi);
		return error;
	}
	*datap = vi;
	netproto_replay(&ip_netproto, vn);
	return 0;
}

static void
inet_shutdown(struct vnet *vn __maybe_unused, void *data)
{
	ip_reass_shutdown(data);
	igmp_shutdown(data);
}

static const struct vnet_ops inet_vnet = {
	.vo_slot = VNET_INET,
	.vo_init = inet_init,
	.vo_shutdown = inet_shutdown,
	.vo_fini = inet_fini,
};

int
netinet_init(void)
{
	int error;

	vnet_inet_pool = pool_create("vnet_inet", sizeof(struct vnet_inet),
	    CACHE_LINE);
	if (vnet_inet_pool == NULL)
		return ENOMEM;
	netproto_register(&ip_netproto);
	error = vnet_register(&inet_vnet);
	if (error == 0)
		error = in_sysctl_init();
	if (error == 0)
		error = in_mcast_init();
	if (error == 0)
		error = icmp_init();
	if (error == 0)
		error = udp_init();
	if (error == 0)
		error = tcp_init();
	if (error == 0)
		error = raw_init();
	return error != 0 ? error : domain_register(&inet_domain);
}
