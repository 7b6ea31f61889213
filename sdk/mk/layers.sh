#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# layers.sh kind dir file.d...: check what a kernel library's sources include.
# Allowed are its own folder, kern/, the exported headers and the compiler's;
# rump/ is for the core and the factions; rump/rumpuser.h for the core, and for
# rumpvfs, whose host files (etfs) go straight to the platform. rump/fs/ holds
# the arguments of mount(2), which file systems share with their users; rump/net/
# and rump/netconfig.h what network components offer to applications.

kind=$1 dir=$2
shift 2

awk -v kind="$kind" -v dir="$dir" '
FNR == 1 { source = "" }
/^[^ ].*:$/ { next }
{
	for (i = 1; i <= NF; i++) {
		f = $i
		if (f ~ /:$/ || f == "\\")
			continue
		if (source == "")
			source = f
		if (f !~ /(^|\/)\.\.\// && (index(f, dir "/") == 1 ||
		    dir == "." && f !~ /^\// ||
		    f ~ /\.[cS]$/ || f ~ /(^|\/)(kern|uapi|gen)\// ||
		    f ~ /\/rump\/((fs|net)\/[^\/]*|netconfig)\.h$/ ||
		    f ~ /^\/.*\/lib\/.*\/include\//))
			continue
		if (f ~ /\/rump\/[^\/]*\.h$/ && (kind == "core" ||
		    kind == "faction" && (f !~ /\/rumpuser\.h$/ ||
		    dir ~ /\/rumpvfs$/)))
			continue
		printf "%s: includes %s, which a %s must not\n", source, f, kind
		bad = 1
	}
}
END { exit bad }' "$@" >&2
