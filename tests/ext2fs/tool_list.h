/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ext2tool: a tree as text, a line for each file: type, attributes, contents.
 */
#ifndef TOOL_LIST_H
#define TOOL_LIST_H

#include "tool_side.h"

static int
hash_file(const struct side *s, const char *path, uint64_t *hp)
{
	static char buf[1 << 17];
	ssize_t n;
	off_t off = 0;
	int fd = s->open(at(s, path), O_RDONLY | O_NOATIME);

	*hp = 0xcbf29ce484222325ull;
	if (fd < 0)
		return fail("open", path);
	while ((n = s->pread(fd, buf, sizeof(buf), off)) > 0) {
		*hp = hash_bytes(*hp, buf, (size_t)n);
		off += n;
	}
	s->close(fd);
	return n < 0 ? fail("read", path) : 0;
}

static int
cmp_str(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void
list_xattrs(const struct side *s, const char *path, FILE *out)
{
	char list[8192], val[8192], *names[256];
	ssize_t len, n;
	size_t i, count = 0;
	char *p;

	len = s->llistxattr(at(s, path), list, sizeof(list));
	for (p = list; len > 0 && p < list + len && count < 256;
	    p += strlen(p) + 1)
		if (strncmp(p, "security.selinux", 16) != 0)
			names[count++] = p;
	qsort(names, count, sizeof(*names), cmp_str);
	for (i = 0; i < count; i++) {
		n = s->lgetxattr(at(s, path), names[i], val, sizeof(val));
		if (out != NULL)
			fprintf(out, " %s=%zd:%llx", names[i], n,
			    (unsigned long long)hash_bytes(1, val,
			    n > 0 ? (size_t)n : 0));
	}
}

struct linux_dirent64 {
	uint64_t d_ino;
	int64_t d_off;
	unsigned short d_reclen;
	unsigned char d_type;
	char d_name[];
};

/* The names of a directory, sorted; duplicates are a failure. */
static char **
names_of(const struct side *s, const char *path, size_t *np)
{
	static char buf[1 << 16];
	struct linux_dirent64 *d;
	char **names = NULL;
	size_t n = 0, alloc = 0, i;
	ssize_t len;
	char *p;
	int fd = s->open(at(s, path), O_RDONLY | O_DIRECTORY | O_NOATIME);

	*np = 0;
	if (fd < 0) {
		fail("opendir", path);
		return NULL;
	}
	while ((len = s->getdents64(fd, buf, sizeof(buf))) > 0)
		for (p = buf; p < buf + len; p += d->d_reclen) {
			d = (void *)p;
			if (strcmp(d->d_name, ".") == 0 ||
			    strcmp(d->d_name, "..") == 0)
				continue;
			if (n == alloc)
				names = realloc(names, (alloc = alloc * 2 + 64)
				    * sizeof(*names));
			names[n++] = strdup(d->d_name);
		}
	if (len < 0)
		fail("getdents", path);
	s->close(fd);
	if (n > 0)
		qsort(names, n, sizeof(*names), cmp_str);
	for (i = 1; i < n; i++)
		if (strcmp(names[i - 1], names[i]) == 0 && !lenient) {
			warnx("%s: %s is there twice", path, names[i]);
			failures++;
		}
	*np = n;
	return names;
}

static void
list_one(const struct side *s, const char *path, FILE *out, bool times)
{
	struct stat st;
	char target[4200];
	uint64_t h = 0;
	ssize_t n = 0;

	if (s->lstat(at(s, path), &st) != 0) {
		fail("lstat", path);
		return;
	}
	target[0] = 0;
	if (S_ISREG(st.st_mode))
		hash_file(s, path, &h);
	if (S_ISLNK(st.st_mode)) {
		n = s->readlink(at(s, path), target, sizeof(target) - 1);
		target[n > 0 ? n : 0] = 0;
		if (n < 0)
			fail("readlink", path);
	}
	if (out != NULL) {
		fprintf(out, "%s %o %u:%u n%lu s%llu r%llx h%llx [%s]", path,
		    st.st_mode, st.st_uid, st.st_gid,
		    (unsigned long)st.st_nlink,
		    S_ISDIR(st.st_mode) ? 0ull : (unsigned long long)st.st_size,
		    S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode) ?
		    (unsigned long long)st.st_rdev : 0ull,
		    (unsigned long long)h, target);
		if (times)
			fprintf(out, " m%lld.%09ld", (long long)st.st_mtime,
			    st.st_mtim.tv_nsec);
	}
	list_xattrs(s, path, out);
	if (out != NULL)
		fputc('\n', out);
}

static int walk_depth;

static void
list_tree(const struct side *s, const char *path, FILE *out, bool times)
{
	char **names, *sub;
	struct stat st;
	size_t n, i;

	if (walk_depth > 64)
		return;
	walk_depth++;
	names = names_of(s, path, &n);
	for (i = 0; i < n; i++) {
		if (asprintf(&sub, "%s/%s", strcmp(path, "/") == 0 ? "" : path,
		    names[i]) < 0)
			abort();
		free(names[i]);
		if (strcmp(sub, "/lost+found") != 0) {
			list_one(s, sub, out, times);
			if (s->lstat(at(s, sub), &st) == 0 &&
			    S_ISDIR(st.st_mode))
				list_tree(s, sub, out, times);
		}
		free(sub);
	}
	free(names);
	walk_depth--;
}

#endif
