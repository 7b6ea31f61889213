/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Permissions, ownership, set-id bits.
 */
#include "conf.h"

#define ALICE	1001
#define BOB	1002
#define STAFF	2001
#define GUESTS	2002

static void
owner_group_and_others_have_their_bits(void **state)
{
	static const struct {
		mode_t mode;
		uid_t uid;
		gid_t gid;
		int may;		/* R_OK | W_OK */
	} t[] = {
		{ 0600, ALICE, GUESTS, R_OK | W_OK },
		{ 0400, ALICE, GUESTS, R_OK },
		{ 0066, ALICE, STAFF, 0 },
		{ 0040, BOB, STAFF, R_OK },
		{ 0606, BOB, STAFF, 0 },
		{ 0604, BOB, GUESTS, R_OK },
		{ 0662, BOB, GUESTS, W_OK },
		{ 0000, 0, 0, R_OK | W_OK },
	};
	size_t i;
	int fd;

	(void)state;
	put("f", "text");
	ok(chown_("f", ALICE, STAFF));
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		ok(chmod_("f", t[i].mode));
		if (t[i].uid != 0)
			become(t[i].uid, t[i].gid);
		fd = open_("f", O_RDONLY, 0);
		eq(fd != -1, (t[i].may & R_OK) != 0);
		if (fd != -1)
			ok(sys->close(fd));
		fd = open_("f", O_WRONLY, 0);
		eq(fd != -1, (t[i].may & W_OK) != 0);
		if (fd != -1)
			ok(sys->close(fd));
		eq(access_("f", R_OK) == 0, (t[i].may & R_OK) != 0);
		eq(access_("f", W_OK) == 0, (t[i].may & W_OK) != 0);
		as_root();
	}
	fails(access_("f", X_OK), EACCES);
	ok(chmod_("f", 0100));
	ok(access_("f", X_OK));
	fails(access_("f", 8), EINVAL);
}

static void
supplementary_groups_count(void **state)
{
	static const gid_t groups[] = { 5, STAFF, 9000 };

	(void)state;
	put("f", "text");
	ok(chown_("f", ALICE, STAFF));
	ok(chmod_("f", 0040));
	ok(sys->become(BOB, GUESTS, groups, 3));
	ok(sys->close(ok(open_("f", O_RDONLY, 0))));
	as_root();
	ok(sys->become(BOB, GUESTS, groups, 1));
	fails(open_("f", O_RDONLY, 0), EACCES);
	as_root();
}

static void
directories_need_search_and_write(void **state)
{
	struct stat st;
	int fd;

	(void)state;
	ok(mkdir_("d", 0755));
	put("d/f", "text");
	ok(chown_("d/f", ALICE, STAFF));
	ok(chmod_("d", 0644));		/* names, no search */
	become(ALICE, STAFF);
	fails(stat_("d/f", &st), EACCES);
	fails(open_("d/f", O_RDONLY, 0), EACCES);
	fails(stat_("d/.", &st), EACCES);
	fails(sys->chdir("d"), EACCES);
	fd = ok(open_("d", O_RDONLY | O_DIRECTORY, 0));
	eq(each_name(fd, NULL, NULL), 1);
	ok(sys->close(fd));
	as_root();
	ok(chmod_("d", 0711));		/* search, no names */
	become(ALICE, STAFF);
	ok(stat_("d/f", &st));
	fails(open_("d", O_RDONLY | O_DIRECTORY, 0), EACCES);
	fails(open_("d/new", O_WRONLY | O_CREAT, 0644), EACCES);
	fails(mkdir_("d/new", 0755), EACCES);
	fails(symlink_("t", "d/new"), EACCES);
	fails(link_("d/f", "d/new"), EACCES);
	fails(sys->mknodat(AT_FDCWD, "d/new", S_IFIFO | 0644, 0), EACCES);
	fails(unlink_("d/f"), EACCES);
	fails(rename_("d/f", "d/g"), EACCES);
	fails(open_("d/missing", O_RDONLY, 0), ENOENT);
	as_root();
	ok(chmod_("d", 0733));
	become(BOB, GUESTS);
	ok(unlink_("d/f"));
	as_root();
}

static void
sticky_dirs_protect_names(void **state)
{
	(void)state;
	ok(mkdir_("d", 0777));
	ok(chmod_("d", 01777));
	become(ALICE, STAFF);
	put("d/a", "a");
	put("d/a2", "a");
	ok(mkdir_("d/ad", 0777));
	as_root();
	become(BOB, GUESTS);
	put("d/b", "b");
	fails(unlink_("d/a"), EPERM);
	fails(rename_("d/a", "d/x"), EPERM);
	fails(rename_("d/b", "d/a"), EPERM);
	fails(rmdir_("d/ad"), EPERM);
	ok(unlink_("d/b"));
	as_root();
	become(ALICE, STAFF);
	ok(unlink_("d/a"));
	ok(rename_("d/a2", "d/x"));
	as_root();
	ok(chown_("d", BOB, GUESTS));
	become(BOB, GUESTS);
	ok(unlink_("d/x"));		/* the directory's owner */
	ok(rmdir_("d/ad"));
	as_root();
}

static void
new_files_belong_to_who_makes_them(void **state)
{
	struct stat st;

	(void)state;
	ok(mkdir_("d", 0777));
	ok(chmod_("d", 0777));
	become(ALICE, STAFF);
	put("d/f", "");
	ok(mkdir_("d/d", 0755));
	ok(symlink_("t", "d/l"));
	as_root();
	st = st_of("d/f");
	is(st.st_uid == ALICE && st.st_gid == STAFF);
	st = st_of("d/d");
	is(st.st_uid == ALICE && st.st_gid == STAFF);
	st = st_of("d/l");
	is(st.st_uid == ALICE && st.st_gid == STAFF);
}

static void
setgid_dirs_give_their_group(void **state)
{
	(void)state;
	ok(mkdir_("d", 0777));
	ok(chown_("d", 0, GUESTS));
	ok(chmod_("d", 02777));
	become(ALICE, STAFF);
	put("d/f", "");
	ok(mkdir_("d/d", 0755));
	ok(sys->close(ok(open_("d/s", O_WRONLY | O_CREAT, 02775))));
	as_root();
	eq(st_of("d/f").st_gid, GUESTS);
	eq(mode_of("d/f"), 0644);
	eq(st_of("d/d").st_gid, GUESTS);
	eq(mode_of("d/d"), 02755);
	eq(mode_of("d/s"), 0755);	/* not in the group */
}

static void
chmod_is_for_the_owner(void **state)
{
	(void)state;
	put("f", "");
	ok(chown_("f", ALICE, STAFF));
	become(BOB, STAFF);
	fails(chmod_("f", 0777), EPERM);
	as_root();
	become(ALICE, STAFF);
	ok(chmod_("f", 02755));
	eq(mode_of("f"), 02755);
	as_root();
	become(ALICE, GUESTS);
	ok(chmod_("f", 02750));		/* not in the file's group */
	eq(mode_of("f"), 0750);
	ok(chmod_("f", 04711));
	eq(mode_of("f"), 04711);
	as_root();
	ok(chmod_("f", 06755));
	eq(mode_of("f"), 06755);
	fails(chmod_("missing", 0), ENOENT);
}

static void
chown_is_for_root(void **state)
{
	static const gid_t groups[] = { GUESTS };

	(void)state;
	put("f", "");
	ok(chown_("f", ALICE, STAFF));
	become(ALICE, STAFF);
	fails(chown_("f", BOB, -1u), EPERM);
	fails(chown_("f", -1u, GUESTS), EPERM);
	ok(chown_("f", ALICE, STAFF));
	ok(chown_("f", -1u, STAFF));
	as_root();
	ok(sys->become(ALICE, STAFF, groups, 1));
	ok(chown_("f", -1u, GUESTS));
	eq(st_of("f").st_gid, GUESTS);
	as_root();
	become(BOB, STAFF);
	fails(chown_("f", -1u, STAFF), EPERM);
	fails(chown_("f", BOB, -1u), EPERM);
	as_root();
	ok(chown_("f", 70000, 80000));
	is(st_of("f").st_uid == 70000 && st_of("f").st_gid == 80000);
	ok(chown_("f", -1u, -1u));
	is(st_of("f").st_uid == 70000 && st_of("f").st_gid == 80000);
}

static void
chown_clears_setid_bits(void **state)
{
	(void)state;
	put("f", "");
	ok(chown_("f", ALICE, STAFF));
	ok(chmod_("f", 06755));
	become(ALICE, STAFF);
	ok(chown_("f", -1u, STAFF));
	as_root();
	eq(mode_of("f"), 0755);
	ok(chmod_("f", 06755));
	ok(chown_("f", BOB, GUESTS));
	eq(mode_of("f"), 0755);
	ok(chmod_("f", 06744));
	ok(chown_("f", BOB, GUESTS));	/* sgid without x: a lock, kept */
	eq(mode_of("f"), 02744);
	ok(mkdir_("d", 0755));
	ok(chmod_("d", 06755));
	ok(chown_("d", BOB, GUESTS));
	eq(mode_of("d"), 06755);
}

static void
writing_clears_setid_bits(void **state)
{
	int fd;

	(void)state;
	put("f", "text");
	ok(chown_("f", ALICE, STAFF));
	ok(chmod_("f", 06777));
	become(BOB, GUESTS);
	fd = ok(open_("f", O_WRONLY, 0));
	eq(mode_of("f"), 06777);
	eq(ok(sys->write(fd, "x", 1)), 1);
	eq(mode_of("f"), 0777);
	as_root();
	ok(sys->close(fd));
	ok(chmod_("f", 06777));
	become(BOB, GUESTS);
	ok(sys->truncate("f", 1));
	eq(mode_of("f"), 0777);
	as_root();
	ok(chmod_("f", 06777));
	fd = ok(open_("f", O_WRONLY, 0));
	eq(ok(sys->write(fd, "x", 1)), 1);
	eq(mode_of("f"), 06777);	/* root keeps them */
	ok(sys->close(fd));
}

static void
root_is_not_stopped(void **state)
{
	(void)state;
	ok(mkdir_("d", 0));
	ok(chown_("d", ALICE, STAFF));
	put("d/f", "text");
	ok(chmod_("d/f", 0));
	is(has("d/f", "text"));
	put("d/f", "more");
	ok(unlink_("d/f"));
}

static void
hard_links_need_access_to_the_file(void **state)
{
	(void)state;
	ok(chmod_(".", 0777));
	put("f", "");
	ok(chown_("f", ALICE, STAFF));
	ok(chmod_("f", 0600));
	become(ALICE, STAFF);
	ok(link_("f", "g"));
	as_root();
	eq(nlink_of("f"), 2);
}

static void
moving_a_dir_needs_write_to_it(void **state)
{
	(void)state;
	ok(mkdir_("a", 0777));
	ok(mkdir_("b", 0777));
	ok(chmod_("a", 0777));
	ok(chmod_("b", 0777));
	ok(mkdir_("a/d", 0755));
	become(ALICE, STAFF);
	ok(rename_("a/d", "a/e"));	/* the parent stays */
	fails(rename_("a/e", "b/e"), EACCES);
	as_root();
}

static void
utimes_are_for_owner_or_writer(void **state)
{
	struct timespec now[2] = { { .tv_nsec = UTIME_NOW },
	    { .tv_nsec = UTIME_NOW } };
	struct timespec old[2] = { { .tv_sec = 1 }, { .tv_sec = 2 } };
	struct timespec omit[2] = { { .tv_nsec = UTIME_OMIT },
	    { .tv_nsec = UTIME_OMIT } };

	(void)state;
	put("f", "");
	ok(chown_("f", ALICE, STAFF));
	ok(chmod_("f", 0662));
	become(BOB, GUESTS);		/* may write */
	ok(sys->utimensat(AT_FDCWD, "f", NULL, 0));
	ok(sys->utimensat(AT_FDCWD, "f", now, 0));
	fails(sys->utimensat(AT_FDCWD, "f", old, 0), EPERM);
	ok(sys->utimensat(AT_FDCWD, "f", omit, 0));
	now[1] = old[1];
	fails(sys->utimensat(AT_FDCWD, "f", now, 0), EPERM);
	as_root();
	ok(chmod_("f", 0600));
	become(BOB, GUESTS);
	fails(sys->utimensat(AT_FDCWD, "f", NULL, 0), EACCES);
	as_root();
	become(ALICE, STAFF);
	ok(chmod_("f", 0));
	ok(sys->utimensat(AT_FDCWD, "f", old, 0));
	as_root();
}

#define CONF_PERM							\
	C(owner_group_and_others_have_their_bits),			\
	C(supplementary_groups_count),					\
	C(directories_need_search_and_write),				\
	C(sticky_dirs_protect_names),					\
	C(new_files_belong_to_who_makes_them),				\
	C(setgid_dirs_give_their_group),				\
	C(chmod_is_for_the_owner),					\
	C(chown_is_for_root),						\
	C(chown_clears_setid_bits),					\
	C(writing_clears_setid_bits),					\
	C(root_is_not_stopped),						\
	C(hard_links_need_access_to_the_file),				\
	C(moving_a_dir_needs_write_to_it),				\
	C(utimes_are_for_owner_or_writer)
