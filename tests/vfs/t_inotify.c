/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * inotify, judged by the host's.
 *
 * Link: rumpvfs rump-tmpfs
 */
#define _GNU_SOURCE
#include "judge.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define RUMP_OK(call)	assert_int_not_equal((call), -1)

static char dir[] = "/dev/shm/t_inotify.XXXXXX";
static char runs;

/* Each run has an empty directory of its own, d in it; inotify is 3. */
static void
start(void)
{
	char name[16];

	(void)CALL(umask, 022);
	if ((on_rump ? rump_sys_chdir("/work") : chdir(dir)) != 0)
		abort();
	snprintf(name, sizeof(name), "run%d", runs);
	DO(mkdir, name, 0755);
	DO(chdir, name);
	DO(mkdir, "d", 0755);
	DO(inotify_init1, IN_NONBLOCK);
}

static uint32_t first_cookie;

/* What is in the queue: everything but cookies, of which only equality. */
static void
show(int fd)
{
	_Alignas(8) char buf[8192];
	const struct inotify_event *e;
	long n = DO(read, fd, buf, sizeof(buf));

	for (char *p = buf; n > 0 && p < buf + n; p += sizeof(*e) + e->len) {
		e = (const struct inotify_event *)(void *)p;
		SAME(e->wd);
		SAME(e->mask);
		SAME(e->len);
		if (e->len > 0)
			for (size_t i = 0; i < strlen(e->name); i++)
				SAME(e->name[i]);
		if (e->cookie != 0 && first_cookie == 0)
			first_cookie = e->cookie;
		SAME(e->cookie == 0 ? 0 : e->cookie == first_cookie ? 1 : 2);
		if ((e->mask & IN_MOVED_TO) != 0)
			first_cookie = 0;
	}
}

static void
touch(const char *path)
{
	int fd = (int)DO(open, path, O_RDWR | O_CREAT, 0644);

	DO(close, fd);
}

static void
directory_entries(void)
{
	start();
	DO(inotify_add_watch, 3, "d", IN_ALL_EVENTS);
	touch("d/file");
	show(3);
	DO(mkdir, "d/sub", 0755);
	DO(symlink, "file", "d/link");
	DO(mknod, "d/fifo", S_IFIFO | 0600, 0);
	DO(link, "d/file", "d/other");
	show(3);
	DO(unlink, "d/link");
	DO(unlink, "d/fifo");
	DO(rmdir, "d/sub");
	DO(unlink, "d/other");
	show(3);
	DO(unlink, "d/file");
	show(3);
	/* What fails is not told. */
	DO(mkdir, "d", 0755);
	DO(unlink, "d/none");
	DO(rmdir, "d/none");
	show(3);
}

static void
file_events(void)
{
	struct timespec ts[2] = { { 5, 0 }, { 6, 0 } };
	char buf[1024];

	start();
	touch("d/f");
	DO(inotify_add_watch, 3, "d", IN_ALL_EVENTS);
	DO(open, "d/f", O_RDWR);
	DO(write, 4, "0123456789", 10);
	DO(write, 4, "", 0);
	DO(pread, 4, buf, 5, 0);
	DO(pread, 4, buf, 5, 100);
	show(3);
	DO(ftruncate, 4, 5);
	show(3);
	DO(fchmod, 4, 0600);
	DO(fallocate, 4, 0, 0, 100);
	DO(fsetxattr, 4, "trusted.a", "b", 1, 0);
	DO(fremovexattr, 4, "trusted.a");
	show(3);
	DO(futimens, 4, ts);
	show(3);
	ts[0].tv_nsec = UTIME_OMIT;
	DO(futimens, 4, ts);
	show(3);
	ts[0].tv_nsec = 0;
	ts[1].tv_nsec = UTIME_OMIT;
	DO(futimens, 4, ts);
	show(3);
	DO(fchown, 4, 0, 0);
	DO(truncate, "d/f", 3);
	DO(close, 4);
	show(3);
	DO(open, "d/f", O_RDONLY);
	DO(close, 4);
	DO(open, "d/f", O_PATH);
	DO(close, 4);
	show(3);
	DO(open, "d", O_RDONLY | O_DIRECTORY);
	SAME(CALL(getdents64, 4, buf, sizeof(buf)) > 0);
	DO(close, 4);
	show(3);
}

static void
own_and_parents(void)
{
	start();
	touch("d/f");
	DO(inotify_add_watch, 3, "d/f", IN_ALL_EVENTS);
	DO(inotify_add_watch, 3, "d", IN_ALL_EVENTS);
	touch("d/f");
	show(3);
	DO(chmod, "d/f", 0600);
	DO(chmod, "d", 0700);
	show(3);
	DO(rename, "d/f", "d/g");
	show(3);
	DO(unlink, "d/g");
	show(3);
	DO(rmdir, "d");
	show(3);
	DO(inotify_rm_watch, 3, 1);
	DO(inotify_rm_watch, 3, 2);
	show(3);
}

static void
moves(void)
{
	start();
	DO(mkdir, "e", 0755);
	DO(mkdir, "d/sub", 0755);
	touch("d/a");
	touch("e/b");
	DO(inotify_add_watch, 3, "d", IN_MOVE | IN_MOVE_SELF | IN_DELETE);
	DO(inotify_add_watch, 3, "e", IN_MOVE | IN_MOVE_SELF | IN_DELETE);
	DO(inotify_add_watch, 3, "d/sub", IN_ALL_EVENTS);
	DO(inotify_add_watch, 3, "e/b", IN_ALL_EVENTS);
	DO(rename, "d/a", "d/c");
	show(3);
	DO(rename, "d/sub", "e/sub");
	show(3);
	DO(rename, "d/c", "e/b");
	show(3);
	touch("d/x");
	DO(renameat2, AT_FDCWD, "d/x", AT_FDCWD, "e/sub", RENAME_EXCHANGE);
	show(3);
	DO(rename, "e", "e2");
	show(3);
}

static void
removed_while_open(void)
{
	start();
	touch("d/f");
	touch("d/g");
	DO(inotify_add_watch, 3, "d", IN_ALL_EVENTS);
	DO(open, "d/f", O_RDWR);
	DO(unlink, "d/f");
	show(3);
	DO(write, 4, "x", 1);
	show(3);
	DO(close, 4);
	show(3);
	DO(inotify_add_watch, 3, "d", IN_ALL_EVENTS | IN_EXCL_UNLINK);
	DO(inotify_add_watch, 3, "d/g", IN_ALL_EVENTS);
	DO(open, "d/g", O_RDWR);
	DO(unlink, "d/g");
	show(3);
	DO(write, 4, "x", 1);
	show(3);
	DO(close, 4);
	show(3);
}

static void
flags_of_watches(void)
{
	start();
	touch("d/f");
	DO(symlink, "f", "d/l");
	DO(inotify_add_watch, 3, "d/f", IN_OPEN | IN_ONLYDIR);
	DO(inotify_add_watch, 3, "d/l", IN_OPEN);
	DO(inotify_add_watch, 3, "d/f", IN_OPEN);
	DO(inotify_add_watch, 3, "d/l", IN_OPEN | IN_DONT_FOLLOW);
	DO(inotify_add_watch, 3, "d/f", IN_CLOSE | IN_MASK_ADD);
	touch("d/f");
	show(3);
	DO(inotify_add_watch, 3, "d/f", IN_CLOSE | IN_MASK_CREATE);
	DO(inotify_add_watch, 3, "d/f", IN_CLOSE | IN_MASK_ADD |
	    IN_MASK_CREATE);
	DO(inotify_add_watch, 3, "d/f", IN_ATTRIB);
	touch("d/f");
	show(3);
	DO(inotify_add_watch, 3, "d/f", IN_CLOSE | IN_ONESHOT);
	touch("d/f");
	touch("d/f");
	show(3);
	DO(inotify_rm_watch, 3, 1);
	DO(inotify_add_watch, 3, "d", IN_CREATE | IN_MASK_CREATE);
	DO(inotify_rm_watch, 3, 3);
	show(3);
	DO(inotify_rm_watch, 3, 3);
	DO(inotify_add_watch, 3, "d", 0);
	DO(inotify_add_watch, 3, "d", 1u << 27);
	DO(inotify_add_watch, 3, "none", IN_OPEN);
	DO(inotify_add_watch, 77, "d", IN_OPEN);
	DO(open, "d", O_RDONLY);
	DO(inotify_add_watch, 4, "d", IN_OPEN);
	DO(inotify_rm_watch, 4, 1);
	DO(inotify_init1, 1);
	DO(inotify_init1, IN_CLOEXEC);
	DO(fcntl, 5, F_GETFD);
	DO(fcntl, 5, F_GETFL);
	DO(write, 5, "x", 1);
	DO(inotify_init);
}

static void
reading(void)
{
	struct pollfd pfd = { .fd = 3, .events = POLLIN | POLLOUT };
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET };
	char buf[256];
	int n;

	start();
	DO(inotify_add_watch, 3, "d", IN_CREATE | IN_DELETE);
	DO(poll, &pfd, 1, 0);
	DO(epoll_create1, 0);
	DO(epoll_ctl, 4, EPOLL_CTL_ADD, 3, &ev);
	DO(epoll_wait, 4, &ev, 1, 0);
	DO(ioctl, 3, FIONREAD, &n);
	SAME(n);
	DO(mkdir, "d/0123456789012345", 0755);
	DO(mkdir, "d/012345678901234", 0755);
	DO(ioctl, 3, FIONREAD, &n);
	SAME(n);
	DO(poll, &pfd, 1, 0);
	SAME(pfd.revents);
	DO(epoll_wait, 4, &ev, 1, 0);
	DO(epoll_wait, 4, &ev, 1, 0);
	DO(read, 3, buf, 15);
	DO(read, 3, buf, 47);
	DO(read, 3, buf, 48);
	DO(ioctl, 3, FIONREAD, &n);
	SAME(n);
	DO(read, 3, NULL, 100);
	show(3);
	/* Equal neighbours are one. */
	DO(inotify_add_watch, 3, "d", IN_OPEN | IN_MODIFY);
	touch("d/f");
	touch("d/f");
	touch("d/g");
	touch("d/f");
	show(3);
}

static void
unreadable(void)
{
	start();
	DO(mkdir, "closed", 0311);
	DO(chmod, ".", 0755);
	DO(seteuid, 1000);
	DO(inotify_add_watch, 3, "closed", IN_OPEN);
	DO(inotify_add_watch, 3, "d", IN_OPEN);
}

JUDGED(directory_entries, entries_of_a_directory_are_told_of)
JUDGED(file_events, files_in_a_directory_are_told_of)
JUDGED(own_and_parents, a_file_and_its_directory_both_hear)
JUDGED(moves, moves_share_a_cookie)
JUDGED(removed_while_open, an_open_file_is_told_of_after_its_removal)
JUDGED(flags_of_watches, flags_and_errors_are_as_on_the_host)
JUDGED(reading, reads_polls_and_sizes_are_as_on_the_host)
JUDGED(unreadable, a_watch_needs_permission_to_read)

/* ---- Without the host ---------------------------------------------------- */

static uint32_t
next_mask(int fd, int *wdp)
{
	_Alignas(8) char buf[sizeof(struct inotify_event) + 256];
	struct inotify_event e;

	/* One event: what fits but once. */
	for (size_t n = sizeof(e); n <= sizeof(buf); n += sizeof(e))
		if (rump_sys_read(fd, buf, n) > 0) {
			memcpy(&e, buf, sizeof(e));
			*wdp = e.wd;
			return e.mask;
		}
	return 0;
}

static void
unmounting_ends_a_watch(void **state)
{
	int in, wd, got;

	(void)state;
	RUMP_OK(rump_sys_mkdir("/mnt", 0755));
	RUMP_OK(rump_sys_mount("tmpfs", "/mnt", 0, NULL, 0));
	RUMP_OK(rump_sys_mkdir("/mnt/d", 0755));
	RUMP_OK(in = rump_sys_inotify_init1(IN_NONBLOCK));
	RUMP_OK(wd = rump_sys_inotify_add_watch(in, "/mnt/d", IN_CREATE));
	/* The watch does not keep it busy. */
	RUMP_OK(rump_sys_umount2("/mnt", 0));
	assert_int_equal(next_mask(in, &got) & ~(uint32_t)IN_ISDIR, IN_UNMOUNT);
	assert_int_equal(got, wd);
	assert_int_equal(next_mask(in, &got), IN_IGNORED);
	assert_int_equal(rump_sys_inotify_rm_watch(in, wd), -1);
	assert_int_equal(errno, EINVAL);
	RUMP_OK(rump_sys_close(in));
}

static void
a_full_queue_says_so_once(void **state)
{
	int in, got, n = 0;
	uint32_t mask;

	(void)state;
	RUMP_OK(rump_sys_mkdir("/full", 0755));
	RUMP_OK(in = rump_sys_inotify_init1(IN_NONBLOCK));
	RUMP_OK(rump_sys_inotify_add_watch(in, "/full", IN_CREATE |
	    IN_DELETE));
	assert_int_equal(rump_pub_sysctl_set("vfs.inotify.max_queued_events",
	    "10"), 0);
	for (int i = 0; i < 20; i++) {
		RUMP_OK(rump_sys_mkdir("/full/d", 0755));
		RUMP_OK(rump_sys_rmdir("/full/d"));
	}
	while ((mask = next_mask(in, &got)) != IN_Q_OVERFLOW) {
		assert_int_not_equal(mask, 0);
		n++;
	}
	assert_int_equal(n, 10);
	assert_int_equal(got, -1);
	assert_int_equal(next_mask(in, &got), 0);
	/* There is room again. */
	RUMP_OK(rump_sys_mkdir("/full/d", 0755));
	assert_int_equal(next_mask(in, &got), IN_CREATE | IN_ISDIR);
	assert_int_equal(rump_pub_sysctl_set("vfs.inotify.max_queued_events",
	    "16384"), 0);
	RUMP_OK(rump_sys_close(in));
}

static void
watched_files_stay_cached(void **state)
{
	int in, got, fd;
	char name[32];

	(void)state;
	RUMP_OK(rump_sys_mount("tmpfs", "/mnt", 0, NULL, 0));
	RUMP_OK(rump_sys_mkdir("/mnt/d", 0755));
	RUMP_OK(in = rump_sys_inotify_init1(IN_NONBLOCK));
	RUMP_OK(rump_sys_inotify_add_watch(in, "/mnt/d", IN_OPEN));
	assert_int_equal(rump_pub_sysctl_set("vfs.vnodes.max", "64"), 0);
	assert_int_equal(rump_pub_sysctl_set("vfs.namecache.max", "64"), 0);
	for (int i = 0; i < 2000; i++) {
		snprintf(name, sizeof(name), "/mnt/f%d", i);
		RUMP_OK(fd = rump_sys_open(name, O_RDWR | O_CREAT, 0644));
		RUMP_OK(rump_sys_close(fd));
	}
	RUMP_OK(fd = rump_sys_open("/mnt/d", O_RDONLY));
	assert_int_equal(next_mask(in, &got), IN_OPEN | IN_ISDIR);
	RUMP_OK(rump_sys_close(fd));
	RUMP_OK(rump_sys_close(in));
	assert_int_equal(rump_pub_sysctl_set("vfs.vnodes.max", "65536"), 0);
	assert_int_equal(rump_pub_sysctl_set("vfs.namecache.max", "131072"),
	    0);
	RUMP_OK(rump_sys_umount2("/mnt", 0));
}

#define ROUNDS 2000

static void *
churn(void *arg)
{
	char a[32], b[32];
	int fd;

	snprintf(a, sizeof(a), "/race/a%ld", (long)(intptr_t)arg);
	snprintf(b, sizeof(b), "/race/b%ld", (long)(intptr_t)arg);
	for (int i = 0; i < ROUNDS; i++) {
		RUMP_OK(fd = rump_sys_open(a, O_RDWR | O_CREAT, 0644));
		RUMP_OK(rump_sys_write(fd, "x", 1));
		RUMP_OK(rump_sys_rename(a, b));
		RUMP_OK(rump_sys_unlink(b));
		RUMP_OK(rump_sys_close(fd));
	}
	return NULL;
}

static void *
rewatch(void *arg)
{
	char buf[4096];
	int in, wd;

	(void)arg;
	for (int i = 0; i < ROUNDS / 4; i++) {
		RUMP_OK(in = rump_sys_inotify_init1(IN_NONBLOCK));
		RUMP_OK(wd = rump_sys_inotify_add_watch(in, "/race",
		    IN_ALL_EVENTS));
		(void)rump_sys_inotify_add_watch(in, "/race/a0",
		    IN_ALL_EVENTS | ((i & 1) != 0 ? IN_ONESHOT : 0));
		(void)rump_sys_read(in, buf, sizeof(buf));
		if (i % 3 == 0)
			RUMP_OK(rump_sys_inotify_rm_watch(in, wd));
		RUMP_OK(rump_sys_close(in));
	}
	return NULL;
}

static void
watchers_come_and_go_beside_the_watched(void **state)
{
	pthread_t t[3];

	(void)state;
	RUMP_OK(rump_sys_mkdir("/race", 0755));
	assert_int_equal(pthread_create(&t[0], NULL, churn, (void *)0), 0);
	assert_int_equal(pthread_create(&t[1], NULL, churn, (void *)1), 0);
	assert_int_equal(pthread_create(&t[2], NULL, rewatch, NULL), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(pthread_join(t[i], NULL), 0);
	RUMP_OK(rump_sys_rmdir("/race"));
}

static int
before_each(void **state)
{
	(void)state;
	runs++;
	return 0;
}

static int
setup(void **state)
{
	(void)state;
	return mkdtemp(dir) == NULL || rump_init() != 0 ||
	    rump_sys_mkdir("/work", 0777) != 0 ||
	    rump_sys_mount("tmpfs", "/work", 0, NULL, 0) != 0;
}

static int
teardown(void **state)
{
	char cmd[64];

	(void)state;
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	return system(cmd);
}

#define CASE(f) cmocka_unit_test_setup(f, before_each)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		CASE(entries_of_a_directory_are_told_of),
		CASE(files_in_a_directory_are_told_of),
		CASE(a_file_and_its_directory_both_hear),
		CASE(moves_share_a_cookie),
		CASE(an_open_file_is_told_of_after_its_removal),
		CASE(flags_and_errors_are_as_on_the_host),
		CASE(reads_polls_and_sizes_are_as_on_the_host),
		CASE(a_watch_needs_permission_to_read),
		cmocka_unit_test(unmounting_ends_a_watch),
		cmocka_unit_test(a_full_queue_says_so_once),
		cmocka_unit_test(watched_files_stay_cached),
		cmocka_unit_test(watchers_come_and_go_beside_the_watched),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
