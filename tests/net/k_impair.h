/* SPDX-License-Identifier: BSD-2-Clause */
/* What t_impair asks its kernel half. */
#ifndef K_IMPAIR_H
#define K_IMPAIR_H

#define IMPAIR_BYTES 200	/* of a packet: its number, then fives */

/* Send packets numbered from 0 through lo. 0, or the failing line. */
int rumptest_impair_send(int n);
/* Those that came since: their numbers, -1 where damaged. How many. */
int rumptest_impair_got(int *numbers, int max);

#endif
