/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Descriptor tables.
 *
 * Looking up takes no lock and writes no cache line that threads share. A
 * thread publishes the file that it is about to use in a slot of its own
 * (td_fdslot) and then looks again: if the table still names the file, then
 * the table's reference keeps it. Who takes a file out of a table looks at the
 * slots of the other threads afterwards; each slot that names the file gets a
 * reference and a mark, which hands that reference to the thread, which drops
 * it when it clears the slot. So at any time either the table, or the slot
 * itself, has the reference that the slot lives on.
 *
 * A lookup and the end of the use cost one locked instruction each, on a cache
 * line of the thread's own. A plain reference count costs the same two, on
 * the file's: where threads share a file they would wait for each other. Both
 * were measured at 5 to 6 ns for the pair.
 *
 * Lock order: fd_lock is before the locks of pools; nothing else is taken
 * under it.
 */
#include <kern/kmem.h>
#include <kern/string.h>

#include <linux/resource.h>

#include "filedesc.h"
#include "proc_private.h"

#define SLOT_MARK 1UL			/* the slot has its own reference */

static struct lock_class filedesc_lc = LOCK_CLASS("descriptors", LC_NESTS);

/* ---- Looking up ------------------------------------------------------- */

static inline struct fdtab *
fdtab_of(struct filedesc *fdp)
{
	return atomic_load(&fdp->fd_tab);
}

static inline struct file *
fdtab_file(struct fdtab *ft, int fd)
{
	return (unsigned)fd < ft->ft_size ? atomic_load(&ft->ft_files[fd]) :
	    NULL;
}

static inline void
slot_clear(_Atomic uintptr_t *slot)
{
	uintptr_t v = atomic_exchange(slot, 0);

	if (__unlikely((v & SLOT_MARK) != 0))
		(void)file_rele((struct file *)(v & ~SLOT_MARK));
}

int
fd_hold(int fd, struct file **fpp)
{
	struct filedesc *fdp = curproc->p_fd;
	struct file *fp;

	mutex_enter(&fdp->fd_lock);
	fp = fdtab_file(fdtab_of(fdp), fd);
	if (fp != NULL)
		file_hold(fp);
	mutex_exit(&fdp->fd_lock);
	if (fp == NULL)
		return EBADF;
	*fpp = fp;
	return 0;
}

int
fd_get(int fd, struct file **fpp)
{
	struct filedesc *fdp = curproc->p_fd;
	struct thread *td = thread_self();
	_Atomic uintptr_t *slot = td->td_fdslot;
	struct file *fp;

	while (__unlikely(atomic_load_explicit(slot, memory_order_relaxed)
	    != 0)) {
		if (++slot == td->td_fdslot + TD_FDSLOTS)
			return fd_hold(fd, fpp);
	}
	for (;;) {
		fp = fdtab_file(fdtab_of(fdp), fd);
		if (__unlikely(fp == NULL))
			return EBADF;
		(void)atomic_exchange(slot, (uintptr_t)fp);
		if (__likely(fdtab_file(fdtab_of(fdp), fd) == fp))
			break;
		slot_clear(slot);
	}
	*fpp = fp;
	return 0;
}

void
fd_put(struct file *fp)
{
	_Atomic uintptr_t *slot = thread_self()->td_fdslot;
	uintptr_t v;

	for (int i = 0; i < TD_FDSLOTS; i++, slot++) {
		v = atomic_load_explicit(slot, memory_order_relaxed);
		if ((v & ~SLOT_MARK) == (uintptr_t)fp) {
			slot_clear(slot);
			return;
		}
	}
	(void)file_rele(fp);
}

int
fd_get_read(int fd, struct file **fpp)
{
	int error;

	error = fd_get(fd, fpp);
	if (error == 0 && __unlikely(!file_readable(*fpp))) {
		fd_put(*fpp);
		error = EBADF;
	}
	return error;
}

int
fd_get_write(int fd, struct file **fpp)
{
	int acc, error;

	error = fd_get(fd, fpp);
	if (error != 0)
		return error;
	acc = atomic_load_explicit(&(*fpp)->f_flags, memory_order_relaxed);
	if (__unlikely((acc & O_PATH) != 0 || (acc & O_ACCMODE) == O_RDONLY)) {
		fd_put(*fpp);
		return EBADF;
	}
	return 0;
}

/* ---- Taking out ------------------------------------------------------- */

/* Give each thread that uses the file a reference of its own. */
static void
slots_mark(struct file *fp)
{
	struct thread *td, *self = thread_self();
	uintptr_t v;

	for (td = atomic_load(&thread_list); td != NULL; td = td->td_next) {
		for (int i = 0; i < TD_FDSLOTS && td != self; i++) {
			v = (uintptr_t)fp;
			if (atomic_load(&td->td_fdslot[i]) != v)
				continue;
			file_hold(fp);
			if (!atomic_compare_exchange_strong(&td->td_fdslot[i],
			    &v, v | SLOT_MARK))
				(void)file_rele(fp);
		}
	}
}

/*
 * The file was taken out of the table of p, whose reference this drops. A
 * thread that uses it is an lwp of a process with this table; where there is
 * none but the caller, there is nobody to look for. (An lwp that comes now
 * sees the table without the file: p_nlwps, the table and the slots are
 * accessed in one order that all threads agree on.)
 */
static int
file_withdrawn(struct filedesc *fdp, struct proc *p, struct file *fp)
{
	struct thread *td = thread_self();

	if (atomic_load(&fdp->fd_refs) > 1 || atomic_load(&p->p_nlwps) > 1)
		slots_mark(fp);
	/* The caller's own. */
	for (int i = 0; i < TD_FDSLOTS; i++) {
		if (atomic_load_explicit(&td->td_fdslot[i],
		    memory_order_relaxed) != (uintptr_t)fp)
			continue;
		file_hold(fp);
		atomic_store(&td->td_fdslot[i], (uintptr_t)fp | SLOT_MARK);
	}
	if (fp->f_ops->fo_closefd != NULL)
		fp->f_ops->fo_closefd(fp, p);
	return file_rele(fp);
}

/* ---- The bitmaps ------------------------------------------------------ */

static inline bool
bit_test(const uint64_t *map, unsigned i)
{
	return (map[i / 64] >> (i % 64) & 1) != 0;
}

static inline void
bit_set(uint64_t *map, unsigned i)
{
	map[i / 64] |= 1ULL << (i % 64);
}

static inline void
bit_clear(uint64_t *map, unsigned i)
{
	map[i / 64] &= ~(1ULL << (i % 64));
}

/* The lowest free descriptor from min up; ft_size where there is none. */
static unsigned
fd_lowest(struct filedesc *fdp, unsigned min)
{
	struct fdtab *ft = fdtab_of(fdp);
	unsigned w, words = ft->ft_size / 64;
	uint64_t free;

	if (min >= ft->ft_size)
		return min;
	w = MAX(min / 64, fdp->fd_hint);
	free = w == min / 64 ? ~ft->ft_used[w] & ~0ULL << (min % 64) :
	    ~ft->ft_used[w];
	while (free == 0) {
		if (++w == words)
			break;
		free = ~ft->ft_used[w];
	}
	if (min == 0 || min / 64 < fdp->fd_hint)
		fdp->fd_hint = MIN(w, words - 1);
	return w == words ? ft->ft_size : w * 64 +
	    (unsigned)__builtin_ctzll(free);
}

static void
fd_unreserve_locked(struct filedesc *fdp, unsigned fd)
{
	struct fdtab *ft = fdtab_of(fdp);

	bit_clear(ft->ft_used, fd);
	bit_clear(ft->ft_cloexec, fd);
	fdp->fd_hint = MIN(fdp->fd_hint, fd / 64);
}

/* ---- Growing ---------------------------------------------------------- */

static size_t
fdtab_bytes(unsigned size)
{
	return sizeof(struct fdtab) + 2 * (size / 64) * sizeof(uint64_t) +
	    size * sizeof(struct file *);
}

static struct fdtab *
fdtab_alloc(unsigned size)
{
	struct fdtab *ft;

	ft = kmem_zalloc(fdtab_bytes(size), 0);
	if (ft == NULL)
		return NULL;
	ft->ft_size = size;
	ft->ft_used = (uint64_t *)(ft + 1);
	ft->ft_cloexec = ft->ft_used + size / 64;
	ft->ft_files = (void *)(ft->ft_cloexec + size / 64);
	return ft;
}

/* Copy the first n descriptors; with references: for another table. */
static void
fdtab_copy(struct fdtab *to, struct fdtab *from, unsigned n, bool hold)
{
	struct file *fp;

	memcpy(to->ft_used, from->ft_used, n / 8);
	memcpy(to->ft_cloexec, from->ft_cloexec, n / 8);
	for (unsigned i = 0; i < n; i++) {
		fp = atomic_load_explicit(&from->ft_files[i],
		    memory_order_relaxed);
		if (hold && fp != NULL) {
			file_hold(fp);
		} else if (hold) {
			bit_clear(to->ft_used, i);
			bit_clear(to->ft_cloexec, i);
		}
		atomic_store_explicit(&to->ft_files[i], fp,
		    memory_order_relaxed);
	}
}

static int
fd_grow_locked(struct filedesc *fdp, unsigned fd)
{
	struct fdtab *ft = fdtab_of(fdp), *nft;
	unsigned size = ft->ft_size;

	while (size <= fd)
		size *= 2;
	if (size == ft->ft_size)
		return 0;
	nft = fdtab_alloc(size);
	if (nft == NULL)
		return ENOMEM;
	fdtab_copy(nft, ft, ft->ft_size, false);
	nft->ft_old = ft;
	atomic_store(&fdp->fd_tab, nft);
	return 0;
}

static unsigned
fd_limit(void)
{
	return (unsigned)MIN(atomic_load_explicit(
	    &curproc->p_rlimit[RLIMIT_NOFILE][0], memory_order_relaxed),
	    (uint64_t)INT32_MAX);
}

static int
fd_reserve_locked(struct filedesc *fdp, int min, int flags, int *fdp_out)
{
	struct fdtab *ft;
	unsigned fd;
	int error;

	fd = fd_lowest(fdp, (unsigned)min);
	if (fd >= fd_limit())
		return EMFILE;
	error = fd_grow_locked(fdp, fd);
	if (error != 0)
		return error;
	ft = fdtab_of(fdp);
	bit_set(ft->ft_used, fd);
	if ((flags & O_CLOEXEC) != 0)
		bit_set(ft->ft_cloexec, fd);
	*fdp_out = (int)fd;
	return 0;
}

/* ---- Putting in, closing ---------------------------------------------- */

int
fd_reserve(int min, int flags, int *fdp_out)
{
	struct filedesc *fdp = curproc->p_fd;
	int error;

	mutex_enter(&fdp->fd_lock);
	error = fd_reserve_locked(fdp, min, flags, fdp_out);
	mutex_exit(&fdp->fd_lock);
	return error;
}

void
fd_fill(int fd, struct file *fp)
{
	struct filedesc *fdp = curproc->p_fd;
	struct fdtab *ft;

	mutex_enter(&fdp->fd_lock);
	ft = fdtab_of(fdp);
	KASSERT(bit_test(ft->ft_used, (unsigned)fd));
	atomic_store(&ft->ft_files[fd], fp);
	mutex_exit(&fdp->fd_lock);
}

void
fd_cancel(int fd)
{
	struct filedesc *fdp = curproc->p_fd;

	mutex_enter(&fdp->fd_lock);
	fd_unreserve_locked(fdp, (unsigned)fd);
	mutex_exit(&fdp->fd_lock);
}

int
fd_install(struct file *fp, int min, int flags, int *fdp_out)
{
	struct filedesc *fdp = curproc->p_fd;
	int error;

	mutex_enter(&fdp->fd_lock);
	error = fd_reserve_locked(fdp, min, flags, fdp_out);
	if (error == 0)
		atomic_store(&fdtab_of(fdp)->ft_files[*fdp_out], fp);
	mutex_exit(&fdp->fd_lock);
	return error;
}

/* Take a file out; NULL: there is none. */
static struct file *
fd_remove_locked(struct filedesc *fdp, unsigned fd)
{
	struct fdtab *ft = fdtab_of(fdp);
	struct file *fp = fdtab_file(ft, (int)fd);

	if (fp != NULL) {
		atomic_store(&ft->ft_files[fd], NULL);
		fd_unreserve_locked(fdp, fd);
	}
	return fp;
}

int
fd_close(int fd)
{
	struct proc *p = curproc;
	struct filedesc *fdp = p->p_fd;
	struct file *fp;

	if (fd < 0)
		return EBADF;
	mutex_enter(&fdp->fd_lock);
	fp = fd_remove_locked(fdp, (unsigned)fd);
	mutex_exit(&fdp->fd_lock);
	return fp != NULL ? file_withdrawn(fdp, p, fp) : EBADF;
}

int
fd_close_range(unsigned first, unsigned last, bool cloexec)
{
	struct proc *p = curproc;
	struct filedesc *fdp = p->p_fd;
	struct fdtab *ft;
	struct file *fp;

	mutex_enter(&fdp->fd_lock);
	for (unsigned fd = first; fd < (ft = fdtab_of(fdp))->ft_size &&
	    fd <= last; fd++) {
		if (ft->ft_used[fd / 64] == 0) {
			fd |= 63;
			continue;
		}
		if (cloexec) {
			if (bit_test(ft->ft_used, fd))
				bit_set(ft->ft_cloexec, fd);
			continue;
		}
		fp = fd_remove_locked(fdp, fd);
		if (fp == NULL)
			continue;
		mutex_exit(&fdp->fd_lock);
		(void)file_withdrawn(fdp, p, fp);
		mutex_enter(&fdp->fd_lock);
	}
	mutex_exit(&fdp->fd_lock);
	return 0;
}

int
fd_dup_to(int from, int to, int flags)
{
	struct proc *p = curproc;
	struct filedesc *fdp = p->p_fd;
	struct file *fp, *old = NULL;
	struct fdtab *ft;
	int error;

	if (to < 0 || (unsigned)to >= fd_limit())
		return EBADF;
	mutex_enter(&fdp->fd_lock);
	fp = fdtab_file(fdtab_of(fdp), from);
	error = fp == NULL ? EBADF : fd_grow_locked(fdp, (unsigned)to);
	if (error != 0)
		goto out;
	ft = fdtab_of(fdp);
	old = fdtab_file(ft, to);
	if (old == NULL && bit_test(ft->ft_used, (unsigned)to)) {
		error = EBUSY;
		goto out;
	}
	bit_set(ft->ft_used, (unsigned)to);
	if ((flags & O_CLOEXEC) != 0)
		bit_set(ft->ft_cloexec, (unsigned)to);
	else
		bit_clear(ft->ft_cloexec, (unsigned)to);
	atomic_store(&ft->ft_files[to], file_hold(fp));
out:
	mutex_exit(&fdp->fd_lock);
	/* dup2(2): errors of closing are lost. */
	if (old != NULL)
		(void)file_withdrawn(fdp, p, old);
	return error;
}

int
fd_getcloexec(int fd, bool *cloexec)
{
	struct filedesc *fdp = curproc->p_fd;
	struct fdtab *ft;
	int error = EBADF;

	mutex_enter(&fdp->fd_lock);
	ft = fdtab_of(fdp);
	if (fdtab_file(ft, fd) != NULL) {
		*cloexec = bit_test(ft->ft_cloexec, (unsigned)fd);
		error = 0;
	}
	mutex_exit(&fdp->fd_lock);
	return error;
}

int
fd_setcloexec(int fd, bool cloexec)
{
	struct filedesc *fdp = curproc->p_fd;
	struct fdtab *ft;
	int error = EBADF;

	mutex_enter(&fdp->fd_lock);
	ft = fdtab_of(fdp);
	if (fdtab_file(ft, fd) != NULL) {
		if (cloexec)
			bit_set(ft->ft_cloexec, (unsigned)fd);
		else
			bit_clear(ft->ft_cloexec, (unsigned)fd);
		error = 0;
	}
	mutex_exit(&fdp->fd_lock);
	return error;
}

/* ---- Tables ----------------------------------------------------------- */

struct filedesc *
filedesc_alloc(void)
{
	struct filedesc *fdp;

	fdp = kmem_zalloc(sizeof(*fdp), 0);
	if (fdp == NULL)
		return NULL;
	mutex_init(&fdp->fd_lock, &filedesc_lc);
	atomic_init(&fdp->fd_users, 1);
	atomic_init(&fdp->fd_refs, 1);
	fdp->fd_first.ft_size = FDTAB_FIRST;
	fdp->fd_first.ft_used = fdp->fd_first_used;
	fdp->fd_first.ft_cloexec = fdp->fd_first_cloexec;
	fdp->fd_first.ft_files = fdp->fd_first_files;
	atomic_init(&fdp->fd_tab, &fdp->fd_first);
	return fdp;
}

static void
filedesc_drop(struct filedesc *fdp)
{
	struct filedesc *unshared;
	struct fdtab *ft, *old;

	for (; fdp != NULL; fdp = unshared) {
		if (atomic_fetch_sub(&fdp->fd_refs, 1) != 1)
			return;
		for (ft = fdtab_of(fdp); ft != &fdp->fd_first; ft = old) {
			old = ft->ft_old;
			kmem_free(ft, fdtab_bytes(ft->ft_size));
		}
		mutex_fini(&fdp->fd_lock);
		unshared = fdp->fd_unshared;
		kmem_free(fdp, sizeof(*fdp));
	}
}

struct filedesc *
filedesc_copy(struct filedesc *fdp)
{
	struct filedesc *nfdp;
	struct fdtab *ft;

	nfdp = filedesc_alloc();
	if (nfdp == NULL)
		return NULL;
	mutex_enter(&fdp->fd_lock);
	ft = fdtab_of(fdp);
	if (fd_grow_locked(nfdp, ft->ft_size - 1) != 0) {
		mutex_exit(&fdp->fd_lock);
		filedesc_drop(nfdp);
		return NULL;
	}
	fdtab_copy(fdtab_of(nfdp), ft, ft->ft_size, true);
	mutex_exit(&fdp->fd_lock);
	return nfdp;
}

struct filedesc *
filedesc_share(struct filedesc *fdp)
{
	atomic_fetch_add(&fdp->fd_users, 1);
	atomic_fetch_add(&fdp->fd_refs, 1);
	return fdp;
}

/* A process leaves a table that others have too: its record locks go. */
static void
filedesc_leave(struct filedesc *fdp, struct proc *p)
{
	struct file *fp;

	for (unsigned i = 0; i < fdtab_of(fdp)->ft_size; i++) {
		mutex_enter(&fdp->fd_lock);
		fp = fdtab_file(fdtab_of(fdp), (int)i);
		if (fp != NULL && fp->f_ops->fo_closefd != NULL)
			file_hold(fp);
		else
			fp = NULL;
		mutex_exit(&fdp->fd_lock);
		if (fp == NULL)
			continue;
		fp->f_ops->fo_closefd(fp, p);
		(void)file_rele(fp);
	}
}

/* The last user is gone. */
static void
filedesc_close(struct filedesc *fdp, struct proc *p)
{
	struct file *fp;

	for (unsigned i = 0; i < fdtab_of(fdp)->ft_size; i++) {
		mutex_enter(&fdp->fd_lock);
		fp = fd_remove_locked(fdp, i);
		mutex_exit(&fdp->fd_lock);
		if (fp != NULL)
			(void)file_withdrawn(fdp, p, fp);
	}
}

void
filedesc_rele(struct filedesc *fdp, struct proc *p)
{
	if (atomic_fetch_sub(&fdp->fd_users, 1) == 1)
		filedesc_close(fdp, p);
	else
		filedesc_leave(fdp, p);
	filedesc_drop(fdp);
}

int
fd_unshare(void)
{
	struct proc *p = curproc;
	struct filedesc *fdp = p->p_fd, *nfdp;

	if (atomic_load(&fdp->fd_users) == 1)
		return 0;
	nfdp = filedesc_copy(fdp);
	if (nfdp == NULL)
		return ENOMEM;
	/* Its reference stays: threads of p may be in the middle of fd_get(). */
	nfdp->fd_unshared = fdp;
	p->p_fd = nfdp;
	if (atomic_fetch_sub(&fdp->fd_users, 1) == 1)
		filedesc_close(fdp, p);
	return 0;
}

void
filedesc_exec(struct filedesc *fdp, struct proc *p)
{
	struct file *fp;

	for (unsigned i = 0; i < fdtab_of(fdp)->ft_size; i++) {
		mutex_enter(&fdp->fd_lock);
		fp = bit_test(fdtab_of(fdp)->ft_cloexec, i) ?
		    fd_remove_locked(fdp, i) : NULL;
		mutex_exit(&fdp->fd_lock);
		if (fp != NULL)
			(void)file_withdrawn(fdp, p, fp);
	}
}
