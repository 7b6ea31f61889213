#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# docs/parameters.md names every tunable and statistic of a booted kernel, and
# none that is not there.

. "$RUMP_SRC/tests/lib/tap.sh"
doc=$RUMP_SRC/docs/parameters.md

cat >$tmp/walk.c <<'EOF'
#include <stdio.h>
#include <rump/rump.h>
static char names[1000][64], values[1000][64];
static int n;
static int
note(void *arg, const char *name, const char *value, const char *descr)
{
	(void)arg;
	snprintf(names[n], sizeof(names[0]), "%s", name);
	snprintf(values[n], sizeof(values[0]), "%s", value);
	return ++n == 1000 || descr[0] == 0;
}
int
main(void)
{
	if (rump_init() != 0 || rump_pub_sysctl_walk("", note, NULL) != 0)
		return 1;
	for (int i = 0; i < n; i++)
		printf("%s %s\n", names[i],
		    rump_pub_sysctl_set(names[i], values[i]) == 0 ?
		    "rw" : "ro");
	return 0;
}
EOF
${CC:-cc} ${SANITIZE:+-fsanitize=$SANITIZE} $tmp/walk.c -o $tmp/walk \
    $(pkg-config --cflags --libs rump-tmpfs rump-ext2fs rump-netinet)
ok 'a booted kernel shows its names' sh -c "$tmp/walk >$tmp/there"
sort $tmp/there >$tmp/names
sed -n 's/^| `\([a-z_]*\.[a-z0-9_.]*\)` | \(r[ow]\) .*/\1 \2/p' "$doc" |
    sort >$tmp/documented
is 'each is documented, and nothing else' \
    "$(diff $tmp/names $tmp/documented)" ''

# Parameters of the environment: what the sources ask for.
is 'so is each parameter' "$(cd "$RUMP_SRC" &&
    grep -rhoE '"RUMP_[A-Z_]+"' platforms sdk/lib |
    grep -oE 'RUMP_[A-Z_]+' | sort -u | while read -r p; do
	grep -q "^| .$p. |" docs/parameters.md || echo $p; done)" ''
done_testing
