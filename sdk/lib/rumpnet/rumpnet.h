/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Between the files of the faction net.
 */
#ifndef RUMPNET_H
#define RUMPNET_H

int netisr_init(void);
int vnet_init(void);
int socket_init(void);
int sock_zc_init(void);

#endif
