# SPDX-License-Identifier: BSD-2-Clause
NAME  := rumpnet
KIND  := faction
ABOUT := Networking: sockets, mbufs, network instances, system calls on sockets
INIT  := rumpnet_init
GENERATOR := ../rumpkern/makesyscalls.sh ../rumpkern/syscalls.tab
GEN   := syscalls_net.c sysproto.h
SRCS  := net_init.c

# packets, sections, instances
SRCS  += mbuf.c mbuf_chain.c in_cksum.c netisr.c vnet.c vnet_pub.c

# sockets
SRCS  += domain.c socket.c sock_conn.c sock_wait.c sockbuf.c sock_sysctl.c
SRCS  += sosend.c soreceive.c cmsg.c sockopt.c sockopt_sol.c
SRCS  += sock_errq.c sock_ts.c sock_zc.c
# files and system calls
SRCS  += sock_file.c sock_pull.c sys_socket.c sys_message.c
