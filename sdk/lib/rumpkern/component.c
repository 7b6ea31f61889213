/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The component registry.
 *
 * Constructors of the libraries register before main(), and before anything
 * else of the kernel runs: registering only links. Boot then initialises each
 * component after its needs, and says by name what is missing or excluded.
 */
#include <kern/assert.h>
#include <kern/component.h>
#include <kern/string.h>
#include <kern/sync.h>

#include "rumpkern.h"

enum { RC_NEW, RC_VISITING, RC_READY, RC_FAILED };

static struct lock_class component_lc = LOCK_CLASS("components", 0);
static struct kmutex component_lock;	/* after boot; before, one thread */
static struct rump_component *components;	/* in order of registration */
static bool booted;

static struct rump_component *
component_find(const char *name)
{
	struct rump_component *rc;

	for (rc = components; rc != NULL; rc = rc->rc_next) {
		if (strcmp(rc->rc_name, name) == 0)
			return rc;
	}
	return NULL;
}

static int
conflicts_check(const struct rump_component *rc)
{
	int error = 0;

	for (const char *const *c = rc->rc_conflicts; *c != NULL; c++) {
		if (component_find(*c) == NULL)
			continue;
		klog(LOG_ERR, "component %s conflicts with %s: "
		    "link only one of them", rc->rc_name, *c);
		error = EEXIST;
	}
	return error;
}

/* Depth first: needs before what needs them. */
static int
component_start(struct rump_component *rc)
{
	struct rump_component *need;
	int error = 0, e;

	if (rc->rc_state == RC_READY)
		return 0;
	if (rc->rc_state == RC_FAILED)
		return ENXIO;
	if (rc->rc_state == RC_VISITING) {
		klog(LOG_ERR, "component %s needs itself", rc->rc_name);
		return ELOOP;
	}
	rc->rc_state = RC_VISITING;
	for (const char *const *n = rc->rc_needs; *n != NULL; n++) {
		need = component_find(*n);
		if (need == NULL) {
			klog(LOG_ERR, "component %s needs %s, "
			    "which is not linked", rc->rc_name, *n);
			error = ENOENT;
			continue;
		}
		e = component_start(need);
		if (e != 0) {
			klog(LOG_ERR, "component %s needs %s, which failed",
			    rc->rc_name, *n);
			error = e;
		}
	}
	if (error == 0)
		error = conflicts_check(rc);
	if (error == 0) {
		error = rc->rc_init();
		if (error != 0)
			klog(LOG_ERR, "component %s: init failed, error %d",
			    rc->rc_name, error);
		else
			klog(LOG_INFO, "component %s (%s)", rc->rc_name,
			    rc->rc_faction);
	}
	rc->rc_state = error == 0 ? RC_READY : RC_FAILED;
	return error;
}

void
rump_component_register(struct rump_component *rc)
{
	struct rump_component **tail;

	if (booted)
		mutex_enter(&component_lock);
	for (tail = &components; *tail != NULL; tail = &(*tail)->rc_next) {
		if (*tail == rc || strcmp((*tail)->rc_name, rc->rc_name) == 0)
			goto out;	/* linked twice: once is enough */
	}
	rc->rc_next = NULL;
	rc->rc_state = RC_NEW;
	*tail = rc;
	if (booted)
		(void)component_start(rc);
out:
	if (booted)
		mutex_exit(&component_lock);
}

int
component_init_all(void)
{
	struct rump_component *rc;
	int error = 0, e;

	mutex_init(&component_lock, &component_lc);
	for (rc = components; rc != NULL; rc = rc->rc_next) {
		e = component_start(rc);
		if (e != 0 && error == 0)
			error = e;
	}
	booted = error == 0;
	return error;
}

bool
component_ready(const char *name)
{
	struct rump_component *rc;

	rc = component_find(name);
	return rc != NULL && rc->rc_state == RC_READY;
}
