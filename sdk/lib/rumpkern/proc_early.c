/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Just enough of lwps for kernel threads, so that the core links; removed by
 * the change that adds lwp.c.
 */
#include <kern/proc.h>
#include <kern/kmem.h>
#include "rumpkern.h"
#include "proc_private.h"
__thread struct lwp *curlwp; struct proc proc0,*initproc;
int proc_init(void){return 0;} int file_init(void){return 0;} int signal_init(void){return 0;}
int lwp_create(struct proc*p,const char*n,struct lwp**lp){(void)n;*lp=kmem_zalloc(sizeof(**lp),0);(*lp)->l_proc=p;mutex_init(&(*lp)->l_lock,NULL);return 0;}
void lwp_destroy(struct lwp*l){kmem_free(l,sizeof(*l));}
struct lwp*lwp_implicit(void){struct lwp*l;lwp_create(&proc0,"",&l);return curlwp=l;}
int lwp_sigcheck(void){return 0;}
