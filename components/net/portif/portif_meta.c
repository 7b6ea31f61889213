/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is known of a frame, as applications see it: the header of virtio's
 * network device (Virtual I/O Device 1.2, 5.1.6).
 */
#include <kern/string.h>

#include "portif.h"

static const uint8_t gso_types[] = {
	[MGSO_NONE] = RUMP_PORTIF_GSO_NONE,
	[MGSO_TCP4] = RUMP_PORTIF_GSO_TCPV4,
	[MGSO_TCP6] = RUMP_PORTIF_GSO_TCPV6,
	[MGSO_UDP] = RUMP_PORTIF_GSO_UDP,
};

void
portif_meta_get(const struct mbuf *m, struct rump_portif_meta *pm)
{
	const struct mpkthdr *ph = &m->m_ph;

	memset(pm, 0, sizeof(*pm));
	if (ph->ph_csum == MCSUM_PARTIAL) {
		pm->pm_flags = RUMP_PORTIF_NEEDS_CSUM;
		pm->pm_csum_start = (uint16_t)(ph->ph_csum_start -
		    m_leading(m));
		pm->pm_csum_offset = ph->ph_csum_off;
	} else if (ph->ph_csum == MCSUM_VALID) {
		pm->pm_flags = RUMP_PORTIF_DATA_VALID;
	}
	pm->pm_gso_type = gso_types[ph->ph_gso];
	if (ph->ph_gso != MGSO_NONE)
		pm->pm_gso_size = ph->ph_gso_size;
}

/*
 * What a packet stands for is taken from the frame by the protocols; here is
 * seen that the numbers stay inside of it.
 */
int
portif_meta_set(struct mbuf *m, const struct rump_portif_meta *pm)
{
	struct mpkthdr *ph = &m->m_ph;
	uint32_t start = pm->pm_csum_start, len = ph->ph_len;
	uint8_t gso = MGSO_NONE;

	while (gso < nitems(gso_types) && gso_types[gso] != pm->pm_gso_type)
		gso++;
	if (gso == nitems(gso_types))
		return EINVAL;
	if ((pm->pm_flags & RUMP_PORTIF_NEEDS_CSUM) != 0) {
		if (start == 0 || start + pm->pm_csum_offset + 2 > len ||
		    start + pm->pm_csum_offset + 2 > m->m_len)
			return EINVAL;
		ph->ph_csum = MCSUM_PARTIAL;
		ph->ph_csum_start = (uint16_t)(m_leading(m) + start);
		ph->ph_csum_off = pm->pm_csum_offset;
	} else if ((pm->pm_flags & RUMP_PORTIF_DATA_VALID) != 0) {
		ph->ph_csum = MCSUM_VALID;
	}
	if (gso == MGSO_NONE)
		return 0;
	if (pm->pm_gso_size == 0 || ph->ph_csum != MCSUM_PARTIAL)
		return EINVAL;
	ph->ph_gso = gso;
	ph->ph_gso_size = pm->pm_gso_size;
	ph->ph_gso_segs = (uint16_t)MAX(1u, howmany(len - MIN(len, start),
	    pm->pm_gso_size));
	return 0;
}
