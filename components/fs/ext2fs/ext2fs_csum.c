/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Checksums: crc16 (group descriptors of uninit_bg), crc32c (metadata_csum),
 * crc32 (transactions of journals of version 1). None of them inverts at the
 * start or the end: the format leaves that to who calls.
 */
#include "ext2fs.h"
#include "ext2fs_csum_arch.h"

#define CRC16_POLY	0xa001u		/* x^16 + x^15 + x^2 + 1, reflected */
#define CRC32C_POLY	0x82f63b78u	/* Castagnoli, reflected */
#define CRC32BE_POLY	0x04c11db7u

static uint32_t crc32c_table[8][256];
static bool crc32c_insn;

int
ext2fs_csum_init(void)
{
	uint32_t crc;
	int i, j;

	crc32c_insn = ext2fs_crc32c_have();
	for (i = 0; i < 256; i++) {
		crc = (uint32_t)i;
		for (j = 0; j < 8; j++)
			crc = (crc >> 1) ^ ((crc & 1) != 0 ? CRC32C_POLY : 0);
		crc32c_table[0][i] = crc;
	}
	for (i = 0; i < 256; i++) {
		crc = crc32c_table[0][i];
		for (j = 1; j < 8; j++) {
			crc = (crc >> 8) ^ crc32c_table[0][crc & 0xff];
			crc32c_table[j][i] = crc;
		}
	}
	return 0;
}

uint16_t
ext2fs_crc16(uint16_t crc, const void *buf, size_t n)
{
	const uint8_t *p = buf;
	int i;

	while (n-- > 0) {
		crc ^= *p++;
		for (i = 0; i < 8; i++)
			crc = (uint16_t)((crc >> 1) ^
			    ((crc & 1) != 0 ? CRC16_POLY : 0));
	}
	return crc;
}

/* Eight bytes a step: each table moves a byte over the ones behind it. */
static uint32_t
crc32c_slice(uint32_t crc, const uint8_t *p, size_t n)
{
	uint64_t w;

	for (; n >= 8; p += 8, n -= 8) {
		w = le64dec(p) ^ crc;
		crc = crc32c_table[7][w & 0xff] ^
		    crc32c_table[6][(w >> 8) & 0xff] ^
		    crc32c_table[5][(w >> 16) & 0xff] ^
		    crc32c_table[4][(w >> 24) & 0xff] ^
		    crc32c_table[3][(w >> 32) & 0xff] ^
		    crc32c_table[2][(w >> 40) & 0xff] ^
		    crc32c_table[1][(w >> 48) & 0xff] ^
		    crc32c_table[0][w >> 56];
	}
	for (; n > 0; p++, n--)
		crc = (crc >> 8) ^ crc32c_table[0][(crc ^ *p) & 0xff];
	return crc;
}

uint32_t
ext2fs_crc32c(uint32_t crc, const void *p, size_t n)
{
	if (__likely(crc32c_insn))
		return ext2fs_crc32c_insn(crc, p, n);
	return crc32c_slice(crc, p, n);
}

uint32_t
ext2fs_crc32be(uint32_t crc, const void *buf, size_t n)
{
	const uint8_t *p = buf;
	int i;

	while (n-- > 0) {
		crc ^= (uint32_t)*p++ << 24;
		for (i = 0; i < 8; i++)
			crc = (crc << 1) ^
			    ((crc & 0x80000000u) != 0 ? CRC32BE_POLY : 0);
	}
	return crc;
}
