/* SPDX-License-Identifier: BSD-2-Clause */
/** @file byteorder.h
 * Accessors for wire and disk formats: unaligned, of a given byte order.
 */
#ifndef KERN_BYTEORDER_H
#define KERN_BYTEORDER_H

#include <kern/string.h>

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define KERN_LE(bits, v) (v)
#define KERN_BE(bits, v) __builtin_bswap##bits(v)
#else
#define KERN_LE(bits, v) __builtin_bswap##bits(v)
#define KERN_BE(bits, v) (v)
#endif

#define KERN_BYTEORDER(bits)						\
static inline uint##bits##_t						\
le##bits##dec(const void *p)						\
{									\
	uint##bits##_t v;						\
	memcpy(&v, p, sizeof(v));					\
	return KERN_LE(bits, v);					\
}									\
static inline uint##bits##_t						\
be##bits##dec(const void *p)						\
{									\
	uint##bits##_t v;						\
	memcpy(&v, p, sizeof(v));					\
	return KERN_BE(bits, v);					\
}									\
static inline void							\
le##bits##enc(void *p, uint##bits##_t v)				\
{									\
	v = KERN_LE(bits, v);						\
	memcpy(p, &v, sizeof(v));					\
}									\
static inline void							\
be##bits##enc(void *p, uint##bits##_t v)				\
{									\
	v = KERN_BE(bits, v);						\
	memcpy(p, &v, sizeof(v));					\
}

KERN_BYTEORDER(16)
KERN_BYTEORDER(32)
KERN_BYTEORDER(64)

#endif
