/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Hand-made packets: IPv4 headers with their checksums, UDP without one, ICMP.
 */
#ifndef PACKET_H
#define PACKET_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <rump/lwproc.h>
#include <rump/rump.h>
#include <rump/rump_syscalls.h>

#include "k_inet.h"
#include "test.h"

#define US	0x0a000001u		/* 10.0.0.1 */
#define THEM	0x0a000002u
#define IP_MF_	0x2000u
#define IP_DF_	0x4000u
#define SA(sin)	((struct sockaddr *)&(sin))

struct pkt {
	unsigned char b[70000];
	unsigned n;
};

static inline void
put16(unsigned char *p, unsigned v)
{
	p[0] = (unsigned char)(v >> 8);
	p[1] = (unsigned char)v;
}

static inline void
put32(unsigned char *p, unsigned v)
{
	put16(p, v >> 16);
	put16(p + 2, v & 0xffff);
}

static inline unsigned
get16(const unsigned char *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

static inline unsigned
get32(const unsigned char *p)
{
	return get16(p) << 16 | get16(p + 2);
}

static inline unsigned
cksum(const unsigned char *p, unsigned n)
{
	unsigned long sum = 0;
	unsigned i;

	for (i = 0; i + 1 < n; i += 2)
		sum += get16(p + i);
	if (n % 2 != 0)
		sum += (unsigned)p[n - 1] << 8;
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return (unsigned)~sum & 0xffff;
}

static inline void
resum(struct pkt *p)
{
	unsigned hlen = (p->b[0] & 15u) * 4;

	put16(p->b + 10, 0);
	put16(p->b + 10, cksum(p->b, hlen));
}

/* opts: a multiple of 4 bytes */
static inline void
ip_opts(struct pkt *p, unsigned src, unsigned dst, unsigned proto,
    const void *opts, unsigned optlen, const void *data, unsigned n)
{
	unsigned hlen = 20 + optlen;

	memset(p->b, 0, hlen);
	p->n = hlen + n;
	p->b[0] = (unsigned char)(0x40 | hlen / 4);
	put16(p->b + 2, p->n);
	put16(p->b + 4, 0x1234);
	p->b[8] = 64;
	p->b[9] = (unsigned char)proto;
	put32(p->b + 12, src);
	put32(p->b + 16, dst);
	if (optlen > 0)
		memcpy(p->b + 20, opts, optlen);
	if (n > 0)
		memcpy(p->b + hlen, data, n);
	resum(p);
}

static inline void
ip(struct pkt *p, unsigned src, unsigned dst, unsigned proto,
    const void *data, unsigned n)
{
	ip_opts(p, src, dst, proto, NULL, 0, data, n);
}

static inline unsigned
udp_data(unsigned char *u, unsigned sport, unsigned dport, const void *data,
    unsigned n)
{
	put16(u, sport);
	put16(u + 2, dport);
	put16(u + 4, n + 8);
	put16(u + 6, 0);
	memcpy(u + 8, data, n);
	return n + 8;
}

static inline void
udp(struct pkt *p, unsigned src, unsigned dst, unsigned sport, unsigned dport,
    const void *data, unsigned n)
{
	static unsigned char u[66000];

	ip(p, src, dst, IPPROTO_UDP, u, udp_data(u, sport, dport, data, n));
}

static inline unsigned
icmp_data(unsigned char *u, unsigned type, unsigned code, unsigned rest,
    const void *data, unsigned n)
{
	u[0] = (unsigned char)type;
	u[1] = (unsigned char)code;
	put16(u + 2, 0);
	put32(u + 4, rest);
	if (n > 0)
		memcpy(u + 8, data, n);
	put16(u + 2, cksum(u, n + 8));
	return n + 8;
}

static inline void
inject(unsigned id, const struct pkt *p)
{
	rumptest_inject(id, p->b, p->n, 0);
}

static inline int
capture(unsigned id, struct pkt *p)
{
	int n = rumptest_capture(id, p->b, sizeof(p->b));

	p->n = n < 0 ? 0 : (unsigned)n;
	if (n < 0)
		return 0;
	assert_true(p->n >= 20 && p->b[0] >> 4 == 4);
	assert_int_equal(get16(p->b + 2), p->n);
	assert_int_equal(cksum(p->b, (p->b[0] & 15u) * 4), 0);
	return 1;
}

static inline void
silent(unsigned id)
{
	struct pkt p;

	assert_int_equal(capture(id, &p), 0);
}

static inline struct sockaddr_in
sin_of(unsigned addr, unsigned port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
		.sin_port = htons((unsigned short)port) };

	sin.sin_addr.s_addr = htonl(addr);
	return sin;
}

static inline int
bound_to(unsigned addr, unsigned port)
{
	struct sockaddr_in sin = sin_of(addr, port);
	int s = rump_sys_socket(AF_INET, SOCK_DGRAM, 0);

	assert_true(s >= 0);
	assert_int_equal(rump_sys_bind(s, SA(sin), sizeof(sin)), 0);
	return s;
}

static inline long
take(int s, void *buf, size_t n)
{
	return rump_sys_recvfrom(s, buf, n, MSG_DONTWAIT, NULL, NULL);
}

static inline void
nothing_there(int s)
{
	char c;

	assert_int_equal(take(s, &c, 1), -1);
	assert_int_equal(errno, EAGAIN);
}

static inline void
set_opt(int s, int level, int name, int v)
{
	assert_int_equal(rump_sys_setsockopt(s, level, name, &v, sizeof(v)),
	    0);
}

static inline unsigned long
counter(const char *name)
{
	char full[64], buf[32];

	snprintf(full, sizeof(full), "net.ipv4.stats.%s", name);
	ok_errno(rump_pub_sysctl_get(full, buf, sizeof(buf)));
	return strtoul(buf, NULL, 10);
}

static inline void
tune(const char *name, const char *value)
{
	char full[64];

	snprintf(full, sizeof(full), "net.ipv4.%s", name);
	ok_errno(rump_pub_sysctl_set(full, value));
}

/* A fresh stack with one interface, 10.0.0.1/24; limits of errors off. */
static inline void
fresh_stack(unsigned mtu)
{
	ok_errno(rump_pub_lwproc_rfork(RUMP_RFCFDG));
	ok_errno(rumptest_vnet_enter());
	ok_errno(rumptest_if(0, US, 24, mtu));
	tune("icmp_ratelimit", "0");
	tune("icmp_msgs_per_sec", "1000000");
	tune("icmp_msgs_burst", "100000");
}

static inline void
drop_stack(void)
{
	rump_pub_lwproc_releaselwp();
}

#endif
