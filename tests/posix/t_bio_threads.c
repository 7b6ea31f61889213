/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Block I/O on the thread pool.
 *
 * Link: rumpuser
 */
#define _GNU_SOURCE
#define BACKEND "threads"
#include "bio_cases.h"
