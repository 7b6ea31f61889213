/* SPDX-License-Identifier: BSD-2-Clause */
/* What t_arp asks its kernel half; each returns 0, or the failing line. */
#ifndef K_ARP_H
#define K_ARP_H

int rumptest_arp_setup(void);
int rumptest_arp_resolves(void);
int rumptest_arp_gives_up(void);
int rumptest_arp_queue(void);
int rumptest_arp_unreachable(void);
int rumptest_arp_confirm(void);
int rumptest_arp_answers(void);
int rumptest_arp_learns(void);
int rumptest_arp_overrides(void);
int rumptest_arp_defends(void);
int rumptest_arp_flood(void);
int rumptest_arp_static(void);
int rumptest_arp_hwaddr(void);
int rumptest_arp_malformed(void);

#endif
