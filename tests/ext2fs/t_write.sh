#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# What is written is there for the host, and e2fsck finds nothing.

. "$RUMP_SRC/tests/lib/tap.sh"
. "$RUMP_SRC/tests/ext2fs/lib.sh"

# judged name: the listing we give, the host's and e2fsck's opinion agree
judged()
{
	clean "$1" || return 1
	[ -n "$can_mount" ] || return 0
	tool -r "$tmp/$1" list >"$tmp/ours" &&
		mount_opts=ro mounted "$1" tool -H "$tmp/m" list >"$tmp/theirs" &&
		same "$tmp/ours" "$tmp/theirs"
}

random()
{
	image "$1" 64m img $2 && tool "$tmp/img" random "$3" 1500 && judged img
}
seed=1
for type in ext2 ext3 ext4; do
	for o in '' '-b 1024' '-b 2048' '-I 128'; do
		ok "random operations on $type $o" random $type "$o" $seed
		seed=$((seed + 1))
	done
done
for f in ^metadata_csum ^metadata_csum,uninit_bg ^64bit,^extent ^64bit ^flex_bg \
    ^dir_index ^filetype meta_bg,^resize_inode ^huge_file ^dir_nlink; do
	ok "random operations on ext4 -O $f" random ext4 "-O $f" $seed
	seed=$((seed + 1))
done

large()
{
	image ext4 200m img $1 &&
		tool "$tmp/img" write /a 0 100m 1 + write /b 400m 3m 2 \
		+ truncate /a 90m + verify /a 0 90m 1 + verify /b 400m 3m 2 &&
		tool "$tmp/img" verify /a 0 90m 1 + verify /b 400m 3m 2 &&
		judged img
}
ok "large files, holes of megabytes" large
ok "the same with a block map" large "-O ^64bit,^extent"
extents()
{
	debugfs -R 'stat /a' "$tmp/img" 2>/dev/null |
		grep -c '^(0' >/dev/null
	n=$(debugfs -R 'dump_extents /a' "$tmp/img" 2>/dev/null |
		grep -c '^ 0/')
	[ "$n" -le 8 ] || { echo "$n extents"; return 1; }
}
image ext4 200m img
tool "$tmp/img" write /a 0 100m 1
ok "a file written in one go has few extents" extents

many()
{
	image ext4 128m img $1 &&
		tool "$tmp/img" mkdir /d + many /d 20000 + mkdir /e + many /e 300 &&
		judged img &&
		tool "$tmp/img" rmmany /d 20000 + rmdir /d && judged img
}
ok "20000 files in a directory, made and removed" many "-N 30000"
ok "the same with blocks of 1024 bytes" many "-b 1024 -N 30000"

full()
{
	image ext4 24m img $1 && n=$(tool "$tmp/img" fill /f 5) &&
		[ "$n" -gt 8000000 ] && judged img &&
		tool "$tmp/img" verify /f 0 "$n" 5 + unlink /f + fill /g 6 &&
		judged img
}
ok "a full file system gives ENOSPC, and nothing is lost" full
ok "the same with blocks of 1024 bytes" full "-b 1024"
ok "the same with a block map" full "-O ^64bit,^extent"
full2()
{
	image ext2 8m img && n=$(tool -t ext2 "$tmp/img" fill /f 5) && judged img
}
ok "ext2 becomes full" full2

falloc()
{
	image ext4 64m img $1 &&
	tool "$tmp/img" write /f 0 1m 1 + fallocate /f 3 100k 300k \
		+ fallocate /g 0 0 2m + write /g 500000 5000 3 \
		+ fallocate /h 1 0 1m + write /i 0 2m 9 + fallocate /i 16 5k 1m \
		+ write /i 300k 4k 4 + verify /i 300k 4k 4 + sync &&
		judged img
}
ok "fallocate: preallocation, holes, zeroes" falloc
ok "the same with blocks of 1024 bytes" falloc "-b 1024"

threads()
{
	image ext4 64m img && tool "$tmp/img" threads 4 && judged img
}
ok "four threads at work" threads

orphans()
{
	image ext4 16m img &&
		tool "$tmp/img" write /f 0 3m 1 + sync + orphan /f + sync + crash &&
		debugfs -R 'show_super_stats -h' "$tmp/img" 2>/dev/null |
		grep -q 'First orphan inode' || return 1
	tool "$tmp/img" walk && ! debugfs -R 'show_super_stats -h' "$tmp/img" \
		2>/dev/null | grep -q 'First orphan inode' || return 1
	# Its state was not valid, which stays; all else is as it should be.
	e2fsck -fy "$tmp/img" >/dev/null; clean img
}
ok "an orphan is freed at the next mount" orphans

remounts()
{
	image ext4 32m img && tool "$tmp/img" write /a 0 1m 1 + ro + verify /a \
		0 1m 1 && clean img || return 1
	! tool "$tmp/img" ro + write /b 0 100 1 || return 1
	tool -r "$tmp/img" rw + write /b 0 1m 2 + ro && clean img || return 1
	tool -r "$tmp/img" rw + write /c 0 1m 3 && judged img
}
ok "remounts between read-only and writable" remounts
done_testing
