/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ioctl(2) on sockets: routes (SIOCADDRT, SIOCDELRT), neighbours (arp(7)), and the
 * part of ethtool that tells what an interface is.
 */
#include <linux/ethtool.h>
#include <linux/route.h>
#include <linux/sockios.h>

#include "if_ioctl.h"
#include "neigh.h"

/* ---- Routes ------------------------------------------------------------------ */

static int
route_of(const struct rtentry *rt, struct route_entry *re, struct nexthop *nh)
{
	int plen = 32;

	if (rt->rt_dst.sa_family != AF_INET)
		return EAFNOSUPPORT;
	if ((rt->rt_flags & RTF_HOST) == 0) {
		if (rt->rt_genmask.sa_family != AF_INET &&
		    (get_sin(&rt->rt_genmask) != 0 ||
		    rt->rt_genmask.sa_family != 0))
			return EAFNOSUPPORT;
		plen = mask_plen(get_sin(&rt->rt_genmask));
		if (plen < 0)
			return EINVAL;
	}
	re->re_family = AF_INET;
	re->re_dst = inaddr4(get_sin(&rt->rt_dst));
	re->re_plen = (uint8_t)plen;
	re->re_table = RT_TABLE_MAIN;
	re->re_type = (rt->rt_flags & RTF_REJECT) != 0 ? RTN_UNREACHABLE :
	    RTN_UNICAST;
	re->re_scope = RT_SCOPE_LINK;
	/* The metric is one too large (route(8)). */
	if (rt->rt_metric > 0)
		re->re_metric = (uint32_t)rt->rt_metric - 1;
	if (rt->rt_gateway.sa_family == AF_INET &&
	    get_sin(&rt->rt_gateway) != 0) {
		nh->nh_family = AF_INET;
		nh->nh_gateway = inaddr4(get_sin(&rt->rt_gateway));
		nh->nh_flags = NH_GATEWAY;
		re->re_scope = RT_SCOPE_UNIVERSE;
	} else if ((rt->rt_flags & RTF_GATEWAY) != 0) {
		return EINVAL;
	}
	if ((rt->rt_flags & RTF_MTU) != 0)
		nh->nh_mtu = (uint32_t)rt->rt_mtu;
	if ((rt->rt_flags & RTF_WINDOW) != 0)
		nh->nh_window = (uint32_t)rt->rt_window;
	return 0;
}

int
if_ioctl_route(struct vnet *vn, unsigned long cmd, void *arg)
{
	struct nexthop nh = { .nh_flags = 0 };
	struct route_entry re = { .re_nh = &nh };
	char name[IFNAMSIZ] = "";
	struct rtentry rt;
	size_t n;
	int error;

	if (!cred_is_root(curcred()))
		return EPERM;
	error = copyin(arg, &rt, sizeof(rt));
	if (error == 0)
		error = route_of(&rt, &re, &nh);
	if (error == 0 && rt.rt_dev != NULL)
		error = copyinstr(rt.rt_dev, name, sizeof(name), &n);
	if (error != 0)
		return error == ENAMETOOLONG ? ENODEV : error;
	ifnet_lock(vn);
	nh.nh_ifp = if_byname(vn, name);
	if (name[0] != '\0' && nh.nh_ifp == NULL) {
		error = ENODEV;
	} else if (cmd == SIOCADDRT) {
		re.re_protocol = RTPROT_BOOT;
		error = route_add(vn, &re, NLM_F_CREATE | NLM_F_EXCL);
	} else {
		re.re_scope = RT_SCOPE_NOWHERE;
		error = route_delete(vn, &re);
	}
	ifnet_unlock(vn);
	return error;
}

/* ---- Neighbours --------------------------------------------------------------- */

/* Of the device named, or of the one where the address is. */
static int
arp_if(struct vnet *vn, struct arpreq *ar, uint32_t addr,
    struct ifnet **ifpp)
{
	struct route_key rk = { .rk_family = AF_INET,
	    .rk_dst = inaddr4(addr) };
	struct nexthop *nh;
	int error = 0;

	ar->arp_dev[sizeof(ar->arp_dev) - 1] = '\0';
	*ifpp = NULL;
	if (ar->arp_dev[0] != '\0') {
		*ifpp = if_byname(vn, ar->arp_dev);
	} else {
		epoch_enter();
		error = route_lookup(vn, &rk, &nh);
		if (error == 0)
			*ifpp = nh->nh_ifp;
		epoch_exit();
		if (error != 0)
			return error;
	}
	if (*ifpp == NULL)
		return ENODEV;
	return if_is(*ifpp, IFF_NOARP) || if_is(*ifpp, IFF_LOOPBACK) ||
	    (*ifpp)->if_ltype->ilt_type != ARPHRD_ETHER ? EINVAL : 0;
}

static int
arp_get(struct ifnet *ifp, const union inaddr *a, struct arpreq *ar)
{
	struct neigh_info ni;

	if (neigh_get(ifp, AF_INET, a, &ni) != 0)
		return ENXIO;
	ar->arp_flags = (ni.ni_state & NUD_PERMANENT) != 0 ?
	    ATF_PERM | ATF_COM : (ni.ni_state & ~(NUD_INCOMPLETE |
	    NUD_FAILED)) != 0 ? ATF_COM : 0;
	memset(&ar->arp_ha, 0, sizeof(ar->arp_ha));
	ar->arp_ha.sa_family = ifp->if_ltype->ilt_type;
	memcpy(ar->arp_ha.sa_data, ni.ni_lladdr, ETH_ALEN);
	strlcpy(ar->arp_dev, ifp->if_name, sizeof(ar->arp_dev));
	return 0;
}

static int
arp_set(struct ifnet *ifp, const union inaddr *a, struct arpreq *ar)
{
	uint8_t hw[8] = { 0 };
	int error;

	if ((ar->arp_flags & ATF_PUBL) != 0)
		return EOPNOTSUPP;
	if ((ar->arp_flags & ATF_COM) != 0 &&
	    ar->arp_ha.sa_family != ifp->if_ltype->ilt_type)
		return EINVAL;
	memcpy(hw, ar->arp_ha.sa_data, ETH_ALEN);
	netisr_enter();
	epoch_enter();
	error = neigh_update(ifp, AF_INET, a,
	    (ar->arp_flags & ATF_COM) != 0 ? hw : NULL,
	    (ar->arp_flags & ATF_PERM) != 0 ? NUD_PERMANENT : NUD_STALE,
	    NEIGH_ADMIN | NEIGH_CREATE | NEIGH_OVERRIDE);
	epoch_exit();
	netisr_exit();
	return error;
}

int
if_ioctl_arp(struct vnet *vn, unsigned long cmd, void *arg)
{
	struct arpreq ar;
	struct ifnet *ifp;
	union inaddr a;
	int error;

	if (cmd != SIOCGARP && !cred_is_root(curcred()))
		return EPERM;
	error = copyin(arg, &ar, sizeof(ar));
	if (error != 0)
		return error;
	if (ar.arp_pa.sa_family != AF_INET)
		return EAFNOSUPPORT;
	a = inaddr4(get_sin(&ar.arp_pa));
	ifnet_lock(vn);
	error = arp_if(vn, &ar, a.a4, &ifp);
	if (error == 0) {
		if (cmd == SIOCSARP)
			error = arp_set(ifp, &a, &ar);
		else if (cmd == SIOCGARP)
			error = arp_get(ifp, &a, &ar);
		else if (neigh_delete(ifp, AF_INET, &a) != 0)
			error = ENXIO;
	}
	ifnet_unlock(vn);
	if (error == 0 && cmd == SIOCGARP)
		error = copyout(&ar, arg, sizeof(ar));
	return error;
}

/* ---- ethtool ------------------------------------------------------------------- */

static void
driver_info(const struct ifnet *ifp, struct ethtool_drvinfo *info)
{
	memset(info, 0, sizeof(*info));
	info->cmd = ETHTOOL_GDRVINFO;
	strlcpy(info->driver, ifp->if_ops->ifo_kind, sizeof(info->driver));
	strlcpy(info->bus_info, ifp->if_linkstr, sizeof(info->bus_info));
}

int
if_ioctl_ethtool(struct vnet *vn, struct ifreq *ifr)
{
	struct ethtool_value value = { .cmd = ETHTOOL_GLINK };
	struct ethtool_drvinfo info;
	struct ifnet *ifp;
	uint32_t cmd;
	int error;

	error = copyin(ifr->ifr_data, &cmd, sizeof(cmd));
	if (error != 0)
		return error;
	ifnet_lock(vn);
	ifp = if_byname(vn, ifr->ifr_name);
	if (ifp != NULL) {
		value.data = if_is(ifp, IFF_RUNNING);
		driver_info(ifp, &info);
	}
	ifnet_unlock(vn);
	if (ifp == NULL)
		return ENODEV;
	if (cmd == ETHTOOL_GDRVINFO)
		return copyout(&info, ifr->ifr_data, sizeof(info));
	if (cmd == ETHTOOL_GLINK)
		return copyout(&value, ifr->ifr_data, sizeof(value));
	return EOPNOTSUPP;
}
