/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fsdemo: work on an ext4 image with a rump kernel, without root.
 *
 *	cc fsdemo.c $(pkg-config --cflags --libs rump-ext2fs) -o fsdemo
 *	./fsdemo image file-to-copy-out output-file
 *
 * Boots a kernel inside this process, mounts the image, walks it, copies one
 * file out of it, writes a small tree into it, and unmounts.
 */
#include <sys/stat.h>

#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <rump/etfs.h>
#include <rump/fs/ext2fs.h>
#include <rump/rump.h>
#include <rump/rump_syscalls.h>

#define DEVICE	"/dev/image"	/* in the rump kernel's name space */
#define ROOT	"/mnt"

/* What getdents64(2) fills in. */
struct entry {
	uint64_t d_ino;
	int64_t d_off;
	unsigned short d_reclen;
	unsigned char d_type;
	char d_name[];
};

struct totals {
	unsigned long files, dirs, links, others;
	uint64_t bytes;
};

static double
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static void
count(const char *path, struct totals *t)
{
	struct stat st;

	if (rump_sys_lstat(path, &st) == -1)
		err(1, "lstat %s", path);
	if (S_ISREG(st.st_mode)) {
		t->files++;
		t->bytes += (uint64_t)st.st_size;
	} else if (S_ISLNK(st.st_mode)) {
		t->links++;
	} else if (!S_ISDIR(st.st_mode)) {
		t->others++;
	}
}

static void
walk(const char *dir, struct totals *t)
{
	_Alignas(struct entry) char buf[8192];
	char path[4096];
	ssize_t n;
	int fd;

	t->dirs++;
	fd = rump_sys_open(dir, O_RDONLY | O_DIRECTORY, 0);
	if (fd == -1)
		err(1, "open %s", dir);
	while ((n = rump_sys_getdents64(fd, buf, sizeof(buf))) > 0) {
		for (char *p = buf; p < buf + n;) {
			struct entry *e = (struct entry *)p;

			p += e->d_reclen;
			if (strcmp(e->d_name, ".") == 0 ||
			    strcmp(e->d_name, "..") == 0)
				continue;
			snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
			if (e->d_type == DT_DIR)
				walk(path, t);
			else
				count(path, t);
		}
	}
	if (n == -1)
		err(1, "getdents %s", dir);
	rump_sys_close(fd);
}

/* From the image to the host. */
static off_t
copy_out(const char *from, const char *to)
{
	static char buf[256 * 1024];
	off_t total = 0;
	ssize_t n;
	FILE *out;
	int fd;

	fd = rump_sys_open(from, O_RDONLY, 0);
	if (fd == -1)
		err(1, "open %s", from);
	out = fopen(to, "w");
	if (out == NULL)
		err(1, "%s", to);
	while ((n = rump_sys_read(fd, buf, sizeof(buf))) > 0) {
		if (fwrite(buf, 1, (size_t)n, out) != (size_t)n)
			err(1, "%s", to);
		total += n;
	}
	if (n == -1)
		err(1, "read %s", from);
	if (fclose(out) != 0)
		err(1, "%s", to);
	rump_sys_close(fd);
	return total;
}

static void
write_file(const char *path, const char *text)
{
	size_t len = strlen(text);
	int fd;

	fd = rump_sys_open(path, O_WRONLY | O_CREAT | O_EXCL, 0644);
	if (fd == -1)
		err(1, "create %s", path);
	if (rump_sys_write(fd, text, len) != (ssize_t)len)
		err(1, "write %s", path);
	if (rump_sys_close(fd) == -1)
		err(1, "close %s", path);
}

static void
write_tree(void)
{
	char path[64], text[64];

	if (rump_sys_mkdir(ROOT "/from-rump", 0755) == -1 ||
	    rump_sys_mkdir(ROOT "/from-rump/notes", 0755) == -1)
		err(1, "mkdir");
	for (int i = 1; i <= 100; i++) {
		snprintf(path, sizeof(path), ROOT "/from-rump/notes/%03d", i);
		snprintf(text, sizeof(text), "note %d of 100\n", i);
		write_file(path, text);
	}
	write_file(ROOT "/from-rump/hello",
	    "Hello from a kernel in a process.\n");
	if (rump_sys_symlink("notes/042", ROOT "/from-rump/answer") == -1)
		err(1, "symlink");
	if (rump_sys_link(ROOT "/from-rump/hello",
	    ROOT "/from-rump/hello-again") == -1)
		err(1, "link");
}

int
main(int argc, char **argv)
{
	struct ext2fs_args args = { .fspec = DEVICE };
	struct totals t = { 0 };
	char path[4096];
	double start;
	off_t size;
	int error;

	if (argc != 4)
		errx(2, "usage: fsdemo image file output");

	start = now();
	error = rump_init();
	if (error != 0)
		errx(1, "rump_init: %s", strerror(error));
	printf("booted a rump kernel          %8.2f ms\n", now() - start);

	error = rump_pub_etfs_register(DEVICE, argv[1], RUMP_ETFS_BLK);
	if (error != 0)
		errx(1, "%s: %s", argv[1], strerror(error));
	start = now();
	if (rump_sys_mkdir(ROOT, 0755) == -1)
		err(1, "mkdir");
	if (rump_sys_mount("ext4", ROOT, 0, &args, sizeof(args)) == -1)
		err(1, "mount");
	printf("mounted the image             %8.2f ms\n", now() - start);

	start = now();
	walk(ROOT, &t);
	printf("walked it                     %8.2f ms   %lu files, "
	    "%lu directories, %lu links, %.1f MiB\n", now() - start, t.files,
	    t.dirs, t.links, (double)t.bytes / (1 << 20));

	start = now();
	snprintf(path, sizeof(path), ROOT "/%s", argv[2]);
	size = copy_out(path, argv[3]);
	printf("copied %-22.22s %8.2f ms   %.1f MiB\n", argv[2],
	    now() - start, (double)size / (1 << 20));

	start = now();
	write_tree();
	printf("wrote a tree                  %8.2f ms   102 files\n",
	    now() - start);

	start = now();
	if (rump_sys_umount2(ROOT, 0) == -1)
		err(1, "unmount");
	printf("unmounted                     %8.2f ms\n", now() - start);
	return 0;
}
