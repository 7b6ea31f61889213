/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Several threads at once. Each returns the line where it saw what must not
 * be, or 0.
 */
#include "conf.h"

#define LOOPS 2000

typedef intptr_t (*racer_t)(int me);

struct racer {
	pthread_t thread;
	racer_t fn;
	int me;
};

static _Atomic bool race_stop;

#define must(e) do { if (!(e)) return __LINE__; } while (0)

static void *
racer_main(void *arg)
{
	struct racer *r = arg;

	return (void *)r->fn(r->me);
}

/* Run fn in n threads; when the first `main' of them are done, stop all. */
static void
race(racer_t fn, int n, int mains)
{
	struct racer r[8];
	intptr_t line = 0;
	void *v;
	int i;

	race_stop = false;
	for (i = 0; i < n; i++) {
		r[i].fn = fn;
		r[i].me = i;
		eq(pthread_create(&r[i].thread, NULL, racer_main, &r[i]), 0);
	}
	for (i = 0; i < n; i++) {
		if (i == mains)
			race_stop = true;
		pthread_join(r[i].thread, &v);
		if (line == 0)
			line = (intptr_t)v;
	}
	if (line != 0)
		conf_fail(__FILE__, (int)line, "a thread saw what must not be");
}

static intptr_t
appender(int me)
{
	char rec[16];
	int fd, i;

	fd = open_("f", O_WRONLY | O_APPEND, 0);
	must(fd != -1);
	memset(rec, 'a' + me, sizeof(rec));
	for (i = 0; i < LOOPS; i++)
		must(sys->write(fd, rec, sizeof(rec)) == sizeof(rec));
	must(sys->close(fd) == 0);
	return 0;
}

static void
appends_do_not_overwrite_each_other(void **state)
{
	char rec[16];
	int fd, i, k, n[4] = { 0 };

	(void)state;
	put("f", "");
	race(appender, 4, 4);
	eq(size_of("f"), 4 * LOOPS * 16);
	fd = ok(open_("f", O_RDONLY, 0));
	for (i = 0; i < 4 * LOOPS; i++) {
		eq(ok(sys->read(fd, rec, 16)), 16);
		for (k = 1; k < 16; k++)
			eq(rec[k], rec[0]);
		n[rec[0] - 'a']++;
	}
	ok(sys->close(fd));
	for (i = 0; i < 4; i++)
		eq(n[i], LOOPS);
}

static _Atomic uint32_t race_cut;	/* this round's data was cut off */

static intptr_t
truncator(int me)
{
	enum { WORDS = 3 * 1024, CUT = 100 };
	static uint32_t data[WORDS];
	uint32_t buf[WORDS], cut, round;
	ssize_t n;
	int fd, i;

	fd = open_("f", O_RDWR, 0);
	must(fd != -1);
	if (me == 0) {
		for (round = 1; round <= LOOPS; round++) {
			for (i = 0; i < WORDS; i++)
				data[i] = round;
			must(sys->pwrite(fd, data, sizeof(data), 0) ==
			    sizeof(data));
			must(sys->ftruncate(fd, CUT * 4) == 0);
			if (round % 2 == 0)
				must(sys->ftruncate(fd, sizeof(data)) == 0);
			race_cut = round;
		}
	}
	while (me != 0 && !race_stop) {
		cut = race_cut;
		n = sys->pread(fd, buf, sizeof(buf), 0);
		must(n >= 0);
		for (i = CUT; i < n / 4; i++)
			must(buf[i] == 0 || buf[i] > cut);
	}
	must(sys->close(fd) == 0);
	return 0;
}

static void
readers_never_see_what_was_cut_off(void **state)
{
	(void)state;
	put("f", "");
	race_cut = 0;
	race(truncator, 3, 1);
}

static intptr_t
namer(int me)
{
	char name[32];
	int fd, i;

	for (i = 0; i < LOOPS; i++) {
		snprintf(name, sizeof(name), "t%d-%d", me, i % 50);
		fd = open_(name, O_WRONLY | O_CREAT | O_EXCL, 0644);
		must(fd != -1);
		must(sys->close(fd) == 0);
		if (i % 50 == 49) {
			int k;

			for (k = 0; k < 50; k++) {
				snprintf(name, sizeof(name), "t%d-%d", me, k);
				must(unlink_(name) == 0);
			}
		}
	}
	return 0;
}

static void
names_come_and_go_in_one_dir(void **state)
{
	(void)state;
	race(namer, 4, 4);
	eq(count_names("."), 0);
	eq(nlink_of("."), 2);
}

static _Atomic int race_wins;

static intptr_t
excluder(int me)
{
	char name[32];
	int fd, i;

	(void)me;
	for (i = 0; i < 500; i++) {
		snprintf(name, sizeof(name), "e%d", i);
		fd = open_(name, O_WRONLY | O_CREAT | O_EXCL, 0644);
		if (fd == -1) {
			must(errno == EEXIST);
			continue;
		}
		race_wins++;
		must(sys->close(fd) == 0);
	}
	return 0;
}

static void
exclusive_creation_has_one_winner(void **state)
{
	(void)state;
	race_wins = 0;
	race(excluder, 4, 4);
	eq(race_wins, 500);
	eq(count_names("."), 500);
}

static intptr_t
renamer(int me)
{
	struct stat st;
	int i;

	for (i = 0; me < 2 ? i < LOOPS : !race_stop; i++) {
		if (me == 0) {
			must(rename_(i % 2 == 0 ? "a/f" : "b/f",
			    i % 2 == 0 ? "b/f" : "a/f") == 0);
		} else if (me == 1) {
			must(rename_(i % 2 == 0 ? "a/d" : "b/d",
			    i % 2 == 0 ? "b/d" : "a/d") == 0);
		} else {
			if (stat_("a/d/in", &st) != 0)
				must(errno == ENOENT);
			if (stat_("b/d/../f", &st) != 0)
				must(errno == ENOENT);
			if (stat_("a/f", &st) == 0)
				must(st.st_nlink == 1);
		}
	}
	return 0;
}

static void
renames_between_dirs_cross_lookups(void **state)
{
	(void)state;
	ok(mkdir_("a", 0755));
	ok(mkdir_("b", 0755));
	ok(mkdir_("a/d", 0755));
	put("a/d/in", "in");
	put("a/f", "f");
	race(renamer, 4, 2);
	is(exists("a/f") != exists("b/f"));
	is(exists("a/d/in") != exists("b/d/in"));
	eq(nlink_of("a") + nlink_of("b"), 5);
}

/* A file under its name at all times: rename over it never makes a gap. */
static intptr_t
replacer(int me)
{
	char name[32];
	int fd, i;

	if (me == 3) {
		while (!race_stop) {
			fd = open_("target", O_RDONLY, 0);
			must(fd != -1);
			must(sys->close(fd) == 0);
		}
		return 0;
	}
	snprintf(name, sizeof(name), "new%d", me);
	for (i = 0; i < LOOPS; i++) {
		fd = open_(name, O_WRONLY | O_CREAT, 0644);
		must(fd != -1);
		must(sys->write(fd, "x", 1) == 1);
		must(sys->close(fd) == 0);
		must(rename_(name, "target") == 0);
	}
	return 0;
}

static void
replacing_a_file_leaves_no_gap(void **state)
{
	(void)state;
	put("target", "");
	race(replacer, 4, 3);
	eq(count_names("."), 1);
	eq(nlink_of("target"), 1);
}

/* Directories moved into each other: no loop, nothing lost. */
static intptr_t
looper(int me)
{
	unsigned r = (unsigned)me * 7919 + 1;
	char from[64], to[64];
	int i;

	for (i = 0; i < LOOPS; i++) {
		r = r * 1103515245 + 12345;
		snprintf(from, sizeof(from), (r >> 16) % 2 == 0 ?
		    "d%u" : "d%u/x", (r >> 18) % 4);
		snprintf(to, sizeof(to), (r >> 22) % 2 == 0 ?
		    "d%u" : "d%u/x", (r >> 24) % 4);
		if (rename_(from, to) != 0)
			must(errno == ENOENT || errno == EINVAL ||
			    errno == ENOTEMPTY);
	}
	return 0;
}

static void
dirs_moved_into_each_other_stay_a_tree(void **state)
{
	char name[16];
	int i, fd;

	(void)state;
	for (i = 0; i < 4; i++) {
		snprintf(name, sizeof(name), "d%d", i);
		ok(mkdir_(name, 0755));
	}
	race(looper, 4, 4);
	fd = ok(open_(".", O_RDONLY | O_DIRECTORY, 0));
	empty_dir(fd);
	ok(sys->close(fd));
	eq(count_names("."), 0);
	eq(nlink_of("."), 2);
}

static intptr_t
lister(int me)
{
	_Alignas(struct dirent64) char buf[1024];
	struct dirent64 *de;
	char name[32];
	ssize_t n, off;
	int fd, i;

	if (me == 0) {
		for (i = 0; i < 3 * LOOPS; i++) {
			snprintf(name, sizeof(name), "m%d", i % 300);
			if (i / 300 % 2 == 0)
				must(sys->mknodat(AT_FDCWD, name,
				    S_IFREG | 0644, 0) == 0);
			else
				must(unlink_(name) == 0);
		}
		return 0;
	}
	while (!race_stop) {
		unsigned char seen[100] = { 0 };

		fd = open_(".", O_RDONLY | O_DIRECTORY, 0);
		must(fd != -1);
		while ((n = sys->getdents64(fd, buf, sizeof(buf))) > 0) {
			for (off = 0; off < n; off += de->d_reclen) {
				de = (struct dirent64 *)(void *)(buf + off);
				if (de->d_name[0] == 'k')
					seen[atoi(de->d_name + 1)]++;
			}
		}
		must(n == 0);
		must(sys->close(fd) == 0);
		for (i = 0; i < 100; i++)
			must(seen[i] == 1);
	}
	return 0;
}

static void
listing_sees_what_stays_while_others_change(void **state)
{
	char name[32];
	int i;

	(void)state;
	for (i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "k%d", i);
		put(name, "");
	}
	race(lister, 3, 1);
}

static intptr_t
linker(int me)
{
	char name[32];
	int i;

	for (i = 0; i < LOOPS; i++) {
		snprintf(name, sizeof(name), "l%d-%d", me, i % 20);
		if (i / 20 % 2 == 0)
			must(link_("f", name) == 0);
		else
			must(unlink_(name) == 0);
	}
	return 0;
}

static void
links_are_counted_by_many(void **state)
{
	(void)state;
	put("f", "");
	race(linker, 4, 4);
	eq(nlink_of("f"), count_names("."));
}

static intptr_t
opener(int me)
{
	char c;
	int fd, i;

	for (i = 0; me < 2 ? i < LOOPS : !race_stop; i++) {
		if (me < 2) {
			fd = open_("u", O_WRONLY | O_CREAT, 0644);
			must(fd != -1);
			must(sys->write(fd, "x", 1) == 1);
			must(sys->close(fd) == 0);
			must(unlink_("u") == 0 || errno == ENOENT);
			continue;
		}
		fd = open_("u", O_RDONLY, 0);
		if (fd == -1) {
			must(errno == ENOENT);
			continue;
		}
		if (sys->read(fd, &c, 1) == 1)
			must(c == 'x');
		must(sys->close(fd) == 0);
	}
	return 0;
}

static void
opening_races_with_unlinking(void **state)
{
	(void)state;
	race(opener, 4, 2);
}

#define CONF_RACE							\
	C(appends_do_not_overwrite_each_other),				\
	C(readers_never_see_what_was_cut_off),				\
	C(names_come_and_go_in_one_dir),				\
	C(exclusive_creation_has_one_winner),				\
	C(renames_between_dirs_cross_lookups),				\
	C(replacing_a_file_leaves_no_gap),				\
	C(dirs_moved_into_each_other_stay_a_tree),			\
	C(listing_sees_what_stays_while_others_change),			\
	C(links_are_counted_by_many),					\
	C(opening_races_with_unlinking)
