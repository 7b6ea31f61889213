/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pipes: pipe(7).
 *
 * The bytes are in a ring that grows, up to the pipe's size (F_SETPIPE_SZ), as
 * they come. An end is a file; the pipe lives while one of them does. All of it
 * is under pi_lock, which may be held over a copy from or to the application.
 */
#include <kern/file.h>
#include <kern/kmem.h>
#include <kern/pipe.h>
#include <kern/string.h>
#include <kern/syscall.h>
#include <kern/time.h>

#include <asm/ioctls.h>
#include <linux/fs.h>
#include <linux/limits.h>

#include "poll_private.h"
#include "proc_private.h"
#include "sysproto.h"

#define PIPE_SIZE	65536u		/* as Linux */
#define PIPE_SIZE_MIN	((unsigned)PAGE_SIZE)
#define PIPE_SIZE_MAX	(1u << 20)	/* without privilege */
#define PIPE_SIZE_ROOT	(1u << 31)

struct pipe {
	struct kmutex pi_lock;
	struct kcondvar pi_rcv, pi_wcv;
	struct pollhead pi_rhead, pi_whead;
	char *pi_buf;			/* pi_cap bytes; NULL: 0 */
	unsigned pi_cap;		/* a power of two */
	unsigned pi_size;		/* the most that pi_cap may be */
	unsigned pi_out, pi_used;	/* where the first byte is; how many */
	bool pi_reader, pi_writer;	/* the ends that there are */
	unsigned pi_writers;		/* waiting for room */
	ino_t pi_ino;
	struct timespec pi_time;
};

static struct lock_class pipe_lc = LOCK_CLASS("pipe", 0);
static _Atomic ino_t pipe_ino;

/* ---- The ring --------------------------------------------------------- */

/* Make the ring cap bytes long, which holds what is in it. */
static int
ring_resize(struct pipe *pi, unsigned cap)
{
	unsigned first;
	char *buf;

	buf = kmem_alloc(cap, 0);
	if (buf == NULL)
		return ENOMEM;
	first = MIN(pi->pi_used, pi->pi_cap - pi->pi_out);
	if (pi->pi_used > 0) {
		memcpy(buf, pi->pi_buf + pi->pi_out, first);
		memcpy(buf + first, pi->pi_buf, pi->pi_used - first);
	}
	kmem_free(pi->pi_buf, pi->pi_cap);
	pi->pi_buf = buf;
	pi->pi_cap = cap;
	pi->pi_out = 0;
	return 0;
}

/* Room for n more bytes, as far as the size allows. */
static int
ring_grow(struct pipe *pi, size_t n)
{
	unsigned cap = MAX(pi->pi_cap, PIPE_SIZE_MIN);

	while (cap - pi->pi_used < n && cap < pi->pi_size)
		cap *= 2;
	return cap > pi->pi_cap ? ring_resize(pi, cap) : 0;
}

static int
ring_read(struct pipe *pi, struct uio *uio)
{
	size_t n;
	int error;

	while (uio->uio_resid > 0 && pi->pi_used > 0) {
		n = MIN(pi->pi_used, pi->pi_cap - pi->pi_out);
		n = MIN(n, uio->uio_resid);
		error = uiomove(pi->pi_buf + pi->pi_out, n, uio);
		if (error != 0)
			return error;
		pi->pi_out = (pi->pi_out + (unsigned)n) & (pi->pi_cap - 1);
		pi->pi_used -= (unsigned)n;
	}
	if (pi->pi_used == 0)
		pi->pi_out = 0;
	return 0;
}

static int
ring_write(struct pipe *pi, struct uio *uio)
{
	unsigned in;
	size_t n;
	int error;

	error = ring_grow(pi, uio->uio_resid);
	/* It does with what it has, if that is something. */
	if (error != 0 && pi->pi_used == pi->pi_cap)
		return error;
	while (uio->uio_resid > 0 && pi->pi_used < pi->pi_cap) {
		in = (pi->pi_out + pi->pi_used) & (pi->pi_cap - 1);
		n = MIN(pi->pi_cap - pi->pi_used, pi->pi_cap - in);
		n = MIN(n, uio->uio_resid);
		error = uiomove(pi->pi_buf + in, n, uio);
		if (error != 0)
			return error;
		pi->pi_used += (unsigned)n;
	}
	return 0;
}

/* ---- Reading and writing ---------------------------------------------- */

static bool
nonblocking(struct file *fp, int flags)
{
	return (atomic_load_explicit(&fp->f_flags, memory_order_relaxed) &
	    O_NONBLOCK) != 0 || (flags & RWF_NOWAIT) != 0;
}

int
pipe_read(struct file *fp, off_t *offp __maybe_unused, struct uio *uio,
    int flags)
{
	struct pipe *pi = fp->f_data;
	bool was_full = false, more = false, writers = false;
	int error = 0;

	if (uio->uio_resid == 0)
		return 0;
	mutex_enter(&pi->pi_lock);
	while (pi->pi_used == 0 && pi->pi_writer && error == 0)
		error = nonblocking(fp, flags) ? EAGAIN :
		    cv_wait_sig(&pi->pi_rcv, &pi->pi_lock);
	if (pi->pi_used > 0) {
		was_full = pi->pi_size - pi->pi_used < PIPE_BUF;
		error = ring_read(pi, uio);
		more = pi->pi_used > 0;
		writers = pi->pi_writers > 0;
	}
	mutex_exit(&pi->pi_lock);
	/* A wake-up that a signal made useless, or more for another. */
	if (more)
		cv_signal(&pi->pi_rcv);
	if (writers)
		cv_broadcast(&pi->pi_wcv);
	if (was_full)
		poll_notify(&pi->pi_whead, POLLOUT | POLLWRNORM);
	return error;
}

/* Until there is room for n bytes. */
static int
wait_for_room(struct pipe *pi, struct file *fp, size_t n, int flags)
{
	int error = 0;

	while (pi->pi_reader && pi->pi_size - pi->pi_used < n && error == 0) {
		if (nonblocking(fp, flags))
			return EAGAIN;
		pi->pi_writers++;
		error = cv_wait_sig(&pi->pi_wcv, &pi->pi_lock);
		pi->pi_writers--;
	}
	return pi->pi_reader ? error : EPIPE;
}

int
pipe_write(struct file *fp, off_t *offp __maybe_unused, struct uio *uio,
    int flags)
{
	struct pipe *pi = fp->f_data;
	/* Up to PIPE_BUF bytes go in one piece. */
	size_t room = uio->uio_resid <= PIPE_BUF ? uio->uio_resid : 1;
	bool was_empty;
	int error = 0;

	if (uio->uio_resid == 0)
		return 0;
	while (uio->uio_resid > 0 && error == 0) {
		mutex_enter(&pi->pi_lock);
		error = wait_for_room(pi, fp, room, flags);
		if (error != 0) {
			mutex_exit(&pi->pi_lock);
			break;
		}
		was_empty = pi->pi_used == 0;
		error = ring_write(pi, uio);
		was_empty &= pi->pi_used > 0;
		mutex_exit(&pi->pi_lock);
		if (was_empty)
			cv_signal(&pi->pi_rcv);
		/* Each write is an edge, also where there were bytes. */
		poll_notify(&pi->pi_rhead, POLLIN | POLLRDNORM);
	}
	if (error == EPIPE)
		signal_post_self(SIGPIPE);
	return error;
}

/* ---- The rest --------------------------------------------------------- */

int
pipe_rpoll(struct file *fp, int events, struct pollent *pe)
{
	struct pipe *pi = fp->f_data;
	int ready = 0;

	if (pe != NULL)
		poll_hang(&pi->pi_rhead, pe);
	mutex_enter(&pi->pi_lock);
	if (pi->pi_used > 0)
		ready |= events & (POLLIN | POLLRDNORM);
	if (!pi->pi_writer)
		ready |= POLLHUP;
	mutex_exit(&pi->pi_lock);
	return ready;
}

int
pipe_wpoll(struct file *fp, int events, struct pollent *pe)
{
	struct pipe *pi = fp->f_data;
	int ready = 0;

	if (pe != NULL)
		poll_hang(&pi->pi_whead, pe);
	mutex_enter(&pi->pi_lock);
	if (pi->pi_size - pi->pi_used >= PIPE_BUF)
		ready |= events & (POLLOUT | POLLWRNORM);
	if (!pi->pi_reader)
		ready |= POLLERR;
	mutex_exit(&pi->pi_lock);
	return ready;
}

int
pipe_ioctl(struct file *fp, unsigned long cmd, void *arg)
{
	struct pipe *pi = fp->f_data;
	int n;

	if (cmd != FIONREAD)
		return ENOTTY;
	mutex_enter(&pi->pi_lock);
	n = (int)pi->pi_used;
	mutex_exit(&pi->pi_lock);
	return copyout(&n, arg, sizeof(n));
}

/* fcntl(2): rounded up to a power of two pages; EBUSY below what it holds. */
static int
pipe_setsize(struct pipe *pi, unsigned size, long *rv)
{
	int error = 0;

	if (size > PIPE_SIZE_ROOT)
		return EINVAL;
	size = MAX(size, PIPE_SIZE_MIN);
	if (!ispow2(size))
		size = 1u << (32 - __builtin_clz(size));
	mutex_enter(&pi->pi_lock);
	if (size > pi->pi_size && size > PIPE_SIZE_MAX &&
	    !cred_is_root(curcred()))
		error = EPERM;
	else if (size < pi->pi_used)
		error = EBUSY;
	else if (size < pi->pi_cap)
		error = ring_resize(pi, size);
	if (error == 0) {
		pi->pi_size = size;
		*rv = size;
		cv_broadcast(&pi->pi_wcv);
		poll_notify(&pi->pi_whead, POLLOUT | POLLWRNORM);
	}
	mutex_exit(&pi->pi_lock);
	return error;
}

int
pipe_fcntl(struct file *fp, int cmd, void *arg, long *rv)
{
	struct pipe *pi = fp->f_data;

	switch (cmd) {
	case F_SETPIPE_SZ:
		return pipe_setsize(pi, (unsigned)(uintptr_t)arg, rv);
	case F_GETPIPE_SZ:
		mutex_enter(&pi->pi_lock);
		*rv = pi->pi_size;
		mutex_exit(&pi->pi_lock);
		return 0;
	}
	return EINVAL;
}

static int
pipe_stat(struct file *fp, struct stat *st)
{
	struct pipe *pi = fp->f_data;

	st->st_mode = S_IFIFO | S_IRUSR | S_IWUSR;
	st->st_nlink = 1;
	st->st_ino = pi->pi_ino;
	st->st_blksize = PAGE_SIZE;
	st->st_uid = fp->f_cred->cr_fsuid;
	st->st_gid = fp->f_cred->cr_fsgid;
	st->st_atime = st->st_mtime = st->st_ctime =
	    (unsigned long)pi->pi_time.tv_sec;
	st->st_atime_nsec = st->st_mtime_nsec = st->st_ctime_nsec =
	    (unsigned long)pi->pi_time.tv_nsec;
	return 0;
}

void
pipe_destroy(struct pipe *pi)
{
	pollhead_fini(&pi->pi_rhead);
	pollhead_fini(&pi->pi_whead);
	cv_fini(&pi->pi_rcv);
	cv_fini(&pi->pi_wcv);
	mutex_fini(&pi->pi_lock);
	kmem_free(pi->pi_buf, pi->pi_cap);
	kmem_free(pi, sizeof(*pi));
}

void
pipe_open_end(struct pipe *pi, bool writing)
{
	mutex_enter(&pi->pi_lock);
	if (writing)
		pi->pi_writer = true;
	else
		pi->pi_reader = true;
	mutex_exit(&pi->pi_lock);
}

bool
pipe_close_end(struct pipe *pi, bool writing)
{
	bool last;

	mutex_enter(&pi->pi_lock);
	if (writing) {
		pi->pi_writer = false;
		last = !pi->pi_reader;
		cv_broadcast(&pi->pi_rcv);
		poll_notify(&pi->pi_rhead, POLLHUP | POLLIN | POLLRDNORM);
	} else {
		pi->pi_reader = false;
		last = !pi->pi_writer;
		cv_broadcast(&pi->pi_wcv);
		poll_notify(&pi->pi_whead, POLLERR | POLLOUT | POLLWRNORM);
	}
	mutex_exit(&pi->pi_lock);
	return last;
}

static int
pipe_close(struct file *fp)
{
	struct pipe *pi = fp->f_data;

	if (pipe_close_end(pi, fp->f_ops->fo_write != NULL))
		pipe_destroy(pi);
	return 0;
}

static const struct fileops pipe_rops = {
	.fo_type = FT_PIPE,
	.fo_read = pipe_read,
	.fo_ioctl = pipe_ioctl,
	.fo_poll = pipe_rpoll,
	.fo_fcntl = pipe_fcntl,
	.fo_stat = pipe_stat,
	.fo_close = pipe_close,
};

static const struct fileops pipe_wops = {
	.fo_type = FT_PIPE,
	.fo_write = pipe_write,
	.fo_ioctl = pipe_ioctl,
	.fo_poll = pipe_wpoll,
	.fo_fcntl = pipe_fcntl,
	.fo_stat = pipe_stat,
	.fo_close = pipe_close,
};

struct pipe *
pipe_create(void)
{
	struct pipe *pi;

	pi = kmem_zalloc(sizeof(*pi), 0);
	if (pi == NULL)
		return NULL;
	mutex_init(&pi->pi_lock, &pipe_lc);
	cv_init(&pi->pi_rcv);
	cv_init(&pi->pi_wcv);
	pollhead_init(&pi->pi_rhead);
	pollhead_init(&pi->pi_whead);
	pi->pi_size = PIPE_SIZE;
	pi->pi_ino = atomic_fetch_add(&pipe_ino, 1) + 1;
	real_stamp(&pi->pi_time);
	return pi;
}

/* Two files, the reading one first. */
static int
pipe_files(int flags, struct file **fps)
{
	struct pipe *pi;
	int error;

	pi = pipe_create();
	if (pi == NULL)
		return ENOMEM;
	flags &= O_NONBLOCK | O_DIRECT;
	error = file_alloc(&pipe_rops, pi, O_RDONLY | flags, &fps[0]);
	if (error != 0) {
		pipe_destroy(pi);
		return error;
	}
	pi->pi_reader = true;
	error = file_alloc(&pipe_wops, pi, O_WRONLY | flags, &fps[1]);
	if (error != 0)
		(void)file_rele(fps[0]);
	else
		pi->pi_writer = true;
	return error;
}

int
sys_pipe2(int *ufds, int flags, long *rv __maybe_unused)
{
	struct file *fps[2];
	int fds[2], error;

	/* Packets (O_DIRECT) and notification pipes are not there. */
	if ((flags & ~(O_CLOEXEC | O_NONBLOCK)) != 0)
		return EINVAL;
	error = pipe_files(flags, fps);
	if (error != 0)
		return error;
	error = fd_reserve(0, flags, &fds[0]);
	if (error != 0)
		goto fail_files;
	error = fd_reserve(0, flags, &fds[1]);
	if (error != 0)
		goto fail_first;
	error = copyout(fds, ufds, sizeof(fds));
	if (error != 0)
		goto fail_second;
	fd_fill(fds[0], fps[0]);
	fd_fill(fds[1], fps[1]);
	return 0;

fail_second:
	fd_cancel(fds[1]);
fail_first:
	fd_cancel(fds[0]);
fail_files:
	(void)file_rele(fps[1]);
	(void)file_rele(fps[0]);
	return error;
}
