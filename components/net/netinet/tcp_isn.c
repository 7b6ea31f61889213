/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Numbers that an attacker must not guess: initial sequence numbers (RFC
 * 6528), the offset of the time-stamp clock (RFC 7323 5.4 and 7.1).
 */
#include "tcp_var.h"

/* RFC 6528 3: M, a clock of 4 microseconds, plus F(addresses, ports, secret). */
tcp_seq
tcp_isn(const struct tcp_vnet *tv, const union inaddr *laddr, uint16_t lport,
    const union inaddr *faddr, uint16_t fport, nstime_t now)
{
	struct {
		union inaddr l, f;
		uint16_t lp, fp;
		uint32_t what;
	} in = { *laddr, *faddr, lport, fport, 0 };

	return (tcp_seq)siphash(&tv->tv_key, &in, sizeof(in)) +
	    (tcp_seq)((uint64_t)now / 4000);
}

/* The same for all connections of two hosts: time stamps grow from one to the
 * next (RFC 6191, RFC 7323 5.4). */
uint32_t
tcp_tsoffset(const struct tcp_vnet *tv, const union inaddr *laddr,
    const union inaddr *faddr)
{
	struct {
		union inaddr l, f;
		uint32_t what;
	} in = { *laddr, *faddr, 1 };

	return (uint32_t)siphash(&tv->tv_key, &in, sizeof(in));
}
