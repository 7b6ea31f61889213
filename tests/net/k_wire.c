/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Kernel half of t_wire.
 */
#include "k_ether.h"
