/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ioctl(2) on sockets: IPv4 addresses of interfaces (netdevice(7)). An
 * interface may have several, each with a label, "eth0:1".
 */
#include <linux/if_addr.h>
#include <linux/sockios.h>

#include "if_ioctl.h"

static struct ifaddr *
by_label(struct ifnet *ifp, const char *label)
{
	struct ifaddr *ifa;

	IFADDR_FOREACH(ifa, ifp)
		if (ifa->ifa_family == AF_INET &&
		    strncmp(ifa->ifa_label, label, IFNAMSIZ) == 0)
			return ifa;
	return NULL;
}

static int
replace(struct ifnet *ifp, struct ifaddr *old, const struct ifaddr *new)
{
	struct ifaddr was;
	int error;

	if (old != NULL) {
		was = *old;
		(void)ifaddr_del(ifp, AF_INET, &was.ifa_addr, was.ifa_plen);
	}
	error = ifaddr_add(ifp, new);
	if (error != 0 && old != NULL)
		(void)ifaddr_add(ifp, &was);
	return error;
}

/* The mask of the address' class (RFC 791). */
static unsigned
class_plen(uint32_t addr)
{
	uint8_t first = (uint8_t)(be32toh(addr) >> 24);

	return first < 128 ? 8 : first < 192 ? 16 : first < 224 ? 24 : 4;
}

static int
set_addr(struct ifnet *ifp, struct ifaddr *old, const struct ifreq *ifr)
{
	uint32_t a = get_sin(&ifr->ifr_addr);
	struct ifaddr new = { .ifa_family = AF_INET,
	    .ifa_flags = IFA_F_PERMANENT, .ifa_valid = UINT32_MAX,
	    .ifa_preferred = UINT32_MAX, .ifa_addr = inaddr4(a) };

	if (a == 0 || be32toh(a) >> 28 >= 0xe)
		return a == 0 && old != NULL ? ifaddr_del(ifp, AF_INET,
		    &old->ifa_addr, old->ifa_plen) : EINVAL;
	if (old != NULL && old->ifa_addr.a4 == a)
		return 0;
	memcpy(new.ifa_label, ifr->ifr_name, IFNAMSIZ);
	new.ifa_plen = (uint8_t)((if_flags(ifp) & IFF_POINTOPOINT) != 0 ? 32 :
	    class_plen(a));
	if (new.ifa_plen < 31 && if_is(ifp, IFF_BROADCAST))
		new.ifa_bcast.a4 = a | ~plen_mask(new.ifa_plen);
	if (be32toh(a) >> 24 == 127)
		new.ifa_scope = RT_SCOPE_HOST;
	return replace(ifp, old, &new);
}

static int
change(struct ifnet *ifp, struct ifaddr *old, unsigned long cmd,
    const struct ifreq *ifr)
{
	struct ifaddr new = *old;
	uint32_t a = get_sin(&ifr->ifr_addr);
	int plen;

	switch (cmd) {
	case SIOCSIFNETMASK:
		plen = mask_plen(a);
		if (plen < 0)
			return EINVAL;
		if (plen == old->ifa_plen)
			return 0;
		if (old->ifa_bcast.a4 ==
		    (old->ifa_addr.a4 | ~plen_mask(old->ifa_plen)))
			new.ifa_bcast.a4 = plen < 31 ? old->ifa_addr.a4 |
			    ~plen_mask((unsigned)plen) : 0;
		new.ifa_plen = (uint8_t)plen;
		break;
	case SIOCSIFBRDADDR:
		new.ifa_bcast.a4 = a;
		break;
	default:
		new.ifa_peer.a4 = a;
		break;
	}
	return replace(ifp, old, &new);
}

static void
get(const struct ifaddr *ifa, unsigned long cmd, struct ifreq *ifr)
{
	switch (cmd) {
	case SIOCGIFADDR:
		put_sin(&ifr->ifr_addr, ifa->ifa_addr.a4);
		break;
	case SIOCGIFDSTADDR:
		put_sin(&ifr->ifr_dstaddr, ifa->ifa_peer.a4 != 0 ?
		    ifa->ifa_peer.a4 : ifa->ifa_addr.a4);
		break;
	case SIOCGIFBRDADDR:
		put_sin(&ifr->ifr_broadaddr, ifa->ifa_bcast.a4);
		break;
	default:
		put_sin(&ifr->ifr_netmask, plen_mask(ifa->ifa_plen));
		break;
	}
}

int
if_ioctl_addr(struct vnet *vn, unsigned long cmd, struct ifreq *ifr)
{
	bool getting = cmd == SIOCGIFADDR || cmd == SIOCGIFDSTADDR ||
	    cmd == SIOCGIFBRDADDR || cmd == SIOCGIFNETMASK;
	char name[IFNAMSIZ], *colon;
	struct ifaddr *ifa;
	struct ifnet *ifp;

	if (!getting && cmd != SIOCSIFADDR && cmd != SIOCSIFDSTADDR &&
	    cmd != SIOCSIFBRDADDR && cmd != SIOCSIFNETMASK &&
	    (cmd != SIOCSIFFLAGS || strchr(ifr->ifr_name, ':') == NULL))
		return ENOTTY;
	memcpy(name, ifr->ifr_name, IFNAMSIZ);
	colon = strchr(name, ':');
	if (colon != NULL)
		*colon = '\0';
	ifp = if_byname(vn, name);
	if (ifp == NULL)
		return ENODEV;
	if (!getting && cmd != SIOCSIFFLAGS &&
	    ifr->ifr_addr.sa_family != AF_INET)
		return EAFNOSUPPORT;
	ifa = by_label(ifp, ifr->ifr_name);
	if (cmd == SIOCSIFADDR)
		return set_addr(ifp, ifa, ifr);
	if (ifa == NULL)
		return EADDRNOTAVAIL;
	if (cmd == SIOCSIFFLAGS)
		return ((uint16_t)ifr->ifr_flags & IFF_UP) != 0 ? 0 :
		    ifaddr_del(ifp, AF_INET, &ifa->ifa_addr, ifa->ifa_plen);
	if (!getting)
		return change(ifp, ifa, cmd, ifr);
	get(ifa, cmd, ifr);
	return 0;
}

/* ---- SIOCGIFCONF ------------------------------------------------------------ */

/* Bytes of all; NULL: how many there would be. ifnet_lock held. */
static size_t
list_addrs(struct vnet *vn, struct ifreq *out, size_t max)
{
	struct ifnet *ifp;
	struct ifaddr *ifa;
	size_t n = 0;

	for (ifp = if_next(vn, 0); ifp != NULL;
	    ifp = if_next(vn, ifp->if_index)) {
		IFADDR_FOREACH(ifa, ifp) {
			if (ifa->ifa_family != AF_INET)
				continue;
			if (out != NULL) {
				if (n == max)
					return n;
				memcpy(out[n].ifr_name, ifa->ifa_label,
				    IFNAMSIZ);
				put_sin(&out[n].ifr_addr, ifa->ifa_addr.a4);
			}
			n++;
		}
	}
	return n;
}

int
if_ioctl_conf(struct vnet *vn, void *arg)
{
	struct ifreq *list = NULL;
	struct ifconf ifc;
	size_t n, max;
	int error;

	error = copyin(arg, &ifc, sizeof(ifc));
	if (error != 0)
		return error;
	if (ifc.ifc_len < 0)
		return EINVAL;
	max = (size_t)ifc.ifc_len / sizeof(*list);
	ifnet_lock(vn);
	n = list_addrs(vn, NULL, 0);
	if (ifc.ifc_buf != NULL) {
		max = n = MIN(n, max);
		list = kmem_zalloc((n + 1) * sizeof(*list), 0);
		if (list != NULL)
			n = list_addrs(vn, list, max);
	}
	ifnet_unlock(vn);
	if (ifc.ifc_buf != NULL && list == NULL)
		return ENOMEM;
	ifc.ifc_len = (int)(n * sizeof(*list));
	if (list != NULL) {
		error = copyout(list, ifc.ifc_buf, n * sizeof(*list));
		kmem_free(list, (max + 1) * sizeof(*list));
	}
	if (error == 0)
		error = copyout(&ifc, arg, sizeof(ifc));
	return error;
}
