/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Dumps: answers of many messages. The first piece is made with the request, each
 * other one when the reader took one and its buffer is at most half full: a table
 * of any size costs no more memory than that. A piece is as large as the reader's
 * largest buffer so far, within bounds (netlink(7)).
 */
#include "netlink.h"

static void
dump_free(struct nldump *nd)
{
	kmem_free(nd, nd->nd_size);
}

void
nl_dump_end(struct nlsock *ns)
{
	struct nldump *nd = atomic_load(&ns->ns_dump);

	if (nd != NULL)
		dump_free(nd);
	atomic_store(&ns->ns_dump, NULL);
}

void *
nl_dump_begin(struct nldump *nd, struct nlbuf *nb, uint16_t type,
    size_t fixed)
{
	return nl_begin(nb, type, NLM_F_MULTI | nd->nd_flags,
	    nd->nd_req.rq_hdr.nlmsg_seq,
	    atomic_load(&nd->nd_req.rq_nl->ns_portid), fixed);
}

/* The last message: how it ended. false: no room. */
static bool
dump_done(struct nldump *nd, struct nlbuf *nb)
{
	int *p;

	p = nl_dump_begin(nd, nb, NLMSG_DONE, sizeof(int));
	if (p == NULL)
		return false;
	*p = -nd->nd_error;
	return nl_end(nb);
}

/* The next piece. ns_dumplock held; NULL: no memory. */
static struct mbuf *
dump_piece(struct nldump *nd)
{
	struct nlsock *ns = nd->nd_req.rq_nl;
	struct nlbuf nb = { .nb_len = 0 };
	struct mbuf *m;
	int error;

	nb.nb_size = MIN(MAX(atomic_load(&ns->ns_maxrecv), NL_PIECE_MIN),
	    NL_PIECE_MAX);
	for (;;) {
		m = m_getcl(nb.nb_size, M_PKTHDR);
		if (m == NULL)
			return NULL;
		nb.nb_buf = m->m_data;
		nb.nb_len = 0;
		error = nd->nd_error;
		if (error == 0)
			error = nd->nd_fn(nd, &nb);
		if (error != ENOBUFS || nb.nb_len > 0)
			break;
		/* Not even one fits. */
		m_freem(m);
		if (nb.nb_size >= MCLJUMBO)
			nd->nd_error = EMSGSIZE;
		else
			nb.nb_size = nb.nb_size < NL_PIECE_MAX ?
			    NL_PIECE_MAX : MCLJUMBO;
	}
	if (error != ENOBUFS) {
		/* The messages of a piece come before the error. */
		nd->nd_error = error;
		nd->nd_done = dump_done(nd, &nb);
		if (!nd->nd_done)
			nd->nd_fn = NULL;
	}
	m->m_len = m->m_ph.ph_len = (uint32_t)nb.nb_len;
	return m;
}

/* Nothing but the end is left. */
static int
nothing(struct nldump *nd __maybe_unused, struct nlbuf *nb __maybe_unused)
{
	return 0;
}

/* ns_dumplock held. */
static void
dump_step(struct nlsock *ns)
{
	struct nldump *nd = atomic_load(&ns->ns_dump);
	struct mbuf *m;

	m = dump_piece(nd);
	if (m == NULL) {
		mutex_enter(&ns->ns_so->so_lock);
		soseterror(ns->ns_so, ENOBUFS);
		mutex_exit(&ns->ns_so->so_lock);
		nl_dump_end(ns);
		return;
	}
	nl_unicast(ns, m);
	if (nd->nd_done)
		nl_dump_end(ns);
	else if (nd->nd_fn == NULL)
		nd->nd_fn = nothing;
}

void
nl_dump_more(struct nlsock *ns)
{
	struct sockbuf *sb = &ns->ns_so->so_rcv;

	if (atomic_load_explicit(&ns->ns_dump, memory_order_relaxed) == NULL)
		return;
	mutex_enter(&ns->ns_dumplock);
	if (atomic_load(&ns->ns_dump) != NULL &&
	    sb_cc(sb) <= sb->sb_hiwat / 2)
		dump_step(ns);
	mutex_exit(&ns->ns_dumplock);
}

static struct nldump *
dump_alloc(const struct nlreq *rq)
{
	size_t size = sizeof(struct nldump) + rq->rq_hdr.nlmsg_len;
	struct nldump *nd;
	uint8_t *copy;

	nd = kmem_zalloc(size, 0);
	if (nd == NULL)
		return NULL;
	copy = (uint8_t *)(nd + 1);
	memcpy(copy, rq->rq_msg, rq->rq_hdr.nlmsg_len);
	nd->nd_req = *rq;
	nd->nd_req.rq_msg = copy;
	nd->nd_req.rq_data = copy + NLMSG_HDRLEN;
	nd->nd_size = size;
	return nd;
}

int
nl_dump(struct nlreq *rq, int (*fn)(struct nldump *nd, struct nlbuf *nb),
    int (*setup)(struct nldump *nd))
{
	struct nlsock *ns = rq->rq_nl;
	struct nldump *nd;
	int error = 0;

	nd = dump_alloc(rq);
	if (nd == NULL)
		return ENOBUFS;
	nd->nd_fn = fn;
	if (setup != NULL)
		error = setup(nd);
	if (error != 0) {
		rq->rq_errmsg = nd->nd_req.rq_errmsg;
		if (nd->nd_req.rq_bad != NULL)
			rq->rq_bad = rq->rq_msg +
			    ((const uint8_t *)nd->nd_req.rq_bad -
			    nd->nd_req.rq_msg);
		dump_free(nd);
		return error;
	}
	mutex_enter(&ns->ns_dumplock);
	if (atomic_load(&ns->ns_dump) != NULL) {
		error = EBUSY;
		dump_free(nd);
	} else {
		atomic_store(&ns->ns_dump, nd);
		dump_step(ns);
		rq->rq_dumping = true;
	}
	mutex_exit(&ns->ns_dumplock);
	return error;
}
