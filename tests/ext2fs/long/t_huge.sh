#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# 100,000 entries in a directory, deep extent trees, large holes.

. "$RUMP_SRC/tests/lib/tap.sh"
. "$RUMP_SRC/tests/ext2fs/lib.sh"
TOOL_TIMEOUT=1000

many()
{
	image ext4 512m img -N 120000 $1 &&
		tool "$tmp/img" mkdir /d + many /d 100000 && clean img &&
		tool "$tmp/img" walk + rmmany /d 100000 + rmdir /d && clean img
}
ok "100,000 files in a directory" many
ok "the same with blocks of 1024 bytes" many "-b 1024"

# pieces command step: one command for every second page
pieces()
{
	i=0
	while [ $i -lt 4000 ]; do
		printf '+ %s /f %d 4096 %d ' "$1" $((i * 16384)) $i
		i=$((i + $2))
	done
}

deep()
{
	image ext4 512m img $1 || return 1
	# shellcheck disable=SC2046
	tool "$tmp/img" $(pieces write 1) && clean img &&
		tool "$tmp/img" $(pieces verify 7) + fallocate /f 3 1m 30m \
		+ sync + truncate /f 5000 && clean img
}
ok "a file of 4000 extents, punched and cut" deep
ok "the same with blocks of 1024 bytes" deep "-b 1024"
ok "the same with a block map" deep "-O ^64bit,^extent"
done_testing
