/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Trees under random operations of several threads.
 *
 * Each thread has a tree of its own, with an exact model beside it: every
 * call's result is known beforehand, and at the end the whole tree is
 * compared. In between it works in a tree that all share, where only
 * invariants hold: which errors can be, that a file has one writer's bytes,
 * and, when all have stopped, that links are counted right and each name is
 * listed once. The same seed does the same, but for the threads' order.
 */
#ifndef FSSTRESS_H
#define FSSTRESS_H

#include "fsstress_model.h"

#define ST_SHARED	12		/* names in each shared directory */

/* ---- Operations on a tree of one's own ---------------------------------- */

static bool
st_mkdir(struct st *t)
{
	static const mode_t modes[] = { 0755, 0700, 01777 };
	int n = st_fresh(t, st_dir(t));

	t->t_what = "mkdir";
	if (n == -1)
		return true;
	t->t_names[n].n_mode = modes[st_random(t, 3)];
	want(mkdir_(st_path(t, 0, n), t->t_names[n].n_mode) == 0);
	t->t_names[n].n_type = ST_DIR;
	return true;
}

static bool
st_write_fd(struct st *t, struct st_file *f, int fd)
{
	size_t n = st_random(t, st_random(t, 4) == 0 ? ST_MAXSIZE : 5000);

	want(sys->ftruncate(fd, 0) == 0);
	f->f_gen = t->t_next++;
	f->f_valid = f->f_size = n;
	st_pattern(t, f->f_gen, n);
	want(sys->pwrite(fd, t->t_pat, n, 0) == (ssize_t)n);
	return true;
}

static bool
st_create(struct st *t)
{
	struct st_file *f;
	int n, i, fd;

	t->t_what = "create";
	for (i = 0; i < ST_FILES; i++) {
		if (t->t_files[i].f_nlink == 0 && t->t_files[i].f_fd == -1)
			break;
	}
	if (i == ST_FILES || (n = st_fresh(t, st_dir(t))) == -1)
		return true;
	f = &t->t_files[i];
	*f = (struct st_file){ .f_fd = -1, .f_mode = 0644 };
	fd = open_(st_path(t, 0, n), O_RDWR | O_CREAT | O_EXCL, 0644);
	want(fd != -1);
	if (!st_write_fd(t, f, fd))
		return false;
	want(sys->close(fd) == 0);
	f->f_nlink = 1;
	t->t_names[n].n_type = ST_FILE;
	t->t_names[n].n_file = i;
	return true;
}

static bool
st_symlink(struct st *t)
{
	char target[32];
	int n = st_fresh(t, st_dir(t));

	t->t_what = "symlink";
	if (n == -1)
		return true;
	t->t_names[n].n_target = t->t_next++;
	snprintf(target, sizeof(target), "t%u", t->t_names[n].n_target);
	want(symlink_(target, st_path(t, 0, n)) == 0);
	t->t_names[n].n_type = ST_LINK;
	return true;
}

static bool
st_link(struct st *t)
{
	int from = st_pick(t, ST_FILE), n;

	t->t_what = "link";
	if (from == -1 || (n = st_fresh(t, st_dir(t))) == -1)
		return true;
	want(link_(st_path(t, 0, from), st_path(t, 1, n)) == 0);
	t->t_names[n].n_type = ST_FILE;
	t->t_names[n].n_file = t->t_names[from].n_file;
	t->t_files[t->t_names[n].n_file].f_nlink++;
	return true;
}

/* The name n is gone. */
static void
st_gone(struct st *t, int n)
{

	if (t->t_names[n].n_type == ST_FILE)
		t->t_files[t->t_names[n].n_file].f_nlink--;
	t->t_names[n].n_type = ST_FREE;
}

static bool
st_remove(struct st *t)
{
	int n = st_pick(t, ST_FREE);
	bool dir;

	t->t_what = "remove";
	if (n == -1)
		return true;
	dir = t->t_names[n].n_type == ST_DIR;
	if (dir && st_children(t, n) != 0) {
		want(rmdir_(st_path(t, 0, n)) == -1 && errno == ENOTEMPTY);
		return true;
	}
	if (st_random(t, 10) == 0) {
		if (dir)
			want(unlink_(st_path(t, 0, n)) == -1 &&
			    errno == EISDIR);
		else
			want(rmdir_(st_path(t, 0, n)) == -1 &&
			    errno == ENOTDIR);
	}
	want((dir ? rmdir_ : unlink_)(st_path(t, 0, n)) == 0);
	st_gone(t, n);
	return true;
}

static bool
st_rename_fresh(struct st *t)
{
	int n = st_pick(t, ST_FREE), to, dir = st_dir(t);

	t->t_what = "rename to a new name";
	if (n == -1 || (to = st_fresh(t, dir)) == -1)
		return true;
	if (t->t_names[n].n_type == ST_DIR) {
		if (st_below(t, dir, n)) {
			want(rename_(st_path(t, 0, n), st_path(t, 1, to)) ==
			    -1 && errno == EINVAL);
			return true;
		}
		if (st_depth(t, dir) >= 2)	/* keep the depth bounded */
			return true;
	}
	want(rename_(st_path(t, 0, n), st_path(t, 1, to)) == 0);
	t->t_names[n].n_parent = dir;
	t->t_names[n].n_id = t->t_names[to].n_id;
	return true;
}

static bool
st_rename_over(struct st *t)
{
	int n = st_pick(t, ST_FREE), to = st_pick(t, ST_FREE), error = 0;
	struct st_name *from, *over;

	t->t_what = "rename over another name";
	if (n == -1 || n == to)
		return true;
	from = &t->t_names[n];
	over = &t->t_names[to];
	if (from->n_type == ST_DIR && st_below(t, to, n))
		error = EINVAL;
	else if (st_below(t, n, to))
		error = ENOTEMPTY;
	else if (from->n_type == ST_DIR && over->n_type != ST_DIR)
		error = ENOTDIR;
	else if (from->n_type != ST_DIR && over->n_type == ST_DIR)
		error = EISDIR;
	else if (over->n_type == ST_DIR && st_children(t, to) != 0)
		error = ENOTEMPTY;
	else if (from->n_type == ST_DIR && st_depth(t, over->n_parent) >= 2)
		return true;
	if (error != 0) {
		want(rename_(st_path(t, 0, n), st_path(t, 1, to)) == -1);
		want(errno == error);
		return true;
	}
	want(rename_(st_path(t, 0, n), st_path(t, 1, to)) == 0);
	if (from->n_type == ST_FILE && over->n_type == ST_FILE &&
	    from->n_file == over->n_file)
		return true;		/* two links of one file: both stay */
	from->n_parent = over->n_parent;
	from->n_id = over->n_id;
	st_gone(t, to);
	return true;
}

static bool
st_exchange(struct st *t)
{
	int n = st_pick(t, ST_FREE), to = st_pick(t, ST_FREE), parent;
	unsigned id;

	t->t_what = "exchange";
	if ((fs->cf_caps & CF_EXCHANGE) == 0 || n == -1 || n == to)
		return true;
	if (st_below(t, n, to) || st_below(t, to, n)) {
		want(rename2_(st_path(t, 0, n), st_path(t, 1, to),
		    RENAME_EXCHANGE) == -1 && errno == EINVAL);
		return true;
	}
	if ((t->t_names[n].n_type == ST_DIR && st_depth(t, to) > 3) ||
	    (t->t_names[to].n_type == ST_DIR && st_depth(t, n) > 3))
		return true;
	want(rename2_(st_path(t, 0, n), st_path(t, 1, to),
	    RENAME_EXCHANGE) == 0);
	parent = t->t_names[n].n_parent;
	id = t->t_names[n].n_id;
	t->t_names[n].n_parent = t->t_names[to].n_parent;
	t->t_names[n].n_id = t->t_names[to].n_id;
	t->t_names[to].n_parent = parent;
	t->t_names[to].n_id = id;
	return true;
}

static bool
st_change_file(struct st *t)
{
	int n = st_pick(t, ST_FILE), fd;
	const char *p;
	struct st_file *f;
	size_t size;

	t->t_what = "change a file";
	if (n == -1)
		return true;
	f = &t->t_files[t->t_names[n].n_file];
	p = st_path(t, 0, n);
	switch (st_random(t, 4)) {
	case 0:
		fd = open_(p, O_RDWR, 0);
		want(fd != -1);
		if (!st_write_fd(t, f, fd))
			return false;
		want(sys->close(fd) == 0);
		break;
	case 1:
		size = st_random(t, ST_MAXSIZE);
		want(sys->truncate(p, (off_t)size) == 0);
		f->f_size = size;
		if (f->f_valid > size)
			f->f_valid = size;
		break;
	case 2:
		f->f_mode = 0600 | st_random(t, 0200);
		want(chmod_(p, f->f_mode) == 0);
		break;
	case 3:
		if ((fs->cf_caps & CF_XATTR) == 0)
			break;
		if (st_random(t, 3) == 0 && f->f_xattr[0] != '\0') {
			want(sys->removexattr(p, "user.st") == 0);
			f->f_xattr[0] = '\0';
			break;
		}
		snprintf(f->f_xattr, sizeof(f->f_xattr), "x%u", t->t_next++);
		want(sys->setxattr(p, "user.st", f->f_xattr,
		    strlen(f->f_xattr), 0) == 0);
		break;
	}
	return true;
}

/* Hold files open for a while, whatever becomes of their names. */
static bool
st_hold(struct st *t)
{
	int n, i = (int)st_random(t, ST_FILES);
	struct st_file *f = &t->t_files[i];
	struct stat st;

	t->t_what = "an open file";
	if (f->f_fd != -1) {
		want(sys->fstat(f->f_fd, &st) == 0);
		want(st.st_nlink == f->f_nlink);
		want(st.st_size == (off_t)f->f_size);
		if (!st_check_bytes(t, f, f->f_fd))
			return false;
		if (st_random(t, 2) == 0 && !st_write_fd(t, f, f->f_fd))
			return false;
		want(sys->close(f->f_fd) == 0);
		f->f_fd = -1;
		return true;
	}
	n = st_pick(t, ST_FILE);
	if (n == -1)
		return true;
	f = &t->t_files[t->t_names[n].n_file];
	if (f->f_fd != -1)
		return true;
	f->f_fd = open_(st_path(t, 0, n), O_RDWR, 0);
	want(f->f_fd != -1);
	return true;
}

/* ---- Operations in the shared tree -------------------------------------- */

static const char *
st_shared_name(struct st *t, int which)
{
	char *p = t->t_path[which];

	snprintf(p, PATH_MAX, "shared/d%u/s%u", st_random(t, 3),
	    st_random(t, ST_SHARED));
	return p;
}

/* Every file holds one of these, whole, or is empty yet. */
static bool
st_shared_read(struct st *t, const char *p)
{
	unsigned char buf[5000];
	struct stat st;
	ssize_t n, i;
	int fd;

	fd = open_(p, O_RDONLY | O_NONBLOCK, 0);
	if (fd == -1) {
		want(errno == ENOENT);
		return true;
	}
	want(sys->fstat(fd, &st) == 0);
	if (S_ISREG(st.st_mode)) {
		n = sys->read(fd, buf, sizeof(buf));
		want(n == 0 || n == 4500);
		for (i = 1; i < n; i++)
			want(buf[i] == buf[0]);
	}
	want(sys->close(fd) == 0);
	return true;
}

static bool
st_shared(struct st *t)
{
	const char *p = st_shared_name(t, 0), *q;
	int fd;

	t->t_what = "in the shared tree";
	switch (st_random(t, 7)) {
	case 0:
	case 1:
		fd = open_(p, O_WRONLY | O_CREAT | O_EXCL, 0644);
		if (fd == -1) {
			want(errno == EEXIST);
			break;
		}
		memset(t->t_buf, 'A' + t->t_me, 4500);
		want(sys->write(fd, t->t_buf, 4500) == 4500);
		want(sys->close(fd) == 0);
		break;
	case 2:
		want(unlink_(p) == 0 || errno == ENOENT || errno == EISDIR);
		break;
	case 3:
		q = st_shared_name(t, 1);
		want(rename_(p, q) == 0 || errno == ENOENT ||
		    errno == EISDIR || errno == ENOTDIR ||
		    errno == ENOTEMPTY);
		break;
	case 4:
		q = st_shared_name(t, 1);
		want(link_(p, q) == 0 || errno == ENOENT || errno == EEXIST ||
		    errno == EPERM);
		break;
	case 5:
		if (st_random(t, 2) == 0)
			want(mkdir_(p, 0755) == 0 || errno == EEXIST);
		else
			want(rmdir_(p) == 0 || errno == ENOENT ||
			    errno == ENOTDIR);
		break;
	default:
		return st_shared_read(t, p);
	}
	return true;
}

/* ---- A thread ----------------------------------------------------------- */

static bool
st_step(struct st *t)
{

	switch (st_random(t, 100)) {
	case 0 ... 9:
		return st_mkdir(t);
	case 10 ... 24:
		return st_create(t);
	case 25 ... 28:
		return st_symlink(t);
	case 29 ... 33:
		return st_link(t);
	case 34 ... 47:
		return st_remove(t);
	case 48 ... 53:
		return st_rename_fresh(t);
	case 54 ... 59:
		return st_rename_over(t);
	case 60 ... 62:
		return st_exchange(t);
	case 63 ... 71:
		return st_change_file(t);
	case 72 ... 76:
		return st_hold(t);
	case 77 ... 87:
		t->t_what = "look at";
		return st_check(t, st_random(t, 5) == 0 ? -1 :
		    st_pick(t, ST_FREE));
	default:
		return st_shared(t);
	}
}

static bool
st_main(struct st *t)
{
	int i;

	want(mkdir_(st_path(t, 0, -1), 0755) == 0);
	for (i = 0; i < ST_FILES; i++)
		t->t_files[i].f_fd = -1;
	for (t->t_op = 0; t->t_op < t->t_ops; t->t_op++) {
		if (!st_step(t))
			return false;
	}
	t->t_what = "the tree at the end";
	for (i = -1; i < ST_NAMES; i++) {
		if (!st_check(t, i))
			return false;
	}
	for (i = 0; i < ST_FILES; i++) {
		if (t->t_files[i].f_fd != -1)
			want(sys->close(t->t_files[i].f_fd) == 0);
	}
	return true;
}

static void *
st_thread(void *arg)
{
	struct st *t = arg;

	(void)st_main(t);
	return NULL;
}

struct st_count {
	ino_t ino[3 * ST_SHARED];
	unsigned names[3 * ST_SHARED], nlink[3 * ST_SHARED];
	int n, dir;
};

static void
st_count(void *arg, const struct dirent64 *de)
{
	struct st_count *c = arg;
	char p[300];
	struct stat st;
	int i;

	snprintf(p, sizeof(p), "shared/d%d/%s", c->dir, de->d_name);
	ok(lstat_(p, &st));
	eq(st.st_ino, de->d_ino);
	for (i = 0; i < c->n && c->ino[i] != st.st_ino; i++)
		continue;
	is(i < 3 * ST_SHARED);
	if (i == c->n)
		c->n++;
	c->ino[i] = st.st_ino;
	c->names[i] += S_ISDIR(st.st_mode) ? 2 : 1;
	c->nlink[i] = (unsigned)st.st_nlink;
}

/* In the current directory. */
static void
fsstress_run(uint64_t seed, int nthreads, unsigned long ops)
{
	struct st *t = calloc((size_t)nthreads, sizeof(*t));
	struct st_count c = { .n = 0 };
	char p[32];
	int i, fd;

	is(t != NULL);
	sys->umask(0);
	ok(mkdir_("shared", 0755));
	for (i = 0; i < 3; i++) {
		snprintf(p, sizeof(p), "shared/d%d", i);
		ok(mkdir_(p, 0755));
	}
	for (i = 0; i < nthreads; i++) {
		t[i].t_me = i;
		t[i].t_rand = seed * 1000 + (unsigned)i;
		t[i].t_ops = ops;
		eq(pthread_create(&t[i].t_thread, NULL, st_thread, &t[i]), 0);
	}
	for (i = 0; i < nthreads; i++)
		pthread_join(t[i].t_thread, NULL);
	for (i = 0; i < nthreads; i++) {
		if (t[i].t_line == 0)
			continue;
		print_error("%s: seed %llu thread %d operation %lu (%s): "
		    "not so: %s (%s)\n", fs->cf_name,
		    (unsigned long long)seed, i, t[i].t_op, t[i].t_what,
		    t[i].t_expr, strerror(t[i].t_errno));
		_fail(__FILE__, t[i].t_line);
	}
	for (c.dir = 0; c.dir < 3; c.dir++) {
		snprintf(p, sizeof(p), "shared/d%d", c.dir);
		fd = ok(open_(p, O_RDONLY | O_DIRECTORY, 0));
		each_name(fd, st_count, &c);
		ok(sys->close(fd));
	}
	for (i = 0; i < c.n; i++)
		eq(c.nlink[i], c.names[i]);
	free(t);
}

#endif
