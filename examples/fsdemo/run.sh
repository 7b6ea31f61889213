#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# The demo: a real ext4 image, made by the host's mkfs from a real tree; a
# program that needs no root; and the host's tools as judges.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
PATH=$PATH:/usr/sbin:/sbin
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
say()
{
	printf '\n== %s\n' "$1"
}

# A real tree: headers of this machine, and one larger file.
say 'An ext4 image, by mkfs.ext4 -d from a tree of this machine'
mkdir "$tmp/tree"
cp -r /usr/include/linux /usr/include/asm-generic "$tmp/tree"
ln -s linux/fs.h "$tmp/tree/link"
cat $(find /usr/include -name '*.h' | sort | head -2000) |
	head -c 8000000 >"$tmp/tree/large"
truncate -s 128M "$tmp/image"
mkfs.ext4 -q -d "$tmp/tree" "$tmp/image"
dumpe2fs -h "$tmp/image" 2>/dev/null | grep -E '^(Filesystem features|Inode count|Block count|Free blocks)'

say 'A program, built with nothing but pkg-config'
cat <<'EOF'
cc fsdemo.c $(pkg-config --cflags --libs rump-ext2fs) -o fsdemo
EOF
${CC:-cc} ${CFLAGS:--O2} "$here/fsdemo.c" $(pkg-config --cflags --libs rump-ext2fs) -o "$tmp/fsdemo"

say 'It runs, as an ordinary process'
"$tmp/fsdemo" "$tmp/image" large "$tmp/large"

say 'What was copied out is what was put in'
cmp "$tmp/tree/large" "$tmp/large"
sha256sum <"$tmp/large" | sed 's/-/same bytes/'

say 'The judges: e2fsck -fn and debugfs'
e2fsck -fn "$tmp/image" 2>&1
debugfs -R 'ls -l /from-rump' "$tmp/image" 2>/dev/null
debugfs -R 'cat /from-rump/hello' "$tmp/image" 2>/dev/null |
	tee "$tmp/hello"
test "$(cat "$tmp/hello")" = 'Hello from a kernel in a process.'
debugfs -R 'cat /from-rump/notes/042' "$tmp/image" 2>/dev/null |
	tee "$tmp/note"
test "$(cat "$tmp/note")" = 'note 42 of 100'
echo
echo 'demo: all went well'
