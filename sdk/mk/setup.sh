#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# setup.sh [what]: install the packages that building, and what, need.  Says
# what it installs; does nothing when all are there.

what=${1:-build}
list=$(dirname "$0")/packages.txt
# check-long and bench run what check built.
case $what in
check-long)	what="check check-long" ;;
bench)		what="check bench" ;;
esac

command -v dpkg-query >/dev/null || {
	echo "setup: no dpkg here; the packages of $list are needed"
	exit 0
}
missing=$({
	dpkg-query -W -f '${db:Status-Status} ${Package}\n'
	sed 's/#.*//' "$list" | awk 'NF { print "want", $0 }'
} | awk -v what="build $what" '
$1 == "installed" { have[$2] = 1 }
$1 == "want" && !($2 in have) {
	for (i = 3; i <= NF; i++)
		if (index(" " what " ", " " $i " ")) {
			print $2
			break
		}
}')
[ -n "$missing" ] || exit 0

echo "setup: installing" $missing
sudo=
if [ "$(id -u)" != 0 ]; then
	sudo=sudo
	command -v sudo >/dev/null || {
		echo "setup: neither root nor sudo; install them, or say SETUP=no" >&2
		exit 1
	}
fi
apt_get()
{
	$sudo env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 "$@" >/dev/null
}
apt_get install --no-install-recommends $missing 2>/dev/null ||
    { apt_get update && apt_get install --no-install-recommends $missing; }
