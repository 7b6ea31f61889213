/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Kernel half of t_shmif.
 */
#include "k_ether.h"
