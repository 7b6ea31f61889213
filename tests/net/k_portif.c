/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Kernel half of t_portif.
 */
#include "k_ether.h"
