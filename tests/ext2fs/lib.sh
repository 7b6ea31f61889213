# SPDX-License-Identifier: BSD-2-Clause
#
# For the tests of ext2fs: sourced after tests/lib/tap.sh.
#
#	tool ...		ext2tool
#	image type size name [mke2fs options]	makes $tmp/name
#	clean name		e2fsck -fn finds nothing
#	mounted name cmd...	the host's kernel mounts it at $tmp/m for cmd
#
# SELinux, overlays and the like may refuse attributes: the trees that tests
# start from are made on a loop mounted ext4, if we may mount, else plainly.

PATH=$PATH:/usr/sbin:/sbin
export MKE2FS_DEVICE_SECTSIZE=512
# A sanitizer's report is told from a failure that is expected.
export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}exitcode=117"
export LSAN_OPTIONS=exitcode=117 UBSAN_OPTIONS=exitcode=117
export RUMP_MEMLIMIT=${RUMP_MEMLIMIT:-512m}

build_tool()
{
	set -- ${SANITIZE:+-fsanitize=$SANITIZE}
	# shellcheck disable=SC2046
	${CC:-cc} -O1 -g "$@" -o "$tmp/ext2tool" \
		"$RUMP_SRC/tests/ext2fs/ext2tool.c" \
		$(pkg-config --cflags --libs rump-ext2fs) -lpthread || {
		echo "1..0 # SKIP ext2tool does not build"
		exit 1
	}
}
build_tool

tool()
{
	timeout -k 5 "${TOOL_TIMEOUT:-100}" "$tmp/ext2tool" "$@"
}

image()
{
	image_type=$1 image_size=$2 image_name=$3
	shift 3
	truncate -s "$image_size" "$tmp/$image_name" &&
		mke2fs -q -F -t "$image_type" -E nodiscard "$@" "$tmp/$image_name"
}

clean()
{
	e2fsck -fn "$tmp/$1" </dev/null
}

# host_mount options image: on $tmp/m. Two tests that ask for a free loop device
# at once may get the same: one of them is refused, and asks again.
host_mount()
{
	for host_mount_try in 1 2 3 4; do
		mount -o "loop$1" "$2" "$tmp/m" 2>/dev/null && return 0
		sleep 0.5
	done
	mount -o "loop$1" "$2" "$tmp/m"
}

# A test that is ended half-way leaves no mount behind.
trap 'umount "$tmp/m" 2>/dev/null; rm -rf "$tmp"' EXIT

# May we mount images on the host?
can_mount=
if [ "$(id -u)" = 0 ] && mkdir -p "$tmp/m" && image ext4 4m probe &&
    host_mount ,ro "$tmp/probe" 2>/dev/null; then
	umount "$tmp/m" && can_mount=yes
fi

mounted()
{
	host_mount "${mount_opts:+,$mount_opts}" "$tmp/$1" || return 1
	shift
	"$@"
	mounted_rc=$?
	umount "$tmp/m" || return 1
	return $mounted_rc
}

# Two listings are the same.
same()
{
	cmp -s "$1" "$2" || { diff "$1" "$2" | cut -c 1-300 | head -20; return 1; }
}
