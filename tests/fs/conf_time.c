/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Time stamps: which call changes which, and what can be stored.
 */
#include "conf.h"

#define OLD	1000000000L		/* September 2001 */

enum { A = 1, M = 2, CT = 4 };

static struct timespec conf_ctime;	/* of the file, when it was aged */

/* Give a file old times, and remember its ctime. */
static void
age(const char *p)
{
	struct timespec ts[2] = { { .tv_sec = OLD }, { .tv_sec = OLD } };

	ok(sys->utimensat(AT_FDCWD, p, ts, AT_SYMLINK_NOFOLLOW));
	conf_ctime = st_of(p).st_ctim;
	nap();
}

/* Which of an aged file's times have changed? */
static int
changed(const struct stat *st)
{
	int c = 0;

	if (st->st_atim.tv_sec != OLD)
		c |= A;
	if (st->st_mtim.tv_sec != OLD)
		c |= M;
	if (st->st_ctim.tv_sec != conf_ctime.tv_sec ||
	    st->st_ctim.tv_nsec != conf_ctime.tv_nsec)
		c |= CT;
	return c;
}

#define after(p, what) do {						\
	struct stat a_st_ = st_of(p);					\
	eq(changed(&a_st_), what);					\
} while (0)

static void
new_files_have_the_time_of_now(void **state)
{
	struct timespec now;
	struct stat st;

	(void)state;
	clock_gettime(CLOCK_REALTIME, &now);
	put("f", "");
	st = st_of("f");
	is(labs(st.st_mtim.tv_sec - now.tv_sec) <= 2);
	is(labs(st.st_atim.tv_sec - now.tv_sec) <= 2);
	is(labs(st.st_ctim.tv_sec - now.tv_sec) <= 2);
}

static void
creation_and_removal_change_the_dir(void **state)
{
	(void)state;
	ok(mkdir_("d", 0755));
	age("d");
	put("d/f", "");
	after("d", M | CT);
	age("d");
	put("d/f", "again");
	after("d", 0);
	ok(link_("d/f", "d/g"));
	after("d", M | CT);
	age("d");
	ok(unlink_("d/g"));
	after("d", M | CT);
	age("d");
	ok(mkdir_("d/d", 0755));
	after("d", M | CT);
	age("d");
	ok(rmdir_("d/d"));
	after("d", M | CT);
	age("d");
	ok(symlink_("t", "d/l"));
	after("d", M | CT);
	age("d");
	ok(sys->mknodat(AT_FDCWD, "d/p", S_IFIFO | 0644, 0));
	after("d", M | CT);
	age("d");
	(void)mkdir_("d/p", 0755);
	after("d", 0);
}

static void
reading_changes_atime(void **state)
{
	char c;
	int fd;

	(void)state;
	put("f", "x");
	age("f");
	fd = ok(open_("f", O_RDONLY, 0));
	after("f", 0);
	eq(ok(sys->read(fd, &c, 1)), 1);
	after("f", A);
	ok(sys->close(fd));
	age("f");
	fd = ok(open_("f", O_RDONLY | O_NOATIME, 0));
	eq(ok(sys->read(fd, &c, 1)), 1);
	after("f", 0);
	ok(sys->close(fd));
	ok(symlink_("target", "l"));
	age("l");
	eq(ok(sys->readlinkat(AT_FDCWD, "l", &c, 1)), 1);
	after("l", A);
	ok(mkdir_("d", 0755));
	put("d/f", "");
	age("d");
	eq(count_names("d"), 1);
	after("d", A);
}

static void
atime_is_relative(void **state)
{
	struct timespec now[2];
	struct stat st;
	char c;
	int fd;

	(void)state;
	put("f", "x");
	fd = ok(open_("f", O_RDONLY, 0));
	clock_gettime(CLOCK_REALTIME, &now[0]);
	now[0].tv_sec += 3600;
	now[1] = now[0];
	now[1].tv_sec -= 7200;
	ok(sys->futimens(fd, now));
	eq(ok(sys->read(fd, &c, 1)), 1);
	st = st_fd(fd);
	eq(st.st_atim.tv_sec, now[0].tv_sec);
	ok(sys->close(fd));
}

static void
writing_changes_mtime_and_ctime(void **state)
{
	int fd;

	(void)state;
	put("f", "12345");
	age("f");
	fd = ok(open_("f", O_WRONLY, 0));
	after("f", 0);
	eq(ok(sys->write(fd, NULL, 0)), 0);
	after("f", 0);
	eq(ok(sys->write(fd, "x", 1)), 1);
	after("f", M | CT);
	age("f");
	ok(sys->ftruncate(fd, 3));
	after("f", M | CT);
	age("f");
	ok(sys->ftruncate(fd, 3));
	after("f", M | CT);
	age("f");
	ok(sys->truncate("f", 10));
	after("f", M | CT);
	ok(sys->close(fd));
	age("f");
	ok(sys->close(ok(open_("f", O_WRONLY | O_TRUNC, 0))));
	after("f", M | CT);
	age("f");
	ok(sys->close(ok(open_("f", O_WRONLY | O_TRUNC, 0))));
	after("f", M | CT);
}

static void
attributes_change_ctime_only(void **state)
{
	(void)state;
	put("f", "");
	age("f");
	ok(chmod_("f", 0600));
	after("f", CT);
	age("f");
	ok(chown_("f", 5, 6));
	after("f", CT);
	age("f");
	ok(link_("f", "g"));
	after("f", CT);
	age("f");
	ok(unlink_("g"));
	after("f", CT);
	age("f");
	ok(rename_("f", "h"));
	after("h", CT);
	if ((fs->cf_caps & CF_XATTR) != 0) {
		age("h");
		ok(sys->setxattr("h", "user.a", "v", 1, 0));
		after("h", CT);
	}
}

static void
rename_changes_both_dirs(void **state)
{
	(void)state;
	ok(mkdir_("a", 0755));
	ok(mkdir_("b", 0755));
	put("a/f", "");
	put("b/f", "");
	ok(link_("b/f", "other"));
	age("a");
	age("b");
	ok(rename_("a/f", "b/f"));
	after("b", M | CT);
	is(st_of("a").st_mtim.tv_sec != OLD);
	eq(nlink_of("other"), 1);
}

static void
failed_calls_change_nothing(void **state)
{
	(void)state;
	ok(mkdir_("d", 0755));
	put("d/f", "");
	age("d");
	fails(mkdir_("d/f", 0755), EEXIST);
	fails(rmdir_("d"), ENOTEMPTY);
	fails(unlink_("d/missing"), ENOENT);
	fails(rename_("d/missing", "d/x"), ENOENT);
	after("d", 0);
}

static void
utimensat_sets_each_time_by_itself(void **state)
{
	struct timespec ts[2] = { { .tv_sec = OLD + 1, .tv_nsec = 123456789 },
	    { .tv_nsec = UTIME_OMIT } };
	struct stat st;

	(void)state;
	put("f", "");
	age("f");
	ok(sys->utimensat(AT_FDCWD, "f", ts, 0));
	st = st_of("f");
	eq(st.st_atim.tv_sec, OLD + 1);
	eq(st.st_atim.tv_nsec, 123456789 / fs->cf_gran * fs->cf_gran);
	eq(changed(&st), A | CT);
	age("f");
	ts[0].tv_nsec = UTIME_OMIT;
	ts[1].tv_nsec = UTIME_NOW;
	ok(sys->utimensat(AT_FDCWD, "f", ts, 0));
	after("f", M | CT);
	age("f");
	ts[1].tv_nsec = UTIME_OMIT;
	ok(sys->utimensat(AT_FDCWD, "f", ts, 0));
	after("f", 0);
	ok(sys->utimensat(AT_FDCWD, "f", NULL, 0));
	after("f", A | M | CT);
	ts[0].tv_nsec = 1000000000;
	fails(sys->utimensat(AT_FDCWD, "f", ts, 0), EINVAL);
	ts[0].tv_nsec = -1;
	fails(sys->utimensat(AT_FDCWD, "f", ts, 0), EINVAL);
	fails(sys->utimensat(AT_FDCWD, "missing", NULL, 0), ENOENT);
	fails(sys->utimensat(AT_FDCWD, "f", NULL, 0x4000), EINVAL);
}

static void
utimensat_on_symlinks_and_descriptors(void **state)
{
	struct timespec ts[2] = { { .tv_sec = 5 }, { .tv_sec = 6 } };
	int fd;

	(void)state;
	put("f", "");
	ok(symlink_("f", "l"));
	ok(sys->utimensat(AT_FDCWD, "l", ts, AT_SYMLINK_NOFOLLOW));
	eq(st_of("l").st_mtim.tv_sec, 6);
	is(st_of("f").st_mtim.tv_sec != 6);
	ok(sys->utimensat(AT_FDCWD, "l", ts, 0));
	eq(st_of("f").st_mtim.tv_sec, 6);
	ts[1].tv_sec = 7;
	fd = ok(open_("f", O_RDONLY, 0));
	ok(sys->futimens(fd, ts));
	eq(st_fd(fd).st_mtim.tv_sec, 7);
	eq(st_fd(fd).st_atim.tv_sec, 5);
	ok(sys->close(fd));
}

static void
times_far_away_are_kept(void **state)
{
	static const int64_t secs[] = { 0, -1, 0x7fffffff, 0x80000000ll,
	    -0x80000000ll, -0x7fffffffll, 0xffffffffll, 0x100000000ll,
	    0x37fffffffll, 0x380000000ll, 253402300800ll };
	struct timespec ts[2] = { { .tv_nsec = 0 }, { .tv_nsec = 999999999 } };
	struct stat st;
	size_t i;

	(void)state;
	put("f", "");
	for (i = 0; i < sizeof(secs) / sizeof(secs[0]); i++) {
		ts[0].tv_sec = ts[1].tv_sec = (time_t)secs[i];
		ok(sys->utimensat(AT_FDCWD, "f", ts, 0));
		st = st_of("f");
		if (secs[i] < fs->cf_mintime) {
			eq(st.st_mtim.tv_sec, fs->cf_mintime);
			eq(st.st_mtim.tv_nsec, 0);
		} else if (secs[i] > fs->cf_maxtime) {
			eq(st.st_mtim.tv_sec, fs->cf_maxtime);
			eq(st.st_mtim.tv_nsec, 0);
		} else {
			eq(st.st_mtim.tv_sec, secs[i]);
			eq(st.st_atim.tv_sec, secs[i]);
			if (secs[i] != fs->cf_maxtime &&
			    secs[i] != fs->cf_mintime)
				eq(st.st_mtim.tv_nsec,
				    999999999 / fs->cf_gran * fs->cf_gran);
		}
	}
}

static void
birth_time_stays(void **state)
{
	struct statx a, b;

	(void)state;
	needs(CF_BTIME);
	put("f", "");
	ok(sys->statx(AT_FDCWD, "f", 0, STATX_ALL, &a));
	is((a.stx_mask & STATX_BTIME) != 0);
	nap();
	put("f", "more");
	age("f");
	ok(chmod_("f", 0600));
	ok(sys->statx(AT_FDCWD, "f", 0, STATX_BTIME, &b));
	is((b.stx_mask & STATX_BTIME) != 0);
	eq(a.stx_btime.tv_sec, b.stx_btime.tv_sec);
	eq(a.stx_btime.tv_nsec, b.stx_btime.tv_nsec);
}

#define CONF_TIME							\
	C(new_files_have_the_time_of_now),				\
	C(creation_and_removal_change_the_dir),				\
	C(reading_changes_atime),					\
	C(atime_is_relative),						\
	C(writing_changes_mtime_and_ctime),				\
	C(attributes_change_ctime_only),				\
	C(rename_changes_both_dirs),					\
	C(failed_calls_change_nothing),					\
	C(utimensat_sets_each_time_by_itself),				\
	C(utimensat_on_symlinks_and_descriptors),			\
	C(times_far_away_are_kept),					\
	C(birth_time_stays)
