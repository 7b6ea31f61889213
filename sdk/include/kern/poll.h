/* SPDX-License-Identifier: BSD-2-Clause */
/** @file poll.h
 * Readiness: what poll, select and epoll wait for.
 *
 * An object that can be polled has a struct pollhead. Whoever changes its
 * state calls poll_notify(); whoever waits hangs a pollent on it.
 */
#ifndef KERN_POLL_H
#define KERN_POLL_H

#include <kern/sync.h>
#include <linux/poll.h>

/*
 * The lock is a leaf: poll_notify() may be called with the object's locks
 * held. pe_fn runs under it: it takes only leaf locks and does not sleep.
 */
struct pollhead {
	struct kspin ph_lock;
	struct list ph_ents;		/* [ph_lock] */
	_Atomic unsigned ph_count;	/* how many; written under ph_lock */
};

struct pollent {
	struct list pe_link;		/* [ph_lock] */
	struct pollhead *pe_head;	/* owner's; NULL: not hanging */
	/** POLL* bits; 0: the object is going away, and pe_head is reset. */
	void (*pe_fn)(struct pollent *pe, int events);
	/** PE_*; zero it, with the rest, before the first poll_hang(). */
	unsigned pe_flags;		/* [ph_lock] */
};

/** A notification ends at the first of these whose pe_fn sets PE_WOKE. */
#define PE_EXCLUSIVE	0x1
#define PE_WOKE		0x2

void pollhead_init(struct pollhead *ph);
/** Wakes whoever still waits (pe_fn with 0). */
void pollhead_fini(struct pollhead *ph);
void poll_notify(struct pollhead *ph, int events);
void poll_hang(struct pollhead *ph, struct pollent *pe);
void poll_unhang(struct pollent *pe);
/** Cheap test for the notifier: does anybody wait? */
static inline bool
poll_wanted(struct pollhead *ph)
{
	membar_sync();
	return atomic_load_explicit(&ph->ph_count, memory_order_relaxed) != 0;
}

#endif
