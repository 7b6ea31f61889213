/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What every C test starts from: cmocka and the headers it wants before it.
 */
#ifndef TEST_H
#define TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* A call that returns an errno value as functions of the kernel do. */
#define ok_errno(call)	assert_int_equal((call), 0)

#endif
