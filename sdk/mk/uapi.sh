#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# uapi.sh dir: link the kernel's exported headers, and nothing else, into dir.
# The compiler is asked where they are: a distribution may keep asm/ in a
# folder of the architecture.

mkdir -p "$1" || exit 1
for d in linux asm asm-generic; do
	f=$(echo "#include <$d/types.h>" | $CC -M -x c - | tr ' ' '\n' |
	    grep -m 1 "/$d/types.h\$")
	[ -n "$f" ] || { echo "uapi: <$d/types.h> not found" >&2; exit 1; }
	ln -sfn "${f%/types.h}" "$1/$d" || exit 1
done
