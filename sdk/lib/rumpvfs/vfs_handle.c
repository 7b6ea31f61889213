/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files and file systems by number: name_to_handle_at(2), open_by_handle_at(2),
 * ustat(2).
 *
 * A handle is the inode's number and its generation: where a number is used
 * again the file system gives it another generation, and the handle is stale.
 */
#include <kern/syscall.h>

#include "sysproto.h"
#include "vfs.h"

/* open_by_handle_at(2); not in the exported headers. */
struct file_handle {
	uint32_t handle_bytes;
	int32_t handle_type;
};
#define MAX_HANDLE_SZ		128
#define FILEID_INO64_GEN	0x81

struct handle {
	struct file_handle h_head;
	uint32_t h_ino[2];		/* low, high */
	uint32_t h_gen;
};
#define HANDLE_BYTES	(sizeof(struct handle) - sizeof(struct file_handle))

static int
handle_make(struct vnode *vp, struct handle *h)
{
	struct vattr va;
	int error;

	if (vp->v_mount->mnt_op->vfs_handle == NULL)
		return EOPNOTSUPP;
	error = vn_getattr(vp, &va);
	if (error != 0)
		return error;
	h->h_head.handle_bytes = HANDLE_BYTES;
	h->h_head.handle_type = FILEID_INO64_GEN;
	h->h_ino[0] = (uint32_t)vp->v_ino;
	h->h_ino[1] = (uint32_t)(vp->v_ino >> 32);
	h->h_gen = va.va_gen;
	return 0;
}

int
sys_name_to_handle_at(int dirfd, const char *path, struct file_handle *uh,
    int *umntid, int flags, long *rv __maybe_unused)
{
	struct nameidata ni;
	struct file_handle head;
	struct handle h;
	unsigned niflags = 0;
	bool fits;
	int error;

	if ((flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH)) != 0)
		return EINVAL;
	if ((flags & AT_SYMLINK_FOLLOW) != 0)
		niflags |= NI_FOLLOW;
	if ((flags & AT_EMPTY_PATH) != 0)
		niflags |= NI_EMPTY;
	error = namei(&ni, dirfd, path, niflags);
	if (error == 0)
		error = copyin(uh, &head, sizeof(head));
	if (error == 0 && head.handle_bytes > MAX_HANDLE_SZ)
		error = EINVAL;
	if (error == 0)
		error = handle_make(ni.ni_vp, &h);
	if (error == 0) {
		fits = head.handle_bytes >= HANDLE_BYTES;
		error = copyout(&ni.ni_vp->v_mount->mnt_id, umntid,
		    sizeof(*umntid));
		if (error == 0)
			error = copyout(&h, uh, fits ? sizeof(h) :
			    sizeof(h.h_head));
		if (error == 0 && !fits)
			error = EOVERFLOW;
	}
	namei_done(&ni);
	return error;
}

/* The file of a handle, referenced. */
static int
handle_vnode(struct mount *mp, const struct handle *h, struct vnode **vpp)
{
	struct vnode *vp;
	struct vattr va;
	ino_t ino;
	int error;

	if (mp->mnt_op->vfs_handle == NULL)
		return EOPNOTSUPP;
	ino = h->h_ino[0] | (ino_t)h->h_ino[1] << 32;
	error = ino == 0 ? ESTALE : mp->mnt_op->vfs_handle(mp, ino);
	if (error == 0)
		error = vcache_get(mp, ino, &vp);
	if (error != 0)
		return error == ENOMEM || error == EIO ? error : ESTALE;
	error = vn_getattr(vp, &va);
	if (error != 0 || va.va_gen != h->h_gen ||
	    (va.va_nlink == 0 && vp->v_type == VDIR)) {
		vnode_rele(vp);
		return ESTALE;
	}
	*vpp = vp;
	return 0;
}

static int
handle_copyin(const struct file_handle *uh, struct handle *h)
{
	int error;

	error = copyin(uh, &h->h_head, sizeof(h->h_head));
	if (error != 0)
		return error;
	if (h->h_head.handle_bytes == 0 ||
	    h->h_head.handle_bytes > MAX_HANDLE_SZ)
		return EINVAL;
	if (h->h_head.handle_bytes < HANDLE_BYTES ||
	    h->h_head.handle_type != FILEID_INO64_GEN)
		return ESTALE;
	return copyin(uh, h, sizeof(*h));
}

int
sys_open_by_handle_at(int mountfd, struct file_handle *uh, int flags, long *rv)
{
	struct nameidata ni;
	struct handle h;
	struct vnode *vp;
	struct file *fp;
	int error, fd;

	if (!cred_is_root(curcred()))
		return EPERM;
	if ((flags & (O_CREAT | O_EXCL | (O_TMPFILE & ~O_DIRECTORY))) != 0)
		return EINVAL;
	error = handle_copyin(uh, &h);
	if (error != 0)
		return error;
	/* Any file of the mount stands for it. */
	error = namei(&ni, mountfd, "", NI_EMPTY | NI_KERNEL);
	if (error == 0)
		error = handle_vnode(ni.ni_vp->v_mount, &h, &vp);
	if (error != 0)
		goto out;
	error = fd_reserve(0, flags & O_CLOEXEC, &fd);
	if (error != 0)
		goto fail_vnode;
	error = (flags & O_DIRECTORY) != 0 && vp->v_type != VDIR ? ENOTDIR :
	    vn_open(vp, flags | O_LARGEFILE, curcred(), false, &fp);
	if (error != 0)
		goto fail_fd;
	fd_fill(fd, fp);
	*rv = fd;
	goto out;

fail_fd:
	fd_cancel(fd);
fail_vnode:
	vnode_rele(vp);
out:
	namei_done(&ni);
	return error;
}

/* ---- ustat -------------------------------------------------------------- */

/* ustat(2); not in the exported headers. */
struct ustat {
	int f_tfree;
	unsigned long f_tinode;
	char f_fname[6];
	char f_fpack[6];
};

struct ustating {
	dev_t us_dev;
	bool us_found;
	int us_error;
	struct statfs us_sf;
};

static int
ustat_one(struct mount *mp, void *arg)
{
	struct ustating *us = arg;

	if (mp->mnt_dev != us->us_dev)
		return 0;
	us->us_found = true;
	us->us_sf = mp->mnt_stat;
	if (mp->mnt_op->vfs_statfs != NULL)
		us->us_error = mp->mnt_op->vfs_statfs(mp, &us->us_sf);
	return 1;
}

int
sys_ustat(dev_t dev, struct ustat *ubuf, long *rv __maybe_unused)
{
	struct ustating us = { .us_dev = dev };
	struct ustat buf = { .f_tfree = 0 };

	(void)mount_walk(ustat_one, &us);
	if (!us.us_found)
		return EINVAL;
	if (us.us_error != 0)
		return us.us_error;
	buf.f_tfree = (int)us.us_sf.f_bfree;
	buf.f_tinode = us.us_sf.f_ffree;
	return copyout(&buf, ubuf, sizeof(buf));
}
