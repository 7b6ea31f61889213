/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Between shmif's files.
 *
 * A struct shmif_bus is a membership: from joining until the interface has left
 * and every packet whose bytes lie in the bus is freed (b_refs). It holds the
 * member's slot, so that nobody else writes what its packets read.
 *
 * Lock order: ifnet_lock -> b_lock -> tx_lock. The latter is a leaf.
 */
#ifndef SHMIF_H
#define SHMIF_H

#include <kern/assert.h>
#include <kern/ifnet.h>
#include <kern/kmem.h>

#include "shmif_bus.h"
#include "shmif_user.h"

#define SHMIF_BIT(i)	(UINT64_C(1) << (i))

/*
 * What the other members are, as of a generation. Immutable; replaced, and freed
 * through an epoch.
 */
struct shmif_view {
	uint32_t v_generation;
	uint64_t v_active;		/* those that take frames */
	uint64_t v_promisc;
	uint64_t v_hwaddr[SHMIF_MEMBERS];
	uint32_t v_flags[SHMIF_MEMBERS];
	struct epoch_entry v_epoch;
};

/*
 * The direction to another member: this side is its only sender, and keeps
 * what it must rely on outside of the shared memory.
 *
 * t  tx_lock
 */
struct shmif_tx {
	struct kmutex tx_lock;
	struct shmif_ctl *tx_ctl;	/* [t] shared */
	uint8_t *tx_mem;		/* [t] shared: the region */
	uint64_t tx_head;		/* [t] */
	uint32_t tx_prev;		/* [t] size of the last entry */
	uint64_t tx_busy;		/* [t] chunks that may be in use ... */
	uint64_t tx_end[SHMIF_CHUNKS];	/* [t] ... until the tail is here */
	uint64_t tx_reserved;		/* [t] chunks that have storage */
	nstime_t tx_looked;		/* [t] when the member was alive */
};

struct shmif_rx;

/* A chunk of a received frame, as external storage. */
struct shmif_chunk {
	struct mext ck_mext;
	struct shmif_rx *ck_rx;		/* [I] */
};

/*
 * The direction from another member: used by the driver alone, but for the
 * chunks.
 */
struct shmif_rx {
	struct shmif_bus *rx_bus;	/* [I] */
	struct shmif_ctl *rx_ctl;	/* [I] shared */
	uint8_t *rx_mem;		/* [I] shared: the region, read-only */
	uint64_t rx_tail;
	struct shmif_chunk rx_chunk[SHMIF_CHUNKS];
};

#define SHMIF_LEARN	256		/* entries, a power of two */

/*
 * I  immutable   a  atomic   b  b_lock   d  the driver's
 */
struct shmif_bus {
	_Atomic uint32_t b_refs;	/* [a] interface, packets */
	struct kmutex b_lock;
	int b_fd;			/* [I] */
	unsigned b_slot;		/* [I] */
	struct shmif_head *b_head;	/* [I] shared */
	struct shmif_member *b_me;	/* [I] shared: b_head's b_slot */
	struct ifnet *b_ifp;		/* [I] no reference */
	_Atomic(struct shmif_view *) b_view;	/* [b] */
	_Atomic(struct shmif_tx *) b_tx[SHMIF_MEMBERS];	/* [b] */
	struct shmif_rx *b_rx[SHMIF_MEMBERS];	/* [d] */
	_Atomic uint64_t b_learn[SHMIF_LEARN];	/* [a] address, slot */
	_Atomic uint64_t b_ring;	/* [a] members to be told of frames */
	struct network b_work;		/* tells them */
	_Atomic uint32_t b_seq;		/* [a] frames sent */
	_Atomic uint64_t b_more;	/* [d] write: members whose ring is not empty */
	unsigned b_turn;		/* [d] slot to look at first */
	_Atomic bool b_driven;		/* [a] somebody polls */
	_Atomic bool b_stop;		/* [a] the thread shall end */
	struct kthread *b_thread;	/* [b] */
};

struct shmif_softc {
	struct ifnet *sc_ifp;		/* [I] the driver's reference */
	uint32_t sc_announce;		/* [I] SHMIF_LARGE, SHMIF_CSUM */
	_Atomic(struct shmif_bus *) sc_bus;	/* [a] set once, ifnet_lock */
	_Atomic bool sc_gone;		/* [a] destroyed */
};

/* shmif_join.c */
/** @return EINVAL: foreign or damaged; EPROTONOSUPPORT: another version; ENOSPC:
 * no slot is free; EAGAIN: somebody is joining, for long; host's errors */
int shmif_join(struct ifnet *ifp, const char *path, uint32_t flags,
    struct shmif_bus **bp);
/** Take no more frames; the thread has ended. shmif_bus_rele() follows. */
void shmif_leave(struct shmif_bus *b);
void shmif_bus_rele(struct shmif_bus *b);
/** Tell what it takes and who it is, when that has changed. */
void shmif_announce(struct shmif_bus *b, uint32_t flags, const uint8_t *hw);
/** Has another member this address? */
bool shmif_taken(struct shmif_bus *b, const uint8_t *hw);
/** The members, as they are now; in an epoch. NULL: no memory, ever. */
struct shmif_view *shmif_view(struct shmif_bus *b);
/** A member that does not take its frames: is it there at all? */
void shmif_check(struct shmif_bus *b, unsigned slot);

/* shmif_tx.c */
int shmif_bus_transmit(struct shmif_bus *b, struct mbuf *m, unsigned *sent);
void shmif_tx_fini(struct shmif_bus *b, struct shmif_tx *tx);

/* shmif_rx.c */
/** Frames for if_input(), at most budget. */
unsigned shmif_bus_poll(struct shmif_bus *b, unsigned budget);
bool shmif_bus_empty(struct shmif_bus *b);
void shmif_rx_fini(struct shmif_rx *rx);
/** The slot that a unicast address was seen behind; -1: none. */
int shmif_learned(struct shmif_bus *b, uint64_t hwaddr);

/* shmif_bell.c */
void shmif_tell(struct network *nw);
bool shmif_bell_drive(struct shmif_bus *b, bool on);
/** The waiter who drives parks until frames came, or *word changed. */
int shmif_bell_park(struct shmif_bus *b, _Atomic uint32_t *word,
    uint32_t expected, nstime_t deadline);
void shmif_thread_stop(struct shmif_bus *b);
void shmif_thread(void *arg);

static inline uint64_t
shmif_hwaddr(const uint8_t *p)
{
	uint64_t v = 0;

	memcpy(&v, p, ETH_ALEN);
	return v;
}

#endif
