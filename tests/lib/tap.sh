# SPDX-License-Identifier: BSD-2-Clause
#
# TAP for shell tests; included with `. "$RUMP_SRC/tests/lib/tap.sh"'.
#
#	ok claim command...	the command succeeds; its output is shown if not
#	fails claim regex command...	it fails, and says something like regex
#	is claim got want	two strings are equal
#	skip n why		n cases cannot run here
#	done_testing		the plan; leaves with 1 if any case failed
#
# $tmp is a folder that disappears with the test.

tap_n=0
tap_failed=0
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM

tap_result()
{
	tap_n=$((tap_n + 1))
	if [ "$1" = 0 ]; then
		echo "ok $tap_n - $2"
		return 0
	fi
	tap_failed=1
	echo "not ok $tap_n - $2"
	return 1
}

ok()
{
	tap_claim=$1
	shift
	"$@" >"$tmp/.out" 2>&1
	tap_result $? "$tap_claim" || sed 's/^/# /' "$tmp/.out"
}

fails()
{
	tap_claim=$1 tap_regex=$2
	shift 2
	! "$@" >"$tmp/.out" 2>&1 && grep -Eq -e "$tap_regex" "$tmp/.out"
	tap_result $? "$tap_claim" || sed 's/^/# /' "$tmp/.out"
}

is()
{
	[ "$2" = "$3" ]
	tap_result $? "$1" || printf '# got:    %s\n# wanted: %s\n' "$2" "$3"
}

skip()
{
	tap_i=0
	while [ $((tap_i += 1)) -le "$1" ]; do
		tap_n=$((tap_n + 1))
		echo "ok $tap_n # SKIP $2"
	done
}

done_testing()
{
	echo "1..$tap_n"
	exit $tap_failed
}
