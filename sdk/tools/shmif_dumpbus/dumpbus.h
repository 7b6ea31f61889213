/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Between the files of shmif_dumpbus.
 */
#ifndef DUMPBUS_H
#define DUMPBUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "shmif_bus.h"

/* A frame, copied from the bus. */
struct frame {
	uint64_t f_time;		/* ns since 1970 */
	uint32_t f_len;			/* of the frame */
	uint32_t f_caplen;		/* of f_data: the rest is gone */
	uint8_t f_data[SHMIF_FRAME_MAX];
};

/* bus.c */

/* A bus, looked at without being a member: nobody waits for us. */
struct bus;

/* Exits with a message where there is none. */
struct bus *bus_open(const char *path);
/* Members and rings, for people. */
void bus_describe(struct bus *b, FILE *out);
/* The oldest frame not yet seen; false: there is none now. */
bool bus_next(struct bus *b, struct frame *f);
/* Frames that were overwritten before they were seen. */
uint64_t bus_lost(const struct bus *b);

/* pcapng.c */
void pcapng_begin(FILE *out, const char *name);
void pcapng_frame(FILE *out, const struct frame *f);

#endif
