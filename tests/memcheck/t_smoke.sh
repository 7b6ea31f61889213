#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# A smoke set under Valgrind's memcheck, with every allocation from the host's
# malloc (KMEM=host), so that memcheck sees each one.

. "$RUMP_SRC/tests/lib/tap.sh"

[ -z "$SANITIZE" ] || { echo "1..0 # SKIP a sanitizer watches already"; exit 0; }
command -v valgrind >/dev/null || { echo "1..0 # SKIP no valgrind"; exit 0; }

set -- kern/t_kmem kern/t_sync kern/t_workqueue kern/t_eventfd kern/t_lwproc \
	vfs/t_namei vfs/t_syscalls vfs/t_etfs fs/t_leak

O=$RUMP_O/memcheck

build()
{
	make -s -C "$RUMP_SRC" O="$O" KMEM=host SETUP=no \
		$(printf "$O/tests/%s " "$@")
}

# What the host is asked to judge, in a child, is the host's affair.
clean()
{
	timeout 120 valgrind -q --fair-sched=yes --log-file="$tmp/log" \
		--child-silent-after-fork=yes "$O/tests/$1"
	status=$?
	cat "$tmp/log"
	[ $status = 0 ] && ! grep -q '^==' "$tmp/log"
}

ok 'a tree with KMEM=host builds' build "$@"
for t; do
	ok "$t is clean" clean "$t"
done
done_testing
