# SPDX-License-Identifier: BSD-2-Clause
NAME    := net
FACTION := net
ABOUT   := Interfaces, loopback, Ethernet, ARP, routing
SRCS    := net_init.c

# interfaces
SRCS    += if.c if_attach.c if_set.c if_packet.c if_clone.c if_proto.c
SRCS    += if_gso.c if_gro.c if_mcast.c if_ether.c if_loop.c if_addr.c
# neighbours
SRCS    += arp.c neigh.c
# routes
SRCS    += nexthop.c route.c route_lookup.c route_trie.c
# configuration
SRCS    += if_ioctl.c if_ioctl_addr.c if_ioctl_more.c netconfig.c if_sock.c
# netlink
SRCS    += netlink.c netlink_dump.c netlink_sock.c
SRCS    += rtnl.c rtnl_link.c rtnl_addr.c rtnl_route.c rtnl_neigh.c rtnl_rule.c
# testing
SRCS    += impair.c capture.c
USER_SRCS := capture_user.c
