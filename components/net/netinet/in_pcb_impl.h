/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tables of control blocks: what in_pcb*.c share.
 */
#ifndef IN_PCB_IMPL_H
#define IN_PCB_IMPL_H

#include "netinet.h"

/* Immutable but for its buckets; replaced as a whole. */
struct inphash {
	uint32_t ih_mask;
	struct epoch_entry ih_epoch;
	_Atomic(struct inpcb *) ih_bucket[];
};

/* A port that blocks hold: bound by bind(), or chosen for a connection. */
struct inpport {
	struct inpport *ipp_next;
	struct list ipp_inps;		/* inp_portlink */
	uint32_t ipp_nbound;		/* of them, bound by bind() */
	uint16_t ipp_port;		/* network order */
};

#define EPHEMERAL_COUNTERS 32		/* RFC 6056 3.3.4 */

/*
 * I  immutable   t  t_lock   a  atomic, written under t_lock
 */
struct inpcbtable {
	_Atomic(struct inphash *) t_hash;	/* [a] */
	_Atomic uint32_t t_seq;		/* [a] odd: blocks move between chains */
	uint32_t t_proto;		/* [I] */
	uint64_t t_key[2];		/* [I] */
	struct vnet *t_vnet;		/* [I] */
	struct kspin t_lock __cacheline_aligned;
	uint32_t t_count;		/* [t] linked blocks */
	uint32_t t_moving;		/* [t] t_seq is odd for so many reasons */
	uint32_t t_nports, t_portmask;	/* [t] */
	struct inpport **t_ports;	/* [t] */
	_Atomic(struct inpcb *) t_all;	/* [a] */
	uint32_t t_ephemeral[EPHEMERAL_COUNTERS];	/* [t] */
};

static inline uint64_t
inp_mix(uint64_t a, uint64_t b)
{
	unsigned __int128 p = (unsigned __int128)a * b;

	return (uint64_t)p ^ (uint64_t)(p >> 64);
}

/* Keyed, because peers choose what is hashed. */
static inline uint32_t
inp_hash(const struct inpcbtable *t, const union inaddr *l, uint16_t lport,
    const union inaddr *f, uint16_t fport)
{
	uint64_t h, ports = (uint64_t)lport << 16 | fport;

	h = inp_mix(l->a64[0] ^ ports << 32 ^ t->t_key[0],
	    f->a64[0] ^ t->t_key[1]);
	if (__unlikely((l->a64[1] | f->a64[1]) != 0))
		h = inp_mix(h ^ l->a64[1], f->a64[1] ^ t->t_key[1]);
	return (uint32_t)(h >> 32 ^ h);
}

/* Reads of a linked block by who holds no lock. */
static inline union inaddr
inp_addr_read(const union inaddr *a)
{
	union inaddr v;

	v.a64[0] = __atomic_load_n(&a->a64[0], __ATOMIC_RELAXED);
	v.a64[1] = __atomic_load_n(&a->a64[1], __ATOMIC_RELAXED);
	return v;
}

static inline void
inp_addr_write(union inaddr *a, const union inaddr *v)
{
	__atomic_store_n(&a->a64[0], v->a64[0], __ATOMIC_RELAXED);
	__atomic_store_n(&a->a64[1], v->a64[1], __ATOMIC_RELAXED);
}

static inline uint16_t
inp_port_read(const uint16_t *p)
{
	return __atomic_load_n(p, __ATOMIC_RELAXED);
}

/* ---- t_lock held ---------------------------------------------------------- */

/* Under its addresses and ports; grows the table. */
void inp_link(struct inpcb *inp);
void inp_unlink(struct inpcb *inp);
/* Change all four and the place in the table at once. */
void inp_relink(struct inpcb *inp, const union inaddr *laddr, uint16_t lport,
    const union inaddr *faddr, uint16_t fport, bool link);
/* The connection, looked for under the lock. */
struct inpcb *inp_find_locked(struct inpcbtable *t, int family,
    const union inaddr *laddr, uint16_t lport, const union inaddr *faddr,
    uint16_t fport);

struct inpport *inpport_find(struct inpcbtable *t, uint16_t port);
/* Hold a port. bound: by bind(). @return ENOMEM */
int inpport_hold(struct inpcb *inp, uint16_t port, bool bound);
void inpport_rele(struct inpcb *inp);
/* May inp be bound to a port next to those that are? choosing: any would do. */
bool inp_conflicts(const struct inpcb *inp, const struct inpport *pp,
    const union inaddr *laddr, bool choosing);

/* A source that a datagram may have: not a group. */
static inline bool
inp_has_source(const struct inpcb *inp)
{
	return !inaddr_any(&inp->inp_laddr) &&
	    (inp->inp_flags & INP_NOTSRC) == 0;
}

/* Ports that may be chosen. */
void inp_port_range(const struct inpcbtable *t, uint32_t *first,
    uint32_t *count);
/* Choose and hold a port without a peer. @return EADDRINUSE, ENOMEM */
int inp_port_choose(struct inpcb *inp, const union inaddr *laddr);

#endif
