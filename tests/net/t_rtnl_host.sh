#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# The host's ip(8) asks and configures a rump kernel (nlshim.c) and a network namespace
# of the host's kernel. Both must say the same.
. "$RUMP_SRC/tests/lib/tap.sh"

name="ip shows the same of both kernels:"
set -f

if ! command -v ip >/dev/null || ! unshare -n true 2>/dev/null; then
	skip 1 "needs ip and the right to make a network namespace"
	done_testing
fi
case $SANITIZE in
?*)	skip 1 "a sanitizer's runtime cannot be preloaded behind the program"
	done_testing ;;
esac

export PKG_CONFIG_PATH
# shellcheck disable=SC2046
$CC -shared -fPIC -o "$tmp/shim.so" "$RUMP_SRC/tests/net/nlshim.c" \
	$(pkg-config --cflags --libs rump-net) -ldl || exit 1

# What depends on the kernel's age, and what is of IPv6, does not count.
normal()
{
	sed -e '/inet6/,/valid_lft/d' -e '/ table local proto kernel metric 0 pref/d' \
	    -e 's/ addrgenmode [a-z0-9]*//' -e 's/^Command failed .*/Command failed/' \
	    -e 's/ users [0-9]*//' -e 's/ ref [0-9]* used [0-9/]*probes [0-9]*//' \
	    -e 's/ *$//' -e '/^local ::1/d'
}

# both claim: the batch on standard input
both()
{
	cat >"$tmp/batch"
	# A rule parts the host's tables local and main.
	printf '%s\n' 'link set lo up' 'rule add pref 9 lookup main' \
	    'rule del pref 9' | cat - "$tmp/batch" >"$tmp/hostbatch"
	timeout 60 unshare -n ip -d -force -batch "$tmp/hostbatch" 2>&1 |
	    normal | sed 's/hostbatch:[0-9]*/batch/' >"$tmp/host"
	LD_PRELOAD=$tmp/shim.so LD_LIBRARY_PATH=$RUMP_O/lib timeout 60 \
	    ip -d -force -batch "$tmp/batch" 2>&1 |
	    normal | sed 's/batch:[0-9]*/batch/' >"$tmp/rump"
	ok "$name $1" diff -u "$tmp/host" "$tmp/rump"
}

both "lo" <<!
link show
addr show
link show dev lo
!
both "routes and rules at first" <<!
route show
route show table all
route show table local
rule show
!
both "changed settings" <<!
link set lo mtu 1400
link set lo txqueuelen 77
link show lo
link set lo down
link show lo
route show table all
link set lo up
addr show lo
!
both "addresses" <<!
addr add 10.1.2.3/24 dev lo
addr add 10.1.2.4/24 dev lo
addr add 10.1.2.3/24 dev lo
addr add 192.168.7.1 peer 192.168.7.2 dev lo
addr add 10.9.0.1/16 broadcast 10.9.255.255 label lo:x dev lo
addr add 172.16.0.1/30 dev lo metric 55
addr show
route show table all
addr del 10.1.2.3/24 dev lo
addr del 10.1.2.9/24 dev lo
addr show dev lo
addr flush dev lo label lo:x
addr show
route show table all
!
both "routes" <<!
addr add 10.1.0.1/16 dev lo
route add 20.0.0.0/8 dev lo
route add 20.0.0.0/8 dev lo
route add 20.1.0.0/16 dev lo metric 10 mtu 1200 advmss 500
route append 20.1.0.0/16 dev lo metric 20 src 10.1.0.1
route add blackhole 30.0.0.0/8
route add unreachable 31.0.0.0/8 metric 7
route add prohibit 32.0.0.0/8
route add throw 33.0.0.0/8 table 77
route add 40.0.0.0/8 dev lo table 1000 proto static
route add 50.0.0.1 dev lo tos 0x10
route add default dev lo scope link
route show
route show table 77
route show table 1000
route show table main
route show table local
route change 20.0.0.0/8 dev lo src 10.1.0.1
route replace 20.1.0.0/16 dev lo metric 10
route replace 21.0.0.0/8 dev lo
route show
route show proto static table all
route show 20.0.0.0/8
route show root 20.0.0.0/8
route del 20.0.0.0/8
route del 20.0.0.0/8
route del 20.1.0.0/16 metric 20
route del blackhole 30.0.0.0/8
route show
!
both "ways" <<!
addr add 10.1.0.1/16 dev lo
route add 20.0.0.0/8 dev lo src 10.1.0.1
route get 127.0.0.1
route get 127.3.4.5
route get 10.1.0.1
route get 20.1.2.3
route get 20.1.2.3 from 10.1.0.1
route get 99.1.1.1
route get 20.1.2.3 oif lo
route get 20.1.2.3 mark 5
route get fibmatch 20.1.2.3
route get fibmatch 127.0.0.1
!
both "errors" <<!
link set nosuch up
link show nosuch
link set dev lo mtu 1400 name lo
link add x type nosuchkind
link del lo
addr add 1.2.3.4/24 dev nosuch
route add 1.0.0.0/8 via 9.9.9.9
route add 1.0.0.0/8 dev lo table 0 tos 0
route del 7.7.7.0/24
route change 7.7.7.0/24 dev lo
addr del 7.7.7.7 dev lo
route get 7.7.7.7
!

done_testing
