/* SPDX-License-Identifier: BSD-2-Clause */
/* What the kernel half of t_workqueue offers. */
#ifndef K_WORKQUEUE_H
#define K_WORKQUEUE_H

#include <stdbool.h>

int rumptest_workqueue_init(void);
int rumptest_workqueue_order(int count);
int rumptest_workqueue_parallel(unsigned nthreads);
int rumptest_workqueue_again(int count);
int rumptest_workqueue_storm_init(void);
int rumptest_workqueue_storm(int count);
int rumptest_workqueue_storm_fini(void);
int rumptest_workqueue_late_start(void);
int rumptest_workqueue_late_end(bool drain);
void rumptest_workqueue_timer(void);
int rumptest_workqueue_softint_init(void);
int rumptest_workqueue_softint(int rounds);
int rumptest_workqueue_softint_fini(void);

#endif
