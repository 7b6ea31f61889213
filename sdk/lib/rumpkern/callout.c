/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Callouts: a hierarchical timer wheel, and the thread that turns it.
 *
 * The clock's ticks are 2^14 ns. A callout lies on the level of the highest
 * base-64 digit in which its tick differs from the wheel's position, in the
 * slot of that digit; when the position gets to a slot of a higher level, its
 * callouts move down. Nothing is rounded to ticks: the thread sleeps until
 * the exact deadline of the first callout of the first slot. Scheduling and
 * stopping take constant time.
 *
 * A callout belongs to its owner again when its function is called: only
 * w_running, never the callout, is looked at afterwards.
 */
#include <kern/epoch.h>
#include <kern/time.h>

#include <rump/rumpuser.h>

#include "mem_private.h"

#define TICK_SHIFT	14
#define DIGIT_BITS	6
#define NSLOTS		(1u << DIGIT_BITS)
#define NLEVELS		((63 - TICK_SHIFT + DIGIT_BITS - 1) / DIGIT_BITS)

enum { CO_IDLE, CO_ARMED };

/*
 * w  timer_lock   t  only the timer thread
 */
static struct {
	struct list w_slot[NLEVELS][NSLOTS];	/* [w] */
	uint64_t w_busy[NLEVELS];		/* [w] slots that are not empty */
	uint64_t w_pos;				/* [w] tick */
	struct list w_due;			/* [w] to be called */
	nstime_t w_wake;			/* [w] the thread sleeps until,
						 * or INT64_MIN: it is awake */
	struct callout *w_running;		/* [w] */
	bool w_started;				/* [w] */
} wheel;

static struct lock_class timer_lc = LOCK_CLASS("timer", 0);
static struct kmutex timer_lock;
static struct kcondvar timer_ran;	/* w_running changed */
static _Atomic uint32_t timer_kick;	/* the thread parks on it */
static _Atomic(struct thread *) timer_td;

void
timer_init(void)
{
	unsigned l, s;

	mutex_init(&timer_lock, &timer_lc);
	cv_init(&timer_ran);
	list_init(&wheel.w_due);
	wheel.w_wake = INT64_MIN;
	for (l = 0; l < NLEVELS; l++)
		for (s = 0; s < NSLOTS; s++)
			list_init(&wheel.w_slot[l][s]);
	softint_init();
}

/* ---- The wheel: under timer_lock --------------------------------------- */

static inline uint64_t
tick_of(nstime_t t)
{
	return t <= 0 ? 0 : (uint64_t)t >> TICK_SHIFT;
}

static inline unsigned
digit_of(uint64_t tick, unsigned level)
{
	return (tick >> (level * DIGIT_BITS)) % NSLOTS;
}

static void
wheel_insert(struct callout *co)
{
	uint64_t tick = MAX(tick_of(co->co_deadline), wheel.w_pos), differ;
	unsigned level = 0, slot;

	differ = tick ^ wheel.w_pos;
	if (differ != 0)
		level = (63 - (unsigned)__builtin_clzll(differ)) / DIGIT_BITS;
	slot = digit_of(tick, level);
	list_insert_tail(&wheel.w_slot[level][slot], &co->co_link);
	wheel.w_busy[level] |= 1ull << slot;
}

/* The bits of slots that became empty are cleared when they are found. */
static bool
wheel_first(unsigned *levelp, unsigned *slotp)
{
	unsigned level, slot;

	for (level = 0; level < NLEVELS; level++) {
		while (wheel.w_busy[level] != 0) {
			slot = (unsigned)__builtin_ctzll(wheel.w_busy[level]);
			if (!list_empty(&wheel.w_slot[level][slot])) {
				*levelp = level;
				*slotp = slot;
				return true;
			}
			wheel.w_busy[level] &= ~(1ull << slot);
		}
	}
	return false;
}

/* The first tick of a slot of the present turn of its level. */
static uint64_t
slot_tick(unsigned level, unsigned slot)
{
	unsigned shift = level * DIGIT_BITS;

	return (wheel.w_pos >> shift >> DIGIT_BITS << DIGIT_BITS | slot) <<
	    shift;
}

static void
slot_cascade(struct list *slot)
{
	struct list moved, *n, *t;

	list_init(&moved);
	list_concat(&moved, slot);
	LIST_FOREACH_SAFE(n, &moved, t) {
		list_remove(n);
		wheel_insert(container_of(n, struct callout, co_link));
	}
}

/* Move what is due to w_due. @return the first deadline in the slot */
static nstime_t
slot_expire(struct list *slot, nstime_t now)
{
	struct list *n, *t;
	struct callout *co;
	nstime_t first = NSTIME_FOREVER;

	LIST_FOREACH_SAFE(n, slot, t) {
		co = container_of(n, struct callout, co_link);
		if (co->co_deadline <= now) {
			list_remove(n);
			list_insert_tail(&wheel.w_due, n);
		} else {
			first = MIN(first, co->co_deadline);
		}
	}
	return first;
}

/*
 * Turn the wheel to now; what is due goes to w_due.
 * @return when to look again
 */
static nstime_t
wheel_turn(nstime_t now)
{
	uint64_t target = MAX(tick_of(now), wheel.w_pos), tick;
	unsigned level, slot;
	nstime_t first;

	while (wheel_first(&level, &slot)) {
		tick = slot_tick(level, slot);
		if (tick > target) {
			wheel.w_pos = target;
			if (level != 0)
				return (nstime_t)(tick << TICK_SHIFT);
			/* For its first deadline only. */
			return slot_expire(&wheel.w_slot[0][slot], now);
		}
		wheel.w_pos = tick;
		if (level != 0) {
			slot_cascade(&wheel.w_slot[level][slot]);
			continue;
		}
		first = slot_expire(&wheel.w_slot[0][slot], now);
		if (first != NSTIME_FOREVER)
			return first;
	}
	wheel.w_pos = target;
	return NSTIME_FOREVER;
}

/* ---- The thread -------------------------------------------------------- */

static void
timer_call(void)
{
	struct callout *co;
	void (*fn)(void *);
	void *arg;

	co = list_first(&wheel.w_due, struct callout, co_link);
	list_remove(&co->co_link);
	atomic_store_explicit(&co->co_state, CO_IDLE, memory_order_relaxed);
	fn = co->co_fn;
	arg = co->co_arg;
	wheel.w_running = co;
	/* Before anybody can see that it is not armed: what its owner frees
	 * through an epoch outlives the call. */
	epoch_enter();
	mutex_exit(&timer_lock);
	fn(arg);
	epoch_exit();
	mutex_enter(&timer_lock);
	wheel.w_running = NULL;
	cv_broadcast(&timer_ran);
}

static void
timer_thread(void *arg __maybe_unused)
{
	uint32_t kick;
	nstime_t wake;

	atomic_store(&timer_td, thread_self());
	mutex_enter(&timer_lock);
	for (;;) {
		wake = wheel_turn(mono_now());
		if (!list_empty(&wheel.w_due)) {
			while (!list_empty(&wheel.w_due))
				timer_call();
			continue;
		}
		wheel.w_wake = wake;
		kick = atomic_load_explicit(&timer_kick,
		    memory_order_relaxed);
		mutex_exit(&timer_lock);
		(void)rumpuser_park((const uint32_t *)&timer_kick, kick,
		    wake);
		mutex_enter(&timer_lock);
		wheel.w_wake = INT64_MIN;
	}
}

static void
timer_start(void)
{
	int error;

	error = kthread_create(timer_thread, NULL, "timer", NULL);
	if (error == 0)
		return;
	/* The next callout tries again. */
	klog(LOG_ERR, "timer: no thread: error %d", error);
	mutex_enter(&timer_lock);
	wheel.w_started = false;
	mutex_exit(&timer_lock);
}

/* ---- Callouts ---------------------------------------------------------- */

void
callout_init(struct callout *co, void (*fn)(void *), void *arg)
{
	list_node_init(&co->co_link);
	co->co_deadline = 0;
	co->co_fn = fn;
	co->co_arg = arg;
	atomic_init(&co->co_state, CO_IDLE);
}

void
callout_schedule(struct callout *co, nstime_t deadline)
{
	bool kick, start;

	mutex_enter(&timer_lock);
	list_remove(&co->co_link);
	co->co_deadline = deadline;
	atomic_store_explicit(&co->co_state, CO_ARMED, memory_order_relaxed);
	if (deadline != NSTIME_FOREVER)
		wheel_insert(co);
	start = !wheel.w_started;
	wheel.w_started = true;
	kick = deadline < wheel.w_wake;
	if (kick) {
		wheel.w_wake = INT64_MIN;
		atomic_fetch_add_explicit(&timer_kick, 1,
		    memory_order_relaxed);
	}
	mutex_exit(&timer_lock);
	if (start)
		timer_start();
	else if (kick)
		rumpuser_unpark((const uint32_t *)&timer_kick, 1);
}

static bool
stop_locked(struct callout *co)
{
	if (atomic_load_explicit(&co->co_state, memory_order_relaxed) !=
	    CO_ARMED)
		return false;
	list_remove(&co->co_link);
	atomic_store_explicit(&co->co_state, CO_IDLE, memory_order_relaxed);
	return true;
}

bool
callout_stop(struct callout *co)
{
	bool armed;

	/* Not armed by anybody that the caller knows of: no lock. */
	if (atomic_load_explicit(&co->co_state, memory_order_relaxed) !=
	    CO_ARMED)
		return false;
	mutex_enter(&timer_lock);
	armed = stop_locked(co);
	mutex_exit(&timer_lock);
	return armed;
}

bool
callout_halt(struct callout *co)
{
	bool armed;

	KASSERT(curthread_ == NULL || curthread_ != atomic_load(&timer_td));
	mutex_enter(&timer_lock);
	armed = stop_locked(co);
	while (wheel.w_running == co) {
		cv_wait(&timer_ran, &timer_lock);
		/* It may have armed itself again. */
		armed |= stop_locked(co);
	}
	mutex_exit(&timer_lock);
	return armed;
}
