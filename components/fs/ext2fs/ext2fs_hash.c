/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The hashes of names that indexed directories are sorted by: the legacy hash,
 * a half of MD4, and TEA, each over bytes taken as signed or as unsigned. The
 * lowest bit of a hash is not part of it: in an index it marks collisions.
 */
#include "ext2fs.h"

/** The largest hash is kept for the end of a directory. */
#define HASH_EOF	0x7fffffffu

static int32_t
byte_at(const char *name, size_t i, bool is_unsigned)
{
	return is_unsigned ? (int32_t)(uint8_t)name[i] :
	    (int32_t)(int8_t)name[i];
}

static uint32_t
hash_legacy(const char *name, size_t len, bool is_unsigned)
{
	uint32_t h, h0 = 0x12a3fe2d, h1 = 0x37abe8f9;
	size_t i;

	for (i = 0; i < len; i++) {
		h = h1 + (h0 ^ (uint32_t)(byte_at(name, i, is_unsigned) *
		    7152373));
		if ((h & 0x80000000u) != 0)
			h -= 0x7fffffff;
		h1 = h0;
		h0 = h;
	}
	return h0 << 1;
}

/*
 * Up to 4 * num bytes of the name as words, the earlier byte higher; what is
 * missing is filled up with the length.
 */
static void
name_words(const char *name, size_t len, uint32_t *out, int num,
    bool is_unsigned)
{
	uint32_t pad, val;
	size_t i, max = (size_t)num * 4;

	pad = (uint32_t)len | (uint32_t)len << 8;
	pad |= pad << 16;
	val = pad;
	for (i = 0; i < MIN(len, max); i++) {
		val = (uint32_t)byte_at(name, i, is_unsigned) + (val << 8);
		if (i % 4 == 3) {
			*out++ = val;
			val = pad;
			num--;
		}
	}
	if (--num >= 0)
		*out++ = val;
	while (--num >= 0)
		*out++ = pad;
}

static void
tea(uint32_t state[4], const uint32_t in[4])
{
	uint32_t sum = 0, a = state[0], b = state[1];
	int n;

	for (n = 0; n < 16; n++) {
		sum += 0x9e3779b9;
		a += ((b << 4) + in[0]) ^ (b + sum) ^ ((b >> 5) + in[1]);
		b += ((a << 4) + in[2]) ^ (a + sum) ^ ((a >> 5) + in[3]);
	}
	state[0] += a;
	state[1] += b;
}

static uint32_t
rol(uint32_t v, int n)
{
	return v << n | v >> (32 - n);
}

/* RFC 1320's three rounds, over eight words instead of sixteen. */
static void
half_md4(uint32_t state[4], const uint32_t in[8])
{
	static const uint8_t order[3][8] = {
		{ 0, 1, 2, 3, 4, 5, 6, 7 },
		{ 1, 3, 5, 7, 0, 2, 4, 6 },
		{ 3, 7, 2, 6, 1, 5, 0, 4 },
	};
	static const uint8_t shift[3][4] = {
		{ 3, 7, 11, 19 }, { 3, 5, 9, 13 }, { 3, 9, 11, 15 },
	};
	static const uint32_t add[3] = { 0, 0x5a827999, 0x6ed9eba1 };
	uint32_t v[4], f, b, c, d;
	int round, i, t;

	memcpy(v, state, sizeof(v));
	for (round = 0; round < 3; round++) {
		for (i = 0; i < 8; i++) {
			t = (4 - i % 4) % 4;	/* a, d, c, b in turn */
			b = v[(t + 1) % 4];
			c = v[(t + 2) % 4];
			d = v[(t + 3) % 4];
			f = round == 0 ? (b & c) | (~b & d) :
			    round == 1 ? (b & c) | (b & d) | (c & d) :
			    b ^ c ^ d;
			v[t] = rol(v[t] + f + in[order[round][i]] +
			    add[round], shift[round][i % 4]);
		}
	}
	for (i = 0; i < 4; i++)
		state[i] += v[i];
}

bool
ext2fs_hash(const struct ext2fs_hash *h, const char *name, size_t len,
    uint32_t *hashp)
{
	uint32_t state[4] = { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476 };
	uint32_t in[8], hash;
	bool is_unsigned = h->h_version >= DX_HASH_LEGACY_U;
	size_t done;
	int i;

	for (i = 0; i < 4; i++)
		if (h->h_seed[i] != 0)
			break;
	if (i < 4)
		memcpy(state, h->h_seed, sizeof(state));
	switch (h->h_version) {
	case DX_HASH_LEGACY: case DX_HASH_LEGACY_U:
		hash = hash_legacy(name, len, is_unsigned);
		break;
	case DX_HASH_HALF_MD4: case DX_HASH_HALF_MD4_U:
		for (done = 0; done < len; done += 32) {
			name_words(name + done, len - done, in, 8,
			    is_unsigned);
			half_md4(state, in);
		}
		hash = state[1];
		break;
	case DX_HASH_TEA: case DX_HASH_TEA_U:
		for (done = 0; done < len; done += 16) {
			name_words(name + done, len - done, in, 4,
			    is_unsigned);
			tea(state, in);
		}
		hash = state[0];
		break;
	default:
		return false;
	}
	hash &= ~1u;
	if (hash == HASH_EOF << 1)
		hash = (HASH_EOF - 1) << 1;
	*hashp = hash;
	return true;
}
