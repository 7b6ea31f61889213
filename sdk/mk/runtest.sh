#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# runtest.sh test: run a test program, or a test script by the shell its
# first line names.

# A test that calls make starts a new one.
unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES

case $1 in
*.sh)
	read -r first <"$1"
	exec ${first#??} "$1"
	;;
*)
	exec "$1"
	;;
esac
