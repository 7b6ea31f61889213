#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# rename.sh object base norename: move an object into the kernel's namespace.
# Each global or undefined symbol gets the prefix rumpns_, but for those that
# are rump's or the toolchain's by name, and those that match an alternative
# of the norename list (regular expressions, anchored at the start, separated
# by spaces or by |).  An alternative that matches nothing is an error.
# Leaves base.map (old and new names) and base.kept.

object=$1 base=$2 norename=$3

${NM:-nm} -g -P "$object" | awk -v list="$norename" -v base="$base" '
# Split the list at the bars and spaces that are outside of parentheses.
function split_list(s,    i, c, depth, word) {
	for (i = 1; i <= length(s) + 1; i++) {
		c = i <= length(s) ? substr(s, i, 1) : " "
		if (depth == 0 && (c == "|" || c == " ")) {
			if (word != "")
				alt[++nalt] = word
			word = ""
			continue
		}
		depth += (c == "(") - (c == ")")
		word = word c
	}
}
BEGIN {
	map = base ".map"
	kept = base ".kept"
	printf "" >map
	printf "" >kept
	split_list(list)
}
{
	keep = 0
	for (i = 1; i <= nalt; i++)
		if ($1 ~ "^(" alt[i] ")") {
			used[i] = 1
			keep = 1
		}
	if ($1 ~ /^(rump|RUMP|__|_GLOBAL_OFFSET_TABLE_)/ && $1 !~ /^__odr_asan/)
		keep = 1
	if (keep)
		print $1 >kept
	else
		print $1, "rumpns_" $1 >map
}
END {
	for (i = 1; i <= nalt; i++)
		if (!(i in used)) {
			printf "NORENAME: %s matches no symbol\n", alt[i]
			bad = 1
		}
	exit bad
}' >&2 && ${OBJCOPY:-objcopy} --redefine-syms="$base.map" "$object"
