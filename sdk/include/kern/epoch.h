/* SPDX-License-Identifier: BSD-2-Clause */
/** @file epoch.h
 * Epochs: readers of a shared table take no lock and write no shared cache
 * line; what a writer removed is freed when no reader can hold it any more.
 *
 *	epoch_enter();
 *	p = atomic_load_explicit(&table[i], memory_order_acquire);
 *	... look, perhaps take a reference ...
 *	epoch_exit();
 *
 * A section may nest, must not sleep, and sees either the old or the new.
 */
#ifndef KERN_EPOCH_H
#define KERN_EPOCH_H

#include <kern/thread.h>

/** Part of an object whose free is deferred. */
struct epoch_entry {
	struct epoch_entry *ee_next;
	void (*ee_fn)(struct epoch_entry *ee);
	uint64_t ee_epoch;
};

extern _Atomic uint64_t epoch_global;

static inline void
epoch_enter(void)
{
	struct thread *td = thread_self();

	if (td->td_epoch_depth++ == 0) {
		atomic_store_explicit(&td->td_epoch,
		    atomic_load_explicit(&epoch_global, memory_order_relaxed),
		    memory_order_relaxed);
		membar_sync();
	}
}

static inline void
epoch_exit(void)
{
	struct thread *td = thread_self();

	if (--td->td_epoch_depth == 0)
		atomic_store_explicit(&td->td_epoch, 0, memory_order_release);
}

/**
 * Call fn(ee) when every section that is open now has ended. Does not sleep.
 * fn runs on any thread, perhaps inside epoch_defer() and with the locks of
 * its caller: it frees memory and takes no locks but the allocator's.
 */
void epoch_defer(struct epoch_entry *ee, void (*fn)(struct epoch_entry *ee));
/** Wait until every section that is open now has ended. May sleep. */
void epoch_synchronize(void);
/** Run what is due, of all threads (memory is short; unmount; exit). */
void epoch_drain(void);

#endif
