#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# The same random operations in a rump kernel and on the host's ext4: each
# gives the same result, and in the end both trees are the same.

. "$RUMP_SRC/tests/lib/tap.sh"
. "$RUMP_SRC/tests/ext2fs/lib.sh"

twin()
{
	image "$1" 128m img $2 && image "$1" 128m host $2 || return 1
	host_mount "" "$tmp/host" || return 1
	tool "$tmp/img" twin "$tmp/m" "$3" "$4"
	twin_rc=$?
	tool -H "$tmp/m" listnt >"$tmp/theirs"
	umount "$tmp/m" || return 1
	[ $twin_rc = 0 ] && clean img &&
		tool -r "$tmp/img" listnt >"$tmp/ours" &&
		same "$tmp/ours" "$tmp/theirs"
}

if [ -z "$can_mount" ]; then
	skip 6 "no loop mounts here"
	done_testing
fi
n=1 ops=${TWIN_OPS:-2500}
for o in 'ext4' 'ext4 -b 1024' 'ext2' 'ext3 -b 1024' 'ext4 -O ^dir_index' \
    'ext4 -I 128'; do
	ok "$ops operations, on us and on the host: $o" \
		twin "${o%% *}" "${o#ext?}" $((n * 1000)) $ops
	n=$((n + 1))
done
done_testing
