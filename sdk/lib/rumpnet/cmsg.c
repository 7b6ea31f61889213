/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Control messages: cmsg(3).
 */
#include "sock_impl.h"

void
cmsg_put(struct cmsgbuf *cb, int level, int type, const void *data, size_t n)
{
	struct cmsghdr ch = { .cmsg_level = level, .cmsg_type = type };
	size_t room, space;
	uint8_t *p;

	if (cb->cb_buf == NULL || cb->cb_len + sizeof(ch) > cb->cb_size) {
		cb->cb_trunc = true;
		return;
	}
	room = cb->cb_size - cb->cb_len;
	ch.cmsg_len = CMSG_LEN(n);
	if (ch.cmsg_len > room) {
		cb->cb_trunc = true;
		ch.cmsg_len = room;
	}
	p = cb->cb_buf + cb->cb_len;
	memcpy(p, &ch, sizeof(ch));
	memcpy(p + sizeof(ch), data, ch.cmsg_len - sizeof(ch));
	space = MIN(CMSG_SPACE(n), room);
	memset(p + ch.cmsg_len, 0, space - ch.cmsg_len);
	cb->cb_len += space;
}

bool
cmsg_next(const struct mbuf *control, size_t *off, struct cmsghdr *ch,
    const uint8_t **data, size_t *n)
{
	if (*off >= control->m_len || control->m_len - *off < sizeof(*ch))
		return false;
	memcpy(ch, control->m_data + *off, sizeof(*ch));
	*data = control->m_data + *off + sizeof(*ch);
	*n = ch->cmsg_len - sizeof(*ch);
	*off += CMSG_ALIGN(ch->cmsg_len);
	return true;
}

int
cmsg_check(const struct mbuf *control)
{
	size_t off = 0, left;
	struct cmsghdr ch;

	while (control->m_len - off >= sizeof(ch)) {
		left = control->m_len - off;
		memcpy(&ch, control->m_data + off, sizeof(ch));
		if (ch.cmsg_len < sizeof(ch) || ch.cmsg_len > left)
			return EINVAL;
		off += MIN(CMSG_ALIGN(ch.cmsg_len), left);
	}
	return 0;
}

/* The layer's own, and the protocol's. so_lock held. */
void
so_cmsg(struct socket *so, const struct mbuf *m, struct cmsgbuf *cb)
{
	const struct soextra *sx = so->so_extra;

	so_ts_cmsg(so, m, cb);
	if ((so->so_options & SOO_RXQ_OVFL) != 0 && sx != NULL &&
	    sx->sx_drops != 0)
		cmsg_put(cb, SOL_SOCKET, SO_RXQ_OVFL, &sx->sx_drops,
		    sizeof(sx->sx_drops));
	if (so->so_proto->pr_cmsg != NULL)
		so->so_proto->pr_cmsg(so, m, cb);
}

void
so_externalize(struct socket *so, struct mbuf *control, struct cmsgbuf *cb,
    int flags)
{
	const struct protosw *pr = so->so_proto;

	if (cb != NULL && (flags & MSG_PEEK) == 0 &&
	    pr->pr_externalize != NULL)
		(void)pr->pr_externalize(so, control, cb, flags);
	if (pr->pr_dispose != NULL && (flags & MSG_PEEK) == 0)
		pr->pr_dispose(control);
	else
		m_freem(control);
}
