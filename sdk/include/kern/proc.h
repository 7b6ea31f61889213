/* SPDX-License-Identifier: BSD-2-Clause */
/** @file proc.h
 * Processes, lwps and credentials.
 *
 * Process 0 is the kernel's (kernel threads), process 1 is the one that host
 * threads without an lwp of their own act as. A process lives while it has an
 * lwp or its creator holds it; an lwp belongs to one process for its life.
 * The lwp a host thread acts as is curlwp; an lwp is current on at most one
 * host thread.
 *
 * Lock order: proc_list_lock -> p_lock -> l_lock.
 */
#ifndef KERN_PROC_H
#define KERN_PROC_H

#include <kern/sync.h>
#include <kern/thread.h>
#include <kern/uio.h>

struct cwdinfo;
struct filedesc;
struct itimer;
struct sigacts;
struct vnet;

#define NGROUPS 65536			/* NGROUPS_MAX of the UAPI */

/** Immutable once shared; hold/rele are atomic. */
struct cred {
	_Atomic uint32_t cr_refs;
	uid_t cr_uid, cr_euid, cr_suid, cr_fsuid;
	gid_t cr_gid, cr_egid, cr_sgid, cr_fsgid;
	uint32_t cr_ngroups;
	gid_t *cr_groups;		/* sorted */
};

struct cred *cred_alloc(void);		/* uid 0, gid 0; NULL: no memory */
struct cred *cred_dup(const struct cred *cr);
struct cred *cred_hold(struct cred *cr);
void cred_rele(struct cred *cr);
bool cred_in_group(const struct cred *cr, gid_t gid);
/** May it override permissions (effective uid 0)? */
static inline bool
cred_is_root(const struct cred *cr)
{
	return cr->cr_euid == 0;
}

/**
 * How a process' memory is reached. NULL in p_vmops: the process is local, its
 * pointers are ours.
 */
struct vmops {
	int (*vm_copyin)(struct proc *p, const void *uaddr, void *k, size_t n);
	int (*vm_copyout)(struct proc *p, const void *k, void *uaddr, size_t n);
	/** Zero-terminated; *done includes the zero; ENAMETOOLONG. */
	int (*vm_copyinstr)(struct proc *p, const char *uaddr, char *k,
	    size_t max, size_t *done);
	/** Raise a host signal where the process is; NULL: it is lost. */
	void (*vm_raise)(struct proc *p, int sig);
};

/*
 * I  immutable   p  p_lock   l  proc_list_lock   a  atomic
 */
struct proc {
	pid_t p_pid;			/* [I] */
	_Atomic pid_t p_ppid;		/* [a] parent, or 1 */
	struct kmutex p_lock;
	_Atomic(struct cred *) p_cred;	/* [p] write; read under an epoch */
	_Atomic(struct filedesc *) p_fd; /* [a] its own threads set it */
	struct cwdinfo *p_cwdi;		/* [p] the faction vfs's, or NULL */
	struct sigacts *p_sigacts;	/* [p] */
	_Atomic(struct itimer *) p_itimer; /* [a] once set; NULL: none yet */
	struct vnet *p_vnet;		/* [p] the faction net's, or NULL */
	const struct vmops *p_vmops;	/* [I] */
	void *p_vmarg;			/* [I] */
	pid_t p_pgid, p_sid;		/* [l] */
	struct list p_lwps;		/* [p] l_sibling */
	_Atomic unsigned p_nlwps;	/* [p] write; on p_lwps */
	unsigned p_nstaying;		/* [p] those not being released */
	struct list p_link;		/* [l] all processes */
	_Atomic uint32_t p_refs;	/* [a] */
	int p_flags;			/* [p] */
	char p_comm[32];		/* [p] */
	_Atomic uint64_t p_rlimit[16][2]; /* [a] RLIMIT_*: soft, hard */
	struct list p_hash;		/* [l] by pid */
};

#define P_EXITING 0x1

/* l_flags */
#define LW_IMPLICIT	0x1	/* made for a host thread without one */
#define LW_RESERVE	0x2	/* static storage */

struct lwp {
	struct proc *l_proc;		/* [I] */
	int l_lid;			/* [I] unique in the kernel */
	int l_flags;			/* own thread only */
	struct cred *l_cred;		/* own thread: reference, or NULL */
	struct cred *l_cred_seen;	/* own thread: p_cred it was taken of */
	struct kmutex l_lock;
	_Atomic(_Atomic uint32_t *) l_sleepword; /* where it may be interrupted */
	_Atomic uint64_t l_sigpending;	/* [a] */
	_Atomic uint64_t l_sigmask;	/* [a] */
	_Atomic bool l_interrupt;	/* [a] sleepq_interrupt() was called */
	_Atomic uint64_t l_sigtold;	/* [a] signals that interrupted it */
	struct list l_sibling;		/* [p] */
	struct list l_hash;		/* [l] by l_lid */
	struct thread *l_thread;	/* current on; NULL: none */
	const char *l_name;		/* [I] */
};

/** The calling thread's lwp; NULL: none yet (see curlwp_get()). */
extern __thread struct lwp *curlwp;
extern struct proc proc0, *initproc;

struct lwp *lwp_implicit(void);

/**
 * The calling thread's lwp; one of process 1 is made where there is none.
 * Never NULL after boot: when there is no memory a reserve is used.
 */
static inline struct lwp *
curlwp_get(void)
{
	struct lwp *l = curlwp;

	return __likely(l != NULL) ? l : lwp_implicit();
}

#define curproc (curlwp_get()->l_proc)

/**
 * The calling lwp's credentials, valid until its system call returns; no
 * reference to give back.
 */
struct cred *curcred(void);

/** Is a signal pending that the calling lwp must look at? EINTR or 0. */
int lwp_sigcheck(void);

/** Post a signal to the calling lwp (SIGPIPE, SIGXFSZ). No lock is held. */
void signal_post_self(int sig);

/** @return ESRCH; otherwise a referenced process, proc_rele() it. */
int proc_find(pid_t pid, struct proc **pp);
struct proc *proc_hold(struct proc *p);
void proc_rele(struct proc *p);

/**
 * What a faction keeps for each process (p_cwdi, p_vnet). Static storage;
 * registered once, at its init. Processes 0 and 1 exist by then:
 * registering calls ph_fork with parent NULL for each process there is.
 */
struct proc_hooks {
	/** A new process; flags: RUMP_RFFDG, RUMP_RFCFDG. NULL parent: fresh. */
	int (*ph_fork)(struct proc *parent, struct proc *child, int flags);
	/** Its last lwp is gone; its descriptors are closed already. Sleeps. */
	void (*ph_exit)(struct proc *p);
	struct proc_hooks *ph_next;
};
/** @return what ph_fork returned */
int proc_hooks_add(struct proc_hooks *ph);

/* ---- Application memory ----------------------------------------------- */

/*
 * All of them: EFAULT for NULL (with n > 0) and for what the process cannot
 * reach. They may sleep when the process is remote.
 */
int copyin(const void *uaddr, void *kaddr, size_t n);
int copyout(const void *kaddr, void *uaddr, size_t n);
int copyinstr(const char *uaddr, char *kaddr, size_t max, size_t *done);
/** Copy in a path: a kmem buffer of PATH_MAX; pathbuf_free() it. */
int pathbuf_copyin(const char *uaddr, char **pathp);
void pathbuf_free(char *path);

#endif
