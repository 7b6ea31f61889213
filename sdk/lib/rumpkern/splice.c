/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * splice(2), tee(2), vmsplice(2): bytes between a pipe and something else.
 *
 * The something else is any file that reads or writes a stream or data at an
 * offset: it is called with kernel memory, through fo_read and fo_write, and
 * without the pipe's lock, because it may sleep for long. What it will write
 * is promised room in the pipe first, so that nothing is lost that was taken
 * from a socket; what it is given stays in the pipe, and out of other readers'
 * reach (pi_taken), until it has been written.
 *
 * Lock order: f_offlock -> pi_lock; two pipes in the order of their addresses.
 */
#include <kern/file.h>
#include <kern/kmem.h>
#include <kern/syscall.h>

#include <asm/signal.h>
#include <linux/fs.h>
#include <linux/limits.h>

#include "pipe_private.h"
#include "sysproto.h"

/* splice(2); the exported headers do not have them. */
#define SPLICE_F_MOVE		0x1	/* a hint: pages are copied here */
#define SPLICE_F_NONBLOCK	0x2
#define SPLICE_F_MORE		0x4
#define SPLICE_F_GIFT		0x8	/* as SPLICE_F_MOVE */
#define SPLICE_F_ALL		0xfu

#define CHUNK ((size_t)128 << 10)

/* The pipe that a file is an end of, or NULL. */
static struct pipe *
source_pipe(struct file *fp)
{
	return fp->f_ops->fo_read == pipe_read ? fp->f_data : NULL;
}

static struct pipe *
sink_pipe(struct file *fp)
{
	return fp->f_ops->fo_write == pipe_write ? fp->f_data : NULL;
}

static bool
file_nonblock(struct file *fp)
{
	return (atomic_load_explicit(&fp->f_flags, memory_order_relaxed) &
	    O_NONBLOCK) != 0;
}

static int
broken_pipe(int error)
{
	if (error == EPIPE)
		signal_post_self(SIGPIPE);
	return error;
}

/* ---- From a file into a pipe ------------------------------------------ */

/* Have room for up to *np bytes kept free. */
static int
promise(struct pipe *pi, size_t *np, bool nonblock)
{
	size_t room;
	int error;

	mutex_enter(&pi->pi_lock);
	error = pipe_wait_room(pi, 1, false, nonblock);
	if (error == 0) {
		*np = MIN(*np, (size_t)pipe_room(pi, false));
		error = pipe_grow(pi, *np);
		room = pi->pi_cap - pi->pi_used - pi->pi_promised;
		/* Without memory, what there is will do. */
		if (error != 0 && room > 0)
			error = 0;
		*np = MIN(*np, room);
	}
	if (error == 0)
		pi->pi_promised += (unsigned)*np;
	mutex_exit(&pi->pi_lock);
	return error;
}

/* Use a promise of n bytes: got come, 0 too. */
static int
keep_promise(struct pipe *pi, size_t n, char *buf, size_t got)
{
	struct iovec iov;
	struct uio uio;
	bool was_empty, writers;
	int error = 0;

	uio_kern(&uio, &iov, UIO_WRITE, buf, got, 0);
	mutex_enter(&pi->pi_lock);
	pi->pi_promised -= (unsigned)n;
	was_empty = pi->pi_used == 0;
	writers = pi->pi_writers > 0 && got < n;
	if (!pi->pi_reader)
		error = EPIPE;
	else if (got > 0)
		error = pipe_append(pi, &uio);
	mutex_exit(&pi->pi_lock);
	if (writers)
		cv_broadcast(&pi->pi_wcv);
	if (error == 0 && got > 0)
		pipe_was_written(pi, was_empty);
	return error;
}

static int
splice_in(struct file *in, off_t *offp, struct pipe *pi, size_t len,
    unsigned flags, size_t *donep)
{
	bool nonblock = (flags & SPLICE_F_NONBLOCK) != 0;
	size_t n = MIN(len, CHUNK), got, size = n;
	struct iovec iov;
	struct uio uio;
	char *buf;
	int error;

	buf = kmem_alloc(size, 0);
	if (buf == NULL)
		return ENOMEM;
	error = promise(pi, &n, nonblock);
	if (error != 0)
		goto out;
	uio_kern(&uio, &iov, UIO_READ, buf, n, *offp);
	error = in->f_ops->fo_read(in, offp, &uio,
	    nonblock && in->f_ops->fo_type == FT_SOCKET ? RWF_NOWAIT : 0);
	got = n - uio.uio_resid;
	if (got > 0)
		error = 0;
	if (error == 0)
		*donep = got;
	if (error != 0)
		(void)keep_promise(pi, n, buf, 0);
	else
		error = keep_promise(pi, n, buf, got);
out:
	kmem_free(buf, size);
	return broken_pipe(error);
}

/* ---- From a pipe into a file ------------------------------------------ */

/* Take up to *np bytes out of others' reach, and copy them; none: the end. */
static int
take(struct pipe *pi, char *buf, size_t *np, bool nonblock)
{
	int error;

	mutex_enter(&pi->pi_lock);
	error = pipe_wait_data(pi, nonblock);
	*np = MIN(*np, (size_t)pi->pi_used);
	if (error == 0 && *np > 0) {
		pipe_peek(pi, buf, *np);
		pi->pi_taken = true;
	}
	mutex_exit(&pi->pi_lock);
	return error;
}

/* Of what was taken, done bytes are gone. */
static void
give_back(struct pipe *pi, size_t done)
{
	bool was_full, more, writers;

	mutex_enter(&pi->pi_lock);
	pi->pi_taken = false;
	was_full = pipe_room(pi, true) < PIPE_BUF;
	pipe_consume(pi, done);
	more = pi->pi_used > 0 || !pi->pi_writer;
	writers = pi->pi_writers > 0;
	mutex_exit(&pi->pi_lock);
	pipe_was_read(pi, was_full, more, writers);
}

static int
splice_out(struct pipe *pi, struct file *out, off_t *offp, size_t len,
    unsigned flags, size_t *donep)
{
	bool nonblock = (flags & SPLICE_F_NONBLOCK) != 0, stream;
	size_t n, size = MIN(len, CHUNK);
	struct iovec iov;
	struct uio uio;
	char *buf;
	int error;

	stream = out->f_ops->fo_type == FT_SOCKET;
	buf = kmem_alloc(size, 0);
	if (buf == NULL)
		return ENOMEM;
	do {
		n = MIN(len - *donep, size);
		/* It waits for the first bytes only. */
		error = take(pi, buf, &n, nonblock || *donep > 0);
		if (error != 0 || n == 0)
			break;
		uio_kern(&uio, &iov, UIO_WRITE, buf, n, *offp);
		error = out->f_ops->fo_write(out, offp, &uio,
		    !stream ? 0 : (nonblock ? RWF_NOWAIT : 0) |
		    ((flags & SPLICE_F_MORE) != 0 ? RWF_MORE : 0));
		n -= uio.uio_resid;
		give_back(pi, n);
		*donep += n;
	} while (error == 0 && uio.uio_resid == 0 && *donep < len);
	kmem_free(buf, size);
	return *donep > 0 ? 0 : error;
}

/* ---- Between pipes ---------------------------------------------------- */

static void
pipes_lock(struct pipe *a, struct pipe *b)
{
	mutex_enter((uintptr_t)a < (uintptr_t)b ? &a->pi_lock : &b->pi_lock);
	mutex_enter((uintptr_t)a < (uintptr_t)b ? &b->pi_lock : &a->pi_lock);
}

/*
 * Move or copy what there is, as far as there is room. @return EAGAIN: one of
 * them has changed since it was waited for
 */
static int
between(struct pipe *from, struct pipe *to, size_t len, bool copy,
    size_t *donep)
{
	bool was_empty, was_full, more, writers;
	int error = 0;
	size_t n;

	pipes_lock(from, to);
	was_empty = to->pi_used == 0;
	was_full = pipe_room(from, true) < PIPE_BUF;
	n = from->pi_taken ? 0 : MIN(len, (size_t)from->pi_used);
	n = MIN(n, (size_t)pipe_room(to, false));
	if (!to->pi_reader)
		error = EPIPE;
	else if (n == 0)
		error = EAGAIN;
	else
		error = pipe_transfer(from, to, n, donep);
	if (error == 0 && !copy)
		pipe_consume(from, *donep);
	more = from->pi_used > 0;
	writers = from->pi_writers > 0;
	mutex_exit(&from->pi_lock);
	mutex_exit(&to->pi_lock);
	if (error != 0)
		return error;
	pipe_was_written(to, was_empty);
	if (!copy)
		pipe_was_read(from, was_full, more, writers);
	return 0;
}

static int
splice_pipes(struct pipe *from, struct pipe *to, size_t len, bool nonblock,
    bool copy, size_t *donep)
{
	bool end;
	int error;

	do {
		mutex_enter(&from->pi_lock);
		error = pipe_wait_data(from, nonblock);
		end = from->pi_used == 0;
		mutex_exit(&from->pi_lock);
		if (error != 0 || end)
			return error;
		mutex_enter(&to->pi_lock);
		error = pipe_wait_room(to, 1, false, nonblock);
		mutex_exit(&to->pi_lock);
		if (error == 0)
			error = between(from, to, len, copy, donep);
	} while (error == EAGAIN && !nonblock);
	return broken_pipe(error);
}

/* ---- The calls -------------------------------------------------------- */

/* Can a file be the other side of a pipe? */
static bool
spliceable(struct file *fp)
{
	switch (fp->f_ops->fo_type) {
	case FT_EPOLL:
	case FT_EVENTFD:
	case FT_TIMERFD:
	case FT_SIGNALFD:
		return false;
	default:
		return true;
	}
}

/* Until the pipe has data, or room: not with a file's offset locked. */
static int
wait_for_pipe(struct pipe *pi, bool in, unsigned flags)
{
	bool nonblock = (flags & SPLICE_F_NONBLOCK) != 0;
	int error;

	mutex_enter(&pi->pi_lock);
	error = in ? pipe_wait_room(pi, 1, false, nonblock) :
	    pipe_wait_data(pi, nonblock);
	mutex_exit(&pi->pi_lock);
	return broken_pipe(error);
}

static int
splice_at(struct file *fp, off_t *offp, struct pipe *pi, bool in, size_t len,
    unsigned flags, size_t *donep)
{
	if (*offp < 0 || (uint64_t)*offp > (uint64_t)INT64_MAX - len)
		return EINVAL;
	return in ? splice_in(fp, offp, pi, len, flags, donep) :
	    splice_out(pi, fp, offp, len, flags, donep);
}

static int
splice_own(struct file *fp, struct pipe *pi, bool in, size_t len,
    unsigned flags, size_t *donep)
{
	int error;

	do {
		error = wait_for_pipe(pi, in, flags);
		if (error != 0)
			break;
		mutex_enter(&fp->f_offlock);
		error = splice_at(fp, &fp->f_offset, pi, in, len,
		    flags | SPLICE_F_NONBLOCK, donep);
		mutex_exit(&fp->f_offlock);
	} while (error == EAGAIN && (flags & SPLICE_F_NONBLOCK) == 0);
	return error;
}

/* The side that is no pipe, at an offset of the caller's or at its own. */
static int
splice_file(struct file *fp, off_t *uoff, struct pipe *pi, bool in,
    size_t len, unsigned flags, size_t *donep)
{
	off_t off = 0;
	int error = 0;

	if (uoff != NULL) {
		if (fp->f_ops->fo_seek == NULL)
			return EINVAL;
		error = copyin(uoff, &off, sizeof(off));
	}
	if (error == 0 && (!spliceable(fp) ||
	    (in ? fp->f_ops->fo_read == NULL : fp->f_ops->fo_write == NULL)))
		error = EINVAL;
	if (error == 0 && !in && (atomic_load_explicit(&fp->f_flags,
	    memory_order_relaxed) & O_APPEND) != 0)
		error = EINVAL;
	if (error != 0)
		return error;
	if (uoff == NULL && fp->f_ops->fo_seek != NULL)
		return splice_own(fp, pi, in, len, flags, donep);
	error = splice_at(fp, &off, pi, in, len, flags, donep);
	if (error == 0 && uoff != NULL)
		error = copyout(&off, uoff, sizeof(off));
	return error;
}

static int
do_splice(struct file *in, off_t *uoffin, struct file *out, off_t *uoffout,
    size_t len, unsigned flags, size_t *donep)
{
	struct pipe *from = source_pipe(in), *to = sink_pipe(out);

	if ((from != NULL && uoffin != NULL) || (to != NULL && uoffout != NULL))
		return ESPIPE;
	if (from == NULL && to == NULL)
		return EINVAL;
	if ((from != NULL && file_nonblock(in)) ||
	    (to != NULL && file_nonblock(out)))
		flags |= SPLICE_F_NONBLOCK;
	if (from == NULL)
		return splice_file(in, uoffin, to, true, len, flags, donep);
	if (to == NULL)
		return splice_file(out, uoffout, from, false, len, flags,
		    donep);
	if (from == to)
		return EINVAL;
	return splice_pipes(from, to, len, (flags & SPLICE_F_NONBLOCK) != 0,
	    false, donep);
}

/* Both files; EBADF also for access modes that do not allow it. */
static int
files_get(int fdin, int fdout, struct file **inp, struct file **outp)
{
	int error;

	error = fd_get_read(fdin, inp);
	if (error != 0)
		return error;
	error = fd_get_write(fdout, outp);
	if (error != 0)
		fd_put(*inp);
	return error;
}

int
sys_splice(int fdin, off_t *uoffin, int fdout, off_t *uoffout, size_t len,
    unsigned int flags, long *rv)
{
	struct file *in, *out;
	size_t done = 0;
	int error;

	if (len == 0)
		return 0;
	if ((flags & ~SPLICE_F_ALL) != 0)
		return EINVAL;
	error = files_get(fdin, fdout, &in, &out);
	if (error != 0)
		return error;
	error = do_splice(in, uoffin, out, uoffout,
	    MIN(len, (size_t)INT32_MAX), flags, &done);
	fd_put(out);
	fd_put(in);
	if (error == 0)
		*rv = (long)done;
	return error;
}

int
sys_tee(int fdin, int fdout, size_t len, unsigned int flags, long *rv)
{
	struct pipe *from, *to;
	struct file *in, *out;
	size_t done = 0;
	bool nonblock;
	int error;

	if ((flags & ~SPLICE_F_ALL) != 0)
		return EINVAL;
	if (len == 0)
		return 0;
	error = files_get(fdin, fdout, &in, &out);
	if (error != 0)
		return error;
	from = source_pipe(in);
	to = sink_pipe(out);
	nonblock = (flags & SPLICE_F_NONBLOCK) != 0 || file_nonblock(in) ||
	    file_nonblock(out);
	if (from == NULL || to == NULL || from == to)
		error = EINVAL;
	else
		error = splice_pipes(from, to, MIN(len, (size_t)INT32_MAX),
		    nonblock, true, &done);
	fd_put(out);
	fd_put(in);
	if (error == 0)
		*rv = (long)done;
	return error;
}

/*
 * The application's pages are copied. Into a pipe goes what there is room for,
 * once there is any.
 */
int
sys_vmsplice(int fd, const struct iovec *iov, size_t count,
    unsigned int flags, long *rv)
{
	bool nonblock = (flags & SPLICE_F_NONBLOCK) != 0, in;
	struct uio_user uu;
	struct file *fp;
	off_t zero = 0;
	size_t n;
	int error;

	if ((flags & ~SPLICE_F_ALL) != 0)
		return EINVAL;
	error = fd_get(fd, &fp);
	if (error != 0)
		return error;
	in = (atomic_load_explicit(&fp->f_flags, memory_order_relaxed) &
	    O_ACCMODE) != O_RDONLY;
	if (in ? sink_pipe(fp) == NULL : source_pipe(fp) == NULL) {
		fd_put(fp);
		return EBADF;
	}
	error = uio_user_init(&uu, in ? UIO_WRITE : UIO_READ, iov,
	    (int)MIN(count, (size_t)INT32_MAX), 0);
	if (error == 0) {
		n = uu.uu_uio.uio_resid;
		if (n > 0)
			error = in ? pipe_write_some(fp->f_data, &uu.uu_uio,
			    nonblock || file_nonblock(fp)) :
			    pipe_read(fp, &zero, &uu.uu_uio,
			    nonblock ? RWF_NOWAIT : 0);
		n -= uu.uu_uio.uio_resid;
		if (n > 0)
			error = 0;
		*rv = error == 0 ? (long)n : 0;
		uio_user_fini(&uu);
	}
	fd_put(fp);
	return error;
}
