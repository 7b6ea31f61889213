/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Works on a file system image in a rump kernel, or (-H) on a directory of the
 * host, with the same operations: what the tests of ext2fs compare.
 *
 *	ext2tool [-r] [-t type] [-o begin -s size] image command [args] [+ command [args]] ...
 *	ext2tool -H dir command ...
 *
 * -r mounts read-only. Exits with 0 if every command succeeded. Without
 * "crash" as last command the image is unmounted.
 */
#include "tool_list.h"
#include "tool_random.h"

/* ---- Files of a pattern ----------------------------------------------- */

static unsigned char iobuf[2][1 << 20];

static int
cmd_write(const char *path, uint64_t off, uint64_t len, uint32_t seed)
{
	int fd = us.open(at(&us, path), O_RDWR | O_CREAT, 0644);
	uint64_t end = off + len;
	size_t n;
	ssize_t r;

	if (fd < 0)
		return fail("open", path);
	for (; off < end; off += (uint64_t)r) {
		n = end - off < sizeof(iobuf[0]) ? end - off : sizeof(iobuf[0]);
		pattern(iobuf[0], n, off, seed);
		r = us.pwrite(fd, iobuf[0], n, (off_t)off);
		if (r <= 0) {
			us.close(fd);
			return fail("write", path);
		}
	}
	return us.close(fd);
}

static int
cmd_verify(const char *path, uint64_t off, uint64_t len, uint32_t seed)
{
	int fd = us.open(at(&us, path), O_RDONLY);
	uint64_t end = off + len;
	size_t n;

	if (fd < 0)
		return fail("open", path);
	for (; off < end; off += n) {
		n = end - off < sizeof(iobuf[0]) ? end - off : sizeof(iobuf[0]);
		pattern(iobuf[0], n, off, seed);
		if (us.pread(fd, iobuf[1], n, (off_t)off) != (ssize_t)n ||
		    memcmp(iobuf[0], iobuf[1], n) != 0) {
			us.close(fd);
			errno = EIO;
			return fail("verify", path);
		}
	}
	us.close(fd);
	return 0;
}

/* As write until there is no space; prints how many bytes went in. */
static int
cmd_fill(const char *path, uint32_t seed)
{
	int fd = us.open(at(&us, path), O_RDWR | O_CREAT, 0644);
	uint64_t off = 0;
	ssize_t r = 0;

	if (fd < 0)
		return fail("open", path);
	for (;;) {
		pattern(iobuf[0], sizeof(iobuf[0]), off, seed);
		r = us.pwrite(fd, iobuf[0], sizeof(iobuf[0]), (off_t)off);
		if (r <= 0)
			break;
		off += (uint64_t)r;
	}
	if (errno != ENOSPC)
		return fail("fill", path);
	if (us.fsync(fd) != 0)
		return fail("fsync", path);
	us.close(fd);
	printf("%llu\n", (unsigned long long)off);
	return cmd_verify(path, 0, off, seed);
}

static int
cmd_many(const char *dir, unsigned n, bool remove_them)
{
	char path[512];
	unsigned i;
	int fd;

	for (i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/file-%07u-%u", dir,
		    i * 7919 % n, i * 7919 % n % 13);
		if (remove_them) {
			if (us.unlink(at(&us, path)) != 0)
				return fail("unlink", path);
			continue;
		}
		fd = us.open(at(&us, path), O_RDWR | O_CREAT | O_EXCL, 0644);
		if (fd < 0)
			return fail("create", path);
		us.close(fd);
	}
	return 0;
}

/* ---- Commands --------------------------------------------------------- */

static int
cmd_put(const char *from, const char *to, bool get)
{
	const struct side *in = get ? &us : &host_side;
	const struct side *out = get ? &host_side : &us;
	int fi, fo;
	off_t off = 0;
	ssize_t n;

	fi = in->open(at(in, from), O_RDONLY);
	fo = out->open(at(out, to), O_RDWR | O_CREAT | O_TRUNC, 0644);
	if (fi < 0 || fo < 0)
		return fail("open", from);
	while ((n = in->pread(fi, iobuf[0], sizeof(iobuf[0]), off)) > 0) {
		if (out->pwrite(fo, iobuf[0], (size_t)n, off) != n)
			return fail("write", to);
		off += n;
	}
	in->close(fi);
	if (out->close(fo) != 0 || n < 0)
		return fail("close", to);
	return 0;
}

static int
cmd_statfs(void)
{
	struct statfs sf;

	if (rump_sys_statfs(us.root, &sf) != 0)
		return fail("statfs", "/");
	printf("%llu %llu %llu %llu %llu\n", (unsigned long long)sf.f_blocks,
	    (unsigned long long)sf.f_bfree, (unsigned long long)sf.f_bavail,
	    (unsigned long long)sf.f_files, (unsigned long long)sf.f_ffree);
	return 0;
}

/* What SEEK_DATA and SEEK_HOLE say. */
static int
cmd_holes(const char *path)
{
	int fd = us.open(at(&us, path), O_RDONLY);
	off_t pos = 0, end;

	if (fd < 0)
		return fail("open", path);
	while ((pos = us.lseek(fd, pos, SEEK_DATA)) >= 0) {
		end = us.lseek(fd, pos, SEEK_HOLE);
		printf("%lld-%lld\n", (long long)pos, (long long)end);
		pos = end;
	}
	us.close(fd);
	return 0;
}

static uint64_t
num(const char *s)
{
	char *end;
	uint64_t v = strtoull(s, &end, 0);

	return *end == 'k' ? v << 10 : *end == 'm' ? v << 20 :
	    *end == 'g' ? v << 30 : v;
}

static struct side twin;
static struct ext2fs_args margs;
static uint64_t part_begin, part_size = RUMP_ETFS_SIZE_ENDOFF;
static const char *mtype = "ext4";

static int
remount(unsigned long flags)
{
	if (rump_sys_mount(mtype, us.root, (int)flags, &margs,
	    sizeof(margs)) != 0)
		return fail("remount", "");
	return 0;
}

static int
run(char **v, int n)
{
	const char *c = v[0];
	int fd;

	op_special = op_xattr = op_times = true;
#define ARGS(name, k) (strcmp(c, name) == 0 && n == (k) + 1)
	if (ARGS("list", 0))
		list_tree(&us, "/", stdout, true);
	else if (ARGS("listnt", 0))
		list_tree(&us, "/", stdout, false);
	else if (ARGS("walk", 0))
		list_tree(&us, "/", NULL, false);
	else if (ARGS("lenient", 0))
		lenient = true;
	else if (ARGS("write", 4))
		return cmd_write(v[1], num(v[2]), num(v[3]), (uint32_t)num(v[4]));
	else if (ARGS("verify", 4))
		return cmd_verify(v[1], num(v[2]), num(v[3]),
		    (uint32_t)num(v[4]));
	else if (ARGS("fill", 2))
		return cmd_fill(v[1], (uint32_t)num(v[2]));
	else if (ARGS("mkdir", 1))
		return us.mkdir(at(&us, v[1]), 0755) ? fail(c, v[1]) : 0;
	else if (ARGS("rmdir", 1))
		return us.rmdir(at(&us, v[1])) ? fail(c, v[1]) : 0;
	else if (ARGS("unlink", 1))
		return us.unlink(at(&us, v[1])) ? fail(c, v[1]) : 0;
	else if (ARGS("truncate", 2)) {
		fd = us.open(at(&us, v[1]), O_RDWR | O_CREAT, 0644);
		if (fd < 0 || us.ftruncate(fd, (off_t)num(v[2])) != 0)
			return fail(c, v[1]);
		return us.close(fd);
	} else if (ARGS("fallocate", 4)) {
		fd = us.open(at(&us, v[1]), O_RDWR | O_CREAT, 0644);
		if (fd < 0 || us.fallocate(fd, (int)num(v[2]),
		    (off_t)num(v[3]), (off_t)num(v[4])) != 0)
			return fail(c, v[1]);
		return us.close(fd);
	} else if (ARGS("rename", 2))
		return us.renameat2(AT_FDCWD, at(&us, v[1]), AT_FDCWD,
		    at(&us, v[2]), 0) ? fail(c, v[1]) : 0;
	else if (ARGS("setxattr", 3))
		return us.lsetxattr(at(&us, v[1]), v[2], v[3], strlen(v[3]),
		    0) ? fail(c, v[1]) : 0;
	else if (ARGS("many", 2))
		return cmd_many(v[1], (unsigned)num(v[2]), false);
	else if (ARGS("rmmany", 2))
		return cmd_many(v[1], (unsigned)num(v[2]), true);
	else if (ARGS("random", 2))
		return cmd_random(NULL, (uint32_t)num(v[1]),
		    (unsigned)num(v[2]));
	else if (ARGS("twin", 3)) {
		twin = host_side;
		twin.root = v[1];
		return cmd_random(&twin, (uint32_t)num(v[2]),
		    (unsigned)num(v[3]));
	} else if (ARGS("threads", 1))
		return cmd_threads((unsigned)num(v[1]));
	else if (ARGS("put", 2))
		return cmd_put(v[1], v[2], false);
	else if (ARGS("get", 2))
		return cmd_put(v[1], v[2], true);
	else if (ARGS("holes", 1))
		return cmd_holes(v[1]);
	else if (ARGS("statfs", 0))
		return cmd_statfs();
	else if (ARGS("sync", 0))
		return rump_sys_sync();
	else if (ARGS("ro", 0))
		return remount(32 | 1);		/* MS_REMOUNT | MS_RDONLY */
	else if (ARGS("rw", 0))
		return remount(32);
	else if (ARGS("orphan", 1)) {
		/* Open, and without a name. */
		if (us.open(at(&us, v[1]), O_RDWR | O_CREAT, 0644) < 0 ||
		    us.unlink(at(&us, v[1])) != 0)
			return fail(c, v[1]);
	} else if (ARGS("crash", 0))
		_exit(failures != 0);
	else
		errx(2, "unknown command %s", c);
	return 0;
}

static int
mount_image(const char *image, bool rdonly)
{
	int error;

	setenv("RUMP_VERBOSE", "1", 0);
	if ((error = rump_init()) != 0)
		errx(2, "rump_init: %s", strerror(error));
	error = rump_pub_etfs_register_withsize("/image", image,
	    RUMP_ETFS_BLK, part_begin, part_size);
	if (error != 0)
		errx(2, "%s: %s", image, strerror(error));
	if (rump_sys_mkdir("/mnt", 0755) != 0)
		err(2, "mkdir /mnt");
	margs.fspec = "/image";
	if (rump_sys_mount(mtype, "/mnt", rdonly ? 1 : 0, &margs,
	    sizeof(margs)) != 0) {
		warn("mount");
		return -1;
	}
	us = rump_side;
	us.root = "/mnt";
	return 0;
}

int
main(int argc, char **argv)
{
	bool rdonly = false, host = false;
	int c, i, j;

	while ((c = getopt(argc, argv, "+rHt:o:s:")) != -1)
		switch (c) {
		case 'r': rdonly = true; break;
		case 'H': host = true; break;
		case 't': mtype = optarg; break;
		case 'o': part_begin = num(optarg); break;
		case 's': part_size = num(optarg); break;
		default: return 2;
		}
	if (optind >= argc)
		errx(2, "usage: ext2tool [-rH] [-t type] image command ...");
	umask(022);
	if (host) {
		us = host_side;
		us.root = argv[optind];
	} else if (mount_image(argv[optind], rdonly) != 0) {
		return 3;
	}
	for (i = optind + 1; i < argc; i = j + 1) {
		for (j = i; j < argc && strcmp(argv[j], "+") != 0; j++)
			;
		if (j > i && run(argv + i, j - i) != 0 && !lenient)
			failures++;
	}
	if (!host && rump_sys_unmount("/mnt", 0) != 0)
		fail("unmount", "");
	fflush(stdout);
	return failures != 0;
}
