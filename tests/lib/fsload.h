/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A small workload on a file system, from mount to unmount, for tests that
 * make something fail under it; and its image.
 */
#ifndef FSLOAD_H
#define FSLOAD_H

#include <stdbool.h>

struct fsload {
	const char *fl_type;	/* "tmpfs", or an ext type: FSLOAD_DEVICE */
	int fl_errno;		/* the error that calls may return */
	unsigned fl_failed;	/* calls that returned it */
};

#define FSLOAD_DEVICE	"/dev/image"
#define FSLOAD_DIR	"/mnt"

/* Mount at FSLOAD_DIR; -1 and errno. */
int fsload_mount(const char *type);

/*
 * Mount, work, unmount. A call that fails with another error than fl_errno,
 * before any has failed with that, fails the test.
 */
void fsload_run(struct fsload *fl);

/*
 * Does a mounted file system hold what a workload without failures leaves?
 * Says what differs.
 */
bool fsload_left(void);

/* An ext4 file system of the host's tools. */
extern char fsload_image[];
/* size: as truncate(1) has it. 0, or what failed. */
int fsload_image_create(const char *size);
/* Make it what it was when it was created. */
int fsload_image_restore(void);
/* 0: e2fsck is content; otherwise what it says is printed. */
int fsload_image_check(void);
void fsload_image_remove(void);

/*
 * Set-up and teardown of a group: a kernel with a small image at FSLOAD_DEVICE,
 * and FSLOAD_DIR.
 */
int fsload_setup(void **state);
int fsload_teardown(void **state);

/* Run a shell command; its exit status. */
int fsload_sh(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
