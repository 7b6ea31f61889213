/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Advisory locks: fcntl(2), fcntl_locking(2), flock(2).
 *
 * A vnode gets its lock state with its first lock, and keeps it. Record locks
 * belong to a process, or to an open file description; both conflict with each
 * other. flock()s belong to a description and conflict only among themselves.
 * Held locks are sorted by their start; an owner's do not overlap.
 *
 * Each process that waits for a record lock says in the list of waiters for
 * whom; whoever would close a circle gets EDEADLK.
 *
 * Lock order: as_lock -> waiters_lock.
 */
#include "advlock.h"
#include "vfs.h"

#define LOCK_SH	1	/* flock(2); not in the exported headers */
#define LOCK_EX	2
#define LOCK_NB	4
#define LOCK_UN	8

struct advlock {
	struct list al_link;		/* [as_lock] */
	const void *al_owner;		/* a struct proc, or a struct file */
	const struct file *al_file;	/* that it was taken through */
	bool al_ofd;			/* al_owner is a file */
	short al_type;			/* F_RDLCK, F_WRLCK */
	pid_t al_pid;
	off_t al_start, al_end;		/* both belong to it */
};

struct advstate {
	struct kmutex as_lock;
	struct kcondvar as_cv;		/* a lock went */
	struct list as_records;		/* [as_lock] by al_start */
	struct list as_flocks;		/* [as_lock] */
};

/* A process that waits for another one. */
struct waiter {
	struct list w_link;
	const void *w_proc, *w_for;
};

static struct lock_class as_class = LOCK_CLASS("advlock", 0);
static struct lock_class waiters_class = LOCK_CLASS("advlock_waiters", 0);
static struct kmutex waiters_lock;
static struct list waiters = LIST_INITIALIZER(waiters);	/* [waiters_lock] */

static struct advstate *
state_get(struct vnode *vp)
{
	struct advstate *as;
	void *expect = NULL;

	as = atomic_load_explicit(&vp->v_locks, memory_order_acquire);
	if (as != NULL)
		return as;
	as = kmem_alloc(sizeof(*as), 0);
	if (as == NULL)
		return NULL;
	mutex_init(&as->as_lock, &as_class);
	cv_init(&as->as_cv);
	list_init(&as->as_records);
	list_init(&as->as_flocks);
	if (!atomic_compare_exchange_strong(&vp->v_locks, &expect, as)) {
		mutex_fini(&as->as_lock);
		kmem_free(as, sizeof(*as));
		as = expect;
	}
	return as;
}

void
advlock_free(struct vnode *vp)
{
	struct advstate *as = vp->v_locks;

	if (as == NULL)
		return;
	KASSERT(list_empty(&as->as_records) && list_empty(&as->as_flocks));
	mutex_fini(&as->as_lock);
	cv_fini(&as->as_cv);
	kmem_free(as, sizeof(*as));
	vp->v_locks = NULL;
}

static void
lock_free(struct advlock *al)
{

	if (al != NULL)
		kmem_free(al, sizeof(*al));
}

/* ---- Deadlock ---------------------------------------------------------- */

void
advlock_init(void)
{

	mutex_init(&waiters_lock, &waiters_class);
}

/*
 * Would p wait for itself if it waited for owner? Processes with many threads
 * can wait for many: all are followed. depth bounds hostile chains.
 */
static bool
waits_for(const void *owner, const void *p, int depth)
{
	const struct waiter *w;
	struct list *n;

	if (owner == p)
		return true;
	if (depth == 0)
		return false;
	LIST_FOREACH(n, &waiters) {
		w = container_of(n, struct waiter, w_link);
		if (w->w_proc == owner && waits_for(w->w_for, p, depth - 1))
			return true;
	}
	return false;
}

/* as_lock held; the lock in the way may be gone at return. */
static int
wait_for(struct advstate *as, const struct advlock *want,
    const struct advlock *inway)
{
	struct waiter w = { .w_proc = want->al_owner, .w_for = inway->al_owner };
	bool graph = !want->al_ofd && !inway->al_ofd;
	int error;

	if (graph) {
		mutex_enter(&waiters_lock);
		if (waits_for(w.w_for, w.w_proc, 16)) {
			mutex_exit(&waiters_lock);
			return EDEADLK;
		}
		list_insert_tail(&waiters, &w.w_link);
		mutex_exit(&waiters_lock);
	}
	error = cv_wait_sig(&as->as_cv, &as->as_lock);
	if (graph) {
		mutex_enter(&waiters_lock);
		list_remove(&w.w_link);
		mutex_exit(&waiters_lock);
	}
	return error;
}

/* ---- Record locks ------------------------------------------------------ */

static bool
overlap(const struct advlock *a, const struct advlock *b)
{
	return a->al_start <= b->al_end && b->al_start <= a->al_end;
}

static struct advlock *
conflict(struct advstate *as, const struct advlock *want)
{
	struct advlock *al;
	struct list *n;

	LIST_FOREACH(n, &as->as_records) {
		al = container_of(n, struct advlock, al_link);
		if (al->al_owner != want->al_owner && overlap(al, want) &&
		    (al->al_type == F_WRLCK || want->al_type == F_WRLCK))
			return al;
	}
	return NULL;
}

static void
insert_sorted(struct advstate *as, struct advlock *al)
{
	struct list *n;

	LIST_FOREACH(n, &as->as_records)
		if (container_of(n, struct advlock, al_link)->al_start >
		    al->al_start)
			break;
	list_insert_after(n->l_prev, &al->al_link);
}

/* The owner's locks leave the range; *spare is used when one is split. */
static void
carve(struct advstate *as, const struct advlock *range, struct advlock **spare)
{
	struct advlock *al, *tail;
	struct list *n, *t;

	LIST_FOREACH_SAFE(n, &as->as_records, t) {
		al = container_of(n, struct advlock, al_link);
		if (al->al_owner != range->al_owner || !overlap(al, range))
			continue;
		if (al->al_start < range->al_start &&
		    al->al_end > range->al_end) {
			tail = *spare;
			*spare = NULL;
			*tail = *al;
			list_node_init(&tail->al_link);
			tail->al_start = range->al_end + 1;
			al->al_end = range->al_start - 1;
			insert_sorted(as, tail);
			return;
		}
		if (al->al_start < range->al_start) {
			al->al_end = range->al_start - 1;
		} else if (al->al_end > range->al_end) {
			list_remove(&al->al_link);
			al->al_start = range->al_end + 1;
			insert_sorted(as, al);
		} else {
			list_remove(&al->al_link);
			lock_free(al);
		}
	}
}

/* Grow a new lock over the owner's neighbours of the same type. */
static void
merge(struct advstate *as, struct advlock *new)
{
	struct advlock *al;
	struct list *n, *t;

	LIST_FOREACH_SAFE(n, &as->as_records, t) {
		al = container_of(n, struct advlock, al_link);
		if (al->al_owner != new->al_owner ||
		    al->al_type != new->al_type)
			continue;
		if (al->al_end != INT64_MAX && al->al_end + 1 == new->al_start)
			new->al_start = al->al_start;
		else if (new->al_end != INT64_MAX &&
		    new->al_end + 1 == al->al_start)
			new->al_end = al->al_end;
		else
			continue;
		list_remove(&al->al_link);
		lock_free(al);
	}
}

static int
record_set(struct file *fp, const struct advlock *want, bool wait)
{
	struct advstate *as = state_get(fp->f_vnode);
	struct advlock *new, *spare, *inway;
	int error = 0;

	new = kmem_alloc(sizeof(*new), 0);
	spare = kmem_alloc(sizeof(*spare), 0);
	if (as == NULL || new == NULL || spare == NULL) {
		lock_free(new);
		lock_free(spare);
		return ENOLCK;
	}
	mutex_enter(&as->as_lock);
	while (want->al_type != F_UNLCK &&
	    (inway = conflict(as, want)) != NULL) {
		error = wait ? wait_for(as, want, inway) : EAGAIN;
		if (error != 0)
			goto out;
	}
	carve(as, want, &spare);
	if (want->al_type != F_UNLCK) {
		*new = *want;
		list_node_init(&new->al_link);
		merge(as, new);
		insert_sorted(as, new);
		new = NULL;
		atomic_store(&fp->f_flock, as);
	}
	/* A change to a read lock lets others in as well. */
	cv_broadcast(&as->as_cv);
out:
	mutex_exit(&as->as_lock);
	lock_free(new);
	lock_free(spare);
	return error;
}

/*
 * Those of an owner, and those taken through a file (or NULL): a process that
 * closed the descriptor while it waited for its lock gets the lock when
 * nobody will close it any more.
 */
static void
records_drop(struct advstate *as, const void *owner, const struct file *fp)
{
	struct advlock *al;
	struct list *n, *t;

	mutex_enter(&as->as_lock);
	LIST_FOREACH_SAFE(n, &as->as_records, t) {
		al = container_of(n, struct advlock, al_link);
		if (al->al_owner == owner || al->al_file == fp) {
			list_remove(&al->al_link);
			lock_free(al);
		}
	}
	LIST_FOREACH_SAFE(n, &as->as_flocks, t) {
		al = container_of(n, struct advlock, al_link);
		if (al->al_owner == owner) {
			list_remove(&al->al_link);
			lock_free(al);
		}
	}
	cv_broadcast(&as->as_cv);
	mutex_exit(&as->as_lock);
}

void
advlock_closefd(struct vnode *vp, struct proc *p)
{
	records_drop(vp->v_locks, p, NULL);
}

void
advlock_close(struct file *fp)
{
	struct vnode *vp = fp->f_vnode;

	records_drop(vp->v_locks, fp, fp);
}

/* The range of a struct flock. */
static int
range_of(struct file *fp, const struct flock *fl, off_t *startp, off_t *endp)
{
	struct vattr va;
	off_t start, end;
	int error;

	switch (fl->l_whence) {
	case SEEK_SET:
		start = 0;
		break;
	case SEEK_CUR:
		mutex_enter(&fp->f_offlock);
		start = fp->f_offset;
		mutex_exit(&fp->f_offlock);
		break;
	case SEEK_END:
		error = vn_getattr(fp->f_vnode, &va);
		if (error != 0)
			return error;
		start = (off_t)va.va_size;
		break;
	default:
		return EINVAL;
	}
	if (__builtin_add_overflow(start, fl->l_start, &start))
		return EOVERFLOW;
	if (start < 0)
		return EINVAL;
	if (fl->l_len > 0) {
		if (__builtin_add_overflow(start, fl->l_len - 1, &end))
			return EOVERFLOW;
	} else if (fl->l_len < 0) {
		end = start - 1;
		if (__builtin_add_overflow(start, fl->l_len, &start) ||
		    start < 0)
			return EINVAL;
	} else
		end = INT64_MAX;
	*startp = start;
	*endp = end;
	return 0;
}

static int
record_get(struct file *fp, const struct advlock *want, struct flock *fl)
{
	struct vnode *vp = fp->f_vnode;
	struct advstate *as = vp->v_locks;
	struct advlock *al = NULL;

	if (as == NULL) {
		fl->l_type = F_UNLCK;
		return 0;
	}
	mutex_enter(&as->as_lock);
	al = conflict(as, want);
	if (al == NULL) {
		fl->l_type = F_UNLCK;
	} else {
		fl->l_type = al->al_type;
		fl->l_whence = SEEK_SET;
		fl->l_start = al->al_start;
		fl->l_len = al->al_end == INT64_MAX ? 0 :
		    al->al_end - al->al_start + 1;
		fl->l_pid = al->al_ofd ? -1 : al->al_pid;
	}
	mutex_exit(&as->as_lock);
	return 0;
}

int
advlock_fcntl(struct file *fp, int cmd, void *uarg)
{
	struct advlock want;
	struct flock fl;
	bool get, wait;
	int acc, error;

	want.al_ofd = cmd == F_OFD_GETLK || cmd == F_OFD_SETLK ||
	    cmd == F_OFD_SETLKW;
	get = cmd == F_GETLK || cmd == F_OFD_GETLK;
	wait = cmd == F_SETLKW || cmd == F_OFD_SETLKW;
	if (!get && !wait && cmd != F_SETLK && cmd != F_OFD_SETLK)
		return EINVAL;
	error = copyin(uarg, &fl, sizeof(fl));
	if (error != 0)
		return error;
	if (fl.l_type != F_RDLCK && fl.l_type != F_WRLCK &&
	    (get || fl.l_type != F_UNLCK))
		return EINVAL;
	if (want.al_ofd && fl.l_pid != 0)
		return EINVAL;
	error = range_of(fp, &fl, &want.al_start, &want.al_end);
	if (error != 0)
		return error;
	want.al_type = fl.l_type;
	want.al_pid = curproc->p_pid;
	want.al_file = fp;
	want.al_owner = want.al_ofd ? (const void *)fp : curproc;
	if (get) {
		error = record_get(fp, &want, &fl);
		return error != 0 ? error : copyout(&fl, uarg, sizeof(fl));
	}
	acc = fp->f_flags & O_ACCMODE;
	if ((fl.l_type == F_RDLCK && acc == O_WRONLY) ||
	    (fl.l_type == F_WRLCK && acc == O_RDONLY))
		return EBADF;
	return record_set(fp, &want, wait);
}

/* ---- flock() ----------------------------------------------------------- */

static struct advlock *
flock_conflict(struct advstate *as, const struct file *fp, int type)
{
	struct advlock *al;
	struct list *n;

	LIST_FOREACH(n, &as->as_flocks) {
		al = container_of(n, struct advlock, al_link);
		if (al->al_owner != fp &&
		    (al->al_type == F_WRLCK || type == F_WRLCK))
			return al;
	}
	return NULL;
}

int
advlock_flock(struct file *fp, int op)
{
	struct advstate *as = state_get(fp->f_vnode);
	struct advlock *new, *al, *mine = NULL;
	struct list *n;
	short type;
	int error = 0;

	switch (op & ~LOCK_NB) {
	case LOCK_SH:
		type = F_RDLCK;
		break;
	case LOCK_EX:
		type = F_WRLCK;
		break;
	case LOCK_UN:
		type = F_UNLCK;
		break;
	default:
		return EINVAL;
	}
	new = kmem_alloc(sizeof(*new), 0);
	if (as == NULL || new == NULL) {
		lock_free(new);
		return ENOLCK;
	}
	mutex_enter(&as->as_lock);
	LIST_FOREACH(n, &as->as_flocks) {
		al = container_of(n, struct advlock, al_link);
		if (al->al_owner == fp)
			mine = al;
	}
	if (mine != NULL && mine->al_type == type)
		goto out;
	/* A conversion gives the old lock up first: flock(2). */
	if (mine != NULL) {
		list_remove(&mine->al_link);
		lock_free(mine);
		cv_broadcast(&as->as_cv);
	}
	if (type == F_UNLCK)
		goto out;
	while (flock_conflict(as, fp, type) != NULL) {
		error = (op & LOCK_NB) != 0 ? EAGAIN :
		    cv_wait_sig(&as->as_cv, &as->as_lock);
		if (error != 0)
			goto out;
	}
	new->al_owner = fp;
	new->al_file = fp;
	new->al_ofd = true;
	new->al_type = type;
	new->al_pid = curproc->p_pid;
	list_node_init(&new->al_link);
	list_insert_tail(&as->as_flocks, &new->al_link);
	new = NULL;
	atomic_store(&fp->f_flock, as);
out:
	mutex_exit(&as->as_lock);
	lock_free(new);
	return error;
}
