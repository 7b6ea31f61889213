/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Segmentation of packets that stand for many, for drivers that cannot: each
 * segment gets the headers, adjusted as the sender would have sent them one
 * by one, and a part of the payload, which is shared, not copied.
 */
#include <linux/tcp.h>

#include "net.h"

#define TCP_FLAGS	13	/* bytes from the header's start */
#define TH_FIN		0x01
#define TH_PSH		0x08
#define TH_CWR		0x80

/* A packet taken apart. */
struct gso {
	struct mbuf *g_m;
	unsigned g_l3, g_l4, g_hlen;	/* from its first byte */
	unsigned g_size;		/* payload of a segment */
	unsigned g_payload;
	bool g_ip6, g_tcp;
};

/* Headers whole and where they claim to be? */
static bool
gso_parse(struct mbuf *m, struct gso *g)
{
	const uint8_t *p;
	unsigned l4len;

	if (m->m_ph.ph_l3 < m_leading(m) || m->m_ph.ph_l4 <= m->m_ph.ph_l3 ||
	    m->m_ph.ph_gso_size == 0)
		return false;
	g->g_m = m;
	g->g_l3 = m->m_ph.ph_l3 - (unsigned)m_leading(m);
	g->g_l4 = m->m_ph.ph_l4 - (unsigned)m_leading(m);
	g->g_size = m->m_ph.ph_gso_size;
	g->g_tcp = m->m_ph.ph_gso != MGSO_UDP;
	l4len = g->g_tcp ? 20 : 8;
	if (m->m_len < g->g_l4 + l4len)
		return false;
	p = m->m_data;
	g->g_ip6 = p[g->g_l3] >> 4 == 6;
	if (g->g_l4 - g->g_l3 < (g->g_ip6 ? 40u : 20u))
		return false;
	if (g->g_tcp)
		l4len = (unsigned)(p[g->g_l4 + 12] >> 4) * 4;
	g->g_hlen = g->g_l4 + l4len;
	if (l4len < 8 || m->m_len < g->g_hlen || m->m_ph.ph_len < g->g_hlen)
		return false;
	g->g_payload = m->m_ph.ph_len - g->g_hlen;
	return true;
}

static uint64_t
pseudo(const struct gso *g, const uint8_t *l3, unsigned len)
{
	uint8_t proto = g->g_tcp ? IPPROTO_TCP : IPPROTO_UDP;
	uint64_t sum;

	sum = g->g_ip6 ? in_cksum_add(0, l3 + 8, 32, false) :
	    in_cksum_add(0, l3 + 12, 8, false);
	return sum + htobe16(proto) + htobe16(len);
}

static void
fix_ip(const struct gso *g, uint8_t *l3, unsigned i, unsigned len)
{
	unsigned hlen = g->g_l4 - g->g_l3;
	uint16_t sum;

	if (g->g_ip6) {
		be16enc(l3 + 4, (uint16_t)(len - 40));
		return;
	}
	be16enc(l3 + 2, (uint16_t)len);
	be16enc(l3 + 4, (uint16_t)(be16dec(l3 + 4) + i));
	memset(l3 + 10, 0, 2);
	sum = (uint16_t)~in_cksum_fold(in_cksum_add(0, l3, hlen, false));
	memcpy(l3 + 10, &sum, 2);
}

/* Headers of segment i, which has n bytes at off. */
static void
fix_headers(const struct gso *g, uint8_t *h, unsigned i, unsigned off,
    unsigned n)
{
	uint8_t *l3 = h + g->g_l3, *l4 = h + g->g_l4;
	bool last = off + n == g->g_payload;
	uint16_t sum;

	fix_ip(g, l3, i, g->g_hlen - g->g_l3 + n);
	sum = in_cksum_fold(pseudo(g, l3, g->g_hlen - g->g_l4 + n));
	if (!g->g_tcp) {
		be16enc(l4 + 4, (uint16_t)(8 + n));
		memcpy(l4 + 6, &sum, 2);
		return;
	}
	be32enc(l4 + 4, be32dec(l4 + 4) + off);
	if (!last)
		l4[TCP_FLAGS] &= (uint8_t)~(TH_FIN | TH_PSH);
	if (i > 0)
		l4[TCP_FLAGS] &= (uint8_t)~TH_CWR;	/* RFC 3168 6.1.2 */
	memcpy(l4 + 16, &sum, 2);
}

static struct mbuf *
make_segment(const struct gso *g, unsigned i, unsigned off, unsigned n)
{
	struct mbuf *s;

	s = m_getcl(MAX_LINKHDR + g->g_hlen, M_PKTHDR);
	if (s == NULL)
		return NULL;
	m_copy_pkthdr(s, g->g_m);
	s->m_data += MAX_LINKHDR;
	s->m_len = g->g_hlen;
	memcpy(s->m_data, g->g_m->m_data, g->g_hlen);
	fix_headers(g, s->m_data, i, off, n);
	s->m_ph.ph_len = g->g_hlen + n;
	s->m_ph.ph_gso = MGSO_NONE;
	s->m_ph.ph_gso_size = s->m_ph.ph_gso_segs = 0;
	s->m_ph.ph_l2 = m_offset(s, s->m_data);
	s->m_ph.ph_l3 = m_offset(s, s->m_data + g->g_l3);
	s->m_ph.ph_l4 = m_offset(s, s->m_data + g->g_l4);
	s->m_ph.ph_csum = MCSUM_PARTIAL;
	s->m_ph.ph_csum_start = s->m_ph.ph_l4;
	s->m_ph.ph_csum_off = g->g_tcp ? 16 : 6;
	if (n == 0)
		return s;
	s->m_next = m_copym(g->g_m, g->g_hlen + off, n, 0);
	if (s->m_next == NULL) {
		m_freem(s);
		return NULL;
	}
	return s;
}

struct mbuf *
gso_segment(struct mbuf *m)
{
	struct mbuf *s, *list = NULL, **tail = &list;
	unsigned off = 0, n, i = 0;
	struct gso g;

	if (!gso_parse(m, &g)) {
		m_freem(m);
		return NULL;
	}
	do {
		n = MIN(g.g_size, g.g_payload - off);
		s = make_segment(&g, i++, off, n);
		if (s == NULL) {
			m_freelist(list);
			list = NULL;
			break;
		}
		*tail = s;
		tail = &s->m_nextpkt;
		off += n;
	} while (off < g.g_payload);
	m_freem(m);
	return list;
}
