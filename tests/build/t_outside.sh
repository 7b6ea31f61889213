#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# A component outside of the tree: it builds with the installed component.mk,
# has a host half, a public header and a .pc of its own, and comes up.

. "$RUMP_SRC/tests/lib/tap.sh"
stage=$RUMP_O/stage
[ -n "$SANITIZE" ] && sanitize=-fsanitize=$SANITIZE

export PKG_CONFIG_PATH=$stage/lib/pkgconfig
cp -R "$RUMP_SRC/tests/build/fixtures/outside" $tmp/src
cd $tmp/src || exit 1
mk()
{
	make --no-print-directory SANITIZE="$SANITIZE" "$@"
}
# What a program with the component says.
run()
{
	$CC $sanitize program.c -o program "$@" && ./program
}

ok 'it builds, with warnings as errors' mk -j2 WERROR=1
is 'and is up to date then' "$(mk WERROR=1 | grep -c ' CC ')" 0
is 'its kernel half is renamed' \
    "$(nm build/lib/librump-outside.a | awk '$3 ~ /getpid$/ { print $3 }' | sort |
    tr '\n' ' ')" 'rumpcomp_outside_getpid rumpns_getpid '
is 'make symbols' "$(mk -s symbols WERROR=1 | grep outside_init)" \
    'outside_init -> rumpns_outside_init'

is 'it comes up where it was built' "$(PKG_CONFIG_PATH=build/pkgconfig:$PKG_CONFIG_PATH
    export PKG_CONFIG_PATH
    run $(pkg-config --cflags --libs rump-outside) -Wl,-rpath,$stage/lib)" up

ok 'it installs' mk install WERROR=1 PREFIX=$tmp/prefix
PKG_CONFIG_PATH=$tmp/prefix/lib/pkgconfig:$PKG_CONFIG_PATH
is 'its module has its version' "$(pkg-config --modversion rump-outside)" 3.2.1
rpath=-Wl,-rpath,$tmp/prefix/lib,-rpath,$stage/lib
is 'it comes up, shared' \
    "$(run $(pkg-config --cflags --libs rump-outside) $rpath)" up
if [ -n "$SANITIZE" ]; then
	skip 1 'no static programs with sanitizers'
else
	is 'it comes up, static' \
	    "$(run -static $(pkg-config --static --cflags --libs rump-outside))" up
fi

ok 'it is loaded into a running kernel' sh -c "$CC $sanitize loader.c -o loader \
    $(pkg-config --cflags --libs rump | tr '\n' ' ') $rpath &&
    ./loader $tmp/prefix/lib/librump-outside.so | grep -x up"

# variant name line: the same component by another name, with a line more.
variant()
{
	mkdir $tmp/$1
	for f in Makefile outside*.[ch]; do
		sed "s/outside/$1/g" $f >$tmp/$1/$(echo $f | sed "s/outside/$1/")
	done
	sed -i "s/^NAME.*/&\n$2/" $tmp/$1/Makefile
	mk -s -C $tmp/$1 install PREFIX=$tmp/prefix
}
ok 'a component that needs one from outside builds' variant needy 'NEEDS := outside'
is 'its need comes with it' "$(run $(pkg-config --cflags --libs rump-needy) \
    -lrump-outside $rpath)" up
fails 'a need that is not linked is named at rump_init' 'needy needs outside' \
    run -L$stage/lib -I$stage/include -I$tmp/prefix/include -Drump_outside_pid=getpid \
    -Wl,-u,rump_component_needy $tmp/prefix/lib/librump-needy.a \
    $(pkg-config --libs rump) $rpath
ok 'a component that conflicts with another builds' variant rival 'CONFLICTS := outside'
is 'its module says so' \
    "$(grep ^Conflicts $tmp/prefix/lib/pkgconfig/rump-rival.pc)" \
    'Conflicts: rump-outside'
fails 'a conflict is named at rump_init' 'rival conflicts with outside' \
    run $(pkg-config --cflags --libs rump-rival) \
    $(pkg-config --libs rump-outside) $rpath

mk -s clean
fails 'NORENAME is refused: it claims to run on every platform' \
    'outside: NORENAME without PLATFORM' mk NORENAME_outside=getpid
fails 'another platform is refused' 'outside is for xen' mk PLATFORM=xen
ok 'tied to this platform, it may' \
    mk PLATFORM=posix NORENAME_outside='outside_i|getp'
fails 'a name that matches nothing is refused' 'lost matches no symbol' \
    mk PLATFORM=posix NORENAME_outside='outside_i|lost'
fails 'a need that pkg-config does not know is named' \
    'outside needs rump-ghost, which pkg-config does not find' mk NEEDS=ghost

done_testing
