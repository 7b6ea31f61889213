/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * poll(2), ppoll(2), select(2), pselect(2).
 *
 * A call first asks every file, without waiting. Where none is ready it hangs
 * an entry on each, which holds the file, and sleeps until one of them says
 * something; then it asks again.
 */
#include <kern/file.h>
#include <kern/kmem.h>
#include <kern/string.h>
#include <kern/syscall.h>
#include <kern/time.h>

#include <linux/resource.h>

#include "filedesc.h"
#include "poll_private.h"
#include "signal.h"
#include "sysproto.h"

#define SMALL 16			/* descriptors without an allocation */

static struct lock_class poller_lc = LOCK_CLASS("poller", 0);

struct poller {
	struct kmutex pl_lock;		/* a leaf */
	struct kcondvar pl_cv;
	bool pl_woken;			/* [pl_lock] */
};

/* What waits on one file. */
struct pollwait {
	struct pollent pw_ent;
	struct poller *pw_poller;
	struct file *pw_file;		/* held; NULL: no such descriptor */
	int pw_events;
};

int
file_poll(struct file *fp, int events, struct pollent *pe)
{
	if ((atomic_load_explicit(&fp->f_flags, memory_order_relaxed) &
	    O_PATH) != 0)
		return POLLNVAL;
	if (fp->f_ops->fo_poll == NULL)
		return events & POLL_ALWAYS;
	return fp->f_ops->fo_poll(fp, events | POLLERR | POLLHUP, pe) &
	    (events | POLLERR | POLLHUP | POLLNVAL);
}

static void
poller_wake(struct pollent *pe, int events)
{
	struct pollwait *pw = container_of(pe, struct pollwait, pw_ent);
	struct poller *pl = pw->pw_poller;

	if (events != 0 && (events & pw->pw_events) == 0)
		return;
	mutex_enter(&pl->pl_lock);
	pl->pl_woken = true;
	cv_signal(&pl->pl_cv);
	mutex_exit(&pl->pl_lock);
}

/* Ask each file once. */
static int
poll_ask(struct pollfd *fds, unsigned n)
{
	struct file *fp;
	int ready = 0;

	for (unsigned i = 0; i < n; i++) {
		fds[i].revents = 0;
		if (fds[i].fd < 0)
			continue;
		if (fd_get(fds[i].fd, &fp) != 0) {
			fds[i].revents = POLLNVAL;
		} else {
			fds[i].revents = (short)file_poll(fp,
			    (unsigned short)fds[i].events, NULL);
			fd_put(fp);
		}
		if (fds[i].revents != 0)
			ready++;
	}
	return ready;
}

static void
poll_hang_all(struct poller *pl, struct pollwait *pw, struct pollfd *fds,
    unsigned n, int *ready)
{
	for (unsigned i = 0; i < n; i++, pw++) {
		pw->pw_file = NULL;
		fds[i].revents = 0;
		if (fds[i].fd < 0)
			continue;
		pw->pw_poller = pl;
		pw->pw_events = (unsigned short)fds[i].events | POLLERR |
		    POLLHUP;
		pw->pw_ent = (struct pollent){ .pe_fn = poller_wake };
		if (fd_hold(fds[i].fd, &pw->pw_file) != 0)
			fds[i].revents = POLLNVAL;
		else
			fds[i].revents = (short)file_poll(pw->pw_file,
			    (unsigned short)fds[i].events, &pw->pw_ent);
		if (fds[i].revents != 0)
			(*ready)++;
	}
}

static int
poll_ask_held(struct pollwait *pw, struct pollfd *fds, unsigned n)
{
	int ready = 0;

	for (unsigned i = 0; i < n; i++, pw++) {
		if (pw->pw_file == NULL)
			continue;
		fds[i].revents = (short)file_poll(pw->pw_file,
		    (unsigned short)fds[i].events, NULL);
		if (fds[i].revents != 0)
			ready++;
	}
	return ready;
}

static int
poll_sleep(struct poller *pl, nstime_t deadline)
{
	int error = 0;

	mutex_enter(&pl->pl_lock);
	while (!pl->pl_woken && error == 0)
		error = cv_timedwait_sig(&pl->pl_cv, &pl->pl_lock, deadline);
	if (pl->pl_woken)
		error = 0;
	pl->pl_woken = false;
	mutex_exit(&pl->pl_lock);
	return error;
}

static int
poll_wait(struct pollwait *pw, struct pollfd *fds, unsigned n,
    nstime_t deadline, int *readyp)
{
	struct poller pl;
	int ready = 0, error = 0;

	mutex_init(&pl.pl_lock, &poller_lc);
	cv_init(&pl.pl_cv);
	pl.pl_woken = false;
	poll_hang_all(&pl, pw, fds, n, &ready);
	while (ready == 0 && error == 0) {
		error = poll_sleep(&pl, deadline);
		ready = poll_ask_held(pw, fds, n);
	}
	for (unsigned i = 0; i < n; i++) {
		if (pw[i].pw_file == NULL)
			continue;
		poll_unhang(&pw[i].pw_ent);
		(void)file_rele(pw[i].pw_file);
	}
	cv_fini(&pl.pl_cv);
	mutex_fini(&pl.pl_lock);
	*readyp = ready;
	return ready > 0 || error == ETIMEDOUT ? 0 : error;
}

/*
 * Poll n descriptors; fds is the kernel's. deadline INT64_MIN: do not wait.
 */
static int
poll_kern(struct pollfd *fds, unsigned n, nstime_t deadline, int *readyp)
{
	struct pollwait small[SMALL], *pw = small;
	int error;

	*readyp = poll_ask(fds, n);
	if (*readyp != 0 || deadline == INT64_MIN)
		return 0;
	if (n > SMALL) {
		pw = kmem_alloc(n * sizeof(*pw), 0);
		if (pw == NULL)
			return ENOMEM;
	}
	error = poll_wait(pw, fds, n, deadline, readyp);
	if (pw != small)
		kmem_free(pw, n * sizeof(*pw));
	return error;
}

/* ---- Timeouts --------------------------------------------------------- */

/* A duration in ns as a deadline; 0: do not wait. */
static nstime_t
deadline_of(nstime_t ns)
{
	return ns == 0 ? INT64_MIN : mono_deadline(ns);
}

int
timeout_copyin(const struct timespec *uts, nstime_t *deadlinep)
{
	struct timespec ts;
	nstime_t ns;
	int error;

	*deadlinep = NSTIME_FOREVER;
	if (uts == NULL)
		return 0;
	error = copyin(uts, &ts, sizeof(ts));
	if (error == 0)
		error = timespec_to_ns(&ts, &ns);
	if (error == 0)
		*deadlinep = deadline_of(ns);
	return error;
}

nstime_t
timeout_ms(int ms)
{
	return ms < 0 ? NSTIME_FOREVER : deadline_of(ms * NS_PER_MS);
}

/* ---- poll ------------------------------------------------------------- */

static int
poll_user(struct pollfd *ufds, unsigned long n, nstime_t deadline, long *rv)
{
	struct pollfd small[SMALL], *fds = small;
	int error, ready;

	if (n > atomic_load_explicit(&curproc->p_rlimit[RLIMIT_NOFILE][0],
	    memory_order_relaxed))
		return EINVAL;
	if (n > SMALL) {
		fds = kmem_alloc(n * sizeof(*fds), 0);
		if (fds == NULL)
			return ENOMEM;
	}
	error = copyin(ufds, fds, n * sizeof(*fds));
	if (error == 0)
		error = poll_kern(fds, (unsigned)n, deadline, &ready);
	for (unsigned long i = 0; i < n && error == 0; i++)
		error = copyout(&fds[i].revents, &ufds[i].revents,
		    sizeof(fds[i].revents));
	if (error == 0)
		*rv = ready;
	if (fds != small)
		kmem_free(fds, n * sizeof(*fds));
	return error;
}

int
sys_poll(struct pollfd *fds, unsigned long n, int timeout, long *rv)
{
	return poll_user(fds, n, timeout_ms(timeout), rv);
}

int
sys_ppoll(struct pollfd *fds, unsigned long n, const struct timespec *uts,
    const sigset_t *umask, long *rv)
{
	struct sigmask_swap sw;
	nstime_t deadline;
	int error;

	error = timeout_copyin(uts, &deadline);
	if (error == 0)
		error = sigmask_enter(&sw, umask);
	if (error != 0)
		return error;
	error = poll_user(fds, n, deadline, rv);
	sigmask_leave(&sw);
	return error;
}

/* ---- select ----------------------------------------------------------- */

#define SELECT_IN (POLLRDNORM | POLLRDBAND | POLLIN | POLLHUP | POLLERR)
#define SELECT_OUT (POLLWRBAND | POLLWRNORM | POLLOUT | POLLERR)
#define SELECT_EX POLLPRI

static const int select_events[3] = { SELECT_IN, SELECT_OUT, SELECT_EX };

/* The three sets, one behind the other: words words each. */
struct sets {
	unsigned long *ss_bits;
	size_t ss_words;
	fd_set *ss_user[3];
};

static inline unsigned long *
set_of(struct sets *ss, int which)
{
	return ss->ss_bits + (size_t)which * ss->ss_words;
}

static inline bool
set_test(const unsigned long *set, unsigned fd)
{
	return (set[fd / 64] >> (fd % 64) & 1) != 0;
}

static int
sets_copyin(struct sets *ss)
{
	size_t len = ss->ss_words * sizeof(unsigned long);
	int error = 0;

	for (int i = 0; i < 3 && error == 0; i++) {
		if (ss->ss_user[i] == NULL)
			memset(set_of(ss, i), 0, len);
		else
			error = copyin(ss->ss_user[i], set_of(ss, i), len);
	}
	return error;
}

/* The descriptors that any set names, as poll has them. */
static unsigned
sets_to_fds(struct sets *ss, unsigned nfds, struct pollfd *fds)
{
	unsigned n = 0;
	int events;

	for (unsigned fd = 0; fd < nfds; fd++) {
		events = 0;
		for (int i = 0; i < 3; i++) {
			if (set_test(set_of(ss, i), fd))
				events |= select_events[i];
		}
		if (events == 0)
			continue;
		if (fds != NULL)
			fds[n] = (struct pollfd){ .fd = (int)fd,
			    .events = (short)events };
		n++;
	}
	return n;
}

/* Leave in the sets what is ready. @return how many bits */
static int
sets_result(struct sets *ss, const struct pollfd *fds, unsigned n, long *rv)
{
	unsigned long *set, bit;
	long count = 0;

	for (unsigned j = 0; j < n; j++) {
		if ((fds[j].revents & POLLNVAL) != 0)
			return EBADF;
		for (int i = 0; i < 3; i++) {
			set = set_of(ss, i) + fds[j].fd / 64;
			bit = 1UL << (fds[j].fd % 64);
			if ((*set & bit) == 0)
				continue;
			if ((fds[j].revents & select_events[i]) != 0)
				count++;
			else
				*set &= ~bit;
		}
	}
	*rv = count;
	return 0;
}

static int
select_sets(struct sets *ss, unsigned nfds, nstime_t deadline, long *rv)
{
	struct pollfd small[SMALL], *fds = small;
	unsigned n;
	int error, ready;

	error = sets_copyin(ss);
	if (error != 0)
		return error;
	n = sets_to_fds(ss, nfds, NULL);
	if (n > SMALL) {
		fds = kmem_alloc(n * sizeof(*fds), 0);
		if (fds == NULL)
			return ENOMEM;
	}
	(void)sets_to_fds(ss, nfds, fds);
	error = poll_kern(fds, n, deadline, &ready);
	if (error == 0)
		error = sets_result(ss, fds, n, rv);
	if (fds != small)
		kmem_free(fds, n * sizeof(*fds));
	for (int i = 0; i < 3 && error == 0; i++) {
		if (ss->ss_user[i] != NULL)
			error = copyout(set_of(ss, i), ss->ss_user[i],
			    ss->ss_words * sizeof(unsigned long));
	}
	return error;
}

static int
select_user(int nfds, fd_set *rfds, fd_set *wfds, fd_set *efds,
    nstime_t deadline, long *rv)
{
	unsigned long small[3 * 16];
	struct sets ss = { .ss_bits = small, .ss_user = { rfds, wfds, efds } };
	struct filedesc *fdp = curproc->p_fd;
	size_t len;
	int error;

	if (nfds < 0)
		return EINVAL;
	/* Beyond the table there is nothing to look at. */
	nfds = (int)MIN((unsigned)nfds, atomic_load(&fdp->fd_tab)->ft_size);
	ss.ss_words = howmany((unsigned)nfds, 64);
	len = 3 * ss.ss_words * sizeof(unsigned long);
	if (len > sizeof(small)) {
		ss.ss_bits = kmem_alloc(len, 0);
		if (ss.ss_bits == NULL)
			return ENOMEM;
	}
	error = select_sets(&ss, (unsigned)nfds, deadline, rv);
	if (ss.ss_bits != small)
		kmem_free(ss.ss_bits, len);
	return error;
}

int
sys_select(int nfds, fd_set *rfds, fd_set *wfds, fd_set *efds,
    struct timeval *utv, long *rv)
{
	nstime_t deadline = NSTIME_FOREVER, left;
	struct timeval tv;
	int error, error2;

	if (utv != NULL) {
		error = copyin(utv, &tv, sizeof(tv));
		if (error != 0)
			return error;
		/* Linux accepts any number of microseconds. */
		if (tv.tv_sec < 0 || tv.tv_usec < 0)
			return EINVAL;
		tv.tv_sec = MIN(tv.tv_sec, NSTIME_FOREVER / NS_PER_SEC / 2);
		tv.tv_usec = MIN(tv.tv_usec, NSTIME_FOREVER / NS_PER_US / 4);
		deadline = deadline_of(tv.tv_sec * NS_PER_SEC +
		    tv.tv_usec * NS_PER_US);
	}
	error = select_user(nfds, rfds, wfds, efds, deadline, rv);
	if (utv == NULL || deadline == INT64_MIN)
		return error;
	left = MAX(deadline - mono_now(), 0);
	tv.tv_sec = left / NS_PER_SEC;
	tv.tv_usec = left % NS_PER_SEC / NS_PER_US;
	error2 = copyout(&tv, utv, sizeof(tv));
	return error != 0 ? error : error2;
}

int
sys_pselect6(int nfds, fd_set *rfds, fd_set *wfds, fd_set *efds,
    const struct timespec *uts, const void *umask, long *rv)
{
	struct {
		const void *set;
		size_t size;
	} mask = { NULL, 0 };
	struct sigmask_swap sw;
	nstime_t deadline;
	int error = 0;

	if (umask != NULL)
		error = copyin(umask, &mask, sizeof(mask));
	if (error == 0)
		error = timeout_copyin(uts, &deadline);
	if (error == 0 && mask.set != NULL && mask.size != sizeof(uint64_t))
		error = EINVAL;
	if (error == 0)
		error = sigmask_enter(&sw, mask.set);
	if (error != 0)
		return error;
	error = select_user(nfds, rfds, wfds, efds, deadline, rv);
	sigmask_leave(&sw);
	return error;
}
