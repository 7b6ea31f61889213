#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# Each header compiles alone: the public ones as strict C in the host's
# namespace, kern/ without any of libc's headers.

. "$RUMP_SRC/tests/lib/tap.sh"
cc=${CC:-gcc}
cd "$RUMP_SRC/sdk/include" || exit 1

# The header twice: it must guard itself.
alone()
{
	printf '#include <%s>\n#include <%s>\n' "$1" "$1" >$tmp/alone.c
	shift
	$cc -std=gnu11 -Wall -Wextra -Wstrict-prototypes -Werror -fsyntax-only \
	    "$@" $tmp/alone.c
}

for h in $(find rump -name '*.h' | sort); do
	ok "$h" alone $h -I. -I$RUMP_O/include
done
for h in $(cd $RUMP_O/include 2>/dev/null && find rump -name '*.h' | sort); do
	ok "generated $h" alone $h -I. -I$RUMP_O/include
done
for h in $(find kern -name '*.h' | sort); do
	ok "$h" alone $h -ffreestanding -nostdinc -D_KERNEL -I. -Ikern/compat \
	    -isystem "$($cc -print-file-name=include)" -isystem $RUMP_O/uapi
done
is 'the kernel sees the exported headers only' \
    "$(ls $RUMP_O/uapi | tr '\n' ' ')" 'asm asm-generic linux '

done_testing
