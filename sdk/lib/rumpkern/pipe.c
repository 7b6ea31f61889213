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

#include "pipe_private.h"
#include "poll_private.h"
#include "proc_private.h"
#include "sysproto.h"

#define PIPE_SIZE	65536u		/* as Linux */
#define PIPE_SIZE_MIN	((unsigned)PAGE_SIZE)
#define PIPE_SIZE_MAX	(1u << 20)	/* without privilege */
#define PIPE_SIZE_ROOT	(1u << 31)

/* Splicing holds two, in the order of their addresses. */
static struct lock_class pipe_lc = LOCK_CLASS("pipe", LC_NESTS);
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
int
pipe_grow(struct pipe *pi, size_t n)
{
	unsigned cap = MAX(pi->pi_cap, PIPE_SIZE_MIN);

	while (cap - pi->pi_used - pi->pi_promised < n && cap < pi->pi_size)
		cap *= 2;
	return cap > pi->pi_cap ? ring_resize(pi, cap) : 0;
}

/* Copy the next n bytes, which there are, and leave them. */
static int
ring_copy(struct pipe *pi, size_t n, struct uio *uio)
{
	size_t first = MIN(n, pi->pi_cap - pi->pi_out);
	int error;

	error = uiomove(pi->pi_buf + pi->pi_out, first, uio);
	if (error == 0 && first < n)
		error = uiomove(pi->pi_buf, n - first, uio);
	return error;
}

static void
ring_drop(struct pipe *pi, size_t n)
{
	pi->pi_used -= (unsigned)n;
	pi->pi_out = pi->pi_used == 0 ? 0 :
	    (pi->pi_out + (unsigned)n) & (pi->pi_cap - 1);
}

int
pipe_append(struct pipe *pi, struct uio *uio)
{
	unsigned in, room;
	size_t n;
	int error;

	error = pipe_grow(pi, uio->uio_resid);
	/* It does with what it has, if that is something. */
	if (error != 0 && pi->pi_used + pi->pi_promised == pi->pi_cap)
		return error;
	while (uio->uio_resid > 0 &&
	    (room = pi->pi_cap - pi->pi_used - pi->pi_promised) > 0) {
		in = (pi->pi_out + pi->pi_used) & (pi->pi_cap - 1);
		n = MIN(room, pi->pi_cap - in);
		n = MIN(n, uio->uio_resid);
		error = uiomove(pi->pi_buf + in, n, uio);
		if (error != 0)
			return error;
		pi->pi_used += (unsigned)n;
		pi->pi_plain += (unsigned)n;
	}
	return 0;
}

void
pipe_peek(struct pipe *pi, char *buf, size_t n)
{
	size_t first = MIN(n, pi->pi_cap - pi->pi_out);

	memcpy(buf, pi->pi_buf + pi->pi_out, first);
	memcpy(buf + first, pi->pi_buf, n - first);
}

int
pipe_transfer(struct pipe *from, struct pipe *to, size_t n, size_t *donep)
{
	size_t first = MIN(n, from->pi_cap - from->pi_out);
	struct iovec iov[2] = {
		{ from->pi_buf + from->pi_out, first },
		{ from->pi_buf, n - first },
	};
	struct uio uio = { .uio_iov = iov, .uio_iovcnt = 2, .uio_resid = n,
	    .uio_rw = UIO_WRITE };
	int error;

	error = pipe_append(to, &uio);
	*donep = n - uio.uio_resid;
	return *donep > 0 ? 0 : error;
}

/* ---- Packets ---------------------------------------------------------- */

static struct packet *
packet_first(struct pipe *pi)
{
	return list_empty(&pi->pi_packets) ? NULL :
	    list_first(&pi->pi_packets, struct packet, pk_link);
}

static void
packet_free(struct pipe *pi, struct packet *pk)
{
	list_remove(&pk->pk_link);
	pi->pi_npackets--;
	kmem_free(pk, sizeof(*pk));
}

/* Make the last n bytes, which are plain, a packet. */
static void
packet_add(struct pipe *pi, struct packet *pk, unsigned n)
{
	pk->pk_len = n;
	pk->pk_before = pi->pi_plain - n;
	pi->pi_plain = 0;
	list_node_init(&pk->pk_link);
	list_insert_tail(&pi->pi_packets, &pk->pk_link);
	pi->pi_npackets++;
}

void
pipe_consume(struct pipe *pi, size_t n)
{
	struct packet *pk;
	size_t part;

	ring_drop(pi, n);
	while (n > 0 && (pk = packet_first(pi)) != NULL) {
		part = MIN(n, pk->pk_before);
		pk->pk_before -= (unsigned)part;
		n -= part;
		part = MIN(n, pk->pk_len);
		pk->pk_len -= (unsigned)part;
		n -= part;
		if (pk->pk_len == 0)
			packet_free(pi, pk);
	}
	pi->pi_plain -= (unsigned)n;
}

/*
 * Give the reader what there is: up to the end of the first packet, of which
 * it loses what it has no room for.
 */
static int
ring_read(struct pipe *pi, struct uio *uio)
{
	struct packet *pk = packet_first(pi);
	size_t all = pk == NULL ? pi->pi_used : pk->pk_before + pk->pk_len;
	size_t n = MIN(all, uio->uio_resid), resid = uio->uio_resid;
	int error;

	error = ring_copy(pi, n, uio);
	if (error == 0 && pk != NULL && n > pk->pk_before)
		pipe_consume(pi, all);
	else
		pipe_consume(pi, resid - uio->uio_resid);
	return error;
}

/* ---- Reading and writing ---------------------------------------------- */

static bool
nonblocking(struct file *fp, int flags)
{
	return (atomic_load_explicit(&fp->f_flags, memory_order_relaxed) &
	    O_NONBLOCK) != 0 || (flags & RWF_NOWAIT) != 0;
}

int
pipe_wait_data(struct pipe *pi, bool nonblock)
{
	int error = 0;

	while (((pi->pi_used == 0 && pi->pi_writer) || pi->pi_taken) &&
	    error == 0)
		error = nonblock ? EAGAIN :
		    cv_wait_sig(&pi->pi_rcv, &pi->pi_lock);
	return error;
}

void
pipe_was_read(struct pipe *pi, bool was_full, bool more, bool writers)
{
	/* A wake-up that a signal made useless, or more for another. */
	if (more)
		cv_signal(&pi->pi_rcv);
	if (writers)
		cv_broadcast(&pi->pi_wcv);
	if (was_full)
		poll_notify(&pi->pi_whead, POLLOUT | POLLWRNORM);
}

int
pipe_read(struct file *fp, off_t *offp __maybe_unused, struct uio *uio,
    int flags)
{
	struct pipe *pi = fp->f_data;
	bool was_full = false, more = false, writers = false;
	int error;

	if (uio->uio_resid == 0)
		return 0;
	mutex_enter(&pi->pi_lock);
	error = pipe_wait_data(pi, nonblocking(fp, flags));
	if (error == 0 && pi->pi_used > 0) {
		was_full = pipe_room(pi, true) < PIPE_BUF;
		error = ring_read(pi, uio);
		more = pi->pi_used > 0;
		writers = pi->pi_writers > 0;
	}
	mutex_exit(&pi->pi_lock);
	pipe_was_read(pi, was_full, more, writers);
	return error;
}

int
pipe_wait_room(struct pipe *pi, size_t n, bool packet, bool nonblock)
{
	int error = 0;

	while (pi->pi_reader && pipe_room(pi, packet) < n && error == 0) {
		if (nonblock)
			return EAGAIN;
		pi->pi_writers++;
		error = cv_wait_sig(&pi->pi_wcv, &pi->pi_lock);
		pi->pi_writers--;
	}
	return pi->pi_reader ? error : EPIPE;
}

void
pipe_was_written(struct pipe *pi, bool was_empty)
{
	if (was_empty)
		cv_signal(&pi->pi_rcv);
	/* Each write is an edge, also where there were bytes. */
	poll_notify(&pi->pi_rhead, POLLIN | POLLRDNORM);
}

/* One piece, of which there is room for room bytes at least. */
static int
write_piece(struct pipe *pi, struct uio *uio, size_t room, bool nonblock)
{
	bool was_empty;
	int error;

	mutex_enter(&pi->pi_lock);
	error = pipe_wait_room(pi, room, false, nonblock);
	if (error != 0) {
		mutex_exit(&pi->pi_lock);
		return error;
	}
	was_empty = pi->pi_used == 0;
	error = pipe_append(pi, uio);
	was_empty &= pi->pi_used > 0;
	mutex_exit(&pi->pi_lock);
	pipe_was_written(pi, was_empty);
	return error;
}

int
pipe_write_some(struct pipe *pi, struct uio *uio, bool nonblock)
{
	int error;

	error = write_piece(pi, uio, 1, nonblock);
	if (error == EPIPE)
		signal_post_self(SIGPIPE);
	return error;
}

/* pipe(2), O_DIRECT: n bytes, PIPE_BUF at most, to be read at once. */
static int
write_packet(struct pipe *pi, struct uio *uio, size_t n, bool nonblock)
{
	size_t rest = uio->uio_resid - n;
	bool was_empty = false;
	struct packet *pk;
	unsigned used;
	int error;

	pk = kmem_alloc(sizeof(*pk), 0);
	if (pk == NULL)
		return ENOMEM;
	mutex_enter(&pi->pi_lock);
	error = pipe_wait_room(pi, n, true, nonblock);
	if (error == 0)
		error = pipe_grow(pi, n);
	if (error == 0) {
		used = pi->pi_used;
		was_empty = used == 0;
		uio->uio_resid = n;
		error = pipe_append(pi, uio);
		uio->uio_resid += rest;
		if (pi->pi_used > used) {
			packet_add(pi, pk, pi->pi_used - used);
			pk = NULL;
		}
	}
	mutex_exit(&pi->pi_lock);
	if (pk == NULL)
		pipe_was_written(pi, was_empty);
	kmem_free(pk, sizeof(*pk));
	return error;
}

int
pipe_write(struct file *fp, off_t *offp __maybe_unused, struct uio *uio,
    int flags)
{
	struct pipe *pi = fp->f_data;
	/* Up to PIPE_BUF bytes go in one piece. */
	size_t room = uio->uio_resid <= PIPE_BUF ? uio->uio_resid : 1;
	bool packets = (atomic_load_explicit(&fp->f_flags,
	    memory_order_relaxed) & O_DIRECT) != 0;
	int error = 0;

	while (uio->uio_resid > 0 && error == 0)
		error = __unlikely(packets) ?
		    write_packet(pi, uio, MIN(uio->uio_resid, (size_t)PIPE_BUF),
		    nonblocking(fp, flags)) :
		    write_piece(pi, uio, room, nonblocking(fp, flags));
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
	if (pipe_room(pi, true) >= PIPE_BUF)
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
	else if (size < pi->pi_used + pi->pi_promised)
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
	struct packet *pk;

	while ((pk = packet_first(pi)) != NULL)
		packet_free(pi, pk);
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

/* Packets come and go with O_DIRECT. */
static int
pipe_setfl(struct file *fp __maybe_unused, int flags __maybe_unused)
{
	return 0;
}

static const struct fileops pipe_rops = {
	.fo_type = FT_PIPE,
	.fo_read = pipe_read,
	.fo_setfl = pipe_setfl,
	.fo_ioctl = pipe_ioctl,
	.fo_poll = pipe_rpoll,
	.fo_fcntl = pipe_fcntl,
	.fo_stat = pipe_stat,
	.fo_close = pipe_close,
};

static const struct fileops pipe_wops = {
	.fo_type = FT_PIPE,
	.fo_write = pipe_write,
	.fo_setfl = pipe_setfl,
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
	list_init(&pi->pi_packets);
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
	error = file_alloc(&pipe_rops, pi, O_RDONLY | (flags & O_NONBLOCK),
	    &fps[0]);
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

	/* Notification pipes (O_EXCL) are not there. */
	if ((flags & ~(O_CLOEXEC | O_NONBLOCK | O_DIRECT)) != 0)
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
