/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The tree of tunables and statistics: leaves in a hash table by their whole
 * names, brought into order when they are walked.
 *
 * sysctl_lock guards the table, and is held over the leaves' functions, so
 * that a leaf is not in use when sysctl_unregister() returns.
 */
#include <kern/kmem.h>
#include <kern/sort.h>
#include <kern/string.h>
#include <kern/sysctl.h>

#include "mem_private.h"

#define NBUCKETS	128

static struct lock_class sysctl_lc = LOCK_CLASS("sysctl", 0);
static struct krwlock sysctl_lock;
static struct list buckets[NBUCKETS];
static size_t nleaves;

void
sysctl_init(void)
{
	unsigned i;

	rw_init(&sysctl_lock, &sysctl_lc);
	for (i = 0; i < NBUCKETS; i++)
		list_init(&buckets[i]);
}

static struct list *
bucket_of(const char *name)
{
	uint32_t h = 2166136261u;	/* FNV-1a */

	for (; *name != '\0'; name++)
		h = (h ^ (unsigned char)*name) * 16777619u;
	return &buckets[h % NBUCKETS];
}

static struct sysctl *
lookup(const char *name)
{
	struct list *n, *bucket = bucket_of(name);
	struct sysctl *sy;

	LIST_FOREACH(n, bucket) {
		sy = container_of(n, struct sysctl, sy_link);
		if (strcmp(sy->sy_name, name) == 0)
			return sy;
	}
	return NULL;
}

int
sysctl_register(struct sysctl *sy)
{
	int error = 0;

	rw_enter(&sysctl_lock, RW_WRITER);
	if (lookup(sy->sy_name) != NULL) {
		error = EEXIST;
	} else {
		list_insert_tail(bucket_of(sy->sy_name), &sy->sy_link);
		nleaves++;
	}
	rw_exit(&sysctl_lock);
	return error;
}

void
sysctl_unregister(struct sysctl *sy)
{
	rw_enter(&sysctl_lock, RW_WRITER);
	list_remove(&sy->sy_link);
	nleaves--;
	rw_exit(&sysctl_lock);
}

static uint64_t
u64_value(const struct sysctl *sy)
{
	if (sy->sy_fetch != NULL)
		return sy->sy_fetch(sy);
	if (sy->sy_u64 == NULL)
		return sy->sy_get();
	return atomic_load_explicit(sy->sy_u64, memory_order_relaxed);
}

int
sysctl_value(const struct sysctl *sy, char *buf, size_t len)
{
	size_t n;

	if (sy->sy_type == SYSCTL_STRING)
		n = strlcpy(buf, sy->sy_str, len);
	else
		n = (size_t)snprintf(buf, len, "%llu",
		    (unsigned long long)u64_value(sy));
	return n >= len ? ERANGE : 0;
}

int
sysctl_get(const char *name, char *buf, size_t len)
{
	struct sysctl *sy;
	int error;

	rw_enter(&sysctl_lock, RW_READER);
	sy = lookup(name);
	error = sy == NULL ? ENOENT : sysctl_value(sy, buf, len);
	rw_exit(&sysctl_lock);
	return error;
}

static int
u64_set(struct sysctl *sy, const char *value)
{
	uint64_t v;

	if (strtou64(value, 0, &v) != 0)
		return EINVAL;
	if (sy->sy_set != NULL)
		return sy->sy_set(v);
	if (sy->sy_store != NULL)
		return sy->sy_store(sy, v);
	if (sy->sy_u64 == NULL)
		return EPERM;
	atomic_store_explicit(sy->sy_u64, v, memory_order_relaxed);
	return 0;
}

static int
string_set(struct sysctl *sy, const char *value)
{
	if (strlen(value) >= sy->sy_strlen)
		return EINVAL;
	strlcpy(sy->sy_str, value, sy->sy_strlen);
	return 0;
}

int
sysctl_set(const char *name, const char *value)
{
	struct sysctl *sy;
	int error;

	/* A string is changed as a whole: nobody may be reading it. */
	rw_enter(&sysctl_lock, RW_WRITER);
	sy = lookup(name);
	if (sy == NULL)
		error = ENOENT;
	else if ((sy->sy_flags & SYSCTL_RW) == 0)
		error = EPERM;
	else if (sy->sy_type == SYSCTL_STRING)
		error = string_set(sy, value);
	else
		error = u64_set(sy, value);
	rw_exit(&sysctl_lock);
	return error;
}

/* ---- Walking ----------------------------------------------------------- */

static size_t
collect(const char *prefix, const struct sysctl **v)
{
	const struct sysctl *sy;
	size_t plen = strlen(prefix), count = 0;
	struct list *n;
	unsigned i;

	for (i = 0; i < NBUCKETS; i++) {
		LIST_FOREACH(n, &buckets[i]) {
			sy = container_of(n, struct sysctl, sy_link);
			if (strncmp(sy->sy_name, prefix, plen) == 0)
				v[count++] = sy;
		}
	}
	return count;
}

static bool
name_less(const void *a, const void *b)
{
	const struct sysctl *const *x = a, *const *y = b;

	return strcmp((*x)->sy_name, (*y)->sy_name) < 0;
}

int
sysctl_walk(const char *prefix, int (*fn)(void *arg, const struct sysctl *sy),
    void *arg)
{
	const struct sysctl **v;
	size_t i, n, size;
	int error = 0;

	rw_enter(&sysctl_lock, RW_READER);
	size = MAX(nleaves, (size_t)1) * sizeof(v[0]);
	v = kmem_alloc(size, 0);
	if (v == NULL) {
		rw_exit(&sysctl_lock);
		return ENOMEM;
	}
	n = collect(prefix, v);
	sort(v, n, sizeof(v[0]), name_less);
	for (i = 0; i < n && error == 0; i++)
		error = fn(arg, v[i]);
	kmem_free(v, size);
	rw_exit(&sysctl_lock);
	return error;
}
