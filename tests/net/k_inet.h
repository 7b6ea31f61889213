/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What tests of netinet have below the system calls: vnets, and interfaces
 * without a link layer whose packets the test supplies and looks at, or that are
 * two ends of a wire. In the kernel's half (k_*.c) it defines the functions,
 * which host code calls.
 */
#ifndef K_INET_H
#define K_INET_H

/* The calling process moves to a vnet of its own; an errno value. */
int rumptest_vnet_enter(void);
/* An interface "t<id>" in the calling process's vnet, up; addr: host order. */
int rumptest_if(unsigned id, unsigned addr, unsigned plen, unsigned mtu);
/* What one sends the other receives. */
void rumptest_wire(unsigned id, unsigned other);
/* Receive n bytes there, as pieces of at most piece bytes (0: as one). */
void rumptest_inject(unsigned id, const void *buf, unsigned n,
    unsigned piece);
/* The next packet that was sent and not wired; its length, or -1. */
int rumptest_capture(unsigned id, void *buf, unsigned size);
/* A route; gw 0: on the link. Host order. */
int rumptest_route(unsigned dst, unsigned plen, unsigned gw, unsigned id);
int rumptest_mtu(unsigned id, unsigned mtu);

#endif
