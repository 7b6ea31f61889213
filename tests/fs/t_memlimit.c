/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A kernel with little memory (RUMP_MEMLIMIT): what does not fit fails with
 * ENOMEM or ENOSPC and leaves the rest as it was; data much larger than the
 * memory passes through the caches.
 *
 * Link: rump-tmpfs rump-ext2fs
 */
#define _GNU_SOURCE
#include <sys/mount.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rump/etfs.h>
#include <rump/fs/ext2fs.h>
#include <rump/fs/tmpfs.h>
#include <rump/rump.h>
#include <rump/rump_syscalls.h>

#include "fsload.h"
#include "test.h"

#define LIMIT	((size_t)16 << 20)
#define BIG	((size_t)64 << 20)	/* a file of that size */
#define CHUNK	((size_t)128 << 10)

#define works(call)	assert_int_equal((call), 0)

static char dir[64];
static uint64_t chunk[CHUNK / 8], got[CHUNK / 8];

static uint64_t
stat_of(const char *name)
{
	char value[32];

	ok_errno(rump_pub_sysctl_get(name, value, sizeof(value)));
	return strtoull(value, NULL, 10);
}

static void
within_the_limit(void)
{

	assert_true(stat_of("kern.mem.mapped") <= LIMIT);
	assert_true(stat_of("kern.mem.used") <= LIMIT);
}

/* What a file has at the chunk n, in one of its generations. */
static void
fill(uint64_t n, uint64_t generation)
{
	size_t i;

	for (i = 0; i < CHUNK / 8; i++)
		chunk[i] = (n * CHUNK + i * 8) * 0x9e3779b97f4a7c15 +
		    generation;
}

static void
is_chunk(int fd, uint64_t n, uint64_t generation, size_t len)
{

	fill(n, generation);
	assert_int_equal(rump_sys_pread(fd, got, len, (off_t)(n * CHUNK)), len);
	assert_memory_equal(got, chunk, len);
}

static bool
is_full(int error)
{

	return error == ENOMEM || error == ENOSPC;
}

static void
tmpfs_is_full_at_the_limit(void **state)
{
	struct tmpfs_args args = { .size = UINT64_MAX };
	struct stat st;
	uint64_t n, size;
	ssize_t len;
	int fd, round;

	(void)state;
	works(rump_sys_mount("tmpfs", "/m", 0, &args, sizeof(args)));
	for (round = 0; round < 3; round++) {
		fd = rump_sys_open("/m/f", O_CREAT | O_RDWR, 0644);
		assert_true(fd >= 0);
		for (n = 0, size = 0;; n++, size += (size_t)len) {
			fill(n, 0);
			len = rump_sys_write(fd, chunk, CHUNK);
			if (len != (ssize_t)CHUNK)
				break;
			assert_true(n * CHUNK <= LIMIT);
		}
		if (len > 0)
			size += (size_t)len;
		else
			assert_true(is_full(errno));
		within_the_limit();
		assert_true(size > LIMIT / 4);
		works(rump_sys_fstat(fd, &st));
		assert_int_equal(st.st_size, size);
		for (n = 0; n < size / CHUNK; n++)
			is_chunk(fd, n, 0, CHUNK);
		if (size % CHUNK != 0)
			is_chunk(fd, n, 0, size % CHUNK);
		/* What is removed makes room for as much again. */
		works(rump_sys_close(fd));
		works(rump_sys_unlink("/m/f"));
	}
	works(rump_sys_umount2("/m", 0));
}

static void
tmpfs_takes_files_up_to_the_limit(void **state)
{
	struct tmpfs_args args = { .size = UINT64_MAX };
	char name[32];
	struct stat st;
	unsigned i, n;
	int error;

	(void)state;
	works(rump_sys_mount("tmpfs", "/m", 0, &args, sizeof(args)));
	for (n = 0;; n++) {
		snprintf(name, sizeof(name), "/m/%u", n);
		if (rump_sys_mkdir(name, 0755) != 0)
			break;
	}
	error = errno;
	assert_true(is_full(error));
	assert_true(n > 10000);
	within_the_limit();
	assert_int_equal(rump_sys_stat(name, &st), -1);
	for (i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "/m/%u", i);
		works(rump_sys_rmdir(name));
	}
	works(rump_sys_mkdir("/m/one", 0755));
	works(rump_sys_umount2("/m", 0));
}

static void
a_host_file_larger_than_memory(void **state)
{
	uint64_t n;
	int fd;

	(void)state;
	fd = rump_sys_open("/host/big", O_RDONLY, 0);
	assert_true(fd >= 0);
	for (n = 0; n < BIG / CHUNK; n++)
		is_chunk(fd, n, 0, CHUNK);
	works(rump_sys_close(fd));
	within_the_limit();
}

/* Read it all, write every third chunk, read it all, in both directions. */
static void
an_ext4_file_larger_than_memory(void **state)
{
	struct ext2fs_args args = { .fspec = "/dev/limit" };
	uint64_t n, last = BIG / CHUNK;
	int fd;

	(void)state;
	works(rump_sys_mount("ext4", "/m", 0, &args, sizeof(args)));
	fd = rump_sys_open("/m/big", O_RDWR, 0);
	assert_true(fd >= 0);
	for (n = 0; n < last; n++)
		is_chunk(fd, n, 0, CHUNK);
	within_the_limit();
	for (n = 0; n < last; n += 3) {
		fill(n, 1);
		assert_int_equal(rump_sys_pwrite(fd, chunk, CHUNK,
		    (off_t)(n * CHUNK)), CHUNK);
	}
	within_the_limit();
	for (n = last; n-- > 0;)
		is_chunk(fd, n, n % 3 == 0, CHUNK);
	works(rump_sys_fsync(fd));
	works(rump_sys_close(fd));
	fd = rump_sys_open("/m/new", O_CREAT | O_RDWR, 0644);
	assert_true(fd >= 0);
	for (n = 0; n < last / 2; n++) {
		fill(n, 2);
		assert_int_equal(rump_sys_write(fd, chunk, CHUNK), CHUNK);
	}
	for (n = 0; n < last / 2; n++)
		is_chunk(fd, n, 2, CHUNK);
	works(rump_sys_close(fd));
	within_the_limit();
	works(rump_sys_umount2("/m", 0));
	assert_true(stat_of("kern.mem.used") < LIMIT / 4);
}

/* The host's tools find what was written, and nothing else. */
static void
image_is_as_it_was_written(void **state)
{
	char path[96];
	uint64_t n;
	int fd;

	(void)state;
	works(fsload_sh("e2fsck -fn %s/image >%s/fsck 2>&1 || "
	    "{ cat %s/fsck >&2; false; }", dir, dir, dir));
	works(fsload_sh("debugfs -R 'dump /big %s/dump' %s/image 2>/dev/null",
	    dir, dir));
	snprintf(path, sizeof(path), "%s/dump", dir);
	fd = open(path, O_RDONLY);
	assert_true(fd >= 0);
	for (n = 0; n < BIG / CHUNK; n++) {
		fill(n, n % 3 == 0);
		assert_int_equal(pread(fd, got, CHUNK, (off_t)(n * CHUNK)),
		    CHUNK);
		assert_memory_equal(got, chunk, CHUNK);
	}
	works(close(fd));
}

static void
many_files_of_a_large_image(void **state)
{
	struct ext2fs_args args = { .fspec = "/dev/limit" };
	char name[32];
	struct stat st;
	unsigned i, n = 6000;

	(void)state;
	works(rump_sys_mount("ext4", "/m", 0, &args, sizeof(args)));
	for (i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "/m/d%u", i);
		works(rump_sys_mkdir(name, 0755));
	}
	within_the_limit();
	for (i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "/m/d%u", i);
		works(rump_sys_stat(name, &st));
	}
	works(rump_sys_umount2("/m", 0));
	works(fsload_sh("e2fsck -fn %s/image >/dev/null 2>&1", dir));
}

static int
setup(void **state)
{
	char path[96];
	uint64_t n;
	FILE *f;

	(void)state;
	strcpy(dir, "/tmp/t_memlimit.XXXXXX");
	if (mkdtemp(dir) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/tree", dir);
	if (mkdir(path, 0755) != 0)
		return -1;
	strcat(path, "/big");
	f = fopen(path, "w");
	if (f == NULL)
		return -1;
	for (n = 0; n < BIG / CHUNK; n++) {
		fill(n, 0);
		if (fwrite(chunk, CHUNK, 1, f) != 1)
			return -1;
	}
	if (fclose(f) != 0 || fsload_sh("truncate -s 192M %s/image && "
	    "mkfs.ext4 -q -F -d %s/tree %s/image", dir, dir, dir) != 0)
		return -1;
	setenv("RUMP_MEMLIMIT", "16m", 1);
	if (rump_init() != 0 || rump_sys_mkdir("/m", 0755) != 0 ||
	    rump_pub_etfs_register("/host/big", path, RUMP_ETFS_REG) != 0)
		return -1;
	snprintf(path, sizeof(path), "%s/image", dir);
	return rump_pub_etfs_register("/dev/limit", path, RUMP_ETFS_BLK);
}

static int
teardown(void **state)
{

	(void)state;
	return fsload_sh("rm -rf %s", dir);
}

int
main(void)
{
	static const struct CMUnitTest memlimit[] = {
		cmocka_unit_test(tmpfs_is_full_at_the_limit),
		cmocka_unit_test(tmpfs_takes_files_up_to_the_limit),
		cmocka_unit_test(a_host_file_larger_than_memory),
		cmocka_unit_test(an_ext4_file_larger_than_memory),
		cmocka_unit_test(image_is_as_it_was_written),
		cmocka_unit_test(many_files_of_a_large_image),
	};

	return cmocka_run_group_tests(memlimit, setup, teardown);
}
