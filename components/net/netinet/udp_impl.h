/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * UDP's own.
 */
#ifndef UDP_IMPL_H
#define UDP_IMPL_H

#include "netinet.h"

#include <linux/udp.h>

/* RFC 768: offsets of fields */
#define UH_SPORT	0
#define UH_DPORT	2
#define UH_ULEN		4
#define UH_SUM		6
#define UDP_HDRLEN	8u
#define UDP_MAXDATA	(IP_MAXLEN - IP_HDRLEN - UDP_HDRLEN)
#define UDP_MAXSEGS	128u

/* All [o] so_lock. */
struct udpcb {
	struct inpcb u_inp;
	uint32_t u_dst;			/* of the last sendto() */
	uint16_t u_gso;			/* UDP_SEGMENT */
	bool u_gro;			/* UDP_GRO */
	bool u_corked;			/* UDP_CORK */
	bool u_cached;			/* inp_route is for u_dst */
	struct udpcork *u_cork;		/* a datagram in the making */
};

static inline struct udpcb *
sotoudpcb(const struct socket *so)
{
	return container_of(sotoinpcb(so), struct udpcb, u_inp);
}

int udp_send(struct socket *so, int flags, struct mbuf *m,
    const struct sockaddr *sa, socklen_t salen, struct mbuf *control);
/* Send what UDP_CORK held back; so_lock held. */
int udp_push(struct socket *so);
void udp_cork_free(struct udpcb *up);

#endif
