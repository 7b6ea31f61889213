#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# Many more damaged images.

FUZZ_SEEDS=${FUZZ_SEEDS:-600}
export FUZZ_SEEDS
. "$RUMP_SRC/tests/ext2fs/t_fuzz.sh"
