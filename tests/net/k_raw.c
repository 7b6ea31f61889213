/* SPDX-License-Identifier: BSD-2-Clause */
/* Kernel half of t_raw. */
#include "k_inet_impl.h"
