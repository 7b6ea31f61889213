/* SPDX-License-Identifier: BSD-2-Clause */
/** @file netisr.h
 * Sections of network code, and the work that waits for their end.
 *
 * Everything that enters the network from outside (a system call on a socket, a
 * timer, an interface's thread) does so in a section. Inside it, output queues what
 * must not run under the locks held there: packets that come back in through another
 * interface of this kernel, wake-ups of other processes. The end of the outermost
 * section runs it, with no lock held.
 *
 * A queue of packets has one driver at a time: the section that found it idle, or
 * the soft interrupt that a long drive is handed over to. So packets of one
 * queue are processed in order, and a second thread never waits for the first.
 */
#ifndef KERN_NETISR_H
#define KERN_NETISR_H

#include <kern/mbuf.h>
#include <kern/sync.h>

struct netctx;

/** Work done once at the end of the calling thread's section. */
struct network {
	struct network *nw_next;
	void (*nw_fn)(struct network *nw);
	_Atomic bool nw_queued;
};

void netisr_enter(void);
/** No lock is held, where it is the outermost. Does not sleep. */
void netisr_exit(void);
/** Is the calling thread in a section? For assertions. */
bool netisr_inside(void);

/**
 * Call nw_fn at the end of this thread's section; once, however often it is
 * asked for before. nw belongs to the section until nw_fn is called.
 *
 * @return false: it waits for that already, here or on another thread
 */
bool netisr_defer(struct network *nw);

/*
 * q  nq_lock   I  immutable
 */
struct netqueue {
	struct kspin nq_lock;
	struct mbuf *nq_head;		/* [q] m_nextpkt */
	struct mbuf **nq_tail;		/* [q] */
	uint32_t nq_len, nq_max;	/* [q], [I] packets */
	bool nq_driven;			/* [q] */
	bool nq_closed;			/* [q] */
	uint64_t nq_drops;		/* [q] */
	/** A batch, linked by m_nextpkt: taken over. Inside an epoch and a
	 * section, no lock held. */
	void (*nq_input)(struct netqueue *nq, struct mbuf *batch); /* [I] */
	struct network nq_work;
	struct softint *nq_softint;	/* [I] */
};

/** @return ENOMEM */
int netqueue_init(struct netqueue *nq, uint32_t max,
    void (*input)(struct netqueue *nq, struct mbuf *batch));
/** Take no more; wait for the driver; free what is left. Sleeps. */
void netqueue_fini(struct netqueue *nq);
/**
 * Queue packets (linked by m_nextpkt, taken over) for the end of the section.
 * Any lock may be held. @return ENOBUFS: full, the rest was freed
 */
int netqueue_put(struct netqueue *nq, struct mbuf *m);

#endif
