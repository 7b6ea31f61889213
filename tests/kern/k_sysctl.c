/* SPDX-License-Identifier: BSD-2-Clause */
/* Kernel half of t_sysctl: a few leaves of every kind. */
#include <kern/string.h>
#include <kern/sysctl.h>
#include <kern/types.h>

int rumptest_sysctl_register(void);
int rumptest_sysctl_twice(void);
void rumptest_sysctl_unregister(void);

static _Atomic uint64_t number = 42, fixed = 7;
static _Atomic uint64_t checked = 5;
static char string[8] = "abc";

static uint64_t
get_checked(void)
{
	return atomic_load(&checked) * 10;
}

static int
set_checked(uint64_t v)
{
	if (v > 100)
		return EINVAL;
	atomic_store(&checked, v);
	return 0;
}

static uint64_t array[2] = { 1, 2 };

static uint64_t
fetch_element(const struct sysctl *sy)
{
	return array[sy->sy_arg];
}

static int
store_element(const struct sysctl *sy, uint64_t v)
{
	if (v == 0)
		return EINVAL;
	array[sy->sy_arg] = v;
	return 0;
}

static struct sysctl leaves[] = {
	{ .sy_name = "test.number", .sy_descr = "a number", .sy_u64 = &number,
	  .sy_flags = SYSCTL_RW },
	{ .sy_name = "test.fixed", .sy_descr = "not to be set",
	  .sy_u64 = &fixed },
	{ .sy_name = "test.checked", .sy_descr = "at most 100",
	  .sy_get = get_checked, .sy_set = set_checked,
	  .sy_flags = SYSCTL_RW },
	{ .sy_name = "test.string", .sy_descr = "seven letters",
	  .sy_type = SYSCTL_STRING, .sy_str = string,
	  .sy_strlen = sizeof(string), .sy_flags = SYSCTL_RW },
	{ .sy_name = "element.zero", .sy_descr = "the first element",
	  .sy_fetch = fetch_element },
	{ .sy_name = "element.one", .sy_descr = "the second element",
	  .sy_fetch = fetch_element, .sy_store = store_element, .sy_arg = 1,
	  .sy_flags = SYSCTL_RW },
	{ .sy_name = "testing", .sy_descr = "a neighbour",
	  .sy_u64 = &fixed },
};
static struct sysctl many[300];
static char many_name[300][24];

int
rumptest_sysctl_register(void)
{
	unsigned i;
	int error;

	for (i = 0; i < nitems(leaves); i++) {
		error = sysctl_register(&leaves[i]);
		if (error != 0)
			return error;
	}
	for (i = 0; i < nitems(many); i++) {
		snprintf(many_name[i], sizeof(many_name[i]), "many.leaf%u",
		    i * 7919 % 1000);
		many[i].sy_name = many_name[i];
		many[i].sy_descr = "one of many";
		many[i].sy_u64 = &number;
		error = sysctl_register(&many[i]);
		if (error != 0)
			return error;
	}
	return 0;
}

int
rumptest_sysctl_twice(void)
{
	static struct sysctl twin = { .sy_name = "test.number",
	    .sy_descr = "the same again", .sy_u64 = &number };

	return sysctl_register(&twin);
}

void
rumptest_sysctl_unregister(void)
{
	unsigned i;

	for (i = 0; i < nitems(leaves); i++)
		sysctl_unregister(&leaves[i]);
}
