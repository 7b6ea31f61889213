/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The tree of tunables and statistics, as an application sees it.
 *
 * Link: rump
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rump/rump.h>

#include "test.h"

int rumptest_sysctl_register(void);
int rumptest_sysctl_twice(void);
void rumptest_sysctl_unregister(void);

static void
must_be(const char *name, const char *value)
{
	char buf[64];

	ok_errno(rump_pub_sysctl_get(name, buf, sizeof(buf)));
	assert_string_equal(buf, value);
}

static void
leaves_are_read_by_name(void **state)
{
	char buf[4];

	(void)state;
	ok_errno(rumptest_sysctl_register());
	must_be("test.number", "42");
	must_be("test.checked", "50");
	must_be("test.string", "abc");
	assert_int_equal(rump_pub_sysctl_get("test.none", buf, 4), ENOENT);
	assert_int_equal(rump_pub_sysctl_get("test", buf, 4), ENOENT);
	ok_errno(rump_pub_sysctl_get("test.string", buf, 4));
	assert_int_equal(rump_pub_sysctl_get("test.string", buf, 3), ERANGE);
	assert_int_equal(rump_pub_sysctl_get("test.number", buf, 2), ERANGE);
	assert_int_equal(rump_pub_sysctl_get("test.number", NULL, 2), EFAULT);
}

static void
values_are_checked_when_set(void **state)
{
	(void)state;
	ok_errno(rump_pub_sysctl_set("test.number", "0x10"));
	must_be("test.number", "16");
	ok_errno(rump_pub_sysctl_set("test.number", "2k"));
	must_be("test.number", "2048");
	assert_int_equal(rump_pub_sysctl_set("test.number", "x"), EINVAL);
	assert_int_equal(rump_pub_sysctl_set("test.number", ""), EINVAL);
	assert_int_equal(rump_pub_sysctl_set("test.number",
	    "99999999999999999999"), EINVAL);
	must_be("test.number", "2048");
	ok_errno(rump_pub_sysctl_set("element.one", "5"));
	must_be("element.one", "5");
	must_be("element.zero", "1");
	assert_int_equal(rump_pub_sysctl_set("element.one", "0"), EINVAL);
	assert_int_equal(rump_pub_sysctl_set("element.zero", "1"), EPERM);
	assert_int_equal(rump_pub_sysctl_set("test.fixed", "8"), EPERM);
	must_be("test.fixed", "7");
	assert_int_equal(rump_pub_sysctl_set("test.checked", "101"), EINVAL);
	ok_errno(rump_pub_sysctl_set("test.checked", "100"));
	must_be("test.checked", "1000");
	ok_errno(rump_pub_sysctl_set("test.string", "letters"));
	must_be("test.string", "letters");
	assert_int_equal(rump_pub_sysctl_set("test.string", "letters!"),
	    EINVAL);
	must_be("test.string", "letters");
	assert_int_equal(rump_pub_sysctl_set("test.none", "1"), ENOENT);
}

static void
a_name_is_registered_once(void **state)
{
	(void)state;
	assert_int_equal(rumptest_sysctl_twice(), EEXIST);
}

struct seen {
	char last[64];
	int count;
	int stop;
};

static int
look(void *arg, const char *name, const char *value, const char *descr)
{
	struct seen *s = arg;

	assert_true(strcmp(s->last, name) < 0);
	assert_non_null(value);
	assert_true(strlen(descr) > 0);
	assert_true(strlen(name) < sizeof(s->last));
	strcpy(s->last, name);
	return ++s->count == s->stop ? 99 : 0;
}

static void
walks_are_in_order_and_complete(void **state)
{
	struct seen all = { 0 }, some = { 0 }, many = { 0 }, none = { 0 };
	struct seen cut = { .stop = 2 };

	(void)state;
	ok_errno(rump_pub_sysctl_walk("", look, &all));
	ok_errno(rump_pub_sysctl_walk("test.", look, &some));
	assert_int_equal(some.count, 4);
	ok_errno(rump_pub_sysctl_walk("many.", look, &many));
	assert_int_equal(many.count, 300);
	assert_true(all.count > 305);
	ok_errno(rump_pub_sysctl_walk("nothing", look, &none));
	assert_int_equal(none.count, 0);
	assert_int_equal(rump_pub_sysctl_walk("test.", look, &cut), 99);
	assert_int_equal(cut.count, 2);
	assert_string_equal(cut.last, "test.fixed");
}

static void
memory_tells_about_itself(void **state)
{
	char mapped[32], used[32];

	(void)state;
	ok_errno(rump_pub_sysctl_get("kern.mem.mapped", mapped, 32));
	ok_errno(rump_pub_sysctl_get("kern.mem.used", used, 32));
	assert_true(strtoull(mapped, NULL, 10) >= strtoull(used, NULL, 10));
	must_be("kern.mem.pressure", "0");
}

static void
what_is_unregistered_is_gone(void **state)
{
	char buf[8];

	(void)state;
	rumptest_sysctl_unregister();
	assert_int_equal(rump_pub_sysctl_get("test.number", buf, 8), ENOENT);
	ok_errno(rumptest_sysctl_twice());
	must_be("test.number", "2048");
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(leaves_are_read_by_name),
		cmocka_unit_test(values_are_checked_when_set),
		cmocka_unit_test(a_name_is_registered_once),
		cmocka_unit_test(walks_are_in_order_and_complete),
		cmocka_unit_test(memory_tells_about_itself),
		cmocka_unit_test(what_is_unregistered_is_gone),
	};

	if (rump_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
