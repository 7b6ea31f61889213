/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The Internet checksum (RFC 1071): the sum of 16-bit words in one's
 * complement. It does not depend on the byte order they are added in (section 2
 * (B)), and carries may be folded late: words of 32 bits are added up in 64.
 */
#include <kern/byteorder.h>
#include <kern/mbuf.h>

/* Of 32 bytes a turn: four sums, so that the additions overlap. */
static inline uint64_t
sum_blocks(const uint8_t **pp, size_t *np)
{
	const uint8_t *p = *pp;
	uint64_t a = 0, b = 0, c = 0, d = 0, w[4];
	size_t n = *np;

	for (; n >= 32; p += 32, n -= 32) {
		memcpy(w, p, sizeof(w));
		a += (w[0] & 0xffffffffu) + (w[0] >> 32);
		b += (w[1] & 0xffffffffu) + (w[1] >> 32);
		c += (w[2] & 0xffffffffu) + (w[2] >> 32);
		d += (w[3] & 0xffffffffu) + (w[3] >> 32);
	}
	*pp = p;
	*np = n;
	return a + b + c + d;
}

uint64_t
in_cksum_add(uint64_t sum, const void *buf, size_t n, bool odd)
{
	const uint8_t *p = buf;
	uint64_t s;
	uint32_t w;
	uint16_t h;

	s = sum_blocks(&p, &n);
	for (; n >= 4; p += 4, n -= 4) {
		memcpy(&w, p, sizeof(w));
		s += w;
	}
	if (n >= 2) {
		memcpy(&h, p, sizeof(h));
		s += h;
		p += 2;
		n -= 2;
	}
	if (n != 0)
		s += KERN_LE(16, (uint16_t)*p);
	if (odd) {
		/* Bytes of each word changed places (RFC 1071 2 (B)). */
		s = in_cksum_fold(s);
		s = (s & 0xff) << 8 | s >> 8;
	} else {
		s = (s & 0xffffffffu) + (s >> 32);
	}
	sum += s;
	return (sum & 0xffffffffffffu) + (sum >> 48);
}

uint64_t
in_cksum_chain(uint64_t sum, const struct mbuf *m, size_t off, size_t len)
{
	size_t n, done = 0;

	for (; m != NULL && len > 0; m = m->m_next) {
		if (off >= m->m_len) {
			off -= m->m_len;
			continue;
		}
		n = MIN(len, m->m_len - off);
		sum = in_cksum_add(sum, m->m_data + off, n, (done & 1) != 0);
		done += n;
		len -= n;
		off = 0;
	}
	return sum;
}

/* Pieces stay in the first cache between the sum and the copy. */
#define COPY_PIECE 4096u

uint64_t
in_cksum_copy(uint64_t sum, void *to, const void *from, size_t n, bool odd)
{
	const uint8_t *f = from;
	uint8_t *t = to;
	size_t len;

	for (; n > 0; f += len, t += len, n -= len) {
		len = MIN(n, COPY_PIECE);
		memcpy(t, f, len);
		/* Of the copy: what is stored is what was summed. */
		sum = in_cksum_add(sum, t, len, odd);
	}
	return sum;
}

int
m_cksum_complete(struct mbuf **mp)
{
	struct mbuf *m = *mp;
	size_t start, field;
	uint16_t sum;
	uint8_t b[2];

	if (m->m_ph.ph_csum != MCSUM_PARTIAL)
		return 0;
	start = m->m_ph.ph_csum_start - m_leading(m);
	field = start + m->m_ph.ph_csum_off;
	if (field + 2 > m->m_ph.ph_len)
		return EINVAL;
	sum = (uint16_t)~in_cksum_fold(in_cksum_chain(0, m, start,
	    m->m_ph.ph_len - start));
	/* For UDP 0 means that there is none (RFC 768); TCP takes either. */
	if (sum == 0)
		sum = 0xffff;
	m = m_makewritable(m, field + 2);
	if (m == NULL) {
		*mp = NULL;
		return ENOMEM;
	}
	memcpy(b, &sum, sizeof(b));
	memcpy(m->m_data + field, b, sizeof(b));
	m->m_ph.ph_csum = MCSUM_NONE;
	*mp = m;
	return 0;
}
