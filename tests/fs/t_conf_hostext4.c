/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The conformance list on the host's ext4, in a loop device: is the list
 * right?
 */
#include "conf_host.h"
#include "conf_list.h"

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

static const struct conf_fs host_ext4 = {
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
	.cf_small_done = host_small_done,
	.cf_readonly = host_readonly,
};

int
main(void)
{
	int failed;

	if (!host_setup())
		return 0;
	if (run("truncate -s 512M %s && mkfs.ext4 -q -F -N 150000 %s && "
	    "mount -o loop %s %s", image, image, image, root) != 0)
		return host_skip("cannot mount an ext4 image");
	failed = conf_run(&host_ext4);
	host_done();
	return failed;
}
