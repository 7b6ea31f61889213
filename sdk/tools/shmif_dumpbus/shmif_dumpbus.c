/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shmif_dumpbus: what goes over a bus, as pcapng. See shmif_dumpbus.1.
 */
#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "dumpbus.h"

/* How long a live capture sleeps when there is nothing. */
#define IDLE_NS		1000000

static volatile sig_atomic_t stop;

static void
on_signal(int sig)
{
	(void)sig;
	stop = 1;
}

static void
usage(void)
{
	fprintf(stderr, "usage: shmif_dumpbus [-fh] [-c count] [-w file] "
	    "[-r] bus\n");
	exit(2);
}

static unsigned long
number(const char *s)
{
	char *end;
	unsigned long v;

	errno = 0;
	v = strtoul(s, &end, 10);
	if (errno != 0 || end == s || *end != '\0' || v == 0)
		errx(2, "%s: not a number of frames", s);
	return v;
}

/* Until the end, count frames (0: all), or a signal. */
static void
dump(struct bus *b, FILE *out, bool follow, unsigned long count)
{
	const struct timespec idle = { .tv_nsec = IDLE_NS };
	struct frame *f = malloc(sizeof(*f));
	unsigned long n = 0;

	if (f == NULL)
		err(1, NULL);
	while (!stop && !ferror(out) && (count == 0 || n < count)) {
		if (bus_next(b, f)) {
			pcapng_frame(out, f);
			n++;
		} else if (!follow || fflush(out) != 0) {
			break;
		} else {
			nanosleep(&idle, NULL);
		}
	}
	free(f);
}

int
main(int argc, char *argv[])
{
	const char *path = NULL, *to = "-", *name;
	bool follow = false, describe = false;
	unsigned long count = 0;
	struct bus *b;
	FILE *out = stdout;
	int c;

	while ((c = getopt(argc, argv, "c:fhp:r:w:")) != -1) {
		switch (c) {
		case 'c':
			count = number(optarg);
			break;
		case 'f':
			follow = true;
			break;
		case 'h':
			describe = true;
			break;
		case 'r':
			path = optarg;
			break;
		case 'p':
		case 'w':
			to = optarg;
			break;
		default:
			usage();
		}
	}
	if (path == NULL && optind < argc)
		path = argv[optind++];
	if (path == NULL || optind != argc)
		usage();
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	signal(SIGPIPE, SIG_IGN);
	b = bus_open(path);
	if (describe) {
		bus_describe(b, stdout);
		return fflush(stdout) != 0;
	}
	if (strcmp(to, "-") == 0) {
		if (isatty(STDOUT_FILENO))
			errx(1, "frames on a terminal: -w file, or a pipe");
	} else if ((out = fopen(to, "we")) == NULL) {
		err(1, "%s", to);
	}
	name = strrchr(path, '/');
	pcapng_begin(out, name != NULL ? name + 1 : path);
	dump(b, out, follow, count);
	if (fclose(out) != 0 && errno != EPIPE)
		err(1, "%s", to);
	if (bus_lost(b) != 0)
		warnx("frames were overwritten before they were seen, %llu "
		    "times", (unsigned long long)bus_lost(b));
	return 0;
}
