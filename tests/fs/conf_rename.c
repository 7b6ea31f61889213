/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rename(2), in its corners; link(2).
 */
#include "conf.h"

static void
rename_keeps_the_file(void **state)
{
	ino_t ino;

	(void)state;
	put("a", "text");
	ino = ino_of("a");
	ok(rename_("a", "b"));
	is(!exists("a"));
	eq(ino_of("b"), ino);
	is(has("b", "text"));
}

static void
rename_over_file_replaces_it(void **state)
{
	int fd;
	char c;

	(void)state;
	put("a", "new");
	put("b", "old");
	fd = ok(open_("b", O_RDONLY, 0));
	ok(rename_("a", "b"));
	is(!exists("a"));
	is(has("b", "new"));
	eq(st_fd(fd).st_nlink, 0);
	eq(ok(sys->read(fd, &c, 1)), 1);
	eq(c, 'o');
	ok(sys->close(fd));
	eq(count_names("."), 1);
}

static void
rename_of_missing_file_fails(void **state)
{
	(void)state;
	put("b", "");
	fails(rename_("a", "b"), ENOENT);
	fails(rename_("a", "missing/b"), ENOENT);
	fails(rename_("b", "missing/b"), ENOENT);
	fails(rename_("", "b"), ENOENT);
	fails(rename_("b", ""), ENOENT);
	is(exists("b"));
}

static void
rename_below_a_file_fails(void **state)
{
	(void)state;
	put("f", "");
	put("a", "");
	fails(rename_("a", "f/b"), ENOTDIR);
	fails(rename_("f/b", "a"), ENOTDIR);
}

static void
rename_file_over_dir_fails(void **state)
{
	(void)state;
	put("f", "");
	ok(mkdir_("d", 0755));
	fails(rename_("f", "d"), EISDIR);
	is(exists("f"));
}

static void
rename_dir_over_file_fails(void **state)
{
	(void)state;
	put("f", "");
	ok(mkdir_("d", 0755));
	fails(rename_("d", "f"), ENOTDIR);
	is(exists("d"));
}

static void
rename_over_empty_dir_replaces_it(void **state)
{
	ino_t ino;
	int fd;

	(void)state;
	ok(mkdir_("a", 0755));
	put("a/x", "x");
	ok(mkdir_("b", 0755));
	ino = ino_of("a");
	fd = ok(open_("b", O_RDONLY | O_DIRECTORY, 0));
	ok(rename_("a", "b"));
	eq(ino_of("b"), ino);
	is(has("b/x", "x"));
	eq(nlink_of("."), 3);
	fails(sys->openat(fd, "new", O_CREAT | O_WRONLY, 0644), ENOENT);
	ok(sys->close(fd));
}

static void
rename_over_full_dir_fails(void **state)
{
	(void)state;
	ok(mkdir_("a", 0755));
	ok(mkdir_("b", 0755));
	put("b/x", "");
	fails(rename_("a", "b"), ENOTEMPTY);
	fails(rename_("b/x", "b"), ENOTEMPTY);
	is(exists("a"));
	is(exists("b/x"));
}

static void
rename_into_own_child_fails(void **state)
{
	(void)state;
	ok(mkdir_("a", 0755));
	ok(mkdir_("a/b", 0755));
	ok(mkdir_("a/b/c", 0755));
	fails(rename_("a", "a/x"), EINVAL);
	fails(rename_("a", "a/b"), EINVAL);
	fails(rename_("a", "a/b/c/d"), EINVAL);
	fails(rename_("a/b/c", "a"), ENOTEMPTY);
	fails(rename_("a/b/c", "a/b"), ENOTEMPTY);
	is(exists("a/b/c"));
}

static void
rename_of_dots_fails(void **state)
{
	(void)state;
	ok(mkdir_("a", 0755));
	ok(mkdir_("a/b", 0755));
	fails(rename_("a/.", "x"), EBUSY);
	fails(rename_("a/b/..", "x"), EBUSY);
	fails(rename_("a/b", "a/."), EBUSY);
	fails(rename_("a", "a/b/.."), EBUSY);
}

static void
rename_to_same_inode_does_nothing(void **state)
{
	(void)state;
	put("a", "text");
	ok(link_("a", "b"));
	ok(rename_("a", "b"));
	is(exists("a"));
	is(exists("b"));
	eq(nlink_of("a"), 2);
	ok(rename_("a", "a"));
	is(exists("a"));
}

static void
rename_moves_dir_between_dirs(void **state)
{
	struct stat up;

	(void)state;
	ok(mkdir_("a", 0755));
	ok(mkdir_("b", 0755));
	ok(mkdir_("a/d", 0755));
	eq(nlink_of("a"), 3);
	ok(rename_("a/d", "b/d"));
	eq(nlink_of("a"), 2);
	eq(nlink_of("b"), 3);
	ok(stat_("b/d/..", &up));
	eq(up.st_ino, ino_of("b"));
}

static void
rename_over_dir_elsewhere_counts_links(void **state)
{
	(void)state;
	ok(mkdir_("a", 0755));
	ok(mkdir_("b", 0755));
	ok(mkdir_("a/d", 0755));
	ok(mkdir_("b/d", 0755));
	ok(rename_("a/d", "b/d"));
	eq(nlink_of("a"), 2);
	eq(nlink_of("b"), 3);
	eq(nlink_of("b/d"), 2);
}

static void
rename_across_mounts_fails(void **state)
{
	char there[PATH_MAX];

	(void)state;
	if (fs->cf_other == NULL)
		return;
	snprintf(there, sizeof(there), "%s/conf-exdev", fs->cf_other);
	put("a", "");
	ok(mkdir_("d", 0755));
	fails(rename_("a", there), EXDEV);
	fails(rename_("d", there), EXDEV);
	fails(link_("a", there), EXDEV);
	is(exists("a"));
}

static void
rename_noreplace_refuses_a_target(void **state)
{
	(void)state;
	put("a", "a");
	put("b", "b");
	ok(mkdir_("d", 0755));
	fails(rename2_("a", "b", RENAME_NOREPLACE), EEXIST);
	fails(rename2_("a", "d", RENAME_NOREPLACE), EEXIST);
	fails(rename2_("a", "a", RENAME_NOREPLACE), EEXIST);
	fails(rename2_("a", "d/.", RENAME_NOREPLACE), EEXIST);
	ok(rename2_("a", "c", RENAME_NOREPLACE));
	is(has("c", "a"));
	is(has("b", "b"));
}

static void
rename_flags_are_checked(void **state)
{
	(void)state;
	put("a", "");
	put("b", "");
	fails(rename2_("a", "b", 0x80), EINVAL);
	fails(rename2_("a", "b", RENAME_NOREPLACE | RENAME_EXCHANGE), EINVAL);
	fails(rename2_("a", "b", RENAME_WHITEOUT | RENAME_EXCHANGE), EINVAL);
}

static void
exchange_swaps_files(void **state)
{
	ino_t a, b;

	(void)state;
	needs(CF_EXCHANGE);
	put("a", "a");
	put("b", "b");
	a = ino_of("a");
	b = ino_of("b");
	ok(rename2_("a", "b", RENAME_EXCHANGE));
	eq(ino_of("a"), b);
	eq(ino_of("b"), a);
	is(has("a", "b"));
	is(has("b", "a"));
	eq(nlink_of("a"), 1);
}

static void
exchange_swaps_dir_and_file(void **state)
{
	struct stat up;

	(void)state;
	needs(CF_EXCHANGE);
	ok(mkdir_("x", 0755));
	ok(mkdir_("y", 0755));
	ok(mkdir_("x/d", 0755));
	put("x/d/in", "in");
	put("y/f", "f");
	ok(rename2_("x/d", "y/f", RENAME_EXCHANGE));
	is(has("x/d", "f"));
	is(has("y/f/in", "in"));
	eq(nlink_of("x"), 2);
	eq(nlink_of("y"), 3);
	ok(stat_("y/f/..", &up));
	eq(up.st_ino, ino_of("y"));
}

static void
exchange_swaps_full_dirs(void **state)
{
	struct stat up;

	(void)state;
	needs(CF_EXCHANGE);
	ok(mkdir_("x", 0755));
	ok(mkdir_("y", 0755));
	ok(mkdir_("x/d", 0755));
	ok(mkdir_("y/e", 0755));
	put("x/d/1", "1");
	put("y/e/2", "2");
	ok(rename2_("x/d", "y/e", RENAME_EXCHANGE));
	is(has("y/e/1", "1"));
	is(has("x/d/2", "2"));
	eq(nlink_of("x"), 3);
	eq(nlink_of("y"), 3);
	ok(stat_("x/d/..", &up));
	eq(up.st_ino, ino_of("x"));
	ok(stat_("y/e/..", &up));
	eq(up.st_ino, ino_of("y"));
}

static void
exchange_needs_both_and_no_loop(void **state)
{
	(void)state;
	needs(CF_EXCHANGE);
	put("a", "");
	ok(mkdir_("d", 0755));
	ok(mkdir_("d/e", 0755));
	put("d/e/f", "");
	fails(rename2_("a", "b", RENAME_EXCHANGE), ENOENT);
	fails(rename2_("b", "a", RENAME_EXCHANGE), ENOENT);
	fails(rename2_("d", "d/e", RENAME_EXCHANGE), EINVAL);
	fails(rename2_("d", "d/e/f", RENAME_EXCHANGE), EINVAL);
	fails(rename2_("d/e", "d", RENAME_EXCHANGE), EINVAL);
}

static void
whiteout_leaves_a_device(void **state)
{
	struct stat st;

	(void)state;
	needs(CF_WHITEOUT);
	put("a", "a");
	ok(rename2_("a", "b", RENAME_WHITEOUT));
	is(has("b", "a"));
	st = st_of("a");
	is(S_ISCHR(st.st_mode));
	eq(st.st_rdev, 0);
	put("c", "c");
	ok(rename2_("b", "c", RENAME_WHITEOUT));
	is(has("c", "a"));
	is(S_ISCHR(st_of("b").st_mode));
	eq(count_names("."), 3);
}

static void
rename_with_trailing_slash_wants_dirs(void **state)
{
	(void)state;
	put("f", "f");
	ok(mkdir_("d", 0755));
	fails(rename_("f/", "g"), ENOTDIR);
	fails(rename_("f", "g/"), ENOTDIR);
	fails(rename_("f", "d/"), ENOTDIR);
	ok(rename_("d/", "e"));
	ok(rename_("e", "g/"));
	ok(rename_("g/", "h//"));
	is(exists("h"));
}

static void
rename_moves_a_symlink_itself(void **state)
{
	char buf[16];

	(void)state;
	put("f", "f");
	ok(symlink_("f", "l"));
	ok(rename_("l", "m"));
	eq(ok(sys->readlinkat(AT_FDCWD, "m", buf, sizeof(buf))), 1);
	is(exists("f"));
	put("g", "g");
	ok(rename_("g", "m"));
	is(has("m", "g"));
	is(has("f", "f"));
	ok(symlink_("d", "dl"));
	ok(mkdir_("d", 0755));
	fails(rename_("dl/", "x"), ENOTDIR);
}

static void
rename_of_cwd_keeps_it(void **state)
{
	struct stat st;
	ino_t ino;

	(void)state;
	ok(mkdir_("a", 0755));
	ino = ino_of("a");
	ok(sys->chdir("a"));
	ok(rename_("../a", "../b"));
	eq(ino_of("."), ino);
	put("x", "x");
	ok(sys->chdir(".."));
	is(has("b/x", "x"));
	ok(stat_("b", &st));
	eq(st.st_ino, ino);
}

static void
rename_is_seen_by_open_files(void **state)
{
	int fd, dfd;

	(void)state;
	ok(mkdir_("d", 0755));
	put("d/f", "12");
	dfd = ok(open_("d", O_RDONLY | O_DIRECTORY, 0));
	fd = ok(open_("d/f", O_RDWR | O_APPEND, 0));
	ok(rename_("d", "e"));
	ok(rename_("e/f", "e/g"));
	eq(ok(sys->write(fd, "3", 1)), 1);
	is(has("e/g", "123"));
	ok(sys->unlinkat(dfd, "g", 0));
	eq(count_names("e"), 0);
	ok(sys->close(fd));
	ok(sys->close(dfd));
}

static void
rename_chain_through_many_names(void **state)
{
	char from[32], to[32];
	ino_t ino;
	int i;

	(void)state;
	put("n0", "text");
	ino = ino_of("n0");
	for (i = 0; i < 500; i++) {
		snprintf(from, sizeof(from), "n%d", i);
		snprintf(to, sizeof(to), "n%d", i + 1);
		ok(rename_(from, to));
	}
	eq(ino_of("n500"), ino);
	eq(count_names("."), 1);
}

static void
link_makes_another_name(void **state)
{
	(void)state;
	put("a", "a");
	ok(link_("a", "b"));
	eq(nlink_of("a"), 2);
	eq(ino_of("a"), ino_of("b"));
	put("b", "bb");
	is(has("a", "bb"));
	ok(unlink_("a"));
	eq(nlink_of("b"), 1);
	is(has("b", "bb"));
}

static void
link_refuses_what_it_must(void **state)
{
	(void)state;
	put("f", "");
	put("g", "");
	ok(mkdir_("d", 0755));
	fails(link_("d", "e"), EPERM);
	fails(link_("f", "g"), EEXIST);
	fails(link_("f", "d"), EEXIST);
	fails(link_("f", "f"), EEXIST);
	fails(link_("missing", "x"), ENOENT);
	fails(link_("f", "missing/x"), ENOENT);
	fails(link_("f", "g/x"), ENOTDIR);
	fails(link_("f/", "x"), ENOTDIR);
	fails(link_("f", "x/"), ENOENT);
	fails(sys->linkat(AT_FDCWD, "f", AT_FDCWD, "x", 0x8000), EINVAL);
	eq(nlink_of("f"), 1);
}

static void
link_of_symlink_follows_when_asked(void **state)
{
	(void)state;
	put("f", "f");
	ok(symlink_("f", "l"));
	ok(link_("l", "hard"));
	is(S_ISLNK(st_of("hard").st_mode));
	eq(nlink_of("l"), 2);
	ok(sys->linkat(AT_FDCWD, "l", AT_FDCWD, "file",
	    AT_SYMLINK_FOLLOW));
	eq(ino_of("file"), ino_of("f"));
	eq(nlink_of("f"), 2);
}

static void
link_limit_is_kept(void **state)
{
	char name[32];
	unsigned i;

	(void)state;
	if (fs->cf_maxlinks == 0)
		return;
	put("f", "");
	for (i = 1; i < fs->cf_maxlinks; i++) {
		snprintf(name, sizeof(name), "l%u", i);
		ok(link_("f", name));
	}
	fails(link_("f", "more"), EMLINK);
	eq(nlink_of("f"), fs->cf_maxlinks);
	ok(unlink_("l1"));
	ok(link_("f", "more"));
}

static void
link_by_empty_path_names_an_open_file(void **state)
{
	int fd;

	(void)state;
	put("f", "f");
	fd = ok(open_("f", O_RDONLY, 0));
	ok(sys->linkat(fd, "", AT_FDCWD, "g", AT_EMPTY_PATH));
	is(has("g", "f"));
	ok(unlink_("f"));
	ok(unlink_("g"));
	fails(sys->linkat(fd, "", AT_FDCWD, "h", AT_EMPTY_PATH), ENOENT);
	ok(sys->close(fd));
}

#define CONF_RENAME							\
	C(rename_keeps_the_file),					\
	C(rename_over_file_replaces_it),				\
	C(rename_of_missing_file_fails),				\
	C(rename_below_a_file_fails),					\
	C(rename_file_over_dir_fails),					\
	C(rename_dir_over_file_fails),					\
	C(rename_over_empty_dir_replaces_it),				\
	C(rename_over_full_dir_fails),					\
	C(rename_into_own_child_fails),					\
	C(rename_of_dots_fails),					\
	C(rename_to_same_inode_does_nothing),				\
	C(rename_moves_dir_between_dirs),				\
	C(rename_over_dir_elsewhere_counts_links),			\
	C(rename_across_mounts_fails),					\
	C(rename_noreplace_refuses_a_target),				\
	C(rename_flags_are_checked),					\
	C(exchange_swaps_files),					\
	C(exchange_swaps_dir_and_file),					\
	C(exchange_swaps_full_dirs),					\
	C(exchange_needs_both_and_no_loop),				\
	C(whiteout_leaves_a_device),					\
	C(rename_with_trailing_slash_wants_dirs),			\
	C(rename_moves_a_symlink_itself),				\
	C(rename_of_cwd_keeps_it),					\
	C(rename_is_seen_by_open_files),				\
	C(rename_chain_through_many_names),				\
	C(link_makes_another_name),					\
	C(link_refuses_what_it_must),					\
	C(link_of_symlink_follows_when_asked),				\
	C(link_limit_is_kept),						\
	C(link_by_empty_path_names_an_open_file)
