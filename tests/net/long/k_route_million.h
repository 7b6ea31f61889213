/* SPDX-License-Identifier: BSD-2-Clause */
#include "../k_route.h"
