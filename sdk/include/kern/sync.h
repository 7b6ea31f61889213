/* SPDX-License-Identifier: BSD-2-Clause */
/** @file sync.h
 * Mutexes, reader/writer locks, spin locks and condition variables, on C11
 * atomics and the park hypercall. Taking and leaving a lock that nobody else
 * wants is inline and stays inside the kernel.
 *
 * In a DIAGNOSTIC build each lock belongs to a class, the order in which a
 * thread takes locks of two classes is learned, and the reverse order, a lock
 * taken twice, and a lock left by a thread that does not own it panic.
 */
#ifndef KERN_SYNC_H
#define KERN_SYNC_H

#include <kern/assert.h>
#include <kern/list.h>

struct lwp;

/**
 * A class of locks: all that are taken at the same place in the order.
 * Static storage.
 */
struct lock_class {
	const char *lc_name;
	int lc_flags;
	_Atomic int lc_index;		/* 0: not yet registered */
};

/** Locks of this class may nest in each other (parent before child). */
#define LC_NESTS 0x1

#define LOCK_CLASS(name, flags) { (name), (flags), 0 }

#ifdef DIAGNOSTIC
struct lock_debug {
	struct lock_class *ld_class;
	_Atomic(void *) ld_owner;	/* a thread's identity, or NULL */
};
void lock_debug_init(struct lock_debug *ld, struct lock_class *lc);
/** Before blocking: checks the order (not for try variants). */
void lock_debug_want(struct lock_debug *ld, bool exclusive);
void lock_debug_locked(struct lock_debug *ld, bool exclusive);
void lock_debug_unlock(struct lock_debug *ld, bool exclusive);
bool lock_debug_held(struct lock_debug *ld);
/** The calling thread must hold no lock (before an unbounded sleep). */
void lock_debug_none_held(const char *where);
#define LOCK_DEBUG_MEMBER	struct lock_debug lk_debug;
#define LOCK_DEBUG(call)	call
#else
#define LOCK_DEBUG_MEMBER
#define LOCK_DEBUG(call)	((void)0)
#define lock_debug_none_held(where) ((void)0)
#endif

/* ---- Mutex: sleeps; owner leaves; not recursive ---------------------- */

enum { MTX_FREE, MTX_HELD, MTX_CONTENDED };

struct kmutex {
	_Atomic uint32_t mtx_word;
	LOCK_DEBUG_MEMBER
};

void mutex_init(struct kmutex *mtx, struct lock_class *lc);
void mutex_fini(struct kmutex *mtx);
void mutex_enter_slow(struct kmutex *mtx);
void mutex_exit_slow(struct kmutex *mtx);

static inline void
mutex_enter(struct kmutex *mtx)
{
	uint32_t v = MTX_FREE;

	LOCK_DEBUG(lock_debug_want(&mtx->lk_debug, true));
	if (__unlikely(!atomic_compare_exchange_strong_explicit(&mtx->mtx_word,
	    &v, MTX_HELD, memory_order_acquire, memory_order_relaxed)))
		mutex_enter_slow(mtx);
	LOCK_DEBUG(lock_debug_locked(&mtx->lk_debug, true));
}

static inline bool
mutex_tryenter(struct kmutex *mtx)
{
	uint32_t v = MTX_FREE;

	if (!atomic_compare_exchange_strong_explicit(&mtx->mtx_word, &v,
	    MTX_HELD, memory_order_acquire, memory_order_relaxed))
		return false;
	LOCK_DEBUG(lock_debug_locked(&mtx->lk_debug, true));
	return true;
}

static inline void
mutex_exit(struct kmutex *mtx)
{
	LOCK_DEBUG(lock_debug_unlock(&mtx->lk_debug, true));
	if (__unlikely(atomic_exchange_explicit(&mtx->mtx_word, MTX_FREE,
	    memory_order_release) == MTX_CONTENDED))
		mutex_exit_slow(mtx);
}

/**
 * Is it held? By the calling thread in a DIAGNOSTIC build, by anybody
 * otherwise: for assertions only.
 */
static inline bool
mutex_owned(struct kmutex *mtx)
{
#ifdef DIAGNOSTIC
	return lock_debug_held(&mtx->lk_debug);
#else
	return atomic_load_explicit(&mtx->mtx_word, memory_order_relaxed) !=
	    MTX_FREE;
#endif
}

/* ---- Spin lock: for a few instructions, never held over a sleep ------- */

struct kspin {
	struct kmutex spin_mtx;
};

static inline void
spin_init(struct kspin *s, struct lock_class *lc)
{
	mutex_init(&s->spin_mtx, lc);
}

static inline void
spin_fini(struct kspin *s)
{
	mutex_fini(&s->spin_mtx);
}

/* A preempted holder must not burn its waiters' CPU: after a short spin they
 * park, as for a mutex. */
static inline void
spin_lock(struct kspin *s)
{
	mutex_enter(&s->spin_mtx);
}

static inline bool
spin_trylock(struct kspin *s)
{
	return mutex_tryenter(&s->spin_mtx);
}

static inline void
spin_unlock(struct kspin *s)
{
	mutex_exit(&s->spin_mtx);
}

static inline bool
spin_owned(struct kspin *s)
{
	return mutex_owned(&s->spin_mtx);
}

/* ---- Reader/writer lock: writers are preferred ------------------------ */

/*
 * The word: RWL_WRITER held exclusively; RWL_WAITERS somebody is parked (set
 * by waiters only; readers then queue behind them); RWL_READER times readers.
 */
#define RWL_WRITER	0x1u
#define RWL_WAITERS	0x2u
#define RWL_READER	0x4u

enum krw { RW_READER, RW_WRITER };

struct krwlock {
	_Atomic uint32_t rw_word;
	_Atomic uint32_t rw_seq;	/* parked on; counts releases */
	LOCK_DEBUG_MEMBER
};

void rw_init(struct krwlock *rw, struct lock_class *lc);
void rw_fini(struct krwlock *rw);
void rw_enter_slow(struct krwlock *rw, enum krw how);
void rw_wake(struct krwlock *rw);

static inline bool
rw_tryenter_nodebug(struct krwlock *rw, enum krw how)
{
	uint32_t v;

	v = atomic_load_explicit(&rw->rw_word, memory_order_relaxed);
	if (how == RW_WRITER)
		return (v & ~RWL_WAITERS) == 0 &&
		    atomic_compare_exchange_strong_explicit(&rw->rw_word, &v,
		    v | RWL_WRITER, memory_order_acquire,
		    memory_order_relaxed);
	while ((v & (RWL_WRITER | RWL_WAITERS)) == 0) {
		if (atomic_compare_exchange_weak_explicit(&rw->rw_word, &v,
		    v + RWL_READER, memory_order_acquire,
		    memory_order_relaxed))
			return true;
	}
	return false;
}

static inline void
rw_enter(struct krwlock *rw, enum krw how)
{
	LOCK_DEBUG(lock_debug_want(&rw->lk_debug, how == RW_WRITER));
	if (__unlikely(!rw_tryenter_nodebug(rw, how)))
		rw_enter_slow(rw, how);
	LOCK_DEBUG(lock_debug_locked(&rw->lk_debug, how == RW_WRITER));
}

static inline bool
rw_tryenter(struct krwlock *rw, enum krw how)
{
	if (!rw_tryenter_nodebug(rw, how))
		return false;
	LOCK_DEBUG(lock_debug_locked(&rw->lk_debug, how == RW_WRITER));
	return true;
}

static inline void
rw_exit(struct krwlock *rw)
{
	uint32_t v, sub;

	v = atomic_load_explicit(&rw->rw_word, memory_order_relaxed);
	sub = (v & RWL_WRITER) != 0 ? RWL_WRITER : RWL_READER;
	LOCK_DEBUG(lock_debug_unlock(&rw->lk_debug, sub == RWL_WRITER));
	v = atomic_fetch_sub_explicit(&rw->rw_word, sub,
	    memory_order_release);
	if (__unlikely((v - sub) == RWL_WAITERS))
		rw_wake(rw);
}

/** Turn an exclusive hold into a shared one, without a gap. */
void rw_downgrade(struct krwlock *rw);
/** Turn the only shared hold into an exclusive one; false if others hold it. */
bool rw_tryupgrade(struct krwlock *rw);

static inline bool
rw_write_held(struct krwlock *rw)
{
	return (atomic_load_explicit(&rw->rw_word, memory_order_relaxed) &
	    RWL_WRITER) != 0;
}

static inline bool
rw_lock_held(struct krwlock *rw)
{
	return (atomic_load_explicit(&rw->rw_word, memory_order_relaxed) &
	    ~RWL_WAITERS) != 0;
}

/* ---- Condition variable ----------------------------------------------- */

struct kcondvar {
	_Atomic uint32_t cv_seq;	/* parked on; counts wake-ups */
	_Atomic uint32_t cv_waiters;
	_Atomic uint32_t cv_parked;	/* waiters that do not spin any more */
};

void cv_init(struct kcondvar *cv);
void cv_fini(struct kcondvar *cv);
/** Sleep; the mutex is left and taken again. May return without cause. */
void cv_wait(struct kcondvar *cv, struct kmutex *mtx);
/** As cv_wait(); EINTR when a signal is pending for the calling lwp. */
int cv_wait_sig(struct kcondvar *cv, struct kmutex *mtx);
/** As cv_wait() until a deadline (monotonic clock): ETIMEDOUT. */
int cv_timedwait(struct kcondvar *cv, struct kmutex *mtx, nstime_t deadline);
int cv_timedwait_sig(struct kcondvar *cv, struct kmutex *mtx,
    nstime_t deadline);

/**
 * What a waiter does instead of only sleeping. No lock is held in any of them.
 */
struct cv_driver {
	/** Do the work that there is. @return was there any? */
	bool (*cd_poll)(struct cv_driver *cd);
	/**
	 * Sleep until there may be work, *word != expected (whoever changes it
	 * wakes those that are parked on it), or the deadline. May return
	 * without cause. @return ETIMEDOUT
	 */
	int (*cd_park)(struct cv_driver *cd, _Atomic uint32_t *word,
	    uint32_t expected, nstime_t deadline);
	/** The wait is over. */
	void (*cd_end)(struct cv_driver *cd);
	nstime_t cd_spin;	/**< poll that long before it parks; 0: as long
				     as other waits spin */
};
/** As cv_timedwait_sig(), driving. */
int cv_timedwait_sig_drive(struct kcondvar *cv, struct kmutex *mtx,
    nstime_t deadline, struct cv_driver *cd);
void cv_signal(struct kcondvar *cv);
void cv_broadcast(struct kcondvar *cv);

/**
 * Wake the lwp if it sleeps in one of the _sig functions, so that it looks at
 * its signals. Any thread; spurious for others on the same word.
 */
void sleepq_interrupt(struct lwp *l);

#endif
