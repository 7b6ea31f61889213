/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Epochs: memory that lock-free readers may hold is freed late.
 *
 * A reader's thread says in td_epoch in which epoch it entered its section.
 * The global epoch moves from e to e + 1 when every thread inside a section
 * entered it in e. What is deferred in e is freed from e + 2 on: a reader that
 * holds it entered in e at the latest, and while it is inside, the global
 * epoch does not pass e + 1.
 *
 * Deferred entries hang on the thread that deferred them, a stack that any
 * thread may take as a whole (epoch_drain()).
 */
#include <kern/epoch.h>
#include <kern/assert.h>
#include <rump/rumpuser.h>

#include "rumpkern.h"

#define LIMBO_BATCH 64		/* deferred by a thread before it looks */

_Atomic uint64_t epoch_global = 1;

/* Left by threads that ended. */
static _Atomic(struct epoch_entry *) limbo_orphans;

static void
limbo_push(_Atomic(struct epoch_entry *) *stack, struct epoch_entry *first,
    struct epoch_entry *last)
{
	last->ee_next = atomic_load_explicit(stack, memory_order_relaxed);
	while (!atomic_compare_exchange_weak_explicit(stack, &last->ee_next,
	    first, memory_order_release, memory_order_relaxed))
		continue;
}

/* Move the global epoch on if nobody is behind; returns what it is now. */
static uint64_t
epoch_advance(void)
{
	struct thread *td;
	uint64_t g, e;

	membar_sync();
	g = atomic_load(&epoch_global);
	for (td = atomic_load(&thread_list); td != NULL; td = td->td_next) {
		e = atomic_load(&td->td_epoch);
		if (e != 0 && e != g)
			return g;
	}
	atomic_compare_exchange_strong(&epoch_global, &g, g + 1);
	return atomic_load(&epoch_global);
}

/* Free what is due of a stack, put the rest back. Returns what stayed. */
static unsigned
limbo_run(_Atomic(struct epoch_entry *) *stack, uint64_t g)
{
	struct epoch_entry *ee, *next, *first = NULL, *last = NULL;
	unsigned n = 0;

	ee = atomic_exchange_explicit(stack, NULL, memory_order_acquire);
	for (; ee != NULL; ee = next) {
		next = ee->ee_next;
		if (ee->ee_epoch + 2 <= g) {
			ee->ee_fn(ee);
			continue;
		}
		ee->ee_next = NULL;
		if (last == NULL)
			first = ee;
		else
			last->ee_next = ee;
		last = ee;
		n++;
	}
	if (first != NULL)
		limbo_push(stack, first, last);
	return n;
}

void
epoch_defer(struct epoch_entry *ee, void (*fn)(struct epoch_entry *))
{
	struct thread *td = thread_self();

	ee->ee_fn = fn;
	membar_sync();
	ee->ee_epoch = atomic_load(&epoch_global);
	limbo_push(&td->td_limbo, ee, ee);
	if (++td->td_nlimbo < LIMBO_BATCH || td->td_epoch_depth != 0 ||
	    td->td_draining)
		return;
	td->td_draining = true;
	td->td_nlimbo = 0;
	limbo_run(&td->td_limbo, epoch_advance());
	td->td_draining = false;
}

void
epoch_synchronize(void)
{
	uint64_t target;

	KASSERT(thread_self()->td_epoch_depth == 0);
	membar_sync();
	target = atomic_load(&epoch_global) + 2;
	while (epoch_advance() < target)
		rumpuser_thread_yield();
}

void
epoch_drain(void)
{
	struct thread *self = thread_self(), *td;
	uint64_t g;

	if (self->td_epoch_depth != 0 || self->td_draining)
		return;
	self->td_draining = true;
	(void)epoch_advance();
	g = epoch_advance();
	for (td = atomic_load(&thread_list); td != NULL; td = td->td_next)
		limbo_run(&td->td_limbo, g);
	limbo_run(&limbo_orphans, g);
	self->td_draining = false;
}

void
epoch_thread_exit(struct thread *td)
{
	struct epoch_entry *ee, *last;

	KASSERT(td->td_epoch_depth == 0);
	ee = atomic_exchange(&td->td_limbo, NULL);
	if (ee == NULL)
		return;
	for (last = ee; last->ee_next != NULL; last = last->ee_next)
		continue;
	limbo_push(&limbo_orphans, ee, last);
	td->td_nlimbo = 0;
}
