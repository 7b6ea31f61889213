#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# What the documents say about the tree is so: its files, its modules, its
# version, what an archive of it holds, and the variables of a module.

. "$RUMP_SRC/tests/lib/tap.sh"
cd "$RUMP_SRC" || exit 1

# Words with a known suffix or folder in code marks, and links.
for f in README.md CONTRIBUTING.md docs/*.md; do
	is "the files that $f names are there" "$({
		grep -oE '`[A-Za-z0-9_./-]+`' $f | tr -d '`' |
		    grep -E '\.(c|h|mk|sh|txt|tab|md|in)$|^(sdk|platforms|components|tests|docs|examples)/|^tests$'
		grep -oE '\]\([^)#:]+\)' $f | sed 's/^](//; s/)$//'
	} | sort -u | while read -r name; do
		case $name in
		*...*)	continue ;;
		build/*|/*) continue ;;
		esac
		[ -e "$name" ] || [ -e "docs/$name" ] ||
		    git ls-files 2>/dev/null | grep -qE "(^|/)${name##*/}\$" ||
		    find sdk platforms components tests examples \
		    -path "*$name" 2>/dev/null | grep -q . ||
		    case $name in component.mk|t_*|k_*) : ;; *) echo "$name" ;; esac
	done)" ''
done

is "the README's table has every module" \
    "$(sed -n 's/^| `\([a-z0-9-]*\)` |.*/\1/p' README.md | sort)" \
    "$(make -s modules SETUP=no O=$RUMP_O | sed -n 's/^| `\([a-z0-9-]*\)` |.*/\1/p' | sort)"
is "and what each needs" \
    "$(sed -n 's/^| `\(rump-[a-z0-9-]*\)` |.*| `\([a-z-]*\)` |$/\1 \2/p' README.md | sort)" \
    "$(for f in $RUMP_O/pkgconfig/rump-*.pc; do
	m=$(basename $f .pc)
	need=$(pkg-config --variable=needs $m)
	case $need in
	'') echo "$m rump$(pkg-config --variable=faction $m)" ;;
	*) echo "$m rump-${need##* }" ;;
	esac
    done | sort)"

# A module's variables.
for v in faction needs platform norename; do
	ok "a component's module has the variable $v" \
	    grep -q "^$v=" $RUMP_O/pkgconfig/rump-tmpfs.pc
done
is 'the core tells its platform' "$(pkg-config --variable=platform rump)" posix

# One version.
version=$(cat VERSION)
is 'modules have the version of VERSION' "$(for f in $RUMP_O/pkgconfig/*.pc; do
	pkg-config --modversion $(basename $f .pc)
    done | sort -u)" "$version"
cat >$tmp/version.c <<'EOF'
#include <stdio.h>
#include <rump/rump.h>
int
main(void)
{
	int v = rump_pub_getversion();

	printf("%d.%d.%d %d\n", v / 10000, v / 100 % 100, v % 100,
	    v == RUMP_VERSION);
	return 0;
}
EOF
${CC:-cc} ${SANITIZE:+-fsanitize=$SANITIZE} $tmp/version.c -o $tmp/version \
    $(pkg-config --cflags --libs rump)
is 'so have the library and its header' "$($tmp/version)" "$version 1"

# The archive has all that a build needs.
if [ -z "$SANITIZE" ] && git rev-parse --verify -q HEAD >/dev/null 2>&1; then
	ok 'make dist' make -s dist SETUP=no O=$tmp
	ok 'its archive unpacks' tar -C $tmp -xzf $tmp/rump-$version.tar.gz
	ok 'and builds' make -s -C $tmp/rump-$version SETUP=no libraries
	is 'into the same libraries' "$(ls $tmp/rump-$version/build/lib)" \
	    "$(ls $RUMP_O/lib)"
else
	skip 4 'no archive here'
fi
done_testing
