#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# Images with damage of many kinds: mounting, walking, reading, writing and
# unmounting never crashes and never hangs.  FUZZ_SEEDS says how many.

. "$RUMP_SRC/tests/lib/tap.sh"
. "$RUMP_SRC/tests/ext2fs/lib.sh"

# shellcheck disable=SC2046
${CC:-cc} -O1 -o "$tmp/damage" "$RUMP_SRC/tests/ext2fs/damage.c" || exit 1
export RUMP_MEMLIMIT=64m

make_image()
{
	image "$1" 3m base $2 && tool "$tmp/base" random 3 400 \
		+ mkdir /dir + many /dir 150 + fallocate /pre 0 0 100k \
		+ setxattr /dir user.a value
}

# One image per seed; what it exits with does not matter, how it ends does.
storm()
{
	bad=0 mounts=0
	i=$1
	while [ $i -lt "$2" ]; do
		cp "$tmp/base" "$tmp/f" && "$tmp/damage" "$tmp/f" $i
		TOOL_TIMEOUT=20 tool "$tmp/f" lenient + walk + random $i 120 \
			+ walk >"$tmp/log" 2>&1
		rc=$?
		[ $rc = 3 ] || mounts=$((mounts + 1))
		[ $rc -lt 100 ] && TOOL_TIMEOUT=20 tool -r "$tmp/f" lenient \
			+ walk >"$tmp/log" 2>&1
		[ $rc -lt 100 ] && rc=$?
		if [ $rc -ge 100 ]; then
			echo "seed $i: $rc"
			tail -3 "$tmp/log"
			bad=1
			[ -z "$FUZZ_KEEP" ] || cp "$tmp/f" "$FUZZ_KEEP/$3-$i"
		fi
		i=$((i + 1))
	done
	echo "$mounts of them could be mounted"
	# Damage that nobody gets to see proves nothing.
	[ $bad = 0 ] && [ $((mounts * 4)) -ge $(($2 - $1)) ]
}

s=${FUZZ_SEEDS:-12}
for v in 'ext4 -b1024 -N200' 'ext4 -b4096 -N200' \
    'ext4 -O^metadata_csum -b1024 -N200' 'ext2 -b1024 -N200' \
    'ext3 -b1024 -N200'; do
	make_image "${v%% *}" "${v#* }" >/dev/null 2>&1
	ok "$s damaged images ($v)" storm 0 "$s" "$(echo "$v" | tr ' ' _)"
done
done_testing
