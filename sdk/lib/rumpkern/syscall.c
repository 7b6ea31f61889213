/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * System calls by number, for remote clients and hijacked programs.
 *
 * The tables are filled when a library is initialised and do not change
 * afterwards: lookups take no lock.
 */
#include <kern/syscall.h>

#include <rump/rumpuser.h>

#include "sysproto.h"

#define OWN_FIRST 4096			/* calls that Linux has not */

static const struct sysent *_Atomic linux_calls[512];
static const struct sysent *_Atomic own_calls[64];

static const struct sysent *_Atomic *
slot_of(unsigned long number)
{
	if (number < nitems(linux_calls))
		return &linux_calls[number];
	if (number - OWN_FIRST < nitems(own_calls))
		return &own_calls[number - OWN_FIRST];
	return NULL;
}

void
syscall_register(struct syscall_group *sg)
{
	const struct sysent *_Atomic *slot;

	for (unsigned i = 0; i < sg->sg_count; i++) {
		slot = slot_of(sg->sg_entries[i].se_number);
		KASSERT(slot != NULL && atomic_load(slot) == NULL);
		atomic_store_explicit(slot, &sg->sg_entries[i],
		    memory_order_release);
	}
}

const struct sysent *
syscall_lookup(long number)
{
	const struct sysent *_Atomic *slot = slot_of((unsigned long)number);

	return slot == NULL ? NULL :
	    atomic_load_explicit(slot, memory_order_acquire);
}

int
syscall_dispatch(long number, const long *args, long *rv)
{
	const struct sysent *se = syscall_lookup(number);

	if (se == NULL)
		return ENOSYS;
	*rv = 0;
	cred_refresh();
	return se->se_enter(args, rv);
}

__attribute__((cold)) int
syscall_error(int error)
{
	rumpuser_seterrno(error);
	return -1;
}
