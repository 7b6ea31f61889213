#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# runtest.sh test: run a test program, or a test script by the shell its
# first line names.

# A test that calls make starts afresh: without what this make was told, but
# for the compiler and the sanitizers that programs must be built with.
for word in $MAKEFLAGS; do
	case $word in
	CC=* | SANITIZE=*) ;;
	[A-Z]*=*) unset "${word%%=*}" ;;
	esac
done
unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES

case $1 in
*.sh)
	read -r first <"$1"
	exec ${first#??} "$1"
	;;
esac

# cmocka says "not ok 1 # SKIP" of a test that was skipped, and prove takes
# that for a failure.
exec 4>&1
status=$({ { "$1" 3>&- 4>&-; echo $? >&3; } |
    sed -u '/ # SKIP/s/^not //' >&4; } 3>&1)
exit "$status"
