/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Mbufs: where they and their clusters come from.
 *
 * Mbufs come from a pool with a cache per thread. A cluster is one object: the
 * struct mext is its head, and the bytes follow on the next cache line, so
 * that taking and giving back a cluster is one pool operation.
 */
#include <kern/assert.h>
#include <kern/mbuf.h>
#include <kern/string.h>

#include "rumpnet.h"

#define CLHEAD	CACHE_LINE		/* where a cluster's bytes begin */
_Static_assert(sizeof(struct mext) <= CLHEAD, "cluster's head");

static struct pool *mbuf_pool;

static void cluster_free_small(struct mext *me);
static void cluster_free_pages(struct mext *me);
static void cluster_free_jumbo(struct mext *me);

/*
 * The sizes with their heads are 2,112 bytes, 16 KiB, and 64 KiB.
 */
static struct cluster {
	const char *cl_name;
	uint32_t cl_size;
	void (*cl_free)(struct mext *me);
	struct pool *cl_pool;
} clusters[] = {
	{ "mcl2k", MCLBYTES, cluster_free_small, NULL },
	{ "mcl16k", MCLPAGES, cluster_free_pages, NULL },
	{ "mcl64k", MCLJUMBO, cluster_free_jumbo, NULL },
};

static void
cluster_free_small(struct mext *me)
{
	pool_put(clusters[0].cl_pool, me);
}

static void
cluster_free_pages(struct mext *me)
{
	pool_put(clusters[1].cl_pool, me);
}

static void
cluster_free_jumbo(struct mext *me)
{
	pool_put(clusters[2].cl_pool, me);
}

int
mbuf_init(void)
{
	struct cluster *cl;

	mbuf_pool = pool_create("mbuf", sizeof(struct mbuf), CACHE_LINE);
	if (mbuf_pool == NULL)
		return ENOMEM;
	for (cl = clusters; cl < clusters + nitems(clusters); cl++) {
		cl->cl_pool = pool_create(cl->cl_name, CLHEAD + cl->cl_size,
		    CACHE_LINE);
		if (cl->cl_pool == NULL)
			return ENOMEM;
	}
	return 0;
}

static struct mext *
cluster_get(size_t len)
{
	struct cluster *cl = clusters;
	struct mext *me;

	while (cl->cl_size < len && cl < &clusters[nitems(clusters) - 1])
		cl++;
	/* Network code holds locks: reclaim is for those that do not. */
	me = pool_get(cl->cl_pool, KM_NORECLAIM);
	if (me == NULL)
		return NULL;
	atomic_init(&me->me_refs, 1);
	me->me_size = cl->cl_size;
	me->me_buf = (uint8_t *)me + CLHEAD;
	me->me_free = cl->cl_free;
	me->me_arg = NULL;
	return me;
}

void
mext_rele(struct mext *me)
{
	/* The only holder needs no atomic write. */
	if (atomic_load_explicit(&me->me_refs, memory_order_acquire) == 1 ||
	    atomic_fetch_sub_explicit(&me->me_refs, 1,
	    memory_order_acq_rel) == 1)
		me->me_free(me);
}

struct mbuf *
m_get(int type)
{
	struct mbuf *m = pool_get(mbuf_pool, KM_NORECLAIM);

	if (m == NULL)
		return NULL;
	m->m_next = NULL;
	m->m_nextpkt = NULL;
	m->m_data = m->m_buf;
	m->m_len = 0;
	m->m_flags = 0;
	m->m_type = (uint16_t)type;
	m->m_ext = NULL;
	return m;
}

struct mbuf *
m_gethdr(int type)
{
	struct mbuf *m = m_get(type);

	if (m == NULL)
		return NULL;
	m->m_flags = M_PKTHDR;
	memset(&m->m_ph, 0, sizeof(m->m_ph));
	return m;
}

struct mbuf *
m_getcl(size_t len, int flags)
{
	struct mbuf *m;

	m = (flags & M_PKTHDR) != 0 ? m_gethdr(MT_DATA) : m_get(MT_DATA);
	if (m == NULL || len <= MLEN)
		return m;
	m->m_ext = cluster_get(len);
	if (m->m_ext == NULL) {
		m_free(m);
		return NULL;
	}
	m->m_data = m->m_ext->me_buf;
	return m;
}

struct mbuf *
m_getm(size_t len, int flags)
{
	struct mbuf *top = NULL, **mp = &top;

	do {
		*mp = m_getcl(len, flags);
		if (*mp == NULL) {
			m_freem(top);
			return NULL;
		}
		len -= MIN(len, m_size(*mp));
		mp = &(*mp)->m_next;
		flags = 0;
	} while (len > 0);
	return top;
}

struct mbuf *
m_getext(struct mext *me, size_t off, size_t len, int flags)
{
	struct mbuf *m;

	KASSERT(off + len <= me->me_size);
	m = (flags & M_PKTHDR) != 0 ? m_gethdr(MT_DATA) : m_get(MT_DATA);
	if (m == NULL) {
		mext_rele(me);
		return NULL;
	}
	m->m_flags |= flags & M_RDONLY;
	m->m_ext = me;
	m->m_data = me->me_buf + off;
	m->m_len = (uint32_t)len;
	if ((flags & M_PKTHDR) != 0)
		m->m_ph.ph_len = (uint32_t)len;
	return m;
}

struct mbuf *
m_free(struct mbuf *m)
{
	struct mbuf *next = m->m_next;

	if (m->m_ext != NULL)
		mext_rele(m->m_ext);
	pool_put(mbuf_pool, m);
	return next;
}

void
m_freem(struct mbuf *m)
{
	while (m != NULL)
		m = m_free(m);
}

void
m_freelist(struct mbuf *m)
{
	struct mbuf *next;

	for (; m != NULL; m = next) {
		next = m->m_nextpkt;
		m_freem(m);
	}
}
