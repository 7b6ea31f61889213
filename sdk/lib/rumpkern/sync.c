/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The slow halves of the locks in kern/sync.h: somebody has to wait, or be
 * woken. All waiting is rumpuser_park() on a word of the lock.
 */
#include <kern/proc.h>
#include <kern/time.h>
#include <rump/rumpuser.h>

#include "rumpkern.h"

#define WAKE_ALL	UINT32_MAX
#define SPIN_LONG	32	/* times sync_spin: about a wake-up's cost */
#define SPIN_TRY_NS	10	/* no try is shorter */
#define PATIENCE_MAX	8
#define PATIENCE_LOST	(-64)

unsigned sync_spin;

static inline void
cpu_relax(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

/*
 * Spin until the word is something else: cheaper than a sleep, where the
 * holder runs on another CPU. sync_spin is about a microsecond.
 */
static bool
spin_while(_Atomic uint32_t *word, uint32_t value, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		if (atomic_load_explicit(word, memory_order_relaxed) != value)
			return true;
		cpu_relax();
	}
	return false;
}

static int
park(_Atomic uint32_t *word, uint32_t value, nstime_t deadline)
{
	return rumpuser_park((const uint32_t *)word, value, deadline);
}

static void
unpark(_Atomic uint32_t *word, uint32_t n)
{
	rumpuser_unpark((const uint32_t *)word, n);
}

/* ---- Mutex ------------------------------------------------------------ */

void
mutex_init(struct kmutex *mtx, struct lock_class *lc __maybe_unused)
{
	atomic_init(&mtx->mtx_word, MTX_FREE);
	LOCK_DEBUG(lock_debug_init(&mtx->lk_debug, lc));
}

void
mutex_fini(struct kmutex *mtx __maybe_unused)
{
	KASSERT(atomic_load(&mtx->mtx_word) == MTX_FREE);
}

void
mutex_enter_slow(struct kmutex *mtx)
{
	uint32_t v;

	if (spin_while(&mtx->mtx_word, MTX_HELD, sync_spin)) {
		v = MTX_FREE;
		if (atomic_compare_exchange_strong_explicit(&mtx->mtx_word, &v,
		    MTX_HELD, memory_order_acquire, memory_order_relaxed))
			return;
	}
	/* From here on the word says that somebody may sleep. */
	while (atomic_exchange_explicit(&mtx->mtx_word, MTX_CONTENDED,
	    memory_order_acquire) != MTX_FREE)
		park(&mtx->mtx_word, MTX_CONTENDED, NSTIME_FOREVER);
}

void
mutex_exit_slow(struct kmutex *mtx)
{
	unpark(&mtx->mtx_word, 1);
}

/* ---- Reader/writer lock ----------------------------------------------- */

void
rw_init(struct krwlock *rw, struct lock_class *lc __maybe_unused)
{
	atomic_init(&rw->rw_word, 0);
	atomic_init(&rw->rw_seq, 0);
	LOCK_DEBUG(lock_debug_init(&rw->lk_debug, lc));
}

void
rw_fini(struct krwlock *rw __maybe_unused)
{
	KASSERT(atomic_load(&rw->rw_word) == 0);
}

/* Try with the word as it was read; readers pass waiters of a free lock. */
static bool
rw_try(struct krwlock *rw, enum krw how, uint32_t v)
{
	uint32_t holders = v & ~RWL_WAITERS;

	if (how == RW_WRITER ? holders != 0 :
	    (v & RWL_WRITER) != 0 || (holders != 0 && v != holders))
		return false;
	return atomic_compare_exchange_strong_explicit(&rw->rw_word, &v,
	    v + (how == RW_WRITER ? RWL_WRITER : RWL_READER),
	    memory_order_acquire, memory_order_relaxed);
}

void
rw_enter_slow(struct krwlock *rw, enum krw how)
{
	uint32_t seq, v;
	unsigned i;

	for (i = 0; i < sync_spin; i++) {
		v = atomic_load_explicit(&rw->rw_word, memory_order_relaxed);
		if ((v & RWL_WAITERS) != 0)
			break;
		if (rw_try(rw, how, v))
			return;
		cpu_relax();
	}
	for (;;) {
		/*
		 * The order matters: a release after this load changes
		 * rw_seq, one before it changed the word.
		 */
		seq = atomic_load(&rw->rw_seq);
		v = atomic_load(&rw->rw_word);
		if (rw_try(rw, how, v))
			return;
		v = atomic_load(&rw->rw_word);
		if ((v & ~RWL_WAITERS) == 0)
			continue;
		if ((v & RWL_WAITERS) == 0 &&
		    !atomic_compare_exchange_strong(&rw->rw_word, &v,
		    v | RWL_WAITERS))
			continue;
		park(&rw->rw_seq, seq, NSTIME_FOREVER);
	}
}

/* The last holder left, and the word says that somebody waits. */
void
rw_wake(struct krwlock *rw)
{
	uint32_t v = RWL_WAITERS;

	/* Who came between keeps the bit, and wakes when it leaves. */
	if (!atomic_compare_exchange_strong(&rw->rw_word, &v, 0))
		return;
	atomic_fetch_add(&rw->rw_seq, 1);
	unpark(&rw->rw_seq, WAKE_ALL);
}

void
rw_downgrade(struct krwlock *rw)
{
	KASSERT(rw_write_held(rw));
	LOCK_DEBUG(lock_debug_unlock(&rw->lk_debug, true));
	atomic_fetch_add_explicit(&rw->rw_word, RWL_READER - RWL_WRITER,
	    memory_order_release);
	LOCK_DEBUG(lock_debug_locked(&rw->lk_debug, false));
}

bool
rw_tryupgrade(struct krwlock *rw)
{
	uint32_t v;

	v = atomic_load_explicit(&rw->rw_word, memory_order_relaxed);
	while ((v & ~RWL_WAITERS) == RWL_READER) {
		if (!atomic_compare_exchange_weak_explicit(&rw->rw_word, &v,
		    v - RWL_READER + RWL_WRITER, memory_order_acquire,
		    memory_order_relaxed))
			continue;
		LOCK_DEBUG(lock_debug_unlock(&rw->lk_debug, false));
		LOCK_DEBUG(lock_debug_locked(&rw->lk_debug, true));
		return true;
	}
	return false;
}

/* ---- Condition variable ----------------------------------------------- */

void
cv_init(struct kcondvar *cv)
{
	atomic_init(&cv->cv_seq, 0);
	atomic_init(&cv->cv_waiters, 0);
	atomic_init(&cv->cv_parked, 0);
}

void
cv_fini(struct kcondvar *cv __maybe_unused)
{
	KASSERT(atomic_load(&cv->cv_waiters) == 0);
}

/*
 * Say where this lwp sleeps, so that sleepq_interrupt() finds it; NULL before
 * the word may go away.
 */
static void
sleepword_set(struct lwp *l, _Atomic uint32_t *word)
{
	mutex_enter(&l->l_lock);
	atomic_store(&l->l_sleepword, word);
	mutex_exit(&l->l_lock);
}

/*
 * Wait for a wake-up without sleeping. Two threads on two CPUs that answer
 * each other are best served by waiting as long as a wake-up takes, all others
 * by going to sleep at once: a thread learns which it is. It waits while that
 * pays, and tries again after PATIENCE_LOST sleeps.
 */
static bool
cv_patient(void)
{
	struct thread *td = thread_self();

	if (td->td_patience >= 0)
		return true;
	td->td_patience++;
	return false;
}

static void
cv_spun(bool won)
{
	struct thread *td = thread_self();

	if (won)
		td->td_patience = MIN(td->td_patience + 1, PATIENCE_MAX);
	else
		td->td_patience = td->td_patience == 0 ? PATIENCE_LOST :
		    td->td_patience - 1;
}

static bool
cv_spin(struct kcondvar *cv, uint32_t seq)
{
	bool won;

	if (!cv_patient())
		return false;
	won = spin_while(&cv->cv_seq, seq, sync_spin * SPIN_LONG);
	cv_spun(won);
	return won;
}

/* EINTR is looked at by the caller. @return ETIMEDOUT */
static int
cv_park(struct kcondvar *cv, uint32_t seq, nstime_t deadline)
{
	int error;

	/* cv_wake() changes cv_seq before it looks for us. */
	atomic_fetch_add(&cv->cv_parked, 1);
	error = park(&cv->cv_seq, seq, deadline);
	atomic_fetch_sub(&cv->cv_parked, 1);
	return error;
}

/*
 * Work for so many nanoseconds, or until woken: that is true. A clock that
 * stands still ends it too.
 */
static bool
cv_drive_spin(struct kcondvar *cv, uint32_t seq, struct cv_driver *cd,
    nstime_t ns)
{
	nstime_t end = 0, now, tries = 0;
	bool did;

	for (;; tries++) {
		did = cd->cd_poll(cd);
		if (atomic_load_explicit(&cv->cv_seq, memory_order_relaxed) !=
		    seq)
			return true;
		if (did) {
			end = tries = 0;
			continue;
		}
		if (ns == 0)
			return false;
		now = mono_now();
		if (end == 0)
			end = now + ns;
		else if (now >= end || tries > ns / SPIN_TRY_NS)
			return false;
		cpu_relax();
	}
}

static int
cv_drive(struct kcondvar *cv, uint32_t seq, nstime_t deadline,
    struct cv_driver *cd)
{
	bool adaptive = cd->cd_spin == 0, spin, won;
	int error = 0;

	do {
		spin = !adaptive || (sync_spin != 0 && cv_patient());
		won = cv_drive_spin(cv, seq, cd, !spin ? 0 : adaptive ?
		    SPIN_LONG * NS_PER_US : cd->cd_spin);
		if (adaptive && spin)
			cv_spun(won);
		if (won)
			return 0;
		atomic_fetch_add(&cv->cv_parked, 1);
		error = cd->cd_park(cd, &cv->cv_seq, seq, deadline);
		atomic_fetch_sub(&cv->cv_parked, 1);
	} while (error == 0 && atomic_load(&cv->cv_seq) == seq);
	return error;
}

static int
cv_sleep(struct kcondvar *cv, struct kmutex *mtx, nstime_t deadline,
    struct lwp *l, struct cv_driver *cd)
{
	uint32_t seq;
	int error = 0;

	KASSERT(mutex_owned(mtx));
	seq = atomic_load(&cv->cv_seq);
	atomic_fetch_add(&cv->cv_waiters, 1);
	if (l != NULL) {
		sleepword_set(l, &cv->cv_seq);
		error = lwp_sigcheck();
	}
	mutex_exit(mtx);
	if (error == 0 && cd != NULL)
		error = cv_drive(cv, seq, deadline, cd);
	else if (error == 0 && !cv_spin(cv, seq))
		error = cv_park(cv, seq, deadline);
	if (cd != NULL)
		cd->cd_end(cd);
	if (l != NULL) {
		sleepword_set(l, NULL);
		if (error == 0)
			error = lwp_sigcheck();
	}
	atomic_fetch_sub(&cv->cv_waiters, 1);
	mutex_enter(mtx);
	/* Woken and timed out at once: woken. */
	if (error == ETIMEDOUT && atomic_load(&cv->cv_seq) != seq)
		error = 0;
	return error;
}

void
cv_wait(struct kcondvar *cv, struct kmutex *mtx)
{
	(void)cv_sleep(cv, mtx, NSTIME_FOREVER, NULL, NULL);
}

int
cv_wait_sig(struct kcondvar *cv, struct kmutex *mtx)
{
	return cv_sleep(cv, mtx, NSTIME_FOREVER, curlwp_get(), NULL);
}

int
cv_timedwait(struct kcondvar *cv, struct kmutex *mtx, nstime_t deadline)
{
	return cv_sleep(cv, mtx, deadline, NULL, NULL);
}

int
cv_timedwait_sig(struct kcondvar *cv, struct kmutex *mtx, nstime_t deadline)
{
	return cv_sleep(cv, mtx, deadline, curlwp_get(), NULL);
}

int
cv_timedwait_sig_drive(struct kcondvar *cv, struct kmutex *mtx,
    nstime_t deadline, struct cv_driver *cd)
{
	return cv_sleep(cv, mtx, deadline, curlwp_get(), cd);
}

static void
cv_wake(struct kcondvar *cv, uint32_t n)
{
	/* The waiter counted itself before it left the mutex. */
	if (atomic_load(&cv->cv_waiters) == 0)
		return;
	atomic_fetch_add(&cv->cv_seq, 1);
	if (atomic_load(&cv->cv_parked) != 0)
		unpark(&cv->cv_seq, n);
}

void
cv_signal(struct kcondvar *cv)
{
	cv_wake(cv, 1);
}

void
cv_broadcast(struct kcondvar *cv)
{
	cv_wake(cv, WAKE_ALL);
}

void
sleepq_interrupt(struct lwp *l)
{
	_Atomic uint32_t *word;

	mutex_enter(&l->l_lock);
	word = atomic_load(&l->l_sleepword);
	if (word != NULL) {
		atomic_fetch_add(word, 1);
		unpark(word, WAKE_ALL);
	}
	mutex_exit(&l->l_lock);
}
