/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Transports: who takes which protocol number, and the pseudo header that
 * their checksums cover (RFC 768, RFC 9293 3.1).
 */
#include <kern/assert.h>

#include "netinet.h"

static _Atomic(const struct inproto *) protos[256];

int
inproto_register(const struct inproto *ipr)
{
	const struct inproto *none = NULL;

	return atomic_compare_exchange_strong(&protos[ipr->ipr_proto], &none,
	    ipr) ? 0 : EEXIST;
}

const struct inproto *
inproto_find(uint8_t proto)
{
	return atomic_load_explicit(&protos[proto], memory_order_acquire);
}

uint64_t
in_pseudo(int family, const union inaddr *src, const union inaddr *dst,
    uint8_t proto, uint32_t len)
{
	uint64_t sum = htobe16(proto);

	sum += htobe16(len & 0xffff) + htobe16(len >> 16);
	if (__likely(family == AF_INET))
		return sum + src->a4 + dst->a4;
	return sum + src->a32[0] + src->a32[1] + src->a32[2] + src->a32[3] +
	    dst->a32[0] + dst->a32[1] + dst->a32[2] + dst->a32[3];
}

bool
in_cksum_ok(struct mbuf *m, const struct inpkt *pk)
{
	uint64_t sum;

	if (__likely(m->m_ph.ph_csum != MCSUM_NONE))
		return true;
	sum = in_pseudo(pk->ip_family, &pk->ip_src, &pk->ip_dst, pk->ip_proto,
	    m->m_ph.ph_len);
	if (in_cksum_fold(in_cksum_chain(sum, m, 0, m->m_ph.ph_len)) != 0xffff)
		return false;
	m->m_ph.ph_csum = MCSUM_VALID;
	return true;
}

int
in_output(struct mbuf *m, const struct inout *io)
{
	KASSERT(io->io_family == AF_INET);
	return ip_output(m, io);
}
