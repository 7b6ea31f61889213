/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Kinds of files, FIFOs, attributes, extended attributes, mounts.
 */
#include "conf.h"

static void
mknod_makes_every_kind(void **state)
{
	static const mode_t kinds[] = { S_IFREG, S_IFIFO, S_IFSOCK, S_IFCHR,
	    S_IFBLK, 0 };
	char name[16];
	struct stat st;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		snprintf(name, sizeof(name), "n%zu", i);
		ok(sys->mknodat(AT_FDCWD, name, kinds[i] | 0640,
		    makedev(300, 70000)));
		st = st_of(name);
		eq(st.st_mode, (kinds[i] != 0 ? kinds[i] : S_IFREG) | 0640);
		eq(st.st_nlink, 1);
		eq(st.st_size, 0);
		if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode))
			eq(st.st_rdev, makedev(300, 70000));
		fails(sys->mknodat(AT_FDCWD, name, kinds[i] | 0644, 0),
		    EEXIST);
	}
	fails(sys->mknodat(AT_FDCWD, "d", S_IFDIR | 0755, 0), EPERM);
	fails(sys->mknodat(AT_FDCWD, "l", S_IFLNK | 0755, 0), EINVAL);
	fails(sys->mknodat(AT_FDCWD, "x/", S_IFIFO | 0644, 0), ENOENT);
	fails(open_("n2", O_RDWR, 0), ENXIO);	/* a socket */
}

static void
devices_are_for_root(void **state)
{
	(void)state;
	ok(chmod_(".", 0777));
	become(1001, 2001);
	fails(sys->mknodat(AT_FDCWD, "c", S_IFCHR | 0644, makedev(1, 3)),
	    EPERM);
	fails(sys->mknodat(AT_FDCWD, "b", S_IFBLK | 0644, makedev(1, 3)),
	    EPERM);
	ok(sys->mknodat(AT_FDCWD, "p", S_IFIFO | 0644, 0));
	ok(sys->mknodat(AT_FDCWD, "r", S_IFREG | 0644, 0));
	as_root();
}

static void
null_device_works_from_here(void **state)
{
	char c;
	int fd;

	(void)state;
	ok(sys->mknodat(AT_FDCWD, "null", S_IFCHR | 0666, makedev(1, 3)));
	ok(sys->mknodat(AT_FDCWD, "zero", S_IFCHR | 0666, makedev(1, 5)));
	fd = open_("null", O_RDWR, 0);
	if (fd == -1 && errno == EACCES)
		return;			/* the host mounted it nodev */
	ok(fd);
	eq(ok(sys->write(fd, "x", 1)), 1);
	eq(ok(sys->read(fd, &c, 1)), 0);
	ok(sys->close(fd));
	fd = ok(open_("zero", O_RDWR | O_TRUNC, 0));
	c = 1;
	eq(ok(sys->read(fd, &c, 1)), 1);
	eq(c, 0);
	ok(sys->close(fd));
	ok(unlink_("null"));
	ok(unlink_("zero"));
}

static void
fifos_carry_bytes(void **state)
{
	char buf[8];
	int r, w;

	(void)state;
	ok(sys->mknodat(AT_FDCWD, "p", S_IFIFO | 0644, 0));
	fails(open_("p", O_WRONLY | O_NONBLOCK, 0), ENXIO);
	r = ok(open_("p", O_RDONLY | O_NONBLOCK, 0));
	eq(ok(sys->read(r, buf, 8)), 0);
	w = ok(open_("p", O_WRONLY | O_NONBLOCK, 0));
	fails(sys->read(r, buf, 8), EAGAIN);
	eq(ok(sys->write(w, "123", 3)), 3);
	ok(rename_("p", "q"));
	ok(unlink_("q"));
	eq(ok(sys->read(r, buf, 8)), 3);
	is(memcmp(buf, "123", 3) == 0);
	fails(sys->lseek(r, 0, SEEK_SET), ESPIPE);
	fails(sys->pread(r, buf, 1, 0), ESPIPE);
	ok(sys->close(w));
	eq(ok(sys->read(r, buf, 8)), 0);
	ok(sys->close(r));
}

static void
statx_fills_its_fields(void **state)
{
	struct statx x;
	struct stat st;

	(void)state;
	put("f", "12345");
	ok(chmod_("f", 04751));
	ok(sys->statx(AT_FDCWD, "f", 0, STATX_BASIC_STATS, &x));
	st = st_of("f");
	eq(x.stx_mask & STATX_BASIC_STATS, STATX_BASIC_STATS);
	eq(x.stx_mode, S_IFREG | 04751);
	eq(x.stx_size, 5);
	eq(x.stx_nlink, 1);
	eq(x.stx_ino, st.st_ino);
	eq(x.stx_blocks, st.st_blocks);
	eq(x.stx_blksize, st.st_blksize);
	eq(makedev(x.stx_dev_major, x.stx_dev_minor), st.st_dev);
	eq(x.stx_mtime.tv_sec, st.st_mtim.tv_sec);
	eq(x.stx_mtime.tv_nsec, st.st_mtim.tv_nsec);
	eq(x.stx_ctime.tv_nsec, st.st_ctim.tv_nsec);
	ok(sys->statx(AT_FDCWD, ".", 0, STATX_BASIC_STATS, &x));
	eq(x.stx_ino, ino_of("."));
	fails(sys->statx(AT_FDCWD, "missing", 0, STATX_ALL, &x), ENOENT);
	fails(sys->statx(AT_FDCWD, "f", 0x10000000, STATX_ALL, &x), EINVAL);
	fails(sys->statx(AT_FDCWD, "f", 0, 0x80000000u, &x), EINVAL);
}

static void
inode_numbers_differ(void **state)
{
	(void)state;
	put("a", "");
	put("b", "");
	ok(mkdir_("d", 0755));
	is(ino_of("a") != ino_of("b") && ino_of("a") != ino_of("d"));
	eq(st_of("a").st_dev, st_of("d").st_dev);
	is(ino_of("a") != 0);
	if (fs->cf_other != NULL)
		is(st_of("a").st_dev != st_of(fs->cf_other).st_dev);
}

static void
statfs_tells_the_file_system(void **state)
{
	struct statfs a, b;
	int fd;

	(void)state;
	ok(sys->statfs(".", &a));
	is(a.f_type != 0);
	is(a.f_bsize >= 512 && (a.f_bsize & (a.f_bsize - 1)) == 0);
	eq(a.f_namelen, 255);
	is(a.f_bfree <= a.f_blocks);
	is(a.f_bavail <= a.f_bfree);
	is(a.f_ffree <= a.f_files);
	fd = ok(open_(".", O_RDONLY, 0));
	ok(sys->fstatfs(fd, &b));
	eq(a.f_type, b.f_type);
	eq(a.f_blocks, b.f_blocks);
	ok(sys->close(fd));
	fails(sys->statfs("missing", &a), ENOENT);
}

/* ---- Extended attributes ------------------------------------------------ */

static void
xattrs_are_kept(void **state)
{
	char buf[100];

	(void)state;
	needs(CF_XATTR);
	put("f", "");
	ok(sys->setxattr("f", "user.one", "value", 5, 0));
	eq(ok(sys->getxattr("f", "user.one", NULL, 0)), 5);
	eq(ok(sys->getxattr("f", "user.one", buf, sizeof(buf))), 5);
	is(memcmp(buf, "value", 5) == 0);
	fails(sys->getxattr("f", "user.one", buf, 4), ERANGE);
	fails(sys->getxattr("f", "user.two", buf, 4), ENODATA);
	ok(sys->setxattr("f", "user.one", "other value", 11, 0));
	eq(ok(sys->getxattr("f", "user.one", buf, sizeof(buf))), 11);
	ok(sys->setxattr("f", "user.one", "", 0, 0));
	eq(ok(sys->getxattr("f", "user.one", buf, sizeof(buf))), 0);
	ok(sys->removexattr("f", "user.one"));
	fails(sys->getxattr("f", "user.one", buf, 4), ENODATA);
	fails(sys->removexattr("f", "user.one"), ENODATA);
}

static void
xattr_flags_create_and_replace(void **state)
{
	(void)state;
	needs(CF_XATTR);
	put("f", "");
	fails(sys->setxattr("f", "user.a", "1", 1, XATTR_REPLACE), ENODATA);
	ok(sys->setxattr("f", "user.a", "1", 1, XATTR_CREATE));
	fails(sys->setxattr("f", "user.a", "2", 1, XATTR_CREATE), EEXIST);
	ok(sys->setxattr("f", "user.a", "2", 1, XATTR_REPLACE));
	fails(sys->setxattr("f", "user.a", "2", 1, 8), EINVAL);
}

static void
xattrs_are_listed(void **state)
{
	char buf[200];
	ssize_t n, i;
	int found = 0;

	(void)state;
	needs(CF_XATTR);
	put("f", "");
	eq(ok(sys->listxattr("f", buf, sizeof(buf))), 0);
	ok(sys->setxattr("f", "user.b", "1", 1, 0));
	ok(sys->setxattr("f", "trusted.c", "2", 1, 0));
	ok(sys->setxattr("f", "security.d", "3", 1, 0));
	n = ok(sys->listxattr("f", NULL, 0));
	eq(n, 7 + 10 + 11);
	eq(ok(sys->listxattr("f", buf, sizeof(buf))), n);
	for (i = 0; i < n; i += (ssize_t)strlen(buf + i) + 1) {
		found |= strcmp(buf + i, "user.b") == 0 ? 1 : 0;
		found |= strcmp(buf + i, "trusted.c") == 0 ? 2 : 0;
		found |= strcmp(buf + i, "security.d") == 0 ? 4 : 0;
	}
	eq(found, 7);
	fails(sys->listxattr("f", buf, 5), ERANGE);
}

static void
xattr_names_are_checked(void **state)
{
	char name[300];

	(void)state;
	needs(CF_XATTR);
	put("f", "");
	fails(sys->setxattr("f", "nospace", "1", 1, 0), EOPNOTSUPP);
	fails(sys->setxattr("f", "other.x", "1", 1, 0), EOPNOTSUPP);
	fails(sys->setxattr("f", "user.", "1", 1, 0), EINVAL);
	fails(sys->setxattr("f", "", "1", 1, 0), ERANGE);
	memset(name, 'x', sizeof(name));
	memcpy(name, "user.", 5);
	name[256] = '\0';
	fails(sys->setxattr("f", name, "1", 1, 0), ERANGE);
	name[255] = '\0';
	ok(sys->setxattr("f", name, "1", 1, 0));
	fails(sys->setxattr("f", "user.big", name, 65537, 0), E2BIG);
	fails(sys->setxattr("missing", "user.a", "1", 1, 0), ENOENT);
}

static void
xattrs_follow_permissions(void **state)
{
	char buf[64];

	(void)state;
	needs(CF_XATTR);
	put("f", "");
	ok(sys->setxattr("f", "user.a", "1", 1, 0));
	ok(sys->setxattr("f", "trusted.t", "1", 1, 0));
	ok(chmod_("f", 0644));
	become(1001, 2001);
	eq(ok(sys->getxattr("f", "user.a", buf, sizeof(buf))), 1);
	fails(sys->setxattr("f", "user.a", "2", 1, 0), EACCES);
	fails(sys->setxattr("f", "trusted.t", "2", 1, 0), EPERM);
	fails(sys->getxattr("f", "trusted.t", buf, sizeof(buf)), ENODATA);
	eq(ok(sys->listxattr("f", buf, sizeof(buf))), 7);
	as_root();
	ok(chmod_("f", 0600));
	become(1001, 2001);
	fails(sys->getxattr("f", "user.a", buf, sizeof(buf)), EACCES);
	as_root();
	ok(symlink_("f", "l"));
	fails(sys->lsetxattr("l", "user.a", "1", 1, 0), EPERM);
	ok(sys->lsetxattr("l", "trusted.a", "1", 1, 0));
	ok(mkdir_("d", 0755));
	ok(sys->setxattr("d", "user.a", "1", 1, 0));
	ok(sys->mknodat(AT_FDCWD, "p", S_IFIFO | 0644, 0));
	fails(sys->setxattr("p", "user.a", "1", 1, 0), EPERM);
}

static void
many_xattrs_on_a_file(void **state)
{
	char name[32], buf[32];
	int i;

	(void)state;
	needs(CF_XATTR);
	put("f", "text");
	for (i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "user.n%d", i);
		ok(sys->setxattr("f", name, name, strlen(name), 0));
	}
	for (i = 0; i < 20; i += 2) {
		snprintf(name, sizeof(name), "user.n%d", i);
		ok(sys->removexattr("f", name));
	}
	for (i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "user.n%d", i);
		if (i % 2 == 0) {
			fails(sys->getxattr("f", name, buf, 32), ENODATA);
			continue;
		}
		eq(ok(sys->getxattr("f", name, buf, 32)), strlen(name));
		is(memcmp(buf, name, strlen(name)) == 0);
	}
	is(has("f", "text"));
}

/* ---- Mounts ------------------------------------------------------------- */

static void
read_only_mounts_are_not_written(void **state)
{
	struct stat st;
	char c;
	int fd;

	(void)state;
	needs(CF_REMOUNT);
	put("f", "f");
	ok(mkdir_("d", 0755));
	ok(symlink_("f", "l"));
	ok(fs->cf_readonly(true));
	conf_is_ro = true;
	fails(open_("f", O_WRONLY, 0), EROFS);
	fails(open_("f", O_RDONLY | O_TRUNC, 0), EROFS);
	fails(open_("new", O_WRONLY | O_CREAT, 0644), EROFS);
	fails(mkdir_("new", 0755), EROFS);
	fails(mkdir_("d", 0755), EEXIST);
	fails(symlink_("t", "new"), EROFS);
	fails(sys->mknodat(AT_FDCWD, "new", S_IFIFO | 0644, 0), EROFS);
	fails(link_("f", "new"), EROFS);
	fails(unlink_("f"), EROFS);
	fails(rmdir_("d"), EROFS);
	fails(rename_("f", "new"), EROFS);
	fails(chmod_("f", 0600), EROFS);
	fails(chown_("f", 1, 1), EROFS);
	fails(sys->truncate("f", 0), EROFS);
	fails(sys->utimensat(AT_FDCWD, "f", NULL, 0), EROFS);
	fails(access_("f", W_OK), EROFS);
	fails(open_("missing", O_RDONLY, 0), ENOENT);
	if ((fs->cf_caps & CF_XATTR) != 0)
		fails(sys->setxattr("f", "user.a", "1", 1, 0), EROFS);
	nap();
	st = st_of("f");
	fd = ok(open_("f", O_RDONLY, 0));
	eq(ok(sys->read(fd, &c, 1)), 1);
	eq(st_fd(fd).st_atim.tv_nsec, st.st_atim.tv_nsec);
	ok(sys->close(fd));
	ok(fs->cf_readonly(false));
	conf_is_ro = false;
	put("f", "more");
	is(has("f", "more"));
}

static void
open_for_writing_keeps_a_mount_writable(void **state)
{
	int fd;

	(void)state;
	needs(CF_REMOUNT);
	fd = ok(open_("f", O_WRONLY | O_CREAT, 0644));
	fails(fs->cf_readonly(true), EBUSY);
	eq(ok(sys->write(fd, "x", 1)), 1);
	ok(sys->close(fd));
	ok(fs->cf_readonly(true));
	ok(fs->cf_readonly(false));
}

#define CONF_NODE							\
	C(mknod_makes_every_kind),					\
	C(devices_are_for_root),					\
	C(null_device_works_from_here),					\
	C(fifos_carry_bytes),						\
	C(statx_fills_its_fields),					\
	C(inode_numbers_differ),					\
	C(statfs_tells_the_file_system),				\
	C(xattrs_are_kept),						\
	C(xattr_flags_create_and_replace),				\
	C(xattrs_are_listed),						\
	C(xattr_names_are_checked),					\
	C(xattrs_follow_permissions),					\
	C(many_xattrs_on_a_file),					\
	C(read_only_mounts_are_not_written),				\
	C(open_for_writing_keeps_a_mount_writable)
