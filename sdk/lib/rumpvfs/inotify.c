/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * inotify(7): descriptors that tell what happens to files.
 *
 * The limits are the kernel's as a whole, not a user's.
 */
#include <kern/syscall.h>
#include <kern/sysctl.h>
#include <asm/ioctls.h>

#include "notify.h"
#include "sysproto.h"

#define WATCH_BUCKETS	64
/* What a watch keeps of its mask. */
#define MASK_KEPT	(IN_ALL_EVENTS | IN_ONESHOT | IN_EXCL_UNLINK)
#define MASK_BITS	(MASK_KEPT | IN_UNMOUNT | IN_Q_OVERFLOW | IN_IGNORED | \
	IN_ONLYDIR | IN_DONT_FOLLOW | IN_MASK_CREATE | IN_MASK_ADD | IN_ISDIR)

struct event {
	struct list ev_link;
	size_t ev_namelen;		/* without padding */
	struct inotify_event ev;	/* its name follows */
};

/*
 * i  in_lock   n  notify_lock
 */
struct inotify {
	struct kmutex in_lock;
	struct kcondvar in_cv;
	struct pollhead in_head;
	struct list in_events;		/* [i] */
	size_t in_count;		/* [i] of them */
	size_t in_bytes;		/* [i] that they make */
	int in_lastwd;			/* [n] */
	struct list in_watches[WATCH_BUCKETS]; /* [n] by number */
	struct event in_overflow;	/* [i] linked once the queue is full */
};

static struct lock_class inotify_class = LOCK_CLASS("inotify", 0);
static _Atomic uint64_t events_max = 16384;
static _Atomic uint64_t instances_max = 1024;
static _Atomic uint64_t watches_max = 65536;
static _Atomic uint64_t instances;
static uint64_t watches;			/* [n] */

/* ---- The queue ---------------------------------------------------------- */

/* An event's name is padded to a multiple of the structure. */
static size_t
padded(size_t len)
{
	return len == 0 ? 0 : roundup2(len + 1, sizeof(struct inotify_event));
}

static bool
event_same(const struct event *e, int wd, uint32_t mask, const char *name,
    size_t len)
{
	return e->ev.wd == wd && e->ev.mask == mask && e->ev_namelen == len &&
	    (len == 0 || memcmp(e->ev.name, name, len) == 0);
}

static struct event *
event_alloc(int wd, uint32_t mask, uint32_t cookie, const char *name,
    size_t len)
{
	size_t pad = padded(len);
	struct event *e;

	e = kmem_zalloc(sizeof(*e) + pad, KM_NORECLAIM);
	if (e == NULL)
		return NULL;
	e->ev_namelen = len;
	e->ev.wd = wd;
	e->ev.mask = mask;
	e->ev.cookie = cookie;
	e->ev.len = (uint32_t)pad;
	if (len > 0)
		memcpy(e->ev.name, name, len);
	return e;
}

static void
event_free(struct inotify *in, struct event *e)
{

	if (e == &in->in_overflow)
		list_node_init(&e->ev_link);
	else
		kmem_free(e, sizeof(*e) + e->ev.len);
}

void
inotify_queue(struct inotify *in, int wd, uint32_t mask, uint32_t cookie,
    const char *name, size_t len)
{
	struct event *e = NULL;

	mutex_enter(&in->in_lock);
	if (!list_empty(&in->in_events)) {
		e = container_of(in->in_events.l_prev, struct event, ev_link);
		if (mask != IN_IGNORED && event_same(e, wd, mask, name, len)) {
			mutex_exit(&in->in_lock);
			return;
		}
	}
	e = NULL;
	if (in->in_count < events_max)
		e = event_alloc(wd, mask, cookie, name, len);
	if (e == NULL && !list_linked(&in->in_overflow.ev_link))
		e = &in->in_overflow;
	if (e != NULL) {
		list_insert_tail(&in->in_events, &e->ev_link);
		in->in_count++;
		in->in_bytes += sizeof(e->ev) + e->ev.len;
	}
	mutex_exit(&in->in_lock);
	if (e != NULL) {
		cv_broadcast(&in->in_cv);
		poll_notify(&in->in_head, POLLIN | POLLRDNORM);
	}
}

/* The first event off the queue, if it fits; in_lock. */
static struct event *
event_next(struct inotify *in, size_t room)
{
	struct event *e;

	if (list_empty(&in->in_events))
		return NULL;
	e = list_first(&in->in_events, struct event, ev_link);
	if (sizeof(e->ev) + e->ev.len > room)
		return NULL;
	list_remove(&e->ev_link);
	in->in_count--;
	in->in_bytes -= sizeof(e->ev) + e->ev.len;
	return e;
}

static int
inotify_read(struct file *fp, off_t *offp __maybe_unused, struct uio *uio,
    int flags)
{
	struct inotify *in = fp->f_data;
	size_t want = uio->uio_resid;
	struct event *e;
	int error = 0;

	mutex_enter(&in->in_lock);
	while (in->in_count == 0 && error == 0) {
		if ((atomic_load_explicit(&fp->f_flags,
		    memory_order_relaxed) & O_NONBLOCK) != 0 ||
		    (flags & RWF_NOWAIT) != 0)
			error = EAGAIN;
		else
			error = cv_wait_sig(&in->in_cv, &in->in_lock);
	}
	while (error == 0 && (e = event_next(in, uio->uio_resid)) != NULL) {
		mutex_exit(&in->in_lock);
		error = uiomove(&e->ev, sizeof(e->ev) + e->ev.len, uio);
		mutex_enter(&in->in_lock);
		event_free(in, e);
	}
	mutex_exit(&in->in_lock);
	return error == 0 && uio->uio_resid == want ? EINVAL : error;
}

static int
inotify_poll(struct file *fp, int events, struct pollent *pe)
{
	struct inotify *in = fp->f_data;
	int ready = 0;

	if (pe != NULL)
		poll_hang(&in->in_head, pe);
	mutex_enter(&in->in_lock);
	if (in->in_count > 0)
		ready = events & (POLLIN | POLLRDNORM);
	mutex_exit(&in->in_lock);
	return ready;
}

static int
inotify_ioctl(struct file *fp, unsigned long cmd, void *arg)
{
	struct inotify *in = fp->f_data;
	int n;

	if (cmd != FIONREAD)
		return ENOTTY;
	mutex_enter(&in->in_lock);
	n = (int)in->in_bytes;
	mutex_exit(&in->in_lock);
	return copyout(&n, arg, sizeof(n));
}

static int
inotify_stat(struct file *fp, struct stat *st)
{

	st->st_mode = S_IRUSR | S_IWUSR;
	st->st_nlink = 1;
	st->st_blksize = PAGE_SIZE;
	st->st_uid = fp->f_cred->cr_fsuid;
	st->st_gid = fp->f_cred->cr_fsgid;
	return 0;
}

/* ---- Watches ------------------------------------------------------------ */

void
inotify_forget(struct inotify *in __maybe_unused)
{

	watches--;
}

static struct list *
watch_bucket(struct inotify *in, int wd)
{
	return &in->in_watches[(unsigned)wd % WATCH_BUCKETS];
}

static struct watch *
watch_find(struct inotify *in, int wd)
{
	struct list *n, *b = watch_bucket(in, wd);
	struct watch *wt;

	LIST_FOREACH(n, b) {
		wt = container_of(n, struct watch, wt_inst);
		if (wt->wt_wd == wd)
			return wt;
	}
	return NULL;
}

/* Numbers are not used again before all others were. */
static int
watch_number(struct inotify *in)
{

	do {
		in->in_lastwd = in->in_lastwd == INT32_MAX ? 1 :
		    in->in_lastwd + 1;
	} while (watch_find(in, in->in_lastwd) != NULL);
	return in->in_lastwd;
}

static int
watch_new(struct inotify *in, struct mark *mk, uint32_t mask, int *wdp)
{
	struct watch *wt;

	if (watches >= watches_max)
		return ENOSPC;
	wt = kmem_alloc(sizeof(*wt), KM_NORECLAIM);
	if (wt == NULL)
		return ENOMEM;
	watches++;
	wt->wt_in = in;
	wt->wt_wd = watch_number(in);
	wt->wt_mask = mask & MASK_KEPT;
	list_insert_head(watch_bucket(in, wt->wt_wd), &wt->wt_inst);
	mark_add(mk, wt);
	*wdp = wt->wt_wd;
	return 0;
}

static int
watch_change(struct watch *wt, uint32_t mask, int *wdp)
{

	if ((mask & IN_MASK_CREATE) != 0)
		return EEXIST;
	if ((mask & IN_MASK_ADD) != 0)
		wt->wt_mask |= mask & MASK_KEPT;
	else
		wt->wt_mask = mask & MASK_KEPT;
	*wdp = wt->wt_wd;
	return 0;
}

static int
watch_set(struct inotify *in, struct vnode *vp, uint32_t mask, int *wdp)
{
	struct watch *wt;
	struct mark *mk;
	int error;

	/* Whoever takes it away from its file system has v_lock X. */
	vnode_lock(vp, RW_READER);
	mutex_enter(&notify_lock);
	if (vnode_doomed(vp))
		error = EIO;
	else if ((mk = mark_get(vp)) == NULL)
		error = ENOMEM;
	else {
		wt = mark_find(mk, in);
		error = wt != NULL ? watch_change(wt, mask, wdp) :
		    watch_new(in, mk, mask, wdp);
		mark_put(mk);
	}
	mutex_exit(&notify_lock);
	vnode_unlock(vp);
	return error;
}

static int
inotify_close(struct file *fp)
{
	struct inotify *in = fp->f_data;
	struct event *e;
	struct list *b;
	unsigned i;

	for (i = 0; i < WATCH_BUCKETS; i++) {
		b = &in->in_watches[i];
		mutex_enter(&notify_lock);
		while (!list_empty(b))
			watch_free(list_first(b, struct watch, wt_inst));
		mutex_exit(&notify_lock);
	}
	while ((e = event_next(in, SIZE_MAX)) != NULL)
		event_free(in, e);
	pollhead_fini(&in->in_head);
	cv_fini(&in->in_cv);
	mutex_fini(&in->in_lock);
	kmem_free(in, sizeof(*in));
	atomic_fetch_sub(&instances, 1);
	return 0;
}

static const struct fileops inotify_fileops = {
	.fo_type = FT_OTHER,
	.fo_read = inotify_read,
	.fo_ioctl = inotify_ioctl,
	.fo_poll = inotify_poll,
	.fo_stat = inotify_stat,
	.fo_close = inotify_close,
};

/* ---- System calls ------------------------------------------------------- */

static struct inotify *
inotify_alloc(void)
{
	struct inotify *in;
	unsigned i;

	in = kmem_zalloc(sizeof(*in), 0);
	if (in == NULL)
		return NULL;
	mutex_init(&in->in_lock, &inotify_class);
	cv_init(&in->in_cv);
	pollhead_init(&in->in_head);
	list_init(&in->in_events);
	list_node_init(&in->in_overflow.ev_link);
	in->in_overflow.ev.wd = -1;
	in->in_overflow.ev.mask = IN_Q_OVERFLOW;
	for (i = 0; i < WATCH_BUCKETS; i++)
		list_init(&in->in_watches[i]);
	return in;
}

int
sys_inotify_init1(int flags, long *rv)
{
	struct inotify *in;
	struct file *fp;
	int error, fd;

	if ((flags & ~(O_CLOEXEC | O_NONBLOCK)) != 0)
		return EINVAL;
	if (atomic_fetch_add(&instances, 1) >= instances_max) {
		atomic_fetch_sub(&instances, 1);
		return EMFILE;
	}
	error = fd_reserve(0, flags & O_CLOEXEC, &fd);
	if (error != 0)
		goto fail_count;
	in = inotify_alloc();
	if (in == NULL) {
		error = ENOMEM;
		goto fail_fd;
	}
	error = file_alloc(&inotify_fileops, in, O_RDONLY |
	    (flags & O_NONBLOCK), &fp);
	if (error != 0)
		goto fail_alloc;
	fd_fill(fd, fp);
	*rv = fd;
	return 0;

fail_alloc:
	pollhead_fini(&in->in_head);
	cv_fini(&in->in_cv);
	mutex_fini(&in->in_lock);
	kmem_free(in, sizeof(*in));
fail_fd:
	fd_cancel(fd);
fail_count:
	atomic_fetch_sub(&instances, 1);
	return error;
}

static int
get_inotify(int fd, struct file **fpp)
{
	int error;

	error = fd_get(fd, fpp);
	if (error == 0 && (*fpp)->f_ops != &inotify_fileops) {
		error = ((*fpp)->f_flags & O_PATH) != 0 ? EBADF : EINVAL;
		fd_put(*fpp);
	}
	return error;
}

int
sys_inotify_add_watch(int fd, const char *path, unsigned int mask, long *rv)
{
	struct nameidata ni;
	struct file *fp;
	int error, wd;

	if ((mask & MASK_BITS) == 0 || (mask & ~(unsigned)MASK_BITS) != 0)
		return EINVAL;
	if ((mask & IN_MASK_ADD) != 0 && (mask & IN_MASK_CREATE) != 0)
		return EINVAL;
	error = get_inotify(fd, &fp);
	if (error != 0)
		return error;
	error = namei(&ni, AT_FDCWD, path,
	    ((mask & IN_DONT_FOLLOW) != 0 ? 0 : NI_FOLLOW) |
	    ((mask & IN_ONLYDIR) != 0 ? NI_DIRECTORY : 0));
	if (error == 0)
		error = vaccess(ni.ni_vp, ni.ni_cn.cn_cred, VREAD);
	if (error == 0)
		error = watch_set(fp->f_data, ni.ni_vp, mask, &wd);
	namei_done(&ni);
	fd_put(fp);
	if (error == 0)
		*rv = wd;
	return error;
}

int
sys_inotify_rm_watch(int fd, int wd, long *rv __maybe_unused)
{
	struct watch *wt;
	struct file *fp;
	int error;

	error = get_inotify(fd, &fp);
	if (error != 0)
		return error;
	mutex_enter(&notify_lock);
	wt = watch_find(fp->f_data, wd);
	if (wt == NULL)
		error = EINVAL;
	else {
		watch_free(wt);
		inotify_queue(fp->f_data, wd, IN_IGNORED, 0, NULL, 0);
	}
	mutex_exit(&notify_lock);
	fd_put(fp);
	return error;
}

/* ---- Start -------------------------------------------------------------- */

static struct sysctl sy_events = {
	.sy_name = "vfs.inotify.max_queued_events",
	.sy_descr = "events that wait to be read, a descriptor",
	.sy_type = SYSCTL_U64,
	.sy_flags = SYSCTL_RW,
	.sy_u64 = &events_max,
};
static struct sysctl sy_instances = {
	.sy_name = "vfs.inotify.max_instances",
	.sy_descr = "descriptors of inotify",
	.sy_type = SYSCTL_U64,
	.sy_flags = SYSCTL_RW,
	.sy_u64 = &instances_max,
};
static struct sysctl sy_watches = {
	.sy_name = "vfs.inotify.max_watches",
	.sy_descr = "files watched by all of them",
	.sy_type = SYSCTL_U64,
	.sy_flags = SYSCTL_RW,
	.sy_u64 = &watches_max,
};

void
inotify_init(void)
{

	notify_init();
	(void)sysctl_register(&sy_events);
	(void)sysctl_register(&sy_instances);
	(void)sysctl_register(&sy_watches);
}
