/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The conformance list on the host's own driver of ext2, ext3 and ext4, in a
 * loop device: is the list right?
 */
#include "conf_host.h"
#include "conf_ext.h"
#include "conf_list.h"

/*
 * Two tests that ask for a free loop device at once may get the same: one of
 * them is refused, and asks again. kind: "" for what the host finds.
 */
static int
host_mount(const char *kind, const char *image, const char *dir)
{
	return run("for i in 1 2 3 4 5; do mount %s%s -o loop %s %s && exit 0; "
	    "sleep 0.5; done; exit 1", *kind != '\0' ? "-t " : "", kind, image,
	    dir);
}

static const char *
host_ext_small(uint64_t bytes, uint64_t nodes)
{

	if (!ext_make_small(bytes, nodes) ||
	    host_mount("", ext_small, host_small) != 0)
		return NULL;
	return host_small;
}

static int
host_ext_run(const char *kind)
{
	struct conf_fs f = ext_fs(kind);
	int failed;

	f.cf_root = host_root;
	f.cf_other = "/";
	f.cf_small = host_ext_small;
	f.cf_small_done = host_small_done;
	f.cf_readonly = host_readonly;
	if (!host_setup())
		return 0;
	if (!ext_make("512M", "-N 150000") ||
	    host_mount(kind, ext_image, host_root) != 0) {
		return host_skip("cannot mount an image");
	}
	failed = conf_run(&f);
	host_done();
	return failed;
}
