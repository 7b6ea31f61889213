/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The flags of open(2); names at their limits; symbolic links.
 */
#include "conf.h"

static void
create_makes_or_opens(void **state)
{
	int fd;

	(void)state;
	fails(open_("f", O_RDWR, 0), ENOENT);
	fd = ok(open_("f", O_RDWR | O_CREAT, 0640));
	eq(st_fd(fd).st_size, 0);
	eq(mode_of("f"), 0640);
	eq(ok(sys->write(fd, "12", 2)), 2);
	ok(sys->close(fd));
	fd = ok(open_("f", O_RDWR | O_CREAT, 0600));
	eq(st_fd(fd).st_size, 2);
	eq(mode_of("f"), 0640);
	ok(sys->close(fd));
}

static void
excl_makes_or_fails(void **state)
{
	(void)state;
	ok(symlink_("nowhere", "l"));
	ok(mkdir_("d", 0755));
	ok(sys->close(ok(open_("f", O_WRONLY | O_CREAT | O_EXCL, 0644))));
	fails(open_("f", O_WRONLY | O_CREAT | O_EXCL, 0644), EEXIST);
	fails(open_("l", O_WRONLY | O_CREAT | O_EXCL, 0644), EEXIST);
	fails(open_("d", O_WRONLY | O_CREAT | O_EXCL, 0644), EEXIST);
	is(!exists("nowhere"));
	ok(sys->close(ok(open_("f", O_WRONLY | O_EXCL, 0))));
}

static void
read_only_creation_may_write(void **state)
{
	int fd;

	(void)state;
	fd = ok(open_("f", O_RDWR | O_CREAT, 0444));
	eq(ok(sys->write(fd, "x", 1)), 1);
	ok(sys->close(fd));
	eq(mode_of("f"), 0444);
}

static void
creation_through_dangling_symlink(void **state)
{
	int fd;

	(void)state;
	ok(symlink_("target", "l"));
	fd = ok(open_("l", O_WRONLY | O_CREAT, 0644));
	eq(ok(sys->write(fd, "x", 1)), 1);
	ok(sys->close(fd));
	is(has("target", "x"));
	is(S_ISLNK(st_of("l").st_mode));
}

static void
umask_takes_bits_away(void **state)
{
	(void)state;
	sys->umask(027);
	ok(sys->close(ok(open_("f", O_WRONLY | O_CREAT, 0777))));
	ok(mkdir_("d", 0777));
	ok(sys->mknodat(AT_FDCWD, "p", S_IFIFO | 0666, 0));
	eq(sys->umask(0), 027);
	eq(mode_of("f"), 0750);
	eq(mode_of("d"), 0750);
	eq(mode_of("p"), 0640);
	ok(mkdir_("e", 01777));
	eq(mode_of("e"), 01777);
}

static void
trunc_empties_on_open(void **state)
{
	int fd, other;
	char c;

	(void)state;
	put("f", "12345");
	other = ok(open_("f", O_RDONLY, 0));
	fd = ok(open_("f", O_WRONLY | O_TRUNC, 0));
	eq(st_fd(fd).st_size, 0);
	eq(ok(sys->read(other, &c, 1)), 0);
	ok(sys->close(fd));
	ok(sys->close(other));
	ok(mkdir_("d", 0755));
	fails(open_("d", O_WRONLY | O_TRUNC, 0), EISDIR);
}

static void
directories_open_for_reading_only(void **state)
{
	(void)state;
	ok(mkdir_("d", 0755));
	put("f", "");
	fails(open_("d", O_WRONLY, 0), EISDIR);
	fails(open_("d", O_RDWR, 0), EISDIR);
	fails(open_("d", O_RDONLY | O_CREAT, 0644), EISDIR);
	fails(open_("f", O_RDONLY | O_DIRECTORY, 0), ENOTDIR);
	fails(open_("f/", O_RDONLY, 0), ENOTDIR);
	fails(open_("new/", O_WRONLY | O_CREAT, 0644), EISDIR);
	fails(open_("missing/f", O_WRONLY | O_CREAT, 0644), ENOENT);
	fails(open_("f/x", O_WRONLY | O_CREAT, 0644), ENOTDIR);
	ok(sys->close(ok(open_("d/", O_RDONLY | O_DIRECTORY, 0))));
	ok(sys->close(ok(open_("d/.", O_RDONLY, 0))));
}

static void
nofollow_refuses_a_symlink_at_the_end(void **state)
{
	(void)state;
	put("f", "f");
	ok(mkdir_("d", 0755));
	put("d/f", "f");
	ok(symlink_("f", "l"));
	ok(symlink_("d", "dl"));
	fails(open_("l", O_RDONLY | O_NOFOLLOW, 0), ELOOP);
	fails(open_("dl", O_RDONLY | O_NOFOLLOW, 0), ELOOP);
	fails(open_("dl", O_RDONLY | O_NOFOLLOW | O_DIRECTORY, 0), ENOTDIR);
	ok(sys->close(ok(open_("dl/f", O_RDONLY | O_NOFOLLOW, 0))));
	ok(sys->close(ok(open_("f", O_RDONLY | O_NOFOLLOW, 0))));
}

static void
openat_starts_at_the_descriptor(void **state)
{
	struct stat st;
	int dfd, fd;

	(void)state;
	ok(mkdir_("d", 0755));
	put("f", "f");
	put("d/g", "g");
	dfd = ok(open_("d", O_RDONLY | O_DIRECTORY, 0));
	ok(sys->close(ok(sys->openat(dfd, "g", O_RDONLY, 0))));
	ok(sys->close(ok(sys->openat(dfd, "../f", O_RDONLY, 0))));
	fails(sys->openat(dfd, "f", O_RDONLY, 0), ENOENT);
	fails(sys->openat(-1, "f", O_RDONLY, 0), EBADF);
	ok(sys->close(ok(sys->openat(-1, fs->cf_root, O_RDONLY, 0))));
	fd = ok(open_("f", O_RDONLY, 0));
	fails(sys->openat(fd, "x", O_RDONLY, 0), ENOTDIR);
	ok(sys->fstatat(fd, "", &st, AT_EMPTY_PATH));
	eq(st.st_ino, ino_of("f"));
	fails(sys->fstatat(fd, "", &st, 0), ENOENT);
	ok(sys->fstatat(dfd, "", &st, AT_EMPTY_PATH));
	eq(st.st_ino, ino_of("d"));
	ok(sys->close(fd));
	ok(sys->close(dfd));
}

static void
tmpfile_has_no_name(void **state)
{
	char c;
	int fd;

	(void)state;
	needs(CF_TMPFILE);
	fd = ok(open_(".", O_RDWR | O_TMPFILE, 0600));
	eq(st_fd(fd).st_nlink, 0);
	eq(st_fd(fd).st_mode, S_IFREG | 0600);
	eq(ok(sys->write(fd, "x", 1)), 1);
	eq(ok(sys->pread(fd, &c, 1, 0)), 1);
	eq(count_names("."), 0);
	ok(sys->close(fd));
	fails(open_(".", O_RDONLY | O_TMPFILE, 0600), EINVAL);
	put("f", "");
	fails(open_("f", O_RDWR | O_TMPFILE, 0600), ENOTDIR);
	fails(open_("missing", O_RDWR | O_TMPFILE, 0600), ENOENT);
}

static void
tmpfile_can_get_a_name(void **state)
{
	int fd;

	(void)state;
	needs(CF_TMPFILE);
	fd = ok(open_(".", O_RDWR | O_TMPFILE, 0600));
	eq(ok(sys->write(fd, "text", 4)), 4);
	ok(sys->linkat(fd, "", AT_FDCWD, "f", AT_EMPTY_PATH));
	eq(st_fd(fd).st_nlink, 1);
	ok(sys->close(fd));
	is(has("f", "text"));
	fd = ok(open_(".", O_RDWR | O_TMPFILE | O_EXCL, 0600));
	fails(sys->linkat(fd, "", AT_FDCWD, "g", AT_EMPTY_PATH), ENOENT);
	ok(sys->close(fd));
}

static void
path_descriptors_only_name(void **state)
{
	struct stat st;
	char buf[16];
	int fd, dfd;

	(void)state;
	put("f", "f");
	ok(mkdir_("d", 0755));
	put("d/g", "g");
	ok(symlink_("f", "l"));
	ok(chmod_("f", 0));
	fd = ok(open_("f", O_PATH, 0));
	fails(sys->read(fd, buf, 1), EBADF);
	fails(sys->write(fd, buf, 1), EBADF);
	fails(sys->fchmod(fd, 0644), EBADF);
	fails(sys->ftruncate(fd, 0), EBADF);
	fails(sys->fsync(fd), EBADF);
	ok(sys->fstat(fd, &st));
	eq(st.st_ino, ino_of("f"));
	ok(sys->close(fd));
	fd = ok(open_("l", O_PATH | O_NOFOLLOW, 0));
	is(S_ISLNK(st_fd(fd).st_mode));
	eq(ok(sys->readlinkat(fd, "", buf, sizeof(buf))), 1);
	ok(sys->close(fd));
	dfd = ok(open_("d", O_PATH, 0));
	ok(sys->close(ok(sys->openat(dfd, "g", O_RDONLY, 0))));
	fails(sys->getdents64(dfd, buf, sizeof(buf)), EBADF);
	ok(sys->close(dfd));
}

/* ---- Names -------------------------------------------------------------- */

static void
names_are_up_to_255_bytes(void **state)
{
	char name[258];
	struct stat st;

	(void)state;
	memset(name, 'n', sizeof(name));
	name[255] = '\0';
	put(name, "long");
	is(has(name, "long"));
	eq(count_names("."), 1);
	ok(rename_(name, "short"));
	ok(rename_("short", name));
	name[255] = 'n';
	name[256] = '\0';
	fails(open_(name, O_WRONLY | O_CREAT, 0644), ENAMETOOLONG);
	fails(mkdir_(name, 0755), ENAMETOOLONG);
	fails(symlink_("t", name), ENAMETOOLONG);
	fails(stat_(name, &st), ENAMETOOLONG);
	fails(unlink_(name), ENAMETOOLONG);
	fails(rename_("x", name), ENOENT);
	put("x", "");
	fails(rename_("x", name), ENAMETOOLONG);
	fails(link_("x", name), ENAMETOOLONG);
}

static void
paths_are_shorter_than_path_max(void **state)
{
	char path[PATH_MAX + 2];
	struct stat st;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(path); i++)
		path[i] = i % 2 == 0 ? '.' : '/';
	path[PATH_MAX - 1] = '\0';
	ok(stat_(path, &st));
	path[PATH_MAX - 1] = '/';
	path[PATH_MAX] = '\0';
	fails(stat_(path, &st), ENAMETOOLONG);
	fails(mkdir_(path, 0755), ENAMETOOLONG);
}

static void
names_are_any_bytes(void **state)
{
	static const char *const names[] = { " ", "\n", "\xff\xfe", "a\tb",
	    "...", "..a", ".a", "-", "\\", "\xc3\xa4", "A", "a" };
	size_t i, n = sizeof(names) / sizeof(names[0]);

	(void)state;
	for (i = 0; i < n; i++)
		put(names[i], names[i]);
	eq(count_names("."), n);
	for (i = 0; i < n; i++)
		is(has(names[i], names[i]));
}

static void
slashes_are_one(void **state)
{
	(void)state;
	ok(mkdir_("d", 0755));
	put("d/f", "f");
	is(has("d//f", "f"));
	is(has(".///d/.//f", "f"));
	eq(ino_of("d///"), ino_of("d"));
}

/* ---- Symbolic links ----------------------------------------------------- */

static void
symlinks_of_any_length_are_read_back(void **state)
{
	static const size_t lens[] = { 1, 40, 47, 48, 49, 59, 60, 61, 100, 255,
	    1000, 1023, 4095 };
	char target[PATH_MAX + 1], buf[PATH_MAX + 1], name[32];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		/* A block holds the target and a zero byte. */
		if (lens[i] >= (size_t)st_of(".").st_blksize)
			continue;
		memset(target, 'a' + (int)i, lens[i]);
		target[lens[i]] = '\0';
		snprintf(name, sizeof(name), "l%zu", i);
		ok(symlink_(target, name));
		eq(size_of(name), lens[i]);
		memset(buf, 0, sizeof(buf));
		eq(ok(sys->readlinkat(AT_FDCWD, name, buf, sizeof(buf))),
		    lens[i]);
		is(strcmp(buf, target) == 0);
		eq(ok(sys->readlinkat(AT_FDCWD, name, buf, 1)), 1);
	}
	memset(target, 'x', PATH_MAX);
	target[PATH_MAX] = '\0';
	fails(symlink_(target, "l"), ENAMETOOLONG);
	fails(symlink_("", "l"), ENOENT);
	fails(symlink_("t", "l0"), EEXIST);
	fails(sys->readlinkat(AT_FDCWD, "l0", buf, 0), EINVAL);
	put("f", "");
	fails(sys->readlinkat(AT_FDCWD, "f", buf, 10), EINVAL);
	fails(sys->readlinkat(AT_FDCWD, "missing", buf, 10), ENOENT);
}

static void
symlinks_lead_on(void **state)
{
	char path[PATH_MAX];
	struct stat st;

	(void)state;
	ok(mkdir_("d", 0755));
	put("d/f", "f");
	ok(symlink_("d", "dl"));
	ok(symlink_("dl/f", "fl"));
	ok(symlink_("../fl", "d/back"));
	is(has("fl", "f"));
	is(has("dl/f", "f"));
	is(has("dl/back", "f"));
	eq(ino_of("dl/"), ino_of("d"));
	snprintf(path, sizeof(path), "%s/case/d/f", fs->cf_root);
	ok(symlink_(path, "abs"));
	is(has("abs", "f"));
	fails(stat_("fl/", &st), ENOTDIR);
	fails(stat_("fl/x", &st), ENOTDIR);
	ok(symlink_("nowhere", "dangling"));
	fails(stat_("dangling", &st), ENOENT);
	ok(lstat_("dangling", &st));
}

static void
symlink_loops_are_eloop(void **state)
{
	struct stat st;
	char from[16], to[16];
	int i;

	(void)state;
	ok(symlink_("a", "b"));
	ok(symlink_("b", "a"));
	fails(stat_("a", &st), ELOOP);
	fails(open_("a", O_RDONLY, 0), ELOOP);
	fails(open_("a", O_WRONLY | O_CREAT, 0644), ELOOP);
	fails(stat_("a/x", &st), ELOOP);
	ok(symlink_(".", "self"));
	ok(stat_("self/self/self", &st));
	put("n0", "end");
	for (i = 1; i <= 41; i++) {
		snprintf(from, sizeof(from), "n%d", i);
		snprintf(to, sizeof(to), "n%d", i - 1);
		ok(symlink_(to, from));
	}
	is(has("n40", "end"));
	fails(stat_("n41", &st), ELOOP);
}

static void
symlinks_have_all_permissions(void **state)
{
	(void)state;
	sys->umask(077);
	ok(symlink_("t", "l"));
	eq(mode_of("l"), 0777);
	fails(sys->fchmodat(AT_FDCWD, "l", 0600, 0), ENOENT);
}

#define CONF_OPEN							\
	C(create_makes_or_opens),					\
	C(excl_makes_or_fails),						\
	C(read_only_creation_may_write),				\
	C(creation_through_dangling_symlink),				\
	C(umask_takes_bits_away),					\
	C(trunc_empties_on_open),					\
	C(directories_open_for_reading_only),				\
	C(nofollow_refuses_a_symlink_at_the_end),			\
	C(openat_starts_at_the_descriptor),				\
	C(tmpfile_has_no_name),						\
	C(tmpfile_can_get_a_name),					\
	C(path_descriptors_only_name),					\
	C(names_are_up_to_255_bytes),					\
	C(paths_are_shorter_than_path_max),				\
	C(names_are_any_bytes),						\
	C(slashes_are_one),						\
	C(symlinks_of_any_length_are_read_back),			\
	C(symlinks_lead_on),						\
	C(symlink_loops_are_eloop),					\
	C(symlinks_have_all_permissions)
