/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * epoll(7).
 *
 * An epoll has an item for each (file, descriptor number) that is registered.
 * The item hangs on the file's poll head all the time; a notification puts it
 * on the ready list. Waiters take items off that list and ask their files: an
 * item whose file is not ready was there without cause, or is not any more.
 *
 * Lifetime: an item does not hold its file; the file's end removes it
 * (epoll_file_gone()). An epoll lives while its file does and while such a
 * removal looks at it (ep_refs).
 *
 * Lock order: ep_mtx of an epoll -> ep_mtx of one that it watches -> locks of
 * files -> files_lock -> poll head -> ep_lock. nest_lock is before all of them;
 * under it no cycle can arise.
 */
#include <kern/file.h>
#include <kern/kmem.h>
#include <kern/string.h>
#include <kern/syscall.h>

#include "poll_private.h"
#include "proc_private.h"
#include "signal.h"
#include "sysproto.h"

/* Bits of an event that are not conditions. */
#define EP_PRIVATE (EPOLLWAKEUP | EPOLLONESHOT | EPOLLET | EPOLLEXCLUSIVE)
#define EP_EXCLUSIVE_OK (EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP | \
    EPOLLWAKEUP | EPOLLET | EPOLLEXCLUSIVE)
#define EP_MAX_EVENTS (INT32_MAX / (int)sizeof(struct epoll_event))
#define EP_MAX_NESTS 4			/* as Linux */
#define EP_HASH_FIRST 16

/*
 * I  immutable   m  ep_mtx   l  ep_lock   f  files_lock   a  atomic
 */
struct epitem {
	struct pollent ei_pent;
	struct epoll *ei_epoll;		/* [I] */
	struct file *ei_file;		/* [I] */
	int ei_fd;			/* [I] */
	_Atomic uint32_t ei_events;	/* [a] written under ep_mtx */
	uint64_t ei_data;		/* [m] */
	struct list ei_hash;		/* [m] */
	struct list ei_ready;		/* [l] linked: on ep_ready */
	struct list ei_filelink;	/* [f] */
};

struct epoll {
	struct kmutex ep_mtx;
	struct kspin ep_lock;
	struct list ep_ready;		/* [l] */
	struct kcondvar ep_cv;		/* [l] */
	struct pollhead ep_head;
	_Atomic uint32_t ep_refs;	/* [a] */
	struct file *ep_file;		/* [I] */
	unsigned ep_nitems;		/* [m] */
	unsigned ep_nbuckets;		/* [m] a power of two */
	struct list *ep_hash;		/* [m] by descriptor */
};

/* What f_epoll leads to. */
struct epfile {
	struct list ef_items;		/* [f] ei_filelink */
};

static struct lock_class ep_mtx_lc = LOCK_CLASS("epoll", LC_NESTS);
static struct lock_class ep_lock_lc = LOCK_CLASS("epoll ready", LC_NESTS);
static struct lock_class files_lc = LOCK_CLASS("epoll files", 0);
static struct lock_class nest_lc = LOCK_CLASS("epoll nesting", 0);

static struct kmutex files_lock;
static struct kmutex nest_lock;
static struct pool *item_pool;

static const struct fileops epoll_fileops;

/* ---- The ready list --------------------------------------------------- */

/* It may be ready: put it on the list and wake somebody. */
static void
item_ready(struct epitem *ei)
{
	struct epoll *ep = ei->ei_epoll;
	bool fresh;

	spin_lock(&ep->ep_lock);
	fresh = !list_linked(&ei->ei_ready);
	if (fresh)
		list_insert_tail(&ep->ep_ready, &ei->ei_ready);
	spin_unlock(&ep->ep_lock);
	if (fresh) {
		cv_signal(&ep->ep_cv);
		poll_notify(&ep->ep_head, POLLIN | POLLRDNORM);
	}
}

/* Called by poll_notify() of the file's head, with that locked. */
static void
item_notify(struct pollent *pe, int events)
{
	struct epitem *ei = container_of(pe, struct epitem, ei_pent);
	uint32_t wanted = atomic_load_explicit(&ei->ei_events,
	    memory_order_relaxed);

	if (((uint32_t)events & wanted & ~EP_PRIVATE) == 0)
		return;
	item_ready(ei);
	pe->pe_flags |= PE_WOKE;
}

static struct epitem *
ready_take(struct epoll *ep)
{
	struct epitem *ei = NULL;

	spin_lock(&ep->ep_lock);
	if (!list_empty(&ep->ep_ready)) {
		ei = list_first(&ep->ep_ready, struct epitem, ei_ready);
		list_remove(&ei->ei_ready);
	}
	spin_unlock(&ep->ep_lock);
	return ei;
}

static void
ready_put(struct epoll *ep, struct epitem *ei)
{
	spin_lock(&ep->ep_lock);
	if (!list_linked(&ei->ei_ready))
		list_insert_tail(&ep->ep_ready, &ei->ei_ready);
	spin_unlock(&ep->ep_lock);
}

static bool
ready_any(struct epoll *ep)
{
	bool any;

	spin_lock(&ep->ep_lock);
	any = !list_empty(&ep->ep_ready);
	spin_unlock(&ep->ep_lock);
	return any;
}

/* What the item's file is ready for, of what is wanted. [ep_mtx] */
static uint32_t
item_poll(struct epitem *ei, struct pollent *pe)
{
	uint32_t wanted = atomic_load_explicit(&ei->ei_events,
	    memory_order_relaxed) & ~EP_PRIVATE;

	/* After a one-shot event nothing is wanted, not even errors. */
	return (uint32_t)file_poll(ei->ei_file, (int)wanted, pe) & wanted;
}

/* ---- Items ------------------------------------------------------------ */

static struct list *
bucket(struct epoll *ep, int fd)
{
	return &ep->ep_hash[(unsigned)fd & (ep->ep_nbuckets - 1)];
}

static struct epitem *
item_find(struct epoll *ep, struct file *fp, int fd)
{
	struct list *head = bucket(ep, fd), *n;
	struct epitem *ei;

	LIST_FOREACH(n, head) {
		ei = container_of(n, struct epitem, ei_hash);
		if (ei->ei_fd == fd && ei->ei_file == fp)
			return ei;
	}
	return NULL;
}

static int
hash_resize(struct epoll *ep, unsigned nbuckets)
{
	struct list *old = ep->ep_hash, *n;
	unsigned nold = ep->ep_nbuckets;
	struct epitem *ei;
	struct list *hash;

	hash = kmem_alloc(nbuckets * sizeof(*hash), 0);
	if (hash == NULL)
		return ENOMEM;
	for (unsigned i = 0; i < nbuckets; i++)
		list_init(&hash[i]);
	ep->ep_hash = hash;
	ep->ep_nbuckets = nbuckets;
	for (unsigned i = 0; i < nold; i++) {
		while (!list_empty(&old[i])) {
			n = old[i].l_next;
			list_remove(n);
			ei = container_of(n, struct epitem, ei_hash);
			list_insert_tail(bucket(ep, ei->ei_fd), n);
		}
	}
	kmem_free(old, nold * sizeof(*old));
	return 0;
}

static int
file_link(struct epitem *ei)
{
	struct file *fp = ei->ei_file;
	struct epfile *ef;

	mutex_enter(&files_lock);
	ef = atomic_load(&fp->f_epoll);
	if (ef == NULL) {
		ef = kmem_alloc(sizeof(*ef), KM_NORECLAIM);
		if (ef == NULL) {
			mutex_exit(&files_lock);
			return ENOMEM;
		}
		list_init(&ef->ef_items);
		atomic_store(&fp->f_epoll, ef);
	}
	list_insert_tail(&ef->ef_items, &ei->ei_filelink);
	mutex_exit(&files_lock);
	return 0;
}

/* Unlink it everywhere and free it. [ep_mtx] */
static void
item_remove(struct epoll *ep, struct epitem *ei)
{
	struct epfile *ef;

	poll_unhang(&ei->ei_pent);
	mutex_enter(&files_lock);
	ef = atomic_load(&ei->ei_file->f_epoll);
	list_remove(&ei->ei_filelink);
	if (list_empty(&ef->ef_items)) {
		atomic_store(&ei->ei_file->f_epoll, NULL);
		kmem_free(ef, sizeof(*ef));
	}
	mutex_exit(&files_lock);
	spin_lock(&ep->ep_lock);
	list_remove(&ei->ei_ready);
	spin_unlock(&ep->ep_lock);
	list_remove(&ei->ei_hash);
	ep->ep_nitems--;
	pool_put(item_pool, ei);
}

static int
item_add(struct epoll *ep, struct file *fp, int fd,
    const struct epoll_event *ev)
{
	struct epitem *ei;
	int error;

	if (ep->ep_nitems >= 2 * ep->ep_nbuckets)
		(void)hash_resize(ep, 2 * ep->ep_nbuckets);
	ei = pool_get(item_pool, KM_ZERO);
	if (ei == NULL)
		return ENOMEM;
	ei->ei_pent.pe_fn = item_notify;
	if ((ev->events & EPOLLEXCLUSIVE) != 0)
		ei->ei_pent.pe_flags = PE_EXCLUSIVE;
	ei->ei_epoll = ep;
	ei->ei_file = fp;
	ei->ei_fd = fd;
	ei->ei_data = ev->data;
	atomic_init(&ei->ei_events, ev->events | EPOLLERR | EPOLLHUP);
	list_node_init(&ei->ei_ready);
	error = file_link(ei);
	if (error != 0) {
		pool_put(item_pool, ei);
		return error;
	}
	list_insert_tail(bucket(ep, fd), &ei->ei_hash);
	ep->ep_nitems++;
	if (item_poll(ei, &ei->ei_pent) != 0)
		item_ready(ei);
	return 0;
}

static int
item_modify(struct epitem *ei, const struct epoll_event *ev)
{
	if ((atomic_load(&ei->ei_events) & EPOLLEXCLUSIVE) != 0 ||
	    (ev->events & EPOLLEXCLUSIVE) != 0)
		return EINVAL;
	ei->ei_data = ev->data;
	atomic_store(&ei->ei_events, ev->events | EPOLLERR | EPOLLHUP);
	if (item_poll(ei, NULL) != 0)
		item_ready(ei);
	return 0;
}

/* ---- Nesting ---------------------------------------------------------- */

/*
 * How many levels of epolls are below ep; more than the limit where it is too
 * deep or leads to target. [nest_lock]
 */
static unsigned
depth_below(struct epoll *ep, const struct epoll *target, unsigned level)
{
	unsigned depth = 0, d;
	struct epitem *ei;
	struct list *n;

	if (ep == target || level > EP_MAX_NESTS)
		return EP_MAX_NESTS + 1;
	mutex_enter(&ep->ep_mtx);
	for (unsigned i = 0; i < ep->ep_nbuckets; i++) {
		LIST_FOREACH(n, &ep->ep_hash[i]) {
			ei = container_of(n, struct epitem, ei_hash);
			if (ei->ei_file->f_ops != &epoll_fileops)
				continue;
			d = 1 + depth_below(ei->ei_file->f_data, target,
			    level + 1);
			depth = MAX(depth, d);
		}
	}
	mutex_exit(&ep->ep_mtx);
	return depth;
}

/* How many levels of epolls are above it. [nest_lock, files_lock] */
static unsigned
depth_above(const struct epoll *ep, unsigned level)
{
	struct epfile *ef = atomic_load(&ep->ep_file->f_epoll);
	unsigned depth = 0, d;
	struct epitem *ei;
	struct list *n;

	if (ef == NULL || level > EP_MAX_NESTS)
		return 0;
	LIST_FOREACH(n, &ef->ef_items) {
		ei = container_of(n, struct epitem, ei_filelink);
		d = 1 + depth_above(ei->ei_epoll, level + 1);
		depth = MAX(depth, d);
	}
	return depth;
}

/* May ep watch inner? [nest_lock] */
static int
nest_check(struct epoll *ep, struct epoll *inner)
{
	unsigned above, below;

	below = depth_below(inner, ep, 0);
	if (below > EP_MAX_NESTS)
		return ELOOP;
	mutex_enter(&files_lock);
	above = depth_above(ep, 0);
	mutex_exit(&files_lock);
	return above + 1 + below > EP_MAX_NESTS ? ELOOP : 0;
}

/* ---- The file --------------------------------------------------------- */

static void
epoll_rele(struct epoll *ep)
{
	if (atomic_fetch_sub(&ep->ep_refs, 1) != 1)
		return;
	pollhead_fini(&ep->ep_head);
	cv_fini(&ep->ep_cv);
	spin_fini(&ep->ep_lock);
	mutex_fini(&ep->ep_mtx);
	kmem_free(ep->ep_hash, ep->ep_nbuckets * sizeof(struct list));
	kmem_free(ep, sizeof(*ep));
}

static int
epoll_close(struct file *fp)
{
	struct epoll *ep = fp->f_data;

	mutex_enter(&ep->ep_mtx);
	for (unsigned i = 0; i < ep->ep_nbuckets; i++) {
		while (!list_empty(&ep->ep_hash[i]))
			item_remove(ep, list_first(&ep->ep_hash[i],
			    struct epitem, ei_hash));
	}
	mutex_exit(&ep->ep_mtx);
	epoll_rele(ep);
	return 0;
}

/* The last reference to a file that is registered is gone. */
void
epoll_file_gone(struct file *fp)
{
	struct epfile *ef;
	struct epitem *ei;
	struct epoll *ep;
	struct list *n, *next;

	for (;;) {
		mutex_enter(&files_lock);
		ef = atomic_load(&fp->f_epoll);
		if (ef == NULL) {
			mutex_exit(&files_lock);
			return;
		}
		ei = list_first(&ef->ef_items, struct epitem, ei_filelink);
		ep = ei->ei_epoll;
		atomic_fetch_add(&ep->ep_refs, 1);
		mutex_exit(&files_lock);

		/* Somebody else may have removed it meanwhile. */
		mutex_enter(&ep->ep_mtx);
		for (unsigned i = 0; i < ep->ep_nbuckets; i++) {
			LIST_FOREACH_SAFE(n, &ep->ep_hash[i], next) {
				ei = container_of(n, struct epitem, ei_hash);
				if (ei->ei_file == fp)
					item_remove(ep, ei);
			}
		}
		mutex_exit(&ep->ep_mtx);
		epoll_rele(ep);
	}
}

/* Is any item of the list ready indeed? */
static bool
epoll_ready(struct epoll *ep)
{
	struct epitem *ei, *first = NULL;
	bool ready = false;

	if (!ready_any(ep))
		return false;
	mutex_enter(&ep->ep_mtx);
	while (!ready && (ei = ready_take(ep)) != NULL) {
		ready = item_poll(ei, NULL) != 0;
		if (ready)
			ready_put(ep, ei);
		if (ei == first)
			break;
		if (first == NULL)
			first = ei;
	}
	mutex_exit(&ep->ep_mtx);
	return ready;
}

static int
epoll_poll(struct file *fp, int events, struct pollent *pe)
{
	struct epoll *ep = fp->f_data;

	if (pe != NULL)
		poll_hang(&ep->ep_head, pe);
	return epoll_ready(ep) ? events & (POLLIN | POLLRDNORM) : 0;
}

static const struct fileops epoll_fileops = {
	.fo_type = FT_EPOLL,
	.fo_poll = epoll_poll,
	.fo_stat = anon_stat,
	.fo_close = epoll_close,
};

/* ---- Creating and controlling ----------------------------------------- */

static struct epoll *
epoll_alloc(void)
{
	struct epoll *ep;

	ep = kmem_zalloc(sizeof(*ep), 0);
	if (ep == NULL)
		return NULL;
	if (hash_resize(ep, EP_HASH_FIRST) != 0) {
		kmem_free(ep, sizeof(*ep));
		return NULL;
	}
	mutex_init(&ep->ep_mtx, &ep_mtx_lc);
	spin_init(&ep->ep_lock, &ep_lock_lc);
	list_init(&ep->ep_ready);
	cv_init(&ep->ep_cv);
	pollhead_init(&ep->ep_head);
	atomic_init(&ep->ep_refs, 1);
	return ep;
}

int
sys_epoll_create1(int flags, long *rv)
{
	struct epoll *ep;
	int error, fd;

	if ((flags & ~EPOLL_CLOEXEC) != 0)
		return EINVAL;
	ep = epoll_alloc();
	if (ep == NULL)
		return ENOMEM;
	error = file_alloc(&epoll_fileops, ep, O_RDWR, &ep->ep_file);
	if (error != 0) {
		epoll_rele(ep);
		return error;
	}
	error = fd_install(ep->ep_file, 0, flags, &fd);
	if (error != 0)
		(void)file_rele(ep->ep_file);
	else
		*rv = fd;
	return error;
}

int
sys_epoll_create(int size, long *rv)
{
	return size > 0 ? sys_epoll_create1(0, rv) : EINVAL;
}

static int
ctl_locked(struct epoll *ep, int op, struct file *fp, int fd,
    const struct epoll_event *ev)
{
	struct epitem *ei = item_find(ep, fp, fd);

	switch (op) {
	case EPOLL_CTL_ADD:
		return ei != NULL ? EEXIST : item_add(ep, fp, fd, ev);
	case EPOLL_CTL_MOD:
		return ei == NULL ? ENOENT : item_modify(ei, ev);
	case EPOLL_CTL_DEL:
		if (ei == NULL)
			return ENOENT;
		item_remove(ep, ei);
		return 0;
	}
	return EINVAL;
}

static int
ctl(struct file *epfp, int op, struct file *fp, int fd,
    const struct epoll_event *ev)
{
	struct epoll *ep = epfp->f_data;
	bool nested = fp->f_ops == &epoll_fileops && op == EPOLL_CTL_ADD;
	int error = 0;

	if (fp->f_ops->fo_poll == NULL)
		return EPERM;
	if (epfp == fp || epfp->f_ops != &epoll_fileops)
		return EINVAL;
	if (op != EPOLL_CTL_DEL && (ev->events & EPOLLEXCLUSIVE) != 0) {
		if (op == EPOLL_CTL_MOD || fp->f_ops == &epoll_fileops ||
		    (ev->events & ~EP_EXCLUSIVE_OK) != 0)
			return EINVAL;
	}
	if (nested) {
		mutex_enter(&nest_lock);
		error = nest_check(ep, fp->f_data);
	}
	if (error == 0) {
		mutex_enter(&ep->ep_mtx);
		error = ctl_locked(ep, op, fp, fd, ev);
		mutex_exit(&ep->ep_mtx);
	}
	if (nested)
		mutex_exit(&nest_lock);
	return error;
}

int
sys_epoll_ctl(int epfd, int op, int fd, struct epoll_event *uev,
    long *rv __maybe_unused)
{
	struct epoll_event ev = { 0 };
	struct file *epfp, *fp;
	int error;

	if (op != EPOLL_CTL_DEL) {
		error = copyin(uev, &ev, sizeof(ev));
		if (error != 0)
			return error;
	}
	error = fd_get(epfd, &epfp);
	if (error != 0)
		return error;
	error = fd_get(fd, &fp);
	if (error == 0) {
		error = (atomic_load(&fp->f_flags) & O_PATH) != 0 ? EBADF :
		    ctl(epfp, op, fp, fd, &ev);
		fd_put(fp);
	}
	fd_put(epfp);
	return error;
}

/* ---- Waiting ---------------------------------------------------------- */

/*
 * Report one item, if it is ready. *again: it stays on the ready list, behind
 * the others.
 */
static int
report(struct epitem *ei, struct epoll_event *uev, bool *reported, bool *again)
{
	struct epoll_event ev;
	uint32_t events = atomic_load(&ei->ei_events);
	int error;

	*reported = *again = false;
	ev.events = item_poll(ei, NULL);
	if (ev.events == 0)
		return 0;
	ev.data = ei->ei_data;
	error = copyout(&ev, uev, sizeof(ev));
	if (error != 0) {
		*again = true;
		return error;
	}
	*reported = true;
	if ((events & EPOLLONESHOT) != 0)
		atomic_store(&ei->ei_events, events & EP_PRIVATE);
	else if ((events & EPOLLET) == 0)
		*again = true;
	return 0;
}

/* Take up to max events off the ready list. */
static int
harvest(struct epoll *ep, struct epoll_event *uev, int max, int *np)
{
	struct list behind = LIST_INITIALIZER(behind);
	bool reported, again, more;
	struct epitem *ei;
	unsigned left;
	int n = 0, error = 0;

	mutex_enter(&ep->ep_mtx);
	/* Each item once, even if it is notified meanwhile. */
	for (left = ep->ep_nitems; n < max && left > 0 && error == 0; left--) {
		ei = ready_take(ep);
		if (ei == NULL)
			break;
		error = report(ei, uev + n, &reported, &again);
		n += reported;
		if (!again)
			continue;
		spin_lock(&ep->ep_lock);
		if (!list_linked(&ei->ei_ready))
			list_insert_tail(&behind, &ei->ei_ready);
		spin_unlock(&ep->ep_lock);
	}
	spin_lock(&ep->ep_lock);
	list_concat(&ep->ep_ready, &behind);
	more = !list_empty(&ep->ep_ready);
	spin_unlock(&ep->ep_lock);
	mutex_exit(&ep->ep_mtx);
	if (more)
		cv_signal(&ep->ep_cv);
	*np = n;
	return n > 0 ? 0 : error;
}

static int
ready_sleep(struct epoll *ep, nstime_t deadline)
{
	int error = 0;

	spin_lock(&ep->ep_lock);
	while (list_empty(&ep->ep_ready) && error == 0)
		error = cv_timedwait_sig(&ep->ep_cv, &ep->ep_lock.spin_mtx,
		    deadline);
	if (!list_empty(&ep->ep_ready)) {
		/* This wake-up may have been for another waiter. */
		if (error == EINTR)
			cv_signal(&ep->ep_cv);
		else
			error = 0;
	}
	spin_unlock(&ep->ep_lock);
	return error;
}

static int
epoll_wait(int epfd, struct epoll_event *uev, int max, nstime_t deadline,
    long *rv)
{
	struct file *fp;
	struct epoll *ep;
	int error, n = 0;

	if (max <= 0 || max > EP_MAX_EVENTS)
		return EINVAL;
	error = fd_get(epfd, &fp);
	if (error != 0)
		return error;
	if (fp->f_ops != &epoll_fileops) {
		fd_put(fp);
		return EINVAL;
	}
	ep = fp->f_data;
	for (;;) {
		if (ready_any(ep)) {
			error = harvest(ep, uev, max, &n);
			if (error != 0 || n > 0)
				break;
		}
		if (deadline == INT64_MIN)
			break;
		error = ready_sleep(ep, deadline);
		if (error != 0)
			break;
	}
	fd_put(fp);
	if (error == ETIMEDOUT)
		error = 0;
	if (error == 0)
		*rv = n;
	return error;
}

int
sys_epoll_wait(int epfd, struct epoll_event *events, int maxevents,
    int timeout, long *rv)
{
	return epoll_wait(epfd, events, maxevents, timeout_ms(timeout), rv);
}

int
sys_epoll_pwait(int epfd, struct epoll_event *events, int maxevents,
    int timeout, const sigset_t *umask, long *rv)
{
	struct sigmask_swap sw;
	int error;

	error = sigmask_enter(&sw, umask);
	if (error != 0)
		return error;
	error = epoll_wait(epfd, events, maxevents, timeout_ms(timeout), rv);
	sigmask_leave(&sw);
	return error;
}

int
sys_epoll_pwait2(int epfd, struct epoll_event *events, int maxevents,
    const struct timespec *uts, const sigset_t *umask, long *rv)
{
	struct sigmask_swap sw;
	nstime_t deadline;
	int error;

	error = timeout_copyin(uts, &deadline);
	if (error == 0)
		error = sigmask_enter(&sw, umask);
	if (error != 0)
		return error;
	error = epoll_wait(epfd, events, maxevents, deadline, rv);
	sigmask_leave(&sw);
	return error;
}

int
epoll_init(void)
{
	mutex_init(&files_lock, &files_lc);
	mutex_init(&nest_lock, &nest_lc);
	item_pool = pool_create("epoll item", sizeof(struct epitem), 0);
	return item_pool != NULL ? 0 : ENOMEM;
}
