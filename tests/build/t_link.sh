#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# Programs linked through pkg-config get the components they name, however
# they are linked.

cc=${CC:-gcc}
. "$RUMP_SRC/tests/lib/tap.sh"
. "$RUMP_SRC/tests/build/fixtures/tree.sh"
program=$RUMP_SRC/tests/build/fixtures/program.c

mk -s -j2 install PREFIX=$tmp/prefix || exit 1

# The line, and what the program prints: how many components came up.
run()
{
	$cc "$@" -o $tmp/program && $tmp/program
}

for where in $tree/build/pkgconfig $tmp/prefix/lib/pkgconfig; do
	export PKG_CONFIG_PATH=$where
	case $where in
	*prefix*)	rpath=-Wl,-rpath,$tmp/prefix/lib name=installed ;;
	*)		rpath= name=uninstalled ;;
	esac
	for ld in bfd gold lld; do
		command -v ld.$ld >/dev/null || { skip 4 "no ld.$ld"; continue; }
		one="-fuse-ld=$ld -Wl,--as-needed $program"
		is "$name, $ld, shared: two modules in one call" "$(run $one \
		    $(pkg-config --cflags --libs rump-toy rump-tied) $rpath)" 3
		is "$name, $ld, shared: in two calls" "$(run $one \
		    $(pkg-config --cflags --libs rump-toy) \
		    $(pkg-config --cflags --libs rump-tied) $rpath)" 3
		is "$name, $ld, static: in one call" "$(run -static $one \
		    $(pkg-config --static --cflags --libs rump-toy rump-tied))" 3
		is "$name, $ld, static: in two calls, one named twice" "$(run -static $one \
		    $(pkg-config --static --cflags --libs rump-toy) \
		    $(pkg-config --static --cflags --libs rump-tied rump-toy))" 3
	done
	is "$name: a library on top brings its kernel" "$(run -Drump_init=toylib_open \
	    $program $(pkg-config --cflags --libs toylib) $rpath)" 2
	is "$name: nothing but what was asked for" "$(run $program \
	    $(pkg-config --cflags --libs rump) $rpath)" 0
	is "$name: a faction comes with its component" "$(run $program \
	    $(pkg-config --cflags --libs rump-toy) $rpath)" 2
done

is 'Requires' "$(pkg-config --print-requires rump-toy | tr '\n' ' ')" \
    'rumpvfs rump rumpuser '
is 'variables' "$(pkg-config --variable=faction rump-toy)" vfs
is 'special characters in a description survive' \
    "$(sed -n 's/^Description: //p' $where/rump.pc)" \
    "the engine's test: a core | with & in it"
ok 'private libraries only when static' sh -c \
    'pkg-config --static --libs rump | grep -q -e -lm && ! pkg-config --libs rump | grep -q -e -lm'

# DESTDIR is where it goes, PREFIX and LIBDIR where it will be.
mk -s install DESTDIR=$tmp/dest PREFIX=/usr LIBDIR=/usr/lib/some-arch
pc=$tmp/dest/usr/lib/some-arch/pkgconfig
ok 'install with DESTDIR, PREFIX and LIBDIR' \
    test -f $tmp/dest/usr/lib/some-arch/librump-toy.so.0
is 'the module knows its place' \
    "$(PKG_CONFIG_PATH=$pc pkg-config --variable=libdir rump)" /usr/lib/some-arch
is 'and nothing of the place where it was built' "$(grep -rl $tmp $pc)" ''

done_testing
