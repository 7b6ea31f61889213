/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Kernel half of t_sync: locks and condition variables, driven by the threads
 * that the other half makes.
 */
#include <kern/epoch.h>
#include <kern/kmem.h>
#include <kern/sync.h>
#include <kern/thread.h>
#include <kern/time.h>

int rumptest_sync_init(void);
void rumptest_sync_mutex(int rounds);
long rumptest_sync_counter(void);
int rumptest_sync_rw(int rounds, bool writer);
int rumptest_sync_rw_change(void);
void rumptest_sync_put(int value);
int rumptest_sync_take(void);
int rumptest_sync_timeout(int64_t ns);
void rumptest_sync_reversed(void);
void rumptest_sync_twice(void);
void rumptest_sync_foreign(void);
int rumptest_sync_epoch_read(int rounds);
int rumptest_sync_epoch_write(int rounds);
uint64_t rumptest_sync_epoch_freed(void);
int rumptest_sync_threads(int n);

static struct lock_class a_lc = LOCK_CLASS("test a", 0);
static struct lock_class b_lc = LOCK_CLASS("test b", 0);
static struct kmutex a, b;
static struct krwlock rw;
static struct kcondvar cv;
static long counter, pair[2];
static int slot, slot_full;

int
rumptest_sync_init(void)
{
	mutex_init(&a, &a_lc);
	mutex_init(&b, &b_lc);
	rw_init(&rw, NULL);
	cv_init(&cv);
	return 0;
}

void
rumptest_sync_mutex(int rounds)
{
	for (int i = 0; i < rounds; i++) {
		if (i % 3 != 0 || !mutex_tryenter(&a))
			mutex_enter(&a);
		counter++;
		mutex_exit(&a);
	}
}

long
rumptest_sync_counter(void)
{
	return counter;
}

/* Writers keep the pair equal outside of the lock; readers look. */
int
rumptest_sync_rw(int rounds, bool writer)
{
	int bad = 0;

	for (int i = 0; i < rounds; i++) {
		rw_enter(&rw, writer ? RW_WRITER : RW_READER);
		if (pair[0] != pair[1])
			bad++;
		if (writer) {
			pair[0]++;
			*(volatile long *)&pair[1] = pair[0];
			if (i % 4 == 0) {
				rw_downgrade(&rw);
				if (pair[0] != pair[1])
					bad++;
			}
		} else if (i % 5 == 0 && rw_tryupgrade(&rw)) {
			pair[0]--;
			*(volatile long *)&pair[1] = pair[0];
		}
		rw_exit(&rw);
	}
	return bad;
}

int
rumptest_sync_rw_change(void)
{
	int bad = 0;

	rw_enter(&rw, RW_READER);
	bad += rw_write_held(&rw) || !rw_lock_held(&rw);
	bad += !rw_tryupgrade(&rw) || !rw_write_held(&rw);
	bad += rw_tryenter_nodebug(&rw, RW_READER);
	rw_downgrade(&rw);
	bad += rw_write_held(&rw);
	bad += rw_tryenter_nodebug(&rw, RW_WRITER);
	rw_exit(&rw);
	bad += rw_lock_held(&rw);
	return bad;
}

void
rumptest_sync_put(int value)
{
	mutex_enter(&b);
	while (slot_full)
		cv_wait(&cv, &b);
	slot = value;
	slot_full = 1;
	cv_broadcast(&cv);
	mutex_exit(&b);
}

int
rumptest_sync_take(void)
{
	int value;

	mutex_enter(&b);
	while (!slot_full)
		cv_wait(&cv, &b);
	value = slot;
	slot_full = 0;
	cv_broadcast(&cv);
	mutex_exit(&b);
	return value;
}

int
rumptest_sync_timeout(int64_t ns)
{
	nstime_t deadline = mono_now() + ns;
	int error;

	mutex_enter(&b);
	do {
		error = cv_timedwait(&cv, &b, deadline);
	} while (error == 0);
	mutex_exit(&b);
	return error == ETIMEDOUT && mono_now() < deadline ? EPROTO : error;
}

void
rumptest_sync_reversed(void)
{
	mutex_enter(&a);
	mutex_enter(&b);
	mutex_exit(&b);
	mutex_exit(&a);
	mutex_enter(&b);
	mutex_enter(&a);
}

void
rumptest_sync_twice(void)
{
	mutex_enter(&a);
	mutex_enter(&a);
}

static void
leave(void *arg)
{
	mutex_exit(arg);
}

void
rumptest_sync_foreign(void)
{
	struct kthread *kt;

	mutex_enter(&a);
	if (kthread_create(leave, &a, "foreign", &kt) == 0)
		kthread_join(kt);
}

/* ---- Epochs: a shared object that writers replace ---------------------- */

struct object {
	struct epoch_entry o_epoch;
	uint64_t o_a, o_b;		/* o_b == ~o_a while it may be seen */
};

static _Atomic(struct object *) current;
static _Atomic uint64_t freed;

static void
object_free(struct epoch_entry *ee)
{
	struct object *o = container_of(ee, struct object, o_epoch);

	o->o_b = o->o_a;
	kmem_free(o, sizeof(*o));
	atomic_fetch_add(&freed, 1);
}

int
rumptest_sync_epoch_read(int rounds)
{
	struct object *o;
	int bad = 0;

	for (int i = 0; i < rounds; i++) {
		epoch_enter();
		o = atomic_load(&current);
		if (o != NULL && *(volatile uint64_t *)&o->o_a !=
		    ~*(volatile uint64_t *)&o->o_b)
			bad++;
		epoch_enter();
		epoch_exit();
		if (o != NULL && o->o_a != ~*(volatile uint64_t *)&o->o_b)
			bad++;
		epoch_exit();
	}
	return bad;
}

int
rumptest_sync_epoch_write(int rounds)
{
	struct object *o;

	for (int i = 0; i < rounds; i++) {
		o = kmem_alloc(sizeof(*o), 0);
		if (o == NULL)
			return ENOMEM;
		o->o_a = (uint64_t)i;
		o->o_b = ~o->o_a;
		o = atomic_exchange(&current, o);
		if (o != NULL)
			epoch_defer(&o->o_epoch, object_free);
		if (i % 1000 == 0)
			epoch_synchronize();
	}
	return 0;
}

uint64_t
rumptest_sync_epoch_freed(void)
{
	struct object *o;

	o = atomic_exchange(&current, NULL);
	if (o != NULL)
		epoch_defer(&o->o_epoch, object_free);
	epoch_drain();
	epoch_drain();
	return atomic_load(&freed);
}

static void
count(void *arg)
{
	(void)arg;
	rumptest_sync_mutex(100);
}

int
rumptest_sync_threads(int n)
{
	struct kthread *kt;
	int error;

	for (int i = 0; i < n; i++) {
		error = kthread_create(count, NULL, "counter", &kt);
		if (error != 0)
			return error;
		kthread_join(kt);
	}
	return 0;
}
