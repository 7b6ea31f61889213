/* SPDX-License-Identifier: BSD-2-Clause */
/* What t_if asks its kernel half; each returns 0, or the failing line. */
#ifndef K_IF_H
#define K_IF_H

int rumptest_lo_is_up(void);
int rumptest_lo_carries(void);
int rumptest_vnets(int n);

#endif
