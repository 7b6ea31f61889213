/* SPDX-License-Identifier: BSD-2-Clause */
/* Kernel half of t_fuzz_ip. */
#include "k_inet_impl.h"
