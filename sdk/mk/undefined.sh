#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# undefined.sh module object norename library...: check that what a kernel
# object leaves undefined is a hypercall (rumpuser_*, rumpcomp_*), is exempt
# from renaming, belongs to the compiler, or is defined by one of the
# libraries: those which the component declares that it needs.

module=$1 object=$2 norename=$3
shift 3
nm=${NM:-nm}

{
	$nm -P "$($CC -print-libgcc-file-name)" 2>/dev/null |
	    awk '$2 ~ /^[TDR]$/ { print "defined", $1 }'
	for lib; do
		$nm -D -P --defined-only "$lib" | awk '{ print "defined", $1 }'
	done
	$nm -u -P "$object" | awk '{ print "wanted", $1 }'
} | awk -v module="$module" -v exempt="$norename" '
$1 == "defined" { defined[$2] = 1; next }
$2 in defined || $2 ~ /^(rumpuser_|rumpcomp_|_GLOBAL_OFFSET_TABLE_$)/ { next }
$2 ~ /^__(asan|ubsan|tsan|sanitizer|start|stop)_/ { next }
exempt != "" && $2 ~ "^(" exempt ")" { next }
{
	printf "%s: undefined symbol %s: in none of its needs\n", module, $2
	bad = 1
}
END { exit bad }' >&2
