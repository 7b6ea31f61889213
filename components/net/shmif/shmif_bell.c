/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Doorbells: who shall look at its rings, and how it sleeps until then.
 *
 * A member has two futexes: its interface's thread is parked on the first
 * while somebody waits in a socket call, who then drives the interface and
 * is parked on the second. A sender rings the second where somebody is
 * registered there, else the first, and that only where it says PARKED: so
 * registering and leaving cost no wake-up.
 *
 * No frame is overlooked: a sender first sets its bit in sm_pending, then
 * looks at the bells; a receiver first writes its bell, then looks at
 * sm_pending; both with a full fence between.
 *
 * A sender may die at any instant. One that is about to wake somebody leaves its
 * slot's number in the bell: it does not wake twice, but everybody else does,
 * and so does who gets its slot.
 */
#include <kern/time.h>

#include "shmif.h"

#define THREAD_BUDGET	64		/* frames */

/* Wake whoever is parked on a bell of some member. */
static void
bell_ring(struct shmif_bus *b, _Atomic uint32_t *bell)
{
	uint32_t v = atomic_load_explicit(bell, memory_order_relaxed);
	uint32_t mine = SHMIF_BELL_WAKING + b->b_slot;

	if (v == SHMIF_BELL_PARKED) {
		if (!atomic_compare_exchange_strong_explicit(bell, &v, mine,
		    memory_order_acq_rel, memory_order_relaxed) &&
		    (v < SHMIF_BELL_WAKING || v == mine))
			return;
	} else if (v < SHMIF_BELL_WAKING || v == mine) {
		return;
	}
	rumpcomp_shmif_wake(bell);
}

static void
member_ring(struct shmif_bus *b, struct shmif_member *sm)
{
	uint64_t bit = SHMIF_BIT(b->b_slot);
	int which;

	membar_sync();		/* the ring's head was written before */
	if ((atomic_load_explicit(&sm->sm_pending, memory_order_relaxed) &
	    bit) == 0)
		atomic_fetch_or_explicit(&sm->sm_pending, bit,
		    memory_order_seq_cst);
	which = atomic_load_explicit(&sm->sm_bell[SHMIF_BELL_WAITER],
	    memory_order_seq_cst) != SHMIF_BELL_NONE ? SHMIF_BELL_WAITER :
	    SHMIF_BELL_THREAD;
	bell_ring(b, &sm->sm_bell[which]);
}

/* At the end of a section: once for all that was sent in it. */
void
shmif_tell(struct network *nw)
{
	struct shmif_bus *b = container_of(nw, struct shmif_bus, b_work);
	uint64_t to;

	to = atomic_exchange_explicit(&b->b_ring, 0, memory_order_seq_cst);
	for (; to != 0; to &= to - 1)
		member_ring(b, &b->b_head->sh_member[__builtin_ctzll(to)]);
	shmif_bus_rele(b);
}

static void
thread_call(struct shmif_bus *b)
{
	bell_ring(b, &b->b_me->sm_bell[SHMIF_BELL_THREAD]);
}

/* ---- A waiter ------------------------------------------------------------------- */

/*
 * Who stops driving may leave something that came when it had looked for the
 * last time: the thread is called for it.
 */
bool
shmif_bell_drive(struct shmif_bus *b, bool on)
{
	_Atomic uint32_t *bell = &b->b_me->sm_bell[SHMIF_BELL_WAITER];

	if (on) {
		if (atomic_load_explicit(&b->b_driven, memory_order_relaxed) ||
		    atomic_load_explicit(&b->b_stop, memory_order_relaxed) ||
		    atomic_exchange_explicit(&b->b_driven, true,
		    memory_order_acquire))
			return false;
		atomic_store_explicit(bell, SHMIF_BELL_AWAKE,
		    memory_order_relaxed);
		return true;
	}
	atomic_store_explicit(bell, SHMIF_BELL_NONE, memory_order_relaxed);
	atomic_store_explicit(&b->b_driven, false, memory_order_release);
	membar_sync();
	if (!shmif_bus_empty(b))
		thread_call(b);
	return false;
}

int
shmif_bell_park(struct shmif_bus *b, _Atomic uint32_t *word,
    uint32_t expected, nstime_t deadline)
{
	_Atomic uint32_t *bell = &b->b_me->sm_bell[SHMIF_BELL_WAITER];
	nstime_t left = -1;
	int error = 0;

	if (deadline != NSTIME_FOREVER) {
		left = deadline - mono_now();
		if (left <= 0)
			return ETIMEDOUT;
	}
	atomic_store_explicit(bell, SHMIF_BELL_PARKED, memory_order_relaxed);
	membar_sync();
	if (shmif_bus_empty(b))
		error = rumpcomp_shmif_wait2(bell, SHMIF_BELL_PARKED, word,
		    expected, left);
	atomic_store_explicit(bell, SHMIF_BELL_AWAKE, memory_order_relaxed);
	membar_sync();
	return error;
}

/* ---- The interface's thread -------------------------------------------------------- */

static bool
thread_wanted(struct shmif_bus *b)
{
	return atomic_load_explicit(&b->b_stop, memory_order_relaxed) ||
	    (!atomic_load_explicit(&b->b_driven, memory_order_relaxed) &&
	    !shmif_bus_empty(b));
}

static void
thread_park(struct shmif_bus *b)
{
	_Atomic uint32_t *bell = &b->b_me->sm_bell[SHMIF_BELL_THREAD];

	atomic_store_explicit(bell, SHMIF_BELL_PARKED, memory_order_relaxed);
	membar_sync();
	if (!thread_wanted(b))
		(void)rumpcomp_shmif_wait(bell, SHMIF_BELL_PARKED, -1);
	atomic_store_explicit(bell, SHMIF_BELL_AWAKE, memory_order_relaxed);
	membar_sync();
}

/* It takes the frames that come while nobody waits. */
void
shmif_thread(void *arg)
{
	struct shmif_bus *b = arg;

	while (!atomic_load_explicit(&b->b_stop, memory_order_acquire)) {
		if (!atomic_exchange_explicit(&b->b_driven, true,
		    memory_order_acquire)) {
			while (shmif_bus_poll(b, THREAD_BUDGET) > 0)
				continue;
			atomic_store_explicit(&b->b_driven, false,
			    memory_order_release);
			membar_sync();
		}
		thread_park(b);
	}
}

/* Whatever others have written into the bell: it is changed, then rung. */
void
shmif_thread_stop(struct shmif_bus *b)
{
	_Atomic uint32_t *bell = &b->b_me->sm_bell[SHMIF_BELL_THREAD];

	atomic_store_explicit(&b->b_stop, true, memory_order_release);
	membar_sync();
	atomic_store_explicit(bell, SHMIF_BELL_AWAKE, memory_order_seq_cst);
	rumpcomp_shmif_wake(bell);
}
