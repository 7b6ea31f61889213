/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fragmentation (RFC 791 3.2): the fragments share the packet's storage, each
 * has a header of its own.
 */
#include <kern/assert.h>

#include "netinet.h"

/* The header of a fragment: of the packet's, with the options that it has. */
static struct mbuf *
fragment_header(const struct mbuf *m, const uint8_t *ip, bool first)
{
	uint32_t hlen = ip_hlen(ip);
	uint8_t opts[IP_MAXOPT];
	struct mbuf *h;

	h = m_gethdr(MT_DATA);
	if (h == NULL)
		return NULL;
	m_copy_pkthdr(h, m);
	h->m_data += MAX_LINKHDR;
	memcpy(h->m_data, ip, hlen);
	if (!first && hlen > IP_HDRLEN) {
		hlen = IP_HDRLEN + ip_options_copied(ip + IP_HDRLEN,
		    hlen - IP_HDRLEN, opts);
		memcpy(h->m_data + IP_HDRLEN, opts, hlen - IP_HDRLEN);
		h->m_data[IP_VHL] = (uint8_t)(0x40 | hlen >> 2);
	}
	h->m_len = hlen;
	h->m_ph.ph_csum = MCSUM_NONE;
	h->m_ph.ph_l2 = 0;
	h->m_ph.ph_l3 = m_offset(h, h->m_data);
	h->m_ph.ph_l4 = (uint16_t)(h->m_ph.ph_l3 + hlen);
	return h;
}

/* Bytes off to off + n of the payload; off8: where they are in the whole. */
static struct mbuf *
fragment_make(struct mbuf *m, const uint8_t *ip, uint32_t off, uint32_t n,
    uint32_t off8, bool more)
{
	struct mbuf *h = fragment_header(m, ip, off == 0);

	if (h == NULL)
		return NULL;
	h->m_next = m_copym(m, ip_hlen(ip) + off, n, 0);
	if (h->m_next == NULL) {
		m_freem(h);
		return NULL;
	}
	h->m_ph.ph_len = h->m_len + n;
	be16enc(h->m_data + IP_LEN, (uint16_t)h->m_ph.ph_len);
	be16enc(h->m_data + IP_OFF, (uint16_t)(off8 | (more ? IPF_MF : 0)));
	ip_cksum_set(h->m_data, h->m_len);
	return h;
}

int
ip_fragment(struct vnet_inet *vi, struct mbuf *m, uint32_t mtu,
    struct mbuf **out)
{
	struct mbuf *list = NULL, **tail = &list;
	uint32_t hlen, total, step, off, n, created = 0;
	uint16_t field;
	int error;

	*out = NULL;
	error = m_cksum_complete(&m);
	if (error != 0)
		return error;
	hlen = ip_hlen(m->m_data);
	field = be16dec(m->m_data + IP_OFF);
	total = m->m_ph.ph_len - hlen;
	error = EMSGSIZE;
	if (mtu < hlen + 8)
		goto fail;
	step = rounddown2(mtu - hlen, 8u);
	error = ENOBUFS;
	for (off = 0; off < total; off += n) {
		n = MIN(step, total - off);
		*tail = fragment_make(m, m->m_data, off, n,
		    (field & IPF_OFFSET) + off / 8,
		    off + n < total || (field & IPF_MF) != 0);
		if (*tail == NULL)
			goto fail;
		tail = &(*tail)->m_nextpkt;
		created++;
	}
	m_freem(m);
	ip_count(vi, IPS_ip_frag_oks);
	ip_count_n(vi, IPS_ip_frag_creates, created);
	*out = list;
	return 0;

fail:
	m_freelist(list);
	m_freem(m);
	return error;
}
