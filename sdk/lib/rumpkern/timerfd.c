/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * timerfd_create(2): timers that are files.
 *
 * Expirations are counted when somebody looks (settle()); the callout is there
 * to wake who waits. A timer on the time of day by absolute time follows it
 * when it is set (timerfd_clock_set()).
 *
 * Lock order: timers_lock -> tf_lock.
 */
#include <kern/file.h>
#include <kern/kmem.h>
#include <kern/string.h>
#include <kern/syscall.h>
#include <kern/time.h>

#include <linux/fs.h>
#include <linux/timerfd.h>

#include "poll_private.h"
#include "proc_private.h"
#include "sysproto.h"

/*
 * I  immutable   t  tf_lock   g  timers_lock
 */
struct timerfd {
	struct kmutex tf_lock;
	struct kcondvar tf_cv;
	struct pollhead tf_head;
	struct callout tf_callout;
	int tf_clock;			/* [I] */
	bool tf_absolute;		/* [t] tf_value is a time of day */
	bool tf_cancel;			/* [t] TFD_TIMER_CANCEL_ON_SET */
	bool tf_cancelled;		/* [t] the time of day was set */
	nstime_t tf_value;		/* [t] as set, if absolute */
	nstime_t tf_next;		/* [t] monotonic; FOREVER: disarmed */
	nstime_t tf_interval;		/* [t] 0: once */
	uint64_t tf_ticks;		/* [t] not yet read */
	struct list tf_link;		/* [g] those of the time of day */
};

static struct lock_class timerfd_lc = LOCK_CLASS("timerfd", 0);
static struct lock_class timers_lc = LOCK_CLASS("timerfds", 0);
static struct kmutex timers_lock;
static struct list timers = LIST_INITIALIZER(timers);

/* Count what has expired by now. [tf_lock] */
static void
settle(struct timerfd *tf)
{
	nstime_t now;
	uint64_t n;

	if (tf->tf_next == NSTIME_FOREVER)
		return;
	now = mono_now();
	if (now < tf->tf_next)
		return;
	if (tf->tf_interval == 0) {
		tf->tf_ticks++;
		tf->tf_next = NSTIME_FOREVER;
		return;
	}
	n = (uint64_t)(now - tf->tf_next) / (uint64_t)tf->tf_interval + 1;
	tf->tf_ticks += n;
	if (__builtin_add_overflow(tf->tf_next,
	    (nstime_t)n * tf->tf_interval, &tf->tf_next))
		tf->tf_next = NSTIME_FOREVER;
}

static void
expired(void *arg)
{
	struct timerfd *tf = arg;

	mutex_enter(&tf->tf_lock);
	settle(tf);
	if (tf->tf_ticks > 0) {
		cv_broadcast(&tf->tf_cv);
		poll_notify(&tf->tf_head, POLLIN | POLLRDNORM);
	}
	if (tf->tf_next != NSTIME_FOREVER)
		callout_schedule(&tf->tf_callout, tf->tf_next);
	mutex_exit(&tf->tf_lock);
}

/* Start from tf_value or tf_next. [tf_lock] */
static void
arm(struct timerfd *tf)
{
	if (tf->tf_absolute)
		tf->tf_next = mono_now() + (tf->tf_value - real_now());
	if (tf->tf_next == NSTIME_FOREVER)
		(void)callout_stop(&tf->tf_callout);
	else
		callout_schedule(&tf->tf_callout, tf->tf_next);
}

void
timerfd_clock_set(void)
{
	struct timerfd *tf;
	struct list *n;

	mutex_enter(&timers_lock);
	LIST_FOREACH(n, &timers) {
		tf = container_of(n, struct timerfd, tf_link);
		mutex_enter(&tf->tf_lock);
		settle(tf);
		if (tf->tf_cancel) {
			tf->tf_cancelled = true;
			cv_broadcast(&tf->tf_cv);
			poll_notify(&tf->tf_head, POLLIN | POLLRDNORM);
		}
		if (tf->tf_absolute && tf->tf_interval == 0 &&
		    tf->tf_next != NSTIME_FOREVER)
			arm(tf);
		mutex_exit(&tf->tf_lock);
	}
	mutex_exit(&timers_lock);
}

/* ---- The file --------------------------------------------------------- */

static int
timerfd_read(struct file *fp, off_t *offp __maybe_unused, struct uio *uio,
    int flags)
{
	struct timerfd *tf = fp->f_data;
	uint64_t ticks;
	int error = 0;

	if (uio->uio_resid < sizeof(ticks))
		return EINVAL;
	mutex_enter(&tf->tf_lock);
	for (;;) {
		settle(tf);
		if (tf->tf_cancelled) {
			tf->tf_cancelled = false;
			error = ECANCELED;
		}
		if (tf->tf_ticks > 0 || error != 0)
			break;
		if ((atomic_load_explicit(&fp->f_flags, memory_order_relaxed) &
		    O_NONBLOCK) != 0 || (flags & RWF_NOWAIT) != 0)
			error = EAGAIN;
		else
			error = cv_wait_sig(&tf->tf_cv, &tf->tf_lock);
	}
	ticks = tf->tf_ticks;
	tf->tf_ticks = 0;
	mutex_exit(&tf->tf_lock);
	if (error == ECANCELED || ticks == 0)
		return error;
	return uiomove(&ticks, sizeof(ticks), uio);
}

static int
timerfd_poll(struct file *fp, int events, struct pollent *pe)
{
	struct timerfd *tf = fp->f_data;
	int ready = 0;

	if (pe != NULL)
		poll_hang(&tf->tf_head, pe);
	mutex_enter(&tf->tf_lock);
	settle(tf);
	if (tf->tf_ticks > 0 || tf->tf_cancelled)
		ready = events & (POLLIN | POLLRDNORM);
	mutex_exit(&tf->tf_lock);
	return ready;
}

static void
timerfd_free(struct timerfd *tf)
{
	if (list_linked(&tf->tf_link)) {
		mutex_enter(&timers_lock);
		list_remove(&tf->tf_link);
		mutex_exit(&timers_lock);
	}
	/* It may be about to arm itself again. */
	mutex_enter(&tf->tf_lock);
	tf->tf_next = NSTIME_FOREVER;
	mutex_exit(&tf->tf_lock);
	(void)callout_halt(&tf->tf_callout);
	pollhead_fini(&tf->tf_head);
	cv_fini(&tf->tf_cv);
	mutex_fini(&tf->tf_lock);
	kmem_free(tf, sizeof(*tf));
}

static int
timerfd_close(struct file *fp)
{
	timerfd_free(fp->f_data);
	return 0;
}

static const struct fileops timerfd_fileops = {
	.fo_type = FT_TIMERFD,
	.fo_read = timerfd_read,
	.fo_poll = timerfd_poll,
	.fo_stat = anon_stat,
	.fo_close = timerfd_close,
};

/* ---- System calls ----------------------------------------------------- */

int
sys_timerfd_create(int clock, int flags, long *rv)
{
	struct timerfd *tf;
	int error;

	if ((flags & ~(TFD_CLOEXEC | TFD_NONBLOCK)) != 0)
		return EINVAL;
	/* The alarm clocks wake a suspended machine: there is none. */
	if (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC &&
	    clock != CLOCK_BOOTTIME)
		return EINVAL;
	tf = kmem_zalloc(sizeof(*tf), 0);
	if (tf == NULL)
		return ENOMEM;
	mutex_init(&tf->tf_lock, &timerfd_lc);
	cv_init(&tf->tf_cv);
	pollhead_init(&tf->tf_head);
	callout_init(&tf->tf_callout, expired, tf);
	list_node_init(&tf->tf_link);
	tf->tf_clock = clock;
	tf->tf_next = NSTIME_FOREVER;
	if (clock == CLOCK_REALTIME) {
		mutex_enter(&timers_lock);
		list_insert_tail(&timers, &tf->tf_link);
		mutex_exit(&timers_lock);
	}
	error = anon_install(&timerfd_fileops, tf, flags, rv);
	if (error != 0)
		timerfd_free(tf);
	return error;
}

/* What is left, and the interval. [tf_lock] */
static void
current(struct timerfd *tf, struct itimerspec *it)
{
	nstime_t left = 0;

	settle(tf);
	if (tf->tf_next != NSTIME_FOREVER)
		left = MAX(tf->tf_next - mono_now(), 1);
	it->it_value = ns_to_timespec(left);
	it->it_interval = ns_to_timespec(tf->tf_interval);
}

static int
timerfd_get(int fd, struct file **fpp)
{
	int error;

	error = fd_get(fd, fpp);
	if (error == 0 && (*fpp)->f_ops != &timerfd_fileops) {
		fd_put(*fpp);
		error = EINVAL;
	}
	return error;
}

static void
settime(struct timerfd *tf, int flags, nstime_t value, nstime_t interval)
{
	tf->tf_cancel = tf->tf_clock == CLOCK_REALTIME &&
	    (flags & TFD_TIMER_ABSTIME) != 0 &&
	    (flags & TFD_TIMER_CANCEL_ON_SET) != 0;
	tf->tf_cancelled = false;
	tf->tf_ticks = 0;
	tf->tf_interval = interval;
	tf->tf_value = value;
	tf->tf_absolute = false;
	if (value == 0) {
		tf->tf_next = NSTIME_FOREVER;
	} else if ((flags & TFD_TIMER_ABSTIME) == 0) {
		tf->tf_next = mono_deadline(value);
	} else {
		tf->tf_next = value;
		tf->tf_absolute = tf->tf_clock == CLOCK_REALTIME;
	}
	arm(tf);
}

int
sys_timerfd_settime(int fd, int flags, const struct itimerspec *unew,
    struct itimerspec *uold, long *rv __maybe_unused)
{
	struct itimerspec it, old;
	nstime_t value, interval;
	struct timerfd *tf;
	struct file *fp;
	int error;

	error = copyin(unew, &it, sizeof(it));
	if (error != 0)
		return error;
	if ((flags & ~(TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET)) != 0 ||
	    timespec_to_ns(&it.it_value, &value) != 0 ||
	    timespec_to_ns(&it.it_interval, &interval) != 0)
		return EINVAL;
	error = timerfd_get(fd, &fp);
	if (error != 0)
		return error;
	tf = fp->f_data;
	mutex_enter(&tf->tf_lock);
	current(tf, &old);
	settime(tf, flags, value, interval);
	mutex_exit(&tf->tf_lock);
	fd_put(fp);
	return uold != NULL ? copyout(&old, uold, sizeof(old)) : 0;
}

int
sys_timerfd_gettime(int fd, struct itimerspec *ucur, long *rv __maybe_unused)
{
	struct itimerspec it;
	struct timerfd *tf;
	struct file *fp;
	int error;

	error = timerfd_get(fd, &fp);
	if (error != 0)
		return error;
	tf = fp->f_data;
	mutex_enter(&tf->tf_lock);
	current(tf, &it);
	mutex_exit(&tf->tf_lock);
	fd_put(fp);
	return copyout(&it, ucur, sizeof(it));
}

int
timerfd_init(void)
{
	mutex_init(&timers_lock, &timers_lc);
	return 0;
}
