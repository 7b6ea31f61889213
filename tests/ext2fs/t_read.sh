#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# Images that mke2fs made of a tree, and that the host's kernel wrote: every
# file is read and compared.

. "$RUMP_SRC/tests/lib/tap.sh"
. "$RUMP_SRC/tests/ext2fs/lib.sh"

mkdir "$tmp/tree"
tool -H "$tmp/tree" random 7 1500 2>/dev/null
# mke2fs -d does not know hard links of these.
find "$tmp/tree" ! -type d ! -type f -links +1 -delete
mkdir "$tmp/tree/deep" "$tmp/tree/wide"
tool -H "$tmp/tree/wide" many / 700
(cd "$tmp/tree/deep" && for i in 1 2 3 4 5 6 7 8 9 10 11 12 13; do
	mkdir d && cd d && echo "$i" >f || exit; done)
tool -H "$tmp/tree" write /big 0 9m 1 + write /sparse 5m 70000 2
tool -H "$tmp/tree" truncate /hole 3m
setfattr -n user.tree -v yes "$tmp/tree/big" 2>/dev/null
tool -H "$tmp/tree" listnt >"$tmp/want"

# image_reads type options...: the listing is the tree's
image_reads()
{
	image "$1" 64m img -d "$tmp/tree" $2 || return 1
	cp "$tmp/img" "$tmp/before"
	tool -r -t "$1" "$tmp/img" listnt >"$tmp/got" || return 1
	same "$tmp/want" "$tmp/got" && cmp "$tmp/img" "$tmp/before"
}

for type in ext2 ext3 ext4; do
	for opts in '' '-b 1024' '-b 2048' '-I 128'; do
		ok "$type $opts is read as it was made" image_reads $type "$opts"
	done
done
for f in ^metadata_csum ^64bit,^extent ^64bit ^flex_bg ^dir_index ^sparse_super,^resize_inode \
    ^filetype ^has_journal ^huge_file metadata_csum_seed sparse_super2 \
    ^metadata_csum,uninit_bg meta_bg,^resize_inode ^metadata_csum,^uninit_bg; do
	ok "ext4 -O $f is read as it was made" image_reads ext4 "-O $f"
done
ok "ext4 with groups of 4096 blocks is read" image_reads ext4 "-g 4096 -b 1024"

mount_and_check()
{
	tool "$tmp/img" listnt >"$tmp/got" && same "$tmp/want" "$tmp/got" &&
		clean img
}
for type in ext2 ext3 ext4; do
	image $type 64m img -d "$tmp/tree"
	ok "$type stays clean when it is mounted for writing" mount_and_check
done

host_wrote()
{
	image ext4 96m img $1 && mounted img tool -H "$tmp/m" random 99 3000 &&
		mounted img tool -H "$tmp/m" mkdir /w-dir + many /w-dir 5000 \
		+ write /w-f 300000 5000 1 &&
		mounted img tool -H "$tmp/m" list >"$tmp/want1" &&
		tool -r "$tmp/img" list >"$tmp/got" &&
		same "$tmp/want1" "$tmp/got"
}
if [ -n "$can_mount" ]; then
	for o in '' '-b 1024' '-O ^64bit,^extent' '-O ^dir_index' '-I 128'; do
		ok "what the host's kernel wrote is read ($o)" host_wrote "$o"
	done
else
	skip 5 "no loop mounts here"
fi
done_testing
