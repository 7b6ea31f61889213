/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * IPv4 options: RFC 791 3.1, RFC 1122 3.2.1.8, RFC 1812 5.3.13, RFC 2113.
 */
#include <kern/assert.h>
#include <kern/time.h>

#include "netinet.h"

#define OPT_EOL		0
#define OPT_NOP		1
#define OPT_RR		7
#define OPT_TS		68
#define OPT_LSRR	131
#define OPT_SSRR	137
#define OPT_RA		148
#define OPT_COPIED	0x80		/* in the type: every fragment has it */

#define TS_ONLY		0
#define TS_ADDR		1
#define TS_PRESPEC	3

static bool
route_ok(const uint8_t *o, unsigned olen)
{
	/* Pointer 4 is the first slot; slots are addresses. */
	return olen >= 3 && o[2] >= 4 && (o[2] - 4) % 4 == 0;
}

static bool
ts_ok(const uint8_t *o, unsigned olen)
{
	unsigned flag;

	if (olen < 4)
		return false;
	flag = o[3] & 0xfu;
	return o[2] >= 5 && (flag == TS_ONLY || flag == TS_ADDR ||
	    flag == TS_PRESPEC) &&
	    (o[2] - 5) % (flag == TS_ONLY ? 4 : 8) == 0;
}

/* One option of olen bytes. false: it is malformed, or there twice. */
static bool
option_note(const uint8_t *o, unsigned olen, uint8_t where,
    struct ip_optstate *os)
{
	uint8_t *slot;

	switch (o[0]) {
	case OPT_RR:
		slot = &os->os_rr;
		break;
	case OPT_LSRR:
	case OPT_SSRR:
		slot = &os->os_srr;
		break;
	case OPT_TS:
		slot = &os->os_ts;
		break;
	case OPT_RA:
		os->os_ra = where;
		return olen == 4;
	default:
		return true;	/* RFC 1122 3.2.1.8: ignored in silence */
	}
	if (*slot != 0 ||
	    !(o[0] == OPT_TS ? ts_ok(o, olen) : route_ok(o, olen)))
		return false;
	*slot = where;
	return true;
}

unsigned
ip_options_check(const uint8_t *opts, unsigned len, struct ip_optstate *os)
{
	unsigned i, olen;

	memset(os, 0, sizeof(*os));
	for (i = 0; i < len; i += olen) {
		if (opts[i] == OPT_EOL)
			break;
		olen = 1;
		if (opts[i] == OPT_NOP)
			continue;
		if (i + 1 >= len)
			return IP_HDRLEN + i;
		olen = opts[i + 1];
		if (olen < 2 || olen > len - i)
			return IP_HDRLEN + i + 1;
		if (!option_note(opts + i, olen, (uint8_t)(IP_HDRLEN + i), os))
			return IP_HDRLEN + i + 2;
	}
	return 0;
}

/* Milliseconds since midnight UTC (RFC 791, time stamp option). */
static uint32_t
ms_of_day(void)
{
	return (uint32_t)(real_now() / NS_PER_MS % 86400000);
}

static bool
ts_record(uint8_t *o, uint32_t addr)
{
	unsigned olen = o[1], ptr = o[2], flag = o[3] & 0xfu;
	unsigned need = flag == TS_ONLY ? 4 : 8;

	if (ptr - 1 + need > olen) {
		/* Full: count in the overflow field, as far as it goes. */
		if (o[3] >> 4 != 15 && flag != TS_PRESPEC)
			o[3] += 0x10;
		return true;
	}
	if (flag == TS_PRESPEC && ip_addr(o + ptr - 1) != addr)
		return false;
	if (flag != TS_ONLY) {
		ip_addr_put(o + ptr - 1, addr);
		ptr += 4;
	}
	be32enc(o + ptr - 1, ms_of_day());
	o[2] = (uint8_t)(ptr + 4);
	return true;
}

bool
ip_options_record(uint8_t *ip, uint32_t addr, const struct ip_optstate *os)
{
	bool changed = false;
	uint8_t *o;

	if (os->os_rr != 0) {
		o = ip + os->os_rr;
		if (o[2] + 3 <= o[1]) {
			ip_addr_put(o + o[2] - 1, addr);
			o[2] += 4;
			changed = true;
		}
	}
	if (os->os_ts != 0)
		changed |= ts_record(ip + os->os_ts, addr);
	return changed;
}

unsigned
ip_options_copied(const uint8_t *opts, unsigned len, uint8_t *out)
{
	unsigned i, olen, n = 0;

	for (i = 0; i < len && opts[i] != OPT_EOL; i += olen) {
		olen = 1;
		if (opts[i] == OPT_NOP)
			continue;
		if (i + 1 >= len || opts[i + 1] < 2 || opts[i + 1] > len - i)
			break;
		olen = opts[i + 1];
		if ((opts[i] & OPT_COPIED) != 0) {
			memcpy(out + n, opts + i, olen);
			n += olen;
		}
	}
	while (n % 4 != 0)
		out[n++] = OPT_EOL;
	return n;
}

/*
 * RFC 1122 3.2.2.6: an echo reply carries the request's record route and time
 * stamp. A source route is not turned around: none is accepted.
 */
unsigned
ip_options_echo(const uint8_t *opts, unsigned len, uint8_t *out)
{
	unsigned i, olen, n = 0;

	for (i = 0; i < len && opts[i] != OPT_EOL; i += olen) {
		olen = 1;
		if (opts[i] == OPT_NOP)
			continue;
		olen = opts[i + 1];
		if (opts[i] == OPT_RR || opts[i] == OPT_TS) {
			memcpy(out + n, opts + i, olen);
			n += olen;
		}
	}
	while (n % 4 != 0)
		out[n++] = OPT_EOL;
	return n;
}
