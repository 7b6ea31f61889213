/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The conformance list of file systems: what every one must do, written once
 * (conf_*.c) and run by a driver for each (t_conf_*.c), which includes
 * conf_list.h. All calls go through a table, so that the host's kernel can be
 * asked the same questions (t_conf_host.c): it says whether the expectations
 * are right.
 *
 * A case runs in an empty directory of its own, which is the current one. Its
 * name is its claim.
 */
#ifndef CONF_H
#define CONF_H

#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>
#include <linux/falloc.h>

#include "test.h"

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE	1
#define RENAME_EXCHANGE		2
#define RENAME_WHITEOUT		4
#endif

/* The calls: X(result, name, (parameters), (arguments)). */
#define CONF_CALLS(X)							\
X(int, openat, (int d, const char *p, int f, mode_t m), (d, p, f, m))	\
X(int, close, (int fd), (fd))						\
X(int, dup, (int fd), (fd))						\
X(ssize_t, read, (int fd, void *b, size_t n), (fd, b, n))		\
X(ssize_t, write, (int fd, const void *b, size_t n), (fd, b, n))	\
X(ssize_t, pread, (int fd, void *b, size_t n, off_t o), (fd, b, n, o))	\
X(ssize_t, pwrite, (int fd, const void *b, size_t n, off_t o),		\
    (fd, b, n, o))							\
X(ssize_t, readv, (int fd, const struct iovec *v, int c), (fd, v, c))	\
X(ssize_t, writev, (int fd, const struct iovec *v, int c), (fd, v, c))	\
X(off_t, lseek, (int fd, off_t o, int w), (fd, o, w))			\
X(int, fcntl, (int fd, int c, void *a), (fd, c, a))			\
X(int, fstat, (int fd, struct stat *s), (fd, s))			\
X(int, fstatat, (int d, const char *p, struct stat *s, int f),		\
    (d, p, s, f))							\
X(int, statx, (int d, const char *p, int f, unsigned m,			\
    struct statx *s), (d, p, f, m, s))					\
X(int, faccessat, (int d, const char *p, int m, int f), (d, p, m, f))	\
X(int, renameat2, (int d, const char *p, int e, const char *q,		\
    unsigned f), (d, p, e, q, f))					\
X(int, linkat, (int d, const char *p, int e, const char *q, int f),	\
    (d, p, e, q, f))							\
X(int, unlinkat, (int d, const char *p, int f), (d, p, f))		\
X(int, symlinkat, (const char *t, int d, const char *p), (t, d, p))	\
X(ssize_t, readlinkat, (int d, const char *p, char *b, size_t n),	\
    (d, p, b, n))							\
X(int, mkdirat, (int d, const char *p, mode_t m), (d, p, m))		\
X(int, mknodat, (int d, const char *p, mode_t m, dev_t r), (d, p, m, r)) \
X(int, chdir, (const char *p), (p))					\
X(int, fchdir, (int fd), (fd))						\
X(int, fchmodat, (int d, const char *p, mode_t m, int f), (d, p, m, f)) \
X(int, fchmod, (int fd, mode_t m), (fd, m))				\
X(int, fchownat, (int d, const char *p, uid_t u, gid_t g, int f),	\
    (d, p, u, g, f))							\
X(int, fchown, (int fd, uid_t u, gid_t g), (fd, u, g))			\
X(int, utimensat, (int d, const char *p, const struct timespec *t,	\
    int f), (d, p, t, f))						\
X(int, futimens, (int fd, const struct timespec *t), (fd, t))		\
X(int, truncate, (const char *p, off_t n), (p, n))			\
X(int, ftruncate, (int fd, off_t n), (fd, n))				\
X(int, fallocate, (int fd, int m, off_t o, off_t n), (fd, m, o, n))	\
X(ssize_t, copy_file_range, (int i, off_t *io, int o, off_t *oo,	\
    size_t n, unsigned f), (i, io, o, oo, n, f))			\
X(ssize_t, getdents64, (int fd, void *b, size_t n), (fd, b, n))		\
X(int, fsync, (int fd), (fd))						\
X(int, fdatasync, (int fd), (fd))					\
X(int, syncfs, (int fd), (fd))						\
X(int, flock, (int fd, int op), (fd, op))				\
X(mode_t, umask, (mode_t m), (m))					\
X(int, setxattr, (const char *p, const char *k, const void *v,		\
    size_t n, int f), (p, k, v, n, f))					\
X(int, lsetxattr, (const char *p, const char *k, const void *v,		\
    size_t n, int f), (p, k, v, n, f))					\
X(int, fsetxattr, (int fd, const char *k, const void *v, size_t n,	\
    int f), (fd, k, v, n, f))						\
X(ssize_t, getxattr, (const char *p, const char *k, void *v, size_t n),	\
    (p, k, v, n))							\
X(ssize_t, fgetxattr, (int fd, const char *k, void *v, size_t n),	\
    (fd, k, v, n))							\
X(ssize_t, listxattr, (const char *p, char *b, size_t n), (p, b, n))	\
X(int, removexattr, (const char *p, const char *k), (p, k))		\
X(int, statfs, (const char *p, struct statfs *s), (p, s))		\
X(int, fstatfs, (int fd, struct statfs *s), (fd, s))

struct conf_sys {
#define X(ret, name, params, args) ret (*name) params;
	CONF_CALLS(X)
#undef X
	void (*sync)(void);
	/** Act as somebody else from here on; as_root() ends it. */
	int (*become)(uid_t uid, gid_t gid, const gid_t *groups, size_t n);
	int (*as_root)(void);
};

/* What a file system can do, where not all can. */
#define CF_TMPFILE	0x0001
#define CF_XATTR	0x0002		/* user., trusted., security. */
#define CF_EXCHANGE	0x0004
#define CF_WHITEOUT	0x0008
#define CF_FALLOC	0x0010		/* preallocation, KEEP_SIZE */
#define CF_PUNCH	0x0020
#define CF_ZERORANGE	0x0040
#define CF_BTIME	0x0080
#define CF_SEEKHOLE	0x0100		/* finds holes */
#define CF_LIMITS	0x0200		/* cf_small */
#define CF_REMOUNT	0x0400		/* cf_readonly */
#define CF_EXACT	0x0800		/* space is accounted page by page */

struct conf_fs {
	const char *cf_name;
	unsigned cf_caps;		/* CF_* */
	const char *cf_root;		/* where it is mounted */
	const char *cf_other;		/* a directory of another mount */
	uint64_t cf_maxsize;		/* no file can be larger */
	int64_t cf_mintime, cf_maxtime;	/* seconds that can be stored */
	long cf_gran;			/* ns between time stamps */
	unsigned cf_maxlinks;		/* 0: too many to try */
	/** Mount a small one of bytes and files; returns its root or NULL. */
	const char *(*cf_small)(uint64_t bytes, uint64_t nodes);
	void (*cf_small_done)(void);
	/** Remount cf_root. */
	int (*cf_readonly)(bool ro);
	/**
	 * Look at it from outside when nothing is in it but an empty
	 * directory "case", and nothing is in use; false: it is not in order.
	 */
	bool (*cf_check)(void);
};

static const struct conf_sys *sys;
static const struct conf_fs *fs;

/* ---- What cases are written with --------------------------------------- */

static void __attribute__((noreturn, format(printf, 3, 4)))
conf_fail(const char *file, int line, const char *fmt, ...)
{
	char buf[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	print_error("%s: %s\n", fs->cf_name, buf);
	_fail(file, line);
	abort();
}

static inline long
conf_ok(long r, const char *call, const char *file, int line)
{

	if (r == -1)
		conf_fail(file, line, "%s: %s", call, strerrorname_np(errno));
	return r;
}

/* The call succeeds; its result. */
#define ok(call) conf_ok((long)(call), #call, __FILE__, __LINE__)

/* The call fails, and for this reason. */
#define fails(call, error) do {						\
	long f_r_ = (long)(call);					\
	int f_e_ = errno;						\
	if (f_r_ != -1)							\
		conf_fail(__FILE__, __LINE__, "%s: %ld, not %s", #call,	\
		    f_r_, #error);					\
	if (f_e_ != (error))						\
		conf_fail(__FILE__, __LINE__, "%s: %s, not %s", #call,	\
		    strerrorname_np(f_e_), #error);			\
} while (0)

#define eq(a, b) do {							\
	long long e_a_ = (long long)(a), e_b_ = (long long)(b);		\
	if (e_a_ != e_b_)						\
		conf_fail(__FILE__, __LINE__, "%s is %lld, not %lld (%s)", \
		    #a, e_a_, e_b_, #b);				\
} while (0)

#define is(e) do {							\
	if (!(e))							\
		conf_fail(__FILE__, __LINE__, "not so: %s", #e);	\
} while (0)

/* cmocka's skip() reads as a failure in TAP. */
#define needs(cap) do {							\
	if ((fs->cf_caps & (cap)) == 0)					\
		return;							\
} while (0)

static inline int
open_(const char *p, int flags, mode_t mode)
{

	return sys->openat(AT_FDCWD, p, flags, mode);
}

static inline int
mkdir_(const char *p, mode_t mode)
{

	return sys->mkdirat(AT_FDCWD, p, mode);
}

static inline int
rename_(const char *p, const char *q)
{

	return sys->renameat2(AT_FDCWD, p, AT_FDCWD, q, 0);
}

static inline int
rename2_(const char *p, const char *q, unsigned flags)
{

	return sys->renameat2(AT_FDCWD, p, AT_FDCWD, q, flags);
}

static inline int
link_(const char *p, const char *q)
{

	return sys->linkat(AT_FDCWD, p, AT_FDCWD, q, 0);
}

static inline int
unlink_(const char *p)
{

	return sys->unlinkat(AT_FDCWD, p, 0);
}

static inline int
rmdir_(const char *p)
{

	return sys->unlinkat(AT_FDCWD, p, AT_REMOVEDIR);
}

static inline int
symlink_(const char *t, const char *p)
{

	return sys->symlinkat(t, AT_FDCWD, p);
}

static inline int
chmod_(const char *p, mode_t mode)
{

	return sys->fchmodat(AT_FDCWD, p, mode, 0);
}

static inline int
chown_(const char *p, uid_t uid, gid_t gid)
{

	return sys->fchownat(AT_FDCWD, p, uid, gid, 0);
}

static inline int
stat_(const char *p, struct stat *st)
{

	return sys->fstatat(AT_FDCWD, p, st, 0);
}

static inline int
lstat_(const char *p, struct stat *st)
{

	return sys->fstatat(AT_FDCWD, p, st, AT_SYMLINK_NOFOLLOW);
}

static inline int
access_(const char *p, int mode)
{

	return sys->faccessat(AT_FDCWD, p, mode, 0);
}

/* Make a file with this text. */
static inline void
put(const char *p, const char *text)
{
	int fd = ok(open_(p, O_WRONLY | O_CREAT | O_TRUNC, 0644));
	size_t n = strlen(text);

	eq(ok(sys->write(fd, text, n)), n);
	ok(sys->close(fd));
}

/* Does the file have this text? */
static inline bool
has(const char *p, const char *text)
{
	char buf[256];
	int fd = ok(open_(p, O_RDONLY, 0));
	ssize_t n = ok(sys->read(fd, buf, sizeof(buf)));

	ok(sys->close(fd));
	return (size_t)n == strlen(text) && memcmp(buf, text, (size_t)n) == 0;
}

static inline struct stat
st_of(const char *p)
{
	struct stat st;

	ok(lstat_(p, &st));
	return st;
}

static inline struct stat
st_fd(int fd)
{
	struct stat st;

	ok(sys->fstat(fd, &st));
	return st;
}

static inline bool
exists(const char *p)
{
	struct stat st;

	if (lstat_(p, &st) == 0)
		return true;
	eq(errno, ENOENT);
	return false;
}

#define ino_of(p)	(st_of(p).st_ino)
#define nlink_of(p)	(st_of(p).st_nlink)
#define size_of(p)	(st_of(p).st_size)
#define mode_of(p)	(st_of(p).st_mode & 07777)

/* Long enough that a time stamp is another one. */
static inline void
nap(void)
{
	struct timespec ts = { .tv_nsec = 20000000 };

	nanosleep(&ts, NULL);
}

static inline void
become(uid_t uid, gid_t gid)
{

	ok(sys->become(uid, gid, NULL, 0));
}

static inline void
as_root(void)
{

	ok(sys->as_root());
}

/* A directory's names, without the dots; fn may be NULL. Returns how many. */
static inline size_t
each_name(int fd, void (*fn)(void *arg, const struct dirent64 *de), void *arg)
{
	_Alignas(struct dirent64) char buf[4096];
	struct dirent64 *de;
	size_t count = 0;
	ssize_t n, off;

	while ((n = ok(sys->getdents64(fd, buf, sizeof(buf)))) > 0) {
		for (off = 0; off < n; off += de->d_reclen) {
			de = (struct dirent64 *)(void *)(buf + off);
			if (strcmp(de->d_name, ".") == 0 ||
			    strcmp(de->d_name, "..") == 0)
				continue;
			count++;
			if (fn != NULL)
				fn(arg, de);
		}
	}
	return count;
}

static inline size_t
count_names(const char *p)
{
	int fd = ok(open_(p, O_RDONLY | O_DIRECTORY, 0));
	size_t n = each_name(fd, NULL, NULL);

	ok(sys->close(fd));
	return n;
}

/*
 * Remove what a directory has in it; depth does not matter, not even to the
 * stack of a program built with sanitizers.
 */
static void
empty_dir(int dfd)
{
	enum { SIZE = 1024 };
	char *buf = malloc(SIZE);
	struct dirent64 *de;
	ssize_t n, off;
	int fd;

	while (buf != NULL &&
	    (n = sys->getdents64(dfd, buf, SIZE)) > 0) {
		for (off = 0; off < n; off += de->d_reclen) {
			de = (struct dirent64 *)(void *)(buf + off);
			if (strcmp(de->d_name, ".") == 0 ||
			    strcmp(de->d_name, "..") == 0)
				continue;
			if (sys->unlinkat(dfd, de->d_name, 0) == 0 ||
			    (errno != EISDIR && errno != EPERM))
				continue;
			if (sys->unlinkat(dfd, de->d_name, AT_REMOVEDIR) == 0)
				continue;
			fd = sys->openat(dfd, de->d_name,
			    O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
			if (fd == -1)
				continue;
			empty_dir(fd);
			sys->close(fd);
			sys->unlinkat(dfd, de->d_name, AT_REMOVEDIR);
		}
	}
	free(buf);
}

static int conf_firstfd;		/* what a case opens comes from here on */
static bool conf_in_small, conf_is_ro;

static inline int
conf_setup(void **state)
{
	(void)state;
	sys->umask(022);
	conf_firstfd = open_("/", O_RDONLY, 0);
	sys->close(conf_firstfd);
	if (sys->chdir(fs->cf_root) != 0 || mkdir_("case", 0777) != 0 ||
	    sys->chdir("case") != 0) {
		print_error("%s: cannot set up: %s\n", fs->cf_name,
		    strerror(errno));
		return -1;
	}
	return 0;
}

/* After a failed case too: whoever it acted as, and wherever it stood. */
static inline int
conf_teardown(void **state)
{
	int fd;

	(void)state;
	sys->as_root();
	sys->umask(022);
	for (fd = conf_firstfd; fd < conf_firstfd + 32; fd++)
		sys->close(fd);
	if (sys->chdir(fs->cf_root) != 0)
		return -1;
	if (conf_in_small)
		fs->cf_small_done();
	if (conf_is_ro)
		fs->cf_readonly(false);
	conf_in_small = conf_is_ro = false;
	fd = open_("case", O_RDONLY | O_DIRECTORY, 0);
	if (fd != -1) {
		empty_dir(fd);
		sys->close(fd);
	}
	if (rmdir_("case") != 0) {
		print_error("%s: cannot clean up: %s\n", fs->cf_name,
		    strerror(errno));
		return -1;
	}
	return 0;
}

/* The last one: what all the others left behind. */
static inline void
is_in_order_after_all_of_that(void **state)
{
	(void)state;
	if (fs->cf_check == NULL)
		return;
	ok(sys->chdir("/"));
	is(fs->cf_check());
}

#define C(name) \
	{ #name, name, conf_setup, conf_teardown, NULL }

#endif
