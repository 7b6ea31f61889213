/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Processes: the list of them, making and ending one.
 *
 * p_refs: one until its last lwp was released, one for each lwp, and one for
 * each holder. With the first of these gone the process is off the list and
 * has nothing left but its memory.
 */
#include <kern/file.h>
#include <kern/kmem.h>
#include <kern/proc.h>
#include <kern/string.h>

#include <linux/resource.h>
#include <rump/lwproc.h>

#include "proc_private.h"

#define PID_MAX		4194304		/* PID_MAX_LIMIT of Linux */
#define HASH_SIZE	256
#define OPEN_MAX	1024		/* RLIMIT_NOFILE: as Linux has them */
#define OPEN_LIMIT	1048576

static struct lock_class proc_list_lc = LOCK_CLASS("process list", 0);
static struct lock_class proc_lc = LOCK_CLASS("process", 0);
static struct lock_class hooks_lc = LOCK_CLASS("process hooks", 0);

struct kmutex proc_list_lock;
struct list proc_list = LIST_INITIALIZER(proc_list);

struct proc proc0;
struct proc proc1;
struct proc *initproc = &proc1;

static struct list proc_hash[HASH_SIZE];	/* [proc_list_lock] p_hash */
static pid_t id_last = 1;			/* [proc_list_lock] */

/*
 * Held shared while a process comes or goes, so that each hook sees each
 * process once. Before proc_list_lock, and whatever the hooks take.
 */
static struct krwlock hooks_lock;
static struct proc_hooks *hooks;		/* [hooks_lock] */

/* ---- Finding ---------------------------------------------------------- */

static struct proc *
proc_find_locked(pid_t pid)
{
	struct list *head = &proc_hash[(uint32_t)pid % HASH_SIZE], *n;
	struct proc *p;

	LIST_FOREACH(n, head) {
		p = container_of(n, struct proc, p_hash);
		if (p->p_pid == pid)
			return p;
	}
	return NULL;
}

int
proc_find(pid_t pid, struct proc **pp)
{
	struct proc *p;

	mutex_enter(&proc_list_lock);
	p = proc_find_locked(pid);
	if (p != NULL)
		proc_hold(p);
	mutex_exit(&proc_list_lock);
	if (p == NULL)
		return ESRCH;
	*pp = p;
	return 0;
}

struct proc *
proc_of_group(pid_t *pos, pid_t pgid)
{
	struct proc *p, *found = NULL;
	struct list *n;

	mutex_enter(&proc_list_lock);
	LIST_FOREACH(n, &proc_list) {
		p = container_of(n, struct proc, p_link);
		if (p->p_pid <= *pos || (pgid != 0 && p->p_pgid != pgid) ||
		    (found != NULL && found->p_pid < p->p_pid))
			continue;
		found = p;
	}
	if (found != NULL) {
		proc_hold(found);
		*pos = found->p_pid;
	}
	mutex_exit(&proc_list_lock);
	return found;
}

struct proc *
proc_hold(struct proc *p)
{
	atomic_fetch_add_explicit(&p->p_refs, 1, memory_order_relaxed);
	return p;
}

void
proc_rele(struct proc *p)
{
	if (atomic_fetch_sub_explicit(&p->p_refs, 1, memory_order_acq_rel)
	    != 1)
		return;
	KASSERT(p != &proc0 && p != &proc1);
	cred_rele(atomic_load(&p->p_cred));
	sigacts_free(p->p_sigacts);
	mutex_fini(&p->p_lock);
	kmem_free(p, sizeof(*p));
}

static bool
id_used(pid_t id)
{
	struct proc *p;
	struct list *n;

	if (proc_find_locked(id) != NULL || lwp_find_locked(id) != NULL)
		return true;
	LIST_FOREACH(n, &proc_list) {
		p = container_of(n, struct proc, p_link);
		if (p->p_pgid == id || p->p_sid == id)
			return true;
	}
	return false;
}

pid_t
id_alloc_locked(void)
{
	static bool wrapped;

	KASSERT(mutex_owned(&proc_list_lock));
	do {
		if (id_last == PID_MAX) {
			wrapped = true;
			id_last = 1;
		}
		id_last++;
	} while (wrapped && id_used(id_last));
	return id_last;
}

/* ---- Making ----------------------------------------------------------- */

static void
proc_setup(struct proc *p, pid_t pid)
{
	p->p_pid = pid;
	mutex_init(&p->p_lock, &proc_lc);
	list_init(&p->p_lwps);
	list_node_init(&p->p_link);
	list_node_init(&p->p_hash);
	atomic_init(&p->p_nlwps, 0);
	atomic_init(&p->p_refs, 1);
}

static void
rlimits_default(struct proc *p)
{
	for (size_t i = 0; i < nitems(p->p_rlimit); i++) {
		atomic_init(&p->p_rlimit[i][0], UINT64_MAX);
		atomic_init(&p->p_rlimit[i][1], UINT64_MAX);
	}
	atomic_init(&p->p_rlimit[RLIMIT_CORE][0], 0);
	atomic_init(&p->p_rlimit[RLIMIT_NOFILE][0], OPEN_MAX);
	atomic_init(&p->p_rlimit[RLIMIT_NOFILE][1], OPEN_LIMIT);
}

static void
rlimits_copy(struct proc *p, struct proc *from)
{
	for (size_t i = 0; i < nitems(p->p_rlimit); i++) {
		atomic_init(&p->p_rlimit[i][0],
		    atomic_load(&from->p_rlimit[i][0]));
		atomic_init(&p->p_rlimit[i][1],
		    atomic_load(&from->p_rlimit[i][1]));
	}
}

/* Call the hooks before last (NULL: all) for a process that ends. */
static void
hooks_exit(struct proc *p, struct proc_hooks *last)
{
	struct proc_hooks *ph;

	for (ph = hooks; ph != last; ph = ph->ph_next)
		ph->ph_exit(p);
}

static int
hooks_fork(struct proc *parent, struct proc *p, int flags)
{
	struct proc_hooks *ph;
	int error;

	for (ph = hooks; ph != NULL; ph = ph->ph_next) {
		error = ph->ph_fork(parent, p, flags);
		if (error != 0) {
			hooks_exit(p, ph);
			return error;
		}
	}
	return 0;
}

static void
proc_insert(struct proc *p)
{
	list_insert_tail(&proc_list, &p->p_link);
	list_insert_tail(&proc_hash[(uint32_t)p->p_pid % HASH_SIZE],
	    &p->p_hash);
}

static struct filedesc *
fork_files(struct proc *parent, int flags)
{
	if ((flags & RUMP_RFCFDG) != 0)
		return filedesc_alloc();
	if ((flags & RUMP_RFFDG) != 0)
		return filedesc_copy(parent->p_fd);
	return filedesc_share(parent->p_fd);
}

int
proc_create(struct proc *parent, int flags, struct proc **pp)
{
	struct proc *p;
	int error = ENOMEM;

	p = kmem_zalloc(sizeof(*p), 0);
	if (p == NULL)
		return ENOMEM;
	mutex_enter(&proc_list_lock);
	proc_setup(p, id_alloc_locked());
	p->p_pgid = parent->p_pgid;
	p->p_sid = parent->p_sid;
	mutex_exit(&proc_list_lock);
	atomic_init(&p->p_ppid, parent->p_pid);
	atomic_init(&p->p_cred, proc_cred_hold(parent));
	rlimits_copy(p, parent);
	memcpy(p->p_comm, parent->p_comm, sizeof(p->p_comm));
	p->p_vnet = parent->p_vnet;
	p->p_sigacts = sigacts_alloc(parent->p_sigacts);
	if (p->p_sigacts == NULL)
		goto fail_free;
	atomic_init(&p->p_fd, fork_files(parent, flags));
	if (p->p_fd == NULL)
		goto fail_free;
	rw_enter(&hooks_lock, RW_READER);
	error = hooks_fork(parent, p, flags);
	if (error != 0)
		goto fail_files;
	mutex_enter(&proc_list_lock);
	proc_insert(p);
	mutex_exit(&proc_list_lock);
	rw_exit(&hooks_lock);
	*pp = p;
	return 0;

fail_files:
	rw_exit(&hooks_lock);
	filedesc_rele(p->p_fd, p);
fail_free:
	proc_rele(p);
	return error;
}

int
proc_hooks_add(struct proc_hooks *ph)
{
	struct list *n;
	int error = 0;

	rw_enter(&hooks_lock, RW_WRITER);
	LIST_FOREACH(n, &proc_list) {
		error = ph->ph_fork(NULL, container_of(n, struct proc, p_link),
		    RUMP_RFCFDG);
		if (error != 0)
			break;
	}
	if (error == 0) {
		ph->ph_next = hooks;
		hooks = ph;
	}
	rw_exit(&hooks_lock);
	return error;
}

/* ---- Ending ----------------------------------------------------------- */

static void
children_orphan(struct proc *p)
{
	struct proc *child;
	struct list *n;

	LIST_FOREACH(n, &proc_list) {
		child = container_of(n, struct proc, p_link);
		if (atomic_load(&child->p_ppid) == p->p_pid)
			atomic_store(&child->p_ppid, proc1.p_pid);
	}
}

void
proc_exit(struct proc *p)
{
	KASSERT((p->p_flags & P_EXITING) != 0);
	itimer_free(p);
	filedesc_rele(p->p_fd, p);
	p->p_fd = NULL;
	rw_enter(&hooks_lock, RW_READER);
	hooks_exit(p, NULL);
	mutex_enter(&proc_list_lock);
	list_remove(&p->p_link);
	list_remove(&p->p_hash);
	children_orphan(p);
	mutex_exit(&proc_list_lock);
	rw_exit(&hooks_lock);
}

/* ---- Boot ------------------------------------------------------------- */

static int
proc_setup_first(struct proc *p, pid_t pid, const char *comm)
{
	struct cred *cr;

	proc_setup(p, pid);
	p->p_pgid = p->p_sid = pid;
	strlcpy(p->p_comm, comm, sizeof(p->p_comm));
	rlimits_default(p);
	cr = cred_alloc();
	if (cr == NULL)
		return ENOMEM;
	atomic_init(&p->p_cred, cr);
	p->p_sigacts = sigacts_alloc(NULL);
	atomic_init(&p->p_fd, filedesc_alloc());
	if (p->p_sigacts == NULL || p->p_fd == NULL)
		return ENOMEM;
	proc_insert(p);
	return 0;
}

int
proc_init(void)
{
	int error;

	mutex_init(&proc_list_lock, &proc_list_lc);
	rw_init(&hooks_lock, &hooks_lc);
	for (size_t i = 0; i < nitems(proc_hash); i++)
		list_init(&proc_hash[i]);
	error = lwp_init();
	if (error == 0)
		error = uaccess_init();
	if (error == 0)
		error = proc_setup_first(&proc0, 0, "system");
	if (error == 0)
		error = proc_setup_first(&proc1, 1, "rump");
	return error;
}
