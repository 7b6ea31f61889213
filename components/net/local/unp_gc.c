/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * AF_UNIX: sockets that are only held by messages that nobody can receive.
 *
 * A descriptor in a message holds its file. Two sockets whose queues hold each
 * other's files, closed everywhere else, would stay for ever. So when a
 * socket is closed and some are in flight, a worker looks:
 *
 * - Candidates are those all of whose references are in flight.
 * - From each one's count those references are taken away that lie in queues of
 *   candidates. What is left comes from a queue that somebody can read: such a
 *   socket is alive, and so is all that its own queue holds, in turn.
 * - The queues of the rest are emptied, which closes them.
 *
 * unp_gc_lock is held over the entering and leaving of every file and over the
 * search; so nothing moves meanwhile. A file that is in flight only, and
 * in no queue yet, or no more, counts as left over: alive.
 *
 * Lock order: unp_gc_lock -> so_lock.
 */
#include "local.h"

static struct lock_class gc_lc = LOCK_CLASS("unp gc", 0);
static struct kmutex unp_gc_lock;
static struct list inflight = LIST_INITIALIZER(inflight); /* [unp_gc_lock] */
static _Atomic unsigned inflight_count;
static struct workqueue *gc_wq;
static struct work gc_work;

/* The pcb of a file of ours, or NULL. */
static struct unpcb *
file_unpcb(const struct file *fp)
{
	struct socket *so;

	if (fp->f_ops->fo_type != FT_SOCKET)
		return NULL;
	so = fp->f_data;
	return so->so_family == AF_UNIX ? sotounpcb(so) : NULL;
}

void
unp_gc_enter(struct unrights *ur)
{
	struct unpcb *unp;
	unsigned i;

	mutex_enter(&unp_gc_lock);
	for (i = 0; i < ur->ur_n; i++) {
		unp = file_unpcb(ur->ur_files[i]);
		if (unp == NULL)
			continue;
		if (unp->unp_inflight++ == 0)
			list_insert_tail(&inflight, &unp->unp_gclink);
		atomic_fetch_add_explicit(&inflight_count, 1,
		    memory_order_relaxed);
	}
	mutex_exit(&unp_gc_lock);
}

void
unp_gc_leave(struct unrights *ur)
{
	struct unpcb *unp;
	unsigned i;

	mutex_enter(&unp_gc_lock);
	for (i = 0; i < ur->ur_n; i++) {
		unp = file_unpcb(ur->ur_files[i]);
		if (unp == NULL)
			continue;
		if (--unp->unp_inflight == 0)
			list_remove(&unp->unp_gclink);
		atomic_fetch_sub_explicit(&inflight_count, 1,
		    memory_order_relaxed);
	}
	mutex_exit(&unp_gc_lock);
}

/* ---- The search ------------------------------------------------------------ */

/* fn with each socket of ours whose file lies in so's queue. so is locked. */
static void
scan_queue(struct socket *so, void (*fn)(struct unpcb *unp))
{
	struct unrights *ur;
	struct unpcb *unp;
	struct mbuf *m;
	unsigned i;

	for (m = so->so_rcv.sb_mb; m != NULL; m = m->m_nextpkt) {
		ur = unp_msg(m)->um_rights;
		for (i = 0; ur != NULL && i < ur->ur_n; i++) {
			unp = file_unpcb(ur->ur_files[i]);
			if (unp != NULL && unp->unp_candidate)
				fn(unp);
		}
	}
}

/* Something could not be looked at: this search finds nothing. */
static bool incomplete;			/* [unp_gc_lock] */

/* A listening socket holds what was sent to connections in its queue. */
static void
scan(struct socket *so, void (*fn)(struct unpcb *unp))
{
	struct socket *child;
	struct list *n;

	mutex_enter(&so->so_lock);
	scan_queue(so, fn);
	if (so_is(so, SS_LISTENING) && so->so_listen != NULL) {
		LIST_FOREACH(n, &so->so_listen->sl_comp) {
			child = container_of(n, struct socket, so_qlink);
			/* Against the order of locks. */
			if (!mutex_tryenter(&child->so_lock)) {
				incomplete = true;
				continue;
			}
			scan_queue(child, fn);
			mutex_exit(&child->so_lock);
		}
	}
	mutex_exit(&so->so_lock);
}

static void
count_down(struct unpcb *unp)
{
	if (unp->unp_gcrefs > 0)
		unp->unp_gcrefs--;
}

static void
count_up(struct unpcb *unp)
{
	unp->unp_gcrefs++;
}

static unsigned
choose_candidates(void)
{
	struct list *n;
	struct unpcb *unp;
	struct file *fp;
	unsigned count = 0;

	LIST_FOREACH(n, &inflight) {
		unp = container_of(n, struct unpcb, unp_gclink);
		fp = atomic_load(&unp->unp_socket->so_file);
		unp->unp_gcrefs = unp->unp_inflight;
		unp->unp_candidate = fp != NULL &&
		    atomic_load(&fp->f_refs) == unp->unp_inflight;
		count += unp->unp_candidate;
	}
	return count;
}

static void
for_candidates(void (*fn)(struct unpcb *unp))
{
	struct list *n;
	struct unpcb *unp;

	LIST_FOREACH(n, &inflight) {
		unp = container_of(n, struct unpcb, unp_gclink);
		if (unp->unp_candidate)
			fn(unp);
	}
}

static void
subtract(struct unpcb *unp)
{
	scan(unp->unp_socket, count_down);
}

static bool revived;			/* [unp_gc_lock] */

/* One that is referenced from elsewhere is alive, with what it holds. */
static void
revive(struct unpcb *unp)
{
	if (unp->unp_gcrefs == 0)
		return;
	unp->unp_candidate = false;
	revived = true;
	scan(unp->unp_socket, count_up);
}

/* Take the whole queue of a socket that nobody can reach. */
static struct mbuf *
take_queue(struct socket *so)
{
	struct mbuf *m;

	mutex_enter(&so->so_lock);
	m = so->so_rcv.sb_mb;
	so->so_rcv.sb_mb = so->so_rcv.sb_mbtail = NULL;
	atomic_store_explicit(&so->so_rcv.sb_cc, 0, memory_order_relaxed);
	so->so_rcv.sb_mbcnt = 0;
	mutex_exit(&so->so_lock);
	return m;
}

/* unp_gc_lock held. @return a socket that is garbage, referenced; or NULL */
static struct socket *
garbage_one(void)
{
	struct list *n;
	struct unpcb *unp;

	LIST_FOREACH(n, &inflight) {
		unp = container_of(n, struct unpcb, unp_gclink);
		if (unp->unp_candidate) {
			unp->unp_candidate = false;
			return so_hold(unp->unp_socket);
		}
	}
	return NULL;
}

static void
collect(void)
{
	struct mbuf *garbage = NULL, **tail = &garbage, *m;
	struct socket *so;

	mutex_enter(&unp_gc_lock);
	if (choose_candidates() == 0) {
		mutex_exit(&unp_gc_lock);
		return;
	}
	incomplete = false;
	for_candidates(subtract);
	do {
		revived = false;
		for_candidates(revive);
	} while (revived);
	if (incomplete) {
		mutex_exit(&unp_gc_lock);
		unp_gc_schedule();
		return;
	}
	while ((so = garbage_one()) != NULL) {
		m = take_queue(so);
		*tail = m;
		while (*tail != NULL)
			tail = &(*tail)->m_nextpkt;
		mutex_exit(&unp_gc_lock);
		so_rele(so);
		mutex_enter(&unp_gc_lock);
	}
	mutex_exit(&unp_gc_lock);
	/* Each one's last references: closing goes on as usual. */
	unp_free_records(garbage);
}

static void
gc_run(struct work *wk __maybe_unused)
{
	collect();
}

void
unp_gc_schedule(void)
{
	if (atomic_load_explicit(&inflight_count, memory_order_relaxed) != 0)
		(void)workqueue_enqueue(gc_wq, &gc_work);
}

int
unp_gc_init(void)
{
	mutex_init(&unp_gc_lock, &gc_lc);
	work_init(&gc_work, gc_run);
	return workqueue_create("unpgc", 1, &gc_wq);
}
