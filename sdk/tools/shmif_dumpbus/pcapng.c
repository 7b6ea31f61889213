/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pcapng (draft-ietf-opsawg-pcapng): a section, an interface, packets.
 */
#include <string.h>

#include "dumpbus.h"

#define BLOCK_SHB	0x0a0d0d0au
#define BLOCK_IDB	0x00000001u
#define BLOCK_EPB	0x00000006u
#define BYTE_ORDER_MAGIC 0x1a2b3c4du
#define LINKTYPE_ETHERNET 1
#define OPT_END		0
#define OPT_IF_NAME	2
#define OPT_IF_TSRESOL	9
#define OPT_SHB_USERAPPL 4

/* The host's byte order is as good as the other: the section says which. */
static void
put16(FILE *out, uint16_t v)
{
	fwrite(&v, sizeof(v), 1, out);
}

static void
put32(FILE *out, uint32_t v)
{
	fwrite(&v, sizeof(v), 1, out);
}

static uint32_t
padded(size_t n)
{
	return (uint32_t)(n + 3) & ~3u;
}

static void
put_bytes(FILE *out, const void *p, size_t n)
{
	static const char zero[4];

	fwrite(p, 1, n, out);
	fwrite(zero, 1, padded(n) - n, out);
}

static void
put_option(FILE *out, uint16_t code, const void *p, size_t n)
{
	put16(out, code);
	put16(out, (uint16_t)n);
	put_bytes(out, p, n);
}

void
pcapng_begin(FILE *out, const char *name)
{
	static const char appl[] = "shmif_dumpbus";
	const uint8_t tsresol = 9;	/* ns */
	uint32_t len;

	len = 28 + 4 + padded(sizeof(appl) - 1) + 4;
	put32(out, BLOCK_SHB);
	put32(out, len);
	put32(out, BYTE_ORDER_MAGIC);
	put16(out, 1);
	put16(out, 0);
	put32(out, 0xffffffffu);	/* the section's length: not known */
	put32(out, 0xffffffffu);
	put_option(out, OPT_SHB_USERAPPL, appl, sizeof(appl) - 1);
	put_option(out, OPT_END, NULL, 0);
	put32(out, len);

	len = 20 + 4 + padded(strlen(name)) + 8 + 4;
	put32(out, BLOCK_IDB);
	put32(out, len);
	put16(out, LINKTYPE_ETHERNET);
	put16(out, 0);
	put32(out, 0);			/* snapshot length: none */
	put_option(out, OPT_IF_NAME, name, strlen(name));
	put_option(out, OPT_IF_TSRESOL, &tsresol, 1);
	put_option(out, OPT_END, NULL, 0);
	put32(out, len);
}

void
pcapng_frame(FILE *out, const struct frame *f)
{
	uint32_t len = 32 + padded(f->f_caplen);

	put32(out, BLOCK_EPB);
	put32(out, len);
	put32(out, 0);
	put32(out, (uint32_t)(f->f_time >> 32));
	put32(out, (uint32_t)f->f_time);
	put32(out, f->f_caplen);
	put32(out, f->f_len);
	put_bytes(out, f->f_data, f->f_caplen);
	put32(out, len);
}
