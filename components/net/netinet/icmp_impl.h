/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What ICMP's files share.
 */
#ifndef ICMP_IMPL_H
#define ICMP_IMPL_H

#include "netinet.h"

/* RFC 792: offsets of fields */
#define ICMP_TYPE	0
#define ICMP_CODE	1
#define ICMP_CKSUM	2
#define ICMP_IDENT	4
#define ICMP_SEQ	6
#define ICMP_HDRLEN	8u
#define ICMP_TSLEN	20u

/* Sum it up and send it. Taken over. */
void icmp_send(struct mbuf *m, struct inout *io);
/* Set the checksum of a message; its first mbuf may be written. */
void icmp_cksum_set(struct mbuf *m);

/* Ping sockets: echo replies, errors about echo requests. */
void ping_input(struct mbuf *m, const struct inpkt *pk);
void ping_ctlinput(const struct inerror *ie, const uint8_t *hdr, size_t n,
    const struct mbuf *m);
/* Raw sockets hear of errors, too. ip: the quoted header. */
void raw_ctlinput(const struct inerror *ie, const uint8_t *ip, uint32_t hlen,
    const struct mbuf *m);

#endif
