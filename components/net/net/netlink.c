/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Netlink messages: requests are taken apart, answers put together, as netlink(7)
 * and linux/netlink.h have them. A request's lengths are the sender's claims.
 */
#include <kern/proc.h>

#include "netlink.h"

/* ---- Building -------------------------------------------------------------------- */

static void *
take(struct nlbuf *nb, size_t n)
{
	size_t room = NLMSG_ALIGN(n);
	uint8_t *p;

	if (nb->nb_full || room > nb->nb_size - nb->nb_len) {
		nb->nb_full = true;
		return NULL;
	}
	p = nb->nb_buf + nb->nb_len;
	memset(p + n, 0, room - n);
	nb->nb_len += room;
	return p;
}

void *
nl_begin(struct nlbuf *nb, uint16_t type, uint16_t flags, uint32_t seq,
    uint32_t portid, size_t fixed)
{
	struct nlmsghdr nh = { .nlmsg_type = type, .nlmsg_flags = flags,
	    .nlmsg_seq = seq, .nlmsg_pid = portid };
	uint8_t *p;

	nb->nb_msg = nb->nb_len;
	nb->nb_full = false;
	p = take(nb, NLMSG_HDRLEN + fixed);
	if (p == NULL)
		return NULL;
	memcpy(p, &nh, sizeof(nh));
	memset(p + NLMSG_HDRLEN, 0, fixed);
	return p + NLMSG_HDRLEN;
}

void
nl_cancel(struct nlbuf *nb)
{
	nb->nb_len = nb->nb_msg;
}

bool
nl_end(struct nlbuf *nb)
{
	uint32_t len = (uint32_t)(nb->nb_len - nb->nb_msg);

	if (nb->nb_full) {
		nl_cancel(nb);
		return false;
	}
	memcpy(nb->nb_buf + nb->nb_msg +
	    offsetof(struct nlmsghdr, nlmsg_len), &len, sizeof(len));
	return true;
}

void *
nl_reserve(struct nlbuf *nb, uint16_t type, size_t n)
{
	struct nlattr na = { .nla_type = type };
	uint8_t *p;

	if (n > UINT16_MAX - NLA_HDRLEN) {
		nb->nb_full = true;
		return NULL;
	}
	na.nla_len = (uint16_t)(NLA_HDRLEN + n);
	p = take(nb, NLA_HDRLEN + n);
	if (p == NULL)
		return NULL;
	memcpy(p, &na, sizeof(na));
	return p + NLA_HDRLEN;
}

void
nl_put(struct nlbuf *nb, uint16_t type, const void *data, size_t n)
{
	void *p = nl_reserve(nb, type, n);

	if (p != NULL)
		memcpy(p, data, n);
}

void
nl_put_u8(struct nlbuf *nb, uint16_t type, uint8_t v)
{
	nl_put(nb, type, &v, sizeof(v));
}

void
nl_put_u16(struct nlbuf *nb, uint16_t type, uint16_t v)
{
	nl_put(nb, type, &v, sizeof(v));
}

void
nl_put_u32(struct nlbuf *nb, uint16_t type, uint32_t v)
{
	nl_put(nb, type, &v, sizeof(v));
}

void
nl_put_u64(struct nlbuf *nb, uint16_t type, uint64_t v)
{
	nl_put(nb, type, &v, sizeof(v));
}

void
nl_put_str(struct nlbuf *nb, uint16_t type, const char *s)
{
	nl_put(nb, type, s, strlen(s) + 1);
}

void *
nl_raw(struct nlbuf *nb, size_t n)
{
	void *p = take(nb, n);

	if (p != NULL)
		memset(p, 0, n);
	return p;
}

size_t
nl_nest(struct nlbuf *nb, uint16_t type)
{
	size_t at = nb->nb_len;

	nl_put(nb, type, NULL, 0);
	return at;
}

void
nl_nest_end(struct nlbuf *nb, size_t nest)
{
	size_t n = nb->nb_len - nest;
	uint16_t len = (uint16_t)n;

	if (n > UINT16_MAX)
		nb->nb_full = true;
	if (!nb->nb_full)
		memcpy(nb->nb_buf + nest, &len, sizeof(len));
}

/* ---- Parsing ----------------------------------------------------------------------- */

int
nl_fail(struct nlreq *rq, int error, const char *msg)
{
	rq->rq_errmsg = msg;
	return error;
}

int
nl_fail_attr(struct nlreq *rq, int error, const struct nlattr_ref *na,
    const char *msg)
{
	if (na->na_data != NULL)
		rq->rq_bad = na->na_data - NLA_HDRLEN;
	return nl_fail(rq, error, msg);
}

int
nl_privileged(const struct nlreq *rq)
{
	return cred_is_root(rq->rq_nl->ns_so->so_cred) &&
	    cred_is_root(curcred()) ? 0 : EPERM;
}

/* Does an attribute's length suit its type? */
static bool
length_ok(const struct nlattr_ref *na, const struct nlpolicy *np)
{
	const uint8_t *end;

	switch (np->np_type) {
	case NLT_U8:
		return na->na_len >= 1;
	case NLT_U16:
		return na->na_len >= 2;
	case NLT_U32:
		return na->na_len >= 4;
	case NLT_U64:
		return na->na_len >= 8;
	case NLT_STRING:
		end = memchr(na->na_data, 0, na->na_len);
		return (end != NULL ? (size_t)(end - na->na_data) :
		    na->na_len) <= np->np_len;
	case NLT_BINARY:
		return na->na_len <= np->np_len;
	case NLT_MIN:
		return na->na_len >= np->np_len;
	case NLT_NESTED:
		return na->na_len == 0 || na->na_len >= NLA_HDRLEN;
	case NLT_FLAG:
		return na->na_len == 0;
	}
	return true;
}

int
nl_parse(struct nlreq *rq, const uint8_t *p, size_t n,
    struct nlattr_ref *tb, unsigned max, const struct nlpolicy *policy)
{
	struct nlattr_ref na;
	struct nlattr hdr;
	unsigned type;
	size_t step;

	memset(tb, 0, (max + 1) * sizeof(*tb));
	while (n >= NLA_HDRLEN) {
		memcpy(&hdr, p, sizeof(hdr));
		if (hdr.nla_len < NLA_HDRLEN || hdr.nla_len > n)
			break;
		type = hdr.nla_type & NLA_TYPE_MASK;
		na.na_data = p + NLA_HDRLEN;
		na.na_len = (uint16_t)(hdr.nla_len - NLA_HDRLEN);
		if (type <= max) {
			if (!length_ok(&na, &policy[type]))
				return nl_fail_attr(rq, ERANGE, &na,
				    "Attribute failed policy validation");
			tb[type] = na;
		} else if (rq->rq_strict) {
			return nl_fail_attr(rq, EINVAL, &na,
			    "Unknown attribute type");
		}
		step = MIN((size_t)NLA_ALIGN(hdr.nla_len), n);
		p += step;
		n -= step;
	}
	if (n > 0 && rq->rq_strict)
		return nl_fail(rq, EINVAL, "bytes leftover after parsing attributes");
	return 0;
}

int
nl_parse_nested(struct nlreq *rq, const struct nlattr_ref *na,
    struct nlattr_ref *tb, unsigned max, const struct nlpolicy *policy)
{
	return nl_parse(rq, na->na_data, na->na_len, tb, max, policy);
}

int
nl_parse_request(struct nlreq *rq, size_t fixed, struct nlattr_ref *tb,
    unsigned max, const struct nlpolicy *policy)
{
	fixed = NLMSG_ALIGN(fixed);
	if (rq->rq_len < fixed)
		fixed = rq->rq_len;
	return nl_parse(rq, rq->rq_data + fixed, rq->rq_len - fixed, tb, max,
	    policy);
}

void
nl_str(const struct nlattr_ref *na, char *buf, size_t n)
{
	size_t len = strnlen((const char *)na->na_data, na->na_len);

	len = MIN(len, n - 1);
	memcpy(buf, na->na_data, len);
	buf[len] = '\0';
}

/* ---- Answers ------------------------------------------------------------------------- */

int
nl_reply(struct nlreq *rq, int (*fn)(struct nlbuf *nb, struct nlreq *rq,
    void *arg), void *arg)
{
	size_t size = 4096;
	struct nlbuf nb;
	struct mbuf *m;
	int error;

	for (;; size *= 8) {
		nb = (struct nlbuf){ .nb_size = size };
		nb.nb_buf = kmem_alloc(size, 0);
		if (nb.nb_buf == NULL)
			return ENOBUFS;
		error = fn(&nb, rq, arg);
		if (!nb.nb_full || size >= 8 * 32768)
			break;
		kmem_free(nb.nb_buf, size);
	}
	if (error == 0 && nb.nb_full)
		error = EMSGSIZE;
	m = NULL;
	if (error == 0) {
		m = m_devget(nb.nb_buf, nb.nb_len, 0);
		error = m != NULL ? 0 : ENOBUFS;
	}
	kmem_free(nb.nb_buf, size);
	if (error == 0)
		nl_unicast(rq->rq_nl, m);
	return error;
}

struct ack {
	int a_error;
	uint32_t a_flags;		/* NS_* */
};

static void
ack_reason(struct nlbuf *nb, const struct nlreq *rq, int error)
{
	const uint8_t *bad = rq->rq_bad;

	if (rq->rq_errmsg != NULL)
		nl_put_str(nb, NLMSGERR_ATTR_MSG, rq->rq_errmsg);
	if (error != 0 && bad != NULL && bad >= rq->rq_msg &&
	    bad < rq->rq_msg + rq->rq_hdr.nlmsg_len)
		nl_put_u32(nb, NLMSGERR_ATTR_OFFS,
		    (uint32_t)(bad - rq->rq_msg));
}

static int
fill_ack(struct nlbuf *nb, struct nlreq *rq, void *arg)
{
	const struct ack *a = arg;
	struct nlmsgerr e = { .error = -a->a_error, .msg = rq->rq_hdr };
	bool whole, reason;
	size_t body = 0;
	uint8_t *p;

	whole = a->a_error != 0 && (a->a_flags & NS_CAPACK) == 0;
	reason = (a->a_flags & NS_EXTACK) != 0 && (rq->rq_errmsg != NULL ||
	    (a->a_error != 0 && rq->rq_bad != NULL));
	if (whole)
		body = rq->rq_len;
	p = nl_begin(nb, NLMSG_ERROR, (uint16_t)((whole ? 0 : NLM_F_CAPPED) |
	    (reason ? NLM_F_ACK_TLVS : 0)), rq->rq_hdr.nlmsg_seq,
	    atomic_load(&rq->rq_nl->ns_portid), sizeof(e) + body);
	if (p == NULL)
		return 0;
	memcpy(p, &e, sizeof(e));
	memcpy(p + sizeof(e), rq->rq_data, body);
	if (reason)
		ack_reason(nb, rq, a->a_error);
	(void)nl_end(nb);
	return 0;
}

/* The sender hears of it where it wants to, or there was an error. */
static void
answer(struct nlreq *rq, int error)
{
	struct ack a = { .a_error = error };

	mutex_enter(&rq->rq_nl->ns_so->so_lock);
	a.a_flags = rq->rq_nl->ns_flags;
	mutex_exit(&rq->rq_nl->ns_so->so_lock);
	if (nl_reply(rq, fill_ack, &a) == 0)
		return;
	mutex_enter(&rq->rq_nl->ns_so->so_lock);
	soseterror(rq->rq_nl->ns_so, ENOBUFS);
	mutex_exit(&rq->rq_nl->ns_so->so_lock);
}

static void
one_request(struct nlreq *rq)
{
	int error = 0;

	if ((rq->rq_hdr.nlmsg_flags & NLM_F_REQUEST) != 0 &&
	    rq->rq_hdr.nlmsg_type >= NLMSG_MIN_TYPE) {
		netisr_enter();
		error = rq->rq_nl->ns_proto->nlp_request(rq);
		netisr_exit();
	}
	if (!rq->rq_dumping &&
	    (error != 0 || (rq->rq_hdr.nlmsg_flags & NLM_F_ACK) != 0))
		answer(rq, error);
}

int
nl_input(struct nlsock *ns, const uint8_t *msg, size_t n)
{
	struct nlreq rq;
	size_t step;

	while (n >= NLMSG_HDRLEN) {
		rq = (struct nlreq){ .rq_nl = ns,
		    .rq_vnet = ns->ns_so->so_vnet, .rq_msg = msg };
		memcpy(&rq.rq_hdr, msg, sizeof(rq.rq_hdr));
		if (rq.rq_hdr.nlmsg_len < NLMSG_HDRLEN ||
		    rq.rq_hdr.nlmsg_len > n)
			break;
		rq.rq_data = msg + NLMSG_HDRLEN;
		rq.rq_len = rq.rq_hdr.nlmsg_len - NLMSG_HDRLEN;
		rq.rq_strict = (__atomic_load_n(&ns->ns_flags,
		    __ATOMIC_RELAXED) & NS_STRICT) != 0;
		one_request(&rq);
		step = MIN((size_t)NLMSG_ALIGN(rq.rq_hdr.nlmsg_len), n);
		msg += step;
		n -= step;
	}
	return 0;
}
