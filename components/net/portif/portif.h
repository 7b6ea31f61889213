/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Between portif's files.
 */
#ifndef PORTIF_H
#define PORTIF_H

#include <kern/ifnet.h>
#include <rump/net/portif.h>

/** What the packet's fields say. */
void portif_meta_get(const struct mbuf *m, struct rump_portif_meta *pm);
/** Set a received packet's fields. @return EINVAL: they cannot be */
int portif_meta_set(struct mbuf *m, const struct rump_portif_meta *pm);

#endif
