/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Removing names; directories: listing, cookies, size, depth.
 */
#include "conf.h"

static void
unlinked_file_lives_while_open(void **state)
{
	char buf[8];
	int fd;

	(void)state;
	put("f", "12345");
	fd = ok(open_("f", O_RDWR, 0));
	ok(unlink_("f"));
	is(!exists("f"));
	eq(st_fd(fd).st_nlink, 0);
	eq(ok(sys->pwrite(fd, "67", 2, 5)), 2);
	eq(ok(sys->pread(fd, buf, 8, 0)), 7);
	is(memcmp(buf, "1234567", 7) == 0);
	put("f", "other");
	eq(ok(sys->pread(fd, buf, 8, 0)), 7);
	ok(sys->ftruncate(fd, 1));
	is(has("f", "other"));
	ok(sys->fchmod(fd, 0600));
	ok(sys->close(fd));
}

static void
unlink_refuses_what_it_must(void **state)
{
	(void)state;
	ok(mkdir_("d", 0755));
	put("f", "");
	fails(unlink_("d"), EISDIR);
	fails(unlink_("missing"), ENOENT);
	fails(unlink_("f/x"), ENOTDIR);
	fails(unlink_("f/"), ENOTDIR);
	fails(unlink_(""), ENOENT);
	fails(unlink_("d/."), EISDIR);
	fails(unlink_("d/.."), EISDIR);
	fails(sys->unlinkat(AT_FDCWD, "f", 0x10), EINVAL);
	is(exists("f"));
}

static void
unlink_removes_a_symlink_itself(void **state)
{
	(void)state;
	put("f", "f");
	ok(symlink_("f", "l"));
	ok(symlink_("nowhere", "m"));
	ok(unlink_("l"));
	ok(unlink_("m"));
	is(has("f", "f"));
	eq(count_names("."), 1);
}

static void
mkdir_makes_an_empty_dir(void **state)
{
	struct stat st;

	(void)state;
	ok(mkdir_("d", 0755));
	st = st_of("d");
	is(S_ISDIR(st.st_mode));
	eq(st.st_nlink, 2);
	eq(nlink_of("."), 3);
	eq(count_names("d"), 0);
	eq(ino_of("d/."), st.st_ino);
	eq(ino_of("d/.."), ino_of("."));
	ok(mkdir_("e/", 0700));
	eq(mode_of("e"), 0700);
}

static void
mkdir_refuses_what_it_must(void **state)
{
	(void)state;
	put("f", "");
	ok(mkdir_("d", 0755));
	ok(symlink_("nowhere", "l"));
	fails(mkdir_("d", 0755), EEXIST);
	fails(mkdir_("f", 0755), EEXIST);
	fails(mkdir_("l", 0755), EEXIST);
	fails(mkdir_("d/.", 0755), EEXIST);
	fails(mkdir_("d/..", 0755), EEXIST);
	fails(mkdir_("/", 0755), EEXIST);
	fails(mkdir_("missing/d", 0755), ENOENT);
	fails(mkdir_("f/d", 0755), ENOTDIR);
	fails(mkdir_("", 0755), ENOENT);
}

static void
rmdir_removes_an_empty_dir(void **state)
{
	(void)state;
	ok(mkdir_("d", 0755));
	ok(mkdir_("d/e", 0755));
	ok(rmdir_("d/e"));
	eq(nlink_of("d"), 2);
	ok(rmdir_("d/"));
	is(!exists("d"));
	eq(nlink_of("."), 2);
}

static void
rmdir_refuses_what_it_must(void **state)
{
	(void)state;
	put("f", "");
	ok(mkdir_("d", 0755));
	ok(mkdir_("d/e", 0755));
	ok(symlink_("d/e", "l"));
	fails(rmdir_("d"), ENOTEMPTY);
	fails(rmdir_("f"), ENOTDIR);
	fails(rmdir_("l"), ENOTDIR);
	fails(rmdir_("l/"), ENOTDIR);
	fails(rmdir_("missing"), ENOENT);
	fails(rmdir_("d/."), EINVAL);
	fails(rmdir_("d/e/.."), ENOTEMPTY);
	fails(rmdir_("f/x"), ENOTDIR);
	ok(rmdir_("d/e"));
	ok(rmdir_("d"));
}

static void
removed_dir_takes_no_names(void **state)
{
	char buf[256];
	int dfd;

	(void)state;
	ok(mkdir_("d", 0755));
	put("f", "");
	dfd = ok(open_("d", O_RDONLY | O_DIRECTORY, 0));
	ok(rmdir_("d"));
	eq(st_fd(dfd).st_nlink, 0);
	fails(sys->openat(dfd, "x", O_CREAT | O_WRONLY, 0644), ENOENT);
	fails(sys->mkdirat(dfd, "x", 0755), ENOENT);
	fails(sys->symlinkat("t", dfd, "x"), ENOENT);
	fails(sys->mknodat(dfd, "x", S_IFIFO | 0644, 0), ENOENT);
	fails(sys->linkat(AT_FDCWD, "f", dfd, "x", 0), ENOENT);
	fails(sys->renameat2(AT_FDCWD, "f", dfd, "x", 0), ENOENT);
	fails(sys->getdents64(dfd, buf, sizeof(buf)), ENOENT);
	ok(mkdir_("d", 0755));
	fails(sys->openat(dfd, "x", O_CREAT | O_WRONLY, 0644), ENOENT);
	ok(sys->close(dfd));
}

static void
removed_cwd_is_empty(void **state)
{
	char up[PATH_MAX], buf[256];
	int dfd;

	(void)state;
	snprintf(up, sizeof(up), "%s/case", fs->cf_root);
	ok(mkdir_("d", 0755));
	ok(sys->chdir("d"));
	ok(rmdir_("../d"));
	fails(open_("x", O_CREAT | O_WRONLY, 0644), ENOENT);
	fails(mkdir_("x", 0755), ENOENT);
	dfd = ok(open_(".", O_RDONLY | O_DIRECTORY, 0));
	fails(sys->getdents64(dfd, buf, sizeof(buf)), ENOENT);
	ok(sys->close(dfd));
	ok(sys->chdir(up));
}

/* ---- Listing ------------------------------------------------------------ */

struct seen {
	unsigned char *count;		/* by the number in "n<number>" */
	size_t n;
	size_t others;
};

static void
see(void *arg, const struct dirent64 *de)
{
	struct seen *s = arg;
	char *end;
	unsigned long i;

	i = strtoul(de->d_name + 1, &end, 10);
	if (de->d_name[0] == 'n' && *end == '\0' && i < s->n)
		s->count[i]++;
	else
		s->others++;
}

static void
make_names(size_t n)
{
	char name[32];
	size_t i;

	for (i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "n%zu", i);
		ok(sys->mknodat(AT_FDCWD, name, S_IFREG | 0644, 0));
	}
}

static void
readdir_tells_names_types_and_inodes(void **state)
{
	_Alignas(struct dirent64) char buf[2048];
	struct dirent64 *de;
	unsigned dots = 0, found = 0;
	ssize_t n, off;
	int fd;

	(void)state;
	ok(mkdir_("sub", 0755));
	ok(sys->chdir("sub"));
	put("f", "");
	ok(mkdir_("d", 0755));
	ok(symlink_("f", "l"));
	ok(sys->mknodat(AT_FDCWD, "p", S_IFIFO | 0644, 0));
	ok(sys->mknodat(AT_FDCWD, "s", S_IFSOCK | 0644, 0));
	ok(sys->mknodat(AT_FDCWD, "c", S_IFCHR | 0644, makedev(1, 3)));
	ok(sys->mknodat(AT_FDCWD, "b", S_IFBLK | 0644, makedev(250, 9)));
	fd = ok(open_(".", O_RDONLY | O_DIRECTORY, 0));
	n = ok(sys->getdents64(fd, buf, sizeof(buf)));
	for (off = 0; off < n; off += de->d_reclen) {
		static const char names[] = "fdlpscb";
		static const unsigned char types[] = { DT_REG, DT_DIR,
		    DT_LNK, DT_FIFO, DT_SOCK, DT_CHR, DT_BLK };
		const char *p;

		de = (struct dirent64 *)(void *)(buf + off);
		eq(de->d_reclen % 8, 0);
		eq(de->d_ino, ino_of(de->d_name));
		if (de->d_name[0] == '.') {
			eq(de->d_type, DT_DIR);
			dots++;
			continue;
		}
		p = strchr(names, de->d_name[0]);
		is(p != NULL && de->d_name[1] == '\0');
		is(de->d_type == types[p - names] || de->d_type == DT_UNKNOWN);
		found |= 1u << (p - names);
	}
	eq(dots, 2);
	eq(found, 0x7f);
	eq(ok(sys->getdents64(fd, buf, sizeof(buf))), 0);
	ok(sys->close(fd));
	ok(sys->chdir(".."));
}

static void
readdir_refuses_what_it_must(void **state)
{
	char buf[64];
	int fd;

	(void)state;
	put("f", "");
	fd = ok(open_("f", O_RDONLY, 0));
	fails(sys->getdents64(fd, buf, sizeof(buf)), ENOTDIR);
	ok(sys->close(fd));
	fd = ok(open_(".", O_RDONLY, 0));
	fails(sys->getdents64(fd, buf, 8), EINVAL);
	fails(sys->read(fd, buf, 8), EISDIR);
	fails(sys->pread(fd, buf, 8, 0), EISDIR);
	ok(sys->close(fd));
	fails(sys->getdents64(-1, buf, sizeof(buf)), EBADF);
}

static void
readdir_sees_every_name_once(void **state)
{
	static const size_t sizes[] = { 1, 7, 8, 9, 16, 17, 33, 500, 2000 };
	unsigned char count[2000];
	struct seen s;
	char dir[32];
	size_t i, k;
	int fd;

	(void)state;
	for (k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
		snprintf(dir, sizeof(dir), "d%zu", k);
		ok(mkdir_(dir, 0755));
		ok(sys->chdir(dir));
		make_names(sizes[k]);
		memset(count, 0, sizeof(count));
		s = (struct seen){ .count = count, .n = sizes[k] };
		fd = ok(open_(".", O_RDONLY | O_DIRECTORY, 0));
		eq(each_name(fd, see, &s), sizes[k]);
		for (i = 0; i < sizes[k]; i++)
			eq(count[i], 1);
		eq(s.others, 0);
		ok(sys->close(fd));
		ok(sys->chdir(".."));
	}
}

static void
readdir_while_names_go_sees_the_rest_once(void **state)
{
	_Alignas(struct dirent64) char buf[512];
	unsigned char count[600] = { 0 };
	struct seen s = { .count = count, .n = 600 };
	struct dirent64 *de;
	char name[32];
	ssize_t n, off;
	size_t i, gone = 0;
	int fd;

	(void)state;
	make_names(600);
	fd = ok(open_(".", O_RDONLY | O_DIRECTORY, 0));
	while ((n = ok(sys->getdents64(fd, buf, sizeof(buf)))) > 0) {
		for (off = 0; off < n; off += de->d_reclen) {
			de = (struct dirent64 *)(void *)(buf + off);
			if (de->d_name[0] == 'n')
				see(&s, de);
		}
		/* Remove odd ones from both ends, seen or not. */
		for (i = 0; i < 20 && gone < 300; i++, gone++) {
			size_t k = gone % 2 == 0 ? gone : 600 - gone;

			snprintf(name, sizeof(name), "n%zu", k | 1);
			(void)unlink_(name);
		}
	}
	for (i = 0; i < 600; i += 2)
		eq(count[i], 1);
	for (i = 1; i < 600; i += 2)
		is(count[i] <= 1);
	ok(sys->close(fd));
}

static void
readdir_while_names_come_sees_the_old_once(void **state)
{
	_Alignas(struct dirent64) char buf[512];
	unsigned char count[400] = { 0 };
	struct seen s = { .count = count, .n = 400 };
	struct dirent64 *de;
	char name[32];
	ssize_t n, off;
	size_t i, made = 0;
	int fd;

	(void)state;
	make_names(400);
	fd = ok(open_(".", O_RDONLY | O_DIRECTORY, 0));
	while ((n = ok(sys->getdents64(fd, buf, sizeof(buf)))) > 0) {
		for (off = 0; off < n; off += de->d_reclen) {
			de = (struct dirent64 *)(void *)(buf + off);
			if (de->d_name[0] == 'n')
				see(&s, de);
		}
		for (i = 0; i < 30 && made < 1500; i++, made++) {
			snprintf(name, sizeof(name), "m%zu", made);
			ok(sys->mknodat(AT_FDCWD, name, S_IFREG | 0644, 0));
		}
	}
	for (i = 0; i < 400; i++)
		eq(count[i], 1);
	ok(sys->close(fd));
}

static void
readdir_with_renaming_of_what_is_read_ends(void **state)
{
	_Alignas(struct dirent64) char buf[512];
	struct dirent64 *de;
	char name[300];
	ssize_t n, off;
	size_t reads = 0, i = 0;
	int fd;

	(void)state;
	make_names(200);
	fd = ok(open_(".", O_RDONLY | O_DIRECTORY, 0));
	while ((n = ok(sys->getdents64(fd, buf, sizeof(buf)))) > 0) {
		is(++reads < 10000);
		for (off = 0; off < n; off += de->d_reclen) {
			de = (struct dirent64 *)(void *)(buf + off);
			if (de->d_name[0] != 'n')
				continue;
			snprintf(name, sizeof(name), "r%zu", i++);
			ok(rename_(de->d_name, name));
		}
	}
	eq(i, 200);
	ok(sys->close(fd));
	eq(count_names("."), 200);
}

static void
seekdir_goes_back_to_where_it_was(void **state)
{
	_Alignas(struct dirent64) char buf[300];
	char first[300][64];
	int64_t cookie[300];
	struct dirent64 *de;
	ssize_t n, off;
	size_t i = 0, k;
	int fd;

	(void)state;
	make_names(200);
	fd = ok(open_(".", O_RDONLY | O_DIRECTORY, 0));
	while ((n = ok(sys->getdents64(fd, buf, sizeof(buf)))) > 0) {
		for (off = 0; off < n; off += de->d_reclen) {
			de = (struct dirent64 *)(void *)(buf + off);
			snprintf(first[i], sizeof(first[i]), "%.60s",
			    de->d_name);
			cookie[i++] = de->d_off;
			is(i < 300);
		}
	}
	eq(i, 202);
	/* Behind each: the next one follows. */
	for (k = i - 1; k-- > 0;) {
		ok(sys->lseek(fd, cookie[k], SEEK_SET));
		n = ok(sys->getdents64(fd, buf, sizeof(buf)));
		de = (struct dirent64 *)(void *)buf;
		is(n > 0 && strcmp(de->d_name, first[k + 1]) == 0);
	}
	ok(sys->lseek(fd, 0, SEEK_SET));
	n = ok(sys->getdents64(fd, buf, sizeof(buf)));
	de = (struct dirent64 *)(void *)buf;
	is(n > 0 && strcmp(de->d_name, first[0]) == 0);
	ok(sys->lseek(fd, cookie[i - 1], SEEK_SET));
	eq(ok(sys->getdents64(fd, buf, sizeof(buf))), 0);
	ok(sys->close(fd));
}

static void
seekdir_after_removal_finds_the_next(void **state)
{
	_Alignas(struct dirent64) char buf[8192];
	unsigned char count[64] = { 0 };
	struct seen s = { .count = count, .n = 64 };
	struct dirent64 *de;
	char name[32];
	ssize_t n, off;
	size_t i;
	int64_t here = -1;
	int fd;

	(void)state;
	make_names(64);
	fd = ok(open_(".", O_RDONLY | O_DIRECTORY, 0));
	n = ok(sys->getdents64(fd, buf, 1024));
	for (off = 0; off < n; off += de->d_reclen) {
		de = (struct dirent64 *)(void *)(buf + off);
		if (de->d_name[0] == 'n')
			see(&s, de);
		here = de->d_off;
	}
	for (i = 0; i < 64; i++) {
		if (count[i] == 1 && i % 2 == 0) {
			snprintf(name, sizeof(name), "n%zu", i);
			ok(unlink_(name));
		}
	}
	ok(sys->lseek(fd, here, SEEK_SET));
	each_name(fd, see, &s);
	for (i = 0; i < 64; i++)
		eq(count[i], 1);
	ok(sys->close(fd));
}

static void
names_of_a_dir_are_found_after_many_changes(void **state)
{
	char name[32];
	bool there[512] = { false };
	unsigned r = 12345, i, k;
	size_t n = 0;

	(void)state;
	for (i = 0; i < 6000; i++) {
		r = r * 1103515245 + 12345;
		k = (r >> 16) % 512;
		snprintf(name, sizeof(name), "name-%u", k);
		eq(exists(name), there[k]);
		if (there[k]) {
			ok(unlink_(name));
			n--;
		} else {
			ok(sys->mknodat(AT_FDCWD, name, S_IFREG | 0644, 0));
			n++;
		}
		there[k] = !there[k];
	}
	eq(count_names("."), n);
}

static void
hundred_thousand_names_in_a_dir(void **state)
{
	enum { N = 100000 };
	unsigned char *count = calloc(N, 1);
	struct seen s = { .count = count, .n = N };
	struct timespec t0, t1;
	char name[32];
	size_t i;
	int fd;

	(void)state;
	is(count != NULL);
	clock_gettime(CLOCK_MONOTONIC, &t0);
	make_names(N);
	fails(sys->mknodat(AT_FDCWD, "n77777", S_IFREG | 0644, 0), EEXIST);
	is(!exists("n100000"));
	fd = ok(open_(".", O_RDONLY | O_DIRECTORY, 0));
	eq(each_name(fd, see, &s), N);
	for (i = 0; i < N; i++)
		eq(count[i], 1);
	for (i = 0; i < N; i += 1000) {
		snprintf(name, sizeof(name), "n%zu", i);
		is(exists(name));
	}
	for (i = 0; i < N; i++) {
		snprintf(name, sizeof(name), "n%zu", (i * 7919) % N);
		ok(unlink_(name));
	}
	ok(sys->lseek(fd, 0, SEEK_SET));
	eq(each_name(fd, NULL, NULL), 0);
	ok(sys->close(fd));
	clock_gettime(CLOCK_MONOTONIC, &t1);
	free(count);
	/* Far beyond what any needs; a quadratic one needs hours. */
	is(t1.tv_sec - t0.tv_sec < 120);
}

static void
deep_trees_are_walked(void **state)
{
	enum { DEPTH = 1000 };
	int fd, up;
	unsigned i;

	(void)state;
	for (i = 0; i < DEPTH; i++) {
		ok(mkdir_("deep", 0755));
		ok(sys->chdir("deep"));
	}
	put("f", "bottom");
	is(has("f", "bottom"));
	fd = ok(open_(".", O_RDONLY | O_DIRECTORY, 0));
	for (i = 0; i < DEPTH; i++) {
		up = ok(sys->openat(fd, "..", O_RDONLY | O_DIRECTORY, 0));
		ok(sys->close(fd));
		fd = up;
	}
	ok(sys->fchdir(fd));
	eq(st_fd(fd).st_ino, ino_of("."));
	is(exists("deep"));
	ok(sys->close(fd));
	eq(ino_of("deep/deep/../../deep/./deep/../.."), ino_of("."));
}

#define CONF_DIR							\
	C(unlinked_file_lives_while_open),				\
	C(unlink_refuses_what_it_must),					\
	C(unlink_removes_a_symlink_itself),				\
	C(mkdir_makes_an_empty_dir),					\
	C(mkdir_refuses_what_it_must),					\
	C(rmdir_removes_an_empty_dir),					\
	C(rmdir_refuses_what_it_must),					\
	C(removed_dir_takes_no_names),					\
	C(removed_cwd_is_empty),					\
	C(readdir_tells_names_types_and_inodes),			\
	C(readdir_refuses_what_it_must),				\
	C(readdir_sees_every_name_once),				\
	C(readdir_while_names_go_sees_the_rest_once),			\
	C(readdir_while_names_come_sees_the_old_once),			\
	C(readdir_with_renaming_of_what_is_read_ends),			\
	C(seekdir_goes_back_to_where_it_was),				\
	C(seekdir_after_removal_finds_the_next),			\
	C(names_of_a_dir_are_found_after_many_changes),			\
	C(hundred_thousand_names_in_a_dir),				\
	C(deep_trees_are_walked)
