/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ext2, ext3 and ext4 as mkfs makes them by default, for whichever list of
 * cases and whichever kernel: two images, a large one and a small one.
 */
#ifndef CONF_EXT_H
#define CONF_EXT_H

#include "conf.h"

#include <sys/wait.h>

struct ext_kind {
	const char *ek_name;
	unsigned ek_caps;
	uint64_t ek_maxsize;		/* of a file, with blocks of 4 KiB */
};

#define EXT_CAPS (CF_TMPFILE | CF_XATTR | CF_EXCHANGE | CF_WHITEOUT |	\
    CF_PUNCH | CF_BTIME | CF_SEEKHOLE | CF_LIMITS | CF_REMOUNT)

static const struct ext_kind ext_kinds[] __attribute__((unused)) = {
	{ "ext2", EXT_CAPS, 1ULL << 42 },
	{ "ext3", EXT_CAPS, 1ULL << 42 },
	{ "ext4", EXT_CAPS | CF_FALLOC | CF_ZERORANGE, (1ULL << 44) - 4096 },
};

static const char *ext_name;		/* ext_kinds' */
/*
 * The images are files that have no name any more, so that a test that dies
 * leaves nothing behind; these are paths by which all see them.
 */
static char ext_image[64], ext_small[64];

/* A command of the host's. */
static int __attribute__((format(printf, 1, 2)))
run(const char *fmt, ...)
{
	char cmd[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(cmd, sizeof(cmd), fmt, ap);
	va_end(ap);
	return system(cmd);
}

static struct conf_fs
ext_fs(const char *kind)
{
	struct conf_fs f = {
		.cf_name = kind,
		.cf_mintime = INT32_MIN,
		.cf_maxtime = 0x37fffffffLL,
		.cf_gran = 1,
		.cf_maxlinks = 65000,
	};
	size_t i;

	for (i = 0; i < sizeof(ext_kinds) / sizeof(ext_kinds[0]); i++) {
		if (strcmp(ext_kinds[i].ek_name, kind) == 0) {
			f.cf_caps = ext_kinds[i].ek_caps;
			f.cf_maxsize = ext_kinds[i].ek_maxsize;
		}
	}
	ext_name = kind;
	return f;
}

static bool
ext_file(char *path, size_t len)
{
	int fd, high;

	if (path[0] != '\0')
		return true;
	fd = open("/tmp", O_TMPFILE | O_RDWR, 0600);
	/* Not among those that the end of a case closes. */
	high = fcntl(fd, F_DUPFD_CLOEXEC, 200);
	if (fd == -1 || high == -1)
		return false;
	close(fd);
	snprintf(path, len, "/proc/%d/fd/%d", (int)getpid(), high);
	return true;
}

/* The large image. */
static bool
ext_make(const char *size, const char *options)
{

	return ext_file(ext_image, sizeof(ext_image)) &&
	    run("truncate -s %s %s && PATH=$PATH:/sbin:/usr/sbin "
	    "mkfs.%s -q -F %s %s", size, ext_image, ext_name, options,
	    ext_image) == 0;
}

/* The small one; a few MiB more, for the file system's own. */
static inline bool
ext_make_small(uint64_t bytes, uint64_t nodes)
{

	return ext_file(ext_small, sizeof(ext_small)) &&
	    run("truncate -s 0 %s && truncate -s %llu %s && "
	    "PATH=$PATH:/sbin:/usr/sbin mkfs.%s -q -F -m 0 -N %llu %s",
	    ext_small, (unsigned long long)bytes + (6 << 20), ext_small,
	    ext_name, (unsigned long long)(nodes != 0 ? nodes : 64),
	    ext_small) == 0;
}

/* What e2fsck thinks of an image that is not mounted. */
static inline bool
ext_clean(const char *image)
{

	return run("out=$(PATH=$PATH:/sbin:/usr/sbin e2fsck -fn %s 2>&1) || "
	    "{ echo \"$out\" >&2; false; }", image) == 0;
}

#endif
