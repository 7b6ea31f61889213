/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * System calls on credentials. What Linux grants by CAP_SETUID and CAP_SETGID
 * is granted to an effective user id of 0.
 *
 * credentials(7), setuid(2), setreuid(2), setresuid(2), setfsuid(2),
 * getgroups(2).
 */
#include <kern/kmem.h>
#include <kern/sort.h>
#include <kern/string.h>
#include <kern/syscall.h>

#include "proc_private.h"
#include "sysproto.h"

#define ID_NONE ((uint32_t)-1)		/* "leave it as it is" */

/* A changed copy of the caller's credentials becomes the process'. */
static int
cred_change(int (*change)(struct cred *, const uint32_t *), const uint32_t *id)
{
	struct cred *cr = cred_dup(curcred());
	int error;

	if (cr == NULL)
		return ENOMEM;
	error = change(cr, id);
	if (error != 0) {
		cred_rele(cr);
		return error;
	}
	proc_cred_set(curproc, cr);
	cred_refresh();
	return 0;
}

static bool
one_of(uint32_t id, uint32_t a, uint32_t b, uint32_t c)
{
	return id == ID_NONE || id == a || id == b || id == c;
}

/* ---- User ids --------------------------------------------------------- */

static int
change_uid(struct cred *cr, const uint32_t *id)
{
	if (cred_is_root(cr))
		cr->cr_uid = cr->cr_suid = id[0];
	else if (id[0] != cr->cr_uid && id[0] != cr->cr_suid)
		return EPERM;
	cr->cr_euid = cr->cr_fsuid = id[0];
	return 0;
}

static int
change_reuid(struct cred *cr, const uint32_t *id)
{
	uint32_t ruid = cr->cr_uid;

	if (!cred_is_root(cr) &&
	    (!one_of(id[0], cr->cr_uid, cr->cr_euid, ID_NONE) ||
	    !one_of(id[1], cr->cr_uid, cr->cr_euid, cr->cr_suid)))
		return EPERM;
	if (id[0] != ID_NONE)
		cr->cr_uid = id[0];
	if (id[1] != ID_NONE)
		cr->cr_euid = id[1];
	if (id[0] != ID_NONE || (id[1] != ID_NONE && id[1] != ruid))
		cr->cr_suid = cr->cr_euid;
	cr->cr_fsuid = cr->cr_euid;
	return 0;
}

static int
change_resuid(struct cred *cr, const uint32_t *id)
{
	uint32_t r = cr->cr_uid, e = cr->cr_euid, s = cr->cr_suid;

	if (!cred_is_root(cr) && !(one_of(id[0], r, e, s) &&
	    one_of(id[1], r, e, s) && one_of(id[2], r, e, s)))
		return EPERM;
	if (id[0] != ID_NONE)
		cr->cr_uid = id[0];
	if (id[1] != ID_NONE)
		cr->cr_euid = id[1];
	if (id[2] != ID_NONE)
		cr->cr_suid = id[2];
	cr->cr_fsuid = cr->cr_euid;
	return 0;
}

static int
change_fsuid(struct cred *cr, const uint32_t *id)
{
	if (!cred_is_root(cr) && id[0] != cr->cr_fsuid &&
	    !one_of(id[0], cr->cr_uid, cr->cr_euid, cr->cr_suid))
		return EPERM;
	cr->cr_fsuid = id[0];
	return 0;
}

int
sys_getuid(long *rv)
{
	*rv = curcred()->cr_uid;
	return 0;
}

int
sys_geteuid(long *rv)
{
	*rv = curcred()->cr_euid;
	return 0;
}

int
sys_setuid(uid_t uid, long *rv __maybe_unused)
{
	if (uid == ID_NONE)
		return EINVAL;
	return cred_change(change_uid, &uid);
}

int
sys_setreuid(uid_t ruid, uid_t euid, long *rv __maybe_unused)
{
	return cred_change(change_reuid, (uint32_t [2]){ ruid, euid });
}

int
sys_setresuid(uid_t ruid, uid_t euid, uid_t suid, long *rv __maybe_unused)
{
	return cred_change(change_resuid,
	    (uint32_t [3]){ ruid, euid, suid });
}

/* Reports no error, but the id that was in force. */
int
sys_setfsuid(uid_t uid, long *rv)
{
	*rv = curcred()->cr_fsuid;
	if (uid != ID_NONE)
		(void)cred_change(change_fsuid, &uid);
	return 0;
}

int
sys_getresuid(uid_t *ruid, uid_t *euid, uid_t *suid, long *rv __maybe_unused)
{
	const struct cred *cr = curcred();
	int error;

	error = copyout(&cr->cr_uid, ruid, sizeof(*ruid));
	if (error == 0)
		error = copyout(&cr->cr_euid, euid, sizeof(*euid));
	if (error == 0)
		error = copyout(&cr->cr_suid, suid, sizeof(*suid));
	return error;
}

/* ---- Group ids -------------------------------------------------------- */

static int
change_gid(struct cred *cr, const uint32_t *id)
{
	if (cred_is_root(cr))
		cr->cr_gid = cr->cr_sgid = id[0];
	else if (id[0] != cr->cr_gid && id[0] != cr->cr_sgid)
		return EPERM;
	cr->cr_egid = cr->cr_fsgid = id[0];
	return 0;
}

static int
change_regid(struct cred *cr, const uint32_t *id)
{
	uint32_t rgid = cr->cr_gid;

	if (!cred_is_root(cr) &&
	    (!one_of(id[0], cr->cr_gid, cr->cr_egid, ID_NONE) ||
	    !one_of(id[1], cr->cr_gid, cr->cr_egid, cr->cr_sgid)))
		return EPERM;
	if (id[0] != ID_NONE)
		cr->cr_gid = id[0];
	if (id[1] != ID_NONE)
		cr->cr_egid = id[1];
	if (id[0] != ID_NONE || (id[1] != ID_NONE && id[1] != rgid))
		cr->cr_sgid = cr->cr_egid;
	cr->cr_fsgid = cr->cr_egid;
	return 0;
}

static int
change_resgid(struct cred *cr, const uint32_t *id)
{
	uint32_t r = cr->cr_gid, e = cr->cr_egid, s = cr->cr_sgid;

	if (!cred_is_root(cr) && !(one_of(id[0], r, e, s) &&
	    one_of(id[1], r, e, s) && one_of(id[2], r, e, s)))
		return EPERM;
	if (id[0] != ID_NONE)
		cr->cr_gid = id[0];
	if (id[1] != ID_NONE)
		cr->cr_egid = id[1];
	if (id[2] != ID_NONE)
		cr->cr_sgid = id[2];
	cr->cr_fsgid = cr->cr_egid;
	return 0;
}

static int
change_fsgid(struct cred *cr, const uint32_t *id)
{
	if (!cred_is_root(cr) && id[0] != cr->cr_fsgid &&
	    !one_of(id[0], cr->cr_gid, cr->cr_egid, cr->cr_sgid))
		return EPERM;
	cr->cr_fsgid = id[0];
	return 0;
}

int
sys_getgid(long *rv)
{
	*rv = curcred()->cr_gid;
	return 0;
}

int
sys_getegid(long *rv)
{
	*rv = curcred()->cr_egid;
	return 0;
}

int
sys_setgid(gid_t gid, long *rv __maybe_unused)
{
	if (gid == ID_NONE)
		return EINVAL;
	return cred_change(change_gid, &gid);
}

int
sys_setregid(gid_t rgid, gid_t egid, long *rv __maybe_unused)
{
	return cred_change(change_regid, (uint32_t [2]){ rgid, egid });
}

int
sys_setresgid(gid_t rgid, gid_t egid, gid_t sgid, long *rv __maybe_unused)
{
	return cred_change(change_resgid,
	    (uint32_t [3]){ rgid, egid, sgid });
}

int
sys_setfsgid(gid_t gid, long *rv)
{
	*rv = curcred()->cr_fsgid;
	if (gid != ID_NONE)
		(void)cred_change(change_fsgid, &gid);
	return 0;
}

int
sys_getresgid(gid_t *rgid, gid_t *egid, gid_t *sgid, long *rv __maybe_unused)
{
	const struct cred *cr = curcred();
	int error;

	error = copyout(&cr->cr_gid, rgid, sizeof(*rgid));
	if (error == 0)
		error = copyout(&cr->cr_egid, egid, sizeof(*egid));
	if (error == 0)
		error = copyout(&cr->cr_sgid, sgid, sizeof(*sgid));
	return error;
}

/* ---- Supplementary groups --------------------------------------------- */

int
sys_getgroups(int size, gid_t *list, long *rv)
{
	const struct cred *cr = curcred();
	int error = 0;

	if (size < 0 || (size > 0 && (uint32_t)size < cr->cr_ngroups))
		return EINVAL;
	if (size > 0)
		error = copyout(cr->cr_groups, list,
		    cr->cr_ngroups * sizeof(gid_t));
	if (error == 0)
		*rv = cr->cr_ngroups;
	return error;
}

static bool
gid_less(const void *a, const void *b)
{
	const gid_t *x = a, *y = b;

	return *x < *y;
}

int
sys_setgroups(size_t size, const gid_t *list, long *rv __maybe_unused)
{
	const struct cred *cr = curcred();
	struct cred *ncr;
	gid_t *groups;
	int error;

	if (!cred_is_root(cr))
		return EPERM;
	if (size > NGROUPS)
		return EINVAL;
	if (size == 0) {
		ncr = cred_dup_groups(cr, NULL, 0);
		goto set;
	}
	groups = kmem_alloc(size * sizeof(gid_t), 0);
	if (groups == NULL)
		return ENOMEM;
	error = copyin(list, groups, size * sizeof(gid_t));
	if (error != 0) {
		kmem_free(groups, size * sizeof(gid_t));
		return error;
	}
	sort(groups, size, sizeof(groups[0]), gid_less);
	ncr = cred_dup_groups(cr, groups, (uint32_t)size);
	kmem_free(groups, size * sizeof(gid_t));
set:
	if (ncr == NULL)
		return ENOMEM;
	proc_cred_set(curproc, ncr);
	cred_refresh();
	return 0;
}
