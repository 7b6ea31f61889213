/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The devices that every system has: null, zero, full, random, urandom, and
 * the console. Their numbers are those of the UAPI (linux/major.h).
 */
#include <kern/assert.h>
#include <kern/blkdev.h>
#include <kern/console.h>
#include <kern/kmem.h>
#include <kern/vnode.h>
#include <linux/major.h>
#include <rump/rumpuser.h>

#include "cache.h"
#include "rumpfs.h"

#define MIN_NULL	3
#define MIN_ZERO	5
#define MIN_FULL	7
#define MIN_RANDOM	8
#define MIN_URANDOM	9

#define CHUNK		512		/* on the stack */

/* ---- null, zero, full ------------------------------------------------- */

static int
null_read(dev_t dev __maybe_unused, void *priv __maybe_unused,
    struct uio *uio __maybe_unused, int flags __maybe_unused)
{
	return 0;
}

static int
null_write(dev_t dev __maybe_unused, void *priv __maybe_unused,
    struct uio *uio, int flags __maybe_unused)
{
	uio_skip(uio, uio->uio_resid);
	return 0;
}

static int
zero_read(dev_t dev __maybe_unused, void *priv __maybe_unused,
    struct uio *uio, int flags __maybe_unused)
{
	return uiomove_zero(uio->uio_resid, uio);
}

static int
full_write(dev_t dev __maybe_unused, void *priv __maybe_unused,
    struct uio *uio, int flags __maybe_unused)
{
	return uio->uio_resid == 0 ? 0 : ENOSPC;
}

static const struct cdevops null_ops = {
	.cd_read = null_read,
	.cd_write = null_write,
	.cd_seekable = true,
	.cd_stays = true,
};

static const struct cdevops zero_ops = {
	.cd_read = zero_read,
	.cd_write = null_write,
	.cd_seekable = true,
	.cd_stays = true,
};

static const struct cdevops full_ops = {
	.cd_read = zero_read,
	.cd_write = full_write,
	.cd_seekable = true,
	.cd_stays = true,
};

/* ---- random ----------------------------------------------------------- */

static int
random_read(dev_t dev __maybe_unused, void *priv __maybe_unused,
    struct uio *uio, int flags __maybe_unused)
{
	char buf[CHUNK];
	size_t n;
	int error = 0;

	while (error == 0 && uio->uio_resid > 0) {
		n = MIN(uio->uio_resid, sizeof(buf));
		error = rumpuser_getrandom(buf, n);
		if (error == 0)
			error = uiomove(buf, n, uio);
	}
	return error;
}

/* Taken, as everywhere, and not believed: the platform's are good already. */
static int
random_write(dev_t dev __maybe_unused, void *priv __maybe_unused,
    struct uio *uio, int flags __maybe_unused)
{
	char buf[CHUNK];
	int error = 0;

	while (error == 0 && uio->uio_resid > 0)
		error = uiomove(buf, MIN(uio->uio_resid, sizeof(buf)), uio);
	return error;
}

static const struct cdevops random_ops = {
	.cd_read = random_read,
	.cd_write = random_write,
	.cd_seekable = true,
	.cd_stays = true,
};

/* ---- console ---------------------------------------------------------- */

static int
cons_read(dev_t dev __maybe_unused, void *priv __maybe_unused,
    struct uio *uio, int flags __maybe_unused)
{
	return console_read(uio);
}

static int
cons_write(dev_t dev __maybe_unused, void *priv __maybe_unused,
    struct uio *uio, int flags __maybe_unused)
{
	return console_write(uio);
}

static const struct cdevops console_ops = {
	.cd_read = cons_read,
	.cd_write = cons_write,
};

/* ---- Coming up -------------------------------------------------------- */

static const struct {
	const char *md_path;
	uint32_t md_major, md_minor;
	const struct cdevops *md_ops;
} memdevs[] = {
	{ "/dev/null", MEM_MAJOR, MIN_NULL, &null_ops },
	{ "/dev/zero", MEM_MAJOR, MIN_ZERO, &zero_ops },
	{ "/dev/full", MEM_MAJOR, MIN_FULL, &full_ops },
	{ "/dev/random", MEM_MAJOR, MIN_RANDOM, &random_ops },
	{ "/dev/urandom", MEM_MAJOR, MIN_URANDOM, &random_ops },
	{ "/dev/console", TTYAUX_MAJOR, CONSOLE_MINOR, &console_ops },
};

int
memdev_init(void)
{
	unsigned i;
	int error = 0;

	for (i = 0; i < nitems(memdevs) && error == 0; i++) {
		error = cdev_attach(memdevs[i].md_path + sizeof("/dev/") - 1,
		    memdevs[i].md_major, memdevs[i].md_minor, 1,
		    memdevs[i].md_ops);
		if (error == 0)
			error = rumpfs_extra_add(memdevs[i].md_path, VCHR,
			    makedev(memdevs[i].md_major, memdevs[i].md_minor),
			    NULL, NULL, NULL);
	}
	return error;
}
