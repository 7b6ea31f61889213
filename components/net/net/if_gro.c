/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Packets of one flow that came one after the other are joined into one that
 * stands for all (ph_gso), so that what follows costs once: for TCP and UDP over IPv4,
 * within a batch, on interfaces that deliver frames as they were on the wire.
 *
 * Joined is only what gso_segment() would make of the whole again, byte for byte
 * (but for the identifier of packets that must not be fragmented, RFC 6864); so a
 * router may join, too. Checksums are verified on the way.
 */
#include "net.h"

#define GRO_FLOWS	8		/* open at a time */
#define GRO_MAX		65535		/* bytes of an IP packet */
#define GRO_SEGS	64

#define IP_DF		0x4000
#define TH_PSH		0x08
#define TH_ACK		0x10

/* A packet that may be joined. */
struct segment {
	struct mbuf *s_m;
	uint8_t *s_ip, *s_l4;
	unsigned s_hlen;	/* of both headers */
	unsigned s_len;		/* payload */
	bool s_tcp;
};

/* A joined one that may grow. */
struct flow {
	struct segment f_first;
	struct mbuf *f_last;	/* its chain's end */
	unsigned f_size;	/* payload of all but the last */
	unsigned f_len, f_segs;
	bool f_psh;
};

/* RFC 1071; the pseudo header of RFC 9293 3.1, RFC 768 */
static bool
checksum_ok(struct segment *s)
{
	struct mbuf *m = s->s_m;
	unsigned off = (unsigned)(s->s_l4 - m->m_data),
	    n = m->m_ph.ph_len - off;
	uint64_t sum;

	if (m->m_ph.ph_csum != MCSUM_NONE)
		return m->m_ph.ph_csum == MCSUM_VALID;
	sum = in_cksum_add(0, s->s_ip + 12, 8, false);
	sum += htobe16(s->s_ip[9]) + htobe16((uint16_t)n);
	if (in_cksum_fold(in_cksum_chain(sum, m, off, n)) != 0xffff)
		return false;
	m->m_ph.ph_csum = MCSUM_VALID;
	return true;
}

/* Behind the IP header; false: not of a kind that is joined. */
static bool
parse_l4(struct segment *s, unsigned total)
{
	unsigned l4len;

	if (s->s_tcp) {
		l4len = (unsigned)(s->s_l4[12] >> 4) * 4;
		if (l4len < 20 || (s->s_l4[12] & 0xf) != 0 ||
		    (s->s_l4[13] & ~TH_PSH) != TH_ACK)
			return false;
	} else {
		l4len = 8;
		if (be16dec(s->s_l4 + 4) != total - 20 ||
		    be16dec(s->s_l4 + 6) == 0)
			return false;
	}
	s->s_hlen = 20 + l4len;
	if (total <= s->s_hlen || s->s_m->m_len < s->s_hlen)
		return false;
	s->s_len = total - s->s_hlen;
	return true;
}

static bool
parse(struct mbuf *m, struct segment *s)
{
	uint8_t *ip = m->m_data;
	unsigned total;

	if (m->m_ph.ph_gso != MGSO_NONE || m->m_len < 20 + 8 ||
	    ip[0] != 0x45 || (be16dec(ip + 6) & ~IP_DF) != 0 ||
	    (ip[9] != IPPROTO_TCP && ip[9] != IPPROTO_UDP) ||
	    (m->m_ph.ph_flags & (MP_BCAST | MP_MCAST | MP_OTHERHOST)) != 0)
		return false;
	total = be16dec(ip + 2);
	s->s_m = m;
	s->s_ip = ip;
	s->s_l4 = ip + 20;
	s->s_tcp = ip[9] == IPPROTO_TCP;
	if (total != m->m_ph.ph_len || (s->s_tcp && m->m_len < 40) ||
	    !parse_l4(s, total))
		return false;
	return in_cksum_fold(in_cksum_add(0, ip, 20, false)) == 0xffff &&
	    checksum_ok(s);
}

static bool
same_flow(const struct segment *a, const struct segment *b)
{
	return a->s_tcp == b->s_tcp &&
	    memcmp(a->s_ip + 12, b->s_ip + 12, 8) == 0 &&
	    memcmp(a->s_l4, b->s_l4, 4) == 0;
}

/* Is it what the sender would have sent next? */
static bool
continues(const struct flow *f, const struct segment *s)
{
	const struct segment *a = &f->f_first;
	uint16_t id = be16dec(a->s_ip + 4);

	if (s->s_hlen != a->s_hlen || s->s_len > f->f_size ||
	    a->s_hlen + f->f_len + s->s_len > GRO_MAX ||
	    f->f_segs == GRO_SEGS || a->s_ip[1] != s->s_ip[1] ||
	    a->s_ip[8] != s->s_ip[8] ||
	    be16dec(a->s_ip + 6) != be16dec(s->s_ip + 6))
		return false;
	if ((be16dec(a->s_ip + 6) & IP_DF) == 0 &&
	    be16dec(s->s_ip + 4) != (uint16_t)(id + f->f_segs))
		return false;
	if (!s->s_tcp)
		return true;
	/* All but sequence number, PSH, checksum: the options, too. */
	return be32dec(s->s_l4 + 4) == be32dec(a->s_l4 + 4) + f->f_len &&
	    memcmp(s->s_l4 + 8, a->s_l4 + 8, 5) == 0 &&
	    memcmp(s->s_l4 + 14, a->s_l4 + 14, 2) == 0 &&
	    memcmp(s->s_l4 + 18, a->s_l4 + 18, s->s_hlen - 38) == 0;
}

static void
join(struct flow *f, struct segment *s)
{
	struct mbuf *m = s->s_m;

	f->f_psh = s->s_tcp && (s->s_l4[13] & TH_PSH) != 0;
	f->f_len += s->s_len;
	f->f_segs++;
	m_adj(m, (ssize_t)s->s_hlen);
	m->m_flags &= (uint16_t)~M_PKTHDR;
	if (m->m_len == 0)
		m = m_free(m);
	f->f_last->m_next = m;
	f->f_last = m_last(m);
	f->f_first.s_m->m_ph.ph_len += s->s_len;
}

/* No more follows: the headers of the whole. */
static void
close_flow(struct flow *f)
{
	struct segment *a = &f->f_first;
	struct mbuf *m = a->s_m;
	unsigned n = a->s_hlen + f->f_len;
	uint16_t sum;
	uint64_t p;

	if (f->f_segs < 2)
		return;
	be16enc(a->s_ip + 2, (uint16_t)n);
	memset(a->s_ip + 10, 0, 2);
	sum = (uint16_t)~in_cksum_fold(in_cksum_add(0, a->s_ip, 20, false));
	memcpy(a->s_ip + 10, &sum, 2);
	p = in_cksum_add(0, a->s_ip + 12, 8, false);
	sum = in_cksum_fold(p + htobe16(a->s_ip[9]) + htobe16(n - 20));
	if (a->s_tcp) {
		if (f->f_psh)
			a->s_l4[13] |= TH_PSH;
		memcpy(a->s_l4 + 16, &sum, 2);
	} else {
		be16enc(a->s_l4 + 4, (uint16_t)(n - 20));
		memcpy(a->s_l4 + 6, &sum, 2);
	}
	m->m_ph.ph_l4 = m_offset(m, a->s_l4);
	m->m_ph.ph_gso = a->s_tcp ? MGSO_TCP4 : MGSO_UDP;
	m->m_ph.ph_gso_size = (uint16_t)f->f_size;
	m->m_ph.ph_gso_segs = (uint16_t)f->f_segs;
	m->m_ph.ph_csum = MCSUM_PARTIAL;
	m->m_ph.ph_csum_start = m->m_ph.ph_l4;
	m->m_ph.ph_csum_off = a->s_tcp ? 16 : 6;
}

static void
open_flow(struct flow *f, const struct segment *s)
{
	f->f_first = *s;
	f->f_last = m_last(s->s_m);
	f->f_size = f->f_len = s->s_len;
	f->f_segs = 1;
	f->f_psh = s->s_tcp && (s->s_l4[13] & TH_PSH) != 0;
}

/* May anything follow it? */
static bool
is_open(const struct flow *f, unsigned last)
{
	return !f->f_psh && last == f->f_size;
}

struct mbuf *
gro_join(struct mbuf *batch)
{
	struct mbuf *m, *next, *out = NULL, **tail = &out;
	struct flow flows[GRO_FLOWS], *f;
	unsigned n = 0, oldest = 0, i;
	struct segment s;

	for (m = batch; m != NULL; m = next) {
		next = m->m_nextpkt;
		m->m_nextpkt = NULL;
		f = NULL;
		if (parse(m, &s)) {
			for (i = 0; i < n && f == NULL; i++)
				if (flows[i].f_segs != 0 &&
				    same_flow(&flows[i].f_first, &s))
					f = &flows[i];
			if (f != NULL && continues(f, &s)) {
				join(f, &s);
				if (!is_open(f, s.s_len)) {
					close_flow(f);
					f->f_segs = 0;
				}
				continue;
			}
			/* It begins another; what its flow had is whole. */
			if (f == NULL && n < GRO_FLOWS) {
				f = &flows[n++];
				f->f_segs = 0;
			} else if (f == NULL) {
				f = &flows[oldest++ % GRO_FLOWS];
			}
			if (f->f_segs != 0)
				close_flow(f);
			open_flow(f, &s);
			if (!m_writable(m) || !is_open(f, s.s_len))
				f->f_segs = 0;
		}
		*tail = m;
		tail = &m->m_nextpkt;
	}
	for (i = 0; i < n; i++)
		if (flows[i].f_segs != 0)
			close_flow(&flows[i]);
	return out;
}
