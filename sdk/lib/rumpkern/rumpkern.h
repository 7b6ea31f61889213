/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of the core share with each other and with nobody else: the
 * order of boot, and the few functions behind it.
 */
#ifndef RUMPKERN_H
#define RUMPKERN_H

#include <kern/types.h>

struct lwp;
struct proc;
struct thread;

/* The last step of boot, and what it left. */
int component_init_all(void);
bool component_ready(const char *name);

/* log.c */
extern int log_verbose;

/* sync.c: how long to spin before sleeping; 0 on a single CPU. */
extern unsigned sync_spin;

/* thread.c: the end of a host thread (up_thread_exit). */
void thread_init(void);
void thread_exit(void);

/* epoch.c */
void epoch_thread_exit(struct thread *td);

/*
 * lwp.c: an lwp for a kernel thread, and its end; the thread that runs as it
 * sets curlwp.
 */
int lwp_create(struct proc *p, const char *name, struct lwp **lp);
void lwp_destroy(struct lwp *l);

#endif
