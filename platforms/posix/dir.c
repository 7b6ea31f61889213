/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Host directories.
 */
#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "posix.h"

static enum rumpuser_ftype
dirent_type(DIR *dir, const struct dirent *de)
{
	struct stat st;
	unsigned type = de->d_type;

	/* Not every host file system keeps types in its directories. */
	if (type == DT_UNKNOWN && fstatat(dirfd(dir), de->d_name, &st,
	    AT_SYMLINK_NOFOLLOW) == 0)
		type = IFTODT(st.st_mode);
	switch (type) {
	case DT_REG:
		return RUMPUSER_FT_REG;
	case DT_DIR:
		return RUMPUSER_FT_DIR;
	case DT_BLK:
		return RUMPUSER_FT_BLK;
	case DT_CHR:
		return RUMPUSER_FT_CHR;
	case DT_LNK:
		return RUMPUSER_FT_LNK;
	default:
		return RUMPUSER_FT_OTHER;
	}
}

int
rumpuser_readdir(const char *path,
    int (*fn)(void *, const char *, uint64_t, enum rumpuser_ftype), void *arg)
{
	struct dirent *de;
	DIR *dir;
	int error = 0;

	if ((dir = opendir(path)) == NULL)
		return errno;
	while (error == 0) {
		errno = 0;
		if ((de = readdir(dir)) == NULL) {
			error = errno;
			break;
		}
		if (strcmp(de->d_name, ".") == 0 ||
		    strcmp(de->d_name, "..") == 0)
			continue;
		error = fn(arg, de->d_name, de->d_ino, dirent_type(dir, de));
	}
	closedir(dir);
	return error;
}
