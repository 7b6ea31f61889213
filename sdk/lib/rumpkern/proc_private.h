/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the core's files on processes, descriptors and signals share with each
 * other and with boot.
 */
#ifndef PROC_PRIVATE_H
#define PROC_PRIVATE_H

#include <kern/proc.h>

struct file;

/* Boot calls them in this order. */
int proc_init(void);		/* process 0, process 1; before any lwp */
int file_init(void);		/* descriptors, files, pipes, epoll */
int signal_init(void);

/* Parts of them. */
int uaccess_init(void);
int lwp_init(void);
int epoll_init(void);
int uname_init(void);
int clock_init(void);
int console_init(void);
int fasync_init(void);
int timerfd_init(void);
int signalfd_init(void);

/* cred.c */
struct cred *cred_dup_groups(const struct cred *cr, const gid_t *groups,
    uint32_t ngroups);
struct cred *proc_cred_hold(struct proc *p);
void proc_cred_set(struct proc *p, struct cred *cr);
void lwp_cred_drop(struct lwp *l);

/* proc.c */
extern struct kmutex proc_list_lock;
extern struct list proc_list;		/* [proc_list_lock] p_link */
extern struct proc proc1;
/* A pid or lid that nobody has. */
pid_t id_alloc_locked(void);
/*
 * A new process without lwps, referenced for the caller. flags: RUMP_RF*.
 * @return ENOMEM, or what a hook returned
 */
int proc_create(struct proc *parent, int flags, struct proc **pp);
/*
 * The last lwp, which is the caller's, is about to go: give back what the
 * process has. Sleeps.
 */
void proc_exit(struct proc *p);

/* lwp.c */
struct lwp *lwp_find_locked(int lid);		/* [proc_list_lock] */
/* @return ESRCH where the process is on its way out */
int lwp_alloc(struct proc *p, const char *name, int lid, struct lwp **lp);
/* The calling thread's lwp from now on; NULL: its implicit one. */
void lwp_switch(struct lwp *l);
/* The end of an lwp that is the calling thread's, and no longer will be. */
void lwp_release(struct lwp *l);

/* signal.c */
struct sigacts *sigacts_alloc(const struct sigacts *parent);
void sigacts_free(struct sigacts *sa);
void signal_lwp_gone(struct lwp *l);

/* The next process of a group (0: any) after *pos, referenced; NULL: none. */
struct proc *proc_of_group(pid_t *pos, pid_t pgid);

/* The process ends. */
void itimer_free(struct proc *p);

/* The last reference to a file that an epoll has is gone. */
void epoll_file_gone(struct file *fp);
/* The time of day was set. */
void timerfd_clock_set(void);

#endif
