#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# The engine, on a tree of its own that builds in a second.

. "$RUMP_SRC/tests/lib/tap.sh"
. "$RUMP_SRC/tests/build/fixtures/tree.sh"

lib=$tree/build/lib
toy=$tree/components/fs/toy

ok 'a parallel build with warnings as errors works' mk -j4 WERROR=1
is 'a second make has nothing to do' "$(steps WERROR=1)" ''

# What is in the libraries.
is 'a static library has one member' "$(ar t $lib/librump-toy.a)" toy.lib.o
is 'what a shared library shows begins with rump' \
    "$(nm -D --defined-only $lib/librump*.so | awk 'NF == 3 && $3 !~ /^rump/')" ''
is 'or is what it says it exports' \
    "$(nm -D --defined-only $lib/libtoylib.so | awk '{ print $3 }')" toylib_open
is 'a kernel function is renamed' \
    "$(nm -g $lib/librump.a | awk '$3 ~ /open/ { print $3 }')" rumpns_open
is 'so is a call to it' \
    "$(nm -u $lib/librumpvfs.a | awk '$2 ~ /open/ { print $2 }')" rumpns_open
is 'a host half is not' \
    "$(nm -u $lib/librump-toy.a | awk '$2 ~ /getpid/ { print $2 }')" getpid
is 'the soname has the major version' \
    "$(readelf -d $lib/librump-toy.so | sed -n 's/.*soname: \[\(.*\)\]/\1/p')" \
    "librump-toy.so.$(cut -d. -f1 <$tree/VERSION)"
is 'make symbols tells a renamed symbol' \
    "$(mk -s symbols COMPONENT=toy WERROR=1 | grep toy_init)" \
    'toy_init -> rumpns_toy_init'
is 'and a kept one' \
    "$(mk -s symbols COMPONENT=toy WERROR=1 | grep 'rump_toy ')" 'rump_toy is kept'
fails 'make symbols names the components there are' 'tied toy' mk symbols WERROR=1

# Incremental builds.
touch $toy/toy.h
is 'a changed header rebuilds what includes it' \
    "$(steps WERROR=1 | tr ',' '\n' | grep CC)" 'CC components/fs/toy/toy.c'
touch $toy/toy_user.h
is 'of a host half too' "$(steps WERROR=1 | tr ',' '\n' | grep -c CC)" 2
sed -i 's/ extra.c//' $toy/component.mk
mk -s WERROR=1
is 'a source removed from component.mk leaves the library' \
    "$(nm $lib/librump-toy.a | grep -c toy_extra)" 0
echo 8 >$tree/sdk/lib/rumpkern/table
touch $tree/sdk/lib/rumpkern/table
is 'a changed input runs its generator, and its headers users are rebuilt' \
    "$(steps WERROR=1 | tr ',' '\n' | grep -E 'CC|GEN' | cut -d' ' -f1 | tr '\n' ' ')" \
    'CC GEN '
is 'other flags rebuild everything' "$(steps | tr ',' '\n' | grep -c CC)" 12
is 'and only once' "$(steps)" ''
ok 'V=1 shows commands' sh -c 'make -C '$tree' O=v V=1 libraries SETUP=no | grep -q -e -ffreestanding'
is 'make -s shows nothing' "$(mk -s O=quiet 2>&1)" ''

# Compilers, sanitizers, options.
program=$RUMP_SRC/tests/build/fixtures/program.c
run()
{
	PKG_CONFIG_PATH=$tree/$1/pkgconfig
	export PKG_CONFIG_PATH
	shift
	"$@" $program -o $tmp/program \
	    $(pkg-config --cflags --libs rump-toy rump-tied) && $tmp/program
}
if command -v clang >/dev/null; then
	ok 'clang builds it as well' mk CC=clang O=clang WERROR=1
	is 'and it comes up' "$(run clang clang)" 3
else
	skip 2 'no clang'
fi
mk -s SANITIZE=address,undefined O=asan
is 'with sanitizers it comes up' "$(run asan gcc -fsanitize=address,undefined)" 3
is 'and has its memory from the host' \
    "$(PKG_CONFIG_PATH=$tree/asan/pkgconfig pkg-config --variable=kdefs rump)" \
    '-D_KERNEL -DKMEM_HOST'

# Reproducible.
SOURCE_DATE_EPOCH=0 mk -s O=$tmp/one
cp -R $tree $tmp/copy
SOURCE_DATE_EPOCH=0 make -s -C $tmp/copy SETUP=no O=$tmp/copy/two
is 'with SOURCE_DATE_EPOCH the place of a build does not matter' \
    "$(cd $tmp/one/lib && sha256sum * )" "$(cd $tmp/copy/two/lib && sha256sum *)"

# NORENAME.
is 'NORENAME keeps a name' \
    "$(nm -g $lib/librump-tied.a | awk '/getppid|sync$/ { print $NF }' | tr '\n' ' ')" \
    'getppid sync '
is 'and anchors at the start, and the end if asked' \
    "$(nm -g $lib/librump-tied.a | awk '/sync_all/ { print $NF }')" rumpns_sync_all
is 'and is told in the module' "$(PKG_CONFIG_PATH=$tree/build/pkgconfig \
    pkg-config --variable=norename rump-tied)" 'getpp|sync$'
mk -s NORENAME_tied='tied_i|(sync|x)_all$$'
is 'the command line adds to it' \
    "$(nm -g $lib/librump-tied.a | awk '/tied_init|sync_all/ { print $NF }' | tr '\n' ' ')" \
    'sync_all tied_init '
fails 'a name that matches nothing is an error, by name' \
    '^NORENAME: sink matches no symbol' mk NORENAME_tied='sink'
fails 'a component of every platform cannot have it' \
    'toy: NORENAME without PLATFORM' mk NORENAME_toy='toy_init'
fails 'a platform that is not there' 'no folder platforms/moon' mk PLATFORM=moon
ok 'a component of another platform is left alone' \
    sh -c "sed -i s/posix/xen/ $tree/components/dev/tied/component.mk &&
    make -s -C $tree SETUP=no O=xen && test ! -e $tree/xen/lib/librump-tied.a"

# What the engine refuses: refuse claim regex line-of-C [file].
refuse()
{
	cp $toy/${4-toy.c} $tmp/kept.c
	printf '%s\n' "$3" >>$toy/${4-toy.c}
	fails "$1" "$2" mk
	cp $tmp/kept.c $toy/${4-toy.c}
}
refuse 'a libc header' 'stdio.h: No such file' '#include <stdio.h>'
refuse "a rump header in a component" \
    'components/fs/toy/toy.c: includes sdk/include/rump/rump.h' \
    '#include <rump/rump.h>'
echo >$tree/components/dev/tied/tied.h
refuse "another component's header" \
    'toy.c: includes .*tied.h' '#include "../../dev/tied/tied.h"'
refuse 'a symbol that nobody has' 'rump-toy: undefined symbol rumpns_nobody' \
    'int nobody(void); int toy_x(void); int toy_x(void) { return nobody(); }'
refuse "a host half that calls into the kernel's namespace" \
    'toy_user.user.o:.*rumpns_vfs_lookup: a host half' \
    'int rumpns_vfs_lookup(const char *); int f(void); int f(void) { return rumpns_vfs_lookup(""); }' \
    toy_user.c
sed -i '/^FACTION/d' $toy/component.mk
fails 'a symbol of something that is not declared as needed' \
    'rump-toy: undefined symbol rumpns_vfs_lookup' mk
sed -i 's/^NAME.*/&\nNEEDS := ghost/' $toy/component.mk
fails 'a need that is not there' 'librump-ghost.so' mk

done_testing
