/* SPDX-License-Identifier: BSD-2-Clause */
/** @file inaddr.h
 * A network address of any Internet family, in network byte order.
 */
#ifndef KERN_INADDR_H
#define KERN_INADDR_H

#include <kern/byteorder.h>
#include <kern/sockaddr.h>
#include <linux/in.h>

/** IPv4 uses a4, and the rest is zero: two of a family compare as a whole. */
union inaddr {
	uint32_t a4;
	uint8_t a8[16];
	uint32_t a32[4];
	uint64_t a64[2];
};

static inline union inaddr
inaddr4(uint32_t net_order)
{
	union inaddr a = { .a64 = { 0, 0 } };

	a.a4 = net_order;
	return a;
}

static inline bool
inaddr_eq(const union inaddr *a, const union inaddr *b)
{
	return a->a64[0] == b->a64[0] && a->a64[1] == b->a64[1];
}

static inline bool
inaddr_any(const union inaddr *a)
{
	return (a->a64[0] | a->a64[1]) == 0;
}

#define htobe16(v)	KERN_BE(16, (uint16_t)(v))
#define htobe32(v)	KERN_BE(32, (uint32_t)(v))
#define be16toh(v)	KERN_BE(16, (uint16_t)(v))
#define be32toh(v)	KERN_BE(32, (uint32_t)(v))

#endif
