/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a process has of the name space: current and root directory, umask.
 *
 * Walkers read the two directories under an epoch, without references; who
 * changes one releases the old one afterwards.
 */
#include <kern/syscall.h>

#include "sysproto.h"
#include "vfs.h"

static struct lock_class cwd_class = LOCK_CLASS("cwdinfo", 0);
static struct cwdinfo cwd0;	/* of whoever has none of its own */

struct cwdinfo *
cwd_get(void)
{
	struct cwdinfo *cwdi = curproc->p_cwdi;

	return __likely(cwdi != NULL) ? cwdi : &cwd0;
}

static void
cwd_set(_Atomic(struct vnode *) *slot, struct vnode *vp)
{
	struct cwdinfo *cwdi = cwd_get();
	struct vnode *old;

	mutex_enter(&cwdi->cwdi_lock);
	old = atomic_exchange(slot, vp);
	mutex_exit(&cwdi->cwdi_lock);
	if (old != NULL)
		vnode_rele(old);
}

static int
cwd_fork(struct proc *parent, struct proc *child, int flags __maybe_unused)
{
	struct cwdinfo *from, *cwdi;

	from = parent != NULL && parent->p_cwdi != NULL ?
	    parent->p_cwdi : &cwd0;
	cwdi = kmem_alloc(sizeof(*cwdi), 0);
	if (cwdi == NULL)
		return ENOMEM;
	mutex_init(&cwdi->cwdi_lock, &cwd_class);
	mutex_enter(&from->cwdi_lock);
	atomic_init(&cwdi->cwdi_cdir, vnode_hold(from->cwdi_cdir));
	atomic_init(&cwdi->cwdi_rdir, vnode_hold(from->cwdi_rdir));
	mutex_exit(&from->cwdi_lock);
	atomic_init(&cwdi->cwdi_umask, from->cwdi_umask);
	child->p_cwdi = cwdi;
	return 0;
}

static void
cwd_exit(struct proc *p)
{
	struct cwdinfo *cwdi = p->p_cwdi;

	if (cwdi == NULL)
		return;
	p->p_cwdi = NULL;
	vnode_rele(cwdi->cwdi_cdir);
	vnode_rele(cwdi->cwdi_rdir);
	mutex_fini(&cwdi->cwdi_lock);
	kmem_free(cwdi, sizeof(*cwdi));
}

static struct proc_hooks cwd_hooks = {
	.ph_fork = cwd_fork,
	.ph_exit = cwd_exit,
};

int
cwd_init(struct vnode *root)
{

	mutex_init(&cwd0.cwdi_lock, &cwd_class);
	atomic_init(&cwd0.cwdi_cdir, vnode_hold(root));
	atomic_init(&cwd0.cwdi_rdir, vnode_hold(root));
	atomic_init(&cwd0.cwdi_umask, 022);
	return proc_hooks_add(&cwd_hooks);
}

/* ---- Where is a directory? --------------------------------------------- */

struct find_name {
	ino_t fn_ino;
	char *fn_name;
};

static int
find_name(void *arg, const char *name, size_t len, ino_t ino,
    uint8_t dtype __maybe_unused, off_t cookie __maybe_unused)
{
	struct find_name *fn = arg;

	if (ino != fn->fn_ino || len > NAME_MAX ||
	    (name[0] == '.' && (len == 1 || (len == 2 && name[1] == '.'))))
		return 0;
	memcpy(fn->fn_name, name, len);
	fn->fn_name[len] = '\0';
	return 1;
}

/* The name of a directory in its parent, from the file system. */
static int
read_name(struct vnode *vp, struct vnode **dvpp, char *name)
{
	struct find_name fn = { .fn_ino = vp->v_ino, .fn_name = name };
	struct vnode *dvp;
	off_t off = 0, before;
	int error;

	error = vnode_parent(vp, &dvp);
	if (error != 0)
		return error;
	name[0] = '\0';
	vnode_lock(dvp, RW_READER);
	do {
		before = off;
		error = dvp->v_op->vop_readdir == NULL ? ENOTDIR :
		    dvp->v_op->vop_readdir(dvp, &off, find_name, &fn);
	} while (error == 0 && name[0] == '\0' && off != before);
	vnode_unlock(dvp);
	if (name[0] == '\0') {
		vnode_rele(dvp);
		return error != 0 ? error : ENOENT;
	}
	*dvpp = dvp;
	return 0;
}

int
vnode_path(struct vnode *vp, struct vnode *root, char *buf, size_t size,
    char **pathp)
{
	char name[NAME_MAX + 1], *p = buf + size;
	struct vnode *dvp, *cp;
	size_t len;
	int error = 0;

	if (size < 2)
		return ERANGE;
	*--p = '\0';
	vnode_hold(vp);
	while (vp != root) {
		if ((vp->v_flags & VV_ROOT) != 0) {
			cp = vp->v_mount->mnt_covered;
			if (cp == NULL) {
				error = ENOENT;
				break;
			}
			vnode_hold(cp);
			vnode_rele(vp);
			vp = cp;
			continue;
		}
		if ((vnode_cflags(vp) & VC_RMDIR) != 0 || vnode_doomed(vp)) {
			error = ENOENT;
			break;
		}
		error = namecache_name(vp, &dvp, name);
		if (error != 0)
			error = read_name(vp, &dvp, name);
		if (error != 0)
			break;
		vnode_rele(vp);
		vp = dvp;
		len = strlen(name);
		if ((size_t)(p - buf) < len + 1) {
			error = ERANGE;
			break;
		}
		p -= len;
		memcpy(p, name, len);
		*--p = '/';
	}
	vnode_rele(vp);
	if (error != 0)
		return error;
	if (*p == '\0')
		*--p = '/';
	*pathp = p;
	return 0;
}

int
sys_getcwd(char *ubuf, size_t size, long *rv)
{
	struct cwdinfo *cwdi = cwd_get();
	struct vnode *cdir, *rdir;
	size_t len;
	char *buf, *path;
	int error;

	buf = kmem_alloc(PATH_MAX, 0);
	if (buf == NULL)
		return ENOMEM;
	mutex_enter(&cwdi->cwdi_lock);
	cdir = vnode_hold(cwdi->cwdi_cdir);
	rdir = vnode_hold(cwdi->cwdi_rdir);
	mutex_exit(&cwdi->cwdi_lock);
	error = vnode_path(cdir, rdir, buf, PATH_MAX, &path);
	if (error == ERANGE)
		error = ENAMETOOLONG;
	if (error == 0) {
		len = strlen(path) + 1;
		if (len > size)
			error = ERANGE;
		else
			error = copyout(path, ubuf, len);
		if (error == 0)
			*rv = (long)len;
	}
	vnode_rele(cdir);
	vnode_rele(rdir);
	kmem_free(buf, PATH_MAX);
	return error;
}

/* ---- System calls ------------------------------------------------------ */

int
sys_chdir(const char *path, long *rv __maybe_unused)
{
	struct nameidata ni;
	int error;

	error = namei(&ni, AT_FDCWD, path, NI_FOLLOW | NI_DIRECTORY);
	if (error == 0)
		error = vaccess(ni.ni_vp, ni.ni_cn.cn_cred, VEXEC);
	if (error == 0) {
		cwd_set(&cwd_get()->cwdi_cdir, ni.ni_vp);
		ni.ni_vp = NULL;
	}
	namei_done(&ni);
	return error;
}

int
sys_fchdir(int fd, long *rv __maybe_unused)
{
	struct file *fp;
	struct vnode *vp;
	int error;

	error = fd_get(fd, &fp);
	if (error != 0)
		return error;
	vp = fp->f_vnode;
	if (vp == NULL || vp->v_type != VDIR)
		error = ENOTDIR;
	else
		error = vaccess(vp, curcred(), VEXEC);
	if (error == 0)
		cwd_set(&cwd_get()->cwdi_cdir, vnode_hold(vp));
	fd_put(fp);
	return error;
}

int
sys_chroot(const char *path, long *rv __maybe_unused)
{
	struct nameidata ni;
	int error;

	error = namei(&ni, AT_FDCWD, path, NI_FOLLOW | NI_DIRECTORY);
	if (error == 0)
		error = vaccess(ni.ni_vp, ni.ni_cn.cn_cred, VEXEC);
	if (error == 0 && !cred_is_root(ni.ni_cn.cn_cred))
		error = EPERM;
	if (error == 0) {
		cwd_set(&cwd_get()->cwdi_rdir, ni.ni_vp);
		ni.ni_vp = NULL;
	}
	namei_done(&ni);
	return error;
}

int
sys_umask(mode_t mask, long *rv)
{

	*rv = (long)atomic_exchange(&cwd_get()->cwdi_umask, mask & 0777);
	return 0;
}
