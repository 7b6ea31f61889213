/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * UDP: udp(7), RFC 768, RFC 1122 4.1, on lo and between two stacks.
 *
 * Link: rump-netinet
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/errqueue.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <rump/lwproc.h>
#include <rump/rump.h>
#include <rump/rump_syscalls.h>

#include "k_inet.h"
#include "test.h"

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

static struct sockaddr_in
addr(const char *a, int port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)port) };

	inet_pton(AF_INET, a, &sin.sin_addr);
	return sin;
}

#define SA(sin) ((struct sockaddr *)&(sin))

static int
udp_socket(void)
{
	int s = rump_sys_socket(AF_INET, SOCK_DGRAM, 0);

	assert_true(s >= 0);
	return s;
}

static int
bound(const char *a, int port)
{
	struct sockaddr_in sin = addr(a, port);
	int s = udp_socket();

	assert_int_equal(rump_sys_bind(s, SA(sin), sizeof(sin)), 0);
	return s;
}

static void
set_int(int s, int level, int name, int v)
{
	assert_int_equal(rump_sys_setsockopt(s, level, name, &v, sizeof(v)),
	    0);
}

static long
send_to(int s, const char *a, int port, const void *buf, size_t n)
{
	struct sockaddr_in sin = addr(a, port);

	return rump_sys_sendto(s, buf, n, 0, SA(sin), sizeof(sin));
}

static long
take(int s, void *buf, size_t n)
{
	return rump_sys_recvfrom(s, buf, n, MSG_DONTWAIT, NULL, NULL);
}

static void
nothing_there(int s)
{
	char c;

	assert_int_equal(take(s, &c, 1), -1);
	assert_int_equal(errno, EAGAIN);
}

static void
a_datagram_comes_with_its_source(void **state)
{
	int r = bound("127.0.0.1", 5001), s = bound("127.0.0.1", 5002);
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	char buf[64];

	(void)state;
	assert_int_equal(send_to(s, "127.0.0.1", 5001, "hello", 5), 5);
	assert_int_equal(rump_sys_recvfrom(r, buf, sizeof(buf), 0, SA(from),
	    &len), 5);
	assert_memory_equal(buf, "hello", 5);
	assert_int_equal(len, sizeof(from));
	assert_int_equal(from.sin_family, AF_INET);
	assert_int_equal(ntohs(from.sin_port), 5002);
	assert_int_equal(from.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
	nothing_there(r);
	/* An empty one is one, too. */
	assert_int_equal(send_to(s, "127.0.0.1", 5001, "", 0), 0);
	assert_int_equal(take(r, buf, sizeof(buf)), 0);
	/* What does not fit is cut, and said to be. */
	assert_int_equal(send_to(s, "127.0.0.1", 5001, "hello", 5), 5);
	assert_int_equal(rump_sys_recvfrom(r, buf, 2, MSG_TRUNC, NULL, NULL),
	    5);
	rump_sys_close(r);
	rump_sys_close(s);
}

static void
every_size_arrives_whole(void **state)
{
	static const size_t sizes[] = { 0, 1, 63, 64, 65, 1400, 1472, 1473,
		8192, 20000, 65000, 65507 };
	int r = bound("127.0.0.1", 5001), s = udp_socket();
	static unsigned char out[65508], in[65508];

	(void)state;
	for (size_t i = 0; i < sizeof(out); i++)
		out[i] = (unsigned char)(i * 7 + i / 256);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		assert_int_equal(send_to(s, "127.0.0.1", 5001, out, sizes[i]),
		    sizes[i]);
		memset(in, 0, sizeof(in));
		assert_int_equal(take(r, in, sizeof(in)), sizes[i]);
		assert_memory_equal(in, out, sizes[i]);
	}
	assert_int_equal(send_to(s, "127.0.0.1", 5001, out, 65508), -1);
	assert_int_equal(errno, EMSGSIZE);
	rump_sys_close(r);
	rump_sys_close(s);
}

static void
a_connected_socket_hears_its_peer_only(void **state)
{
	int a = bound("127.0.0.1", 5001), b = bound("127.0.0.1", 5002);
	int c = bound("127.0.0.1", 5003);
	struct sockaddr_in to = addr("127.0.0.1", 5002), name;
	socklen_t len = sizeof(name);
	char buf[8];

	(void)state;
	assert_int_equal(rump_sys_getpeername(a, SA(name), &len), -1);
	assert_int_equal(errno, ENOTCONN);
	assert_int_equal(rump_sys_send(a, "x", 1, 0), -1);
	assert_int_equal(errno, EDESTADDRREQ);
	assert_int_equal(rump_sys_connect(a, SA(to), sizeof(to)), 0);
	assert_int_equal(rump_sys_getpeername(a, SA(name), &len), 0);
	assert_int_equal(ntohs(name.sin_port), 5002);
	assert_int_equal(rump_sys_send(a, "to b", 4, 0), 4);
	assert_int_equal(take(b, buf, sizeof(buf)), 4);
	assert_int_equal(send_to(b, "127.0.0.1", 5001, "b", 1), 1);
	assert_int_equal(send_to(c, "127.0.0.1", 5001, "c", 1), 1);
	assert_int_equal(take(a, buf, sizeof(buf)), 1);
	assert_int_equal(buf[0], 'b');
	nothing_there(a);
	/* Elsewhere, all the same. */
	assert_int_equal(send_to(a, "127.0.0.1", 5003, "over", 4), 4);
	assert_int_equal(take(c, buf, sizeof(buf)), 4);
	/* Disconnected, it hears everybody again. */
	to.sin_family = AF_UNSPEC;
	assert_int_equal(rump_sys_connect(a, SA(to), sizeof(to)), 0);
	assert_int_equal(send_to(c, "127.0.0.1", 5001, "c", 1), 1);
	assert_int_equal(take(a, buf, sizeof(buf)), 1);
	rump_sys_close(a);
	rump_sys_close(b);
	rump_sys_close(c);
}

static void
a_closed_port_refuses_who_is_connected(void **state)
{
	struct sockaddr_in to = addr("127.0.0.1", 5999);
	int s = udp_socket(), v;
	socklen_t len = sizeof(v);
	char c;

	(void)state;
	/* Unconnected: nothing is heard. */
	assert_int_equal(send_to(s, "127.0.0.1", 5999, "x", 1), 1);
	nothing_there(s);
	assert_int_equal(rump_sys_connect(s, SA(to), sizeof(to)), 0);
	assert_int_equal(rump_sys_send(s, "x", 1, 0), 1);
	assert_int_equal(rump_sys_recvfrom(s, &c, 1, 0, NULL, NULL), -1);
	assert_int_equal(errno, ECONNREFUSED);
	nothing_there(s);
	assert_int_equal(rump_sys_send(s, "x", 1, 0), 1);
	assert_int_equal(rump_sys_getsockopt(s, SOL_SOCKET, SO_ERROR, &v,
	    &len), 0);
	assert_int_equal(v, ECONNREFUSED);
	rump_sys_close(s);
}

static void
who_asks_finds_errors_in_the_queue(void **state)
{
	char data[64], control[256];
	struct sockaddr_in to;
	struct iovec iov = { data, sizeof(data) };
	struct msghdr mh = { .msg_name = &to, .msg_namelen = sizeof(to),
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
		.msg_controllen = sizeof(control) };
	struct sock_extended_err ee;
	struct sockaddr_in off;
	struct cmsghdr *cm;
	int s = udp_socket();

	(void)state;
	set_int(s, IPPROTO_IP, IP_RECVERR, 1);
	assert_int_equal(send_to(s, "127.0.0.1", 5999, "lost", 4), 4);
	assert_int_equal(rump_sys_recvmsg(s, &mh, MSG_ERRQUEUE), 4);
	assert_memory_equal(data, "lost", 4);
	assert_true((mh.msg_flags & MSG_ERRQUEUE) != 0);
	assert_int_equal(ntohs(to.sin_port), 5999);
	cm = CMSG_FIRSTHDR(&mh);
	assert_non_null(cm);
	assert_int_equal(cm->cmsg_level, IPPROTO_IP);
	assert_int_equal(cm->cmsg_type, IP_RECVERR);
	memcpy(&ee, CMSG_DATA(cm), sizeof(ee));
	assert_int_equal(ee.ee_errno, ECONNREFUSED);
	assert_int_equal(ee.ee_origin, SO_EE_ORIGIN_ICMP);
	assert_int_equal(ee.ee_type, 3);
	assert_int_equal(ee.ee_code, 3);
	memcpy(&off, CMSG_DATA(cm) + sizeof(ee), sizeof(off));
	assert_int_equal(off.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
	rump_sys_close(s);
}

static void
control_messages_tell_of_arrival(void **state)
{
	char data[8], control[256], out[CMSG_SPACE(sizeof(int)) +
	    CMSG_SPACE(sizeof(struct in_pktinfo))];
	struct iovec iov = { data, sizeof(data) };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control) };
	struct sockaddr_in to = addr("127.0.0.1", 5001);
	struct in_pktinfo pi = { 0 };
	int r = bound("0.0.0.0", 5001), s = udp_socket(), seen = 0, v = 0;
	struct cmsghdr *cm;

	(void)state;
	set_int(r, IPPROTO_IP, IP_PKTINFO, 1);
	set_int(r, IPPROTO_IP, IP_RECVTTL, 1);
	set_int(r, IPPROTO_IP, IP_RECVTOS, 1);
	set_int(r, IPPROTO_IP, IP_RECVORIGDSTADDR, 1);
	set_int(s, IPPROTO_IP, IP_TOS, 0x20);
	/* The sender's side: a source and a time to live for one datagram. */
	struct msghdr mo = { .msg_name = &to, .msg_namelen = sizeof(to),
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = out,
		.msg_controllen = sizeof(out) };
	memset(out, 0, sizeof(out));
	cm = CMSG_FIRSTHDR(&mo);
	cm->cmsg_level = IPPROTO_IP;
	cm->cmsg_type = IP_TTL;
	cm->cmsg_len = CMSG_LEN(sizeof(int));
	v = 7;
	memcpy(CMSG_DATA(cm), &v, sizeof(v));
	cm = CMSG_NXTHDR(&mo, cm);
	cm->cmsg_level = IPPROTO_IP;
	cm->cmsg_type = IP_PKTINFO;
	cm->cmsg_len = CMSG_LEN(sizeof(pi));
	inet_pton(AF_INET, "127.0.0.77", &pi.ipi_spec_dst);
	memcpy(CMSG_DATA(cm), &pi, sizeof(pi));
	assert_int_equal(rump_sys_sendmsg(s, &mo, 0), 8);
	assert_int_equal(rump_sys_recvmsg(r, &mh, 0), 8);
	for (cm = CMSG_FIRSTHDR(&mh); cm != NULL; cm = CMSG_NXTHDR(&mh, cm)) {
		assert_int_equal(cm->cmsg_level, IPPROTO_IP);
		switch (cm->cmsg_type) {
		case IP_TTL:
			memcpy(&v, CMSG_DATA(cm), sizeof(v));
			assert_int_equal(v, 7);
			seen |= 1;
			break;
		case IP_TOS:
			assert_int_equal(*CMSG_DATA(cm), 0x20);
			seen |= 2;
			break;
		case IP_PKTINFO:
			memcpy(&pi, CMSG_DATA(cm), sizeof(pi));
			assert_int_equal(pi.ipi_addr.s_addr, to.sin_addr.s_addr);
			assert_int_equal(pi.ipi_spec_dst.s_addr,
			    to.sin_addr.s_addr);
			assert_int_equal(pi.ipi_ifindex, 1);
			seen |= 4;
			break;
		case IP_ORIGDSTADDR:
			assert_memory_equal(CMSG_DATA(cm), &to, sizeof(to));
			seen |= 8;
			break;
		default:
			assert_true(0);
		}
	}
	assert_int_equal(seen, 15);
	/* An address that is nobody's of us is no source. */
	inet_pton(AF_INET, "192.0.2.1", &pi.ipi_spec_dst);
	memcpy(CMSG_DATA(CMSG_NXTHDR(&mo, CMSG_FIRSTHDR(&mo))), &pi,
	    sizeof(pi));
	assert_int_equal(rump_sys_sendmsg(s, &mo, 0), -1);
	assert_int_equal(errno, EINVAL);
	rump_sys_close(r);
	rump_sys_close(s);
}

static void
corked_pieces_are_one_datagram(void **state)
{
	int r = bound("127.0.0.1", 5001), s = udp_socket();
	struct sockaddr_in to = addr("127.0.0.1", 5001);
	char buf[32];

	(void)state;
	assert_int_equal(rump_sys_connect(s, SA(to), sizeof(to)), 0);
	assert_int_equal(rump_sys_send(s, "one", 3, MSG_MORE), 3);
	assert_int_equal(rump_sys_send(s, "two", 3, MSG_MORE), 3);
	nothing_there(r);
	assert_int_equal(rump_sys_send(s, "three", 5, 0), 5);
	assert_int_equal(take(r, buf, sizeof(buf)), 11);
	assert_memory_equal(buf, "onetwothree", 11);
	set_int(s, IPPROTO_UDP, UDP_CORK, 1);
	assert_int_equal(rump_sys_send(s, "a", 1, 0), 1);
	assert_int_equal(rump_sys_send(s, "b", 1, 0), 1);
	nothing_there(r);
	set_int(s, IPPROTO_UDP, UDP_CORK, 0);
	assert_int_equal(take(r, buf, sizeof(buf)), 2);
	/* One that is not finished is lost with its socket. */
	assert_int_equal(rump_sys_send(s, "x", 1, MSG_MORE), 1);
	rump_sys_close(s);
	nothing_there(r);
	rump_sys_close(r);
}

static void
segments_are_cut_where_asked(void **state)
{
	int r = bound("127.0.0.1", 5001), s = udp_socket();
	struct sockaddr_in to = addr("127.0.0.1", 5001);
	char out[2500], in[3000], control[64];
	struct iovec iov = { in, sizeof(in) };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control) };
	struct cmsghdr *cm;
	int v;

	(void)state;
	memset(out, 'x', sizeof(out));
	assert_int_equal(rump_sys_connect(s, SA(to), sizeof(to)), 0);
	set_int(s, IPPROTO_UDP, UDP_SEGMENT, 1000);
	assert_int_equal(rump_sys_send(s, out, sizeof(out), 0), sizeof(out));
	assert_int_equal(take(r, in, sizeof(in)), 1000);
	assert_int_equal(take(r, in, sizeof(in)), 1000);
	assert_int_equal(take(r, in, sizeof(in)), 500);
	nothing_there(r);
	/* Who can take them as one gets one, with the size of its parts. */
	set_int(r, IPPROTO_UDP, UDP_GRO, 1);
	assert_int_equal(rump_sys_send(s, out, sizeof(out), 0), sizeof(out));
	assert_int_equal(rump_sys_recvmsg(r, &mh, 0), sizeof(out));
	cm = CMSG_FIRSTHDR(&mh);
	assert_non_null(cm);
	assert_int_equal(cm->cmsg_level, IPPROTO_UDP);
	assert_int_equal(cm->cmsg_type, UDP_GRO);
	memcpy(&v, CMSG_DATA(cm), sizeof(v));
	assert_int_equal(v, 1000);
	/* Too many. */
	set_int(s, IPPROTO_UDP, UDP_SEGMENT, 4);
	assert_int_equal(rump_sys_send(s, out, sizeof(out), 0), -1);
	assert_int_equal(errno, EINVAL);
	rump_sys_close(r);
	rump_sys_close(s);
}

static void
a_full_socket_loses_what_comes(void **state)
{
	int r = bound("127.0.0.1", 5001), s = udp_socket(), n, got;
	char buf[1000] = { 0 }, before[32], after[32];

	(void)state;
	set_int(r, SOL_SOCKET, SO_RCVBUF, 4096);
	ok_errno(rump_pub_sysctl_get("net.ipv4.stats.udp_rcvbuf_errors",
	    before, sizeof(before)));
	for (n = 0; n < 100; n++)
		assert_int_equal(send_to(s, "127.0.0.1", 5001, buf,
		    sizeof(buf)), sizeof(buf));
	for (got = 0; take(r, buf, sizeof(buf)) == sizeof(buf); got++)
		continue;
	assert_true(got > 0 && got < 100);
	ok_errno(rump_pub_sysctl_get("net.ipv4.stats.udp_rcvbuf_errors",
	    after, sizeof(after)));
	assert_int_equal(atoi(after) - atoi(before), 100 - got);
	rump_sys_close(r);
	rump_sys_close(s);
}

static void
groups_reach_their_members(void **state)
{
	int a = udp_socket(), b = udp_socket(), c = udp_socket();
	struct sockaddr_in sin = addr("0.0.0.0", 5001);
	struct ip_mreqn mr = { .imr_ifindex = 1 };
	struct ip_mreq_source ms;
	int s = bound("127.0.0.5", 0), all[3] = { a, b, c };
	char buf[8];

	(void)state;
	for (int i = 0; i < 3; i++) {
		set_int(all[i], SOL_SOCKET, SO_REUSEADDR, 1);
		assert_int_equal(rump_sys_bind(all[i], SA(sin), sizeof(sin)),
		    0);
		set_int(all[i], IPPROTO_IP, IP_MULTICAST_ALL, 0);
	}
	inet_pton(AF_INET, "239.1.2.3", &mr.imr_multiaddr);
	assert_int_equal(rump_sys_setsockopt(a, IPPROTO_IP, IP_ADD_MEMBERSHIP,
	    &mr, sizeof(mr)), 0);
	assert_int_equal(rump_sys_setsockopt(a, IPPROTO_IP, IP_ADD_MEMBERSHIP,
	    &mr, sizeof(mr)), -1);
	assert_int_equal(errno, EADDRINUSE);
	assert_int_equal(rump_sys_setsockopt(b, IPPROTO_IP, IP_ADD_MEMBERSHIP,
	    &mr, sizeof(mr)), 0);
	assert_int_equal(rump_sys_setsockopt(s, IPPROTO_IP, IP_MULTICAST_IF,
	    &mr, sizeof(mr)), 0);
	assert_int_equal(send_to(s, "239.1.2.3", 5001, "hi", 2), 2);
	assert_int_equal(take(a, buf, sizeof(buf)), 2);
	assert_int_equal(take(b, buf, sizeof(buf)), 2);
	nothing_there(c);
	nothing_there(a);
	/* One source blocked, another not. */
	memset(&ms, 0, sizeof(ms));
	ms.imr_multiaddr = mr.imr_multiaddr;
	inet_pton(AF_INET, "127.0.0.5", &ms.imr_sourceaddr);
	assert_int_equal(rump_sys_setsockopt(a, IPPROTO_IP, IP_BLOCK_SOURCE,
	    &ms, sizeof(ms)), 0);
	assert_int_equal(send_to(s, "239.1.2.3", 5001, "hi", 2), 2);
	nothing_there(a);
	assert_int_equal(take(b, buf, sizeof(buf)), 2);
	assert_int_equal(rump_sys_setsockopt(b, IPPROTO_IP, IP_DROP_MEMBERSHIP,
	    &mr, sizeof(mr)), 0);
	assert_int_equal(rump_sys_setsockopt(b, IPPROTO_IP, IP_DROP_MEMBERSHIP,
	    &mr, sizeof(mr)), -1);
	assert_int_equal(errno, EADDRNOTAVAIL);
	assert_int_equal(send_to(s, "239.1.2.3", 5001, "hi", 2), 2);
	nothing_there(b);
	/* Only from a source. */
	assert_int_equal(rump_sys_setsockopt(b, IPPROTO_IP,
	    IP_ADD_SOURCE_MEMBERSHIP, &ms, sizeof(ms)), -1);
	ms.imr_interface.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(rump_sys_setsockopt(b, IPPROTO_IP,
	    IP_ADD_SOURCE_MEMBERSHIP, &ms, sizeof(ms)), 0);
	assert_int_equal(send_to(s, "239.1.2.3", 5001, "hi", 2), 2);
	assert_int_equal(take(b, buf, sizeof(buf)), 2);
	for (int i = 0; i < 3; i++)
		rump_sys_close(all[i]);
	rump_sys_close(s);
}

static struct lwp *vnet_lwp[2];

static void
two_vnets(void)
{
	if (vnet_lwp[0] != NULL)
		return;
	for (unsigned i = 0; i < 2; i++) {
		ok_errno(rump_pub_lwproc_rfork(RUMP_RFCFDG));
		ok_errno(rumptest_vnet_enter());
		ok_errno(rumptest_if(i, 0x0a000001 + i, 24, 1500));
		vnet_lwp[i] = rump_pub_lwproc_curlwp();
	}
	rumptest_wire(0, 1);
	ok_errno(rump_pub_lwproc_switch(NULL));
}

static void
in_vnet(int i)
{
	ok_errno(rump_pub_lwproc_switch(i < 0 ? NULL : vnet_lwp[i]));
}

static void
two_stacks_talk(void **state)
{
	static unsigned char out[20000], in[20000];
	int s, r;

	(void)state;
	two_vnets();
	for (size_t i = 0; i < sizeof(out); i++)
		out[i] = (unsigned char)(i * 13);
	in_vnet(1);
	r = bound("10.0.0.2", 7);
	in_vnet(0);
	s = udp_socket();
	assert_int_equal(send_to(s, "10.0.0.2", 7, "hello", 5), 5);
	assert_int_equal(send_to(s, "10.0.0.2", 7, out, sizeof(out)),
	    sizeof(out));
	/* Nobody is there: an error from the other stack. */
	set_int(s, IPPROTO_IP, IP_RECVERR, 1);
	assert_int_equal(send_to(s, "10.0.0.2", 8, "x", 1), 1);
	assert_int_equal(take(s, in, 1), -1);
	assert_int_equal(errno, ECONNREFUSED);
	/* What may not be cut must fit. */
	set_int(s, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO);
	assert_int_equal(send_to(s, "10.0.0.2", 7, out, 1473), -1);
	assert_int_equal(errno, EMSGSIZE);
	in_vnet(1);
	assert_int_equal(take(r, in, sizeof(in)), 5);
	assert_int_equal(take(r, in, sizeof(in)), sizeof(in));
	assert_memory_equal(in, out, sizeof(in));
	nothing_there(r);
	rump_sys_close(r);
	in_vnet(0);
	rump_sys_close(s);
	in_vnet(-1);
}

static void
broadcasts_need_leave(void **state)
{
	int s, r;
	char c;

	(void)state;
	two_vnets();
	in_vnet(1);
	r = bound("0.0.0.0", 7);
	in_vnet(0);
	s = udp_socket();
	assert_int_equal(send_to(s, "10.0.0.255", 7, "x", 1), -1);
	assert_int_equal(errno, EACCES);
	set_int(s, SOL_SOCKET, SO_BROADCAST, 1);
	assert_int_equal(send_to(s, "10.0.0.255", 7, "x", 1), 1);
	rump_sys_close(s);
	in_vnet(1);
	assert_int_equal(take(r, &c, 1), 1);
	rump_sys_close(r);
	in_vnet(-1);
}

static void
a_reuseport_group_shares_by_flow(void **state)
{
	int r[4], count[4] = { 0 }, s, used = 0;
	struct sockaddr_in sin = addr("127.0.0.1", 5001);
	char c;

	(void)state;
	for (int i = 0; i < 4; i++) {
		r[i] = udp_socket();
		set_int(r[i], SOL_SOCKET, SO_REUSEPORT, 1);
		assert_int_equal(rump_sys_bind(r[i], SA(sin), sizeof(sin)), 0);
	}
	for (int flow = 0; flow < 64; flow++) {
		int hit = -1;

		s = udp_socket();
		for (int k = 0; k < 3; k++)
			assert_int_equal(send_to(s, "127.0.0.1", 5001, "x", 1),
			    1);
		for (int i = 0; i < 4; i++) {
			int n = 0;

			while (take(r[i], &c, 1) == 1)
				n++;
			assert_true(n == 0 || n == 3);
			if (n == 3) {
				assert_int_equal(hit, -1);
				hit = i;
			}
		}
		assert_true(hit >= 0);
		count[hit]++;
		rump_sys_close(s);
	}
	for (int i = 0; i < 4; i++) {
		used += count[i] > 0;
		rump_sys_close(r[i]);
	}
	assert_int_equal(used, 4);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_datagram_comes_with_its_source),
		cmocka_unit_test(every_size_arrives_whole),
		cmocka_unit_test(a_connected_socket_hears_its_peer_only),
		cmocka_unit_test(a_closed_port_refuses_who_is_connected),
		cmocka_unit_test(who_asks_finds_errors_in_the_queue),
		cmocka_unit_test(control_messages_tell_of_arrival),
		cmocka_unit_test(corked_pieces_are_one_datagram),
		cmocka_unit_test(segments_are_cut_where_asked),
		cmocka_unit_test(a_full_socket_loses_what_comes),
		cmocka_unit_test(groups_reach_their_members),
		cmocka_unit_test(two_stacks_talk),
		cmocka_unit_test(broadcasts_need_leave),
		cmocka_unit_test(a_reuseport_group_shares_by_flow),
	};

	setenv("RUMP_SEED", "4711", 1);
	if (rump_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
