/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Credentials.
 *
 * A struct cred is immutable once it is shared. A process' current ones hang
 * off p_cred; each lwp keeps a reference of its own, taken on entry of a system
 * call that may look at them (cred_refresh()), so that curcred() is valid for
 * the whole call, whatever other threads of the process do.
 */
#include <kern/kmem.h>
#include <kern/proc.h>
#include <kern/string.h>
#include <kern/syscall.h>

#include "proc_private.h"

static struct cred *
cred_alloc_groups(uint32_t ngroups)
{
	struct cred *cr;

	cr = kmem_zalloc(sizeof(*cr), 0);
	if (cr == NULL)
		return NULL;
	if (ngroups > 0) {
		cr->cr_groups = kmem_alloc(ngroups * sizeof(gid_t), 0);
		if (cr->cr_groups == NULL) {
			kmem_free(cr, sizeof(*cr));
			return NULL;
		}
		cr->cr_ngroups = ngroups;
	}
	atomic_init(&cr->cr_refs, 1);
	return cr;
}

struct cred *
cred_alloc(void)
{
	return cred_alloc_groups(0);
}

/* A copy of everything but the groups, which become a copy of these. */
struct cred *
cred_dup_groups(const struct cred *cr, const gid_t *groups, uint32_t ngroups)
{
	struct cred *ncr;

	ncr = cred_alloc_groups(ngroups);
	if (ncr == NULL)
		return NULL;
	ncr->cr_uid = cr->cr_uid;
	ncr->cr_euid = cr->cr_euid;
	ncr->cr_suid = cr->cr_suid;
	ncr->cr_fsuid = cr->cr_fsuid;
	ncr->cr_gid = cr->cr_gid;
	ncr->cr_egid = cr->cr_egid;
	ncr->cr_sgid = cr->cr_sgid;
	ncr->cr_fsgid = cr->cr_fsgid;
	if (ngroups > 0)
		memcpy(ncr->cr_groups, groups, ngroups * sizeof(gid_t));
	return ncr;
}

struct cred *
cred_dup(const struct cred *cr)
{
	return cred_dup_groups(cr, cr->cr_groups, cr->cr_ngroups);
}

struct cred *
cred_hold(struct cred *cr)
{
	atomic_fetch_add_explicit(&cr->cr_refs, 1, memory_order_relaxed);
	return cr;
}

void
cred_rele(struct cred *cr)
{
	if (cr == NULL || atomic_fetch_sub_explicit(&cr->cr_refs, 1,
	    memory_order_acq_rel) != 1)
		return;
	kmem_free(cr->cr_groups, cr->cr_ngroups * sizeof(gid_t));
	kmem_free(cr, sizeof(*cr));
}

bool
cred_in_group(const struct cred *cr, gid_t gid)
{
	uint32_t lo = 0, hi = cr->cr_ngroups, mid;

	if (gid == cr->cr_fsgid)
		return true;
	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (cr->cr_groups[mid] == gid)
			return true;
		if (cr->cr_groups[mid] < gid)
			lo = mid + 1;
		else
			hi = mid;
	}
	return false;
}

/* ---- Those of processes and lwps -------------------------------------- */

struct cred *
proc_cred_hold(struct proc *p)
{
	struct cred *cr;

	mutex_enter(&p->p_lock);
	cr = cred_hold(atomic_load_explicit(&p->p_cred,
	    memory_order_relaxed));
	mutex_exit(&p->p_lock);
	return cr;
}

/* Give the process new credentials; takes over the reference. */
void
proc_cred_set(struct proc *p, struct cred *cr)
{
	struct cred *old;

	mutex_enter(&p->p_lock);
	old = atomic_exchange(&p->p_cred, cr);
	mutex_exit(&p->p_lock);
	cred_rele(old);
}

void
cred_refresh_slow(struct lwp *l)
{
	struct cred *cr = proc_cred_hold(l->l_proc);

	cred_rele(l->l_cred_seen);
	l->l_cred = l->l_cred_seen = cr;
}

void
lwp_cred_drop(struct lwp *l)
{
	cred_rele(l->l_cred_seen);
	l->l_cred = l->l_cred_seen = NULL;
}

struct cred *
curcred(void)
{
	struct lwp *l = curlwp_get();

	if (__unlikely(l->l_cred == NULL))
		cred_refresh_slow(l);
	return l->l_cred;
}
