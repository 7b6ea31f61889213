/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * crc32c by an instruction, where the architecture may have one:
 * ext2fs_crc32c_have() says whether this processor does.
 */
#ifndef EXT2FS_CSUM_ARCH_H
#define EXT2FS_CSUM_ARCH_H

#if defined(__x86_64__)

#include <cpuid.h>

static bool
ext2fs_crc32c_have(void)
{
	unsigned a, b, c, d;

	return __get_cpuid(1, &a, &b, &c, &d) != 0 && (c & bit_SSE4_2) != 0;
}

__attribute__((target("sse4.2"))) static uint32_t
ext2fs_crc32c_insn(uint32_t crc, const uint8_t *p, size_t n)
{
	uint64_t crc64 = crc;

	for (; n >= 8; p += 8, n -= 8)
		crc64 = __builtin_ia32_crc32di(crc64, le64dec(p));
	crc = (uint32_t)crc64;
	for (; n > 0; p++, n--)
		crc = __builtin_ia32_crc32qi(crc, *p);
	return crc;
}

#else

static bool
ext2fs_crc32c_have(void)
{
	return false;
}

static uint32_t
ext2fs_crc32c_insn(uint32_t crc, const uint8_t *p, size_t n)
{
	(void)p;
	(void)n;
	return crc;
}

#endif

#endif
