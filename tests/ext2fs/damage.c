/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * damage image seed: damages an ext2, ext3 or ext4 image, reproducibly: fields
 * of the super block and of descriptors, inodes, bytes of blocks in use; and
 * then sets the checksums right that it knows (super block, descriptors,
 * inodes), so that the damage gets further.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static uint8_t *img;
static size_t size;
static uint64_t state;

static uint32_t
rnd(uint32_t n)
{
	state = state * 6364136223846793005ull + 1442695040888963407ull;
	return n == 0 ? 0 : (uint32_t)(state >> 33) % n;
}

static uint32_t
crc32c(uint32_t crc, const uint8_t *p, size_t n)
{
	int i;

	while (n-- > 0)
		for (crc ^= *p++, i = 0; i < 8; i++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
	return crc;
}

static uint32_t
get32(size_t off)
{
	uint32_t v;

	if (off + 4 > size)
		return 0;
	memcpy(&v, img + off, 4);
	return v;
}

static void
put32(size_t off, uint32_t v)
{
	if (off + 4 <= size)
		memcpy(img + off, &v, 4);
}

/* A value that is likely to be a wrong one. */
static uint32_t
odd_value(uint32_t old)
{
	switch (rnd(8)) {
	case 0: return 0;
	case 1: return ~0u;
	case 2: return old + 1;
	case 3: return old - 1;
	case 4: return old ^ 1u << rnd(32);
	case 5: return rnd(4000);
	case 6: return 0x7fffffff;
	default: return rnd(~0u);
	}
}

static void
poke(size_t off)
{
	uint32_t v = odd_value(get32(off));

	if (off + 4 > size)
		return;
	memcpy(img + off, &v, rnd(2) ? 4 : rnd(2) ? 2 : 1);
}

static void
fix_inode(uint32_t seed, size_t off, uint32_t ino, uint32_t isize)
{
	uint8_t le[4], *di = img + off;
	uint32_t crc;

	memcpy(le, &ino, 4);
	crc = crc32c(seed, le, 4);
	crc = crc32c(crc, di + 0x64, 4);
	memset(di + 0x7c, 0, 2);
	if (isize > 128)
		memset(di + 0x82, 0, 2);
	crc = crc32c(crc, di, isize);
	memcpy(di + 0x7c, &crc, 2);
	if (isize > 128)
		memcpy(di + 0x82, (uint8_t *)&crc + 2, 2);
}

int
main(int argc, char **argv)
{
	uint32_t bsize, isize, dsize, itable, ipg, ino, i, n, what, seed, csum;
	size_t sb = 1024, gd;
	struct stat st;
	uint16_t u16;
	int fd;

	if (argc != 3 || (fd = open(argv[1], O_RDWR)) < 0 ||
	    fstat(fd, &st) != 0)
		return 1;
	size = (size_t)st.st_size;
	img = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (img == MAP_FAILED)
		return 1;
	state = strtoull(argv[2], NULL, 0) * 7919 + 12345;
	for (i = 0; i < 10; i++)
		rnd(2);
	bsize = 1024u << get32(sb + 0x18);
	isize = get32(sb + 0x58) & 0xffff;
	ipg = get32(sb + 0x28);
	dsize = get32(sb + 0x60) & 0x80 ? get32(sb + 0xfe) & 0xffff : 32;
	gd = (bsize == 1024 ? 2 : 1) * (size_t)bsize;
	itable = get32(gd + 8);
	csum = get32(sb + 0x64) & 0x400;
	seed = crc32c(~0u, img + sb + 0x68, 16);

	n = 1 + rnd(6);
	what = rnd(8);
	while (n-- > 0) {
		switch (what < 6 ? what : rnd(6)) {
		case 0:
			poke(sb + rnd(0x180));
			break;
		case 1:
			poke(gd + rnd(dsize));
			break;
		case 2: case 3:
			ino = 2 + rnd(60);
			poke((size_t)itable * bsize + (ino - 1) * isize +
			    rnd(rnd(2) ? isize : 128));
			break;
		case 4:		/* the maps of inodes */
			ino = 2 + rnd(60);
			poke((size_t)itable * bsize + (ino - 1) * isize +
			    0x28 + rnd(60));
			break;
		default:	/* a block behind the inode tables */
			i = (uint32_t)(size / bsize);
			poke((size_t)(i / 10 + rnd(i * 9 / 10)) * bsize +
			    rnd(rnd(3) ? 64 : bsize));
			break;
		}
	}
	if (!csum || rnd(8) == 0)
		return 0;
	for (i = 0; i < ipg && i < 200; i++)
		if ((size_t)itable * bsize + (i + 1) * isize <= size &&
		    get32((size_t)itable * bsize + i * isize) != 0)
			fix_inode(seed, (size_t)itable * bsize + i * isize,
			    i + 1, isize);
	u16 = 0;
	memcpy(img + gd + 0x1e, &u16, 2);
	i = 0;
	i = crc32c(crc32c(seed, (uint8_t *)&i, 4), img + gd, dsize);
	memcpy(img + gd + 0x1e, &i, 2);
	put32(sb + 0x3fc, crc32c(~0u, img + sb, 0x3fc));
	return 0;
}
