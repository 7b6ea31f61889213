/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Random bytes, and SipHash-2-4 as "SipHash: a fast short-input PRF" (2012)
 * describes it.
 */
#include <kern/byteorder.h>
#include <kern/random.h>
#include <rump/rumpuser.h>

int
random_bytes(void *buf, size_t n)
{
	int error = rumpuser_getrandom(buf, n);

	if (error != 0)
		memset(buf, 0, n);
	return error;
}

static inline uint64_t
rotl(uint64_t v, int n)
{
	return v << n | v >> (64 - n);
}

static inline void
sipround(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotl(v[1], 13) ^ v[0];
	v[0] = rotl(v[0], 32);
	v[2] += v[3];
	v[3] = rotl(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotl(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotl(v[1], 17) ^ v[2];
	v[2] = rotl(v[2], 32);
}

static inline void
compress(uint64_t v[4], uint64_t m)
{
	v[3] ^= m;
	sipround(v);
	sipround(v);
	v[0] ^= m;
}

uint64_t
siphash(const struct siphash_key *key, const void *p, size_t n)
{
	uint64_t v[4] = {
		key->sk[0] ^ 0x736f6d6570736575u,
		key->sk[1] ^ 0x646f72616e646f6du,
		key->sk[0] ^ 0x6c7967656e657261u,
		key->sk[1] ^ 0x7465646279746573u,
	};
	const uint8_t *b = p;
	uint64_t last = (uint64_t)n << 56;
	size_t i;

	for (i = 0; i + 8 <= n; i += 8)
		compress(v, le64dec(b + i));
	for (; i < n; i++)
		last |= (uint64_t)b[i] << (i % 8 * 8);
	compress(v, last);
	v[2] ^= 0xff;
	for (i = 0; i < 4; i++)
		sipround(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}
