#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# Longer runs of the same random operations on us and on the host.

TWIN_OPS=${TWIN_OPS:-40000}
export TWIN_OPS
. "$RUMP_SRC/tests/ext2fs/t_twin.sh"
