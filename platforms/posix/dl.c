/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Dynamic loading.  The host's linker explains itself in text only; the
 * console gets it.
 */
#include <dlfcn.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "posix.h"

int
rumpuser_dl_load(const char *path, void **handlep)
{
	void *handle;

	if (strchr(path, '/') != NULL && access(path, R_OK) != 0)
		return errno;
	if ((handle = dlopen(path, RTLD_NOW | RTLD_GLOBAL)) == NULL) {
		ruser_warn("%s", dlerror());
		return ENOEXEC;
	}
	*handlep = handle;
	return 0;
}

int
rumpuser_dl_unload(void *handle)
{

	return dlclose(handle) == 0 ? 0 : EINVAL;
}

int
rumpuser_dl_symbol(void *handle, const char *name, void **symp)
{
	void *sym;

	dlerror();
	sym = dlsym(handle != NULL ? handle : RTLD_DEFAULT, name);
	if (sym == NULL)
		return ESRCH;
	*symp = sym;
	return 0;
}
