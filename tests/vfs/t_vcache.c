/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The vnode cache: its limit, loads that meet, loads that fail, inodes that
 * are freed.
 *
 * Link: rumpvfs
 */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include <rump/rump.h>
#include <rump/rump_syscalls.h>

#include "k_vcache.h"
#include "test.h"

#define works(call)	assert_int_equal((call), 0)

static int
setup(void **state)
{

	(void)state;
	return rump_init() != 0 || rumptest_vcache_register() != 0 ||
	    rump_sys_mkdir("/t", 0755) != 0 ||
	    rump_sys_mount("testfs", "/t", 0, NULL, 0) != 0 ? -1 : 0;
}

static int
look(unsigned n)
{
	char path[32];
	struct stat st;

	snprintf(path, sizeof(path), "/t/n%u", n);
	return rump_sys_stat(path, &st) == 0 ? 0 : errno;
}

static unsigned long
tunable(const char *name)
{
	char buf[32];

	ok_errno(rump_pub_sysctl_get(name, buf, sizeof(buf)));
	return strtoul(buf, NULL, 10);
}

static void
cached_inode_is_loaded_once(void **state)
{
	struct vcache_counts a, b;

	(void)state;
	rumptest_vcache_counts(&a);
	for (int i = 0; i < 1000; i++)
		works(look(7));
	rumptest_vcache_counts(&b);
	assert_int_equal(b.loads - a.loads, 1);
	assert_int_equal(b.reclaims, a.reclaims);
}

static void
limit_is_kept(void **state)
{
	struct vcache_counts a, b;
	unsigned long before = tunable("vfs.vnodes.count");
	int fd;

	(void)state;
	ok_errno(rump_pub_sysctl_set("vfs.vnodes.max", "640"));
	fd = rump_sys_open("/t/n3", O_RDONLY);
	assert_true(fd >= 0);
	rumptest_vcache_counts(&a);
	for (unsigned i = 0; i < 20000; i++)
		works(look(i));
	rumptest_vcache_counts(&b);
	assert_true(b.loads - a.loads >= 19990);
	assert_true(b.loads - a.loads - (b.reclaims - a.reclaims) < 1500);
	assert_true(tunable("vfs.vnodes.count") < before + 1500);
	assert_int_equal(b.doubles, 0);
	/* One that is open stays, however old it is. */
	rumptest_vcache_counts(&a);
	works(look(3));
	rumptest_vcache_counts(&b);
	assert_int_equal(b.loads, a.loads);
	works(rump_sys_close(fd));
	ok_errno(rump_pub_sysctl_set("vfs.vnodes.max", "65536"));
}

static void
hot_inode_survives_a_scan(void **state)
{
	struct vcache_counts a, b;
	unsigned long lost = 0;

	(void)state;
	ok_errno(rump_pub_sysctl_set("vfs.vnodes.max", "6400"));
	works(look(5));
	for (unsigned i = 0; i < 30000; i++) {
		works(look(i % 60000));
		if (i % 50 == 0) {
			rumptest_vcache_counts(&a);
			works(look(5));
			rumptest_vcache_counts(&b);
			lost += b.loads - a.loads;
		}
	}
	assert_int_equal(lost, 0);
	ok_errno(rump_pub_sysctl_set("vfs.vnodes.max", "65536"));
}

/* Where all are in use there is nothing to reclaim, and nothing fails. */
static void
open_files_may_be_above_the_limit(void **state)
{
	static int fds[900];
	char path[32];

	(void)state;
	ok_errno(rump_pub_sysctl_set("vfs.vnodes.max", "128"));
	for (unsigned i = 0; i < 900; i++) {
		snprintf(path, sizeof(path), "/t/n%u", 30000 + i);
		fds[i] = rump_sys_open(path, O_RDONLY);
		assert_true(fds[i] >= 0);
	}
	for (unsigned i = 0; i < 900; i++)
		works(rump_sys_close(fds[i]));
	for (unsigned i = 0; i < 2000; i++)
		works(look(31000 + i));
	assert_true(tunable("vfs.vnodes.count") < 1200);
	ok_errno(rump_pub_sysctl_set("vfs.vnodes.max", "65536"));
}

static void *
looker(void *arg)
{
	unsigned n = (unsigned)(uintptr_t)arg;

	ok_errno(rump_pub_lwproc_newlwp(1));
	for (unsigned i = 0; i < 200; i++)
		look(40000 + (i + n) % 100);
	rump_pub_lwproc_releaselwp();
	return NULL;
}

static void
loads_meet(void **state)
{
	struct vcache_counts a, b;
	pthread_t t[4];

	(void)state;
	rumptest_vcache_loads(20000, 0);
	rumptest_vcache_counts(&a);
	for (uintptr_t i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, looker, (void *)i);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	rumptest_vcache_counts(&b);
	assert_int_equal(b.loads - a.loads, 100);
	assert_int_equal(b.doubles, 0);
	rumptest_vcache_loads(0, 0);
}

static void
failed_load_leaves_nothing(void **state)
{
	struct vcache_counts c;
	unsigned failed = 0;
	pthread_t t[3];

	(void)state;
	rumptest_vcache_loads(0, 3);
	for (unsigned i = 0; i < 300; i++)
		if (look(50000 + i) != 0) {
			assert_int_equal(errno, EIO);
			failed++;
		}
	assert_int_equal(failed, 100);
	rumptest_vcache_loads(1000, 2);
	for (uintptr_t i = 0; i < 3; i++)
		pthread_create(&t[i], NULL, looker, (void *)i);
	for (int i = 0; i < 3; i++)
		pthread_join(t[i], NULL);
	rumptest_vcache_loads(0, 0);
	for (unsigned i = 0; i < 300; i++)
		works(look(50000 + i));
	rumptest_vcache_counts(&c);
	assert_int_equal(c.doubles, 0);
}

static void
freed_inode_goes_at_once(void **state)
{
	struct vcache_counts a, b;
	struct stat st;
	int fd;

	(void)state;
	works(look(60000));
	rumptest_vcache_counts(&a);
	works(rump_sys_unlink("/t/n60000"));
	rumptest_vcache_counts(&b);
	assert_int_equal(b.frees - a.frees, 1);
	assert_int_equal(b.reclaims - a.reclaims, 1);
	fd = rump_sys_open("/t/n60001", O_RDONLY);
	works(rump_sys_unlink("/t/n60001"));
	rumptest_vcache_counts(&a);
	assert_int_equal(b.frees, a.frees);
	works(rump_sys_fstat(fd, &st));
	assert_int_equal(st.st_nlink, 0);
	works(rump_sys_close(fd));
	rumptest_vcache_counts(&b);
	assert_int_equal(b.frees - a.frees, 1);
	assert_int_equal(look(60001), ENOENT);
}

/*
 * One opens and closes a file while another removes its name: whoever leaves
 * last, and however they meet at the door, the inode is freed.
 */
#define MEETINGS 50000u
#define MEET_FIRST 5000u		/* none of them was removed before */

static _Atomic unsigned meeting;	/* the file that is being opened */

static void *
visitor(void *arg)
{
	unsigned *lost = arg;
	char path[32];
	unsigned i;
	int fd;

	ok_errno(rump_pub_lwproc_newlwp(1));
	for (i = 0; i < MEETINGS; i++) {
		snprintf(path, sizeof(path), "/t/n%u", MEET_FIRST + i);
		while ((fd = rump_sys_open(path, O_RDONLY)) >= 0) {
			meeting = i + 1;
			*lost += rump_sys_close(fd) != 0;
		}
		*lost += errno != ENOENT;
	}
	rump_pub_lwproc_releaselwp();
	return NULL;
}

static void
inode_unlinked_while_others_leave_is_freed(void **state)
{
	struct vcache_counts a, b;
	unsigned i, lost = 0;
	char path[32];
	pthread_t t;

	(void)state;
	meeting = 0;
	rumptest_vcache_counts(&a);
	assert_int_equal(pthread_create(&t, NULL, visitor, &lost), 0);
	for (i = 0; i < MEETINGS; i++) {
		snprintf(path, sizeof(path), "/t/n%u", MEET_FIRST + i);
		while (meeting <= i)
			sched_yield();
		works(rump_sys_unlink(path));
	}
	pthread_join(t, NULL);
	rumptest_vcache_counts(&b);
	assert_int_equal(lost, 0);
	assert_int_equal(b.frees - a.frees, MEETINGS);
}

static void
unmount_reclaims_all(void **state)
{
	struct vcache_counts c;

	(void)state;
	works(rump_sys_unmount("/t", 0));
	rumptest_vcache_counts(&c);
	/* What failed to load was never there. */
	assert_true(c.reclaims <= c.loads);
	assert_int_equal(c.doubles, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cached_inode_is_loaded_once),
		cmocka_unit_test(limit_is_kept),
		cmocka_unit_test(hot_inode_survives_a_scan),
		cmocka_unit_test(open_files_may_be_above_the_limit),
		cmocka_unit_test(loads_meet),
		cmocka_unit_test(failed_load_leaves_nothing),
		cmocka_unit_test(freed_inode_goes_at_once),
		cmocka_unit_test(inode_unlinked_while_others_leave_is_freed),
		cmocka_unit_test(unmount_reclaims_all),
	};

	return cmocka_run_group_tests_name("vcache", tests, setup, NULL);
}
