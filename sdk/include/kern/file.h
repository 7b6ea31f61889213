/* SPDX-License-Identifier: BSD-2-Clause */
/** @file file.h
 * Open files and descriptor tables.
 *
 * A struct file is an open file description: it lives while a descriptor
 * names it or somebody holds it (f_refs). A table of descriptors is shared by
 * processes or private; looking a descriptor up takes no lock.
 */
#ifndef KERN_FILE_H
#define KERN_FILE_H

#include <kern/epoch.h>
#include <kern/poll.h>
#include <kern/uio.h>
#include <linux/fcntl.h>
#include <asm/stat.h>

struct file;
struct lwp;

enum ftype { FT_VNODE, FT_PIPE, FT_EPOLL, FT_EVENTFD, FT_TIMERFD, FT_SIGNALFD,
	FT_SOCKET, FT_OTHER };

/**
 * A flag of fo_write beside the UAPI's RWF_*, for sockets only: more follows at
 * once (SPLICE_F_MORE, and sendfile() before its last piece).
 */
#define RWF_MORE 0x40000000

/**
 * What a kind of file does. NULL: the error of the call on such a file
 * (EINVAL for read and write, ESPIPE for seek, ENOTTY for ioctl; poll: always
 * ready). Called with a reference held and no lock.
 */
struct fileops {
	enum ftype fo_type;
	/**
	 * offp: the position; it is &fp->f_offset (f_offlock held) or the
	 * caller's own (pread), and is moved by what was transferred. Where
	 * fo_seek is NULL the file has no position: no lock is held, and
	 * *offp is 0. flags: RWF_* of the UAPI. What was transferred is what
	 * uio_resid lost; if it is more than nothing, an error is dropped.
	 */
	int (*fo_read)(struct file *fp, off_t *offp, struct uio *uio, int flags);
	int (*fo_write)(struct file *fp, off_t *offp, struct uio *uio, int flags);
	/**
	 * Write len bytes that it reads from another file, at *offp, which
	 * moves: where that saves a copy. flags: RWF_MORE. *donep: how many it
	 * were; an error only where that is 0. @return EOPNOTSUPP: not this one
	 */
	int (*fo_pull)(struct file *fp, struct file *in, off_t *offp,
	    size_t len, int flags, size_t *donep);
	/** f_offlock held; the caller makes *newp the new f_offset. */
	int (*fo_seek)(struct file *fp, off_t off, int whence, off_t *newp);
	int (*fo_ioctl)(struct file *fp, unsigned long cmd, void *arg);
	/** F_SETFL is about to change O_APPEND/O_NONBLOCK/... : may refuse. */
	int (*fo_setfl)(struct file *fp, int flags);
	/**
	 * The bits of events (POLL*), and POLLERR, POLLHUP, POLLNVAL, that are
	 * ready now. Where pe is not NULL, hang it on the object's pollhead
	 * first (poll_hang()), whatever is ready: later changes are edges.
	 */
	int (*fo_poll)(struct file *fp, int events, struct pollent *pe);
	/**
	 * fcntl() commands of its own: F_GETLK, F_SETLK, F_SETLKW and their
	 * F_OFD_ kin, F_GETLEASE, F_SETPIPE_SZ ... arg is the application's.
	 * NULL: EINVAL.
	 */
	int (*fo_fcntl)(struct file *fp, int cmd, void *arg, long *rv);
	int (*fo_stat)(struct file *fp, struct stat *st);
	/**
	 * A descriptor naming it was closed by a process (not the last
	 * reference): POSIX record locks go. May be NULL.
	 */
	void (*fo_closefd)(struct file *fp, struct proc *p);
	/** The last reference is gone. */
	int (*fo_close)(struct file *fp);
};

/*
 * I  immutable   o  f_offlock   a  atomic
 */
struct file {
	const struct fileops *f_ops;	/* [I] */
	void *f_data;			/* [I] the kind's own object */
	_Atomic uint32_t f_refs;	/* [a] */
	_Atomic int f_flags;		/* [a] O_* : access mode and status */
	off_t f_offset;			/* [o] */
	struct kmutex f_offlock;
	struct cred *f_cred;		/* [I] who opened it */
	_Atomic(void *) f_epoll;	/* [a] epoll's registrations of it */
	_Atomic(void *) f_async;	/* [a] who hears of readiness, or NULL */
	_Atomic(void *) f_flock;	/* [a] it has advisory locks: hint */
	struct epoch_entry f_epoch;
	/** A rump kernel's fast access for vnodes; else NULL. [I] */
	void *f_vnode;
};

static inline bool
file_readable(const struct file *fp)
{
	int acc = atomic_load_explicit(&fp->f_flags, memory_order_relaxed);

	return (acc & O_PATH) == 0 && (acc & O_ACCMODE) != O_WRONLY;
}

/** A new file, one reference, not in any table. @return ENFILE, ENOMEM */
int file_alloc(const struct fileops *ops, void *data, int flags,
    struct file **fpp);
struct file *file_hold(struct file *fp);
/** Drop a reference; the last one closes. Sleeps. */
int file_rele(struct file *fp);

/**
 * The file behind a descriptor of the calling process. @return EBADF.
 * fd_put() after use, on the same thread, before its system call returns.
 */
int fd_get(int fd, struct file **fpp);
void fd_put(struct file *fp);
/** As fd_get(); EBADF as well where the access mode forbids it. */
int fd_get_read(int fd, struct file **fpp);
int fd_get_write(int fd, struct file **fpp);

/**
 * Give a file the lowest free descriptor >= min; takes over the caller's
 * reference on success. flags: O_CLOEXEC. @return EMFILE, ENOMEM
 */
int fd_install(struct file *fp, int min, int flags, int *fdp);
/**
 * In two steps, for who must not fail after creating something: reserve a
 * number, then fill or cancel it.
 */
int fd_reserve(int min, int flags, int *fdp);
void fd_fill(int fd, struct file *fp);
void fd_cancel(int fd);
int fd_close(int fd);

/* Tables, for proc code. */
struct filedesc *filedesc_alloc(void);
struct filedesc *filedesc_copy(struct filedesc *fdp);	/* fork; NULL: memory */
struct filedesc *filedesc_share(struct filedesc *fdp);
void filedesc_rele(struct filedesc *fdp, struct proc *p);
/** Close those marked close-on-exec. */
void filedesc_exec(struct filedesc *fdp, struct proc *p);

#endif
