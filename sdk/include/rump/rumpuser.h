/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * @file rumpuser.h
 * The hypercalls: the whole contract between a rump kernel and the platform
 * it runs on.
 *
 * Down (kernel to platform): the plain functions below, chosen at link time.
 * A platform is a folder of files that define all of them. Up (platform to
 * kernel): the table of functions handed over in rumpuser_init().
 *
 * Rules for all of them:
 * - int results are 0 or a positive errno value of the Linux UAPI; results
 *   come through pointers and are written only on success.
 * - A string or buffer argument belongs to the caller and is not kept, unless
 *   the comment says so.
 * - "May block" means that the host may put the calling thread to sleep; all
 *   other hypercalls return promptly.
 * - Any thread may call any of them after rumpuser_init(); rumpuser_getparam()
 *   and the console may be used before it.
 * - Times are nanoseconds in an int64_t. RUMPUSER_FOREVER is no deadline.
 */
#ifndef RUMP_RUMPUSER_H
#define RUMP_RUMPUSER_H

#include <stddef.h>
#include <stdint.h>

/** Version of this contract; both sides must be built with the same. */
#define RUMPUSER_VERSION 1

#define RUMPUSER_FOREVER INT64_MAX

/**
 * What the platform calls in the kernel. Constant, owned by the kernel, valid
 * until the process ends.
 */
struct rumpuser_upcalls {
	/** RUMPUSER_VERSION the kernel was built with. */
	int up_version;
	/**
	 * A thread that called rumpuser_thread_attach(), or was made by
	 * rumpuser_thread_create(), is about to end. Called on that thread,
	 * while its thread-local storage is still there.
	 */
	void (*up_thread_exit)(void);
};

/**
 * Hand-shake; the first hypercall.
 *
 * @param up  the kernel's upcalls.
 * @return EPROTONOSUPPORT when the versions differ.
 */
int rumpuser_init(const struct rumpuser_upcalls *up);

/* ---- Parameters, termination, console -------------------------------- */

/** Number of CPUs the kernel may expect to run on, in decimal. */
#define RUMPUSER_PARAM_NCPU "_RUMPUSER_NCPU"
/** Bytes of memory that the kernel may use when nobody says, in decimal. */
#define RUMPUSER_PARAM_MEMSIZE "_RUMPUSER_MEMSIZE"
/** Host name that the kernel shall start with. */
#define RUMPUSER_PARAM_HOSTNAME "_RUMPUSER_HOSTNAME"

/**
 * Read a parameter of the kernel. On POSIX parameters are environment
 * variables (RUMP_*), apart from the names above.
 *
 * @param name    zero-terminated name.
 * @param buf     receives the zero-terminated value.
 * @param buflen  size of buf in bytes.
 * @return ENOENT when not set, E2BIG when buf is too small.
 */
int rumpuser_getparam(const char *name, void *buf, size_t buflen);

#define RUMPUSER_PANIC (-1)
/** End the process: with an exit status, or abnormally (RUMPUSER_PANIC). */
__attribute__((noreturn)) void rumpuser_exit(int status);

/** Write n bytes to the console. May block; errors are lost. */
void rumpuser_console_write(const char *s, size_t n);
/**
 * Read up to n bytes from the console. May block.
 * @param done  bytes read; 0 is the end of the input.
 */
int rumpuser_console_read(char *s, size_t n, size_t *done);

/** Set the calling host thread's errno (as seen by applications). */
void rumpuser_seterrno(int error);

/** Raise a host signal for the process that hosts the kernel. */
int rumpuser_raise(int signo);

/* ---- Memory ----------------------------------------------------------- */

/** The mapping is big and lives long: back it with huge pages if possible. */
#define RUMPUSER_MEM_HUGE 0x1

/**
 * Map zeroed memory.
 *
 * @param len    bytes, a multiple of 4096.
 * @param align  a power of two, at least 4096.
 * @return ENOMEM
 */
int rumpuser_mem_map(size_t len, size_t align, int flags, void **memp);
/** Give back a whole mapping. */
void rumpuser_mem_unmap(void *mem, size_t len);
/**
 * Give the physical memory behind a part of a mapping back to the host; the
 * range (4096-byte aligned) stays mapped and reads as zero afterwards.
 */
void rumpuser_mem_discard(void *mem, size_t len);

/** The host's malloc(), for kernels built with KMEM=host. Not zeroed. */
int rumpuser_malloc(size_t len, size_t align, void **memp);
/** Free what rumpuser_malloc() gave; NULL is ignored. */
void rumpuser_free(void *mem, size_t len);

/* ---- Threads ---------------------------------------------------------- */

/** The thread will be joined; without it, it is detached. */
#define RUMPUSER_THREAD_JOINABLE 0x1

/**
 * Start a host thread that runs fn(arg); it ends when fn returns, after
 * up_thread_exit. All host signals are blocked in it, but those that the host
 * raises for the thread's own faults.
 *
 * @param name     for debuggers; truncated to what the host can show.
 * @param cookiep  receives the handle for rumpuser_thread_join(); may be NULL
 *                 for a detached thread.
 * @return EAGAIN, ENOMEM
 */
int rumpuser_thread_create(void (*fn)(void *), void *arg, const char *name,
    int flags, void **cookiep);
/** Wait until a joinable thread has ended. May block. Frees the handle. */
int rumpuser_thread_join(void *cookie);
/** Let another runnable thread have the CPU. */
void rumpuser_thread_yield(void);
/**
 * The calling host thread (not made by rumpuser_thread_create()) has entered
 * the kernel for the first time: up_thread_exit is called when it ends, and a
 * virtual clock in automatic mode counts it among the threads that run.
 */
int rumpuser_thread_attach(void);

/**
 * Sleep while *word == expected.
 *
 * May return at any time without cause; callers loop. May block.
 *
 * @param word      naturally aligned, in the kernel's own memory.
 * @param deadline  on RUMPUSER_CLOCK_MONO; RUMPUSER_FOREVER for none.
 * @return 0 when woken, or *word differed; ETIMEDOUT
 */
int rumpuser_park(const uint32_t *word, uint32_t expected, int64_t deadline);
/** Wake up to n threads parked on word. */
void rumpuser_unpark(const uint32_t *word, uint32_t n);

/* ---- Time and randomness ---------------------------------------------- */

enum rumpuser_clock {
	RUMPUSER_CLOCK_MONO,	/**< never steps; parks are measured by it */
	RUMPUSER_CLOCK_REAL,	/**< since 1970-01-01 UTC */
	RUMPUSER_CLOCK_REAL_COARSE /**< the same, up to 10 ms late: cheaper */
};

/** Read a clock. Does not enter the host's kernel where that is possible. */
int64_t rumpuser_clock(enum rumpuser_clock which);

/**
 * Move a virtual clock ahead and wake the threads whose deadline has come.
 * The clock is chosen at boot by the parameter RUMP_CLOCK: "real" (default),
 * "virtual" (stands still but for this call), or "virtual-auto" (as that; it
 * also jumps to the next deadline when every attached and every created
 * thread is parked and no bio is under way).
 *
 * @return EPERM when the clock is the real one, EINVAL for ns < 0.
 */
int rumpuser_clock_advance(int64_t ns);

/**
 * Fill buf with random bytes: the host's, or, where the parameter RUMP_SEED
 * (a number) is set, a sequence determined by it. May block early after the
 * host's boot.
 */
int rumpuser_getrandom(void *buf, size_t len);

/* ---- Files ------------------------------------------------------------ */

enum rumpuser_ftype {
	RUMPUSER_FT_OTHER,
	RUMPUSER_FT_REG,
	RUMPUSER_FT_DIR,
	RUMPUSER_FT_BLK,
	RUMPUSER_FT_CHR,
	RUMPUSER_FT_LNK
};

struct rumpuser_fileinfo {
	uint64_t fi_size;	/**< bytes; the capacity for a block device */
	uint64_t fi_ino;
	uint64_t fi_dev;
	int64_t fi_mtime;	/**< ns since 1970 */
	enum rumpuser_ftype fi_type;
	uint32_t fi_mode;	/**< permission bits 07777 */
	uint32_t fi_blksize;	/**< logical sector size of a block device, or
				     the preferred I/O size */
};

/** Examine a host path; a symbolic link in its last part is followed. May block. */
int rumpuser_stat(const char *path, struct rumpuser_fileinfo *fi);

#define RUMPUSER_OPEN_READ	0x01
#define RUMPUSER_OPEN_WRITE	0x02
#define RUMPUSER_OPEN_CREATE	0x04	/**< mode 0644 where it is not there */
#define RUMPUSER_OPEN_EXCL	0x08
#define RUMPUSER_OPEN_LOCK	0x10	/**< exclusive lock of the whole file,
					     kept until close; EBUSY when
					     somebody else, in this process or
					     another, has it, or, when writing
					     to a block device, the host has
					     it mounted */
#define RUMPUSER_OPEN_BIO	0x20	/**< for rumpuser_bio_*: regular files
					     and block devices only (ENOTBLK) */
#define RUMPUSER_OPEN_NOFOLLOW	0x40	/**< ELOOP where the last part of the path
					     is a symbolic link */
/**
 * Open a host file. May block.
 * @param fdp  receives a handle for the calls below; closed on exec.
 */
int rumpuser_open(const char *path, int flags, int *fdp);
int rumpuser_close(int fd);
int rumpuser_fstat(int fd, struct rumpuser_fileinfo *fi);
int rumpuser_ftruncate(int fd, uint64_t size);

/** One piece of memory; laid out like the host's struct iovec. */
struct rumpuser_iovec {
	void *iov_base;
	size_t iov_len;
};
#define RUMPUSER_IOV_MAX 1024
#define RUMPUSER_OFF_STREAM (-1)	/**< use and move the file's offset */

/**
 * Read or write synchronously at an offset (bytes). Short transfers are
 * continued until the end of the file, an error, or, for a stream, the first
 * successful transfer. May block.
 * @param done  bytes transferred (also written when that is not all).
 */
int rumpuser_readv(int fd, const struct rumpuser_iovec *iov, int iovcnt,
    int64_t off, size_t *done);
int rumpuser_writev(int fd, const struct rumpuser_iovec *iov, int iovcnt,
    int64_t off, size_t *done);
/** Make what was written durable (data and size; not other metadata). May block. */
int rumpuser_fdatasync(int fd);

/**
 * Read a host directory: fn is called for each entry but "." and ".." until
 * it returns non-zero, which is then returned. May block.
 */
int rumpuser_readdir(const char *path,
    int (*fn)(void *arg, const char *name, uint64_t ino,
    enum rumpuser_ftype type), void *arg);

/* ---- Asynchronous block I/O ------------------------------------------- */

enum rumpuser_bio_op {
	RUMPUSER_BIO_READ,
	RUMPUSER_BIO_WRITE,
	RUMPUSER_BIO_SYNC,	/**< as rumpuser_fdatasync(), of all writes
				     completed before its submission */
	RUMPUSER_BIO_DISCARD,	/**< the range's contents are not needed; it
				     may read as zero or as before */
	RUMPUSER_BIO_ZERO	/**< the range reads as zero afterwards; past
				     the end of a file, that makes it longer */
};

/**
 * One request. The caller owns it; from submission to the call of rb_done it
 * belongs to the platform, with the iovec array and the memory behind it.
 */
struct rumpuser_bio {
	enum rumpuser_bio_op rb_op;
	int rb_fd;
	int rb_iovcnt;			/**< READ, WRITE: 1..RUMPUSER_IOV_MAX */
	const struct rumpuser_iovec *rb_iov;
	uint64_t rb_off;		/**< bytes */
	uint64_t rb_len;		/**< DISCARD, ZERO: bytes */
	/**
	 * Called exactly once, with the bytes transferred and 0 or an errno.
	 * A read past the end of the file is short with error 0. Runs on a
	 * thread of the platform, or on one inside rumpuser_bio_submit() or
	 * rumpuser_bio_wait(): it takes only locks that are never held over
	 * those, does not block, and may submit.
	 */
	void (*rb_done)(struct rumpuser_bio *rb, size_t done, int error);
	struct rumpuser_bio *rb_next;	/**< platform's while submitted */
	uint64_t rb_priv[4];		/**< platform's while submitted */
};

/**
 * Submit n requests in one go. They may complete in any order. Never fails:
 * what can't be started completes with an error. May block while the queue is
 * full.
 */
void rumpuser_bio_submit(struct rumpuser_bio *const *rbs, int n);
/**
 * Drive completions on the calling thread while *word == expected, instead of
 * sleeping for the platform's thread to do so: one wake-up less a request. As
 * rumpuser_park() otherwise, and correct to replace by it.
 */
int rumpuser_bio_wait(const uint32_t *word, uint32_t expected,
    int64_t deadline);

/* ---- Process ---------------------------------------------------------- */

/**
 * Turn the process into a daemon. begin() forks before the kernel is started
 * and keeps the parent waiting; done() lets the parent exit, with status 0 or
 * with error reported. @return EINVAL in a wrong order.
 */
int rumpuser_daemonize_begin(void);
int rumpuser_daemonize_done(int error);

/** Load a shared library with components; they register themselves. May block. */
int rumpuser_dl_load(const char *path, void **handlep);
/** Unload it. */
int rumpuser_dl_unload(void *handle);
/** Look up a symbol in a loaded library, or in the program (handle NULL). */
int rumpuser_dl_symbol(void *handle, const char *name, void **symp);

/* ---- Transport of the system call proxy ------------------------------- */

/**
 * Streams between a rump kernel and its clients. URLs: "unix://path",
 * "tcp://address:port/". All but close may block; close makes the others
 * return ECONNABORTED.
 */
int rumpuser_sp_listen(const char *url, int *fdp);
int rumpuser_sp_accept(int fd, int *newfdp);
int rumpuser_sp_connect(const char *url, int *fdp);
/** Receive at most len bytes; done 0 is the end of the stream. */
int rumpuser_sp_recv(int fd, void *buf, size_t len, size_t *done);
/** Send all of it. A peer that is gone is EPIPE, never a signal. */
int rumpuser_sp_sendv(int fd, const struct rumpuser_iovec *iov, int iovcnt);
void rumpuser_sp_close(int fd);

#endif /* RUMP_RUMPUSER_H */
