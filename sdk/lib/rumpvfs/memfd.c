/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * memfd_create(2): a file without a name, in the root file system's memory, and
 * what may no longer be done to it: the seals of fcntl(2). Nothing is mapped
 * here, so no seal has to wait for a mapping.
 */
#include <kern/syscall.h>
#include <linux/memfd.h>

#include "sysproto.h"
#include "vfs.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL	0x0008U
#define MFD_EXEC	0x0010U
#endif
#ifndef F_SEAL_EXEC
#define F_SEAL_EXEC	0x0020
#endif

#define SEALS	(F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | \
	F_SEAL_FUTURE_WRITE | F_SEAL_EXEC)
/* The prefix "memfd:" counts against NAME_MAX. */
#define NAME_LIMIT	(NAME_MAX - 6)

static uintptr_t
seals_of(struct vnode *vp)
{
	return (uintptr_t)atomic_load_explicit(&vp->v_special,
	    memory_order_acquire);
}

/* v_lock X. */
static int
add_seals(struct vnode *vp, uintptr_t seals)
{
	uintptr_t old = seals_of(vp);

	if ((old & F_SEAL_SEAL) != 0)
		return EPERM;
	/* An executable that has to stay one is not written any more. */
	if ((seals & F_SEAL_EXEC) != 0 && (vp->v_mode & 0111) != 0)
		seals |= F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE |
		    F_SEAL_FUTURE_WRITE;
	atomic_store(&vp->v_special, (void *)(old | seals));
	return 0;
}

int
memfd_fcntl(struct vnode *vp, int flags, int cmd, uintptr_t arg, long *rv)
{
	int error;

	if (!vnode_memfd(vp))
		return EINVAL;
	if (cmd == F_GET_SEALS) {
		*rv = (long)seals_of(vp);
		return 0;
	}
	if ((flags & O_ACCMODE) == O_RDONLY)
		return EPERM;
	arg = (unsigned)arg;
	if ((arg & ~(uintptr_t)SEALS) != 0)
		return EINVAL;
	vnode_lock(vp, RW_WRITER);
	error = add_seals(vp, arg);
	vnode_unlock(vp);
	return error;
}

static uint64_t
size_of(struct vnode *vp)
{
	struct vattr va;

	return vp->v_op->vop_getattr(vp, &va) == 0 ? va.va_size : 0;
}

int
memfd_grow_sealed(struct vnode *vp, uint64_t end)
{
	return (seals_of(vp) & F_SEAL_GROW) != 0 && end > size_of(vp) ?
	    EPERM : 0;
}

int
memfd_write_sealed(struct vnode *vp, uint64_t end)
{
	if ((seals_of(vp) & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)) != 0)
		return EPERM;
	return memfd_grow_sealed(vp, end);
}

int
memfd_resize_sealed(struct vnode *vp, uint64_t end)
{
	if ((seals_of(vp) & F_SEAL_SHRINK) != 0 && end < size_of(vp))
		return EPERM;
	return memfd_grow_sealed(vp, end);
}

int
memfd_chmod_sealed(struct vnode *vp, mode_t mode)
{
	return (seals_of(vp) & F_SEAL_EXEC) != 0 &&
	    ((vp->v_mode ^ mode) & 0111) != 0 ? EPERM : 0;
}

static int
memfd_make(unsigned flags, struct vnode **vpp)
{
	struct vnode *root, *vp;
	struct vattr va = {
		.va_type = VREG,
		.va_mode = (flags & MFD_NOEXEC_SEAL) != 0 ? 0666 : 0777,
	};
	uintptr_t seals = 0;
	int error;

	root = vfs_rootvnode();
	vattr_inherit(root, &va, curcred());
	vnode_lock(root, RW_WRITER);
	error = root->v_op->vop_tmpfile(root, &va, &vp);
	vnode_unlock(root);
	if (error != 0)
		return error;
	if ((flags & (MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL)) == 0)
		seals |= F_SEAL_SEAL;
	if ((flags & MFD_NOEXEC_SEAL) != 0)
		seals |= F_SEAL_EXEC;
	atomic_store(&vp->v_special, (void *)seals);
	atomic_fetch_or(&vp->v_cflags, VC_MEMFD);
	vnode_made(vp);
	*vpp = vp;
	return 0;
}

int
sys_memfd_create(const char *uname, unsigned int flags, long *rv)
{
	char name[NAME_LIMIT + 1];
	struct vnode *vp;
	struct file *fp;
	size_t len;
	int error, fd;

	if ((flags & ~(MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL |
	    MFD_EXEC)) != 0 || (flags & (MFD_NOEXEC_SEAL | MFD_EXEC)) ==
	    (MFD_NOEXEC_SEAL | MFD_EXEC))
		return EINVAL;
	error = copyinstr(uname, name, sizeof(name), &len);
	if (error != 0)
		return error == ENAMETOOLONG ? EINVAL : error;
	error = fd_reserve(0, (flags & MFD_CLOEXEC) != 0 ? O_CLOEXEC : 0, &fd);
	if (error != 0)
		return error;
	error = memfd_make(flags, &vp);
	if (error != 0)
		goto fail_fd;
	error = vnode_file(vp, O_RDWR | O_LARGEFILE, &fp);
	if (error != 0)
		goto fail_vnode;
	atomic_fetch_add(&vp->v_writers, 1);
	fd_fill(fd, fp);
	*rv = fd;
	return 0;

fail_vnode:
	vnode_rele(vp);
fail_fd:
	fd_cancel(fd);
	return error;
}
