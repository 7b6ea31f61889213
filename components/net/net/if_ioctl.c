/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ioctl(2) on sockets for interfaces: netdevice(7).
 */
#include <linux/sockios.h>

#include "if_ioctl.h"

static bool
is_set(unsigned long cmd)
{
	switch (cmd) {
	case SIOCSIFFLAGS:
	case SIOCSIFADDR:
	case SIOCSIFDSTADDR:
	case SIOCSIFBRDADDR:
	case SIOCSIFNETMASK:
	case SIOCSIFMETRIC:
	case SIOCSIFMTU:
	case SIOCSIFNAME:
	case SIOCSIFHWADDR:
	case SIOCSIFTXQLEN:
	case SIOCSIFHWBROADCAST:
	case SIOCADDMULTI:
	case SIOCDELMULTI:
		return true;
	default:
		return false;
	}
}

static int
get_name(struct vnet *vn, struct ifreq *ifr)
{
	struct ifnet *ifp = ifr->ifr_ifindex > 0 ?
	    if_byindex(vn, (uint32_t)ifr->ifr_ifindex) : NULL;

	if (ifp == NULL)
		return ENODEV;
	memcpy(ifr->ifr_name, ifp->if_name, IFNAMSIZ);
	return 0;
}

static void
get_hwaddr(const struct ifnet *ifp, struct ifreq *ifr)
{
	memset(&ifr->ifr_hwaddr, 0, sizeof(ifr->ifr_hwaddr));
	ifr->ifr_hwaddr.sa_family = ifp->if_ltype->ilt_type;
	memcpy(ifr->ifr_hwaddr.sa_data, ifp->if_hwaddr,
	    MIN(ifp->if_ltype->ilt_addrlen, sizeof(ifp->if_hwaddr)));
}

static int
get(struct ifnet *ifp, unsigned long cmd, struct ifreq *ifr)
{
	switch (cmd) {
	case SIOCGIFFLAGS:
		ifr->ifr_flags = (short)(if_flags(ifp) & 0xffff);
		return 0;
	case SIOCGIFINDEX:
		ifr->ifr_ifindex = (int)ifp->if_index;
		return 0;
	case SIOCGIFMTU:
		ifr->ifr_mtu = (int)if_mtu(ifp);
		return 0;
	case SIOCGIFMETRIC:
		ifr->ifr_metric = 0;
		return 0;
	case SIOCGIFTXQLEN:
		ifr->ifr_qlen = (int)ifp->if_txqlen;
		return 0;
	case SIOCGIFHWADDR:
		get_hwaddr(ifp, ifr);
		return 0;
	case SIOCGIFMAP:
		memset(&ifr->ifr_map, 0, sizeof(ifr->ifr_map));
		return 0;
	default:
		return ENOTTY;
	}
}

static int
set_flags(struct ifnet *ifp, const struct ifreq *ifr)
{
	uint32_t want = (uint16_t)ifr->ifr_flags;

	return if_setflags(ifp, want, ~want & 0xffff);
}

static int
set(struct ifnet *ifp, unsigned long cmd, struct ifreq *ifr)
{
	uint8_t hwaddr[sizeof(ifp->if_hwaddr)];

	switch (cmd) {
	case SIOCSIFFLAGS:
		return set_flags(ifp, ifr);
	case SIOCSIFMTU:
		return ifr->ifr_mtu < 0 ? EINVAL :
		    if_setmtu(ifp, (uint32_t)ifr->ifr_mtu);
	case SIOCSIFTXQLEN:
		if (ifr->ifr_qlen < 0)
			return EINVAL;
		ifp->if_txqlen = (uint32_t)ifr->ifr_qlen;
		return 0;
	case SIOCSIFNAME:
		ifr->ifr_newname[IFNAMSIZ - 1] = '\0';
		return if_setname(ifp, ifr->ifr_newname);
	case SIOCSIFHWADDR:
		if (ifr->ifr_hwaddr.sa_family != ifp->if_ltype->ilt_type)
			return EINVAL;
		memcpy(hwaddr, ifr->ifr_hwaddr.sa_data, sizeof(hwaddr));
		return if_sethwaddr(ifp, hwaddr);
	default:
		return EOPNOTSUPP;
	}
}

/* With ifnet_lock held. */
static int
if_request(struct vnet *vn, unsigned long cmd, struct ifreq *ifr)
{
	char *colon, name[IFNAMSIZ];
	struct ifnet *ifp;
	int error;

	if (cmd == SIOCGIFNAME)
		return get_name(vn, ifr);
	error = if_ioctl_addr(vn, cmd, ifr);
	if (error != ENOTTY)
		return error;
	memcpy(name, ifr->ifr_name, IFNAMSIZ);
	colon = strchr(name, ':');
	if (colon != NULL)
		*colon = '\0';
	ifp = if_byname(vn, name);
	if (ifp == NULL)
		return ENODEV;
	if (is_set(cmd))
		return set(ifp, cmd, ifr);
	error = get(ifp, cmd, ifr);
	if (error == ENOTTY && ifp->if_ops->ifo_ioctl != NULL)
		error = ifp->if_ops->ifo_ioctl(ifp, cmd, ifr);
	return error;
}

int
if_ioctl(struct vnet *vn, unsigned long cmd, void *arg)
{
	struct ifreq ifr;
	int error;

	switch (cmd) {
	case SIOCGIFCONF:
		return if_ioctl_conf(vn, arg);
	case SIOCADDRT:
	case SIOCDELRT:
		return if_ioctl_route(vn, cmd, arg);
	case SIOCSARP:
	case SIOCGARP:
	case SIOCDARP:
		return if_ioctl_arp(vn, cmd, arg);
	}
	/* Requests with a struct ifreq are 0x8910 to 0x894f, and drivers'. */
	if ((cmd < SIOCGIFNAME || cmd > 0x894f) &&
	    (cmd < SIOCDEVPRIVATE || cmd > SIOCDEVPRIVATE + 15))
		return ENOTTY;
	error = copyin(arg, &ifr, sizeof(ifr));
	if (error != 0)
		return error;
	ifr.ifr_name[IFNAMSIZ - 1] = '\0';
	if (is_set(cmd) && !cred_is_root(curcred()))
		return EPERM;
	if (cmd == SIOCETHTOOL)
		return if_ioctl_ethtool(vn, &ifr);
	ifnet_lock(vn);
	error = if_request(vn, cmd, &ifr);
	ifnet_unlock(vn);
	if (error == 0 && !is_set(cmd))
		error = copyout(&ifr, arg, sizeof(ifr));
	return error;
}
