/* SPDX-License-Identifier: BSD-2-Clause */
/** @file mbuf.h
 * Mbufs: packets, and the data of sockets.
 *
 * A packet is a chain of mbufs (m_next); its first has the packet's fields (m_ph).
 * Packets are queued by m_nextpkt. The bytes of an mbuf lie inside of it, or
 * in external storage that others may share (m_ext): shared storage is only
 * read (m_writable()).
 *
 * Ownership: who calls a function that takes an mbuf "over" has lost it, also
 * when the function fails. A chain belongs to one thread at a time; storage
 * is shared between threads by its atomic count.
 */
#ifndef KERN_MBUF_H
#define KERN_MBUF_H

#include <kern/kmem.h>
#include <kern/types.h>
#include <kern/uio.h>

struct ifnet;
struct mbuf;

/**
 * Storage outside of an mbuf. Who provides some embeds it and sets me_free,
 * which is called with the last reference, on any thread, holding any lock.
 */
struct mext {
	_Atomic uint32_t me_refs;
	uint32_t me_size;		/* bytes */
	uint8_t *me_buf;
	void (*me_free)(struct mext *me);
	void *me_arg;			/* the provider's */
};

/* ph_csum: what is known of, or asked for, the transport checksum */
#define MCSUM_NONE	0	/* in: not checked; out: it is complete */
#define MCSUM_VALID	1	/* in: somebody trusted has checked it */
#define MCSUM_PARTIAL	2	/* the field holds the pseudo header's sum; sum from
				 * ph_csum_start on, store at ph_csum_start +
				 * ph_csum_off. A receiver takes it as valid. */

/* ph_gso: the packet stands for many (ph_gso_size bytes of payload each) */
enum { MGSO_NONE, MGSO_TCP4, MGSO_TCP6, MGSO_UDP };

/* ph_flags */
#define MP_BCAST	0x0001	/* link-layer broadcast */
#define MP_MCAST	0x0002	/* link-layer multicast */
#define MP_LOOP		0x0004	/* from this host: do not loop again */
#define MP_FORWARDED	0x0008
#define MP_ECN_CE	0x0010	/* GRO: a segment had CE */
#define MP_OTHERHOST	0x0020	/* promiscuous reception */
#define MP_PSH		0x0040	/* GRO: a segment had PSH */
#define MP_TSTAMP	0x0080	/* ph_tstamp is valid */
#define MP_FIN		0x0100	/* GRO: the last segment has FIN */

/*
 * Offsets (ph_l2, ph_l3, ph_l4) are of headers, from the start of the first mbuf's
 * storage (m_start()): they stay true while m_data moves over headers.
 */
struct mpkthdr {
	uint32_t ph_len;		/* bytes of the whole packet */
	uint32_t ph_hash;		/* of its flow; 0: not known */
	struct ifnet *ph_ifp;		/* received on; no reference: epoch */
	nstime_t ph_tstamp;		/* real time of reception */
	uint16_t ph_gso_size;
	uint16_t ph_gso_segs;
	uint16_t ph_csum_start;		/* from m_start(), like ph_l4 */
	uint16_t ph_csum_off;
	uint16_t ph_l2, ph_l3, ph_l4;
	uint8_t ph_gso;
	uint8_t ph_csum;
	uint16_t ph_flags;
	uint16_t ph_vlan;		/* TCI; 0: none */
	uint32_t ph_mark;		/* SO_MARK */
	uint32_t ph_priority;		/* SO_PRIORITY */
	uint8_t ph_from[28];		/* a datagram's source: sockaddr_in[6] */
	uint8_t ph_tos, ph_ttl;		/* of the IP header, for control messages */
	uint8_t ph_spare[2];
};

/* m_type */
enum { MT_DATA, MT_CONTROL, MT_ADDR, MT_OOB };

/* m_flags */
#define M_PKTHDR	0x0001	/* m_ph is valid: first of a packet */
#define M_EOR		0x0002	/* end of a record */
#define M_RDONLY	0x0004	/* storage is never written, shared or not */
#define M_PROTO1	0x0010	/* the owner's */
#define M_PROTO2	0x0020
#define M_PROTO3	0x0040

#define MSIZE		256
#define MHEAD		128	/* offsetof(struct mbuf, m_buf) */
#define MLEN		(MSIZE - MHEAD)	/* bytes inside */

struct mbuf {
	struct mbuf *m_next;
	struct mbuf *m_nextpkt;
	uint8_t *m_data;
	uint32_t m_len;
	uint16_t m_flags;
	uint16_t m_type;
	struct mext *m_ext;		/* NULL: the bytes are in m_buf */
	struct mpkthdr m_ph;
	uint8_t m_buf[MLEN];
};
_Static_assert(sizeof(struct mbuf) == MSIZE, "mbuf's size");
_Static_assert(offsetof(struct mbuf, m_buf) == MHEAD, "mbuf's head");

/** Room that senders leave for the link and network headers below them. */
#define MAX_LINKHDR	32u
#define MAX_NETHDR	64u

/* Sizes of clusters, bytes: m_getcl() takes the first that is enough. */
#define MCLBYTES	2048u
#define MCLPAGES	16320u
#define MCLJUMBO	65472u

int mbuf_init(void);

/** An mbuf with nothing in it, m_data at its start. NULL: no memory. */
struct mbuf *m_get(int type);
/** As m_get(), with a packet's fields, zeroed. */
struct mbuf *m_gethdr(int type);
/**
 * As m_get(), with external storage for MIN(len, MCLJUMBO) bytes; inside the
 * mbuf where that is enough. flags: M_PKTHDR.
 */
struct mbuf *m_getcl(size_t len, int flags);
/** A chain with room for len bytes (any), m_len 0 in each. flags: M_PKTHDR. */
struct mbuf *m_getm(size_t len, int flags);
/** An mbuf over an object's storage; takes over one reference of it. */
struct mbuf *m_getext(struct mext *me, size_t off, size_t len, int flags);

/** Free one; returns its m_next. */
struct mbuf *m_free(struct mbuf *m);
/** Free a chain (a packet). NULL is ignored. */
void m_freem(struct mbuf *m);
/** Free packets linked by m_nextpkt. */
void m_freelist(struct mbuf *m);

static inline uint8_t *
m_start(const struct mbuf *m)
{
	return m->m_ext != NULL ? m->m_ext->me_buf : (uint8_t *)m->m_buf;
}

static inline size_t
m_size(const struct mbuf *m)
{
	return m->m_ext != NULL ? m->m_ext->me_size : MLEN;
}

/** Free bytes before and behind the data. */
static inline size_t
m_leading(const struct mbuf *m)
{
	return (size_t)(m->m_data - m_start(m));
}

static inline size_t
m_trailing(const struct mbuf *m)
{
	return m_size(m) - m_leading(m) - m->m_len;
}

/** May the storage be written? */
static inline bool
m_writable(const struct mbuf *m)
{
	return (m->m_flags & M_RDONLY) == 0 && (m->m_ext == NULL ||
	    atomic_load_explicit(&m->m_ext->me_refs, memory_order_acquire) ==
	    1);
}

/** A header at an offset that ph_l2, ph_l3, ph_l4 hold. */
static inline uint8_t *
m_at(const struct mbuf *m, uint16_t off)
{
	return m_start(m) + off;
}

static inline uint16_t
m_offset(const struct mbuf *m, const uint8_t *p)
{
	return (uint16_t)(p - m_start(m));
}

/** Bytes of a chain. */
size_t m_length(const struct mbuf *m);
/** The last mbuf of a chain. */
struct mbuf *m_last(struct mbuf *m);

/**
 * Make the first n bytes contiguous, in the first mbuf; they may be shared.
 * Takes m over. @return NULL: too short, or no memory: m is freed.
 */
struct mbuf *m_pullup(struct mbuf *m, size_t n);
/** As m_pullup(), and the first mbuf's storage may be written. */
struct mbuf *m_makewritable(struct mbuf *m, size_t n);
/**
 * Room for n bytes in front, contiguous and writable; m_data is there. New
 * bytes are not set; ph_len counts them. Takes m over. NULL: no memory.
 * Offsets in m_ph stay true, or are adjusted.
 */
struct mbuf *m_prepend(struct mbuf *m, size_t n);
/** Cut n bytes from the front (n > 0) or from the end (n < 0). */
void m_adj(struct mbuf *m, ssize_t n);
/**
 * Another chain with len bytes from off on, sharing external storage and
 * copying what is inside of mbufs. len SIZE_MAX: to the end. With M_PKTHDR in
 * flags m_ph is copied from m (ph_len set). NULL: no memory.
 */
struct mbuf *m_copym(struct mbuf *m, size_t off, size_t len, int flags);
/** A copy that shares nothing, headroom bytes free in front. */
struct mbuf *m_dup(struct mbuf *m, size_t headroom);
/**
 * Cut in two: m keeps the first n bytes, the rest is returned (with m_ph if m
 * has it). NULL: no memory, m is as it was.
 */
struct mbuf *m_split(struct mbuf *m, size_t n);
/** Append chain n to m (ph_len is adjusted); returns m. */
struct mbuf *m_cat(struct mbuf *m, struct mbuf *n);
/** Copy bytes out of, or into, a chain that has them. */
void m_copydata(const struct mbuf *m, size_t off, size_t len, void *buf);
void m_copyback(struct mbuf *m, size_t off, size_t len, const void *buf);
/** A packet with a copy of len bytes, headroom free in front. */
struct mbuf *m_devget(const void *buf, size_t len, size_t headroom);
/** Copy in from the caller's memory: n bytes of uio. @return EFAULT, ENOMEM */
int m_uiomove_in(struct uio *uio, size_t n, size_t headroom, int flags,
    struct mbuf **mp);
/** Copy out at most n bytes of a chain from off on. @return EFAULT */
int m_uiomove_out(const struct mbuf *m, size_t off, size_t n, struct uio *uio);

/** Copy the packet's fields (not the data's) of another. */
void m_copy_pkthdr(struct mbuf *to, const struct mbuf *from);

static inline void
mext_hold(struct mext *me)
{
	atomic_fetch_add_explicit(&me->me_refs, 1, memory_order_relaxed);
}

void mext_rele(struct mext *me);

/**
 * What it costs a socket buffer (sb_mbcnt): the mbuf, and its part of the
 * storage, which others may have parts of. Depends on m_len.
 */
static inline size_t
m_cost(const struct mbuf *m)
{
	return MSIZE + (m->m_ext != NULL ?
	    MIN((size_t)m->m_ext->me_size, m->m_len + (size_t)MCLBYTES) : 0);
}

/* ---- Internet checksum (RFC 1071) ------------------------------------- */

/** Sum of n bytes, not folded to 16 bits; odd: they start at an odd offset. */
uint64_t in_cksum_add(uint64_t sum, const void *p, size_t n, bool odd);
/** Of len bytes of a chain from off on. */
uint64_t in_cksum_chain(uint64_t sum, const struct mbuf *m, size_t off,
    size_t len);
/** Copy n bytes and return sum plus theirs: one pass. */
uint64_t in_cksum_copy(uint64_t sum, void *to, const void *from, size_t n,
    bool odd);

/** Fold to 16 bits, in the byte order of the packet; not complemented. */
static inline uint16_t
in_cksum_fold(uint64_t sum)
{
	sum = (sum & 0xffffffffu) + (sum >> 32);
	sum = (sum & 0xffff) + ((sum >> 16) & 0xffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/** Complete an MCSUM_PARTIAL packet: it becomes MCSUM_NONE. @return ENOMEM */
int m_cksum_complete(struct mbuf **mp);

#endif
