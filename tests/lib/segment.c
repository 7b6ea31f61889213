/* SPDX-License-Identifier: BSD-2-Clause */
#include "test.h"

#include "segment.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rump/net/portif.h>
#include <rump/netconfig.h>
#include <rump/rump.h>
#include <rump/rump_syscalls.h>

#define NS 1000000000
#define MAXPKT 65600
#define HISTORY 24

static struct rump_portif *link_;
static uint16_t next_port = 20000;

/* What was seen last, for who reads of a failure. */
static char history[HISTORY][200];
static unsigned nhistory;

/* ---- Numbers ------------------------------------------------------------- */

static uint16_t
get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t
get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static void
put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void
put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v);
}

static uint32_t
sum(uint32_t s, const uint8_t *p, size_t n)
{
	for (; n > 1; n -= 2, p += 2)
		s += get16(p);
	if (n != 0)
		s += (uint32_t)*p << 8;
	while (s >> 16 != 0)
		s = (s & 0xffff) + (s >> 16);
	return s;
}

/* Of a TCP segment in the IP packet. */
static uint16_t
tcp_sum(const uint8_t *ip, size_t n)
{
	uint32_t s = sum(6 + (uint32_t)n - 20, ip + 12, 8);

	return (uint16_t)~sum(s, ip + 20, n - 20);
}

uint8_t
seg_pattern(uint32_t off)
{
	return (uint8_t)(off * 31 + (off >> 8) * 7 + (off >> 16));
}

int64_t
seg_now(void)
{
	struct timespec ts;

	assert_int_equal(rump_sys_clock_gettime(CLOCK_MONOTONIC, &ts), 0);
	return (int64_t)ts.tv_sec * NS + ts.tv_nsec;
}

/* ---- For the reader of a failure -------------------------------------------- */

static void
describe(const struct peer *p, const struct segment *sg, bool out, char *buf,
    size_t size)
{
	static const char letters[] = "FSRPAUEW";
	uint32_t mine = out ? p->p_iss : p->p_peeriss;
	uint32_t yours = out ? p->p_peeriss : p->p_iss;
	char flags[9], *f = flags;
	int n;

	for (unsigned i = 0; i < 8; i++)
		if ((sg->sg_flags >> i & 1) != 0)
			*f++ = letters[i];
	*f = '\0';
	n = snprintf(buf, size, "%.6f %c %s %u:%u", (double)(seg_now() -
	    p->p_time) / NS, out ? '>' : '<', flags, sg->sg_seq - mine,
	    sg->sg_len);
	if ((sg->sg_flags & 0x10) != 0)
		n += snprintf(buf + n, size - (size_t)n, " ack %u",
		    sg->sg_ack - yours);
	n += snprintf(buf + n, size - (size_t)n, " win %u", sg->sg_win);
	if (sg->sg_mss >= 0)
		n += snprintf(buf + n, size - (size_t)n, " mss %d",
		    sg->sg_mss);
	if (sg->sg_ws >= 0)
		n += snprintf(buf + n, size - (size_t)n, " ws %d", sg->sg_ws);
	if (sg->sg_sackok)
		n += snprintf(buf + n, size - (size_t)n, " sackok");
	if (sg->sg_ts)
		n += snprintf(buf + n, size - (size_t)n, " ts %u/%u",
		    sg->sg_tsval - (out ? p->p_tsbase : 0),
		    sg->sg_tsecr - (out ? 0 : p->p_tsbase));
	for (unsigned i = 0; i < sg->sg_nsack; i++)
		n += snprintf(buf + n, size - (size_t)n, "%s%u-%u",
		    i == 0 ? " sack " : ",", sg->sg_sack[i][0] - yours,
		    sg->sg_sack[i][1] - yours);
	if (sg->sg_urg != 0)
		n += snprintf(buf + n, size - (size_t)n, " urg %u",
		    sg->sg_urg);
	if (sg->sg_ecn != 0)
		n += snprintf(buf + n, size - (size_t)n, " ecn %u",
		    sg->sg_ecn);
	if (sg->sg_tfo)
		(void)snprintf(buf + n, size - (size_t)n, " tfo (%u)",
		    sg->sg_tfolen);
}

static void
remember(const struct peer *p, const struct segment *sg, bool out)
{
	describe(p, sg, out, history[nhistory % HISTORY],
	    sizeof(history[0]));
	nhistory++;
}

/* ---- Packets ------------------------------------------------------------------ */

static size_t
build_options(const struct segment *sg, uint8_t *o)
{
	size_t n = 0;

	if (sg->sg_mss >= 0) {
		o[n] = 2;
		o[n + 1] = 4;
		put16(o + n + 2, (uint32_t)sg->sg_mss);
		n += 4;
	}
	if (sg->sg_sackok) {
		o[n++] = 4;
		o[n++] = 2;
	}
	if (sg->sg_ws >= 0) {
		o[n++] = 3;
		o[n++] = 3;
		o[n++] = (uint8_t)sg->sg_ws;
	}
	if (sg->sg_ts) {
		while (n % 4 != 2)
			o[n++] = 1;
		o[n] = 8;
		o[n + 1] = 10;
		put32(o + n + 2, sg->sg_tsval);
		put32(o + n + 6, sg->sg_tsecr);
		n += 10;
	}
	if (sg->sg_tfo) {
		o[n++] = 34;
		o[n++] = (uint8_t)(2 + sg->sg_tfolen);
		memcpy(o + n, sg->sg_cookie, sg->sg_tfolen);
		n += sg->sg_tfolen;
	}
	if (sg->sg_nsack != 0) {
		while (n % 4 != 2)
			o[n++] = 1;
		o[n++] = 5;
		o[n++] = (uint8_t)(2 + 8 * sg->sg_nsack);
		for (unsigned i = 0; i < sg->sg_nsack; i++, n += 8) {
			put32(o + n, sg->sg_sack[i][0]);
			put32(o + n + 4, sg->sg_sack[i][1]);
		}
	}
	while (n % 4 != 0)
		o[n++] = 1;
	return n;
}

/* An IPv4 header from the peer to the stack. */
static void
set_ip(uint8_t *ip, size_t n, uint8_t proto, uint8_t tos)
{
	memset(ip, 0, 20);
	ip[0] = 0x45;
	ip[1] = tos;
	put16(ip + 2, (uint32_t)n);
	ip[6] = 0x40;
	ip[8] = 64;
	ip[9] = proto;
	(void)inet_pton(AF_INET, SEG_PEER, ip + 12);
	(void)inet_pton(AF_INET, SEG_STACK, ip + 16);
	put16(ip + 10, (uint16_t)~sum(0, ip, 20));
}

void
seg_raw(struct peer *p, uint8_t *th, size_t n)
{
	static uint8_t ip[MAXPKT];

	(void)p;
	assert_true(n + 20 <= sizeof(ip));
	set_ip(ip, n + 20, IPPROTO_TCP, 0);
	memcpy(ip + 20, th, n);
	if (n >= 18) {
		put16(ip + 36, 0);
		put16(ip + 36, tcp_sum(ip, n + 20));
	}
	ok_errno(rump_pub_portif_inject(link_, ip, n + 20));
}

void
seg_put(struct peer *p, const struct segment *sg)
{
	static uint8_t ip[MAXPKT];
	uint8_t *th = ip + 20;
	size_t hlen = 20 + build_options(sg, th + 20), n;

	assert_true(hlen <= 60);
	n = 20 + hlen + sg->sg_len;
	assert_true(n <= 65535);
	remember(p, sg, false);
	memset(th, 0, 20);
	put16(th, p->p_port);
	put16(th + 2, p->p_sport);
	put32(th + 4, sg->sg_seq);
	put32(th + 8, sg->sg_ack);
	th[12] = (uint8_t)(hlen << 2);
	th[13] = sg->sg_flags;
	put16(th + 14, sg->sg_win);
	put16(th + 18, sg->sg_urg);
	for (uint32_t i = 0; i < sg->sg_len; i++)
		th[hlen + i] = sg->sg_data != NULL ? sg->sg_data[i] :
		    seg_pattern(sg->sg_seq + (sg->sg_flags >> 1 & 1) -
		    p->p_peeriss - 1 + i);
	set_ip(ip, n, IPPROTO_TCP, sg->sg_ecn);
	put16(th + 16, tcp_sum(ip, n) ^ (sg->sg_bad ? 0x1111 : 0));
	ok_errno(rump_pub_portif_inject(link_, ip, n));
}

static void
parse_options(struct segment *sg, const uint8_t *o, size_t n)
{
	size_t len;

	sg->sg_mss = sg->sg_ws = -1;
	for (; n != 0 && *o != 0; o += len, n -= len) {
		len = 1;
		if (*o == 1)
			continue;
		assert_true(n >= 2 && o[1] >= 2 && o[1] <= n);
		len = o[1];
		switch (o[0]) {
		case 2:
			assert_int_equal(len, 4);
			sg->sg_mss = get16(o + 2);
			break;
		case 3:
			assert_int_equal(len, 3);
			sg->sg_ws = o[2];
			break;
		case 4:
			assert_int_equal(len, 2);
			sg->sg_sackok = true;
			break;
		case 5:
			assert_int_equal((len - 2) % 8, 0);
			sg->sg_nsack = (unsigned)(len - 2) / 8;
			for (unsigned i = 0; i < sg->sg_nsack; i++) {
				sg->sg_sack[i][0] = get32(o + 2 + 8 * i);
				sg->sg_sack[i][1] = get32(o + 6 + 8 * i);
			}
			break;
		case 8:
			assert_int_equal(len, 10);
			sg->sg_ts = true;
			sg->sg_tsval = get32(o + 2);
			sg->sg_tsecr = get32(o + 6);
			break;
		case 34:
			assert_in_range(len, 2, 18);
			sg->sg_tfo = true;
			sg->sg_tfolen = (unsigned)len - 2;
			memcpy(sg->sg_cookie, o + 2, len - 2);
			break;
		default:
			fail_msg("option %u", o[0]);
		}
	}
}

/* A packet that the stack sent; false: not of this connection. */
static bool
parse(struct peer *p, struct segment *sg, const uint8_t *ip, size_t n)
{
	const uint8_t *th = ip + 20;
	size_t hlen;

	assert_true(n >= 20 && ip[0] == 0x45 && get16(ip + 2) == n);
	assert_int_equal(sum(0, ip, 20), 0xffff);
	if (ip[9] != IPPROTO_TCP)
		return false;
	assert_true(n >= 40);
	hlen = (size_t)(th[12] >> 4) * 4;
	assert_true(hlen >= 20 && 20 + hlen <= n);
	assert_int_equal(tcp_sum(ip, n), 0);
	if (get16(th + 2) != p->p_port ||
	    (p->p_sport != 0 && get16(th) != p->p_sport))
		return false;
	memset(sg, 0, sizeof(*sg));
	p->p_sport = get16(th);
	sg->sg_ecn = ip[1] & 3;
	sg->sg_seq = get32(th + 4);
	sg->sg_ack = get32(th + 8);
	sg->sg_flags = th[13];
	sg->sg_win = get16(th + 14);
	sg->sg_urg = get16(th + 18);
	sg->sg_len = (uint32_t)(n - 20 - hlen);
	parse_options(sg, th + 20, hlen - 20);
	if ((sg->sg_flags & 2) != 0)
		p->p_iss = sg->sg_seq;
	if (sg->sg_ts && !p->p_havets) {
		p->p_tsbase = sg->sg_tsval;
		p->p_havets = true;
	}
	for (uint32_t i = 0; i < sg->sg_len; i++)
		assert_int_equal(th[hlen + i], seg_pattern(sg->sg_seq +
		    (sg->sg_flags >> 1 & 1) - p->p_iss - 1 + i));
	return true;
}

bool
seg_get(struct peer *p, struct segment *sg, int64_t timeout)
{
	static uint8_t buf[MAXPKT];
	int64_t end = seg_now() + timeout, left;
	size_t n;
	int error;

	do {
		left = end - seg_now();
		error = rump_pub_portif_collect(link_, buf, sizeof(buf),
		    left > 0 ? left : 0, &n);
		if (error == EAGAIN)
			return false;
		ok_errno(error);
	} while (!parse(p, sg, buf, n));
	p->p_last = *sg;
	remember(p, sg, true);
	return true;
}

void
seg_pass(struct peer *p, int64_t ns)
{
	int64_t end = seg_now() + ns;
	struct segment sg;

	while (seg_get(p, &sg, end - seg_now()))
		continue;
	p->p_time = seg_now();
}

void
seg_icmp(struct peer *p, int type, int code, uint16_t mtu, uint32_t seq)
{
	uint8_t pkt[56], *icmp = pkt + 20, *ip = icmp + 8, *th = ip + 20;

	memset(pkt, 0, sizeof(pkt));
	set_ip(ip, 1500, IPPROTO_TCP, 0);
	(void)inet_pton(AF_INET, SEG_STACK, ip + 12);
	(void)inet_pton(AF_INET, SEG_PEER, ip + 16);
	put16(th, p->p_sport);
	put16(th + 2, p->p_port);
	put32(th + 4, p->p_iss + seq);
	icmp[0] = (uint8_t)type;
	icmp[1] = (uint8_t)code;
	put16(icmp + 6, mtu);
	put16(icmp + 2, (uint16_t)~sum(0, icmp, 36));
	set_ip(pkt, sizeof(pkt), IPPROTO_ICMP, 0);
	ok_errno(rump_pub_portif_inject(link_, pkt, sizeof(pkt)));
}

/* ---- The script ----------------------------------------------------------------- */

/* What a line compares. */
#define C_WIN	0x01
#define C_MSS	0x02
#define C_WS	0x04
#define C_TSVAL	0x08
#define C_TSECR	0x10
#define C_URG	0x20
#define C_ECN	0x40
#define C_TFO	0x80
#define C_NOTS	0x100
#define C_NOWS	0x200
#define C_PSH	0x400
#define C_SACKOK 0x800
#define C_NOSACKOK 0x1000

struct event {
	char e_what;			/* '<', '>', '-' */
	int64_t e_delay;		/* -1: at once */
	unsigned e_compare;		/* C_* */
	struct segment e_sg;
};

/* The script that is played, for messages. */
static const char *at_file;
static int at_line;
static const char *const *at_script;
static unsigned at_event;

static void __attribute__((noreturn))
wrong(const char *why)
{
	unsigned i = nhistory > HISTORY ? nhistory - HISTORY : 0;

	print_error("%s:%d: %s\n", at_file, at_line, why);
	for (unsigned k = 0; k <= at_event && at_script[k] != NULL; k++)
		print_error("  %s %s\n", k == at_event ? "->" : "  ",
		    at_script[k]);
	for (; i < nhistory; i++)
		print_error("  seen: %s\n", history[i % HISTORY]);
	_fail(at_file, at_line);
	abort();
}

static const char *
word(const char **sp, char *buf, size_t size)
{
	size_t n = 0;

	while (**sp == ' ')
		(*sp)++;
	while (**sp != '\0' && **sp != ' ' && n < size - 1)
		buf[n++] = *(*sp)++;
	buf[n] = '\0';
	return n != 0 ? buf : NULL;
}

static uint32_t
number(const char *s, char **end)
{
	long long v = strtoll(s, end, 0);

	if (*end == s)
		wrong("a number is missing");
	return (uint32_t)v;
}

static void
parse_flags(struct event *e, const char *s)
{
	static const char letters[] = "FSRP_UEW";
	const char *l;

	for (; *s != '\0'; s++) {
		if (*s == '.')
			continue;
		l = strchr(letters, *s);
		if (l == NULL)
			wrong("what flag is that?");
		e->e_sg.sg_flags |= (uint8_t)(1 << (l - letters));
		if (*s == 'P')
			e->e_compare |= C_PSH;
	}
}

static void
parse_ts(struct peer *p, struct event *e, const char *s)
{
	struct segment *sg = &e->e_sg;
	bool out = e->e_what == '>';
	char *end;

	if (strcmp(s, "none") == 0) {
		e->e_compare |= C_NOTS;
		return;
	}
	sg->sg_ts = true;
	if (*s == '*') {
		end = (char *)(uintptr_t)s + 1;
	} else {
		sg->sg_tsval = number(s, &end) + (out ? p->p_tsbase : 0);
		e->e_compare |= C_TSVAL;
	}
	if (*end != '/')
		wrong("ts VALUE/ECHO");
	s = end + 1;
	if (*s == '*')
		return;
	sg->sg_tsecr = number(s, &end) + (out ? 0 : p->p_tsbase);
	e->e_compare |= C_TSECR;
}

static void
parse_sack(struct peer *p, struct event *e, const char *s)
{
	uint32_t base = e->e_what == '>' ? p->p_peeriss : p->p_iss;
	struct segment *sg = &e->e_sg;
	char *end;

	do {
		if (sg->sg_nsack == 4)
			wrong("too many blocks");
		sg->sg_sack[sg->sg_nsack][0] = base + number(s, &end);
		if (*end != '-')
			wrong("sack A-B");
		sg->sg_sack[sg->sg_nsack++][1] = base + number(end + 1, &end);
		s = end + 1;
	} while (*end == ',');
}

static void
parse_tfo(struct event *e, const char *s)
{
	struct segment *sg = &e->e_sg;
	unsigned v;

	e->e_compare |= C_TFO;
	sg->sg_tfo = strcmp(s, "none") != 0;
	if (!sg->sg_tfo || strcmp(s, "-") == 0)
		return;
	for (; *s != '\0' && sg->sg_tfolen < 16; s += 2) {
		if (sscanf(s, "%2x", &v) != 1)
			wrong("tfo HEX");
		sg->sg_cookie[sg->sg_tfolen++] = (uint8_t)v;
	}
}

static void
parse_option(struct peer *p, struct event *e, const char *name,
    const char *arg)
{
	struct segment *sg = &e->e_sg;
	char *end;

	if (arg == NULL)
		wrong("something is missing at the end");
	if (strcmp(name, "ack") == 0) {
		sg->sg_flags |= 0x10;
		sg->sg_ack = number(arg, &end) +
		    (e->e_what == '>' ? p->p_peeriss : p->p_iss);
	} else if (strcmp(name, "win") == 0) {
		sg->sg_win = (uint16_t)number(arg, &end);
		e->e_compare |= C_WIN;
	} else if (strcmp(name, "mss") == 0) {
		sg->sg_mss = (int)number(arg, &end);
		e->e_compare |= C_MSS;
	} else if (strcmp(name, "ws") == 0) {
		if (strcmp(arg, "none") == 0) {
			e->e_compare |= C_NOWS;
			return;
		}
		sg->sg_ws = (int)number(arg, &end);
		e->e_compare |= C_WS;
	} else if (strcmp(name, "ts") == 0) {
		parse_ts(p, e, arg);
	} else if (strcmp(name, "sack") == 0) {
		parse_sack(p, e, arg);
	} else if (strcmp(name, "urg") == 0) {
		sg->sg_flags |= 0x20;
		sg->sg_urg = (uint16_t)number(arg, &end);
		e->e_compare |= C_URG;
	} else if (strcmp(name, "ecn") == 0) {
		sg->sg_ecn = (uint8_t)number(arg, &end);
		e->e_compare |= C_ECN;
	} else if (strcmp(name, "tfo") == 0) {
		parse_tfo(e, arg);
	} else {
		wrong("what word is that?");
	}
}

static void
parse_line(struct peer *p, const char *line, struct event *e)
{
	struct segment *sg = &e->e_sg;
	char buf[100], arg[100], *end;
	const char *w;

	memset(e, 0, sizeof(*e));
	sg->sg_mss = sg->sg_ws = -1;
	sg->sg_win = 65535;
	e->e_delay = -1;
	w = word(&line, buf, sizeof(buf));
	if (w != NULL && *w == '+') {
		e->e_delay = (int64_t)(strtod(w + 1, &end) * NS + 0.5);
		w = word(&line, buf, sizeof(buf));
	}
	if (w == NULL || strchr("<>-", *w) == NULL)
		wrong("which way?");
	e->e_what = *w;
	if (*w == '-')
		return;
	w = word(&line, buf, sizeof(buf));
	if (w == NULL)
		wrong("no flags");
	parse_flags(e, w);
	w = word(&line, buf, sizeof(buf));
	if (w == NULL)
		wrong("no sequence number");
	sg->sg_seq = number(w, &end) + (e->e_what == '>' ? p->p_iss :
	    p->p_peeriss);
	if (*end == ':')
		sg->sg_len = number(end + 1, &end);
	while ((w = word(&line, buf, sizeof(buf))) != NULL) {
		if (strcmp(w, "sackok") == 0) {
			sg->sg_sackok = true;
			e->e_compare |= C_SACKOK;
		} else if (strcmp(w, "nosackok") == 0) {
			e->e_compare |= C_NOSACKOK;
		} else if (strcmp(w, "bad") == 0) {
			sg->sg_bad = true;
		} else {
			parse_option(p, e, w, word(&line, arg, sizeof(arg)));
		}
	}
}

static void
compare_options(const struct event *e, const struct segment *got)
{
	const struct segment *want = &e->e_sg;

	if ((e->e_compare & C_MSS) != 0 && got->sg_mss != want->sg_mss)
		wrong("another MSS was sent");
	if ((e->e_compare & C_WS) != 0 && got->sg_ws != want->sg_ws)
		wrong("another window scale was sent");
	if ((e->e_compare & C_NOWS) != 0 && got->sg_ws >= 0)
		wrong("a window scale was sent");
	if ((e->e_compare & C_SACKOK) != 0 && !got->sg_sackok)
		wrong("SACK was not offered");
	if ((e->e_compare & C_NOSACKOK) != 0 && got->sg_sackok)
		wrong("SACK was offered");
	if (want->sg_ts && !got->sg_ts)
		wrong("no time stamp was sent");
	if ((e->e_compare & C_NOTS) != 0 && got->sg_ts)
		wrong("a time stamp was sent");
	if ((e->e_compare & C_TSVAL) != 0 && got->sg_tsval != want->sg_tsval)
		wrong("another time stamp was sent");
	if ((e->e_compare & C_TSECR) != 0 && got->sg_tsecr != want->sg_tsecr)
		wrong("another time stamp was echoed");
	if ((e->e_compare & C_TFO) != 0 && (got->sg_tfo != want->sg_tfo ||
	    got->sg_tfolen != want->sg_tfolen || memcmp(got->sg_cookie,
	    want->sg_cookie, want->sg_tfolen) != 0))
		wrong("another cookie was sent");
	if (got->sg_nsack != want->sg_nsack || memcmp(got->sg_sack,
	    want->sg_sack, sizeof(want->sg_sack[0]) * want->sg_nsack) != 0)
		wrong("other SACK blocks were sent");
}

static void
compare(const struct event *e, const struct segment *got)
{
	const struct segment *want = &e->e_sg;
	uint8_t mask = (e->e_compare & C_PSH) != 0 ? 0xff : 0xf7;

	if ((got->sg_flags & mask) != (want->sg_flags & mask))
		wrong("other flags were sent");
	if (got->sg_seq != want->sg_seq)
		wrong("another sequence number was sent");
	if (got->sg_len != want->sg_len)
		wrong("another length was sent");
	if ((want->sg_flags & 0x10) != 0 && got->sg_ack != want->sg_ack)
		wrong("another acknowledgement was sent");
	if ((e->e_compare & C_WIN) != 0 && got->sg_win != want->sg_win)
		wrong("another window was sent");
	if ((e->e_compare & C_URG) != 0 && got->sg_urg != want->sg_urg)
		wrong("another urgent pointer was sent");
	if ((e->e_compare & C_ECN) != 0 && got->sg_ecn != want->sg_ecn)
		wrong("other ECN bits were sent");
	compare_options(e, got);
}

static void
expect(struct peer *p, struct event *e)
{
	int64_t delay = e->e_delay < 0 ? 0 : e->e_delay;
	uint32_t iss = p->p_iss, tsbase = p->p_tsbase;
	struct segment got;

	/* A little more: the stack's timers and this one's are no race. */
	if (!seg_get(p, &got, p->p_time + delay + 1000 - seg_now()))
		wrong("nothing was sent");
	if (seg_now() != p->p_time + delay)
		wrong("it was sent at another time");
	/* What a SYN brought was not known before. */
	e->e_sg.sg_seq += p->p_iss - iss;
	e->e_sg.sg_tsval += p->p_tsbase - tsbase;
	compare(e, &got);
}

static void
idle(struct peer *p, int64_t delay)
{
	struct segment got;

	if (seg_get(p, &got, delay < 0 ? 0 : p->p_time + delay - seg_now()))
		wrong("something was sent");
}

void
seg_play(struct peer *p, const char *file, int line,
    const char *const *script)
{
	struct event e;

	at_file = file;
	at_line = line;
	at_script = script;
	if (p->p_time == 0)
		p->p_time = seg_now();
	for (at_event = 0; script[at_event] != NULL; at_event++) {
		parse_line(p, script[at_event], &e);
		switch (e.e_what) {
		case '>':
			expect(p, &e);
			break;
		case '<':
			idle(p, e.e_delay);
			seg_put(p, &e.e_sg);
			break;
		default:
			idle(p, e.e_delay);
			break;
		}
		p->p_time = seg_now();
	}
}

/* ---- The stack's user -------------------------------------------------------------- */

void
seg_boot(uint32_t mtu)
{
	const struct rump_portif_params pp = { .pp_mode = RUMP_PORTIF_IP,
	    .pp_queue = 100000, .pp_mtu = mtu };

	setenv("RUMP_CLOCK", "virtual-auto", 1);
	setenv("RUMP_SEED", "1", 0);
	ok_errno(rump_init());
	ok_errno(rump_pub_portif_create("p0", &pp, &link_));
	ok_errno(rump_pub_netconfig_ipv4_ifaddr_cidr("p0", SEG_STACK, 24));
}

static struct sockaddr_in
address(const char *a, uint16_t port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
	    .sin_port = htons(port) };

	(void)inet_pton(AF_INET, a, &sin.sin_addr);
	return sin;
}

static void
begin(struct peer *p)
{
	memset(p, 0, sizeof(*p));
	p->p_listen = p->p_fd = -1;
	p->p_port = next_port++;
	p->p_peeriss = SEG_PEER_ISS;
	nhistory = 0;
}

void
seg_listen(struct peer *p)
{
	struct sockaddr_in sin;

	begin(p);
	p->p_sport = p->p_port;
	sin = address(SEG_STACK, p->p_sport);
	p->p_listen = rump_sys_socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	assert_true(p->p_listen >= 0);
	assert_int_equal(rump_sys_bind(p->p_listen, (struct sockaddr *)&sin,
	    sizeof(sin)), 0);
	assert_int_equal(rump_sys_listen(p->p_listen, 5), 0);
	p->p_time = seg_now();
}

void
seg_socket(struct peer *p)
{
	begin(p);
	p->p_fd = rump_sys_socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	assert_true(p->p_fd >= 0);
	p->p_time = seg_now();
}

void
seg_connect(struct peer *p)
{
	struct sockaddr_in sin = address(SEG_PEER, p->p_port);

	assert_int_equal(rump_sys_connect(p->p_fd, (struct sockaddr *)&sin,
	    sizeof(sin)), -1);
	assert_int_equal(errno, EINPROGRESS);
	p->p_time = seg_now();
}

void
seg_accept(struct peer *p)
{
	p->p_fd = rump_sys_accept4(p->p_listen, NULL, NULL, SOCK_NONBLOCK);
	assert_true(p->p_fd >= 0);
}

void
seg_established(struct peer *p, const char *options, unsigned win)
{
	char syn[120], ack[120];

	seg_listen(p);
	snprintf(syn, sizeof(syn), "< S 0 win 65535 %s", options);
	snprintf(ack, sizeof(ack), "< . 1 ack 1 win %u%s", win,
	    strstr(options, "ts ") != NULL ? " ts 100/0" : "");
	PLAY(p, syn, "> S 0 ack 1", ack);
	seg_accept(p);
}

void
seg_write(struct peer *p, size_t n)
{
	static uint8_t buf[1 << 16];
	size_t k;

	for (; n != 0; n -= k) {
		k = n < sizeof(buf) ? n : sizeof(buf);
		for (size_t i = 0; i < k; i++)
			buf[i] = seg_pattern(p->p_written + (uint32_t)i);
		assert_int_equal(rump_sys_write(p->p_fd, buf, k), k);
		p->p_written += (uint32_t)k;
	}
	p->p_time = seg_now();
}

void
seg_read(struct peer *p, size_t n)
{
	static uint8_t buf[1 << 16];
	ssize_t k;

	while (n != 0) {
		k = rump_sys_read(p->p_fd, buf, n < sizeof(buf) ? n :
		    sizeof(buf));
		assert_true(k > 0);
		for (ssize_t i = 0; i < k; i++)
			assert_int_equal(buf[i], seg_pattern(p->p_read++));
		n -= (size_t)k;
	}
	p->p_time = seg_now();
}

void
seg_setopt(struct peer *p, int level, int name, int value)
{
	int fd = p->p_fd >= 0 ? p->p_fd : p->p_listen;

	assert_int_equal(rump_sys_setsockopt(fd, level, name, &value,
	    sizeof(value)), 0);
}

void
seg_end(struct peer *p)
{
	const struct linger now = { .l_onoff = 1 };

	if (p->p_fd >= 0) {
		(void)rump_sys_setsockopt(p->p_fd, SOL_SOCKET, SO_LINGER,
		    &now, sizeof(now));
		(void)rump_sys_close(p->p_fd);
	}
	if (p->p_listen >= 0)
		(void)rump_sys_close(p->p_listen);
	seg_pass(p, 0);
}

void
seg_sysctl(const char *name, unsigned value)
{
	char full[80], buf[20];

	snprintf(full, sizeof(full), "net.ipv4.%s", name);
	snprintf(buf, sizeof(buf), "%u", value);
	ok_errno(rump_pub_sysctl_set(full, buf));
}

uint64_t
seg_stat(const char *name)
{
	char full[80], buf[40];

	snprintf(full, sizeof(full), "net.ipv4.stats.%s", name);
	ok_errno(rump_pub_sysctl_get(full, buf, sizeof(buf)));
	return strtoull(buf, NULL, 0);
}
