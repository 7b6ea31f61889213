/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Chains of mbufs: cutting, joining, copying.
 */
#include <kern/assert.h>
#include <kern/mbuf.h>
#include <kern/string.h>

size_t
m_length(const struct mbuf *m)
{
	size_t n = 0;

	for (; m != NULL; m = m->m_next)
		n += m->m_len;
	return n;
}

struct mbuf *
m_last(struct mbuf *m)
{
	while (m->m_next != NULL)
		m = m->m_next;
	return m;
}

void
m_copy_pkthdr(struct mbuf *to, const struct mbuf *from)
{
	to->m_ph = from->m_ph;
	to->m_flags |= M_PKTHDR | (from->m_flags & M_EOR);
}

/* ---- Where headers are --------------------------------------------------- */

static uint16_t
offset_moved(uint16_t off, ssize_t by)
{
	ssize_t moved = (ssize_t)off + by;

	return off == 0 || moved <= 0 ? 0 : (uint16_t)moved;
}

/*
 * The packet's first byte was at an offset of its first mbuf's storage, and is
 * at another of the new first mbuf's.
 */
static void
headers_moved(struct mpkthdr *ph, ssize_t by)
{
	ph->ph_l2 = offset_moved(ph->ph_l2, by);
	ph->ph_l3 = offset_moved(ph->ph_l3, by);
	ph->ph_l4 = offset_moved(ph->ph_l4, by);
	ph->ph_csum_start = offset_moved(ph->ph_csum_start, by);
}

/*
 * A new first mbuf for the packet m: lead bytes free, then n bytes that are not
 * set, then what m has in front, keep bytes of it moved here.
 */
static struct mbuf *
new_head(struct mbuf *m, size_t lead, size_t n, size_t keep)
{
	struct mbuf *head;

	head = m_getcl(lead + n + keep, 0);
	if (head == NULL || m_size(head) < lead + n + keep) {
		m_freem(head);
		return NULL;
	}
	head->m_data += lead;
	head->m_len = (uint32_t)(n + keep);
	if ((m->m_flags & M_PKTHDR) != 0) {
		m_copy_pkthdr(head, m);
		headers_moved(&head->m_ph, (ssize_t)(lead + n) -
		    (ssize_t)m_leading(m));
		m->m_flags &= (uint16_t)~(M_PKTHDR | M_EOR);
	}
	head->m_type = m->m_type;
	head->m_nextpkt = m->m_nextpkt;
	m->m_nextpkt = NULL;
	m_copydata(m, 0, keep, head->m_data + n);
	while (keep > 0 && m != NULL) {
		size_t cut = MIN(keep, m->m_len);

		m->m_data += cut;
		m->m_len -= (uint32_t)cut;
		keep -= cut;
		if (m->m_len == 0)
			m = m_free(m);
	}
	head->m_next = m;
	return head;
}

struct mbuf *
m_pullup(struct mbuf *m, size_t n)
{
	struct mbuf *head;
	size_t lead;

	if (__likely(m->m_len >= n))
		return m;
	if (m_length(m) < n || n > MCLJUMBO - MAX_LINKHDR)
		goto fail;
	/* Keep some room in front, as far as it was there. */
	lead = MIN(m_leading(m), MAX_LINKHDR);
	if (lead + n > MLEN && n <= MLEN)
		lead = MLEN - n;
	head = new_head(m, lead, 0, n);
	if (head == NULL)
		goto fail;
	return head;

fail:
	m_freem(m);
	return NULL;
}

struct mbuf *
m_makewritable(struct mbuf *m, size_t n)
{
	struct mbuf *head;

	if (__likely(m->m_len >= n && m_writable(m)))
		return m;
	if (m_length(m) < n || n > MCLJUMBO - MAX_LINKHDR)
		goto fail;
	head = new_head(m, MIN(m_leading(m), MAX_LINKHDR), 0, n);
	if (head == NULL)
		goto fail;
	return head;

fail:
	m_freem(m);
	return NULL;
}

/*
 * How much of a packet moves into a new first mbuf together with a header: its
 * other headers, so that they stay in one piece.
 */
#define KEEP_HEADERS 64u

struct mbuf *
m_prepend(struct mbuf *m, size_t n)
{
	struct mbuf *head;
	size_t keep;

	if (__likely(m_leading(m) >= n && m_writable(m))) {
		m->m_data -= n;
		m->m_len += (uint32_t)n;
		if ((m->m_flags & M_PKTHDR) != 0)
			m->m_ph.ph_len += (uint32_t)n;
		return m;
	}
	keep = MIN(m->m_len, KEEP_HEADERS);
	if (n + keep > MCLJUMBO - MAX_LINKHDR)
		goto fail;
	head = new_head(m, n + keep <= MLEN - MAX_LINKHDR ? MAX_LINKHDR : 0, n,
	    keep);
	if (head == NULL)
		goto fail;
	if ((head->m_flags & M_PKTHDR) != 0)
		head->m_ph.ph_len += (uint32_t)n;
	return head;

fail:
	m_freem(m);
	return NULL;
}

/* ---- Cutting ------------------------------------------------------------- */

static void
adj_front(struct mbuf *m, size_t n)
{
	size_t cut;

	for (; m != NULL && n > 0; m = m->m_next) {
		cut = MIN(n, m->m_len);
		m->m_data += cut;
		m->m_len -= (uint32_t)cut;
		n -= cut;
	}
}

/* Keep the first n bytes. */
static void
adj_keep(struct mbuf *m, size_t n)
{
	for (; m != NULL; m = m->m_next) {
		if (m->m_len > n)
			m->m_len = (uint32_t)n;
		n -= m->m_len;
		if (n == 0) {
			m_freem(m->m_next);
			m->m_next = NULL;
		}
	}
}

void
m_adj(struct mbuf *m, ssize_t n)
{
	size_t len, cut = n < 0 ? (size_t)-n : (size_t)n;

	if (n < 0) {
		len = (m->m_flags & M_PKTHDR) != 0 ? m->m_ph.ph_len :
		    m_length(m);
		cut = MIN(cut, len);
		adj_keep(m, len - cut);
	} else if (__likely(cut <= m->m_len)) {
		m->m_data += cut;
		m->m_len -= (uint32_t)cut;
	} else {
		len = m_length(m);
		cut = MIN(cut, len);
		adj_front(m, cut);
	}
	if ((m->m_flags & M_PKTHDR) != 0)
		m->m_ph.ph_len -= (uint32_t)cut;
}

/* The mbuf that has byte *offp of the chain, *offp becoming its own offset. */
static struct mbuf *
seek(const struct mbuf *m, size_t *offp)
{
	while (m != NULL && *offp >= m->m_len) {
		*offp -= m->m_len;
		m = m->m_next;
	}
	return (struct mbuf *)(uintptr_t)m;
}

/* Another mbuf with len bytes of m from off on: shared, or copied. */
static struct mbuf *
piece(struct mbuf *m, size_t off, size_t len)
{
	struct mbuf *n;

	n = m_get(m->m_type);
	if (n == NULL)
		return NULL;
	if (m->m_ext != NULL) {
		mext_hold(m->m_ext);
		n->m_ext = m->m_ext;
		n->m_data = m->m_data + off;
		n->m_flags |= m->m_flags & M_RDONLY;
	} else {
		n->m_data += MIN(m_leading(m) + off, MLEN - len);
		memcpy(n->m_data, m->m_data + off, len);
	}
	n->m_len = (uint32_t)len;
	return n;
}

struct mbuf *
m_copym(struct mbuf *m, size_t off, size_t len, int flags)
{
	struct mbuf *top = NULL, **mp = &top, *from = seek(m, &off);
	size_t n, total = 0;

	while (from != NULL && len > 0) {
		n = MIN(len, from->m_len - off);
		if (n > 0 || (flags & M_PKTHDR) != 0) {
			*mp = piece(from, off, n);
			if (*mp == NULL)
				goto fail;
			mp = &(*mp)->m_next;
		}
		total += n;
		if (len != SIZE_MAX)
			len -= n;
		off = 0;
		from = from->m_next;
	}
	if (top == NULL) {
		top = m_get(m->m_type);
		if (top == NULL)
			return NULL;
	}
	if ((flags & M_PKTHDR) != 0) {
		m_copy_pkthdr(top, m);
		headers_moved(&top->m_ph, (ssize_t)m_leading(top) -
		    (ssize_t)m_leading(m));
		top->m_ph.ph_len = (uint32_t)total;
	}
	return top;

fail:
	m_freem(top);
	return NULL;
}

struct mbuf *
m_dup(struct mbuf *m, size_t headroom)
{
	size_t len = m_length(m), off = 0, n;
	struct mbuf *top, *to;

	top = m_getm(headroom + len, 0);
	if (top == NULL)
		return NULL;
	top->m_data += headroom;
	for (to = top; to != NULL; to = to->m_next) {
		n = MIN(len - off, m_trailing(to));
		m_copydata(m, off, n, to->m_data);
		to->m_len = (uint32_t)n;
		off += n;
	}
	top->m_type = m->m_type;
	if ((m->m_flags & M_PKTHDR) != 0) {
		m_copy_pkthdr(top, m);
		headers_moved(&top->m_ph, (ssize_t)headroom -
		    (ssize_t)m_leading(m));
	}
	return top;
}

struct mbuf *
m_split(struct mbuf *m, size_t n)
{
	struct mbuf *last, *rest, *tail;
	size_t off = n;

	last = seek(m, &off);
	if (last == NULL) {
		rest = m_get(m->m_type);
		if (rest == NULL)
			return NULL;
	} else if (off == 0 && last != m) {
		for (tail = m; tail->m_next != last; tail = tail->m_next)
			continue;
		tail->m_next = NULL;
		rest = last;
	} else {
		rest = piece(last, off, last->m_len - off);
		if (rest == NULL)
			return NULL;
		rest->m_next = last->m_next;
		last->m_next = NULL;
		last->m_len = (uint32_t)off;
	}
	if ((m->m_flags & M_PKTHDR) != 0) {
		rest->m_ph = m->m_ph;
		rest->m_flags |= m->m_flags & (M_PKTHDR | M_EOR);
		rest->m_ph.ph_len = (uint32_t)m_length(rest);
		m->m_ph.ph_len -= MIN(m->m_ph.ph_len, rest->m_ph.ph_len);
	}
	return rest;
}

struct mbuf *
m_cat(struct mbuf *m, struct mbuf *n)
{
	if ((m->m_flags & M_PKTHDR) != 0)
		m->m_ph.ph_len += (uint32_t)((n->m_flags & M_PKTHDR) != 0 ?
		    n->m_ph.ph_len : m_length(n));
	n->m_flags &= (uint16_t)~M_PKTHDR;
	m_last(m)->m_next = n;
	return m;
}

/* ---- Bytes in and out ---------------------------------------------------- */

void
m_copydata(const struct mbuf *m, size_t off, size_t len, void *buf)
{
	uint8_t *to = buf;
	size_t n;

	for (m = seek(m, &off); len > 0; m = m->m_next, off = 0) {
		KASSERT(m != NULL);
		n = MIN(len, m->m_len - off);
		memcpy(to, m->m_data + off, n);
		to += n;
		len -= n;
	}
}

void
m_copyback(struct mbuf *m, size_t off, size_t len, const void *buf)
{
	const uint8_t *from = buf;
	size_t n;

	for (m = seek(m, &off); len > 0; m = m->m_next, off = 0) {
		KASSERT(m != NULL && m_writable(m));
		n = MIN(len, m->m_len - off);
		memcpy(m->m_data + off, from, n);
		from += n;
		len -= n;
	}
}

struct mbuf *
m_devget(const void *buf, size_t len, size_t headroom)
{
	const uint8_t *from = buf;
	struct mbuf *top, *m;
	size_t n, left = len;

	top = m_getm(headroom + len, M_PKTHDR);
	if (top == NULL)
		return NULL;
	top->m_data += headroom;
	for (m = top; m != NULL; m = m->m_next) {
		n = MIN(left, m_trailing(m));
		memcpy(m->m_data, from, n);
		m->m_len = (uint32_t)n;
		from += n;
		left -= n;
	}
	top->m_ph.ph_len = (uint32_t)len;
	return top;
}

int
m_uiomove_in(struct uio *uio, size_t n, size_t headroom, int flags,
    struct mbuf **mp)
{
	struct mbuf *top, *m;
	size_t len, left = n;
	int error;

	top = m_getm(headroom + n, flags & M_PKTHDR);
	if (top == NULL)
		return ENOMEM;
	top->m_data += headroom;
	for (m = top; m != NULL && left > 0; m = m->m_next) {
		len = MIN(left, m_trailing(m));
		error = uiomove(m->m_data, len, uio);
		if (error != 0) {
			m_freem(top);
			return error;
		}
		m->m_len = (uint32_t)len;
		left -= len;
	}
	if ((flags & M_PKTHDR) != 0)
		top->m_ph.ph_len = (uint32_t)n;
	*mp = top;
	return 0;
}

int
m_uiomove_out(const struct mbuf *m, size_t off, size_t n, struct uio *uio)
{
	size_t len;
	int error;

	n = MIN(n, uio->uio_resid);
	for (m = seek(m, &off); m != NULL && n > 0; m = m->m_next, off = 0) {
		len = MIN(n, m->m_len - off);
		error = uiomove(m->m_data + off, len, uio);
		if (error != 0)
			return error;
		n -= len;
	}
	return 0;
}
