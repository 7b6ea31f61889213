/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Credentials, judged by the host's. Where the tests do not run as root, the
 * privileged half of it is not seen.
 *
 * Link: rump
 */
#define _GNU_SOURCE
#include "judge.h"

#include <grp.h>
#include <sys/fsuid.h>
#include <sys/syscall.h>
#include <unistd.h>

static void
show(void)
{
	uid_t r, e, s;
	gid_t rg, eg, sg;

	DO(getresuid, &r, &e, &s);
	SAME(r); SAME(e); SAME(s);
	DO(getresgid, &rg, &eg, &sg);
	SAME(rg); SAME(eg); SAME(sg);
	SAME(CALL(getuid)); SAME(CALL(geteuid));
	SAME(CALL(getgid)); SAME(CALL(getegid));
	SAME(CALL(setfsuid, (uid_t)-1));
	SAME(CALL(setfsgid, (gid_t)-1));
}

static void
users(void)
{
	show();
	DO(setuid, (uid_t)-1);
	DO(setreuid, 1000, 2000);
	show();
	DO(setreuid, 2000, 1000);
	show();
	DO(setreuid, (uid_t)-1, 3000);
	DO(setuid, 2000);
	show();
	DO(setuid, 1000);
	DO(setresuid, 1000, 2000, 1000);
	show();
	DO(setresuid, (uid_t)-1, (uid_t)-1, 0);
	DO(setfsuid, 1000);
	show();
	DO(setfsuid, 0);
	show();
	DO(seteuid, 1000);
	show();
	DO(seteuid, 0);
}

static void
back_to_root(void)
{
	DO(setresuid, 1000, 1000, 0);
	show();
	DO(setgid, 5);
	DO(setuid, 0);
	show();
	DO(setgid, 5);
	DO(setuid, 7);
	show();
	DO(setuid, 0);
}

static void
group_ids(void)
{
	DO(setgid, (gid_t)-1);
	DO(setregid, 100, 200);
	show();
	DO(setresgid, 100, 200, 300);
	show();
	DO(setuid, 1000);
	DO(setgid, 300);
	show();
	DO(setgid, 200);
	DO(setregid, 300, 100);
	show();
	DO(setresgid, 1, 1, 1);
	DO(setfsgid, 100);
	show();
	DO(setfsgid, 999);
	show();
	DO(setegid, 300);
	show();
}

static void
supplementary(void)
{
	gid_t list[70000] = { 5, 3, 9, 3, 1 }, got[16];

	DO(setgroups, 5, list);
	DO(getgroups, 0, NULL);
	DO(getgroups, 16, got);
	for (int i = 0; i < 5; i++)
		SAME(got[i]);
	DO(getgroups, 4, got);
	DO(getgroups, -1, got);
	DO(getgroups, 5, NULL);
	DO(setgroups, 70000, list);
	DO(setgroups, 2, NULL);
	DO(setgroups, 0, NULL);
	DO(getgroups, 0, NULL);
	DO(setuid, 1000);
	DO(setgroups, 0, list);
}

JUDGED(users, user_ids)
JUDGED(back_to_root, saved_id_gives_root_back)
JUDGED(group_ids, group_ids_follow_the_rules)
JUDGED(supplementary, supplementary_groups)

/* All threads of a process see a change at their next call. */
static void
credentials_are_the_process(void **state)
{
	struct lwp *l;
	pid_t pid;

	(void)state;
	ok_errno(rump_pub_lwproc_rfork(RUMP_RFCFDG));
	pid = rump_sys_getpid();
	l = rump_pub_lwproc_curlwp();
	assert_int_equal(rump_sys_getuid(), 0);
	ok_errno(rump_pub_lwproc_newlwp(pid));
	assert_int_equal(rump_sys_setuid(42), 0);
	rump_pub_lwproc_releaselwp();
	ok_errno(rump_pub_lwproc_switch(l));
	assert_int_equal(rump_sys_getuid(), 42);
	assert_int_equal(rump_sys_setuid(0), -1);
	/* A child has its parent's. */
	ok_errno(rump_pub_lwproc_rfork(RUMP_RFCFDG));
	assert_int_equal(rump_sys_getuid(), 42);
	rump_pub_lwproc_releaselwp();
	ok_errno(rump_pub_lwproc_switch(l));
	rump_pub_lwproc_releaselwp();
	assert_int_equal(rump_sys_getuid(), 0);
}

static int
setup(void **state)
{
	(void)state;
	return rump_init();
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(user_ids),
		cmocka_unit_test(saved_id_gives_root_back),
		cmocka_unit_test(group_ids_follow_the_rules),
		cmocka_unit_test(supplementary_groups),
		cmocka_unit_test(credentials_are_the_process),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
