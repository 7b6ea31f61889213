/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Works on a file system image in a rump kernel, or (-H) on a directory of the
 * host, with the same operations: what the tests of ext2fs compare.
 *
 *	ext2tool [-r] [-t type] [-o begin -s size] image command [args] [+ command [args]] ...
 *	ext2tool -H dir command ...
 *
 * -r mounts read-only. Exits with 0 if every command succeeded. Without
 * "crash" as last command the image is unmounted.
 */
#define _GNU_SOURCE
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <rump/rump.h>
#include <rump/etfs.h>
#include <rump/rump_syscalls.h>
#include <rump/fs/ext2fs.h>

#include <linux/falloc.h>

/* ---- The two sides ---------------------------------------------------- */

struct side {
	const char *root;
	int (*open)(const char *, int, ...);
	int (*close)(int);
	ssize_t (*pread)(int, void *, size_t, off_t);
	ssize_t (*pwrite)(int, const void *, size_t, off_t);
	int (*ftruncate)(int, off_t);
	int (*fallocate)(int, int, off_t, off_t);
	off_t (*lseek)(int, off_t, int);
	int (*fsync)(int);
	int (*mkdir)(const char *, mode_t);
	int (*rmdir)(const char *);
	int (*unlink)(const char *);
	int (*renameat2)(int, const char *, int, const char *, unsigned);
	int (*link)(const char *, const char *);
	int (*symlink)(const char *, const char *);
	ssize_t (*readlink)(const char *, char *, size_t);
	int (*lstat)(const char *, struct stat *);
	ssize_t (*getdents64)(int, void *, size_t);
	int (*chmod)(const char *, mode_t);
	int (*lchown)(const char *, uid_t, gid_t);
	int (*utimensat)(int, const char *, const struct timespec *, int);
	int (*mknod)(const char *, mode_t, dev_t);
	int (*lsetxattr)(const char *, const char *, const void *, size_t, int);
	ssize_t (*lgetxattr)(const char *, const char *, void *, size_t);
	ssize_t (*llistxattr)(const char *, char *, size_t);
	int (*lremovexattr)(const char *, const char *);
};

static ssize_t
host_getdents64(int fd, void *buf, size_t n)
{
	return syscall(SYS_getdents64, fd, buf, n);
}

static int
host_renameat2(int a, const char *f, int b, const char *t, unsigned flags)
{
	return (int)syscall(SYS_renameat2, a, f, b, t, flags);
}

static const struct side host_side = {
	"", open, close, pread, pwrite, ftruncate, fallocate, lseek, fsync,
	mkdir, rmdir, unlink, host_renameat2, link, symlink, readlink, lstat,
	host_getdents64, chmod, lchown, utimensat, mknod, lsetxattr, lgetxattr,
	llistxattr, lremovexattr,
};

static const struct side rump_side = {
	"", rump_sys_open, rump_sys_close, rump_sys_pread, rump_sys_pwrite,
	rump_sys_ftruncate, rump_sys_fallocate, rump_sys_lseek,
	rump_sys_fsync, rump_sys_mkdir, rump_sys_rmdir, rump_sys_unlink,
	rump_sys_renameat2, rump_sys_link, rump_sys_symlink,
	rump_sys_readlink, rump_sys_lstat, rump_sys_getdents64,
	rump_sys_chmod, rump_sys_lchown, rump_sys_utimensat, rump_sys_mknod,
	rump_sys_lsetxattr, rump_sys_lgetxattr, rump_sys_llistxattr,
	rump_sys_lremovexattr,
};

static struct side us;
static bool lenient;		/* errors are expected: a damaged image */
static int failures;

static const char *
at(const struct side *s, const char *path)
{
	static char buf[8][8192];
	static int n;

	n = (n + 1) % 8;
	snprintf(buf[n], sizeof(buf[n]), "%s%s%s", s->root,
	    path[0] == '/' ? "" : "/", path);
	return buf[n];
}

static int
fail(const char *what, const char *path)
{
	if (!lenient) {
		warn("%s %s", what, path);
		failures++;
	}
	return -1;
}

static uint64_t rng_state;

static uint32_t
rnd(uint32_t n)
{
	rng_state = rng_state * 6364136223846793005ull + 1442695040888963407ull;
	return n == 0 ? 0 : (uint32_t)(rng_state >> 33) % n;
}

/* ---- Listing ---------------------------------------------------------- */

static uint64_t
hash_bytes(uint64_t h, const void *p, size_t n)
{
	const unsigned char *c = p;

	while (n-- > 0)
		h = (h ^ *c++) * 0x100000001b3ull;
	return h;
}

static int
hash_file(const struct side *s, const char *path, uint64_t *hp)
{
	static char buf[1 << 17];
	ssize_t n;
	off_t off = 0;
	int fd = s->open(at(s, path), O_RDONLY | O_NOATIME);

	*hp = 0xcbf29ce484222325ull;
	if (fd < 0)
		return fail("open", path);
	while ((n = s->pread(fd, buf, sizeof(buf), off)) > 0) {
		*hp = hash_bytes(*hp, buf, (size_t)n);
		off += n;
	}
	s->close(fd);
	return n < 0 ? fail("read", path) : 0;
}

static int
cmp_str(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void
list_xattrs(const struct side *s, const char *path, FILE *out)
{
	char list[8192], val[8192], *names[256];
	ssize_t len, n;
	size_t i, count = 0;
	char *p;

	len = s->llistxattr(at(s, path), list, sizeof(list));
	for (p = list; len > 0 && p < list + len && count < 256;
	    p += strlen(p) + 1)
		if (strncmp(p, "security.selinux", 16) != 0)
			names[count++] = p;
	qsort(names, count, sizeof(*names), cmp_str);
	for (i = 0; i < count; i++) {
		n = s->lgetxattr(at(s, path), names[i], val, sizeof(val));
		if (out != NULL)
			fprintf(out, " %s=%zd:%llx", names[i], n,
			    (unsigned long long)hash_bytes(1, val,
			    n > 0 ? (size_t)n : 0));
	}
}

struct linux_dirent64 {
	uint64_t d_ino;
	int64_t d_off;
	unsigned short d_reclen;
	unsigned char d_type;
	char d_name[];
};

/* The names of a directory, sorted; duplicates are a failure. */
static char **
names_of(const struct side *s, const char *path, size_t *np)
{
	static char buf[1 << 16];
	struct linux_dirent64 *d;
	char **names = NULL;
	size_t n = 0, alloc = 0, i;
	ssize_t len;
	char *p;
	int fd = s->open(at(s, path), O_RDONLY | O_DIRECTORY | O_NOATIME);

	*np = 0;
	if (fd < 0) {
		fail("opendir", path);
		return NULL;
	}
	while ((len = s->getdents64(fd, buf, sizeof(buf))) > 0)
		for (p = buf; p < buf + len; p += d->d_reclen) {
			d = (void *)p;
			if (strcmp(d->d_name, ".") == 0 ||
			    strcmp(d->d_name, "..") == 0)
				continue;
			if (n == alloc)
				names = realloc(names, (alloc = alloc * 2 + 64)
				    * sizeof(*names));
			names[n++] = strdup(d->d_name);
		}
	if (len < 0)
		fail("getdents", path);
	s->close(fd);
	if (n > 0)
		qsort(names, n, sizeof(*names), cmp_str);
	for (i = 1; i < n; i++)
		if (strcmp(names[i - 1], names[i]) == 0 && !lenient) {
			warnx("%s: %s is there twice", path, names[i]);
			failures++;
		}
	*np = n;
	return names;
}

static void
list_one(const struct side *s, const char *path, FILE *out, bool times)
{
	struct stat st;
	char target[4200];
	uint64_t h = 0;
	ssize_t n = 0;

	if (s->lstat(at(s, path), &st) != 0) {
		fail("lstat", path);
		return;
	}
	target[0] = 0;
	if (S_ISREG(st.st_mode))
		hash_file(s, path, &h);
	if (S_ISLNK(st.st_mode)) {
		n = s->readlink(at(s, path), target, sizeof(target) - 1);
		target[n > 0 ? n : 0] = 0;
		if (n < 0)
			fail("readlink", path);
	}
	if (out != NULL) {
		fprintf(out, "%s %o %u:%u n%lu s%llu r%llx h%llx [%s]", path,
		    st.st_mode, st.st_uid, st.st_gid,
		    (unsigned long)st.st_nlink,
		    S_ISDIR(st.st_mode) ? 0ull : (unsigned long long)st.st_size,
		    S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode) ?
		    (unsigned long long)st.st_rdev : 0ull,
		    (unsigned long long)h, target);
		if (times)
			fprintf(out, " m%lld.%09ld", (long long)st.st_mtime,
			    st.st_mtim.tv_nsec);
	}
	list_xattrs(s, path, out);
	if (out != NULL)
		fputc('\n', out);
}

static int walk_depth;

static void
list_tree(const struct side *s, const char *path, FILE *out, bool times)
{
	char **names, *sub;
	struct stat st;
	size_t n, i;

	if (walk_depth > 64)
		return;
	walk_depth++;
	names = names_of(s, path, &n);
	for (i = 0; i < n; i++) {
		if (asprintf(&sub, "%s/%s", strcmp(path, "/") == 0 ? "" : path,
		    names[i]) < 0)
			abort();
		free(names[i]);
		if (strcmp(sub, "/lost+found") != 0) {
			list_one(s, sub, out, times);
			if (s->lstat(at(s, sub), &st) == 0 &&
			    S_ISDIR(st.st_mode))
				list_tree(s, sub, out, times);
		}
		free(sub);
	}
	free(names);
	walk_depth--;
}

/* ---- Files of a pattern ----------------------------------------------- */

static void
pattern(unsigned char *buf, size_t n, uint64_t off, uint32_t seed)
{
	size_t i;
	uint64_t w;

	for (i = 0; i < n; i++) {
		w = (off + i) / 8 * 0x9e3779b97f4a7c15ull + seed;
		buf[i] = (unsigned char)(w >> (8 * ((off + i) % 8)));
	}
}

static unsigned char iobuf[2][1 << 20];

static int
cmd_write(const char *path, uint64_t off, uint64_t len, uint32_t seed)
{
	int fd = us.open(at(&us, path), O_RDWR | O_CREAT, 0644);
	uint64_t end = off + len;
	size_t n;
	ssize_t r;

	if (fd < 0)
		return fail("open", path);
	for (; off < end; off += (uint64_t)r) {
		n = end - off < sizeof(iobuf[0]) ? end - off : sizeof(iobuf[0]);
		pattern(iobuf[0], n, off, seed);
		r = us.pwrite(fd, iobuf[0], n, (off_t)off);
		if (r <= 0) {
			us.close(fd);
			return fail("write", path);
		}
	}
	return us.close(fd);
}

static int
cmd_verify(const char *path, uint64_t off, uint64_t len, uint32_t seed)
{
	int fd = us.open(at(&us, path), O_RDONLY);
	uint64_t end = off + len;
	size_t n;

	if (fd < 0)
		return fail("open", path);
	for (; off < end; off += n) {
		n = end - off < sizeof(iobuf[0]) ? end - off : sizeof(iobuf[0]);
		pattern(iobuf[0], n, off, seed);
		if (us.pread(fd, iobuf[1], n, (off_t)off) != (ssize_t)n ||
		    memcmp(iobuf[0], iobuf[1], n) != 0) {
			us.close(fd);
			errno = EIO;
			return fail("verify", path);
		}
	}
	us.close(fd);
	return 0;
}

/* As write until there is no space; prints how many bytes went in. */
static int
cmd_fill(const char *path, uint32_t seed)
{
	int fd = us.open(at(&us, path), O_RDWR | O_CREAT, 0644);
	uint64_t off = 0;
	ssize_t r = 0;

	if (fd < 0)
		return fail("open", path);
	for (;;) {
		pattern(iobuf[0], sizeof(iobuf[0]), off, seed);
		r = us.pwrite(fd, iobuf[0], sizeof(iobuf[0]), (off_t)off);
		if (r <= 0)
			break;
		off += (uint64_t)r;
	}
	if (errno != ENOSPC)
		return fail("fill", path);
	if (us.fsync(fd) != 0)
		return fail("fsync", path);
	us.close(fd);
	printf("%llu\n", (unsigned long long)off);
	return cmd_verify(path, 0, off, seed);
}

static int
cmd_many(const char *dir, unsigned n, bool remove_them)
{
	char path[512];
	unsigned i;
	int fd;

	for (i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/file-%07u-%u", dir,
		    i * 7919 % n, i * 7919 % n % 13);
		if (remove_them) {
			if (us.unlink(at(&us, path)) != 0)
				return fail("unlink", path);
			continue;
		}
		fd = us.open(at(&us, path), O_RDWR | O_CREAT | O_EXCL, 0644);
		if (fd < 0)
			return fail("create", path);
		us.close(fd);
	}
	return 0;
}

/* ---- Random operations ------------------------------------------------ */

/* Two sides do the same: this is what they did. */
struct result {
	long r_ret;
	int r_errno;
	uint64_t r_hash;
};

static unsigned opcount;
static bool op_special, op_xattr, op_times;

static char *
rnd_name(char *buf, size_t size)
{
	static const char *const dirs[] = { "", "/a", "/b", "/a/c", "/a/c/d",
	    "/b/e" };
	unsigned len, i;
	int n;

	n = snprintf(buf, size, "%s/%c", dirs[rnd(6)], 'a' + (int)rnd(20));
	if (rnd(8) == 0) {
		len = 1 + rnd(250);
		for (i = 0; i < len && (size_t)n + 1 < size; i++)
			buf[n++] = "xyz"[i % 3];
		buf[n] = 0;
	}
	return buf;
}

static void
op_file(const struct side *s, unsigned op, const char *p, uint64_t a,
    uint64_t b, uint32_t seed, struct result *r)
{
	static unsigned char buf[1 << 17];
	int fd = s->open(at(s, p), O_RDWR | (op == 0 ? O_CREAT : 0), 0640);

	r->r_ret = fd < 0 ? -1 : 0;
	r->r_errno = fd < 0 ? errno : 0;
	if (fd < 0)
		return;
	errno = 0;
	switch (op) {
	case 0: case 1:
		b %= sizeof(buf);
		pattern(buf, b, a, seed);
		r->r_ret = s->pwrite(fd, buf, b, (off_t)a);
		break;
	case 2:
		b %= sizeof(buf);
		r->r_ret = s->pread(fd, buf, b, (off_t)a);
		if (r->r_ret > 0)
			r->r_hash = hash_bytes(7, buf, (size_t)r->r_ret);
		break;
	case 3:
		r->r_ret = s->ftruncate(fd, (off_t)a);
		break;
	case 4:
		r->r_ret = s->fallocate(fd, FALLOC_FL_KEEP_SIZE |
		    FALLOC_FL_PUNCH_HOLE, (off_t)a, (off_t)b + 1);
		break;
	case 5:
		r->r_ret = s->fallocate(fd, seed % 2 ? FALLOC_FL_KEEP_SIZE : 0,
		    (off_t)a, (off_t)b + 1);
		break;
	case 6:
		r->r_ret = s->fallocate(fd, FALLOC_FL_ZERO_RANGE |
		    (seed % 2 ? FALLOC_FL_KEEP_SIZE : 0), (off_t)a,
		    (off_t)b + 1);
		break;
	case 7:
		r->r_ret = s->fsync(fd);
		break;
	}
	r->r_errno = r->r_ret < 0 ? errno : 0;
	s->close(fd);
}

static void
op_do(const struct side *s, unsigned op, const char *p, const char *q,
    uint64_t a, uint64_t b, uint32_t seed, struct result *r)
{
	struct timespec ts[2] = { { (time_t)(a % 4000000000u), 5 },
	    { (time_t)(b % 10000000000ull), (long)(seed % 1000000000u) } };
	struct stat st;
	char buf[4200], name[32];

	memset(r, 0, sizeof(*r));
	errno = 0;
	if (op < 8) {
		op_file(s, op, p, a, b, seed, r);
		return;
	}
	switch (op) {
	case 8: r->r_ret = s->mkdir(at(s, p), 0755); break;
	case 9: r->r_ret = s->rmdir(at(s, p)); break;
	case 10: r->r_ret = s->unlink(at(s, p)); break;
	case 11: case 12:
		r->r_ret = s->renameat2(AT_FDCWD, at(s, p), AT_FDCWD,
		    at(s, q), op == 11 ? 0 : seed % 3);
		break;
	case 13: r->r_ret = s->link(at(s, p), at(s, q)); break;
	case 14:
		memset(buf, 'L', sizeof(buf));
		buf[1 + seed % (seed % 2 ? 80 : 1000)] = 0;
		r->r_ret = s->symlink(buf, at(s, p));
		break;
	case 15: r->r_ret = s->chmod(at(s, p), seed & 07777); break;
	case 16: r->r_ret = s->lchown(at(s, p), seed, seed ^ 77777); break;
	case 17:
		r->r_ret = s->utimensat(AT_FDCWD, at(s, p), ts,
		    AT_SYMLINK_NOFOLLOW);
		break;
	case 18:
		r->r_ret = s->lstat(at(s, p), &st);
		if (r->r_ret == 0)
			r->r_hash = hash_bytes(S_ISDIR(st.st_mode) ? 0 :
			    (uint64_t)st.st_size, &st.st_mode,
			    sizeof(st.st_mode)) + st.st_nlink;
		break;
	case 19:
		r->r_ret = s->mknod(at(s, p), seed % 2 ? S_IFIFO | 0600 :
		    S_IFCHR | 0600, seed % 2 ? 0 : makedev(seed % 4000,
		    a % 100000));
		break;
	case 20:
		memset(buf, (int)(seed % 256), sizeof(buf));
		snprintf(name, sizeof(name), "user.n%u", (unsigned)(a % 6));
		r->r_ret = s->lsetxattr(at(s, p), name, buf,
		    b % (seed % 3 ? 60 : 900), 0);
		break;
	case 21:
		snprintf(name, sizeof(name), "user.n%u", (unsigned)(a % 6));
		r->r_ret = s->lremovexattr(at(s, p), name);
		break;
	}
	if (r->r_ret < 0)
		r->r_errno = errno;
	if (r->r_ret > 0 && op >= 8)
		r->r_ret = 0;
}

/* Bases that a random tree grows from. */
static void
bases(const struct side *s)
{
	s->mkdir(at(s, "/a"), 0755);
	s->mkdir(at(s, "/b"), 0755);
	s->mkdir(at(s, "/a/c"), 0755);
	s->mkdir(at(s, "/a/c/d"), 0755);
	s->mkdir(at(s, "/b/e"), 0755);
}

static int
cmd_random(const struct side *twin, uint32_t seed, unsigned n)
{
	char p[600], q[600];
	struct result r1, r2;
	unsigned op, i;
	uint64_t a, b, big;
	uint32_t s;

	rng_state = seed;
	bases(&us);
	if (twin != NULL)
		bases(twin);
	for (i = 0; i < n; i++) {
		op = rnd(22);
		if (op < 8 && rnd(2) == 0)
			op = rnd(3);
		if ((op == 19 && !op_special) || (op >= 20 && !op_xattr))
			continue;
		if (op == 17 && !op_times)
			continue;
		rnd_name(p, sizeof(p));
		rnd_name(q, sizeof(q));
		big = rnd(20) == 0 ? 40u << 20 : rnd(3) == 0 ? 2u << 20 :
		    100000;
		a = rnd((uint32_t)big);
		b = rnd(rnd(4) == 0 ? 100000 : 9000);
		if (rnd(4) == 0)
			a &= ~4095ull;
		s = rnd(1u << 30);
		op_do(&us, op, p, q, a, b, s, &r1);
		opcount++;
		if (twin == NULL)
			continue;
		op_do(twin, op, p, q, a, b, s, &r2);
		if (memcmp(&r1, &r2, sizeof(r1)) != 0) {
			warnx("op %u of seed %u: %u %s %s %llu %llu: we %ld "
			    "errno %d hash %llx, host %ld errno %d hash %llx",
			    i, seed, op, p, q, (unsigned long long)a,
			    (unsigned long long)b, r1.r_ret, r1.r_errno,
			    (unsigned long long)r1.r_hash, r2.r_ret,
			    r2.r_errno, (unsigned long long)r2.r_hash);
			failures++;
			return -1;
		}
	}
	return 0;
}

/* ---- Threads ---------------------------------------------------------- */

static void *
thread_main(void *arg)
{
	unsigned id = (unsigned)(uintptr_t)arg, i, j;
	unsigned char buf[5000], back[5000];
	char path[64], other[64], own[1024];
	int fd;

	for (i = 0; i < 300; i++) {
		snprintf(path, sizeof(path), "/par/t%u-%u", id, i % 40);
		snprintf(own, sizeof(own), "%s%s", us.root, path);
		fd = us.open(own, O_RDWR | O_CREAT, 0644);
		if (fd < 0) {
			warn("thread: open %s", own);
			return (void *)1;
		}
		for (j = 0; j < 4; j++) {
			pattern(buf, sizeof(buf), j * sizeof(buf), id + i);
			if (us.pwrite(fd, buf, sizeof(buf),
			    (off_t)(j * sizeof(buf))) != sizeof(buf) ||
			    us.pread(fd, back, sizeof(back),
			    (off_t)(j * sizeof(buf))) != sizeof(buf) ||
			    memcmp(buf, back, sizeof(buf)) != 0) {
				warn("thread: data of %s", own);
				return (void *)1;
			}
		}
		if (i % 7 == 0)
			us.fsync(fd);
		us.close(fd);
		if (i % 5 == 0) {
			snprintf(other, sizeof(other), "%s/par/r%u", us.root,
			    id);
			us.renameat2(AT_FDCWD, own, AT_FDCWD, other, 0);
		} else if (i % 3 == 0) {
			us.unlink(own);
		}
	}
	return NULL;
}

static int
cmd_threads(unsigned n)
{
	pthread_t t[16];
	void *res;
	unsigned i;

	us.mkdir(at(&us, "/par"), 0755);
	for (i = 0; i < n && i < 16; i++)
		pthread_create(&t[i], NULL, thread_main, (void *)(uintptr_t)i);
	for (i = 0; i < n && i < 16; i++) {
		pthread_join(t[i], &res);
		if (res != NULL)
			failures++;
	}
	return 0;
}

/* ---- Commands --------------------------------------------------------- */

static int
cmd_put(const char *from, const char *to, bool get)
{
	const struct side *in = get ? &us : &host_side;
	const struct side *out = get ? &host_side : &us;
	int fi, fo;
	off_t off = 0;
	ssize_t n;

	fi = in->open(at(in, from), O_RDONLY);
	fo = out->open(at(out, to), O_RDWR | O_CREAT | O_TRUNC, 0644);
	if (fi < 0 || fo < 0)
		return fail("open", from);
	while ((n = in->pread(fi, iobuf[0], sizeof(iobuf[0]), off)) > 0) {
		if (out->pwrite(fo, iobuf[0], (size_t)n, off) != n)
			return fail("write", to);
		off += n;
	}
	in->close(fi);
	if (out->close(fo) != 0 || n < 0)
		return fail("close", to);
	return 0;
}

static int
cmd_statfs(void)
{
	struct statfs sf;

	if (rump_sys_statfs(us.root, &sf) != 0)
		return fail("statfs", "/");
	printf("%llu %llu %llu %llu %llu\n", (unsigned long long)sf.f_blocks,
	    (unsigned long long)sf.f_bfree, (unsigned long long)sf.f_bavail,
	    (unsigned long long)sf.f_files, (unsigned long long)sf.f_ffree);
	return 0;
}

/* What SEEK_DATA and SEEK_HOLE say. */
static int
cmd_holes(const char *path)
{
	int fd = us.open(at(&us, path), O_RDONLY);
	off_t pos = 0, end;

	if (fd < 0)
		return fail("open", path);
	while ((pos = us.lseek(fd, pos, SEEK_DATA)) >= 0) {
		end = us.lseek(fd, pos, SEEK_HOLE);
		printf("%lld-%lld\n", (long long)pos, (long long)end);
		pos = end;
	}
	us.close(fd);
	return 0;
}

static uint64_t
num(const char *s)
{
	char *end;
	uint64_t v = strtoull(s, &end, 0);

	return *end == 'k' ? v << 10 : *end == 'm' ? v << 20 :
	    *end == 'g' ? v << 30 : v;
}

static struct side twin;
static struct ext2fs_args margs;
static uint64_t part_begin, part_size = RUMP_ETFS_SIZE_ENDOFF;
static const char *mtype = "ext4";

static int
remount(unsigned long flags)
{
	if (rump_sys_mount(mtype, us.root, (int)flags, &margs,
	    sizeof(margs)) != 0)
		return fail("remount", "");
	return 0;
}

static int
run(char **v, int n)
{
	const char *c = v[0];
	int fd;

	op_special = op_xattr = op_times = true;
#define ARGS(name, k) (strcmp(c, name) == 0 && n == (k) + 1)
	if (ARGS("list", 0))
		list_tree(&us, "/", stdout, true);
	else if (ARGS("listnt", 0))
		list_tree(&us, "/", stdout, false);
	else if (ARGS("walk", 0))
		list_tree(&us, "/", NULL, false);
	else if (ARGS("lenient", 0))
		lenient = true;
	else if (ARGS("write", 4))
		return cmd_write(v[1], num(v[2]), num(v[3]), (uint32_t)num(v[4]));
	else if (ARGS("verify", 4))
		return cmd_verify(v[1], num(v[2]), num(v[3]),
		    (uint32_t)num(v[4]));
	else if (ARGS("fill", 2))
		return cmd_fill(v[1], (uint32_t)num(v[2]));
	else if (ARGS("mkdir", 1))
		return us.mkdir(at(&us, v[1]), 0755) ? fail(c, v[1]) : 0;
	else if (ARGS("rmdir", 1))
		return us.rmdir(at(&us, v[1])) ? fail(c, v[1]) : 0;
	else if (ARGS("unlink", 1))
		return us.unlink(at(&us, v[1])) ? fail(c, v[1]) : 0;
	else if (ARGS("truncate", 2)) {
		fd = us.open(at(&us, v[1]), O_RDWR | O_CREAT, 0644);
		if (fd < 0 || us.ftruncate(fd, (off_t)num(v[2])) != 0)
			return fail(c, v[1]);
		return us.close(fd);
	} else if (ARGS("fallocate", 4)) {
		fd = us.open(at(&us, v[1]), O_RDWR | O_CREAT, 0644);
		if (fd < 0 || us.fallocate(fd, (int)num(v[2]),
		    (off_t)num(v[3]), (off_t)num(v[4])) != 0)
			return fail(c, v[1]);
		return us.close(fd);
	} else if (ARGS("rename", 2))
		return us.renameat2(AT_FDCWD, at(&us, v[1]), AT_FDCWD,
		    at(&us, v[2]), 0) ? fail(c, v[1]) : 0;
	else if (ARGS("setxattr", 3))
		return us.lsetxattr(at(&us, v[1]), v[2], v[3], strlen(v[3]),
		    0) ? fail(c, v[1]) : 0;
	else if (ARGS("many", 2))
		return cmd_many(v[1], (unsigned)num(v[2]), false);
	else if (ARGS("rmmany", 2))
		return cmd_many(v[1], (unsigned)num(v[2]), true);
	else if (ARGS("random", 2))
		return cmd_random(NULL, (uint32_t)num(v[1]),
		    (unsigned)num(v[2]));
	else if (ARGS("twin", 3)) {
		twin = host_side;
		twin.root = v[1];
		return cmd_random(&twin, (uint32_t)num(v[2]),
		    (unsigned)num(v[3]));
	} else if (ARGS("threads", 1))
		return cmd_threads((unsigned)num(v[1]));
	else if (ARGS("put", 2))
		return cmd_put(v[1], v[2], false);
	else if (ARGS("get", 2))
		return cmd_put(v[1], v[2], true);
	else if (ARGS("holes", 1))
		return cmd_holes(v[1]);
	else if (ARGS("statfs", 0))
		return cmd_statfs();
	else if (ARGS("sync", 0))
		return rump_sys_sync();
	else if (ARGS("ro", 0))
		return remount(32 | 1);		/* MS_REMOUNT | MS_RDONLY */
	else if (ARGS("rw", 0))
		return remount(32);
	else if (ARGS("orphan", 1)) {
		/* Open, and without a name. */
		if (us.open(at(&us, v[1]), O_RDWR | O_CREAT, 0644) < 0 ||
		    us.unlink(at(&us, v[1])) != 0)
			return fail(c, v[1]);
	} else if (ARGS("crash", 0))
		_exit(failures != 0);
	else
		errx(2, "unknown command %s", c);
	return 0;
}

static int
mount_image(const char *image, bool rdonly)
{
	int error;

	setenv("RUMP_VERBOSE", "1", 0);
	if ((error = rump_init()) != 0)
		errx(2, "rump_init: %s", strerror(error));
	error = rump_pub_etfs_register_withsize("/image", image,
	    RUMP_ETFS_BLK, part_begin, part_size);
	if (error != 0)
		errx(2, "%s: %s", image, strerror(error));
	if (rump_sys_mkdir("/mnt", 0755) != 0)
		err(2, "mkdir /mnt");
	margs.fspec = "/image";
	if (rump_sys_mount(mtype, "/mnt", rdonly ? 1 : 0, &margs,
	    sizeof(margs)) != 0) {
		warn("mount");
		return -1;
	}
	us = rump_side;
	us.root = "/mnt";
	return 0;
}

int
main(int argc, char **argv)
{
	bool rdonly = false, host = false;
	int c, i, j;

	while ((c = getopt(argc, argv, "+rHt:o:s:")) != -1)
		switch (c) {
		case 'r': rdonly = true; break;
		case 'H': host = true; break;
		case 't': mtype = optarg; break;
		case 'o': part_begin = num(optarg); break;
		case 's': part_size = num(optarg); break;
		default: return 2;
		}
	if (optind >= argc)
		errx(2, "usage: ext2tool [-rH] [-t type] image command ...");
	umask(022);
	if (host) {
		us = host_side;
		us.root = argv[optind];
	} else if (mount_image(argv[optind], rdonly) != 0) {
		return 3;
	}
	for (i = optind + 1; i < argc; i = j + 1) {
		for (j = i; j < argc && strcmp(argv[j], "+") != 0; j++)
			;
		if (j > i && run(argv + i, j - i) != 0 && !lenient)
			failures++;
	}
	if (!host && rump_sys_unmount("/mnt", 0) != 0)
		fail("unmount", "");
	fflush(stdout);
	return failures != 0;
}
