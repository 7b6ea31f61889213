#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# The web server and its client, of examples/httpd, on a bus: files arrive as they
# are; and what shmif_dumpbus shows of it is what tshark takes for TCP
# without a fault.

. "$RUMP_SRC/tests/lib/tap.sh"

build()
{
	"${CC:-gcc}" ${SANITIZE:+-fsanitize=$SANITIZE} -Wall -Werror \
	    "$RUMP_SRC/examples/httpd/$1.c" \
	    $(pkg-config --cflags --libs rump-netinet rump-shmif) -o "$tmp/$1"
}

ok "the server compiles" build httpd
ok "the client compiles" build httpget

mkdir "$tmp/www"
echo "It works." >"$tmp/www/index.html"
: >"$tmp/www/empty"
head -c 5000000 /dev/urandom >"$tmp/www/large"
"$tmp/httpd" "$tmp/bus" 10.0.0.1 "$tmp/www" >"$tmp/url" 2>&1 &
server=$!
trap 'kill $server 2>/dev/null; rm -rf "$tmp"' EXIT
n=0
until [ -s "$tmp/url" ] || [ $n = 200 ]; do
	sleep 0.1
	n=$((n + 1))
done
is "the server says where it is" "$(cat "$tmp/url")" \
    "http://10.0.0.1/ on $tmp/bus"

# Each client has an address of its own: it is another machine.
fetch()
{
	timeout 60 "$tmp/httpget" "$tmp/bus" "$1" 10.0.0.1 "$2" >"$3"
}
same()
{
	fetch "$1" "$2" "$tmp/got" && cmp "$tmp/got" "$tmp/www/${2:-index.html}"
}
ok "the index arrives" same 10.0.0.2 ""
ok "an empty file arrives" same 10.0.0.3 empty
ok "a large file arrives" same 10.0.0.4 large
fails "a file that is not there is not found" "status 404" \
    fetch 10.0.0.5 nothing "$tmp/got"
fails "nothing outside of the folder is" "status 404" \
    fetch 10.0.0.6 ../bus "$tmp/got"
kill $server
wait $server 2>/dev/null

# ---- The bus, afterwards -------------------------------------------------------

dump=$RUMP_O/bin/shmif_dumpbus
ok "the bus tells who was on it" sh -c "'$dump' -h '$tmp/bus' | grep -q '^member 0: .*gone'"
ok "its last frames are there" "$dump" -w "$tmp/all" "$tmp/bus"
ok "a count ends it" sh -c "'$dump' -c 3 -r '$tmp/bus' >'$tmp/three'"
ok "that is less" test "$(wc -c <"$tmp/three")" -lt "$(wc -c <"$tmp/all")"
fails "what is no bus is refused" "not a bus" "$dump" -w "$tmp/x" "$tmp/url"
fails "what is not there is" "No such file" "$dump" -w "$tmp/x" "$tmp/none"
if command -v tshark >/dev/null; then
	checked="-o tcp.check_checksum:TRUE -o ip.check_checksum:TRUE"
	is "tshark counts three frames" \
	    "$(tshark -r "$tmp/three" 2>/dev/null | wc -l)" 3
	ok "it finds TCP" sh -c "tshark -r '$tmp/all' -Y tcp 2>/dev/null | grep -q ."
	# A frame of which only the headers are left has no sum to check.
	is "and nothing malformed, and no bad checksum" "$(tshark -r "$tmp/all" $checked \
	    -Y '_ws.malformed || ip.checksum.status == 0 || (tcp.checksum.status == 0 && frame.cap_len == frame.len)' \
	    2>/dev/null)" ""
else
	skip 3 "there is no tshark"
fi

done_testing
