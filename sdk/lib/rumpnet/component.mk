# SPDX-License-Identifier: BSD-2-Clause
NAME  := rumpnet
KIND  := faction
ABOUT := Networking: sockets, mbufs, network instances, system calls on sockets
INIT  := rumpnet_init
SRCS  := net_init.c

# packets, sections, instances
SRCS  += mbuf.c mbuf_chain.c in_cksum.c netisr.c vnet.c
