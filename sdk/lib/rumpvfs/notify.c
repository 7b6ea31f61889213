/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which vnodes are watched, and who hears of an event.
 *
 * An open file does not know by which name it was opened. The names that the
 * name cache has of it in watched directories are those that are told; it
 * keeps them while their directory is watched. A file with several names in
 * watched directories is reported by each. One that lost its last name while
 * it is in use has a mark that remembers it, as Linux' directory entry does:
 * without IN_EXCL_UNLINK its directory still hears of it.
 */
#include "notify.h"

#include "vcache_impl.h"

#define BUCKETS		256

struct mark {
	struct list mk_hash;
	struct vnode *mk_vp;		/* not a reference */
	struct list mk_watches;
	struct mark *mk_dir;		/* it was removed from there, or NULL */
	unsigned mk_gone;		/* marks whose mk_dir this one is */
	bool mk_busy;			/* events are being told */
	uint8_t mk_len;
	char mk_name[NAME_MAX + 1];	/* its name there */
};

static struct lock_class notify_class = LOCK_CLASS("notify", 0);
struct kmutex notify_lock;
_Atomic uint32_t notify_marks;
static struct list marks[BUCKETS];
static uint32_t last_cookie;

/* ---- Marks -------------------------------------------------------------- */

static struct list *
bucket(const struct vnode *vp)
{
	return &marks[((uintptr_t)vp * NAME_HASH_MUL) >> 56];
}

static struct mark *
mark_of(const struct vnode *vp)
{
	struct list *n, *b = bucket(vp);
	struct mark *mk;

	LIST_FOREACH(n, b) {
		mk = container_of(n, struct mark, mk_hash);
		if (mk->mk_vp == vp)
			return mk;
	}
	return NULL;
}

struct mark *
mark_get(struct vnode *vp)
{
	struct mark *mk = mark_of(vp);

	KASSERT(mutex_owned(&notify_lock));
	if (mk != NULL)
		return mk;
	mk = kmem_zalloc(sizeof(*mk), KM_NORECLAIM);
	if (mk == NULL)
		return NULL;
	mk->mk_vp = vp;
	list_init(&mk->mk_watches);
	list_insert_head(bucket(vp), &mk->mk_hash);
	cflags_set(vp, VC_WATCHED);
	atomic_fetch_add(&notify_marks, 1);
	return mk;
}

static struct mark *
mark_removed_from(const struct mark *dir)
{
	struct list *n;
	unsigned i;

	for (i = 0; i < BUCKETS; i++)
		LIST_FOREACH(n, &marks[i])
			if (container_of(n, struct mark, mk_hash)->mk_dir ==
			    dir)
				return container_of(n, struct mark, mk_hash);
	panic("notify: a mark is missing");
}

/* Those that were removed from this directory are of nobody's interest. */
static void
mark_orphan(struct mark *dir)
{
	struct mark *mk;

	while (dir->mk_gone > 0) {
		mk = mark_removed_from(dir);
		mk->mk_dir = NULL;
		dir->mk_gone--;
		mark_put(mk);
	}
}

void
mark_put(struct mark *mk)
{
	struct vnode *vp = mk->mk_vp;

	if (!list_empty(&mk->mk_watches) || mk->mk_dir != NULL || mk->mk_busy)
		return;
	mk->mk_busy = true;
	mark_orphan(mk);
	list_remove(&mk->mk_hash);
	cflags_clear(vp, VC_WATCHED);
	if ((vp->v_flags & VV_KEEP) == 0)
		vcache_candidate(vp);
	kmem_free(mk, sizeof(*mk));
	atomic_fetch_sub(&notify_marks, 1);
}

struct watch *
mark_find(struct mark *mk, const struct inotify *in)
{
	struct watch *wt;
	struct list *n;

	LIST_FOREACH(n, &mk->mk_watches) {
		wt = container_of(n, struct watch, wt_mark);
		if (wt->wt_in == in)
			return wt;
	}
	return NULL;
}

void
mark_add(struct mark *mk, struct watch *wt)
{

	wt->wt_to = mk;
	list_insert_tail(&mk->mk_watches, &wt->wt_mark);
}

void
watch_free(struct watch *wt)
{
	struct mark *mk = wt->wt_to;

	KASSERT(mutex_owned(&notify_lock));
	list_remove(&wt->wt_mark);
	list_remove(&wt->wt_inst);
	inotify_forget(wt->wt_in);
	kmem_free(wt, sizeof(*wt));
	mark_put(mk);
}

/* ---- Telling ------------------------------------------------------------ */

/* mask: one event, and IN_ISDIR; skip: watches with these bits do not hear. */
static void
tell(struct mark *mk, uint32_t mask, uint32_t cookie, const char *name,
    size_t len, uint32_t skip)
{
	bool busy = mk->mk_busy;
	struct list *n, *t;
	struct watch *wt;

	/* inotify(7): that it is a directory is not said of itself. */
	if ((mask & (IN_MOVE_SELF | IN_DELETE_SELF)) != 0)
		mask &= ~(uint32_t)IN_ISDIR;
	mk->mk_busy = true;
	LIST_FOREACH_SAFE(n, &mk->mk_watches, t) {
		wt = container_of(n, struct watch, wt_mark);
		if ((mask & (wt->wt_mask | IN_UNMOUNT) &
		    ~(uint32_t)IN_ISDIR) == 0 || (wt->wt_mask & skip) != 0)
			continue;
		inotify_queue(wt->wt_in, wt->wt_wd, mask, cookie, name, len);
		if ((wt->wt_mask & IN_ONESHOT) != 0) {
			inotify_queue(wt->wt_in, wt->wt_wd, IN_IGNORED, 0,
			    NULL, 0);
			watch_free(wt);
		}
	}
	mk->mk_busy = busy;
	mark_put(mk);
}

static void
tell_self(struct vnode *vp, uint32_t mask)
{
	struct mark *mk = mark_of(vp);

	if (mk != NULL)
		tell(mk, mask | notify_isdir(vp), 0, NULL, 0, 0);
}

void
notify_self_slow(struct vnode *vp, uint32_t mask)
{

	if ((vnode_cflags(vp) & VC_WATCHED) == 0)
		return;
	mutex_enter(&notify_lock);
	tell_self(vp, mask);
	mutex_exit(&notify_lock);
}

/* The name of a file that is in use, and has none any more. */
static void
tell_removed(struct mark *mk, uint32_t mask)
{

	if (mk != NULL && mk->mk_dir != NULL)
		tell(mk->mk_dir, mask, 0, mk->mk_name, mk->mk_len,
		    IN_EXCL_UNLINK);
}

void
notify_file_slow(struct vnode *vp, uint32_t mask)
{
	char name[NAME_MAX + 1];
	struct vnode *dvp;
	struct mark *mk;
	size_t len;
	unsigned i = 0;
	bool named;

	mask |= notify_isdir(vp);
	named = namecache_watched(vp, 0, &dvp, name, &len);
	if (!named && (vnode_cflags(vp) & VC_WATCHED) == 0)
		return;
	mutex_enter(&notify_lock);
	if (!named)
		tell_removed(mark_of(vp), mask);
	while (named) {
		mk = mark_of(dvp);
		if (mk != NULL)
			tell(mk, mask, 0, name, len, 0);
		named = namecache_watched(vp, ++i, &dvp, name, &len);
	}
	tell_self(vp, mask);
	mutex_exit(&notify_lock);
}

static void
tell_name(struct vnode *dvp, const struct componentname *cnp, uint32_t mask,
    uint32_t cookie)
{
	struct mark *mk = mark_of(dvp);

	if (mk != NULL)
		tell(mk, mask, cookie, cnp->cn_name, cnp->cn_len, 0);
}

void
notify_name_slow(struct vnode *dvp, const struct componentname *cnp,
    uint32_t mask)
{

	if ((vnode_cflags(dvp) & VC_WATCHED) == 0)
		return;
	mutex_enter(&notify_lock);
	tell_name(dvp, cnp, mask, 0);
	mutex_exit(&notify_lock);
}

/* ---- Names that go and move --------------------------------------------- */

static bool
unlinked(struct vnode *vp)
{
	struct vattr va;

	return vp->v_op->vop_getattr != NULL &&
	    vp->v_op->vop_getattr(vp, &va) == 0 &&
	    (va.va_nlink == 0 || vp->v_type == VDIR);
}

/* It is still open: its directory goes on hearing of it. */
static void
remember(struct vnode *dvp, struct vnode *vp, const struct componentname *cnp)
{
	struct mark *dir = mark_of(dvp), *mk;

	if (dir == NULL || (mk = mark_get(vp)) == NULL)
		return;
	if (mk->mk_dir != NULL)
		mk->mk_dir->mk_gone--;
	mk->mk_dir = dir;
	dir->mk_gone++;
	mk->mk_len = (uint8_t)cnp->cn_len;
	memcpy(mk->mk_name, cnp->cn_name, cnp->cn_len);
}

/* All that watch it are told why, and forgotten. */
static void
tell_gone(struct vnode *vp, uint32_t mask)
{
	struct mark *mk = mark_of(vp);
	struct watch *wt;

	if (mk == NULL)
		return;
	if (mk->mk_dir != NULL) {
		mk->mk_dir->mk_gone--;
		mk->mk_dir = NULL;
	}
	mk->mk_busy = true;
	tell(mk, mask | notify_isdir(vp), 0, NULL, 0, 0);
	while (!list_empty(&mk->mk_watches)) {
		wt = list_first(&mk->mk_watches, struct watch, wt_mark);
		inotify_queue(wt->wt_in, wt->wt_wd, IN_IGNORED, 0, NULL, 0);
		watch_free(wt);
	}
	mk->mk_busy = false;
	mark_put(mk);
}

void
notify_removed(struct vnode *dvp, struct vnode *vp,
    const struct componentname *cnp, bool isdir)
{

	if (!notify_wanted() || ((vnode_cflags(dvp) | vnode_cflags(vp)) &
	    VC_WATCHED) == 0)
		return;
	mutex_enter(&notify_lock);
	if (!isdir)
		tell_self(vp, IN_ATTRIB);
	if (unlinked(vp)) {
		/* Nobody else has it: it is gone before its name is. */
		if (atomic_load(&vp->v_refs) == 1)
			tell_gone(vp, IN_DELETE_SELF);
		else
			remember(dvp, vp, cnp);
	}
	tell_name(dvp, cnp, IN_DELETE | (isdir ? IN_ISDIR : 0), 0);
	mutex_exit(&notify_lock);
}

void
notify_moved(struct vnode *fdvp, const struct componentname *fcnp,
    struct vnode *tdvp, const struct componentname *tcnp, struct vnode *vp,
    struct vnode *over)
{
	uint32_t cookie;

	if (!notify_wanted())
		return;
	mutex_enter(&notify_lock);
	cookie = ++last_cookie;
	tell_name(fdvp, fcnp, IN_MOVED_FROM | notify_isdir(vp), cookie);
	tell_name(tdvp, tcnp, IN_MOVED_TO | notify_isdir(vp), cookie);
	if (over != NULL) {
		tell_self(over, IN_ATTRIB);
		if (unlinked(over) && atomic_load(&over->v_refs) > 1)
			remember(tdvp, over, tcnp);
	}
	tell_self(vp, IN_MOVE_SELF);
	mutex_exit(&notify_lock);
}

void
notify_gone_slow(struct vnode *vp, uint32_t mask)
{

	mutex_enter(&notify_lock);
	tell_gone(vp, mask);
	mutex_exit(&notify_lock);
}

void
notify_init(void)
{
	unsigned i;

	mutex_init(&notify_lock, &notify_class);
	for (i = 0; i < BUCKETS; i++)
		list_init(&marks[i]);
}
