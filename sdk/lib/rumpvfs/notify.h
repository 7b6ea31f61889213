/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What happens to files, told to those who watch them: inotify(7).
 *
 *	notify.c	which vnodes are watched, and who hears of an event
 *	inotify.c	the descriptors with their queues, and the calls
 *
 * Where nobody watches anything an event costs a look at notify_marks. A mark
 * holds no reference to its vnode: that stays cached as long as it is marked
 * (VC_WATCHED), and takes the mark along when its file is deleted or its mount
 * goes.
 *
 * Lock order: v_lock -> notify_lock -> in_lock, v_ilock, stripes.
 */
#ifndef RUMPVFS_NOTIFY_H
#define RUMPVFS_NOTIFY_H

#include <linux/inotify.h>

#include "vfs.h"

struct inotify;
struct mark;

/* One descriptor's interest in one vnode. All under notify_lock. */
struct watch {
	struct list wt_mark;		/* the vnode's */
	struct list wt_inst;		/* the descriptor's, by number */
	struct mark *wt_to;
	struct inotify *wt_in;
	int wt_wd;
	uint32_t wt_mask;		/* IN_ALL_EVENTS, _ONESHOT, _EXCL_UNLINK */
};

extern struct kmutex notify_lock;
extern _Atomic uint32_t notify_marks;	/* how many vnodes are watched */

void notify_init(void);
void inotify_init(void);

/* ---- Events ------------------------------------------------------------ */

void notify_file_slow(struct vnode *vp, uint32_t mask);
void notify_self_slow(struct vnode *vp, uint32_t mask);
void notify_name_slow(struct vnode *dvp, const struct componentname *cnp,
    uint32_t mask);
void notify_gone_slow(struct vnode *vp, uint32_t mask);

static inline bool
notify_wanted(void)
{
	return __unlikely(atomic_load_explicit(&notify_marks,
	    memory_order_relaxed) != 0);
}

/** To the file's own watches, and to those of the directories it is in. */
static inline void
notify_file(struct vnode *vp, uint32_t mask)
{
	if (notify_wanted())
		notify_file_slow(vp, mask);
}

/** To the file's own watches. */
static inline void
notify_self(struct vnode *vp, uint32_t mask)
{
	if (notify_wanted())
		notify_self_slow(vp, mask);
}

/** A name in a directory that is locked. mask: with IN_ISDIR. */
static inline void
notify_name(struct vnode *dvp, const struct componentname *cnp, uint32_t mask)
{
	if (notify_wanted())
		notify_name_slow(dvp, cnp, mask);
}

/** The vnode loses its file system; mask: why. v_lock X. */
static inline void
notify_gone(struct vnode *vp, uint32_t mask)
{
	if (__unlikely((vnode_cflags(vp) & VC_WATCHED) != 0))
		notify_gone_slow(vp, mask);
}

/** A name of vp went: both are locked X. */
void notify_removed(struct vnode *dvp, struct vnode *vp,
    const struct componentname *cnp, bool isdir);
/** vp has a new name; its directory and it are locked X. */
void notify_moved(struct vnode *fdvp, const struct componentname *fcnp,
    struct vnode *tdvp, const struct componentname *tcnp, struct vnode *vp,
    struct vnode *over);

static inline uint32_t
notify_isdir(const struct vnode *vp)
{
	return vp->v_type == VDIR ? IN_ISDIR : 0;
}

/* ---- Between the two files; notify_lock is held ------------------------- */

/** The vnode's mark, made if need be; or NULL. vp is referenced. */
struct mark *mark_get(struct vnode *vp);
/** The descriptor's watch of the vnode, or NULL. */
struct watch *mark_find(struct mark *mk, const struct inotify *in);
void mark_add(struct mark *mk, struct watch *wt);
/** Give up a mark that nothing uses. */
void mark_put(struct mark *mk);
/** Off its mark, which may go with it, and its descriptor; freed. */
void watch_free(struct watch *wt);
/** Queue an event. name: len bytes, or NULL. */
void inotify_queue(struct inotify *in, int wd, uint32_t mask, uint32_t cookie,
    const char *name, size_t len);
/** watch_free() calls it. */
void inotify_forget(struct inotify *in);

#endif
