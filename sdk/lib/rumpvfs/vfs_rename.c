/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rename(2), renameat2(2).
 *
 * Between directories the mount's rename lock is taken first: no directory
 * changes its parent then, so it can be told which of the two is above the
 * other, and that the directory moved is not above its new place. Locks are
 * taken in that order: directories, upper first, or by address when neither
 * is above the other; then the files, by address.
 */
#include <kern/syscall.h>

#include "notify.h"
#include "sysproto.h"

struct renaming {
	struct nameidata rn_from, rn_to;
	struct vnode *rn_fvp, *rn_tvp;	/* rn_tvp: NULL if there is none */
	struct vnode *rn_trap;		/* see directories_lock() */
	bool rn_trap_source;		/* the source must not be it */
	unsigned rn_flags;
};

/*
 * The child of dvp through which vp is reached (or dvp itself, if they are the
 * same), referenced; ENOENT: dvp is not above vp. The rename lock is held.
 */
static int
child_above(struct vnode *dvp, struct vnode *vp, struct vnode **childp)
{
	struct vnode *cur = vnode_hold(vp), *up;
	int error;

	if (dvp == vp) {
		*childp = cur;
		return 0;
	}
	for (;;) {
		if ((cur->v_flags & VV_ROOT) != 0) {
			vnode_rele(cur);
			return ENOENT;
		}
		error = vnode_parent(cur, &up);
		if (error != 0) {
			vnode_rele(cur);
			return error;
		}
		if (up == dvp) {
			vnode_rele(up);
			*childp = cur;
			return 0;
		}
		vnode_rele(cur);
		if (up == cur)		/* a damaged image */
			return vnode_rele(up), EUCLEAN;
		cur = up;
	}
}

/*
 * Lock both directories. rn_trap, referenced, is the directory that must be
 * neither moved (source above target) nor replaced (target above source).
 */
static int
directories_lock(struct renaming *rn)
{
	struct vnode *fdvp = rn->rn_from.ni_dvp, *tdvp = rn->rn_to.ni_dvp;
	int error;

	rn->rn_trap = NULL;
	if (fdvp == tdvp) {
		vnode_lock(fdvp, RW_WRITER);
		return 0;
	}
	mutex_enter(&fdvp->v_mount->mnt_rename);
	error = child_above(fdvp, tdvp, &rn->rn_trap);
	if (error == 0) {
		rn->rn_trap_source = true;
		vnode_lock(fdvp, RW_WRITER);
		vnode_lock(tdvp, RW_WRITER);
		return 0;
	}
	if (error == ENOENT)
		error = child_above(tdvp, fdvp, &rn->rn_trap);
	if (error == 0) {
		rn->rn_trap_source = false;
		vnode_lock(tdvp, RW_WRITER);
		vnode_lock(fdvp, RW_WRITER);
		return 0;
	}
	if (error != ENOENT) {
		mutex_exit(&fdvp->v_mount->mnt_rename);
		return error;
	}
	vnode_lock((uintptr_t)fdvp < (uintptr_t)tdvp ? fdvp : tdvp, RW_WRITER);
	vnode_lock((uintptr_t)fdvp < (uintptr_t)tdvp ? tdvp : fdvp, RW_WRITER);
	return 0;
}

static void
directories_unlock(struct renaming *rn)
{
	struct vnode *fdvp = rn->rn_from.ni_dvp, *tdvp = rn->rn_to.ni_dvp;

	vnode_unlock(fdvp);
	if (fdvp != tdvp) {
		vnode_unlock(tdvp);
		mutex_exit(&fdvp->v_mount->mnt_rename);
	}
	if (rn->rn_trap != NULL)
		vnode_rele(rn->rn_trap);
}

/* Look both names up; what the names alone forbid. */
static int
rename_lookup(struct renaming *rn)
{
	bool exchange = (rn->rn_flags & RENAME_EXCHANGE) != 0;
	bool fslash = rn->rn_from.ni_slash, tslash = rn->rn_to.ni_slash;
	int error;

	error = namei_last(&rn->rn_from, &rn->rn_fvp);
	if (error != 0)
		return error;
	error = namei_last(&rn->rn_to, &rn->rn_tvp);
	if (error != 0) {
		rn->rn_tvp = NULL;
		if (error != ENOENT || exchange)
			return error;
	} else if ((rn->rn_flags & RENAME_NOREPLACE) != 0)
		return EEXIST;
	if (exchange && tslash && rn->rn_tvp->v_type != VDIR)
		return ENOTDIR;
	if (rn->rn_fvp->v_type != VDIR && (fslash || (!exchange && tslash)))
		return ENOTDIR;
	if (rn->rn_trap == NULL)
		return 0;
	if (rn->rn_trap_source && rn->rn_fvp == rn->rn_trap)
		return EINVAL;
	if (!rn->rn_trap_source && rn->rn_tvp == rn->rn_trap)
		return exchange ? EINVAL : ENOTEMPTY;
	return 0;
}

/* Who may do it, and to what. */
static int
rename_allowed(struct renaming *rn)
{
	const struct cred *cr = rn->rn_from.ni_cn.cn_cred;
	struct vnode *fdvp = rn->rn_from.ni_dvp, *fvp = rn->rn_fvp;
	struct vnode *tdvp = rn->rn_to.ni_dvp, *tvp = rn->rn_tvp;
	bool exchange = (rn->rn_flags & RENAME_EXCHANGE) != 0;
	int error;

	error = vaccess_delete(fdvp, fvp, cr, fvp->v_type == VDIR);
	if (error != 0)
		return error;
	if (tvp == NULL)
		error = vaccess_create(tdvp, cr);
	else
		error = vaccess_delete(tdvp, tvp, cr,
		    (exchange ? tvp : fvp)->v_type == VDIR);
	if (error != 0 || fdvp == tdvp)
		return error;
	/* A directory's ".." is written in it. */
	if (fvp->v_type == VDIR)
		error = vaccess(fvp, cr, VWRITE);
	if (error == 0 && exchange && tvp->v_type == VDIR)
		error = vaccess(tvp, cr, VWRITE);
	return error;
}

static void
files_lock(struct vnode *a, struct vnode *b)
{

	if (b == NULL) {
		vnode_lock(a, RW_WRITER);
		return;
	}
	vnode_lock((uintptr_t)a < (uintptr_t)b ? a : b, RW_WRITER);
	vnode_lock((uintptr_t)a < (uintptr_t)b ? b : a, RW_WRITER);
}

static void
rename_names(struct renaming *rn)
{
	struct vnode *fdvp = rn->rn_from.ni_dvp, *tdvp = rn->rn_to.ni_dvp;
	bool exchange = (rn->rn_flags & RENAME_EXCHANGE) != 0;

	namecache_remove(fdvp, &rn->rn_from.ni_cn);
	namecache_remove(tdvp, &rn->rn_to.ni_cn);
	if (exchange)
		namecache_enter(fdvp, rn->rn_tvp, &rn->rn_from.ni_cn);
	else if (rn->rn_tvp != NULL && rn->rn_tvp->v_type == VDIR)
		vnode_rmdir(tdvp, rn->rn_tvp);
	namecache_enter(tdvp, rn->rn_fvp, &rn->rn_to.ni_cn);
	notify_moved(fdvp, &rn->rn_from.ni_cn, tdvp, &rn->rn_to.ni_cn,
	    rn->rn_fvp, exchange ? NULL : rn->rn_tvp);
	if (exchange)
		notify_moved(tdvp, &rn->rn_to.ni_cn, fdvp,
		    &rn->rn_from.ni_cn, rn->rn_tvp, NULL);
}

static int
rename_locked(struct renaming *rn)
{
	struct vnode *fdvp = rn->rn_from.ni_dvp;
	struct rename_args ra = {
		.ra_fdvp = fdvp,
		.ra_fvp = rn->rn_fvp,
		.ra_tdvp = rn->rn_to.ni_dvp,
		.ra_tvp = rn->rn_tvp,
		.ra_fcnp = &rn->rn_from.ni_cn,
		.ra_tcnp = &rn->rn_to.ni_cn,
		.ra_flags = rn->rn_flags & ~(unsigned)RENAME_NOREPLACE,
	};
	bool moved;
	int error;

	files_lock(rn->rn_fvp, rn->rn_tvp);
	if (rn->rn_fvp->v_mounted != NULL ||
	    (rn->rn_tvp != NULL && rn->rn_tvp->v_mounted != NULL))
		error = EBUSY;
	/* A host directory in the root file system is another one. */
	else if (fdvp->v_op->vop_rename != ra.ra_tdvp->v_op->vop_rename)
		error = EXDEV;
	else if (fdvp->v_op->vop_rename == NULL)
		error = EPERM;
	else {
		moved = fdvp != ra.ra_tdvp && (rn->rn_fvp->v_type == VDIR ||
		    (rn->rn_tvp != NULL && rn->rn_tvp->v_type == VDIR));
		if (moved)
			atomic_fetch_add(&rename_seq, 1);
		error = fdvp->v_op->vop_rename(&ra);
		if (error == 0)
			rename_names(rn);
		if (moved)
			atomic_fetch_add(&rename_seq, 1);
	}
	vnode_unlock(rn->rn_fvp);
	if (rn->rn_tvp != NULL)
		vnode_unlock(rn->rn_tvp);
	return error;
}

static int
rename_found(struct renaming *rn)
{
	int error;

	error = directories_lock(rn);
	if (error != 0)
		return error;
	rn->rn_fvp = rn->rn_tvp = NULL;
	error = rename_lookup(rn);
	/* Two names of one file: nothing happens. */
	if (error == 0 && rn->rn_fvp != rn->rn_tvp) {
		error = rename_allowed(rn);
		if (error == 0)
			error = rename_locked(rn);
	}
	directories_unlock(rn);
	if (rn->rn_fvp != NULL)
		vnode_rele(rn->rn_fvp);
	if (rn->rn_tvp != NULL)
		vnode_rele(rn->rn_tvp);
	return error;
}

int
sys_renameat2(int fromfd, const char *from, int tofd, const char *to,
    unsigned int flags, long *rv __maybe_unused)
{
	struct renaming *rn;
	int error;

	if ((flags & ~(unsigned)(RENAME_NOREPLACE | RENAME_EXCHANGE |
	    RENAME_WHITEOUT)) != 0)
		return EINVAL;
	if ((flags & RENAME_EXCHANGE) != 0 &&
	    (flags & (RENAME_NOREPLACE | RENAME_WHITEOUT)) != 0)
		return EINVAL;
	if ((flags & RENAME_WHITEOUT) != 0 && !cred_is_root(curcred()))
		return EPERM;
	rn = kmem_alloc(sizeof(*rn), 0);
	if (rn == NULL)
		return ENOMEM;
	rn->rn_flags = flags;
	error = namei_begin(&rn->rn_from, from, NI_PARENT);
	if (error != 0)
		goto out_from;
	error = namei_begin(&rn->rn_to, to, NI_PARENT);
	if (error == 0)
		error = namei_resolve(&rn->rn_from, fromfd, from);
	if (error == 0)
		error = namei_resolve(&rn->rn_to, tofd, to);
	if (error != 0)
		goto out_to;
	if (rn->rn_from.ni_dvp->v_mount != rn->rn_to.ni_dvp->v_mount)
		error = EXDEV;
	else if (rn->rn_from.ni_last != NI_LAST_NORM)
		error = EBUSY;
	else if (rn->rn_to.ni_last != NI_LAST_NORM)
		error = (flags & RENAME_NOREPLACE) != 0 ? EEXIST : EBUSY;
	else if (mount_rdonly(rn->rn_from.ni_dvp->v_mount))
		error = EROFS;
	else
		error = rename_found(rn);
out_to:
	namei_done(&rn->rn_to);
out_from:
	namei_done(&rn->rn_from);
	kmem_free(rn, sizeof(*rn));
	return error;
}
