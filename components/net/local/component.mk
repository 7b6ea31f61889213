# SPDX-License-Identifier: BSD-2-Clause
NAME    := local
FACTION := net
ABOUT   := AF_UNIX: streams, datagrams, packets, passing of descriptors
INIT    := local_init
SRCS    := unp_init.c unp_name.c unp_conn.c unp_send.c unp_recv.c
SRCS    += unp_rights.c unp_gc.c
