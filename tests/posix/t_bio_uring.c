/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Block I/O on io_uring.
 *
 * Link: rumpuser
 */
#define _GNU_SOURCE
#define BACKEND "uring"
#include "bio_cases.h"
