/* SPDX-License-Identifier: BSD-2-Clause */
/* The test family, as both halves of t_socket see it. */
#ifndef K_SOCKET_H
#define K_SOCKET_H

#include <stdint.h>

#define RUMPTEST_AF	45
#define RUMPTEST_SILENT	999		/* a port that never answers */

/* Options of level RUMPTEST_AF. */
#define RUMPTEST_SETERROR 1		/* an error happens to the socket */
#define RUMPTEST_ERRQUEUE 2		/* a record goes to its error queue */

struct rumptest_sockaddr {
	uint16_t rs_family;
	uint16_t rs_port;
};

int rumptest_socket_init(void);
/* Sockets that have a control block. */
int rumptest_socket_opened(void);
unsigned rumptest_socket_size(void);

#endif
