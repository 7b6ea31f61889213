#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# Journals that the host left dirty: replayed in memory for a read-only mount,
# which writes nothing, and to the image for a writable one.

. "$RUMP_SRC/tests/lib/tap.sh"
. "$RUMP_SRC/tests/ext2fs/lib.sh"

# dirty mke2fs-options mount-options: makes $tmp/dirty, and what is in it
dirty()
{
	image ext4 64m img $1 &&
		host_mount ",noatime,commit=300${2:+,$2}" "$tmp/img" ||
		return 1
	# Blocks of directories that go, and come again as data: revoked.
	tool -H "$tmp/m" random "$3" 1500 + mkdir /dd + many /dd 2000 \
		2>/dev/null
	sync -f "$tmp/m"
	tool -H "$tmp/m" rmmany /dd 2000 + rmdir /dd + write /x 0 2m 1 &&
		sync -f "$tmp/m" &&
		tool -H "$tmp/m" random $(($3 + 1)) 300 &&
		sync -f "$tmp/m" && tool -H "$tmp/m" list >"$tmp/want"
	cp "$tmp/img" "$tmp/dirty"
	umount "$tmp/m"
	dumpe2fs -h "$tmp/dirty" 2>/dev/null | grep -q needs_recovery
}

readonly_replay()
{
	cp "$tmp/dirty" "$tmp/before" && tool -r "$tmp/dirty" list >"$tmp/got" &&
		same "$tmp/want" "$tmp/got" && cmp "$tmp/dirty" "$tmp/before"
}

writable_replay()
{
	tool "$tmp/dirty" list >"$tmp/got" && same "$tmp/want" "$tmp/got" &&
		clean dirty &&
		! dumpe2fs -h "$tmp/dirty" 2>/dev/null | grep -q needs_recovery &&
		tool "$tmp/dirty" random 5 300 && clean dirty
}

if [ -z "$can_mount" ]; then
	skip 21 "no loop mounts here"
	done_testing
fi
n=10
while read -r mk mo; do
	[ "$mk" = - ] && mk=
	ok "the host leaves a dirty image (mke2fs $mk; mount $mo)" \
		dirty "$mk" "$mo" $n
	ok "it is replayed in memory, and not written to" readonly_replay
	ok "it is replayed to the device" writable_replay
	n=$((n + 10))
done <<END
-
-b1024
-O^metadata_csum
-O^64bit
- data=journal
-O^metadata_csum data=writeback,journal_checksum,journal_async_commit
-b1024 data=journal
END

# By debugfs: a block that looks like a journal's, and must be escaped.
escaped()
{
	image ext4 32m img && tool "$tmp/img" write /e 0 40000 3 || return 1
	printf '\300\073\071\230' >"$tmp/blk"
	head -c 1020 /dev/zero >>"$tmp/blk"
	cp "$tmp/blk" "$tmp/two"
	b=$(debugfs -R 'bmap /e 3' "$tmp/img" 2>/dev/null)
	printf 'jo\njw -b %s %s\njc\n' "$b" "$tmp/two" >"$tmp/cmd"
	debugfs -w -f "$tmp/cmd" "$tmp/img" >/dev/null 2>&1
	dumpe2fs -h "$tmp/img" 2>/dev/null | grep -q needs_recovery || return 1
	tool -r "$tmp/img" get /e "$tmp/e" &&
		dd if="$tmp/e" bs=1024 skip=3 count=1 2>/dev/null |
		cmp - "$tmp/blk" || return 1
	tool "$tmp/img" get /e "$tmp/e" &&
		dd if="$tmp/e" bs=1024 skip=3 count=1 2>/dev/null |
		cmp - "$tmp/blk" && clean img
}
ok "a logged block that starts like a journal's is itself again" escaped
revoked()
{
	image ext4 32m img && tool "$tmp/img" write /e 0 40000 3 || return 1
	b=$(debugfs -R 'bmap /e 3' "$tmp/img" 2>/dev/null)
	head -c 1024 /dev/zero >"$tmp/two"
	printf 'jo\njw -b %s %s\njw -r %s\njc\n' "$b" "$tmp/two" "$b" \
		>"$tmp/cmd"
	debugfs -w -f "$tmp/cmd" "$tmp/img" >/dev/null 2>&1
	tool -r "$tmp/img" verify /e 0 40000 3 &&
		tool "$tmp/img" verify /e 0 40000 3 && clean img
}
ok "a revoked block is not replayed" revoked
done_testing
