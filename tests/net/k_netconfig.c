/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Kernel half of t_netconfig.
 */
#include "k_netconfig.h"
#include "k_testif.h"

int
rumptest_netconfig_setup(void)
{
	return testif_register();
}

int
rumptest_flags(const char *name)
{
	struct ifnet *ifp = if_byname(curvnet(), name);

	return ifp == NULL ? -1 : (int)atomic_load(&ifp->if_flags);
}

int
rumptest_index(const char *name)
{
	return (int)if_byname(curvnet(), name)->if_index;
}

int
rumptest_mtu(const char *name)
{
	return (int)atomic_load(&if_byname(curvnet(), name)->if_mtu);
}

const char *
rumptest_linkstr(const char *name)
{
	return testif_of(name)->t_link;
}

int
rumptest_route(uint32_t dst, struct seen_route *sr)
{
	struct route_key rk = { .rk_family = AF_INET,
	    .rk_dst = inaddr4(htobe32(dst)) };
	struct nexthop *nh;
	int error;

	epoch_enter();
	error = route_lookup(curvnet(), &rk, &nh);
	if (error == 0) {
		sr->flags = nh->nh_flags;
		sr->oif = (int)nh->nh_oif;
		sr->gateway = be32toh(nh->nh_gateway.a4);
		sr->source = be32toh(nh->nh_prefsrc.a4);
	}
	epoch_exit();
	return error;
}
