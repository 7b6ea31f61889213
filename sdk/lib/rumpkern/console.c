/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The console, and the three descriptors of process 1 on it. They need no file
 * system: a kernel without one has them too.
 */
#include <kern/console.h>
#include <kern/file.h>
#include <kern/time.h>

#include <linux/major.h>
#include <linux/stat.h>
#include <rump/rumpuser.h>

#include "proc_private.h"

#define CHUNK 512			/* on the stack */

static struct timespec boot_time;

int
console_read(struct uio *uio)
{
	char buf[CHUNK];
	size_t done;
	int error;

	if (uio->uio_resid == 0)
		return 0;
	error = rumpuser_console_read(buf, MIN(uio->uio_resid, sizeof(buf)),
	    &done);
	return error != 0 ? error : uiomove(buf, done, uio);
}

int
console_write(struct uio *uio)
{
	char buf[CHUNK];
	size_t n;
	int error = 0;

	while (error == 0 && uio->uio_resid > 0) {
		n = MIN(uio->uio_resid, sizeof(buf));
		error = uiomove(buf, n, uio);
		if (error == 0)
			rumpuser_console_write(buf, n);
	}
	return error;
}

static int
file_read(struct file *fp __maybe_unused, off_t *offp __maybe_unused,
    struct uio *uio, int flags __maybe_unused)
{
	return console_read(uio);
}

static int
file_write(struct file *fp __maybe_unused, off_t *offp __maybe_unused,
    struct uio *uio, int flags __maybe_unused)
{
	return console_write(uio);
}

static int
file_stat(struct file *fp __maybe_unused, struct stat *st)
{
	st->st_mode = S_IFCHR | S_IRUSR | S_IWUSR;
	st->st_nlink = 1;
	st->st_rdev = TTYAUX_MAJOR << 8 | CONSOLE_MINOR;
	st->st_blksize = PAGE_SIZE;
	st->st_atime = st->st_mtime = st->st_ctime =
	    (unsigned long)boot_time.tv_sec;
	st->st_atime_nsec = st->st_mtime_nsec = st->st_ctime_nsec =
	    (unsigned long)boot_time.tv_nsec;
	return 0;
}

static const struct fileops console_fileops = {
	.fo_type = FT_OTHER,
	.fo_read = file_read,
	.fo_write = file_write,
	.fo_stat = file_stat,
};

/* The calling process is process 1, and has no descriptors yet. */
int
console_init(void)
{
	struct file *fp;
	int error, fd;

	real_stamp(&boot_time);
	error = file_alloc(&console_fileops, NULL, O_RDWR, &fp);
	if (error != 0)
		return error;
	for (int i = 0; i < 3 && error == 0; i++) {
		error = fd_install(file_hold(fp), 0, 0, &fd);
		if (error != 0)
			(void)file_rele(fp);
	}
	(void)file_rele(fp);
	return error;
}
