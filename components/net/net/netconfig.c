/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rump_pub_netconfig_*: configuration by function calls of the application.
 */
#include <linux/if_addr.h>

#include <rump/netconfig.h>

#include "net.h"

/* ---- Text ----------------------------------------------------------------- */

/* A number below a limit; *p moves behind it. */
static bool
parse_number(const char **p, unsigned limit, unsigned *vp)
{
	const char *s = *p;
	unsigned v = 0;

	if (*s < '0' || *s > '9' || (*s == '0' && s[1] >= '0' && s[1] <= '9'))
		return false;
	for (; *s >= '0' && *s <= '9'; s++) {
		v = v * 10 + (unsigned)(*s - '0');
		if (v > limit)
			return false;
	}
	*p = s;
	*vp = v;
	return true;
}

static bool
parse_quad(const char **p, union inaddr *a)
{
	unsigned i, v;

	*a = inaddr4(0);
	for (i = 0; i < 4; i++) {
		if (i > 0 && *(*p)++ != '.')
			return false;
		if (!parse_number(p, 255, &v))
			return false;
		a->a8[i] = (uint8_t)v;
	}
	return true;
}

static int
parse_addr(const char *s, union inaddr *a)
{
	if (s == NULL)
		return EFAULT;
	return parse_quad(&s, a) && *s == '\0' ? 0 : EINVAL;
}

static int
parse_prefix(const char *s, union inaddr *a, unsigned *plen)
{
	if (s == NULL)
		return EFAULT;
	*plen = 32;
	if (!parse_quad(&s, a))
		return EINVAL;
	if (*s == '/') {
		s++;
		if (!parse_number(&s, 32, plen))
			return EINVAL;
	}
	return *s == '\0' ? 0 : EINVAL;
}

static uint32_t
mask_of(unsigned plen)
{
	return plen == 0 ? 0 : ~0u << (32 - plen);
}

static int
parse_mask(const char *s, unsigned *plen)
{
	union inaddr a;
	uint32_t mask;
	int error;

	error = parse_addr(s, &a);
	if (error != 0)
		return error;
	mask = be32toh(a.a4);
	*plen = mask == 0 ? 0 : 32 - (unsigned)__builtin_ctz(mask);
	return mask == mask_of(*plen) ? 0 : EINVAL;
}

/* ---- Interfaces -------------------------------------------------------------- */

/* With ifnet_lock held. @return ENXIO */
static int
lock_if(const char *ifname, struct vnet **vnp, struct ifnet **ifpp)
{
	struct vnet *vn;

	if (ifname == NULL)
		return EFAULT;
	(void)curlwp_get();
	vn = curvnet();
	ifnet_lock(vn);
	*ifpp = strnlen(ifname, IFNAMSIZ) < IFNAMSIZ ?
	    if_byname(vn, ifname) : NULL;
	if (*ifpp == NULL) {
		ifnet_unlock(vn);
		return ENXIO;
	}
	*vnp = vn;
	return 0;
}

int
rump_pub_netconfig_ifcreate(const char *ifname)
{
	uint32_t index;

	if (ifname == NULL)
		return EFAULT;
	(void)curlwp_get();
	return if_create(curvnet(), NULL, ifname, &index);
}

int
rump_pub_netconfig_ifdestroy(const char *ifname)
{
	if (ifname == NULL)
		return EFAULT;
	(void)curlwp_get();
	return strnlen(ifname, IFNAMSIZ) < IFNAMSIZ ?
	    if_destroy(curvnet(), ifname) : ENXIO;
}

static int
set_flags(const char *ifname, uint32_t set, uint32_t clear)
{
	struct ifnet *ifp;
	struct vnet *vn;
	int error;

	error = lock_if(ifname, &vn, &ifp);
	if (error != 0)
		return error;
	error = if_setflags(ifp, set, clear);
	ifnet_unlock(vn);
	return error;
}

int
rump_pub_netconfig_ifup(const char *ifname)
{
	return set_flags(ifname, IFF_UP, 0);
}

int
rump_pub_netconfig_ifdown(const char *ifname)
{
	return set_flags(ifname, 0, IFF_UP);
}

int
rump_pub_netconfig_ifsetlinkstr(const char *ifname, const char *linkstr)
{
	struct ifnet *ifp;
	struct vnet *vn;
	int error;

	if (linkstr == NULL)
		return EFAULT;
	error = lock_if(ifname, &vn, &ifp);
	if (error != 0)
		return error;
	if (ifp->if_ops->ifo_setlink == NULL)
		error = EOPNOTSUPP;
	else
		error = ifp->if_ops->ifo_setlink(ifp, linkstr);
	if (error == 0)
		strlcpy(ifp->if_linkstr, linkstr, sizeof(ifp->if_linkstr));
	ifnet_unlock(vn);
	return error;
}

int
rump_pub_netconfig_ifmtu(const char *ifname, uint32_t mtu)
{
	struct ifnet *ifp;
	struct vnet *vn;
	int error;

	error = lock_if(ifname, &vn, &ifp);
	if (error != 0)
		return error;
	error = if_setmtu(ifp, mtu);
	ifnet_unlock(vn);
	return error;
}

/* ---- IPv4 addresses -------------------------------------------------------------- */

int
rump_pub_netconfig_ipv4_ifaddr_cidr(const char *ifname, const char *addr,
    int prefixlen)
{
	struct ifaddr ifa = { .ifa_family = AF_INET,
	    .ifa_flags = IFA_F_PERMANENT, .ifa_valid = UINT32_MAX,
	    .ifa_preferred = UINT32_MAX };
	struct ifnet *ifp;
	struct vnet *vn;
	int error;

	error = parse_addr(addr, &ifa.ifa_addr);
	if (error == 0 && (prefixlen < 0 || prefixlen > 32))
		error = EINVAL;
	if (error == 0)
		error = lock_if(ifname, &vn, &ifp);
	if (error != 0)
		return error;
	ifa.ifa_plen = (uint8_t)prefixlen;
	if (ifa.ifa_addr.a8[0] == 127)
		ifa.ifa_scope = RT_SCOPE_HOST;
	if (prefixlen < 31 && if_is(ifp, IFF_BROADCAST))
		ifa.ifa_bcast.a4 = ifa.ifa_addr.a4 |
		    ~htobe32(mask_of(ifa.ifa_plen));
	error = if_setflags(ifp, IFF_UP, 0);
	if (error == 0)
		error = ifaddr_add(ifp, &ifa);
	ifnet_unlock(vn);
	return error;
}

int
rump_pub_netconfig_ipv4_ifaddr(const char *ifname, const char *addr,
    const char *netmask)
{
	unsigned plen;
	int error;

	error = parse_mask(netmask, &plen);
	return error != 0 ? error :
	    rump_pub_netconfig_ipv4_ifaddr_cidr(ifname, addr, (int)plen);
}

int
rump_pub_netconfig_ipv4_ifaddr_delete(const char *ifname, const char *addr)
{
	struct ifnet *ifp;
	union inaddr a;
	struct vnet *vn;
	int error;

	error = parse_addr(addr, &a);
	if (error == 0)
		error = lock_if(ifname, &vn, &ifp);
	if (error != 0)
		return error;
	error = ifaddr_del(ifp, AF_INET, &a, 0xff);
	ifnet_unlock(vn);
	return error;
}

/* ---- IPv4 routes ------------------------------------------------------------------ */

int
rump_pub_netconfig_ipv4_route_add(const char *dst, const char *gateway,
    const char *ifname)
{
	struct nexthop nh = { .nh_family = AF_INET };
	struct route_entry re = { .re_family = AF_INET,
	    .re_type = RTN_UNICAST, .re_protocol = RTPROT_STATIC,
	    .re_table = RT_TABLE_MAIN, .re_nh = &nh };
	struct vnet *vn;
	unsigned plen;
	int error;

	error = parse_prefix(dst, &re.re_dst, &plen);
	re.re_plen = (uint8_t)plen;
	if (error == 0 && gateway != NULL) {
		error = parse_addr(gateway, &nh.nh_gateway);
		nh.nh_flags = NH_GATEWAY;
	} else {
		re.re_scope = RT_SCOPE_LINK;
	}
	if (error == 0 && gateway == NULL && ifname == NULL)
		error = EINVAL;
	if (error != 0)
		return error;
	if (ifname == NULL) {
		(void)curlwp_get();
		return route_add(curvnet(), &re, NLM_F_CREATE | NLM_F_EXCL);
	}
	error = lock_if(ifname, &vn, &nh.nh_ifp);
	if (error != 0)
		return error;
	error = route_add(vn, &re, NLM_F_CREATE | NLM_F_EXCL);
	ifnet_unlock(vn);
	return error;
}

int
rump_pub_netconfig_ipv4_gw(const char *gateway)
{
	if (gateway == NULL)
		return EFAULT;
	return rump_pub_netconfig_ipv4_route_add("0.0.0.0/0", gateway, NULL);
}

int
rump_pub_netconfig_ipv4_route_delete(const char *dst)
{
	struct route_entry re = { .re_family = AF_INET,
	    .re_table = RT_TABLE_MAIN };
	unsigned plen;
	int error;

	error = parse_prefix(dst, &re.re_dst, &plen);
	if (error != 0)
		return error;
	re.re_plen = (uint8_t)plen;
	(void)curlwp_get();
	return route_delete(curvnet(), &re);
}
