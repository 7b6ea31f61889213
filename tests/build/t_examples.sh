#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# The programs that a user copies compile, without a warning, by the very line
# that stands in their comment, against what is installed; and so does the
# README's.

. "$RUMP_SRC/tests/lib/tap.sh"
export PKG_CONFIG_PATH=$RUMP_O/stage/lib/pkgconfig

# cc is the compiler at hand, and wants to be strict.
mkdir $tmp/bin
printf '#!/bin/sh\nexec %s %s -Wall -Werror "$@"\n' "${CC:-gcc}" \
    "${SANITIZE:+-fsanitize=$SANITIZE}" >$tmp/bin/cc
chmod +x $tmp/bin/cc
PATH=$tmp/bin:$PATH

# compiles claim folder file: in folder, by file's line "cc ... pkg-config ...".
compiles()
{
	line=$(sed -n 's/^[ *	]*\(cc .*pkg-config.*\)/\1/p' "$2/$3" | head -1)
	modules=$(expr "$line" : '.*--libs \([^)]*\))')
	if [ -n "$modules" ] && ! pkg-config --exists $modules; then
		skip 1 "$1: this tree has no $modules"
		return
	fi
	ok "$1 compiles: ${line:-it does not say how}" \
	    sh -c "cd '$2' && ${line:-false}"
}

cp -R $RUMP_O/stage/share/examples/rump $tmp/examples
cd $tmp/examples || exit 1
for f in */*.c; do
	compiles $f $tmp/examples/${f%/*} ${f##*/}
done

# The README's program, and the line after it.
mkdir $tmp/readme
sed -n '/^## A program/,/^    cc /s/^    //p' "$RUMP_SRC/README.md" >$tmp/readme/all
grep -v '^cc ' $tmp/readme/all >$tmp/readme/program.c
compiles "the README's program" $tmp/readme all

done_testing
