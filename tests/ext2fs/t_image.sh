#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# What a mount does to its image file: nothing, where it is read-only; and
# nothing outside of its part, where it has a part.

. "$RUMP_SRC/tests/lib/tap.sh"
. "$RUMP_SRC/tests/ext2fs/lib.sh"

mkdir -p $tmp/tree/a/b
cp "$RUMP_SRC/README.md" $tmp/tree/a/b
ln -s a/b $tmp/tree/link

# untouched claim name command...: succeeds, and the file is as before.
untouched()
{
	before=$(sha256sum <$tmp/$2; stat -c '%Y %y %s %b' $tmp/$2)
	claim=$1 name=$2
	shift 2
	ok "$claim" "$@"
	is "$claim, and leaves the file as it was" \
	    "$(sha256sum <$tmp/$name; stat -c '%Y %y %s %b' $tmp/$name)" "$before"
}

image ext4 16m img -d $tmp/tree
untouched 'a read-only mount reads everything' img tool -r $tmp/img walk
chmod 444 $tmp/img
untouched 'of a file that is read-only too' img tool -r $tmp/img walk
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
	chmod 711 $tmp
	untouched 'of one that we may not write' img setpriv --reuid 65534 \
	    --regid 65534 --clear-groups env LD_LIBRARY_PATH=$RUMP_O/lib \
	    $tmp/ext2tool -r $tmp/img walk
	fails 'which cannot be mounted to write' 'mount: Permission denied' \
	    setpriv --reuid 65534 --regid 65534 --clear-groups \
	    $tmp/ext2tool $tmp/img walk
else
	skip 3 'not root'
fi
chmod 644 $tmp/img

# A journal with something to replay: one that debugfs has written.
cp $tmp/img $tmp/dirty
echo 'new contents' >$tmp/block
truncate -s 4096 $tmp/block
printf 'jo\njw -b 700 %s\njc\n' $tmp/block | debugfs -w -f - $tmp/dirty >/dev/null 2>&1
if dumpe2fs -h $tmp/dirty 2>/dev/null | grep -q needs_recovery; then
	untouched 'a dirty journal is not replayed into the file' dirty \
	    tool -r $tmp/dirty walk
else
	skip 2 'debugfs writes no journal'
fi

# Another process has it.
(flock -x 9; exec sleep 20) 9<>$tmp/img &
holder=$!
while flock -n $tmp/img true; do sleep 0.05; done
fails 'a second writer gets EBUSY' 'mount: Device or resource busy' \
    tool $tmp/img walk
ok 'a reader does not mind' tool -r $tmp/img walk
kill $holder
wait $holder 2>/dev/null

# A partition: 1 MiB in, something behind it.
truncate -s 20m $tmp/disk
yes edge | dd of=$tmp/disk bs=1M count=20 iflag=fullblock status=none
dd if=$tmp/img of=$tmp/disk bs=1M seek=1 conv=notrunc status=none
around()
{
	dd if=$tmp/disk bs=1M count=1 status=none | sha256sum
	dd if=$tmp/disk bs=1M skip=17 status=none | sha256sum
}
before=$(around)
ok 'a part of a file is mounted and written' \
    tool -o 1m -s 16m $tmp/disk write /new 0 3m 5 + mkdir /d + many /d 300 \
    + verify /new 0 3m 5
is 'nothing around it has changed' "$(around)" "$before"
dd if=$tmp/disk of=$tmp/part bs=1M skip=1 count=16 status=none
ok 'the part is clean to e2fsck' clean part
ok 'and has what was written' tool -r $tmp/part verify /new 0 3m 5
fails 'a part that is too small for its file system is refused' 'mount' \
    tool -o 1m -s 8m $tmp/disk walk
done_testing
