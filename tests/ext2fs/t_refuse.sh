#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# Features that are not supported refuse the mount, each by its name.

. "$RUMP_SRC/tests/lib/tap.sh"
. "$RUMP_SRC/tests/ext2fs/lib.sh"

# set_feature field bit: in the super block, with a right checksum
set_feature()
{
	debugfs -w -R "ssv $1 $2" "$tmp/img" >/dev/null 2>&1
}

image ext4 16m img -O bigalloc,^resize_inode
fails "bigalloc refuses writing, by name" 'unsupported.*feature bigalloc' \
	tool "$tmp/img" walk
ok "bigalloc can be read" tool -r "$tmp/img" walk
image ext4 16m img -O inline_data
fails "inline_data refuses the mount, by name" \
	'unsupported incompatible feature inline_data' tool -r "$tmp/img" walk
image ext4 16m img -O quota
fails "quota refuses writing, by name" 'feature quota' tool "$tmp/img" walk
ok "quota can be read" tool -r "$tmp/img" walk
image ext4 16m img -O project,quota -I 256
fails "project refuses writing, by name" 'feature project' \
	tool "$tmp/img" walk
image ext4 16m img -O large_dir
fails "large_dir refuses the mount, by name" 'feature large_dir' \
	tool -r "$tmp/img" walk
image ext4 16m img -O ea_inode
fails "ea_inode refuses the mount, by name" 'feature ea_inode' \
	tool -r "$tmp/img" walk
image ext4 16m img -O mmp
fails "mmp refuses the mount, by name" 'feature mmp' tool -r "$tmp/img" walk
image ext4 16m img -O encrypt
fails "encrypt refuses the mount, by name" 'feature encrypt' \
	tool -r "$tmp/img" walk
image ext4 16m img -O casefold
fails "casefold refuses the mount, by name" 'feature casefold' \
	tool -r "$tmp/img" walk
image ext4 16m img -O verity
fails "verity refuses writing, by name" 'feature verity' tool "$tmp/img" walk
image ext4 16m img
tune2fs -O read-only "$tmp/img" >/dev/null
fails "read-only refuses writing, by name" 'feature read-only' \
	tool "$tmp/img" walk
image ext4 16m img -O ^metadata_csum
set_feature feature_incompat 0x800002c2
fails "an unknown incompatible feature refuses the mount" \
	'unsupported incompatible feature 0x80000000' tool -r "$tmp/img" walk
image ext4 16m img -O ^metadata_csum
set_feature feature_ro_compat 0x4000006b
fails "an unknown read-only compatible feature refuses writing" \
	'unsupported read-only compatible feature 0x40000000' \
	tool "$tmp/img" walk
ok "and can be read" tool -r "$tmp/img" walk
truncate -s 1m "$tmp/zero"
fails "no file system is told" 'no ext2, ext3 or ext4' tool -r "$tmp/zero" walk
image ext4 16m img
truncate -s 8m "$tmp/img"
fails "an image that was cut is told" 'more blocks than' \
	tool -r "$tmp/img" walk
done_testing
