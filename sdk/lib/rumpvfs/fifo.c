/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * FIFOs of any file system: fifo(7).
 *
 * A FIFO's vnode gets its state with the first open, and keeps it; the pipe in
 * it is there while anybody has the FIFO open. Opening one end waits for the
 * other: fi_ropens and fi_wopens count opens ever, so that a waiter sees a peer
 * that came and went.
 *
 * Lock order: fi_lock -> the pipe's lock.
 */
#include <kern/pipe.h>

#include "specfs.h"
#include "vfs.h"

struct fifo {
	struct kmutex fi_lock;
	struct kcondvar fi_cv;		/* an end was opened */
	struct pipe *fi_pipe;		/* [fi_lock] */
	unsigned fi_readers, fi_writers;	/* [fi_lock] */
	unsigned fi_ropens, fi_wopens;	/* [fi_lock] */
};

static struct lock_class fifo_class = LOCK_CLASS("fifo", 0);

static struct fifo *
fifo_get(struct vnode *vp)
{
	struct fifo *fi;
	void *expect = NULL;

	fi = atomic_load_explicit(&vp->v_special, memory_order_acquire);
	if (fi != NULL)
		return fi;
	fi = kmem_zalloc(sizeof(*fi), 0);
	if (fi == NULL)
		return NULL;
	mutex_init(&fi->fi_lock, &fifo_class);
	cv_init(&fi->fi_cv);
	if (!atomic_compare_exchange_strong(&vp->v_special, &expect, fi)) {
		mutex_fini(&fi->fi_lock);
		kmem_free(fi, sizeof(*fi));
		fi = expect;
	}
	return fi;
}

void
fifo_free(struct vnode *vp)
{
	struct fifo *fi = atomic_exchange(&vp->v_special, NULL);

	if (fi == NULL)
		return;
	KASSERT(fi->fi_pipe == NULL);
	mutex_fini(&fi->fi_lock);
	cv_fini(&fi->fi_cv);
	kmem_free(fi, sizeof(*fi));
}

static int
end_open(struct fifo *fi, bool reading, bool writing)
{

	if (fi->fi_pipe == NULL && (fi->fi_pipe = pipe_create()) == NULL)
		return ENOMEM;
	if (reading) {
		fi->fi_ropens++;
		if (fi->fi_readers++ == 0)
			pipe_open_end(fi->fi_pipe, false);
	}
	if (writing) {
		fi->fi_wopens++;
		if (fi->fi_writers++ == 0)
			pipe_open_end(fi->fi_pipe, true);
	}
	cv_broadcast(&fi->fi_cv);
	return 0;
}

/* What was not read is gone with the last one. */
static void
end_close(struct fifo *fi, bool reading, bool writing)
{

	if (reading && --fi->fi_readers == 0)
		(void)pipe_close_end(fi->fi_pipe, false);
	if (writing && --fi->fi_writers == 0)
		(void)pipe_close_end(fi->fi_pipe, true);
	if (fi->fi_readers == 0 && fi->fi_writers == 0) {
		pipe_destroy(fi->fi_pipe);
		fi->fi_pipe = NULL;
	}
}

static int
fifo_close(struct file *fp)
{
	struct vnode *vp = fp->f_vnode;
	struct fifo *fi = atomic_load(&vp->v_special);
	int acc = fp->f_flags & O_ACCMODE;

	mutex_enter(&fi->fi_lock);
	end_close(fi, acc != O_WRONLY, acc != O_RDONLY);
	mutex_exit(&fi->fi_lock);
	return vn_close(fp);
}

static int
fifo_poll(struct file *fp, int events, struct pollent *pe)
{
	int acc = fp->f_flags & O_ACCMODE;

	if (acc == O_RDONLY)
		return pipe_rpoll(fp, events, pe);
	if (acc == O_WRONLY)
		return pipe_wpoll(fp, events, pe);
	/* Both ends: waits where it is not ready, reading first. */
	if ((events & (POLLIN | POLLRDNORM)) == 0)
		return pipe_wpoll(fp, events, pe);
	return pipe_rpoll(fp, events, pe) | pipe_wpoll(fp, events, NULL);
}

static int
fifo_fcntl(struct file *fp, int cmd, void *arg, long *rv)
{

	if (cmd == F_GETPIPE_SZ || cmd == F_SETPIPE_SZ)
		return pipe_fcntl(fp, cmd, arg, rv);
	return vn_fcntl(fp, cmd, arg, rv);
}

/* O_DIRECT: what is written from now on are packets. */
static int
fifo_setfl(struct file *fp __maybe_unused, int flags __maybe_unused)
{

	return 0;
}

static const struct fileops fifo_fileops = {
	.fo_type = FT_VNODE,
	.fo_read = pipe_read,
	.fo_write = pipe_write,
	.fo_setfl = fifo_setfl,
	.fo_ioctl = pipe_ioctl,
	.fo_poll = fifo_poll,
	.fo_fcntl = fifo_fcntl,
	.fo_stat = vn_stat,
	.fo_closefd = vn_closefd,
	.fo_close = fifo_close,
};

/* fifo(7): wait for the other end. */
static int
wait_for_peer(struct fifo *fi, int flags)
{
	unsigned seen;
	int error = 0;

	switch (flags & O_ACCMODE) {
	case O_RDONLY:
		if (fi->fi_writers > 0 || (flags & O_NONBLOCK) != 0)
			return 0;
		seen = fi->fi_wopens;
		while (fi->fi_wopens == seen && error == 0)
			error = cv_wait_sig(&fi->fi_cv, &fi->fi_lock);
		return error;
	case O_WRONLY:
		if (fi->fi_readers > 0)
			return 0;
		seen = fi->fi_ropens;
		while (fi->fi_ropens == seen && error == 0)
			error = cv_wait_sig(&fi->fi_cv, &fi->fi_lock);
		return error;
	default:
		return 0;
	}
}

int
fifo_open(struct vnode *vp, int flags, struct file **fpp)
{
	struct fifo *fi = fifo_get(vp);
	int acc = flags & O_ACCMODE, error;
	struct file *fp;

	if (fi == NULL)
		return ENOMEM;
	error = file_alloc(&fifo_fileops, NULL, flags, &fp);
	if (error != 0)
		return error;
	mutex_enter(&fi->fi_lock);
	if (acc == O_WRONLY && (flags & O_NONBLOCK) != 0 &&
	    fi->fi_readers == 0)
		error = ENXIO;
	else
		error = end_open(fi, acc != O_WRONLY, acc != O_RDONLY);
	if (error == 0) {
		error = wait_for_peer(fi, flags);
		if (error != 0)
			end_close(fi, acc != O_WRONLY, acc != O_RDONLY);
	}
	fp->f_data = fi->fi_pipe;
	mutex_exit(&fi->fi_lock);
	if (error != 0) {
		/* It never was a FIFO's. */
		fp->f_ops = &path_fileops;
		fp->f_vnode = vnode_hold(vp);
		(void)file_rele(fp);
		return error;
	}
	fp->f_vnode = vp;
	*fpp = fp;
	return 0;
}
