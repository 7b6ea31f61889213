/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TCP options: reading and writing them.
 *
 * RFC 9293 3.2 (form, MSS), RFC 7323 (window scale, time stamps), RFC 2018
 * (SACK), RFC 7413 (Fast Open; with RFC 6994's experimental form read as well).
 */
#include "tcp_var.h"

enum {
	OPT_END = 0,
	OPT_NOP = 1,
	OPT_MSS = 2,
	OPT_WSCALE = 3,
	OPT_SACKOK = 4,
	OPT_SACK = 5,
	OPT_TSTMP = 8,
	OPT_FASTOPEN = 34,
	OPT_EXPERIMENT = 254
};
#define EXID_FASTOPEN 0xf989

/* The form that nearly all segments have: NOP NOP TSTMP(10). */
#define ONLY_TSTMP 0x0101080au

static void
parse_sack(struct tcp_seg *sg, const uint8_t *p, unsigned len)
{
	if (len < 10 || (len - 2) % 8 != 0)
		return;
	sg->sg_opts |= TO_SACK;
	sg->sg_sack = p + 2;
	sg->sg_nsack = (uint8_t)((len - 2) / 8);
}

static void
parse_fastopen(struct tcp_seg *sg, const uint8_t *p, unsigned len)
{
	/* RFC 7413 4.1.1: 4 to 16 bytes, even; none is a request. */
	if (len > 16 || len % 2 != 0 || (len != 0 && len < 4))
		return;
	sg->sg_opts |= TO_FASTOPEN;
	sg->sg_tfo = p;
	sg->sg_tfolen = (uint8_t)len;
}

/* Options of a length that is not theirs are as if absent; RFC 9293 MUST-6. */
static void
parse_one(struct tcp_seg *sg, const uint8_t *p, unsigned len)
{
	bool syn = (sg->sg_flags & TH_SYN) != 0;

	switch (p[0]) {
	case OPT_MSS:
		if (len == 4 && syn) {
			sg->sg_opts |= TO_MSS;
			sg->sg_mss = be16dec(p + 2);
		}
		break;
	case OPT_WSCALE:
		if (len == 3 && syn) {
			sg->sg_opts |= TO_SCALE;
			sg->sg_wscale = MIN(p[2], (uint8_t)TCP_MAXSCALE);
		}
		break;
	case OPT_SACKOK:
		if (len == 2 && syn)
			sg->sg_opts |= TO_SACKOK;
		break;
	case OPT_SACK:
		if (!syn)
			parse_sack(sg, p, len);
		break;
	case OPT_TSTMP:
		if (len == 10) {
			sg->sg_opts |= TO_TSTMP;
			sg->sg_tsval = be32dec(p + 2);
			sg->sg_tsecr = be32dec(p + 6);
		}
		break;
	case OPT_FASTOPEN:
		if (syn)
			parse_fastopen(sg, p + 2, len - 2);
		break;
	case OPT_EXPERIMENT:
		if (syn && len >= 4 && be16dec(p + 2) == EXID_FASTOPEN)
			parse_fastopen(sg, p + 4, len - 4);
		break;
	default:
		break;
	}
}

bool
tcp_options_parse(struct tcp_seg *sg, const uint8_t *p, size_t n)
{
	unsigned len;

	sg->sg_opts = 0;
	if (__likely(n == 12 && be32dec(p) == ONLY_TSTMP)) {
		sg->sg_opts = TO_TSTMP;
		sg->sg_tsval = be32dec(p + 4);
		sg->sg_tsecr = be32dec(p + 8);
		return true;
	}
	while (n > 0 && p[0] != OPT_END) {
		if (p[0] == OPT_NOP) {
			p++;
			n--;
			continue;
		}
		if (n < 2 || p[1] < 2 || p[1] > n)
			return false;
		len = p[1];
		parse_one(sg, p, len);
		p += len;
		n -= len;
	}
	return true;
}

static size_t
build_syn(const struct tcp_opts *to, uint8_t *p)
{
	size_t n = 0;

	if ((to->to_opts & TO_MSS) != 0) {
		p[n] = OPT_MSS;
		p[n + 1] = 4;
		be16enc(p + n + 2, to->to_mss);
		n += 4;
	}
	if ((to->to_opts & TO_SACKOK) != 0) {
		p[n] = OPT_SACKOK;
		p[n + 1] = 2;
		n += 2;
	}
	if ((to->to_opts & TO_SCALE) != 0) {
		p[n] = OPT_WSCALE;
		p[n + 1] = 3;
		p[n + 2] = to->to_wscale;
		n += 3;
	}
	return n;
}

static size_t
build_sack(const struct tcp_opts *to, uint8_t *p)
{
	unsigned i;

	p[0] = p[1] = OPT_NOP;
	p[2] = OPT_SACK;
	p[3] = (uint8_t)(2 + 8 * to->to_nsack);
	for (i = 0; i < to->to_nsack; i++) {
		be32enc(p + 4 + 8 * i, to->to_sack[i][0]);
		be32enc(p + 8 + 8 * i, to->to_sack[i][1]);
	}
	return 4 + 8 * (size_t)to->to_nsack;
}

size_t
tcp_options_build(const struct tcp_opts *to, uint8_t *p)
{
	size_t n = 0;

	if ((to->to_opts & (TO_MSS | TO_SACKOK | TO_SCALE)) != 0)
		n = build_syn(to, p);
	if ((to->to_opts & TO_TSTMP) != 0) {
		while (n % 4 != 2)
			p[n++] = OPT_NOP;
		p[n] = OPT_TSTMP;
		p[n + 1] = 10;
		be32enc(p + n + 2, to->to_tsval);
		be32enc(p + n + 6, to->to_tsecr);
		n += 10;
	}
	if ((to->to_opts & TO_FASTOPEN) != 0 &&
	    n + 2 + to->to_tfolen <= TCP_MAXOPT) {
		p[n] = OPT_FASTOPEN;
		p[n + 1] = (uint8_t)(2 + to->to_tfolen);
		if (to->to_tfolen != 0)
			memcpy(p + n + 2, to->to_tfo, to->to_tfolen);
		n += 2 + (size_t)to->to_tfolen;
	}
	while (n % 4 != 0)
		p[n++] = OPT_NOP;
	if (to->to_nsack != 0)
		n += build_sack(to, p + n);
	return n;
}
