/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The log and panic: lines on the platform's console.
 */
#include <kern/assert.h>
#include <kern/string.h>
#include <rump/rumpuser.h>

#include "rumpkern.h"

#define LINE_MAX 512

int log_verbose;

static void
log_line(const char *prefix, const char *fmt, va_list ap)
{
	char line[LINE_MAX];
	size_t n;

	n = strlcpy(line, prefix, sizeof(line));
	vsnprintf(line + n, sizeof(line) - n - 1, fmt, ap);
	n = strlen(line);
	line[n++] = '\n';
	rumpuser_console_write(line, n);
}

void
klog(int level, const char *fmt, ...)
{
	va_list ap;

	if (level > LOG_WARNING + log_verbose)
		return;
	va_start(ap, fmt);
	log_line("", fmt, ap);
	va_end(ap);
}

void
panic(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_line("panic: ", fmt, ap);
	va_end(ap);
	rumpuser_exit(RUMPUSER_PANIC);
}
