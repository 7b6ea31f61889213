/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Walking paths.
 *
 * The walk goes in rounds. A round runs under an epoch and takes no lock and
 * no reference on the way: names come from the name cache, permissions from
 * the vnode. It ends where the walk does, or at a name that is not cached or a
 * symbolic link: then the directory reached is referenced, the file system is
 * asked with the directory locked, and the next round starts from what it
 * said. path_resolution(7), openat2(2).
 */
#include "vfs.h"

_Atomic uint64_t rename_seq;

enum stop {
	STOP_FINAL,	/* at the end: w_vp */
	STOP_PARENT,	/* before the last component: w_dvp */
	STOP_MISS,	/* ni_cn is not cached in w_dvp */
	STOP_LINK	/* ni_cn in w_dvp is the symbolic link w_vp */
};

struct round {
	enum stop w_stop;
	struct vnode *w_dvp, *w_vp;
	struct ncentry *w_nc;		/* the entry that gave w_vp, or NULL */
	struct mount *w_mp;		/* the mount w_vp is the root of, or NULL */
};

/* The walk lost a directory to a reclaimer: again from the start. */
#define RESTART (-1)

#define ONES	0x0101010101010101ULL
#define HIGHS	0x8080808080808080ULL

static inline uint64_t
zero_bytes(uint64_t w)
{
	return (w - ONES) & ~w & HIGHS;
}

/*
 * Take the next component off ni_rest, which is not at a slash or at the end.
 * Reads up to NI_PAD bytes behind the end.
 */
static inline void
scan_component(struct nameidata *ni)
{
	const char *p = ni->ni_rest;
	uint64_t h = 0, w, m;
	unsigned n;

	for (;; p += 8) {
		memcpy(&w, p, sizeof(w));
		m = zero_bytes(w) | zero_bytes(w ^ (ONES * '/'));
		if (m != 0)
			break;
		h = name_hash_word(h, w);
	}
	n = (unsigned)__builtin_ctzll(m) / 8;
	if (n > 0)
		h = name_hash_word(h, w & (UINT64_MAX >> (64 - 8 * n)));
	p += n;
	ni->ni_cn.cn_name = ni->ni_rest;
	ni->ni_cn.cn_len = (uint16_t)(p - ni->ni_rest);
	ni->ni_cn.cn_hash = (uint32_t)h;
	ni->ni_rest = p;
	if (ni->ni_cn.cn_len == 1 && ni->ni_cn.cn_name[0] == '.')
		ni->ni_last = NI_LAST_DOT;
	else if (ni->ni_cn.cn_len == 2 && ni->ni_cn.cn_name[0] == '.' &&
	    ni->ni_cn.cn_name[1] == '.')
		ni->ni_last = NI_LAST_DOTDOT;
	else
		ni->ni_last = NI_LAST_NORM;
}

static inline bool
going(struct mount *mp)
{
	return atomic_load_explicit(&mp->mnt_going, memory_order_seq_cst);
}

/* Under an epoch: down through what is mounted here. false: must wait. */
static inline bool
cross_down(struct nameidata *ni, struct round *w, int *errorp)
{
	struct mount *mp;

	while ((mp = atomic_load_explicit(&w->w_vp->v_mounted,
	    memory_order_acquire)) != NULL) {
		if ((ni->ni_flags & NI_NOXDEV) != 0) {
			*errorp = EXDEV;
			return true;
		}
		if (going(mp))
			return false;
		w->w_vp = mp->mnt_root;
		w->w_mp = mp;
		w->w_nc = NULL;
	}
	return true;
}

/* Scoped walks must not be led out by a directory that moves meanwhile. */
static inline int
dotdot_check(struct nameidata *ni, const struct vnode *dvp)
{

	if ((ni->ni_flags & (NI_BENEATH | NI_INROOT)) == 0)
		return 0;
	if (atomic_load(&rename_seq) != ni->ni_renames)
		return EAGAIN;
	return dvp == ni->ni_root && (ni->ni_flags & NI_BENEATH) != 0 ?
	    EXDEV : 0;
}

/* Under an epoch: ".." of w_dvp into w_vp. false: it is not cached. */
static bool
cached_dotdot(struct nameidata *ni, struct round *w, int *errorp)
{
	struct vnode *vp = w->w_dvp;

	w->w_nc = NULL;
	w->w_mp = NULL;
	*errorp = dotdot_check(ni, vp);
	if (*errorp != 0)
		return true;
	while (vp != ni->ni_root && (vp->v_flags & VV_ROOT) != 0 &&
	    vp->v_mount->mnt_covered != NULL) {
		if ((ni->ni_flags & NI_NOXDEV) != 0) {
			*errorp = EXDEV;
			return true;
		}
		vp = vp->v_mount->mnt_covered;
	}
	if (vp == ni->ni_root || (vp->v_flags & VV_ROOT) != 0) {
		w->w_vp = vp;
		return true;
	}
	w->w_vp = namecache_parent(vp);
	return w->w_vp != NULL && cross_down(ni, w, errorp);
}

/* One round, from w_dvp on. */
static int
walk_cached(struct nameidata *ni, struct round *w)
{
	const struct cred *cr = ni->ni_cn.cn_cred;
	bool last;
	int error = 0;

	w->w_mp = NULL;
	for (;;) {
		while (*ni->ni_rest == '/')
			ni->ni_rest++;
		if (*ni->ni_rest == '\0') {
			/* "/", or what a link of nothing but slashes means. */
			w->w_vp = w->w_dvp;
			w->w_nc = NULL;
			if ((ni->ni_flags & NI_PARENT) != 0) {
				ni->ni_last = NI_LAST_ROOT;
				w->w_stop = STOP_PARENT;
			} else
				w->w_stop = STOP_FINAL;
			return 0;
		}
		if (w->w_dvp->v_type != VDIR)
			return ENOTDIR;
		error = vaccess_mode(w->w_dvp, cr, VEXEC);
		if (error != 0)
			return error;
		scan_component(ni);
		last = *ni->ni_rest == '\0';
		if (!last && ni->ni_rest[1] == '\0') {
			last = true;
			ni->ni_slash = true;
		} else if (!last) {
			const char *p = ni->ni_rest + 1;

			while (*p == '/')
				p++;
			last = *p == '\0';
			ni->ni_slash = last;
		} else
			ni->ni_slash = false;
		if (last && (ni->ni_flags & NI_PARENT) != 0) {
			/* Its length is a matter of looking it up. */
			w->w_stop = STOP_PARENT;
			return 0;
		}
		if (ni->ni_cn.cn_len > NAME_MAX)
			return ENAMETOOLONG;

		w->w_stop = STOP_MISS;
		if (ni->ni_last == NI_LAST_DOT) {
			w->w_vp = w->w_dvp;
			w->w_nc = NULL;
		} else if (ni->ni_last == NI_LAST_DOTDOT) {
			if (!cached_dotdot(ni, w, &error))
				return 0;
		} else {
			switch (namecache_find(w->w_dvp, &ni->ni_cn, &w->w_vp,
			    &w->w_nc)) {
			case NC_NEGATIVE:
				return ENOENT;
			case NC_MISS:
				return 0;
			case NC_HIT:
				break;
			}
			if (w->w_vp->v_type == VLNK && (!last || ni->ni_slash ||
			    (ni->ni_flags & NI_FOLLOW) != 0)) {
				w->w_stop = STOP_LINK;
				return 0;
			}
			w->w_mp = NULL;
			if (!cross_down(ni, w, &error))
				return 0;
		}
		if (error != 0)
			return error;
		if (last) {
			w->w_stop = STOP_FINAL;
			return 0;
		}
		w->w_dvp = w->w_vp;
	}
}

/*
 * The round is over: take references to what it found, still under its epoch.
 * What changed meanwhile becomes a miss.
 */
static int
take(struct nameidata *ni, struct round *w, struct vnode **dropp)
{

	*dropp = NULL;
	if (w->w_stop == STOP_FINAL || w->w_stop == STOP_LINK) {
		if (!vnode_tryhold(w->w_vp)) {
			w->w_stop = STOP_MISS;
		} else if ((w->w_nc != NULL && !namecache_live(w->w_nc)) ||
		    (w->w_mp != NULL && going(w->w_mp))) {
			*dropp = w->w_vp;
			w->w_stop = STOP_MISS;
		} else if (w->w_stop == STOP_FINAL)
			return 0;
	}
	if (!vnode_tryhold(w->w_dvp)) {
		if (w->w_stop == STOP_LINK)
			*dropp = w->w_vp;
		return RESTART;
	}
	if (w->w_stop == STOP_PARENT)
		return 0;
	if (!ni->ni_rootheld) {
		/* A scoped walk's root is kept by its descriptor's file. */
		if (!vnode_tryhold(ni->ni_root)) {
			*dropp = w->w_dvp;
			return RESTART;
		}
		ni->ni_rootheld = true;
	}
	return 0;
}

int
lookup_locked(struct vnode *dvp, const struct componentname *cnp,
    struct vnode **vpp)
{
	struct vnode *vp;
	int error;

	if (!vnode_dir_alive(dvp))
		return vnode_doomed(dvp) ? EIO : ENOENT;
	if (cnp->cn_len > NAME_MAX)
		return ENAMETOOLONG;
	switch (namecache_lookup(dvp, cnp, vpp)) {
	case NC_HIT:
		return 0;
	case NC_NEGATIVE:
		return ENOENT;
	case NC_MISS:
		break;
	}
	if (dvp->v_op->vop_lookup == NULL)
		return ENOTDIR;
	error = dvp->v_op->vop_lookup(dvp, cnp, &vp);
	if (error == 0 && vp == dvp) {
		/* A damaged image: locking both would never end. */
		vnode_rele(vp);
		return EUCLEAN;
	}
	if (error == 0) {
		namecache_enter(dvp, vp, cnp);
		*vpp = vp;
	}
	return error;
}

int
vnode_cross(struct vnode *vp, struct vnode **vpp)
{
	struct mount *mp;
	struct vnode *root;

	for (;;) {
		epoch_enter();
		mp = atomic_load_explicit(&vp->v_mounted, memory_order_acquire);
		if (mp == NULL) {
			epoch_exit();
			*vpp = vp;
			return 0;
		}
		root = mp->mnt_root;
		if (!going(mp) && vnode_tryhold(root)) {
			epoch_exit();
			vnode_rele(vp);
			vp = root;
			continue;
		}
		epoch_exit();
		mount_tree_wait();
	}
}

/* ".." of a directory that is not the root of a mount. */
static int
locked_dotdot(struct vnode *vp, struct vnode **dvpp)
{
	static const struct componentname dotdot = {
		.cn_name = "..", .cn_len = 2,
	};
	struct vnode *dvp;
	int error;

	epoch_enter();
	dvp = namecache_parent(vp);
	if (dvp != NULL && vnode_tryhold(dvp)) {
		epoch_exit();
		*dvpp = dvp;
		return 0;
	}
	epoch_exit();
	vnode_lock(vp, RW_READER);
	if (vnode_doomed(vp))
		error = EIO;
	else if ((vnode_cflags(vp) & VC_RMDIR) != 0) {
		*dvpp = vnode_hold(vp->v_special);
		error = 0;
	} else if (vp->v_op->vop_lookup == NULL)
		error = ENOTDIR;
	else
		error = vp->v_op->vop_lookup(vp, &dotdot, dvpp);
	vnode_unlock(vp);
	return error;
}

int
vnode_parent(struct vnode *vp, struct vnode **dvpp)
{

	while ((vp->v_flags & VV_ROOT) != 0) {
		vp = vp->v_mount->mnt_covered;
		if (vp == NULL)
			return ENOENT;
	}
	return locked_dotdot(vp, dvpp);
}

static int
step_dotdot(struct nameidata *ni, struct vnode *vp, struct vnode **vpp)
{
	int error;

	error = dotdot_check(ni, vp);
	if (error != 0)
		return error;
	while (vp != ni->ni_root && (vp->v_flags & VV_ROOT) != 0 &&
	    vp->v_mount->mnt_covered != NULL) {
		if ((ni->ni_flags & NI_NOXDEV) != 0)
			return EXDEV;
		vp = vp->v_mount->mnt_covered;
	}
	if (vp == ni->ni_root || (vp->v_flags & VV_ROOT) != 0) {
		*vpp = vnode_hold(vp);
		return 0;
	}
	return locked_dotdot(vp, vpp);
}

/* Ask the file system for ni_cn in dvp, which is referenced. */
static int
step_locked(struct nameidata *ni, struct vnode *dvp, struct vnode **vpp)
{
	int error;

	if ((ni->ni_flags & NI_CACHED) != 0)
		return EAGAIN;
	if (ni->ni_last == NI_LAST_DOT) {
		*vpp = vnode_hold(dvp);
		return 0;
	}
	if (ni->ni_last == NI_LAST_DOTDOT)
		return step_dotdot(ni, dvp, vpp);
	vnode_lock(dvp, RW_READER);
	error = lookup_locked(dvp, &ni->ni_cn, vpp);
	if (error == ENOENT && vnode_dir_alive(dvp))
		namecache_enter(dvp, NULL, &ni->ni_cn);
	vnode_unlock(dvp);
	return error;
}

/* The path becomes what the link vp says, followed by the rest. */
static int
splice(struct nameidata *ni, struct vnode *vp)
{
	size_t rest, size, len;
	struct iovec iov;
	struct uio uio;
	char *buf, *target;
	int error;

	if ((ni->ni_flags & NI_NOSYMLINKS) != 0 ||
	    (vp->v_mount->mnt_flags & MS_NOSYMFOLLOW) != 0 ||
	    ni->ni_links++ >= MAXSYMLINKS)
		return ELOOP;
	target = kmem_alloc(PATH_MAX, 0);
	if (target == NULL)
		return ENOMEM;
	uio_kern(&uio, &iov, UIO_READ, target, PATH_MAX, 0);
	vnode_lock(vp, RW_READER);
	error = vp->v_op->vop_readlink == NULL ? EINVAL :
	    vp->v_op->vop_readlink(vp, &uio);
	vnode_unlock(vp);
	if (error != 0)
		goto out;
	len = PATH_MAX - uio.uio_resid;
	if (len == 0 || memchr(target, '\0', len) != NULL) {
		error = len == 0 ? ENOENT : EUCLEAN;
		goto out;
	}
	rest = strlen(ni->ni_rest);
	size = len + rest + NI_PAD;
	buf = kmem_alloc(size, 0);
	if (buf == NULL) {
		error = ENOMEM;
		goto out;
	}
	memcpy(buf, target, len);
	memcpy(buf + len, ni->ni_rest, rest);
	memset(buf + len + rest, 0, NI_PAD);
	if (ni->ni_path != NULL)
		kmem_free(ni->ni_path, ni->ni_pathsize);
	ni->ni_path = buf;
	ni->ni_pathsize = size;
	ni->ni_rest = buf;
out:
	kmem_free(target, PATH_MAX);
	return error;
}

/*
 * Where a link that was spliced in is followed from: takes over dvp's
 * reference.
 */
static int
link_start(struct nameidata *ni, struct vnode *dvp, struct vnode **curp)
{

	*curp = dvp;
	if (*ni->ni_rest != '/')
		return 0;
	if ((ni->ni_flags & NI_BENEATH) != 0) {
		vnode_rele(dvp);
		return EXDEV;
	}
	*curp = vnode_hold(ni->ni_root);
	if ((ni->ni_flags & NI_NOXDEV) != 0 &&
	    (*curp)->v_mount != dvp->v_mount) {
		vnode_rele(*curp);
		vnode_rele(dvp);
		return EXDEV;
	}
	vnode_rele(dvp);
	return 0;
}

static int
final_check(struct nameidata *ni, struct vnode *vp)
{

	if ((ni->ni_slash || (ni->ni_flags & NI_DIRECTORY) != 0) &&
	    vp->v_type != VDIR) {
		vnode_rele(vp);
		return ENOTDIR;
	}
	ni->ni_vp = vp;
	return 0;
}

/*
 * A name that was not cached, or a link; w_dvp (and the link) are referenced.
 * *curp: where to go on from, or NULL at the end.
 */
static int
step(struct nameidata *ni, struct round *w, struct vnode **curp)
{
	struct vnode *vp = w->w_vp;
	bool last = *ni->ni_rest == '\0' || ni->ni_slash;
	int error;

	*curp = NULL;
	if (w->w_stop == STOP_MISS) {
		error = step_locked(ni, w->w_dvp, &vp);
		if (error != 0) {
			vnode_rele(w->w_dvp);
			return error;
		}
	}
	if (vp->v_type == VLNK && (!last || ni->ni_slash ||
	    (ni->ni_flags & NI_FOLLOW) != 0)) {
		error = splice(ni, vp);
		vnode_rele(vp);
		if (error != 0) {
			vnode_rele(w->w_dvp);
			return error;
		}
		return link_start(ni, w->w_dvp, curp);
	}
	vnode_rele(w->w_dvp);
	if (ni->ni_last != NI_LAST_DOT && vp->v_type == VDIR) {
		if (vp->v_mounted != NULL && (ni->ni_flags & NI_NOXDEV) != 0)
			error = EXDEV;
		else
			error = vnode_cross(vp, &vp);
		if (error != 0) {
			vnode_rele(vp);
			return error;
		}
	}
	if (last)
		return final_check(ni, vp);
	*curp = vp;
	return 0;
}

/* Called under an epoch, which is left. held: cur's reference is ours. */
static int
walk(struct nameidata *ni, struct vnode *cur, bool held)
{
	struct round w;
	struct vnode *drop;
	int error;

	for (;;) {
		w.w_dvp = cur;
		drop = NULL;
		error = walk_cached(ni, &w);
		if (error == 0)
			error = take(ni, &w, &drop);
		epoch_exit();
		if (held)
			vnode_rele(cur);
		if (drop != NULL)
			vnode_rele(drop);
		if (error != 0)
			return error;
		if (w.w_stop == STOP_PARENT) {
			ni->ni_dvp = w.w_dvp;
			return 0;
		}
		if (w.w_stop == STOP_FINAL)
			return final_check(ni, w.w_vp);
		error = step(ni, &w, &cur);
		if (error != 0 || cur == NULL)
			return error;
		held = true;
		epoch_enter();
	}
}

static int
copy_path(struct nameidata *ni, const char *upath)
{
	size_t max = sizeof(ni->ni_small) - NI_PAD, done;
	char *p = ni->ni_small;
	int error;

	if ((ni->ni_flags & NI_KERNEL) != 0) {
		done = strnlen(upath, PATH_MAX) + 1;
		if (done > max) {
			/* Kernel paths are mount arguments: PATH_MAX too. */
			if (done > PATH_MAX)
				return ENAMETOOLONG;
			ni->ni_pathsize = PATH_MAX + NI_PAD;
			ni->ni_path = p = kmem_alloc(ni->ni_pathsize, 0);
			if (p == NULL)
				return ENOMEM;
		}
		memcpy(p, upath, done);
		error = 0;
	} else if ((error = copyinstr(upath, p, max, &done)) == ENAMETOOLONG) {
		ni->ni_pathsize = PATH_MAX + NI_PAD;
		ni->ni_path = p = kmem_alloc(ni->ni_pathsize, 0);
		if (p == NULL)
			return ENOMEM;
		error = copyinstr(upath, p, PATH_MAX, &done);
	}
	if (error != 0)
		return error;
	memset(p + done, 0, NI_PAD);
	ni->ni_rest = p;
	return 0;
}

/* The vnode a relative path starts from; under an epoch. */
static int
start_vnode(struct nameidata *ni, int dirfd, struct cwdinfo *cwdi,
    struct vnode **vpp)
{

	if (dirfd == AT_FDCWD) {
		*vpp = atomic_load_explicit(&cwdi->cwdi_cdir,
		    memory_order_acquire);
		return 0;
	}
	if (ni->ni_dirfp->f_vnode == NULL)
		return ENOTDIR;
	*vpp = ni->ni_dirfp->f_vnode;
	return 0;
}

static int
namei_start(struct nameidata *ni, int dirfd, struct vnode **startp)
{
	struct cwdinfo *cwdi = cwd_get();
	bool scoped = (ni->ni_flags & (NI_BENEATH | NI_INROOT)) != 0;
	int error;

	ni->ni_root = atomic_load_explicit(&cwdi->cwdi_rdir,
	    memory_order_acquire);
	if (*ni->ni_rest == '/' && !scoped) {
		*startp = ni->ni_root;
		return 0;
	}
	if (*ni->ni_rest == '/' && (ni->ni_flags & NI_BENEATH) != 0)
		return EXDEV;
	error = start_vnode(ni, dirfd, cwdi, startp);
	if (error == 0 && scoped)
		ni->ni_root = *startp;
	return error;
}

int
namei_begin(struct nameidata *ni, const char *upath, unsigned flags)
{

	ni->ni_vp = ni->ni_dvp = NULL;
	ni->ni_flags = flags;
	ni->ni_rootheld = false;
	ni->ni_dirfp = NULL;
	ni->ni_path = NULL;
	if ((flags & NI_CRED) == 0)
		ni->ni_cn.cn_cred = curcred();
	return copy_path(ni, upath);
}

/* Once more from the start, which may have been spliced away. */
static int
restart(struct nameidata *ni, const char *upath, const char **pathp)
{
	int error;

	if (ni->ni_rootheld) {
		vnode_rele(ni->ni_root);
		ni->ni_rootheld = false;
	}
	if (ni->ni_path != NULL && *pathp != ni->ni_path) {
		kmem_free(ni->ni_path, ni->ni_pathsize);
		ni->ni_path = NULL;
		error = copy_path(ni, upath);
		if (error != 0)
			return error;
		*pathp = ni->ni_rest;
	}
	return RESTART;
}

int
namei_resolve(struct nameidata *ni, int dirfd, const char *upath)
{
	const char *path = ni->ni_rest;
	struct vnode *start;
	bool held;
	int error;

	if (__unlikely(atomic_load_explicit(&vcache_excess,
	    memory_order_relaxed)))
		vcache_trim(16);
	if (*path == '\0' && (ni->ni_flags & NI_EMPTY) == 0)
		return ENOENT;
	if (dirfd != AT_FDCWD && (*path != '/' ||
	    (ni->ni_flags & (NI_BENEATH | NI_INROOT)) != 0)) {
		error = fd_get(dirfd, &ni->ni_dirfp);
		if (error != 0) {
			ni->ni_dirfp = NULL;
			return error;
		}
	}
	do {
		ni->ni_links = 0;
		ni->ni_slash = false;
		ni->ni_last = NI_LAST_ROOT;
		ni->ni_renames = atomic_load(&rename_seq);
		ni->ni_rest = path;
		epoch_enter();
		error = namei_start(ni, dirfd, &start);
		if (error == 0 && *path == '\0') {
			/* AT_EMPTY_PATH: the descriptor's file itself. */
			held = vnode_tryhold(start);
			epoch_exit();
			error = held ? final_check(ni, start) : RESTART;
		} else if (error == 0)
			error = walk(ni, start, false);
		else
			epoch_exit();
		if (__unlikely(error == RESTART))
			error = restart(ni, upath, &path);
	} while (error == RESTART);
	return error;
}

int
namei(struct nameidata *ni, int dirfd, const char *upath, unsigned flags)
{
	int error;

	error = namei_begin(ni, upath, flags);
	return error != 0 ? error : namei_resolve(ni, dirfd, upath);
}

void
namei_done(struct nameidata *ni)
{

	if (ni->ni_vp != NULL)
		vnode_rele(ni->ni_vp);
	if (ni->ni_dvp != NULL)
		vnode_rele(ni->ni_dvp);
	if (ni->ni_rootheld)
		vnode_rele(ni->ni_root);
	if (ni->ni_dirfp != NULL)
		fd_put(ni->ni_dirfp);
	if (ni->ni_path != NULL)
		kmem_free(ni->ni_path, ni->ni_pathsize);
}

int
namei_last(struct nameidata *ni, struct vnode **vpp)
{
	return lookup_locked(ni->ni_dvp, &ni->ni_cn, vpp);
}

int
namei_follow(struct nameidata *ni, struct vnode *vp)
{
	struct vnode *cur, *dvp = ni->ni_dvp;
	int error;

	if (!ni->ni_rootheld) {
		/* Only a chroot since the start could have let it go. */
		epoch_enter();
		if ((ni->ni_flags & (NI_BENEATH | NI_INROOT)) == 0)
			ni->ni_root = atomic_load(&cwd_get()->cwdi_rdir);
		ni->ni_rootheld = vnode_tryhold(ni->ni_root);
		epoch_exit();
		if (!ni->ni_rootheld) {
			vnode_rele(vp);
			return ENOENT;
		}
	}
	error = splice(ni, vp);
	vnode_rele(vp);
	if (error != 0)
		return error;
	ni->ni_dvp = NULL;
	error = link_start(ni, dvp, &cur);
	if (error != 0)
		return error;
	epoch_enter();
	error = walk(ni, cur, true);
	return error == RESTART ? ENOENT : error;
}
