/* SPDX-License-Identifier: BSD-2-Clause */
/* What t_if asks its kernel half; each returns 0, or the failing line. */
#ifndef K_IF_H
#define K_IF_H

int rumptest_lo_is_up(void);
int rumptest_lo_carries(void);
int rumptest_vnets(int n);
int rumptest_detach(void);
/** Interfaces come and go while others send, receive, list. */
int rumptest_if_racers(int threads, int rounds);

#endif
