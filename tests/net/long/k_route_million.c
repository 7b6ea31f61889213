/* SPDX-License-Identifier: BSD-2-Clause */
/* Kernel half of t_route_million: t_route's. */
#include "../k_route.c"
