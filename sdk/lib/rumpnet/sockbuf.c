/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Socket buffers. All of it with so_lock held.
 *
 * What an mbuf costs may change while it is queued, because others give up the
 * storage that they share with it: of a stream's, what was charged is kept in
 * ph_hash, which nobody needs there; of a record's, it follows from what
 * does not change.
 */
#include "sock_impl.h"

#define HIWAT_MAX	(1u << 30)
#define JOIN_MAX	256	/* bytes worth copying to save an mbuf */

void
sb_init(struct sockbuf *sb, uint32_t hiwat)
{
	cv_init(&sb->sb_cv);
	atomic_init(&sb->sb_cc, 0);
	(void)sbreserve(sb, hiwat);
	sb->sb_lowat = 1;
	sb->sb_flags = SB_AUTOSIZE;
}

int
sbreserve(struct sockbuf *sb, uint32_t hiwat)
{
	if (hiwat > HIWAT_MAX)
		return ENOBUFS;
	sb->sb_hiwat = hiwat;
	sb->sb_mbmax = 2 * hiwat;
	return 0;
}

static inline void
cc_add(struct sockbuf *sb, uint32_t n)
{
	atomic_store_explicit(&sb->sb_cc, sb_cc(sb) + n, memory_order_relaxed);
}

static inline uint32_t
cost(const struct mbuf *m)
{
	return (uint32_t)m_cost(m);
}

/* ---- Streams ----------------------------------------------------------------- */

/* Add the bytes of m to the tail's, where that is cheap. */
static bool
join(struct mbuf *tail, const struct mbuf *m)
{
	if (m->m_len > JOIN_MAX || m_trailing(tail) < m->m_len ||
	    !m_writable(tail))
		return false;
	memcpy(tail->m_data + tail->m_len, m->m_data, m->m_len);
	tail->m_len += m->m_len;
	return true;
}

void
sbappendstream(struct sockbuf *sb, struct mbuf *m)
{
	struct mbuf *tail = sb->sb_mbtail, *next;
	uint32_t n = 0;

	for (; m != NULL; m = next) {
		next = m->m_next;
		n += m->m_len;
		if (m->m_len == 0 || (tail != NULL && join(tail, m))) {
			m_free(m);
			continue;
		}
		m->m_flags &= (uint16_t)~M_PKTHDR;
		m->m_ph.ph_hash = cost(m);
		sb->sb_mbcnt += m->m_ph.ph_hash;
		if (tail == NULL)
			sb->sb_mb = m;
		else
			tail->m_next = m;
		tail = m;
	}
	if (tail != NULL)
		tail->m_next = NULL;
	sb->sb_mbtail = tail;
	cc_add(sb, n);
}

/* The bytes of a chain behind the tail's, however many they are. */
static bool
pack(struct sockbuf *sb, const struct mbuf *m, uint32_t n)
{
	struct mbuf *tail = sb->sb_mbtail;
	uint32_t now;

	if (tail == NULL || m_trailing(tail) < n || !m_writable(tail))
		return false;
	m_copydata(m, 0, n, tail->m_data + tail->m_len);
	tail->m_len += n;
	now = MAX(cost(tail), tail->m_ph.ph_hash);
	sb->sb_mbcnt += now - tail->m_ph.ph_hash;
	tail->m_ph.ph_hash = now;
	cc_add(sb, n);
	return true;
}

void
sbappendpacked(struct sockbuf *sb, struct mbuf *m)
{
	uint32_t n = (uint32_t)m_length(m);
	struct mbuf *tail;

	if (!pack(sb, m, n)) {
		tail = n <= MCLPAGES / 2 ? m_getcl(MCLPAGES, 0) : NULL;
		if (tail == NULL) {
			sbappendstream(sb, m);
			return;
		}
		m_copydata(m, 0, n, tail->m_data);
		tail->m_len = n;
		sbappendstream(sb, tail);
	}
	m_freem(m);
}

/* The first mbuf is the caller's. */
static inline void
unlink_first(struct sockbuf *sb, struct mbuf *m)
{
	sb->sb_mb = m->m_next;
	if (sb->sb_mb == NULL)
		sb->sb_mbtail = NULL;
	sb->sb_mbcnt -= m->m_ph.ph_hash;
}

struct mbuf *
sbcut(struct sockbuf *sb, uint32_t n)
{
	struct mbuf *gone = NULL, **mp = &gone, *m;

	KASSERT(n <= sb_cc(sb));
	cc_add(sb, -n);
	while (n > 0) {
		m = sb->sb_mb;
		if (m->m_len > n) {
			m->m_data += n;
			m->m_len -= n;
			break;
		}
		n -= m->m_len;
		unlink_first(sb, m);
		*mp = m;
		mp = &m->m_next;
	}
	*mp = NULL;
	return gone;
}

void
sbdrop(struct sockbuf *sb, uint32_t n)
{
	m_freem(sbcut(sb, n));
}

/* The first n bytes of the first mbuf, which has more: shared or copied. */
static struct mbuf *
take_part(struct sockbuf *sb, uint32_t n)
{
	struct mbuf *m;

	m = m_copym(sb->sb_mb, 0, n, 0);
	if (m == NULL)
		return NULL;
	sb->sb_mb->m_data += n;
	sb->sb_mb->m_len -= n;
	return m;
}

struct mbuf *
sbtake(struct sockbuf *sb, uint32_t n, uint32_t *np)
{
	struct mbuf *top = NULL, **mp = &top, *m;
	uint32_t left = n;

	KASSERT(n <= sb_cc(sb));
	while (left > 0) {
		m = sb->sb_mb;
		if (m->m_len <= left) {
			unlink_first(sb, m);
		} else {
			m = take_part(sb, left);
			if (m == NULL)
				break;
		}
		left -= m->m_len;
		*mp = m;
		mp = &m->m_next;
	}
	*mp = NULL;
	*np = n - left;
	cc_add(sb, -*np);
	return top;
}

void
sbputback(struct sockbuf *sb, struct mbuf *m)
{
	struct mbuf *last = m;
	uint32_t n = 0;

	for (; m != NULL; m = m->m_next) {
		m->m_ph.ph_hash = cost(m);
		sb->sb_mbcnt += m->m_ph.ph_hash;
		n += m->m_len;
		if (m->m_next == NULL)
			break;
	}
	if (m == NULL)
		return;
	m->m_next = sb->sb_mb;
	sb->sb_mb = last;
	if (sb->sb_mbtail == NULL)
		sb->sb_mbtail = m;
	cc_add(sb, n);
}

struct mbuf *
sbcopy(struct sockbuf *sb, uint32_t off, uint32_t len, int flags,
    struct sbhint *hint)
{
	struct mbuf *m = sb->sb_mb;
	uint32_t at = 0;

	KASSERT(off + len <= sb_cc(sb));
	if (hint != NULL && hint->sh_mb != NULL && hint->sh_off <= off) {
		m = hint->sh_mb;
		at = hint->sh_off;
	}
	while (off - at >= m->m_len && m->m_next != NULL) {
		at += m->m_len;
		m = m->m_next;
	}
	if (hint != NULL) {
		hint->sh_mb = m;
		hint->sh_off = at;
	}
	return m_copym(m, off - at, len, flags);
}

/* ---- Records ----------------------------------------------------------------- */

static uint32_t
record_cost(const struct mbuf *m, uint32_t *len)
{
	uint32_t n = 0;

	*len = 0;
	for (; m != NULL; m = m->m_next) {
		n += cost(m);
		if (m->m_type == MT_DATA)
			*len += m->m_len;
	}
	return n;
}

bool
sbappendrecord(struct sockbuf *sb, struct mbuf *m, struct mbuf *control)
{
	uint32_t len, n;

	struct mbuf *last = NULL;

	if (control != NULL) {
		last = m_last(control);
		last->m_next = m;
		m = control;
	}
	n = record_cost(m, &len);
	/* One record may go beyond the limit, as Linux has it. */
	if (sb->sb_mb != NULL && (sb->sb_mbcnt + n > sb->sb_mbmax ||
	    sb_cc(sb) + len > sb->sb_hiwat)) {
		if (last != NULL)
			last->m_next = NULL;
		return false;
	}
	m->m_nextpkt = NULL;
	if (sb->sb_mbtail == NULL)
		sb->sb_mb = m;
	else
		sb->sb_mbtail->m_nextpkt = m;
	sb->sb_mbtail = m;
	sb->sb_mbcnt += n;
	cc_add(sb, len);
	return true;
}

void
so_dropped(struct socket *so)
{
	struct soextra *sx;

	if ((so->so_options & SOO_RXQ_OVFL) == 0 && so->so_extra == NULL)
		return;
	sx = so_extra(so);
	if (sx != NULL)
		sx->sx_drops++;
}

struct mbuf *
sbtakerecord(struct sockbuf *sb)
{
	struct mbuf *m = sb->sb_mb;
	uint32_t len;

	if (m == NULL)
		return NULL;
	sb->sb_mb = m->m_nextpkt;
	if (sb->sb_mb == NULL)
		sb->sb_mbtail = NULL;
	m->m_nextpkt = NULL;
	sb->sb_mbcnt -= record_cost(m, &len);
	cc_add(sb, -len);
	return m;
}

void
sbflush(struct sockbuf *sb)
{
	m_freelist(sb->sb_mb);
	sb->sb_mb = sb->sb_mbtail = NULL;
	sb->sb_mbcnt = 0;
	atomic_store_explicit(&sb->sb_cc, 0, memory_order_relaxed);
}
