/* SPDX-License-Identifier: BSD-2-Clause */
/** @file component.h
 * What a component is at run time. The build generates one from each
 * component.mk, with a constructor that registers it.
 */
#ifndef KERN_COMPONENT_H
#define KERN_COMPONENT_H

struct rump_component {
	const char *rc_name;
	const char *rc_faction;			/**< kern dev vfs net */
	const char *const *rc_needs;		/**< NULL-terminated names */
	const char *const *rc_conflicts;	/**< NULL-terminated names */
	int (*rc_init)(void);			/**< 0 or errno */
	struct rump_component *rc_next;
	int rc_state;
};

/**
 * Before rump_init(): remember. After it (a library that was loaded later):
 * initialise at once, and say on the console what is missing.
 */
void rump_component_register(struct rump_component *rc);

#endif
