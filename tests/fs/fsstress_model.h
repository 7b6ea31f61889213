/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a thread of fsstress.h knows of its tree, and whether that is what is
 * there. Paths are relative to the current directory; a thread's tree is in
 * a directory of its own.
 */
#ifndef FSSTRESS_MODEL_H
#define FSSTRESS_MODEL_H

#include "conf.h"

#define ST_NAMES	120		/* entries of a thread's tree */
#define ST_FILES	80
#define ST_DEPTH	6
#define ST_MAXSIZE	40000

struct st_file {
	unsigned f_nlink;		/* 0: free, unless f_fd */
	int f_fd;			/* kept open over its unlinking, or -1 */
	unsigned f_gen;			/* of its bytes */
	size_t f_valid;			/* bytes of that pattern, */
	size_t f_size;			/* zeros from there on */
	mode_t f_mode;
	char f_xattr[16];		/* value of user.st; "": none */
};

enum st_type { ST_FREE, ST_DIR, ST_FILE, ST_LINK };

struct st_name {
	enum st_type n_type;
	int n_parent;			/* -1: the root */
	unsigned n_id;			/* its name is n<id> */
	int n_file;			/* ST_FILE */
	unsigned n_target;		/* ST_LINK: leads to t<target> */
	mode_t n_mode;			/* ST_DIR */
};

struct st {
	pthread_t t_thread;
	int t_me;
	uint64_t t_rand;
	unsigned long t_ops, t_op;
	unsigned t_next;		/* for fresh names and patterns */
	struct st_name t_names[ST_NAMES];
	struct st_file t_files[ST_FILES];
	char t_path[2][PATH_MAX];
	unsigned char t_buf[ST_MAXSIZE + 1], t_pat[ST_MAXSIZE];
	const char *t_what;		/* the operation */
	int t_line, t_errno;		/* where it failed; 0: it did not */
	const char *t_expr;
};

#define want(e) do {							\
	if (!(e)) {							\
		if (t->t_line == 0) {					\
			t->t_errno = errno;				\
			t->t_line = __LINE__;				\
			t->t_expr = #e;					\
		}							\
		return false;						\
	}								\
} while (0)

static uint32_t
st_random(struct st *t, uint32_t n)
{

	t->t_rand = t->t_rand * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(t->t_rand >> 33) % n;
}

static void
st_pattern(struct st *t, unsigned gen, size_t n)
{
	uint32_t r = gen * 2654435761u + 1;
	size_t i;

	for (i = 0; i < n; i++) {
		r = r * 1103515245 + 12345;
		t->t_pat[i] = (unsigned char)(r >> 16);
	}
}

/* ---- The model ---------------------------------------------------------- */

static int
st_depth(struct st *t, int n)
{
	int d = 0;

	for (; n != -1; n = t->t_names[n].n_parent)
		d++;
	return d;
}

static bool
st_below(struct st *t, int n, int top)
{

	for (; n != -1; n = t->t_names[n].n_parent) {
		if (n == top)
			return true;
	}
	return false;
}

static int
st_children(struct st *t, int dir)
{
	int i, c = 0;

	for (i = 0; i < ST_NAMES; i++) {
		if (t->t_names[i].n_type != ST_FREE &&
		    t->t_names[i].n_parent == dir)
			c++;
	}
	return c;
}

static int
st_subdirs(struct st *t, int dir)
{
	int i, c = 0;

	for (i = 0; i < ST_NAMES; i++) {
		if (t->t_names[i].n_type == ST_DIR &&
		    t->t_names[i].n_parent == dir)
			c++;
	}
	return c;
}

static const char *
st_path(struct st *t, int which, int n)
{
	char *p = t->t_path[which] + PATH_MAX - 1, part[32];
	size_t len;

	*p = '\0';
	for (;;) {
		if (n == -1)
			len = (size_t)snprintf(part, sizeof(part), "own%d",
			    t->t_me);
		else
			len = (size_t)snprintf(part, sizeof(part), "/n%u",
			    t->t_names[n].n_id);
		p -= len;
		memcpy(p, part, len);
		if (n == -1)
			return p;
		n = t->t_names[n].n_parent;
	}
}

/* A random name of a type (ST_FREE: any in use); -1: there is none. */
static int
st_pick(struct st *t, enum st_type type)
{
	int i, n = (int)st_random(t, ST_NAMES);

	for (i = 0; i < ST_NAMES; i++, n = (n + 1) % ST_NAMES) {
		if (type == ST_FREE ? t->t_names[n].n_type != ST_FREE :
		    t->t_names[n].n_type == type)
			return n;
	}
	return -1;
}

static int
st_dir(struct st *t)
{

	return st_random(t, 4) == 0 ? -1 : st_pick(t, ST_DIR);
}

/* A free slot, as a fresh name in a directory; -1: none. */
static int
st_fresh(struct st *t, int dir)
{
	int n;

	if (st_depth(t, dir) >= ST_DEPTH)
		return -1;
	for (n = 0; n < ST_NAMES; n++) {
		if (t->t_names[n].n_type == ST_FREE) {
			t->t_names[n] = (struct st_name){
				.n_parent = dir,
				.n_id = t->t_next++,
			};
			return n;
		}
	}
	return -1;
}

/* ---- Checks ------------------------------------------------------------- */

static bool
st_check_bytes(struct st *t, const struct st_file *f, int fd)
{
	ssize_t got;
	size_t i;

	got = sys->pread(fd, t->t_buf, sizeof(t->t_buf), 0);
	want(got == (ssize_t)f->f_size);
	st_pattern(t, f->f_gen, f->f_valid);
	want(memcmp(t->t_buf, t->t_pat, f->f_valid) == 0);
	for (i = f->f_valid; i < f->f_size; i++)
		want(t->t_buf[i] == 0);
	return true;
}

static bool
st_check_file(struct st *t, int n)
{
	const struct st_file *f = &t->t_files[t->t_names[n].n_file];
	const char *p = st_path(t, 0, n);
	char buf[32];
	struct stat st;
	ssize_t len;
	int fd;

	want(lstat_(p, &st) == 0);
	want(S_ISREG(st.st_mode));
	want((st.st_mode & 07777) == f->f_mode);
	want(st.st_nlink == f->f_nlink);
	want(st.st_size == (off_t)f->f_size);
	if ((fs->cf_caps & CF_XATTR) != 0) {
		len = sys->getxattr(p, "user.st", buf, sizeof(buf));
		if (f->f_xattr[0] == '\0')
			want(len == -1 && errno == ENODATA);
		else
			want(len == (ssize_t)strlen(f->f_xattr) &&
			    memcmp(buf, f->f_xattr, (size_t)len) == 0);
	}
	fd = open_(p, O_RDONLY, 0);
	want(fd != -1);
	if (!st_check_bytes(t, f, fd))
		return false;
	want(sys->close(fd) == 0);
	return true;
}

static bool
st_check_dir(struct st *t, int dir)
{
	_Alignas(struct dirent64) char buf[2048];
	unsigned char seen[ST_NAMES] = { 0 };
	const char *p = st_path(t, 0, dir);
	struct dirent64 *de;
	struct stat st;
	ssize_t len, off;
	int fd, n;

	want(lstat_(p, &st) == 0);
	want(S_ISDIR(st.st_mode));
	want((int)st.st_nlink == 2 + st_subdirs(t, dir));
	want(dir == -1 || (st.st_mode & 07777) == t->t_names[dir].n_mode);
	fd = open_(p, O_RDONLY | O_DIRECTORY, 0);
	want(fd != -1);
	while ((len = sys->getdents64(fd, buf, sizeof(buf))) > 0) {
		for (off = 0; off < len; off += de->d_reclen) {
			de = (struct dirent64 *)(void *)(buf + off);
			if (de->d_name[0] != 'n') {
				want(de->d_name[0] == '.');
				continue;
			}
			for (n = 0; n < ST_NAMES; n++) {
				if (t->t_names[n].n_type != ST_FREE &&
				    t->t_names[n].n_parent == dir &&
				    t->t_names[n].n_id ==
				    (unsigned)atoi(de->d_name + 1))
					break;
			}
			want(n < ST_NAMES);
			want(seen[n]++ == 0);
		}
	}
	want(len == 0);
	want(sys->close(fd) == 0);
	for (n = 0; n < ST_NAMES; n++)
		want((t->t_names[n].n_type != ST_FREE &&
		    t->t_names[n].n_parent == dir) == (seen[n] != 0));
	return true;
}

static bool
st_check_link(struct st *t, int n)
{
	char buf[64], target[64];
	ssize_t len;

	snprintf(target, sizeof(target), "t%u", t->t_names[n].n_target);
	len = sys->readlinkat(AT_FDCWD, st_path(t, 0, n), buf, sizeof(buf));
	want(len == (ssize_t)strlen(target));
	want(memcmp(buf, target, (size_t)len) == 0);
	return true;
}

static bool
st_check(struct st *t, int n)
{

	switch (n == -1 ? ST_DIR : t->t_names[n].n_type) {
	case ST_DIR:
		return st_check_dir(t, n);
	case ST_FILE:
		return st_check_file(t, n);
	case ST_LINK:
		return st_check_link(t, n);
	default:
		return true;
	}
}

#endif
