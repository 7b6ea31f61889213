/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * @file netconfig.h
 * Configure the network of the calling process: the names and the meaning of
 * NetBSD's rump kernels, and what they lack.
 *
 * All work on the network instance that the calling lwp's process belongs to, and
 * need no privilege in the rump kernel. What sockets and rtnetlink offer (ioctl(2),
 * `ip`) works as well. Addresses are dotted quads. Each returns 0 or an errno
 * value, may block, and may be called from any host thread after rump_init().
 *
 * Link: rump-net
 */
#ifndef RUMP_NETCONFIG_H
#define RUMP_NETCONFIG_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Create an interface.
 *
 * @param ifname  a kind that a linked component offers, and a number: "shmif0".
 *                Without a number the next free one is taken.
 * @return ENXIO: no such kind; EEXIST; EINVAL: no name; ENOMEM; what the driver
 *         returned
 */
int rump_pub_netconfig_ifcreate(const char *ifname);

/**
 * Destroy one that was created.
 * @return ENXIO: there is none; EOPNOTSUPP: of a kind that stays (lo)
 */
int rump_pub_netconfig_ifdestroy(const char *ifname);

/** @return ENXIO; what the driver returned (ifsetlinkstr is missing, ...) */
int rump_pub_netconfig_ifup(const char *ifname);
/** Its routes and neighbours go, addresses stay. @return ENXIO */
int rump_pub_netconfig_ifdown(const char *ifname);

/**
 * Attach it: what is on the other side, by a name of the driver's own (the path
 * of a bus, a device of the host).
 *
 * @return ENXIO; EOPNOTSUPP: there is nothing to choose; EBUSY; ENAMETOOLONG; what
 *         the driver returned
 */
int rump_pub_netconfig_ifsetlinkstr(const char *ifname, const char *linkstr);

/**
 * The size of a packet on the link, without the link's header.
 * @return ENXIO; EINVAL: outside of what the driver can
 */
int rump_pub_netconfig_ifmtu(const char *ifname, uint32_t mtu);

/**
 * Add an IPv4 address, with the routes to itself, to its prefix and to its
 * broadcast address; the interface goes up.
 *
 * @param netmask  "255.255.255.0"
 * @return ENXIO; EINVAL: not an address, not a mask; EEXIST; ENOMEM
 */
int rump_pub_netconfig_ipv4_ifaddr(const char *ifname, const char *addr,
    const char *netmask);
/** The same with the length of the prefix: 24. */
int rump_pub_netconfig_ipv4_ifaddr_cidr(const char *ifname, const char *addr,
    int prefixlen);
/** Remove an address. @return ENXIO, EINVAL, EADDRNOTAVAIL */
int rump_pub_netconfig_ipv4_ifaddr_delete(const char *ifname,
    const char *addr);

/**
 * Add a default route.
 * @return EINVAL; EEXIST; ENETUNREACH: the gateway is not on a link
 */
int rump_pub_netconfig_ipv4_gw(const char *gateway);

/**
 * Add a route.
 *
 * @param dst      "10.0.0.0/8"; without a length, of one host.
 * @param gateway  NULL: dst is on the link of ifname.
 * @param ifname   NULL: the one where gateway is.
 * @return EINVAL, ENXIO, EEXIST, ENETUNREACH, ENETDOWN
 */
int rump_pub_netconfig_ipv4_route_add(const char *dst, const char *gateway,
    const char *ifname);
/** Remove the route to dst. @return EINVAL, ESRCH */
int rump_pub_netconfig_ipv4_route_delete(const char *dst);

#ifdef __cplusplus
}
#endif

#endif
