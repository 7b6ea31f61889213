/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The conformance list on the host's own tmpfs and ext4: it judges the list,
 * not this project. Needs root and the right to mount; skipped otherwise.
 */
#include "conf_list.h"

#include <grp.h>
#include <sched.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define X(ret, name, params, args)					\
static ret								\
host_##name params							\
{									\
	return name args;						\
}
#define sys sys_unused
CONF_CALLS(X)
#undef sys
#undef X

/* The system calls themselves: libc's would change all threads. */
static int
host_become(uid_t uid, gid_t gid, const gid_t *groups, size_t n)
{

	if (syscall(SYS_setgroups, n, groups) != 0 ||
	    syscall(SYS_setresgid, gid, gid, 0) != 0)
		return -1;
	return (int)syscall(SYS_setresuid, uid, uid, 0);
}

static int
host_as_root(void)
{

	if (syscall(SYS_setresuid, 0, 0, 0) != 0 ||
	    syscall(SYS_setresgid, 0, 0, 0) != 0)
		return -1;
	return (int)syscall(SYS_setgroups, 0, NULL);
}

static const struct conf_sys host_sys = {
#define X(ret, name, params, args) .name = host_##name,
	CONF_CALLS(X)
#undef X
	.sync = sync,
	.become = host_become,
	.as_root = host_as_root,
};

static char base[] = "/tmp/conf-XXXXXX";
static char root[64], small[64], image[64], small_image[64];

static int
run(const char *fmt, ...)
{
	char cmd[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(cmd, sizeof(cmd), fmt, ap);
	va_end(ap);
	return system(cmd);
}

static int
tmpfs_readonly(bool ro)
{

	return mount("none", root, NULL, MS_REMOUNT | (ro ? MS_RDONLY : 0),
	    NULL);
}

static const char *
tmpfs_small(uint64_t bytes, uint64_t nodes)
{
	char opts[128];

	snprintf(opts, sizeof(opts), "size=%llu,nr_inodes=%llu",
	    (unsigned long long)bytes, (unsigned long long)nodes);
	return mount("none", small, "tmpfs", 0, opts) == 0 ? small : NULL;
}

static void
small_done(void)
{

	if (umount(small) != 0)
		print_error("umount %s: %s\n", small, strerror(errno));
}

static const char *
ext4_small(uint64_t bytes, uint64_t nodes)
{

	if (run("rm -f %s; truncate -s %llu %s && "
	    "mkfs.ext4 -q -F -m 0 -N %llu %s && mount -o loop %s %s",
	    small_image, (unsigned long long)bytes + (6 << 20), small_image,
	    (unsigned long long)(nodes != 0 ? nodes : 64), small_image,
	    small_image, small) != 0)
		return NULL;
	return small;
}

static struct conf_fs host_tmpfs = {
	.cf_name = "host_tmpfs",
	.cf_caps = CF_TMPFILE | CF_XATTR | CF_EXCHANGE | CF_WHITEOUT |
	    CF_FALLOC | CF_PUNCH | CF_BTIME | CF_SEEKHOLE | CF_LIMITS |
	    CF_REMOUNT | CF_EXACT,
	.cf_root = root,
	.cf_other = "/",
	.cf_maxsize = INT64_MAX,
	.cf_mintime = INT64_MIN,
	.cf_maxtime = INT64_MAX,
	.cf_gran = 1,
	.cf_small = tmpfs_small,
	.cf_small_done = small_done,
	.cf_readonly = tmpfs_readonly,
};

static struct conf_fs host_ext4 = {
	.cf_name = "host_ext4",
	.cf_caps = CF_TMPFILE | CF_XATTR | CF_EXCHANGE | CF_WHITEOUT |
	    CF_FALLOC | CF_PUNCH | CF_ZERORANGE | CF_BTIME | CF_SEEKHOLE |
	    CF_LIMITS | CF_REMOUNT,
	.cf_root = root,
	.cf_other = "/",
	.cf_maxsize = (1ULL << 44) - 4096,
	.cf_mintime = INT32_MIN,
	.cf_maxtime = 0x37fffffffLL,
	.cf_gran = 1,
	.cf_maxlinks = 65000,
	.cf_small = ext4_small,
	.cf_small_done = small_done,
	.cf_readonly = tmpfs_readonly,
};

int
main(void)
{
	int failed = 0;

	sys = &host_sys;
	/* A mount table of our own: whatever happens, nothing stays. */
	if (geteuid() != 0 || unshare(CLONE_NEWNS) != 0 ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mkdtemp(base) == NULL) {
		printf("1..0 # SKIP needs root and the right to mount\n");
		return 0;
	}
	snprintf(root, sizeof(root), "%s/root", base);
	snprintf(small, sizeof(small), "%s/small", base);
	snprintf(image, sizeof(image), "%s/image", base);
	snprintf(small_image, sizeof(small_image), "%s/simage", base);
	chmod(base, 0755);
	mkdir(root, 0755);
	mkdir(small, 0755);
	if (mount("none", root, "tmpfs", 0, "") == 0) {
		failed += conf_run(&host_tmpfs);
		(void)chdir("/");
		umount(root);
	}
	if (run("truncate -s 512M %s && mkfs.ext4 -q -F -N 150000 %s && "
	    "mount -o loop %s %s", image, image, image, root) == 0) {
		failed += conf_run(&host_ext4);
		(void)chdir("/");
		umount(root);
	}
	run("rm -rf %s", base);
	return failed;
}
