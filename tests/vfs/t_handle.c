/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * File handles, memfd_create() and its seals, ustat(): judged by the host's
 * where a scenario does the same on both.
 *
 * Link: rumpvfs rump-tmpfs rump-ext2fs
 */
#define _GNU_SOURCE
#include "judge.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <rump/etfs.h>
#include <rump/fs/ext2fs.h>

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL	8U
#define MFD_EXEC	16U
#endif
#ifndef F_SEAL_EXEC
#define F_SEAL_EXEC	0x20
#endif

#define RUMP_OK(call)	assert_int_not_equal((call), -1)
#define RUMP_FAILS(call, e) do {		\
	errno = 0;				\
	assert_int_equal((call), -1);		\
	assert_int_equal(errno, (e));		\
} while (0)

union handle {
	struct file_handle fh;
	char room[sizeof(struct file_handle) + MAX_HANDLE_SZ];
};

static char dir[] = "/dev/shm/t_handle.XXXXXX";

/* ---- Judged --------------------------------------------------------------- */

static void
handles(void)
{
	union handle h, g;
	int mnt, mnt2;

	if ((on_rump ? rump_sys_chdir("/work") : chdir(dir)) != 0)
		abort();
	memset(&h, 0, sizeof(h));
	DO(open, "f", O_RDWR | O_CREAT, 0644);
	DO(open, ".", O_RDONLY | O_DIRECTORY);
	DO(name_to_handle_at, AT_FDCWD, "f", &h.fh, &mnt, 0);
	SAME(h.fh.handle_bytes > 0);
	DO(name_to_handle_at, AT_FDCWD, "f", &h.fh, &mnt, 0);
	DO(name_to_handle_at, 3, "", &h.fh, &mnt2, 0);
	DO(name_to_handle_at, 3, "", &h.fh, &mnt2, AT_EMPTY_PATH);
	SAME(mnt == mnt2);
	DO(name_to_handle_at, AT_FDCWD, "none", &h.fh, &mnt, 0);
	DO(name_to_handle_at, AT_FDCWD, "f", &h.fh, &mnt, 0x10000);
	g = h;
	g.fh.handle_bytes = MAX_HANDLE_SZ + 1;
	DO(name_to_handle_at, AT_FDCWD, "f", &g.fh, &mnt, 0);
	DO(open_by_handle_at, 4, &g.fh, O_RDONLY);
	g.fh.handle_bytes = 0;
	DO(open_by_handle_at, 4, &g.fh, O_RDONLY);
	DO(open_by_handle_at, 77, &h.fh, O_RDONLY);
	DO(open_by_handle_at, 4, &h.fh, O_RDWR);
	DO(write, 5, "abc", 3);
	DO(close, 5);
	DO(open_by_handle_at, 4, &h.fh, O_RDONLY | O_DIRECTORY);
	DO(open_by_handle_at, AT_FDCWD, &h.fh, O_RDONLY);
	DO(lseek, 5, 0, SEEK_END);
	DO(close, 5);
	/* It has no name any more, but is open. */
	DO(unlink, "f");
	DO(close, 3);
	DO(open_by_handle_at, 4, &h.fh, O_RDONLY);
	DO(symlink, "target", "l");
	DO(name_to_handle_at, AT_FDCWD, "l", &h.fh, &mnt,
	    AT_SYMLINK_FOLLOW);
	DO(name_to_handle_at, AT_FDCWD, "l", &h.fh, &mnt, 0);
	DO(open_by_handle_at, 4, &h.fh, O_RDONLY);
	DO(unlink, "l");
	DO(setresuid, 1000, 1000, 1000);
	DO(open_by_handle_at, 4, &h.fh, O_RDONLY);
}

static void
memfds(void)
{
	char longname[300];
	struct stat st;

	(void)CALL(umask, 022);
	memset(longname, 'a', sizeof(longname));
	longname[250] = '\0';
	DO(memfd_create, longname, 0);
	longname[249] = '\0';
	DO(memfd_create, longname, MFD_CLOEXEC | MFD_EXEC);
	DO(fcntl, 3, F_GETFD);
	SAME(CALL(fcntl, 3, F_GETFL) & O_ACCMODE);
	DO(fstat, 3, &st);
	SAME(st.st_mode);
	SAME(st.st_nlink);
	SAME(st.st_size);
	DO(fcntl, 3, F_GET_SEALS);
	DO(fcntl, 3, F_ADD_SEALS, F_SEAL_WRITE);
	DO(memfd_create, "x", 0x80000000u);
	DO(memfd_create, NULL, 0);
	DO(memfd_create, "", MFD_ALLOW_SEALING | MFD_EXEC);
	DO(fcntl, 4, F_GETFD);
	DO(fcntl, 4, F_GET_SEALS);
	DO(write, 4, "0123456789", 10);
	DO(fcntl, 4, F_ADD_SEALS, 0x1000);
	DO(fcntl, 4, F_ADD_SEALS, F_SEAL_GROW);
	DO(fcntl, 4, F_GET_SEALS);
	DO(ftruncate, 4, 11);
	DO(pwrite, 4, "abc", 3, 8);
	DO(pwrite, 4, "abc", 3, 7);
	DO(fallocate, 4, 0, 0, 20);
	DO(fallocate, 4, 0, 0, 10);
	DO(ftruncate, 4, 9);
	DO(fcntl, 4, F_ADD_SEALS, F_SEAL_SHRINK);
	DO(ftruncate, 4, 8);
	DO(ftruncate, 4, 9);
	DO(pwrite, 4, "abc", 3, 0);
	DO(fcntl, 4, F_ADD_SEALS, F_SEAL_WRITE);
	DO(pwrite, 4, "abc", 3, 0);
	DO(fallocate, 4, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096);
	DO(fcntl, 4, F_ADD_SEALS, F_SEAL_SEAL);
	DO(fcntl, 4, F_ADD_SEALS, F_SEAL_GROW);
	DO(fcntl, 4, F_GET_SEALS);
	DO(fchmod, 4, 0600);
	DO(fcntl, 77, F_GET_SEALS);
}

JUDGED(handles, handles_open_files_as_on_the_host)
JUDGED(memfds, memfds_and_seals_are_as_on_the_host)

/* ---- Without the host ----------------------------------------------------- */

static void
handles_go_stale(const char *mnt)
{
	union handle h, g;
	char path[64];
	int fd, mfd, id;

	RUMP_OK(mfd = rump_sys_open(mnt, O_RDONLY | O_DIRECTORY));
	snprintf(path, sizeof(path), "%s/file", mnt);
	for (int i = 0; i < 3; i++) {
		RUMP_OK(fd = rump_sys_open(path, O_RDWR | O_CREAT | O_EXCL,
		    0644));
		RUMP_OK(rump_sys_close(fd));
		g = h;
		h.fh.handle_bytes = MAX_HANDLE_SZ;
		RUMP_OK(rump_sys_name_to_handle_at(AT_FDCWD, path, &h.fh, &id,
		    0));
		/* The number may be the same, but not the generation. */
		if (i > 0)
			RUMP_FAILS(rump_sys_open_by_handle_at(mfd, &g.fh,
			    O_RDONLY), ESTALE);
		RUMP_OK(fd = rump_sys_open_by_handle_at(mfd, &h.fh, O_RDWR));
		RUMP_OK(rump_sys_close(fd));
		RUMP_OK(rump_sys_unlink(path));
		RUMP_FAILS(rump_sys_open_by_handle_at(mfd, &h.fh, O_RDONLY),
		    ESTALE);
	}
	/* Whatever is in it. */
	for (unsigned v = 0; v < 64; v++) {
		g = h;
		for (unsigned b = 0; b < g.fh.handle_bytes; b++)
			g.fh.f_handle[b] = 0;
		g.fh.f_handle[0] = (unsigned char)v;
		if (v > 32)
			g.fh.f_handle[v % 8] = 0xff;
		fd = rump_sys_open_by_handle_at(mfd, &g.fh, O_RDONLY);
		if (fd >= 0)
			RUMP_OK(rump_sys_close(fd));
		else
			assert_int_equal(errno, ESTALE);
	}
	g = h;
	g.fh.handle_type = 1;
	RUMP_FAILS(rump_sys_open_by_handle_at(mfd, &g.fh, O_RDONLY), ESTALE);
	RUMP_OK(rump_sys_close(mfd));
}

static void
handles_of_removed_files_are_stale(void **state)
{
	struct ext2fs_args args = { .fspec = "/image" };
	char image[64], cmd[128];

	(void)state;
	RUMP_OK(rump_sys_mkdir("/mnt", 0755));
	RUMP_OK(rump_sys_mount("tmpfs", "/mnt", 0, NULL, 0));
	handles_go_stale("/mnt");
	RUMP_OK(rump_sys_umount2("/mnt", 0));

	snprintf(image, sizeof(image), "%s/image", dir);
	snprintf(cmd, sizeof(cmd), "mkfs.ext4 -q %s 16M", image);
	assert_int_equal(system(cmd), 0);
	assert_int_equal(rump_pub_etfs_register("/image", image,
	    RUMP_ETFS_BLK), 0);
	RUMP_OK(rump_sys_mount("ext4", "/mnt", 0, &args, sizeof(args)));
	handles_go_stale("/mnt");
	RUMP_OK(rump_sys_umount2("/mnt", 0));
	assert_int_equal(rump_pub_etfs_remove("/image"), 0);
	snprintf(cmd, sizeof(cmd), "e2fsck -fn %s >/dev/null 2>&1", image);
	assert_int_equal(system(cmd), 0);
}

struct user_ustat {
	int f_tfree;
	unsigned long f_tinode;
	char f_fname[6];
	char f_fpack[6];
};

static void
ustat_counts_what_is_free(void **state)
{
	struct user_ustat us;
	struct statfs sf;
	struct stat st;

	(void)state;
	RUMP_OK(rump_sys_stat("/work", &st));
	RUMP_OK(rump_sys_ustat(st.st_dev, (struct ustat *)&us));
	RUMP_OK(rump_sys_statfs("/work", &sf));
	assert_int_equal(us.f_tfree, (int)sf.f_bfree);
	assert_int_equal(us.f_tinode, sf.f_ffree);
	RUMP_FAILS(rump_sys_ustat(0xfffff, (struct ustat *)&us), EINVAL);
	RUMP_FAILS(rump_sys_ustat(st.st_dev, NULL), EFAULT);
}

static int
setup(void **state)
{
	(void)state;
	return mkdtemp(dir) == NULL || rump_init() != 0 ||
	    rump_sys_mkdir("/work", 0777) != 0 ||
	    rump_sys_mount("tmpfs", "/work", 0, NULL, 0) != 0;
}

static int
teardown(void **state)
{
	char cmd[64];

	(void)state;
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	return system(cmd);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(handles_open_files_as_on_the_host),
		cmocka_unit_test(memfds_and_seals_are_as_on_the_host),
		cmocka_unit_test(handles_of_removed_files_are_stale),
		cmocka_unit_test(ustat_counts_what_is_free),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
