#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# bench.sh tsv program...: run each program, which appends rows to the file
# named by BENCH_TSV, and show the rows as a table.

BENCH_TSV=$1
export BENCH_TSV
shift
printf 'group\tmetric\tunit\tours\tpeer\tpeer_name\tratio\tgoal\n' >"$BENCH_TSV"
[ $# -gt 0 ] || { echo 'bench: no such group in tests/bench' >&2; exit 1; }

failed=
for program; do
	"$program" || failed="$failed ${program##*/}"
done

awk -F '\t' '
{
	for (i = 1; i <= NF; i++) {
		cell[NR, i] = $i
		if (length($i) > width[i])
			width[i] = length($i)
	}
}
END {
	for (r = 1; r <= NR; r++) {
		line = ""
		for (i = 1; i <= 8; i++)
			line = line sprintf(i == 4 || i == 5 || i > 6 ? "%*s  " : \
			    "%-*s  ", width[i], cell[r, i])
		goal = cell[r, 8]
		print line (r > 1 && goal + 0 > cell[r, 7] + 0 ? "below" : "")
	}
}' "$BENCH_TSV"
echo "written to $BENCH_TSV"
[ -z "$failed" ] || { echo "failed:$failed" >&2; exit 1; }
