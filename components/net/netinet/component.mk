# SPDX-License-Identifier: BSD-2-Clause
NAME    := netinet
FACTION := net
NEEDS   := net
ABOUT   := The Internet protocols: IPv4, ICMP, UDP, TCP
SRCS    := netinet_init.c in_proto.c in_addr.c in_sysctl.c

# control blocks of sockets
SRCS    += in_pcb.c in_pcb_hash.c in_pcb_bind.c in_pcb_connect.c
SRCS    += in_sockopt.c in_cmsg.c in_mcast.c
# packets
SRCS    += ip_input.c ip_options.c ip_reass.c ip_forward.c
SRCS    += ip_output.c ip_fragment.c ip_pmtu.c
# transports
SRCS    += udp.c udp_input.c udp_output.c icmp.c icmp_error.c icmp_ping.c igmp.c raw_ip.c
SRCS    += tcp_input.c tcp_output.c tcp_ack.c tcp_receive.c tcp_reass.c
SRCS    += tcp_sent.c tcp_sack.c tcp_recovery.c tcp_segment.c tcp_respond.c
SRCS    += tcp_options.c tcp_isn.c tcp_ecn.c tcp_syncache.c tcp_timewait.c
SRCS    += tcp_timer.c tcp_subr.c tcp_usrreq.c tcp_sockopt.c tcp_info.c
SRCS    += tcp_cc.c tcp_cc_newreno.c tcp_cc_cubic.c tcp_cc_bbr.c
