/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ext2tool: random operations, on us alone or on both sides at once, which
 * must agree; and threads that disturb each other.
 */
#ifndef TOOL_RANDOM_H
#define TOOL_RANDOM_H

#include "tool_side.h"

static uint64_t rng_state;

static uint32_t
rnd(uint32_t n)
{
	rng_state = rng_state * 6364136223846793005ull + 1442695040888963407ull;
	return n == 0 ? 0 : (uint32_t)(rng_state >> 33) % n;
}

/* Two sides do the same: this is what they did. */
struct result {
	long r_ret;
	int r_errno;
	uint64_t r_hash;
};

static unsigned opcount;
static bool op_special, op_xattr, op_times;

static char *
rnd_name(char *buf, size_t size)
{
	static const char *const dirs[] = { "", "/a", "/b", "/a/c", "/a/c/d",
	    "/b/e" };
	unsigned len, i;
	int n;

	n = snprintf(buf, size, "%s/%c", dirs[rnd(6)], 'a' + (int)rnd(20));
	if (rnd(8) == 0) {
		len = 1 + rnd(250);
		for (i = 0; i < len && (size_t)n + 1 < size; i++)
			buf[n++] = "xyz"[i % 3];
		buf[n] = 0;
	}
	return buf;
}

static void
op_file(const struct side *s, unsigned op, const char *p, uint64_t a,
    uint64_t b, uint32_t seed, struct result *r)
{
	static unsigned char buf[1 << 17];
	int fd = s->open(at(s, p), O_RDWR | (op == 0 ? O_CREAT : 0), 0640);

	r->r_ret = fd < 0 ? -1 : 0;
	r->r_errno = fd < 0 ? errno : 0;
	if (fd < 0)
		return;
	errno = 0;
	switch (op) {
	case 0: case 1:
		b %= sizeof(buf);
		pattern(buf, b, a, seed);
		r->r_ret = s->pwrite(fd, buf, b, (off_t)a);
		break;
	case 2:
		b %= sizeof(buf);
		r->r_ret = s->pread(fd, buf, b, (off_t)a);
		if (r->r_ret > 0)
			r->r_hash = hash_bytes(7, buf, (size_t)r->r_ret);
		break;
	case 3:
		r->r_ret = s->ftruncate(fd, (off_t)a);
		break;
	case 4:
		r->r_ret = s->fallocate(fd, FALLOC_FL_KEEP_SIZE |
		    FALLOC_FL_PUNCH_HOLE, (off_t)a, (off_t)b + 1);
		break;
	case 5:
		r->r_ret = s->fallocate(fd, seed % 2 ? FALLOC_FL_KEEP_SIZE : 0,
		    (off_t)a, (off_t)b + 1);
		break;
	case 6:
		r->r_ret = s->fallocate(fd, FALLOC_FL_ZERO_RANGE |
		    (seed % 2 ? FALLOC_FL_KEEP_SIZE : 0), (off_t)a,
		    (off_t)b + 1);
		break;
	case 7:
		r->r_ret = s->fsync(fd);
		break;
	}
	r->r_errno = r->r_ret < 0 ? errno : 0;
	s->close(fd);
}

static void
op_do(const struct side *s, unsigned op, const char *p, const char *q,
    uint64_t a, uint64_t b, uint32_t seed, struct result *r)
{
	struct timespec ts[2] = { { (time_t)(a % 4000000000u), 5 },
	    { (time_t)(b % 10000000000ull), (long)(seed % 1000000000u) } };
	struct stat st;
	char buf[4200], name[32];

	memset(r, 0, sizeof(*r));
	errno = 0;
	if (op < 8) {
		op_file(s, op, p, a, b, seed, r);
		return;
	}
	switch (op) {
	case 8: r->r_ret = s->mkdir(at(s, p), 0755); break;
	case 9: r->r_ret = s->rmdir(at(s, p)); break;
	case 10: r->r_ret = s->unlink(at(s, p)); break;
	case 11: case 12:
		r->r_ret = s->renameat2(AT_FDCWD, at(s, p), AT_FDCWD,
		    at(s, q), op == 11 ? 0 : seed % 3);
		break;
	case 13: r->r_ret = s->link(at(s, p), at(s, q)); break;
	case 14:
		memset(buf, 'L', sizeof(buf));
		buf[1 + seed % (seed % 2 ? 80 : 1000)] = 0;
		r->r_ret = s->symlink(buf, at(s, p));
		break;
	case 15: r->r_ret = s->chmod(at(s, p), seed & 07777); break;
	case 16: r->r_ret = s->lchown(at(s, p), seed, seed ^ 77777); break;
	case 17:
		r->r_ret = s->utimensat(AT_FDCWD, at(s, p), ts,
		    AT_SYMLINK_NOFOLLOW);
		break;
	case 18:
		r->r_ret = s->lstat(at(s, p), &st);
		if (r->r_ret == 0)
			r->r_hash = hash_bytes(S_ISDIR(st.st_mode) ? 0 :
			    (uint64_t)st.st_size, &st.st_mode,
			    sizeof(st.st_mode)) + st.st_nlink;
		break;
	case 19:
		r->r_ret = s->mknod(at(s, p), seed % 2 ? S_IFIFO | 0600 :
		    S_IFCHR | 0600, seed % 2 ? 0 : makedev(seed % 4000,
		    a % 100000));
		break;
	case 20:
		memset(buf, (int)(seed % 256), sizeof(buf));
		snprintf(name, sizeof(name), "user.n%u", (unsigned)(a % 6));
		r->r_ret = s->lsetxattr(at(s, p), name, buf,
		    b % (seed % 3 ? 60 : 900), 0);
		break;
	case 21:
		snprintf(name, sizeof(name), "user.n%u", (unsigned)(a % 6));
		r->r_ret = s->lremovexattr(at(s, p), name);
		break;
	}
	if (r->r_ret < 0)
		r->r_errno = errno;
	if (r->r_ret > 0 && op >= 8)
		r->r_ret = 0;
}

/* Bases that a random tree grows from. */
static void
bases(const struct side *s)
{
	s->mkdir(at(s, "/a"), 0755);
	s->mkdir(at(s, "/b"), 0755);
	s->mkdir(at(s, "/a/c"), 0755);
	s->mkdir(at(s, "/a/c/d"), 0755);
	s->mkdir(at(s, "/b/e"), 0755);
}

static int
cmd_random(const struct side *twin, uint32_t seed, unsigned n)
{
	char p[600], q[600];
	struct result r1, r2;
	unsigned op, i;
	uint64_t a, b, big;
	uint32_t s;

	rng_state = seed;
	bases(&us);
	if (twin != NULL)
		bases(twin);
	for (i = 0; i < n; i++) {
		op = rnd(22);
		if (op < 8 && rnd(2) == 0)
			op = rnd(3);
		if ((op == 19 && !op_special) || (op >= 20 && !op_xattr))
			continue;
		if (op == 17 && !op_times)
			continue;
		rnd_name(p, sizeof(p));
		rnd_name(q, sizeof(q));
		big = rnd(20) == 0 ? 40u << 20 : rnd(3) == 0 ? 2u << 20 :
		    100000;
		a = rnd((uint32_t)big);
		b = rnd(rnd(4) == 0 ? 100000 : 9000);
		if (rnd(4) == 0)
			a &= ~4095ull;
		s = rnd(1u << 30);
		op_do(&us, op, p, q, a, b, s, &r1);
		opcount++;
		if (twin == NULL)
			continue;
		op_do(twin, op, p, q, a, b, s, &r2);
		if (memcmp(&r1, &r2, sizeof(r1)) != 0) {
			warnx("op %u of seed %u: %u %s %s %llu %llu: we %ld "
			    "errno %d hash %llx, host %ld errno %d hash %llx",
			    i, seed, op, p, q, (unsigned long long)a,
			    (unsigned long long)b, r1.r_ret, r1.r_errno,
			    (unsigned long long)r1.r_hash, r2.r_ret,
			    r2.r_errno, (unsigned long long)r2.r_hash);
			failures++;
			return -1;
		}
	}
	return 0;
}

/* ---- Threads ---------------------------------------------------------- */

static void *
thread_main(void *arg)
{
	unsigned id = (unsigned)(uintptr_t)arg, i, j;
	unsigned char buf[5000], back[5000];
	char path[64], other[64], own[1024];
	int fd;

	for (i = 0; i < 300; i++) {
		snprintf(path, sizeof(path), "/par/t%u-%u", id, i % 40);
		snprintf(own, sizeof(own), "%s%s", us.root, path);
		fd = us.open(own, O_RDWR | O_CREAT, 0644);
		if (fd < 0) {
			warn("thread: open %s", own);
			return (void *)1;
		}
		for (j = 0; j < 4; j++) {
			pattern(buf, sizeof(buf), j * sizeof(buf), id + i);
			if (us.pwrite(fd, buf, sizeof(buf),
			    (off_t)(j * sizeof(buf))) != sizeof(buf) ||
			    us.pread(fd, back, sizeof(back),
			    (off_t)(j * sizeof(buf))) != sizeof(buf) ||
			    memcmp(buf, back, sizeof(buf)) != 0) {
				warn("thread: data of %s", own);
				return (void *)1;
			}
		}
		if (i % 7 == 0)
			us.fsync(fd);
		us.close(fd);
		if (i % 5 == 0) {
			snprintf(other, sizeof(other), "%s/par/r%u", us.root,
			    id);
			us.renameat2(AT_FDCWD, own, AT_FDCWD, other, 0);
		} else if (i % 3 == 0) {
			us.unlink(own);
		}
	}
	return NULL;
}

static int
cmd_threads(unsigned n)
{
	pthread_t t[16];
	void *res;
	unsigned i;

	us.mkdir(at(&us, "/par"), 0755);
	for (i = 0; i < n && i < 16; i++)
		pthread_create(&t[i], NULL, thread_main, (void *)(uintptr_t)i);
	for (i = 0; i < n && i < 16; i++) {
		pthread_join(t[i], &res);
		if (res != NULL)
			failures++;
	}
	return 0;
}

#endif
